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
#include "datapath/policy.h"
#include "datapath/steer_auto.h"
#include "datapath/steer_gather.h"

/* 01:80:c2:00:00:0x as fdb_key() makes it, the last nibble open. IEEE 802.1D, 7.12.6. */
#define KEY_RESERVED UINT64_C(0x000000c28001)
#define KEY_RESERVED_MASK UINT64_C(0xf0ffffffffff)

/* Frames of a burst by where they go. */
struct burst {
	struct frame *
		*frames; /* [nb_list] with a receiveq, in order of arrival: list, or as taken */
	struct frame *list[WORKER_BURST];
	struct frame *flood[WORKER_BURST];
	struct port_txq *targets[WORKER_BURST + 1]; /* distinct receiveqs, and room for one more */
	uint16_t start[WORKER_BURST + 1]; /* of each target's frames, if they are sorted */
	uint16_t nb_list;
	uint16_t nb_flood;
	uint16_t nb_targets;
	bool sorted; /* by target; always so with one */
};

/* The source address is known to be behind this port, and was noted in this tick of the clock. */
static __rte_always_inline bool
source_ok(struct worker *w, struct port_rxq *rxq, uint64_t key)
{
	if (likely(key == rxq->from.mac && rxq->from.stamp == w->clock))
		return true;
	return forward_learn(w, rxq, key);
}

/* Receiveqs of a port; NULL when none runs. Valid for the burst: its grace period cannot end
 * before.
 */
static __rte_always_inline const struct port_txset *
txset_of(uint16_t port_id)
{
	const struct port *port = port_get(port_id);

	return likely(port != NULL) ? __atomic_load_n(&port->txset, __ATOMIC_ACQUIRE) : NULL;
}

/* Is there a look at the frame itself that it does not pass? Counts it. */
static __rte_always_inline bool
refused(const struct worker *w, const struct port_txset *set, const struct frame *f)
{
	uint64_t *counter;

	if (likely((set->look & (PORT_LOOK_VLAN | PORT_LOOK_MTU)) == 0))
		return false;
	counter = policy_refuses_frame(w, set, f);
	if (likely(counter == NULL))
		return false;
	policy_count(w, counter);
	return true;
}

/* Does any of the other ports want a frame that is flooded? If not, each counts it. */
static bool
flood_wanted(const struct worker *w, const struct port_rxq *rxq, const struct worker_ports *ports,
	const struct frame *f, uint64_t key)
{
	uint64_t *counters[PORT_MAX];
	uint16_t nb = 0;

	for (uint16_t i = 0; i < ports->nb; i++) {
		const struct port_txset *set = txset_of(ports->ports[i]->id);
		uint64_t *counter;

		if (ports->ports[i] == rxq->port || set == NULL)
			continue;
		counter = policy_refuses_mac(set, key);
		if (counter == NULL)
			counter = policy_refuses_frame(w, set, f);
		if (counter == NULL)
			return true;
		counters[nb++] = counter;
	}
	for (uint16_t i = 0; i < nb; i++)
		policy_count(w, counters[i]);
	return false;
}

/*
 * Where a flooded frame goes if there is just one other port: no copy of it is needed then.
 * NULL with *flood set when there are several; NULL and a drop counted when nobody takes it.
 */
static const struct port_txset *
flood_target(const struct worker *w, struct port_rxq *rxq, const struct frame *f, uint64_t key,
	bool *flood)
{
	const struct worker_ports *ports = __atomic_load_n(&worker_ports, __ATOMIC_ACQUIRE);
	const struct port_txset *only = NULL;
	uint64_t *counter;
	uint16_t others = 0;

	for (uint16_t i = 0; ports != NULL && i < ports->nb; i++) {
		const struct port_txset *set;

		if (ports->ports[i] == rxq->port)
			continue;
		set = txset_of(ports->ports[i]->id);
		if (set != NULL) {
			only = set;
			others++;
		}
	}
	if (others == 0) {
		rxq->stats.no_port++;
		return NULL;
	}
	rxq->stats.flooded++;
	if (others > 1) {
		*flood = flood_wanted(w, rxq, ports, f, key);
		return NULL;
	}
	counter = policy_refuses_mac(only, key);
	if (counter == NULL)
		return only;
	policy_count(w, counter);
	return NULL;
}

