/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hash of packets, straight from the standard and slow: who makes a packet knows what is in it, so
 * nothing is parsed; Toeplitz goes bit by bit.
 */
#ifndef TESTS_HASH_MODEL_H
#define TESTS_HASH_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#define HASH_MODEL_FRAME_MAX 1024

/* What was put into a packet, as far as a hash may depend on it. */
struct hash_packet {
	uint8_t ip;       /* 4, 6; 0: another protocol, or a header that cannot be read */
	uint8_t l4;       /* 6, 17; 0: another, none, or a header that cannot be read */
	bool extended;    /* IPv6 with extension headers */
	bool home, route; /* which of these addresses it has */
	uint8_t source[16], destination[16], home_address[16], route_address[16];
	uint8_t ports[4]; /* as they stand in the packet */
	uint32_t len;
};

/** Any packet. @param frame  [HASH_MODEL_FRAME_MAX] Out, without Ethernet addresses. */
void hash_packet_random(struct hash_packet *p, uint8_t *frame, uint64_t *seed);

/** A packet with these addresses and ports; p->ip, l4, addresses and ports are given. */
void hash_packet_plain(struct hash_packet *p, uint8_t *frame);

/** An IPv4 packet that differs from a plain one in a field, mostly for the worse. */
void hash_packet_odd(struct hash_packet *p, uint8_t *frame, uint64_t *seed);

/** @param key  [40] @return the hash, 0 when *report is 0. */
uint32_t hash_model(
	const struct hash_packet *p, uint32_t types, const uint8_t *key, uint16_t *report);

#endif
