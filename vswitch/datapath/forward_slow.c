/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames that are not one descriptor: chains in, chains and merged buffers out, floods. */
#include "datapath/copy.h"
#include "datapath/fdb.h"
#include "datapath/forward.h"
#include "datapath/notify.h"
#include "datapath/offload.h"
#include "datapath/out.h"
#include "datapath/turn.h"

#include <rte_cpuflags.h>
#include <rte_vect.h>

forward_fn *
forward_select(void)
{
#if defined(RTE_ARCH_X86)
	uint16_t width = rte_vect_get_max_simd_bitwidth();

	if (width >= 512 && rte_cpu_get_flag_enabled(RTE_CPUFLAG_AVX512F) > 0 &&
		rte_cpu_get_flag_enabled(RTE_CPUFLAG_AVX512BW) > 0 &&
		rte_cpu_get_flag_enabled(RTE_CPUFLAG_AVX512DQ) > 0 &&
		rte_cpu_get_flag_enabled(RTE_CPUFLAG_AVX512VL) > 0)
		return forward_burst_avx512;
	if (width >= 256 && rte_cpu_get_flag_enabled(RTE_CPUFLAG_AVX2) > 0 &&
		rte_cpu_get_flag_enabled(RTE_CPUFLAG_BMI2) > 0)
		return forward_burst_avx2;
#endif
	return forward_burst_base;
}

const char *
forward_name(forward_fn *burst)
{
#if defined(RTE_ARCH_X86)
	if (burst == forward_burst_avx512)
		return "avx512";
	if (burst == forward_burst_avx2)
		return "avx2";
#endif
	return burst == forward_burst_base ? "base" : "none";
}

void
forward_pull(struct virtq_seg **segs, uint32_t *nb_segs, uint8_t *to, uint32_t n)
{
	while (n > 0) {
		struct virtq_seg *s = *segs;
		uint32_t part = RTE_MIN(n, s->len);

		if (to != NULL) {
			memcpy(to, s->ptr, part);
			to += part;
		}
		n -= part;
		s->ptr += part;
		s->guest += part;
		s->len -= part;
		if (s->len == 0) {
			(*segs)++;
			(*nb_segs)--;
		}
	}
}

uint32_t
forward_deepen(struct worker *w, struct frame *f)
{
	uint32_t i = (uint32_t)(f - w->frames);
	uint32_t n = RTE_MIN(f->len, (uint32_t)VNET_PACKET_HEAD);
	uint32_t nb_segs = f->nb_segs;
	struct virtq_seg *at = f->segs;
	uint8_t *deep = w->deep[i];

	memcpy(deep, f->head, RTE_MIN(n, (uint32_t)FRAME_HEAD));
	if (n <= FRAME_HEAD)
		return n;
	if (nb_segs == 0 && n == f->len) {
		memcpy(deep + FRAME_HEAD, f->rest, n - FRAME_HEAD);
		f->rest = deep + FRAME_HEAD;
		return n;
	}
	w->burst.deepened = true;
	if (nb_segs == 0) {
		at = &w->deep_segs[i][1];
		/* Only read from: casting const away does no harm. */
		*at = (struct virtq_seg){(uint8_t *)(uintptr_t)f->rest, 0, f->len - FRAME_HEAD};
		nb_segs = 1;
	}
	forward_pull(&at, &nb_segs, deep + FRAME_HEAD, n - FRAME_HEAD);
	at--;
	*at = (struct virtq_seg){deep + FRAME_HEAD, 0, n - FRAME_HEAD};
	f->segs = at;
	f->nb_segs = nb_segs + 1;
	return n;
}

/* One piece is the short form. */
static void
frame_unite(struct frame *f)
{
	if (f->nb_segs == 1) {
		f->rest = f->segs->ptr;
		f->nb_segs = 0;
	}
}

enum forward_take
forward_take_chain(struct worker *w, struct port_rxq *rxq, uint16_t head, struct frame *frame)
{
	/* One piece in front is for private bytes. */
	uint16_t first = (uint16_t)(w->burst.nb_segs + 1);
	struct virtq_seg *segs = &w->segs[first];
	struct virtio_net_hdr hdr = {0};
	struct virtq_chain chain;
	enum forward_take did = FORWARD_TAKEN;
	uint32_t nb_segs;

	if (first >= WORKER_SEGS)
		return FORWARD_LATER;
	switch (virtq_device_walk(&rxq->vq, head, segs, (uint16_t)(WORKER_SEGS - first), &chain)) {
	case VIRTQ_FAULT_NONE:
		break;
	case VIRTQ_FAULT_CHAIN_SEGMENTS:
		if (w->burst.nb_segs > 0)
			return FORWARD_LATER;
		w->burst.more_work += chain.nb_desc * TURN_PIECE;
		rxq->stats.too_many_segments++;
		return FORWARD_DROPPED;
	default:
		return FORWARD_FAULT;
	}
	if (chain.nb_write != 0) {
		virtq_device_set_fault(&rxq->vq, VIRTQ_FAULT_NOT_READABLE, head, chain.nb_read);
		return FORWARD_FAULT;
	}
	if (chain.read_bytes < (uint32_t)rxq->hdr_bytes + FRAME_MIN) {
		rxq->stats.runt++;
		return FORWARD_DROPPED;
	}
	if (chain.read_bytes > (uint32_t)rxq->hdr_bytes + FRAME_MAX) {
		rxq->stats.oversize++;
		return FORWARD_DROPPED;
	}
	/* Descriptors without a byte take room, too: what a burst walks is bounded. */
	w->burst.nb_segs = (uint16_t)(first + RTE_MAX((uint32_t)chain.nb_read, chain.nb_desc));
	nb_segs = chain.nb_read;
	frame->len = chain.read_bytes - rxq->hdr_bytes;
	forward_pull(&segs, &nb_segs, (uint8_t *)&hdr, rxq->hdr_bytes);
	forward_pull(&segs, &nb_segs, frame->head, RTE_MIN(frame->len, (uint32_t)FRAME_HEAD));
	frame->rest = NULL;
	frame->segs = segs;
	frame->nb_segs = nb_segs;
	if (rxq->can != 0)
		did = offload_take(w, rxq, &hdr, frame);
	frame_unite(frame);
	return did;
}

