/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hash of packets: which fields, Toeplitz, report. VIRTIO 1.3, 5.1.6.4.3 Hash calculation for
 * incoming packets and 5.1.6.4.4 Hash reporting.
 *
 * The hash of a burst is computed at once: the fields of up to VNET_HASH_BURST packets are
 * gathered, and go through the instruction set that fits (GFNI with AVX-512, AVX2, none). All forms
 * agree bit by bit.
 *
 * All functions: any thread, no state but what is passed.
 */
#ifndef VNET_HASH_H
#define VNET_HASH_H

#include "net/vnet_packet.h"
#include "spec/virtio_net_spec.h"

#include <stdbool.h>
#include <stdint.h>

#define VNET_HASH_KEY_BYTES 40 /* what a 36-byte input needs */
#define VNET_HASH_INPUT_MAX 36 /* two IPv6 addresses and two ports */
#define VNET_HASH_WORDS 5      /* of 8 bytes, that hold an input */
#define VNET_HASH_BURST 32

/* A key as the hash functions want it: what each part of an input adds to the hash. Immutable. */
struct vnet_hash_key {
	/* [input byte][low, high nibble][value] */
	uint32_t nibbles[8 * VNET_HASH_WORDS][2][16];
	/* The same by byte of the hash, low end first, for byte shuffles. */
	uint8_t shuffles[8 * VNET_HASH_WORDS][4][2][16];
	/* The same as 8x8 bit matrices of a word's bytes, for GFNI. */
	uint64_t matrices[VNET_HASH_WORDS][4][8];
	uint8_t bytes[VNET_HASH_KEY_BYTES];
} __attribute__((aligned(64)));

/**
 * @param bytes  [length] of the key; a shorter one is filled up with zeros, of a longer one the
 *     first VNET_HASH_KEY_BYTES count.
 */
void vnet_hash_key_set(struct vnet_hash_key *key, const uint8_t *bytes, uint32_t length);

/* The key of Microsoft's RSS verification suite, our default. */
extern const uint8_t vnet_hash_default_key[VNET_HASH_KEY_BYTES];

/* All that this project can hash: VIRTIO_NET_HASH_TYPE_IPv4 .. _UDP_EX. */
#define VNET_HASH_TYPES 0x1ffu

/* Fields of a burst. A word holds eight bytes of one packet's input as they stand in memory. */
struct vnet_hash_burst {
	uint64_t words[VNET_HASH_WORDS][VNET_HASH_BURST] __attribute__((aligned(64)));
	uint8_t report[VNET_HASH_BURST]; /* VIRTIO_NET_HASH_REPORT_*; NONE: no hash, value 0 */
	uint8_t nb_words;                /* of the longest input */
};

/** Before the first vnet_hash_add(). */
static inline void
vnet_hash_begin(struct vnet_hash_burst *b)
{
	b->nb_words = 1;
}

/**
 * Note the fields of packet i.
 *
 * @param i      0, 1, ..., VNET_HASH_BURST - 1 in turn.
 * @param bytes  Private copy that p was parsed from.
 * @param types  VIRTIO_NET_HASH_TYPE_* that are enabled.
 */
void vnet_hash_add(struct vnet_hash_burst *b, uint32_t i, const struct vnet_packet *p,
	const uint8_t *bytes, uint32_t types);

/**
 * @param values  [VNET_HASH_BURST] Out, the first n count; 0 where report is NONE.
 * @param n       1..VNET_HASH_BURST, packets added.
 */
typedef void vnet_hash_fn(const struct vnet_hash_key *key, const struct vnet_hash_burst *b,
	uint32_t *values, uint32_t n);

struct vnet_hash_form {
	const char *name;
	uint16_t width; /* bits of registers that EAL has to allow */
	vnet_hash_fn *hash;
};

/** All forms that this CPU can run, narrowest first. @return how many. */
unsigned int vnet_hash_forms(const struct vnet_hash_form **forms);

/** For the widest instruction set that CPU and EAL allow. */
const struct vnet_hash_form *vnet_hash_select(void);

vnet_hash_fn vnet_hash_scalar;
vnet_hash_fn vnet_hash_avx2; /* x86 only, as the next */
vnet_hash_fn vnet_hash_gfni; /* AVX-512 with VBMI and GFNI */

/** DPDK's packet type for a report, 0 for NONE. */
uint32_t vnet_hash_ptype(uint16_t report);

/*
 * RSS: hash -> receiveq. VIRTIO 1.3, 5.1.6.5.7 Receive-side scaling (RSS).
 */
#define VNET_RSS_TABLE_MAX 512

struct vnet_rss {
	uint32_t hash_types;
	uint16_t table_mask; /* entries - 1, entries a power of 2 up to VNET_RSS_TABLE_MAX */
	uint16_t unclassified_queue;
	uint16_t max_tx_vq;
	uint8_t key_length; /* 0..VNET_HASH_KEY_BYTES */
	uint8_t key[VNET_HASH_KEY_BYTES];
	uint16_t table[VNET_RSS_TABLE_MAX]; /* [table_mask + 1] receiveqs from 0 */
};

static inline uint16_t
vnet_rss_queue(const struct vnet_rss *rss, uint32_t hash, uint8_t report)
{
	return report == VIRTIO_NET_HASH_REPORT_NONE ? rss->unclassified_queue
						     : rss->table[hash & rss->table_mask];
}

#endif
