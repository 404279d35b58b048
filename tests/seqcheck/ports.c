/* SPDX-License-Identifier: BSD-3-Clause */
#include "ports.h"

#include "flow.h"

#include <rte_cycles.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int
fail(uint16_t port, const char *what, int rc)
{
	fprintf(stderr, "seqcheck: port %u: %s: %s\n", port, what, strerror(rc < 0 ? -rc : rc));
	return rc < 0 ? rc : -EIO;
}

/* What --checksums and --hash ask of the ith port. */
static int
ask(uint16_t port, unsigned int i, const struct options *opt, const struct rte_eth_dev_info *info,
	struct rte_eth_conf *conf)
{
	const uint64_t rss = RTE_ETH_RSS_NONFRAG_IPV4_UDP | RTE_ETH_RSS_IPV4;

	if (opt->checksums >> i & 1) {
		conf->rxmode.offloads |= RTE_ETH_RX_OFFLOAD_UDP_CKSUM;
		conf->txmode.offloads |= RTE_ETH_TX_OFFLOAD_UDP_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_TSO;
	}
	if (opt->hash >> i & 1) {
		conf->rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		conf->rxmode.offloads |= RTE_ETH_RX_OFFLOAD_RSS_HASH;
		conf->rx_adv_conf.rss_conf.rss_hf = rss & info->flow_type_rss_offloads;
	}
	if ((conf->rxmode.offloads & ~info->rx_offload_capa) != 0 ||
		(conf->txmode.offloads & ~info->tx_offload_capa) != 0)
		return fail(port, "checksums or hash", ENOTSUP);
	return 0;
}

static int
configure(uint16_t port, unsigned int i, const struct options *opt)
{
	uint32_t largest = opt->size_max - RTE_ETHER_HDR_LEN;
	struct rte_eth_conf conf = {0};
	struct rte_eth_dev_info info;
	int rc = rte_eth_dev_info_get(port, &info);

	if (rc != 0)
		return fail(port, "device information", rc);
	conf.rxmode.mtu = opt->mtu != 0 ? opt->mtu : RTE_MAX(largest, (uint32_t)RTE_ETHER_MTU);
	/* Drivers count a VLAN tag, some the device's header. */
	if (conf.rxmode.mtu + RTE_ETHER_HDR_LEN + 24 > opt->mbuf_size)
		conf.rxmode.offloads |= info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER;
	if (opt->segs > 1 || opt->size_max > opt->mbuf_size) {
		if (!(info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_MULTI_SEGS))
			return fail(port, "frames of several segments are wanted", ENOTSUP);
		conf.txmode.offloads |= RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
	}
	rc = ask(port, i, opt, &info, &conf);
	if (rc != 0)
		return rc;
	/* net_virtio_user accepts a backend that comes back only in its link interrupt. */
	conf.intr_conf.lsc = (*info.dev_flags & RTE_ETH_DEV_INTR_LSC) != 0;
	rc = rte_eth_dev_configure(port, opt->queues, opt->queues, &conf);
	return rc == 0 ? 0 : fail(port, "configure (queues, MTU)", rc);
}

static int
start_port(struct ports *ports, uint16_t port, const struct options *opt)
{
	struct rte_eth_rxq_info info;
	uint16_t nb_rxd = opt->descs, nb_txd = opt->descs;
	int rc = configure(port, ports->nb, opt);

	if (rc != 0)
		return rc;
	rte_eth_dev_adjust_nb_rx_tx_desc(port, &nb_rxd, &nb_txd);
	for (uint16_t q = 0; q < opt->queues; q++) {
		rc = rte_eth_tx_queue_setup(port, q, nb_txd, rte_socket_id(), NULL);
		if (rc != 0)
			return fail(port, "transmit queue", rc);
		rc = rte_eth_rx_queue_setup(port, q, nb_rxd, rte_socket_id(), NULL, ports->pool);
		if (rc != 0)
			return fail(port, "receive queue", rc);
		/* A driver that does not say may have a ring of virtio's usual size. */
		if (rte_eth_rx_queue_info_get(port, q, &info) != 0 || info.nb_desc == 0)
			info.nb_desc = 256;
		ports->smallest_ring = RTE_MIN(ports->smallest_ring, info.nb_desc);
	}
	rc = rte_eth_dev_start(port);
	if (rc != 0)
		return fail(port, "start", rc);
	return 0;
}

