/* SPDX-License-Identifier: BSD-3-Clause */
#include "vhost_session.h"

#include "datapath/fdb.h"
#include "device_config.h"
#include "message_filter.h"
#include "vhost_bus.h"
#include "vhost_control.h"
#include "vhost_rings.h"

#include <rte_errno.h>
#include <rte_vhost.h>

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STATUS_DRIVER_OK 4u

/* By the library's handle, and all of them by path. Short lock, never held across library calls. */
static struct port_vhost *by_vid[RTE_MAX_VHOST_DEVICE];
static struct port_vhost *all[PORT_MAX];
static pthread_mutex_t index_lock = PTHREAD_MUTEX_INITIALIZER;

/* The port of a connection, locked; NULL when it has none any more. */
static struct port_vhost *
vhost_get(int vid)
{
	struct port_vhost *pv = NULL;

	if (vid < 0 || vid >= RTE_MAX_VHOST_DEVICE)
		return NULL;
	pthread_mutex_lock(&index_lock);
	pv = by_vid[vid];
	pthread_mutex_unlock(&index_lock);
	if (pv == NULL)
		return NULL;
	/* It lives until unregister has returned, and that waits for the callback we are in. */
	pthread_mutex_lock(&pv->lock);
	if (pv->closing || pv->vid != vid) {
		pthread_mutex_unlock(&pv->lock);
		return NULL;
	}
	return pv;
}

static void
vhost_put(struct port_vhost *pv)
{
	pthread_mutex_unlock(&pv->lock);
}

/* Before the library works on a message: take away from the workers what it is going to change. */
static void
before(struct port_vhost *pv, const struct vhost_message *msg)
{
	int64_t ring = vhost_msg_ring_index(msg);
	uint32_t own = ring < 0 ? 0 : vhost_ring_swap(pv->port, &pv->session, (uint32_t)ring);

	pv->session.pending = msg->request;
	switch (msg->request) {
	case VHOST_REQ_SET_MEM_TABLE:
		vhost_rings_stop(pv);
		vhost_bus_forget(pv->port);
		pv->port->mem.nb_regions = 0;
		break;
	case VHOST_REQ_SET_VRING_ERR:
		vhost_ring_set_err(pv, msg);
		break;
	case VHOST_REQ_GET_VRING_BASE:
		pv->session.kicked[ring] = false;
		vhost_ring_stop(pv, (uint32_t)ring);
		port_ring_reset(pv->port, own);
		break;
	case VHOST_REQ_SET_VRING_ADDR:
	case VHOST_REQ_SET_VRING_KICK:
	case VHOST_REQ_SET_VRING_CALL:
		if (port_ring_started(pv->port, own)) {
			port_pause(pv->port);
			vhost_ring_stop(pv, (uint32_t)ring);
		}
		break;
	default:
		break;
	}
}

/* Rings are stopped. */
static void
drop_log(struct port_vhost *pv)
{
	vhost_bus_watch_log(pv->port, NULL, 0);
	vhost_log_unmap(&pv->log);
}

