/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Automatic steering of a burst at once, see steer.h. Included by forward.c, once per instruction
 * set. Loops without branches on what is in a frame: flows of a burst differ in everything.
 */
#ifndef STEER_AUTO_H
#define STEER_AUTO_H

#include "datapath/steer.h"
#include "datapath/steer_gather.h"

typedef uint32_t steer_row __attribute__((vector_size(16), may_alias));

/* Is none of these protocols without ports? */
static __rte_always_inline bool
all_have_ports(const uint8_t *protocols, uint16_t n)
{
	uint8_t others = 0;

	for (unsigned int i = 0; i < n; i++)
		others |= (protocols[i] != GATHER_TCP) & (protocols[i] != GATHER_UDP);
	return others == 0;
}

/*
 * steer_flow() of all frames, if all are TCP or UDP over IPv4 without tag, options and fragments;
 * else they are left to it, one by one.
 */
static __rte_always_inline bool
flows_of(struct worker *w, const uint16_t n)
{
	static const uint8_t want[sizeof(gather_row)] = {RTE_ETHER_TYPE_IPV4 >> 8, 0, 0x45};
	static const uint8_t mask[sizeof(gather_row)] = {0xff, 0xff, 0xff, [8] = 0x3f, [9] = 0xff};
	uint64_t addresses[WORKER_BURST];
	uint32_t ports[WORKER_BURST];
	uint8_t protocols[WORKER_BURST];
	gather_row wanted, wrong = {0, 0};
	uint32_t below = 0; /* differences below zero have the top bit set */

	memcpy(&wanted, want, sizeof(wanted));
	for (unsigned int i = 0; i < n; i++) {
		const uint8_t *head = w->frames[i].head;
		const uint8_t *ip = head + RTE_ETHER_HDR_LEN;

		wrong |= *(const gather_row *)(const void *)(head + GATHER_FROM) ^ wanted;
		below |= w->frames[i].len - (RTE_ETHER_HDR_LEN + 20 + 4);
		protocols[i] = ip[9];
		addresses[i] = *(const gather_8 *)(const void *)(ip + 12);
		ports[i] = *(const gather_4 *)(const void *)(ip + 20);
	}
	memcpy(&wanted, mask, sizeof(wanted));
	wrong &= wanted;
	if ((wrong[0] | wrong[1]) != 0 || below >> 31 != 0 || !all_have_ports(protocols, n))
		return false;
	/* In the order of bytes that steer_flow() loads them in. */
	for (unsigned int i = 0; i < n; i++) {
		uint64_t both = rte_le_to_cpu_64(addresses[i]), l4 = rte_le_to_cpu_32(ports[i]);
		uint64_t source = (both & UINT32_MAX) | (l4 & UINT16_MAX) << 32;
		uint64_t destination = both >> 32 | l4 >> 16 << 32;

		w->flows[i] = steer_end(steer_both(source, destination));
	}
	return true;
}

static inline uint32_t
bits_of(uint16_t n)
{
	return n == WORKER_BURST ? UINT32_MAX : (UINT32_C(1) << n) - 1;
}

static __rte_noinline void
flows_of_burst(struct worker *w, uint16_t n)
{
	if (n == WORKER_BURST ? flows_of(w, WORKER_BURST) : flows_of(w, n))
		w->burst.flowed = bits_of(n);
}

static inline bool
flows_known(const struct worker *w, uint16_t n)
{
	return w->burst.flowed == bits_of(n);
}

/* The four places for a flow; what another worker writes meanwhile is one entry or the other. */
static __rte_always_inline steer_row
ways_of(struct steer_flows *flows, uint32_t flow)
{
	return *(const volatile steer_row *)(const volatile void *)steer_bucket(flows, flow);
}

/*
 * Does the table say of all frames that they came by this queue? An entry that is there twice,
 * which takes two workers at once, may hide one that is not: it is learned with a later burst.
 */
static __rte_noinline bool
flows_learned(const struct worker *w, struct steer_flows *flows, uint16_t pair, uint16_t n)
{
	steer_row found = {0};

	for (unsigned int i = 0; i < n; i++) {
		uint32_t entry = steer_tag(w->flows[i]) | (pair + 1u);

		found -= (steer_row)(ways_of(flows, w->flows[i]) == entry);
	}
	return found[0] + found[1] + found[2] + found[3] == n;
}

/* Pair + 1 by which a flow came last, in the lane of its way; 0 elsewhere. */
static __rte_always_inline steer_row
lanes_of(struct steer_flows *flows, uint32_t flow)
{
	steer_row pairs = ways_of(flows, flow) ^ steer_tag(flow);

	/* A free place looks like pair 0 of a flow whose tag is 0, which is as good as none. */
	return pairs & (steer_row)((pairs & UINT32_C(0xffff0000)) == 0);
}

/* Pairs + 1 of four flows, 0: not found. Of two entries for a flow both bits: below 128, too. */
static __rte_always_inline void
look_up_four(struct steer_flows *flows, const uint32_t *flow, uint32_t *found)
{
	steer_row a = lanes_of(flows, flow[0]), b = lanes_of(flows, flow[1]);
	steer_row c = lanes_of(flows, flow[2]), d = lanes_of(flows, flow[3]);

	/* Rows into columns, whose lanes are put together on the way. */
	a = __builtin_shufflevector(a, b, 0, 4, 1, 5) | __builtin_shufflevector(a, b, 2, 6, 3, 7);
	c = __builtin_shufflevector(c, d, 0, 4, 1, 5) | __builtin_shufflevector(c, d, 2, 6, 3, 7);
	a = __builtin_shufflevector(a, c, 0, 1, 4, 5) | __builtin_shufflevector(a, c, 2, 3, 6, 7);
	memcpy(found, &a, sizeof(a));
}

/* Pairs of w->frames[], whose flows are known: what steer() would say. */
static __rte_noinline void
pairs_of_flows(const struct worker *w, const struct port_txset *set, uint8_t *pairs, uint16_t n)
{
	uint32_t found[WORKER_BURST];
	bool all = true;

	/* Behind the last one are flows of bursts before. */
	for (unsigned int i = 0; i < n; i += 4)
		look_up_four(set->flows, &w->flows[i], &found[i]);
	for (unsigned int i = 0; i < n; i++) {
		pairs[i] = (uint8_t)(found[i] - 1);
		/* A queue that is not in use any more is as good as none. */
		all &= set->by_number[found[i]] != NULL;
	}
	for (unsigned int i = 0; !all && i < n; i++) {
		uint8_t any = (uint8_t)set->txq[(uint64_t)w->flows[i] * set->nb >> 32]->pair;

		pairs[i] = set->by_number[found[i]] != NULL ? pairs[i] : any;
	}
}

#endif
