/* SPDX-License-Identifier: BSD-3-Clause */
/* Packet headers of hostile drivers, held against their packets; and headers written. */
#include "net/vnet_offload.h"
#include "offload_cases.h"
#include "support/covers.h"
#include "support/frame.h"
#include "support/guard.h"

#include <rte_byteorder.h>
#include <rte_common.h>

#include <string.h>

static struct guard memory;

static enum vnet_bad
transmit(struct vnet_offload *o, const struct virtio_net_hdr *hdr, uint32_t can,
	const uint8_t *bytes, uint32_t nb, uint32_t len)
{
	return read_guarded(&memory, o, hdr, VNET_TRANSMIT, can, bytes, nb, len);
}

static void
features_of_a_direction_become_what_it_may_ask_for(void **state)
{
	/* Bit of the standard, 5.1.3 -> what it allows; both directions. */
	static const uint32_t tx[64] = {[0] = VNET_CAN_CSUM,
		[11] = VNET_CAN_TSO4,
		[12] = VNET_CAN_TSO6,
		[13] = VNET_CAN_ECN,
		[14] = VNET_CAN_UFO,
		[56] = VNET_CAN_USO4 | VNET_CAN_USO6};
	static const uint32_t rx[64] = {[1] = VNET_CAN_CSUM,
		[7] = VNET_CAN_TSO4,
		[8] = VNET_CAN_TSO6,
		[9] = VNET_CAN_ECN,
		[10] = VNET_CAN_UFO,
		[54] = VNET_CAN_USO4,
		[55] = VNET_CAN_USO6,
		[61] = VNET_CAN_RSC};

	(void)state;
	for (unsigned int bit = 0; bit < 64; bit++) {
		assert_int_equal(vnet_can(UINT64_C(1) << bit, VNET_TRANSMIT), tx[bit]);
		assert_int_equal(vnet_can(UINT64_C(1) << bit, VNET_RECEIVE), rx[bit]);
	}
	assert_int_equal(vnet_can(UINT64_MAX, VNET_TRANSMIT), CAN_ALL);
	assert_int_equal(vnet_can(UINT64_MAX, VNET_RECEIVE), CAN_ALL | VNET_CAN_RSC);
	assert_int_equal(vnet_can(0, VNET_RECEIVE), 0);
}

static void
header_without_flags_and_type_has_no_meaning_elsewhere(void **state)
{
	struct virtio_net_hdr hdr = make_hdr(0, 0, 65535, 65535, 65535, 65535);
	struct vnet_offload o;

	(void)state;
	COVERS("NET-DEV-014");
	COVERS("NET-DRV-043");
	for (uint32_t can = 0; can < 256; can++) {
		assert_int_equal(transmit(&o, &hdr, can, NULL, 0, 60), VNET_BAD_NONE);
		assert_true(asks_nothing(&o));
		assert_int_equal(read_guarded(&memory, &o, &hdr, VNET_RECEIVE, can, NULL, 0, 60),
			VNET_BAD_NONE);
		assert_true(asks_nothing(&o));
	}
}

static void
flags_that_a_driver_may_not_set_are_ignored(void **state)
{
	struct vnet_offload with, without;

	(void)state;
	COVERS("NET-DEV-013");
	for (uint32_t flags = 0; flags < 256; flags++) {
		struct virtio_net_hdr hdr = make_hdr((uint8_t)flags, 0, 0, 0, 34, 16);
		struct virtio_net_hdr known = make_hdr(flags & 1, 0, 0, 0, 34, 16);

		assert_int_equal(transmit(&with, &hdr, VNET_CAN_CSUM, NULL, 0, 60), VNET_BAD_NONE);
		assert_int_equal(
			transmit(&without, &known, VNET_CAN_CSUM, NULL, 0, 60), VNET_BAD_NONE);
		assert_int_equal(with.needs, without.needs);
		assert_int_equal(with.csum_start, without.csum_start);
		assert_int_equal(with.csum_offset, without.csum_offset);
		assert_int_equal(with.gso_type, 0);
		assert_int_equal(with.flags, flags & VIRTIO_NET_HDR_F_NEEDS_CSUM);
	}
}

