/* SPDX-License-Identifier: BSD-3-Clause */
/* Histogram of perf/guest: where values go, and what its quantiles say. */
#include "latency_hist.h"
#include "support/covers.h"
#include "support/random.h"

#include <stdlib.h>

static struct latency_hist h;

static void
small_values_are_exact(void **state)
{
	(void)state;
	for (uint64_t v = 0; v < 128; v++)
		assert_int_equal(hist_upper(hist_bucket(v)), v);
}

static void
every_value_lies_in_a_bucket_at_most_a_64th_wide(void **state)
{
	(void)state;
	for (unsigned int shift = 0; shift < 64; shift++) {
		for (int add = -1; add <= 1; add++) {
			uint64_t v = (UINT64_C(1) << shift) + (uint64_t)(int64_t)add;
			unsigned int b = hist_bucket(v);

			assert_in_range(b, 0, HIST_BUCKETS - 1);
			assert_true(hist_upper(b) >= v);
			assert_true(hist_upper(b) - v <= v / 64);
			assert_true(b == 0 || hist_upper(b - 1) < v);
		}
	}
	assert_int_equal(hist_bucket(UINT64_MAX), HIST_BUCKETS - 1);
	assert_true(hist_upper(HIST_BUCKETS - 1) == UINT64_MAX);
}

static void
bounds_of_buckets_rise_by_their_width(void **state)
{
	(void)state;
	for (unsigned int b = 1; b < HIST_BUCKETS; b++) {
		assert_true(hist_upper(b) > hist_upper(b - 1));
		assert_int_equal(hist_bucket(hist_upper(b - 1) + 1), b);
	}
}

static void
quantiles_of_1_to_100_are_their_numbers(void **state)
{
	(void)state;
	hist_reset(&h);
	for (uint64_t v = 100; v > 0; v--)
		hist_add(&h, v);
	assert_int_equal(h.count, 100);
	assert_int_equal(hist_quantile(&h, 0.01), 1);
	assert_int_equal(hist_quantile(&h, 0.07), 7);
	assert_int_equal(hist_quantile(&h, 0.5), 50);
	assert_int_equal(hist_quantile(&h, 0.501), 51);
	assert_int_equal(hist_quantile(&h, 0.99), 99);
	assert_int_equal(hist_quantile(&h, 1), 100);
}

static void
one_slow_frame_in_a_thousand_is_beyond_p99_9(void **state)
{
	(void)state;
	hist_reset(&h);
	for (unsigned int i = 0; i < 999; i++)
		hist_add(&h, 100);
	hist_add(&h, 1000000);
	assert_int_equal(hist_quantile(&h, 0.999), 100);
	/* Never beyond what was seen, though the bucket ends higher. */
	assert_int_equal(hist_quantile(&h, 0.9999), 1000000);
	assert_int_equal(h.max, 1000000);
	hist_add(&h, 1000000);
	assert_int_equal(hist_quantile(&h, 0.999), 1000000);
}

static int
compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void
quantiles_agree_with_sorted_values(void **state)
{
	static const double shares[] = {0.1, 0.5, 0.9, 0.99, 0.999};
	static uint64_t values[10000];
	uint64_t random = 7;

	(void)state;
	hist_reset(&h);
	for (unsigned int i = 0; i < 10000; i++) {
		values[i] = random_next(&random) >> random_below(&random, 30);
		hist_add(&h, values[i]);
	}
	qsort(values, 10000, sizeof(values[0]), compare);
	for (unsigned int i = 0; i < 5; i++) {
		uint64_t exact = values[(unsigned int)(shares[i] * 10000 + 0.5) - 1];
		uint64_t got = hist_quantile(&h, shares[i]);

		assert_true(got >= exact);
		assert_true(got - exact <= exact / 64);
	}
}

static void
nothing_measured_is_zero(void **state)
{
	(void)state;
	hist_reset(&h);
	assert_int_equal(hist_quantile(&h, 0.5), 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		UNIT(small_values_are_exact),
		UNIT(every_value_lies_in_a_bucket_at_most_a_64th_wide),
		UNIT(bounds_of_buckets_rise_by_their_width),
		UNIT(quantiles_of_1_to_100_are_their_numbers),
		UNIT(one_slow_frame_in_a_thousand_is_beyond_p99_9),
		UNIT(quantiles_agree_with_sorted_values),
		UNIT(nothing_measured_is_zero),
	};

	return RUN_UNITS("latency_hist", tests);
}
