/* SPDX-License-Identifier: BSD-3-Clause */
/* What a guest asked for by its control ring: which frames it gets, by which of its queues. */
#include "datapath/worker.h"
#include "policy_model.h"
#include "steer_scene.h"

#include <string.h>

#define MODE(name) VNET_CTRL_MODE(name)
#define FILTERS (F(CTRL_VQ) | F(CTRL_RX) | F(CTRL_RX_EXTRA) | F(CTRL_VLAN))

static struct vnet_ctrl_state state;

/* Addresses that frames of these tests go to. */
enum kind {
	OWN,
	IN_TABLE,
	FOREIGN, /* unicast that was learned behind the guest all the same */
	UNKNOWN, /* unicast nobody knows */
	GROUP_IN_TABLE,
	GROUP,
	BROADCAST,
	KINDS
};

static const uint8_t to[KINDS][6] = {
	[OWN] = {2, 0, 0, 0, 0, 2},
	[IN_TABLE] = {2, 0, 0, 0, 0, 3},
	[FOREIGN] = {2, 0, 0, 0, 0, 4},
	[UNKNOWN] = {2, 0, 0, 0, 0, 99},
	[GROUP_IN_TABLE] = {1, 0, 0x5e, 0, 0, 1},
	[GROUP] = {1, 0, 0x5e, 0, 0, 2},
	[BROADCAST] = {255, 255, 255, 255, 255, 255},
};

static void
frame_to(enum kind kind, int vlan, uint32_t seed)
{
	frame_make(sent, 70, 0, 1, seed);
	memcpy(sent, to[kind], 6);
	sent[12] = 8;
	sent[13] = 0;
	if (vlan >= 0) {
		sent[12] = 0x81;
		sent[14] = (uint8_t)(0xa0 | vlan >> 8); /* with priority bits */
		sent[15] = (uint8_t)vlan;
	}
}

static void
state_reset(uint64_t features)
{
	vnet_ctrl_state_reset(&state, features, &own);
	state.unicast = (struct vnet_ctrl_macs){.nb = 1, .macs = {{{2, 0, 0, 0, 0, 3}}}};
	state.multicast = (struct vnet_ctrl_macs){.nb = 1, .macs = {{{1, 0, 0x5e, 0, 0, 1}}}};
	state.vlans[100 / 64] |= UINT64_C(1) << 100 % 64;
}

/* One frame to b and what became of it. */
static void
assert_as_wanted(enum kind kind, int vlan)
{
	struct port_tx_stats *stats = &b.port->txq[0]->stats, before = *stats;
	const uint64_t *stat;
	bool want;

	frame_to(kind, vlan, state.modes);
	want = policy_model(&state, sent, stats, &stat);
	guest_send(&a, 0, 1, sent, 70, NULL);
	assert_int_equal(vswitch_poll(0), 1);
	assert_int_equal(guest_completed(&a, 0), 1);
	assert_int_equal(stats->packets - before.packets, want);
	assert_int_equal(guest_receive(&b, 0, got, &num_buffers), want ? 70 : 0);
	if (want)
		assert_memory_equal(got, sent, 70);
	else
		assert_int_equal(
			*stat, ((const uint64_t *)&before)[stat - (const uint64_t *)stats] + 1);
	assert_int_equal(stats->filtered_mode + stats->filtered_mac + stats->filtered_vlan,
		before.filtered_mode + before.filtered_mac + before.filtered_vlan + !want);
}

static void
every_mode_with_every_other(void)
{
	static const uint64_t features[] = {0, F(CTRL_RX), F(CTRL_RX_EXTRA), F(CTRL_VLAN),
		F(CTRL_RX) | F(CTRL_RX_EXTRA), FILTERS};
	static const int vlans[] = {-1, 100, 101, 0, 4095};

	for (size_t i = 0; i < RTE_DIM(features); i++) {
		for (uint32_t m = 0; m < 64; m++) {
			uint32_t modes = (m & 1 ? MODE(PROMISC) : 0) |
					 (m & 2 ? MODE(ALLMULTI) : 0) | (m & 4 ? MODE(ALLUNI) : 0) |
					 (m & 8 ? MODE(NOMULTI) : 0) | (m & 16 ? MODE(NOUNI) : 0) |
					 (m & 32 ? MODE(NOBCAST) : 0);

			state_reset(features[i]);
			state.modes = modes;
			set_policy(&b, &state);
			guest_ring_restart(&b, 0);
			guest_post(&b, 0, 0, KINDS * RTE_DIM(vlans), 100);
			for (enum kind kind = 0; kind < KINDS; kind++) {
				for (size_t v = 0; v < RTE_DIM(vlans); v++)
					assert_as_wanted(kind, vlans[v]);
			}
		}
	}
}

