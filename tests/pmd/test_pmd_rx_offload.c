/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Receive offloads: headers of a device, good and hostile, and what becomes of them. Headers are
 * written down from VIRTIO 1.3, 5.1.6 and 5.1.6.4.
 */
#include "rx_frames.h"
#include "support/frame.h"

#include <rte_vect.h>

#include <stdlib.h>
#include <string.h>

#define CKSUMS (RTE_ETH_RX_OFFLOAD_UDP_CKSUM | RTE_ETH_RX_OFFLOAD_TCP_CKSUM)
#define LRO RTE_ETH_RX_OFFLOAD_TCP_LRO
#define SCATTER RTE_ETH_RX_OFFLOAD_SCATTER
#define TSO RTE_ETH_TX_OFFLOAD_TCP_TSO

#define IP4_TCP FRAME_MACS "0800 4500 0000 0001 0000 4006 0000 c0a80001 c0a80002 "
#define IP4_UDP FRAME_MACS "0800 4500 0000 0001 0000 4011 0000 c0a80001 c0a80002 "
#define IP4_ICMP FRAME_MACS "0800 4500 0000 0001 0000 4001 0000 c0a80001 c0a80002 "
#define ADDRESSES "20010db8000000000000000000000001 20010db8000000000000000000000002 "
#define IP6_TCP FRAME_MACS "86dd 60000000 0000 0640 " ADDRESSES
#define IP6_UDP FRAME_MACS "86dd 60000000 0000 1140 " ADDRESSES
#define IP6_EXT_TCP FRAME_MACS "86dd 60000000 0000 3c40 " ADDRESSES "0600 010400000000 "
#define TAG_TCP FRAME_MACS "8100 0064 0800 4500 0000 0001 0000 4006 0000 c0a80001 c0a80002 "
#define TCP "1234 0050 00000001 00000002 5010 ffff 0000 0000 "
#define UDP "1234 0035 0000 0000 "
#define ICMP "0800 0000 00000000 "
/* VXLAN behind UDP: a frame with TCP of its own. */
#define INNER_TCP \
	IP4_UDP "1234 12b5 0000 0000 08000000 00000100 020000000003020000000004 0800 " \
		"4500 0032 0001 0000 4006 0000 0a000001 0a000002 " TCP

#define GOOD RTE_MBUF_F_RX_L4_CKSUM_GOOD
#define NONE RTE_MBUF_F_RX_L4_CKSUM_NONE
#define BAD UINT64_MAX /* the packet is dropped */

struct said {
	const char *name;
	const char *headers;
	uint32_t payload;
	const char *hdr;   /* ten bytes */
	uint64_t ol_flags; /* or BAD */
	uint32_t type;
	uint16_t segsz;
	uint16_t completed; /* the sum from here on is to be right; 0: the packet is as it was */
};

#define ETHER RTE_PTYPE_L2_ETHER
#define TYPE4(l4) (ETHER | RTE_PTYPE_L3_IPV4 | RTE_PTYPE_L4_##l4)
#define TYPE6(l4) (ETHER | RTE_PTYPE_L3_IPV6 | RTE_PTYPE_L4_##l4)

