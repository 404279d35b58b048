/* SPDX-License-Identifier: BSD-3-Clause */
/* EAL's memory as a vhost-user memory table: what a backend has to map. */
#ifndef VHOST_USER_MEM_H
#define VHOST_USER_MEM_H

#include "vhost_user_msg.h"

#include <stddef.h>

struct vhost_user_mem {
	struct vhost_user_table table;
	int fds[VHOST_USER_REGIONS_MAX]; /* [nb_regions], EAL's: valid while the lock is held */
	/* While it is built: pieces so far, and the last of them, which may still grow. */
	uint32_t nb_pieces;
	struct vhost_user_region last;
	int last_fd;
};

/** Begin with an empty table, add pages in any order, end. What follows a page in address and file
 * joins it, when it is added next. */
void vhost_user_mem_begin(struct vhost_user_mem *mem);
void vhost_user_mem_add(
	struct vhost_user_mem *mem, uint64_t addr, uint64_t bytes, int fd, uint64_t offset);

/**
 * @param why  Out on failure: [why_bytes] what is wrong and what mends it.
 * @return 0; -E2BIG for more pieces than a backend takes; -ENOTSUP for none.
 */
int vhost_user_mem_end(struct vhost_user_mem *mem, char *why, size_t why_bytes);

/**
 * Build the table of EAL's memory. Addresses are virtual ones, as in the descriptors.
 *
 * @param without, bytes  Memory to leave out because it is about to be freed; NULL, 0: none.
 * @return as vhost_user_mem_end(); -ENOTSUP also for memory without a file.
 *
 * The caller holds EAL's memory hotplug lock (or is in a memory event callback).
 */
int vhost_user_mem_build(
	struct vhost_user_mem *mem, const void *without, size_t bytes, char *why, size_t why_bytes);

#endif
