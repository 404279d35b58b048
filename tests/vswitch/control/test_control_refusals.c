/* SPDX-License-Identifier: BSD-3-Clause */
/* Commands that are not right, chains that are none, and too many of both. */
#include "control/fault_report.h"
#include "control_scene.h"
#include "support/random.h"

#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

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

/* Any prefix, any tail: refused, and nothing has changed. */
static void
commands_of_a_wrong_length_change_nothing(void **state)
{
	struct vnet_ctrl_state before;
	uint64_t count;

	(void)state;
	scene_start(4, ALL_FEATURES, 64);
	for (uint32_t kind = 0; kind < 7; kind++) {
		switch (kind) {
		case 0:
			cmd_rss(&cmd, 0x1ff, 16, 4, 2, 40);
			break;
		case 1:
			cmd_macs(&cmd, 3, 2);
			break;
		case 2:
			cmd_begin(&cmd, 1, 1);
			cmd_le(&cmd, 0x010203040502, 6);
			break;
		case 3:
			cmd_begin(&cmd, 4, 0);
			cmd_le(&cmd, 3, 2);
			break;
		case 4:
			cmd_begin(&cmd, 2, 0);
			cmd_le(&cmd, 7, 2);
			break;
		case 5:
			cmd_begin(&cmd, 5, 0);
			cmd_le(&cmd, 0, 8);
			break;
		default:
			cmd_begin(&cmd, 0, 0);
			cmd_le(&cmd, 1, 1);
		}
		before = *scene_state();
		count = scene_refused();
		for (uint32_t nb = 0; nb < cmd.nb; nb++)
			assert_int_equal(control_do(&cd, cmd.bytes, nb), CD_ERR);
		cmd_le(&cmd, 0, 40);
		for (uint32_t more = 1; more <= 40; more++)
			assert_int_equal(control_do(&cd, cmd.bytes, cmd.nb - 40 + more), CD_ERR);
		assert_int_equal(scene_refused() - count, cmd.nb);
		assert_memory_equal(&before, scene_state(), sizeof(before));
	}
	scene_stop();
}

static void
impossible_values_and_unknown_commands_change_nothing(void **state)
{
	static const uint8_t bad[][8] = {{0, 0, 2}, {4, 0, 0, 0}, {4, 0, 5, 0}, {4, 0, 0, 0x80},
		{2, 0, 0, 0x10}, {2, 1, 0xff, 0xff}, {1, 1, 1, 0, 0x5e, 0, 0, 1},
		{1, 1, 0, 0, 0, 0, 0, 0}};
	static const uint8_t bytes[] = {3, 4, 4, 4, 4, 4, 8, 8};
	static const uint32_t rss[][5] = {/* types, entries, queues, pairs, key */
		{0x200, 16, 4, 4, 40}, {0x1ff, 1024, 4, 4, 40}, {0x1ff, 16, 5, 4, 40},
		{0x1ff, 16, 4, 5, 40}, {0x1ff, 16, 4, 0, 40}, {0x1ff, 16, 4, 4, 41},
		{0x1ff, 16, 4, 4, 255}, {0x1ff, 16, 4, 4, 0}, {0x1ff, 3, 4, 4, 40},
		{0x1ff, 65536, 4, 4, 0}};
	struct vnet_ctrl_state before;

	(void)state;
	scene_start(4, ALL_FEATURES, 64);
	before = *scene_state();
	for (uint32_t i = 0; i < RTE_DIM(bytes); i++)
		assert_int_equal(control_do(&cd, bad[i], bytes[i]), CD_ERR);
	assert_int_equal(scene_control()->counters.refused[VNET_CTRL_BAD_VALUE], RTE_DIM(bytes));
	for (uint32_t i = 0; i < RTE_DIM(rss); i++) {
		cmd_rss(&cmd, rss[i][0], RTE_MIN(rss[i][1], 4096u), (uint16_t)rss[i][2],
			(uint16_t)rss[i][3], (uint8_t)rss[i][4]);
		assert_int_equal(scene_run(), CD_ERR);
	}
	for (uint32_t class = 0; class < 256; class ++) {
		for (uint32_t command = 0; command < 256; command += class < 8 ? 1 : 51) {
			bool known = (class == 0 && command < 6) || (class == 1 && command < 2) ||
				     (class == 2 && command < 2) || (class == 3 && command < 1) ||
				     (class == 4 && command < 3) || (class == 5 && command < 1);

			if (known)
				continue;
			cmd_begin(&cmd, (uint8_t) class, (uint8_t)command);
			cmd_le(&cmd, 1, 8);
			assert_int_equal(scene_run(), CD_ERR);
		}
	}
	assert_memory_equal(&before, scene_state(), sizeof(before));
	scene_stop();
}

