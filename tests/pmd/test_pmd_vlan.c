/* SPDX-License-Identifier: BSD-3-Clause */
/* VLAN filter and strip, and packet types: software of the driver, with any backend. */
#include "rx_frames.h"
#include "support/frame.h"

#include <errno.h>
#include <string.h>

#define STRIP RTE_ETH_RX_OFFLOAD_VLAN_STRIP
#define FILTER RTE_ETH_RX_OFFLOAD_VLAN_FILTER
#define STRIPPED (RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED)

#define PLAIN FRAME_MACS "0800 4500 0000 0001 0000 4006 0000 c0a80001 c0a80002 "
#define TAG5 FRAME_MACS "8100 6005 0800 4500 0000 0001 0000 4006 0000 c0a80001 c0a80002 "
#define TAG70 FRAME_MACS "8100 0046 0800 4500 0000 0001 0000 4006 0000 c0a80001 c0a80002 "
#define TCP "1234 0050 00000001 00000002 5010 ffff 0000 0000 "

static const uint8_t none[HDR];

/* Deliver and receive one. @return it, or NULL. */
static struct rte_mbuf *
one(uint16_t port, const char *headers, uint32_t payload)
{
	struct rte_mbuf *m;

	assert_true(rx_deliver(none, rx_build(headers, payload)));
	return rte_eth_rx_burst(port, 0, &m, 1) == 1 ? m : NULL;
}

static void
passes(uint16_t port, const char *headers)
{
	static uint8_t got[FRAME_MAX];
	uint32_t len = rx_build(headers, 30);
	struct rte_mbuf *m = one(port, headers, 30);

	assert_non_null(m);
	assert_int_equal(m->ol_flags, 0);
	assert_int_equal(m->pkt_len, len);
	rx_bytes(m, got);
	assert_memory_equal(got, rx_frame, len);
	rte_pktmbuf_free(m);
}

static void
is_stripped(uint16_t port, const char *headers, uint16_t tci)
{
	static uint8_t got[FRAME_MAX];
	uint32_t len = rx_build(headers, 30);
	struct rte_mbuf *m = one(port, headers, 30);

	assert_non_null(m);
	rte_mbuf_sanity_check(m, 1);
	assert_int_equal(m->ol_flags, STRIPPED);
	assert_int_equal(m->vlan_tci, tci);
	assert_int_equal(m->pkt_len, len - 4);
	rx_bytes(m, got);
	assert_memory_equal(got, rx_frame, 12);
	assert_memory_equal(got + 12, rx_frame + 16, len - 16);
	rte_pktmbuf_free(m);
}

static void
tag_is_stripped_and_stands_in_the_mbuf(void **state)
{
	static const uint64_t without[] = {0, B_F_MRG_RXBUF, B_F_IN_ORDER};

	(void)state;
	for (unsigned int v = 0; v < RTE_DIM(without); v++) {
		struct resources before = resources_now();
		uint16_t port = rx_begin(0, without[v], STRIP, 0, pool, "");

		for (unsigned int i = 0; i < 100; i++) {
			passes(port, PLAIN TCP);
			is_stripped(port, TAG5 TCP, 0x6005);
		}
		rx_end(port, before);
	}
}

static void
strip_is_switched_for_the_port_and_for_a_queue(void **state)
{
	struct resources before = resources_now();
	uint16_t port = rx_begin(0, 0, 0, 0, pool, "");

	(void)state;
	passes(port, TAG5 TCP);
	assert_int_equal(rte_eth_dev_set_vlan_offload(port, RTE_ETH_VLAN_STRIP_OFFLOAD), 0);
	is_stripped(port, TAG5 TCP, 0x6005);
	assert_int_equal(rte_eth_dev_set_vlan_offload(port, 0), 0);
	passes(port, TAG5 TCP);
	assert_int_equal(rte_eth_dev_set_vlan_strip_on_queue(port, 0, 1), 0);
	is_stripped(port, TAG70 TCP, 70);
	assert_int_equal(rte_eth_dev_set_vlan_strip_on_queue(port, 0, 0), 0);
	passes(port, TAG70 TCP);
	rx_end(port, before);
}

