/* SPDX-License-Identifier: BSD-3-Clause */
/* Queues: start, drain, and the packets that bursts do not take straight. */
#include "net/vnet_hdr.h"
#include "pmd_rx_chain.h"
#include "pmd_rxtx.h"
#include "pmd_tx_offload.h"

#include <string.h>
#include <sys/eventfd.h>

#define FILL_CHUNK 32 /* buffers posted at once: 8 lines of descriptors, one index */
#define TX_BUFS_MAX 256

uint16_t
pmd_burst_none(void *queue, struct rte_mbuf **pkts, uint16_t nb)
{
	RTE_SET_USED(queue);
	RTE_SET_USED(pkts);
	RTE_SET_USED(nb);
	return 0;
}

uint16_t
pmd_rx_burst(void *queue, struct rte_mbuf **pkts, uint16_t nb)
{
	struct pmd_rxq *rxq = queue;

	/* Pairs with the control path's release store: the queue is set up when this is seen. */
	return __atomic_load_n(&rxq->burst, __ATOMIC_ACQUIRE)(queue, pkts, nb);
}

uint16_t
pmd_tx_burst(void *queue, struct rte_mbuf **pkts, uint16_t nb)
{
	struct pmd_txq *txq = queue;

	return __atomic_load_n(&txq->burst, __ATOMIC_ACQUIRE)(queue, pkts, nb);
}

__rte_cold void
pmd_kick(int kick_fd, uint64_t *kicks)
{
	/* EAGAIN: the counter is full, the device is told already. */
	if (eventfd_write(kick_fd, 1) == 0)
		(*kicks)++;
}

/*
 * Receive.
 */

static void
post_list(struct pmd_rxq *rxq, struct rte_mbuf **mbufs, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		struct virtq_buf buf = {
			.addr = (uintptr_t)mbufs[i]->buf_addr + RTE_PKTMBUF_HEADROOM -
				rxq->hdr_bytes,
			.len = rxq->post_bytes,
		};

		/* post_max is at most the ring's size and each buffer takes one descriptor. */
		if (virtq_driver_add(&rxq->q, &buf, 0, 1, mbufs[i]) != 0)
			rte_mempool_put(rxq->pool, mbufs[i]);
	}
}

/* Straight into the cookies: the ring's own array is the one the pool fills. */
static bool
post_sequence(struct pmd_rxq *rxq, uint16_t n)
{
	struct virtq_driver *q = &rxq->q;
	const uint32_t offset = RTE_PKTMBUF_HEADROOM - rxq->hdr_bytes;
	uint16_t slot = virtq_driver_seq_slot(q, 0);

	if (rte_mempool_get_bulk(rxq->pool, &q->cookies[slot], n) != 0)
		return false;
	for (uint16_t i = 0; i < n; i++) {
		const struct rte_mbuf *m = q->cookies[slot + i];

		virtq_desc_write(&q->vq.desc[slot + i], (uintptr_t)m->buf_addr + offset,
			rxq->post_bytes, VIRTQ_DESC_F_WRITE);
	}
	virtq_driver_seq_added(q, n);
	return true;
}

void
pmd_rxq_fill(struct pmd_rxq *rxq)
{
	struct virtq_driver *q = &rxq->q;
	struct rte_mbuf *mbufs[FILL_CHUNK];
	uint16_t before = q->avail_next;

	if (virtq_driver_broken(q))
		return;
	for (;;) {
		uint16_t room = (uint16_t)(rxq->post_max - virtq_driver_outstanding(q));
		uint16_t n = RTE_MIN(room, (uint16_t)FILL_CHUNK);

		if (n == 0 || n < RTE_MIN(rxq->fill_chunk, (uint16_t)FILL_CHUNK))
			break;
		if (q->sequence) {
			n = RTE_MIN(n, (uint16_t)(q->vq.size - virtq_driver_seq_slot(q, 0)));
			if (!post_sequence(rxq, n)) {
				rxq->stats.mbuf_alloc_failed += n;
				break;
			}
		} else if (rxq->chain_mbufs > 1) {
			uint16_t added = pmd_rx_chain_add(rxq, n);

			rxq->stats.mbuf_alloc_failed += (uint16_t)(n - added);
			if (added < n)
				break;
		} else {
			if (rte_mempool_get_bulk(rxq->pool, (void **)mbufs, n) != 0) {
				rxq->stats.mbuf_alloc_failed += n;
				break;
			}
			post_list(rxq, mbufs, n);
		}
	}
	if (q->avail_next != before && virtq_driver_publish(q))
		pmd_kick(rxq->kick_fd, &rxq->stats.kicks);
}

