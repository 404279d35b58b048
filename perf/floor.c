/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What this machine takes at least: a line between two cores, copies, mempool, and all of it
 * combined as a ring would need it. Every figure of perf/ is judged against these.
 */
#include "floor_loops.h"
#include "perf_stat.h"

#include <rte_cpuflags.h>
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_pause.h>
#include <rte_vect.h>

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NB_WINDOWS 64
#define NB_ROUND_TRIPS 2000
#define NB_BATCHES 512 /* batches of a combined window */
#define NB_HOT_COPIES 1000
#define MAX_FIGURES 64
#define BULK 32

double perf_probe_best;

static const size_t sizes[] = {60, 64, 128, 256, 512, 1024, 1500};

static const struct floor_loops *loops;
static struct floor_ring *ring;
static unsigned int other_lcore = RTE_MAX_LCORE;
static bool stop_other;

static struct {
	char name[48];
	const char *unit;
	struct perf_figure figure;
} figures[MAX_FIGURES];
static unsigned int nb_figures;

static void
note(struct perf_series *s, const char *unit, const char *format, size_t size)
{
	if (nb_figures == MAX_FIGURES)
		rte_panic("more figures than MAX_FIGURES\n");
	snprintf(figures[nb_figures].name, sizeof(figures[0].name), format, size);
	figures[nb_figures].unit = unit;
	figures[nb_figures].figure = perf_series_figure(s);
	printf("%-34s %8.2f %8.2f  %s\n", figures[nb_figures].name, figures[nb_figures].figure.min,
		figures[nb_figures].figure.median, unit);
	nb_figures++;
}

static void
pick_loops(void)
{
	uint16_t bits = rte_vect_get_max_simd_bitwidth();

	loops = &floor_loops_base;
#ifdef RTE_ARCH_X86_64
	if (bits >= 256 && rte_cpu_get_flag_enabled(RTE_CPUFLAG_AVX2) == 1)
		loops = &floor_loops_avx2;
	if (bits >= 512 && rte_cpu_get_flag_enabled(RTE_CPUFLAG_AVX512F) == 1)
		loops = &floor_loops_avx512;
#endif
	printf("copies with %s (EAL allows %u bits); cycles of the time stamp counter,"
	       " minimum and median of %d windows\n",
		loops->name, bits, NB_WINDOWS);
}

/* The line travels there and back: odd values are the other core's, even ones ours. */
static int
pong(void *arg __rte_unused)
{
	uint64_t expect = 1;

	while (!__atomic_load_n(&stop_other, __ATOMIC_RELAXED)) {
		if (__atomic_load_n(&ring->avail.value, __ATOMIC_ACQUIRE) != expect)
			continue;
		__atomic_store_n(&ring->avail.value, expect + 1, __ATOMIC_RELEASE);
		expect += 2;
	}
	return 0;
}

static void
start_other(lcore_function_t *fn, void *arg)
{
	ring->avail.value = 0;
	ring->done.value = 0;
	stop_other = false;
	rte_eal_remote_launch(fn, arg, other_lcore);
}

static void
end_other(void)
{
	__atomic_store_n(&stop_other, true, __ATOMIC_RELAXED);
	rte_eal_wait_lcore(other_lcore);
}

static void
measure_ping_pong(struct perf_series *s)
{
	uint64_t value = 0;

	perf_series_reset(s);
	start_other(pong, NULL);
	while (perf_series_wants(s, NB_WINDOWS)) {
		uint64_t start = rte_rdtsc();

		for (unsigned int i = 0; i < NB_ROUND_TRIPS; i++) {
			__atomic_store_n(&ring->avail.value, ++value, __ATOMIC_RELEASE);
			value++;
			while (__atomic_load_n(&ring->avail.value, __ATOMIC_ACQUIRE) != value)
				;
		}
		perf_series_add(s, (double)(rte_rdtsc() - start) / (2.0 * NB_ROUND_TRIPS));
	}
	end_other();
	note(s, "cycles one way", "line_ping_pong", 0);
}

static void
measure_hot_copy(struct perf_series *s, size_t len)
{
	perf_series_reset(s);
	while (perf_series_wants(s, NB_WINDOWS)) {
		uint64_t start = rte_rdtsc();

		loops->copy_hot(ring->destination, ring->source, len, NB_HOT_COPIES);
		perf_series_add(s, (double)(rte_rdtsc() - start) / NB_HOT_COPIES);
	}
	note(s, "cycles per copy", "copy_hot_%zu", len);
}

