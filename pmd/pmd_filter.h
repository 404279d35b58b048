/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the device lets through to the port: addresses, receive modes, VLAN numbers. VIRTIO 1.3,
 * 5.1.6.5.1 Packet Receive Filtering to 5.1.6.5.3 Control VLAN Filtering.
 *
 * A device without these features lets everything through. Then an address is received already, a
 * receive mode is on already and cannot be switched off (-ENOTSUP), and the VLAN filter is the
 * driver's. Such wishes are noted for a device to come that has the feature.
 */
#ifndef PMD_FILTER_H
#define PMD_FILTER_H

#include "pmd_port.h"

/** VLAN numbers that the device is to let through -> wishes. Under no lock. @return 0, -errno. */
int pmd_filter_vlans(struct rte_eth_dev *dev);

/** One number; ethdev has checked it and that the filter is on. */
int pmd_filter_vlan(struct rte_eth_dev *dev, uint16_t id, bool on);

/** The address table that ethdev has, for a port that starts. Under lock. */
void pmd_filter_start(struct pmd_port *port);

/** As after probe. Under lock. */
void pmd_filter_reset(struct pmd_port *port);

/* ethdev operations. */
int pmd_promiscuous_enable(struct rte_eth_dev *dev);
int pmd_promiscuous_disable(struct rte_eth_dev *dev);
int pmd_allmulticast_enable(struct rte_eth_dev *dev);
int pmd_allmulticast_disable(struct rte_eth_dev *dev);
int pmd_mac_addr_set(struct rte_eth_dev *dev, struct rte_ether_addr *addr);
int pmd_mac_addr_add(
	struct rte_eth_dev *dev, struct rte_ether_addr *addr, uint32_t index, uint32_t vmdq);
void pmd_mac_addr_remove(struct rte_eth_dev *dev, uint32_t index);
int pmd_mc_addr_list_set(struct rte_eth_dev *dev, struct rte_ether_addr *addrs, uint32_t nb);

#endif
