/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages that a frontend must not send. A second frontend passes traffic all the while. */
#include "bench.h"
#include "control/port_vhost.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
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
ring_sizes_are_powers_of_two_up_to_32768(void **state)
{
	static const uint32_t bad[] = {
		0, 1, 3, 5, 255, 257, 32769, 65535, 65536, 65538, 1u << 31, UINT32_MAX};

	(void)state;
	start(1);
	negotiate();
	for (uint32_t i = 0; i < RTE_DIM(bad); i++)
		assert_int_equal(frontend_ask_ring(&fa, FE_SET_VRING_NUM, 1, bad[i]), 1);
	for (uint32_t size = 2; size <= 32768; size *= 2)
		assert_int_equal(frontend_ask_ring(&fa, FE_SET_VRING_NUM, 1, size), 0);
}

static void
ring_positions_have_sixteen_bits(void **state)
{
	(void)state;
	start(1);
	negotiate();
	assert_int_equal(frontend_ask_ring(&fa, FE_SET_VRING_BASE, 1, 65535), 0);
	assert_int_equal(frontend_ask_ring(&fa, FE_SET_VRING_BASE, 1, 65536), 1);
	assert_int_equal(frontend_ask_ring(&fa, FE_SET_VRING_BASE, 1, UINT32_MAX), 1);
}

static void
rings_that_the_port_does_not_have_are_refused(void **state)
{
	static const uint32_t index[] = {
		4, 5, 127, 254, 255, 256, 257, 0x10000, 0x10001, 0xffff0000, UINT32_MAX};
	static const uint32_t by_state[] = {
		FE_SET_VRING_NUM, FE_SET_VRING_BASE, FE_SET_VRING_ENABLE, FE_GET_VRING_BASE};
	static const uint32_t by_file[] = {FE_SET_VRING_KICK, FE_SET_VRING_CALL, FE_SET_VRING_ERR};

	(void)state;
	start(2);
	for (uint32_t i = 0; i < RTE_DIM(index); i++) {
		uint64_t addr[5] = {index[i], FE_USER, FE_USER, FE_USER, 0};
		uint32_t fds;

		/* Refused, or the end of the connection: never taken. */
		for (uint32_t k = 0; k < RTE_DIM(by_state); k++) {
			again();
			assert_int_not_equal(frontend_ask_ring(&fa, by_state[k], index[i], 256), 0);
		}
		again();
		assert_int_not_equal(
			frontend_ask(&fa, FE_SET_VRING_ADDR, addr, sizeof(addr), NULL, 0), 0);
		again();
		fds = bench_fds();
		for (uint32_t k = 0; k < RTE_DIM(by_file); k++) {
			/* 256 is the flag "no descriptor", with ring 0. */
			if (index[i] & 0x100)
				continue;
			assert_int_equal(frontend_ask_fd(&fa, by_file[k], index[i], fa.call[0]), 1);
		}
		assert_int_equal(bench_fds(), fds);
	}
}

static void
short_payloads_are_refused(void **state)
{
	static const struct {
		uint32_t request, bytes;
	} cases[] = {{FE_SET_FEATURES, 8}, {FE_SET_PROTOCOL_FEATURES, 8}, {FE_SET_VRING_NUM, 8},
		{FE_SET_VRING_BASE, 8}, {FE_SET_VRING_ENABLE, 8}, {FE_GET_VRING_BASE, 8},
		{FE_SET_VRING_ADDR, 40}, {FE_SET_VRING_KICK, 8}, {FE_SET_VRING_CALL, 8},
		{FE_SET_VRING_ERR, 8}, {FE_SET_MEM_TABLE, 40}, {FE_SET_STATUS, 8}};
	uint8_t payload[64] = {0};

	(void)state;
	start(1);
	negotiate();
	payload[0] = 1; /* one region, ring 1, ... */
	for (uint32_t i = 0; i < RTE_DIM(cases); i++) {
		for (uint32_t bytes = 0; bytes < cases[i].bytes; bytes++) {
			int rc = frontend_ask(&fa, cases[i].request, payload, bytes, NULL, 0);

			/* Refused, or the end of the connection: never taken. */
			assert_int_not_equal(rc, 0);
			if (rc < 0) {
				again();
				negotiate();
			}
		}
	}
}

