/* SPDX-License-Identifier: BSD-3-Clause */
/* Large packets of every kind that is cut into segments, with any payload. */
#ifndef TESTS_LIB_SEGMENT_CASES_H
#define TESTS_LIB_SEGMENT_CASES_H

#include "frame_digits.h"
#include "offload_cases.h"
#include "support/frame.h"
#include "support/random.h"

#define SEGMENT_FRAME_MAX 65600

/*
 * Headers without payload, and where they are, as counted by hand. The transport checksum covers
 * 192.0.2.src and .dst, or 2001:db8::src and ::dst.
 */
struct segment_case {
	const char *digits;
	uint8_t gso_type, ip, l3, l4, head, csum_offset, src, dst;
};

static const struct segment_case segment_cases[] = {
	{FRAME_MACS "0800" IPV4("0000", "4000", "06") TCP, 1, 4, 14, 34, 54, 16, 1, 2},
	{FRAME_MACS "0800" IPV4("0000", "0000", "06") TCP_32, 1, 4, 14, 34, 66, 16, 1, 2},
	{FRAME_MACS "8100 2064 0800 48 00 0000 1234 0000 40 06 0000 c0000201 c0000202"
		    "9404 0000 01010101 01010100" TCP_32,
		1, 4, 18, 50, 82, 16, 1, 2},
	{FRAME_MACS "88a8 0001 8100 0002 86dd" IPV6("0000", "06") TCP, 4, 6, 22, 62, 82, 16, 1, 2},
	{FRAME_MACS "86dd" IPV6("0000", "06") TCP_32, 4, 6, 14, 54, 86, 16, 1, 2},
	{FRAME_MACS "86dd" IPV6("0000", "00") HOP_BY_HOP("3c") DESTINATION("06") TCP, 4, 6, 14, 70,
		90, 16, 1, 2},
	{FRAME_MACS "86dd" IPV6("0000", "2b") ROUTE_2("3c") HOME("06") TCP_32, 4, 6, 14, 102, 134,
		16, 10, 11},
	{FRAME_MACS "86dd" IPV6("0000", "2b") ROUTE_4("06", "01") TCP, 4, 6, 14, 94, 114, 16, 1,
		12},
	{FRAME_MACS "86dd" IPV6("0000", "2c") FRAGMENT("06", "0000") TCP, 4, 6, 14, 62, 82, 16, 1,
		2},
	{FRAME_MACS "0800" IPV4("0000", "4000", "11") UDP, 5, 4, 14, 34, 42, 6, 1, 2},
	{FRAME_MACS "8100 0001 86dd" IPV6("0000", "11") UDP, 5, 6, 18, 58, 66, 6, 1, 2},
	{FRAME_MACS "86dd" IPV6("0000", "3c") HOME("11") UDP, 5, 6, 14, 78, 86, 6, 10, 2},
};

/* The largest payload that the lengths of a packet can state. */
static inline uint32_t
segment_payload_max(const struct segment_case *c)
{
	return c->ip == 4 ? 65535u - (c->head - c->l3) : 65535u - (c->head - c->l3 - 40u);
}

/* Write a whole frame with a payload made by chance; bytes of the frame. */
static inline uint32_t
segment_frame(const struct segment_case *c, uint8_t *frame, uint32_t payload)
{
	uint64_t seed = payload + 1;
	uint32_t head = frame_hex(frame, c->digits);

	assert_int_equal(head, c->head);
	/* Checksums of a packet that is not complete yet are anything. */
	frame_set16(frame + c->l4 + c->csum_offset, 0xbeef);
	if (c->ip == 4)
		frame_set16(frame + c->l3 + 10, 0xdead);
	for (uint32_t i = 0; i < payload; i++)
		frame[head + i] = (uint8_t)random_next(&seed);
	if (c->ip == 4)
		frame_set16(frame + c->l3 + 2, head + payload - c->l3);
	else
		frame_set16(frame + c->l3 + 4, head + payload - c->l3 - 40);
	if (c->gso_type == VIRTIO_NET_HDR_GSO_UDP_L4)
		frame_set16(frame + c->l4 + 4, (head + payload - c->l4) % 65536);
	return head + payload;
}

/* What a checked header of the frame says. */
static inline struct vnet_offload
segment_offload(const struct segment_case *c, const uint8_t *frame, uint32_t nb, uint32_t len,
	uint32_t gso_size)
{
	struct virtio_net_hdr hdr = make_hdr(
		VIRTIO_NET_HDR_F_NEEDS_CSUM, c->gso_type, 0, gso_size, c->l4, c->csum_offset);
	struct vnet_offload o;

	assert_int_equal(
		vnet_offload_read(&o, &hdr, VNET_TRANSMIT, CAN_ALL, frame, nb, len), VNET_BAD_NONE);
	return o;
}

#endif
