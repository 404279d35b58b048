/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Minimum and median of many windows, and which windows to believe.
 *
 * The minimum is what the code costs when nothing disturbs it, the median what it costs as a rule.
 * On a shared host a neighbour on the same physical core can double every figure for seconds, and
 * nothing in the guest shows it. So a probe of fixed work runs beside every window; a window whose
 * probe took PERF_QUIET times the best one of the process or longer is left out. (The bound lets
 * the lower clock pass that a core falls to behind 512-bit instructions, a factor of 1.15.)
 */
#ifndef PERF_STAT_H
#define PERF_STAT_H

#include <rte_cycles.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define PERF_MAX_WINDOWS 1024
#define PERF_PROBE_STEPS 300
#define PERF_PROBE_TRIES 4
#define PERF_QUIET 1.2
#define PERF_PATIENCE_S 1

/** One figure: a value per window, in cycles per packet (or per operation), and its probe. */
struct perf_series {
	unsigned int nb;    /**< Windows kept. */
	unsigned int tried; /**< Windows measured. */
	uint64_t end;       /**< When to give up waiting for quiet windows, in TSC cycles. */
	double value[PERF_MAX_WINDOWS];
	double probe[PERF_MAX_WINDOWS];
};

/** What is printed of a series: only quiet windows count. */
struct perf_figure {
	double min;
	double median;
	unsigned int quiet; /**< Windows that counted. */
	unsigned int tried; /**< Windows that were measured. */
};

/** The fastest probe of this process, in cycles per step. */
extern double perf_probe_best;

/** Cycles per step of work that fills a core's issue slots, so that a busy sibling shows. */
static inline double
perf_probe(void)
{
	double best = 0;

	/* The best of a few: the first comes with cold code, any of them may meet an interrupt. */
	for (unsigned int try = 0; try < PERF_PROBE_TRIES; try++) {
		uint64_t a = 0, b = 0, c = 0, d = 0, start = rte_rdtsc();
		double cycles;

		for (unsigned int i = 0; i < PERF_PROBE_STEPS; i++) {
			for (unsigned int k = 0; k < 8; k++) {
				a++, b++, c++, d++;
				__asm__ volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d));
			}
		}
		cycles = (double)(rte_rdtsc() - start) / PERF_PROBE_STEPS;
		if (try == 0 || cycles < best)
			best = cycles;
	}
	if (perf_probe_best == 0 || best < perf_probe_best)
		perf_probe_best = best;
	return best;
}

static inline bool
perf_is_quiet(double probe)
{
	return probe <= PERF_QUIET * perf_probe_best;
}

/** Begin anew. */
static inline void
perf_series_reset(struct perf_series *s)
{
	s->nb = 0;
	s->tried = 0;
	s->end = rte_rdtsc() + PERF_PATIENCE_S * rte_get_tsc_hz();
}

/** Add a window and the probe beside it. When there is no room, quiet windows take it. */
static inline void
perf_series_add_probed(struct perf_series *s, double value, double probe)
{
	unsigned int kept = 0;

	s->tried++;
	if (s->nb == PERF_MAX_WINDOWS) {
		for (unsigned int i = 0; i < s->nb; i++) {
			if (!perf_is_quiet(s->probe[i]))
				continue;
			s->value[kept] = s->value[i];
			s->probe[kept++] = s->probe[i];
		}
		s->nb = kept;
	}
	if (s->nb < PERF_MAX_WINDOWS) {
		s->value[s->nb] = value;
		s->probe[s->nb++] = probe;
	}
}

/** Add a window that ended just now. */
static inline void
perf_series_add(struct perf_series *s, double value)
{
	perf_series_add_probed(s, value, perf_probe());
}

/** How many windows were quiet, judged by the best probe so far. */
static inline unsigned int
perf_series_quiet(const struct perf_series *s)
{
	unsigned int quiet = 0;

	for (unsigned int i = 0; i < s->nb; i++)
		quiet += perf_is_quiet(s->probe[i]);
	return quiet;
}

/** Whether to go on until so many windows are quiet. */
static inline bool
perf_series_wants(const struct perf_series *s, unsigned int quiet)
{
	return perf_series_quiet(s) < quiet && (s->tried < quiet || rte_rdtsc() < s->end);
}

static inline int
perf_double_cmp(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/** Minimum and median of the quiet windows; of none, zeros. Leaves the series as it is. */
static inline struct perf_figure
perf_series_figure(const struct perf_series *s)
{
	static double kept[PERF_MAX_WINDOWS];
	struct perf_figure f = {.tried = s->tried};

	for (unsigned int i = 0; i < s->nb; i++) {
		if (perf_is_quiet(s->probe[i]))
			kept[f.quiet++] = s->value[i];
	}
	if (f.quiet == 0)
		return f;
	qsort(kept, f.quiet, sizeof(kept[0]), perf_double_cmp);
	f.min = kept[0];
	f.median =
		f.quiet % 2 ? kept[f.quiet / 2] : (kept[f.quiet / 2 - 1] + kept[f.quiet / 2]) / 2;
	return f;
}

/** `"name": {"min": 1.23, ...}` with `after` behind it. */
static inline void
perf_figure_json(FILE *out, const char *name, struct perf_figure f, const char *after)
{
	fprintf(out, "\"%s\": {\"min\": %.3f, \"median\": %.3f, \"quiet\": %u, \"windows\": %u}%s",
		name, f.min, f.median, f.quiet, f.tried, after);
}

#endif
