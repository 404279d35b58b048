/* SPDX-License-Identifier: BSD-3-Clause */
/* What becomes of a guest's frames, down to the counters; rings in guarded memory. */
#include "datapath/fdb.h"
#include "datapath/worker.h"
#include "guest.h"
#include "spec/virtio_net_spec.h"

#include <string.h>

#define MERGE (UINT64_C(1) << VIRTIO_NET_F_MRG_RXBUF)
#define IN_ORDER (UINT64_C(1) << VIRTIO_F_IN_ORDER)
#define HASH (UINT64_C(1) << VIRTIO_NET_F_HASH_REPORT)

static struct guest a, b, c;
static uint8_t sent[16384], got[16384];
static uint16_t num_buffers;

static void
open_two(uint64_t features_a, uint64_t features_b)
{
	guest_open(&a, "a", 1, 64, features_a);
	guest_open(&b, "b", 1, 64, features_b);
}

static void
close_two(void)
{
	guest_close(&a);
	guest_close(&b);
}

/* Let the switch know that MAC ..:id is behind a guest: a frame of its own to nobody. */
static void
introduce(struct guest *g, uint8_t id)
{
	frame_make(sent, 60, 0xfe, id, id);
	guest_send(g, 0, 0, sent, 60, NULL);
	assert_int_equal(vswitch_poll(0), 1);
	assert_int_equal(guest_completed(g, 0), 1);
}

static void
assert_frame_arrives(struct guest *from, struct guest *to, uint32_t len, const uint32_t *cuts)
{
	memset(got, 0, sizeof(got));
	guest_send(from, 0, 1, sent, len, cuts);
	assert_int_equal(vswitch_poll(0), 1);
	assert_int_equal(guest_completed(from, 0), 1);
	assert_int_equal(guest_receive(to, 0, got, &num_buffers), len);
	assert_memory_equal(got, sent, len);
}

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
address_follows_the_guest_and_is_forgotten_with_its_port(void **state)
{
	struct fdb_record records[8];

	(void)state;
	open_two(0, 0);
	guest_open(&c, "c", 1, 64, 0);
	introduce(&b, 2);
	guest_post(&b, 0, 0, 4, 2048);
	guest_post(&c, 0, 0, 4, 2048);
	frame_make(sent, 60, 2, 1, 1);
	assert_frame_arrives(&a, &b, 60, NULL);
	introduce(&c, 2);
	while (guest_receive(&b, 0, got, &num_buffers) != 0)
		;
	frame_make(sent, 60, 2, 1, 2);
	assert_frame_arrives(&a, &c, 60, NULL);
	assert_int_equal(guest_receive(&b, 0, got, &num_buffers), 0);
	assert_int_equal(fdb_snapshot(records, RTE_DIM(records)), 2);
	guest_close(&c);
	assert_int_equal(fdb_snapshot(records, RTE_DIM(records)), 1);
	assert_int_equal(records[0].mac.addr_bytes[5], 1);
	/* Unknown now: floods, and b gets it. */
	frame_make(sent, 60, 2, 1, 3);
	assert_frame_arrives(&a, &b, 60, NULL);
	close_two();
}

static void
frame_to_its_own_port_or_a_stopped_one_is_counted(void **state)
{
	(void)state;
	open_two(0, 0);
	introduce(&a, 3);
	introduce(&b, 2);
	frame_make(sent, 60, 3, 1, 1);
	guest_send(&a, 0, 0, sent, 60, NULL);
	assert_int_equal(vswitch_poll(0), 1);
	assert_int_equal(a.port->rxq[0]->stats.same_port, 1);
	port_ring_stop(b.port, 0);
	frame_make(sent, 60, 2, 1, 1);
	guest_send(&a, 0, 1, sent, 60, NULL);
	assert_int_equal(vswitch_poll(0), 1);
	assert_int_equal(a.port->rxq[0]->stats.port_down, 1);
	close_two();
}

