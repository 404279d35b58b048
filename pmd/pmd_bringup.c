/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hand the rings to a device and take them back. VIRTIO 1.3, 3.1 Device Initialization.
 *
 * The first device fixes the features that posted buffers and burst functions depend on. Later
 * ones get the rings as they are, from the used index on: what the last one took and did not
 * complete is replayed.
 */
#include "net/vnet_features.h"
#include "net/vnet_offload.h"
#include "pmd_intr.h"
#include "pmd_log.h"
#include "pmd_offload.h"
#include "pmd_queue_ops.h"
#include "pmd_rx_chain.h"

#include <rte_ethdev.h>

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define RETRY_MAX 32 /* ticks */

static const char *
port_name(const struct pmd_port *port)
{
	return port->eth_dev->data->name;
}

static void
reason_va(struct pmd_port *port, uint32_t level, const char *format, va_list ap)
{
	char text[PMD_REASON_BYTES];

	vsnprintf(text, sizeof(text), format, ap);
	if (strcmp(text, port->reason) == 0)
		return;
	memcpy(port->reason, text, sizeof(text));
	rte_log(level, virtq_pmd_logtype, "net_virtq: %s: %s\n", port_name(port), text);
}

void
pmd_reason(struct pmd_port *port, uint32_t level, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	reason_va(port, level, format, ap);
	va_end(ap);
}

void
pmd_give_up(struct pmd_port *port, int error, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	reason_va(port, RTE_LOG_WARNING, format, ap);
	va_end(ap);
	if (error == -ETIMEDOUT)
		pmd_count(&port->life.timeouts);
	else if (error == -ECONNRESET)
		pmd_count(&port->life.hang_ups);
	else
		pmd_count(&port->life.errors);
	/* One that vanished may be back at once; one that misbehaves is asked less and less often.
	 */
	if (error == -ECONNRESET || port->retry_ms == 0)
		port->retry_ms = pmd_tick_ms;
	else
		port->retry_ms = RTE_MIN(port->retry_ms * 2, RETRY_MAX * pmd_tick_ms);
	port->transport->ops->drop(port->transport);
	port->state = PMD_ABSENT;
	pmd_life_wake(port);
}

int
pmd_refuse(struct pmd_port *port, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	reason_va(port, RTE_LOG_ERR, format, ap);
	va_end(ap);
	pmd_count(&port->life.refusals);
	port->state = PMD_REFUSED;
	return -ENOTSUP;
}

struct pmd_ring *
pmd_port_ring(struct pmd_port *port, uint32_t index)
{
	const struct rte_eth_dev_data *data = port->eth_dev->data;
	uint32_t pair = index / 2;

	if (index % 2 == 0 && pair < data->nb_rx_queues && data->rx_queues[pair] != NULL)
		return &((struct pmd_rx_queue *)data->rx_queues[pair])->ring;
	if (index % 2 == 1 && pair < data->nb_tx_queues && data->tx_queues[pair] != NULL)
		return &((struct pmd_tx_queue *)data->tx_queues[pair])->ring;
	if (pair == 0 && port->spare[index].size != 0)
		return &port->spare[index];
	return NULL;
}

static int
status_add(struct pmd_port *port, uint8_t *status, uint8_t bits)
{
	struct transport *t = port->transport;
	int ret;

	*status |= bits;
	ret = t->ops->status_set(t, *status);
	return ret == -ENOTSUP ? 0 : ret;
}

/* @return 0; -ENOTSUP refused; other: the device is lost. */
static int
negotiate(struct pmd_port *port, uint64_t features, uint8_t *status)
{
	struct transport *t = port->transport;
	uint8_t seen = 0;
	int ret = status_add(port, status, VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER);

	if (ret == 0)
		ret = t->ops->features_set(t, features);
	if (ret == 0)
		ret = status_add(port, status, VIRTIO_STATUS_FEATURES_OK);
	if (ret != 0)
		return ret;
	ret = t->ops->status_get(t, &seen);
	if (ret == -ENOTSUP)
		return 0;
	if (ret == 0 && !(seen & VIRTIO_STATUS_FEATURES_OK))
		return pmd_refuse(port, "backend did not accept the features 0x%" PRIx64, features);
	return ret;
}

