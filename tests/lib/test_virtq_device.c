/* SPDX-License-Identifier: BSD-3-Clause */
/* Device role: the walker, against a driver that keeps to the standard in every way it may. */
#include "device_ring.h"

#include <string.h>
#include <sys/mman.h>

static struct device_ring ring;
static struct virtq_seg segs[1024];
static struct virtq_chain chain;

static void
walk(void)
{
	enum virtq_fault fault = device_ring_walk(&ring, segs, RTE_DIM(segs), &chain);

	if (fault != VIRTQ_FAULT_NONE)
		fail_msg("walk: %s", virtq_fault_str(fault));
}

/* Complete what was walked and see it arrive. */
static void
complete(uint32_t head, uint32_t len)
{
	uint32_t got_head;
	uint32_t got_len;

	virtq_device_put(&ring.q, (uint16_t)head, len);
	virtq_device_publish(&ring.q);
	assert_true(fake_driver_take(&ring.drv, &got_head, &got_len));
	assert_int_equal(got_head, head);
	assert_int_equal(got_len, len);
	assert_null(ring.drv.complaint);
}

/* Parts of random place and length, readable ones first; some of length 0, some over a border. */
static uint32_t
random_parts(uint64_t *seed, struct fake_part *parts, uint32_t max)
{
	uint32_t nb = 1 + random_below(seed, max);
	uint32_t nb_read = random_below(seed, nb + 1);

	for (uint32_t i = 0; i < nb; i++) {
		struct fake_part *p = &parts[i];

		p->len = random_below(seed, 3) ? random_below(seed, 200) : 0;
		p->writable = i >= nb_read;
		switch (random_below(seed, 4)) {
		case 0: /* LOW and HIGH are one to the driver */
			p->addr = HIGH - random_below(seed, 200);
			break;
		case 1:
			p->addr = FAR + random_below(seed, FAR_BYTES - 200);
			break;
		case 2: /* up to the last byte */
			p->addr = FAR + FAR_BYTES - p->len;
			break;
		default:
			p->addr = LOW + random_below(seed, LOW_BYTES + HIGH_BYTES - 200);
		}
		if (p->len == 0 && random_below(seed, 2))
			p->addr = HOLE; /* nobody looks at it */
	}
	return nb;
}

static void
chain_is_walked_to_its_pieces_in_order(void **state)
{
	struct fake_part parts[16];
	uint64_t seed = 21;

	(void)state;
	COVERS("SR-DEV-001");
	COVERS("SR-FACT-010");
	COVERS("SR-FACT-012");
	COVERS("SR-FACT-016");
	device_ring_open(&ring, 16, 0);
	for (uint32_t i = 0; i < 70000; i++) {
		uint32_t nb = random_parts(&seed, parts, 16);
		int head = fake_driver_offer(&ring.drv, parts, nb);

		assert_true(head >= 0);
		fake_driver_show(&ring.drv);
		walk();
		device_ring_assert_pieces(&ring, parts, nb, segs, &chain);
		complete((uint32_t)head, chain.write_bytes);
	}
	device_ring_close(&ring);
}

static void
indirect_table_follows_any_number_of_direct_descriptors(void **state)
{
	struct fake_part parts[16];
	uint64_t seed = 22;

	(void)state;
	COVERS("SR-DEV-006");
	COVERS("SR-DEV-007");
	COVERS("SR-FACT-018");
	COVERS("SR-FACT-020");
	COVERS("SR-FACT-021");
	COVERS("SR-FACT-022");
	device_ring_open(&ring, 16, VIRTQ_INDIRECT);
	for (uint32_t i = 0; i < 70000; i++) {
		uint32_t nb = random_parts(&seed, parts, 15);
		uint32_t nb_table = 1 + random_below(&seed, nb);
		uint64_t table = FAR + 8 * random_below(&seed, 100);
		/* WRITE on the descriptor of the table means nothing, wherever it stands. */
		uint16_t flags = random_below(&seed, 2) ? VIRTQ_DESC_F_WRITE : 0;
		int head = fake_driver_offer_indirect(&ring.drv, parts, nb - nb_table,
			device_ring_byte(&ring, table), table, nb_table, flags);

		assert_true(head >= 0);
		fake_driver_show(&ring.drv);
		walk();
		device_ring_assert_pieces(&ring, parts, nb, segs, &chain);
		complete((uint32_t)head, chain.write_bytes);
	}
	device_ring_close(&ring);
}

