/* SPDX-License-Identifier: BSD-3-Clause */
#include "cycles_path.h"

#include <rte_cycles.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>

#include <stdio.h>
#include <string.h>

/* Both ends under callgrind on a busy machine: a driver may have to dial more than once. */
#define LINK_TIMEOUT_MS 60000

struct rte_mempool *
cycles_pool(const char *name, const struct cycles_conf *conf)
{
	unsigned int room = RTE_MAX((uint32_t)RTE_MBUF_DEFAULT_BUF_SIZE,
		RTE_ALIGN(conf->max_frame + RTE_PKTMBUF_HEADROOM + 64, 64));
	struct rte_mempool *pool;

	pool = rte_pktmbuf_pool_create(
		name, RTE_MAX(4096u, 4u * conf->ring), 256, 0, room, (int)rte_socket_id());
	if (pool == NULL)
		fprintf(stderr, "pool %s: %s; give EAL more memory (-m)\n", name,
			rte_strerror(rte_errno));
	return pool;
}

int
cycles_port_attach(const char *args, uint16_t *port)
{
	char name[RTE_DEV_NAME_MAX_LEN];
	int ret;

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(args, ","), args);
	ret = rte_dev_probe(args);
	if (ret < 0) {
		fprintf(stderr, "%s: cannot be made: %s\n", args, rte_strerror(-ret));
		return ret;
	}
	ret = rte_eth_dev_get_port_by_name(name, port);
	if (ret < 0)
		fprintf(stderr, "%s: no ethdev port of this name; is its driver loaded (-d)?\n",
			name);
	return ret;
}

/* What makes a driver negotiate CSUM and GUEST_CSUM; HOST_TSO and GUEST_TSO. */
static void
offloads_on(uint16_t port, enum cycles_offloads what, struct rte_eth_conf *eth)
{
	const bool tso = what == CYCLES_TSO;
	struct rte_eth_dev_info info = {0};

	if (rte_eth_dev_info_get(port, &info) != 0)
		return;
	eth->rxmode.offloads = info.rx_offload_capa &
			       (RTE_ETH_RX_OFFLOAD_TCP_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM |
				       (tso ? RTE_ETH_RX_OFFLOAD_TCP_LRO : 0));
	eth->txmode.offloads = info.tx_offload_capa &
			       (RTE_ETH_TX_OFFLOAD_TCP_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM |
				       (tso ? RTE_ETH_TX_OFFLOAD_TCP_TSO : 0));
	if (tso)
		eth->rxmode.max_lro_pkt_size = info.max_lro_pkt_size;
}

int
cycles_port_start(uint16_t port, const struct cycles_conf *conf, struct rte_mempool *pool)
{
	struct rte_eth_conf eth = {0};
	const char *what = "configure";
	int ret;

	if (conf->max_frame > RTE_ETHER_MAX_LEN - RTE_ETHER_CRC_LEN)
		eth.rxmode.mtu = conf->max_frame - RTE_ETHER_HDR_LEN;
	if (conf->offloads != CYCLES_PLAIN)
		offloads_on(port, conf->offloads, &eth);
	ret = rte_eth_dev_configure(port, 1, 1, &eth);
	if (ret == 0) {
		what = "receive queue";
		ret = rte_eth_rx_queue_setup(port, 0, conf->ring, rte_socket_id(), NULL, pool);
	}
	if (ret == 0) {
		what = "transmit queue";
		ret = rte_eth_tx_queue_setup(port, 0, conf->ring, rte_socket_id(), NULL);
	}
	if (ret == 0) {
		what = "start";
		ret = rte_eth_dev_start(port);
	}
	if (ret != 0)
		fprintf(stderr, "port %u: %s: %s\n", port, what, rte_strerror(-ret));
	return ret;
}

int
cycles_port_wait_link(uint16_t port)
{
	struct rte_eth_link link;

	for (unsigned int ms = 0; ms < LINK_TIMEOUT_MS; ms++) {
		if (rte_eth_link_get_nowait(port, &link) == 0 &&
			link.link_status == RTE_ETH_LINK_UP)
			return 0;
		rte_delay_us_sleep(1000);
	}
	fprintf(stderr, "port %u: link still down after %d ms; do both ends use one socket path?\n",
		port, LINK_TIMEOUT_MS);
	return -ETIMEDOUT;
}

uint64_t
cycles_port_lost(uint16_t port)
{
	struct rte_eth_stats s = {0};

	if (rte_eth_stats_get(port, &s) != 0)
		return 0;
	return s.imissed + s.ierrors + s.oerrors + s.rx_nombuf;
}

void
cycles_port_close(uint16_t port)
{
	struct rte_eth_dev_info info;
	int ret = rte_eth_dev_info_get(port, &info);

	if (rte_eth_dev_stop(port) != 0)
		fprintf(stderr, "port %u: does not stop\n", port);
	rte_eth_dev_close(port);
	if (ret == 0)
		rte_dev_remove(info.device);
}
