/* SPDX-License-Identifier: BSD-3-Clause */
#include "pmd_filter.h"

#include "pmd_log.h"
#include "pmd_wish.h"

#include <rte_ethdev.h>

#include <errno.h>
#include <string.h>

/*
 * Receive modes.
 */

static int
mode_set(struct rte_eth_dev *dev, enum vnet_ctrl_kind kind, bool on)
{
	struct pmd_port *port = pmd_port_of(dev);
	const struct vnet_ctrl c = {.kind = kind, .on = on};
	int ret;

	pmd_port_lock(port);
	/* Who does not filter has it on. */
	ret = on || pmd_wish_known(port, &c) ? pmd_wish_at_least(port, &c) : pmd_wish(port, &c);
	pmd_port_unlock(port);
	return ret;
}

int
pmd_promiscuous_enable(struct rte_eth_dev *dev)
{
	return mode_set(dev, VNET_CTRL_PROMISC, true);
}

int
pmd_promiscuous_disable(struct rte_eth_dev *dev)
{
	return mode_set(dev, VNET_CTRL_PROMISC, false);
}

int
pmd_allmulticast_enable(struct rte_eth_dev *dev)
{
	return mode_set(dev, VNET_CTRL_ALLMULTI, true);
}

int
pmd_allmulticast_disable(struct rte_eth_dev *dev)
{
	return mode_set(dev, VNET_CTRL_ALLMULTI, false);
}

/*
 * Addresses.
 */

/* Both halves of the table. */
struct table {
	struct rte_ether_addr unicast[PMD_MACS_MAX];
	struct rte_ether_addr multicast[PMD_MACS_MAX + PMD_MULTICAST_MAX];
	struct vnet_ctrl c; /* points to them */
};

static void
table_add(struct table *t, const struct rte_ether_addr *addr)
{
	if (rte_is_zero_ether_addr(addr))
		return;
	if (rte_is_multicast_ether_addr(addr))
		t->multicast[t->c.macs.nb_multicast++] = *addr;
	else
		t->unicast[t->c.macs.nb_unicast++] = *addr;
}

/* The port's own address goes by another command, where the device has it. */
static bool
own_by_table(const struct pmd_port *port)
{
	const uint64_t features = pmd_wish_features(port);

	return (features & virtq_bit(VIRTIO_NET_F_CTRL_RX)) &&
	       !(features & virtq_bit(VIRTIO_NET_F_CTRL_MAC_ADDR));
}

/* The port's addresses, but for the one at index, which is about to become addr (NULL: none). */
static void
table_make(
	struct pmd_port *port, struct table *t, uint32_t index, const struct rte_ether_addr *addr)
{
	t->c = (struct vnet_ctrl){.kind = VNET_CTRL_MAC_TABLE};
	t->c.macs.unicast = t->unicast;
	t->c.macs.multicast = t->multicast;
	for (uint32_t i = 0; i < PMD_MACS_MAX; i++) {
		if (i == 0 && !own_by_table(port))
			continue;
		if (i != index)
			table_add(t, &port->macs[i]);
		else if (addr != NULL)
			table_add(t, addr);
	}
	for (uint32_t i = 0; i < port->nb_multicast; i++)
		table_add(t, &port->multicast[i]);
}

static int
table_set(struct pmd_port *port, uint32_t index, const struct rte_ether_addr *addr)
{
	struct table t;

	table_make(port, &t, index, addr);
	return pmd_wish_at_least(port, &t.c);
}

void
pmd_filter_start(struct pmd_port *port)
{
	struct table t;

	table_make(port, &t, PMD_MACS_MAX, NULL);
	pmd_wish_note(port, &t.c);
}

int
pmd_mac_addr_set(struct rte_eth_dev *dev, struct rte_ether_addr *addr)
{
	struct pmd_port *port = pmd_port_of(dev);
	const struct vnet_ctrl c = {.kind = VNET_CTRL_MAC_ADDR, .mac = *addr};
	int ret;

	pmd_port_lock(port);
	ret = pmd_wish_at_least(port, &c);
	if (ret == 0 && own_by_table(port))
		ret = table_set(port, 0, addr);
	if (ret == 0) {
		port->mac = *addr;
		port->mac_chosen = true;
	}
	pmd_port_unlock(port);
	return ret;
}

int
pmd_mac_addr_add(
	struct rte_eth_dev *dev, struct rte_ether_addr *addr, uint32_t index, uint32_t vmdq)
{
	struct pmd_port *port = pmd_port_of(dev);
	int ret;

	if (vmdq != 0) {
		PMD_LOG(ERR, "%s: there are no pools of addresses", dev->data->name);
		return -EINVAL;
	}
	pmd_port_lock(port);
	ret = table_set(port, index, addr);
	pmd_port_unlock(port);
	return ret;
}

void
pmd_mac_addr_remove(struct rte_eth_dev *dev, uint32_t index)
{
	struct pmd_port *port = pmd_port_of(dev);
	int ret;

	pmd_port_lock(port);
	ret = table_set(port, index, NULL);
	pmd_port_unlock(port);
	if (ret != 0)
		PMD_LOG(WARNING,
			"%s: the backend goes on letting " RTE_ETHER_ADDR_PRT_FMT " through",
			dev->data->name, RTE_ETHER_ADDR_BYTES(&port->macs[index]));
}

