/* SPDX-License-Identifier: BSD-3-Clause */
/* Compiled once per instruction set, see meson.build: RING_ISA is base, avx2 or avx512. */
#include "ring_loops.h"

#include <rte_memcpy.h>
#include <rte_prefetch.h>

/* A constant size for the frames that fit a cache line; slots are larger than any frame. */
static __rte_always_inline void
copy_frame(uint8_t *to, const uint8_t *from, uint32_t len)
{
	if (len <= 64)
		memcpy(to, from, 64);
	else
		rte_memcpy(to, from, len);
}

/* Post n buffers of the ring's own, in sequence. */
static __rte_always_inline void
post(struct ring_end *end, uint16_t n, uint32_t len, uint16_t flags)
{
	struct virtq_driver *q = &end->driver;

	for (uint16_t i = 0; i < n; i++) {
		uint16_t slot = virtq_driver_seq_slot(q, i);
		uint8_t *buf = end->bufs + (size_t)slot * RING_SLOT;

		virtq_desc_write(&q->vq.desc[slot], (uintptr_t)buf, len, flags);
		q->cookies[slot] = buf;
	}
	virtq_driver_seq_added(q, n);
	virtq_driver_publish(q);
}

static uint16_t
add(struct ring_bench *b, uint16_t n)
{
	if (!b->tx.driver.sequence || virtq_driver_seq_room(&b->tx.driver) < n)
		return 0;
	post(&b->tx, n, b->len, 0);
	return n;
}

/* Descriptors of the next n chains, all of them plain. */
static __rte_always_inline uint16_t
look(struct virtq_device *q, uint16_t *heads, struct virtq_one *one, uint16_t n, uint16_t flags,
	uint32_t min_len)
{
	if (virtq_device_avail(q, n) < n || virtq_device_heads(q, heads, n) < n)
		return 0;
	for (uint16_t i = 0; i < n; i++) {
		if (unlikely(!virtq_device_one(q, heads[i], flags, min_len, &one[i])))
			return 0;
		rte_prefetch0(one[i].ptr);
	}
	return n;
}

static __rte_always_inline void
complete_read(struct virtq_device *q, const uint16_t *heads, uint16_t n)
{
	virtq_device_put_read(q, heads, n);
	virtq_device_taken(q, n);
	virtq_device_publish(q);
}

static __rte_always_inline void
complete_written(struct virtq_device *q, const uint16_t *heads, uint16_t n, uint32_t len)
{
	for (uint16_t i = 0; i < n; i++)
		virtq_device_put(q, heads[i], len);
	virtq_device_taken(q, n);
	virtq_device_publish(q);
}

static uint16_t
take(struct ring_bench *b, uint16_t n)
{
	struct virtq_one one[RING_MAX_BURST];
	uint16_t heads[RING_MAX_BURST];

	if (look(&b->tx.device, heads, one, n, 0, 1) == 0)
		return 0;
	for (uint16_t i = 0; i < n; i++)
		copy_frame(b->own + (size_t)i * RING_SLOT, one[i].ptr, one[i].len);
	complete_read(&b->tx.device, heads, n);
	return n;
}

static uint16_t
put(struct ring_bench *b, uint16_t n)
{
	struct virtq_one one[RING_MAX_BURST];
	uint16_t heads[RING_MAX_BURST];

	if (look(&b->rx.device, heads, one, n, VIRTQ_DESC_F_WRITE, b->len) == 0)
		return 0;
	for (uint16_t i = 0; i < n; i++)
		copy_frame(one[i].ptr, b->own + (size_t)i * RING_SLOT, b->len);
	complete_written(&b->rx.device, heads, n, b->len);
	return n;
}

static uint16_t
forward(struct ring_bench *b, uint16_t n)
{
	struct virtq_one from[RING_MAX_BURST], to[RING_MAX_BURST];
	uint16_t from_heads[RING_MAX_BURST], to_heads[RING_MAX_BURST];

	if (look(&b->tx.device, from_heads, from, n, 0, 1) == 0 ||
		look(&b->rx.device, to_heads, to, n, VIRTQ_DESC_F_WRITE, b->len) == 0)
		return 0;
	for (uint16_t i = 0; i < n; i++)
		copy_frame(to[i].ptr, from[i].ptr, from[i].len);
	complete_read(&b->tx.device, from_heads, n);
	complete_written(&b->rx.device, to_heads, n, b->len);
	return n;
}

static uint16_t
get(struct ring_bench *b, uint16_t n)
{
	struct virtq_driver *q = &b->rx.driver;
	uint32_t lens[RING_MAX_BURST];
	uint32_t wrong = 0;

	if (!q->sequence || virtq_driver_used(q, n) < n || virtq_driver_seq_check(q, lens, n) < n)
		return 0;
	for (uint16_t i = 0; i < n; i++)
		wrong |= lens[i] ^ b->len;
	if (wrong != 0)
		return 0;
	virtq_driver_seq_got(q, n);
	post(&b->rx, n, RING_SLOT, VIRTQ_DESC_F_WRITE);
	return n;
}

static uint16_t
reclaim(struct ring_bench *b, uint16_t n)
{
	struct virtq_driver *q = &b->tx.driver;
	uint32_t lens[RING_MAX_BURST];

	if (virtq_driver_used(q, n) < n)
		return 0;
	if (!(q->vq.flags & VIRTQ_IN_ORDER) && virtq_driver_seq_check(q, lens, n) < n)
		return 0;
	virtq_driver_seq_got(q, n);
	return n;
}

#define LOOPS_OF_(isa) ring_loops_##isa
#define LOOPS_OF(isa) LOOPS_OF_(isa)

const struct ring_loops LOOPS_OF(RING_ISA) = {
	.name = RTE_STR(RING_ISA),
	.add = add,
	.take = take,
	.put = put,
	.get = get,
	.reclaim = reclaim,
	.forward = forward,
};
