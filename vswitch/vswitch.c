/* SPDX-License-Identifier: BSD-3-Clause */
#include "vswitch.h"

#include "control/control.h"
#include "control/control_ring.h"
#include "control/fault_report.h"
#include "control/port_vhost.h"
#include "datapath/fdb.h"
#include "datapath/forward.h"
#include "datapath/idle.h"
#include "datapath/notify.h"
#include "datapath/turn.h"
#include "datapath/worker.h"
#include "net/vnet_hash.h"
#include "port.h"

#include <rte_lcore.h>
#include <rte_log.h>
#include <rte_mbuf.h>

#include <errno.h>
#include <string.h>

RTE_LOG_REGISTER(vswitch_logtype, user.virtq.switch, NOTICE);

#define SWITCH_LOG(level, fmt, ...) \
	rte_log(RTE_LOG_##level, vswitch_logtype, "SWITCH: %s(): " fmt "\n", __func__, \
		##__VA_ARGS__)

#define POOL_CACHE 128U /* mbufs that each worker keeps at hand */
#define CLOCK_POLLS 64  /* iterations of a worker between looks at the clock */

static struct {
	struct vswitch_conf conf;
	forward_fn *forward;
	volatile bool stop;
	uint32_t aged; /* clock of the last sweep of the MAC table */
} sw;

int
vswitch_init(const struct vswitch_conf *conf)
{
	int rc;

	sw.conf = *conf;
	if (sw.conf.nb_mbufs == 0)
		sw.conf.nb_mbufs = 8191;
	if (sw.conf.mac_entries == 0)
		sw.conf.mac_entries = 65536;
	if (sw.conf.mac_age_s == 0)
		sw.conf.mac_age_s = 300;
	if (sw.conf.nb_workers == 0 || sw.conf.nb_workers > VSWITCH_WORKERS_MAX) {
		SWITCH_LOG(ERR, "%u workers: 1 to %d are possible", sw.conf.nb_workers,
			VSWITCH_WORKERS_MAX);
		return -EINVAL;
	}
	sw.stop = false;
	sw.forward = forward_select();
	SWITCH_LOG(INFO, "bursts by %s, hashes by %s", forward_name(sw.forward),
		vnet_hash_select()->name);
	/* A pool that is smaller than a few caches has none. */
	worker_pool = rte_pktmbuf_pool_create("vswitch", sw.conf.nb_mbufs,
		sw.conf.nb_mbufs >= 512 ? 128 : 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	if (worker_pool == NULL) {
		SWITCH_LOG(ERR, "no memory for %u mbufs: give EAL more or ask for fewer (--mbufs)",
			sw.conf.nb_mbufs);
		return -ENOMEM;
	}
	if (fdb_init(sw.conf.mac_entries) != 0) {
		SWITCH_LOG(ERR, "no memory for %u MAC addresses", sw.conf.mac_entries);
		vswitch_fini();
		return -ENOMEM;
	}
	if (workers_init(sw.conf.nb_workers) != 0) {
		SWITCH_LOG(ERR, "no memory for %u workers", sw.conf.nb_workers);
		vswitch_fini();
		return -ENOMEM;
	}
	for (uint16_t i = 0; sw.conf.idle_sleep && i < sw.conf.nb_workers; i++) {
		rc = idle_init(worker_get(i), sw.conf.idle_us);
		if (rc != 0) {
			SWITCH_LOG(
				ERR, "no descriptors for a worker to sleep on: %s", strerror(-rc));
			vswitch_fini();
			return rc;
		}
	}
	rc = notify_init();
	if (rc != 0)
		SWITCH_LOG(WARNING,
			"no asynchronous I/O (%s): a hostile frontend can hold a worker up by its "
			"call eventfd; see /proc/sys/fs/aio-max-nr",
			strerror(-rc));
	rc = control_rings_init();
	if (rc != 0)
		SWITCH_LOG(WARNING, "no epoll (%s): guests wait %d ms for answers to commands",
			strerror(-rc), VSWITCH_HOUSEKEEP_MS);
	sw.aged = fdb_clock();
	return 0;
}

void
vswitch_fini(void)
{
	for (uint16_t id = 0; id < PORT_MAX; id++) {
		struct port *port = port_get(id);

		if (port != NULL && port->backend != NULL)
			port_vhost_remove(port);
		else if (port != NULL)
			port_destroy(port);
	}
	workers_fini();
	notify_fini();
	control_rings_fini();
	fdb_fini();
	rte_mempool_free(worker_pool);
	worker_pool = NULL;
}

int
vswitch_port_add(const struct vswitch_port_conf *conf)
{
	return port_vhost_add(conf);
}

int
vswitch_port_remove(const char *name)
{
	struct port *port = port_find(name);

	if (port == NULL)
		return -ENOENT;
	return port_vhost_remove(port);
}

int
vswitch_port_link_set(const char *name, bool up)
{
	struct port *port;
	int rc = -ENOENT;

	control_lock();
	port = port_find(name);
	if (port != NULL && port->backend != NULL) {
		port_vhost_link_set(port, up);
		rc = 0;
	}
	control_unlock();
	return rc;
}

/* One turn; now and then also what is in nobody's way: frames of disabled queues. */
static unsigned int
poll_all(struct worker *w)
{
	unsigned int taken = 0;

	if (unlikely(++w->polls % CLOCK_POLLS == 0)) {
		w->clock = fdb_clock();
		taken = turn_discard(w);
	}
	return taken + turn(w, sw.forward);
}

unsigned int
vswitch_poll(uint16_t worker)
{
	struct worker *w = worker_get(worker);
	unsigned int taken;

	worker_online(w);
	taken = poll_all(w);
	worker_offline(w);
	return taken;
}

int
vswitch_worker(void *arg)
{
	struct worker *w = worker_get((uint16_t)(uintptr_t)arg);

	worker_online(w);
	while (!sw.stop) {
		unsigned int taken = poll_all(w);

		worker_quiescent(w);
		if (w->idle.sleeps)
			idle_turn(w, taken);
	}
	worker_offline(w);
	return 0;
}

void
vswitch_stop(void)
{
	sw.stop = true;
	workers_wake();
}

void
vswitch_wait(uint32_t ms)
{
	control_rings_wait(VSWITCH_HOUSEKEEP_MS, ms);
}

void
vswitch_housekeep(void)
{
	uint32_t clock = fdb_clock();

	fault_report();
	if (clock != sw.aged) {
		sw.aged = clock;
		fdb_age(sw.conf.mac_age_s);
	}
	port_vhost_housekeep();
}
