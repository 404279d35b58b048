/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a guest wants to receive: its control state as workers use it. VIRTIO 1.3, 5.1.6.5.1 Packet
 * Receive Filtering, 5.1.6.5.2 Setting MAC Address Filtering, 5.1.6.5.3 VLAN Filtering.
 *
 * Immutable; replaced as a whole together with the port's txset.
 *
 * A promiscuous guest gets everything, tagged frames of all VLANs included: the standard says "all
 * incoming packets", and a bridge in a guest depends on it.
 */
#ifndef POLICY_H
#define POLICY_H

#include "datapath/steer.h"
#include "net/vnet_ctrl_state.h"

/* Of frames to one kind of address. */
enum policy_rule {
	POLICY_PASS,
	POLICY_TABLE, /* those to the guest's own address or one in its table */
	POLICY_DROP,
};

struct policy {
	enum policy_rule unicast, multicast, broadcast;
	bool vlan;           /* tagged frames pass by the table of VLANs only */
	bool rss;            /* receiveqs by hash and table */
	uint16_t pairs;      /* transmitqs in use; receiveqs, too, without rss */
	uint64_t offloads;   /* GUEST_ features that are on */
	uint64_t mac;        /* the guest's own, as fdb_key() makes it */
	uint64_t multiplier; /* odd, at random: nobody can tell which addresses collide */
	uint32_t shift;
	uint32_t mask;
	struct steer_hash *hash; /* NULL: no type is enabled */
	struct vnet_rss table;   /* with rss */
	uint64_t vlans[VNET_CTRL_VLANS / 64];
	uint64_t queues[(PORT_PAIRS_MAX + 63) / 64]; /* bits of the receiveqs that rss names */
	uint64_t macs[];                             /* [mask + 1] keys | POLICY_MAC; 0: free */
};

#define POLICY_MAC (UINT64_C(1) << 63)

/** @return NULL: out of memory. Control. */
struct policy *policy_make(const struct vnet_ctrl_state *state);
void policy_free(struct policy *policy);

/** What makes a port look closer at its frames: policy, headers and flows. Control. */
void policy_finish(const struct port *port, struct port_txset *set);

/** Does a guest with this policy, which may be NULL, get traffic by a receiveq? */
static inline bool
policy_uses(const struct policy *policy, uint16_t pair)
{
	if (policy == NULL)
		return true;
	return policy->rss ? (policy->queues[pair / 64] >> (pair % 64)) & 1 : pair < policy->pairs;
}

/** Transmitqs of a port that are polled: those below this number. */
static inline uint16_t
policy_tx_pairs(const struct port *port)
{
	return port->policy != NULL ? RTE_MIN(port->policy->pairs, port->max_pairs)
				    : port->max_pairs;
}

/**
 * Does the guest not want frames to an address?
 *
 * @param key  fdb_key() of the destination.
 * @return NULL: it does. Else the counter to raise with policy_count().
 */
uint64_t *policy_refuses_mac(const struct port_txset *set, uint64_t key);

/** The same for what PORT_LOOK_VLAN and PORT_LOOK_MTU are about. */
uint64_t *policy_refuses_frame(
	const struct worker *w, const struct port_txset *set, const struct frame *f);

/** A frame is dropped, without the lock of the receiveq. */
static inline void
policy_count(const struct worker *w, uint64_t *counter)
{
	if (w->shared)
		__atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
	else
		(*counter)++;
}

#endif
