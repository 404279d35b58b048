/* SPDX-License-Identifier: BSD-3-Clause */
/* The packet parser on frames written by hand, whole, cut off, and with every byte changed. */
#include "frame_digits.h"
#include "net/vnet_packet.h"
#include "support/covers.h"
#include "support/frame.h"
#include "support/guard.h"

#include <rte_common.h>

#include <stdio.h>
#include <string.h>

#define FRAME_MAX 2048

static const struct {
	const char *name, *digits;
	struct vnet_packet is;
} known[] = {
	{"tcp4", FRAME_MACS "0800" IPV4("002c", "4000", "06") TCP PAYLOAD,
		{.l3 = 14,
			.l4 = 34,
			.payload = 54,
			.ether_type = 0x800,
			.l3_type = VNET_L3_IPV4,
			.l4_type = VNET_L4_TCP,
			.protocol = 6,
			.end = 58}},
	{"tcp4 with options in both headers, padded",
		FRAME_MACS "0800 48 00 0040 1234 0000 40 06 0000 c0000201 c0000202"
			   "070b08 c0000201 00000000 00" TCP_32 "ffff",
		{.l3 = 14,
			.l4 = 46,
			.payload = 78,
			.ether_type = 0x800,
			.l3_type = VNET_L3_IPV4,
			.l4_type = VNET_L4_TCP,
			.protocol = 6,
			.end = 78}},
	{"udp4", FRAME_MACS "0800" IPV4("0020", "0000", "11") UDP PAYLOAD,
		{.l3 = 14,
			.l4 = 34,
			.payload = 42,
			.ether_type = 0x800,
			.l3_type = VNET_L3_IPV4,
			.l4_type = VNET_L4_UDP,
			.protocol = 17,
			.end = 46}},
	{"icmp4", FRAME_MACS "0800" IPV4("001c", "0000", "01") "0800 f7ff 0000 0000",
		{.l3 = 14,
			.l4 = 34,
			.ether_type = 0x800,
			.l3_type = VNET_L3_IPV4,
			.protocol = 1,
			.end = 42}},
	{"tcp6", FRAME_MACS "86dd" IPV6("0018", "06") TCP PAYLOAD,
		{.l3 = 14,
			.l4 = 54,
			.payload = 74,
			.ether_type = 0x86dd,
			.l3_type = VNET_L3_IPV6,
			.l4_type = VNET_L4_TCP,
			.protocol = 6,
			.end = 78}},
	{"udp6", FRAME_MACS "86dd" IPV6("000c", "11") UDP PAYLOAD,
		{.l3 = 14,
			.l4 = 54,
			.payload = 62,
			.ether_type = 0x86dd,
			.l3_type = VNET_L3_IPV6,
			.l4_type = VNET_L4_UDP,
			.protocol = 17,
			.end = 66}},
	{"tag", FRAME_MACS "8100 2064 0800" IPV4("0020", "0000", "11") UDP PAYLOAD,
		{.l3 = 18,
			.l4 = 38,
			.payload = 46,
			.ether_type = 0x800,
			.l3_type = VNET_L3_IPV4,
			.l4_type = VNET_L4_UDP,
			.protocol = 17,
			.nb_tags = 1,
			.end = 50}},
	{"service tag and tag",
		FRAME_MACS "88a8 0001 8100 0fff 86dd" IPV6("0018", "06") TCP PAYLOAD,
		{.l3 = 22,
			.l4 = 62,
			.payload = 82,
			.ether_type = 0x86dd,
			.l3_type = VNET_L3_IPV6,
			.l4_type = VNET_L4_TCP,
			.protocol = 6,
			.nb_tags = 2,
			.end = 86}},
	{"three tags",
		FRAME_MACS "88a8 0001 8100 0002 8100 0003 0800" IPV4("0020", "0000", "11")
			UDP PAYLOAD,
		{.l3 = 22, .ether_type = 0x8100, .nb_tags = 2, .end = 58}},
	{"arp", FRAME_MACS "0806 0001 0800 06 04 0001 020000000002 c0000201 000000000000 c0000202",
		{.l3 = 14, .ether_type = 0x806, .end = 42}},
	{"hop-by-hop, destination",
		FRAME_MACS "86dd" IPV6("0028", "00") HOP_BY_HOP("3c") DESTINATION("06") TCP PAYLOAD,
		{.l3 = 14,
			.l4 = 70,
			.payload = 90,
			.ether_type = 0x86dd,
			.l3_type = VNET_L3_IPV6,
			.l4_type = VNET_L4_TCP,
			.protocol = 6,
			.extended = true,
			.end = 94}},
	{"hop-by-hop not in the first place",
		FRAME_MACS "86dd" IPV6("0028", "3c") DESTINATION("00") HOP_BY_HOP("06") TCP PAYLOAD,
		{.l3 = 14,
			.l4 = 62,
			.ether_type = 0x86dd,
			.l3_type = VNET_L3_IPV6,
			.extended = true,
			.end = 94}},
	{"home address", FRAME_MACS "86dd" IPV6("0024", "3c") HOME("11") UDP PAYLOAD,
		{.l3 = 14,
			.l4 = 78,
			.payload = 86,
			.ether_type = 0x86dd,
			.l3_type = VNET_L3_IPV6,
			.l4_type = VNET_L4_UDP,
			.protocol = 17,
			.extended = true,
			.home = 62,
			.end = 90}},
	{"type 2 routing header and home address",
		FRAME_MACS "86dd" IPV6("003c", "2b") ROUTE_2("3c") HOME("11") UDP PAYLOAD,
		{.l3 = 14,
			.l4 = 102,
			.payload = 110,
			.ether_type = 0x86dd,
			.l3_type = VNET_L3_IPV6,
			.l4_type = VNET_L4_UDP,
			.protocol = 17,
			.extended = true,
			.route = 62,
			.final = 62,
			.home = 86,
			.end = 114}},
	{"segment routing on its way",
		FRAME_MACS "86dd" IPV6("0034", "2b") ROUTE_4("11", "01") UDP PAYLOAD,
		{.l3 = 14,
			.l4 = 94,
			.payload = 102,
			.ether_type = 0x86dd,
			.l3_type = VNET_L3_IPV6,
			.l4_type = VNET_L4_UDP,
			.protocol = 17,
			.extended = true,
			.final = 62,
			.end = 106}},
	{"segment routing at its end",
		FRAME_MACS "86dd" IPV6("0034", "2b") ROUTE_4("11", "00") UDP PAYLOAD,
		{.l3 = 14,
			.l4 = 94,
			.payload = 102,
			.ether_type = 0x86dd,
			.l3_type = VNET_L3_IPV6,
			.l4_type = VNET_L4_UDP,
			.protocol = 17,
			.extended = true,
			.end = 106}},
	{"unknown route", FRAME_MACS "86dd" IPV6("0014", "2b") "11 00 fd01 00000000" UDP PAYLOAD,
		{.l3 = 14,
			.l4 = 62,
			.ether_type = 0x86dd,
			.l3_type = VNET_L3_IPV6,
			.protocol = 17,
			.extended = true,
			.end = 74}},
	{"authentication",
		FRAME_MACS "86dd" IPV6("001c", "33") "06 04 0000 00000001 00000002" TCP_32,
		{.l3 = 14,
			.l4 = 54,
			.ether_type = 0x86dd,
			.l3_type = VNET_L3_IPV6,
			.protocol = 51,
			.end = 82}},
	{"nothing follows", FRAME_MACS "86dd" IPV6("0000", "3b"),
		{.l3 = 14,
			.l4 = 54,
			.ether_type = 0x86dd,
			.l3_type = VNET_L3_IPV6,
			.protocol = 59,
			.end = 54}},
	{"first fragment, IPv4", FRAME_MACS "0800" IPV4("0024", "2000", "11") UDP PAYLOAD PAYLOAD,
		{.l3 = 14,
			.l4 = 34,
			.payload = 42,
			.ether_type = 0x800,
			.l3_type = VNET_L3_IPV4,
			.l4_type = VNET_L4_UDP,
			.protocol = 17,
			.fragment = true,
			.end = 50}},
	{"last fragment, IPv4", FRAME_MACS "0800" IPV4("0020", "0002", "11") UDP PAYLOAD,
		{.l3 = 14,
			.l4 = 34,
			.ether_type = 0x800,
			.l3_type = VNET_L3_IPV4,
			.protocol = 17,
			.fragment = true,
			.end = 46}},
	{"first fragment, IPv6",
		FRAME_MACS "86dd" IPV6("0018", "2c") FRAGMENT("11", "0001") UDP PAYLOAD PAYLOAD,
		{.l3 = 14,
			.l4 = 62,
			.payload = 70,
			.ether_type = 0x86dd,
			.l3_type = VNET_L3_IPV6,
			.l4_type = VNET_L4_UDP,
			.protocol = 17,
			.fragment = true,
			.extended = true,
			.end = 78}},
	{"last fragment, IPv6; it begins like an extension header",
		FRAME_MACS "86dd" IPV6("0014", "2c") FRAGMENT("3c", "0008") UDP PAYLOAD,
		{.l3 = 14,
			.l4 = 62,
			.ether_type = 0x86dd,
			.l3_type = VNET_L3_IPV6,
			.protocol = 60,
			.fragment = true,
			.extended = true,
			.end = 74}},
	{"atomic fragment, RFC 6946",
		FRAME_MACS "86dd" IPV6("0014", "2c") FRAGMENT("11", "0000") UDP PAYLOAD,
		{.l3 = 14,
			.l4 = 62,
			.payload = 70,
			.ether_type = 0x86dd,
			.l3_type = VNET_L3_IPV6,
			.l4_type = VNET_L4_UDP,
			.protocol = 17,
			.extended = true,
			.end = 74}},
};

