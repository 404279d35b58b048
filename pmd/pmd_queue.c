/* SPDX-License-Identifier: BSD-3-Clause */
#include "pmd_queue.h"

#include "net/vnet_features.h"
#include "pmd_intr.h"
#include "pmd_log.h"
#include "pmd_offload.h"
#include "pmd_rx_chain.h"
#include "pmd_rx_offload.h"

#include <rte_malloc.h>

#include <errno.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define TX_FREE_THRESH 32
/* Packets that a deep ring may hold before completions are taken: more would only cool down. */
#define TX_HELD_MAX 128

int
pmd_ring_alloc(struct pmd_ring *ring, uint16_t size, int socket_id)
{
	struct virtq_layout layout;

	virtq_layout(&layout, size);
	ring->size = size;
	ring->kick_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	ring->call_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	ring->mem = rte_zmalloc_socket("virtq ring", layout.bytes, RTE_CACHE_LINE_SIZE, socket_id);
	ring->private = rte_zmalloc_socket(
		"virtq books", virtq_driver_bytes(size), RTE_CACHE_LINE_SIZE, socket_id);
	if (ring->kick_fd >= 0 && ring->call_fd >= 0 && ring->mem != NULL && ring->private != NULL)
		return 0;
	pmd_ring_free(ring);
	return -ENOMEM;
}

void
pmd_ring_free(struct pmd_ring *ring)
{
	if (ring->size == 0)
		return;
	if (ring->kick_fd >= 0)
		close(ring->kick_fd);
	if (ring->call_fd >= 0)
		close(ring->call_fd);
	rte_free(ring->mem);
	rte_free(ring->private);
	*ring = (struct pmd_ring){.size = 0};
}

void
pmd_ring_init(struct pmd_ring *ring, uint32_t flags)
{
	struct virtq_layout layout;
	uint8_t *mem = ring->mem;

	virtq_layout(&layout, ring->size);
	/* Sizes and alignments were checked when the ring was allocated. */
	(void)virtq_init(&ring->vq, ring->size, mem + layout.desc, mem + layout.avail,
		mem + layout.used, flags);
}

/* nb_desc bounds what is posted; the ring itself has queue_size entries. */
static uint16_t
bound_desc(struct rte_eth_dev *dev, const char *what, uint16_t id, uint16_t nb_desc)
{
	uint16_t size = pmd_port_of(dev)->args.queue_size;

	if (nb_desc <= size)
		return nb_desc;
	PMD_LOG(NOTICE,
		"%s: %s queue %u: %u descriptors wanted, the ring has %u; queue_size=%u "
		"would give them",
		dev->data->name, what, id, nb_desc, size, rte_align32pow2(nb_desc));
	return size;
}

/* Completions are taken when fewer packets than this have room. */
static uint16_t
default_free_thresh(uint16_t nb_desc)
{
	if (nb_desc > TX_HELD_MAX + TX_FREE_THRESH)
		return nb_desc - TX_HELD_MAX;
	return RTE_MIN(nb_desc / 4, TX_FREE_THRESH);
}

static int
check_pool(struct rte_eth_dev *dev, uint16_t id, uint16_t nb_desc, struct rte_mempool *pool,
	uint64_t offloads)
{
	const struct pmd_port *port = pmd_port_of(dev);
	const uint32_t frame = dev->data->mtu + PMD_FRAME_OVERHEAD;
	uint32_t room = rte_pktmbuf_data_room_size(pool);
	char why[PMD_REASON_BYTES];

	if (RTE_PKTMBUF_HEADROOM < VIRTIO_NET_HDR_BYTES || room <= RTE_PKTMBUF_HEADROOM) {
		PMD_LOG(ERR,
			"%s: receive queue %u: mbufs of pool %s have %u bytes, less than the "
			"headroom of %u and a frame",
			dev->data->name, id, pool->name, room, RTE_PKTMBUF_HEADROOM);
		return -EINVAL;
	}
	room -= RTE_PKTMBUF_HEADROOM;
	if (!port->args.mrg_rxbuf && (offloads & RTE_ETH_RX_OFFLOAD_TCP_LRO)) {
		if (pmd_rx_chain_fits(
			    pool, RTE_MIN(nb_desc, port->args.queue_size), why, sizeof(why)))
			return 0;
		PMD_LOG(ERR, "%s: receive queue %u: %s", dev->data->name, id, why);
		return -EINVAL;
	}
	if (room >= frame)
		return 0;
	if (!port->args.mrg_rxbuf) {
		PMD_LOG(ERR,
			"%s: receive queue %u: mbufs of pool %s hold %u bytes, a frame of MTU "
			"%u needs %u: use bigger mbufs, or mrg_rxbuf=1 and the SCATTER offload",
			dev->data->name, id, pool->name, room, dev->data->mtu, frame);
		return -EINVAL;
	}
	if (!(offloads & (RTE_ETH_RX_OFFLOAD_SCATTER | RTE_ETH_RX_OFFLOAD_TCP_LRO))) {
		PMD_LOG(ERR,
			"%s: receive queue %u: mbufs of pool %s hold %u bytes, a frame of MTU "
			"%u needs %u: use bigger mbufs, or switch the SCATTER offload on",
			dev->data->name, id, pool->name, room, dev->data->mtu, frame);
		return -EINVAL;
	}
	return 0;
}