/* The next buffer with its length, ready to be a segment; NULL when there is none. */
static struct rte_mbuf *
rx_buffer(struct pmd_rxq *rxq, uint32_t *len)
{
	struct rte_mbuf *m = virtq_driver_get(&rxq->q, len);

	if (m != NULL) {
		memcpy(&m->rearm_data, &rxq->rearm, sizeof(rxq->rearm));
		m->ol_flags = 0;
		m->packet_type = 0;
		m->vlan_tci = 0;
		m->next = NULL;
	}
	return m;
}

static bool
rx_append(struct pmd_rxq *rxq, struct rte_mbuf *head, struct rte_mbuf **last)
{
	uint32_t len;
	struct rte_mbuf *m = rx_buffer(rxq, &len);

	if (m == NULL)
		return false;
	/* Only the first buffer has a header: the frame goes on at the start of this one. */
	m->data_off = (uint16_t)(RTE_PKTMBUF_HEADROOM - rxq->hdr_bytes);
	m->data_len = (uint16_t)len;
	m->pkt_len = len;
	(*last)->next = m;
	*last = m;
	head->pkt_len += len;
	head->nb_segs++;
	return true;
}

/* All used entries of a merged packet become visible together, so a missing one is a lie. */
static bool
rx_merge(struct pmd_rxq *rxq, struct rte_mbuf *head, uint16_t num_buffers)
{
	struct rte_mbuf *last = head;

	if (num_buffers == 0 || virtq_driver_used(&rxq->q, num_buffers - 1) < num_buffers - 1) {
		virtq_driver_set_fault(&rxq->q, VIRTQ_FAULT_NUM_BUFFERS, 0, num_buffers);
		return false;
	}
	while (--num_buffers > 0) {
		if (!rx_append(rxq, head, &last))
			return false;
	}
	if (head->nb_segs > 1)
		rxq->stats.merged_packets++;
	return true;
}

/* The next packet as far as its first buffer holds it, with its length. */
static struct rte_mbuf *
rx_first(struct pmd_rxq *rxq, uint32_t *len)
{
	struct rte_mbuf *m;

	if (rxq->chain_mbufs > 1)
		return pmd_rx_chain_get(rxq, len);
	m = rx_buffer(rxq, len);
	if (m != NULL && *len >= rxq->hdr_bytes) {
		m->data_len = (uint16_t)(*len - rxq->hdr_bytes);
		m->pkt_len = m->data_len;
	}
	return m;
}

/* A packet's header -> hash, its flag and type. */
static void
rx_flow(const struct pmd_rxq *rxq, struct rte_mbuf *m, const void *hdr)
{
	const struct pmd_rx_flow flow = pmd_rx_flow_of(rxq, hdr);

	m->ol_flags = flow.ol_flags;
	m->packet_type = flow.type;
	m->hash.rss = flow.hash;
}

struct rte_mbuf *
pmd_rx_one(struct pmd_rxq *rxq, bool merge)
{
	struct virtio_net_hdr hdr;
	const void *at;
	uint32_t len;
	struct rte_mbuf *m = rx_first(rxq, &len);

	if (m == NULL)
		return NULL;
	if (len < rxq->hdr_bytes) {
		rxq->stats.errors++;
		rte_pktmbuf_free(m);
		return NULL;
	}
	at = (const uint8_t *)m->buf_addr + RTE_PKTMBUF_HEADROOM - rxq->hdr_bytes;
	vnet_hdr_load(&hdr, at);
	if (rxq->hdr_bytes == VIRTIO_NET_HDR_HASH_BYTES)
		rx_flow(rxq, m, at);
	if (merge && !rx_merge(rxq, m, rte_le_to_cpu_16(hdr.num_buffers))) {
		rxq->stats.errors++;
		rte_pktmbuf_free(m);
		return NULL;
	}
	if (m->pkt_len == 0) {
		rxq->stats.errors++;
		rte_pktmbuf_free(m);
		return NULL;
	}
	if (rxq->can != 0 && vnet_hdr_asks(hdr.flags, hdr.gso_type) &&
		!pmd_rx_offload(rxq, m, &hdr)) {
		rxq->stats.bad_header++;
		rte_pktmbuf_free(m);
		return NULL;
	}
	rxq->stats.packets++;
	rxq->stats.bytes += m->pkt_len;
	return m;
}

static uint64_t
rearm_data(uint16_t port_id)
{
	struct rte_mbuf m = {
		.data_off = RTE_PKTMBUF_HEADROOM,
		.nb_segs = 1,
		.port = port_id,
	};
	uint64_t rearm;

	rte_mbuf_refcnt_set(&m, 1);
	memcpy(&rearm, &m.rearm_data, sizeof(rearm));
	return rearm;
}

