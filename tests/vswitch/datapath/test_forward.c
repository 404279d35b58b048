/* SPDX-License-Identifier: BSD-3-Clause */
/* What becomes of a guest's frames, down to the counters; rings in guarded memory. */
#include "datapath/fdb.h"
#include "datapath/worker.h"
#include "scene.h"
#include "support/random.h"

#include <string.h>

static void
frames_of_every_length_arrive_unchanged(void **state)
{
	static const uint64_t features[] = {
		0, MERGE, IN_ORDER, MERGE | IN_ORDER, HASH, HASH | MERGE | IN_ORDER};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(features); i++) {
		open_two(features[i], features[(i + 1) % RTE_DIM(features)]);
		introduce(&b, 2);
		for (uint32_t len = 14; len < 9100; len += len < 300 ? 1 : 97) {
			frame_make(sent, len, 2, 1, len);
			guest_post(&b, 0, GUEST_BUFS - 1, 1, len + b.hdr);
			assert_frame_arrives(&a, &b, len, NULL);
			assert_int_equal(num_buffers, 1);
		}
		assert_int_equal(a.port->rxq[0]->stats.flooded, 0);
		close_two();
	}
}

/* In sequence, as drivers send under load: long and short ones are copied in different ways. */
static void
bursts_of_mixed_lengths_arrive_unchanged(void **state)
{
	static const uint32_t edges[] = {
		14, 63, 64, 65, 127, 128, 129, 191, 192, 193, 1500, 2176, 9000};
	const uint32_t spare = 5;
	uint64_t random = 1;
	uint32_t lens[32];

	(void)state;
	open_two(MERGE | IN_ORDER, MERGE | IN_ORDER);
	introduce(&b, 2);
	for (uint32_t round = 0; round < 300; round++) {
		uint32_t n = round % 2 ? 32 : 1 + random_below(&random, 32);

		for (uint32_t i = 0; i < n; i++) {
			lens[i] = random_below(&random, 2)
					  ? edges[random_below(&random, RTE_DIM(edges))]
					  : 14 + random_below(&random, round % 3 * 1000 + 200);
			frame_make(sent, lens[i], 2, 1, round + i);
			guest_post(&b, 0, i, 1, b.hdr + lens[i] + spare);
			guest_send(&a, 0, i, sent, lens[i], NULL);
		}
		assert_int_equal(vswitch_poll(0), n);
		assert_int_equal(guest_completed(&a, 0), n);
		for (uint32_t i = 0; i < n; i++) {
			const uint8_t *end = guest_buf(&b, false, i) + GUEST_BUF;

			frame_make(sent, lens[i], 2, 1, round + i);
			assert_int_equal(guest_receive(&b, 0, got, &num_buffers), lens[i]);
			assert_memory_equal(got, sent, lens[i]);
			for (uint32_t k = 1; k <= spare; k++)
				assert_int_equal(end[-(ptrdiff_t)k], 0xee);
		}
	}
	close_two();
}

static void
header_and_frame_may_be_cut_anywhere(void **state)
{
	static const uint32_t ones[] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0};
	uint32_t cuts[3] = {0};

	(void)state;
	COVERS("SR-DEV-001");
	COVERS("SR-FACT-010");
	open_two(0, 0);
	introduce(&b, 2);
	for (uint32_t len = 60; len < 400; len += 113) {
		for (uint32_t cut = 1; cut < a.hdr + len; cut++) {
			cuts[0] = cut;
			cuts[1] = cut + 7 < a.hdr + len ? 7 : 0;
			frame_make(sent, len, 2, 1, cut);
			guest_post(&b, 0, 0, 1, len + b.hdr);
			assert_frame_arrives(&a, &b, len, cuts);
		}
	}
	guest_post(&b, 0, 0, 1, 2048);
	frame_make(sent, 80, 2, 1, 5);
	assert_frame_arrives(&a, &b, 80, ones);
	close_two();
}

