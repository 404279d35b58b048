/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/fdb.h"

#include <rte_cycles.h>
#include <rte_malloc.h>
#include <rte_spinlock.h>

#include <errno.h>

#define CLOCK_SHIFT 30

struct fdb fdb;
static rte_spinlock_t lock = RTE_SPINLOCK_INITIALIZER;

int
fdb_init(uint32_t entries)
{
	/* Half full at the stated number: a pair of full buckets is then rare. */
	uint32_t buckets = rte_align32pow2(RTE_MAX(entries / (FDB_WAYS / 2), 2U));

	fdb.buckets = rte_zmalloc(
		"fdb", (size_t)buckets * sizeof(struct fdb_bucket), RTE_CACHE_LINE_SIZE);
	fdb.stamps = rte_zmalloc(
		"fdb", (size_t)buckets * FDB_WAYS * sizeof(uint32_t), RTE_CACHE_LINE_SIZE);
	if (fdb.buckets == NULL || fdb.stamps == NULL) {
		fdb_fini();
		return -ENOMEM;
	}
	fdb.mask = buckets - 1;
	fdb.generation = 1;
	return 0;
}

void
fdb_fini(void)
{
	rte_free(fdb.buckets);
	rte_free(fdb.stamps);
	fdb.buckets = NULL;
	fdb.stamps = NULL;
}

uint32_t
fdb_clock(void)
{
	return (uint32_t)(rte_rdtsc() >> CLOCK_SHIFT);
}

static uint32_t
clock_of_seconds(uint32_t s)
{
	return (uint32_t)(s * rte_get_tsc_hz() >> CLOCK_SHIFT);
}

static uint32_t
seconds_of_clock(uint32_t ticks)
{
	return (uint32_t)(((uint64_t)ticks << CLOCK_SHIFT) / rte_get_tsc_hz());
}

void
fdb_changed(void)
{
	__atomic_fetch_add(&fdb.generation, 1, __ATOMIC_RELEASE);
}

/* Word of an address, and its stamp; NULL when it is not there. */
static uint64_t *
find(uint64_t key, const uint32_t *b, uint32_t **stamp)
{
	for (int i = 0; i < 2; i++) {
		for (int way = 0; way < FDB_WAYS; way++) {
			uint64_t *word = &fdb.buckets[b[i]].words[way];

			if (fdb_word(word) >> 16 == key) {
				*stamp = &fdb.stamps[b[i] * FDB_WAYS + way];
				return word;
			}
		}
	}
	return NULL;
}

/* A free place in the emptier bucket, else the place of the address not seen for longest. */
static uint64_t *
place(const uint32_t *b, uint32_t clock, uint32_t **stamp)
{
	uint64_t *oldest = NULL; /* there is one when no word is free */
	uint32_t oldest_age = 0;
	uint64_t *free_word[2] = {NULL, NULL};
	uint32_t *free_stamp[2] = {NULL, NULL};
	int used[2] = {0, 0};

	for (int i = 0; i < 2; i++) {
		for (int way = 0; way < FDB_WAYS; way++) {
			uint64_t *word = &fdb.buckets[b[i]].words[way];
			uint32_t *s = &fdb.stamps[b[i] * FDB_WAYS + way];

			if (*word == 0) {
				free_word[i] = word;
				free_stamp[i] = s;
				continue;
			}
			used[i]++;
			if (oldest == NULL || clock - *s > oldest_age) {
				oldest = word;
				oldest_age = clock - *s;
				*stamp = s;
			}
		}
	}
	if (free_word[0] != NULL || free_word[1] != NULL) {
		int i = free_word[0] == NULL || (free_word[1] != NULL && used[1] < used[0]);

		*stamp = free_stamp[i];
		return free_word[i];
	}
	return oldest;
}

void
fdb_learn(uint64_t key, uint16_t port, uint32_t clock)
{
	uint64_t value = key << 16 | port;
	uint32_t b[2];
	uint32_t *stamp = NULL;
	uint64_t *word;

	fdb_buckets_of(key, &b[0], &b[1]);
	word = find(key, b, &stamp);
	if (word != NULL && fdb_word(word) == value) {
		__atomic_store_n(stamp, clock, __ATOMIC_RELAXED);
		return;
	}
	rte_spinlock_lock(&lock);
	word = find(key, b, &stamp);
	if (word == NULL)
		word = place(b, clock, &stamp);
	__atomic_store_n(stamp, clock, __ATOMIC_RELAXED);
	__atomic_store_n(word, value, __ATOMIC_RELEASE);
	rte_spinlock_unlock(&lock);
	fdb_changed();
}

/* Forget the addresses of one bucket: those behind a port, or without a port, the old ones. */
static bool
sweep_bucket(uint32_t bucket, uint16_t port, uint32_t clock, uint32_t max_age)
{
	bool any = false;

	for (int way = 0; way < FDB_WAYS; way++) {
		uint64_t *word = &fdb.buckets[bucket].words[way];
		uint32_t stamp = fdb.stamps[bucket * FDB_WAYS + way];
		bool gone = port != FDB_NONE ? (uint16_t)*word == port
					     : (int32_t)(clock - stamp) > (int32_t)max_age;

		if (*word != 0 && gone) {
			__atomic_store_n(word, 0, __ATOMIC_RELEASE);
			any = true;
		}
	}
	return any;
}

static void
sweep(uint16_t port, uint32_t max_age)
{
	uint32_t clock = fdb_clock();
	bool any = false;

	for (uint32_t bucket = 0; bucket <= fdb.mask; bucket++) {
		rte_spinlock_lock(&lock);
		any |= sweep_bucket(bucket, port, clock, max_age);
		rte_spinlock_unlock(&lock);
	}
	if (any)
		fdb_changed();
}

void
fdb_age(uint32_t age_s)
{
	sweep(FDB_NONE, clock_of_seconds(age_s));
}

void
fdb_flush_port(uint16_t port)
{
	sweep(port, 0);
}

uint32_t
fdb_snapshot(struct fdb_record *records, uint32_t max)
{
	uint32_t clock = fdb_clock();
	uint32_t nb = 0;

	for (uint32_t i = 0; i <= fdb.mask && nb < max; i++) {
		for (int way = 0; way < FDB_WAYS && nb < max; way++) {
			uint64_t word = fdb_word(&fdb.buckets[i].words[way]);
			uint32_t age = clock - fdb.stamps[i * FDB_WAYS + way];

			if (word == 0)
				continue;
			for (int byte = 0; byte < RTE_ETHER_ADDR_LEN; byte++)
				records[nb].mac.addr_bytes[byte] =
					(uint8_t)(word >> (16 + 8 * byte));
			records[nb].port = (uint16_t)word;
			records[nb].age_s = (int32_t)age < 0 ? 0 : seconds_of_clock(age);
			nb++;
		}
	}
	return nb;
}

uint32_t
fdb_count(void)
{
	uint32_t nb = 0;

	for (uint32_t i = 0; i <= fdb.mask; i++) {
		for (int way = 0; way < FDB_WAYS; way++)
			nb += fdb_word(&fdb.buckets[i].words[way]) != 0;
	}
	return nb;
}
