/* SPDX-License-Identifier: BSD-3-Clause */
/* Transmit offloads and features: who asks for what, and what is said when it is not there. */
#include "tx_kinds.h"

#include <errno.h>
#include <string.h>

static const struct {
	uint64_t offloads;
	uint64_t needs;
	uint64_t likes;
} asked[] = {
	{0, 0, 0},
	{RTE_ETH_TX_OFFLOAD_MULTI_SEGS | RTE_ETH_TX_OFFLOAD_VLAN_INSERT |
			RTE_ETH_TX_OFFLOAD_IPV4_CKSUM,
		0, 0},
	{RTE_ETH_TX_OFFLOAD_UDP_CKSUM, B_F_CSUM, 0},
	{RTE_ETH_TX_OFFLOAD_TCP_CKSUM, B_F_CSUM, 0},
	{RTE_ETH_TX_OFFLOAD_TCP_TSO, B_F_CSUM | B_F_HOST_TSO4 | B_F_HOST_TSO6,
		B_F_HOST_ECN | B_F_GUEST_HDRLEN},
	{RTE_ETH_TX_OFFLOAD_UDP_TSO, B_F_CSUM | B_F_HOST_USO, B_F_GUEST_HDRLEN},
};

static void
features_are_asked_for_only_when_offloads_need_them(void **state)
{
	(void)state;
	COVERS("NET-DRV-014");
	COVERS("NET-DRV-030");
	COVERS("NET-DRV-035");
	COVERS("NET-FACT-043");
	COVERS("NET-FACT-044");
	COVERS("NET-FACT-045");
	COVERS("NET-FACT-047");
	COVERS("NET-FACT-076");
	for (unsigned int i = 0; i < RTE_DIM(asked); i++) {
		struct resources before = resources_now();
		uint16_t port = tx_begin(B_TX_OFFLOADS | B_RX_OFFLOADS, 0, asked[i].offloads);

		assert_int_equal(
			b.acked & (B_TX_OFFLOADS | B_RX_OFFLOADS), asked[i].needs | asked[i].likes);
		tx_end(port, before);
	}
}

static void
offload_of_one_queue_alone_is_enough_and_the_other_one_ignores_flags(void **state)
{
	struct resources before = resources_now();
	const struct kind *k = &kinds[1];
	struct rte_eth_txconf conf = {.offloads = RTE_ETH_TX_OFFLOAD_TCP_CKSUM};
	struct rte_eth_conf none = {0};
	struct rte_eth_burst_mode mode;
	uint32_t bytes = tx_build(k);
	struct rte_mbuf *m;
	uint16_t port;

	(void)state;
	backend_begin(&b);
	b.features |= B_TX_OFFLOADS;
	backend_start(&b);
	port = port_add("queues=2,queue_size=64");
	assert_int_equal(rte_eth_dev_configure(port, 0, 2, &none), 0);
	assert_int_equal(rte_eth_tx_queue_setup(port, 0, 64, SOCKET_ID_ANY, NULL), 0);
	assert_int_equal(rte_eth_tx_queue_setup(port, 1, 64, SOCKET_ID_ANY, &conf), 0);
	assert_int_equal(rte_eth_dev_start(port), 0);
	UNTIL(port_up(port));
	assert_int_equal(b.acked & B_TX_OFFLOADS, B_F_CSUM);
	assert_int_equal(rte_eth_tx_burst_mode_get(port, 0, &mode), 0);
	assert_null(strstr(mode.info, "offload"));
	assert_int_equal(rte_eth_tx_burst_mode_get(port, 1, &mode), 0);
	assert_non_null(strstr(mode.info, "offload"));
	for (uint16_t q = 0; q < 2; q++) {
		backend_device(&b, 2 * q + 1, &tx);
		m = tx_packet(k, bytes, 1900, 1900);
		assert_int_equal(rte_eth_tx_burst(port, q, &m, 1), 1);
		assert_int_equal(tx_collect(), HDR + bytes);
		assert_int_equal(seen[0], q);
	}
	tx_end(port, before);
}

