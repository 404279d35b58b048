/* SPDX-License-Identifier: BSD-3-Clause */
#include "frame.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define ETHERTYPE_LOCAL 0x88b5 /* IEEE 802, local experimental */
#define PROTOCOL_OTHER 253     /* RFC 3692, experiments */

static const char *const kind_names[] = {"none", "csum", "tso4", "tso6", "uso"};
static const char *const flavour_names[] = {
	"tcp4", "udp4", "tcp6", "udp6", "other-ip4", "fragment4", "other-ether"};

const char *
kind_name(enum kind kind)
{
	return kind_names[kind];
}

const char *
flavour_name(enum flavour flavour)
{
	return flavour_names[flavour];
}

void
shape_describe(const struct shape *s, char *text, uint32_t n)
{
	snprintf(text, n,
		"%s %s %u bytes in %u segments%s%s, %u tags, extra %d, tcp options %u, mss "
		"%u%s%s%s%s%s",
		kind_names[s->kind], flavour_names[s->flavour], s->size, s->segs,
		s->raw ? " raw" : "", s->cloned ? " cloned" : "", s->tags, s->extra, s->tcp_options,
		s->mss, s->zero_sum ? ", checksum 0" : "", s->no_sum ? ", no checksum" : "",
		s->wrong_sum ? ", wrong checksum" : "", s->trailer ? ", trailer" : "",
		s->no_cwr ? ", no CWR" : "");
}

uint32_t
chance(uint64_t *state)
{
	/* splitmix64 */
	uint64_t z = *state += 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return (uint32_t)((z ^ (z >> 31)) >> 16);
}

uint32_t
chance_below(uint64_t *state, uint32_t n)
{
	return chance(state) % n;
}

static void
fill(uint8_t *p, uint32_t n, uint64_t *state)
{
	uint32_t i, word;

	for (i = 0; i + 4 <= n; i += 4)
		put32(p + i, chance(state));
	word = chance(state);
	for (; i < n; i++, word >>= 8)
		p[i] = (uint8_t)word;
}

static bool
is_v6(enum flavour flavour)
{
	return flavour == FLAVOUR_TCP6 || flavour == FLAVOUR_UDP6;
}

static bool
is_tcp(enum flavour flavour)
{
	return flavour == FLAVOUR_TCP4 || flavour == FLAVOUR_TCP6;
}

static bool
is_udp(enum flavour flavour)
{
	return flavour == FLAVOUR_UDP4 || flavour == FLAVOUR_UDP6;
}

static uint16_t
l3_bytes(const struct shape *s)
{
	static const uint16_t v4[EXTRA_MAX] = {20, 24, 60, 20, 20};
	static const uint16_t v6[EXTRA_MAX] = {40, 48, 72, 64, 64};

	if (s->flavour == FLAVOUR_ETHER)
		return 0;
	return is_v6(s->flavour) ? v6[s->extra] : v4[s->extra];
}

static uint16_t
l4_bytes(const struct shape *s)
{
	if (is_tcp(s->flavour))
		return 20 + s->tcp_options;
	return is_udp(s->flavour) ? 8 : 0;
}

uint32_t
frame_least(const struct shape *s)
{
	return 14u + s->tags * 4u + l3_bytes(s) + l4_bytes(s) + s->trailer +
	       (s->kind == KIND_NONE ? 0
		       : s->zero_sum ? 2
				     : 1);
}

static void
build_ether(struct frame *f, const uint8_t *src, const uint8_t *dst, uint64_t *state)
{
	uint8_t *p = f->bytes + 12;

	memcpy(f->bytes, dst, 6);
	memcpy(f->bytes + 6, src, 6);
	for (unsigned int i = 0; i < f->shape.tags; i++, p += 4) {
		bool outer = i + 1 < f->shape.tags;

		/* 802.1ad outside, or one 802.1Q tag inside another. */
		put16(p, outer && (chance(state) & 1) ? 0x88a8 : 0x8100);
		put16(p + 2, (uint16_t)(chance(state) & 0xefff));
	}
	put16(p, !f->ip ? ETHERTYPE_LOCAL : f->v6 ? 0x86dd : 0x0800);
}

