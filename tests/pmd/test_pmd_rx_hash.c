/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hash report: value and type of the flow in the mbuf, on every way that a packet can take.
 * VIRTIO 1.3, 5.1.6.4.4.
 */
#include "rx_frames.h"
#include "support/frame.h"

#include <rte_byteorder.h>
#include <rte_vect.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define LRO RTE_ETH_RX_OFFLOAD_TCP_LRO
#define SCATTER RTE_ETH_RX_OFFLOAD_SCATTER
#define CKSUMS (RTE_ETH_RX_OFFLOAD_UDP_CKSUM | RTE_ETH_RX_OFFLOAD_TCP_CKSUM)
#define HASH RTE_ETH_RX_OFFLOAD_RSS_HASH
#define HASHED RTE_MBUF_F_RX_RSS_HASH

#define IP4_TCP \
	FRAME_MACS \
	"0800 4500 0000 0001 0000 4006 0000 c0a80001 c0a80002 " \
	"1234 0050 00000001 00000002 5010 ffff 0000 0000 "
#define IP4_TCP_BYTES 54
#define FULL (HDR + 8)

static const char no_hdr[] = "00 00 0000 0000 0000 0000";

#define IP4 (RTE_PTYPE_L2_ETHER | RTE_PTYPE_L3_IPV4_EXT_UNKNOWN)
#define IP6 (RTE_PTYPE_L2_ETHER | RTE_PTYPE_L3_IPV6_EXT_UNKNOWN)
#define IP6_EX (RTE_PTYPE_L2_ETHER | RTE_PTYPE_L3_IPV6_EXT)

/* Report codes and what they name; those of no meaning, too. */
static const struct {
	uint16_t report;
	uint32_t type; /* 0: nothing is to be said */
} reports[] = {
	{0, 0},
	{1, IP4},
	{2, IP4 | RTE_PTYPE_L4_TCP},
	{3, IP4 | RTE_PTYPE_L4_UDP},
	{4, IP6},
	{5, IP6 | RTE_PTYPE_L4_TCP},
	{6, IP6 | RTE_PTYPE_L4_UDP},
	{7, IP6_EX},
	{8, IP6_EX | RTE_PTYPE_L4_TCP},
	{9, IP6_EX | RTE_PTYPE_L4_UDP},
	{10, 0},
	{11, 0},
	{15, 0},
	{16, 0},
	{17, 0},
	{31, 0},
	{32, 0},
	{33, 0},
	{64 + 2, 0},
	{0x0100, 0},
	{0x0201, 0},
	{0x8002, 0},
	{0xffff, 0},
};

/* Values that would show in a neighbouring field. */
static const uint32_t values[] = {0, 1, 0x80000000, 0xffffffff, 0x51ccc178, 0x0000ffff};

static void
flow_set(unsigned int i)
{
	rx_flow_set(values[i % RTE_DIM(values)], reports[i % RTE_DIM(reports)].report);
	/* The padding has no stated content. */
	rx_flow[6] = (uint8_t)(i * 0x55);
	rx_flow[7] = (uint8_t)i;
}

static void
assert_flow(const struct rte_mbuf *m, unsigned int i)
{
	const uint32_t type = reports[i % RTE_DIM(reports)].type;

	rte_mbuf_sanity_check(m, 1);
	assert_int_equal(m->ol_flags & HASHED, type != 0 ? HASHED : 0);
	assert_int_equal(m->packet_type, type);
	if (type != 0)
		assert_int_equal(m->hash.rss, values[i % RTE_DIM(values)]);
	assert_int_equal(m->vlan_tci, 0);
}

static void
assert_bytes(const struct rte_mbuf *m, uint32_t len)
{
	static uint8_t got[FRAME_MAX];

	assert_int_equal(m->pkt_len, len);
	rx_bytes(m, got);
	assert_memory_equal(got, rx_frame, len);
}

