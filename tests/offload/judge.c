/* SPDX-License-Identifier: BSD-3-Clause */
#include "judge.h"

#include <rte_ether.h>
#include <rte_mbuf.h>
#include <rte_mbuf_ptype.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define TCP_FIN 0x01
#define TCP_PSH 0x08
#define TCP_CWR 0x80

void
judge_init(struct judge *j, const struct frame *f, const struct receiver *rx)
{
	memset(j, 0, sizeof(*j));
	j->f = f;
	j->rx = rx;
}

static bool __attribute__((format(printf, 2, 3))) wrong(struct judge *j, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(j->why, sizeof(j->why), format, args);
	va_end(args);
	return false;
}

/* The bytes at which two packets differ, the transport checksum left out. @return -1: none. */
static int32_t
difference(const uint8_t *a, const uint8_t *b, uint32_t n, uint32_t csum_at)
{
	for (uint32_t i = 0; i < n; i++) {
		if (a[i] != b[i] && (csum_at == 0 || (i != csum_at && i != csum_at + 1)))
			return (int32_t)i;
	}
	return -1;
}

static const char *
where(const struct frame *f, uint32_t at)
{
	if (at < f->l2)
		return "Ethernet header";
	if (at < f->l2 + f->l3)
		return "network header";
	if (at < frame_headers(f))
		return "transport header";
	return "payload";
}

static bool
same_bytes(struct judge *j, const struct arrival *a, const uint8_t *expected, uint32_t from,
	uint32_t n, uint32_t shown_from)
{
	const struct frame *f = j->f;
	int32_t at = difference(a->bytes + from, expected, n, from == 0 ? f->csum_at : 0);

	if (at < 0)
		return true;
	return wrong(j,
		"packet %u: byte %u (%s, offset %u of the frame sent) is 0x%02x, not 0x%02x", j->nb,
		from + at, where(f, from + at), shown_from + at, a->bytes[from + at], expected[at]);
}

/* The transport checksum and what the flags say about it. */
static bool
check_checksum(struct judge *j, const struct arrival *a, uint32_t payload_len)
{
	const struct frame *f = j->f;
	uint64_t l4_flag = a->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK;
	uint64_t pseudo = frame_pseudo(f, payload_len);
	uint16_t field = get16(a->bytes + f->csum_at);
	uint16_t sum = inet_fold(inet_add(pseudo, a->bytes + f->l2 + f->l3, f->l4 + payload_len));
	bool complete = sum == 0xffff && !(f->udp && field == 0);
	bool partial = inet_same(field, inet_fold(pseudo));

	if (l4_flag == RTE_MBUF_F_RX_L4_CKSUM_NONE) {
		if (!j->rx->partial)
			return wrong(j,
				"packet %u: a partial checksum for a receiver that did not ask",
				j->nb);
		if (!partial)
			return wrong(j,
				"packet %u: CKSUM_NONE, but 0x%04x is not the pseudo header's sum "
				"0x%04x",
				j->nb, field, inet_fold(pseudo));
		j->seen.partial++;
		return true;
	}
	if (!complete && partial)
		return wrong(j, "packet %u: a partial checksum that is not marked as such", j->nb);
	if (!complete)
		return wrong(j, "packet %u: transport checksum 0x%04x is wrong", j->nb, field);
	j->seen.complete++;
	return true;
}

/* Flags that are wrong whatever the bytes are. */
static bool
check_flags(struct judge *j, const struct arrival *a)
{
	const struct frame *f = j->f;
	uint64_t l4_flag = a->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK;
	uint64_t ip_flag = a->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK;

	if (l4_flag == RTE_MBUF_F_RX_L4_CKSUM_BAD && !f->shape.wrong_sum)
		return wrong(j, "packet %u: L4_CKSUM_BAD", j->nb);
	if (l4_flag == RTE_MBUF_F_RX_L4_CKSUM_GOOD && (f->shape.wrong_sum || (!f->tcp && !f->udp)))
		return wrong(j, "packet %u: L4_CKSUM_GOOD for a %s", j->nb,
			f->shape.wrong_sum ? "wrong checksum" : "packet without transport");
	if (l4_flag == RTE_MBUF_F_RX_L4_CKSUM_NONE && f->csum_at == 0)
		return wrong(j, "packet %u: L4_CKSUM_NONE, but nothing is partial", j->nb);
	if (ip_flag == RTE_MBUF_F_RX_IP_CKSUM_BAD || ip_flag == RTE_MBUF_F_RX_IP_CKSUM_NONE)
		return wrong(j, "packet %u: IP_CKSUM_BAD or _NONE", j->nb);
	if (a->ol_flags & (RTE_MBUF_F_RX_VLAN_STRIPPED | RTE_MBUF_F_RX_QINQ_STRIPPED))
		return wrong(j, "packet %u: VLAN_STRIPPED, which nobody asked for", j->nb);
	if ((a->ol_flags & RTE_MBUF_F_RX_LRO) && !j->rx->lro)
		return wrong(j, "packet %u: LRO for a receiver that did not ask", j->nb);
	if ((a->ol_flags & RTE_MBUF_F_RX_LRO) && !frame_is_gso(f))
		return wrong(j, "packet %u: LRO, but it was sent as one", j->nb);
	return true;
}

