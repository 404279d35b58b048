/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the packet header asks for or promises: checksums and segmentation. VIRTIO 1.3, 5.1.6.2
 * Packet Transmission and 5.1.6.4 Processing of Incoming Packets.
 *
 * A header is gathered once into private memory, read here into a struct vnet_offload that holds
 * only what was checked against the packet, and written from there. A header of a peer goes nowhere
 * else: neither to another guest nor into an mbuf.
 *
 * All functions: any thread, no state.
 */
#ifndef VNET_OFFLOAD_H
#define VNET_OFFLOAD_H

#include "net/vnet_packet.h"
#include "spec/virtio_net_spec.h"

#include <stdbool.h>
#include <stdint.h>

/* Feature bits of one direction, so that both ends of both directions share the code. */
enum vnet_direction {
	VNET_TRANSMIT, /* driver to device: CSUM, HOST_TSO4, _TSO6, _ECN, _UFO, _USO */
	VNET_RECEIVE,  /* device to driver: GUEST_CSUM, GUEST_TSO4, ..., GUEST_USO4, GUEST_USO6 */
};

/* What may be asked for; enum vnet_can. USO is one bit on transmit: it gives both. */
enum vnet_can {
	VNET_CAN_CSUM = 1 << 0,
	VNET_CAN_TSO4 = 1 << 1,
	VNET_CAN_TSO6 = 1 << 2,
	VNET_CAN_ECN = 1 << 3,
	VNET_CAN_UFO = 1 << 4,
	VNET_CAN_USO4 = 1 << 5,
	VNET_CAN_USO6 = 1 << 6,
	VNET_CAN_RSC = 1 << 7, /* RSC_EXT, receive only: csum_start and csum_offset may be counts */
};

/** Negotiated features -> enum vnet_can of that direction. */
uint32_t vnet_can(uint64_t features, enum vnet_direction direction);

/* A request that was checked; host byte order. All zero: nothing is asked for. */
struct vnet_offload {
	uint8_t flags;    /* VIRTIO_NET_HDR_F_NEEDS_CSUM and _DATA_VALID, no other bits */
	uint8_t gso_type; /* VIRTIO_NET_HDR_GSO_*, without the ECN bit */
	uint8_t needs;    /* enum vnet_can that a receiver has to have to take it as it is */
	uint16_t hdr_len; /* with GSO: exact, up to the transport payload. Else 0 */
	uint16_t gso_size;
	uint16_t csum_start; /* with NEEDS_CSUM: csum_start + csum_offset + 2 <= frame */
	uint16_t csum_offset;
	uint16_t rsc_segments; /* of RSC_INFO */
	uint16_t rsc_dup_acks;
};

/* Why a header is refused. One list makes enum, name and text. */
#define VNET_BADS(_) \
	_(NONE, none, "none") \
	_(NOT_NEGOTIATED, not_negotiated, \
		"the header asks for an offload that was not negotiated") \
	_(CSUM_PLACE, csum_place, "csum_start and csum_offset lie outside the packet") \
	_(GSO_TYPE, gso_type, "gso_type has a value that the standard does not know") \
	_(GSO_CSUM, gso_csum, "gso_type without NEEDS_CSUM") \
	_(GSO_SIZE, gso_size, "gso_size is 0") \
	_(GSO_PACKET, gso_packet, "gso_type, csum_start or csum_offset contradict the packet")

enum vnet_bad {
#define VNET_BAD_ENUM(name, lower, text) VNET_BAD_##name,
	VNET_BADS(VNET_BAD_ENUM)
#undef VNET_BAD_ENUM
	VNET_BAD_MAX
};

const char *vnet_bad_name(enum vnet_bad bad);
const char *vnet_bad_str(enum vnet_bad bad);

/** Does a header ask for anything at all? The two bytes are all a quick look has to read. */
static inline bool
vnet_hdr_asks(uint8_t flags, uint8_t gso_type)
{
	return ((flags & (VIRTIO_NET_HDR_F_NEEDS_CSUM | VIRTIO_NET_HDR_F_DATA_VALID |
				 VIRTIO_NET_HDR_F_RSC_INFO)) |
		       gso_type) != 0;
}

