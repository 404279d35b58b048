/* SPDX-License-Identifier: BSD-3-Clause */
#include "hostile_driver.h"

struct device_ring ring;
struct virtq_seg segs[32768];
struct virtq_chain chain;

static uint32_t told; /* faults, since the restart */

static void
tell(const struct virtq_device *q)
{
	assert_ptr_equal(q, &ring.q);
	assert_true(virtq_device_broken(q));
	told++;
}

void
open_ring(uint32_t size, uint32_t flags)
{
	device_ring_open(&ring, size, flags);
	restart();
}

void
restart(void)
{
	fake_driver_start_at(&ring.drv, 65535);
	virtq_device_init(&ring.q, &ring.vq, &ring.mem, 65535);
	virtq_device_fault_to(&ring.q, tell);
	told = 0;
}

void
desc(uint16_t id, uint64_t addr, uint32_t len, uint16_t flags, uint16_t next)
{
	fake_desc(&ring.vq.desc[id], addr, len, flags, next);
}

void
entry(uint16_t id, uint64_t addr, uint32_t len, uint16_t flags, uint16_t next)
{
	fake_desc((struct virtq_desc *)(void *)device_ring_byte(&ring, LOW + 16u * id), addr, len,
		flags, next);
}

void
expect_fault(uint16_t head, enum virtq_fault fault, uint64_t value)
{
	struct virtq_fault_info first;
	enum virtq_fault got;
	uint16_t position = ring.q.avail_next;

	fake_driver_raw_head(&ring.drv, head);
	fake_driver_raw_head(&ring.drv, 0);
	fake_driver_show(&ring.drv);
	got = device_ring_walk(&ring, segs, RTE_DIM(segs), &chain);
	if (got != fault)
		fail_msg("expected '%s', got '%s'", virtq_fault_str(fault), virtq_fault_str(got));
	assert_int_equal(ring.q.fault.fault, fault);
	assert_int_equal(ring.q.fault.value, value);
	assert_int_equal(ring.q.fault.head, head);
	assert_int_equal(ring.q.fault.position, position);
	assert_true(virtq_device_broken(&ring.q));

	first = ring.q.fault;
	assert_int_equal(virtq_device_avail(&ring.q, 1), 0);
	fake_driver_raw_head(&ring.drv, 0xffff);
	fake_driver_show(&ring.drv);
	assert_int_equal(virtq_device_avail(&ring.q, 32), 0);
	virtq_device_set_fault(&ring.q, VIRTQ_FAULT_ADDRESS, 1, 1);
	assert_memory_equal(&first, &ring.q.fault, sizeof(first));
	assert_int_equal(told, 1);
	/* Nothing was completed. */
	assert_int_equal(ring.vq.used->idx, position);
	restart();
	assert_false(virtq_device_broken(&ring.q));
}

void
expect_bytes(uint16_t head, uint32_t read_bytes, uint32_t write_bytes)
{
	enum virtq_fault got;

	fake_driver_raw_head(&ring.drv, head);
	fake_driver_show(&ring.drv);
	got = device_ring_walk(&ring, segs, RTE_DIM(segs), &chain);
	if (got != VIRTQ_FAULT_NONE)
		fail_msg("expected no fault, got '%s'", virtq_fault_str(got));
	assert_int_equal(chain.read_bytes, read_bytes);
	assert_int_equal(chain.write_bytes, write_bytes);
	restart();
}