static void
paused_port_is_left_alone_and_goes_on(void **state)
{
	(void)state;
	open_two(0, 0);
	introduce(&b, 2);
	guest_post(&b, 0, 0, 2, 2048);
	frame_make(sent, 60, 2, 1, 1);
	port_pause(a.port);
	guest_send(&a, 0, 0, sent, 60, NULL);
	assert_int_equal(vswitch_poll(0), 0);
	port_resume(a.port);
	port_pause(b.port);
	assert_int_equal(vswitch_poll(0), 1);
	assert_int_equal(a.port->rxq[0]->stats.port_down, 1);
	port_resume(b.port);
	assert_int_equal(guest_completed(&a, 0), 1);
	assert_frame_arrives(&a, &b, 60, NULL);
	close_two();
}

static void
stopped_ring_goes_on_at_its_used_index(void **state)
{
	struct port_ring conf;

	(void)state;
	open_two(IN_ORDER, IN_ORDER);
	introduce(&b, 2);
	guest_post(&b, 0, 0, 40, 2048);
	for (uint32_t i = 0; i < 20; i++) {
		for (uint32_t ring = 0; ring < 2; ring++) {
			struct guest *g = ring ? &a : &b;

			conf = (struct port_ring){
				.desc = g->drv[ring].desc,
				.avail = g->drv[ring].avail,
				.used = g->drv[ring].used,
				.size = 64,
				.base = port_ring_stop(g->port, ring),
				.features = g->features,
				.call_fd = -1,
			};
			assert_false(port_ring_running(g->port, ring));
			assert_int_equal(conf.base, ring ? i : i);
			assert_int_equal(port_ring_start(g->port, ring, &conf), 0);
		}
		frame_make(sent, 60, 2, 1, i);
		assert_frame_arrives(&a, &b, 60, NULL);
	}
	close_two();
}

static void
broken_sender_stops_and_the_others_go_on(void **state)
{
	(void)state;
	open_two(0, 0);
	guest_open(&c, "c", 1, 64, 0);
	introduce(&b, 2);
	guest_post(&b, 0, 0, 8, 2048);
	frame_make(sent, 60, 2, 1, 1);
	guest_send(&a, 0, 0, sent, 60, NULL);
	fake_driver_raw_head(&a.drv[1], 64);
	fake_driver_show(&a.drv[1]);
	assert_int_equal(vswitch_poll(0), 1);
	assert_int_equal(guest_receive(&b, 0, got, &num_buffers), 60);
	assert_int_equal(port_ring_fault(a.port, 1)->fault, VIRTQ_FAULT_HEAD_INDEX);
	assert_int_equal(port_ring_fault(a.port, 1)->value, 64);
	guest_send(&a, 0, 1, sent, 60, NULL);
	assert_int_equal(vswitch_poll(0), 0);
	frame_make(sent, 60, 2, 3, 1);
	assert_frame_arrives(&c, &b, 60, NULL);
	guest_close(&c);
	close_two();
}

static void
writable_descriptor_in_a_transmitq_is_a_fault(void **state)
{
	struct fake_part part;

	(void)state;
	open_two(0, 0);
	part = (struct fake_part){guest_addr(&a, guest_buf(&a, true, 0)), 100, true};
	assert_true(fake_driver_offer(&a.drv[1], &part, 1) >= 0);
	fake_driver_show(&a.drv[1]);
	assert_int_equal(vswitch_poll(0), 0);
	assert_int_equal(port_ring_fault(a.port, 1)->fault, VIRTQ_FAULT_NOT_READABLE);
	close_two();
}

static void
broken_receiver_drops_its_frames_and_harms_nobody(void **state)
{
	struct fake_part part;

	(void)state;
	open_two(0, MERGE);
	introduce(&b, 2);
	part = (struct fake_part){GUEST_BASE + b.mem.bytes - 10, 2048, true};
	assert_true(fake_driver_offer(&b.drv[0], &part, 1) >= 0);
	fake_driver_show(&b.drv[0]);
	frame_make(sent, 60, 2, 1, 1);
	guest_send(&a, 0, 0, sent, 60, NULL);
	guest_send(&a, 0, 1, sent, 60, NULL);
	assert_int_equal(vswitch_poll(0), 2);
	assert_int_equal(guest_completed(&a, 0), 2);
	assert_int_equal(b.port->txq[0]->stats.ring_fault, 2);
	assert_int_equal(port_ring_fault(b.port, 0)->fault, VIRTQ_FAULT_ADDRESS);
	assert_int_equal(b.port->txq[0]->stats.packets, 0);
	close_two();
}

