/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/idle.h"

#include "datapath/fdb.h"
#include "datapath/turn.h"

#include <rte_cycles.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define EVENTS 64

enum {
	KICKED,
	WANTED
};

int
idle_init(struct worker *w, uint32_t after_us)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = WANTED};
	struct worker_idle *idle = &w->idle;

	idle->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	idle->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (idle->epoll_fd < 0 || idle->wake_fd < 0 ||
		epoll_ctl(idle->epoll_fd, EPOLL_CTL_ADD, idle->wake_fd, &event) != 0)
		return -errno;
	idle->after = after_us * (rte_get_tsc_hz() / 1000000);
	idle->sleeps = true;
	return 0;
}

void
idle_fini(struct worker *w)
{
	if (w->idle.epoll_fd >= 0)
		close(w->idle.epoll_fd);
	if (w->idle.wake_fd >= 0)
		close(w->idle.wake_fd);
	w->idle.epoll_fd = -1;
	w->idle.wake_fd = -1;
	w->idle.sleeps = false;
}

int
idle_watch(struct worker *w, int kick_fd)
{
	/* Each signal is an edge, whatever the counter says. */
	struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.u32 = KICKED};
	int fd;

	if (!w->idle.sleeps || kick_fd < 0)
		return -1;
	fd = fcntl(kick_fd, F_DUPFD_CLOEXEC, 0);
	if (fd >= 0 && epoll_ctl(w->idle.epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

void
idle_unwatch(struct worker *w, int fd)
{
	struct epoll_event unused = {0};

	if (fd < 0)
		return;
	/* Closing alone would not do: the frontend has the open file, too. */
	epoll_ctl(w->idle.epoll_fd, EPOLL_CTL_DEL, fd, &unused);
	close(fd);
}

void
idle_wake(struct worker *w)
{
	if (w->idle.sleeps)
		eventfd_write(w->idle.wake_fd, 1);
}

/* false: frames are there. */
static bool
ask_for_kicks(struct port_rxq *rxq)
{
	if (virtq_device_broken(&rxq->vq))
		return true;
	if (!rxq->kicks) {
		rxq->kicks = true;
		return !virtq_device_kicks_on(&rxq->vq);
	}
	/* It was asked before the fence of idle_prepare(). */
	return virtq_index_peek(&rxq->vq.vq.avail->idx) == rxq->vq.avail_next;
}

bool
idle_prepare(struct worker *w)
{
	struct worker_list *list = __atomic_load_n(&w->list, __ATOMIC_ACQUIRE);

	if (list == NULL)
		return true;
	/* A list that no turn has seen yet; queues that nobody kicks. */
	if (!list->begun || w->idle.kickless > 0)
		return false;
	turn_discard(w);
	virtq_notify_fence();
	for (unsigned int i = 0; i < list->nb + list->nb_discard; i++) {
		if (!ask_for_kicks(list->queues[i].rxq))
			return false;
	}
	return true;
}

static void
sleep_until_woken(struct worker *w)
{
	struct worker_idle *idle = &w->idle;
	struct epoll_event events[EVENTS];
	eventfd_t count;
	bool wanted = false;
	int n;

	worker_offline(w);
	idle->asleep = true;
	do
		n = epoll_wait(idle->epoll_fd, events, EVENTS, -1);
	while (n < 0 && errno == EINTR); /* a signal is main's */
	for (int i = 0; i < n; i++)
		wanted |= events[i].data.u32 == WANTED;
	if (wanted)
		eventfd_read(idle->wake_fd, &count);
	idle->asleep = false;
	worker_online(w);
	idle->stats.sleeps++;
	idle->stats.kicks += n > 0 && !wanted;
	idle->stats.changes += wanted;
	w->clock = fdb_clock();
}

void
idle_turn(struct worker *w, unsigned int taken)
{
	struct worker_idle *idle = &w->idle;
	uint64_t now;

	if (taken > 0 || idle->kickless > 0) {
		idle->since = 0;
		return;
	}
	now = rte_rdtsc();
	if (idle->since == 0)
		idle->since = now;
	if (now - idle->since < idle->after)
		return;
	if (idle_prepare(w))
		sleep_until_woken(w);
	else
		idle->stats.cancelled++;
	idle->since = 0;
}
