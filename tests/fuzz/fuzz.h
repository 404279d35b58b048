/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the fuzz targets share. An input is a list of steps that a hostile peer and the role under
 * test take in turn; a byte that is missing reads as 0, so every input means something.
 */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include "support/guard.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The target; libFuzzer's name. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz_input {
	const uint8_t *data;
	size_t left;
};

static inline uint8_t
fuzz_u8(struct fuzz_input *in)
{
	if (in->left == 0)
		return 0;
	in->left--;
	return *in->data++;
}

static inline uint16_t
fuzz_u16(struct fuzz_input *in)
{
	uint16_t low = fuzz_u8(in);

	return (uint16_t)(low | fuzz_u8(in) << 8);
}

static inline uint32_t
fuzz_u32(struct fuzz_input *in)
{
	uint32_t low = fuzz_u16(in);

	return low | (uint32_t)fuzz_u16(in) << 16;
}

/* Guarded memory for a ring of one size, kept from input to input; zeroed. */
static inline uint8_t *
fuzz_memory(struct guard *kept, size_t bytes, size_t align)
{
	if (kept->mem == NULL)
		*kept = guard_alloc(bytes, align);
	memset(kept->mem, 0, bytes);
	return kept->mem;
}

/* Holds in every build: a violation is a crash that the fuzzer keeps. */
#define FUZZ_CHECK(holds) \
	do { \
		if (!(holds)) { \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #holds); \
			abort(); \
		} \
	} while (0)

#endif
