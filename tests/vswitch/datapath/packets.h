/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * TCP and UDP packets with every layout that matters to offloads, made and checked byte by byte
 * from the RFCs; nothing here comes from lib/net.
 */
#ifndef TESTS_PACKETS_H
#define TESTS_PACKETS_H

#include "guest.h"

#define TCP_FIN 0x01
#define TCP_PSH 0x08
#define TCP_ACK 0x10
#define TCP_CWR 0x80

struct packet {
	bool v6;
	bool udp;
	uint8_t tags;      /* VLAN tags */
	uint8_t options;   /* bytes of IPv4 options or of IPv6 extension headers, multiple of 8 */
	uint8_t tcp_extra; /* bytes of TCP options, multiple of 4 */
	uint8_t tcp_flags; /* 0: ACK */
	uint32_t payload;
	/* Set by packet_make(). */
	uint32_t l3, l4, hdr_len, len;
};

/** A packet from MAC ..:01 to ..:to with all checksums right. @return its length. */
uint32_t packet_make(struct packet *p, uint8_t *frame, uint8_t to, uint32_t seed);

/** Leave the transport checksum partial and write the header that says so. */
void packet_partial(const struct packet *p, uint8_t *frame, struct virtio_net_hdr *hdr);

/** And ask for segments of that payload. */
void packet_gso(const struct packet *p, uint8_t *frame, struct virtio_net_hdr *hdr,
	uint16_t gso_size, bool ecn);

/** Offset of the transport checksum in the frame. */
uint32_t packet_csum_at(const struct packet *p);

/** Complete the partial checksum of a received frame as its header says, as a driver would. */
void packet_finish(uint8_t *frame, uint32_t len, const struct virtio_net_hdr *hdr);

/** Are the lengths and checksums of IP and transport right? Layout as in p. */
void packet_assert_right(const struct packet *p, const uint8_t *frame, uint32_t len);

/**
 * Is this frame segment i of nb of the packet in whole? Everything: addresses, options, id,
 * sequence number, flags, lengths, payload. The checksum is left to packet_assert_right().
 */
void packet_assert_segment(const struct packet *p, const uint8_t *whole, uint16_t gso_size,
	uint32_t i, const uint8_t *frame, uint32_t len);

#endif
