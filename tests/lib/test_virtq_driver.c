/* SPDX-License-Identifier: BSD-3-Clause */
/* Driver role against a device that keeps to the standard, in every way it may. */
#include "driver_ring.h"

#include <string.h>

static const uint32_t sizes[] = {2, 4, 8, 256, 1024, 32768};

static struct driver_ring ring;
static struct fake_chain chain;

static void
take(void)
{
	if (!fake_device_take(&ring.dev, &chain))
		fail_msg("device: %s", ring.dev.complaint ? ring.dev.complaint : "nothing there");
}

static void
fresh_ring_is_empty_and_wants_notifications(void **state)
{
	uint32_t len;

	(void)state;
	COVERS("SR-DRV-017");
	COVERS("SR-FACT-027");
	COVERS("SR-FACT-039");
	for (size_t i = 0; i < RTE_DIM(sizes); i++) {
		driver_ring_open(&ring, sizes[i], 0);
		memset(ring.used.mem, 0xff, ring.used.bytes);
		memset(ring.avail.mem, 0xff, ring.avail.bytes);
		driver_ring_reset(&ring);
		assert_int_equal(ring.vq.used->flags, 0);
		assert_int_equal(ring.vq.used->idx, 0);
		assert_int_equal(ring.vq.avail->flags, 0);
		assert_int_equal(ring.vq.avail->idx, 0);
		assert_null(virtq_driver_get(&ring.q, &len));
		assert_false(virtq_driver_broken(&ring.q));
		driver_ring_close(&ring);
	}
}

static void
buffer_is_invisible_until_published_and_comes_back(void **state)
{
	uint32_t len = 7;

	(void)state;
	COVERS("SR-FACT-009");
	COVERS("SR-FACT-026");
	COVERS("SR-FACT-037");
	driver_ring_open(&ring, 8, 0);
	assert_int_equal(driver_ring_add(&ring, 5), 0);
	assert_false(fake_device_take(&ring.dev, &chain));
	assert_true(virtq_driver_publish(&ring.q));
	take();
	assert_int_equal(chain.nb, 1);
	assert_int_equal(chain.parts[0].addr, 0x100000 + 4096 * 5);
	assert_int_equal(chain.parts[0].len, 64 + 5);
	assert_true(chain.parts[0].writable);
	assert_null(virtq_driver_get(&ring.q, &len));
	fake_device_use(&ring.dev, chain.head, 60);
	assert_null(virtq_driver_get(&ring.q, &len));
	fake_device_show(&ring.dev);
	assert_ptr_equal(virtq_driver_get(&ring.q, &len), cookie(5));
	assert_int_equal(len, 60);
	assert_null(virtq_driver_get(&ring.q, &len));
	driver_ring_close(&ring);
}

static void
publishing_nothing_kicks_nobody(void **state)
{
	(void)state;
	for (uint32_t flags = 0; flags <= VIRTQ_EVENT_IDX; flags += VIRTQ_EVENT_IDX) {
		driver_ring_open(&ring, 8, flags);
		assert_false(virtq_driver_publish(&ring.q));
		assert_int_equal(driver_ring_add(&ring, 0), 0);
		assert_true(virtq_driver_publish(&ring.q));
		assert_false(virtq_driver_publish(&ring.q));
		driver_ring_close(&ring);
	}
}

static void
question_asked_late_is_about_all_that_was_shown(void **state)
{
	(void)state;
	for (uint16_t event = 0; event < 5; event++) {
		driver_ring_open(&ring, 8, VIRTQ_EVENT_IDX);
		virtq_hint_store(virtq_avail_event(&ring.q.vq), event);
		for (unsigned int i = 0; i < 3; i++) {
			assert_int_equal(driver_ring_add(&ring, i), 0);
			virtq_driver_show(&ring.q);
			take();
		}
		/* The index went from 0 to 3. */
		assert_int_equal(virtq_driver_kick_due(&ring.q), event < 3);
		assert_false(virtq_driver_kick_due(&ring.q));
		/* And to 4, published at once. */
		assert_int_equal(driver_ring_add(&ring, 3), 0);
		assert_int_equal(virtq_driver_publish(&ring.q), event == 3);
		driver_ring_close(&ring);
	}
}

