/* SPDX-License-Identifier: BSD-3-Clause */
/* Life of a control queue: where it is, when it is served, what outlives what. */
#include "control_scene.h"
#include "log_capture.h"

#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

static const uint8_t promisc_on[] = {0, 0, 1};
static const uint8_t promisc_off[] = {0, 0, 0};

static bool
promiscuous(void)
{
	return scene_control()->in_force.modes & VNET_CTRL_MODE(PROMISC);
}

static void
start_ring(uint16_t pairs, uint64_t features, uint32_t index, uint32_t nb_rings)
{
	scene_connect(pairs);
	control_open(&cd, &fa, index, 64);
	scene_bring_up(features, nb_rings);
}

static void
start(void)
{
	start_ring(1, CD_BASE | CD_COMMANDS | CD_MAC | CD_STATUS, 2, 2);
}

static void
the_last_ring_is_the_control_queue_with_1_4_and_127_pairs(void **state)
{
	static const uint16_t pairs[] = {1, 4, 127};

	(void)state;
	for (uint32_t i = 0; i < RTE_DIM(pairs); i++) {
		uint64_t mq = pairs[i] > 1 ? FE_MQ : 0;

		start_ring(pairs[i], CD_BASE | CD_COMMANDS | mq, 2u * pairs[i], 2);
		assert_int_equal(control_do(&cd, promisc_on, 3), CD_OK);
		assert_true(promiscuous());
		assert_int_equal(control_do(&cd, promisc_off, 3), CD_OK);
		assert_false(promiscuous());
		bench_pass(&fa, 1, &fb, 0, 1, 8);
		scene_stop();
	}
}

/* With neither MQ nor RSS there is one pair, whatever the port has. */
static void
without_mq_and_rss_it_is_the_third_ring(void **state)
{
	(void)state;
	start_ring(4, (CD_BASE | CD_COMMANDS) & ~CD_RSS, 2, 2);
	assert_int_equal(control_do(&cd, promisc_on, 3), CD_OK);
	assert_true(promiscuous());
	assert_false(port_ring_started(pa, 2));
	assert_true(port_ring_started(pa, port_controlq(pa)));
	/* Nothing can be behind it. */
	frontend_ring_tell(&fa, 3);
	frontend_enable(&fa, 3, true);
	assert_true(frontend_barrier(&fa));
	assert_false(port_ring_started(pa, 3));
	bench_pass(&fa, 1, &fb, 0, 1, 8);
	bench_pass(&fb, 1, &fa, 0, 2, 8);
	control_close(&cd);
}

static void
holes_between_the_pairs_and_the_control_queue_do_not_matter(void **state)
{
	static const uint8_t two_pairs[] = {4, 0, 2, 0};

	(void)state;
	start_ring(4, CD_BASE | CD_COMMANDS | FE_MQ, 8, 4);
	assert_int_equal(control_do(&cd, two_pairs, 4), CD_OK);
	assert_int_equal(control_do(&cd, promisc_on, 3), CD_OK);
	bench_pass(&fa, 3, &fb, 0, 1, 8);
	assert_int_equal(scene_control()->in_force.pairs, 2);
	control_close(&cd);
}

/* The bits alone do not make a control queue: who keeps it to himself gets everything. */
static void
a_guest_whose_control_ring_was_never_set_up_receives_everything(void **state)
{
	(void)state;
	pa = bench_port("a", 2);
	pb = bench_port("b", 1);
	assert_true(frontend_connect(&fa, bench_path("a")));
	assert_true(frontend_connect(&fb, bench_path("b")));
	frontend_start(&fb, 2);
	frontend_negotiate(&fa, CD_BASE | CD_COMMANDS | FE_MQ, CD_P_BASE);
	frontend_memory(&fa);
	for (uint32_t i = 0; i < 4; i++) {
		frontend_ring_tell(&fa, i);
		frontend_enable(&fa, i, true);
	}
	frontend_status(&fa, STATUS_OK);
	assert_true(frontend_barrier(&fa));
	assert_null(pa->policy);
	bench_pass(&fa, 3, &fb, 0, 1, 8);
	bench_pass(&fb, 1, &fa, 2, 2, 8); /* by the pair that the flow was sent by */
}

