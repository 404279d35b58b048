/* SPDX-License-Identifier: BSD-3-Clause */
#include "pmd_rx_offload.h"

#include "net/vnet_hash.h"
#include "net/vnet_mbuf.h"
#include "pmd_filter.h"
#include "pmd_port.h"

#include <rte_byteorder.h>
#include <rte_ethdev.h>
#include <rte_ether.h>

#include <string.h>

#define MACS (2 * RTE_ETHER_ADDR_LEN)
#define TAGGED_MIN (MACS + RTE_VLAN_HLEN + 2)

__rte_noinline bool
pmd_rx_offload(struct pmd_rxq *rxq, struct rte_mbuf *m, const struct virtio_net_hdr *hdr)
{
	struct vnet_offload o;
	enum vnet_bad bad = vnet_mbuf_received(m, hdr, rxq->can, &o);

	if (bad != VNET_BAD_NONE) {
		rxq->last_bad = (uint8_t)bad;
		return false;
	}
	if (o.gso_type != VIRTIO_NET_HDR_GSO_NONE)
		rxq->stats.lro_packets++;
	rxq->stats.rsc_segments += o.rsc_segments;
	rxq->stats.rsc_dup_acks += o.rsc_dup_acks;
	return true;
}

/* The tag of a frame, read once: type in the high half. 0: none. */
static uint32_t
tag_of(const struct rte_mbuf *m)
{
	uint8_t head[TAGGED_MIN];
	const uint8_t *at = rte_pktmbuf_mtod_offset(m, const uint8_t *, MACS);
	uint32_t tag;

	if (m->data_len < TAGGED_MIN) {
		if (vnet_mbuf_gather(m, head, sizeof(head)) < sizeof(head))
			return 0;
		at = head + MACS;
	}
	tag = rte_be_to_cpu_32(*(const volatile unaligned_uint32_t *)(const volatile void *)at);
	return tag >> 16 == RTE_ETHER_TYPE_VLAN ? tag : 0;
}

/* @return false: the filter keeps it out. */
static bool
vlan_pass(const struct pmd_rxq *rxq, struct rte_mbuf *m, uint32_t post)
{
	const uint32_t tag = tag_of(m);
	const unsigned int id = tag & 0xfff;

	if (tag == 0)
		return true;
	if ((post & PMD_POST_VLAN_FILTER) &&
		!(__atomic_load_n(&rxq->vlan_ids[id / 64], __ATOMIC_RELAXED) & RTE_BIT64(id % 64)))
		return false;
	/* A first buffer that ends within the tag: the frame goes on as it is. */
	if ((post & PMD_POST_VLAN_STRIP) && m->data_len >= TAGGED_MIN) {
		uint8_t *old = rte_pktmbuf_mtod(m, uint8_t *);

		memmove(old + RTE_VLAN_HLEN, old, MACS);
		m->data_off += RTE_VLAN_HLEN;
		m->data_len -= RTE_VLAN_HLEN;
		m->pkt_len -= RTE_VLAN_HLEN;
		m->vlan_tci = (uint16_t)tag;
		m->ol_flags |= RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
	}
	return true;
}

static void
name(const struct pmd_rxq *rxq, struct rte_mbuf *m)
{
	uint8_t head[VNET_PACKET_HEAD];
	struct vnet_packet p;

	vnet_packet_parse(&p, head, vnet_mbuf_gather(m, head, sizeof(head)), m->pkt_len);
	m->packet_type = vnet_mbuf_ptype(&p) & rxq->ptype_mask;
}

__rte_noinline uint16_t
pmd_rx_post(struct pmd_rxq *rxq, struct rte_mbuf **pkts, uint16_t nb)
{
	const uint32_t post = __atomic_load_n(&rxq->post, __ATOMIC_RELAXED);
	uint16_t kept = 0;

	for (uint16_t i = 0; i < nb; i++) {
		struct rte_mbuf *m = pkts[i];

		if ((post & (PMD_POST_VLAN_FILTER | PMD_POST_VLAN_STRIP)) &&
			!vlan_pass(rxq, m, post)) {
			rxq->stats.vlan_filtered++;
			rxq->stats.packets--;
			rxq->stats.bytes -= m->pkt_len;
			rte_pktmbuf_free(m);
			continue;
		}
		if (post & PMD_POST_PTYPE)
			name(rxq, m);
		pkts[kept++] = m;
	}
	return kept;
}

