/* SPDX-License-Identifier: BSD-3-Clause */
#include "port.h"

#include "datapath/fdb.h"
#include "datapath/idle.h"
#include "datapath/policy.h"
#include "datapath/worker.h"
#include "main_wake.h"
#include "net/vnet_features.h"
#include "net/vnet_offload.h"

#include <rte_errno.h>
#include <rte_malloc.h>

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

struct port *port_table[PORT_MAX];

/* Serialises what changes port_table or what workers see: main and the vhost event thread. */
static pthread_mutex_t publish_lock = PTHREAD_MUTEX_INITIALIZER;

/* Between what looks at a ring's fault and what wipes it out. */
static pthread_mutex_t fault_lock = PTHREAD_MUTEX_INITIALIZER;

static void
publish(struct port *port)
{
	pthread_mutex_lock(&publish_lock);
	workers_publish(port);
	pthread_mutex_unlock(&publish_lock);
}

struct port *
port_find(const char *name)
{
	for (uint16_t id = 0; id < PORT_MAX; id++) {
		struct port *port = port_get(id);

		if (port != NULL && strcmp(port->name, name) == 0)
			return port;
	}
	return NULL;
}

struct port *
port_create(const char *name, uint16_t max_pairs)
{
	struct port *port;
	uint16_t id;

	if (max_pairs == 0 || max_pairs > PORT_PAIRS_MAX || strlen(name) >= PORT_NAME_BYTES) {
		rte_errno = EINVAL;
		return NULL;
	}
	if (port_find(name) != NULL) {
		rte_errno = EEXIST;
		return NULL;
	}
	for (id = 0; id < PORT_MAX && port_get(id) != NULL; id++)
		;
	if (id == PORT_MAX) {
		rte_errno = ENOSPC;
		return NULL;
	}
	port = rte_zmalloc("port", sizeof(*port), RTE_CACHE_LINE_SIZE);
	if (port == NULL) {
		rte_errno = ENOMEM;
		return NULL;
	}
	port->id = id;
	port->max_pairs = max_pairs;
	port->max_len = UINT32_MAX;
	strcpy(port->name, name);
	pthread_mutex_lock(&publish_lock);
	__atomic_store_n(&port_table[id], port, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&publish_lock);
	return port;
}

static void
unwatch(struct port_rxq *rxq)
{
	idle_unwatch(worker_get(rxq->worker), rxq->kick_fd);
	rxq->kick_fd = -1;
}

void
port_destroy(struct port *port)
{
	pthread_mutex_lock(&publish_lock);
	port->paused = true;
	__atomic_store_n(&port_table[port->id], NULL, __ATOMIC_RELEASE);
	workers_publish(port);
	pthread_mutex_unlock(&publish_lock);
	fdb_flush_port(port->id);
	for (uint16_t pair = 0; pair < port->max_pairs; pair++) {
		if (port->rxq[pair] != NULL)
			unwatch(port->rxq[pair]);
		rte_free(port->rxq[pair]);
		rte_free(port->txq[pair]);
	}
	policy_free(port->policy);
	steer_hash_put(port->hash);
	rte_free(port->flows);
	rte_free(port);
}

void
port_pause(struct port *port)
{
	if (port->paused)
		return;
	port->paused = true;
	publish(port);
}

void
port_resume(struct port *port)
{
	if (!port->paused)
		return;
	port->paused = false;
	publish(port);
}

void
port_link_set(struct port *port, bool up)
{
	port->link_down = !up;
	publish(port);
}

static struct port_rxq *
rxq_get(struct port *port, uint16_t pair)
{
	struct port_rxq *rxq = port->rxq[pair];

	if (rxq == NULL) {
		rxq = rte_zmalloc("rxq", sizeof(*rxq), RTE_CACHE_LINE_SIZE);
		if (rxq == NULL)
			return NULL;
		rxq->port = port;
		rxq->pair = pair;
		rxq->call_fd = -1;
		rxq->kick_fd = -1;
		rxq->worker = worker_of(port, pair);
		port->rxq[pair] = rxq;
	}
	return rxq;
}

static struct port_txq *
txq_get(struct port *port, uint16_t pair)
{
	struct port_txq *txq = port->txq[pair];

	if (txq == NULL) {
		txq = rte_zmalloc("txq", sizeof(*txq), RTE_CACHE_LINE_SIZE);
		if (txq == NULL)
			return NULL;
		rte_spinlock_init(&txq->lock);
		txq->port = port;
		txq->pair = pair;
		txq->call_fd = -1;
		port->txq[pair] = txq;
	}
	return txq;
}

