/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests of a vhost-user frontend. Each has a bounded time, and what went wrong with it stands in
 * t->error afterwards.
 *
 * All return 0; -ETIMEDOUT; -ECONNRESET; -EPROTO for an answer that is none; -EREMOTEIO when the
 * backend refused; -ENOTCONN; -errno. Under the port's lock.
 */
#ifndef VHOST_USER_REQUEST_H
#define VHOST_USER_REQUEST_H

#include "ring/virtq.h"
#include "transport.h"
#include "vhost_user_events.h"
#include "vhost_user_msg.h"
#include "vhost_user_sock.h"

#include <rte_common.h>

struct vhost_user {
	struct transport t;
	struct vhost_user_sock sock;
	struct vhost_user_events events;
	bool extended;     /* F_PROTOCOL_FEATURES */
	uint64_t protocol; /* protocol features in use */
	uint64_t deadline_ms;
};

static inline bool
vhost_user_has(const struct vhost_user *v, unsigned int protocol_bit)
{
	return (v->protocol & virtq_bit(protocol_bit)) != 0;
}

/** Say what is wrong. @return ret. */
int vhost_user_fail(struct vhost_user *v, int ret, const char *format, ...)
	__rte_format_printf(3, 4);

/** Send a request, [nb_fds] descriptors with it. */
int vhost_user_ask(
	struct vhost_user *v, struct vhost_user_msg *msg, const int *fds, unsigned int nb_fds);

/** The answer to msg takes its place; min_bytes of payload or it is no answer. */
int vhost_user_answer(struct vhost_user *v, struct vhost_user_msg *msg, uint32_t min_bytes);

int vhost_user_get_u64(struct vhost_user *v, uint32_t request, uint64_t *value);

/** A request that the backend may refuse. Without REPLY_ACK a refusal is a hang-up later on. */
int vhost_user_set(
	struct vhost_user *v, struct vhost_user_msg *msg, const int *fds, unsigned int nb_fds);
int vhost_user_set_u64(struct vhost_user *v, uint32_t request, uint64_t value);
int vhost_user_set_state(struct vhost_user *v, uint32_t request, uint32_t index, uint32_t num);
int vhost_user_set_fd(struct vhost_user *v, uint32_t request, uint32_t index, int fd);

/** Back when all messages so far were handled. */
int vhost_user_barrier(struct vhost_user *v);

#endif
