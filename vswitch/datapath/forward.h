/* SPDX-License-Identifier: BSD-3-Clause */
/* Poll, look up, copy once, send. */
#ifndef FORWARD_H
#define FORWARD_H

#include "datapath/worker.h"

/**
 * One burst from one guest queue: at most WORKER_BURST frames are taken, forwarded or dropped
 * under a reason, completed and published.
 *
 * @return Frames taken. The worker that polls the queue; never blocks but for other workers'
 *     bursts to the same receiveq.
 */
typedef unsigned int forward_fn(struct worker *w, struct port_rxq *rxq);

/** For the widest instruction set that CPU and EAL allow. */
forward_fn *forward_select(void);

/** Name of the instruction set that a burst function was compiled for. */
const char *forward_name(forward_fn *burst);

forward_fn forward_burst_base;
forward_fn forward_burst_avx2;
forward_fn forward_burst_avx512;

/** Cold parts of a burst, in forward_slow.c. */

/** What forward_take_chain() did with a chain. */
enum forward_take {
	FORWARD_TAKEN,   /* a frame, its head copied */
	FORWARD_DROPPED, /* counted; the chain is to be completed */
	FORWARD_LATER,   /* no scratch left: end the burst before it */
	FORWARD_FAULT,   /* the ring is broken from here on */
};

/** Copy the first n bytes of the pieces, to may be NULL, and move past them. */
void forward_pull(struct virtq_seg **segs, uint32_t *nb_segs, uint8_t *to, uint32_t n);

/**
 * Make a frame's first VNET_PACKET_HEAD bytes private: they are in worker.deep, and they are what
 * is sent. No header is read from the guest again.
 *
 * @param f  Of w->frames[], its head copied, and only once. With pieces, segs[-1] is used.
 * @return Bytes there.
 */
uint32_t forward_deepen(struct worker *w, struct frame *f);

/** A chain that is not one readable descriptor with a frame of ordinary length. */
enum forward_take forward_take_chain(
	struct worker *w, struct port_rxq *rxq, uint16_t head, struct frame *frame);

/**
 * Send one frame into as many of the guest's buffers as it takes, however these are cut.
 * Counts what becomes of it. The caller has the lock.
 *
 * @param offload  For its header; NULL: nothing is asked for.
 */
void forward_send_chains(struct worker *w, struct port_txq *txq, const struct frame *frame,
	const struct vnet_offload *offload);

/** A copy of a frame in mbufs, NULL when the pool is empty. */
struct rte_mbuf *forward_to_mbuf(const struct frame *frame);

/** The frame that lies in an mbuf; takes pieces of w->segs[]. The mbuf must outlive it. */
void forward_of_mbuf(struct worker *w, struct frame *frame, const struct rte_mbuf *m);

/** Learn where a frame came from. @return false: the source address is not one. */
bool forward_learn(struct worker *w, struct port_rxq *rxq, uint64_t key);

/** Take and complete what waits in a transmitq that its guest has disabled. @return chains. */
unsigned int forward_discard(struct port_rxq *rxq);

/** Interrupt a guest. */
void forward_interrupt(int call_fd, uint64_t *interrupts);

#endif
