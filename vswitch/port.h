/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A port of the switch: a guest's rings and who may touch them when.
 *
 * Directions are the switch's own: rx is what the switch takes from a guest, so a port_rxq reads
 * the guest's transmitq; tx is what it gives to a guest, so a port_txq fills the guest's receiveq.
 *
 * Threads: the control thread (vhost events, main) starts, stops and pauses rings; workers move
 * packets. A worker holds a queue only within one burst. Control unpublishes a ring and waits for a
 * grace period of the workers before it changes anything that they could be reading; it never
 * waits while it holds a lock that a worker takes.
 */
#ifndef PORT_H
#define PORT_H

#include "ring/virtq_device.h"

#include <rte_ether.h>
#include <rte_spinlock.h>

#include <stdbool.h>
#include <stdint.h>

#define PORT_MAX 256
#define PORT_PAIRS_MAX 127 /* 2 * 127 rings and a control ring: what rte_vhost takes */
#define PORT_RINGS_MAX (2 * PORT_PAIRS_MAX + 1)
#define PORT_NAME_BYTES 32

/* Why a packet from a guest went nowhere; counted on the port_rxq it came by. */
#define PORT_RX_DROPS(_) \
	_(runt, "shorter than the virtio-net header and an Ethernet header") \
	_(oversize, "longer than the largest frame the switch carries") \
	_(not_negotiated, "header asks for an offload that the guest did not negotiate") \
	_(bad_checksum_place, "header's csum_start and csum_offset lie outside the frame") \
	_(bad_segmentation, \
		"header's gso_type, gso_size or flags contradict each other or the frame") \
	_(gso_size_too_small, "gso_size asks for more segments than the switch makes of a frame") \
	_(too_many_segments, "cut into more descriptors than the switch accepts") \
	_(invalid_source, "source address is multicast or zero") \
	_(reserved_multicast, "to 01:80:c2:00:00:0x, which bridges do not forward") \
	_(same_port, "destination is behind the port it came from") \
	_(disabled, "guest has disabled the queue it was sent by") \
	_(link_down, "link of the port it was sent by is set down") \
	_(port_down, "destination port has no receive queue running") \
	_(no_port, "nobody else to flood to") \
	_(no_mbuf, "flood without a free mbuf in the switch's pool")

/* Why a packet for a guest was not delivered; counted on the port_txq it was for. */
#define PORT_TX_DROPS(_) \
	_(no_descriptor, "guest has posted no receive buffer: the guest is slow") \
	_(too_big_no_merge, "frame does not fit the guest's buffer, and no MRG_RXBUF") \
	_(buffers_too_small, "frame would span more guest buffers than the switch fills for one") \
	_(ring_fault, "guest's receiveq is broken") \
	_(filtered_mode, "guest's receive modes suppress frames of this kind") \
	_(filtered_mac, "destination is neither the guest's address nor in its MAC table") \
	_(filtered_vlan, "VLAN is not in the guest's table") \
	_(over_mtu, "longer than the MTU that the guest was told") \
	_(rss_queue_down, "guest's RSS names a receive queue that does not run")

/* Work done on packets for a guest that does not take them as their sender left them. */
#define PORT_TX_OFFLOADS(_) \
	_(csum_completed, "checksums completed: guest takes no partial ones") \
	_(segmented, "frames cut into segments: guest takes no such large ones") \
	_(segments, "segments made of them")

#define PORT_STAT_FIELD(name, text) uint64_t name;
struct port_rx_stats {
	uint64_t packets; /* taken from the guest, dropped ones included; segments to be: one */
	uint64_t bytes;   /* frames, without the virtio-net header */
	uint64_t flooded;
	uint64_t interrupts;
	PORT_RX_DROPS(PORT_STAT_FIELD)
};
struct port_tx_stats {
	uint64_t packets; /* delivered; each segment is one */
	uint64_t bytes;
	uint64_t merged; /* delivered in several buffers */
	uint64_t interrupts;
	PORT_TX_OFFLOADS(PORT_STAT_FIELD)
	PORT_TX_DROPS(PORT_STAT_FIELD)
};
#undef PORT_STAT_FIELD

struct port;
struct policy;
struct steer_flows;
struct steer_hash;
struct vnet_ctrl_state; /* net/vnet_ctrl_state.h, which does not go with <rte_vhost.h> */

/* The faults a ring has had: no reset takes them back. */
struct port_faults {
	uint64_t total;
	uint64_t by[VIRTQ_FAULT_MAX]; /* by enum virtq_fault */
	struct virtq_fault_info last;
	bool standing; /* the last one stops the ring now */
};

/* The last address a port_rxq looked up or learned, to skip the MAC table. */
struct port_mac_memo {
	uint64_t mac;   /* as fdb_key() makes it */
	uint32_t stamp; /* generation of the MAC table (destination), its clock (source) */
	uint16_t port;
};

