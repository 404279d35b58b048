/* SPDX-License-Identifier: BSD-3-Clause */
/* What commands do, however they are cut. */
#include "control_scene.h"
#include "support/random.h"

#include <string.h>

static void
check_modes(void)
{
	for (uint8_t mode = 0; mode < 6; mode++) {
		cmd_begin(&cmd, 0, mode);
		cmd_le(&cmd, 1, 1);
		assert_int_equal(scene_run(), CD_OK);
		assert_int_equal(scene_state()->modes, (2u << mode) - 1);
	}
	for (uint8_t mode = 0; mode < 6; mode++) {
		cmd_begin(&cmd, 0, mode);
		cmd_le(&cmd, 0, 1);
		assert_int_equal(scene_run(), CD_OK);
		assert_int_equal(scene_state()->modes, 0x3f & ~((2u << mode) - 1));
	}
}

static void
check_macs(void)
{
	static const uint8_t other[6] = {0x06, 5, 4, 3, 2, 1};
	uint8_t mac[6];

	cmd_macs(&cmd, 256, 256);
	assert_int_equal(scene_run(), CD_OK);
	assert_int_equal(scene_state()->unicast.nb, 256);
	assert_int_equal(scene_state()->multicast.nb, 256);
	assert_memory_equal(scene_state()->unicast.macs, cmd.bytes + 6, 6 * 256);
	assert_memory_equal(scene_state()->multicast.macs, cmd.bytes + 10 + 6 * 256, 6 * 256);
	/* More than the device holds: all of that kind. */
	cmd_macs(&cmd, 257, 1);
	assert_int_equal(scene_run(), CD_OK);
	assert_true(scene_state()->unicast.all);
	assert_false(scene_state()->multicast.all);
	cmd_macs(&cmd, 1023, 1024);
	assert_int_equal(scene_run(), CD_OK);
	assert_true(scene_state()->unicast.all && scene_state()->multicast.all);
	cmd_macs(&cmd, 0, 0);
	assert_int_equal(scene_run(), CD_OK);
	assert_int_equal(scene_state()->unicast.nb + scene_state()->multicast.nb, 0);
	assert_false(scene_state()->unicast.all || scene_state()->multicast.all);
	cmd_begin(&cmd, 1, 1);
	cmd_put(&cmd, other, 6);
	assert_int_equal(scene_run(), CD_OK);
	assert_memory_equal(&scene_state()->mac, other, 6);
	assert_int_equal(frontend_config(&fa, 0, 6, mac), 6);
	assert_memory_equal(mac, other, 6);
}

static void
check_vlans(void)
{
	static const uint16_t ids[] = {0, 1, 63, 64, 4094, 4095};

	for (uint8_t add = 0; add < 2; add++) {
		for (uint32_t i = 0; i < RTE_DIM(ids); i++) {
			cmd_begin(&cmd, 2, add);
			cmd_le(&cmd, ids[i], 2);
			/* Twice is as good as once. */
			assert_int_equal(scene_run(), CD_OK);
			assert_int_equal(scene_run(), CD_OK);
			assert_int_equal(vnet_ctrl_state_vlan(scene_state(), ids[i]), add == 0);
		}
	}
}

static void
check_steering(uint16_t pairs)
{
	if (pairs > 1) {
		cmd_begin(&cmd, 4, 0);
		cmd_le(&cmd, pairs, 2);
		assert_int_equal(scene_run(), CD_OK);
		assert_int_equal(scene_state()->pairs, pairs);
		assert_false(scene_state()->rss_on);
	}
	for (uint32_t entries = 1; entries <= 512; entries *= 2) {
		cmd_rss(&cmd, 0x1ff, entries, pairs, pairs, 40);
		assert_int_equal(scene_run(), CD_OK);
		assert_true(scene_state()->rss_on);
		assert_int_equal(scene_state()->rss.hash_types, 0x1ff);
		assert_int_equal(scene_state()->rss.table_mask, entries - 1);
		assert_int_equal(scene_state()->rss.unclassified_queue, pairs - 1);
		assert_int_equal(scene_state()->pairs, pairs);
		for (uint32_t i = 0; i < entries; i++)
			assert_int_equal(scene_state()->rss.table[i], i % pairs);
		assert_int_equal(scene_state()->rss.key_length, 40);
		assert_memory_equal(scene_state()->rss.key, cmd.bytes + cmd.nb - 40, 40);
	}
	/* The last of the two counts. */
	if (pairs > 1) {
		cmd_begin(&cmd, 4, 0);
		cmd_le(&cmd, 1, 2);
		assert_int_equal(scene_run(), CD_OK);
		assert_false(scene_state()->rss_on);
		assert_int_equal(scene_state()->pairs, 1);
	}
}

