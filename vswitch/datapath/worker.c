/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/worker.h"

#include "datapath/fdb.h"
#include "datapath/idle.h"
#include "datapath/policy.h"

#include <rte_malloc.h>
#include <rte_rcu_qsbr.h>

#include <errno.h>

struct rte_mempool *worker_pool;
struct worker_ports *worker_ports;

static struct {
	struct worker **workers; /* [nb] */
	struct rte_rcu_qsbr *qsbr;
	uint16_t nb;
} all;

int
workers_init(uint16_t nb_workers)
{
	size_t bytes = rte_rcu_qsbr_get_memsize(nb_workers);

	steer_init();
	all.workers = calloc(nb_workers, sizeof(*all.workers));
	all.qsbr = rte_zmalloc("qsbr", bytes, RTE_CACHE_LINE_SIZE);
	if (all.workers == NULL || all.qsbr == NULL || rte_rcu_qsbr_init(all.qsbr, nb_workers) != 0)
		goto fail;
	for (uint16_t i = 0; i < nb_workers; i++) {
		struct worker *w = rte_zmalloc("worker", sizeof(*w), RTE_CACHE_LINE_SIZE);

		if (w == NULL)
			goto fail;
		w->index = i;
		w->shared = nb_workers > 1;
		w->clock = fdb_clock();
		w->idle.epoll_fd = -1;
		w->idle.wake_fd = -1;
		all.workers[all.nb++] = w;
		rte_rcu_qsbr_thread_register(all.qsbr, i);
	}
	return 0;
fail:
	workers_fini();
	return -ENOMEM;
}

void
workers_fini(void)
{
	for (uint16_t i = 0; i < all.nb; i++) {
		free(all.workers[i]->list);
		idle_fini(all.workers[i]);
		rte_free(all.workers[i]);
	}
	free(worker_ports);
	worker_ports = NULL;
	free(all.workers);
	rte_free(all.qsbr);
	all.workers = NULL;
	all.qsbr = NULL;
	all.nb = 0;
}

struct worker *
worker_get(uint16_t index)
{
	return index < all.nb ? all.workers[index] : NULL;
}

void
workers_wake(void)
{
	for (uint16_t i = 0; i < all.nb; i++)
		idle_wake(all.workers[i]);
}

uint16_t
worker_of(const struct port *port, uint16_t pair)
{
	return (uint16_t)((port->id + pair) % all.nb);
}

void
worker_online(struct worker *w)
{
	rte_rcu_qsbr_thread_online(all.qsbr, w->index);
}

void
worker_offline(struct worker *w)
{
	rte_rcu_qsbr_thread_offline(all.qsbr, w->index);
}

void
worker_quiescent(struct worker *w)
{
	rte_rcu_qsbr_quiescent(all.qsbr, w->index);
}

/* Transmitqs of one kind that a worker has to poll now; to may be NULL. @return how many. */
static uint16_t
list_queues(uint16_t index, bool discard, struct worker_queue *to)
{
	uint16_t n = 0;

	for (uint16_t id = 0; id < PORT_MAX; id++) {
		const struct port *port = port_get(id);
		uint16_t first = n;

		if (port == NULL || port->paused)
			continue;
		for (uint16_t pair = 0; pair < policy_tx_pairs(port); pair++) {
			struct port_rxq *rxq = port->rxq[pair];

			if (rxq == NULL || !rxq->running || rxq->worker != index ||
				(rxq->discard || port->link_down) != discard)
				continue;
			if (to != NULL)
				to[n] = (struct worker_queue){
					.rxq = rxq, .port = id, .place = (uint16_t)(n - first)};
			n++;
		}
		for (uint16_t i = first; to != NULL && i < n; i++)
			to[i].nb_queues = (uint16_t)(n - first);
	}
	return n;
}

/* NULL for none, and also when memory is out. */
static struct worker_list *
build_list(uint16_t index)
{
	uint16_t nb = list_queues(index, false, NULL);
	uint16_t nb_discard = list_queues(index, true, NULL);
	struct worker_list *list;

	if (nb + nb_discard == 0)
		return NULL;
	list = malloc(sizeof(*list) + (size_t)(nb + nb_discard) * sizeof(list->queues[0]));
	if (list == NULL)
		return NULL;
	list->begun = false;
	list->nb = list_queues(index, false, list->queues);
	list->nb_discard = list_queues(index, true, list->queues + nb);
	return list;
}

static struct port_txset *
build_txset(const struct port *port)
{
	struct port_txset *set;

	if (port->paused || port->link_down)
		return NULL;
	set = malloc(sizeof(*set) + port->max_pairs * sizeof(set->txq[0]));
	if (set == NULL)
		return NULL;
	*set = (struct port_txset){.policy = port->policy, .max_len = port->max_len};
	for (uint16_t pair = 0; pair < port->max_pairs; pair++) {
		struct port_txq *txq = port->txq[pair];

		if (txq == NULL || !txq->running || !policy_uses(port->policy, pair))
			continue;
		set->txq[set->nb++] = txq;
		set->by_number[pair + 1] = txq;
	}
	if (set->nb == 0) {
		free(set);
		return NULL;
	}
	policy_finish(port, set);
	return set;
}

static struct worker_ports *
build_ports(void)
{
	struct worker_ports *ports = malloc(sizeof(*ports) + PORT_MAX * sizeof(ports->ports[0]));

	if (ports == NULL)
		return NULL;
	ports->nb = 0;
	for (uint16_t id = 0; id < PORT_MAX; id++) {
		struct port *port = port_get(id);

		if (port != NULL && port->txset != NULL)
			ports->ports[ports->nb++] = port;
	}
	return ports;
}

void
workers_publish(struct port *port)
{
	struct worker_list *old_lists[RTE_MAX_LCORE] = {NULL};
	struct worker_ports *old_ports;
	struct port_txset *old_set;

	old_set = __atomic_exchange_n(&port->txset, build_txset(port), __ATOMIC_ACQ_REL);
	for (uint16_t i = 0; i < all.nb; i++)
		old_lists[i] =
			__atomic_exchange_n(&all.workers[i]->list, build_list(i), __ATOMIC_ACQ_REL);
	old_ports = __atomic_exchange_n(&worker_ports, build_ports(), __ATOMIC_ACQ_REL);
	/* Destinations that workers remember were asked of the old set whether they are wanted. */
	fdb_changed();
	/* Who sleeps uses nothing, but may have frames to look for. */
	workers_wake();
	rte_rcu_qsbr_synchronize(all.qsbr, RTE_QSBR_THRID_INVALID);
	free(old_set);
	free(old_ports);
	for (uint16_t i = 0; i < all.nb; i++)
		free(old_lists[i]);
}
