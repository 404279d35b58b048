/* SPDX-License-Identifier: BSD-3-Clause */
/* Segmentation of vnet_offload.h. */
#include "net/vnet_offload.h"

#include <rte_common.h>

#include <string.h>

#define IPV6_BYTES 40

enum tcp_flag {
	TCP_FIN = 0x01,
	TCP_PSH = 0x08,
	TCP_CWR = 0x80
};

/* Offsets of fields: RFC 791, 3.1; RFC 8200, 3; RFC 9293, 3.1; RFC 768. */
enum field {
	IPV4_LENGTH = 2,
	IPV4_ID = 4,
	IPV4_CSUM = 10,
	IPV6_LENGTH = 4,
	TCP_SEQUENCE = 4,
	TCP_FLAGS = 13,
	TCP_CSUM = 16,
	UDP_LENGTH = 4,
	UDP_CSUM = 6,
};

static uint16_t
get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void
put16(uint8_t *p, uint32_t value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

void
vnet_segmenter_init(struct vnet_segmenter *s, const struct vnet_offload *o, const uint8_t *bytes,
	uint32_t nb, uint32_t len)
{
	s->head = bytes;
	vnet_packet_parse(&s->packet, bytes, nb, len);
	s->gso_type = o->gso_type;
	s->hdr_len = o->hdr_len;
	s->gso_size = o->gso_size;
	s->payload_len = s->packet.end - s->hdr_len; /* without the frame's padding */
	s->nb = RTE_MAX((s->payload_len + s->gso_size - 1) / s->gso_size, 1u);
}

static void
put_l3(const struct vnet_packet *p, uint32_t i, uint32_t bytes, uint8_t *head)
{
	uint8_t *ip = head + p->l3;
	struct vnet_csum c = {0};
	uint16_t csum;

	if (p->l3_type == VNET_L3_IPV6) {
		put16(ip + IPV6_LENGTH, bytes - p->l3 - IPV6_BYTES);
		return;
	}
	put16(ip + IPV4_LENGTH, bytes - p->l3);
	put16(ip + IPV4_ID, get16(ip + IPV4_ID) + i);
	put16(ip + IPV4_CSUM, 0);
	vnet_csum_add(&c, ip, (uint32_t)p->l4 - p->l3);
	csum = vnet_csum_end(&c);
	memcpy(ip + IPV4_CSUM, &csum, sizeof(csum));
}

static void
put_tcp(const struct vnet_segmenter *s, uint32_t i, uint8_t *tcp)
{
	uint8_t *sequence = tcp + TCP_SEQUENCE;
	uint32_t next = (uint32_t)get16(sequence) << 16 | get16(sequence + 2);

	next += i * s->gso_size;
	put16(sequence, next >> 16);
	put16(sequence + 2, next);
	if (i != 0)
		tcp[TCP_FLAGS] &= (uint8_t)~TCP_CWR;
	if (i != s->nb - 1)
		tcp[TCP_FLAGS] &= (uint8_t) ~(TCP_FIN | TCP_PSH);
}

void
vnet_segment(
	const struct vnet_segmenter *s, uint32_t i, uint8_t *head, struct vnet_segment *segment)
{
	const struct vnet_packet *p = &s->packet;
	uint8_t *l4 = head + p->l4;
	uint32_t l4_len;
	uint16_t sum;

	segment->payload = i * s->gso_size;
	segment->payload_len = RTE_MIN(s->payload_len - segment->payload, (uint32_t)s->gso_size);
	segment->csum_start = p->l4;
	segment->csum_offset = p->l4_type == VNET_L4_TCP ? TCP_CSUM : UDP_CSUM;
	l4_len = s->hdr_len + segment->payload_len - p->l4;

	memcpy(head, s->head, s->hdr_len);
	put_l3(p, i, s->hdr_len + segment->payload_len, head);
	if (p->l4_type == VNET_L4_TCP)
		put_tcp(s, i, l4);
	else
		put16(l4 + UDP_LENGTH, l4_len);
	sum = vnet_pseudo_sum(head, p, l4_len);
	memcpy(l4 + segment->csum_offset, &sum, sizeof(sum));
}
