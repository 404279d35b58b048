/* SPDX-License-Identifier: BSD-3-Clause */
#include "pmd_intr.h"

#include "pmd_log.h"

#include <rte_interrupts.h>
#include <rte_power_intrinsics.h>

#include <errno.h>
#include <sys/eventfd.h>

/* Entries that may be used before an event that is left behind has to be moved on. */
#define EVENT_DRAG 0x4000

static bool
event_idx(const struct virtq_driver *q)
{
	return (__atomic_load_n(&q->vq.flags, __ATOMIC_RELAXED) & VIRTQ_EVENT_IDX) != 0;
}

/* Off, and not about to come on by itself: the event fires when the index gets round to it. */
static void
keep_off(const struct virtq_driver *q)
{
	if (event_idx(q) &&
		(uint16_t)(q->used_next - virtq_hint_load(virtq_used_event(&q->vq))) <= EVENT_DRAG)
		return;
	virtq_interrupts_off(&q->vq, q->used_next);
}

static bool
armed(const struct virtq_driver *q)
{
	if (event_idx(q))
		return virtq_hint_load(virtq_used_event(&q->vq)) == q->used_next;
	return virtq_hint_load(&q->vq.avail->flags) == 0;
}

static void
arm(struct pmd_rxq *rxq)
{
	/* No interrupt will come for what is there already. EAGAIN: it is awake anyhow. */
	if (virtq_interrupts_on(&rxq->q.vq, rxq->q.used_next))
		(void)!eventfd_write(rxq->call_fd, 1);
}

uint16_t
pmd_rx_burst_event(void *queue, struct rte_mbuf **pkts, uint16_t nb)
{
	struct pmd_rxq *rxq = queue;
	const uint16_t before = rxq->q.used_next;
	uint16_t got = rxq->poll(queue, pkts, nb);

	if (!__atomic_load_n(&rxq->intr_on, __ATOMIC_RELAXED))
		keep_off(&rxq->q);
	/* A burst may take entries and give nothing: filters. */
	else if (rxq->q.used_next != before || !armed(&rxq->q))
		arm(rxq);
	/* The application may sleep now, and there is no next burst for long. */
	pmd_rx_kick(rxq);
	return got;
}

uint16_t
pmd_tx_burst_event(void *queue, struct rte_mbuf **pkts, uint16_t nb)
{
	struct pmd_txq *txq = queue;
	uint16_t sent = txq->poll(queue, pkts, nb);

	keep_off(&txq->q);
	return sent;
}

/*
 * The ring is there when a burst function is. Both sides write first and look then, see
 * pmd_intr_wake(): either the ring is found here, or the wish is found there.
 */
static bool
ring_there(const struct pmd_rxq *rxq)
{
	return __atomic_load_n(&rxq->burst, __ATOMIC_SEQ_CST) != pmd_burst_none;
}

int
pmd_rx_queue_intr_enable(struct rte_eth_dev *dev, uint16_t id)
{
	struct pmd_rxq *rxq = dev->data->rx_queues[id];

	if (!pmd_intr_wanted(pmd_port_of(dev)))
		return -ENOTSUP;
	__atomic_store_n(&rxq->intr_on, true, __ATOMIC_SEQ_CST);
	if (ring_there(rxq))
		arm(rxq);
	return 0;
}

int
pmd_rx_queue_intr_disable(struct rte_eth_dev *dev, uint16_t id)
{
	struct pmd_rxq *rxq = dev->data->rx_queues[id];

	if (!pmd_intr_wanted(pmd_port_of(dev)))
		return -ENOTSUP;
	__atomic_store_n(&rxq->intr_on, false, __ATOMIC_SEQ_CST);
	if (ring_there(rxq))
		virtq_interrupts_off(&rxq->q.vq, rxq->q.used_next);
	return 0;
}

void
pmd_intr_wake(struct pmd_rxq *rxq)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (__atomic_load_n(&rxq->intr_on, __ATOMIC_SEQ_CST))
		(void)!eventfd_write(rxq->call_fd, 1);
}

