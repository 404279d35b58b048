/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef OFFLOAD_CUT_H
#define OFFLOAD_CUT_H

#include "frame.h"
#include "ports.h"

#include <rte_mbuf.h>

#define CUT_SMALL 2048u
#define CUT_HEADROOM_MAX 192u
/* An mbuf's size has 16 bits. */
#define CUT_LARGE (UINT16_MAX - CUT_HEADROOM_MAX)

/**
 * Most segments into which a frame of this shape can be cut: one byte each, but for headers that
 * tx_prepare wants in one piece.
 */
uint16_t cut_most(const struct shape *s);

/**
 * A frame as chain of mbufs, cut at uneven places, with its transmit flags. What is left to the
 * device is missing: the transport checksum is nonsense or, when the frame is raw, partial.
 *
 * @return NULL when the pools are empty.
 */
struct rte_mbuf *cut_frame(const struct frame *f, struct ports *ports);

#endif
