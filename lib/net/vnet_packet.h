/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a frame is, as far as its first bytes tell: which layers, and where they begin.
 *
 * Nothing is read beyond the bytes given, and no length that the frame states is believed further
 * than these bytes and the frame reach. Give private memory: a frame that its owner can still
 * change may be another one by the time the answer is used.
 *
 * All functions: any thread, no state.
 */
#ifndef VNET_PACKET_H
#define VNET_PACKET_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Bytes that hold the headers of every packet we take apart: two tags, IPv6 with extensions, TCP.
 * What lies behind them is never looked at, so that this bounds the work, too.
 */
#define VNET_PACKET_HEAD 256
#define VNET_PACKET_TAGS_MAX 2

enum vnet_l3 {
	VNET_L3_OTHER, /* also an IP header that is cut off or contradicts itself or the frame */
	VNET_L3_IPV4,
	VNET_L3_IPV6,
};

enum vnet_l4 {
	VNET_L4_OTHER, /* another protocol, a later fragment, or a header that is cut off */
	VNET_L4_TCP,
	VNET_L4_UDP,
};

/* All offsets count from the first byte of the frame; those of headers are at most nb. */
struct vnet_packet {
	uint16_t l3;         /* behind Ethernet and VLAN tags; 0 for a frame below 14 bytes */
	uint16_t l4;         /* behind the network headers; 0 for VNET_L3_OTHER */
	uint16_t payload;    /* behind the transport header; 0 for VNET_L4_OTHER */
	uint16_t ether_type; /* host byte order, behind the tags; 0 without Ethernet header */
	uint16_t home;       /* a home address option's address, 0: none. RFC 6275, 6.3 */
	uint16_t route;      /* the address in a type 2 routing header, 0: none. RFC 6275, 6.4 */
	uint16_t final;      /* last address of a routing header with segments left, 0: none */
	uint8_t l3_type;     /* enum vnet_l3 */
	uint8_t l4_type;     /* enum vnet_l4 */
	uint8_t protocol;    /* IP protocol number behind all extension headers; 0 without IP */
	uint8_t nb_tags;     /* 0..VNET_PACKET_TAGS_MAX */
	bool fragment;       /* one of several, the first included */
	bool extended;       /* IPv6 with extension headers */
	uint32_t end; /* behind the IP packet by its own length, at most len; padding follows. len
		       * for VNET_L3_OTHER */
};

/**
 * Take a frame apart.
 *
 * @param bytes  [nb] First bytes of the frame, Ethernet header first, any alignment.
 * @param nb     As many as there are, VNET_PACKET_HEAD are enough; at most len.
 * @param len    Bytes of the whole frame.
 *
 * With l4_type TCP or UDP the whole transport header, options included, lies inside bytes and
 * inside the IP packet; with l3_type IPV4 or IPV6 so do all network headers. An IP packet longer
 * than its frame is VNET_L3_OTHER; so is an IPv4 packet that leaves its length at 0, as some
 * senders of large packets do: nobody could tell its end from the frame's padding.
 *
 * IPv6 extension headers: hop-by-hop options (in the first place), routing, destination options,
 * fragment. Others end the walk as the packet's protocol, authentication (51) among them: what it
 * signs must not be cut into segments. A routing header with segments left hides the destination
 * that the transport checksum covers; but for types 2 and 4 the packet is then VNET_L4_OTHER.
 */
void vnet_packet_parse(struct vnet_packet *p, const uint8_t *bytes, uint32_t nb, uint32_t len);

#endif
