/* SPDX-License-Identifier: BSD-3-Clause */
/* Device role: taking, putting and publishing at every position and size. */
#include "device_ring.h"

#include <string.h>

static const uint32_t sizes[] = {2, 4, 16, 256, 32768};

static struct device_ring ring;
static struct virtq_seg segs[16];
static struct virtq_chain chain;

static void
fresh_ring_has_nothing_to_take(void **state)
{
	(void)state;
	COVERS("SR-FACT-027");
	COVERS("SR-FACT-039");
	for (size_t i = 0; i < RTE_DIM(sizes); i++) {
		device_ring_open(&ring, sizes[i], 0);
		assert_int_equal(virtq_device_avail(&ring.q, 1), 0);
		assert_false(virtq_device_publish(&ring.q));
		assert_int_equal(ring.vq.used->idx, 0);
		device_ring_close(&ring);
	}
}

static void
device_that_is_kicked_for_nothing_takes_nothing(void **state)
{
	struct fake_part part = {LOW, 64, false};
	uint16_t head;

	(void)state;
	COVERS("SR-DEV-021");
	device_ring_open(&ring, 8, 0);
	for (uint32_t i = 0; i < 1000; i++) {
		assert_int_equal(virtq_device_avail(&ring.q, 1), 0);
		assert_int_equal(virtq_device_avail(&ring.q, 32), 0);
		if (i % 2) {
			fake_driver_offer(&ring.drv, &part, 1);
			fake_driver_show(&ring.drv);
			assert_int_equal(virtq_device_avail(&ring.q, 1), 1);
			assert_int_equal(virtq_device_heads(&ring.q, &head, 1), 1);
			virtq_device_taken(&ring.q, 1);
			virtq_device_put(&ring.q, head, 0);
			virtq_device_publish(&ring.q);
			assert_int_equal(ring.vq.used->idx, i / 2 + 1);
			assert_true(fake_driver_take(&ring.drv, &(uint32_t){0}, &(uint32_t){0}));
		}
	}
	assert_false(virtq_device_broken(&ring.q));
	device_ring_close(&ring);
}

static void
used_entry_is_written_before_the_index_that_shows_it(void **state)
{
	(void)state;
	COVERS("SR-DEV-014");
	COVERS("SR-FACT-032");
	COVERS("SR-FACT-035");
	COVERS("SR-FACT-037");
	device_ring_open(&ring, 4, 0);
	for (uint32_t i = 0; i < 9; i++) {
		struct fake_part part = {LOW, 0x01020304, true};
		int head = fake_driver_offer(&ring.drv, &part, 1);
		const uint8_t entry[8] = {(uint8_t)head, 0, 0, 0, 4, 3, 2, 1};

		fake_driver_show(&ring.drv);
		assert_int_equal(virtq_device_avail(&ring.q, 1), 1);
		virtq_device_taken(&ring.q, 1);
		virtq_device_put(&ring.q, (uint16_t)head, 0x01020304);
		/* The entry is there whole, the index still says it is not. */
		assert_memory_equal(ring.used.mem + 4 + 8 * (i % 4), entry, 8);
		assert_int_equal(ring.used.mem[2], i);
		virtq_device_publish(&ring.q);
		assert_int_equal(ring.used.mem[2], i + 1);
		assert_true(fake_driver_take(&ring.drv, &(uint32_t){0}, &(uint32_t){0}));
	}
	device_ring_close(&ring);
}

