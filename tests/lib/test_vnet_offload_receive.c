/* SPDX-License-Identifier: BSD-3-Clause */
/* Packet headers of devices: what is different from those of drivers. */
#include "net/vnet_offload.h"
#include "offload_cases.h"
#include "support/covers.h"

#include <rte_common.h>

#define VALID VIRTIO_NET_HDR_F_DATA_VALID
#define NEEDS VIRTIO_NET_HDR_F_NEEDS_CSUM
#define COUNTS VIRTIO_NET_HDR_F_RSC_INFO

static struct guard memory;

static enum vnet_bad
receive(struct vnet_offload *o, const struct virtio_net_hdr *hdr, uint32_t can,
	const uint8_t *bytes, uint32_t nb)
{
	return read_guarded(&memory, o, hdr, VNET_RECEIVE, can, bytes, nb, nb);
}

static void
flags_need_their_feature_and_unknown_ones_none(void **state)
{
	uint8_t bytes[CASE_MAX];
	uint32_t len = frame_hex(bytes, cases[0].digits);
	struct vnet_offload o;

	(void)state;
	for (uint32_t both = 0; both < 4 * 256; both++) {
		struct virtio_net_hdr hdr = make_hdr(both & 255, 0, 0, 0, 34, 16);
		uint32_t can = (both & 256 ? VNET_CAN_CSUM : 0) | (both & 512 ? VNET_CAN_RSC : 0);
		bool allowed = ((both & (NEEDS | VALID)) == 0 || (can & VNET_CAN_CSUM)) &&
			       ((both & COUNTS) == 0 || (can & VNET_CAN_RSC));

		assert_int_equal(receive(&o, &hdr, can, bytes, len),
			allowed ? VNET_BAD_NONE : VNET_BAD_NOT_NEGOTIATED);
		assert_int_equal(o.flags, allowed ? both & (NEEDS | VALID) : 0);
	}
}

static void
verified_checksum_is_kept_and_needs_nothing(void **state)
{
	struct virtio_net_hdr hdr = make_hdr(VALID, 0, 65535, 65535, 65535, 65535);
	struct vnet_offload o;

	(void)state;
	COVERS("NET-FACT-104");
	assert_int_equal(receive(&o, &hdr, VNET_CAN_CSUM, NULL, 0), VNET_BAD_NONE);
	assert_int_equal(o.flags, VALID);
	assert_int_equal(o.needs, 0);
	assert_true(vnet_offload_fits(&o, 0));
	o.flags = 0;
	assert_true(asks_nothing(&o));
}

static void
types_need_the_features_of_receiving(void **state)
{
	static const uint8_t types[] = {1, 3, 4, 5, 0x81, 0x84};
	uint8_t bytes[CASE_MAX];
	struct vnet_offload o;

	(void)state;
	for (size_t c = 0; c < RTE_DIM(cases); c++) {
		uint32_t len = frame_hex(bytes, cases[c].digits);

		for (size_t t = 0; t < RTE_DIM(types); t++) {
			struct virtio_net_hdr hdr = make_hdr(
				NEEDS, types[t], 0, 100, cases[c].l4, cases[c].csum_offset);
			uint32_t needs = needs_of(&cases[c], types[t]);

			if (!may_be(&cases[c], types[t] & 0x7f))
				continue;
			for (uint32_t can = 0; can < 128; can++)
				assert_int_equal(receive(&o, &hdr, can, bytes, len),
					(needs & ~can) == 0 ? VNET_BAD_NONE
							    : VNET_BAD_NOT_NEGOTIATED);
		}
	}
}

/* RSC_INFO: two counts where the place was; it comes from the packet, with a type or without. */
static void
place_of_a_checksum_under_counts_is_the_packets_own(void **state)
{
	uint8_t bytes[CASE_MAX];
	struct vnet_offload o;

	(void)state;
	COVERS("NET-DRV-044");
	COVERS("NET-FACT-105");
	COVERS("NET-FACT-106");
	for (size_t c = 0; c < RTE_DIM(cases); c++) {
		uint32_t len = frame_hex(bytes, cases[c].digits);

		for (uint32_t typed = 0; typed < 2; typed++) {
			uint8_t type = typed ? first_type(&cases[c]) : 0;
			struct virtio_net_hdr hdr =
				make_hdr(NEEDS | COUNTS, type, 0, 100, 65535, 65534);
			enum vnet_bad bad = receive(&o, &hdr, CAN_ALL | VNET_CAN_RSC, bytes, len);

			if (cases[c].ip == 0) {
				assert_int_equal(bad, VNET_BAD_CSUM_PLACE);
				assert_true(asks_nothing(&o));
				continue;
			}
			assert_int_equal(bad, VNET_BAD_NONE);
			assert_int_equal(o.flags, NEEDS);
			assert_int_equal(o.csum_start, cases[c].l4);
			assert_int_equal(o.csum_offset, cases[c].csum_offset);
			assert_int_equal(o.rsc_segments, 65535);
			assert_int_equal(o.rsc_dup_acks, 65534);
			assert_int_equal(o.hdr_len, type ? cases[c].payload : 0);
			assert_int_equal(o.needs & VNET_CAN_RSC, 0);
		}
	}
}

/* Without NEEDS_CSUM nothing but the counts is read of it. */
static void
counts_alone_need_no_packet(void **state)
{
	struct virtio_net_hdr hdr = make_hdr(COUNTS, 0, 65535, 65535, 7, 2);
	struct vnet_offload o;

	(void)state;
	assert_int_equal(receive(&o, &hdr, VNET_CAN_RSC, NULL, 0), VNET_BAD_NONE);
	assert_int_equal(o.rsc_segments, 7);
	assert_int_equal(o.rsc_dup_acks, 2);
	o.rsc_segments = 0;
	o.rsc_dup_acks = 0;
	assert_true(asks_nothing(&o));
}

/* A driver has no such flag to set: the same header on transmit points at a place. */
static void
counts_are_a_place_on_transmit(void **state)
{
	uint8_t bytes[CASE_MAX];
	uint32_t len = frame_hex(bytes, cases[0].digits);
	struct virtio_net_hdr hdr = make_hdr(NEEDS | COUNTS | VALID, 1, 0, 100, 34, 16);
	struct vnet_offload o;

	(void)state;
	assert_int_equal(read_guarded(&memory, &o, &hdr, VNET_TRANSMIT, CAN_ALL, bytes, len, len),
		VNET_BAD_NONE);
	assert_int_equal(o.flags, NEEDS);
	assert_int_equal(o.rsc_segments, 0);
	hdr.csum_start = rte_cpu_to_le_16(3);
	assert_int_equal(read_guarded(&memory, &o, &hdr, VNET_TRANSMIT, CAN_ALL, bytes, len, len),
		VNET_BAD_CSUM_PLACE);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		UNIT(flags_need_their_feature_and_unknown_ones_none),
		UNIT(verified_checksum_is_kept_and_needs_nothing),
		UNIT(types_need_the_features_of_receiving),
		UNIT(place_of_a_checksum_under_counts_is_the_packets_own),
		UNIT(counts_alone_need_no_packet),
		UNIT(counts_are_a_place_on_transmit),
	};

	memory = guard_alloc(CASE_MAX, 1);
	return RUN_UNITS("vnet_offload_receive", tests);
}
