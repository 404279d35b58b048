/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/turn.h"

/* What queues point to whose guest can show nothing new, or need not: it is read like an index. */
static const rte_le16_t constant;

static inline bool
is_waiting(const struct worker_queue *q)
{
	return __atomic_load_n(q->avail_idx, __ATOMIC_RELAXED) != q->taken;
}

/* Bits of the next 64 queues, or nb if there are fewer. */
static inline uint64_t
waiting(const struct worker_queue *q, unsigned int nb)
{
	uint64_t bits = 0;

	for (unsigned int i = 0; i < RTE_MIN(nb, 64U); i++)
		bits |= (uint64_t)is_waiting(&q[i]) << i;
	return bits;
}

/* Where the next look at a queue goes. */
static inline void
look_at(struct worker_queue *q)
{
	const struct virtq_device *vq = &q->rxq->vq;
	uint16_t known = (uint16_t)(vq->avail_seen - vq->avail_next);

	q->avail_idx = &vq->vq.avail->idx;
	q->taken = rte_cpu_to_le_16(vq->avail_next);
	if (unlikely(virtq_device_broken(vq))) {
		q->avail_idx = &constant;
		q->taken = constant;
	} else if (known >= WORKER_BURST) {
		/* The guest's index is not needed: leave its line to the guest. */
		q->avail_idx = &constant;
		q->taken = (rte_le16_t)~constant;
	}
}

/* The first turn with a list. */
static __rte_noinline void
list_begin(struct worker *w, struct worker_list *list)
{
	w->idle.kickless = 0;
	for (unsigned int i = 0; i < list->nb + list->nb_discard; i++)
		w->idle.kickless += list->queues[i].rxq->kick_fd < 0;
	for (unsigned int i = 0; i < list->nb; i++)
		look_at(&list->queues[i]);
	list->begun = true;
}

/* The guest of a queue that brings frames need not kick while it does. */
static inline void
spare_kicks(struct port_rxq *rxq)
{
	if (unlikely(rxq->kicks)) {
		virtq_device_kicks_off(&rxq->vq);
		rxq->kicks = false;
	}
}

/* What a burst came to. */
static inline uint64_t
work_of(const struct worker_burst *b, unsigned int n, uint64_t bytes)
{
	uint64_t frames = (uint64_t)(n + b->segments) * TURN_FRAME;

	return RTE_MAX(frames, bytes) + b->nb_segs * TURN_PIECE + b->more_work;
}

static inline unsigned int
serve(struct worker *w, forward_fn *forward, struct worker_queue *q, struct worker_share *share)
{
	uint64_t bytes = q->rxq->stats.bytes;
	unsigned int n = forward(w, q->rxq);

	if (likely(n > 0))
		share->due = RTE_MAX(share->due, w->granted) +
			     work_of(&w->burst, n, q->rxq->stats.bytes - bytes);
	spare_kicks(q->rxq);
	look_at(q);
	return n;
}

/* A port with several queues: they take turns, too. */
static __rte_noinline unsigned int
serve_several(struct worker *w, forward_fn *forward, struct worker_queue *first,
	struct worker_share *share)
{
	uint16_t nb = first->nb_queues, start = share->next % nb;
	uint64_t end = w->granted + TURN_WORK;
	unsigned int taken = 0;

	for (uint16_t i = 0; i < nb && share->due < end; i++) {
		uint16_t k = (uint16_t)((start + i) % nb);

		if (!is_waiting(&first[k]))
			continue;
		taken += serve(w, forward, &first[k], share);
		share->next = (uint16_t)(k + 1);
	}
	return taken;
}

/* Each port whose turn it is. least: when it will be the turn of one that was left out. */
static inline unsigned int
turn_once(struct worker *w, struct worker_list *list, forward_fn *forward, uint64_t *least)
{
	uint64_t end = w->granted + TURN_WORK;
	unsigned int taken = 0, beyond = 0;

	for (unsigned int base = 0; base < list->nb; base += 64) {
		uint64_t bits = waiting(&list->queues[base], list->nb - base);

		while (bits != 0) {
			unsigned int i = base + (unsigned int)__builtin_ctzll(bits);
			struct worker_queue *q = &list->queues[i];
			struct worker_share *share = &w->shares[q->port];

			bits &= bits - 1;
			if (i < beyond)
				continue; /* of a port that had its turn */
			if (unlikely(share->due >= end))
				*least = RTE_MIN(*least, share->due);
			else if (likely(q->nb_queues == 1))
				taken += serve(w, forward, q, share);
			else
				taken += serve_several(w, forward, q - q->place, share);
			beyond = i - q->place + q->nb_queues;
		}
	}
	return taken;
}

unsigned int
turn(struct worker *w, forward_fn *forward)
{
	struct worker_list *list = __atomic_load_n(&w->list, __ATOMIC_ACQUIRE);
	uint64_t least = UINT64_MAX;
	unsigned int taken;

	if (list == NULL)
		return 0;
	if (unlikely(!list->begun))
		list_begin(w, list);
	w->granted += TURN_WORK;
	taken = turn_once(w, list, forward, &least);
	if (taken == 0 && unlikely(least != UINT64_MAX)) {
		/* Nobody else has something to send. */
		w->granted = least;
		taken = turn_once(w, list, forward, &least);
	}
	return taken;
}

unsigned int
turn_discard(struct worker *w)
{
	struct worker_list *list = __atomic_load_n(&w->list, __ATOMIC_ACQUIRE);
	unsigned int taken = 0;

	for (uint16_t i = 0; list != NULL && i < list->nb_discard; i++) {
		struct port_rxq *rxq = list->queues[list->nb + i].rxq;
		unsigned int n = forward_discard(rxq);

		if (n > 0)
			spare_kicks(rxq);
		taken += n;
	}
	return taken;
}
