/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Dirty log: what the device reports is what it wrote, byte for byte. The memory that the driver
 * shares is filled with a pattern that no write can leave as it is, and compared after each call.
 */
#include "device_ring.h"
#include "ring/virtq_device_run.h"

#include <string.h>

#define AREAS 4
#define CHUNK 256

static struct device_ring ring;
static struct virtq_seg segs[64];
static struct virtq_chain chain;

/* All memory that the device can write to, with the driver's address of it. */
static struct {
	uint64_t guest;
	struct guard *g;
	uint8_t before[32768 * 8 + 6];
	bool reported[32768 * 8 + 6];
} areas[AREAS];

static uint32_t nb_reports;

static void
report(void *arg, uint64_t guest, uint64_t bytes)
{
	assert_ptr_equal(arg, &ring);
	assert_true(bytes > 0);
	nb_reports++;
	for (size_t i = 0; i < AREAS; i++) {
		if (guest < areas[i].guest || guest - areas[i].guest >= areas[i].g->bytes)
			continue;
		assert_true(bytes <= areas[i].g->bytes - (guest - areas[i].guest));
		memset(&areas[i].reported[guest - areas[i].guest], true, bytes);
		return;
	}
	fail_msg("%lx is not in the memory", (unsigned long)guest);
}

static void
open_log(uint32_t size, uint32_t flags)
{
	device_ring_open(&ring, size, flags | VIRTQ_LOG);
	virtq_device_log_to(&ring.q, report, &ring, USED_ADDR);
	nb_reports = 0;
	areas[0].guest = USED_ADDR;
	areas[0].g = &ring.used;
	areas[1].guest = LOW;
	areas[1].g = &ring.regions[AT_LOW];
	areas[2].guest = HIGH;
	areas[2].g = &ring.regions[AT_HIGH];
	areas[3].guest = FAR;
	areas[3].g = &ring.regions[AT_FAR];
}

/* Give every byte a value that the write to come does not leave; the index has to stay true. */
static void
arm(uint16_t used_idx)
{
	for (size_t i = 0; i < AREAS; i++) {
		memset(areas[i].g->mem, 0xa5, areas[i].g->bytes);
		if (i == 0)
			ring.vq.used->idx = rte_cpu_to_le_16(used_idx);
		memcpy(areas[i].before, areas[i].g->mem, areas[i].g->bytes);
		memset(areas[i].reported, 0, areas[i].g->bytes);
	}
	nb_reports = 0;
}

static bool
same(size_t area, size_t b)
{
	size_t n = RTE_MIN((size_t)CHUNK, areas[area].g->bytes - b);

	return memcmp(areas[area].g->mem + b, areas[area].before + b, n) == 0 &&
	       memchr(areas[area].reported + b, true, n) == NULL;
}

/* Every byte that changed was reported, and not one more. */
static void
compare(const char *after)
{
	for (size_t i = 0; i < AREAS; i++) {
		for (size_t b = 0; b < areas[i].g->bytes; b++) {
			bool changed;

			/* Most of it is as it was and was not reported. */
			if (b % CHUNK == 0 && same(i, b)) {
				b += CHUNK - 1;
				continue;
			}
			changed = areas[i].g->mem[b] != areas[i].before[b];
			if (changed && !areas[i].reported[b])
				fail_msg("%s: byte %zu of area %zu was not reported", after, b, i);
			/* One byte of a 16-bit word may keep its value. */
			if (areas[i].reported[b] && !changed &&
				!(areas[i].g->mem[b ^ 1] != areas[i].before[b ^ 1]))
				fail_msg("%s: byte %zu of area %zu was not written", after, b, i);
		}
	}
}

static void
used_entry_is_reported_where_it_lies(void **state)
{
	(void)state;
	for (uint32_t size = 2; size <= 512; size *= 4) {
		open_log(size, 0);
		for (uint32_t i = 0; i < 3 * size; i++) {
			arm((uint16_t)i);
			virtq_device_put(&ring.q, (uint16_t)(i % size), 0x01010101 * (i & 3));
			compare("put");
			assert_int_equal(nb_reports, 1);
			arm((uint16_t)i);
			virtq_device_publish(&ring.q);
			compare("publish");
			assert_int_equal(nb_reports, 1);
		}
		device_ring_close(&ring);
	}
}

static void
batch_reports_one_entry(void **state)
{
	static const uint16_t heads[5] = {3, 4, 5, 6, 7};

	(void)state;
	open_log(8, VIRTQ_IN_ORDER);
	for (uint32_t i = 0; i < 20; i++) {
		uint16_t n = (uint16_t)(1 + i % 5);

		arm(ring.q.used_idx);
		virtq_device_put_read(&ring.q, heads, n);
		compare("put_read");
		assert_int_equal(nb_reports, 1);
		virtq_device_publish(&ring.q);
	}
	arm(0);
	virtq_device_put_read(&ring.q, heads, 0);
	virtq_device_publish(&ring.q);
	compare("nothing");
	assert_int_equal(nb_reports, 0);
	device_ring_close(&ring);
	open_log(8, 0);
	arm(0);
	virtq_device_put_read(&ring.q, heads, 5);
	compare("put_read");
	assert_int_equal(nb_reports, 5);
	device_ring_close(&ring);
}

