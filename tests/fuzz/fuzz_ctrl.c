/* SPDX-License-Identifier: BSD-3-Clause */
/* Control commands of any driver: refused, or written again they are the same bytes. */
#include "fuzz.h"
#include "net/vnet_ctrl.h"

#include <rte_common.h>

#include <errno.h>

/* As a driver would send it, or any bytes. */
#define RAW 0x80
#define CUT 0x40

static const struct {
	uint8_t class, command;
} known[] = {{0, 0}, {0, 1}, {0, 2}, {0, 3}, {0, 4}, {0, 5}, {1, 0}, {1, 1}, {2, 0}, {2, 1}, {3, 0},
	{4, 0}, {4, 1}, {4, 2}, {5, 0}};

static struct vnet_ctrl_limits
read_limits(struct fuzz_input *in)
{
	uint8_t what = fuzz_u8(in);
	uint64_t low;
	struct vnet_ctrl_limits l = {UINT64_MAX, 8, 128, 40, 0x1ff};

	if (what & 1) {
		low = fuzz_u32(in);
		l.features = low | (uint64_t)fuzz_u32(in) << 32;
	}
	if (what & 2)
		l.max_pairs = (uint16_t)RTE_MAX(fuzz_u16(in) & 0x7fff, 1);
	if (what & 4)
		l.rss_table_max = fuzz_u16(in);
	if (what & 8)
		l.rss_key_max = fuzz_u8(in);
	if (what & 16)
		l.hash_types = fuzz_u32(in);
	return l;
}

static void
put16(uint8_t *bytes, uint32_t *nb, uint32_t value)
{
	bytes[(*nb)++] = (uint8_t)value;
	bytes[(*nb)++] = (uint8_t)(value >> 8);
}

static void
put_bytes(struct fuzz_input *in, uint8_t *bytes, uint32_t *nb, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		bytes[(*nb)++] = fuzz_u8(in);
}

/* Counts that fit what follows them; the values are the input's. */
static uint32_t
write_command(struct fuzz_input *in, uint8_t what, uint8_t *bytes)
{
	uint32_t i = (what & 0x3f) % RTE_DIM(known);
	uint32_t nb = 0, count;

	bytes[nb++] = known[i].class;
	bytes[nb++] = known[i].command;
	switch (known[i].class << 8 | known[i].command) {
	case 0x100:
		for (uint8_t multicast = 0; multicast < 2; multicast++) {
			count = fuzz_u8(in) & 31;
			put16(bytes, &nb, count);
			put16(bytes, &nb, 0);
			for (uint32_t k = 0; k < count; k++) {
				put_bytes(in, bytes, &nb, 6);
				if (!(what & CUT))
					bytes[nb - 6] =
						(uint8_t)((bytes[nb - 6] & 0xfe) | multicast);
			}
		}
		break;
	case 0x401:
		count = 1u << (fuzz_u8(in) % 10);
		put16(bytes, &nb, fuzz_u16(in));
		put16(bytes, &nb, 0);
		put16(bytes, &nb, count - 1);
		put16(bytes, &nb, fuzz_u8(in));
		for (uint32_t k = 0; k < count; k++)
			put16(bytes, &nb, fuzz_u8(in));
		put16(bytes, &nb, fuzz_u8(in));
		bytes[nb++] = (uint8_t)(count = fuzz_u8(in) % 48);
		put_bytes(in, bytes, &nb, count);
		break;
	case 0x402:
		put16(bytes, &nb, fuzz_u16(in));
		for (uint32_t k = 0; k < 5; k++)
			put16(bytes, &nb, what & CUT ? fuzz_u8(in) : 0);
		bytes[nb++] = (uint8_t)(count = fuzz_u8(in) % 48);
		put_bytes(in, bytes, &nb, count);
		break;
	default:
		put_bytes(in, bytes, &nb, RTE_MIN((uint32_t)in->left, fuzz_u8(in) & 15u));
	}
	return nb;
}

static void
check(const struct vnet_ctrl *c, const struct vnet_ctrl_limits *l)
{
	FUZZ_CHECK(c->kind < VNET_CTRL_KINDS && vnet_ctrl_name(c->kind)[0] != '\0');
	if (c->kind == VNET_CTRL_PAIRS)
		FUZZ_CHECK(c->pairs >= 1 && c->pairs <= l->max_pairs);
	if (c->kind == VNET_CTRL_VLAN_ADD || c->kind == VNET_CTRL_VLAN_DEL)
		FUZZ_CHECK(c->vlan <= 4095);
	if (c->kind == VNET_CTRL_MAC_ADDR)
		FUZZ_CHECK(!(c->mac.addr_bytes[0] & 1));
	if (c->kind == VNET_CTRL_GUEST_OFFLOADS)
		FUZZ_CHECK((c->offloads & ~l->features) == 0);
	if (c->kind != VNET_CTRL_RSS && c->kind != VNET_CTRL_HASH)
		return;
	FUZZ_CHECK(c->rss.key_length <= l->rss_key_max && c->rss.key_length <= sizeof(c->rss.key));
	FUZZ_CHECK((c->rss.hash_types & ~l->hash_types) == 0);
	if (c->kind == VNET_CTRL_HASH)
		return;
	FUZZ_CHECK(
		c->rss.table_mask < RTE_DIM(c->rss.table) && c->rss.table_mask < l->rss_table_max);
	FUZZ_CHECK(c->rss.max_tx_vq >= 1 && c->rss.max_tx_vq <= l->max_pairs);
	/* Whatever a packet hashes to, its queue is there. */
	for (uint32_t hash = 0; hash <= c->rss.table_mask; hash++)
		FUZZ_CHECK(vnet_rss_queue(&c->rss, hash, 1) < l->max_pairs);
	FUZZ_CHECK(vnet_rss_queue(&c->rss, 0, VIRTIO_NET_HASH_REPORT_NONE) < l->max_pairs);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t made[4096], again[VNET_CTRL_BYTES_MAX];
	struct fuzz_input in = {data, size};
	struct vnet_ctrl_limits limits = read_limits(&in);
	uint8_t what = fuzz_u8(&in);
	enum vnet_ctrl_bad bad;
	struct vnet_ctrl c;
	uint8_t *bytes;
	uint32_t nb;

	if (what & RAW) {
		nb = (uint32_t)RTE_MIN(in.left, sizeof(made));
		memcpy(made, in.data, nb);
	} else {
		nb = write_command(&in, what, made);
		if (what & CUT)
			nb = RTE_MIN(nb, (uint32_t)fuzz_u16(&in));
	}
	/* Memory of exactly that size. */
	bytes = malloc(nb);
	FUZZ_CHECK(bytes != NULL || nb == 0);
	memcpy(bytes, made, nb);
	memset(&c, 0xa5, sizeof(c));
	bad = vnet_ctrl_parse(&c, &limits, bytes, nb);
	FUZZ_CHECK(bad < VNET_CTRL_BAD_MAX && vnet_ctrl_bad_str(bad)[0] != '\0');
	if (bad == VNET_CTRL_BAD_NONE) {
		check(&c, &limits);
		FUZZ_CHECK(vnet_ctrl_build(&c, again, nb) == (int)nb);
		FUZZ_CHECK(memcmp(again, bytes, nb) == 0);
		FUZZ_CHECK(vnet_ctrl_build(&c, again, nb - 1) == -ENOSPC);
	}
	free(bytes);
	return 0;
}
