/* SPDX-License-Identifier: BSD-3-Clause */
#include "net/vnet_mbuf.h"

#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_mbuf_ptype.h>
#include <rte_tcp.h>

#include <errno.h>
#include <string.h>

#define IPV4_HDR_MIN 20
#define IPV4_HDR_MAX 60
#define IPV4_CSUM_OFFSET 10
#define IPV6_HDR 40
#define TCP_HDR_MIN 20
#define TCP_DATA_OFFSET 12 /* in 4-byte words, high half of the byte */
#define TCP_FLAGS_OFFSET 13

/* What other drivers can do with a packet, and this one cannot. */
#define NOT_HERE \
	(RTE_MBUF_F_TX_QINQ | RTE_MBUF_F_TX_MACSEC | RTE_MBUF_F_TX_SEC_OFFLOAD | \
		RTE_MBUF_F_TX_OUTER_IP_CKSUM | RTE_MBUF_F_TX_OUTER_UDP_CKSUM | \
		RTE_MBUF_F_TX_IEEE1588_TMST)
#define OUTER (RTE_MBUF_F_TX_OUTER_IPV4 | RTE_MBUF_F_TX_OUTER_IPV6)
#define IP_VERSION (RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IPV6)

/* Offset of the network header that the request is about: the inner one in a tunnel. */
static uint32_t
l3_of(const struct rte_mbuf *m)
{
	return m->l2_len + (m->ol_flags & OUTER ? (uint32_t)m->outer_l2_len + m->outer_l3_len : 0);
}

static bool
lengths_ok(const struct rte_mbuf *m)
{
	const bool ipv4 = m->ol_flags & RTE_MBUF_F_TX_IPV4;

	return l3_of(m) >= RTE_ETHER_HDR_LEN && m->l3_len >= (ipv4 ? IPV4_HDR_MIN : IPV6_HDR) &&
	       (!ipv4 || m->l3_len <= IPV4_HDR_MAX) && l3_of(m) + m->l3_len <= m->pkt_len;
}

static int
request_gso(struct vnet_offload *o, const struct rte_mbuf *m, uint32_t can)
{
	const bool ipv4 = m->ol_flags & RTE_MBUF_F_TX_IPV4;
	const bool tcp = m->ol_flags & RTE_MBUF_F_TX_TCP_SEG;
	const uint32_t hdr_len = (uint32_t)o->csum_start + m->l4_len;
	uint32_t need;

	if (tcp)
		need = ipv4 ? VNET_CAN_TSO4 : VNET_CAN_TSO6;
	else
		need = ipv4 ? VNET_CAN_USO4 : VNET_CAN_USO6;
	if (m->tso_segsz == 0 || hdr_len > m->pkt_len)
		return -EINVAL;
	if (tcp ? m->l4_len < TCP_HDR_MIN || m->l4_len > VNET_TCP_HDR_MAX
		: m->l4_len != VNET_UDP_HDR)
		return -EINVAL;
	/* Segments of a tunnel would need outer lengths and checksums of their own. */
	if (!(can & need) || hdr_len > VNET_PACKET_HEAD || (m->ol_flags & OUTER))
		return -ENOTSUP;
	if (m->pkt_len - hdr_len <= m->tso_segsz)
		return 0;
	if (tcp)
		o->gso_type = ipv4 ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_TCPV6;
	else
		o->gso_type = VIRTIO_NET_HDR_GSO_UDP_L4;
	o->needs |= (uint8_t)need;
	o->gso_size = m->tso_segsz;
	return 0;
}