static void
readable_descriptor_in_a_receiveq_is_a_fault(void **state)
{
	struct fake_part part;

	(void)state;
	open_two(0, 0);
	introduce(&b, 2);
	part = (struct fake_part){guest_addr(&b, guest_buf(&b, false, 0)), 2048, false};
	assert_true(fake_driver_offer(&b.drv[0], &part, 1) >= 0);
	fake_driver_show(&b.drv[0]);
	frame_make(sent, 60, 2, 1, 1);
	guest_send(&a, 0, 0, sent, 60, NULL);
	assert_int_equal(vswitch_poll(0), 1);
	assert_int_equal(port_ring_fault(b.port, 0)->fault, VIRTQ_FAULT_NOT_WRITABLE);
	assert_int_equal(b.port->txq[0]->stats.ring_fault, 1);
	close_two();
}

static void
jumbo_into_one_byte_buffers_is_dropped_in_bounded_work(void **state)
{
	static struct guest d;

	(void)state;
	guest_open(&a, "a", 1, 64, 0);
	guest_open(&d, "d", 1, 32768, MERGE);
	introduce(&d, 2);
	for (uint32_t i = 0; i < 600; i++)
		guest_post(&d, 0, 0, 50, 1);
	frame_make(sent, 9000, 2, 1, 1);
	guest_send(&a, 0, 0, sent, 9000, NULL);
	assert_int_equal(vswitch_poll(0), 1);
	assert_int_equal(d.port->txq[0]->stats.buffers_too_small, 1);
	assert_int_equal(guest_completed(&a, 0), 1);
	guest_close(&a);
	guest_close(&d);
}

static void
flows_keep_their_queue_and_order_over_several_pairs(void **state)
{
	(void)state;
	guest_open(&a, "a", 4, 64, 0);
	guest_open(&b, "b", 2, 64, 0);
	introduce(&b, 2);
	for (uint16_t pair = 0; pair < 2; pair++)
		guest_post(&b, pair, pair * 32, 32, 2048);
	for (uint32_t i = 0; i < 8; i++) {
		for (uint16_t pair = 0; pair < 4; pair++) {
			frame_make(sent, 60, 2, 1, i);
			sent[20] = (uint8_t)pair;
			sent[21] = (uint8_t)i;
			guest_send(&a, pair, i * 4 + pair, sent, 60, NULL);
		}
	}
	while (vswitch_poll(0) != 0)
		;
	for (uint16_t pair = 0; pair < 2; pair++) {
		uint8_t next[4] = {0};

		for (uint32_t n = 0; n < 16; n++) {
			assert_int_equal(guest_receive(&b, pair, got, &num_buffers), 60);
			assert_int_equal(got[20] % 2, pair);
			assert_int_equal(got[21], next[got[20]]++);
		}
		assert_int_equal(guest_receive(&b, pair, got, &num_buffers), 0);
	}
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
main(void)
{
	static const struct CMUnitTest tests[] = {
		SWITCH_UNIT(frames_of_every_length_arrive_unchanged),
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
		SWITCH_UNIT(address_follows_the_guest_and_is_forgotten_with_its_port),
		SWITCH_UNIT(frame_to_its_own_port_or_a_stopped_one_is_counted),
		SWITCH_UNIT(paused_port_is_left_alone_and_goes_on),
		SWITCH_UNIT(stopped_ring_goes_on_at_its_used_index),
		SWITCH_UNIT(broken_sender_stops_and_the_others_go_on),
		SWITCH_UNIT(writable_descriptor_in_a_transmitq_is_a_fault),
		SWITCH_UNIT(broken_receiver_drops_its_frames_and_harms_nobody),
		SWITCH_UNIT(readable_descriptor_in_a_receiveq_is_a_fault),
		SWITCH_UNIT(jumbo_into_one_byte_buffers_is_dropped_in_bounded_work),
		SWITCH_UNIT(flows_keep_their_queue_and_order_over_several_pairs),
		SWITCH_UNIT(burst_to_many_ports_is_sorted_out),
	};

	return RUN_UNITS("forward", tests);
}