/* The standard's own example: TCP behind 14 + 20 bytes. */
static void
partial_checksum_needs_its_feature_and_nothing_else(void **state)
{
	struct virtio_net_hdr hdr = make_hdr(VIRTIO_NET_HDR_F_NEEDS_CSUM, 0, 99, 99, 34, 16);
	struct vnet_offload o;

	(void)state;
	COVERS("NET-FACT-087");
	for (uint32_t can = 0; can < 256; can++) {
		enum vnet_bad bad = transmit(&o, &hdr, can, NULL, 0, 60);

		if ((can & VNET_CAN_CSUM) == 0) {
			assert_int_equal(bad, VNET_BAD_NOT_NEGOTIATED);
			assert_true(asks_nothing(&o));
			continue;
		}
		assert_int_equal(bad, VNET_BAD_NONE);
		assert_int_equal(o.csum_start, 34);
		assert_int_equal(o.csum_offset, 16);
		assert_int_equal(o.needs, VNET_CAN_CSUM);
		assert_int_equal(o.hdr_len, 0);
		assert_int_equal(o.gso_size, 0);
	}
}

/* Also an inner header of a tunnel, or one of a protocol nobody knows: the bounds are all. */
static void
place_of_a_checksum_lies_between_ethernet_header_and_end(void **state)
{
	static const uint32_t lens[] = {0, 1, 13, 14, 15, 16, 17, 60, 1514, 65535, 65536, 65557};
	struct vnet_offload o;

	(void)state;
	for (size_t l = 0; l < RTE_DIM(lens); l++) {
		for (uint32_t start = 0; start < 65536; start += start < 70 ? 1 : 1013) {
			for (uint32_t offset = 0; offset < 65536; offset += offset < 70 ? 1 : 977) {
				struct virtio_net_hdr hdr = make_hdr(
					VIRTIO_NET_HDR_F_NEEDS_CSUM, 0, 0, 0, start, offset);
				bool fits = start >= 14 && (uint64_t)start + offset + 2 <= lens[l];

				assert_int_equal(vnet_offload_read(&o, &hdr, VNET_TRANSMIT,
							 VNET_CAN_CSUM, NULL, 0, lens[l]),
					fits ? VNET_BAD_NONE : VNET_BAD_CSUM_PLACE);
			}
		}
	}
}

/*
 * CVE-2024-11614: every place that ever went wrong, with every flag and type. Whatever is let pass
 * is then done, in memory that ends where the frame ends.
 */
static void
no_header_leads_out_of_its_packet(void **state)
{
	uint8_t bytes[CASE_MAX];
	uint32_t passed = 0;

	(void)state;
	for (size_t c = 0; c < RTE_DIM(cases); c++) {
		const uint32_t len = frame_hex(bytes, cases[c].digits);
		const uint32_t places[] = {0, 1, 13, 14, 33, 34, cases[c].l4, 6, 16, len - 2,
			len - 1, len, 65534, 65535};

		for (size_t at = 0; at < RTE_DIM(places) * RTE_DIM(places); at++) {
			uint32_t start = places[at / RTE_DIM(places)];
			uint32_t offset = places[at % RTE_DIM(places)];

			for (uint32_t both = 0; both < 2 * 8 * 256; both++) {
				struct virtio_net_hdr hdr =
					make_hdr(both & 7, both >> 4, 0xffff, 1, start, offset);
				struct vnet_offload o;

				if (read_guarded(&memory, &o, &hdr,
					    both & 8 ? VNET_RECEIVE : VNET_TRANSMIT,
					    CAN_ALL | VNET_CAN_RSC, bytes, len,
					    len) != VNET_BAD_NONE) {
					assert_true(asks_nothing(&o));
					continue;
				}
				passed++;
				complete_guarded(&memory, &o, bytes, len);
			}
		}
	}
	assert_true(passed > 1000);
}

/* Which packet may have which type: by the table alone. */
static void
type_has_to_be_that_of_the_packet(void **state)
{
	uint8_t bytes[CASE_MAX];
	struct vnet_offload o;

	(void)state;
	COVERS("NET-FACT-083");
	for (size_t c = 0; c < RTE_DIM(cases); c++) {
		uint32_t len = frame_hex(bytes, cases[c].digits);

		for (uint32_t type = 1; type < 256; type++) {
			struct virtio_net_hdr hdr = make_hdr(VIRTIO_NET_HDR_F_NEEDS_CSUM, type, 0,
				100, cases[c].l4, cases[c].csum_offset);
			uint32_t plain = type & 0x7f;
			bool tcp = plain == 1 || plain == 4;
			bool exists = tcp || (type < 128 && (plain == 3 || plain == 5));
			enum vnet_bad bad = transmit(&o, &hdr, CAN_ALL, bytes, len, len);

			if (!exists) {
				assert_int_equal(bad, VNET_BAD_GSO_TYPE);
			} else if (!may_be(&cases[c], plain)) {
				assert_int_equal(bad, VNET_BAD_GSO_PACKET);
			} else {
				assert_int_equal(bad, VNET_BAD_NONE);
				assert_int_equal(o.gso_type, plain);
				assert_int_equal(o.gso_size, 100);
				assert_int_equal(o.hdr_len, cases[c].payload);
				assert_int_equal(o.needs, needs_of(&cases[c], type));
			}
		}
	}
}

