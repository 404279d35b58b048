/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Burst bodies of the driver. Compiled once per instruction set (PMD_ISA); what is not taken in
 * bursts stands in pmd_rxtx_slow.c.
 */
#include "pmd_rxtx.h"

#include "net/vnet_mbuf.h"
#include "pmd_rx_hdr.h"
#include "pmd_rx_post.h"
#include "pmd_tx_plain.h"

#include <assert.h>
#include <string.h>

#define BURST_MAX 64 /* packets of one pass: their lengths stay in a few cache lines */

static_assert(
	offsetof(struct rte_mbuf, pkt_len) == offsetof(struct rte_mbuf, ol_flags) + 12 &&
		offsetof(struct rte_mbuf, hash.rss) == offsetof(struct rte_mbuf, data_len) + 4,
	"rearm_data to data_len are written as four words");

/* A received mbuf of one segment, from what the pool left in it. */
static __rte_always_inline void
rx_mbuf_fill(struct rte_mbuf *m, uint64_t rearm, uint32_t len)
{
#ifdef __AVX2__
	/* pkt_len; data_len, below 65536, and vlan_tci */
	const __m256i w = _mm256_blend_epi32(_mm256_setr_epi64x((int64_t)rearm, 0, 0, 0),
		_mm256_set1_epi32((int)len), 1 << 5 | 1 << 6);

	_mm256_storeu_si256((__m256i *)(void *)&m->rearm_data, w);
#else
	mbuf_word *w = (mbuf_word *)(void *)&m->rearm_data;

	w[0] = rearm;
	w[1] = 0;                   /* ol_flags */
	w[2] = (uint64_t)len << 32; /* packet_type, pkt_len */
	w[3] = len;                 /* data_len, below 65536, vlan_tci, hash */
#endif
}

/* The same with what the header's hash says. */
static __rte_always_inline void
rx_mbuf_fill_flow(struct rte_mbuf *m, uint64_t rearm, uint32_t len, struct pmd_rx_flow flow)
{
	mbuf_word *w = (mbuf_word *)(void *)&m->rearm_data;

	w[0] = rearm;
	w[1] = flow.ol_flags;
	w[2] = (uint64_t)len << 32 | flow.type;
	w[3] = len | (uint64_t)flow.hash << 32;
}

/*
 * Used lengths -> lengths of packets, up to the first that is none. @return how many; *bytes is
 * their sum.
 */
static __rte_always_inline unsigned int
rx_lengths(uint32_t *lens, unsigned int n, uint32_t hdr_bytes, uint32_t max, uint32_t *bytes)
{
	uint32_t worst = 0, sum = 0;
	unsigned int i;

	for (i = 0; i < n; i++) {
		/* Shorter than the header wraps around: one check for both ends. */
		uint32_t len = lens[i] - hdr_bytes;

		lens[i] = len;
		/* 0 is no packet. */
		worst = RTE_MAX(worst, len - 1);
		sum += len;
	}
	*bytes = sum;
	if (!VIRTQ_CHECKED || likely(worst < max))
		return n;
	for (i = 0, *bytes = 0; lens[i] - 1 < max; i++)
		*bytes += lens[i];
	return i;
}

/*
 * Packets of one buffer each, from the next used entry on, until one is not that simple.
 * Returns how many; fewer than n also where the ring wraps around.
 */
