/* SPDX-License-Identifier: BSD-3-Clause */
#include "flow.h"

#include <rte_ethdev.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PATTERN_STEP 0x9E3779B97F4A7C15ull

static uint64_t
mix(uint64_t x)
{
	x = (x ^ (x >> 31)) * 0xD6E8FEB86659FD93ull;
	return x ^ (x >> 32);
}

uint32_t
seq_hdr_sum(const struct seq_hdr *h, uint64_t salt)
{
	uint64_t fields = (uint64_t)h->magic << 32 | (uint64_t)h->flow << 16 | h->length;

	return (uint32_t)(mix(mix(fields ^ salt) ^ h->seq) >> 16);
}

/* 198.18.port.1, of the block for benchmarks (RFC 2544). */
static rte_be32_t
benchmark_address(uint16_t port)
{
	return rte_cpu_to_be_32(198u << 24 | 18u << 16 | (uint32_t)port << 8 | 1u);
}

int
flow_init(struct flow *f, uint16_t id, uint16_t src_port, uint16_t src_queue, uint16_t dst_port,
	uint16_t variant, uint16_t nb_queues, uint64_t salt)
{
	memset(f, 0, sizeof(*f));
	f->id = id;
	f->salt = salt;
	f->src_port = src_port;
	f->src_queue = src_queue;
	f->dst_port = dst_port;
	f->last_queue = UINT16_MAX;
	f->newest = calloc(nb_queues, sizeof(*f->newest));
	f->arrived = calloc(SEQ_HISTORY / 64, sizeof(*f->arrived));
	if (f->newest == NULL || f->arrived == NULL)
		return -ENOMEM;

	rte_eth_macaddr_get(src_port, &f->net.ether.src_addr);
	rte_eth_macaddr_get(dst_port, &f->net.ether.dst_addr);
	f->net.ether.ether_type = rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4);
	f->net.ip.version_ihl = RTE_IPV4_VHL_DEF;
	f->net.ip.time_to_live = 64;
	f->net.ip.next_proto_id = IPPROTO_UDP;
	f->net.ip.src_addr = benchmark_address(src_port);
	f->net.ip.dst_addr = benchmark_address(dst_port);
	f->net.udp.src_port = rte_cpu_to_be_16(1024 + src_queue * 64 + variant);
	f->net.udp.dst_port = f->net.udp.src_port;
	return 0;
}

void
flow_fini(struct flow *f)
{
	free(f->newest);
	free(f->arrived);
}

static void
set_length(struct flow *f, uint16_t length)
{
	uint16_t ip_length = length - sizeof(struct rte_ether_hdr);

	f->cached_length = length;
	f->net.ip.total_length = rte_cpu_to_be_16(ip_length);
	f->net.ip.hdr_checksum = 0;
	f->net.ip.hdr_checksum = rte_ipv4_cksum(&f->net.ip);
	f->net.udp.dgram_len = rte_cpu_to_be_16(ip_length - sizeof(struct rte_ipv4_hdr));
	/* A receiver that takes frames without a checksum finds the pseudo header's in its place.
	 */
	if (f->checksums)
		f->net.udp.dgram_cksum = rte_ipv4_phdr_cksum(&f->net.ip, 0);
}

/* Payload behind the headers: eight bytes at a time, all from (flow, seq) and the position. */
static void
fill_payload(uint8_t *dst, uint16_t flow, uint64_t seq, uint16_t length)
{
	uint64_t word = mix(seq ^ (uint64_t)flow << 48);
	uint16_t i;

	for (i = 0; i + 8 <= length; i += 8, word += PATTERN_STEP)
		memcpy(dst + i, &word, 8);
	memcpy(dst + i, &word, length - i);
}

static int
differing_payload(const uint8_t *src, uint16_t flow, uint64_t seq, uint16_t length)
{
	uint64_t word = mix(seq ^ (uint64_t)flow << 48), got, wrong = 0;
	uint16_t i;

	for (i = 0; i + 8 <= length; i += 8, word += PATTERN_STEP) {
		memcpy(&got, src + i, 8);
		wrong |= got ^ word;
	}
	if (wrong == 0 && memcmp(src + i, &word, length - i) == 0)
		return -1;
	word = mix(seq ^ (uint64_t)flow << 48);
	for (i = 0; i < length; i++) {
		if (src[i] != (uint8_t)(word >> (i % 8 * 8)))
			return i;
		if (i % 8 == 7)
			word += PATTERN_STEP;
	}
	return length;
}

void
flow_write_frame(struct flow *f, uint8_t *dst, uint16_t magic, uint64_t seq, uint16_t length)
{
	struct seq_hdr h = {.magic = magic, .flow = f->id, .length = length, .seq = seq};

	if (f->cached_length != length)
		set_length(f, length);
	h.sum = seq_hdr_sum(&h, f->salt);
	memcpy(dst, &f->net, sizeof(f->net));
	memcpy(dst + sizeof(f->net), &h, sizeof(h));
	if (length > SEQ_FRAME_MIN)
		fill_payload(dst + SEQ_FRAME_MIN, f->id, seq, length - SEQ_FRAME_MIN);
}

int
flow_find_difference(struct flow *f, const uint8_t *frame, uint64_t seq, uint16_t length)
{
	int at;

	if (f->cached_length != length)
		set_length(f, length);
	if (memcmp(frame, &f->net, sizeof(f->net)) != 0) {
		const uint8_t *expected = (const uint8_t *)&f->net;

		for (at = 0; frame[at] == expected[at]; at++)
			;
		return at;
	}
	if (length == SEQ_FRAME_MIN)
		return -1;
	at = differing_payload(frame + SEQ_FRAME_MIN, f->id, seq, length - SEQ_FRAME_MIN);
	return at < 0 ? -1 : at + (int)SEQ_FRAME_MIN;
}

bool
flow_mbuf_is_right(struct flow *f, const struct rte_mbuf *m)
{
	const uint64_t said = m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK;

	if (f->checksums && said != RTE_MBUF_F_RX_L4_CKSUM_NONE)
		return false;
	if (!f->hashed)
		return true;
	if (!f->hash_seen)
		f->hash = m->hash.rss;
	f->hash_seen = true;
	return (m->ol_flags & RTE_MBUF_F_RX_RSS_HASH) && m->hash.rss == f->hash;
}

void
flow_note_sent(struct flow *f, uint64_t seq)
{
	if (seq % 64 == 0)
		f->arrived[seq / 64 % (SEQ_HISTORY / 64)] = 0;
}

enum seq_verdict
flow_note_arrival(struct flow *f, uint64_t seq, uint16_t queue)
{
	uint64_t *word = &f->arrived[seq / 64 % (SEQ_HISTORY / 64)];
	uint64_t bit = 1ull << seq % 64;

	if (seq >= f->tx_next)
		return SEQ_CORRUPT;
	/* The bitmap is cleared a word ahead of the sender, hence the margin. */
	if (f->tx_next - seq > SEQ_HISTORY - 64 || (*word & bit) != 0) {
		f->count.duplicated++;
		return SEQ_DUPLICATE;
	}
	*word |= bit;
	f->count.received++;
	if (queue != f->last_queue) {
		f->count.moved += f->last_queue != UINT16_MAX;
		f->last_queue = queue;
	}
	if (seq < f->newest[queue])
		f->count.reordered++;
	else
		f->newest[queue] = seq + 1;
	return SEQ_GOOD;
}