static void
what_was_not_negotiated_is_refused(void **state)
{
	uint8_t payload[64] = {0};
	uint32_t fds;

	(void)state;
	start(1);
	frontend_negotiate(&fa, FE_VERSION_1 | FE_PROTOCOL, FE_P_ACK);
	fds = bench_fds();
	for (uint32_t request = FE_SEND_RARP; request < REQUESTS; request++) {
		int rc = frontend_ask(&fa, request, payload, sizeof(payload), &fa.call[0], 1);

		assert_int_not_equal(rc, 0);
		if (rc < 0) {
			again();
			frontend_negotiate(&fa, FE_VERSION_1 | FE_PROTOCOL, FE_P_ACK);
		}
		assert_int_equal(bench_fds(), fds);
	}
	assert_int_equal(frontend_ask_u64(&fa, FE_SET_STATUS, 1), 1);
	assert_int_equal(frontend_ask_u64(&fa, FE_NET_SET_MTU, 1500), 1);
	assert_int_equal(frontend_ask(&fa, FE_GET_QUEUE_NUM, NULL, 0, NULL, 0), 1);
	assert_int_equal(frontend_ask(&fa, 0, NULL, 0, NULL, 0), 1);
	assert_int_equal(frontend_ask(&fa, UINT32_MAX, NULL, 0, NULL, 0), 1);
}

static void
inflight_tables_are_refused(void **state)
{
	static const uint16_t queues[] = {0, 1, 2, 256, 257, 65535};

	(void)state;
	start(1);
	for (uint32_t i = 0; i < RTE_DIM(queues); i++) {
		struct {
			uint64_t bytes, offset;
			uint16_t queues, size;
		} __attribute__((packed)) inflight = {1 << 20, 0, queues[i], 256};

		again();
		for (uint32_t k = 0; k < 50; k++) {
			assert_int_equal(frontend_ask(&fa, FE_GET_INFLIGHT_FD, &inflight,
						 sizeof(inflight), NULL, 0),
				1);
		}
		assert_int_not_equal(frontend_ask(&fa, FE_SET_INFLIGHT_FD, &inflight,
					     sizeof(inflight), &fa.memfd, 1),
			0);
	}
}

static void
features_have_to_be_offered_possible_and_modern(void **state)
{
	/* Offered, and of use without any other. */
	static const uint64_t alone = FE_F(0) | FE_F(1) | FE_F(15) | FE_F(26) | FE_F(28) |
				      FE_F(29) | FE_F(30) | FE_F(32) | FE_F(35) | FE_F(59);
	/* GUEST_TSO4, _TSO6, _ECN; HOST_TSO4, _TSO6, _ECN; GUEST_USO4, _USO6; HOST_USO. */
	static const uint64_t offloads = FE_F(7) | FE_F(8) | FE_F(9) | FE_F(11) | FE_F(12) |
					 FE_F(13) | FE_F(54) | FE_F(55) | FE_F(56);
	uint64_t value;

	(void)state;
	COVERS("NET-FACT-037");
	COVERS("NET-FACT-039");
	COVERS("NET-FACT-043");
	COVERS("NET-FACT-045");
	COVERS("NET-FACT-047");
	start(1);
	assert_int_equal(
		frontend_ask_u64(&fa, FE_SET_FEATURES, FE_VERSION_1 | FE_F(0) | FE_F(1) | offloads),
		0);
	assert_int_equal(frontend_ask_u64(&fa, FE_SET_FEATURES, FE_PROTOCOL), 1);
	assert_int_equal(frontend_ask_u64(&fa, FE_SET_FEATURES, 0), 1);
	/* MQ is not offered by a port of one pair; 10 and 14 (UFO), 60 (RSS), 33 and 63 by none. */
	assert_int_equal(frontend_ask_u64(&fa, FE_SET_FEATURES, FE_VERSION_1 | FE_MQ), 1);
	for (unsigned int bit = 0; bit < 64; bit++) {
		if (!(alone & FE_F(bit)))
			assert_int_equal(
				frontend_ask_u64(&fa, FE_SET_FEATURES, FE_VERSION_1 | FE_F(bit)),
				1);
	}
	/* Segmentation needs checksums, ECN needs segmentation. */
	assert_int_equal(frontend_ask_u64(&fa, FE_SET_FEATURES,
				 FE_VERSION_1 | FE_F(0) | FE_F(1) | FE_F(9) | FE_F(13)),
		1);
	assert_int_equal(frontend_ask_u64(&fa, FE_SET_PROTOCOL_FEATURES, FE_F(12)), 1);
	assert_int_equal(frontend_ask_u64(&fa, FE_SET_PROTOCOL_FEATURES, FE_F(63)), 1);
	/* A driver that looks sees that its features were not taken. */
	assert_int_equal(
		frontend_ask_u64(&fa, FE_SET_PROTOCOL_FEATURES, FE_P_ACK | FE_P_STATUS), 0);
	frontend_status(&fa, 0xb);
	assert_true(frontend_send(&fa, FE_GET_STATUS, false, NULL, 0, NULL, 0));
	assert_true(frontend_reply(&fa, FE_GET_STATUS, &value));
	assert_int_equal(value, 3);
	assert_int_equal(frontend_ask_u64(&fa, FE_SET_STATUS, 0x100), 1);
}

