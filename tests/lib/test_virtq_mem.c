/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory map of the driver: what is in it, and what is refused. */
#include "ring/virtq_mem.h"
#include "support/covers.h"
#include "support/random.h"

#include <rte_common.h>

#include <stdbool.h>
#include <string.h>

/* Never read: addresses of this process that are only compared. */
#define HOST(n) ((uint8_t *)(uintptr_t)(0x10000000 + 0x1000000 * (uintptr_t)(n)))

static void
region_that_cannot_be_is_refused(void **state)
{
	struct virtq_mem mem = {0};
	struct virtq_mem before;

	(void)state;
	assert_int_equal(virtq_mem_add(&mem, 0x1000, 0x1000, HOST(0)), 0);
	before = mem;
	assert_int_equal(virtq_mem_add(&mem, 0x4000, 0, HOST(1)), -EINVAL);
	assert_int_equal(virtq_mem_add(&mem, 0x4000, 0x1000, NULL), -EINVAL);
	/* Around the end of either address space. */
	assert_int_equal(virtq_mem_add(&mem, UINT64_MAX, 2, HOST(1)), -EINVAL);
	assert_int_equal(virtq_mem_add(&mem, 0x4000, UINT64_MAX, HOST(1)), -EINVAL);
	assert_int_equal(virtq_mem_add(&mem, 2, UINT64_MAX, HOST(1)), -EINVAL);
	assert_int_equal(
		virtq_mem_add(&mem, 0x4000, 0x1000, (void *)(UINTPTR_MAX - 0xffe)), -EINVAL);
	/* More than a process can map. */
	assert_int_equal(virtq_mem_add(&mem, 0x4000, VIRTQ_MEM_BYTES_MAX + 1, HOST(1)), -EINVAL);
	/* Overlap by one byte, within, around, the same. */
	assert_int_equal(virtq_mem_add(&mem, 0x0fff, 2, HOST(1)), -EINVAL);
	assert_int_equal(virtq_mem_add(&mem, 0x1fff, 1, HOST(1)), -EINVAL);
	assert_int_equal(virtq_mem_add(&mem, 0x1400, 0x10, HOST(1)), -EINVAL);
	assert_int_equal(virtq_mem_add(&mem, 0, 0x10000, HOST(1)), -EINVAL);
	assert_int_equal(virtq_mem_add(&mem, 0x1000, 0x1000, HOST(1)), -EINVAL);
	assert_memory_equal(&mem, &before, sizeof(mem));
	/* Touching is no overlap; the last byte of the space is as good as any. */
	assert_int_equal(virtq_mem_add(&mem, 0x2000, 0x1000, HOST(1)), 0);
	assert_int_equal(virtq_mem_add(&mem, 0, 0x1000, HOST(2)), 0);
	assert_int_equal(virtq_mem_add(&mem, UINT64_MAX - 0xfff, 0x1000, HOST(3)), 0);
	assert_int_equal(virtq_mem_add(&mem, UINT64_MAX, 1, HOST(3)), -EINVAL);
}

static void
map_holds_eight_regions(void **state)
{
	struct virtq_mem mem = {0};
	struct virtq_mem before;

	(void)state;
	for (uint32_t i = 0; i < 8; i++)
		assert_int_equal(virtq_mem_add(&mem, 0x10000 * i, 0x1000, HOST(i)), 0);
	before = mem;
	assert_int_equal(virtq_mem_add(&mem, 0x80000, 0x1000, HOST(8)), -ENOSPC);
	assert_memory_equal(&mem, &before, sizeof(mem));
	for (uint32_t i = 0; i < 8; i++)
		assert_ptr_equal(virtq_mem_ptr(&mem, 0x10000 * i + 7, 0xff9), HOST(i) + 7);
}

static void
empty_map_holds_nothing(void **state)
{
	struct virtq_mem mem = {0};
	uint64_t got;

	(void)state;
	assert_null(virtq_mem_ptr(&mem, 0, 1));
	assert_null(virtq_mem_ptr(&mem, UINT64_MAX, 1));
	assert_null(virtq_mem_piece(&mem, 0, 1, &got));
}

