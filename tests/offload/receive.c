/* SPDX-License-Identifier: BSD-3-Clause */
#include "run.h"

#include <rte_ethdev.h>

#include <stdio.h>
#include <string.h>

#define BURST 32

static void
count_seen(struct judge_seen *sum, const struct judge_seen *s)
{
	sum->partial += s->partial;
	sum->complete += s->complete;
	sum->lro += s->lro;
	sum->segments += s->segments;
}

static void
flight_landed(struct run *r, struct direction *d, struct flight *f)
{
	struct step *step = &d->plan.steps[f->step];

	step->cell->right++;
	count_seen(&d->seen[step->shape.kind], &f->judge.seen);
	if (r->opt->verbose) {
		char text[200];

		shape_describe(&f->frame.shape, text, sizeof(text));
		printf("right: %s: %u partial, %u complete, %u lro, %u segments\n", text,
			f->judge.seen.partial, f->judge.seen.complete, f->judge.seen.lro,
			f->judge.seen.segments);
	}
	r->first++;
	r->nb--;
}

/* Is it what a later flight waits for? Then those in between are lost or overtaken. */
static bool
fits_a_later_one(struct run *r, const struct arrival *a)
{
	for (uint32_t i = 1; i < r->nb; i++) {
		const struct flight *f = &r->flights[(r->first + i) % MAX_WINDOW];
		struct judge trial = f->judge;

		if (judge_take(&trial, a))
			return true;
	}
	return false;
}

/* Is it the one that landed last? Its place is not taken before the window has gone round. */
static bool
came_before(struct run *r, struct direction *d, const struct arrival *a)
{
	struct flight *f = &r->flights[(r->first - 1) % MAX_WINDOW];
	struct judge again;

	judge_init(&again, &f->frame, &d->to->asks);
	return r->first != 0 && judge_take(&again, a);
}

static const char *
explain(struct run *r, struct direction *d, const struct arrival *a, const char *why)
{
	if (fits_a_later_one(r, a))
		return "lost or overtaken";
	return came_before(r, d, a) ? "the one before it came twice" : why;
}

static void
judge_arrival(struct run *r, struct direction *d, const struct arrival *a)
{
	struct flight *f = &r->flights[r->first % MAX_WINDOW];

	if (r->nb == 0) {
		flight_failed(r, d, "a packet more than was sent");
		return;
	}
	if (!judge_take(&f->judge, a)) {
		char why[sizeof(f->judge.why)];

		snprintf(why, sizeof(why), "%s", f->judge.why);
		flight_failed(r, d, explain(r, d, a, why));
		return;
	}
	if (f->judge.done)
		flight_landed(r, d, f);
}

/* Is it of this direction? What others at the same switch say is not ours to judge. */
static bool
is_ours(const struct direction *d, const struct port *port, const struct rte_mbuf *m)
{
	uint8_t ether[RTE_ETHER_HDR_LEN];
	const uint8_t *p = rte_pktmbuf_read(m, 0, sizeof(ether), ether);

	return p != NULL && memcmp(p, d->to->mac, 6) == 0 && memcmp(p + 6, d->from->mac, 6) == 0 &&
	       port == d->to;
}

static void
take_mbuf(struct run *r, struct direction *d, const struct rte_mbuf *m)
{
	static uint8_t linear[RTE_MBUF_MAX_NB_SEGS * 4];
	struct arrival a = {.len = m->pkt_len,
		.packet_type = m->packet_type,
		.ol_flags = m->ol_flags,
		.tso_segsz = m->tso_segsz};
	const char *reason;

	if (rte_mbuf_check(m, 1, &reason) != 0) {
		flight_failed(r, d, reason);
		return;
	}
	if (a.len <= sizeof(linear))
		a.bytes = rte_pktmbuf_read(m, 0, a.len, linear);
	if (a.bytes == NULL) {
		flight_failed(r, d, "a length that its segments do not have");
		return;
	}
	d->arrived++;
	judge_arrival(r, d, &a);
}

/* Take one packet and its faults. @return what to free, or NULL. */
static struct rte_mbuf *
take_one(struct run *r, struct direction *d, const struct port *port, struct rte_mbuf *m)
{
	struct rte_mbuf *held = r->held;

	if (!is_ours(d, port, m)) {
		d->foreign++;
		return m;
	}
	if (++r->arrivals == r->opt->inject_at) {
		switch (r->opt->inject) {
		case INJECT_LOSE:
			return m;
		case INJECT_DOUBLE:
			take_mbuf(r, d, m);
			break;
		case INJECT_SWAP:
			r->held = m;
			return NULL;
		case INJECT_DAMAGE:
			*rte_pktmbuf_mtod_offset(m, uint8_t *, m->data_len - 1) ^= 0x10;
			break;
		case INJECT_KEEP:
			take_mbuf(r, d, m);
			return NULL;
		case INJECT_NONE:
			break;
		}
	}
	take_mbuf(r, d, m);
	if (held != NULL && !r->lost_track)
		take_mbuf(r, d, held);
	rte_pktmbuf_free(held);
	r->held = NULL;
	return m;
}

unsigned int
receive(struct run *r, struct direction *d, const struct port *port)
{
	struct rte_mbuf *pkts[BURST];
	unsigned int total = 0;
	uint16_t n;

	do {
		n = rte_eth_rx_burst(port->id, 0, pkts, BURST);
		/* Behind a failure nothing can be judged until the wire is empty. */
		for (uint16_t i = 0; i < n && !r->lost_track; i++)
			pkts[i] = take_one(r, d, port, pkts[i]);
		rte_pktmbuf_free_bulk(pkts, n);
		total += n;
	} while (n == BURST);
	return total;
}
