/* SPDX-License-Identifier: BSD-3-Clause */
/* Which receiveq a frame comes by under RSS, and the hash it comes with. */
#include "datapath/steer.h"
#include "hash_model.h"
#include "packets.h"
#include "steer_scene.h"
#include "support/random.h"

#include <arpa/inet.h>
#include <string.h>

static struct vnet_ctrl_state state;
static struct virtio_net_hdr hdr;

/* Published: the verification suite of Microsoft's RSS. */
static const struct vector {
	const char *destination, *source;
	uint16_t destination_port, source_port;
	uint32_t addresses, ports;
} vectors[] = {
	{"161.142.100.80", "66.9.149.187", 1766, 2794, 0x323e8fc2, 0x51ccc178},
	{"65.69.140.83", "199.92.111.2", 4739, 14230, 0xd718262a, 0xc626b0ea},
	{"12.22.207.184", "24.19.198.95", 38024, 12898, 0xd2d0a5de, 0x5c2b394a},
	{"209.142.163.6", "38.27.205.30", 2217, 48228, 0x82989176, 0xafc7327f},
	{"202.188.127.2", "153.39.163.191", 1303, 44251, 0x5d1809c5, 0x10e828a2},
	{"3ffe:2501:200:3::1", "3ffe:2501:200:1fff::7", 1766, 2794, 0x2cc18cd5, 0x40207d3d},
	{"ff02::1", "3ffe:501:8::260:97ff:fe40:efab", 4739, 14230, 0x0f0c461c, 0xdde51bbf},
	{"fe80::200:f8ff:fe21:67cf", "3ffe:1900:4545:3:200:f8ff:fe21:67cf", 38024, 44251,
		0x4b61e985, 0x02d1feef},
};

/* RSS with the default key, spread evenly over all queues by a table of 128 entries. */
static void
state_rss(uint64_t features, uint32_t types)
{
	vnet_ctrl_state_reset(&state, features, &own);
	state.pairs = PAIRS;
	state.rss_on = true;
	state.rss.hash_types = types;
	state.rss.table_mask = 127;
	for (uint16_t i = 0; i < 128; i++)
		state.rss.table[i] = i % PAIRS;
	state.rss.key_length = VNET_HASH_KEY_BYTES;
	memcpy(state.rss.key, vnet_hash_default_key, VNET_HASH_KEY_BYTES);
}

static void
vector_packet(const struct vector *v, uint8_t l4, struct hash_packet *p)
{
	int family = strchr(v->source, ':') != NULL ? AF_INET6 : AF_INET;
	uint16_t ports[2] = {htons(v->source_port), htons(v->destination_port)};

	*p = (struct hash_packet){.ip = family == AF_INET ? 4 : 6, .l4 = l4};
	inet_pton(family, v->source, p->source);
	inet_pton(family, v->destination, p->destination);
	memcpy(p->ports, ports, sizeof(ports));
	hash_packet_plain(p, sent);
}

static void
assert_hash(uint32_t value, uint16_t report)
{
	assert_int_equal(rte_le_to_cpu_32(hdr.hash_value), value);
	assert_int_equal(rte_le_to_cpu_16(hdr.hash_report), report);
	assert_int_equal(hdr.padding_reserved, 0);
}

static void
published_vectors_give_value_type_and_queue(void **unused)
{
	static const uint8_t l4s[] = {0, 6, 17};

	(void)unused;
	COVERS("HASH-008");
	COVERS("HASH-009");
	COVERS("HASH-033");
	COVERS("HASH-037");
	COVERS("NET-DEV-079");
	COVERS("NET-DEV-081");
	open_pairs(HASH);
	state_rss(F(CTRL_VQ) | F(RSS) | HASH, VNET_HASH_TYPES);
	set_policy(&b, &state);
	for (size_t i = 0; i < RTE_DIM(vectors); i++) {
		for (uint16_t k = 0; k < 3; k++) {
			uint32_t value = k == 0 ? vectors[i].addresses : vectors[i].ports;
			struct hash_packet p;

			vector_packet(&vectors[i], l4s[k], &p);
			address_frame(2);
			post_all(&b, 2048);
			guest_send(&a, 0, 1, sent, p.len, NULL);
			assert_int_equal(vswitch_poll(0), 1);
			assert_int_equal(guest_completed(&a, 0), 1);
			assert_int_equal(
				guest_receive_hdr(&b, value % 128 % PAIRS, got, &hdr), p.len);
			assert_hash(value, (uint16_t)((p.ip == 4 ? 1 : 4) + k));
		}
	}
	close_two();
}