static void
filter_lets_through_its_numbers_and_what_has_none(void **state)
{
	struct resources before = resources_now();
	uint16_t port = rx_begin(0, 0, FILTER, 0, pool, "");
	struct rte_eth_stats stats;

	(void)state;
	passes(port, PLAIN TCP);
	assert_null(one(port, TAG5 TCP, 30));
	assert_int_equal(rte_eth_dev_vlan_filter(port, 5, 1), 0);
	passes(port, TAG5 TCP);
	assert_null(one(port, TAG70 TCP, 30));
	assert_int_equal(rte_eth_dev_vlan_filter(port, 70, 1), 0);
	assert_int_equal(rte_eth_dev_vlan_filter(port, 5, 0), 0);
	passes(port, TAG70 TCP);
	assert_null(one(port, TAG5 TCP, 30));

	/* The table outlives a restart. */
	assert_int_equal(rte_eth_dev_stop(port), 0);
	assert_int_equal(rte_eth_dev_start(port), 0);
	UNTIL(port_up(port));
	backend_device(&rb, 0, &rx);
	passes(port, TAG70 TCP);
	assert_null(one(port, TAG5 TCP, 30));
	assert_int_equal(rte_eth_dev_set_vlan_offload(port, RTE_ETH_VLAN_STRIP_OFFLOAD), 0);
	is_stripped(port, TAG5 TCP, 0x6005);

	assert_int_equal(port_xstat(port, "rx_q0_vlan_filtered"), 4);
	assert_int_equal(rte_eth_stats_get(port, &stats), 0);
	assert_int_equal(stats.ipackets, 5);
	rx_end(port, before);
}

static void
burst_keeps_its_order_around_what_is_filtered(void **state)
{
	struct resources before = resources_now();
	uint16_t port = rx_begin(0, 0, FILTER | STRIP, 0, pool, "");

	(void)state;
	assert_int_equal(rte_eth_dev_vlan_filter(port, 5, 1), 0);
	for (unsigned int round = 0; round < 50; round++) {
		struct rte_mbuf *pkts[32];
		uint16_t n;

		for (unsigned int i = 0; i < 30; i++) {
			static const char *const frames[] = {TAG70 TCP, TAG5 TCP, PLAIN TCP};
			uint32_t len = rx_build(frames[i % 3], 1);

			rx_frame[len - 1] = (uint8_t)i;
			assert_true(rx_deliver(none, len));
		}
		n = rte_eth_rx_burst(port, 0, pkts, 32);
		assert_int_equal(n, 20);
		for (uint16_t i = 0; i < n; i++) {
			assert_int_equal(
				*rte_pktmbuf_mtod_offset(pkts[i], uint8_t *, pkts[i]->pkt_len - 1),
				i / 2 * 3 + i % 2 + 1);
			assert_int_equal(pkts[i]->ol_flags, i % 2 == 0 ? STRIPPED : 0);
		}
		rte_pktmbuf_free_bulk(pkts, n);
	}
	assert_int_equal(port_xstat(port, "rx_q0_vlan_filtered"), 500);
	rx_end(port, before);
}

static void
stubs_pass_and_tags_over_two_buffers_are_seen(void **state)
{
	struct resources before = resources_now();
	uint16_t port = rx_begin(0, 0, FILTER | STRIP, 0, pool, "");
	static struct fake_chain chain;
	struct rte_mbuf *m;

	(void)state;
	for (uint32_t len = 1; len < 18; len++) {
		rx_build(TAG5, 0);
		assert_true(rx_deliver(none, len));
		assert_int_equal(rte_eth_rx_burst(port, 0, &m, 1), 1);
		assert_int_equal(m->pkt_len, len);
		rte_pktmbuf_free(m);
	}
	/* A device that does not fill its first buffer; twice: filtered, then not. */
	for (unsigned int i = 0; i < 2; i++) {
		rx_build(TAG5 TCP, 0);
		for (unsigned int part = 0; part < 2; part++) {
			uint8_t *buf;

			assert_true(fake_device_take(&rx, &chain));
			buf = backend_at(&rb, chain.parts[0].addr, chain.parts[0].len);
			if (part == 0) {
				memset(buf, 0, HDR);
				buf[10] = 2;
			}
			memcpy(part == 0 ? buf + HDR : buf, rx_frame + 13 * part, 13);
			fake_device_use(&rx, chain.head, part == 0 ? HDR + 13 : 13);
		}
		fake_device_show(&rx);
		assert_int_equal(rte_eth_rx_burst(port, 0, &m, 1), i);
		if (i == 0)
			assert_int_equal(rte_eth_dev_vlan_filter(port, 5, 1), 0);
		else
			rte_pktmbuf_free(m);
	}
	assert_int_equal(port_xstat(port, "rx_q0_vlan_filtered"), 1);
	rx_end(port, before);
}

