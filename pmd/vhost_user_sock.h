/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The socket of a vhost-user frontend: client that tries, or server that lets one in at a time.
 * Nothing here waits.
 */
#ifndef VHOST_USER_SOCK_H
#define VHOST_USER_SOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/un.h>

struct vhost_user_sock {
	struct sockaddr_un addr;
	bool server;
	int listen_fd;         /* server, else -1 */
	struct stat listen_at; /* the socket file that is ours to remove */
	int fd;                /* -1: not attached */
	bool dead;             /* attached, but given up */
};

/**
 * A server listens from here on. A socket file that nobody serves is replaced, a live one never.
 *
 * @param why  Out on failure: [why_bytes] what is wrong.
 * @return 0; -EADDRINUSE when the path is taken; -errno.
 */
int vhost_user_sock_open(
	struct vhost_user_sock *s, const char *path, bool server, char *why, size_t why_bytes);

/** Detach, stop to listen, remove the socket file if it is still ours. */
void vhost_user_sock_close(struct vhost_user_sock *s);

/** One attempt. @return 0 with fd set; -EAGAIN and why. */
int vhost_user_sock_attach(struct vhost_user_sock *s, char *why, size_t why_bytes);

/** Close the connection. Only by the thread that polls vhost_user_sock_event_fd(). */
void vhost_user_sock_detach(struct vhost_user_sock *s);

/** Shut the connection down; the number stays taken until vhost_user_sock_detach(). */
void vhost_user_sock_drop(struct vhost_user_sock *s);

/** What to poll: the connection for its end, or the listening socket for a client; or -1. */
int vhost_user_sock_event_fd(const struct vhost_user_sock *s, short *events);

bool vhost_user_sock_hung_up(const struct vhost_user_sock *s);

static inline bool
vhost_user_sock_usable(const struct vhost_user_sock *s)
{
	return s->fd >= 0 && !s->dead;
}

#endif
