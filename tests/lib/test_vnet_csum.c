/* SPDX-License-Identifier: BSD-3-Clause */
/* Internet checksums over pieces, against a slow one and against figures of the RFC. */
#include "frame_digits.h"
#include "net/vnet_offload.h"
#include "support/covers.h"
#include "support/frame.h"
#include "support/guard.h"
#include "support/random.h"

#include <rte_byteorder.h>
#include <rte_common.h>

#include <string.h>

#define BYTES_MAX 65557 /* two tags and the largest IPv4 packet */

static uint16_t
in_one_piece(const uint8_t *bytes, uint32_t nb)
{
	struct vnet_csum c = {0};

	vnet_csum_add(&c, bytes, nb);
	assert_int_equal(c.odd, nb % 2);
	return rte_be_to_cpu_16(vnet_csum_end(&c));
}

/* RFC 1071, 3: its sum is ddf2. */
static void
example_of_the_rfc_gives_its_figure(void **state)
{
	static const uint8_t bytes[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};

	(void)state;
	assert_int_equal(in_one_piece(bytes, 8), 0x220d);
	assert_int_equal(frame_checksum(bytes, 8, 0), 0x220d);
}

static void
any_length_at_any_address_is_summed_and_nothing_else(void **state)
{
	struct guard g = guard_alloc(512, 1);
	uint64_t seed = 1;

	(void)state;
	for (uint32_t i = 0; i < 512; i++)
		g.mem[i] = (uint8_t)random_next(&seed);
	for (uint32_t nb = 0; nb <= 300; nb++) {
		/* Up to the forbidden page, and at every distance from a multiple of 16. */
		for (uint32_t before = 0; before < 17; before++) {
			const uint8_t *at = g.mem + 512 - nb - before;

			assert_int_equal(in_one_piece(at, nb), frame_checksum(at, nb, 0));
		}
	}
	guard_free(&g);
}

static void
pieces_of_any_length_make_the_sum_of_the_whole(void **state)
{
	static uint8_t bytes[BYTES_MAX];
	uint64_t seed = 2;

	(void)state;
	for (uint32_t i = 0; i < BYTES_MAX; i++)
		bytes[i] = (uint8_t)random_next(&seed);
	for (uint32_t round = 0; round < 2000; round++) {
		uint32_t nb = round < 10 ? BYTES_MAX - round : random_below(&seed, 3000);
		uint32_t longest = 1 + random_below(&seed, round % 2 ? 8 : 1500);
		struct vnet_csum c = {0};

		for (uint32_t done = 0; done < nb;) {
			uint32_t piece = random_below(&seed, longest + 1);

			piece = RTE_MIN(piece, nb - done);
			vnet_csum_add(&c, bytes + done, piece);
			done += piece;
		}
		assert_int_equal(rte_be_to_cpu_16(vnet_csum_end(&c)), frame_checksum(bytes, nb, 0));
	}
}

/* All pairs of cuts, so that pieces of odd length come first, in the middle and last. */
static void
three_pieces_cut_anywhere_make_the_sum_of_the_whole(void **state)
{
	uint8_t bytes[41];
	uint64_t seed = 3;
	uint16_t whole;

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)random_next(&seed);
	whole = frame_checksum(bytes, sizeof(bytes), 0);
	for (uint32_t one = 0; one <= sizeof(bytes); one++) {
		for (uint32_t two = one; two <= sizeof(bytes); two++) {
			struct vnet_csum c = {0};

			vnet_csum_add(&c, bytes, one);
			vnet_csum_add(&c, bytes + one, two - one);
			vnet_csum_add(&c, bytes + two, (uint32_t)sizeof(bytes) - two);
			assert_int_equal(rte_be_to_cpu_16(vnet_csum_end(&c)), whole);
		}
	}
}

static void
no_carry_is_lost_in_the_largest_sums(void **state)
{
	static uint8_t bytes[BYTES_MAX];
	struct vnet_csum single = {0};

	(void)state;
	memset(bytes, 0xff, sizeof(bytes));
	for (uint32_t nb = BYTES_MAX - 16; nb <= BYTES_MAX; nb++)
		assert_int_equal(in_one_piece(bytes, nb), frame_checksum(bytes, nb, 0));
	for (uint32_t i = 0; i < BYTES_MAX; i++)
		vnet_csum_add(&single, bytes, 1);
	assert_int_equal(
		rte_be_to_cpu_16(vnet_csum_end(&single)), frame_checksum(bytes, BYTES_MAX, 0));
}

