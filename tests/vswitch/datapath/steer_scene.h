/* SPDX-License-Identifier: BSD-3-Clause */
/* Guest a with one pair, guest b with several. */
#ifndef TESTS_STEER_SCENE_H
#define TESTS_STEER_SCENE_H

#include "net/vnet_ctrl_state.h"
#include "scene.h"

#define F(name) (UINT64_C(1) << VIRTIO_NET_F_##name)
#define PAIRS 4
#define PER_PAIR (GUEST_BUFS / PAIRS)

/* Address of guest b. */
extern const struct rte_ether_addr own;

/** b is known to be behind its port, a is not. */
void open_pairs(uint64_t features_b);

void set_policy(struct guest *g, const struct vnet_ctrl_state *s);

/** Restart all receiveqs with PER_PAIR buffers of len bytes each. */
void post_all(struct guest *g, uint32_t len);

/** Ethernet addresses of what is in sent[]: from 02::01 to 02::to. */
void address_frame(uint8_t to);

#endif