void
pmd_rxq_init(struct pmd_rxq *rxq, const struct virtq *vq, void *private)
{
	virtq_driver_init(&rxq->q, vq, private);
	virtq_interrupts_off(&rxq->q.vq, 0);
	rxq->rearm = rearm_data(rxq->port_id);
	if (rte_pktmbuf_priv_flags(rxq->pool) & RTE_PKTMBUF_POOL_F_PINNED_EXT_BUF)
		rxq->buf_at = 0;
	else
		rxq->buf_at = sizeof(struct rte_mbuf) + rte_pktmbuf_priv_size(rxq->pool);
	rxq->post_max = RTE_MIN(rxq->post_max, vq->size);
	rxq->fill_chunk = RTE_MAX(rxq->post_max / 4, 1);
	rxq->fill_chunk = RTE_MIN(rxq->fill_chunk, (uint16_t)FILL_CHUNK);
	/* data_len is 16 bits wide. */
	rxq->post_bytes = RTE_MIN((uint32_t)rte_pktmbuf_data_room_size(rxq->pool) -
					  RTE_PKTMBUF_HEADROOM + rxq->hdr_bytes,
		UINT32_C(65535));
	if (rxq->chain_mbufs > 1)
		virtq_driver_leave_sequence(&rxq->q);
	for (uint32_t i = 0; i < vq->size; i++)
		rxq->q.descs[i].writable = rxq->post_bytes;
}

int
pmd_rxq_start(struct pmd_rxq *rxq, const struct virtq *vq, void *private)
{
	pmd_rxq_init(rxq, vq, private);
	pmd_rxq_fill(rxq);
	return virtq_driver_outstanding(&rxq->q) + rxq->fill_chunk > rxq->post_max ? 0 : -ENOMEM;
}

/* The mbufs of a buffer that holds no packet. */
static void
give_back(struct pmd_rxq *rxq, struct rte_mbuf *m)
{
	if (rxq->chain_mbufs > 1)
		rte_pktmbuf_free(m);
	else
		rte_mempool_put(rxq->pool, m);
}

