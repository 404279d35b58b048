/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A scripted vhost-user frontend, written from the protocol's description; shares nothing with the
 * switch but lib/spec. Honest by the functions with a purpose, anything else by frontend_send().
 */
#ifndef TESTS_FRONTEND_H
#define TESTS_FRONTEND_H

#include "support/fake_driver.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FE_RINGS 8
#define FE_RING_SIZE 64
#define FE_BYTES (4u << 20)
#define FE_GUEST UINT64_C(0x100000000)   /* address in descriptors */
#define FE_USER UINT64_C(0x7f0000000000) /* address in messages */
#define FE_HDR 12

enum fe_request {
	FE_GET_FEATURES = 1,
	FE_SET_FEATURES,
	FE_SET_OWNER,
	FE_RESET_OWNER,
	FE_SET_MEM_TABLE,
	FE_SET_LOG_BASE,
	FE_SET_LOG_FD,
	FE_SET_VRING_NUM,
	FE_SET_VRING_ADDR,
	FE_SET_VRING_BASE,
	FE_GET_VRING_BASE,
	FE_SET_VRING_KICK,
	FE_SET_VRING_CALL,
	FE_SET_VRING_ERR,
	FE_GET_PROTOCOL_FEATURES,
	FE_SET_PROTOCOL_FEATURES,
	FE_GET_QUEUE_NUM,
	FE_SET_VRING_ENABLE,
	FE_SEND_RARP,
	FE_NET_SET_MTU,
	FE_SET_BACKEND_REQ_FD,
	FE_GET_CONFIG = 24,
	FE_SET_CONFIG,
	FE_GET_INFLIGHT_FD = 31,
	FE_SET_INFLIGHT_FD = 32,
	FE_SET_STATUS = 39,
	FE_GET_STATUS = 40,
};

#define FE_F(bit) (UINT64_C(1) << (bit))
#define FE_VERSION_1 FE_F(32)
#define FE_PROTOCOL FE_F(30)
#define FE_MQ FE_F(22)
#define FE_MRG_RXBUF FE_F(15)
#define FE_P_MQ FE_F(0)
#define FE_P_ACK FE_F(3)
#define FE_P_MTU FE_F(4)
#define FE_P_BACKEND_REQ FE_F(5)
#define FE_P_CONFIG FE_F(9)
#define FE_P_STATUS FE_F(16)

struct fe_region {
	uint64_t guest, bytes, user, offset;
};

struct frontend {
	int sock;
	int memfd;
	uint8_t *mem;
	uint64_t guest, user; /* where its memory is said to be */
	uint64_t features, protocol;
	struct fake_driver ring[FE_RINGS];
	int call[FE_RINGS], kick[FE_RINGS];
};

/** Memory and eventfds, no connection yet. */
void frontend_open(struct frontend *f);
void frontend_close(struct frontend *f);

/** Another, empty file as memory, to be told by frontend_memory(). Contents are copied. */
void frontend_move_memory(struct frontend *f);

/** @return false when nobody listens. */
bool frontend_connect(struct frontend *f, const char *path);
void frontend_disconnect(struct frontend *f);

/**
 * Any message.
 *
 * @param need_reply  Set NEED_REPLY.
 * @return false when the connection is gone.
 */
bool frontend_send(struct frontend *f, uint32_t request, bool need_reply, const void *payload,
	uint32_t size, const int *fds, int nb_fds);

/** Next reply's u64 or first 8 bytes; false: the switch has hung up. */
bool frontend_reply(struct frontend *f, uint32_t request, uint64_t *value);

/**
 * Config space.
 *
 * @param to  [bytes] Out.
 * @return Bytes of the answer, 0 when there are none; -1: the switch has hung up.
 */
int frontend_config(struct frontend *f, uint32_t offset, uint32_t bytes, void *to);

/** Give the switch a channel for its own messages. @return our end, to be closed. */
int frontend_channel(struct frontend *f);

/** Messages that say that config space has changed, taken from the channel; others fail. */
uint32_t frontend_channel_read(int channel);

/** Features offered now. */
uint64_t frontend_offered(struct frontend *f);

/** Send with NEED_REPLY and return the answer: 0 taken, 1 refused, -1 hung up. */
int frontend_ask(struct frontend *f, uint32_t request, const void *payload, uint32_t size,
	const int *fds, int nb_fds);
int frontend_ask_u64(struct frontend *f, uint32_t request, uint64_t value);
int frontend_ask_ring(struct frontend *f, uint32_t request, uint32_t ring, uint32_t value);
int frontend_ask_fd(struct frontend *f, uint32_t request, uint64_t value, int fd);

/** All earlier messages are worked on, state changes included, when this returns true. */
bool frontend_barrier(struct frontend *f);

/** The switch has closed the connection, or does so. */
bool frontend_hung_up(struct frontend *f);

/* Honest steps; each fails the test when it is refused. */
void frontend_negotiate(struct frontend *f, uint64_t features, uint64_t protocol);
void frontend_memory(struct frontend *f);
int frontend_ask_memory(struct frontend *f, const struct fe_region *regions, uint32_t nb,
	const int *fds, int nb_fds);

/** Empty ring i and tell the switch where it is; without telling when it is there already. */
void frontend_ring_init(struct frontend *f, uint32_t i);
void frontend_ring_tell(struct frontend *f, uint32_t i);

/** The SET_VRING_ADDR of it alone. */
void frontend_ring_tell_addr(struct frontend *f, uint32_t i);

void frontend_enable(struct frontend *f, uint32_t i, bool on);
void frontend_status(struct frontend *f, uint8_t status);

/** All of it: features, memory, rings 0..nb, enable, DRIVER_OK. */
void frontend_start(struct frontend *f, uint32_t nb_rings);

/** Where in its memory ring i lies. */
uint32_t frontend_ring_offset(uint32_t i);

/** Post n receive buffers of 2 KiB to receiveq i. */
void frontend_post(struct frontend *f, uint32_t i, uint32_t n);

/** Send a frame of len bytes by transmitq i. */
void frontend_frame(
	struct frontend *f, uint32_t i, uint8_t to, uint8_t from, uint32_t mark, uint32_t len);

/** Mark of the next frame received by receiveq i, -1 when there is none. */
int64_t frontend_received(struct frontend *f, uint32_t i);

#endif
