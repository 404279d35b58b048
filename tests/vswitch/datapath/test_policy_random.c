/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Random policies and random frames against a slow model: who gets a frame, by which queue, with
 * which hash. First one thing after the other, then with workers that forward while policies
 * change.
 */
#include "datapath/worker.h"
#include "hash_model.h"
#include "policy_model.h"
#include "steer_scene.h"
#include "support/random.h"

#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>

#define FILTERS (F(CTRL_RX) | F(CTRL_RX_EXTRA) | F(CTRL_VLAN))
#define NEVER_LOOKED_AT 1100 /* room for any frame in one buffer */

/* A frame on its way. Its source address tells which it is. */
struct sent_frame {
	uint8_t bytes[HASH_MODEL_FRAME_MAX];
	struct hash_packet packet;
};

static const uint8_t destinations[][6] = {
	{2, 0, 0, 0, 0, 2},    /* own, most of the time */
	{2, 0, 0, 0, 0, 3},    /* learned; in some tables */
	{2, 0, 0, 0, 0, 4},    /* the same */
	{2, 0, 0, 0, 0, 99},   /* unknown: flooded */
	{1, 0, 0x5e, 0, 0, 1}, /* in some tables */
	{1, 0, 0x5e, 0, 0, 2}, /* the same */
	{255, 255, 255, 255, 255, 255},
};

static struct virtio_net_hdr hdr;

static bool
one_in(uint64_t *seed, uint32_t n)
{
	return random_below(seed, n) == 0;
}

static void
add_mac(struct vnet_ctrl_macs *macs, const uint8_t *mac)
{
	memcpy(&macs->macs[macs->nb++], mac, 6);
}

static void
random_rss(struct vnet_rss *rss, uint64_t *seed)
{
	rss->hash_types = random_next(seed) & VNET_HASH_TYPES;
	rss->table_mask = (uint16_t)((1u << random_below(seed, 10)) - 1);
	for (uint32_t i = 0; i <= rss->table_mask; i++)
		rss->table[i] = (uint16_t)random_below(seed, PAIRS);
	rss->unclassified_queue = (uint16_t)random_below(seed, PAIRS);
	rss->key_length = VNET_HASH_KEY_BYTES;
	for (uint32_t i = 0; i < VNET_HASH_KEY_BYTES; i++)
		rss->key[i] = (uint8_t)random_next(seed);
}

static void
random_state(struct vnet_ctrl_state *s, uint64_t *seed)
{
	static const enum vnet_ctrl_kind kinds[] = {VNET_CTRL_PROMISC, VNET_CTRL_ALLMULTI,
		VNET_CTRL_ALLUNI, VNET_CTRL_NOMULTI, VNET_CTRL_NOUNI, VNET_CTRL_NOBCAST};
	uint64_t features = F(CTRL_VQ) | F(MQ) | F(RSS);

	features |= one_in(seed, 4) ? FILTERS & ~(UINT64_C(1) << random_below(seed, 64)) : FILTERS;
	vnet_ctrl_state_reset(s, features, &own);
	for (size_t i = 0; i < RTE_DIM(kinds); i++)
		s->modes |= one_in(seed, 6) ? 1u << kinds[i] : 0;
	if (one_in(seed, 6))
		s->mac.addr_bytes[5] = 50;
	for (uint32_t i = 1; i < 3; i++) {
		if (one_in(seed, 2))
			add_mac(&s->unicast, destinations[i]);
		if (one_in(seed, 2))
			add_mac(&s->multicast, destinations[3 + i]);
	}
	for (size_t i = 0; i < RTE_DIM(s->vlans); i++)
		s->vlans[i] = (uint64_t)random_next(seed) << 32 | random_next(seed);
	s->pairs = (uint16_t)(1 + random_below(seed, PAIRS));
	s->rss_on = one_in(seed, 2);
	random_rss(&s->rss, seed);
}

static void
random_frame(struct sent_frame *f, uint8_t index, uint64_t *seed)
{
	hash_packet_random(&f->packet, f->bytes, seed);
	memcpy(f->bytes, destinations[random_below(seed, RTE_DIM(destinations))], 6);
	memcpy(f->bytes + 6, "\x02\xaa\0\0\0", 5);
	f->bytes[11] = index;
}

