/* SPDX-License-Identifier: BSD-3-Clause */
/* Hash of packets: published values, fields by the rules of the text, all forms alike. */
#include "net/vnet_hash.h"
#include "support/covers.h"
#include "support/guard.h"
#include "support/random.h"

#include <rte_vect.h>

#include <string.h>

#define TYPES_V4 \
	(VIRTIO_NET_HASH_TYPE_IPv4 | VIRTIO_NET_HASH_TYPE_TCPv4 | VIRTIO_NET_HASH_TYPE_UDPv4)
#define TYPES_V6 \
	(VIRTIO_NET_HASH_TYPE_IPv6 | VIRTIO_NET_HASH_TYPE_TCPv6 | VIRTIO_NET_HASH_TYPE_UDPv6)
#define TYPES_EX \
	(VIRTIO_NET_HASH_TYPE_IP_EX | VIRTIO_NET_HASH_TYPE_TCP_EX | VIRTIO_NET_HASH_TYPE_UDP_EX)

static struct vnet_hash_key key;
static struct vnet_hash_burst burst;

static const struct vnet_hash_form *forms; /* the production table */
static unsigned int nb_forms;

/* Bit by bit, from the definition: each set bit of the input adds the 32 key bits from there on. */
static uint32_t
slow_toeplitz(const uint8_t *k, const uint8_t *input, uint32_t bytes)
{
	uint32_t value = 0;

	for (uint32_t bit = 0; bit < 8 * bytes; bit++) {
		if (!(input[bit / 8] & (0x80 >> bit % 8)))
			continue;
		for (uint32_t i = 0; i < 32; i++) {
			uint32_t at = bit + i;
			uint32_t on = at < 320 ? k[at / 8] >> (7 - at % 8) & 1 : 0;

			value ^= on << (31 - i);
		}
	}
	return value;
}

static uint32_t
hash_one(const uint8_t *frame, uint32_t len, uint32_t types, uint8_t *report)
{
	uint32_t values[VNET_HASH_BURST];
	struct vnet_packet p;

	vnet_packet_parse(&p, frame, len, len);
	vnet_hash_begin(&burst);
	vnet_hash_add(&burst, 0, &p, frame, types);
	for (unsigned int f = nb_forms; f-- > 0;)
		forms[f].hash(&key, &burst, values, 1);
	*report = burst.report[0];
	return values[0];
}

/* Microsoft's verification suite for RSS: addresses and ports in the order they are printed. */
static const struct {
	uint8_t version;
	uint8_t destination[16];
	uint8_t source[16];
	uint16_t to_port;
	uint16_t from_port;
	uint32_t addresses;
	uint32_t tcp;
} suite[] = {
	{4, {161, 142, 100, 80}, {66, 9, 149, 187}, 1766, 2794, 0x323e8fc2, 0x51ccc178},
	{4, {65, 69, 140, 83}, {199, 92, 111, 2}, 4739, 14230, 0xd718262a, 0xc626b0ea},
	{4, {12, 22, 207, 184}, {24, 19, 198, 95}, 38024, 12898, 0xd2d0a5de, 0x5c2b394a},
	{4, {209, 142, 163, 6}, {38, 27, 205, 30}, 2217, 48228, 0x82989176, 0xafc7327f},
	{4, {202, 188, 127, 2}, {153, 39, 163, 191}, 1303, 44251, 0x5d1809c5, 0x10e828a2},
	{6, {0x3f, 0xfe, 0x25, 0x01, 0x02, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 1},
		{0x3f, 0xfe, 0x25, 0x01, 0x02, 0, 0x1f, 0xff, 0, 0, 0, 0, 0, 0, 0, 7}, 1766, 2794,
		0x2cc18cd5, 0x40207d3d},
	{6, {0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1},
		{0x3f, 0xfe, 0x05, 0x01, 0, 8, 0, 0, 0x02, 0x60, 0x97, 0xff, 0xfe, 0x40, 0xef,
			0xab},
		4739, 14230, 0x0f0c461c, 0xdde51bbf},
	{6, {0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0x02, 0, 0xf8, 0xff, 0xfe, 0x21, 0x67, 0xcf},
		{0x3f, 0xfe, 0x19, 0, 0x45, 0x45, 0, 3, 0x02, 0, 0xf8, 0xff, 0xfe, 0x21, 0x67,
			0xcf},
		38024, 44251, 0x4b61e985, 0x02d1feef},
};