static int
request(struct vnet_offload *o, const struct rte_mbuf *m, uint32_t can)
{
	const uint64_t flags = m->ol_flags;
	const uint64_t gso = flags & VNET_MBUF_ASKS_GSO;
	uint64_t l4 = flags & RTE_MBUF_F_TX_L4_MASK;
	uint32_t start = l3_of(m) + m->l3_len;
	uint32_t hdr_len;

	if (flags & NOT_HERE)
		return -ENOTSUP;
	if ((flags & RTE_MBUF_F_TX_IP_CKSUM) && (!(flags & RTE_MBUF_F_TX_IPV4) || !lengths_ok(m)))
		return -EINVAL;
	if (l4 == 0 && gso == 0)
		return 0;
	if (gso == VNET_MBUF_ASKS_GSO || (flags & IP_VERSION) == 0 ||
		(flags & IP_VERSION) == IP_VERSION || !lengths_ok(m))
		return -EINVAL;
	/* Segmentation implies the checksum; a flag for another one contradicts it. */
	if (gso != 0) {
		uint64_t of = gso == RTE_MBUF_F_TX_TCP_SEG ? RTE_MBUF_F_TX_TCP_CKSUM
							   : RTE_MBUF_F_TX_UDP_CKSUM;

		if (l4 != 0 && l4 != of)
			return -EINVAL;
		l4 = of;
	}
	if (l4 == RTE_MBUF_F_TX_SCTP_CKSUM || !(can & VNET_CAN_CSUM))
		return -ENOTSUP;
	o->csum_start = (uint16_t)start;
	o->csum_offset =
		l4 == RTE_MBUF_F_TX_TCP_CKSUM ? VNET_TCP_CSUM_OFFSET : VNET_UDP_CSUM_OFFSET;
	if (start + o->csum_offset + sizeof(uint16_t) > m->pkt_len)
		return -EINVAL;
	o->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	o->needs = VNET_CAN_CSUM;
	hdr_len = m->l4_len;
	if (hdr_len == 0)
		hdr_len = l4 == RTE_MBUF_F_TX_TCP_CKSUM ? VNET_TCP_HDR_MAX : VNET_UDP_HDR;
	o->hdr_len = (uint16_t)RTE_MIN(start + hdr_len, m->pkt_len);
	return gso == 0 ? 0 : request_gso(o, m, can);
}

int
vnet_mbuf_request(struct vnet_offload *o, const struct rte_mbuf *m, uint32_t can)
{
	int ret;

	memset(o, 0, sizeof(*o));
	ret = request(o, m, can);
	if (ret != 0)
		memset(o, 0, sizeof(*o));
	return ret;
}

uint32_t
vnet_mbuf_head_bytes(const struct rte_mbuf *m, const struct vnet_offload *o)
{
	if (m->ol_flags & VNET_MBUF_ASKS_GSO)
		return o->hdr_len;
	return m->ol_flags & RTE_MBUF_F_TX_IP_CKSUM ? l3_of(m) + m->l3_len : 0;
}

static void
store_sum(uint8_t *at, uint16_t sum)
{
	memcpy(at, &sum, sizeof(sum));
}

static void
ipv4_checksum(uint8_t *ip, uint32_t bytes)
{
	struct vnet_csum c = {.sum = 0};

	store_sum(ip + IPV4_CSUM_OFFSET, 0);
	vnet_csum_add(&c, ip, bytes);
	store_sum(ip + IPV4_CSUM_OFFSET, vnet_csum_end(&c));
}

/* Bytes behind the network header that the mbuf names, by that header's own length. */
static uint32_t
l4_bytes(const uint8_t *head, const struct rte_mbuf *m)
{
	const bool ipv4 = m->ol_flags & RTE_MBUF_F_TX_IPV4;
	const uint8_t *length = head + l3_of(m) + (ipv4 ? 2 : 4);
	const uint32_t stated = (uint32_t)length[0] << 8 | length[1];
	const uint32_t before = ipv4 ? m->l3_len : m->l3_len - IPV6_HDR;

	return stated > before ? stated - before : 0;
}

