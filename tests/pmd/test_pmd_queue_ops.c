/* SPDX-License-Identifier: BSD-3-Clause */
/* Queues that are stopped and started while the port runs, and deferred ones. */
#include "traffic.h"

#include <rte_cycles.h>

#include <errno.h>

static struct backend b;
static struct fake_device d;

static const struct port_shape two_pairs = {.rx = 2, .tx = 2};

/* Ring numbers: receiveq 2i, transmitq 2i + 1. */
#define RX(i) (2u * (i))
#define TX(i) (2u * (i) + 1)

static uint16_t
started_port(const char *args)
{
	uint16_t port;

	backend_begin(&b);
	backend_start(&b);
	port = port_add(args);
	port_configure(port, two_pairs);
	assert_int_equal(rte_eth_dev_start(port), 0);
	UNTIL(port_up(port));
	return port;
}

/* Set all queues up again, these deferred. */
static void
defer(uint16_t port, uint16_t queue)
{
	const struct rte_eth_rxconf rx = {.rx_deferred_start = 1};
	const struct rte_eth_txconf tx = {.tx_deferred_start = 1};

	port_configure(port, two_pairs);
	assert_int_equal(rte_eth_rx_queue_setup(port, queue, 64, SOCKET_ID_ANY, &rx, pool), 0);
	assert_int_equal(rte_eth_tx_queue_setup(port, queue, 64, SOCKET_ID_ANY, &tx), 0);
}

static uint8_t
rx_state(uint16_t port, uint16_t queue)
{
	struct rte_eth_rxq_info info;

	assert_int_equal(rte_eth_rx_queue_info_get(port, queue, &info), 0);
	return info.queue_state;
}

static uint8_t
tx_state(uint16_t port, uint16_t queue)
{
	struct rte_eth_txq_info info;

	assert_int_equal(rte_eth_tx_queue_info_get(port, queue, &info), 0);
	return info.queue_state;
}

#define STARTED RTE_ETH_QUEUE_STATE_STARTED
#define STOPPED RTE_ETH_QUEUE_STATE_STOPPED

static void
stopped_queue_moves_nothing_and_its_ring_is_disabled(void **state)
{
	struct resources before = resources_now();
	uint16_t port = started_port("queues=2");

	(void)state;
	for (uint16_t q = 0; q < 2; q++) {
		assert_int_equal(rte_eth_dev_rx_queue_stop(port, q), 0);
		assert_int_equal(rx_state(port, q), STOPPED);
		assert_int_equal(tx_state(port, q), STARTED);
		assert_false(b.rings[RX(q)].enabled);
		assert_true(b.rings[TX(q)].enabled);
		assert_int_equal(backend_live(&b), 3);
		backend_device(&b, RX(q), &d);
		traffic_in(&b, &d, 3, 'x');
		assert_int_equal(port_receive(port, q, 64, 'x'), 0);
		assert_int_equal(rte_eth_dev_rx_queue_start(port, q), 0);
		assert_int_equal(rx_state(port, q), STARTED);
		assert_int_equal(backend_live(&b), 4);

		assert_int_equal(rte_eth_dev_tx_queue_stop(port, q), 0);
		assert_int_equal(tx_state(port, q), STOPPED);
		assert_false(b.rings[TX(q)].enabled);
		assert_int_equal(port_send(port, q, 1, 60), 0);
		assert_int_equal(rte_eth_dev_tx_queue_start(port, q), 0);
		assert_int_equal(port_send(port, q, 1, 60), 1);
		assert_int_equal(backend_live(&b), 4);
	}
	/* Nothing but SET_VRING_ENABLE: the device goes on with the others. */
	assert_int_equal(backend_seen(&b, B_GET_VRING_BASE, NULL), 0);
	assert_true(port_up(port));
	port_end(port, &b, before);
}

static void
restarted_receive_queue_delivers_nothing_old(void **state)
{
	struct resources before = resources_now();
	uint16_t port = started_port("queues=2");

	(void)state;
	backend_device(&b, RX(1), &d);
	traffic_in(&b, &d, 4, 'a');
	assert_int_equal(port_receive(port, 1, 2, 'a'), 2);
	/* Two wait, and a device late to obey fills three more. */
	assert_int_equal(rte_eth_dev_rx_queue_stop(port, 1), 0);
	traffic_in(&b, &d, 3, 'b');
	assert_int_equal(rte_eth_rx_queue_count(port, 1), 0);
	assert_int_equal(rte_eth_rx_descriptor_status(port, 1, 0), RTE_ETH_RX_DESC_UNAVAIL);
	assert_int_equal(rte_eth_dev_rx_queue_start(port, 1), 0);
	/* Between the start and the first burst: these are new. */
	traffic_in(&b, &d, 2, 'c');
	assert_int_equal(port_receive(port, 1, 64, 'c'), 2);
	assert_int_equal(port_xstat(port, "rx_q1_stale"), 5);
	assert_int_equal(port_xstat(port, "rx_q1_packets"), 4);
	assert_int_equal(rte_eth_rx_queue_count(port, 1), 0);
	/* And it goes on as ever, with all its buffers. */
	for (int i = 0; i < 10; i++) {
		traffic_in(&b, &d, 48, 'd');
		assert_int_equal(port_receive(port, 1, 64, 'd'), 48);
	}
	port_end(port, &b, before);
}