static const struct said words[] = {
	{"nothing", IP4_TCP TCP, 100, "00 00 0000 0000 0000 0000", 0, 0, 0, 0},
	{"fields without meaning", IP4_TCP TCP, 100, "00 00 ffff ffff ffff ffff", 0, 0, 0, 0},
	{"unknown flags", IP4_TCP TCP, 100, "f8 00 0000 0000 0000 0000", 0, 0, 0, 0},
	{"valid", IP4_TCP TCP, 100, "02 00 0000 0000 ffff ffff", GOOD, 0, 0, 0},
	{"valid and unknown flags", IP4_TCP TCP, 100, "82 00 0000 0000 0000 0000", GOOD, 0, 0, 0},
	{"partial TCP", IP4_TCP TCP, 100, "01 00 ffff 0000 2200 1000", NONE, TYPE4(TCP), 0, 0},
	{"partial UDP", IP4_UDP UDP, 9, "01 00 0000 0000 2200 0600", NONE, TYPE4(UDP), 0, 0},
	{"partial and valid", IP4_TCP TCP, 100, "03 00 0000 0000 2200 1000", NONE, TYPE4(TCP), 0,
		0},
	{"partial TCP over IPv6", IP6_TCP TCP, 1, "01 00 0000 0000 3600 1000", NONE, TYPE6(TCP), 0,
		0},
	{"partial UDP over IPv6", IP6_UDP UDP, 1200, "01 00 0000 0000 3600 0600", NONE, TYPE6(UDP),
		0, 0},
	{"partial behind an extension", IP6_EXT_TCP TCP, 100, "01 00 0000 0000 3e00 1000", NONE,
		ETHER | RTE_PTYPE_L3_IPV6_EXT | RTE_PTYPE_L4_TCP, 0, 0},
	{"partial behind a tag", TAG_TCP TCP, 100, "01 00 0000 0000 2600 1000", NONE,
		RTE_PTYPE_L2_ETHER_VLAN | RTE_PTYPE_L3_IPV4 | RTE_PTYPE_L4_TCP, 0, 0},
	{"partial at another place", IP4_TCP TCP, 101, "01 00 0000 0000 2200 1200", 0, TYPE4(TCP),
		0, 34},
	{"partial ICMP", IP4_ICMP ICMP, 56, "01 00 0000 0000 2200 0200", 0, TYPE4(ICMP), 0, 34},
	{"partial in a tunnel", INNER_TCP, 30, "01 00 0000 0000 5400 1000", GOOD, TYPE4(UDP), 0,
		84},
	{"LRO4", IP4_TCP TCP, 3000, "01 01 ffff b405 2200 1000", NONE | RTE_MBUF_F_RX_LRO,
		TYPE4(TCP), 1460, 0},
	{"LRO4 with CWR", IP4_TCP TCP, 3000, "01 81 0000 b405 2200 1000", NONE | RTE_MBUF_F_RX_LRO,
		TYPE4(TCP), 1460, 0},
	{"LRO6", IP6_TCP TCP, 3000, "01 04 0000 a005 3600 1000", NONE | RTE_MBUF_F_RX_LRO,
		TYPE6(TCP), 1440, 0},
	{"UFO", IP4_UDP UDP, 3000, "01 03 0000 c005 2200 0600", NONE | RTE_MBUF_F_RX_LRO,
		TYPE4(UDP), 1472, 0},
	{"USO4", IP4_UDP UDP, 3000, "01 05 0000 e803 2200 0600", NONE | RTE_MBUF_F_RX_LRO,
		TYPE4(UDP), 1000, 0},
	{"USO6", IP6_UDP UDP, 3000, "01 05 0000 e803 3600 0600", NONE | RTE_MBUF_F_RX_LRO,
		TYPE6(UDP), 1000, 0},
	{"counts in place of the checksum", IP4_TCP TCP, 3000, "05 01 0000 b405 0300 0200",
		NONE | RTE_MBUF_F_RX_LRO, TYPE4(TCP), 1460, 0},
	/* Hostile. */
	{"sum from behind the end", IP4_TCP TCP, 100, "01 00 0000 0000 0001 1000", BAD, 0, 0, 0},
	{"sum to behind the end", IP4_TCP TCP, 100, "01 00 0000 0000 2200 ffff", BAD, 0, 0, 0},
	{"sum over the addresses", IP4_TCP TCP, 100, "01 00 0000 0000 0000 1000", BAD, 0, 0, 0},
	{"last byte outside", IP4_TCP TCP, 0, "01 00 0000 0000 2200 1300", BAD, 0, 0, 0},
	{"unknown segmentation", IP4_TCP TCP, 3000, "01 02 0000 b405 2200 1000", BAD, 0, 0, 0},
	{"ECN alone", IP4_TCP TCP, 3000, "01 80 0000 b405 2200 1000", BAD, 0, 0, 0},
	{"segments of no size", IP4_TCP TCP, 3000, "01 01 0000 0000 2200 1000", BAD, 0, 0, 0},
	{"segments without a checksum", IP4_TCP TCP, 3000, "00 01 0000 b405 2200 1000", BAD, 0, 0,
		0},
	{"TCP segments of UDP", IP4_UDP UDP, 3000, "01 01 0000 b405 2200 0600", BAD, 0, 0, 0},
	{"IPv4 segments of IPv6", IP6_TCP TCP, 3000, "01 01 0000 b405 3600 1000", BAD, 0, 0, 0},
	{"segments with a sum elsewhere", IP4_TCP TCP, 3000, "01 01 0000 b405 2600 1000", BAD, 0, 0,
		0},
	{"segments of a stub", FRAME_MACS "0800", 0, "01 01 0000 b405 0e00 0000", BAD, 0, 0, 0},
};