static void
commands_whose_feature_was_not_negotiated_are_refused(void **state)
{
	static const uint8_t commands[][2] = {
		{0, 0}, {0, 2}, {1, 0}, {1, 1}, {2, 0}, {3, 0}, {4, 0}, {4, 1}, {4, 2}, {5, 0}};

	(void)state;
	scene_start(1, CD_BASE | CD_CTRL_VQ, 64);
	for (uint32_t i = 0; i < RTE_DIM(commands); i++) {
		cmd_begin(&cmd, commands[i][0], commands[i][1]);
		cmd_le(&cmd, 1, 8);
		assert_int_equal(scene_run(), CD_ERR);
	}
	assert_int_equal(
		scene_control()->counters.refused[VNET_CTRL_BAD_NOT_NEGOTIATED], RTE_DIM(commands));
	scene_stop();
}

/* A driver that leaves no place for the answer cannot learn that it was obeyed: it is not. */
static void
a_command_without_a_place_for_the_answer_is_not_carried_out(void **state)
{
	struct fake_part parts[4];
	uint32_t ack = CD_DATA + 64;

	(void)state;
	scene_start(1, ALL_FEATURES, 64);
	memcpy(control_at(&cd, CD_DATA), (uint8_t[]){0, 0, 1}, 3);
	parts[0] = (struct fake_part){FE_GUEST + CD_DATA, 3, false};
	parts[1] = (struct fake_part){FE_GUEST + ack, 0, true};
	for (uint32_t nb = 1; nb <= 2; nb++) {
		control_offer(&cd, parts, nb, ack);
		vswitch_housekeep();
		assert_int_equal(control_answer(&cd), CD_NO_ACK);
	}
	assert_int_equal(scene_control()->counters.no_ack_place, 2);
	assert_int_equal(scene_state()->modes, 0);
	/* More room than it takes: the first byte is the answer, wherever it is. */
	parts[2] = (struct fake_part){FE_GUEST + ack, 40, true};
	parts[3] = (struct fake_part){FE_GUEST + ack + 100, 4, true};
	control_offer(&cd, parts, 4, ack);
	vswitch_housekeep();
	assert_int_equal(control_answer(&cd), CD_OK);
	assert_int_equal(*control_at(&cd, ack + 1), 0);
	assert_int_equal(scene_state()->modes, 1);
	scene_stop();
}

static void
each_fault_of_the_walk_stops_the_control_ring_alone(void **state)
{
	(void)state;
	scene_start(1, ALL_FEATURES, 64);
	for (uint32_t way = 0; way < 6; way++) {
		struct virtq_desc *d = &cd.ring.desc[0];
		uint64_t at = FE_GUEST + CD_DATA;

		reset_state();
		switch (way) {
		case 0: /* outside */
			fake_desc(d, 0xdead0000, 3, 0, 0);
			break;
		case 1: /* a loop */
			fake_desc(d, at, 1, VIRTQ_DESC_F_NEXT, 0);
			break;
		case 2: /* readable behind writable */
			fake_desc(&d[1], at, 3, 0, 0);
			fake_desc(d, at, 1, VIRTQ_DESC_F_NEXT | VIRTQ_DESC_F_WRITE, 1);
			break;
		case 3: /* a table in a table */
			fake_desc((void *)control_at(&cd, CD_TABLE), at, 16, VIRTQ_DESC_F_INDIRECT,
				0);
			fake_desc(d, FE_GUEST + CD_TABLE, 16, VIRTQ_DESC_F_INDIRECT, 0);
			break;
		case 4: /* 4 GiB */
			for (uint32_t i = 0; i < 64; i++)
				fake_desc(&d[i], FE_GUEST, FE_BYTES, VIRTQ_DESC_F_NEXT,
					(uint16_t)(i + 1));
			break;
		default: /* a next beyond the table */
			fake_desc(d, at, 1, VIRTQ_DESC_F_NEXT, 64);
		}
		fake_driver_raw_head(&cd.ring, 0);
		fake_driver_show(&cd.ring);
		vswitch_housekeep();
		assert_non_null(port_ring_fault(pa, port_controlq(pa)));
		assert_int_equal(fault_count(pa), way + 1);
		assert_int_equal(control_answer(&cd), CD_NONE);
		frontend_frame(&fa, 1, 0xb, 0xa, 1, 60);
		bench_poll();
		assert_int_equal(pa->rxq[0]->stats.packets, way + 1);
	}
	reset_state();
	cmd_begin(&cmd, 0, 0);
	cmd_le(&cmd, 1, 1);
	assert_int_equal(scene_run(), CD_OK);
	scene_stop();
}

