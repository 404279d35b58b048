/* SPDX-License-Identifier: BSD-3-Clause */
/* The reference gives the published values, and what the text says; lib/net agrees with it. */
#include "frames.h"
#include "net/vnet_hash.h"
#include "reference.h"
#include "support/covers.h"

#include <rte_common.h>

#include <stdio.h>
#include <string.h>

#define NB_RANDOM 100000

static const uint8_t macs[12] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1};

static struct reference all = {.types = REFERENCE_ALL_TYPES, .unclassified = 7, .entries = 1};

static void
published_values_come_out(void **state)
{
	uint8_t frame[FRAME_ROOM];
	uint64_t id = 0;
	uint32_t len;

	(void)state;
	COVERS("HASH-008");
	COVERS("HASH-009");
	memcpy(all.key, vector_key, sizeof(all.key));
	while ((len = vector_make(frame, 1, id, macs)) != 0) {
		struct vector_value expected = vector_value(id);
		struct verdict v = reference_judge(&all, frame, len);

		assert_int_equal(v.report, expected.report);
		assert_int_equal(v.value, expected.value);
		id++;
	}
	assert_int_equal(id, 33);
}

static void
keys_and_places_of_bits_count(void **state)
{
	uint8_t key[REFERENCE_KEY_BYTES] = {0x80, 0, 0, 1, 0x80};
	uint8_t bytes[36] = {0x80};

	(void)state;
	assert_int_equal(reference_toeplitz(key, bytes, 1), 0x80000001);
	bytes[0] = 0x40;
	assert_int_equal(reference_toeplitz(key, bytes, 1), 0x00000003);
	bytes[0] = 0xc0;
	assert_int_equal(reference_toeplitz(key, bytes, 1), 0x80000002);
	memset(key, 0, sizeof(key));
	key[39] = 2; /* the last window ends one bit before the key */
	bytes[0] = 0;
	bytes[35] = 1;
	assert_int_equal(reference_toeplitz(key, bytes, 36), 1);
}

/* A frame by its bytes behind the addresses. */
static struct verdict
judge(const struct reference *r, const char *hex)
{
	uint8_t frame[FRAME_ROOM] = {0};
	uint32_t len = 12;

	for (; *hex != '\0'; hex++) {
		unsigned int byte;

		if (*hex == ' ')
			continue;
		assert_int_equal(sscanf(hex, "%2x", &byte), 1);
		frame[len++] = (uint8_t)byte;
		hex++;
	}
	return reference_judge(r, frame, len);
}

#define IP4(length, fragment, protocol) \
	"0800 4500" length "0000" fragment "40" protocol "0000 01020304 05060708"
#define ADDRESSES "20010000000000000000000000000001 20010000000000000000000000000002"
#define IP6(length, next) "86dd 60000000" length next "40" ADDRESSES
#define TCP_HEADER "00010002 00000000 00000000 50000000 00000000"
#define UDP_HEADER "00010002 00080000"
#define HOME "c910 20030000000000000000000000000003"

struct example {
	const char *why;
	const char *hex;
	uint32_t types;
	enum reference_report report;
};

static const struct example examples[] = {
	{"TCP", IP4("0028", "0000", "06") TCP_HEADER, 0x1ff, REPORT_TCPV4},
	{"padding", IP4("0028", "0000", "06") TCP_HEADER "000000000000", 0x1ff, REPORT_TCPV4},
	{"UDP behind two tags", "88a80001 8100 0002" IP4("001c", "0000", "11") UDP_HEADER, 0x1ff,
		REPORT_UDPV4},
	{"three tags", "88a80001 81000002 81000003" IP4("001c", "0000", "11") UDP_HEADER, 0x1ff,
		REPORT_NONE},
	{"type TCPv4 is off", IP4("0028", "0000", "06") TCP_HEADER, 0x1fd, REPORT_IPV4},
	{"UDP's type is not TCP's", IP4("0028", "0000", "06") TCP_HEADER, 0x1fc, REPORT_NONE},
	{"TCP one byte short", IP4("0027", "0000", "06") TCP_HEADER, 0x1ff, REPORT_IPV4},
	{"first fragment", IP4("0028", "2000", "06") TCP_HEADER, 0x1ff, REPORT_IPV4},
	{"later fragment", IP4("0028", "0001", "06") TCP_HEADER, 0x1ff, REPORT_IPV4},
	{"longer than its frame", IP4("0029", "0000", "06") TCP_HEADER, 0x1ff, REPORT_NONE},
	{"no length", IP4("0000", "0000", "06") TCP_HEADER, 0x1ff, REPORT_NONE},
	{"SCTP", IP4("0028", "0000", "84") TCP_HEADER, 0x1ff, REPORT_IPV4},
	{"ARP", "0806 00010800060400010200000000010a0000010000000000000a000002", 0x1ff,
		REPORT_NONE},
	{"IPv6", IP6("0014", "06") TCP_HEADER, 0x1ff, REPORT_TCPV6},
	{"IPv6 UDP, EX types only", IP6("0008", "11") UDP_HEADER, 0x1c0, REPORT_NONE},
	{"hop-by-hop", IP6("0010", "00") "1100010400000000" UDP_HEADER, 0x1ff, REPORT_UDPV6_EX},
	{"hop-by-hop, no EX types", IP6("0010", "00") "1100010400000000" UDP_HEADER, 0x3f,
		REPORT_UDPV6},
	{"hop-by-hop, IP_EX comes before UDPv6", IP6("0010", "00") "1100010400000000" UDP_HEADER,
		0x7f, REPORT_IPV6_EX},
	{"atomic fragment", IP6("0010", "2c") "1100000000000000" UDP_HEADER, 0x1ff,
		REPORT_UDPV6_EX},
	{"first fragment of IPv6", IP6("0010", "2c") "1100000100000000" UDP_HEADER, 0x1ff,
		REPORT_IPV6_EX},
	{"segments left, type 0", IP6("0010", "2b") "1100000100000000" UDP_HEADER, 0x1ff,
		REPORT_IPV6_EX},
	{"no segments left", IP6("0010", "2b") "1100000000000000" UDP_HEADER, 0x1ff,
		REPORT_UDPV6_EX},
	{"authentication is the protocol", IP6("0010", "33") "1100000000000000" UDP_HEADER, 0x1ff,
		REPORT_IPV6},
	{"home address", IP6("0020", "3c") "1102 01020000" HOME UDP_HEADER, 0x1ff, REPORT_UDPV6_EX},
};

