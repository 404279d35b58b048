/* SPDX-License-Identifier: BSD-3-Clause */
#include "tx_kinds.h"

#include "support/frame.h"

#include <stdlib.h>
#include <string.h>

#define TCP4 (RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_TCP_CKSUM)
#define TCP6 (RTE_MBUF_F_TX_IPV6 | RTE_MBUF_F_TX_TCP_CKSUM)
#define UDP4 (RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_UDP_CKSUM)
#define UDP6 (RTE_MBUF_F_TX_IPV6 | RTE_MBUF_F_TX_UDP_CKSUM)
#define TSO4 (RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_TCP_SEG)
#define TSO6 (RTE_MBUF_F_TX_IPV6 | RTE_MBUF_F_TX_TCP_SEG)
#define USO4 (RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_UDP_SEG)
#define USO6 (RTE_MBUF_F_TX_IPV6 | RTE_MBUF_F_TX_UDP_SEG)

/* Headers; lengths and checksums are those that the driver must not need, or 0. */
#define IP4_TCP "4500 0000 0001 0000 4006 0000 c0a80001 c0a80002 "
#define IP4_UDP "4500 0000 0001 0000 4011 0000 c0a80001 c0a80002 "
#define IP4_OPT_TCP "4700 0000 0001 0000 4006 0000 c0a80001 c0a80002 0101010101010100 "
#define A6 "20010db8000000000000000000000001 "
#define B6 "20010db8000000000000000000000002 "
#define IP6_TCP "60000000 0000 0640 " A6 B6
#define IP6_UDP "60000000 0000 1140 " A6 B6
/* Destination options in between: six bytes of padding. */
#define IP6_EXT_TCP "60000000 0000 3c40 " A6 B6 "0600 010400000000 "
#define TCP "1234 0050 00000001 00000002 5010 ffff 0000 0000 "
#define TCP_CWR "1234 0050 00000001 00000002 5090 ffff 0000 0000 "
#define TCP_OPT "1234 0050 00000001 00000002 8010 ffff 0000 0000 0101080a0000000100000002 "
#define UDP "1234 0035 0000 0000 "
#define TAG "8100 0064 "

const struct kind kinds[] = {
	{"nothing asked", FRAME_MACS "0800" IP4_TCP TCP, 0, 0, 0, 0, 0, 100, 0,
		"00 00 0000 0000 0000 0000"},
	{"TCP over IPv4", FRAME_MACS "0800" IP4_TCP TCP, TCP4, 14, 20, 20, 0, 100, 0,
		"01 00 3600 0000 2200 1000"},
	{"TCP without l4_len", FRAME_MACS "0800" IP4_TCP TCP, TCP4, 14, 20, 0, 0, 100, 0,
		"01 00 5e00 0000 2200 1000"},
	{"short TCP without l4_len", FRAME_MACS "0800" IP4_TCP TCP, TCP4, 14, 20, 0, 0, 6, 0,
		"01 00 3c00 0000 2200 1000"},
	{"UDP over IPv4", FRAME_MACS "0800" IP4_UDP UDP, UDP4, 14, 20, 0, 0, 100, 0,
		"01 00 2a00 0000 2200 0600"},
	{"UDP and IPv4 header", FRAME_MACS "0800" IP4_UDP UDP, UDP4 | RTE_MBUF_F_TX_IP_CKSUM, 14,
		20, 8, 0, 18, 0, "01 00 2a00 0000 2200 0600"},
	{"IPv4 header alone", FRAME_MACS "0800" IP4_OPT_TCP TCP,
		RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM, 14, 28, 0, 0, 60, 0,
		"00 00 0000 0000 0000 0000"},
	{"TCP over IPv6", FRAME_MACS "86dd" IP6_TCP TCP, TCP6, 14, 40, 20, 0, 100, 0,
		"01 00 4a00 0000 3600 1000"},
	{"UDP over IPv6", FRAME_MACS "86dd" IP6_UDP UDP, UDP6, 14, 40, 8, 0, 1, 0,
		"01 00 3e00 0000 3600 0600"},
	{"tagged TCP", FRAME_MACS TAG "0800" IP4_TCP TCP_OPT, TCP4, 18, 20, 32, 0, 100, 0,
		"01 00 4600 0000 2600 1000"},
	{"TCP over IPv6 with an extension", FRAME_MACS "86dd" IP6_EXT_TCP TCP, TCP6, 14, 48, 20, 0,
		100, 0, "01 00 5200 0000 3e00 1000"},
	{"TSO4", FRAME_MACS "0800" IP4_TCP TCP_OPT, TSO4, 14, 20, 32, 1448, 20000, 0,
		"01 01 4200 a805 2200 1000"},
	{"TSO4 with CWR", FRAME_MACS "0800" IP4_TCP TCP_CWR, TSO4, 14, 20, 20, 1000, 1001, 0,
		"01 81 3600 e803 2200 1000"},
	{"TSO4 that is one segment", FRAME_MACS "0800" IP4_TCP TCP_CWR, TSO4, 14, 20, 20, 1000,
		1000, 0, "01 00 3600 0000 2200 1000"},
	{"tagged TSO4", FRAME_MACS TAG "0800" IP4_TCP TCP, TSO4, 18, 20, 20, 1460, 60000, 0,
		"01 01 3a00 b405 2600 1000"},
	{"TSO6", FRAME_MACS "86dd" IP6_TCP TCP, TSO6, 14, 40, 20, 1440, 5000, 0,
		"01 04 4a00 a005 3600 1000"},
	{"TSO6 with an extension", FRAME_MACS "86dd" IP6_EXT_TCP TCP, TSO6, 14, 48, 20, 1432, 5000,
		0, "01 04 5200 9805 3e00 1000"},
	{"USO4", FRAME_MACS "0800" IP4_UDP UDP, USO4, 14, 20, 8, 1200, 5000, 0,
		"01 05 2a00 b004 2200 0600"},
	{"USO6", FRAME_MACS "86dd" IP6_UDP UDP, USO6, 14, 40, 8, 1200, 5000, 0,
		"01 05 3e00 b004 3600 0600"},
	{"tag inserted", FRAME_MACS "0800" IP4_TCP TCP, RTE_MBUF_F_TX_VLAN, 0, 0, 0, 0, 6, 0x6123,
		"00 00 0000 0000 0000 0000"},
	{"tag inserted before a checksum", FRAME_MACS "0800" IP4_TCP TCP, TCP4 | RTE_MBUF_F_TX_VLAN,
		14, 20, 20, 0, 100, 5, "01 00 3a00 0000 2600 1000"},
	{"tag inserted before a TSO", FRAME_MACS "86dd" IP6_EXT_TCP TCP, TSO6 | RTE_MBUF_F_TX_VLAN,
		14, 48, 20, 1432, 9000, 4095, "01 04 5600 9805 4200 1000"},
};

