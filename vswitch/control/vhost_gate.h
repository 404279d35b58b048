/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * When the library is told that a frontend has said something: when all of a message is there and
 * the answers before it were read. That is held at poll(), which this file defines for the process
 * in front of the C library's. Whoever does not finish is left out of the set, nobody waits for
 * him, and after a while he is hung up on.
 */
#ifndef VHOST_GATE_H
#define VHOST_GATE_H

#include <stdint.h>

#define VHOST_GATE_TIMEOUT_MS 500

/** How long a frontend may stop in the middle. For tests; main thread. */
extern uint32_t vhost_gate_timeout_ms;

/**
 * Begin. Says so in the log if poll() is somebody else's. Main thread, any number of times.
 */
void vhost_gate_init(void);

#endif
