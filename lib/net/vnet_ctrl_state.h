/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the control commands of a device add up to. VIRTIO 1.3, 5.1.6.5 Control Virtqueue.
 *
 * The device keeps one and applies each command that it answers with OK. The driver keeps another:
 * what it wants of the device, whether one is there or not; vnet_ctrl_state_replay() brings a
 * device that was reset to it. After any sequence of commands both are equal.
 *
 * All functions: plain, no locks, no allocation. The structure is some 4 KiB.
 */
#ifndef VNET_CTRL_STATE_H
#define VNET_CTRL_STATE_H

#include "net/vnet_ctrl.h"

#include <stdbool.h>
#include <stdint.h>

#define VNET_CTRL_VLANS 4096

/* Receive modes: bit 1 << enum vnet_ctrl_kind of the six commands that take on or off. */
#define VNET_CTRL_MODE(name) (1u << VNET_CTRL_##name)

/* One half of the MAC table. */
struct vnet_ctrl_macs {
	uint32_t nb;
	bool all; /* the command had more than VNET_CTRL_MACS_MAX: all of this kind are received */
	struct rte_ether_addr macs[VNET_CTRL_MACS_MAX]; /* [nb], 0 where all */
};

struct vnet_ctrl_state {
	uint64_t features; /* negotiated; what a state means depends on them */
	uint32_t modes;    /* VNET_CTRL_MODE() */
	struct rte_ether_addr mac;
	struct vnet_ctrl_macs unicast;
	struct vnet_ctrl_macs multicast;
	uint64_t vlans[VNET_CTRL_VLANS / 64]; /* bit id % 64 of word id / 64 */
	/* Receive steering: of the last of the two commands, PAIRS and RSS. */
	uint16_t pairs; /* queue pairs in use; under RSS max_tx_vq, transmit queues in use */
	bool rss_on;    /* the last of PAIRS and RSS was RSS */
	/*
	 * Of the last RSS or HASH command; HASH sets types, key and key length only. All zero after
	 * a reset: no hash type is enabled. With RSS negotiated a HASH command changes nothing
	 * here, as 5.1.6.4.3 has it.
	 */
	struct vnet_rss rss;
	uint64_t offloads; /* GUEST_ features that are switched on */
};

/**
 * A device after its reset: nothing in the tables, no receive mode, one pair, no hash, all
 * negotiated receive offloads on.
 *
 * @param mac  The address of config space.
 */
void vnet_ctrl_state_reset(
	struct vnet_ctrl_state *s, uint64_t features, const struct rte_ether_addr *mac);

/** What the state is after a command that was parsed, or is to be built. */
void vnet_ctrl_state_apply(struct vnet_ctrl_state *s, const struct vnet_ctrl *c);

/** Do both mean the same? Features aside. The order of MAC tables does not count. */
bool vnet_ctrl_state_equal(const struct vnet_ctrl_state *a, const struct vnet_ctrl_state *b);

/** Is a number in the VLAN table? */
static inline bool
vnet_ctrl_state_vlan(const struct vnet_ctrl_state *s, uint16_t id)
{
	return (s->vlans[id / 64] >> (id % 64)) & 1;
}

/** Hand a command on; anything but 0 ends the replay. */
typedef int vnet_ctrl_emit_fn(void *arg, const struct vnet_ctrl *c);

/**
 * The commands that lead from one state to another, in an order that never lets more through on the
 * way than either does where that can be helped: address, tables, modes, offloads, steering last.
 *
 * Only commands whose feature is in to->features are made; what the others would say is left out.
 *
 * @param from  The device's state: after a reset as vnet_ctrl_state_reset() makes it.
 * @return 0, or what emit returned.
 */
int vnet_ctrl_state_replay(const struct vnet_ctrl_state *from, const struct vnet_ctrl_state *to,
	vnet_ctrl_emit_fn *emit, void *arg);

#endif
