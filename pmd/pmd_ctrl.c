/* SPDX-License-Identifier: BSD-3-Clause */
#include "pmd_ctrl.h"

#include "pmd_log.h"
#include "pmd_queue_ops.h"
#include "ring/virtq_fault.h"

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_malloc.h>
#include <rte_pause.h>

#include <stdio.h>

#define RING_SIZE 128 /* two descriptors for each of PMD_CTRL_VLANS commands */
#define ACK_NONE 0xff /* what no device answers */
/* A device that polls answers within these looks; for others there is no hurry. */
#define SPINS 2000
#define LOOK_US 20

uint32_t pmd_ctrl_timeout_ms = 1500;
uint32_t pmd_ctrl_replay_ms = 5000;

void
pmd_ctrl_init(struct pmd_port *port)
{
	struct vnet_ctrl_state *wanted = &port->ctrl.wanted;

	vnet_ctrl_state_reset(wanted, 0, &port->mac);
	wanted->modes = VNET_CTRL_MODE(PROMISC) | VNET_CTRL_MODE(ALLMULTI);
	/* All that is negotiated. */
	wanted->offloads = VNET_CTRL_GUEST_OFFLOAD_BITS;
}

void
pmd_ctrl_start(struct pmd_port *port)
{
	struct vnet_ctrl_state *wanted = &port->ctrl.wanted;

	wanted->pairs = pmd_port_pairs(port);
	if (wanted->rss_on)
		wanted->rss.max_tx_vq = wanted->pairs;
}

bool
pmd_ctrl_ready(const struct pmd_port *port)
{
	return port->state == PMD_RUNNING && port->ctrl.ready;
}

uint16_t
pmd_ctrl_pairs(const struct pmd_port *port)
{
	return port->ctrl.ready ? port->ctrl.device.pairs : UINT16_MAX;
}

const struct vnet_ctrl_state *
pmd_ctrl_wanted(const struct pmd_port *port)
{
	return &port->ctrl.wanted;
}

uint64_t
pmd_ctrl_features(const struct pmd_port *port)
{
	switch (port->state) {
	case PMD_ABSENT:
		return UINT64_MAX;
	case PMD_RUNNING:
		return port->features;
	default:
		return port->offered;
	}
}

void
pmd_ctrl_limits(const struct pmd_port *port, struct vnet_ctrl_limits *limits)
{
	const struct pmd_config *c = &port->config;

	*limits = (struct vnet_ctrl_limits){
		.features = pmd_ctrl_features(port),
		.max_pairs = port->args.queues,
		.rss_table_max = VNET_RSS_TABLE_MAX,
		.rss_key_max = VNET_HASH_KEY_BYTES,
		.hash_types = VNET_HASH_TYPES,
	};
	if (port->state == PMD_ABSENT)
		return;
	limits->max_pairs = RTE_MIN(limits->max_pairs, c->max_pairs);
	limits->rss_table_max = c->rss_table_max;
	limits->rss_key_max = RTE_MIN(c->rss_key_max, (uint8_t)VNET_HASH_KEY_BYTES);
	limits->hash_types = c->hash_types;
}

int
pmd_ctrl_alloc(struct pmd_port *port)
{
	const int socket_id = port->eth_dev->data->numa_node;

	for (unsigned int i = 0; i < RTE_DIM(port->ctrl.rings); i++) {
		struct pmd_ctrl_ring *r = &port->ctrl.rings[i];

		if (r->ring.size == 0 && pmd_ring_alloc(&r->ring, RING_SIZE, socket_id) != 0)
			return -ENOMEM;
		if (r->command == NULL)
			r->command = rte_zmalloc_socket("virtq command", sizeof(*r->command),
				RTE_CACHE_LINE_SIZE, socket_id);
		if (r->command == NULL)
			return -ENOMEM;
	}
	return 0;
}