static void
ring_broke(const struct virtq_device *q __rte_unused)
{
	main_wake();
}

static void
device_start(struct virtq_device *q, const struct virtq *vq, const struct port *port,
	const struct port_ring *conf)
{
	struct virtq_fault_info fault;

	pthread_mutex_lock(&fault_lock);
	fault = q->fault;
	virtq_device_init(q, vq, &port->mem, conf->base);
	q->fault = fault;
	virtq_device_fault_to(q, ring_broke);
	pthread_mutex_unlock(&fault_lock);
	if (conf->log != NULL)
		virtq_device_log_to(q, conf->log, conf->log_arg, conf->log_used);
	virtq_device_kicks_off(q);
}

/* Features, less the offloads that are switched off. */
static void
set_can(struct port_txq *txq)
{
	uint64_t features = txq->features;

	if (txq->port->policy != NULL)
		features &= ~VNET_CTRL_GUEST_OFFLOAD_BITS | txq->port->policy->offloads;
	__atomic_store_n(&txq->can, vnet_can(features, VNET_RECEIVE), __ATOMIC_RELAXED);
}

int
port_policy_set(struct port *port, const struct vnet_ctrl_state *state)
{
	struct policy *policy = NULL, *old = port->policy;

	if (state != NULL) {
		policy = policy_make(state);
		if (policy == NULL)
			return -ENOMEM;
	}
	port->policy = policy;
	for (uint16_t pair = 0; pair < port->max_pairs; pair++) {
		if (port->txq[pair] != NULL)
			set_can(port->txq[pair]);
	}
	publish(port);
	policy_free(old);
	return 0;
}

void
port_mtu_set(struct port *port, uint16_t mtu)
{
	uint32_t max_len = mtu == 0 ? UINT32_MAX : (uint32_t)mtu + RTE_ETHER_HDR_LEN;

	__atomic_store_n(&port->max_len, max_len, __ATOMIC_RELAXED);
	publish(port);
}

/* What a receiveq needs to be steered to. */
static bool
steering_get(struct port *port, uint16_t pair, uint64_t features)
{
	if (pair > 0 && port->flows == NULL) {
		port->flows = rte_zmalloc("flows", sizeof(*port->flows), RTE_CACHE_LINE_SIZE);
		if (port->flows == NULL)
			return false;
	}
	if ((features & virtq_bit(VIRTIO_NET_F_HASH_REPORT)) && port->hash == NULL) {
		port->hash =
			steer_hash_get(VNET_HASH_TYPES, vnet_hash_default_key, VNET_HASH_KEY_BYTES);
		if (port->hash == NULL)
			return false;
	}
	return true;
}

int
port_ring_start(struct port *port, uint32_t ring, const struct port_ring *conf)
{
	uint32_t flags = virtq_flags(conf->features) | (conf->log != NULL ? VIRTQ_LOG : 0);
	uint16_t pair = (uint16_t)(ring / 2);
	struct virtq vq;
	int ret;

	if (ring >= port_nb_rings(port))
		return -ERANGE;
	ret = virtq_init(&vq, conf->size, conf->desc, conf->avail, conf->used, flags);
	if (ret != 0)
		return ret;
	port_ring_stop(port, ring);
	if (ring == port_controlq(port)) {
		device_start(&port->ctrlq.vq, &vq, port, conf);
		port->ctrlq.call_fd = conf->call_fd;
		port->ctrlq.running = true;
		return 0;
	}
	if (ring % 2 == 1) {
		struct port_rxq *rxq = rxq_get(port, pair);

		if (rxq == NULL)
			return -ENOMEM;
		device_start(&rxq->vq, &vq, port, conf);
		rxq->hdr_bytes = vnet_hdr_bytes(conf->features);
		rxq->can = vnet_can(conf->features, VNET_TRANSMIT);
		rxq->call_fd = conf->call_fd;
		rxq->kick_fd = idle_watch(worker_get(rxq->worker), conf->kick_fd);
		rxq->kicks = false;
		rxq->discard = conf->discard;
		rxq->to = (struct port_mac_memo){0};
		rxq->from = (struct port_mac_memo){0};
		rxq->running = true;
	} else {
		struct port_txq *txq = txq_get(port, pair);

		if (txq == NULL || !steering_get(port, pair, conf->features))
			return -ENOMEM;
		device_start(&txq->vq, &vq, port, conf);
		txq->hdr_bytes = vnet_hdr_bytes(conf->features);
		txq->features = conf->features;
		set_can(txq);
		txq->merge = conf->features & virtq_bit(VIRTIO_NET_F_MRG_RXBUF);
		txq->call_fd = conf->call_fd;
		txq->running = true;
	}
	if (!port->paused)
		publish(port);
	return 0;
}

