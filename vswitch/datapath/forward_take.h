/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hot half of forward.c, first step: chains of a guest's transmitq -> frames with private heads.
 * Included there only, once per instruction set.
 */
#ifndef FORWARD_TAKE_H
#define FORWARD_TAKE_H

#include "datapath/copy.h"
#include "datapath/forward.h"
#include "datapath/offload.h"
#include "ring/virtq_device_run.h"

#include <rte_prefetch.h>

/* What was taken: the heads to complete, and the frames, NULL where one was dropped. */
struct taken {
	uint16_t heads[WORKER_BURST];
	struct frame *frames[WORKER_BURST];
	bool all; /* no frame was dropped */
};

/* Descriptors of a burst of one-descriptor chains whose heads follow one another, from first on. */
static __rte_always_inline bool
take_descs(struct port_rxq *rxq, struct virtq_desc_words *descs, uint16_t n, uint32_t max_len,
	uint16_t *first)
{
	struct virtq_device *q = &rxq->vq;
	const uint32_t hdr = rxq->hdr_bytes;
	uint32_t min_len[WORKER_BURST];

	if (!virtq_device_heads_run(q, n, first))
		return false;
	virtq_device_descs(q, *first, n, descs);
	for (unsigned int i = 0; i < n; i++)
		min_len[i] = hdr + FRAME_MIN;
	return virtq_device_descs_straight(q, descs, n, 0, min_len, hdr + max_len);
}

/* Such a burst. */
static __rte_always_inline bool
take_straight(struct worker *w, struct port_rxq *rxq, struct taken *t, uint16_t n)
{
	struct virtq_device *q = &rxq->vq;
	const uint32_t hdr = rxq->hdr_bytes;
	struct virtq_desc_words descs[WORKER_BURST];
	uint16_t first;

	if (!take_descs(rxq, descs, n, FRAME_STRAIGHT_MAX, &first))
		return false;
	for (unsigned int i = 0; i < n; i++) {
		const uint8_t *data = virtq_device_desc_ptr(q, &descs[i]) + hdr;

		w->frames[i].len = virtq_desc_words_len(&descs[i]) - hdr;
		w->frames[i].nb_segs = 0;
		w->frames[i].rest = data + FRAME_HEAD;
		t->heads[i] = (uint16_t)(first + i);
		t->frames[i] = &w->frames[i];
		rte_prefetch0(data);
	}
	for (unsigned int i = 0; i < n; i++) {
		struct frame *f = &w->frames[i];

		copy_head(f->head, f->rest - FRAME_HEAD, f->len);
	}
	return true;
}

/*
 * What a header says that may ask for something. A look that decides only whether headers are read:
 * what each asks for, if anything, is what a copy of it says.
 */
static __rte_always_inline uint16_t
header_look(const uint8_t *data, uint32_t hdr)
{
	return *(const volatile vnet_hdr_le16 *)(const volatile void *)(data - hdr);
}

/* Does any header ask? @param seen  header_look() of all. */
static __rte_always_inline bool
headers_ask(uint16_t seen)
{
	seen = rte_le_to_cpu_16(seen);
	return vnet_hdr_asks((uint8_t)seen, (uint8_t)(seen >> 8));
}

/* Of a straight burst. */
static __rte_always_inline bool
asks_any(const struct worker *w, uint32_t hdr, uint16_t n)
{
	uint16_t seen = 0;

	/* Half of a round would be the loop's own. */
#pragma GCC unroll 8
	for (unsigned int i = 0; i < n; i++)
		seen |= header_look(w->frames[i].rest - FRAME_HEAD, hdr);
	return headers_ask(seen);
}

/* Headers of a straight burst. Returns how many of its frames are taken. */
static __rte_noinline uint16_t
take_headers(struct worker *w, struct port_rxq *rxq, struct taken *t, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		struct frame *f = &w->frames[i];
		const uint8_t *at = f->rest - FRAME_HEAD - rxq->hdr_bytes;

		switch (offload_take_at(w, rxq, at, f)) {
		case FORWARD_TAKEN:
			break;
		case FORWARD_DROPPED:
			t->frames[i] = NULL;
			t->all = false;
			break;
		default:
			return i;
		}
	}
	return n;
}

/* Any chains, one by one. Returns how many were taken. */
static __rte_noinline uint16_t
take_chains(struct worker *w, struct port_rxq *rxq, struct taken *t, uint16_t n)
{
	struct virtq_device *q = &rxq->vq;
	const uint32_t hdr = rxq->hdr_bytes;
	struct virtq_one one[WORKER_BURST];
	bool straight[WORKER_BURST];
	uint32_t bytes = 0;

	t->all = true;
	n = virtq_device_heads(q, t->heads, n);
	for (unsigned int i = 0; i < n; i++) {
		straight[i] = virtq_device_one(q, t->heads[i], 0, hdr + FRAME_MIN, &one[i]) &&
			      one[i].len <= hdr + FRAME_MAX;
		if (straight[i])
			rte_prefetch0(one[i].ptr + hdr);
	}
	for (unsigned int i = 0; i < n; i++) {
		struct frame *f = &w->frames[i];
		enum forward_take did = FORWARD_TAKEN;

		if (bytes >= WORKER_BURST_BYTES)
			return (uint16_t)i;
		t->frames[i] = f;
		if (straight[i]) {
			const uint8_t *data = one[i].ptr + hdr;

			f->len = one[i].len - hdr;
			f->nb_segs = 0;
			f->rest = data + FRAME_HEAD;
			copy_head(f->head, data, f->len);
			if (rxq->can != 0)
				did = offload_take_at(w, rxq, one[i].ptr, f);
		} else {
			did = forward_take_chain(w, rxq, t->heads[i], f);
		}
		switch (did) {
		case FORWARD_TAKEN:
			bytes += f->len;
			break;
		case FORWARD_DROPPED:
			t->frames[i] = NULL;
			t->all = false;
			break;
		case FORWARD_LATER:
		case FORWARD_FAULT:
			return i;
		}
	}
	return n;
}

/* Bursts that are not full. */
static __rte_noinline uint16_t
take_short(struct worker *w, struct port_rxq *rxq, struct taken *t, uint16_t n)
{
	if (!take_straight(w, rxq, t, n))
		return take_chains(w, rxq, t, n);
	if (rxq->can != 0 && asks_any(w, rxq->hdr_bytes, n))
		return take_headers(w, rxq, t, n);
	return n;
}

static __rte_always_inline uint16_t
take(struct worker *w, struct port_rxq *rxq, struct taken *t, uint16_t n)
{
	t->all = true;
	/* Full bursts are what a busy queue gives: their loops have a constant length. */
	if (likely(n == WORKER_BURST)) {
		if (unlikely(!take_straight(w, rxq, t, WORKER_BURST)))
			return take_chains(w, rxq, t, n);
		if (rxq->can != 0 && asks_any(w, rxq->hdr_bytes, WORKER_BURST))
			return take_headers(w, rxq, t, n);
		return n;
	}
	return take_short(w, rxq, t, n);
}

#endif
