/* SPDX-License-Identifier: BSD-3-Clause */
/* RSS: the redirection table, and ports that have none. */
#include "rss_port.h"

#include <errno.h>
#include <string.h>

static void
any_entries_of_the_table_can_be_changed_and_outlive_restarts_and_backends(void **state)
{
	struct resources before = resources_now();
	struct rte_eth_rss_reta_entry64 groups[8];
	uint16_t table[512];
	unsigned int sent;
	uint16_t port;

	(void)state;
	COVERS("NET-DRV-064");
	rss_begin(512, 0x1ff);
	port = rss_start(4, V4, 0);
	for (uint16_t i = 0; i < 512; i++)
		table[i] = i % 4;
	for (unsigned int round = 0; round < 30; round++) {
		memset(groups, 0, sizeof(groups));
		for (unsigned int i = round; i < 512; i += 1 + round * 7) {
			table[i] = (uint16_t)((i + round) % 4);
			groups[i / 64].mask |= UINT64_C(1) << i % 64;
			groups[i / 64].reta[i % 64] = table[i];
		}
		sent = rss_commands();
		assert_int_equal(rte_eth_dev_rss_reta_update(port, groups, 512), 0);
		assert_true(rss_commands() <= sent + 1);
		assert_rss(0x001, 512, table, 4, rss_default_key);
		assert_reta(port, 512, table, 4);
	}
	/* What changes nothing is not sent. */
	sent = rss_commands();
	assert_int_equal(rte_eth_dev_rss_reta_update(port, groups, 512), 0);
	assert_int_equal(rss_commands(), sent);

	/* A part of it is asked for: the rest is left alone. */
	memset(groups, 0x77, sizeof(groups));
	for (unsigned int i = 0; i < 8; i++)
		groups[i].mask = 0;
	groups[1].mask = 2;
	assert_int_equal(rte_eth_dev_rss_reta_query(port, groups, 512), 0);
	assert_int_equal(groups[1].reta[1], table[65]);
	assert_int_equal(groups[1].reta[2], 0x7777);
	assert_int_equal(groups[0].reta[1], 0x7777);

	assert_int_equal(rte_eth_dev_stop(port), 0);
	memset(groups, 0, sizeof(groups));
	groups[7].mask = UINT64_C(1) << 63;
	groups[7].reta[63] = table[511] = 2;
	assert_int_equal(rte_eth_dev_rss_reta_update(port, groups, 512), 0);
	assert_int_equal(rss_commands(), sent);
	assert_int_equal(rte_eth_dev_start(port), 0);
	assert_rss(0x001, 512, table, 4, rss_default_key);
	backend_stop(&rss_b);
	UNTIL(!port_up(port));
	groups[7].reta[63] = table[511] = 3;
	assert_int_equal(rte_eth_dev_rss_reta_update(port, groups, 512), 0);
	rss_begin(512, 0x1ff);
	backend_start(&rss_b);
	UNTIL(port_up(port));
	assert_rss(0x001, 512, table, 4, rss_default_key);

	/* A new configuration begins with its own. */
	assert_int_equal(rte_eth_dev_stop(port), 0);
	rss_configure(port, 3, V4, 0);
	assert_reta(port, 512, NULL, 3);
	assert_int_equal(rte_eth_dev_start(port), 0);
	assert_rss(0x001, 512, NULL, 3, rss_default_key);
	port_end(port, &rss_b, before);
}

static void
impossible_tables_are_refused_and_change_nothing(void **state)
{
	struct rte_eth_rss_reta_entry64 groups[8] = {{.mask = 3, .reta = {1, 2}}};
	struct resources before = resources_now();
	uint16_t port;

	(void)state;
	rss_begin(128, 0x1ff);
	port = rss_start(2, V4, 0);
	/* Queue 2 of two. */
	assert_int_equal(rte_eth_dev_rss_reta_update(port, groups, 128), -EINVAL);
	groups[0].reta[1] = 0;
	assert_int_equal(rte_eth_dev_rss_reta_update(port, groups, 64), -EINVAL);
	assert_int_equal(rte_eth_dev_rss_reta_update(port, groups, 512), -EINVAL);
	assert_non_null(strstr(log_text(), "the redirection table has 128 entries, not 512"));
	assert_int_equal(rte_eth_dev_rss_reta_query(port, groups, 256), -EINVAL);
	assert_reta(port, 128, NULL, 2);
	assert_int_equal(rss_commands(), 1);
	port_end(port, &rss_b, before);
}

