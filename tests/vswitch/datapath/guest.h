/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A guest made of memory: guarded, with the fake driver on its rings and a port of the switch on
 * the other end. No vhost.
 */
#ifndef TESTS_GUEST_H
#define TESTS_GUEST_H

#include "net/vnet_features.h"
#include "port.h"
#include "spec/virtio_net_spec.h"
#include "support/covers.h"
#include "support/fake_driver.h"
#include "support/guard.h"
#include "vswitch.h"

#define GUEST_BASE UINT64_C(0x40000000)
#define GUEST_BUF 16384 /* bytes between two buffers */
#define GUEST_BUFS 64
#define GUEST_PAIRS 8

struct guest {
	struct port *port;
	struct guard mem; /* buffers, of which each direction has GUEST_BUFS */
	struct guard rings[2 * GUEST_PAIRS][3];
	struct fake_driver drv[2 * GUEST_PAIRS];
	uint32_t ring_size;
	uint64_t features;
	uint32_t hdr;
	/* To be set before rings are opened with guest_ring_open(): told of all writes. */
	virtq_log_fn *log;
	void *log_arg;
	int kick_fd; /* of all its rings; 0: none */
	int call_fd; /* likewise */
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

/** Start one ring anew, empty. */
void guest_ring_restart(struct guest *g, uint32_t ring);

/** Memory of a buffer: of the transmit half (tx) or of the receive half. */
uint8_t *guest_buf(struct guest *g, bool tx, uint32_t i);
uint64_t guest_addr(struct guest *g, const uint8_t *p);

/** Post receive buffers first..first+n, of len bytes each, to a pair's receiveq. */
void guest_post(struct guest *g, uint16_t pair, uint32_t first, uint32_t n, uint32_t len);

/** One receive buffer of len bytes cut into a chain: descriptors of these lengths, 0-ended. */
void guest_post_chain(
	struct guest *g, uint16_t pair, uint32_t i, uint32_t len, const uint32_t *cuts);

/**
 * Write header and frame into transmit buffer i and offer it, cut at the given lengths (0-ended;
 * NULL: in one piece). A frame that is longer than a buffer takes those before it, too.
 */
void guest_send(struct guest *g, uint16_t pair, uint32_t i, const uint8_t *frame, uint32_t len,
	const uint32_t *cuts);

/**
 * Take the next received frame; assumes buffers were posted with guest_post().
 *
 * @return Length of the frame, 0 when there is none. *num_buffers from the header.
 */
uint32_t guest_receive(struct guest *g, uint16_t pair, uint8_t *frame, uint16_t *num_buffers);

/** The same with a header of one's own; NULL: all zero. */
void guest_send_hdr(struct guest *g, uint16_t pair, uint32_t i, const struct virtio_net_hdr *hdr,
	const uint8_t *frame, uint32_t len, const uint32_t *cuts);

/** The same with any header, as it lies in memory. */
uint32_t guest_receive_hdr(
	struct guest *g, uint16_t pair, uint8_t *frame, struct virtio_net_hdr *hdr);

/** Completed transmit buffers since the last call. */
uint32_t guest_completed(struct guest *g, uint16_t pair);

/** A frame of len bytes: from MAC 02:00:00:00:00:from to ..:to, rest a pattern of seed. */
void frame_make(uint8_t *frame, uint32_t len, uint8_t to, uint8_t from, uint32_t seed);

#endif