/*
 * Decide where a unicast or group frame goes: the receiveqs of one port, or NULL with *flood set or
 * a drop counted.
 */
static __rte_noinline const struct port_txset *
look_up(const struct worker *w, struct port_rxq *rxq, const struct frame *f, uint64_t key,
	uint32_t generation, bool *flood)
{
	const struct port_txset *set;
	uint64_t *counter;
	uint16_t port_id;

	if (key & 1) {
		if ((key & KEY_RESERVED_MASK) != KEY_RESERVED)
			return flood_target(w, rxq, f, key, flood);
		rxq->stats.reserved_multicast++;
		return NULL;
	}
	port_id = fdb_lookup(key);
	if (port_id == FDB_NONE)
		return flood_target(w, rxq, f, key, flood);
	if (port_id == rxq->port->id) {
		rxq->stats.same_port++;
		return NULL;
	}
	set = txset_of(port_id);
	if (set == NULL) {
		rxq->stats.port_down++;
		return NULL;
	}
	counter = policy_refuses_mac(set, key);
	if (counter != NULL) {
		policy_count(w, counter);
		return NULL;
	}
	/* Wanted, too, as long as the generation is the same. */
	rxq->to = (struct port_mac_memo){key, generation, port_id};
	return set;
}

static __rte_always_inline void
add_target(struct burst *b, struct frame *f, struct port_txq *to)
{
	uint16_t i = b->nb_targets;

	b->list[b->nb_list++] = f;
	while (i-- > 0) {
		if (likely(b->targets[i] == to)) {
			f->target = i;
			return;
		}
	}
	f->target = b->nb_targets;
	b->targets[b->nb_targets++] = to;
}

/* Frames to one port that may go to several receiveqs. */
static __rte_noinline void
add_steered(struct worker *w, const struct port_txset *set, struct frame **frames, uint16_t n,
	struct burst *b)
{
	uint8_t targets[PORT_PAIRS_MAX + 1] = {0}; /* by pair: of b->targets[], + 1 */
	uint8_t pairs[WORKER_BURST];

	steer(w, set, frames, n, NULL, pairs);
	for (uint16_t i = 0; i < n; i++) {
		uint8_t *target;

		if (unlikely(pairs[i] == STEER_NOWHERE))
			continue;
		target = &targets[pairs[i]];
		if (unlikely(*target == 0)) {
			b->targets[b->nb_targets++] = set->by_number[pairs[i] + 1];
			*target = (uint8_t)b->nb_targets;
		}
		frames[i]->target = *target - 1u;
		b->list[b->nb_list++] = frames[i];
	}
}

/* Where the frames of a burst begin that go to one receiveq; there may be none. */
static __rte_always_inline uint8_t
add_sorted(struct burst *b, struct port_txq *txq, uint8_t place, uint8_t nb)
{
	b->targets[b->nb_targets] = txq;
	b->start[b->nb_targets] = place;
	b->nb_targets = (uint16_t)(b->nb_targets + (nb != 0));
	return (uint8_t)(place + nb);
}

/* The same for the eight first pairs: counters in a register. */
#define SORT_PAIRS 8

static __rte_always_inline void
sort_few(const struct port_txset *set, struct frame **frames, const uint8_t *pairs, uint16_t n,
	struct burst *b)
{
	uint64_t count = 0, at = 0; /* a byte for each pair */
	uint8_t rank[WORKER_BURST]; /* of a frame among those of its pair */
	uint8_t place = 0;