uint16_t
pmd_rx_burst_resume(void *queue, struct rte_mbuf **pkts, uint16_t nb)
{
	struct pmd_rxq *rxq = queue;
	pmd_burst_fn *self = pmd_rx_burst_resume;
	struct rte_mbuf *m;
	uint32_t len;

	while (rxq->q.used_next != rxq->stale_until &&
		(m = virtq_driver_get(&rxq->q, &len)) != NULL) {
		give_back(rxq, m);
		rxq->stats.stale++;
	}
	/* Unless the queue was stopped in the meantime. */
	if (!__atomic_compare_exchange_n(
		    &rxq->burst, &self, rxq->variant, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		return 0;
	return rxq->variant(queue, pkts, nb);
}

void
pmd_rxq_drain(struct pmd_rxq *rxq)
{
	struct rte_mbuf *m;

	while ((m = virtq_driver_detach(&rxq->q)) != NULL)
		give_back(rxq, m);
}

/*
 * Transmit.
 */

/* What the device reads of a packet: the header, in front of the frame or in the slot, and data. */
static uint16_t
tx_bufs(const struct pmd_txq *txq, struct rte_mbuf *m, struct pmd_tx_slot *slot,
	const struct pmd_tx_front *front, struct virtq_buf *bufs, uint16_t max)
{
	uint32_t skip = front->replaced;
	bool push = skip == 0 && rte_pktmbuf_headroom(m) >= txq->hdr_bytes &&
		    rte_mbuf_refcnt_read(m) == 1 && RTE_MBUF_DIRECT(m);
	uint8_t *hdr = skip == 0 ? slot->hdr : slot->head;
	uint16_t n = 0;

	if (push)
		hdr = rte_pktmbuf_mtod(m, uint8_t *) - txq->hdr_bytes;
	vnet_hdr_clear(hdr, txq->hdr_bytes);
	if (front->o.flags != 0)
		vnet_offload_write(hdr, &front->o);
	bufs[n++] = (struct virtq_buf){(uintptr_t)hdr, txq->hdr_bytes + front->head_bytes};
	if (push)
		bufs[0].len += m->data_len;
	for (const struct rte_mbuf *s = push ? m->next : m; s != NULL; s = s->next) {
		if (s->data_len <= skip) {
			skip -= s->data_len;
			continue;
		}
		if (n == max)
			return UINT16_MAX;
		bufs[n++] = (struct virtq_buf){
			rte_pktmbuf_mtod_offset(s, uintptr_t, skip), s->data_len - skip};
		skip = 0;
	}
	return n;
}

static void
tx_count(struct pmd_txq *txq, const struct rte_mbuf *m, const struct pmd_tx_front *front,
	uint64_t *kind)
{
	txq->stats.packets++;
	txq->stats.bytes += m->pkt_len + front->head_bytes - front->replaced;
	if (front->o.gso_type != VIRTIO_NET_HDR_GSO_NONE)
		txq->stats.segmentation_packets++;
	if (kind != NULL)
		(*kind)++;
	if (m->nb_segs > 1)
		txq->stats.multi_segment_packets++;
}

static int
tx_drop(struct rte_mbuf *m, uint64_t *reason)
{
	(*reason)++;
	rte_pktmbuf_free(m);
	return 0;
}

/* 0 also for a packet that can never be sent: it is dropped and counted, as the API has it. */
int
pmd_tx_one(struct pmd_txq *txq, struct rte_mbuf *m)
{
	struct virtq_driver *q = &txq->q;
	struct virtq_buf bufs[TX_BUFS_MAX];
	uint16_t head = virtq_driver_next_head(q);
	struct pmd_tx_slot *slot = &txq->slots[head];
	void *cookie = (void *)((uintptr_t)m | PMD_COOKIE_OTHER);
	struct pmd_tx_front front = {.replaced = 0};
	uint64_t *kind = NULL;
	uint16_t n;
	int ret = 0;

	if (m->pkt_len == 0)
		return tx_drop(m, &txq->stats.errors);
	if (m->pkt_len > __atomic_load_n(&txq->frame_max, __ATOMIC_RELAXED) &&
		!(m->ol_flags & txq->asks & (RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_UDP_SEG)))
		return tx_drop(m, &txq->stats.oversized);
	/* Without a free descriptor the slot is that of a packet the device has. */
	if ((q->sequence ? virtq_driver_seq_room(q) : q->nb_free) == 0)
		return -ENOSPC;
	if (m->ol_flags & txq->asks)
		ret = pmd_tx_front(txq, m, slot, &front);
	if (ret != 0)
		return tx_drop(m, ret == -EINVAL ? &txq->stats.bad_offload_fields
						 : &txq->stats.offload_not_possible);
	if (txq->nb_other == virtq_driver_outstanding(q))
		txq->plain_pool = m->pool;
	n = tx_bufs(txq, m, slot, &front, bufs, TX_BUFS_MAX);
	if (n > q->vq.size)
		return tx_drop(m, &txq->stats.errors);
	if (n > 1 &&
		n <= (front.replaced == 0 ? PMD_TX_TABLE_ENTRIES : PMD_TX_TABLE_ENTRIES_HEAD) &&
		(q->vq.flags & VIRTQ_INDIRECT)) {
		kind = &txq->stats.indirect_packets;
		ret = virtq_driver_add_indirect(
			q, slot->table, (uintptr_t)slot->table, bufs, n, 0, cookie);
	} else {
		if (n > 1)
			kind = &txq->stats.chained_packets;
		ret = virtq_driver_add(q, bufs, n, 0, cookie);
	}
	if (ret == -EMSGSIZE)
		return tx_drop(m, &txq->stats.errors);
	if (ret != 0)
		return ret;
	txq->nb_other++;
	tx_count(txq, m, &front, kind);
	return 0;
}

static void
tx_free_cookie(struct pmd_txq *txq, void *cookie)
{
	uintptr_t c = (uintptr_t)cookie;

	if (c & PMD_COOKIE_OTHER)
		txq->nb_other--;
	rte_pktmbuf_free((struct rte_mbuf *)(c & ~PMD_COOKIE_OTHER));
}

uint32_t
pmd_tx_clean_some(struct pmd_txq *txq, uint32_t max)
{
	uint32_t n = 0;
	void *cookie;
	uint32_t len;

	for (; n < max && (cookie = virtq_driver_get(&txq->q, &len)) != NULL; n++)
		tx_free_cookie(txq, cookie);
	return n;
}

void
pmd_tx_clean_list(struct pmd_txq *txq)
{
	pmd_tx_clean_some(txq, UINT32_MAX);
}

void
pmd_txq_start(struct pmd_txq *txq, const struct virtq *vq, void *private)
{
	virtq_driver_init(&txq->q, vq, private);
	virtq_interrupts_off(&txq->q.vq, 0);
	txq->post_max = RTE_MIN(txq->post_max, vq->size);
	txq->plain_pool = NULL;
	txq->nb_other = 0;
}

void
pmd_txq_drain(struct pmd_txq *txq)
{
	void *cookie;

	while ((cookie = virtq_driver_detach(&txq->q)) != NULL)
		tx_free_cookie(txq, cookie);
}
