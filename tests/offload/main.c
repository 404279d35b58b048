/* SPDX-License-Identifier: BSD-3-Clause */
#include "options.h"
#include "ports.h"
#include "run.h"

#include <rte_eal.h>
#include <rte_errno.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static volatile int stop;

static void
on_signal(int signal_number)
{
	/* A second signal ends the process the hard way. */
	stop = 1;
	signal(signal_number, SIG_DFL);
}

int
main(int argc, char **argv)
{
	int used = rte_eal_init(argc, argv), rc = EXIT_FAILURE;
	struct options opt;
	struct ports ports = {0};
	static struct run run;

	if (used < 0) {
		fprintf(stderr, "offload: EAL does not start: %s\n", rte_strerror(rte_errno));
		return EXIT_FAILURE;
	}
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	if (options_parse(&opt, argc - used, argv + used) != 0) {
		fprintf(stderr, "offload: --help behind -- lists the options\n");
		rte_eal_cleanup();
		return 2;
	}
	if (ports_start(&ports, &opt, &stop) == 0 && run_init(&run, &opt, &ports, &stop) == 0 &&
		run_hello(&run) == 0) {
		run_all(&run);
		/* What is still held when the ports are closed has leaked. */
		run.leaked = ports_stop(&ports);
		rc = report(&run) ? EXIT_SUCCESS : EXIT_FAILURE;
	}
	run_fini(&run);
	ports_stop(&ports);
	rte_eal_cleanup();
	return rc;
}