/* Copy all slots again and again, in one core: L1 or L2, by size. */
static void
measure_slot_copy(struct perf_series *s, size_t len)
{
	const unsigned int rounds = 16;

	perf_series_reset(s);
	while (perf_series_wants(s, NB_WINDOWS)) {
		uint64_t start = rte_rdtsc();

		for (unsigned int i = 0; i < rounds; i++)
			loops->copy_slots(ring, len);
		perf_series_add(s, (double)(rte_rdtsc() - start) / (rounds * FLOOR_SLOTS));
	}
	note(s, "cycles per copy", "copy_slots_%zu", len);
}

/* The other core writes every source slot whenever it is asked to by an odd number. */
static int
writer(void *arg)
{
	size_t len = *(size_t *)arg;
	uint64_t expect = 1;

	while (!__atomic_load_n(&stop_other, __ATOMIC_RELAXED)) {
		if (__atomic_load_n(&ring->avail.value, __ATOMIC_ACQUIRE) != expect)
			continue;
		loops->write_slots(ring, len);
		__atomic_store_n(&ring->avail.value, expect + 1, __ATOMIC_RELEASE);
		expect += 2;
	}
	return 0;
}

static void
measure_cross_copy(struct perf_series *s, size_t len)
{
	uint64_t value = 0;

	perf_series_reset(s);
	start_other(writer, &len);
	while (perf_series_wants(s, NB_WINDOWS)) {
		uint64_t start;

		__atomic_store_n(&ring->avail.value, ++value, __ATOMIC_RELEASE);
		value++;
		while (__atomic_load_n(&ring->avail.value, __ATOMIC_ACQUIRE) != value)
			;
		start = rte_rdtsc();
		loops->copy_slots(ring, len);
		perf_series_add(s, (double)(rte_rdtsc() - start) / FLOOR_SLOTS);
	}
	end_other();
	note(s, "cycles per copy", "copy_cross_%zu", len);
}

static void
measure_mempool(struct perf_series *s)
{
	struct rte_mempool *pool = rte_pktmbuf_pool_create(
		"floor", 4096, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE, (int)rte_socket_id());
	struct rte_mbuf *pkts[BULK];
	void *objs[BULK];

	if (pool == NULL)
		rte_exit(EXIT_FAILURE, "pool: %s; give EAL more memory (-m)\n",
			rte_strerror(rte_errno));
	perf_series_reset(s);
	while (perf_series_wants(s, NB_WINDOWS)) {
		uint64_t start = rte_rdtsc();

		for (unsigned int i = 0; i < NB_HOT_COPIES; i++) {
			if (rte_mempool_get_bulk(pool, objs, BULK) == 0)
				rte_mempool_put_bulk(pool, objs, BULK);
		}
		perf_series_add(s, (double)(rte_rdtsc() - start) / (NB_HOT_COPIES * BULK));
	}
	note(s, "cycles per object", "mempool_get_put_bulk%zu", BULK);

	perf_series_reset(s);
	while (perf_series_wants(s, NB_WINDOWS)) {
		uint64_t start = rte_rdtsc();

		for (unsigned int i = 0; i < NB_HOT_COPIES; i++) {
			if (rte_pktmbuf_alloc_bulk(pool, pkts, BULK) == 0)
				rte_pktmbuf_free_bulk(pkts, BULK);
		}
		perf_series_add(s, (double)(rte_rdtsc() - start) / (NB_HOT_COPIES * BULK));
	}
	note(s, "cycles per mbuf", "mbuf_alloc_free_bulk%zu", BULK);
	rte_mempool_free(pool);
}

static void
measure_combined_same(struct perf_series *s, size_t len)
{
	uint64_t pos = 0;

	ring->avail.value = 0;
	perf_series_reset(s);
	while (perf_series_wants(s, NB_WINDOWS)) {
		uint64_t start = rte_rdtsc();

		for (unsigned int b = 0; b < NB_BATCHES; b++, pos += FLOOR_BATCH) {
			loops->add(ring, pos, len);
			loops->forward(ring, pos, false);
		}
		perf_series_add(s, (double)(rte_rdtsc() - start) / (NB_BATCHES * FLOOR_BATCH));
	}
	note(s, "cycles per packet", "combined_same_%zu", len);
}

struct driver_arg {
	size_t len;
	bool touch; /* write each frame before it goes, read it after it came */
};

/* Both guests on the other core: all slots under way, frames written and read if asked for. */
static int
driver(void *arg)
{
	const struct driver_arg *a = arg;
	uint64_t added = 0, read = 0, done;

	while (!__atomic_load_n(&stop_other, __ATOMIC_RELAXED)) {
		done = __atomic_load_n(&ring->done.value, __ATOMIC_ACQUIRE);
		for (; read < done; read += FLOOR_BATCH) {
			if (a->touch)
				loops->read_batch(ring, read, a->len);
		}
		for (; added + FLOOR_BATCH <= done + FLOOR_SLOTS; added += FLOOR_BATCH) {
			if (a->touch)
				loops->write_batch(ring, added, a->len);
			loops->add(ring, added, a->len);
		}
	}
	return 0;
}

