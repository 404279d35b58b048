/* SPDX-License-Identifier: BSD-3-Clause */
/* Stop and start, backends that go and come back, broken rings, events. */
#include "fixture.h"

#include <rte_cycles.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

static struct backend b;

static const struct port_shape one_pair = {.rx = 1, .tx = 1};

static int events;

static void
stop_takes_every_ring_back_from_the_backend(void **state)
{
	struct resources before = resources_now();
	uint16_t port;

	(void)state;
	backend_begin(&b);
	backend_start(&b);
	port = port_add("queues=2");
	port_configure(port, (struct port_shape){.rx = 2, .tx = 2});
	assert_int_equal(rte_eth_dev_start(port), 0);
	UNTIL(port_up(port));
	assert_int_equal(port_send(port, 1, 7, 60), 7);
	backend_forget(&b);
	assert_int_equal(rte_eth_dev_stop(port), 0);
	for (uint32_t i = 0; i < 4; i++) {
		assert_true(backend_first(&b, B_SET_VRING_ENABLE, i) >= 0);
		assert_true(backend_last(&b, B_SET_VRING_ENABLE, i) <
			    backend_first(&b, B_GET_VRING_BASE, 0));
		assert_true(backend_first(&b, B_GET_VRING_BASE, i) >= 0);
		assert_false(b.rings[i].started);
	}
	assert_int_equal(b.status, 0);
	assert_int_equal(rte_mempool_in_use_count(pool), before.mbufs);
	assert_true(b.connected);
	port_end(port, &b, before);
}

static void
hundred_restarts_begin_at_0_and_lose_nothing(void **state)
{
	struct resources before = resources_now();
	struct resources running = {0};
	uint16_t port;

	(void)state;
	backend_begin(&b);
	backend_start(&b);
	port = port_add("queues=2");
	port_configure(port, (struct port_shape){.rx = 2, .tx = 2});
	for (int n = 0; n < 100; n++) {
		struct fake_device d;
		struct fake_chain chain;

		assert_int_equal(rte_eth_dev_start(port), 0);
		UNTIL(port_up(port));
		if (n == 0)
			running = resources_now();
		assert_resources(running);
		assert_int_equal(b.rings[1].base, 0);
		assert_int_equal(port_send(port, 0, 3, 60), 3);
		backend_device(&b, 1, &d);
		assert_true(fake_device_take(&d, &chain));
		fake_device_use(&d, chain.head, 0);
		fake_device_show(&d);
		assert_int_equal(rte_eth_dev_stop(port), 0);
		assert_int_equal(rte_mempool_in_use_count(pool), before.mbufs);
	}
	assert_int_equal(b.connections, 1);
	port_end(port, &b, before);
}

/* What a receive ring got and a transmit ring sent, by the device that was there. */
static void
receive_frames(uint16_t port, uint32_t ring, unsigned int nb)
{
	static struct fake_device d;
	static struct fake_chain chain;
	struct rte_mbuf *m;

	backend_device(&b, ring, &d);
	for (unsigned int i = 0; i < nb; i++) {
		uint8_t *buf;

		assert_true(fake_device_take(&d, &chain));
		buf = backend_at(&b, chain.parts[0].addr, chain.parts[0].len);
		assert_non_null(buf);
		memset(buf, 0, 12);
		buf[10] = 1;
		memset(buf + 12, (int)i + 1, 60);
		fake_device_use(&d, chain.head, 12 + 60);
		fake_device_show(&d);
		assert_int_equal(rte_eth_rx_burst(port, ring / 2, &m, 1), 1);
		assert_int_equal(m->pkt_len, 60);
		assert_int_equal(*rte_pktmbuf_mtod(m, uint8_t *), i + 1);
		rte_pktmbuf_free(m);
	}
	assert_null(d.complaint);
}

static unsigned int
take_frames(uint32_t ring, unsigned int nb, bool use)
{
	static struct fake_device d;
	static struct fake_chain chain;
	unsigned int n = 0;

	backend_device(&b, ring, &d);
	while (n < nb && fake_device_take(&d, &chain)) {
		n++;
		if (use)
			fake_device_use(&d, chain.head, 0);
	}
	if (use)
		fake_device_show(&d);
	assert_null(d.complaint);
	return n;
}

static void
next_backend_goes_on_at_the_used_index(void **state)
{
	struct resources before = resources_now();
	uint16_t port;

	(void)state;
	backend_begin(&b);
	backend_start(&b);
	port = port_add("");
	port_configure(port, one_pair);
	assert_int_equal(rte_eth_dev_start(port), 0);
	UNTIL(port_up(port));
	receive_frames(port, 0, 5);
	assert_int_equal(port_send(port, 0, 10, 60), 10);
	assert_int_equal(take_frames(1, 4, true), 4);
	/* Taken, but never used: the next backend gets them again. */
	assert_int_equal(take_frames(1, 3, false), 3);
	backend_stop(&b);
	UNTIL(!port_up(port));
	/* The data path goes on meanwhile. */
	assert_int_equal(port_send(port, 0, 2, 60), 2);

	backend_begin(&b);
	backend_start(&b);
	UNTIL(port_up(port));
	assert_int_equal(b.rings[0].base, 5);
	assert_int_equal(b.rings[1].base, 4);
	assert_int_equal(take_frames(1, 100, true), 8);
	receive_frames(port, 0, 70);
	assert_int_equal(port_xstat(port, "backend_running"), 2);
	assert_int_equal(port_xstat(port, "rx_q0_packets"), 75);
	assert_int_equal(port_xstat(port, "tx_q0_packets"), 12);
	port_end(port, &b, before);
}

