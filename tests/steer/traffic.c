/* SPDX-License-Identifier: BSD-3-Clause */
#include "traffic.h"

#include "frames.h"
#include "ports.h"

#include <rte_cycles.h>
#include <rte_mbuf.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BURST 32
#define STALL_S 3
#define MAX_COMPLAINTS 5
#define PROBE_SEED 0x70726f62u

/* A check under way. */
struct flow {
	const struct check *c;
	const struct expected *e;
	struct outcome *out;
	uint8_t macs[12];
	uint8_t *seen; /* [c->count] */
	uint64_t state;
};

static void
addresses(uint8_t macs[12], uint16_t to, uint16_t from)
{
	struct rte_ether_addr mac;

	rte_eth_macaddr_get(to, &mac);
	memcpy(macs, mac.addr_bytes, 6);
	rte_eth_macaddr_get(from, &mac);
	memcpy(macs + 6, mac.addr_bytes, 6);
}

/* A frame in up to segs mbufs, cut anywhere. */
static struct rte_mbuf *
to_mbufs(uint16_t port, const uint8_t *frame, uint32_t len, uint16_t segs, uint64_t *state)
{
	struct rte_mbuf *head = NULL;
	uint32_t at = 0;

	if (!steer_ports[port].segments)
		segs = 1;
	for (uint16_t left = 1 + frame_random(state) % segs; left > 0; left--) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(steer_ports[port].pool);
		uint32_t piece =
			left == 1 ? len - at : 1 + frame_random(state) % (len - at - left + 1);

		if (m == NULL || (head != NULL && rte_pktmbuf_chain(head, m) != 0)) {
			rte_pktmbuf_free(m);
			rte_pktmbuf_free(head);
			return NULL;
		}
		m->data_len = (uint16_t)piece;
		memcpy(rte_pktmbuf_mtod(m, void *), frame + at, piece);
		if (head == NULL)
			head = m;
		at += piece;
	}
	head->pkt_len = len;
	return head;
}

static uint32_t
make(const struct flow *f, uint8_t *frame, uint64_t id)
{
	if (f->c->vectors)
		return vector_make(frame, f->c->seed, id, f->macs);
	return frame_make(frame, f->c->seed, id, f->macs);
}

static void
complain(struct flow *f, uint64_t id, uint16_t queue, const struct rte_mbuf *m, const char *what,
	const struct verdict *v)
{
	uint8_t frame[FRAME_ROOM];
	uint32_t len;

	if (f->out->wrong++ >= MAX_COMPLAINTS)
		return;
	fprintf(stderr,
		"steer: seed %u frame %" PRIu64 ": %s: expected %s %08x queue %u, got flag %d %08x "
		"type %x queue %u\n",
		f->c->seed, id, what, reference_name(v->report), v->value, v->queue,
		(m->ol_flags & RTE_MBUF_F_RX_RSS_HASH) != 0, m->hash.rss, m->packet_type, queue);
	len = make(f, frame, id);
	for (uint32_t i = 0; i < RTE_MIN(len, 300u); i++)
		fprintf(stderr, "%02x%s", frame[i], i % 32 == 31 ? "\n" : "");
	fprintf(stderr, "%s (%u bytes)\n", len > 300 ? "..." : "", len);
}

/* DPDK's packet type says at least what the report says. */
static bool
type_fits(uint32_t type, enum reference_report report)
{
	uint32_t l4 = type & RTE_PTYPE_L4_MASK;

	if (report == REPORT_NONE)
		return true;
	if (report <= REPORT_UDPV4 ? !RTE_ETH_IS_IPV4_HDR(type) : !RTE_ETH_IS_IPV6_HDR(type))
		return false;
	switch (report) {
	case REPORT_TCPV4:
	case REPORT_TCPV6:
	case REPORT_TCPV6_EX:
		return l4 == RTE_PTYPE_L4_TCP;
	case REPORT_UDPV4:
	case REPORT_UDPV6:
	case REPORT_UDPV6_EX:
		return l4 == RTE_PTYPE_L4_UDP;
	default:
		return true;
	}
}

/* Nothing but what was expected is in the mbuf. */
static const char *
find_fault(const struct flow *f, const struct rte_mbuf *m, uint16_t queue, const struct verdict *v)
{
	bool hashed = (m->ol_flags & RTE_MBUF_F_RX_RSS_HASH) != 0;

	if (f->e->steered && queue != v->queue)
		return "queue";
	if (hashed != (f->e->reported && v->report != REPORT_NONE))
		return "flag of the hash";
	if (hashed && m->hash.rss != v->value)
		return "hash";
	if (hashed && !type_fits(m->packet_type, v->report))
		return "packet type";
	return NULL;
}

