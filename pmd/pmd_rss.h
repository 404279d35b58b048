/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Receive side scaling as ethdev has it: hash types, key, redirection table. VIRTIO 1.3, 5.1.6.5.7
 * Receive-side scaling (RSS) and 5.1.6.5.6.4 Hash calculation.
 *
 * The state is port->ctrl.wanted.rss. It begins with dev_configure and outlives stop, start and
 * backends.
 */
#ifndef PMD_RSS_H
#define PMD_RSS_H

#include "pmd_port.h"

/** What the port's device can do, for dev_infos_get. Under lock. */
void pmd_rss_info(struct pmd_port *port, struct rte_eth_dev_info *info);

/** Take the mode, hash types and key of dev_conf; the table is round robin. @return 0, -errno. */
int pmd_rss_configure(struct rte_eth_dev *dev);

/* ethdev operations. */
int pmd_rss_hash_update(struct rte_eth_dev *dev, struct rte_eth_rss_conf *conf);
int pmd_rss_hash_conf_get(struct rte_eth_dev *dev, struct rte_eth_rss_conf *conf);
int pmd_reta_update(
	struct rte_eth_dev *dev, struct rte_eth_rss_reta_entry64 *groups, uint16_t size);
int pmd_reta_query(struct rte_eth_dev *dev, struct rte_eth_rss_reta_entry64 *groups, uint16_t size);

#endif
