/* SPDX-License-Identifier: BSD-3-Clause */
#include "control_ring.h"

#include "../main_wake.h"
#include "datapath/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define COMMANDS_MAX 64        /* of one port, for each housekeeping */
#define DESCRIPTORS_MAX 65536u /* that they may consist of together, about */
#define EVENTS 32
#define WAKE_EVENT UINT32_MAX /* others are ids of ports */
/* A longer chain is a fault: any command fits, were each of its bytes a piece. */
#define PIECES_MAX 32768

static_assert(PIECES_MAX > VNET_CTRL_BYTES_MAX, "any command");

/* A command that was taken and has to be answered. */
struct taken {
	uint16_t head;
	uint8_t answer;
	uint8_t *ack; /* NULL: no place for the answer */
	uint64_t guest;
};

/* Of the main thread. */
static struct virtq_seg pieces[PIECES_MAX];
static uint8_t bytes[VNET_CTRL_BYTES_MAX] __rte_aligned(8);
static struct vnet_ctrl_state before; /* the commands of a round */
static int epoll_fd = -1;

int
control_rings_init(void)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = WAKE_EVENT};
	int rc = main_wake_init();

	if (rc != 0)
		return rc;
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (epoll_fd < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, main_wake_fd(), &event) != 0) {
		rc = -errno;
		control_rings_fini();
	}
	return rc;
}

void
control_rings_fini(void)
{
	if (epoll_fd >= 0)
		close(epoll_fd);
	epoll_fd = -1;
	main_wake_fini();
}

uint64_t
control_refused(const struct control_counters *counters)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < VNET_CTRL_BAD_MAX; i++)
		sum += counters->refused[i];
#define ADD(name, text) sum += counters->name;
	CONTROL_REFUSALS(ADD)
#undef ADD
	return sum;
}

/*
 * Edge-triggered, and never read: the open file is the frontend's, too, which could make a read
 * wait. Each signal is an edge, whatever the counter says.
 */
static void
watch(struct port_vhost *pv)
{
	struct vhost_control *c = pv->control;
	struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.u32 = pv->port->id};

	if (!c->watched && c->kick_fd >= 0)
		c->watched = epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->kick_fd, &event) == 0;
}

static void
unwatch(struct vhost_control *c)
{
	struct epoll_event unused = {0};

	if (c->watched)
		epoll_ctl(epoll_fd, EPOLL_CTL_DEL, c->kick_fd, &unused);
	c->watched = false;
}

void
vhost_control_stopped(struct port_vhost *pv)
{
	struct vhost_control *c = pv->control;

	unwatch(c);
	if (c->kick_fd >= 0)
		close(c->kick_fd);
	c->kick_fd = -1;
}

/* Long chains cost more: a ring that is large enough to hold them has fewer commands. */
static uint32_t
full_budget(const struct virtq_device *q)
{
	uint32_t fit = RTE_MAX(DESCRIPTORS_MAX / q->vq.size, 1u);

	return RTE_MIN(fit, (uint32_t)COMMANDS_MAX);
}

void
vhost_control_started(struct port_vhost *pv, int kick_fd)
{
	struct vhost_control *c = pv->control;

	vhost_control_stopped(pv);
	virtq_device_kicks_on(&pv->port->ctrlq.vq);
	c->budget = full_budget(&pv->port->ctrlq.vq);
	if (kick_fd >= 0)
		c->kick_fd = fcntl(kick_fd, F_DUPFD_CLOEXEC, 0);
	watch(pv);
	/* It runs in a moment; what cannot be watched is found by looking. */
	main_wake();
}

/* @return Bytes of the command; as many of them as any may have are in bytes[]. */
static uint32_t
copy_command(const struct virtq_chain *chain)
{
	uint32_t have = 0;

	for (uint32_t i = 0; i < chain->nb_read && have < sizeof(bytes); i++) {
		uint32_t n = RTE_MIN(pieces[i].len, (uint32_t)sizeof(bytes) - have);

		memcpy(bytes + have, pieces[i].ptr, n);
		have += n;
	}
	return chain->read_bytes;
}

static uint8_t
carry_out(struct port_vhost *pv, uint32_t nb)
{
	struct vhost_control *c = pv->control;
	const struct vnet_ctrl_limits limits = {
		.features = pv->session.features,
		.max_pairs = pv->port->max_pairs,
		.rss_table_max = VNET_RSS_TABLE_MAX,
		.rss_key_max = VNET_HASH_KEY_BYTES,
		.hash_types = VNET_HASH_TYPES,
	};
	struct vnet_ctrl command;
	enum vnet_ctrl_bad bad = vnet_ctrl_parse(&command, &limits, bytes, nb);

	if (bad != VNET_CTRL_BAD_NONE) {
		c->counters.refused[bad]++;
		return VIRTIO_NET_ERR;
	}
	vnet_ctrl_state_apply(&c->state, &command);
	if (command.kind == VNET_CTRL_ANNOUNCE_ACK)
		pv->session.announce = false;
	c->counters.commands[command.kind]++;
	return VIRTIO_NET_OK;
}

