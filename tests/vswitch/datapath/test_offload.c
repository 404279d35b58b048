/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Checksums and segmentation between guests that accept different things: passed on as they are, or
 * completed; judged by packets.c, which shares nothing with the switch.
 */
#include "offload_scene.h"

#include <string.h>

static void
offloads_pass_to_a_guest_that_accepts_them(void **state)
{
	(void)state;
	COVERS("NET-DEV-033");
	COVERS("NET-DEV-036");
	COVERS("NET-DEV-037");
	COVERS("NET-DEV-039");
	COVERS("NET-DEV-040");
	COVERS("NET-DEV-045");
	COVERS("NET-DEV-017");
	open_two(SENDS | MERGE, TAKES | MERGE);
	introduce(&b, 2);
	for (unsigned int i = 0; i < LAYOUTS; i++) {
		for (int gso = 0; gso < 3; gso++) {
			struct packet p = layout(i, gso ? 8000 : 1000);

			if (gso == 2 && p.udp)
				continue;
			p.tcp_flags = gso == 2 ? TCP_ACK | TCP_CWR : TCP_ACK;
			packet_make(&p, sent, 2, i);
			if (gso)
				packet_gso(&p, sent, &asked, 1200, gso == 2);
			else
				packet_partial(&p, sent, &asked);
			/* What the driver says of hdr_len is not believed. */
			asked.hdr_len = rte_cpu_to_le_16(i % 2 ? 9 : 0xffff);
			post(&b, (enum buffers)(i % BUFFERS), 1, p.len);
			assert_int_equal(send_asked(cut_in(1 + i % 17, p.len + 12), p.len), 1);
			assert_int_equal(guest_receive_hdr(&b, 0, got, &arrived), p.len);
			assert_memory_equal(got, sent, p.len);
			asked.hdr_len = rte_cpu_to_le_16(gso ? (uint16_t)p.hdr_len : 0);
			asked.num_buffers = arrived.num_buffers;
			assert_memory_equal(&arrived, &asked, 12);
			packet_finish(got, p.len, &arrived);
			if (!gso)
				packet_assert_right(&p, got, p.len);
		}
	}
	assert_int_equal(b.port->txq[0]->stats.segmented, 0);
	assert_int_equal(b.port->txq[0]->stats.csum_completed, 0);
	close_two();
}

static void
partial_checksum_is_completed_for_a_guest_without_csum(void **state)
{
	static const uint32_t payloads[] = {0, 1, 18, 700, 1480, 8960};

	(void)state;
	COVERS("NET-DEV-026");
	COVERS("NET-DEV-027");
	open_two(SENDS | MERGE, MERGE);
	introduce(&b, 2);
	for (unsigned int i = 0; i < LAYOUTS; i++) {
		for (uint32_t cut = 1; cut <= 17; cut++) {
			struct packet p = layout(i, payloads[(i + cut) % RTE_DIM(payloads)]);

			packet_make(&p, sent, 2, i + cut);
			packet_partial(&p, sent, &asked);
			post(&b, (enum buffers)(cut % BUFFERS), 1, p.len);
			assert_int_equal(send_asked(cut_in(cut, p.len + 12), p.len), 1);
			assert_int_equal(guest_receive(&b, 0, got, &num_buffers), p.len);
			packet_assert_right(&p, got, p.len);
			/* Nothing but the checksum was changed. */
			memcpy(sent + packet_csum_at(&p), got + packet_csum_at(&p), 2);
			assert_memory_equal(got, sent, p.len);
		}
	}
	assert_int_equal(b.port->txq[0]->stats.csum_completed, LAYOUTS * 17);
	close_two();
}

static void
checksum_field_may_lie_across_any_cut_on_both_sides(void **state)
{
	uint32_t in[3] = {0}, out[3] = {0};

	(void)state;
	open_two(SENDS, 0);
	introduce(&b, 2);
	for (unsigned int i = 0; i < LAYOUTS; i += 5) {
		struct packet p = layout(i, 60);

		packet_make(&p, sent, 2, i);
		packet_partial(&p, sent, &asked);
		for (uint32_t cut = 1; cut < p.len + 11; cut++) {
			in[0] = cut;
			in[1] = cut + 1 < p.len + 12 ? 1 : 0;
			out[0] = p.len + 12 - cut;
			out[1] = cut > 1 ? 1 : 0;
			guest_post_chain(&b, 0, 1, p.len + 12, out);
			assert_int_equal(send_asked(in, p.len), 1);
			assert_int_equal(guest_receive(&b, 0, got, &num_buffers), p.len);
			packet_assert_right(&p, got, p.len);
		}
	}
	close_two();
}

static void
udp_checksum_that_is_zero_is_sent_as_all_ones(void **state)
{
	struct packet p = {.udp = true, .payload = 64};
	uint32_t field, value;

	(void)state;
	open_two(SENDS, 0);
	introduce(&b, 2);
	packet_make(&p, sent, 2, 9);
	/* Put what is missing to 0xffff into the payload: the checksum becomes 0. */
	field = packet_csum_at(&p);
	value = (uint32_t)sent[p.len - 2] << 8 | sent[p.len - 1];
	value += (uint32_t)sent[field] << 8 | sent[field + 1];
	value = (value & 0xffff) + (value >> 16);
	sent[p.len - 2] = (uint8_t)(value >> 8);
	sent[p.len - 1] = (uint8_t)value;
	packet_partial(&p, sent, &asked);
	guest_post(&b, 0, 0, 1, 2048);
	assert_int_equal(send_asked(NULL, p.len), 1);
	assert_int_equal(guest_receive(&b, 0, got, &num_buffers), p.len);
	assert_int_equal(got[field] << 8 | got[field + 1], 0xffff);
	packet_assert_right(&p, got, p.len);
	close_two();
}

