/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One packet into as many of a guest's buffers as it takes, however these are cut: open, write from
 * the front, close. The guest sees nothing before virtq_device_publish().
 *
 * All functions: the worker that has the receiveq's lock.
 */
#ifndef OUT_H
#define OUT_H

#include "datapath/worker.h"

struct out {
	struct worker *w; /* its out arrays hold the buffers */
	struct port_txq *txq;
	const struct virtq_seg *seg; /* next to write */
	uint32_t offset;             /* in *seg */
	uint32_t bytes;              /* room in all buffers */
	uint16_t nb_chains;
	uint16_t nb_segs;
	uint32_t nb_desc; /* descriptors of the chains; those without a byte are no segs */
};

/**
 * Find buffers for a packet: chains from avail_next on until they hold it.
 *
 * @param len  Bytes of the frame, without the header.
 * @return NULL; or the counter of txq->stats to raise: the packet cannot be sent, and the ring is
 *     as it was.
 */
uint64_t *out_open(struct out *out, struct worker *w, struct port_txq *txq, uint32_t len);

/** Write n bytes and move past them. */
void out_write(struct out *out, const uint8_t *from, uint32_t n);

/**
 * The header, first of all; num_buffers as many as were opened.
 *
 * @param f        For the hash.
 * @param offload  NULL: nothing is asked for.
 */
void out_header(struct out *out, const struct frame *f, const struct vnet_offload *offload);

/** All bytes of a frame. */
void out_frame(struct out *out, const struct frame *frame);

/** Change two bytes of the frame that were written, by their offset in it. */
void out_patch(struct out *out, uint32_t offset, uint16_t value);

/** Complete the buffers and count the packet; len as given to out_open(). */
void out_close(struct out *out, uint32_t len);

#endif
