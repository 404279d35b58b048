/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The device asks that the port tell the network where it is: VIRTIO 1.3, 5.1.6.5.4 Gratuitous
 * Packet Sending. A transmit ring belongs to the thread that polls it, so that one sends the
 * packet, in front of its next burst.
 *
 * port->announce goes WANTED (control thread), TAKEN (a polling thread tries), DONE or back to
 * WANTED. The acknowledgement does not wait long for a port that sends nothing; the packet then
 * goes out with the first burst that comes.
 */
#include "pmd_announce.h"

#include "pmd_intr.h"

#include <rte_arp.h>
#include <rte_ethdev.h>

#include <string.h>

#define ANNOUNCE_ACK_MS 1000

enum {
	ANNOUNCE_NONE,
	ANNOUNCE_WANTED,
	ANNOUNCE_TAKEN,
	ANNOUNCE_DONE,
};

#define RARP_BYTES (sizeof(struct rte_ether_hdr) + sizeof(struct rte_arp_hdr))

/* @return false: not now, no buffer or no room. */
static bool
send_rarp(struct pmd_txq *txq, const struct rte_eth_dev *dev)
{
	const struct pmd_rxq *rxq = dev->data->nb_rx_queues == 0 ? NULL : dev->data->rx_queues[0];
	struct rte_mbuf *m;

	/* A port that does not receive has no mempool that we know, and no one to reach. */
	if (rxq == NULL)
		return true;
	m = rte_net_make_rarp_packet(rxq->pool, &dev->data->mac_addrs[0]);
	if (m == NULL)
		return false;
	/* Its padding would be what the buffer held last. */
	memset(rte_pktmbuf_mtod_offset(m, void *, RARP_BYTES), 0, m->data_len - RARP_BYTES);
	if (txq->poll(txq, &m, 1) == 1)
		return true;
	rte_pktmbuf_free(m);
	return false;
}

static pmd_burst_fn *
burst_after(const struct pmd_port *port, const struct pmd_txq *txq)
{
	return pmd_intr_wanted(port) ? pmd_tx_burst_event : txq->poll;
}

uint16_t
pmd_tx_burst_announce(void *queue, struct rte_mbuf **pkts, uint16_t nb)
{
	struct pmd_txq *txq = queue;
	const struct rte_eth_dev *dev = &rte_eth_devices[txq->port_id];
	struct pmd_port *port = pmd_port_of(dev);
	pmd_burst_fn *after = burst_after(port, txq);
	pmd_burst_fn *self = pmd_tx_burst_announce;
	uint32_t expected = ANNOUNCE_WANTED;

	/* Another queue may be at it, or have done it. */
	if (__atomic_compare_exchange_n(&port->announce, &expected, ANNOUNCE_TAKEN, false,
		    __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
		const bool sent = send_rarp(txq, dev);

		__atomic_store_n(
			&port->announce, sent ? ANNOUNCE_DONE : ANNOUNCE_WANTED, __ATOMIC_RELEASE);
		if (!sent)
			return after(queue, pkts, nb);
	}
	/* Unless the queue was stopped in the meantime. */
	if (!__atomic_compare_exchange_n(
		    &txq->burst, &self, after, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		return 0;
	return after(queue, pkts, nb);
}

static void
begin(struct pmd_port *port)
{
	const struct rte_eth_dev_data *data = port->eth_dev->data;

	port->ctrl.announcing = true;
	port->ctrl.announce_until_ms = pmd_now_ms() + ANNOUNCE_ACK_MS;
	pmd_count(&port->ctrl.stats.announces);
	__atomic_store_n(&port->announce, ANNOUNCE_WANTED, __ATOMIC_RELEASE);
	for (uint16_t i = 0; i < data->nb_tx_queues; i++) {
		struct pmd_txq *txq = data->tx_queues[i];
		pmd_burst_fn *usual = burst_after(port, txq);

		/* Those that are off stay off. */
		(void)__atomic_compare_exchange_n(&txq->burst, &usual, pmd_tx_burst_announce, false,
			__ATOMIC_RELEASE, __ATOMIC_RELAXED);
	}
}

void
pmd_announce_check(struct pmd_port *port)
{
	const struct vnet_ctrl ack = {.kind = VNET_CTRL_ANNOUNCE_ACK};

	if (!pmd_ctrl_ready(port) || !(port->config.status & VIRTIO_NET_S_ANNOUNCE) ||
		!(port->features & virtq_bit(VIRTIO_NET_F_GUEST_ANNOUNCE)))
		return;
	if (!port->ctrl.announcing)
		begin(port);
	if (__atomic_load_n(&port->announce, __ATOMIC_ACQUIRE) != ANNOUNCE_DONE &&
		pmd_now_ms() < port->ctrl.announce_until_ms)
		return;
	port->ctrl.announcing = false;
	port->config.status &= (uint16_t)~VIRTIO_NET_S_ANNOUNCE;
	(void)pmd_ctrl_apply(port, &ack);
}
