/* SPDX-License-Identifier: BSD-3-Clause */
/* Offload fields of mbufs <-> packet header, for packets in any number of pieces. */
#include "net/vnet_mbuf.h"
#include "support/covers.h"
#include "support/frame.h"

#include <errno.h>
#include <string.h>

#define PIECES 300
#define IP4_TCP FRAME_MACS "0800 4500 0028 0001 0000 4006 0000 c0a80001 c0a80002 "
#define IP4_UDP FRAME_MACS "0800 4500 001d 0001 0000 4011 0000 c0a80001 c0a80002 "
#define IP6 FRAME_MACS "86dd 60000000 0015 0640 "
#define A6 "20010db8000000000000000000000001 "
#define B6 "20010db8000000000000000000000002 "
#define TCP "1234 0050 00000001 00000002 5010 ffff 0000 0000 "
#define UDP "1234 0035 0009 0000 "

#define TCP4 (RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_TCP_CKSUM)
#define TSO4 (RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_TCP_SEG)
#define ALL \
	(VNET_CAN_CSUM | VNET_CAN_TSO4 | VNET_CAN_TSO6 | VNET_CAN_ECN | VNET_CAN_UFO | \
		VNET_CAN_USO4 | VNET_CAN_USO6)

static uint8_t frame[4096];
static struct rte_mbuf pieces[PIECES];

/* frame[0, len) as a chain: pieces of size bytes, the first one of first. */
static struct rte_mbuf *
chain(uint32_t len, uint32_t first, uint32_t size)
{
	unsigned int n = 0;

	memset(pieces, 0, sizeof(pieces));
	for (uint32_t at = 0; at < len; n++) {
		uint32_t take = RTE_MIN(at == 0 ? first : size, len - at);

		assert_true(n < PIECES);
		pieces[n].buf_addr = frame + at;
		pieces[n].data_len = (uint16_t)take;
		if (n > 0)
			pieces[n - 1].next = &pieces[n];
		at += take;
	}
	pieces[0].pkt_len = len;
	pieces[0].nb_segs = (uint16_t)n;
	return pieces;
}

static struct rte_mbuf *
asking(uint32_t len, uint64_t flags, uint8_t l2, uint16_t l3, uint8_t l4)
{
	struct rte_mbuf *m = chain(len, len, len);

	m->ol_flags = flags;
	m->l2_len = l2;
	m->l3_len = l3;
	m->l4_len = l4;
	return m;
}

static void
request_is_all_zero_for_nothing_and_for_what_is_refused(void **state)
{
	static const struct vnet_offload zero;
	struct vnet_offload o;
	uint32_t len = frame_hex(frame, IP4_TCP TCP);

	(void)state;
	memset(&o, 0xff, sizeof(o));
	assert_int_equal(vnet_mbuf_request(&o, asking(len, 0, 0, 0, 0), ALL), 0);
	assert_memory_equal(&o, &zero, sizeof(o));
	memset(&o, 0xff, sizeof(o));
	assert_int_equal(vnet_mbuf_request(&o, asking(len, TCP4, 14, 20, 20), 0), -ENOTSUP);
	assert_memory_equal(&o, &zero, sizeof(o));
	memset(&o, 0xff, sizeof(o));
	assert_int_equal(vnet_mbuf_request(&o, asking(len, TCP4, 14, 19, 20), ALL), -EINVAL);
	assert_memory_equal(&o, &zero, sizeof(o));
}

static void
request_fits_a_packet_of_any_length(void **state)
{
	uint32_t len = frame_hex(frame, IP4_TCP TCP);

	(void)state;
	for (uint32_t n = 0; n <= len; n++) {
		struct vnet_offload o;
		int ret = vnet_mbuf_request(&o, asking(n, TCP4, 14, 20, 20), ALL);

		assert_int_equal(ret, n < 34 + 18 ? -EINVAL : 0);
		if (ret == 0)
			assert_true(o.csum_start + o.csum_offset + 2u <= n && o.hdr_len <= n);
	}
}

static void
segmentation_without_need_is_a_checksum(void **state)
{
	struct vnet_offload o;
	uint32_t len = frame_hex(frame, IP4_TCP TCP);
	struct rte_mbuf *m = asking(len + 100, TSO4, 14, 20, 20);

	(void)state;
	m->tso_segsz = 99;
	assert_int_equal(vnet_mbuf_request(&o, m, ALL), 0);
	assert_int_equal(o.gso_type, VIRTIO_NET_HDR_GSO_TCPV4);
	assert_int_equal(o.gso_size, 99);
	assert_int_equal(o.needs, VNET_CAN_CSUM | VNET_CAN_TSO4);
	m->tso_segsz = 100;
	assert_int_equal(vnet_mbuf_request(&o, m, ALL), 0);
	assert_int_equal(o.gso_type, VIRTIO_NET_HDR_GSO_NONE);
	assert_int_equal(o.needs, VNET_CAN_CSUM);
}

/* Sum with the padding that an Ethernet frame has where the packet is short. */
static void
pseudo_header_counts_the_packet_and_not_its_padding(void **state)
{
	struct vnet_offload o;
	uint32_t len = frame_hex(frame, IP4_TCP TCP "000000000000");
	struct rte_mbuf *m = asking(len, TCP4, 14, 20, 20);
	uint16_t sum;

	(void)state;
	assert_int_equal(len, 60);
	assert_int_equal(vnet_mbuf_request(&o, m, ALL), 0);
	sum = vnet_mbuf_pseudo_sum(frame, len, m, &o);
	memcpy(frame + 50, &sum, sizeof(sum));
	assert_int_equal(
		frame_get16(frame + 50), (uint16_t)~frame_checksum(frame, 0,
						 frame_pseudo(frame + 26, frame + 30, 4, 6, 20)));
}