int
pmd_rx_queue_setup(struct rte_eth_dev *dev, uint16_t id, uint16_t nb_desc, unsigned int socket_id,
	const struct rte_eth_rxconf *conf, struct rte_mempool *pool)
{
	struct pmd_port *port = pmd_port_of(dev);
	struct pmd_rx_queue *q;
	int ret;

	if (pool == NULL) {
		PMD_LOG(ERR,
			"%s: receive queue %u: one mempool is needed, buffer split is not "
			"supported",
			dev->data->name, id);
		return -ENOTSUP;
	}
	ret = check_pool(
		dev, id, nb_desc, pool, conf->offloads | dev->data->dev_conf.rxmode.offloads);
	if (ret != 0)
		return ret;
	q = rte_zmalloc_socket("virtq rxq", sizeof(*q), RTE_CACHE_LINE_SIZE, (int)socket_id);
	if (q == NULL || pmd_ring_alloc(&q->ring, port->args.queue_size, (int)socket_id) != 0) {
		PMD_LOG(ERR, "%s: receive queue %u: no memory for a ring of %u", dev->data->name,
			id, port->args.queue_size);
		rte_free(q);
		return -ENOMEM;
	}
	pmd_ring_init(&q->ring, 0);
	q->conf = *conf;
	q->nb_desc = bound_desc(dev, "receive", id, nb_desc);
	q->rxq.burst = pmd_burst_none;
	q->rxq.pool = pool;
	q->rxq.post_max = q->nb_desc;
	pmd_rx_post_set(dev, q);
	q->rxq.kick_fd = q->ring.kick_fd;
	q->rxq.port_id = dev->data->port_id;
	q->rxq.queue_id = id;
	dev->data->rx_queues[id] = q;
	return 0;
}

int
pmd_tx_queue_setup(struct rte_eth_dev *dev, uint16_t id, uint16_t nb_desc, unsigned int socket_id,
	const struct rte_eth_txconf *conf)
{
	struct pmd_port *port = pmd_port_of(dev);
	uint16_t size = port->args.queue_size;
	struct pmd_offloads on = {.rx = 0};
	struct pmd_tx_queue *q;

	if (conf->tx_free_thresh >= RTE_MIN(nb_desc, size)) {
		PMD_LOG(ERR,
			"%s: transmit queue %u: tx_free_thresh %u has to be below the %u "
			"descriptors",
			dev->data->name, id, conf->tx_free_thresh, RTE_MIN(nb_desc, size));
		return -EINVAL;
	}
	q = rte_zmalloc_socket("virtq txq", sizeof(*q), RTE_CACHE_LINE_SIZE, (int)socket_id);
	if (q == NULL || pmd_ring_alloc(&q->ring, size, (int)socket_id) != 0)
		goto no_memory;
	q->txq.slots = rte_zmalloc_socket("virtq tx slots",
		(size_t)size * sizeof(struct pmd_tx_slot), RTE_CACHE_LINE_SIZE, (int)socket_id);
	if (q->txq.slots == NULL)
		goto no_memory;
	q->conf = *conf;
	q->nb_desc = bound_desc(dev, "transmit", id, nb_desc);
	q->conf.tx_free_thresh =
		conf->tx_free_thresh != 0 ? conf->tx_free_thresh : default_free_thresh(q->nb_desc);
	on.tx = conf->offloads | dev->data->dev_conf.txmode.offloads;
	pmd_tx_offloads_set(
		&q->txq, on.tx, pmd_offload_needs(on) | pmd_offload_likes(on, UINT64_MAX));
	q->txq.burst = pmd_burst_none;
	q->txq.post_max = q->nb_desc;
	q->txq.free_thresh = q->conf.tx_free_thresh;
	q->txq.kick_fd = q->ring.kick_fd;
	q->txq.port_id = dev->data->port_id;
	q->txq.queue_id = id;
	dev->data->tx_queues[id] = q;
	return 0;
no_memory:
	PMD_LOG(ERR, "%s: transmit queue %u: no memory for a ring of %u", dev->data->name, id,
		size);
	if (q != NULL)
		pmd_ring_free(&q->ring);
	rte_free(q);
	return -ENOMEM;
}

