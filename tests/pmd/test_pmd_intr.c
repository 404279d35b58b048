/* SPDX-License-Identifier: BSD-3-Clause */
/* Receive interrupts: who sleeps is woken, who polls is left alone. */
#include "traffic.h"

#include <rte_cycles.h>
#include <rte_interrupts.h>

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct backend b;
static struct fake_device d;

static const struct port_shape shape = {.rx = 2, .tx = 2, .rx_intr = true};

/* Backends with and without event index: the port does the same. */
static const uint64_t features[] = {B_USUAL, B_USUAL & ~B_F_EVENT_IDX};

/* A wake-up that does not come is a failure after this time, and nothing else depends on it. */
#define LONG_MS 10000

static void
backend_with(uint64_t bits)
{
	backend_begin(&b);
	b.features = bits;
	backend_start(&b);
}

static uint16_t
started_port(uint64_t bits, struct port_shape s)
{
	uint16_t port;

	backend_with(bits);
	port = port_add("queues=2");
	port_configure(port, s);
	assert_int_equal(rte_eth_dev_start(port), 0);
	UNTIL(port_up(port));
	assert_int_equal(b.acked & B_F_EVENT_IDX, s.rx_intr ? bits & B_F_EVENT_IDX : UINT64_C(0));
	return port;
}

static void
wait_for_queue(uint16_t port, uint16_t queue, int op)
{
	assert_int_equal(rte_eth_dev_rx_intr_ctl_q(port, queue, RTE_EPOLL_PER_THREAD, op,
				 (void *)(uintptr_t)(queue + 1)),
		0);
}

/* @return the queue that woke us, or -1. */
static int
wait_ms(int ms)
{
	struct rte_epoll_event event;
	int n = rte_epoll_wait(RTE_EPOLL_PER_THREAD, &event, 1, ms);

	return n == 1 ? (int)(uintptr_t)event.epdata.data - 1 : -1;
}

static bool
give(uint16_t queue, unsigned int nb)
{
	uint16_t old = d.used_pos;

	traffic_in(&b, &d, nb, 'n');
	return traffic_interrupt(&b, 2u * queue, &d, old);
}

/* Is this thread asleep? */
static bool
asleep(pid_t tid)
{
	char path[64];
	char line[256] = "";
	const char *state;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	f = fopen(path, "r");
	if (f == NULL || fgets(line, sizeof(line), f) == NULL)
		return false;
	fclose(f);
	state = strrchr(line, ')');
	return state != NULL && state[2] == 'S';
}

static pid_t sleeper;
static bool interrupted;

static void *
give_to_sleeper(void *unused)
{
	while (!asleep(sleeper))
		rte_delay_us_sleep(1000);
	interrupted = give(1, 3);
	return unused;
}

static void
sleeper_is_woken_by_traffic(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(features); i++) {
		struct resources before = resources_now();
		uint16_t port = started_port(features[i], shape);
		pthread_t thread;

		wait_for_queue(port, 0, RTE_INTR_EVENT_ADD);
		wait_for_queue(port, 1, RTE_INTR_EVENT_ADD);
		backend_device(&b, 2, &d);
		for (int n = 0; n < 20; n++) {
			assert_int_equal(rte_eth_dev_rx_intr_enable(port, 1), 0);
			assert_int_equal(wait_ms(0), -1);
			sleeper = (pid_t)syscall(SYS_gettid);
			interrupted = false;
			assert_int_equal(pthread_create(&thread, NULL, give_to_sleeper, NULL), 0);
			assert_int_equal(wait_ms(LONG_MS), 1);
			pthread_join(thread, NULL);
			assert_true(interrupted);
			assert_int_equal(rte_eth_dev_rx_intr_disable(port, 1), 0);
			assert_int_equal(port_receive(port, 1, 64, 'n'), 3);
		}
		port_end(port, &b, before);
	}
}

static void
enabling_where_packets_wait_wakes_at_once(void **state)
{
	(void)state;
	COVERS("SR-DRV-014");
	for (unsigned int i = 0; i < RTE_DIM(features); i++) {
		struct resources before = resources_now();
		uint16_t port = started_port(features[i], shape);

		wait_for_queue(port, 0, RTE_INTR_EVENT_ADD);
		backend_device(&b, 0, &d);
		assert_false(give(0, 2));
		assert_int_equal(wait_ms(0), -1);
		assert_int_equal(rte_eth_dev_rx_intr_enable(port, 0), 0);
		assert_int_equal(wait_ms(LONG_MS), 0);
		/* A burst that leaves some behind: they are not forgotten. */
		assert_int_equal(port_receive(port, 0, 1, 'n'), 1);
		assert_int_equal(wait_ms(LONG_MS), 0);
		assert_int_equal(port_receive(port, 0, 64, 'n'), 1);
		assert_int_equal(port_receive(port, 0, 64, 'n'), 0);
		port_end(port, &b, before);
	}
}

