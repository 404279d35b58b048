/* SPDX-License-Identifier: BSD-3-Clause */
#include "ring/virtq.h"

#include <rte_common.h>

#include <errno.h>

#ifdef VIRTQ_UNCHECKED
#error "for an instance of a burst body in perf/ only"
#endif

int
virtq_size_check(uint32_t size)
{
	if (size < VIRTQ_SIZE_MIN || size > VIRTQ_SIZE_MAX || !rte_is_power_of_2(size))
		return -EINVAL;
	return 0;
}

void
virtq_layout(struct virtq_layout *layout, uint32_t size)
{
	layout->desc = 0;
	layout->avail = RTE_CACHE_LINE_ROUNDUP(virtq_desc_bytes(size));
	layout->used = layout->avail + RTE_CACHE_LINE_ROUNDUP(virtq_avail_bytes(size));
	layout->bytes = layout->used + RTE_CACHE_LINE_ROUNDUP(virtq_used_bytes(size));
}

static bool
misaligned(const void *part, uintptr_t align)
{
	return part == NULL || ((uintptr_t)part & (align - 1)) != 0;
}

int
virtq_init(struct virtq *vq, uint32_t size, void *desc, void *avail, void *used, uint32_t flags)
{
	if (virtq_size_check(size) != 0)
		return -EINVAL;
	if (misaligned(desc, VIRTQ_DESC_ALIGN) || misaligned(avail, VIRTQ_AVAIL_ALIGN) ||
		misaligned(used, VIRTQ_USED_ALIGN))
		return -EFAULT;
	vq->desc = desc;
	vq->avail = avail;
	vq->used = used;
	vq->size = (uint16_t)size;
	vq->mask = (uint16_t)(size - 1);
	vq->flags = flags;
	return 0;
}

uint32_t
virtq_flags(uint64_t features)
{
	uint32_t flags = 0;

	if (features & virtq_bit(VIRTIO_F_INDIRECT_DESC))
		flags |= VIRTQ_INDIRECT;
	if (features & virtq_bit(VIRTIO_F_EVENT_IDX))
		flags |= VIRTQ_EVENT_IDX;
	if (features & virtq_bit(VIRTIO_F_IN_ORDER))
		flags |= VIRTQ_IN_ORDER;
	return flags;
}
