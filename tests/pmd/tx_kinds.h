/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets that ask for something on transmit, a backend that takes them off the ring, and what they
 * have to look like there: written down from VIRTIO 1.3, 5.1.6 and 5.1.6.2.
 */
#ifndef TESTS_PMD_TX_KINDS_H
#define TESTS_PMD_TX_KINDS_H

#include "fixture.h"

#define HDR 12
#define PACKET_MAX 65535
#define ALL_TX \
	(RTE_ETH_TX_OFFLOAD_UDP_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_CKSUM | \
		RTE_ETH_TX_OFFLOAD_TCP_TSO | RTE_ETH_TX_OFFLOAD_UDP_TSO | \
		RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_VLAN_INSERT | \
		RTE_ETH_TX_OFFLOAD_MULTI_SEGS)

/* One packet: headers, fields, and the header that has to stand before it. */
struct kind {
	const char *name;
	const char *headers;
	uint64_t flags;
	uint8_t l2;
	uint16_t l3;
	uint8_t l4;
	uint16_t segsz;
	uint32_t payload;
	uint16_t tci;         /* inserted */
	const char *expected; /* hexadecimal, 10 bytes */
};

/* Places of some in the table. */
enum {
	PLAIN = 0,
	T4 = 1,
	U4 = 4,
	T6 = 7,
	TS4 = 11,
	CWR = 12,
	TS6 = 15,
	US4 = 17
};
extern const struct kind kinds[];
extern const unsigned int nb_kinds;

/* The next port has hash reports, and so headers of 20 bytes, of which the last 8 are 0. */
extern bool tx_hash;

extern struct backend b;
extern struct fake_device tx;
extern uint8_t frame[PACKET_MAX + 64];  /* as the application has it */
extern uint8_t wanted[PACKET_MAX + 64]; /* as the device has to see it */
extern uint8_t seen[PACKET_MAX + 64];   /* what the device saw, header first */

/** The usual backend with these features more and these less; a port with these offloads, up. */
uint16_t tx_begin(uint64_t more, uint64_t without, uint64_t offloads);
void tx_end(uint16_t port, struct resources before);

/** Headers and payload, with the lengths filled in, at frame. @return bytes. */
uint32_t tx_build(const struct kind *k);

/**
 * What the driver has to make of frame, at wanted: pseudo header with the length, IPv4 header
 * checksum, tag. @return bytes.
 */
uint32_t tx_complete(const struct kind *k, uint32_t len);

/** The pseudo header's sum into frame, as DPDK's convention has it; for TSO nothing. */
void tx_seed(const struct kind *k);

/** frame[0, len) in an mbuf with the fields of the kind. */
struct rte_mbuf *tx_packet(const struct kind *k, uint32_t len, uint32_t first, uint32_t others);

/** The next packet on the ring, to seen. @return its bytes, 12 of header included; 0: none. */
uint32_t tx_collect(void);

/** The next packet has the header of the kind and wanted[0, len) behind it. */
void assert_sent(const struct kind *k, uint32_t len);

#endif