/* A guest's transmitq. One worker polls it; control writes it while it is not published. */
struct port_rxq {
	struct virtq_device vq;
	struct port *port;
	uint16_t pair;
	uint16_t hdr_bytes; /* 12 or 20 */
	uint32_t can;       /* enum vnet_can that its packets may ask for; 0: no header is read */
	int call_fd;        /* eventfd, -1 for none; written by the worker */
	int kick_fd;        /* ours, see idle_watch(); -1: none. Control */
	bool kicks;         /* the guest was asked for kicks; worker */
	struct port_mac_memo to;
	struct port_mac_memo from;
	struct port_rx_stats stats; /* written by the worker */
	struct port_faults faults;  /* under a lock, see port_ring_faults() */
	uint16_t worker;            /* index of the worker that polls it */
	bool running;               /* control: set up, and published unless the port is paused */
	bool discard;               /* running, but disabled: taken, completed and dropped */
} __rte_cache_aligned;

/* A guest's receiveq. Any worker, under lock, one burst at a time. */
struct port_txq {
	rte_spinlock_t lock;
	uint16_t pair;
	uint16_t hdr_bytes;
	bool merge; /* MRG_RXBUF */
	uint32_t
		can; /* enum vnet_can that the guest takes now; control writes it, port_txq_can() */
	int call_fd;
	struct virtq_device vq;
	struct port *port;
	uint64_t features;          /* control: what the ring was started with */
	struct port_tx_stats stats; /* written under lock; see policy_count() for filters */
	struct port_faults faults;  /* as in port_rxq */
	bool running;               /* as in port_rxq */
} __rte_cache_aligned;

/** What the guest takes as it is, at this moment. */
static inline uint32_t
port_txq_can(const struct port_txq *txq)
{
	return __atomic_load_n(&txq->can, __ATOMIC_RELAXED);
}

/* What has to be looked at in each frame to a port, besides its destination address. */
enum port_look {
	PORT_LOOK_VLAN = 1 << 0,
	PORT_LOOK_MTU = 1 << 1,
	PORT_LOOK_QUEUE = 1 << 2, /* which queue, or what hash */
};

/*
 * A guest's controlq. No worker knows of it: whoever has started it serves it, see
 * control/control_ring.h.
 */
struct port_ctrlq {
	struct virtq_device vq;
	int call_fd;
	struct port_faults faults; /* as in port_rxq */
	bool running;
};

/* The receiveqs of a port that get traffic. Immutable once published. */
struct port_txset {
	uint16_t nb;
	uint16_t look;               /* enum port_look; 0: all goes to txq[0] */
	uint32_t max_len;            /* of a frame without tags and segmentation */
	bool report;                 /* their headers have room for a hash */
	bool rss_runs;               /* all that the policy's RSS names is one of them */
	const struct policy *policy; /* NULL: all is delivered */
	const struct steer_hash *hash;
	struct steer_flows *flows;                      /* NULL: no automatic steering */
	struct port_txq *by_number[PORT_PAIRS_MAX + 1]; /* by pair + 1; NULL: not one of them */
	struct port_txq *txq[];                         /* [nb] in order of pairs */
};

struct port {
	/* Read by workers. */
	struct port_txset *txset; /* NULL: nothing can be delivered; replaced by control, RCU */
	uint32_t max_len;         /* as in port_txset; of segments, too */
	uint16_t id;
	/* Control only. */
	char name[PORT_NAME_BYTES];
	uint16_t max_pairs;
	bool paused;
	bool link_down;            /* nothing is delivered, and what the guest sends is discarded */
	struct policy *policy;     /* in force, or will be with the next txset; NULL: none */
	struct steer_hash *hash;   /* default, made when a receiveq first reports; kept */
	struct steer_flows *flows; /* made when a second pair first runs; kept */
	struct virtq_mem mem;      /* changes only while paused */
	struct port_rxq
		*rxq[PORT_PAIRS_MAX]; /* made when the ring first starts; kept for counters */
	struct port_txq *txq[PORT_PAIRS_MAX];
	struct port_ctrlq ctrlq;
	void *backend; /* what carries the port: its control state, e.g. struct port_vhost */
};

/* Rings by index: 2k receiveq, 2k+1 transmitq, and the last one is the controlq. */
static inline uint32_t
port_controlq(const struct port *port)
{
	return 2u * port->max_pairs;
}

static inline uint32_t
port_nb_rings(const struct port *port)
{
	return port_controlq(port) + 1;
}

