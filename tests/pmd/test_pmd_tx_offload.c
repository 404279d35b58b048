/* SPDX-License-Identifier: BSD-3-Clause */
/* Transmit offloads: what the backend finds on the ring. */
#include "tx_kinds.h"

#include <rte_vect.h>

#include <string.h>

static void
every_kind_goes_out_with_the_header_of_the_standard(void **state)
{
	static const uint64_t without[] = {0, B_F_IN_ORDER, B_F_INDIRECT};
	static const uint16_t widths[] = {128, 256, 512};
	/* Bytes of the first segment and of the others. */
	static const uint32_t shapes[][2] = {
		{1900, 1900}, {60, 1900}, {20, 1500}, {14, 1900}, {1, 1500}, {200, 1500}};

	(void)state;
	COVERS("NET-DRV-013");
	COVERS("NET-DRV-016");
	COVERS("NET-DRV-018");
	COVERS("NET-DRV-022");
	COVERS("NET-DRV-025");
	COVERS("NET-DRV-026");
	COVERS("NET-DRV-028");
	COVERS("NET-DRV-029");
	COVERS("NET-DRV-031");
	COVERS("NET-DRV-032");
	COVERS("NET-DRV-033");
	COVERS("NET-DRV-034");
	COVERS("NET-DRV-036");
	COVERS("NET-DRV-037");
	for (unsigned int v = 0; v < 2 * RTE_DIM(without) * RTE_DIM(widths); v++) {
		struct resources before = resources_now();
		uint16_t port;

		tx_hash = v >= RTE_DIM(without) * RTE_DIM(widths);
		assert_int_equal(rte_vect_set_max_simd_bitwidth(widths[v / 3 % 3]), 0);
		port = tx_begin(B_TX_OFFLOADS, without[v % 3], ALL_TX);
		for (unsigned int i = 0; i < nb_kinds * RTE_DIM(shapes); i++) {
			const struct kind *k = &kinds[i % nb_kinds];
			const uint32_t *shape = shapes[i / nb_kinds];
			uint32_t bytes = tx_build(k);
			uint32_t len = tx_complete(k, bytes);
			struct rte_mbuf *m;

			tx_seed(k);
			m = tx_packet(k, bytes, shape[0], shape[1]);
			assert_int_equal(rte_eth_tx_burst(port, 0, &m, 1), 1);
			assert_sent(k, len);
		}
		assert_int_equal(port_xstat(port, "tx_q0_errors"), 0);
		tx_end(port, before);
	}
	assert_int_equal(rte_vect_set_max_simd_bitwidth(256), 0);
	tx_hash = false;
}

static void
shared_packets_are_right_on_the_ring_and_not_written(void **state)
{
	static const uint64_t without[] = {0, B_F_INDIRECT};

	(void)state;
	for (unsigned int v = 0; v < 2 * RTE_DIM(without); v++) {
		struct resources before = resources_now();
		uint16_t port;

		tx_hash = v >= RTE_DIM(without);
		port = tx_begin(B_TX_OFFLOADS, without[v % RTE_DIM(without)], ALL_TX);
		for (unsigned int i = 0; i < 2 * nb_kinds; i++) {
			const struct kind *k = &kinds[i / 2];
			uint32_t bytes = tx_build(k);
			uint32_t len = tx_complete(k, bytes);
			uint8_t copy[2048];
			struct rte_mbuf *owner;
			struct rte_mbuf *m;

			tx_seed(k);
			owner = tx_packet(k, bytes, 1000, 1900);
			memcpy(copy, owner->buf_addr, sizeof(copy));
			if (i % 2) {
				m = rte_pktmbuf_clone(owner, pool);
				assert_non_null(m);
			} else {
				m = owner;
				rte_pktmbuf_refcnt_update(m, 1);
			}
			assert_int_equal(rte_eth_tx_burst(port, 0, &m, 1), 1);
			assert_sent(k, len);
			assert_memory_equal(owner->buf_addr, copy, sizeof(copy));
			assert_int_equal(owner->pkt_len, bytes);
			/* Completions come with the next bursts: the clone lets go of it first. */
			port_send(port, 0, 64, 60);
			while (tx_collect() != 0)
				;
			port_send(port, 0, 64, 60);
			while (tx_collect() != 0)
				;
			rte_pktmbuf_free(owner);
		}
		tx_end(port, before);
	}
	tx_hash = false;
}

static void
packets_that_ask_for_nothing_pass_the_offload_variants_as_they_are(void **state)
{
	struct resources before = resources_now();
	uint16_t port = tx_begin(B_TX_OFFLOADS, 0, ALL_TX);
	struct rte_eth_burst_mode mode;

	(void)state;
	assert_int_equal(rte_eth_tx_burst_mode_get(port, 0, &mode), 0);
	assert_non_null(strstr(mode.info, "offload"));
	for (unsigned int round = 0; round < 1000; round++) {
		assert_int_equal(port_send(port, 0, 8, 60), 8);
		for (unsigned int i = 0; i < 8; i++) {
			static const uint8_t none[HDR];

			assert_int_equal(tx_collect(), HDR + 60);
			assert_memory_equal(seen, none, HDR);
		}
	}
	tx_end(port, before);
}

static void
prepared_packets_need_nothing_from_the_application(void **state)
{
	struct resources before = resources_now();
	uint16_t port = tx_begin(B_TX_OFFLOADS, 0, ALL_TX);

	(void)state;
	COVERS("NET-DRV-027");
	for (unsigned int i = 0; i < 2 * nb_kinds; i++) {
		const struct kind *k = &kinds[i / 2];
		uint32_t bytes = tx_build(k);
		uint32_t len = tx_complete(k, bytes);
		struct rte_mbuf *m = tx_packet(k, bytes, 1900, 1900);

		/* Checksum fields are zero. Once more must not change anything. */
		assert_int_equal(rte_eth_tx_prepare(port, 0, &m, 1), 1);
		if (i % 2)
			assert_int_equal(rte_eth_tx_prepare(port, 0, &m, 1), 1);
		assert_int_equal(rte_eth_tx_burst(port, 0, &m, 1), 1);
		assert_sent(k, len);
	}
	tx_end(port, before);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		UNIT(every_kind_goes_out_with_the_header_of_the_standard),
		UNIT(shared_packets_are_right_on_the_ring_and_not_written),
		UNIT(packets_that_ask_for_nothing_pass_the_offload_variants_as_they_are),
		UNIT(prepared_packets_need_nothing_from_the_application),
	};

	fixture_start();
	return fixture_end(RUN_UNITS("pmd_tx_offload", tests));
}
