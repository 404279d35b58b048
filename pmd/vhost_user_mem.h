/* SPDX-License-Identifier: BSD-3-Clause */
/* EAL's memory as a vhost-user memory table: what a backend has to map. */
#ifndef VHOST_USER_MEM_H
#define VHOST_USER_MEM_H

#include "vhost_user_msg.h"

struct vhost_user_mem {
	struct vhost_user_table table;
	int fds[VHOST_USER_REGIONS_MAX]; /* [nb_regions], EAL's: valid while the lock is held */
	uint32_t nb_wanted;              /* regions that there are, may exceed what a table holds */
};

/**
 * Build the table: pages that follow each other in address and file make one region. Addresses are
 * virtual ones, as in the descriptors.
 *
 * @param without, bytes  Memory to leave out because it is about to be freed; NULL, 0: none.
 * @param why  Out on failure: [why_bytes] what is wrong and what mends it.
 * @return 0; -E2BIG for more regions than a backend takes; -ENOTSUP for memory without a file.
 *
 * The caller holds EAL's memory hotplug lock (or is in a memory event callback).
 */
int vhost_user_mem_build(
	struct vhost_user_mem *mem, const void *without, size_t bytes, char *why, size_t why_bytes);

#endif
