/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sends, receives and measures between two ports of a switch; see guest.h. Commands on the standard
 * input, one per line, an answer of one JSON line each. Between commands it does not poll.
 *
 *   max SECONDS LOAD          as fast as the window lets frames through
 *   rate SECONDS LOAD PPS     PPS frames per second in both directions together, with latency
 *   slices SECONDS LOAD PPS   the same in slices of 2 ms: how many lost nothing at this rate
 *   one SECONDS LOAD          one frame at a time, with latency
 *   memory                    bytes that the drivers hold
 *   quit
 *
 * LOAD is a number of bytes, imix or tso, with ",touch" when payloads are written and read, and
 * with
 * ",macs" when destinations are spread over all addresses.
 */
#include "guest.h"

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define START_SECONDS 30

struct guest_conf guest_conf = {
	.queues = 1, .ring = 256, .window = 192, .room = 2048, .frame = 1514, .flows = 1};

static void
usage(void)
{
	fprintf(stderr,
		"usage: guest [EAL options with --vdev] -- [options]\n"
		"  --queues N   queue pairs of each port (1)\n"
		"  --ring N     entries of each ring (256)\n"
		"  --window N   frames of one direction under way at most (192)\n"
		"  --room N     data bytes of an mbuf (2048)\n"
		"  --frame N    largest frame (1514)\n"
		"  --flows N    UDP flows, each with a queue of its own if there are as many (1)\n"
		"  --mixed      any flow by any queue\n"
		"  --macs N     addresses behind each port; 0: the port's own (0)\n"
		"  --tso        negotiate segmentation and large receive\n"
		"  --idle       only start the ports and say so\n");
}

static const struct option options[] = {
	{"queues", required_argument, NULL, 'q'},
	{"ring", required_argument, NULL, 'r'},
	{"window", required_argument, NULL, 'w'},
	{"room", required_argument, NULL, 'm'},
	{"frame", required_argument, NULL, 'f'},
	{"flows", required_argument, NULL, 'l'},
	{"mixed", no_argument, NULL, 'x'},
	{"macs", required_argument, NULL, 'a'},
	{"tso", no_argument, NULL, 't'},
	{"idle", no_argument, NULL, 'i'},
	{NULL, 0, NULL, 0},
};

static uint32_t
number(uint32_t low, uint32_t high)
{
	char *end;
	unsigned long value = strtoul(optarg, &end, 10);

	if (*optarg < '0' || *optarg > '9' || *end != '\0' || value < low || value > high)
		rte_exit(EXIT_FAILURE, "guest: %s: give a number from %u to %u\n", optarg, low,
			high);
	return (uint32_t)value;
}

static bool
parse_options(int argc, char **argv)
{
	struct guest_conf *c = &guest_conf;
	bool idle = false;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (opt) {
		case 'q':
			c->queues = (uint16_t)number(1, GUEST_MAX_QUEUES);
			break;
		case 'r':
			c->ring = (uint16_t)number(64, 32768);
			break;
		case 'w':
			c->window = number(1, 32768);
			break;
		case 'm':
			c->room = number(256, UINT16_MAX - RTE_PKTMBUF_HEADROOM);
			break;
		case 'f':
			c->frame = number(60, 65535);
			break;
		case 'l':
			c->flows = number(1, 1024);
			break;
		case 'a':
			c->macs = number(0, 1 << 20);
			break;
		case 'x':
			c->mixed = true;
			break;
		case 't':
			c->tso = true;
			break;
		case 'i':
			idle = true;
			break;
		default:
			usage();
			rte_exit(EXIT_FAILURE, "guest: wrong usage\n");
		}
	}
	return idle;
}

static double
nanoseconds(uint64_t cycles)
{
	return (double)cycles * 1e9 / (double)rte_get_tsc_hz();
}

