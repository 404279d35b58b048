/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How to reach a device: one table of operations per way.
 *
 * All requests run under the port's lock, one at a time; none waits longer than the transport's
 * timeout. After a failed request t->error says why in words, and the connection is to be dropped:
 * drop() may be called by any thread under the port's lock, detach() only by the control thread,
 * which is the one that waits on event_fd().
 */
#ifndef TRANSPORT_H
#define TRANSPORT_H

#include "ring/virtq.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRANSPORT_ERROR_BYTES 192

struct transport {
	const struct transport_ops *ops;
	/* Written by the operations below. */
	bool attached;
	char error[TRANSPORT_ERROR_BYTES];
};

/* One ring for the device. */
struct transport_queue {
	uint32_t index;         /* of the ring: receiveq of pair i is 2i, transmitq 2i + 1 */
	const struct virtq *vq; /* addresses as the device is to use them: virtual */
	uint16_t base;          /* free-running index of the first entry that is not used yet */
	int kick_fd;            /* eventfd driver -> device */
	int call_fd;            /* eventfd device -> driver */
};

struct transport_ops {
	const char *name;

	/** One attempt to reach the device, without waiting. @return 0; -EAGAIN nobody there. */
	int (*attach)(struct transport *t);
	/** What to poll for a change (a device that comes, or goes), -1: nothing. */
	int (*event_fd)(const struct transport *t, short *events);
	/** What else to poll, for input: the device tells of changes there; -1: nothing. */
	int (*change_fd)(const struct transport *t);
	/**
	 * Take what it tells. Does not wait; for the thread that polls.
	 *
	 * @return 1 config space changed; 0; -errno: it will tell nothing more, t->error says why.
	 */
	int (*changes)(struct transport *t);
	/** Is the attached device still there? Does not wait. */
	bool (*alive)(struct transport *t);
	/** Let go of the device at once, whatever it does; nothing reaches it any more. */
	void (*drop)(struct transport *t);
	void (*detach)(struct transport *t);
	void (*destroy)(struct transport *t);

	/** A sequence of requests begins: together they get a bounded time. */
	void (*begin)(struct transport *t);
	/** Read what is offered; everything that comes before features_set(). */
	int (*features_get)(struct transport *t, uint64_t *features, uint32_t *pairs_max);
	/** Features that a driver has to acknowledge for the transport's sake. */
	uint64_t (*features_own)(const struct transport *t);
	int (*features_set)(struct transport *t, uint64_t features);
	/** Device status. @return -ENOTSUP when the transport carries none. */
	int (*status_set)(struct transport *t, uint8_t status);
	int (*status_get)(struct transport *t, uint8_t *status);
	/** Config space. @return -ENOTSUP when there is none, or not that much of it. */
	int (*config_get)(struct transport *t, uint32_t offset, void *buf, uint32_t bytes);
	/** Can the device be told the MTU? */
	bool (*mtu_wanted)(const struct transport *t);
	int (*mtu_set)(struct transport *t, uint16_t mtu);

	/** Could the memory be shared as it is? Caller holds EAL's memory hotplug lock. */
	int (*memory_check)(char *why, size_t why_bytes);
	/**
	 * Share the memory as it is, without [without, without + bytes); back when the device has
	 * taken note. Caller holds EAL's memory hotplug lock.
	 */
	int (*memory_set)(struct transport *t, const void *without, size_t bytes);
	int (*queue_set)(struct transport *t, const struct transport_queue *q);
	int (*queue_enable)(struct transport *t, uint32_t index, bool on);
	/** The device lets go of the ring: when this is back with 0 it touches it no more. */
	int (*queue_reset)(struct transport *t, uint32_t index);
	/** Back when the device has handled all requests so far. */
	int (*sync)(struct transport *t);
	/** Tell the device to look at the ring. */
	void (*notify)(struct transport *t, const struct transport_queue *q);
};

/* Time for one reply of a backend, and for one sequence of requests. Tests shorten them. */
extern uint32_t vhost_user_reply_ms;
extern uint32_t vhost_user_sequence_ms;

/**
 * vhost-user frontend. A server listens from here on; a client tries at each attach().
 *
 * @param why  Out on failure: [why_bytes] what is wrong.
 * @return 0 and *t, released by t->ops->destroy(); -EADDRINUSE when another process serves the
 *     path; -errno.
 */
int transport_vhost_user_create(
	struct transport **t, const char *path, bool server, char *why, size_t why_bytes);

#endif
