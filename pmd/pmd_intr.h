/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Receive interrupts: an eventfd per receive queue, the call descriptor that the device writes.
 *
 * A port whose application configured them (intr_conf.rxq) runs its bursts below
 * pmd_rx_burst_event(), and asks the device for VIRTIO_F_EVENT_IDX; it may come and go with the
 * backend, without it the flags word does. Other ports know nothing of all this.
 *
 * Interrupts that are on stay on until they are switched off, however often they fire. No wake-up
 * is lost: whoever asks the device for one looks for entries afterwards and writes the eventfd
 * himself if there are some. The eventfd is never read here, EAL's epoll does that and counts on
 * it. VIRTIO 1.3, 2.7.7 Used Buffer Notification Suppression.
 */
#ifndef PMD_INTR_H
#define PMD_INTR_H

#include "pmd_port.h"

/* ethdev operations; the thread that polls the queue calls them. -ENOTSUP: not configured. */
int pmd_rx_queue_intr_enable(struct rte_eth_dev *dev, uint16_t id);
int pmd_rx_queue_intr_disable(struct rte_eth_dev *dev, uint16_t id);
int pmd_get_monitor_addr(void *queue, struct rte_power_monitor_cond *pmc);

/** The port starts: all off, and dev->intr_handle names the eventfds. @return 0 or -ENOMEM. */
int pmd_intr_start(struct rte_eth_dev *dev);

/** No queue may be waited for any more: before one of them is released. */
void pmd_intr_free(struct rte_eth_dev *dev);

/** Did the application configure them? */
static inline bool
pmd_intr_wanted(const struct pmd_port *port)
{
	return port->eth_dev->data->dev_conf.intr_conf.rxq;
}

/** Wake who sleeps on this queue with interrupts on: the ring is not what it was. Under lock. */
void pmd_intr_wake(struct pmd_rxq *rxq);

/** Event index or flags word, as the next device has it. Under lock, no device is attached. */
void pmd_intr_mode(struct pmd_ring *ring, struct virtq_driver *q, uint32_t flags);

/** Bursts above queue->poll, see above. Data path. */
uint16_t pmd_rx_burst_event(void *queue, struct rte_mbuf **pkts, uint16_t nb);
uint16_t pmd_tx_burst_event(void *queue, struct rte_mbuf **pkts, uint16_t nb);

#endif
