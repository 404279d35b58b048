/* SPDX-License-Identifier: BSD-3-Clause */
/* Who is notified when: both roles, every position, against the rule taken step by step. */
#include "device_ring.h"
#include "driver_ring.h"

#include <string.h>

static struct driver_ring drv;
static struct device_ring dev;

/*
 * The rule as the standard has it, one entry at a time: the entry written at index i notifies when
 * i is the event. Which events does a move from old by n pass?
 */
static void
events_of_move(bool *passed, uint16_t old, uint32_t n)
{
	memset(passed, 0, 65536 * sizeof(*passed));
	for (uint32_t i = 0; i < n; i++)
		passed[(uint16_t)(old + i)] = true;
}

static void
every_event_against_every_step(void **state)
{
	static const uint16_t olds[] = {0, 1, 2, 255, 256, 32767, 32768, 32769, 65534, 65535};
	static const uint16_t moves[] = {
		0, 1, 2, 3, 7, 8, 31, 32, 33, 64, 255, 256, 257, 1024, 32766, 32767, 32768};
	static bool passed[65536];

	(void)state;
	COVERS("SR-FACT-030");
	COVERS("SR-FACT-031");
	COVERS("SR-FACT-042");
	for (size_t o = 0; o < RTE_DIM(olds); o++) {
		for (size_t m = 0; m < RTE_DIM(moves); m++) {
			events_of_move(passed, olds[o], moves[m]);
			for (uint32_t event = 0; event < 65536; event++) {
				if (virtq_event_passed((uint16_t)event,
					    (uint16_t)(olds[o] + moves[m]),
					    olds[o]) != passed[event])
					fail_msg("from %u by %u, event %u: expected %d", olds[o],
						moves[m], event, passed[event]);
			}
		}
	}
}

static void
every_position_against_the_events_around_it(void **state)
{
	static bool passed[65536];

	(void)state;
	COVERS("SR-FACT-031");
	for (uint32_t old = 0; old < 65536; old++) {
		for (uint16_t n = 0; n <= 5; n++) {
			for (uint32_t i = 0; i < n; i++)
				passed[(uint16_t)(old + i)] = true;
			for (int near = -3; near < n + 3; near++) {
				uint16_t event = (uint16_t)(old + (uint32_t)near);

				assert_int_equal(virtq_event_passed(
							 event, (uint16_t)(old + n), (uint16_t)old),
					passed[event]);
			}
			for (uint32_t i = 0; i < n; i++)
				passed[(uint16_t)(old + i)] = false;
		}
	}
}

/* Make n buffers available at the position where the ring is; is the device kicked? */
static bool
driver_kicks(uint16_t n)
{
	for (uint16_t i = 0; i < n; i++)
		assert_int_equal(driver_ring_add(&drv, i), 0);
	return virtq_driver_publish(&drv.q);
}

static void
driver_kicks_for_the_entry_at_the_event_and_no_other(void **state)
{
	(void)state;
	COVERS("SR-DRV-021");
	COVERS("SR-DRV-022");
	COVERS("SR-DRV-023");
	COVERS("SR-FACT-041");
	driver_ring_open(&drv, 8, VIRTQ_EVENT_IDX);
	for (uint32_t at = 0; at < 65536; at++) {
		for (uint16_t n = 1; n <= 3; n++) {
			for (int near = -2; near < n + 2; near++) {
				uint16_t event = (uint16_t)(at + (uint32_t)near);

				driver_ring_start_at(&drv, (uint16_t)at);
				/* Bit 0 of flags says nothing here. */
				drv.vq.used->flags = rte_cpu_to_le_16(near & 1);
				*virtq_avail_event(&drv.vq) = rte_cpu_to_le_16(event);
				assert_int_equal(driver_kicks(n), near >= 0 && near < n);
			}
		}
	}
	driver_ring_close(&drv);
}

static void
driver_kicks_by_flag_without_event_index(void **state)
{
	(void)state;
	COVERS("SR-DRV-018");
	COVERS("SR-DRV-019");
	COVERS("SR-DRV-020");
	COVERS("SR-FACT-028");
	driver_ring_open(&drv, 8, 0);
	for (uint32_t at = 0; at < 65536; at++) {
		for (uint16_t n = 1; n <= 3; n++) {
			for (uint16_t flags = 0; flags <= 1; flags++) {
				driver_ring_start_at(&drv, (uint16_t)at);
				drv.vq.used->flags = rte_cpu_to_le_16(flags);
				/* What would be the event means nothing. */
				*virtq_avail_event(&drv.vq) =
					rte_cpu_to_le_16((uint16_t)(at + n - 1u + 2u * flags));
				assert_int_equal(driver_kicks(n), flags == 0);
			}
		}
	}
	driver_ring_close(&drv);
}