/* Quantiles close enough for a curve up to 1 in 10,000. */
static void
print_latency(const struct latency_hist *h)
{
	static const double shares[] = {0.001, 0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8,
		0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9999};

	printf(", \"latency_ns\": {\"count\": %" PRIu64
	       ", \"p50\": %.0f, \"p99\": %.0f, \"p99.9\": %.0f, \"max\": %.0f, \"curve\": [",
		h->count, nanoseconds(hist_quantile(h, 0.5)), nanoseconds(hist_quantile(h, 0.99)),
		nanoseconds(hist_quantile(h, 0.999)), nanoseconds(h->max));
	for (unsigned int i = 0; i < RTE_DIM(shares); i++)
		printf("%s[%.4f, %.0f]", i == 0 ? "" : ", ", shares[i],
			nanoseconds(hist_quantile(h, shares[i])));
	printf("]}");
}

static void
print_result(const char *mode, const struct guest_load *load, const struct guest_result *r)
{
	printf("{\"mode\": \"%s\", \"load\": \"%s\", \"touch\": %s, \"seconds\": %.4f, "
	       "\"sent\": %" PRIu64 ", \"received\": %" PRIu64 ", \"bytes\": %" PRIu64
	       ", \"lost\": %" PRIu64 ", \"offered\": %.5f, \"pps\": %.0f, "
	       "\"bytes_per_s\": %.0f, \"checksum\": %" PRIu64,
		mode, load->name, load->touch ? "true" : "false", r->seconds, r->sent, r->received,
		r->bytes, r->lost, r->offered, (double)r->received / r->seconds,
		(double)r->bytes / r->seconds, r->checksum);
	if (r->latency->count > 0)
		print_latency(r->latency);
	printf("}\n");
}

static void
print_memory(void)
{
	uint64_t heap, pools;

	guest_memory(&heap, &pools);
	printf("{\"heap\": %" PRIu64 ", \"pools\": %" PRIu64 "}\n", heap, pools);
}

static int
measure(const char *mode, double seconds, const char *text, double pps)
{
	static struct guest_result result;
	struct guest_load load;

	if (guest_load_parse(text, &load) != 0)
		return -1;
	guest_load_fill(&load);
	if (strcmp(mode, "slices") == 0 && pps > 0) {
		struct guest_slices s;

		guest_run_slices(&load, seconds, pps, &s);
		printf("{\"mode\": \"slices\", \"good\": %u, \"lost\": %u, \"slow\": %u, "
		       "\"paused\": %u}\n",
			s.good, s.lost, s.slow, s.paused);
		return 0;
	}
	load.stamp = strcmp(mode, "max") != 0 && !load.tso;
	if (strcmp(mode, "max") == 0)
		guest_run_max(&load, seconds, &result);
	else if (strcmp(mode, "rate") == 0 && pps > 0)
		guest_run_rate(&load, seconds, pps, &result);
	else if (strcmp(mode, "one") == 0)
		guest_run_one(&load, seconds, &result);
	else
		return -1;
	print_result(mode, &load, &result);
	return 0;
}

static int
serve(void)
{
	char line[128], mode[8], text[40];
	double seconds, pps;
	int nb;

	while (fgets(line, sizeof(line), stdin) != NULL) {
		pps = 0;
		nb = sscanf(line, "%7s %lf %39s %lf", mode, &seconds, text, &pps);
		if (nb == 1 && strcmp(mode, "quit") == 0)
			break;
		if (nb == 1 && strcmp(mode, "memory") == 0) {
			print_memory();
		} else if (nb < 3 || measure(mode, seconds, text, pps) != 0) {
			fprintf(stderr, "guest: cannot do: %s", line);
			return EXIT_FAILURE;
		}
		fflush(stdout);
	}
	return EXIT_SUCCESS;
}

int
main(int argc, char **argv)
{
	int ret = rte_eal_init(argc, argv);
	bool idle;

	if (ret < 0) {
		fprintf(stderr, "EAL: %s\n", rte_strerror(rte_errno));
		return EXIT_FAILURE;
	}
	idle = parse_options(argc - ret, argv + ret);
	if (guest_ports_open() != 0 || guest_ports_wait(START_SECONDS) != 0)
		return EXIT_FAILURE;
	if (!idle && guest_learn(START_SECONDS) != 0)
		return EXIT_FAILURE;
	printf("{\"ready\": true, \"tsc_hz\": %" PRIu64 "}\n", rte_get_tsc_hz());
	fflush(stdout);
	ret = serve();
	guest_ports_close();
	rte_eal_cleanup();
	return ret;
}