static void
a_guest_with_a_control_queue_begins_as_after_a_reset(void **state)
{
	uint8_t mac[6];

	(void)state;
	COVERS("NET-DEV-065");
	COVERS("NET-DEV-075");
	start();
	assert_int_equal(frontend_config(&fa, 0, 6, mac), 6);
	assert_non_null(pa->policy);
	assert_true(scene_control()->filtering);
	assert_memory_equal(&scene_control()->in_force.mac, mac, 6);
	assert_int_equal(scene_control()->in_force.unicast.nb, 0);
	assert_int_equal(scene_control()->in_force.modes, 0);
	assert_int_equal(scene_control()->in_force.pairs, 1);
	assert_int_equal(scene_control()->in_force.rss.hash_types, 0);
	assert_int_equal(scene_control()->in_force.offloads, 0);
	control_close(&cd);
}

/* 2.4.1: a reset of the device, in each way that a frontend can say it. */
static void
a_reset_forgets_what_commands_said(void **state)
{
	uint8_t mac[6], before[6];
	const uint8_t other[] = {1, 1, 2, 0, 0, 0, 9, 9};

	(void)state;
	start();
	assert_int_equal(frontend_config(&fa, 0, 6, before), 6);
	for (uint32_t way = 0; way < 3; way++) {
		assert_int_equal(control_do(&cd, promisc_on, 3), CD_OK);
		assert_int_equal(control_do(&cd, other, 8), CD_OK);
		assert_int_equal(frontend_config(&fa, 0, 6, mac), 6);
		assert_memory_equal(mac, other + 2, 6);
		switch (way) {
		case 0:
			frontend_status(&fa, 0);
			control_init(&cd);
			frontend_status(&fa, STATUS_OK);
			break;
		case 1:
			assert_int_equal(frontend_ask(&fa, FE_RESET_OWNER, NULL, 0, NULL, 0), 0);
			break;
		default:
			frontend_disconnect(&fa);
			bench_wait_down(pa);
			assert_null(pa->policy);
			assert_true(frontend_connect(&fa, bench_path("a")));
			control_init(&cd);
			scene_bring_up(CD_BASE | CD_COMMANDS | CD_MAC | CD_STATUS, 2);
		}
		assert_true(frontend_barrier(&fa));
		assert_false(promiscuous() && scene_control()->filtering);
		assert_int_equal(frontend_config(&fa, 0, 6, mac), 6);
		assert_memory_equal(mac, before, 6);
		if (way == 1) {
			frontend_status(&fa, 0);
			control_init(&cd);
			control_tell(&cd);
			frontend_enable(&fa, cd.index, true);
			frontend_status(&fa, STATUS_OK);
			assert_true(frontend_barrier(&fa));
		}
	}
	assert_int_equal(control_do(&cd, promisc_on, 3), CD_OK);
	assert_true(promiscuous());
	control_close(&cd);
}

static void
stopping_the_ring_forgets_nothing(void **state)
{
	uint32_t question[2] = {2, 0};
	uint64_t value;

	(void)state;
	start();
	assert_int_equal(control_do(&cd, promisc_on, 3), CD_OK);
	frontend_enable(&fa, 2, false);
	assert_true(frontend_barrier(&fa));
	assert_int_equal(control_do(&cd, promisc_off, 3), CD_NONE);
	assert_true(promiscuous());
	frontend_enable(&fa, 2, true);
	assert_true(frontend_barrier(&fa));
	vswitch_housekeep();
	assert_int_equal(control_answer(&cd), CD_OK);
	assert_int_equal(control_do(&cd, promisc_on, 3), CD_OK);
	assert_true(frontend_send(&fa, FE_GET_VRING_BASE, false, question, 8, NULL, 0));
	assert_true(frontend_reply(&fa, FE_GET_VRING_BASE, &value));
	assert_int_equal(value >> 32, 3);
	assert_true(frontend_barrier(&fa));
	assert_int_equal(control_do(&cd, promisc_off, 3), CD_NONE);
	assert_true(promiscuous());
	bench_pass(&fa, 1, &fb, 0, 1, 8);
	control_tell(&cd);
	assert_true(frontend_barrier(&fa));
	vswitch_housekeep();
	assert_int_equal(control_answer(&cd), CD_OK);
	assert_false(promiscuous());
	control_close(&cd);
}

