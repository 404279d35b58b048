/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The short ways of the device role, for a chain of one descriptor and for bursts in sequence: of
 * all pairs of descriptors they take those that a slow model says they may, and no others.
 */
#include "chain_kinds.h"
#include "ring/virtq_device_run.h"

static struct device_ring ring;
static struct values kinds[KINDS];

static void
write_desc(uint16_t id, const struct values *k)
{
	fake_desc(&ring.vq.desc[id], k->addr, k->len, k->flags, k->next);
}

/* The regions as the driver sees them, by the order of the map. */
static const struct {
	uint64_t first;
	uint64_t bytes;
} maps[AT_REGIONS] = {{LOW, LOW_BYTES}, {HIGH, HIGH_BYTES}, {FAR, FAR_BYTES}};

/* The region that holds all of a buffer; AT_REGIONS: none does. */
static uint32_t
region_of(const struct values *d)
{
	uint32_t at = 0;

	while (at < AT_REGIONS &&
		(d->addr < maps[at].first || d->addr + d->len > maps[at].first + maps[at].bytes))
		at++;
	return at;
}

/* Is it a chain of its own, of this direction and of a length that is wanted? */
static bool
model_one(const struct values *d, uint16_t flags, uint32_t min_len, uint32_t max_len)
{
	return d->len >= min_len && d->len <= max_len &&
	       (d->flags & (NEXT | WRITE | INDIRECT)) == flags;
}

/* Let the queue remember this region as the one of the last hit; AT_REGIONS: none. */
static void
hit(uint32_t region)
{
	virtq_device_init(&ring.q, &ring.vq, &ring.mem, 0);
	if (region < AT_REGIONS)
		assert_non_null(virtq_device_find(&ring.q, maps[region].first, 1));
}

/* Directions, shortest and longest lengths that may be asked for. */
static const struct want {
	uint16_t flags;
	uint32_t min_len;
	uint32_t max_len;
} wants[] = {{0, 1, UINT32_MAX}, {WRITE, 1, UINT32_MAX}, {0, 16, 31}, {WRITE, 16, 32},
	{0, 33, 0x4000}, {WRITE, UINT32_MAX, UINT32_MAX}};

static void
compare_one(const struct values *d, const struct want *w)
{
	bool good = model_one(d, w->flags, w->min_len, UINT32_MAX) && region_of(d) < AT_REGIONS;
	struct virtq_one one;

	assert_int_equal(virtq_device_one(&ring.q, 0, w->flags, w->min_len, &one), good);
	assert_false(virtq_device_broken(&ring.q));
	if (!good)
		return;
	assert_ptr_equal(one.ptr, device_ring_byte(&ring, d->addr));
	assert_int_equal(one.guest, d->addr);
	assert_int_equal(one.len, d->len);
	assert_int_equal(one.flags, w->flags);
}

static void
every_first_descriptor_is_a_whole_chain_or_not(void **state)
{
	uint32_t good = 0;

	(void)state;
	device_ring_open(&ring, SIZE, VIRTQ_INDIRECT);
	make_kinds(kinds);
	/* The second descriptor must not matter. */
	for (uint32_t odd = 0; odd < KINDS; odd += 97) {
		write_desc(1, &kinds[odd]);
		for (uint32_t even = 0; even < KINDS; even++) {
			write_desc(0, &kinds[even]);
			for (uint32_t i = 0; i < RTE_DIM(wants) * (AT_REGIONS + 1); i++) {
				hit(i % (AT_REGIONS + 1));
				compare_one(&kinds[even], &wants[i / (AT_REGIONS + 1)]);
				good += ring.q.hit.bytes != 0;
			}
		}
	}
	assert_true(good > 1000);
	device_ring_close(&ring);
}

