/* SPDX-License-Identifier: BSD-3-Clause */
#include "run.h"

#include <rte_ethdev.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define GAP_WORTH_A_LINE_MS 50
#define MAX_COMPLAINTS 5

static void
complain(const struct run *r, const char *what, const struct seq_hdr *h, uint16_t port,
	uint16_t queue, uint32_t length, int at)
{
	if (r->corrupt >= MAX_COMPLAINTS)
		return;
	fprintf(stderr,
		"seqcheck: port %u queue %u: %s: flow %u seq %" PRIu64
		" length %u (frame says %u), byte %d\n",
		port, queue, what, h->flow, h->seq, length, h->length, at);
}

static bool
from_one_of_ours(const struct run *r, const struct rte_ether_addr *mac)
{
	for (uint16_t i = 0; i < r->nb_flows; i++) {
		if (rte_is_same_ether_addr(mac, &r->flows[i].net.ether.src_addr))
			return true;
	}
	return false;
}

static void
note_gap(struct run *r, struct flow *f, uint64_t now)
{
	uint64_t gap = now - f->last_rx_tsc;
	struct timespec ts;

	if (f->last_rx_tsc != 0 && gap > f->longest_gap) {
		f->longest_gap = gap;
		r->longest_gap = RTE_MAX(r->longest_gap, gap);
	}
	if (f->last_rx_tsc != 0 && r->opt->report_gap && gap > r->hz / 1000 * GAP_WORTH_A_LINE_MS) {
		clock_gettime(CLOCK_MONOTONIC, &ts);
		printf("gap flow %u us %" PRIu64 " until %ld.%06ld\n", f->id, gap * 1000000 / r->hz,
			(long)ts.tv_sec, ts.tv_nsec / 1000);
		fflush(stdout);
	}
	f->last_rx_tsc = now;
}

/* Cold: a frame without our header, or with one that is not intact. */
static __rte_noinline enum seq_verdict
classify_stranger(
	struct run *r, const uint8_t *frame, uint32_t length, uint16_t port, uint16_t queue)
{
	const struct rte_ether_hdr *ether = (const void *)frame;
	struct seq_hdr h = {0};

	if (length < sizeof(*ether) || !from_one_of_ours(r, &ether->src_addr) ||
		ether->ether_type != rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4))
		return SEQ_FOREIGN;
	if (length >= SEQ_FRAME_MIN)
		memcpy(&h, frame + sizeof(struct net_hdr), sizeof(h));
	complain(r, "frame of ours with a broken header", &h, port, queue, length, -1);
	return SEQ_CORRUPT;
}

static __rte_noinline enum seq_verdict
classify_misdelivered(struct run *r, const struct flow *f, const struct seq_hdr *h,
	const uint8_t *frame, uint16_t port, uint16_t queue)
{
	const struct rte_ether_hdr *ether = (const void *)frame;

	/* A copy flooded to a bystander keeps its address; anything else went astray. */
	if (memcmp(&ether->dst_addr, &f->net.ether.dst_addr, RTE_ETHER_ADDR_LEN) == 0)
		return SEQ_FLOODED;
	complain(r, "address changed on the way", h, port, queue, h->length, 0);
	return SEQ_CORRUPT;
}

static enum seq_verdict
check_frame(struct run *r, const struct rte_mbuf *m, const uint8_t *frame, uint32_t length,
	uint16_t port, uint16_t queue, uint64_t now)
{
	struct seq_hdr h;
	struct flow *f;
	enum seq_verdict verdict;
	int at;

	if (length < SEQ_FRAME_MIN)
		return classify_stranger(r, frame, length, port, queue);
	memcpy(&h, frame + sizeof(struct net_hdr), sizeof(h));
	if (h.sum != seq_hdr_sum(&h, r->salt) || h.flow >= r->nb_flows ||
		(h.magic != SEQ_MAGIC_DATA && h.magic != SEQ_MAGIC_HELLO))
		return classify_stranger(r, frame, length, port, queue);
	f = &r->flows[h.flow];
	if (f->dst_port != port)
		return classify_misdelivered(r, f, &h, frame, port, queue);
	if (h.length != length) {
		complain(r, "length changed on the way", &h, port, queue, length, -1);
		return SEQ_CORRUPT;
	}
	at = flow_find_difference(f, frame, h.seq, h.length);
	if (at >= 0) {
		complain(r, "byte changed on the way", &h, port, queue, length, at);
		return SEQ_CORRUPT;
	}
	if (!flow_mbuf_is_right(f, m)) {
		complain(r, "wrong checksum flags or hash", &h, port, queue, length, -1);
		return SEQ_CORRUPT;
	}
	if (h.magic == SEQ_MAGIC_HELLO) {
		f->hello_seen = true;
		return SEQ_HELLO;
	}
	verdict = flow_note_arrival(f, h.seq, queue);
	if (verdict == SEQ_CORRUPT)
		complain(r, "frame that was never sent", &h, port, queue, length, -1);
	if (verdict == SEQ_GOOD && f->last_rx_tsc != now)
		note_gap(r, f, now);
	return verdict;
}

