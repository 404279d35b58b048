/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Control commands: build and parse, one codec for both ends. VIRTIO 1.3, 5.1.6.5 Control
 * Virtqueue.
 *
 * On the ring a command is class, command and data, device-readable and cut in any way, then one
 * device-writable byte for the answer. The codec knows the readable part as one run of bytes: who
 * takes it from a ring copies it into private memory once.
 *
 * All functions: any thread, no state.
 */
#ifndef VNET_CTRL_H
#define VNET_CTRL_H

#include "net/vnet_hash.h"
#include "spec/virtio_net_spec.h"

#include <rte_ether.h>

#include <stddef.h>
#include <stdint.h>

/* Addresses of each of the two tables that our device holds; with more it receives all. */
#define VNET_CTRL_MACS_MAX 256

/* Receive offloads that can be switched at run time: bits of VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET. */
#define VNET_CTRL_GUEST_OFFLOAD_BITS \
	((UINT64_C(1) << VIRTIO_NET_F_GUEST_CSUM) | (UINT64_C(1) << VIRTIO_NET_F_GUEST_TSO4) | \
		(UINT64_C(1) << VIRTIO_NET_F_GUEST_TSO6) | \
		(UINT64_C(1) << VIRTIO_NET_F_GUEST_ECN) | \
		(UINT64_C(1) << VIRTIO_NET_F_GUEST_UFO) | \
		(UINT64_C(1) << VIRTIO_NET_F_GUEST_USO4) | \
		(UINT64_C(1) << VIRTIO_NET_F_GUEST_USO6))

/* Bytes of the longest command that is accepted: a MAC table that is twice full, 512 RSS entries.
 */
#define VNET_CTRL_BYTES_MAX (2 + 2 * (4 + 6 * 1024))

/* Commands that we know. One list makes enum, class, command, needed feature and name. */
#define VNET_CTRLS(_) \
	_(PROMISC, RX, RX_PROMISC, CTRL_RX, "promiscuous") \
	_(ALLMULTI, RX, RX_ALLMULTI, CTRL_RX, "all-multicast") \
	_(ALLUNI, RX, RX_ALLUNI, CTRL_RX_EXTRA, "all-unicast") \
	_(NOMULTI, RX, RX_NOMULTI, CTRL_RX_EXTRA, "no-multicast") \
	_(NOUNI, RX, RX_NOUNI, CTRL_RX_EXTRA, "no-unicast") \
	_(NOBCAST, RX, RX_NOBCAST, CTRL_RX_EXTRA, "no-broadcast") \
	_(MAC_TABLE, MAC, MAC_TABLE_SET, CTRL_RX, "MAC table") \
	_(MAC_ADDR, MAC, MAC_ADDR_SET, CTRL_MAC_ADDR, "MAC address") \
	_(VLAN_ADD, VLAN, VLAN_ADD, CTRL_VLAN, "VLAN add") \
	_(VLAN_DEL, VLAN, VLAN_DEL, CTRL_VLAN, "VLAN delete") \
	_(ANNOUNCE_ACK, ANNOUNCE, ANNOUNCE_ACK, GUEST_ANNOUNCE, "announce acknowledge") \
	_(PAIRS, MQ, MQ_VQ_PAIRS_SET, MQ, "queue pairs") \
	_(RSS, MQ, MQ_RSS_CONFIG, RSS, "RSS configuration") \
	_(HASH, MQ, MQ_HASH_CONFIG, HASH_REPORT, "hash configuration") \
	_(GUEST_OFFLOADS, GUEST_OFFLOADS, GUEST_OFFLOADS_SET, CTRL_GUEST_OFFLOADS, "guest offloads")

enum vnet_ctrl_kind {
#define VNET_CTRL_ENUM(name, class, command, feature, text) VNET_CTRL_##name,
	VNET_CTRLS(VNET_CTRL_ENUM)
#undef VNET_CTRL_ENUM
	VNET_CTRL_KINDS
};

/* One command; which member counts follows from kind. */
struct vnet_ctrl {
	enum vnet_ctrl_kind kind;
	union {
		bool on; /* the six receive modes */
		struct {
			uint32_t nb_unicast; /* may be more than VNET_CTRL_MACS_MAX: receive all */
			uint32_t nb_multicast;                /* as above */
			const struct rte_ether_addr *unicast; /* [nb_unicast] in the bytes parsed */
			const struct rte_ether_addr *multicast; /* [nb_multicast] */
		} macs;
		struct rte_ether_addr mac;
		uint16_t vlan;       /* 0..4095 */
		uint16_t pairs;      /* 1..0x8000 */
		struct vnet_rss rss; /* also for HASH: hash_types, key_length, key */
		uint64_t offloads;   /* bits of the GUEST_ features */
	};
};

/* Limits of a device, as its config space states them. */
struct vnet_ctrl_limits {
	uint64_t features; /* negotiated */
	uint16_t max_pairs;
	uint16_t rss_table_max;
	uint8_t rss_key_max;
	uint32_t hash_types;
};

/* Why a command is refused. */
#define VNET_CTRL_BADS(_) \
	_(NONE, none, "none") \
	_(UNKNOWN, unknown, "class and command are not known") \
	_(NOT_NEGOTIATED, not_negotiated, "its feature was not negotiated") \
	_(TRUNCATED, truncated, "shorter than its contents need") \
	_(OVERSIZED, oversized, "longer than its contents need, or than any command") \
	_(VALUE, value, "a field has an impossible value")

enum vnet_ctrl_bad {
#define VNET_CTRL_BAD_ENUM(name, lower, text) VNET_CTRL_BAD_##name,
	VNET_CTRL_BADS(VNET_CTRL_BAD_ENUM)
#undef VNET_CTRL_BAD_ENUM
	VNET_CTRL_BAD_MAX
};

const char *vnet_ctrl_name(enum vnet_ctrl_kind kind);

/** Number of the feature that a command belongs to. */
unsigned int vnet_ctrl_feature(enum vnet_ctrl_kind kind);

const char *vnet_ctrl_bad_str(enum vnet_ctrl_bad bad);

/**
 * Bytes of a command -> what it says, all of it checked against the device's limits.
 *
 * @param bytes  [nb] Private copy: class, command, data. c->macs points into it.
 * @return VNET_CTRL_BAD_NONE and *c.
 */
enum vnet_ctrl_bad vnet_ctrl_parse(struct vnet_ctrl *c, const struct vnet_ctrl_limits *limits,
	const uint8_t *bytes, uint32_t nb);

/**
 * A command as bytes: class, command, data.
 *
 * @param bytes  [room] Out; VNET_CTRL_BYTES_MAX hold any command.
 * @return Bytes written, or -ENOSPC.
 */
int vnet_ctrl_build(const struct vnet_ctrl *c, uint8_t *bytes, size_t room);

#endif