/* Use n buffers at the position where the ring is; is the driver interrupted? */
static bool
device_interrupts(uint16_t n, bool batch)
{
	uint16_t heads[8] = {0, 1, 2, 3, 4, 5, 6, 7};

	for (uint16_t i = 0; i < n; i++)
		fake_driver_raw_head(&dev.drv, i);
	fake_driver_show(&dev.drv);
	assert_int_equal(virtq_device_avail(&dev.q, n), n);
	virtq_device_taken(&dev.q, n);
	if (batch)
		virtq_device_put_read(&dev.q, heads, n);
	else
		for (uint16_t i = 0; i < n; i++)
			virtq_device_put(&dev.q, i, 0);
	return virtq_device_publish(&dev.q);
}

/* Restart both ends without clearing the words that the test has set. */
static void
device_at(uint16_t position, uint16_t flags, uint16_t event)
{
	fake_driver_start_at(&dev.drv, position);
	virtq_device_init(&dev.q, &dev.vq, &dev.mem, position);
	dev.vq.avail->flags = rte_cpu_to_le_16(flags);
	*virtq_used_event(&dev.vq) = rte_cpu_to_le_16(event);
}

static void
device_interrupts_for_the_entry_at_the_event_and_no_other(void **state)
{
	(void)state;
	COVERS("SR-DEV-011");
	COVERS("SR-DEV-012");
	COVERS("SR-DEV-013");
	for (uint32_t flags = 0; flags <= VIRTQ_IN_ORDER; flags += VIRTQ_IN_ORDER) {
		device_ring_open(&dev, 8, VIRTQ_EVENT_IDX | flags);
		for (uint32_t at = 0; at < 65536; at++) {
			for (uint16_t n = 1; n <= 3; n++) {
				for (int near = -2; near < n + 2; near++) {
					uint16_t event = (uint16_t)(at + (uint32_t)near);

					device_at((uint16_t)at, near & 1, event);
					assert_int_equal(device_interrupts(n, flags != 0),
						near >= 0 && near < n);
				}
			}
		}
		device_ring_close(&dev);
	}
}

static void
device_interrupts_by_flag_without_event_index(void **state)
{
	(void)state;
	COVERS("SR-DEV-008");
	COVERS("SR-DEV-009");
	COVERS("SR-DEV-010");
	device_ring_open(&dev, 8, 0);
	for (uint32_t at = 0; at < 65536; at++) {
		for (uint16_t n = 1; n <= 3; n++) {
			for (uint16_t flags = 0; flags <= 1; flags++) {
				device_at(
					(uint16_t)at, flags, (uint16_t)(at + n - 1u + 2u * flags));
				assert_int_equal(device_interrupts(n, false), flags == 0);
			}
		}
	}
	device_ring_close(&dev);
}

/* The words that a peer wrote last are those that count: the fence stands between. */
static void
peer_that_asks_late_finds_what_came_before(void **state)
{
	(void)state;
	COVERS("SR-FACT-028");
	for (uint32_t flags = 0; flags <= VIRTQ_EVENT_IDX; flags += VIRTQ_EVENT_IDX) {
		driver_ring_open(&drv, 8, flags);
		virtq_interrupts_off(&drv.vq, 0);
		fake_device_raw_idx(&drv.dev, 1); /* between off and on */
		assert_true(virtq_interrupts_on(&drv.vq, 0));
		assert_false(virtq_interrupts_on(&drv.vq, 1));
		driver_ring_close(&drv);

		device_ring_open(&dev, 8, flags);
		virtq_device_kicks_off(&dev.q);
		fake_driver_raw_head(&dev.drv, 0);
		fake_driver_show(&dev.drv);
		assert_true(virtq_device_kicks_on(&dev.q));
		assert_int_equal(virtq_device_avail(&dev.q, 1), 1);
		virtq_device_taken(&dev.q, 1);
		assert_false(virtq_device_kicks_on(&dev.q));
		device_ring_close(&dev);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		UNIT(every_event_against_every_step),
		UNIT(every_position_against_the_events_around_it),
		UNIT(driver_kicks_for_the_entry_at_the_event_and_no_other),
		UNIT(driver_kicks_by_flag_without_event_index),
		UNIT(device_interrupts_for_the_entry_at_the_event_and_no_other),
		UNIT(device_interrupts_by_flag_without_event_index),
		UNIT(peer_that_asks_late_finds_what_came_before),
	};

	return RUN_UNITS("virtq_notify", tests);
}
