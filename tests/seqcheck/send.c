/* SPDX-License-Identifier: BSD-3-Clause */
#include "run.h"

#include <rte_ethdev.h>

#include <string.h>

static uint16_t
frame_length(const struct options *opt, const struct flow *f, uint64_t seq)
{
	uint32_t range = opt->size_max - opt->size_min + 1u;

	if (range == 1)
		return opt->size_min;
	/* A stride prime to any range below it visits every length. */
	return opt->size_min + (uint16_t)((seq * 7919 + f->id * 104729ull) % range);
}

/* Length of the next piece when left bytes go into nb segments; uneven on purpose. */
static uint16_t
piece_length(const struct options *opt, uint64_t seq, uint16_t left, uint16_t nb)
{
	uint16_t even = left / nb, piece = even;

	if (nb == 1)
		return left;
	if (even > 2)
		piece = even - (uint16_t)((seq + nb) % (even / 2));
	return RTE_MIN(piece, opt->mbuf_size);
}

static struct rte_mbuf *
build_chain(struct run *r, struct flow *f, uint16_t magic, uint64_t seq, uint16_t length)
{
	static uint8_t linear[SEQ_FRAME_MAX];
	const struct options *opt = r->opt;
	uint16_t nb = ports_frame_segs(opt, length);
	struct rte_mbuf *segs[SEQ_MAX_SEGS], *head;
	uint16_t at = 0;

	if (rte_pktmbuf_alloc_bulk(r->ports->pool, segs, nb) != 0)
		return NULL;
	flow_write_frame(f, linear, magic, seq, length);
	head = segs[0];
	for (uint16_t i = 0; i < nb; i++) {
		uint16_t left = length - at;
		/* What is left behind this piece must fit into the segments behind it. */
		uint16_t room = (nb - i - 1) * opt->mbuf_size;
		uint16_t piece = piece_length(opt, seq, left, nb - i);

		if (left - piece > room)
			piece = left - room;
		memcpy(rte_pktmbuf_mtod(segs[i], void *), linear + at, piece);
		segs[i]->data_len = piece;
		segs[i]->next = i + 1 < nb ? segs[i + 1] : NULL;
		at += piece;
	}
	head->nb_segs = nb;
	head->pkt_len = length;
	flow_ask(f, head);
	return head;
}

static uint16_t
build_burst(struct run *r, struct flow *f, uint16_t n)
{
	const struct options *opt = r->opt;
	uint16_t i = 0;

	if (opt->segs > 1 || opt->size_max > opt->mbuf_size) {
		for (; i < n; i++, f->tx_next++) {
			f->pending[i] = build_chain(
				r, f, SEQ_MAGIC_DATA, f->tx_next, frame_length(opt, f, f->tx_next));
			if (f->pending[i] == NULL)
				break;
			flow_note_sent(f, f->tx_next);
		}
		return i;
	}
	if (rte_pktmbuf_alloc_bulk(r->ports->pool, f->pending, n) != 0)
		return 0;
	for (; i < n; i++, f->tx_next++) {
		struct rte_mbuf *m = f->pending[i];
		uint16_t length = frame_length(opt, f, f->tx_next);

		m->data_len = length;
		m->pkt_len = length;
		flow_ask(f, m);
		flow_note_sent(f, f->tx_next);
		flow_write_frame(
			f, rte_pktmbuf_mtod(m, uint8_t *), SEQ_MAGIC_DATA, f->tx_next, length);
	}
	return n;
}

bool
send_flow(struct run *r, struct flow *f)
{
	uint16_t sent;

	if (f->nb_pending == 0) {
		uint64_t in_flight = flow_in_flight(f);
		uint64_t n = r->opt->burst;

		if (in_flight >= r->window || f->tx_next >= f->quota)
			return false;
		n = RTE_MIN(n, r->window - in_flight);
		n = RTE_MIN(n, f->quota - f->tx_next);
		f->pending_at = 0;
		f->nb_pending = build_burst(r, f, n);
		if (f->nb_pending == 0)
			return false;
	}
	sent = rte_eth_tx_burst(
		f->src_port, f->src_queue, f->pending + f->pending_at, f->nb_pending);
	f->pending_at += sent;
	f->nb_pending -= sent;
	f->count.sent += sent;
	return sent != 0;
}

void
send_hello(struct run *r, struct flow *f, uint64_t number)
{
	struct rte_mbuf *m = build_chain(r, f, SEQ_MAGIC_HELLO, number, r->opt->size_min);

	if (m != NULL && rte_eth_tx_burst(f->src_port, f->src_queue, &m, 1) == 0)
		rte_pktmbuf_free(m);
}
