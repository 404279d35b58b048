/* SPDX-License-Identifier: BSD-3-Clause */
#include "hash_model.h"

#include "support/random.h"

#include <string.h>

#define READ_MAX 256 /* headers behind this many bytes are not looked at */

/* A packet that is written from front to back. */
struct writer {
	uint8_t *frame;
	uint32_t at;
	uint64_t *seed;
};

static void
put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static bool
one_in(struct writer *w, uint32_t n)
{
	return random_below(w->seed, n) == 0;
}

static void
put_tags(struct writer *w, uint32_t nb)
{
	for (; nb > 0; nb--, w->at += 4) {
		put16(w->frame + w->at, nb > 1 ? 0x88a8 : 0x8100);
		put16(w->frame + w->at + 2, random_below(w->seed, 0x10000));
	}
}

/* TCP, UDP or something else; the protocol's number is written to *next. */
static void
put_transport(struct writer *w, struct hash_packet *p, uint8_t *next, bool fragment, bool cut)
{
	uint8_t *l4 = w->frame + w->at;
	uint32_t size;

	memcpy(l4, p->ports, 4);
	if (one_in(w, 8)) {
		*next = one_in(w, 2) ? 132 : 47;
		size = 20;
		p->l4 = 0;
	} else if (one_in(w, 2)) {
		*next = 17;
		size = 8;
		p->l4 = 17;
	} else {
		*next = 6;
		size = 20 + 4 * (one_in(w, 2) ? random_below(w->seed, 11) : 0);
		l4[12] = (uint8_t)(size / 4 << 4);
		p->l4 = 6;
		if (one_in(w, 8)) {
			/* Shorter than a header can be. */
			l4[12] = (uint8_t)(random_below(w->seed, 5) << 4);
			p->l4 = 0;
		}
	}
	if (cut) {
		size = random_below(w->seed, size);
		p->l4 = 0;
	}
	/* Only the first fragment has ports: none of them is hashed with ports. */
	if (fragment || w->at + size > READ_MAX)
		p->l4 = 0;
	w->at += size;
}

static void
put_ipv4(struct writer *w, struct hash_packet *p, bool cut)
{
	uint32_t l3 = w->at;
	uint8_t *ip = w->frame + l3;
	uint32_t options = one_in(w, 3) ? 4 * random_below(w->seed, 11) : 0;
	uint32_t fragment = one_in(w, 8)   ? 0x2000 | random_below(w->seed, 100)
			    : one_in(w, 8) ? 0x2000
					   : 0;

	p->ip = 4;
	memcpy(ip + 12, p->source, 4);
	memcpy(ip + 16, p->destination, 4);
	ip[0] = (uint8_t)(0x45 + options / 4);
	put16(ip + 6, fragment != 0 ? fragment : one_in(w, 2) ? 0x4000 : 0);
	w->at += 20 + options;
	put_transport(w, p, ip + 9, fragment != 0, cut);
	w->at += cut ? 0 : random_below(w->seed, one_in(w, 2) ? 20 : 500);
	put16(ip + 2, w->at - l3);
}

/* Header, its size in bytes; *next is where the number of what follows is to be written. */
static uint8_t *
put_extension(struct writer *w, uint8_t **next, uint8_t number, uint32_t size)
{
	uint8_t *header = w->frame + w->at;

	**next = number;
	*next = header;
	memset(header, 0, size);
	header[1] = (uint8_t)(size / 8 - 1);
	w->at += size;
	return header;
}

/* Fill with PadN from a place on. */
static void
pad(uint8_t *at, uint32_t n)
{
	while (n > 1) {
		uint32_t part = n > 250 ? 250 : n;

		at[0] = 1;
		at[1] = (uint8_t)(part - 2);
		at += part;
		n -= part;
	}
}