static __rte_always_inline uint16_t
rx_take_straight(struct pmd_rxq *rxq, struct rte_mbuf **pkts, uint32_t *lens, unsigned int n,
	const unsigned int flags)
{
	struct virtq_driver *q = &rxq->q;
	const unsigned int slot = q->used_next & q->vq.mask;
	struct rte_mbuf *const *cookies = (struct rte_mbuf **)&q->cookies[slot];
	const uint16_t hdr_bytes =
		flags & PMD_RX_HASH ? VIRTIO_NET_HDR_HASH_BYTES : VIRTIO_NET_HDR_BYTES;
	const size_t hdr_at = RTE_PKTMBUF_HEADROOM - hdr_bytes;
	const size_t buf_at = rxq->buf_at;
	const uint64_t rearm = rxq->rearm;
	hdr_words other = {0};
	uint32_t bytes;
	unsigned int i;

	n = RTE_MIN(n, q->vq.size - slot);
	n = rx_lengths(lens, n, hdr_bytes, rxq->post_bytes - hdr_bytes, &bytes);
	for (i = 0; i < n; i++) {
		struct rte_mbuf *m = cookies[i];
		const uint8_t *hdr =
			(buf_at != 0 ? (const uint8_t *)m + buf_at : m->buf_addr) + hdr_at;

		/* The count of buffers alone is faster looked at on the way. */
		if (flags & PMD_RX_OFFLOAD)
			other |= rx_hdr_other(hdr);
		else if ((flags & PMD_RX_MERGE) && unlikely(vnet_hdr_num_buffers(hdr) != 1))
			break;
		if (flags & PMD_RX_HASH)
			rx_mbuf_fill_flow(m, rearm, lens[i], pmd_rx_flow_of(rxq, hdr));
		else
			rx_mbuf_fill(m, rearm, lens[i]);
		pkts[i] = m;
	}
	if ((flags & PMD_RX_MERGE) && (flags & PMD_RX_OFFLOAD) &&
		unlikely(other[HDR_WORD(num_buffers)] != 0))
		i = rx_count_whole(pkts, i, hdr_bytes);
	if ((flags & PMD_RX_OFFLOAD) && unlikely(other[HDR_WORD(flags)] & RTE_LE16(HDR_ASKS)))
		i = rx_hdrs_take(rxq, pkts, i);
	for (unsigned int k = i; unlikely(k < n); k++)
		bytes -= lens[k];
	rxq->stats.packets += i;
	rxq->stats.bytes += bytes;
	virtq_driver_seq_got(q, (uint16_t)i);
	return (uint16_t)i;
}

/* Always inline: flags must fold. */
static __rte_always_inline uint16_t
rx_burst(void *queue, struct rte_mbuf **pkts, uint16_t nb, const unsigned int flags)
{
	struct pmd_rxq *rxq = queue;
	struct virtq_driver *q = &rxq->q;
	uint32_t lens[BURST_MAX];
	uint16_t got = 0;

	/* For what the last burst posted: its stores are done now, nothing has to wait for them. */
	pmd_rx_kick(rxq);
	while (got < nb) {
		uint16_t want = RTE_MIN((uint16_t)(nb - got), (uint16_t)BURST_MAX);
		uint16_t ready = RTE_MIN(virtq_driver_used(q, want), want);
		uint16_t n = 0;

		if (ready == 0)
			break;
		if (likely(q->sequence && q->batch_left == 0)) {
			/* Up to where the ring wraps; the rest in the next round. */
			ready = RTE_MIN(
				ready, (uint16_t)(q->vq.size - (q->used_next & q->vq.mask)));
			n = virtq_driver_seq_check(q, lens, ready);
			n = rx_take_straight(rxq, &pkts[got], lens, n, flags);
			got += n;
		}
		if (unlikely(n < ready)) {
			struct rte_mbuf *m = pmd_rx_one(rxq, flags & PMD_RX_MERGE);

			if (m != NULL)
				pkts[got++] = m;
			else if (virtq_driver_broken(q))
				break;
		}
	}
	if ((uint16_t)(rxq->post_max - virtq_driver_outstanding(q)) >= rxq->fill_chunk)
		rx_fill(rxq);
	if (unlikely(__atomic_load_n(&rxq->post, __ATOMIC_RELAXED) != 0))
		return pmd_rx_post(rxq, pkts, got);
	return got;
}

/* Longest frame of one segment. The control path may change it at any time. */
static __rte_always_inline uint16_t
tx_most(const struct pmd_txq *txq)
{
	return (uint16_t)RTE_MIN(
		__atomic_load_n(&txq->frame_max, __ATOMIC_RELAXED), (uint32_t)UINT16_MAX);
}

/*
 * Header of a packet that asks for something and is plain otherwise. Checksums are served here;
 * false: it asks for more, or its fields are wrong, which the slow way finds out.
 */