static void
restart_works_wherever_the_ring_stands(void **state)
{
	struct resources before = resources_now();
	uint16_t port = started_port("queues=2,queue_size=64");

	(void)state;
	backend_device(&b, RX(1), &d);
	for (unsigned int i = 0; i < 2 * 65536 / 34; i++) {
		assert_int_equal(rte_eth_dev_rx_queue_stop(port, 1), 0);
		traffic_in(&b, &d, i % 29, 's');
		assert_int_equal(rte_eth_dev_rx_queue_start(port, 1), 0);
		/* As many as there may be buffers left: a few of the 64 wait to be posted in a chunk. */
		traffic_in(&b, &d, 20, 'n');
		assert_int_equal(port_receive(port, 1, 64, 'n'), 20);
	}
	port_end(port, &b, before);
}

static void
deferred_queue_has_nothing_posted_until_it_is_started(void **state)
{
	(void)state;
	for (uint16_t q = 0; q < 2; q++) {
		struct resources before = resources_now();
		uint16_t port;

		backend_begin(&b);
		backend_start(&b);
		port = port_add("queues=2");
		defer(port, q);
		assert_int_equal(rte_eth_dev_start(port), 0);
		UNTIL(port_up(port));
		assert_int_equal(rx_state(port, q), STOPPED);
		assert_int_equal(tx_state(port, q), STOPPED);
		assert_int_equal(rx_state(port, 1 - q), STARTED);
		assert_int_equal(backend_live(&b), 2);
		assert_true(b.rings[RX(q)].started);
		assert_int_equal(rte_mempool_in_use_count(pool), before.mbufs + 64);
		assert_int_equal(port_send(port, q, 1, 60), 0);

		assert_int_equal(rte_eth_dev_rx_queue_start(port, q), 0);
		assert_int_equal(rte_eth_dev_tx_queue_start(port, q), 0);
		assert_int_equal(backend_live(&b), 4);
		assert_int_equal(rte_mempool_in_use_count(pool), before.mbufs + 128);
		backend_device(&b, RX(q), &d);
		traffic_in(&b, &d, 5, 'n');
		assert_int_equal(port_receive(port, q, 64, 'n'), 5);
		assert_int_equal(port_send(port, q, 1, 60), 1);
		assert_int_equal(port_xstat(port, "rx_total_stale"), 0);
		port_end(port, &b, before);
	}
}

static void
pair_0_is_enabled_until_the_device_is_ready(void **state)
{
	struct resources before = resources_now();
	int driver_ok;
	uint16_t port;

	(void)state;
	backend_begin(&b);
	backend_start(&b);
	port = port_add("queues=2");
	defer(port, 0);
	assert_int_equal(rte_eth_dev_start(port), 0);
	UNTIL(port_up(port));
	driver_ok = backend_first(&b, B_SET_STATUS, 1 | 2 | 8 | 4);
	for (uint32_t ring = 0; ring < 2; ring++) {
		assert_true(backend_first(&b, B_SET_VRING_ENABLE, ring) < driver_ok);
		assert_true(backend_last(&b, B_SET_VRING_ENABLE, ring) > driver_ok);
		assert_false(b.rings[ring].enabled);
	}
	port_end(port, &b, before);
}

static void
port_that_starts_again_starts_all_but_the_deferred_ones(void **state)
{
	struct resources before = resources_now();
	uint16_t port = started_port("queues=2");

	(void)state;
	assert_int_equal(rte_eth_dev_rx_queue_stop(port, 1), 0);
	assert_int_equal(rte_eth_dev_tx_queue_stop(port, 0), 0);
	assert_int_equal(rte_eth_dev_stop(port), 0);
	assert_int_equal(rx_state(port, 0), STOPPED);
	assert_int_equal(rte_eth_dev_start(port), 0);
	assert_int_equal(backend_live(&b), 4);
	assert_int_equal(rx_state(port, 1), STARTED);
	assert_int_equal(tx_state(port, 0), STARTED);
	assert_int_equal(rte_eth_dev_stop(port), 0);

	defer(port, 1);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(rte_eth_dev_start(port), 0);
		assert_int_equal(backend_live(&b), 2);
		assert_int_equal(rte_eth_dev_rx_queue_start(port, 1), 0);
		assert_int_equal(rte_eth_dev_tx_queue_start(port, 1), 0);
		assert_int_equal(backend_live(&b), 4);
		assert_int_equal(rte_eth_dev_stop(port), 0);
		assert_int_equal(rx_state(port, 1), STOPPED);
		/* ethdev's word for a port that does not run. */
		assert_int_equal(rte_eth_dev_rx_queue_start(port, 1), -EINVAL);
	}
	port_end(port, &b, before);
}

