/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef SEQCHECK_RUN_H
#define SEQCHECK_RUN_H

#include "flow.h"
#include "options.h"
#include "ports.h"

#include <stdbool.h>
#include <stdint.h>

struct run {
	const struct options *opt;
	struct ports *ports;
	volatile int *stop; /* set by a signal: send nothing new, wait for what is under way */
	struct flow *flows; /* [nb_flows], index = flow id */
	uint16_t nb_flows;
	uint64_t hz;
	uint64_t salt;
	uint64_t start_tsc;
	uint64_t end_tsc;
	uint64_t deadline_tsc; /* 0 without --seconds */
	uint64_t last_rx_tsc;
	unsigned int window;
	uint64_t received; /* all good frames, for rates */
	uint64_t foreign;
	uint64_t flooded;
	uint64_t corrupt;
	uint64_t arrivals;     /* counted for --inject */
	uint64_t missed_tx;    /* reflect: not taken by the driver */
	uint64_t longest_gap;  /* TSC cycles without any frame of some flow */
	struct rte_mbuf *held; /* by --inject reorder */
	uint16_t held_port, held_queue;
	bool stalled;
	bool hello_failed;
};

int run_init(struct run *r, const struct options *opt, struct ports *ports, volatile int *stop);

/** Frames still held and all memory of the flows. */
void run_fini(struct run *r);

/** One frame per flow ahead, until all have arrived. @return 0, or -ETIMEDOUT, -EINTR. */
int run_hello(struct run *r);

/** Send and check until done, interrupted or stalled. */
void run_traffic(struct run *r);

/** Send back what arrives until told to stop. */
void run_reflect(struct run *r);

/* check.c: take n mbufs of one receive queue, account and free them. */
void check_burst(struct run *r, uint16_t port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n,
	uint64_t now);

/* send.c: build and send what window and quota allow. @return true when the driver took frames. */
bool send_flow(struct run *r, struct flow *f);
void send_hello(struct run *r, struct flow *f, uint64_t number);

/* report.c: print and write the result. @return true when all is right. */
bool report(const struct run *r);
void report_rate(const struct run *r, uint64_t now);

#endif
