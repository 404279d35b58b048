/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Messages of every type, with and without descriptors: what the process holds afterwards is what
 * it held before. VIRTQ_FLOOD says how many of each type; 2300 are 100,000 together.
 */
#include "bench.h"
#include "control/port_vhost.h"
#include "control_driver.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define REQUESTS 44 /* all that have a number, and some that have none */
#define EACH 64     /* of each type, unless VIRTQ_FLOOD says another number */
#define BATCH 16
#define SPARE_KIB 512 /* of the C library's heap, for whatever else the process does */

static struct port *pa;

static uint32_t
each(void)
{
	const char *wish = getenv("VIRTQ_FLOOD");

	return wish != NULL ? (uint32_t)strtoul(wish, NULL, 10) : EACH;
}

static void
start(void)
{
	pa = bench_port("a", 2);
	bench_port("b", 1);
	assert_true(frontend_connect(&fa, bench_path("a")));
	assert_true(frontend_connect(&fb, bench_path("b")));
	frontend_start(&fb, 2);
}

/* A fresh connection with all of the protocol that there is. */
static void
again(void)
{
	do {
		frontend_disconnect(&fa);
		bench_wait_down(pa);
		assert_true(frontend_connect(&fa, bench_path("a")));
	} while (!frontend_barrier(&fa));
	frontend_negotiate(&fa, CD_BASE | CD_COMMANDS | CD_MAC | CD_STATUS | FE_MQ,
		CD_P_BASE | FE_P_MTU | FE_P_BACKEND_REQ | FE_F(1));
}

static uint32_t
lines_of_maps(void)
{
	FILE *f = fopen("/proc/self/maps", "r");
	uint32_t nb = 0;

	assert_non_null(f);
	for (int c; (c = fgetc(f)) != EOF;)
		nb += c == '\n';
	fclose(f);
	return nb;
}

static uint32_t
rss_kib(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	unsigned long size, resident;

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%lu %lu", &size, &resident), 2);
	fclose(f);
	return (uint32_t)(resident * (unsigned long)sysconf(_SC_PAGESIZE) / 1024);
}

/* What a process holds. */
struct holding {
	uint32_t fds, maps, allocations, rss;
};

static struct holding
holding_now(void)
{
	again();
	return (struct holding){bench_fds(), lines_of_maps(), bench_allocations(), rss_kib()};
}

static void
assert_flat(struct holding before, const char *what)
{
	struct holding now = holding_now();

	if (now.fds != before.fds || now.allocations != before.allocations ||
		now.maps > before.maps)
		fail_msg("%s: %u descriptors, %u mappings, %u allocations; there were %u, %u, %u",
			what, now.fds, now.maps, now.allocations, before.fds, before.maps,
			before.allocations);
#ifndef __SANITIZE_ADDRESS__ /* keeps what was freed */
	if (now.rss > before.rss + SPARE_KIB)
		fail_msg("%s: %u KiB resident, there were %u", what, now.rss, before.rss);
#endif
}

/* The i-th message of a type: good and bad numbers, none to eight descriptors of all kinds. */
static bool
send_one(uint32_t request, uint32_t i)
{
	static const uint64_t words[] = {0, 1, 2, 3, 64, 256, 32768, 65536, UINT32_MAX, FE_GUEST,
		FE_USER, FE_BYTES, UINT64_MAX, UINT64_C(1) << 63, FE_VERSION_1 | FE_PROTOCOL,
		(UINT64_C(256) << 32) | 1};
	static const uint32_t sizes[] = {8, 8, 8, 40, 16, 0, 12, 264, 20, 632};
	const int kinds[] = {fa.memfd, fa.call[0], fa.call[1], fa.sock, STDERR_FILENO};
	uint64_t payload[79] = {0};
	int fds[8];

	for (uint32_t k = 0; k < RTE_DIM(payload); k++)
		payload[k] = words[(i + k * (i % 7)) % RTE_DIM(words)];
	/* The library ends the connection over most ring numbers: not each time. */
	if (i % 64 != 0)
		payload[0] = (payload[0] & ~UINT64_C(0xffffffff)) | i % 4;
	for (uint32_t k = 0; k < 8; k++)
		fds[k] = kinds[(i + k) % RTE_DIM(kinds)];
	return frontend_send(
		&fa, request, true, payload, sizes[i % RTE_DIM(sizes)], fds, (int)(i % 9));
}

