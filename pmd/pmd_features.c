/* SPDX-License-Identifier: BSD-3-Clause */
/* What a port asks of a device, and whether the device can serve it. */
#include "net/vnet_features.h"
#include "pmd_intr.h"
#include "pmd_offload.h"
#include "pmd_rx_chain.h"

#include <rte_ethdev.h>

/* What posted buffers and burst functions depend on. */
#define FEATURES_IN_USE \
	(virtq_bit(VIRTIO_F_VERSION_1) | virtq_bit(VIRTIO_F_IN_ORDER) | \
		virtq_bit(VIRTIO_F_INDIRECT_DESC) | virtq_bit(VIRTIO_NET_F_MRG_RXBUF) | \
		pmd_offload_in_use())

static bool
needs_merge(const struct pmd_port *port)
{
	const struct rte_eth_dev_data *data = port->eth_dev->data;

	for (uint16_t i = 0; i < data->nb_rx_queues; i++) {
		if (!pmd_rxq_holds(data->rx_queues[i], data->mtu + PMD_FRAME_OVERHEAD))
			return true;
	}
	return false;
}

/* Control plane: what the device offers and can be used, see pmd_config_attach(). */
static uint64_t
control_wanted(const struct pmd_port *port)
{
	const struct rte_eth_dev_data *data = port->eth_dev->data;
	const uint64_t rx_offloads = data->dev_conf.rxmode.offloads;
	uint64_t wanted = virtq_bit(VIRTIO_NET_F_STATUS) | virtq_bit(VIRTIO_NET_F_SPEED_DUPLEX) |
			  PMD_CTRL_FEATURES;

	if (!port->config.there)
		return 0;
	/* It changes the header of all packets: for those whose offload needs it. */
	wanted &= ~virtq_bit(VIRTIO_NET_F_HASH_REPORT);
	/* With it tagged frames arrive only where their number is in the device's table. */
	if (!(rx_offloads & RTE_ETH_RX_OFFLOAD_VLAN_FILTER))
		wanted &= ~virtq_bit(VIRTIO_NET_F_CTRL_VLAN);
	/* Who takes MAC takes the device's address, or can tell it another. 5.1.4.2. */
	if (rte_is_same_ether_addr(&port->mac, &port->config.mac) ||
		(port->offered & virtq_bit(VIRTIO_NET_F_CTRL_MAC_ADDR)))
		wanted |= virtq_bit(VIRTIO_NET_F_MAC);
	/* And who takes MTU sends nothing larger. */
	if (data->mtu <= port->config.mtu)
		wanted |= virtq_bit(VIRTIO_NET_F_MTU);
	return wanted & port->offered;
}

static uint64_t
features_wanted(const struct pmd_port *port)
{
	const struct transport *t = port->transport;
	const struct pmd_offloads on = pmd_offloads_of(port->eth_dev);
	const uint64_t likes = pmd_offload_likes(on, port->offered);
	uint64_t wanted = virtq_bit(VIRTIO_F_VERSION_1) | virtq_bit(VIRTIO_F_INDIRECT_DESC);

	if (port->args.mrg_rxbuf)
		wanted |= virtq_bit(VIRTIO_NET_F_MRG_RXBUF);
	if (port->args.in_order)
		wanted |= virtq_bit(VIRTIO_F_IN_ORDER);
	wanted |= pmd_offload_needs(on) | likes;
	if (port->fixed)
		wanted = port->features & (FEATURES_IN_USE | likes);
	/* Those that only poll have no use for it. */
	if (pmd_intr_wanted(port))
		wanted |= virtq_bit(VIRTIO_F_EVENT_IDX);
	if (pmd_port_pairs(port) > 1)
		wanted |= virtq_bit(VIRTIO_NET_F_MQ);
	if (t->ops->mtu_wanted(t) && !port->config.there)
		wanted |= virtq_bit(VIRTIO_NET_F_MTU);
	return wanted | control_wanted(port) | t->ops->features_own(t);
}

/* Is there all that the port's offloads cannot do without? */
static int
offloads_check(struct pmd_port *port)
{
	const struct pmd_offloads on = pmd_offloads_of(port->eth_dev);
	const uint64_t lacking = pmd_offload_needs(on) & ~port->offered;
	char names[128];
	char offloads[PMD_OFFLOAD_TEXT];

	if (lacking == 0)
		return 0;
	return pmd_refuse(port,
		"backend lacks %s, which offload %s needs; configure the port without it or give "
		"the backend the feature",
		vnet_features_str(lacking, names, sizeof(names)),
		pmd_offload_lacking(on, lacking, offloads, sizeof(offloads)));
}

int
pmd_features_choose(struct pmd_port *port, uint64_t *features)
{
	const uint64_t offered = port->offered;
	const uint64_t wanted = features_wanted(port);
	const uint16_t pairs = pmd_port_pairs(port);
	struct vnet_missing missing;
	char text[VNET_MISSING_TEXT];
	char why[PMD_REASON_BYTES];
	char names[128];

	if (!(offered & virtq_bit(VIRTIO_F_VERSION_1)))
		return pmd_refuse(port, "backend is legacy: it does not offer VERSION_1");
	if (pairs > 1 && (port->pairs_max < pairs || !(offered & virtq_bit(VIRTIO_NET_F_MQ))))
		return pmd_refuse(port, "port has %u queue pairs, backend serves %u", pairs,
			offered & virtq_bit(VIRTIO_NET_F_MQ) ? port->pairs_max : 1);
	if (offloads_check(port) != 0)
		return -ENOTSUP;
	if (port->fixed && (wanted & ~offered & FEATURES_IN_USE) != 0)
		return pmd_refuse(port,
			"backend lacks %s, which the running port uses; stop and start the port to "
			"do without",
			vnet_features_str(
				wanted & ~offered & FEATURES_IN_USE, names, sizeof(names)));
	if (pmd_rx_chain_needed(wanted & offered)) {
		if (!pmd_rx_chains_fit(port->eth_dev->data, why, sizeof(why)))
			return pmd_refuse(port, "%s", why);
	} else if (needs_merge(port) && !(offered & virtq_bit(VIRTIO_NET_F_MRG_RXBUF)))
		return pmd_refuse(port,
			"MTU %u needs several buffers for a frame and backend lacks MRG_RXBUF; use "
			"bigger mbufs or a smaller MTU",
			port->eth_dev->data->mtu);
	*features = wanted & offered;
	if (vnet_features_check(*features,
		    *features & virtq_bit(VIRTIO_NET_F_CTRL_VQ) ? VNET_STRICT
								: VNET_NO_CONTROL_RING,
		    &missing) != 0)
		return pmd_refuse(port, "backend offers an impossible set: %s",
			vnet_missing_str(&missing, text, sizeof(text)));
	return 0;
}