/* The last address of the routing header is what the packet arrives at. RFC 8200, 8.1. */
static void
pseudo_header_goes_behind_a_routing_header(void **state)
{
	struct vnet_offload o;
	uint32_t len =
		frame_hex(frame, FRAME_MACS "86dd 60000000 002c 2b40 " A6 B6 "0602 0201 00000000 "
					    "20010db8000000000000000000000099 " TCP);
	struct rte_mbuf *m =
		asking(len, RTE_MBUF_F_TX_IPV6 | RTE_MBUF_F_TX_TCP_CKSUM, 14, 40 + 24, 20);
	uint16_t sum;

	(void)state;
	assert_int_equal(vnet_mbuf_request(&o, m, ALL), 0);
	sum = vnet_mbuf_pseudo_sum(frame, len, m, &o);
	memcpy(frame + 78 + 16, &sum, sizeof(sum));
	assert_int_equal(frame_get16(frame + 78 + 16),
		(uint16_t)~frame_checksum(
			frame, 0, frame_pseudo(frame + 22, frame + 62, 16, 6, 20)));
}

static void
gather_copies_the_first_bytes_of_any_chain(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < sizeof(frame); i++)
		frame[i] = (uint8_t)(i * 7);
	for (uint32_t first = 1; first < 70; first++) {
		for (uint32_t size = 1; size < 40; size += 3) {
			uint8_t head[65] = {0};
			struct rte_mbuf *m = chain(100, first, size);

			assert_int_equal(vnet_mbuf_gather(m, head, 64), 64);
			assert_memory_equal(head, frame, 64);
			assert_int_equal(head[64], 0);
			assert_int_equal(vnet_mbuf_gather(chain(50, first, size), head, 64), 50);
		}
	}
}

/* A header of ten bytes and where it points to. */
static enum vnet_bad
received(struct rte_mbuf *m, const char *digits)
{
	struct virtio_net_hdr hdr = {0};
	struct vnet_offload o;

	frame_hex((uint8_t *)&hdr, digits);
	return vnet_mbuf_received(m, &hdr, ALL, &o);
}

static void
fields_do_not_depend_on_the_pieces_of_the_packet(void **state)
{
	(void)state;
	for (uint32_t first = 1; first < 70; first++) {
		for (uint32_t size = 1; size < 70; size++) {
			struct rte_mbuf *m = chain(frame_hex(frame, IP4_TCP TCP "00"), first, size);

			assert_int_equal(received(m, "01 00 0000 0000 2200 1000"), VNET_BAD_NONE);
			assert_int_equal(m->ol_flags, RTE_MBUF_F_RX_L4_CKSUM_NONE);
			assert_int_equal(m->packet_type,
				RTE_PTYPE_L2_ETHER | RTE_PTYPE_L3_IPV4 | RTE_PTYPE_L4_TCP);
		}
	}
}

static void
checksum_nobody_would_find_is_completed_over_all_pieces(void **state)
{
	(void)state;
	for (uint32_t first = 1; first < 80; first++) {
		for (uint32_t size = 1; size < 40; size++) {
			uint32_t len = frame_hex(frame, IP4_UDP UDP "01020304050607 0000 99");
			struct rte_mbuf *m = chain(len, first, size);

			/* A place within the payload, at an odd offset. */
			assert_int_equal(received(m, "01 00 0000 0000 2d00 0400"), VNET_BAD_NONE);
			assert_int_equal(m->ol_flags, RTE_MBUF_F_RX_L4_CKSUM_GOOD);
			assert_int_equal(frame_checksum(frame + 45, len - 45, 0), 0);
		}
	}
}

static void
checksum_of_zero_is_stored_as_all_ones(void **state)
{
	uint32_t len = frame_hex(frame, FRAME_MACS "88b5 0000 ffff 0000");
	struct rte_mbuf *m = chain(len, len, len);

	(void)state;
	assert_int_equal(received(m, "01 00 0000 0000 0e00 0000"), VNET_BAD_NONE);
	assert_int_equal(frame_get16(frame + 14), 0xffff);
	assert_int_equal(m->ol_flags, RTE_MBUF_F_RX_L4_CKSUM_UNKNOWN);
	assert_int_equal(m->packet_type, RTE_PTYPE_L2_ETHER);
}

static void
bad_header_leaves_the_mbuf_alone(void **state)
{
	struct rte_mbuf *m = chain(frame_hex(frame, IP4_TCP TCP), 30, 30);

	(void)state;
	assert_int_equal(received(m, "01 00 0000 0000 ff00 1000"), VNET_BAD_CSUM_PLACE);
	assert_int_equal(received(m, "01 09 0000 0100 2200 1000"), VNET_BAD_GSO_TYPE);
	assert_int_equal(m->ol_flags, 0);
	assert_int_equal(m->packet_type, 0);
	assert_int_equal(m->tso_segsz, 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		UNIT(request_is_all_zero_for_nothing_and_for_what_is_refused),
		UNIT(request_fits_a_packet_of_any_length),
		UNIT(segmentation_without_need_is_a_checksum),
		UNIT(pseudo_header_counts_the_packet_and_not_its_padding),
		UNIT(pseudo_header_goes_behind_a_routing_header),
		UNIT(gather_copies_the_first_bytes_of_any_chain),
		UNIT(fields_do_not_depend_on_the_pieces_of_the_packet),
		UNIT(checksum_nobody_would_find_is_completed_over_all_pieces),
		UNIT(checksum_of_zero_is_stored_as_all_ones),
		UNIT(bad_header_leaves_the_mbuf_alone),
	};

	return RUN_UNITS("vnet_mbuf", tests);
}
