/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Offloads as ethdev names them and the virtio features that they stand on. One table says both;
 * capabilities and negotiation read it.
 */
#ifndef PMD_OFFLOAD_H
#define PMD_OFFLOAD_H

#include "pmd_port.h"

/* Bytes that hold any text of pmd_offload_lacking(). */
#define PMD_OFFLOAD_TEXT 160

/* Offloads that are switched on, RTE_ETH_RX_OFFLOAD_* and RTE_ETH_TX_OFFLOAD_*. */
struct pmd_offloads {
	uint64_t rx;
	uint64_t tx;
};

/**
 * What can be offered to the application.
 *
 * @param features  Of the attached device; UINT64_MAX while there is none.
 */
struct pmd_offloads pmd_offload_capa(const struct pmd_args *args, uint64_t features);

/** Those of the port and of all its queues. */
struct pmd_offloads pmd_offloads_of(const struct rte_eth_dev *dev);

/** Features that they cannot do without. */
uint64_t pmd_offload_needs(struct pmd_offloads on);

/** And those that they use, too, where the device offers them. */
uint64_t pmd_offload_likes(struct pmd_offloads on, uint64_t offered);

/**
 * Those of any offload that a port depends on once it has them: packets on the ring may use them.
 * What is only liked on receive is not among them: a device that lacks it sends less.
 */
uint64_t pmd_offload_in_use(void);

/** "TCP_TSO needs": names of the offloads that need one of the features, for messages. */
char *pmd_offload_lacking(struct pmd_offloads on, uint64_t lacking, char *text, size_t size);

/**
 * What a transmit queue listens to in mbufs.
 *
 * @param offloads  Of port and queue.
 * @param features  Negotiated, or what will be: before there is a device.
 */
void pmd_tx_offloads_set(struct pmd_txq *txq, uint64_t offloads, uint64_t features);

#endif
