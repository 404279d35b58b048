/* SPDX-License-Identifier: BSD-3-Clause */
/* Life of a port: in which order a frontend may set its rings up, move, stop and lose them. */
#include "bench.h"

#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define STATUS_OK 0xf

static struct port *pa, *pb;

/* Ports a and b with their frontends connected, nothing said yet. */
static void
connect_two(uint16_t pairs)
{
	pa = bench_port("a", pairs);
	pb = bench_port("b", pairs);
	assert_true(frontend_connect(&fa, bench_path("a")));
	assert_true(frontend_connect(&fb, bench_path("b")));
}

/* Two frontends with one pair each, running. */
static void
start_two(void)
{
	connect_two(1);
	frontend_start(&fa, 2);
	frontend_start(&fb, 2);
}

static void
frames_pass_both_ways(void **state)
{
	(void)state;
	start_two();
	for (uint32_t i = 0; i < 4; i++) {
		bench_pass(&fa, 1, &fb, 0, 100 * i, 32);
		bench_pass(&fb, 1, &fa, 0, 100 * i + 50, 32);
	}
}

static void
rings_start_at_kick_when_protocol_features_are_not_acknowledged(void **state)
{
	(void)state;
	connect_two(1);
	frontend_start(&fb, 2);
	frontend_negotiate(&fa, FE_VERSION_1, 0);
	frontend_memory(&fa);
	frontend_ring_tell(&fa, 1);
	assert_true(frontend_barrier(&fa));
	assert_true(port_ring_running(pa, 1));
	bench_pass(&fa, 1, &fb, 0, 1, 8);
	frontend_ring_tell(&fa, 0);
	assert_true(frontend_barrier(&fa));
	bench_pass(&fb, 1, &fa, 0, 2, 8);
}

static void
frontend_without_status_runs_once_enabled(void **state)
{
	(void)state;
	connect_two(1);
	frontend_start(&fb, 2);
	frontend_negotiate(&fa, FE_VERSION_1 | FE_PROTOCOL, FE_P_ACK);
	frontend_memory(&fa);
	for (uint32_t i = 0; i < 2; i++) {
		frontend_ring_tell(&fa, i);
		assert_true(frontend_barrier(&fa));
		assert_false(port_ring_running(pa, i));
		frontend_enable(&fa, i, true);
	}
	assert_true(frontend_barrier(&fa));
	bench_pass(&fa, 1, &fb, 0, 1, 8);
	bench_pass(&fb, 1, &fa, 0, 2, 8);
}

static void
rings_wait_for_driver_ok(void **state)
{
	(void)state;
	connect_two(1);
	frontend_negotiate(&fa, FE_VERSION_1 | FE_PROTOCOL, FE_P_ACK | FE_P_STATUS);
	frontend_memory(&fa);
	frontend_status(&fa, 0xb);
	for (uint32_t i = 0; i < 2; i++) {
		frontend_ring_tell(&fa, i);
		frontend_enable(&fa, i, true);
	}
	assert_true(frontend_barrier(&fa));
	assert_false(port_ring_running(pa, 0));
	assert_false(port_ring_running(pa, 1));
	frontend_status(&fa, STATUS_OK);
	assert_true(port_ring_running(pa, 0));
	assert_true(port_ring_running(pa, 1));
	frontend_start(&fb, 2);
	bench_pass(&fa, 1, &fb, 0, 1, 8);
}

static void
holes_between_rings_do_not_matter(void **state)
{
	(void)state;
	connect_two(4);
	frontend_start(&fb, 2);
	frontend_negotiate(&fa, FE_VERSION_1 | FE_PROTOCOL | FE_MQ, FE_P_ACK | FE_P_STATUS);
	frontend_memory(&fa);
	for (uint32_t i = 6; i < 8; i++) {
		frontend_ring_tell(&fa, i);
		frontend_enable(&fa, i, true);
	}
	frontend_status(&fa, STATUS_OK);
	bench_pass(&fa, 7, &fb, 0, 1, 8);
	bench_pass(&fb, 1, &fa, 6, 2, 8);
	assert_false(port_ring_running(pa, 0));
}

