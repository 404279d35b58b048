/* SPDX-License-Identifier: BSD-3-Clause */
#include "options.h"
#include "ports.h"
#include "run.h"

#include <rte_eal.h>
#include <rte_errno.h>

#include <inttypes.h>
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

static int
measure(struct run *r)
{
	int rc = r->opt->hello ? run_hello(r) : 0;

	if (rc == 0) {
		printf("seqcheck: sending\n");
		fflush(stdout);
		run_traffic(r);
	}
	return report(r) && rc == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int
main(int argc, char **argv)
{
	int used = rte_eal_init(argc, argv), rc = EXIT_FAILURE;
	struct options opt;
	struct ports ports = {0};
	struct run run = {0};

	if (used < 0) {
		fprintf(stderr, "seqcheck: EAL does not start: %s\n", rte_strerror(rte_errno));
		return EXIT_FAILURE;
	}
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	if (options_parse(&opt, argc - used, argv + used) != 0) {
		fprintf(stderr, "seqcheck: --help behind -- lists the options\n");
		rte_eal_cleanup();
		return 2;
	}
	if (ports_start(&ports, &opt, &stop) == 0 && run_init(&run, &opt, &ports, &stop) == 0) {
		if (opt.reflect) {
			printf("seqcheck: reflecting\n");
			fflush(stdout);
			run_reflect(&run);
			printf("seqcheck: reflected %" PRIu64 ", not taken back %" PRIu64 "\n",
				run.received, run.missed_tx);
			rc = EXIT_SUCCESS;
		} else {
			rc = measure(&run);
		}
	}
	run_fini(&run);
	ports_stop(&ports);
	rte_eal_cleanup();
	return rc;
}
