/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Device role, bursts in sequence: chains of one direct descriptor each, whose heads follow one
 * another. What most drivers do most of the time; the checks are the same as one by one, as vector
 * loops.
 */
#ifndef VIRTQ_DEVICE_RUN_H
#define VIRTQ_DEVICE_RUN_H

#include "ring/virtq_device.h"

#include <rte_prefetch.h>

#define VIRTQ_BURST_MAX 32

typedef uint64_t virtq_heads_word __attribute__((aligned(2), may_alias));
typedef uint64_t virtq_desc_row __attribute__((vector_size(16), aligned(8), may_alias));

/* Does none of n entries differ from first, first + 1, ...? Each is read once, four together. */
static __rte_always_inline bool
virtq_heads_follow(const rte_le16_t *entries, uint16_t n, uint16_t first)
{
	/* With a carry first + n is beyond any ring, which is what the caller asks next. */
	uint64_t want = first * UINT64_C(0x0001000100010001) + UINT64_C(0x0003000200010000);
	uint64_t wrong = 0;
	uint16_t i;

	for (i = 0; i + 4 <= n; i += 4, want += UINT64_C(0x0004000400040004)) {
		const volatile void *four = &entries[i];

		wrong |= rte_le_to_cpu_64(*(const volatile virtq_heads_word *)four) ^ want;
	}
	for (; i < n; i++)
		wrong |= rte_le_to_cpu_16(*(const volatile rte_le16_t *)&entries[i]) ^
			 (uint16_t)(first + i);
	return wrong == 0;
}

/**
 * Do the next n chains have heads that follow one another, without a wrap of either ring?
 *
 * @param n  1..VIRTQ_BURST_MAX, at most virtq_device_avail().
 * @param first  Out: head of the first, the i-th is first + i; all below the queue size.
 */
static __rte_always_inline bool
virtq_device_heads_run(const struct virtq_device *q, uint16_t n, uint16_t *first)
{
	uint16_t pos = q->avail_next & q->vq.mask;
	uint16_t heads[VIRTQ_BURST_MAX];
	uint16_t wrong = 0;

	if (unlikely(pos + n > q->vq.size))
		return false;
	if (!__builtin_constant_p(n)) {
		/* Of a length that is not known the compiler makes a call for the copy. */
		*first = virtq_device_head_raw(q, 0);
		return !VIRTQ_CHECKED || (virtq_heads_follow(&q->vq.avail->ring[pos], n, *first) &&
						 *first + n <= q->vq.size);
	}
	memcpy(heads, &q->vq.avail->ring[pos], n * sizeof(heads[0]));
	/* The copy is what counts: nothing is read from the ring again. */
	rte_compiler_barrier();
	*first = rte_le_to_cpu_16(heads[0]);
	for (uint16_t i = 0; i < n; i++)
		wrong |= rte_le_to_cpu_16(heads[i]) ^ (uint16_t)(*first + i);
	return !VIRTQ_CHECKED || (wrong == 0 && *first + n <= q->vq.size);
}

/* A descriptor as two words: addr; and len, flags, next from the low end. */
struct virtq_desc_words {
	uint64_t addr;
	uint64_t rest;
};
static_assert(sizeof(struct virtq_desc_words) == sizeof(struct virtq_desc), "same bytes");

static inline uint32_t
virtq_desc_words_len(const struct virtq_desc_words *d)
{
	return (uint32_t)rte_le_to_cpu_64(d->rest);
}

/** Read n descriptors that follow one another, once. */
static __rte_always_inline void
virtq_device_descs(
	const struct virtq_device *q, uint16_t first, uint16_t n, struct virtq_desc_words *descs)
{
	if (__builtin_constant_p(n)) {
		memcpy(descs, &q->vq.desc[first], n * sizeof(descs[0]));
	} else {
		/* memcpy() becomes a string instruction, which takes longer than a short burst. */
		for (uint16_t i = 0; i < n; i++)
			*(virtq_desc_row *)(void *)&descs[i] =
				*(const volatile virtq_desc_row *)(const volatile void *)&q->vq
					 .desc[first + i];
	}
	rte_compiler_barrier();
}