#define ALL_RX (CKSUMS | LRO | SCATTER)

static void
hear(uint16_t port, const struct said *w)
{
	static uint8_t got[FRAME_MAX];
	uint8_t hdr[HDR];
	uint64_t bad = port_xstat(port, "rx_q0_bad_header");
	uint32_t len = rx_build(w->headers, w->payload);
	struct rte_mbuf *m;

	frame_hex(hdr, w->hdr);
	assert_true(rx_deliver(hdr, len));
	if (rte_eth_rx_burst(port, 0, &m, 1) != (w->ol_flags != BAD))
		fail_msg("%s: received or not", w->name);
	assert_int_equal(port_xstat(port, "rx_q0_bad_header") - bad, w->ol_flags == BAD);
	if (w->ol_flags == BAD)
		return;
	rte_mbuf_sanity_check(m, 1);
	if (m->ol_flags != w->ol_flags || m->packet_type != w->type || m->pkt_len != len)
		fail_msg("%s: flags %lx, type %x, %u bytes", w->name, m->ol_flags, m->packet_type,
			m->pkt_len);
	if (w->segsz != 0)
		assert_int_equal(m->tso_segsz, w->segsz);
	rx_bytes(m, got);
	if (w->completed == 0) {
		assert_memory_equal(got, rx_frame, len);
	} else {
		if (frame_checksum(got + w->completed, len - w->completed, 0) != 0)
			fail_msg("%s: not completed", w->name);
		assert_memory_equal(got, rx_frame, w->completed);
	}
	rte_pktmbuf_free(m);
}

static void
headers_become_fields_of_the_mbuf(void **state)
{
	static const uint64_t without[] = {0, B_F_IN_ORDER, B_F_INDIRECT};
	static const uint16_t widths[] = {128, 256, 512};

	(void)state;
	COVERS("NET-DRV-042");
	COVERS("NET-DRV-043");
	COVERS("NET-DRV-044");
	COVERS("NET-DRV-045");
	COVERS("NET-DRV-046");
	COVERS("NET-DRV-047");
	for (unsigned int v = 0; v < 2 * RTE_DIM(without) * RTE_DIM(widths); v++) {
		struct resources before = resources_now();
		uint16_t port;

		assert_int_equal(rte_vect_set_max_simd_bitwidth(widths[v / 6]), 0);
		port = rx_begin(B_RX_OFFLOADS | B_TX_OFFLOADS, without[v % 3], ALL_RX, TSO,
			v / 3 % 2 ? small_pool : pool, "");
		for (unsigned int i = 0; i < 10 * RTE_DIM(words); i++)
			hear(port, &words[i % RTE_DIM(words)]);
		assert_int_equal(port_xstat(port, "rx_q0_lro_packets"), 10 * 7);
		assert_int_equal(port_xstat(port, "rx_q0_rsc_segments"), 10 * 3);
		assert_int_equal(port_xstat(port, "rx_q0_rsc_dup_acks"), 10 * 2);
		assert_int_equal(port_xstat(port, "rx_q0_errors"), 0);
		rx_end(port, before);
	}
	assert_int_equal(rte_vect_set_max_simd_bitwidth(256), 0);
}

static void
headers_become_fields_without_merged_buffers(void **state)
{
	struct resources before = resources_now();
	uint16_t port = rx_begin(B_RX_OFFLOADS, B_F_MRG_RXBUF, CKSUMS, 0, pool, "");
	struct rte_eth_burst_mode mode;

	(void)state;
	assert_int_equal(rte_eth_rx_burst_mode_get(port, 0, &mode), 0);
	assert_non_null(strstr(mode.info, "rx offload"));
	for (unsigned int i = 0; i < 100 * RTE_DIM(words); i++) {
		const struct said *w = &words[i % RTE_DIM(words)];

		if (w->payload < 2000)
			hear(port, w);
	}
	rx_end(port, before);
}