/* May a guest with this policy have got this frame so? */
static bool
as_it_should(
	const struct vnet_ctrl_state *s, const struct sent_frame *f, uint16_t queue, bool reports)
{
	const struct port_tx_stats none = {0};
	const uint64_t *counter;
	uint16_t report;
	uint32_t value = hash_model(&f->packet, s->rss.hash_types, s->rss.key, &report);

	if (!policy_model(s, f->bytes, &none, &counter))
		return false;
	if (reports && (rte_le_to_cpu_32(hdr.hash_value) != value ||
			       rte_le_to_cpu_16(hdr.hash_report) != report))
		return false;
	if (!s->rss_on)
		return queue < s->pairs;
	return queue ==
	       (report == 0 ? s->rss.unclassified_queue : s->rss.table[value & s->rss.table_mask]);
}

static void
open_guests(uint64_t features_b)
{
	open_pairs(features_b);
	guest_open(&c, "c", 1, 64, 0);
	introduce(&b, 3);
	introduce(&b, 4);
}

static void
round_of_frames(const struct vnet_ctrl_state *s, uint64_t *seed)
{
	static struct sent_frame frames[PER_PAIR];
	const uint32_t n = 1 + random_below(seed, PER_PAIR);
	struct port_tx_stats *stats = &b.port->txq[0]->stats;
	uint64_t before[sizeof(*stats) / sizeof(uint64_t)], dropped = 0, found = 0;

	for (uint16_t pair = 0; pair < PAIRS; pair++)
		b.port->txq[pair]->stats = (struct port_tx_stats){0};
	memset(before, 0, sizeof(before));
	for (uint8_t i = 0; i < n; i++) {
		const uint64_t *counter;

		random_frame(&frames[i], i, seed);
		guest_send(&a, 0, i, frames[i].bytes, frames[i].packet.len, NULL);
		if (policy_model(s, frames[i].bytes, stats, &counter))
			continue;
		before[counter - (const uint64_t *)stats]++;
		dropped++;
	}
	assert_int_equal(vswitch_poll(0), n);
	assert_int_equal(guest_completed(&a, 0), n);
	for (uint16_t pair = 0; pair < PAIRS; pair++) {
		int last[2] = {-1, -1}; /* of known destinations, of flooded frames */
		uint32_t len;

		while ((len = guest_receive_hdr(&b, pair, got, &hdr)) != 0) {
			const struct sent_frame *f = &frames[got[11]];

			const bool flooded = got[0] & 1 || got[5] == 99;

			assert_true(got[11] > last[flooded]);
			last[flooded] = got[11];
			assert_int_equal(len, f->packet.len);
			assert_memory_equal(got, f->bytes, len);
			assert_true(as_it_should(s, f, pair, b.features & HASH));
			found++;
		}
	}
	assert_int_equal(found + dropped, n);
	/* Filters count on the first queue in use. */
	for (uint16_t pair = 1; pair < PAIRS; pair++) {
		const struct port_tx_stats *other = &b.port->txq[pair]->stats;

		stats->filtered_mode += other->filtered_mode;
		stats->filtered_mac += other->filtered_mac;
		stats->filtered_vlan += other->filtered_vlan;
	}
	assert_int_equal(
		stats->filtered_mode, before[offsetof(struct port_tx_stats, filtered_mode) / 8]);
	assert_int_equal(
		stats->filtered_mac, before[offsetof(struct port_tx_stats, filtered_mac) / 8]);
	assert_int_equal(
		stats->filtered_vlan, before[offsetof(struct port_tx_stats, filtered_vlan) / 8]);
}

static void
random_policies_and_frames_go_as_the_model_says(void **unused)
{
	static const uint64_t features[] = {0, HASH, IN_ORDER, HASH | IN_ORDER};
	static struct vnet_ctrl_state state;
	uint64_t seed = 99;

	(void)unused;
	for (size_t i = 0; i < RTE_DIM(features); i++) {
		open_guests(features[i]);
		for (uint32_t round = 0; round < 400; round++) {
			random_state(&state, &seed);
			set_policy(&b, &state);
			post_all(&b, NEVER_LOOKED_AT);
			guest_ring_restart(&a, 1);
			round_of_frames(&state, &seed);
		}
		guest_close(&c);
		close_two();
	}
}

