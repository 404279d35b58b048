/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * MAC table: which port an address is behind.
 *
 * Buckets of eight words on one cache line; an address may stand in either of two buckets. A word
 * holds address and port, is written as a whole and never moves: readers need no lock. Writers
 * (workers that learn, control that ages) hold a spinlock for one bucket's work.
 */
#ifndef FDB_H
#define FDB_H

#include <rte_atomic.h>
#include <rte_common.h>
#include <rte_ether.h>

#include <stdint.h>
#include <string.h>

#define FDB_WAYS 8
#define FDB_NONE UINT16_MAX

struct fdb_bucket {
	uint64_t words[FDB_WAYS]; /* address << 16 | port; 0 = free */
} __rte_cache_aligned;

struct fdb {
	struct fdb_bucket *buckets;
	uint32_t *stamps; /* [buckets * FDB_WAYS] clock at which the address was last seen */
	uint32_t mask;    /* number of buckets - 1 */
	/* Raised by whatever may change the answer of a look-up: memos of older ones are void. */
	uint32_t generation;
};

struct fdb_record {
	struct rte_ether_addr mac;
	uint16_t port;
	uint32_t age_s;
};

extern struct fdb fdb;

/** @param entries  Addresses it has room for. @return 0 or -ENOMEM. */
int fdb_init(uint32_t entries);
void fdb_fini(void);

/** Clock of the table: ticks of a bit less than a second at GHz rates. Any thread. */
uint32_t fdb_clock(void);

/**
 * Note that an address was seen behind a port. A full pair of buckets forgets its oldest address.
 *
 * @param key  fdb_key() of a unicast address that is not zero.
 * Workers.
 */
void fdb_learn(uint64_t key, uint16_t port, uint32_t clock);

/** Make all memos of look-ups void. Any thread. */
void fdb_changed(void);

/** Forget addresses not seen for age_s seconds. Control. */
void fdb_age(uint32_t age_s);

/** Forget all addresses behind a port. Control. */
void fdb_flush_port(uint16_t port);

/** Addresses in the table, at most max; any thread. */
uint32_t fdb_snapshot(struct fdb_record *records, uint32_t max);

/** Addresses that the table holds now. */
uint32_t fdb_count(void);

/** The six bytes of an address as a number: first byte lowest, so bit 0 says multicast. */
static inline uint64_t
fdb_key(const uint8_t *mac)
{
	uint32_t low;
	uint16_t high;

	memcpy(&low, mac, sizeof(low));
	memcpy(&high, mac + sizeof(low), sizeof(high));
	return rte_le_to_cpu_32(low) | (uint64_t)rte_le_to_cpu_16(high) << 32;
}

static inline void
fdb_buckets_of(uint64_t key, uint32_t *first, uint32_t *second)
{
	uint64_t hash = key * UINT64_C(0x9e3779b97f4a7c15);

	*first = (uint32_t)(hash >> 40) & fdb.mask;
	*second = (uint32_t)(hash >> 16) & fdb.mask;
}

static inline uint64_t
fdb_word(const uint64_t *word)
{
	return __atomic_load_n(word, __ATOMIC_RELAXED);
}

/** Port that an address is behind, or FDB_NONE. */
static inline uint16_t
fdb_lookup(uint64_t key)
{
	uint64_t words[2 * FDB_WAYS], found = 0;
	uint32_t b[2];

	if (key == 0) /* would match a free word */
		return FDB_NONE;
	fdb_buckets_of(key, &b[0], &b[1]);
	/* Words are read as such or several at once; the copy is what counts. */
	memcpy(words, &fdb.buckets[b[0]], sizeof(struct fdb_bucket));
	memcpy(words + FDB_WAYS, &fdb.buckets[b[1]], sizeof(struct fdb_bucket));
	rte_compiler_barrier();
	/* Where it stands nobody can foresee: no branch on that. It stands there once, or not. */
	for (unsigned int way = 0; way < RTE_DIM(words); way++)
		found |= words[way] >> 16 == key ? words[way] : 0;
	return found != 0 ? (uint16_t)found : FDB_NONE;
}

static inline uint32_t
fdb_generation(void)
{
	return __atomic_load_n(&fdb.generation, __ATOMIC_ACQUIRE);
}

#endif
