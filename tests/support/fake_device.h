/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The device end of a split virtqueue, written from the standard for tests of our driver role.
 * Slow, plain, sharing nothing with it but lib/spec. It says what the driver did wrong
 * (complaint), and it can lie in any way (raw).
 */
#ifndef TESTS_FAKE_DEVICE_H
#define TESTS_FAKE_DEVICE_H

#include "spec/virtq_spec.h"

#include <stdbool.h>

/* A chain as the device finds it. Addresses are pointers of this process where they are read. */
struct fake_chain {
	uint16_t head;
	uint32_t nb; /* entries of parts */
	struct {
		uint64_t addr;
		uint32_t len;
		bool writable;
	} parts[VIRTQ_SIZE_MAX];
	uint64_t read_bytes;
	uint64_t write_bytes;
	bool indirect;
};

struct fake_device {
	const struct virtq_desc *desc;
	const struct virtq_avail *avail;
	struct virtq_used *used;
	uint32_t size;
	bool event_idx;
	bool in_order;
	bool indirect;
	uint16_t avail_pos; /* free-running */
	uint16_t used_pos;
	uint32_t order_pos;    /* descriptors seen so far, for the order that IN_ORDER demands */
	const char *complaint; /* first thing the driver did that it must not do, or NULL */
};

void fake_device_start(
	struct fake_device *d, uint32_t size, const void *desc, const void *avail, void *used);

/** Take and check the next chain. @return false: none there, or complaint was set. */
bool fake_device_take(struct fake_device *d, struct fake_chain *chain);

/** Write one used entry; invisible until fake_device_show(). */
void fake_device_use(struct fake_device *d, uint32_t id, uint32_t len);

/** IN_ORDER: one entry for n chains of which the last is id. */
void fake_device_use_batch(struct fake_device *d, uint32_t id, uint32_t len, uint16_t n);

/** Make all of it visible. */
void fake_device_show(struct fake_device *d);

/** Show any used index. */
void fake_device_raw_idx(struct fake_device *d, uint16_t idx);

#endif
