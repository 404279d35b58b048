/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fields of a burst of plain packets, all of one kind, that are hashed with their ports: a quarter
 * of the work of looking at each. Included by forward_decide.h only, once per instruction set.
 */
#ifndef STEER_GATHER_H
#define STEER_GATHER_H

#include "datapath/worker.h"
#include "net/vnet_hash.h"

#define GATHER_FROM 12 /* of the head: the frame's type, the IPv4 header as far as the protocol */
#define GATHER_TCP 6
#define GATHER_UDP 17
#define GATHER_PROTOCOL (RTE_ETHER_HDR_LEN + 9)

typedef uint64_t gather_row __attribute__((vector_size(16), aligned(1), may_alias));
typedef uint64_t gather_8 __attribute__((aligned(1), may_alias));
typedef uint32_t gather_4 __attribute__((aligned(1), may_alias));
typedef rte_be16_t gather_2 __attribute__((aligned(1), may_alias));

/*
 * Are all frames IPv4 without tag, options and fragments, with a whole header of this protocol? The
 * same rules as vnet_packet_parse() has. Of a frame that is shorter than what is looked at, old
 * bytes follow; its length says no then.
 */
static __rte_always_inline bool
gather_of(struct vnet_hash_burst *b, struct frame *const *frames, uint16_t n, const bool tcp)
{
	const uint8_t want[sizeof(gather_row)] = {
		RTE_ETHER_TYPE_IPV4 >> 8, 0, 0x45, [11] = tcp ? GATHER_TCP : GATHER_UDP};
	const uint8_t mask[sizeof(gather_row)] = {
		0xff, 0xff, 0xff, [8] = 0x3f, [9] = 0xff, [11] = 0xff};
	gather_row wanted, wrong = {0, 0};
	uint32_t below = 0; /* differences below zero have the top bit set */

	memcpy(&wanted, want, sizeof(wanted));
	for (unsigned int i = 0; i < n; i++) {
		const uint8_t *head = frames[i]->head;
		const uint8_t *ip = head + RTE_ETHER_HDR_LEN, *l4 = ip + 20;
		uint32_t total = rte_be_to_cpu_16(*(const gather_2 *)(const void *)(ip + 2));
		uint32_t need = tcp ? (l4[12] >> 4) * 4u : 8;

		wrong |= *(const gather_row *)(const void *)(head + GATHER_FROM) ^ wanted;
		below |= (frames[i]->len - RTE_ETHER_HDR_LEN - total) | (total - 20 - need);
		if (tcp)
			below |= need - 20;
		b->words[0][i] = *(const gather_8 *)(const void *)(ip + 12);
		b->words[1][i] = rte_cpu_to_le_64(
			(uint64_t)rte_le_to_cpu_32(*(const gather_4 *)(const void *)l4));
	}
	memcpy(&wanted, mask, sizeof(wanted));
	wrong &= wanted;
	if ((wrong[0] | wrong[1]) != 0 || below >> 31 != 0)
		return false;
	memset(b->report, tcp ? VIRTIO_NET_HASH_REPORT_TCPv4 : VIRTIO_NET_HASH_REPORT_UDPv4,
		sizeof(b->report));
	b->nb_words = 2;
	return true;
}

/** @return false: look at them one by one; b is not filled then. */
static __rte_noinline bool
gather(struct vnet_hash_burst *b, struct frame *const *frames, uint16_t n, uint32_t types)
{
	switch (frames[0]->head[GATHER_PROTOCOL]) {
	case GATHER_TCP:
		return (types & VIRTIO_NET_HASH_TYPE_TCPv4) && gather_of(b, frames, n, true);
	case GATHER_UDP:
		return (types & VIRTIO_NET_HASH_TYPE_UDPv4) && gather_of(b, frames, n, false);
	default:
		return false;
	}
}

#endif
