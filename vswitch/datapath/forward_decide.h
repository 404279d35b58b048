/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hot half of forward.c, second step: frames -> receiveqs, by the addresses in their heads.
 * Included there only, once per instruction set.
 */
#ifndef FORWARD_DECIDE_H
#define FORWARD_DECIDE_H

#include "datapath/fdb.h"
#include "datapath/forward.h"
#include "datapath/forward_take.h"

/* 01:80:c2:00:00:0x as fdb_key() makes it, the last nibble open. IEEE 802.1D, 7.12.6. */
#define KEY_RESERVED UINT64_C(0x000000c28001)
#define KEY_RESERVED_MASK UINT64_C(0xf0ffffffffff)

/* Frames of a burst by where they go. */
struct burst {
	struct frame *
		*frames; /* [nb_list] with a receiveq, in order of arrival: list, or as taken */
	struct frame *list[WORKER_BURST];
	struct frame *flood[WORKER_BURST];
	struct port_txq *targets[WORKER_BURST]; /* distinct receiveqs */
	uint16_t nb_list;
	uint16_t nb_flood;
	uint16_t nb_targets;
};

/* The source address is known to be behind this port, and was noted in this tick of the clock. */
static __rte_always_inline bool
source_ok(struct worker *w, struct port_rxq *rxq, uint64_t key)
{
	if (likely(key == rxq->from.mac && rxq->from.stamp == w->clock))
		return true;
	return forward_learn(w, rxq, key);
}

/* Receiveq of a port for frames of this transmitq; NULL when none runs. */
static __rte_always_inline struct port_txq *
receiveq(const struct port_rxq *rxq, uint16_t port_id)
{
	const struct port *port = port_get(port_id);
	const struct port_txset *set;

	if (unlikely(port == NULL))
		return NULL;
	set = __atomic_load_n(&port->txset, __ATOMIC_ACQUIRE);
	if (unlikely(set == NULL))
		return NULL;
	return set->txq[set->nb == 1 ? 0 : rxq->pair % set->nb];
}

/*
 * Where a flooded frame goes if there is just one other port: no copy of it is needed then.
 * NULL with *flood set when there are several; NULL and a drop counted when there is none.
 */
static struct port_txq *
flood_target(struct port_rxq *rxq, bool *flood)
{
	const struct worker_ports *ports = __atomic_load_n(&worker_ports, __ATOMIC_ACQUIRE);
	struct port_txq *only = NULL;

	for (uint16_t i = 0; ports != NULL && i < ports->nb; i++) {
		if (ports->ports[i] == rxq->port)
			continue;
		if (only != NULL) {
			*flood = true;
			return NULL;
		}
		only = receiveq(rxq, ports->ports[i]->id);
	}
	if (only != NULL)
		rxq->stats.flooded++;
	else
		rxq->stats.no_port++;
	return only;
}

/*
 * Decide where a unicast or group frame goes: a receiveq, or NULL with *flood set or a drop
 * counted.
 */
static __rte_noinline struct port_txq *
look_up(struct port_rxq *rxq, uint64_t key, uint32_t generation, bool *flood)
{
	struct port_txq *txq;
	uint16_t port_id;

	if (key & 1) {
		if ((key & KEY_RESERVED_MASK) != KEY_RESERVED)
			return flood_target(rxq, flood);
		rxq->stats.reserved_multicast++;
		return NULL;
	}
	port_id = fdb_lookup(key);
	if (port_id == FDB_NONE)
		return flood_target(rxq, flood);
	if (port_id == rxq->port->id) {
		rxq->stats.same_port++;
		return NULL;
	}
	txq = receiveq(rxq, port_id);
	if (txq == NULL) {
		rxq->stats.port_down++;
		return NULL;
	}
	rxq->to = (struct port_mac_memo){key, generation, port_id};
	return txq;
}

static __rte_always_inline void
add_target(struct burst *b, struct port_txq *txq)
{
	for (uint16_t i = b->nb_targets; i-- > 0;) {
		if (likely(b->targets[i] == txq))
			return;
	}
	b->targets[b->nb_targets++] = txq;
}

/* Does every frame of the burst go from a known source to the one known destination? */
static __rte_always_inline bool
all_to(const struct worker *w, const struct port_rxq *rxq, uint16_t n)
{
	const uint64_t to = rxq->to.mac;
	const uint64_t from = rxq->from.mac;
	uint64_t wrong = 0;

	for (unsigned int i = 0; i < n; i++) {
		uint64_t low, high;

		/* Both addresses are 12 bytes: the first eight, and eight from the fourth on. */
		memcpy(&low, w->frames[i].head, sizeof(low));
		memcpy(&high, w->frames[i].head + 4, sizeof(high));
		wrong |= rte_le_to_cpu_64(low) ^ (to | from << 48);
		wrong |= rte_le_to_cpu_64(high) ^ (to >> 32 | from << 16);
	}
	return wrong == 0;
}

static __rte_always_inline uint64_t
bytes_of(const struct worker *w, uint16_t n)
{
	uint64_t bytes = 0;

	for (unsigned int i = 0; i < n; i++)
		bytes += w->frames[i].len;
	return bytes;
}

/* Decide frame by frame. memo is the receiveq of rxq->to, NULL when that is void. */
static __rte_noinline void
decide_each(struct worker *w, struct port_rxq *rxq, const struct taken *t, uint16_t n,
	uint32_t generation, struct port_txq *memo, struct burst *b)
{
	uint64_t memo_key = memo != NULL ? rxq->to.mac : UINT64_MAX; /* an address has 48 bits */

	for (unsigned int i = 0; i < n; i++) {
		struct frame *f = t->frames[i];
		uint64_t to, from;
		bool flood = false;

		if (f == NULL)
			continue;
		rxq->stats.bytes += f->len;
		to = fdb_key(f->head);
		from = fdb_key(f->head + RTE_ETHER_ADDR_LEN);
		if (unlikely(!source_ok(w, rxq, from))) {
			rxq->stats.invalid_source++;
			continue;
		}
		if (to == memo_key) {
			f->to = memo;
		} else {
			f->to = look_up(rxq, to, generation, &flood);
			if (rxq->to.mac == to && rxq->to.stamp == generation) {
				memo = f->to;
				memo_key = to;
			}
		}
		if (f->to != NULL) {
			add_target(b, f->to);
			b->list[b->nb_list++] = f;
		} else if (flood) {
			b->flood[b->nb_flood++] = f;
		}
	}
}

static __rte_always_inline void
decide(struct worker *w, struct port_rxq *rxq, struct taken *t, uint16_t n, struct burst *b)
{
	uint32_t generation = fdb_generation();
	/* Stays valid for the burst: its grace period cannot end before. */
	struct port_txq *memo = NULL;

	if (rxq->to.stamp == generation)
		memo = receiveq(rxq, rxq->to.port);
	b->nb_flood = 0;
	if (likely(memo != NULL && rxq->from.stamp == w->clock && t->all &&
		    (n == WORKER_BURST ? all_to(w, rxq, WORKER_BURST) : all_to(w, rxq, n)))) {
		rxq->stats.bytes += bytes_of(w, n);
		b->frames = t->frames;
		b->nb_list = n;
		b->targets[0] = memo;
		b->nb_targets = 1;
		return;
	}
	b->frames = b->list;
	b->nb_list = 0;
	b->nb_targets = 0;
	decide_each(w, rxq, t, n, generation, memo, b);
}

#endif
