/* SPDX-License-Identifier: BSD-3-Clause */
/* Driver role: completion in any order, in order, and in order by batches, at every position. */
#include "driver_ring.h"

#include <string.h>

#define PARTS_MAX 6

static const uint32_t sizes[] = {2, 4, 16, 256, 32768};

static struct driver_ring ring;
static struct fake_chain chain;

/* What the device has taken and not yet used, in the order of taking. */
struct held {
	uint16_t head;
	uint32_t writable;
	uintptr_t number;
};
static struct held held[32768];
static uint32_t nb_held;

/* Buffers in flight as the test knows them. */
static struct {
	uint32_t len; /* said by the device */
	uint32_t writable;
	bool out;
} buffers[1 << 20];

static struct virtq_desc tables[1 << 10][PARTS_MAX];

struct traffic {
	uint64_t seed;
	uint32_t nb;        /* buffers to pass through */
	uint32_t parts_max; /* descriptors per buffer, 1..parts_max */
	uint32_t burst;     /* at most, each way */
	bool shuffle;       /* device uses in any order */
	bool batch;         /* device completes by one entry for several, needs IN_ORDER */
};

static int
add_some(struct traffic *t, uintptr_t n)
{
	uint32_t nb = 1 + random_below(&t->seed, t->parts_max);
	uint16_t nb_read;
	struct virtq_buf bufs[PARTS_MAX];
	int ret;

	nb = RTE_MIN(nb, (uint32_t)ring.vq.size);
	nb_read = (uint16_t)random_below(&t->seed, nb + 1);
	buffers[n].writable = 0;
	for (uint32_t i = 0; i < nb; i++) {
		/* The number of the buffer is in every address of it. */
		bufs[i] = (struct virtq_buf){n << 16 | i, 1 + random_below(&t->seed, 2000)};
		if (i >= nb_read)
			buffers[n].writable += bufs[i].len;
	}
	if ((ring.vq.flags & VIRTQ_INDIRECT) && n < RTE_DIM(tables) && nb > 1)
		ret = virtq_driver_add_indirect(&ring.q, tables[n], (uintptr_t)tables[n], bufs,
			nb_read, (uint16_t)(nb - nb_read), cookie(n));
	else
		ret = virtq_driver_add(&ring.q, bufs, nb_read, (uint16_t)(nb - nb_read), cookie(n));
	if (ret == 0)
		buffers[n].out = true;
	else
		assert_int_equal(ret, -ENOSPC);
	return ret;
}

static void
device_takes(void)
{
	while (fake_device_take(&ring.dev, &chain)) {
		uintptr_t n = chain.parts[0].addr >> 16;

		assert_true(buffers[n].out);
		for (uint32_t i = 0; i < chain.nb; i++)
			assert_int_equal(chain.parts[i].addr, n << 16 | i);
		assert_int_equal(chain.write_bytes, buffers[n].writable);
		held[nb_held++] = (struct held){chain.head, buffers[n].writable, n};
	}
	if (ring.dev.complaint != NULL)
		fail_msg("device: %s", ring.dev.complaint);
}

/* Use some of what is held; say for each what the driver has to be told. */
static void
device_uses(struct traffic *t)
{
	uint32_t n = random_below(&t->seed, RTE_MIN(t->burst, nb_held) + 1);

	if (t->batch) {
		/* The device writes the buffers before the last of a batch wholly. */
		for (uint32_t i = 0; i + 1 < n; i++)
			buffers[held[i].number].len = held[i].writable;
		if (n > 0) {
			struct held *last = &held[n - 1];

			buffers[last->number].len = random_below(&t->seed, last->writable + 1);
			fake_device_use_batch(
				&ring.dev, last->head, buffers[last->number].len, (uint16_t)n);
		}
		memmove(held, held + n, (nb_held - n) * sizeof(held[0]));
		nb_held -= n;
	} else {
		for (uint32_t i = 0; i < n; i++) {
			uint32_t at = t->shuffle ? random_below(&t->seed, nb_held) : 0;
			struct held h = held[at];

			memmove(&held[at], &held[at + 1], (nb_held - at - 1) * sizeof(held[0]));
			nb_held--;
			buffers[h.number].len = random_below(&t->seed, h.writable + 1);
			fake_device_use(&ring.dev, h.head, buffers[h.number].len);
		}
	}
	fake_device_show(&ring.dev);
}

