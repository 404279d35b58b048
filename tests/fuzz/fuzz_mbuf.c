/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packet header <-> mbuf. Receive: any header from a device, any packet cut into any segments; what
 * reaches the mbuf is of the packet, and of its bytes a checksum changes at most. Transmit: any
 * fields of an application; what reaches the ring lies in the packet.
 */
#include "fuzz.h"
#include "fuzz_frame.h"
#include "net/vnet_mbuf.h"

#define SEGMENTS_MAX 16
#define FRAME_MAX 4096
#define CAN_ALL 0xff

#define RX_SAYS (RTE_MBUF_F_RX_L4_CKSUM_MASK | RTE_MBUF_F_RX_LRO)

/* A packet in segments, each in memory of exactly its size. */
static struct rte_mbuf segments[SEGMENTS_MAX];
static uint8_t before[FRAME_MAX], after[FRAME_MAX];

static struct rte_mbuf *
make(struct fuzz_input *in, const struct fuzz_frame *f)
{
	uint32_t len = RTE_MIN(f->len, (uint32_t)FRAME_MAX);
	uint32_t at = 0;
	uint16_t nb = 0;

	memset(segments, 0, sizeof(segments));
	memset(before, 0x77, sizeof(before));
	memcpy(before, f->bytes, RTE_MIN(f->nb, len));
	do {
		struct rte_mbuf *m = &segments[nb++];
		uint32_t cut = fuzz_u8(in);
		uint32_t bytes = RTE_MIN(len - at, cut & 0x80 ? cut * 16 : cut);

		/* The last takes the rest. */
		if (nb == SEGMENTS_MAX || cut == 0)
			bytes = len - at;
		m->buf_addr = malloc(bytes);
		m->data_len = (uint16_t)bytes;
		FUZZ_CHECK(bytes == 0 || m->buf_addr != NULL);
		memcpy(m->buf_addr, before + at, bytes);
		at += bytes;
		m->next = at < len ? m + 1 : NULL;
	} while (at < len);
	segments[0].nb_segs = nb;
	segments[0].pkt_len = len;
	return &segments[0];
}

static void
flatten_and_free(void)
{
	uint32_t at = 0;

	for (uint32_t i = 0; i < segments[0].nb_segs; i++) {
		memcpy(after + at, segments[i].buf_addr, segments[i].data_len);
		at += segments[i].data_len;
		free(segments[i].buf_addr);
	}
	FUZZ_CHECK(at == segments[0].pkt_len);
}

static struct virtio_net_hdr
read_hdr(struct fuzz_input *in, const struct fuzz_frame *f)
{
	uint8_t what = fuzz_u8(in);
	uint8_t type = f->protocol == 17 ? VIRTIO_NET_HDR_GSO_UDP_L4
		       : f->ip == 4      ? VIRTIO_NET_HDR_GSO_TCPV4
					 : VIRTIO_NET_HDR_GSO_TCPV6;

	if (what & 32)
		type = VIRTIO_NET_HDR_GSO_NONE;
	return (struct virtio_net_hdr){
		.flags = what & 1 ? fuzz_u8(in) : VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = what & 2 ? fuzz_u8(in) & 0x87 : type,
		.hdr_len = rte_cpu_to_le_16(what & 64 ? fuzz_u16(in) : 0),
		.gso_size = rte_cpu_to_le_16(what & 4 ? fuzz_u16(in) : fuzz_u8(in)),
		.csum_start = rte_cpu_to_le_16(what & 8 ? fuzz_u16(in) : f->l4),
		.csum_offset = rte_cpu_to_le_16(what & 16           ? fuzz_u16(in)
						: f->protocol == 17 ? 6
								    : 16),
	};
}