/* Who agreed to the MTU sends nothing longer; one VLAN tag does not count. VIRTIO 1.3, 5.1.4.2. */
static void
frame_max_set(const struct pmd_port *port, struct pmd_txq *txq, uint64_t features)
{
	const bool agreed = (features & virtq_bit(VIRTIO_NET_F_MTU)) && port->config.there;

	__atomic_store_n(&txq->frame_max,
		agreed ? port->config.mtu + (uint32_t)PMD_FRAME_OVERHEAD : UINT32_MAX,
		__ATOMIC_RELAXED);
}

/* Fresh rings with all buffers posted where the queue is on, burst functions still off. */
static void
queues_start(struct pmd_port *port, uint64_t features)
{
	const struct rte_eth_dev_data *data = port->eth_dev->data;
	const uint32_t flags = virtq_flags(features);

	for (uint16_t i = 0; i < data->nb_rx_queues; i++) {
		struct pmd_rx_queue *q = data->rx_queues[i];

		pmd_ring_init(&q->ring, flags);
		q->rxq.hdr_bytes = vnet_hdr_bytes(features);
		q->rxq.can = vnet_can(features, VNET_RECEIVE);
		pmd_rx_chain_set(q, features);
		q->rxq.opened = pmd_ring_wanted(port, 2u * i);
		if (!q->rxq.opened)
			pmd_rxq_init(&q->rxq, &q->ring.vq, q->ring.private);
		else if (pmd_rxq_start(&q->rxq, &q->ring.vq, q->ring.private) != 0)
			PMD_LOG(WARNING,
				"%s: receive queue %u: mempool %s has %u of the %u mbufs to post",
				port_name(port), i, q->rxq.pool->name,
				virtq_driver_outstanding(&q->rxq.q) * q->rxq.chain_mbufs,
				q->rxq.post_max * q->rxq.chain_mbufs);
	}
	for (uint16_t i = 0; i < data->nb_tx_queues; i++) {
		struct pmd_tx_queue *q = data->tx_queues[i];

		pmd_ring_init(&q->ring, flags);
		q->txq.hdr_bytes = vnet_hdr_bytes(features);
		pmd_tx_offloads_set(
			&q->txq, q->conf.offloads | data->dev_conf.txmode.offloads, features);
		frame_max_set(port, &q->txq, features);
		pmd_txq_start(&q->txq, &q->ring.vq, q->ring.private);
	}
	for (uint16_t i = 0; i < RTE_DIM(port->spare); i++) {
		struct pmd_ring *ring = &port->spare[i];

		if (ring->size == 0)
			continue;
		pmd_ring_init(ring, flags);
		memset(ring->vq.avail, 0, virtq_avail_bytes(ring->size));
		memset(ring->vq.used, 0, virtq_used_bytes(ring->size));
	}
	port->features = features;
	port->fixed = true;
}

/* The rings as they are, for another device. */
static void
queues_continue(struct pmd_port *port, uint64_t features)
{
	const struct rte_eth_dev_data *data = port->eth_dev->data;
	const uint32_t flags = virtq_flags(features);

	for (uint16_t i = 0; i < data->nb_rx_queues; i++) {
		struct pmd_rx_queue *q = data->rx_queues[i];

		pmd_intr_mode(&q->ring, &q->rxq.q, flags);
	}
	for (uint16_t i = 0; i < data->nb_tx_queues; i++) {
		struct pmd_tx_queue *q = data->tx_queues[i];

		frame_max_set(port, &q->txq, features);
		pmd_intr_mode(&q->ring, &q->txq.q, flags);
	}
	port->features = features;
}

