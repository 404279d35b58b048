/* SPDX-License-Identifier: BSD-3-Clause */
/* The memory table: what joins, what does not, and what is too much. */
#include "fixture.h"
#include "vhost_user_mem.h"

#include <rte_eal_memconfig.h>
#include <rte_malloc.h>

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE UINT64_C(0x200000)
#define BASE UINT64_C(0x100000000)

static void
pages_in_a_row_are_one_region(void **state)
{
	struct vhost_user_mem mem;
	char why[128];

	(void)state;
	vhost_user_mem_begin(&mem);
	for (uint64_t i = 0; i < 1000; i++)
		vhost_user_mem_add(&mem, BASE + i * PAGE, PAGE, 7, i * PAGE);
	assert_int_equal(vhost_user_mem_end(&mem, why, sizeof(why)), 0);
	assert_int_equal(mem.table.nb_regions, 1);
	assert_int_equal(mem.table.regions[0].guest_addr, BASE);
	assert_int_equal(mem.table.regions[0].user_addr, BASE);
	assert_int_equal(mem.table.regions[0].bytes, 1000 * PAGE);
	assert_int_equal(mem.table.regions[0].offset, 0);
	assert_int_equal(mem.fds[0], 7);
}

static void
gap_other_file_or_other_offset_begins_a_region(void **state)
{
	struct vhost_user_mem mem;
	char why[128];

	(void)state;
	vhost_user_mem_begin(&mem);
	vhost_user_mem_add(&mem, BASE, PAGE, 7, 0);
	/* A page was given back between these two. */
	vhost_user_mem_add(&mem, BASE + 2 * PAGE, PAGE, 7, 2 * PAGE);
	/* Next in address, but of another file; then of the same file, but elsewhere in it. */
	vhost_user_mem_add(&mem, BASE + 3 * PAGE, PAGE, 8, 3 * PAGE);
	vhost_user_mem_add(&mem, BASE + 4 * PAGE, PAGE, 8, 9 * PAGE);
	/* Next in the file, but not in address. */
	vhost_user_mem_add(&mem, BASE, PAGE, 8, 10 * PAGE);
	assert_int_equal(vhost_user_mem_end(&mem, why, sizeof(why)), 0);
	assert_int_equal(mem.table.nb_regions, 5);
	assert_int_equal(mem.table.regions[1].guest_addr, BASE + 2 * PAGE);
	assert_int_equal(mem.table.regions[1].offset, 2 * PAGE);
	assert_int_equal(mem.fds[2], 8);
	assert_int_equal(mem.table.regions[3].offset, 9 * PAGE);
	assert_int_equal(mem.table.regions[4].offset, 10 * PAGE);
}

static void
eight_regions_are_taken_and_nine_refused_with_the_remedy(void **state)
{
	struct vhost_user_mem mem;
	char why[160];

	(void)state;
	for (int nb = 1; nb <= 200; nb++) {
		vhost_user_mem_begin(&mem);
		for (int i = 0; i < nb; i++)
			vhost_user_mem_add(&mem, BASE + 2 * PAGE * (uint64_t)i, PAGE, i, 0);
		if (nb <= 8) {
			assert_int_equal(vhost_user_mem_end(&mem, why, sizeof(why)), 0);
			assert_int_equal(mem.table.nb_regions, nb);
			assert_int_equal(mem.fds[nb - 1], nb - 1);
			continue;
		}
		assert_int_equal(vhost_user_mem_end(&mem, why, sizeof(why)), -E2BIG);
		assert_non_null(strstr(why, "--single-file-segments"));
		assert_non_null(strstr(why, "1 GiB"));
	}
}

static void
no_memory_is_an_error(void **state)
{
	struct vhost_user_mem mem;
	char why[128];

	(void)state;
	vhost_user_mem_begin(&mem);
	assert_int_equal(vhost_user_mem_end(&mem, why, sizeof(why)), -ENOTSUP);
}

/* The table of this process, mapped once more as a backend does it, shows the same bytes. */
static void
table_of_eal_maps_to_the_same_bytes(void **state)
{
	struct vhost_user_mem mem;
	char why[160];
	uint32_t found = 0;
	uint8_t *mine = rte_malloc(NULL, 3 * 4096, 0);

	(void)state;
	assert_non_null(mine);
	for (unsigned int i = 0; i < 3 * 4096; i++)
		mine[i] = (uint8_t)(i * 7 + i / 256);
	rte_mcfg_mem_read_lock();
	assert_int_equal(vhost_user_mem_build(&mem, NULL, 0, why, sizeof(why)), 0);
	rte_mcfg_mem_read_unlock();
	for (uint32_t i = 0; i < mem.table.nb_regions; i++) {
		const struct vhost_user_region *r = &mem.table.regions[i];
		uint64_t at = (uintptr_t)mine - r->user_addr;
		uint8_t *map;

		if (at >= r->bytes)
			continue;
		map = mmap(NULL, r->offset + r->bytes, PROT_READ, MAP_SHARED, mem.fds[i], 0);
		assert_ptr_not_equal(map, MAP_FAILED);
		assert_memory_equal(map + r->offset + at, mine, 3 * 4096);
		munmap(map, r->offset + r->bytes);
		found++;
	}
	assert_int_equal(found, 1);
	rte_free(mine);
}

static void
memory_about_to_go_is_left_out(void **state)
{
	struct vhost_user_mem all;
	struct vhost_user_mem rest;
	char why[160];
	const struct vhost_user_region *r = &all.table.regions[0];
	uint64_t hole;

	(void)state;
	rte_mcfg_mem_read_lock();
	assert_int_equal(vhost_user_mem_build(&all, NULL, 0, why, sizeof(why)), 0);
	hole = r->user_addr + 4 * 4096;
	assert_int_equal(
		vhost_user_mem_build(&rest, (void *)(uintptr_t)hole, 2 * 4096, why, sizeof(why)),
		0);
	/* All of it. */
	assert_int_equal(all.table.nb_regions, 1);
	assert_int_equal(vhost_user_mem_build(
				 &all, (void *)(uintptr_t)r->user_addr, r->bytes, why, sizeof(why)),
		-ENOTSUP);
	rte_mcfg_mem_read_unlock();
	assert_int_equal(rest.table.nb_regions, 2);
	assert_int_equal(rest.table.regions[0].bytes, 4 * 4096);
	assert_int_equal(rest.table.regions[1].user_addr, hole + 2 * 4096);
	assert_int_equal(rest.table.regions[1].offset, rest.table.regions[0].offset + 6 * 4096);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		UNIT(pages_in_a_row_are_one_region),
		UNIT(gap_other_file_or_other_offset_begins_a_region),
		UNIT(eight_regions_are_taken_and_nine_refused_with_the_remedy),
		UNIT(no_memory_is_an_error),
		UNIT(table_of_eal_maps_to_the_same_bytes),
		UNIT(memory_about_to_go_is_left_out),
	};

	fixture_start();
	return fixture_end(RUN_UNITS("vhost_user_mem", tests));
}