/* Bytes that differ: none, or those of the checksum, which is then right. */
static void
check_bytes(const struct vnet_offload *o, uint32_t len, bool completed)
{
	uint32_t at = (uint32_t)o->csum_start + o->csum_offset;
	uint16_t sum;

	if (completed) {
		sum = frame_checksum(before + o->csum_start, len - o->csum_start, 0);
		frame_set16(before + at, sum == 0 ? 0xffff : sum);
	}
	FUZZ_CHECK(memcmp(before, after, len) == 0);
}

static void
receive(struct fuzz_input *in)
{
	uint32_t can = fuzz_u8(in) & 1 ? fuzz_u8(in) : CAN_ALL;
	struct virtio_net_hdr hdr;
	struct vnet_offload o;
	struct rte_mbuf *m;
	struct fuzz_frame f;
	enum vnet_bad bad;
	uint64_t l4;
	bool needs;

	fuzz_frame_read(in, &f);
	hdr = read_hdr(in, &f);
	m = make(in, &f);
	bad = vnet_mbuf_received(m, &hdr, can, &o);
	flatten_and_free();
	l4 = m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK;
	if (bad != VNET_BAD_NONE) {
		FUZZ_CHECK(bad < VNET_BAD_MAX && m->ol_flags == 0);
		FUZZ_CHECK(m->packet_type == 0 && m->tso_segsz == 0);
		check_bytes(&o, m->pkt_len, false);
		return;
	}
	needs = o.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM;
	FUZZ_CHECK((m->ol_flags & ~RX_SAYS) == 0);
	FUZZ_CHECK(!(m->ol_flags & RTE_MBUF_F_RX_LRO) == (m->tso_segsz == 0));
	FUZZ_CHECK(!(m->ol_flags & RTE_MBUF_F_RX_LRO) == (o.gso_type == 0));
	/* Whoever says nothing of a checksum, or that it was not negotiated, is not believed. */
	FUZZ_CHECK(l4 != RTE_MBUF_F_RX_L4_CKSUM_GOOD || (can & VNET_CAN_CSUM));
	FUZZ_CHECK(l4 != RTE_MBUF_F_RX_L4_CKSUM_BAD);
	FUZZ_CHECK(l4 != RTE_MBUF_F_RX_L4_CKSUM_NONE || needs);
	check_bytes(&o, m->pkt_len, needs && l4 != RTE_MBUF_F_RX_L4_CKSUM_NONE);
}

/* Flags of an application, the sensible ones more often. */
static uint64_t
tx_flags(struct fuzz_input *in)
{
	static const uint64_t l4[] = {0, RTE_MBUF_F_TX_TCP_CKSUM, RTE_MBUF_F_TX_UDP_CKSUM,
		RTE_MBUF_F_TX_SCTP_CKSUM, RTE_MBUF_F_TX_TCP_SEG, RTE_MBUF_F_TX_UDP_SEG,
		RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_TCP_CKSUM,
		RTE_MBUF_F_TX_UDP_SEG | RTE_MBUF_F_TX_UDP_CKSUM};
	uint8_t what = fuzz_u8(in);
	uint64_t flags = l4[what & 7];

	flags |= what & 8 ? RTE_MBUF_F_TX_IPV4 : 0;
	flags |= what & 16 ? RTE_MBUF_F_TX_IPV6 : 0;
	flags |= what & 32 ? RTE_MBUF_F_TX_IP_CKSUM : 0;
	flags |= what & 64 ? RTE_MBUF_F_TX_OUTER_IPV4 : 0;
	if (what & 128)
		flags ^= (uint64_t)fuzz_u16(in) << 45;
	return flags;
}

static void
fill_tx(struct fuzz_input *in, struct rte_mbuf *m, const struct fuzz_frame *f)
{
	uint8_t what = fuzz_u8(in);

	m->ol_flags = tx_flags(in);
	m->l2_len = what & 1 ? fuzz_u8(in) & 0x7f : 14;
	m->l3_len = what & 2 ? fuzz_u16(in) & 0x1ff : RTE_MAX(f->l4, 34) - 14;
	m->l4_len = what & 4 ? fuzz_u8(in) : (f->protocol == 17 ? 8 : 20);
	m->tso_segsz = what & 8 ? fuzz_u16(in) : fuzz_u8(in);
	if (what & 16) {
		m->outer_l2_len = fuzz_u8(in) & 0x7f;
		m->outer_l3_len = fuzz_u16(in) & 0x1ff;
	}
}

