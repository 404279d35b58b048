/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What each port gets of a worker when others have more to send than it can take. Verdicts by
 * counts: a call of vswitch_poll() is a turn.
 */
#include "datapath/turn.h"
#include "datapath/worker.h"
#include "scene.h"

#include <string.h>

#define TURNS 600
#define BUSY_QUEUES 8

static struct guest d, more[4];

/* Frames sent that are not completed yet, by guest and pair; guests are few. */
struct sender {
	struct guest *g;
	uint16_t pair;
	uint32_t room; /* descriptors that are free */
	uint32_t len;
	uint8_t to, from;
};

static struct sender
sender(struct guest *g, uint16_t pair, uint32_t len, uint8_t to, uint8_t from)
{
	return (struct sender){g, pair, g->ring_size, len, to, from};
}

/* Offer up to n frames more, as many as the ring has room for. */
static void
offer(struct sender *s, uint32_t n)
{
	s->room += guest_completed(s->g, s->pair);
	frame_make(sent, s->len, s->to, s->from, 1);
	for (; n > 0 && s->room > 0; n--, s->room--)
		guest_send(s->g, s->pair, 8, sent, s->len, NULL);
}

static void
fill(struct sender *s)
{
	offer(s, s->g->ring_size);
}

static uint64_t
packets(const struct guest *g)
{
	uint64_t sum = 0;

	for (uint16_t pair = 0; pair < g->port->max_pairs; pair++) {
		if (g->port->rxq[pair] != NULL)
			sum += g->port->rxq[pair]->stats.packets;
	}
	return sum;
}

static uint64_t
difference(uint64_t x, uint64_t y)
{
	return x > y ? x - y : y - x;
}

/* MAC 2 is behind d, which takes nothing: what is sent to it is decided and dropped. */
static void
open_receiver(void)
{
	guest_open(&d, "d", 1, 64, 0);
	introduce(&d, 2);
}

static void
frame_beside_a_flood_waits_one_turn(void **state)
{
	struct sender flood, single;

	(void)state;
	open_two(0, 0);
	open_receiver();
	introduce(&a, 10);
	introduce(&b, 11);
	flood = sender(&a, 0, 60, 2, 10);
	single = sender(&b, 0, 60, 2, 11);
	for (uint32_t i = 0; i < TURNS; i++) {
		uint64_t flooded = packets(&a), had = packets(&b);

		fill(&flood);
		offer(&single, 1);
		vswitch_poll(0);
		assert_int_equal(packets(&b) - had, 1);
		assert_int_equal(packets(&a) - flooded, WORKER_BURST);
	}
	guest_close(&d);
	close_two();
}

static void
large_frames_and_small_ones_share_by_work(void **state)
{
	const uint32_t len = 65000;
	struct sender large, small;
	uint64_t frames, bytes;

	(void)state;
	open_two(0, 0);
	open_receiver();
	introduce(&a, 10);
	introduce(&b, 11);
	large = sender(&a, 0, len, 2, 10);
	small = sender(&b, 0, 60, 2, 11);
	frames = packets(&b);
	bytes = a.port->rxq[0]->stats.bytes;
	for (uint32_t i = 0; i < TURNS; i++) {
		uint64_t had = packets(&b);

		fill(&large);
		fill(&small);
		vswitch_poll(0);
		/* The small ones get their turn each time. */
		assert_int_equal(packets(&b) - had, WORKER_BURST);
	}
	frames = packets(&b) - frames;
	bytes = a.port->rxq[0]->stats.bytes - bytes;
	assert_int_equal(frames, TURNS * WORKER_BURST);
	/* A burst more or less, which is bounded. */
	assert_true(difference(bytes, frames * TURN_FRAME) <= WORKER_BURST_BYTES + FRAME_MAX);
	guest_close(&d);
	close_two();
}

static void
share_is_of_the_port_not_of_the_queue(void **state)
{
	struct sender many[BUSY_QUEUES], one;
	uint64_t least = UINT64_MAX, most = 0;

	(void)state;
	guest_open(&a, "a", BUSY_QUEUES, 64, 0);
	guest_open(&b, "b", 1, 64, 0);
	open_receiver();
	introduce(&a, 10);
	introduce(&b, 11);
	for (uint16_t pair = 0; pair < BUSY_QUEUES; pair++)
		many[pair] = sender(&a, pair, 60, 2, 10);
	one = sender(&b, 0, 60, 2, 11);
	for (uint32_t i = 0; i < TURNS; i++) {
		for (uint16_t pair = 0; pair < BUSY_QUEUES; pair++)
			fill(&many[pair]);
		fill(&one);
		vswitch_poll(0);
		assert_true(difference(packets(&a), packets(&b)) <= WORKER_BURST);
	}
	assert_true(packets(&b) >= TURNS * WORKER_BURST);
	/* And its queues share what it gets. */
	for (uint16_t pair = 0; pair < BUSY_QUEUES; pair++) {
		least = RTE_MIN(least, a.port->rxq[pair]->stats.packets);
		most = RTE_MAX(most, a.port->rxq[pair]->stats.packets);
	}
	assert_true(most - least <= WORKER_BURST);
	guest_close(&a);
	guest_close(&b);
	guest_close(&d);
}

