/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * The inner loops of perf/ring_cycles: both roles of lib/ring, no mbuf, no socket. ring_loops.c is
 * compiled once per instruction set, as the data paths of pmd/ and vswitch/ are.
 *
 * Two rings with one buffer per descriptor: frames go to the device on the first (tx), are copied
 * to its own memory (take), from there to the buffers of the second (put), and come back (rx).
 */
#ifndef RING_LOOPS_H
#define RING_LOOPS_H

#include "ring/virtq_device.h"
#include "ring/virtq_driver.h"

#define RING_MAX_BURST 64
#define RING_SLOT 2368 /* bytes from one buffer to the next: an odd number of cache lines */

/** Both ends of a ring and its buffers. */
struct ring_end {
	struct virtq_driver driver;
	struct virtq_device device;
	uint8_t *bufs; /* [size] of RING_SLOT bytes */
};

struct ring_bench {
	struct ring_end tx;
	struct ring_end rx;
	uint8_t *own; /* [RING_MAX_BURST] of RING_SLOT bytes: where the device keeps a burst */
	uint16_t len; /* bytes of a frame */
};

struct ring_loops {
	const char *name;
	/* Each moves a burst of n and returns how many it did. */
	uint16_t (*add)(struct ring_bench *b, uint16_t n);     /* driver: buffers on the tx ring */
	uint16_t (*take)(struct ring_bench *b, uint16_t n);    /* device: copy out, complete */
	uint16_t (*put)(struct ring_bench *b, uint16_t n);     /* device: copy in, complete */
	uint16_t (*get)(struct ring_bench *b, uint16_t n);     /* driver: check, post again */
	uint16_t (*reclaim)(struct ring_bench *b, uint16_t n); /* driver: tx buffers back */
	uint16_t (*forward)(struct ring_bench *b, uint16_t n); /* device: tx to rx with one copy */
};

extern const struct ring_loops ring_loops_base;
extern const struct ring_loops ring_loops_avx2;
extern const struct ring_loops ring_loops_avx512;

#endif