static void
stopped_queues_stay_so_with_the_next_backend(void **state)
{
	struct resources before = resources_now();
	uint16_t port = started_port("queues=2");

	(void)state;
	assert_int_equal(rte_eth_dev_rx_queue_stop(port, 0), 0);
	assert_int_equal(rte_eth_dev_tx_queue_stop(port, 1), 0);
	backend_stop(&b);
	UNTIL(!port_up(port));
	/* One that is stopped and one that is started while nobody is there. */
	assert_int_equal(rte_eth_dev_rx_queue_stop(port, 1), 0);
	assert_int_equal(rte_eth_dev_tx_queue_start(port, 1), 0);
	backend_begin(&b);
	backend_start(&b);
	UNTIL(port_up(port));
	assert_false(b.rings[RX(0)].enabled);
	assert_true(b.rings[TX(0)].enabled);
	assert_false(b.rings[RX(1)].enabled);
	assert_true(b.rings[TX(1)].enabled);
	assert_int_equal(port_send(port, 1, 1, 60), 1);

	/* What a backend put into pair 0 before it was told is old. */
	backend_device(&b, RX(0), &d);
	traffic_in(&b, &d, 3, 'o');
	assert_int_equal(port_receive(port, 0, 64, 'o'), 0);
	assert_int_equal(rte_eth_dev_rx_queue_start(port, 0), 0);
	traffic_in(&b, &d, 3, 'n');
	assert_int_equal(port_receive(port, 0, 64, 'n'), 3);
	port_end(port, &b, before);
}

static void
running_queues_lose_nothing_when_the_backend_changes(void **state)
{
	struct resources before = resources_now();
	uint16_t port = started_port("queues=2");

	(void)state;
	backend_device(&b, RX(0), &d);
	traffic_in(&b, &d, 3, 'n');
	backend_stop(&b);
	UNTIL(!port_up(port));
	backend_begin(&b);
	backend_start(&b);
	UNTIL(port_up(port));
	assert_int_equal(port_receive(port, 0, 64, 'n'), 3);
	assert_int_equal(port_xstat(port, "rx_total_stale"), 0);
	port_end(port, &b, before);
}

static void
queues_obey_before_there_is_a_backend(void **state)
{
	struct resources before = resources_now();
	uint16_t port;

	(void)state;
	backend_begin(&b);
	port = port_add("queues=2");
	defer(port, 1);
	assert_int_equal(rte_eth_dev_start(port), 0);
	assert_int_equal(rte_eth_dev_rx_queue_start(port, 1), 0);
	assert_int_equal(rte_eth_dev_rx_queue_stop(port, 0), 0);
	assert_int_equal(rte_eth_dev_tx_queue_stop(port, 0), 0);
	assert_int_equal(rx_state(port, 1), STARTED);
	assert_int_equal(rx_state(port, 0), STOPPED);
	backend_start(&b);
	UNTIL(port_up(port));
	assert_int_equal(backend_live(&b), 1);
	assert_true(b.rings[RX(1)].enabled);
	assert_int_equal(rte_mempool_in_use_count(pool), before.mbufs + 64);
	port_end(port, &b, before);
}

static void
transmit_queue_gives_back_what_was_sent_when_it_stops(void **state)
{
	struct resources before = resources_now();
	uint16_t port = started_port("queues=2");
	unsigned int posted = rte_mempool_in_use_count(pool);

	(void)state;
	assert_int_equal(port_send(port, 1, 10, 60), 10);
	backend_device(&b, TX(1), &d);
	assert_int_equal(traffic_out(&d), 10);
	assert_int_equal(rte_mempool_in_use_count(pool), posted + 10);
	assert_int_equal(rte_eth_dev_tx_queue_stop(port, 1), 0);
	assert_int_equal(rte_mempool_in_use_count(pool), posted);

	/* The device does not send these: they are kept for it. */
	assert_int_equal(rte_eth_dev_tx_queue_start(port, 1), 0);
	assert_int_equal(port_send(port, 1, 7, 60), 7);
	assert_int_equal(rte_eth_dev_tx_queue_stop(port, 1), 0);
	assert_int_equal(rte_mempool_in_use_count(pool), posted + 7);
	assert_int_equal(rte_eth_dev_tx_queue_start(port, 1), 0);
	assert_int_equal(traffic_out(&d), 7);
	assert_int_equal(rte_eth_tx_done_cleanup(port, 1, 0), 7);
	assert_int_equal(rte_mempool_in_use_count(pool), posted);
	port_end(port, &b, before);
}