static void
every_mode_with_every_other_decides_as_the_standard_says(void **unused)
{
	(void)unused;
	COVERS("NET-DEV-048");
	COVERS("NET-DEV-049");
	COVERS("NET-DEV-050");
	COVERS("NET-DEV-051");
	COVERS("NET-DEV-052");
	COVERS("NET-DEV-053");
	COVERS("NET-DEV-054");
	COVERS("NET-DEV-055");
	COVERS("NET-DEV-056");
	COVERS("NET-DEV-057");
	COVERS("NET-DEV-058");
	COVERS("NET-DEV-059");
	COVERS("NET-DEV-060");
	COVERS("NET-DEV-061");
	COVERS("NET-DEV-062");
	COVERS("NET-DEV-063");
	COVERS("NET-DEV-064");
	COVERS("NET-DEV-068");
	COVERS("VLAN-001");
	COVERS("VLAN-005");
	COVERS("VLAN-006");
	COVERS("VLAN-007");
	open_two(0, 0);
	guest_open(&c, "c", 1, 64, 0);
	introduce(&b, 2);
	introduce(&b, 3);
	introduce(&b, 4);
	/* With a third guest, floods go by copies ... */
	every_mode_with_every_other();
	guest_close(&c);
	/* ... and without, the short way. */
	every_mode_with_every_other();
	close_two();
}

static void
tables_hold_all_they_say_and_nothing_else(void **unused)
{
	(void)unused;
	open_two(0, 0);
	state_reset(FILTERS);
	state.unicast.nb = VNET_CTRL_MACS_MAX;
	state.multicast.nb = VNET_CTRL_MACS_MAX;
	for (uint32_t i = 0; i < VNET_CTRL_MACS_MAX; i++) {
		state.unicast.macs[i] = (struct rte_ether_addr){{2, 1, 0, 0, 2, (uint8_t)i}};
		state.multicast.macs[i] = (struct rte_ether_addr){{1, 0, 0x5e, 0, 2, (uint8_t)i}};
	}
	set_policy(&b, &state);
	for (uint32_t group = 0; group < 2; group++) {
		for (uint32_t i = 0; i < 3 * 256; i++) {
			const uint8_t mac[] = {group ? 1 : 2, group ? 0 : 1, group ? 0x5e : 0, 0,
				(uint8_t)(1 + i / 256), (uint8_t)i};

			guest_ring_restart(&b, 0);
			guest_post(&b, 0, 0, 1, 100);
			frame_make(sent, 60, 0, 1, i);
			memcpy(sent, mac, 6);
			guest_send(&a, 0, 1, sent, 60, NULL);
			assert_int_equal(vswitch_poll(0), 1);
			assert_int_equal(guest_completed(&a, 0), 1);
			assert_int_equal(
				guest_receive(&b, 0, got, &num_buffers), i / 256 == 1 ? 60 : 0);
		}
	}
	assert_int_equal(b.port->txq[0]->stats.filtered_mac, 4 * 256);
	close_two();
}

static void
table_that_was_too_long_lets_all_of_its_kind_through(void **unused)
{
	(void)unused;
	open_two(0, 0);
	guest_post(&b, 0, 0, 4, 100);
	state_reset(FILTERS);
	state.unicast.all = true;
	set_policy(&b, &state);
	frame_to(UNKNOWN, -1, 1);
	assert_frame_arrives(&a, &b, 70, NULL);
	frame_to(GROUP, -1, 1);
	guest_send(&a, 0, 1, sent, 70, NULL);
	assert_int_equal(vswitch_poll(0), 1);
	assert_int_equal(guest_completed(&a, 0), 1);
	assert_int_equal(b.port->txq[0]->stats.filtered_mac, 1);
	state.unicast.all = false;
	state.multicast.all = true;
	set_policy(&b, &state);
	assert_frame_arrives(&a, &b, 70, NULL);
	/* And a guest without a control ring gets everything. */
	set_policy(&b, NULL);
	frame_to(UNKNOWN, 7, 1);
	assert_frame_arrives(&a, &b, 70, NULL);
	close_two();
}

