/* SPDX-License-Identifier: BSD-3-Clause */
/* Offload fields that contradict each other or the packet, and offloads that are off. */
#include "tx_kinds.h"

#include <rte_errno.h>

#include <stdlib.h>
#include <string.h>

/* A change to kinds[from] that makes it impossible, and what is said then. */
struct wrong {
	const char *name;
	unsigned int from;
	uint64_t set;
	uint64_t clear;
	int l2; /* -1: as it is */
	int l3;
	int l4;
	int segsz;
	uint32_t cut; /* the packet ends here; 0: where it did */
	int errno_;
	bool drop; /* by the burst, too */
};

static const struct wrong wrongs[] = {
	{"no IP version", T4, 0, RTE_MBUF_F_TX_IPV4, -1, -1, -1, -1, 0, EINVAL, true},
	{"both IP versions", T4, RTE_MBUF_F_TX_IPV6, 0, -1, -1, -1, -1, 0, EINVAL, false},
	{"IPv6 header checksum", T6, RTE_MBUF_F_TX_IP_CKSUM, 0, -1, -1, -1, -1, 0, EINVAL, true},
	{"no l2_len", T4, 0, 0, 0, -1, -1, -1, 0, EINVAL, true},
	{"tunnel without outer headers", T4, RTE_MBUF_F_TX_OUTER_IPV4, 0, 0, -1, -1, -1, 0, EINVAL,
		true},
	{"no l3_len", T4, 0, 0, -1, 0, -1, -1, 0, EINVAL, true},
	{"l3_len behind the end", T4, 0, 0, -1, 511, -1, -1, 0, EINVAL, true},
	{"checksum behind the end", T4, 0, 0, -1, -1, -1, -1, 51, EINVAL, true},
	{"UDP checksum behind the end", U4, 0, 0, -1, -1, -1, -1, 41, EINVAL, true},
	{"IPv4 header behind the end", PLAIN, RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM, 0, 14,
		24, -1, -1, 30, EINVAL, true},
	{"SCTP", T4, RTE_MBUF_F_TX_SCTP_CKSUM, RTE_MBUF_F_TX_L4_MASK, -1, -1, -1, -1, 0, ENOTSUP,
		true},
	{"outer checksum", T4, RTE_MBUF_F_TX_OUTER_IP_CKSUM | RTE_MBUF_F_TX_OUTER_IPV4, 0, -1, -1,
		-1, -1, 0, ENOTSUP, true},
	{"two tags", T4, RTE_MBUF_F_TX_QINQ, 0, -1, -1, -1, -1, 0, ENOTSUP, true},
	{"TSO without size", TS4, 0, 0, -1, -1, -1, 0, 0, EINVAL, true},
	{"TSO without IPv4 header checksum", TS4, 0, RTE_MBUF_F_TX_IP_CKSUM, -1, -1, -1, -1, 0,
		EINVAL, false},
	{"TSO without l4_len", TS4, 0, 0, -1, -1, 0, -1, 0, EINVAL, true},
	{"TSO with a long l4_len", TS4, 0, 0, -1, -1, 64, -1, 0, EINVAL, true},
	{"TSO with another l4_len", TS4, 0, 0, -1, -1, 20, -1, 0, EINVAL, true},
	{"TSO with headers behind the end", TS4, 0, 0, -1, -1, -1, -1, 60, EINVAL, true},
	{"TSO and USO", TS4, RTE_MBUF_F_TX_UDP_SEG, 0, -1, -1, -1, -1, 0, EINVAL, true},
	{"TSO of UDP", TS4, RTE_MBUF_F_TX_UDP_CKSUM, 0, -1, -1, -1, -1, 0, EINVAL, true},
	{"USO with a long header", US4, 0, 0, -1, -1, 12, -1, 0, EINVAL, true},
	{"TSO in a tunnel", TS4, RTE_MBUF_F_TX_OUTER_IPV4, 0, -1, -1, -1, -1, 0, ENOTSUP, true},
	{"TSO with long headers", TS6, 0, 0, -1, 240, -1, -1, 0, ENOTSUP, true},
	{"tag of nothing", PLAIN, RTE_MBUF_F_TX_VLAN, 0, -1, -1, -1, -1, 11, EINVAL, true},
	{"tag behind a long l2_len", PLAIN, RTE_MBUF_F_TX_VLAN, 0, 127, -1, -1, -1, 0, EINVAL,
		true},
};

static struct rte_mbuf *
wrong_packet(const struct wrong *w, bool linear)
{
	const struct kind *k = &kinds[w->from];
	uint32_t len = tx_build(k);
	struct rte_mbuf *m;

	if (w->cut != 0)
		len = w->cut;
	m = tx_packet(k, len, linear ? 1900 : 10, linear ? 1900 : 1500);
	m->ol_flags = (m->ol_flags & ~w->clear) | w->set;
	if (w->l2 >= 0)
		m->l2_len = (unsigned int)w->l2;
	if (w->l3 >= 0)
		m->l3_len = (unsigned int)w->l3;
	if (w->l4 >= 0)
		m->l4_len = (unsigned int)w->l4;
	if (w->segsz >= 0)
		m->tso_segsz = (unsigned int)w->segsz;
	return m;
}

