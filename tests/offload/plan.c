/* SPDX-License-Identifier: BSD-3-Clause */
#include "plan.h"

#include "cut.h"

#include <rte_common.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* More would not fit into a receive ring of 256. */
#define MOST_SEGMENTS 60u
#define DEVICE_HEADER 20u

static const struct {
	enum kind kind;
	enum flavour flavour;
} flavours[] = {
	{KIND_NONE, FLAVOUR_TCP4},
	{KIND_NONE, FLAVOUR_UDP4},
	{KIND_NONE, FLAVOUR_TCP6},
	{KIND_NONE, FLAVOUR_UDP6},
	{KIND_NONE, FLAVOUR_IP4},
	{KIND_NONE, FLAVOUR_FRAGMENT},
	{KIND_NONE, FLAVOUR_ETHER},
	{KIND_CSUM, FLAVOUR_TCP4},
	{KIND_CSUM, FLAVOUR_UDP4},
	{KIND_CSUM, FLAVOUR_TCP6},
	{KIND_CSUM, FLAVOUR_UDP6},
	{KIND_TSO4, FLAVOUR_TCP4},
	{KIND_TSO6, FLAVOUR_TCP6},
	{KIND_USO, FLAVOUR_UDP4},
	{KIND_USO, FLAVOUR_UDP6},
};

static bool
is_v6(const struct shape *s)
{
	return s->flavour == FLAVOUR_TCP6 || s->flavour == FLAVOUR_UDP6;
}

static bool
is_udp(const struct shape *s)
{
	return s->flavour == FLAVOUR_UDP4 || s->flavour == FLAVOUR_UDP6;
}

static void
draw_headers(struct shape *s, const struct options *opt, const struct port *from,
	const struct port *to, uint64_t *state)
{
	static const uint8_t tags[] = {0, 0, 0, 0, 1, 1, 1, 2};
	static const uint8_t options[] = {0, 12, 12, 20, 40};

	s->tags = tags[chance_below(state, sizeof(tags))];
	if (s->tags > opt->max_tags)
		s->tags = opt->max_tags;
	if (s->tags > 1 && s->kind != KIND_NONE && to->asks.partial && to->lacks_two_tags)
		s->tags = 1;
	s->extra = chance_below(state, 2) ? EXTRA_NONE
					  : chance_below(state, is_v6(s) ? EXTRA_MAX : EXTRA_ROUTE);
	if (is_v6(s) && s->kind != KIND_NONE &&
		(opt->no_extensions || (from->lacks_prepared_v6 && !s->raw)))
		s->extra = EXTRA_NONE;
	s->tcp_options = options[chance_below(state, sizeof(options))];
	/* Ethernet with nothing known above it has no network header to vary. */
	if (s->flavour == FLAVOUR_ETHER)
		s->extra = EXTRA_NONE;
	/* The smallest frames keep their size, and lose what would make them larger. */
	if (frame_least(s) > s->size) {
		s->tags = s->tcp_options = 0;
		s->extra = EXTRA_NONE;
	}
}

static void
draw_oddities(struct shape *s, uint64_t *state)
{
	uint32_t odd = chance_below(state, 8);

	if (s->kind <= KIND_CSUM && is_udp(s) && odd == 0)
		s->zero_sum = true;
	if (s->kind == KIND_NONE && s->flavour <= FLAVOUR_UDP6 && odd == 1)
		s->wrong_sum = true;
	if (s->kind == KIND_NONE && s->flavour == FLAVOUR_UDP4 && odd == 2)
		s->no_sum = true;
	if (s->kind <= KIND_CSUM && s->size <= 1500 && odd >= 6) {
		s->trailer = (uint8_t)(1 + chance_below(state, 12));
		if (frame_least(s) > s->size)
			s->trailer = 0;
	}
	s->cloned = (s->raw || s->kind == KIND_NONE) && chance_below(state, 6) == 0;
	if (s->size > 100 && chance_below(state, 3) == 0)
		s->size -= chance_below(state, 8);
}

/* Payload of a segment: mostly what fills a frame of the receiver, and all sorts of others. */
static void
draw_mss(struct shape *s, const struct options *opt, const struct port *to, uint64_t *state)
{
	struct shape bare = *s;
	uint32_t headers, payload, most, least, even;

	bare.kind = KIND_NONE;
	headers = frame_least(&bare);
	payload = RTE_MAX(s->size, frame_least(s)) - headers;
	most = to->asks.mtu + 14u + s->tags * 4u - headers;
	if (opt->largest_mss != 0)
		most = RTE_MIN(most, opt->largest_mss);
	least = (payload + MOST_SEGMENTS - 1) / MOST_SEGMENTS;
	s->mss = (uint16_t)most;
	switch (chance_below(state, 4)) {
	case 0:
		s->mss = (uint16_t)(least + chance_below(state, most - least + 1));
		break;
	case 1: /* a last segment that is full, or has one byte */
		even = payload / (2 + chance_below(state, 8));
		even = RTE_MAX(least, even);
		s->mss = (uint16_t)RTE_MIN(most, even);
		break;
	}
	/* Small ones should become several, too. */
	if (payload < most && chance_below(state, 4) != 0)
		s->mss = (uint16_t)(least + chance_below(state, payload));
	if (s->mss > most)
		s->mss = (uint16_t)most;
}

