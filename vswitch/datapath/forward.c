/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One burst from a guest's transmitq to wherever its frames go. Compiled once per instruction set
 * (FORWARD_ISA); whatever is not one descriptor here and one descriptor there stands in
 * forward_slow.c.
 *
 * Order within a burst: take and copy heads, decide, copy to the receivers, show the sender its
 * completed buffers, show the receivers theirs. A switch that dies in between loses the burst; it
 * cannot send a frame twice.
 */
#include "datapath/forward.h"

#include "datapath/forward_decide.h"
#include "datapath/forward_mbuf.h"
#include "datapath/forward_scatter.h"
#include "datapath/forward_send.h"
#include "datapath/forward_take.h"
#include "datapath/turn.h"

/* Several workers lock several receiveqs in order of address: nobody waits in a circle. */
static void
lock_targets(const struct burst *b)
{
	struct port_txq *sorted[WORKER_BURST];

	for (uint16_t i = 0; i < b->nb_targets; i++) {
		struct port_txq *txq = b->targets[i];
		uint16_t j = i;

		for (; j > 0 && (uintptr_t)sorted[j - 1] > (uintptr_t)txq; j--)
			sorted[j] = sorted[j - 1];
		sorted[j] = txq;
	}
	for (uint16_t i = 0; i < b->nb_targets; i++)
		rte_spinlock_lock(&sorted[i]->lock);
}

/* By target, in order of arrival for each. */
static __rte_noinline void
sort_by_target(struct burst *b, struct frame **sorted)
{
	uint16_t start[WORKER_BURST + 2] = {0};

	for (uint16_t i = 0; i < b->nb_list; i++)
		start[b->frames[i]->target + 2]++;
	for (uint16_t t = 2; t < b->nb_targets; t++)
		start[t + 1] = (uint16_t)(start[t + 1] + start[t]);
	for (uint16_t i = 0; i < b->nb_list; i++)
		sorted[start[b->frames[i]->target + 1]++] = b->frames[i];
	memcpy(b->start, start, sizeof(b->start));
	b->frames = sorted;
}

static __rte_noinline void
send_to_several(struct worker *w, struct burst *b)
{
	struct frame *sorted[WORKER_BURST];

	if (!b->sorted)
		sort_by_target(b, sorted);
	if (send_scattered(w, b))
		return;
	for (uint16_t t = 0; t < b->nb_targets; t++)
		send(w, b->targets[t], &b->frames[b->start[t]],
			(uint16_t)(b->start[t + 1] - b->start[t]));
}

static __rte_always_inline void
send_to_targets(struct worker *w, struct burst *b)
{
	if (likely(b->nb_targets == 1))
		send(w, b->targets[0], b->frames, b->nb_list);
	else
		send_to_several(w, b);
}

/* Several receiveqs, and the sender before them if there is one: a fence for all. */
static __rte_noinline void
publish_several(struct worker *w, struct port_rxq *rxq, struct burst *b)
{
	uint16_t old[WORKER_BURST], old_rx = 0;

	if (rxq != NULL)
		old_rx = virtq_device_show(&rxq->vq);
	for (uint16_t t = 0; t < b->nb_targets; t++)
		old[t] = virtq_device_show(&b->targets[t]->vq);
	virtq_notify_fence();
	if (rxq != NULL && unlikely(virtq_device_interrupts(&rxq->vq, old_rx)))
		forward_interrupt(rxq->call_fd, &rxq->stats.interrupts);
	for (uint16_t t = 0; t < b->nb_targets; t++) {
		struct port_txq *txq = b->targets[t];
		bool interrupt = virtq_device_interrupts(&txq->vq, old[t]);

		if (w->shared)
			rte_spinlock_unlock(&txq->lock);
		if (unlikely(interrupt))
			forward_interrupt(txq->call_fd, &txq->stats.interrupts);
	}
}

/* The sender's used index, unless rxq is NULL; after it what the receivers got. */
static __rte_always_inline void
publish(struct worker *w, struct port_rxq *rxq, struct burst *b)
{
	bool interrupt;

	if (unlikely(b->nb_targets > 1)) {
		publish_several(w, rxq, b);
		return;
	}
	if (rxq != NULL && unlikely(virtq_device_publish(&rxq->vq)))
		forward_interrupt(rxq->call_fd, &rxq->stats.interrupts);
	if (b->nb_targets == 0)
		return;
	interrupt = virtq_device_publish(&b->targets[0]->vq);
	if (w->shared)
		rte_spinlock_unlock(&b->targets[0]->lock);
	if (unlikely(interrupt))
		forward_interrupt(b->targets[0]->call_fd, &b->targets[0]->stats.interrupts);
}

