/* SPDX-License-Identifier: BSD-3-Clause */
#include "ring/virtq_driver.h"

#include <string.h>

size_t
virtq_driver_bytes(uint32_t size)
{
	return (size_t)size *
	       (sizeof(void *) + sizeof(struct virtq_driver_desc) + 2 * sizeof(uint16_t));
}

void
virtq_driver_init(struct virtq_driver *q, const struct virtq *vq, void *private)
{
	uint16_t size = vq->size;
	uint8_t *p = private;

	memset(q, 0, sizeof(*q));
	q->vq = *vq;
	q->cookies = (void **)(void *)p;
	p += size * sizeof(void *);
	q->descs = (struct virtq_driver_desc *)(void *)p;
	p += size * sizeof(struct virtq_driver_desc);
	q->free_ids = (uint16_t *)(void *)p;
	q->heads = q->free_ids + size;
	memset(private, 0, virtq_driver_bytes(size));

	memset(vq->desc, 0, virtq_desc_bytes(size));
	memset(vq->avail, 0, virtq_avail_bytes(size));
	memset(vq->used, 0, virtq_used_bytes(size));
	for (uint32_t i = 0; i < size; i++)
		vq->avail->ring[i] = rte_cpu_to_le_16((uint16_t)i);
	q->nb_free = size;
	q->sequence = true;
}

__rte_cold void
virtq_driver_set_fault(
	struct virtq_driver *q, enum virtq_fault fault, uint16_t head, uint64_t value)
{
	if (virtq_driver_broken(q))
		return;
	q->fault = (struct virtq_fault_info){
		.fault = (uint16_t)fault,
		.head = head,
		.position = q->used_next,
		.value = value,
	};
}

/* Outstanding buffers keep their descriptors; the rest goes on the free list in ring order. */
__rte_cold void
virtq_driver_leave_sequence(struct virtq_driver *q)
{
	uint16_t out = virtq_driver_outstanding(q);

	if (!q->sequence)
		return;
	q->sequence = false;
	q->nb_free = (uint16_t)(q->vq.size - out);
	for (uint16_t i = 0; i < out; i++) {
		uint16_t slot = (uint16_t)(q->used_next + i) & q->vq.mask;

		q->heads[slot] = slot;
		q->descs[slot].chain = 1;
	}
	q->free_get = 0;
	q->free_put = q->nb_free & q->vq.mask;
	for (uint16_t i = 0; i < q->nb_free; i++)
		q->free_ids[i] = (uint16_t)(q->avail_next + i) & q->vq.mask;
}

uint16_t
virtq_driver_seq_count(const struct virtq_driver *q, uint32_t *lens, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		uint16_t slot = (uint16_t)(q->used_next + i) & q->vq.mask;
		uint64_t e = virtq_used_load(&q->vq.used->ring[slot]);

		lens[i] = (uint32_t)(e >> 32);
		if ((uint32_t)e != slot)
			return i;
	}
	return n;
}

static uint16_t
free_take(struct virtq_driver *q)
{
	uint16_t id = q->free_ids[q->free_get];

	q->free_get = (uint16_t)(q->free_get + 1) & q->vq.mask;
	q->nb_free--;
	return id;
}

static void
free_chain(struct virtq_driver *q, uint16_t head)
{
	uint16_t id = head;

	for (uint16_t n = q->descs[head].chain; n > 0; n--) {
		uint16_t next = q->descs[id].next;

		q->free_ids[q->free_put] = id;
		q->free_put = (uint16_t)(q->free_put + 1) & q->vq.mask;
		q->nb_free++;
		id = next;
	}
	q->descs[head].chain = 0;
}

static int
bytes_check(const struct virtq_buf *bufs, uint16_t nb_read, uint16_t nb_write, uint32_t *writable)
{
	uint64_t bytes = 0;
	uint64_t in = 0;

	for (uint32_t i = 0; i < (uint32_t)nb_read + nb_write; i++) {
		bytes += bufs[i].len;
		if (i >= nb_read)
			in += bufs[i].len;
	}
	*writable = (uint32_t)in;
	return bytes > UINT32_MAX ? -EMSGSIZE : 0;
}

static void
seq_add_one(struct virtq_driver *q, const struct virtq_buf *buf, uint16_t flags, uint32_t writable,
	void *cookie)
{
	uint16_t slot = virtq_driver_seq_slot(q, 0);

	virtq_desc_write(&q->vq.desc[slot], buf->addr, buf->len, flags);
	q->cookies[slot] = cookie;
	q->descs[slot].writable = writable;
	virtq_driver_seq_added(q, 1);
}

