/* SPDX-License-Identifier: BSD-3-Clause */
/* What the parts of the control side share: the log and the lock on the set of ports. */
#ifndef CONTROL_H
#define CONTROL_H

#include <rte_log.h>

#include <stdbool.h>
#include <stdint.h>

extern int control_logtype;

#define CONTROL_LOG(level, fmt, ...) \
	rte_log(RTE_LOG_##level, control_logtype, "virtq: " fmt "\n", ##__VA_ARGS__)

/*
 * Keeps ports from going away while somebody looks at them who is not the main thread
 * (telemetry). Taken for port_create() and port_destroy(), never in a vhost callback.
 */
void control_lock(void);
void control_unlock(void);

#define CONTROL_LINES_PER_SECOND 10

/* Lines that a misbehaving frontend may cause: a few per second, the rest is counted. */
struct control_limit {
	uint64_t second;
	uint32_t lines;
	uint32_t suppressed;
};

/**
 * May another line be written now?
 *
 * @param suppressed  Out: lines that were swallowed since the last one written; to be reported.
 */
bool control_limit_pass(struct control_limit *limit, uint32_t *suppressed);

#endif