static void
rings_may_be_enabled_late_and_in_any_order(void **state)
{
	static const uint32_t order[] = {5, 0, 3, 1};

	(void)state;
	connect_two(4);
	frontend_start(&fb, 2);
	frontend_negotiate(&fa, FE_VERSION_1 | FE_PROTOCOL | FE_MQ, FE_P_ACK | FE_P_STATUS);
	frontend_memory(&fa);
	frontend_status(&fa, STATUS_OK);
	for (uint32_t i = 0; i < 8; i++)
		frontend_ring_tell(&fa, i);
	for (uint32_t i = 0; i < RTE_DIM(order); i++) {
		frontend_enable(&fa, order[i], true);
		assert_true(frontend_barrier(&fa));
		for (uint32_t k = 0; k < 8; k++) {
			bool on = false;

			for (uint32_t j = 0; j <= i; j++)
				on |= order[j] == k;
			assert_int_equal(port_ring_running(pa, k), on);
		}
		if (order[i] % 2 == 1)
			bench_pass(&fa, order[i], &fb, 0, i, 8);
	}
	frontend_enable(&fa, 3, false);
	assert_true(frontend_barrier(&fa));
	assert_false(port_ring_running(pa, 3));
	bench_pass(&fa, 1, &fb, 0, 7, 8);
	frontend_enable(&fa, 3, true);
	assert_true(frontend_barrier(&fa));
	bench_pass(&fa, 3, &fb, 0, 8, 8);
}

/* QEMU: call descriptors of all rings first, without one where the guest polls; kick at the end. */
static void
call_descriptors_may_come_first_or_be_none(void **state)
{
	uint64_t addr[5];

	(void)state;
	connect_two(4);
	frontend_start(&fb, 2);
	frontend_negotiate(&fa, FE_VERSION_1 | FE_PROTOCOL | FE_MQ, FE_P_ACK | FE_P_STATUS);
	for (uint32_t i = 0; i < 8; i++)
		assert_int_equal(frontend_ask_fd(&fa, FE_SET_VRING_CALL, i, fa.call[i]), 0);
	frontend_memory(&fa);
	for (uint32_t i = 0; i < 2; i++) {
		frontend_enable(&fa, i, true);
		assert_int_equal(frontend_ask_ring(&fa, FE_SET_VRING_NUM, i, FE_RING_SIZE), 0);
		assert_int_equal(frontend_ask_ring(&fa, FE_SET_VRING_BASE, i, 0), 0);
		addr[0] = i;
		addr[1] = fa.user + frontend_ring_offset(i);
		addr[2] = addr[1] + 8192;
		addr[3] = addr[1] + 4096;
		addr[4] = 0;
		assert_int_equal(
			frontend_ask(&fa, FE_SET_VRING_ADDR, addr, sizeof(addr), NULL, 0), 0);
		assert_int_equal(frontend_ask_fd(&fa, FE_SET_VRING_KICK, i, fa.kick[i]), 0);
		assert_int_equal(frontend_ask_fd(&fa, FE_SET_VRING_CALL, i | 0x100, -1), 0);
	}
	frontend_status(&fa, STATUS_OK);
	bench_pass(&fa, 1, &fb, 0, 1, 8);
	bench_pass(&fb, 1, &fa, 0, 2, 8);
}

static uint32_t
get_base(struct frontend *f, uint32_t ring)
{
	uint32_t question[2] = {ring, 0}, answer[2];
	uint64_t value;

	assert_true(
		frontend_send(f, FE_GET_VRING_BASE, false, question, sizeof(question), NULL, 0));
	assert_true(frontend_reply(f, FE_GET_VRING_BASE, &value));
	memcpy(answer, &value, sizeof(answer));
	assert_int_equal(answer[0], ring);
	return answer[1];
}