/* What control knows of a ring that is to run. */
struct port_ring {
	struct virtq_desc *desc; /* mapped here, aligned, size entries long */
	struct virtq_avail *avail;
	struct virtq_used *used;
	uint32_t size;
	uint16_t base;     /* used index to go on from */
	uint64_t features; /* negotiated */
	int call_fd;       /* stays the caller's; must outlive the running ring; -1 for none */
	int kick_fd;       /* stays the caller's, is copied; -1: the ring has to be polled */
	bool discard;      /* of a transmitq: drop all that comes, under the reason disabled */
	/* Dirty log; NULL when off. */
	virtq_log_fn *log;
	void *log_arg;
	uint64_t log_used; /* guest address of the used ring */
};

/*
 * Control path. One thread at a time per port; callers serialise (rte_vhost has one event thread;
 * port_create and port_destroy come from main while that port has no connection).
 */

/**
 * A new port without rings.
 *
 * @param max_pairs  1..PORT_PAIRS_MAX.
 * @return NULL and rte_errno: EEXIST (name taken), ENOSPC (PORT_MAX ports), ENOMEM, EINVAL.
 */
struct port *port_create(const char *name, uint16_t max_pairs);

/** Stops its rings, forgets its MAC addresses, waits for the workers, frees it. */
void port_destroy(struct port *port);

/* Ports by id; NULL where there is none. Written by control, read by workers, RCU. */
extern struct port *port_table[PORT_MAX];

/** By id 0..PORT_MAX-1 or by name; NULL when there is none. */
static inline struct port *
port_get(uint16_t id)
{
	return __atomic_load_n(&port_table[id], __ATOMIC_ACQUIRE);
}

struct port *port_find(const char *name);

/**
 * No worker touches any ring or memory of the port when this returns; rings stay set up.
 * Idempotent. Waits for one burst of each worker.
 */
void port_pause(struct port *port);

/** Publish the running rings again. */
void port_resume(struct port *port);

/** Traffic ends, or goes on, when this returns. A new port's link is up. */
void port_link_set(struct port *port, bool up);

/**
 * Set a ring up and let workers have it (at once, or at port_resume() of a paused port).
 *
 * A ring that runs already is stopped first.
 *
 * @param ring  Below port_nb_rings(); workers get none of the controlq.
 * @return 0; -EINVAL, -EFAULT as virtq_init(); -ENOMEM; -ERANGE for the index.
 */
int port_ring_start(struct port *port, uint32_t ring, const struct port_ring *conf);

/**
 * Take a ring from the workers; waits for them unless the port is paused.
 *
 * @return Position to go on from: all that was taken is completed. 0 for a ring that never ran.
 */
uint16_t port_ring_stop(struct port *port, uint32_t ring);

/** Does it take part in traffic? */
bool port_ring_running(const struct port *port, uint32_t ring);

/** Was it started and not stopped? Also true of one whose frames are discarded. */
bool port_ring_started(const struct port *port, uint32_t ring);

bool port_any_ring_started(const struct port *port);

/**
 * The guest has reset the ring, which is stopped: the fault it had is no longer in its way.
 *
 * Without this a broken ring stays broken when it is started again: what broke it is still there.
 */
void port_ring_reset(struct port *port, uint32_t ring);

/**
 * What the guest asked for by its control ring; in force when this returns, no worker goes by the
 * old one then.
 *
 * Filters count only where their features are negotiated: CTRL_RX (MAC table), CTRL_RX and
 * CTRL_RX_EXTRA (modes), CTRL_VLAN. Receive and transmit queues beyond the state's count are left
 * alone, with RSS the receive queues that its table does not name.
 *
 * @param state  Is copied. NULL: a guest without control ring, that gets everything by all its
 *     queues.
 * @return 0 or -ENOMEM: the old one stays in force.
 */
int port_policy_set(struct port *port, const struct vnet_ctrl_state *state);

/**
 * Frames of gso_type NONE beyond mtu bytes and Ethernet header (and VLAN tags) are dropped for this
 * guest, which negotiated VIRTIO_NET_F_MTU. 0: no limit. In force when this returns.
 */
void port_mtu_set(struct port *port, uint16_t mtu);

/** Fault that stopped a ring, NULL when it is sound; cleared by port_ring_reset(). */
const struct virtq_fault_info *port_ring_fault(const struct port *port, uint32_t ring);

/**
 * Count the fault that a ring may have by now, and tell all it had.
 *
 * @param faults  Out, a copy.
 * @return false: it never had one. Any thread; the port must not go away (control_lock()).
 */
bool port_ring_faults(const struct port *port, uint32_t ring, struct port_faults *faults);

/** "transmitq 1" of ring 3, "receiveq 1" of ring 2, "controlq": as the standard calls them. */
#define PORT_RING_NAME_BYTES 24
const char *port_ring_name(const struct port *port, uint32_t ring, char *text);

#endif