/* n messages of a type; connections are made as often as one is lost. */
static void
flood(uint32_t request, uint32_t n)
{
	for (uint32_t i = 0; i < n; i += BATCH) {
		uint32_t sent = 0;
		uint64_t value;

		while (sent < BATCH && send_one(request, i + sent))
			sent++;
		for (uint32_t k = 0; k < sent; k++) {
			if (!frontend_reply(&fa, request, &value)) {
				sent = 0;
				break;
			}
		}
		if (sent < BATCH)
			again();
	}
}

static void
messages_of_every_type_leave_nothing_behind(void **state)
{
	(void)state;
	start();
	/* Queues of a port are kept for their counters, the C library keeps its heap. */
	again();
	frontend_start(&fa, 4);
	for (uint32_t request = 0; request < REQUESTS; request++) {
		struct holding before;
		char what[40];

		snprintf(what, sizeof(what), "request %u", request);
		again();
		flood(request, 2 * BATCH);
		before = holding_now();
		flood(request, each());
		assert_flat(before, what);
	}
	assert_int_equal(pa->mem.nb_regions, 0);
	assert_false(pa->paused);
	for (uint32_t k = 0; k < 2; k++)
		frontend_ring_init(&fa, k);
	again();
	frontend_start(&fa, 2);
	bench_pass(&fa, 1, &fb, 0, 1, 8);
	bench_pass(&fb, 1, &fa, 0, 2, 8);
}

/* More than the library has room for: what does not fit is the kernel's, the rest is closed. */
static void
more_descriptors_than_a_message_can_have_leave_nothing_behind(void **state)
{
	uint32_t header[5] = {0, 9, 8, 0, 0};
	struct holding before;

	(void)state;
	start();
	before = holding_now();
	for (uint32_t i = 0; i < 400; i++) {
		char control[CMSG_SPACE(100 * sizeof(int))] = {0};
		const uint32_t nb = i % 2 == 0 ? 9 : 100;
		struct iovec iov = {header, sizeof(header)};
		struct msghdr m = {.msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = control,
			.msg_controllen = CMSG_SPACE(nb * sizeof(int))};
		struct cmsghdr *c = CMSG_FIRSTHDR(&m);
		int fds[100];
		uint64_t value;

		for (uint32_t k = 0; k < nb; k++)
			fds[k] = fa.memfd;
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(nb * sizeof(int));
		memcpy(CMSG_DATA(c), fds, nb * sizeof(int));
		header[0] = 1 + i / 2 % (REQUESTS - 1);
		assert_int_equal(sendmsg(fa.sock, &m, MSG_NOSIGNAL), sizeof(header));
		if (!frontend_reply(&fa, header[0], &value))
			again();
	}
	assert_flat(before, "too many descriptors");
}

/* Accepted each time, so that the library allocates each time. */
static void
ring_size_set_again_and_again_costs_nothing(void **state)
{
	struct holding before;

	(void)state;
	start();
	again();
	for (uint32_t ring = 0; ring < 4; ring++)
		assert_int_equal(frontend_ask_ring(&fa, FE_SET_VRING_NUM, ring, 32768), 0);
	before = holding_now();
	for (uint32_t i = 0; i < REQUESTS * each(); i += BATCH) {
		uint64_t value;

		for (uint32_t k = 0; k < BATCH; k++) {
			const uint32_t payload[2] = {(i + k) % 4, 2u << (i + k) % 15};

			assert_true(frontend_send(
				&fa, FE_SET_VRING_NUM, true, payload, sizeof(payload), NULL, 0));
		}
		for (uint32_t k = 0; k < BATCH; k++) {
			assert_true(frontend_reply(&fa, FE_SET_VRING_NUM, &value));
			assert_int_equal(value, 0);
		}
	}
	assert_flat(before, "SET_VRING_NUM");
}

/* An answer is made of what it says and of nothing that lay in memory before. */
static void
every_byte_of_an_answer_is_meant(void **state)
{
	static const struct {
		uint32_t request;
		uint32_t in;    /* bytes of the question that count */
		uint64_t value; /* of the answer; UINT64_MAX: any, but always the same */
	} cases[] = {{FE_GET_FEATURES, 0, UINT64_MAX}, {FE_GET_PROTOCOL_FEATURES, 0, UINT64_MAX},
		{FE_GET_QUEUE_NUM, 0, 2}, {FE_GET_STATUS, 0, 3}, {FE_GET_VRING_BASE, 4, 1},
		{FE_SET_OWNER, 0, 0}};

	(void)state;
	start();
	again();
	frontend_status(&fa, 3);
	for (uint32_t i = 0; i < RTE_DIM(cases); i++) {
		uint64_t first = 0;

		for (uint32_t fill = 0; fill < 3; fill++) {
			uint8_t payload[632];
			uint32_t header[3];
			uint64_t value;

			memset(payload, fill * 0x55, sizeof(payload));
			memcpy(payload, (uint32_t[]){1}, cases[i].in);
			assert_true(frontend_send(
				&fa, cases[i].request, true, payload, sizeof(payload), NULL, 0));
			assert_int_equal(
				recv(fa.sock, header, sizeof(header), MSG_PEEK | MSG_WAITALL), 12);
			assert_int_equal(header[2], sizeof(value));
			assert_true(frontend_reply(&fa, cases[i].request, &value));
			if (fill == 0)
				first = value;
			assert_int_equal(value, first);
			if (cases[i].value != UINT64_MAX)
				assert_int_equal(value, cases[i].value);
		}
	}
}

