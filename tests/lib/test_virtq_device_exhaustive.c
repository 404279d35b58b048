/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Every chain that two descriptors can make out of 8 flags, 6 links, 7 lengths and 3 addresses:
 * 1,016,064 chains, each with the outcome that a slow model of the standard says, in the main
 * table and in an indirect one.
 */
#include "chain_kinds.h"

static struct device_ring ring;
static struct values kinds[KINDS];

/* What the model says of a chain. */
struct outcome {
	enum virtq_fault fault;
	uint64_t value;
	uint64_t read_bytes;
	uint64_t write_bytes;
};

static struct outcome
broken(enum virtq_fault fault, uint64_t value)
{
	return (struct outcome){.fault = fault, .value = value};
}

/* The first byte of a buffer that is not mapped, or 0. */
static uint64_t
missing_byte(uint64_t addr, uint64_t len)
{
	static const struct {
		uint64_t first;
		uint64_t end;
	} mapped[] = {{LOW, HIGH + HIGH_BYTES}, {FAR, FAR + FAR_BYTES}};

	if (len == 0)
		return 0;
	for (size_t i = 0; i < RTE_DIM(mapped); i++) {
		if (addr >= mapped[i].first && addr < mapped[i].end)
			return addr + len > mapped[i].end ? mapped[i].end : 0;
	}
	return addr;
}

/* One descriptor that is no reference to a table: sums and faults. */
static void
model_buffer(struct outcome *o, const struct values *d, bool *writable)
{
	uint64_t missing = missing_byte(d->addr, d->len);

	if (*writable && !(d->flags & WRITE)) {
		*o = broken(VIRTQ_FAULT_READ_AFTER_WRITE, d->addr);
		return;
	}
	*writable = d->flags & WRITE;
	*(*writable ? &o->write_bytes : &o->read_bytes) += d->len;
	if (o->read_bytes + o->write_bytes > UINT32_MAX)
		*o = broken(VIRTQ_FAULT_CHAIN_BYTES, o->read_bytes + o->write_bytes);
	else if (missing != 0)
		*o = broken(VIRTQ_FAULT_ADDRESS, missing);
}

/*
 * The main table and every indirect table that is mapped hold the same: one kind at even indices,
 * the other at odd ones. So a walk goes through the same two, whichever table it is in.
 * table_entries: the walk begins in a table of so many; 0: in the main one.
 */
static struct outcome
model(const struct values *even, const struct values *odd, bool indirect, uint32_t table_entries)
{
	struct outcome o = {.fault = VIRTQ_FAULT_NONE};
	const struct values *d = even;
	bool in_table = table_entries != 0;
	uint32_t entries = in_table ? table_entries : SIZE;
	bool writable = false;
	uint32_t id = 0;
	uint32_t steps = 0;

	for (;;) {
		if ((d->flags & INDIRECT) && !in_table) {
			if (d->flags & NEXT)
				return broken(VIRTQ_FAULT_INDIRECT_NEXT, id);
			if (!indirect)
				return broken(VIRTQ_FAULT_INDIRECT_NOT_NEGOTIATED, d->addr);
			if (d->len == 0 || d->len % 16 != 0)
				return broken(VIRTQ_FAULT_INDIRECT_LENGTH, d->len);
			if (d->addr == HOLE)
				return broken(VIRTQ_FAULT_INDIRECT_ADDRESS, HOLE);
			in_table = true;
			entries = d->len / 16;
			id = 0;
			d = even;
			continue;
		}
		if (++steps > SIZE)
			return broken(VIRTQ_FAULT_CHAIN_LOOP, SIZE + 1);
		if (d->flags & INDIRECT)
			return broken(VIRTQ_FAULT_INDIRECT_NESTED, id);
		model_buffer(&o, d, &writable);
		if (o.fault != VIRTQ_FAULT_NONE || !(d->flags & NEXT))
			return o;
		if (d->next >= entries)
			return broken(VIRTQ_FAULT_NEXT_INDEX, d->next);
		id = d->next;
		d = id % 2 ? odd : even;
	}
}