static struct guard memory;

/* The parser on bytes that end at a forbidden page. */
static struct vnet_packet
parse(const uint8_t *bytes, uint32_t nb, uint32_t len)
{
	uint8_t *at = memory.mem + memory.bytes - nb;
	struct vnet_packet p;
	const char *broken;

	memset(&p, 0xa5, sizeof(p));
	memcpy(at, bytes, nb);
	vnet_packet_parse(&p, at, nb, len);
	broken = frame_rule_broken(&p, nb, len);
	if (broken != NULL)
		fail_msg("nb %u len %u: %s", nb, len, broken);
	return p;
}

static struct vnet_packet
parse_hex(const char *digits)
{
	uint8_t bytes[FRAME_MAX];
	uint32_t nb = frame_hex(bytes, digits);

	return parse(bytes, nb, nb);
}

static void
equal(const char *name, const struct vnet_packet *p, const struct vnet_packet *is)
{
	if (p->l3 != is->l3 || p->l4 != is->l4 || p->payload != is->payload ||
		p->ether_type != is->ether_type || p->l3_type != is->l3_type ||
		p->l4_type != is->l4_type || p->protocol != is->protocol ||
		p->nb_tags != is->nb_tags || p->fragment != is->fragment ||
		p->extended != is->extended || p->home != is->home || p->route != is->route ||
		p->final != is->final || p->end != is->end)
		fail_msg("%s: l3 %u/%u l4 %u/%u payload %u tags %u protocol %u fragment %d "
			 "extended %d home %u route %u final %u end %u",
			name, p->l3, p->l3_type, p->l4, p->l4_type, p->payload, p->nb_tags,
			p->protocol, p->fragment, p->extended, p->home, p->route, p->final, p->end);
}

