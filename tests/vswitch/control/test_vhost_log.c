/* SPDX-License-Identifier: BSD-3-Clause */
/* Dirty log: every page that the switch writes to has its bit, whatever else happens. */
#include "bench.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096u
#define PAGES (FE_BYTES / PAGE)
#define FIRST (FE_GUEST / PAGE) /* bit of the first page */
#define LOG_BYTES ((FE_GUEST + FE_BYTES) / PAGE / 8)
#define LOG_ALL FE_F(26)
#define P_LOG FE_F(1)

static struct port *pa, *pb;
static uint8_t *bits;
static int log_fd;
static uint8_t before[FE_BYTES];

static void
open_log(void)
{
	log_fd = memfd_create("frontend-log", MFD_CLOEXEC);
	assert_int_equal(ftruncate(log_fd, LOG_BYTES), 0);
	bits = mmap(NULL, LOG_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, log_fd, 0);
	assert_ptr_not_equal(bits, MAP_FAILED);
}

static void
close_log(void)
{
	munmap(bits, LOG_BYTES);
	close(log_fd);
}

static int
ask_log(uint64_t bytes, uint64_t offset, int fd)
{
	const uint64_t payload[2] = {bytes, offset};

	return frontend_ask(&fb, FE_SET_LOG_BASE, payload, sizeof(payload), &fd, fd >= 0 ? 1 : 0);
}

/* Two ports; b can log, and does not yet. */
static void
start(void)
{
	pa = bench_port("a", 1);
	pb = bench_port("b", 1);
	assert_true(frontend_connect(&fa, bench_path("a")));
	assert_true(frontend_connect(&fb, bench_path("b")));
	frontend_start(&fa, 2);
	frontend_negotiate(&fb, FE_VERSION_1 | FE_PROTOCOL, FE_P_ACK | FE_P_STATUS | P_LOG);
	frontend_memory(&fb);
	for (uint32_t i = 0; i < 2; i++) {
		frontend_ring_tell(&fb, i);
		frontend_enable(&fb, i, true);
	}
	frontend_status(&fb, 0xf);
}

/* As QEMU does at the start of a migration: log, features, rings again with the flag. */
static void
log_on(void)
{
	assert_int_equal(ask_log(LOG_BYTES, 0, log_fd), 0);
	assert_int_equal(frontend_ask_u64(&fb, FE_SET_FEATURES, fb.features | LOG_ALL), 0);
	for (uint32_t i = 0; i < 2; i++) {
		uint64_t at = frontend_ring_offset(i);
		uint64_t addr[5] = {i | UINT64_C(1) << 32, FE_USER + at, FE_USER + at + 8192,
			FE_USER + at + 4096, FE_GUEST + at + 8192};

		assert_int_equal(
			frontend_ask(&fb, FE_SET_VRING_ADDR, addr, sizeof(addr), NULL, 0), 0);
	}
	assert_true(frontend_barrier(&fb));
}

static bool
bit(uint64_t page)
{
	return bits[(FIRST + page) / 8] >> ((FIRST + page) % 8) & 1;
}

/* Frames a -> b and b -> a of up to len bytes; pages that changed meanwhile without a bit. */
static uint32_t
unlogged_pages(uint32_t n, uint32_t len, uint32_t *changed)
{
	uint32_t unlogged = 0, id, used;

	frontend_post(&fb, 0, n);
	frontend_post(&fa, 0, n);
	for (uint32_t i = 0; i < n; i++) {
		frontend_frame(&fa, 1, 0xb, 0xa, i + 1, 60 + (len - 60) * i / n);
		frontend_frame(&fb, 1, 0xa, 0xb, i + 1, 60 + (len - 60) * i / n);
	}
	memcpy(before, fb.mem, FE_BYTES);
	bench_poll();
	*changed = 0;
	for (uint32_t page = 0; page < PAGES; page++) {
		if (memcmp(before + page * PAGE, fb.mem + page * PAGE, PAGE) == 0)
			continue;
		++*changed;
		unlogged += !bit(page);
	}
	for (uint32_t i = 0; i < n; i++) {
		assert_int_equal(frontend_received(&fb, 0), i + 1);
		assert_int_equal(frontend_received(&fa, 0), i + 1);
		assert_true(fake_driver_take(&fa.ring[1], &id, &used));
		assert_true(fake_driver_take(&fb.ring[1], &id, &used));
	}
	return unlogged;
}

static uint32_t
bits_set(void)
{
	uint32_t nb = 0;

	for (uint64_t i = 0; i < LOG_BYTES; i++)
		nb += (uint32_t)__builtin_popcount(bits[i]);
	return nb;
}