static void
every_command_is_in_force_when_its_buffer_comes_back(void **state)
{
	static const uint16_t pairs[] = {1, 4, 127};

	(void)state;
	COVERS("NET-DEV-048");
	COVERS("NET-DEV-051");
	COVERS("NET-DEV-053");
	COVERS("NET-DEV-055");
	COVERS("NET-DEV-059");
	COVERS("NET-DEV-062");
	COVERS("NET-DEV-066");
	COVERS("NET-DEV-067");
	COVERS("NET-FACT-118");
	COVERS("NET-FACT-132");
	COVERS("HASH-005");
	COVERS("HASH-006");
	COVERS("VLAN-002");
	COVERS("VLAN-003");
	COVERS("VLAN-004");
	for (uint32_t i = 0; i < RTE_DIM(pairs); i++) {
		scene_start(pairs[i], ALL_FEATURES, 64);
		check_modes();
		check_macs();
		check_vlans();
		check_steering(pairs[i]);
		cmd_begin(&cmd, 5, 0);
		cmd_le(&cmd, 2, 8);
		assert_int_equal(scene_state()->offloads, FE_F(1) | FE_F(7));
		assert_int_equal(scene_run(), CD_OK);
		assert_int_equal(scene_state()->offloads, FE_F(1));
		assert_int_equal(scene_refused(), 0);
		scene_stop();
	}
}

static void
without_rss_the_hash_command_sets_types_and_key(void **state)
{
	(void)state;
	COVERS("HASH-007");
	COVERS("HASH-038");
	COVERS("HASH-039");
	COVERS("HASH-042");
	scene_start(1, ALL_FEATURES & ~CD_RSS, 64);
	for (uint32_t types = 0x1ff; types != 0; types >>= 1) {
		cmd_begin(&cmd, 4, 2);
		cmd_le(&cmd, types, 4);
		cmd_le(&cmd, 0, 8);
		cmd_le(&cmd, 40, 1);
		for (uint32_t i = 0; i < 40; i++)
			cmd_le(&cmd, types + i, 1);
		assert_int_equal(scene_run(), CD_OK);
		assert_int_equal(scene_state()->rss.hash_types, types);
		assert_memory_equal(scene_state()->rss.key, cmd.bytes + 15, 40);
		assert_false(scene_state()->rss_on);
	}
	scene_stop();
}

/* The command as pieces that end where cuts says; the answer behind them, in a piece of its own. */
static int
run_cut(const uint32_t *cuts, uint32_t nb_cuts, bool table)
{
	static struct fake_part parts[VNET_CTRL_BYTES_MAX + 8];
	uint32_t at = 0, nb = 0, ack = CD_DATA + cmd.nb + 7;

	memcpy(control_at(&cd, CD_DATA), cmd.bytes, cmd.nb);
	for (uint32_t i = 0; i <= nb_cuts; i++) {
		uint32_t end = i < nb_cuts ? cuts[i] : cmd.nb;

		parts[nb++] = (struct fake_part){FE_GUEST + CD_DATA + at, end - at, false};
		at = end;
	}
	parts[nb++] = (struct fake_part){FE_GUEST + ack, 1, true};
	if (table) {
		int head = fake_driver_offer_indirect(
			&cd.ring, parts, 0, control_at(&cd, CD_TABLE), FE_GUEST + CD_TABLE, nb, 0);

		assert_true(head >= 0);
		*control_at(&cd, ack) = 0xee;
		cd.ack[head] = ack;
		fake_driver_show(&cd.ring);
	} else {
		control_offer(&cd, parts, nb, ack);
	}
	vswitch_housekeep();
	return control_answer(&cd);
}

