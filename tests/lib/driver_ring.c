/* SPDX-License-Identifier: BSD-3-Clause */
#include "driver_ring.h"

#include <string.h>

void
driver_ring_open(struct driver_ring *r, uint32_t size, uint32_t flags)
{
	memset(r, 0, sizeof(*r));
	r->desc = guard_alloc(virtq_desc_bytes(size), VIRTQ_DESC_ALIGN);
	r->avail = guard_alloc(virtq_avail_bytes(size), VIRTQ_AVAIL_ALIGN);
	r->used = guard_alloc(virtq_used_bytes(size), VIRTQ_USED_ALIGN);
	r->private = guard_alloc(virtq_driver_bytes(size), sizeof(void *));
	assert_int_equal(
		virtq_init(&r->vq, size, r->desc.mem, r->avail.mem, r->used.mem, flags), 0);
	driver_ring_reset(r);
}

void
driver_ring_reset(struct driver_ring *r)
{
	virtq_driver_init(&r->q, &r->vq, r->private.mem);
	fake_device_start(&r->dev, r->vq.size, r->desc.mem, r->avail.mem, r->used.mem);
	r->dev.indirect = r->vq.flags & VIRTQ_INDIRECT;
	r->dev.in_order = r->vq.flags & VIRTQ_IN_ORDER;
	r->dev.event_idx = r->vq.flags & VIRTQ_EVENT_IDX;
}

void
driver_ring_close(struct driver_ring *r)
{
	guard_free(&r->desc);
	guard_free(&r->avail);
	guard_free(&r->used);
	guard_free(&r->private);
}

int
driver_ring_add(struct driver_ring *r, uintptr_t n)
{
	struct virtq_buf buf = {0x100000 + 4096 * n, (uint32_t)(64 + n % 1024)};

	return virtq_driver_add(&r->q, &buf, 0, 1, cookie(n));
}

void
driver_ring_advance(struct driver_ring *r, uint16_t position)
{
	static struct fake_chain chain;
	uint32_t len;

	while (r->q.avail_next != position) {
		assert_int_equal(driver_ring_add(r, 0), 0);
		virtq_driver_publish(&r->q);
		assert_true(fake_device_take(&r->dev, &chain));
		fake_device_use(&r->dev, chain.head, 0);
		fake_device_show(&r->dev);
		assert_non_null(virtq_driver_get(&r->q, &len));
	}
}

void
driver_ring_start_at(struct driver_ring *r, uint16_t position)
{
	assert_true(r->q.sequence);
	r->q.avail_next = position;
	r->q.avail_idx = position;
	r->q.used_next = position;
	r->q.used_seen = position;
	r->vq.avail->idx = rte_cpu_to_le_16(position);
	r->vq.used->idx = rte_cpu_to_le_16(position);
	r->dev.avail_pos = position;
	r->dev.used_pos = position;
	r->dev.order_pos = position;
}
