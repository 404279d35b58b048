/* SPDX-License-Identifier: BSD-3-Clause */
#include "message_filter.h"

#include "device_config.h"
#include "feature_filter.h"
#include "memory_filter.h"
#include "net/vnet_features.h"
#include "vhost_control.h"

#include <rte_common.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define ANON_EVENTFD "anon_inode:[eventfd]"
#define STATUS_FEATURES_OK 8u
#define STATUS_NEEDS_RESET 64u
#define NO_FEATURE 0xff /* always part of the protocol */

/* How many descriptors a message carries. */
enum fds {
	FDS_NONE,
	FDS_EVENT,
	FDS_FILE,
	FDS_SOCKET,
	FDS_REGIONS
};

/* How it names a ring. */
enum ring_by {
	RING_NONE,
	RING_STATE,
	RING_FILE
};

/* A message that we know; requests without an entry are refused. */
struct known {
	const char *name;
	bool accepted;
	uint8_t needs;     /* protocol feature that has to be acknowledged first */
	uint16_t min_size; /* of the payload */
	enum fds fds;
	enum ring_by ring;
};

#define U64 sizeof(uint64_t)
#define RING sizeof(struct vhost_msg_ring)
#define ADDR sizeof(struct vhost_msg_addr)
#define LOG sizeof(struct vhost_msg_log)
#define CONFIG VHOST_MSG_CONFIG_HEADER
#define TABLE offsetof(struct vhost_msg_memory, regions)

static const struct known known[VHOST_REQ_MAX] = {
#define KNOWN_NAME(name_, number) [number] = {.name = #name_},
	VHOST_REQUESTS(KNOWN_NAME)
#undef KNOWN_NAME
};

