/* SPDX-License-Identifier: BSD-3-Clause */
#include "run.h"

#include <rte_cycles.h>
#include <rte_ethdev.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HELLO_EVERY_MS 20

static unsigned int
choose_window(const struct options *opt, const struct ports *ports)
{
	/* The device header lies before the frame in the first buffer. */
	unsigned int buffers = (opt->size_max + 20u + opt->mbuf_size - 1) / opt->mbuf_size;
	/* Steering may bring all flows to one receive queue; half a ring may wait for refill. */
	unsigned int share = opt->queues * opt->flows * buffers * 2u;
	unsigned int window = ports->smallest_ring / share;

	if (opt->window != 0)
		return opt->window;
	window = RTE_MIN(window, 256u);
	return RTE_MAX(window, 1u);
}

static int
init_flows(struct run *r)
{
	const struct options *opt = r->opt;
	uint16_t id = 0;

	for (uint16_t p = 0; p < r->ports->nb; p++) {
		uint16_t partner = opt->echo ? p : p ^ 1;

		for (uint16_t q = 0; q < opt->queues; q++) {
			for (uint16_t v = 0; v < opt->flows; v++, id++) {
				struct flow *f = &r->flows[id];
				int rc = flow_init(f, id, r->ports->id[p], q, r->ports->id[partner],
					v, opt->queues, r->salt);

				if (rc != 0)
					return rc;
				/* As the partner takes them. */
				f->checksums = opt->checksums >> p & opt->checksums >> partner & 1;
				f->hashed = opt->hash >> partner & 1;
				f->quota = UINT64_MAX;
				if (opt->seconds == 0)
					f->quota = opt->packets / r->nb_flows +
						   (id < opt->packets % r->nb_flows);
			}
		}
	}
	return 0;
}

int
run_init(struct run *r, const struct options *opt, struct ports *ports, volatile int *stop)
{
	uint32_t nb_flows = (uint32_t)ports->nb * opt->queues * opt->flows;

	*r = (struct run){.opt = opt,
		.ports = ports,
		.stop = stop,
		.hz = rte_get_tsc_hz(),
		.salt = rte_rdtsc() ^ (uint64_t)getpid() << 40,
		.window = choose_window(opt, ports)};
	if (nb_flows > UINT16_MAX) {
		fprintf(stderr, "seqcheck: %u flows are too many\n", nb_flows);
		return -E2BIG;
	}
	r->nb_flows = nb_flows;
	r->flows = aligned_alloc(
		RTE_CACHE_LINE_SIZE, RTE_ALIGN(nb_flows * sizeof(*r->flows), RTE_CACHE_LINE_SIZE));
	if (r->flows == NULL)
		return -ENOMEM;
	memset(r->flows, 0, nb_flows * sizeof(*r->flows));
	return init_flows(r);
}

static void
drop_pending(struct flow *f)
{
	rte_pktmbuf_free_bulk(f->pending + f->pending_at, f->nb_pending);
	f->nb_pending = 0;
}

void
run_fini(struct run *r)
{
	for (uint16_t i = 0; r->flows != NULL && i < r->nb_flows; i++) {
		drop_pending(&r->flows[i]);
		flow_fini(&r->flows[i]);
	}
	rte_pktmbuf_free(r->held);
	free(r->flows);
	r->flows = NULL;
}

static void
poll_ports(struct run *r, uint64_t now)
{
	struct rte_mbuf *pkts[SEQ_MAX_BURST];

	for (uint16_t p = 0; p < r->ports->nb; p++) {
		for (uint16_t q = 0; q < r->opt->queues; q++) {
			uint16_t n = rte_eth_rx_burst(r->ports->id[p], q, pkts, r->opt->burst);

			if (n != 0)
				check_burst(r, r->ports->id[p], q, pkts, n, now);
		}
	}
}

static const struct flow *
first_without_hello(const struct run *r)
{
	for (uint16_t i = 0; i < r->nb_flows; i++) {
		if (!r->flows[i].hello_seen)
			return &r->flows[i];
	}
	return NULL;
}