static void
list_add(struct virtq_driver *q, const struct virtq_buf *bufs, uint16_t nb, uint16_t nb_read,
	uint16_t extra_flags, uint32_t writable, void *cookie)
{
	uint16_t pos = q->avail_next & q->vq.mask;
	uint16_t head = q->free_ids[q->free_get];
	uint16_t id = 0;

	for (uint16_t i = 0; i < nb; i++) {
		uint16_t flags = extra_flags;

		id = free_take(q);
		if (i >= nb_read)
			flags |= VIRTQ_DESC_F_WRITE;
		virtq_desc_write(&q->vq.desc[id], bufs[i].addr, bufs[i].len, flags);
		if (i + 1 < nb) {
			uint16_t next = q->free_ids[q->free_get];

			q->vq.desc[id].flags = rte_cpu_to_le_16(flags | VIRTQ_DESC_F_NEXT);
			q->vq.desc[id].next = rte_cpu_to_le_16(next);
			q->descs[id].next = next;
		}
	}
	q->descs[head].chain = nb;
	q->descs[head].writable = writable;
	q->cookies[head] = cookie;
	q->heads[pos] = head;
	q->vq.avail->ring[pos] = rte_cpu_to_le_16(head);
	q->avail_next++;
}

static int
add(struct virtq_driver *q, const struct virtq_buf *bufs, uint16_t nb_read, uint16_t nb_write,
	uint16_t extra_flags, uint32_t writable, void *cookie)
{
	uint32_t nb = (uint32_t)nb_read + nb_write;

	if (nb == 0 || nb > q->vq.size)
		return -EMSGSIZE;
	if (q->sequence && nb == 1) {
		if (virtq_driver_seq_room(q) == 0)
			return -ENOSPC;
		if (nb_write)
			extra_flags |= VIRTQ_DESC_F_WRITE;
		seq_add_one(q, bufs, extra_flags, writable, cookie);
		return 0;
	}
	if ((q->sequence ? virtq_driver_seq_room(q) : q->nb_free) < nb)
		return -ENOSPC;
	if (q->sequence)
		virtq_driver_leave_sequence(q);
	list_add(q, bufs, (uint16_t)nb, nb_read, extra_flags, writable, cookie);
	return 0;
}

int
virtq_driver_add(struct virtq_driver *q, const struct virtq_buf *bufs, uint16_t nb_read,
	uint16_t nb_write, void *cookie)
{
	uint32_t writable;
	int ret = bytes_check(bufs, nb_read, nb_write, &writable);

	if (ret != 0)
		return ret;
	return add(q, bufs, nb_read, nb_write, 0, writable, cookie);
}

int
virtq_driver_add_indirect(struct virtq_driver *q, struct virtq_desc *table, uint64_t table_addr,
	const struct virtq_buf *bufs, uint16_t nb_read, uint16_t nb_write, void *cookie)
{
	uint32_t nb = (uint32_t)nb_read + nb_write;
	uint32_t writable;
	int ret;

	if (!(q->vq.flags & VIRTQ_INDIRECT))
		return -ENOTSUP;
	if (nb == 0 || nb > q->vq.size)
		return -EMSGSIZE;
	if ((q->sequence ? virtq_driver_seq_room(q) : q->nb_free) == 0)
		return -ENOSPC;
	ret = bytes_check(bufs, nb_read, nb_write, &writable);
	if (ret != 0)
		return ret;
	for (uint32_t i = 0; i < nb; i++) {
		virtq_desc_write(&table[i], bufs[i].addr, bufs[i].len,
			(i < nb_read ? 0 : VIRTQ_DESC_F_WRITE) |
				(i + 1 < nb ? VIRTQ_DESC_F_NEXT : 0));
		if (i + 1 < nb)
			table[i].next = rte_cpu_to_le_16((uint16_t)(i + 1));
	}
	return add(q, &(struct virtq_buf){table_addr, (uint32_t)(nb * sizeof(struct virtq_desc))},
		1, 0, VIRTQ_DESC_F_INDIRECT, writable, cookie);
}

/* The buffer at the head of the queue, for a device that has to complete in order. */
static void *
pop_head(struct virtq_driver *q, uint16_t head)
{
	void *cookie = q->cookies[head];

	q->cookies[head] = NULL;
	q->used_next++;
	if (!q->sequence)
		free_chain(q, head);
	return cookie;
}

