/* SPDX-License-Identifier: BSD-3-Clause */
#include "net/vnet_hash.h"

#include <rte_cpuflags.h>
#include <rte_mbuf_ptype.h>
#include <rte_vect.h>

#include <string.h>

#define PORTS_BYTES 4
#define IPV4_SOURCE 12 /* destination follows */
#define IPV6_SOURCE 8
#define IPV6_BYTES 16

const uint8_t vnet_hash_default_key[VNET_HASH_KEY_BYTES] = {0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b,
	0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae,
	0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b,
	0xbe, 0xac, 0x01, 0xfa};

/* The 32 bits of the key that input bit number bit adds when it is set; the first bit is 0. */
static uint32_t
window(const uint8_t *key, uint32_t bit)
{
	uint32_t value = 0;

	for (uint32_t i = 0; i < 32; i++, bit++)
		value = value << 1 | (key[bit / 8] >> (7 - bit % 8) & 1);
	return value;
}

/* What byte value x at one place of the input adds; of_bit[] by its bits, the lowest first. */
static uint32_t
sum_of(const uint32_t of_bit[8], uint32_t x)
{
	uint32_t value = 0;

	for (uint32_t b = 0; b < 8; b++)
		value ^= x >> b & 1 ? of_bit[b] : 0;
	return value;
}

/* Row of an 8x8 bit matrix that makes one bit of the hash of a byte: in the order GFNI has them. */
static uint64_t
matrix(const uint32_t of_bit[8], uint32_t hash_byte)
{
	uint64_t m = 0;

	for (uint32_t row = 0; row < 8; row++) {
		uint64_t mask = 0;

		for (uint32_t b = 0; b < 8; b++)
			mask |= (uint64_t)(of_bit[b] >> (8 * hash_byte + row) & 1) << b;
		m |= mask << (8 * (7 - row));
	}
	return m;
}

static void
set_byte(struct vnet_hash_key *key, uint32_t at, const uint32_t of_bit[8])
{
	for (uint32_t v = 0; v < 16; v++) {
		key->nibbles[at][0][v] = sum_of(of_bit, v);
		key->nibbles[at][1][v] = sum_of(of_bit, v << 4);
		for (uint32_t k = 0; k < 4; k++) {
			key->shuffles[at][k][0][v] = (uint8_t)(key->nibbles[at][0][v] >> (8 * k));
			key->shuffles[at][k][1][v] = (uint8_t)(key->nibbles[at][1][v] >> (8 * k));
		}
	}
	for (uint32_t k = 0; k < 4; k++)
		key->matrices[at / 8][k][at % 8] = matrix(of_bit, k);
}

void
vnet_hash_key_set(struct vnet_hash_key *key, const uint8_t *bytes, uint32_t length)
{
	memset(key, 0, sizeof(*key));
	memcpy(key->bytes, bytes, RTE_MIN(length, (uint32_t)VNET_HASH_KEY_BYTES));
	for (uint32_t at = 0; at < VNET_HASH_INPUT_MAX; at++) {
		uint32_t of_bit[8];

		for (uint32_t b = 0; b < 8; b++)
			of_bit[b] = window(key->bytes, 8 * at + (7 - b));
		set_byte(key, at, of_bit);
	}
}

/*
 * Which report, by the rules for this packet: the transport's, else the addresses', else none. The
 * first fragment has ports and the others have not: without them all arrive on one queue.
 */
static uint8_t
choose(uint32_t types, const struct vnet_packet *p, uint8_t tcp, uint8_t udp, uint8_t ip)
{
	if (p->l4_type == VNET_L4_TCP && !p->fragment && (types & 1u << (tcp - 1)))
		return tcp;
	if (p->l4_type == VNET_L4_UDP && !p->fragment && (types & 1u << (udp - 1)))
		return udp;
	return types & 1u << (ip - 1) ? ip : VIRTIO_NET_HASH_REPORT_NONE;
}