static __rte_noinline bool
tx_hdr_asked(const struct pmd_txq *txq, struct rte_mbuf *m)
{
	const struct tx_plain plain = tx_plain_of(txq->plain_pool, txq->hdr_bytes, tx_most(txq), 0);
	const uint64_t ip = RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IPV6;
	const uint64_t asks = m->ol_flags & txq->asks;
	const uint64_t l4 = asks & RTE_MBUF_F_TX_L4_MASK;
	const bool tcp = l4 == RTE_MBUF_F_TX_TCP_CKSUM;
	const uint32_t start = (uint32_t)m->l2_len + m->l3_len;
	const uint32_t offset = tcp ? VNET_TCP_CSUM_OFFSET : VNET_UDP_CSUM_OFFSET;
	uint8_t *hdr = (uint8_t *)m->buf_addr + m->data_off - txq->hdr_bytes;
	uint32_t hdr_len = m->l4_len;

	if (!tx_is_plain(&plain, m) || (asks & ~txq->asks_straight) ||
		l4 == RTE_MBUF_F_TX_SCTP_CKSUM)
		return false;
	if ((asks & RTE_MBUF_F_TX_IP_CKSUM) && !pmd_tx_ipv4_checksum(m))
		return false;
	vnet_hdr_clear(hdr, txq->hdr_bytes);
	if (l4 == RTE_MBUF_F_TX_L4_NO_CKSUM)
		return true;
	if (!(m->ol_flags & ip) || start < VNET_L4_MIN ||
		start + offset + sizeof(uint16_t) > m->data_len)
		return false;
	if (hdr_len == 0)
		hdr_len = tcp ? VNET_TCP_HDR_MAX : VNET_UDP_HDR;
	vnet_mbuf_hdr_csum(hdr, start, offset, RTE_MIN(start + hdr_len, (uint32_t)m->data_len));
	return true;
}

static __rte_always_inline bool
tx_hdr_asks(const uint8_t *room, const uint16_t hdr_bytes)
{
	uint64_t said = 0;

	for (uint16_t at = 0; at < TX_HDR_ROOM(hdr_bytes); at += sizeof(said))
		said |= *(const vnet_hdr_u64 *)(const void *)(room + at);
	return said != 0;
}

static __rte_always_inline uint8_t *
tx_hdr_room(const struct rte_mbuf *m, const uint16_t hdr_bytes)
{
	return (uint8_t *)m->buf_addr + m->data_off - TX_HDR_ROOM(hdr_bytes);
}

/*
 * Headers that ask for nothing, and descriptors. @return bytes of the packets.
 *
 * look: write only a header that asks for something. Buffers that were sent before have one that
 * does not, and a line that nobody writes stays in both caches.
 */
static __rte_always_inline uint64_t
tx_put_plain(struct virtq_desc *desc, struct rte_mbuf *const *pkts, unsigned int n,
	const uint16_t hdr_bytes, const bool look)
{
	uint64_t bytes = 0;

	for (unsigned int i = 0; i < n; i++) {
		const struct rte_mbuf *m = pkts[i];
		uint8_t *room = tx_hdr_room(m, hdr_bytes);
		uint32_t len = m->data_len;

		if (!look || unlikely(tx_hdr_asks(room, hdr_bytes)))
			memset(room, 0, TX_HDR_ROOM(hdr_bytes));
		virtq_desc_write(&desc[i], (uintptr_t)room + TX_HDR_ROOM(hdr_bytes) - hdr_bytes,
			len + hdr_bytes, 0);
		bytes += len;
	}
	return bytes;
}

/* A guest that forwards sends what was received, and with it the device's header: all alike. */
static __rte_always_inline uint64_t
tx_put_run(struct virtq_desc *desc, struct rte_mbuf *const *pkts, unsigned int n,
	const uint16_t hdr_bytes)
{
	return tx_hdr_asks(tx_hdr_room(pkts[0], hdr_bytes), hdr_bytes)
		       ? tx_put_plain(desc, pkts, n, hdr_bytes, false)
		       : tx_put_plain(desc, pkts, n, hdr_bytes, true);
}

/*
 * Plain packets until one is not, or the ring wraps around. Returns how many went on the ring;
 * *stopped says that the next one is not plain.
 */