static void
the_ring_moves_with_the_memory_and_its_descriptors_are_replaced(void **state)
{
	int other;

	(void)state;
	start();
	for (uint32_t i = 0; i < 20; i++) {
		assert_int_equal(control_do(&cd, i % 2 ? promisc_off : promisc_on, 3), CD_OK);
		frontend_move_memory(&fa);
		cd.ring.desc = (void *)control_at(&cd, CD_RING);
		cd.ring.avail = (void *)control_at(&cd, CD_RING + (512u << 10));
		cd.ring.used = (void *)control_at(&cd, CD_RING + (640u << 10));
		frontend_memory(&fa);
		for (uint32_t r = 0; r < 2; r++)
			frontend_ring_tell_addr(&fa, r);
		control_tell_addr(&cd);
		assert_true(frontend_barrier(&fa));
		assert_int_equal(promiscuous(), i % 2 == 0);
		other = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		assert_int_equal(frontend_ask_fd(&fa, i % 2 ? FE_SET_VRING_CALL : FE_SET_VRING_KICK,
					 2, other),
			0);
		close(i % 2 ? cd.call : cd.kick);
		if (i % 2)
			cd.call = other;
		else
			cd.kick = other;
		assert_true(frontend_barrier(&fa));
	}
	assert_int_equal(control_do(&cd, promisc_on, 3), CD_OK);
	bench_pass(&fa, 1, &fb, 0, 1, 8);
	control_close(&cd);
}

/* The wait would be 20 seconds; a kick ends it for the one command, and the answer interrupts. */
static void
a_kick_is_answered_at_once_and_interrupts(void **state)
{
	eventfd_t count;

	(void)state;
	start();
	for (uint32_t i = 0; i < 100; i++) {
		control_send(&cd, i % 2 ? promisc_off : promisc_on, 3);
		assert_int_equal(eventfd_write(cd.kick, 1), 0);
		while (control_answer(&cd) == CD_NONE)
			vswitch_wait(1);
		assert_int_equal(eventfd_read(cd.call, &count), 0);
		if (i % 50 == 0)
			vswitch_housekeep();
	}
	/* What came with no kick is found by the housekeeping. */
	assert_int_equal(control_do(&cd, promisc_on, 3), CD_OK);
	control_close(&cd);
}

static void
interrupts_that_the_driver_does_not_want_are_left_out(void **state)
{
	eventfd_t count;

	(void)state;
	start();
	cd.ring.avail->flags = rte_cpu_to_le_16(1);
	assert_int_equal(control_do(&cd, promisc_on, 3), CD_OK);
	assert_int_equal(eventfd_read(cd.call, &count), -1);
	/* And it is asked for kicks. */
	assert_int_equal(cd.ring.used->flags, 0);
	control_close(&cd);
}

