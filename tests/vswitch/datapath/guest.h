/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A guest made of memory: guarded, with the fake driver on its rings and a port of the switch on
 * the other end. No vhost.
 */
#ifndef TESTS_GUEST_H
#define TESTS_GUEST_H

#include "net/vnet_features.h"
#include "port.h"
#include "support/covers.h"
#include "support/fake_driver.h"
#include "support/guard.h"
#include "vswitch.h"

#define GUEST_BASE UINT64_C(0x40000000)
#define GUEST_BUF 16384 /* bytes between two buffers */
#define GUEST_BUFS 64
#define GUEST_PAIRS 4

struct guest {
	struct port *port;
	struct guard mem; /* buffers, of which each direction has GUEST_BUFS */
	struct guard rings[2 * GUEST_PAIRS][3];
	struct fake_driver drv[2 * GUEST_PAIRS];
	uint32_t ring_size;
	uint64_t features;
	uint32_t hdr;
};

/* EAL's --force-max-simd-bitwidth, as a program was told on its command line. */
extern const char *switch_width;

/* One rte_eal_init() for all tests of a program, one switch for each. */
int switch_setup(void **state);
int switch_teardown(void **state);

#define SWITCH_UNIT(test) \
	{ \
#test, covers_run, switch_setup, switch_teardown, (void *)(test) \
	}

/** A guest with pairs running queue pairs of size entries. */
void guest_open(
	struct guest *g, const char *name, uint16_t pairs, uint32_t size, uint64_t features);
void guest_close(struct guest *g);

/** Memory of a buffer: of the transmit half (tx) or of the receive half. */
uint8_t *guest_buf(struct guest *g, bool tx, uint32_t i);
uint64_t guest_addr(struct guest *g, const uint8_t *p);

/** Post receive buffers first..first+n, of len bytes each, to a pair's receiveq. */
void guest_post(struct guest *g, uint16_t pair, uint32_t first, uint32_t n, uint32_t len);

/**
 * Write header and frame into transmit buffer i and offer it, cut at the given lengths (0-ended;
 * NULL: in one piece).
 */
void guest_send(struct guest *g, uint16_t pair, uint32_t i, const uint8_t *frame, uint32_t len,
	const uint32_t *cuts);

/**
 * Take the next received frame; assumes buffers were posted with guest_post().
 *
 * @return Length of the frame, 0 when there is none. *num_buffers from the header.
 */
uint32_t guest_receive(struct guest *g, uint16_t pair, uint8_t *frame, uint16_t *num_buffers);

/** Completed transmit buffers since the last call. */
uint32_t guest_completed(struct guest *g, uint16_t pair);

/** A frame of len bytes: from MAC 02:00:00:00:00:from to ..:to, rest a pattern of seed. */
void frame_make(uint8_t *frame, uint32_t len, uint8_t to, uint8_t from, uint32_t seed);

#endif
