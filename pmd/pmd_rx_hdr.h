/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Headers of received packets. A burst looks at all of them together: nearly always they say that
 * each packet is in one buffer, and nothing else. For the hot file alone.
 */
#ifndef PMD_RX_HDR_H
#define PMD_RX_HDR_H

#include "pmd_rxtx.h"

/* flags and gso_type as one word: the bits of vnet_hdr_asks(). */
#define HDR_ASKS \
	(VIRTIO_NET_HDR_F_NEEDS_CSUM | VIRTIO_NET_HDR_F_DATA_VALID | VIRTIO_NET_HDR_F_RSC_INFO | \
		0xff00)

static __rte_always_inline const void *
rx_hdr(const struct rte_mbuf *m, uint16_t hdr_bytes)
{
	return (const uint8_t *)m->buf_addr + RTE_PKTMBUF_HEADROOM - hdr_bytes;
}

/* Does the header say anything? A look, no more: who goes by it copies the header first. */
static __rte_always_inline bool
rx_hdr_says(const void *hdr)
{
	return *(const volatile vnet_hdr_le16 *)(const volatile void *)hdr &
	       rte_cpu_to_le_16(HDR_ASKS);
}

/*
 * The 12 bytes of a header and 4 before them, as eight words: in a buffer they lie in one line, the
 * packet in the next, which is not looked at.
 */
typedef rte_le16_t hdr_words __attribute__((vector_size(16), aligned(4), may_alias));
#define HDR_WORDS_BEFORE 4
#define HDR_WORD(field) \
	((HDR_WORDS_BEFORE + offsetof(struct virtio_net_hdr, field)) / sizeof(rte_le16_t))

static_assert(HDR_WORD(num_buffers) == 7, "the last word");

/* What differs from a header of a packet in one buffer that says nothing. */
static __rte_always_inline hdr_words
rx_hdr_other(const uint8_t *hdr)
{
	const hdr_words usual = {0, 0, 0, 0, 0, 0, 0, RTE_LE16(1)};

	return *(const volatile hdr_words *)(const volatile void *)(hdr - HDR_WORDS_BEFORE) ^ usual;
}

/* What it says to the mbuf; false: it is bad. */
static __rte_always_inline bool
rx_hdr_take(struct pmd_rxq *rxq, struct rte_mbuf *m)
{
	struct virtio_net_hdr hdr;

	vnet_hdr_load(&hdr, rx_hdr(m, rxq->hdr_bytes));
	if (hdr.flags == VIRTIO_NET_HDR_F_DATA_VALID && hdr.gso_type == VIRTIO_NET_HDR_GSO_NONE) {
		m->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_GOOD;
		return true;
	}
	return !vnet_hdr_asks(hdr.flags, hdr.gso_type) || pmd_rx_offload(rxq, m, &hdr);
}

/* Packets of one buffer before one that is not, as their headers say. */
static __rte_noinline unsigned int
rx_count_whole(struct rte_mbuf *const *pkts, unsigned int n, uint16_t hdr_bytes)
{
	unsigned int i = 0;

	while (i < n && vnet_hdr_num_buffers(rx_hdr(pkts[i], hdr_bytes)) == 1)
		i++;
	return i;
}

/* Headers to the mbufs, up to a bad one: that is taken again the slow way, and dropped there. */
static __rte_noinline unsigned int
rx_hdrs_take(struct pmd_rxq *rxq, struct rte_mbuf *const *pkts, unsigned int n)
{
	unsigned int i = 0;

	while (i < n &&
		(!rx_hdr_says(rx_hdr(pkts[i], rxq->hdr_bytes)) || rx_hdr_take(rxq, pkts[i])))
		i++;
	return i;
}

#endif
