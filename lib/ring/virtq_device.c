/* SPDX-License-Identifier: BSD-3-Clause */
#include "ring/virtq_device.h"

#include <string.h>

/* Where the walker is and what it has gathered. */
struct walk {
	struct virtq_device *q;
	struct virtq_seg *segs;
	struct virtq_chain *chain;
	uint64_t bytes;
	uint16_t head;
	uint16_t max_segs;
	uint16_t nb_segs;
	bool seen_writable;
};

void
virtq_device_init(
	struct virtq_device *q, const struct virtq *vq, const struct virtq_mem *mem, uint16_t base)
{
	memset(q, 0, sizeof(*q));
	q->vq = *vq;
	q->mem = mem;
	q->avail_next = base;
	q->avail_seen = base;
	q->used_next = base;
	q->used_idx = base;
}

void
virtq_device_log_to(struct virtq_device *q, virtq_log_fn *log, void *arg, uint64_t used_guest)
{
	q->log = log;
	q->log_arg = arg;
	q->log_used = used_guest;
}

void
virtq_device_fault_to(struct virtq_device *q, virtq_fault_fn *on_fault)
{
	q->on_fault = on_fault;
}

/* What it is comes last: somebody who looks at it from outside sees all or nothing. */
static void
set_fault_at(struct virtq_device *q, enum virtq_fault fault, uint16_t head, uint16_t position,
	uint64_t value)
{
	if (virtq_device_broken(q))
		return;
	q->fault.head = head;
	q->fault.position = position;
	q->fault.value = value;
	__atomic_store_n(&q->fault.fault, (uint16_t)fault, __ATOMIC_RELEASE);
	if (q->on_fault != NULL)
		q->on_fault(q);
}

__rte_cold void
virtq_device_set_fault(
	struct virtq_device *q, enum virtq_fault fault, uint16_t head, uint64_t value)
{
	set_fault_at(q, fault, head, q->avail_next, value);
}

__rte_cold uint16_t
virtq_device_bad_head(struct virtq_device *q, const uint16_t *heads, uint16_t n)
{
	uint16_t i = 0;

	while (i < n && heads[i] <= q->vq.mask)
		i++;
	if (i < n)
		set_fault_at(q, VIRTQ_FAULT_HEAD_INDEX, heads[i], (uint16_t)(q->avail_next + i),
			heads[i]);
	return i;
}

__rte_cold uint8_t *
virtq_device_find(struct virtq_device *q, uint64_t addr, uint32_t len)
{
	for (uint32_t i = 0; i < q->mem->nb_regions; i++) {
		const struct virtq_mem_region *r = &q->mem->regions[i];
		uint64_t offset = addr - r->guest;

		if (offset < r->bytes) {
			if (len > r->bytes - offset)
				return NULL;
			q->hit = *r;
			return r->host + offset;
		}
	}
	return NULL;
}

static enum virtq_fault
fail(struct walk *w, enum virtq_fault fault, uint64_t value)
{
	virtq_device_set_fault(w->q, fault, w->head, value);
	return fault;
}

/* One descriptor as read: its bytes become one piece for each region they touch. */
static enum virtq_fault
add_pieces(struct walk *w, uint64_t addr, uint32_t len, bool writable)
{
	uint64_t left = len;

	if (len > 0 && addr + (len - 1) < addr)
		return fail(w, VIRTQ_FAULT_ADDRESS, addr);
	w->bytes += len;
	if (w->bytes > UINT32_MAX)
		return fail(w, VIRTQ_FAULT_CHAIN_BYTES, w->bytes);
	if (writable)
		w->chain->write_bytes += len;
	else
		w->chain->read_bytes += len;
	while (left > 0) {
		uint64_t got;
		uint8_t *ptr = virtq_mem_piece(w->q->mem, addr, left, &got);

		if (ptr == NULL)
			return fail(w, VIRTQ_FAULT_ADDRESS, addr);
		if (w->nb_segs == w->max_segs)
			return VIRTQ_FAULT_CHAIN_SEGMENTS;
		w->segs[w->nb_segs++] = (struct virtq_seg){ptr, addr, (uint32_t)got};
		if (writable)
			w->chain->nb_write++;
		else
			w->chain->nb_read++;
		addr += got;
		left -= got;
	}
	return VIRTQ_FAULT_NONE;
}

static enum virtq_fault
add_desc(struct walk *w, const struct virtq_desc *d)
{
	bool writable = d->flags & VIRTQ_DESC_F_WRITE;

	/* Also for a length of 0: the order is a matter of the descriptors, not of their bytes. */
	if (!writable && w->seen_writable)
		return fail(w, VIRTQ_FAULT_READ_AFTER_WRITE, d->addr);
	w->seen_writable = writable;
	return add_pieces(w, d->addr, d->len, writable);
}