/* The variants: what the backend lacks, what is switched on, how large the buffers are. */
static const struct {
	const char *name;
	uint64_t without;
	uint64_t offloads;
	bool small;
} ways[] = {
	{"rx merge_hash", 0, 0, false},
	{"rx merge_hash", 0, SCATTER, true},
	{"rx merge_hash", B_F_IN_ORDER, SCATTER, true},
	{"rx hash", B_F_MRG_RXBUF, 0, false},
	{"rx hash", B_F_MRG_RXBUF | B_F_IN_ORDER | B_F_INDIRECT, 0, false},
	{"rx merge_offload_hash", 0, CKSUMS | SCATTER, true},
	{"rx merge_offload_hash", 0, LRO, false},
	{"rx offload_hash", B_F_MRG_RXBUF, CKSUMS, false},
};

static uint16_t
begin(unsigned int way)
{
	struct rte_eth_burst_mode mode;
	uint16_t port;

	port = rx_begin(B_RX_OFFLOADS | B_F_HASH_REPORT, ways[way].without,
		HASH | ways[way].offloads, 0, ways[way].small ? small_pool : pool, "");
	assert_true(rb.acked & B_F_HASH_REPORT);
	assert_int_equal(rte_eth_rx_burst_mode_get(port, 0, &mode), 0);
	assert_memory_equal(mode.info, ways[way].name, strlen(ways[way].name));
	assert_int_equal(mode.info[strlen(ways[way].name)], ' ');
	return port;
}

static void
every_report_reaches_the_mbuf_in_every_variant(void **state)
{
	static const uint16_t widths[] = {128, 256, 512};
	uint8_t hdr[HDR];

	(void)state;
	COVERS("NET-FACT-031");
	COVERS("NET-FACT-081");
	COVERS("HASH-036");
	COVERS("HASH-037");
	frame_hex(hdr, no_hdr);
	for (unsigned int v = 0; v < RTE_DIM(ways) * RTE_DIM(widths); v++) {
		struct resources before = resources_now();
		const bool merge = !(ways[v / 3].without & B_F_MRG_RXBUF);
		uint16_t port;

		assert_int_equal(rte_vect_set_max_simd_bitwidth(widths[v % 3]), 0);
		port = begin(v / 3);
		for (unsigned int i = 0; i < 10 * RTE_DIM(reports) * RTE_DIM(values); i++) {
			/* One buffer as a rule; some in many, so that both ways take turns. */
			uint32_t len = rx_build(IP4_TCP, merge && i % 7 == 0 ? 700 : 6);
			struct rte_mbuf *m;

			flow_set(i);
			assert_true(rx_deliver(hdr, len));
			assert_int_equal(rte_eth_rx_burst(port, 0, &m, 1), 1);
			assert_flow(m, i);
			assert_int_equal(m->ol_flags & ~HASHED, 0);
			assert_bytes(m, len);
			rte_pktmbuf_free(m);
		}
		assert_int_equal(port_xstat(port, "rx_q0_errors"), 0);
		rx_end(port, before);
	}
	assert_int_equal(rte_vect_set_max_simd_bitwidth(256), 0);
}

static void
bursts_keep_hash_and_packet_together(void **state)
{
	uint8_t hdr[HDR];

	(void)state;
	frame_hex(hdr, no_hdr);
	for (unsigned int v = 0; v < RTE_DIM(ways); v++) {
		struct resources before = resources_now();
		uint16_t port = begin(v);
		struct rte_mbuf *pkts[64];
		unsigned int sent = 0;
		unsigned int got = 0;

		while (got < 5000) {
			const unsigned int want = 1 + (sent * 7 + sent / 64) % 40;
			uint16_t n;

			for (unsigned int i = 0; i < want; i++) {
				uint32_t len = rx_build(IP4_TCP, 6);

				memcpy(rx_frame, &sent, sizeof(sent));
				flow_set(sent);
				if (!rx_deliver(hdr, len))
					break;
				sent++;
			}
			n = rte_eth_rx_burst(port, 0, pkts, (uint16_t)(1 + got % 64));
			for (uint16_t i = 0; i < n; i++, got++) {
				assert_memory_equal(
					rte_pktmbuf_mtod(pkts[i], void *), &got, sizeof(got));
				assert_flow(pkts[i], got);
			}
			rte_pktmbuf_free_bulk(pkts, n);
		}
		rx_end(port, before);
	}
}

