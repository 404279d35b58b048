/* SPDX-License-Identifier: BSD-3-Clause */
#include "packets.h"

#include <string.h>

#define ETHERNET 14
#define TAG 4
#define IPV4 20
#define IPV6 40
#define TCP 20
#define UDP 8

static void
put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static uint32_t
get16(const uint8_t *at)
{
	return (uint32_t)at[0] << 8 | at[1];
}

static uint32_t
get32(const uint8_t *at)
{
	return get16(at) << 16 | get16(at + 2);
}

/* RFC 1071, as slow as it stands there: big-endian words, an odd byte counts as the high one. */
static uint32_t
sum_bytes(uint64_t sum, const uint8_t *at, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		sum += i % 2 == 0 ? (uint32_t)at[i] << 8 : at[i];
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint32_t)sum;
}

/* RFC 793 and RFC 8200, 8.1: addresses, protocol, length. */
static uint32_t
pseudo(const struct packet *p, const uint8_t *frame, uint32_t l4_len)
{
	uint64_t sum = (p->udp ? 17u : 6u) + (l4_len >> 16) + (l4_len & 0xffff);

	return p->v6 ? sum_bytes(sum, frame + p->l3 + 8, 32)
		     : sum_bytes(sum, frame + p->l3 + 12, 8);
}

uint32_t
packet_csum_at(const struct packet *p)
{
	return p->l4 + (p->udp ? 6 : 16);
}

/* Of the transport packet, its checksum field counted as zero. */
static uint32_t
transport_csum(const struct packet *p, const uint8_t *frame, uint32_t len)
{
	uint32_t at = packet_csum_at(p);
	uint64_t sum = pseudo(p, frame, len - p->l4);
	uint32_t value;

	sum += sum_bytes(0, frame + p->l4, at - p->l4);
	sum += sum_bytes(0, frame + at + 2, len - at - 2);
	value = ~sum_bytes(sum, frame, 0) & 0xffff;
	return value == 0 && p->udp ? 0xffff : value;
}

static void
ip_make(const struct packet *p, uint8_t *ip, uint32_t ip_len)
{
	uint8_t protocol = p->udp ? 17 : 6;

	if (p->v6) {
		put16(ip, 0x6123);
		put16(ip + 4, ip_len - IPV6);
		ip[6] = p->options > 0 ? 60 : protocol; /* destination options, RFC 8200, 4.6 */
		ip[7] = 64;
		memset(ip + IPV6, 0, p->options);
		if (p->options > 0) {
			ip[IPV6] = protocol;
			ip[IPV6 + 1] = (uint8_t)(p->options / 8 - 1);
			ip[IPV6 + 2] = 1; /* PadN over the rest */
			ip[IPV6 + 3] = (uint8_t)(p->options - 4);
		}
		return;
	}
	ip[0] = (uint8_t)(0x40 | (IPV4 + p->options) / 4);
	ip[1] = 2; /* ECT(0), as packets with CWR have it */
	put16(ip + 2, ip_len);
	put16(ip + 4, 0xfffe); /* the identification is about to wrap */
	put16(ip + 6, 0x4000);
	ip[8] = 64;
	ip[9] = protocol;
	memset(ip + IPV4, 1, p->options); /* NOP */
	put16(ip + 10, 0);
	put16(ip + 10, ~sum_bytes(0, ip, IPV4 + p->options) & 0xffff);
}

uint32_t
packet_make(struct packet *p, uint8_t *frame, uint8_t to, uint32_t seed)
{
	uint32_t type = ETHERNET - 2;

	p->l3 = ETHERNET + TAG * (uint32_t)p->tags;
	p->l4 = p->l3 + (p->v6 ? IPV6 : IPV4) + p->options;
	p->hdr_len = p->l4 + (p->udp ? UDP : TCP + p->tcp_extra);
	p->len = p->hdr_len + p->payload;
	frame_make(frame, p->len, to, 1, seed);
	for (uint8_t tag = 0; tag < p->tags; tag++, type += TAG) {
		put16(frame + type, tag + 1 < p->tags ? 0x88a8 : 0x8100);
		put16(frame + type + 2, 100u + tag);
	}
	put16(frame + type, p->v6 ? 0x86dd : 0x0800);
	ip_make(p, frame + p->l3, p->len - p->l3);
	if (p->udp) {
		put16(frame + p->l4 + 4, p->len - p->l4);
	} else {
		frame[p->l4 + 12] = (uint8_t)((TCP + p->tcp_extra) / 4 << 4);
		frame[p->l4 + 13] = p->tcp_flags != 0 ? p->tcp_flags : TCP_ACK;
		memset(frame + p->l4 + TCP, 1, p->tcp_extra);
	}
	put16(frame + packet_csum_at(p), transport_csum(p, frame, p->len));
	return p->len;
}

