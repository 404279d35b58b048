/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The device rewrites used entries and the used index while the driver reads them. Whatever the
 * driver saw: no buffer comes back that is not out, and no length is beyond its buffer.
 */
#include "driver_ring.h"
#include "race.h"

#define SIZE 16

static struct driver_ring ring;
static uint16_t published; /* for the flipper: what it may use without going too far */
static bool out[SIZE];
static uint32_t nb_out;

static const uint32_t lens[8] = {0, 60, 64, 64 + SIZE, 4096, UINT32_MAX, 60, 64};

/* One word of what the device owns; every bit of chance is used once. */
static void
flip(uint64_t *seed)
{
	uint32_t bits = random_next(seed);
	uint32_t slot = bits >> 2 & (SIZE - 1);
	struct virtq_used_elem *e;
	uint32_t id = bits >> 6 & (SIZE - 1);
	uint16_t idx;

	/* Often the one that the driver is about to read. */
	if (bits & 1u << 31)
		slot = __atomic_load_n(&ring.q.used_next, __ATOMIC_RELAXED) % SIZE;
	e = &ring.vq.used->ring[slot];

	switch (bits & 3) {
	case 0: /* the slot's own descriptor: as a driver in sequence expects it */
		__atomic_store_n(&e->id, slot, __ATOMIC_RELAXED);
		break;
	case 1: /* any, rarely outside the table */
		__atomic_store_n(
			&e->id, id + ((bits >> 10 & 255) == 0 ? SIZE : 0), __ATOMIC_RELAXED);
		break;
	case 2: /* mostly one that is possible */
		__atomic_store_n(&e->len, lens[(bits >> 10 & 7) == 0 ? bits >> 13 & 7 : id % 3],
			__ATOMIC_RELAXED);
		break;
	default: /* mostly what is out, sometimes too far */
		idx = __atomic_load_n(&published, __ATOMIC_RELAXED);
		__atomic_store_n(&ring.vq.used->idx,
			(uint16_t)(idx + ((bits >> 10 & 511) == 0 ? 3 : 0)), __ATOMIC_RELAXED);
	}
}

static void
give_back(const void *c, uint32_t len)
{
	uintptr_t n = (uintptr_t)c - 1;

	RACE_CHECK(n < SIZE && out[n]);
	RACE_CHECK(len <= 64 + n);
	out[n] = false;
	nb_out--;
}

static void
add_all(void)
{
	for (uintptr_t n = 0; n < SIZE; n++) {
		if (!out[n] && driver_ring_add(&ring, n) == 0) {
			out[n] = true;
			nb_out++;
		}
	}
	virtq_driver_publish(&ring.q);
	__atomic_store_n(&published, ring.q.avail_idx, __ATOMIC_RELAXED);
}

/* Burst code: check a run of entries at once, use the lengths that were read then. */
static uint16_t
get_in_sequence(void)
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
	return n;
}

static uint16_t
get_all(void)
{
	uint16_t got = 0;
	uint32_t len;
	void *c;

	if (ring.q.sequence && ring.q.batch_left == 0)
		got = get_in_sequence();
	while ((c = virtq_driver_get(&ring.q, &len)) != NULL) {
		give_back(c, len);
		got++;
	}
	RACE_CHECK(virtq_driver_outstanding(&ring.q) == nb_out);
	return got;
}

static void
detach_all(void)
{
	void *c;

	while ((c = virtq_driver_detach(&ring.q)) != NULL)
		give_back(c, 0);
	RACE_CHECK(nb_out == 0);
}

static void
run(uint32_t flags, const char *name)
{
	uint64_t faults[VIRTQ_FAULT_MAX] = {0};
	struct race race;

	published = 0;
	driver_ring_open(&ring, SIZE, flags);
	race_start(&race, flip, 121, 50000, 500000);
	while (!race_enough(&race)) {
		add_all();
		race_took(&race, get_all());
		if (!virtq_driver_broken(&ring.q))
			continue;
		faults[ring.q.fault.fault]++;
		detach_all();
		virtq_driver_init(&ring.q, &ring.vq, ring.private.mem);
		__atomic_store_n(&published, 0, __ATOMIC_RELAXED);
	}
	race_end(&race, name);
	for (uint32_t i = VIRTQ_FAULT_NONE + 1; i < VIRTQ_FAULT_MAX; i++) {
		if (faults[i] != 0)
			printf("# %s: broken and restarted %lu times: %s\n", name,
				(unsigned long)faults[i], virtq_fault_str((enum virtq_fault)i));
	}
	detach_all();
	driver_ring_close(&ring);
}

static void
driver_uses_what_it_checked(void **state)
{
	(void)state;
	run(0, "driver");
}

static void
driver_in_order_uses_what_it_checked(void **state)
{
	(void)state;
	run(VIRTQ_IN_ORDER, "driver in order");
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
