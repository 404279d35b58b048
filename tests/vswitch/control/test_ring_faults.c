/* SPDX-License-Identifier: BSD-3-Clause */
/* A guest breaks its ring: it is stopped, counted, said once, and starts again when it is reset. */
#include "bench.h"
#include "control/control.h"
#include "control/fault_report.h"
#include "log_capture.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define STATUS_OK 0xf

static struct port *pa, *pb;

static void
start_two(uint64_t protocol)
{
	pa = bench_port("a", 2);
	pb = bench_port("b", 1);
	assert_true(frontend_connect(&fa, bench_path("a")));
	assert_true(frontend_connect(&fb, bench_path("b")));
	frontend_start(&fb, 2);
	frontend_negotiate(&fa, FE_VERSION_1 | FE_PROTOCOL | FE_MRG_RXBUF, protocol);
	frontend_memory(&fa);
	for (uint32_t i = 0; i < 4; i++)
		frontend_ring_tell(&fa, i);
	for (uint32_t i = 0; i < 4; i++)
		frontend_enable(&fa, i, true);
	if (protocol & FE_P_STATUS)
		frontend_status(&fa, STATUS_OK);
	assert_true(frontend_barrier(&fa));
}

/* Transmitq 0 gets a head outside the table. */
static void
break_ring(void)
{
	fake_driver_raw_head(&fa.ring[1], FE_RING_SIZE + 1);
	fake_driver_show(&fa.ring[1]);
	bench_poll();
}

static void
stop_ring(uint32_t ring)
{
	uint32_t question[2] = {ring, 0};
	uint64_t value;

	assert_true(
		frontend_send(&fa, FE_GET_VRING_BASE, false, question, sizeof(question), NULL, 0));
	assert_true(frontend_reply(&fa, FE_GET_VRING_BASE, &value));
}

static struct port_faults
faults(uint32_t ring)
{
	struct port_faults f = {0};

	port_ring_faults(pa, ring, &f);
	return f;
}

static void
one_round_of_housekeeping_says_it_once(void **state)
{
	(void)state;
	start_two(FE_P_ACK | FE_P_STATUS);
	capture_log();
	vswitch_housekeep();
	assert_int_equal(captured_lines("broke"), 0);
	break_ring();
	vswitch_housekeep();
	assert_int_equal(
		captured_lines("port a: the guest broke transmitq 0, ring 1: available entry "
			       "names a descriptor outside the table: descriptor 65, head 65, "
			       "position 0; stopped until the guest resets it"),
		1);
	for (uint32_t i = 0; i < 100; i++)
		vswitch_housekeep();
	assert_int_equal(captured_lines("broke"), 1);
	assert_true(faults(1).standing);
	assert_int_equal(faults(1).total, 1);
	assert_int_equal(faults(1).by[VIRTQ_FAULT_HEAD_INDEX], 1);
	/* Its other rings go on, and its neighbour. */
	bench_pass(&fa, 3, &fb, 0, 1, 8);
	/* By the pair that the flow was sent by last. */
	bench_pass(&fb, 1, &fa, 2, 2, 8);
	release_log();
}

/* Broken and reset before anybody looked: counted all the same. */
static void
fault_that_was_reset_before_the_next_look_is_told(void **state)
{
	(void)state;
	start_two(FE_P_ACK);
	capture_log();
	for (uint32_t i = 0; i < 5; i++) {
		break_ring();
		stop_ring(1);
		frontend_ring_init(&fa, 1);
		frontend_ring_tell(&fa, 1);
		assert_true(frontend_barrier(&fa));
	}
	vswitch_housekeep();
	assert_int_equal(captured_lines("ring 1 (5 times since the last line)"), 1);
	assert_int_equal(captured_lines("it has reset it since"), 1);
	assert_int_equal(faults(1).total, 5);
	assert_int_equal(fault_count(pa), 5);
	assert_false(faults(1).standing);
	bench_pass(&fa, 1, &fb, 0, 1, 8);
	release_log();
}

