/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames written down as hexadecimal digits, and what holds for every answer of the parser. */
#ifndef TESTS_FRAME_H
#define TESTS_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vnet_packet;

/* Ethernet addresses, without a type. */
#define FRAME_MACS "020000000001 020000000002 "

/**
 * Bytes from digits; spaces may stand anywhere.
 *
 * @return how many bytes were written to out.
 */
uint32_t frame_hex(uint8_t *out, const char *digits);

/** 16 bits in network order. */
uint16_t frame_get16(const uint8_t *at);
void frame_set16(uint8_t *at, uint32_t value);
uint32_t frame_get32(const uint8_t *at);

/**
 * RFC 1071 byte by byte, from the left: even bytes are the upper half of their word, a missing last
 * one is 0. Neither folded in between nor in words of the machine.
 *
 * @return complement of the sum, a number (0x1234 is stored 12 34).
 */
uint16_t frame_checksum(const uint8_t *bytes, size_t nb, uint32_t start);

/** Sum of a pseudo header (RFC 9293, 3.1; RFC 8200, 8.1) to begin frame_checksum() with. */
uint32_t frame_pseudo(const uint8_t *src, const uint8_t *dst, uint32_t address_bytes,
	uint8_t protocol, uint32_t l4_len);

/** The rule of vnet_packet.h that an answer breaks, or NULL. */
const char *frame_rule_broken(const struct vnet_packet *p, uint32_t nb, uint32_t len);

#endif