static void
frame_spreads_over_merged_buffers_of_any_size(void **state)
{
	(void)state;
	guest_open(&a, "a", 1, 64, MERGE);
	guest_open(&b, "b", 1, 64, MERGE);
	introduce(&b, 2);
	for (uint32_t size = 13; size < 1600; size += 71) {
		uint32_t len = RTE_MIN(size * 20 - b.hdr, 9000U);
		uint32_t buffers = (len + b.hdr + size - 1) / size;

		guest_post(&b, 0, 0, buffers, size);
		frame_make(sent, len, 2, 1, size);
		assert_frame_arrives(&a, &b, len, NULL);
		assert_int_equal(num_buffers, buffers);
	}
	close_two();
}

static void
header_may_be_split_over_tiny_merged_buffers(void **state)
{
	(void)state;
	open_two(MERGE, MERGE);
	introduce(&b, 2);
	for (uint32_t size = 1; size < 12; size++) {
		uint32_t id, len, left = 12 + 14;
		uint64_t posted = 0;

		frame_make(sent, 14, 2, 1, size);
		guest_post(&b, 0, 0, (left + size - 1) / size, size);
		guest_send(&a, 0, 1, sent, 14, NULL);
		assert_int_equal(vswitch_poll(0), 1);
		while (fake_driver_take(&b.drv[0], &id, &len)) {
			assert_int_equal(len, RTE_MIN(left, size));
			left -= len;
			posted++;
		}
		assert_null(b.drv[0].complaint);
		assert_int_equal(left, 0);
		assert_int_equal(guest_completed(&a, 0), 1);
		assert_int_equal(posted, (12 + 14 + size - 1) / size);
	}
	close_two();
}

static void
frame_without_a_buffer_is_dropped_under_its_reason(void **state)
{
	(void)state;
	open_two(0, 0);
	introduce(&b, 2);
	frame_make(sent, 60, 2, 1, 1);
	for (uint32_t i = 0; i < 5; i++)
		guest_send(&a, 0, i, sent, 60, NULL);
	guest_post(&b, 0, 0, 2, 2048);
	assert_int_equal(vswitch_poll(0), 5);
	assert_int_equal(guest_completed(&a, 0), 5);
	assert_int_equal(b.port->txq[0]->stats.packets, 2);
	assert_int_equal(b.port->txq[0]->stats.no_descriptor, 3);
	close_two();
}

static void
frame_larger_than_an_unmerged_buffer_leaves_the_buffer_for_the_next(void **state)
{
	(void)state;
	open_two(0, 0);
	introduce(&b, 2);
	guest_post(&b, 0, GUEST_BUFS - 1, 1, 64 + b.hdr);
	frame_make(sent, 1518, 2, 1, 1);
	guest_send(&a, 0, 0, sent, 1518, NULL);
	assert_int_equal(vswitch_poll(0), 1);
	assert_int_equal(b.port->txq[0]->stats.too_big_no_merge, 1);
	assert_int_equal(guest_completed(&a, 0), 1);
	frame_make(sent, 64, 2, 1, 2);
	assert_frame_arrives(&a, &b, 64, NULL);
	close_two();
}

static void
runts_and_giants_are_completed_and_counted(void **state)
{
	(void)state;
	open_two(0, MERGE);
	introduce(&b, 2);
	guest_post(&b, 0, 0, 8, 2048);
	for (uint32_t len = 0; len < 14; len++) {
		guest_send(&a, 0, len, sent, len, NULL);
		assert_int_equal(vswitch_poll(0), 1);
		assert_int_equal(a.port->rxq[0]->stats.runt, len + 1);
	}
	guest_send(&a, 0, 20, sent, FRAME_MAX + 1, NULL);
	assert_int_equal(vswitch_poll(0), 1);
	assert_int_equal(a.port->rxq[0]->stats.oversize, 1);
	assert_int_equal(guest_completed(&a, 0), 15);
	assert_int_equal(b.port->txq[0]->stats.packets, 0);
	close_two();
}