/* One chain of descriptors with a packet in it. @return bytes of all its parts. */
static uint64_t
deliver_chain(const char *hdr, uint32_t len)
{
	static struct fake_chain chain;
	uint8_t first[FULL] = {0};
	uint32_t done = 0;

	assert_true(fake_device_take(&rx, &chain));
	frame_hex(first, hdr);
	memcpy(first + HDR, rx_flow, sizeof(rx_flow));
	for (uint32_t i = 0; i < chain.nb && done < len; i++) {
		uint32_t head = i == 0 ? FULL : 0;
		uint32_t n = RTE_MIN(chain.parts[i].len - head, len - done);
		uint8_t *part = backend_at(&rb, chain.parts[i].addr, chain.parts[i].len);

		assert_non_null(part);
		memcpy(part, first, head);
		memcpy(part + head, rx_frame + done, n);
		done += n;
	}
	fake_device_use(&rx, chain.head, FULL + len);
	fake_device_show(&rx);
	return chain.write_bytes;
}

static void
chained_buffers_tell_it_too(void **state)
{
	struct resources before = resources_now();
	uint16_t port =
		rx_begin(B_RX_OFFLOADS | B_F_HASH_REPORT, B_F_MRG_RXBUF, HASH | LRO, 0, pool, "");

	(void)state;
	for (unsigned int i = 0; i < 5 * RTE_DIM(reports); i++) {
		const uint32_t len = rx_build(IP4_TCP, i % 3 == 0 ? 40000 : 100);
		const bool large = i % 3 == 0;
		struct rte_mbuf *m;

		flow_set(i);
		assert_int_equal(deliver_chain(large ? "01 01 0000 b405 2200 1000" : no_hdr, len),
			FULL + 33 * 2048);
		assert_int_equal(rte_eth_rx_burst(port, 0, &m, 1), 1);
		assert_bytes(m, len);
		if (large) {
			/* The packet itself was looked at: that is the better type. */
			assert_int_equal(m->packet_type,
				RTE_PTYPE_L2_ETHER | RTE_PTYPE_L3_IPV4 | RTE_PTYPE_L4_TCP);
			assert_int_equal(m->ol_flags & ~HASHED,
				RTE_MBUF_F_RX_LRO | RTE_MBUF_F_RX_L4_CKSUM_NONE);
			assert_int_equal(m->tso_segsz, 1460);
			m->packet_type = reports[i % RTE_DIM(reports)].type;
		}
		assert_flow(m, i);
		rte_pktmbuf_free(m);
	}
	rx_end(port, before);
}

static void
checksums_and_hash_stand_side_by_side(void **state)
{
	static const struct {
		const char *hdr;
		uint64_t flags;
		bool parsed;
	} said[] = {
		{"00 00 0000 0000 0000 0000", 0, false},
		{"02 00 0000 0000 0000 0000", RTE_MBUF_F_RX_L4_CKSUM_GOOD, false},
		{"82 00 0000 0000 0000 0000", RTE_MBUF_F_RX_L4_CKSUM_GOOD, false},
		{"01 00 0000 0000 2200 1000", RTE_MBUF_F_RX_L4_CKSUM_NONE, true},
	};

	(void)state;
	for (unsigned int w = 5; w < RTE_DIM(ways); w++) {
		struct resources before = resources_now();
		uint16_t port = begin(w);
		const uint32_t len = rx_build(IP4_TCP, 6);
		uint8_t hdr[HDR];
		struct rte_mbuf *m;

		for (unsigned int i = 0; i < RTE_DIM(said) * 20 * RTE_DIM(reports); i++) {
			const unsigned int s = i % RTE_DIM(said);

			frame_hex(hdr, said[s].hdr);
			flow_set(i);
			assert_true(rx_deliver(hdr, len));
			assert_int_equal(rte_eth_rx_burst(port, 0, &m, 1), 1);
			assert_int_equal(m->ol_flags & ~HASHED, said[s].flags);
			if (said[s].parsed) {
				assert_int_equal(m->packet_type,
					RTE_PTYPE_L2_ETHER | RTE_PTYPE_L3_IPV4 | RTE_PTYPE_L4_TCP);
				m->packet_type = reports[i % RTE_DIM(reports)].type;
			}
			assert_flow(m, i);
			rte_pktmbuf_free(m);
		}
		/* A bad header costs its packet, whatever it says of the flow. */
		frame_hex(hdr, "01 00 0000 0000 0001 1000");
		assert_true(rx_deliver(hdr, len));
		assert_int_equal(rte_eth_rx_burst(port, 0, &m, 1), 0);
		assert_int_equal(port_xstat(port, "rx_q0_bad_header"), 1);
		rx_end(port, before);
	}
}

