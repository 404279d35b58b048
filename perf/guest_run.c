/* SPDX-License-Identifier: BSD-3-Clause */
#include "guest.h"

#include <rte_cycles.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define STAMP_AT (14 + 20 + 8)
#define QUIET_US 20000 /* nothing came for so long: what is missing is lost */
/* Frames that may be caught up after a pause of this thread; more would be a burst of its own. */
#define LAG_MAX 64
/* Longer than any turn of the loop, and than frames at any rate worth a search are apart. */
#define PAUSE_US 15
#define SLICE_S 0.002
#define SLICE_OFFERED 0.99 /* what is due in the last turn is not there */

static struct latency_hist latency;

static uint64_t
microseconds(uint64_t us)
{
	return us * rte_get_tsc_hz() / 1000000;
}

static uint64_t
read_all(struct rte_mbuf **pkts, uint16_t nb)
{
	uint64_t sum = 0, word;

	for (uint16_t i = 0; i < nb; i++) {
		for (struct rte_mbuf *s = pkts[i]; s != NULL; s = s->next) {
			const char *data = rte_pktmbuf_mtod(s, const char *);

			for (uint32_t at = 0; at + sizeof(word) <= s->data_len; at += 8) {
				memcpy(&word, data + at, sizeof(word));
				sum += word;
			}
		}
	}
	return sum;
}

static void
note_latency(struct rte_mbuf **pkts, uint16_t nb, uint64_t now)
{
	uint64_t then;

	for (uint16_t i = 0; i < nb; i++) {
		memcpy(&then, rte_pktmbuf_mtod_offset(pkts[i], char *, STAMP_AT), sizeof(then));
		/* Only frames of this measurement carry a stamp; others look like ages. */
		if (pkts[i]->data_len >= STAMP_AT + sizeof(then) && now - then < rte_get_tsc_hz())
			hist_add(&latency, now - then);
	}
}

/* Whatever has arrived of a flow. @return number of frames. */
static unsigned int
receive(struct guest_flow *flow, const struct guest_load *load, struct guest_result *r)
{
	struct rte_mbuf *pkts[GUEST_BURST];
	unsigned int total = 0;

	for (uint16_t q = 0; q < guest_conf.queues; q++) {
		uint16_t nb = rte_eth_rx_burst(flow->to, q, pkts, GUEST_BURST);

		if (nb == 0)
			continue;
		if (load->stamp)
			note_latency(pkts, nb, rte_rdtsc());
		for (uint16_t i = 0; i < nb; i++)
			flow->bytes += pkts[i]->pkt_len;
		if (load->touch)
			r->checksum += read_all(pkts, nb);
		rte_pktmbuf_free_bulk(pkts, nb);
		flow->received += nb;
		total += nb;
	}
	return total;
}

/* Send what is pending; what does not fit stays. */
static void
transmit(struct guest_flow *flow)
{
	uint16_t nb;

	if (flow->nb_pending == 0)
		return;
	nb = rte_eth_tx_burst(flow->from, flow->queue, flow->pending, flow->nb_pending);
	flow->sent += nb;
	flow->nb_pending -= nb;
	if (flow->nb_pending > 0)
		memmove(flow->pending, flow->pending + nb,
			flow->nb_pending * sizeof(flow->pending[0]));
	/* What is left is for this queue. */
	if ((guest_conf.mixed || flow->nb_pending == 0) && ++flow->queue >= guest_conf.queues)
		flow->queue = 0;
}

static void
begin(struct guest_result *r)
{
	memset(r, 0, sizeof(*r));
	r->offered = 1;
	r->latency = &latency;
	hist_reset(&latency);
	for (unsigned int i = 0; i < 2; i++) {
		struct guest_flow *f = &guest_flows[i];

		f->sent = f->received = f->bytes = f->lost = f->made = 0;
	}
}

/* Take what is still under way, and count what never comes. */
static void
end(const struct guest_load *load, struct guest_result *r)
{
	uint64_t last = rte_rdtsc(), quiet = microseconds(QUIET_US);

	while (rte_rdtsc() - last < quiet) {
		bool done = true;

		for (unsigned int i = 0; i < 2; i++) {
			struct guest_flow *f = &guest_flows[i];

			transmit(f);
			if (receive(f, load, r) > 0)
				last = rte_rdtsc();
			done = done && f->nb_pending == 0 && f->received + f->lost >= f->sent;
		}
		if (done)
			break;
	}
	for (unsigned int i = 0; i < 2; i++) {
		struct guest_flow *f = &guest_flows[i];

		rte_pktmbuf_free_bulk(f->pending, f->nb_pending);
		f->nb_pending = 0;
		r->sent += f->sent;
		r->lost += f->sent > f->received ? f->sent - f->received : 0;
	}
}

/* Sums when the time is over: frames that come later do not count for the rate. */
static void
take_sums(struct guest_result *r, uint64_t start)
{
	r->seconds = (double)(rte_rdtsc() - start) / (double)rte_get_tsc_hz();
	for (unsigned int i = 0; i < 2; i++) {
		r->received += guest_flows[i].received;
		r->bytes += guest_flows[i].bytes;
	}
}

