/* SPDX-License-Identifier: BSD-3-Clause */
#include "run.h"

#include "cut.h"

#include <rte_cycles.h>
#include <rte_errno.h>
#include <rte_ethdev.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HELLO_TYPE 0x88b6
#define HELLO_EVERY_MS 20
#define HELLO_TIMEOUT_S 10
#define QUIET_MS 20

int
run_init(struct run *r, const struct options *opt, struct ports *ports, volatile int *stop)
{
	*r = (struct run){.opt = opt, .ports = ports, .stop = stop, .hz = rte_get_tsc_hz()};
	r->flights = calloc(MAX_WINDOW, sizeof(*r->flights));
	if (r->flights == NULL)
		return -ENOMEM;
	r->nb_dirs = opt->one_way || opt->echo ? 1 : ports->nb;
	for (uint16_t i = 0; i < r->nb_dirs; i++) {
		struct direction *d = &r->dir[i];

		uint16_t from = opt->one_way ? opt->from : i;

		d->from = &ports->port[from];
		d->to = &ports->port[opt->echo ? from : 1 - from];
		if (plan_make(&d->plan, opt, d->from, d->to, opt->seed * 2 + from) != 0)
			return -ENOMEM;
	}
	return 0;
}

void
run_fini(struct run *r)
{
	for (uint16_t i = 0; i < r->nb_dirs; i++)
		plan_free(&r->dir[i].plan);
	free(r->flights);
}

void
run_complain(struct run *r, const char *format, ...)
{
	struct complaint *c = &r->complaints[r->nb_complaints];
	va_list args;

	if (r->nb_complaints == MAX_COMPLAINTS)
		return;
	va_start(args, format);
	vsnprintf(c->text, sizeof(c->text), format, args);
	va_end(args);
	fprintf(stderr, "offload: %s\n", c->text);
	r->nb_complaints++;
}

/* Discard what is on its way until nothing has come for a while. */
static void
drain(struct run *r, struct direction *d)
{
	struct rte_mbuf *pkts[32];
	uint64_t until = rte_rdtsc() + r->hz / 1000 * QUIET_MS;

	while (rte_rdtsc() < until) {
		uint16_t n = rte_eth_rx_burst(d->to->id, 0, pkts, 32);

		rte_pktmbuf_free_bulk(pkts, n);
		if (n != 0)
			until = rte_rdtsc() + r->hz / 1000 * QUIET_MS;
	}
}

void
flight_failed(struct run *r, struct direction *d, const char *why)
{
	struct flight *f = &r->flights[r->first % MAX_WINDOW];
	char text[200] = "nothing under way";

	r->lost_track = true;
	r->failures++;
	d->failures++;
	if (r->nb != 0)
		shape_describe(&f->frame.shape, text, sizeof(text));
	run_complain(r, "%s to %s: %s: %s", d->from->driver, d->to->driver, text, why);
}

static bool
hello_seen(const struct port *from, const struct port *to)
{
	struct rte_mbuf *pkts[32];
	uint16_t n = rte_eth_rx_burst(to->id, 0, pkts, 32);
	bool seen = false;

	for (uint16_t i = 0; i < n; i++) {
		const uint8_t *p = rte_pktmbuf_mtod(pkts[i], const uint8_t *);

		seen |= pkts[i]->data_len >= 14 && get16(p + 12) == HELLO_TYPE &&
			memcmp(p + 6, from->mac, 6) == 0;
	}
	rte_pktmbuf_free_bulk(pkts, n);
	return seen;
}

static void
send_hello(struct run *r, const struct port *from, const struct port *to)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(r->ports->small_pool);
	uint8_t *p;

	if (m == NULL)
		return;
	m->data_len = m->pkt_len = 60;
	p = rte_pktmbuf_mtod(m, uint8_t *);
	memset(p, 0, 60);
	memcpy(p, to->mac, 6);
	memcpy(p + 6, from->mac, 6);
	put16(p + 12, HELLO_TYPE);
	if (rte_eth_tx_burst(from->id, 0, &m, 1) == 0)
		rte_pktmbuf_free(m);
}

int
run_hello(struct run *r)
{
	uint64_t end = rte_rdtsc() + HELLO_TIMEOUT_S * r->hz, next = 0, now;
	bool seen[MAX_PORTS] = {false}, all = false;

	while (!all) {
		now = rte_rdtsc();
		if (*r->stop || now > end) {
			fprintf(stderr, "offload: no first frame within %u s\n", HELLO_TIMEOUT_S);
			return -ETIMEDOUT;
		}
		all = true;
		for (uint16_t i = 0; i < r->ports->nb; i++) {
			const struct port *from = &r->ports->port[i];
			const struct port *to = &r->ports->port[r->opt->echo ? i : 1 - i];

			if (now > next && !seen[i])
				send_hello(r, from, to);
			seen[i] |= hello_seen(from, to);
			all &= seen[i];
		}
		if (now > next)
			next = now + r->hz / 1000 * HELLO_EVERY_MS;
	}
	/* Those sent in vain may still be under way. */
	for (uint16_t i = 0; i < r->ports->nb; i++)
		drain(r, &(struct direction){.to = &r->ports->port[i]});
	return 0;
}

