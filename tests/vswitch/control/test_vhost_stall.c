/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frontends that stop in the middle of a message or do not read their answers. The switch is told
 * to be more patient with them than the test is: what gets through got through beside them.
 */
#include "bench.h"
#include "control/control.h"
#include "control/vhost_gate.h"
#include "log_capture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PATIENT_MS 600000

static struct port *pa;

static void
start(void)
{
	pa = bench_port("a", 1);
	bench_port("b", 1);
	assert_true(frontend_connect(&fa, bench_path("a")));
	assert_true(frontend_connect(&fb, bench_path("b")));
	frontend_start(&fb, 2);
	vhost_gate_timeout_ms = PATIENT_MS;
}

static void
stop(void)
{
	vhost_gate_timeout_ms = VHOST_GATE_TIMEOUT_MS;
}

static void
send_bytes(const void *bytes, size_t n)
{
	assert_int_equal(send(fa.sock, bytes, n, MSG_NOSIGNAL), n);
}

/* Said, and looked at by the switch: it has worked on what another said later. */
static void
others_are_served(void)
{
	for (uint32_t i = 0; i < 20; i++)
		assert_true(frontend_barrier(&fb));
}

static bool
connected(void)
{
	char byte;

	return recv(fa.sock, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

static void
message_cut_at_any_byte_waits_for_its_end_and_holds_nobody_up(void **state)
{
	/* SET_VRING_NUM with NEED_REPLY, ring 1 of 64 entries. */
	const uint32_t message[5] = {FE_SET_VRING_NUM, 9, 8, 1, 64};
	uint64_t value;

	(void)state;
	start();
	frontend_negotiate(&fa, FE_VERSION_1 | FE_PROTOCOL, FE_P_ACK | FE_P_STATUS);
	for (size_t cut = 1; cut < sizeof(message); cut++) {
		send_bytes(message, cut);
		others_are_served();
		assert_true(connected());
		send_bytes((const char *)message + cut, sizeof(message) - cut);
		assert_true(frontend_reply(&fa, FE_SET_VRING_NUM, &value));
		assert_int_equal(value, 0);
	}
	stop();
}

static void
stalled_frontend_s_own_rings_go_on(void **state)
{
	const uint32_t header[3] = {FE_SET_VRING_ADDR, 9, 40};

	(void)state;
	start();
	frontend_start(&fa, 2);
	send_bytes(header, sizeof(header));
	others_are_served();
	for (uint32_t i = 0; i < 10; i++) {
		bench_pass(&fa, 1, &fb, 0, i, 8);
		bench_pass(&fb, 1, &fa, 0, i, 8);
	}
	assert_true(connected());
	stop();
}

static void
stalled_frontend_is_hung_up_on_and_the_log_names_its_port(void **state)
{
	const uint32_t header[3] = {FE_SET_VRING_ADDR, 9, 40};

	(void)state;
	start();
	vhost_gate_timeout_ms = 20;
	capture_log();
	send_bytes(header, sizeof(header));
	assert_true(frontend_hung_up(&fa));
	bench_wait_down(pa);
	assert_int_equal(captured_lines("port a: hung up on its frontend, which stopped in the "
					"middle of a message for 20 ms"),
		1);
	assert_int_equal(captured_lines("port b: hung up"), 0);
	release_log();
	assert_true(frontend_barrier(&fb));
	stop();
}

static void
death_in_the_middle_of_a_message_is_seen_at_once(void **state)
{
	const uint32_t header[3] = {FE_SET_VRING_ADDR, 9, 40};

	(void)state;
	start();
	for (uint32_t i = 0; i < 10; i++) {
		send_bytes(header, i == 0 ? 12 : i);
		if (i % 2 == 1)
			others_are_served(); /* it is held by now */
		frontend_disconnect(&fa);
		bench_wait_down(pa);
		assert_true(frontend_connect(&fa, bench_path("a")));
		assert_true(frontend_barrier(&fa));
	}
	/* The same for one that closes its sending half only. */
	send_bytes(header, 12);
	others_are_served();
	assert_int_equal(shutdown(fa.sock, SHUT_WR), 0);
	bench_wait_down(pa);
	stop();
}

/* As many questions as the socket holds; nobody reads the answers. @return how many. */
static uint32_t
ask_without_reading(void)
{
	const uint32_t question[3] = {FE_GET_FEATURES, 1, 0};
	uint32_t nb = 0;

	assert_int_equal(fcntl(fa.sock, F_SETFL, O_NONBLOCK), 0);
	for (uint32_t full = 0; full < 3;) {
		ssize_t n = send(fa.sock, question, sizeof(question), MSG_NOSIGNAL);

		if (n == sizeof(question)) {
			nb++;
			continue;
		}
		assert_int_equal(n, -1);
		assert_int_equal(errno, EAGAIN);
		others_are_served();
		full++;
	}
	assert_int_equal(fcntl(fa.sock, F_SETFL, 0), 0);
	return nb;
}

static void
answers_that_are_read_late_hold_nobody_up_and_all_come(void **state)
{
	uint64_t value;
	uint32_t nb;

	(void)state;
	start();
	nb = ask_without_reading();
	assert_true(nb > 100);
	others_are_served();
	for (uint32_t i = 0; i < nb; i++)
		assert_true(frontend_reply(&fa, FE_GET_FEATURES, &value));
	assert_true(frontend_barrier(&fa));
	stop();
}

static void
answers_that_are_never_read_end_the_connection_and_the_log_says_so(void **state)
{
	(void)state;
	start();
	(void)ask_without_reading();
	capture_log();
	vhost_gate_timeout_ms = 20;
	bench_wait_down(pa);
	assert_int_equal(
		captured_lines("port a: hung up on its frontend, which did not read its answers"),
		1);
	release_log();
	others_are_served();
	stop();
}

/* A port that connects to its frontend has the path at the other end of the socket. */
static void
client_port_is_not_held_up_either(void **state)
{
	struct vswitch_port_conf conf = {
		.name = "a", .path = bench_path("a"), .client = true, .pairs = 1};
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	const uint32_t header[3] = {FE_SET_VRING_ADDR, 9, 40};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	bench_port("b", 1);
	assert_true(frontend_connect(&fb, bench_path("b")));
	frontend_start(&fb, 2);
	vhost_gate_timeout_ms = PATIENT_MS;
	snprintf(un.sun_path, sizeof(un.sun_path), "%s", conf.path);
	assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	assert_int_equal(listen(fd, 4), 0);
	assert_true(vswitch_port_add(&conf) >= 0);
	pa = port_find("a");
	fa.sock = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	assert_true(frontend_barrier(&fa));
	send_bytes(header, sizeof(header));
	others_are_served();
	assert_true(connected());
	capture_log();
	vhost_gate_timeout_ms = 20;
	assert_true(frontend_hung_up(&fa));
	assert_int_equal(captured_lines("port a: hung up on its frontend"), 1);
	release_log();
	close(fd);
	unlink(conf.path);
	stop();
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		BENCH_UNIT(message_cut_at_any_byte_waits_for_its_end_and_holds_nobody_up),
		BENCH_UNIT(stalled_frontend_s_own_rings_go_on),
		BENCH_UNIT(stalled_frontend_is_hung_up_on_and_the_log_names_its_port),
		BENCH_UNIT(death_in_the_middle_of_a_message_is_seen_at_once),
		BENCH_UNIT(answers_that_are_read_late_hold_nobody_up_and_all_come),
		BENCH_UNIT(answers_that_are_never_read_end_the_connection_and_the_log_says_so),
		BENCH_UNIT(client_port_is_not_held_up_either),
	};

	alarm(120); /* a hang would last */
	return RUN_UNITS("vhost_stall", tests);
}