/* After the library succeeded. Says whether other rings than before may run now. */
static bool
after(struct port_vhost *pv, const struct vhost_message *msg)
{
	struct vhost_session *s = &pv->session;
	uint32_t ring;
	bool reset;

	switch (msg->request) {
	case VHOST_REQ_SET_FEATURES:
		/* Without STATUS this is what says that a driver begins. */
		reset = !port_any_ring_started(pv->port);
		if ((s->features ^ msg->payload.u64) & (UINT64_C(1) << VHOST_F_LOG_ALL_BIT))
			vhost_rings_stop(pv);
		s->features = msg->payload.u64;
		s->features_accepted = true;
		if (reset)
			vhost_control_reset(pv);
		return true;
	case VHOST_REQ_SET_PROTOCOL_FEATURES:
		reset = s->protocol_features != msg->payload.u64;
		s->protocol_features = msg->payload.u64;
		if (reset)
			vhost_control_reset(pv);
		return true;
	case VHOST_REQ_SET_MEM_TABLE:
		vhost_memory_load(pv);
		return true;
	case VHOST_REQ_SET_STATUS:
		reset = msg->payload.u64 == 0 || (s->status & STATUS_DRIVER_OK);
		s->status = (uint8_t)msg->payload.u64;
		if (s->status & STATUS_DRIVER_OK)
			return true;
		vhost_rings_reset(pv);
		if (reset)
			vhost_control_reset(pv);
		return true;
	case VHOST_REQ_SET_VRING_ADDR:
		s->log_used[msg->payload.addr.index] = msg->payload.addr.flags & VHOST_VRING_LOG
							       ? msg->payload.addr.log
							       : VHOST_LOG_NOWHERE;
		return true;
	case VHOST_REQ_SET_VRING_KICK:
		ring = (uint32_t)vhost_msg_ring_index(msg);
		s->kicked[ring] = true;
		vhost_control_kicked(pv, ring);
		return true;
	case VHOST_REQ_SET_VRING_CALL:
		return true;
	case VHOST_REQ_SET_VRING_ENABLE:
		ring = msg->payload.ring.index;
		s->enabled[ring] = msg->payload.ring.value != 0;
		/* The library says so, too, but later. */
		s->on[ring] = s->enabled[ring] && (s->on[ring] || s->held[ring]);
		s->held[ring] = false;
		return true;
	case VHOST_REQ_NET_SET_MTU:
		s->mtu = (uint16_t)msg->payload.u64;
		return false;
	default:
		return false;
	}
}

/* A message whose second half never came: the library failed. */
static void
failed(struct port_vhost *pv)
{
	vhost_complain(pv, "%s failed", vhost_request_name(pv->session.pending));
	if (pv->session.pending == VHOST_REQ_SET_MEM_TABLE) {
		/* Neither table can be relied on now. */
		vhost_rings_stop(pv);
		vhost_memory_drop(pv);
	}
	pv->session.pending = 0;
	vhost_rings_sync(pv);
	port_resume(pv->port);
}

static enum rte_vhost_msg_result
hang_up_on(struct vhost_message *msg)
{
	vhost_msg_close_fds(msg);
	msg->flags &= ~VHOST_MSG_NEED_REPLY;
	return RTE_VHOST_MSG_RESULT_ERR;
}

/* The frontend took memory back while it was in use: whatever it says, it has to come again. */
static bool
memory_lost(struct port_vhost *pv)
{
	if (!vhost_bus_hit(pv->port))
		return false;
	if (pv->port->mem.nb_regions != 0) {
		vhost_complain(
			pv, "its memory was cut short while in use: stopped until it reconnects");
		vhost_rings_stop(pv);
		vhost_memory_drop(pv);
		port_resume(pv->port);
	}
	return true;
}

/*
 * Deprecated; what the protocol recommends is to disable all rings. The library need not know: it
 * reports the next change of a ring, and until then SET_VRING_ENABLE brings it back.
 */
static enum rte_vhost_msg_result
reset_owner(struct port_vhost *pv)
{
	struct vhost_session *s = &pv->session;

	vhost_rings_reset(pv);
	for (uint32_t ring = 0; ring < VHOST_RINGS_MAX; ring++) {
		s->held[ring] |= s->on[ring];
		s->on[ring] = false;
		s->kicked[ring] = false;
	}
	vhost_control_reset(pv);
	port_resume(pv->port);
	return RTE_VHOST_MSG_RESULT_OK;
}

/* Ours alone: QEMU expects an answer without payload. */
static enum rte_vhost_msg_result
set_log(struct port_vhost *pv, struct vhost_message *msg)
{
	int rc;

	port_pause(pv->port);
	vhost_bus_watch_log(pv->port, NULL, 0);
	rc = vhost_log_map(&pv->log, msg);
	vhost_bus_watch_log(pv->port, pv->log.bitmap, pv->log.bytes);
	port_resume(pv->port);
	if (rc != 0) {
		vhost_complain(pv, "SET_LOG_BASE failed: %s", strerror(-rc));
		return RTE_VHOST_MSG_RESULT_ERR;
	}
	msg->size = 0;
	return RTE_VHOST_MSG_RESULT_REPLY;
}

