/* SPDX-License-Identifier: BSD-3-Clause */
/* Segments of large packets: every byte of their headers, and checksums by a slow sum. */
#include "net/vnet_offload.h"
#include "segment_cases.h"
#include "support/covers.h"
#include "support/frame.h"
#include "support/guard.h"

#include <rte_common.h>

#include <string.h>

#define FIN 0x01
#define PSH 0x08
#define ACK 0x10
#define ECE 0x40
#define CWR 0x80

static uint8_t frame[SEGMENT_FRAME_MAX];
static uint8_t whole[SEGMENT_FRAME_MAX];
static struct guard in, out;

/* Headers as given and headers as made both end at a forbidden page. */
static void
open_segmenter(
	struct vnet_segmenter *s, const struct segment_case *c, uint32_t len, uint32_t gso_size)
{
	uint8_t *head = in.mem + in.bytes - c->head;
	struct vnet_offload o;

	memcpy(head, frame, c->head);
	o = segment_offload(c, head, c->head, len, gso_size);
	vnet_segmenter_init(s, &o, head, c->head, len);
}

static uint8_t *
make(const struct vnet_segmenter *s, uint32_t i, struct vnet_segment *segment)
{
	uint8_t *head = out.mem + out.bytes - s->hdr_len;

	memset(out.mem, 0xa5, out.bytes);
	vnet_segment(s, i, head, segment);
	assert_int_equal(head[-1], 0xa5);
	return head;
}

/* Addresses that the checksum covers. */
static uint32_t
pseudo(const struct segment_case *c, uint32_t l4_len)
{
	uint8_t src[16], dst[16];
	uint8_t protocol = c->gso_type == VIRTIO_NET_HDR_GSO_UDP_L4 ? 17 : 6;

	frame_hex(src, c->ip == 4 ? "c0000200" : "20010db8 00000000 00000000 00000000");
	memcpy(dst, src, sizeof(dst));
	src[c->ip == 4 ? 3 : 15] = c->src;
	dst[c->ip == 4 ? 3 : 15] = c->dst;
	return frame_pseudo(src, dst, c->ip == 4 ? 4 : 16, protocol, l4_len);
}

static void
check_l3(const struct segment_case *c, const uint8_t *head, uint32_t i, uint32_t bytes)
{
	const uint8_t *ip = head + c->l3;

	if (c->ip == 6) {
		assert_int_equal(frame_get16(ip + 4), bytes - c->l3 - 40);
		return;
	}
	assert_int_equal(frame_get16(ip + 2), bytes - c->l3);
	assert_int_equal(frame_get16(ip + 4), (uint16_t)(frame_get16(frame + c->l3 + 4) + i));
	assert_int_equal(frame_checksum(ip, (ip[0] & 15u) * 4, 0), 0);
}

static void
check_l4(const struct segment_case *c, const struct vnet_segmenter *s, const uint8_t *head,
	uint32_t i, const struct vnet_segment *segment)
{
	const uint8_t *was = frame + c->l4, *is = head + c->l4;
	uint8_t flags = was[13];

	if (c->gso_type == VIRTIO_NET_HDR_GSO_UDP_L4) {
		assert_int_equal(frame_get16(is + 4), 8 + segment->payload_len);
		return;
	}
	assert_int_equal(frame_get32(is + 4), (uint32_t)(frame_get32(was + 4) + segment->payload));
	if (i > 0)
		flags &= (uint8_t)~CWR;
	if (i + 1 < s->nb)
		flags &= (uint8_t) ~(FIN | PSH);
	assert_int_equal(is[13], flags);
}

