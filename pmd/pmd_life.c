/* SPDX-License-Identifier: BSD-3-Clause */
/* The control thread of a port: finds the device, watches it, hands it the rings, for ever. */
#include "pmd_announce.h"
#include "pmd_log.h"
#include "pmd_port.h"
#include "ring/virtq_fault.h"

#include <rte_cycles.h>
#include <rte_eal_memconfig.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <rte_memory.h>

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define DEFAULT_SPEED RTE_ETH_SPEED_NUM_10G
#define CHANGE_PAUSE_US 1000

uint32_t pmd_tick_ms = 100;

void
pmd_port_lock(struct pmd_port *port)
{
	pthread_mutex_lock(&port->lock);
}

void
pmd_port_unlock(struct pmd_port *port)
{
	pthread_mutex_unlock(&port->lock);
}

void
pmd_port_lock_memory(struct pmd_port *port)
{
	rte_mcfg_mem_read_lock();
	pthread_mutex_lock(&port->lock);
}

void
pmd_port_unlock_memory(struct pmd_port *port)
{
	pthread_mutex_unlock(&port->lock);
	rte_mcfg_mem_read_unlock();
}

/* Does the running device say this about the link? VIRTIO 1.3, 5.1.4.2. */
static bool
link_has(const struct pmd_port *port, unsigned int feature)
{
	return port->state == PMD_RUNNING && (port->features & virtq_bit(feature)) != 0;
}

/* An argument is right, as with net_virtio_user; then what the device says; then a guess. */
static uint32_t
link_speed(const struct pmd_port *port)
{
	if (port->args.speed != 0)
		return port->args.speed;
	if (!link_has(port, VIRTIO_NET_F_SPEED_DUPLEX))
		return DEFAULT_SPEED;
	return port->config.speed == VIRTIO_NET_SPEED_UNKNOWN ? RTE_ETH_SPEED_NUM_UNKNOWN
							      : port->config.speed;
}

int
pmd_link_set(struct pmd_port *port)
{
	const bool half = link_has(port, VIRTIO_NET_F_SPEED_DUPLEX) &&
			  port->config.duplex == VIRTIO_NET_DUPLEX_HALF;
	const bool device_down = link_has(port, VIRTIO_NET_F_STATUS) &&
				 !(port->config.status & VIRTIO_NET_S_LINK_UP);
	const bool up = port->state == PMD_RUNNING && !port->link_down && !device_down;
	struct rte_eth_link link = {
		.link_speed = link_speed(port),
		.link_duplex = half ? RTE_ETH_LINK_HALF_DUPLEX : RTE_ETH_LINK_FULL_DUPLEX,
		.link_autoneg = RTE_ETH_LINK_FIXED,
		.link_status = up ? RTE_ETH_LINK_UP : RTE_ETH_LINK_DOWN,
	};

	return rte_eth_linkstatus_set(port->eth_dev, &link);
}

/* The device is gone, or was given up: close its connection and try again in a while. */
static void
lose(struct pmd_port *port)
{
	struct transport *t = port->transport;

	/* Given up before: counted and said already. */
	if (port->state != PMD_ABSENT) {
		pmd_count(&port->life.hang_ups);
		port->retry_ms = pmd_tick_ms;
		pmd_reason(port, RTE_LOG_NOTICE, "%s", t->error);
	}
	port->state = PMD_ABSENT;
	t->ops->detach(t);
	port->retry_at_ms = pmd_now_ms() + port->retry_ms;
}

static void
find(struct pmd_port *port)
{
	struct transport *t = port->transport;
	int ret;

	if (port->faulted || pmd_now_ms() < port->retry_at_ms)
		return;
	ret = t->ops->attach(t);
	if (ret != 0) {
		/* Said once; while one is expected back its going is the better reason. */
		if (port->life.attached == 0)
			pmd_reason(port, RTE_LOG_NOTICE, "%s", t->error);
		port->retry_at_ms = pmd_now_ms() + pmd_tick_ms;
		return;
	}
	pmd_count(&port->life.attached);
	t->ops->begin(t);
	ret = t->ops->features_get(t, &port->offered, &port->pairs_max);
	if (ret == 0)
		ret = pmd_config_attach(port);
	if (ret != 0) {
		pmd_give_up(port, ret, "%s", t->error);
		return;
	}
	port->state = PMD_ATTACHED;
}