static void
table_of_a_port_keeps_its_size_when_the_backend_comes_later(void **state)
{
	struct resources before = resources_now();
	struct rte_eth_dev_info info;
	uint16_t port;

	(void)state;
	rss_begin(512, 0x1ff);
	port = port_add("queues=4");
	rss_configure(port, 4, V4, 0);
	assert_int_equal(rte_eth_dev_start(port), 0);
	assert_reta(port, 128, NULL, 4);
	backend_start(&rss_b);
	UNTIL(port_up(port));
	assert_rss(0x001, 128, NULL, 4, rss_default_key);
	assert_int_equal(rte_eth_dev_info_get(port, &info), 0);
	assert_int_equal(info.reta_size, 128);
	assert_int_equal(rte_eth_dev_stop(port), 0);
	rss_configure(port, 4, V4, 0);
	assert_int_equal(rte_eth_dev_info_get(port, &info), 0);
	assert_int_equal(info.reta_size, 512);
	port_end(port, &rss_b, before);
}

static void
refusal_of_the_backend_is_told_and_leaves_everything_as_it_was(void **state)
{
	struct rte_eth_rss_reta_entry64 groups[2] = {{.mask = 1, .reta = {1}}};
	struct resources before = resources_now();
	uint8_t key[40] = {1};
	uint16_t port;

	(void)state;
	rss_begin(128, 0x1ff);
	port = rss_start(2, V4, 0);
	rss_b.answer = rss_refuse;
	assert_int_equal(rss_update(port, V6, key, 40), -EIO);
	assert_int_equal(rte_eth_dev_rss_reta_update(port, groups, 128), -EIO);
	assert_rss_conf(port, V4, rss_default_key);
	assert_reta(port, 128, NULL, 2);
	assert_true(port_up(port));
	rss_b.answer = NULL;
	assert_int_equal(rte_eth_dev_rss_reta_update(port, groups, 128), 0);
	assert_int_equal(rss_update(port, V6, key, 40), 0);
	assert_rss_conf(port, V6, key);
	port_end(port, &rss_b, before);
}

static void
mode_without_types_steers_by_pairs_until_there_is_one(void **state)
{
	struct rte_eth_rss_reta_entry64 groups[2] = {{.mask = 1, .reta = {3}}};
	struct resources before = resources_now();
	uint16_t table[128];
	uint16_t port;

	(void)state;
	rss_begin(128, 0x1ff);
	port = rss_start(4, 0, 0);
	assert_int_equal(rss_commands(), 0);
	assert_int_equal(backend_commands(&rss_b, 4, 0, &rss_last), 1);
	assert_int_equal(rss_le(2, 2), 4);
	assert_rss_conf(port, 0, rss_default_key);
	assert_int_equal(rte_eth_dev_rss_reta_update(port, groups, 128), 0);
	assert_int_equal(rss_commands(), 0);
	assert_int_equal(rss_update(port, V4, NULL, 0), 0);
	for (uint16_t i = 0; i < 128; i++)
		table[i] = i == 0 ? 3 : i % 4;
	assert_rss(0x001, 128, table, 4, rss_default_key);
	port_end(port, &rss_b, before);
}

static void
port_without_the_mode_steers_by_pairs_and_has_no_rss(void **state)
{
	struct rte_eth_rss_reta_entry64 groups[2] = {{.mask = 1, .reta = {1}}};
	const struct port_shape shape = {.rx = 4, .tx = 2};
	struct resources before = resources_now();
	uint16_t port;

	(void)state;
	rss_begin(128, 0x1ff);
	backend_start(&rss_b);
	port = port_add("queues=4,wait=60");
	port_configure(port, shape);
	assert_int_equal(rte_eth_dev_start(port), 0);
	assert_int_equal(rss_commands(), 0);
	assert_int_equal(backend_commands(&rss_b, 4, 0, &rss_last), 1);
	assert_int_equal(rss_le(2, 2), 4);
	assert_int_equal(rss_update(port, V4, NULL, 0), -ENOTSUP);
	assert_int_equal(rte_eth_dev_rss_reta_update(port, groups, 128), -ENOTSUP);
	/* And one that had it before forgets it. */
	assert_int_equal(rte_eth_dev_stop(port), 0);
	rss_configure(port, 4, V4, 0);
	assert_int_equal(rte_eth_dev_start(port), 0);
	assert_int_equal(rss_commands(), 1);
	assert_int_equal(rte_eth_dev_stop(port), 0);
	port_configure(port, shape);
	assert_int_equal(rte_eth_dev_start(port), 0);
	assert_int_equal(rss_commands(), 1);
	assert_int_equal(backend_commands(&rss_b, 4, 0, NULL), 2);
	port_end(port, &rss_b, before);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		UNIT(any_entries_of_the_table_can_be_changed_and_outlive_restarts_and_backends),
		UNIT(impossible_tables_are_refused_and_change_nothing),
		UNIT(table_of_a_port_keeps_its_size_when_the_backend_comes_later),
		UNIT(refusal_of_the_backend_is_told_and_leaves_everything_as_it_was),
		UNIT(mode_without_types_steers_by_pairs_until_there_is_one),
		UNIT(port_without_the_mode_steers_by_pairs_and_has_no_rss),
	};

	fixture_start();
	return fixture_end(RUN_UNITS("pmd_reta", tests));
}
