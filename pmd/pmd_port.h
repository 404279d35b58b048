/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A port and its life with a device that comes and goes.
 *
 * Locks. lock guards everything below that is not said otherwise, and all use of the transport. A
 * memory event callback runs with EAL's memory hotplug lock held and takes lock after it. So:
 *
 *   - who needs both takes the hotplug lock first (pmd_port_lock_memory());
 *   - nothing is allocated from or freed to EAL's heap under lock: that would take the heap's and
 *     the hotplug lock behind it. Buffers with foreign free functions are not freed under it
 * either;
 *   - events are raised with no lock held: the application may do what it likes in its callback.
 */
#ifndef PMD_PORT_H
#define PMD_PORT_H

#include "pmd_args.h"
#include "pmd_config.h"
#include "pmd_ctrl.h"
#include "pmd_queue.h"
#include "transport.h"

#include <pthread.h>
#include <time.h>

#define PMD_REASON_BYTES 256

/* Addresses of a port: its own, those that were added, and the list of multicast ones. */
#define PMD_MACS_MAX 64
#define PMD_MULTICAST_MAX (VNET_CTRL_MACS_MAX - PMD_MACS_MAX)

enum pmd_state {
	PMD_ABSENT,   /* no device */
	PMD_ATTACHED, /* device there, rings not with it */
	PMD_REFUSED,  /* device there, lacks something: until the port is reconfigured */
	PMD_RUNNING,  /* rings are with the device */
};

/* Counters of a port: name, meaning. */
#define PMD_LIFE_STATS(_) \
	_(attached, "times that a backend was found") \
	_(running, "times that the rings were handed to a backend") \
	_(hang_ups, "backends that went away") \
	_(timeouts, "backends that did not answer in time") \
	_(errors, "backends that refused a request or answered with garbage") \
	_(refusals, "backends that lack what the port needs") \
	_(ring_faults, "rings that the backend broke")

#define PMD_STAT_FIELD(name, text) uint64_t name;
struct pmd_life_stats {
	PMD_LIFE_STATS(PMD_STAT_FIELD)
};
#undef PMD_STAT_FIELD

struct pmd_port {
	struct rte_eth_dev *eth_dev;
	struct pmd_args args; /* constant after probe */
	union {
		struct rte_ether_addr mac; /* the port's own, macs[0] */
		/* What data->mac_addrs points to; written by ethdev, too. Zero: none. */
		struct rte_ether_addr macs[PMD_MACS_MAX];
	};
	bool mac_chosen;     /* by argument, application or first start: it stays */
	uint32_t ptype_mask; /* packet types that the application wants to see */

	pthread_mutex_t lock;
	struct transport *transport;
	enum pmd_state state;
	bool started;
	bool fixed;       /* queues run with features; a later device has to have them */
	bool faulted;     /* a ring is broken: no device until the port is stopped */
	bool link_down;   /* as the application wants it: rings are disabled */
	bool link_event;  /* the link changed and the control thread has not raised the event */
	uint64_t offered; /* of it what can be used, see pmd_config_attach() */
	uint32_t pairs_max;
	struct pmd_config config;
	struct pmd_ctrl ctrl;
	uint32_t announce; /* atomic, pmd_announce.c */
	uint16_t rss_entries; /* of the redirection table, 0: no RSS mode */
	uint32_t nb_multicast;
	struct rte_ether_addr multicast[PMD_MULTICAST_MAX]; /* [nb_multicast] */
	uint64_t features;
	struct pmd_ring spare[2]; /* receive and transmit ring of pair 0 where the port has none */
	struct pmd_life_stats life;
	struct pmd_life_stats life_base; /* at the last reset */
	/* Counters of rte_eth_stats by queue; RTE_ETHDEV_QUEUE_STAT_CNTRS and more: none. */
	uint8_t rx_slot[PMD_QUEUES_MAX];
	uint8_t tx_slot[PMD_QUEUES_MAX];
	char reason[PMD_REASON_BYTES]; /* why there is no link; empty: there is one */

	/* Control thread. */
	pthread_t thread;
	bool has_thread;
	bool quit;
	int wake_fd;
	uint32_t retry_ms; /* pause before the next attempt */
	uint64_t retry_at_ms;
};

static inline struct pmd_port *
pmd_port_of(const struct rte_eth_dev *dev)
{
	return dev->data->dev_private;
}

/* Queue pairs that the port is configured for. */
static inline uint16_t
pmd_port_pairs(const struct pmd_port *port)
{
	return RTE_MAX(port->eth_dev->data->nb_rx_queues, port->eth_dev->data->nb_tx_queues);
}

/** Milliseconds of a clock that only goes forward. */
static inline uint64_t
pmd_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* Counters are written under lock and read without. */
static inline void
pmd_count(uint64_t *counter)
{
	__atomic_store_n(counter, *counter + 1, __ATOMIC_RELAXED);
}

/* Ring by its index, NULL where there is none. */
struct pmd_ring *pmd_port_ring(struct pmd_port *port, uint32_t index);

/** Tell a running device to look at a ring, where there is one. Under lock. */
void pmd_ring_kick(struct pmd_port *port, uint32_t index);

void pmd_port_lock(struct pmd_port *port);
void pmd_port_unlock(struct pmd_port *port);
/* With EAL's memory hotplug lock before it. */
void pmd_port_lock_memory(struct pmd_port *port);
void pmd_port_unlock_memory(struct pmd_port *port);

/*
 * pmd_bringup.c. All under lock.
 */

/**
 * Hand the rings of a started port to the attached device. Needs the hotplug lock, too.
 *
 * Whatever goes wrong becomes port->state and port->reason.
 */
void pmd_bringup(struct pmd_port *port);

/** Take the rings back: when this returns the device touches them no more. */
void pmd_bringdown(struct pmd_port *port);

/** Give all buffers back. Without lock, after pmd_bringdown(). */
void pmd_drain(struct pmd_port *port);

/** Give the device up, because of the format's text; the control thread tries again later. */
void pmd_give_up(struct pmd_port *port, int error, const char *format, ...)
	__rte_format_printf(3, 4);

/** Why there is no link. Logs a reason once. */
void pmd_reason(struct pmd_port *port, uint32_t level, const char *format, ...)
	__rte_format_printf(3, 4);

/** This device cannot serve the port, because of the format's text. @return -ENOTSUP. */
int pmd_refuse(struct pmd_port *port, const char *format, ...) __rte_format_printf(2, 3);

/**
 * Can this device serve the port, and with what? pmd_features.c.
 *
 * @return 0 and *features, or what pmd_refuse() gave.
 */
int pmd_features_choose(struct pmd_port *port, uint64_t *features);

/** Tell the backend the MTU. @return 0, also when it does not want to know. */
int pmd_mtu_tell(struct pmd_port *port, uint16_t mtu);

/*
 * pmd_life.c.
 */

/* Pause between two looks at a device, and attempts to find one. Tests shorten it. */
extern uint32_t pmd_tick_ms;

/** Start the control thread: from here on the port looks for its device. */
int pmd_life_start(struct pmd_port *port);

/** End it and let go of the device. @return -EDEADLK when called by that thread itself. */
int pmd_life_stop(struct pmd_port *port);

/** Make the control thread look at once. */
void pmd_life_wake(struct pmd_port *port);

/** Wait until a device is attached, at most this long. Without lock. @return attached? */
bool pmd_life_wait(struct pmd_port *port, uint32_t seconds);

/** Port status -> data->dev_link. Under lock. @return 0, or -1: nothing changed. */
int pmd_link_set(struct pmd_port *port);

#endif