uint16_t
vnet_mbuf_pseudo_sum(
	const uint8_t *head, uint32_t nb, const struct rte_mbuf *m, const struct vnet_offload *o)
{
	const bool tcp = o->csum_offset == VNET_TCP_CSUM_OFFSET;
	uint32_t l4_len = m->pkt_len - o->csum_start;
	struct vnet_packet p;

	/* Padding of a short frame does not count; the length of a large one may not fit. */
	if (!(m->ol_flags & VNET_MBUF_ASKS_GSO))
		l4_len = RTE_MIN(l4_len, l4_bytes(head, m));
	/* The packet's own headers know about routing headers; a tunnel's are those the mbuf names.
	 */
	vnet_packet_parse(&p, head, nb, m->pkt_len);
	if (p.l4 != o->csum_start || p.l4_type != (tcp ? VNET_L4_TCP : VNET_L4_UDP))
		p = (struct vnet_packet){
			.l3 = (uint16_t)l3_of(m),
			.l4 = o->csum_start,
			.l3_type = m->ol_flags & RTE_MBUF_F_TX_IPV4 ? VNET_L3_IPV4 : VNET_L3_IPV6,
			.l4_type = tcp ? VNET_L4_TCP : VNET_L4_UDP,
			.protocol = tcp ? IPPROTO_TCP : IPPROTO_UDP,
			.end = m->pkt_len,
		};
	return vnet_pseudo_sum(head, &p, l4_len);
}

int
vnet_mbuf_complete(uint8_t *head, const struct rte_mbuf *m, struct vnet_offload *o, uint32_t can)
{
	const uint8_t *l4 = head + o->csum_start;

	if (m->ol_flags & RTE_MBUF_F_TX_IP_CKSUM)
		ipv4_checksum(head + l3_of(m), m->l3_len);
	if (!(m->ol_flags & VNET_MBUF_ASKS_GSO))
		return 0;
	store_sum(head + o->csum_start + o->csum_offset,
		vnet_mbuf_pseudo_sum(head, o->hdr_len, m, o));
	if (!(m->ol_flags & RTE_MBUF_F_TX_TCP_SEG))
		return 0;
	if ((l4[TCP_DATA_OFFSET] >> 4) * 4 != m->l4_len)
		return -EINVAL;
	if (o->gso_type != VIRTIO_NET_HDR_GSO_NONE && (l4[TCP_FLAGS_OFFSET] & RTE_TCP_CWR_FLAG)) {
		if (!(can & VNET_CAN_ECN))
			return -ENOTSUP;
		o->needs |= VNET_CAN_ECN;
	}
	return 0;
}

uint32_t
vnet_mbuf_gather(const struct rte_mbuf *m, uint8_t *head, uint32_t max)
{
	uint32_t nb = 0;

	for (; m != NULL && nb < max; m = m->next) {
		uint32_t n = RTE_MIN((uint32_t)m->data_len, max - nb);

		memcpy(head + nb, rte_pktmbuf_mtod(m, const uint8_t *), n);
		nb += n;
	}
	return nb;
}

/*
 * Receive.
 */

uint32_t
vnet_mbuf_ptype(const struct vnet_packet *p)
{
	static const uint32_t l2[VNET_PACKET_TAGS_MAX + 1] = {
		RTE_PTYPE_L2_ETHER, RTE_PTYPE_L2_ETHER_VLAN, RTE_PTYPE_L2_ETHER_QINQ};
	uint32_t type = l2[p->nb_tags];

	if (p->nb_tags == 0 && p->ether_type == RTE_ETHER_TYPE_ARP)
		return RTE_PTYPE_L2_ETHER_ARP;
	if (p->l3_type == VNET_L3_OTHER)
		return type;
	if (p->l3_type == VNET_L3_IPV4)
		type |= p->l4 - p->l3 > IPV4_HDR_MIN ? RTE_PTYPE_L3_IPV4_EXT : RTE_PTYPE_L3_IPV4;
	else
		type |= p->extended ? RTE_PTYPE_L3_IPV6_EXT : RTE_PTYPE_L3_IPV6;
	if (p->fragment)
		return type | RTE_PTYPE_L4_FRAG;
	if (p->l4_type == VNET_L4_TCP)
		return type | RTE_PTYPE_L4_TCP;
	if (p->l4_type == VNET_L4_UDP)
		return type | RTE_PTYPE_L4_UDP;
	if (p->protocol == IPPROTO_SCTP)
		return type | RTE_PTYPE_L4_SCTP;
	if (p->protocol == (p->l3_type == VNET_L3_IPV4 ? IPPROTO_ICMP : IPPROTO_ICMPV6))
		return type | RTE_PTYPE_L4_ICMP;
	return type;
}

