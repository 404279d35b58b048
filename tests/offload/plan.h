/* SPDX-License-Identifier: BSD-3-Clause */
/* Which frames one port sends to another, and which combinations cannot be. */
#ifndef OFFLOAD_PLAN_H
#define OFFLOAD_PLAN_H

#include "options.h"
#include "ports.h"

#include <stdint.h>

/* One combination {kind, size, segments} of one direction. */
struct cell {
	uint32_t sent;
	uint32_t right;
	const char *impossible; /* why nothing was sent; NULL when something was */
};

struct step {
	struct shape shape;
	struct cell *cell;
};

struct plan {
	struct cell cells[KIND_MAX][MAX_SIZES][MAX_SEGS];
	struct step *steps; /* [nb] */
	uint32_t nb;
	uint32_t room;
};

/** @return 0, or -ENOMEM. */
int plan_make(struct plan *plan, const struct options *opt, const struct port *from,
	const struct port *to, uint64_t seed);

void plan_free(struct plan *plan);

/** Receive buffers that a frame may take on its way through, whichever way it goes. */
uint32_t plan_buffers(const struct shape *s, const struct options *opt);

#endif
