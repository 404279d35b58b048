/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Cycles per packet of lib/ring alone, both roles in one thread: by ring size, burst and order.
 * What a driver or a switch costs beyond these figures is its own work, not the ring's.
 */
#include "perf_stat.h"
#include "ring_loops.h"

#include <rte_cpuflags.h>
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_malloc.h>
#include <rte_vect.h>

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NB_WINDOWS 32
#define PACKETS_PER_WINDOW 8192

double perf_probe_best;

enum leg {
	LEG_ADD,
	LEG_TAKE,
	LEG_PUT,
	LEG_GET,
	LEG_RECLAIM,
	LEG_FORWARD,
	LEG_MAX
};

static const char *const leg_names[LEG_MAX] = {"add", "take", "put", "get", "reclaim", "forward"};

/* Two copies through the device's memory, or one. */
static const enum leg two_copies[] = {LEG_ADD, LEG_TAKE, LEG_PUT, LEG_GET, LEG_RECLAIM};
static const enum leg one_copy[] = {LEG_ADD, LEG_FORWARD, LEG_GET, LEG_RECLAIM};

static const struct ring_loops *loops;
static FILE *json;
static bool json_first = true;

static void
pick_loops(void)
{
	loops = &ring_loops_base;
#ifdef RTE_ARCH_X86_64
	uint16_t bits = rte_vect_get_max_simd_bitwidth();

	if (bits >= 256 && rte_cpu_get_flag_enabled(RTE_CPUFLAG_AVX2) == 1)
		loops = &ring_loops_avx2;
	if (bits >= 512 && rte_cpu_get_flag_enabled(RTE_CPUFLAG_AVX512VL) == 1)
		loops = &ring_loops_avx512;
#endif
}

static void *
memory(size_t bytes)
{
	void *p = rte_zmalloc("ring", bytes, 4096);

	if (p == NULL)
		rte_exit(EXIT_FAILURE, "no memory for a ring; give EAL more (-m)\n");
	return p;
}

/* What ring_close() has to give back. */
struct ring_memory {
	uint8_t *parts;
	void *books;
};

static struct ring_memory
ring_open(struct ring_end *end, const struct virtq_mem *mem, uint16_t size, uint32_t flags)
{
	struct ring_memory m;
	struct virtq_layout layout;
	struct virtq vq;

	virtq_layout(&layout, size);
	m.parts = memory(layout.bytes);
	m.books = memory(virtq_driver_bytes(size));
	end->bufs = memory((size_t)size * RING_SLOT);
	if (virtq_init(&vq, size, m.parts + layout.desc, m.parts + layout.avail,
		    m.parts + layout.used, flags) != 0)
		rte_exit(EXIT_FAILURE, "ring of %u entries refused\n", size);
	virtq_driver_init(&end->driver, &vq, m.books);
	virtq_device_init(&end->device, &vq, mem, 0);
	virtq_device_kicks_off(&end->device);
	virtq_interrupts_off(&vq, 0);
	return m;
}

static void
ring_close(struct ring_end *end, struct ring_memory m)
{
	rte_free(end->bufs);
	rte_free(m.parts);
	rte_free(m.books);
}

static uint16_t
run_leg(struct ring_bench *b, enum leg leg, uint16_t n)
{
	switch (leg) {
	case LEG_ADD:
		return loops->add(b, n);
	case LEG_TAKE:
		return loops->take(b, n);
	case LEG_PUT:
		return loops->put(b, n);
	case LEG_GET:
		return loops->get(b, n);
	case LEG_RECLAIM:
		return loops->reclaim(b, n);
	default:
		return loops->forward(b, n);
	}
}

/* All receive buffers are posted before the first packet. */
static void
fill(struct ring_end *end, uint16_t size)
{
	const struct virtq_buf buf = {0, RING_SLOT};

	for (uint16_t i = 0; i < size; i++) {
		struct virtq_buf one = buf;

		one.addr = (uintptr_t)end->bufs + (uintptr_t)i * RING_SLOT;
		if (virtq_driver_add(&end->driver, &one, 0, 1, end->bufs + (size_t)i * RING_SLOT))
			rte_exit(EXIT_FAILURE, "receive buffer %u not taken\n", i);
	}
	virtq_driver_publish(&end->driver);
}

static void
print_figures(const char *path, const struct ring_bench *b, uint16_t size, uint16_t burst,
	const struct perf_series *leg, const enum leg *legs, unsigned int nb)
{
	bool in_order = b->tx.device.vq.flags & VIRTQ_IN_ORDER;

	printf("%-8s %4u B  ring %5u  burst %2u  %-8s", path, b->len, size, burst,
		in_order ? "in order" : "verified");
	if (json != NULL)
		fprintf(json,
			"%s\n{\"path\": \"%s\", \"frame\": %u, \"ring\": %u, \"burst\": %u, "
			"\"in_order\": %s, \"cycles_per_packet\": {",
			json_first ? "" : ",", path, b->len, size, burst,
			in_order ? "true" : "false");
	json_first = false;
	for (unsigned int l = 0; l <= nb; l++) {
		const char *name = l < nb ? leg_names[legs[l]] : "total";
		struct perf_figure f = perf_series_figure(&leg[l]);

		printf("  %s %.1f", name, f.median);
		if (json != NULL)
			perf_figure_json(json, name, f, l < nb ? ", " : "}}");
	}
	printf("\n");
}

