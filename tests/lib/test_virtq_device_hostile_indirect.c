/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Device role against a driver that means harm with indirect tables. All memory ends at forbidden
 * pages: what is not a fault by name here would be a crash. Attacks that earlier devices fell for
 * are named by their public number.
 */
#include "hostile_driver.h"

static void
loop_inside_an_indirect_table_is_a_fault(void **state) /* vringh, dbd29e075228 */
{
	(void)state;
	open_ring(SIZE, VIRTQ_INDIRECT);
	for (uint32_t len = 0; len <= 100; len += 50) {
		for (uint16_t loop = 1; loop <= 4; loop++) {
			for (uint16_t i = 0; i < 4; i++)
				entry(i, FAR, len, NEXT, i == 3 ? 4 - loop : i + 1);
			desc(0, LOW, 64, INDIRECT, 0);
			expect_fault(0, VIRTQ_FAULT_CHAIN_LOOP, SIZE + 1);
			/* Direct descriptors before it count, too. */
			desc(1, FAR, len, NEXT, 0);
			expect_fault(1, VIRTQ_FAULT_CHAIN_LOOP, SIZE + 1);
		}
	}
	device_ring_close(&ring);
}

static void
table_of_more_entries_than_the_ring_is_bounded_by_the_ring(void **state) /* 7b178300ac */
{
	static const uint16_t counts[] = {255, 256, 257, 1024};

	(void)state;
	open_ring(256, VIRTQ_INDIRECT);
	for (size_t c = 0; c < RTE_DIM(counts); c++) {
		for (uint16_t i = 0; i < counts[c]; i++)
			entry(i, FAR, 1, i + 1 < counts[c] ? NEXT : 0, i + 1);
		desc(0, LOW, 16u * counts[c], INDIRECT, 0);
		if (counts[c] <= 256)
			expect_bytes(0, counts[c], 0);
		else
			expect_fault(0, VIRTQ_FAULT_CHAIN_LOOP, 257);
	}
	/* Entries that no chain reaches harm nobody. */
	entry(0, FAR, 1, NEXT, 1023);
	entry(1023, FAR, 1, 0, 0);
	expect_bytes(0, 2, 0);
	device_ring_close(&ring);
}

static void
indirect_descriptor_without_the_feature_is_a_fault(void **state)
{
	(void)state;
	open_ring(SIZE, VIRTQ_EVENT_IDX | VIRTQ_IN_ORDER);
	entry(0, FAR, 10, 0, 0);
	desc(0, LOW, 16, INDIRECT, 0);
	expect_fault(0, VIRTQ_FAULT_INDIRECT_NOT_NEGOTIATED, LOW);
	desc(1, FAR, 10, NEXT, 0);
	expect_fault(1, VIRTQ_FAULT_INDIRECT_NOT_NEGOTIATED, LOW);
	device_ring_close(&ring);
}

static void
indirect_descriptor_with_next_is_a_fault(void **state)
{
	(void)state;
	open_ring(SIZE, VIRTQ_INDIRECT);
	entry(0, FAR, 10, 0, 0);
	desc(3, LOW, 16, INDIRECT | NEXT, 1);
	desc(1, FAR, 10, 0, 0);
	expect_fault(3, VIRTQ_FAULT_INDIRECT_NEXT, 3);
	desc(3, LOW, 16, INDIRECT | NEXT | WRITE, 3);
	expect_fault(3, VIRTQ_FAULT_INDIRECT_NEXT, 3);
	device_ring_close(&ring);
}

static void
indirect_table_inside_a_table_is_a_fault(void **state)
{
	(void)state;
	open_ring(SIZE, VIRTQ_INDIRECT);
	desc(0, LOW, 32, INDIRECT, 0);
	entry(0, LOW, 16, INDIRECT, 0);
	expect_fault(0, VIRTQ_FAULT_INDIRECT_NESTED, 0);
	entry(0, FAR, 16, NEXT, 1);
	entry(1, LOW, 32, INDIRECT | NEXT, 0);
	expect_fault(0, VIRTQ_FAULT_INDIRECT_NESTED, 1);
	device_ring_close(&ring);
}