/* Write a kind to every second entry of all tables, from the first on. */
static void
write_tables(uint32_t first, const struct values *k)
{
	struct virtq_desc d;

	fake_desc(&d, k->addr, k->len, k->flags, k->next);
	for (uint32_t id = first; id < SIZE; id += 2)
		ring.vq.desc[id] = d;
	/* No link goes beyond entry 4 of a table. */
	for (uint32_t id = first; id < 5; id += 2) {
		*(struct virtq_desc *)(void *)device_ring_byte(&ring, kind_addrs[0] + 16 * id) = d;
		*(struct virtq_desc *)(void *)device_ring_byte(&ring, kind_addrs[1] + 16 * id) = d;
	}
}

static void
compare_pieces(
	const struct outcome *want, const struct virtq_seg *segs, const struct virtq_chain *chain)
{
	uint64_t bytes = 0;

	assert_int_equal(chain->read_bytes, want->read_bytes);
	assert_int_equal(chain->write_bytes, want->write_bytes);
	for (uint32_t i = 0; i < (uint32_t)chain->nb_read + chain->nb_write; i++) {
		const struct virtq_seg *s = &segs[i];

		bytes += s->len;
		assert_ptr_equal(device_ring_byte(&ring, s->guest), s->ptr);
		assert_ptr_equal(
			device_ring_byte(&ring, s->guest + s->len - 1), s->ptr + s->len - 1);
	}
	assert_int_equal(bytes, want->read_bytes + want->write_bytes);
}

static void
compare(uint32_t even, uint32_t odd, enum virtq_fault got, const struct outcome *want,
	const struct virtq_seg *segs, const struct virtq_chain *chain)
{
	if (got != want->fault || ring.q.fault.value != want->value)
		fail_msg("kinds %u, %u: expected '%s' (%lx), got '%s' (%lx)", even, odd,
			virtq_fault_str(want->fault), (unsigned long)want->value,
			virtq_fault_str(got), (unsigned long)ring.q.fault.value);
	if (got == VIRTQ_FAULT_NONE)
		compare_pieces(want, segs, chain);
}

static void
walk_all(uint32_t flags, uint32_t *seen)
{
	struct virtq_seg segs[2 * SIZE];
	struct virtq_chain chain;
	uint32_t sum = 0;

	device_ring_open(&ring, SIZE, flags);
	make_kinds(kinds);
	for (uint32_t odd = 0; odd < KINDS; odd++) {
		write_tables(1, &kinds[odd]);
		for (uint32_t even = 0; even < KINDS; even++) {
			struct outcome want =
				model(&kinds[even], &kinds[odd], flags & VIRTQ_INDIRECT, 0);
			enum virtq_fault got;

			write_tables(0, &kinds[even]);
			virtq_device_init(&ring.q, &ring.vq, &ring.mem, 0);
			got = virtq_device_walk(&ring.q, 0, segs, RTE_DIM(segs), &chain);
			compare(even, odd, got, &want, segs, &chain);
			seen[got]++;
		}
	}
	for (uint32_t i = 0; i < VIRTQ_FAULT_MAX; i++)
		sum += seen[i];
	assert_int_equal(sum, CHAINS);
	device_ring_close(&ring);
}

/* A table of up to 5 entries, byte by byte: it may begin anywhere and lie in two regions. */
static uint8_t *table_bytes[5 * 16];

static void
write_entries(uint32_t first, const struct values *k)
{
	struct virtq_desc d;
	uint8_t bytes[16];

	fake_desc(&d, k->addr, k->len, k->flags, k->next);
	memcpy(bytes, &d, sizeof(bytes));
	for (uint32_t id = first; id < 5; id += 2) {
		for (uint32_t b = 0; b < 16; b++)
			*table_bytes[16 * id + b] = bytes[b];
	}
}