bool
forward_learn(struct worker *w, struct port_rxq *rxq, uint64_t key)
{
	if ((key & 1) || key == 0)
		return false;
	fdb_learn(key, rxq->port->id, w->clock);
	rxq->from = (struct port_mac_memo){key, w->clock, rxq->port->id};
	return true;
}

__rte_cold void
forward_interrupt(int call_fd, uint64_t *interrupts)
{
	if (call_fd >= 0 && notify(call_fd))
		__atomic_fetch_add(interrupts, 1, __ATOMIC_RELAXED);
}

void
forward_send_chains(struct worker *w, struct port_txq *txq, const struct frame *frame,
	const struct vnet_offload *offload)
{
	struct out out;
	uint64_t *drop = out_open(&out, w, txq, frame->len);

	if (drop != NULL) {
		(*drop)++;
		return;
	}
	out_header(&out, frame, offload);
	out_frame(&out, frame);
	out_close(&out, frame->len);
}

/*
 * Frames to several ports.
 */
static_assert(
	(WORKER_BURST_BYTES + FRAME_MAX) / RTE_MBUF_DEFAULT_DATAROOM + WORKER_BURST <= WORKER_SEGS,
	"pieces of a burst of mbufs");
static_assert(WORKER_BURST * FRAME_STRAIGHT_MAX <= WORKER_BURST_BYTES + FRAME_MAX, "straight, too");

static bool
mbuf_write(struct rte_mbuf *m, struct rte_mbuf **last, const uint8_t *from, uint32_t n)
{
	while (n > 0) {
		uint32_t part = RTE_MIN(n, (uint32_t)rte_pktmbuf_tailroom(*last));

		if (part == 0) {
			struct rte_mbuf *next = rte_pktmbuf_alloc(worker_pool);

			if (next == NULL)
				return false;
			(*last)->next = next;
			*last = next;
			m->nb_segs++;
			continue;
		}
		rte_memcpy(
			rte_pktmbuf_mtod_offset(*last, uint8_t *, (*last)->data_len), from, part);
		(*last)->data_len = (uint16_t)((*last)->data_len + part);
		m->pkt_len += part;
		from += part;
		n -= part;
	}
	return true;
}

struct rte_mbuf *
forward_to_mbuf(const struct frame *frame)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(worker_pool);
	struct rte_mbuf *last = m;
	uint32_t head = RTE_MIN(frame->len, (uint32_t)FRAME_HEAD);
	bool ok;

	if (m == NULL)
		return NULL;
	ok = mbuf_write(m, &last, frame->head, head);
	if (frame->nb_segs == 0)
		ok = ok && mbuf_write(m, &last, frame->rest, frame->len - head);
	for (uint32_t i = 0; ok && i < frame->nb_segs; i++)
		ok = mbuf_write(m, &last, frame->segs[i].ptr, frame->segs[i].len);
	if (!ok) {
		rte_pktmbuf_free(m);
		return NULL;
	}
	return m;
}

void
forward_of_mbuf(struct worker *w, struct frame *frame, const struct rte_mbuf *m)
{
	struct virtq_seg *segs = &w->segs[w->burst.nb_segs];
	uint32_t nb_segs = 0;

	/* Mbufs are full but for the last: a burst of them has fewer pieces than segs[]. */
	for (const struct rte_mbuf *s = m; s != NULL; s = s->next)
		segs[nb_segs++] = (struct virtq_seg){
			.ptr = rte_pktmbuf_mtod(s, uint8_t *),
			.len = s->data_len,
		};
	w->burst.nb_segs = (uint16_t)(w->burst.nb_segs + nb_segs);
	frame->len = m->pkt_len;
	forward_pull(&segs, &nb_segs, frame->head, RTE_MIN(frame->len, (uint32_t)FRAME_HEAD));
	frame->segs = segs;
	frame->nb_segs = nb_segs;
	frame->rest = NULL;
	frame_unite(frame);
}
