/* SPDX-License-Identifier: BSD-3-Clause */
#include "vhost_user_sock.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int
try_connect(const struct sockaddr_un *addr, int *sock)
{
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int ret;

	if (s < 0)
		return -errno;
	if (connect(s, (const struct sockaddr *)addr, sizeof(*addr)) == 0) {
		*sock = s;
		return 0;
	}
	ret = -errno;
	close(s);
	return ret;
}

int
vhost_user_sock_attach(struct vhost_user_sock *s, char *why, size_t why_bytes)
{
	int fd = -1;

	if (s->server) {
		fd = accept4(s->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0) {
			snprintf(
				why, why_bytes, "no backend has connected to %s", s->addr.sun_path);
			return -EAGAIN;
		}
	} else {
		int ret = try_connect(&s->addr, &fd);

		if (ret != 0) {
			snprintf(why, why_bytes, "no backend at %s (%s)", s->addr.sun_path,
				strerror(-ret));
			return -EAGAIN;
		}
	}
	s->fd = fd;
	s->dead = false;
	return 0;
}

void
vhost_user_sock_detach(struct vhost_user_sock *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

void
vhost_user_sock_drop(struct vhost_user_sock *s)
{
	if (!vhost_user_sock_usable(s))
		return;
	s->dead = true;
	shutdown(s->fd, SHUT_RDWR);
}

int
vhost_user_sock_event_fd(const struct vhost_user_sock *s, short *events)
{
	if (s->fd >= 0) {
		/* Not POLLIN: answers belong to whoever asked. */
		*events = POLLRDHUP;
		return s->fd;
	}
	*events = POLLIN;
	return s->listen_fd;
}

bool
vhost_user_sock_hung_up(const struct vhost_user_sock *s)
{
	struct pollfd p = {.fd = s->fd, .events = POLLRDHUP};

	return poll(&p, 1, 0) > 0;
}

/* Remove a socket that nobody serves. */
static int
clear_path(const struct sockaddr_un *addr, char *why, size_t why_bytes)
{
	struct stat st;
	int sock = -1;
	int ret;

	if (lstat(addr->sun_path, &st) != 0)
		return 0;
	ret = S_ISSOCK(st.st_mode) ? try_connect(addr, &sock) : -EEXIST;
	if (ret == -ECONNREFUSED) {
		unlink(addr->sun_path);
		return 0;
	}
	if (ret == 0)
		close(sock);
	snprintf(why, why_bytes, "%s is %s; give another path, or leave server=1 out",
		addr->sun_path,
		ret == 0 || ret == -EAGAIN ? "served by another process" : "not to be replaced");
	return -EADDRINUSE;
}

static int
start_listening(struct vhost_user_sock *s, char *why, size_t why_bytes)
{
	int ret = clear_path(&s->addr, why, why_bytes);

	if (ret != 0)
		return ret;
	s->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->listen_fd >= 0 &&
		bind(s->listen_fd, (const struct sockaddr *)&s->addr, sizeof(s->addr)) == 0 &&
		stat(s->addr.sun_path, &s->listen_at) == 0 && listen(s->listen_fd, 1) == 0)
		return 0;
	ret = -errno;
	snprintf(why, why_bytes, "cannot listen at %s: %s", s->addr.sun_path, strerror(-ret));
	if (s->listen_fd >= 0)
		close(s->listen_fd);
	return ret;
}

int
vhost_user_sock_open(
	struct vhost_user_sock *s, const char *path, bool server, char *why, size_t why_bytes)
{
	memset(s, 0, sizeof(*s));
	s->addr.sun_family = AF_UNIX;
	snprintf(s->addr.sun_path, sizeof(s->addr.sun_path), "%s", path);
	s->server = server;
	s->listen_fd = -1;
	s->fd = -1;
	return server ? start_listening(s, why, why_bytes) : 0;
}

void
vhost_user_sock_close(struct vhost_user_sock *s)
{
	struct stat st;

	vhost_user_sock_detach(s);
	if (s->listen_fd < 0)
		return;
	if (stat(s->addr.sun_path, &st) == 0 && st.st_dev == s->listen_at.st_dev &&
		st.st_ino == s->listen_at.st_ino)
		unlink(s->addr.sun_path);
	close(s->listen_fd);
	s->listen_fd = -1;
}
