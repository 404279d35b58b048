/* SPDX-License-Identifier: BSD-3-Clause */
#include "net/vnet_features.h"
#include "pmd_ethdev.h"
#include "pmd_intr.h"
#include "pmd_queue_ops.h"
#include "ring/virtq_fault.h"

#include <inttypes.h>

static const char *
state_name(const struct pmd_port *port)
{
	static const char *const names[] = {
		[PMD_ABSENT] = "absent",
		[PMD_ATTACHED] = "attached",
		[PMD_REFUSED] = "refused",
		[PMD_RUNNING] = "running",
	};

	return names[port->state];
}

static const char *
queue_state(const struct pmd_port *port, uint32_t index, uint8_t state)
{
	if (state != RTE_ETH_QUEUE_STATE_STARTED)
		return "stopped";
	return pmd_ring_wanted(port, index) ? "started" : "started, link down";
}

/* Is a notification due at the next entry? Its index is next. */
static const char *
wants(const struct virtq *vq, bool masked, uint16_t event, uint16_t next)
{
	if (vq->flags & VIRTQ_EVENT_IDX)
		return event == next ? "yes" : "no";
	return masked ? "no" : "yes";
}

static void
dump_ring(FILE *f, const char *what, uint16_t id, const char *state, const struct virtq_driver *q)
{
	fprintf(f, "  %s queue %u: %s", what, id, state);
	if (q->vq.used == NULL) {
		fprintf(f, ", no ring yet\n");
		return;
	}
	fprintf(f,
		", size %u, avail idx %u, used idx %u (taken up to %u), outstanding "
		"%u, "
		"%s, device wants kicks: %s, driver wants interrupts: %s, fault: %s\n",
		q->vq.size, q->avail_idx, virtq_index_peek(&q->vq.used->idx), q->used_next,
		virtq_driver_outstanding(q), q->sequence ? "in sequence" : "from the free list",
		wants(&q->vq, virtq_hint_load(&q->vq.used->flags) & VIRTQ_USED_F_NO_NOTIFY,
			virtq_hint_load(virtq_avail_event(&q->vq)), q->avail_idx),
		wants(&q->vq, virtq_hint_load(&q->vq.avail->flags) & VIRTQ_AVAIL_F_NO_INTERRUPT,
			virtq_hint_load(virtq_used_event(&q->vq)), q->used_next),
		virtq_fault_str((enum virtq_fault)q->fault.fault));
}

int
pmd_priv_dump(struct rte_eth_dev *dev, FILE *f)
{
	struct pmd_port *port = pmd_port_of(dev);
	const struct rte_eth_dev_data *data = dev->data;
	char names[512];

	pmd_port_lock(port);
	fprintf(f, "net_virtq %s: %s, %s at %s\n", data->name, port->transport->ops->name,
		port->args.server ? "server" : "client", port->args.path);
	fprintf(f, "  state: %s%s%s\n", state_name(port), port->reason[0] == '\0' ? "" : ": ",
		port->reason);
	fprintf(f, "  link: wanted %s\n", port->link_down ? "down" : "up");
	fprintf(f,
		"  backends: %" PRIu64 " found, %" PRIu64 " served, %" PRIu64 " went away, %" PRIu64
		" mute, %" PRIu64 " wrong, %" PRIu64 " refused\n",
		port->life.attached, port->life.running, port->life.hang_ups, port->life.timeouts,
		port->life.errors, port->life.refusals);
	if (port->state != PMD_ABSENT)
		fprintf(f, "  offered: %s; up to %u queue pairs\n",
			vnet_features_str(port->offered, names, sizeof(names)), port->pairs_max);
	if (port->fixed)
		fprintf(f, "  in use: %s\n",
			vnet_features_str(port->features, names, sizeof(names)));
	fprintf(f, "  receive interrupts: %s\n",
		!pmd_intr_wanted(port)                           ? "not configured"
		: port->features & virtq_bit(VIRTIO_F_EVENT_IDX) ? "configured, by event index"
								 : "configured, by flags");
	for (uint16_t i = 0; i < data->nb_rx_queues && data->rx_queues[i] != NULL; i++)
		dump_ring(f, "receive", i, queue_state(port, 2u * i, data->rx_queue_state[i]),
			&((struct pmd_rxq *)data->rx_queues[i])->q);
	for (uint16_t i = 0; i < data->nb_tx_queues && data->tx_queues[i] != NULL; i++)
		dump_ring(f, "transmit", i, queue_state(port, 2u * i + 1, data->tx_queue_state[i]),
			&((struct pmd_txq *)data->tx_queues[i])->q);
	pmd_port_unlock(port);
	return 0;
}
