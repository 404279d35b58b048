/* SPDX-License-Identifier: BSD-3-Clause */
/* One split virtqueue: where its parts are and what was negotiated. Shared by both roles. */
#ifndef VIRTQ_H
#define VIRTQ_H

#include "ring/virtq_fault.h"
#include "spec/virtq_spec.h"

#include <stdbool.h>
#include <stdint.h>

/* What changes the work on a ring; a subset of the negotiated features, and the dirty log. */
enum virtq_flag {
	VIRTQ_INDIRECT = 1 << 0,  /* VIRTIO_F_INDIRECT_DESC */
	VIRTQ_EVENT_IDX = 1 << 1, /* VIRTIO_F_EVENT_IDX */
	VIRTQ_IN_ORDER = 1 << 2,  /* VIRTIO_F_IN_ORDER */
	VIRTQ_LOG = 1 << 3,       /* device role: report each write to guest memory */
};

struct virtq {
	struct virtq_desc *desc;
	struct virtq_avail *avail;
	struct virtq_used *used;
	uint16_t size;  /* entries, power of 2, 2..32768 */
	uint16_t mask;  /* size - 1 */
	uint32_t flags; /* enum virtq_flag */
};

/*
 * Whether what the peer writes is checked: always. perf/ has an instance of the burst bodies of its
 * own without, to show what checks cost; an object made so carries virtq_unchecked[].
 */
#ifdef VIRTQ_UNCHECKED
#define VIRTQ_CHECKED false
static const char virtq_unchecked[] __attribute__((used)) = "virtq: made without checks";
#else
#define VIRTQ_CHECKED true
#endif

/* Offsets of the parts inside one block of memory, as our driver role allocates it. */
struct virtq_layout {
	size_t desc;
	size_t avail;
	size_t used;
	size_t bytes;
};

/**
 * Is this a legal queue size?
 *
 * @return 0, or -EINVAL: not a power of 2, or outside 2..32768. VIRTIO 1.3, 2.7.
 */
int virtq_size_check(uint32_t size);

/**
 * Lay the three parts out in one block, each on a cache line of its own and the device's part
 * apart from the driver's.
 *
 * @param size  Legal queue size.
 */
void virtq_layout(struct virtq_layout *layout, uint32_t size);

/**
 * Point a queue at its parts.
 *
 * @param desc, avail, used  Memory of the sizes in virtq_spec.h; owned by the caller, must live as
 *     long as the queue is used.
 * @param flags  enum virtq_flag.
 * @return 0; -EINVAL for an illegal size; -EFAULT for a part that is NULL or misaligned
 *     (16, 2, 4 bytes). The queue is then unchanged.
 */
int virtq_init(
	struct virtq *vq, uint32_t size, void *desc, void *avail, void *used, uint32_t flags);

/* VIRTIO_F_ bits that the ring knows -> enum virtq_flag. */
uint32_t virtq_flags(uint64_t features);

static inline uint64_t
virtq_bit(unsigned int bit)
{
	return UINT64_C(1) << bit;
}

/* The event words behind the rings. VIRTIO 1.3, 2.7.6 and 2.7.8. */
static inline rte_le16_t *
virtq_used_event(const struct virtq *vq)
{
	return &vq->avail->ring[vq->size];
}

static inline rte_le16_t *
virtq_avail_event(const struct virtq *vq)
{
	return (rte_le16_t *)(void *)&vq->used->ring[vq->size];
}

/*
 * All ordering between the two ends of a ring is in these four helpers.
 */

/* The peer's index. Pairs with virtq_index_publish() of the peer: entries up to it are visible. */
static inline uint16_t
virtq_index_peek(const rte_le16_t *idx)
{
	return rte_le_to_cpu_16(__atomic_load_n(idx, __ATOMIC_ACQUIRE));
}

/* Our index, after the entries before it (2.7.13.3). Pairs with virtq_index_peek() of the peer. */
static inline void
virtq_index_publish(rte_le16_t *idx, uint16_t value)
{
	__atomic_store_n(idx, rte_cpu_to_le_16(value), __ATOMIC_RELEASE);
}

/*
 * Between publishing our index and reading the peer's suppression word (2.7.13.4.1): a store has
 * to be seen before a load. Pairs with the peer's write of that word and its check of our index.
 */
static inline void
virtq_notify_fence(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* A suppression word is a hint without order (2.7.7). */
static inline uint16_t
virtq_hint_load(const rte_le16_t *word)
{
	return rte_le_to_cpu_16(__atomic_load_n(word, __ATOMIC_RELAXED));
}

static inline void
virtq_hint_store(rte_le16_t *word, uint16_t value)
{
	if (virtq_hint_load(word) != value)
		__atomic_store_n(word, rte_cpu_to_le_16(value), __ATOMIC_RELAXED);
}

#endif