static struct transport_queue
ring_for_device(const struct pmd_ring *ring, uint32_t index)
{
	return (struct transport_queue){
		.index = index,
		.vq = &ring->vq,
		.base = virtq_index_peek(&ring->vq.used->idx),
		.kick_fd = ring->kick_fd,
		.call_fd = ring->call_fd,
	};
}

static int
rings_set(struct pmd_port *port)
{
	struct transport *t = port->transport;
	const uint32_t nb = 2 * (uint32_t)pmd_port_pairs(port);
	int ret = 0;

	for (uint32_t i = 0; i < nb && ret == 0; i++) {
		const struct pmd_ring *ring = pmd_port_ring(port, i);
		struct transport_queue q;

		if (ring == NULL)
			continue;
		q = ring_for_device(ring, i);
		ret = t->ops->queue_set(t, &q);
	}
	return ret;
}

/* Those that are wanted, and the first ones. */
static int
rings_enable(struct pmd_port *port, uint32_t first)
{
	struct transport *t = port->transport;
	const uint32_t nb = 2 * (uint32_t)pmd_port_pairs(port);
	int ret = 0;

	for (uint32_t i = 0; i < nb && ret == 0; i++) {
		if (pmd_port_ring(port, i) != NULL && (i < first || pmd_ring_wanted(port, i)))
			ret = t->ops->queue_enable(t, i, true);
	}
	return ret;
}

/* Pair 0 again, where it is not wanted: now that the device is ready it stands that. */
static int
pair_0_settle(struct pmd_port *port)
{
	struct transport *t = port->transport;
	bool settled = false;
	int ret = 0;

	for (uint32_t i = 0; i < 2 && ret == 0; i++) {
		if (pmd_port_ring(port, i) == NULL || pmd_ring_wanted(port, i))
			continue;
		ret = t->ops->queue_enable(t, i, false);
		settled = true;
	}
	return ret == 0 && settled ? t->ops->sync(t) : ret;
}

void
pmd_ring_kick(struct pmd_port *port, uint32_t index)
{
	struct transport *t = port->transport;
	const struct pmd_ring *ring = pmd_port_ring(port, index);

	if (ring != NULL) {
		struct transport_queue q = ring_for_device(ring, index);

		t->ops->notify(t, &q);
	}
}

/*
 * Start the device. With a control ring it hears what the port wants before a data ring is enabled,
 * so that nothing arrives that is not to, or elsewhere. Others hear nothing, and of these rte_vhost
 * calls a device ready when pair 0 is enabled, and not before.
 */
static int
device_start(struct pmd_port *port, uint64_t features, uint8_t status)
{
	const bool ring = (features & virtq_bit(VIRTIO_NET_F_CTRL_VQ)) != 0;
	struct transport *t = port->transport;
	int ret = rings_set(port);

	if (ret == 0)
		ret = ring ? pmd_ctrl_ring_set(port, features) : rings_enable(port, 2);
	if (ret == 0)
		ret = status_add(port, &status, VIRTIO_STATUS_DRIVER_OK);
	if (ret == 0)
		ret = t->ops->sync(t);
	if (ret == 0)
		ret = pmd_ctrl_replay(port, features);
	if (ret != 0 || !ring)
		return ret == 0 ? pair_0_settle(port) : ret;
	t->ops->begin(t);
	ret = rings_enable(port, 0);
	return ret == 0 ? t->ops->sync(t) : ret;
}

static int
hand_over(struct pmd_port *port, uint64_t features)
{
	struct transport *t = port->transport;
	uint8_t status = 0;
	int ret = negotiate(port, features, &status);

	if (ret != 0)
		return ret;
	ret = t->ops->memory_set(t, NULL, 0);
	if (ret == -E2BIG || ret == -ENOTSUP) {
		pmd_refuse(port, "%s", t->error);
		(void)t->ops->status_set(t, 0);
		return ret;
	}
	if (ret == 0 && (features & virtq_bit(VIRTIO_NET_F_MTU)) && t->ops->mtu_wanted(t))
		ret = t->ops->mtu_set(t, port->eth_dev->data->mtu);
	if (ret != 0)
		return ret;
	if (port->fixed)
		queues_continue(port, features);
	else
		queues_start(port, features);
	return device_start(port, features, status);
}

