/* SPDX-License-Identifier: BSD-3-Clause */
/* What the tests of hostile drivers share: write any descriptor, offer it, say what must come. */
#ifndef TESTS_HOSTILE_DRIVER_H
#define TESTS_HOSTILE_DRIVER_H

#include "device_ring.h"

#define SIZE 8
#define NEXT VIRTQ_DESC_F_NEXT
#define WRITE VIRTQ_DESC_F_WRITE
#define INDIRECT VIRTQ_DESC_F_INDIRECT

/* First address behind all that is mapped at LOW and HIGH. */
#define END (HIGH + HIGH_BYTES)

extern struct device_ring ring;
/* What the last chain was walked to. */
extern struct virtq_seg segs[32768];
extern struct virtq_chain chain;

/** Open at a position where the index is about to wrap. */
void open_ring(uint32_t size, uint32_t flags);

/** Both ends at that position again; the descriptors stay. */
void restart(void);

/** Write one descriptor of the ring. */
void desc(uint16_t id, uint64_t addr, uint32_t len, uint16_t flags, uint16_t next);

/** Write one entry of the indirect table at LOW. */
void entry(uint16_t id, uint64_t addr, uint32_t len, uint16_t flags, uint16_t next);

/** Offer the chain at head, see the fault and what it recorded, and that nothing comes after it. */
void expect_fault(uint16_t head, enum virtq_fault fault, uint64_t value);

/** Offer the chain at head and see it accepted with so many bytes. */
void expect_bytes(uint16_t head, uint32_t read_bytes, uint32_t write_bytes);

#endif
