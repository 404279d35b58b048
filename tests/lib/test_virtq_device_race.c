/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The driver rewrites descriptors, tables, heads and index while the device role takes, walks and
 * completes (CVE-2026-93683, 134228ca39, 48cae0bfa6). Whatever the device saw, each piece lies in
 * the map and the sums fit the pieces: it used what it had checked.
 */
#include "device_ring.h"
#include "race.h"
#include "ring/virtq_device_run.h"

#define SIZE 16
#define TABLE LOW
#define TABLE_ENTRIES 16
#define SEGS (2 * SIZE)
/* A descriptor that changes more often than others, and is looked at more often. */
#define HOT 0
#define HOT_LOOKS 8
/* Bytes that the device wants of a buffer at least: a packet header. */
#define HEADER 12

static struct device_ring ring;
static struct virtq_desc *table;
static uint16_t taken; /* for the flipper: from where the index may go */

/* How often which way said what; else the flipper does not reach what it is for. */
static struct {
	uint64_t walks;
	uint64_t ones;
	uint64_t bursts;
	uint64_t restarts; /* after any fault, also of index or head */
	uint64_t faults[VIRTQ_FAULT_MAX];
} seen;

/* Values between which the fields flip: good, at the border, and wild. */
static const uint64_t addrs[8] = {
	FAR, HIGH - 8, LOW + 4096, FAR + FAR_BYTES - 64, HOLE, UINT64_MAX - 1, TABLE, 0};
static const uint32_t lens[8] = {64, 16, 0, 256, 12, 17, UINT32_MAX, 0x80000000};
static const uint16_t flag_sets[8] = {0, VIRTQ_DESC_F_WRITE, VIRTQ_DESC_F_NEXT,
	VIRTQ_DESC_F_NEXT | VIRTQ_DESC_F_WRITE, VIRTQ_DESC_F_INDIRECT, VIRTQ_DESC_F_INDIRECT,
	VIRTQ_DESC_F_INDIRECT | VIRTQ_DESC_F_WRITE, VIRTQ_DESC_F_INDIRECT | VIRTQ_DESC_F_NEXT};

/* Good values more often than wild ones: else nothing gets beyond the first check. */
static inline uint32_t
choose(uint32_t bits)
{
	return bits & 8 ? bits & 3 : bits & 7;
}

static inline void
flip_field(struct virtq_desc *d, uint32_t bits)
{
	uint32_t value = choose(bits >> 2);

	switch (bits & 3) {
	case 0:
		__atomic_store_n(&d->addr, addrs[value], __ATOMIC_RELAXED);
		break;
	case 1:
		__atomic_store_n(&d->len, lens[value], __ATOMIC_RELAXED);
		break;
	case 2:
		__atomic_store_n(&d->flags, flag_sets[value], __ATOMIC_RELAXED);
		break;
	default:
		/* Rarely beyond the table. */
		value = bits >> 2 & (SIZE - 1);
		if ((bits >> 6 & 63) == 0)
			value += SIZE;
		__atomic_store_n(&d->next, (uint16_t)value, __ATOMIC_RELAXED);
	}
}

/* One word of what the driver owns; every bit of chance is used once. */
static void
flip(uint64_t *seed)
{
	uint32_t bits = random_next(seed);
	uint32_t what = bits & 63;
	uint32_t slot = bits >> 6 & (SIZE - 1);

	bits >>= 10;
	if (what < 4) {
		/* A head, rarely outside the table. */
		uint16_t head = (uint16_t)(bits & (SIZE - 1));

		if ((bits >> 4 & 255) == 0)
			head += SIZE;
		__atomic_store_n(&ring.vq.avail->ring[slot], head, __ATOMIC_RELAXED);
	} else if (what < 8) {
		/* The index, rarely further than there are entries. */
		uint16_t idx = (uint16_t)(__atomic_load_n(&taken, __ATOMIC_RELAXED) + slot);

		if ((bits & 255) == 0)
			idx += SIZE;
		__atomic_store_n(&ring.vq.avail->idx, idx, __ATOMIC_RELAXED);
	} else if (what < 24) {
		flip_field(&ring.vq.desc[HOT], bits);
	} else if (what < 40) {
		flip_field(&ring.vq.desc[slot], bits);
	} else {
		flip_field(&table[slot & (TABLE_ENTRIES - 1)], bits);
	}
}