static bool
check_type(struct judge *j, const struct arrival *a)
{
	const struct frame *f = j->f;
	uint32_t type = a->packet_type;
	uint32_t l4 = type & RTE_PTYPE_L4_MASK;

	if ((type & RTE_PTYPE_L3_MASK) != 0 &&
		((RTE_ETH_IS_IPV4_HDR(type) != 0) != (f->ip && !f->v6) ||
			(RTE_ETH_IS_IPV6_HDR(type) != 0) != f->v6))
		return wrong(
			j, "packet %u: packet type 0x%x has another network layer", j->nb, type);
	if (l4 != 0 && ((l4 == RTE_PTYPE_L4_TCP) != f->tcp || (l4 == RTE_PTYPE_L4_UDP) != f->udp))
		return wrong(j, "packet %u: packet type 0x%x has another transport", j->nb, type);
	return true;
}

static bool
take_whole(struct judge *j, const struct arrival *a)
{
	const struct frame *f = j->f;

	if (a->len != f->len)
		return wrong(j, "packet %u: %u bytes, not %u", j->nb, a->len, f->len);
	if (!same_bytes(j, a, f->bytes, 0, f->len, 0))
		return false;
	if (f->csum_at != 0 && !check_checksum(j, a, f->payload_len))
		return false;
	j->done = true;
	return true;
}

/* Headers of the next segment: those of the whole, with what RFC 791, 9293, 768, 3168 change. */
static void
segment_headers(const struct judge *j, uint8_t *head, uint32_t payload_len, bool last)
{
	const struct frame *f = j->f;
	uint8_t *ip = head + f->l2, *l4 = ip + f->l3;

	memcpy(head, f->bytes, frame_headers(f));
	if (f->v6) {
		put16(ip + 4, (uint16_t)(f->l3 - 40 + f->l4 + payload_len));
	} else {
		put16(ip + 2, (uint16_t)(f->l3 + f->l4 + payload_len));
		put16(ip + 4, (uint16_t)(get16(ip + 4) + j->nb));
		put16(ip + 10, 0);
		put16(ip + 10, inet_checksum(inet_add(0, ip, f->l3)));
	}
	if (f->udp) {
		put16(l4 + 4, (uint16_t)(8 + payload_len));
		return;
	}
	put32(l4 + 4, get32(l4 + 4) + j->at);
	if (!last)
		l4[13] &= (uint8_t) ~(TCP_FIN | TCP_PSH);
	if (j->nb != 0)
		l4[13] &= (uint8_t)~TCP_CWR;
}

static bool
take_segment(struct judge *j, const struct arrival *a)
{
	const struct frame *f = j->f;
	uint32_t left = f->payload_len - j->at, headers = frame_headers(f);
	/* Nobody has a reason to cut smaller than asked for, only the last one is shorter. */
	uint32_t payload_len = left < f->shape.mss ? left : f->shape.mss;
	uint8_t head[FRAME_HEADERS_MAX];

	if (a->len != headers + payload_len)
		return wrong(j, "segment %u: %u bytes, not %u of headers and %u of payload%s",
			j->nb, a->len, headers, payload_len,
			a->len == f->len ? ": the whole packet, not marked as LRO" : "");
	segment_headers(j, head, payload_len, payload_len == left);
	if (!same_bytes(j, a, head, 0, headers, 0) ||
		!same_bytes(
			j, a, f->bytes + headers + j->at, headers, payload_len, headers + j->at) ||
		!check_checksum(j, a, payload_len))
		return false;
	j->at += payload_len;
	j->seen.segments++;
	j->done = j->at == f->payload_len;
	return true;
}

bool
judge_take(struct judge *j, const struct arrival *a)
{
	const struct frame *f = j->f;
	bool lro = (a->ol_flags & RTE_MBUF_F_RX_LRO) != 0, right;

	if (a->len < frame_headers(f))
		return wrong(j, "packet %u: %u bytes are less than its headers", j->nb, a->len);
	if (!check_flags(j, a) || !check_type(j, a))
		return false;
	if (!lro && a->len > j->rx->mtu + RTE_ETHER_HDR_LEN + f->shape.tags * RTE_VLAN_HLEN)
		return wrong(j, "packet %u: %u bytes for a receiver with an MTU of %u", j->nb,
			a->len, j->rx->mtu);
	if (lro) {
		if (j->nb != 0)
			return wrong(j, "packet %u: LRO behind segments", j->nb);
		if (a->tso_segsz != f->shape.mss)
			return wrong(j, "packet %u: segment size %u, not %u", j->nb, a->tso_segsz,
				f->shape.mss);
		j->seen.lro++;
		right = take_whole(j, a);
	} else if (frame_is_gso(f) && f->payload_len > f->shape.mss) {
		right = take_segment(j, a);
	} else {
		right = take_whole(j, a);
	}
	j->nb++;
	return right;
}
