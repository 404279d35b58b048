/* SPDX-License-Identifier: BSD-3-Clause */
#include "frames.h"

#include <string.h>

#define MAGIC 0x73746565u
#define HEADERS_MAX 1400

enum protocol {
	HOP_BY_HOP = 0,
	ICMP = 1,
	TCP = 6,
	UDP = 17,
	ROUTING = 43,
	FRAGMENT = 44,
	ESP = 50,
	AUTHENTICATION = 51,
	ICMP6 = 58,
	NOTHING = 59,
	DESTINATION = 60,
	SCTP = 132,
	MOBILITY = 135
};

/* A frame that grows at its end. */
struct build {
	uint8_t *frame;
	uint32_t at;
	uint64_t state;
};

uint64_t
frame_random(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static uint32_t
below(struct build *b, uint32_t n)
{
	return (uint32_t)(frame_random(&b->state) >> 33) % n;
}

static bool
one_in(struct build *b, uint32_t n)
{
	return below(b, n) == 0;
}

static void
put(uint8_t *p, uint64_t value, unsigned int bytes)
{
	while (bytes-- > 0) {
		p[bytes] = (uint8_t)value;
		value >>= 8;
	}
}

static void
add(struct build *b, uint64_t value, unsigned int bytes)
{
	put(b->frame + b->at, value, bytes);
	b->at += bytes;
}

static void
add_random(struct build *b, uint32_t bytes)
{
	while (bytes-- > 0)
		add(b, frame_random(&b->state), 1);
}

static unsigned int
some_protocol(struct build *b, bool six)
{
	static const uint8_t others[] = {
		ICMP, SCTP, ESP, ICMP6, NOTHING, AUTHENTICATION, 47, 4, 41};

	switch (below(b, 8)) {
	case 0:
		return others[below(b, sizeof(others))];
	case 1:
		return six && one_in(b, 2) ? MOBILITY : SCTP;
	case 2:
	case 3:
	case 4:
		return UDP;
	default:
		return TCP;
	}
}

/* A transport header, or what looks like one. */
static void
add_transport(struct build *b, unsigned int protocol)
{
	uint32_t options = one_in(b, 3) ? below(b, 11) : 0;
	uint32_t size = 5 + options;

	if (protocol == TCP) {
		if (one_in(b, 16))
			size = below(b, 16); /* a lie: too short, or longer than what follows */
		add_random(b, 12);
		add(b, size << 4, 1);
		add_random(b, 7 + options * 4);
	} else if (protocol == UDP) {
		add_random(b, 4);
		add(b, 8 + below(b, 100), 2);
		add_random(b, 2);
	} else {
		add_random(b, 8);
	}
	/* Cut off in the middle. */
	if (one_in(b, 24))
		b->at -= below(b, 9);
}

static void
add_ipv4(struct build *b, uint32_t *length_at)
{
	uint32_t options = one_in(b, 3) ? below(b, 11) : 0;
	unsigned int protocol = some_protocol(b, false);
	unsigned int words = one_in(b, 60) ? below(b, 16) : 5 + options;

	add(b, (one_in(b, 100) ? below(b, 16) : 4) << 4 | words, 1);
	add_random(b, 1);
	*length_at = b->at;
	add(b, 0, 2);
	add_random(b, 2);
	switch (below(b, 12)) {
	case 0: /* the first fragment */
		add(b, 0x2000, 2);
		break;
	case 1:
		add(b, 0x2000 | below(b, 0x2000), 2);
		break;
	case 2:
		add(b, below(b, 0x2000), 2);
		break;
	case 3: /* the bit that means nothing */
		add(b, 0x8000, 2);
		break;
	default:
		add(b, 0x4000, 2);
	}
	add(b, 64, 1);
	add(b, protocol, 1);
	add_random(b, 2 + 8 + options * 4);
	add_transport(b, protocol);
}

/* Options that fill bytes to the end: padding, the home address, unknown ones, broken ones. */
static void
add_options(struct build *b, uint32_t bytes)
{
	while (bytes > 0) {
		uint32_t size = 1;

		if (bytes >= 18 && one_in(b, 2)) {
			size = 18;
			add(b, 0xc910, 2);
			add_random(b, 16);
		} else if (bytes == 1 || one_in(b, 3)) {
			add(b, 0, 1);
		} else {
			size = 2 + below(b, bytes - 1);
			add(b, one_in(b, 40) ? 0xc9 : 1 + below(b, 60), 1);
			add(b, one_in(b, 40) ? 255 : size - 2, 1);
			add_random(b, size - 2);
		}
		bytes -= size;
	}
}

static void
add_routing(struct build *b, unsigned int next)
{
	static const uint8_t types[] = {0, 2, 2, 2, 3, 4};
	unsigned int type = types[below(b, sizeof(types))];
	uint32_t segments = type == 2 ? 1 : below(b, 4);
	unsigned int to_go = one_in(b, 2) ? segments : below(b, 3);

	if (type == 2 && one_in(b, 20))
		segments = 2;
	add(b, next, 1);
	add(b, segments * 2, 1);
	add(b, type, 1);
	add(b, to_go, 1);
	add_random(b, 4 + segments * 16);
}

static void
add_extension(struct build *b, unsigned int kind, unsigned int next)
{
	uint32_t eights = one_in(b, 10) ? below(b, 30) : below(b, 5);

	switch (kind) {
	case ROUTING:
		add_routing(b, next);
		return;
	case FRAGMENT:
		add(b, next << 8, 2);
		if (one_in(b, 2)) /* a packet in one fragment, or the first one */
			add(b, below(b, 2), 2);
		else
			add(b, below(b, 0x10000), 2);
		add_random(b, 4);
		return;
	default:
		add(b, next, 1);
		add(b, one_in(b, 60) ? 255 : eights, 1);
		if (kind == DESTINATION || kind == HOP_BY_HOP)
			add_options(b, 6 + 8 * eights);
		else
			add_random(b, 6 + 8 * eights);
	}
}

static void
add_ipv6(struct build *b, uint32_t *length_at)
{
	static const uint8_t kinds[] = {DESTINATION, DESTINATION, DESTINATION, ROUTING, ROUTING,
		FRAGMENT, HOP_BY_HOP, AUTHENTICATION};
	unsigned int nb = one_in(b, 2) ? 0 : 1 + below(b, one_in(b, 8) ? 7 : 3);
	unsigned int chain[8];

	for (unsigned int i = 0; i < nb; i++)
		chain[i] = i == 0 && one_in(b, 3) ? HOP_BY_HOP : kinds[below(b, sizeof(kinds))];
	chain[nb] = some_protocol(b, true);
	add(b, (one_in(b, 100) ? below(b, 16) : 6) << 4, 1);
	add_random(b, 3);
	*length_at = b->at;
	add(b, 0, 2);
	add(b, chain[0], 1);
	add(b, 64, 1);
	add_random(b, 32);
	for (unsigned int i = 0; i < nb; i++)
		add_extension(b, chain[i], chain[i + 1]);
	add_transport(b, chain[nb]);
}

/* The length an IP packet states: right, with padding behind it, or wrong. */
static void
state_length(struct build *b, uint32_t length_at, uint32_t first, uint32_t headers_end)
{
	uint32_t length = b->at - first;

	if (one_in(b, 3))
		length = headers_end - first;
	else if (one_in(b, 30))
		length = below(b, length + 30);
	else if (one_in(b, 100))
		length = 0;
	put(b->frame + length_at, length, 2);
}

static void
end_frame(struct build *b, uint32_t seed, uint64_t id)
{
	add(b, MAGIC, 4);
	add(b, seed, 4);
	add(b, id, 8);
}

uint32_t
frame_make(uint8_t *frame, uint32_t seed, uint64_t id, const uint8_t macs[12])
{
	struct build b = {.frame = frame, .state = (uint64_t)seed << 40 ^ id};
	uint32_t tags = one_in(&b, 3) ? 1 + below(&b, one_in(&b, 8) ? 3 : 2) : 0;
	uint32_t first, length_at = 0, headers_end;
	unsigned int kind = below(&b, 20);

	memcpy(frame, macs, 12);
	b.at = 12;
	while (tags-- > 0 && !(seed & FRAME_UNTAGGED)) {
		add(&b, one_in(&b, 2) ? 0x8100 : 0x88a8, 2);
		add_random(&b, 2);
	}
	first = b.at + 2;
	if (kind < 9) {
		add(&b, 0x0800, 2);
		add_ipv4(&b, &length_at);
	} else if (kind < 19) {
		add(&b, 0x86dd, 2);
		add_ipv6(&b, &length_at);
		first += 40; /* its length does not count the header */
	} else {
		add(&b, one_in(&b, 2) ? 0x0806 : below(&b, 0x8000), 2);
		add_random(&b, below(&b, 60));
	}
	b.at = b.at < HEADERS_MAX ? b.at : HEADERS_MAX;
	headers_end = b.at;
	if (one_in(&b, 30))
		b.at = 14 + below(&b, b.at - 13); /* the frame itself is cut off */
	else if (one_in(&b, 2))
		add_random(&b, below(&b, one_in(&b, 16) ? FRAME_MAX - FRAME_TRAILER - b.at : 90));
	end_frame(&b, seed, id);
	if (length_at + 2 <= b.at - FRAME_TRAILER && length_at != 0 && b.at > first &&
		headers_end > first)
		state_length(&b, length_at, first, headers_end);
	return b.at;
}

uint32_t
frame_wrap(uint8_t *frame, uint32_t seed, uint64_t id, const uint8_t macs[12], const uint8_t *bytes,
	uint32_t nb)
{
	struct build b = {.frame = frame, .at = 12 + nb};

	memcpy(frame, macs, 12);
	memcpy(frame + 12, bytes, nb);
	end_frame(&b, seed, id);
	return b.at;
}

bool
frame_id(const uint8_t *frame, uint32_t len, uint32_t seed, uint64_t *id)
{
	uint8_t expected[8];

	if (len < 14 + FRAME_TRAILER)
		return false;
	frame += len - FRAME_TRAILER;
	put(expected, (uint64_t)MAGIC << 32 | seed, 8);
	*id = 0;
	for (unsigned int i = 8; i < 16; i++)
		*id = *id << 8 | frame[i];
	return memcmp(frame, expected, 8) == 0;
}
