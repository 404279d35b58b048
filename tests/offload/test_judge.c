/* SPDX-License-Identifier: BSD-3-Clause */
/* The judge accepts what the RFCs say, and finds whatever differs from it. */
#include "judge.h"
#include "support/covers.h"

#include <rte_common.h>
#include <rte_mbuf.h>
#include <rte_mbuf_ptype.h>

#include <string.h>

#define MAX_PACKETS 16

static const uint8_t src_mac[6] = {2, 0, 0, 0, 0, 1}, dst_mac[6] = {2, 0, 0, 0, 0, 2};
static const struct receiver asks_nothing = {.mtu = 1500};
static const struct receiver asks_csum = {.mtu = 1500, .partial = true};
static const struct receiver asks_all = {.mtu = 1500, .partial = true, .lro = true};

static struct frame frame;

/* What a network without faults makes of a frame. */
static struct packet {
	struct arrival a;
	uint8_t bytes[FRAME_MAX];
} wire[MAX_PACKETS];
static uint32_t nb_wire;

static const struct shape whole_shapes[] = {
	{.kind = KIND_NONE, .flavour = FLAVOUR_TCP4, .size = 60},
	{.kind = KIND_NONE, .flavour = FLAVOUR_ETHER, .size = 60, .tags = 1},
	{.kind = KIND_NONE, .flavour = FLAVOUR_FRAGMENT, .size = 301, .extra = EXTRA_LONG},
	{.kind = KIND_NONE, .flavour = FLAVOUR_IP4, .size = 99},
	{.kind = KIND_NONE, .flavour = FLAVOUR_UDP4, .size = 99, .no_sum = true},
	{.kind = KIND_NONE, .flavour = FLAVOUR_TCP6, .size = 150, .wrong_sum = true},
	{.kind = KIND_CSUM, .flavour = FLAVOUR_TCP4, .size = 1514, .tcp_options = 12},
	{.kind = KIND_CSUM, .flavour = FLAVOUR_UDP4, .size = 77, .zero_sum = true, .tags = 2},
	{.kind = KIND_CSUM, .flavour = FLAVOUR_TCP6, .size = 601, .extra = EXTRA_ROUTE},
	{.kind = KIND_CSUM, .flavour = FLAVOUR_UDP6, .size = 600, .extra = EXTRA_HOME},
	{.kind = KIND_CSUM, .flavour = FLAVOUR_UDP4, .size = 60, .trailer = 7},
};

static const struct shape gso_shapes[] = {
	{.kind = KIND_TSO4, .flavour = FLAVOUR_TCP4, .size = 1200, .mss = 301, .tcp_options = 12},
	{.kind = KIND_TSO4, .flavour = FLAVOUR_TCP4, .size = 60, .mss = 2, .tags = 0},
	{.kind = KIND_TSO6, .flavour = FLAVOUR_TCP6, .size = 1200, .mss = 400, .extra = EXTRA_LONG},
	{.kind = KIND_TSO6, .flavour = FLAVOUR_TCP6, .size = 900, .mss = 333, .tags = 1},
	{.kind = KIND_USO, .flavour = FLAVOUR_UDP4, .size = 1000, .mss = 299, .extra = EXTRA_SHORT},
	{.kind = KIND_USO, .flavour = FLAVOUR_UDP6, .size = 700, .mss = 222, .extra = EXTRA_HOME},
};

static struct packet *
add_packet(const uint8_t *bytes, uint32_t len)
{
	struct packet *p = &wire[nb_wire++];

	assert_true(nb_wire <= MAX_PACKETS);
	memcpy(p->bytes, bytes, len);
	p->a = (struct arrival){.bytes = p->bytes, .len = len};
	return p;
}

/* Written apart from the judge's own: from the end of the packet to its beginning. */
static void
finish_checksum(uint8_t *bytes, uint32_t payload_len, bool partial)
{
	uint64_t sum = frame_pseudo(&frame, payload_len);
	uint16_t value;

	put16(bytes + frame.csum_at, 0);
	value = inet_fold(sum);
	if (!partial) {
		value = inet_checksum(
			inet_add(sum, bytes + frame.l2 + frame.l3, frame.l4 + payload_len));
		if (frame.udp && value == 0)
			value = 0xffff;
	}
	put16(bytes + frame.csum_at, value);
}

