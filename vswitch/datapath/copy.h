/* SPDX-License-Identifier: BSD-3-Clause */
/* Copies of frames: inline, no byte outside source or destination is touched. */
#ifndef COPY_H
#define COPY_H

#include <rte_branch_prediction.h>
#include <rte_common.h>
#include <rte_memcpy.h>

#include <stdint.h>
#include <string.h>

/* Unaligned vectors of the compiler: registers of that width, or several narrower ones. */
typedef uint8_t copy_16 __attribute__((vector_size(16), aligned(1), may_alias));
typedef uint8_t copy_32 __attribute__((vector_size(32), aligned(1), may_alias));
typedef uint64_t copy_8 __attribute__((aligned(1), may_alias));

/*
 * A line that is written to soon. rte_prefetch0_write() is a function that has no effect to the
 * compiler: where it is not made inline, because much is already, calls of it are left out.
 */
static __rte_always_inline void
prefetch_to_write(const uint8_t *p)
{
	__builtin_prefetch(p, 1, 3);
}

/* Two overlapping loads, then two stores. */
#define COPY_ENDS(type, to, from, n) \
	do { \
		const type copy_a = *(const type *)(from); \
		const type copy_b = *(const type *)((from) + (n) - sizeof(type)); \
		*(type *)(to) = copy_a; \
		*(type *)((to) + (n) - sizeof(type)) = copy_b; \
	} while (0)

/* 8 to 64 bytes. */
static __rte_always_inline void
copy_short(uint8_t *to, const uint8_t *from, uint32_t n)
{
	if (likely(n >= 32))
		COPY_ENDS(copy_32, to, from, n);
	else if (n >= 16)
		COPY_ENDS(copy_16, to, from, n);
	else
		COPY_ENDS(copy_8, to, from, n);
}

/* The head of a frame of len bytes, len at least 8: its first 64 bytes or all of it. */
static __rte_always_inline void
copy_head(uint8_t *to, const uint8_t *from, uint32_t len)
{
	if (len >= 64)
		COPY_ENDS(copy_32, to, from, 64);
	else
		copy_short(to, from, len);
}

/*
 * Any number of bytes. rte_memcpy() for SSE, and any under a sanitizer, makes so much code at each
 * place that the hot file takes minutes to compile; there the library's own is a call, and good.
 */
static __rte_always_inline void
copy_bytes(uint8_t *to, const uint8_t *from, uint32_t n)
{
#if defined(__AVX2__) && !defined(__SANITIZE_ADDRESS__)
	rte_memcpy(to, from, n);
#else
	memcpy(to, from, n);
#endif
}

#endif