#define ACCEPT(name, needs, size, fds, ring) \
	[VHOST_REQ_##name] = {#name, true, needs, size, fds, ring}

static const struct known accepted[VHOST_REQ_MAX] = {
	ACCEPT(GET_FEATURES, NO_FEATURE, 0, FDS_NONE, RING_NONE),
	ACCEPT(SET_FEATURES, NO_FEATURE, U64, FDS_NONE, RING_NONE),
	ACCEPT(SET_OWNER, NO_FEATURE, 0, FDS_NONE, RING_NONE),
	ACCEPT(RESET_OWNER, NO_FEATURE, 0, FDS_NONE, RING_NONE),
	ACCEPT(SET_MEM_TABLE, NO_FEATURE, TABLE, FDS_REGIONS, RING_NONE),
	ACCEPT(SET_LOG_BASE, VHOST_PROTOCOL_F_LOG_SHMFD, LOG, FDS_FILE, RING_NONE),
	ACCEPT(SET_VRING_NUM, NO_FEATURE, RING, FDS_NONE, RING_STATE),
	ACCEPT(SET_VRING_ADDR, NO_FEATURE, ADDR, FDS_NONE, RING_STATE),
	ACCEPT(SET_VRING_BASE, NO_FEATURE, RING, FDS_NONE, RING_STATE),
	ACCEPT(GET_VRING_BASE, NO_FEATURE, RING, FDS_NONE, RING_STATE),
	ACCEPT(SET_VRING_KICK, NO_FEATURE, U64, FDS_EVENT, RING_FILE),
	ACCEPT(SET_VRING_CALL, NO_FEATURE, U64, FDS_EVENT, RING_FILE),
	ACCEPT(SET_VRING_ERR, NO_FEATURE, U64, FDS_EVENT, RING_FILE),
	ACCEPT(GET_PROTOCOL_FEATURES, NO_FEATURE, 0, FDS_NONE, RING_NONE),
	ACCEPT(SET_PROTOCOL_FEATURES, NO_FEATURE, U64, FDS_NONE, RING_NONE),
	ACCEPT(GET_QUEUE_NUM, VHOST_PROTOCOL_F_MQ, 0, FDS_NONE, RING_NONE),
	ACCEPT(SET_VRING_ENABLE, NO_FEATURE, RING, FDS_NONE, RING_STATE),
	ACCEPT(NET_SET_MTU, VHOST_PROTOCOL_F_NET_MTU, U64, FDS_NONE, RING_NONE),
	ACCEPT(SET_BACKEND_REQ_FD, VHOST_PROTOCOL_F_BACKEND_REQ, 0, FDS_SOCKET, RING_NONE),
	ACCEPT(GET_CONFIG, VHOST_PROTOCOL_F_CONFIG, CONFIG, FDS_NONE, RING_NONE),
	ACCEPT(SET_CONFIG, VHOST_PROTOCOL_F_CONFIG, CONFIG, FDS_NONE, RING_NONE),
	ACCEPT(SET_STATUS, VHOST_PROTOCOL_F_STATUS, U64, FDS_NONE, RING_NONE),
	ACCEPT(GET_STATUS, VHOST_PROTOCOL_F_STATUS, 0, FDS_NONE, RING_NONE),
};

const char *
vhost_request_name(uint32_t request)
{
	static __thread char text[sizeof("request 4294967295")];

	if (request < VHOST_REQ_MAX && known[request].name != NULL)
		return known[request].name;
	snprintf(text, sizeof(text), "request %" PRIu32, request);
	return text;
}

int64_t
vhost_msg_ring_index(const struct vhost_message *msg)
{
	if (msg->request >= VHOST_REQ_MAX)
		return -1;
	switch (accepted[msg->request].ring) {
	case RING_STATE:
		return msg->payload.ring.index;
	case RING_FILE:
		return (int64_t)(msg->payload.u64 & VHOST_VRING_INDEX_MASK);
	default:
		return -1;
	}
}

void
vhost_msg_close_fds(struct vhost_message *msg)
{
	for (int i = 0; i < msg->nb_fds && i < VHOST_MSG_FDS_MAX; i++) {
		if (msg->fds[i] >= 0)
			close(msg->fds[i]);
		msg->fds[i] = -1;
	}
	msg->nb_fds = 0;
}

static bool
any_ring_broken(const struct port *port)
{
	for (uint32_t ring = 0; ring < port_nb_rings(port); ring++) {
		if (port_ring_fault(port, ring) != NULL)
			return true;
	}
	return false;
}

/* What every message has to have. */
static bool
check_envelope(const struct vhost_session *session, const struct vhost_message *msg, char *why)
{
	const struct known *k;

	if ((msg->flags & VHOST_MSG_VERSION_MASK) != VHOST_MSG_VERSION)
		return filter_no(why,
			"flags 0x%" PRIx32 ": version %" PRIu32 " of the protocol is not 1",
			msg->flags, msg->flags & VHOST_MSG_VERSION_MASK);
	if (msg->flags & VHOST_MSG_REPLY)
		return filter_no(
			why, "flags 0x%" PRIx32 ": a reply that nobody asked for", msg->flags);
	if (msg->request >= VHOST_REQ_MAX || !accepted[msg->request].accepted)
		return filter_no(why, "not offered by this switch");
	k = &accepted[msg->request];
	if (k->needs != NO_FEATURE && !(session->protocol_features & (UINT64_C(1) << k->needs)))
		return filter_no(why, "protocol feature bit %u was not negotiated", k->needs);
	if (msg->size < k->min_size)
		return filter_no(
			why, "payload of %" PRIu32 " bytes, needs %u", msg->size, k->min_size);
	return true;
}

static bool
check_ring(const struct port *port, const struct vhost_session *session,
	const struct vhost_message *msg, char *why)
{
	bool config = session->protocol_features & (UINT64_C(1) << VHOST_PROTOCOL_F_CONFIG);
	int64_t ring = vhost_msg_ring_index(msg);
	/* A control queue may come with the features, which may come later. */
	uint32_t nb = config ? port_nb_rings(port) : port_controlq(port);

	if (ring < 0)
		return true;
	if (accepted[msg->request].ring == RING_FILE &&
		(msg->payload.u64 & ~(uint64_t)(VHOST_VRING_INDEX_MASK | VHOST_VRING_NOFD)))
		return filter_no(why,
			"ring 0x%" PRIx64 " is beyond the 256 that the message can name",
			msg->payload.u64);
	if (ring >= nb)
		return filter_no(why,
			"ring %" PRId64 ", but the port has %u queue pair%s: rings 0 to %u (port "
			"option queues=N)",
			ring, port->max_pairs, port->max_pairs == 1 ? "" : "s", nb - 1);
	return true;
}

/* A call or kick descriptor of another kind could block or misdirect our writes. */
static bool
check_eventfd(int fd, char *why)
{
	char link[64], target[64];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, target, sizeof(target) - 1);
	if (n < 0)
		return filter_no(why, "descriptor cannot be examined: %s", strerror(errno));
	target[n] = '\0';
	if (strcmp(target, ANON_EVENTFD) != 0)
		return filter_no(why, "descriptor is not an eventfd but '%s'", target);
	return true;
}

