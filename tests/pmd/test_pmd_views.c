/* SPDX-License-Identifier: BSD-3-Clause */
/* What an application sees of the queues: counts, descriptors, dumps, mapped counters. */
#include "traffic.h"

#include <rte_cycles.h>
#include <rte_power_intrinsics.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct backend b;
static struct fake_device d;
static struct fake_chain chains[8];

static uint16_t
started_port(const char *args, struct port_shape shape)
{
	uint16_t port;

	backend_begin(&b);
	backend_start(&b);
	port = port_add(args);
	port_configure(port, shape);
	assert_int_equal(rte_eth_dev_start(port), 0);
	UNTIL(port_up(port));
	return port;
}

static const struct port_shape two_pairs = {.rx = 2, .tx = 2};

/* Take n chains and give them back last first. */
static void
use_backwards(uint32_t ring, unsigned int n, bool receive)
{
	backend_device(&b, ring, &d);
	for (unsigned int i = 0; i < n; i++)
		assert_true(fake_device_take(&d, &chains[i]));
	for (unsigned int i = n; i-- > 0;) {
		if (receive) {
			uint8_t *buf = backend_at(&b, chains[i].parts[0].addr, 12 + TRAFFIC_BYTES);

			memset(buf, 0, 12);
			buf[10] = 1;
			memset(buf + 12, 'n', TRAFFIC_BYTES);
		}
		fake_device_use(&d, chains[i].head, receive ? 12 + TRAFFIC_BYTES : 0);
	}
	fake_device_show(&d);
}

static void
counts_are_right_where_the_device_completes_in_any_order(void **state)
{
	struct resources before = resources_now();
	uint16_t port = started_port("queues=2,in_order=0", two_pairs);

	(void)state;
	use_backwards(0, 5, true);
	assert_int_equal(rte_eth_rx_queue_count(port, 0), 5);
	assert_int_equal(rte_eth_rx_descriptor_status(port, 0, 4), RTE_ETH_RX_DESC_DONE);
	assert_int_equal(rte_eth_rx_descriptor_status(port, 0, 5), RTE_ETH_RX_DESC_AVAIL);
	assert_int_equal(port_receive(port, 0, 2, 'n'), 2);
	assert_int_equal(rte_eth_rx_queue_count(port, 0), 3);
	assert_int_equal(rte_eth_rx_descriptor_status(port, 0, 2), RTE_ETH_RX_DESC_DONE);
	assert_int_equal(rte_eth_rx_descriptor_status(port, 0, 3), RTE_ETH_RX_DESC_AVAIL);
	assert_int_equal(rte_eth_rx_descriptor_status(port, 0, 61), RTE_ETH_RX_DESC_AVAIL);
	/* Taken and not posted again yet. */
	assert_int_equal(rte_eth_rx_descriptor_status(port, 0, 62), RTE_ETH_RX_DESC_UNAVAIL);
	assert_int_equal(port_receive(port, 0, 64, 'n'), 3);

	assert_int_equal(port_send(port, 0, 8, 60), 8);
	use_backwards(1, 6, false);
	assert_int_equal(rte_eth_tx_descriptor_status(port, 0, 61), RTE_ETH_TX_DESC_DONE);
	assert_int_equal(rte_eth_tx_descriptor_status(port, 0, 62), RTE_ETH_TX_DESC_FULL);
	assert_int_equal(rte_eth_tx_done_cleanup(port, 0, 4), 4);
	assert_int_equal(rte_eth_tx_descriptor_status(port, 0, 61), RTE_ETH_TX_DESC_DONE);
	assert_int_equal(rte_eth_tx_descriptor_status(port, 0, 62), RTE_ETH_TX_DESC_FULL);
	assert_int_equal(rte_eth_tx_done_cleanup(port, 0, 0), 2);
	port_end(port, &b, before);
}

static void
in_order_batch_counts_all_that_it_completes(void **state)
{
	struct resources before = resources_now();
	uint16_t port = started_port("", (struct port_shape){.rx = 1, .tx = 1});

	(void)state;
	assert_int_equal(port_send(port, 0, 8, 60), 8);
	backend_device(&b, 1, &d);
	for (unsigned int i = 0; i < 6; i++)
		assert_true(fake_device_take(&d, &chains[i]));
	fake_device_use_batch(&d, chains[5].head, 0, 6);
	fake_device_show(&d);
	assert_int_equal(rte_eth_tx_descriptor_status(port, 0, 61), RTE_ETH_TX_DESC_DONE);
	assert_int_equal(rte_eth_tx_descriptor_status(port, 0, 62), RTE_ETH_TX_DESC_FULL);
	assert_int_equal(rte_eth_tx_done_cleanup(port, 0, 4), 4);
	assert_int_equal(rte_eth_tx_done_cleanup(port, 0, 0), 2);
	assert_int_equal(rte_eth_tx_descriptor_status(port, 0, 61), RTE_ETH_TX_DESC_DONE);
	port_end(port, &b, before);
}

