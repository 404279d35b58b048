/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Buffers for the device while bursts run: from the pool's cache on the ring, without a look into
 * the mbufs. For the hot file alone; pmd_rxq_fill() is what the rest calls.
 */
#ifndef PMD_RX_POST_H
#define PMD_RX_POST_H

#include "pmd_rxtx.h"

#ifdef __AVX2__
#include <immintrin.h>
#endif

#define RX_POST_MAX 64 /* buffers of one pass */

/* Descriptors of n buffers that lie all at the same distance from their mbufs, and cookies. */
static __rte_always_inline void
rx_put_straight(struct virtq_desc *desc, void **cookies, void *const *from, unsigned int n,
	uint64_t at, uint32_t bytes)
{
	unsigned int i = 0;

#ifdef __AVX2__
	const __m256i distance = _mm256_set1_epi64x((int64_t)at);
	const __m256i rest = _mm256_set1_epi64x(virtq_desc_rest(bytes, VIRTQ_DESC_F_WRITE));

	for (; i + 4 <= n; i += 4) {
		__m256i m = _mm256_loadu_si256((const __m256i *)(const void *)&from[i]);
		__m256i addr = _mm256_add_epi64(m, distance);

		_mm256_storeu_si256((__m256i *)(void *)&cookies[i], m);
		addr = _mm256_permute4x64_epi64(addr, 0xd8); /* 0 2 1 3 */
		_mm256_storeu_si256((__m256i *)(void *)&desc[i], _mm256_unpacklo_epi64(addr, rest));
		_mm256_storeu_si256(
			(__m256i *)(void *)&desc[i + 2], _mm256_unpackhi_epi64(addr, rest));
	}
#endif
	for (; i < n; i++) {
		cookies[i] = from[i];
		virtq_desc_write(&desc[i], (uintptr_t)from[i] + at, bytes, VIRTQ_DESC_F_WRITE);
	}
}

/* Buffers from the pool on the ring, n at most and no further than where it wraps around. */
static __rte_always_inline uint16_t
rx_post_straight(struct pmd_rxq *rxq, uint16_t n)
{
	struct virtq_driver *q = &rxq->q;
	const uint16_t slot = virtq_driver_seq_slot(q, 0);
	const uint64_t at = rxq->buf_at + RTE_PKTMBUF_HEADROOM - rxq->hdr_bytes;
	struct rte_mempool_cache *cache = rte_mempool_default_cache(rxq->pool, rte_lcore_id());
	void *objs[RX_POST_MAX], **from = objs;

	n = RTE_MIN(n, (uint16_t)(q->vq.size - slot));
	/* The last that came back are the first to go, in whatever order. */
	if (likely(cache != NULL && cache->len >= n)) {
		cache->len -= n;
		from = &cache->objs[cache->len];
	} else if (rte_mempool_get_bulk(rxq->pool, objs, n) != 0) {
		return 0;
	}
	rx_put_straight(&q->vq.desc[slot], &q->cookies[slot], from, n, at, rxq->post_bytes);
	virtq_driver_seq_added(q, n);
	return n;
}

static __rte_always_inline void
rx_fill(struct pmd_rxq *rxq)
{
	struct virtq_driver *q = &rxq->q;

	for (;;) {
		uint16_t room = (uint16_t)(rxq->post_max - virtq_driver_outstanding(q));

		if (room < rxq->fill_chunk)
			break;
		/* It knows all other ways, and what to count. */
		if (unlikely(!q->sequence || rxq->buf_at == 0 || virtq_driver_broken(q)) ||
			unlikely(
				rx_post_straight(rxq, RTE_MIN(room, (uint16_t)RX_POST_MAX)) == 0)) {
			pmd_rxq_fill(rxq);
			break;
		}
	}
	/* Whether the device wants a kick is for the next burst: pmd_rx_kick(). */
	if (q->avail_idx != q->avail_next)
		virtq_driver_show(q);
}

#endif