static void
what_was_not_negotiated_is_refused_by_name(void **state)
{
	static const struct said wrong[] = {
		{"LRO4", IP4_TCP TCP, 3000, "01 01 0000 b405 2200 1000", BAD, 0, 0, 0},
		{"UFO", IP4_UDP UDP, 3000, "01 03 0000 c005 2200 0600", BAD, 0, 0, 0},
		{"USO4", IP4_UDP UDP, 3000, "01 05 0000 e803 2200 0600", BAD, 0, 0, 0},
		{"counts", IP4_TCP TCP, 3000, "05 00 0000 0000 0300 0200", BAD, 0, 0, 0},
	};
	struct resources before = resources_now();
	uint16_t port = rx_begin(B_RX_OFFLOADS, 0, CKSUMS | SCATTER, 0, pool, "");
	struct rte_eth_stats stats;
	char text[16384] = "";
	FILE *f = fmemopen(text, sizeof(text), "w");

	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(wrong); i++)
		hear(port, &wrong[i]);
	assert_int_equal(rte_eth_stats_get(port, &stats), 0);
	assert_int_equal(stats.ierrors, RTE_DIM(wrong));
	assert_int_equal(rte_eth_dev_priv_dump(port, f), 0);
	fclose(f);
	assert_non_null(strstr(text, "4 bad headers, the last: the header asks for an offload"));
	rx_end(port, before);
}

static void
port_without_offloads_does_not_read_the_header(void **state)
{
	struct resources before = resources_now();
	uint16_t port = rx_begin(B_RX_OFFLOADS, 0, SCATTER, 0, pool, "");
	const struct said none = {
		"all bits", IP4_TCP TCP, 3000, "ff ff ffff ffff ffff ffff", 0, 0, 0, 0};

	(void)state;
	COVERS("NET-FACT-077");
	assert_int_equal(rb.acked & B_RX_OFFLOADS, 0);
	for (unsigned int i = 0; i < 200; i++)
		hear(port, &none);
	rx_end(port, before);
}

static void
largest_packet_arrives_in_one_piece(void **state)
{
	static const struct said large[] = {
		{"LRO4", IP4_TCP TCP, 65535 - 40, "01 01 0000 b405 2200 1000",
			NONE | RTE_MBUF_F_RX_LRO, TYPE4(TCP), 1460, 0},
		{"LRO6", IP6_TCP TCP, 65535 - 20, "01 04 0000 a005 3600 1000",
			NONE | RTE_MBUF_F_RX_LRO, TYPE6(TCP), 1440, 0},
	};
	struct resources before = resources_now();
	uint16_t port = rx_begin(B_RX_OFFLOADS, 0, LRO, 0, pool, "");

	(void)state;
	for (unsigned int i = 0; i < 20; i++)
		hear(port, &large[i % 2]);
	assert_int_equal(port_xstat(port, "rx_q0_merged_packets"), 20);
	rx_end(port, before);
}

static const struct {
	uint64_t offloads;
	uint64_t needs;
	uint64_t likes;
} asked[] = {
	{0, 0, 0},
	{SCATTER | RTE_ETH_RX_OFFLOAD_VLAN_STRIP | RTE_ETH_RX_OFFLOAD_VLAN_FILTER, 0, 0},
	{RTE_ETH_RX_OFFLOAD_UDP_CKSUM, B_F_GUEST_CSUM, 0},
	{RTE_ETH_RX_OFFLOAD_TCP_CKSUM, B_F_GUEST_CSUM, 0},
	{LRO, B_F_GUEST_CSUM | B_F_GUEST_TSO4 | B_F_GUEST_TSO6,
		B_F_GUEST_ECN | B_F_GUEST_UFO | B_F_GUEST_USO4 | B_F_GUEST_USO6},
};

static void
features_are_asked_for_only_when_offloads_need_them(void **state)
{
	(void)state;
	COVERS("NET-FACT-037");
	COVERS("NET-FACT-038");
	COVERS("NET-FACT-039");
	COVERS("NET-FACT-040");
	COVERS("NET-FACT-041");
	COVERS("NET-FACT-042");
	COVERS("NET-FACT-054");
	for (unsigned int i = 0; i < 2 * RTE_DIM(asked); i++) {
		struct resources before = resources_now();
		const uint64_t offloads = asked[i / 2].offloads;
		uint16_t port = rx_begin(
			B_TX_OFFLOADS | B_RX_OFFLOADS, 0, offloads, i % 2 ? TSO : 0, pool, "");
		uint64_t expected = asked[i / 2].needs | asked[i / 2].likes;

		/* The counts hang on transmit, whatever they are good for. */
		if (offloads == LRO && i % 2)
			expected |= B_F_RSC_EXT;
		assert_int_equal(rb.acked & B_RX_OFFLOADS, expected);
		rx_end(port, before);
	}
}

