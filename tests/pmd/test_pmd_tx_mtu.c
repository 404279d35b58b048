/* SPDX-License-Identifier: BSD-3-Clause */
/* A driver that agreed to the device's MTU sends nothing longer, whichever way a packet takes. */
#include "control.h"

#include <rte_ethdev.h>

#include <string.h>

static struct backend b;

/* One packet, of one segment or of two. */
static struct rte_mbuf *
packet(uint32_t len, bool two)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	assert_non_null(m);
	assert_non_null(rte_pktmbuf_append(m, (uint16_t)(two ? len / 2 : len)));
	if (two) {
		struct rte_mbuf *tail = rte_pktmbuf_alloc(pool);

		assert_non_null(tail);
		assert_non_null(rte_pktmbuf_append(tail, (uint16_t)(len - len / 2)));
		assert_int_equal(rte_pktmbuf_chain(m, tail), 0);
	}
	return m;
}

static const struct {
	uint64_t offloads;
	uint64_t without;
	bool two;
} kinds[] = {
	{0, 0, false},
	{0, 0, true},
	{0, B_F_IN_ORDER, false},
	{RTE_ETH_TX_OFFLOAD_VLAN_INSERT, 0, false},
	{RTE_ETH_TX_OFFLOAD_VLAN_INSERT, B_F_IN_ORDER, true},
};

static void
longer_packets_are_dropped_and_counted(void **state)
{
	(void)state;
	COVERS("NET-DRV-008");
	for (unsigned int i = 0; i < RTE_DIM(kinds); i++) {
		struct resources before = resources_now();
		uint16_t port;

		control_begin(&b, 1);
		b.config.mtu = 1600;
		b.features &= ~kinds[i].without;
		port = control_start(&b,
			(struct port_shape){.rx = 1, .tx = 1, .tx_offloads = kinds[i].offloads});
		/* The long one at each place of a burst that has groups of eight in it. */
		for (unsigned int at = 0; at < 20; at++) {
			struct rte_mbuf *burst[20];
			struct fake_device d;

			for (unsigned int j = 0; j < RTE_DIM(burst); j++)
				burst[j] = packet(j == at ? 1619 : 1618, kinds[i].two);
			assert_int_equal(
				rte_eth_tx_burst(port, 0, burst, RTE_DIM(burst)), RTE_DIM(burst));
			assert_int_equal(port_xstat(port, "tx_q0_oversized"), at + 1);
			assert_int_equal(port_xstat(port, "tx_q0_packets"), 19 * (at + 1));
			/* Room for the next ones. */
			pthread_mutex_lock(&b.lock);
			backend_device(&b, 1, &d);
			d.avail_pos = d.used_pos = (uint16_t)(19 * at);
			d.order_pos = 19 * at;
			for (unsigned int j = 0; j < 19; j++) {
				static struct fake_chain chain;

				assert_true(fake_device_take(&d, &chain));
				fake_device_use(&d, chain.head, 0);
			}
			fake_device_show(&d);
			pthread_mutex_unlock(&b.lock);
		}
		port_end(port, &b, before);
	}
}

static void
without_an_agreement_all_that_fits_the_ring_is_sent(void **state)
{
	struct resources before = resources_now();
	struct rte_mbuf *m;
	uint16_t port;

	(void)state;
	control_begin(&b, 1);
	b.features &= ~B_F_MTU;
	b.config.mtu = 100;
	port = control_start(&b, (struct port_shape){.rx = 1, .tx = 1});
	m = packet(3900, true);
	assert_int_equal(rte_eth_tx_burst(port, 0, &m, 1), 1);
	assert_int_equal(port_xstat(port, "tx_q0_oversized"), 0);
	assert_int_equal(port_xstat(port, "tx_q0_packets"), 1);
	port_end(port, &b, before);
}

static void
segmentation_is_for_longer_packets(void **state)
{
	struct resources before = resources_now();
	struct rte_mbuf *m;
	uint8_t *p;
	uint16_t port;

	(void)state;
	control_begin(&b, 1);
	b.features |= B_TX_OFFLOADS;
	b.config.mtu = 1500;
	port = control_start(&b,
		(struct port_shape){.rx = 1,
			.tx = 1,
			.tx_offloads = RTE_ETH_TX_OFFLOAD_TCP_TSO | RTE_ETH_TX_OFFLOAD_TCP_CKSUM |
				       RTE_ETH_TX_OFFLOAD_IPV4_CKSUM |
				       RTE_ETH_TX_OFFLOAD_MULTI_SEGS});
	m = packet(3000, true);
	p = rte_pktmbuf_mtod(m, uint8_t *);
	memset(p, 0, 54);
	p[12] = 8;
	p[14] = 0x45;
	p[16] = (3000 - 14) >> 8;
	p[17] = (3000 - 14) & 0xff;
	p[22] = 64;
	p[23] = 6;
	p[46] = 5 << 4;
	m->l2_len = 14;
	m->l3_len = 20;
	m->l4_len = 20;
	m->tso_segsz = 1400;
	m->ol_flags = RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM |
		      RTE_MBUF_F_TX_TCP_CKSUM;
	assert_int_equal(rte_eth_tx_burst(port, 0, &m, 1), 1);
	assert_int_equal(port_xstat(port, "tx_q0_oversized"), 0);
	assert_int_equal(port_xstat(port, "tx_q0_segmentation_packets"), 1);
	port_end(port, &b, before);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		UNIT(longer_packets_are_dropped_and_counted),
		UNIT(without_an_agreement_all_that_fits_the_ring_is_sent),
		UNIT(segmentation_is_for_longer_packets),
	};

	fixture_start();
	return fixture_end(RUN_UNITS("pmd_tx_mtu", tests));
}