/* One bit after the other is missing: exactly what o->needs says is needed to be let pass. */
static void
type_needs_its_feature(void **state)
{
	static const uint8_t types[] = {1, 3, 4, 5, 0x81, 0x84};
	uint8_t bytes[CASE_MAX];
	struct vnet_offload o;

	(void)state;
	for (size_t c = 0; c < RTE_DIM(cases); c++) {
		uint32_t len = frame_hex(bytes, cases[c].digits);

		for (size_t t = 0; t < RTE_DIM(types); t++) {
			struct virtio_net_hdr hdr = make_hdr(VIRTIO_NET_HDR_F_NEEDS_CSUM, types[t],
				0, 100, cases[c].l4, cases[c].csum_offset);
			uint32_t needs = needs_of(&cases[c], types[t]);

			if (!may_be(&cases[c], types[t] & 0x7f))
				continue;
			for (uint32_t can = 0; can < 128; can++) {
				enum vnet_bad bad = transmit(&o, &hdr, can, bytes, len, len);

				assert_int_equal(bad, (needs & ~can) == 0
							      ? VNET_BAD_NONE
							      : VNET_BAD_NOT_NEGOTIATED);
				assert_int_equal(bad == VNET_BAD_NONE ? o.needs : 0,
					bad == VNET_BAD_NONE ? needs : 0);
			}
		}
	}
}

static void
type_goes_with_a_checksum_and_a_size(void **state)
{
	uint8_t bytes[CASE_MAX];
	struct vnet_offload o;

	(void)state;
	for (size_t c = 0; c < RTE_DIM(cases); c++) {
		uint32_t len = frame_hex(bytes, cases[c].digits);
		const uint16_t sizes[] = {0, 1, cases[c].payload, 65535};
		uint8_t type = first_type(&cases[c]);

		if (type == 0)
			continue;
		for (size_t s = 0; s < RTE_DIM(sizes); s++) {
			struct virtio_net_hdr hdr = make_hdr(VIRTIO_NET_HDR_F_NEEDS_CSUM, type, 0,
				sizes[s], cases[c].l4, cases[c].csum_offset);

			assert_int_equal(transmit(&o, &hdr, CAN_ALL, bytes, len, len),
				sizes[s] == 0 ? VNET_BAD_GSO_SIZE : VNET_BAD_NONE);
			hdr.flags = 0;
			assert_int_equal(
				transmit(&o, &hdr, CAN_ALL, bytes, len, len), VNET_BAD_GSO_CSUM);
			hdr.flags = VIRTIO_NET_HDR_F_DATA_VALID;
			assert_int_equal(
				transmit(&o, &hdr, CAN_ALL, bytes, len, len), VNET_BAD_GSO_CSUM);
		}
	}
}

/* The checksum of a large packet is that of its own transport header, and no other place. */
static void
type_goes_with_the_checksum_of_its_header_only(void **state)
{
	uint8_t bytes[CASE_MAX];
	struct vnet_offload o;

	(void)state;
	for (size_t c = 0; c < RTE_DIM(cases); c++) {
		uint32_t len = frame_hex(bytes, cases[c].digits);
		uint8_t type = first_type(&cases[c]);

		for (uint32_t start = 14; type != 0 && start < len; start++) {
			for (uint32_t offset = 0; start + offset + 2 <= len; offset++) {
				struct virtio_net_hdr hdr = make_hdr(
					VIRTIO_NET_HDR_F_NEEDS_CSUM, type, 0, 100, start, offset);
				bool own = start == cases[c].l4 && offset == cases[c].csum_offset;

				assert_int_equal(transmit(&o, &hdr, CAN_ALL, bytes, len, len),
					own ? VNET_BAD_NONE : VNET_BAD_GSO_PACKET);
			}
		}
	}
}

/* CVE-2026-100236: headers that do not end in the bytes there are. */
static void
headers_that_are_cut_off_have_no_type(void **state)
{
	uint8_t bytes[CASE_MAX];
	struct vnet_offload o;

	(void)state;
	for (size_t c = 0; c < RTE_DIM(cases); c++) {
		uint32_t len = frame_hex(bytes, cases[c].digits);
		struct virtio_net_hdr hdr = make_hdr(VIRTIO_NET_HDR_F_NEEDS_CSUM,
			first_type(&cases[c]), 0, 100, cases[c].l4, cases[c].csum_offset);

		for (uint32_t nb = 0; hdr.gso_type != 0 && nb <= len; nb++)
			assert_int_equal(transmit(&o, &hdr, CAN_ALL, bytes, nb, len),
				nb < cases[c].payload ? VNET_BAD_GSO_PACKET : VNET_BAD_NONE);
	}
}