static void
driver_gets(bool shuffle, uint32_t *got)
{
	uint32_t len;
	void *c;

	while ((c = virtq_driver_get(&ring.q, &len)) != NULL) {
		uintptr_t n = (uintptr_t)c - 1;

		assert_true(n < RTE_DIM(buffers) && buffers[n].out);
		if (!shuffle)
			assert_int_equal(n, *got);
		assert_int_equal(len, buffers[n].len);
		buffers[n].out = false;
		(*got)++;
	}
	if (virtq_driver_broken(&ring.q))
		fail_msg("driver: %s", virtq_fault_str(ring.q.fault.fault));
}

static void
run_from(struct traffic t, uint32_t size, uint32_t flags, uint16_t position)
{
	uint32_t added = 0;
	uint32_t got = 0;

	nb_held = 0;
	driver_ring_open(&ring, size, flags);
	driver_ring_start_at(&ring, position);
	while (got < t.nb) {
		uint32_t n = random_below(&t.seed, t.burst + 1);

		for (uint32_t i = 0; i < n && added < t.nb; i++) {
			if (add_some(&t, added) != 0)
				break;
			added++;
		}
		virtq_driver_publish(&ring.q);
		device_takes();
		device_uses(&t);
		driver_gets(t.shuffle, &got);
	}
	assert_int_equal(virtq_driver_outstanding(&ring.q), 0);
	driver_ring_close(&ring);
}

static void
run(struct traffic t, uint32_t flags)
{
	for (size_t i = 0; i < RTE_DIM(sizes); i++)
		run_from(t, sizes[i], flags, 0);
}

static void
single_descriptors_pass_in_order_at_all_positions(void **state)
{
	(void)state;
	COVERS("SR-DRV-015");
	COVERS("SR-DRV-016");
	COVERS("SR-FACT-027");
	COVERS("SR-FACT-039");
	for (uint32_t flags = 0; flags <= VIRTQ_IN_ORDER; flags += VIRTQ_IN_ORDER)
		run((struct traffic){.seed = 11, .nb = 70000, .parts_max = 1, .burst = 64}, flags);
}

static void
single_descriptors_pass_in_any_order_at_all_positions(void **state)
{
	(void)state;
	COVERS("SR-FACT-027");
	COVERS("SR-FACT-039");
	run((struct traffic){.seed = 12, .nb = 70000, .parts_max = 1, .burst = 64, .shuffle = true},
		VIRTQ_EVENT_IDX);
}

static void
chains_pass_in_any_order_at_all_positions(void **state)
{
	(void)state;
	COVERS("SR-FACT-009");
	run((struct traffic){.seed = 13,
		    .nb = 70000,
		    .parts_max = PARTS_MAX,
		    .burst = 40,
		    .shuffle = true},
		0);
}

static void
chains_pass_in_order_through_descriptors_in_ring_order(void **state)
{
	(void)state;
	/* The fake device complains about any other order of descriptors (2.7.5). */
	run((struct traffic){.seed = 14, .nb = 70000, .parts_max = PARTS_MAX, .burst = 40},
		VIRTQ_IN_ORDER);
}

static void
one_used_entry_completes_a_batch_of_single_descriptors(void **state)
{
	(void)state;
	run((struct traffic){.seed = 15, .nb = 70000, .parts_max = 1, .burst = 64, .batch = true},
		VIRTQ_IN_ORDER);
}

static void
one_used_entry_completes_a_batch_of_chains(void **state)
{
	(void)state;
	run((struct traffic){.seed = 16,
		    .nb = 70000,
		    .parts_max = PARTS_MAX,
		    .burst = 40,
		    .batch = true},
		VIRTQ_IN_ORDER);
}

static void
indirect_and_direct_buffers_mix(void **state)
{
	(void)state;
	run((struct traffic){.seed = 17,
		    .nb = 3000,
		    .parts_max = PARTS_MAX,
		    .burst = 20,
		    .shuffle = true},
		VIRTQ_INDIRECT);
	run(
		(struct traffic){
			.seed = 18, .nb = 3000, .parts_max = PARTS_MAX, .burst = 20, .batch = true},
		VIRTQ_INDIRECT | VIRTQ_IN_ORDER);
}

static void
first_chain_and_first_disorder_at_any_position(void **state)
{
	(void)state;
	/* Leaving the sequence in the middle of the ring, and at the wrap of index and of table. */
	for (uint32_t p = 0; p < 65536; p += p < 70 || p > 65450 ? 1 : 509) {
		run_from((struct traffic){.seed = 100 + p,
				 .nb = 40,
				 .parts_max = 2,
				 .burst = 5,
				 .shuffle = true},
			8, 0, (uint16_t)p);
		run_from((struct traffic){.seed = 200 + p,
				 .nb = 40,
				 .parts_max = 1,
				 .burst = 7,
				 .shuffle = true},
			8, 0, (uint16_t)p);
	}
}

