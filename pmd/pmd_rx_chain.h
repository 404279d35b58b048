/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Receive buffers of several mbufs each: without MRG_RXBUF a buffer has to hold the largest packet,
 * and no mbuf is that large. VIRTIO 1.3, 5.1.6.3.1.
 *
 * A buffer is a chain of descriptors, and its cookie the first mbuf; the others hang on it by their
 * next field while the device has them. The header stands in front of the first one's data.
 */
#ifndef PMD_RX_CHAIN_H
#define PMD_RX_CHAIN_H

#include "pmd_queue.h"

#include <stddef.h>

/* Bytes of the largest packet, without its header. */
#define PMD_RX_LARGEST 65550

/** Do these negotiated features ask for chains? */
bool pmd_rx_chain_needed(uint64_t features);

/** How many mbufs of this pool hold the largest packet. Their data rooms exceed the headroom. */
uint32_t pmd_rx_chain_mbufs(struct rte_mempool *pool);

/**
 * Can a queue have buffers that are chains of this pool's mbufs?
 *
 * @param nb_desc  Descriptors that it may use.
 * @param why      [size] Out: why not, and what to do.
 */
bool pmd_rx_chain_fits(struct rte_mempool *pool, uint16_t nb_desc, char *why, size_t size);

/** The same for all queues of a port. */
bool pmd_rx_chains_fit(const struct rte_eth_dev_data *data, char *why, size_t size);

/** How a queue posts its buffers with these features; before the queue is started. */
void pmd_rx_chain_set(struct pmd_rx_queue *q, uint64_t features);

/**
 * Queue up to n chains, unpublished; there is room for them. The ring is out of sequence.
 *
 * @return how many; fewer than n: the pool is empty.
 */
uint16_t pmd_rx_chain_add(struct pmd_rxq *rxq, uint16_t n);

/**
 * The next buffer that came back, cut to what the device wrote: the mbufs behind that are free.
 *
 * @param len  Out: bytes that the device wrote, at most those of the buffer, header included.
 * @return A packet, of length 0 where len does not exceed the header; NULL: none is there.
 */
struct rte_mbuf *pmd_rx_chain_get(struct pmd_rxq *rxq, uint32_t *len);

#endif