static char *text;
static size_t text_bytes;

static FILE *
text_open(void)
{
	free(text);
	text = NULL;
	return open_memstream(&text, &text_bytes);
}

static unsigned int
lines_with(const char *what)
{
	unsigned int n = 0;

	for (const char *at = text; (at = strstr(at, what)) != NULL; at++)
		n++;
	return n;
}

static void
descriptors_can_be_looked_at(void **state)
{
	struct resources before = resources_now();
	uint16_t port;
	FILE *f;

	(void)state;
	backend_begin(&b);
	port = port_add("queues=2,in_order=0");
	port_configure(port, two_pairs);
	assert_int_equal(rte_eth_dev_start(port), 0);
	f = text_open();
	assert_int_equal(rte_eth_rx_descriptor_dump(port, 1, 0, 4, f), 0);
	fclose(f);
	assert_non_null(strstr(text, "receive queue 1: no ring yet"));

	backend_start(&b);
	UNTIL(port_up(port));
	use_backwards(2, 3, true);
	f = text_open();
	assert_int_equal(rte_eth_rx_descriptor_dump(port, 1, 1, 4, f), 0);
	assert_int_equal(rte_eth_rx_descriptor_dump(port, 1, 62, 500, f), 0);
	assert_int_equal(rte_eth_rx_descriptor_dump(port, 1, 256, 1, f), -EINVAL);
	fclose(f);
	assert_int_equal(lines_with("used: id"), 2);
	assert_int_equal(lines_with("with the device"), 2 + 2);
	assert_int_equal(lines_with("free"), 256 - 64);
	assert_int_equal(port_receive(port, 1, 64, 'n'), 3);

	assert_int_equal(port_send(port, 1, 4, 60), 4);
	use_backwards(3, 2, false);
	f = text_open();
	assert_int_equal(rte_eth_tx_descriptor_dump(port, 1, 0, 5, f), 0);
	fclose(f);
	assert_non_null(strstr(text, "transmit queue 1"));
	assert_int_equal(lines_with("used: id"), 2);
	assert_int_equal(lines_with("with the device"), 2);
	assert_int_equal(lines_with("free"), 1);
	free(text);
	text = NULL;
	port_end(port, &b, before);
}

static void
dump_tells_what_is_wanted_and_what_is(void **state)
{
	struct resources before = resources_now();
	struct port_shape shape = {.rx = 2, .tx = 2, .rx_intr = true};
	uint16_t port = started_port("queues=2", shape);
	FILE *f;

	(void)state;
	assert_int_equal(rte_eth_dev_rx_queue_stop(port, 1), 0);
	assert_int_equal(rte_eth_dev_rx_intr_enable(port, 0), 0);
	f = text_open();
	assert_int_equal(rte_eth_dev_priv_dump(port, f), 0);
	fclose(f);
	assert_non_null(strstr(text, "link: wanted up"));
	assert_non_null(strstr(text, "receive interrupts: configured, by event index"));
	assert_non_null(strstr(text, "receive queue 0: started, size"));
	assert_non_null(strstr(text, "receive queue 1: stopped, size"));
	assert_int_equal(lines_with("driver wants interrupts: yes"), 1);
	assert_int_equal(rte_eth_dev_set_link_down(port), 0);
	f = text_open();
	assert_int_equal(rte_eth_dev_priv_dump(port, f), 0);
	fclose(f);
	assert_non_null(strstr(text, "link: wanted down"));
	assert_non_null(strstr(text, "transmit queue 1: started, link down"));
	free(text);
	text = NULL;
	port_end(port, &b, before);
}

