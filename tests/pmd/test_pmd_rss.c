/* SPDX-License-Identifier: BSD-3-Clause */
/* RSS: capabilities, hash types, keys, and the commands that they become. */
#include "rss_port.h"

#include <errno.h>
#include <string.h>

/* Each flow type of ethdev alone, the type that it is on the ring, and what is said of it then. */
static const struct {
	uint64_t asked;
	uint32_t type;
	uint64_t told;
} flows[] = {
	{RTE_ETH_RSS_IPV4, 0x001, V4},
	{RTE_ETH_RSS_FRAG_IPV4, 0x001, V4},
	{RTE_ETH_RSS_NONFRAG_IPV4_OTHER, 0x001, V4},
	{RTE_ETH_RSS_NONFRAG_IPV4_TCP, 0x002, RTE_ETH_RSS_NONFRAG_IPV4_TCP},
	{RTE_ETH_RSS_NONFRAG_IPV4_UDP, 0x004, RTE_ETH_RSS_NONFRAG_IPV4_UDP},
	{RTE_ETH_RSS_IPV6, 0x008, V6},
	{RTE_ETH_RSS_FRAG_IPV6, 0x008, V6},
	{RTE_ETH_RSS_NONFRAG_IPV6_OTHER, 0x008, V6},
	{RTE_ETH_RSS_NONFRAG_IPV6_TCP, 0x010, RTE_ETH_RSS_NONFRAG_IPV6_TCP},
	{RTE_ETH_RSS_NONFRAG_IPV6_UDP, 0x020, RTE_ETH_RSS_NONFRAG_IPV6_UDP},
	{RTE_ETH_RSS_IPV6_EX, 0x040, RTE_ETH_RSS_IPV6_EX},
	{RTE_ETH_RSS_IPV6_TCP_EX, 0x080, RTE_ETH_RSS_IPV6_TCP_EX},
	{RTE_ETH_RSS_IPV6_UDP_EX, 0x100, RTE_ETH_RSS_IPV6_UDP_EX},
};

static void
infos_say_what_the_backend_can_do(void **state)
{
	static const struct {
		uint64_t without;
		uint16_t table_max;
		uint32_t types;
		uint16_t entries;
		uint64_t flows;
	} kinds[] = {
		{0, 128, 0x1ff, 128, ALL},
		{0, 512, 0x003, 512, V4 | RTE_ETH_RSS_NONFRAG_IPV4_TCP},
		{0, 300, 0x1ff, 256, ALL},
		{0, 4096, 0x1ff, 512, ALL},
		{B_F_RSS, 128, 0x1ff, 0, ALL},
		{B_F_RSS | B_F_HASH_REPORT, 128, 0x1ff, 0, 0},
		{B_F_CTRL_VQ, 128, 0x1ff, 0, 0},
	};
	struct rte_eth_dev_info info;
	uint16_t port;

	(void)state;
	COVERS("NET-FACT-067");
	COVERS("NET-FACT-068");
	COVERS("NET-FACT-069");
	for (unsigned int i = 0; i < RTE_DIM(kinds); i++) {
		struct resources before = resources_now();

		rss_begin(kinds[i].table_max, kinds[i].types);
		/* What the driver can do, and each backend with RSS has to. */
		port = port_add("");
		assert_int_equal(rte_eth_dev_info_get(port, &info), 0);
		assert_int_equal(info.flow_type_rss_offloads, ALL);
		assert_int_equal(info.hash_key_size, 40);
		assert_int_equal(info.reta_size, 128);
		assert_true(info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_RSS_HASH);
		port_remove(port);
		rss_b.features &= ~kinds[i].without;
		backend_start(&rss_b);
		port = port_add("wait=60");
		assert_int_equal(rte_eth_dev_info_get(port, &info), 0);
		assert_int_equal(info.flow_type_rss_offloads, kinds[i].flows);
		assert_int_equal(info.reta_size, kinds[i].entries);
		port_end(port, &rss_b, before);
	}
}

static void
configuration_goes_out_with_default_key_and_round_robin_table(void **state)
{
	(void)state;
	COVERS("NET-DRV-065");
	COVERS("NET-DRV-066");
	for (uint16_t queues = 1; queues <= 4; queues++) {
		struct resources before = resources_now();
		uint16_t port;

		rss_begin(queues % 2 ? 128 : 512, 0x1ff);
		port = rss_start(queues, V4 | RTE_ETH_RSS_NONFRAG_IPV4_TCP, 0);
		assert_int_equal(rss_commands(), 1);
		assert_int_equal(backend_commands(&rss_b, 4, 0, NULL), 0);
		assert_rss(0x003, queues % 2 ? 128 : 512, NULL, queues, rss_default_key);
		assert_rss_conf(port, V4 | RTE_ETH_RSS_NONFRAG_IPV4_TCP, rss_default_key);
		assert_reta(port, queues % 2 ? 128 : 512, NULL, queues);
		port_end(port, &rss_b, before);
	}
}