static void
returning_backend_is_kicked_for_what_waits(void **state)
{
	struct resources before = resources_now();
	uint64_t kicks;
	uint16_t port;

	(void)state;
	backend_begin(&b);
	backend_start(&b);
	port = port_add("");
	port_configure(port, one_pair);
	assert_int_equal(rte_eth_dev_start(port), 0);
	UNTIL(port_up(port));
	assert_int_equal(read(b.rings[1].kick_fd, &kicks, 8), 8);
	assert_int_equal(port_send(port, 0, 1, 60), 1);
	assert_int_equal(read(b.rings[1].kick_fd, &kicks, 8), 8);
	backend_stop(&b);
	UNTIL(!port_up(port));

	backend_begin(&b);
	backend_start(&b);
	UNTIL(port_up(port));
	assert_int_equal(read(b.rings[0].kick_fd, &kicks, 8), 8);
	assert_int_equal(read(b.rings[1].kick_fd, &kicks, 8), 8);
	port_end(port, &b, before);
}

static void
many_backends_come_and_go_without_a_trace(void **state)
{
	struct resources before = resources_now();
	struct resources idle = {0};
	uint16_t port;

	(void)state;
	backend_begin(&b);
	port = port_add("");
	port_configure(port, one_pair);
	assert_int_equal(rte_eth_dev_start(port), 0);
	for (unsigned int n = 0; n < 30; n++) {
		backend_start(&b);
		UNTIL(port_up(port));
		backend_stop(&b);
		UNTIL(!port_up(port));
		UNTIL(port_xstat(port, "backend_hang_ups") == n + 1);
		if (n == 0)
			idle = resources_now();
		assert_resources(idle);
	}
	port_end(port, &b, before);
}

static void
backend_that_breaks_a_ring_is_sent_away_until_the_port_restarts(void **state)
{
	struct resources before = resources_now();
	struct fake_device d;
	struct rte_mbuf *m;
	uint16_t port;

	(void)state;
	backend_begin(&b);
	backend_start(&b);
	port = port_add("");
	port_configure(port, one_pair);
	assert_int_equal(rte_eth_dev_start(port), 0);
	UNTIL(port_up(port));
	backend_device(&b, 0, &d);
	/* Used more than there was. */
	fake_device_raw_idx(&d, 300);
	assert_int_equal(rte_eth_rx_burst(port, 0, &m, 1), 0);
	UNTIL(!port_up(port));
	UNTIL(!b.connected);
	assert_non_null(strstr(log_text(), "backend broke the ring of receive queue 0"));
	assert_int_equal(port_xstat(port, "backend_ring_faults"), 1);
	assert_int_equal(b.connections, 1);

	assert_int_equal(rte_eth_dev_stop(port), 0);
	assert_int_equal(rte_eth_dev_start(port), 0);
	UNTIL(port_up(port));
	receive_frames(port, 0, 3);
	port_end(port, &b, before);
}

static int
on_event(uint16_t port, enum rte_eth_event_type type, void *arg, void *ret)
{
	(void)arg;
	(void)ret;
	/* The application may ask the port what it likes from here. */
	assert_int_equal(type, RTE_ETH_EVENT_INTR_LSC);
	(void)port_up(port);
	__atomic_fetch_add(&events, 1, __ATOMIC_SEQ_CST);
	return 0;
}

static void
link_changes_raise_events_for_those_who_asked(void **state)
{
	struct resources before = resources_now();
	uint16_t port;

	(void)state;
	backend_begin(&b);
	port = port_add("");
	assert_int_equal(
		rte_eth_dev_callback_register(port, RTE_ETH_EVENT_INTR_LSC, on_event, NULL), 0);
	for (int lsc = 0; lsc < 2; lsc++) {
		struct port_shape shape = {.rx = 1, .tx = 1, .lsc = lsc};

		port_configure(port, shape);
		assert_int_equal(rte_eth_dev_start(port), 0);
		events = 0;
		backend_start(&b);
		UNTIL(port_up(port));
		UNTIL(__atomic_load_n(&events, __ATOMIC_SEQ_CST) == lsc);
		backend_stop(&b);
		UNTIL(!port_up(port));
		UNTIL(__atomic_load_n(&events, __ATOMIC_SEQ_CST) == 2 * lsc);
		assert_int_equal(rte_eth_dev_stop(port), 0);
	}
	assert_int_equal(
		rte_eth_dev_callback_unregister(port, RTE_ETH_EVENT_INTR_LSC, on_event, NULL), 0);
	port_end(port, &b, before);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		UNIT(stop_takes_every_ring_back_from_the_backend),
		UNIT(hundred_restarts_begin_at_0_and_lose_nothing),
		UNIT(next_backend_goes_on_at_the_used_index),
		UNIT(returning_backend_is_kicked_for_what_waits),
		UNIT(many_backends_come_and_go_without_a_trace),
		UNIT(backend_that_breaks_a_ring_is_sent_away_until_the_port_restarts),
		UNIT(link_changes_raise_events_for_those_who_asked),
	};

	fixture_start();
	return fixture_end(RUN_UNITS("pmd_return", tests));
}
