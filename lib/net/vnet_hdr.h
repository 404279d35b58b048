/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The packet header in front of every frame: 12 bytes, or 20 with HASH_REPORT, in both directions.
 * VIRTIO 1.3, 5.1.6 Device Operation.
 *
 * A header lies in memory at any address and in any number of pieces. Who cannot be sure that it
 * is in one piece gathers it in a local struct virtio_net_hdr, which holds the longer form.
 */
#ifndef VNET_HDR_H
#define VNET_HDR_H

#include "spec/virtio_net_spec.h"

#include <rte_branch_prediction.h>
#include <rte_common.h>

/* Words of a header at any address. */
typedef uint64_t vnet_hdr_u64 __attribute__((aligned(1), may_alias));
typedef uint32_t vnet_hdr_u32 __attribute__((aligned(1), may_alias));
typedef rte_le16_t vnet_hdr_le16 __attribute__((aligned(1), may_alias));

/**
 * Write a header that asks for and promises nothing: all zero, num_buffers too, as the driver has
 * to leave it on transmit.
 *
 * @param hdr    Writable memory of that many bytes, any alignment.
 * @param bytes  12 or 20, vnet_hdr_bytes().
 */
static __rte_always_inline void
vnet_hdr_clear(void *hdr, uint16_t bytes)
{
	uint8_t *p = (uint8_t *)hdr;

	*(vnet_hdr_u64 *)(void *)p = 0;
	*(vnet_hdr_u32 *)(void *)(p + 8) = 0;
	if (bytes == VIRTIO_NET_HDR_HASH_BYTES)
		*(vnet_hdr_u64 *)(void *)(p + VIRTIO_NET_HDR_BYTES) = 0;
}

/**
 * Device to driver: a header without offloads and without a hash (VIRTIO_NET_HASH_REPORT_NONE is
 * 0) for a packet in that many buffers.
 *
 * @param num_buffers  At least 1; 1 without MRG_RXBUF.
 */
static __rte_always_inline void
vnet_hdr_clear_rx(void *hdr, uint16_t bytes, uint16_t num_buffers)
{
	uint8_t *p = (uint8_t *)hdr;

	*(vnet_hdr_u64 *)(void *)p = 0;
	*(vnet_hdr_u32 *)(void *)(p + 8) =
		rte_cpu_to_le_32((uint32_t)num_buffers << 16); /* csum_offset is the low half */
	if (bytes == VIRTIO_NET_HDR_HASH_BYTES)
		*(vnet_hdr_u64 *)(void *)(p + VIRTIO_NET_HDR_BYTES) = 0;
}

/**
 * The same for a header of 12 bytes, which is left alone where it says that already: a line that
 * the driver only reads stays in both caches.
 */
static __rte_always_inline void
vnet_hdr_keep_rx(void *hdr, uint16_t num_buffers)
{
	uint8_t *p = (uint8_t *)hdr;
	const vnet_hdr_u32 rest = rte_cpu_to_le_32((uint32_t)num_buffers << 16);
	const uint64_t first = *(const volatile vnet_hdr_u64 *)(const volatile void *)p;
	const uint32_t second = *(const volatile vnet_hdr_u32 *)(const volatile void *)(p + 8);

	if (unlikely((first | (second ^ rest)) != 0))
		vnet_hdr_clear_rx(hdr, VIRTIO_NET_HDR_BYTES, num_buffers);
}

/** Hash of a packet, or 0 and NONE, in a word. */
static __rte_always_inline uint64_t
vnet_hdr_hash(uint32_t value, uint16_t report)
{
	return value | (uint64_t)report << 32;
}

/** Device to driver, in a header of 20 bytes. @param hash  vnet_hdr_hash(). */
static __rte_always_inline void
vnet_hdr_set_hash(void *hdr, uint64_t hash)
{
	uint8_t *p = (uint8_t *)hdr + offsetof(struct virtio_net_hdr, hash_value);

	*(vnet_hdr_u64 *)(void *)p = rte_cpu_to_le_64(hash);
}

/** num_buffers as the device wrote it; the driver checks it against what was used. */
static __rte_always_inline uint16_t
vnet_hdr_num_buffers(const void *hdr)
{
	const uint8_t *p = (const uint8_t *)hdr + offsetof(struct virtio_net_hdr, num_buffers);

	return rte_le_to_cpu_16(*(const volatile vnet_hdr_le16 *)(const volatile void *)p);
}

/**
 * The first twelve bytes of a header of the device, each read once.
 *
 * @param hdr  Any alignment; the device may be writing to it.
 */
static __rte_always_inline void
vnet_hdr_load(struct virtio_net_hdr *copy, const void *hdr)
{
	const uint8_t *p = (const uint8_t *)hdr;
	uint64_t low = *(const volatile vnet_hdr_u64 *)(const volatile void *)p;
	uint32_t high = *(const volatile vnet_hdr_u32 *)(const volatile void *)(p + 8);

	*(vnet_hdr_u64 *)(void *)copy = low;
	*(vnet_hdr_u32 *)(void *)((uint8_t *)copy + 8) = high;
}

/** hash_value of a header of 20 bytes as the device wrote it, read once. */
static __rte_always_inline uint32_t
vnet_hdr_hash_value(const void *hdr)
{
	const uint8_t *p = (const uint8_t *)hdr + offsetof(struct virtio_net_hdr, hash_value);

	return rte_le_to_cpu_32(*(const volatile vnet_hdr_u32 *)(const volatile void *)p);
}

/** hash_report likewise; any value. */
static __rte_always_inline uint16_t
vnet_hdr_hash_report(const void *hdr)
{
	const uint8_t *p = (const uint8_t *)hdr + offsetof(struct virtio_net_hdr, hash_report);

	return rte_le_to_cpu_16(*(const volatile vnet_hdr_le16 *)(const volatile void *)p);
}

/** Device to driver: the count of buffers, known only when the last one is taken. */
static __rte_always_inline void
vnet_hdr_set_num_buffers(void *hdr, uint16_t num_buffers)
{
	uint8_t *p = (uint8_t *)hdr + offsetof(struct virtio_net_hdr, num_buffers);

	*(vnet_hdr_le16 *)(void *)p = rte_cpu_to_le_16(num_buffers);
}

#endif
