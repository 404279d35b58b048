/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hot half of forward.c, third step: frames -> buffers of a guest's receiveq, the one copy.
 * Included there only, once per instruction set.
 */
#ifndef FORWARD_SEND_H
#define FORWARD_SEND_H

#include "datapath/copy.h"
#include "datapath/forward.h"
#include "datapath/offload.h"
#include "net/vnet_hdr.h"
#include "ring/virtq_device_run.h"

#include <rte_prefetch.h>

/*
 * What frames and headers may have. A constant, so that bursts of ordinary frames to receiveqs
 * without hash pay nothing for it.
 */
enum send_what {
	SEND_PLAIN, /* frames of one piece behind the head, no offloads, headers without hash */
	SEND_HASH,  /* the same with a hash */
	SEND_MORE,  /* several pieces, any header */
	SEND_ALL,   /* offloads, too */
};

static __rte_always_inline bool
one_piece(const enum send_what what)
{
	return what == SEND_PLAIN || what == SEND_HASH;
}

static __rte_always_inline uint16_t
header_bytes(const struct port_txq *txq, const enum send_what what)
{
	if (what == SEND_PLAIN)
		return VIRTIO_NET_HDR_BYTES;
	return what == SEND_HASH ? VIRTIO_NET_HDR_HASH_BYTES : txq->hdr_bytes;
}

static __rte_always_inline void
write_frame(uint8_t *to, const struct frame *f, const enum send_what what)
{
	copy_head(to, f->head, f->len);
	to += FRAME_HEAD;
	if (!one_piece(what) && f->nb_segs != 0) {
		for (uint32_t i = 0; i < f->nb_segs; to += f->segs[i++].len)
			copy_bytes(to, f->segs[i].ptr, f->segs[i].len);
	} else if (f->len > FRAME_HEAD) {
		copy_bytes(to, f->rest, f->len - FRAME_HEAD);
	}
}

static __rte_always_inline void
write_header(uint8_t *to, uint16_t hdr, const struct frame *f, const enum send_what what)
{
	if (what == SEND_PLAIN) {
		vnet_hdr_keep_rx(to, 1);
		return;
	}
	vnet_hdr_clear_rx(to, hdr, 1);
	if (what == SEND_ALL)
		vnet_offload_write(to, &f->offload);
	if (what != SEND_PLAIN && hdr == VIRTIO_NET_HDR_HASH_BYTES)
		vnet_hdr_set_hash(to, f->hash);
}

/* Mean length of frames from which on it pays to fetch one while another is copied. */
#define SEND_LONG 1024U
/* Bytes of a frame that are fetched so: more would not stay close. */
#define SEND_AHEAD_MAX 2048U

/* What is behind the head of a frame: where it goes, where it comes from. */
struct send_rest {
	uint8_t *to;
	const uint8_t *from;
	uint32_t n;
};

static __rte_always_inline void
fetch_line(const struct send_rest *rest, uint32_t at)
{
	prefetch_to_write(rest->to + at);
	rte_prefetch0(rest->from + at);
}

/*
 * One copy, while the lines of the next one come: stores to lines that this core has to wait for
 * stand in the way of all that is behind them. Not inline: it is slower among the rest.
 */
static __rte_noinline void
copy_rest_fetch_next(const struct send_rest *rest, const struct send_rest *next)
{
	uint8_t *to = rest->to;
	const uint8_t *from = rest->from;
	const uint32_t n = rest->n, fetch = RTE_MIN(next->n, SEND_AHEAD_MAX);
	uint32_t at = 0;

	if (likely(n >= 64)) {
		COPY_ENDS(copy_32, to, from, 64);
		/* Whole lines are written from here on. */
		for (uint32_t i = 64 - ((uintptr_t)to & 63); i + 64 <= n; i += 64, at += 64) {
			if (likely(at < fetch))
				fetch_line(next, at);
			COPY_ENDS(copy_32, to + i, from + i, 64);
		}
		COPY_ENDS(copy_32, to + n - 64, from + n - 64, 64);
	} else {
		copy_bytes(to, from, n);
	}
	for (; at < fetch; at += 64)
		fetch_line(next, at);
}