static void
data_with_its_checksum_sums_up_to_zero(void **state)
{
	uint8_t bytes[64];
	uint64_t seed = 4;

	(void)state;
	for (uint32_t round = 0; round < 1000; round++) {
		uint32_t nb = 4 + random_below(&seed, 60);
		uint32_t place = random_below(&seed, (nb - 2) / 2) * 2;

		for (uint32_t i = 0; i < nb; i++)
			bytes[i] = (uint8_t)random_next(&seed);
		frame_set16(bytes + place, 0);
		frame_set16(bytes + place, in_one_piece(bytes, nb));
		assert_int_equal(in_one_piece(bytes, nb), 0);
	}
}

static void
transport_checksum_is_never_zero(void **state)
{
	static const uint8_t ones[] = {0xff, 0xff}, other[] = {0x12, 0x34};
	struct vnet_csum c = {0};

	(void)state;
	vnet_csum_add(&c, ones, 2);
	assert_int_equal(vnet_csum_end(&c), 0);
	assert_int_equal(vnet_csum_end_transport(&c), 0xffff);
	c = (struct vnet_csum){0};
	vnet_csum_add(&c, other, 2);
	assert_int_equal(vnet_csum_end_transport(&c), vnet_csum_end(&c));
	assert_int_equal(rte_be_to_cpu_16(vnet_csum_end(&c)), 0xedcb);
}

static uint16_t
pseudo_of(const char *digits, uint32_t l4_len)
{
	uint8_t bytes[256];
	uint32_t nb = frame_hex(bytes, digits);
	struct vnet_packet p;

	vnet_packet_parse(&p, bytes, nb, nb);
	assert_int_not_equal(p.l4_type, VNET_L4_OTHER);
	return rte_be_to_cpu_16(vnet_pseudo_sum(bytes, &p, l4_len));
}

/* Sums by hand, in the comments. */
static void
pseudo_header_is_that_of_the_rfcs(void **state)
{
	(void)state;
	/* c000+0201+c000+0202 = 18403, +0006 +0018 = 18421 -> 8422 */
	assert_int_equal(
		pseudo_of(FRAME_MACS "0800" IPV4("002c", "4000", "06") TCP PAYLOAD, 0x18), 0x8422);
	/* 18403 +0011 +000c = 18420 -> 8421 */
	assert_int_equal(
		pseudo_of(FRAME_MACS "8100 0001 0800" IPV4("0020", "0000", "11") UDP PAYLOAD, 12),
		0x8421);
	/* 2*(2001+0db8) = 5b72, +0001 +0002 +0011 +000c = 5b92 */
	assert_int_equal(pseudo_of(FRAME_MACS "86dd" IPV6("000c", "11") UDP PAYLOAD, 12), 0x5b92);
	/* Lengths above 16 bits: 5b72 +0003 +0011 +0001 +0016 = 5b9d */
	assert_int_equal(
		pseudo_of(FRAME_MACS "86dd" IPV6("000c", "11") UDP PAYLOAD, 0x10016), 0x5b9d);
}

static void
pseudo_header_has_home_address_and_last_destination(void **state)
{
	(void)state;
	/* Source ::a in place of ::1: 5b72 +000a +0002 +0011 +000c */
	assert_int_equal(
		pseudo_of(FRAME_MACS "86dd" IPV6("0024", "3c") HOME("11") UDP PAYLOAD, 12), 0x5b9b);
	/* Destination ::b in place of ::2: 5b72 +0001 +000b +0011 +000c */
	assert_int_equal(
		pseudo_of(FRAME_MACS "86dd" IPV6("0024", "2b") ROUTE_2("11") UDP PAYLOAD, 12),
		0x5b9b);
	/* The first of the list, ::c, is the last of the path: 5b72 +0001 +000c +0011 +000c */
	assert_int_equal(
		pseudo_of(FRAME_MACS "86dd" IPV6("0034", "2b") ROUTE_4("11", "01") UDP PAYLOAD, 12),
		0x5b9c);
	/* There already: 5b72 +0001 +0002 +0011 +000c */
	assert_int_equal(
		pseudo_of(FRAME_MACS "86dd" IPV6("0034", "2b") ROUTE_4("11", "00") UDP PAYLOAD, 12),
		0x5b92);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		UNIT(example_of_the_rfc_gives_its_figure),
		UNIT(any_length_at_any_address_is_summed_and_nothing_else),
		UNIT(pieces_of_any_length_make_the_sum_of_the_whole),
		UNIT(three_pieces_cut_anywhere_make_the_sum_of_the_whole),
		UNIT(no_carry_is_lost_in_the_largest_sums),
		UNIT(data_with_its_checksum_sums_up_to_zero),
		UNIT(transport_checksum_is_never_zero),
		UNIT(pseudo_header_is_that_of_the_rfcs),
		UNIT(pseudo_header_has_home_address_and_last_destination),
	};

	return RUN_UNITS("vnet_csum", tests);
}
