/* SPDX-License-Identifier: BSD-3-Clause */
/* Feature sets: which are possible, what is left of one that is not, how they are printed. */
#include "net/vnet_features.h"
#include "support/covers.h"
#include "support/random.h"

#include <rte_common.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define B(bit) (UINT64_C(1) << (bit))

/*
 * VIRTIO 1.3, 5.1.3.1 by numbers, written a second time. A bit with two alternatives needs one of
 * them; a bit with two lines needs both.
 */
static const struct {
	unsigned int bit;
	uint64_t any_of;
	bool needless_without_our_ring; /* 21, 22, 57: the frontend keeps the control queue */
} table[] = {
	{2, B(17), false},          /* CTRL_GUEST_OFFLOADS: CTRL_VQ */
	{7, B(1), false},           /* GUEST_TSO4: GUEST_CSUM */
	{8, B(1), false},           /* GUEST_TSO6 */
	{9, B(7) | B(8), false},    /* GUEST_ECN: GUEST_TSO4 or 6 */
	{10, B(1), false},          /* GUEST_UFO */
	{11, B(0), false},          /* HOST_TSO4: CSUM */
	{12, B(0), false},          /* HOST_TSO6 */
	{13, B(11) | B(12), false}, /* HOST_ECN: HOST_TSO4 or 6 */
	{14, B(0), false},          /* HOST_UFO */
	{18, B(17), false},         /* CTRL_RX */
	{19, B(17), false},         /* CTRL_VLAN */
	{20, B(17), false},         /* CTRL_RX_EXTRA */
	{21, B(17), true},          /* GUEST_ANNOUNCE */
	{22, B(17), true},          /* MQ */
	{23, B(17), false},         /* CTRL_MAC_ADDR */
	{50, B(17), false},         /* DEVICE_STATS */
	{51, B(17), false},         /* HASH_TUNNEL: CTRL_VQ, */
	{51, B(57) | B(60), false}, /* and HASH_REPORT or RSS */
	{52, B(17), false},         /* VQ_NOTF_COAL */
	{53, B(17), false},         /* NOTF_COAL */
	{54, B(1), false},          /* GUEST_USO4 */
	{55, B(1), false},          /* GUEST_USO6 */
	{56, B(0), false},          /* HOST_USO */
	{57, B(17), true},          /* HASH_REPORT */
	{60, B(17), false},         /* RSS */
	{61, B(11) | B(12), false}, /* RSC_EXT: HOST_TSO4 or 6 */
};

static bool
possible(uint64_t features, enum vnet_strict strict)
{
	for (size_t i = 0; i < RTE_DIM(table); i++) {
		if ((features & B(table[i].bit)) && !(features & table[i].any_of) &&
			!(strict == VNET_NO_CONTROL_RING && table[i].needless_without_our_ring))
			return false;
	}
	return true;
}

static void
every_bit_alone_and_with_what_it_needs(void **state)
{
	(void)state;
	for (unsigned int bit = 0; bit < 64; bit++) {
		uint64_t all = 0;
		unsigned int lines = 0;

		for (size_t i = 0; i < RTE_DIM(table); i++) {
			if (table[i].bit == bit) {
				all |= table[i].any_of;
				lines++;
			}
		}
		assert_int_equal(
			vnet_features_check(B(bit), VNET_STRICT, NULL), lines == 0 ? 0 : -EINVAL);
		/* With all alternatives and what these need, it is possible. */
		assert_int_equal(
			vnet_features_check(B(bit) | all | B(0) | B(1) | B(17), VNET_STRICT, NULL),
			0);
	}
}

