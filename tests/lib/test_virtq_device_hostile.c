/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Device role against a driver that means harm. All memory ends at forbidden pages: what is not a
 * fault by name here would be a crash. Attacks that earlier devices fell for are named by their
 * public number.
 */
#include "hostile_driver.h"

static void
part_of_the_ring_that_ends_behind_its_region_is_refused(void **state) /* CVE-2018-1059 */
{
	const struct virtq_mem *mem = &ring.mem;

	(void)state;
	for (uint32_t size = 2; size <= 32768; size *= 2) {
		open_ring(size, 0);
		for (uint64_t by = 0; by < 3; by++) {
			assert_int_equal(virtq_mem_ptr(mem, DESC_ADDR + 16 * by,
						 virtq_desc_bytes(size)) == NULL,
				by > 0);
			assert_int_equal(virtq_mem_ptr(mem, AVAIL_ADDR + 2 * by,
						 virtq_avail_bytes(size)) == NULL,
				by > 0);
			assert_int_equal(virtq_mem_ptr(mem, USED_ADDR + 4 * by,
						 virtq_used_bytes(size)) == NULL,
				by > 0);
		}
		device_ring_close(&ring);
	}
	open_ring(SIZE, 0);
	/* Over the border of two regions that touch for the driver only: a ring has no pieces. */
	assert_null(virtq_mem_ptr(mem, HIGH - 16, virtq_desc_bytes(SIZE)));
	device_ring_close(&ring);
}

static void
available_index_that_jumps_is_a_fault(void **state) /* CVE-2016-5403 */
{
	static const uint16_t jumps[] = {SIZE + 1, SIZE + 2, 32767, 32768, 65534, 65535};

	(void)state;
	open_ring(SIZE, 0);
	for (size_t i = 0; i < RTE_DIM(jumps); i++) {
		uint16_t idx = (uint16_t)(65535 + jumps[i]);

		ring.vq.avail->idx = idx;
		assert_int_equal(virtq_device_avail(&ring.q, 1), 0);
		assert_int_equal(ring.q.fault.fault, VIRTQ_FAULT_AVAIL_INDEX);
		assert_int_equal(ring.q.fault.value, idx);
		assert_int_equal(ring.q.fault.position, 65535);
		/* Also when the index comes to reason. */
		ring.vq.avail->idx = 0;
		assert_int_equal(virtq_device_avail(&ring.q, 1), 0);
		restart();
	}
	ring.vq.avail->idx = (uint16_t)(65535 + SIZE);
	assert_int_equal(virtq_device_avail(&ring.q, 1), SIZE);
	device_ring_close(&ring);
}

static void
available_index_may_not_pass_what_was_not_yet_used(void **state) /* shadow ring, 14962a9c4f */
{
	(void)state;
	for (uint16_t taken = 0; taken <= SIZE; taken++) {
		for (uint16_t put = 0; put <= taken; put++) {
			for (uint16_t ahead = 0; ahead <= SIZE + 1; ahead++) {
				uint16_t room = (uint16_t)(SIZE - taken + put);
				uint16_t idx = (uint16_t)(65535 + taken + ahead);

				open_ring(SIZE, 0);
				ring.vq.avail->idx = (uint16_t)(65535 + taken);
				assert_int_equal(virtq_device_avail(&ring.q, taken), taken);
				virtq_device_taken(&ring.q, taken);
				for (uint16_t i = 0; i < put; i++)
					virtq_device_put(&ring.q, i, 0);
				virtq_device_publish(&ring.q);
				ring.vq.avail->idx = idx;
				assert_int_equal(virtq_device_avail(&ring.q, SIZE),
					ahead <= room ? ahead : 0);
				assert_int_equal(ring.q.fault.fault,
					ahead <= room ? VIRTQ_FAULT_NONE : VIRTQ_FAULT_AVAIL_INDEX);
				device_ring_close(&ring);
			}
		}
	}
}

static void
head_outside_the_table_is_a_fault(void **state)
{
	static const uint16_t heads[] = {SIZE, SIZE + 1, 255, 256, 32767, 32768, 65535};

	(void)state;
	open_ring(SIZE, 0);
	desc(0, LOW, 10, 0, 0);
	for (size_t i = 0; i < RTE_DIM(heads); i++)
		expect_fault(heads[i], VIRTQ_FAULT_HEAD_INDEX, heads[i]);
	/* The walker does not rely on who called it. */
	for (size_t i = 0; i < RTE_DIM(heads); i++) {
		restart();
		assert_int_equal(virtq_device_walk(&ring.q, heads[i], segs, 8, &chain),
			VIRTQ_FAULT_HEAD_INDEX);
		assert_int_equal(ring.q.fault.value, heads[i]);
	}
	device_ring_close(&ring);
}