/* Both descriptors as two chains of a burst, all regions as the last hit. */
static uint32_t
compare_bursts(const struct values *even, const struct values *odd)
{
	struct virtq_desc_words descs[2];
	uint32_t good = 0;

	virtq_device_descs(&ring.q, 0, 2, descs);
	for (uint32_t i = 0; i < RTE_DIM(wants); i++) {
		const struct want *w = &wants[i];
		const uint32_t min_len[2] = {w->min_len, w->min_len};
		bool fits = model_one(even, w->flags, w->min_len, w->max_len) &&
			    model_one(odd, w->flags, w->min_len, w->max_len);
		uint32_t at = region_of(even) == region_of(odd) ? region_of(even) : AT_REGIONS;

		for (uint32_t region = 0; region < AT_REGIONS; region++) {
			bool want = fits && region == at;
			bool got;

			ring.q.hit = ring.mem.regions[ring.mem.nb_regions - AT_REGIONS + region];
			got = virtq_device_descs_straight(
				&ring.q, descs, 2, w->flags, min_len, w->max_len);
			if (got != want)
				return UINT32_MAX;
			good += got;
			if (got && (virtq_device_desc_ptr(&ring.q, &descs[1]) !=
						   device_ring_byte(&ring, odd->addr) ||
					   virtq_desc_words_len(&descs[1]) != odd->len))
				return UINT32_MAX;
		}
	}
	return good;
}

static void
every_pair_of_descriptors_is_a_burst_or_not(void **state)
{
	uint32_t chains = 0;
	uint64_t good = 0;

	(void)state;
	device_ring_open(&ring, SIZE, VIRTQ_INDIRECT);
	make_kinds(kinds);
	for (uint32_t odd = 0; odd < KINDS; odd++) {
		write_desc(1, &kinds[odd]);
		for (uint32_t even = 0; even < KINDS; even++) {
			uint32_t n;

			write_desc(0, &kinds[even]);
			n = compare_bursts(&kinds[even], &kinds[odd]);
			if (n == UINT32_MAX)
				fail_msg("kinds %u, %u: not as the model says", even, odd);
			good += n;
			chains++;
		}
	}
	assert_int_equal(chains, CHAINS);
	assert_true(good > 1000);
	device_ring_close(&ring);
}

/* All heads of two entries, wherever the ring stands: a run, or not. */
static void
every_pair_of_heads_is_a_run_or_not(void **state)
{
	static const uint16_t heads[] = {0, 1, 2, 3, 4, 5, 0x7fff, 0x8000, 0xfffe, 0xffff};

	(void)state;
	device_ring_open(&ring, SIZE, 0);
	for (uint32_t i = 0; i < RTE_DIM(heads) * RTE_DIM(heads) * SIZE; i++) {
		uint16_t pos = (uint16_t)(i % SIZE);
		uint16_t a = heads[i / SIZE % RTE_DIM(heads)];
		uint16_t b = heads[i / SIZE / RTE_DIM(heads)];
		bool run = a + 1 == b && b < SIZE && pos + 1 < SIZE;
		uint16_t got[2];
		uint16_t first = 0;

		virtq_device_init(&ring.q, &ring.vq, &ring.mem, pos);
		ring.vq.avail->ring[pos] = rte_cpu_to_le_16(a);
		ring.vq.avail->ring[(pos + 1) % SIZE] = rte_cpu_to_le_16(b);
		/* What lies behind the last entry looks as if it went on. */
		*virtq_used_event(&ring.vq) = rte_cpu_to_le_16((uint16_t)(a + 1));
		assert_int_equal(virtq_device_heads_run(&ring.q, 2, &first), run);
		assert_true(!run || first == a);
		/* The way for one by one stops before the first that is outside. */
		assert_int_equal(
			virtq_device_heads(&ring.q, got, 2), a >= SIZE ? 0 : (b >= SIZE ? 1 : 2));
		assert_int_equal(virtq_device_broken(&ring.q), a >= SIZE || b >= SIZE);
		if (virtq_device_broken(&ring.q))
			assert_int_equal(ring.q.fault.value, a >= SIZE ? a : b);
	}
	device_ring_close(&ring);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		UNIT(every_first_descriptor_is_a_whole_chain_or_not),
		UNIT(every_pair_of_descriptors_is_a_burst_or_not),
		UNIT(every_pair_of_heads_is_a_run_or_not),
	};

	return RUN_UNITS("virtq_device_exhaustive_short", tests);
}
