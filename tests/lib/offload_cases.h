/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets that headers ask something for, and who may ask what for them, by the standard. */
#ifndef TESTS_LIB_OFFLOAD_CASES_H
#define TESTS_LIB_OFFLOAD_CASES_H

#include "frame_digits.h"
#include "net/vnet_offload.h"
#include "support/covers.h"
#include "support/frame.h"
#include "support/guard.h"

#include <rte_byteorder.h>

#include <string.h>

#define CASE_MAX 2048

/* All that is asked for on transmit. */
#define CAN_ALL \
	(VNET_CAN_CSUM | VNET_CAN_TSO4 | VNET_CAN_TSO6 | VNET_CAN_ECN | VNET_CAN_UFO | \
		VNET_CAN_USO4 | VNET_CAN_USO6)

/* Where TCP or UDP begins and has its payload, as counted by hand; ip 0: must have no gso_type. */
struct offload_case {
	const char *digits;
	uint8_t ip;
	uint8_t protocol;
	uint16_t l4, payload, csum_offset;
};

static const struct offload_case cases[] = {
	{FRAME_MACS "0800" IPV4("002c", "4000", "06") TCP PAYLOAD, 4, 6, 34, 54, 16},
	{FRAME_MACS "0800" IPV4("0038", "4000", "06") TCP_32 PAYLOAD, 4, 6, 34, 66, 16},
	{FRAME_MACS "86dd" IPV6("0018", "06") TCP PAYLOAD, 6, 6, 54, 74, 16},
	{FRAME_MACS "0800" IPV4("0020", "0000", "11") UDP PAYLOAD, 4, 17, 34, 42, 6},
	{FRAME_MACS "86dd" IPV6("000c", "11") UDP PAYLOAD, 6, 17, 54, 62, 6},
	{FRAME_MACS "88a8 0001 8100 0fff 0800" IPV4("002c", "4000", "06") TCP PAYLOAD, 4, 6, 42, 62,
		16},
	{FRAME_MACS "8100 0001 86dd" IPV6("0028", "00") HOP_BY_HOP("3c") DESTINATION("06")
			TCP PAYLOAD,
		6, 6, 74, 94, 16},
	/* no payload: one segment */
	{FRAME_MACS "0800" IPV4("0028", "4000", "06") TCP, 4, 6, 34, 54, 16},
	/* a first fragment, without a length, of ICMP, behind authentication, of no IP at all */
	{FRAME_MACS "0800" IPV4("002c", "2000", "06") TCP PAYLOAD, 0, 6, 34, 54, 16},
	{FRAME_MACS "0800" IPV4("0000", "4000", "06") TCP PAYLOAD, 0, 6, 34, 54, 16},
	{FRAME_MACS "0800" IPV4("002c", "4000", "01") TCP PAYLOAD, 0, 6, 34, 54, 16},
	{FRAME_MACS "86dd" IPV6("0028", "33") "06 02 0000 00000001 00000002 00000003" TCP PAYLOAD,
		0, 6, 70, 90, 16},
	{FRAME_MACS "88b5" IPV4("002c", "4000", "06") TCP PAYLOAD, 0, 6, 34, 54, 16},
};

/* gso_type without the ECN bit. */
static inline bool
may_be(const struct offload_case *c, uint32_t type)
{
	switch (type) {
	case VIRTIO_NET_HDR_GSO_TCPV4:
		return c->ip == 4 && c->protocol == 6;
	case VIRTIO_NET_HDR_GSO_TCPV6:
		return c->ip == 6 && c->protocol == 6;
	case VIRTIO_NET_HDR_GSO_UDP:
	case VIRTIO_NET_HDR_GSO_UDP_L4:
		return c->ip != 0 && c->protocol == 17;
	default:
		return false;
	}
}

/* Some type that the packet may have, 0: none. */
static inline uint8_t
first_type(const struct offload_case *c)
{
	for (uint8_t type = 1; type <= 5; type++) {
		if (may_be(c, type))
			return type;
	}
	return 0;
}

static inline uint32_t
needs_of(const struct offload_case *c, uint32_t type)
{
	uint32_t ecn = type & VIRTIO_NET_HDR_GSO_ECN ? VNET_CAN_ECN : 0;

	switch (type & 0x7f) {
	case VIRTIO_NET_HDR_GSO_TCPV4:
		return VNET_CAN_CSUM | VNET_CAN_TSO4 | ecn;
	case VIRTIO_NET_HDR_GSO_TCPV6:
		return VNET_CAN_CSUM | VNET_CAN_TSO6 | ecn;
	case VIRTIO_NET_HDR_GSO_UDP:
		return VNET_CAN_CSUM | VNET_CAN_UFO;
	default:
		return VNET_CAN_CSUM | (c->ip == 4 ? VNET_CAN_USO4 : VNET_CAN_USO6);
	}
}

static inline struct virtio_net_hdr
make_hdr(uint32_t flags, uint32_t gso_type, uint32_t hdr_len, uint32_t gso_size,
	uint32_t csum_start, uint32_t csum_offset)
{
	return (struct virtio_net_hdr){
		.flags = (uint8_t)flags,
		.gso_type = (uint8_t)gso_type,
		.hdr_len = rte_cpu_to_le_16((uint16_t)hdr_len),
		.gso_size = rte_cpu_to_le_16((uint16_t)gso_size),
		.csum_start = rte_cpu_to_le_16((uint16_t)csum_start),
		.csum_offset = rte_cpu_to_le_16((uint16_t)csum_offset),
	};
}

static inline bool
asks_nothing(const struct vnet_offload *o)
{
	return o->flags == 0 && o->gso_type == 0 && o->needs == 0 && o->hdr_len == 0 &&
	       o->gso_size == 0 && o->csum_start == 0 && o->csum_offset == 0 &&
	       o->rsc_segments == 0 && o->rsc_dup_acks == 0;
}

/* The first nb bytes end at a forbidden page; o is full of rubbish before. */
static inline enum vnet_bad
read_guarded(const struct guard *g, struct vnet_offload *o, const struct virtio_net_hdr *hdr,
	enum vnet_direction direction, uint32_t can, const uint8_t *bytes, uint32_t nb,
	uint32_t len)
{
	uint8_t *at = g->mem + g->bytes - nb;

	memset(o, 0xa5, sizeof(*o));
	if (nb != 0)
		memcpy(at, bytes, nb);
	return vnet_offload_read(o, hdr, direction, can, at, nb, len);
}

/* Do what was asked for, as a switch would: the whole frame ends at the forbidden page. */
static inline void
complete_guarded(
	const struct guard *g, const struct vnet_offload *o, const uint8_t *bytes, uint32_t len)
{
	uint8_t *at = g->mem + g->bytes - len;
	struct vnet_csum c = {0};
	uint16_t csum;

	if ((o->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) == 0)
		return;
	memcpy(at, bytes, len);
	assert_true(o->csum_start >= 14 && o->csum_start < len);
	vnet_csum_add(&c, at + o->csum_start, len - o->csum_start);
	csum = vnet_csum_end_transport(&c);
	memcpy(at + o->csum_start + o->csum_offset, &csum, 2);
}

#endif
