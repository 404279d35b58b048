/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A ring that is started and disabled: nothing is received by it, and what is sent by it is taken
 * and dropped. docs/interop/vhost-user.rst of qemu/qemu, Ring states.
 */
#include "bench.h"

#include <unistd.h>

#define STATUS_OK 0xf
#define ROUNDS 200 /* disabled rings are looked at now and then only */

static struct port *pa, *pb;

/* Two pairs; ring i of a is set up, but enabled only if its bit is set in which. */
static void
start(uint64_t protocol, uint32_t which)
{
	pa = bench_port("a", 2);
	pb = bench_port("b", 1);
	assert_true(frontend_connect(&fa, bench_path("a")));
	assert_true(frontend_connect(&fb, bench_path("b")));
	frontend_start(&fb, 2);
	frontend_negotiate(&fa, FE_VERSION_1 | FE_PROTOCOL | FE_MQ, protocol);
	frontend_memory(&fa);
	for (uint32_t i = 0; i < 4; i++)
		frontend_ring_tell(&fa, i);
	for (uint32_t i = 0; i < 4; i++) {
		if (which & (1u << i))
			frontend_enable(&fa, i, true);
	}
	if (protocol & FE_P_STATUS)
		frontend_status(&fa, STATUS_OK);
	assert_true(frontend_barrier(&fa));
}

static void
work(void)
{
	for (uint32_t i = 0; i < ROUNDS; i++)
		vswitch_poll(0);
}

static uint32_t
completed(uint32_t ring)
{
	uint32_t id, len, nb = 0;

	while (fake_driver_take(&fa.ring[ring], &id, &len)) {
		assert_int_equal(len, 0);
		nb++;
	}
	assert_null(fa.ring[ring].complaint);
	return nb;
}

/* n frames by transmitq ring are taken, and end nowhere but in the counter. */
static void
expect_discarded(uint32_t ring, uint32_t n)
{
	struct port_rxq *rxq = pa->rxq[ring / 2];
	uint64_t before = rxq == NULL ? 0 : rxq->stats.disabled;

	for (uint32_t i = 0; i < n; i++)
		frontend_frame(&fa, ring, 0xb, 0xa, i, 60);
	work();
	assert_int_equal(completed(ring), n);
	/* With a buffer it would have come, without one it would have been dropped there. */
	assert_int_equal(frontend_received(&fb, 0), -1);
	assert_int_equal(pb->txq[0]->stats.no_descriptor, 0);
	assert_int_equal(pa->rxq[ring / 2]->stats.disabled, before + n);
	assert_false(port_ring_running(pa, ring));
}

static void
disabled_transmitq_is_emptied_and_counted(void **state)
{
	(void)state;
	for (uint32_t with = 0; with < 2; with++) {
		start(FE_P_ACK | (with ? FE_P_STATUS : 0), 0xf);
		bench_pass(&fa, 1, &fb, 0, 1, 8);
		frontend_enable(&fa, 1, false);
		assert_true(frontend_barrier(&fa));
		expect_discarded(1, 1);
		expect_discarded(1, FE_RING_SIZE);
		assert_int_equal(pa->rxq[0]->stats.packets, 8 + 1 + FE_RING_SIZE);
		/* More than any visit takes. */
		for (uint32_t i = 0; i < 20; i++)
			expect_discarded(1, FE_RING_SIZE);
		vswitch_port_remove("a");
		vswitch_port_remove("b");
		frontend_close(&fa);
		frontend_close(&fb);
		frontend_open(&fa);
		frontend_open(&fb);
	}
}

static void
enabled_again_it_goes_on_where_it_stood(void **state)
{
	(void)state;
	start(FE_P_ACK | FE_P_STATUS, 0xf);
	for (uint32_t i = 0; i < 50; i++) {
		bench_pass(&fa, 1, &fb, 0, i, 7);
		frontend_enable(&fa, 1, false);
		assert_true(frontend_barrier(&fa));
		for (uint32_t k = 0; k < 5; k++)
			frontend_frame(&fa, 1, 0xb, 0xa, k, 60);
		work();
		assert_int_equal(completed(1), 5);
		frontend_enable(&fa, 1, true);
		assert_true(frontend_barrier(&fa));
		assert_true(port_ring_running(pa, 1));
	}
	assert_int_equal(pa->rxq[0]->stats.disabled, 250);
	bench_pass(&fa, 1, &fb, 0, 1, 7);
}

/* With protocol features a ring is disabled until it is enabled. */
static void
transmitq_that_was_never_enabled_is_emptied_once_the_driver_is_ready(void **state)
{
	(void)state;
	start(FE_P_ACK | FE_P_STATUS, 0x3);
	expect_discarded(3, 10);
	bench_pass(&fa, 1, &fb, 0, 1, 8);
	frontend_enable(&fa, 3, true);
	assert_true(frontend_barrier(&fa));
	bench_pass(&fa, 3, &fb, 0, 1, 8);
	/* Before DRIVER_OK nothing is touched. */
	frontend_enable(&fa, 3, false);
	frontend_status(&fa, 0);
	frontend_frame(&fa, 3, 0xb, 0xa, 1, 60);
	work();
	assert_int_equal(completed(3), 0);
	frontend_status(&fa, STATUS_OK);
	work();
	assert_int_equal(completed(3), 1);
}