/* false: none waits, or the ring is broken. */
static bool
take_one(struct port_vhost *pv, struct taken *t)
{
	struct virtq_device *q = &pv->port->ctrlq.vq;
	struct virtq_chain chain;
	enum virtq_fault fault;

	if (virtq_device_avail(q, 1) == 0 || virtq_device_heads(q, &t->head, 1) == 0)
		return false;
	fault = virtq_device_walk(q, t->head, pieces, PIECES_MAX, &chain);
	if (fault == VIRTQ_FAULT_CHAIN_SEGMENTS)
		virtq_device_set_fault(q, fault, t->head, PIECES_MAX);
	if (fault != VIRTQ_FAULT_NONE)
		return false;
	virtq_device_taken(q, 1);
	t->ack = NULL;
	if (chain.nb_write == 0) {
		pv->control->counters.no_ack_place++;
		return true;
	}
	t->ack = pieces[chain.nb_read].ptr;
	t->guest = pieces[chain.nb_read].guest;
	t->answer = carry_out(pv, copy_command(&chain));
	return true;
}

/* The workers do as they were told, or the commands have failed. */
static void
put_in_force(struct port_vhost *pv, struct taken *taken, uint32_t nb)
{
	struct vhost_control *c = pv->control;

	if (vhost_control_sync(pv) == 0)
		return;
	c->state = before;
	for (uint32_t i = 0; i < nb; i++) {
		if (taken[i].ack != NULL && taken[i].answer == VIRTIO_NET_OK) {
			taken[i].answer = VIRTIO_NET_ERR;
			c->counters.no_memory++;
		}
	}
}

/* Commands that wait, as many as the budget allows. @return how many. */
static uint32_t
serve_round(struct port_vhost *pv)
{
	struct vhost_control *c = pv->control;
	struct port_ctrlq *ctrlq = &pv->port->ctrlq;
	struct virtq_device *q = &ctrlq->vq;
	struct taken taken[COMMANDS_MAX];
	uint32_t nb = 0;

	before = c->state;
	while (nb < c->budget && take_one(pv, &taken[nb]))
		nb++;
	c->budget -= nb;
	if (nb == 0)
		return 0;
	put_in_force(pv, taken, nb);
	for (uint32_t i = 0; i < nb; i++) {
		if (taken[i].ack != NULL) {
			*taken[i].ack = taken[i].answer;
			virtq_device_log(q, taken[i].guest, 1);
		}
		virtq_device_put(q, taken[i].head, taken[i].ack != NULL ? 1 : 0);
	}
	if (virtq_device_publish(q) && ctrlq->call_fd >= 0)
		notify(ctrlq->call_fd);
	return nb;
}

/* Who cannot kick, or has spent some of what it may, is looked at again soon. */
static void
look_again(const struct port_vhost *pv)
{
	const struct vhost_control *c = pv->control;

	if (pv->port->ctrlq.running && !virtq_device_broken(&pv->port->ctrlq.vq) &&
		(!c->watched || c->budget != full_budget(&pv->port->ctrlq.vq)))
		main_wake();
}

/* With the lock held. */
static void
serve(struct port_vhost *pv)
{
	struct virtq_device *q = &pv->port->ctrlq.vq;

	if (pv->closing || !pv->port->ctrlq.running || virtq_device_broken(q))
		return;
	while (serve_round(pv) != 0 || (virtq_device_kicks_on(q) && !virtq_device_broken(q))) {
		/* Whatever is left waits, and so do kicks. */
		if (pv->control->budget == 0) {
			unwatch(pv->control);
			return;
		}
	}
}

void
vhost_control_housekeep(struct port_vhost *pv)
{
	if (!__atomic_load_n(&pv->port->ctrlq.running, __ATOMIC_RELAXED))
		return;
	pthread_mutex_lock(&pv->lock);
	pv->control->budget = full_budget(&pv->port->ctrlq.vq);
	if (pv->port->ctrlq.running)
		watch(pv);
	serve(pv);
	look_again(pv);
	pthread_mutex_unlock(&pv->lock);
}

static void
kicked(uint16_t id)
{
	struct port *port = id < PORT_MAX ? port_get(id) : NULL;
	struct port_vhost *pv = port == NULL ? NULL : port->backend;
	uint32_t budget;

	if (pv == NULL)
		return;
	pthread_mutex_lock(&pv->lock);
	budget = pv->control->budget;
	serve(pv);
	/* A kick that brings nothing is some work, too. */
	if (budget > 0 && pv->control->budget == budget)
		pv->control->budget--;
	if (pv->control->budget == 0)
		unwatch(pv->control);
	look_again(pv);
	pthread_mutex_unlock(&pv->lock);
}

static int64_t
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

void
control_rings_wait(uint32_t min_ms, uint32_t max_ms)
{
	int64_t begin = now_us(), left;
	int64_t early = begin + RTE_MIN(min_ms, max_ms) * INT64_C(1000);
	int64_t end = epoll_fd < 0 ? early : begin + max_ms * INT64_C(1000);
	struct epoll_event events[EVENTS];
	int n = 0;

	while ((left = end - now_us()) > 0) {
		n = epoll_wait(epoll_fd, events, EVENTS, (int)((left + 999) / 1000));
		if (n < 0)
			break;
		for (int i = 0; i < n; i++) {
			if (events[i].data.u32 == WAKE_EVENT) {
				main_wake_clear();
				end = early;
			} else {
				kicked((uint16_t)events[i].data.u32);
			}
		}
	}
	/* Without the means to wait for them: the time at least. */
	if (n < 0 && errno != EINTR) {
		struct timespec rest = {left / 1000000, (long)(left % 1000000) * 1000};

		nanosleep(&rest, NULL);
	}
}
