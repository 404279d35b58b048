/* SPDX-License-Identifier: BSD-3-Clause */
/* Numbers that look like chance and are the same in every run. */
#ifndef TESTS_RANDOM_H
#define TESTS_RANDOM_H

#include <stdint.h>

/** xorshift64*; the state must not be 0. */
static inline uint32_t
random_next(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return (uint32_t)((*state * UINT64_C(2685821657736338717)) >> 32);
}

/** 0..n-1 */
static inline uint32_t
random_below(uint64_t *state, uint32_t n)
{
	return (uint32_t)(((uint64_t)random_next(state) * n) >> 32);
}

#endif
