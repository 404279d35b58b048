/* SPDX-License-Identifier: BSD-3-Clause */
/* Copies of frames: inline, no byte outside source or destination is touched. */
#ifndef COPY_H
#define COPY_H

#include <rte_common.h>
#include <rte_memcpy.h>

#include <stdint.h>
#include <string.h>

/* 8 to 64 bytes: two overlapping loads of a fixed width, then two stores. */
static __rte_always_inline void
copy_short(uint8_t *to, const uint8_t *from, uint32_t n)
{
	if (n >= 32) {
		uint8_t a[32], b[32];

		memcpy(a, from, 32);
		memcpy(b, from + n - 32, 32);
		memcpy(to, a, 32);
		memcpy(to + n - 32, b, 32);
	} else if (n >= 16) {
		uint8_t a[16], b[16];

		memcpy(a, from, 16);
		memcpy(b, from + n - 16, 16);
		memcpy(to, a, 16);
		memcpy(to + n - 16, b, 16);
	} else {
		uint64_t a, b;

		memcpy(&a, from, 8);
		memcpy(&b, from + n - 8, 8);
		memcpy(to, &a, 8);
		memcpy(to + n - 8, &b, 8);
	}
}

/* The head of a frame of len bytes, len at least 8: its first 64 bytes or all of it. */
static __rte_always_inline void
copy_head(uint8_t *to, const uint8_t *from, uint32_t len)
{
	if (len >= 64)
		memcpy(to, from, 64);
	else
		copy_short(to, from, len);
}

#endif