static void
guest_that_breaks_its_ring_for_ever_does_not_fill_the_log(void **state)
{
	const time_t began = time(NULL);

	(void)state;
	start_two(FE_P_ACK | FE_P_STATUS);
	capture_log();
	for (uint32_t i = 0; i < 2000; i++) {
		break_ring();
		vswitch_housekeep();
		frontend_status(&fa, 0);
		frontend_ring_init(&fa, 1);
		frontend_status(&fa, STATUS_OK);
	}
	assert_int_equal(faults(1).total, 2000);
	assert_true(captured_lines("broke") >= 1);
	assert_true(captured_lines("broke") <=
		    CONTROL_LINES_PER_SECOND * (uint32_t)(time(NULL) - began + 2));
	bench_pass(&fa, 1, &fb, 0, 1, 8);
	release_log();
}

static void
ring_stays_broken_until_its_driver_resets_it(void **state)
{
	(void)state;
	start_two(FE_P_ACK | FE_P_STATUS);
	break_ring();
	assert_int_equal(faults(1).total, 1);
	/* What a driver does in passing: mask an interrupt, disable a queue, get more memory. */
	assert_int_equal(frontend_ask_fd(&fa, FE_SET_VRING_CALL, 1, fa.call[2]), 0);
	assert_int_equal(frontend_ask_fd(&fa, FE_SET_VRING_KICK, 1, fa.kick[2]), 0);
	frontend_enable(&fa, 1, false);
	frontend_enable(&fa, 1, true);
	frontend_ring_tell_addr(&fa, 1);
	frontend_memory(&fa);
	frontend_status(&fa, STATUS_OK);
	assert_true(frontend_barrier(&fa));
	/* Not by meeting the bad chain again. */
	assert_non_null(port_ring_fault(pa, 1));
	bench_poll();
	assert_true(faults(1).standing);
	assert_int_equal(faults(1).total, 1);
	frontend_status(&fa, 0);
	assert_false(faults(1).standing);
	frontend_ring_init(&fa, 1);
	frontend_status(&fa, STATUS_OK);
	bench_pass(&fa, 1, &fb, 0, 1, 8);
	assert_int_equal(faults(1).total, 1);
}

static void
get_vring_base_resets_a_ring_with_and_without_status(void **state)
{
	(void)state;
	for (uint32_t with = 0; with < 2; with++) {
		start_two(FE_P_ACK | (with ? FE_P_STATUS : 0));
		break_ring();
		assert_true(faults(1).standing);
		/* Another ring's reset is none of this one. */
		stop_ring(3);
		assert_true(faults(1).standing);
		stop_ring(1);
		assert_false(faults(1).standing);
		frontend_ring_init(&fa, 1);
		frontend_ring_tell(&fa, 1);
		assert_true(frontend_barrier(&fa));
		bench_pass(&fa, 1, &fb, 0, 1, 8);
		vswitch_port_remove("a");
		vswitch_port_remove("b");
		frontend_close(&fa);
		frontend_close(&fb);
		frontend_open(&fa);
		frontend_open(&fb);
	}
}

static void
new_connection_and_reset_owner_reset_all_rings_and_the_count_stays(void **state)
{
	(void)state;
	start_two(FE_P_ACK | FE_P_STATUS);
	break_ring();
	frontend_disconnect(&fa);
	bench_wait_down(pa);
	assert_false(faults(1).standing);
	assert_int_equal(faults(1).total, 1);
	frontend_ring_init(&fa, 1);
	assert_true(frontend_connect(&fa, bench_path("a")));
	frontend_start(&fa, 2);
	bench_pass(&fa, 1, &fb, 0, 1, 8);
	break_ring();
	assert_int_equal(frontend_ask(&fa, FE_RESET_OWNER, NULL, 0, NULL, 0), 0);
	assert_false(faults(1).standing);
	frontend_ring_init(&fa, 1);
	frontend_enable(&fa, 1, true);
	assert_true(frontend_barrier(&fa));
	bench_pass(&fa, 1, &fb, 0, 2, 8);
	assert_int_equal(faults(1).total, 2);
}

