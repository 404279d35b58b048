/* SPDX-License-Identifier: BSD-3-Clause */
/* Command line of virtq-switch, behind EAL's part. */
#ifndef SWITCH_OPTIONS_H
#define SWITCH_OPTIONS_H

#include "vswitch.h"

#include <stdbool.h>
#include <stdint.h>

#define SWITCH_PORTS_MAX 256

struct switch_options {
	struct vswitch_conf conf;                         /* nb_workers is left 0 */
	struct vswitch_port_conf ports[SWITCH_PORTS_MAX]; /* strings point into argv */
	uint32_t nb_ports;
	uint32_t show_s; /* 0: only at the end */
};

enum options_result {
	OPTIONS_RUN,
	OPTIONS_DONE,
	OPTIONS_WRONG
};

/** Does this argument begin our part of the command line, without a "--" before it? */
bool options_is_ours(const char *arg);

/**
 * Read our part. Help and version are printed, errors say what is wrong on stderr.
 *
 * @param argv  [argc] The first one is the first option. Kept and changed: ports point into it.
 */
enum options_result options_parse(struct switch_options *options, int argc, char **argv);

#endif
