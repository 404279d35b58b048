/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef OFFLOAD_PORTS_H
#define OFFLOAD_PORTS_H

#include "judge.h"
#include "options.h"

#include <rte_mempool.h>

#include <stdbool.h>
#include <stdint.h>

#define MAX_PORTS 2

struct port {
	uint16_t id;
	char driver[32];
	uint8_t mac[6];
	bool sends[KIND_MAX];   /* offers what this kind needs on transmit */
	struct receiver asks;   /* what it asked for on receive */
	bool lacks_ecn;         /* must not send CWR in what is to be segmented */
	bool lacks_two_tags;    /* sums up itself, and wrongly, behind two tags */
	bool lacks_prepared_v6; /* tx_prepare does not know IPv6 extension headers */
};

struct ports {
	uint16_t nb;
	struct port port[MAX_PORTS];
	struct rte_mempool *rx_pool[MAX_PORTS];
	struct rte_mempool *small_pool; /* transmit, for short pieces */
	struct rte_mempool *large_pool; /* transmit, any piece */
};

/** Configure and start all ports, wait for their links. @return 0, or -errno after saying why. */
int ports_start(struct ports *ports, const struct options *opt, volatile int *stop);

/** Stop and close. @return mbufs that have not come back. */
unsigned int ports_stop(struct ports *ports);

#endif
