/* SPDX-License-Identifier: BSD-3-Clause */
/* Frontends that stop in the middle, do not listen, take memory back or talk nonsense. */
#include "bench.h"
#include "control/port_vhost.h"
#include "control_driver.h"
#include "support/random.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define REQUESTS 44

static struct port *pa, *pb;

/* A speaks, b runs and shows that the switch lives. */
static void
start(uint16_t pairs)
{
	pa = bench_port("a", pairs);
	pb = bench_port("b", 1);
	assert_true(frontend_connect(&fa, bench_path("a")));
	assert_true(frontend_connect(&fb, bench_path("b")));
	frontend_start(&fb, 2);
}

static void
negotiate(void)
{
	frontend_negotiate(&fa, FE_VERSION_1 | FE_PROTOCOL, FE_P_ACK | FE_P_STATUS);
}

/* A connection that is as good as new; the old one may still be known for a moment. */
static void
again(void)
{
	do {
		frontend_disconnect(&fa);
		bench_wait_down(pa);
		assert_true(frontend_connect(&fa, bench_path("a")));
	} while (!frontend_barrier(&fa));
}

static void
refusal_without_a_wish_for_an_answer_hangs_up(void **state)
{
	uint32_t payload[2] = {1, 3};

	(void)state;
	start(1);
	for (uint32_t i = 0; i < 20; i++) {
		assert_true(frontend_send(
			&fa, FE_SET_VRING_NUM, false, payload, sizeof(payload), NULL, 0));
		assert_true(frontend_hung_up(&fa));
		bench_wait_down(pa);
		assert_true(frontend_connect(&fa, bench_path("a")));
	}
	assert_int_equal(((struct port_vhost *)pa->backend)->refused, 20);
}

static void
failed_message_leaves_the_next_one_in_order(void **state)
{
	uint64_t addr[5] = {1, FE_USER, FE_USER, FE_USER, 0};

	(void)state;
	start(1);
	negotiate();
	/* There is no memory yet. */
	assert_int_equal(frontend_ask(&fa, FE_SET_VRING_ADDR, addr, sizeof(addr), NULL, 0), 1);
	frontend_start(&fa, 2);
	assert_false(pa->paused);
	bench_pass(&fa, 1, &fb, 0, 1, 8);
}

/* Half a message, then death: nothing of it stays, nobody else is harmed. */
static void
messages_cut_anywhere_leave_nothing_behind(void **state)
{
	uint32_t fds;
	uint8_t message[12 + 40] = {FE_SET_VRING_ADDR, 0, 0, 0, 9, 0, 0, 0, 40};

	(void)state;
	start(1);
	again();
	fds = bench_fds();
	for (uint32_t cut = 1; cut < sizeof(message); cut++) {
		assert_int_equal(send(fa.sock, message, cut, MSG_NOSIGNAL), cut);
		again();
		assert_int_equal(bench_fds(), fds);
	}
	for (uint32_t size = 633; size != 0; size *= 2) {
		memcpy(message + 8, &size, sizeof(size));
		assert_int_equal(
			send(fa.sock, message, sizeof(message), MSG_NOSIGNAL), sizeof(message));
		assert_true(frontend_hung_up(&fa));
		bench_wait_down(pa);
		assert_true(frontend_connect(&fa, bench_path("a")));
		assert_true(frontend_barrier(&fa));
		assert_int_equal(bench_fds(), fds);
	}
}

static void
withheld_payload_holds_nobody_up(void **state)
{
	const uint32_t header[3] = {FE_SET_VRING_ADDR, 9, 40};

	(void)state;
	start(1);
	for (uint32_t i = 0; i < 2; i++) {
		again();
		assert_int_equal(send(fa.sock, header, sizeof(header), MSG_NOSIGNAL), 12);
		assert_true(frontend_barrier(&fb));
		assert_true(frontend_hung_up(&fa));
	}
}

static void
unread_answers_hold_nobody_up(void **state)
{
	const uint32_t header[3] = {FE_GET_FEATURES, 1, 0};
	ssize_t n;

	(void)state;
	start(1);
	assert_int_equal(fcntl(fa.sock, F_SETFL, O_NONBLOCK), 0);
	do {
		n = send(fa.sock, header, sizeof(header), MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN)
			assert_true(frontend_barrier(&fb));
	} while (n > 0 || errno == EAGAIN);
	assert_true(frontend_barrier(&fb));
	again();
}