/* Tagged frames of VLAN 0x6e6e, which nobody let in. */
static void
give_filtered(unsigned int nb)
{
	static struct fake_chain chain;
	uint16_t old = d.used_pos;

	for (unsigned int i = 0; i < nb; i++) {
		uint8_t *buf;

		assert_true(fake_device_take(&d, &chain));
		buf = backend_at(&b, chain.parts[0].addr, 12 + TRAFFIC_BYTES);
		memset(buf, 0, 12);
		buf[10] = 1;
		memset(buf + 12, 'n', TRAFFIC_BYTES);
		buf[12 + 12] = 0x81;
		buf[12 + 13] = 0;
		fake_device_use(&d, chain.head, 12 + TRAFFIC_BYTES);
	}
	fake_device_show(&d);
	assert_true(traffic_interrupt(&b, 0, &d, old));
}

/* A burst that gave nothing because a filter took it all: more may wait behind it. */
static void
filtered_burst_is_no_empty_ring(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(features); i++) {
		struct resources before = resources_now();
		struct port_shape filter = shape;
		uint16_t port;

		filter.rx_offloads = RTE_ETH_RX_OFFLOAD_VLAN_FILTER;
		port = started_port(features[i], filter);
		wait_for_queue(port, 0, RTE_INTR_EVENT_ADD);
		backend_device(&b, 0, &d);
		assert_int_equal(rte_eth_dev_rx_intr_enable(port, 0), 0);
		give_filtered(40);
		assert_int_equal(wait_ms(LONG_MS), 0);
		assert_int_equal(port_receive(port, 0, 32, 'n'), 0);
		assert_int_equal(rte_eth_rx_queue_count(port, 0), 8);
		assert_int_equal(wait_ms(LONG_MS), 0);
		assert_int_equal(port_receive(port, 0, 32, 'n'), 0);
		assert_int_equal(port_xstat(port, "rx_q0_vlan_filtered"), 40);
		assert_true(give(0, 1));
		assert_int_equal(wait_ms(LONG_MS), 0);
		assert_int_equal(port_receive(port, 0, 32, 'n'), 1);
		port_end(port, &b, before);
	}
}

static void
interrupts_stay_on_until_they_are_switched_off(void **state)
{
	(void)state;
	COVERS("SR-DRV-013");
	for (unsigned int i = 0; i < RTE_DIM(features); i++) {
		struct resources before = resources_now();
		uint16_t port = started_port(features[i], shape);

		wait_for_queue(port, 0, RTE_INTR_EVENT_ADD);
		backend_device(&b, 0, &d);
		assert_int_equal(rte_eth_dev_rx_intr_enable(port, 0), 0);
		for (int n = 0; n < 70000; n++) {
			assert_true(give(0, 1));
			assert_int_equal(wait_ms(LONG_MS), 0);
			assert_int_equal(port_receive(port, 0, 64, 'n'), 1);
		}
		assert_int_equal(rte_eth_dev_rx_intr_disable(port, 0), 0);
		assert_false(give(0, 1));
		port_end(port, &b, before);
	}
}

/* More than once around the 16 bits of the index. */
static void
who_polls_is_never_interrupted(void **state)
{
	static const struct port_shape plain = {.rx = 2, .tx = 2};
	const struct {
		uint64_t features;
		struct port_shape shape;
	} cases[] = {
		{B_USUAL, plain}, {features[1], plain}, {B_USUAL, shape}, {features[1], shape}};

	(void)state;
	COVERS("SR-DRV-010");
	COVERS("SR-DRV-011");
	COVERS("SR-DRV-012");
	for (unsigned int i = 0; i < RTE_DIM(cases); i++) {
		struct resources before = resources_now();
		uint16_t port = started_port(cases[i].features, cases[i].shape);
		struct fake_device sink;
		eventfd_t unused;

		backend_device(&b, 0, &d);
		backend_device(&b, 1, &sink);
		if (cases[i].shape.rx_intr) {
			assert_int_equal(rte_eth_dev_rx_intr_enable(port, 0), 0);
			assert_int_equal(rte_eth_dev_rx_intr_disable(port, 0), 0);
		}
		for (unsigned int n = 0; n < 200000 / 40; n++) {
			uint16_t old = sink.used_pos;

			assert_false(give(0, 40));
			assert_int_equal(port_receive(port, 0, 64, 'n'), 40);
			assert_int_equal(port_send(port, 0, 40, 60), 40);
			assert_int_equal(traffic_out(&sink), 40);
			assert_false(traffic_interrupt(&b, 1, &sink, old));
		}
		for (int ring = 0; ring < 4; ring++)
			assert_int_equal(eventfd_read(b.rings[ring].call_fd, &unused), -1);
		port_end(port, &b, before);
	}
}

