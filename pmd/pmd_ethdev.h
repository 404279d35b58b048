/* SPDX-License-Identifier: BSD-3-Clause */
/* The ethdev side of a port: its operations, and what they say about it. */
#ifndef PMD_ETHDEV_H
#define PMD_ETHDEV_H

#include "pmd_port.h"

#include <stdio.h>

extern const struct eth_dev_ops pmd_ops;

/** Connection, features and rings of a port for people. ethdev operation. */
int pmd_priv_dump(struct rte_eth_dev *dev, FILE *f);

/** num packets from the offset-th outstanding one on, for people. ethdev operations. */
int pmd_rx_descriptor_dump(
	const struct rte_eth_dev *dev, uint16_t id, uint16_t offset, uint16_t num, FILE *f);
int pmd_tx_descriptor_dump(
	const struct rte_eth_dev *dev, uint16_t id, uint16_t offset, uint16_t num, FILE *f);

#endif
