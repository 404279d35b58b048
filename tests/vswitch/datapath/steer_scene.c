/* SPDX-License-Identifier: BSD-3-Clause */
#include "steer_scene.h"

#include <string.h>

const struct rte_ether_addr own = {{2, 0, 0, 0, 0, 2}};

void
open_pairs(uint64_t features_b)
{
	guest_open(&a, "a", 1, 64, 0);
	guest_open(&b, "b", PAIRS, 64, features_b);
	introduce(&b, 2);
}

void
set_policy(struct guest *g, const struct vnet_ctrl_state *s)
{
	assert_int_equal(port_policy_set(g->port, s), 0);
}

void
post_all(struct guest *g, uint32_t len)
{
	for (uint16_t pair = 0; pair < g->port->max_pairs; pair++) {
		guest_ring_restart(g, 2u * pair);
		guest_post(g, pair, pair * PER_PAIR, PER_PAIR, len);
	}
}

void
address_frame(uint8_t to)
{
	memcpy(sent, "\x02\0\0\0\0", 5);
	sent[5] = to;
	memcpy(sent + 6, "\x02\0\0\0\0\x01", 6);
}