	for (unsigned int i = 0; i < n; i++) {
		rank[i] = (uint8_t)(count >> 8 * pairs[i]);
		count += UINT64_C(1) << 8 * pairs[i];
	}
	for (unsigned int pair = 0; pair < SORT_PAIRS; pair++) {
		at |= (uint64_t)place << 8 * pair;
		place = add_sorted(
			b, set->by_number[pair + 1], place, (uint8_t)(count >> 8 * pair));
	}
	for (unsigned int i = 0; i < n; i++)
		b->list[(uint8_t)(at >> 8 * pairs[i]) + rank[i]] = frames[i];
}

static __rte_always_inline void
sort_many(const struct port_txset *set, struct frame **frames, const uint8_t *pairs, uint16_t n,
	struct burst *b)
{
	uint8_t at[PORT_PAIRS_MAX] = {0}; /* by pair: count, then place in b->list */
	uint8_t place = 0;

	for (unsigned int i = 0; i < n; i++)
		at[pairs[i]]++;
	for (uint16_t i = 0; i < set->nb; i++) {
		uint16_t pair = set->txq[i]->pair;
		uint8_t nb = at[pair];

		at[pair] = place;
		place = add_sorted(b, set->txq[i], place, nb);
	}
	for (unsigned int i = 0; i < n; i++)
		b->list[at[pairs[i]]++] = frames[i];
}

/* By pair, in order of arrival for each. */
static __rte_always_inline void
sort_by_pair(const struct port_txset *set, struct frame **frames, const uint8_t *pairs, uint16_t n,
	struct burst *b)
{
	if (set->txq[set->nb - 1]->pair < SORT_PAIRS)
		sort_few(set, frames, pairs, n, b);
	else
		sort_many(set, frames, pairs, n, b);
	b->start[b->nb_targets] = (uint16_t)n;
	b->nb_list = n;
	b->sorted = true;
}

/* What is written by guests and will be needed of their receiveqs, if frames go to all of them. */
static __rte_always_inline void
prefetch_rings(const struct port_txset *set, uint16_t n)
{
	unsigned int lines = n / 4u / set->nb + 1;

	if (set->nb > SORT_PAIRS)
		return;
	for (uint16_t i = 0; i < set->nb; i++) {
		const struct virtq_device *q = &set->txq[i]->vq;

		for (unsigned int k = 0; k < lines; k++)
			rte_prefetch0(&q->vq.desc[(q->avail_next + 4 * k) & q->vq.mask]);
	}
}

/* A whole burst to one port. */
static __rte_noinline void
steer_burst(struct worker *w, const struct port_txset *set, struct frame **frames, uint16_t n,
	struct burst *b)
{
	struct vnet_hash_burst fields;
	uint8_t pairs[WORKER_BURST];
	uint8_t others = 0;
	bool gathered;

