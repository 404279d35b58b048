/* SPDX-License-Identifier: BSD-3-Clause */
/* What virtq-switch tells EAL: sensible defaults, or the user's own options and a little more. */
#ifndef SWITCH_EAL_H
#define SWITCH_EAL_H

#include <stdint.h>

#define SWITCH_EAL_ARGS 64

struct switch_eal {
	int argc;
	char *argv[SWITCH_EAL_ARGS + 1];
	char lcores[32];
	char megabytes[16];
};

/**
 * Arguments for rte_eal_init().
 *
 * @param user  [nb_user] EAL options the user gave, without the program's name; none: defaults.
 * @param need_mib  Memory the switch is going to take.
 * @return 0, or -1 with the reason on stderr.
 */
int switch_eal_args(
	struct switch_eal *eal, char *program, int nb_user, char **user, uint32_t need_mib);

#endif