static void
burst_ends_before_the_first_bad_head(void **state)
{
	uint16_t heads[SIZE];

	(void)state;
	open_ring(SIZE, 0);
	for (uint16_t bad = 0; bad < SIZE; bad++) {
		for (uint16_t i = 0; i < SIZE; i++)
			fake_driver_raw_head(
				&ring.drv, i < bad ? i : (uint16_t)(SIZE << (i - bad)));
		fake_driver_show(&ring.drv);
		assert_int_equal(virtq_device_avail(&ring.q, SIZE), SIZE);
		assert_int_equal(virtq_device_heads(&ring.q, heads, SIZE), bad);
		for (uint16_t i = 0; i < bad; i++)
			assert_int_equal(heads[i], i);
		assert_int_equal(ring.q.fault.fault, VIRTQ_FAULT_HEAD_INDEX);
		assert_int_equal(ring.q.fault.value, SIZE);
		assert_int_equal(ring.q.fault.head, SIZE);
		assert_int_equal(ring.q.fault.position, (uint16_t)(65535 + bad));
		restart();
	}
	device_ring_close(&ring);
}

static void
next_outside_the_table_is_a_fault(void **state)
{
	static const uint16_t nexts[] = {SIZE, SIZE + 1, 32768, 65535};

	(void)state;
	open_ring(SIZE, VIRTQ_INDIRECT);
	for (size_t i = 0; i < RTE_DIM(nexts); i++) {
		desc(0, LOW, 10, NEXT, nexts[i]);
		expect_fault(0, VIRTQ_FAULT_NEXT_INDEX, nexts[i]);
		desc(0, LOW, 10, NEXT, 1);
		desc(1, LOW, 10, NEXT | WRITE, nexts[i]);
		expect_fault(0, VIRTQ_FAULT_NEXT_INDEX, nexts[i]);
	}
	/* In an indirect table its own length counts, not that of the ring. */
	for (uint16_t entries = 1; entries < 2 * SIZE; entries++) {
		desc(0, LOW, 16u * entries, INDIRECT, 0);
		entry(0, FAR, 10, NEXT, entries);
		expect_fault(0, VIRTQ_FAULT_NEXT_INDEX, entries);
		entry(0, FAR, 10, NEXT, 65535);
		expect_fault(0, VIRTQ_FAULT_NEXT_INDEX, 65535);
	}
	device_ring_close(&ring);
}

static void
looping_chain_is_a_fault(void **state) /* a436f53ebf, cc7301908c, CVE-2016-6490 */
{
	static const uint32_t lens[] = {0, 1, 4096};

	(void)state;
	for (uint32_t size = 2; size <= 32768; size *= 4) {
		open_ring(size, 0);
		for (size_t l = 0; l < RTE_DIM(lens); l++) {
			uint32_t lengths[] = {1, 2, 3, size / 2, size - 1, size};

			for (size_t c = 0; c < RTE_DIM(lengths); c++) {
				uint32_t loop = RTE_MIN(lengths[c], size);

				for (uint32_t i = 0; i < size; i++)
					desc((uint16_t)i, LOW, lens[l], NEXT,
						(uint16_t)(i + 1 < size ? i + 1 : size - loop));
				/* As many steps as the ring has entries, and not one more. */
				expect_fault(0, VIRTQ_FAULT_CHAIN_LOOP, size + 1);
			}
		}
		device_ring_close(&ring);
	}
}

