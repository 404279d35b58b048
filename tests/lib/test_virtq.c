/* SPDX-License-Identifier: BSD-3-Clause */
/* Sizes, layout, features of a queue, and the names of faults. */
#include "ring/virtq.h"
#include "support/covers.h"
#include "support/guard.h"

#include <rte_common.h>

#include <ctype.h>
#include <errno.h>
#include <string.h>

static void
size_is_a_power_of_two_up_to_32768(void **state)
{
	uint32_t good = 0;

	(void)state;
	COVERS("SR-FACT-001");
	COVERS("SR-FACT-008");
	for (uint32_t size = 0; size <= 70000; size++) {
		bool legal = false;

		for (uint32_t power = 2; power <= 32768; power *= 2)
			legal |= size == power;
		assert_int_equal(virtq_size_check(size), legal ? 0 : -EINVAL);
		good += legal;
	}
	assert_int_equal(good, 15);
	assert_int_equal(virtq_size_check(1u << 31), -EINVAL);
	assert_int_equal(virtq_size_check(UINT32_MAX), -EINVAL);
	assert_int_equal(virtq_size_check(65536 + 256), -EINVAL);
}

static void
parts_have_the_sizes_of_the_standard(void **state)
{
	(void)state;
	COVERS("SR-FACT-001");
	COVERS("SR-FACT-004");
	COVERS("SR-FACT-005");
	COVERS("SR-FACT-006");
	for (uint32_t size = 2; size <= 32768; size *= 2) {
		assert_int_equal(virtq_desc_bytes(size), 16 * size);
		assert_int_equal(virtq_avail_bytes(size), 6 + 2 * size);
		assert_int_equal(virtq_used_bytes(size), 6 + 8 * size);
	}
	assert_int_equal(VIRTQ_DESC_ALIGN, 16);
	assert_int_equal(VIRTQ_AVAIL_ALIGN, 2);
	assert_int_equal(VIRTQ_USED_ALIGN, 4);
}

static void
layout_keeps_the_parts_aligned_and_apart(void **state)
{
	(void)state;
	COVERS("SR-DRV-001");
	COVERS("SR-FACT-002");
	for (uint32_t size = 2; size <= 32768; size *= 2) {
		struct virtq_layout l;

		virtq_layout(&l, size);
		assert_int_equal(l.desc % 64, 0);
		assert_int_equal(l.avail % 64, 0);
		assert_int_equal(l.used % 64, 0);
		assert_int_equal(l.bytes % 64, 0);
		assert_true(l.desc + virtq_desc_bytes(size) <= l.avail);
		assert_true(l.avail + virtq_avail_bytes(size) <= l.used);
		assert_true(l.used + virtq_used_bytes(size) <= l.bytes);
		assert_true(l.bytes <= virtq_desc_bytes(size) + virtq_avail_bytes(size) +
					       virtq_used_bytes(size) + 3 * 64);
	}
}

static void
misaligned_or_missing_part_is_refused(void **state)
{
	struct virtq_layout l;
	struct virtq vq;
	struct virtq before;
	struct guard g;
	uint8_t *m;

	(void)state;
	COVERS("SR-DRV-001");
	virtq_layout(&l, 16);
	g = guard_alloc(l.bytes, 64);
	m = g.mem;
	memset(&vq, 0x77, sizeof(vq));
	before = vq;
	for (uint32_t by = 1; by < 16; by++) {
		assert_int_equal(
			virtq_init(&vq, 16, m + l.desc + by, m + l.avail, m + l.used, 0), -EFAULT);
		assert_memory_equal(&vq, &before, sizeof(vq));
	}
	assert_int_equal(virtq_init(&vq, 16, m + l.desc, m + l.avail + 1, m + l.used, 0), -EFAULT);
	for (uint32_t by = 1; by < 4; by++)
		assert_int_equal(
			virtq_init(&vq, 16, m + l.desc, m + l.avail, m + l.used + by, 0), -EFAULT);
	assert_int_equal(virtq_init(&vq, 16, NULL, m + l.avail, m + l.used, 0), -EFAULT);
	assert_int_equal(virtq_init(&vq, 16, m + l.desc, NULL, m + l.used, 0), -EFAULT);
	assert_int_equal(virtq_init(&vq, 16, m + l.desc, m + l.avail, NULL, 0), -EFAULT);
	assert_int_equal(virtq_init(&vq, 15, m + l.desc, m + l.avail, m + l.used, 0), -EINVAL);
	assert_memory_equal(&vq, &before, sizeof(vq));
	/* The least that the standard asks for is enough. */
	assert_int_equal(
		virtq_init(&vq, 4, m + l.desc + 16, m + l.avail + 2, m + l.used + 4, 5), 0);
	assert_int_equal(vq.size, 4);
	assert_int_equal(vq.mask, 3);
	assert_int_equal(vq.flags, 5);
	guard_free(&g);
}

