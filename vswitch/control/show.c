/* SPDX-License-Identifier: BSD-3-Clause */
/* The live table. One line per port, one per queue where there are several, one per drop reason. */
#include "control_ring.h"
#include "datapath/fdb.h"
#include "datapath/worker.h"
#include "fault_report.h"
#include "figures.h"
#include "port_vhost.h"
#include "vswitch.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define NAME_WIDTH_MIN 8
#define TOTALS_COLUMNS 96 /* of a line with totals, without the name */

/* What a line is about, and what it was at the last call. */
struct line {
	struct port_rx_stats rx;
	struct port_tx_stats tx;
};

struct past {
	uint64_t serial; /* of the port: an id may be used again */
	uint64_t at_ns;
	struct line port;
	struct line queue[PORT_PAIRS_MAX];
};

static struct past past[PORT_MAX];

static uint64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* Totals need a wide terminal: 104 columns with short names, 77 without them. */
static bool
show_totals(int width)
{
	struct winsize size;

	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 ||
	       size.ws_col >= TOTALS_COLUMNS + width;
}

static void
print_head(int width)
{
	bool totals = show_totals(width);

	/* rx is what a guest sends, tx what it gets: the switch's point of view. */
	printf("\n%-*s %-13s %17s %17s%s\n", width, "", "", "from guest (rx)", "to guest (tx)",
		totals ? "            rx            tx" : "");
	printf("%-*s %-13s %8s %8s %8s %8s%s %11s\n", width, "port", "state rx/tx", "Mpps",
		"Mbit/s", "Mpps", "Mbit/s", totals ? "       packets       packets" : "",
		"dropped");
}

static void
print_line(const char *name, int width, const char *state, const struct line *now,
	const struct line *then, double seconds)
{
	double scale = seconds > 0 ? 1e-6 / seconds : 0;

	printf("%-*s %-13s %8.3f %8.0f %8.3f %8.0f", width, name, state,
		(double)(now->rx.packets - then->rx.packets) * scale,
		(double)(now->rx.bytes - then->rx.bytes) * 8 * scale,
		(double)(now->tx.packets - then->tx.packets) * scale,
		(double)(now->tx.bytes - then->tx.bytes) * 8 * scale);
	if (show_totals(width))
		printf(" %13" PRIu64 " %13" PRIu64, now->rx.packets, now->tx.packets);
	printf(" %11" PRIu64 "\n", figures_rx_dropped(&now->rx) + figures_tx_dropped(&now->tx));
}

/* "  rx same_port  123 (+4)  destination is ..." for each reason that was met. */
static void
print_drops(const char *way, const void *now, const void *then, const struct figure_drop *drops,
	unsigned int nb)
{
	for (unsigned int i = 0; i < nb; i++) {
		uint64_t count = figures_drop(now, &drops[i]);

		if (count != 0)
			printf("  %s %-18s %13" PRIu64 " (+%" PRIu64 ")  %s\n", way, drops[i].name,
				count, count - figures_drop(then, &drops[i]), drops[i].text);
	}
}

/* What each ring was broken by, and what is wrong with those that are broken now. */
static void
print_faults(const struct port *port)
{
	char name[PORT_RING_NAME_BYTES], detail[FAULT_DETAIL_BYTES];
	struct port_faults faults;

	for (uint32_t ring = 0; ring < port_nb_rings(port); ring++) {
		if (!port_ring_faults(port, ring, &faults))
			continue;
		port_ring_name(port, ring, name);
		if (faults.standing)
			printf("  BROKEN %s (ring %" PRIu32 "): %s: %s; stopped until the guest "
			       "resets it\n",
				name, ring, virtq_fault_str(faults.last.fault),
				fault_detail(&faults.last, detail));
		for (unsigned int f = 0; f < VIRTQ_FAULT_MAX; f++) {
			if (faults.by[f] != 0)
				printf("  fault %s %-18s %" PRIu64 " times  %s\n", name,
					virtq_fault_name((enum virtq_fault)f), faults.by[f],
					virtq_fault_str((enum virtq_fault)f));
		}
	}
}

