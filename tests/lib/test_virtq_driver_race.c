/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The device rewrites used entries and the used index while the driver reads them. Whatever the
 * driver saw: no buffer comes back that is not out, and no length is beyond its buffer.
 */
#include "driver_ring.h"

#include <pthread.h>
#include <sched.h>
#include <string.h>

#define SIZE 16

static struct driver_ring ring;
static bool stop;
static uint16_t published; /* for the flipper: what it may use without going too far */

static const uint32_t lens[] = {0, 60, 64, 64 + SIZE, 4096, UINT32_MAX};

static void *
flip(void *arg)
{
	uint64_t seed = 121;

	(void)arg;
	for (uint32_t i = 0; !__atomic_load_n(&stop, __ATOMIC_RELAXED); i++) {
		struct virtq_used_elem *e = &ring.vq.used->ring[random_below(&seed, SIZE)];
		uint32_t id = random_below(&seed, SIZE + (random_below(&seed, 256) == 0));
		uint32_t len = lens[random_below(&seed, random_below(&seed, 8) == 0 ? 6 : 3)];
		uint16_t idx = __atomic_load_n(&published, __ATOMIC_RELAXED);

		/* Both threads may have to share a core. */
		if (i % 256 == 0)
			sched_yield();
		switch (random_below(&seed, 4)) {
		case 0: /* the slot's own descriptor: as a driver in sequence expects it */
			id = (uint32_t)(e - ring.vq.used->ring);
			/* fall through */
		case 1:
			__atomic_store_n(&e->id, id, __ATOMIC_RELAXED);
			break;
		case 2:
			__atomic_store_n(&e->len, len, __ATOMIC_RELAXED);
			break;
		default:
			/* Mostly what is out, sometimes too far or back. */
			idx = (uint16_t)(idx + (random_below(&seed, 512) == 0 ? 3 : 0));
			__atomic_store_n(&ring.vq.used->idx, idx, __ATOMIC_RELAXED);
		}
	}
	return NULL;
}

static bool out[SIZE];
static uint32_t nb_out;

static void
give_back(const void *c, uint32_t len)
{
	uintptr_t n = (uintptr_t)c - 1;

	assert_true(n < SIZE && out[n]);
	assert_true(len <= 64 + n);
	out[n] = false;
	nb_out--;
}

/* Burst code: check a run of entries at once, use the lengths that were read then. */
static void
get_in_sequence(uint32_t *got)
{
	uint32_t copy[SIZE];
	uint16_t n = virtq_driver_used(&ring.q, SIZE);

	n = virtq_driver_seq_check(&ring.q, copy, n);
	for (uint16_t i = 0; i < n; i++) {
		uint16_t slot = (uint16_t)(ring.q.used_next + i) % SIZE;

		if (copy[i] > ring.q.descs[slot].writable) {
			n = i;
			break;
		}
		give_back(ring.q.cookies[slot], copy[i]);
	}
	virtq_driver_seq_got(&ring.q, n);
	*got += n;
}

static void
run(uint32_t flags, uint32_t wanted)
{
	pthread_t thread;
	uint32_t got = 0;
	uint32_t len;
	void *c;

	stop = false;
	published = 0;
	driver_ring_open(&ring, SIZE, flags);
	assert_int_equal(pthread_create(&thread, NULL, flip, NULL), 0);
	/* Until enough was tried, however the threads are scheduled. */
	while (got < wanted) {
		uint32_t before = got;

		for (uintptr_t n = 0; n < SIZE; n++) {
			if (!out[n] && driver_ring_add(&ring, n) == 0) {
				out[n] = true;
				nb_out++;
			}
		}
		virtq_driver_publish(&ring.q);
		__atomic_store_n(&published, ring.q.avail_idx, __ATOMIC_RELAXED);
		if (ring.q.sequence && ring.q.batch_left == 0)
			get_in_sequence(&got);
		while ((c = virtq_driver_get(&ring.q, &len)) != NULL) {
			give_back(c, len);
			got++;
		}
		assert_int_equal(virtq_driver_outstanding(&ring.q), nb_out);
		if (got == before)
			sched_yield();
		if (!virtq_driver_broken(&ring.q))
			continue;
		while ((c = virtq_driver_detach(&ring.q)) != NULL)
			give_back(c, 0);
		assert_int_equal(nb_out, 0);
		virtq_driver_init(&ring.q, &ring.vq, ring.private.mem);
		__atomic_store_n(&published, 0, __ATOMIC_RELAXED);
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	while ((c = virtq_driver_detach(&ring.q)) != NULL)
		give_back(c, 0);
	driver_ring_close(&ring);
}

static void
driver_uses_what_it_checked(void **state)
{
	(void)state;
	run(0, 200000);
}

static void
driver_in_order_uses_what_it_checked(void **state)
{
	(void)state;
	run(VIRTQ_IN_ORDER, 200000);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		UNIT(driver_uses_what_it_checked),
		UNIT(driver_in_order_uses_what_it_checked),
	};

	return RUN_UNITS("virtq_driver_race", tests);
}
