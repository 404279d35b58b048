/* SPDX-License-Identifier: BSD-3-Clause */
#include "pmd_queue_ops.h"

#include "pmd_intr.h"
#include "pmd_log.h"

#include <rte_cycles.h>

#define TX_GRACE_US 20000
#define TX_LOOK_US 50

void
pmd_queue_states_set(struct rte_eth_dev *dev, bool started)
{
	struct rte_eth_dev_data *data = dev->data;

	for (uint16_t i = 0; i < data->nb_rx_queues; i++) {
		const struct pmd_rx_queue *q = data->rx_queues[i];

		data->rx_queue_state[i] = started && !q->conf.rx_deferred_start
						  ? RTE_ETH_QUEUE_STATE_STARTED
						  : RTE_ETH_QUEUE_STATE_STOPPED;
	}
	for (uint16_t i = 0; i < data->nb_tx_queues; i++) {
		const struct pmd_tx_queue *q = data->tx_queues[i];

		data->tx_queue_state[i] = started && !q->conf.tx_deferred_start
						  ? RTE_ETH_QUEUE_STATE_STARTED
						  : RTE_ETH_QUEUE_STATE_STOPPED;
	}
}

bool
pmd_ring_wanted(const struct pmd_port *port, uint32_t index)
{
	const struct rte_eth_dev_data *data = port->eth_dev->data;
	const uint32_t pair = index / 2;

	if (port->link_down || pair >= pmd_ctrl_pairs(port))
		return false;
	if (index % 2 == 0)
		return pair >= data->nb_rx_queues ||
		       data->rx_queue_state[pair] == RTE_ETH_QUEUE_STATE_STARTED;
	return pair >= data->nb_tx_queues ||
	       data->tx_queue_state[pair] == RTE_ETH_QUEUE_STATE_STARTED;
}

/* The queue of a ring, NULL: a spare ring, or none. */
static struct pmd_rxq *
rxq_of(const struct pmd_port *port, uint32_t index)
{
	const struct rte_eth_dev_data *data = port->eth_dev->data;

	return index % 2 == 0 && index / 2 < data->nb_rx_queues ? data->rx_queues[index / 2] : NULL;
}

static struct pmd_txq *
txq_of(const struct pmd_port *port, uint32_t index)
{
	const struct rte_eth_dev_data *data = port->eth_dev->data;

	return index % 2 == 1 && index / 2 < data->nb_tx_queues ? data->tx_queues[index / 2] : NULL;
}

/* Pairs with the acquire load in pmd_rx_burst() and pmd_tx_burst(). */
static void
burst_store(pmd_burst_fn **burst, pmd_burst_fn *fn)
{
	__atomic_store_n(burst, fn, __ATOMIC_RELEASE);
}

/* What the queue's burst is to be, for as long as it is on. */
static void
rx_choose(struct pmd_port *port, struct pmd_rxq *rxq)
{
	rxq->poll = pmd_rx_variant(pmd_rx_flags(port->features))->burst;
	rxq->variant = pmd_intr_wanted(port) ? pmd_rx_burst_event : rxq->poll;
}

static void
tx_burst_on(struct pmd_port *port, struct pmd_txq *txq)
{
	txq->poll = pmd_tx_variant(pmd_tx_flags(txq, port->features))->burst;
	burst_store(&txq->burst, pmd_intr_wanted(port) ? pmd_tx_burst_event : txq->poll);
}

/* A receive queue that was on before throws away what is older than this moment. */
static void
rx_burst_on(struct pmd_port *port, struct pmd_rxq *rxq)
{
	rx_choose(port, rxq);
	if (rxq->opened)
		rxq->stale_until = virtq_index_peek(&rxq->q.vq.used->idx);
	else
		pmd_rxq_fill(rxq);
	burst_store(&rxq->burst, rxq->opened ? pmd_rx_burst_resume : rxq->variant);
	rxq->opened = true;
	pmd_intr_wake(rxq);
}

static void
burst_off(struct pmd_port *port, uint32_t index)
{
	struct pmd_rxq *rxq = rxq_of(port, index);
	struct pmd_txq *txq = txq_of(port, index);

	if (rxq != NULL)
		burst_store(&rxq->burst, pmd_burst_none);
	if (txq != NULL)
		burst_store(&txq->burst, pmd_burst_none);
}

void
pmd_bursts_on(struct pmd_port *port)
{
	for (uint32_t i = 0; i < 2 * (uint32_t)pmd_port_pairs(port); i++) {
		struct pmd_rxq *rxq = rxq_of(port, i);
		struct pmd_txq *txq = txq_of(port, i);

		/* One that the last device used and this one does not: off. */
		if (!pmd_ring_wanted(port, i)) {
			burst_off(port, i);
			continue;
		}
		/* With the next backend the bursts just go on. */
		if (rxq != NULL && rxq->burst == pmd_burst_none) {
			rx_choose(port, rxq);
			burst_store(&rxq->burst, rxq->variant);
		}
		if (rxq != NULL)
			pmd_intr_wake(rxq);
		if (txq != NULL && txq->burst == pmd_burst_none)
			tx_burst_on(port, txq);
	}
}

