/* SPDX-License-Identifier: BSD-3-Clause */
#include "guest.h"

#include <rte_cycles.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TSO_PAYLOAD 1448
#define TSO_FRAME (14 + 20 + 20 + 45 * TSO_PAYLOAD)
#define STAMP_AT (14 + 20 + 8)

struct guest_flow guest_flows[2];

struct headers {
	struct rte_ether_hdr eth;
	struct rte_ipv4_hdr ip;
	union {
		struct rte_udp_hdr udp;
		struct rte_tcp_hdr tcp;
	};
};

_Static_assert(sizeof(struct headers) == 54, "headers lie one behind the other");

int
guest_load_parse(const char *text, struct guest_load *load)
{
	/* 7:4:1 of 64, 594 and 1518 bytes on the wire, the short ones spread out. */
	static const uint32_t imix[12] = {60, 590, 60, 60, 590, 60, 1514, 60, 590, 60, 60, 590};
	char copy[64], *save, *word;
	unsigned long bytes;

	memset(load, 0, sizeof(*load));
	snprintf(copy, sizeof(copy), "%s", text);
	word = strtok_r(copy, ",", &save);
	if (word == NULL)
		return -EINVAL;
	snprintf(load->name, sizeof(load->name), "%s", word);
	bytes = strtoul(word, NULL, 10);
	load->nb_sizes = 1;
	if (strcmp(word, "imix") == 0) {
		memcpy(load->size, imix, sizeof(imix));
		load->nb_sizes = RTE_DIM(imix);
	} else if (strcmp(word, "tso") == 0 && guest_conf.tso) {
		load->size[0] = TSO_FRAME;
		load->tso = true;
	} else if (bytes >= 60 && bytes <= guest_conf.frame && bytes <= guest_conf.room) {
		load->size[0] = (uint32_t)bytes;
	} else {
		fprintf(stderr, "guest: load %s: 60 to %u bytes, imix, or tso with --tso\n", word,
			RTE_MIN(guest_conf.frame, guest_conf.room));
		return -EINVAL;
	}
	while ((word = strtok_r(NULL, ",", &save)) != NULL) {
		load->touch |= strcmp(word, "touch") == 0;
		load->macs |= strcmp(word, "macs") == 0 && guest_conf.macs > 0;
	}
	return 0;
}

void
guest_mac(uint16_t port, uint32_t i, struct rte_ether_addr *mac)
{
	if (guest_conf.macs == 0) {
		rte_eth_macaddr_get(port, mac);
		return;
	}
	mac->addr_bytes[0] = 2;
	mac->addr_bytes[1] = 0x50;
	mac->addr_bytes[2] = (uint8_t)port;
	mac->addr_bytes[3] = (uint8_t)(i >> 16);
	mac->addr_bytes[4] = (uint8_t)(i >> 8);
	mac->addr_bytes[5] = (uint8_t)i;
}

static void
fill_headers(struct headers *h, const struct guest_flow *flow, uint32_t length, uint16_t number,
	bool tso)
{
	/* The IPv4 header of a frame to be segmented has the length of all of it. */
	uint16_t ip_length = (uint16_t)(length - sizeof(h->eth));

	memset(h, 0, sizeof(*h));
	guest_mac(flow->from, 0, &h->eth.src_addr);
	guest_mac(flow->to, 0, &h->eth.dst_addr);
	h->eth.ether_type = rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4);
	h->ip.version_ihl = RTE_IPV4_VHL_DEF;
	h->ip.total_length = rte_cpu_to_be_16(ip_length);
	h->ip.time_to_live = 64;
	h->ip.next_proto_id = tso ? IPPROTO_TCP : IPPROTO_UDP;
	h->ip.src_addr = rte_cpu_to_be_32(RTE_IPV4(198, 18, 0, 1 + flow->from));
	h->ip.dst_addr = rte_cpu_to_be_32(RTE_IPV4(198, 18, 0, 1 + flow->to));
	if (tso) {
		h->tcp.src_port = rte_cpu_to_be_16(flow == guest_flows ? number : 9);
		h->tcp.dst_port = rte_cpu_to_be_16(flow == guest_flows ? 9 : number);
		h->tcp.data_off = 5 << 4;
		h->tcp.tcp_flags = RTE_TCP_ACK_FLAG;
		h->tcp.cksum = rte_ipv4_phdr_cksum(&h->ip, RTE_MBUF_F_TX_TCP_SEG);
	} else {
		/* What comes back is of the same flow. */
		h->udp.src_port = rte_cpu_to_be_16(flow == guest_flows ? number : 9);
		h->udp.dst_port = rte_cpu_to_be_16(flow == guest_flows ? 9 : number);
		h->udp.dgram_len = rte_cpu_to_be_16((uint16_t)(ip_length - sizeof(h->ip)));
	}
	h->ip.hdr_checksum = rte_ipv4_cksum(&h->ip);
}

