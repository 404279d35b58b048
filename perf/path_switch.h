/* SPDX-License-Identifier: BSD-3-Clause */
/* What the paths between two driver ports on virtq-switch share: all but what stands between. */
#ifndef PATH_SWITCH_H
#define PATH_SWITCH_H

#include "cycles_path.h"

struct port;

/** The switch's own side of the port of a driver: 0 sends, 1 receives. */
const struct port *path_switch_port(unsigned int end);

/** Ethdev port of the same. */
uint16_t path_switch_ethdev(unsigned int end);

/* For struct cycles_path. */
int path_switch_send(struct rte_mbuf **pkts, uint16_t nb);
int path_switch_receive(struct rte_mbuf **pkts, uint16_t nb);
int path_switch_open(const struct cycles_conf *conf);
void path_switch_addresses(struct rte_ether_addr *src, struct rte_ether_addr *dst);
struct rte_mempool *path_switch_pool(void);
uint64_t path_switch_lost(void);
void path_switch_close(void);

#endif