static void
sleeper_is_woken_when_a_backend_comes(void **state)
{
	struct resources before = resources_now();
	uint16_t port;

	(void)state;
	backend_begin(&b);
	port = port_add("queues=2");
	port_configure(port, shape);
	assert_int_equal(rte_eth_dev_start(port), 0);
	wait_for_queue(port, 1, RTE_INTR_EVENT_ADD);
	assert_int_equal(rte_eth_dev_rx_intr_enable(port, 1), 0);
	/* Backends of all kinds, one after the other: the event index comes and goes. */
	for (unsigned int i = 0; i < 6; i++) {
		backend_with(features[i % 2]);
		assert_int_equal(wait_ms(LONG_MS), 1);
		UNTIL(port_up(port));
		assert_int_equal(port_receive(port, 1, 64, 'n'), 0);
		while (wait_ms(0) == 1)
			;
		backend_device(&b, 2, &d);
		for (int n = 0; n < 3; n++) {
			assert_true(give(1, 2));
			assert_int_equal(wait_ms(LONG_MS), 1);
			assert_int_equal(port_receive(port, 1, 64, 'n'), 2);
		}
		/* Off: the next burst says so in the words that this backend knows. */
		assert_int_equal(rte_eth_dev_rx_intr_disable(port, 1), 0);
		assert_false(give(1, 2));
		assert_int_equal(port_receive(port, 1, 64, 'n'), 2);
		assert_int_equal(rte_eth_dev_rx_intr_enable(port, 1), 0);
		backend_stop(&b);
		UNTIL(!port_up(port));
	}
	port_end(port, &b, before);
}

static void
sleeper_is_woken_when_its_queue_or_the_link_comes_back(void **state)
{
	struct resources before = resources_now();
	uint16_t port = started_port(B_USUAL, shape);

	(void)state;
	wait_for_queue(port, 0, RTE_INTR_EVENT_ADD);
	backend_device(&b, 0, &d);
	for (int i = 0; i < 6; i++) {
		bool link = i % 2 == 0;

		assert_int_equal(rte_eth_dev_rx_intr_enable(port, 0), 0);
		assert_int_equal(
			link ? rte_eth_dev_set_link_down(port) : rte_eth_dev_rx_queue_stop(port, 0),
			0);
		/* The ring is full of what is old: without the first burst nothing can come. */
		traffic_in(&b, &d, 40, 'o');
		assert_int_equal(
			link ? rte_eth_dev_set_link_up(port) : rte_eth_dev_rx_queue_start(port, 0),
			0);
		assert_int_equal(wait_ms(LONG_MS), 0);
		assert_int_equal(port_receive(port, 0, 64, 'n'), 0);
		while (wait_ms(0) == 0)
			;
		assert_true(give(0, 1));
		assert_int_equal(wait_ms(LONG_MS), 0);
		assert_int_equal(port_receive(port, 0, 64, 'n'), 1);
		assert_int_equal(rte_eth_dev_rx_intr_disable(port, 0), 0);
	}
	port_end(port, &b, before);
}

/* The queues go, and with them who waits for them: the backend still has their eventfds. */
static void
wait_for_nothing(uint16_t port, uint16_t queues)
{
	const struct port_shape next = {.rx = queues, .tx = 1, .rx_intr = true};
	struct epoll_event event;

	/* Two queues are waited for: the one the rounds before use last. */
	if (queues == 1)
		wait_for_queue(port, 0, RTE_INTR_EVENT_ADD);
	port_configure(port, next);
	assert_int_equal(eventfd_write(b.rings[0].call_fd, 1), 0);
	assert_int_equal(eventfd_write(b.rings[2].call_fd, 1), 0);
	assert_int_equal(epoll_wait(rte_intr_tls_epfd(), &event, 1, 0), 0);
}

