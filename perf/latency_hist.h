/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Histogram of 64-bit values with buckets that are 1/64 of their value wide: exact below 128, and
 * never more than 1.6 % off above. Adding costs a shift and an increment, whatever the range.
 */
#ifndef LATENCY_HIST_H
#define LATENCY_HIST_H

#include <stdint.h>
#include <string.h>

#define HIST_BITS 6
#define HIST_SUB (1u << HIST_BITS)
#define HIST_BUCKETS ((64 - HIST_BITS + 1) * HIST_SUB)

struct latency_hist {
	uint64_t count;
	uint64_t max;
	uint32_t bucket[HIST_BUCKETS];
};

static inline void
hist_reset(struct latency_hist *h)
{
	memset(h, 0, sizeof(*h));
}

static inline unsigned int
hist_bucket(uint64_t value)
{
	unsigned int exponent, shift;

	if (value < HIST_SUB)
		return (unsigned int)value;
	exponent = 63 - (unsigned int)__builtin_clzll(value);
	shift = exponent - HIST_BITS;
	return ((shift + 1) << HIST_BITS) + ((unsigned int)(value >> shift) & (HIST_SUB - 1));
}

/** The largest value that falls into a bucket. */
static inline uint64_t
hist_upper(unsigned int bucket)
{
	unsigned int group = bucket >> HIST_BITS, sub = bucket & (HIST_SUB - 1);

	if (group == 0)
		return sub;
	return ((uint64_t)(HIST_SUB + sub) << (group - 1)) + (UINT64_C(1) << (group - 1)) - 1;
}

static inline void
hist_add(struct latency_hist *h, uint64_t value)
{
	h->bucket[hist_bucket(value)]++;
	h->count++;
	if (value > h->max)
		h->max = value;
}

/**
 * The smallest bucket's upper bound that at least this share of the values does not exceed; never
 * more than the largest value seen. Without values, 0.
 *
 * @param share  above 0, at most 1.
 */
static inline uint64_t
hist_quantile(const struct latency_hist *h, double share)
{
	double wanted = share * (double)h->count;
	uint64_t seen = 0, upper;

	if (h->count == 0)
		return 0;
	for (unsigned int b = 0; b < HIST_BUCKETS; b++) {
		seen += h->bucket[b];
		/* A thousandth of a value: 0.07 * 100 is a little more than 7 in a double. */
		if (h->bucket[b] != 0 && (double)seen >= wanted - 0.001) {
			upper = hist_upper(b);
			return upper < h->max ? upper : h->max;
		}
	}
	return h->max;
}

#endif
