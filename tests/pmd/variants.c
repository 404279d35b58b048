/* SPDX-License-Identifier: BSD-3-Clause */
#include "variants.h"

#include "pmd_port.h"
#include "pmd_queue.h"

#include <rte_cpuflags.h>
#include <rte_vect.h>

#include <stdio.h>
#include <string.h>

#define RX_ROWS (PMD_RX_FLAGS + 1)
#define TX_ROWS (PMD_TX_FLAGS + 1)

/* The driver's tables, narrowest first, and the width from which one is taken. */
static const struct {
	const char *name;
	uint16_t width;
	const struct pmd_variant *rx;
	const struct pmd_variant *tx;
} sets[PMD_ISA_MAX] = {
	{"base", 64, pmd_rx_variants_base, pmd_tx_variants_base},
#if defined(RTE_ARCH_X86)
	{"avx2", 256, pmd_rx_variants_avx2, pmd_tx_variants_avx2},
	{"avx512", 512, pmd_rx_variants_avx512, pmd_tx_variants_avx512},
#endif
};
static bool rx_ran[PMD_ISA_MAX][RX_ROWS];
static bool tx_ran[PMD_ISA_MAX][TX_ROWS];

/* Has this processor got what the set needs? */
static bool
possible(unsigned int set)
{
#if defined(RTE_ARCH_X86)
	static const enum rte_cpu_flag_t needs[PMD_ISA_MAX][4] = {
		[PMD_ISA_AVX2] = {RTE_CPUFLAG_AVX2, RTE_CPUFLAG_BMI2, RTE_CPUFLAG_BMI1,
			RTE_CPUFLAG_FMA},
		[PMD_ISA_AVX512] = {RTE_CPUFLAG_AVX512F, RTE_CPUFLAG_AVX512BW, RTE_CPUFLAG_AVX512DQ,
			RTE_CPUFLAG_AVX512VL},
	};

	for (unsigned int i = 0; set > 0 && i < RTE_DIM(needs[set]); i++) {
		if (rte_cpu_get_flag_enabled(needs[set][i]) <= 0)
			return false;
	}
#endif
	return sets[set].rx != NULL;
}

/* What runs at a width: the widest set that it allows. */
static unsigned int
set_at(uint16_t width)
{
	unsigned int set = PMD_ISA_MAX - 1;

	while (set > 0 && (sets[set].width > width || !possible(set)))
		set--;
	return set;
}

unsigned int
variants_nb(void)
{
	return PMD_ISA_MAX * RX_ROWS * 2;
}

struct variant
variant_at(unsigned int i)
{
	static const uint16_t widths[PMD_ISA_MAX] = {64, 256, 512};

	static_assert(PMD_TX_IN_ORDER == 1 && TX_ROWS <= 2 * RX_ROWS,
		"two rows in a sequence differ in IN_ORDER, and all get their turn");
	return (struct variant){
		.width = widths[i / (2 * RX_ROWS)],
		.rx = i / 2 % RX_ROWS,
		.tx = i % TX_ROWS,
	};
}

uint32_t
variant_hdr(struct variant v)
{
	return v.rx & PMD_RX_HASH ? 20 : 12;
}

static void
assert_row(const char *what, const struct pmd_variant *row, pmd_burst_fn *burst,
	const struct rte_eth_burst_mode *mode)
{
	assert_non_null(row->burst);
	if (burst != row->burst || strcmp(mode->info, row->name) != 0)
		fail_msg("%s: '%s' is wanted, but the port says '%s' and runs %s function", what,
			row->name, mode->info, burst == row->burst ? "that" : "another");
}

static void
assert_rows(uint16_t port, struct variant v)
{
	const unsigned int set = set_at(v.width);
	const struct pmd_rxq *rxq = rte_eth_devices[port].data->rx_queues[0];
	const struct pmd_txq *txq = rte_eth_devices[port].data->tx_queues[0];
	struct rte_eth_burst_mode mode;

	assert_int_equal(rte_eth_rx_burst_mode_get(port, 0, &mode), 0);
	assert_row("receive", &sets[set].rx[v.rx], rxq->burst, &mode);
	assert_non_null(strstr(mode.info, sets[set].name));
	assert_int_equal(rte_eth_tx_burst_mode_get(port, 0, &mode), 0);
	assert_row("transmit", &sets[set].tx[v.tx], txq->burst, &mode);
	assert_non_null(strstr(mode.info, sets[set].name));
	rx_ran[set][v.rx] = true;
	tx_ran[set][v.tx] = true;
}

uint16_t
variant_begin(struct backend *b, struct variant v)
{
	struct port_shape shape = {.rx = 1, .tx = 1, .hash = v.rx & PMD_RX_HASH};
	uint16_t port;

	assert_int_equal(rte_vect_set_max_simd_bitwidth(v.width), 0);
	backend_begin(b);
	if (v.rx & PMD_RX_HASH)
		backend_control(b, 1);
	b->features |= B_F_CSUM | B_F_GUEST_CSUM;
	if (!(v.rx & PMD_RX_MERGE))
		b->features &= ~B_F_MRG_RXBUF;
	if (!(v.tx & PMD_TX_IN_ORDER))
		b->features &= ~B_F_IN_ORDER;
	if (v.rx & PMD_RX_OFFLOAD)
		shape.rx_offloads = RTE_ETH_RX_OFFLOAD_UDP_CKSUM | RTE_ETH_RX_OFFLOAD_TCP_CKSUM;
	if (v.tx & PMD_TX_OFFLOAD)
		shape.tx_offloads = RTE_ETH_TX_OFFLOAD_UDP_CKSUM;
	backend_start(b);
	port = port_add("queue_size=64");
	port_configure(port, shape);
	assert_int_equal(rte_eth_dev_start(port), 0);
	UNTIL(port_up(port));
	assert_rows(port, v);
	return port;
}

void
variant_end(uint16_t port, struct backend *b, struct resources before)
{
	port_end(port, b, before);
	assert_int_equal(rte_vect_set_max_simd_bitwidth(256), 0);
}

void
assert_all_variants_ran(void)
{
	for (unsigned int set = 0; set < PMD_ISA_MAX; set++) {
		if (!possible(set)) {
			print_message("# this processor has no %s\n",
				sets[set].name != NULL ? sets[set].name : "other set");
			continue;
		}
		for (unsigned int i = 0; i < RX_ROWS; i++) {
			if (!rx_ran[set][i])
				fail_msg("%s was no port's", sets[set].rx[i].name);
		}
		for (unsigned int i = 0; i < TX_ROWS; i++) {
			if (!tx_ran[set][i])
				fail_msg("%s was no port's", sets[set].tx[i].name);
		}
	}
}