static void
waiting_outlives_stop_and_start_but_not_the_queues(void **state)
{
	struct resources before = resources_now();
	uint16_t port = started_port(B_USUAL, shape);
	uint16_t queues;

	(void)state;
	wait_for_queue(port, 1, RTE_INTR_EVENT_ADD);
	assert_int_equal(rte_eth_dev_rx_intr_enable(port, 1), 0);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(rte_eth_dev_stop(port), 0);
		assert_int_equal(rte_eth_dev_start(port), 0);
		assert_true(port_up(port));
		/* A port starts with interrupts off. */
		backend_device(&b, 2, &d);
		assert_false(give(1, 1));
		assert_int_equal(port_receive(port, 1, 64, 'n'), 1);
		assert_int_equal(rte_eth_dev_rx_intr_enable(port, 1), 0);
		assert_true(give(1, 1));
		assert_int_equal(wait_ms(LONG_MS), 1);
	}
	for (queues = 1; queues <= 2; queues++) {
		assert_int_equal(rte_eth_dev_stop(port), 0);
		wait_for_nothing(port, queues);
		assert_int_equal(rte_eth_dev_start(port), 0);
		UNTIL(port_up(port));
		assert_int_equal(wait_ms(0), -1);
		wait_for_queue(port, queues - 1, RTE_INTR_EVENT_ADD);
		backend_device(&b, 2u * (queues - 1), &d);
		assert_int_equal(rte_eth_dev_rx_intr_enable(port, queues - 1), 0);
		assert_true(give(queues - 1, 1));
		assert_int_equal(wait_ms(LONG_MS), queues - 1);
		wait_for_queue(port, queues - 1, RTE_INTR_EVENT_DEL);
	}
	port_end(port, &b, before);
}

static void
port_without_interrupts_says_so(void **state)
{
	struct resources before = resources_now();
	uint16_t port = started_port(B_USUAL, (struct port_shape){.rx = 1, .tx = 1});

	(void)state;
	assert_int_equal(rte_eth_dev_rx_intr_enable(port, 0), -ENOTSUP);
	assert_int_equal(rte_eth_dev_rx_intr_disable(port, 0), -ENOTSUP);
	assert_int_equal(
		rte_eth_dev_rx_intr_ctl_q(port, 0, RTE_EPOLL_PER_THREAD, RTE_INTR_EVENT_ADD, NULL),
		-ENOTSUP);
	port_end(port, &b, before);
}

#define STRESS 30000

static void *
give_one_by_one(void *arg)
{
	uint16_t port = *(const uint16_t *)arg;

	for (uint64_t n = 0; n < STRESS; n++) {
		/* Sometimes at once, sometimes when the other one is about to sleep. */
		while (n % 3 != 0 && port_xstat(port, "rx_q0_packets") < n)
			;
		while (n - port_xstat(port, "rx_q0_packets") > 30)
			;
		give(0, 1);
	}
	return NULL;
}

static void
no_wake_up_is_lost_however_the_two_ends_meet(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(features); i++) {
		struct resources before = resources_now();
		uint16_t port = started_port(features[i], shape);
		unsigned int got = 0;
		pthread_t thread;

		wait_for_queue(port, 0, RTE_INTR_EVENT_ADD);
		backend_device(&b, 0, &d);
		assert_int_equal(pthread_create(&thread, NULL, give_one_by_one, &port), 0);
		while (got < STRESS) {
			unsigned int n = port_receive(port, 0, 64, 'n');

			got += n;
			if (n != 0)
				continue;
			assert_int_equal(rte_eth_dev_rx_intr_enable(port, 0), 0);
			assert_int_equal(wait_ms(LONG_MS), 0);
			assert_int_equal(rte_eth_dev_rx_intr_disable(port, 0), 0);
		}
		pthread_join(thread, NULL);
		port_end(port, &b, before);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		UNIT(sleeper_is_woken_by_traffic),
		UNIT(enabling_where_packets_wait_wakes_at_once),
		UNIT(filtered_burst_is_no_empty_ring),
		UNIT(interrupts_stay_on_until_they_are_switched_off),
		UNIT(who_polls_is_never_interrupted),
		UNIT(sleeper_is_woken_when_a_backend_comes),
		UNIT(sleeper_is_woken_when_its_queue_or_the_link_comes_back),
		UNIT(waiting_outlives_stop_and_start_but_not_the_queues),
		UNIT(port_without_interrupts_says_so),
		UNIT(no_wake_up_is_lost_however_the_two_ends_meet),
	};

	fixture_start();
	/* The thread's epoll descriptor is EAL's, and stays. */
	(void)rte_intr_tls_epfd();
	return fixture_end(RUN_UNITS("pmd_intr", tests));
}