static __rte_always_inline uint16_t
tx_add_straight(struct pmd_txq *txq, struct rte_mbuf **pkts, unsigned int n, bool *stopped,
	const unsigned int flags)
{
	struct virtq_driver *q = &txq->q;
	const uint16_t hdr_bytes = txq->hdr_bytes;
	const struct tx_plain plain = tx_plain_of(
		txq->plain_pool, hdr_bytes, tx_most(txq), flags & PMD_TX_OFFLOAD ? txq->asks : 0);
	const unsigned int slot = virtq_driver_seq_slot(q, 0);
	struct virtq_desc *desc = &q->vq.desc[slot];
	uint64_t bytes = 0;
	unsigned int i = 0;

	n = RTE_MIN(n, q->vq.size - slot);
	while (i < n) {
		unsigned int k = tx_count_plain(&plain, &pkts[i], n - i);

		if (likely(k > 0)) {
			bytes += likely(hdr_bytes == VIRTIO_NET_HDR_BYTES)
					 ? tx_put_run(&desc[i], &pkts[i], k, VIRTIO_NET_HDR_BYTES)
					 : tx_put_run(&desc[i], &pkts[i], k,
						   VIRTIO_NET_HDR_HASH_BYTES);
			i += k;
			continue;
		}
		if (!(flags & PMD_TX_OFFLOAD) || !tx_hdr_asked(txq, pkts[i]))
			break;
		virtq_desc_write(&desc[i], rte_pktmbuf_mtod(pkts[i], uintptr_t) - hdr_bytes,
			(uint32_t)pkts[i]->data_len + hdr_bytes, 0);
		bytes += pkts[i++]->data_len;
	}
	memcpy(&q->cookies[slot], pkts, i * sizeof(*pkts));
	virtq_driver_seq_added(q, (uint16_t)i);
	txq->stats.packets += i;
	txq->stats.bytes += bytes;
	*stopped = i < n;
	return (uint16_t)i;
}

static __rte_always_inline void
tx_got(struct virtq_driver *q, uint16_t n, const unsigned int flags)
{
	if (flags & PMD_TX_IN_ORDER)
		virtq_driver_seq_got_unread(q, n);
	else
		virtq_driver_seq_got(q, n);
}

/* n cookies from position used_next on go back to their pools. */
static __rte_always_inline void
tx_free_straight(struct pmd_txq *txq, uint16_t n, const unsigned int flags)
{
	struct virtq_driver *q = &txq->q;
	uint16_t pos = q->used_next & q->vq.mask;
	uint16_t first = RTE_MIN(n, (uint16_t)(q->vq.size - pos));

	if (likely(txq->nb_other == 0)) {
		rte_mempool_put_bulk(txq->plain_pool, &q->cookies[pos], first);
		if (n > first)
			rte_mempool_put_bulk(txq->plain_pool, q->cookies, n - first);
		tx_got(q, n, flags);
		return;
	}
	for (uint16_t i = 0; i < n; i++) {
		uintptr_t cookie = (uintptr_t)q->cookies[(uint16_t)(q->used_next + i) & q->vq.mask];

		if (cookie & PMD_COOKIE_OTHER) {
			rte_pktmbuf_free((struct rte_mbuf *)(cookie & ~PMD_COOKIE_OTHER));
			txq->nb_other--;
		} else {
			rte_mempool_put(txq->plain_pool, (void *)cookie);
		}
	}
	tx_got(q, n, flags);
}

/*
 * Take completions back, max at most. As many as a burst needs, not all: what goes back in small
 * portions stays in the pool's cache and is used again while it is warm; more than that cache holds
 * would bring every buffer of the pool into turn.
 */
static __rte_always_inline void
tx_clean(struct pmd_txq *txq, uint16_t max, const unsigned int flags)
{
	struct virtq_driver *q = &txq->q;
	uint32_t lens[BURST_MAX];
	uint16_t ready;

	ready = RTE_MIN(virtq_driver_used(q, max), max);
	while (ready > 0 && q->sequence && ((flags & PMD_TX_IN_ORDER) || q->batch_left == 0)) {
		uint16_t n = RTE_MIN(ready, (uint16_t)BURST_MAX);

		if (!(flags & PMD_TX_IN_ORDER) && virtq_driver_seq_check(q, lens, n) != n)
			break;
		tx_free_straight(txq, n, flags);
		ready = (uint16_t)(ready - n);
	}
	if (unlikely(ready > 0))
		pmd_tx_clean_list(txq);
}