static void
stopped_ring_is_left_alone_though_it_is_disabled(void **state)
{
	uint32_t question[2] = {1, 0};
	uint64_t value;

	(void)state;
	start(FE_P_ACK | FE_P_STATUS, 0xf);
	bench_pass(&fa, 1, &fb, 0, 1, 8);
	frontend_enable(&fa, 1, false);
	frontend_frame(&fa, 1, 0xb, 0xa, 1, 60);
	assert_true(frontend_barrier(&fa));
	work();
	assert_int_equal(completed(1), 1);
	/* Its position is told: 8 frames that went, one that was dropped. */
	assert_true(
		frontend_send(&fa, FE_GET_VRING_BASE, false, question, sizeof(question), NULL, 0));
	assert_true(frontend_reply(&fa, FE_GET_VRING_BASE, &value));
	assert_int_equal(value >> 32, 9);
	frontend_frame(&fa, 1, 0xb, 0xa, 2, 60);
	work();
	assert_int_equal(completed(1), 0);
	/* Set up again it is still disabled, until it is enabled. */
	frontend_ring_tell(&fa, 1);
	assert_true(frontend_barrier(&fa));
	work();
	assert_int_equal(completed(1), 1);
	frontend_enable(&fa, 1, true);
	assert_true(frontend_barrier(&fa));
	bench_pass(&fa, 1, &fb, 0, 3, 8);
}

/* The library takes a ring away for a moment then, too. */
static void
descriptor_replaced_drops_nothing(void **state)
{
	(void)state;
	start(FE_P_ACK | FE_P_STATUS, 0xf);
	for (uint32_t i = 0; i < 50; i++) {
		frontend_frame(&fa, 1, 0xb, 0xa, i, 60);
		frontend_post(&fb, 0, 1);
		assert_int_equal(frontend_ask_fd(&fa, i % 2 ? FE_SET_VRING_CALL : FE_SET_VRING_KICK,
					 1, fa.call[2 + i % 3]),
			0);
		work();
		assert_true(frontend_barrier(&fa));
		work();
		assert_int_equal(frontend_received(&fb, 0), i);
		assert_int_equal(completed(1), 1);
	}
	assert_int_equal(pa->rxq[0]->stats.disabled, 0);
}

static void
disabled_ring_may_move_and_its_memory_change(void **state)
{
	(void)state;
	start(FE_P_ACK | FE_P_STATUS, 0xf);
	frontend_enable(&fa, 1, false);
	for (uint32_t i = 0; i < 20; i++) {
		frontend_move_memory(&fa);
		frontend_memory(&fa);
		for (uint32_t r = 0; r < 4; r++)
			frontend_ring_tell_addr(&fa, r);
		assert_int_equal(frontend_ask_fd(&fa, FE_SET_VRING_CALL, 1, fa.call[1]), 0);
		/* The library looks up where a disabled ring went when it is kicked off. */
		assert_int_equal(frontend_ask_fd(&fa, FE_SET_VRING_KICK, 1, fa.kick[1]), 0);
		assert_true(frontend_barrier(&fa));
		frontend_frame(&fa, 1, 0xb, 0xa, i, 60);
		work();
		assert_int_equal(completed(1), 1);
		/* Not what would pull the ring from under the one who empties it. */
		assert_int_equal(frontend_ask_ring(&fa, FE_SET_VRING_NUM, 1, 32), 1);
		assert_int_equal(frontend_ask_ring(&fa, FE_SET_VRING_BASE, 1, 0), 1);
	}
	frontend_enable(&fa, 1, true);
	assert_true(frontend_barrier(&fa));
	bench_pass(&fa, 1, &fb, 0, 1, 8);
}

static void
disabled_receiveq_gets_nothing(void **state)
{
	(void)state;
	start(FE_P_ACK | FE_P_STATUS, 0xf);
	/* By pair 0, so that is where the answers come. */
	bench_pass(&fa, 1, &fb, 0, 1, 1);
	bench_pass(&fb, 1, &fa, 0, 2, 8);
	frontend_enable(&fa, 0, false);
	frontend_enable(&fa, 2, false);
	assert_true(frontend_barrier(&fa));
	frontend_post(&fa, 0, 4);
	frontend_frame(&fb, 1, 0xa, 0xb, 1, 60);
	work();
	assert_int_equal(frontend_received(&fa, 0), -1);
	assert_int_equal(pb->rxq[0]->stats.port_down + pb->rxq[0]->stats.no_port, 1);
}

static void
broken_head_in_a_disabled_ring_is_a_fault_like_any(void **state)
{
	struct port_faults faults;

	(void)state;
	start(FE_P_ACK | FE_P_STATUS, 0xf);
	frontend_enable(&fa, 1, false);
	assert_true(frontend_barrier(&fa));
	fake_driver_raw_head(&fa.ring[1], FE_RING_SIZE + 1);
	fake_driver_show(&fa.ring[1]);
	work();
	assert_true(port_ring_faults(pa, 1, &faults));
	assert_int_equal(faults.last.fault, VIRTQ_FAULT_HEAD_INDEX);
	bench_pass(&fa, 3, &fb, 0, 1, 8);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		BENCH_UNIT(disabled_transmitq_is_emptied_and_counted),
		BENCH_UNIT(enabled_again_it_goes_on_where_it_stood),
		BENCH_UNIT(transmitq_that_was_never_enabled_is_emptied_once_the_driver_is_ready),
		BENCH_UNIT(stopped_ring_is_left_alone_though_it_is_disabled),
		BENCH_UNIT(descriptor_replaced_drops_nothing),
		BENCH_UNIT(disabled_ring_may_move_and_its_memory_change),
		BENCH_UNIT(disabled_receiveq_gets_nothing),
		BENCH_UNIT(broken_head_in_a_disabled_ring_is_a_fault_like_any),
	};

	alarm(120); /* a hang would last */
	return RUN_UNITS("vhost_disabled", tests);
}
