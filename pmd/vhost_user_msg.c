/* SPDX-License-Identifier: BSD-3-Clause */
#include "vhost_user_msg.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

const char *
vhost_user_request_name(uint32_t request)
{
	static const char *const names[] = {
		[VHOST_USER_GET_FEATURES] = "GET_FEATURES",
		[VHOST_USER_SET_FEATURES] = "SET_FEATURES",
		[VHOST_USER_SET_OWNER] = "SET_OWNER",
		[VHOST_USER_SET_MEM_TABLE] = "SET_MEM_TABLE",
		[VHOST_USER_SET_VRING_NUM] = "SET_VRING_NUM",
		[VHOST_USER_SET_VRING_ADDR] = "SET_VRING_ADDR",
		[VHOST_USER_SET_VRING_BASE] = "SET_VRING_BASE",
		[VHOST_USER_GET_VRING_BASE] = "GET_VRING_BASE",
		[VHOST_USER_SET_VRING_KICK] = "SET_VRING_KICK",
		[VHOST_USER_SET_VRING_CALL] = "SET_VRING_CALL",
		[VHOST_USER_GET_PROTOCOL_FEATURES] = "GET_PROTOCOL_FEATURES",
		[VHOST_USER_SET_PROTOCOL_FEATURES] = "SET_PROTOCOL_FEATURES",
		[VHOST_USER_GET_QUEUE_NUM] = "GET_QUEUE_NUM",
		[VHOST_USER_SET_VRING_ENABLE] = "SET_VRING_ENABLE",
		[VHOST_USER_NET_SET_MTU] = "NET_SET_MTU",
		[VHOST_USER_SET_BACKEND_REQ_FD] = "SET_BACKEND_REQ_FD",
		[VHOST_USER_GET_CONFIG] = "GET_CONFIG",
		[VHOST_USER_SET_STATUS] = "SET_STATUS",
		[VHOST_USER_GET_STATUS] = "GET_STATUS",
	};

	if (request >= sizeof(names) / sizeof(names[0]) || names[request] == NULL)
		return "request";
	return names[request];
}

uint64_t
vhost_user_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* Wait until sock is ready for events; errors of the socket are left to the call that follows. */
static int
wait_ready(int sock, short events, uint64_t deadline_ms)
{
	for (;;) {
		struct pollfd p = {.fd = sock, .events = events};
		uint64_t now = vhost_user_now_ms();
		int ret;

		if (now >= deadline_ms)
			return -ETIMEDOUT;
		ret = poll(&p, 1, (int)(deadline_ms - now));
		if (ret > 0)
			return 0;
		if (ret < 0 && errno != EINTR)
			return -errno;
	}
}

static int
socket_error(int err)
{
	return err == EPIPE || err == ECONNRESET || err == ENOTCONN ? -ECONNRESET : -err;
}

int
vhost_user_send(int sock, const struct vhost_user_msg *msg, const int *fds, unsigned int nb_fds,
	uint64_t deadline_ms)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * VHOST_USER_FDS_MAX)];
	} control;
	const size_t bytes = VHOST_USER_HEADER_BYTES + msg->bytes;
	size_t done = 0;

	while (done < bytes) {
		struct iovec iov = {(char *)(uintptr_t)msg + done, bytes - done};
		struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
		ssize_t n;
		int ret;

		/* They travel with the first byte. */
		if (nb_fds > 0 && done == 0) {
			struct cmsghdr *c;

			memset(&control, 0, sizeof(control));
			m.msg_control = control.bytes;
			m.msg_controllen = CMSG_SPACE(sizeof(int) * nb_fds);
			c = CMSG_FIRSTHDR(&m);
			c->cmsg_level = SOL_SOCKET;
			c->cmsg_type = SCM_RIGHTS;
			c->cmsg_len = CMSG_LEN(sizeof(int) * nb_fds);
			memcpy(CMSG_DATA(c), fds, sizeof(int) * nb_fds);
		}
		n = sendmsg(sock, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n >= 0) {
			done += (size_t)n;
			continue;
		}
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return socket_error(errno);
		ret = wait_ready(sock, POLLOUT, deadline_ms);
		if (ret != 0)
			return ret;
	}
	return 0;
}

static void
close_fds(struct msghdr *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
		size_t nb = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < nb; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			close(fd);
		}
	}
}

int
vhost_user_recv_some(int sock, void *buf, size_t bytes)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * 32)];
	} control;

	for (;;) {
		struct iovec iov = {buf, bytes};
		struct msghdr m = {
			.msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = control.bytes,
			.msg_controllen = sizeof(control.bytes),
		};
		ssize_t n = recvmsg(sock, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

		if (n > 0) {
			close_fds(&m);
			return (int)n;
		}
		if (n == 0)
			return -ECONNRESET;
		if (errno != EINTR)
			return socket_error(errno);
	}
}

static int
recv_all(int sock, void *buf, size_t bytes, uint64_t deadline_ms)
{
	size_t done = 0;

	while (done < bytes) {
		int ret = vhost_user_recv_some(sock, (char *)buf + done, bytes - done);

		if (ret > 0) {
			done += (size_t)ret;
			continue;
		}
		if (ret == -EAGAIN)
			ret = wait_ready(sock, POLLIN, deadline_ms);
		if (ret != 0)
			return ret;
	}
	return 0;
}

int
vhost_user_recv(int sock, struct vhost_user_msg *msg, uint64_t deadline_ms)
{
	int ret = recv_all(sock, msg, VHOST_USER_HEADER_BYTES, deadline_ms);

	if (ret != 0)
		return ret;
	if (msg->bytes > sizeof(msg->payload))
		return -EPROTO;
	return recv_all(sock, &msg->payload, msg->bytes, deadline_ms);
}