/* Frames of one piece to where their headers go. */
static __rte_always_inline void
write_frames(uint8_t *const *to, struct frame *const *frames, uint16_t n, uint16_t hdr,
	const enum send_what what)
{
	for (unsigned int i = 0; i < n; i++) {
		write_header(to[i], hdr, frames[i], what);
		write_frame(to[i] + hdr, frames[i], what);
	}
}

static __rte_always_inline struct send_rest
rest_of(uint8_t *to, uint16_t hdr, const struct frame *f)
{
	return (struct send_rest){
		to + hdr + FRAME_HEAD, f->rest, f->len > FRAME_HEAD ? f->len - FRAME_HEAD : 0};
}

/* The same for long frames. */
static __rte_always_inline void
write_frames_long(uint8_t *const *to, struct frame *const *frames, uint16_t n, uint16_t hdr,
	const enum send_what what)
{
	struct send_rest rest = rest_of(to[0], hdr, frames[0]);

	for (unsigned int i = 0; i < n; i++) {
		struct send_rest next = {.n = 0};

		if (i + 1U < n)
			next = rest_of(to[i + 1], hdr, frames[i + 1]);
		write_header(to[i], hdr, frames[i], what);
		copy_head(to[i] + hdr, frames[i]->head, frames[i]->len);
		copy_rest_fetch_next(&rest, &next);
		rest = next;
	}
}

/* A burst into buffers of one descriptor each whose heads follow one another. */
static __rte_always_inline bool
send_run(struct port_txq *txq, struct frame **frames, uint16_t n, const enum send_what what)
{
	struct virtq_device *q = &txq->vq;
	const uint16_t hdr = header_bytes(txq, what);
	struct virtq_desc_words descs[WORKER_BURST];
	uint32_t lens[WORKER_BURST];
	uint8_t *to[WORKER_BURST];
	uint32_t pieces = 0;
	uint64_t bytes = 0;
	uint16_t first;

	if (!virtq_device_heads_run(q, n, &first))
		return false;
	virtq_device_descs(q, first, n, descs);
	for (unsigned int i = 0; i < n; i++) {
		lens[i] = frames[i]->len + hdr;
		pieces |= one_piece(what) ? frames[i]->nb_segs : 0;
		bytes += frames[i]->len;
	}
	if (!virtq_device_descs_straight(q, descs, n, VIRTQ_DESC_F_WRITE, lens, UINT32_MAX) ||
		pieces != 0 || (q->vq.flags & VIRTQ_LOG))
		return false;
	for (unsigned int i = 0; i < n; i++) {
		to[i] = virtq_device_desc_ptr(q, &descs[i]);
		prefetch_to_write(to[i] + (what == SEND_PLAIN ? hdr : 0));
		prefetch_to_write(to[i] + RTE_MIN(lens[i], hdr + 64U) - 1);
	}
	virtq_device_fetch_next(q, first, n);
	virtq_device_fetch_used(q, n);
	if (one_piece(what) && bytes >= n * SEND_LONG)
		write_frames_long(to, frames, n, hdr, what);
	else
		write_frames(to, frames, n, hdr, what);
	virtq_device_put_run(q, first, lens, n);
	virtq_device_taken(q, n);
	txq->stats.packets += n;
	txq->stats.bytes += bytes;
	return true;
}

/* Frames into buffers of one descriptor, until one is not. Returns how many. */
static __rte_always_inline uint16_t
send_one_by_one(struct port_txq *txq, struct frame **frames, uint16_t n, const enum send_what what)
{
	struct virtq_device *q = &txq->vq;
	const uint16_t hdr = header_bytes(txq, what);
	struct virtq_one one[WORKER_BURST];
	uint16_t heads[WORKER_BURST];
	uint64_t bytes = 0;
	uint16_t i;

	n = virtq_device_heads(q, heads, n);
	for (i = 0; i < n; i++) {
		if (!virtq_device_one(
			    q, heads[i], VIRTQ_DESC_F_WRITE, frames[i]->len + hdr, &one[i]) ||
			(one_piece(what) && frames[i]->nb_segs != 0))
			break;
		prefetch_to_write(one[i].ptr);
		prefetch_to_write(one[i].ptr + hdr + RTE_MIN(frames[i]->len, 64U) - 1);
	}
	n = i;
	for (i = 0; i < n; i++) {
		uint32_t len = frames[i]->len + hdr;

		write_header(one[i].ptr, hdr, frames[i], what);
		write_frame(one[i].ptr + hdr, frames[i], what);
		virtq_device_log(q, one[i].guest, len);
		virtq_device_put(q, heads[i], len);
		bytes += frames[i]->len;
	}
	virtq_device_taken(q, n);
	txq->stats.packets += n;
	txq->stats.bytes += bytes;
	return n;
}

