/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Driver role of a split virtqueue: add, publish, get.
 *
 * Two ways of keeping the books, one ring:
 *
 * - In sequence (as long as every buffer is one descriptor and comes back in order): buffer k lies
 *   in descriptor k mod size, entry k of the available ring names it since virtq_driver_init(),
 *   so only the descriptor and the index are written. The order is verified, never assumed.
 * - From the free list (from the first chain of several descriptors, or the first used entry out of
 *   order, until the next virtq_driver_init()): a FIFO of free descriptors. In-order completion
 * keeps handing out descriptors in ring order, as VIRTIO_F_IN_ORDER demands of the driver.
 * VIRTIO 1.3, 2.7.9.
 *
 * All functions: one thread per queue, no system call, no allocation. The device is not trusted:
 * what it writes is checked, and a broken ring gets a fault and hands out nothing more.
 */
#ifndef VIRTQ_DRIVER_H
#define VIRTQ_DRIVER_H

#include "ring/virtq.h"
#include "ring/virtq_notify.h"

#include <rte_atomic.h>
#include <rte_branch_prediction.h>
#include <rte_common.h>

#include <errno.h>
#include <stddef.h>

#ifdef __AVX2__
#include <immintrin.h>
#endif

/* One descriptor to be: device address and length in bytes. */
struct virtq_buf {
	uint64_t addr;
	uint32_t len;
};

/* Books of one descriptor, private memory: the device cannot reach it. */
struct virtq_driver_desc {
	uint32_t writable; /* device-writable bytes of the chain that starts here */
	uint16_t chain;    /* descriptors of the chain that starts here, 0 = none outstanding */
	uint16_t next;     /* next descriptor of the chain */
};

struct virtq_driver {
	struct virtq vq;
	/* Positions are free-running. Written by the queue's thread only. */
	uint16_t avail_next; /* next available entry to fill */
	uint16_t avail_idx;  /* what the device was told last */
	uint16_t used_next;  /* next used entry to read */
	uint16_t used_seen;  /* device's index when it was last read */
	uint16_t nb_free;    /* free descriptors; in sequence: size - (avail_next - used_next) */
	bool sequence;       /* in sequence, see above */
	uint16_t unasked;    /* buffers shown without a look whether the device wants a kick */
	void **cookies;      /* [size] by head descriptor */
	struct virtq_driver_desc *descs; /* [size] */
	uint16_t *free_ids;              /* [size] FIFO of free descriptors; unused in sequence */
	uint16_t *heads;                 /* [size] head by available position; unused in sequence */
	uint16_t free_get;
	uint16_t free_put;
	uint16_t detach_next; /* where virtq_driver_detach() looks next; unused in sequence */
	uint16_t batch_left;  /* buffers that an in-order entry completed and that were not got */
	uint32_t batch_len;   /* used length of the last of them */
	struct virtq_fault_info fault;
};

/** Bytes of private memory that virtq_driver_init() wants for a queue of this size. */
size_t virtq_driver_bytes(uint32_t size);

/**
 * Start a ring from nothing: parts zeroed, all descriptors free, notifications wanted.
 *
 * @param vq       Initialised; the memory of its parts is written.
 * @param private  virtq_driver_bytes(vq->size) bytes, cache-line aligned, unreachable for the
 *     device; owned by the caller, must live as long as the queue.
 */
void virtq_driver_init(struct virtq_driver *q, const struct virtq *vq, void *private);

/**
 * Queue one buffer; it stays invisible until virtq_driver_publish().
 *
 * @param bufs    [nb_read + nb_write] device-readable ones first; copied. At least one in total.
 * @param cookie  Handed back by virtq_driver_get(), not NULL; never dereferenced, the caller keeps
 *     ownership.
 * @return 0; -ENOSPC when fewer descriptors are free; -EMSGSIZE when it never fits (more than
 *     the queue size, or 2^32 bytes and more); the ring is then unchanged.
 *
 * VIRTIO 1.3, 2.7.13 Supplying Buffers to The Device.
 */
int virtq_driver_add(struct virtq_driver *q, const struct virtq_buf *bufs, uint16_t nb_read,
	uint16_t nb_write, void *cookie);

/**
 * Queue one buffer whose parts stand in an indirect table. Takes one descriptor.
 *
 * @param table  nb_read + nb_write entries are filled here, readable ones first; must stay
 *     untouched until the buffer comes back.
 * @param table_addr  Device address of table.
 * @return as virtq_driver_add(); -ENOTSUP without VIRTIO_F_INDIRECT_DESC.
 *
 * VIRTIO 1.3, 2.7.5.3 Indirect Descriptors.
 */
int virtq_driver_add_indirect(struct virtq_driver *q, struct virtq_desc *table, uint64_t table_addr,
	const struct virtq_buf *bufs, uint16_t nb_read, uint16_t nb_write, void *cookie);

/**
 * Take back the next used buffer; needs no order.
 *
 * @param len  Out: bytes the device says it wrote, never more than the writable part holds.
 * @return The cookie; NULL when nothing is there, or when the ring is or becomes faulty.
 */