static void
receive_one(struct flow *f, const struct rte_mbuf *m, uint16_t queue)
{
	uint8_t copy[FRAME_ROOM], frame[FRAME_ROOM];
	uint32_t len = RTE_MIN(m->pkt_len, (uint32_t)FRAME_ROOM);
	const uint8_t *bytes = rte_pktmbuf_read(m, 0, len, copy);
	struct verdict v = {0};
	const char *fault;
	uint64_t id;

	if (bytes == NULL || !frame_id(bytes, len, f->c->seed, &id) || id < f->c->first ||
		id - f->c->first >= f->c->count) {
		f->out->foreign++;
		return;
	}
	if (f->seen[id - f->c->first]++ != 0) {
		complain(f, id, queue, m, "arrived twice", &v);
		return;
	}
	f->out->received++;
	f->out->queues[queue]++;
	if (make(f, frame, id) != len || memcmp(frame, bytes, len) != 0) {
		complain(f, id, queue, m, "changed on the way", &v);
		return;
	}
	v = reference_judge(&f->e->reference, frame, len);
	f->out->reports[v.report]++;
	fault = find_fault(f, m, queue, &v);
	if (fault == NULL && f->c->vectors &&
		(v.report != vector_value(id).report || v.value != vector_value(id).value))
		fault = "the published value";
	if (fault != NULL)
		complain(f, id, queue, m, fault, &v);
}

/* @return how many frames arrived. */
static uint32_t
receive(struct flow *f)
{
	struct rte_mbuf *pkts[BURST];
	uint32_t before = f->out->received;

	for (uint16_t q = 0; q < steer_ports[f->c->rx_port].nb_rxq; q++) {
		uint16_t n = rte_eth_rx_burst(f->c->rx_port, q, pkts, BURST);

		for (uint16_t i = 0; i < n; i++)
			receive_one(f, pkts[i], q);
		if (n != 0)
			rte_pktmbuf_free_bulk(pkts, n);
	}
	return f->out->received - before;
}

/* The next frames, up to the window; sent by all transmit queues in turn. */
static int
send_some(struct flow *f)
{
	while (f->out->sent < f->c->count && f->out->sent - f->out->received < f->c->window) {
		uint64_t id = f->c->first + f->out->sent;
		uint16_t queue = id % steer_ports[f->c->tx_port].nb_txq;
		uint8_t frame[FRAME_ROOM];
		struct rte_mbuf *m =
			to_mbufs(f->c->tx_port, frame, make(f, frame, id), f->c->segs, &f->state);

		if (m == NULL)
			return -ENOMEM;
		if (rte_eth_tx_burst(f->c->tx_port, queue, &m, 1) == 0) {
			rte_pktmbuf_free(m);
			return 0;
		}
		f->out->sent++;
	}
	return 0;
}

static void
tell_lost(const struct flow *f)
{
	unsigned int told = 0;

	for (uint32_t i = 0; i < f->out->sent && told < MAX_COMPLAINTS; i++) {
		if (f->seen[i] == 0 && ++told != 0)
			fprintf(stderr, "steer: seed %u frame %" PRIu64 " did not arrive\n",
				f->c->seed, f->c->first + i);
	}
}

int
traffic_check(const struct check *c, const struct expected *e, struct outcome *out)
{
	uint64_t stall = STALL_S * rte_get_timer_hz(), last = rte_get_timer_cycles();
	struct flow f = {.c = c, .e = e, .out = out, .state = c->seed};
	int rc = 0;

	*out = (struct outcome){0};
	addresses(f.macs, c->rx_port, c->tx_port);
	f.seen = calloc(c->count, 1);
	if (f.seen == NULL)
		return -ENOMEM;
	while (rc == 0 && out->received < c->count) {
		rc = send_some(&f);
		if (receive(&f) != 0)
			last = rte_get_timer_cycles();
		else if (rte_get_timer_cycles() - last > stall)
			break;
	}
	/* A second copy may lag behind. */
	for (unsigned int i = 0; i < 16; i++)
		receive(&f);
	out->lost = out->sent - out->received;
	tell_lost(&f);
	free(f.seen);
	if (rc != 0)
		return rc;
	return out->wrong == 0 && out->received == c->count ? 0 : -EBADMSG;
}

