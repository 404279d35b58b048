/* SPDX-License-Identifier: BSD-3-Clause */
#include "run.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MAX_REASONS 8

struct sums {
	uint32_t run, right, impossible;
	const char *reasons[MAX_REASONS];
	uint32_t counts[MAX_REASONS];
};

static void
count_impossible(struct sums *s, const char *reason)
{
	unsigned int i = 0;

	s->impossible++;
	while (i < MAX_REASONS && s->reasons[i] != NULL && strcmp(s->reasons[i], reason) != 0)
		i++;
	if (i == MAX_REASONS)
		return;
	s->reasons[i] = reason;
	s->counts[i]++;
}

/* p right, f wrong, - impossible, ? not reached */
static char
verdict(const struct cell *c)
{
	if (c->sent == 0)
		return c->impossible != NULL ? '-' : '?';
	return c->right == c->sent ? 'p' : 'f';
}

static void
sum_cells(const struct run *r, struct sums *s)
{
	const struct options *opt = r->opt;

	memset(s, 0, sizeof(*s));
	for (uint16_t d = 0; d < r->nb_dirs; d++) {
		for (unsigned int k = 0; k < KIND_MAX; k++) {
			for (unsigned int n = 0; opt->kinds[k] && n < opt->nb_sizes; n++) {
				for (unsigned int i = opt->segs_min; i <= opt->segs_max; i++) {
					const struct cell *c = &r->dir[d].plan.cells[k][n][i - 1];

					s->run += c->sent != 0;
					s->right += verdict(c) == 'p';
					if (verdict(c) == '-')
						count_impossible(s, c->impossible);
				}
			}
		}
	}
}

static const char *
find_fault(const struct run *r, const struct sums *s)
{
	if (r->nb_complaints != 0)
		return r->complaints[0].text;
	if (r->failures != 0 || s->right != s->run)
		return "a combination did not pass";
	if (r->leaked != 0)
		return "mbufs did not come back";
	return s->run == 0 ? "nothing was sent" : NULL;
}

static void
write_string(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', out);
		if ((unsigned char)*text >= ' ')
			fputc(*text, out);
	}
	fputc('"', out);
}

static void
write_direction(FILE *out, const struct run *r, const struct direction *d)
{
	const struct options *opt = r->opt;
	const char *comma = "";

	fprintf(out,
		"{\"from\": \"%s\", \"to\": \"%s\", \"asks\": \"%s\", \"sent\": %" PRIu64
		", \"arrived\": %" PRIu64 ", \"failures\": %" PRIu64 ", \"foreign\": %" PRIu64
		",\n \"seen\": {",
		d->from->driver, d->to->driver,
		d->to->asks.lro       ? "all"
		: d->to->asks.partial ? "csum"
				      : "none",
		d->sent, d->arrived, d->failures, d->foreign);
	for (unsigned int k = 0; k < KIND_MAX; k++) {
		const struct judge_seen *s = &d->seen[k];

		fprintf(out,
			"%s\"%s\": {\"partial\": %u, \"complete\": %u, \"lro\": %u, \"segments\": "
			"%u}",
			k ? ", " : "", kind_name(k), s->partial, s->complete, s->lro, s->segments);
	}
	fprintf(out, "},\n \"cells\": {");
	for (unsigned int k = 0; k < KIND_MAX; k++) {
		for (unsigned int n = 0; opt->kinds[k] && n < opt->nb_sizes; n++, comma = ", ") {
			fprintf(out, "%s\"%s %u\": \"", comma, kind_name(k), opt->sizes[n]);
			for (unsigned int i = opt->segs_min; i <= opt->segs_max; i++)
				fputc(verdict(&d->plan.cells[k][n][i - 1]), out);
			fputc('"', out);
		}
	}
	fprintf(out, "}}");
}

static void
write_json(const struct run *r, const struct sums *s, const char *fault)
{
	FILE *out = fopen(r->opt->json, "w");

	if (out == NULL) {
		perror(r->opt->json);
		return;
	}
	fprintf(out, "{\"result\": \"%s\", \"fault\": ", fault ? "failed" : "ok");
	write_string(out, fault ? fault : "");
	fprintf(out,
		", \"combinations\": %u, \"passed\": %u, \"impossible\": %u, \"failures\": %" PRIu64
		", \"leaked\": %u,\n\"reasons\": {",
		s->run, s->right, s->impossible, r->failures, r->leaked);
	for (unsigned int i = 0; i < MAX_REASONS && s->reasons[i] != NULL; i++) {
		fprintf(out, "%s", i ? ", " : "");
		write_string(out, s->reasons[i]);
		fprintf(out, ": %u", s->counts[i]);
	}
	fprintf(out, "},\n\"complaints\": [");
	for (unsigned int i = 0; i < r->nb_complaints; i++) {
		fprintf(out, "%s", i ? ",\n " : "");
		write_string(out, r->complaints[i].text);
	}
	fprintf(out, "],\n\"directions\": [");
	for (uint16_t i = 0; i < r->nb_dirs; i++) {
		fprintf(out, "%s", i ? ",\n" : "");
		write_direction(out, r, &r->dir[i]);
	}
	fprintf(out, "]}\n");
	if (fclose(out) != 0)
		perror(r->opt->json);
}

bool
report(const struct run *r)
{
	struct sums s;
	const char *fault;

	sum_cells(r, &s);
	fault = find_fault(r, &s);
	if (r->opt->json != NULL)
		write_json(r, &s, fault);
	for (uint16_t i = 0; i < r->nb_dirs; i++) {
		const struct direction *d = &r->dir[i];

		printf("offload: %s to %s: %" PRIu64 " frames sent, %" PRIu64
		       " packets arrived, %" PRIu64 " failures, %" PRIu64 " foreign\n",
			d->from->driver, d->to->driver, d->sent, d->arrived, d->failures,
			d->foreign);
		for (unsigned int k = 0; k < KIND_MAX; k++)
			printf("offload:   %-4s came partial %u, complete %u, whole %u, in "
			       "segments %u\n",
				kind_name(k), d->seen[k].partial, d->seen[k].complete,
				d->seen[k].lro, d->seen[k].segments);
	}
	for (unsigned int i = 0; i < MAX_REASONS && s.reasons[i] != NULL; i++)
		printf("offload: impossible: %u: %s\n", s.counts[i], s.reasons[i]);
	printf("offload: %s%s: %u combinations, %u passed, %u impossible, %u mbufs missing\n",
		fault ? "FAILED, " : "ok", fault ? fault : "", s.run, s.right, s.impossible,
		r->leaked);
	return fault == NULL;
}