/**
 * Read a header and hold it against its packet.
 *
 * Bits of flags that are not known are ignored, as are fields that flags and gso_type leave without
 * meaning. DATA_VALID and RSC_INFO are ignored on transmit, where no driver may set them; on
 * receive they need GUEST_CSUM and RSC_EXT. hdr_len is not believed: o->hdr_len is what the
 * packet's own headers say.
 *
 * NEEDS_CSUM alone may point at any 16 bits behind the Ethernet addresses and type, as a tunnel's
 * inner header. With a gso_type it has to be the checksum of the packet's own transport header, of
 * the kind that gso_type says, in no fragment and with an IP length that is not 0; the ECN bit goes
 * with the TCP types only, and not alone. RSC_INFO says that counts stand in place of csum_start
 * and csum_offset: o has the counts, and the place from the packet's headers.
 *
 * A packet with gso_type may have less payload than gso_size, even none: it is one segment.
 *
 * DATA_VALID alone makes no o->needs: a receiver can do without. But it has to be taken out of
 * o->flags before vnet_offload_write() for one without VNET_CAN_CSUM, whose flags must be zero.
 *
 * @param hdr    Private copy.
 * @param can    enum vnet_can of the sender and this direction.
 * @param bytes  [nb] Private copy of the packet's first bytes; as vnet_packet_parse(). With
 *     gso_type NONE and without RSC_INFO none are needed: nb may be 0.
 * @param len    Bytes of the whole frame.
 * @return VNET_BAD_NONE and *o, else *o is all zero.
 */
enum vnet_bad vnet_offload_read(struct vnet_offload *o, const struct virtio_net_hdr *hdr,
	enum vnet_direction direction, uint32_t can, const uint8_t *bytes, uint32_t nb,
	uint32_t len);

/** Can a receiver with these enum vnet_can take the packet as it is? */
static inline bool
vnet_offload_fits(const struct vnet_offload *o, uint32_t can)
{
	return (o->needs & ~can) == 0;
}

/**
 * Write the first ten bytes of a header, all but num_buffers and hash. The ECN bit comes back from
 * o->needs; o->flags are written as they stand; RSC_INFO is never written.
 *
 * @param hdr  Writable memory, any alignment.
 */
void vnet_offload_write(void *hdr, const struct vnet_offload *o);

/*
 * Internet checksums (RFC 1071) over pieces.
 */

/* Sum so far. All zero to begin with. */
struct vnet_csum {
	uint64_t sum; /* 16-bit words as they stand in memory */
	bool odd;     /* an odd number of bytes went in */
};

void vnet_csum_add(struct vnet_csum *c, const void *data, uint32_t bytes);

/**
 * The checksum as it is stored in memory: complement of the folded sum. 0 over data that holds its
 * right checksum.
 */
uint16_t vnet_csum_end(const struct vnet_csum *c);

/**
 * The same to be stored in a TCP or UDP header: never 0, which would tell a UDP receiver that there
 * is no checksum (RFC 768), but 0xffff, which is the same number.
 */
static inline uint16_t
vnet_csum_end_transport(const struct vnet_csum *c)
{
	uint16_t csum = vnet_csum_end(c);

	return csum != 0 ? csum : UINT16_MAX;
}

/**
 * Sum of the TCP or UDP pseudo header as a partial checksum has it: folded, not complemented, as it
 * is stored in memory. The last address of a routing header and the source of a home address option
 * are used where the packet has them, as RFC 8200, 8.1 and RFC 6275, 11.3.1 say.
 *
 * @param p      With l4_type TCP or UDP.
 * @param l4_len  Bytes of transport header and payload.
 */
uint16_t vnet_pseudo_sum(const uint8_t *bytes, const struct vnet_packet *p, uint32_t l4_len);

/*
 * Segmentation: one packet with GSO -> packets of gso_size bytes of payload at most. Only headers
 * are made here; payload stays where it is, the caller copies it.
 */
struct vnet_segmenter {
	const uint8_t *head; /* [hdr_len] of the packet; the caller's, private, must live as long */
	struct vnet_packet packet;
	uint8_t gso_type;
	uint16_t hdr_len;
	uint16_t gso_size;
	uint32_t payload_len; /* of the whole packet, by its IP length */
	uint32_t nb;          /* segments, at least 1; up to 65,527 with a gso_size of 1 */
};

/* One segment. */
struct vnet_segment {
	uint32_t payload;     /* offset in the whole packet's payload */
	uint32_t payload_len; /* 1..gso_size; 0 only when the packet has no payload */
	uint16_t csum_start;  /* where its transport checksum begins and stands */
	uint16_t csum_offset;
};

/**
 * @param o      From vnet_offload_read() for the same bytes, gso_type TCPV4, TCPV6 or UDP_L4.
 * @param bytes  As given to vnet_offload_read(): o->hdr_len of them are used.
 * @param len    Bytes of the whole frame.
 */
void vnet_segmenter_init(struct vnet_segmenter *s, const struct vnet_offload *o,
	const uint8_t *bytes, uint32_t nb, uint32_t len);

/**
 * Headers of segment i.
 *
 * IP lengths, IPv4 identification (counting up from the packet's) and header checksum, TCP sequence
 * number and UDP length are those of the segment. FIN and PSH stand in the last segment only, CWR
 * (RFC 3168) in the first only. The transport checksum is partial: the pseudo header's sum.
 *
 * @param head  [s->hdr_len] Out, at most VNET_PACKET_HEAD.
 */
void vnet_segment(
	const struct vnet_segmenter *s, uint32_t i, uint8_t *head, struct vnet_segment *segment);

#endif
