/* SPDX-License-Identifier: BSD-3-Clause */
/* The split virtqueue as it lies in memory. VIRTIO 1.3, 2.7 Split Virtqueues. */
#ifndef VIRTQ_SPEC_H
#define VIRTQ_SPEC_H

#include <rte_byteorder.h>

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#define VIRTQ_SIZE_MIN 2
#define VIRTQ_SIZE_MAX 32768

/* Minimum alignment of the three parts. VIRTIO 1.3, 2.7. */
#define VIRTQ_DESC_ALIGN 16
#define VIRTQ_AVAIL_ALIGN 2
#define VIRTQ_USED_ALIGN 4

/* Descriptor flags. VIRTIO 1.3, 2.7.5. */
#define VIRTQ_DESC_F_NEXT 1
#define VIRTQ_DESC_F_WRITE 2
#define VIRTQ_DESC_F_INDIRECT 4

/* Flags of the rings. VIRTIO 1.3, 2.7.6 and 2.7.8. */
#define VIRTQ_AVAIL_F_NO_INTERRUPT 1
#define VIRTQ_USED_F_NO_NOTIFY 1

/* Device-independent feature bits. VIRTIO 1.3, 6. */
#define VIRTIO_F_NOTIFY_ON_EMPTY 24
#define VIRTIO_F_ANY_LAYOUT 27
#define VIRTIO_F_INDIRECT_DESC 28
#define VIRTIO_F_EVENT_IDX 29
#define VIRTIO_F_VERSION_1 32
#define VIRTIO_F_ACCESS_PLATFORM 33
#define VIRTIO_F_RING_PACKED 34
#define VIRTIO_F_IN_ORDER 35
#define VIRTIO_F_ORDER_PLATFORM 36
#define VIRTIO_F_SR_IOV 37
#define VIRTIO_F_NOTIFICATION_DATA 38
#define VIRTIO_F_NOTIF_CONFIG_DATA 39
#define VIRTIO_F_RING_RESET 40

/* Device status bits. VIRTIO 1.3, 2.1. */
#define VIRTIO_STATUS_ACKNOWLEDGE 1
#define VIRTIO_STATUS_DRIVER 2
#define VIRTIO_STATUS_DRIVER_OK 4
#define VIRTIO_STATUS_FEATURES_OK 8
#define VIRTIO_STATUS_NEEDS_RESET 64
#define VIRTIO_STATUS_FAILED 128

struct virtq_desc {
	rte_le64_t addr;
	rte_le32_t len;
	rte_le16_t flags;
	rte_le16_t next;
};
static_assert(sizeof(struct virtq_desc) == 16, "descriptor");
static_assert(offsetof(struct virtq_desc, len) == 8, "descriptor length");
static_assert(offsetof(struct virtq_desc, flags) == 12, "descriptor flags");
static_assert(offsetof(struct virtq_desc, next) == 14, "descriptor next");

/* Half a descriptor: addr; or len, flags and next from the low end. */
typedef rte_le64_t virtq_desc_word __attribute__((aligned(8), may_alias));

struct virtq_avail {
	rte_le16_t flags;
	rte_le16_t idx;
	rte_le16_t ring[]; /* [size], then used_event */
};
static_assert(offsetof(struct virtq_avail, idx) == 2, "available index");
static_assert(offsetof(struct virtq_avail, ring) == 4, "available ring");

struct virtq_used_elem {
	rte_le32_t id;
	rte_le32_t len;
};
static_assert(sizeof(struct virtq_used_elem) == 8, "used element");

/* A used element as one word: id in the low half, len in the high half; entries lie on 4 bytes. */
typedef rte_le64_t virtq_used_word __attribute__((aligned(4), may_alias));

struct virtq_used {
	rte_le16_t flags;
	rte_le16_t idx;
	struct virtq_used_elem ring[]; /* [size], then avail_event */
};
static_assert(offsetof(struct virtq_used, idx) == 2, "used index");
static_assert(offsetof(struct virtq_used, ring) == 4, "used ring");

/* Bytes of each part, the trailing event word counted. VIRTIO 1.3, 2.7. */
static inline size_t
virtq_desc_bytes(uint32_t size)
{
	return (size_t)size * sizeof(struct virtq_desc);
}

static inline size_t
virtq_avail_bytes(uint32_t size)
{
	return 6 + (size_t)size * sizeof(rte_le16_t);
}

static inline size_t
virtq_used_bytes(uint32_t size)
{
	return 6 + (size_t)size * sizeof(struct virtq_used_elem);
}

#endif
