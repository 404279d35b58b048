/* SPDX-License-Identifier: BSD-3-Clause */
/* Automatic steering: by which receiveq a flow comes to a guest with several. */
#include "datapath/steer.h"
#include "hash_model.h"
#include "steer_scene.h"
#include "support/random.h"

#include <string.h>

/* Flow number i: any packet with addresses and ports. */
static void
flow_packet(uint32_t i, struct hash_packet *p)
{
	uint64_t seed = i + 1;

	random_next(&seed);
	*p = (struct hash_packet){.ip = i % 3 == 0 ? 6 : 4, .l4 = i % 2 ? 6 : 17};
	for (uint32_t k = 0; k < 16; k++) {
		p->source[k] = (uint8_t)random_next(&seed);
		p->destination[k] = (uint8_t)random_next(&seed);
		p->ports[k % 4] = (uint8_t)random_next(&seed);
	}
}

static void
turn_round(struct hash_packet *p)
{
	struct hash_packet q = *p;

	memcpy(p->source, q.destination, 16);
	memcpy(p->destination, q.source, 16);
	memcpy(p->ports, q.ports + 2, 2);
	memcpy(p->ports + 2, q.ports, 2);
}

/* Send what p says from a guest's pair, tags or not. */
static void
send_packet(struct guest *g, uint16_t pair, const struct hash_packet *p, uint8_t from, uint8_t to,
	bool tagged)
{
	struct hash_packet q = *p;

	hash_packet_plain(&q, sent);
	if (tagged) {
		memmove(sent + 16, sent + 12, q.len - 12);
		memcpy(sent + 12, "\x81\0\0\5", 4);
		q.len += 4;
	}
	address_frame(to);
	sent[11] = from;
	guest_send(g, pair, pair, sent, q.len, NULL);
	assert_int_equal(vswitch_poll(0), 1);
	assert_int_equal(guest_completed(g, pair), 1);
}

/* The receiveq of b by which the frame in sent[] came. */
static uint16_t
came_by(struct guest *g)
{
	uint16_t by = UINT16_MAX;

	for (uint16_t pair = 0; pair < g->port->max_pairs; pair++) {
		if (guest_receive(g, pair, got, &num_buffers) == 0)
			continue;
		assert_int_equal(by, UINT16_MAX);
		assert_memory_equal(got, sent, 60);
		by = pair;
		guest_post(g, pair, pair * PER_PAIR, 1, 200);
	}
	return by;
}

static void
post_one_each(struct guest *g)
{
	for (uint16_t pair = 0; pair < g->port->max_pairs; pair++)
		guest_post(g, pair, pair * PER_PAIR, 1, 200);
}

static void
flow_comes_back_by_the_pair_it_was_last_sent_by(void **unused)
{
	uint64_t seed = 5;

	(void)unused;
	COVERS("NET-DEV-072");
	COVERS("NET-DEV-073");
	open_pairs(0);
	introduce(&a, 1);
	post_one_each(&b);
	for (uint32_t i = 0; i < 2000; i++) {
		uint16_t pair = (uint16_t)random_below(&seed, PAIRS);
		struct hash_packet p;

		flow_packet(i % 500, &p);
		turn_round(&p);
		send_packet(&b, pair, &p, 2, 1, i % 5 == 0);
		turn_round(&p);
		send_packet(&a, 0, &p, 1, 2, i % 7 == 0);
		assert_int_equal(came_by(&b), pair);
	}
	/* Also what is no IP: by Ethernet addresses. */
	for (uint16_t pair = 0; pair < PAIRS; pair++) {
		frame_make(sent, 60, 1, 2, 1);
		memcpy(sent + 12, "\x88\xcc", 2);
		guest_send(&b, pair, 0, sent, 60, NULL);
		assert_int_equal(vswitch_poll(0), 1);
		frame_make(sent, 60, 2, 1, pair);
		memcpy(sent + 12, "\x88\xcc", 2);
		guest_send(&a, 0, 0, sent, 60, NULL);
		assert_int_equal(vswitch_poll(0), 1);
		assert_int_equal(came_by(&b), pair);
	}
	close_two();
}