static void
backend_without_what_offloads_need_keeps_the_link_down_and_says_why(void **state)
{
	(void)state;
	COVERS("NET-DRV-017");
	COVERS("NET-DRV-019");
	COVERS("NET-DRV-023");
	for (unsigned int i = 0; i < RTE_DIM(asked); i++) {
		for (unsigned int bit = 0; bit < 64; bit++) {
			struct resources before = resources_now();
			uint16_t port;

			if (!(asked[i].needs & B_BIT(bit)))
				continue;
			/* Configured before anybody is there. */
			backend_begin(&b);
			port = port_add("");
			port_configure(
				port, (struct port_shape){
					      .rx = 1, .tx = 1, .tx_offloads = asked[i].offloads});
			assert_int_equal(rte_eth_dev_start(port), 0);
			b.features |= B_TX_OFFLOADS;
			b.features &= ~B_BIT(bit);
			backend_start(&b);
			UNTIL(strstr(log_text(), "backend lacks") != NULL);
			assert_non_null(
				strstr(log_text(), rte_eth_dev_tx_offload_name(asked[i].offloads)));
			assert_false(port_up(port));
			assert_int_equal(backend_seen(&b, B_SET_MEM_TABLE, NULL), 0);
			assert_int_equal(port_xstat(port, "backend_refusals"), 1);

			/* Without the offload it is good enough. */
			assert_int_equal(rte_eth_dev_stop(port), 0);
			port_configure(port, (struct port_shape){.rx = 1, .tx = 1});
			assert_int_equal(rte_eth_dev_start(port), 0);
			UNTIL(port_up(port));
			port_end(port, &b, before);
		}
	}
}

static void
next_backend_has_to_have_what_the_running_port_uses(void **state)
{
	struct resources before = resources_now();
	uint16_t port = tx_begin(B_TX_OFFLOADS, 0, RTE_ETH_TX_OFFLOAD_TCP_TSO);

	(void)state;
	backend_stop(&b);
	UNTIL(!port_up(port));
	backend_begin(&b);
	b.features |= B_TX_OFFLOADS & ~B_F_HOST_ECN;
	backend_start(&b);
	UNTIL(strstr(log_text(), "backend lacks HOST_ECN") != NULL);
	assert_false(port_up(port));
	backend_stop(&b);
	backend_begin(&b);
	b.features |= B_TX_OFFLOADS;
	backend_start(&b);
	UNTIL(port_up(port));
	port_end(port, &b, before);
}

static void
capabilities_are_the_drivers_and_then_what_the_backend_leaves(void **state)
{
	struct resources before = resources_now();
	struct rte_eth_conf tso = {.txmode.offloads = RTE_ETH_TX_OFFLOAD_TCP_TSO};
	struct rte_eth_dev_info info;
	uint16_t port;

	(void)state;
	backend_begin(&b);
	b.features |= B_F_CSUM | B_F_HOST_USO;
	port = port_add("");
	assert_int_equal(rte_eth_dev_info_get(port, &info), 0);
	assert_int_equal(info.tx_offload_capa & ALL_TX, ALL_TX);
	assert_int_equal(info.tx_queue_offload_capa, info.tx_offload_capa);
	backend_start(&b);
	UNTIL(rte_eth_dev_info_get(port, &info) == 0 &&
		!(info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_TCP_TSO));
	assert_int_equal(info.tx_offload_capa & ALL_TX, ALL_TX & ~RTE_ETH_TX_OFFLOAD_TCP_TSO);
	assert_int_equal(rte_eth_dev_configure(port, 1, 1, &tso), -EINVAL);
	backend_stop(&b);
	UNTIL(rte_eth_dev_info_get(port, &info) == 0 &&
		(info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_TCP_TSO));
	port_end(port, &b, before);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		UNIT(features_are_asked_for_only_when_offloads_need_them),
		UNIT(offload_of_one_queue_alone_is_enough_and_the_other_one_ignores_flags),
		UNIT(backend_without_what_offloads_need_keeps_the_link_down_and_says_why),
		UNIT(next_backend_has_to_have_what_the_running_port_uses),
		UNIT(capabilities_are_the_drivers_and_then_what_the_backend_leaves),
	};

	fixture_start();
	return fixture_end(RUN_UNITS("pmd_tx_features", tests));
}
