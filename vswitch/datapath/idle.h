/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A worker without work goes to sleep (--idle-sleep) until a guest kicks or control wants it.
 *
 * Control owns the descriptors: a copy of the kick eventfd of each transmitq, and per worker an
 * eventfd of our own. The worker only waits, holding nothing: it is offline meanwhile, so grace
 * periods pass it by. Before that it asks the guests of its queues for kicks, then looks at each
 * available index once more (VIRTIO 1.3, 2.7.10 Available Buffer Notification Suppression): what
 * was made available before the guest could know is found there, all else brings a kick.
 *
 * Kick eventfds are open files that frontends share with us: they are waited for edge by edge and
 * never read. A kick without a frame costs a wake-up. A queue without one keeps its worker awake.
 */
#ifndef IDLE_H
#define IDLE_H

#include "datapath/worker.h"

/** The worker is to sleep after so many microseconds without a frame. @return 0 or -errno. */
int idle_init(struct worker *w, uint32_t after_us);
void idle_fini(struct worker *w);

/**
 * A queue of this worker is about to run.
 *
 * @param kick_fd  Stays the caller's; -1 for none.
 * @return A descriptor for idle_unwatch(); -1: the worker cannot be woken by it. Control.
 */
int idle_watch(struct worker *w, int kick_fd);
void idle_unwatch(struct worker *w, int fd);

/** It sleeps no longer, nor the next time that it is about to. Any thread, signal handlers too. */
void idle_wake(struct worker *w);

/**
 * Ask the guests of all queues for kicks.
 *
 * @return false: there is something to do, or no kick would come for a queue. The worker, online.
 */
bool idle_prepare(struct worker *w);

/** After a turn that took so many frames: sleep if it is time to. The worker, online. */
void idle_turn(struct worker *w, unsigned int taken);

#endif
