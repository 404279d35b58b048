/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * The inner loops of perf/floor. floor_loops.c is compiled once per instruction set; floor.c picks
 * the widest set that the processor has and EAL's SIMD width allows.
 *
 * The combined floor is what no switch can go below: per packet one copy of N bytes through a set
 * of 256 slots, one 64-byte descriptor line per 4 packets, one index line per 32, nothing else.
 */
#ifndef FLOOR_LOOPS_H
#define FLOOR_LOOPS_H

#include <rte_common.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FLOOR_SLOTS 256
#define FLOOR_BATCH 32
#define FLOOR_PER_LINE 4
#define FLOOR_LINE 64

/* An odd number of lines between slots, so that they spread over all sets of the L1 cache. */
#define FLOOR_SLOT_SIZE (37 * FLOOR_LINE)

/** Four descriptors on one line: where the packet is and how long. */
struct floor_descs {
	struct {
		uint64_t slot;
		uint64_t len;
	} desc[FLOOR_PER_LINE];
} __rte_aligned(FLOOR_LINE);

/** An index on a line of its own, counted in packets. */
struct floor_index {
	uint64_t value;
} __rte_aligned(FLOOR_LINE);

/**
 * What the copying core (device) and the other core (driver) share. Each line has one writer:
 * avail, descs and source slots the driver, done and destination slots the device.
 */
struct floor_ring {
	struct floor_index avail;
	struct floor_index done;
	struct floor_descs descs[FLOOR_SLOTS / FLOOR_PER_LINE];
	uint8_t source[FLOOR_SLOTS * FLOOR_SLOT_SIZE] __rte_aligned(FLOOR_LINE);
	/* Slots of one position must not share their low 12 address bits: a load would wait for the
	 * store before it. */
	uint8_t apart[33 * FLOOR_LINE];
	uint8_t destination[FLOOR_SLOTS * FLOOR_SLOT_SIZE] __rte_aligned(FLOOR_LINE);
};

struct floor_loops {
	const char *name;
	/** Copy count times len bytes (whole lines) from src to dst, one place each. */
	void (*copy_hot)(uint8_t *dst, const uint8_t *src, size_t len, unsigned int count);
	/** Copy all source slots of len bytes to the destination slots. */
	void (*copy_slots)(struct floor_ring *r, size_t len);
	/** Write all source slots. */
	void (*write_slots)(struct floor_ring *r, size_t len);
	/** Driver: make packets pos to pos + FLOOR_BATCH available. */
	void (*add)(struct floor_ring *r, uint64_t pos, size_t len);
	/** Driver: write (source) or read (destination) the frames of such a batch. */
	void (*write_batch)(struct floor_ring *r, uint64_t pos, size_t len);
	void (*read_batch)(const struct floor_ring *r, uint64_t pos, size_t len);
	/** Device: copy one batch if the driver made it available; prefetch it whole before. */
	bool (*forward)(struct floor_ring *r, uint64_t pos, bool prefetch);
};

extern const struct floor_loops floor_loops_base;
extern const struct floor_loops floor_loops_avx2;
extern const struct floor_loops floor_loops_avx512;

#endif
