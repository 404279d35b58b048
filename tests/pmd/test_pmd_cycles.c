/* SPDX-License-Identifier: BSD-3-Clause */
/* Stop, start and reconfigure over and over: nothing is left behind. */
#include "traffic.h"

#include <rte_cycles.h>
#include <rte_dev.h>
#include <rte_log.h>

#include <malloc.h>
#include <stdlib.h>

#define CYCLES 1000
#define PAIRS 4

static struct backend b;

/* More of them for a long run. */
static unsigned int
cycles(void)
{
	const char *text = getenv("VIRTQ_CYCLES");

	return text == NULL ? CYCLES : (unsigned int)strtoul(text, NULL, 10);
}

static struct port_shape
shape_of(unsigned int cycle)
{
	static const uint16_t descs[] = {64, 32, 100, 256, 2};

	return (struct port_shape){
		.rx = (uint16_t)(cycle % (PAIRS + 1)),
		.tx = (uint16_t)(cycle / 3 % PAIRS + 1),
		.nb_desc = descs[cycle % RTE_DIM(descs)],
		.mtu = cycle % 2 == 0 ? 1500 : 1400,
		.lsc = cycle % 3 == 0,
		.rx_intr = cycle % 4 == 1,
	};
}

/* Some frames each way, of which some are still under way when the port stops. */
static void
traffic(uint16_t port, struct port_shape s)
{
	struct fake_device d;

	for (uint16_t q = 0; q < s.rx; q++) {
		backend_device(&b, 2u * q, &d);
		traffic_in(&b, &d, 2, 'n');
		assert_int_equal(port_receive(port, q, 1, 'n'), 1);
	}
	for (uint16_t q = 0; q < s.tx; q++) {
		assert_int_equal(port_send(port, q, 2, 60), 2);
		backend_device(&b, 2u * q + 1, &d);
		assert_int_equal(traffic_out(&d), 2);
	}
	for (uint16_t q = 0; q < s.tx && s.nb_desc > 4; q++)
		assert_int_equal(port_send(port, q, 2, 60), 2);
}

/* The C library's heap: interrupt handles, transports. 0 where a sanitizer keeps it. */
static size_t
libc_heap(void)
{
	return mallinfo2().uordblks;
}

static void
a_thousand_restarts_with_other_queues_leak_nothing(void **state)
{
	static const struct port_shape one_pair = {.rx = 1, .tx = 1};
	const unsigned int nb = cycles();
	struct resources before = resources_now();
	struct resources half = before;
	size_t half_libc = 0;
	uint16_t port;

	(void)state;
	backend_begin(&b);
	backend_start(&b);
	port = port_add("queues=4");
	for (unsigned int i = 0; i < nb; i++) {
		struct port_shape s = shape_of(i);

		if (i % (nb / 4) == 0) {
			/* The same shape each time: what is held now is to be the same, too. */
			port_configure(port, one_pair);
			if (i == nb / 4) {
				half = resources_now();
				half_libc = libc_heap();
			} else if (i > nb / 4) {
				assert_resources(half);
				assert_int_equal(libc_heap(), half_libc);
			}
		}
		port_configure(port, s);
		assert_int_equal(rte_eth_dev_start(port), 0);
		UNTIL(port_up(port));
		if (i % 5 == 0)
			traffic(port, s);
		if (i % 7 == 0) {
			assert_int_equal(rte_eth_dev_set_link_down(port), 0);
			assert_int_equal(rte_eth_dev_set_link_up(port), 0);
		}
		if (i % 3 == 0 && s.rx > 0)
			assert_int_equal(rte_eth_dev_rx_queue_stop(port, s.rx - 1), 0);
		assert_int_equal(rte_eth_dev_stop(port), 0);
		assert_int_equal(rte_mempool_in_use_count(pool), before.mbufs);
		backend_forget(&b);
	}
	assert_int_equal(b.connections, 1);
	port_end(port, &b, before);
}

static void
ports_that_come_and_go_leave_nothing(void **state)
{
	struct resources before = resources_now();

	(void)state;
	backend_begin(&b);
	backend_start(&b);
	before = resources_now();
	for (unsigned int i = 0; i < 100; i++) {
		struct port_shape s = shape_of(i);
		struct rte_eth_dev_info info;
		uint16_t port = port_add("queues=4");

		port_configure(port, s);
		if (i % 4 != 3) {
			assert_int_equal(rte_eth_dev_start(port), 0);
			UNTIL(port_up(port));
			traffic(port, s);
		}
		if (i % 2 == 0) {
			/* Pulled out while it runs. */
			assert_int_equal(rte_eth_dev_info_get(port, &info), 0);
			assert_int_equal(rte_dev_remove(info.device), 0);
			assert_int_equal(rte_eth_dev_count_avail(), 0);
		} else {
			port_remove(port);
		}
		UNTIL(!b.connected);
		backend_forget(&b);
		assert_resources(before);
	}
	assert_null(b.complaint);
	backend_stop(&b);
}

static void
backends_that_come_and_go_leave_nothing(void **state)
{
	struct resources before = resources_now();
	const struct port_shape s = {.rx = PAIRS, .tx = PAIRS, .rx_intr = true};
	uint16_t port;

	(void)state;
	backend_begin(&b);
	port = port_add("queues=4");
	port_configure(port, s);
	assert_int_equal(rte_eth_dev_start(port), 0);
	for (unsigned int i = 0; i < 30; i++) {
		backend_init(&b, sock_path);
		backend_start(&b);
		UNTIL(port_up(port));
		assert_int_equal(
			rte_mempool_in_use_count(pool) - before.mbufs <= PAIRS * (64 + 8), true);
		if (i % 3 == 0)
			assert_int_equal(rte_eth_dev_rx_queue_stop(port, 1), 0);
		backend_stop(&b);
		UNTIL(!port_up(port));
		if (i % 3 == 0)
			assert_int_equal(rte_eth_dev_rx_queue_start(port, 1), 0);
		assert_null(b.complaint);
	}
	port_end(port, &b, before);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		UNIT(a_thousand_restarts_with_other_queues_leak_nothing),
		UNIT(ports_that_come_and_go_leave_nothing),
		UNIT(backends_that_come_and_go_leave_nothing),
	};

	fixture_start();
	/* The log is kept in memory. */
	rte_log_set_level_pattern("pmd.net.virtq", RTE_LOG_CRIT);
	return fixture_end(RUN_UNITS("pmd_cycles", tests));
}