static __rte_noinline uint16_t
send_each(struct port_txq *txq, struct frame **frames, uint16_t n)
{
	return send_one_by_one(txq, frames, n, SEND_PLAIN);
}

static __rte_noinline uint16_t
send_each_hash(struct port_txq *txq, struct frame **frames, uint16_t n)
{
	return send_one_by_one(txq, frames, n, SEND_HASH);
}

/* Bursts that are not full. Their loops stay out of the way of those that are. */
static __rte_noinline bool
send_short(struct port_txq *txq, struct frame **frames, uint16_t n)
{
	return send_run(txq, frames, n, SEND_PLAIN);
}

static __rte_noinline bool
send_short_hash(struct port_txq *txq, struct frame **frames, uint16_t n)
{
	return send_run(txq, frames, n, SEND_HASH);
}

static __rte_always_inline uint16_t
send_straight(struct port_txq *txq, struct frame **frames, uint16_t n, const enum send_what what)
{
	if (!one_piece(what))
		return send_run(txq, frames, n, what) ? n : send_one_by_one(txq, frames, n, what);
	if (likely(n == WORKER_BURST)) {
		if (likely(send_run(txq, frames, WORKER_BURST, what)))
			return n;
	} else if (what == SEND_PLAIN ? send_short(txq, frames, n)
				      : send_short_hash(txq, frames, n)) {
		return n;
	}
	return what == SEND_PLAIN ? send_each(txq, frames, n) : send_each_hash(txq, frames, n);
}

/* Frames that find no buffer are dropped and counted. */
static __rte_always_inline void
send_frames(struct worker *w, struct port_txq *txq, struct frame **frames, uint16_t n,
	const enum send_what what)
{
	uint16_t i = 0;

	while (i < n) {
		uint16_t ready =
			RTE_MIN(virtq_device_avail(&txq->vq, (uint16_t)(n - i)), (uint16_t)(n - i));
		uint16_t sent;

		if (ready == 0)
			break;
		sent = send_straight(txq, &frames[i], ready, what);
		i += sent;
		if (sent < ready && i < n) {
			forward_send_chains(
				w, txq, frames[i], what == SEND_ALL ? &frames[i]->offload : NULL);
			i++;
		}
	}
	if (unlikely(i < n)) {
		if (virtq_device_broken(&txq->vq))
			txq->stats.ring_fault += (uint64_t)(n - i);
		else
			txq->stats.no_descriptor += (uint64_t)(n - i);
	}
}

/* Frames that ask for something: as they are to a guest that takes them so, else completed. */
static __rte_noinline void
send_offloads(struct worker *w, struct port_txq *txq, struct frame **frames, uint16_t n)
{
	while (n > 0) {
		uint16_t fit = 0;

		while (fit < n && vnet_offload_fits(&frames[fit]->offload, port_txq_can(txq)))
			fit++;
		send_frames(w, txq, frames, fit, SEND_ALL);
		frames += fit;
		n = (uint16_t)(n - fit);
		if (n > 0) {
			offload_complete(w, txq, *frames++);
			n--;
		}
	}
}

static __rte_noinline void
send_more(struct worker *w, struct port_txq *txq, struct frame **frames, uint16_t n)
{
	send_frames(w, txq, frames, n, SEND_MORE);
}

static __rte_noinline void
send_hash(struct worker *w, struct port_txq *txq, struct frame **frames, uint16_t n)
{
	send_frames(w, txq, frames, n, SEND_HASH);
}

/* The caller has the lock. */
static __rte_always_inline void
send(struct worker *w, struct port_txq *txq, struct frame **frames, uint16_t n)
{
	if (unlikely(w->burst.asks))
		send_offloads(w, txq, frames, n);
	else if (unlikely(w->burst.deepened))
		send_more(w, txq, frames, n);
	else if (txq->hdr_bytes == VIRTIO_NET_HDR_HASH_BYTES)
		send_hash(w, txq, frames, n);
	else
		send_frames(w, txq, frames, n, SEND_PLAIN);
}

#endif