static void
each_need_is_reported_by_bit_and_alternatives(void **state)
{
	(void)state;
	COVERS("NET-FACT-077");
	COVERS("HASH-TUN-002");
	for (size_t i = 0; i < RTE_DIM(table); i++) {
		/* All that it could want but for this one line. */
		uint64_t features =
			(B(0) | B(1) | B(11) | B(17) | B(57) | B(60)) & ~table[i].any_of;
		struct vnet_missing missing = {0};

		/* What else now lacks its own needs goes. */
		features = vnet_features_closure(features, VNET_STRICT) | B(table[i].bit);
		assert_int_equal(vnet_features_check(features, VNET_STRICT, &missing), -EINVAL);
		assert_int_equal(missing.bit, table[i].bit);
		assert_int_equal(missing.any_of, table[i].any_of);
		assert_true(table[i].any_of & B(missing.needs));
		/* Any one of the alternatives will do. */
		for (unsigned int need = 0; need < 64; need++) {
			if (table[i].any_of & B(need))
				assert_int_equal(vnet_features_check(
							 features | B(need) | B(0) | B(57) | B(17),
							 VNET_STRICT, NULL),
					0);
		}
	}
}

static void
first_missing_need_is_that_of_the_lowest_bit(void **state)
{
	struct vnet_missing missing;

	(void)state;
	assert_int_equal(
		vnet_features_check(UINT64_MAX & ~B(17) & ~B(1), VNET_STRICT, &missing), -EINVAL);
	assert_int_equal(missing.bit, VIRTIO_NET_F_CTRL_GUEST_OFFLOADS);
	assert_int_equal(
		vnet_features_check(B(60) | B(22) | B(9) | B(1), VNET_STRICT, &missing), -EINVAL);
	assert_int_equal(missing.bit, VIRTIO_NET_F_GUEST_ECN);
	assert_int_equal(missing.needs, VIRTIO_NET_F_GUEST_TSO4);
}

static void
frontend_that_keeps_the_control_queue_may_do_without_it(void **state)
{
	uint64_t kept = B(21) | B(22) | B(57);
	struct vnet_missing missing;

	(void)state;
	assert_int_equal(vnet_features_check(kept, VNET_NO_CONTROL_RING, NULL), 0);
	assert_int_equal(vnet_features_check(kept, VNET_STRICT, &missing), -EINVAL);
	assert_int_equal(missing.bit, 21);
	/* What the data path depends on is held all the same, and so is what it cannot keep. */
	for (size_t i = 0; i < RTE_DIM(table); i++) {
		if (kept & B(table[i].bit))
			continue;
		assert_int_equal(
			vnet_features_check(kept | B(table[i].bit), VNET_NO_CONTROL_RING, &missing),
			-EINVAL);
		assert_int_equal(missing.bit, table[i].bit);
	}
}

static void
random_sets_agree_with_the_table(void **state)
{
	uint64_t seed = 71;
	uint32_t good = 0;

	(void)state;
	for (uint32_t i = 0; i < 300000; i++) {
		uint64_t f = (uint64_t)random_next(&seed) << 32 | random_next(&seed);
		enum vnet_strict strict = i & 1 ? VNET_STRICT : VNET_NO_CONTROL_RING;
		uint64_t left;

		/* Few bits, many bits, and many with the bits that others need. */
		if (i % 3 == 0)
			f &= (uint64_t)random_next(&seed) << 32 | random_next(&seed);
		else if (i % 3 == 1)
			f |= B(0) | B(1) | B(17);
		assert_int_equal(
			vnet_features_check(f, strict, NULL), possible(f, strict) ? 0 : -EINVAL);
		good += possible(f, strict);
		left = vnet_features_closure(f, strict);
		assert_int_equal(left & ~f, 0);
		assert_true(possible(left, strict));
		/* The largest: nothing that went can come back. */
		for (unsigned int bit = 0; bit < 64; bit++) {
			if ((f & ~left) & B(bit))
				assert_false(possible(left | B(bit), strict));
		}
		if (possible(f, strict))
			assert_int_equal(left, f);
	}
	assert_in_range(good, 20000, 280000);
}

static void
closure_follows_needs_of_needs(void **state)
{
	(void)state;
	/* Without CSUM no TSO, without TSO neither ECN nor RSC_EXT. */
	assert_int_equal(
		vnet_features_closure(B(11) | B(12) | B(13) | B(61) | B(15), VNET_STRICT), B(15));
	assert_int_equal(vnet_features_closure(B(0) | B(12) | B(13) | B(61), VNET_STRICT),
		B(0) | B(12) | B(13) | B(61));
	assert_int_equal(vnet_features_closure(B(51) | B(57) | B(60), VNET_STRICT), 0);
	/* Without our ring the hash report stays, the commands go. */
	assert_int_equal(vnet_features_closure(B(51) | B(57) | B(60) | B(22), VNET_NO_CONTROL_RING),
		B(57) | B(22));
}