static void
ideal_segments(bool partial)
{
	uint32_t headers = frame_headers(&frame), mss = frame.shape.mss;
	uint32_t nb = (frame.payload_len + mss - 1) / mss;

	for (uint32_t i = 0; i < nb; i++) {
		uint32_t n = i + 1 < nb ? mss : frame.payload_len - i * mss;
		struct packet *p = add_packet(frame.bytes, headers);
		uint8_t *ip = p->bytes + frame.l2, *l4 = ip + frame.l3;

		memcpy(p->bytes + headers, frame.bytes + headers + i * mss, n);
		p->a.len = headers + n;
		if (frame.v6) {
			put16(ip + 4, (uint16_t)(headers + n - frame.l2 - 40));
		} else {
			put16(ip + 2, (uint16_t)(headers + n - frame.l2));
			put16(ip + 4, (uint16_t)(get16(frame.bytes + frame.l2 + 4) + i));
			put16(ip + 10, 0);
			put16(ip + 10, inet_checksum(inet_add(0, ip, frame.l3)));
		}
		if (frame.tcp) {
			put32(l4 + 4, get32(l4 + 4) + i * mss);
			l4[13] &= (uint8_t)((i + 1 < nb ? 0xf6 : 0xff) & (i > 0 ? 0x7f : 0xff));
		} else {
			put16(l4 + 4, (uint16_t)(8 + n));
		}
		finish_checksum(p->bytes, n, partial);
		if (partial)
			p->a.ol_flags = RTE_MBUF_F_RX_L4_CKSUM_NONE;
	}
}

static void
send_ideal(const struct shape *shape, const struct receiver *rx)
{
	struct packet *p;

	nb_wire = 0;
	/* A seed with FIN, PSH and CWR, so that their places matter. */
	for (uint64_t seed = shape->seed + 1;; seed++) {
		struct shape seeded = *shape;

		seeded.seed = seed;
		frame_build(&frame, &seeded, src_mac, dst_mac);
		if (!frame.tcp || (frame.bytes[frame.l2 + frame.l3 + 13] & 0x89) == 0x89)
			break;
	}
	if (frame_is_gso(&frame) && !rx->lro) {
		ideal_segments(rx->partial);
		return;
	}
	p = add_packet(frame.bytes, frame.len);
	if (frame.csum_at != 0 && shape->kind != KIND_NONE && rx->partial) {
		finish_checksum(p->bytes, frame.payload_len, true);
		p->a.ol_flags = RTE_MBUF_F_RX_L4_CKSUM_NONE;
	}
	if (frame_is_gso(&frame)) {
		p->a.ol_flags |= RTE_MBUF_F_RX_LRO;
		p->a.tso_segsz = shape->mss;
	}
}

/* @return whether all of the wire is right and complete. */
static bool
verdict(const struct receiver *rx)
{
	struct judge j;

	judge_init(&j, &frame, rx);
	for (uint32_t i = 0; i < nb_wire; i++) {
		if (j.done || !judge_take(&j, &wire[i].a))
			return false;
	}
	return j.done;
}

static void
each_way_of_delivery_that_is_right_is_accepted(void **state)
{
	const struct receiver *const asks[] = {&asks_nothing, &asks_csum, &asks_all};

	(void)state;
	for (unsigned int r = 0; r < RTE_DIM(asks); r++) {
		for (unsigned int i = 0; i < RTE_DIM(whole_shapes); i++) {
			send_ideal(&whole_shapes[i], asks[r]);
			assert_true(verdict(asks[r]));
			assert_int_equal(nb_wire, 1);
		}
		for (unsigned int i = 0; i < RTE_DIM(gso_shapes); i++) {
			send_ideal(&gso_shapes[i], asks[r]);
			assert_true(verdict(asks[r]));
			assert_int_equal(nb_wire > 1, !asks[r]->lro);
		}
	}
	/* Nobody is forced to leave anything to a receiver that would take it. */
	for (unsigned int i = 0; i < RTE_DIM(gso_shapes); i++) {
		send_ideal(&gso_shapes[i], &asks_nothing);
		assert_true(verdict(&asks_all));
	}
}