void
packet_partial(const struct packet *p, uint8_t *frame, struct virtio_net_hdr *hdr)
{
	put16(frame + packet_csum_at(p), pseudo(p, frame, p->len - p->l4));
	*hdr = (struct virtio_net_hdr){
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.csum_start = rte_cpu_to_le_16(p->l4),
		.csum_offset = rte_cpu_to_le_16(p->udp ? 6 : 16),
	};
}

void
packet_gso(const struct packet *p, uint8_t *frame, struct virtio_net_hdr *hdr, uint16_t gso_size,
	bool ecn)
{
	packet_partial(p, frame, hdr);
	hdr->gso_type = p->udp  ? VIRTIO_NET_HDR_GSO_UDP_L4
			: p->v6 ? VIRTIO_NET_HDR_GSO_TCPV6
				: VIRTIO_NET_HDR_GSO_TCPV4;
	hdr->gso_type |= ecn ? VIRTIO_NET_HDR_GSO_ECN : 0;
	hdr->gso_size = rte_cpu_to_le_16(gso_size);
	hdr->hdr_len = rte_cpu_to_le_16(p->hdr_len);
}

void
packet_finish(uint8_t *frame, uint32_t len, const struct virtio_net_hdr *hdr)
{
	uint32_t start = rte_le_to_cpu_16(hdr->csum_start);
	uint32_t at = start + rte_le_to_cpu_16(hdr->csum_offset);

	if (!(hdr->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM))
		return;
	assert_true(at + 2 <= len);
	put16(frame + at, ~sum_bytes(0, frame + start, len - start) & 0xffff);
}

void
packet_assert_right(const struct packet *p, const uint8_t *frame, uint32_t len)
{
	uint32_t field = get16(frame + packet_csum_at(p));
	uint32_t want = transport_csum(p, frame, len);

	if (p->v6) {
		assert_int_equal(get16(frame + p->l3 + 4), len - p->l3 - IPV6);
	} else {
		assert_int_equal(get16(frame + p->l3 + 2), len - p->l3);
		assert_int_equal(sum_bytes(0, frame + p->l3, IPV4 + p->options), 0xffff);
	}
	if (p->udp)
		assert_int_equal(get16(frame + p->l4 + 4), len - p->l4);
	/* Both forms of zero are right for TCP. */
	if (!p->udp && (want == 0 || want == 0xffff))
		assert_true(field == 0 || field == 0xffff);
	else
		assert_int_equal(field, want);
}

void
packet_assert_segment(const struct packet *p, const uint8_t *whole, uint16_t gso_size, uint32_t i,
	const uint8_t *frame, uint32_t len)
{
	uint32_t nb = p->payload == 0 ? 1 : (p->payload + gso_size - 1) / gso_size;
	uint32_t before = i * gso_size;
	uint32_t payload = i + 1 < nb ? gso_size : p->payload - before;
	uint8_t same[256];

	assert_true(i < nb);
	assert_int_equal(len, p->hdr_len + payload);
	assert_memory_equal(frame + p->hdr_len, whole + p->hdr_len + before, payload);
	/* What differs on purpose is set back; then the headers have to be those of the whole. */
	memcpy(same, frame, p->hdr_len);
	if (p->v6) {
		memcpy(same + p->l3 + 4, whole + p->l3 + 4, 2);
	} else {
		assert_int_equal(get16(frame + p->l3 + 4), (0xfffe + i) & 0xffff);
		memcpy(same + p->l3 + 2, whole + p->l3 + 2, 4);
		memcpy(same + p->l3 + 10, whole + p->l3 + 10, 2);
	}
	if (p->udp) {
		memcpy(same + p->l4 + 4, whole + p->l4 + 4, 2);
	} else {
		uint8_t flags = whole[p->l4 + 13];

		assert_int_equal(get32(frame + p->l4 + 4), get32(whole + p->l4 + 4) + before);
		memcpy(same + p->l4 + 4, whole + p->l4 + 4, 4);
		if (i > 0)
			flags &= (uint8_t)~TCP_CWR;
		if (i + 1 < nb)
			flags &= (uint8_t) ~(TCP_FIN | TCP_PSH);
		assert_int_equal(frame[p->l4 + 13], flags);
		same[p->l4 + 13] = whole[p->l4 + 13];
	}
	memcpy(same + packet_csum_at(p), whole + packet_csum_at(p), 2);
	assert_memory_equal(same, whole, p->hdr_len);
}