static void
known_destination_that_is_no_longer_wanted_is_not_remembered(void **unused)
{
	(void)unused;
	COVERS("NET-DEV-066");
	open_two(0, 0);
	introduce(&b, 2);
	guest_post(&b, 0, 0, 64, 100);
	state_reset(FILTERS);
	for (uint32_t i = 0; i < 20; i++) {
		state.mac.addr_bytes[5] = i % 2 ? 9 : 2;
		set_policy(&b, &state);
		for (uint32_t n = 0; n < 3; n++) {
			frame_to(OWN, -1, i);
			guest_send(&a, 0, n, sent, 70, NULL);
		}
		assert_int_equal(vswitch_poll(0), 3);
		assert_int_equal(guest_completed(&a, 0), 3);
		assert_int_equal(b.port->txq[0]->stats.packets, (i + 2) / 2 * 3);
		assert_int_equal(b.port->txq[0]->stats.filtered_mac, (i + 1) / 2 * 3);
	}
	close_two();
}

static void
tagged_frames_of_a_full_burst_are_told_apart(void **unused)
{
	(void)unused;
	open_two(0, 0);
	introduce(&b, 2);
	state_reset(FILTERS);
	set_policy(&b, &state);
	for (uint32_t round = 0; round < 3; round++) {
		guest_ring_restart(&a, 1);
		guest_ring_restart(&b, 0);
		guest_post(&b, 0, 0, 32, 100);
		for (uint32_t i = 0; i < 32; i++) {
			frame_to(OWN, i % 3 == 0 ? -1 : i % 3 == 1 ? 100 : 101, i);
			/* Of another protocol: the table is about 802.1Q tags only. */
			if (i == 9)
				memcpy(sent + 12, "\x88\xa8\x00\x65", 4);
			guest_send(&a, 0, i, sent, 70, NULL);
		}
		assert_int_equal(vswitch_poll(0), 32);
		for (uint32_t i = 0; i < 32; i++) {
			if (i % 3 == 2)
				continue;
			frame_to(OWN, i % 3 == 0 ? -1 : 100, i);
			if (i == 9)
				memcpy(sent + 12, "\x88\xa8\x00\x65", 4);
			assert_int_equal(guest_receive(&b, 0, got, &num_buffers), 70);
			assert_memory_equal(got, sent, 70);
		}
		assert_int_equal(b.port->txq[0]->stats.filtered_vlan, (round + 1) * 10);
	}
	/* A tag that the frame is too short for is in no table. */
	for (uint32_t len = 14; len < 16; len++) {
		frame_to(OWN, 100, 1);
		guest_send(&a, 0, 1, sent, len, NULL);
		assert_int_equal(vswitch_poll(0), 1);
	}
	assert_int_equal(b.port->txq[0]->stats.filtered_vlan, 32);
	close_two();
}

static void
flood_that_nobody_wants_takes_no_mbuf(void **unused)
{
	(void)unused;
	open_two(0, 0);
	guest_open(&c, "c", 1, 64, 0);
	state_reset(FILTERS);
	set_policy(&b, &state);
	set_policy(&c, &state);
	while (rte_pktmbuf_alloc(worker_pool) != NULL)
		;
	frame_to(GROUP, -1, 1);
	guest_send(&a, 0, 0, sent, 70, NULL);
	assert_int_equal(vswitch_poll(0), 1);
	assert_int_equal(a.port->rxq[0]->stats.no_mbuf, 0);
	assert_int_equal(b.port->txq[0]->stats.filtered_mac, 1);
	assert_int_equal(c.port->txq[0]->stats.filtered_mac, 1);
	/* And with one who does, it does. */
	set_policy(&c, NULL);
	guest_send(&a, 0, 1, sent, 70, NULL);
	assert_int_equal(vswitch_poll(0), 1);
	assert_int_equal(a.port->rxq[0]->stats.no_mbuf, 1);
	guest_close(&c);
	close_two();
}