static enum rte_vhost_msg_result
pre_message(int vid, void *arg)
{
	struct port_vhost *pv = vhost_get(vid);
	struct vhost_message *msg = arg;
	enum rte_vhost_msg_result result = RTE_VHOST_MSG_RESULT_NOT_HANDLED;
	enum filter_verdict verdict;
	char why[FILTER_WHY_BYTES];

	if (pv == NULL)
		return hang_up_on(msg); /* the port is being removed */
	if (memory_lost(pv)) {
		vhost_put(pv);
		return hang_up_on(msg);
	}
	vhost_bus_working_on(pv->port);
	if (pv->session.pending != 0)
		failed(pv);
	verdict = message_filter(pv->port, &pv->session, msg, why);
	if (verdict == FILTER_REFUSED) {
		pv->refused++;
		if (msg->request == VHOST_REQ_SET_FEATURES)
			pv->session.features_accepted = false;
		vhost_complain(pv, "%s refused: %s", vhost_request_name(msg->request), why);
		result = RTE_VHOST_MSG_RESULT_ERR;
	} else if (verdict == FILTER_ANSWERED) {
		result = RTE_VHOST_MSG_RESULT_REPLY;
	} else if (msg->request == VHOST_REQ_SET_LOG_BASE) {
		result = set_log(pv, msg);
	} else if (msg->request == VHOST_REQ_SET_BACKEND_REQ_FD) {
		device_channel_set(pv, msg);
		result = RTE_VHOST_MSG_RESULT_OK;
	} else if (msg->request == VHOST_REQ_RESET_OWNER) {
		result = reset_owner(pv);
	} else {
		before(pv, msg);
	}
	vhost_put(pv);
	return result;
}

static enum rte_vhost_msg_result
post_message(int vid, void *arg)
{
	struct port_vhost *pv = vhost_get(vid);
	const struct vhost_message *msg = arg;

	/* Also called for what the filter answered. */
	if (pv == NULL)
		return RTE_VHOST_MSG_RESULT_NOT_HANDLED;
	if (pv->session.pending == msg->request) {
		pv->session.pending = 0;
		if (after(pv, msg))
			vhost_rings_sync(pv);
		port_resume(pv->port);
	}
	vhost_put(pv);
	return RTE_VHOST_MSG_RESULT_NOT_HANDLED;
}

static int
ring_state_changed(int vid, uint16_t ring, int on)
{
	struct port_vhost *pv = vhost_get(vid);

	if (pv == NULL)
		return 0;
	if (ring < port_nb_rings(pv->port)) {
		pv->session.on[ring] = on != 0;
		pv->session.held[ring] = false;
		vhost_ring_sync(pv, ring);
	}
	vhost_put(pv);
	return 0;
}

/* With index_lock held. */
static struct port_vhost *
find(const char *path)
{
	for (uint32_t i = 0; i < PORT_MAX; i++) {
		if (all[i] != NULL && strcmp(all[i]->path, path) == 0)
			return all[i];
	}
	return NULL;
}

struct port_vhost *
vhost_session_find(const char *path)
{
	struct port_vhost *pv;

	pthread_mutex_lock(&index_lock);
	pv = find(path);
	pthread_mutex_unlock(&index_lock);
	return pv;
}

bool
vhost_session_port_name(const char *path, bool client, char *name)
{
	const struct port_vhost *pv;

	/* The port stays as long as the lock is held: it is taken off the list first. */
	pthread_mutex_lock(&index_lock);
	pv = find(path);
	if (pv != NULL && pv->client == client)
		strcpy(name, pv->port->name);
	else
		pv = NULL;
	pthread_mutex_unlock(&index_lock);
	return pv != NULL;
}