/* Read a descriptor, once. */
static struct virtq_desc
read_desc(const uint8_t *at)
{
	const volatile uint64_t *p = (const volatile uint64_t *)(const volatile void *)at;
	uint64_t addr = rte_le_to_cpu_64(p[0]);
	uint64_t rest = rte_le_to_cpu_64(p[1]);

	return (struct virtq_desc){
		addr, (uint32_t)rest, (uint16_t)(rest >> 32), (uint16_t)(rest >> 48)};
}

/* An entry of an indirect table that lies in two regions is put together from its pieces. */
static bool
read_table_desc(struct walk *w, uint64_t table, uint32_t i, struct virtq_desc *d)
{
	uint64_t addr = table + (uint64_t)i * sizeof(*d);
	uint64_t got;
	uint64_t copy[2];
	uint8_t *to = (uint8_t *)copy;
	uint32_t left = sizeof(copy);
	uint8_t *from = virtq_mem_piece(w->q->mem, addr, left, &got);

	if (likely(from != NULL && got == left && ((uintptr_t)from & 7) == 0)) {
		*d = read_desc(from);
		return true;
	}
	while (left > 0) {
		from = virtq_mem_piece(w->q->mem, addr, left, &got);
		if (from == NULL)
			return false;
		memcpy(to, from, got);
		to += got;
		addr += got;
		left -= (uint32_t)got;
	}
	*d = read_desc((const uint8_t *)copy);
	return true;
}

/* One more descriptor. Those of length 0 are no pieces, but work all the same. */
static enum virtq_fault
step(struct walk *w)
{
	uint32_t nb = ++w->chain->nb_desc;

	if (nb > w->q->vq.size)
		return fail(w, VIRTQ_FAULT_CHAIN_LOOP, nb);
	return nb > w->max_segs ? VIRTQ_FAULT_CHAIN_SEGMENTS : VIRTQ_FAULT_NONE;
}

static enum virtq_fault
walk_indirect(struct walk *w, uint64_t table, uint32_t table_bytes)
{
	uint32_t entries = table_bytes / sizeof(struct virtq_desc);
	uint32_t i = 0;

	if (!(w->q->vq.flags & VIRTQ_INDIRECT))
		return fail(w, VIRTQ_FAULT_INDIRECT_NOT_NEGOTIATED, table);
	if (table_bytes == 0 || table_bytes % sizeof(struct virtq_desc) != 0)
		return fail(w, VIRTQ_FAULT_INDIRECT_LENGTH, table_bytes);
	if (table + (table_bytes - 1) < table)
		return fail(w, VIRTQ_FAULT_INDIRECT_ADDRESS, table);
	for (;;) {
		enum virtq_fault fault;
		struct virtq_desc d;

		fault = step(w);
		if (fault != VIRTQ_FAULT_NONE)
			return fault;
		if (!read_table_desc(w, table, i, &d))
			return fail(w, VIRTQ_FAULT_INDIRECT_ADDRESS, table + i * sizeof(d));
		if (d.flags & VIRTQ_DESC_F_INDIRECT)
			return fail(w, VIRTQ_FAULT_INDIRECT_NESTED, i);
		fault = add_desc(w, &d);
		if (fault != VIRTQ_FAULT_NONE)
			return fault;
		if (!(d.flags & VIRTQ_DESC_F_NEXT))
			return VIRTQ_FAULT_NONE;
		if (d.next >= entries)
			return fail(w, VIRTQ_FAULT_NEXT_INDEX, d.next);
		i = d.next;
	}
}

enum virtq_fault
virtq_device_walk(struct virtq_device *q, uint16_t head, struct virtq_seg *segs, uint16_t max_segs,
	struct virtq_chain *chain)
{
	struct walk w = {.q = q, .segs = segs, .chain = chain, .head = head, .max_segs = max_segs};
	uint16_t id = head;

	*chain = (struct virtq_chain){0};
	if (head > q->vq.mask)
		return fail(&w, VIRTQ_FAULT_HEAD_INDEX, head);
	for (;;) {
		struct virtq_desc d = read_desc((const uint8_t *)&q->vq.desc[id]);
		enum virtq_fault fault;

		if (d.flags & VIRTQ_DESC_F_INDIRECT) {
			if (d.flags & VIRTQ_DESC_F_NEXT)
				return fail(&w, VIRTQ_FAULT_INDIRECT_NEXT, id);
			return walk_indirect(&w, d.addr, d.len);
		}
		fault = step(&w);
		if (fault != VIRTQ_FAULT_NONE)
			return fault;
		fault = add_desc(&w, &d);
		if (fault != VIRTQ_FAULT_NONE)
			return fault;
		if (!(d.flags & VIRTQ_DESC_F_NEXT))
			return VIRTQ_FAULT_NONE;
		if (d.next > q->vq.mask)
			return fail(&w, VIRTQ_FAULT_NEXT_INDEX, d.next);
		id = d.next;
	}
}