/* What is not the segment's own is as it was. */
static void
check_rest(const struct segment_case *c, const uint8_t *head)
{
	static const uint8_t ip4[] = {2, 3, 4, 5, 10, 11}, ip6[] = {4, 5};
	static const uint8_t tcp[] = {4, 5, 6, 7, 13, 16, 17}, udp[] = {4, 5, 6, 7};
	bool own[VNET_PACKET_HEAD] = {false};

	for (size_t i = 0; i < (c->ip == 4 ? sizeof(ip4) : sizeof(ip6)); i++)
		own[c->l3 + (c->ip == 4 ? ip4[i] : ip6[i])] = true;
	for (size_t i = 0; i < (c->csum_offset == 16 ? sizeof(tcp) : sizeof(udp)); i++)
		own[c->l4 + (c->csum_offset == 16 ? tcp[i] : udp[i])] = true;
	for (uint32_t i = 0; i < c->head; i++) {
		if (!own[i])
			assert_int_equal(head[i], frame[i]);
	}
}

/* The partial checksum is completed as any receiver would, then verified from the addresses. */
static void
check_checksum(
	const struct segment_case *c, const uint8_t *head, const struct vnet_segment *segment)
{
	uint32_t bytes = c->head + segment->payload_len, l4_len = bytes - c->l4;
	uint8_t *place = whole + segment->csum_start + segment->csum_offset;

	assert_int_equal(segment->csum_start, c->l4);
	assert_int_equal(segment->csum_offset, c->csum_offset);
	memcpy(whole, head, c->head);
	memcpy(whole + c->head, frame + c->head + segment->payload, segment->payload_len);
	/* ~checksum of nothing: the folded sum itself. */
	assert_int_equal(frame_get16(place), (uint16_t)~frame_checksum(NULL, 0, pseudo(c, l4_len)));
	frame_set16(
		place, frame_checksum(whole + segment->csum_start, bytes - segment->csum_start, 0));
	assert_int_equal(frame_checksum(whole + c->l4, l4_len, pseudo(c, l4_len)), 0);
}

static void
check_packet(const struct segment_case *c, uint32_t len, uint32_t gso_size, bool sums)
{
	uint32_t payload = len - c->head, done = 0;
	struct vnet_segmenter s;

	open_segmenter(&s, c, len, gso_size);
	assert_int_equal(s.payload_len, payload);
	for (uint32_t i = 0; i < s.nb; i++) {
		struct vnet_segment segment;
		uint8_t *head = make(&s, i, &segment);

		assert_int_equal(segment.payload, done);
		assert_int_equal(segment.payload_len, RTE_MIN(gso_size, payload - done));
		done += segment.payload_len;
		check_l3(c, head, i, c->head + segment.payload_len);
		check_l4(c, &s, head, i, &segment);
		check_rest(c, head);
		if (sums)
			check_checksum(c, head, &segment);
	}
	assert_int_equal(done, payload);
	assert_int_equal(s.nb, payload == 0 ? 1 : (payload + gso_size - 1) / gso_size);
}

static void
segments_add_up_to_the_packet_and_have_right_headers(void **state)
{
	static const uint32_t sizes[] = {1, 2, 7, 100, 536, 1448, 9000, 65535};

	(void)state;
	COVERS("NET-FACT-091");
	for (size_t c = 0; c < RTE_DIM(segment_cases); c++) {
		for (size_t z = 0; z < RTE_DIM(sizes); z++) {
			const uint32_t payloads[] = {0, 1, sizes[z] - 1, sizes[z], sizes[z] + 1,
				2 * sizes[z] - 1, 2 * sizes[z], 5 * sizes[z] + 3};

			for (size_t p = 0; p < RTE_DIM(payloads); p++) {
				if (payloads[p] > segment_payload_max(&segment_cases[c]))
					continue;
				check_packet(&segment_cases[c],
					segment_frame(&segment_cases[c], frame, payloads[p]),
					sizes[z], true);
			}
		}
	}
}

static void
largest_packets_are_cut_to_the_end(void **state)
{
	(void)state;
	for (size_t c = 0; c < RTE_DIM(segment_cases); c++) {
		uint32_t len = segment_frame(
			&segment_cases[c], frame, segment_payload_max(&segment_cases[c]));

		check_packet(&segment_cases[c], len, 1448, true);
		check_packet(&segment_cases[c], len, segment_cases[c].head, true);
		check_packet(&segment_cases[c], len, 65535, true);
		check_packet(&segment_cases[c], len, 1, c == 0);
	}
}

