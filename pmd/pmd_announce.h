/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PMD_ANNOUNCE_H
#define PMD_ANNOUNCE_H

#include "pmd_port.h"

/** Does the device want an announcement, or has one gone out? Control thread, under lock. */
void pmd_announce_check(struct pmd_port *port);

/** Burst that announces the port and makes way for the usual one. Data path, cold. */
uint16_t pmd_tx_burst_announce(void *queue, struct rte_mbuf **pkts, uint16_t nb);

#endif