struct filling {
	const struct guest_flow *flow;
	const struct guest_load *load;
	uint32_t pool; /* of the flow's */
};

static void
fill_mbuf(struct rte_mempool *pool __rte_unused, void *arg, void *object, unsigned int number)
{
	const struct filling *f = arg;
	struct rte_mbuf *m = object;
	uint32_t length = f->load->size[number % f->load->nb_sizes];
	uint32_t flow = (number * guest_nb_pools() + f->pool) % guest_conf.flows;

	/* Allocating does not reset the hash, and nobody else writes to it in a sending pool. */
	m->hash.usr = length;
	fill_headers((struct headers *)((char *)m->buf_addr + RTE_PKTMBUF_HEADROOM), f->flow,
		length, (uint16_t)(1024 + flow), f->load->tso);
}

void
guest_load_fill(const struct guest_load *load)
{
	for (unsigned int i = 0; i < 2U * guest_nb_pools(); i++) {
		struct filling f = {.flow = &guest_flows[i % 2], .load = load, .pool = i / 2};

		rte_mempool_obj_iter(f.flow->pools[f.pool], fill_mbuf, &f);
	}
}

/* For what is sent next. */
static struct rte_mempool *
pool_of(const struct guest_flow *flow)
{
	return flow->pools[guest_conf.mixed ? 0 : flow->queue];
}

/* A frame of several mbufs; the rest of them comes from the same pool. 0 or -ENOMEM. */
static int
build_chain(struct guest_flow *flow, struct rte_mbuf *head)
{
	uint32_t left = head->hash.usr, part = RTE_MIN(left, guest_conf.room);
	struct rte_mbuf *last = head;

	head->pkt_len = left;
	head->data_len = (uint16_t)part;
	while ((left -= part) > 0) {
		last->next = rte_pktmbuf_alloc(pool_of(flow));
		if (last->next == NULL)
			return -ENOMEM;
		last = last->next;
		part = RTE_MIN(left, guest_conf.room);
		last->data_len = (uint16_t)part;
		head->nb_segs++;
	}
	return 0;
}

static int
build_tso(struct guest_flow *flow, struct rte_mbuf *m)
{
	m->ol_flags |= RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_TCP_CKSUM;
	m->l2_len = sizeof(struct rte_ether_hdr);
	m->l3_len = sizeof(struct rte_ipv4_hdr);
	m->l4_len = sizeof(struct rte_tcp_hdr);
	m->tso_segsz = TSO_PAYLOAD;
	return build_chain(flow, m);
}

static inline uint32_t
next_random(struct guest_flow *flow)
{
	flow->random = flow->random * 1664525u + 1013904223u;
	return flow->random >> 8;
}

static void
write_payload(struct guest_flow *flow, const struct guest_load *load, struct rte_mbuf *m)
{
	struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, struct rte_ether_hdr *);
	char *payload = (char *)eth + STAMP_AT;
	uint64_t now;

	if (load->touch) {
		for (struct rte_mbuf *s = m; s != NULL; s = s->next) {
			uint32_t skip = s == m ? sizeof(struct headers) : 0;

			memset(rte_pktmbuf_mtod_offset(s, char *, skip), (int)flow->made,
				s->data_len - skip);
		}
	}
	if (load->macs)
		guest_mac(flow->to, next_random(flow) % guest_conf.macs, &eth->dst_addr);
	if (load->stamp) {
		now = rte_rdtsc();
		memcpy(payload, &now, sizeof(now));
	}
}

/* A driver may hold all buffers there are, sent long ago, and look at them in a burst only. */
static void
ask_back(const struct guest_flow *flow)
{
	for (uint16_t q = 0; q < guest_conf.queues; q++)
		rte_eth_tx_done_cleanup(flow->from, q, 0);
}

uint16_t
guest_build(struct guest_flow *flow, const struct guest_load *load, uint16_t nb)
{
	struct rte_mbuf **new = &flow->pending[flow->nb_pending];

	nb = RTE_MIN(nb, (uint16_t)(GUEST_BURST - flow->nb_pending));
	if (nb == 0)
		return flow->nb_pending;
	if (rte_pktmbuf_alloc_bulk(pool_of(flow), new, nb) != 0) {
		ask_back(flow);
		return flow->nb_pending;
	}
	for (uint16_t i = 0; i < nb; i++) {
		struct rte_mbuf *m = new[i];

		if (load->tso) {
			if (build_tso(flow, m) != 0) {
				rte_pktmbuf_free_bulk(&new[i], nb - i);
				ask_back(flow);
				return flow->nb_pending;
			}
		} else {
			m->data_len = (uint16_t)m->hash.usr;
			m->pkt_len = m->hash.usr;
		}
		if (load->touch || load->macs || load->stamp)
			write_payload(flow, load, m);
		flow->nb_pending++;
		flow->made++;
	}
	return flow->nb_pending;
}
