/* SPDX-License-Identifier: BSD-3-Clause */
/* Queues of a port: set-up and release, and the memory of their rings. */
#ifndef PMD_QUEUE_H
#define PMD_QUEUE_H

#include "pmd_rxtx.h"
#include "spec/virtio_net_spec.h"

#include <ethdev_driver.h>

/* Ethernet header and one VLAN tag; there is no CRC on a virtio link. */
#define PMD_FRAME_OVERHEAD (RTE_ETHER_HDR_LEN + RTE_VLAN_HLEN)
#define PMD_FRAME_MAX 65535
/* The largest IP packet and its Ethernet header. VIRTIO 1.3, 5.1.6.3.1. */
#define PMD_LRO_MAX 65549

/* One ring: memory shared with the device, private books, and how the ends wake each other. */
struct pmd_ring {
	void *mem;
	void *private; /* virtq_driver_bytes(size) */
	uint16_t size;
	int kick_fd;
	int call_fd;
	struct virtq vq; /* set by pmd_ring_init() */
};

struct pmd_rx_queue {
	struct pmd_rxq rxq; /* first: the burst functions get its address */
	struct pmd_ring ring;
	struct pmd_rx_stats base; /* counters at the last reset */
	struct rte_eth_rxconf conf;
	uint16_t nb_desc;
};

struct pmd_tx_queue {
	struct pmd_txq txq; /* first, as above */
	struct pmd_ring ring;
	struct pmd_tx_stats base;
	struct rte_eth_txconf conf;
	uint16_t nb_desc;
};

/** @return 0 or -ENOMEM, -errno. Released by pmd_ring_free(), also a zeroed one. */
int pmd_ring_alloc(struct pmd_ring *ring, uint16_t size, int socket_id);
void pmd_ring_free(struct pmd_ring *ring);

/* Point ring->vq at the memory, with enum virtq_flag flags. */
void pmd_ring_init(struct pmd_ring *ring, uint32_t flags);

/** Entries that the device has used and the driver has not taken. No device, no ring yet: 0. */
uint16_t pmd_used_waiting(const struct virtq_driver *q);

/* ethdev operations. */
int pmd_rx_queue_setup(struct rte_eth_dev *dev, uint16_t id, uint16_t nb_desc,
	unsigned int socket_id, const struct rte_eth_rxconf *conf, struct rte_mempool *pool);
int pmd_tx_queue_setup(struct rte_eth_dev *dev, uint16_t id, uint16_t nb_desc,
	unsigned int socket_id, const struct rte_eth_txconf *conf);
void pmd_rx_queue_release(struct rte_eth_dev *dev, uint16_t id);
void pmd_tx_queue_release(struct rte_eth_dev *dev, uint16_t id);
void pmd_rxq_info_get(struct rte_eth_dev *dev, uint16_t id, struct rte_eth_rxq_info *info);
void pmd_txq_info_get(struct rte_eth_dev *dev, uint16_t id, struct rte_eth_txq_info *info);
int pmd_rx_burst_mode_get(struct rte_eth_dev *dev, uint16_t id, struct rte_eth_burst_mode *mode);
int pmd_tx_burst_mode_get(struct rte_eth_dev *dev, uint16_t id, struct rte_eth_burst_mode *mode);
uint32_t pmd_rx_queue_count(void *queue);
int pmd_rx_descriptor_status(void *queue, uint16_t offset);
int pmd_tx_descriptor_status(void *queue, uint16_t offset);

/* Negotiated features -> flags of the burst variants. */
static inline unsigned int
pmd_rx_flags(uint64_t features)
{
	return (features & virtq_bit(VIRTIO_NET_F_MRG_RXBUF) ? PMD_RX_MERGE : 0) |
	       (features & virtq_bit(VIRTIO_NET_F_GUEST_CSUM) ? PMD_RX_OFFLOAD : 0) |
	       (features & virtq_bit(VIRTIO_NET_F_HASH_REPORT) ? PMD_RX_HASH : 0);
}

static inline unsigned int
pmd_tx_flags(const struct pmd_txq *txq, uint64_t features)
{
	return (features & virtq_bit(VIRTIO_F_IN_ORDER) ? PMD_TX_IN_ORDER : 0) |
	       (txq->asks != 0 ? PMD_TX_OFFLOAD : 0);
}

/** Can one buffer of this queue hold a frame of this many bytes? */
static inline bool
pmd_rxq_holds(const struct pmd_rx_queue *q, uint32_t frame)
{
	return (uint32_t)rte_pktmbuf_data_room_size(q->rxq.pool) - RTE_PKTMBUF_HEADROOM >= frame;
}

#endif
