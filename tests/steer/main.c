/* SPDX-License-Identifier: BSD-3-Clause */
/* Hold ports against an independent reference: commands on stdin, answers on stdout. */
#include "commands.h"
#include "ports.h"

#include <rte_eal.h>
#include <rte_errno.h>

#include <stdio.h>
#include <stdlib.h>

#define LINE_BYTES 65536

int
main(int argc, char **argv)
{
	static char line[LINE_BYTES];
	int rc = EXIT_SUCCESS;
	uint16_t id;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (rte_eal_init(argc, argv) < 0) {
		fprintf(stderr, "steer: EAL does not start: %s\n", rte_strerror(rte_errno));
		return EXIT_FAILURE;
	}
	if (ports_init() != 0) {
		fprintf(stderr, "steer: no memory for mbufs, or too many ports\n");
		rte_eal_cleanup();
		return EXIT_FAILURE;
	}
	printf("= ok\n");
	while (fgets(line, sizeof(line), stdin) != NULL) {
		if (command_run(line) != 0)
			rc = EXIT_FAILURE;
	}
	RTE_ETH_FOREACH_DEV (id) {
		rte_eth_dev_stop(id);
		rte_eth_dev_close(id);
		if (rte_mempool_in_use_count(steer_ports[id].pool) != 0) {
			fprintf(stderr, "steer: %u mbufs of port %u are missing\n",
				rte_mempool_in_use_count(steer_ports[id].pool), id);
			rc = EXIT_FAILURE;
		}
	}
	rte_eal_cleanup();
	return rc;
}
