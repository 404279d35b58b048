/* SPDX-License-Identifier: BSD-3-Clause */
#include "device_ring.h"

#include <string.h>

static const struct {
	uint64_t guest;
	uint64_t bytes;
} regions[AT_REGIONS] = {{LOW, LOW_BYTES}, {HIGH, HIGH_BYTES}, {FAR, FAR_BYTES}};

void
device_ring_open(struct device_ring *r, uint32_t size, uint32_t flags)
{
	struct virtq_mem *mem = &r->mem;

	memset(r, 0, sizeof(*r));
	r->desc = guard_alloc(virtq_desc_bytes(size), VIRTQ_DESC_ALIGN);
	r->avail = guard_alloc(virtq_avail_bytes(size), VIRTQ_AVAIL_ALIGN);
	r->used = guard_alloc(virtq_used_bytes(size), VIRTQ_USED_ALIGN);
	assert_int_equal(virtq_mem_add(mem, DESC_ADDR, r->desc.bytes, r->desc.mem), 0);
	assert_int_equal(virtq_mem_add(mem, AVAIL_ADDR, r->avail.bytes, r->avail.mem), 0);
	assert_int_equal(virtq_mem_add(mem, USED_ADDR, r->used.bytes, r->used.mem), 0);
	for (size_t i = 0; i < AT_REGIONS; i++) {
		r->regions[i] = guard_alloc(regions[i].bytes, 4096);
		assert_int_equal(
			virtq_mem_add(mem, regions[i].guest, regions[i].bytes, r->regions[i].mem),
			0);
	}
	/* As the control path finds the parts: all of their bytes have to be in the map. */
	assert_int_equal(
		virtq_init(&r->vq, size, virtq_mem_ptr(mem, DESC_ADDR, virtq_desc_bytes(size)),
			virtq_mem_ptr(mem, AVAIL_ADDR, virtq_avail_bytes(size)),
			virtq_mem_ptr(mem, USED_ADDR, virtq_used_bytes(size)), flags),
		0);
	device_ring_reset(r, 0);
}

void
device_ring_reset(struct device_ring *r, uint16_t position)
{
	fake_driver_start(&r->drv, r->vq.size, r->desc.mem, r->avail.mem, r->used.mem);
	fake_driver_start_at(&r->drv, position);
	r->drv.in_order = r->vq.flags & VIRTQ_IN_ORDER;
	r->drv.event_idx = r->vq.flags & VIRTQ_EVENT_IDX;
	virtq_device_init(&r->q, &r->vq, &r->mem, position);
}

void
device_ring_close(struct device_ring *r)
{
	guard_free(&r->desc);
	guard_free(&r->avail);
	guard_free(&r->used);
	for (size_t i = 0; i < AT_REGIONS; i++)
		guard_free(&r->regions[i]);
}

uint8_t *
device_ring_byte(struct device_ring *r, uint64_t addr)
{
	for (size_t i = 0; i < AT_REGIONS; i++) {
		if (addr >= regions[i].guest && addr - regions[i].guest < regions[i].bytes)
			return r->regions[i].mem + (addr - regions[i].guest);
	}
	return NULL;
}

enum virtq_fault
device_ring_walk(
	struct device_ring *r, struct virtq_seg *segs, uint16_t max_segs, struct virtq_chain *chain)
{
	enum virtq_fault fault;
	uint16_t head;

	assert_true(virtq_device_avail(&r->q, 1) > 0);
	if (virtq_device_heads(&r->q, &head, 1) != 1)
		return r->q.fault.fault;
	fault = virtq_device_walk(&r->q, head, segs, max_segs, chain);
	if (fault == VIRTQ_FAULT_NONE || fault == VIRTQ_FAULT_CHAIN_SEGMENTS)
		virtq_device_taken(&r->q, 1);
	return fault;
}

void
device_ring_assert_pieces(struct device_ring *r, const struct fake_part *parts, uint32_t nb,
	const struct virtq_seg *segs, const struct virtq_chain *chain)
{
	uint64_t bytes[2] = {0, 0};
	uint32_t seg = 0;
	uint64_t in_seg = 0;

	for (uint32_t i = 0; i < nb; i++) {
		bytes[parts[i].writable] += parts[i].len;
		for (uint64_t b = 0; b < parts[i].len; b++) {
			assert_true(seg < (uint32_t)chain->nb_read + chain->nb_write);
			assert_int_equal(parts[i].writable, seg >= chain->nb_read);
			assert_int_equal(segs[seg].guest + in_seg, parts[i].addr + b);
			assert_ptr_equal(
				segs[seg].ptr + in_seg, device_ring_byte(r, parts[i].addr + b));
			if (++in_seg == segs[seg].len) {
				seg++;
				in_seg = 0;
			}
		}
	}
	assert_int_equal(seg, chain->nb_read + chain->nb_write);
	assert_int_equal(in_seg, 0);
	assert_int_equal(chain->read_bytes, bytes[0]);
	assert_int_equal(chain->write_bytes, bytes[1]);
}