static void
whole_ring_of_the_largest_size_is_one_batch(void **state)
{
	uint32_t len;

	(void)state;
	driver_ring_open(&ring, 32768, VIRTQ_IN_ORDER);
	for (uint32_t lap = 0; lap < 4; lap++) {
		for (uint32_t i = 0; i < 32768; i++)
			assert_int_equal(driver_ring_add(&ring, i), 0);
		virtq_driver_publish(&ring.q);
		for (uint32_t i = 0; i < 32768; i++)
			assert_true(fake_device_take(&ring.dev, &chain));
		fake_device_use_batch(&ring.dev, chain.head, 1, 32768);
		fake_device_show(&ring.dev);
		for (uint32_t i = 0; i < 32768; i++) {
			assert_ptr_equal(virtq_driver_get(&ring.q, &len), cookie(i));
			assert_int_equal(len, i == 32767 ? 1 : 64 + i % 1024);
		}
	}
	driver_ring_close(&ring);
}

/* All of the ring out at once, twice around, used from both ends in turn. */
static void
every_size_passes_a_whole_ring_in_any_order(void **state)
{
	static uint16_t heads[32768];

	(void)state;
	COVERS("SR-FACT-008");
	for (uint32_t size = 2; size <= 32768; size *= 2) {
		driver_ring_open(&ring, size, 0);
		for (uint32_t lap = 0; lap < 3; lap++) {
			uint32_t len;

			for (uint32_t i = 0; i < size; i++)
				assert_int_equal(driver_ring_add(&ring, i), 0);
			virtq_driver_publish(&ring.q);
			for (uint32_t i = 0; i < size; i++) {
				assert_true(fake_device_take(&ring.dev, &chain));
				heads[i] = chain.head;
			}
			for (uint32_t i = 0; i < size; i++)
				fake_device_use(
					&ring.dev, heads[i % 2 ? size - 1 - i / 2 : i / 2], i % 64);
			fake_device_show(&ring.dev);
			for (uint32_t i = 0; i < size; i++) {
				assert_ptr_equal(virtq_driver_get(&ring.q, &len),
					cookie(i % 2 ? size - 1 - i / 2 : i / 2));
				assert_int_equal(len, i % 64);
			}
			assert_null(virtq_driver_get(&ring.q, &len));
		}
		assert_false(virtq_driver_broken(&ring.q));
		driver_ring_close(&ring);
	}
}

/* CVE-2026-90142, QEMU 3882: what was sized for the ring before must not be used for the next. */
static void
ring_set_up_again_with_another_size_begins_anew(void **state)
{
	struct guard books = guard_alloc(virtq_driver_bytes(1024), 8);
	uint64_t seed = 19;

	(void)state;
	for (uint32_t round = 0; round < 1000; round++) {
		uint32_t size = 2u << random_below(&seed, 10);
		struct virtq_buf bufs[2] = {{4096, 64}, {8192, 64}};
		uint32_t used = random_below(&seed, size + 1);
		uint32_t back = 0;
		uint32_t len;

		driver_ring_open(&ring, size, round % 2 ? VIRTQ_IN_ORDER : 0);
		/* The same books, full of what the ring before left there. */
		virtq_driver_init(&ring.q, &ring.vq, books.mem);
		for (uint32_t i = 0; i < size; i++) {
			if (virtq_driver_add(&ring.q, bufs, 0, 1 + (round % 3 == 0), cookie(i)) !=
				0)
				break;
		}
		virtq_driver_publish(&ring.q);
		used = RTE_MIN(used, (uint32_t)virtq_driver_outstanding(&ring.q));
		for (uint32_t i = 0; i < used; i++)
			assert_true(fake_device_take(&ring.dev, &chain));
		/* A batch that is got in part only. */
		if (used > 0 && round % 2)
			fake_device_use_batch(&ring.dev, chain.head, 0, (uint16_t)used);
		fake_device_show(&ring.dev);
		while (back < used / 2 && virtq_driver_get(&ring.q, &len) != NULL)
			back++;
		assert_false(virtq_driver_broken(&ring.q));
		driver_ring_close(&ring);
	}
	guard_free(&books);
}