static void
legacy_driver_gets_no_ring(void **state)
{
	(void)state;
	start(1);
	assert_int_equal(frontend_ask_u64(&fa, FE_SET_FEATURES, FE_MRG_RXBUF), 1);
	frontend_memory(&fa);
	frontend_ring_tell(&fa, 1);
	assert_true(frontend_barrier(&fa));
	assert_false(port_ring_running(pa, 1));
}

/* With a hole below them, too. */
static void
live_rings_keep_size_position_and_features(void **state)
{
	(void)state;
	start(2);
	negotiate();
	frontend_memory(&fa);
	frontend_ring_tell(&fa, 3);
	frontend_enable(&fa, 3, true);
	frontend_status(&fa, 0xf);
	assert_int_equal(frontend_ask_ring(&fa, FE_SET_VRING_NUM, 3, 32768), 1);
	assert_int_equal(frontend_ask_ring(&fa, FE_SET_VRING_BASE, 3, 5), 1);
	assert_int_equal(frontend_ask_u64(&fa, FE_SET_FEATURES, FE_VERSION_1), 1);
	assert_int_equal(frontend_ask_u64(&fa, FE_SET_PROTOCOL_FEATURES, FE_P_ACK), 1);
	/* The same again is no change. */
	assert_int_equal(frontend_ask_u64(&fa, FE_SET_FEATURES, fa.features), 0);
	assert_int_equal(frontend_ask_u64(&fa, FE_SET_PROTOCOL_FEATURES, fa.protocol), 0);
	bench_pass(&fa, 3, &fb, 0, 1, 8);
	assert_int_equal(frontend_ask_ring(&fa, FE_SET_VRING_NUM, 3, 3), 1);
	bench_pass(&fa, 3, &fb, 0, 2, 8);
}

/* One bad memory table after the other; the good one before stays in force. */
static void
memory_tables_are_checked_before_the_old_one_is_dropped(void **state)
{
	const struct fe_region good = {FE_GUEST, FE_BYTES, FE_USER, 0};
	const struct {
		uint32_t nb;
		int nb_fds;
		struct fe_region r[2];
	} cases[] = {
		{0, 0, {good}},
		{9, 8, {good}},
		{UINT32_MAX, 8, {good}},
		{1, 0, {good}},
		{1, 2, {good}},
		{2, 1, {good, {0, 4096, 0, 0}}},
		{1, 1, {{FE_GUEST, 0, FE_USER, 0}}},
		{1, 1, {{FE_GUEST, UINT64_C(1) << 63, FE_USER, 0}}},
		{1, 1, {{FE_GUEST, UINT64_MAX, FE_USER, 0}}},
		{1, 1, {{FE_GUEST, UINT64_MAX - 4095, FE_USER, 8192}}},
		{1, 1, {{FE_GUEST, 2 * FE_BYTES, FE_USER, 0}}},
		{1, 1, {{FE_GUEST, FE_BYTES, FE_USER, 4096}}},
		{1, 1, {{FE_GUEST, FE_BYTES, FE_USER, UINT64_MAX}}},
		{1, 1, {{FE_GUEST, FE_BYTES, FE_USER, UINT64_MAX - FE_BYTES + 1}}},
		{1, 1, {{UINT64_MAX - 4096, FE_BYTES, FE_USER, 0}}},
		{1, 1, {{FE_GUEST, FE_BYTES, UINT64_MAX - 4096, 0}}},
		{2, 2, {good, {FE_GUEST + FE_BYTES - 1, 4096, FE_USER + FE_BYTES, 0}}},
		{2, 2, {good, {FE_GUEST + FE_BYTES, 4096, FE_USER + FE_BYTES - 1, 0}}},
		{2, 2, {good, good}},
	};
	int fds[8];
	uint32_t open_before;

	(void)state;
	start(1);
	frontend_start(&fa, 2);
	for (uint32_t i = 0; i < 8; i++)
		fds[i] = fa.memfd;
	open_before = bench_fds();
	for (uint32_t i = 0; i < RTE_DIM(cases); i++) {
		struct fe_region regions[8] = {cases[i].r[0], cases[i].r[1]};

		assert_int_equal(
			frontend_ask_memory(&fa, regions, cases[i].nb, fds, cases[i].nb_fds), 1);
		assert_int_equal(bench_fds(), open_before);
		bench_pass(&fa, 1, &fb, 0, i, 4);
		bench_pass(&fb, 1, &fa, 0, i, 4);
	}
}

