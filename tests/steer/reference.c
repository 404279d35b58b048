/* SPDX-License-Identifier: BSD-3-Clause */
#include "reference.h"

#include <string.h>

#define LOOKS_AT 256

/* What the hash may be made of. */
struct fields {
	unsigned int version; /* of IP; 0: none */
	bool extended;
	bool tcp;
	bool udp;
	uint8_t source[16];
	uint8_t destination[16];
	uint8_t ports[4];
	bool has_home;
	uint8_t home[16];
	bool has_route;
	uint8_t route[16];
};

/* A piece of the frame that is being read. */
struct reader {
	const uint8_t *frame;
	uint32_t at;
	uint32_t end; /* nothing is read from here on */
};

static uint32_t
left(const struct reader *r)
{
	return r->end > r->at ? r->end - r->at : 0;
}

static uint32_t
number(const uint8_t *p, unsigned int bytes)
{
	uint32_t value = 0;

	while (bytes-- > 0)
		value = value * 256 + *p++;
	return value;
}

uint32_t
reference_toeplitz(const uint8_t key[REFERENCE_KEY_BYTES], const uint8_t *bytes, uint32_t nb)
{
	uint8_t shifting[REFERENCE_KEY_BYTES];
	uint32_t value = 0;

	memcpy(shifting, key, sizeof(shifting));
	for (uint32_t i = 0; i < nb; i++) {
		for (int bit = 7; bit >= 0; bit--) {
			if (bytes[i] & (1 << bit))
				value ^= number(shifting, 4);
			/* The key moves one bit to the left. */
			for (unsigned int k = 0; k < REFERENCE_KEY_BYTES; k++) {
				unsigned int next =
					k + 1 < REFERENCE_KEY_BYTES ? shifting[k + 1] : 0;

				shifting[k] = (uint8_t)(shifting[k] * 2 + next / 128);
			}
		}
	}
	return value;
}

/* RFC 9293, 3.1 and RFC 768: the ports come first in both. */
static void
read_transport(struct fields *f, struct reader *r, unsigned int protocol)
{
	const uint8_t *p = r->frame + r->at;

	if (protocol == 6)
		f->tcp = left(r) >= 20 && p[12] / 16 >= 5 && p[12] / 16 * 4u <= left(r);
	else if (protocol == 17)
		f->udp = left(r) >= 8;
	if (f->tcp || f->udp)
		memcpy(f->ports, p, 4);
}

static uint32_t
least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* RFC 791, 3.1. */
static void
read_ipv4(struct fields *f, struct reader *r, uint32_t frame_len)
{
	const uint8_t *p = r->frame + r->at;
	uint32_t header, total;

	if (left(r) < 20 || p[0] / 16 != 4)
		return;
	header = p[0] % 16 * 4;
	total = number(p + 2, 2);
	if (header < 20 || header > left(r) || total < header || r->at + total > frame_len)
		return;
	f->version = 4;
	memcpy(f->source, p + 12, 4);
	memcpy(f->destination, p + 16, 4);
	/* More fragments, or an offset. */
	if (number(p + 6, 2) % 0x4000 != 0)
		return;
	r->end = least(r->end, r->at + total);
	r->at += header;
	read_transport(f, r, p[9]);
}

/* RFC 8200, 4.2 and RFC 6275, 6.3. */
static bool
read_options(struct fields *f, const uint8_t *p, uint32_t nb)
{
	while (nb > 0) {
		uint32_t size = 1;

		if (p[0] != 0) {
			if (nb < 2 || p[1] + 2u > nb)
				return false;
			size = p[1] + 2u;
			if (p[0] == 201) {
				if (size != 18)
					return false;
				f->has_home = true;
				memcpy(f->home, p + 2, 16);
			}
		}
		p += size;
		nb -= size;
	}
	return true;
}

/* What is known behind an extension header. */
struct chain {
	unsigned int next;
	bool fragment;
	bool middle; /* what follows is no header */
	bool detour;
};

static bool
read_routing(struct fields *f, struct chain *c, const uint8_t *p, uint32_t size)
{
	if (p[3] == 0)
		return true;
	if (p[2] == 2) {
		if (p[3] != 1 || size != 24)
			return false;
		f->has_route = true;
		memcpy(f->route, p + 8, 16);
	} else if (p[2] == 4) {
		return size >= 24;
	} else {
		c->detour = true;
	}
	return true;
}

