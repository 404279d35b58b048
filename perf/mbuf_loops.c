/* SPDX-License-Identifier: BSD-3-Clause */
/* Compiled once per instruction set, see meson.build: MBUF_ISA is base, avx2 or avx512. */
#include "mbuf_loops.h"

#include "datapath/forward_mbuf.h"
#include "datapath/forward_send.h"
#include "datapath/forward_take.h"

/* Through frames: whatever it is. */
static __rte_noinline uint16_t
take_any(struct worker *w, struct port_rxq *rxq, struct rte_mbuf **mbufs, uint16_t n)
{
	struct virtq_device *q = &rxq->vq;
	struct taken t;
	uint16_t nb = 0, got = 0;

	w->burst = (struct worker_burst){0};
	n = take(w, rxq, &t, n);
	for (uint16_t i = 0; unlikely(!t.all) && i < n; i++) {
		if (t.frames[i] != NULL)
			t.frames[nb++] = t.frames[i];
	}
	nb = likely(t.all) ? n : nb;
	frames_to_mbufs(t.frames, nb, mbufs);
	for (uint16_t i = 0; i < nb; i++) {
		if (mbufs[i] != NULL)
			mbufs[got++] = mbufs[i];
	}
	rxq->stats.no_mbuf += (uint64_t)(nb - got);
	virtq_device_put_read(q, t.heads, n);
	virtq_device_taken(q, n);
	rxq->stats.packets += n;
	return got;
}

static uint16_t
take_mbufs(struct worker *w, struct port_rxq *rxq, struct rte_mbuf **mbufs)
{
	struct virtq_device *q = &rxq->vq;
	uint16_t n = RTE_MIN(virtq_device_avail(q, WORKER_BURST), (uint16_t)WORKER_BURST);

	if (n == 0)
		return 0;
	if (unlikely(n != WORKER_BURST || !take_run_to_mbufs(rxq, mbufs, WORKER_BURST)))
		n = take_any(w, rxq, mbufs, n);
	if (unlikely(virtq_device_publish(q)))
		forward_interrupt(rxq->call_fd, &rxq->stats.interrupts);
	return n;
}

/* Through frames; frees them. */
static __rte_noinline void
put_any(struct worker *w, struct port_txq *txq, struct rte_mbuf **mbufs, uint16_t n)
{
	struct frame *frames[WORKER_BURST];

	w->burst = (struct worker_burst){0};
	for (uint16_t i = 0; i < n; i++) {
		frames[i] = &w->frames[i];
		frame_of_mbuf(w, frames[i], mbufs[i]);
	}
	send(w, txq, frames, n);
	free_mbufs(mbufs, n);
}

static uint16_t
put_mbufs(struct worker *w, struct port_txq *txq, struct rte_mbuf **mbufs, uint16_t n)
{
	uint64_t before = txq->stats.packets;
	bool interrupt;

	if (w->shared)
		rte_spinlock_lock(&txq->lock);
	if (unlikely(n != WORKER_BURST || !send_run_of_mbufs(txq, mbufs, WORKER_BURST)))
		put_any(w, txq, mbufs, n);
	interrupt = virtq_device_publish(&txq->vq);
	if (w->shared)
		rte_spinlock_unlock(&txq->lock);
	if (unlikely(interrupt))
		forward_interrupt(txq->call_fd, &txq->stats.interrupts);
	return (uint16_t)(txq->stats.packets - before);
}

#define LOOPS_OF_(isa) mbuf_loops_##isa
#define LOOPS_OF(isa) LOOPS_OF_(isa)

const struct mbuf_loops LOOPS_OF(MBUF_ISA) = {.take = take_mbufs, .put = put_mbufs};