static void
known_frames_are_taken_apart(void **state)
{
	(void)state;
	for (size_t i = 0; i < RTE_DIM(known); i++) {
		struct vnet_packet p = parse_hex(known[i].digits);

		equal(known[i].name, &p, &known[i].is);
	}
}

/* The frame is there, but fewer of its bytes are given; none may be missed that is needed. */
static void
what_is_not_given_is_not_read(void **state)
{
	uint8_t bytes[FRAME_MAX];

	(void)state;
	for (size_t i = 0; i < RTE_DIM(known); i++) {
		const struct vnet_packet *is = &known[i].is;
		uint32_t len = frame_hex(bytes, known[i].digits);

		for (uint32_t nb = 0; nb <= len; nb++) {
			struct vnet_packet p = parse(bytes, nb, len);

			assert_int_equal(p.l3_type,
				is->l4 != 0 && nb >= is->l4 ? is->l3_type : VNET_L3_OTHER);
			assert_int_equal(p.l4_type, is->payload != 0 && nb >= is->payload
							    ? is->l4_type
							    : VNET_L4_OTHER);
			if (nb >= is->l3 && nb >= is->l4 && nb >= is->payload)
				equal(known[i].name, &p, is);
		}
	}
}

/* The frame itself ends early: an IP packet that states more is none. */
static void
frame_shorter_than_its_packet_is_other(void **state)
{
	uint8_t bytes[FRAME_MAX];

	(void)state;
	for (size_t i = 0; i < RTE_DIM(known); i++) {
		uint32_t whole = frame_hex(bytes, known[i].digits);

		for (uint32_t len = 0; len <= whole; len++) {
			struct vnet_packet p = parse(bytes, len, len);

			assert_int_equal(p.l3_type,
				len >= known[i].is.end ? known[i].is.l3_type : VNET_L3_OTHER);
		}
	}
}