/* Commands that were refused, by reason. */
static void
print_refusals(const struct port_vhost *pv)
{
	const struct control_counters *c = &pv->control->counters;

	for (unsigned int i = 0; i < VNET_CTRL_BAD_MAX; i++) {
		if (c->refused[i] != 0)
			printf("  control refused %13" PRIu64 "  %s\n", c->refused[i],
				vnet_ctrl_bad_str((enum vnet_ctrl_bad)i));
	}
#define PRINT(name, text) \
	if (c->name != 0) \
		printf("  control refused %13" PRIu64 "  %s\n", c->name, text);
	CONTROL_REFUSALS(PRINT)
#undef PRINT
}

static void
print_queues(const struct port *port, struct past *p, int width, double seconds)
{
	for (uint32_t pair = 0; pair < port->max_pairs; pair++) {
		const struct port_rxq *rxq = port->rxq[pair];
		const struct port_txq *txq = port->txq[pair];
		struct line now = {0};
		char name[16], state[24];
		bool rx = rxq != NULL && rxq->running, tx = txq != NULL && txq->running;

		if (rxq == NULL && txq == NULL)
			continue;
		if (rxq != NULL)
			now.rx = rxq->stats;
		if (txq != NULL)
			now.tx = txq->stats;
		snprintf(name, sizeof(name), "  q%" PRIu32, pair);
		snprintf(state, sizeof(state), "%s",
			port_ring_fault(port, 2 * pair) != NULL ||
					port_ring_fault(port, 2 * pair + 1) != NULL
				? "broken"
			: rx && tx ? "running"
			: rx       ? "rx only"
			: tx       ? "tx only"
				   : "stopped");
		print_line(name, width, state, &now, &p->queue[pair], seconds);
		p->queue[pair] = now;
	}
}

static void
print_port(const struct port *port, int width)
{
	const struct port_vhost *pv = port->backend;
	struct past *p = &past[port->id];
	enum figures_state state = figures_state(port);
	uint64_t now = now_ns();
	struct line line;
	char text[32];
	double seconds;

	if (p->serial != pv->serial) {
		memset(p, 0, sizeof(*p));
		p->serial = pv->serial;
		p->at_ns = pv->created_ns;
	}
	seconds = (double)(now - p->at_ns) * 1e-9;
	figures_sum(port, &line.rx, &line.tx);
	if (state == FIGURES_RUNNING)
		snprintf(text, sizeof(text), "running %u/%u", figures_running(port, 1),
			figures_running(port, 0));
	else
		snprintf(text, sizeof(text), "%s", figures_state_str(state));
	print_line(port->name, width, text, &line, &p->port, seconds);
	if (port->max_pairs > 1)
		print_queues(port, p, width, seconds);
	print_drops("rx", &line.rx, &p->port.rx, figures_rx_drops, figures_nb_rx_drops);
	print_drops("tx", &line.tx, &p->port.tx, figures_tx_drops, figures_nb_tx_drops);
	print_faults(port);
	print_refusals(pv);
	p->port = line;
	p->at_ns = now;
}

static void
print_workers(void)
{
	const struct worker *w;

	for (uint16_t i = 0; (w = worker_get(i)) != NULL; i++) {
		const struct worker_idle *idle = &w->idle;

		if (!idle->sleeps)
			continue;
		printf("worker %u %s: slept %" PRIu64 " times, woken by %" PRIu64
		       " kicks and %" PRIu64 " changes",
			i, idle->asleep ? "asleep" : "awake", idle->stats.sleeps, idle->stats.kicks,
			idle->stats.changes);
		if (idle->kickless > 0)
			printf("; kept awake by %" PRIu32 " queues without kick", idle->kickless);
		printf("\n");
	}
}

void
vswitch_show(void)
{
	int width = NAME_WIDTH_MIN;
	const struct port *port;

	for (uint16_t id = 0; id < PORT_MAX; id++) {
		port = port_get(id);
		if (port != NULL && (int)strlen(port->name) > width)
			width = (int)strlen(port->name);
	}
	print_head(width);
	for (uint16_t id = 0; id < PORT_MAX; id++) {
		port = port_get(id);
		if (port != NULL && port->backend != NULL)
			print_port(port, width);
	}
	print_workers();
	printf("%" PRIu32 " MAC addresses, %u of %u mbufs free\n", fdb_count(),
		rte_mempool_avail_count(worker_pool), worker_pool->size);
	fflush(stdout);
}