static void
key_of_the_application_has_40_bytes_or_is_refused_by_name(void **state)
{
	struct resources before = resources_now();
	uint8_t key[52];
	struct rte_eth_conf conf = {
		.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS,
		.rx_adv_conf.rss_conf = {.rss_key = key, .rss_hf = RTE_ETH_RSS_IPV4},
	};
	uint16_t port;

	(void)state;
	for (unsigned int i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)(200 - i);
	rss_begin(128, 0x1ff);
	port = rss_start(2, V4, 0);
	assert_int_equal(rss_update(port, V4, key, 52), -EINVAL);
	assert_int_equal(rss_update(port, V4, key, 39), -EINVAL);
	assert_int_equal(rss_update(port, V4, key, 0), -EINVAL);
	assert_non_null(strstr(log_text(), "RSS key of 39 bytes: it has to have 40"));
	assert_int_equal(rss_commands(), 1);
	assert_int_equal(rss_update(port, V4, key, 40), 0);
	assert_rss(0x001, 128, NULL, 2, key);
	/* No key: the one that is there. */
	assert_int_equal(rss_update(port, V6, NULL, 0), 0);
	assert_rss(0x008, 128, NULL, 2, key);
	assert_rss_conf(port, V6, key);

	assert_int_equal(rte_eth_dev_stop(port), 0);
	conf.rx_adv_conf.rss_conf.rss_key_len = 52;
	assert_int_equal(rte_eth_dev_configure(port, 2, 2, &conf), -EINVAL);
	conf.rx_adv_conf.rss_conf.rss_key_len = 40;
	assert_int_equal(rte_eth_dev_configure(port, 2, 2, &conf), 0);
	assert_rss_conf(port, V4, key);
	rss_configure(port, 2, V4, 0);
	assert_rss_conf(port, V4, rss_default_key);
	port_end(port, &rss_b, before);
}

static void
every_flow_type_becomes_the_type_of_the_standard(void **state)
{
	struct resources before = resources_now();
	uint16_t port;

	(void)state;
	COVERS("HASH-010");
	COVERS("HASH-011");
	COVERS("HASH-012");
	COVERS("HASH-013");
	COVERS("HASH-014");
	COVERS("HASH-015");
	COVERS("HASH-016");
	COVERS("HASH-017");
	COVERS("HASH-018");
	rss_begin(128, 0x1ff);
	port = rss_start(4, RTE_ETH_RSS_UDP, 0);
	for (unsigned int i = 0; i < RTE_DIM(flows); i++) {
		assert_int_equal(rss_update(port, flows[i].asked, NULL, 0), 0);
		assert_rss(flows[i].type, 128, NULL, 4, rss_default_key);
		assert_rss_conf(port, flows[i].told, rss_default_key);
	}
	assert_int_equal(rss_update(port, ALL, NULL, 0), 0);
	assert_rss(0x1ff, 128, NULL, 4, rss_default_key);
	/* None: all packets are unclassified, and unclassified ones go to queue 0. */
	assert_int_equal(rss_update(port, 0, NULL, 0), 0);
	assert_rss(0, 128, NULL, 4, rss_default_key);
	assert_rss_conf(port, 0, rss_default_key);
	port_end(port, &rss_b, before);
}

static void
types_that_the_backend_has_not_are_refused(void **state)
{
	struct resources before = resources_now();
	struct rte_eth_conf conf = {
		.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS,
		.rx_adv_conf.rss_conf.rss_hf = RTE_ETH_RSS_UDP,
	};
	uint16_t port;

	(void)state;
	COVERS("NET-DRV-067");
	rss_begin(128, 0x003);
	port = rss_start(2, V4, 0);
	assert_int_equal(rss_update(port, RTE_ETH_RSS_UDP, NULL, 0), -EINVAL);
	assert_int_equal(rss_update(port, V4 | RTE_ETH_RSS_L2_PAYLOAD, NULL, 0), -EINVAL);
	assert_int_equal(rss_update(port, V4 | RTE_ETH_RSS_L3_SRC_ONLY, NULL, 0), -EINVAL);
	assert_int_equal(rss_commands(), 1);
	assert_rss_conf(port, V4, rss_default_key);
	assert_int_equal(rte_eth_dev_stop(port), 0);
	assert_int_equal(rte_eth_dev_configure(port, 2, 2, &conf), -EINVAL);
	port_end(port, &rss_b, before);
}