/* Out of order, by interrupts, and after a stop: ways below or beside the variant. */
static void
other_ways_to_receive_tell_it_too(void **state)
{
	struct resources before = resources_now();
	static struct fake_chain chain;
	struct rte_mbuf *pkts[8];
	uint8_t hdr[HDR];
	uint16_t heads[8];
	uint64_t at[8];
	uint32_t len;
	uint16_t port;

	(void)state;
	frame_hex(hdr, no_hdr);
	port = begin(2);
	for (unsigned int round = 0; round < 50; round++) {
		for (unsigned int i = 0; i < 8; i++) {
			assert_true(fake_device_take(&rx, &chain));
			heads[i] = chain.head;
			at[i] = chain.parts[0].addr;
		}
		for (unsigned int i = 8; i-- > 0;) {
			uint8_t *buf = backend_at(&rb, at[i], FULL + 60);

			flow_set(round + i);
			memset(buf, 0, HDR);
			buf[10] = 1;
			memcpy(buf + HDR, rx_flow, sizeof(rx_flow));
			fake_device_use(&rx, heads[i], FULL + 60);
		}
		fake_device_show(&rx);
		assert_int_equal(rte_eth_rx_burst(port, 0, pkts, 8), 8);
		for (unsigned int i = 0; i < 8; i++)
			assert_flow(pkts[i], round + 7 - i);
		rte_pktmbuf_free_bulk(pkts, 8);
	}
	rx_end(port, before);

	backend_begin(&rb);
	backend_control(&rb, 1);
	backend_start(&rb);
	port = port_add("queue_size=64");
	port_configure(port, (struct port_shape){.rx = 1, .tx = 1, .rx_intr = true, .hash = true});
	assert_int_equal(rte_eth_dev_start(port), 0);
	UNTIL(port_up(port));
	backend_device(&rb, 0, &rx);
	len = rx_build(IP4_TCP, 6);
	for (unsigned int i = 0; i < 3 * RTE_DIM(reports); i++) {
		flow_set(i);
		if (i % 5 == 4) {
			/* What came before the start is old. */
			assert_true(rx_deliver(hdr, len));
			assert_int_equal(rte_eth_dev_rx_queue_stop(port, 0), 0);
			assert_int_equal(rte_eth_dev_rx_queue_start(port, 0), 0);
		}
		assert_true(rx_deliver(hdr, len));
		assert_int_equal(rte_eth_rx_burst(port, 0, pkts, 8), 1);
		assert_flow(pkts[0], i);
		assert_bytes(pkts[0], len);
		rte_pktmbuf_free(pkts[0]);
	}
	rx_end(port, before);
}

static void
buffer_without_room_for_the_longer_header_is_no_packet(void **state)
{
	static struct fake_chain chain;

	(void)state;
	for (unsigned int v = 0; v < RTE_DIM(ways); v++) {
		struct resources before = resources_now();
		uint16_t port = begin(v);
		struct rte_mbuf *m;

		flow_set(2);
		for (uint32_t len = 0; len <= FULL + 1; len++) {
			uint8_t *buf;

			assert_true(fake_device_take(&rx, &chain));
			buf = backend_at(&rb, chain.parts[0].addr, FULL + 1);
			memset(buf, 0, FULL + 1);
			buf[10] = 1;
			memcpy(buf + HDR, rx_flow, sizeof(rx_flow));
			fake_device_use(&rx, chain.head, len);
			fake_device_show(&rx);
			assert_int_equal(rte_eth_rx_burst(port, 0, &m, 1), len == FULL + 1);
		}
		assert_flow(m, 2);
		rte_pktmbuf_free(m);
		assert_int_equal(port_xstat(port, "rx_q0_errors"), FULL + 1);
		rx_end(port, before);
	}
}

