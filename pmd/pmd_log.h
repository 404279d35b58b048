/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Log of the driver: type pmd.net.virtq. ERR: the call fails. WARNING: works, but not as asked.
 * NOTICE: rare events of a port's life. INFO and DEBUG: what was negotiated.
 */
#ifndef PMD_LOG_H
#define PMD_LOG_H

#include <rte_log.h>

extern int virtq_pmd_logtype;

/* PMD_LOG(ERR, "%s: ...", name): no newline. */
#define PMD_LOG(level, ...) \
	rte_log(RTE_LOG_##level, virtq_pmd_logtype, \
		RTE_FMT("net_virtq: " RTE_FMT_HEAD(__VA_ARGS__, ) "\n", \
			RTE_FMT_TAIL(__VA_ARGS__, )))

#endif