static void
ring_bytes_stand_where_the_standard_puts_them(void **state)
{
	struct virtq_buf bufs[2] = {{0x1122334455667788, 0x99aabbcc}, {0x10, 0x20}};
	const uint8_t first[16] = {
		0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 0xcc, 0xbb, 0xaa, 0x99, 1, 0, 1, 0};
	const uint8_t second[16] = {0x10, 0, 0, 0, 0, 0, 0, 0, 0x20, 0, 0, 0, 2, 0, 0, 0};
	uint8_t *used;
	uint32_t len;

	(void)state;
	COVERS("SR-FACT-012");
	COVERS("SR-FACT-014");
	COVERS("SR-FACT-015");
	COVERS("SR-FACT-023");
	COVERS("SR-FACT-032");
	COVERS("SR-FACT-035");
	driver_ring_open(&ring, 4, 0);
	assert_int_equal(virtq_driver_add(&ring.q, bufs, 1, 1, cookie(0)), 0);
	virtq_driver_publish(&ring.q);
	assert_memory_equal(ring.desc.mem, first, 16);
	assert_memory_equal(ring.desc.mem + 16, second, 16);
	assert_memory_equal(ring.avail.mem, "\0\0\1\0\0\0", 6);
	used = ring.used.mem;
	memcpy(used + 4, "\0\0\0\0\x1f\0\0\0", 8);
	memcpy(used + 2, "\1\0", 2);
	assert_ptr_equal(virtq_driver_get(&ring.q, &len), cookie(0));
	assert_int_equal(len, 0x1f);
	driver_ring_close(&ring);
}

/* Fill the ring with chains of nb descriptors, try one too many, compare every byte. */
static void
fill_and_overfill(uint32_t size, uint16_t nb, uint32_t flags)
{
	static uint8_t before[32768 * 16 + 6 + 32768 * 2 + 6 + 32768 * 8];
	struct virtq_buf bufs[4] = {{4096, 1}, {8192, 2}, {12288, 3}, {16384, 4}};
	struct virtq_desc table[4];
	uint8_t *at = before;

	driver_ring_open(&ring, size, flags);
	for (uint32_t i = 0; i < size / nb; i++)
		assert_int_equal(virtq_driver_add(&ring.q, bufs, nb, 0, cookie(i)), 0);
	memcpy(at, ring.desc.mem, ring.desc.bytes);
	memcpy(at + ring.desc.bytes, ring.avail.mem, ring.avail.bytes);
	memcpy(at + ring.desc.bytes + ring.avail.bytes, ring.used.mem, ring.used.bytes);
	for (uint16_t n = (uint16_t)(size % nb + 1); n <= nb && n <= size; n++)
		assert_int_equal(virtq_driver_add(&ring.q, bufs, 0, n, cookie(9)), -ENOSPC);
	if ((flags & VIRTQ_INDIRECT) && size % nb == 0) {
		memset(table, 0xa5, sizeof(table));
		assert_int_equal(virtq_driver_add_indirect(
					 &ring.q, table, (uintptr_t)table, bufs, 1, 1, cookie(9)),
			-ENOSPC);
		assert_int_equal(table[0].len, 0xa5a5a5a5);
	}
	assert_int_equal(virtq_driver_outstanding(&ring.q), size / nb);
	assert_memory_equal(at, ring.desc.mem, ring.desc.bytes);
	assert_memory_equal(at + ring.desc.bytes, ring.avail.mem, ring.avail.bytes);
	assert_memory_equal(
		at + ring.desc.bytes + ring.avail.bytes, ring.used.mem, ring.used.bytes);
	virtq_driver_publish(&ring.q);
	for (uint32_t i = 0; i < size / nb; i++)
		take();
	assert_false(fake_device_take(&ring.dev, &chain));
	assert_null(ring.dev.complaint);
	driver_ring_close(&ring);
}

static void
full_ring_refuses_and_stays_unchanged(void **state)
{
	(void)state;
	COVERS("SR-FACT-007");
	COVERS("SR-FACT-017");
	for (size_t i = 0; i < RTE_DIM(sizes); i++) {
		fill_and_overfill(sizes[i], 1, 0);
		fill_and_overfill(sizes[i], 1, VIRTQ_IN_ORDER);
		fill_and_overfill(sizes[i], 2, VIRTQ_INDIRECT);
		if (sizes[i] > 2)
			fill_and_overfill(sizes[i], 3, VIRTQ_INDIRECT | VIRTQ_IN_ORDER);
	}
}