/* Any bit of any byte: also where a damaged checksum could make up for it. */
static void
no_byte_can_change_unseen(void **state)
{
	const struct receiver *const asks[] = {&asks_nothing, &asks_csum, &asks_all};

	(void)state;
	for (unsigned int r = 0; r < RTE_DIM(asks); r++) {
		for (unsigned int s = 0; s < RTE_DIM(whole_shapes) + RTE_DIM(gso_shapes); s++) {
			send_ideal(s < RTE_DIM(whole_shapes)
					   ? &whole_shapes[s]
					   : &gso_shapes[s - RTE_DIM(whole_shapes)],
				asks[r]);
			for (uint32_t i = 0; i < nb_wire; i++) {
				for (uint32_t at = 0; at < wire[i].a.len; at++) {
					uint8_t bit = (uint8_t)(1 << (at + i) % 8);

					wire[i].bytes[at] ^= bit;
					if (verdict(asks[r]))
						fail_msg("shape %u packet %u byte %u", s, i, at);
					wire[i].bytes[at] ^= bit;
				}
			}
			assert_true(verdict(asks[r]));
		}
	}
}

static void
lost_doubled_or_swapped_segments_are_found(void **state)
{
	(void)state;
	for (unsigned int s = 0; s < RTE_DIM(gso_shapes); s++) {
		send_ideal(&gso_shapes[s], &asks_nothing);
		nb_wire--;
		assert_false(verdict(&asks_nothing));

		send_ideal(&gso_shapes[s], &asks_nothing);
		wire[0].a = wire[1].a;
		assert_false(verdict(&asks_nothing));

		send_ideal(&gso_shapes[s], &asks_nothing);
		add_packet(wire[nb_wire - 1].bytes, wire[nb_wire - 1].a.len);
		assert_false(verdict(&asks_nothing));
	}
}

static void
lengths_that_differ_are_found(void **state)
{
	(void)state;
	for (unsigned int s = 0; s < RTE_DIM(gso_shapes); s++) {
		send_ideal(&gso_shapes[s], &asks_nothing);
		wire[0].a.len--;
		assert_false(verdict(&asks_nothing));
		wire[0].a.len += 2;
		assert_false(verdict(&asks_nothing));
		wire[0].a.len = 13;
		assert_false(verdict(&asks_nothing));
	}
}

/* Right bytes, and flags that no receiver may see with them. */
static void
flags_that_lie_are_found(void **state)
{
	static const uint64_t lies[] = {RTE_MBUF_F_RX_L4_CKSUM_BAD, RTE_MBUF_F_RX_L4_CKSUM_NONE,
		RTE_MBUF_F_RX_IP_CKSUM_BAD, RTE_MBUF_F_RX_IP_CKSUM_NONE, RTE_MBUF_F_RX_LRO,
		RTE_MBUF_F_RX_VLAN_STRIPPED};

	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(lies); i++) {
		send_ideal(&gso_shapes[0], &asks_nothing);
		wire[0].a.ol_flags = lies[i];
		assert_false(verdict(&asks_nothing));
		assert_false(verdict(&asks_all));
	}
	/* GOOD tells the truth for a complete checksum, and lies for a partial one. */
	send_ideal(&gso_shapes[0], &asks_nothing);
	wire[0].a.ol_flags = RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	assert_true(verdict(&asks_all));
	send_ideal(&gso_shapes[0], &asks_csum);
	wire[0].a.ol_flags = RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	assert_false(verdict(&asks_all));
	/* Sent with a wrong checksum: BAD is true, GOOD is not. */
	send_ideal(&whole_shapes[5], &asks_all);
	wire[0].a.ol_flags = RTE_MBUF_F_RX_L4_CKSUM_BAD;
	assert_true(verdict(&asks_all));
	wire[0].a.ol_flags = RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	assert_false(verdict(&asks_all));
}

