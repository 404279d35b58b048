/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Offloads where something is in the way: headers that lie, too much work, no buffers, no mbufs,
 * several receivers, a dirty log.
 */
#include "datapath/worker.h"
#include "offload_scene.h"

#include <string.h>

/* A header that has to be refused, by what it does to a good TSO4 request of hdr_len 54. */
struct refusal {
	uint8_t flags, gso_type;
	uint16_t gso_size, csum_start, csum_offset;
	size_t counter;
};

#define REFUSED(counter) offsetof(struct port_rx_stats, counter)

static void
bad_headers_are_dropped_under_their_reason_and_the_ring_goes_on(void **state)
{
	static const struct refusal refusals[] = {
		{1, 0, 0, 65535, 65535, REFUSED(bad_checksum_place)},
		{1, 0, 0, 65535, 0, REFUSED(bad_checksum_place)},
		{1, 0, 0, 0, 65535, REFUSED(bad_checksum_place)},
		{1, 0, 0, 34, 3020, REFUSED(bad_checksum_place)},
		{1, 0, 0, 34, 3019, REFUSED(bad_checksum_place)},
		{1, 3, 1000, 34, 16, REFUSED(not_negotiated)},
		{1, 2, 1000, 34, 16, REFUSED(bad_segmentation)},
		{1, 0x80, 1000, 34, 16, REFUSED(bad_segmentation)},
		{0, 1, 1000, 34, 16, REFUSED(bad_segmentation)},
		{1, 1, 0, 34, 16, REFUSED(bad_segmentation)},
		{1, 4, 1000, 34, 16, REFUSED(bad_segmentation)},
		{1, 5, 1000, 34, 16, REFUSED(bad_segmentation)},
		{1, 1, 1000, 35, 16, REFUSED(bad_segmentation)},
		{1, 1, 1000, 34, 6, REFUSED(bad_segmentation)},
		{1, 1, 1, 34, 16, REFUSED(gso_size_too_small)},
	};
	struct packet p = {.payload = 3000};

	(void)state;
	COVERS("NET-FACT-095");
	open_two(SENDS, TAKES);
	introduce(&b, 2);
	guest_post(&b, 0, 0, 8, 4096);
	for (size_t i = 0; i < RTE_DIM(refusals) * 3; i++) {
		const struct refusal *r = &refusals[i % RTE_DIM(refusals)];
		const uint64_t *counter =
			(const uint64_t *)(const void *)((const char *)&a.port->rxq[0]->stats +
							 r->counter);
		uint64_t before = *counter;

		packet_make(&p, sent, 2, 1);
		packet_gso(&p, sent, &asked, 1000, false);
		asked = (struct virtio_net_hdr){
			.flags = r->flags,
			.gso_type = r->gso_type,
			.gso_size = rte_cpu_to_le_16(r->gso_size),
			.csum_start = rte_cpu_to_le_16(r->csum_start),
			.csum_offset = rte_cpu_to_le_16(r->csum_offset),
		};
		assert_int_equal(
			send_asked(
				cut_in(1 + (uint32_t)i / RTE_DIM(refusals) * 5, p.len + 12), p.len),
			1);
		if (*counter != before + 1)
			fail_msg("refusal %zu was not counted as such", i % RTE_DIM(refusals));
		assert_int_equal(guest_receive_hdr(&b, 0, got, &arrived), 0);
	}
	frame_make(sent, 60, 2, 1, 1);
	assert_frame_arrives(&a, &b, 60, NULL);
	close_two();
}

static void
what_was_not_negotiated_is_refused_or_not_read_at_all(void **state)
{
	struct packet p = {.payload = 3000};

	(void)state;
	COVERS("NET-DEV-014");
	open_two(F(CSUM) | F(HOST_TSO6), TAKES);
	introduce(&b, 2);
	packet_make(&p, sent, 2, 1);
	packet_gso(&p, sent, &asked, 1000, false);
	assert_int_equal(send_asked(NULL, p.len), 1);
	assert_int_equal(a.port->rxq[0]->stats.not_negotiated, 1);
	close_two();
	/* Without any offload the header is not looked at, whatever it says. */
	open_two(0, TAKES);
	introduce(&b, 2);
	post(&b, BIG, 1, p.len);
	assert_int_equal(send_asked(NULL, p.len), 1);
	assert_int_equal(guest_receive(&b, 0, got, &num_buffers), p.len);
	assert_memory_equal(got, sent, p.len);
	close_two();
}

