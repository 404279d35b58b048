/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * The device role through mbufs: what a port that is no guest would do. Bursts in sequence go
 * straight into mbufs and out of them, all else through frames, as what is flooded. Compiled once
 * per instruction set, as forward.c.
 */
#ifndef MBUF_LOOPS_H
#define MBUF_LOOPS_H

#include "datapath/forward.h"

struct mbuf_loops {
	/** A burst of a guest's transmitq -> mbufs, which are the caller's. @return how many. */
	uint16_t (*take)(struct worker *w, struct port_rxq *rxq, struct rte_mbuf **mbufs);
	/** Mbufs -> a guest's receiveq; frees them all. @return how many it got. */
	uint16_t (*put)(
		struct worker *w, struct port_txq *txq, struct rte_mbuf **mbufs, uint16_t n);
};

extern const struct mbuf_loops mbuf_loops_base;
extern const struct mbuf_loops mbuf_loops_avx2;
extern const struct mbuf_loops mbuf_loops_avx512;

/** As forward_select(). */
static inline const struct mbuf_loops *
mbuf_loops_select(void)
{
#if defined(RTE_ARCH_X86)
	forward_fn *forward = forward_select();

	if (forward == forward_burst_avx512)
		return &mbuf_loops_avx512;
	if (forward == forward_burst_avx2)
		return &mbuf_loops_avx2;
#endif
	return &mbuf_loops_base;
}

#endif