/**
 * Are all of these whole chains in the region of the last hit?
 *
 * @param descs  [n] From virtq_device_descs().
 * @param flags  as virtq_device_one().
 * @param min_len  [n] Shortest length that is of use, at least 1.
 * @param max_len  Longest that is wanted.
 * @return false: look at them one by one.
 */
static __rte_always_inline bool
virtq_device_descs_straight(const struct virtq_device *q, const struct virtq_desc_words *descs,
	uint16_t n, uint16_t flags, const uint32_t *min_len, uint32_t max_len)
{
	const uint64_t mask =
		(uint64_t)(VIRTQ_DESC_F_NEXT | VIRTQ_DESC_F_WRITE | VIRTQ_DESC_F_INDIRECT) << 32;
	const uint64_t want = (uint64_t)flags << 32;
	const uint64_t guest = q->hit.guest;
	const uint64_t bytes = q->hit.bytes;
	uint64_t below =
		0; /* differences below zero have the top bit set, see VIRTQ_MEM_BYTES_MAX */
	uint64_t wrong = 0;

	for (uint16_t i = 0; i < n; i++) {
		uint64_t offset = rte_le_to_cpu_64(descs[i].addr) - guest;
		uint64_t rest = rte_le_to_cpu_64(descs[i].rest);
		uint64_t len = rest & UINT32_MAX;
		uint64_t left = bytes - offset;

		below |= offset | left | (left - len) | (len - min_len[i]) | (max_len - len);
		wrong |= (rest ^ want) & mask;
	}
	return !VIRTQ_CHECKED || ((below >> 63) == 0 && wrong == 0);
}

/**
 * Fetch what the next burst of n chains is read from, if it goes on behind this one: lines that the
 * driver wrote, on their way while this burst is copied. Chains that it has not shown yet are left
 * alone, it may be writing there. A wrong guess costs time and no more.
 *
 * @param first  Head of the first of the n chains of this burst, not yet virtq_device_taken().
 */
static __rte_always_inline void
virtq_device_fetch_next(const struct virtq_device *q, uint16_t first, uint16_t n)
{
	const struct virtq_desc *desc = &q->vq.desc[(uint16_t)(first + n) & q->vq.mask];

	if ((uint16_t)(q->avail_seen - q->avail_next) < 2 * n)
		return;
	rte_prefetch0(&q->vq.avail->ring[(uint16_t)(q->avail_next + n) & q->vq.mask]);
	for (uint16_t i = 0; i < n; i += RTE_CACHE_LINE_SIZE / sizeof(*desc))
		rte_prefetch0(&desc[i]);
}

/** Fetch for writing what virtq_device_put_run() of n chains writes. */
static __rte_always_inline void
virtq_device_fetch_used(const struct virtq_device *q, uint16_t n)
{
	const struct virtq_used_elem *elem = &q->vq.used->ring[q->used_next & q->vq.mask];

	for (uint16_t i = 0; i < n; i += RTE_CACHE_LINE_SIZE / sizeof(*elem))
		__builtin_prefetch(&elem[i], 1, 3); /* rte_prefetch0_write() may be left out */
}

/** Pointer to a buffer that virtq_device_descs_straight() said yes to. */
static inline uint8_t *
virtq_device_desc_ptr(const struct virtq_device *q, const struct virtq_desc_words *desc)
{
	return q->hit.host + (rte_le_to_cpu_64(desc->addr) - q->hit.guest);
}

/**
 * Complete n chains with heads from first on; in the order of taking.
 *
 * @param lens  [n] Bytes written to each.
 */
static __rte_always_inline void
virtq_device_put_run(struct virtq_device *q, uint16_t first, const uint32_t *lens, uint16_t n)
{
	uint16_t pos = q->used_next & q->vq.mask;
	virtq_used_word *words;

	if (unlikely(pos + n > q->vq.size || (q->vq.flags & VIRTQ_LOG))) {
		for (uint16_t i = 0; i < n; i++)
			virtq_device_put(q, (uint16_t)(first + i), lens[i]);
		return;
	}
	words = (virtq_used_word *)(void *)&q->vq.used->ring[pos];
	for (uint16_t i = 0; i < n; i++)
		words[i] = rte_cpu_to_le_64(((uint64_t)first + i) | (uint64_t)lens[i] << 32);
	q->used_next = (uint16_t)(q->used_next + n);
}

#endif
