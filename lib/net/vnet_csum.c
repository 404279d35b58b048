/* SPDX-License-Identifier: BSD-3-Clause */
/* Internet checksums of vnet_offload.h. */
#include "net/vnet_offload.h"

#include <rte_byteorder.h>

#include <string.h>

/* Ones' complement sums may be taken in any unit and byte order. RFC 1071, 2. */
static uint16_t
fold(uint64_t sum)
{
	sum = (sum >> 32) + (uint32_t)sum;
	sum = (sum >> 32) + (uint32_t)sum;
	sum = (sum >> 16) + (uint16_t)sum;
	sum = (sum >> 16) + (uint16_t)sum;
	return (uint16_t)sum;
}

/* Halves in sums of their own: no carry to wait for, and compilers make vectors of it. */
static uint64_t
sum_words(const uint8_t *p, uint32_t nb_words)
{
	uint64_t low = 0, high = 0;

	for (uint32_t i = 0; i < nb_words; i++) {
		uint64_t word;

		memcpy(&word, p + (size_t)i * 8, 8);
		low += (uint32_t)word;
		high += word >> 32;
	}
	return low + high;
}

void
vnet_csum_add(struct vnet_csum *c, const void *data, uint32_t bytes)
{
	const uint8_t *p = (const uint8_t *)data;
	uint64_t sum = sum_words(p, bytes / 8);
	uint64_t last = 0; /* what is missing to a word is zero */
	uint16_t part;

	p += bytes & ~7u;
	if (bytes & 4) {
		uint32_t half;

		memcpy(&half, p, 4);
		sum += half;
		p += 4;
	}
	for (uint32_t i = 0; i < (bytes & 3); i++)
		((uint8_t *)&last)[i] = p[i];
	part = fold(sum + last);
	/* Behind an odd number of bytes each stands in the other half of its word. */
	c->sum += c->odd ? rte_bswap16(part) : part;
	c->odd ^= (bytes & 1) != 0;
}

uint16_t
vnet_csum_end(const struct vnet_csum *c)
{
	return (uint16_t)~fold(c->sum);
}

uint16_t
vnet_pseudo_sum(const uint8_t *bytes, const struct vnet_packet *p, uint32_t l4_len)
{
	struct vnet_csum c = {0};

	if (p->l3_type == VNET_L3_IPV4) {
		vnet_csum_add(&c, bytes + p->l3 + 12, 8); /* source and destination */
	} else {
		vnet_csum_add(&c, bytes + (p->home != 0 ? p->home : p->l3 + 8), 16);
		vnet_csum_add(&c, bytes + (p->final != 0 ? p->final : p->l3 + 24), 16);
	}
	c.sum += rte_cpu_to_be_16(p->protocol);
	c.sum += rte_cpu_to_be_16((uint16_t)(l4_len >> 16));
	c.sum += rte_cpu_to_be_16((uint16_t)l4_len);
	return fold(c.sum);
}