static void
check_request(const struct vnet_offload *o, const struct rte_mbuf *m, uint32_t can)
{
	static const struct vnet_offload none;

	if (!(o->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)) {
		FUZZ_CHECK(memcmp(o, &none, sizeof(none)) == 0);
		return;
	}
	FUZZ_CHECK(o->flags == VIRTIO_NET_HDR_F_NEEDS_CSUM);
	FUZZ_CHECK((uint32_t)o->csum_start + o->csum_offset + 2 <= m->pkt_len);
	FUZZ_CHECK(o->csum_start >= 34 && o->hdr_len >= o->csum_start && o->hdr_len <= m->pkt_len);
	FUZZ_CHECK((o->needs & ~can) == 0 && (o->needs & VNET_CAN_CSUM));
	if (o->gso_type == VIRTIO_NET_HDR_GSO_NONE)
		return;
	FUZZ_CHECK(m->ol_flags & (RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_UDP_SEG));
	FUZZ_CHECK(o->gso_type == 1 || o->gso_type == 4 || o->gso_type == 5);
	FUZZ_CHECK(o->gso_size > 0 && o->hdr_len < m->pkt_len);
	FUZZ_CHECK(o->csum_start + o->csum_offset + 2 <= o->hdr_len);
}

static void
transmit(struct fuzz_input *in)
{
	uint32_t can = fuzz_u8(in) & 1 ? fuzz_u8(in) : CAN_ALL;
	struct fuzz_frame f;
	struct vnet_offload o;
	struct rte_mbuf *m;
	uint32_t bytes;
	uint8_t *head;
	int rc;

	fuzz_frame_read(in, &f);
	m = make(in, &f);
	fill_tx(in, m, &f);
	memset(&o, 0xa5, sizeof(o));
	rc = vnet_mbuf_request(&o, m, can);
	FUZZ_CHECK(rc == 0 || rc == -EINVAL || rc == -ENOTSUP);
	check_request(&o, m, can);
	if (rc != 0 || m->pkt_len == 0)
		goto out;
	/* What a caller does: a private copy of the headers, of exactly that size. */
	bytes = RTE_MAX(vnet_mbuf_head_bytes(m, &o), (uint32_t)o.csum_start);
	FUZZ_CHECK(bytes <= m->pkt_len);
	if (bytes == 0)
		goto out;
	head = malloc(bytes);
	FUZZ_CHECK(head != NULL && vnet_mbuf_gather(m, head, bytes) == bytes);
	FUZZ_CHECK(memcmp(head, before, bytes) == 0);
	rc = vnet_mbuf_complete(head, m, &o, can);
	FUZZ_CHECK(rc == 0 || rc == -EINVAL || rc == -ENOTSUP);
	if (rc == 0)
		check_request(&o, m, can);
	if (m->ol_flags & RTE_MBUF_F_TX_IP_CKSUM)
		FUZZ_CHECK(
			frame_checksum(head + m->l2_len +
					       (m->ol_flags & (RTE_MBUF_F_TX_OUTER_IPV4 |
								      RTE_MBUF_F_TX_OUTER_IPV6)
							       ? m->outer_l2_len + m->outer_l3_len
							       : 0),
				m->l3_len, 0) == 0);
	if (o.flags != 0)
		vnet_mbuf_pseudo_sum(head, o.csum_start, m, &o);
	free(head);
out:
	flatten_and_free();
	FUZZ_CHECK(memcmp(before, after, m->pkt_len) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data, size};

	if (fuzz_u8(&in) & 1)
		transmit(&in);
	else
		receive(&in);
	return 0;
}