static void
a_broken_control_ring_is_stopped_told_and_reset(void **state)
{
	uint64_t status;

	(void)state;
	start();
	capture_log();
	assert_int_equal(control_do(&cd, promisc_on, 3), CD_OK);
	control_send(&cd, promisc_off, 3);
	fake_driver_raw_head(&cd.ring, 64);
	fake_driver_show(&cd.ring);
	vswitch_housekeep();
	vswitch_housekeep();
	/* The one before it was good. */
	assert_int_equal(control_answer(&cd), CD_OK);
	assert_int_equal(control_answer(&cd), CD_NONE);
	assert_int_equal(
		captured_lines("port a: the guest broke controlq, ring 2: available entry names a "
			       "descriptor outside the table: descriptor 64, head 64, position 2"),
		1);
	assert_non_null(port_ring_fault(pa, port_controlq(pa)));
	assert_true(frontend_send(&fa, FE_GET_STATUS, false, NULL, 0, NULL, 0));
	assert_true(frontend_reply(&fa, FE_GET_STATUS, &status));
	assert_int_equal(status, STATUS_OK | 64);
	bench_pass(&fa, 1, &fb, 0, 1, 8);
	frontend_status(&fa, 0);
	control_init(&cd);
	for (uint32_t i = 0; i < 2; i++)
		frontend_ring_init(&fa, i);
	frontend_status(&fa, STATUS_OK);
	assert_true(frontend_barrier(&fa));
	assert_int_equal(control_do(&cd, promisc_on, 3), CD_OK);
	bench_pass(&fa, 1, &fb, 0, 2, 8);
	release_log();
	control_close(&cd);
}

static void
the_guest_of_a_frontend_that_comes_again_is_asked_to_announce_itself(void **state)
{
	static const uint8_t ack[] = {3, 0};
	uint8_t status[2];
	int channel;

	(void)state;
	COVERS("NET-DEV-069");
	COVERS("NET-FACT-124");
	start();
	assert_int_equal(frontend_config(&fa, 6, 2, status), 2);
	assert_int_equal(status[0], 1);
	/* Unasked it is answered all the same. */
	assert_int_equal(control_do(&cd, ack, 2), CD_OK);
	for (uint32_t i = 0; i < 3; i++) {
		frontend_disconnect(&fa);
		bench_wait_down(pa);
		assert_true(frontend_connect(&fa, bench_path("a")));
		control_init(&cd);
		frontend_negotiate(
			&fa, CD_BASE | CD_COMMANDS | CD_STATUS, CD_P_BASE | FE_P_BACKEND_REQ);
		channel = frontend_channel(&fa);
		frontend_memory(&fa);
		control_tell(&cd);
		frontend_enable(&fa, 2, true);
		assert_int_equal(frontend_config(&fa, 6, 2, status), 2);
		assert_int_equal(status[0], 1);
		assert_int_equal(frontend_channel_read(channel), 0);
		frontend_status(&fa, STATUS_OK);
		assert_true(frontend_barrier(&fa));
		assert_int_equal(frontend_channel_read(channel), 1);
		assert_int_equal(frontend_config(&fa, 6, 2, status), 2);
		assert_int_equal(status[0], 3);
		assert_int_equal(control_do(&cd, ack, 2), CD_OK);
		assert_int_equal(frontend_config(&fa, 6, 2, status), 2);
		assert_int_equal(status[0], 1);
		/* Once for each connection, not for each reset. */
		frontend_status(&fa, 0);
		control_init(&cd);
		frontend_status(&fa, STATUS_OK);
		assert_int_equal(frontend_config(&fa, 6, 2, status), 2);
		assert_int_equal(status[0], 1);
		close(channel);
	}
	control_close(&cd);
}

static void
the_mtu_that_the_guest_was_told_is_held(void **state)
{
	struct vswitch_port_conf conf = {.pairs = 1, .mtu = 1000};

	(void)state;
	pa = bench_port_with("a", conf);
	assert_true(frontend_connect(&fa, bench_path("a")));
	frontend_negotiate(&fa, CD_BASE | CD_MTU, CD_P_BASE);
	assert_int_equal(pa->max_len, 1014);
	assert_int_equal(frontend_ask_u64(&fa, FE_SET_FEATURES, CD_BASE), 0);
	assert_true(frontend_barrier(&fa));
	assert_int_equal(pa->max_len, UINT32_MAX);
	assert_int_equal(frontend_ask_u64(&fa, FE_SET_FEATURES, CD_BASE | CD_MTU), 0);
	assert_true(frontend_barrier(&fa));
	assert_int_equal(pa->max_len, 1014);
	frontend_disconnect(&fa);
	bench_wait_down(pa);
	assert_int_equal(pa->max_len, UINT32_MAX);
}

