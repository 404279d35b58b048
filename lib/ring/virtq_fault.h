/* SPDX-License-Identifier: BSD-3-Clause */
/* Why the peer of a ring is broken. A ring with a fault is stopped until it is reset. */
#ifndef VIRTQ_FAULT_H
#define VIRTQ_FAULT_H

#include <stdbool.h>
#include <stdint.h>

/* One list makes enum, name and text. From USED_INDEX on: seen by the driver role. */
#define VIRTQ_FAULTS(_) \
	_(NONE, none, "none") \
	_(AVAIL_INDEX, avail_index, "available index ran ahead by more than the ring holds") \
	_(HEAD_INDEX, head_index, "available entry names a descriptor outside the table") \
	_(NEXT_INDEX, next_index, "next names a descriptor outside the table") \
	_(CHAIN_LOOP, chain_loop, "chain is longer than the ring, or loops") \
	_(CHAIN_BYTES, chain_bytes, "chain adds up to 2^32 bytes or more") \
	_(CHAIN_SEGMENTS, chain_segments, "chain has more parts than this device accepts") \
	_(ADDRESS, address, "buffer lies outside the shared memory") \
	_(READ_AFTER_WRITE, read_after_write, \
		"device-readable descriptor behind a device-writable one") \
	_(NOT_READABLE, not_readable, \
		"device-writable descriptor where only readable ones belong") \
	_(NOT_WRITABLE, not_writable, \
		"device-readable descriptor where only writable ones belong") \
	_(INDIRECT_NOT_NEGOTIATED, indirect_not_negotiated, \
		"indirect descriptor without VIRTIO_F_INDIRECT_DESC") \
	_(INDIRECT_NEXT, indirect_next, "INDIRECT and NEXT in one descriptor") \
	_(INDIRECT_NESTED, indirect_nested, "indirect descriptor inside an indirect table") \
	_(INDIRECT_LENGTH, indirect_length, \
		"indirect table length is zero or not a multiple of 16") \
	_(INDIRECT_ADDRESS, indirect_address, "indirect table lies outside the shared memory") \
	_(USED_INDEX, used_index, "used index ran ahead of what was made available") \
	_(USED_ID_RANGE, used_id_range, "used id is outside the descriptor table") \
	_(USED_ID_FREE, used_id_free, "used id names a buffer that is not outstanding") \
	_(USED_ORDER, used_order, "used out of order although VIRTIO_F_IN_ORDER was negotiated") \
	_(USED_LENGTH, used_length, "used length is impossible for the buffer") \
	_(NUM_BUFFERS, num_buffers, "num_buffers promises more buffers than were used")

enum virtq_fault {
#define VIRTQ_FAULT_ENUM(name, lower, text) VIRTQ_FAULT_##name,
	VIRTQ_FAULTS(VIRTQ_FAULT_ENUM)
#undef VIRTQ_FAULT_ENUM
	VIRTQ_FAULT_MAX
};

/*
 * What was seen: the offending value and where. Written once, by the thread that owns the ring,
 * fault last: who reads it with acquire and finds one has the rest as well.
 */
struct virtq_fault_info {
	uint16_t fault;    /* enum virtq_fault */
	uint16_t head;     /* head descriptor of the chain, or used id */
	uint16_t position; /* free-running ring index at which it was seen */
	uint64_t value;    /* the offending value: index, length or address, by the fault's text */
};

/**
 * Text of a fault, in the words above.
 *
 * @return A static string, "unknown" for a value outside the enum.
 */
const char *virtq_fault_str(enum virtq_fault fault);

/** Short name of a fault, lower case, as used in counters: "avail_index". */
const char *virtq_fault_name(enum virtq_fault fault);

/* How the offending value of a fault is said: "address 0xdead0000", "next 77", "17 bytes". */
struct virtq_fault_words {
	const char *before;
	const char *after;
	bool address; /* as a hexadecimal number */
};

/** @return A static structure, also for a value outside the enum. */
const struct virtq_fault_words *virtq_fault_words(enum virtq_fault fault);

#endif