const unsigned int nb_kinds = RTE_DIM(kinds);

bool tx_hash;
struct backend b;
struct fake_device tx;
static struct fake_chain chain;
uint8_t frame[PACKET_MAX + 64];  /* as the application has it */
uint8_t wanted[PACKET_MAX + 64]; /* as the device has to see it */
uint8_t seen[PACKET_MAX + 64];

uint16_t
tx_begin(uint64_t more, uint64_t without, uint64_t offloads)
{
	uint16_t port;

	backend_begin(&b);
	b.features |= more;
	if (tx_hash)
		backend_control(&b, 1);
	b.features &= ~without;
	backend_start(&b);
	port = port_add("queue_size=64");
	/* The backend is there: what it lacks cannot be configured. */
	UNTIL(b.connected);
	port_configure(port,
		(struct port_shape){.rx = 1, .tx = 1, .tx_offloads = offloads, .hash = tx_hash});
	assert_int_equal(rte_eth_dev_start(port), 0);
	UNTIL(port_up(port));
	assert_int_equal((b.acked & B_F_HASH_REPORT) != 0, tx_hash);
	backend_device(&b, 1, &tx);
	return port;
}

static int
by_address(const void *x, const void *y)
{
	const uintptr_t *a = x;
	const uintptr_t *c = y;

	return *a < *c ? -1 : *a > *c;
}

/* Every mbuf is there once: none was given back twice, and another one lost for it. */
static void
assert_pool_sound(void)
{
	static void *all[4096];
	unsigned int nb = rte_mempool_avail_count(pool);

	assert_true(nb <= RTE_DIM(all));
	assert_int_equal(rte_mempool_get_bulk(pool, all, nb), 0);
	rte_mempool_put_bulk(pool, all, nb);
	qsort(all, nb, sizeof(all[0]), by_address);
	for (unsigned int i = 1; i < nb; i++)
		assert_ptr_not_equal(all[i - 1], all[i]);
}

void
tx_end(uint16_t port, struct resources before)
{
	assert_null(tx.complaint);
	port_end(port, &b, before);
	assert_pool_sound();
}

/* Headers and payload, with the lengths filled in, at frame. */
uint32_t
tx_build(const struct kind *k)
{
	uint32_t len = frame_hex(frame, k->headers);
	uint32_t l3 = frame_get16(frame + 12) == 0x8100 ? 18 : 14;
	uint32_t l4 = l3 + (k->l3 != 0 ? k->l3 : 20);
	const bool ipv4 = frame[l3] >> 4 == 4;

	for (uint32_t i = 0; i < k->payload; i++)
		frame[len + i] = (uint8_t)(i * 7 + i / 256);
	len += k->payload;
	if (ipv4)
		frame_set16(frame + l3 + 2, len - l3);
	else
		frame_set16(frame + l3 + 4, len - l3 - 40);
	if (ipv4 ? frame[l3 + 9] == 17 : frame[l3 + 6] == 17)
		frame_set16(frame + l4 + 4, len - l4);
	return len;
}

