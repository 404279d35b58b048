/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Driver role against a device that lies. Each lie has its own name and its value is kept; nothing
 * beyond the ring, the buffers and the private books is touched (forbidden pages on all sides).
 */
#include "driver_ring.h"

#include <string.h>

static struct driver_ring ring;
static struct fake_chain chain;

/* Modes of keeping the books, and what was negotiated. */
static const struct {
	const char *name;
	uint32_t flags;
	bool chains; /* begin with a chain: free list */
} modes[] = {
	{"in sequence", 0, false},
	{"free list", 0, true},
	{"in order, in sequence", VIRTQ_IN_ORDER, false},
	{"in order, free list", VIRTQ_IN_ORDER, true},
};

/* Positions at which the lie is told. */
static const uint16_t positions[] = {0, 1, 7, 8, 32767, 32768, 65528, 65535};

#define SIZE 8
#define OUT 5 /* buffers outstanding */

static void
open_with_buffers(size_t mode, uint16_t position)
{
	struct virtq_buf bufs[2] = {{4096, 10}, {8192, 20}};
	uint32_t len;

	driver_ring_open(&ring, SIZE, modes[mode].flags);
	driver_ring_start_at(&ring, (uint16_t)(position - modes[mode].chains));
	if (modes[mode].chains) {
		assert_int_equal(virtq_driver_add(&ring.q, bufs, 1, 1, cookie(0)), 0);
		virtq_driver_publish(&ring.q);
		assert_true(fake_device_take(&ring.dev, &chain));
		fake_device_use(&ring.dev, chain.head, 20);
		fake_device_show(&ring.dev);
		assert_non_null(virtq_driver_get(&ring.q, &len));
	}
	assert_int_equal(ring.q.sequence, !modes[mode].chains);
	assert_int_equal(ring.q.used_next, position);
	for (uint32_t i = 0; i < OUT; i++)
		assert_int_equal(driver_ring_add(&ring, i), 0);
	virtq_driver_publish(&ring.q);
}

/* Head of the i-th outstanding buffer. */
static uint16_t
head(uint16_t i)
{
	return ring.vq.avail->ring[(uint16_t)(ring.q.used_next + i) % SIZE];
}

static void
expect_fault(enum virtq_fault fault, uint64_t value, uint16_t position)
{
	struct virtq_fault_info first;
	uint32_t lens[SIZE];
	uint32_t len;

	assert_null(virtq_driver_get(&ring.q, &len));
	if (ring.q.fault.fault != fault)
		fail_msg("expected '%s', got '%s'", virtq_fault_str(fault),
			virtq_fault_str(ring.q.fault.fault));
	assert_int_equal(ring.q.fault.value, value);
	assert_int_equal(ring.q.fault.position, position);
	assert_true(virtq_driver_broken(&ring.q));

	/* Broken stays broken, whatever comes; the first fault is the one that is kept. */
	first = ring.q.fault;
	for (uint32_t i = 0; i < SIZE; i++) {
		fake_device_use(&ring.dev, 0x10000u * i, 0xffffffff);
		fake_device_show(&ring.dev);
		assert_null(virtq_driver_get(&ring.q, &len));
		assert_int_equal(virtq_driver_used(&ring.q, 1), 0);
		assert_int_equal(virtq_driver_seq_check(&ring.q, lens, 0), 0);
	}
	virtq_driver_set_fault(&ring.q, VIRTQ_FAULT_USED_ORDER, 1, 1);
	assert_memory_equal(&first, &ring.q.fault, sizeof(first));
}

/* After a fault the buffers still come back to their owner, each once, and the ring starts anew. */
static void
expect_recovery(uint32_t left)
{
	while (virtq_driver_detach(&ring.q) != NULL)
		left--;
	assert_int_equal(left, 0);
	driver_ring_reset(&ring);
	assert_false(virtq_driver_broken(&ring.q));
	driver_ring_advance(&ring, 3);
	driver_ring_close(&ring);
}

