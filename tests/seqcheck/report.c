/* SPDX-License-Identifier: BSD-3-Clause */
#include "run.h"

#include <rte_ethdev.h>

#include <inttypes.h>
#include <stdio.h>

static struct seq_count
sum_up(const struct run *r)
{
	struct seq_count sum = {0};

	for (uint16_t i = 0; i < r->nb_flows; i++) {
		const struct seq_count *c = &r->flows[i].count;

		sum.sent += c->sent;
		sum.received += c->received;
		sum.duplicated += c->duplicated;
		sum.reordered += c->reordered;
		sum.moved += c->moved;
	}
	return sum;
}

void
report_rate(const struct run *r, uint64_t now)
{
	struct seq_count sum = sum_up(r);
	double seconds = (double)(now - r->start_tsc) / r->hz;

	fprintf(stderr, "seqcheck: %.0f s: %" PRIu64 " sent, %" PRIu64 " received, %.2f Mpps\n",
		seconds, sum.sent, sum.received, sum.received / seconds / 1e6);
}

/* The first thing that is wrong, in the words of the summary; NULL when nothing is. */
static const char *
find_fault(const struct run *r, const struct seq_count *sum)
{
	if (r->hello_failed)
		return "no first frame";
	if (r->corrupt != 0)
		return "corrupt frames";
	if (sum->duplicated != 0)
		return "duplicated frames";
	if (sum->reordered != 0)
		return "reordered frames";
	if (sum->sent != sum->received && !r->opt->allow_loss)
		return "lost frames";
	if (r->stalled)
		return "traffic stalled";
	for (uint16_t i = 0; i < r->nb_flows; i++) {
		if (r->flows[i].count.received == 0 && r->flows[i].quota != 0)
			return "a flow without any frame";
	}
	return NULL;
}

/* Which burst functions ran, where the driver says. */
static void
write_port(FILE *out, uint16_t port, const char *comma)
{
	struct rte_eth_burst_mode rx, tx;

	if (rte_eth_rx_burst_mode_get(port, 0, &rx) != 0)
		rx.info[0] = '\0';
	if (rte_eth_tx_burst_mode_get(port, 0, &tx) != 0)
		tx.info[0] = '\0';
	fprintf(out, "%s\n  {\"id\": %u, \"rx\": \"%s\", \"tx\": \"%s\"}", comma, port, rx.info,
		tx.info);
}

static void
write_json(const struct run *r, const struct seq_count *sum, double seconds, const char *fault)
{
	FILE *out = fopen(r->opt->json, "w");

	if (out == NULL) {
		perror(r->opt->json);
		return;
	}
	fprintf(out,
		"{\"result\": \"%s\", \"fault\": \"%s\", \"sent\": %" PRIu64
		", \"received\": %" PRIu64 ", \"lost\": %" PRIu64 ", \"duplicated\": %" PRIu64
		", \"reordered\": %" PRIu64 ", \"corrupt\": %" PRIu64 ", \"foreign\": %" PRIu64
		", \"flooded\": %" PRIu64 ", \"moved\": %" PRIu64
		", \"window\": %u, \"seconds\": %.6f, \"mpps\": %.3f"
		", \"longest_gap_us\": %" PRIu64 ",\n\"flows\": [",
		fault ? "failed" : "ok", fault ? fault : "", sum->sent, sum->received,
		sum->sent - sum->received, sum->duplicated, sum->reordered, r->corrupt, r->foreign,
		r->flooded, sum->moved, r->window, seconds, sum->received / seconds / 1e6,
		r->longest_gap * 1000000 / r->hz);
	for (uint16_t i = 0; i < r->nb_flows; i++) {
		const struct flow *f = &r->flows[i];

		fprintf(out,
			"%s\n  {\"id\": %u, \"from\": %u, \"queue\": %u, \"to\": %u, \"sent\": "
			"%" PRIu64 ", \"received\": %" PRIu64 ", \"duplicated\": %" PRIu64
			", \"reordered\": %" PRIu64 ", \"moved\": %" PRIu64
			", \"longest_gap_us\": %" PRIu64 "}",
			i ? "," : "", f->id, f->src_port, f->src_queue, f->dst_port, f->count.sent,
			f->count.received, f->count.duplicated, f->count.reordered, f->count.moved,
			f->longest_gap * 1000000 / r->hz);
	}
	fprintf(out, "],\n\"ports\": [");
	for (uint16_t i = 0; i < r->ports->nb; i++)
		write_port(out, r->ports->id[i], i == 0 ? "" : ",");
	fprintf(out, "]}\n");
	if (fclose(out) != 0)
		perror(r->opt->json);
}

bool
report(const struct run *r)
{
	struct seq_count sum = sum_up(r);
	double seconds = r->start_tsc == 0 ? 0.0 : (double)(r->end_tsc - r->start_tsc) / r->hz;
	const char *fault = find_fault(r, &sum);

	if (seconds <= 0)
		seconds = 1e-9;
	if (r->opt->json != NULL)
		write_json(r, &sum, seconds, fault);
	printf("seqcheck: %s%s: %" PRIu64 " sent, %" PRIu64 " received, %" PRIu64 " lost, %" PRIu64
	       " duplicated, %" PRIu64 " reordered, %" PRIu64 " corrupt, %" PRIu64
	       " foreign, %" PRIu64 " flooded, %" PRIu64 " moved in %.3f s, %.3f Mpps, window %u, "
	       "longest gap %" PRIu64 " us\n",
		fault ? "FAILED, " : "ok", fault ? fault : "", sum.sent, sum.received,
		sum.sent - sum.received, sum.duplicated, sum.reordered, r->corrupt, r->foreign,
		r->flooded, sum.moved, seconds, sum.received / seconds / 1e6, r->window,
		r->longest_gap * 1000000 / r->hz);
	fflush(stdout);
	return fault == NULL;
}