void
vhost_session_allow(struct port_vhost *pv)
{
	pthread_mutex_lock(&index_lock);
	all[pv->port->id] = pv;
	pthread_mutex_unlock(&index_lock);
}

void
vhost_session_forbid(struct port_vhost *pv)
{
	pthread_mutex_lock(&index_lock);
	all[pv->port->id] = NULL;
	pthread_mutex_unlock(&index_lock);
}

static struct rte_vhost_user_extern_ops message_ops = {
	.pre_msg_handle = pre_message,
	.post_msg_handle = post_message,
};

/* The first client of a path has the port, others are turned away. */
static int
take(struct port_vhost *pv, int vid)
{
	int rc = -1;

	pthread_mutex_lock(&pv->lock);
	if (pv->vid >= 0) {
		vhost_complain(pv, "another frontend was turned away: %s is in use", pv->path);
	} else if (!pv->closing &&
		   rte_vhost_extern_callback_register(vid, &message_ops, NULL) == 0) {
		memset(&pv->session, 0, sizeof(pv->session));
		pv->vid = vid;
		pv->connections++;
		pthread_mutex_lock(&index_lock);
		by_vid[vid] = pv;
		pthread_mutex_unlock(&index_lock);
		CONTROL_LOG(NOTICE, "port %s: connected", pv->port->name);
		rc = 0;
	}
	pthread_mutex_unlock(&pv->lock);
	return rc;
}

static int
new_connection(int vid)
{
	char path[VHOST_PATH_BYTES];
	struct port_vhost *pv;

	if (vid < 0 || vid >= RTE_MAX_VHOST_DEVICE ||
		rte_vhost_get_ifname(vid, path, sizeof(path)) != 0)
		return -1;
	pv = vhost_session_find(path);
	return pv == NULL ? -1 : take(pv, vid);
}

/* With the lock held: nothing of the frontend is touched any more. */
static void
hang_up(struct port_vhost *pv)
{
	vhost_rings_reset(pv);
	vhost_memory_drop(pv);
	vhost_rings_drop_err(pv);
	device_channel_drop(pv);
	drop_log(pv);
	memset(&pv->session, 0, sizeof(pv->session));
	vhost_control_reset(pv);
	port_resume(pv->port);
	/* Whoever turns up elsewhere with these addresses is found by flooding. */
	fdb_flush_port(pv->port->id);
	pthread_mutex_lock(&index_lock);
	if (pv->vid >= 0)
		by_vid[pv->vid] = NULL;
	pthread_mutex_unlock(&index_lock);
	pv->vid = -1;
	vhost_bus_clear(pv->port);
}

static void
destroy_connection(int vid)
{
	struct port_vhost *pv = vhost_get(vid);

	if (pv == NULL)
		return;
	hang_up(pv);
	vhost_bus_working_on(NULL);
	CONTROL_LOG(NOTICE, "port %s: disconnected", pv->port->name);
	vhost_put(pv);
}

static int
new_device(int vid __rte_unused)
{
	return 0; /* see port_vhost.h */
}

static void
destroy_device(int vid __rte_unused)
{
}

const struct rte_vhost_device_ops vhost_session_ops = {
	.new_device = new_device,
	.destroy_device = destroy_device,
	.vring_state_changed = ring_state_changed,
	.new_connection = new_connection,
	.destroy_connection = destroy_connection,
};

void
vhost_session_close(struct port_vhost *pv)
{
	pthread_mutex_lock(&pv->lock);
	pv->closing = true;
	hang_up(pv);
	pthread_mutex_unlock(&pv->lock);
}

void
vhost_session_check(struct port_vhost *pv)
{
	if (!vhost_bus_hit(pv->port))
		return;
	pthread_mutex_lock(&pv->lock);
	if (!pv->closing && pv->vid >= 0)
		memory_lost(pv);
	pthread_mutex_unlock(&pv->lock);
}