static void
build_ip4(struct frame *f, uint8_t protocol, uint64_t *state)
{
	uint8_t *ip = f->bytes + f->l2;
	uint32_t total = f->l3 + f->l4 + f->payload_len;

	ip[0] = (uint8_t)(4 << 4 | f->l3 / 4);
	ip[1] = (uint8_t)chance(state);
	put16(ip + 2, (uint16_t)total);
	/* Often close to the end, so that counting up wraps. */
	put16(ip + 4, (uint16_t)(chance(state) | (chance(state) % 4 == 0 ? 0xfff0 : 0)));
	put16(ip + 6, chance(state) & 1 ? 0x4000 : 0);
	if (f->shape.flavour == FLAVOUR_FRAGMENT)
		put16(ip + 6, (uint16_t)(0x2000 | (1 + chance_below(state, 1000))));
	ip[8] = (uint8_t)(1 + chance_below(state, 255));
	ip[9] = protocol;
	put32(ip + 12, 198u << 24 | 18u << 16 | (chance(state) & 0xffff));
	put32(ip + 16, 198u << 24 | 19u << 16 | (chance(state) & 0xffff));
	if (f->shape.extra == EXTRA_SHORT) {
		put32(ip + 20, 0x94040000); /* router alert, RFC 2113 */
	} else if (f->shape.extra == EXTRA_LONG) {
		ip[20] = 7; /* record route, RFC 791, 3.1: 9 addresses, then end of options */
		ip[21] = 39;
		ip[22] = 4;
	}
	put16(ip + 10, inet_checksum(inet_add(0, ip, f->l3)));
	memcpy(f->src, ip + 12, 4);
	memcpy(f->dst, ip + 16, 4);
}

/* One extension header of 8 * words bytes, filled by PadN (RFC 8200, 4.2). */
static uint8_t *
put_options(uint8_t *p, uint8_t words)
{
	p[1] = words - 1;
	p[2] = 1;
	p[3] = (uint8_t)(words * 8 - 4);
	return p + words * 8;
}

static void
build_extensions(struct frame *f, uint8_t protocol, uint64_t *state)
{
	uint8_t *ip = f->bytes + f->l2, *next = ip + 6, *p = ip + 40;

	switch (f->shape.extra) {
	case EXTRA_SHORT:
		*next = 0;
		next = p;
		put_options(p, 1);
		break;
	case EXTRA_LONG:
		*next = 0;
		next = p;
		p = put_options(p, 1);
		*next = 60;
		next = p;
		put_options(p, 3);
		break;
	case EXTRA_ROUTE:
		*next = 43;
		next = p;
		p[1] = 2;
		p[2] = 2;
		p[3] = 1;
		fill(p + 8, 16, state);
		memcpy(f->dst, p + 8, 16);
		break;
	case EXTRA_HOME:
		*next = 60;
		next = p;
		put_options(p, 3);
		p[3] = 2;
		p[6] = 0xc9;
		p[7] = 16;
		fill(p + 8, 16, state);
		memcpy(f->src, p + 8, 16);
		break;
	default:
		break;
	}
	*next = protocol;
}

static void
build_ip6(struct frame *f, uint8_t protocol, uint64_t *state)
{
	uint8_t *ip = f->bytes + f->l2;

	put32(ip, 6u << 28 | (chance(state) & 0x0fffffff));
	put16(ip + 4, (uint16_t)(f->l3 - 40 + f->l4 + f->payload_len));
	ip[7] = (uint8_t)(1 + chance_below(state, 255));
	fill(ip + 8, 32, state);
	put16(ip + 8, 0xfd00);
	put16(ip + 24, 0xfd01);
	memcpy(f->src, ip + 8, 16);
	memcpy(f->dst, ip + 24, 16);
	build_extensions(f, protocol, state);
}

