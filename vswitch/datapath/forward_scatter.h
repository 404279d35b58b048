/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hot half of forward.c, third step where a burst goes to several receiveqs of one guest: all of
 * them as if they were one. Lines that come from the guest's core come together then, and what is
 * done for each frame is done in loops over the burst. Included there only, once per instruction
 * set.
 */
#ifndef FORWARD_SCATTER_H
#define FORWARD_SCATTER_H

#include "datapath/forward_decide.h"
#include "datapath/forward_send.h"

/* Descriptors for the frames of a burst that is sorted by receiveq. */
struct scatter {
	struct virtq_desc_words descs[WORKER_BURST];
	uint16_t first[WORKER_BURST]; /* head, of each target */
};

static inline uint16_t
nb_of_target(const struct burst *b, uint16_t t)
{
	return (uint16_t)(b->start[t + 1] - b->start[t]);
}

/* Do all targets have buffers, heads in a run, and the same region as the first one? */
static __rte_always_inline bool
scatter_find(const struct burst *b, struct scatter *s, const uint16_t hdr)
{
	const struct virtq_mem_region *hit = &b->targets[0]->vq.hit;

	for (uint16_t t = 0; t < b->nb_targets; t++) {
		struct port_txq *txq = b->targets[t];
		struct virtq_device *q = &txq->vq;
		uint16_t n = nb_of_target(b, t);

		if (txq->hdr_bytes != hdr || (q->vq.flags & VIRTQ_LOG) ||
			q->hit.guest != hit->guest || q->hit.host != hit->host ||
			q->hit.bytes != hit->bytes || virtq_device_avail(q, n) < n ||
			!virtq_device_heads_run(q, n, &s->first[t]))
			return false;
		virtq_device_descs(q, s->first[t], n, &s->descs[b->start[t]]);
	}
	return true;
}

static __rte_always_inline void
scatter_put(
	const struct burst *b, const struct scatter *s, const uint32_t *lens, const uint16_t hdr)
{
	for (uint16_t t = 0; t < b->nb_targets; t++) {
		struct port_txq *txq = b->targets[t];
		const uint32_t *len = &lens[b->start[t]];
		uint16_t n = nb_of_target(b, t);
		uint64_t bytes = 0;

		for (uint16_t i = 0; i < n; i++)
			bytes += len[i] - hdr;
		virtq_device_put_run(&txq->vq, s->first[t], len, n);
		virtq_device_taken(&txq->vq, n);
		txq->stats.packets += n;
		txq->stats.bytes += bytes;
	}
}

/* false: nothing was done. */
static __rte_always_inline bool
scatter(const struct burst *b, const uint16_t n, const enum send_what what)
{
	const struct virtq_device *one = &b->targets[0]->vq;
	const uint16_t hdr = header_bytes(b->targets[0], what);
	struct frame **frames = b->frames;
	struct scatter s;
	uint32_t lens[WORKER_BURST];
	uint8_t *to[WORKER_BURST];
	uint32_t pieces = 0;

	if (!scatter_find(b, &s, hdr))
		return false;
	for (unsigned int i = 0; i < n; i++) {
		lens[i] = frames[i]->len + hdr;
		pieces |= frames[i]->nb_segs;
	}
	if (!virtq_device_descs_straight(one, s.descs, n, VIRTQ_DESC_F_WRITE, lens, UINT32_MAX) ||
		pieces != 0)
		return false;
	for (unsigned int i = 0; i < n; i++) {
		to[i] = virtq_device_desc_ptr(one, &s.descs[i]);
		prefetch_to_write(to[i] + (what == SEND_PLAIN ? hdr : 0));
		prefetch_to_write(to[i] + RTE_MIN(lens[i], hdr + 64U) - 1);
	}
	for (unsigned int i = 0; i < n; i++) {
		write_header(to[i], hdr, frames[i], what);
		write_frame(to[i] + hdr, frames[i], what);
	}
	scatter_put(b, &s, lens, hdr);
	return true;
}

/* A burst, sorted, to several receiveqs. false: nothing was done, send to each by itself. */
static __rte_noinline bool
send_scattered(const struct worker *w, const struct burst *b)
{
	if (w->burst.asks || w->burst.deepened)
		return false;
	if (b->targets[0]->hdr_bytes == VIRTIO_NET_HDR_HASH_BYTES)
		return scatter(b, b->nb_list, SEND_HASH);
	if (b->nb_list == WORKER_BURST)
		return scatter(b, WORKER_BURST, SEND_PLAIN);
	return scatter(b, b->nb_list, SEND_PLAIN);
}

#endif