int
guest_run_max(const struct guest_load *load, double seconds, struct guest_result *r)
{
	uint64_t start, stop, heard[2], quiet = microseconds(QUIET_US);

	begin(r);
	start = rte_rdtsc();
	stop = start + (uint64_t)(seconds * (double)rte_get_tsc_hz());
	heard[0] = heard[1] = start;
	while (rte_rdtsc() < stop) {
		for (unsigned int i = 0; i < 2; i++) {
			struct guest_flow *f = &guest_flows[i];
			uint64_t missing = f->made - f->received;
			uint64_t room;

			/* Given up, and come after all. */
			f->lost = RTE_MIN(f->lost, missing);
			room = guest_conf.window + f->lost -
			       RTE_MIN(missing, guest_conf.window + f->lost);
			if (room >= RTE_MIN((uint32_t)GUEST_BURST, guest_conf.window))
				guest_build(f, load, GUEST_BURST);
			transmit(f);
			if (receive(f, load, r) > 0) {
				heard[i] = rte_rdtsc();
			} else if (rte_rdtsc() - heard[i] > quiet) {
				/* Nothing for long: open the window again, the end counts. */
				f->lost = f->sent - f->received;
				heard[i] = rte_rdtsc();
			}
		}
	}
	take_sums(r, start);
	end(load, r);
	return 0;
}

int
guest_run_rate(const struct guest_load *load, double seconds, double pps, struct guest_result *r)
{
	double hz = (double)rte_get_tsc_hz(), per_cycle = pps / 2 / hz;
	uint64_t start, stop, now, last, heard[2], pause = microseconds(PAUSE_US);
	uint64_t skipped[2] = {0, 0};

	begin(r);
	start = rte_rdtsc();
	stop = start + (uint64_t)(seconds * hz);
	last = heard[0] = heard[1] = start;
	while ((now = rte_rdtsc()) < stop) {
		r->paused |= now - last > pause;
		last = now;
		for (unsigned int i = 0; i < 2; i++) {
			struct guest_flow *f = &guest_flows[i];
			uint64_t due = (uint64_t)((double)(now - start) * per_cycle);
			int64_t lag = (int64_t)(due - f->made - skipped[i]);

			if (lag > LAG_MAX) {
				skipped[i] += (uint64_t)(lag - LAG_MAX);
				lag = LAG_MAX;
			}
			if (lag > 0)
				guest_build(f, load, (uint16_t)lag);
			transmit(f);
			if (receive(f, load, r) > 0 || f->sent == f->received)
				heard[i] = now;
			r->paused |= now - heard[i] > pause;
		}
	}
	take_sums(r, start);
	end(load, r);
	r->offered = (double)r->sent / (pps * r->seconds);
	return 0;
}

int
guest_run_slices(
	const struct guest_load *load, double seconds, double pps, struct guest_slices *slices)
{
	uint64_t stop = rte_rdtsc() + (uint64_t)(seconds * (double)rte_get_tsc_hz());
	struct guest_result r;

	memset(slices, 0, sizeof(*slices));
	while (rte_rdtsc() < stop) {
		guest_run_rate(load, SLICE_S, pps, &r);
		if (r.paused)
			slices->paused++;
		else if (r.lost > 0)
			slices->lost++;
		else if (r.offered < SLICE_OFFERED)
			slices->slow++;
		else
			slices->good++;
	}
	return 0;
}

/* One frame of a flow there; false when it did not come. */
static bool
one_frame(struct guest_flow *f, const struct guest_load *load, struct guest_result *r)
{
	uint64_t quiet = microseconds(QUIET_US), start = rte_rdtsc();

	guest_build(f, load, 1);
	while (f->nb_pending > 0 && rte_rdtsc() - start < quiet)
		transmit(f);
	while (receive(f, load, r) == 0) {
		if (rte_rdtsc() - start > quiet)
			return false;
	}
	return true;
}

int
guest_run_one(const struct guest_load *load, double seconds, struct guest_result *r)
{
	uint64_t start, stop;

	begin(r);
	start = rte_rdtsc();
	stop = start + (uint64_t)(seconds * (double)rte_get_tsc_hz());
	for (unsigned int i = 0; rte_rdtsc() < stop; i ^= 1)
		one_frame(&guest_flows[i], load, r);
	take_sums(r, start);
	end(load, r);
	return 0;
}

/* One frame from every address behind a port: that is where a switch learns them. */
static void
say_hello(struct guest_flow *flow, const struct guest_load *load)
{
	struct guest_result ignored = {0};

	for (uint32_t i = 0; i < RTE_MAX(guest_conf.macs, 1u); i++) {
		struct rte_ether_hdr *eth;

		if (guest_build(flow, load, 1) == 0)
			continue;
		eth = rte_pktmbuf_mtod(flow->pending[0], struct rte_ether_hdr *);
		guest_mac(flow->from, i, &eth->src_addr);
		for (unsigned int try = 0; flow->nb_pending > 0 && try < 1000; try++) {
			transmit(flow);
			rte_delay_us_block(i % GUEST_BURST == 0);
		}
		receive(flow, load, &ignored);
		/* The buffer keeps its contents: this frame alone had another source. */
		guest_mac(flow->from, 0, &eth->src_addr);
	}
}

int
guest_learn(unsigned int seconds)
{
	uint64_t limit = rte_get_tsc_cycles() + seconds * rte_get_tsc_hz();
	struct guest_result r;
	struct guest_load load;

	if (guest_load_parse("60", &load) != 0)
		return -EINVAL;
	guest_load_fill(&load);
	while (rte_get_tsc_cycles() < limit) {
		begin(&r);
		for (unsigned int i = 0; i < 2; i++)
			say_hello(&guest_flows[i], &load);
		end(&load, &r);
		/* Known unicast from now on; both directions have to work. */
		begin(&r);
		if (one_frame(&guest_flows[0], &load, &r) && one_frame(&guest_flows[1], &load, &r))
			return 0;
		end(&load, &r);
	}
	fprintf(stderr, "guest: no frame came through within %u s\n", seconds);
	return -ETIMEDOUT;
}