static __rte_always_inline uint16_t
tx_room(const struct pmd_txq *txq)
{
	return (uint16_t)(txq->post_max - virtq_driver_outstanding(&txq->q));
}

/* Always inline: flags must fold. */
static __rte_always_inline uint16_t
tx_burst(void *queue, struct rte_mbuf **pkts, uint16_t nb, const unsigned int flags)
{
	struct pmd_txq *txq = queue;
	struct virtq_driver *q = &txq->q;
	uint16_t sent = 0;

	if (tx_room(txq) < RTE_MAX(nb, txq->free_thresh))
		tx_clean(txq, RTE_MAX(nb, (uint16_t)BURST_MAX), flags);
	if (unlikely(virtq_driver_broken(q)))
		return 0;
	while (sent < nb) {
		uint16_t n = RTE_MIN((uint16_t)(nb - sent), tx_room(txq));
		bool stopped = true;

		if (n == 0) {
			txq->stats.ring_full++;
			break;
		}
		if (likely(q->sequence))
			sent += tx_add_straight(txq, &pkts[sent], n, &stopped, flags);
		if (unlikely(stopped)) {
			int ret = pmd_tx_one(txq, pkts[sent]);

			/* Room for packets, but a chain takes several descriptors. */
			if (ret != 0) {
				tx_clean(txq, UINT16_MAX, flags);
				ret = pmd_tx_one(txq, pkts[sent]);
			}
			if (ret != 0) {
				txq->stats.ring_full++;
				break;
			}
			sent++;
		}
	}
	if (likely(sent > 0) && virtq_driver_publish(q))
		pmd_kick(txq->kick_fd, &txq->stats.kicks);
	return sent;
}

/* Bits of the flags -> variants: one list makes the functions and the tables. */
#define RX_VARIANTS(_) \
	_(plain, 0) \
	_(merge, PMD_RX_MERGE) \
	_(offload, PMD_RX_OFFLOAD) \
	_(merge_offload, PMD_RX_MERGE | PMD_RX_OFFLOAD) \
	_(hash, PMD_RX_HASH) \
	_(merge_hash, PMD_RX_MERGE | PMD_RX_HASH) \
	_(offload_hash, PMD_RX_OFFLOAD | PMD_RX_HASH) \
	_(merge_offload_hash, PMD_RX_FLAGS)
#define TX_VARIANTS(_) \
	_(verified_order, 0) \
	_(in_order, PMD_TX_IN_ORDER) \
	_(verified_order_offload, PMD_TX_OFFLOAD) \
	_(in_order_offload, PMD_TX_FLAGS)

#define RX_FUNCTION(name, flags) \
	static uint16_t rx_##name(void *queue, struct rte_mbuf **pkts, uint16_t nb) \
	{ \
		return rx_burst(queue, pkts, nb, flags); \
	}
#define TX_FUNCTION(name, flags) \
	static uint16_t tx_##name(void *queue, struct rte_mbuf **pkts, uint16_t nb) \
	{ \
		return tx_burst(queue, pkts, nb, flags); \
	}
RX_VARIANTS(RX_FUNCTION)
TX_VARIANTS(TX_FUNCTION)

#define ISA_NAME_(table, isa) table##_##isa
#define ISA_NAME(table, isa) ISA_NAME_(table, isa)
#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)
#define RX_ROW(name, flags) [flags] = {"rx " #name " " TEXT(PMD_ISA), rx_##name},
#define TX_ROW(name, flags) [flags] = {"tx " #name " " TEXT(PMD_ISA), tx_##name},

const struct pmd_variant ISA_NAME(pmd_rx_variants, PMD_ISA)[] = {RX_VARIANTS(RX_ROW)};
const struct pmd_variant ISA_NAME(pmd_tx_variants, PMD_ISA)[] = {TX_VARIANTS(TX_ROW)};
static_assert(
	RTE_DIM(ISA_NAME(pmd_rx_variants, PMD_ISA)) == PMD_RX_FLAGS + 1, "a row per flag set");
static_assert(
	RTE_DIM(ISA_NAME(pmd_tx_variants, PMD_ISA)) == PMD_TX_FLAGS + 1, "a row per flag set");