static void
burst_reports_every_entry(void **state)
{
	uint32_t lens[VIRTQ_BURST_MAX];

	(void)state;
	for (uint32_t i = 0; i < VIRTQ_BURST_MAX; i++)
		lens[i] = 0x01010101 * i;
	open_log(64, 0);
	for (uint16_t n = 0; n <= VIRTQ_BURST_MAX; n++) {
		arm(ring.q.used_idx);
		virtq_device_put_run(&ring.q, 5, lens, n);
		compare("put_run");
		assert_int_equal(nb_reports, n);
		virtq_device_publish(&ring.q);
	}
	device_ring_close(&ring);
}

static void
suppression_words_are_reported(void **state)
{
	(void)state;
	for (uint32_t size = 2; size <= 32768; size *= 8) {
		for (uint32_t flags = 0; flags <= VIRTQ_EVENT_IDX; flags += VIRTQ_EVENT_IDX) {
			open_log(size, flags);
			for (uint32_t i = 0; i < 3; i++) {
				arm(0);
				virtq_device_kicks_off(&ring.q);
				compare("kicks_off");
				arm(0);
				virtq_device_kicks_on(&ring.q);
				compare("kicks_on");
				virtq_device_taken(&ring.q, 1);
			}
			device_ring_close(&ring);
		}
	}
}

static void
payload_is_reported_by_the_drivers_address(void **state)
{
	uint64_t seed = 41;

	(void)state;
	open_log(16, VIRTQ_INDIRECT);
	for (uint32_t round = 0; round < 300; round++) {
		struct fake_part parts[6];
		uint32_t nb = 1 + random_below(&seed, 6);
		int head;

		for (uint32_t i = 0; i < nb; i++) {
			parts[i].addr = random_below(&seed, 2) ? HIGH - random_below(&seed, 64)
							       : FAR + 200 * i;
			parts[i].len = random_below(&seed, 100);
			parts[i].writable = i > 0;
		}
		arm(ring.q.used_idx);
		/* The ring's own words are compared in the other tests. */
		head = fake_driver_offer(&ring.drv, parts, nb);
		fake_driver_show(&ring.drv);
		assert_int_equal(device_ring_walk(&ring, segs, 64, &chain), VIRTQ_FAULT_NONE);
		for (uint16_t i = chain.nb_read; i < chain.nb_read + chain.nb_write; i++) {
			memset(segs[i].ptr, 0x5a, segs[i].len);
			virtq_device_log(&ring.q, segs[i].guest, segs[i].len);
		}
		compare("payload");
		virtq_device_put(&ring.q, (uint16_t)head, chain.write_bytes);
		virtq_device_publish(&ring.q);
		assert_true(fake_driver_take(&ring.drv, &(uint32_t){0}, &(uint32_t){0}));
	}
	device_ring_close(&ring);
}

static void
empty_descriptors_are_not_reported(void **state) /* CVE-2019-14835 */
{
	struct fake_part parts[16];
	int head;

	(void)state;
	open_log(16, 0);
	for (uint32_t i = 0; i < 16; i++)
		parts[i] = (struct fake_part){HOLE, 0, true};
	head = fake_driver_offer(&ring.drv, parts, 16);
	fake_driver_show(&ring.drv);
	assert_int_equal(device_ring_walk(&ring, segs, 64, &chain), VIRTQ_FAULT_NONE);
	assert_int_equal(chain.nb_write, 0);
	assert_int_equal(nb_reports, 0);
	virtq_device_put(&ring.q, (uint16_t)head, 0);
	virtq_device_publish(&ring.q);
	device_ring_close(&ring);
}

static void
nothing_is_reported_while_the_log_is_off(void **state)
{
	(void)state;
	open_log(8, 0);
	ring.q.vq.flags = 0;
	arm(0);
	virtq_device_put(&ring.q, 1, 2);
	virtq_device_publish(&ring.q);
	virtq_device_kicks_off(&ring.q);
	virtq_device_kicks_on(&ring.q);
	assert_int_equal(nb_reports, 0);
	device_ring_close(&ring);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		UNIT(used_entry_is_reported_where_it_lies),
		UNIT(batch_reports_one_entry),
		UNIT(burst_reports_every_entry),
		UNIT(suppression_words_are_reported),
		UNIT(payload_is_reported_by_the_drivers_address),
		UNIT(empty_descriptors_are_not_reported),
		UNIT(nothing_is_reported_while_the_log_is_off),
	};

	return RUN_UNITS("virtq_device_log", tests);
}