/* What the two kinds of queues have alike. */
struct ring_end {
	struct virtq_device *q;
	struct port_faults *faults;
	bool *running;
};

/* false: the ring never ran. */
static bool
ring_end(const struct port *port, uint32_t ring, struct ring_end *end)
{
	uint16_t pair = (uint16_t)(ring / 2);

	if (ring >= port_nb_rings(port))
		return false;
	if (ring == port_controlq(port)) {
		/* Writable or not as its port is, like the queues of pairs. */
		struct port_ctrlq *ctrlq = (struct port_ctrlq *)(uintptr_t)&port->ctrlq;

		*end = (struct ring_end){&ctrlq->vq, &ctrlq->faults, &ctrlq->running};
	} else if (ring % 2 == 1) {
		struct port_rxq *rxq = port->rxq[pair];

		if (rxq == NULL)
			return false;
		*end = (struct ring_end){&rxq->vq, &rxq->faults, &rxq->running};
	} else {
		struct port_txq *txq = port->txq[pair];

		if (txq == NULL)
			return false;
		*end = (struct ring_end){&txq->vq, &txq->faults, &txq->running};
	}
	return true;
}

uint16_t
port_ring_stop(struct port *port, uint32_t ring)
{
	struct ring_end end;

	if (!ring_end(port, ring, &end))
		return 0;
	if (*end.running) {
		*end.running = false;
		if (!port->paused && ring != port_controlq(port))
			publish(port);
		if (ring % 2 == 1 && ring != port_controlq(port))
			unwatch(port->rxq[ring / 2]);
	}
	return end.q->used_idx;
}

bool
port_ring_started(const struct port *port, uint32_t ring)
{
	struct ring_end end;

	return ring_end(port, ring, &end) && *end.running;
}

bool
port_any_ring_started(const struct port *port)
{
	for (uint32_t ring = 0; ring < port_nb_rings(port); ring++) {
		if (port_ring_started(port, ring))
			return true;
	}
	return false;
}

bool
port_ring_running(const struct port *port, uint32_t ring)
{
	return port_ring_started(port, ring) && (ring % 2 == 0 || !port->rxq[ring / 2]->discard);
}

/* With the lock held: a fault is counted once. */
static void
count_fault(const struct ring_end *end)
{
	struct port_faults *f = end->faults;
	uint16_t fault = __atomic_load_n(&end->q->fault.fault, __ATOMIC_ACQUIRE);

	if (fault == VIRTQ_FAULT_NONE || f->standing)
		return;
	f->standing = true;
	f->last = end->q->fault;
	f->total++;
	f->by[fault]++;
}

void
port_ring_reset(struct port *port, uint32_t ring)
{
	struct ring_end end;

	if (!ring_end(port, ring, &end))
		return;
	pthread_mutex_lock(&fault_lock);
	count_fault(&end);
	end.faults->standing = false;
	end.q->fault = (struct virtq_fault_info){0};
	pthread_mutex_unlock(&fault_lock);
}

const struct virtq_fault_info *
port_ring_fault(const struct port *port, uint32_t ring)
{
	struct ring_end end;

	return ring_end(port, ring, &end) && virtq_device_broken(end.q) ? &end.q->fault : NULL;
}

bool
port_ring_faults(const struct port *port, uint32_t ring, struct port_faults *faults)
{
	struct ring_end end;

	if (!ring_end(port, ring, &end))
		return false;
	pthread_mutex_lock(&fault_lock);
	count_fault(&end);
	*faults = *end.faults;
	pthread_mutex_unlock(&fault_lock);
	return faults->total != 0;
}

const char *
port_ring_name(const struct port *port, uint32_t ring, char *text)
{
	if (ring == port_controlq(port))
		return strcpy(text, "controlq");
	snprintf(text, PORT_RING_NAME_BYTES, "%s %" PRIu32,
		ring % 2 == 1 ? "transmitq" : "receiveq", ring / 2);
	return text;
}