static void
chain_longer_than_the_queue_is_refused(void **state)
{
	struct virtq_buf bufs[9] = {{0}};
	struct virtq_desc table[9];

	(void)state;
	COVERS("SR-DRV-008");
	driver_ring_open(&ring, 8, VIRTQ_INDIRECT);
	assert_int_equal(virtq_driver_add(&ring.q, bufs, 9, 0, cookie(0)), -EMSGSIZE);
	assert_int_equal(virtq_driver_add(&ring.q, bufs, 4, 5, cookie(0)), -EMSGSIZE);
	assert_int_equal(virtq_driver_add(&ring.q, bufs, 0, 0, cookie(0)), -EMSGSIZE);
	assert_int_equal(
		virtq_driver_add_indirect(&ring.q, table, 0, bufs, 4, 5, cookie(0)), -EMSGSIZE);
	assert_int_equal(
		virtq_driver_add_indirect(&ring.q, table, 0, bufs, 0, 0, cookie(0)), -EMSGSIZE);
	assert_int_equal(virtq_driver_outstanding(&ring.q), 0);
	assert_int_equal(virtq_driver_add(&ring.q, bufs, 4, 4, cookie(0)), 0);
	virtq_driver_publish(&ring.q);
	take();
	assert_int_equal(chain.nb, 8);
	driver_ring_close(&ring);
}

static void
chain_of_2_to_the_32_bytes_is_refused(void **state)
{
	struct virtq_buf bufs[3] = {{0, UINT32_MAX}, {0, 0}, {0, 0}};
	struct virtq_desc table[3];

	(void)state;
	COVERS("SR-DRV-004");
	COVERS("SR-DRV-005");
	driver_ring_open(&ring, 8, VIRTQ_INDIRECT);
	bufs[2].len = 1;
	assert_int_equal(virtq_driver_add(&ring.q, bufs, 3, 0, cookie(0)), -EMSGSIZE);
	assert_int_equal(virtq_driver_add(&ring.q, bufs, 1, 2, cookie(0)), -EMSGSIZE);
	assert_int_equal(
		virtq_driver_add_indirect(&ring.q, table, 0, bufs, 2, 1, cookie(0)), -EMSGSIZE);
	assert_int_equal(virtq_driver_outstanding(&ring.q), 0);
	bufs[2].len = 0;
	assert_int_equal(virtq_driver_add(&ring.q, bufs, 1, 2, cookie(0)), 0);
	virtq_driver_publish(&ring.q);
	take();
	assert_int_equal(chain.read_bytes, UINT32_MAX);
	driver_ring_close(&ring);
}

static void
readable_parts_come_before_writable_ones(void **state)
{
	(void)state;
	COVERS("SR-DRV-002");
	COVERS("SR-FACT-016");
	driver_ring_open(&ring, 16, 0);
	for (uint16_t nb_read = 0; nb_read <= 5; nb_read++) {
		for (uint16_t nb_write = nb_read == 0; nb_write <= 5; nb_write++) {
			struct virtq_buf bufs[10];
			uint32_t len;

			for (uint32_t i = 0; i < 10; i++)
				bufs[i] = (struct virtq_buf){i, 100 + i};
			assert_int_equal(
				virtq_driver_add(&ring.q, bufs, nb_read, nb_write, cookie(1)), 0);
			virtq_driver_publish(&ring.q);
			take();
			assert_int_equal(chain.nb, nb_read + nb_write);
			for (uint32_t i = 0; i < chain.nb; i++) {
				assert_int_equal(chain.parts[i].addr, i);
				assert_int_equal(chain.parts[i].len, 100 + i);
				assert_int_equal(chain.parts[i].writable, i >= nb_read);
			}
			fake_device_use(&ring.dev, chain.head, (uint32_t)chain.write_bytes);
			fake_device_show(&ring.dev);
			assert_ptr_equal(virtq_driver_get(&ring.q, &len), cookie(1));
			assert_int_equal(len, chain.write_bytes);
		}
	}
	driver_ring_close(&ring);
}