void
pmd_bursts_off(struct pmd_port *port)
{
	for (uint32_t i = 0; i < 2 * (uint32_t)pmd_port_pairs(port); i++)
		burst_off(port, i);
}

/* Tell the device, and wait until it has taken note. */
static void
device_enable(struct pmd_port *port, uint32_t first, uint32_t end, bool on)
{
	struct transport *t = port->transport;
	int ret = 0;

	if (port->state != PMD_RUNNING)
		return;
	t->ops->begin(t);
	for (uint32_t i = first; i < end && ret == 0; i++) {
		if (pmd_port_ring(port, i) != NULL && pmd_ring_wanted(port, i) == on)
			ret = t->ops->queue_enable(t, i, on);
	}
	if (ret == 0)
		ret = t->ops->sync(t);
	if (ret != 0)
		pmd_give_up(port, ret, "%s", t->error);
}

void
pmd_rings_on(struct pmd_port *port, uint32_t first, uint32_t end)
{
	if (!port->fixed || port->faulted)
		return;
	for (uint32_t i = first; i < end; i++) {
		struct pmd_rxq *rxq = rxq_of(port, i);
		struct pmd_txq *txq = txq_of(port, i);

		if (!pmd_ring_wanted(port, i))
			continue;
		if (rxq != NULL)
			rx_burst_on(port, rxq);
		if (txq != NULL)
			tx_burst_on(port, txq);
	}
	device_enable(port, first, end, true);
	/* It may have slept through what was published while the ring was disabled. */
	for (uint32_t i = first; i < end && port->state == PMD_RUNNING; i++) {
		if (pmd_ring_wanted(port, i))
			pmd_ring_kick(port, i);
	}
}

static bool
all_sent(const struct pmd_port *port, uint32_t first, uint32_t end)
{
	for (uint32_t i = first; i < end; i++) {
		const struct pmd_txq *txq = txq_of(port, i);

		if (txq != NULL && !virtq_driver_broken(&txq->q) &&
			virtq_index_peek(&txq->q.vq.used->idx) != txq->q.avail_idx)
			return false;
	}
	return true;
}

void
pmd_rings_off(struct pmd_port *port, uint32_t first, uint32_t end)
{
	for (uint32_t i = first; i < end; i++)
		burst_off(port, i);
	if (!port->fixed)
		return;
	for (uint32_t us = 0;
		port->state == PMD_RUNNING && us < TX_GRACE_US && !all_sent(port, first, end);
		us += TX_LOOK_US)
		rte_delay_us_sleep(TX_LOOK_US);
	device_enable(port, first, end, false);
}

/* One ring, as rx_queue_start and its like have it. */
static void
ring_switch(struct rte_eth_dev *dev, uint32_t index, uint8_t *state, bool on)
{
	struct pmd_port *port = pmd_port_of(dev);

	pmd_port_lock(port);
	*state = on ? RTE_ETH_QUEUE_STATE_STARTED : RTE_ETH_QUEUE_STATE_STOPPED;
	if (on)
		pmd_rings_on(port, index, index + 1);
	else
		pmd_rings_off(port, index, index + 1);
	pmd_port_unlock(port);
}

int
pmd_rx_queue_start(struct rte_eth_dev *dev, uint16_t id)
{
	ring_switch(dev, 2u * id, &dev->data->rx_queue_state[id], true);
	return 0;
}

int
pmd_rx_queue_stop(struct rte_eth_dev *dev, uint16_t id)
{
	ring_switch(dev, 2u * id, &dev->data->rx_queue_state[id], false);
	return 0;
}

int
pmd_tx_queue_start(struct rte_eth_dev *dev, uint16_t id)
{
	ring_switch(dev, 2u * id + 1, &dev->data->tx_queue_state[id], true);
	return 0;
}

int
pmd_tx_queue_stop(struct rte_eth_dev *dev, uint16_t id)
{
	ring_switch(dev, 2u * id + 1, &dev->data->tx_queue_state[id], false);
	pmd_tx_done_cleanup(dev->data->tx_queues[id], 0);
	return 0;
}

int
pmd_tx_done_cleanup(void *queue, uint32_t free_cnt)
{
	struct pmd_txq *txq = queue;

	/* No ring, or one that was drained. */
	if (virtq_driver_outstanding(&txq->q) == 0)
		return 0;
	return (int)pmd_tx_clean_some(txq, free_cnt == 0 ? UINT32_MAX : free_cnt);
}
