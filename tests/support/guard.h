/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory between pages that nobody may touch: one byte too far is a crash, not luck. */
#ifndef TESTS_GUARD_H
#define TESTS_GUARD_H

#include <stddef.h>
#include <stdint.h>

struct guard {
	uint8_t *mem; /* the bytes, zeroed; end right at a forbidden page but for alignment */
	size_t bytes;
	uint8_t *map;
	size_t map_bytes;
};

/**
 * Memory that ends at a forbidden page and has another before its first page.
 *
 * @param align  Power of 2 up to a page. If bytes is not a multiple of it, the few bytes left
 *     between end and guard hold a pattern that guard_free() checks.
 */
struct guard guard_alloc(size_t bytes, size_t align);

/** Memory that begins right behind a forbidden page; the rest of its last page holds a pattern. */
struct guard guard_alloc_front(size_t bytes);

/** Give it back; aborts when a byte around it was changed. */
void guard_free(struct guard *g);

#endif
