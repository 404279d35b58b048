/* SPDX-License-Identifier: BSD-3-Clause */
#include "guest.h"

#include <rte_cycles.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_malloc.h>

#include <errno.h>
#include <stdio.h>

#define CACHE 256

static struct rte_mempool *receive_pool;
static uint16_t ports[GUEST_MAX_PORTS];
static unsigned int nb_ports;

static struct rte_mempool *
make_pool(const char *name, unsigned int nb)
{
	struct rte_mempool *pool = rte_pktmbuf_pool_create(name, nb, CACHE, 0,
		(uint16_t)RTE_MIN(guest_conf.room + RTE_PKTMBUF_HEADROOM, (uint32_t)UINT16_MAX),
		(int)rte_socket_id());

	if (pool == NULL)
		fprintf(stderr, "guest: pool %s of %u mbufs: %s; give EAL more memory (-m)\n", name,
			nb, rte_strerror(rte_errno));
	return pool;
}

static int
make_pools(unsigned int nb)
{
	/* What all rings hold, and what is in caches and bursts besides. */
	unsigned int per_port = guest_conf.queues * guest_conf.ring;
	unsigned int extra = 2 * CACHE + 4 * GUEST_BURST;
	/* With indirect descriptors each entry of a ring may hold all segments of a frame. */
	unsigned int segments = (guest_conf.frame - 1) / guest_conf.room + 1;
	unsigned int chained = segments > 1 ? segments * (guest_conf.window + GUEST_KEPT) : 0;

	receive_pool = make_pool("receive", nb * per_port + extra);
	if (receive_pool == NULL)
		return -ENOMEM;
	for (unsigned int i = 0; i < 2U * guest_nb_pools(); i++) {
		char name[16];

		snprintf(name, sizeof(name), "send%u_%u", i % 2, i / 2);
		guest_flows[i % 2].pools[i / 2] =
			make_pool(name, per_port / guest_nb_pools() + extra + chained);
		if (guest_flows[i % 2].pools[i / 2] == NULL)
			return -ENOMEM;
	}
	return 0;
}

/* Offloads as the frames need them; what a driver lacks is an error of the caller's choice. */
static int
offloads(uint16_t port, const struct rte_eth_dev_info *info, struct rte_eth_conf *eth)
{
	uint64_t rx = 0, tx = 0;

	if (guest_conf.frame > guest_conf.room) {
		rx |= RTE_ETH_RX_OFFLOAD_SCATTER & info->rx_offload_capa;
		tx |= RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
	}
	if (guest_conf.tso) {
		rx |= RTE_ETH_RX_OFFLOAD_TCP_LRO | RTE_ETH_RX_OFFLOAD_TCP_CKSUM;
		tx |= RTE_ETH_TX_OFFLOAD_TCP_TSO | RTE_ETH_TX_OFFLOAD_TCP_CKSUM;
		/* A driver that names no limit takes the default only. */
		eth->rxmode.max_lro_pkt_size = info->max_lro_pkt_size != 0 ? guest_conf.frame : 0;
	}
	if ((rx & ~info->rx_offload_capa) != 0 || (tx & ~info->tx_offload_capa) != 0) {
		fprintf(stderr,
			"guest: port %u: lacks offloads, receive %#" PRIx64 ", transmit %#" PRIx64
			"\n",
			port, rx & ~info->rx_offload_capa, tx & ~info->tx_offload_capa);
		return -ENOTSUP;
	}
	eth->rxmode.offloads = rx;
	eth->txmode.offloads = tx;
	return 0;
}

static int
configure(uint16_t port)
{
	struct rte_eth_conf eth = {0};
	struct rte_eth_dev_info info;
	uint32_t mtu = guest_conf.frame - RTE_ETHER_HDR_LEN;
	int ret = rte_eth_dev_info_get(port, &info);

	if (ret == 0)
		ret = offloads(port, &info, &eth);
	if (ret != 0)
		return ret;
	/* Frames to be segmented may be larger than the MTU. */
	if (!guest_conf.tso && mtu > RTE_ETHER_MTU)
		eth.rxmode.mtu = mtu;
	/* net_virtio_user accepts a backend that comes late only in its link interrupt. */
	eth.intr_conf.lsc = (*info.dev_flags & RTE_ETH_DEV_INTR_LSC) != 0;
	return rte_eth_dev_configure(port, guest_conf.queues, guest_conf.queues, &eth);
}

static int
start_port(uint16_t port)
{
	const char *what = "configure";
	int ret = configure(port);

	for (uint16_t q = 0; q < guest_conf.queues && ret == 0; q++) {
		what = "receive queue";
		ret = rte_eth_rx_queue_setup(
			port, q, guest_conf.ring, rte_socket_id(), NULL, receive_pool);
		if (ret == 0) {
			what = "transmit queue";
			ret = rte_eth_tx_queue_setup(
				port, q, guest_conf.ring, rte_socket_id(), NULL);
		}
	}
	if (ret == 0) {
		what = "start";
		ret = rte_eth_dev_start(port);
	}
	if (ret != 0)
		fprintf(stderr, "guest: port %u: %s: %s\n", port, what, rte_strerror(-ret));
	return ret;
}

int
guest_ports_open(void)
{
	unsigned int nb = rte_eth_dev_count_avail();
	uint16_t port;
	int ret;

	if (nb < 2 || nb > GUEST_MAX_PORTS) {
		fprintf(stderr, "guest: %u ports, 2 to %d are possible (--vdev)\n", nb,
			GUEST_MAX_PORTS);
		return -EINVAL;
	}
	ret = make_pools(nb);
	if (ret != 0)
		return ret;
	RTE_ETH_FOREACH_DEV (port) {
		ret = start_port(port);
		if (ret != 0)
			return ret;
		ports[nb_ports++] = port;
	}
	for (unsigned int i = 0; i < 2; i++) {
		guest_flows[i].from = ports[i];
		guest_flows[i].to = ports[1 - i];
		guest_flows[i].random = i + 1;
	}
	return 0;
}

int
guest_ports_wait(unsigned int seconds)
{
	uint64_t end = rte_get_timer_cycles() + seconds * rte_get_timer_hz();
	struct rte_eth_link link;

	for (unsigned int i = 0; i < nb_ports; i++) {
		while (rte_eth_link_get_nowait(ports[i], &link) != 0 ||
			link.link_status != RTE_ETH_LINK_UP) {
			if (rte_get_timer_cycles() > end) {
				fprintf(stderr, "guest: port %u: link still down after %u s\n",
					ports[i], seconds);
				return -ETIMEDOUT;
			}
			rte_delay_us_sleep(500);
		}
	}
	return 0;
}

void
guest_ports_close(void)
{
	for (unsigned int i = 0; i < nb_ports; i++) {
		if (rte_eth_dev_stop(ports[i]) != 0)
			fprintf(stderr, "guest: port %u: does not stop\n", ports[i]);
		rte_eth_dev_close(ports[i]);
	}
}

static void
add_pool(struct rte_mempool *pool, void *arg)
{
	uint64_t *sum = arg;
	struct rte_mempool_memhdr *chunk;

	STAILQ_FOREACH(chunk, &pool->mem_list, next)
	*sum += chunk->len;
}

void
guest_memory(uint64_t *heap, uint64_t *pools)
{
	struct rte_malloc_socket_stats stats;
	uint64_t used = 0;

	*pools = 0;
	rte_mempool_walk(add_pool, pools);
	if (rte_malloc_get_socket_stats((int)rte_socket_id(), &stats) == 0)
		used = stats.heap_allocsz_bytes;
	*heap = used > *pools ? used - *pools : 0;
}