static uint16_t
due_head(const struct virtq_driver *q, uint16_t pos)
{
	uint16_t slot = pos & q->vq.mask;

	return q->sequence ? slot : q->heads[slot];
}

/*
 * One entry may complete all buffers up to the one it names; those before it count as used
 * completely (VIRTIO 1.3, 2.7.9). How many does it complete? 0 when it names none that is due.
 */
static uint16_t
in_order_batch(const struct virtq_driver *q, uint32_t id)
{
	uint16_t n = (uint16_t)(q->used_seen - q->used_next);

	for (uint16_t i = 0; i < n; i++) {
		if (due_head(q, (uint16_t)(q->used_next + i)) == id)
			return (uint16_t)(i + 1);
	}
	return 0;
}

static void *
batch_pop(struct virtq_driver *q, uint32_t *len)
{
	uint16_t head = due_head(q, q->used_next);

	*len = --q->batch_left == 0 ? q->batch_len : q->descs[head].writable;
	return pop_head(q, head);
}

static void *
get_in_order(struct virtq_driver *q, uint32_t id, uint32_t len_said, uint32_t *len)
{
	uint16_t batch = in_order_batch(q, id);

	if (batch == 0) {
		virtq_driver_set_fault(
			q, VIRTQ_FAULT_USED_ORDER, (uint16_t)id, due_head(q, q->used_next));
		return NULL;
	}
	if (len_said > q->descs[id].writable) {
		virtq_driver_set_fault(q, VIRTQ_FAULT_USED_LENGTH, (uint16_t)id, len_said);
		return NULL;
	}
	q->batch_left = batch;
	q->batch_len = len_said;
	return batch_pop(q, len);
}

/* Does this head wait behind the index that the device was shown? The list is empty as a rule. */
static bool
unpublished(const struct virtq_driver *q, uint32_t id)
{
	for (uint16_t pos = q->avail_idx; pos != q->avail_next; pos++) {
		if (q->heads[pos & q->vq.mask] == id)
			return true;
	}
	return false;
}

static void *
get_any_order(struct virtq_driver *q, uint32_t id, uint32_t len_said, uint32_t *len)
{
	if (q->sequence && id != (q->used_next & q->vq.mask))
		virtq_driver_leave_sequence(q);
	if (!q->sequence && (q->descs[id].chain == 0 || unpublished(q, id))) {
		virtq_driver_set_fault(q, VIRTQ_FAULT_USED_ID_FREE, (uint16_t)id, id);
		return NULL;
	}
	if (len_said > q->descs[id].writable) {
		virtq_driver_set_fault(q, VIRTQ_FAULT_USED_LENGTH, (uint16_t)id, len_said);
		return NULL;
	}
	*len = len_said;
	return pop_head(q, (uint16_t)id);
}

void *
virtq_driver_get(struct virtq_driver *q, uint32_t *len)
{
	uint64_t e;
	uint32_t id;

	if (virtq_driver_used(q, 1) == 0)
		return NULL;
	if (q->batch_left != 0)
		return batch_pop(q, len);
	e = virtq_used_load(&q->vq.used->ring[q->used_next & q->vq.mask]);
	id = (uint32_t)e;
	if (id >= q->vq.size) {
		virtq_driver_set_fault(q, VIRTQ_FAULT_USED_ID_RANGE, 0, id);
		return NULL;
	}
	if (q->vq.flags & VIRTQ_IN_ORDER)
		return get_in_order(q, id, (uint32_t)(e >> 32), len);
	return get_any_order(q, id, (uint32_t)(e >> 32), len);
}

void *
virtq_driver_detach(struct virtq_driver *q)
{
	void *cookie;

	if (virtq_driver_outstanding(q) == 0)
		return NULL;
	if (q->sequence) {
		cookie = pop_head(q, q->used_next & q->vq.mask);
	} else {
		/* Goes on where the last call stopped: one round for all of them. */
		for (uint32_t i = 0; i < q->vq.mask && q->descs[q->detach_next].chain == 0; i++)
			q->detach_next = (uint16_t)(q->detach_next + 1) & q->vq.mask;
		cookie = pop_head(q, q->detach_next);
	}
	/* What the device used in the meantime must not be taken for what is left. */
	q->used_seen = q->used_next;
	q->batch_left = 0;
	return cookie;
}
