/* SPDX-License-Identifier: BSD-3-Clause */
#include "vhost_user_request.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

uint32_t vhost_user_reply_ms = 2000;
uint32_t vhost_user_sequence_ms = 5000;

int
vhost_user_fail(struct vhost_user *v, int ret, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(v->t.error, sizeof(v->t.error), format, ap);
	va_end(ap);
	return ret;
}

static int
fail_io(struct vhost_user *v, int ret, uint32_t request)
{
	const char *name = vhost_user_request_name(request);

	if (ret == -ETIMEDOUT)
		return vhost_user_fail(v, ret, "backend is mute: no answer to %s", name);
	if (ret == -ECONNRESET)
		return vhost_user_fail(v, ret, "backend hung up at %s", name);
	if (ret == -EPROTO)
		return vhost_user_fail(
			v, ret, "backend sent garbage instead of an answer to %s", name);
	return vhost_user_fail(v, ret, "%s: %s", name, strerror(-ret));
}

static uint64_t
reply_deadline(const struct vhost_user *v)
{
	return RTE_MIN(v->deadline_ms, vhost_user_now_ms() + vhost_user_reply_ms);
}

int
vhost_user_ask(
	struct vhost_user *v, struct vhost_user_msg *msg, const int *fds, unsigned int nb_fds)
{
	int ret;

	if (!vhost_user_sock_usable(&v->sock))
		return vhost_user_fail(v, -ENOTCONN, "no backend");
	msg->flags |= VHOST_USER_VERSION;
	ret = vhost_user_send(v->sock.fd, msg, fds, nb_fds, reply_deadline(v));
	return ret == 0 ? 0 : fail_io(v, ret, msg->request);
}

int
vhost_user_answer(struct vhost_user *v, struct vhost_user_msg *msg, uint32_t min_bytes)
{
	const uint32_t request = msg->request;
	int ret = vhost_user_recv(v->sock.fd, msg, reply_deadline(v));

	if (ret == 0 && (msg->request != request || msg->bytes < min_bytes ||
				(msg->flags & VHOST_USER_VERSION_MASK) != VHOST_USER_VERSION ||
				!(msg->flags & VHOST_USER_REPLY)))
		ret = -EPROTO;
	return ret == 0 ? 0 : fail_io(v, ret, request);
}

int
vhost_user_get_u64(struct vhost_user *v, uint32_t request, uint64_t *value)
{
	struct vhost_user_msg msg = {.request = request};
	int ret = vhost_user_ask(v, &msg, NULL, 0);

	if (ret == 0)
		ret = vhost_user_answer(v, &msg, sizeof(msg.payload.u64));
	if (ret == 0)
		*value = msg.payload.u64;
	return ret;
}

int
vhost_user_set(
	struct vhost_user *v, struct vhost_user_msg *msg, const int *fds, unsigned int nb_fds)
{
	int ret;

	if (vhost_user_has(v, VHOST_USER_PROTOCOL_F_REPLY_ACK))
		msg->flags |= VHOST_USER_NEED_REPLY;
	ret = vhost_user_ask(v, msg, fds, nb_fds);
	if (ret != 0 || !(msg->flags & VHOST_USER_NEED_REPLY))
		return ret;
	ret = vhost_user_answer(v, msg, sizeof(msg->payload.u64));
	if (ret == 0 && msg->payload.u64 != 0)
		ret = vhost_user_fail(
			v, -EREMOTEIO, "backend refused %s", vhost_user_request_name(msg->request));
	return ret;
}

int
vhost_user_set_u64(struct vhost_user *v, uint32_t request, uint64_t value)
{
	struct vhost_user_msg msg = {
		.request = request,
		.bytes = sizeof(msg.payload.u64),
		.payload.u64 = value,
	};

	return vhost_user_set(v, &msg, NULL, 0);
}

int
vhost_user_set_state(struct vhost_user *v, uint32_t request, uint32_t index, uint32_t num)
{
	struct vhost_user_msg msg = {
		.request = request,
		.bytes = sizeof(msg.payload.state),
		.payload.state = {index, num},
	};

	return vhost_user_set(v, &msg, NULL, 0);
}

/* Messages are handled in turn: the answer to this says that those before it were. */
int
vhost_user_barrier(struct vhost_user *v)
{
	uint64_t unused;

	if (vhost_user_has(v, VHOST_USER_PROTOCOL_F_REPLY_ACK))
		return 0;
	return vhost_user_get_u64(v, VHOST_USER_GET_FEATURES, &unused);
}

int
vhost_user_set_fd(struct vhost_user *v, uint32_t request, uint32_t index, int fd)
{
	struct vhost_user_msg msg = {
		.request = request,
		.bytes = sizeof(msg.payload.u64),
		.payload.u64 = index,
	};

	return vhost_user_set(v, &msg, &fd, 1);
}
