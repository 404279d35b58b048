/* SPDX-License-Identifier: BSD-3-Clause */
#include "net/vnet_features.h"
#include "net/vnet_offload.h"
#include "pmd_ethdev.h"
#include "pmd_intr.h"
#include "pmd_queue_ops.h"
#include "ring/virtq_fault.h"

#include <errno.h>
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
	if (pmd_ring_wanted(port, index))
		return "started";
	return port->link_down ? "started, link down" : "started, not used by the backend";
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
dump_bad_header(FILE *f, uint16_t id, const struct pmd_rxq *rxq)
{
	if (rxq->stats.bad_header != 0)
		fprintf(f, "  receive queue %u: %" PRIu64 " bad headers, the last: %s\n", id,
			rxq->stats.bad_header, vnet_bad_str((enum vnet_bad)rxq->last_bad));
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

/* The packet at a position from the oldest outstanding one on, its descriptor and used entry. */
static void
dump_position(FILE *f, const struct virtq_driver *q, uint16_t offset)
{
	const uint16_t slot = (uint16_t)(q->used_next + offset) & q->vq.mask;
	const uint16_t id = q->sequence ? slot : q->heads[slot];
	/* Out of sequence a later packet may have come back before this one. */
	const bool out =
		offset < virtq_driver_outstanding(q) && (q->sequence || q->descs[id].chain != 0);
	const struct virtq_desc *d = &q->vq.desc[id];

	fprintf(f, "  %u: descriptor %u: address 0x%" PRIx64 ", %u bytes, flags 0x%x, next %u",
		offset, id, rte_le_to_cpu_64(d->addr), rte_le_to_cpu_32(d->len),
		rte_le_to_cpu_16(d->flags), rte_le_to_cpu_16(d->next));
	if (offset < pmd_used_waiting(q)) {
		uint64_t e = virtq_used_load(&q->vq.used->ring[slot]);

		fprintf(f, ", used: id %u, %u bytes\n", (uint32_t)e, (uint32_t)(e >> 32));
	} else {
		fprintf(f, ", %s\n", out ? "with the device" : "free");
	}
}

static int
dump_positions(FILE *f, const char *what, uint16_t id, const struct virtq_driver *q,
	uint16_t offset, uint16_t num)
{
	if (q->vq.used == NULL) {
		fprintf(f, "%s queue %u: no ring yet\n", what, id);
		return 0;
	}
	if (offset >= q->vq.size)
		return -EINVAL;
	fprintf(f, "%s queue %u, from the oldest packet outstanding on:\n", what, id);
	for (uint32_t i = offset; i < RTE_MIN((uint32_t)offset + num, q->vq.size); i++)
		dump_position(f, q, (uint16_t)i);
	return 0;
}

int
pmd_rx_descriptor_dump(
	const struct rte_eth_dev *dev, uint16_t id, uint16_t offset, uint16_t num, FILE *f)
{
	const struct pmd_rxq *rxq = dev->data->rx_queues[id];

	return dump_positions(f, "receive", id, &rxq->q, offset, num);
}

int
pmd_tx_descriptor_dump(
	const struct rte_eth_dev *dev, uint16_t id, uint16_t offset, uint16_t num, FILE *f)
{
	const struct pmd_txq *txq = dev->data->tx_queues[id];

	return dump_positions(f, "transmit", id, &txq->q, offset, num);
}

static void
dump_macs(FILE *f, const char *kind, const struct vnet_ctrl_macs *macs)
{
	if (macs->all)
		fprintf(f, ", all %s", kind);
	else if (macs->nb != 0)
		fprintf(f, ", %u %s", macs->nb, kind);
}

/* What commands add up to, in words. */
static void
dump_control_state(FILE *f, const char *whose, const struct vnet_ctrl_state *s)
{
	char mac[RTE_ETHER_ADDR_FMT_SIZE];
	char names[128];
	unsigned int vlans = 0;

	rte_ether_format_addr(mac, sizeof(mac), &s->mac);
	fprintf(f, "  %s: address %s", whose, mac);
	for (int kind = 0; kind < VNET_CTRL_KINDS; kind++) {
		if (s->modes & (1u << kind))
			fprintf(f, ", %s", vnet_ctrl_name((enum vnet_ctrl_kind)kind));
	}
	dump_macs(f, "unicast addresses", &s->unicast);
	dump_macs(f, "multicast addresses", &s->multicast);
	for (size_t i = 0; i < RTE_DIM(s->vlans); i++)
		vlans += (unsigned int)__builtin_popcountll(s->vlans[i]);
	if (vlans != 0)
		fprintf(f, ", %u VLANs", vlans);
	fprintf(f, ", %u queue pairs", s->pairs);
	if (s->rss_on)
		fprintf(f, ", RSS by a table of %u", s->rss.table_mask + 1u);
	if (s->rss.hash_types != 0)
		fprintf(f, ", hash types 0x%x, key of %u bytes", s->rss.hash_types,
			s->rss.key_length);
	if (s->offloads != 0)
		fprintf(f, ", receive offloads %s",
			vnet_features_str(s->offloads, names, sizeof(names)));
	fprintf(f, "\n");
}

static void
dump_config(FILE *f, const struct pmd_port *port)
{
	const struct pmd_config *c = &port->config;
	char mac[RTE_ETHER_ADDR_FMT_SIZE];

	if (port->state == PMD_ABSENT)
		return;
	if (!c->there) {
		fprintf(f, "  config space: none\n");
		return;
	}
	rte_ether_format_addr(mac, sizeof(mac), &c->mac);
	fprintf(f,
		"  config space: address %s, status 0x%x, %u queue pairs, MTU %u, speed %u, duplex "
		"%s, RSS key %u, table %u, hash types 0x%x\n",
		mac, c->status, c->max_pairs, c->mtu, c->speed,
		c->duplex == VIRTIO_NET_DUPLEX_FULL   ? "full"
		: c->duplex == VIRTIO_NET_DUPLEX_HALF ? "half"
						      : "unknown",
		c->rss_key_max, c->rss_table_max, c->hash_types);
}

static void
dump_control(FILE *f, const struct pmd_port *port)
{
	const struct pmd_ctrl *ctrl = &port->ctrl;

	dump_config(f, port);
	if (pmd_ctrl_ready(port))
		fprintf(f,
			"  control ring: ring %u, %" PRIu64 " commands, %" PRIu64
			" refused, %" PRIu64 " not answered\n",
			ctrl->index, ctrl->stats.commands, ctrl->stats.refused,
			ctrl->stats.timeouts);
	else
		fprintf(f, "  control ring: none%s\n",
			port->state == PMD_RUNNING ? ", the backend serves none" : "");
	dump_control_state(f, "wanted", &ctrl->wanted);
	if (pmd_ctrl_ready(port))
		dump_control_state(f, "acknowledged", &ctrl->device);
	if (ctrl->lost[0] != '\0' && port->state == PMD_RUNNING)
		fprintf(f, "  not granted: %s\n", ctrl->lost);
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
	dump_control(f, port);
	fprintf(f, "  receive interrupts: %s\n",
		!pmd_intr_wanted(port)                           ? "not configured"
		: port->features & virtq_bit(VIRTIO_F_EVENT_IDX) ? "configured, by event index"
								 : "configured, by flags");
	for (uint16_t i = 0; i < data->nb_rx_queues && data->rx_queues[i] != NULL; i++)
		dump_ring(f, "receive", i, queue_state(port, 2u * i, data->rx_queue_state[i]),
			&((struct pmd_rxq *)data->rx_queues[i])->q);
	for (uint16_t i = 0; i < data->nb_rx_queues && data->rx_queues[i] != NULL; i++)
		dump_bad_header(f, i, data->rx_queues[i]);
	for (uint16_t i = 0; i < data->nb_tx_queues && data->tx_queues[i] != NULL; i++)
		dump_ring(f, "transmit", i, queue_state(port, 2u * i + 1, data->tx_queue_state[i]),
			&((struct pmd_txq *)data->tx_queues[i])->q);
	pmd_port_unlock(port);
	return 0;
}