static void
stopped_ring_tells_its_position_and_the_others_go_on(void **state)
{
	(void)state;
	connect_two(2);
	frontend_start(&fa, 4);
	frontend_start(&fb, 2);
	bench_pass(&fa, 1, &fb, 0, 1, 11);
	bench_pass(&fa, 3, &fb, 0, 2, 7);
	assert_int_equal(get_base(&fa, 1), 11);
	assert_true(frontend_barrier(&fa));
	assert_false(port_ring_running(pa, 1));
	assert_true(port_ring_running(pa, 0));
	assert_true(port_ring_running(pa, 3));
	bench_pass(&fa, 3, &fb, 0, 3, 7);
	/* By the pair that the flow was sent by last. */
	bench_pass(&fb, 1, &fa, 2, 4, 7);
	/* Enabled it still is: it starts again with its kick descriptor, where it stood. */
	frontend_ring_tell(&fa, 1);
	assert_true(frontend_barrier(&fa));
	assert_true(port_ring_running(pa, 1));
	bench_pass(&fa, 1, &fb, 0, 5, 7);
	assert_int_equal(get_base(&fa, 1), 18);
}

static void
memory_table_may_change_while_rings_run(void **state)
{
	uint32_t maps;

	(void)state;
	start_two();
	maps = bench_maps();
	for (uint32_t i = 0; i < 50; i++) {
		bench_pass(&fa, 1, &fb, 0, 10 * i, 5);
		frontend_move_memory(&fa);
		frontend_memory(&fa);
		/* The rings moved with it: tell them, or their addresses are outside. */
		for (uint32_t r = 0; r < 2; r++) {
			uint64_t at = fa.user + frontend_ring_offset(r);
			uint64_t addr[5] = {r, at, at + 8192, at + 4096, 0};

			assert_int_equal(
				frontend_ask(&fa, FE_SET_VRING_ADDR, addr, sizeof(addr), NULL, 0),
				0);
		}
		assert_true(frontend_barrier(&fa));
		bench_pass(&fb, 1, &fa, 0, 10 * i + 5, 5);
	}
	assert_int_equal(bench_maps(), maps);
	assert_int_equal(pa->mem.nb_regions, 1);
}

/* The rings keep their addresses in the frontend, and get others here as the regions change order.
 */
static void
added_region_leaves_the_rings_where_they_are(void **state)
{
	const struct fe_region own = {FE_GUEST, FE_BYTES, FE_USER, 0};
	const struct fe_region more = {FE_GUEST + FE_BYTES, FE_BYTES, FE_USER + 2 * FE_BYTES, 0};
	const uint8_t *before;

	(void)state;
	start_two();
	for (uint32_t i = 0; i < 20; i++) {
		const struct fe_region regions[2] = {i % 2 ? own : more, i % 2 ? more : own};
		const int fds[2] = {i % 2 ? fa.memfd : fb.memfd, i % 2 ? fb.memfd : fa.memfd};

		before = virtq_mem_ptr(&pa->mem, FE_GUEST, 1);
		assert_int_equal(frontend_ask_memory(&fa, regions, 2, fds, 2), 0);
		assert_true(frontend_barrier(&fa));
		assert_int_equal(pa->mem.nb_regions, 2);
		assert_ptr_not_equal(virtq_mem_ptr(&pa->mem, FE_GUEST, 1), before);
		bench_pass(&fa, 1, &fb, 0, i, 5);
		bench_pass(&fb, 1, &fa, 0, i, 5);
	}
}

