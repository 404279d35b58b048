/* SPDX-License-Identifier: BSD-3-Clause */
#include "net/vnet_packet.h"

#include <rte_branch_prediction.h>
#include <rte_common.h>

#define ETHER_BYTES 14
#define TAG_BYTES 4
#define IPV4_BYTES 20
#define IPV6_BYTES 40
#define EXTENSION_BYTES 8 /* the least, and what their lengths count in */
#define TCP_BYTES 20
#define UDP_BYTES 8

enum ether_type {
	ETHER_IPV4 = 0x0800,
	ETHER_TAG = 0x8100,
	ETHER_IPV6 = 0x86dd,
	ETHER_SERVICE_TAG = 0x88a8,
};

enum protocol {
	PROTOCOL_HOP_BY_HOP = 0,
	PROTOCOL_TCP = 6,
	PROTOCOL_UDP = 17,
	PROTOCOL_ROUTING = 43,
	PROTOCOL_FRAGMENT = 44,
	PROTOCOL_DESTINATION = 60,
};

enum routing_type {
	ROUTING_MOBILE = 2,
	ROUTING_SEGMENTS = 4
};

enum option {
	OPTION_PAD1 = 0,
	OPTION_HOME = 0xc9
};

/* IPv6 headers passed so far; at never exceeds what there is. */
struct walk {
	uint32_t at;
	uint8_t next; /* what is at at */
	uint16_t home;
	uint16_t route;
	uint16_t final;
	bool fragment;
	bool later;  /* a later fragment: what follows is not the beginning of anything */
	bool hidden; /* the destination that a transport checksum covers is not known */
};

static inline uint16_t
be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

/* Type, length, value; RFC 8200, 4.2. False: an option that does not end inside its header. */
static bool
find_home(struct walk *w, const uint8_t *bytes, uint32_t at, uint32_t end)
{
	while (at < end) {
		if (bytes[at] == OPTION_PAD1) {
			at++;
			continue;
		}
		if (end - at < 2 || bytes[at + 1] > end - at - 2)
			return false;
		if (bytes[at] == OPTION_HOME) {
			if (bytes[at + 1] != 16)
				return false;
			w->home = (uint16_t)(at + 2);
		}
		at += 2u + bytes[at + 1];
	}
	return true;
}

/* Where the packet goes in the end. RFC 8200, 4.4; RFC 6275, 6.4; RFC 8754, 2. */
static bool
find_route(struct walk *w, const uint8_t *header, uint32_t size)
{
	uint8_t left = header[3];

	if (left == 0)
		return true;
	switch (header[2]) {
	case ROUTING_MOBILE:
		if (size != 24 || left != 1)
			return false;
		w->route = (uint16_t)(w->at + 8);
		w->final = w->route;
		return true;
	case ROUTING_SEGMENTS: /* the list is in reverse */
		if (size < 24)
			return false;
		w->final = (uint16_t)(w->at + 8);
		return true;
	default:
		w->hidden = true;
		return true;
	}
}

/* One extension header that is all there. */
static bool
pass_extension(struct walk *w, const uint8_t *bytes, uint32_t size)
{
	const uint8_t *header = bytes + w->at;
	uint16_t fragment;

	switch (w->next) {
	case PROTOCOL_ROUTING:
		if (!find_route(w, header, size))
			return false;
		break;
	case PROTOCOL_DESTINATION:
		if (!find_home(w, bytes, w->at + 2, w->at + size))
			return false;
		break;
	case PROTOCOL_FRAGMENT:
		fragment = be16(header + 2);
		w->fragment = w->fragment || (fragment & 0xfff9) != 0;
		w->later = (fragment & 0xfff8) != 0;
		break;
	default:
		break;
	}
	w->next = header[0];
	w->at += size;
	return true;
}

/* Each step takes 8 bytes at least, of VNET_PACKET_HEAD at most. */
static bool
walk_extensions(struct walk *w, const uint8_t *bytes, uint32_t limit)
{
	uint32_t first = w->at;

	while (!w->later) {
		uint32_t size = EXTENSION_BYTES;

		if (w->next != PROTOCOL_ROUTING && w->next != PROTOCOL_FRAGMENT &&
			w->next != PROTOCOL_DESTINATION &&
			(w->next != PROTOCOL_HOP_BY_HOP || w->at != first))
			return true;
		if (limit - w->at < EXTENSION_BYTES)
			return false;
		if (w->next != PROTOCOL_FRAGMENT)
			size += (uint32_t)bytes[w->at + 1] * 8;
		if (size > limit - w->at || !pass_extension(w, bytes, size))
			return false;
	}
	return true;
}