static uint64_t
get_status(void)
{
	uint64_t value;

	assert_true(frontend_send(&fa, FE_GET_STATUS, false, NULL, 0, NULL, 0));
	assert_true(frontend_reply(&fa, FE_GET_STATUS, &value));
	return value;
}

static void
status_says_that_a_reset_is_needed(void **state)
{
	(void)state;
	start_two(FE_P_ACK | FE_P_STATUS);
	assert_int_equal(get_status(), STATUS_OK);
	break_ring();
	assert_int_equal(get_status(), STATUS_OK | 0x40);
	/* Given back with what the driver sets, as a driver does. */
	frontend_status(&fa, STATUS_OK | 0x40);
	assert_int_equal(get_status(), STATUS_OK | 0x40);
	frontend_status(&fa, 0);
	assert_int_equal(get_status(), 0);
	frontend_ring_init(&fa, 1);
	frontend_status(&fa, STATUS_OK);
	assert_int_equal(get_status(), STATUS_OK);
	bench_pass(&fa, 1, &fb, 0, 1, 8);
}

/* One eventfd for each ring; whether it is blocking or full is no concern of the switch. */
static void
error_descriptor_is_signalled(void **state)
{
	const int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	const int other = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	uint32_t fds;
	eventfd_t value;

	(void)state;
	start_two(FE_P_ACK | FE_P_STATUS);
	fds = bench_fds();
	assert_int_equal(frontend_ask_fd(&fa, FE_SET_VRING_ERR, 1, other), 0);
	assert_int_equal(frontend_ask_fd(&fa, FE_SET_VRING_ERR, 1, fd), 0);
	assert_int_equal(frontend_ask_fd(&fa, FE_SET_VRING_ERR, 3, other), 0);
	assert_int_equal(bench_fds(), fds + 2);
	break_ring();
	assert_int_equal(eventfd_read(fd, &value), -1);
	vswitch_housekeep();
	assert_int_equal(eventfd_read(fd, &value), 0);
	vswitch_housekeep();
	assert_int_equal(eventfd_read(fd, &value), -1);
	assert_int_equal(eventfd_read(other, &value), -1);
	/* A full one that blocks holds nobody up. */
	frontend_status(&fa, 0);
	frontend_ring_init(&fa, 1);
	frontend_status(&fa, STATUS_OK);
	assert_int_equal(fcntl(fd, F_SETFL, 0), 0);
	assert_int_equal(eventfd_write(fd, UINT64_MAX - 1), 0);
	break_ring();
	vswitch_housekeep();
	/* Taken back, and with the connection. */
	assert_int_equal(frontend_ask_fd(&fa, FE_SET_VRING_ERR, 1 | 0x100, -1), 0);
	assert_int_equal(bench_fds(), fds + 1);
	for (uint32_t i = 0; i < 3; i++) {
		frontend_disconnect(&fa);
		bench_wait_down(pa);
		assert_true(frontend_connect(&fa, bench_path("a")));
		assert_true(frontend_barrier(&fa));
		if (i == 0)
			fds = bench_fds();
		assert_int_equal(bench_fds(), fds);
		frontend_negotiate(&fa, FE_VERSION_1 | FE_PROTOCOL, FE_P_ACK);
		assert_int_equal(frontend_ask_fd(&fa, FE_SET_VRING_ERR, 0, fd), 0);
	}
	close(fd);
	close(other);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		BENCH_UNIT(one_round_of_housekeeping_says_it_once),
		BENCH_UNIT(fault_that_was_reset_before_the_next_look_is_told),
		BENCH_UNIT(guest_that_breaks_its_ring_for_ever_does_not_fill_the_log),
		BENCH_UNIT(ring_stays_broken_until_its_driver_resets_it),
		BENCH_UNIT(get_vring_base_resets_a_ring_with_and_without_status),
		BENCH_UNIT(new_connection_and_reset_owner_reset_all_rings_and_the_count_stays),
		BENCH_UNIT(status_says_that_a_reset_is_needed),
		BENCH_UNIT(error_descriptor_is_signalled),
	};

	alarm(120); /* a hang would last */
	return RUN_UNITS("ring_faults", tests);
}