int
pmd_mc_addr_list_set(struct rte_eth_dev *dev, struct rte_ether_addr *addrs, uint32_t nb)
{
	struct pmd_port *port = pmd_port_of(dev);
	struct rte_ether_addr before[PMD_MULTICAST_MAX];
	uint32_t nb_before;
	int ret;

	if (nb > PMD_MULTICAST_MAX) {
		PMD_LOG(ERR, "%s: %u multicast addresses, %u are possible", dev->data->name, nb,
			PMD_MULTICAST_MAX);
		return -ENOSPC;
	}
	for (uint32_t i = 0; i < nb; i++) {
		if (!rte_is_multicast_ether_addr(&addrs[i])) {
			PMD_LOG(ERR, "%s: " RTE_ETHER_ADDR_PRT_FMT " is no multicast address",
				dev->data->name, RTE_ETHER_ADDR_BYTES(&addrs[i]));
			return -EINVAL;
		}
	}
	pmd_port_lock(port);
	nb_before = port->nb_multicast;
	memcpy(before, port->multicast, sizeof(before));
	port->nb_multicast = nb;
	if (nb != 0)
		memcpy(port->multicast, addrs, nb * sizeof(addrs[0]));
	ret = table_set(port, PMD_MACS_MAX, NULL);
	if (ret != 0) {
		port->nb_multicast = nb_before;
		memcpy(port->multicast, before, sizeof(before));
	}
	pmd_port_unlock(port);
	return ret;
}

/*
 * VLAN. The device filters as soon as CTRL_VLAN is negotiated, which it is for a port that starts
 * with the filter on. Switching it off while the port runs lets every number through. The driver
 * filters behind the device in any case: the next one may not.
 */

static bool
vlan_filter_on(const struct rte_eth_dev *dev)
{
	return (dev->data->dev_conf.rxmode.offloads & RTE_ETH_RX_OFFLOAD_VLAN_FILTER) != 0;
}

static bool
vlans_told(const struct pmd_port *port)
{
	return pmd_ctrl_ready(port) && (port->features & virtq_bit(VIRTIO_NET_F_CTRL_VLAN));
}

static int
vlan_set(struct pmd_port *port, uint16_t id, bool on)
{
	const struct vnet_ctrl c = {
		.kind = on ? VNET_CTRL_VLAN_ADD : VNET_CTRL_VLAN_DEL,
		.vlan = id,
	};

	if (vlans_told(port))
		return pmd_wish(port, &c);
	pmd_wish_note(port, &c);
	return 0;
}

/* Numbers that are to be added, or to be deleted: a word of the table at a time. */
static int
vlans_set(struct pmd_port *port, uint32_t word, uint64_t ids, bool on)
{
	uint16_t list[PMD_CTRL_VLANS];
	unsigned int nb = 0;
	int ret = 0;

	static_assert(PMD_CTRL_VLANS >= 64, "a word of the table");
	for (; ids != 0; ids &= ids - 1)
		list[nb++] = (uint16_t)(word * 64 + (uint32_t)__builtin_ctzll(ids));
	if (nb > 1 && vlans_told(port))
		return pmd_ctrl_apply_vlans(
			port, on ? VNET_CTRL_VLAN_ADD : VNET_CTRL_VLAN_DEL, list, nb);
	for (unsigned int i = 0; i < nb && ret == 0; i++)
		ret = vlan_set(port, list[i], on);
	return ret;
}

int
pmd_filter_vlans(struct rte_eth_dev *dev)
{
	struct pmd_port *port = pmd_port_of(dev);
	const bool all = !vlan_filter_on(dev);
	int ret = 0;

	pmd_port_lock(port);
	for (uint32_t word = 0; word < VNET_CTRL_VLANS / 64 && ret == 0; word++) {
		const uint64_t to = all ? UINT64_MAX : dev->data->vlan_filter_conf.ids[word];
		const uint64_t from = port->ctrl.wanted.vlans[word];

		ret = vlans_set(port, word, to & ~from, true);
		if (ret == 0)
			ret = vlans_set(port, word, from & ~to, false);
	}
	pmd_port_unlock(port);
	return ret;
}

int
pmd_filter_vlan(struct rte_eth_dev *dev, uint16_t id, bool on)
{
	struct pmd_port *port = pmd_port_of(dev);
	int ret;

	pmd_port_lock(port);
	ret = vlan_set(port, id, on);
	pmd_port_unlock(port);
	return ret;
}

void
pmd_filter_reset(struct pmd_port *port)
{
	struct rte_eth_dev_data *data = port->eth_dev->data;

	memset(&port->macs[1], 0, sizeof(port->macs) - sizeof(port->macs[0]));
	memset(data->mac_pool_sel, 0, sizeof(data->mac_pool_sel));
	memset(&data->vlan_filter_conf, 0, sizeof(data->vlan_filter_conf));
	port->nb_multicast = 0;
	data->promiscuous = 1;
	data->all_multicast = 1;
	pmd_ctrl_init(port);
}