/* Pass buffers through; burst of the driver and of the device differ. */
static void
run(uint32_t size, uint32_t flags, uint32_t parts_max, bool by_put_read, uint64_t seed, uint32_t nb)
{
	static uint16_t order[65536]; /* heads by number of the buffer */
	uint32_t offered = 0;
	uint32_t taken = 0;
	uint32_t back = 0;

	device_ring_open(&ring, size, flags);
	while (back < nb) {
		uint16_t heads[32];
		uint16_t n;
		uint32_t id;
		uint32_t len;

		for (uint32_t i = random_below(&seed, 33); i > 0 && offered < nb; i--) {
			uint32_t parts_nb = 1 + random_below(&seed, parts_max);
			struct fake_part parts[4];
			int head;

			parts_nb = RTE_MIN(parts_nb, size);
			for (uint32_t p = 0; p < parts_nb; p++)
				parts[p] = (struct fake_part){LOW + 64 * p, 60, !by_put_read};
			head = fake_driver_offer(&ring.drv, parts, parts_nb);
			if (head < 0)
				break;
			order[offered++ % 65536] = (uint16_t)head;
		}
		fake_driver_show(&ring.drv);
		n = (uint16_t)(1 + random_below(&seed, 32));
		n = RTE_MIN(n, virtq_device_avail(&ring.q, n));
		assert_int_equal(virtq_device_heads(&ring.q, heads, n), n);
		for (uint16_t i = 0; i < n; i++) {
			assert_int_equal(heads[i], order[(taken + i) % 65536]);
			assert_int_equal(virtq_device_walk(&ring.q, heads[i], segs, 16, &chain),
				VIRTQ_FAULT_NONE);
			assert_int_equal(chain.nb_read + chain.nb_write, ring.drv.count[heads[i]]);
			if (!by_put_read)
				virtq_device_put(&ring.q, heads[i], 7);
		}
		virtq_device_taken(&ring.q, n);
		if (by_put_read)
			virtq_device_put_read(&ring.q, heads, n);
		virtq_device_publish(&ring.q);
		taken += n;
		while (fake_driver_take(&ring.drv, &id, &len)) {
			assert_int_equal(id, order[back % 65536]);
			assert_int_equal(len, by_put_read ? 0 : 7);
			back++;
		}
		if (ring.drv.complaint != NULL)
			fail_msg("driver: %s", ring.drv.complaint);
		assert_int_equal(back, taken);
	}
	assert_int_equal(ring.q.avail_next, (uint16_t)nb);
	device_ring_close(&ring);
}

static void
buffers_pass_in_order_at_all_positions(void **state)
{
	(void)state;
	COVERS("SR-FACT-009");
	COVERS("SR-FACT-027");
	COVERS("SR-FACT-039");
	for (size_t i = 0; i < RTE_DIM(sizes); i++) {
		uint32_t nb = 70000;

		run(sizes[i], 0, 1, false, 31, nb);
		run(sizes[i], 0, 4, true, 32, nb);
		run(sizes[i], VIRTQ_IN_ORDER, 1, false, 33, nb);
	}
}

static void
one_used_entry_stands_for_a_batch_that_was_only_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < RTE_DIM(sizes); i++) {
		uint32_t nb = 70000;

		run(sizes[i], VIRTQ_IN_ORDER, 1, true, 34, nb);
		run(sizes[i], VIRTQ_IN_ORDER, 4, true, 35, nb);
	}
}

static void
batch_writes_one_entry_and_skips_the_others(void **state)
{
	static const uint16_t heads[5] = {0, 1, 2, 3, 4};
	struct fake_part part = {LOW, 64, false};

	(void)state;
	device_ring_open(&ring, 8, VIRTQ_IN_ORDER);
	for (uint32_t i = 0; i < 5; i++)
		fake_driver_offer(&ring.drv, &part, 1);
	fake_driver_show(&ring.drv);
	memset(ring.used.mem + 4, 0xee, 8 * 8);
	assert_int_equal(virtq_device_avail(&ring.q, 5), 5);
	virtq_device_taken(&ring.q, 5);
	virtq_device_put_read(&ring.q, heads, 0);
	assert_false(virtq_device_publish(&ring.q));
	virtq_device_put_read(&ring.q, heads, 5);
	assert_true(virtq_device_publish(&ring.q));
	assert_int_equal(ring.vq.used->idx, 5);
	assert_int_equal(ring.vq.used->ring[0].id, 4);
	assert_int_equal(ring.vq.used->ring[0].len, 0);
	for (uint32_t i = 1; i < 8; i++)
		assert_int_equal(ring.vq.used->ring[i].id, 0xeeeeeeee);
	device_ring_close(&ring);
}

static void
whole_ring_may_be_out_at_once(void **state)
{
	(void)state;
	COVERS("SR-FACT-007");
	COVERS("SR-FACT-008");
	for (uint32_t size = 2; size <= 32768; size *= 2) {
		device_ring_open(&ring, size, 0);
		for (uint32_t lap = 0; lap < 5; lap++) {
			device_ring_reset(&ring, (uint16_t)(65536 - size + lap));
			for (uint32_t i = 0; i < size; i++)
				fake_driver_raw_head(&ring.drv, (uint16_t)i);
			fake_driver_show(&ring.drv);
			assert_int_equal(virtq_device_avail(&ring.q, 1), size);
			for (uint32_t i = 0; i < size; i++) {
				assert_int_equal(virtq_device_head_raw(&ring.q, (uint16_t)i), i);
				virtq_device_put(&ring.q, (uint16_t)i, i);
			}
			virtq_device_taken(&ring.q, (uint16_t)size);
			assert_true(virtq_device_publish(&ring.q));
			assert_int_equal(ring.vq.used->idx, (uint16_t)lap);
			for (uint32_t i = 0; i < size; i++) {
				uint32_t slot = (65536 - size + lap + i) % size;

				assert_int_equal(ring.vq.used->ring[slot].id, i);
				assert_int_equal(ring.vq.used->ring[slot].len, i);
			}
		}
		device_ring_close(&ring);
	}
}