void *virtq_driver_get(struct virtq_driver *q, uint32_t *len);

/**
 * Take back a buffer that the device has not used, after the device was stopped.
 *
 * The device must not use the ring any more; virtq_driver_init() starts it again.
 *
 * @return A cookie, NULL when none is outstanding.
 */
void *virtq_driver_detach(struct virtq_driver *q);

/* Cold: latch the first fault. */
void virtq_driver_set_fault(
	struct virtq_driver *q, enum virtq_fault fault, uint16_t head, uint64_t value);

/* Cold: give up the sequence and keep books by the free list. */
void virtq_driver_leave_sequence(struct virtq_driver *q);

static inline bool
virtq_driver_broken(const struct virtq_driver *q)
{
	return q->fault.fault != VIRTQ_FAULT_NONE;
}

/** Head descriptor that the next buffer added will have. Meaningful while one is free. */
static inline uint16_t
virtq_driver_next_head(const struct virtq_driver *q)
{
	return q->sequence ? q->avail_next & q->vq.mask : q->free_ids[q->free_get];
}

/** Buffers that the device holds. */
static inline uint16_t
virtq_driver_outstanding(const struct virtq_driver *q)
{
	return (uint16_t)(q->avail_next - q->used_next);
}

/** Make all that was added visible to the device; virtq_driver_kick_due() has to follow. */
static inline void
virtq_driver_show(struct virtq_driver *q)
{
	q->unasked = (uint16_t)(q->unasked + q->avail_next - q->avail_idx);
	q->avail_idx = q->avail_next;
	virtq_index_publish(&q->vq.avail->idx, q->avail_next);
}

/**
 * Does the device want to be kicked for what was shown since it was asked last?
 *
 * The fence in here waits for all stores before it. Burst code with many of them under way may ask
 * at its next turn: until then a device that sleeps sleeps on.
 */
static inline bool
virtq_driver_kick_due(struct virtq_driver *q)
{
	uint16_t unasked = q->unasked;

	if (unasked == 0)
		return false;
	q->unasked = 0;
	return virtq_should_kick(&q->vq, q->avail_idx, (uint16_t)(q->avail_idx - unasked));
}

/**
 * Make all that was added visible to the device.
 *
 * @return true when the device wants to be kicked.
 */
static inline bool
virtq_driver_publish(struct virtq_driver *q)
{
	if (q->avail_idx == q->avail_next)
		return false;
	virtq_driver_show(q);
	return virtq_driver_kick_due(q);
}

/**
 * Used entries that wait, as far as they are known.
 *
 * The device's index is read only when fewer than want are known. An index that promises more
 * than was made available is a fault, and nothing waits then.
 */
static inline uint16_t
virtq_driver_used(struct virtq_driver *q, uint16_t want)
{
	uint16_t ready = (uint16_t)(q->used_seen - q->used_next);

	if (ready < want) {
		uint16_t seen = virtq_index_peek(&q->vq.used->idx);

		ready = (uint16_t)(seen - q->used_next);
		if (VIRTQ_CHECKED && unlikely(ready > (uint16_t)(q->avail_idx - q->used_next))) {
			virtq_driver_set_fault(q, VIRTQ_FAULT_USED_INDEX, 0, seen);
			return 0;
		}
		q->used_seen = seen;
	}
	return !VIRTQ_CHECKED || likely(!virtq_driver_broken(q)) ? ready : 0;
}

/** Read one used entry, once: id in the low half, len in the high half. */
static inline uint64_t
virtq_used_load(const struct virtq_used_elem *elem)
{
	return rte_le_to_cpu_64(*(const volatile virtq_used_word *)(const volatile void *)elem);
}

/*
 * In sequence, for burst code. The caller checks q->sequence first, and keeps the books of the
 * slots it fills: cookies[slot], and descs[slot].writable (once, if it is the same for all).
 */

/** Descriptors that may be filled now. */
static inline uint16_t
virtq_driver_seq_room(const struct virtq_driver *q)
{
	return (uint16_t)(q->vq.size - virtq_driver_outstanding(q));
}

/** The i-th descriptor from the next free one, and its slot for cookies[]. */
static inline uint16_t
virtq_driver_seq_slot(const struct virtq_driver *q, uint16_t i)
{
	return (uint16_t)(q->avail_next + i) & q->vq.mask;
}

/** Second half of a descriptor: len, flags, next 0. */
static inline virtq_desc_word
virtq_desc_rest(uint32_t len, uint16_t flags)
{
	return rte_cpu_to_le_64(len | (uint64_t)flags << 32);
}

/** Write one descriptor as a whole: two 8-byte stores. */
static inline void
virtq_desc_write(struct virtq_desc *d, uint64_t addr, uint32_t len, uint16_t flags)
{
	virtq_desc_word *words = (virtq_desc_word *)(void *)d;

	words[0] = rte_cpu_to_le_64(addr);
	words[1] = virtq_desc_rest(len, flags);
}

