/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A device that comes is brought to what the port wants. A wish that it cannot grant is left out
 * and said; it stays a wish for the next device.
 */
#include "pmd_log.h"
#include "pmd_port.h"

#include <rte_ethdev.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define BIT(name) virtq_bit(VIRTIO_NET_F_##name)

__rte_format_printf(2, 3) static void lose(struct pmd_ctrl *ctrl, const char *format, ...)
{
	const size_t used = strlen(ctrl->lost);
	va_list ap;

	if (used != 0)
		snprintf(ctrl->lost + used, sizeof(ctrl->lost) - used, "; ");
	va_start(ap, format);
	vsnprintf(ctrl->lost + strlen(ctrl->lost), sizeof(ctrl->lost) - strlen(ctrl->lost), format,
		ap);
	va_end(ap);
}

static bool
any_vlan(const struct vnet_ctrl_state *s)
{
	for (size_t i = 0; i < RTE_DIM(s->vlans); i++) {
		if (s->vlans[i] != 0)
			return true;
	}
	return false;
}

/* Hash of all that is received: types that the device has not are not to be had. */
static void
fit_hash(struct pmd_port *port, struct vnet_ctrl_state *to)
{
	const uint32_t types = to->rss.hash_types & port->config.hash_types;

	if (types != to->rss.hash_types)
		lose(&port->ctrl, "backend lacks hash types 0x%x", to->rss.hash_types & ~types);
	to->rss.hash_types = types;
}

static bool
table_fits(const struct pmd_port *port, const struct vnet_rss *rss)
{
	const uint16_t max_pairs = port->config.max_pairs;

	if (rss->table_mask >= port->config.rss_table_max || rss->max_tx_vq < 1 ||
		rss->max_tx_vq > max_pairs || rss->unclassified_queue >= max_pairs)
		return false;
	for (uint32_t i = 0; i <= rss->table_mask; i++) {
		if (rss->table[i] >= max_pairs)
			return false;
	}
	return true;
}

/* Steering: RSS as wanted, or as many queue pairs as the port has. */
static void
fit_steering(struct pmd_port *port, uint64_t features, struct vnet_ctrl_state *to)
{
	const bool hash = (features & BIT(HASH_REPORT)) != 0;

	if (!to->rss_on && !hash) {
		/* What is left of an RSS that was switched off. */
		memset(&to->rss, 0, sizeof(to->rss));
		return;
	}
	if (to->rss_on && !(features & BIT(RSS))) {
		lose(&port->ctrl, "backend has no RSS: it chooses the queue of a packet");
		to->rss_on = false;
	} else if ((features & BIT(RSS)) && (to->rss_on || to->rss.hash_types != 0) &&
		   !table_fits(port, &to->rss)) {
		lose(&port->ctrl, "backend takes RSS tables of %u entries at most, and %u queues",
			port->config.rss_table_max, port->config.max_pairs);
		to->rss_on = false;
		memset(&to->rss, 0, sizeof(to->rss));
	}
	if (to->rss_on || hash)
		fit_hash(port, to);
	/* By a hash of nothing all packets would go to one queue. */
	if (to->rss.hash_types == 0 && port->ctrl.wanted.rss.hash_types != 0)
		to->rss_on = false;
	if (!to->rss_on && !hash)
		memset(&to->rss, 0, sizeof(to->rss));
}

/* What of the port's wishes this device can be asked for. */
static void
fit(struct pmd_port *port, uint64_t features, struct vnet_ctrl_state *to)
{
	struct pmd_ctrl *ctrl = &port->ctrl;

	*to = ctrl->wanted;
	to->features = features;
	ctrl->lost[0] = '\0';
	if (!(features & BIT(CTRL_RX)) && !(to->modes & VNET_CTRL_MODE(PROMISC)))
		lose(ctrl, "backend has no receive filter: everything arrives");
	if (!(features & BIT(CTRL_VLAN)) && any_vlan(to) &&
		(port->eth_dev->data->dev_conf.rxmode.offloads & RTE_ETH_RX_OFFLOAD_VLAN_FILTER))
		lose(ctrl, "backend has no VLAN filter: the driver filters");
	if ((port->offered & BIT(MAC)) && !(features & BIT(MAC)))
		lose(ctrl, "backend keeps an address of its own");
	if (port->config.there && (port->offered & BIT(MTU)) && !(features & BIT(MTU)))
		lose(ctrl, "backend's MTU is %u: larger frames may be lost", port->config.mtu);
	to->offloads &= features & VNET_CTRL_GUEST_OFFLOAD_BITS;
	if (!(features & BIT(CTRL_GUEST_OFFLOADS)) &&
		to->offloads != (features & VNET_CTRL_GUEST_OFFLOAD_BITS))
		lose(ctrl, "backend cannot switch receive offloads off");
	fit_steering(port, features, to);
}

