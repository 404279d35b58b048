/* SPDX-License-Identifier: BSD-3-Clause */
#include "pmd_ethdev.h"

#include "pmd_filter.h"
#include "pmd_intr.h"
#include "pmd_log.h"
#include "pmd_offload.h"
#include "pmd_queue_ops.h"
#include "pmd_rss.h"
#include "pmd_rx_chain.h"
#include "pmd_rx_offload.h"
#include "pmd_stats.h"
#include "spec/virtio_net_spec.h"

#include <rte_ethdev.h>

#include <errno.h>

#define BURST_DEFAULT 32

static int
dev_configure(struct rte_eth_dev *dev)
{
	const struct rte_eth_conf *conf = &dev->data->dev_conf;

	if ((conf->rxmode.mq_mode & ~RTE_ETH_MQ_RX_RSS_FLAG) != 0) {
		PMD_LOG(ERR, "%s: receive queues have no VMDq and no DCB", dev->data->name);
		return -ENOTSUP;
	}
	if (conf->txmode.mq_mode != RTE_ETH_MQ_TX_NONE) {
		PMD_LOG(ERR, "%s: transmit queues have no VMDq and no DCB", dev->data->name);
		return -ENOTSUP;
	}
	if (conf->lpbk_mode != 0) {
		PMD_LOG(ERR, "%s: there is no loopback mode", dev->data->name);
		return -ENOTSUP;
	}
	return pmd_rss_configure(dev);
}

/* Pair 0 is always there for the device, also where the port has only one half of it. */
static int
spares_alloc(struct pmd_port *port)
{
	const struct rte_eth_dev_data *data = port->eth_dev->data;
	const bool needed[] = {data->nb_rx_queues == 0, data->nb_tx_queues == 0};

	for (unsigned int i = 0; i < RTE_DIM(port->spare); i++) {
		if (needed[i] && port->spare[i].size == 0 &&
			pmd_ring_alloc(&port->spare[i], port->args.queue_size, data->numa_node) !=
				0)
			return -ENOMEM;
		if (!needed[i])
			pmd_ring_free(&port->spare[i]);
	}
	return 0;
}

static int
frames_check(struct rte_eth_dev *dev, uint16_t mtu)
{
	const struct pmd_port *port = pmd_port_of(dev);
	const uint32_t frame = mtu + PMD_FRAME_OVERHEAD;
	const bool lro = (dev->data->dev_conf.rxmode.offloads & RTE_ETH_RX_OFFLOAD_TCP_LRO) != 0;
	char why[PMD_REASON_BYTES];

	if (lro && !port->args.mrg_rxbuf) {
		if (pmd_rx_chains_fit(dev->data, why, sizeof(why)))
			return 0;
		PMD_LOG(ERR, "%s: %s", dev->data->name, why);
		return -EINVAL;
	}
	for (uint16_t i = 0; i < dev->data->nb_rx_queues; i++) {
		const struct pmd_rx_queue *q = dev->data->rx_queues[i];

		if (q == NULL || pmd_rxq_holds(q, frame))
			continue;
		if (port->args.mrg_rxbuf &&
			(lro || ((q->conf.offloads | dev->data->dev_conf.rxmode.offloads) &
					RTE_ETH_RX_OFFLOAD_SCATTER)))
			continue;
		PMD_LOG(ERR,
			"%s: receive queue %u: mbufs of pool %s are too small for MTU %u; use "
			"bigger "
			"ones, or %s",
			dev->data->name, i, q->rxq.pool->name, mtu,
			port->args.mrg_rxbuf ? "the SCATTER offload" : "mrg_rxbuf=1");
		return -EINVAL;
	}
	return 0;
}

static int
dev_start(struct rte_eth_dev *dev)
{
	struct pmd_port *port = pmd_port_of(dev);
	char why[TRANSPORT_ERROR_BYTES];
	const uint64_t offloads = dev->data->dev_conf.rxmode.offloads;
	int ret = frames_check(dev, dev->data->mtu);

	if (ret != 0)
		return ret;
	if (spares_alloc(port) != 0) {
		PMD_LOG(ERR, "%s: no memory for a spare ring of %u", dev->data->name,
			port->args.queue_size);
		return -ENOMEM;
	}
	if (pmd_ctrl_alloc(port) != 0) {
		PMD_LOG(ERR, "%s: no memory for the control ring", dev->data->name);
		return -ENOMEM;
	}
	ret = pmd_intr_start(dev);
	if (ret != 0)
		return ret;
	dev->data->lro = (offloads & RTE_ETH_RX_OFFLOAD_TCP_LRO) != 0;
	dev->data->scattered_rx = dev->data->lro || (offloads & RTE_ETH_RX_OFFLOAD_SCATTER) != 0;
	pmd_vlan_offload_set(dev, RTE_ETH_VLAN_FILTER_MASK);

	pmd_port_lock_memory(port);
	ret = port->transport->ops->memory_check(why, sizeof(why));
	if (ret != 0) {
		PMD_LOG(ERR, "%s: %s", dev->data->name, why);
	} else {
		port->started = true;
		port->mac_chosen = true;
		pmd_ctrl_start(port);
		pmd_filter_start(port);
		pmd_queue_states_set(dev, true);
		if (port->state == PMD_REFUSED)
			port->state = PMD_ATTACHED;
		if (port->state == PMD_ATTACHED)
			pmd_bringup(port);
		pmd_link_set(port);
	}
	pmd_port_unlock_memory(port);
	return ret;
}