static void
burst_mode_says_when_there_is_none(void **state)
{
	struct resources before = resources_now();
	uint16_t port = started_port("queues=2", two_pairs);
	struct rte_eth_burst_mode mode;

	(void)state;
	assert_int_equal(rte_eth_dev_rx_queue_stop(port, 1), 0);
	assert_int_equal(rte_eth_dev_tx_queue_stop(port, 0), 0);
	assert_int_equal(rte_eth_rx_burst_mode_get(port, 1, &mode), 0);
	assert_string_equal(mode.info, "none: queue is off");
	assert_int_equal(rte_eth_tx_burst_mode_get(port, 0, &mode), 0);
	assert_string_equal(mode.info, "none: queue is off");
	assert_int_equal(rte_eth_rx_burst_mode_get(port, 0, &mode), 0);
	assert_null(strstr(mode.info, "none"));
	port_end(port, &b, before);
}

static void
counters_of_queues_can_be_mapped(void **state)
{
	struct resources before = resources_now();
	uint16_t port =
		started_port("queues=8", (struct port_shape){.rx = 8, .tx = 8, .nb_desc = 32});
	struct rte_eth_stats stats;

	(void)state;
	assert_int_equal(rte_eth_dev_set_tx_queue_stats_mapping(port, 7, 3), 0);
	assert_int_equal(rte_eth_dev_set_tx_queue_stats_mapping(port, 1, 3), 0);
	assert_int_equal(rte_eth_dev_set_rx_queue_stats_mapping(port, 0, 5), 0);
	assert_int_equal(rte_eth_dev_set_rx_queue_stats_mapping(port, 0, 16), -EINVAL);
	assert_int_equal(port_send(port, 7, 2, 60), 2);
	assert_int_equal(port_send(port, 1, 3, 60), 3);
	assert_int_equal(port_send(port, 6, 4, 60), 4);
	backend_device(&b, 0, &d);
	traffic_in(&b, &d, 6, 'n');
	assert_int_equal(port_receive(port, 0, 64, 'n'), 6);
	assert_int_equal(rte_eth_stats_get(port, &stats), 0);
	assert_int_equal(stats.opackets, 9);
	assert_int_equal(stats.q_opackets[3], 5);
	assert_int_equal(stats.q_opackets[1], 0);
	assert_int_equal(stats.q_opackets[6], 4);
	assert_int_equal(stats.q_opackets[7], 0);
	assert_int_equal(stats.q_obytes[3], 300);
	assert_int_equal(stats.q_ipackets[5], 6);
	assert_int_equal(stats.q_ipackets[0], 0);
	port_end(port, &b, before);
}

static bool
monitor_would_sleep(const struct rte_power_monitor_cond *pmc)
{
	uint16_t value;

	assert_int_equal(pmc->size, sizeof(value));
	value = *(const volatile uint16_t *)pmc->addr;
	return pmc->fn(value, pmc->opaque) == 0;
}

static void
monitor_sleeps_until_the_used_index_moves(void **state)
{
	struct resources before = resources_now();
	struct rte_power_monitor_cond pmc;
	uint16_t port;

	(void)state;
	backend_begin(&b);
	port = port_add("queues=2");
	port_configure(port, (struct port_shape){.rx = 1, .tx = 1});
	assert_int_equal(rte_eth_dev_start(port), 0);
	assert_int_equal(rte_eth_get_monitor_addr(port, 0, &pmc), 0);
	assert_true(monitor_would_sleep(&pmc));
	backend_start(&b);
	UNTIL(port_up(port));
	backend_device(&b, 0, &d);
	for (unsigned int n = 0; n < 70000 / 16; n++) {
		assert_int_equal(rte_eth_get_monitor_addr(port, 0, &pmc), 0);
		assert_true(monitor_would_sleep(&pmc));
		traffic_in(&b, &d, 16, 'n');
		assert_false(monitor_would_sleep(&pmc));
		/* Asked for while packets wait: no sleep. */
		assert_int_equal(rte_eth_get_monitor_addr(port, 0, &pmc), 0);
		assert_false(monitor_would_sleep(&pmc));
		assert_int_equal(port_receive(port, 0, 64, 'n'), 16);
	}
	port_end(port, &b, before);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		UNIT(counts_are_right_where_the_device_completes_in_any_order),
		UNIT(in_order_batch_counts_all_that_it_completes),
		UNIT(descriptors_can_be_looked_at),
		UNIT(dump_tells_what_is_wanted_and_what_is),
		UNIT(burst_mode_says_when_there_is_none),
		UNIT(counters_of_queues_can_be_mapped),
		UNIT(monitor_sleeps_until_the_used_index_moves),
	};

	fixture_start();
	return fixture_end(RUN_UNITS("pmd_views", tests));
}
