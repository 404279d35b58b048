/* SPDX-License-Identifier: BSD-3-Clause */
/* Every descriptor out of 8 flags, 6 links, 7 lengths and 3 addresses. */
#ifndef TESTS_CHAIN_KINDS_H
#define TESTS_CHAIN_KINDS_H

#include "device_ring.h"

#define SIZE 4
#define NEXT VIRTQ_DESC_F_NEXT
#define WRITE VIRTQ_DESC_F_WRITE
#define INDIRECT VIRTQ_DESC_F_INDIRECT

static const uint16_t kind_links[6] = {0, 1, 2, 3, 4, 65535};
static const uint32_t kind_lens[7] = {0, 1, 16, 32, 33, 0x4000, UINT32_MAX};
/* 32 bytes before the border of two regions; in the middle of one; nowhere. */
static const uint64_t kind_addrs[3] = {HIGH - 32, FAR, HOLE};

#define KINDS (8 * 6 * 7 * 3)
#define CHAINS 1016064
static_assert(KINDS * KINDS == CHAINS, "two descriptors of every kind");

struct values {
	uint64_t addr;
	uint32_t len;
	uint16_t flags;
	uint16_t next;
};

static inline void
make_kinds(struct values kinds[KINDS])
{
	for (uint32_t i = 0; i < KINDS; i++)
		kinds[i] = (struct values){kind_addrs[i % 3], kind_lens[i / 3 % 7],
			(uint16_t)(i / 21 % 8), kind_links[i / 168]};
}

#endif
