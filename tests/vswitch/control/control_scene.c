/* SPDX-License-Identifier: BSD-3-Clause */
#include "control_scene.h"

struct port *pa, *pb;
struct control_driver cd;
struct cmd cmd;

void
scene_connect(uint16_t pairs)
{
	pa = bench_port("a", pairs);
	pb = bench_port("b", 1);
	assert_true(frontend_connect(&fa, bench_path("a")));
	assert_true(frontend_connect(&fb, bench_path("b")));
	frontend_start(&fb, 2);
}

void
scene_bring_up(uint64_t features, uint32_t nb_rings)
{
	frontend_negotiate(&fa, features, CD_P_BASE);
	frontend_memory(&fa);
	for (uint32_t i = 0; i < nb_rings; i++) {
		frontend_ring_init(&fa, i);
		frontend_ring_tell(&fa, i);
		frontend_enable(&fa, i, true);
	}
	control_tell(&cd);
	frontend_enable(&fa, cd.index, true);
	frontend_status(&fa, STATUS_OK);
	assert_true(frontend_barrier(&fa));
}

void
scene_start(uint16_t pairs, uint64_t features, uint32_t size)
{
	scene_connect(pairs);
	control_open(&cd, &fa, 2u * pairs, size);
	scene_bring_up(features | (pairs > 1 ? FE_MQ : 0), 2);
}

void
scene_stop(void)
{
	control_close(&cd);
	frontend_disconnect(&fa);
	frontend_disconnect(&fb);
	assert_int_equal(vswitch_port_remove("a"), 0);
	assert_int_equal(vswitch_port_remove("b"), 0);
}

struct vhost_control *
scene_control(void)
{
	const struct port_vhost *pv = pa->backend;

	return pv->control;
}

const struct vnet_ctrl_state *
scene_state(void)
{
	const struct vhost_control *c = scene_control();

	assert_true(c->filtering);
	assert_memory_equal(&c->state, &c->in_force, sizeof(c->in_force));
	return &c->in_force;
}

uint64_t
scene_refused(void)
{
	return control_refused(&scene_control()->counters);
}

int
scene_run(void)
{
	return control_do(&cd, cmd.bytes, cmd.nb);
}
