/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two driver ports on virtq-switch; every burst goes there by the burst functions that users run,
 * then by instances of the same sources without the checks of what peers write. The latter are part
 * of this program alone; the driver is linked to it, so that both are there.
 *
 * A third pass, with checks again, makes the number of bursts odd: what a driver does in every
 * second burst only, and where a burst lies in its ring, then falls on each pass in turn.
 */
#include "datapath/turn.h"
#include "path_switch.h"
#include "pmd_rxtx.h"

#include <stdio.h>

/* The instance of the product that meson.build compiles once more. */
#if defined(RTE_ARCH_X86)
#define CHECKS_FORWARD forward_burst_avx512
#else
#define CHECKS_FORWARD forward_burst_base
#endif

forward_fn forward_burst_unchecked;
extern const struct pmd_variant pmd_rx_variants_unchecked[PMD_RX_FLAGS + 1];
extern const struct pmd_variant pmd_tx_variants_unchecked[PMD_TX_FLAGS + 1];

static forward_fn *forward;
static struct pmd_txq *txq;
static struct pmd_rxq *rxq;
static pmd_burst_fn *transmit[2], *receive[2]; /* with checks, without */

/* As vswitch_poll(). */
static __rte_always_inline int
take_turns(forward_fn *fn, uint16_t nb)
{
	struct worker *w = worker_get(0);
	unsigned int taken = 0;

	for (int calls = 1; calls < CYCLES_MAX_CALLS; calls++) {
		worker_online(w);
		taken += turn(w, fn);
		worker_offline(w);
		if (likely(taken == nb))
			return calls;
		if (taken > nb)
			return -EPROTO;
	}
	return -ETIMEDOUT;
}

static int
leg_switch(struct rte_mbuf **pkts __rte_unused, uint16_t nb)
{
	return take_turns(forward, nb);
}

static int
leg_switch_unchecked(struct rte_mbuf **pkts __rte_unused, uint16_t nb)
{
	return take_turns(forward_burst_unchecked, nb);
}

/* The burst functions are behind a pointer of the queue's, as the driver itself has it. */
static __rte_always_inline int
drv_tx(struct rte_mbuf **pkts, uint16_t nb, unsigned int which)
{
	txq->burst = transmit[which];
	return path_switch_send(pkts, nb);
}

static __rte_always_inline int
drv_rx(struct rte_mbuf **pkts, uint16_t nb, unsigned int which)
{
	rxq->burst = receive[which];
	return path_switch_receive(pkts, nb);
}

static int
leg_drv_tx(struct rte_mbuf **pkts, uint16_t nb)
{
	return drv_tx(pkts, nb, 0);
}

static int
leg_drv_tx_unchecked(struct rte_mbuf **pkts, uint16_t nb)
{
	return drv_tx(pkts, nb, 1);
}

static int
leg_drv_rx(struct rte_mbuf **pkts, uint16_t nb)
{
	return drv_rx(pkts, nb, 0);
}

static int
leg_drv_rx_unchecked(struct rte_mbuf **pkts, uint16_t nb)
{
	return drv_rx(pkts, nb, 1);
}

/* What the driver chose, and the same without checks. */
static int
find_driver(void)
{
	rxq = rte_eth_fp_ops[path_switch_ethdev(1)].rxq.data[0];
	txq = rte_eth_fp_ops[path_switch_ethdev(0)].txq.data[0];
	for (unsigned int i = 0; i <= PMD_RX_FLAGS; i++) {
		if (rxq->burst == pmd_rx_variant(i)->burst)
			receive[1] = pmd_rx_variants_unchecked[i].burst;
	}
	for (unsigned int i = 0; i <= PMD_TX_FLAGS; i++) {
		if (txq->burst == pmd_tx_variant(i)->burst)
			transmit[1] = pmd_tx_variants_unchecked[i].burst;
	}
	receive[0] = rxq->burst;
	transmit[0] = txq->burst;
	return receive[1] != NULL && transmit[1] != NULL ? 0 : -ENOENT;
}

static int
checks_open(const struct cycles_conf *conf)
{
	int ret;

	forward = forward_select();
	if (forward != CHECKS_FORWARD) {
		fprintf(stderr, "checks: this CPU, or EAL's width, takes other instances than the "
				"one that this program has without checks\n");
		return -ENOTSUP;
	}
	ret = path_switch_open(conf);
	return ret == 0 ? find_driver() : ret;
}

const struct cycles_path cycles_path_checks = {
	.name = "checks",
	.nb_legs = 9,
	.leg_name = {"drv.tx", "switch", "drv.rx", "drv.tx unchecked", "switch unchecked",
		"drv.rx unchecked", "drv.tx again", "switch again", "drv.rx again"},
	.leg = {leg_drv_tx, leg_switch, leg_drv_rx, leg_drv_tx_unchecked, leg_switch_unchecked,
		leg_drv_rx_unchecked, leg_drv_tx, leg_switch, leg_drv_rx},
	.open = checks_open,
	.addresses = path_switch_addresses,
	.pool = path_switch_pool,
	.lost = path_switch_lost,
	.close = path_switch_close,
};
