/* SPDX-License-Identifier: BSD-3-Clause */
#include "vhost_user_events.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Messages of one look; the rest is looked at next time. */
#define BATCH 64

int
vhost_user_events_open(struct vhost_user_events *e, int *theirs)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0)
		return -errno;
	e->fd = pair[0];
	e->got = 0;
	*theirs = pair[1];
	return 0;
}

void
vhost_user_events_close(struct vhost_user_events *e)
{
	if (e->fd >= 0)
		close(e->fd);
	e->fd = -1;
}

/* The next piece of a message. @return 1: it is whole; 0: nothing more is there; -errno. */
static int
take_piece(struct vhost_user_events *e)
{
	struct vhost_user_msg *m = &e->msg;

	while (e->got < VHOST_USER_HEADER_BYTES || e->got < VHOST_USER_HEADER_BYTES + m->bytes) {
		uint32_t end = VHOST_USER_HEADER_BYTES;
		int ret;

		if (e->got >= VHOST_USER_HEADER_BYTES)
			end += m->bytes;
		ret = vhost_user_recv_some(e->fd, (uint8_t *)m + e->got, end - e->got);
		if (ret < 0)
			return ret == -EAGAIN ? 0 : ret;
		e->got += (uint32_t)ret;
		if (e->got == VHOST_USER_HEADER_BYTES &&
			(m->bytes > sizeof(m->payload) || (m->flags & VHOST_USER_REPLY) ||
				(m->flags & VHOST_USER_VERSION_MASK) != VHOST_USER_VERSION))
			return -EPROTO;
	}
	return 1;
}

/* An answer where one is wanted: 0 done, 1 not known here. */
static int
answer(const struct vhost_user_events *e, bool known)
{
	const struct vhost_user_msg reply = {
		.request = e->msg.request,
		.flags = VHOST_USER_VERSION | VHOST_USER_REPLY,
		.bytes = sizeof(reply.payload.u64),
		.payload.u64 = known ? 0 : 1,
	};
	const size_t bytes = VHOST_USER_HEADER_BYTES + reply.bytes;

	if (!(e->msg.flags & VHOST_USER_NEED_REPLY))
		return 0;
	/* One that does not read its answers has no use for them. */
	return send(e->fd, &reply, bytes, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)bytes ? 0
											 : -EPROTO;
}

int
vhost_user_events_take(struct vhost_user_events *e)
{
	bool changed = false;
	int ret = 0;

	for (unsigned int i = 0; i < BATCH && e->fd >= 0; i++) {
		bool known;

		ret = take_piece(e);
		if (ret <= 0)
			break;
		known = e->msg.request == VHOST_USER_BACKEND_CONFIG_CHANGE_MSG;
		changed |= known;
		e->got = 0;
		ret = answer(e, known);
		if (ret != 0)
			break;
	}
	if (ret < 0)
		vhost_user_events_close(e);
	if (changed)
		return 1;
	return ret < 0 ? ret : 0;
}
