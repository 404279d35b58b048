/* SPDX-License-Identifier: BSD-3-Clause */
#include "vhost_user_mem.h"

#include <rte_eal.h>
#include <rte_memory.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct walk {
	struct vhost_user_mem *mem;
	uint64_t without;
	uint64_t without_end;
	int fd; /* of the region that was added last, stored or not */
	struct vhost_user_region last;
	int error;
};

static void
store(struct walk *w)
{
	struct vhost_user_mem *mem = w->mem;

	if (w->last.bytes == 0)
		return;
	if (mem->nb_wanted < VHOST_USER_REGIONS_MAX) {
		mem->table.regions[mem->nb_wanted] = w->last;
		mem->fds[mem->nb_wanted] = w->fd;
	}
	mem->nb_wanted++;
}

static int
add_page(const struct rte_memseg_list *msl, const struct rte_memseg *ms, void *arg)
{
	struct walk *w = arg;
	uint64_t addr = ms->addr_64;
	size_t offset = 0;
	int fd;

	if (msl->external || ms->len == 0)
		return 0;
	if (addr < w->without_end && w->without < addr + ms->len)
		return 0;
	fd = rte_memseg_get_fd_thread_unsafe(ms);
	if (fd < 0 || rte_memseg_get_fd_offset_thread_unsafe(ms, &offset) < 0) {
		w->error = -ENOTSUP;
		return -1;
	}
	if (w->last.bytes != 0 && fd == w->fd && w->last.user_addr + w->last.bytes == addr &&
		w->last.offset + w->last.bytes == offset) {
		w->last.bytes += ms->len;
		return 0;
	}
	store(w);
	w->fd = fd;
	w->last = (struct vhost_user_region){
		.guest_addr = addr,
		.bytes = ms->len,
		.user_addr = addr,
		.offset = offset,
	};
	return 0;
}

int
vhost_user_mem_build(
	struct vhost_user_mem *mem, const void *without, size_t bytes, char *why, size_t why_bytes)
{
	struct walk w = {
		.mem = mem,
		.without = (uintptr_t)without,
		.without_end = (uintptr_t)without + bytes,
		.fd = -1,
	};

	memset(mem, 0, sizeof(*mem));
	if (rte_memseg_walk_thread_unsafe(add_page, &w) != 0 || w.error != 0) {
		snprintf(why, why_bytes,
			"EAL has memory that no file backs, a backend cannot share it: with "
			"--no-huge "
			"add --no-shconf; with --legacy-mem leave that out");
		return -ENOTSUP;
	}
	store(&w);
	if (mem->nb_wanted == 0) {
		snprintf(why, why_bytes, "EAL has no memory that could be shared");
		return -ENOTSUP;
	}
	if (mem->nb_wanted > VHOST_USER_REGIONS_MAX) {
		snprintf(why, why_bytes,
			"EAL's memory has %u pieces, backends take %u: start with "
			"--single-file-segments, or use 1 GiB pages",
			mem->nb_wanted, VHOST_USER_REGIONS_MAX);
		return -E2BIG;
	}
	mem->table.nb_regions = mem->nb_wanted;
	return 0;
}
