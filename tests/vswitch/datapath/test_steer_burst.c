/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bursts of many flows to a guest with several receiveqs: each frame comes where it would alone, in
 * order, and what finds no buffer is counted, however the receiver cuts and orders its rings.
 */
#include "datapath/steer.h"
#include "hash_model.h"
#include "steer_scene.h"
#include "support/random.h"

#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define FLOWS 200
#define BURST 32
#define FRAME 200

static uint64_t seed;
static uint16_t want[FLOWS]; /* pair of a flow */
static struct {
	uint16_t flow;
	uint32_t len;
	uint8_t bytes[FRAME];
} burst[BURST];

/* What the receiver has: buffers posted, and the slot of the next one. */
static uint16_t posted[PAIRS], next_slot[PAIRS];

/* In sent[]: a frame of flow i, IPv6 if it is a multiple of 3, or the answer. */
static uint32_t
make_frame(uint32_t i, bool answer, bool tagged)
{
	uint64_t own_seed = i + 1;
	struct hash_packet p = {.ip = i % 3 == 0 ? 6 : 4, .l4 = i % 2 ? 6 : 17};
	uint8_t source[20];

	random_next(&own_seed);
	for (uint32_t k = 0; k < 16; k++) {
		p.source[k] = (uint8_t)random_next(&own_seed);
		p.destination[k] = (uint8_t)random_next(&own_seed);
		p.ports[k % 4] = (uint8_t)random_next(&own_seed);
	}
	if (answer) {
		memcpy(source, p.source, 16);
		memcpy(source + 16, p.ports, 2);
		memcpy(p.source, p.destination, 16);
		memcpy(p.destination, source, 16);
		memcpy(p.ports, p.ports + 2, 2);
		memcpy(p.ports + 2, source + 16, 2);
	}
	hash_packet_plain(&p, sent);
	if (tagged) {
		memmove(sent + 16, sent + 12, p.len - 12);
		memcpy(sent + 12, "\x81\0\0\5", 4);
		p.len += 4;
	}
	address_frame(answer ? 1 : 2);
	sent[11] = answer ? 2 : 1;
	return p.len;
}

static void
post(uint16_t pair, uint16_t n)
{
	for (; n > 0; n--) {
		guest_post(&b, pair, (uint32_t)pair * PER_PAIR + next_slot[pair], 1, 300);
		next_slot[pair] = (next_slot[pair] + 1) % PER_PAIR;
		posted[pair]++;
	}
}

/* By which queue a flow comes when it comes alone and is looked at by itself: it has a tag. */
static void
find_pairs(void)
{
	for (uint16_t pair = 0; pair < PAIRS; pair++)
		post(pair, PER_PAIR);
	for (uint32_t i = 0; i < FLOWS; i++) {
		struct virtio_net_hdr hdr;
		uint16_t found = 0;

		guest_send(&a, 0, 0, sent, make_frame(i, false, true), NULL);
		assert_int_equal(vswitch_poll(0), 1);
		assert_int_equal(guest_completed(&a, 0), 1);
		for (uint16_t pair = 0; pair < PAIRS; pair++) {
			if (guest_receive_hdr(&b, pair, got, &hdr) == 0)
				continue;
			want[i] = pair;
			found++;
			posted[pair]--;
			post(pair, 1);
		}
		assert_int_equal(found, 1);
	}
}

/* The receiver sends of some flows. */
static void
answer_some(void)
{
	for (uint32_t k = random_below(&seed, 40); k > 0; k--) {
		uint32_t i = (uint32_t)random_below(&seed, FLOWS);
		uint16_t pair = (uint16_t)random_below(&seed, PAIRS);

		guest_send(&b, pair, pair, sent, make_frame(i, true, k % 5 == 0), NULL);
		assert_int_equal(vswitch_poll(0), 1);
		assert_int_equal(guest_completed(&b, pair), 1);
		want[i] = pair;
	}
}

/*
 * mixed: also frames that are not plain IPv4. Each has a number of its own. In some bursts a few
 * frames are cut behind their first 64 bytes, too.
 */
static void
send_burst(uint16_t n, bool mixed, uint16_t round)
{
	static const uint32_t cuts[] = {50, 33, 0};

	for (uint16_t k = 0; k < n; k++) {
		bool tagged = mixed && random_below(&seed, 4) == 0;
		uint32_t i = (uint32_t)random_below(&seed, FLOWS);
		uint32_t at;

		if (!mixed && i % 3 == 0)
			i++;
		burst[k].flow = (uint16_t)i;
		burst[k].len = make_frame(i, false, tagged);
		/* Identification of IPv4, flow label of IPv6. */
		at = (tagged ? 4 : 0) + (i % 3 == 0 ? 16 : 18);
		sent[at] = (uint8_t)round;
		sent[at + 1] = (uint8_t)k;
		assert_in_range(burst[k].len, 40, FRAME);
		memcpy(burst[k].bytes, sent, burst[k].len);
		guest_send(
			&a, 0, k, sent, burst[k].len, round % 3 == 1 && k % 8 == 3 ? cuts : NULL);
	}
	assert_int_equal(vswitch_poll(0), n);
	assert_int_equal(guest_completed(&a, 0), n);
}