static void
cleanup_frees_as_many_as_asked_for(void **state)
{
	static const char *const args[] = {"queues=2", "queues=2,in_order=0"};

	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(args); i++) {
		struct resources before = resources_now();
		uint16_t port = started_port(args[i]);
		unsigned int posted = rte_mempool_in_use_count(pool);

		assert_int_equal(rte_eth_tx_done_cleanup(port, 1, 0), 0);
		assert_int_equal(port_send(port, 1, 20, 60), 20);
		assert_int_equal(rte_eth_tx_done_cleanup(port, 1, 0), 0);
		backend_device(&b, TX(1), &d);
		assert_int_equal(traffic_out(&d), 20);
		assert_int_equal(rte_eth_tx_done_cleanup(port, 1, 3), 3);
		assert_int_equal(rte_mempool_in_use_count(pool), posted + 17);
		/* Bursts go on where it stopped. */
		assert_int_equal(port_send(port, 1, 50, 60), 50);
		assert_int_equal(traffic_out(&d), 50);
		assert_true(rte_eth_tx_done_cleanup(port, 1, 0) > 0);
		assert_int_equal(rte_mempool_in_use_count(pool), posted);
		assert_int_equal(rte_eth_tx_done_cleanup(port, 1, 0), 0);
		assert_int_equal(rte_eth_dev_stop(port), 0);
		assert_int_equal(rte_eth_tx_done_cleanup(port, 1, 0), 0);
		port_end(port, &b, before);
	}
}

static void
plain_backends_are_told_what_they_understand(void **state)
{
	struct resources before = resources_now();
	uint16_t port;

	(void)state;
	/* No SET_VRING_ENABLE at all: the queue is off on our side only. */
	backend_begin(&b);
	b.features = B_F_VERSION_1 | B_F_MRG_RXBUF;
	b.protocol = 0;
	backend_start(&b);
	port = port_add("");
	port_configure(port, (struct port_shape){.rx = 1, .tx = 1});
	assert_int_equal(rte_eth_dev_start(port), 0);
	UNTIL(port_up(port));
	assert_int_equal(rte_eth_dev_rx_queue_stop(port, 0), 0);
	backend_device(&b, RX(0), &d);
	traffic_in(&b, &d, 3, 'o');
	assert_int_equal(port_receive(port, 0, 64, 'o'), 0);
	assert_int_equal(rte_eth_dev_rx_queue_start(port, 0), 0);
	traffic_in(&b, &d, 3, 'n');
	assert_int_equal(port_receive(port, 0, 64, 'n'), 3);
	assert_int_equal(backend_seen(&b, B_SET_VRING_ENABLE, NULL), 0);
	assert_true(port_up(port));
	port_end(port, &b, before);
}

static void
backend_that_refuses_is_given_up_and_the_queue_is_stopped(void **state)
{
	struct resources before = resources_now();
	uint16_t port = started_port("queues=2");

	(void)state;
	b.refuse_at = B_SET_VRING_ENABLE;
	assert_int_equal(rte_eth_dev_rx_queue_stop(port, 1), 0);
	assert_int_equal(rx_state(port, 1), STOPPED);
	assert_int_equal(port_xstat(port, "backend_errors"), 1);
	b.refuse_at = 0;
	UNTIL(port_up(port));
	assert_int_equal(backend_live(&b), 3);
	port_end(port, &b, before);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		UNIT(stopped_queue_moves_nothing_and_its_ring_is_disabled),
		UNIT(restarted_receive_queue_delivers_nothing_old),
		UNIT(restart_works_wherever_the_ring_stands),
		UNIT(deferred_queue_has_nothing_posted_until_it_is_started),
		UNIT(pair_0_is_enabled_until_the_device_is_ready),
		UNIT(port_that_starts_again_starts_all_but_the_deferred_ones),
		UNIT(stopped_queues_stay_so_with_the_next_backend),
		UNIT(running_queues_lose_nothing_when_the_backend_changes),
		UNIT(queues_obey_before_there_is_a_backend),
		UNIT(transmit_queue_gives_back_what_was_sent_when_it_stops),
		UNIT(cleanup_frees_as_many_as_asked_for),
		UNIT(plain_backends_are_told_what_they_understand),
		UNIT(backend_that_refuses_is_given_up_and_the_queue_is_stopped),
	};

	fixture_start();
	return fixture_end(RUN_UNITS("pmd_queue_ops", tests));
}