/* What the driver has to make of it: pseudo header with the length, IPv4 header checksum, tag. */
uint32_t
tx_complete(const struct kind *k, uint32_t len)
{
	const bool ipv4 = k->flags & RTE_MBUF_F_TX_IPV4;
	const uint32_t l4 = (uint32_t)k->l2 + k->l3;
	uint8_t *ip = frame + k->l2;
	const bool tcp = k->flags & RTE_MBUF_F_TX_TCP_SEG ||
			 (k->flags & RTE_MBUF_F_TX_L4_MASK) == RTE_MBUF_F_TX_TCP_CKSUM;

	memcpy(wanted, frame, len);
	if (k->flags & RTE_MBUF_F_TX_IP_CKSUM)
		frame_set16(wanted + k->l2 + 10, frame_checksum(ip, k->l3, 0));
	if (k->flags & (RTE_MBUF_F_TX_L4_MASK | RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_UDP_SEG)) {
		uint32_t sum = frame_pseudo(ip + (ipv4 ? 12 : 8), ip + (ipv4 ? 16 : 24),
			ipv4 ? 4 : 16, tcp ? 6 : 17, len - l4);

		sum = (sum & 0xffff) + (sum >> 16);
		sum = (sum & 0xffff) + (sum >> 16);
		frame_set16(wanted + l4 + (tcp ? 16 : 6), sum);
	}
	if (!(k->flags & RTE_MBUF_F_TX_VLAN))
		return len;
	memmove(wanted + 16, wanted + 12, len - 12);
	frame_set16(wanted + 12, 0x8100);
	frame_set16(wanted + 14, k->tci);
	return len + 4;
}

struct rte_mbuf *
tx_packet(const struct kind *k, uint32_t len, uint32_t first, uint32_t others)
{
	struct rte_mbuf *head = NULL;
	uint32_t at = 0;

	while (at < len) {
		uint32_t n = RTE_MIN(at == 0 ? first : others, len - at);
		struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

		assert_non_null(m);
		/* What a pool's mbufs have to be: nobody gave back a part of a chain. */
		assert_null(m->next);
		assert_int_equal(m->nb_segs, 1);
		memcpy(rte_pktmbuf_append(m, (uint16_t)n), frame + at, n);
		at += n;
		if (head == NULL)
			head = m;
		else
			assert_int_equal(rte_pktmbuf_chain(head, m), 0);
	}
	head->ol_flags = k->flags;
	head->l2_len = k->l2;
	head->l3_len = k->l3;
	head->l4_len = k->l4;
	head->tso_segsz = k->segsz;
	head->vlan_tci = k->tci;
	return head;
}

uint32_t
tx_collect(void)
{
	uint32_t at = 0;

	if (!fake_device_take(&tx, &chain))
		return 0;
	for (uint32_t i = 0; i < chain.nb; i++) {
		const void *part = backend_at(&b, chain.parts[i].addr, chain.parts[i].len);

		assert_non_null(part);
		assert_true(at + chain.parts[i].len <= sizeof(seen));
		memcpy(seen + at, part, chain.parts[i].len);
		at += chain.parts[i].len;
	}
	fake_device_use(&tx, chain.head, 0);
	fake_device_show(&tx);
	if (tx_hash) {
		static const uint8_t no_hash[8];

		assert_memory_equal(seen + HDR, no_hash, sizeof(no_hash));
		at -= (uint32_t)sizeof(no_hash);
		memmove(seen + HDR, seen + HDR + sizeof(no_hash), at - HDR);
	}
	return at;
}

void
assert_sent(const struct kind *k, uint32_t len)
{
	uint8_t hdr[HDR] = {0};

	assert_int_equal(frame_hex(hdr, k->expected), HDR - 2);
	if (tx_collect() != HDR + len)
		fail_msg("%s: length", k->name);
	if (memcmp(seen, hdr, HDR) != 0)
		fail_msg("%s: header %02x %02x %02x%02x %02x%02x %02x%02x %02x%02x", k->name,
			seen[0], seen[1], seen[2], seen[3], seen[4], seen[5], seen[6], seen[7],
			seen[8], seen[9]);
	for (uint32_t i = 0; i < len; i++) {
		if (seen[HDR + i] != wanted[i])
			fail_msg("%s: byte %u is %02x, not %02x", k->name, i, seen[HDR + i],
				wanted[i]);
	}
}

/* By DPDK's convention the checksum field has the pseudo header's sum, for TSO without length. */
void
tx_seed(const struct kind *k)
{
	const uint32_t l4 = (uint32_t)k->l2 + k->l3;
	const bool tcp = (k->flags & RTE_MBUF_F_TX_L4_MASK) == RTE_MBUF_F_TX_TCP_CKSUM;

	if (k->flags & RTE_MBUF_F_TX_L4_MASK)
		memcpy(frame + l4 + (tcp ? 16 : 6),
			wanted + l4 + (tcp ? 16 : 6) + (k->flags & RTE_MBUF_F_TX_VLAN ? 4 : 0), 2);
}
