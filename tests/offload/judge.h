/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Holds what arrived against what was sent. Knows a receiver's requests and the RFCs, and nothing
 * of how anybody carries offloads.
 */
#ifndef OFFLOAD_JUDGE_H
#define OFFLOAD_JUDGE_H

#include "frame.h"

#include <stdbool.h>
#include <stdint.h>

/* What a receiver asked for. */
struct receiver {
	bool partial; /* takes partial checksums */
	bool lro;     /* takes whole packets with the size of their segments; implies partial */
	uint32_t mtu; /* largest frame without LRO: Ethernet header and tags on top of this */
};

struct arrival {
	const uint8_t *bytes;
	uint32_t len;
	uint32_t packet_type; /* RTE_PTYPE_*, 0: not said */
	uint64_t ol_flags;    /* RTE_MBUF_F_RX_* */
	uint16_t tso_segsz;
};

/* How a frame came, for the record. */
struct judge_seen {
	uint32_t partial;  /* packets with a partial checksum */
	uint32_t complete; /* packets with a complete one */
	uint32_t lro;      /* packets marked as several in one */
	uint32_t segments; /* packets that were cut out of one */
};

/* State of one frame under way. */
struct judge {
	const struct frame *f;
	const struct receiver *rx;
	uint32_t at; /* payload that has arrived */
	uint32_t nb; /* packets that have arrived */
	bool done;
	struct judge_seen seen;
	char why[200]; /* the complaint */
};

void judge_init(struct judge *j, const struct frame *f, const struct receiver *rx);

/** Take the next packet of the frame. @return true when it is right, else j->why says what is not.
 */
bool judge_take(struct judge *j, const struct arrival *a);

#endif