static uint64_t
load_8(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint64_t
ports(const uint8_t *bytes, const struct vnet_packet *p)
{
	uint32_t v;

	memcpy(&v, bytes + p->l4, PORTS_BYTES);
	/* The first four bytes of a word, as it stands in memory. */
	return rte_cpu_to_le_64(rte_le_to_cpu_32(v));
}

static void
add_ipv4(struct vnet_hash_burst *b, uint32_t i, const struct vnet_packet *p, const uint8_t *bytes,
	uint32_t types)
{
	uint8_t report = choose(types, p, VIRTIO_NET_HASH_REPORT_TCPv4,
		VIRTIO_NET_HASH_REPORT_UDPv4, VIRTIO_NET_HASH_REPORT_IPv4);

	b->report[i] = report;
	if (report == VIRTIO_NET_HASH_REPORT_NONE)
		return;
	b->words[0][i] = load_8(bytes + p->l3 + IPV4_SOURCE);
	if (report != VIRTIO_NET_HASH_REPORT_IPv4) {
		b->words[1][i] = ports(bytes, p);
		b->nb_words = RTE_MAX(b->nb_words, 2);
	}
}

static void
add_ipv6(struct vnet_hash_burst *b, uint32_t i, const struct vnet_packet *p, const uint8_t *bytes,
	uint32_t types)
{
	const uint8_t *source = bytes + p->l3 + IPV6_SOURCE;
	const uint8_t *destination = source + IPV6_BYTES;
	uint8_t report = VIRTIO_NET_HASH_REPORT_NONE;

	if (p->extended) {
		report = choose(types, p, VIRTIO_NET_HASH_REPORT_TCPv6_EX,
			VIRTIO_NET_HASH_REPORT_UDPv6_EX, VIRTIO_NET_HASH_REPORT_IPv6_EX);
		if (report != VIRTIO_NET_HASH_REPORT_NONE && p->home != 0)
			source = bytes + p->home;
		if (report != VIRTIO_NET_HASH_REPORT_NONE && p->route != 0)
			destination = bytes + p->route;
	}
	if (report == VIRTIO_NET_HASH_REPORT_NONE)
		report = choose(types, p, VIRTIO_NET_HASH_REPORT_TCPv6,
			VIRTIO_NET_HASH_REPORT_UDPv6, VIRTIO_NET_HASH_REPORT_IPv6);
	b->report[i] = report;
	if (report == VIRTIO_NET_HASH_REPORT_NONE)
		return;
	b->words[0][i] = load_8(source);
	b->words[1][i] = load_8(source + 8);
	b->words[2][i] = load_8(destination);
	b->words[3][i] = load_8(destination + 8);
	b->nb_words = RTE_MAX(b->nb_words, 4);
	if (report != VIRTIO_NET_HASH_REPORT_IPv6 && report != VIRTIO_NET_HASH_REPORT_IPv6_EX) {
		b->words[4][i] = ports(bytes, p);
		b->nb_words = 5;
	}
}

void
vnet_hash_add(struct vnet_hash_burst *b, uint32_t i, const struct vnet_packet *p,
	const uint8_t *bytes, uint32_t types)
{
	for (uint32_t w = 0; w < VNET_HASH_WORDS; w++)
		b->words[w][i] = 0;
	b->report[i] = VIRTIO_NET_HASH_REPORT_NONE;
	if (p->l3_type == VNET_L3_IPV4)
		add_ipv4(b, i, p, bytes, types);
	else if (p->l3_type == VNET_L3_IPV6)
		add_ipv6(b, i, p, bytes, types);
}

void
vnet_hash_scalar(const struct vnet_hash_key *key, const struct vnet_hash_burst *b, uint32_t *values,
	uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		uint32_t value = 0;

		for (uint32_t w = 0; w < b->nb_words; w++) {
			uint64_t word = rte_le_to_cpu_64(b->words[w][i]);

			for (uint32_t at = 8 * w; word != 0; at++, word >>= 8)
				value ^= key->nibbles[at][0][word & 0xf] ^
					 key->nibbles[at][1][word >> 4 & 0xf];
		}
		values[i] = value;
	}
}

unsigned int
vnet_hash_forms(const struct vnet_hash_form **forms)
{
	static const struct vnet_hash_form all[] = {
		{"scalar", 0, vnet_hash_scalar},
#if defined(RTE_ARCH_X86_64)
		{"avx2", 256, vnet_hash_avx2},
		{"gfni", 512, vnet_hash_gfni},
#endif
	};

	*forms = all;
#if defined(RTE_ARCH_X86_64)
	if (rte_cpu_get_flag_enabled(RTE_CPUFLAG_AVX2) <= 0)
		return 1;
	if (rte_cpu_get_flag_enabled(RTE_CPUFLAG_AVX512BW) <= 0 ||
		rte_cpu_get_flag_enabled(RTE_CPUFLAG_AVX512VL) <= 0 ||
		rte_cpu_get_flag_enabled(RTE_CPUFLAG_AVX512VBMI) <= 0 ||
		rte_cpu_get_flag_enabled(RTE_CPUFLAG_GFNI) <= 0)
		return 2;
#endif
	return RTE_DIM(all);
}

const struct vnet_hash_form *
vnet_hash_select(void)
{
	const struct vnet_hash_form *forms;
	unsigned int n = vnet_hash_forms(&forms);

	while (forms[n - 1].width > rte_vect_get_max_simd_bitwidth())
		n--;
	return &forms[n - 1];
}

uint32_t
vnet_hash_ptype(uint16_t report)
{
	static const uint32_t types[] = {
		[VIRTIO_NET_HASH_REPORT_NONE] = RTE_PTYPE_UNKNOWN,
		[VIRTIO_NET_HASH_REPORT_IPv4] = RTE_PTYPE_L3_IPV4_EXT_UNKNOWN,
		[VIRTIO_NET_HASH_REPORT_TCPv4] = RTE_PTYPE_L3_IPV4_EXT_UNKNOWN | RTE_PTYPE_L4_TCP,
		[VIRTIO_NET_HASH_REPORT_UDPv4] = RTE_PTYPE_L3_IPV4_EXT_UNKNOWN | RTE_PTYPE_L4_UDP,
		[VIRTIO_NET_HASH_REPORT_IPv6] = RTE_PTYPE_L3_IPV6_EXT_UNKNOWN,
		[VIRTIO_NET_HASH_REPORT_TCPv6] = RTE_PTYPE_L3_IPV6_EXT_UNKNOWN | RTE_PTYPE_L4_TCP,
		[VIRTIO_NET_HASH_REPORT_UDPv6] = RTE_PTYPE_L3_IPV6_EXT_UNKNOWN | RTE_PTYPE_L4_UDP,
		[VIRTIO_NET_HASH_REPORT_IPv6_EX] = RTE_PTYPE_L3_IPV6_EXT,
		[VIRTIO_NET_HASH_REPORT_TCPv6_EX] = RTE_PTYPE_L3_IPV6_EXT | RTE_PTYPE_L4_TCP,
		[VIRTIO_NET_HASH_REPORT_UDPv6_EX] = RTE_PTYPE_L3_IPV6_EXT | RTE_PTYPE_L4_UDP,
	};

	return report < RTE_DIM(types) ? types[report] : RTE_PTYPE_UNKNOWN;
}
