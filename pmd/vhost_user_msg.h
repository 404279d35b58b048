/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Messages of the vhost-user protocol as they go over the socket, native byte order.
 * Layout: docs/interop/vhost-user.rst of qemu/qemu.
 */
#ifndef VHOST_USER_MSG_H
#define VHOST_USER_MSG_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

enum vhost_user_request {
	VHOST_USER_GET_FEATURES = 1,
	VHOST_USER_SET_FEATURES = 2,
	VHOST_USER_SET_OWNER = 3,
	VHOST_USER_SET_MEM_TABLE = 5,
	VHOST_USER_SET_VRING_NUM = 8,
	VHOST_USER_SET_VRING_ADDR = 9,
	VHOST_USER_SET_VRING_BASE = 10,
	VHOST_USER_GET_VRING_BASE = 11,
	VHOST_USER_SET_VRING_KICK = 12,
	VHOST_USER_SET_VRING_CALL = 13,
	VHOST_USER_GET_PROTOCOL_FEATURES = 15,
	VHOST_USER_SET_PROTOCOL_FEATURES = 16,
	VHOST_USER_GET_QUEUE_NUM = 17,
	VHOST_USER_SET_VRING_ENABLE = 18,
	VHOST_USER_NET_SET_MTU = 20,
	VHOST_USER_SET_BACKEND_REQ_FD = 21,
	VHOST_USER_GET_CONFIG = 24,
	VHOST_USER_SET_STATUS = 39,
	VHOST_USER_GET_STATUS = 40,
};

/* Requests of the backend, on a channel of their own. */
enum vhost_user_backend_request {
	VHOST_USER_BACKEND_CONFIG_CHANGE_MSG = 2,
};

/* Protocol feature bits. */
#define VHOST_USER_PROTOCOL_F_MQ 0
#define VHOST_USER_PROTOCOL_F_REPLY_ACK 3
#define VHOST_USER_PROTOCOL_F_NET_MTU 4
#define VHOST_USER_PROTOCOL_F_BACKEND_REQ 5
#define VHOST_USER_PROTOCOL_F_CONFIG 9
#define VHOST_USER_PROTOCOL_F_STATUS 16

/* Flags of the header. */
#define VHOST_USER_VERSION 1
#define VHOST_USER_VERSION_MASK 3
#define VHOST_USER_REPLY 4
#define VHOST_USER_NEED_REPLY 8

#define VHOST_USER_REGIONS_MAX 8
#define VHOST_USER_FDS_MAX 8
#define VHOST_USER_CONFIG_MAX 256

struct vhost_user_state {
	uint32_t index;
	uint32_t num;
};

struct vhost_user_addr {
	uint32_t index;
	uint32_t flags;
	uint64_t desc;
	uint64_t used;
	uint64_t avail;
	uint64_t log;
};

struct vhost_user_region {
	uint64_t guest_addr;
	uint64_t bytes;
	uint64_t user_addr;
	uint64_t offset; /* in the file, of the region's first byte */
};

struct vhost_user_table {
	uint32_t nb_regions;
	uint32_t padding;
	struct vhost_user_region regions[VHOST_USER_REGIONS_MAX];
};

struct vhost_user_config {
	uint32_t offset;
	uint32_t bytes;
	uint32_t flags;
	uint8_t region[VHOST_USER_CONFIG_MAX];
};

struct vhost_user_msg {
	uint32_t request; /* enum vhost_user_request */
	uint32_t flags;
	uint32_t bytes; /* of the payload */
	union {
		uint64_t u64;
		struct vhost_user_state state;
		struct vhost_user_addr addr;
		struct vhost_user_table table;
		struct vhost_user_config config;
	} payload;
} __attribute__((packed));

#define VHOST_USER_HEADER_BYTES 12
static_assert(offsetof(struct vhost_user_msg, payload) == VHOST_USER_HEADER_BYTES, "header");
static_assert(sizeof(struct vhost_user_addr) == 40, "ring addresses");
static_assert(sizeof(struct vhost_user_region) == 32, "region");
static_assert(offsetof(struct vhost_user_table, regions) == 8, "regions");
static_assert(offsetof(struct vhost_user_config, region) == 12, "config space");

/** "SET_VRING_NUM", or "request" for one that has no name here. */
const char *vhost_user_request_name(uint32_t request);

/** Milliseconds of a clock that only goes forward. */
uint64_t vhost_user_now_ms(void);

/**
 * Send one message.
 *
 * @param sock  Connected, non-blocking.
 * @param fds   [nb_fds] sent along, at most VHOST_USER_FDS_MAX; the caller keeps them.
 * @param deadline_ms  By vhost_user_now_ms().
 * @return 0; -ETIMEDOUT; -ECONNRESET when the other end is gone; -errno.
 */
int vhost_user_send(int sock, const struct vhost_user_msg *msg, const int *fds, unsigned int nb_fds,
	uint64_t deadline_ms);

/**
 * Receive what is there; file descriptors that come along are closed.
 *
 * @return Bytes, at least 1; -EAGAIN; -ECONNRESET; -errno.
 */
int vhost_user_recv_some(int sock, void *buf, size_t bytes);

/**
 * Receive one message. File descriptors that come along are closed: no reply has any.
 *
 * @return 0; -ETIMEDOUT; -ECONNRESET; -EPROTO for a size that no message has; -errno.
 */
int vhost_user_recv(int sock, struct vhost_user_msg *msg, uint64_t deadline_ms);

#endif
