/* SPDX-License-Identifier: BSD-3-Clause */
/* Our driver role on guarded memory, with a fake device at the other end. */
#ifndef TESTS_DRIVER_RING_H
#define TESTS_DRIVER_RING_H

#include "ring/virtq_driver.h"
#include "support/covers.h"
#include "support/fake_device.h"
#include "support/guard.h"
#include "support/random.h"

struct driver_ring {
	struct guard desc;
	struct guard avail;
	struct guard used;
	struct guard private;
	struct virtq vq;
	struct virtq_driver q;
	struct fake_device dev;
};

/** Each part and the private books end at a forbidden page. */
void driver_ring_open(struct driver_ring *r, uint32_t size, uint32_t flags);

/** Everything as new, without new memory. */
void driver_ring_reset(struct driver_ring *r);

void driver_ring_close(struct driver_ring *r);

/** Run buffers of one descriptor through until the positions of both ends are at this index. */
void driver_ring_advance(struct driver_ring *r, uint16_t position);

/** Pretend that a fresh ring is in use for as many buffers as position says. */
void driver_ring_start_at(struct driver_ring *r, uint16_t position);

/** A cookie that is a number. */
static inline void *
cookie(uintptr_t n)
{
	return (void *)(n + 1);
}

/** One device-writable descriptor whose address and length follow from the cookie. */
int driver_ring_add(struct driver_ring *r, uintptr_t n);

#endif