static void
indirect_table_of_odd_length_is_a_fault(void **state) /* CVE-2026-93683, QEMU 3984 */
{
	static const uint32_t lens[] = {0, 1, 8, 15, 17, 24, 31, 33, 0x7fffffff, UINT32_MAX};

	(void)state;
	open_ring(SIZE, VIRTQ_INDIRECT);
	entry(0, FAR, 10, 0, 0);
	for (size_t i = 0; i < RTE_DIM(lens); i++) {
		desc(0, LOW, lens[i], INDIRECT, 0);
		expect_fault(0, VIRTQ_FAULT_INDIRECT_LENGTH, lens[i]);
	}
	device_ring_close(&ring);
}

static void
indirect_table_outside_the_memory_is_a_fault(void **state) /* CVE-2018-1059 */
{
	(void)state;
	open_ring(SIZE, VIRTQ_INDIRECT);
	desc(0, HOLE, 16, INDIRECT, 0);
	expect_fault(0, VIRTQ_FAULT_INDIRECT_ADDRESS, HOLE);
	desc(0, LOW - 1, 16, INDIRECT, 0);
	expect_fault(0, VIRTQ_FAULT_INDIRECT_ADDRESS, LOW - 1);
	/* The whole of the space, around its end. */
	desc(0, -UINT64_C(8), 16, INDIRECT, 0);
	expect_fault(0, VIRTQ_FAULT_INDIRECT_ADDRESS, -UINT64_C(8));
	/* One entry is there, the second ends 1..16 bytes behind the region. */
	for (uint64_t by = 1; by <= 16; by++) {
		uint64_t table = END - 32 + by;

		for (uint32_t b = 0; b < 16; b++)
			*device_ring_byte(&ring, table + b) = 0;
		/* flags NEXT, next 1 */
		*device_ring_byte(&ring, table + 12) = NEXT;
		*device_ring_byte(&ring, table + 14) = 1;
		desc(0, table, 32, INDIRECT, 0);
		expect_fault(0, VIRTQ_FAULT_INDIRECT_ADDRESS, table + 16);
	}
	/* 4 GiB of table of which the first entry is mapped: what is not read does not matter. */
	entry(0, FAR, 10, 0, 0);
	desc(0, LOW, 0xfffffff0, INDIRECT, 0);
	expect_bytes(0, 10, 0);
	device_ring_close(&ring);
}

static void
indirect_table_that_wraps_around_the_address_space_is_a_fault(void **state)
{
	(void)state;
	open_ring(SIZE, VIRTQ_INDIRECT);
	/* Both ends of the space are mapped; all entries are zero: one empty descriptor each. */
	assert_int_equal(virtq_mem_add(&ring.mem, 0, 0x1000, ring.regions[AT_LOW].mem), 0);
	assert_int_equal(
		virtq_mem_add(&ring.mem, -UINT64_C(0x1000), 0x1000, ring.regions[AT_HIGH].mem), 0);
	desc(0, -UINT64_C(16), 16, INDIRECT, 0);
	expect_bytes(0, 0, 0);
	desc(0, -UINT64_C(16), 32, INDIRECT, 0);
	expect_fault(0, VIRTQ_FAULT_INDIRECT_ADDRESS, -UINT64_C(16));
	desc(0, -UINT64_C(8), 16, INDIRECT, 0);
	expect_fault(0, VIRTQ_FAULT_INDIRECT_ADDRESS, -UINT64_C(8));
	device_ring_close(&ring);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		UNIT(loop_inside_an_indirect_table_is_a_fault),
		UNIT(table_of_more_entries_than_the_ring_is_bounded_by_the_ring),
		UNIT(indirect_descriptor_without_the_feature_is_a_fault),
		UNIT(indirect_descriptor_with_next_is_a_fault),
		UNIT(indirect_table_inside_a_table_is_a_fault),
		UNIT(indirect_table_of_odd_length_is_a_fault),
		UNIT(indirect_table_outside_the_memory_is_a_fault),
		UNIT(indirect_table_that_wraps_around_the_address_space_is_a_fault),
	};

	return RUN_UNITS("virtq_device_hostile_indirect", tests);
}
