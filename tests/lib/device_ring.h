/* SPDX-License-Identifier: BSD-3-Clause */
/* Our device role on guarded memory, with a fake driver at the other end. */
#ifndef TESTS_DEVICE_RING_H
#define TESTS_DEVICE_RING_H

#include "ring/virtq_device.h"
#include "support/covers.h"
#include "support/fake_driver.h"
#include "support/guard.h"
#include "support/random.h"

/*
 * The driver's memory. LOW and HIGH touch there, and lie apart here, each between forbidden pages;
 * FAR lies alone. The ring is in regions of its own, one per part.
 */
#define LOW UINT64_C(0x10000)
#define LOW_BYTES UINT64_C(0x8000)
#define HIGH (LOW + LOW_BYTES)
#define HIGH_BYTES UINT64_C(0x4000)
#define FAR UINT64_C(0x7fff00000000)
#define FAR_BYTES UINT64_C(0x3000)
#define HOLE UINT64_C(0x9000000)
/* The guest's addresses of the parts of the ring. */
#define DESC_ADDR UINT64_C(0x100000000)
#define AVAIL_ADDR UINT64_C(0x200000000)
#define USED_ADDR UINT64_C(0x300000000)

enum {
	AT_LOW,
	AT_HIGH,
	AT_FAR,
	AT_REGIONS
};

struct device_ring {
	struct guard desc;
	struct guard avail;
	struct guard used;
	struct guard regions[AT_REGIONS];
	struct virtq_mem mem;
	struct virtq vq;
	struct virtq_device q;
	struct fake_driver drv;
};

void device_ring_open(struct device_ring *r, uint32_t size, uint32_t flags);

/** Everything as new, both ends at this position, without new memory. */
void device_ring_reset(struct device_ring *r, uint16_t position);

void device_ring_close(struct device_ring *r);

/** The byte at a driver's address, by a search of its own; NULL: not in the map. */
uint8_t *device_ring_byte(struct device_ring *r, uint64_t addr);

/** Take the next chain and walk it; fails the test if none is there. */
enum virtq_fault device_ring_walk(struct device_ring *r, struct virtq_seg *segs, uint16_t max_segs,
	struct virtq_chain *chain);

/** Do the pieces stand for these bytes of the driver's memory, in order? */
void device_ring_assert_pieces(struct device_ring *r, const struct fake_part *parts, uint32_t nb,
	const struct virtq_seg *segs, const struct virtq_chain *chain);

#endif