static void
put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* Ethernet, IP, 20 bytes of TCP or 8 of UDP, written by hand. Returns its length. */
static uint32_t
suite_frame(uint8_t *frame, size_t i, uint8_t protocol)
{
	uint32_t l4_len = protocol == 6 ? 20 : 8;
	uint8_t *ip = frame + 14, *l4;

	memset(frame, 0, 14 + 40 + 20);
	if (suite[i].version == 4) {
		put16(frame + 12, 0x0800);
		ip[0] = 0x45;
		put16(ip + 2, (uint16_t)(20 + l4_len));
		ip[9] = protocol;
		memcpy(ip + 12, suite[i].source, 4);
		memcpy(ip + 16, suite[i].destination, 4);
		l4 = ip + 20;
	} else {
		put16(frame + 12, 0x86dd);
		ip[0] = 0x60;
		put16(ip + 4, (uint16_t)l4_len);
		ip[6] = protocol;
		memcpy(ip + 8, suite[i].source, 16);
		memcpy(ip + 24, suite[i].destination, 16);
		l4 = ip + 40;
	}
	put16(l4, suite[i].from_port);
	put16(l4 + 2, suite[i].to_port);
	if (protocol == 6)
		l4[12] = 0x50;
	else
		put16(l4 + 4, 8);
	return (uint32_t)(l4 - frame) + l4_len;
}

static void
published_values_come_out(void **state)
{
	uint8_t frame[128], report;

	(void)state;
	COVERS("HASH-008");
	COVERS("HASH-009");
	vnet_hash_key_set(&key, vnet_hash_default_key, VNET_HASH_KEY_BYTES);
	for (size_t i = 0; i < RTE_DIM(suite); i++) {
		bool v4 = suite[i].version == 4;
		uint32_t len = suite_frame(frame, i, 6);

		assert_int_equal(hash_one(frame, len, VNET_HASH_TYPES, &report), suite[i].tcp);
		assert_int_equal(report, v4 ? 2 : 5);
		assert_int_equal(hash_one(frame, len, v4 ? 1 : 8, &report), suite[i].addresses);
		assert_int_equal(report, v4 ? 1 : 4);
		len = suite_frame(frame, i, 17);
		assert_int_equal(hash_one(frame, len, VNET_HASH_TYPES, &report), suite[i].tcp);
		assert_int_equal(report, v4 ? 3 : 6);
	}
}

static void
the_first_enabled_type_that_applies_is_used(void **state)
{
	static const struct {
		size_t packet;
		uint8_t protocol;
		uint32_t types;
		uint8_t report;
	} cases[] = {
		{0, 6, 0x007, 2},
		{0, 17, 0x007, 3},
		{0, 6, 0x005, 1},
		{0, 17, 0x003, 1},
		{0, 1, 0x007, 1},
		{0, 1, 0x006, 0},
		{0, 6, 0x1f8, 0},
		{0, 6, 0, 0},
		{5, 6, 0x038, 5},
		{5, 17, 0x038, 6},
		{5, 6, 0x028, 4},
		{5, 17, 0x018, 4},
		{5, 58, 0x038, 4},
		{5, 58, 0x030, 0},
		{5, 6, 0x1c7, 0},
	};
	uint8_t frame[128], report;

	(void)state;
	COVERS("HASH-019");
	COVERS("HASH-020");
	COVERS("HASH-021");
	COVERS("HASH-022");
	COVERS("HASH-023");
	COVERS("HASH-024");
	COVERS("HASH-025");
	COVERS("HASH-026");
	COVERS("HASH-033");
	COVERS("HASH-036");
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		uint32_t len = suite_frame(frame, cases[i].packet, cases[i].protocol);
		uint32_t value = hash_one(frame, len, cases[i].types, &report);

		assert_int_equal(report, cases[i].report);
		if (report == 0)
			assert_int_equal(value, 0);
		else
			assert_true(cases[i].types & 1u << (report - 1));
	}
}

/* Ports of the first one alone would take it to another queue than the others. */
static void
all_fragments_have_the_hash_of_their_addresses(void **state)
{
	static const uint8_t fragments[][2] = {{0x20, 0}, {0x20, 1}, {0, 1}};
	uint8_t frame[128], report;
	uint32_t len = suite_frame(frame, 0, 6);

	(void)state;
	for (size_t i = 0; i < RTE_DIM(fragments); i++) {
		memcpy(frame + 14 + 6, fragments[i], 2);
		assert_int_equal(
			hash_one(frame, len, VNET_HASH_TYPES, &report), suite[0].addresses);
		assert_int_equal(report, VIRTIO_NET_HASH_REPORT_IPv4);
	}
}

