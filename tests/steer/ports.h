/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef STEER_PORTS_H
#define STEER_PORTS_H

#include <rte_ethdev.h>
#include <rte_mempool.h>

#include <stdbool.h>
#include <stdint.h>

#define STEER_PORTS 4
#define STEER_QUEUES 16

struct steer_port {
	uint16_t nb_rxq;
	uint16_t nb_txq;
	bool segments; /* the port sends frames in several mbufs */
	struct rte_mempool *pool;
};

extern struct steer_port steer_ports[STEER_PORTS];

/** A pool for each port that EAL has probed. @return 0, or -errno. */
int ports_init(void);

struct port_wish {
	uint16_t nb_rxq;
	uint16_t nb_txq;
	uint64_t rx_offloads;
	bool rss; /* RSS mode with rss_hf, else none */
	uint64_t rss_hf;
	const uint8_t *key; /* [40], NULL: the driver's */
};

/** Configure a stopped port and set up its queues. @return what ethdev says. */
int port_configure(uint16_t id, const struct port_wish *wish);

#endif