static void
ring_may_move_while_it_runs(void **state)
{
	const uint32_t offset = 3u << 20; /* behind the buffers */
	uint64_t addr[5] = {
		1, FE_USER + offset, FE_USER + offset + 8192, FE_USER + offset + 4096, 0};
	struct fake_driver *r = &fa.ring[1];

	(void)state;
	start_two();
	bench_pass(&fa, 1, &fb, 0, 1, 9);
	memcpy(fa.mem + offset, r->desc, 16384);
	r->desc = (void *)(fa.mem + offset);
	r->avail = (void *)(fa.mem + offset + 4096);
	r->used = (void *)(fa.mem + offset + 8192);
	assert_int_equal(frontend_ask(&fa, FE_SET_VRING_ADDR, addr, sizeof(addr), NULL, 0), 0);
	assert_true(frontend_barrier(&fa));
	bench_pass(&fa, 1, &fb, 0, 2, 9);
	/* To where nothing is mapped: the ring stops, its neighbour goes on. */
	addr[1] = 4096;
	assert_int_equal(frontend_ask(&fa, FE_SET_VRING_ADDR, addr, sizeof(addr), NULL, 0), 0);
	assert_true(frontend_barrier(&fa));
	assert_false(port_ring_running(pa, 1));
	bench_pass(&fb, 1, &fa, 0, 3, 9);
	addr[1] = FE_USER + offset;
	assert_int_equal(frontend_ask(&fa, FE_SET_VRING_ADDR, addr, sizeof(addr), NULL, 0), 0);
	assert_int_equal(frontend_ask_fd(&fa, FE_SET_VRING_KICK, 1, fa.kick[1]), 0);
	assert_true(frontend_barrier(&fa));
	bench_pass(&fa, 1, &fb, 0, 4, 9);
}

static uint64_t
interrupts(int fd)
{
	eventfd_t value = 0;

	return eventfd_read(fd, &value) == 0 ? value : 0;
}

static void
interrupts_go_to_the_call_descriptor_given_last(void **state)
{
	(void)state;
	start_two();
	interrupts(fb.call[0]);
	bench_pass(&fa, 1, &fb, 0, 1, 1);
	assert_true(interrupts(fb.call[0]) >= 1);
	for (uint32_t i = 0; i < 20; i++) {
		assert_int_equal(frontend_ask_fd(&fb, FE_SET_VRING_CALL, 0, fb.call[2 + i % 6]), 0);
		assert_true(frontend_barrier(&fb));
		bench_pass(&fa, 1, &fb, 0, i, 1);
		assert_true(interrupts(fb.call[2 + i % 6]) >= 1);
		assert_int_equal(interrupts(fb.call[0]), 0);
	}
}

static void
full_call_counter_does_not_hold_the_switch_up(void **state)
{
	int fd = eventfd(0, EFD_CLOEXEC); /* blocking */

	(void)state;
	start_two();
	assert_int_equal(frontend_ask_fd(&fb, FE_SET_VRING_CALL, 0, fd), 0);
	assert_true(frontend_barrier(&fb));
	assert_int_equal(eventfd_write(fd, UINT64_MAX - 1), 0);
	bench_pass(&fa, 1, &fb, 0, 1, 8);
	close(fd);
}

/* O_NONBLOCK is the frontend's as much as the switch's, and it may take it away afterwards. */
static void
call_counter_that_is_made_to_block_does_not_hold_the_switch_up(void **state)
{
	eventfd_t value;
	int fd = eventfd(0, EFD_CLOEXEC);

	(void)state;
	start_two();
	assert_int_equal(frontend_ask_fd(&fb, FE_SET_VRING_CALL, 0, fd), 0);
	assert_true(frontend_barrier(&fb));
	for (uint32_t i = 0; i < 100; i++) {
		assert_int_equal(fcntl(fd, F_SETFL, 0), 0);
		if (i % 2 == 0)
			assert_int_equal(eventfd_write(fd, UINT64_MAX - 1), 0);
		bench_pass(&fa, 1, &fb, 0, i, 8);
		/* Full it stays full, else it counts; a reader is woken in both cases. */
		assert_int_equal(eventfd_read(fd, &value), 0);
		assert_true(i % 2 == 0 ? value >= UINT64_MAX - 1 : value >= 1 && value < 100);
	}
	/* More interrupts than completions the kernel keeps for us. */
	for (uint32_t i = 0; i < 3000; i++)
		bench_pass(&fa, 1, &fb, 0, i, 1);
	assert_int_equal(eventfd_read(fd, &value), 0);
	assert_int_equal(value, 3000);
	close(fd);
}

