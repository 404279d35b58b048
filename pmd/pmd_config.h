/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Config space of the device, and what its features are worth to this driver.
 * VIRTIO 1.3, 5.1.4 Device configuration layout.
 */
#ifndef PMD_CONFIG_H
#define PMD_CONFIG_H

#include <rte_ether.h>

#include <stdbool.h>
#include <stdint.h>

struct pmd_port;

/* In host order and checked. A field counts when its feature is in port->offered. */
struct pmd_config {
	bool there; /* the device has one that can be read */
	struct rte_ether_addr mac;
	uint16_t status;    /* VIRTIO_NET_S_* */
	uint16_t max_pairs; /* at least 1 */
	uint16_t mtu;
	uint32_t speed; /* Mbit/s, VIRTIO_NET_SPEED_UNKNOWN for what is no speed */
	uint8_t duplex; /* VIRTIO_NET_DUPLEX_* */
	uint8_t rss_key_max;
	uint16_t rss_table_max; /* at most VNET_RSS_TABLE_MAX */
	uint32_t hash_types;    /* VIRTIO_NET_HASH_TYPE_* of the device that we know */
};

/**
 * Read config space of the attached device, and take from port->offered what it cannot be used
 * for: without config space and a control ring no feature that is only a control command.
 *
 * @return 0; -errno: the device is lost, t->error says why. Under lock.
 */
int pmd_config_attach(struct pmd_port *port);

/** It changed: read again what may change. @return as above. */
int pmd_config_refresh(struct pmd_port *port);

/** Largest MTU: of the attached device if it has one, else the driver's. Under lock. */
uint16_t pmd_config_mtu_max(const struct pmd_port *port);

#endif