static void
burst_check_counts_what_is_in_order(void **state)
{
	uint32_t lens[16];
	uint32_t len;

	(void)state;
	/* good entries in order, then two swapped, at every place of the ring and count */
	for (uint16_t start = 0; start < 16; start++) {
		for (uint16_t good = 0; good <= 14; good++) {
			driver_ring_open(&ring, 16, 0);
			driver_ring_advance(&ring, start);
			for (uint16_t i = 0; i < 16; i++)
				assert_int_equal(driver_ring_add(&ring, i), 0);
			virtq_driver_publish(&ring.q);
			for (uint16_t i = 0; i < 16; i++) {
				uint16_t slot = (uint16_t)(start + i) % 16;

				if (i == good)
					slot = (slot + 1) % 16;
				else if (i == good + 1)
					slot = (slot + 15) % 16;
				fake_device_use(&ring.dev, slot, i);
			}
			fake_device_show(&ring.dev);
			assert_int_equal(virtq_driver_used(&ring.q, 1), 16);
			assert_int_equal(virtq_driver_seq_check(&ring.q, lens, 16), good);
			for (uint16_t i = 0; i < good; i++)
				assert_int_equal(lens[i], i);
			assert_int_equal(virtq_driver_seq_check(&ring.q, lens, good), good);
			virtq_driver_seq_got(&ring.q, good);
			assert_ptr_equal(virtq_driver_get(&ring.q, &len), cookie(good + 1u));
			assert_ptr_equal(virtq_driver_get(&ring.q, &len), cookie(good));
			assert_int_equal(virtq_driver_used(&ring.q, 1), 14 - good);
			driver_ring_close(&ring);
		}
	}
}

/* Entries behind the first of a batch are those of the round before: what is not got is due by count. */
static void
part_of_a_batch_may_be_taken_unread(void **state)
{
	const struct virtq_buf two[] = {{0x1000, 64}, {0x2000, 64}};
	uint32_t len;

	(void)state;
	for (uint16_t start = 0; start < 32; start++) {
		for (uint16_t part = 1; part <= 7; part++) {
			bool chain_follows = (start + part) % 2 != 0;

			driver_ring_open(&ring, 16, VIRTQ_IN_ORDER);
			driver_ring_advance(&ring, start);
			for (uint16_t i = 0; i < 12; i++)
				assert_int_equal(driver_ring_add(&ring, i), 0);
			virtq_driver_publish(&ring.q);
			fake_device_use_batch(&ring.dev, (uint16_t)(start + 6) % 16, 0, 7);
			fake_device_show(&ring.dev);
			assert_int_equal(virtq_driver_used(&ring.q, 1), 7);
			virtq_driver_seq_got_unread(&ring.q, part);
			/* Books are kept by entries from here on. */
			if (chain_follows)
				assert_int_equal(virtq_driver_add(&ring.q, two, 2, 0, cookie(12)), 0);
			for (uint16_t i = part; i < 7; i++)
				assert_ptr_equal(virtq_driver_get(&ring.q, &len), cookie(i));
			assert_null(virtq_driver_get(&ring.q, &len));
			fake_device_use_batch(&ring.dev, (uint16_t)(start + 11) % 16, 0, 5);
			fake_device_show(&ring.dev);
			for (uint16_t i = 7; i < 12; i++)
				assert_ptr_equal(virtq_driver_get(&ring.q, &len), cookie(i));
			assert_false(virtq_driver_broken(&ring.q));
			driver_ring_close(&ring);
		}
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		UNIT(single_descriptors_pass_in_order_at_all_positions),
		UNIT(single_descriptors_pass_in_any_order_at_all_positions),
		UNIT(chains_pass_in_any_order_at_all_positions),
		UNIT(chains_pass_in_order_through_descriptors_in_ring_order),
		UNIT(one_used_entry_completes_a_batch_of_single_descriptors),
		UNIT(one_used_entry_completes_a_batch_of_chains),
		UNIT(indirect_and_direct_buffers_mix),
		UNIT(first_chain_and_first_disorder_at_any_position),
		UNIT(whole_ring_of_the_largest_size_is_one_batch),
		UNIT(every_size_passes_a_whole_ring_in_any_order),
		UNIT(ring_set_up_again_with_another_size_begins_anew),
		UNIT(burst_check_counts_what_is_in_order),
		UNIT(part_of_a_batch_may_be_taken_unread),
	};

	return RUN_UNITS("virtq_driver_order", tests);
}