static void
all_places_of_a_checksum_are_right_or_refused(void **state)
{
	static const uint16_t places[] = {0, 1, 13, 14, 33, 34, 98, 99, 100, 65534, 65535};
	uint32_t refused = 0;

	(void)state;
	open_two(SENDS, MERGE);
	introduce(&b, 2);
	for (size_t i = 0; i < RTE_DIM(places) * RTE_DIM(places); i++) {
		uint32_t start = places[i % RTE_DIM(places)];
		uint32_t at = start + places[i / RTE_DIM(places)];

		frame_make(sent, 100, 2, 1, (uint32_t)i);
		asked = (struct virtio_net_hdr){.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM};
		asked.csum_start = rte_cpu_to_le_16((uint16_t)start);
		asked.csum_offset = rte_cpu_to_le_16((uint16_t)(at - start));
		post(&b, (enum buffers)(i % 3), 1, 100);
		assert_int_equal(send_asked(cut_in(1 + i % 9, 112), 100), 1);
		/* Nor may it lie in front of what Ethernet carries. */
		if (start < 14 || at + 2 > 100) {
			refused++;
			assert_int_equal(guest_receive(&b, 0, got, &num_buffers), 0);
			continue;
		}
		assert_int_equal(guest_receive(&b, 0, got, &num_buffers), 100);
		packet_finish(sent, 100, &asked);
		/* A field that is in the sum itself holds whatever it holds: 0 and ~0 are one. */
		if (got[at] == 0xff && got[at + 1] == 0xff && sent[at] == 0)
			memset(sent + at, 0xff, 2);
		assert_memory_equal(got, sent, 100);
	}
	assert_int_equal(a.port->rxq[0]->stats.bad_checksum_place, refused);
	close_two();
}

static void
work_of_a_burst_is_bounded_and_no_frame_is_lost(void **state)
{
	struct packet p = {.payload = 3000};
	uint32_t polls = 0, taken = 0;

	(void)state;
	guest_open(&a, "a", 1, 64, SENDS);
	guest_open(&b, "b", 1, 64, 0);
	introduce(&b, 2);
	packet_make(&p, sent, 2, 1);
	packet_gso(&p, sent, &asked, 10, false);
	for (uint32_t i = 0; i < 20; i++)
		guest_send_hdr(&a, 0, i, &asked, sent, p.len, i % 2 ? cut_in(3, p.len) : NULL);
	while (taken < 20) {
		uint32_t now = vswitch_poll(0);

		assert_in_range(now, 1, 20);
		assert_true(now * 300 <= WORKER_BURST_SEGMENTS || now == 1);
		taken += now;
		polls++;
	}
	assert_int_equal(guest_completed(&a, 0), 20);
	assert_int_equal(polls, 20);
	assert_int_equal(b.port->txq[0]->stats.no_descriptor, 20 * 300);
	/* Long frames: by their bytes. */
	p.payload = 60000;
	packet_make(&p, sent, 2, 1);
	packet_gso(&p, sent, &asked, 60000, false);
	for (uint32_t i = 0; i < 12; i++)
		guest_send_hdr(&a, 0, 5 + i, &asked, sent, p.len, NULL);
	assert_int_equal(vswitch_poll(0), 5);
	assert_int_equal(vswitch_poll(0), 5);
	assert_int_equal(vswitch_poll(0), 2);
	close_two();
}

