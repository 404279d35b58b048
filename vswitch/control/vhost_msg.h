/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A vhost-user message as rte_vhost hands it to the message handlers of a backend.
 *
 * The library keeps this structure to itself; handlers have to know its layout. It is that of DPDK
 * 22.11: to be compared with the library's own at each new release.
 */
#ifndef VHOST_MSG_H
#define VHOST_MSG_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

/* Requests of a frontend, by the numbers of the protocol. */
#define VHOST_REQUESTS(_) \
	_(GET_FEATURES, 1) \
	_(SET_FEATURES, 2) \
	_(SET_OWNER, 3) \
	_(RESET_OWNER, 4) \
	_(SET_MEM_TABLE, 5) \
	_(SET_LOG_BASE, 6) \
	_(SET_LOG_FD, 7) \
	_(SET_VRING_NUM, 8) \
	_(SET_VRING_ADDR, 9) \
	_(SET_VRING_BASE, 10) \
	_(GET_VRING_BASE, 11) \
	_(SET_VRING_KICK, 12) \
	_(SET_VRING_CALL, 13) \
	_(SET_VRING_ERR, 14) \
	_(GET_PROTOCOL_FEATURES, 15) \
	_(SET_PROTOCOL_FEATURES, 16) \
	_(GET_QUEUE_NUM, 17) \
	_(SET_VRING_ENABLE, 18) \
	_(SEND_RARP, 19) \
	_(NET_SET_MTU, 20) \
	_(SET_BACKEND_REQ_FD, 21) \
	_(IOTLB_MSG, 22) \
	_(SET_VRING_ENDIAN, 23) \
	_(GET_CONFIG, 24) \
	_(SET_CONFIG, 25) \
	_(CREATE_CRYPTO_SESSION, 26) \
	_(CLOSE_CRYPTO_SESSION, 27) \
	_(POSTCOPY_ADVISE, 28) \
	_(POSTCOPY_LISTEN, 29) \
	_(POSTCOPY_END, 30) \
	_(GET_INFLIGHT_FD, 31) \
	_(SET_INFLIGHT_FD, 32) \
	_(SET_STATUS, 39) \
	_(GET_STATUS, 40)

enum vhost_request {
	VHOST_REQ_NONE = 0,
#define VHOST_REQUEST_ENUM(name, number) VHOST_REQ_##name = number,
	VHOST_REQUESTS(VHOST_REQUEST_ENUM)
#undef VHOST_REQUEST_ENUM
	VHOST_REQ_MAX
};

/* Protocol features, bit numbers. */
#define VHOST_PROTOCOL_F_MQ 0
#define VHOST_PROTOCOL_F_LOG_SHMFD 1
#define VHOST_PROTOCOL_F_REPLY_ACK 3
#define VHOST_PROTOCOL_F_NET_MTU 4
#define VHOST_PROTOCOL_F_BACKEND_REQ 5
#define VHOST_PROTOCOL_F_CONFIG 9
#define VHOST_PROTOCOL_F_STATUS 16

/* Virtio feature bit of the protocol: log all writes to guest memory. */
#define VHOST_F_LOG_ALL_BIT 26

#define VHOST_MSG_VERSION_MASK 0x3u
#define VHOST_MSG_VERSION 0x1u
#define VHOST_MSG_REPLY (1u << 2)
#define VHOST_MSG_NEED_REPLY (1u << 3)

/* In the u64 of SET_VRING_KICK, CALL and ERR. */
#define VHOST_VRING_INDEX_MASK 0xffu
#define VHOST_VRING_NOFD (1u << 8)

/* In the flags of SET_VRING_ADDR: writes to the used ring are logged. */
#define VHOST_VRING_LOG (1u << 0)

#define VHOST_MSG_REGIONS_MAX 8
#define VHOST_MSG_FDS_MAX 8

struct vhost_msg_region {
	uint64_t guest; /* what descriptors speak */
	uint64_t bytes;
	uint64_t user;   /* what SET_VRING_ADDR speaks */
	uint64_t offset; /* in the file */
} __attribute__((packed));

struct vhost_msg_memory {
	uint32_t nb_regions;
	uint32_t padding;
	struct vhost_msg_region regions[VHOST_MSG_REGIONS_MAX];
} __attribute__((packed));
static_assert(sizeof(struct vhost_msg_memory) == 264, "memory table");

struct vhost_msg_ring {
	uint32_t index;
	uint32_t value;
} __attribute__((packed));

struct vhost_msg_addr {
	uint32_t index;
	uint32_t flags;
	uint64_t desc;
	uint64_t used;
	uint64_t avail;
	uint64_t log;
} __attribute__((packed));
static_assert(sizeof(struct vhost_msg_addr) == 40, "ring addresses");

struct vhost_msg_log {
	uint64_t bytes;
	uint64_t offset;
} __attribute__((packed));

#define VHOST_MSG_CONFIG_MAX 256
#define VHOST_MSG_CONFIG_HEADER 12

struct vhost_msg_config {
	uint32_t offset;
	uint32_t bytes;
	uint32_t flags;
	uint8_t region[VHOST_MSG_CONFIG_MAX];
} __attribute__((packed));
static_assert(offsetof(struct vhost_msg_config, region) == VHOST_MSG_CONFIG_HEADER, "config space");

struct vhost_message {
	uint32_t request; /* enum vhost_request */
	uint32_t flags;
	uint32_t size; /* of the payload as received; of the reply when a handler answers */
	union {
		uint64_t u64;
		struct vhost_msg_ring ring;
		struct vhost_msg_addr addr;
		struct vhost_msg_memory memory;
		struct vhost_msg_log log;
		struct vhost_msg_config config;
		uint8_t raw[632]; /* the library's largest: a crypto session */
	} __attribute__((packed)) payload;
	int fds[VHOST_MSG_FDS_MAX];
	int nb_fds;
} __attribute__((packed));

static_assert(sizeof(struct vhost_message) == 680, "message of DPDK 22.11");
static_assert(offsetof(struct vhost_message, payload) == 12, "header");
static_assert(offsetof(struct vhost_message, fds) == 644, "fds");
static_assert(offsetof(struct vhost_message, nb_fds) == 676, "number of fds");

#endif