/* Build, cut and make ready the frame of a step. @return NULL when that failed. */
static struct rte_mbuf *
launch(struct run *r, struct direction *d, uint32_t step)
{
	struct flight *f = &r->flights[(r->first + r->nb) % MAX_WINDOW];
	struct rte_mbuf *m;

	frame_build(&f->frame, &d->plan.steps[step].shape, d->from->mac, d->to->mac);
	judge_init(&f->judge, &f->frame, &d->to->asks);
	f->step = step;
	m = cut_frame(&f->frame, r->ports);
	if (m == NULL) {
		r->failures++;
		run_complain(r, "no mbufs left to send");
		return NULL;
	}
	if (!f->frame.shape.raw && rte_eth_tx_prepare(d->from->id, 0, &m, 1) != 1) {
		char text[200];

		shape_describe(&f->frame.shape, text, sizeof(text));
		run_complain(r, "%s: %s: tx_prepare: %s", d->from->driver, text,
			rte_strerror(rte_errno));
		r->failures++;
		d->failures++;
		rte_pktmbuf_free(m);
		return NULL;
	}
	return m;
}

/* Hand over what was launched. @return false when the driver does not take it. */
static bool
transmit(struct run *r, struct direction *d, struct rte_mbuf **pkts, uint16_t n)
{
	uint64_t until = rte_rdtsc() + r->hz / 1000 * r->opt->wait_ms;
	uint16_t sent = 0;

	while (sent < n && rte_rdtsc() < until) {
		sent += rte_eth_tx_burst(d->from->id, 0, pkts + sent, n - sent);
		if (sent < n && !r->lost_track)
			receive(r, d, d->to);
	}
	d->sent += sent;
	rte_pktmbuf_free_bulk(pkts + sent, n - sent);
	return sent == n;
}

/* Send frames from step on until the window is full. @return first step not sent. */
static uint32_t
fill_window(struct run *r, struct direction *d, uint32_t step, uint32_t window)
{
	struct rte_mbuf *pkts[MAX_WINDOW];
	uint32_t buffers = 0;
	uint16_t n = 0;

	for (uint32_t i = 0; i < r->nb; i++)
		buffers +=
			plan_buffers(&r->flights[(r->first + i) % MAX_WINDOW].frame.shape, r->opt);
	while (r->nb < window && step < d->plan.nb) {
		struct step *s = &d->plan.steps[step];
		struct rte_mbuf *m;

		buffers += plan_buffers(&s->shape, r->opt);
		if (r->nb > 0 && buffers > r->opt->buffers)
			break;
		s->cell->sent++;
		step++;
		m = launch(r, d, step - 1);
		if (m == NULL)
			continue;
		pkts[n++] = m;
		r->nb++;
	}
	if (n != 0 && !transmit(r, d, pkts, n))
		flight_failed(r, d, "the driver takes no more frames");
	return step;
}

/* After a failure: forget what is under way, and send what was not judged once more. */
static uint32_t
start_over(struct run *r, struct direction *d, uint32_t step)
{
	drain(r, d);
	for (uint32_t i = 1; i < r->nb; i++)
		d->plan.steps[r->flights[(r->first + i) % MAX_WINDOW].step].cell->sent--;
	if (r->nb > 1)
		step = r->flights[(r->first + 1) % MAX_WINDOW].step;
	r->first += r->nb;
	r->nb = 0;
	r->lost_track = false;
	return step;
}

static void
run_direction(struct run *r, struct direction *d)
{
	uint64_t now = rte_rdtsc(), last = now;
	uint32_t step = 0, alone = 0;

	while (!*r->stop && (step < d->plan.nb || r->nb != 0) &&
		r->failures < r->opt->max_failures) {
		if (step < d->plan.nb)
			step = fill_window(r, d, step, alone > 0 ? 1 : r->opt->window);
		alone -= alone > 0;
		now = rte_rdtsc();
		if (receive(r, d, d->to) != 0 || r->nb == 0)
			last = now;
		/* Frames of the other direction, or back to their sender: not expected at all. */
		if (d->from != d->to && receive(r, d, d->from) != 0)
			last = now;
		if (r->nb != 0 && now > last && now - last > r->hz / 1000 * r->opt->wait_ms) {
			struct judge *j = &r->flights[r->first % MAX_WINDOW].judge;

			flight_failed(r, d, j->nb != 0 ? "the rest of it did not arrive" : "lost");
		}
		if (r->lost_track) {
			step = start_over(r, d, step);
			last = rte_rdtsc();
			alone = 2 * MAX_WINDOW;
		}
	}
	/* A duplicate may lag behind. */
	for (uint64_t until = rte_rdtsc() + r->hz / 1000 * QUIET_MS; rte_rdtsc() < until;)
		receive(r, d, d->to);
	if (r->lost_track)
		start_over(r, d, step);
	r->first += r->nb;
	r->nb = 0;
}

void
run_all(struct run *r)
{
	for (uint16_t i = 0; i < r->nb_dirs; i++)
		run_direction(r, &r->dir[i]);
}