/** n descriptors from the next free one were filled. */
static inline void
virtq_driver_seq_added(struct virtq_driver *q, uint16_t n)
{
	q->avail_next = (uint16_t)(q->avail_next + n);
}

/** n buffers from used_next on were taken back. */
static inline void
virtq_driver_seq_got(struct virtq_driver *q, uint16_t n)
{
	q->used_next = (uint16_t)(q->used_next + n);
}

/**
 * The same under IN_ORDER, for buffers of which nothing is written, without a look at the entries:
 * the device's index alone says that they are used. What it covers besides counts as a batch whose
 * entry was read: entries behind the first of a batch are stale, and virtq_driver_get() must not
 * look at them.
 *
 * @param n  At most virtq_driver_used().
 */
static inline void
virtq_driver_seq_got_unread(struct virtq_driver *q, uint16_t n)
{
	virtq_driver_seq_got(q, n);
	q->batch_left = (uint16_t)(q->used_seen - q->used_next);
	q->batch_len = 0;
}

/* Cold half of virtq_driver_seq_check(): count entry by entry. */
uint16_t virtq_driver_seq_count(const struct virtq_driver *q, uint32_t *lens, uint16_t n);

#ifdef __AVX2__
#define VIRTQ_USED_BLOCK 8

/* As virtq_driver_seq_run(), for whole blocks. */
static __rte_always_inline uint32_t
virtq_driver_seq_blocks(
	const struct virtq_used_elem *elem, uint32_t pos, uint32_t *lens, unsigned int n)
{
	const __m256i step = _mm256_set1_epi32(VIRTQ_USED_BLOCK);
	/* In the order in which ids come out of the two halves of a block. */
	__m256i due = _mm256_add_epi32(
		_mm256_set1_epi32((int)pos), _mm256_setr_epi32(0, 1, 4, 5, 2, 3, 6, 7));
	__m256i wrong = _mm256_setzero_si256();

	for (unsigned int i = 0; i < n; i += VIRTQ_USED_BLOCK) {
		__m256 low = _mm256_loadu_ps((const float *)(const void *)&elem[i]);
		__m256 high = _mm256_loadu_ps((const float *)(const void *)&elem[i + 4]);
		__m256i ids, len;

		/* What was loaded is what counts: nothing is read from the ring again. */
		rte_compiler_barrier();
		ids = _mm256_castps_si256(_mm256_shuffle_ps(low, high, 0x88));
		len = _mm256_castps_si256(_mm256_shuffle_ps(low, high, 0xdd));
		_mm256_storeu_si256(
			(__m256i *)(void *)&lens[i], _mm256_permute4x64_epi64(len, 0xd8));
		wrong = _mm256_or_si256(wrong, _mm256_xor_si256(ids, due));
		due = _mm256_add_epi32(due, step);
	}
	return !_mm256_testz_si256(wrong, wrong);
}
#else
#define VIRTQ_USED_BLOCK 1
#define virtq_driver_seq_blocks(elem, pos, lens, n) 0
#endif

/* n entries from elem on, each read once: their lengths; 0 when they name pos, pos + 1, ... */
static __rte_always_inline uint32_t
virtq_driver_seq_run(
	const struct virtq_used_elem *elem, uint32_t pos, uint32_t *lens, unsigned int n)
{
	unsigned int i = VIRTQ_USED_BLOCK > 1 ? n & ~(VIRTQ_USED_BLOCK - 1u) : 0;
	uint32_t wrong = virtq_driver_seq_blocks(elem, pos, lens, i);

	for (; i < n; i++) {
		uint64_t word = virtq_used_load(&elem[i]);

		lens[i] = (uint32_t)(word >> 32);
		wrong |= (uint32_t)word ^ (pos + i);
	}
	return wrong;
}

/**
 * How many of the next n used entries name the buffers that are due, in order?
 *
 * Only while batch_left is 0: the entries of an in-order batch behind its first are stale.
 *
 * @param n  At most virtq_driver_used().
 * @param lens  [n] Out: their used lengths, each entry read once. Valid for those counted.
 * @return 0..n. Fewer than n: the entry after them is out of order; virtq_driver_get() deals
 *     with it.
 */
static __rte_always_inline uint16_t
virtq_driver_seq_check(const struct virtq_driver *q, uint32_t *lens, uint16_t n)
{
	uint16_t pos = q->used_next & q->vq.mask;
	uint16_t straight = RTE_MIN(n, (uint16_t)(q->vq.size - pos));
	const struct virtq_used_elem *ring = q->vq.used->ring;
	uint32_t wrong = virtq_driver_seq_run(&ring[pos], pos, lens, straight);

	if (unlikely(straight < n))
		wrong |= virtq_driver_seq_run(ring, 0, &lens[straight], n - straight);
	if (!VIRTQ_CHECKED || likely(wrong == 0))
		return n;
	return virtq_driver_seq_count(q, lens, n);
}

#endif