static void
segments_without_a_buffer_are_dropped_together(void **state)
{
	struct packet p = {.payload = 10000};

	(void)state;
	open_two(SENDS, TAKES_CSUM);
	introduce(&b, 2);
	packet_make(&p, sent, 2, 1);
	packet_gso(&p, sent, &asked, 1000, false);
	guest_post(&b, 0, 0, 4, 2048);
	assert_int_equal(send_asked(NULL, p.len), 1);
	assert_int_equal(b.port->txq[0]->stats.packets, 4);
	assert_int_equal(b.port->txq[0]->stats.no_descriptor, 6);
	/* Neither do they fit, and the buffers are there for others afterwards. */
	guest_post(&b, 0, 4, 4, 500);
	assert_int_equal(send_asked(NULL, p.len), 1);
	assert_int_equal(b.port->txq[0]->stats.too_big_no_merge, 10);
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(guest_receive_hdr(&b, 0, got, &arrived), p.hdr_len + 1000);
	frame_make(sent, 60, 2, 1, 1);
	assert_frame_arrives(&a, &b, 60, NULL);
	close_two();
}

static void
mixed_burst_keeps_its_order(void **state)
{
	struct packet p = {.payload = 900};

	(void)state;
	for (int takes = 0; takes < 3; takes++) {
		open_two(SENDS | MERGE, takes == 0 ? MERGE : takes == 1 ? TAKES_CSUM : TAKES);
		introduce(&b, 2);
		guest_post(&b, 0, 0, 60, 2048);
		for (uint32_t i = 0; i < 30; i++) {
			p.tcp_extra = 0;
			packet_make(&p, sent, 2, i);
			sent[p.hdr_len] = (uint8_t)i;
			sent[p.hdr_len + 450] = (uint8_t)(i + 100);
			asked = (struct virtio_net_hdr){0};
			if (i % 3 == 1)
				packet_partial(&p, sent, &asked);
			else if (i % 3 == 2)
				packet_gso(&p, sent, &asked, 450, false);
			guest_send_hdr(&a, 0, i, &asked, sent, p.len,
				i % 5 == 4 ? cut_in(4, p.len) : NULL);
		}
		assert_int_equal(vswitch_poll(0), 30);
		assert_int_equal(guest_completed(&a, 0), 30);
		for (uint32_t i = 0; i < 30; i++) {
			bool two = i % 3 == 2 && takes < 2;

			assert_true(guest_receive_hdr(&b, 0, got, &arrived) > 0);
			assert_int_equal(got[p.hdr_len], i);
			if (i % 3 == 0)
				assert_int_equal(arrived.flags, 0);
			if (two)
				assert_true(guest_receive_hdr(&b, 0, got, &arrived) > 0);
			assert_int_equal(got[p.hdr_len + (two ? 0 : 450)], i + 100);
		}
		close_two();
	}
}

static void
flooded_frame_is_for_each_guest_what_that_one_takes(void **state)
{
	static struct guest d;
	struct packet p = {.v6 = true, .tags = 2, .payload = 5000};

	(void)state;
	open_two(SENDS, 0);
	guest_open(&c, "c", 1, 64, TAKES_CSUM | MERGE);
	guest_open(&d, "d", 1, 64, TAKES);
	for (int gso = 0; gso < 2; gso++) {
		for (uint32_t cut = 1; cut < 6; cut++) {
			packet_make(&p, sent, 9, cut);
			if (gso)
				packet_gso(&p, sent, &asked, 1300, false);
			else
				packet_partial(&p, sent, &asked);
			post(&b, BIG, gso ? 4 : 1, gso ? p.hdr_len + 1300 : p.len);
			post(&c, MERGED, gso ? 4 : 1, gso ? p.hdr_len + 1300 : p.len);
			post(&d, CHAINS, 1, p.len);
			assert_int_equal(send_asked(cut_in(cut, p.len + 12), p.len), 1);
			assert_int_equal(guest_receive_hdr(&d, 0, got, &arrived), p.len);
			assert_memory_equal(got, sent, p.len);
			assert_int_equal(arrived.gso_type, gso ? VIRTIO_NET_HDR_GSO_TCPV6 : 0);
			for (uint32_t i = 0; i < (gso ? 4u : 1u); i++) {
				uint32_t len = guest_receive(&b, 0, got, &num_buffers);

				if (gso)
					packet_assert_segment(&p, sent, 1300, i, got, len);
				packet_assert_right(&p, got, len);
				assert_int_equal(guest_receive_hdr(&c, 0, got, &arrived), len);
				assert_int_equal(arrived.flags, VIRTIO_NET_HDR_F_NEEDS_CSUM);
				packet_finish(got, len, &arrived);
				packet_assert_right(&p, got, len);
			}
		}
	}
	assert_int_equal(rte_mempool_in_use_count(worker_pool), 0);
	guest_close(&d);
	guest_close(&c);
	close_two();
}