static int
dev_stop(struct rte_eth_dev *dev)
{
	struct pmd_port *port = pmd_port_of(dev);

	pmd_port_lock(port);
	pmd_bringdown(port);
	pmd_link_set(port);
	pmd_queue_states_set(dev, false);
	pmd_port_unlock(port);
	pmd_drain(port);

	pmd_port_lock(port);
	port->faulted = false;
	pmd_port_unlock(port);
	return 0;
}

/* As after probe, but for queues; the device is let go of, so that it forgets this port, too. */
static int
dev_reset(struct rte_eth_dev *dev)
{
	struct pmd_port *port = pmd_port_of(dev);
	struct transport *t = port->transport;

	if (dev->data->dev_started)
		return -EBUSY;
	pmd_port_lock(port);
	if (port->state != PMD_ABSENT)
		t->ops->drop(t);
	port->state = PMD_ABSENT;
	port->retry_ms = 0;
	port->faulted = false;
	port->link_down = false;
	port->ptype_mask = UINT32_MAX;
	port->rss_entries = 0;
	pmd_filter_reset(port);
	pmd_reason(port, RTE_LOG_NOTICE, "port was reset");
	pmd_link_set(port);
	pmd_port_unlock(port);
	pmd_life_wake(port);
	return 0;
}

static int
dev_close(struct rte_eth_dev *dev)
{
	struct pmd_port *port = pmd_port_of(dev);

	if (rte_eal_process_type() != RTE_PROC_PRIMARY)
		return 0;
	if (pmd_life_stop(port) != 0) {
		PMD_LOG(ERR, "%s: cannot be closed from its own event callback", dev->data->name);
		return -EBUSY;
	}
	port->transport->ops->destroy(port->transport);
	for (uint16_t i = 0; i < dev->data->nb_rx_queues; i++)
		pmd_rx_queue_release(dev, i);
	for (uint16_t i = 0; i < dev->data->nb_tx_queues; i++)
		pmd_tx_queue_release(dev, i);
	for (unsigned int i = 0; i < RTE_DIM(port->spare); i++)
		pmd_ring_free(&port->spare[i]);
	pmd_ctrl_free(port);
	pthread_mutex_destroy(&port->lock);
	/* Part of the private data. */
	dev->data->mac_addrs = NULL;
	return 0;
}

static int
dev_infos_get(struct rte_eth_dev *dev, struct rte_eth_dev_info *info)
{
	struct pmd_port *port = pmd_port_of(dev);
	const struct pmd_args *args = &port->args;
	struct pmd_offloads can;
	struct rte_eth_link link;

	pmd_port_lock(port);
	can = pmd_offload_capa(args, port->state == PMD_ABSENT ? UINT64_MAX : port->offered);
	info->max_mtu = pmd_config_mtu_max(port);
	pmd_rss_info(port, info);
	pmd_port_unlock(port);
	rte_eth_linkstatus_get(dev, &link);
	info->min_rx_bufsize = RTE_ETHER_MIN_LEN;
	info->max_rx_pktlen = PMD_FRAME_MAX;
	info->min_mtu = VIRTIO_NET_MTU_MIN;
	info->max_rx_queues = args->queues;
	info->max_tx_queues = args->queues;
	info->max_mac_addrs = PMD_MACS_MAX;
	info->speed_capa = rte_eth_speed_bitflag(link.link_speed, RTE_ETH_LINK_FULL_DUPLEX);
	info->rx_offload_capa = can.rx;
	info->tx_offload_capa = can.tx;
	info->tx_queue_offload_capa = can.tx;
	info->rx_queue_offload_capa = can.rx & RTE_ETH_RX_OFFLOAD_VLAN_STRIP;
	if (can.rx & RTE_ETH_RX_OFFLOAD_TCP_LRO)
		info->max_lro_pkt_size = PMD_LRO_MAX;
	/* The ring has queue_size entries; a wish above it is cut down, as net_virtio_user does. */
	info->rx_desc_lim.nb_min = VIRTQ_SIZE_MIN;
	info->rx_desc_lim.nb_max = VIRTQ_SIZE_MAX;
	info->rx_desc_lim.nb_align = 1;
	info->tx_desc_lim = info->rx_desc_lim;
	info->tx_desc_lim.nb_seg_max = RTE_MIN(args->queue_size - 1, UINT8_MAX);
	info->tx_desc_lim.nb_mtu_seg_max = info->tx_desc_lim.nb_seg_max;
	info->default_rxportconf.ring_size = args->queue_size;
	info->default_txportconf.ring_size = args->queue_size;
	info->default_rxportconf.burst_size = BURST_DEFAULT;
	info->default_txportconf.burst_size = BURST_DEFAULT;
	info->default_rxportconf.nb_queues = 1;
	info->default_txportconf.nb_queues = 1;
	return 0;
}

