/* SPDX-License-Identifier: BSD-3-Clause */
#include "pmd_rx_chain.h"

#include <stdio.h>
#include <string.h>

#define SEGMENTS_MAX 255 /* some applications count them in a byte */

bool
pmd_rx_chain_needed(uint64_t features)
{
	const uint64_t large =
		virtq_bit(VIRTIO_NET_F_GUEST_TSO4) | virtq_bit(VIRTIO_NET_F_GUEST_TSO6) |
		virtq_bit(VIRTIO_NET_F_GUEST_UFO) | virtq_bit(VIRTIO_NET_F_GUEST_USO4) |
		virtq_bit(VIRTIO_NET_F_GUEST_USO6);

	return (features & large) != 0 && !(features & virtq_bit(VIRTIO_NET_F_MRG_RXBUF));
}

uint32_t
pmd_rx_chain_mbufs(struct rte_mempool *pool)
{
	/* The header takes headroom, no data. */
	const uint32_t room = (uint32_t)rte_pktmbuf_data_room_size(pool) - RTE_PKTMBUF_HEADROOM;

	return (PMD_RX_LARGEST + room - 1) / room;
}

bool
pmd_rx_chain_fits(struct rte_mempool *pool, uint16_t nb_desc, char *why, size_t size)
{
	const uint32_t nb = pmd_rx_chain_mbufs(pool);

	if (nb > SEGMENTS_MAX)
		snprintf(why, size,
			"without merged buffers the largest LRO packet takes %u mbufs of pool %s, "
			"more than %u; use bigger mbufs",
			nb, pool->name, SEGMENTS_MAX);
	else if (nb > nb_desc)
		snprintf(why, size,
			"without merged buffers the largest LRO packet takes %u mbufs of pool %s, "
			"and the queue has %u descriptors; use more (queue_size=%u) or bigger "
			"mbufs",
			nb, pool->name, nb_desc, rte_align32pow2(nb));
	else if (nb > pool->size)
		snprintf(why, size,
			"without merged buffers the largest LRO packet takes %u mbufs of pool %s, "
			"which has %u; give it more or bigger ones",
			nb, pool->name, pool->size);
	else
		return true;
	return false;
}

bool
pmd_rx_chains_fit(const struct rte_eth_dev_data *data, char *why, size_t size)
{
	for (uint16_t i = 0; i < data->nb_rx_queues; i++) {
		const struct pmd_rx_queue *q = data->rx_queues[i];

		if (q != NULL && !pmd_rx_chain_fits(q->rxq.pool, q->nb_desc, why, size))
			return false;
	}
	return true;
}

void
pmd_rx_chain_set(struct pmd_rx_queue *q, uint64_t features)
{
	const bool chains = pmd_rx_chain_needed(features);

	q->rxq.chain_mbufs = chains ? (uint16_t)pmd_rx_chain_mbufs(q->rxq.pool) : 1;
	q->rxq.post_max = q->nb_desc / q->rxq.chain_mbufs;
}

static bool
add_one(struct pmd_rxq *rxq)
{
	struct rte_mbuf *mbufs[SEGMENTS_MAX];
	struct virtq_buf bufs[SEGMENTS_MAX];
	const uint16_t nb = rxq->chain_mbufs;

	if (rte_mempool_get_bulk(rxq->pool, (void **)mbufs, nb) != 0)
		return false;
	for (uint16_t i = 0; i < nb; i++) {
		const uint16_t hdr_bytes = i == 0 ? rxq->hdr_bytes : 0;

		mbufs[i]->next = i + 1 < nb ? mbufs[i + 1] : NULL;
		bufs[i] = (struct virtq_buf){
			.addr = (uintptr_t)mbufs[i]->buf_addr + RTE_PKTMBUF_HEADROOM - hdr_bytes,
			.len = rxq->post_bytes - rxq->hdr_bytes + hdr_bytes,
		};
	}
	if (virtq_driver_add(&rxq->q, bufs, 0, nb, mbufs[0]) == 0)
		return true;
	rte_pktmbuf_free(mbufs[0]);
	return false;
}

uint16_t
pmd_rx_chain_add(struct pmd_rxq *rxq, uint16_t n)
{
	uint16_t added = 0;

	while (added < n && add_one(rxq))
		added++;
	return added;
}

struct rte_mbuf *
pmd_rx_chain_get(struct pmd_rxq *rxq, uint32_t *len)
{
	const uint32_t room = rxq->post_bytes - rxq->hdr_bytes;
	struct rte_mbuf *head = virtq_driver_get(&rxq->q, len);
	struct rte_mbuf *m = head;
	struct rte_mbuf *rest;
	uint32_t left;
	uint16_t nb = 1;

	if (head == NULL)
		return NULL;
	left = *len > rxq->hdr_bytes ? *len - rxq->hdr_bytes : 0;
	/* The length was checked against the buffer: it ends before its mbufs do. */
	for (;; nb++) {
		memcpy(&m->rearm_data, &rxq->rearm, sizeof(rxq->rearm));
		m->ol_flags = 0;
		m->packet_type = 0;
		m->vlan_tci = 0;
		m->data_len = (uint16_t)RTE_MIN(left, room);
		m->pkt_len = left;
		left -= m->data_len;
		if (left == 0 || nb == rxq->chain_mbufs)
			break;
		m = m->next;
	}
	rest = m->next;
	m->next = NULL;
	head->nb_segs = nb;
	rte_pktmbuf_free(rest);
	return head;
}