/*
 * Where messages to the frontend go: one end of a socketpair(). The frontend's end of its own
 * connection has a name, or its peer has; held here, that would never see the frontend go.
 */
static bool
check_socket(int fd, char *why)
{
	int domain = AF_UNSPEC, type = 0;
	socklen_t bytes = sizeof(domain);
	struct sockaddr_un own, peer;
	socklen_t own_bytes = sizeof(own), peer_bytes = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &bytes) != 0 || domain != AF_UNIX ||
		getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &bytes) != 0 || type != SOCK_STREAM)
		return filter_no(why, "descriptor is no UNIX stream socket");
	if (getsockname(fd, (struct sockaddr *)&own, &own_bytes) != 0 ||
		getpeername(fd, (struct sockaddr *)&peer, &peer_bytes) != 0 ||
		own_bytes > sizeof(own.sun_family) || peer_bytes > sizeof(peer.sun_family))
		return filter_no(why, "descriptor is no end of a socket pair");
	return true;
}

static bool
check_fds(const struct vhost_message *msg, char *why)
{
	enum fds kind = accepted[msg->request].fds;
	uint32_t want = 0;

	if (kind == FDS_EVENT)
		want = msg->payload.u64 & VHOST_VRING_NOFD ? 0 : 1;
	else if (kind == FDS_FILE || kind == FDS_SOCKET)
		want = 1;
	else if (kind == FDS_REGIONS)
		want = msg->payload.memory.nb_regions;
	if (msg->nb_fds < 0 || (uint32_t)msg->nb_fds != want)
		return filter_no(why, "%d file descriptors, needs %" PRIu32, msg->nb_fds, want);
	for (uint32_t i = 0; i < want; i++) {
		if (msg->fds[i] < 0)
			return filter_no(why, "file descriptor %" PRIu32 " is missing", i);
	}
	if (kind == FDS_SOCKET)
		return check_socket(msg->fds[0], why);
	return kind != FDS_EVENT || want == 0 || check_eventfd(msg->fds[0], why);
}

static bool
check_log(const struct vhost_message *msg, char *why)
{
	const struct vhost_msg_log *l = &msg->payload.log;
	struct stat st;

	if (l->offset != 0)
		return filter_no(why, "log at offset 0x%" PRIx64 " of its file, only 0 is possible",
			l->offset);
	if (fstat(msg->fds[0], &st) != 0 || !S_ISREG(st.st_mode))
		return filter_no(why, "log is no file that can be shared");
	if (l->bytes == 0 || l->bytes > (uint64_t)st.st_size)
		return filter_no(why, "log of 0x%" PRIx64 " bytes in a file of 0x%" PRIx64,
			l->bytes, (uint64_t)st.st_size);
	return true;
}

static bool
check_num(const struct port *port, const struct vhost_session *session,
	const struct vhost_message *msg, char *why)
{
	const struct vhost_msg_ring *r = &msg->payload.ring;

	if (port_ring_started(port, vhost_ring_swap(port, session, r->index)))
		return filter_no(why, "ring %" PRIu32 " is running", r->index);
	if (virtq_size_check(r->value) != 0)
		return filter_no(why,
			"ring %" PRIu32 ": size %" PRIu32 " is not a power of 2 from 2 to 32768",
			r->index, r->value);
	return true;
}

static bool
check_base(const struct port *port, const struct vhost_session *session,
	const struct vhost_message *msg, char *why)
{
	const struct vhost_msg_ring *r = &msg->payload.ring;

	if (port_ring_started(port, vhost_ring_swap(port, session, r->index)))
		return filter_no(why, "ring %" PRIu32 " is running", r->index);
	if (r->value > UINT16_MAX)
		return filter_no(why, "ring %" PRIu32 ": position %" PRIu32 " is beyond 65535",
			r->index, r->value);
	return true;
}

