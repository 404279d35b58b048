/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A peer that rewrites shared memory from a second thread, and how long it does so: a moment in
 * suite fast, longer by VIRTQ_RACE_CHAINS and VIRTQ_RACE_FLIPS. Both are reached before a race
 * ends.
 */
#ifndef TESTS_RACE_H
#define TESTS_RACE_H

#include "support/covers.h"

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* Stores between two looks at the other thread. */
#define RACE_ROUND 512
/*
 * The threads may have to share a core: after so many rounds in which the other one did nothing a
 * thread lets go. Not earlier, since on a busy machine it takes long until it gets its turn again.
 */
#define RACE_PATIENCE 64

/** Change one word of what is shared. */
typedef void race_flip_fn(uint64_t *seed);

struct race {
	race_flip_fn *flip;
	uint64_t seed;
	uint64_t min_chains;
	uint64_t min_flips;
	uint64_t chains; /* of the thread under test: counts what it took from the peer */
	uint64_t flips;  /* of the flipper, in whole rounds */
	uint32_t idle;   /* of the thread under test: times it found nothing since it let go */
	bool stop;
	pthread_t thread;
	struct timespec start;
};

/* What a caught race would be: cheap enough to ask hundreds of millions of times. */
#define RACE_CHECK(holds) \
	do { \
		if (__builtin_expect(!(holds), 0)) \
			fail_msg("%s", #holds); \
	} while (0)

static inline uint64_t
race_env(const char *name, uint64_t otherwise)
{
	const char *value = getenv(name);

	/* As a person writes it: 1e9. */
	return value != NULL ? (uint64_t)strtod(value, NULL) : otherwise;
}

static inline uint64_t
race_chains(const struct race *r)
{
	return __atomic_load_n(&r->chains, __ATOMIC_RELAXED);
}

/** The thread under test took so many chains from its peer. */
static inline void
race_took(struct race *r, uint32_t n)
{
	__atomic_store_n(&r->chains, r->chains + n, __ATOMIC_RELAXED);
	if (n == 0 && ++r->idle % (RACE_PATIENCE * RACE_PATIENCE) == 0)
		sched_yield();
}

static inline void *
race_run(void *arg)
{
	struct race *r = arg;
	uint64_t before = 0;
	uint32_t idle = 0;

	while (!__atomic_load_n(&r->stop, __ATOMIC_RELAXED)) {
		for (uint32_t i = 0; i < RACE_ROUND; i++)
			r->flip(&r->seed);
		__atomic_store_n(&r->flips, r->flips + RACE_ROUND, __ATOMIC_RELAXED);
		idle = race_chains(r) == before ? idle + 1 : 0;
		before = race_chains(r);
		if (idle == RACE_PATIENCE) {
			idle = 0;
			sched_yield();
		}
	}
	return NULL;
}

static inline void
race_start(struct race *r, race_flip_fn *flip, uint64_t seed, uint64_t chains, uint64_t flips)
{
	*r = (struct race){
		.flip = flip,
		.seed = seed,
		.min_chains = race_env("VIRTQ_RACE_CHAINS", chains),
		.min_flips = race_env("VIRTQ_RACE_FLIPS", flips),
	};
	clock_gettime(CLOCK_MONOTONIC, &r->start);
	assert_int_equal(pthread_create(&r->thread, NULL, race_run, r), 0);
}

/** Was enough tried, however the threads were scheduled? */
static inline bool
race_enough(const struct race *r)
{
	return r->chains >= r->min_chains &&
	       __atomic_load_n(&r->flips, __ATOMIC_RELAXED) >= r->min_flips;
}

static inline void
race_end(struct race *r, const char *name)
{
	struct timespec now;

	__atomic_store_n(&r->stop, true, __ATOMIC_RELAXED);
	pthread_join(r->thread, NULL);
	clock_gettime(CLOCK_MONOTONIC, &now);
	printf("# %s: %.3e flips over %.3e chains in %.1f s\n", name, (double)r->flips,
		(double)r->chains,
		(double)(now.tv_sec - r->start.tv_sec) +
			(double)(now.tv_nsec - r->start.tv_nsec) / 1e9);
	fflush(stdout);
}

#endif
