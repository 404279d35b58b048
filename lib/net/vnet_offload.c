/* SPDX-License-Identifier: BSD-3-Clause */
#include "net/vnet_offload.h"

#include <rte_branch_prediction.h>
#include <rte_byteorder.h>
#include <rte_common.h>

#include <string.h>

#define ETHER_BYTES 14
#define TCP_CSUM_OFFSET 16 /* RFC 9293, 3.1 */
#define UDP_CSUM_OFFSET 6  /* RFC 768 */

static const char *const bad_text[VNET_BAD_MAX] = {
#define BAD_TEXT(name, lower, text) [VNET_BAD_##name] = text,
	VNET_BADS(BAD_TEXT)
#undef BAD_TEXT
};

static const char *const bad_name[VNET_BAD_MAX] = {
#define BAD_NAME(name, lower, text) [VNET_BAD_##name] = #lower,
	VNET_BADS(BAD_NAME)
#undef BAD_NAME
};

const char *
vnet_bad_str(enum vnet_bad bad)
{
	return (unsigned int)bad < VNET_BAD_MAX ? bad_text[bad] : "unknown";
}

const char *
vnet_bad_name(enum vnet_bad bad)
{
	return (unsigned int)bad < VNET_BAD_MAX ? bad_name[bad] : "unknown";
}

uint32_t
vnet_can(uint64_t features, enum vnet_direction direction)
{
	static const struct {
		uint8_t bit;
		uint8_t can;
	} table[2][8] = {
		[VNET_TRANSMIT] =
			{
				{VIRTIO_NET_F_CSUM, VNET_CAN_CSUM},
				{VIRTIO_NET_F_HOST_TSO4, VNET_CAN_TSO4},
				{VIRTIO_NET_F_HOST_TSO6, VNET_CAN_TSO6},
				{VIRTIO_NET_F_HOST_ECN, VNET_CAN_ECN},
				{VIRTIO_NET_F_HOST_UFO, VNET_CAN_UFO},
				{VIRTIO_NET_F_HOST_USO, VNET_CAN_USO4 | VNET_CAN_USO6},
			},
		[VNET_RECEIVE] =
			{
				{VIRTIO_NET_F_GUEST_CSUM, VNET_CAN_CSUM},
				{VIRTIO_NET_F_GUEST_TSO4, VNET_CAN_TSO4},
				{VIRTIO_NET_F_GUEST_TSO6, VNET_CAN_TSO6},
				{VIRTIO_NET_F_GUEST_ECN, VNET_CAN_ECN},
				{VIRTIO_NET_F_GUEST_UFO, VNET_CAN_UFO},
				{VIRTIO_NET_F_GUEST_USO4, VNET_CAN_USO4},
				{VIRTIO_NET_F_GUEST_USO6, VNET_CAN_USO6},
				{VIRTIO_NET_F_RSC_EXT, VNET_CAN_RSC},
			},
	};
	uint32_t can = 0;

	for (size_t i = 0; i < RTE_DIM(table[0]); i++) {
		if ((features >> table[direction][i].bit) & 1)
			can |= table[direction][i].can;
	}
	return can;
}

/* What a packet of some gso_type has to be; l3_type OTHER: either version of IP. */
struct gso_kind {
	uint8_t l3_type;
	uint8_t l4_type;
	uint8_t can4; /* needed for IPv4, */
	uint8_t can6; /* for IPv6 */
};

/* NULL: no such type. */
static const struct gso_kind *
find_gso_kind(uint8_t gso_type)
{
	static const struct gso_kind kinds[] = {
		[VIRTIO_NET_HDR_GSO_TCPV4] = {VNET_L3_IPV4, VNET_L4_TCP, VNET_CAN_TSO4, 0},
		[VIRTIO_NET_HDR_GSO_UDP] = {VNET_L3_OTHER, VNET_L4_UDP, VNET_CAN_UFO, VNET_CAN_UFO},
		[VIRTIO_NET_HDR_GSO_TCPV6] = {VNET_L3_IPV6, VNET_L4_TCP, 0, VNET_CAN_TSO6},
		[VIRTIO_NET_HDR_GSO_UDP_L4] = {VNET_L3_OTHER, VNET_L4_UDP, VNET_CAN_USO4,
			VNET_CAN_USO6},
	};

	if (gso_type >= RTE_DIM(kinds) || kinds[gso_type].l4_type == VNET_L4_OTHER)
		return NULL;
	return &kinds[gso_type];
}

static uint16_t
csum_offset_of(const struct vnet_packet *p)
{
	return p->l4_type == VNET_L4_TCP ? TCP_CSUM_OFFSET : UDP_CSUM_OFFSET;
}

static bool
has_transport(const struct vnet_packet *p)
{
	return p->l4_type != VNET_L4_OTHER && !p->fragment;
}

/* The place of the checksum, as the header says or, where counts stand there, as the packet does.
 */
