/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hot half of forward.c, on the side: frames -> mbufs of the switch, and mbufs -> frames. For what
 * does not go from one guest's buffer to another's. Compiled once per instruction set.
 *
 * Flooding goes through frames. The straight ways, take_run_to_mbufs() and send_run_of_mbufs(), are
 * for a port that is no guest; until the switch has one, perf measures them and nobody else calls.
 */
#ifndef FORWARD_MBUF_H
#define FORWARD_MBUF_H

#include "datapath/copy.h"
#include "datapath/forward.h"
#include "datapath/forward_send.h"
#include "datapath/forward_take.h"

#include <assert.h>
#include <stddef.h>

static_assert(
	offsetof(struct rte_mbuf, refcnt) == offsetof(struct rte_mbuf, data_off) + 2 &&
		offsetof(struct rte_mbuf, nb_segs) == offsetof(struct rte_mbuf, data_off) + 4 &&
		offsetof(struct rte_mbuf, ol_flags) == offsetof(struct rte_mbuf, data_off) + 8 &&
		offsetof(struct rte_mbuf, pkt_len) == offsetof(struct rte_mbuf, data_off) + 20 &&
		offsetof(struct rte_mbuf, data_len) == offsetof(struct rte_mbuf, data_off) + 24,
	"data_off to data_len are four words");

/* These, as one vector. */
typedef uint64_t mbuf_words __attribute__((vector_size(32), aligned(8), may_alias));
typedef uint32_t mbuf_halves __attribute__((vector_size(32), aligned(8), may_alias));

/* Of the word with data_off: one owner, one segment. */
#define MBUF_ONE UINT64_C(0x0000000100010000)
#define MBUF_ONE_MASK UINT64_C(0x0000ffffffff0000)

/* An mbuf as it comes out of the pool, for a frame of that length. @return where that goes. */
static __rte_always_inline uint8_t *
mbuf_fill(struct rte_mbuf *m, uint32_t len)
{
	const mbuf_words fresh = {
		(uint64_t)RTE_MBUF_PORT_INVALID << 48 | MBUF_ONE | RTE_PKTMBUF_HEADROOM};
	const mbuf_halves all = {len, len, len, len, len, len, len, len};
	/* pkt_len; data_len, below 65536, with vlan_tci */
	const mbuf_halves mask = {0, 0, 0, 0, 0, UINT32_MAX, UINT32_MAX, 0};

	*(mbuf_words *)(void *)&m->rearm_data = fresh | (mbuf_words)(all & mask);
	return (uint8_t *)m->buf_addr + RTE_PKTMBUF_HEADROOM;
}

