/* SPDX-License-Identifier: BSD-3-Clause */
#include "pmd_rss.h"

#include "pmd_log.h"
#include "pmd_wish.h"

#include <rte_common.h>
#include <rte_ethdev.h>

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* What every device with RSS has to have, and so what can be promised before one is there. */
#define RETA_DEFAULT 128

/* A type of the device hashes all packets that any of these bits names. */
static const struct {
	uint64_t flows;
	uint32_t type;
} flow_table[] = {
	{RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_FRAG_IPV4 | RTE_ETH_RSS_NONFRAG_IPV4_OTHER,
		VIRTIO_NET_HASH_TYPE_IPv4},
	{RTE_ETH_RSS_NONFRAG_IPV4_TCP, VIRTIO_NET_HASH_TYPE_TCPv4},
	{RTE_ETH_RSS_NONFRAG_IPV4_UDP, VIRTIO_NET_HASH_TYPE_UDPv4},
	{RTE_ETH_RSS_IPV6 | RTE_ETH_RSS_FRAG_IPV6 | RTE_ETH_RSS_NONFRAG_IPV6_OTHER,
		VIRTIO_NET_HASH_TYPE_IPv6},
	{RTE_ETH_RSS_NONFRAG_IPV6_TCP, VIRTIO_NET_HASH_TYPE_TCPv6},
	{RTE_ETH_RSS_NONFRAG_IPV6_UDP, VIRTIO_NET_HASH_TYPE_UDPv6},
	{RTE_ETH_RSS_IPV6_EX, VIRTIO_NET_HASH_TYPE_IP_EX},
	{RTE_ETH_RSS_IPV6_TCP_EX, VIRTIO_NET_HASH_TYPE_TCP_EX},
	{RTE_ETH_RSS_IPV6_UDP_EX, VIRTIO_NET_HASH_TYPE_UDP_EX},
};

static uint64_t
flows_of(uint32_t types)
{
	uint64_t flows = 0;

	for (size_t i = 0; i < RTE_DIM(flow_table); i++) {
		if (types & flow_table[i].type)
			flows |= flow_table[i].flows;
	}
	return flows;
}

static uint32_t
types_of(uint64_t flows)
{
	uint32_t types = 0;

	for (size_t i = 0; i < RTE_DIM(flow_table); i++) {
		if (flows & flow_table[i].flows)
			types |= flow_table[i].type;
	}
	return types;
}

static bool
has(const struct pmd_port *port, unsigned int feature)
{
	return (pmd_wish_features(port) & virtq_bit(feature)) != 0;
}

/* Does the mode ask for RSS? */
static bool
rss_mode(const struct rte_eth_dev *dev)
{
	return (dev->data->dev_conf.rxmode.mq_mode & RTE_ETH_MQ_RX_RSS_FLAG) != 0;
}

/* Hash report alone takes types and key by a command of its own. */
static bool
hash_alone(const struct pmd_port *port)
{
	return !has(port, VIRTIO_NET_F_RSS) && has(port, VIRTIO_NET_F_HASH_REPORT) &&
	       (port->eth_dev->data->dev_conf.rxmode.offloads & RTE_ETH_RX_OFFLOAD_RSS_HASH);
}

static uint16_t
device_table(const struct pmd_port *port)
{
	struct vnet_ctrl_limits limits;

	if (port->state == PMD_ABSENT)
		return RETA_DEFAULT;
	pmd_ctrl_limits(port, &limits);
	return RTE_MAX((uint16_t)rte_align32prevpow2(limits.rss_table_max),
		(uint16_t)RTE_ETH_RETA_GROUP_SIZE);
}

/* The table of a configured port keeps its size, whichever devices come. */
static uint16_t
table_size(const struct pmd_port *port)
{
	return port->rss_entries != 0 ? port->rss_entries : device_table(port);
}