/* By a search of its own: is every byte of the piece where the driver's address says it is? */
static void
check_in_map(const uint8_t *ptr, uint64_t guest, uint32_t len)
{
	RACE_CHECK(len > 0);
	RACE_CHECK(device_ring_byte(&ring, guest) == ptr);
	RACE_CHECK(device_ring_byte(&ring, guest + len - 1) == ptr + len - 1);
}

/* false: a fault that was latched. */
static bool
check_walk(uint16_t head, uint32_t *written)
{
	bool was_broken = virtq_device_broken(&ring.q); /* by a head behind this one */
	struct virtq_seg segs[SEGS];
	struct virtq_chain chain;
	uint64_t bytes[2] = {0, 0};
	enum virtq_fault fault = virtq_device_walk(&ring.q, head, segs, RTE_DIM(segs), &chain);

	bool good = fault == VIRTQ_FAULT_NONE || fault == VIRTQ_FAULT_CHAIN_SEGMENTS;

	*written = 0;
	seen.faults[fault]++;
	RACE_CHECK(virtq_device_broken(&ring.q) == (was_broken || !good));
	if (fault != VIRTQ_FAULT_NONE)
		return good;
	seen.walks++;
	for (uint32_t i = 0; i < (uint32_t)chain.nb_read + chain.nb_write; i++) {
		check_in_map(segs[i].ptr, segs[i].guest, segs[i].len);
		bytes[i >= chain.nb_read] += segs[i].len;
	}
	RACE_CHECK(bytes[0] == chain.read_bytes);
	RACE_CHECK(bytes[1] == chain.write_bytes);
	*written = chain.write_bytes;
	return true;
}

static bool
check_one(uint16_t head, uint16_t flags)
{
	struct virtq_one one;

	if (!virtq_device_one(&ring.q, head, flags, HEADER, &one))
		return false;
	seen.ones++;
	RACE_CHECK(one.len >= HEADER);
	RACE_CHECK(one.flags == flags);
	check_in_map(one.ptr, one.guest, one.len);
	return true;
}

/* A burst is copied, then checked: what changes in between must not matter. */
static void
check_burst(uint16_t flags)
{
	static const uint32_t min_len[4] = {HEADER, HEADER, HEADER, HEADER};
	struct virtq_desc_words descs[4];

	virtq_device_descs(&ring.q, flags ? 4 : 0, 4, descs);
	for (uint16_t i = 0; i < 4; i++) {
		uint32_t len;

		/* One by one: four good ones at a time are rare here. */
		if (!virtq_device_descs_straight(&ring.q, &descs[i], 1, flags, min_len, UINT32_MAX))
			continue;
		seen.bursts++;
		len = virtq_desc_words_len(&descs[i]);
		RACE_CHECK(len >= HEADER);
		check_in_map(virtq_device_desc_ptr(&ring.q, &descs[i]), descs[i].addr, len);
	}
}

