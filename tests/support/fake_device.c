/* SPDX-License-Identifier: BSD-3-Clause */
#include "support/fake_device.h"

#include <string.h>

void
fake_device_start(
	struct fake_device *d, uint32_t size, const void *desc, const void *avail, void *used)
{
	memset(d, 0, sizeof(*d));
	d->size = size;
	d->desc = desc;
	d->avail = avail;
	d->used = used;
}

static bool
complain(struct fake_device *d, const char *text)
{
	if (d->complaint == NULL)
		d->complaint = text;
	return false;
}

static bool
add_part(struct fake_device *d, struct fake_chain *c, const struct virtq_desc *desc)
{
	bool writable = rte_le_to_cpu_16(desc->flags) & VIRTQ_DESC_F_WRITE;
	uint32_t len = rte_le_to_cpu_32(desc->len);

	if (c->nb == d->size)
		return complain(d, "chain is longer than the queue size");
	if (c->nb > 0 && c->parts[c->nb - 1].writable && !writable)
		return complain(d, "readable behind writable");
	c->parts[c->nb].addr = rte_le_to_cpu_64(desc->addr);
	c->parts[c->nb].len = len;
	c->parts[c->nb].writable = writable;
	c->nb++;
	if (writable)
		c->write_bytes += len;
	else
		c->read_bytes += len;
	if (c->read_bytes + c->write_bytes > UINT64_C(1) << 32)
		return complain(d, "chain is more than 2^32 bytes");
	return true;
}

static bool
read_table(struct fake_device *d, struct fake_chain *c, const struct virtq_desc *ref)
{
	const struct virtq_desc *table =
		(const struct virtq_desc *)(uintptr_t)rte_le_to_cpu_64(ref->addr);
	uint32_t bytes = rte_le_to_cpu_32(ref->len);
	uint32_t i = 0;

	c->indirect = true;
	if (!d->indirect)
		return complain(d, "INDIRECT was not negotiated");
	if (rte_le_to_cpu_16(ref->flags) & VIRTQ_DESC_F_NEXT)
		return complain(d, "INDIRECT and NEXT");
	if (bytes == 0 || bytes % 16 != 0)
		return complain(d, "bytes of an indirect table");
	for (;;) {
		uint16_t flags = rte_le_to_cpu_16(table[i].flags);

		if (flags & VIRTQ_DESC_F_INDIRECT)
			return complain(d, "indirect table in an indirect table");
		if (!add_part(d, c, &table[i]))
			return false;
		if (!(flags & VIRTQ_DESC_F_NEXT))
			return true;
		/* 2.7.7: sequential under IN_ORDER; our driver has no reason to jump without. */
		if (rte_le_to_cpu_16(table[i].next) != i + 1)
			return complain(d, "entries of an indirect table are not in sequence");
		if (++i >= bytes / 16)
			return complain(d, "next leaves the indirect table");
	}
}

/* Under IN_ORDER descriptors are used in ring order (2.7.5, 2.7.13.1). */
static bool
check_order(struct fake_device *d, uint32_t id)
{
	if (d->in_order && id != d->order_pos % d->size)
		return complain(d, "descriptors are not used in ring order");
	d->order_pos++;
	return true;
}

bool
fake_device_take(struct fake_device *d, struct fake_chain *c)
{
	uint16_t idx = rte_le_to_cpu_16(__atomic_load_n(&d->avail->idx, __ATOMIC_SEQ_CST));
	uint32_t id;

	if (idx == d->avail_pos)
		return false;
	if ((uint16_t)(idx - d->used_pos) > d->size)
		return complain(d, "more outstanding than the queue size");
	id = rte_le_to_cpu_16(d->avail->ring[d->avail_pos % d->size]);
	c->head = (uint16_t)id;
	c->nb = 0;
	c->read_bytes = 0;
	c->write_bytes = 0;
	c->indirect = false;
	for (;;) {
		const struct virtq_desc *desc;
		uint16_t flags;

		if (id >= d->size)
			return complain(d, "descriptor outside the table");
		if (!check_order(d, id))
			return false;
		desc = &d->desc[id];
		flags = rte_le_to_cpu_16(desc->flags);
		if (flags & VIRTQ_DESC_F_INDIRECT) {
			if (!read_table(d, c, desc))
				return false;
			break;
		}
		if (!add_part(d, c, desc))
			return false;
		if (!(flags & VIRTQ_DESC_F_NEXT))
			break;
		id = rte_le_to_cpu_16(desc->next);
	}
	d->avail_pos++;
	return true;
}

void
fake_device_use(struct fake_device *d, uint32_t id, uint32_t len)
{
	fake_device_use_batch(d, id, len, 1);
}

void
fake_device_use_batch(struct fake_device *d, uint32_t id, uint32_t len, uint16_t n)
{
	struct virtq_used_elem *e = &d->used->ring[d->used_pos % d->size];

	e->id = rte_cpu_to_le_32(id);
	e->len = rte_cpu_to_le_32(len);
	d->used_pos = (uint16_t)(d->used_pos + n);
}

void
fake_device_show(struct fake_device *d)
{
	fake_device_raw_idx(d, d->used_pos);
}

void
fake_device_raw_idx(struct fake_device *d, uint16_t idx)
{
	__atomic_store_n(&d->used->idx, rte_cpu_to_le_16(idx), __ATOMIC_SEQ_CST);
}
