/* SPDX-License-Identifier: BSD-3-Clause */
/* Packet header of 12 and 20 bytes, at every alignment, right before a forbidden page. */
#include "net/vnet_features.h"
#include "net/vnet_hdr.h"
#include "support/covers.h"
#include "support/guard.h"

#include <string.h>
#include <sys/mman.h>

static void
cleared_header_is_all_zero_and_not_a_byte_longer(void **state)
{
	(void)state;
	for (uint16_t bytes = 12; bytes <= 20; bytes += 8) {
		struct guard g = guard_alloc(64, 1);

		for (uint32_t from_end = bytes; from_end <= 40; from_end++) {
			uint8_t *hdr = g.mem + 64 - from_end;

			memset(g.mem, 0xa5, 64);
			vnet_hdr_clear(hdr, bytes);
			for (uint8_t *p = g.mem; p < g.mem + 64; p++)
				assert_int_equal(*p, p >= hdr && p < hdr + bytes ? 0 : 0xa5);
		}
		guard_free(&g);
	}
}

static void
received_header_holds_the_count_of_buffers_only(void **state)
{
	static const uint16_t counts[] = {0, 1, 2, 255, 256, 0x1234, 65535};

	(void)state;
	COVERS("NET-FACT-080");
	for (uint16_t bytes = 12; bytes <= 20; bytes += 8) {
		struct guard g = guard_alloc(64, 1);

		for (uint32_t from_end = bytes; from_end <= 40; from_end++) {
			for (size_t c = 0; c < RTE_DIM(counts); c++) {
				uint8_t *hdr = g.mem + 64 - from_end;

				memset(g.mem, 0xa5, 64);
				vnet_hdr_clear_rx(hdr, bytes, counts[c]);
				for (uint32_t i = 0; i < bytes; i++)
					assert_int_equal(hdr[i], i == 10   ? counts[c] & 0xff
								 : i == 11 ? counts[c] >> 8
									   : 0);
				assert_int_equal(hdr[-1], 0xa5);
				if (from_end > bytes)
					assert_int_equal(hdr[bytes], 0xa5);
				assert_int_equal(vnet_hdr_num_buffers(hdr), counts[c]);
			}
		}
		guard_free(&g);
	}
}

/* Right before the forbidden page: a byte longer would be noticed. */
static void
received_header_is_rewritten_whatever_differs(void **state)
{
	struct guard g = guard_alloc(64, 1);
	uint8_t *hdr = g.mem + 64 - VIRTIO_NET_HDR_BYTES;
	uint8_t want[VIRTIO_NET_HDR_BYTES];

	(void)state;
	COVERS("NET-FACT-080");
	vnet_hdr_clear_rx(want, sizeof(want), 1);
	for (uint32_t bit = 0; bit <= 8 * sizeof(want); bit++) {
		memcpy(hdr, want, sizeof(want));
		if (bit < 8 * sizeof(want))
			hdr[bit / 8] ^= (uint8_t)(1 << bit % 8);
		hdr[-1] = 0xa5;
		vnet_hdr_keep_rx(hdr, 1);
		assert_memory_equal(hdr, want, sizeof(want));
		assert_int_equal(hdr[-1], 0xa5);
	}
	guard_free(&g);
}

/* A page that cannot be written: any store would end the program. */
static void
received_header_that_is_right_is_left_alone(void **state)
{
	uint8_t *page = mmap(
		NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)state;
	assert_ptr_not_equal(page, MAP_FAILED);
	vnet_hdr_clear_rx(page, VIRTIO_NET_HDR_BYTES, 1);
	assert_int_equal(mprotect(page, 4096, PROT_READ), 0);
	vnet_hdr_keep_rx(page, 1);
	assert_int_equal(munmap(page, 4096), 0);
}

static void
count_of_buffers_is_set_alone(void **state)
{
	uint8_t hdr[21];

	(void)state;
	for (uint32_t at = 0; at < 2; at++) {
		for (uint32_t n = 0; n < 65536; n++) {
			memset(hdr, 0xa5, sizeof(hdr));
			vnet_hdr_set_num_buffers(hdr + at, (uint16_t)n);
			assert_int_equal(vnet_hdr_num_buffers(hdr + at), n);
			assert_int_equal(hdr[at + 9], 0xa5);
			assert_int_equal(hdr[at + 10], n & 0xff);
			assert_int_equal(hdr[at + 11], n >> 8);
			assert_int_equal(hdr[at + 12], 0xa5);
		}
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		UNIT(cleared_header_is_all_zero_and_not_a_byte_longer),
		UNIT(received_header_holds_the_count_of_buffers_only),
		UNIT(received_header_is_rewritten_whatever_differs),
		UNIT(received_header_that_is_right_is_left_alone),
		UNIT(count_of_buffers_is_set_alone),
	};

	return RUN_UNITS("vnet_hdr", tests);
}
