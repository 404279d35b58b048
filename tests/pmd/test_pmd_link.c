/* SPDX-License-Identifier: BSD-3-Clause */
/* The link as the application sets it, and the events of a link that changes. */
#include "traffic.h"

#include <rte_cycles.h>

#include <pthread.h>
#include <string.h>

static struct backend b;
static struct fake_device d;

static const struct port_shape two_pairs = {.rx = 2, .tx = 2, .lsc = true};

static int events;

static int
on_link(uint16_t port, enum rte_eth_event_type type, void *arg, void *ret)
{
	(void)port;
	(void)type;
	(void)arg;
	(void)ret;
	__atomic_fetch_add(&events, 1, __ATOMIC_SEQ_CST);
	return 0;
}

static int
seen(void)
{
	return __atomic_load_n(&events, __ATOMIC_SEQ_CST);
}

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

static void
down_stops_both_directions_and_disables_all_rings(void **state)
{
	struct resources before = resources_now();
	uint16_t port = started_port("queues=2", two_pairs);

	(void)state;
	for (int round = 0; round < 3; round++) {
		assert_int_equal(rte_eth_dev_set_link_down(port), 0);
		assert_false(port_up(port));
		assert_int_equal(backend_live(&b), 0);
		assert_true(b.rings[0].started);
		assert_int_equal(port_send(port, 1, 1, 60), 0);
		backend_device(&b, 0, &d);
		d.avail_pos = d.used_pos = (uint16_t)(round * 5);
		d.order_pos = d.avail_pos;
		traffic_in(&b, &d, 2, 'o');
		assert_int_equal(port_receive(port, 0, 64, 'o'), 0);

		assert_int_equal(rte_eth_dev_set_link_up(port), 0);
		assert_true(port_up(port));
		assert_int_equal(backend_live(&b), 4);
		traffic_in(&b, &d, 3, 'n');
		assert_int_equal(port_receive(port, 0, 64, 'n'), 3);
		assert_int_equal(port_send(port, 1, 1, 60), 1);
	}
	assert_int_equal(port_xstat(port, "rx_q0_stale"), 6);
	/* The device was never taken away. */
	assert_int_equal(backend_seen(&b, B_GET_VRING_BASE, NULL), 0);
	assert_int_equal(b.connections, 1);
	port_end(port, &b, before);
}

static void
down_outlives_backends_and_restarts_of_the_port(void **state)
{
	struct resources before = resources_now();
	uint16_t port = started_port("queues=2", two_pairs);

	(void)state;
	assert_int_equal(rte_eth_dev_set_link_down(port), 0);
	backend_stop(&b);
	backend_begin(&b);
	backend_start(&b);
	UNTIL(port_xstat(port, "backend_running") == 2);
	UNTIL(backend_live(&b) == 0);
	assert_false(port_up(port));

	assert_int_equal(rte_eth_dev_stop(port), 0);
	port_configure(port, two_pairs);
	assert_int_equal(rte_eth_dev_start(port), 0);
	assert_int_equal(port_xstat(port, "backend_running"), 3);
	assert_false(port_up(port));
	assert_int_equal(backend_live(&b), 0);
	/* Nothing is posted for a link that was down from the start. */
	assert_int_equal(rte_mempool_in_use_count(pool), before.mbufs);

	assert_int_equal(rte_eth_dev_set_link_up(port), 0);
	assert_true(port_up(port));
	assert_int_equal(backend_live(&b), 4);
	backend_device(&b, 2, &d);
	traffic_in(&b, &d, 3, 'n');
	assert_int_equal(port_receive(port, 1, 64, 'n'), 3);
	assert_int_equal(rte_eth_dev_stop(port), 0);
	assert_int_equal(rte_eth_dev_start(port), 0);
	assert_true(port_up(port));
	port_end(port, &b, before);
}

static void
link_obeys_before_there_is_a_backend_and_while_the_port_is_stopped(void **state)
{
	struct resources before = resources_now();
	uint16_t port;

	(void)state;
	backend_begin(&b);
	port = port_add("queues=2");
	assert_int_equal(rte_eth_dev_set_link_down(port), 0);
	port_configure(port, two_pairs);
	assert_int_equal(rte_eth_dev_start(port), 0);
	backend_start(&b);
	UNTIL(port_xstat(port, "backend_running") == 1);
	assert_false(port_up(port));
	assert_int_equal(backend_live(&b), 0);
	backend_stop(&b);
	UNTIL(port_xstat(port, "backend_hang_ups") == 1);
	assert_int_equal(rte_eth_dev_set_link_up(port), 0);
	backend_begin(&b);
	backend_start(&b);
	UNTIL(port_up(port));
	assert_int_equal(backend_live(&b), 4);
	port_end(port, &b, before);
}

static void
stopped_queue_stays_so_when_the_link_comes_back(void **state)
{
	struct resources before = resources_now();
	uint16_t port = started_port("queues=2", two_pairs);

	(void)state;
	assert_int_equal(rte_eth_dev_rx_queue_stop(port, 1), 0);
	assert_int_equal(rte_eth_dev_set_link_down(port), 0);
	/* A wish for later. */
	assert_int_equal(rte_eth_dev_tx_queue_stop(port, 0), 0);
	assert_int_equal(rte_eth_dev_tx_queue_start(port, 0), 0);
	assert_int_equal(backend_live(&b), 0);
	assert_int_equal(port_send(port, 0, 1, 60), 0);
	assert_int_equal(rte_eth_dev_set_link_up(port), 0);
	assert_int_equal(backend_live(&b), 3);
	assert_false(b.rings[2].enabled);
	assert_int_equal(port_send(port, 0, 1, 60), 1);
	port_end(port, &b, before);
}