static void
flags_stand_where_their_meaning_is(void **state)
{
	static const uint8_t expected[] = {CWR | ECE | ACK, ECE | ACK, FIN | PSH | ECE | ACK};
	const struct segment_case *c = &segment_cases[0];
	struct vnet_segmenter s;
	struct vnet_segment segment;
	uint32_t len = segment_frame(c, frame, 300);

	(void)state;
	frame[c->l4 + 13] = FIN | PSH | ACK | ECE | CWR;
	open_segmenter(&s, c, len, 100);
	assert_int_equal(s.nb, 3);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(make(&s, i, &segment)[c->l4 + 13], expected[i]);
	/* First and last in one. */
	open_segmenter(&s, c, len, 300);
	assert_int_equal(s.nb, 1);
	assert_int_equal(make(&s, 0, &segment)[c->l4 + 13], FIN | PSH | ACK | ECE | CWR);
	for (uint32_t flags = 0; flags < 256; flags++) {
		frame[c->l4 + 13] = (uint8_t)flags;
		check_packet(c, len, 100, true);
	}
}

static void
sequence_number_and_identification_wrap(void **state)
{
	const struct segment_case *c = &segment_cases[0];
	uint32_t len = segment_frame(c, frame, 1000);
	struct vnet_segmenter s;
	struct vnet_segment segment;
	uint8_t *head;

	(void)state;
	frame_set16(frame + c->l3 + 4, 0xffff);
	frame_set16(frame + c->l4 + 4, 0xffff);
	frame_set16(frame + c->l4 + 6, 0xfff0);
	open_segmenter(&s, c, len, 16);
	head = make(&s, 1, &segment);
	assert_int_equal(frame_get16(head + c->l3 + 4), 0);
	assert_int_equal(frame_get32(head + c->l4 + 4), 0);
	head = make(&s, 2, &segment);
	assert_int_equal(frame_get16(head + c->l3 + 4), 1);
	assert_int_equal(frame_get32(head + c->l4 + 4), 16);
	check_packet(c, len, 16, true);
}

/* What the frame has behind the packet is no payload of any segment. */
static void
padding_is_no_payload(void **state)
{
	(void)state;
	for (size_t c = 0; c < RTE_DIM(segment_cases); c++) {
		uint32_t len = segment_frame(&segment_cases[c], frame, 250);
		struct vnet_segmenter s;

		open_segmenter(&s, &segment_cases[c], len + 51, 100);
		assert_int_equal(s.payload_len, 250);
		assert_int_equal(s.nb, 3);
	}
}

/* Written down as bytes; the checksums were reckoned by another program. */
static void
known_packet_has_known_segments(void **state)
{
	static const char *const expected[] = {
		FRAME_MACS "0800 4500002c 12344000 4006a494 c0000201 c0000202"
			   "c0010050 00000001 00000002 5010ffff 84220000",
		FRAME_MACS "0800 45000029 12354000 4006a496 c0000201 c0000202"
			   "c0010050 00000005 00000002 5018ffff 841f0000",
	};
	uint8_t bytes[64];
	const struct segment_case *c = &segment_cases[0];
	struct vnet_segmenter s;
	struct vnet_segment segment;
	uint32_t len = segment_frame(c, frame, 5);

	(void)state;
	open_segmenter(&s, c, len, 4);
	for (uint32_t i = 0; i < 2; i++) {
		uint32_t nb = frame_hex(bytes, expected[i]);

		assert_int_equal(nb, 54);
		assert_memory_equal(make(&s, i, &segment), bytes, nb);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		UNIT(segments_add_up_to_the_packet_and_have_right_headers),
		UNIT(largest_packets_are_cut_to_the_end),
		UNIT(flags_stand_where_their_meaning_is),
		UNIT(sequence_number_and_identification_wrap),
		UNIT(padding_is_no_payload),
		UNIT(known_packet_has_known_segments),
	};

	in = guard_alloc(VNET_PACKET_HEAD, 1);
	out = guard_alloc(VNET_PACKET_HEAD + 1, 1);
	return RUN_UNITS("vnet_segment", tests);
}