static bool
check_payload(const struct port *port, struct vhost_session *session, struct vhost_message *msg,
	char *why)
{
	switch (msg->request) {
	case VHOST_REQ_SET_MEM_TABLE:
		return memory_filter_count(msg, why) && check_fds(msg, why) &&
		       memory_filter(session, msg, why);
	case VHOST_REQ_SET_LOG_BASE:
		return check_log(msg, why);
	case VHOST_REQ_SET_VRING_NUM:
		return check_num(port, session, msg, why);
	case VHOST_REQ_SET_VRING_BASE:
		return check_base(port, session, msg, why);
	case VHOST_REQ_SET_FEATURES:
		return feature_filter(port, session, msg->payload.u64, why);
	case VHOST_REQ_SET_PROTOCOL_FEATURES:
		return feature_filter_protocol(port, session, msg->payload.u64, why);
	case VHOST_REQ_SET_STATUS:
		if (msg->payload.u64 > UINT8_MAX)
			return filter_no(
				why, "status 0x%" PRIx64 " does not fit 8 bits", msg->payload.u64);
		/* The device's own, not to be kept by a driver that gives it back. */
		msg->payload.u64 &= ~(uint64_t)STATUS_NEEDS_RESET;
		/* How a driver learns that its features were refused. */
		if (!session->features_accepted)
			msg->payload.u64 &= ~(uint64_t)STATUS_FEATURES_OK;
		return true;
	case VHOST_REQ_SET_CONFIG:
		/* 5.1.4: the one field that a driver may write is the MAC of a legacy device. */
		return filter_no(why, "no field of the device's configuration can be written");
	case VHOST_REQ_NET_SET_MTU:
		if (msg->payload.u64 < VIRTIO_NET_MTU_MIN || msg->payload.u64 > UINT16_MAX)
			return filter_no(why, "MTU %" PRIu64 " is outside %d to %d",
				msg->payload.u64, VIRTIO_NET_MTU_MIN, UINT16_MAX);
		return true;
	default:
		return true;
	}
}

static enum filter_verdict
answer_u64(struct vhost_message *msg, uint64_t value)
{
	msg->payload.u64 = value;
	msg->size = sizeof(value);
	return FILTER_ANSWERED;
}

enum filter_verdict
message_filter(const struct port *port, struct vhost_session *session, struct vhost_message *msg,
	char *why)
{
	bool table = msg->request == VHOST_REQ_SET_MEM_TABLE;

	/* A table's descriptors are counted once the number of regions is known to be sane. */
	if (!check_envelope(session, msg, why) || !check_ring(port, session, msg, why) ||
		(!table && !check_fds(msg, why)) || !check_payload(port, session, msg, why)) {
		vhost_msg_close_fds(msg);
		return FILTER_REFUSED;
	}
	switch (msg->request) {
	case VHOST_REQ_GET_FEATURES:
		return answer_u64(msg, filter_features(port, session->protocol_features));
	case VHOST_REQ_GET_PROTOCOL_FEATURES:
		return answer_u64(msg, filter_protocol_features(port));
	case VHOST_REQ_GET_CONFIG:
		device_config_answer(port->backend, msg);
		return FILTER_ANSWERED;
	case VHOST_REQ_GET_STATUS:
		/* 2.1 Device Status Field: how a driver learns that it has to reset. */
		if (any_ring_broken(port))
			return answer_u64(msg, session->status | STATUS_NEEDS_RESET);
		return FILTER_PASS;
	case VHOST_REQ_GET_QUEUE_NUM:
		return answer_u64(msg, port->max_pairs);
	case VHOST_REQ_SET_VRING_CALL:
		/* A full counter must never hold a worker up. */
		if (msg->nb_fds == 1)
			fcntl(msg->fds[0], F_SETFL, fcntl(msg->fds[0], F_GETFL) | O_NONBLOCK);
		return FILTER_PASS;
	default:
		return FILTER_PASS;
	}
}
