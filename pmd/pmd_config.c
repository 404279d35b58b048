/* SPDX-License-Identifier: BSD-3-Clause */
#include "pmd_config.h"

#include "net/vnet_features.h"
#include "pmd_log.h"
#include "pmd_port.h"

#include <rte_ethdev.h>

/* A kick message has 8 bits for the index of a ring, and the control ring comes last. */
#define CTRL_PAIRS_MAX 127

#define BIT(name) virtq_bit(VIRTIO_NET_F_##name)
/* Features that are fields of config space and nothing else. */
#define CONFIG_FEATURES (BIT(MAC) | BIT(STATUS) | BIT(SPEED_DUPLEX))

/* Up to the last field that a feature makes valid: a device need not have more. */
static uint32_t
config_bytes(uint64_t features)
{
	if (features & (BIT(RSS) | BIT(HASH_REPORT)))
		return offsetof(struct virtio_net_config, supported_tunnel_types);
	if (features & BIT(SPEED_DUPLEX))
		return offsetof(struct virtio_net_config, rss_max_key_size);
	if (features & BIT(MTU))
		return offsetof(struct virtio_net_config, speed);
	if (features & BIT(MQ))
		return offsetof(struct virtio_net_config, mtu);
	return offsetof(struct virtio_net_config, max_virtqueue_pairs);
}

static void
config_read(struct pmd_config *to, const struct virtio_net_config *from)
{
	const uint32_t speed = rte_le_to_cpu_32(from->speed);

	memcpy(&to->mac, from->mac, sizeof(to->mac));
	to->status = rte_le_to_cpu_16(from->status);
	to->max_pairs = rte_le_to_cpu_16(from->max_virtqueue_pairs);
	to->mtu = rte_le_to_cpu_16(from->mtu);
	to->speed = speed > INT32_MAX ? VIRTIO_NET_SPEED_UNKNOWN : speed;
	to->duplex =
		from->duplex > VIRTIO_NET_DUPLEX_FULL ? VIRTIO_NET_DUPLEX_UNKNOWN : from->duplex;
	to->rss_key_max = from->rss_max_key_size;
	to->rss_table_max = RTE_MIN(rte_le_to_cpu_16(from->rss_max_indirection_table_length),
		(uint16_t)VNET_RSS_TABLE_MAX);
	to->hash_types = rte_le_to_cpu_32(from->supported_hash_types) & VNET_HASH_TYPES;
}

/* Features of which the fields that they need say nothing possible. VIRTIO 1.3, 5.1.4. */
static uint64_t
impossible(const struct pmd_config *c, uint64_t features)
{
	uint64_t bad = 0;

	if ((features & BIT(MAC)) && !rte_is_valid_assigned_ether_addr(&c->mac))
		bad |= BIT(MAC);
	if ((features & BIT(MTU)) && c->mtu < VIRTIO_NET_MTU_MIN)
		bad |= BIT(MTU);
	if ((features & (BIT(MQ) | BIT(RSS))) &&
		(c->max_pairs < 1 || c->max_pairs > VIRTIO_NET_QUEUE_PAIRS_MAX))
		bad |= features & (BIT(MQ) | BIT(RSS) | BIT(CTRL_VQ));
	if ((features & BIT(RSS)) && c->rss_table_max < 1)
		bad |= BIT(RSS);
	if ((features & (BIT(RSS) | BIT(HASH_REPORT))) &&
		(c->rss_key_max < VNET_HASH_KEY_BYTES || c->hash_types == 0))
		bad |= features & (BIT(RSS) | BIT(HASH_REPORT));
	return bad;
}

/* What of the offer can be used; the rest is as if it were not offered. */
static uint64_t
usable(struct pmd_port *port)
{
	const struct pmd_config *c = &port->config;
	uint64_t offered = port->offered;
	uint64_t bad;
	char names[128];

	if (!c->there)
		return offered & ~(PMD_CTRL_FEATURES | CONFIG_FEATURES);
	bad = impossible(c, offered);
	if (bad != 0)
		PMD_LOG(WARNING, "%s: config space of the backend is impossible for %s",
			port->eth_dev->data->name, vnet_features_str(bad, names, sizeof(names)));
	offered &= ~bad;
	if ((offered & BIT(CTRL_VQ)) && (offered & (BIT(MQ) | BIT(RSS))) &&
		c->max_pairs > CTRL_PAIRS_MAX) {
		PMD_LOG(WARNING,
			"%s: backend has %u queue pairs: no message can name the control ring "
			"behind more than %u",
			port->eth_dev->data->name, c->max_pairs, CTRL_PAIRS_MAX);
		offered &= ~BIT(CTRL_VQ);
	}
	if (!(offered & BIT(CTRL_VQ)))
		offered &= ~PMD_CTRL_FEATURES;
	/* The standard forbids all commands of its class without CTRL_RX. 5.1.6.5.2.2. */
	if (!(offered & BIT(CTRL_RX)))
		offered &= ~BIT(CTRL_MAC_ADDR);
	/* Announcements are asked for in status. */
	if (!(offered & BIT(STATUS)))
		offered &= ~BIT(GUEST_ANNOUNCE);
	return offered;
}

static int
config_get(struct pmd_port *port, uint64_t features)
{
	struct transport *t = port->transport;
	struct virtio_net_config raw = {.status = 0};
	int ret = t->ops->config_get(t, 0, &raw, config_bytes(features));

	if (ret == 0)
		config_read(&port->config, &raw);
	return ret;
}

int
pmd_config_attach(struct pmd_port *port)
{
	struct pmd_config *c = &port->config;
	int ret;

	*c = (struct pmd_config){.max_pairs = 1};
	ret = config_get(port, port->offered);
	if (ret != 0 && ret != -ENOTSUP)
		return ret;
	c->there = ret == 0;
	port->offered = usable(port);
	if (!(port->offered & (BIT(MQ) | BIT(RSS))))
		c->max_pairs = 1;
	else if (c->there)
		port->pairs_max = RTE_MIN(port->pairs_max, c->max_pairs);
	/* The device's address is ours as long as nobody has chosen another or used ours. */
	if ((port->offered & BIT(MAC)) && !port->mac_chosen) {
		port->mac = c->mac;
		port->ctrl.wanted.mac = c->mac;
	}
	return 0;
}

int
pmd_config_refresh(struct pmd_port *port)
{
	const struct pmd_config before = port->config;
	int ret = config_get(port, port->offered);

	/* What it could read before it can read now; if not, things stay as they were. */
	if (ret == -ENOTSUP)
		ret = 0;
	/* Only status, speed and duplex may change. */
	port->config.mac = before.mac;
	port->config.max_pairs = before.max_pairs;
	port->config.mtu = before.mtu;
	port->config.rss_key_max = before.rss_key_max;
	port->config.rss_table_max = before.rss_table_max;
	port->config.hash_types = before.hash_types;
	return ret;
}

uint16_t
pmd_config_mtu_max(const struct pmd_port *port)
{
	const uint16_t max = PMD_FRAME_MAX - PMD_FRAME_OVERHEAD;

	if (port->state == PMD_ABSENT || !port->config.there || !(port->offered & BIT(MTU)))
		return max;
	return RTE_MIN(max, port->config.mtu);
}