static void
used_id_outside_the_table_is_a_fault(void **state)
{
	static const uint32_t ids[] = {SIZE, SIZE + 1, 32767, 32768, 65535, 65536, 0x10000 + 1,
		0x7fffffff, 0x80000000, UINT32_MAX};

	(void)state;
	for (size_t m = 0; m < RTE_DIM(modes); m++) {
		for (size_t p = 0; p < RTE_DIM(positions); p++) {
			for (size_t i = 0; i < RTE_DIM(ids); i++) {
				open_with_buffers(m, positions[p]);
				fake_device_use(&ring.dev, ids[i], 0);
				fake_device_show(&ring.dev);
				expect_fault(VIRTQ_FAULT_USED_ID_RANGE, ids[i], positions[p]);
				expect_recovery(OUT);
			}
		}
	}
}

/* A descriptor that is free, or inside a chain, or used already. */
static void
used_id_that_is_not_outstanding_is_a_fault(void **state)
{
	(void)state;
	for (size_t m = 0; m < RTE_DIM(modes); m++) {
		bool in_order = modes[m].flags & VIRTQ_IN_ORDER;

		for (size_t p = 0; p < RTE_DIM(positions); p++) {
			for (uint16_t id = 0; id < SIZE; id++) {
				bool out = false;

				open_with_buffers(m, positions[p]);
				for (uint16_t i = 0; i < OUT; i++)
					out |= head(i) == id;
				if (out) {
					driver_ring_close(&ring);
					continue;
				}
				fake_device_use(&ring.dev, id, 0);
				fake_device_show(&ring.dev);
				if (in_order)
					expect_fault(VIRTQ_FAULT_USED_ORDER, head(0), positions[p]);
				else
					expect_fault(VIRTQ_FAULT_USED_ID_FREE, id, positions[p]);
				expect_recovery(OUT);
			}
		}
	}
}

static void
buffer_used_twice_is_a_fault(void **state)
{
	uint32_t len;

	(void)state;
	for (size_t m = 0; m < RTE_DIM(modes); m++) {
		for (size_t p = 0; p < RTE_DIM(positions); p++) {
			uint16_t due;
			uint16_t id;

			open_with_buffers(m, positions[p]);
			id = head(0);
			due = head(1);
			fake_device_use(&ring.dev, id, 0);
			fake_device_use(&ring.dev, id, 0);
			fake_device_show(&ring.dev);
			assert_ptr_equal(virtq_driver_get(&ring.q, &len), cookie(0));
			if (modes[m].flags & VIRTQ_IN_ORDER)
				expect_fault(
					VIRTQ_FAULT_USED_ORDER, due, (uint16_t)(positions[p] + 1));
			else
				expect_fault(
					VIRTQ_FAULT_USED_ID_FREE, id, (uint16_t)(positions[p] + 1));
			expect_recovery(OUT - 1);
		}
	}
}

static void
used_id_inside_a_chain_is_a_fault(void **state)
{
	struct virtq_buf bufs[3] = {{4096, 10}, {8192, 20}, {12288, 30}};
	uint16_t first;

	(void)state;
	for (uint32_t flags = 0; flags <= VIRTQ_IN_ORDER; flags += VIRTQ_IN_ORDER) {
		for (uint16_t i = 1; i < 3; i++) {
			driver_ring_open(&ring, SIZE, flags);
			assert_int_equal(virtq_driver_add(&ring.q, bufs, 1, 2, cookie(0)), 0);
			virtq_driver_publish(&ring.q);
			first = ring.vq.avail->ring[0];
			fake_device_use(&ring.dev, first + i, 0);
			fake_device_show(&ring.dev);
			if (flags)
				expect_fault(VIRTQ_FAULT_USED_ORDER, first, 0);
			else
				expect_fault(VIRTQ_FAULT_USED_ID_FREE, first + i, 0);
			expect_recovery(1);
		}
	}
}

