/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hot half of forward.c, on the side: frames -> mbufs of the switch, and mbufs -> frames. For what
 * does not go from one guest's buffer to another's. Included there only, once per instruction set.
 */
#ifndef FORWARD_MBUF_H
#define FORWARD_MBUF_H

#include "datapath/copy.h"
#include "datapath/forward.h"

#include <assert.h>
#include <stddef.h>

typedef uint64_t mbuf_word __attribute__((may_alias));

static_assert(
	offsetof(struct rte_mbuf, refcnt) == offsetof(struct rte_mbuf, data_off) + 2 &&
		offsetof(struct rte_mbuf, nb_segs) == offsetof(struct rte_mbuf, data_off) + 4 &&
		offsetof(struct rte_mbuf, pkt_len) == offsetof(struct rte_mbuf, data_off) + 20 &&
		offsetof(struct rte_mbuf, data_len) == offsetof(struct rte_mbuf, data_off) + 24,
	"data_off to data_len are four words");

/* Of the word with data_off: one owner, one segment. */
#define MBUF_ONE UINT64_C(0x0000000100010000)
#define MBUF_ONE_MASK UINT64_C(0x0000ffffffff0000)

/* An mbuf as it comes out of the pool, with one frame. */
static __rte_always_inline void
mbuf_fill(struct rte_mbuf *m, const struct frame *f)
{
	mbuf_word *w = (mbuf_word *)(void *)&m->rearm_data;
	uint8_t *to = (uint8_t *)m->buf_addr + RTE_PKTMBUF_HEADROOM;

	w[0] = rte_cpu_to_le_64(
		(uint64_t)RTE_MBUF_PORT_INVALID << 48 | MBUF_ONE | RTE_PKTMBUF_HEADROOM);
	w[1] = 0;                                        /* ol_flags */
	w[2] = rte_cpu_to_le_64((uint64_t)f->len << 32); /* packet_type, pkt_len */
	w[3] = rte_cpu_to_le_64(f->len);                 /* data_len, vlan_tci, hash */
	copy_head(to, f->head, f->len);
	if (f->len > FRAME_HEAD)
		copy_bytes(to + FRAME_HEAD, f->rest, f->len - FRAME_HEAD);
}

/**
 * Copies of frames, each with an mbuf of its own.
 *
 * @param mbufs  [n] Out: the caller's; NULL where the pool had none left.
 */
static __rte_always_inline void
frames_to_mbufs(struct frame *const *frames, uint16_t n, struct rte_mbuf **mbufs)
{
	const bool bulk = rte_mempool_get_bulk(worker_pool, (void **)mbufs, n) == 0;

	for (uint16_t i = 0; i < n; i++) {
		const struct frame *f = frames[i];

		if (likely(bulk && f->nb_segs == 0 && f->len <= RTE_MBUF_DEFAULT_DATAROOM)) {
			mbuf_fill(mbufs[i], f);
			continue;
		}
		if (bulk)
			rte_mempool_put(worker_pool, mbufs[i]);
		mbufs[i] = forward_to_mbuf(f);
	}
}

/* The frame that lies in an mbuf, which must outlive it; see forward_of_mbuf(). */
static __rte_always_inline void
frame_of_mbuf(struct worker *w, struct frame *f, const struct rte_mbuf *m)
{
	if (unlikely(m->nb_segs != 1)) {
		forward_of_mbuf(w, f, m);
		return;
	}
	f->len = m->data_len;
	f->nb_segs = 0;
	f->rest = rte_pktmbuf_mtod_offset(m, const uint8_t *, FRAME_HEAD);
	copy_head(f->head, f->rest - FRAME_HEAD, f->len);
}

/** Free mbufs: of one segment, one owner and our pool, they go back there as a block. */
static __rte_always_inline void
free_mbufs(struct rte_mbuf **mbufs, uint16_t n)
{
	uint64_t other = 0;

	for (uint16_t i = 0; i < n; i++) {
		const struct rte_mbuf *m = mbufs[i];
		const mbuf_word *w = (const mbuf_word *)(const void *)&m->rearm_data;

		other |= (rte_le_to_cpu_64(w[0]) ^ MBUF_ONE) & MBUF_ONE_MASK;
		other |= m->ol_flags & (RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL);
		other |= (uintptr_t)m->pool ^ (uintptr_t)worker_pool;
	}
	if (likely(other == 0))
		rte_mempool_put_bulk(worker_pool, (void **)mbufs, n);
	else
		rte_pktmbuf_free_bulk(mbufs, n);
}

#endif