void
pmd_rss_info(struct pmd_port *port, struct rte_eth_dev_info *info)
{
	struct vnet_ctrl_limits limits;

	if (!has(port, VIRTIO_NET_F_RSS) && !has(port, VIRTIO_NET_F_HASH_REPORT))
		return;
	pmd_ctrl_limits(port, &limits);
	info->flow_type_rss_offloads = flows_of(limits.hash_types);
	info->hash_key_size = VNET_HASH_KEY_BYTES;
	if (has(port, VIRTIO_NET_F_RSS))
		info->reta_size = table_size(port);
}

/* Types and key of the application into rss, NULL: the key that is there. */
static int
conf_take(const struct rte_eth_dev *dev, struct vnet_rss *rss, const struct rte_eth_rss_conf *conf)
{
	const uint64_t odd = conf->rss_hf & ~flows_of(VNET_HASH_TYPES);

	if (odd != 0) {
		PMD_LOG(ERR,
			"%s: no hash of these packets, or not in this way: rss_hf 0x%" PRIx64
			" (virtio-net has IP, TCP and UDP, and no options to them)",
			dev->data->name, odd);
		return -EINVAL;
	}
	if (conf->rss_key != NULL && conf->rss_key_len != VNET_HASH_KEY_BYTES) {
		PMD_LOG(ERR, "%s: RSS key of %u bytes: it has to have %u", dev->data->name,
			conf->rss_key_len, VNET_HASH_KEY_BYTES);
		return -EINVAL;
	}
	rss->hash_types = types_of(conf->rss_hf);
	if (conf->rss_key != NULL)
		memcpy(rss->key, conf->rss_key, VNET_HASH_KEY_BYTES);
	return 0;
}

static void
table_default(const struct pmd_port *port, struct vnet_rss *rss)
{
	const uint16_t queues = RTE_MAX(port->eth_dev->data->nb_rx_queues, 1);

	rss->table_mask = (uint16_t)(table_size(port) - 1);
	for (uint32_t i = 0; i <= rss->table_mask; i++)
		rss->table[i] = (uint16_t)(i % queues);
}

int
pmd_rss_configure(struct rte_eth_dev *dev)
{
	const struct rte_eth_rss_conf *conf = &dev->data->dev_conf.rx_adv_conf.rss_conf;
	struct pmd_port *port = pmd_port_of(dev);
	const uint16_t pairs = RTE_MAX(pmd_port_pairs(port), 1);
	struct vnet_ctrl c = {
		.kind = VNET_CTRL_RSS,
		.rss = {.max_tx_vq = pairs, .key_length = VNET_HASH_KEY_BYTES},
	};
	int ret = 0;

	memcpy(c.rss.key, vnet_hash_default_key, sizeof(c.rss.key));
	/* In other modes it has no meaning. */
	if (rss_mode(dev))
		ret = conf_take(dev, &c.rss, conf);
	if (ret != 0)
		return ret;
	pmd_port_lock(port);
	port->rss_entries = 0;
	port->rss_entries = rss_mode(dev) ? device_table(port) : 0;
	table_default(port, &c.rss);
	/* The mode without a type asks for nothing yet: the device may spread packets as it likes.
	 */
	pmd_wish_note(port, &c);
	if (c.rss.hash_types == 0)
		pmd_wish_note(port, &(struct vnet_ctrl){.kind = VNET_CTRL_PAIRS, .pairs = pairs});
	pmd_port_unlock(port);
	return 0;
}

/* Bring the device to it, if there is one. */
static int
rss_set(struct pmd_port *port, const struct vnet_rss *rss)
{
	struct vnet_ctrl c = {
		.kind = hash_alone(port) ? VNET_CTRL_HASH : VNET_CTRL_RSS,
		.rss = *rss,
	};
	const int ret = pmd_wish(port, &c);

	if (ret == -ENOTSUP)
		PMD_LOG(ERR, "%s: backend has no RSS", port->eth_dev->data->name);
	/* For devices to come, which may have RSS. */
	if (ret == 0 && c.kind == VNET_CTRL_HASH) {
		c.kind = VNET_CTRL_RSS;
		pmd_wish_note(port, &c);
	}
	return ret;
}