static void
event_words_stand_behind_the_rings(void **state)
{
	(void)state;
	COVERS("SR-FACT-005");
	COVERS("SR-FACT-006");
	COVERS("SR-FACT-023");
	COVERS("SR-FACT-032");
	for (uint32_t size = 2; size <= 32768; size *= 2) {
		struct guard desc = guard_alloc(virtq_desc_bytes(size), 16);
		struct guard avail = guard_alloc(virtq_avail_bytes(size), 2);
		struct guard used = guard_alloc(virtq_used_bytes(size), 4);
		struct virtq vq;

		assert_int_equal(
			virtq_init(&vq, size, desc.mem, avail.mem, used.mem, VIRTQ_EVENT_IDX), 0);
		assert_ptr_equal(virtq_used_event(&vq), avail.mem + 4 + 2 * size);
		assert_ptr_equal(virtq_avail_event(&vq), used.mem + 4 + 8 * size);
		*virtq_used_event(&vq) = 0xffff;
		*virtq_avail_event(&vq) = 0xffff;
		guard_free(&desc);
		guard_free(&avail);
		guard_free(&used);
	}
}

static void
only_features_that_change_the_ring_become_flags(void **state)
{
	(void)state;
	for (unsigned int bit = 0; bit < 64; bit++) {
		uint32_t want = bit == 28   ? VIRTQ_INDIRECT
				: bit == 29 ? VIRTQ_EVENT_IDX
				: bit == 35 ? VIRTQ_IN_ORDER
					    : 0;

		assert_int_equal(virtq_flags(virtq_bit(bit)), want);
	}
	assert_int_equal(virtq_flags(0), 0);
	assert_int_equal(
		virtq_flags(UINT64_MAX), VIRTQ_INDIRECT | VIRTQ_EVENT_IDX | VIRTQ_IN_ORDER);
}

static void
every_fault_has_a_text_and_a_name_of_its_own(void **state)
{
#define FAULT_NAME(name, lower, text) #name,
	static const char *const upper[] = {VIRTQ_FAULTS(FAULT_NAME)};
#undef FAULT_NAME

	(void)state;
	assert_int_equal(RTE_DIM(upper), VIRTQ_FAULT_MAX);
	for (int f = 0; f < VIRTQ_FAULT_MAX; f++) {
		const char *name = virtq_fault_name((enum virtq_fault)f);

		assert_true(strlen(virtq_fault_str((enum virtq_fault)f)) > 3);
		assert_int_equal(strlen(name), strlen(upper[f]));
		for (size_t i = 0; name[i] != '\0'; i++)
			assert_int_equal(name[i], tolower((unsigned char)upper[f][i]));
		for (int other = 0; other < f; other++) {
			assert_string_not_equal(name, virtq_fault_name((enum virtq_fault)other));
			assert_string_not_equal(virtq_fault_str((enum virtq_fault)f),
				virtq_fault_str((enum virtq_fault)other));
		}
	}
	assert_string_equal(virtq_fault_name(VIRTQ_FAULT_AVAIL_INDEX), "avail_index");
	assert_string_equal(virtq_fault_str(VIRTQ_FAULT_MAX), "unknown");
	assert_string_equal(virtq_fault_name(VIRTQ_FAULT_MAX), "unknown");
	assert_string_equal(virtq_fault_str((enum virtq_fault) - 1), "unknown");
	assert_string_equal(virtq_fault_name((enum virtq_fault) - 1), "unknown");
}

static void
every_fault_says_its_value_in_words(void **state)
{
	(void)state;
	for (int f = -1; f <= VIRTQ_FAULT_MAX; f++) {
		const struct virtq_fault_words *words = virtq_fault_words((enum virtq_fault)f);

		assert_non_null(words->before);
		assert_non_null(words->after);
		assert_true(strlen(words->before) + strlen(words->after) > 2);
		assert_int_equal(words->address, strstr(words->before, "address ") != NULL ||
							 strstr(words->before, " at ") != NULL);
	}
	assert_string_equal(virtq_fault_words(VIRTQ_FAULT_NEXT_INDEX)->before, "next ");
	assert_string_equal(virtq_fault_words(VIRTQ_FAULT_INDIRECT_LENGTH)->after, " bytes");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		UNIT(size_is_a_power_of_two_up_to_32768),
		UNIT(parts_have_the_sizes_of_the_standard),
		UNIT(layout_keeps_the_parts_aligned_and_apart),
		UNIT(misaligned_or_missing_part_is_refused),
		UNIT(event_words_stand_behind_the_rings),
		UNIT(only_features_that_change_the_ring_become_flags),
		UNIT(every_fault_has_a_text_and_a_name_of_its_own),
		UNIT(every_fault_says_its_value_in_words),
	};

	return RUN_UNITS("virtq", tests);
}
