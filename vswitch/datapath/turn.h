/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One turn of a worker: which of its queues it takes a burst from. An idle queue costs a look at an
 * index that is in the cache; ports that are busy share the worker by the work they make.
 *
 * A turn is TURN_WORK for each port, whatever the number of its queues. A burst is not cut short: a
 * port that took more sits out as many turns, unless nobody else has something to send.
 */
#ifndef TURN_H
#define TURN_H

#include "datapath/forward.h"

/*
 * Work is counted in bytes. A frame, a segment made of one, a copy for one port of many count as
 * an Ethernet frame of full length at least: a burst of those, or of shorter ones, is a turn.
 */
#define TURN_FRAME 1536
#define TURN_PIECE 64 /* a descriptor of a frame that has several */
#define TURN_WORK (WORKER_BURST * TURN_FRAME)

/**
 * Take a burst from each port that has something to send and whose turn it is; from one at least,
 * if any has something. The worker is online.
 *
 * @return Frames taken.
 */
unsigned int turn(struct worker *w, forward_fn *forward);

/** What waits in disabled queues is taken and dropped. @return Chains. */
unsigned int turn_discard(struct worker *w);

#endif
