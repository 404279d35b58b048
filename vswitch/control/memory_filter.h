/* SPDX-License-Identifier: BSD-3-Clause */
/* The memory table of a SET_MEM_TABLE: can all of it be mapped and kept? */
#ifndef MEMORY_FILTER_H
#define MEMORY_FILTER_H

#include "message_filter.h"

#include <rte_common.h>

/** Reason of a refusal, why is [FILTER_WHY_BYTES]; always says no. */
bool filter_no(char *why, const char *fmt, ...) __rte_format_printf(2, 3);

/** Is the number of regions possible, and are they in the payload? First of all. */
bool memory_filter_count(const struct vhost_message *msg, char *why);

/**
 * Regions and their files; one descriptor for each is there.
 *
 * @param session  Files and regions of a table that passes are noted.
 */
bool memory_filter(struct vhost_session *session, const struct vhost_message *msg, char *why);

#endif
