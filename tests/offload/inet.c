/* SPDX-License-Identifier: BSD-3-Clause */
#include "inet.h"

uint64_t
inet_add(uint64_t sum, const uint8_t *bytes, uint32_t n)
{
	uint32_t i;

	for (i = 0; i + 1 < n; i += 2)
		sum += get16(bytes + i);
	if (i < n)
		sum += (uint32_t)bytes[i] << 8;
	return sum;
}

uint16_t
inet_fold(uint64_t sum)
{
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

uint16_t
inet_checksum(uint64_t sum)
{
	return (uint16_t)~inet_fold(sum);
}

bool
inet_same(uint16_t a, uint16_t b)
{
	return a == b || (a == 0 && b == 0xffff) || (a == 0xffff && b == 0);
}

uint64_t
inet_pseudo(bool v6, const uint8_t *src, const uint8_t *dst, uint8_t protocol, uint32_t length)
{
	uint32_t n = v6 ? 16 : 4;
	uint64_t sum = inet_add(inet_add(0, src, n), dst, n);

	/* The length of IPv6 has 32 bits; its upper half is a word of its own. */
	return sum + protocol + (length >> 16) + (length & 0xffff);
}