/* One extension header. */
static bool
read_extension(struct fields *f, struct chain *c, struct reader *r)
{
	const uint8_t *p = r->frame + r->at;
	uint32_t size = 8;

	if (left(r) < 8)
		return false;
	if (c->next != 44)
		size += p[1] * 8u;
	if (left(r) < size)
		return false;
	if (c->next == 43 && !read_routing(f, c, p, size))
		return false;
	if (c->next == 60 && !read_options(f, p + 2, size - 2))
		return false;
	if (c->next == 44) {
		c->middle = number(p + 2, 2) >= 8;
		c->fragment = c->fragment || c->middle || (p[3] & 1);
	}
	c->next = p[0];
	r->at += size;
	return true;
}

static void
read_ipv6(struct fields *f, struct reader *r, uint32_t frame_len)
{
	const uint8_t *p = r->frame + r->at;
	struct chain c = {0};
	uint32_t length;

	if (left(r) < 40 || p[0] / 16 != 6)
		return;
	length = 40 + number(p + 4, 2);
	if (r->at + length > frame_len)
		return;
	memcpy(f->source, p + 8, 16);
	memcpy(f->destination, p + 24, 16);
	c.next = p[6];
	r->end = least(r->end, r->at + length);
	r->at += 40;
	while (!c.middle &&
		(c.next == 43 || c.next == 44 || c.next == 60 || (c.next == 0 && !f->extended))) {
		if (!read_extension(f, &c, r))
			return;
		f->extended = true;
	}
	f->version = 6;
	if (!c.fragment && !c.detour)
		read_transport(f, r, c.next);
}

static void
read_frame(struct fields *f, const uint8_t *frame, uint32_t len)
{
	struct reader r = {.frame = frame, .at = 12, .end = least(len, LOOKS_AT)};
	uint32_t type = 0;

	*f = (struct fields){0};
	for (unsigned int tags = 0; left(&r) >= 2; tags++) {
		type = number(frame + r.at, 2);
		/* A tag is its own type, its contents, and the next type. */
		if ((type != 0x8100 && type != 0x88a8) || tags == 2 || left(&r) < 6)
			break;
		r.at += 4;
	}
	r.at += 2;
	if (type == 0x0800)
		read_ipv4(f, &r, len);
	else if (type == 0x86dd)
		read_ipv6(f, &r, len);
}

static bool
enabled(uint32_t types, enum reference_report report)
{
	return types >> (report - 1) & 1;
}

/* The four lists of 5.1.6.4.3, which differ by the names of their types only. */
static enum reference_report
choose(const struct fields *f, uint32_t types, enum reference_report ip, enum reference_report tcp,
	enum reference_report udp)
{
	if (enabled(types, tcp) && f->tcp)
		return tcp;
	if (enabled(types, udp) && f->udp)
		return udp;
	if (enabled(types, ip))
		return ip;
	return REPORT_NONE;
}

struct verdict
reference_judge(const struct reference *r, const uint8_t *frame, uint32_t len)
{
	struct verdict v = {.report = REPORT_NONE, .queue = r->unclassified};
	const uint8_t *source, *destination;
	uint32_t address_bytes, nb;
	struct fields f;
	uint8_t input[36];

	read_frame(&f, frame, len);
	source = f.source;
	destination = f.destination;
	if (f.version == 4) {
		v.report = choose(&f, r->types, REPORT_IPV4, REPORT_TCPV4, REPORT_UDPV4);
	} else if (f.version == 6) {
		if (f.extended)
			v.report = choose(
				&f, r->types, REPORT_IPV6_EX, REPORT_TCPV6_EX, REPORT_UDPV6_EX);
		if (v.report != REPORT_NONE && f.has_home)
			source = f.home;
		if (v.report != REPORT_NONE && f.has_route)
			destination = f.route;
		if (v.report == REPORT_NONE)
			v.report = choose(&f, r->types, REPORT_IPV6, REPORT_TCPV6, REPORT_UDPV6);
	}
	if (v.report == REPORT_NONE)
		return v;
	address_bytes = f.version == 4 ? 4 : 16;
	memcpy(input, source, address_bytes);
	memcpy(input + address_bytes, destination, address_bytes);
	nb = 2 * address_bytes;
	if (v.report != REPORT_IPV4 && v.report != REPORT_IPV6 && v.report != REPORT_IPV6_EX) {
		memcpy(input + nb, f.ports, 4);
		nb += 4;
	}
	v.value = reference_toeplitz(r->key, input, nb);
	v.queue = r->table[v.value % r->entries];
	return v;
}

const char *
reference_name(enum reference_report report)
{
	static const char *const names[REPORT_MAX] = {"none", "IPv4", "TCPv4", "UDPv4", "IPv6",
		"TCPv6", "UDPv6", "IPv6_EX", "TCPv6_EX", "UDPv6_EX"};

	return names[report];
}
