/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is done to received packets beside handing them over: VLAN filter and strip, packet types.
 * The data path's half is declared in pmd_rxtx.h.
 */
#ifndef PMD_RX_OFFLOAD_H
#define PMD_RX_OFFLOAD_H

#include "pmd_queue.h"

/** Work of pmd_rx_post() as port, queue and device arguments have it. Under no lock. */
void pmd_rx_post_set(struct rte_eth_dev *dev, struct pmd_rx_queue *q);

/* ethdev operations. */
int pmd_vlan_offload_set(struct rte_eth_dev *dev, int mask);
int pmd_vlan_filter_set(struct rte_eth_dev *dev, uint16_t vlan_id, int on);
void pmd_vlan_strip_queue_set(struct rte_eth_dev *dev, uint16_t id, int on);
const uint32_t *pmd_supported_ptypes_get(struct rte_eth_dev *dev);
int pmd_ptypes_set(struct rte_eth_dev *dev, uint32_t mask);

#endif