void
pmd_bringup(struct pmd_port *port)
{
	struct transport *t = port->transport;
	uint64_t features = 0;
	char names[256];
	int ret;

	t->ops->begin(t);
	if (pmd_features_choose(port, &features) != 0)
		return;
	ret = hand_over(port, features);
	if (ret == -EBADMSG) {
		/* The control thread sees the broken control ring, and says it. */
		t->ops->drop(t);
		port->state = PMD_ABSENT;
		pmd_life_wake(port);
		return;
	}
	if (ret != 0) {
		pmd_ctrl_end(port);
		if (port->state != PMD_REFUSED)
			pmd_give_up(port, ret, "%s", t->error);
		return;
	}
	/* Entries may wait that the last device was told of. */
	for (uint32_t i = 0; i < 2 * (uint32_t)pmd_port_pairs(port); i++)
		pmd_ring_kick(port, i);
	pmd_bursts_on(port);
	port->state = PMD_RUNNING;
	port->retry_ms = pmd_tick_ms;
	pmd_count(&port->life.running);
	port->reason[0] = '\0';
	PMD_LOG(NOTICE, "%s: backend runs, %u queue pairs", port_name(port), pmd_port_pairs(port));
	PMD_LOG(INFO, "%s: features %s", port_name(port),
		vnet_features_str(features, names, sizeof(names)));
}

void
pmd_bringdown(struct pmd_port *port)
{
	struct transport *t = port->transport;
	const uint32_t nb = 2 * (uint32_t)pmd_port_pairs(port);
	int ret = 0;

	pmd_bursts_off(port);
	if (port->state == PMD_RUNNING) {
		t->ops->begin(t);
		for (uint32_t i = 0; i < nb && ret == 0; i++) {
			if (pmd_port_ring(port, i) != NULL)
				ret = t->ops->queue_enable(t, i, false);
		}
		if (ret == 0)
			ret = pmd_ctrl_ring_reset(port);
		for (uint32_t i = 0; i < nb && ret == 0; i++) {
			if (pmd_port_ring(port, i) != NULL)
				ret = t->ops->queue_reset(t, i);
		}
		if (ret == 0) {
			ret = t->ops->status_set(t, 0);
			ret = ret == -ENOTSUP ? 0 : ret;
		}
		if (ret == 0)
			port->state = PMD_ATTACHED;
		else
			pmd_give_up(port, ret, "%s", t->error);
	}
	pmd_ctrl_end(port);
	port->started = false;
}

void
pmd_drain(struct pmd_port *port)
{
	const struct rte_eth_dev_data *data = port->eth_dev->data;

	if (!port->fixed)
		return;
	for (uint16_t i = 0; i < data->nb_rx_queues; i++)
		pmd_rxq_drain(data->rx_queues[i]);
	for (uint16_t i = 0; i < data->nb_tx_queues; i++)
		pmd_txq_drain(data->tx_queues[i]);
	port->fixed = false;
}

int
pmd_mtu_tell(struct pmd_port *port, uint16_t mtu)
{
	struct transport *t = port->transport;
	int ret;

	if (port->state != PMD_RUNNING || !(port->features & virtq_bit(VIRTIO_NET_F_MTU)) ||
		!t->ops->mtu_wanted(t))
		return 0;
	t->ops->begin(t);
	ret = t->ops->mtu_set(t, mtu);
	if (ret == -EREMOTEIO) {
		PMD_LOG(ERR, "%s: backend does not take MTU %u", port_name(port), mtu);
		return -EINVAL;
	}
	if (ret != 0)
		pmd_give_up(port, ret, "%s", t->error);
	return 0;
}
