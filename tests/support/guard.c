/* SPDX-License-Identifier: BSD-3-Clause */
#include "support/guard.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PATTERN 0x5a

static struct guard
map(size_t bytes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t inner = (bytes + page - 1) / page * page;
	struct guard g = {.bytes = bytes, .map_bytes = inner + 2 * page};

	g.map = mmap(NULL, g.map_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (g.map == MAP_FAILED || mprotect(g.map + page, inner, PROT_READ | PROT_WRITE) != 0) {
		perror("guard_alloc");
		abort();
	}
	memset(g.map + page, PATTERN, inner);
	return g;
}

struct guard
guard_alloc(size_t bytes, size_t align)
{
	struct guard g = map(bytes);
	uintptr_t end = (uintptr_t)g.map + g.map_bytes - (size_t)sysconf(_SC_PAGESIZE);

	g.mem = (uint8_t *)((end - bytes) & ~(uintptr_t)(align - 1));
	memset(g.mem, 0, bytes);
	return g;
}

struct guard
guard_alloc_front(size_t bytes)
{
	struct guard g = map(bytes);

	g.mem = g.map + (size_t)sysconf(_SC_PAGESIZE);
	memset(g.mem, 0, bytes);
	return g;
}

void
guard_free(struct guard *g)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	if (g->map == NULL)
		return;
	for (const uint8_t *p = g->map + page; p < g->map + g->map_bytes - page; p++) {
		if ((p < g->mem || p >= g->mem + g->bytes) && *p != PATTERN) {
			fprintf(stderr, "guard: byte %td of %zu was changed\n", p - g->mem,
				g->bytes);
			abort();
		}
	}
	munmap(g->map, g->map_bytes);
	*g = (struct guard){0};
}
