/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The driver end of a split virtqueue, written from the standard for tests of our device role.
 * Slow, plain, sharing nothing with it but lib/spec. It can be honest (offer, take) and it can
 * write anything anywhere (raw).
 */
#ifndef TESTS_FAKE_DRIVER_H
#define TESTS_FAKE_DRIVER_H

#include "spec/virtq_spec.h"

#include <stdbool.h>

struct fake_part {
	uint64_t addr; /* in the driver's address space */
	uint32_t len;
	bool writable;
};

struct fake_driver {
	struct virtq_desc *desc;
	struct virtq_avail *avail;
	struct virtq_used *used;
	uint32_t size;
	bool event_idx;
	bool in_order;
	uint16_t avail_idx; /* next entry of the available ring, free-running */
	uint16_t shown;     /* what the index in memory says */
	uint16_t used_pos;  /* next entry of the used ring, free-running */
	uint32_t nb_busy;
	uint32_t cursor;       /* next descriptor to try */
	const char *complaint; /* first thing the device did that it must not do, or NULL */
	/* In-order batch that is being handed out. */
	uint16_t batch_left;
	uint32_t batch_len;
	/* Books by descriptor and by position. */
	bool busy[VIRTQ_SIZE_MAX];
	uint16_t next[VIRTQ_SIZE_MAX];  /* own copy of the links */
	uint16_t count[VIRTQ_SIZE_MAX]; /* descriptors of the chain by head, 0: not outstanding */
	uint32_t writable[VIRTQ_SIZE_MAX]; /* device-writable bytes by head */
	uint16_t order[65536];             /* head by available position, for in-order batches */
};

/** Begin with an empty ring: all three parts zeroed. */
void fake_driver_start(struct fake_driver *d, uint32_t size, void *desc, void *avail, void *used);

/** Pretend that the ring has been in use for as many buffers as base says. */
void fake_driver_start_at(struct fake_driver *d, uint16_t base);

/**
 * Put a chain into the ring; fake_driver_show() makes it visible.
 *
 * @return Head descriptor, or -1 when too few descriptors are free.
 */
int fake_driver_offer(struct fake_driver *d, const struct fake_part *parts, uint32_t nb);

/**
 * The same with the last nb_table parts in an indirect table.
 *
 * @param table       Entries of the table, at least nb_table; written in the order of the parts.
 * @param table_addr  Its address in the driver's space.
 * @param extra_flags To add to the descriptor that refers to the table, e.g. VIRTQ_DESC_F_WRITE.
 */
int fake_driver_offer_indirect(struct fake_driver *d, const struct fake_part *parts,
	uint32_t nb_direct, void *table, uint64_t table_addr, uint32_t nb_table,
	uint16_t extra_flags);

/** Write one descriptor, whatever it may be. */
void fake_desc(struct virtq_desc *d, uint64_t addr, uint32_t len, uint16_t flags, uint16_t next);

/** Put any head into the available ring, outstanding or not. */
void fake_driver_raw_head(struct fake_driver *d, uint16_t head);

/** Make all of it visible. */
void fake_driver_show(struct fake_driver *d);

/**
 * Take the next used buffer.
 *
 * @return true and head and length; false: none there, or complaint was set.
 */
bool fake_driver_take(struct fake_driver *d, uint32_t *id, uint32_t *len);

#endif
