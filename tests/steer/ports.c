/* SPDX-License-Identifier: BSD-3-Clause */
#include "ports.h"

#include <rte_errno.h>

#include <errno.h>
#include <stdio.h>

#define MBUFS 8191
#define DESCS 256

struct steer_port steer_ports[STEER_PORTS];

int
ports_init(void)
{
	uint16_t id;

	RTE_ETH_FOREACH_DEV (id) {
		char name[16];

		if (id >= STEER_PORTS)
			return -E2BIG;
		snprintf(name, sizeof(name), "port%u", id);
		steer_ports[id].pool = rte_pktmbuf_pool_create(
			name, MBUFS, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, rte_socket_id());
		if (steer_ports[id].pool == NULL)
			return -rte_errno;
	}
	return 0;
}

int
port_configure(uint16_t id, const struct port_wish *wish)
{
	struct steer_port *p = &steer_ports[id];
	struct rte_eth_dev_info info;
	struct rte_eth_conf conf = {0};
	int rc = rte_eth_dev_info_get(id, &info);

	if (rc != 0)
		return rc;
	conf.rxmode.offloads = wish->rx_offloads;
	if (wish->rss) {
		conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		conf.rx_adv_conf.rss_conf.rss_hf = wish->rss_hf;
		conf.rx_adv_conf.rss_conf.rss_key = (uint8_t *)(uintptr_t)wish->key;
		conf.rx_adv_conf.rss_conf.rss_key_len = wish->key == NULL ? 0 : 40;
	}
	p->segments = (info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_MULTI_SEGS) != 0;
	if (p->segments)
		conf.txmode.offloads = RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
	rc = rte_eth_dev_configure(id, wish->nb_rxq, wish->nb_txq, &conf);
	if (rc != 0)
		return rc;
	p->nb_rxq = wish->nb_rxq;
	p->nb_txq = wish->nb_txq;
	for (uint16_t q = 0; q < wish->nb_rxq && rc == 0; q++)
		rc = rte_eth_rx_queue_setup(id, q, DESCS, rte_socket_id(), NULL, p->pool);
	for (uint16_t q = 0; q < wish->nb_txq && rc == 0; q++)
		rc = rte_eth_tx_queue_setup(id, q, DESCS, rte_socket_id(), NULL);
	return rc;
}
