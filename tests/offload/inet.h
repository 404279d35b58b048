/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Internet arithmetic straight from the RFCs, for the judge alone: bytes in network order, one
 * 16-bit word at a time, no cleverness that it could share with what it judges.
 */
#ifndef OFFLOAD_INET_H
#define OFFLOAD_INET_H

#include <stdbool.h>
#include <stdint.h>

#define INET_TCP 6
#define INET_UDP 17

static inline uint16_t
get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t
get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static inline void
put16(uint8_t *p, uint16_t value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

static inline void
put32(uint8_t *p, uint32_t value)
{
	put16(p, (uint16_t)(value >> 16));
	put16(p + 2, (uint16_t)value);
}

/** Add words to a sum; an odd last byte is followed by a zero (RFC 1071, 1). */
uint64_t inet_add(uint64_t sum, const uint8_t *bytes, uint32_t n);

/** Carries folded in: 0..0xffff. */
uint16_t inet_fold(uint64_t sum);

/** The checksum as it stands in a header. */
uint16_t inet_checksum(uint64_t sum);

/** Are two folded sums the same number? 0 and 0xffff are both zero in ones' complement. */
bool inet_same(uint16_t a, uint16_t b);

/**
 * Sum of the pseudo header (RFC 9293, 3.1; RFC 768; RFC 8200, 8.1).
 *
 * @param src, dst  Of 4 or 16 bytes: the addresses of the ends, not those on the way.
 * @param length    Bytes of transport header and payload.
 */
uint64_t inet_pseudo(
	bool v6, const uint8_t *src, const uint8_t *dst, uint8_t protocol, uint32_t length);

#endif