static void
any_byte_may_have_any_value(void **state)
{
	uint8_t bytes[FRAME_MAX];

	(void)state;
	for (size_t i = 0; i < RTE_DIM(known); i++) {
		uint32_t len = frame_hex(bytes, known[i].digits);

		for (uint32_t at = 12; at < len; at++) {
			uint8_t was = bytes[at];

			for (uint32_t value = 0; value < 256; value++) {
				bytes[at] = (uint8_t)value;
				parse(bytes, len, len);
				/* More behind the bytes given than they say. */
				parse(bytes, len, len + 65535);
			}
			bytes[at] = was;
		}
	}
}

static void
contradicting_network_headers_are_other(void **state)
{
	static const char *const frames[] = {
		/* version 6 and 4 under the other's type */
		FRAME_MACS "0800 65 00 002c 1234 4000 40 06 0000 c0000201 c0000202" TCP PAYLOAD,
		FRAME_MACS "86dd 40000000 0018 06 40 20010db8000000000000000000000001"
			   "20010db8000000000000000000000002" TCP PAYLOAD,
		/* header length of 16 */
		FRAME_MACS "0800 44 00 002c 1234 4000 40 06 0000 c0000201 c0000202" TCP PAYLOAD,
		/* header longer than the frame */
		FRAME_MACS "0800 4f 00 002c 1234 4000 40 06 0000 c0000201 c0000202" TCP PAYLOAD,
		/* total length 0, 19, one too many, most */
		FRAME_MACS "0800" IPV4("0000", "4000", "06") TCP PAYLOAD,
		FRAME_MACS "0800" IPV4("0013", "4000", "06") TCP PAYLOAD,
		FRAME_MACS "0800" IPV4("002d", "4000", "06") TCP PAYLOAD,
		FRAME_MACS "0800" IPV4("ffff", "4000", "06") TCP PAYLOAD,
		/* the same for IPv6 */
		FRAME_MACS "86dd" IPV6("0019", "06") TCP PAYLOAD,
		FRAME_MACS "86dd" IPV6("ffff", "06") TCP PAYLOAD,
		/* an extension header behind the packet's end, one that crosses it */
		FRAME_MACS "86dd" IPV6("0000", "3c") DESTINATION("06") TCP PAYLOAD,
		FRAME_MACS "86dd" IPV6("0010", "3c") "06 02 010c 000000000000000000000000" TCP,
		/* an option without its length, and one that leaves its header */
		FRAME_MACS "86dd" IPV6("0020", "3c") "06 00 0103 000000 05" TCP PAYLOAD,
		FRAME_MACS "86dd" IPV6("0020", "3c") "06 00 0105 00000000" TCP PAYLOAD,
		/* a home address of 15 bytes */
		FRAME_MACS "86dd" IPV6("0024",
			"3c") "11 02 0103 000000 c90f 20010db800000000000000000000 0a" UDP PAYLOAD,
		/* a type 2 routing header with two addresses to go, and without an address */
		FRAME_MACS "86dd" IPV6("0024",
			"2b") "11 02 0202 00000000 20010db800000000000000000000000b" UDP PAYLOAD,
		FRAME_MACS "86dd" IPV6("0014", "2b") "11 00 0201 00000000" UDP PAYLOAD,
		FRAME_MACS "86dd" IPV6("0014", "2b") "11 00 0401 00000000" UDP PAYLOAD,
	};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(frames); i++) {
		struct vnet_packet p = parse_hex(frames[i]);

		if (p.l3_type != VNET_L3_OTHER)
			fail_msg("frame %zu: %s", i, frames[i]);
	}
}