static void
indirect_table_is_one_level_and_takes_one_descriptor(void **state)
{
	struct virtq_buf bufs[8];
	static struct virtq_desc tables[16][8];
	uint32_t len;

	(void)state;
	COVERS("SR-DRV-003");
	COVERS("SR-DRV-007");
	COVERS("SR-DRV-009");
	COVERS("SR-FACT-018");
	COVERS("SR-FACT-019");
	COVERS("SR-FACT-020");
	COVERS("SR-FACT-021");
	for (uint32_t i = 0; i < 8; i++)
		bufs[i] = (struct virtq_buf){4096 * i, 10 + i};
	for (uint32_t flags = 0; flags <= VIRTQ_IN_ORDER; flags += VIRTQ_IN_ORDER) {
		driver_ring_open(&ring, 16, VIRTQ_INDIRECT | flags);
		for (uint32_t i = 0; i < 16; i++)
			assert_int_equal(virtq_driver_add_indirect(&ring.q, tables[i],
						 (uintptr_t)tables[i], bufs, 5, 3, cookie(i)),
				0);
		virtq_driver_publish(&ring.q);
		for (uint32_t i = 0; i < 16; i++) {
			take();
			assert_true(chain.indirect);
			assert_int_equal(chain.nb, 8);
			assert_int_equal(chain.write_bytes, 15 + 16 + 17);
			assert_int_equal(chain.parts[7].addr, 4096 * 7);
			fake_device_use(&ring.dev, chain.head, 15 + 16 + 17);
		}
		fake_device_show(&ring.dev);
		for (uint32_t i = 0; i < 16; i++) {
			assert_ptr_equal(virtq_driver_get(&ring.q, &len), cookie(i));
			assert_int_equal(len, 15 + 16 + 17);
		}
		driver_ring_close(&ring);
	}
}

static void
indirect_table_is_refused_where_it_was_not_negotiated(void **state)
{
	struct virtq_buf buf = {4096, 1};
	struct virtq_desc table[1] = {{0}};

	(void)state;
	COVERS("SR-DRV-006");
	driver_ring_open(&ring, 8, VIRTQ_EVENT_IDX | VIRTQ_IN_ORDER);
	assert_int_equal(
		virtq_driver_add_indirect(&ring.q, table, 4096, &buf, 1, 0, cookie(0)), -ENOTSUP);
	assert_int_equal(virtq_driver_outstanding(&ring.q), 0);
	assert_int_equal(table[0].addr, 0);
	driver_ring_close(&ring);
}

static void
driver_that_is_told_of_nothing_new_finds_nothing(void **state)
{
	uint32_t len;

	(void)state;
	COVERS("SR-DRV-014");
	driver_ring_open(&ring, 8, VIRTQ_EVENT_IDX);
	for (uint32_t i = 0; i < 1000; i++) {
		assert_null(virtq_driver_get(&ring.q, &len));
		if (i % 3 == 0)
			driver_ring_advance(&ring, (uint16_t)(ring.q.avail_next + 1));
		else if (i % 3 == 1)
			assert_false(virtq_interrupts_on(&ring.vq, ring.q.used_next));
	}
	assert_false(virtq_driver_broken(&ring.q));
	driver_ring_close(&ring);
}

static void
driver_asks_by_flag_or_by_event_never_by_both(void **state)
{
	(void)state;
	COVERS("SR-DRV-010");
	COVERS("SR-DRV-011");
	COVERS("SR-DRV-012");
	COVERS("SR-DRV-013");
	COVERS("SR-FACT-024");
	COVERS("SR-FACT-025");
	COVERS("SR-FACT-029");
	driver_ring_open(&ring, 8, 0);
	virtq_interrupts_off(&ring.vq, 5);
	assert_int_equal(ring.vq.avail->flags, 1);
	assert_int_equal(*virtq_used_event(&ring.vq), 0);
	assert_false(virtq_interrupts_on(&ring.vq, 0));
	assert_int_equal(ring.vq.avail->flags, 0);
	driver_ring_close(&ring);

	driver_ring_open(&ring, 8, VIRTQ_EVENT_IDX);
	for (uint32_t at = 0; at < 65536; at++) {
		virtq_interrupts_off(&ring.vq, (uint16_t)at);
		assert_int_equal(ring.vq.avail->flags, 0);
		assert_int_equal(*virtq_used_event(&ring.vq), (uint16_t)(at - 1));
		fake_device_raw_idx(&ring.dev, (uint16_t)at);
		assert_false(virtq_interrupts_on(&ring.vq, (uint16_t)at));
		assert_int_equal(ring.vq.avail->flags, 0);
		assert_int_equal(*virtq_used_event(&ring.vq), at);
		fake_device_raw_idx(&ring.dev, (uint16_t)(at + 1));
		assert_true(virtq_interrupts_on(&ring.vq, (uint16_t)at));
	}
	driver_ring_close(&ring);
}

