/* SPDX-License-Identifier: BSD-3-Clause */
/* Backends that lack something: no link, a reason, nothing half done. */
#include "fixture.h"

#include <rte_cycles.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

static struct backend b;

static const struct port_shape one_pair = {.rx = 1, .tx = 1};

static void
backend_without_version_1_is_legacy_and_gets_nothing(void **state)
{
	struct resources before = resources_now();
	uint16_t port;

	(void)state;
	backend_begin(&b);
	b.features &= ~B_F_VERSION_1;
	backend_start(&b);
	port = port_add("");
	port_configure(port, one_pair);
	assert_int_equal(rte_eth_dev_start(port), 0);
	UNTIL(strstr(log_text(), "legacy") != NULL);
	assert_false(port_up(port));
	assert_int_equal(backend_seen(&b, B_SET_FEATURES, NULL), 0);
	assert_int_equal(backend_seen(&b, B_SET_MEM_TABLE, NULL), 0);
	assert_int_equal(port_xstat(port, "backend_refusals"), 1);
	port_end(port, &b, before);
}

static void
backend_with_too_few_queues_is_refused_by_numbers(void **state)
{
	struct resources before = resources_now();
	uint16_t port;

	(void)state;
	backend_begin(&b);
	b.pairs = 2;
	backend_start(&b);
	port = port_add("queues=4");
	port_configure(port, (struct port_shape){.rx = 3, .tx = 1});
	assert_int_equal(rte_eth_dev_start(port), 0);
	UNTIL(strstr(log_text(), "port has 3 queue pairs, backend serves 2") != NULL);
	assert_false(port_up(port));

	/* As many as there are: served, on the same connection. */
	assert_int_equal(rte_eth_dev_stop(port), 0);
	port_configure(port, (struct port_shape){.rx = 2, .tx = 2});
	assert_int_equal(rte_eth_dev_start(port), 0);
	assert_true(port_up(port));
	assert_int_equal(b.connections, 1);
	port_end(port, &b, before);
}

static void
backend_without_mq_serves_one_pair_only(void **state)
{
	struct resources before = resources_now();
	uint16_t port;

	(void)state;
	backend_begin(&b);
	b.features &= ~B_F_MQ;
	backend_start(&b);
	port = port_add("queues=2");
	port_configure(port, (struct port_shape){.rx = 2, .tx = 2});
	assert_int_equal(rte_eth_dev_start(port), 0);
	UNTIL(strstr(log_text(), "backend serves 1") != NULL);
	assert_false(port_up(port));
	port_end(port, &b, before);
}

static void
backend_without_mergeable_buffers_cannot_serve_big_frames(void **state)
{
	struct resources before = resources_now();
	uint16_t port;

	(void)state;
	backend_begin(&b);
	b.features &= ~B_F_MRG_RXBUF;
	backend_start(&b);
	port = port_add("");
	port_configure(port,
		(struct port_shape){
			.rx = 1, .tx = 1, .mtu = 9000, .rx_offloads = RTE_ETH_RX_OFFLOAD_SCATTER});
	assert_int_equal(rte_eth_dev_start(port), 0);
	UNTIL(strstr(log_text(), "MTU 9000 needs several buffers") != NULL);
	assert_false(port_up(port));
	assert_int_equal(rte_eth_dev_stop(port), 0);
	assert_int_equal(rte_eth_dev_set_mtu(port, 1500), 0);
	assert_int_equal(rte_eth_dev_start(port), 0);
	assert_true(port_up(port));
	/* Not while it runs with such a backend. */
	assert_int_equal(rte_eth_dev_set_mtu(port, 9000), -EINVAL);
	port_end(port, &b, before);
}

static void
backend_that_takes_features_back_is_refused(void **state)
{
	struct resources before = resources_now();
	uint16_t port;

	(void)state;
	backend_begin(&b);
	b.no_features_ok = true;
	backend_start(&b);
	port = port_add("");
	port_configure(port, one_pair);
	assert_int_equal(rte_eth_dev_start(port), 0);
	UNTIL(strstr(log_text(), "did not accept the features") != NULL);
	assert_false(port_up(port));
	assert_int_equal(backend_seen(&b, B_SET_MEM_TABLE, NULL), 0);
	port_end(port, &b, before);
}

