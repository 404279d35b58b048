/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The channel on which a backend sends requests of its own (protocol feature BACKEND_REQ). One of
 * them means something here: config space changed. Nothing waits, and work is bounded by what the
 * socket holds; whoever sends garbage has his channel closed and nothing else.
 *
 * All functions: the control thread, which polls fd.
 */
#ifndef VHOST_USER_EVENTS_H
#define VHOST_USER_EVENTS_H

#include "vhost_user_msg.h"

struct vhost_user_events {
	int fd;                    /* our end, -1: none */
	uint32_t got;              /* bytes of msg so far */
	struct vhost_user_msg msg; /* under way */
};

/** @param theirs  Out: the backend's end, for the caller to close. @return 0 or -errno. */
int vhost_user_events_open(struct vhost_user_events *e, int *theirs);
void vhost_user_events_close(struct vhost_user_events *e);

/**
 * Take what is there.
 *
 * @return 1 config space changed; 0; -EPROTO garbage, -ECONNRESET the other end is closed: so is
 *     ours.
 */
int vhost_user_events_take(struct vhost_user_events *e);

#endif
