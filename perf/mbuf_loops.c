/* SPDX-License-Identifier: BSD-3-Clause */
/* Compiled once per instruction set, see meson.build: MBUF_ISA is base, avx2 or avx512. */
#include "mbuf_loops.h"

#include "datapath/forward_mbuf.h"
#include "datapath/forward_send.h"
#include "datapath/forward_take.h"

static uint16_t
take_mbufs(struct worker *w, struct port_rxq *rxq, struct rte_mbuf **mbufs)
{
	struct virtq_device *q = &rxq->vq;
	struct taken t;
	uint16_t n = virtq_device_avail(q, WORKER_BURST), nb = 0;

	if (n == 0)
		return 0;
	w->burst = (struct worker_burst){0};
	n = take(w, rxq, &t, RTE_MIN(n, (uint16_t)WORKER_BURST));
	for (uint16_t i = 0; unlikely(!t.all) && i < n; i++) {
		if (t.frames[i] != NULL)
			t.frames[nb++] = t.frames[i];
	}
	nb = likely(t.all) ? n : nb;
	frames_to_mbufs(t.frames, nb, mbufs);
	virtq_device_put_read(q, t.heads, n);
	virtq_device_taken(q, n);
	rxq->stats.packets += n;
	if (unlikely(virtq_device_publish(q)))
		forward_interrupt(rxq->call_fd, &rxq->stats.interrupts);
	return nb;
}

static uint16_t
put_mbufs(struct worker *w, struct port_txq *txq, struct rte_mbuf **mbufs, uint16_t n)
{
	struct frame *frames[WORKER_BURST];
	uint64_t before = txq->stats.packets;
	bool interrupt;

	w->burst = (struct worker_burst){0};
	for (uint16_t i = 0; i < n; i++) {
		frames[i] = &w->frames[i];
		frame_of_mbuf(w, frames[i], mbufs[i]);
	}
	if (w->shared)
		rte_spinlock_lock(&txq->lock);
	send(w, txq, frames, n);
	interrupt = virtq_device_publish(&txq->vq);
	if (w->shared)
		rte_spinlock_unlock(&txq->lock);
	if (unlikely(interrupt))
		forward_interrupt(txq->call_fd, &txq->stats.interrupts);
	free_mbufs(mbufs, n);
	return (uint16_t)(txq->stats.packets - before);
}

#define LOOPS_OF_(isa) mbuf_loops_##isa
#define LOOPS_OF(isa) LOOPS_OF_(isa)

const struct mbuf_loops LOOPS_OF(MBUF_ISA) = {.take = take_mbufs, .put = put_mbufs};