static __rte_always_inline void
frame_to_mbuf(struct rte_mbuf *m, const struct frame *f)
{
	uint8_t *to = mbuf_fill(m, f->len);

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
			frame_to_mbuf(mbufs[i], f);
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

/*
 * Are these all of one segment, one owner and our pool, and frames by their length? No guest can
 * write to them.
 *
 * @param lens  [n] Out.
 */
static __rte_always_inline bool
mbufs_are_plain(struct rte_mbuf *const *mbufs, uint32_t *lens, uint16_t n)
{
	const mbuf_words same = {MBUF_ONE};
	const mbuf_words mask = {MBUF_ONE_MASK, RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL};
	mbuf_words other = {0};
	uint64_t pools = 0;
	uint32_t least = UINT32_MAX;

	for (uint16_t i = 0; i < n; i++) {
		const struct rte_mbuf *m = mbufs[i];

		other |= (*(const mbuf_words *)(const void *)&m->rearm_data ^ same) & mask;
		pools |= (uintptr_t)m->pool ^ (uintptr_t)worker_pool;
		lens[i] = m->data_len;
	}
	for (uint16_t i = 0; i < n; i++)
		least = RTE_MIN(least, lens[i]);
	return (other[0] | other[1] | pools) == 0 && least >= FRAME_MIN;
}

/** Free mbufs: plain ones go back to our pool as a block. */
static __rte_always_inline void
free_mbufs(struct rte_mbuf **mbufs, uint16_t n)
{
	uint32_t lens[WORKER_BURST];

	if (likely(mbufs_are_plain(mbufs, lens, n)))
		rte_mempool_put_bulk(worker_pool, (void **)mbufs, n);
	else
		rte_pktmbuf_free_bulk(mbufs, n);
}

/*
 * A frame from where it lies in one piece: no head of it is kept. Into an mbuf, which no guest can
 * write to: who decides on it may do so there. Or out of one.
 */
static __rte_always_inline void
copy_frame(uint8_t *to, const uint8_t *from, uint32_t len)
{
	if (likely(len <= 64))
		copy_short(to, from, len);
	else
		copy_bytes(to, from, len);
}

/**
 * A burst of one-descriptor chains that ask for nothing, straight into mbufs.
 *
 * @param mbufs  [n] Out: the caller's.
 * @return false: it is no such burst, or the pool has not as many; nothing happened.
 */
static __rte_always_inline bool
take_run_to_mbufs(struct port_rxq *rxq, struct rte_mbuf **mbufs, uint16_t n)
{
	struct virtq_device *q = &rxq->vq;
	const uint32_t hdr = rxq->hdr_bytes;
	struct virtq_desc_words descs[WORKER_BURST];
	uint16_t heads[WORKER_BURST];
	const uint8_t *from[WORKER_BURST];
	const bool look = rxq->can != 0;
	uint16_t seen = 0;
	uint16_t first;

	if (!take_descs(rxq, descs, n, RTE_MBUF_DEFAULT_DATAROOM, &first))
		return false;
	for (unsigned int i = 0; i < n; i++) {
		from[i] = virtq_device_desc_ptr(q, &descs[i]) + hdr;
		heads[i] = (uint16_t)(first + i);
		rte_prefetch0(from[i]);
		if (look)
			seen |= header_look(from[i], hdr);
	}
	if (headers_ask(seen) || rte_mempool_get_bulk(worker_pool, (void **)mbufs, n) != 0)
		return false;
	for (unsigned int i = 0; i < n; i++) {
		const uint32_t len = virtq_desc_words_len(&descs[i]) - hdr;

		copy_frame(mbuf_fill(mbufs[i], len), from[i], len);
	}
	virtq_device_put_read(q, heads, n);
	virtq_device_taken(q, n);
	rxq->stats.packets += n;
	return true;
}

/**
 * A burst of plain mbufs straight into buffers of one descriptor each; it frees them. The caller
 * has the lock.
 *
 * @return false: it is no such burst, or buffers are not such or not enough; nothing happened.
 */
static __rte_always_inline bool
send_run_of_mbufs(struct port_txq *txq, struct rte_mbuf **mbufs, uint16_t n)
{
	struct virtq_device *q = &txq->vq;
	const uint16_t hdr = VIRTIO_NET_HDR_BYTES;
	struct virtq_desc_words descs[WORKER_BURST];
	uint32_t lens[WORKER_BURST];
	uint8_t *to[WORKER_BURST];
	uint64_t bytes = 0;
	uint16_t first;

	if (txq->hdr_bytes != hdr || (q->vq.flags & VIRTQ_LOG) || virtq_device_avail(q, n) < n ||
		!mbufs_are_plain(mbufs, lens, n) || !virtq_device_heads_run(q, n, &first))
		return false;
	virtq_device_descs(q, first, n, descs);
	for (unsigned int i = 0; i < n; i++) {
		bytes += lens[i];
		lens[i] += hdr;
	}
	if (!virtq_device_descs_straight(q, descs, n, VIRTQ_DESC_F_WRITE, lens, UINT32_MAX))
		return false;
	for (unsigned int i = 0; i < n; i++) {
		to[i] = virtq_device_desc_ptr(q, &descs[i]);
		prefetch_to_write(to[i] + hdr);
		prefetch_to_write(to[i] + RTE_MIN(lens[i], hdr + 64U) - 1);
	}
	for (unsigned int i = 0; i < n; i++) {
		vnet_hdr_keep_rx(to[i], 1);
		copy_frame(to[i] + hdr, rte_pktmbuf_mtod(mbufs[i], const uint8_t *), lens[i] - hdr);
	}
	virtq_device_put_run(q, first, lens, n);
	virtq_device_taken(q, n);
	txq->stats.packets += n;
	txq->stats.bytes += bytes;
	rte_mempool_put_bulk(worker_pool, (void **)mbufs, n);
	return true;
}

#endif
