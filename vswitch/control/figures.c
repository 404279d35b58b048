/* SPDX-License-Identifier: BSD-3-Clause */
#include "figures.h"

#include "port_vhost.h"

#include <rte_common.h>

#define RX_DROP(name, text) {#name, text, offsetof(struct port_rx_stats, name)},
#define TX_DROP(name, text) {#name, text, offsetof(struct port_tx_stats, name)},

const struct figure_drop figures_rx_drops[] = {PORT_RX_DROPS(RX_DROP)};
const struct figure_drop figures_tx_drops[] = {PORT_TX_DROPS(TX_DROP)};
const unsigned int figures_nb_rx_drops = RTE_DIM(figures_rx_drops);
const unsigned int figures_nb_tx_drops = RTE_DIM(figures_tx_drops);

/* The sums below take a struct of counters for an array of them. */
static_assert(sizeof(struct port_rx_stats) % sizeof(uint64_t) == 0, "counters only");
static_assert(sizeof(struct port_tx_stats) % sizeof(uint64_t) == 0, "counters only");

static uint64_t
dropped(const void *stats, const struct figure_drop *drops, unsigned int nb)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < nb; i++)
		sum += figures_drop(stats, &drops[i]);
	return sum;
}

uint64_t
figures_rx_dropped(const struct port_rx_stats *stats)
{
	return dropped(stats, figures_rx_drops, figures_nb_rx_drops);
}

uint64_t
figures_tx_dropped(const struct port_tx_stats *stats)
{
	return dropped(stats, figures_tx_drops, figures_nb_tx_drops);
}

static void
add(void *sum, const void *stats, size_t bytes)
{
	uint64_t *to = sum;
	const uint64_t *from = stats;

	for (size_t i = 0; i < bytes / sizeof(*to); i++)
		to[i] += __atomic_load_n(&from[i], __ATOMIC_RELAXED);
}

void
figures_sum(const struct port *port, struct port_rx_stats *rx, struct port_tx_stats *tx)
{
	*rx = (struct port_rx_stats){0};
	*tx = (struct port_tx_stats){0};
	for (uint32_t pair = 0; pair < port->max_pairs; pair++) {
		if (port->rxq[pair] != NULL)
			add(rx, &port->rxq[pair]->stats, sizeof(*rx));
		if (port->txq[pair] != NULL)
			add(tx, &port->txq[pair]->stats, sizeof(*tx));
	}
}

enum figures_state
figures_state(const struct port *port)
{
	const struct port_vhost *pv = port->backend;
	enum figures_state state = FIGURES_CONNECTED;

	if (pv == NULL || pv->vid < 0)
		return FIGURES_DOWN;
	for (uint32_t ring = 0; ring < port_nb_rings(port); ring++) {
		if (port_ring_fault(port, ring) != NULL)
			return FIGURES_BROKEN;
		if (ring < port_controlq(port) && port_ring_running(port, ring))
			state = FIGURES_RUNNING;
	}
	return pv->link_down ? FIGURES_LINK_DOWN : state;
}

const char *
figures_state_str(enum figures_state state)
{
	static const char *const names[] = {"down", "connected", "running", "link down", "broken"};

	return names[state];
}

unsigned int
figures_running(const struct port *port, uint32_t way)
{
	unsigned int nb = 0;

	for (uint32_t pair = 0; pair < port->max_pairs; pair++)
		nb += port_ring_running(port, 2 * pair + way);
	return nb;
}
