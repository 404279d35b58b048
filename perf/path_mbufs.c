/* SPDX-License-Identifier: BSD-3-Clause */
/* Two driver ports; between them frames are taken into mbufs and put out of them: two copies. */
#include "cycles_path.h"
#include "mbuf_loops.h"
#include "path_switch.h"

static const struct mbuf_loops *loops;
static struct port_rxq *rxq;
static struct port_txq *txq;
static struct rte_mbuf *mbufs[CYCLES_MAX_BURST];

static int
leg_dev_rx(struct rte_mbuf **pkts __rte_unused, uint16_t nb)
{
	uint16_t got = 0;

	for (int calls = 1; calls < CYCLES_MAX_CALLS; calls++) {
		got += loops->take(worker_get(0), rxq, mbufs + got);
		if (likely(got == nb))
			return calls;
		if (got > nb)
			return -EPROTO;
	}
	return -ETIMEDOUT;
}

static int
leg_dev_tx(struct rte_mbuf **pkts __rte_unused, uint16_t nb)
{
	int calls = 0;

	for (uint16_t i = 0; i < nb; i += WORKER_BURST, calls++) {
		uint16_t n = RTE_MIN((uint16_t)(nb - i), (uint16_t)WORKER_BURST);

		if (loops->put(worker_get(0), txq, mbufs + i, n) != n)
			return -ETIMEDOUT;
	}
	return calls;
}

static int
mbufs_open(const struct cycles_conf *conf)
{
	int ret = path_switch_open(conf);

	if (ret != 0)
		return ret;
	loops = mbuf_loops_select();
	rxq = path_switch_port(0)->rxq[0];
	txq = path_switch_port(1)->txq[0];
	return rxq != NULL && txq != NULL ? 0 : -ENOENT;
}

const struct cycles_path cycles_path_mbufs = {
	.name = "mbufs",
	.nb_legs = 4,
	.leg_name = {"drv.tx", "dev.rx", "dev.tx", "drv.rx"},
	.leg = {path_switch_send, leg_dev_rx, leg_dev_tx, path_switch_receive},
	.open = mbufs_open,
	.addresses = path_switch_addresses,
	.pool = path_switch_pool,
	.lost = path_switch_lost,
	.close = path_switch_close,
};
