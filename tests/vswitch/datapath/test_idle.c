/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A worker that sleeps without frames, and guests that kick as VIRTIO 1.3, 2.7.13.4.1 Driver
 * Requirements says. The guest here is a fake driver and knows nothing of how the switch asks.
 */
#include "datapath/idle.h"
#include "datapath/worker.h"
#include "scene.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define EVENT_IDX (UINT64_C(1) << VIRTIO_F_EVENT_IDX)
#define FRAMES 20000
#define WAIT_S 60 /* for what a lost wake-up would never do */

static pthread_t thread;
static bool running;
static int kick_a, kick_b;

static int
idle_setup(void **state)
{
	struct vswitch_conf conf = {.nb_mbufs = 255,
		.mac_entries = 1024,
		.nb_workers = 1,
		.idle_sleep = true,
		.idle_us = 0};

	/* EAL, once; and the switch again, now with sleep. */
	if (switch_setup(state) != 0)
		return -1;
	vswitch_fini();
	kick_a = eventfd(0, EFD_NONBLOCK);
	kick_b = eventfd(0, EFD_NONBLOCK);
	return vswitch_init(&conf);
}

static void *
work(void *arg)
{
	vswitch_worker(arg);
	return NULL;
}

static void
worker_start(void)
{
	assert_int_equal(pthread_create(&thread, NULL, work, NULL), 0);
	running = true;
}

static void
worker_stop(void)
{
	if (!running)
		return;
	vswitch_stop();
	pthread_join(thread, NULL);
	running = false;
}

static int
idle_teardown(void **state)
{
	worker_stop();
	close(kick_a);
	close(kick_b);
	return switch_teardown(state);
}

#define IDLE_UNIT(test) \
	{ \
#test, covers_run, idle_setup, idle_teardown, (void *)(test) \
	}

static void
open_guest(struct guest *g, const char *name, int kick_fd, uint64_t features)
{
	guest_open(g, name, 1, 64, features);
	g->kick_fd = kick_fd;
	guest_ring_restart(g, 1);
}

static void
open_kicking(uint64_t features)
{
	open_guest(&a, "a", kick_a, features);
	open_guest(&b, "b", kick_b, features);
}

/* Does the device want to know that the index went from old to new? 2.7.13.4.1. */
static bool
wants_kick(const struct guest *g, uint16_t new, uint16_t old)
{
	const struct fake_driver *drv = &g->drv[1];
	uint16_t event;

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!(g->features & EVENT_IDX))
		return (__atomic_load_n(&drv->used->flags, __ATOMIC_RELAXED) & 1) == 0;
	event = __atomic_load_n(
		(const uint16_t *)(const void *)&drv->used->ring[g->ring_size], __ATOMIC_RELAXED);
	return (uint16_t)(new - event - 1) < (uint16_t)(new - old);
}

/* A frame, and a kick if it is asked for. @return was it? */
static bool
send_kicking(struct guest *g)
{
	uint16_t old = g->drv[1].shown;

	guest_send(g, 0, 0, sent, 60, NULL);
	if (!wants_kick(g, g->drv[1].shown, old))
		return false;
	assert_int_equal(eventfd_write(g->kick_fd, 1), 0);
	return true;
}

static bool
prepare(void)
{
	bool ready;

	worker_online(worker_get(0));
	ready = idle_prepare(worker_get(0));
	worker_offline(worker_get(0));
	return ready;
}

/* Until it is true; a hang is what a lost wake-up is. */
static void
wait_for(bool (*is)(void))
{
	struct timespec now, start;

	clock_gettime(CLOCK_MONOTONIC, &start);
	do {
		if (is())
			return;
		sched_yield();
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec - start.tv_sec < WAIT_S);
	fail_msg("the worker does not wake up");
}

static bool
is_asleep(void)
{
	return __atomic_load_n(&worker_get(0)->idle.asleep, __ATOMIC_RELAXED);
}

static uint64_t
sleeps(void)
{
	return __atomic_load_n(&worker_get(0)->idle.stats.sleeps, __ATOMIC_RELAXED);
}

static uint64_t slept;

static bool
woke_and_slept(void)
{
	return sleeps() > slept && is_asleep();
}

static bool
a_completed(void)
{
	return guest_completed(&a, 0) == 1;
}

static void
guests_are_asked_before_sleep_and_spared_after(void **state)
{
	const uint64_t features[] = {0, EVENT_IDX};

	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(features); i++) {
		open_kicking(features[i]);
		frame_make(sent, 60, 2, 1, 1);
		vswitch_poll(0);
		/* Around all positions, and a little more. */
		for (uint32_t round = 0; round < 70000; round++) {
			assert_true(prepare());
			assert_true(prepare());
			assert_true(send_kicking(&a));
			assert_int_equal(vswitch_poll(0), 1);
			assert_false(send_kicking(&a));
			assert_int_equal(vswitch_poll(0), 1);
			assert_int_equal(guest_completed(&a, 0), 2);
		}
		close_two();
	}
}

static void
frame_that_was_there_at_the_last_look_keeps_it_awake(void **state)
{
	const uint64_t features[] = {0, EVENT_IDX};

	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(features); i++) {
		open_kicking(features[i]);
		frame_make(sent, 60, 2, 1, 1);
		vswitch_poll(0);
		/* The guest was told not to kick. */
		assert_false(send_kicking(&a));
		assert_false(prepare());
		assert_int_equal(vswitch_poll(0), 1);
		assert_int_equal(guest_completed(&a, 0), 1);
		assert_true(prepare());
		/* Woken by another one, meanwhile this one has frames and has been asked already.
		 */
		assert_true(send_kicking(&b));
		assert_int_equal(vswitch_poll(0), 1);
		assert_true(send_kicking(&a));
		assert_false(prepare());
		assert_int_equal(vswitch_poll(0), 1);
		close_two();
	}
}