static void
chain_of_2_to_the_32_bytes_is_a_fault(void **state) /* CVE-2011-2212; rust-vmm 0.8.0 */
{
	(void)state;
	open_ring(SIZE, VIRTQ_INDIRECT);
	/* 2 GiB that are mapped as far as the map knows; nobody reads them. */
	assert_int_equal(
		virtq_mem_add(&ring.mem, HOLE, UINT64_C(1) << 31, ring.regions[AT_LOW].mem), 0);
	desc(0, HOLE, 1u << 31, NEXT, 1);
	desc(1, HOLE, (1u << 31) - 1, 0, 0);
	expect_bytes(0, UINT32_MAX, 0);
	desc(1, HOLE, 1u << 31, 0, 0);
	expect_fault(0, VIRTQ_FAULT_CHAIN_BYTES, UINT64_C(1) << 32);
	desc(1, HOLE, 1u << 31, WRITE, 0);
	expect_fault(0, VIRTQ_FAULT_CHAIN_BYTES, UINT64_C(1) << 32);
	desc(1, HOLE, (1u << 31) - 1, NEXT, 2);
	desc(2, HOLE, 101, 0, 0);
	expect_fault(0, VIRTQ_FAULT_CHAIN_BYTES, (UINT64_C(1) << 32) + 100);
	for (uint16_t i = 0; i < SIZE; i++)
		entry(i, HOLE, (1u << 31) / 2, NEXT, i + 1);
	desc(0, LOW, 16 * SIZE, INDIRECT, 0);
	expect_fault(0, VIRTQ_FAULT_CHAIN_BYTES, UINT64_C(1) << 32);
	/* 2^16 is nothing special. */
	desc(0, HOLE, 65535, NEXT, 1);
	desc(1, HOLE, 1, 0, 0);
	expect_bytes(0, 65536, 0);
	device_ring_close(&ring);
}

static void
buffer_outside_the_memory_is_a_fault(void **state) /* CVE-2018-1059, CVE-2016-7422 */
{
	/* Address and length of a buffer, and the first byte of it that is not there. */
	static const struct {
		uint64_t addr;
		uint32_t len;
		uint64_t missing;
	} bad[] = {
		{HOLE, 1, HOLE},
		{0, 1, 0},
		{LOW - 1, 1, LOW - 1},
		{LOW - 1, 2, LOW - 1},
		{END, 1, END},
		{END - 1, 2, END},
		{LOW, (uint32_t)(END - LOW) + 1, END},
		{HIGH, UINT32_MAX - 10, END},
		{FAR + FAR_BYTES - 1, 2, FAR + FAR_BYTES},
		{FAR, (uint32_t)FAR_BYTES + 1, FAR + FAR_BYTES},
		{UINT64_MAX, 1, UINT64_MAX},
		{UINT64_MAX, 2, UINT64_MAX},
		{UINT64_MAX - 9, 100, UINT64_MAX - 9},
	};

	(void)state;
	open_ring(SIZE, VIRTQ_INDIRECT);
	for (size_t i = 0; i < RTE_DIM(bad); i++) {
		for (uint16_t flags = 0; flags <= WRITE; flags += WRITE) {
			desc(0, bad[i].addr, bad[i].len, flags, 0);
			expect_fault(0, VIRTQ_FAULT_ADDRESS, bad[i].missing);
			/* Behind good ones, and in a table. */
			desc(1, FAR, 10, NEXT, 0);
			expect_fault(1, VIRTQ_FAULT_ADDRESS, bad[i].missing);
			entry(0, bad[i].addr, bad[i].len, flags, 0);
			desc(0, LOW, 16, INDIRECT, 0);
			expect_fault(0, VIRTQ_FAULT_ADDRESS, bad[i].missing);
			expect_fault(1, VIRTQ_FAULT_ADDRESS, bad[i].missing);
		}
	}
	device_ring_close(&ring);
}

static void
buffer_that_wraps_around_the_address_space_is_a_fault(void **state)
{
	(void)state;
	open_ring(SIZE, 0);
	/* Both ends of the space are mapped. */
	assert_int_equal(virtq_mem_add(&ring.mem, 0, 0x1000, ring.regions[AT_LOW].mem), 0);
	assert_int_equal(
		virtq_mem_add(&ring.mem, -UINT64_C(0x1000), 0x1000, ring.regions[AT_HIGH].mem), 0);
	desc(0, -UINT64_C(16), 16, 0, 0);
	expect_bytes(0, 16, 0);
	desc(0, -UINT64_C(16), 17, 0, 0);
	expect_fault(0, VIRTQ_FAULT_ADDRESS, -UINT64_C(16));
	device_ring_close(&ring);
}