static const struct virtq_fault_info *
broken_ring(const struct pmd_port *port, const char **what, uint16_t *id)
{
	const struct rte_eth_dev_data *data = port->eth_dev->data;

	*what = "receive";
	for (*id = 0; *id < data->nb_rx_queues; (*id)++) {
		const struct pmd_rxq *q = data->rx_queues[*id];

		if (virtq_driver_broken(&q->q))
			return &q->q.fault;
	}
	*what = "transmit";
	for (*id = 0; *id < data->nb_tx_queues; (*id)++) {
		const struct pmd_txq *q = data->tx_queues[*id];

		if (virtq_driver_broken(&q->q))
			return &q->q.fault;
	}
	*what = "control";
	*id = 0;
	return pmd_ctrl_fault(port);
}

/* Bursts say nothing; what they found is said here, once, and the device is sent away. */
static bool
check_rings(struct pmd_port *port)
{
	struct transport *t = port->transport;
	const struct virtq_fault_info *fault;
	const char *what;
	uint16_t id;

	if (!port->started || !port->fixed || port->faulted)
		return false;
	fault = broken_ring(port, &what, &id);
	if (fault == NULL)
		return false;
	port->faulted = true;
	pmd_count(&port->life.ring_faults);
	pmd_reason(port, RTE_LOG_ERR,
		"backend broke the ring of %s queue %u: %s (0x%lx at index %u); stop and start the "
		"port",
		what, id, virtq_fault_str((enum virtq_fault)fault->fault),
		(unsigned long)fault->value, fault->position);
	if (port->state == PMD_RUNNING) {
		t->ops->begin(t);
		(void)t->ops->status_set(t, VIRTIO_STATUS_FAILED);
	}
	if (t->attached)
		t->ops->drop(t);
	port->state = PMD_ABSENT;
	return true;
}

/* The device may have told of a change; without waiting. @return did it? */
static bool
check_changes(struct pmd_port *port)
{
	struct transport *t = port->transport;
	int ret;

	if (port->state == PMD_ABSENT)
		return false;
	ret = t->ops->changes(t);
	if (ret < 0)
		PMD_LOG(WARNING, "%s: %s", port->eth_dev->data->name, t->error);
	if (ret <= 0)
		return false;
	pmd_count(&port->ctrl.stats.config_changes);
	t->ops->begin(t);
	ret = pmd_config_refresh(port);
	if (ret != 0)
		pmd_give_up(port, ret, "%s", t->error);
	return true;
}

/* One round, then the events that it caused, without locks. */
static void
step(struct pmd_port *port)
{
	struct transport *t = port->transport;
	bool bring_up;
	bool fault, told;
	int changed;

	pmd_port_lock(port);
	fault = check_rings(port);
	if (t->attached && !t->ops->alive(t))
		lose(port);
	told = check_changes(port);
	pmd_announce_check(port);
	if (!t->attached)
		find(port);
	bring_up = port->state == PMD_ATTACHED && port->started;
	changed = pmd_link_set(port);
	if (port->link_event)
		changed = 0;
	port->link_event = false;
	pmd_port_unlock(port);

	if (bring_up) {
		pmd_port_lock_memory(port);
		if (port->state == PMD_ATTACHED && port->started)
			pmd_bringup(port);
		changed &= pmd_link_set(port);
		pmd_port_unlock_memory(port);
	}
	if (changed == 0 && port->eth_dev->data->dev_conf.intr_conf.lsc)
		rte_eth_dev_callback_process(port->eth_dev, RTE_ETH_EVENT_INTR_LSC, NULL);
	if (fault)
		rte_eth_dev_callback_process(port->eth_dev, RTE_ETH_EVENT_INTR_RESET, NULL);
	/* Whoever tells all the time is not to have all of this thread. */
	if (told)
		rte_delay_us_sleep(CHANGE_PAUSE_US);
}