static void
address_at_every_border_is_found_or_refused(void **state)
{
	struct virtq_mem mem = {0};
	const uint64_t at = 0x100000;
	uint64_t got;

	(void)state;
	assert_int_equal(virtq_mem_add(&mem, at, 0x1000, HOST(0)), 0);
	assert_int_equal(virtq_mem_add(&mem, at + 0x1000, 0x1000, HOST(5)), 0);
	assert_null(virtq_mem_ptr(&mem, at - 1, 1));
	assert_null(virtq_mem_ptr(&mem, at - 1, 2));
	assert_ptr_equal(virtq_mem_ptr(&mem, at, 0x1000), HOST(0));
	assert_ptr_equal(virtq_mem_ptr(&mem, at + 0xfff, 1), HOST(0) + 0xfff);
	/* The next byte exists, but not behind this one. */
	assert_null(virtq_mem_ptr(&mem, at + 0xfff, 2));
	assert_null(virtq_mem_ptr(&mem, at, 0x1001));
	assert_null(virtq_mem_ptr(&mem, at, UINT64_MAX));
	assert_ptr_equal(virtq_mem_ptr(&mem, at + 0x1000, 1), HOST(5));
	assert_null(virtq_mem_ptr(&mem, at + 0x2000, 1));

	assert_null(virtq_mem_piece(&mem, at - 1, 2, &got));
	assert_ptr_equal(virtq_mem_piece(&mem, at + 0xff0, 0x100, &got), HOST(0) + 0xff0);
	assert_int_equal(got, 0x10);
	assert_ptr_equal(virtq_mem_piece(&mem, at + 0x1000, 0xf0, &got), HOST(5));
	assert_int_equal(got, 0xf0);
	assert_ptr_equal(virtq_mem_piece(&mem, at + 0x1fff, UINT64_MAX, &got), HOST(5) + 0xfff);
	assert_int_equal(got, 1);
	assert_null(virtq_mem_piece(&mem, at + 0x2000, 1, &got));
}

static void
pieces_cover_exactly_what_is_mapped(void **state)
{
	uint64_t seed = 61;

	(void)state;
	for (uint32_t round = 0; round < 2000; round++) {
		struct virtq_mem mem = {0};
		uint8_t *where[512] = {NULL}; /* host of each byte of a small space */

		for (uint32_t i = 0; i < 12; i++) {
			uint32_t from = random_below(&seed, 512);
			uint32_t len = 1 + random_below(&seed, 80);
			bool taken = from + len > 512;

			for (uint32_t b = 0; b < len && !taken; b++)
				taken = where[from + b] != NULL;
			if (from + len > 512 || mem.nb_regions == 8)
				continue;
			assert_int_equal(
				virtq_mem_add(&mem, from, len, HOST(i)), taken ? -EINVAL : 0);
			for (uint32_t b = 0; b < len && !taken; b++)
				where[from + b] = HOST(i) + b;
		}
		for (uint32_t from = 0; from < 512; from++) {
			uint32_t want = 1 + random_below(&seed, 100);
			uint32_t run = 0;
			uint64_t got = 0;

			while (run < want && from + run < 512 && where[from] != NULL &&
				where[from + run] == where[from] + run)
				run++;
			assert_ptr_equal(virtq_mem_piece(&mem, from, want, &got), where[from]);
			assert_int_equal(got, run);
			assert_ptr_equal(
				virtq_mem_ptr(&mem, from, want), run == want ? where[from] : NULL);
		}
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		UNIT(region_that_cannot_be_is_refused),
		UNIT(map_holds_eight_regions),
		UNIT(empty_map_holds_nothing),
		UNIT(address_at_every_border_is_found_or_refused),
		UNIT(pieces_cover_exactly_what_is_mapped),
	};

	return RUN_UNITS("virtq_mem", tests);
}