static void
pages_written_to_are_in_the_log(void **state)
{
	uint32_t changed;

	(void)state;
	open_log();
	start();
	/* Off, nothing is noted. */
	assert_int_not_equal(unlogged_pages(8, 1500, &changed), 0);
	assert_int_equal(bits_set(), 0);
	log_on();
	for (uint32_t round = 0; round < 30; round++) {
		assert_int_equal(unlogged_pages(1 + round, 100 + 50 * round, &changed), 0);
		assert_true(changed >= 2);
		/* No more than that: used rings, buffers, and the rings that were started. */
		assert_true(bits_set() <= 2 * changed + 4);
		memset(bits, 0, LOG_BYTES);
	}
	/* Off again, in the middle of everything. */
	assert_int_equal(frontend_ask_u64(&fb, FE_SET_FEATURES, fb.features), 0);
	memset(bits, 0, LOG_BYTES);
	unlogged_pages(8, 1500, &changed);
	assert_int_equal(bits_set(), 0);
	close_log();
}

static void
another_log_takes_the_place_of_the_first(void **state)
{
	uint32_t changed, maps;

	(void)state;
	start();
	open_log();
	log_on();
	maps = bench_maps();
	for (uint32_t i = 0; i < 20; i++) {
		close_log();
		open_log();
		assert_int_equal(ask_log(LOG_BYTES, 0, log_fd), 0);
		assert_int_equal(unlogged_pages(4, 500, &changed), 0);
		assert_int_equal(bench_maps(), maps);
	}
	close_log();
	frontend_disconnect(&fb);
	bench_wait_down(pb);
	/* b's memory and log are unmapped, here the memory remains. */
	assert_int_equal(bench_maps(), maps - 3);
}

static void
short_log_bounds_what_is_noted(void **state)
{
	uint32_t changed, noted = 0;

	(void)state;
	open_log();
	start();
	log_on();
	/* Up to the middle of the memory: the rings and the first buffers are in it. */
	assert_int_equal(ask_log(LOG_BYTES - PAGES / 8 / 2, 0, log_fd), 0);
	memset(bits, 0, LOG_BYTES);
	unlogged_pages(32, 1500, &changed);
	for (uint32_t page = 0; page < PAGES; page++) {
		assert_true(page < PAGES / 2 || !bit(page));
		noted += bit(page);
	}
	assert_true(noted > 0);
	close_log();
}

static void
impossible_logs_are_refused(void **state)
{
	uint32_t fds, changed;

	(void)state;
	open_log();
	start();
	log_on();
	fds = bench_fds();
	assert_int_equal(ask_log(LOG_BYTES, 4096, log_fd), 1);
	assert_int_equal(ask_log(UINT64_MAX - 4095, 8192, log_fd), 1);
	assert_int_equal(ask_log(UINT64_MAX, 0, log_fd), 1);
	assert_int_equal(ask_log(2 * LOG_BYTES, 0, log_fd), 1);
	assert_int_equal(ask_log(0, 0, log_fd), 1);
	assert_int_equal(ask_log(LOG_BYTES, 0, -1), 1);
	assert_int_equal(ask_log(LOG_BYTES, 0, fb.call[0]), 1);
	assert_int_equal(bench_fds(), fds);
	/* The one before stays. */
	assert_int_equal(unlogged_pages(8, 1500, &changed), 0);
	close_log();
}

static void
log_cut_short_stops_its_port_and_no_other(void **state)
{
	(void)state;
	open_log();
	start();
	log_on();
	munmap(bits, LOG_BYTES);
	assert_int_equal(ftruncate(log_fd, 0), 0);
	frontend_post(&fb, 0, 1);
	frontend_frame(&fa, 1, 0xb, 0xa, 1, 60);
	bench_poll();
	vswitch_housekeep();
	assert_false(port_ring_running(pb, 0));
	assert_true(port_ring_running(pa, 0));
	assert_int_equal(frontend_ask_u64(&fb, FE_SET_STATUS, 0xf), -1);
	close(log_fd);
}

static void
features_without_a_log_note_nothing(void **state)
{
	uint32_t changed;

	(void)state;
	open_log();
	start();
	assert_int_equal(frontend_ask_u64(&fb, FE_SET_FEATURES, fb.features | LOG_ALL), 0);
	assert_true(frontend_barrier(&fb));
	unlogged_pages(8, 1500, &changed);
	assert_int_equal(bits_set(), 0);
	close_log();
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		BENCH_UNIT(pages_written_to_are_in_the_log),
		BENCH_UNIT(another_log_takes_the_place_of_the_first),
		BENCH_UNIT(short_log_bounds_what_is_noted),
		BENCH_UNIT(impossible_logs_are_refused),
		BENCH_UNIT(log_cut_short_stops_its_port_and_no_other),
		BENCH_UNIT(features_without_a_log_note_nothing),
	};

	alarm(120); /* a hang would last */
	return RUN_UNITS("vhost_log", tests);
}