/* Whatever the sender says of the headers' length, it is what the packet says. */
static void
length_of_headers_is_not_believed(void **state)
{
	uint8_t bytes[CASE_MAX];
	uint32_t len = frame_hex(bytes, cases[0].digits);
	struct vnet_offload o;

	(void)state;
	COVERS("NET-DEV-017");
	COVERS("NET-DRV-046");
	COVERS("NET-FACT-095");
	for (uint32_t said = 0; said < 65536; said++) {
		struct virtio_net_hdr hdr =
			make_hdr(VIRTIO_NET_HDR_F_NEEDS_CSUM, 1, said, 100, 34, 16);

		assert_int_equal(transmit(&o, &hdr, CAN_ALL, bytes, len, len), VNET_BAD_NONE);
		assert_int_equal(o.hdr_len, 54);
	}
}

static void
header_written_is_the_header_read(void **state)
{
	static const uint8_t types[] = {0, 1, 3, 4, 5, 0x81, 0x84};
	uint8_t bytes[CASE_MAX], out[24];

	(void)state;
	for (size_t c = 0; c < RTE_DIM(cases); c++) {
		uint32_t len = frame_hex(bytes, cases[c].digits);

		for (size_t t = 0; t < RTE_DIM(types); t++) {
			struct virtio_net_hdr hdr = make_hdr(VIRTIO_NET_HDR_F_NEEDS_CSUM | 0xf8,
				types[t], 1, 0x1234, cases[c].l4, cases[c].csum_offset);
			struct vnet_offload o;

			if (transmit(&o, &hdr, CAN_ALL, bytes, len, len) != VNET_BAD_NONE)
				continue;
			hdr.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
			hdr.hdr_len = rte_cpu_to_le_16(types[t] ? cases[c].payload : 0);
			hdr.gso_size = rte_cpu_to_le_16(types[t] ? 0x1234 : 0);
			for (uint32_t at = 1; at < 10; at++) {
				memset(out, 0xa5, sizeof(out));
				vnet_offload_write(out + at, &o);
				assert_memory_equal(out + at, &hdr, 10);
				assert_int_equal(out[at - 1], 0xa5);
				assert_int_equal(out[at + 10], 0xa5);
			}
		}
	}
}

static void
quick_look_sees_all_that_may_be_asked_for(void **state)
{
	(void)state;
	COVERS("NET-FACT-082");
	for (uint32_t flags = 0; flags < 256; flags++) {
		for (uint32_t type = 0; type < 256; type++)
			assert_int_equal(vnet_hdr_asks((uint8_t)flags, (uint8_t)type),
				(flags & 7) != 0 || type != 0);
	}
}

static void
every_refusal_has_a_name_and_a_text(void **state)
{
	(void)state;
	for (unsigned int bad = 0; bad < VNET_BAD_MAX; bad++) {
		assert_true(strlen(vnet_bad_name(bad)) >= 4);
		assert_true(strlen(vnet_bad_str(bad)) >= 4);
		for (unsigned int other = 0; other < bad; other++)
			assert_string_not_equal(vnet_bad_name(bad), vnet_bad_name(other));
	}
	assert_string_equal(vnet_bad_str(VNET_BAD_GSO_SIZE), "gso_size is 0");
	assert_string_equal(vnet_bad_name(VNET_BAD_MAX), "unknown");
	assert_string_equal(vnet_bad_str(VNET_BAD_MAX), "unknown");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		UNIT(features_of_a_direction_become_what_it_may_ask_for),
		UNIT(header_without_flags_and_type_has_no_meaning_elsewhere),
		UNIT(flags_that_a_driver_may_not_set_are_ignored),
		UNIT(partial_checksum_needs_its_feature_and_nothing_else),
		UNIT(place_of_a_checksum_lies_between_ethernet_header_and_end),
		UNIT(no_header_leads_out_of_its_packet),
		UNIT(type_has_to_be_that_of_the_packet),
		UNIT(type_needs_its_feature),
		UNIT(type_goes_with_a_checksum_and_a_size),
		UNIT(type_goes_with_the_checksum_of_its_header_only),
		UNIT(headers_that_are_cut_off_have_no_type),
		UNIT(length_of_headers_is_not_believed),
		UNIT(header_written_is_the_header_read),
		UNIT(quick_look_sees_all_that_may_be_asked_for),
		UNIT(every_refusal_has_a_name_and_a_text),
	};

	memory = guard_alloc(CASE_MAX, 1);
	return RUN_UNITS("vnet_offload", tests);
}