/* 5.1.6.5.6.4: types, four reserved words, key. */
static void
hash_report_alone_is_configured_by_its_own_command(void **state)
{
	static const uint8_t reserved[8];
	struct rte_eth_rss_reta_entry64 groups[2] = {{.mask = 1, .reta = {1}}};
	struct resources before = resources_now();
	uint16_t port;

	(void)state;
	COVERS("HASH-039");
	COVERS("HASH-041");
	COVERS("HASH-042");
	COVERS("NET-DRV-063");
	rss_begin(128, 0x1ff);
	rss_b.features &= ~B_F_RSS;
	port = rss_start(4, V4, RTE_ETH_RX_OFFLOAD_RSS_HASH);
	assert_int_equal(backend_commands(&rss_b, 4, HASH_COMMAND, &rss_last), 1);
	assert_int_equal(rss_last.nb, 2 + 4 + 8 + 1 + 40);
	assert_int_equal(rss_le(2, 4), 0x001);
	assert_memory_equal(rss_last.bytes + 6, reserved, sizeof(reserved));
	assert_int_equal(rss_last.bytes[14], 40);
	assert_memory_equal(rss_last.bytes + 15, rss_default_key, 40);
	assert_int_equal(rss_update(port, RTE_ETH_RSS_TCP, NULL, 0), 0);
	assert_int_equal(backend_commands(&rss_b, 4, HASH_COMMAND, &rss_last), 2);
	assert_int_equal(rss_le(2, 4), 0x092);
	assert_rss_conf(port, RTE_ETH_RSS_TCP, rss_default_key);
	assert_int_equal(rte_eth_dev_rss_reta_update(port, groups, 128), -ENOTSUP);
	assert_int_equal(rte_eth_dev_rss_reta_query(port, groups, 128), -ENOTSUP);
	assert_int_equal(backend_commands(&rss_b, 4, 0, &rss_last), 1);
	assert_int_equal(rss_le(2, 2), 4);

	/* The next one has RSS: it is asked for what the application wants. */
	backend_stop(&rss_b);
	UNTIL(!port_up(port));
	rss_begin(128, 0x1ff);
	backend_start(&rss_b);
	UNTIL(port_up(port));
	assert_rss(0x092, 128, NULL, 4, rss_default_key);
	port_end(port, &rss_b, before);
}

static void
types_that_come_after_the_start_reach_a_backend_with_hash_report_alone(void **state)
{
	struct resources before = resources_now();
	uint16_t port;

	(void)state;
	rss_begin(128, 0x1ff);
	rss_b.features &= ~B_F_RSS;
	port = rss_start(2, 0, RTE_ETH_RX_OFFLOAD_RSS_HASH);
	assert_rss_conf(port, 0, rss_default_key);
	assert_int_equal(rss_update(port, V6, NULL, 0), 0);
	assert_int_not_equal(backend_commands(&rss_b, 4, HASH_COMMAND, &rss_last), 0);
	assert_int_equal(rss_le(2, 4), 0x008);
	assert_rss_conf(port, V6, rss_default_key);
	backend_stop(&rss_b);
	UNTIL(!port_up(port));
	rss_begin(128, 0x1ff);
	backend_start(&rss_b);
	UNTIL(port_up(port));
	assert_rss(0x008, 128, NULL, 2, rss_default_key);
	port_end(port, &rss_b, before);
}

static void
backend_without_rss_serves_the_port_and_is_no_false_promise(void **state)
{
	struct rte_eth_rss_reta_entry64 groups[2] = {{.mask = 1, .reta = {1}}};
	struct rte_eth_conf conf = {
		.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS,
		.rx_adv_conf.rss_conf.rss_hf = RTE_ETH_RSS_IPV4,
	};
	struct resources before = resources_now();
	struct rte_eth_rss_conf got = {.rss_key = NULL};
	uint16_t port;

	(void)state;
	/* Configured while nobody was there. */
	backend_begin(&rss_b);
	port = port_add("queues=4");
	rss_configure(port, 4, V4, 0);
	assert_int_equal(rte_eth_dev_start(port), 0);
	assert_rss_conf(port, V4, rss_default_key);
	backend_start(&rss_b);
	UNTIL(port_up(port));
	assert_non_null(strstr(log_text(), "backend has no RSS"));
	assert_int_equal(rss_update(port, V4, NULL, 0), -EINVAL);
	assert_int_equal(rss_update(port, 0, NULL, 0), -ENOTSUP);
	assert_int_equal(rte_eth_dev_rss_hash_conf_get(port, &got), -ENOTSUP);
	assert_int_equal(rte_eth_dev_rss_reta_update(port, groups, 128), -ENOTSUP);
	assert_int_equal(rte_eth_dev_rss_reta_query(port, groups, 128), -ENOTSUP);
	/* Now it is known. */
	assert_int_equal(rte_eth_dev_stop(port), 0);
	assert_int_equal(rte_eth_dev_configure(port, 4, 4, &conf), -EINVAL);
	port_end(port, &rss_b, before);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		UNIT(infos_say_what_the_backend_can_do),
		UNIT(configuration_goes_out_with_default_key_and_round_robin_table),
		UNIT(key_of_the_application_has_40_bytes_or_is_refused_by_name),
		UNIT(every_flow_type_becomes_the_type_of_the_standard),
		UNIT(types_that_the_backend_has_not_are_refused),
		UNIT(hash_report_alone_is_configured_by_its_own_command),
		UNIT(types_that_come_after_the_start_reach_a_backend_with_hash_report_alone),
		UNIT(backend_without_rss_serves_the_port_and_is_no_false_promise),
	};

	fixture_start();
	return fixture_end(RUN_UNITS("pmd_rss", tests));
}