static const struct {
	const char *headers;
	uint32_t type;
} types[] = {
	{PLAIN TCP, RTE_PTYPE_L2_ETHER | RTE_PTYPE_L3_IPV4 | RTE_PTYPE_L4_TCP},
	{TAG5 TCP, RTE_PTYPE_L2_ETHER_VLAN | RTE_PTYPE_L3_IPV4 | RTE_PTYPE_L4_TCP},
	{FRAME_MACS "8100 0001 8100 0002 0800 4500 0000 0001 0000 4006 0000 c0a80001 c0a80002 " TCP,
		RTE_PTYPE_L2_ETHER_QINQ | RTE_PTYPE_L3_IPV4 | RTE_PTYPE_L4_TCP},
	{FRAME_MACS "0800 4500 0000 0001 2000 4011 0000 c0a80001 c0a80002 1234 0035 0026 0000",
		RTE_PTYPE_L2_ETHER | RTE_PTYPE_L3_IPV4 | RTE_PTYPE_L4_FRAG},
	{FRAME_MACS "0800 4600 0000 0001 0000 4001 0000 c0a80001 c0a80002 01010100 0800 0000 ",
		RTE_PTYPE_L2_ETHER | RTE_PTYPE_L3_IPV4_EXT | RTE_PTYPE_L4_ICMP},
	{FRAME_MACS "0800 4500 0000 0001 0000 4084 0000 c0a80001 c0a80002 1234 0035",
		RTE_PTYPE_L2_ETHER | RTE_PTYPE_L3_IPV4 | RTE_PTYPE_L4_SCTP},
	{FRAME_MACS "0806 0001 0800 0604 0001", RTE_PTYPE_L2_ETHER_ARP},
	{FRAME_MACS "88cc 0207", RTE_PTYPE_L2_ETHER},
};

static void
types_are_named_where_the_argument_says_so(void **state)
{
	struct resources before = resources_now();
	uint32_t list[32];
	struct rte_mbuf *m;
	uint16_t port;

	(void)state;
	port = rx_begin(0, 0, 0, 0, pool, "");
	assert_int_equal(rte_eth_dev_get_supported_ptypes(port, UINT32_MAX, list, 32), 0);
	m = one(port, types[0].headers, 30);
	assert_int_equal(m->packet_type, RTE_PTYPE_UNKNOWN);
	rte_pktmbuf_free(m);
	rx_end(port, before);

	port = rx_begin(0, 0, 0, 0, pool, ",ptypes=1");
	assert_true(rte_eth_dev_get_supported_ptypes(port, RTE_PTYPE_ALL_MASK, list, 32) > 10);
	for (unsigned int i = 0; i < RTE_DIM(types); i++) {
		m = one(port, types[i].headers, 30);
		assert_non_null(m);
		assert_int_equal(m->packet_type, types[i].type);
		rte_pktmbuf_free(m);
	}
	assert_int_equal(rte_eth_dev_set_ptypes(port, RTE_PTYPE_L3_MASK, list, 32), 0);
	m = one(port, types[0].headers, 30);
	assert_int_equal(m->packet_type, RTE_PTYPE_L3_IPV4);
	rte_pktmbuf_free(m);
	assert_int_equal(rte_eth_dev_set_ptypes(port, RTE_PTYPE_UNKNOWN, NULL, 0), 0);
	m = one(port, types[0].headers, 30);
	assert_int_equal(m->packet_type, RTE_PTYPE_UNKNOWN);
	rte_pktmbuf_free(m);
	rx_end(port, before);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		UNIT(tag_is_stripped_and_stands_in_the_mbuf),
		UNIT(strip_is_switched_for_the_port_and_for_a_queue),
		UNIT(filter_lets_through_its_numbers_and_what_has_none),
		UNIT(burst_keeps_its_order_around_what_is_filtered),
		UNIT(stubs_pass_and_tags_over_two_buffers_are_seen),
		UNIT(types_are_named_where_the_argument_says_so),
	};
	int failed;

	fixture_start();
	rx_pools_start();
	failed = RUN_UNITS("pmd_vlan", tests);
	rx_pools_end();
	return fixture_end(failed);
}
