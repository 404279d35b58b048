/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which receiveq of a guest, and what hash is reported: RSS as the guest programmed it, else
 * automatic steering. VIRTIO 1.3, 5.1.6.4.3 Hash calculation for incoming packets, 5.1.6.5.6
 * Automatic receive steering in multiqueue mode, 5.1.6.5.7 Receive-side scaling (RSS).
 *
 * Decisions are made on private bytes, which are also what is sent.
 */
#ifndef STEER_H
#define STEER_H

#include "datapath/worker.h"
#include "net/vnet_hash.h"

/* Types and key. Shared by all guests that ask for the same, so that a packet is hashed once. */
struct steer_hash {
	struct vnet_hash_key key;
	uint32_t types; /* not 0 */
	uint32_t users;
	struct steer_hash *next;
};

/** At start: picks what the CPU has. */
void steer_init(void);

/**
 * Find or make. Control.
 *
 * @param key  [length]
 * @return NULL: out of memory.
 */
struct steer_hash *steer_hash_get(uint32_t types, const uint8_t *key, uint32_t length);

/** May be NULL. Control, when no worker uses it any more. */
void steer_hash_put(struct steer_hash *hash);

/*
 * Automatic steering: the transmitq by which a guest sent last of a flow. A table of fixed size for
 * a guest with several receiveqs, written by what this guest sends and nobody else, so that nobody
 * steers the flows of another. A flow that finds no place takes that of one not seen lately or not.
 */
#define STEER_FLOWS 8192
#define STEER_WAYS 4

struct steer_flows {
	uint32_t entries[STEER_FLOWS]; /* tag << 16 | pair + 1; 0: free */
};

/**
 * A number that both directions of a flow have in common: of addresses and ports, or of Ethernet
 * addresses. Not Toeplitz, and not to be foreseen.
 *
 * @param head  The first FRAME_HEAD bytes of a frame of len bytes.
 */
uint32_t steer_flow(const uint8_t *head, uint32_t len);

extern uint64_t steer_seeds[3]; /* odd; set at start */

/* What stays the same when both change places. */
static inline uint64_t
steer_both(uint64_t a, uint64_t b)
{
	return (a ^ b) * steer_seeds[0] + (a + b) * steer_seeds[1];
}

static inline uint32_t
steer_end(uint64_t sum)
{
	sum ^= sum >> 32;
	return (uint32_t)(sum * steer_seeds[2] >> 32);
}

/* The low bits choose a bucket, others tell flows apart in it, the high ones a queue. */
static inline uint32_t *
steer_bucket(struct steer_flows *flows, uint32_t flow)
{
	return &flows->entries[flow % (STEER_FLOWS / STEER_WAYS) * STEER_WAYS];
}

static inline uint32_t
steer_tag(uint32_t flow)
{
	return flow << 4 & UINT32_C(0xffff0000);
}

/** A guest with several queues sent these frames. frames[i] may be NULL. */
void steer_learn(struct worker *w, struct steer_flows *flows, uint16_t pair, struct frame **frames,
	uint16_t n);

#define STEER_NOWHERE UINT8_MAX

/**
 * Where frames to one port with PORT_LOOK_QUEUE go; sets their hash where a receiveq reports
 * it.
 *
 * @param frames  [n] of w->frames[].
 * @param fields  For set->hash, if they are known and all frames have a hash; else NULL.
 * @param pairs   [n] Out: of the receiveqs; STEER_NOWHERE: a frame that is dropped, which is
 * counted.
 */
void steer(struct worker *w, const struct port_txset *set, struct frame **frames, uint16_t n,
	const struct vnet_hash_burst *fields, uint8_t *pairs);

#endif
