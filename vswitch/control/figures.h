/* SPDX-License-Identifier: BSD-3-Clause */
/* Counters of a port as sums and as (name, value), for the table and for telemetry. */
#ifndef FIGURES_H
#define FIGURES_H

#include "../port.h"

/* A drop counter: where it stands in its struct, and why it counts. */
struct figure_drop {
	const char *name;
	const char *text;
	size_t offset;
};

extern const struct figure_drop figures_rx_drops[];
extern const struct figure_drop figures_tx_drops[];
extern const unsigned int figures_nb_rx_drops;
extern const unsigned int figures_nb_tx_drops;

static inline uint64_t
figures_drop(const void *stats, const struct figure_drop *drop)
{
	return *(const uint64_t *)(const void *)((const char *)stats + drop->offset);
}

/** Sums of all drops of a queue or a port. */
uint64_t figures_rx_dropped(const struct port_rx_stats *stats);
uint64_t figures_tx_dropped(const struct port_tx_stats *stats);

/** Sums over the queues of a port. Any thread; the port must not go away (control_lock()). */
void figures_sum(const struct port *port, struct port_rx_stats *rx, struct port_tx_stats *tx);

/** What a user wants to know first. */
enum figures_state {
	FIGURES_DOWN,      /* nobody is connected */
	FIGURES_CONNECTED, /* no ring runs */
	FIGURES_RUNNING,
	FIGURES_LINK_DOWN, /* set down, whatever runs */
	FIGURES_BROKEN,    /* a ring has a fault */
};
enum figures_state figures_state(const struct port *port);
const char *figures_state_str(enum figures_state state);

/** Rings that run, of receiveqs (way 0) or transmitqs (way 1). */
unsigned int figures_running(const struct port *port, uint32_t way);

#endif