static void
buffer_behind_the_published_index_cannot_be_used(void **state)
{
	(void)state;
	for (size_t m = 0; m < RTE_DIM(modes); m++) {
		uint16_t id;

		open_with_buffers(m, 65534);
		assert_int_equal(driver_ring_add(&ring, OUT), 0);
		id = virtq_driver_next_head(&ring.q); /* of the one after it */
		id = ring.q.sequence ? (uint16_t)(id - 1) % SIZE
				     : ring.q.heads[(uint16_t)(ring.q.avail_next - 1) % SIZE];
		fake_device_use(&ring.dev, id, 0);
		fake_device_show(&ring.dev);
		if (modes[m].flags & VIRTQ_IN_ORDER)
			expect_fault(VIRTQ_FAULT_USED_ORDER, head(0), 65534);
		else
			expect_fault(VIRTQ_FAULT_USED_ID_FREE, id, 65534);
		expect_recovery(OUT + 1);
	}
}

static void
disorder_under_in_order_is_a_fault(void **state)
{
	uint32_t len;

	(void)state;
	for (size_t m = 2; m < RTE_DIM(modes); m++) {
		for (size_t p = 0; p < RTE_DIM(positions); p++) {
			uint16_t first;

			open_with_buffers(m, positions[p]);
			first = head(0);
			/* The last first: as one entry of two that is not a batch of five. */
			fake_device_use(&ring.dev, head(4), 0);
			fake_device_use(&ring.dev, head(3), 0);
			fake_device_show(&ring.dev);
			expect_fault(VIRTQ_FAULT_USED_ORDER, first, positions[p]);
			expect_recovery(OUT);
			/* A batch, and then an entry of one that was in it. */
			open_with_buffers(m, positions[p]);
			first = head(3);
			fake_device_use_batch(&ring.dev, head(2), 0, 3);
			fake_device_use(&ring.dev, head(1), 0);
			fake_device_show(&ring.dev);
			for (uintptr_t i = 0; i < 3; i++)
				assert_ptr_equal(virtq_driver_get(&ring.q, &len), cookie(i));
			expect_fault(VIRTQ_FAULT_USED_ORDER, first, (uint16_t)(positions[p] + 3));
			expect_recovery(OUT - 3);
		}
	}
}

static void
used_length_beyond_the_buffer_is_a_fault(void **state)
{
	static const uint32_t more[] = {1, 2, 4096, 0x7fffffff};
	uint32_t len;

	(void)state;
	for (size_t m = 0; m < RTE_DIM(modes); m++) {
		for (size_t i = 0; i < RTE_DIM(more); i++) {
			open_with_buffers(m, 65535);
			fake_device_use(&ring.dev, head(0), 64 + more[i]);
			fake_device_show(&ring.dev);
			expect_fault(VIRTQ_FAULT_USED_LENGTH, 64 + more[i], 65535);
			expect_recovery(OUT);
		}
		open_with_buffers(m, 65535);
		fake_device_use(&ring.dev, head(0), UINT32_MAX);
		fake_device_show(&ring.dev);
		expect_fault(VIRTQ_FAULT_USED_LENGTH, UINT32_MAX, 65535);
		expect_recovery(OUT);
		/* The lengths that are none of the ring's business: 0, short, full. */
		for (uint32_t good = 0; good <= 64; good += 8) {
			open_with_buffers(m, 65535);
			fake_device_use(&ring.dev, head(0), good);
			fake_device_show(&ring.dev);
			assert_ptr_equal(virtq_driver_get(&ring.q, &len), cookie(0));
			assert_int_equal(len, good);
			driver_ring_close(&ring);
		}
	}
}