static int
mtu_set(struct rte_eth_dev *dev, uint16_t mtu)
{
	struct pmd_port *port = pmd_port_of(dev);
	int ret = frames_check(dev, mtu);

	if (ret != 0)
		return ret;
	pmd_port_lock(port);
	/* The running backend may be one that cannot merge buffers. */
	for (uint16_t i = 0; i < dev->data->nb_rx_queues && port->fixed && ret == 0; i++) {
		if (!(port->features & virtq_bit(VIRTIO_NET_F_MRG_RXBUF)) &&
			!pmd_rx_chain_needed(port->features) &&
			!pmd_rxq_holds(dev->data->rx_queues[i], mtu + PMD_FRAME_OVERHEAD))
			ret = -EINVAL;
	}
	if (ret == 0)
		ret = pmd_mtu_tell(port, mtu);
	else
		PMD_LOG(ERR,
			"%s: MTU %u needs several buffers for a frame and the backend lacks "
			"MRG_RXBUF",
			dev->data->name, mtu);
	pmd_port_unlock(port);
	return ret;
}

const struct eth_dev_ops pmd_ops = {
	.dev_configure = dev_configure,
	.dev_start = dev_start,
	.dev_stop = dev_stop,
	.dev_close = dev_close,
	.dev_reset = dev_reset,
	.dev_infos_get = dev_infos_get,
	.dev_set_link_up = pmd_link_up,
	.dev_set_link_down = pmd_link_down,
	.link_update = pmd_link_update,
	.promiscuous_enable = pmd_promiscuous_enable,
	.promiscuous_disable = pmd_promiscuous_disable,
	.allmulticast_enable = pmd_allmulticast_enable,
	.allmulticast_disable = pmd_allmulticast_disable,
	.mac_addr_set = pmd_mac_addr_set,
	.mac_addr_add = pmd_mac_addr_add,
	.mac_addr_remove = pmd_mac_addr_remove,
	.set_mc_addr_list = pmd_mc_addr_list_set,
	.rss_hash_update = pmd_rss_hash_update,
	.rss_hash_conf_get = pmd_rss_hash_conf_get,
	.reta_update = pmd_reta_update,
	.reta_query = pmd_reta_query,
	.mtu_set = mtu_set,
	.vlan_filter_set = pmd_vlan_filter_set,
	.vlan_offload_set = pmd_vlan_offload_set,
	.vlan_strip_queue_set = pmd_vlan_strip_queue_set,
	.dev_supported_ptypes_get = pmd_supported_ptypes_get,
	.dev_ptypes_set = pmd_ptypes_set,
	.stats_get = pmd_stats_get,
	.stats_reset = pmd_stats_reset,
	.xstats_get = pmd_xstats_get,
	.xstats_get_names = pmd_xstats_get_names,
	.xstats_get_by_id = pmd_xstats_get_by_id,
	.xstats_get_names_by_id = pmd_xstats_get_names_by_id,
	.xstats_reset = pmd_stats_reset,
	.queue_stats_mapping_set = pmd_queue_stats_mapping_set,
	.rx_queue_setup = pmd_rx_queue_setup,
	.rx_queue_release = pmd_rx_queue_release,
	.tx_queue_setup = pmd_tx_queue_setup,
	.tx_queue_release = pmd_tx_queue_release,
	.rx_queue_start = pmd_rx_queue_start,
	.rx_queue_stop = pmd_rx_queue_stop,
	.tx_queue_start = pmd_tx_queue_start,
	.tx_queue_stop = pmd_tx_queue_stop,
	.rx_queue_intr_enable = pmd_rx_queue_intr_enable,
	.rx_queue_intr_disable = pmd_rx_queue_intr_disable,
	.get_monitor_addr = pmd_get_monitor_addr,
	.tx_done_cleanup = pmd_tx_done_cleanup,
	.rxq_info_get = pmd_rxq_info_get,
	.txq_info_get = pmd_txq_info_get,
	.rx_burst_mode_get = pmd_rx_burst_mode_get,
	.tx_burst_mode_get = pmd_tx_burst_mode_get,
	.eth_dev_priv_dump = pmd_priv_dump,
	.eth_rx_descriptor_dump = pmd_rx_descriptor_dump,
	.eth_tx_descriptor_dump = pmd_tx_descriptor_dump,
};