/* Elapsed cycles on the copying core, and those of the polls that found something. */
static void
measure_combined_cross(size_t len, bool touch, bool prefetch)
{
	static struct perf_series elapsed, busy;
	struct driver_arg arg = {len, touch};
	const double packets = NB_BATCHES * FLOOR_BATCH;
	char format[48];
	double probe;
	uint64_t pos = 0;

	perf_series_reset(&elapsed);
	perf_series_reset(&busy);
	start_other(driver, &arg);
	while (perf_series_wants(&busy, NB_WINDOWS)) {
		uint64_t start = rte_rdtsc(), before = start, worked = 0;

		for (unsigned int b = 0; b < NB_BATCHES;) {
			bool moved = loops->forward(ring, pos, prefetch);
			uint64_t now = rte_rdtsc();

			if (moved) {
				worked += now - before;
				pos += FLOOR_BATCH;
				b++;
			}
			before = now;
		}
		probe = perf_probe();
		perf_series_add_probed(&elapsed, (double)(before - start) / packets, probe);
		perf_series_add_probed(&busy, (double)worked / packets, probe);
	}
	end_other();
	snprintf(format, sizeof(format), "combined_cross_%s%s_%%zu",
		touch ? "touched" : "untouched", prefetch ? "_prefetch" : "");
	note(&elapsed, "cycles per packet, elapsed", format, len);
	snprintf(format, sizeof(format), "combined_cross_%s%s_busy_%%zu",
		touch ? "touched" : "untouched", prefetch ? "_prefetch" : "");
	note(&busy, "cycles per packet, copying core", format, len);
}

static void
measure_all(void)
{
	static struct perf_series s;

	for (unsigned int i = 0; i < RTE_DIM(sizes); i++)
		measure_hot_copy(&s, sizes[i]);
	for (unsigned int i = 0; i < RTE_DIM(sizes); i++)
		measure_slot_copy(&s, sizes[i]);
	measure_mempool(&s);
	measure_combined_same(&s, 60);
	measure_combined_same(&s, 1500);
	if (other_lcore == RTE_MAX_LCORE) {
		printf("one core only (-l): nothing measured across cores\n");
		return;
	}
	measure_ping_pong(&s);
	for (unsigned int i = 0; i < RTE_DIM(sizes); i++)
		measure_cross_copy(&s, sizes[i]);
	for (unsigned int i = 0; i < 8; i++)
		measure_combined_cross(i & 4 ? 1500 : 60, i & 2, i & 1);
}

static int
write_json(const char *file)
{
	FILE *out = strcmp(file, "-") == 0 ? stdout : fopen(file, "w");

	if (out == NULL) {
		perror(file);
		return -1;
	}
	fprintf(out,
		"{\"program\": \"floor\", \"copies\": \"%s\", \"simd_bits\": %u, "
		"\"tsc_hz\": %" PRIu64 ", \"probe\": %.4f, \"figures\": {\n",
		loops->name, rte_vect_get_max_simd_bitwidth(), rte_get_tsc_hz(), perf_probe_best);
	for (unsigned int i = 0; i < nb_figures; i++)
		perf_figure_json(out, figures[i].name, figures[i].figure,
			i + 1 < nb_figures ? ",\n" : "}}\n");
	return out == stdout || fclose(out) == 0 ? 0 : -1;
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
		{"json", required_argument, NULL, 'j'}, {NULL, 0, NULL, 0}};
	const char *json = NULL;
	int ret = rte_eal_init(argc, argv), opt;

	if (ret < 0)
		rte_exit(EXIT_FAILURE, "EAL: %s\n", rte_strerror(rte_errno));
	argc -= ret;
	argv += ret;
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt != 'j')
			rte_exit(EXIT_FAILURE, "usage: floor [EAL options] -- [--json FILE]\n");
		json = optarg;
	}
	ring = rte_zmalloc("floor", sizeof(*ring), 4096);
	if (ring == NULL)
		rte_exit(EXIT_FAILURE, "no memory for the slots; give EAL more (-m)\n");
	other_lcore = rte_get_next_lcore(-1, 1, 0);

	pick_loops();
	measure_all();
	ret = json == NULL ? 0 : write_json(json);
	rte_free(ring);
	rte_eal_cleanup();
	return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