static void
frames_longer_than_the_mtu_are_dropped_tags_aside(void **unused)
{
	static const uint8_t tags[] = {0x88, 0xa8, 0, 5, 0x81, 0, 0, 100, 8, 0};

	(void)unused;
	COVERS("NET-DEV-005");
	open_two(MERGE, MERGE);
	guest_open(&c, "c", 1, 64, MERGE);
	introduce(&b, 2);
	port_mtu_set(b.port, 1000);
	for (uint32_t nb_tags = 0; nb_tags < 3; nb_tags++) {
		for (uint32_t unicast = 0; unicast < 2; unicast++) {
			for (uint32_t len = 1012; len < 1030; len++) {
				uint32_t fits = len <= 1014 + 4 * nb_tags ? len : 0;

				guest_ring_restart(&b, 0);
				guest_post(&b, 0, 0, 2, 2000);
				frame_make(sent, len, unicast ? 2 : 77, 1, len);
				memcpy(sent + 12, tags + 8 - 4 * nb_tags, 2 + 4 * nb_tags);
				guest_send(&a, 0, 0, sent, len, NULL);
				assert_int_equal(vswitch_poll(0), 1);
				assert_int_equal(guest_completed(&a, 0), 1);
				assert_int_equal(guest_receive(&b, 0, got, &num_buffers), fits);
			}
		}
	}
	assert_int_equal(b.port->txq[0]->stats.over_mtu, 2 * (15 + 11 + 7));
	port_mtu_set(b.port, 0);
	assert_frame_arrives(&a, &b, 1029, NULL);
	guest_close(&c);
	close_two();
}

static void
queues_beyond_the_count_are_left_alone(void **unused)
{
	(void)unused;
	COVERS("NET-DEV-075");
	COVERS("NET-DEV-076");
	guest_open(&a, "a", 4, 64, 0);
	guest_open(&b, "b", 4, 64, 0);
	introduce(&b, 2);
	state_reset(F(CTRL_VQ) | F(MQ));
	for (uint16_t pairs = 1; pairs <= 4; pairs++) {
		uint64_t sum = 0;

		state.pairs = pairs;
		set_policy(&a, &state);
		set_policy(&b, &state);
		for (uint16_t pair = 0; pair < 4; pair++) {
			guest_ring_restart(&a, 2u * pair + 1);
			guest_ring_restart(&b, 2u * pair);
			guest_post(&b, pair, 0, 64, 100);
			b.port->txq[pair]->stats.packets = 0;
			frame_make(sent, 60, 2, 1, pair);
			guest_send(&a, pair, pair, sent, 60, NULL);
		}
		assert_int_equal(vswitch_poll(0), pairs);
		for (uint16_t pair = 0; pair < 4; pair++) {
			uint64_t packets = b.port->txq[pair]->stats.packets;

			assert_int_equal(guest_completed(&a, pair), pair < pairs);
			assert_true(pair < pairs || packets == 0);
			sum += packets;
		}
		assert_int_equal(sum, pairs);
	}
	close_two();
}

int
main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		SWITCH_UNIT(every_mode_with_every_other_decides_as_the_standard_says),
		SWITCH_UNIT(tables_hold_all_they_say_and_nothing_else),
		SWITCH_UNIT(table_that_was_too_long_lets_all_of_its_kind_through),
		SWITCH_UNIT(known_destination_that_is_no_longer_wanted_is_not_remembered),
		SWITCH_UNIT(tagged_frames_of_a_full_burst_are_told_apart),
		SWITCH_UNIT(flood_that_nobody_wants_takes_no_mbuf),
		SWITCH_UNIT(frames_longer_than_the_mtu_are_dropped_tags_aside),
		SWITCH_UNIT(queues_beyond_the_count_are_left_alone),
	};

	if (argc > 1)
		switch_width = argv[1];
	return RUN_UNITS("policy", tests);
}
