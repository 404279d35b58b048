/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The driver rewrites descriptors, tables, available ring and index while the device reads them
 * (CVE-2026-93683, 134228ca39, 48cae0bfa6). Whatever the device saw, each piece lies in the map and
 * the sums fit the pieces: it used what it had checked.
 */
#include "device_ring.h"

#include <pthread.h>
#include <sched.h>

#define SIZE 16
#define TABLE LOW
#define TABLE_ENTRIES 16

static struct device_ring ring;
static bool stop;

/* Values between which the fields flip: good, at the border, and wild. */
static const uint64_t addrs[] = {
	FAR, HIGH - 8, LOW + 4096, FAR + FAR_BYTES - 64, HOLE, UINT64_MAX - 1, TABLE, 0};
static const uint32_t lens[] = {64, 16, 0, 256, 12, 17, UINT32_MAX, 0x80000000};
static const uint16_t flag_sets[] = {0, VIRTQ_DESC_F_WRITE, VIRTQ_DESC_F_NEXT,
	VIRTQ_DESC_F_NEXT | VIRTQ_DESC_F_WRITE, VIRTQ_DESC_F_INDIRECT, VIRTQ_DESC_F_INDIRECT,
	VIRTQ_DESC_F_INDIRECT | VIRTQ_DESC_F_WRITE, VIRTQ_DESC_F_INDIRECT | VIRTQ_DESC_F_NEXT};

/* Good values more often than wild ones: else nothing gets beyond the first check. */
static uint32_t
choose(uint64_t *seed)
{
	uint32_t i = random_below(seed, 16);

	return i < 8 ? i % 4 : random_below(seed, 8);
}

static void
flip_field(struct virtq_desc *d, uint64_t *seed)
{
	uint16_t next = (uint16_t)random_below(seed, SIZE + (random_below(seed, 64) == 0));

	switch (random_below(seed, 4)) {
	case 0:
		__atomic_store_n(&d->addr, addrs[choose(seed)], __ATOMIC_RELAXED);
		break;
	case 1:
		__atomic_store_n(&d->len, lens[choose(seed)], __ATOMIC_RELAXED);
		break;
	case 2:
		__atomic_store_n(&d->flags, flag_sets[choose(seed)], __ATOMIC_RELAXED);
		break;
	default:
		__atomic_store_n(&d->next, next, __ATOMIC_RELAXED);
	}
}

static void *
flip(void *arg)
{
	struct virtq_desc *table = (struct virtq_desc *)(void *)device_ring_byte(&ring, TABLE);
	uint64_t seed = 51;

	(void)arg;
	for (uint32_t i = 0; !__atomic_load_n(&stop, __ATOMIC_RELAXED); i++) {
		uint32_t what = random_below(&seed, 64);
		uint16_t head = (uint16_t)random_below(&seed, SIZE + (what == 0));

		/* Both threads may have to share a core. */
		if (i % 256 == 0)
			sched_yield();
		if (what < 4)
			__atomic_store_n(&ring.vq.avail->ring[random_below(&seed, SIZE)], head,
				__ATOMIC_RELAXED);
		else if (what < 32)
			flip_field(&ring.vq.desc[random_below(&seed, SIZE)], &seed);
		else
			flip_field(&table[random_below(&seed, TABLE_ENTRIES)], &seed);
	}
	return NULL;
}

/* By a search of its own: is every byte of the piece where the driver's address says it is? */
static void
assert_in_map(const struct virtq_seg *s)
{
	assert_true(s->len > 0);
	assert_ptr_equal(device_ring_byte(&ring, s->guest), s->ptr);
	assert_ptr_equal(device_ring_byte(&ring, s->guest + s->len - 1), s->ptr + s->len - 1);
}