/* IPv6 with destination options (a home address) and a type 2 routing header, then TCP. */
static const uint8_t mobile[] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x86, 0xdd, /* */
	0x60, 0, 0, 0, 0, 68, 60, 64,                                            /* */
	0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xa1,               /* source */
	0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xb2,               /* destination */
	43, 2, 1, 2, 0, 0, 0xc9, 16,                               /* options: PadN, home address */
	0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xc3, /* */
	6, 2, 2, 1, 0, 0, 0, 0,                                    /* routing type 2 */
	0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xd4, /* */
	0x12, 0x34, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 0x10, 0, 0, 0, 0, 0, 0};

static void
mobile_addresses_stand_in_for_those_of_the_header(void **state)
{
	uint8_t input[36], report;

	(void)state;
	COVERS("HASH-027");
	COVERS("HASH-029");
	COVERS("HASH-030");
	COVERS("HASH-031");
	COVERS("HASH-032");
	vnet_hash_key_set(&key, vnet_hash_default_key, VNET_HASH_KEY_BYTES);
	memcpy(input, mobile + 62, 16);
	memcpy(input + 16, mobile + 86, 16);
	memcpy(input + 32, mobile + 102, 4);
	assert_int_equal(hash_one(mobile, sizeof(mobile), VNET_HASH_TYPES, &report),
		slow_toeplitz(key.bytes, input, 36));
	assert_int_equal(report, VIRTIO_NET_HASH_REPORT_TCPv6_EX);
	assert_int_equal(
		hash_one(mobile, sizeof(mobile), VIRTIO_NET_HASH_TYPE_IP_EX | TYPES_V6, &report),
		slow_toeplitz(key.bytes, input, 32));
	assert_int_equal(report, VIRTIO_NET_HASH_REPORT_IPv6_EX);
	/* No EX type that applies: the addresses of the header, extensions passed over. */
	memcpy(input, mobile + 22, 32);
	assert_int_equal(
		hash_one(mobile, sizeof(mobile), VIRTIO_NET_HASH_TYPE_UDP_EX | TYPES_V6, &report),
		slow_toeplitz(key.bytes, input, 36));
	assert_int_equal(report, VIRTIO_NET_HASH_REPORT_TCPv6);
}

static void
keys_of_other_lengths_are_cut_or_filled_with_zeros(void **state)
{
	uint8_t frame[128], report, input[12], bytes[255];
	uint64_t seed = 4;
	uint32_t len = suite_frame(frame, 1, 6);

	(void)state;
	memcpy(input, frame + 26, 12);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)random_next(&seed);
	for (uint32_t length = 0; length <= sizeof(bytes); length++) {
		uint8_t whole[VNET_HASH_KEY_BYTES] = {0};
		struct guard copy = guard_alloc(RTE_MAX(length, 1U), 1);

		memcpy(copy.mem, bytes, length);
		memcpy(whole, bytes, RTE_MIN(length, sizeof(whole)));
		vnet_hash_key_set(&key, copy.mem, length);
		assert_int_equal(hash_one(frame, len, 2, &report), slow_toeplitz(whole, input, 12));
		guard_free(&copy);
	}
}

/* What a packet's input is, by the rules once more. */
static uint32_t
slow_input(const struct vnet_packet *p, const uint8_t *frame, uint8_t report, uint8_t *input)
{
	bool ports = report % 3 != 1;
	uint32_t at = 8;

	if (report <= 3) {
		memcpy(input, frame + p->l3 + 12, 8);
	} else {
		at = 32;
		memcpy(input, frame + p->l3 + 8, 32);
		if (report >= 7 && p->home != 0)
			memcpy(input, frame + p->home, 16);
		if (report >= 7 && p->route != 0)
			memcpy(input + 16, frame + p->route, 16);
	}
	if (ports)
		memcpy(input + at, frame + p->l4, 4);
	return at + (ports ? 4 : 0);
}

static uint32_t
random_frame(uint8_t *frame, uint64_t *seed)
{
	static const uint8_t protocols[] = {6, 17, 1};
	uint32_t len;

	if (random_below(seed, 8) == 0) {
		memcpy(frame, mobile, sizeof(mobile));
		len = sizeof(mobile);
	} else {
		len = suite_frame(frame, random_below(seed, RTE_DIM(suite)),
			protocols[random_below(seed, RTE_DIM(protocols))]);
	}
	/* Addresses and ports, and sometimes anything. */
	for (uint32_t i = 0; i < 16; i++)
		frame[26 + random_below(seed, 12)] = (uint8_t)random_next(seed);
	if (random_below(seed, 8) == 0)
		frame[random_below(seed, len)] = (uint8_t)random_next(seed);
	return random_below(seed, 16) == 0 ? random_below(seed, len) + 1 : len;
}

