/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames from one port to another, and what became of them. One thread. */
#ifndef STEER_TRAFFIC_H
#define STEER_TRAFFIC_H

#include "reference.h"

#include <rte_ether.h>

#include <stdbool.h>
#include <stdint.h>

/* What the receiving port was told, as the test knows it. */
struct expected {
	struct reference reference;
	bool reported; /* mbufs hold the hash */
	bool steered;  /* the queue follows from it */
};

struct check {
	uint16_t rx_port;
	uint16_t tx_port;
	uint32_t seed;
	uint64_t first; /* id */
	uint32_t count;
	uint32_t window; /* frames under way */
	uint16_t segs;   /* mbufs of a frame: 1..segs */
	bool vectors;    /* the published ones, as many as there are */
};

struct outcome {
	uint32_t sent;
	uint32_t received;
	uint32_t wrong; /* the first few are told on stderr */
	uint32_t lost;
	uint32_t foreign;
	uint32_t reports[REPORT_MAX];
	uint32_t queues[16];
};

/** @return 0: all arrived once, as expected; -EBADMSG; -ENOMEM. */
int traffic_check(const struct check *c, const struct expected *e, struct outcome *out);

struct probe {
	struct rte_ether_addr to;
	uint16_t tag; /* VLAN tag, host order; 0: none */
	uint32_t arrived;
};

/**
 * Send one frame for each probe, then two that have to arrive, and count.
 *
 * @return 0, or -ETIMEDOUT: even those did not arrive.
 */
int traffic_probe(uint16_t rx_port, uint16_t tx_port, struct probe *probes, uint32_t nb);

/** One frame by a port's first queue, in one mbuf. @return 0; -ENOMEM; -ETIMEDOUT: the queue stays
 * full. */
int traffic_send(uint16_t port, const uint8_t *frame, uint32_t len);

/** Throw away what waits in a port's queues. */
void traffic_drain(uint16_t port);

#endif