static void
backend_without_what_offloads_need_keeps_the_link_down_and_says_why(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(asked); i++) {
		for (unsigned int bit = 0; bit < 64; bit++) {
			struct resources before = resources_now();
			uint16_t port;

			if (!(asked[i].needs & B_BIT(bit)))
				continue;
			backend_begin(&rb);
			port = port_add("");
			port_configure(
				port, (struct port_shape){
					      .rx = 1, .tx = 1, .rx_offloads = asked[i].offloads});
			assert_int_equal(rte_eth_dev_start(port), 0);
			rb.features |= B_RX_OFFLOADS;
			rb.features &= ~B_BIT(bit);
			backend_start(&rb);
			UNTIL(strstr(log_text(), "backend lacks") != NULL);
			assert_non_null(
				strstr(log_text(), rte_eth_dev_rx_offload_name(asked[i].offloads)));
			assert_false(port_up(port));
			port_end(port, &rb, before);
		}
	}
}

static void
lro_is_offered_with_merged_buffers_and_without(void **state)
{
	struct resources before = resources_now();
	struct rte_eth_dev_info info;
	uint16_t port;

	(void)state;
	backend_begin(&rb);
	port = port_add("");
	assert_int_equal(rte_eth_dev_info_get(port, &info), 0);
	assert_true(info.rx_offload_capa & LRO);
	assert_int_equal(info.max_lro_pkt_size, 14 + 65535);
	port_remove(port);
	port = port_add("mrg_rxbuf=0");
	assert_int_equal(rte_eth_dev_info_get(port, &info), 0);
	assert_int_equal(info.rx_offload_capa & (LRO | SCATTER), LRO);
	assert_int_equal(info.max_lro_pkt_size, 14 + 65535);
	port_remove(port);
	assert_resources(before);
}

/* Any header on any frame: a packet or a count, and the queue goes on. */
static void
headers_made_up_by_chance_harm_nothing(void **state)
{
	(void)state;
	srandom(2);
	for (unsigned int v = 0; v < 2; v++) {
		struct resources before = resources_now();
		uint16_t port = rx_begin(B_RX_OFFLOADS | B_TX_OFFLOADS, 0, ALL_RX, TSO,
			v % 2 ? small_pool : pool, "");
		const unsigned int rounds = 20000;
		unsigned int nb = 0;

		for (unsigned int i = 0; i < rounds; i++) {
			const struct said *w = &words[(unsigned long)random() % RTE_DIM(words)];
			uint32_t len = rx_build(w->headers, w->payload % 1000);
			uint8_t hdr[HDR];
			struct rte_mbuf *m;

			frame_hex(hdr, w->hdr);
			for (unsigned int n = (unsigned int)random() % 4; n > 0; n--)
				hdr[random() % (HDR - 2)] ^= (uint8_t)(1 << random() % 8);
			for (unsigned int n = (unsigned int)random() % 4; n > 0; n--)
				rx_frame[(uint32_t)random() % len] = (uint8_t)random();
			if (random() % 4 == 0)
				len = 1 + (uint32_t)random() % len;
			assert_true(rx_deliver(hdr, len));
			if (rte_eth_rx_burst(port, 0, &m, 1) == 0)
				continue;
			nb++;
			rte_mbuf_sanity_check(m, 1);
			assert_int_equal(m->pkt_len, len);
			if (m->ol_flags & RTE_MBUF_F_RX_LRO)
				assert_int_not_equal(m->tso_segsz, 0);
			rte_pktmbuf_free(m);
		}
		assert_int_equal(nb + port_xstat(port, "rx_q0_bad_header"), rounds);
		assert_true(nb > rounds / 10 && nb < rounds);
		rx_end(port, before);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		UNIT(headers_become_fields_of_the_mbuf),
		UNIT(headers_become_fields_without_merged_buffers),
		UNIT(what_was_not_negotiated_is_refused_by_name),
		UNIT(port_without_offloads_does_not_read_the_header),
		UNIT(largest_packet_arrives_in_one_piece),
		UNIT(features_are_asked_for_only_when_offloads_need_them),
		UNIT(backend_without_what_offloads_need_keeps_the_link_down_and_says_why),
		UNIT(lro_is_offered_with_merged_buffers_and_without),
		UNIT(headers_made_up_by_chance_harm_nothing),
	};
	int failed;

	fixture_start();
	rx_pools_start();
	failed = RUN_UNITS("pmd_rx_offload", tests);
	rx_pools_end();
	return fixture_end(failed);
}
