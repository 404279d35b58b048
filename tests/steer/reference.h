/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a device has to make of a frame under RSS and hash reporting: report, value, receive queue.
 *
 * Slow and plain, written from the text of VIRTIO 1.3, 5.1.6.4.3, 5.1.6.4.4 and 5.1.6.5.7.1, and
 * from the RFCs of the headers. It shares no line with the code it judges.
 *
 * The text leaves open what a packet "has". Our readings:
 *  - headers count that end within the first 256 bytes of the frame, behind two VLAN tags at most;
 *  - a packet that is longer than its frame, or with an IP header that contradicts itself, is no IP
 *    packet; neither is IPv4 that gives its length as 0;
 *  - a TCP or UDP header counts when all of it is there, TCP options included;
 *  - no fragment has ports, the first one neither: so all of them arrive on one queue;
 *  - IPv6 extension headers are hop-by-hop options (first), routing, destination options and
 *    fragment; what else stands there is the packet's protocol, authentication among them;
 *  - the address in a type 2 routing header counts while one segment is left (RFC 6275, 6.4); with
 *    another length or count that packet is broken;
 *  - nobody knows the destination behind a routing header of a type that is neither 2 nor 4 and
 *    has segments left: no ports.
 */
#ifndef STEER_REFERENCE_H
#define STEER_REFERENCE_H

#include <stdbool.h>
#include <stdint.h>

/* Reports; the type of a report is bit report - 1. */
enum reference_report {
	REPORT_NONE,
	REPORT_IPV4,
	REPORT_TCPV4,
	REPORT_UDPV4,
	REPORT_IPV6,
	REPORT_TCPV6,
	REPORT_UDPV6,
	REPORT_IPV6_EX,
	REPORT_TCPV6_EX,
	REPORT_UDPV6_EX,
	REPORT_MAX
};

#define REFERENCE_KEY_BYTES 40
#define REFERENCE_TABLE_MAX 512
#define REFERENCE_ALL_TYPES 0x1ffu

struct reference {
	uint32_t types;
	uint8_t key[REFERENCE_KEY_BYTES];
	uint16_t unclassified;
	uint16_t entries; /* of table, a power of 2 */
	uint16_t table[REFERENCE_TABLE_MAX];
};

struct verdict {
	enum reference_report report;
	uint32_t value; /* 0 without a report */
	uint16_t queue;
};

/** Toeplitz hash of bytes [nb] with a key of 40 bytes, bit by bit. */
uint32_t reference_toeplitz(
	const uint8_t key[REFERENCE_KEY_BYTES], const uint8_t *bytes, uint32_t nb);

/** @param frame  [len] From the Ethernet header on. */
struct verdict reference_judge(const struct reference *r, const uint8_t *frame, uint32_t len);

const char *reference_name(enum reference_report report);

#endif