static void
every_byte_of_config_space_is_meant(void **state)
{
	uint8_t first[256], now[256];

	(void)state;
	start();
	again();
	assert_int_equal(frontend_config(&fa, 0, 256, first), 256);
	for (uint32_t fill = 0; fill < 3; fill++) {
		uint8_t payload[632];
		uint32_t header[3];

		memset(payload, fill * 0x55 + 1, sizeof(payload));
		memcpy(payload, (uint32_t[]){0, 256}, 8);
		assert_true(
			frontend_send(&fa, FE_GET_CONFIG, true, payload, sizeof(payload), NULL, 0));
		assert_int_equal(recv(fa.sock, header, sizeof(header), MSG_WAITALL), 12);
		assert_int_equal(header[2], 12 + 256);
		assert_int_equal(recv(fa.sock, header, sizeof(header), MSG_WAITALL), 12);
		assert_int_equal(recv(fa.sock, now, sizeof(now), MSG_WAITALL), 256);
		assert_memory_equal(now, first, sizeof(now));
		/* Out of range: no byte at all. */
		memcpy(payload, (uint32_t[]){1, 256}, 8);
		assert_true(
			frontend_send(&fa, FE_GET_CONFIG, true, payload, sizeof(payload), NULL, 0));
		assert_int_equal(recv(fa.sock, header, sizeof(header), MSG_WAITALL), 12);
		assert_int_equal(header[2], 0);
	}
}

/* A guest that boots again has other rings; nothing of the old ones is used. */
static void
rings_are_elsewhere_and_of_another_size_after_each_boot(void **state)
{
	(void)state;
	start();
	frontend_start(&fa, 2);
	for (uint32_t boot = 0; boot < 100; boot++) {
		bench_pass(&fa, 1, &fb, 0, boot, 3);
		bench_pass(&fb, 1, &fa, 0, boot, 3);
		frontend_status(&fa, 0);
		for (uint32_t i = 0; i < 2; i++) {
			uint32_t size = 16u << boot % 5;
			uint32_t offset = (3u << 20) + (boot % 16 * 2 + i) * 16384;
			uint64_t at = fa.user + offset;
			uint64_t addr[5] = {i, at, at + 8192, at + 4096, 0};

			memset((uint8_t *)(uintptr_t)fa.ring[i].desc, 0xff, 12288);
			fake_driver_start(&fa.ring[i], size, fa.mem + offset,
				fa.mem + offset + 4096, fa.mem + offset + 8192);
			assert_int_equal(frontend_ask_ring(&fa, FE_SET_VRING_NUM, i, size), 0);
			assert_int_equal(frontend_ask_ring(&fa, FE_SET_VRING_BASE, i, 0), 0);
			assert_int_equal(
				frontend_ask(&fa, FE_SET_VRING_ADDR, addr, sizeof(addr), NULL, 0),
				0);
			assert_int_equal(frontend_ask_fd(&fa, FE_SET_VRING_KICK, i, fa.kick[i]), 0);
		}
		frontend_status(&fa, 0xf);
		assert_true(frontend_barrier(&fa));
	}
	bench_pass(&fa, 1, &fb, 0, 1, 3);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		BENCH_UNIT(messages_of_every_type_leave_nothing_behind),
		BENCH_UNIT(more_descriptors_than_a_message_can_have_leave_nothing_behind),
		BENCH_UNIT(ring_size_set_again_and_again_costs_nothing),
		BENCH_UNIT(every_byte_of_an_answer_is_meant),
		BENCH_UNIT(every_byte_of_config_space_is_meant),
		BENCH_UNIT(rings_are_elsewhere_and_of_another_size_after_each_boot),
	};

	alarm(240); /* a hang would last */
	return RUN_UNITS("vhost_flood", tests);
}
