/* SPDX-License-Identifier: BSD-3-Clause */
/* Up to three guests around a switch, and what tests of the data path do with them all the time. */
#ifndef TESTS_SCENE_H
#define TESTS_SCENE_H

#include "guest.h"
#include "spec/virtio_net_spec.h"

#define MERGE (UINT64_C(1) << VIRTIO_NET_F_MRG_RXBUF)
#define IN_ORDER (UINT64_C(1) << VIRTIO_F_IN_ORDER)
#define HASH (UINT64_C(1) << VIRTIO_NET_F_HASH_REPORT)

extern struct guest a, b, c;
extern uint8_t sent[65600], got[65600];
extern uint16_t num_buffers;

/** Guests a and b with one pair of 64 entries each. */
void open_two(uint64_t features_a, uint64_t features_b);
void close_two(void);

/** Let the switch know that MAC ..:id is behind a guest: a frame of its own to nobody. */
void introduce(struct guest *g, uint8_t id);

/** Send what is in sent[] and find it, unchanged, in got[]. */
void assert_frame_arrives(struct guest *from, struct guest *to, uint32_t len, const uint32_t *cuts);

#endif