int
pmd_rss_hash_update(struct rte_eth_dev *dev, struct rte_eth_rss_conf *conf)
{
	struct pmd_port *port = pmd_port_of(dev);
	struct vnet_rss rss;
	int ret;

	pmd_port_lock(port);
	rss = port->ctrl.wanted.rss;
	ret = conf_take(dev, &rss, conf);
	if (ret == 0)
		ret = rss_set(port, &rss);
	pmd_port_unlock(port);
	return ret;
}

int
pmd_rss_hash_conf_get(struct rte_eth_dev *dev, struct rte_eth_rss_conf *conf)
{
	struct pmd_port *port = pmd_port_of(dev);
	const struct vnet_ctrl_state *wanted = &port->ctrl.wanted;
	int ret = 0;

	pmd_port_lock(port);
	if (!has(port, VIRTIO_NET_F_RSS) && !hash_alone(port)) {
		ret = -ENOTSUP;
	} else {
		conf->rss_hf = wanted->rss_on ? flows_of(wanted->rss.hash_types) : 0;
		if (conf->rss_key != NULL && conf->rss_key_len >= VNET_HASH_KEY_BYTES)
			memcpy(conf->rss_key, wanted->rss.key, VNET_HASH_KEY_BYTES);
		conf->rss_key_len = VNET_HASH_KEY_BYTES;
	}
	pmd_port_unlock(port);
	return ret;
}

/* Is there a table, and is it of this size? */
static int
table_check(const struct rte_eth_dev *dev, uint16_t size)
{
	const struct pmd_port *port = pmd_port_of(dev);

	if (!rss_mode(dev) || !has(port, VIRTIO_NET_F_RSS))
		return -ENOTSUP;
	if (size == port->rss_entries)
		return 0;
	PMD_LOG(ERR, "%s: the redirection table has %u entries, not %u", dev->data->name,
		port->rss_entries, size);
	return -EINVAL;
}

int
pmd_reta_update(struct rte_eth_dev *dev, struct rte_eth_rss_reta_entry64 *groups, uint16_t size)
{
	struct pmd_port *port = pmd_port_of(dev);
	struct vnet_rss rss;
	int ret;

	pmd_port_lock(port);
	rss = port->ctrl.wanted.rss;
	ret = table_check(dev, size);
	for (uint16_t i = 0; i < size && ret == 0; i++) {
		const struct rte_eth_rss_reta_entry64 *g = &groups[i / RTE_ETH_RETA_GROUP_SIZE];
		const uint16_t queue = g->reta[i % RTE_ETH_RETA_GROUP_SIZE];

		if (!(g->mask & RTE_BIT64(i % RTE_ETH_RETA_GROUP_SIZE)))
			continue;
		if (queue >= dev->data->nb_rx_queues)
			ret = -EINVAL;
		rss.table[i] = queue;
	}
	/* Without a type there is no use for it yet. */
	if (ret == 0 && port->ctrl.wanted.rss_on)
		ret = rss_set(port, &rss);
	else if (ret == 0)
		port->ctrl.wanted.rss = rss;
	pmd_port_unlock(port);
	return ret;
}

int
pmd_reta_query(struct rte_eth_dev *dev, struct rte_eth_rss_reta_entry64 *groups, uint16_t size)
{
	struct pmd_port *port = pmd_port_of(dev);
	int ret;

	pmd_port_lock(port);
	ret = table_check(dev, size);
	for (uint16_t i = 0; i < size && ret == 0; i++) {
		struct rte_eth_rss_reta_entry64 *g = &groups[i / RTE_ETH_RETA_GROUP_SIZE];

		if (g->mask & RTE_BIT64(i % RTE_ETH_RETA_GROUP_SIZE))
			g->reta[i % RTE_ETH_RETA_GROUP_SIZE] = port->ctrl.wanted.rss.table[i];
	}
	pmd_port_unlock(port);
	return ret;
}
