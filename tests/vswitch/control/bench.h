/* SPDX-License-Identifier: BSD-3-Clause */
/* A switch in this process with its sockets in a directory of its own, and two frontends. */
#ifndef TESTS_BENCH_H
#define TESTS_BENCH_H

#include "frontend.h"
#include "port.h"
#include "support/covers.h"
#include "vswitch.h"

/* Frontends of the running test; opened and closed by set-up and teardown. */
extern struct frontend fa, fb;

int bench_setup(void **state);
int bench_teardown(void **state);

#define BENCH_UNIT(test) \
	{ \
#test, covers_run, bench_setup, bench_teardown, (void *)(test) \
	}

/** "<directory of this test>/NAME"; valid until the next call but three. */
const char *bench_path(const char *name);

/** A server port as said; name and path may be left out of conf, path is bench_path(name). */
struct port *bench_port_with(const char *name, struct vswitch_port_conf conf);

/** A server port NAME on bench_path(NAME). */
struct port *bench_port(const char *name, uint16_t pairs);

/** Let the switch work until it has nothing more to do. */
void bench_poll(void);

/** From now on a thread of its own does the work, not bench_poll(); teardown stops it, too. */
void bench_worker_start(void);
void bench_worker_stop(void);

/** Nobody is connected to the port any more, its rings have stopped. */
void bench_wait_down(const struct port *port);
void bench_wait_up(const struct port *port);

/** Frames with marks first..first+n from transmitq of one frontend to receiveq of the other. */
void bench_pass(struct frontend *from, uint32_t tx, struct frontend *to, uint32_t rx,
	uint32_t first, uint32_t n);

/** Open file descriptors and mapped ranges of this process. */
uint32_t bench_fds(void);
uint32_t bench_maps(void);

/** Blocks that are allocated from DPDK's heap. */
uint32_t bench_allocations(void);

#endif