	if (unlikely(n == 0))
		return; /* the first chain is broken */
	if (set->policy != NULL && set->policy->rss && !set->rss_runs) {
		add_steered(w, set, frames, n, b); /* frames may be dropped */
		return;
	}
	prefetch_rings(set, n);
	if (set->flows != NULL && w->burst.flowed == 0)
		flows_of_burst(w, n);
	if (set->flows != NULL && !set->report && flows_known(w, n)) {
		pairs_of_flows(w, set, pairs, n);
	} else {
		gathered = set->hash != NULL && gather(&fields, frames, n, set->hash->types);
		steer(w, set, frames, n, gathered ? &fields : NULL, pairs);
	}
	for (unsigned int i = 0; i < n; i++)
		others |= pairs[i] ^ pairs[0];
	if (others != 0) {
		sort_by_pair(set, frames, pairs, n, b);
		return;
	}
	b->frames = frames;
	b->nb_list = n;
	b->targets[0] = set->by_number[pairs[0] + 1];
	b->nb_targets = 1;
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

/* Does every frame of a burst pass the looks of a port without anything being special about it? */
static __rte_noinline bool
all_pass(const struct worker *w, const struct port_txset *set, uint16_t n)
{
	const rte_be16_t tag = set->look & PORT_LOOK_VLAN ? RTE_BE16(RTE_ETHER_TYPE_VLAN) : 0;
	const uint64_t max_len = set->max_len;
	uint64_t below = 0;
	uint32_t tagged = 0;

	if ((set->look & (PORT_LOOK_VLAN | PORT_LOOK_MTU)) == 0)
		return true;
	for (unsigned int i = 0; i < n; i++) {
		rte_be16_t type;

		memcpy(&type, w->frames[i].head + 12, sizeof(type));
		tagged |= type == tag;
		below |= max_len - w->frames[i].len;
	}
	return (tagged == 0 || tag == 0) && below >> 63 == 0;
}

/* Frames that wait to be steered, port by port. */
struct later {
	struct frame *frames[WORKER_BURST];
	const struct port_txset *sets[WORKER_BURST];
	uint16_t nb;
};

static __rte_noinline void
add_later(struct worker *w, struct later *later, struct burst *b)
{
	while (later->nb > 0) {
		const struct port_txset *set = later->sets[0];
		struct frame *group[WORKER_BURST];
		uint16_t nb = 0, left = 0;

		for (uint16_t i = 0; i < later->nb; i++) {
			if (later->sets[i] == set) {
				group[nb++] = later->frames[i];
			} else {
				later->sets[left] = later->sets[i];
				later->frames[left++] = later->frames[i];
			}
		}
		later->nb = left;
		add_steered(w, set, group, nb, b);
	}
}

/* Decide frame by frame. memo is where rxq->to points, NULL when that is void. */
static __rte_noinline void
decide_each(struct worker *w, struct port_rxq *rxq, const struct taken *t, uint16_t n,
	uint32_t generation, const struct port_txset *memo, struct burst *b)
{
	uint64_t memo_key = memo != NULL ? rxq->to.mac : UINT64_MAX; /* an address has 48 bits */
	struct later later;

	later.nb = 0;
	for (unsigned int i = 0; i < n; i++) {
		struct frame *f = t->frames[i];
		const struct port_txset *set = memo;
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
		if (to != memo_key) {
			set = look_up(w, rxq, f, to, generation, &flood);
			if (rxq->to.mac == to && rxq->to.stamp == generation) {
				memo = set;
				memo_key = set != NULL ? to : UINT64_MAX;
			}
		}
		if (set != NULL && !refused(w, set, f)) {
			if (set->look & PORT_LOOK_QUEUE) {
				later.frames[later.nb] = f;
				later.sets[later.nb++] = set;
			} else {
				add_target(b, f, set->txq[0]);
			}
		} else if (flood) {
			b->flood[b->nb_flood++] = f;
		}
	}
	if (later.nb > 0)
		add_later(w, &later, b);
}

static __rte_always_inline void
decide(struct worker *w, struct port_rxq *rxq, struct taken *t, uint16_t n, struct burst *b)
{
	uint32_t generation = fdb_generation();
	const struct port_txset *memo = NULL;

	if (rxq->to.stamp == generation)
		memo = txset_of(rxq->to.port);
	b->nb_flood = 0;
	b->nb_targets = 0;
	b->frames = b->list;
	b->nb_list = 0;
	b->sorted = false;
	if (likely(memo != NULL && rxq->from.stamp == w->clock && t->all &&
		    (n == WORKER_BURST ? all_to(w, rxq, WORKER_BURST) : all_to(w, rxq, n)) &&
		    (memo->look == 0 || all_pass(w, memo, n)))) {
		rxq->stats.bytes += bytes_of(w, n);
		if (unlikely(memo->look & PORT_LOOK_QUEUE)) {
			steer_burst(w, memo, t->frames, n, b);
			return;
		}
		b->frames = t->frames;
		b->nb_list = n;
		b->targets[0] = memo->txq[0];
		b->nb_targets = 1;
		return;
	}
	decide_each(w, rxq, t, n, generation, memo, b);
}

#endif
