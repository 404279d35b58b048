/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Dirty log of a port: which pages of guest memory the switch has written to, for migration.
 *
 * The bitmap is the frontend's and is mapped here, by us.
 */
#ifndef VHOST_LOG_H
#define VHOST_LOG_H

#include "vhost_msg.h"

#include <stdint.h>

#define VHOST_LOG_PAGE 4096
/* Guest address of what need not be logged: beyond any bitmap. */
#define VHOST_LOG_NOWHERE (UINT64_C(1) << 62)

struct vhost_log {
	uint8_t *bitmap; /* NULL: none yet, nothing is noted */
	uint64_t bytes;
};

/**
 * Map the bitmap of a SET_LOG_BASE that passed the filter; the old one is unmapped.
 *
 * The message's descriptor is closed. No worker uses the log meanwhile.
 *
 * @return 0 or -errno; without a log then.
 */
int vhost_log_map(struct vhost_log *log, struct vhost_message *msg);

void vhost_log_unmap(struct vhost_log *log);

/** virtq_log_fn: set the bits of the pages written to. arg is the struct vhost_log. Workers. */
void vhost_log_write(void *arg, uint64_t guest, uint64_t bytes);

#endif
