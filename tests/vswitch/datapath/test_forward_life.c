/* SPDX-License-Identifier: BSD-3-Clause */
/* Guests that come, go, stop and break their rings, and what their neighbours see of it. */
#include "datapath/fdb.h"
#include "datapath/worker.h"
#include "scene.h"

#include <string.h>

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

int
main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		SWITCH_UNIT(address_follows_the_guest_and_is_forgotten_with_its_port),
		SWITCH_UNIT(frame_to_its_own_port_or_a_stopped_one_is_counted),
		SWITCH_UNIT(paused_port_is_left_alone_and_goes_on),
		SWITCH_UNIT(stopped_ring_goes_on_at_its_used_index),
		SWITCH_UNIT(broken_sender_stops_and_the_others_go_on),
		SWITCH_UNIT(writable_descriptor_in_a_transmitq_is_a_fault),
		SWITCH_UNIT(broken_receiver_drops_its_frames_and_harms_nobody),
		SWITCH_UNIT(readable_descriptor_in_a_receiveq_is_a_fault),
		SWITCH_UNIT(jumbo_into_one_byte_buffers_is_dropped_in_bounded_work),
	};

	if (argc > 1)
		switch_width = argv[1];
	return RUN_UNITS("forward_life", tests);
}