/* All chains that wait; returns how many were walked. */
static uint16_t
take_and_complete(void)
{
	uint16_t n = virtq_device_avail(&ring.q, 1);
	uint16_t heads[SIZE];
	uint16_t done = 0;
	uint16_t first;
	bool broken = false;

	RACE_CHECK(n <= SIZE);
	/* What was promised was seen once: it never shrinks. */
	RACE_CHECK(virtq_device_avail(&ring.q, n) == n || virtq_device_broken(&ring.q));
	if (n > 0 && virtq_device_heads_run(&ring.q, RTE_MIN(n, 2), &first))
		RACE_CHECK(first + RTE_MIN(n, 2) <= SIZE);
	n = virtq_device_heads(&ring.q, heads, n);
	while (done < n) {
		uint16_t flags = heads[done] & 1 ? VIRTQ_DESC_F_WRITE : 0;
		uint32_t written;

		RACE_CHECK(heads[done] < SIZE);
		check_one(heads[done], flags);
		for (uint32_t i = 0; i < HOT_LOOKS; i++)
			check_one(HOT, i & 1 ? VIRTQ_DESC_F_WRITE : 0);
		if (!check_walk(heads[done], &written)) {
			broken = true;
			break;
		}
		virtq_device_put(&ring.q, heads[done], written);
		done++;
	}
	if (n > 0 && ring.q.hit.bytes != 0)
		check_burst(n & 1 ? VIRTQ_DESC_F_WRITE : 0);
	virtq_device_taken(&ring.q, done);
	virtq_device_publish(&ring.q);
	return (uint16_t)(done + broken);
}

static void
device_uses_what_it_checked(void **state)
{
	struct race race;

	(void)state;
	device_ring_open(&ring, SIZE, VIRTQ_INDIRECT);
	table = (struct virtq_desc *)(void *)device_ring_byte(&ring, TABLE);
	memset(&seen, 0, sizeof(seen));
	taken = 0;
	race_start(&race, flip, 51, 100000, 1000000);
	while (!race_enough(&race) || seen.walks < 10000 || seen.ones < 4000 ||
		seen.bursts < 1000) {
		uint16_t n = take_and_complete();

		race_took(&race, n);
		if (virtq_device_broken(&ring.q)) {
			seen.restarts++;
			/* Behind the bad one, or it would be the next for long. */
			virtq_device_init(&ring.q, &ring.vq, &ring.mem,
				(uint16_t)(ring.q.used_idx + (n > 0)));
		}
		__atomic_store_n(&taken, ring.q.avail_next, __ATOMIC_RELAXED);
	}
	race_end(&race, "device");
	printf("# device: good walks %lu, ones %lu, in bursts %lu; broken and restarted %lu "
	       "times\n",
		(unsigned long)seen.walks, (unsigned long)seen.ones, (unsigned long)seen.bursts,
		(unsigned long)seen.restarts);
	for (uint32_t i = VIRTQ_FAULT_NONE + 1; i < VIRTQ_FAULT_MAX; i++) {
		if (seen.faults[i] != 0)
			printf("# device: %lu times: %s\n", (unsigned long)seen.faults[i],
				virtq_fault_str((enum virtq_fault)i));
	}
	assert_true(seen.restarts > 1000);
	device_ring_close(&ring);
}

static void
flip_index(uint64_t *seed)
{
	__atomic_store_n(
		&ring.vq.avail->idx, (uint16_t)random_below(seed, SIZE * 2), __ATOMIC_RELAXED);
}

static void
index_that_changes_never_promises_more_than_the_ring(void **state)
{
	struct race race;

	(void)state;
	device_ring_open(&ring, SIZE, 0);
	race_start(&race, flip_index, 52, 50000, 50000);
	while (!race_enough(&race)) {
		uint16_t n;

		virtq_device_init(&ring.q, &ring.vq, &ring.mem, (uint16_t)(race.chains % SIZE));
		n = virtq_device_avail(&ring.q, 1);
		RACE_CHECK(n <= SIZE);
		/* It may grow, it never shrinks: what was promised was seen once. */
		RACE_CHECK(virtq_device_avail(&ring.q, n) == n || n == 0);
		race_took(&race, 1);
	}
	race_end(&race, "index");
	device_ring_close(&ring);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		UNIT(device_uses_what_it_checked),
		UNIT(index_that_changes_never_promises_more_than_the_ring),
	};

	return RUN_UNITS("virtq_device_race", tests);
}