static void
wrong_fields_are_refused_by_prepare_and_dropped_by_the_burst(void **state)
{
	struct resources before = resources_now();
	uint16_t port = tx_begin(B_TX_OFFLOADS, 0, ALL_TX);
	uint64_t einval = 0;
	uint64_t enotsup = 0;

	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(wrongs); i++) {
		const struct wrong *w = &wrongs[i];

		for (unsigned int linear = 0; linear < 2; linear++) {
			struct rte_mbuf *m = wrong_packet(w, linear);

			rte_errno = 0;
			if (rte_eth_tx_prepare(port, 0, &m, 1) != 0 || rte_errno != w->errno_)
				fail_msg("%s: prepare says %s", w->name, rte_strerror(rte_errno));
			assert_int_equal(rte_eth_tx_burst(port, 0, &m, 1), 1);
			if (w->drop && tx_collect() != 0)
				fail_msg("%s: was sent", w->name);
			if (w->drop)
				*(w->errno_ == EINVAL ? &einval : &enotsup) += 1;
			while (tx_collect() != 0)
				;
			if (port_xstat(port, "tx_q0_bad_offload_fields") < einval)
				fail_msg("%s: not counted", w->name);
		}
	}
	assert_true(port_xstat(port, "tx_q0_bad_offload_fields") >= einval);
	assert_int_equal(port_xstat(port, "tx_q0_offload_not_possible"), enotsup);
	tx_end(port, before);
}

static void
offload_that_is_off_is_refused(void **state)
{
	static const struct {
		uint64_t on;
		unsigned int kind;
	} off[] = {
		{0, T4},
		{RTE_ETH_TX_OFFLOAD_VLAN_INSERT, T4},
		{RTE_ETH_TX_OFFLOAD_TCP_CKSUM, TS4},
		{RTE_ETH_TX_OFFLOAD_TCP_TSO, US4},
		{RTE_ETH_TX_OFFLOAD_UDP_TSO, TS6},
	};

	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(off); i++) {
		struct resources before = resources_now();
		uint16_t port = tx_begin(B_TX_OFFLOADS, 0, off[i].on);
		const struct kind *k = &kinds[off[i].kind];
		struct rte_mbuf *m = tx_packet(k, tx_build(k), 1000, 1900);

		assert_int_equal(rte_eth_tx_prepare(port, 0, &m, 1), 0);
		assert_int_equal(rte_errno, ENOTSUP);
		assert_int_equal(rte_eth_tx_burst(port, 0, &m, 1), 1);
		/* A port without any offload does not look. */
		assert_int_equal(tx_collect() != 0, off[i].on == 0);
		assert_int_equal(
			port_xstat(port, "tx_q0_offload_not_possible"), off[i].on == 0 ? 0 : 1);
		tx_end(port, before);
	}
}

static void
congestion_mark_needs_its_feature(void **state)
{
	struct resources before = resources_now();
	uint16_t port = tx_begin(B_TX_OFFLOADS, B_F_HOST_ECN, ALL_TX);
	const struct kind *k = &kinds[CWR];
	struct rte_mbuf *m = tx_packet(k, tx_build(k), 1900, 1900);

	(void)state;
	COVERS("NET-DRV-024");
	assert_int_equal(rte_eth_tx_prepare(port, 0, &m, 1), 0);
	assert_int_equal(rte_errno, ENOTSUP);
	assert_int_equal(rte_eth_tx_burst(port, 0, &m, 1), 1);
	assert_int_equal(tx_collect(), 0);
	assert_int_equal(port_xstat(port, "tx_q0_offload_not_possible"), 1);
	tx_end(port, before);
}

/* Whatever stands in the fields: a header that fits the packet, or a count. */
static void
fields_made_up_by_chance_harm_nothing(void **state)
{
	struct resources before = resources_now();
	uint16_t port = tx_begin(B_TX_OFFLOADS, 0, ALL_TX);
	unsigned int nb_sent = 0;
	const unsigned int rounds = 30000;

	(void)state;
	srandom(1);
	for (unsigned int i = 0; i < rounds; i++) {
		const struct kind *k = &kinds[(unsigned long)random() % nb_kinds];
		uint32_t len = tx_build(k);
		uint32_t first = 1 + (uint32_t)random() % 300;
		struct rte_mbuf *m;
		uint32_t got;

		if (random() % 3 == 0)
			len = 1 + (uint32_t)random() % RTE_MIN(len, 200u);
		m = tx_packet(k, len, first, 1900);
		if (random() % 2)
			m->ol_flags ^= UINT64_C(1) << (40 + random() % 20);
		if (random() % 2)
			m->tx_offload ^= (uint64_t)random() << (random() % 34);
		if (random() % 4 == 0)
			rte_eth_tx_prepare(port, 0, &m, 1);
		assert_int_equal(rte_eth_tx_burst(port, 0, &m, 1), 1);
		got = tx_collect();
		if (got == 0)
			continue;
		nb_sent++;
		got -= HDR;
		assert_true(seen[0] <= 1);
		if (seen[0] == 1) {
			uint32_t hdr_len = seen[2] | (uint32_t)seen[3] << 8;
			uint32_t start = seen[6] | (uint32_t)seen[7] << 8;
			uint32_t offset = seen[8] | (uint32_t)seen[9] << 8;

			assert_true(hdr_len <= got);
			assert_true(start + offset + 2 <= got);
		}
	}
	assert_int_equal(nb_sent + port_xstat(port, "tx_q0_bad_offload_fields") +
				 port_xstat(port, "tx_q0_offload_not_possible"),
		rounds);
	assert_true(nb_sent > rounds / 10 && nb_sent < rounds);
	tx_end(port, before);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		UNIT(wrong_fields_are_refused_by_prepare_and_dropped_by_the_burst),
		UNIT(offload_that_is_off_is_refused),
		UNIT(congestion_mark_needs_its_feature),
		UNIT(fields_made_up_by_chance_harm_nothing),
	};

	fixture_start();
	return fixture_end(RUN_UNITS("pmd_tx_fields", tests));
}
