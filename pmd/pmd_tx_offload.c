/* SPDX-License-Identifier: BSD-3-Clause */
#include "pmd_tx_offload.h"

#include "net/vnet_mbuf.h"

#include <rte_byteorder.h>
#include <rte_errno.h>
#include <rte_ether.h>

#include <assert.h>
#include <errno.h>
#include <string.h>

#define MACS (2 * RTE_ETHER_ADDR_LEN)

/* l2_len is 7 bits wide: the tag has to fit into it. */
#define L2_LEN_MAX (127 - RTE_VLAN_HLEN)

static bool
may_write(const struct rte_mbuf *m, uint32_t bytes)
{
	return RTE_MBUF_DIRECT(m) && rte_mbuf_refcnt_read(m) == 1 && m->data_len >= bytes;
}

static bool
has_room_for_tag(const struct rte_mbuf *m)
{
	return may_write(m, MACS) && rte_pktmbuf_headroom(m) >= RTE_VLAN_HLEN;
}

static void
tag_write(uint8_t *at, uint16_t tci)
{
	const rte_be16_t words[] = {rte_cpu_to_be_16(RTE_ETHER_TYPE_VLAN), rte_cpu_to_be_16(tci)};

	static_assert(sizeof(words) == RTE_VLAN_HLEN, "type and number");
	memcpy(at, words, sizeof(words));
}

static void
tag_insert(struct rte_mbuf *m)
{
	uint8_t *old = rte_pktmbuf_mtod(m, uint8_t *);
	uint8_t *new = (uint8_t *)rte_pktmbuf_prepend(m, RTE_VLAN_HLEN);

	memmove(new, old, MACS);
	tag_write(new + MACS, m->vlan_tci);
	m->ol_flags &= ~RTE_MBUF_F_TX_VLAN;
	if (m->ol_flags & (RTE_MBUF_F_TX_OUTER_IPV4 | RTE_MBUF_F_TX_OUTER_IPV6))
		m->outer_l2_len += RTE_VLAN_HLEN;
	else
		m->l2_len += RTE_VLAN_HLEN;
}

static void
copy_to_slot(struct pmd_tx_front *front, uint8_t *to, const uint8_t *head, uint32_t bytes,
	const struct rte_mbuf *m)
{
	uint32_t macs = bytes;

	front->replaced = bytes;
	front->head_bytes = bytes;
	if (m->ol_flags & RTE_MBUF_F_TX_VLAN) {
		macs = MACS;
		front->head_bytes += RTE_VLAN_HLEN;
		tag_write(to + MACS, m->vlan_tci);
		memcpy(to + MACS + RTE_VLAN_HLEN, head + MACS, bytes - MACS);
	}
	memcpy(to, head, macs);
}

int
pmd_tx_front(struct pmd_txq *txq, struct rte_mbuf *m, struct pmd_tx_slot *slot,
	struct pmd_tx_front *front)
{
	const bool tag = m->ol_flags & RTE_MBUF_F_TX_VLAN;
	uint8_t head[VNET_PACKET_HEAD];
	uint32_t bytes;
	int ret = vnet_mbuf_request(&front->o, m, txq->can);

	if (ret != 0)
		return ret;
	bytes = vnet_mbuf_head_bytes(m, &front->o);
	if (tag) {
		bytes = RTE_MAX(bytes, (uint32_t)MACS);
		if (m->l2_len > L2_LEN_MAX || m->outer_l2_len > L2_LEN_MAX)
			return -EINVAL;
	}
	if (bytes == 0)
		return 0;
	if (bytes > sizeof(head))
		return -ENOTSUP;
	if (vnet_mbuf_gather(m, head, bytes) < bytes)
		return -EINVAL;
	ret = vnet_mbuf_complete(head, m, &front->o, txq->can);
	if (ret != 0)
		return ret;
	if (tag && front->o.flags != 0) {
		front->o.csum_start += RTE_VLAN_HLEN;
		front->o.hdr_len += RTE_VLAN_HLEN;
	}
	if (!may_write(m, bytes) || (tag && !has_room_for_tag(m))) {
		copy_to_slot(front, slot->head + txq->hdr_bytes, head, bytes, m);
		return 0;
	}
	memcpy(rte_pktmbuf_mtod(m, uint8_t *), head, bytes);
	if (tag)
		tag_insert(m);
	return 0;
}

__rte_noinline bool
pmd_tx_ipv4_checksum(struct rte_mbuf *m)
{
	struct vnet_offload o;

	return vnet_mbuf_request(&o, m, VNET_CAN_CSUM) == 0 &&
	       vnet_mbuf_head_bytes(m, &o) <= m->data_len &&
	       vnet_mbuf_complete(rte_pktmbuf_mtod(m, uint8_t *), m, &o, 0) == 0;
}

/* The pseudo header's sum where the application left that to us. */
static int
prepare_sum(struct pmd_txq *txq, struct rte_mbuf *m, struct vnet_offload *o)
{
	uint8_t *data = rte_pktmbuf_mtod(m, uint8_t *);
	uint8_t head[VNET_PACKET_HEAD];
	uint16_t sum;
	int ret;

	if (m->ol_flags & VNET_MBUF_ASKS_GSO) {
		/* The burst does it again for those who do not prepare; here it tells the reason.
		 */
		if (vnet_mbuf_gather(m, head, o->hdr_len) < o->hdr_len)
			return -EINVAL;
		ret = vnet_mbuf_complete(head, m, o, txq->can);
		if (ret == 0 && may_write(m, o->hdr_len))
			memcpy(data, head, o->hdr_len);
		return ret;
	}
	if (!may_write(m, (uint32_t)o->csum_start + o->csum_offset + sizeof(sum)))
		return -ENOTSUP;
	sum = vnet_mbuf_pseudo_sum(data, RTE_MIN(m->data_len, VNET_PACKET_HEAD), m, o);
	memcpy(data + o->csum_start + o->csum_offset, &sum, sizeof(sum));
	return 0;
}

static int
prepare_one(struct pmd_txq *txq, struct rte_mbuf *m)
{
	const uint64_t tso4 = RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_IPV4;
	struct vnet_offload o;
	int ret;

	if (txq->asks == 0)
		return -ENOTSUP;
	/* As rte_validate_tx_offload() has it. */
	if ((m->ol_flags & tso4) == tso4 && !(m->ol_flags & RTE_MBUF_F_TX_IP_CKSUM))
		return -EINVAL;
	ret = vnet_mbuf_request(&o, m, txq->can);
	if (ret == 0 && o.flags != 0)
		ret = prepare_sum(txq, m, &o);
	if (ret != 0 || !(m->ol_flags & RTE_MBUF_F_TX_VLAN))
		return ret;
	if (m->pkt_len < MACS || m->l2_len > L2_LEN_MAX || m->outer_l2_len > L2_LEN_MAX)
		return -EINVAL;
	/* Else the burst puts it on the ring without writing to the packet. */
	if (has_room_for_tag(m))
		tag_insert(m);
	return 0;
}

uint16_t
pmd_tx_prepare(void *queue, struct rte_mbuf **pkts, uint16_t nb)
{
	struct pmd_txq *txq = queue;

	for (uint16_t i = 0; i < nb; i++) {
		int ret = 0;

		if (pkts[i]->ol_flags & VNET_MBUF_ASKS)
			ret = prepare_one(txq, pkts[i]);
		if (ret != 0) {
			rte_errno = -ret;
			return i;
		}
	}
	return nb;
}
