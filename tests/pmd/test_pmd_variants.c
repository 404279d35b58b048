/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames in sequence through every row of the driver's tables of variants, at every width: the
 * short ways first, then buffers that are used out of order where the row allows it.
 */
#include "pmd_rxtx.h"
#include "variants.h"

#include <string.h>

#define SIZE 64
#define BURST 40 /* groups of eight, and a wrap of the ring at every place */
#define FRAMES 700
#define TCPV4_REPORT 2
#define DATA_VALID 2

static struct backend b;
static struct fake_device rx;
static struct fake_device tx;
static struct fake_chain chain;
static uint32_t hdr_bytes;

static uint32_t
length_of(uint32_t seq)
{
	return 60 + seq * 7 % 1400;
}

/* Says a frame's header that its checksum is right? */
static bool
says_good(struct variant v, uint32_t seq)
{
	return (v.rx & PMD_RX_OFFLOAD) && seq % 5 == 3;
}

static void
frame_fill(uint8_t *at, uint32_t seq)
{
	memset(at, (int)seq, length_of(seq));
	memcpy(at, &seq, sizeof(seq));
}

/* The next buffer gets frame seq. @return its head. */
static uint16_t
rx_fill(struct variant v, uint32_t seq)
{
	uint8_t *buf;

	assert_true(fake_device_take(&rx, &chain));
	assert_int_equal(chain.write_bytes, hdr_bytes + 2048);
	buf = backend_at(&b, chain.parts[0].addr, chain.write_bytes);
	assert_non_null(buf);
	memset(buf, 0, hdr_bytes);
	buf[0] = says_good(v, seq) ? DATA_VALID : 0;
	buf[10] = 1; /* num_buffers */
	if (v.rx & PMD_RX_HASH) {
		memcpy(buf + 12, &seq, sizeof(seq));
		buf[16] = TCPV4_REPORT;
	}
	frame_fill(buf + hdr_bytes, seq);
	return chain.head;
}

/* n frames from seq on; swapped: each odd one is used before the one in front of it. */
static void
rx_put(struct variant v, uint32_t seq, unsigned int n, bool swapped)
{
	for (unsigned int i = 0; i < n; i++) {
		uint16_t head = rx_fill(v, seq + i);

		if (swapped && i + 1 < n) {
			uint16_t next = rx_fill(v, seq + i + 1);

			fake_device_use(&rx, next, hdr_bytes + length_of(seq + i + 1));
			fake_device_use(&rx, head, hdr_bytes + length_of(seq + i));
			i++;
			continue;
		}
		fake_device_use(&rx, head, hdr_bytes + length_of(seq + i));
	}
	fake_device_show(&rx);
}

static void
assert_frame(struct variant v, const struct rte_mbuf *m, uint32_t seq)
{
	uint8_t wanted[2048];
	uint64_t flags = 0;

	if (v.rx & PMD_RX_HASH) {
		flags = RTE_MBUF_F_RX_RSS_HASH;
		assert_int_equal(m->hash.rss, seq);
	}
	if (says_good(v, seq))
		flags |= RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	frame_fill(wanted, seq);
	assert_int_equal(m->pkt_len, length_of(seq));
	assert_int_equal(m->data_len, m->pkt_len);
	assert_int_equal(m->nb_segs, 1);
	assert_memory_equal(rte_pktmbuf_mtod(m, const void *), wanted, m->pkt_len);
	assert_int_equal(m->ol_flags, flags);
}

/* Bursts of any length; what is swapped arrives swapped. */
static void
receive(uint16_t port, struct variant v, uint32_t *seq, uint32_t frames, bool swapped)
{
	struct rte_mbuf *pkts[BURST];

	for (uint32_t end = *seq + frames; *seq < end;) {
		unsigned int n = RTE_MIN(1 + *seq % BURST, end - *seq), got = 0;

		rx_put(v, *seq, n, swapped);
		/* What comes after a frame that was used too early is another burst. */
		for (unsigned int i = 0; i < BURST && got < n; i++)
			got += rte_eth_rx_burst(port, 0, &pkts[got], (uint16_t)(n - got));
		assert_int_equal(got, n);
		for (unsigned int i = 0; i < n; i++) {
			bool paired = swapped && (i | 1) < n;

			assert_frame(v, pkts[i], *seq + (paired ? i ^ 1 : i));
		}
		rte_pktmbuf_free_bulk(pkts, n);
		*seq += n;
	}
}

static bool
asks(struct variant v, uint32_t seq)
{
	return (v.tx & PMD_TX_OFFLOAD) && seq % 5 == 3;
}

static struct rte_mbuf *
packet(struct variant v, uint32_t seq)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	assert_non_null(m);
	frame_fill((uint8_t *)rte_pktmbuf_append(m, (uint16_t)length_of(seq)), seq);
	if (asks(v, seq)) {
		m->ol_flags |= RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_UDP_CKSUM;
		m->l2_len = 14;
		m->l3_len = 20;
	}
	return m;
}