static void
indirect_table_may_be_linked_in_any_order(void **state)
{
	static const uint16_t order[] = {0, 5, 2, 7, 1, 6};
	struct virtq_desc *table;
	struct fake_part parts[6];

	(void)state;
	COVERS("SR-FACT-020");
	device_ring_open(&ring, 8, VIRTQ_INDIRECT);
	table = (struct virtq_desc *)(void *)device_ring_byte(&ring, LOW);
	for (uint16_t i = 0; i < 6; i++) {
		parts[i] = (struct fake_part){LOW + 1024 + 10 * i, 10, i > 3};
		fake_desc(&table[order[i]], parts[i].addr, 10,
			(i > 3 ? VIRTQ_DESC_F_WRITE : 0) | (i < 5 ? VIRTQ_DESC_F_NEXT : 0),
			i < 5 ? order[i + 1] : 0);
	}
	fake_desc(&ring.vq.desc[3], LOW, 8 * 16, VIRTQ_DESC_F_INDIRECT, 0);
	fake_driver_raw_head(&ring.drv, 3);
	fake_driver_show(&ring.drv);
	walk();
	device_ring_assert_pieces(&ring, parts, 6, segs, &chain);
	device_ring_close(&ring);
}

static void
buffer_over_two_regions_is_served_by_pieces(void **state)
{
	(void)state;
	device_ring_open(&ring, 4, 0);
	assert_ptr_not_equal(ring.regions[AT_LOW].mem + LOW_BYTES, ring.regions[AT_HIGH].mem);
	for (uint32_t before = 0; before <= 64; before++) {
		for (uint32_t after = 0; after <= 64; after++) {
			struct fake_part part = {HIGH - before, before + after, before & 1};
			int head = fake_driver_offer(&ring.drv, &part, 1);

			fake_driver_show(&ring.drv);
			walk();
			assert_int_equal(
				chain.nb_read + chain.nb_write, (before > 0) + (after > 0));
			device_ring_assert_pieces(&ring, &part, 1, segs, &chain);
			complete((uint32_t)head, 0);
		}
	}
	device_ring_close(&ring);
}

static void
indirect_table_over_two_regions_is_read_whole(void **state)
{
	struct fake_part parts[4] = {
		{LOW, 11, false}, {FAR, 22, false}, {LOW + 64, 33, true}, {FAR + 64, 44, true}};

	(void)state;
	device_ring_open(&ring, 8, VIRTQ_INDIRECT);
	/* The border cuts the table before, inside and behind every entry, at every byte of it. */
	for (uint32_t before = 0; before <= 64; before++) {
		uint8_t copy[64];
		int head =
			fake_driver_offer_indirect(&ring.drv, parts, 0, copy, HIGH - before, 4, 0);

		for (uint32_t i = 0; i < 64; i++)
			*device_ring_byte(&ring, HIGH - before + i) = copy[i];
		fake_driver_show(&ring.drv);
		walk();
		device_ring_assert_pieces(&ring, parts, 4, segs, &chain);
		complete((uint32_t)head, 77);
	}
	device_ring_close(&ring);
}