static int
start_new_ports(struct ports *ports, const struct options *opt)
{
	uint16_t port;
	int rc;

	RTE_ETH_FOREACH_DEV (port) {
		unsigned int known = 0;

		while (known < ports->nb && ports->id[known] != port)
			known++;
		if (known < ports->nb)
			continue;
		if (ports->nb == SEQ_MAX_PORTS)
			return fail(port, "too many ports", E2BIG);
		rc = start_port(ports, port, opt);
		if (rc != 0)
			return rc;
		ports->id[ports->nb++] = port;
	}
	return 0;
}

static int
add_late(const char *text)
{
	const char *comma = strchr(text, ',');
	char name[64];
	int rc;

	snprintf(name, sizeof(name), "%.*s", comma ? (int)(comma - text) : 63, text);
	rc = rte_eal_hotplug_add("vdev", name, comma ? comma + 1 : "");
	if (rc != 0)
		fprintf(stderr, "seqcheck: --late-vdev %s: %s\n", text, strerror(-rc));
	return rc;
}

static int
wait_links(const struct ports *ports, const struct options *opt, volatile int *stop)
{
	uint64_t end = rte_get_timer_cycles() + opt->link_timeout_s * rte_get_timer_hz();
	struct rte_eth_link link;

	for (uint16_t i = 0; i < ports->nb; i++) {
		for (;;) {
			memset(&link, 0, sizeof(link));
			rte_eth_link_get_nowait(ports->id[i], &link);
			if (link.link_status == RTE_ETH_LINK_UP)
				break;
			if (*stop)
				return -EINTR;
			if (rte_get_timer_cycles() > end) {
				fprintf(stderr,
					"seqcheck: port %u: link still down after %u s: "
					"is the other end of its socket running?\n",
					ports->id[i], opt->link_timeout_s);
				return -ETIMEDOUT;
			}
			usleep(1000);
		}
	}
	return 0;
}

uint16_t
ports_frame_segs(const struct options *opt, uint16_t length)
{
	uint16_t least = (length + opt->mbuf_size - 1) / opt->mbuf_size;
	/* One more than needed, so that uneven pieces always fit. */
	uint16_t segs = least > 1 ? least + 1 : least;

	segs = RTE_MAX(opt->segs, segs);
	return segs < SEQ_MAX_SEGS ? segs : SEQ_MAX_SEGS;
}

static int
create_pool(struct ports *ports, const struct options *opt)
{
	unsigned int room = opt->mbuf_size + RTE_PKTMBUF_HEADROOM;
	unsigned int nb_ports = rte_eth_dev_count_avail() + opt->nb_late;
	unsigned int segs = ports_frame_segs(opt, opt->size_max);
	/* A receive ring may hold an mbuf per entry, and a transmit ring a frame: an indirect table
	 * has them all. Late ports count as well.
	 */
	unsigned int nb = nb_ports * opt->queues * opt->descs * (1 + segs);

	nb += nb_ports * opt->queues * opt->flows * SEQ_MAX_BURST * segs + 4096;
	ports->pool = rte_pktmbuf_pool_create("seqcheck", nb, 256, 0, room, rte_socket_id());
	if (ports->pool != NULL)
		return 0;
	fprintf(stderr,
		"seqcheck: no memory for %u mbufs of %u bytes (%s): give EAL more, or use fewer "
		"--descs\n",
		nb, room, rte_strerror(rte_errno));
	return -ENOMEM;
}

int
ports_start(struct ports *ports, const struct options *opt, volatile int *stop)
{
	int rc;

	memset(ports, 0, sizeof(*ports));
	ports->smallest_ring = UINT16_MAX;
	rc = create_pool(ports, opt);
	if (rc == 0)
		rc = start_new_ports(ports, opt);
	for (unsigned int i = 0; rc == 0 && i < opt->nb_late; i++) {
		rc = add_late(opt->late_vdev[i]);
		if (rc == 0)
			rc = start_new_ports(ports, opt);
	}
	if (rc != 0)
		return rc;
	if (ports->nb == 0 || (ports->nb % 2 != 0 && !opt->echo && !opt->reflect)) {
		fprintf(stderr,
			"seqcheck: %u ports: an even number is needed (give --vdev), or --echo\n",
			ports->nb);
		return -EINVAL;
	}
	return wait_links(ports, opt, stop);
}

void
ports_stop(struct ports *ports)
{
	/* Last probed, first closed: a late driver end goes before the device end that serves it.
	 */
	while (ports->nb > 0) {
		uint16_t port = ports->id[--ports->nb];

		rte_eth_dev_stop(port);
		rte_eth_dev_close(port);
	}
}