/* Buffers that are out, by number. */
static void
detach_all(uint32_t n, const bool *out)
{
	static bool seen[65536];
	uint32_t left = 0;
	uint32_t len;
	void *c;

	memset(seen, 0, sizeof(seen));
	for (uint32_t i = 0; i < n; i++)
		left += out[i];
	while ((c = virtq_driver_detach(&ring.q)) != NULL) {
		uintptr_t i = (uintptr_t)c - 1;

		assert_true(i < n && out[i] && !seen[i]);
		seen[i] = true;
		left--;
	}
	assert_int_equal(left, 0);
	assert_null(virtq_driver_get(&ring.q, &len));
	assert_int_equal(virtq_driver_outstanding(&ring.q), 0);
}

static void
stopped_ring_gives_every_buffer_back_once(void **state)
{
	static bool out[65536];
	static uint16_t heads[32768];

	(void)state;
	for (size_t s = 0; s < RTE_DIM(sizes); s++) {
		uint32_t n = sizes[s];
		uint32_t len;
		void *c;

		/* In sequence, half of them used, a quarter of them got. */
		driver_ring_open(&ring, n, 0);
		for (uint32_t i = 0; i < n; i++)
			assert_int_equal(driver_ring_add(&ring, i), 0);
		virtq_driver_publish(&ring.q);
		for (uint32_t i = 0; i < n; i++) {
			take();
			heads[i] = chain.head;
			out[i] = true;
		}
		for (uint32_t i = 0; i < n / 2; i++)
			fake_device_use(&ring.dev, heads[i], 0);
		fake_device_show(&ring.dev);
		for (uint32_t i = 0; i < n / 4; i++) {
			assert_ptr_equal(virtq_driver_get(&ring.q, &len), cookie(i));
			out[i] = false;
		}
		detach_all(n, out);

		/* From the free list, used from the last to the first. */
		driver_ring_reset(&ring);
		for (uint32_t i = 0; i < n; i++) {
			assert_int_equal(driver_ring_add(&ring, i), 0);
			out[i] = true;
		}
		virtq_driver_publish(&ring.q);
		for (uint32_t i = 0; i < n; i++) {
			take();
			heads[i] = chain.head;
		}
		for (uint32_t i = n; i > n / 2; i--)
			fake_device_use(&ring.dev, heads[i - 1], 0);
		fake_device_show(&ring.dev);
		for (uint32_t i = 0; i < n / 4; i++) {
			c = virtq_driver_get(&ring.q, &len);
			assert_ptr_equal(c, cookie(n - 1 - i));
			out[(uintptr_t)c - 1] = false;
		}
		detach_all(n, out);
		driver_ring_close(&ring);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		UNIT(fresh_ring_is_empty_and_wants_notifications),
		UNIT(buffer_is_invisible_until_published_and_comes_back),
		UNIT(publishing_nothing_kicks_nobody),
		UNIT(question_asked_late_is_about_all_that_was_shown),
		UNIT(ring_bytes_stand_where_the_standard_puts_them),
		UNIT(full_ring_refuses_and_stays_unchanged),
		UNIT(chain_longer_than_the_queue_is_refused),
		UNIT(chain_of_2_to_the_32_bytes_is_refused),
		UNIT(readable_parts_come_before_writable_ones),
		UNIT(indirect_table_is_one_level_and_takes_one_descriptor),
		UNIT(indirect_table_is_refused_where_it_was_not_negotiated),
		UNIT(driver_that_is_told_of_nothing_new_finds_nothing),
		UNIT(driver_asks_by_flag_or_by_event_never_by_both),
		UNIT(stopped_ring_gives_every_buffer_back_once),
	};

	return RUN_UNITS("virtq_driver", tests);
}