static void
message_is_the_same_however_it_is_cut(void **state)
{
	uint64_t seed = 23;
	uint8_t message[300];

	(void)state;
	COVERS("SR-DEV-001");
	COVERS("SR-FACT-010");
	COVERS("SR-FACT-011");
	device_ring_open(&ring, 512, VIRTQ_INDIRECT);
	for (uint32_t i = 0; i < sizeof(message); i++) {
		message[i] = (uint8_t)random_next(&seed);
		*device_ring_byte(&ring, HIGH - 150 + i) = message[i];
	}
	for (uint32_t round = 0; round < 3000; round++) {
		struct fake_part parts[300];
		uint8_t got[sizeof(message)];
		uint32_t most = round % 7 == 0 ? 1 : 1 + random_below(&seed, 100);
		uint32_t at = 0;
		uint32_t nb = 0;
		int head;

		while (at < sizeof(message)) {
			uint32_t len = 1 + random_below(&seed, most);

			len = RTE_MIN(len, (uint32_t)sizeof(message) - at);
			parts[nb++] = (struct fake_part){HIGH - 150 + at, len, false};
			at += len;
		}
		head = fake_driver_offer(&ring.drv, parts, nb);
		fake_driver_show(&ring.drv);
		walk();
		assert_int_equal(chain.read_bytes, sizeof(message));
		at = 0;
		for (uint32_t i = 0; i < chain.nb_read; i++) {
			memcpy(got + at, segs[i].ptr, segs[i].len);
			at += segs[i].len;
		}
		assert_memory_equal(got, message, sizeof(message));
		complete((uint32_t)head, 0);
	}
	device_ring_close(&ring);
}

static void
chain_of_more_parts_than_asked_for_is_left_to_the_caller(void **state)
{
	struct fake_part parts[16];

	(void)state;
	COVERS("SR-DEV-002");
	device_ring_open(&ring, 16, 0);
	for (uint16_t nb = 1; nb <= 16; nb++) {
		for (uint16_t max = 0; max <= 17; max++) {
			enum virtq_fault want =
				max < nb ? VIRTQ_FAULT_CHAIN_SEGMENTS : VIRTQ_FAULT_NONE;
			struct virtq_seg few[18];
			int head;

			for (uint16_t i = 0; i < nb; i++)
				parts[i] = (struct fake_part){LOW + 100 * i, 10, i & 8};
			head = fake_driver_offer(&ring.drv, parts, nb);
			fake_driver_show(&ring.drv);
			memset(few, 0xa5, sizeof(few));
			assert_int_equal(device_ring_walk(&ring, few, max, &chain), want);
			/* Nothing behind the last place was written. */
			for (uint16_t i = max; i < 18; i++)
				assert_int_equal(few[i].len, 0xa5a5a5a5);
			assert_false(virtq_device_broken(&ring.q));
			complete((uint32_t)head, 0);
		}
	}
	device_ring_close(&ring);
}

/* One descriptor, of every kind: the short way says no, or the same as the walker. */
static void
short_way_for_one_descriptor_agrees_with_the_walker(void **state)
{
	static const uint64_t addrs[] = {LOW, LOW + 1, HIGH - 1, HIGH, HIGH + HIGH_BYTES - 1, FAR,
		FAR + FAR_BYTES - 64, FAR + FAR_BYTES, HOLE, 0, UINT64_MAX, UINT64_MAX - 63};
	static const uint32_t lens[] = {0, 1, 11, 12, 63, 64, 65, 0x3000, 0x8000, UINT32_MAX};

	(void)state;
	device_ring_open(&ring, 4, VIRTQ_INDIRECT);
	for (uint16_t flags = 0; flags < 16; flags++) {
		for (uint32_t n = 0; n < RTE_DIM(addrs) * RTE_DIM(lens) * 4; n++) {
			uint64_t addr = addrs[n / 4 % RTE_DIM(addrs)];
			uint32_t len = lens[n / 4 / RTE_DIM(addrs)];
			uint16_t wanted = n & 1 ? VIRTQ_DESC_F_WRITE : 0;
			uint32_t min_len = n & 2 ? 12 : 1;
			uint8_t *first = device_ring_byte(&ring, addr);
			struct virtq_one one;
			bool whole = true;
			bool yes;

			virtq_device_init(&ring.q, &ring.vq, &ring.mem, 0);
			fake_desc(&ring.vq.desc[1], addr, len, flags, 2);
			for (uint64_t b = 0; b < len && whole; b++)
				whole = first != NULL &&
					device_ring_byte(&ring, addr + b) == first + b;
			whole = whole && first != NULL;
			yes = virtq_device_one(&ring.q, 1, wanted, min_len, &one);
			/* Flag bits that the standard does not name mean nothing. */
			assert_int_equal(yes, (flags & 7) == wanted && len >= min_len && whole);
			assert_false(virtq_device_broken(&ring.q));
			if (!yes)
				continue;
			assert_int_equal(
				virtq_device_walk(&ring.q, 1, segs, 4, &chain), VIRTQ_FAULT_NONE);
			assert_int_equal(chain.nb_read + chain.nb_write, 1);
			assert_int_equal(chain.nb_write, wanted ? 1 : 0);
			assert_ptr_equal(one.ptr, segs[0].ptr);
			assert_int_equal(one.len, segs[0].len);
			assert_int_equal(one.guest, segs[0].guest);
			/* And again from the region of the last hit. */
			assert_true(virtq_device_one(&ring.q, 1, wanted, min_len, &one));
			assert_ptr_equal(one.ptr, segs[0].ptr);
		}
	}
	device_ring_close(&ring);
}