static void
offloads_to_one_guest_need_no_mbuf(void **state)
{
	struct packet p = {.payload = 5000};
	struct rte_mbuf *held[256];
	unsigned int nb = 0;

	(void)state;
	open_two(SENDS, MERGE);
	introduce(&b, 2);
	while (nb < RTE_DIM(held) && (held[nb] = rte_pktmbuf_alloc(worker_pool)) != NULL)
		nb++;
	for (uint32_t cut = 1; cut < 9; cut++)
		cut_up(&p, 1000, false, cut, MERGED);
	guest_open(&c, "c", 1, 64, 0);
	packet_make(&p, sent, 9, 1);
	packet_gso(&p, sent, &asked, 1000, false);
	assert_int_equal(send_asked(NULL, p.len), 1);
	assert_int_equal(a.port->rxq[0]->stats.no_mbuf, 1);
	while (nb > 0)
		rte_pktmbuf_free(held[--nb]);
	guest_close(&c);
	close_two();
}

/* Bytes of guest b's memory that were reported as written. */
static uint8_t logged[2 * GUEST_BUFS * GUEST_BUF];

static void
note(void *arg, uint64_t guest, uint64_t bytes)
{
	uint64_t at = guest - GUEST_BASE;

	(void)arg;
	if (at < sizeof(logged))
		memset(logged + at, 1, RTE_MIN(bytes, sizeof(logged) - at));
}

static void
every_byte_written_is_logged(void **state)
{
	static uint8_t before[sizeof(logged)];
	static const uint64_t takes[] = {0, TAKES_CSUM, TAKES};

	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(takes) * BUFFERS * 2; i++) {
		struct packet p = layout(i, 3000);

		open_two(SENDS, takes[i % RTE_DIM(takes)] | MERGE);
		b.log = note;
		introduce(&b, 2);
		packet_make(&p, sent, 2, i);
		packet_gso(&p, sent, &asked, 900, false);
		if (i & 1)
			packet_partial(&p, sent, &asked);
		post(&b, (enum buffers)(i / 2 % BUFFERS), 4, p.len);
		memset(logged, 0, sizeof(logged));
		memcpy(before, b.mem.mem, sizeof(before));
		assert_int_equal(send_asked(NULL, p.len), 1);
		assert_true(b.port->txq[0]->stats.packets > 0);
		for (size_t at = 0; at < sizeof(before); at++)
			assert_true(before[at] == b.mem.mem[at] || logged[at]);
		close_two();
	}
}

int
main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		SWITCH_UNIT(bad_headers_are_dropped_under_their_reason_and_the_ring_goes_on),
		SWITCH_UNIT(what_was_not_negotiated_is_refused_or_not_read_at_all),
		SWITCH_UNIT(all_places_of_a_checksum_are_right_or_refused),
		SWITCH_UNIT(work_of_a_burst_is_bounded_and_no_frame_is_lost),
		SWITCH_UNIT(segments_without_a_buffer_are_dropped_together),
		SWITCH_UNIT(mixed_burst_keeps_its_order),
		SWITCH_UNIT(flooded_frame_is_for_each_guest_what_that_one_takes),
		SWITCH_UNIT(offloads_to_one_guest_need_no_mbuf),
		SWITCH_UNIT(every_byte_written_is_logged),
	};

	if (argc > 1)
		switch_width = argv[1];
	return RUN_UNITS("offload_limits", tests);
}