void
pmd_intr_mode(struct pmd_ring *ring, struct virtq_driver *q, uint32_t flags)
{
	if (ring->vq.flags == flags)
		return;
	ring->vq.flags = flags;
	__atomic_store_n(&q->vq.flags, flags, __ATOMIC_RELAXED);
	/* With event index the flags word is to be 0. The next burst sets right what is wanted. */
	virtq_hint_store(
		&ring->vq.avail->flags, flags & VIRTQ_EVENT_IDX ? 0 : VIRTQ_AVAIL_F_NO_INTERRUPT);
}

static struct rte_intr_handle *
handle_new(const struct rte_eth_dev_data *data)
{
	struct rte_intr_handle *handle = rte_intr_instance_alloc(RTE_INTR_INSTANCE_F_PRIVATE);
	const int nb = data->nb_rx_queues;

	if (handle == NULL)
		return NULL;
	if (rte_intr_vec_list_alloc(handle, NULL, nb) != 0 ||
		rte_intr_type_set(handle, RTE_INTR_HANDLE_VDEV) != 0 ||
		rte_intr_efd_counter_size_set(handle, sizeof(eventfd_t)) != 0 ||
		rte_intr_nb_efd_set(handle, nb) != 0 || rte_intr_max_intr_set(handle, nb + 1) != 0)
		goto fail;
	for (int i = 0; i < nb; i++) {
		const struct pmd_rx_queue *q = data->rx_queues[i];

		if (rte_intr_efds_index_set(handle, i, q->ring.call_fd) != 0 ||
			rte_intr_vec_list_index_set(handle, i, RTE_INTR_VEC_RXTX_OFFSET + i) != 0)
			goto fail;
	}
	return handle;
fail:
	rte_intr_vec_list_free(handle);
	rte_intr_instance_free(handle);
	return NULL;
}

int
pmd_intr_start(struct rte_eth_dev *dev)
{
	const struct rte_eth_dev_data *data = dev->data;

	if (!data->dev_conf.intr_conf.rxq || data->nb_rx_queues == 0) {
		pmd_intr_free(dev);
		return 0;
	}
	for (uint16_t i = 0; i < data->nb_rx_queues; i++) {
		struct pmd_rx_queue *q = data->rx_queues[i];

		q->rxq.intr_on = false;
		q->rxq.call_fd = q->ring.call_fd;
	}
	/* What the application waits for outlives stop and start as long as the queues do. */
	if (dev->intr_handle != NULL && rte_intr_nb_efd_get(dev->intr_handle) != data->nb_rx_queues)
		pmd_intr_free(dev);
	if (dev->intr_handle == NULL)
		dev->intr_handle = handle_new(data);
	if (dev->intr_handle != NULL)
		return 0;
	PMD_LOG(ERR, "%s: no memory for the interrupts of %u receive queues", data->name,
		data->nb_rx_queues);
	return -ENOMEM;
}

void
pmd_intr_free(struct rte_eth_dev *dev)
{
	if (dev->intr_handle == NULL)
		return;
	/* The backend has duplicates of the eventfds: closing ours takes them out of no epoll. */
	rte_intr_free_epoll_fd(dev->intr_handle);
	rte_intr_vec_list_free(dev->intr_handle);
	rte_intr_instance_free(dev->intr_handle);
	dev->intr_handle = NULL;
}

/* Not equal: entries came, or will not come any more. */
static int
monitor_check(const uint64_t value, const uint64_t opaque[RTE_POWER_MONITOR_OPAQUE_SZ])
{
	return (uint16_t)value == (uint16_t)opaque[0] ? 0 : -1;
}

int
pmd_get_monitor_addr(void *queue, struct rte_power_monitor_cond *pmc)
{
	struct pmd_rx_queue *q = queue;

	/* Who sleeps on this address has no next burst for long. */
	pmd_rx_kick(&q->rxq);
	/* The ring's memory is there before any backend is: its index moves when one comes. */
	pmc->addr = &q->ring.vq.used->idx;
	pmc->size = sizeof(q->ring.vq.used->idx);
	pmc->opaque[0] = rte_cpu_to_le_16(q->rxq.q.used_next);
	pmc->fn = monitor_check;
	return 0;
}