static void
large_frames_become_segments_for_a_guest_that_takes_none(void **state)
{
	static const uint32_t payloads[] = {1, 600, 1446, 9000, 30000};
	static const uint64_t takes[] = {0, TAKES_CSUM, HASH, TAKES_CSUM | HASH | IN_ORDER};

	(void)state;
	COVERS("NET-DEV-028");
	COVERS("NET-DEV-030");
	COVERS("NET-DEV-031");
	COVERS("NET-DEV-038");
	for (size_t t = 0; t < RTE_DIM(takes); t++) {
		open_two(SENDS | MERGE | (t % 2 ? HASH : 0), takes[t] | MERGE);
		introduce(&b, 2);
		for (unsigned int i = 0; i < LAYOUTS; i++) {
			for (uint32_t cut = 1; cut <= 17; cut += 1 + t) {
				uint32_t payload = payloads[(i + cut) % RTE_DIM(payloads)];
				struct packet p = layout(i, payload);

				p.tcp_flags = TCP_ACK | TCP_PSH | (cut % 2 ? TCP_FIN : TCP_CWR);
				cut_up(&p, payload > 9000 ? 4000 : 1000, takes[t] & TAKES_CSUM, cut,
					(enum buffers)(cut % (payload > 9000 ? 2 : 3)));
			}
		}
		assert_int_equal(a.port->rxq[0]->stats.bad_segmentation, 0);
		close_two();
	}
}

static void
largest_frames_go_both_ways(void **state)
{
	(void)state;
	COVERS("NET-FACT-098");
	open_two(SENDS, TAKES);
	for (int whole = 0; whole < 2; whole++) {
		if (!whole) {
			close_two();
			guest_open(&a, "a", 1, 64, SENDS);
			guest_open(&b, "b", 1, 64, MERGE);
		} else {
			close_two();
			open_two(SENDS, TAKES);
		}
		introduce(&b, 2);
		for (unsigned int i = 0; i < LAYOUTS; i++) {
			struct packet p = layout(i, 0);
			uint32_t headers = p.options + (p.udp ? 8u : 20u + p.tcp_extra);

			/* The IP packet has 65,535 bytes; 40 of IPv6 do not count in its length. */
			p.payload = 65535 - headers - (p.v6 ? 40 : 20);
			packet_make(&p, sent, 2, i);
			packet_gso(&p, sent, &asked, 1400, false);
			post(&b, BIG, whole ? 1 : 47, whole ? p.len : p.hdr_len + 1400);
			assert_int_equal(send_asked(cut_in(1 + i % 17, p.len + 12), p.len), 1);
			if (whole) {
				assert_int_equal(guest_receive_hdr(&b, 0, got, &arrived), p.len);
				assert_memory_equal(got, sent, p.len);
			} else {
				assert_segments(&p, 1400, false, (p.payload + 1399) / 1400);
			}
		}
	}
	close_two();
}

static void
congestion_is_kept_or_told_in_the_first_segment(void **state)
{
	struct packet p = {.payload = 5000, .tcp_flags = TCP_ACK | TCP_CWR};

	(void)state;
	COVERS("NET-DEV-032");
	open_two(SENDS, TAKES & ~F(GUEST_ECN));
	introduce(&b, 2);
	cut_up(&p, 1000, true, 3, BIG);
	p.v6 = true;
	cut_up(&p, 1000, true, 3, BIG);
	close_two();
}

static void
kinds_that_a_guest_takes_pass_and_others_are_cut(void **state)
{
	/* By bits of struct packet: v6, udp. */
	static const uint64_t bits[] = {F(GUEST_TSO4), F(GUEST_TSO6), F(GUEST_USO4), F(GUEST_USO6)};

	(void)state;
	for (unsigned int takes = 0; takes < 4; takes++) {
		open_two(SENDS, TAKES_CSUM | bits[takes]);
		introduce(&b, 2);
		for (unsigned int i = 0; i < 4; i++) {
			struct packet p = layout(i, 3000);

			if (i != takes) {
				cut_up(&p, 1000, true, 2, BIG);
				continue;
			}
			packet_make(&p, sent, 2, i);
			packet_gso(&p, sent, &asked, 1000, false);
			post(&b, BIG, 1, p.len);
			assert_int_equal(send_asked(NULL, p.len), 1);
			assert_int_equal(guest_receive_hdr(&b, 0, got, &arrived), p.len);
			assert_int_equal(arrived.gso_type, asked.gso_type);
		}
		close_two();
	}
}

int
main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		SWITCH_UNIT(offloads_pass_to_a_guest_that_accepts_them),
		SWITCH_UNIT(partial_checksum_is_completed_for_a_guest_without_csum),
		SWITCH_UNIT(checksum_field_may_lie_across_any_cut_on_both_sides),
		SWITCH_UNIT(udp_checksum_that_is_zero_is_sent_as_all_ones),
		SWITCH_UNIT(large_frames_become_segments_for_a_guest_that_takes_none),
		SWITCH_UNIT(largest_frames_go_both_ways),
		SWITCH_UNIT(congestion_is_kept_or_told_in_the_first_segment),
		SWITCH_UNIT(kinds_that_a_guest_takes_pass_and_others_are_cut),
	};

	if (argc > 1)
		switch_width = argv[1];
	return RUN_UNITS("offload", tests);
}