/* A frame waits in a's ring and the memory goes: of ring and frame, of the frame alone. */
static void
memory_cut_short_stops_its_port_and_no_other(void **state)
{
	static const off_t left[] = {0, 1 << 20, 0};

	(void)state;
	start(1);
	for (uint32_t i = 0; i < RTE_DIM(left); i++) {
		frontend_close(&fa);
		frontend_open(&fa);
		again();
		frontend_start(&fa, 2);
		bench_pass(&fa, 1, &fb, 0, i, 4);
		frontend_frame(&fa, 1, 0xb, 0xa, 5, 60);
		assert_int_equal(ftruncate(fa.memfd, left[i]), 0);
		/* The worker meets it, or the thread that starts rings. */
		if (i < 2)
			bench_poll();
		else
			assert_int_equal(frontend_ask_fd(&fa, FE_SET_VRING_KICK, 1, fa.kick[1]), 0);
		assert_true(frontend_barrier(&fb));
		vswitch_housekeep();
		assert_false(port_ring_running(pa, 1));
		assert_int_equal(pa->mem.nb_regions, 0);
		assert_int_equal(frontend_ask_u64(&fa, FE_SET_STATUS, 0xf), -1);
		bench_wait_down(pa);
	}
	frontend_close(&fa);
	frontend_open(&fa);
	again();
	frontend_start(&fa, 2);
	bench_pass(&fa, 1, &fb, 0, 7, 4);
	bench_pass(&fb, 1, &fa, 0, 8, 4);
}

/* A message of any type, size and number of descriptors, with numbers that are close to good. */
static bool
send_nonsense(uint64_t *r)
{
	static const uint64_t words[] = {0, 1, 2, 3, 4, 64, 255, 256, 257, 4096, 32768, 65536,
		FE_GUEST, FE_USER, FE_BYTES, UINT32_MAX, UINT64_C(1) << 63, UINT64_MAX,
		FE_VERSION_1 | FE_PROTOCOL, FE_P_ACK | FE_P_STATUS};
	const int kinds[] = {fa.memfd, fa.call[0], fa.call[1], fa.sock, STDERR_FILENO};
	uint64_t payload[79];
	int fds[8];
	uint32_t request = random_below(r, 4) == 0 ? random_next(r) : random_below(r, REQUESTS);
	uint32_t size = random_below(r, 3) == 0 ? random_below(r, 632) : 8 * random_below(r, 6);
	int nb_fds =
		(int)random_below(r, 3) == 0 ? (int)random_below(r, 9) : (int)random_below(r, 2);

	for (uint32_t i = 0; i < RTE_DIM(payload); i++)
		payload[i] = words[random_below(r, RTE_DIM(words))];
	for (int i = 0; i < nb_fds; i++)
		fds[i] = kinds[random_below(r, RTE_DIM(kinds))];
	return frontend_send(&fa, request, random_below(r, 8) != 0, payload, size, fds, nb_fds);
}

/* Take what the switch has answered so far. */
static bool
drain(void)
{
	char answers[4096];
	ssize_t n;

	while ((n = recv(fa.sock, answers, sizeof(answers), MSG_DONTWAIT)) > 0)
		;
	return n < 0;
}

/* Four rings and a control ring, with commands in it. */
static void
start_with_control(struct control_driver *cd)
{
	static const uint8_t command[] = {0, 0, 1};

	frontend_negotiate(&fa, CD_BASE | CD_COMMANDS | FE_MQ, CD_P_BASE | FE_P_BACKEND_REQ);
	frontend_memory(&fa);
	for (uint32_t i = 0; i < 4; i++) {
		frontend_ring_tell(&fa, i);
		frontend_enable(&fa, i, true);
	}
	control_init(cd);
	control_tell(cd);
	frontend_enable(&fa, cd->index, true);
	frontend_status(&fa, 0xf);
	assert_true(frontend_barrier(&fa));
	for (uint32_t i = 0; i < 30; i++)
		control_send(cd, command, sizeof(command));
}

