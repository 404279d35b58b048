/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Offloads of frames between guests: what a sender's header asks for is checked once against a
 * private copy of the frame, and what a receiver does not take is done here.
 *
 * Cold but for offload_take_at(): bursts in which nobody asks for anything do not come here.
 */
#ifndef OFFLOAD_H
#define OFFLOAD_H

#include "datapath/forward.h"
#include "net/vnet_features.h"
#include "net/vnet_hdr.h"

/* What is offered to guests. Not UFO: completing it would be IP fragmentation, and Linux took it
 * out in 4.14. */
#define OFFLOAD_FEATURES \
	(virtq_bit(VIRTIO_NET_F_CSUM) | virtq_bit(VIRTIO_NET_F_GUEST_CSUM) | \
		virtq_bit(VIRTIO_NET_F_GUEST_TSO4) | virtq_bit(VIRTIO_NET_F_GUEST_TSO6) | \
		virtq_bit(VIRTIO_NET_F_GUEST_ECN) | virtq_bit(VIRTIO_NET_F_HOST_TSO4) | \
		virtq_bit(VIRTIO_NET_F_HOST_TSO6) | virtq_bit(VIRTIO_NET_F_HOST_ECN) | \
		virtq_bit(VIRTIO_NET_F_GUEST_USO4) | virtq_bit(VIRTIO_NET_F_GUEST_USO6) | \
		virtq_bit(VIRTIO_NET_F_HOST_USO) | virtq_bit(VIRTIO_NET_F_GUEST_HDRLEN))

/**
 * Check what a frame asks for; sets frame->offload, all zero if nothing.
 *
 * With segmentation the first VNET_PACKET_HEAD bytes become private (worker.deep), and from then on
 * lie in front of frame->segs: no header is read from the guest again.
 *
 * @param hdr    Private copy.
 * @param frame  Of w->frames[], its head copied; see forward_deepen().
 * @return FORWARD_TAKEN; FORWARD_DROPPED, counted; FORWARD_LATER: too much work for this burst,
 *     which is not empty.
 */
enum forward_take offload_take(struct worker *w, struct port_rxq *rxq,
	const struct virtio_net_hdr *hdr, struct frame *frame);

/** The same for a header in the guest's memory, in one piece: it is read once. */
static inline enum forward_take
offload_take_at(struct worker *w, struct port_rxq *rxq, const uint8_t *at, struct frame *frame)
{
	struct virtio_net_hdr hdr = {0};

	memcpy(&hdr, at, VIRTIO_NET_HDR_BYTES);
	/* The copy is what counts. */
	rte_compiler_barrier();
	return offload_take(w, rxq, &hdr, frame);
}

/**
 * Send a frame to a guest that does not take it as it is: with its checksum completed, or as
 * segments, whose checksums are left partial for a guest that takes that. Counts what becomes of
 * it; a segment that cannot be sent ends it, the rest is dropped under the same reason.
 *
 * The caller has the lock.
 */
void offload_complete(struct worker *w, struct port_txq *txq, const struct frame *frame);

#endif
