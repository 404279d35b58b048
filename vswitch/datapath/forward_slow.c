/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames that are not one descriptor: chains in, chains and merged buffers out, floods. */
#include "datapath/copy.h"
#include "datapath/fdb.h"
#include "datapath/forward.h"
#include "net/vnet_hdr.h"

#include <rte_cpuflags.h>
#include <rte_vect.h>

#include <sys/eventfd.h>

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

/* Copy the first n bytes of the pieces and move past them. */
static void
segs_pull(struct virtq_seg **segs, uint32_t *nb_segs, uint8_t *to, uint32_t n)
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

enum forward_take
forward_take_chain(struct worker *w, struct port_rxq *rxq, uint16_t head, struct frame *frame)
{
	struct virtq_seg *segs = &w->segs[w->nb_segs];
	uint16_t room = (uint16_t)(WORKER_SEGS - w->nb_segs);
	struct virtq_chain chain;
	uint32_t nb_segs;

	switch (virtq_device_walk(&rxq->vq, head, segs, room, &chain)) {
	case VIRTQ_FAULT_NONE:
		break;
	case VIRTQ_FAULT_CHAIN_SEGMENTS:
		if (room < WORKER_SEGS)
			return FORWARD_LATER;
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
	w->nb_segs = (uint16_t)(w->nb_segs + chain.nb_read);
	nb_segs = chain.nb_read;
	frame->len = chain.read_bytes - rxq->hdr_bytes;
	segs_pull(&segs, &nb_segs, NULL, rxq->hdr_bytes);
	segs_pull(&segs, &nb_segs, frame->head, RTE_MIN(frame->len, (uint32_t)FRAME_HEAD));
	frame->rest = NULL;
	if (nb_segs == 1) {
		frame->rest = segs->ptr;
		nb_segs = 0;
	}
	frame->segs = segs;
	frame->nb_segs = nb_segs;
	return FORWARD_TAKEN;
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
	if (call_fd >= 0 && eventfd_write(call_fd, 1) == 0)
		__atomic_fetch_add(interrupts, 1, __ATOMIC_RELAXED);
}

/*
 * Writing to a guest's buffers: a run of pieces, possibly of several chains, filled from the front.
 */
struct out {
	struct virtq_device *q;
	const struct virtq_seg *seg;
	uint32_t offset; /* in *seg */
};

static void
out_write(struct out *out, const uint8_t *from, uint32_t n)
{
	while (n > 0) {
		uint32_t part = RTE_MIN(n, out->seg->len - out->offset);

		rte_memcpy(out->seg->ptr + out->offset, from, part);
		virtq_device_log(out->q, out->seg->guest + out->offset, part);
		from += part;
		n -= part;
		out->offset += part;
		if (out->offset == out->seg->len) {
			out->seg++;
			out->offset = 0;
		}
	}
}

static void
out_frame(struct out *out, const struct frame *f, uint16_t hdr_bytes, uint16_t num_buffers)
{
	struct virtio_net_hdr hdr;
	uint32_t head = RTE_MIN(f->len, (uint32_t)FRAME_HEAD);

	vnet_hdr_clear_rx(&hdr, hdr_bytes, num_buffers);
	out_write(out, (const uint8_t *)&hdr, hdr_bytes);
	out_write(out, f->head, head);
	if (f->nb_segs == 0) {
		out_write(out, f->rest, f->len - head);
		return;
	}
	for (uint32_t i = 0; i < f->nb_segs; i++)
		out_write(out, f->segs[i].ptr, f->segs[i].len);
}

/* Buffers for one frame: chains from avail_next on until they hold it. */
struct gathered {
	uint32_t bytes;
	uint16_t nb_chains;
	uint16_t nb_segs;
};

/* Walk one more chain. Returns the counter to raise when the frame cannot be sent, else NULL. */
static uint64_t *
gather_chain(struct worker *w, struct port_txq *txq, struct gathered *g)
{
	struct virtq_device *q = &txq->vq;
	struct virtq_chain chain;
	uint16_t head;

	if (g->nb_chains == WORKER_CHAINS)
		return &txq->stats.buffers_too_small;
	if (virtq_device_avail(q, (uint16_t)(g->nb_chains + 1)) <= g->nb_chains)
		return virtq_device_broken(q) ? &txq->stats.ring_fault : &txq->stats.no_descriptor;
	head = virtq_device_head_raw(q, g->nb_chains);
	switch (virtq_device_walk(
		q, head, &w->out[g->nb_segs], (uint16_t)(WORKER_SEGS - g->nb_segs), &chain)) {
	case VIRTQ_FAULT_NONE:
		break;
	case VIRTQ_FAULT_CHAIN_SEGMENTS:
		return &txq->stats.buffers_too_small;
	default:
		return &txq->stats.ring_fault;
	}
	if (chain.nb_read != 0) {
		virtq_device_set_fault(q, VIRTQ_FAULT_NOT_WRITABLE, head, chain.nb_read);
		return &txq->stats.ring_fault;
	}
	w->out_heads[g->nb_chains] = head;
	w->out_bytes[g->nb_chains] = chain.write_bytes;
	g->nb_chains++;
	g->nb_segs = (uint16_t)(g->nb_segs + chain.nb_write);
	g->bytes += chain.write_bytes;
	return NULL;
}

void
forward_send_chains(struct worker *w, struct port_txq *txq, const struct frame *frame)
{
	struct virtq_device *q = &txq->vq;
	uint32_t left = frame->len + txq->hdr_bytes;
	struct gathered g = {0};
	struct out out = {.q = q, .seg = w->out};

	while (g.bytes < left) {
		uint64_t *drop = gather_chain(w, txq, &g);

		if (drop == NULL && g.bytes < left && !txq->merge)
			drop = &txq->stats.too_big_no_merge;
		if (drop != NULL) {
			(*drop)++;
			return;
		}
	}
	out_frame(&out, frame, txq->hdr_bytes, g.nb_chains);
	for (uint16_t i = 0; i < g.nb_chains; i++) {
		uint32_t part = RTE_MIN(left, w->out_bytes[i]);

		virtq_device_put(q, w->out_heads[i], part);
		left -= part;
	}
	virtq_device_taken(q, g.nb_chains);
	txq->stats.packets++;
	txq->stats.bytes += frame->len;
	if (g.nb_chains > 1)
		txq->stats.merged++;
}

/*
 * Frames to several ports.
 */
static_assert(WORKER_BURST * (FRAME_MAX / RTE_MBUF_DEFAULT_DATAROOM + 1) <= WORKER_SEGS,
	"pieces of a burst of mbufs");

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
	struct virtq_seg *segs = &w->segs[w->nb_segs];
	uint32_t nb_segs = 0;

	/* A frame is at most FRAME_MAX bytes: a burst of them has fewer pieces than segs[]. */
	for (const struct rte_mbuf *s = m; s != NULL; s = s->next)
		segs[nb_segs++] = (struct virtq_seg){
			.ptr = rte_pktmbuf_mtod(s, uint8_t *),
			.len = s->data_len,
		};
	w->nb_segs = (uint16_t)(w->nb_segs + nb_segs);
	frame->len = m->pkt_len;
	segs_pull(&segs, &nb_segs, frame->head, RTE_MIN(frame->len, (uint32_t)FRAME_HEAD));
	frame->segs = segs;
	frame->nb_segs = nb_segs;
	frame->rest = NULL;
	if (nb_segs == 1) {
		frame->rest = segs->ptr;
		frame->nb_segs = 0;
	}
}