void
pmd_ctrl_free(struct pmd_port *port)
{
	for (unsigned int i = 0; i < RTE_DIM(port->ctrl.rings); i++) {
		pmd_ring_free(&port->ctrl.rings[i].ring);
		rte_free(port->ctrl.rings[i].command);
		port->ctrl.rings[i].command = NULL;
	}
}

static struct pmd_ctrl_ring *
current(struct pmd_port *port)
{
	return &port->ctrl.rings[port->ctrl.current];
}

const struct virtq_fault_info *
pmd_ctrl_fault(const struct pmd_port *port)
{
	const struct pmd_ctrl_ring *r = &port->ctrl.rings[port->ctrl.current];

	return virtq_driver_broken(&r->q) ? &r->q.fault : NULL;
}

static struct transport_queue
for_device(struct pmd_port *port)
{
	const struct pmd_ring *ring = &current(port)->ring;

	return (struct transport_queue){
		.index = port->ctrl.index,
		.vq = &ring->vq,
		.base = 0,
		.kick_fd = ring->kick_fd,
		.call_fd = ring->call_fd,
	};
}

int
pmd_ctrl_ring_set(struct pmd_port *port, uint64_t features)
{
	const uint64_t steering = virtq_bit(VIRTIO_NET_F_MQ) | virtq_bit(VIRTIO_NET_F_RSS);
	struct transport *t = port->transport;
	struct pmd_ctrl *ctrl = &port->ctrl;
	struct transport_queue q;
	int ret;

	ctrl->current ^= 1;
	ctrl->index = features & steering ? 2u * port->config.max_pairs : 2;
	pmd_ring_init(&current(port)->ring, virtq_flags(features));
	virtq_driver_init(&current(port)->q, &current(port)->ring.vq, current(port)->ring.private);
	virtq_interrupts_off(&current(port)->q.vq, 0);
	q = for_device(port);
	ret = t->ops->queue_set(t, &q);
	return ret == 0 ? t->ops->queue_enable(t, ctrl->index, true) : ret;
}

int
pmd_ctrl_ring_reset(struct pmd_port *port)
{
	struct transport *t = port->transport;
	int ret;

	if (!(port->features & virtq_bit(VIRTIO_NET_F_CTRL_VQ)))
		return 0;
	ret = t->ops->queue_enable(t, port->ctrl.index, false);
	return ret == 0 ? t->ops->queue_reset(t, port->ctrl.index) : ret;
}

void
pmd_ctrl_end(struct pmd_port *port)
{
	port->ctrl.ready = false;
	port->ctrl.announcing = false;
	current(port)->q.fault.fault = VIRTQ_FAULT_NONE;
}

__rte_format_printf(3, 4) static int fail(struct pmd_port *port, int ret, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(port->transport->error, sizeof(port->transport->error), format, ap);
	va_end(ap);
	return ret;
}

/* @return 0, *len and whose answer it is; -ETIMEDOUT; -ECONNRESET; -EBADMSG. */
static int
wait_used(struct pmd_port *port, uint64_t end_ms, uint32_t *len, const uint8_t **ack)
{
	struct pmd_ctrl_ring *r = current(port);
	struct transport *t = port->transport;

	for (unsigned int looks = 0;; looks++) {
		*ack = virtq_driver_get(&r->q, len);
		if (*ack != NULL)
			return 0;
		if (virtq_driver_broken(&r->q))
			return -EBADMSG;
		if (looks < SPINS) {
			rte_pause();
			continue;
		}
		if (pmd_now_ms() >= end_ms)
			return -ETIMEDOUT;
		if (!t->ops->alive(t))
			return -ECONNRESET;
		rte_delay_us_sleep(LOOK_US);
	}
}

/* One command on the ring; the device does not see it yet. */
static int
add(struct pmd_port *port, const uint8_t *bytes, uint32_t nb, uint8_t *ack)
{
	const struct virtq_buf bufs[] = {{(uintptr_t)bytes, nb}, {(uintptr_t)ack, 1}};

	*ack = ACK_NONE;
	if (virtq_driver_add(&current(port)->q, bufs, 1, 1, ack) != 0)
		return fail(port, -EPROTO, "no room on the control ring");
	pmd_count(&port->ctrl.stats.commands);
	return 0;
}

