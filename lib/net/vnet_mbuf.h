/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packet header <-> offload fields of an mbuf.
 *
 * On transmit the mbuf comes from the application: its fields are held against the packet so that
 * a mistake harms no memory and puts no impossible header on the ring. On receive the header comes
 * from the device: it reaches the mbuf only through vnet_offload_read().
 *
 * All functions: any thread, no state; the caller owns the mbuf.
 */
#ifndef VNET_MBUF_H
#define VNET_MBUF_H

#include "net/vnet_hdr.h"
#include "net/vnet_offload.h"

#include <rte_mbuf.h>

/* Flags of an mbuf that ask for work on transmit; the IP version alone asks for none. */
#define VNET_MBUF_ASKS (RTE_MBUF_F_TX_OFFLOAD_MASK & ~(RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IPV6))
#define VNET_MBUF_ASKS_GSO (RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_UDP_SEG)

/* Where the checksum stands in its transport header, and bytes of the longest such header. */
#define VNET_TCP_CSUM_OFFSET 16
#define VNET_UDP_CSUM_OFFSET 6
#define VNET_TCP_HDR_MAX 60
#define VNET_UDP_HDR 8
/* Ethernet and IPv4: no transport header begins before. */
#define VNET_L4_MIN 34

/**
 * Transmit fields of an mbuf -> request. Reads no packet data.
 *
 * VLAN insertion is not looked at: the request is for the packet as it is. A packet that one
 * segment of tso_segsz bytes holds needs no segmentation and asks for its checksum only.
 *
 * @param can  enum vnet_can of VNET_TRANSMIT.
 * @param o    Out: all zero when nothing is left for the device to do. hdr_len stands there also
 *     without GSO, then at least what the headers take (VIRTIO 1.3, 5.1.6.2).
 * @return 0; -EINVAL: fields that contradict each other or the packet; -ENOTSUP: an offload that
 *     this driver has not, or that was not negotiated. *o is all zero then.
 */
int vnet_mbuf_request(struct vnet_offload *o, const struct rte_mbuf *m, uint32_t can);

/** Bytes at the front of the packet that vnet_mbuf_complete() has to be given; 0: none. */
uint32_t vnet_mbuf_head_bytes(const struct rte_mbuf *m, const struct vnet_offload *o);

/**
 * Fill in what the device does not: IPv4 header checksum where asked for, and the pseudo header's
 * sum of a packet to be segmented, with the length that DPDK's convention leaves out.
 *
 * @param head  [vnet_mbuf_head_bytes()] First bytes of the packet, changed in place.
 * @param o     From vnet_mbuf_request(); gets the ECN bit where the packet has CWR set.
 * @return 0; -EINVAL: l4_len is not what the TCP header says; -ENOTSUP: CWR, and no ECN in can.
 */
int vnet_mbuf_complete(
	uint8_t *head, const struct rte_mbuf *m, struct vnet_offload *o, uint32_t can);

/**
 * Sum of the pseudo header of a packet that asks for a checksum, as it is stored in memory.
 *
 * @param head  [nb] First bytes of the packet, o->csum_start at least.
 */
uint16_t vnet_mbuf_pseudo_sum(
	const uint8_t *head, uint32_t nb, const struct rte_mbuf *m, const struct vnet_offload *o);

/** Copy the first bytes of a packet. @return how many, at most max. */
uint32_t vnet_mbuf_gather(const struct rte_mbuf *m, uint8_t *head, uint32_t max);

/** Header of a packet that asks for its checksum only: the first ten bytes. Data path. */
static __rte_always_inline void
vnet_mbuf_hdr_csum(void *hdr, uint32_t start, uint32_t offset, uint32_t hdr_len)
{
	uint8_t *p = hdr;

	*(vnet_hdr_u64 *)(void *)p = rte_cpu_to_le_64(
		VIRTIO_NET_HDR_F_NEEDS_CSUM | (uint64_t)hdr_len << 16 | (uint64_t)start << 48);
	*(vnet_hdr_u32 *)(void *)(p + 8) = rte_cpu_to_le_32(offset);
}

/** RTE_PTYPE_* of a packet. */
uint32_t vnet_mbuf_ptype(const struct vnet_packet *p);

/**
 * Header of a received packet -> ol_flags, packet_type, tso_segsz.
 *
 * A partial checksum at the place where the packet's own headers have one stays as it is and is
 * flagged RTE_MBUF_F_RX_L4_CKSUM_NONE; at any other place it is completed in the packet, because
 * nobody could find it there again. VIRTIO 1.3, 5.1.6.4 Processing of Incoming Packets.
 *
 * @param m    The whole packet; flags and types are those of a packet that nothing is known of.
 * @param hdr  Private copy.
 * @param can  enum vnet_can of VNET_RECEIVE.
 * @param o    Out: the request, for counters.
 * @return VNET_BAD_NONE, else m is unchanged.
 */
enum vnet_bad vnet_mbuf_received(
	struct rte_mbuf *m, const struct virtio_net_hdr *hdr, uint32_t can, struct vnet_offload *o);

#endif