int
run_hello(struct run *r)
{
	uint64_t end = rte_rdtsc() + r->opt->hello_timeout_s * r->hz;
	const struct flow *missing;
	uint64_t next = 0, number = 0;

	while ((missing = first_without_hello(r)) != NULL) {
		uint64_t now = rte_rdtsc();

		if (*r->stop)
			return -EINTR;
		if (now > end) {
			fprintf(stderr,
				"seqcheck: no frame of flow %u (port %u queue %u to port %u) "
				"arrived "
				"within %u s\n",
				missing->id, missing->src_port, missing->src_queue,
				missing->dst_port, r->opt->hello_timeout_s);
			r->hello_failed = true;
			return -ETIMEDOUT;
		}
		if (now > next) {
			for (uint16_t i = 0; i < r->nb_flows; i++) {
				if (!r->flows[i].hello_seen)
					send_hello(r, &r->flows[i], number);
			}
			number++;
			next = now + r->hz / 1000 * HELLO_EVERY_MS;
		}
		poll_ports(r, now);
	}
	return 0;
}

static void
end_sending(struct run *r)
{
	for (uint16_t i = 0; i < r->nb_flows; i++)
		r->flows[i].quota = r->flows[i].tx_next;
	r->deadline_tsc = 0;
}

static bool
flow_done(const struct flow *f)
{
	return f->tx_next >= f->quota && f->nb_pending == 0 && flow_in_flight(f) == 0;
}

/* Once per millisecond. @return false when traffic is over. */
static bool
look_around(struct run *r, uint64_t now, uint64_t *progress)
{
	bool busy = false;

	if (*r->stop || (r->deadline_tsc != 0 && now > r->deadline_tsc))
		end_sending(r);
	for (uint16_t i = 0; i < r->nb_flows; i++) {
		struct flow *f = &r->flows[i];
		uint64_t last = RTE_MAX(f->last_rx_tsc, progress[i]);

		if (flow_done(f))
			continue;
		busy = true;
		if (now < last || now - last < r->hz / 1000 * r->opt->stall_ms)
			continue;
		if (r->opt->allow_loss) {
			f->written_off += flow_in_flight(f);
			progress[i] = now;
			if (f->tx_next >= f->quota)
				drop_pending(f);
			continue;
		}
		fprintf(stderr,
			"seqcheck: flow %u (port %u queue %u to port %u) stalled: %" PRIu64
			" frames in flight, %u not taken by the driver, nothing arrived for %u "
			"ms\n",
			f->id, f->src_port, f->src_queue, f->dst_port, flow_in_flight(f),
			f->nb_pending, r->opt->stall_ms);
		r->stalled = true;
		return false;
	}
	return busy;
}

void
run_traffic(struct run *r)
{
	uint64_t *progress = calloc(r->nb_flows, sizeof(*progress));
	uint64_t now = rte_rdtsc(), next_look = now, next_rate;

	if (progress == NULL)
		return;
	r->start_tsc = now;
	if (r->opt->seconds != 0)
		r->deadline_tsc = now + r->opt->seconds * r->hz;
	next_rate = now + r->hz;
	for (;;) {
		now = rte_rdtsc();
		poll_ports(r, now);
		for (uint16_t i = 0; i < r->nb_flows; i++) {
			if (send_flow(r, &r->flows[i]))
				progress[i] = now;
		}
		if (now < next_look)
			continue;
		next_look = now + r->hz / 1000;
		if (!look_around(r, now, progress))
			break;
		if (now >= next_rate && !r->opt->quiet) {
			report_rate(r, now);
			next_rate = now + r->hz;
		}
	}
	r->end_tsc = now;
	/* A duplicate may lag behind: listen a little longer than the last burst takes. */
	for (uint64_t end = now + r->hz / 100; now < end; now = rte_rdtsc())
		poll_ports(r, now);
	free(progress);
}

void
run_reflect(struct run *r)
{
	struct rte_mbuf *pkts[SEQ_MAX_BURST];

	while (!*r->stop) {
		for (uint16_t p = 0; p < r->ports->nb; p++) {
			for (uint16_t q = 0; q < r->opt->queues; q++) {
				uint16_t port = r->ports->id[p];
				uint16_t n = rte_eth_rx_burst(port, q, pkts, r->opt->burst),
					 sent = 0;

				while (sent < n && !*r->stop)
					sent += rte_eth_tx_burst(port, q, pkts + sent, n - sent);
				rte_pktmbuf_free_bulk(pkts + sent, n - sent);
				r->received += n;
				r->missed_tx += n - sent;
			}
		}
	}
}
