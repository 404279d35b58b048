/* SPDX-License-Identifier: BSD-3-Clause */
/* Ports whose bursts are one row of the driver's tables of variants, at one width of registers. */
#ifndef TESTS_PMD_VARIANTS_H
#define TESTS_PMD_VARIANTS_H

#include "fixture.h"

struct variant {
	uint16_t width; /* as --force-max-simd-bitwidth has it */
	/* Rows: enum pmd_rx_flag, enum pmd_tx_flag. */
	unsigned int rx;
	unsigned int tx;
};

/**
 * Every row of both tables at every width, those of receive with and without IN_ORDER one after the
 * other: numbers below variants_nb().
 */
unsigned int variants_nb(void);
struct variant variant_at(unsigned int i);

/** Bytes of a header. */
uint32_t variant_hdr(struct variant v);

/**
 * A backend that offers just what the rows need, and a port of one pair of queues on it, up. Fails
 * the test when the queues run other functions than those of the rows, or give them other names.
 */
uint16_t variant_begin(struct backend *b, struct variant v);

/** Backend and port go, as port_end(); the width is the usual one again. */
void variant_end(uint16_t port, struct backend *b, struct resources before);

/** Fails the test unless every row that this processor can run was a port's since the start. */
void assert_all_variants_ran(void);

#endif