/* Copies cost what frames do. */
static uint64_t
flood_work(struct frame *const *list, uint16_t n)
{
	uint64_t bytes = 0;

	for (uint16_t i = 0; i < n; i++)
		bytes += list[i]->len;
	return RTE_MAX((uint64_t)n * TURN_FRAME, bytes);
}

/* The copies that a port wants. */
static uint16_t
flood_list(struct worker *w, const struct port_txset *set, uint16_t n, struct frame **list)
{
	uint16_t nb = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct frame *f = &w->frames[i];
		uint64_t *counter = policy_refuses_mac(set, fdb_key(f->head));

		if (counter != NULL)
			policy_count(w, counter);
		else if (!refused(w, set, f))
			list[nb++] = f;
	}
	return nb;
}

/* Copies of frames to every other port, a burst each; the receiveqs of one are locked at a time. */
static __rte_noinline void
flood(struct worker *w, struct port_rxq *rxq, struct rte_mbuf **copies,
	const struct vnet_offload *offloads, uint16_t n)
{
	const struct worker_ports *ports = __atomic_load_n(&worker_ports, __ATOMIC_ACQUIRE);
	struct frame *frames[WORKER_BURST];

	w->burst.nb_segs = 0;
	w->burst.flowed = 0;
	w->burst.nb_hashed = 0;
	w->burst.copied = true;
	for (unsigned int i = 0; i < n; i++) {
		frame_of_mbuf(w, &w->frames[i], copies[i]);
		if (w->burst.asks)
			w->frames[i].offload = offloads[i];
	}
	for (uint16_t i = 0; ports != NULL && i < ports->nb; i++) {
		const struct port_txset *set = txset_of(ports->ports[i]->id);
		struct burst b;
		uint16_t nb;

		if (ports->ports[i] == rxq->port || set == NULL)
			continue;
		nb = flood_list(w, set, n, frames);
		if (nb == 0)
			continue;
		w->burst.more_work += flood_work(frames, nb);
		b.frames = frames;
		b.nb_list = nb;
		b.sorted = false;
		b.targets[0] = set->txq[0];
		b.nb_targets = 1;
		if (set->look & PORT_LOOK_QUEUE) {
			b.frames = b.list;
			b.nb_list = 0;
			b.nb_targets = 0;
			add_steered(w, set, frames, nb, &b);
		}
		if (w->shared)
			lock_targets(&b);
		send_to_targets(w, &b);
		publish(w, NULL, &b);
	}
	free_mbufs(copies, n);
}

static __rte_noinline void
learn_flows(struct worker *w, const struct port_rxq *rxq, struct steer_flows *flows,
	struct taken *t, uint16_t n)
{
	flows_of_burst(w, n);
	if (!flows_known(w, n) || !t->all || !flows_learned(w, flows, rxq->pair, n))
		steer_learn(w, flows, rxq->pair, t->frames, n);
}

#define FUNCTION_NAME_(isa) forward_burst_##isa
#define FUNCTION_NAME(isa) FUNCTION_NAME_(isa)

unsigned int
FUNCTION_NAME(FORWARD_ISA)(struct worker *w, struct port_rxq *rxq)
{
	struct virtq_device *q = &rxq->vq;
	struct rte_mbuf *copies[WORKER_BURST];
	struct vnet_offload offloads[WORKER_BURST]; /* of the copies */
	const struct port_txset *set;
	struct taken t;
	struct burst b;
	uint16_t nb_copies = 0;
	uint16_t n = virtq_device_avail(q, WORKER_BURST);

	if (n == 0)
		return 0;
	w->burst = (struct worker_burst){0};
	n = take(w, rxq, &t, RTE_MIN(n, (uint16_t)WORKER_BURST));
	set = __atomic_load_n(&rxq->port->txset, __ATOMIC_ACQUIRE);
	if (unlikely(set != NULL && set->flows != NULL))
		learn_flows(w, rxq, set->flows, &t, n);
	decide(w, rxq, &t, n, &b);
	if (unlikely(b.nb_flood > 0))
		frames_to_mbufs(b.flood, b.nb_flood, copies);
	for (uint16_t i = 0; i < b.nb_flood; i++) {
		if (copies[i] == NULL) {
			rxq->stats.no_mbuf++;
			continue;
		}
		copies[nb_copies] = copies[i];
		if (w->burst.asks)
			offloads[nb_copies] = b.flood[i]->offload;
		nb_copies++;
	}
	if (w->shared)
		lock_targets(&b);
	if (likely(b.nb_list > 0))
		send_to_targets(w, &b);

	virtq_device_put_read(q, t.heads, n);
	virtq_device_taken(q, n);
	rxq->stats.packets += n;
	publish(w, rxq, &b);
	if (unlikely(nb_copies > 0))
		flood(w, rxq, copies, offloads, nb_copies);
	return n;
}