static void
unknown_flows_are_spread_and_each_keeps_its_queue(void **unused)
{
	uint32_t flows[PAIRS] = {0};

	(void)unused;
	COVERS("NET-DEV-074");
	open_pairs(0);
	post_one_each(&b);
	for (uint32_t i = 0; i < 1000; i++) {
		struct hash_packet p;
		uint16_t by;

		flow_packet(i, &p);
		send_packet(&a, 0, &p, 1, 2, false);
		by = came_by(&b);
		assert_in_range(by, 0, PAIRS - 1);
		flows[by]++;
		send_packet(&a, 0, &p, 1, 2, true);
		assert_int_equal(came_by(&b), by);
	}
	for (uint16_t pair = 0; pair < PAIRS; pair++)
		assert_in_range(flows[pair], 150, 350);
	close_two();
}

/* Whatever another guest sends, by many queues and under any address, moves no flow of b. */
static void
nobody_steers_the_flows_of_another(void **unused)
{
	static uint16_t by[64];

	(void)unused;
	open_pairs(0);
	introduce(&a, 1);
	guest_open(&c, "c", PAIRS, 64, 0);
	post_one_each(&b);
	for (uint32_t round = 0; round < 3; round++) {
		for (uint32_t i = 0; i < RTE_DIM(by); i++) {
			struct hash_packet p;

			flow_packet(i, &p);
			send_packet(&a, 0, &p, 1, 2, false);
			if (round == 0)
				by[i] = came_by(&b);
			else
				assert_int_equal(came_by(&b), by[i]);
		}
		for (uint32_t i = 0; i < 4 * RTE_DIM(by); i++) {
			struct hash_packet p;

			flow_packet(i / 4, &p);
			turn_round(&p);
			send_packet(&c, i % 4, &p, 3, 1, false);
		}
	}
	guest_close(&c);
	close_two();
}

static void
memory_for_flows_is_bounded_and_only_for_guests_with_pairs(void **unused)
{
	const struct steer_flows *flows;

	(void)unused;
	open_pairs(0);
	guest_open(&c, "c", 1, 64, 0);
	introduce(&a, 1);
	post_one_each(&b);
	assert_null(a.port->flows);
	assert_null(c.port->flows);
	flows = b.port->flows;
	assert_non_null(flows);
	/* Many more flows than places: the newest are in it, and everything still arrives. */
	for (uint32_t i = 0; i < 3 * STEER_FLOWS; i++) {
		struct hash_packet p;

		flow_packet(i, &p);
		turn_round(&p);
		send_packet(&b, 1, &p, 2, 1, false);
	}
	assert_ptr_equal(b.port->flows, flows);
	for (uint32_t i = 0; i < 100; i++) {
		struct hash_packet p;

		flow_packet(3 * STEER_FLOWS + i, &p);
		turn_round(&p);
		send_packet(&b, 2, &p, 2, 1, false);
		turn_round(&p);
		send_packet(&a, 0, &p, 1, 2, false);
		assert_int_equal(came_by(&b), 2);
	}
	guest_close(&c);
	close_two();
}

static void
flow_of_a_queue_that_stopped_goes_by_another(void **unused)
{
	(void)unused;
	COVERS("NET-DEV-077");
	COVERS("NET-DEV-078");
	open_pairs(0);
	introduce(&a, 1);
	post_one_each(&b);
	for (uint32_t i = 0; i < 50; i++) {
		struct hash_packet p;

		flow_packet(i, &p);
		turn_round(&p);
		send_packet(&b, 3, &p, 2, 1, false);
		turn_round(&p);
		send_packet(&a, 0, &p, 1, 2, false);
		assert_int_equal(came_by(&b), 3);
	}
	port_ring_stop(b.port, 6);
	for (uint32_t i = 0; i < 50; i++) {
		struct hash_packet p;

		flow_packet(i, &p);
		send_packet(&a, 0, &p, 1, 2, false);
		assert_in_range(came_by(&b), 0, 2);
	}
	for (uint32_t ring = 0; ring < 6; ring += 2)
		port_ring_stop(b.port, ring);
	guest_send(&a, 0, 0, sent, 60, NULL);
	assert_int_equal(vswitch_poll(0), 1);
	assert_int_equal(a.port->rxq[0]->stats.port_down, 1);
	close_two();
}

int
main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		SWITCH_UNIT(flow_comes_back_by_the_pair_it_was_last_sent_by),
		SWITCH_UNIT(unknown_flows_are_spread_and_each_keeps_its_queue),
		SWITCH_UNIT(nobody_steers_the_flows_of_another),
		SWITCH_UNIT(memory_for_flows_is_bounded_and_only_for_guests_with_pairs),
		SWITCH_UNIT(flow_of_a_queue_that_stopped_goes_by_another),
	};

	if (argc > 1)
		switch_width = argv[1];
	return RUN_UNITS("steer_auto", tests);
}