static void
few_frames_in_many_queues_are_one_turn(void **state)
{
	struct sender many[BUSY_QUEUES];

	(void)state;
	guest_open(&a, "a", BUSY_QUEUES, 64, 0);
	open_receiver();
	introduce(&a, 10);
	for (uint16_t pair = 0; pair < BUSY_QUEUES; pair++)
		many[pair] = sender(&a, pair, 60, 2, 10);
	for (uint32_t i = 0; i < TURNS; i++) {
		for (uint16_t pair = 0; pair < BUSY_QUEUES; pair++)
			offer(&many[pair], WORKER_BURST / BUSY_QUEUES);
		assert_int_equal(vswitch_poll(0), WORKER_BURST);
	}
	guest_close(&a);
	guest_close(&d);
}

static void
who_sends_alone_never_waits(void **state)
{
	struct sender large;

	(void)state;
	open_two(0, 0);
	open_receiver();
	introduce(&a, 10);
	large = sender(&a, 0, 65000, 2, 10);
	for (uint32_t i = 0; i < TURNS; i++) {
		fill(&large);
		assert_true(vswitch_poll(0) > 0);
	}
	guest_close(&d);
	close_two();
}

static void
flood_to_many_ports_costs_its_sender_what_it_makes(void **state)
{
	struct sender flood, single;
	uint64_t flooded, had, work, bound;

	(void)state;
	open_two(0, 0);
	open_receiver();
	for (uint32_t i = 0; i < RTE_DIM(more); i++) {
		char name[] = "more0";

		name[4] = (char)('0' + i);
		guest_open(&more[i], name, 1, 64, 0);
	}
	introduce(&a, 10);
	introduce(&b, 11);
	flood = sender(&a, 0, 60, 99, 10); /* unknown */
	single = sender(&b, 0, 60, 2, 11);
	flooded = packets(&a);
	had = packets(&b);
	for (uint32_t i = 0; i < TURNS; i++) {
		fill(&flood);
		fill(&single);
		vswitch_poll(0);
	}
	flooded = packets(&a) - flooded;
	had = packets(&b) - had;
	assert_int_equal(had, TURNS * WORKER_BURST);
	/* Taken once, copied for b, d and the others. */
	work = flooded * (1 + 2 + RTE_DIM(more)) * TURN_FRAME;
	bound = (uint64_t)WORKER_BURST * (1 + 2 + RTE_DIM(more)) * TURN_FRAME;
	assert_true(flooded > 0);
	assert_true(difference(work, had * TURN_FRAME) <= bound);
	for (uint32_t i = 0; i < RTE_DIM(more); i++)
		guest_close(&more[i]);
	guest_close(&d);
	close_two();
}

/* Descriptors of length 0 without end: each is work and none is a byte. */
static void
chain_of_empty_descriptors_is_bounded_work(void **state)
{
	const uint32_t size = 32768;
	static struct guest e;
	struct fake_driver *drv;

	(void)state;
	guest_open(&b, "b", 1, 64, 0);
	guest_open(&e, "e", 1, size, MERGE);
	introduce(&e, 2);
	introduce(&b, 11);
	/* One chain through the whole table, offered again and again by its receiveq. */
	drv = &e.drv[0];
	for (uint32_t i = 0; i < size; i++)
		fake_desc(&drv->desc[i], GUEST_BASE, i + 1 == size ? 1 : 0,
			VIRTQ_DESC_F_WRITE | (i + 1 == size ? 0 : VIRTQ_DESC_F_NEXT),
			(uint16_t)(i + 1));
	for (uint32_t i = 0; i < WORKER_CHAINS; i++)
		fake_driver_raw_head(drv, 0);
	fake_driver_show(drv);
	frame_make(sent, 60, 2, 11, 1);
	guest_send(&b, 0, 0, sent, 60, NULL);
	assert_int_equal(vswitch_poll(0), 1);
	assert_int_equal(e.port->txq[0]->stats.buffers_too_small, 1);
	/* The same by its transmitq: the frame is refused, and the ring goes on. */
	drv = &e.drv[1];
	for (uint32_t i = 0; i < size; i++)
		fake_desc(&drv->desc[i], GUEST_BASE, i + 1 == size ? 80 : 0,
			i + 1 == size ? 0 : VIRTQ_DESC_F_NEXT, (uint16_t)(i + 1));
	for (uint32_t i = 0; i < WORKER_BURST; i++)
		fake_driver_raw_head(drv, 0);
	fake_driver_show(drv);
	assert_int_equal(vswitch_poll(0), WORKER_BURST);
	assert_int_equal(e.port->rxq[0]->stats.too_many_segments, WORKER_BURST);
	assert_null(port_ring_fault(e.port, 1));
	guest_close(&e);
	guest_close(&b);
}

int
main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		SWITCH_UNIT(frame_beside_a_flood_waits_one_turn),
		SWITCH_UNIT(large_frames_and_small_ones_share_by_work),
		SWITCH_UNIT(share_is_of_the_port_not_of_the_queue),
		SWITCH_UNIT(few_frames_in_many_queues_are_one_turn),
		SWITCH_UNIT(who_sends_alone_never_waits),
		SWITCH_UNIT(flood_to_many_ports_costs_its_sender_what_it_makes),
		SWITCH_UNIT(chain_of_empty_descriptors_is_bounded_work),
	};

	if (argc > 1)
		switch_width = argv[1];
	return RUN_UNITS("turn", tests);
}
