/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The switch of vswitch/ with a clock around each poll: cycles of the polls that found packets, per
 * packet. virtq-switch itself has no such clock, so rates are measured with that one.
 *
 *   busy_switch [EAL options] -- NAME,SOCKET[,PAIRS] [NAME,SOCKET[,PAIRS] ...]
 *
 * Each line on the standard input is answered by what was counted since the one before.
 */
#include "vswitch.h"

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_launch.h>
#include <rte_lcore.h>

#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Written by the worker alone. */
static volatile struct {
	uint64_t cycles;
	uint64_t packets;
	uint64_t polls;
} busy;

static volatile bool stop;

static int
worker(void *arg __rte_unused)
{
	uint64_t before = rte_rdtsc(), now;

	while (!stop) {
		unsigned int nb = vswitch_poll(0);

		now = rte_rdtsc();
		if (nb > 0) {
			busy.cycles += now - before;
			busy.packets += nb;
			busy.polls++;
		}
		before = now;
	}
	return 0;
}

static int
add_port(char *text)
{
	struct vswitch_port_conf port = {.name = text, .pairs = 1};
	char *comma = strchr(text, ',');

	if (comma == NULL) {
		fprintf(stderr, "busy_switch: %s: give NAME,SOCKET\n", text);
		return -1;
	}
	*comma = '\0';
	port.path = comma + 1;
	comma = strchr(comma + 1, ',');
	if (comma != NULL) {
		*comma = '\0';
		port.pairs = (uint16_t)strtoul(comma + 1, NULL, 10);
	}
	return vswitch_port_add(&port);
}

static void
answer(void)
{
	static uint64_t cycles, packets, polls;
	uint64_t c = busy.cycles, p = busy.packets, n = busy.polls;

	printf("{\"cycles\": %" PRIu64 ", \"packets\": %" PRIu64 ", \"polls\": %" PRIu64 "}\n",
		c - cycles, p - packets, n - polls);
	fflush(stdout);
	cycles = c;
	packets = p;
	polls = n;
}

/* Until the input ends. */
static void
serve(void)
{
	struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
	char line[64];

	for (;;) {
		vswitch_housekeep();
		if (poll(&input, 1, VSWITCH_HOUSEKEEP_MS) <= 0)
			continue;
		if (read(STDIN_FILENO, line, sizeof(line)) <= 0)
			return;
		answer();
	}
}

int
main(int argc, char **argv)
{
	const struct vswitch_conf conf = {.nb_workers = 1};
	int used = rte_eal_init(argc, argv), ret;

	if (used < 0)
		return EXIT_FAILURE;
	if (rte_lcore_count() != 2) {
		fprintf(stderr, "busy_switch: two lcores, the second one polls\n");
		return EXIT_FAILURE;
	}
	signal(SIGPIPE, SIG_IGN);
	ret = vswitch_init(&conf);
	for (int i = used + 1; i < argc && ret >= 0; i++)
		ret = add_port(argv[i]);
	if (ret < 0)
		return EXIT_FAILURE;
	rte_eal_remote_launch(worker, NULL, rte_get_next_lcore(-1, 1, 0));
	serve();
	stop = true;
	rte_eal_mp_wait_lcore();
	vswitch_fini();
	rte_eal_cleanup();
	return EXIT_SUCCESS;
}
