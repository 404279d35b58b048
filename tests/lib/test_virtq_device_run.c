/* SPDX-License-Identifier: BSD-3-Clause */
/* Bursts in sequence: what the vector loops let pass is what looking one by one lets pass. */
#include "device_ring.h"
#include "ring/virtq_device_run.h"

#include <string.h>

#define RING 64

static struct device_ring ring;
static uint64_t seed = 1;

/* Remember a region as the last hit, as the first buffer in it does. */
static void
hit(uint64_t addr)
{
	assert_non_null(virtq_device_find(&ring.q, addr, 1));
}

static bool
straight(uint16_t n, uint16_t flags, const uint32_t *min_len, uint32_t max_len)
{
	struct virtq_desc_words descs[VIRTQ_BURST_MAX];

	virtq_device_descs(&ring.q, 0, n, descs);
	return virtq_device_descs_straight(&ring.q, descs, n, flags, min_len, max_len);
}

/* Inside the last hit, by 128-bit numbers: nothing wraps around. */
static bool
slowly(const struct virtq_desc *d, uint16_t flags, uint32_t min_len, uint32_t max_len)
{
	__extension__ typedef unsigned __int128 wide;
	wide begin = d->addr, end = begin + d->len, base = ring.q.hit.guest;

	return (d->flags & 7) == flags && d->len >= min_len && d->len <= max_len && begin >= base &&
	       end <= base + ring.q.hit.bytes;
}

static uint64_t
some_address(void)
{
	static const uint64_t corners[] = {0, 1, LOW, HIGH, HIGH + HIGH_BYTES, FAR, FAR + FAR_BYTES,
		UINT64_C(1) << 62, UINT64_C(1) << 63, UINT64_MAX};
	uint64_t addr = corners[random_below(&seed, RTE_DIM(corners))];

	/* Around a corner, or at a distance where differences change their sign. */
	addr += random_below(&seed, 64);
	addr -= random_below(&seed, 64);
	if (random_below(&seed, 4) == 0)
		addr += UINT64_C(1) << random_below(&seed, 64);
	return addr;
}

static uint32_t
some_length(void)
{
	static const uint32_t corners[] = {0, 1, 26, 27, 1514, 9228, 9229, (uint32_t)LOW_BYTES,
		(uint32_t)HIGH_BYTES, INT32_MAX, UINT32_MAX};

	return corners[random_below(&seed, RTE_DIM(corners))] + random_below(&seed, 3) - 1;
}

static void
one_bad_descriptor_spoils_the_burst_and_only_a_bad_one(void **state)
{
	static const uint16_t wants[] = {0, VIRTQ_DESC_F_WRITE};
	uint32_t min_len[VIRTQ_BURST_MAX];
	uint32_t passed = 0, refused = 0;

	(void)state;
	COVERS("SR-FACT-012");
	device_ring_open(&ring, RING, 0);
	for (uint32_t round = 0; round < 400000; round++) {
		uint16_t want = wants[round & 1];
		uint16_t n = (uint16_t)(1 + random_below(&seed, VIRTQ_BURST_MAX));
		uint16_t bad = (uint16_t)random_below(&seed, n);
		uint32_t max_len = random_below(&seed, 2) ? UINT32_MAX : 9228;
		bool good;

		hit(round % 3 == 0 ? LOW : round % 3 == 1 ? HIGH : FAR);
		for (uint16_t i = 0; i < n; i++) {
			min_len[i] = 27;
			fake_desc(&ring.vq.desc[i], ring.q.hit.guest + 64 * i, 64, want, 0);
		}
		fake_desc(&ring.vq.desc[bad],
			random_below(&seed, 2) ? some_address()
					       : ring.q.hit.guest + random_below(&seed, 64),
			some_length(),
			random_below(&seed, 4) ? want : (uint16_t)random_below(&seed, 8), 7);
		min_len[bad] = 1 + random_below(&seed, 1600);
		good = slowly(&ring.vq.desc[bad], want, min_len[bad], max_len);
		if (straight(n, want, min_len, max_len) != good)
			fail_msg("address %#lx length %u flags %u in region %#lx of %#lx bytes: %s",
				ring.vq.desc[bad].addr, ring.vq.desc[bad].len,
				ring.vq.desc[bad].flags, ring.q.hit.guest, ring.q.hit.bytes,
				good ? "refused" : "let pass");
		passed += good;
		refused += !good;
	}
	/* Both happened often enough to mean something. */
	assert_true(passed > 1000);
	assert_true(refused > 1000);
	device_ring_close(&ring);
}

static void
heads_in_a_row_are_found_and_others_are_not(void **state)
{
	uint16_t first;

	(void)state;
	device_ring_open(&ring, RING, 0);
	for (uint32_t start = 0; start < 65536; start += 61) {
		device_ring_reset(&ring, (uint16_t)start);
		for (uint16_t n = 1; n <= VIRTQ_BURST_MAX; n++) {
			uint16_t pos = (uint16_t)start % RING;
			uint16_t head = (uint16_t)((start * 7) % RING);
			bool wraps = pos + n > RING || head + n > RING;

			for (uint16_t i = 0; i < n; i++)
				ring.vq.avail->ring[(pos + i) % RING] = (uint16_t)(head + i);
			assert_int_equal(virtq_device_heads_run(&ring.q, n, &first), !wraps);
			if (wraps)
				continue;
			assert_int_equal(first, head);
			for (uint16_t i = n > 1 ? 0 : n; i < n; i++) {
				ring.vq.avail->ring[pos + i] ^= 0x40;
				assert_false(virtq_device_heads_run(&ring.q, n, &first));
				ring.vq.avail->ring[pos + i] ^= 0x40;
			}
		}
	}
	/* A run that begins outside the table is none. */
	device_ring_reset(&ring, 0);
	ring.vq.avail->ring[0] = RING;
	assert_false(virtq_device_heads_run(&ring.q, 1, &first));
	ring.vq.avail->ring[0] = UINT16_MAX;
	assert_false(virtq_device_heads_run(&ring.q, 1, &first));
	device_ring_close(&ring);
}

static void
used_entries_of_a_run_are_those_of_single_ones(void **state)
{
	uint32_t lens[VIRTQ_BURST_MAX];

	(void)state;
	device_ring_open(&ring, RING, 0);
	for (uint32_t start = 0; start < 65536; start += 17) {
		uint16_t n = (uint16_t)(1 + random_below(&seed, VIRTQ_BURST_MAX));
		uint16_t first = (uint16_t)random_below(&seed, RING - n + 1u);

		device_ring_reset(&ring, (uint16_t)start);
		for (uint16_t i = 0; i < n; i++)
			lens[i] = random_below(&seed, UINT32_MAX);
		virtq_device_put_run(&ring.q, first, lens, n);
		assert_int_equal(ring.q.used_next, (uint16_t)(start + n));
		assert_int_equal(ring.vq.used->idx, (uint16_t)start);
		for (uint16_t i = 0; i < n; i++) {
			const struct virtq_used_elem *e =
				&ring.vq.used->ring[(uint16_t)(start + i) % RING];

			assert_int_equal(e->id, first + i);
			assert_int_equal(e->len, lens[i]);
		}
	}
	device_ring_close(&ring);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		UNIT(one_bad_descriptor_spoils_the_burst_and_only_a_bad_one),
		UNIT(heads_in_a_row_are_found_and_others_are_not),
		UNIT(used_entries_of_a_run_are_those_of_single_ones),
	};

	return RUN_UNITS("virtq_device_run", tests);
}
