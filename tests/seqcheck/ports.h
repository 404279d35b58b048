/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef SEQCHECK_PORTS_H
#define SEQCHECK_PORTS_H

#include "options.h"

#include <rte_mempool.h>

#include <stdint.h>

struct ports {
	uint16_t nb;
	uint16_t id[32];        /* ethdev port ids, in the order they were probed */
	uint16_t smallest_ring; /* descriptors of the smallest receive queue */
	struct rte_mempool *pool;
};

/**
 * Configure and start all ports, those of --late-vdev behind the others, and wait for their links.
 * @return 0, or -errno after saying which port failed at what.
 */
int ports_start(struct ports *ports, const struct options *opt, volatile int *stop);

void ports_stop(struct ports *ports);

/** @return mbufs that a frame of length bytes is sent in, at most SEQ_MAX_SEGS. */
uint16_t ports_frame_segs(const struct options *opt, uint16_t length);

#endif