static void
queue_without_kick_keeps_its_worker_awake(void **state)
{
	(void)state;
	open_guest(&a, "a", kick_a, 0);
	guest_open(&b, "b", 1, 64, 0);
	vswitch_poll(0);
	assert_false(prepare());
	assert_int_equal(worker_get(0)->idle.kickless, 1);
	guest_close(&b);
	vswitch_poll(0);
	assert_true(prepare());
	guest_close(&a);
}

static void
broken_ring_keeps_nobody_awake(void **state)
{
	(void)state;
	open_kicking(0);
	frame_make(sent, 60, 2, 1, 1);
	fake_driver_raw_head(&a.drv[1], 64);
	fake_driver_show(&a.drv[1]);
	vswitch_poll(0);
	assert_non_null(port_ring_fault(a.port, 1));
	assert_true(prepare());
	assert_true(send_kicking(&b));
	close_two();
}

static void
disabled_queue_is_emptied_before_sleep(void **state)
{
	(void)state;
	open_kicking(0);
	frame_make(sent, 60, 2, 1, 1);
	port_link_set(a.port, false);
	vswitch_poll(0);
	assert_false(send_kicking(&a));
	assert_true(prepare());
	assert_int_equal(a.port->rxq[0]->stats.link_down, 1);
	/* And asked for kicks like any other. */
	assert_true(send_kicking(&a));
	assert_false(prepare() && !wants_kick(&a, a.drv[1].shown, (uint16_t)(a.drv[1].shown - 1)));
	close_two();
}

static void
no_wake_up_is_lost(void **state)
{
	const uint64_t features[] = {0, EVENT_IDX};

	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(features); i++) {
		open_kicking(features[i]);
		frame_make(sent, 60, 2, 1, 1);
		worker_start();
		for (uint32_t n = 0; n < FRAMES; n++) {
			send_kicking(&a);
			wait_for(a_completed);
			/* Moments of all lengths, so that frames come at any step of its way to
			 * bed. */
			for (volatile uint32_t spin = n * 7919 % 4096; spin > 0; spin--)
				;
		}
		assert_int_equal(a.port->rxq[0]->stats.packets, FRAMES);
		assert_true(sleeps() > 0);
		worker_stop();
		close_two();
		vswitch_fini();
		assert_int_equal(vswitch_init(&(struct vswitch_conf){
					 .nb_mbufs = 255, .nb_workers = 1, .idle_sleep = true}),
			0);
	}
}

static void
kicks_without_frames_cost_wake_ups_and_no_more(void **state)
{
	(void)state;
	open_kicking(0);
	frame_make(sent, 60, 2, 1, 1);
	worker_start();
	wait_for(is_asleep);
	for (uint32_t i = 0; i < 100; i++) {
		slept = sleeps();
		assert_int_equal(eventfd_write(kick_b, i == 50 ? UINT64_MAX - 200 : 1), 0);
		wait_for(woke_and_slept);
	}
	assert_true(worker_get(0)->idle.stats.kicks >= 100);
	send_kicking(&a);
	wait_for(a_completed);
	worker_stop();
	assert_int_equal(b.port->rxq[0]->stats.packets, 0);
	close_two();
}

static void
sleeper_learns_of_rings_ports_and_the_end(void **state)
{
	(void)state;
	worker_start();
	wait_for(is_asleep);
	/* Its first port. */
	open_guest(&a, "a", kick_a, 0);
	frame_make(sent, 60, 2, 1, 1);
	for (uint32_t i = 0; i < 50; i++) {
		/* A ring that is stopped, and begins with a frame that nobody kicks for. */
		wait_for(is_asleep);
		assert_int_equal(port_ring_stop(a.port, 1), i == 0 ? 0 : 1);
		guest_ring_restart(&a, 1);
		send_kicking(&a);
		wait_for(a_completed);
		port_pause(a.port);
		wait_for(is_asleep);
		port_resume(a.port);
		/* Another port comes and goes, its descriptor with it. */
		open_guest(&b, "b", kick_b, 0);
		wait_for(is_asleep);
		guest_close(&b);
		assert_int_equal(eventfd_write(kick_b, 1), 0);
	}
	assert_true(worker_get(0)->idle.stats.changes > 0);
	guest_close(&a);
	wait_for(is_asleep);
	worker_stop();
}

int
main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		IDLE_UNIT(guests_are_asked_before_sleep_and_spared_after),
		IDLE_UNIT(frame_that_was_there_at_the_last_look_keeps_it_awake),
		IDLE_UNIT(queue_without_kick_keeps_its_worker_awake),
		IDLE_UNIT(broken_ring_keeps_nobody_awake),
		IDLE_UNIT(disabled_queue_is_emptied_before_sleep),
		IDLE_UNIT(no_wake_up_is_lost),
		IDLE_UNIT(kicks_without_frames_cost_wake_ups_and_no_more),
		IDLE_UNIT(sleeper_learns_of_rings_ports_and_the_end),
	};

	if (argc > 1)
		switch_width = argv[1];
	return RUN_UNITS("idle", tests);
}