static void
ring_goes_on_from_the_used_index_of_a_stopped_one(void **state)
{
	struct fake_part part = {LOW, 64, true};

	(void)state;
	device_ring_open(&ring, 8, 0);
	for (uint32_t at = 0; at < 65536; at++) {
		int head;

		device_ring_reset(&ring, (uint16_t)at);
		head = fake_driver_offer(&ring.drv, &part, 1);
		fake_driver_show(&ring.drv);
		assert_int_equal(virtq_device_avail(&ring.q, 8), 1);
		assert_int_equal(device_ring_walk(&ring, segs, 16, &chain), VIRTQ_FAULT_NONE);
		virtq_device_put(&ring.q, (uint16_t)head, 1);
		virtq_device_publish(&ring.q);
		/* The device ends and another goes on: nothing twice, nothing lost. */
		virtq_device_init(&ring.q, &ring.vq, &ring.mem, ring.vq.used->idx);
		assert_int_equal(virtq_device_avail(&ring.q, 1), 0);
		assert_true(fake_driver_take(&ring.drv, &(uint32_t){0}, &(uint32_t){0}));
		assert_null(ring.drv.complaint);
	}
	device_ring_close(&ring);
}

static void
index_is_read_again_only_when_too_few_are_known(void **state)
{
	(void)state;
	device_ring_open(&ring, 8, 0);
	for (uint16_t i = 0; i < 4; i++)
		fake_driver_raw_head(&ring.drv, i);
	fake_driver_show(&ring.drv);
	assert_int_equal(virtq_device_avail(&ring.q, 1), 4);
	for (uint16_t i = 4; i < 8; i++)
		fake_driver_raw_head(&ring.drv, i);
	fake_driver_show(&ring.drv);
	for (uint16_t want = 0; want <= 4; want++)
		assert_int_equal(virtq_device_avail(&ring.q, want), 4);
	assert_int_equal(virtq_device_avail(&ring.q, 5), 8);
	device_ring_close(&ring);
}

static void
device_asks_by_flag_or_by_event_never_by_both(void **state)
{
	(void)state;
	COVERS("SR-DEV-017");
	COVERS("SR-DEV-018");
	COVERS("SR-DEV-019");
	COVERS("SR-DEV-020");
	COVERS("SR-FACT-033");
	COVERS("SR-FACT-034");
	COVERS("SR-FACT-041");
	device_ring_open(&ring, 8, 0);
	virtq_kicks_off(&ring.vq, 5);
	assert_int_equal(ring.vq.used->flags, 1);
	assert_int_equal(*virtq_avail_event(&ring.vq), 0);
	assert_false(virtq_kicks_on(&ring.vq, 0));
	assert_int_equal(ring.vq.used->flags, 0);
	device_ring_close(&ring);

	device_ring_open(&ring, 8, VIRTQ_EVENT_IDX);
	for (uint32_t at = 0; at < 65536; at++) {
		ring.vq.used->flags = 1; /* left by a device that was there before */
		virtq_kicks_off(&ring.vq, (uint16_t)at);
		assert_int_equal(ring.vq.used->flags, 0);
		assert_int_equal(*virtq_avail_event(&ring.vq), (uint16_t)(at - 1));
		ring.vq.avail->idx = (uint16_t)at;
		assert_false(virtq_kicks_on(&ring.vq, (uint16_t)at));
		assert_int_equal(ring.vq.used->flags, 0);
		assert_int_equal(*virtq_avail_event(&ring.vq), at);
		ring.vq.avail->idx = (uint16_t)(at + 1);
		assert_true(virtq_kicks_on(&ring.vq, (uint16_t)at));
	}
	device_ring_close(&ring);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		UNIT(fresh_ring_has_nothing_to_take),
		UNIT(device_that_is_kicked_for_nothing_takes_nothing),
		UNIT(used_entry_is_written_before_the_index_that_shows_it),
		UNIT(buffers_pass_in_order_at_all_positions),
		UNIT(one_used_entry_stands_for_a_batch_that_was_only_read),
		UNIT(batch_writes_one_entry_and_skips_the_others),
		UNIT(whole_ring_may_be_out_at_once),
		UNIT(ring_goes_on_from_the_used_index_of_a_stopped_one),
		UNIT(index_is_read_again_only_when_too_few_are_known),
		UNIT(device_asks_by_flag_or_by_event_never_by_both),
	};

	return RUN_UNITS("virtq_device_order", tests);
}