static void
reports_follow_the_text(void **state)
{
	(void)state;
	COVERS("HASH-035");
	for (unsigned int i = 0; i < RTE_DIM(examples); i++) {
		struct reference r = {.types = examples[i].types, .entries = 1};
		struct verdict v = judge(&r, examples[i].hex);

		if (v.report != examples[i].report)
			fail_msg("%s: %s, not %s", examples[i].why, reference_name(v.report),
				reference_name(examples[i].report));
	}
}

static void
home_address_and_route_replace_addresses(void **state)
{
	struct reference r = {.types = 0x1ff, .entries = 1};
	struct verdict plain, home, fallback;

	(void)state;
	COVERS("HASH-030");
	COVERS("HASH-032");
	memcpy(r.key, vector_key, sizeof(r.key));
	plain = judge(&r, IP6("0008", "11") UDP_HEADER);
	home = judge(&r, IP6("0020", "3c") "1102 01020000" HOME UDP_HEADER);
	assert_int_not_equal(plain.value, home.value);
	r.types = 0x3f;
	fallback = judge(&r, IP6("0020", "3c") "1102 01020000" HOME UDP_HEADER);
	assert_int_equal(plain.value, fallback.value);
}

static uint32_t
random_types(uint64_t *state)
{
	return frame_random(state) % 4 != 0 ? (uint32_t)frame_random(state) & 0x1ff : 0x1ff;
}

/* Frames of all reports come up, and the library finds the same as the reference. */
static void
library_agrees_on_random_frames(void **state)
{
	static struct vnet_hash_key key;
	static struct vnet_hash_burst burst;
	uint32_t values[VNET_HASH_BURST], seen[REPORT_MAX] = {0};
	uint8_t frame[FRAME_ROOM];
	uint64_t random = 5;

	(void)state;
	for (uint64_t id = 0; id < NB_RANDOM; id++) {
		struct vnet_packet p;
		struct verdict v;
		uint32_t len = frame_make(frame, 1, id, macs);

		if (id % 1000 == 0) {
			for (unsigned int i = 0; i < sizeof(all.key); i++)
				all.key[i] = (uint8_t)frame_random(&random);
			vnet_hash_key_set(&key, all.key, sizeof(all.key));
		}
		assert_in_range(len, 14 + FRAME_TRAILER, FRAME_MAX);
		all.types = random_types(&random);
		v = reference_judge(&all, frame, len);
		seen[v.report]++;
		vnet_packet_parse(&p, frame, RTE_MIN(len, 256u), len);
		vnet_hash_begin(&burst);
		vnet_hash_add(&burst, 0, &p, frame, all.types);
		vnet_hash_scalar(&key, &burst, values, 1);
		if (burst.report[0] != v.report ||
			(v.report != REPORT_NONE && values[0] != v.value))
			fail_msg("frame %u, types %x: %s %08x, the library says %s %08x",
				(unsigned int)id, all.types, reference_name(v.report), v.value,
				reference_name(burst.report[0]), values[0]);
	}
	for (unsigned int i = 0; i < REPORT_MAX; i++) {
		if (seen[i] < NB_RANDOM / 100)
			fail_msg("%u frames with report %s", seen[i], reference_name(i));
	}
}

static void
frames_are_told_by_their_trailer(void **state)
{
	uint8_t frame[FRAME_ROOM], again[FRAME_ROOM];
	uint64_t id = 0;
	uint32_t len;

	(void)state;
	len = frame_make(frame, 9, 123456, macs);
	assert_true(frame_id(frame, len, 9, &id));
	assert_int_equal(id, 123456);
	assert_false(frame_id(frame, len, 8, &id));
	assert_false(frame_id(frame, len - 1, 9, &id));
	assert_int_equal(frame_make(again, 9, 123456, macs), len);
	assert_memory_equal(frame, again, len);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		UNIT(published_values_come_out),
		UNIT(keys_and_places_of_bits_count),
		UNIT(reports_follow_the_text),
		UNIT(home_address_and_route_replace_addresses),
		UNIT(frames_are_told_by_their_trailer),
		UNIT(library_agrees_on_random_frames),
	};

	return RUN_UNITS("reference", tests);
}