static void
check_mbuf(struct run *r, uint16_t port, uint16_t queue, struct rte_mbuf *m, uint64_t now)
{
	static uint8_t linear[SEQ_FRAME_MAX + 1024];
	uint32_t length = m->pkt_len;
	const uint8_t *frame;

	if (length > sizeof(linear)) {
		r->corrupt++;
		fprintf(stderr, "seqcheck: port %u queue %u: frame of %u bytes\n", port, queue,
			length);
		return;
	}
	frame = rte_pktmbuf_read(m, 0, length, linear);
	if (frame == NULL) {
		r->corrupt++;
		fprintf(stderr, "seqcheck: port %u queue %u: segments hold less than pkt_len %u\n",
			port, queue, length);
		return;
	}
	switch (check_frame(r, m, frame, length, port, queue, now)) {
	case SEQ_GOOD:
		r->received++;
		break;
	case SEQ_FOREIGN:
		r->foreign++;
		break;
	case SEQ_FLOODED:
		r->flooded++;
		break;
	case SEQ_CORRUPT:
		r->corrupt++;
		break;
	case SEQ_HELLO:
	case SEQ_DUPLICATE:
		break;
	}
}

static void
release_held(struct run *r, uint64_t now)
{
	struct rte_mbuf *m = r->held;

	r->held = NULL;
	check_mbuf(r, r->held_port, r->held_queue, m, now);
	rte_pktmbuf_free(m);
}

/* Our own faults, for the test of the check itself. @return true when m is spoken for. */
static bool
inject(struct run *r, uint16_t port, uint16_t queue, struct rte_mbuf *m, uint64_t now)
{
	bool due = ++r->arrivals % r->opt->inject_every == 0;
	uint8_t *byte;

	if (r->held != NULL) {
		check_mbuf(r, port, queue, m, now);
		rte_pktmbuf_free(m);
		release_held(r, now);
		return true;
	}
	if (!due)
		return false;
	switch (r->opt->inject) {
	case INJECT_LOSE:
		rte_pktmbuf_free(m);
		return true;
	case INJECT_DUPLICATE:
		check_mbuf(r, port, queue, m, now);
		return false;
	case INJECT_REORDER:
		r->held = m;
		r->held_port = port;
		r->held_queue = queue;
		return true;
	case INJECT_CORRUPT:
		byte = rte_pktmbuf_mtod_offset(m, uint8_t *, r->arrivals * 7919 % m->data_len);
		*byte ^= 1u << r->arrivals % 8;
		return false;
	case INJECT_NONE:
		break;
	}
	return false;
}

void
check_burst(struct run *r, uint16_t port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n,
	uint64_t now)
{
	if (r->opt->inject != INJECT_NONE) {
		for (uint16_t i = 0; i < n; i++) {
			if (inject(r, port, queue, pkts[i], now))
				continue;
			check_mbuf(r, port, queue, pkts[i], now);
			rte_pktmbuf_free(pkts[i]);
		}
		return;
	}
	for (uint16_t i = 0; i < n; i++) {
		if (i + 4 < n)
			rte_prefetch0(rte_pktmbuf_mtod(pkts[i + 4], void *));
		check_mbuf(r, port, queue, pkts[i], now);
	}
	rte_pktmbuf_free_bulk(pkts, n);
}
