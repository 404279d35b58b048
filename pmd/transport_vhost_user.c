/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vhost-user frontend. Every request is followed up: by its reply, by an acknowledgement where
 * REPLY_ACK was negotiated, and where it matters by a GET_FEATURES that comes back only after it.
 */
#include "net/vnet_features.h"
#include "transport.h"
#include "vhost_user_mem.h"
#include "vhost_user_request.h"

#include <rte_common.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define PROTOCOL_FEATURES \
	(virtq_bit(VHOST_USER_PROTOCOL_F_MQ) | virtq_bit(VHOST_USER_PROTOCOL_F_REPLY_ACK) | \
		virtq_bit(VHOST_USER_PROTOCOL_F_NET_MTU) | \
		virtq_bit(VHOST_USER_PROTOCOL_F_STATUS) | virtq_bit(VHOST_USER_PROTOCOL_F_CONFIG))
/* With CONFIG only: changes of config space are all that is told there. */
#define PROTOCOL_FEATURES_CONFIG virtq_bit(VHOST_USER_PROTOCOL_F_BACKEND_REQ)

static struct vhost_user *
vhost_user(struct transport *t)
{
	return container_of(t, struct vhost_user, t);
}

/*
 * Connection.
 */

static int
op_attach(struct transport *t)
{
	struct vhost_user *v = vhost_user(t);
	int ret = vhost_user_sock_attach(&v->sock, t->error, sizeof(t->error));

	if (ret != 0)
		return ret;
	v->extended = false;
	v->protocol = 0;
	t->attached = true;
	return 0;
}

static int
op_event_fd(const struct transport *t, short *events)
{
	const struct vhost_user *v = container_of(t, const struct vhost_user, t);

	return vhost_user_sock_event_fd(&v->sock, events);
}

static int
op_change_fd(const struct transport *t)
{
	return container_of(t, const struct vhost_user, t)->events.fd;
}

static int
op_changes(struct transport *t)
{
	struct vhost_user *v = vhost_user(t);
	int ret = v->events.fd < 0 ? 0 : vhost_user_events_take(&v->events);

	return ret < 0 ? vhost_user_fail(v, ret,
				 "backend %s; changes of its config space are not "
				 "seen any more",
				 ret == -ECONNRESET ? "closed its channel"
						    : "sent garbage on its channel")
		       : ret;
}

static bool
op_alive(struct transport *t)
{
	struct vhost_user *v = vhost_user(t);

	if (!vhost_user_sock_usable(&v->sock))
		return false;
	if (!vhost_user_sock_hung_up(&v->sock))
		return true;
	vhost_user_fail(v, 0, "backend hung up");
	return false;
}

static void
op_drop(struct transport *t)
{
	vhost_user_sock_drop(&vhost_user(t)->sock);
}

static void
op_detach(struct transport *t)
{
	struct vhost_user *v = vhost_user(t);

	vhost_user_sock_detach(&v->sock);
	vhost_user_events_close(&v->events);
	t->attached = false;
}

static void
op_destroy(struct transport *t)
{
	struct vhost_user *v = vhost_user(t);

	vhost_user_events_close(&v->events);
	vhost_user_sock_close(&v->sock);
	free(v);
}

static void
op_begin(struct transport *t)
{
	vhost_user(t)->deadline_ms = vhost_user_now_ms() + vhost_user_sequence_ms;
}

/*
 * Requests.
 */

/* A backend that does not take it tells nothing, and is as good as before. */
static int
channel_set(struct vhost_user *v)
{
	struct vhost_user_msg msg = {.request = VHOST_USER_SET_BACKEND_REQ_FD};
	int theirs = -1;
	int ret = vhost_user_events_open(&v->events, &theirs);

	if (ret != 0)
		return vhost_user_fail(v, ret, "no channel for the backend: %s", strerror(-ret));
	ret = vhost_user_set(v, &msg, &theirs, 1);
	close(theirs);
	if (ret == -EREMOTEIO) {
		vhost_user_events_close(&v->events);
		ret = 0;
	}
	return ret;
}

