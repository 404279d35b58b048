/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Counters of queues and of the port's life -> stats and xstats. The data path owns its counters;
 * a reset remembers where they stood and does not write them.
 */
#ifndef PMD_STATS_H
#define PMD_STATS_H

#include <ethdev_driver.h>

/** Queue n counts in slot n of rte_eth_stats, as far as there are slots. */
void pmd_stats_init(struct rte_eth_dev *dev);

/* ethdev operations. */
int pmd_queue_stats_mapping_set(struct rte_eth_dev *dev, uint16_t id, uint8_t slot, uint8_t is_rx);
int pmd_stats_get(struct rte_eth_dev *dev, struct rte_eth_stats *stats);
int pmd_stats_reset(struct rte_eth_dev *dev);
int pmd_xstats_get(struct rte_eth_dev *dev, struct rte_eth_xstat *xstats, unsigned int n);
int pmd_xstats_get_names(struct rte_eth_dev *dev, struct rte_eth_xstat_name *names, unsigned int n);
int pmd_xstats_get_by_id(
	struct rte_eth_dev *dev, const uint64_t *ids, uint64_t *values, unsigned int n);
int pmd_xstats_get_names_by_id(struct rte_eth_dev *dev, const uint64_t *ids,
	struct rte_eth_xstat_name *names, unsigned int n);

#endif