static void
guest_without_control_ring_gets_all_types_by_the_default_key(void **unused)
{
	struct hash_packet p;

	(void)unused;
	guest_open(&a, "a", 1, 64, 0);
	guest_open(&b, "b", 1, 64, HASH);
	introduce(&b, 2);
	guest_post(&b, 0, 0, 4, 2048);
	vector_packet(&vectors[1], 6, &p);
	address_frame(2);
	guest_send(&a, 0, 1, sent, p.len, NULL);
	assert_int_equal(vswitch_poll(0), 1);
	assert_int_equal(guest_receive_hdr(&b, 0, got, &hdr), p.len);
	assert_hash(vectors[1].ports, VIRTIO_NET_HASH_REPORT_TCPv4);
	/* One with a control ring starts without any. */
	vnet_ctrl_state_reset(&state, F(CTRL_VQ) | HASH, &own);
	set_policy(&b, &state);
	guest_send(&a, 0, 2, sent, p.len, NULL);
	assert_int_equal(vswitch_poll(0), 1);
	assert_int_equal(guest_receive_hdr(&b, 0, got, &hdr), p.len);
	assert_hash(0, VIRTIO_NET_HASH_REPORT_NONE);
	COVERS("HASH-034");
	COVERS("HASH-040");
	close_two();
}

static void
frame_for_a_queue_that_does_not_run_is_dropped_under_rss(void **unused)
{
	struct hash_packet p;

	(void)unused;
	COVERS("NET-DEV-080");
	COVERS("NET-DEV-082");
	open_pairs(0);
	state_rss(F(CTRL_VQ) | F(RSS), VNET_HASH_TYPES);
	state.rss.unclassified_queue = 3;
	set_policy(&b, &state);
	post_all(&b, 2048);
	vector_packet(&vectors[0], 6, &p);
	address_frame(2);
	port_ring_stop(b.port, 2 * (vectors[0].ports % PAIRS));
	guest_send(&a, 0, 1, sent, p.len, NULL);
	assert_int_equal(vswitch_poll(0), 1);
	assert_int_equal(
		b.port->txq[0]->stats.rss_queue_down + b.port->txq[1]->stats.rss_queue_down, 1);
	/* A burst between addresses that are both in mind: the third one is the first of these. */
	for (uint32_t slot = 2; slot < 6; slot += 2) {
		guest_send(&a, 0, slot, sent, p.len, NULL);
		guest_send(&a, 0, slot + 1, sent, p.len, NULL);
		assert_int_equal(vswitch_poll(0), 2);
		assert_int_equal(
			b.port->txq[0]->stats.rss_queue_down + b.port->txq[1]->stats.rss_queue_down,
			slot + 1);
	}
	memcpy(sent + 12, "\x88\xcc", 2);
	guest_send(&a, 0, 2, sent, p.len, NULL);
	assert_int_equal(vswitch_poll(0), 1);
	assert_int_equal(guest_receive(&b, 3, got, &num_buffers), p.len);
	close_two();
}

/*
 * Copies of a burst lie at other places than the frames they are of: what is looked at behind a
 * copy's head is the copy's own, also where the frame is to be segmented.
 */