static void
later_backend_has_to_have_what_is_in_use(void **state)
{
	static const struct {
		uint64_t feature;
		const char *name;
	} used[] = {
		{B_F_MRG_RXBUF, "lacks MRG_RXBUF"},
		{B_F_IN_ORDER, "lacks IN_ORDER"},
		{B_F_INDIRECT, "lacks INDIRECT_DESC"},
		{B_F_VERSION_1, "legacy"},
	};

	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(used); i++) {
		struct resources before = resources_now();
		uint16_t port;

		backend_begin(&b);
		backend_start(&b);
		port = port_add("");
		port_configure(port, one_pair);
		assert_int_equal(rte_eth_dev_start(port), 0);
		UNTIL(port_up(port));
		backend_stop(&b);
		UNTIL(!port_up(port));

		backend_begin(&b);
		b.features &= ~used[i].feature;
		backend_start(&b);
		UNTIL(strstr(log_text(), used[i].name) != NULL);
		assert_false(port_up(port));
		assert_int_equal(backend_seen(&b, B_SET_MEM_TABLE, NULL), 0);

		/* Reconfigured the port does without, but for VERSION_1. */
		assert_int_equal(rte_eth_dev_stop(port), 0);
		assert_int_equal(rte_eth_dev_start(port), 0);
		assert_int_equal(port_up(port), used[i].feature != B_F_VERSION_1);
		port_end(port, &b, before);
	}
}

static void
later_backend_may_offer_more_without_changing_the_port(void **state)
{
	struct resources before = resources_now();
	uint64_t first;
	uint16_t port;

	(void)state;
	backend_begin(&b);
	b.features &= ~(B_F_MRG_RXBUF | B_F_IN_ORDER | B_F_INDIRECT);
	b.protocol = B_P_MQ;
	backend_start(&b);
	port = port_add("");
	port_configure(port, one_pair);
	assert_int_equal(rte_eth_dev_start(port), 0);
	UNTIL(port_up(port));
	first = b.acked;
	assert_int_equal(first, B_F_VERSION_1 | B_F_PROTOCOL_FEATURES);
	backend_stop(&b);
	UNTIL(!port_up(port));

	backend_begin(&b);
	backend_start(&b);
	UNTIL(port_up(port));
	/* The MTU is not the data path's business. */
	assert_int_equal(b.acked & ~B_F_MTU, first);
	port_end(port, &b, before);
}

static void
backend_without_protocol_features_is_served(void **state)
{
	struct resources before = resources_now();
	uint16_t port;

	(void)state;
	backend_begin(&b);
	b.features &= ~B_F_PROTOCOL_FEATURES;
	backend_start(&b);
	port = port_add("");
	port_configure(port, one_pair);
	assert_int_equal(rte_eth_dev_start(port), 0);
	UNTIL(port_up(port));
	assert_int_equal(backend_seen(&b, B_GET_PROTOCOL_FEATURES, NULL), 0);
	assert_int_equal(backend_seen(&b, B_SET_VRING_ENABLE, NULL), 0);
	assert_int_equal(backend_seen(&b, B_SET_STATUS, NULL), 0);
	assert_true(b.rings[0].started && b.rings[1].started);
	port_end(port, &b, before);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		UNIT(backend_without_version_1_is_legacy_and_gets_nothing),
		UNIT(backend_with_too_few_queues_is_refused_by_numbers),
		UNIT(backend_without_mq_serves_one_pair_only),
		UNIT(backend_without_mergeable_buffers_cannot_serve_big_frames),
		UNIT(backend_that_takes_features_back_is_refused),
		UNIT(later_backend_has_to_have_what_is_in_use),
		UNIT(later_backend_may_offer_more_without_changing_the_port),
		UNIT(backend_without_protocol_features_is_served),
	};

	fixture_start();
	return fixture_end(RUN_UNITS("pmd_refuse", tests));
}