static void
types_that_are_told_are_listed_and_can_be_chosen(void **state)
{
	struct resources before = resources_now();
	const uint32_t len = rx_build(IP4_TCP, 6);
	uint16_t port = begin(0);
	uint32_t list[32];
	struct rte_mbuf *m;
	uint8_t hdr[HDR];
	int nb;

	(void)state;
	frame_hex(hdr, no_hdr);
	nb = rte_eth_dev_get_supported_ptypes(port, RTE_PTYPE_ALL_MASK, list, RTE_DIM(list));
	assert_in_range(nb, 1, RTE_DIM(list));
	for (unsigned int i = 0; i < RTE_DIM(reports); i++) {
		static const uint32_t layers[] = {
			RTE_PTYPE_L2_MASK, RTE_PTYPE_L3_MASK, RTE_PTYPE_L4_MASK};

		for (unsigned int l = 0; l < RTE_DIM(layers); l++) {
			const uint32_t type = reports[i].type & layers[l];
			int at = 0;

			while (type != 0 && at < nb && list[at] != type)
				at++;
			assert_true(at < nb);
		}
	}
	assert_int_equal(rte_eth_dev_set_ptypes(port, RTE_PTYPE_L4_MASK, NULL, 0), 0);
	rx_flow_set(7, 2);
	assert_true(rx_deliver(hdr, len));
	assert_int_equal(rte_eth_rx_burst(port, 0, &m, 1), 1);
	assert_int_equal(m->packet_type, RTE_PTYPE_L4_TCP);
	assert_int_equal(m->hash.rss, 7);
	rte_pktmbuf_free(m);
	rx_end(port, before);

	port = rx_begin(B_F_HASH_REPORT, 0, 0, 0, pool, "");
	assert_int_equal(rb.acked & B_F_HASH_REPORT, 0);
	assert_int_equal(rte_eth_dev_get_supported_ptypes(port, RTE_PTYPE_ALL_MASK, NULL, 0), 0);
	rx_end(port, before);
}

static void
backend_without_hash_report_is_refused_by_name_where_it_was_asked_for(void **state)
{
	struct resources before = resources_now();
	struct rte_eth_dev_info info;
	uint16_t port;

	(void)state;
	backend_begin(&rb);
	port = port_add("");
	assert_int_equal(rte_eth_dev_info_get(port, &info), 0);
	assert_true(info.rx_offload_capa & HASH);
	port_configure(port, (struct port_shape){.rx = 1, .tx = 1, .hash = true});
	assert_int_equal(rte_eth_dev_start(port), 0);
	backend_start(&rb);
	UNTIL(strstr(log_text(), "backend lacks HASH_REPORT, which offload RSS_HASH needs") !=
		NULL);
	assert_false(port_up(port));
	assert_int_equal(rte_eth_dev_info_get(port, &info), 0);
	assert_false(info.rx_offload_capa & HASH);
	port_end(port, &rb, before);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		UNIT(every_report_reaches_the_mbuf_in_every_variant),
		UNIT(bursts_keep_hash_and_packet_together),
		UNIT(chained_buffers_tell_it_too),
		UNIT(checksums_and_hash_stand_side_by_side),
		UNIT(other_ways_to_receive_tell_it_too),
		UNIT(buffer_without_room_for_the_longer_header_is_no_packet),
		UNIT(types_that_are_told_are_listed_and_can_be_chosen),
		UNIT(backend_without_hash_report_is_refused_by_name_where_it_was_asked_for),
	};
	int failed;

	fixture_start();
	rx_pools_start();
	failed = RUN_UNITS("pmd_rx_hash", tests);
	rx_pools_end();
	return fixture_end(failed);
}