static void
all_forms_agree_with_the_definition(void **state)
{
	uint32_t values[4][VNET_HASH_BURST], seen[10] = {0};
	uint64_t seed = 7;

	(void)state;
	assert_true(nb_forms <= RTE_DIM(values));
	for (uint32_t round = 0; round < 4000; round++) {
		uint32_t n = 1 + random_below(&seed, VNET_HASH_BURST);
		uint32_t expected[VNET_HASH_BURST];
		uint8_t bytes[VNET_HASH_KEY_BYTES];

		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = (uint8_t)random_next(&seed);
		vnet_hash_key_set(&key, bytes, sizeof(bytes));
		memset(&burst, 0xa5, sizeof(burst));
		vnet_hash_begin(&burst);
		for (uint32_t i = 0; i < n; i++) {
			uint8_t frame[160], input[VNET_HASH_INPUT_MAX];
			uint32_t len = random_frame(frame, &seed);
			uint32_t types = (uint32_t)random_next(&seed);
			struct vnet_packet p;

			vnet_packet_parse(&p, frame, len, len);
			vnet_hash_add(&burst, i, &p, frame, types);
			seen[burst.report[i]]++;
			expected[i] =
				burst.report[i] == 0
					? 0
					: slow_toeplitz(bytes, input,
						  slow_input(&p, frame, burst.report[i], input));
		}
		for (unsigned int f = 0; f < nb_forms; f++) {
			forms[f].hash(&key, &burst, values[f], n);
			for (uint32_t i = 0; i < n; i++) {
				if (values[f][i] != expected[i])
					fail_msg("%s: packet %u of %u: %#x, not %#x", forms[f].name,
						i, n, values[f][i], expected[i]);
			}
		}
	}
	for (size_t i = 0; i < RTE_DIM(seen); i++)
		assert_true(seen[i] > 100 || i == VIRTIO_NET_HASH_REPORT_UDPv6_EX);
}

static void
type_bits_and_reports_are_linked(void **state)
{
	(void)state;
	COVERS("HASH-010");
	COVERS("HASH-011");
	COVERS("HASH-012");
	COVERS("HASH-013");
	COVERS("HASH-014");
	COVERS("HASH-015");
	COVERS("HASH-016");
	COVERS("HASH-017");
	COVERS("HASH-018");
	COVERS("HASH-035");
	assert_int_equal(VNET_HASH_TYPES, TYPES_V4 | TYPES_V6 | TYPES_EX);
	assert_int_equal(TYPES_V4, 7);
	assert_int_equal(TYPES_V6, 7 << 3);
	assert_int_equal(TYPES_EX, 7 << 6);
	assert_int_equal(vnet_hash_ptype(0), 0);
	assert_int_equal(vnet_hash_ptype(10), 0);
	for (uint16_t report = 1; report <= 9; report++)
		assert_true(vnet_hash_ptype(report) != 0);
}

static void
the_widest_form_that_is_allowed_is_chosen(void **state)
{
	static const char *const names[] = {"scalar", "avx2", "gfni"};
	static const uint16_t widths[] = {64, 256, 512};

	(void)state;
	assert_true(nb_forms <= RTE_DIM(names));
	for (unsigned int w = 0; w < RTE_DIM(widths); w++) {
		const char *widest = names[RTE_MIN(w, nb_forms - 1)];

		assert_int_equal(rte_vect_set_max_simd_bitwidth(widths[w]), 0);
		assert_string_equal(vnet_hash_select()->name, widest);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		UNIT(published_values_come_out),
		UNIT(the_first_enabled_type_that_applies_is_used),
		UNIT(all_fragments_have_the_hash_of_their_addresses),
		UNIT(mobile_addresses_stand_in_for_those_of_the_header),
		UNIT(keys_of_other_lengths_are_cut_or_filled_with_zeros),
		UNIT(all_forms_agree_with_the_definition),
		UNIT(type_bits_and_reports_are_linked),
		UNIT(the_widest_form_that_is_allowed_is_chosen),
	};

	nb_forms = vnet_hash_forms(&forms);
	return RUN_UNITS("vnet_hash", tests);
}
