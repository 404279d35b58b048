/* SPDX-License-Identifier: BSD-3-Clause */
#include "support/fake_driver.h"

#include <string.h>

void
fake_driver_start(struct fake_driver *d, uint32_t size, void *desc, void *avail, void *used)
{
	/* Not the whole of it: it is large, and tests start small rings often. */
	memset(d, 0, offsetof(struct fake_driver, busy));
	memset(d->busy, 0, size * sizeof(d->busy[0]));
	memset(d->count, 0, size * sizeof(d->count[0]));
	d->size = size;
	d->desc = desc;
	d->avail = avail;
	d->used = used;
	memset(desc, 0, 16 * (size_t)size);
	memset(avail, 0, 6 + 2 * (size_t)size);
	memset(used, 0, 6 + 8 * (size_t)size);
}

void
fake_driver_start_at(struct fake_driver *d, uint16_t base)
{
	d->avail_idx = base;
	d->shown = base;
	d->used_pos = base;
	d->avail->idx = rte_cpu_to_le_16(base);
	d->used->idx = rte_cpu_to_le_16(base);
}

void
fake_desc(struct virtq_desc *d, uint64_t addr, uint32_t len, uint16_t flags, uint16_t next)
{
	d->addr = rte_cpu_to_le_64(addr);
	d->len = rte_cpu_to_le_32(len);
	d->flags = rte_cpu_to_le_16(flags);
	d->next = rte_cpu_to_le_16(next);
}

/* Descriptors in ring order under IN_ORDER, scattered over the table without it. */
static uint16_t
find_free(struct fake_driver *d)
{
	uint32_t step = d->in_order || d->size < 8 ? 1 : 5;

	while (d->busy[d->cursor])
		d->cursor = (d->cursor + step) % d->size;
	d->busy[d->cursor] = true;
	d->nb_busy++;
	return (uint16_t)d->cursor;
}

static void
list_head(struct fake_driver *d, uint16_t head)
{
	d->order[d->avail_idx] = head;
	fake_driver_raw_head(d, head);
}

int
fake_driver_offer(struct fake_driver *d, const struct fake_part *parts, uint32_t nb)
{
	uint32_t head = 0;
	uint32_t before = 0;

	if (nb == 0 || d->size - d->nb_busy < nb)
		return -1;
	for (uint32_t i = 0; i < nb; i++) {
		uint16_t id = find_free(d);
		uint16_t flags = parts[i].writable ? VIRTQ_DESC_F_WRITE : 0;

		/* What stands in next of the last one has no meaning: let it be nonsense. */
		fake_desc(&d->desc[id], parts[i].addr, parts[i].len, flags, 0xffff);
		if (i == 0) {
			head = id;
			d->writable[head] = 0;
		} else {
			d->next[before] = id;
			d->desc[before].next = rte_cpu_to_le_16(id);
			d->desc[before].flags |= rte_cpu_to_le_16(VIRTQ_DESC_F_NEXT);
		}
		if (parts[i].writable)
			d->writable[head] += parts[i].len;
		before = id;
	}
	d->count[head] = (uint16_t)nb;
	list_head(d, (uint16_t)head);
	return (int)head;
}

int
fake_driver_offer_indirect(struct fake_driver *d, const struct fake_part *parts, uint32_t nb_direct,
	void *table, uint64_t table_addr, uint32_t nb_table, uint16_t extra_flags)
{
	struct fake_part all[256];
	struct virtq_desc entry;
	uint32_t writable = 0;
	uint16_t id;
	int head;

	memcpy(all, parts, nb_direct * sizeof(*parts));
	all[nb_direct] = (struct fake_part){table_addr, 16 * nb_table, false};
	head = fake_driver_offer(d, all, nb_direct + 1);
	if (head < 0)
		return head;
	id = (uint16_t)head;
	for (uint32_t i = 0; i < nb_direct; i++)
		id = d->next[id];
	d->desc[id].flags = rte_cpu_to_le_16(VIRTQ_DESC_F_INDIRECT | extra_flags);
	for (uint32_t i = 0; i < nb_table; i++) {
		const struct fake_part *p = &parts[nb_direct + i];
		bool last = i + 1 == nb_table;

		fake_desc(&entry, p->addr, p->len,
			(uint16_t)((p->writable ? VIRTQ_DESC_F_WRITE : 0) |
				   (last ? 0 : VIRTQ_DESC_F_NEXT)),
			(uint16_t)(last ? 0xffff : i + 1));
		/* The table needs no alignment of its own. */
		memcpy((uint8_t *)table + 16 * (size_t)i, &entry, 16);
		writable += p->writable ? p->len : 0;
	}
	d->writable[head] += writable;
	return head;
}

void
fake_driver_raw_head(struct fake_driver *d, uint16_t head)
{
	d->avail->ring[d->avail_idx % d->size] = rte_cpu_to_le_16(head);
	d->avail_idx++;
}

void
fake_driver_show(struct fake_driver *d)
{
	d->shown = d->avail_idx;
	__atomic_store_n(&d->avail->idx, rte_cpu_to_le_16(d->avail_idx), __ATOMIC_SEQ_CST);
}

static bool
complain(struct fake_driver *d, const char *text)
{
	if (d->complaint == NULL)
		d->complaint = text;
	return false;
}

/* Give back the descriptors of a chain and its place in the ring. */
static void
release(struct fake_driver *d, uint32_t head)
{
	uint16_t id = (uint16_t)head;

	for (uint16_t i = 0; i < d->count[head]; i++) {
		d->busy[id] = false;
		d->nb_busy--;
		id = d->next[id];
	}
	d->count[head] = 0;
	d->used_pos++;
}

bool
fake_driver_take(struct fake_driver *d, uint32_t *id, uint32_t *len)
{
	uint16_t idx = rte_le_to_cpu_16(__atomic_load_n(&d->used->idx, __ATOMIC_SEQ_CST));
	uint16_t there = (uint16_t)(idx - d->used_pos);
	uint16_t out = (uint16_t)(d->shown - d->used_pos);
	const struct virtq_used_elem *e = &d->used->ring[d->used_pos % d->size];
	uint32_t due = d->order[d->used_pos];

	if (there == 0)
		return false;
	if (there > out)
		return complain(d, "more used than was made available");
	if (d->batch_left == 0) {
		*id = rte_le_to_cpu_32(e->id);
		*len = rte_le_to_cpu_32(e->len);
		if (*id >= d->size || d->count[*id] == 0)
			return complain(d, "used id is not outstanding");
		if (*len > d->writable[*id])
			return complain(d, "used length is more than the buffer can take");
		if (!d->in_order) {
			release(d, *id);
			return true;
		}
		while (d->order[(uint16_t)(d->used_pos + d->batch_left)] != *id) {
			if (++d->batch_left == there)
				return complain(d, "used out of order");
		}
		d->batch_left++;
		d->batch_len = *len;
	}
	*id = due;
	*len = --d->batch_left == 0 ? d->batch_len : d->writable[due];
	release(d, due);
	return true;
}
