/* SPDX-License-Identifier: BSD-3-Clause */
/* A backend that delivers frames with any header, in buffers of any size. */
#ifndef TESTS_PMD_RX_FRAMES_H
#define TESTS_PMD_RX_FRAMES_H

#include "fixture.h"

#define HDR 12
#define FRAME_MAX 66000
#define SMALL_ROOM 64 /* frame bytes of a buffer of the small pool */

extern struct backend rb;
extern struct fake_device rx;
extern uint8_t rx_frame[FRAME_MAX];
extern struct rte_mempool *small_pool;

/** Call after fixture_start(), and before fixture_end(). */
void rx_pools_start(void);
void rx_pools_end(void);

/* What the last eight bytes of a header of 20 say, in the order of memory. */
extern uint8_t rx_flow[8];

/** Value and report of the next frames. */
void rx_flow_set(uint32_t value, uint16_t report);

/**
 * The usual backend with these features more and these less; a port that receives with these
 * offloads into these mbufs, up. Transmit offloads give the features that receive ones hang on.
 * With RTE_ETH_RX_OFFLOAD_RSS_HASH the RSS mode is on.
 */
uint16_t rx_begin(uint64_t more, uint64_t without, uint64_t rx_offloads, uint64_t tx_offloads,
	struct rte_mempool *mbufs, const char *args);

/** All mbufs are back, each of them once. */
void rx_end(uint16_t port, struct resources before);

/** Headers from digits and payload of a pattern to frame; IP lengths filled in. @return bytes. */
uint32_t rx_build(const char *headers, uint32_t payload);

/**
 * rx_frame[0, len) to the driver with ten bytes of header, and rx_flow where it has 20, in as many
 * buffers as it takes.
 *
 * @return false: no room.
 */
bool rx_deliver(const uint8_t *hdr, uint32_t len);

/** The frame's bytes of a received packet. */
void rx_bytes(const struct rte_mbuf *m, uint8_t *out);

#endif