static void
address_of_an_empty_descriptor_is_not_looked_at(void **state) /* CVE-2020-10725 */
{
	static const uint64_t addrs[] = {HOLE, 0, UINT64_MAX, END, LOW};

	(void)state;
	open_ring(SIZE, VIRTQ_INDIRECT);
	for (size_t i = 0; i < RTE_DIM(addrs); i++) {
		for (uint16_t empty = 0; empty < 3; empty++) {
			for (uint16_t n = 0; n < 3; n++) {
				uint64_t addr = n == empty ? addrs[i] : FAR;
				uint32_t len = n == empty ? 0 : 5;

				desc(n, addr, len, n < 2 ? NEXT : WRITE, n + 1);
				entry(n, addr, len, n < 2 ? NEXT : WRITE, n + 1);
			}
			expect_bytes(0, empty < 2 ? 5 : 10, empty < 2 ? 5 : 0);
			desc(4, LOW, 48, INDIRECT, 0);
			expect_bytes(4, empty < 2 ? 5 : 10, empty < 2 ? 5 : 0);
		}
		/* A chain of nothing but that has no pieces. */
		desc(0, addrs[i], 0, NEXT, 1);
		desc(1, addrs[i], 0, WRITE, 0);
		expect_bytes(0, 0, 0);
		assert_int_equal(chain.nb_read + chain.nb_write, 0);
	}
	device_ring_close(&ring);
}

static void
readable_behind_writable_is_a_fault(void **state)
{
	(void)state;
	open_ring(SIZE, VIRTQ_INDIRECT);
	for (uint32_t len = 0; len <= 10; len += 10) {
		desc(0, LOW + 1, 10, NEXT, 1);
		desc(1, LOW + 2, len, NEXT | WRITE, 2);
		desc(2, LOW + 3, len, 0, 0);
		expect_fault(0, VIRTQ_FAULT_READ_AFTER_WRITE, LOW + 3);
		/* Across the step into a table, whatever the flag of the reference says. */
		entry(0, LOW + 4, len, 0, 0);
		desc(2, LOW, 16, INDIRECT | WRITE, 0);
		expect_fault(0, VIRTQ_FAULT_READ_AFTER_WRITE, LOW + 4);
		entry(0, FAR, len, WRITE | NEXT, 1);
		entry(1, LOW + 5, len, 0, 0);
		desc(2, LOW, 32, INDIRECT, 0);
		expect_fault(2, VIRTQ_FAULT_READ_AFTER_WRITE, LOW + 5);
	}
	device_ring_close(&ring);
}

static void
header_in_every_cut_adds_up(void **state) /* CVE-2026-86566, CVE-2022-2132 */
{
	(void)state;
	open_ring(16, 0);
	/* The 12 bytes of a header in each of the 2^11 ways to cut them, and the packet cut off. */
	for (uint32_t cuts = 0; cuts < 1u << 11; cuts++) {
		for (uint32_t bytes = 1; bytes <= 12; bytes++) {
			uint16_t id = 0;
			uint32_t len = 0;

			for (uint32_t b = 0; b < bytes; b++) {
				len++;
				if (b + 1 == bytes || (cuts >> b & 1)) {
					desc(id, FAR + b + 1 - len, len,
						b + 1 == bytes ? WRITE : WRITE | NEXT, id + 1);
					id++;
					len = 0;
				}
			}
			expect_bytes(0, 0, bytes);
			assert_int_equal(chain.nb_write, id);
			assert_ptr_equal(segs[0].ptr, device_ring_byte(&ring, FAR));
		}
	}
	device_ring_close(&ring);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		UNIT(part_of_the_ring_that_ends_behind_its_region_is_refused),
		UNIT(available_index_that_jumps_is_a_fault),
		UNIT(available_index_may_not_pass_what_was_not_yet_used),
		UNIT(head_outside_the_table_is_a_fault),
		UNIT(burst_ends_before_the_first_bad_head),
		UNIT(next_outside_the_table_is_a_fault),
		UNIT(looping_chain_is_a_fault),
		UNIT(chain_of_2_to_the_32_bytes_is_a_fault),
		UNIT(buffer_outside_the_memory_is_a_fault),
		UNIT(buffer_that_wraps_around_the_address_space_is_a_fault),
		UNIT(address_of_an_empty_descriptor_is_not_looked_at),
		UNIT(readable_behind_writable_is_a_fault),
		UNIT(header_in_every_cut_adds_up),
	};

	return RUN_UNITS("virtq_device_hostile", tests);
}