/* Packet seq is the next one on the ring. @return its head. */
static uint16_t
take(struct variant v, uint32_t seq)
{
	static uint8_t seen[2 * 2048];
	uint8_t wanted[2048], hdr[20] = {0};
	uint32_t at = 0;

	assert_true(fake_device_take(&tx, &chain));
	for (uint32_t i = 0; i < chain.nb; i++) {
		assert_true(at + chain.parts[i].len <= sizeof(seen));
		memcpy(seen + at, backend_at(&b, chain.parts[i].addr, chain.parts[i].len),
			chain.parts[i].len);
		at += chain.parts[i].len;
	}
	assert_int_equal(at, hdr_bytes + length_of(seq));
	if (asks(v, seq)) {
		hdr[0] = 1; /* NEEDS_CSUM */
		hdr[6] = 14 + 20;
		hdr[8] = 6;
		/* As far as the headers reach: checked by tests of the offloads. */
		memcpy(hdr + 2, seen + 2, 2);
	}
	assert_memory_equal(seen, hdr, hdr_bytes);
	frame_fill(wanted, seq);
	assert_memory_equal(seen + hdr_bytes, wanted, length_of(seq));
	return chain.head;
}

static void
transmit(uint16_t port, struct variant v, uint32_t *seq, uint32_t frames, bool swapped)
{
	struct rte_mbuf *pkts[BURST];
	uint16_t heads[BURST];

	for (uint32_t end = *seq + frames; *seq < end;) {
		unsigned int n = RTE_MIN(1 + *seq % BURST, end - *seq);

		for (unsigned int i = 0; i < n; i++)
			pkts[i] = packet(v, *seq + i);
		assert_int_equal(rte_eth_tx_burst(port, 0, pkts, (uint16_t)n), n);
		for (unsigned int i = 0; i < n; i++)
			heads[i] = take(v, *seq + i);
		assert_false(fake_device_take(&tx, &chain));
		for (unsigned int i = 0; i < n; i++)
			fake_device_use(&tx, heads[swapped ? n - 1 - i : i], 0);
		fake_device_show(&tx);
		*seq += n;
	}
}

static void
every_row_at_every_width_keeps_the_sequence(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < variants_nb(); i++) {
		struct variant v = variant_at(i);
		struct resources before = resources_now();
		uint16_t port = variant_begin(&b, v);
		uint32_t received = 0, sent = 0;

		hdr_bytes = variant_hdr(v);
		backend_device(&b, 0, &rx);
		backend_device(&b, 1, &tx);
		receive(port, v, &received, FRAMES, false);
		transmit(port, v, &sent, FRAMES, false);
		if (!(v.tx & PMD_TX_IN_ORDER)) {
			receive(port, v, &received, FRAMES, true);
			transmit(port, v, &sent, FRAMES, true);
		}
		assert_int_equal(port_xstat(port, "rx_q0_packets"), received);
		assert_int_equal(port_xstat(port, "tx_q0_packets"), sent);
		assert_int_equal(port_xstat(port, "rx_q0_errors"), 0);
		assert_int_equal(port_xstat(port, "tx_q0_errors"), 0);
		assert_null(rx.complaint);
		assert_null(tx.complaint);
		variant_end(port, &b, before);
	}
	assert_all_variants_ran();
}

static void
no_two_rows_have_a_name_or_a_function_in_common(void **state)
{
	static const struct pmd_variant *const rx_sets[] = {
		pmd_rx_variants_base,
#if defined(RTE_ARCH_X86)
		pmd_rx_variants_avx2,
		pmd_rx_variants_avx512,
#endif
	};
	static const struct pmd_variant *const tx_sets[] = {
		pmd_tx_variants_base,
#if defined(RTE_ARCH_X86)
		pmd_tx_variants_avx2,
		pmd_tx_variants_avx512,
#endif
	};
	struct pmd_variant all[PMD_ISA_MAX * (PMD_RX_FLAGS + PMD_TX_FLAGS + 2)];
	unsigned int nb = 0;

	(void)state;
	for (unsigned int set = 0; set < RTE_DIM(rx_sets); set++) {
		for (unsigned int i = 0; i <= PMD_RX_FLAGS; i++)
			all[nb++] = rx_sets[set][i];
		for (unsigned int i = 0; i <= PMD_TX_FLAGS; i++)
			all[nb++] = tx_sets[set][i];
	}
	for (unsigned int i = 0; i < nb; i++) {
		assert_non_null(all[i].name);
		assert_non_null(all[i].burst);
		for (unsigned int k = 0; k < i; k++) {
			assert_string_not_equal(all[i].name, all[k].name);
			assert_true(all[i].burst != all[k].burst);
		}
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		UNIT(no_two_rows_have_a_name_or_a_function_in_common),
		UNIT(every_row_at_every_width_keeps_the_sequence),
	};

	fixture_start();
	return fixture_end(RUN_UNITS("pmd_variants", tests));
}