static void
flooded_frame_is_steered_by_its_own_bytes(void **unused)
{
	const uint64_t sends = F(CSUM) | F(HOST_TSO4);
	const uint64_t takes = F(GUEST_CSUM) | F(GUEST_TSO4);
	uint32_t lengths[2];

	(void)unused;
	guest_open(&a, "a", 1, 64, sends);
	guest_open(&b, "b", PAIRS, 64, takes);
	guest_open(&c, "c", 1, 64, takes);
	introduce(&c, 3);
	state_rss(F(CTRL_VQ) | F(RSS) | takes, VNET_HASH_TYPES);
	set_policy(&b, &state);
	for (uint32_t seed = 0; seed < 32; seed++) {
		struct virtio_net_hdr asked = {0};
		struct hash_packet flow;
		uint16_t queue, report;

		post_all(&b, 4096);
		guest_ring_restart(&c, 0);
		guest_post(&c, 0, 0, 8, 4096);
		/* One for c, whom the switch knows; behind it one for nobody: b and c get it. */
		for (uint8_t i = 0; i < 2; i++) {
			struct packet p = {.tags = 1, .payload = 2000};

			lengths[i] = packet_make(&p, sent, i == 0 ? 3 : 9, 2 * seed + i);
			/* Another flow each. */
			sent[p.l4 + 1] = (uint8_t)(seed * 7 + i * 101);
			flow = (struct hash_packet){.ip = 4, .l4 = 6};
			memcpy(flow.source, sent + p.l3 + 12, 4);
			memcpy(flow.destination, sent + p.l3 + 16, 4);
			memcpy(flow.ports, sent + p.l4, 4);
			packet_gso(&p, sent, &asked, 1000, false);
			guest_send_hdr(&a, 0, i, &asked, sent, lengths[i], NULL);
		}
		assert_int_equal(vswitch_poll(0), 2);
		assert_int_equal(guest_completed(&a, 0), 2);
		queue = hash_model(&flow, VNET_HASH_TYPES, vnet_hash_default_key, &report) % PAIRS;
		assert_int_equal(guest_receive_hdr(&b, queue, got, &hdr), lengths[1]);
	}
	guest_close(&c);
	close_two();
}

/* Random policies and frames against the model: queue, hash and bytes, in order. */
static const struct {
	uint64_t features;
	uint32_t room;
	bool flood;
} shapes[] = {
	{HASH, 1100, false},
	{HASH | IN_ORDER, 1100, false},
	{HASH | MERGE, 1100, false},
	{HASH | MERGE | IN_ORDER, 500, false},
	{HASH | IN_ORDER, 1100, true},
	{IN_ORDER, 1100, false},
	{0, 1100, true},
};

struct expected {
	uint8_t frame[HASH_MODEL_FRAME_MAX];
	uint32_t len, value;
	uint16_t report, queue;
};

static void
state_random(uint64_t features, uint64_t *seed)
{
	state_rss(F(CTRL_VQ) | F(RSS) | features, random_next(seed) & VNET_HASH_TYPES);
	state.rss.table_mask = (uint16_t)((1u << random_below(seed, 10)) - 1);
	for (uint32_t i = 0; i <= state.rss.table_mask; i++)
		state.rss.table[i] = (uint16_t)random_below(seed, PAIRS);
	state.rss.unclassified_queue = (uint16_t)random_below(seed, PAIRS);
	state.rss.key_length = (uint8_t)(random_below(seed, 4) == 0 ? random_below(seed, 41) : 40);
	memset(state.rss.key, 0, sizeof(state.rss.key));
	for (uint32_t i = 0; i < state.rss.key_length; i++)
		state.rss.key[i] = (uint8_t)random_next(seed);
}

static void
send_random(struct guest *g, uint32_t slot, bool flood, struct expected *e, uint64_t *seed)
{
	static const uint32_t cut[] = {40, 10, 0};
	struct hash_packet p;

	hash_packet_random(&p, sent, seed);
	address_frame(flood ? 0x55 : 2);
	e->len = p.len;
	memcpy(e->frame, sent, p.len);
	e->value = hash_model(&p, state.rss.hash_types, state.rss.key, &e->report);
	e->queue = e->report == 0 ? state.rss.unclassified_queue
				  : state.rss.table[e->value & state.rss.table_mask];
	guest_send(g, 0, slot, sent, p.len,
		p.len + g->hdr > 52 && random_below(seed, 4) == 0 ? cut : NULL);
}

/* A whole burst to a guest that the sender has in mind already. */
static void
send_plain(uint32_t slot, uint8_t l4, bool odd, struct expected *e, uint64_t *seed)
{
	struct hash_packet p = {.ip = 4, .l4 = l4};

	for (uint32_t i = 0; i < 16; i++) {
		p.source[i] = (uint8_t)random_next(seed);
		p.destination[i] = (uint8_t)random_next(seed);
		p.ports[i % 4] = (uint8_t)random_next(seed);
	}
	if (odd)
		hash_packet_odd(&p, sent, seed);
	else
		hash_packet_plain(&p, sent);
	address_frame(2);
	e->len = p.len;
	memcpy(e->frame, sent, p.len);
	e->value = hash_model(&p, state.rss.hash_types, state.rss.key, &e->report);
	e->queue = e->report == 0 ? state.rss.unclassified_queue
				  : state.rss.table[e->value & state.rss.table_mask];
	guest_send(&a, 0, slot, sent, p.len, NULL);
}