static void
memory_has_to_be_a_file_that_can_be_mapped(void **state)
{
	const struct fe_region region = {FE_GUEST, 4096, FE_USER, 0};
	const char *text;
	int pipes[2], sockets[2], bad[8], n = 0, sealed;

	(void)state;
	start(1);
	frontend_start(&fa, 2);
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
	sealed = memfd_create("sealed", MFD_ALLOW_SEALING);
	assert_int_equal(ftruncate(sealed, 4096), 0);
	assert_int_equal(fcntl(sealed, F_ADD_SEALS, F_SEAL_WRITE), 0);
	bad[n++] = pipes[0];
	bad[n++] = sockets[0];
	bad[n++] = open("/dev/null", O_RDWR);
	bad[n++] = open("/dev/zero", O_RDWR);
	bad[n++] = open("/", O_RDONLY | O_DIRECTORY);
	bad[n++] = fa.call[0];
	bad[n++] = sealed;
	text = bench_path("text");
	fclose(fopen(text, "w"));
	assert_int_equal(truncate(text, 4096), 0);
	bad[n++] = open(text, O_RDONLY);
	unlink(text);
	for (int i = 0; i < n; i++) {
		assert_true(bad[i] >= 0);
		assert_int_equal(frontend_ask_memory(&fa, &region, 1, &bad[i], 1), 1);
		/* The old table is still in force. */
		bench_pass(&fa, 1, &fb, 0, (uint32_t)i, 4);
	}
	for (int i = 0; i < n; i++) {
		if (bad[i] != fa.call[0])
			close(bad[i]);
	}
	close(pipes[1]);
	close(sockets[1]);
}

static void
another_file_at_the_old_addresses_is_refused(void **state)
{
	(void)state;
	start(1);
	frontend_start(&fa, 2);
	frontend_move_memory(&fa);
	fa.user -= FE_BYTES;
	assert_int_equal(
		frontend_ask_memory(
			&fa, &(struct fe_region){FE_GUEST, FE_BYTES, FE_USER, 0}, 1, &fa.memfd, 1),
		1);
	again();
	frontend_start(&fa, 2);
	bench_pass(&fa, 1, &fb, 0, 1, 8);
}

static void
call_and_kick_have_to_be_eventfds(void **state)
{
	static const uint32_t requests[] = {FE_SET_VRING_KICK, FE_SET_VRING_CALL, FE_SET_VRING_ERR};
	int sockets[2], null = open("/dev/null", O_RDWR);
	uint32_t fds;

	(void)state;
	start(1);
	negotiate();
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
	fds = bench_fds();
	for (uint32_t i = 0; i < RTE_DIM(requests); i++) {
		const int bad[] = {fa.memfd, sockets[0], null, STDERR_FILENO};
		const int two[2] = {fa.call[0], fa.call[1]};
		uint64_t ring = 1;

		for (uint32_t k = 0; k < RTE_DIM(bad); k++)
			assert_int_equal(frontend_ask_fd(&fa, requests[i], 1, bad[k]), 1);
		assert_int_equal(frontend_ask_fd(&fa, requests[i], 1, -1), 1);
		assert_int_equal(frontend_ask_fd(&fa, requests[i], 1 | 0x100, fa.call[0]), 1);
		assert_int_equal(frontend_ask_fd(&fa, requests[i], 1 | 0x200, fa.call[0]), 1);
		assert_int_equal(frontend_ask(&fa, requests[i], &ring, 8, two, 2), 1);
		assert_int_equal(frontend_ask_fd(&fa, requests[i], 1 | 0x100, -1), 0);
	}
	assert_int_equal(bench_fds(), fds);
	close(sockets[0]);
	close(sockets[1]);
	close(null);
}