static int
op_features_get(struct transport *t, uint64_t *features, uint32_t *pairs_max)
{
	struct vhost_user *v = vhost_user(t);
	struct vhost_user_msg owner = {.request = VHOST_USER_SET_OWNER};
	uint64_t pairs = 1;
	uint64_t offered;
	int ret = vhost_user_get_u64(v, VHOST_USER_GET_FEATURES, features);

	if (ret != 0)
		return ret;
	v->extended = *features & virtq_bit(VHOST_USER_F_PROTOCOL_FEATURES);
	if (v->extended) {
		ret = vhost_user_get_u64(v, VHOST_USER_GET_PROTOCOL_FEATURES, &offered);
		if (ret != 0)
			return ret;
		if (offered & virtq_bit(VHOST_USER_PROTOCOL_F_CONFIG))
			offered &= PROTOCOL_FEATURES | PROTOCOL_FEATURES_CONFIG;
		else
			offered &= PROTOCOL_FEATURES;
		ret = vhost_user_set_u64(v, VHOST_USER_SET_PROTOCOL_FEATURES, offered);
		if (ret != 0)
			return ret;
		v->protocol = offered;
	}
	ret = vhost_user_set(v, &owner, NULL, 0);
	if (ret == 0 && vhost_user_has(v, VHOST_USER_PROTOCOL_F_MQ))
		ret = vhost_user_get_u64(v, VHOST_USER_GET_QUEUE_NUM, &pairs);
	if (ret == 0 && vhost_user_has(v, VHOST_USER_PROTOCOL_F_BACKEND_REQ))
		ret = channel_set(v);
	/* With CONFIG a backend may show more than to a frontend that has not asked for it. */
	if (ret == 0 && vhost_user_has(v, VHOST_USER_PROTOCOL_F_CONFIG))
		ret = vhost_user_get_u64(v, VHOST_USER_GET_FEATURES, features);
	*pairs_max = (uint32_t)RTE_MIN(pairs, UINT64_C(0x8000));
	return ret;
}

static uint64_t
op_features_own(const struct transport *t)
{
	const struct vhost_user *v = container_of(t, const struct vhost_user, t);

	return v->extended ? virtq_bit(VHOST_USER_F_PROTOCOL_FEATURES) : 0;
}

static int
op_features_set(struct transport *t, uint64_t features)
{
	return vhost_user_set_u64(vhost_user(t), VHOST_USER_SET_FEATURES, features);
}

static int
op_status_set(struct transport *t, uint8_t status)
{
	struct vhost_user *v = vhost_user(t);

	if (!vhost_user_has(v, VHOST_USER_PROTOCOL_F_STATUS))
		return -ENOTSUP;
	return vhost_user_set_u64(v, VHOST_USER_SET_STATUS, status);
}

static int
op_status_get(struct transport *t, uint8_t *status)
{
	struct vhost_user *v = vhost_user(t);
	uint64_t value;
	int ret;

	if (!vhost_user_has(v, VHOST_USER_PROTOCOL_F_STATUS))
		return -ENOTSUP;
	ret = vhost_user_get_u64(v, VHOST_USER_GET_STATUS, &value);
	if (ret == 0)
		*status = (uint8_t)value;
	return ret;
}

static int
op_config_get(struct transport *t, uint32_t offset, void *buf, uint32_t bytes)
{
	struct vhost_user *v = vhost_user(t);
	const uint32_t head = offsetof(struct vhost_user_config, region);
	struct vhost_user_msg msg = {
		.request = VHOST_USER_GET_CONFIG,
		.bytes = head + bytes,
		.payload.config = {.offset = offset, .bytes = bytes},
	};
	int ret;

	if (!vhost_user_has(v, VHOST_USER_PROTOCOL_F_CONFIG) || bytes > VHOST_USER_CONFIG_MAX)
		return -ENOTSUP;
	ret = vhost_user_ask(v, &msg, NULL, 0);
	if (ret == 0)
		ret = vhost_user_answer(v, &msg, 0);
	/* Nothing is the answer of one that has no such bytes. */
	if (ret == 0 && (msg.bytes == 0 || (msg.bytes >= head && msg.payload.config.bytes == 0)))
		return -ENOTSUP;
	if (ret == 0 && (msg.bytes < head + bytes || msg.payload.config.bytes != bytes ||
				msg.payload.config.offset != offset))
		return vhost_user_fail(
			v, -EPROTO, "backend sent other bytes of config space than were asked for");
	if (ret == 0)
		memcpy(buf, msg.payload.config.region, bytes);
	return ret;
}

static bool
op_mtu_wanted(const struct transport *t)
{
	const struct vhost_user *v = container_of(t, const struct vhost_user, t);

	return vhost_user_has(v, VHOST_USER_PROTOCOL_F_NET_MTU);
}

static int
op_mtu_set(struct transport *t, uint16_t mtu)
{
	return vhost_user_set_u64(vhost_user(t), VHOST_USER_NET_SET_MTU, mtu);
}

static int
op_memory_check(char *why, size_t why_bytes)
{
	struct vhost_user_mem mem;

	return vhost_user_mem_build(&mem, NULL, 0, why, why_bytes);
}

