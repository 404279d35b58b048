/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef OFFLOAD_RUN_H
#define OFFLOAD_RUN_H

#include "judge.h"
#include "options.h"
#include "plan.h"
#include "ports.h"

#include <rte_mbuf.h>

#include <stdbool.h>
#include <stdint.h>

#define MAX_WINDOW 16
#define MAX_COMPLAINTS 100

struct complaint {
	char text[500];
};

/* A frame under way. */
struct flight {
	struct frame frame;
	struct judge judge;
	uint32_t step;
};

/* From one port to another. */
struct direction {
	const struct port *from, *to;
	struct plan plan;
	uint64_t sent, arrived;
	uint64_t failures;
	uint64_t foreign; /* arrivals that are not ours */
	struct judge_seen seen[KIND_MAX];
};

struct run {
	const struct options *opt;
	struct ports *ports;
	volatile int *stop;
	uint64_t hz;
	struct direction dir[MAX_PORTS];
	uint16_t nb_dirs;
	struct flight *flights; /* [MAX_WINDOW], oldest at first % MAX_WINDOW */
	uint32_t first, nb;
	struct complaint complaints[MAX_COMPLAINTS];
	unsigned int nb_complaints;
	uint64_t failures; /* all of them, complaints or not */
	bool lost_track;   /* the oldest flight failed: nothing can be judged until all is still */
	unsigned int leaked;
	uint32_t arrivals;     /* of ours, counted for --inject */
	struct rte_mbuf *held; /* by --inject swap */
};

int run_init(struct run *r, const struct options *opt, struct ports *ports, volatile int *stop);
void run_fini(struct run *r);

/** Make the ports known to what lies between them. @return 0, or -ETIMEDOUT. */
int run_hello(struct run *r);

/** All directions, one after the other. */
void run_all(struct run *r);

void run_complain(struct run *r, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* receive.c: poll a port until it has nothing. @return arrivals. */
unsigned int receive(struct run *r, struct direction *d, const struct port *port);

/* The oldest flight is wrong; the others will be sent again. */
void flight_failed(struct run *r, struct direction *d, const char *why);

/* report.c @return true when all is right. */
bool report(const struct run *r);

#endif