/* @return it is a fragment. */
static bool
put_extensions(struct writer *w, struct hash_packet *p, uint8_t **next)
{
	uint32_t offset, more;
	uint8_t *header;

	if (one_in(w, 3)) {
		uint32_t size = 8 * (1 + random_below(w->seed, one_in(w, 4) ? 27 : 3));

		header = put_extension(w, next, 0, size);
		pad(header + 2, size - 2);
	}
	if (one_in(w, 2)) {
		header = put_extension(w, next, 60, 24);
		pad(header + 2, 4);
		header[6] = one_in(w, 4) ? 0x1e : 0xc9; /* another option looks just like it */
		header[7] = 16;
		memcpy(header + 8, p->home_address, 16);
		p->home = header[6] == 0xc9;
	}
	if (one_in(w, 2)) {
		header = put_extension(w, next, 43, 24);
		header[2] = 2;
		header[3] = 1;
		memcpy(header + 8, p->route_address, 16);
		p->route = true;
	}
	if (!one_in(w, 4))
		return false;
	header = put_extension(w, next, 44, 8);
	header[1] = 0;
	offset = one_in(w, 2) ? random_below(w->seed, 100) : 0;
	more = random_below(w->seed, 2);
	put16(header + 2, 8 * offset | more);
	return offset != 0 || more != 0;
}

static void
put_ipv6(struct writer *w, struct hash_packet *p, bool cut)
{
	uint32_t l3 = w->at;
	uint8_t *ip = w->frame + l3, *next = ip + 6;
	bool fragment = false;

	p->ip = 6;
	ip[0] = 0x60;
	memcpy(ip + 8, p->source, 16);
	memcpy(ip + 24, p->destination, 16);
	w->at += 40;
	if (one_in(w, 2))
		fragment = put_extensions(w, p, &next);
	p->extended = w->at != l3 + 40;
	if (w->at > READ_MAX)
		p->ip = 0;
	put_transport(w, p, next, fragment, cut);
	w->at += cut ? 0 : random_below(w->seed, one_in(w, 2) ? 20 : 500);
	put16(ip + 4, w->at - l3 - 40);
}

void
hash_packet_random(struct hash_packet *p, uint8_t *frame, uint64_t *seed)
{
	struct writer w = {frame, 12, seed};
	uint32_t kind = random_below(seed, 16);
	uint32_t what = random_below(seed, 16); /* is cut off? */
	uint32_t l3;

	memset(p, 0, sizeof(*p));
	for (uint32_t i = 12; i < HASH_MODEL_FRAME_MAX; i++)
		frame[i] = (uint8_t)random_next(seed);
	for (uint32_t i = 0; i < 16; i++) {
		p->source[i] = (uint8_t)random_next(seed);
		p->destination[i] = (uint8_t)random_next(seed);
		p->home_address[i] = (uint8_t)random_next(seed);
		p->route_address[i] = (uint8_t)random_next(seed);
		p->ports[i % 4] = (uint8_t)random_next(seed);
	}
	put_tags(&w, random_below(seed, 4) == 0 ? random_below(seed, 3) : 0);
	w.at += 2;
	l3 = w.at;
	if (kind == 0) {
		put16(frame + w.at - 2, 0x0806);
		w.at += random_below(seed, 300);
	} else if (kind < 8) {
		put16(frame + w.at - 2, 0x0800);
		put_ipv4(&w, p, what == 0);
	} else {
		put16(frame + w.at - 2, 0x86dd);
		put_ipv6(&w, p, what == 0);
	}
	p->len = w.at;
	if (what == 1 && w.at > l3) {
		/* The frame ends before the packet does, by its own length. */
		p->len = l3 + random_below(seed, w.at - l3);
		p->ip = 0;
	} else if (random_below(seed, 4) == 0) {
		p->len += random_below(seed, 40); /* padding */
	}
}