static enum vnet_bad
read_csum(struct vnet_offload *o, const struct virtio_net_hdr *hdr, bool counts,
	const uint8_t *bytes, uint32_t nb, uint32_t len)
{
	struct vnet_packet p;

	o->needs |= VNET_CAN_CSUM;
	if (unlikely(counts)) {
		vnet_packet_parse(&p, bytes, nb, len);
		if (!has_transport(&p))
			return VNET_BAD_CSUM_PLACE;
		o->csum_start = p.l4;
		o->csum_offset = csum_offset_of(&p);
		return VNET_BAD_NONE;
	}
	o->csum_start = rte_le_to_cpu_16(hdr->csum_start);
	o->csum_offset = rte_le_to_cpu_16(hdr->csum_offset);
	if (o->csum_start < ETHER_BYTES || (uint32_t)o->csum_start + o->csum_offset + 2 > len)
		return VNET_BAD_CSUM_PLACE;
	return VNET_BAD_NONE;
}

/* gso_type is not NONE; the checksum's place was read. */
static enum vnet_bad
read_gso(struct vnet_offload *o, const struct virtio_net_hdr *hdr, uint32_t can,
	const uint8_t *bytes, uint32_t nb, uint32_t len)
{
	const bool ecn = (hdr->gso_type & VIRTIO_NET_HDR_GSO_ECN) != 0;
	const struct gso_kind *kind;
	struct vnet_packet p;
	uint8_t needs;

	o->gso_type = hdr->gso_type & (uint8_t)~VIRTIO_NET_HDR_GSO_ECN;
	kind = find_gso_kind(o->gso_type);
	if (kind == NULL || (ecn && kind->l4_type != VNET_L4_TCP))
		return VNET_BAD_GSO_TYPE;
	if (((kind->can4 | kind->can6) & can) == 0 || (ecn && (can & VNET_CAN_ECN) == 0))
		return VNET_BAD_NOT_NEGOTIATED;
	if ((o->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) == 0)
		return VNET_BAD_GSO_CSUM;
	o->gso_size = rte_le_to_cpu_16(hdr->gso_size);
	if (o->gso_size == 0)
		return VNET_BAD_GSO_SIZE;

	vnet_packet_parse(&p, bytes, nb, len);
	if (!has_transport(&p) || p.l4_type != kind->l4_type ||
		(kind->l3_type != VNET_L3_OTHER && p.l3_type != kind->l3_type) ||
		o->csum_start != p.l4 || o->csum_offset != csum_offset_of(&p))
		return VNET_BAD_GSO_PACKET;
	needs = p.l3_type == VNET_L3_IPV4 ? kind->can4 : kind->can6;
	if ((needs & can) == 0)
		return VNET_BAD_NOT_NEGOTIATED;
	o->hdr_len = p.payload;
	o->needs |= needs | (ecn ? VNET_CAN_ECN : 0);
	return VNET_BAD_NONE;
}

static enum vnet_bad
read_checked(struct vnet_offload *o, const struct virtio_net_hdr *hdr, uint8_t flags, uint32_t can,
	const uint8_t *bytes, uint32_t nb, uint32_t len)
{
	const bool counts = (flags & VIRTIO_NET_HDR_F_RSC_INFO) != 0;
	enum vnet_bad bad = VNET_BAD_NONE;

	o->flags = flags & (VIRTIO_NET_HDR_F_NEEDS_CSUM | VIRTIO_NET_HDR_F_DATA_VALID);
	if ((o->flags != 0 && (can & VNET_CAN_CSUM) == 0) || (counts && (can & VNET_CAN_RSC) == 0))
		return VNET_BAD_NOT_NEGOTIATED;
	if (counts) {
		o->rsc_segments = rte_le_to_cpu_16(hdr->csum_start);
		o->rsc_dup_acks = rte_le_to_cpu_16(hdr->csum_offset);
	}
	if (o->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)
		bad = read_csum(o, hdr, counts, bytes, nb, len);
	if (bad == VNET_BAD_NONE && hdr->gso_type != VIRTIO_NET_HDR_GSO_NONE)
		bad = read_gso(o, hdr, can, bytes, nb, len);
	return bad;
}

enum vnet_bad
vnet_offload_read(struct vnet_offload *o, const struct virtio_net_hdr *hdr,
	enum vnet_direction direction, uint32_t can, const uint8_t *bytes, uint32_t nb,
	uint32_t len)
{
	uint8_t known = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	enum vnet_bad bad;

	if (direction == VNET_RECEIVE)
		known |= VIRTIO_NET_HDR_F_DATA_VALID | VIRTIO_NET_HDR_F_RSC_INFO;
	*o = (struct vnet_offload){0};
	bad = read_checked(o, hdr, hdr->flags & known, can, bytes, nb, len);
	if (unlikely(bad != VNET_BAD_NONE))
		*o = (struct vnet_offload){0};
	return bad;
}

void
vnet_offload_write(void *hdr, const struct vnet_offload *o)
{
	struct virtio_net_hdr h = {
		.flags = o->flags,
		.gso_type = o->gso_type,
		.hdr_len = rte_cpu_to_le_16(o->hdr_len),
		.gso_size = rte_cpu_to_le_16(o->gso_size),
		.csum_start = rte_cpu_to_le_16(o->csum_start),
		.csum_offset = rte_cpu_to_le_16(o->csum_offset),
	};

	if (o->needs & VNET_CAN_ECN)
		h.gso_type |= VIRTIO_NET_HDR_GSO_ECN;
	memcpy(hdr, &h, offsetof(struct virtio_net_hdr, num_buffers));
}