static void
build_tcp(struct frame *f, uint64_t *state)
{
	uint8_t *tcp = f->bytes + f->l2 + f->l3;
	/* FIN, PSH, ECE, CWR; ACK always. */
	uint8_t flags = (uint8_t)(0x10 | (chance(state) & (0x01 | 0x08 | 0x40 | 0x80)));

	if (f->shape.no_cwr)
		flags &= 0x7f;
	put32(tcp, chance(state));
	put32(tcp + 4, chance(state) | (chance(state) % 4 == 0 ? 0xffffff00 : 0));
	put32(tcp + 8, chance(state));
	tcp[12] = (uint8_t)(f->l4 / 4 << 4);
	tcp[13] = flags;
	put16(tcp + 14, (uint16_t)chance(state));
	memset(tcp + 20, 1, f->l4 - 20u);
	if (f->shape.tcp_options >= 12) { /* timestamps behind two NOPs, RFC 7323 */
		tcp[22] = 8;
		tcp[23] = 10;
		fill(tcp + 24, 8, state);
	}
	f->csum_at = f->l2 + f->l3 + 16;
}

static void
build_udp(struct frame *f, uint64_t *state)
{
	uint8_t *udp = f->bytes + f->l2 + f->l3;

	put32(udp, chance(state));
	put16(udp + 4, (uint16_t)(8 + f->payload_len));
	f->csum_at = f->l2 + f->l3 + 6;
}

uint64_t
frame_pseudo(const struct frame *f, uint32_t payload_len)
{
	return inet_pseudo(
		f->v6, f->src, f->dst, f->tcp ? INET_TCP : INET_UDP, f->l4 + payload_len);
}

/* Transport checksum over everything, with the exceptions that the shape asks for. */
static void
build_checksum(struct frame *f)
{
	uint8_t *l4 = f->bytes + f->l2 + f->l3, *field = f->bytes + f->csum_at;
	uint64_t pseudo = frame_pseudo(f, f->payload_len);
	uint32_t n = f->l4 + f->payload_len;
	uint16_t sum;

	if (f->shape.zero_sum && f->payload_len >= 2) {
		/* The first two bytes of payload bring the sum to 0xffff. */
		put16(l4 + f->l4, 0);
		put16(l4 + f->l4, inet_checksum(inet_add(pseudo, l4, n)));
	}
	sum = inet_checksum(inet_add(pseudo, l4, n));
	if (f->udp && sum == 0)
		sum = 0xffff; /* RFC 768: 0 says that there is none */
	if (f->shape.wrong_sum)
		sum = sum == 0x1234 ? 0x4321 : 0x1234;
	put16(field, f->shape.no_sum ? 0 : sum);
	if (f->shape.no_sum || f->shape.wrong_sum)
		f->csum_at = 0;
}

void
frame_build(struct frame *f, const struct shape *shape, const uint8_t *src, const uint8_t *dst)
{
	uint64_t state = shape->seed | 1;
	uint8_t protocol = PROTOCOL_OTHER;
	uint32_t least;

	memset(f, 0, offsetof(struct frame, bytes) + FRAME_HEADERS_MAX);
	f->shape = *shape;
	f->ip = shape->flavour != FLAVOUR_ETHER;
	f->v6 = is_v6(shape->flavour);
	f->tcp = is_tcp(shape->flavour);
	f->udp = is_udp(shape->flavour);
	f->l2 = 14 + shape->tags * 4;
	f->l3 = l3_bytes(shape);
	f->l4 = l4_bytes(shape);
	least = frame_least(shape);
	f->len = shape->size < least ? least : shape->size;
	f->payload_len = f->len - frame_headers(f) - shape->trailer;
	if (f->tcp)
		protocol = INET_TCP;
	else if (f->udp || shape->flavour == FLAVOUR_FRAGMENT)
		protocol = INET_UDP;

	build_ether(f, src, dst, &state);
	if (f->v6)
		build_ip6(f, protocol, &state);
	else if (f->ip)
		build_ip4(f, protocol, &state);
	if (f->tcp)
		build_tcp(f, &state);
	else if (f->udp)
		build_udp(f, &state);
	fill(f->bytes + frame_headers(f), f->payload_len, &state);
	/* A trailer is zero where somebody sums up to the end of the frame. */
	memset(f->bytes + f->len - shape->trailer, shape->kind == KIND_NONE ? 0xa5 : 0,
		shape->trailer);
	if (f->csum_at != 0)
		build_checksum(f);
}
