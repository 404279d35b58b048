/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which mbufs transmit puts on the ring as they are: one segment, one owner, own buffer, not empty,
 * not too long, room for the header, nothing asked, and of one pool. Stated once, by the words that
 * the scalar and the vector form hold against an mbuf.
 */
#ifndef PMD_TX_PLAIN_H
#define PMD_TX_PLAIN_H

#include <rte_mbuf.h>

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#ifdef __AVX2__
#include <immintrin.h>
#endif

typedef uint64_t mbuf_word __attribute__((may_alias));

/* What of an mbuf is looked at together: rearm_data, ol_flags, pkt_len, data_len. */
#define PLAIN_WORDS 4
/* Words 0 and 3 have data_off and data_len in their low ends. */
static_assert(
	offsetof(struct rte_mbuf, data_off) == offsetof(struct rte_mbuf, rearm_data) &&
		offsetof(struct rte_mbuf, refcnt) == offsetof(struct rte_mbuf, data_off) + 2 &&
		offsetof(struct rte_mbuf, nb_segs) == offsetof(struct rte_mbuf, refcnt) + 2 &&
		offsetof(struct rte_mbuf, ol_flags) == offsetof(struct rte_mbuf, data_off) + 8 &&
		offsetof(struct rte_mbuf, data_len) == offsetof(struct rte_mbuf, data_off) + 24,
	"rearm_data to data_len are four words");

struct tx_plain {
	/* Bits of mask have to be those of same. */
	uint64_t same[PLAIN_WORDS];
	uint64_t mask[PLAIN_WORDS];
	uint16_t room; /* data_off at least */
	uint16_t most; /* data_len at most */
	const struct rte_mempool *pool;
};

/* A header is cleared in whole 16 bytes: what lies before it is headroom, and ours as it is. */
#define TX_HDR_ROOM(hdr_bytes) RTE_ALIGN(hdr_bytes, 16)

/* asks: flags of ol_flags that are work. */
static __rte_always_inline struct tx_plain
tx_plain_of(const struct rte_mempool *pool, uint16_t hdr_bytes, uint16_t most, uint64_t asks)
{
	return (struct tx_plain){
		/* refcnt 1 and nb_segs 1: data_off, refcnt, nb_segs, port from the low end. */
		.same = {UINT64_C(0x0000000100010000)},
		.mask = {UINT64_C(0x0000ffffffff0000),
			RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL | asks},
		.room = TX_HDR_ROOM(hdr_bytes),
		.most = most,
		.pool = pool,
	};
}

static __rte_always_inline bool
tx_is_plain(const struct tx_plain *p, const struct rte_mbuf *m)
{
	const mbuf_word *w = (const mbuf_word *)(const void *)&m->rearm_data;
	uint64_t other = (uintptr_t)m->pool ^ (uintptr_t)p->pool;

	for (unsigned int i = 0; i < PLAIN_WORDS; i++)
		other |= (w[i] ^ p->same[i]) & p->mask[i];
	/* Empty wraps around: one check for both ends. */
	return other == 0 && m->data_off >= p->room && (uint16_t)(m->data_len - 1) < p->most;
}

/* Mbufs that are looked at together. */
#define PLAIN_GROUP 8

#ifdef __AVX2__
/* Out of registers: words that were just stored one by one cannot be loaded together at once. */
static __rte_always_inline __m256i
tx_plain_words(const uint64_t *words)
{
	return _mm256_setr_epi64x(
		(int64_t)words[0], (int64_t)words[1], (int64_t)words[2], (int64_t)words[3]);
}

/* Are all of a group plain? */
static __rte_always_inline bool
tx_group_is_plain(const struct tx_plain *p, struct rte_mbuf *const *pkts)
{
	const __m256i same = tx_plain_words(p->same);
	const __m256i mask = tx_plain_words(p->mask);
	__m256i other = _mm256_setzero_si256(), least = _mm256_set1_epi16(-1),
		most = _mm256_setzero_si256();
	uint64_t pools = 0;

	for (unsigned int i = 0; i < PLAIN_GROUP; i++) {
		const struct rte_mbuf *m = pkts[i];
		__m256i w = _mm256_loadu_si256((const __m256i *)(const void *)&m->rearm_data);

		other = _mm256_or_si256(other, _mm256_and_si256(_mm256_xor_si256(w, same), mask));
		least = _mm256_min_epu16(least, w);
		most = _mm256_max_epu16(most, w);
		pools |= (uintptr_t)m->pool ^ (uintptr_t)p->pool;
	}
	return _mm256_testz_si256(other, other) && pools == 0 &&
	       (uint16_t)_mm256_extract_epi16(least, 0) >= p->room &&
	       _mm256_extract_epi16(least, 3 * 4) != 0 &&
	       (uint16_t)_mm256_extract_epi16(most, 3 * 4) <= p->most;
}
#endif

/*
 * How many of n packets, at least one, are known to be plain before one that may not be? 0: the
 * first is not.
 */
static __rte_always_inline unsigned int
tx_count_plain(const struct tx_plain *p, struct rte_mbuf *const *pkts, unsigned int n)
{
	unsigned int i = 1;

	/* One by itself: packets that are all different are not looked at eight times. */
	if (unlikely(!tx_is_plain(p, pkts[0])))
		return 0;
#ifdef __AVX2__
	for (i = 0; n - i >= PLAIN_GROUP && likely(tx_group_is_plain(p, &pkts[i]));)
		i += PLAIN_GROUP;
	while (i < n && likely(tx_is_plain(p, pkts[i])))
		i++;
#else
	RTE_SET_USED(n);
#endif
	return i;
}

#endif