static uint32_t
make_probe(uint8_t *frame, uint64_t id, const uint8_t macs[12], uint16_t tag)
{
	uint8_t bytes[64] = {0};
	uint32_t nb = 0;

	if (tag != 0) {
		bytes[0] = 0x81;
		bytes[2] = (uint8_t)(tag >> 8);
		bytes[3] = (uint8_t)tag;
		nb = 4;
	}
	/* A type for experiments, IEEE 802. */
	bytes[nb] = 0x88;
	bytes[nb + 1] = 0xb5;
	return frame_wrap(frame, PROBE_SEED, id, macs, bytes, nb + 32);
}

int
traffic_send(uint16_t port, const uint8_t *frame, uint32_t len)
{
	uint64_t end = rte_get_timer_cycles() + STALL_S * rte_get_timer_hz(), state = 0;
	struct rte_mbuf *m = to_mbufs(port, frame, len, 1, &state);

	if (m == NULL)
		return -ENOMEM;
	while (rte_eth_tx_burst(port, 0, &m, 1) == 0) {
		if (rte_get_timer_cycles() > end) {
			rte_pktmbuf_free(m);
			return -ETIMEDOUT;
		}
	}
	return 0;
}

static int
send_probe(uint16_t port, uint64_t id, const uint8_t macs[12], uint16_t tag)
{
	uint8_t frame[FRAME_ROOM];

	return traffic_send(port, frame, make_probe(frame, id, macs, tag));
}

/* Number of the last marker seen, probes counted; base is the first probe's id. */
static void
receive_probes(uint16_t port, uint64_t base, struct probe *probes, uint32_t nb, bool *marker)
{
	struct rte_mbuf *pkts[BURST];

	for (uint16_t q = 0; q < steer_ports[port].nb_rxq; q++) {
		uint16_t n = rte_eth_rx_burst(port, q, pkts, BURST);

		for (uint16_t i = 0; i < n; i++) {
			uint8_t copy[FRAME_ROOM];
			uint32_t len = RTE_MIN(pkts[i]->pkt_len, (uint32_t)FRAME_ROOM);
			const uint8_t *bytes = rte_pktmbuf_read(pkts[i], 0, len, copy);
			uint64_t id;

			if (bytes == NULL || !frame_id(bytes, len, PROBE_SEED, &id) || id < base)
				continue;
			if (id - base < nb)
				probes[id - base].arrived++;
			else
				marker[id - base - nb] = true;
		}
		if (n != 0)
			rte_pktmbuf_free_bulk(pkts, n);
	}
}

int
traffic_probe(uint16_t rx_port, uint16_t tx_port, struct probe *probes, uint32_t nb)
{
	static uint64_t next_id;
	uint64_t base = next_id;
	bool marker[2] = {false};
	uint8_t macs[12], to[12];
	int rc;

	next_id += nb + 2;
	addresses(macs, rx_port, tx_port);
	for (uint32_t i = 0; i < nb; i++) {
		memcpy(to, probes[i].to.addr_bytes, 6);
		memcpy(to + 6, macs + 6, 6);
		rc = send_probe(tx_port, base + i, to, probes[i].tag);
		if (rc != 0)
			return rc;
		if (i % BURST == BURST - 1)
			receive_probes(rx_port, base, probes, nb, marker);
	}
	/* Behind all others; the second one starts when the first has come. */
	for (uint32_t i = 0; i < 2; i++) {
		uint64_t end = rte_get_timer_cycles() + STALL_S * rte_get_timer_hz();

		rc = send_probe(tx_port, base + nb + i, macs, 0);
		while (rc == 0 && !marker[i]) {
			receive_probes(rx_port, base, probes, nb, marker);
			if (rte_get_timer_cycles() > end)
				rc = -ETIMEDOUT;
		}
		if (rc != 0)
			return rc;
	}
	receive_probes(rx_port, base, probes, nb, marker);
	return 0;
}

void
traffic_drain(uint16_t port)
{
	struct rte_mbuf *pkts[BURST];

	for (uint16_t q = 0; q < steer_ports[port].nb_rxq; q++) {
		uint16_t n;

		while ((n = rte_eth_rx_burst(port, q, pkts, BURST)) != 0)
			rte_pktmbuf_free_bulk(pkts, n);
	}
}
