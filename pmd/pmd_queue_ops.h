/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Queues and the link, switched on and off while the port runs.
 *
 * A queue is off when it is stopped, the link is set down, or the device uses fewer queue pairs.
 * Then its burst function moves nothing and the device has its ring disabled. The ring stays set
 * up: taking it back would end the whole device with rte_vhost. So its buffers stay with the device
 * until the port is stopped:
 *
 *   - receive: what the device filled before the queue came back is thrown away (counter stale) by
 *     its first burst, so nothing old is delivered as new. A queue that was never on has nothing
 *     posted.
 *   - transmit: the device gets 20 ms to send what it holds. What is left is sent when the queue
 *     comes back, or freed when the port is stopped.
 *
 * A burst may be under way in a polling thread while the link is set down: it goes on to its end,
 * and nothing of the queue but the burst pointer is touched meanwhile. To stop a queue that is
 * polled is the application's fault, as ethdev has it: the stop of a transmit queue frees what was
 * sent, which is what a burst does, too.
 */
#ifndef PMD_QUEUE_OPS_H
#define PMD_QUEUE_OPS_H

#include "pmd_port.h"

/* ethdev operations. */
int pmd_rx_queue_start(struct rte_eth_dev *dev, uint16_t id);
int pmd_rx_queue_stop(struct rte_eth_dev *dev, uint16_t id);
int pmd_tx_queue_start(struct rte_eth_dev *dev, uint16_t id);
int pmd_tx_queue_stop(struct rte_eth_dev *dev, uint16_t id);
int pmd_tx_done_cleanup(void *queue, uint32_t free_cnt);

/* pmd_link.c. */
int pmd_link_up(struct rte_eth_dev *dev);
int pmd_link_down(struct rte_eth_dev *dev);
int pmd_link_update(struct rte_eth_dev *dev, int wait_to_complete);

/*
 * All under lock.
 */

/** Queue states of a port that starts: all but the deferred ones; or that stops: none. */
void pmd_queue_states_set(struct rte_eth_dev *dev, bool started);

/** Is this ring to carry traffic? Also for the spare ones. */
bool pmd_ring_wanted(const struct pmd_port *port, uint32_t index);

/** Burst functions of all queues, fresh rings or a new device: those that are on get theirs. */
void pmd_bursts_on(struct pmd_port *port);
void pmd_bursts_off(struct pmd_port *port);

/** Rings [first, end), as far as they are wanted: let the bursts in, tell the device. */
void pmd_rings_on(struct pmd_port *port, uint32_t first, uint32_t end);

/** The opposite, for those that are not wanted. */
void pmd_rings_off(struct pmd_port *port, uint32_t first, uint32_t end);

#endif