void
pmd_rx_queue_release(struct rte_eth_dev *dev, uint16_t id)
{
	struct pmd_rx_queue *q = dev->data->rx_queues[id];

	dev->data->rx_queues[id] = NULL;
	if (q == NULL)
		return;
	pmd_intr_free(dev);
	pmd_ring_free(&q->ring);
	rte_free(q);
}

void
pmd_tx_queue_release(struct rte_eth_dev *dev, uint16_t id)
{
	struct pmd_tx_queue *q = dev->data->tx_queues[id];

	dev->data->tx_queues[id] = NULL;
	if (q == NULL)
		return;
	rte_free(q->txq.slots);
	pmd_ring_free(&q->ring);
	rte_free(q);
}

void
pmd_rxq_info_get(struct rte_eth_dev *dev, uint16_t id, struct rte_eth_rxq_info *info)
{
	const struct pmd_rx_queue *q = dev->data->rx_queues[id];

	info->mp = q->rxq.pool;
	info->conf = q->conf;
	info->scattered_rx = dev->data->scattered_rx;
	info->nb_desc = q->nb_desc;
	info->rx_buf_size = rte_pktmbuf_data_room_size(q->rxq.pool) - RTE_PKTMBUF_HEADROOM;
}

void
pmd_txq_info_get(struct rte_eth_dev *dev, uint16_t id, struct rte_eth_txq_info *info)
{
	const struct pmd_tx_queue *q = dev->data->tx_queues[id];

	info->conf = q->conf;
	info->nb_desc = q->nb_desc;
}

static int
mode_get(struct rte_eth_dev *dev, pmd_burst_fn *burst, const struct pmd_variant *variant,
	struct rte_eth_burst_mode *mode)
{
	const struct pmd_port *port = pmd_port_of(dev);

	mode->flags = 0;
	snprintf(mode->info, sizeof(mode->info), "%s",
		!port->fixed              ? "none: no backend yet"
		: burst == pmd_burst_none ? "none: queue is off"
					  : variant->name);
	return 0;
}

int
pmd_rx_burst_mode_get(struct rte_eth_dev *dev, uint16_t id, struct rte_eth_burst_mode *mode)
{
	uint64_t features = pmd_port_of(dev)->features;

	return mode_get(dev, ((const struct pmd_rxq *)dev->data->rx_queues[id])->burst,
		pmd_rx_variant(pmd_rx_flags(features)), mode);
}

int
pmd_tx_burst_mode_get(struct rte_eth_dev *dev, uint16_t id, struct rte_eth_burst_mode *mode)
{
	uint64_t features = pmd_port_of(dev)->features;

	return mode_get(dev, ((const struct pmd_txq *)dev->data->tx_queues[id])->burst,
		pmd_tx_variant(pmd_tx_flags(dev->data->tx_queues[id], features)), mode);
}

uint16_t
pmd_used_waiting(const struct virtq_driver *q)
{
	uint16_t waiting;

	if (q->vq.used == NULL)
		return 0;
	waiting = (uint16_t)(virtq_index_peek(&q->vq.used->idx) - q->used_next);
	return RTE_MIN(waiting, virtq_driver_outstanding(q));
}

uint32_t
pmd_rx_queue_count(void *queue)
{
	const struct pmd_rxq *rxq = queue;

	/* What waits in a queue that is off will not be received. */
	if (__atomic_load_n(&rxq->burst, __ATOMIC_RELAXED) == pmd_burst_none)
		return 0;
	return pmd_used_waiting(&rxq->q);
}

int
pmd_rx_descriptor_status(void *queue, uint16_t offset)
{
	const struct pmd_rxq *rxq = queue;

	if (offset >= ((const struct pmd_rx_queue *)queue)->nb_desc)
		return -EINVAL;
	if (__atomic_load_n(&rxq->burst, __ATOMIC_RELAXED) == pmd_burst_none)
		return RTE_ETH_RX_DESC_UNAVAIL;
	if (offset < pmd_used_waiting(&rxq->q))
		return RTE_ETH_RX_DESC_DONE;
	if (offset < virtq_driver_outstanding(&rxq->q))
		return RTE_ETH_RX_DESC_AVAIL;
	return RTE_ETH_RX_DESC_UNAVAIL;
}

int
pmd_tx_descriptor_status(void *queue, uint16_t offset)
{
	const struct pmd_txq *txq = queue;
	uint16_t free;

	if (offset >= txq->post_max)
		return -EINVAL;
	/* Free ones follow the tail; behind them wait the oldest packets. */
	free = (uint16_t)(txq->post_max - virtq_driver_outstanding(&txq->q));
	if (offset < free + pmd_used_waiting(&txq->q))
		return RTE_ETH_TX_DESC_DONE;
	return RTE_ETH_TX_DESC_FULL;
}
