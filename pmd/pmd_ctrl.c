/* SPDX-License-Identifier: BSD-3-Clause */
#include "pmd_ctrl.h"

#include "pmd_log.h"
#include "pmd_port.h"

#include <rte_ethdev.h>

void
pmd_ctrl_init(struct pmd_port *port)
{
	struct vnet_ctrl_state *wanted = &port->ctrl.wanted;

	vnet_ctrl_state_reset(wanted, 0, &port->mac);
	wanted->modes = VNET_CTRL_MODE(PROMISC) | VNET_CTRL_MODE(ALLMULTI);
	wanted->offloads = VNET_CTRL_GUEST_OFFLOAD_BITS;
}

bool
pmd_ctrl_ready(const struct pmd_port *port)
{
	return port->state == PMD_RUNNING && port->ctrl.ready;
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

int
pmd_ctrl_apply(struct pmd_port *port, const struct vnet_ctrl *c)
{
	uint8_t bytes[VNET_CTRL_BYTES_MAX];
	int ret = command_build(port, c, bytes, sizeof(bytes));

	if (ret < 0)
		return ret;
	if (port->state == PMD_RUNNING && !port->ctrl.ready)
		return -ENOTSUP;
	vnet_ctrl_state_apply(&port->ctrl.wanted, c);
	return 0;
}