/* @return frames that found no buffer. */
static uint32_t
check_burst(uint16_t n)
{
	struct virtio_net_hdr hdr;
	uint32_t dropped = 0;

	for (uint16_t pair = 0; pair < PAIRS; pair++) {
		for (uint16_t k = 0; k < n; k++) {
			if (want[burst[k].flow] != pair)
				continue;
			if (posted[pair] == 0) {
				dropped++;
				continue;
			}
			posted[pair]--;
			assert_int_equal(guest_receive_hdr(&b, pair, got, &hdr), burst[k].len);
			assert_int_equal(rte_le_to_cpu_16(hdr.num_buffers), 1);
			assert_memory_equal(got, burst[k].bytes, burst[k].len);
		}
		assert_int_equal(guest_receive_hdr(&b, pair, got, &hdr), 0);
	}
	return dropped;
}

static uint64_t
no_descriptor(void)
{
	uint64_t n = 0;

	for (uint16_t pair = 0; pair < PAIRS; pair++)
		n += b.port->txq[pair]->stats.no_descriptor;
	return n;
}

static void
bursts_come_as_frames_alone(uint64_t features)
{
	uint64_t dropped = 0, before;

	seed = features + 7;
	memset(posted, 0, sizeof(posted));
	memset(next_slot, 0, sizeof(next_slot));
	open_pairs(features);
	introduce(&a, 1);
	find_pairs();
	before = no_descriptor();
	for (uint16_t round = 0; round < 400; round++) {
		uint16_t n = (uint16_t)(round % 4 == 0 ? BURST : 1 + random_below(&seed, BURST));

		answer_some();
		send_burst(n, round % 5 == 0, round);
		dropped += check_burst(n);
		/* Mostly all again, at times too few. */
		for (uint16_t pair = 0; pair < PAIRS; pair++) {
			uint16_t room = (uint16_t)(PER_PAIR - posted[pair]);

			post(pair, round % 7 == 0 ? room / 4 : room);
		}
	}
	assert_true(dropped > 0);
	assert_int_equal(no_descriptor() - before, dropped);
	close_two();
}

static void
to_rings_in_order(void **unused)
{
	(void)unused;
	bursts_come_as_frames_alone(IN_ORDER);
}

static void
to_rings_out_of_order(void **unused)
{
	(void)unused;
	bursts_come_as_frames_alone(0);
}

static void
to_rings_with_a_hash(void **unused)
{
	(void)unused;
	bursts_come_as_frames_alone(IN_ORDER | HASH);
}

/* A burst to all queues: who wants no interrupt gets none, the others get one each. */
static void
each_queue_is_asked_whether_it_wants_an_interrupt(void **unused)
{
	(void)unused;
	memset(posted, 0, sizeof(posted));
	memset(next_slot, 0, sizeof(next_slot));
	open_pairs(IN_ORDER);
	b.call_fd = eventfd(0, EFD_NONBLOCK);
	assert_true(b.call_fd > 0);
	for (uint32_t ring = 0; ring < 2 * PAIRS; ring += 2)
		guest_ring_restart(&b, ring);
	introduce(&a, 1);
	find_pairs();
	for (uint16_t quiet = 0; quiet < PAIRS; quiet++) {
		uint64_t before[PAIRS];
		bool came[PAIRS] = {false};

		for (uint16_t pair = 0; pair < PAIRS; pair++) {
			before[pair] = b.port->txq[pair]->stats.interrupts;
			b.drv[2 * pair].avail->flags =
				rte_cpu_to_le_16(pair == quiet ? VIRTQ_AVAIL_F_NO_INTERRUPT : 0);
		}
		send_burst(BURST, false, quiet);
		for (uint16_t k = 0; k < BURST; k++)
			came[want[burst[k].flow]] = true;
		check_burst(BURST);
		for (uint16_t pair = 0; pair < PAIRS; pair++) {
			assert_int_equal(b.port->txq[pair]->stats.interrupts - before[pair],
				came[pair] && pair != quiet);
			post(pair, (uint16_t)(PER_PAIR - posted[pair]));
		}
	}
	close(b.call_fd);
	close_two();
}

/* Of a burst whose first head is none nothing is left to be steered, whatever came before. */
static void
broken_sender_ends_without_a_burst(void **unused)
{
	(void)unused;
	for (uint16_t features = 0; features < 2; features++) {
		memset(posted, 0, sizeof(posted));
		memset(next_slot, 0, sizeof(next_slot));
		open_pairs(features == 0 ? IN_ORDER : HASH);
		introduce(&a, 1);
		find_pairs();
		send_burst(PAIRS, false, 1);
		check_burst(PAIRS);
		send_burst(PAIRS, false, 2);
		check_burst(PAIRS);
		fake_driver_raw_head(&a.drv[1], 1000);
		fake_driver_show(&a.drv[1]);
		assert_int_equal(vswitch_poll(0), 0);
		assert_non_null(port_ring_fault(a.port, 1));
		check_burst(0);
		answer_some();
		close_two();
	}
}

int
main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		SWITCH_UNIT(to_rings_in_order),
		SWITCH_UNIT(to_rings_out_of_order),
		SWITCH_UNIT(to_rings_with_a_hash),
		SWITCH_UNIT(broken_sender_ends_without_a_burst),
		SWITCH_UNIT(each_queue_is_asked_whether_it_wants_an_interrupt),
	};

	if (argc > 1)
		switch_width = argv[1];
	return RUN_UNITS("steer_burst", tests);
}