static void
used_length_of_a_readable_buffer_is_a_fault(void **state)
{
	struct virtq_buf bufs[2] = {{4096, 1000}, {8192, 20}};
	struct virtq_desc table[2];
	uint32_t len;

	(void)state;
	driver_ring_open(&ring, SIZE, VIRTQ_INDIRECT);
	assert_int_equal(virtq_driver_add(&ring.q, bufs, 1, 0, cookie(0)), 0);
	virtq_driver_publish(&ring.q);
	fake_device_use(&ring.dev, 0, 1);
	fake_device_show(&ring.dev);
	expect_fault(VIRTQ_FAULT_USED_LENGTH, 1, 0);
	expect_recovery(1);

	/* Only the writable part of a chain counts, in a table, too. */
	driver_ring_open(&ring, SIZE, VIRTQ_INDIRECT);
	assert_int_equal(
		virtq_driver_add_indirect(&ring.q, table, (uintptr_t)table, bufs, 1, 1, cookie(0)),
		0);
	virtq_driver_publish(&ring.q);
	fake_device_use(&ring.dev, 0, 20);
	fake_device_show(&ring.dev);
	assert_ptr_equal(virtq_driver_get(&ring.q, &len), cookie(0));
	assert_int_equal(
		virtq_driver_add_indirect(&ring.q, table, (uintptr_t)table, bufs, 1, 1, cookie(0)),
		0);
	virtq_driver_publish(&ring.q);
	fake_device_use(&ring.dev, 1, 21);
	fake_device_show(&ring.dev);
	expect_fault(VIRTQ_FAULT_USED_LENGTH, 21, 1);
	expect_recovery(1);
}

static void
used_index_that_runs_ahead_is_a_fault(void **state)
{
	static const uint16_t ahead[] = {OUT + 1, SIZE, SIZE + 1, 32767, 32768, 65534, 65535};

	(void)state;
	for (size_t m = 0; m < RTE_DIM(modes); m++) {
		for (size_t p = 0; p < RTE_DIM(positions); p++) {
			for (size_t i = 0; i < RTE_DIM(ahead); i++) {
				uint16_t idx = (uint16_t)(positions[p] + ahead[i]);

				open_with_buffers(m, positions[p]);
				fake_device_raw_idx(&ring.dev, idx);
				assert_int_equal(virtq_driver_used(&ring.q, 1), 0);
				expect_fault(VIRTQ_FAULT_USED_INDEX, idx, positions[p]);
				expect_recovery(OUT);
			}
		}
	}
}

static void
used_index_that_passes_the_published_one_is_a_fault(void **state)
{
	(void)state;
	for (size_t m = 0; m < RTE_DIM(modes); m++) {
		open_with_buffers(m, 65533);
		assert_int_equal(driver_ring_add(&ring, OUT), 0);
		/* As many as there are, one more than the device knows of. */
		fake_device_raw_idx(&ring.dev, (uint16_t)(65533 + OUT + 1));
		expect_fault(VIRTQ_FAULT_USED_INDEX, (uint16_t)(65533 + OUT + 1), 65533);
		expect_recovery(OUT + 1);
	}
}

/* Entries that were good stay good: the lie is found when the driver gets there. */
static void
good_entries_before_a_lie_are_handed_out(void **state)
{
	uint32_t len;

	(void)state;
	for (size_t m = 0; m < RTE_DIM(modes); m++) {
		for (uint16_t good = 0; good < OUT; good++) {
			open_with_buffers(m, 65533);
			for (uint16_t i = 0; i < good; i++)
				fake_device_use(&ring.dev, head(i), i);
			fake_device_use(&ring.dev, 0xdead, 0);
			fake_device_show(&ring.dev);
			for (uint16_t i = 0; i < good; i++) {
				assert_ptr_equal(virtq_driver_get(&ring.q, &len), cookie(i));
				assert_int_equal(len, i);
			}
			expect_fault(VIRTQ_FAULT_USED_ID_RANGE, 0xdead, (uint16_t)(65533 + good));
			expect_recovery((uint32_t)(OUT - good));
		}
	}
}

/* One step of a device that is honest most of the time. */
static void
lie_or_not(uint64_t *seed)
{
	uint32_t due = ring.vq.avail->ring[ring.dev.used_pos % ring.vq.size];

	if (random_below(seed, 200) == 0) {
		fake_device_raw_idx(&ring.dev, (uint16_t)random_next(seed));
		return;
	}
	if (ring.q.avail_idx == ring.dev.used_pos)
		return;
	if (random_below(seed, 8) == 0)
		due = random_below(seed, ring.vq.size + random_below(seed, 2));
	fake_device_use(&ring.dev, due, random_below(seed, 16) ? 0 : random_below(seed, 70));
	fake_device_show(&ring.dev);
}