void
pmd_rx_post_set(struct rte_eth_dev *dev, struct pmd_rx_queue *q)
{
	const struct pmd_port *port = pmd_port_of(dev);
	const uint64_t on = q->conf.offloads | dev->data->dev_conf.rxmode.offloads;
	uint32_t post = 0;

	if (on & RTE_ETH_RX_OFFLOAD_VLAN_FILTER)
		post |= PMD_POST_VLAN_FILTER;
	if (on & RTE_ETH_RX_OFFLOAD_VLAN_STRIP)
		post |= PMD_POST_VLAN_STRIP;
	if (port->args.ptypes && port->ptype_mask != 0)
		post |= PMD_POST_PTYPE;
	q->rxq.vlan_ids = dev->data->vlan_filter_conf.ids;
	q->rxq.ptype_mask = port->ptype_mask;
	for (uint16_t report = 0; report < PMD_RX_REPORTS; report++) {
		const uint32_t type = vnet_hash_ptype(report);

		q->rxq.reports[report] = 0;
		if (type != RTE_PTYPE_UNKNOWN)
			q->rxq.reports[report] = ((type | RTE_PTYPE_L2_ETHER) & port->ptype_mask) |
						 RTE_MBUF_F_RX_RSS_HASH << 32;
	}
	__atomic_store_n(&q->rxq.post, post, __ATOMIC_RELAXED);
}

int
pmd_vlan_offload_set(struct rte_eth_dev *dev, int mask)
{
	/* ethdev has refused what is not in the capabilities and written down the rest. */
	const int ret = mask & RTE_ETH_VLAN_FILTER_MASK ? pmd_filter_vlans(dev) : 0;

	if (ret != 0)
		return ret;
	for (uint16_t i = 0; i < dev->data->nb_rx_queues; i++) {
		if (dev->data->rx_queues[i] != NULL)
			pmd_rx_post_set(dev, dev->data->rx_queues[i]);
	}
	return 0;
}

int
pmd_vlan_filter_set(struct rte_eth_dev *dev, uint16_t vlan_id, int on)
{
	/* The bursts read ethdev's own table, which is about to be written. */
	return pmd_filter_vlan(dev, vlan_id, on != 0);
}

void
pmd_vlan_strip_queue_set(struct rte_eth_dev *dev, uint16_t id, int on)
{
	struct pmd_rx_queue *q = dev->data->rx_queues[id];
	uint32_t post = q->rxq.post & ~(uint32_t)PMD_POST_VLAN_STRIP;

	if (on) {
		q->conf.offloads |= RTE_ETH_RX_OFFLOAD_VLAN_STRIP;
		post |= PMD_POST_VLAN_STRIP;
	} else {
		q->conf.offloads &= ~RTE_ETH_RX_OFFLOAD_VLAN_STRIP;
	}
	__atomic_store_n(&q->rxq.post, post, __ATOMIC_RELAXED);
}

const uint32_t *
pmd_supported_ptypes_get(struct rte_eth_dev *dev)
{
	static const uint32_t types[] = {
		RTE_PTYPE_L2_ETHER,
		RTE_PTYPE_L2_ETHER_ARP,
		RTE_PTYPE_L2_ETHER_VLAN,
		RTE_PTYPE_L2_ETHER_QINQ,
		RTE_PTYPE_L3_IPV4,
		RTE_PTYPE_L3_IPV4_EXT,
		RTE_PTYPE_L3_IPV6,
		RTE_PTYPE_L3_IPV6_EXT,
		RTE_PTYPE_L4_TCP,
		RTE_PTYPE_L4_UDP,
		RTE_PTYPE_L4_SCTP,
		RTE_PTYPE_L4_ICMP,
		RTE_PTYPE_L4_FRAG,
		RTE_PTYPE_UNKNOWN,
	};

	/* Those that the hash report tells. */
	static const uint32_t reported[] = {
		RTE_PTYPE_L2_ETHER,
		RTE_PTYPE_L3_IPV4_EXT_UNKNOWN,
		RTE_PTYPE_L3_IPV6_EXT,
		RTE_PTYPE_L3_IPV6_EXT_UNKNOWN,
		RTE_PTYPE_L4_TCP,
		RTE_PTYPE_L4_UDP,
		RTE_PTYPE_UNKNOWN,
	};

	if (pmd_port_of(dev)->args.ptypes)
		return types;
	return dev->data->dev_conf.rxmode.offloads & RTE_ETH_RX_OFFLOAD_RSS_HASH ? reported : NULL;
}

int
pmd_ptypes_set(struct rte_eth_dev *dev, uint32_t mask)
{
	pmd_port_of(dev)->ptype_mask = mask;
	return pmd_vlan_offload_set(dev, 0);
}