static void
spare_rings_go_down_too(void **state)
{
	struct resources before = resources_now();
	uint16_t port = started_port("", (struct port_shape){.tx = 1});

	(void)state;
	assert_int_equal(backend_live(&b), 2);
	assert_int_equal(rte_eth_dev_set_link_down(port), 0);
	assert_int_equal(backend_live(&b), 0);
	assert_int_equal(rte_eth_dev_set_link_up(port), 0);
	assert_int_equal(backend_live(&b), 2);
	port_end(port, &b, before);
}

static void
every_change_of_the_link_is_an_event(void **state)
{
	struct resources before = resources_now();
	uint16_t port = started_port("queues=2", two_pairs);
	int n;

	(void)state;
	assert_int_equal(
		rte_eth_dev_callback_register(port, RTE_ETH_EVENT_INTR_LSC, on_link, NULL), 0);
	n = seen();
	assert_int_equal(rte_eth_dev_set_link_down(port), 0);
	UNTIL(seen() == n + 1);
	/* It is down already. */
	assert_int_equal(rte_eth_dev_set_link_down(port), 0);
	assert_int_equal(rte_eth_dev_set_link_up(port), 0);
	UNTIL(seen() == n + 2);
	backend_stop(&b);
	UNTIL(seen() == n + 3);
	assert_false(port_up(port));
	backend_begin(&b);
	backend_start(&b);
	UNTIL(seen() == n + 4);
	assert_true(port_up(port));
	assert_int_equal(
		rte_eth_dev_callback_unregister(port, RTE_ETH_EVENT_INTR_LSC, on_link, NULL), 0);
	port_end(port, &b, before);
}

static void
application_that_wants_no_events_gets_none(void **state)
{
	struct resources before = resources_now();
	uint16_t port = started_port("queues=2", (struct port_shape){.rx = 2, .tx = 2});
	int n = seen();

	(void)state;
	assert_int_equal(
		rte_eth_dev_callback_register(port, RTE_ETH_EVENT_INTR_LSC, on_link, NULL), 0);
	assert_int_equal(rte_eth_dev_set_link_down(port), 0);
	assert_int_equal(rte_eth_dev_set_link_up(port), 0);
	backend_stop(&b);
	UNTIL(!port_up(port));
	assert_int_equal(seen(), n);
	assert_int_equal(
		rte_eth_dev_callback_unregister(port, RTE_ETH_EVENT_INTR_LSC, on_link, NULL), 0);
	port_end(port, &b, before);
}

static struct {
	uint16_t port;
	bool stop;
	unsigned int sent;
	unsigned int received;
} polling;

static void *
poll_and_send(void *unused)
{
	while (!__atomic_load_n(&polling.stop, __ATOMIC_RELAXED)) {
		polling.received += port_receive(polling.port, 0, 64, 'n');
		polling.sent += port_send(polling.port, 0, 4, 60);
	}
	return unused;
}

/* testpmd takes "set link-down" while it forwards. */
static void
link_may_change_under_the_hands_of_a_polling_thread(void **state)
{
	struct resources before = resources_now();
	uint16_t port = started_port("queues=2", two_pairs);
	struct fake_device sink;
	unsigned int sent = 0;
	unsigned int given = 0;
	pthread_t thread;

	(void)state;
	polling = (typeof(polling)){.port = port};
	backend_device(&b, 0, &d);
	backend_device(&b, 1, &sink);
	assert_int_equal(pthread_create(&thread, NULL, poll_and_send, NULL), 0);
	for (int i = 0; i < 300; i++) {
		traffic_in(&b, &d, 8, 'n');
		given += 8;
		sent += traffic_out(&sink);
		if (i % 3 == 0)
			assert_int_equal(rte_eth_dev_set_link_down(port), 0);
		sent += traffic_out(&sink);
		if (i % 3 == 0)
			assert_int_equal(rte_eth_dev_set_link_up(port), 0);
		/* It has to be taken before more may be given. */
		UNTIL(polling.received + port_xstat(port, "rx_q0_stale") == given);
	}
	__atomic_store_n(&polling.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	sent += traffic_out(&sink);
	assert_int_equal(sent, polling.sent);
	assert_int_equal(port_xstat(port, "backend_ring_faults"), 0);
	port_end(port, &b, before);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		UNIT(down_stops_both_directions_and_disables_all_rings),
		UNIT(down_outlives_backends_and_restarts_of_the_port),
		UNIT(link_obeys_before_there_is_a_backend_and_while_the_port_is_stopped),
		UNIT(stopped_queue_stays_so_when_the_link_comes_back),
		UNIT(spare_rings_go_down_too),
		UNIT(every_change_of_the_link_is_an_event),
		UNIT(application_that_wants_no_events_gets_none),
		UNIT(link_may_change_under_the_hands_of_a_polling_thread),
	};

	fixture_start();
	return fixture_end(RUN_UNITS("pmd_link", tests));
}
