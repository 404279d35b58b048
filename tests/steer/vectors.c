/* SPDX-License-Identifier: BSD-3-Clause */
/* Microsoft's verification suite for RSS, as frames written by hand. */
#include "frames.h"
#include "reference.h"

#include <string.h>

const uint8_t vector_key[40] = {0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25,
	0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb,
	0x2d, 0xa3, 0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa};

static const struct {
	uint8_t destination[16];
	uint8_t source[16];
	uint16_t to;
	uint16_t from;
	uint32_t addresses;
	uint32_t ports;
} suite[] = {
	{{161, 142, 100, 80}, {66, 9, 149, 187}, 1766, 2794, 0x323e8fc2, 0x51ccc178},
	{{65, 69, 140, 83}, {199, 92, 111, 2}, 4739, 14230, 0xd718262a, 0xc626b0ea},
	{{12, 22, 207, 184}, {24, 19, 198, 95}, 38024, 12898, 0xd2d0a5de, 0x5c2b394a},
	{{209, 142, 163, 6}, {38, 27, 205, 30}, 2217, 48228, 0x82989176, 0xafc7327f},
	{{202, 188, 127, 2}, {153, 39, 163, 191}, 1303, 44251, 0x5d1809c5, 0x10e828a2},
	{{0x3f, 0xfe, 0x25, 0x01, 2, 0, 0, 3, [15] = 1},
		{0x3f, 0xfe, 0x25, 0x01, 2, 0, 0x1f, 0xff, [15] = 7}, 1766, 2794, 0x2cc18cd5,
		0x40207d3d},
	{{0xff, 2, [15] = 1},
		{0x3f, 0xfe, 5, 1, 0, 8, 0, 0, 2, 0x60, 0x97, 0xff, 0xfe, 0x40, 0xef, 0xab}, 4739,
		14230, 0x0f0c461c, 0xdde51bbf},
	{{0xfe, 0x80, [8] = 2, 0, 0xf8, 0xff, 0xfe, 0x21, 0x67, 0xcf},
		{0x3f, 0xfe, 0x19, 0, 0x45, 0x45, 0, 3, 2, 0, 0xf8, 0xff, 0xfe, 0x21, 0x67, 0xcf},
		38024, 44251, 0x4b61e985, 0x02d1feef},
};

#define NB_IPV4 5
#define NB_SUITE 8
#define NB_FRAMES (3 * NB_SUITE + 3 * (NB_SUITE - NB_IPV4))

/* Which line of the suite, which protocol, and whether by extension headers. */
struct choice {
	unsigned int line;
	unsigned int protocol; /* 0 TCP, 1 UDP, 2 another */
	bool extended;
};

static struct choice
choice_of(uint64_t id)
{
	if (id < 3 * NB_SUITE)
		return (struct choice){(unsigned int)id / 3, id % 3, false};
	id -= 3 * NB_SUITE;
	return (struct choice){NB_IPV4 + (unsigned int)id / 3, id % 3, true};
}

static void
put16(uint8_t *p, uint32_t value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

static const uint8_t protocols[] = {6, 17, 132};

static uint32_t
put_ipv4(uint8_t *p, const struct choice *c, uint32_t payload)
{
	put16(p, 0x0800);
	p[2] = 0x45;
	put16(p + 4, 20 + payload);
	p[10] = 64;
	p[11] = protocols[c->protocol];
	memcpy(p + 14, suite[c->line].source, 4);
	memcpy(p + 18, suite[c->line].destination, 4);
	return 22;
}

/* Home address and type 2 routing header; other addresses in the IPv6 header. */
static uint32_t
put_extensions(uint8_t *p, const struct choice *c)
{
	p[0] = 43;
	p[1] = 2;
	p[2] = 1; /* padding of 4 bytes: the address is aligned */
	p[3] = 2;
	p[6] = 0xc9;
	p[7] = 16;
	memcpy(p + 8, suite[c->line].source, 16);
	p += 24;
	p[0] = protocols[c->protocol];
	p[1] = 2;
	p[2] = 2;
	p[3] = 1;
	memcpy(p + 8, suite[c->line].destination, 16);
	return 48;
}

static uint32_t
put_ipv6(uint8_t *p, const struct choice *c, uint32_t payload)
{
	put16(p, 0x86dd);
	p[2] = 0x60;
	put16(p + 6, payload + (c->extended ? 48 : 0));
	p[8] = c->extended ? 60 : protocols[c->protocol];
	p[9] = 64;
	if (c->extended) {
		memset(p + 10, 0x11, 16);
		memset(p + 26, 0x22, 16);
		return 42 + put_extensions(p + 42, c);
	}
	memcpy(p + 10, suite[c->line].source, 16);
	memcpy(p + 26, suite[c->line].destination, 16);
	return 42;
}

uint32_t
vector_make(uint8_t *frame, uint32_t seed, uint64_t id, const uint8_t macs[12])
{
	const uint32_t transport = 20;
	uint8_t bytes[128] = {0};
	struct choice c;
	uint32_t nb;

	if (id >= NB_FRAMES)
		return 0;
	c = choice_of(id);
	nb = c.line < NB_IPV4 ? put_ipv4(bytes, &c, transport) : put_ipv6(bytes, &c, transport);
	put16(bytes + nb, suite[c.line].from);
	put16(bytes + nb + 2, suite[c.line].to);
	if (c.protocol == 0)
		bytes[nb + 12] = 0x50;
	else if (c.protocol == 1)
		put16(bytes + nb + 4, transport);
	return frame_wrap(frame, seed, id, macs, bytes, nb + transport);
}

struct vector_value
vector_value(uint64_t id)
{
	static const unsigned int v4[] = {REPORT_TCPV4, REPORT_UDPV4, REPORT_IPV4};
	static const unsigned int v6[] = {REPORT_TCPV6, REPORT_UDPV6, REPORT_IPV6};
	static const unsigned int ex[] = {REPORT_TCPV6_EX, REPORT_UDPV6_EX, REPORT_IPV6_EX};
	struct choice c = choice_of(id);
	const unsigned int *reports = c.line < NB_IPV4 ? v4 : c.extended ? ex : v6;

	return (struct vector_value){reports[c.protocol],
		c.protocol == 2 ? suite[c.line].addresses : suite[c.line].ports};
}
