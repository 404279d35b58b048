/* SPDX-License-Identifier: BSD-3-Clause */
#include "support/frame.h"

#include "net/vnet_packet.h"

#include <assert.h>

static int
digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	assert(c >= 'a' && c <= 'f');
	return c - 'a' + 10;
}

uint32_t
frame_hex(uint8_t *out, const char *digits)
{
	uint32_t halves = 0;

	for (; *digits != '\0'; digits++) {
		if (*digits == ' ')
			continue;
		if (halves % 2 == 0)
			out[halves / 2] = (uint8_t)(digit(*digits) << 4);
		else
			out[halves / 2] |= (uint8_t)digit(*digits);
		halves++;
	}
	assert(halves % 2 == 0);
	return halves / 2;
}

uint16_t
frame_get16(const uint8_t *at)
{
	return (uint16_t)(at[0] * 256 + at[1]);
}

void
frame_set16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value / 256);
	at[1] = (uint8_t)(value % 256);
}

uint32_t
frame_get32(const uint8_t *at)
{
	return frame_get16(at) * UINT32_C(65536) + frame_get16(at + 2);
}

uint16_t
frame_checksum(const uint8_t *bytes, size_t nb, uint32_t start)
{
	uint64_t sum = start;

	for (size_t i = 0; i < nb; i++)
		sum += i % 2 == 0 ? bytes[i] * UINT64_C(256) : bytes[i];
	while (sum > 65535)
		sum = sum / 65536 + sum % 65536;
	return (uint16_t)(65535 - sum);
}

uint32_t
frame_pseudo(const uint8_t *src, const uint8_t *dst, uint32_t address_bytes, uint8_t protocol,
	uint32_t l4_len)
{
	uint32_t sum = protocol + l4_len / 65536 + l4_len % 65536;

	for (uint32_t i = 0; i < address_bytes; i += 2)
		sum += (uint32_t)frame_get16(src + i) + frame_get16(dst + i);
	return sum;
}

#define RULE(holds) \
	do { \
		if (!(holds)) \
			return #holds; \
	} while (0)

const char *
frame_rule_broken(const struct vnet_packet *p, uint32_t nb, uint32_t len)
{
	const bool ip = p->l3_type != VNET_L3_OTHER;
	const bool transport = p->l4_type != VNET_L4_OTHER;
	const uint32_t smallest = p->l3_type == VNET_L3_IPV4 ? 20 : 40;

	RULE(p->l3_type <= VNET_L3_IPV6 && p->l4_type <= VNET_L4_UDP);
	RULE(p->nb_tags <= VNET_PACKET_TAGS_MAX);
	RULE(nb < 14 ? p->l3 == 0 && p->ether_type == 0 : p->l3 == 14 + 4 * p->nb_tags);
	RULE(p->l3 <= nb && p->l4 <= nb && p->payload <= nb);
	RULE(p->l4 <= VNET_PACKET_HEAD && p->payload <= VNET_PACKET_HEAD);
	RULE(p->end <= len);
	if (!ip) {
		RULE(p->l4 == 0 && p->protocol == 0 && p->end == len && !transport);
		RULE(!p->fragment && !p->extended);
	} else {
		RULE(p->ether_type == (p->l3_type == VNET_L3_IPV4 ? 0x0800 : 0x86dd));
		RULE(p->l4 >= p->l3 + smallest && p->l4 <= p->end);
		RULE(!p->extended || (smallest == 40 && p->l4 >= p->l3 + 48));
	}
	if (!transport)
		RULE(p->payload == 0);
	else if (p->l4_type == VNET_L4_TCP)
		RULE(p->protocol == 6 && p->payload >= p->l4 + 20 && p->payload <= p->l4 + 60);
	else
		RULE(p->protocol == 17 && p->payload == p->l4 + 8);
	RULE(p->payload <= p->end);
	if (p->home != 0 || p->route != 0 || p->final != 0)
		RULE(p->extended);
	RULE(p->home == 0 || (p->home >= p->l3 + 44 && p->home + 16 <= p->l4));
	RULE(p->route == 0 || (p->route >= p->l3 + 48 && p->route + 16 <= p->l4));
	RULE(p->final == 0 || (p->final >= p->l3 + 48 && p->final + 16 <= p->l4));
	return NULL;
}