static void
receive_expected(struct guest *g, const struct expected *e, bool report)
{
	uint32_t len = guest_receive_hdr(g, e->queue, got, &hdr);

	assert_int_equal(len, e->len);
	assert_memory_equal(got, e->frame, len);
	if (report)
		assert_hash(e->value, e->report);
}

static void
random_tables_and_packets_go_as_the_model_says(void **unused)
{
	static struct expected expected[PER_PAIR];
	uint64_t seed = 4711;

	(void)unused;
	COVERS("HASH-019");
	COVERS("HASH-020");
	COVERS("HASH-021");
	COVERS("HASH-022");
	COVERS("HASH-023");
	COVERS("HASH-024");
	COVERS("HASH-025");
	COVERS("HASH-026");
	COVERS("HASH-027");
	COVERS("HASH-028");
	COVERS("HASH-029");
	COVERS("HASH-030");
	COVERS("HASH-031");
	COVERS("HASH-032");
	for (size_t s = 0; s < RTE_DIM(shapes); s++) {
		open_pairs(shapes[s].features);
		if (shapes[s].flood)
			guest_open(&c, "c", 1, 64, 0);
		for (uint32_t round = 0; round < 300; round++) {
			uint32_t n = 1 + random_below(&seed, shapes[s].room < 1100 ? 5 : PER_PAIR);

			state_random(shapes[s].features, &seed);
			set_policy(&b, &state);
			post_all(&b, shapes[s].room);
			guest_ring_restart(&a, 1);
			for (uint32_t i = 0; i < n; i++)
				send_random(&a, i, shapes[s].flood, &expected[i], &seed);
			assert_int_equal(vswitch_poll(0), n);
			for (uint32_t i = 0; i < n; i++)
				receive_expected(&b, &expected[i], shapes[s].features & HASH);
		}
		if (shapes[s].flood)
			guest_close(&c);
		close_two();
	}
}

static void
bursts_of_one_kind_with_an_odd_packet_go_as_the_model_says(void **unused)
{
	static const uint64_t features[] = {HASH | IN_ORDER, IN_ORDER, HASH, HASH | MERGE};
	static struct expected expected[PER_PAIR];
	uint64_t seed = 4712;

	(void)unused;
	COVERS("HASH-023");
	COVERS("HASH-033");
	COVERS("HASH-037");
	for (uint32_t round = 0; round < 2400; round++) {
		uint64_t asked = features[round / 600];
		uint32_t n = 2 + random_below(&seed, PER_PAIR - 1);
		uint32_t odd = random_below(&seed, 2) ? random_below(&seed, n) : n;
		uint8_t l4 = random_below(&seed, 2) ? 6 : 17;

		if (round % 600 == 0)
			open_pairs(asked);
		state_random(asked, &seed);
		if (random_below(&seed, 2))
			state.rss.hash_types = VNET_HASH_TYPES;
		if (random_below(&seed, 8) == 0)
			state.rss.table_mask = 0; /* all to one queue */
		set_policy(&b, &state);
		post_all(&b, 1100);
		guest_ring_restart(&a, 1);
		/* The first burst looks the address up, the second one knows it. */
		for (uint32_t i = 0; i < n; i++) {
			send_plain(i, l4, i == odd, &expected[i], &seed);
			if (i == 0)
				assert_int_equal(vswitch_poll(0), 1);
		}
		assert_int_equal(vswitch_poll(0), n - 1);
		for (uint32_t i = 0; i < n; i++)
			receive_expected(&b, &expected[i], asked & HASH);
		if (round % 600 == 599)
			close_two();
	}
}

int
main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		SWITCH_UNIT(published_vectors_give_value_type_and_queue),
		SWITCH_UNIT(guest_without_control_ring_gets_all_types_by_the_default_key),
		SWITCH_UNIT(frame_for_a_queue_that_does_not_run_is_dropped_under_rss),
		SWITCH_UNIT(flooded_frame_is_steered_by_its_own_bytes),
		SWITCH_UNIT(random_tables_and_packets_go_as_the_model_says),
		SWITCH_UNIT(bursts_of_one_kind_with_an_odd_packet_go_as_the_model_says),
	};

	if (argc > 1)
		switch_width = argv[1];
	return RUN_UNITS("steer", tests);
}