static int
op_memory_set(struct transport *t, const void *without, size_t bytes)
{
	struct vhost_user *v = vhost_user(t);
	struct vhost_user_mem mem;
	struct vhost_user_msg msg = {.request = VHOST_USER_SET_MEM_TABLE};
	int ret = vhost_user_mem_build(&mem, without, bytes, v->t.error, sizeof(v->t.error));

	if (ret != 0)
		return ret;
	msg.payload.table = mem.table;
	msg.bytes = offsetof(struct vhost_user_table, regions) +
		    mem.table.nb_regions * sizeof(struct vhost_user_region);
	ret = vhost_user_set(v, &msg, mem.fds, mem.table.nb_regions);
	return ret == 0 ? vhost_user_barrier(v) : ret;
}

static int
op_queue_set(struct transport *t, const struct transport_queue *q)
{
	struct vhost_user *v = vhost_user(t);
	struct vhost_user_msg addr = {
		.request = VHOST_USER_SET_VRING_ADDR,
		.bytes = sizeof(addr.payload.addr),
		.payload.addr =
			{
				.index = q->index,
				.desc = (uintptr_t)q->vq->desc,
				.used = (uintptr_t)q->vq->used,
				.avail = (uintptr_t)q->vq->avail,
			},
	};
	int ret = vhost_user_set_state(v, VHOST_USER_SET_VRING_NUM, q->index, q->vq->size);

	if (ret == 0)
		ret = vhost_user_set_state(v, VHOST_USER_SET_VRING_BASE, q->index, q->base);
	if (ret == 0)
		ret = vhost_user_set(v, &addr, NULL, 0);
	if (ret == 0)
		ret = vhost_user_set_fd(v, VHOST_USER_SET_VRING_CALL, q->index, q->call_fd);
	/* Last: it starts the ring. */
	if (ret == 0)
		ret = vhost_user_set_fd(v, VHOST_USER_SET_VRING_KICK, q->index, q->kick_fd);
	return ret;
}

static int
op_queue_enable(struct transport *t, uint32_t index, bool on)
{
	struct vhost_user *v = vhost_user(t);

	/* Without the extension rings are enabled from their start on. */
	if (!v->extended)
		return 0;
	return vhost_user_set_state(v, VHOST_USER_SET_VRING_ENABLE, index, on);
}

static int
op_queue_reset(struct transport *t, uint32_t index)
{
	struct vhost_user *v = vhost_user(t);
	struct vhost_user_msg msg = {
		.request = VHOST_USER_GET_VRING_BASE,
		.bytes = sizeof(msg.payload.state),
		.payload.state = {index, 0},
	};
	int ret = vhost_user_ask(v, &msg, NULL, 0);

	return ret == 0 ? vhost_user_answer(v, &msg, sizeof(msg.payload.state)) : ret;
}

static int
op_sync(struct transport *t)
{
	return vhost_user_barrier(vhost_user(t));
}

static void
op_notify(struct transport *t, const struct transport_queue *q)
{
	RTE_SET_USED(t);
	/* A full counter is a kick that waits already. */
	(void)!eventfd_write(q->kick_fd, 1);
}

static const struct transport_ops vhost_user_ops = {
	.name = "vhost-user",
	.attach = op_attach,
	.event_fd = op_event_fd,
	.change_fd = op_change_fd,
	.changes = op_changes,
	.alive = op_alive,
	.drop = op_drop,
	.detach = op_detach,
	.destroy = op_destroy,
	.begin = op_begin,
	.features_get = op_features_get,
	.features_own = op_features_own,
	.features_set = op_features_set,
	.status_set = op_status_set,
	.status_get = op_status_get,
	.config_get = op_config_get,
	.mtu_wanted = op_mtu_wanted,
	.mtu_set = op_mtu_set,
	.memory_check = op_memory_check,
	.memory_set = op_memory_set,
	.queue_set = op_queue_set,
	.queue_enable = op_queue_enable,
	.queue_reset = op_queue_reset,
	.sync = op_sync,
	.notify = op_notify,
};

int
transport_vhost_user_create(
	struct transport **t, const char *path, bool server, char *why, size_t why_bytes)
{
	struct vhost_user *v = calloc(1, sizeof(*v));
	int ret;

	if (v == NULL) {
		snprintf(why, why_bytes, "out of memory");
		return -ENOMEM;
	}
	v->t.ops = &vhost_user_ops;
	v->events.fd = -1;
	ret = vhost_user_sock_open(&v->sock, path, server, why, why_bytes);
	if (ret != 0) {
		free(v);
		return ret;
	}
	*t = &v->t;
	return 0;
}