static void
check_walk(uint16_t head, uint32_t *good)
{
	struct virtq_seg segs[SIZE * 2];
	struct virtq_chain chain;
	uint64_t bytes[2] = {0, 0};
	enum virtq_fault fault = virtq_device_walk(&ring.q, head, segs, RTE_DIM(segs), &chain);

	assert_int_equal(fault != VIRTQ_FAULT_NONE && fault != VIRTQ_FAULT_CHAIN_SEGMENTS,
		virtq_device_broken(&ring.q));
	if (fault != VIRTQ_FAULT_NONE)
		return;
	(*good)++;
	for (uint32_t i = 0; i < (uint32_t)chain.nb_read + chain.nb_write; i++) {
		assert_in_map(&segs[i]);
		bytes[i >= chain.nb_read] += segs[i].len;
	}
	assert_int_equal(bytes[0], chain.read_bytes);
	assert_int_equal(bytes[1], chain.write_bytes);
}

static void
check_one(uint16_t head, uint32_t *good)
{
	struct virtq_one one;
	uint16_t flags = head & 1 ? VIRTQ_DESC_F_WRITE : 0;

	if (!virtq_device_one(&ring.q, head, flags, 12, &one))
		return;
	(*good)++;
	assert_true(one.len >= 12);
	assert_int_equal(one.flags, flags);
	assert_in_map(&(struct virtq_seg){one.ptr, one.guest, one.len});
}

/* A burst is copied, then checked: what changes in between must not matter. */
static void
check_burst(uint32_t *good)
{
	static const uint32_t min_len[4] = {12, 12, 12, 12};
	struct virtq_desc_words descs[4];

	virtq_device_descs(&ring.q, 0, 4, descs);
	for (uint16_t i = 0; i < 4; i++) {
		/* One by one: four good ones at a time are rare here. */
		if (!virtq_device_descs_straight(&ring.q, &descs[i], 1, 0, min_len, UINT32_MAX))
			continue;
		(*good)++;
		assert_true(virtq_desc_words_len(&descs[i]) >= 12);
		assert_in_map(&(struct virtq_seg){virtq_device_desc_ptr(&ring.q, &descs[i]),
			descs[i].addr, virtq_desc_words_len(&descs[i])});
	}
}

static void
device_uses_what_it_checked(void **state)
{
	uint32_t good_walks = 0;
	uint32_t good_ones = 0;
	uint32_t good_bursts = 0;
	pthread_t thread;

	(void)state;
	stop = false;
	device_ring_open(&ring, SIZE, VIRTQ_INDIRECT);
	assert_int_equal(pthread_create(&thread, NULL, flip, NULL), 0);
	/* Until enough was tried, however the threads are scheduled. */
	for (uint32_t i = 0;
		i < 3000000 || good_walks < 100000 || good_ones < 100000 || good_bursts < 10000;
		i++) {
		uint16_t head;

		if (i % 256 == 0)
			sched_yield();
		if (virtq_device_broken(&ring.q))
			virtq_device_init(&ring.q, &ring.vq, &ring.mem, (uint16_t)i);
		if (virtq_device_heads(&ring.q, &head, 1) == 1) {
			assert_true(head < SIZE);
			check_one(head, &good_ones);
			check_walk(head, &good_walks);
			if (ring.q.hit.bytes != 0)
				check_burst(&good_bursts);
		}
		virtq_device_taken(&ring.q, 1);
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	device_ring_close(&ring);
}

static void *
flip_index(void *arg)
{
	uint64_t seed = 52;

	(void)arg;
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED))
		__atomic_store_n(&ring.vq.avail->idx, (uint16_t)random_below(&seed, SIZE * 2),
			__ATOMIC_RELAXED);
	return NULL;
}

static void
index_that_changes_never_promises_more_than_the_ring(void **state)
{
	pthread_t thread;

	(void)state;
	stop = false;
	device_ring_open(&ring, SIZE, 0);
	assert_int_equal(pthread_create(&thread, NULL, flip_index, NULL), 0);
	for (uint32_t i = 0; i < 300000; i++) {
		uint16_t n;

		virtq_device_init(&ring.q, &ring.vq, &ring.mem, (uint16_t)(i % SIZE));
		n = virtq_device_avail(&ring.q, 1);
		assert_true(n <= SIZE);
		/* It may grow, it never shrinks: what was promised was seen once. */
		assert_true(virtq_device_avail(&ring.q, n) == n || n == 0);
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
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
