/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames of all sorts, each a function of seed and id: the receiver builds it again and compares.
 *
 * IPv4 and IPv6, with tags, options, extension headers, fragments; TCP, UDP and others; whole,
 * padded, cut off, contradicting themselves. A trailer of 16 bytes ends each: magic, seed, id.
 */
#ifndef STEER_FRAMES_H
#define STEER_FRAMES_H

#include <stdbool.h>
#include <stdint.h>

#define FRAME_ROOM 2048
#define FRAME_MAX 1514
#define FRAME_TRAILER 16
#define FRAME_UNTAGGED 0x80000000u /* in a seed: its frames have no VLAN tag */

/**
 * @param frame  [FRAME_ROOM] Out.
 * @param macs   [12] Destination, source.
 * @return Its length, up to FRAME_MAX.
 */
uint32_t frame_make(uint8_t *frame, uint32_t seed, uint64_t id, const uint8_t macs[12]);

/** The same with given contents: bytes [nb] behind the addresses, and the trailer. */
uint32_t frame_wrap(uint8_t *frame, uint32_t seed, uint64_t id, const uint8_t macs[12],
	const uint8_t *bytes, uint32_t nb);

/** @return false: no frame of this seed. */
bool frame_id(const uint8_t *frame, uint32_t len, uint32_t seed, uint64_t *id);

/** Numbers that look like chance: splitmix64, any start. */
uint64_t frame_random(uint64_t *state);

/**
 * Number i of Microsoft's verification suite for RSS as a frame: with all hash types on, its hash
 * is vector_value(i). Each line of the suite comes as TCP, UDP and another protocol, the IPv6 ones
 * once more with their addresses in a home address option and a routing header.
 *
 * @return Its length; 0 behind the last one.
 */
uint32_t vector_make(uint8_t *frame, uint32_t seed, uint64_t id, const uint8_t macs[12]);

struct vector_value {
	unsigned int report; /* enum reference_report */
	uint32_t value;
};

struct vector_value vector_value(uint64_t id);

extern const uint8_t vector_key[40];

#endif
