/* SPDX-License-Identifier: BSD-3-Clause */
#include "vhost_user_mem.h"

#include <rte_memory.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

void
vhost_user_mem_begin(struct vhost_user_mem *mem)
{
	memset(mem, 0, sizeof(*mem));
	mem->last_fd = -1;
}

static void
store_last(struct vhost_user_mem *mem)
{
	if (mem->last.bytes == 0)
		return;
	if (mem->nb_pieces < VHOST_USER_REGIONS_MAX) {
		mem->table.regions[mem->nb_pieces] = mem->last;
		mem->fds[mem->nb_pieces] = mem->last_fd;
	}
	mem->nb_pieces++;
	mem->last.bytes = 0;
}

void
vhost_user_mem_add(
	struct vhost_user_mem *mem, uint64_t addr, uint64_t bytes, int fd, uint64_t offset)
{
	struct vhost_user_region *last = &mem->last;

	if (last->bytes != 0 && fd == mem->last_fd && last->user_addr + last->bytes == addr &&
		last->offset + last->bytes == offset) {
		last->bytes += bytes;
		return;
	}
	store_last(mem);
	mem->last_fd = fd;
	*last = (struct vhost_user_region){
		.guest_addr = addr,
		.bytes = bytes,
		.user_addr = addr,
		.offset = offset,
	};
}

int
vhost_user_mem_end(struct vhost_user_mem *mem, char *why, size_t why_bytes)
{
	store_last(mem);
	if (mem->nb_pieces == 0) {
		snprintf(why, why_bytes, "EAL has no memory that could be shared");
		return -ENOTSUP;
	}
	if (mem->nb_pieces > VHOST_USER_REGIONS_MAX) {
		snprintf(why, why_bytes,
			"EAL's memory has %u pieces, backends take %u: start with "
			"--single-file-segments, or use 1 GiB pages",
			mem->nb_pieces, VHOST_USER_REGIONS_MAX);
		return -E2BIG;
	}
	mem->table.nb_regions = mem->nb_pieces;
	return 0;
}

struct walk {
	struct vhost_user_mem *mem;
	uint64_t without;
	uint64_t without_end;
};

static int
add_page(const struct rte_memseg_list *msl, const struct rte_memseg *ms, void *arg)
{
	const struct walk *w = arg;
	uint64_t addr = ms->addr_64;
	size_t offset = 0;
	int fd;

	if (msl->external || ms->len == 0)
		return 0;
	if (addr < w->without_end && w->without < addr + ms->len)
		return 0;
	fd = rte_memseg_get_fd_thread_unsafe(ms);
	if (fd < 0 || rte_memseg_get_fd_offset_thread_unsafe(ms, &offset) < 0)
		return -1;
	vhost_user_mem_add(w->mem, addr, ms->len, fd, offset);
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
	};

	vhost_user_mem_begin(mem);
	if (rte_memseg_walk_thread_unsafe(add_page, &w) != 0) {
		snprintf(why, why_bytes,
			"EAL has memory that no file backs, so that no backend can share it; use "
			"hugepages, or --no-huge on a kernel that has memfd");
		return -ENOTSUP;
	}
	return vhost_user_mem_end(mem, why, why_bytes);
}