static void
status_zero_stops_all_rings_and_driver_ok_starts_them(void **state)
{
	(void)state;
	start_two();
	bench_pass(&fa, 1, &fb, 0, 1, 8);
	frontend_status(&fa, 0);
	assert_false(port_ring_running(pa, 0));
	assert_false(port_ring_running(pa, 1));
	frontend_frame(&fa, 1, 0xb, 0xa, 5, 60);
	frontend_post(&fb, 0, 1);
	bench_poll();
	assert_int_equal(frontend_received(&fb, 0), -1);
	frontend_status(&fa, STATUS_OK);
	bench_poll();
	assert_int_equal(frontend_received(&fb, 0), 5);
}

static void
reset_owner_disables_all_rings_also_with_holes(void **state)
{
	(void)state;
	connect_two(4);
	frontend_start(&fb, 2);
	frontend_start(&fa, 2);
	assert_int_equal(frontend_ask_fd(&fa, FE_SET_VRING_CALL, 7, fa.call[7]), 0);
	bench_pass(&fa, 1, &fb, 0, 1, 8);
	for (uint32_t round = 0; round < 3; round++) {
		assert_int_equal(frontend_ask(&fa, FE_RESET_OWNER, NULL, 0, NULL, 0), 0);
		for (uint32_t i = 0; i < 8; i++)
			assert_false(port_ring_running(pa, i));
		/* Waits for the ring to be enabled, or to be set up again. */
		frontend_frame(&fa, 1, 0xb, 0xa, 5, 60);
		frontend_post(&fb, 0, 1);
		bench_poll();
		assert_int_equal(frontend_received(&fb, 0), -1);
		if (round == 0) {
			frontend_enable(&fa, 1, true);
		} else if (round == 1) {
			frontend_ring_tell(&fa, 1);
		} else {
			frontend_enable(&fa, 1, false);
			assert_true(frontend_barrier(&fa));
			assert_false(port_ring_running(pa, 1));
			frontend_enable(&fa, 1, true);
		}
		assert_true(frontend_barrier(&fa));
		assert_false(port_ring_running(pa, 0));
		bench_poll();
		assert_int_equal(frontend_received(&fb, 0), 5);
		for (uint32_t id, len; fake_driver_take(&fa.ring[1], &id, &len);)
			;
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		BENCH_UNIT(frames_pass_both_ways),
		BENCH_UNIT(rings_start_at_kick_when_protocol_features_are_not_acknowledged),
		BENCH_UNIT(frontend_without_status_runs_once_enabled),
		BENCH_UNIT(rings_wait_for_driver_ok),
		BENCH_UNIT(holes_between_rings_do_not_matter),
		BENCH_UNIT(rings_may_be_enabled_late_and_in_any_order),
		BENCH_UNIT(call_descriptors_may_come_first_or_be_none),
		BENCH_UNIT(stopped_ring_tells_its_position_and_the_others_go_on),
		BENCH_UNIT(memory_table_may_change_while_rings_run),
		BENCH_UNIT(added_region_leaves_the_rings_where_they_are),
		BENCH_UNIT(ring_may_move_while_it_runs),
		BENCH_UNIT(interrupts_go_to_the_call_descriptor_given_last),
		BENCH_UNIT(full_call_counter_does_not_hold_the_switch_up),
		BENCH_UNIT(call_counter_that_is_made_to_block_does_not_hold_the_switch_up),
		BENCH_UNIT(status_zero_stops_all_rings_and_driver_ok_starts_them),
		BENCH_UNIT(reset_owner_disables_all_rings_also_with_holes),
	};

	alarm(120); /* a hang would last */
	return RUN_UNITS("vhost_session", tests);
}