static void
unicast_goes_on_with_an_empty_mbuf_pool_and_floods_do_not(void **state)
{
	struct rte_mbuf *held[256];
	unsigned int nb = 0;

	(void)state;
	open_two(MERGE, MERGE);
	guest_open(&c, "c", 1, 64, 0);
	introduce(&b, 2);
	guest_post(&b, 0, 0, 32, 2048);
	while (nb < RTE_DIM(held) && (held[nb] = rte_pktmbuf_alloc(worker_pool)) != NULL)
		nb++;
	assert_int_equal(rte_mempool_avail_count(worker_pool), 0);
	for (uint32_t i = 0; i < 20; i++) {
		static const uint32_t cuts[] = {100, 30, 0};

		frame_make(sent, 1000 + 100 * i, 2, 1, i);
		assert_frame_arrives(&a, &b, 1000 + 100 * i, i % 2 ? cuts : NULL);
	}
	frame_make(sent, 60, 0x77, 1, 1);
	guest_send(&a, 0, 0, sent, 60, NULL);
	assert_int_equal(vswitch_poll(0), 1);
	assert_int_equal(a.port->rxq[0]->stats.no_mbuf, 1);
	while (nb > 0)
		rte_pktmbuf_free(held[--nb]);
	guest_close(&c);
	close_two();
}