static void
answers_are_noted_in_the_dirty_log(void **state)
{
	uint64_t log[2] = {(FE_GUEST + FE_BYTES) / 4096 / 8, 0};
	uint64_t at = FE_USER + CD_RING, guest = FE_GUEST + CD_RING;
	uint64_t addr[5] = {2, at, at + (640u << 10), at + (512u << 10), guest + (640u << 10)};
	uint64_t page, value;
	int fd = memfd_create("log", MFD_CLOEXEC);
	uint8_t *bits;

	(void)state;
	start();
	assert_int_equal(frontend_ask_u64(&fa, FE_SET_PROTOCOL_FEATURES, CD_P_BASE | FE_F(1)), 1);
	frontend_disconnect(&fa);
	bench_wait_down(pa);
	assert_true(frontend_connect(&fa, bench_path("a")));
	control_init(&cd);
	frontend_negotiate(&fa, CD_BASE | CD_COMMANDS | FE_F(26), CD_P_BASE | FE_F(1));
	assert_int_equal(ftruncate(fd, (off_t)log[0]), 0);
	assert_true(frontend_send(&fa, FE_SET_LOG_BASE, false, log, sizeof(log), &fd, 1));
	assert_true(frontend_reply(&fa, FE_SET_LOG_BASE, &value));
	frontend_memory(&fa);
	control_tell(&cd);
	addr[0] |= UINT64_C(1) << 32;
	assert_int_equal(frontend_ask(&fa, FE_SET_VRING_ADDR, addr, sizeof(addr), NULL, 0), 0);
	frontend_enable(&fa, 2, true);
	frontend_status(&fa, STATUS_OK);
	assert_true(frontend_barrier(&fa));
	bits = mmap(NULL, log[0], PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(bits, MAP_FAILED);
	memset(bits, 0, log[0]);
	control_send(&cd, promisc_on, 3);
	page = (FE_GUEST + cd.ack[0]) / 4096;
	vswitch_housekeep();
	assert_int_equal(control_answer(&cd), CD_OK);
	assert_true(bits[page / 8] & (1u << page % 8));
	page = (guest + (640u << 10)) / 4096;
	assert_true(bits[page / 8] & (1u << page % 8));
	page = guest / 4096;
	assert_false(bits[page / 8] & (1u << page % 8));
	munmap(bits, log[0]);
	close(fd);
	control_close(&cd);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		BENCH_UNIT(the_last_ring_is_the_control_queue_with_1_4_and_127_pairs),
		BENCH_UNIT(without_mq_and_rss_it_is_the_third_ring),
		BENCH_UNIT(holes_between_the_pairs_and_the_control_queue_do_not_matter),
		BENCH_UNIT(a_guest_whose_control_ring_was_never_set_up_receives_everything),
		BENCH_UNIT(a_guest_with_a_control_queue_begins_as_after_a_reset),
		BENCH_UNIT(a_reset_forgets_what_commands_said),
		BENCH_UNIT(stopping_the_ring_forgets_nothing),
		BENCH_UNIT(the_ring_moves_with_the_memory_and_its_descriptors_are_replaced),
		BENCH_UNIT(a_kick_is_answered_at_once_and_interrupts),
		BENCH_UNIT(interrupts_that_the_driver_does_not_want_are_left_out),
		BENCH_UNIT(a_broken_control_ring_is_stopped_told_and_reset),
		BENCH_UNIT(the_guest_of_a_frontend_that_comes_again_is_asked_to_announce_itself),
		BENCH_UNIT(the_mtu_that_the_guest_was_told_is_held),
		BENCH_UNIT(answers_are_noted_in_the_dirty_log),
	};

	return RUN_UNITS("control_ring", tests);
}
