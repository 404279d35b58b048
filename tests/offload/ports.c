/* SPDX-License-Identifier: BSD-3-Clause */
#include "ports.h"

#include "cut.h"

#include <rte_cycles.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SMALL_MBUFS 4095
#define LARGE_MBUFS 1023

static int
fail(uint16_t port, const char *what, int rc)
{
	fprintf(stderr, "offload: port %u: %s: %s\n", port, what, strerror(rc < 0 ? -rc : rc));
	return rc < 0 ? rc : -EIO;
}

static uint64_t
wanted_rx(const struct options *opt)
{
	uint64_t wanted = 0;

	if (opt->accept >= ACCEPT_CSUM)
		wanted |= RTE_ETH_RX_OFFLOAD_TCP_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM;
	if (opt->accept >= ACCEPT_ALL)
		wanted |= RTE_ETH_RX_OFFLOAD_TCP_LRO;
	return wanted;
}

static void
note_senders(struct port *p, uint64_t capa)
{
	const uint64_t csum = RTE_ETH_TX_OFFLOAD_TCP_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM;

	p->sends[KIND_NONE] = true;
	p->sends[KIND_CSUM] = (capa & csum) == csum;
	p->sends[KIND_TSO4] = (capa & RTE_ETH_TX_OFFLOAD_TCP_TSO) != 0;
	p->sends[KIND_TSO6] = p->sends[KIND_TSO4];
	p->sends[KIND_USO] = (capa & RTE_ETH_TX_OFFLOAD_UDP_TSO) != 0;
}

static int
configure(struct port *p, const struct options *opt)
{
	const uint64_t tx_wanted = RTE_ETH_TX_OFFLOAD_MULTI_SEGS | RTE_ETH_TX_OFFLOAD_TCP_CKSUM |
				   RTE_ETH_TX_OFFLOAD_UDP_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_TSO |
				   RTE_ETH_TX_OFFLOAD_UDP_TSO;
	struct rte_eth_conf conf = {0};
	struct rte_eth_dev_info info;
	int rc = rte_eth_dev_info_get(p->id, &info);
	bool is_vhost;

	if (rc != 0)
		return fail(p->id, "device information", rc);
	snprintf(p->driver, sizeof(p->driver), "%s", info.driver_name);
	is_vhost = strcmp(p->driver, "net_vhost") == 0 && opt->accept >= ACCEPT_ALL;
	if (strcmp(p->driver, "net_virtio_user") == 0)
		p->lacks_ecn = p->lacks_prepared_v6 = p->lacks_two_tags = true;
	conf.rxmode.offloads = wanted_rx(opt);
	/* It hands over whatever came, offloads or not, and offers few of them. */
	if (strcmp(p->driver, "net_vhost") == 0)
		conf.rxmode.offloads &= info.rx_offload_capa;
	/* Some have no LRO with these buffers; the result tells what was asked for. */
	if (!(info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_TCP_LRO))
		conf.rxmode.offloads &= ~RTE_ETH_RX_OFFLOAD_TCP_LRO;
	if ((conf.rxmode.offloads & ~info.rx_offload_capa) != 0)
		return fail(p->id, "receive offloads of --accept", ENOTSUP);
	p->asks.mtu = RTE_MIN(opt->mtu, (uint32_t)info.max_mtu);
	p->asks.partial = opt->accept >= ACCEPT_CSUM;
	p->asks.lro = (conf.rxmode.offloads & RTE_ETH_RX_OFFLOAD_TCP_LRO) != 0 || is_vhost;
	conf.rxmode.mtu = p->asks.mtu;
	if (p->asks.lro)
		conf.rxmode.max_lro_pkt_size = info.max_lro_pkt_size;
	conf.rxmode.offloads |= info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER;
	conf.txmode.offloads = info.tx_offload_capa & tx_wanted;
	note_senders(p, conf.txmode.offloads);
	rc = rte_eth_dev_configure(p->id, 1, 1, &conf);
	return rc == 0 ? 0 : fail(p->id, "configure", rc);
}