/* Sum from csum_start to the end and store it, wherever in the chain that is. */
static void
complete_in_packet(struct rte_mbuf *m, uint32_t start, uint32_t offset)
{
	struct vnet_csum c = {.sum = 0};
	uint32_t at = 0;
	uint16_t sum;
	uint8_t bytes[sizeof(sum)];

	for (const struct rte_mbuf *s = m; s != NULL; at += s->data_len, s = s->next) {
		uint32_t skip = start > at ? RTE_MIN(start - at, (uint32_t)s->data_len) : 0;

		vnet_csum_add(
			&c, rte_pktmbuf_mtod_offset(s, const uint8_t *, skip), s->data_len - skip);
	}
	sum = vnet_csum_end_transport(&c);
	memcpy(bytes, &sum, sizeof(sum));
	offset += start;
	for (uint32_t i = 0; i < sizeof(sum); i++, offset++) {
		while (offset >= m->data_len) {
			offset -= m->data_len;
			m = m->next;
		}
		*rte_pktmbuf_mtod_offset(m, uint8_t *, offset) = bytes[i];
	}
}

static uint64_t
partial(struct rte_mbuf *m, const struct vnet_offload *o, const struct vnet_packet *p)
{
	const uint16_t offset =
		p->l4_type == VNET_L4_TCP ? VNET_TCP_CSUM_OFFSET : VNET_UDP_CSUM_OFFSET;
	const bool known = p->l4_type != VNET_L4_OTHER && !p->fragment;

	if (known && (o->gso_type != VIRTIO_NET_HDR_GSO_NONE ||
			     (o->csum_start == p->l4 && o->csum_offset == offset)))
		return RTE_MBUF_F_RX_L4_CKSUM_NONE;
	complete_in_packet(m, o->csum_start, o->csum_offset);
	/* Checksums before the place, those of a tunnel's outer headers, have been validated. */
	return known && o->csum_start > p->l4 ? RTE_MBUF_F_RX_L4_CKSUM_GOOD
					      : RTE_MBUF_F_RX_L4_CKSUM_UNKNOWN;
}

enum vnet_bad
vnet_mbuf_received(
	struct rte_mbuf *m, const struct virtio_net_hdr *hdr, uint32_t can, struct vnet_offload *o)
{
	uint8_t head[VNET_PACKET_HEAD];
	uint32_t nb = 0;
	struct vnet_packet p;
	enum vnet_bad bad;

	if ((hdr->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) || hdr->gso_type != VIRTIO_NET_HDR_GSO_NONE)
		nb = vnet_mbuf_gather(m, head, sizeof(head));
	bad = vnet_offload_read(o, hdr, VNET_RECEIVE, can, head, nb, m->pkt_len);
	if (bad != VNET_BAD_NONE)
		return bad;
	if (o->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
		vnet_packet_parse(&p, head, nb, m->pkt_len);
		m->packet_type = vnet_mbuf_ptype(&p);
		m->ol_flags |= partial(m, o, &p);
	} else if (o->flags & VIRTIO_NET_HDR_F_DATA_VALID) {
		m->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	}
	if (o->gso_type != VIRTIO_NET_HDR_GSO_NONE) {
		m->ol_flags |= RTE_MBUF_F_RX_LRO;
		m->tso_segsz = o->gso_size;
	}
	return VNET_BAD_NONE;
}