static void
transport_header_ends_inside_the_packet(void **state)
{
	static const char *const frames[] = {
		/* data offset of 16 and 24 bytes */
		FRAME_MACS "0800" IPV4("0028", "4000", "06") "c001 0050 00000001 00000002 40 18"
							     "ffff 0000 0000",
		FRAME_MACS "0800" IPV4("0028", "4000", "06") "c001 0050 00000001 00000002 60 18"
							     "ffff 0000 0000" PAYLOAD PAYLOAD,
		/* the packet ends before the frame does: 19 bytes of TCP, 7 of UDP */
		FRAME_MACS "0800" IPV4("0027", "4000", "06") TCP PAYLOAD,
		FRAME_MACS "86dd" IPV6("0013", "06") TCP PAYLOAD,
		FRAME_MACS "0800" IPV4("001b", "4000", "11") UDP PAYLOAD,
		FRAME_MACS "86dd" IPV6("0007", "11") UDP PAYLOAD,
	};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(frames); i++) {
		struct vnet_packet p = parse_hex(frames[i]);

		assert_int_not_equal(p.l3_type, VNET_L3_OTHER);
		assert_int_equal(p.l4_type, VNET_L4_OTHER);
	}
}

/* Eight bytes a step: the longest chain that is still taken apart, and one step more. */
static void
chain_of_extensions_is_bounded(void **state)
{
	uint8_t bytes[FRAME_MAX];

	(void)state;
	for (uint32_t nb_ext = 0; nb_ext <= 200; nb_ext++) {
		uint32_t len = frame_hex(bytes, FRAME_MACS "86dd" IPV6("0000", "3c"));
		struct vnet_packet p;

		if (nb_ext == 0)
			bytes[20] = 0x11;
		for (uint32_t i = 1; i <= nb_ext; i++)
			len += frame_hex(
				bytes + len, i == nb_ext ? DESTINATION("11") : DESTINATION("3c"));
		len += frame_hex(bytes + len, UDP PAYLOAD);
		frame_set16(bytes + 18, len - 54);
		p = parse(bytes, len, len);
		assert_int_equal(p.l3_type,
			54 + 8 * nb_ext <= VNET_PACKET_HEAD ? VNET_L3_IPV6 : VNET_L3_OTHER);
		assert_int_equal(p.l4_type,
			62 + 8 * nb_ext <= VNET_PACKET_HEAD ? VNET_L4_UDP : VNET_L4_OTHER);
	}
}

/* A header may say anything of a frame of 65,557 bytes: two tags and the largest IPv4 packet. */
static void
largest_frame_is_taken_apart(void **state)
{
	uint8_t bytes[FRAME_MAX];
	uint32_t nb = frame_hex(
		bytes, FRAME_MACS "88a8 0001 8100 0002 0800" IPV4("ffff", "4000", "06") TCP);
	struct vnet_packet p = parse(bytes, nb, 22 + 65535);

	(void)state;
	assert_int_equal(p.l4_type, VNET_L4_TCP);
	assert_int_equal(p.end, 65557);
	p = parse(bytes, nb, 22 + 65534);
	assert_int_equal(p.l3_type, VNET_L3_OTHER);

	nb = frame_hex(bytes, FRAME_MACS "86dd" IPV6("ffff", "06") TCP);
	p = parse(bytes, nb, 54 + 65535);
	assert_int_equal(p.l4_type, VNET_L4_TCP);
	assert_int_equal(p.end, 65589);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		UNIT(known_frames_are_taken_apart),
		UNIT(what_is_not_given_is_not_read),
		UNIT(frame_shorter_than_its_packet_is_other),
		UNIT(any_byte_may_have_any_value),
		UNIT(contradicting_network_headers_are_other),
		UNIT(transport_header_ends_inside_the_packet),
		UNIT(chain_of_extensions_is_bounded),
		UNIT(largest_frame_is_taken_apart),
	};

	memory = guard_alloc(FRAME_MAX, 1);
	return RUN_UNITS("vnet_packet", tests);
}