static void
partial_checksums_are_for_those_who_asked(void **state)
{
	(void)state;
	send_ideal(&whole_shapes[6], &asks_csum);
	assert_true(verdict(&asks_csum));
	assert_false(verdict(&asks_nothing));
	wire[0].a.ol_flags = 0;
	assert_false(verdict(&asks_csum));
	assert_false(verdict(&asks_nothing));
}

static void
large_packets_are_for_those_who_asked(void **state)
{
	static const struct shape plain = {
		.kind = KIND_NONE, .flavour = FLAVOUR_UDP4, .size = 1600};
	struct receiver jumbo = asks_nothing;

	(void)state;
	send_ideal(&gso_shapes[0], &asks_all);
	assert_true(verdict(&asks_all));
	assert_false(verdict(&asks_csum));
	wire[0].a.tso_segsz--;
	assert_false(verdict(&asks_all));
	/* Unmarked, it is a frame that is too long. */
	wire[0].a.ol_flags = RTE_MBUF_F_RX_L4_CKSUM_NONE;
	assert_false(verdict(&asks_all));
	send_ideal(&plain, &asks_nothing);
	assert_false(verdict(&asks_nothing));
	jumbo.mtu = 1586;
	assert_true(verdict(&jumbo));
}

static void
udp_never_comes_with_checksum_0(void **state)
{
	(void)state;
	send_ideal(&whole_shapes[7], &asks_nothing);
	assert_int_equal(get16(wire[0].bytes + frame.csum_at), 0xffff);
	assert_true(verdict(&asks_nothing));
	put16(wire[0].bytes + frame.csum_at, 0);
	assert_false(verdict(&asks_nothing));
}

static void
packet_types_of_other_layers_are_found(void **state)
{
	(void)state;
	send_ideal(&whole_shapes[8], &asks_nothing); /* TCP over IPv6 with extensions */
	wire[0].a.packet_type = RTE_PTYPE_L3_IPV6_EXT | RTE_PTYPE_L4_TCP;
	assert_true(verdict(&asks_nothing));
	wire[0].a.packet_type = RTE_PTYPE_L3_IPV4 | RTE_PTYPE_L4_TCP;
	assert_false(verdict(&asks_nothing));
	wire[0].a.packet_type = RTE_PTYPE_L3_IPV6_EXT | RTE_PTYPE_L4_UDP;
	assert_false(verdict(&asks_nothing));
}

/* Examples that others worked out: RFC 1071, 3, and a header of RFC 791's kind. */
static void
checksums_of_published_examples(void **state)
{
	static const uint8_t words[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
	static const uint8_t header[] = {0x45, 0x00, 0x00, 0x73, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11,
		0xb8, 0x61, 0xc0, 0xa8, 0x00, 0x01, 0xc0, 0xa8, 0x00, 0xc7};

	(void)state;
	assert_int_equal(inet_fold(inet_add(0, words, sizeof(words))), 0xddf2);
	assert_int_equal(inet_fold(inet_add(0, header, sizeof(header))), 0xffff);
	assert_int_equal(inet_fold(inet_add(0, words, 1)), 0x0000);
	assert_int_equal(inet_fold(inet_add(0, words + 2, 1)), 0xf200);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		UNIT(checksums_of_published_examples),
		UNIT(each_way_of_delivery_that_is_right_is_accepted),
		UNIT(no_byte_can_change_unseen),
		UNIT(lost_doubled_or_swapped_segments_are_found),
		UNIT(lengths_that_differ_are_found),
		UNIT(flags_that_lie_are_found),
		UNIT(partial_checksums_are_for_those_who_asked),
		UNIT(large_packets_are_for_those_who_asked),
		UNIT(udp_never_comes_with_checksum_0),
		UNIT(packet_types_of_other_layers_are_found),
	};

	return RUN_UNITS("judge", tests);
}