static int
start_port(struct ports *ports, uint16_t id, const struct options *opt)
{
	struct port *p = &ports->port[ports->nb];
	uint16_t nb_rxd = opt->descs, nb_txd = opt->descs;
	struct rte_ether_addr mac;
	char name[32];
	int rc;

	p->id = id;
	rc = configure(p, opt);
	if (rc != 0)
		return rc;
	rte_eth_dev_adjust_nb_rx_tx_desc(id, &nb_rxd, &nb_txd);
	snprintf(name, sizeof(name), "receive%u", ports->nb);
	ports->rx_pool[ports->nb] = rte_pktmbuf_pool_create(name, nb_rxd * 2u + 255, 0, 0,
		opt->mbuf_size + RTE_PKTMBUF_HEADROOM, rte_socket_id());
	if (ports->rx_pool[ports->nb] == NULL)
		return fail(id, "receive mbufs: give EAL more memory", rte_errno);
	rc = rte_eth_tx_queue_setup(id, 0, nb_txd, rte_socket_id(), NULL);
	if (rc != 0)
		return fail(id, "transmit queue", rc);
	rc = rte_eth_rx_queue_setup(
		id, 0, nb_rxd, rte_socket_id(), NULL, ports->rx_pool[ports->nb]);
	if (rc != 0)
		return fail(id, "receive queue", rc);
	rc = rte_eth_dev_start(id);
	if (rc != 0)
		return fail(id, "start", rc);
	rte_eth_macaddr_get(id, &mac);
	memcpy(p->mac, mac.addr_bytes, sizeof(p->mac));
	ports->nb++;
	return 0;
}

static int
start_new_ports(struct ports *ports, const struct options *opt)
{
	uint16_t id;
	int rc;

	RTE_ETH_FOREACH_DEV (id) {
		unsigned int known = 0;

		while (known < ports->nb && ports->port[known].id != id)
			known++;
		if (known < ports->nb)
			continue;
		if (ports->nb == MAX_PORTS)
			return fail(id, "there are two ports already", E2BIG);
		rc = start_port(ports, id, opt);
		if (rc != 0)
			return rc;
	}
	return 0;
}

static int
add_late(struct ports *ports, const struct options *opt)
{
	const char *comma = strchr(opt->late_vdev, ',');
	char name[64];
	int rc;

	snprintf(name, sizeof(name), "%.*s", comma ? (int)(comma - opt->late_vdev) : 63,
		opt->late_vdev);
	rc = rte_eal_hotplug_add("vdev", name, comma ? comma + 1 : "");
	if (rc != 0) {
		fprintf(stderr, "offload: --late-vdev %s: %s\n", opt->late_vdev, strerror(-rc));
		return rc;
	}
	return start_new_ports(ports, opt);
}

static int
wait_links(const struct ports *ports, const struct options *opt, volatile int *stop)
{
	uint64_t end = rte_get_timer_cycles() + opt->link_timeout_s * rte_get_timer_hz();
	struct rte_eth_link link;

	for (uint16_t i = 0; i < ports->nb; i++) {
		for (;;) {
			memset(&link, 0, sizeof(link));
			rte_eth_link_get_nowait(ports->port[i].id, &link);
			if (link.link_status == RTE_ETH_LINK_UP)
				break;
			if (*stop || rte_get_timer_cycles() > end)
				return fail(ports->port[i].id, "link still down", ETIMEDOUT);
			usleep(1000);
		}
	}
	return 0;
}

int
ports_start(struct ports *ports, const struct options *opt, volatile int *stop)
{
	int rc;

	memset(ports, 0, sizeof(*ports));
	ports->small_pool = rte_pktmbuf_pool_create(
		"small", SMALL_MBUFS, 0, 0, CUT_SMALL + CUT_HEADROOM_MAX, rte_socket_id());
	ports->large_pool =
		rte_pktmbuf_pool_create("large", LARGE_MBUFS, 0, 0, UINT16_MAX, rte_socket_id());
	if (ports->small_pool == NULL || ports->large_pool == NULL) {
		fprintf(stderr, "offload: no memory for mbufs (%s): give EAL more\n",
			rte_strerror(rte_errno));
		return -ENOMEM;
	}
	rc = start_new_ports(ports, opt);
	if (rc == 0 && opt->late_vdev != NULL)
		rc = add_late(ports, opt);
	if (rc != 0)
		return rc;
	if (ports->nb != (opt->echo ? 1 : 2)) {
		fprintf(stderr, "offload: %u ports: give two --vdev, or one and --echo\n",
			ports->nb);
		return -EINVAL;
	}
	return wait_links(ports, opt, stop);
}

unsigned int
ports_stop(struct ports *ports)
{
	unsigned int missing = 0;

	/* Last probed, first closed: a late driver end goes before the device end that serves it.
	 */
	for (uint16_t i = ports->nb; i-- > 0;) {
		rte_eth_dev_stop(ports->port[i].id);
		rte_eth_dev_close(ports->port[i].id);
	}
	ports->nb = 0;
	for (unsigned int i = 0; i < MAX_PORTS; i++) {
		if (ports->rx_pool[i] != NULL)
			missing += rte_mempool_in_use_count(ports->rx_pool[i]);
	}
	if (ports->small_pool != NULL)
		missing += rte_mempool_in_use_count(ports->small_pool);
	if (ports->large_pool != NULL)
		missing += rte_mempool_in_use_count(ports->large_pool);
	return missing;
}