/* True: a transport header may begin at p->l4. */
static inline bool
parse_ipv4(struct vnet_packet *p, const uint8_t *bytes, uint32_t nb, uint32_t len)
{
	const uint8_t *ip = bytes + p->l3;
	uint32_t header, total;
	uint16_t fragment;

	if (nb - p->l3 < IPV4_BYTES || ip[0] >> 4 != 4)
		return false;
	header = (ip[0] & 15u) * 4;
	total = be16(ip + 2);
	if (header < IPV4_BYTES || header > nb - p->l3 || total < header || total > len - p->l3)
		return false;
	fragment = be16(ip + 6) & 0x3fff; /* more to come, offset */
	p->l3_type = VNET_L3_IPV4;
	p->l4 = (uint16_t)(p->l3 + header);
	p->end = p->l3 + total;
	p->protocol = ip[9];
	p->fragment = fragment != 0;
	return (fragment & 0x1fff) == 0;
}

static inline void
parse_l4(struct vnet_packet *p, const uint8_t *bytes, uint32_t nb)
{
	uint32_t there = RTE_MIN(nb, p->end) - p->l4;
	uint32_t header;

	if (p->protocol == PROTOCOL_TCP) {
		if (there < TCP_BYTES)
			return;
		header = (bytes[p->l4 + 12] >> 4) * 4u;
		if (header < TCP_BYTES || header > there)
			return;
		p->l4_type = VNET_L4_TCP;
	} else if (p->protocol == PROTOCOL_UDP) {
		header = UDP_BYTES;
		if (header > there)
			return;
		p->l4_type = VNET_L4_UDP;
	} else {
		return;
	}
	p->payload = (uint16_t)(p->l4 + header);
}

/* Neither TCP nor UDP follows at once; out of line, so that the short way needs no stack. */
static __rte_noinline void
parse_extended(struct vnet_packet *p, const uint8_t *bytes, uint32_t nb, uint32_t end)
{
	const uint32_t first = p->l3 + (uint32_t)IPV6_BYTES;
	struct walk w = {.at = first, .next = bytes[p->l3 + 6]};

	if (!walk_extensions(&w, bytes, RTE_MIN(nb, end)))
		return;
	p->l3_type = VNET_L3_IPV6;
	p->l4 = (uint16_t)w.at;
	p->end = end;
	p->protocol = w.next;
	p->home = w.home;
	p->route = w.route;
	p->final = w.final;
	p->fragment = w.fragment;
	p->extended = w.at != first;
	if (!w.later && !w.hidden)
		parse_l4(p, bytes, nb);
}

static inline bool
parse_ipv6(struct vnet_packet *p, const uint8_t *bytes, uint32_t nb, uint32_t len)
{
	const uint8_t *ip = bytes + p->l3;
	uint32_t end;

	if (nb - p->l3 < IPV6_BYTES || ip[0] >> 4 != 6)
		return false;
	end = p->l3 + (uint32_t)IPV6_BYTES + be16(ip + 4);
	if (end > len)
		return false;
	if (unlikely(ip[6] != PROTOCOL_TCP && ip[6] != PROTOCOL_UDP)) {
		parse_extended(p, bytes, nb, end);
		return false;
	}
	p->l3_type = VNET_L3_IPV6;
	p->l4 = (uint16_t)(p->l3 + IPV6_BYTES);
	p->end = end;
	p->protocol = ip[6];
	return true;
}

static inline bool
is_tag(uint16_t ether_type)
{
	return ether_type == ETHER_TAG || ether_type == ETHER_SERVICE_TAG;
}

void
vnet_packet_parse(struct vnet_packet *p, const uint8_t *bytes, uint32_t nb, uint32_t len)
{
	bool transport = false;

	*p = (struct vnet_packet){.end = len};
	nb = RTE_MIN(nb, len);
	nb = RTE_MIN(nb, (uint32_t)VNET_PACKET_HEAD);
	if (nb < ETHER_BYTES)
		return;
	p->l3 = ETHER_BYTES;
	p->ether_type = be16(bytes + 12);
	while (unlikely(is_tag(p->ether_type)) && p->nb_tags < VNET_PACKET_TAGS_MAX &&
		nb - p->l3 >= TAG_BYTES) {
		p->ether_type = be16(bytes + p->l3 + 2);
		p->l3 += TAG_BYTES;
		p->nb_tags++;
	}
	if (p->ether_type == ETHER_IPV4)
		transport = parse_ipv4(p, bytes, nb, len);
	else if (p->ether_type == ETHER_IPV6)
		transport = parse_ipv6(p, bytes, nb, len);
	if (transport)
		parse_l4(p, bytes, nb);
}