uint32_t
plan_buffers(const struct shape *s, const struct options *opt)
{
	uint32_t whole = (s->size + DEVICE_HEADER + opt->mbuf_size - 1) / opt->mbuf_size, each, nb;

	if (s->kind < KIND_TSO4)
		return whole;
	/* With headers of the longest kind. */
	nb = s->size / s->mss + 1;
	each = (s->mss + FRAME_HEADERS_MAX + opt->mbuf_size - 1) / opt->mbuf_size;
	return RTE_MAX(whole, nb * each);
}

/* @return why this cannot be, or NULL. */
static const char *
why_not(const struct shape *s, const struct port *from, const struct port *to)
{
	if (!from->sends[s->kind])
		return "the sender's driver does not offer it";
	if (s->kind < KIND_TSO4 && s->size > to->asks.mtu + 14)
		return "larger than the receiver's MTU";
	if (s->segs > cut_most(s))
		return "more segments than bytes behind the headers";
	return NULL;
}

static int
add_step(struct plan *plan, const struct shape *s, struct cell *cell)
{
	if (plan->nb == plan->room) {
		uint32_t room = plan->room == 0 ? 1024 : plan->room * 2;
		struct step *steps = realloc(plan->steps, room * sizeof(*steps));

		if (steps == NULL)
			return -ENOMEM;
		plan->steps = steps;
		plan->room = room;
	}
	plan->steps[plan->nb++] = (struct step){.shape = *s, .cell = cell};
	return 0;
}

/* One combination of one flavour, by one way of making it ready. */
static int
plan_one(struct plan *plan, const struct options *opt, const struct port *from,
	const struct port *to, struct shape s, struct cell *cell, uint64_t *state)
{
	const char *reason;

	s.seed = (uint64_t)chance(state) << 32 | chance(state) | 1;
	s.no_cwr = from->lacks_ecn && s.kind >= KIND_TSO4;
	draw_headers(&s, opt, from, to, state);
	reason = why_not(&s, from, to);
	if (reason == NULL && s.segs < s.size / 2)
		draw_oddities(&s, state);
	if (reason != NULL || s.segs > cut_most(&s)) {
		cell->impossible = reason;
		return 0;
	}
	if (s.kind >= KIND_TSO4)
		draw_mss(&s, opt, to, state);
	return add_step(plan, &s, cell);
}

static int
plan_round(struct plan *plan, const struct options *opt, const struct port *from,
	const struct port *to, uint64_t *state)
{
	for (unsigned int i = 0; i < RTE_DIM(flavours); i++) {
		struct shape s = {.kind = flavours[i].kind, .flavour = flavours[i].flavour};

		if (!opt->kinds[s.kind])
			continue;
		for (unsigned int n = 0; n < opt->nb_sizes; n++) {
			for (s.segs = opt->segs_min; s.segs <= opt->segs_max; s.segs++) {
				struct cell *cell = &plan->cells[s.kind][n][s.segs - 1];

				s.size = opt->sizes[n];
				s.raw = false;
				if ((opt->prepared || s.kind == KIND_NONE) &&
					plan_one(plan, opt, from, to, s, cell, state) != 0)
					return -ENOMEM;
				s.raw = true;
				if (opt->raw && s.kind != KIND_NONE &&
					plan_one(plan, opt, from, to, s, cell, state) != 0)
					return -ENOMEM;
			}
		}
	}
	return 0;
}

/* The order is part of the test: neighbours of every kind. */
static void
shuffle(struct plan *plan, uint64_t *state)
{
	for (uint32_t i = plan->nb; i > 1; i--) {
		uint32_t other = chance_below(state, i);
		struct step kept = plan->steps[other];

		plan->steps[other] = plan->steps[i - 1];
		plan->steps[i - 1] = kept;
	}
}

int
plan_make(struct plan *plan, const struct options *opt, const struct port *from,
	const struct port *to, uint64_t seed)
{
	uint64_t state = seed;

	memset(plan, 0, sizeof(*plan));
	for (unsigned int i = 0; i < opt->rounds; i++) {
		if (plan_round(plan, opt, from, to, &state) != 0)
			return -ENOMEM;
	}
	shuffle(plan, &state);
	return 0;
}

void
plan_free(struct plan *plan)
{
	free(plan->steps);
	plan->steps = NULL;
}