static void
rings_have_to_lie_in_the_memory_as_a_whole(void **state)
{
	static const uint64_t ends[] = {
		16 * FE_RING_SIZE, 6 + 8 * FE_RING_SIZE, 6 + 2 * FE_RING_SIZE};

	(void)state;
	start(1);
	negotiate();
	frontend_memory(&fa);
	frontend_status(&fa, 0xf);
	frontend_ring_tell(&fa, 1);
	frontend_enable(&fa, 1, true);
	assert_true(frontend_barrier(&fa));
	assert_true(port_ring_running(pa, 1));
	for (uint32_t part = 0; part < 3; part++) {
		for (uint32_t beyond = 0; beyond < 2; beyond++) {
			uint64_t at = FE_USER + frontend_ring_offset(1);
			uint64_t addr[5] = {1, at, at + 8192, at + 4096, 0};
			/* Parts have to be aligned: 16, 4 and 2 bytes. */
			const uint64_t step[] = {16, 4, 2};

			addr[1 + part] = FE_USER + FE_BYTES -
					 (ends[part] + step[part] - 1) / step[part] * step[part] +
					 beyond * step[part];
			assert_int_equal(
				frontend_ask(&fa, FE_SET_VRING_ADDR, addr, sizeof(addr), NULL, 0),
				0);
			assert_int_equal(frontend_ask_fd(&fa, FE_SET_VRING_KICK, 1, fa.kick[1]), 0);
			assert_true(frontend_barrier(&fa));
			assert_int_equal(port_ring_running(pa, 1), !beyond);
			bench_poll();
		}
	}
}

static void
misaligned_rings_are_not_started(void **state)
{
	(void)state;
	start(1);
	negotiate();
	frontend_memory(&fa);
	frontend_status(&fa, 0xf);
	frontend_ring_tell(&fa, 1);
	frontend_enable(&fa, 1, true);
	for (uint32_t part = 0; part < 3; part++) {
		uint64_t at = FE_USER + frontend_ring_offset(1);
		uint64_t addr[5] = {1, at, at + 8192, at + 4096, 0};

		addr[1 + part] += 1;
		assert_int_equal(
			frontend_ask(&fa, FE_SET_VRING_ADDR, addr, sizeof(addr), NULL, 0), 0);
		assert_int_equal(frontend_ask_fd(&fa, FE_SET_VRING_KICK, 1, fa.kick[1]), 0);
		assert_true(frontend_barrier(&fa));
		assert_false(port_ring_running(pa, 1));
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		BENCH_UNIT(ring_sizes_are_powers_of_two_up_to_32768),
		BENCH_UNIT(ring_positions_have_sixteen_bits),
		BENCH_UNIT(rings_that_the_port_does_not_have_are_refused),
		BENCH_UNIT(short_payloads_are_refused),
		BENCH_UNIT(what_was_not_negotiated_is_refused),
		BENCH_UNIT(inflight_tables_are_refused),
		BENCH_UNIT(features_have_to_be_offered_possible_and_modern),
		BENCH_UNIT(legacy_driver_gets_no_ring),
		BENCH_UNIT(live_rings_keep_size_position_and_features),
		BENCH_UNIT(memory_tables_are_checked_before_the_old_one_is_dropped),
		BENCH_UNIT(memory_has_to_be_a_file_that_can_be_mapped),
		BENCH_UNIT(another_file_at_the_old_addresses_is_refused),
		BENCH_UNIT(call_and_kick_have_to_be_eventfds),
		BENCH_UNIT(rings_have_to_lie_in_the_memory_as_a_whole),
		BENCH_UNIT(misaligned_rings_are_not_started),
	};

	alarm(240); /* a hang would last */
	return RUN_UNITS("message_filter", tests);
}