static uint64_t
publish(struct pmd_port *port)
{
	const struct transport_queue q = for_device(port);
	const uint64_t end_ms = pmd_now_ms() + pmd_ctrl_timeout_ms;

	if (virtq_driver_publish(&current(port)->q))
		port->transport->ops->notify(port->transport, &q);
	return RTE_MIN(end_ms, port->ctrl.deadline_ms);
}

/* Wait for an answer. @return as pmd_ctrl_send(); and *answered, the place of the answer. */
static int
take_answer(struct pmd_port *port, uint64_t end_ms, const char *name, const uint8_t **answered)
{
	uint32_t len = 0;
	uint8_t ack;
	int ret = wait_used(port, end_ms, &len, answered);

	if (ret == -ETIMEDOUT) {
		pmd_count(&port->ctrl.stats.timeouts);
		return fail(port, ret, "backend is mute: no answer to control command '%s'", name);
	}
	if (ret == -ECONNRESET)
		return fail(port, ret, "backend hung up at control command '%s'", name);
	if (ret != 0)
		return fail(port, ret, "backend broke the control ring at '%s'", name);
	ack = __atomic_load_n(*answered, __ATOMIC_RELAXED);
	if (len == 0 || (ack != VIRTIO_NET_OK && ack != VIRTIO_NET_ERR))
		return fail(port, -EPROTO,
			"backend sent garbage instead of an answer to control command '%s'", name);
	if (ack == VIRTIO_NET_OK)
		return 0;
	pmd_count(&port->ctrl.stats.refused);
	return fail(port, -EREMOTEIO, "backend refused control command '%s'", name);
}

int
pmd_ctrl_send(struct pmd_port *port, const struct vnet_ctrl *c, const uint8_t *bytes, uint32_t nb)
{
	struct pmd_ctrl_command *command = current(port)->command;
	const uint8_t *answered;
	int ret;

	memcpy(command->bytes, bytes, nb);
	ret = add(port, command->bytes, nb, &command->ack);
	if (ret == 0)
		ret = take_answer(port, publish(port), vnet_ctrl_name(c->kind), &answered);
	if (ret == 0)
		vnet_ctrl_state_apply(&port->ctrl.device, c);
	return ret;
}

int
pmd_ctrl_send_vlans(
	struct pmd_port *port, enum vnet_ctrl_kind kind, const uint16_t *ids, unsigned int nb)
{
	struct pmd_ctrl_small *small = current(port)->command->small;
	unsigned int refused = 0;
	uint64_t end_ms;
	int ret = 0;

	for (unsigned int i = 0; i < nb && ret == 0; i++) {
		const struct vnet_ctrl c = {.kind = kind, .vlan = ids[i]};
		int bytes = vnet_ctrl_build(&c, small[i].bytes, sizeof(small[i].bytes));

		ret = add(port, small[i].bytes, (uint32_t)bytes, &small[i].ack);
	}
	end_ms = publish(port);
	for (unsigned int i = 0; i < nb && ret == 0; i++) {
		struct vnet_ctrl c = {.kind = kind};
		const uint8_t *answered;

		ret = take_answer(port, end_ms, vnet_ctrl_name(c.kind), &answered);
		if (ret == -EREMOTEIO) {
			refused++;
			ret = 0;
		} else if (ret == 0) {
			c.vlan = ids[(size_t)(answered - &small[0].ack) / sizeof(*small)];
			vnet_ctrl_state_apply(&port->ctrl.device, &c);
		}
	}
	return ret == 0 ? (int)refused : ret;
}