/* A burst goes through all legs; then the next. leg[nb] is the total. */
static void
measure(const char *path, struct ring_bench *b, uint16_t size, uint16_t burst, const enum leg *legs,
	unsigned int nb)
{
	static struct perf_series leg[LEG_MAX + 1];
	const unsigned int turns = PACKETS_PER_WINDOW / burst;

	for (unsigned int l = 0; l <= nb; l++)
		perf_series_reset(&leg[l]);
	for (unsigned int w = 0; perf_series_wants(&leg[nb], NB_WINDOWS); w++) {
		uint64_t cycles[LEG_MAX] = {0}, sum = 0, before = rte_rdtsc();
		double probe;

		for (unsigned int t = 0; t < turns; t++) {
			for (unsigned int l = 0; l < nb; l++) {
				uint64_t now;

				if (run_leg(b, legs[l], burst) != burst)
					rte_exit(EXIT_FAILURE, "%s did not move %u packets\n",
						leg_names[legs[l]], burst);
				now = rte_rdtsc();
				cycles[l] += now - before;
				before = now;
			}
		}
		probe = perf_probe();
		if (w == 0)
			continue; /* every slot touched for the first time */
		for (unsigned int l = 0; l < nb; l++) {
			perf_series_add_probed(&leg[l], (double)cycles[l] / (turns * burst), probe);
			sum += cycles[l];
		}
		perf_series_add_probed(&leg[nb], (double)sum / (turns * burst), probe);
	}
	print_figures(path, b, size, burst, leg, legs, nb);
}

static void
measure_ring(uint16_t size, uint16_t burst, uint16_t len, uint32_t flags)
{
	static struct virtq_mem mem;
	static struct ring_bench b;
	struct ring_memory tx, rx;

	/* All of this process: user space ends far below. */
	mem.nb_regions = 0;
	if (virtq_mem_add(&mem, 1, VIRTQ_MEM_BYTES_MAX, (void *)(uintptr_t)1) != 0)
		rte_exit(EXIT_FAILURE, "the memory map refuses this process\n");
	tx = ring_open(&b.tx, &mem, size, flags);
	rx = ring_open(&b.rx, &mem, size, flags);
	b.own = memory(RING_MAX_BURST * RING_SLOT);
	b.len = len;
	fill(&b.rx, size);
	measure("two copy", &b, size, burst, two_copies, RTE_DIM(two_copies));
	measure("one copy", &b, size, burst, one_copy, RTE_DIM(one_copy));
	rte_free(b.own);
	ring_close(&b.tx, tx);
	ring_close(&b.rx, rx);
}

static void
measure_all(void)
{
	/* Besides 256 entries and bursts of 32. */
	static const uint16_t rings[] = {128, 1024, 4096};
	static const uint16_t bursts[] = {1, 4, 8, 16, 64};

	for (unsigned int order = 0; order < 2; order++) {
		uint32_t flags = order ? VIRTQ_IN_ORDER : 0;

		measure_ring(256, 32, 60, flags);
		measure_ring(256, 32, 1500, flags);
	}
	for (unsigned int i = 0; i < RTE_DIM(rings); i++)
		measure_ring(rings[i], 32, 60, VIRTQ_IN_ORDER);
	for (unsigned int i = 0; i < RTE_DIM(bursts); i++)
		measure_ring(256, bursts[i], 60, VIRTQ_IN_ORDER);
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
		{"json", required_argument, NULL, 'j'}, {NULL, 0, NULL, 0}};
	const char *file = NULL;
	int ret = rte_eal_init(argc, argv), opt;

	if (ret < 0)
		rte_exit(EXIT_FAILURE, "EAL: %s\n", rte_strerror(rte_errno));
	argc -= ret;
	argv += ret;
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt != 'j')
			rte_exit(EXIT_FAILURE,
				"usage: ring_cycles [EAL options] -- [--json FILE]\n");
		file = optarg;
	}
	if (file != NULL) {
		json = fopen(file, "w");
		if (json == NULL)
			rte_exit(EXIT_FAILURE, "%s: %s\n", file, strerror(errno));
	}
	pick_loops();
	printf("cycles per packet with %s, median of %d quiet windows\n", loops->name, NB_WINDOWS);
	if (json != NULL)
		fprintf(json, "{\"program\": \"ring_cycles\", \"isa\": \"%s\", \"figures\": [",
			loops->name);
	measure_all();
	if (json != NULL) {
		fprintf(json, "],\n\"probe\": %.4f}\n", perf_probe_best);
		fclose(json);
	}
	rte_eal_cleanup();
	return EXIT_SUCCESS;
}
