/* SPDX-License-Identifier: BSD-3-Clause */
/* Guest a sends packets with offloads, guest b accepts some, all or none of them. */
#ifndef TESTS_OFFLOAD_SCENE_H
#define TESTS_OFFLOAD_SCENE_H

#include "packets.h"
#include "scene.h"

#define F(name) (UINT64_C(1) << VIRTIO_NET_F_##name)
#define SENDS (F(CSUM) | F(HOST_TSO4) | F(HOST_TSO6) | F(HOST_ECN) | F(HOST_USO) | F(GUEST_HDRLEN))
#define TAKES_CSUM F(GUEST_CSUM)
#define TAKES \
	(TAKES_CSUM | F(GUEST_TSO4) | F(GUEST_TSO6) | F(GUEST_ECN) | F(GUEST_USO4) | F(GUEST_USO6))

extern struct virtio_net_hdr asked, arrived;

/** Every layout of headers: network, transport, tags, options or extension headers. */
#define LAYOUTS 24
struct packet layout(unsigned int i, uint32_t payload);

/** Send sent[] with the header in asked. @return transmit buffers completed. */
uint32_t send_asked(const uint32_t *cuts, uint32_t len);

/** n descriptors for total bytes, small ones first, so that header and frame are split early. */
const uint32_t *cut_in(uint32_t n, uint32_t total);

/* How a receiver cuts its buffers. */
enum buffers {
	BIG,
	MERGED,
	CHAINS,
	BUFFERS
};

/** Restart a guest's receiveq and post buffers for n packets of len bytes. */
void post(struct guest *g, enum buffers how, uint32_t n, uint32_t len);

/** b receives all segments of what is in sent[]; partial: with the checksum left open. */
void assert_segments(const struct packet *p, uint16_t gso_size, bool partial, uint32_t nb);

/** Send a packet in cut descriptors to b, which gets segments. */
void cut_up(
	const struct packet *what, uint16_t gso_size, bool partial, uint32_t cut, enum buffers how);

#endif
