/* SPDX-License-Identifier: BSD-3-Clause */
#include "net/vnet_ctrl.h"

#include "ring/virtq.h"

#include <rte_common.h>

#include <errno.h>
#include <string.h>

#define MAC_BYTES RTE_ETHER_ADDR_LEN
#define VLAN_MAX 4095

/* A command that we know: its place in the standard, and the feature it belongs to. */
struct known {
	uint8_t class;
	uint8_t command;
	uint8_t feature;
	const char *name;
};

static const struct known known[VNET_CTRL_KINDS] = {
#define KNOWN(kind, class, command, feature, text) \
	[VNET_CTRL_##kind] = { \
		VIRTIO_NET_CTRL_##class, VIRTIO_NET_CTRL_##command, VIRTIO_NET_F_##feature, text},
	VNET_CTRLS(KNOWN)
#undef KNOWN
};

const char *
vnet_ctrl_name(enum vnet_ctrl_kind kind)
{
	return (unsigned int)kind < VNET_CTRL_KINDS ? known[kind].name : "unknown";
}

unsigned int
vnet_ctrl_feature(enum vnet_ctrl_kind kind)
{
	return known[kind].feature;
}

const char *
vnet_ctrl_bad_str(enum vnet_ctrl_bad bad)
{
	static const char *const texts[] = {
#define VNET_CTRL_BAD_TEXT(name, lower, text) text,
		VNET_CTRL_BADS(VNET_CTRL_BAD_TEXT)
#undef VNET_CTRL_BAD_TEXT
	};

	return (unsigned int)bad < VNET_CTRL_BAD_MAX ? texts[bad] : "unknown";
}

/* What is left of a command. */
struct reader {
	const uint8_t *at;
	uint32_t left;
	bool truncated; /* something was missing: what was read instead is 0 */
};

static const uint8_t *
take(struct reader *r, uint32_t bytes)
{
	const uint8_t *at = r->at;

	if (r->left < bytes) {
		r->truncated = true;
		r->left = 0;
		return NULL;
	}
	r->at += bytes;
	r->left -= bytes;
	return at;
}

static uint8_t
take_u8(struct reader *r)
{
	const uint8_t *p = take(r, 1);

	return p == NULL ? 0 : *p;
}

static uint16_t
take_le16(struct reader *r)
{
	const uint8_t *p = take(r, 2);

	return p == NULL ? 0 : (uint16_t)(p[0] | p[1] << 8);
}

static uint32_t
take_le32(struct reader *r)
{
	uint32_t low = take_le16(r);

	return low | (uint32_t)take_le16(r) << 16;
}

/* A count and that many addresses, all of them unicast or all multicast. */
static enum vnet_ctrl_bad
take_macs(struct reader *r, bool multicast, uint32_t *nb, const struct rte_ether_addr **macs)
{
	const uint8_t *p;

	*nb = take_le32(r);
	if (r->truncated || *nb > r->left / MAC_BYTES)
		return VNET_CTRL_BAD_TRUNCATED;
	p = take(r, *nb * MAC_BYTES);
	*macs = (const struct rte_ether_addr *)(const void *)p;
	for (uint32_t i = 0; i < *nb; i++) {
		if (((p[i * MAC_BYTES] & 1) != 0) != multicast)
			return VNET_CTRL_BAD_VALUE;
	}
	return VNET_CTRL_BAD_NONE;
}

static enum vnet_ctrl_bad
take_key(struct reader *r, struct vnet_rss *rss, uint8_t max)
{
	const uint8_t *p;

	rss->key_length = take_u8(r);
	p = take(r, rss->key_length);
	if (r->truncated)
		return VNET_CTRL_BAD_TRUNCATED;
	if (rss->key_length > RTE_MIN(max, (uint8_t)VNET_HASH_KEY_BYTES))
		return VNET_CTRL_BAD_VALUE;
	/* A hash without a key is 0 for every packet: nobody can mean that. */
	if (rss->key_length == 0 && rss->hash_types != 0)
		return VNET_CTRL_BAD_VALUE;
	memset(rss->key, 0, sizeof(rss->key));
	memcpy(rss->key, p, rss->key_length);
	return VNET_CTRL_BAD_NONE;
}

static enum vnet_ctrl_bad
parse_rss(struct vnet_rss *rss, const struct vnet_ctrl_limits *limits, struct reader *r)
{
	uint32_t entries;

	rss->hash_types = take_le32(r);
	rss->table_mask = take_le16(r);
	rss->unclassified_queue = take_le16(r);
	if (r->truncated)
		return VNET_CTRL_BAD_TRUNCATED;
	entries = rss->table_mask + 1u;
	if (!rte_is_power_of_2(entries) || entries > limits->rss_table_max ||
		entries > VNET_RSS_TABLE_MAX)
		return VNET_CTRL_BAD_VALUE;
	for (uint32_t i = 0; i < entries; i++)
		rss->table[i] = take_le16(r);
	rss->max_tx_vq = take_le16(r);
	if (r->truncated)
		return VNET_CTRL_BAD_TRUNCATED;
	for (uint32_t i = 0; i < entries; i++) {
		if (rss->table[i] >= limits->max_pairs)
			return VNET_CTRL_BAD_VALUE;
	}
	if (rss->unclassified_queue >= limits->max_pairs || rss->max_tx_vq < 1 ||
		rss->max_tx_vq > limits->max_pairs || (rss->hash_types & ~limits->hash_types))
		return VNET_CTRL_BAD_VALUE;
	return take_key(r, rss, limits->rss_key_max);
}

static enum vnet_ctrl_bad
parse_hash(struct vnet_rss *rss, const struct vnet_ctrl_limits *limits, struct reader *r)
{
	uint16_t reserved = 0;

	rss->hash_types = take_le32(r);
	for (int i = 0; i < 4; i++)
		reserved |= take_le16(r);
	if (r->truncated)
		return VNET_CTRL_BAD_TRUNCATED;
	if (reserved != 0 || (rss->hash_types & ~limits->hash_types))
		return VNET_CTRL_BAD_VALUE;
	return take_key(r, rss, limits->rss_key_max);
}

static enum vnet_ctrl_bad
parse_offloads(uint64_t *offloads, const struct vnet_ctrl_limits *limits, struct reader *r)
{
	uint64_t low = take_le32(r);

	*offloads = low | (uint64_t)take_le32(r) << 32;
	if (r->truncated)
		return VNET_CTRL_BAD_TRUNCATED;
	if (*offloads & ~(limits->features & VNET_CTRL_GUEST_OFFLOAD_BITS))
		return VNET_CTRL_BAD_VALUE;
	/* What segmentation needs, it needs here, too. */
	return (*offloads & ~virtq_bit(VIRTIO_NET_F_GUEST_CSUM)) &&
			       !(*offloads & virtq_bit(VIRTIO_NET_F_GUEST_CSUM))
		       ? VNET_CTRL_BAD_VALUE
		       : VNET_CTRL_BAD_NONE;
}

static enum vnet_ctrl_bad
parse_mac(struct rte_ether_addr *mac, struct reader *r)
{
	const uint8_t *p = take(r, MAC_BYTES);

	if (p == NULL)
		return VNET_CTRL_BAD_TRUNCATED;
	memcpy(mac, p, MAC_BYTES);
	return rte_is_valid_assigned_ether_addr(mac) ? VNET_CTRL_BAD_NONE : VNET_CTRL_BAD_VALUE;
}

/* A number no larger than max and no smaller than min. */
static enum vnet_ctrl_bad
parse_le16(uint16_t *value, uint16_t min, uint16_t max, struct reader *r)
{
	*value = take_le16(r);
	if (r->truncated)
		return VNET_CTRL_BAD_TRUNCATED;
	return *value < min || *value > max ? VNET_CTRL_BAD_VALUE : VNET_CTRL_BAD_NONE;
}

static enum vnet_ctrl_bad
parse_mode(bool *on, struct reader *r)
{
	uint8_t value = take_u8(r);

	if (r->truncated)
		return VNET_CTRL_BAD_TRUNCATED;
	*on = value == 1;
	return value > 1 ? VNET_CTRL_BAD_VALUE : VNET_CTRL_BAD_NONE;
}

static enum vnet_ctrl_bad
parse_data(struct vnet_ctrl *c, const struct vnet_ctrl_limits *limits, struct reader *r)
{
	enum vnet_ctrl_bad bad;

	switch (c->kind) {
	case VNET_CTRL_MAC_TABLE:
		bad = take_macs(r, false, &c->macs.nb_unicast, &c->macs.unicast);
		return bad != VNET_CTRL_BAD_NONE
			       ? bad
			       : take_macs(r, true, &c->macs.nb_multicast, &c->macs.multicast);
	case VNET_CTRL_MAC_ADDR:
		return parse_mac(&c->mac, r);
	case VNET_CTRL_VLAN_ADD:
	case VNET_CTRL_VLAN_DEL:
		return parse_le16(&c->vlan, 0, VLAN_MAX, r);
	case VNET_CTRL_ANNOUNCE_ACK:
		return VNET_CTRL_BAD_NONE;
	case VNET_CTRL_PAIRS:
		return parse_le16(&c->pairs, 1, limits->max_pairs, r);
	case VNET_CTRL_RSS:
		return parse_rss(&c->rss, limits, r);
	case VNET_CTRL_HASH:
		return parse_hash(&c->rss, limits, r);
	case VNET_CTRL_GUEST_OFFLOADS:
		return parse_offloads(&c->offloads, limits, r);
	default:
		return parse_mode(&c->on, r);
	}
}

enum vnet_ctrl_bad
vnet_ctrl_parse(struct vnet_ctrl *c, const struct vnet_ctrl_limits *limits, const uint8_t *bytes,
	uint32_t nb)
{
	struct reader r = {.at = bytes, .left = nb};
	uint8_t class = take_u8(&r), command = take_u8(&r);
	enum vnet_ctrl_bad bad;
	uint32_t kind = 0;

	if (r.truncated)
		return VNET_CTRL_BAD_TRUNCATED;
	if (nb > VNET_CTRL_BYTES_MAX)
		return VNET_CTRL_BAD_OVERSIZED;
	while (kind < VNET_CTRL_KINDS &&
		(known[kind].class != class || known[kind].command != command))
		kind++;
	if (kind == VNET_CTRL_KINDS)
		return VNET_CTRL_BAD_UNKNOWN;
	if (!(limits->features & virtq_bit(known[kind].feature)))
		return VNET_CTRL_BAD_NOT_NEGOTIATED;
	c->kind = (enum vnet_ctrl_kind)kind;
	bad = parse_data(c, limits, &r);
	if (bad == VNET_CTRL_BAD_NONE && r.left != 0)
		bad = VNET_CTRL_BAD_OVERSIZED;
	return bad;
}

/* Where the next byte goes; only counts when there is no room. */
struct writer {
	uint8_t *at;
	size_t room;
	size_t used;
};

static void
put(struct writer *w, const void *data, size_t bytes)
{
	if (w->used + bytes <= w->room && bytes > 0)
		memcpy(w->at + w->used, data, bytes);
	w->used += bytes;
}

static void
put_u8(struct writer *w, uint8_t value)
{
	put(w, &value, 1);
}

static void
put_le16(struct writer *w, uint16_t value)
{
	rte_le16_t v = rte_cpu_to_le_16(value);

	put(w, &v, sizeof(v));
}

static void
put_le32(struct writer *w, uint32_t value)
{
	rte_le32_t v = rte_cpu_to_le_32(value);

	put(w, &v, sizeof(v));
}

static void
put_key(struct writer *w, const struct vnet_rss *rss)
{
	put_u8(w, rss->key_length);
	put(w, rss->key, rss->key_length);
}

static void
put_rss(struct writer *w, const struct vnet_rss *rss)
{
	put_le32(w, rss->hash_types);
	put_le16(w, rss->table_mask);
	put_le16(w, rss->unclassified_queue);
	for (uint32_t i = 0; i <= rss->table_mask; i++)
		put_le16(w, rss->table[i]);
	put_le16(w, rss->max_tx_vq);
	put_key(w, rss);
}

static void
put_hash(struct writer *w, const struct vnet_rss *rss)
{
	put_le32(w, rss->hash_types);
	for (int i = 0; i < 4; i++)
		put_le16(w, 0);
	put_key(w, rss);
}

static void
put_macs(struct writer *w, uint32_t nb, const struct rte_ether_addr *macs)
{
	put_le32(w, nb);
	put(w, macs, (size_t)nb * MAC_BYTES);
}

static void
put_data(struct writer *w, const struct vnet_ctrl *c)
{
	switch (c->kind) {
	case VNET_CTRL_MAC_TABLE:
		put_macs(w, c->macs.nb_unicast, c->macs.unicast);
		put_macs(w, c->macs.nb_multicast, c->macs.multicast);
		break;
	case VNET_CTRL_MAC_ADDR:
		put(w, &c->mac, MAC_BYTES);
		break;
	case VNET_CTRL_VLAN_ADD:
	case VNET_CTRL_VLAN_DEL:
		put_le16(w, c->vlan);
		break;
	case VNET_CTRL_ANNOUNCE_ACK:
		break;
	case VNET_CTRL_PAIRS:
		put_le16(w, c->pairs);
		break;
	case VNET_CTRL_RSS:
		put_rss(w, &c->rss);
		break;
	case VNET_CTRL_HASH:
		put_hash(w, &c->rss);
		break;
	case VNET_CTRL_GUEST_OFFLOADS:
		put_le32(w, (uint32_t)c->offloads);
		put_le32(w, (uint32_t)(c->offloads >> 32));
		break;
	default:
		put_u8(w, c->on);
	}
}

int
vnet_ctrl_build(const struct vnet_ctrl *c, uint8_t *bytes, size_t room)
{
	struct writer w = {.at = bytes, .room = room};

	put_u8(&w, known[c->kind].class);
	put_u8(&w, known[c->kind].command);
	put_data(&w, c);
	return w.used <= room ? (int)w.used : -ENOSPC;
}
