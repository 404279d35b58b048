/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets that ask for more than a checksum on transmit, and tx_prepare. Cold beside the burst. */
#ifndef PMD_TX_OFFLOAD_H
#define PMD_TX_OFFLOAD_H

#include "net/vnet_offload.h"
#include "pmd_rxtx.h"

/* What the device reads before the rest of a packet. */
struct pmd_tx_front {
	struct vnet_offload o; /* for the header */
	/*
	 * Where the packet may not be written: its first bytes were copied to slot->head, behind
	 * room for the header, and changed there.
	 */
	uint32_t replaced;   /* bytes of the packet that the copy stands for, 0: no copy */
	uint32_t head_bytes; /* bytes of the copy */
};

/**
 * Make a packet with flags in txq->asks ready: headers completed, VLAN tag inserted, in the packet
 * if it has one owner, else in the slot. What was done in the packet is taken out of its flags, so
 * that it may be tried again.
 *
 * @return 0; -EINVAL or -ENOTSUP as vnet_mbuf_request().
 */
int pmd_tx_front(struct pmd_txq *txq, struct rte_mbuf *m, struct pmd_tx_slot *slot,
	struct pmd_tx_front *front);

/** ethdev operation: rte_errno is EINVAL or ENOTSUP for the packet at which it stops. */
uint16_t pmd_tx_prepare(void *queue, struct rte_mbuf **pkts, uint16_t nb);

#endif