/* As walk_all(), but the head refers to a table and the two descriptors are in there. */
static void
walk_all_in_table(uint64_t table, uint32_t entries, uint32_t *seen)
{
	struct virtq_seg segs[2 * SIZE];
	struct virtq_chain chain;

	device_ring_open(&ring, SIZE, VIRTQ_INDIRECT);
	make_kinds(kinds);
	for (uint32_t b = 0; b < RTE_DIM(table_bytes); b++)
		table_bytes[b] = device_ring_byte(&ring, table + b);
	fake_desc(&ring.vq.desc[0], table, 16 * entries, INDIRECT, 0);
	for (uint32_t odd = 0; odd < KINDS; odd++) {
		write_entries(1, &kinds[odd]);
		for (uint32_t even = 0; even < KINDS; even++) {
			struct outcome want = model(&kinds[even], &kinds[odd], true, entries);
			enum virtq_fault got;

			write_entries(0, &kinds[even]);
			virtq_device_init(&ring.q, &ring.vq, &ring.mem, 0);
			got = virtq_device_walk(&ring.q, 0, segs, RTE_DIM(segs), &chain);
			compare(even, odd, got, &want, segs, &chain);
			seen[got]++;
		}
	}
	device_ring_close(&ring);
}

static void
every_chain_in_a_table_has_its_outcome(void **state)
{
	static const enum virtq_fault faults[] = {VIRTQ_FAULT_NONE, VIRTQ_FAULT_NEXT_INDEX,
		VIRTQ_FAULT_CHAIN_LOOP, VIRTQ_FAULT_CHAIN_BYTES, VIRTQ_FAULT_ADDRESS,
		VIRTQ_FAULT_READ_AFTER_WRITE, VIRTQ_FAULT_INDIRECT_NESTED};
	/* An entry that lies in two regions; entries at odd addresses. */
	static const struct {
		uint64_t addr;
		uint32_t entries;
	} tables[] = {{HIGH - 24, 5}, {FAR + 5, 3}};

	(void)state;
	for (uint32_t t = 0; t < RTE_DIM(tables); t++) {
		uint32_t seen[VIRTQ_FAULT_MAX] = {0};
		uint32_t sum = 0;

		walk_all_in_table(tables[t].addr, tables[t].entries, seen);
		for (size_t i = 0; i < RTE_DIM(faults); i++)
			assert_true(seen[faults[i]] > 500);
		for (uint32_t i = 0; i < VIRTQ_FAULT_MAX; i++)
			sum += seen[i];
		assert_int_equal(sum, CHAINS);
	}
}

static void
every_chain_of_two_descriptors_has_its_outcome(void **state)
{
	static const enum virtq_fault faults[] = {VIRTQ_FAULT_NONE, VIRTQ_FAULT_NEXT_INDEX,
		VIRTQ_FAULT_CHAIN_LOOP, VIRTQ_FAULT_CHAIN_BYTES, VIRTQ_FAULT_ADDRESS,
		VIRTQ_FAULT_READ_AFTER_WRITE, VIRTQ_FAULT_INDIRECT_NEXT,
		VIRTQ_FAULT_INDIRECT_NESTED, VIRTQ_FAULT_INDIRECT_LENGTH,
		VIRTQ_FAULT_INDIRECT_ADDRESS};
	uint32_t seen[VIRTQ_FAULT_MAX] = {0};

	(void)state;
	COVERS("SR-DEV-006");
	COVERS("SR-DEV-007");
	COVERS("SR-FACT-020");
	walk_all(VIRTQ_INDIRECT, seen);
	/* Else the kinds do not reach what they are for. */
	for (size_t i = 0; i < RTE_DIM(faults); i++)
		assert_true(seen[faults[i]] > 1000);
}

static void
every_chain_has_its_outcome_without_indirect_tables(void **state)
{
	uint32_t seen[VIRTQ_FAULT_MAX] = {0};

	(void)state;
	walk_all(0, seen);
	assert_true(seen[VIRTQ_FAULT_INDIRECT_NOT_NEGOTIATED] > 1000);
	assert_int_equal(seen[VIRTQ_FAULT_INDIRECT_NESTED], 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		UNIT(every_chain_of_two_descriptors_has_its_outcome),
		UNIT(every_chain_has_its_outcome_without_indirect_tables),
		UNIT(every_chain_in_a_table_has_its_outcome),
	};

	return RUN_UNITS("virtq_device_exhaustive", tests);
}