static void
protect(struct guard *g, int prot)
{
	assert_int_equal(mprotect(g->map + 4096, g->map_bytes - 2 * 4096, prot), 0);
}

static void
device_writes_the_used_ring_only_and_reads_no_writable_buffer(void **state)
{
	struct fake_part parts[3] = {{LOW, 100, false}, {LOW + 200, 50, false}, {FAR, 60, true}};
	uint32_t len;
	uint32_t id;
	int head[2];

	(void)state;
	COVERS("SR-DEV-003");
	COVERS("SR-DEV-004");
	COVERS("SR-FACT-003");
	COVERS("SR-FACT-026");
	COVERS("SR-FACT-036");
	device_ring_open(&ring, 8, VIRTQ_INDIRECT | VIRTQ_EVENT_IDX);
	head[0] = fake_driver_offer(&ring.drv, parts, 3);
	head[1] = fake_driver_offer_indirect(
		&ring.drv, parts, 1, device_ring_byte(&ring, LOW + 4096), LOW + 4096, 2, 0);
	fake_driver_show(&ring.drv);
	protect(&ring.desc, PROT_READ);
	protect(&ring.avail, PROT_READ);
	protect(&ring.regions[AT_LOW], PROT_READ);
	protect(&ring.regions[AT_FAR], PROT_NONE);
	for (uint32_t i = 0; i < 2; i++) {
		walk();
		assert_int_equal(chain.read_bytes, 150);
		assert_int_equal(chain.write_bytes, 60);
		virtq_device_put(&ring.q, (uint16_t)head[i], 0);
	}
	assert_true(virtq_device_publish(&ring.q));
	virtq_device_kicks_off(&ring.q);
	virtq_device_kicks_on(&ring.q);
	protect(&ring.desc, PROT_READ | PROT_WRITE);
	protect(&ring.avail, PROT_READ | PROT_WRITE);
	protect(&ring.regions[AT_LOW], PROT_READ | PROT_WRITE);
	protect(&ring.regions[AT_FAR], PROT_READ | PROT_WRITE);
	for (uint32_t i = 0; i < 2; i++) {
		assert_true(fake_driver_take(&ring.drv, &id, &len));
		assert_int_equal(id, head[i]);
	}
	device_ring_close(&ring);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		UNIT(chain_is_walked_to_its_pieces_in_order),
		UNIT(indirect_table_follows_any_number_of_direct_descriptors),
		UNIT(indirect_table_may_be_linked_in_any_order),
		UNIT(buffer_over_two_regions_is_served_by_pieces),
		UNIT(indirect_table_over_two_regions_is_read_whole),
		UNIT(message_is_the_same_however_it_is_cut),
		UNIT(chain_of_more_parts_than_asked_for_is_left_to_the_caller),
		UNIT(short_way_for_one_descriptor_agrees_with_the_walker),
		UNIT(device_writes_the_used_ring_only_and_reads_no_writable_buffer),
	};

	return RUN_UNITS("virtq_device", tests);
}