static void
wait_event(struct pmd_port *port)
{
	struct pollfd p[3] = {{.fd = port->wake_fd, .events = POLLIN}, {.fd = -1}};
	eventfd_t unused;

	pmd_port_lock(port);
	p[1].fd = port->transport->ops->event_fd(port->transport, &p[1].events);
	p[2] = (struct pollfd){
		.fd = port->transport->ops->change_fd(port->transport), .events = POLLIN};
	/* A client that is there before its time is let in when the time has come. */
	if (!port->transport->attached && (port->faulted || pmd_now_ms() < port->retry_at_ms))
		p[1].fd = -1;
	pmd_port_unlock(port);
	if (poll(p, RTE_DIM(p), (int)pmd_tick_ms) > 0 && (p[0].revents & POLLIN))
		(void)!eventfd_read(port->wake_fd, &unused);
}

static void *
life(void *arg)
{
	struct pmd_port *port = arg;

	while (!__atomic_load_n(&port->quit, __ATOMIC_ACQUIRE)) {
		step(port);
		wait_event(port);
	}
	return NULL;
}

/*
 * Memory came or is about to go: the device has to know before it is used, or given back. Called
 * with the hotplug lock held, in the thread that allocates or frees.
 */
static void
memory_event(enum rte_mem_event type, const void *addr, size_t bytes, void *arg)
{
	struct pmd_port *port = arg;
	struct transport *t = port->transport;
	int ret;

	pmd_port_lock(port);
	if (port->state == PMD_RUNNING) {
		t->ops->begin(t);
		if (type == RTE_MEM_EVENT_FREE)
			ret = t->ops->memory_set(t, addr, bytes);
		else
			ret = t->ops->memory_set(t, NULL, 0);
		if (ret != 0)
			pmd_give_up(port, ret, "%s", t->error);
	} else if (port->state == PMD_REFUSED && port->started) {
		/* Perhaps it is the memory that did not suit. */
		port->state = PMD_ATTACHED;
		pmd_life_wake(port);
	}
	pmd_port_unlock(port);
}

static void
memory_event_name(const struct pmd_port *port, char name[RTE_MEM_EVENT_CALLBACK_NAME_LEN])
{
	snprintf(name, RTE_MEM_EVENT_CALLBACK_NAME_LEN, "net_virtq_%u",
		port->eth_dev->data->port_id);
}

int
pmd_life_start(struct pmd_port *port)
{
	char name[RTE_MEM_EVENT_CALLBACK_NAME_LEN];
	char thread_name[16];
	int ret;

	port->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (port->wake_fd < 0)
		return -errno;
	memory_event_name(port, name);
	/* ENOTSUP: memory that never changes (--no-huge, --legacy-mem). */
	if (rte_mem_event_callback_register(name, memory_event, port) != 0 &&
		rte_errno != ENOTSUP) {
		ret = -rte_errno;
		goto close_fd;
	}
	snprintf(thread_name, sizeof(thread_name), "virtq-%u", port->eth_dev->data->port_id);
	ret = rte_ctrl_thread_create(&port->thread, thread_name, NULL, life, port);
	if (ret != 0)
		goto unregister;
	port->has_thread = true;
	return 0;
unregister:
	rte_mem_event_callback_unregister(name, port);
close_fd:
	close(port->wake_fd);
	return ret;
}

int
pmd_life_stop(struct pmd_port *port)
{
	char name[RTE_MEM_EVENT_CALLBACK_NAME_LEN];

	if (!port->has_thread)
		return 0;
	if (pthread_equal(port->thread, pthread_self()))
		return -EDEADLK;
	__atomic_store_n(&port->quit, true, __ATOMIC_RELEASE);
	pmd_life_wake(port);
	pthread_join(port->thread, NULL);
	port->has_thread = false;
	memory_event_name(port, name);
	rte_mem_event_callback_unregister(name, port);
	close(port->wake_fd);
	return 0;
}

void
pmd_life_wake(struct pmd_port *port)
{
	(void)!eventfd_write(port->wake_fd, 1);
}

bool
pmd_life_wait(struct pmd_port *port, uint32_t seconds)
{
	const uint64_t end = pmd_now_ms() + (uint64_t)seconds * 1000;
	bool there;

	for (;;) {
		pmd_port_lock(port);
		there = port->state != PMD_ABSENT;
		pmd_port_unlock(port);
		if (there || pmd_now_ms() >= end)
			return there;
		rte_delay_us_sleep(5000);
	}
}