static void
unknown_and_group_addresses_flood_to_all_others(void **state)
{
	static const uint8_t groups[][6] = {{0x02, 0, 0, 0, 0, 9},
		{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, {0x01, 0, 0x5e, 1, 2, 3},
		{0x01, 0x80, 0xc2, 0, 0, 0x10}};

	(void)state;
	open_two(0, MERGE);
	guest_open(&c, "c", 1, 64, HASH);
	for (size_t i = 0; i < RTE_DIM(groups); i++) {
		frame_make(sent, 3000, 0, 1, 7);
		memcpy(sent, groups[i], 6);
		guest_post(&b, 0, 0, 2, 2048);
		guest_post(&c, 0, 0, 1, 4096);
		assert_frame_arrives(&a, &b, 3000, NULL);
		assert_int_equal(num_buffers, 2);
		assert_int_equal(guest_receive(&c, 0, got, &num_buffers), 3000);
		assert_memory_equal(got, sent, 3000);
		assert_int_equal(guest_receive(&a, 0, got, &num_buffers), 0);
	}
	assert_int_equal(a.port->rxq[0]->stats.flooded, RTE_DIM(groups));
	assert_int_equal(rte_mempool_in_use_count(worker_pool), 0);
	guest_close(&c);
	/* One other port only: no copy in between, so no mbuf. */
	while (rte_pktmbuf_alloc(worker_pool) != NULL)
		;
	guest_post(&b, 0, 0, 2, 2048);
	assert_frame_arrives(&a, &b, 3000, NULL);
	assert_int_equal(a.port->rxq[0]->stats.flooded, RTE_DIM(groups) + 1);
	close_two();
}

static void
reserved_group_addresses_and_bad_sources_go_nowhere(void **state)
{
	(void)state;
	open_two(0, 0);
	guest_post(&b, 0, 0, 8, 2048);
	for (uint8_t last = 0; last < 16; last++) {
		frame_make(sent, 60, 0, 1, 7);
		memcpy(sent, "\x01\x80\xc2\0\0", 5);
		sent[5] = last;
		guest_send(&a, 0, last, sent, 60, NULL);
	}
	assert_int_equal(vswitch_poll(0), 16);
	assert_int_equal(a.port->rxq[0]->stats.reserved_multicast, 16);
	frame_make(sent, 60, 9, 1, 7);
	sent[6] |= 1;
	guest_send(&a, 0, 20, sent, 60, NULL);
	memset(sent + 6, 0, 6);
	guest_send(&a, 0, 21, sent, 60, NULL);
	assert_int_equal(vswitch_poll(0), 2);
	assert_int_equal(a.port->rxq[0]->stats.invalid_source, 2);
	assert_int_equal(b.port->txq[0]->stats.packets, 0);
	assert_int_equal(guest_completed(&a, 0), 18);
	close_two();
}

static void
zero_destination_is_just_unknown(void **state)
{
	(void)state;
	open_two(0, 0);
	guest_post(&b, 0, 0, 1, 2048);
	frame_make(sent, 60, 0, 1, 7);
	memset(sent, 0, 6);
	assert_frame_arrives(&a, &b, 60, NULL);
	assert_int_equal(a.port->rxq[0]->stats.flooded, 1);
	close_two();
}

static void
flows_keep_their_queue_and_order_over_several_pairs(void **state)
{
	uint8_t next[8] = {0}, pair_of[8];

	(void)state;
	memset(pair_of, 0xff, sizeof(pair_of));
	guest_open(&a, "a", 4, 64, 0);
	guest_open(&b, "b", 2, 64, 0);
	introduce(&b, 2);
	for (uint16_t pair = 0; pair < 2; pair++)
		guest_post(&b, pair, pair * 32, 32, 2048);
	/* Eight flows, each by one pair of its sender. */
	for (uint32_t i = 0; i < 4; i++) {
		for (uint8_t flow = 0; flow < 8; flow++) {
			frame_make(sent, 60, 2, (uint8_t)(16 + flow), i);
			memcpy(sent + 12, "\x88\xcc", 2);
			sent[20] = flow;
			sent[21] = (uint8_t)i;
			guest_send(&a, flow % 4, i * 8 + flow, sent, 60, NULL);
		}
	}
	while (vswitch_poll(0) != 0)
		;
	for (uint8_t pair = 0; pair < 2; pair++) {
		while (guest_receive(&b, pair, got, &num_buffers) != 0) {
			uint8_t flow = got[20];

			if (pair_of[flow] == 0xff)
				pair_of[flow] = pair;
			assert_int_equal(pair_of[flow], pair);
			assert_int_equal(got[21], next[flow]++);
		}
	}
	for (uint8_t flow = 0; flow < 8; flow++)
		assert_int_equal(next[flow], 4);
	close_two();
}

static void
burst_to_many_ports_is_sorted_out(void **state)
{
	static struct guest to[8];
	char name[] = "to0";

	(void)state;
	guest_open(&a, "a", 1, 64, 0);
	for (uint8_t i = 0; i < RTE_DIM(to); i++) {
		name[2] = (char)('0' + i);
		guest_open(&to[i], name, 1, 64, i % 2 ? MERGE : 0);
		introduce(&to[i], (uint8_t)(16 + i));
	}
	for (uint8_t i = 0; i < RTE_DIM(to); i++)
		guest_post(&to[i], 0, 0, 8, 2048);
	for (uint32_t i = 0; i < 32; i++) {
		frame_make(sent, 60 + i, (uint8_t)(16 + i % 8), 1, i);
		guest_send(&a, 0, i, sent, 60 + i, NULL);
	}
	assert_int_equal(vswitch_poll(0), 32);
	assert_int_equal(guest_completed(&a, 0), 32);
	for (uint32_t i = 0; i < RTE_DIM(to); i++) {
		assert_int_equal(to[i].port->txq[0]->stats.packets, 4);
		assert_int_equal(to[i].drv[0].used->idx, 4);
		guest_close(&to[i]);
	}
	guest_close(&a);
}

int
main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		SWITCH_UNIT(frames_of_every_length_arrive_unchanged),
		SWITCH_UNIT(bursts_of_mixed_lengths_arrive_unchanged),
		SWITCH_UNIT(header_and_frame_may_be_cut_anywhere),
		SWITCH_UNIT(frame_spreads_over_merged_buffers_of_any_size),
		SWITCH_UNIT(header_may_be_split_over_tiny_merged_buffers),
		SWITCH_UNIT(frame_without_a_buffer_is_dropped_under_its_reason),
		SWITCH_UNIT(frame_larger_than_an_unmerged_buffer_leaves_the_buffer_for_the_next),
		SWITCH_UNIT(runts_and_giants_are_completed_and_counted),
		SWITCH_UNIT(unicast_goes_on_with_an_empty_mbuf_pool_and_floods_do_not),
		SWITCH_UNIT(unknown_and_group_addresses_flood_to_all_others),
		SWITCH_UNIT(reserved_group_addresses_and_bad_sources_go_nowhere),
		SWITCH_UNIT(zero_destination_is_just_unknown),
		SWITCH_UNIT(flows_keep_their_queue_and_order_over_several_pairs),
		SWITCH_UNIT(burst_to_many_ports_is_sorted_out),
	};

	if (argc > 1)
		switch_width = argv[1];
	return RUN_UNITS("forward", tests);
}