/* A replay under way: VLANs to add are collected. */
struct replay {
	struct pmd_port *port;
	unsigned int nb;
	uint16_t vlans[PMD_CTRL_VLANS]; /* [nb] */
};

static int
flush(struct replay *r)
{
	int ret =
		r->nb == 0 ? 0 : pmd_ctrl_send_vlans(r->port, VNET_CTRL_VLAN_ADD, r->vlans, r->nb);

	r->nb = 0;
	if (ret > 0)
		lose(&r->port->ctrl, "backend refused %d of the VLANs", ret);
	return RTE_MIN(ret, 0);
}

static int
emit(void *arg, const struct vnet_ctrl *c)
{
	struct replay *r = arg;
	struct pmd_port *port = r->port;
	uint8_t bytes[VNET_CTRL_BYTES_MAX];
	int nb, ret = 0;

	if (c->kind == VNET_CTRL_VLAN_ADD) {
		r->vlans[r->nb++] = c->vlan;
		return r->nb == RTE_DIM(r->vlans) ? flush(r) : 0;
	}
	ret = flush(r);
	if (ret != 0)
		return ret;
	nb = vnet_ctrl_build(c, bytes, sizeof(bytes));
	if (nb < 0)
		return 0;
	ret = pmd_ctrl_send(port, c, bytes, (uint32_t)nb);
	if (ret != -EREMOTEIO)
		return ret;
	lose(&port->ctrl, "backend refused '%s'", vnet_ctrl_name(c->kind));
	return 0;
}

/* Steering that was refused leaves the device with one queue, unless it takes the simpler way. */
static int
steer_at_least(struct replay *r, uint64_t features, const struct vnet_ctrl_state *to)
{
	struct pmd_port *port = r->port;
	const struct vnet_ctrl_state *device = &port->ctrl.device;
	int ret = 0;

	if (device->pairs < to->pairs && to->rss_on && (features & BIT(MQ)))
		ret = emit(r, &(struct vnet_ctrl){.kind = VNET_CTRL_PAIRS, .pairs = to->pairs});
	if (ret == 0 && device->pairs < to->pairs)
		lose(&port->ctrl, "traffic on queue 0 only");
	return ret;
}

static void
say_lost(struct pmd_port *port, const char *before)
{
	if (port->ctrl.lost[0] != '\0' && strcmp(port->ctrl.lost, before) != 0)
		PMD_LOG(WARNING, "%s: %s", port->eth_dev->data->name, port->ctrl.lost);
}

int
pmd_ctrl_replay(struct pmd_port *port, uint64_t features)
{
	static const struct rte_ether_addr unknown = {{0}};
	struct pmd_ctrl *ctrl = &port->ctrl;
	struct replay replay = {.port = port};
	struct vnet_ctrl_state from, to;
	char before[PMD_CTRL_LOST_BYTES];
	int ret = 0;

	ctrl->announcing = false;
	ctrl->ready = false;
	memcpy(before, ctrl->lost, sizeof(before));
	ctrl->wanted.mac = port->mac;
	fit(port, features, &to);
	if (features & BIT(CTRL_VQ)) {
		vnet_ctrl_state_reset(
			&from, features, features & BIT(MAC) ? &port->config.mac : &unknown);
		ctrl->device = from;
		ctrl->deadline_ms = pmd_now_ms() + pmd_ctrl_replay_ms;
		ret = vnet_ctrl_state_replay(&from, &to, emit, &replay);
		if (ret == 0)
			ret = flush(&replay);
		if (ret == 0)
			ret = steer_at_least(&replay, features, &to);
	}
	if (ret != 0)
		return ret;
	if (features & BIT(CTRL_VQ))
		pmd_count(&ctrl->stats.replays);
	ctrl->ready = (features & BIT(CTRL_VQ)) != 0;
	say_lost(port, before);
	return 0;
}