static void
ten_thousand_nonsense_messages_leave_nothing_behind(void **state)
{
	static struct control_driver cd;
	uint64_t r = 1;
	uint32_t fds, maps, allocations, hung_up = 0;

	(void)state;
	start(2);
	again();
	control_open(&cd, &fa, 4, 64);
	/* Queues of a port are kept for their counters. */
	frontend_start(&fa, 4);
	again();
	allocations = bench_allocations();
	fds = bench_fds();
	maps = bench_maps();
	for (uint32_t i = 0; i < 10000; i++) {
		if (i % 64 == 0) {
			/* From a state in which nearly everything is possible. */
			again();
			for (uint32_t k = 0; k < 4; k++)
				frontend_ring_init(&fa, k);
			if (i % 128 == 0)
				frontend_start(&fa, 4);
			else
				start_with_control(&cd);
		}
		if (!send_nonsense(&r) || !drain()) {
			hung_up++;
			again();
		}
		if (i % 16 == 0)
			bench_poll();
		if (i % 8 == 0)
			vswitch_housekeep();
	}
	again();
	assert_int_equal(bench_fds(), fds);
	assert_int_equal(bench_maps(), maps);
	assert_int_equal(bench_allocations(), allocations);
	assert_true(hung_up > 100);
	control_close(&cd);
	assert_int_equal(pa->mem.nb_regions, 0);
	assert_false(pa->paused);
	/* And it still works for an honest one. */
	for (uint32_t k = 0; k < 2; k++)
		frontend_ring_init(&fa, k);
	frontend_start(&fa, 2);
	bench_pass(&fa, 1, &fb, 0, 1, 8);
	bench_pass(&fb, 1, &fa, 0, 2, 8);
}

/* One step of a's restless life; its rings have work all the time. */
static void
disturb(uint32_t step)
{
	static const uint8_t status[] = {0, 0xf};

	switch (step % 8) {
	case 0:
		frontend_move_memory(&fa);
		frontend_memory(&fa);
		frontend_ring_tell_addr(&fa, 0);
		frontend_ring_tell_addr(&fa, 1);
		break;
	case 1:
		assert_int_equal(frontend_ask_fd(&fa, FE_SET_VRING_CALL, 1, fa.call[2]), 0);
		break;
	case 2:
		assert_int_equal(frontend_ask_fd(&fa, FE_SET_VRING_KICK, 0, fa.kick[3]), 0);
		break;
	case 3:
	case 4:
		frontend_enable(&fa, 1, step % 8 == 4);
		break;
	case 5:
		frontend_status(&fa, status[0]);
		frontend_status(&fa, status[1]);
		break;
	case 6:
		frontend_ring_tell_addr(&fa, 1);
		break;
	default:
		again();
		frontend_ring_init(&fa, 0);
		frontend_ring_init(&fa, 1);
		frontend_start(&fa, 2);
		frontend_post(&fa, 0, 8);
	}
}

static void
port_that_changes_all_the_time_costs_the_others_nothing(void **state)
{
	static struct frontend c;

	(void)state;
	start(1);
	bench_port("c", 1);
	frontend_open(&c);
	assert_true(frontend_connect(&c, bench_path("c")));
	frontend_start(&c, 2);
	frontend_start(&fa, 2);
	/* c is known, or its frames would go to a as well. */
	frontend_frame(&c, 1, 0xb, 0xc, 0, 60);
	bench_poll();
	bench_worker_start();
	for (uint32_t step = 0; step < 800; step++) {
		if (fa.ring[1].nb_busy < 8)
			frontend_frame(&fa, 1, 0xa, 0xa, step, 60);
		disturb(step);
		bench_pass(&fb, 1, &c, 0, step * 4, 4);
	}
	bench_worker_stop();
	assert_int_equal(vswitch_port_remove("c"), 0);
	frontend_close(&c);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		BENCH_UNIT(refusal_without_a_wish_for_an_answer_hangs_up),
		BENCH_UNIT(failed_message_leaves_the_next_one_in_order),
		BENCH_UNIT(messages_cut_anywhere_leave_nothing_behind),
		BENCH_UNIT(memory_cut_short_stops_its_port_and_no_other),
		BENCH_UNIT(withheld_payload_holds_nobody_up),
		BENCH_UNIT(unread_answers_hold_nobody_up),
		BENCH_UNIT(port_that_changes_all_the_time_costs_the_others_nothing),
		BENCH_UNIT(ten_thousand_nonsense_messages_leave_nothing_behind),
	};

	alarm(240); /* a hang would last */
	return RUN_UNITS("vhost_hostile", tests);
}
