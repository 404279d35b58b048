/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Commands of the steer program, one per line: calls of ethdev and checked traffic.
 *
 * Each is answered by one line on stdout: "= ok ...", or "= err NUMBER TEXT".
 */
#ifndef STEER_COMMANDS_H
#define STEER_COMMANDS_H

/** @return 0, or -1: no such command, or wrong arguments; the answer is printed in any event. */
int command_run(char *line);

#endif