/* Bytes of a command that the device could be sent, or why not. */
static int
command_build(const struct pmd_port *port, const struct vnet_ctrl *c, uint8_t *bytes, size_t room)
{
	struct vnet_ctrl_limits limits;
	struct vnet_ctrl parsed;
	int nb = vnet_ctrl_build(c, bytes, room);

	if (nb < 0)
		return -EINVAL;
	pmd_ctrl_limits(port, &limits);
	switch (vnet_ctrl_parse(&parsed, &limits, bytes, (uint32_t)nb)) {
	case VNET_CTRL_BAD_NONE:
		return nb;
	case VNET_CTRL_BAD_NOT_NEGOTIATED:
		return -ENOTSUP;
	default:
		return -EINVAL;
	}
}

/* Queue pairs that a command lets the device use. */
static uint16_t
pairs_of(const struct vnet_ctrl *c)
{
	if (c->kind == VNET_CTRL_RSS)
		return c->rss.max_tx_vq;
	return c->kind == VNET_CTRL_PAIRS ? c->pairs : UINT16_MAX;
}

/* The device is lost: what is a command worth to it now? */
static int
give_up(struct pmd_port *port, int error)
{
	port->ctrl.ready = false;
	if (error == -EBADMSG) {
		/* The control thread sees the fault, and says it. */
		pmd_life_wake(port);
		return -EIO;
	}
	pmd_give_up(port, error, "%s", port->transport->error);
	if (error == -ECONNRESET)
		return 0;
	return error == -ETIMEDOUT ? error : -EIO;
}

int
pmd_ctrl_apply(struct pmd_port *port, const struct vnet_ctrl *c)
{
	uint8_t bytes[VNET_CTRL_BYTES_MAX];
	const int nb = command_build(port, c, bytes, sizeof(bytes));
	const uint16_t pairs = pmd_ctrl_pairs(port);
	int ret = 0;

	if (nb < 0)
		return nb;
	if (port->started && pairs_of(c) < port->eth_dev->data->nb_tx_queues)
		return -EINVAL;
	if (port->state == PMD_RUNNING) {
		if (!port->ctrl.ready)
			return -ENOTSUP;
		port->ctrl.deadline_ms = UINT64_MAX;
		ret = pmd_ctrl_send(port, c, bytes, (uint32_t)nb);
	}
	if (ret == -EREMOTEIO) {
		PMD_LOG(WARNING, "%s: %s", port->eth_dev->data->name, port->transport->error);
		return -EIO;
	}
	if (ret != 0)
		ret = give_up(port, ret);
	if (ret != 0)
		return ret;
	vnet_ctrl_state_apply(&port->ctrl.wanted, c);
	/* A device that used fewer than the port has, for it refused them before. */
	if (port->state == PMD_RUNNING && pmd_ctrl_pairs(port) > pairs)
		pmd_rings_on(port, 2u * pairs, 2u * pmd_port_pairs(port));
	return 0;
}

int
pmd_ctrl_apply_vlans(
	struct pmd_port *port, enum vnet_ctrl_kind kind, const uint16_t *ids, unsigned int nb)
{
	int refused, ret = 0;

	port->ctrl.deadline_ms = UINT64_MAX;
	refused = pmd_ctrl_send_vlans(port, kind, ids, nb);
	if (refused < 0)
		ret = give_up(port, refused);
	if (ret != 0)
		return ret;
	for (unsigned int i = 0; i < nb; i++) {
		const struct vnet_ctrl c = {.kind = kind, .vlan = ids[i]};
		const bool on = kind == VNET_CTRL_VLAN_ADD;

		/* One that hung up refused nothing. */
		if (refused < 0 || vnet_ctrl_state_vlan(&port->ctrl.device, ids[i]) == on)
			vnet_ctrl_state_apply(&port->ctrl.wanted, &c);
	}
	if (refused <= 0)
		return 0;
	PMD_LOG(WARNING, "%s: backend refused %d of %u control commands '%s'",
		port->eth_dev->data->name, refused, nb, vnet_ctrl_name(kind));
	return -EIO;
}