static void
reset_state(void)
{
	frontend_status(&fa, 0);
	control_init(&cd);
	for (uint32_t i = 0; i < 2; i++)
		frontend_ring_init(&fa, i);
	frontend_status(&fa, STATUS_OK);
	assert_true(frontend_barrier(&fa));
	assert_false(scene_state()->rss_on);
}

static void
how_a_command_is_cut_does_not_matter(void **state)
{
	uint32_t cuts[64];
	uint64_t r = 17;

	(void)state;
	scene_start(4, ALL_FEATURES, 256);
	cmd_rss(&cmd, 0x3f, 32, 4, 4, 40);
	/* In two at each byte, none included; then in many with empty ones among them. */
	for (uint32_t cut = 0; cut <= cmd.nb; cut++) {
		reset_state();
		assert_int_equal(run_cut(&cut, 1, cut % 2), CD_OK);
		assert_int_equal(scene_state()->rss.table[7], 3);
		assert_memory_equal(scene_state()->rss.key, cmd.bytes + cmd.nb - 40, 40);
	}
	for (uint32_t round = 0; round < 200; round++) {
		uint32_t at = 0, nb = 0;

		reset_state();
		while (nb < RTE_DIM(cuts) && at <= cmd.nb) {
			cuts[nb++] = at;
			at += random_below(&r, 9);
		}
		assert_int_equal(run_cut(cuts, nb, round % 2), CD_OK);
		assert_int_equal(scene_state()->rss.table[7], 3);
	}
	scene_stop();
}

static void
the_longest_command_may_come_byte_by_byte(void **state)
{
	static uint32_t cuts[VNET_CTRL_BYTES_MAX];

	(void)state;
	scene_start(1, ALL_FEATURES, 16384);
	cmd_macs(&cmd, 1024, 1024);
	assert_int_equal(cmd.nb, VNET_CTRL_BYTES_MAX);
	for (uint32_t i = 1; i < cmd.nb; i++)
		cuts[i - 1] = i;
	assert_int_equal(run_cut(cuts, cmd.nb - 1, false), CD_OK);
	assert_true(scene_state()->unicast.all);
	/* One byte more is too much, in one piece or in many. */
	reset_state();
	cmd_le(&cmd, 0, 1);
	assert_int_equal(run_cut(cuts, cmd.nb - 2, false), CD_ERR);
	assert_int_equal(scene_run(), CD_ERR);
	assert_int_equal(scene_control()->counters.refused[VNET_CTRL_BAD_OVERSIZED], 2);
	assert_false(scene_state()->unicast.all);
	scene_stop();
}

/* Without a kick descriptor: what RESET_OWNER disabled comes back as it was. */
static void
a_ring_that_is_enabled_again_after_reset_owner_counts(void **state)
{
	(void)state;
	scene_start(1, ALL_FEATURES, 64);
	assert_int_equal(frontend_ask(&fa, FE_RESET_OWNER, NULL, 0, NULL, 0), 0);
	assert_true(frontend_barrier(&fa));
	assert_null(pa->policy);
	frontend_enable(&fa, cd.index, true);
	assert_true(frontend_barrier(&fa));
	cmd_begin(&cmd, 0, 0);
	cmd_le(&cmd, 1, 1);
	assert_int_equal(scene_run(), CD_OK);
	assert_int_equal(scene_state()->modes, 1);
	scene_stop();
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		BENCH_UNIT(every_command_is_in_force_when_its_buffer_comes_back),
		BENCH_UNIT(without_rss_the_hash_command_sets_types_and_key),
		BENCH_UNIT(how_a_command_is_cut_does_not_matter),
		BENCH_UNIT(the_longest_command_may_come_byte_by_byte),
		BENCH_UNIT(a_ring_that_is_enabled_again_after_reset_owner_counts),
	};

	return RUN_UNITS("control_commands", tests);
}
