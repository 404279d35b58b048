/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The memory of the driver as the device role sees it: regions of the driver's address space and
 * where they are mapped here. Immutable while a ring uses it.
 */
#ifndef VIRTQ_MEM_H
#define VIRTQ_MEM_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>

#define VIRTQ_MEM_REGIONS_MAX 8
/* No mapping is that large; offsets and lengths can be told from negative numbers. */
#define VIRTQ_MEM_BYTES_MAX (UINT64_C(1) << 62)

struct virtq_mem_region {
	uint64_t guest; /* first address in the driver's address space */
	uint64_t bytes;
	uint8_t *host; /* the same byte here */
};

struct virtq_mem {
	uint32_t nb_regions;
	struct virtq_mem_region regions[VIRTQ_MEM_REGIONS_MAX]; /* [nb_regions], disjoint */
};

/**
 * Add a region.
 *
 * @return 0; -ENOSPC when the map is full; -EINVAL for an empty or absurd region, one that wraps
 *     around either address space, or one that overlaps another. The map is then unchanged.
 */
static inline int
virtq_mem_add(struct virtq_mem *mem, uint64_t guest, uint64_t bytes, void *host)
{
	if (mem->nb_regions == VIRTQ_MEM_REGIONS_MAX)
		return -ENOSPC;
	if (bytes == 0 || bytes > VIRTQ_MEM_BYTES_MAX || host == NULL ||
		guest + (bytes - 1) < guest ||
		(uint64_t)(uintptr_t)host + (bytes - 1) < (uint64_t)(uintptr_t)host)
		return -EINVAL;
	for (uint32_t i = 0; i < mem->nb_regions; i++) {
		const struct virtq_mem_region *r = &mem->regions[i];

		if (guest <= r->guest + (r->bytes - 1) && r->guest <= guest + (bytes - 1))
			return -EINVAL;
	}
	mem->regions[mem->nb_regions++] = (struct virtq_mem_region){guest, bytes, host};
	return 0;
}

/**
 * The mapped bytes that begin at an address.
 *
 * @param want  Bytes wanted, at least 1.
 * @param got   Out: bytes of them that are contiguous here, 1..want; the rest, if any, may follow
 *     in another region that touches this one in the driver's space only.
 * @return Pointer to the first byte, or NULL when it is not mapped.
 */
static inline uint8_t *
virtq_mem_piece(const struct virtq_mem *mem, uint64_t addr, uint64_t want, uint64_t *got)
{
	for (uint32_t i = 0; i < mem->nb_regions; i++) {
		const struct virtq_mem_region *r = &mem->regions[i];
		uint64_t offset = addr - r->guest;

		if (offset < r->bytes) {
			uint64_t left = r->bytes - offset;

			*got = want < left ? want : left;
			return r->host + offset;
		}
	}
	return NULL;
}

/**
 * Address and length to pointer.
 *
 * @param bytes  At least 1.
 * @return Pointer to bytes that are contiguous here, or NULL.
 */
static inline uint8_t *
virtq_mem_ptr(const struct virtq_mem *mem, uint64_t addr, uint64_t bytes)
{
	for (uint32_t i = 0; i < mem->nb_regions; i++) {
		const struct virtq_mem_region *r = &mem->regions[i];
		uint64_t offset = addr - r->guest;

		if (offset < r->bytes)
			return bytes <= r->bytes - offset ? r->host + offset : NULL;
	}
	return NULL;
}

#endif
