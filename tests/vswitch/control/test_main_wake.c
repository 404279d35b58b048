/* SPDX-License-Identifier: BSD-3-Clause */
/* Main is left asleep while guests behave, and woken for what the housekeeping has to see. */
#include "control_scene.h"
#include "main_wake.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define LONG_MS 600000 /* alarm() is earlier */
/* Headers of received frames are as short as those of b. */
#define FEATURES (ALL_FEATURES & ~CD_HASH_REPORT)

static const uint8_t promisc_on[] = {0, 0, 1};

static bool
woken(void)
{
	struct pollfd fd = {.fd = main_wake_fd(), .events = POLLIN};
	bool is = poll(&fd, 1, 0) == 1;

	main_wake_clear();
	return is;
}

/* All that was left by what came before is done. */
static void
settle(void)
{
	do
		vswitch_housekeep();
	while (woken());
}

static void
break_ring(uint32_t ring)
{
	fake_driver_raw_head(&fa.ring[ring], FE_RING_SIZE + 1);
	fake_driver_show(&fa.ring[ring]);
}

static void
guests_that_do_nothing_wrong_leave_main_asleep(void **state)
{
	(void)state;
	scene_start(1, FEATURES, 64);
	assert_int_equal(control_do(&cd, promisc_on, 3), CD_OK);
	settle();
	for (uint32_t i = 0; i < 10; i++) {
		bench_pass(&fa, 1, &fb, 0, i, 8);
		bench_pass(&fb, 1, &fa, 0, i, 8);
		assert_false(woken());
		vswitch_housekeep();
		assert_false(woken());
	}
	scene_stop();
}

static void
a_ring_that_breaks_wakes_main_once(void **state)
{
	(void)state;
	scene_start(1, FEATURES, 64);
	assert_int_equal(control_do(&cd, promisc_on, 3), CD_OK);
	settle();
	break_ring(1);
	assert_false(woken());
	bench_poll();
	assert_true(woken());
	for (uint32_t i = 0; i < 10; i++) {
		vswitch_housekeep();
		bench_poll();
		assert_false(woken());
	}
	/* A receiveq, met by who sends there. */
	break_ring(0);
	frontend_frame(&fb, 1, 0xa, 0xb, 1, 60);
	bench_poll();
	assert_true(woken());
	/* The control ring, met by main itself, is told by the housekeeping after it. */
	fake_driver_raw_head(&cd.ring, 64);
	fake_driver_show(&cd.ring);
	vswitch_housekeep();
	assert_non_null(port_ring_fault(pa, port_controlq(pa)));
	assert_true(woken());
	vswitch_housekeep();
	assert_false(woken());
	scene_stop();
}

static void
a_wait_ends_when_a_ring_breaks(void **state)
{
	(void)state;
	scene_start(1, FEATURES, 64);
	settle();
	bench_worker_start();
	break_ring(1);
	vswitch_wait(LONG_MS);
	bench_worker_stop();
	assert_non_null(port_ring_fault(pa, 1));
	scene_stop();
}

static void
memory_that_goes_wakes_main(void **state)
{
	(void)state;
	scene_start(1, FEATURES, 64);
	settle();
	frontend_frame(&fa, 1, 0xb, 0xa, 5, 60);
	assert_int_equal(ftruncate(fa.memfd, 0), 0);
	bench_poll();
	assert_true(woken());
	vswitch_housekeep();
	assert_int_equal(pa->mem.nb_regions, 0);
	control_close(&cd);
}

/* Commands of a guest that cannot kick are looked for as often as ever. */
static void
a_control_ring_without_kicks_keeps_main_awake(void **state)
{
	uint64_t ring = 2 | 0x100;

	(void)state;
	scene_start(1, FEATURES, 64);
	settle();
	assert_int_equal(frontend_ask(&fa, FE_SET_VRING_KICK, &ring, sizeof(ring), NULL, 0), 0);
	assert_true(frontend_barrier(&fa));
	for (uint32_t i = 0; i < 3; i++) {
		assert_true(woken());
		assert_int_equal(control_do(&cd, promisc_on, 3), CD_OK);
	}
	assert_int_equal(frontend_ask_fd(&fa, FE_SET_VRING_KICK, 2, cd.kick), 0);
	assert_true(frontend_barrier(&fa));
	assert_true(woken());
	settle();
	vswitch_housekeep();
	assert_false(woken());
	scene_stop();
}

/* What a guest may do until the next housekeeping is given back soon. */
static void
commands_bring_the_next_housekeeping_nearer(void **state)
{
	(void)state;
	scene_start(1, FEATURES, 64);
	settle();
	control_send(&cd, promisc_on, 3);
	assert_int_equal(eventfd_write(cd.kick, 1), 0);
	vswitch_wait(LONG_MS);
	assert_int_equal(control_answer(&cd), CD_OK);
	vswitch_housekeep();
	assert_false(woken());
	/* A kick that brings nothing, too. */
	assert_int_equal(eventfd_write(cd.kick, 1), 0);
	vswitch_wait(LONG_MS);
	vswitch_housekeep();
	assert_false(woken());
	scene_stop();
}

static void
news_that_a_full_channel_did_not_take_are_tried_again_soon(void **state)
{
	int two[2];

	(void)state;
	scene_connect(1);
	frontend_negotiate(&fa, FEATURES, CD_P_BASE | FE_P_BACKEND_REQ);
	assert_true(frontend_barrier(&fa));
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, two), 0);
	assert_int_equal(frontend_ask(&fa, FE_SET_BACKEND_REQ_FD, NULL, 0, &two[1], 1), 0);
	settle();
	assert_int_equal(vswitch_port_link_set("a", false), 0);
	assert_false(woken());
	for (uint32_t i = 0; i < 5000; i++)
		assert_int_equal(vswitch_port_link_set("a", i % 2), 0);
	assert_true(woken());
	vswitch_housekeep();
	assert_true(woken());
	frontend_channel_read(two[0]);
	vswitch_housekeep();
	assert_false(woken());
	close(two[0]);
	close(two[1]);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		BENCH_UNIT(guests_that_do_nothing_wrong_leave_main_asleep),
		BENCH_UNIT(a_ring_that_breaks_wakes_main_once),
		BENCH_UNIT(a_wait_ends_when_a_ring_breaks),
		BENCH_UNIT(memory_that_goes_wakes_main),
		BENCH_UNIT(a_control_ring_without_kicks_keeps_main_awake),
		BENCH_UNIT(commands_bring_the_next_housekeeping_nearer),
		BENCH_UNIT(news_that_a_full_channel_did_not_take_are_tried_again_soon),
	};

	alarm(60); /* a hang would last */
	return RUN_UNITS("main_wake", tests);
}