/* Two rings full of commands at once: the switch takes its time, and others do not notice. */
static void
a_flood_of_commands_is_served_bit_by_bit(void **state)
{
	uint32_t served = 0, most = 0;

	(void)state;
	scene_start(1, ALL_FEATURES & ~CD_HASH_REPORT, 512);
	for (uint32_t i = 0; i < 1000; i++) {
		uint8_t vlan[4] = {2, i % 2, 9, 0};
		uint32_t nb = 0;

		while (cd.ring.size - cd.ring.nb_busy >= 2)
			control_send(&cd, vlan, 4);
		assert_int_equal(eventfd_write(cd.kick, 1), 0);
		vswitch_wait(0);
		vswitch_housekeep();
		while (control_answer(&cd) == CD_OK)
			nb++;
		most = RTE_MAX(most, nb);
		served += nb;
		if (i % 100 == 0)
			bench_pass(&fa, 1, &fb, 0, i, 8);
	}
	assert_int_equal(most, 64);
	assert_int_equal(served, 64 * 1000);
	scene_stop();
}

/* Main meets it, in the ring or in a command. */
static void
memory_cut_short_under_the_control_ring_stops_its_port_only(void **state)
{
	static const off_t left[] = {0, CD_RING, CD_DATA};

	(void)state;
	for (uint32_t i = 0; i < RTE_DIM(left); i++) {
		scene_start(1, ALL_FEATURES, 64);
		cmd_begin(&cmd, 0, 0);
		cmd_le(&cmd, 1, 1);
		assert_int_equal(scene_run(), CD_OK);
		control_send(&cd, cmd.bytes, cmd.nb);
		assert_int_equal(ftruncate(fa.memfd, left[i]), 0);
		vswitch_housekeep();
		vswitch_housekeep();
		assert_false(pa->ctrlq.running);
		assert_int_equal(pa->mem.nb_regions, 0);
		assert_true(frontend_barrier(&fb));
		scene_stop();
		frontend_close(&fa);
		frontend_open(&fa);
	}
}

static void *
rewrite(void *arg)
{
	const bool *end = arg;
	volatile uint8_t *at = control_at(&cd, CD_DATA);
	uint64_t r = 3;

	while (!__atomic_load_n(end, __ATOMIC_RELAXED)) {
		uint32_t i =
			random_below(&r, 4) == 0 ? random_below(&r, 512) : random_below(&r, 12);

		at[i] = (uint8_t)random_next(&r);
		/* And now and then what makes it a good one. */
		if (random_below(&r, 8) == 0)
			memcpy((void *)(uintptr_t)at, cmd.bytes, cmd.nb);
	}
	return NULL;
}

/* Read once, checked, used: whatever the bytes are by then. */
static void
commands_rewritten_while_they_are_read_are_good_or_refused(void **state)
{
	struct fake_part parts[2] = {{FE_GUEST + CD_DATA, 0, false}, {0, 1, true}};
	uint32_t good = 0, bad = 0;
	pthread_t thread;
	bool end = false;

	(void)state;
	scene_start(4, ALL_FEATURES, 64);
	cmd_rss(&cmd, 0x1ff, 128, 4, 4, 40);
	memcpy(control_at(&cd, CD_DATA), cmd.bytes, cmd.nb);
	parts[0].len = cmd.nb;
	parts[1].addr = FE_GUEST + CD_DATA + 4096;
	assert_int_equal(pthread_create(&thread, NULL, rewrite, &end), 0);
	for (uint32_t i = 0; i < 20000 || good == 0 || bad == 0; i++) {
		const struct vnet_ctrl_state *s = &scene_control()->in_force;
		int answer;

		control_offer(&cd, parts, 2, CD_DATA + 4096);
		vswitch_housekeep();
		answer = control_answer(&cd);
		assert_true(answer == CD_OK || answer == CD_ERR);
		good += answer == CD_OK;
		bad += answer == CD_ERR;
		if (!s->rss_on)
			continue;
		assert_true(s->rss.table_mask < 512 && s->rss.key_length <= 40);
		assert_true(s->rss.unclassified_queue < 4);
		assert_in_range(s->pairs, 1, 4);
		for (uint32_t k = 0; k <= s->rss.table_mask; k++)
			assert_true(s->rss.table[k] < 4);
	}
	__atomic_store_n(&end, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	scene_stop();
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		BENCH_UNIT(commands_of_a_wrong_length_change_nothing),
		BENCH_UNIT(impossible_values_and_unknown_commands_change_nothing),
		BENCH_UNIT(commands_whose_feature_was_not_negotiated_are_refused),
		BENCH_UNIT(a_command_without_a_place_for_the_answer_is_not_carried_out),
		BENCH_UNIT(each_fault_of_the_walk_stops_the_control_ring_alone),
		BENCH_UNIT(a_flood_of_commands_is_served_bit_by_bit),
		BENCH_UNIT(memory_cut_short_under_the_control_ring_stops_its_port_only),
		BENCH_UNIT(commands_rewritten_while_they_are_read_are_good_or_refused),
	};

	return RUN_UNITS("control_refusals", tests);
}