void
hash_packet_plain(struct hash_packet *p, uint8_t *frame)
{
	uint32_t ip_bytes = p->ip == 4 ? 20 : 40, address = p->ip == 4 ? 4 : 16;
	uint8_t *ip = frame + 14, *l4 = ip + ip_bytes;

	memset(ip, 0, ip_bytes + 40);
	put16(frame + 12, p->ip == 4 ? 0x0800 : 0x86dd);
	ip[0] = p->ip == 4 ? 0x45 : 0x60;
	put16(ip + (p->ip == 4 ? 2 : 4), p->ip == 4 ? 20 + 40 : 40);
	ip[p->ip == 4 ? 9 : 6] = p->l4 != 0 ? p->l4 : 132;
	memcpy(ip + ip_bytes - 2 * address, p->source, address);
	memcpy(ip + ip_bytes - address, p->destination, address);
	memcpy(l4, p->ports, 4);
	l4[12] = 0x50;
	p->len = 14 + ip_bytes + 40;
}

void
hash_packet_odd(struct hash_packet *p, uint8_t *frame, uint64_t *seed)
{
	uint8_t *ip = frame + 14, *l4 = ip + 20;
	uint32_t value;

	hash_packet_plain(p, frame);
	switch (random_below(seed, 7)) {
	case 0:
		value = random_below(seed, 16);
		l4[12] = (uint8_t)(value << 4);
		if (p->l4 == 6 && (value < 5 || value > 10))
			p->l4 = 0;
		break;
	case 1:
		value = 1u << random_below(seed, 16);
		put16(ip + 6, value);
		if (value < 0x4000)
			p->l4 = 0;
		break;
	case 2:
		p->len = 54 + random_below(seed, 20);
		break;
	case 3:
		value = random_below(seed, 62);
		put16(ip + 2, value);
		p->ip = value < 20 || value > 60 ? 0 : 4;
		if (value < (p->l4 == 6 ? 40u : 28u))
			p->l4 = 0;
		break;
	case 4:
		ip[0] ^= (uint8_t)(0x10 << random_below(seed, 4));
		p->ip = 0;
		break;
	case 5:
		ip[9] ^= (uint8_t)(1 << random_below(seed, 8));
		p->l4 = 0;
		break;
	default:
		frame[12] ^= 1;
		p->ip = 0;
		break;
	}
	if (p->len < 74)
		p->ip = 0;
}

static uint32_t
toeplitz(const uint8_t *key, const uint8_t *input, uint32_t bytes)
{
	uint32_t hash = 0;

	for (uint32_t bit = 0; bit < 8 * bytes; bit++) {
		if (!(input[bit / 8] >> (7 - bit % 8) & 1))
			continue;
		for (uint32_t k = 0; k < 32; k++) {
			uint32_t at = bit + k;

			if (key[at / 8] >> (7 - at % 8) & 1)
				hash ^= UINT32_C(1) << (31 - k);
		}
	}
	return hash;
}

uint32_t
hash_model(const struct hash_packet *p, uint32_t types, const uint8_t *key, uint16_t *report)
{
	uint16_t base = p->ip == 4 ? 1 : 4; /* report of addresses only; TCP, UDP follow */
	uint32_t address = p->ip == 4 ? 4 : 16, n = 0;
	const uint8_t *source = p->source, *destination = p->destination;
	uint8_t input[36];

	*report = 0;
	if (p->ip == 0)
		return 0;
	for (int ex = p->extended; ex >= 0 && *report == 0; ex--) {
		uint16_t first = ex ? 7 : base;

		if (p->l4 == 6 && types & 1u << first)
			*report = (uint16_t)(first + 1);
		else if (p->l4 == 17 && types & 1u << (first + 1))
			*report = (uint16_t)(first + 2);
		else if (types & 1u << (first - 1))
			*report = first;
		if (ex && *report != 0 && p->home)
			source = p->home_address;
		if (ex && *report != 0 && p->route)
			destination = p->route_address;
	}
	if (*report == 0)
		return 0;
	memcpy(input, source, address);
	memcpy(input + address, destination, address);
	n = 2 * address;
	if (*report % 3 != 1) {
		memcpy(input + n, p->ports, 4);
		n += 4;
	}
	return toeplitz(key, input, n);
}