static void
add_or_not(uint64_t *seed, uint32_t parts_max, uint32_t *writable, uint32_t *added)
{
	static struct virtq_desc tables[256][4];
	struct virtq_buf bufs[4] = {{4096, 16}, {4096, 16}, {4096, 16}, {4096, 16}};
	uint16_t nb = (uint16_t)(1 + random_below(seed, parts_max));
	uint16_t nb_read = (uint16_t)random_below(seed, nb + 1u);
	uint16_t nb_write = (uint16_t)(nb - nb_read);
	int ret;

	if ((ring.vq.flags & VIRTQ_INDIRECT) && random_below(seed, 2))
		ret = virtq_driver_add_indirect(
			&ring.q, tables[*added], 4096, bufs, nb_read, nb_write, cookie(*added));
	else
		ret = virtq_driver_add(&ring.q, bufs, nb_read, nb_write, cookie(*added));
	if (ret == 0)
		writable[(*added)++] = 1 + 16u * nb_write;
}

/*
 * A device that writes what it likes, for 10,000 rings: whatever comes, no buffer comes back
 * that is not out, no length is beyond its buffer, and the books stay in their memory.
 */
static void
random_lies_never_hand_out_what_is_not_out(void **state)
{
	static const uint32_t flags[] = {
		0, VIRTQ_IN_ORDER, VIRTQ_EVENT_IDX, VIRTQ_INDIRECT | VIRTQ_IN_ORDER};
	uint64_t seed = 77;
	uint32_t faults = 0;
	uint32_t got = 0;
	void *c;

	(void)state;
	for (uint32_t round = 0; round < 10000; round++) {
		uint32_t writable[256]; /* of each buffer + 1; 0: not out */
		uint32_t added = 0;
		uint32_t len;

		driver_ring_open(&ring, 2u << random_below(&seed, 4), flags[round % 4]);
		driver_ring_start_at(&ring, (uint16_t)random_next(&seed));
		for (uint32_t step = 0; step < 100 && !virtq_driver_broken(&ring.q); step++) {
			add_or_not(&seed, round & 4 ? 1 : 4, writable, &added);
			if (step % 3 == 0)
				virtq_driver_publish(&ring.q);
			lie_or_not(&seed);
			while ((c = virtq_driver_get(&ring.q, &len)) != NULL) {
				uintptr_t n = (uintptr_t)c - 1;

				assert_true(n < added && len < writable[n]);
				writable[n] = 0;
				got++;
			}
		}
		faults += virtq_driver_broken(&ring.q);
		while ((c = virtq_driver_detach(&ring.q)) != NULL) {
			assert_true((uintptr_t)c - 1 < added && writable[(uintptr_t)c - 1] != 0);
			writable[(uintptr_t)c - 1] = 0;
		}
		for (uint32_t i = 0; i < added; i++)
			assert_int_equal(writable[i], 0);
		driver_ring_close(&ring);
	}
	/* Else the lies were too bold or too meek to reach anything. */
	assert_true(faults > 5000);
	assert_true(got > 50000);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		UNIT(used_id_outside_the_table_is_a_fault),
		UNIT(used_id_that_is_not_outstanding_is_a_fault),
		UNIT(buffer_used_twice_is_a_fault),
		UNIT(used_id_inside_a_chain_is_a_fault),
		UNIT(buffer_behind_the_published_index_cannot_be_used),
		UNIT(disorder_under_in_order_is_a_fault),
		UNIT(used_length_beyond_the_buffer_is_a_fault),
		UNIT(used_length_of_a_readable_buffer_is_a_fault),
		UNIT(used_index_that_runs_ahead_is_a_fault),
		UNIT(used_index_that_passes_the_published_one_is_a_fault),
		UNIT(good_entries_before_a_lie_are_handed_out),
		UNIT(random_lies_never_hand_out_what_is_not_out),
	};

	return RUN_UNITS("virtq_driver_hostile", tests);
}