static void
every_bit_of_the_standard_has_its_name(void **state)
{
	static const struct {
		unsigned int bit;
		const char *name;
	} names[] = {{0, "VIRTIO_NET_F_CSUM"}, {1, "VIRTIO_NET_F_GUEST_CSUM"},
		{2, "VIRTIO_NET_F_CTRL_GUEST_OFFLOADS"}, {3, "VIRTIO_NET_F_MTU"},
		{5, "VIRTIO_NET_F_MAC"}, {7, "VIRTIO_NET_F_GUEST_TSO4"},
		{8, "VIRTIO_NET_F_GUEST_TSO6"}, {9, "VIRTIO_NET_F_GUEST_ECN"},
		{10, "VIRTIO_NET_F_GUEST_UFO"}, {11, "VIRTIO_NET_F_HOST_TSO4"},
		{12, "VIRTIO_NET_F_HOST_TSO6"}, {13, "VIRTIO_NET_F_HOST_ECN"},
		{14, "VIRTIO_NET_F_HOST_UFO"}, {15, "VIRTIO_NET_F_MRG_RXBUF"},
		{16, "VIRTIO_NET_F_STATUS"}, {17, "VIRTIO_NET_F_CTRL_VQ"},
		{18, "VIRTIO_NET_F_CTRL_RX"}, {19, "VIRTIO_NET_F_CTRL_VLAN"},
		{20, "VIRTIO_NET_F_CTRL_RX_EXTRA"}, {21, "VIRTIO_NET_F_GUEST_ANNOUNCE"},
		{22, "VIRTIO_NET_F_MQ"}, {23, "VIRTIO_NET_F_CTRL_MAC_ADDR"},
		{24, "VIRTIO_F_NOTIFY_ON_EMPTY"}, {27, "VIRTIO_F_ANY_LAYOUT"},
		{28, "VIRTIO_F_INDIRECT_DESC"}, {29, "VIRTIO_F_EVENT_IDX"},
		{30, "VHOST_USER_F_PROTOCOL_FEATURES"}, {32, "VIRTIO_F_VERSION_1"},
		{33, "VIRTIO_F_ACCESS_PLATFORM"}, {34, "VIRTIO_F_RING_PACKED"},
		{35, "VIRTIO_F_IN_ORDER"}, {36, "VIRTIO_F_ORDER_PLATFORM"}, {37, "VIRTIO_F_SR_IOV"},
		{38, "VIRTIO_F_NOTIFICATION_DATA"}, {39, "VIRTIO_F_NOTIF_CONFIG_DATA"},
		{40, "VIRTIO_F_RING_RESET"}, {50, "VIRTIO_NET_F_DEVICE_STATS"},
		{51, "VIRTIO_NET_F_HASH_TUNNEL"}, {52, "VIRTIO_NET_F_VQ_NOTF_COAL"},
		{53, "VIRTIO_NET_F_NOTF_COAL"}, {54, "VIRTIO_NET_F_GUEST_USO4"},
		{55, "VIRTIO_NET_F_GUEST_USO6"}, {56, "VIRTIO_NET_F_HOST_USO"},
		{57, "VIRTIO_NET_F_HASH_REPORT"}, {59, "VIRTIO_NET_F_GUEST_HDRLEN"},
		{60, "VIRTIO_NET_F_RSS"}, {61, "VIRTIO_NET_F_RSC_EXT"},
		{62, "VIRTIO_NET_F_STANDBY"}, {63, "VIRTIO_NET_F_SPEED_DUPLEX"}};
	size_t next = 0;

	(void)state;
	for (unsigned int bit = 0; bit < 64; bit++) {
		char unnamed[16];

		snprintf(unnamed, sizeof(unnamed), "bit %u", bit);
		if (next < RTE_DIM(names) && names[next].bit == bit)
			assert_string_equal(vnet_feature_name(bit), names[next++].name);
		else
			assert_string_equal(vnet_feature_name(bit), unnamed);
	}
	assert_int_equal(next, RTE_DIM(names));
	assert_string_equal(vnet_feature_name(64), "bit 64");
	assert_string_equal(vnet_feature_name(UINT32_MAX), "bit 4294967295");
}