/*
 * Two workers.
 */
#define WORKERS 2
#define BATCH 16 /* frames on each of a's pairs */

static bool stop;
static uint64_t next_buffer[PAIRS];

static void *
work(void *arg)
{
	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
		if (vswitch_poll((uint16_t)(uintptr_t)arg) == 0)
			sched_yield();
	}
	return NULL;
}

/* What has come to b so far; both policies may have decided. Buffers are used in order. */
static uint64_t
take_all(const struct sent_frame *frames, const struct vnet_ctrl_state *old,
	const struct vnet_ctrl_state *new)
{
	uint64_t n = 0;

	for (uint16_t pair = 0; pair < PAIRS; pair++) {
		uint32_t len;

		while ((len = guest_receive_hdr(&b, pair, got, &hdr)) != 0) {
			const struct sent_frame *f = &frames[got[11]];

			assert_in_range(got[11], 0, 2 * BATCH - 1);
			assert_int_equal(len, f->packet.len);
			assert_memory_equal(got, f->bytes, len);
			assert_true(as_it_should(old, f, pair, true) ||
				    as_it_should(new, f, pair, true));
			guest_post(&b, pair,
				pair * PER_PAIR + (uint32_t)(next_buffer[pair]++ % PER_PAIR), 1,
				NEVER_LOOKED_AT);
			n++;
		}
	}
	return n;
}

static void
policies_change_while_workers_forward(void **unused)
{
	const struct vswitch_conf conf = {
		.nb_mbufs = 255, .mac_entries = 1024, .nb_workers = WORKERS};
	static struct sent_frame frames[2 * BATCH];
	static struct vnet_ctrl_state states[2];
	uint64_t seed = 7, received = 0;
	pthread_t threads[WORKERS];
	cpu_set_t all;

	(void)unused;
	vswitch_fini();
	assert_int_equal(vswitch_init(&conf), 0);
	memset(&all, 0xff, sizeof(all));
	pthread_setaffinity_np(pthread_self(), sizeof(all), &all);
	guest_open(&a, "a", 2, 64, 0);
	guest_open(&b, "b", PAIRS, 64, HASH | IN_ORDER);
	guest_open(&c, "c", 1, 64, 0);
	post_all(&b, NEVER_LOOKED_AT);
	memset(next_buffer, 0, sizeof(next_buffer));
	random_state(&states[0], &seed);
	set_policy(&b, &states[0]);
	stop = false;
	for (uintptr_t i = 0; i < WORKERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, work, (void *)i), 0);
	for (uint32_t round = 0; round < 300; round++) {
		const struct vnet_ctrl_state *old = &states[round % 2];
		struct vnet_ctrl_state *new = &states[(round + 1) % 2];
		uint32_t completed = 0;

		for (uint8_t i = 0; i < 2 * BATCH; i++) {
			random_frame(&frames[i], i, &seed);
			guest_send(&a, i / BATCH, i, frames[i].bytes, frames[i].packet.len, NULL);
		}
		random_state(new, &seed);
		set_policy(&b, new);
		if (round % 16 == 0)
			port_mtu_set(b.port, 1500);
		while (completed < 2 * BATCH) {
			for (uint16_t pair = 0; pair < 2; pair++)
				completed += guest_completed(&a, pair);
			received += take_all(frames, old, new);
			sched_yield();
		}
		/* The receivers' rings are published behind the sender's: one burst more. */
		set_policy(&b, new);
		received += take_all(frames, old, new);
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	for (uint32_t i = 0; i < WORKERS; i++)
		pthread_join(threads[i], NULL);
	printf("# %" PRIu64 " of 9600 frames were wanted\n", received);
	assert_in_range(received, 1000, 9400);
	guest_close(&c);
	close_two();
}

int
main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		SWITCH_UNIT(random_policies_and_frames_go_as_the_model_says),
		SWITCH_UNIT(policies_change_while_workers_forward),
	};

	if (argc > 1)
		switch_width = argv[1];
	return RUN_UNITS("policy_random", tests);
}
