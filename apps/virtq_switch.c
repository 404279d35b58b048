/* SPDX-License-Identifier: BSD-3-Clause */
/* virtq-switch: command line, life and death of the switch; see --help. */
#include "switch_eal.h"
#include "switch_options.h"
#include "vswitch.h"

#include <rte_common.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static volatile sig_atomic_t stop;

static void
on_signal(int signal_number)
{
	(void)signal_number;
	stop = 1;
}

/* Memory to ask for: buffers, MAC table, ports and what rte_vhost keeps for each ring. */
static uint32_t
need_mib(const struct switch_options *o)
{
	uint64_t mbufs = o->conf.nb_mbufs != 0 ? o->conf.nb_mbufs : 8191;
	uint64_t macs = o->conf.mac_entries != 0 ? o->conf.mac_entries : 65536;
	uint64_t kib = 64 * 1024 + mbufs * 3 + macs / 16;

	for (uint32_t i = 0; i < o->nb_ports; i++)
		kib += 1024 + 3072 * (uint64_t)o->ports[i].pairs;
	return (uint32_t)(kib / 1024);
}

/* EAL's options end at "--"; ours may stand alone. */
static enum options_result
read_command_line(int argc, char **argv, struct switch_options *options, struct switch_eal *eal)
{
	enum options_result result;
	int nb_user = 0, ours = 1;

	if (argc > 1 && !options_is_ours(argv[1])) {
		while (ours < argc && strcmp(argv[ours], "--") != 0)
			ours++;
		nb_user = ours - 1;
		ours++; /* behind the "--" */
	}
	if (nb_user > 0 && ours > argc) {
		fprintf(stderr,
			"virtq-switch: '%s' is none of its options, and EAL options have to end "
			"with "
			"\"--\"; see --help\n",
			argv[1]);
		return OPTIONS_WRONG;
	}
	result = options_parse(options, ours < argc ? argc - ours : 0, argv + ours);
	if (result == OPTIONS_RUN &&
		switch_eal_args(eal, argv[0], nb_user, argv + 1, need_mib(options)) != 0)
		return OPTIONS_WRONG;
	return result;
}

static int
start_workers(void)
{
	unsigned int lcore;
	uintptr_t index = 0;

	RTE_LCORE_FOREACH_WORKER (lcore) {
		if (rte_eal_remote_launch(vswitch_worker, (void *)index++, lcore) != 0) {
			fprintf(stderr, "virtq-switch: lcore %u does not start\n", lcore);
			return -1;
		}
	}
	return 0;
}

static int
start_switch(struct switch_options *options)
{
	unsigned int workers = rte_lcore_count() - 1;

	if (workers == 0) {
		fputs("virtq-switch: EAL was given one lcore, which does the housekeeping; add one "
		      "for each worker, like --lcores 0@0,1@1 (they may share a CPU)\n",
			stderr);
		return -1;
	}
	if (workers > VSWITCH_WORKERS_MAX) {
		fprintf(stderr, "virtq-switch: %u worker lcores, %d are possible\n", workers,
			VSWITCH_WORKERS_MAX);
		return -1;
	}
	options->conf.nb_workers = (uint16_t)workers;
	return vswitch_init(&options->conf);
}

static int
add_ports(const struct switch_options *options)
{
	for (uint32_t i = 0; i < options->nb_ports; i++) {
		if (vswitch_port_add(&options->ports[i]) < 0)
			return -1;
	}
	return 0;
}

static int64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void
run(uint32_t show_s)
{
	const int64_t period = show_s * INT64_C(1000);
	int64_t next = now_ms() + period, left = VSWITCH_CALM_MS;

	while (!stop) {
		vswitch_wait((uint32_t)RTE_MIN(left, (int64_t)VSWITCH_CALM_MS));
		vswitch_housekeep();
		if (period == 0)
			continue;
		left = RTE_MAX(next - now_ms(), INT64_C(0));
		if (left == 0) {
			vswitch_show();
			next += period;
		}
	}
}

static int
serve(struct switch_options *options)
{
	int rc = start_switch(options);

	if (rc != 0)
		return EXIT_FAILURE;
	vswitch_telemetry_init();
	rc = start_workers();
	if (rc == 0)
		rc = add_ports(options);
	if (rc == 0)
		run(options->show_s);
	vswitch_stop();
	rte_eal_mp_wait_lcore();
	if (rc == 0)
		vswitch_show();
	vswitch_fini();
	return rc == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int
main(int argc, char **argv)
{
	static struct switch_options options;
	struct sigaction action = {.sa_handler = on_signal};
	struct switch_eal eal;
	int rc;

	setvbuf(stdout, NULL, _IOLBF, 0);
	switch (read_command_line(argc, argv, &options, &eal)) {
	case OPTIONS_RUN:
		break;
	case OPTIONS_DONE:
		return EXIT_SUCCESS;
	default:
		return EXIT_FAILURE;
	}
	if (rte_eal_init(eal.argc, eal.argv) < 0) {
		fprintf(stderr, "virtq-switch: EAL does not start: %s (its own words above)\n",
			rte_strerror(rte_errno));
		return EXIT_FAILURE;
	}
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	rc = serve(&options);
	rte_eal_cleanup();
	return rc;
}