static void
set_is_printed_in_short_names_and_cut_by_dots(void **state)
{
	uint64_t set = B(15) | B(32) | B(35);
	const char *full = "MRG_RXBUF,VERSION_1,IN_ORDER";
	char all[1024];
	char text[64];

	(void)state;
	assert_string_equal(vnet_features_str(set, text, sizeof(text)), full);
	assert_string_equal(vnet_features_str(0, text, sizeof(text)), "");
	assert_string_equal(
		vnet_features_str(B(44) | B(30), text, sizeof(text)), "PROTOCOL_FEATURES,bit 44");
	for (size_t size = 1; size <= sizeof(text); size++) {
		size_t len;

		memset(text, 'x', sizeof(text));
		assert_ptr_equal(vnet_features_str(set, text, size), text);
		len = strlen(text);
		assert_true(len < size);
		/* Not one byte behind it. */
		for (size_t i = size; i < sizeof(text); i++)
			assert_int_equal(text[i], 'x');
		if (size > strlen(full))
			assert_string_equal(text, full);
		else if (size >= 4)
			assert_string_equal(text + len - 3, "...");
		else
			assert_int_equal(strncmp(text, "...", size - 1), 0);
	}
	assert_string_equal(vnet_features_str(set, text, 16), "MRG_RXBUF...");
	vnet_features_str(UINT64_MAX, all, sizeof(all));
	assert_string_equal(
		all + strlen(all) - strlen(",STANDBY,SPEED_DUPLEX"), ",STANDBY,SPEED_DUPLEX");
}

static void
missing_need_is_said_in_words(void **state)
{
	struct vnet_missing missing;
	char text[VNET_MISSING_TEXT];
	char cut[12];

	(void)state;
	assert_int_equal(vnet_features_check(B(9), VNET_STRICT, &missing), -EINVAL);
	assert_string_equal(vnet_missing_str(&missing, text, sizeof(text)),
		"GUEST_ECN needs GUEST_TSO4 or GUEST_TSO6");
	assert_string_equal(vnet_missing_str(&missing, cut, sizeof(cut)), "GUEST_ECN n");
	assert_int_equal(vnet_features_check(B(22), VNET_STRICT, &missing), -EINVAL);
	assert_string_equal(vnet_missing_str(&missing, text, sizeof(text)), "MQ needs CTRL_VQ");
	/* The longest of all fits. */
	for (size_t i = 0; i < RTE_DIM(table); i++) {
		missing = (struct vnet_missing){(uint8_t)table[i].bit, 0, table[i].any_of};
		vnet_missing_str(&missing, text, sizeof(text));
		assert_true(strlen(text) + 1 < sizeof(text));
		assert_null(strstr(text, "..."));
	}
}

static void
header_is_twenty_bytes_with_the_hash_report(void **state)
{
	(void)state;
	COVERS("NET-FACT-080");
	COVERS("NET-FACT-081");
	for (unsigned int bit = 0; bit < 64; bit++) {
		assert_int_equal(vnet_hdr_bytes(B(bit)), bit == 57 ? 20 : 12);
		assert_int_equal(vnet_hdr_bytes(~B(bit)), bit == 57 ? 12 : 20);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		UNIT(every_bit_alone_and_with_what_it_needs),
		UNIT(each_need_is_reported_by_bit_and_alternatives),
		UNIT(first_missing_need_is_that_of_the_lowest_bit),
		UNIT(frontend_that_keeps_the_control_queue_may_do_without_it),
		UNIT(random_sets_agree_with_the_table),
		UNIT(closure_follows_needs_of_needs),
		UNIT(every_bit_of_the_standard_has_its_name),
		UNIT(set_is_printed_in_short_names_and_cut_by_dots),
		UNIT(missing_need_is_said_in_words),
		UNIT(header_is_twenty_bytes_with_the_hash_report),
	};

	return RUN_UNITS("vnet_features", tests);
}
