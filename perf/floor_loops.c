/* SPDX-License-Identifier: BSD-3-Clause */
/* Compiled once per instruction set, see meson.build: FLOOR_NAME is base, avx2 or avx512. */
#include "floor_loops.h"

#include <rte_atomic.h>
#include <rte_branch_prediction.h>
#include <rte_prefetch.h>

/* The widest register. A wider vector type would do, but gcc takes it through the stack. */
#if defined(__AVX512F__)
#define PART 64
#elif defined(__AVX2__)
#define PART 32
#else
#define PART 16
#endif
typedef uint64_t part __attribute__((vector_size(PART), may_alias));

static __rte_always_inline void
copy_lines(uint8_t *dst, const uint8_t *src, size_t len)
{
	for (size_t i = 0; i < len; i += FLOOR_LINE) {
		part p[FLOOR_LINE / PART];

		for (unsigned int k = 0; k < RTE_DIM(p); k++)
			p[k] = *(const part *)(src + i + k * PART);
		for (unsigned int k = 0; k < RTE_DIM(p); k++)
			*(part *)(dst + i + k * PART) = p[k];
		/* Keeps the loop from becoming a call of memcpy. */
		rte_compiler_barrier();
	}
}

static inline uint8_t *
slot_of(uint8_t *slots, uint64_t pos)
{
	return slots + pos % FLOOR_SLOTS * FLOOR_SLOT_SIZE;
}

static void
copy_hot(uint8_t *dst, const uint8_t *src, size_t len, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		copy_lines(dst, src, len);
}

static void
copy_slots(struct floor_ring *r, size_t len)
{
	for (unsigned int i = 0; i < FLOOR_SLOTS; i++)
		copy_lines(slot_of(r->destination, i), slot_of(r->source, i), len);
}

static __rte_always_inline void
write_slot(struct floor_ring *r, uint64_t pos, size_t len)
{
	uint8_t *slot = slot_of(r->source, pos);
	part value = {pos};

	for (size_t i = 0; i < len; i += PART)
		*(part *)(slot + i) = value;
}

static void
write_slots(struct floor_ring *r, size_t len)
{
	for (unsigned int i = 0; i < FLOOR_SLOTS; i++)
		write_slot(r, i, len);
}

static void
write_batch(struct floor_ring *r, uint64_t pos, size_t len)
{
	for (unsigned int i = 0; i < FLOOR_BATCH; i++)
		write_slot(r, pos + i, len);
}

static void
read_batch(const struct floor_ring *r, uint64_t pos, size_t len)
{
	part sum = {0};

	for (unsigned int p = 0; p < FLOOR_BATCH; p++) {
		const uint8_t *slot = slot_of((uint8_t *)(uintptr_t)r->destination, pos + p);

		for (size_t i = 0; i < len; i += FLOOR_LINE)
			sum += *(const part *)(slot + i);
	}
	__asm__ volatile("" : : "r"(sum[0]), "r"(sum[1]));
}

static void
add(struct floor_ring *r, uint64_t pos, size_t len)
{
	for (unsigned int i = 0; i < FLOOR_BATCH; i += FLOOR_PER_LINE) {
		uint64_t p = (pos + i) % FLOOR_SLOTS;
		struct floor_descs *d = &r->descs[p / FLOOR_PER_LINE];

		for (unsigned int k = 0; k < FLOOR_PER_LINE; k++) {
			d->desc[k].slot = p + k;
			d->desc[k].len = len;
		}
	}
	/* Descriptors before index; pairs with the load in forward(). */
	__atomic_store_n(&r->avail.value, pos + FLOOR_BATCH, __ATOMIC_RELEASE);
}

static __rte_always_inline void
prefetch_batch(struct floor_ring *r, uint64_t pos)
{
	for (unsigned int i = 0; i < FLOOR_BATCH; i++) {
		rte_prefetch0(slot_of(r->source, pos + i));
		rte_prefetch0_write(slot_of(r->destination, pos + i));
	}
}

static bool
forward(struct floor_ring *r, uint64_t pos, bool prefetch)
{
	if (__atomic_load_n(&r->avail.value, __ATOMIC_ACQUIRE) < pos + FLOOR_BATCH)
		return false;
	if (prefetch)
		prefetch_batch(r, pos);
	for (unsigned int i = 0; i < FLOOR_BATCH; i += FLOOR_PER_LINE) {
		const struct floor_descs *d = &r->descs[(pos + i) % FLOOR_SLOTS / FLOOR_PER_LINE];

		for (unsigned int k = 0; k < FLOOR_PER_LINE; k++)
			copy_lines(slot_of(r->destination, pos + i + k),
				slot_of(r->source, d->desc[k].slot), d->desc[k].len);
	}
	__atomic_store_n(&r->done.value, pos + FLOOR_BATCH, __ATOMIC_RELEASE);
	return true;
}

#define LOOPS_OF(name) FLOOR_JOIN(floor_loops_, name)
#define LOOPS_NAME(name) RTE_STR(name)
#define FLOOR_JOIN_(a, b) a##b
#define FLOOR_JOIN(a, b) FLOOR_JOIN_(a, b)

const struct floor_loops LOOPS_OF(FLOOR_NAME) = {
	.name = LOOPS_NAME(FLOOR_NAME),
	.copy_hot = copy_hot,
	.copy_slots = copy_slots,
	.write_slots = write_slots,
	.add = add,
	.write_batch = write_batch,
	.read_batch = read_batch,
	.forward = forward,
};
