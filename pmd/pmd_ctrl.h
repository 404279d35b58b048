/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the port wants of its device by control commands, and the control ring that carries them.
 * VIRTIO 1.3, 5.1.6.5 Control Virtqueue.
 *
 * Wishes outlive devices: they may be noted before one is there, and each device that comes is
 * brought to them before its rings carry traffic. Who needs to know whether a wish can be granted
 * asks pmd_ctrl_features() and pmd_ctrl_limits() first.
 *
 * All functions: under the port's lock, which is held while a device is waited for.
 */
#ifndef PMD_CTRL_H
#define PMD_CTRL_H

#include "net/vnet_ctrl_state.h"
#include "pmd_queue.h"

struct pmd_port;

#define PMD_CTRL_LOST_BYTES 512

/* Time for the answer to one command, and for all that a new device is sent. Tests shorten them. */
extern uint32_t pmd_ctrl_timeout_ms;
extern uint32_t pmd_ctrl_replay_ms;

/* Features that are control commands, or of use only with them. */
#define PMD_CTRL_FEATURES \
	(virtq_bit(VIRTIO_NET_F_CTRL_VQ) | virtq_bit(VIRTIO_NET_F_CTRL_RX) | \
		virtq_bit(VIRTIO_NET_F_CTRL_RX_EXTRA) | virtq_bit(VIRTIO_NET_F_CTRL_VLAN) | \
		virtq_bit(VIRTIO_NET_F_CTRL_MAC_ADDR) | virtq_bit(VIRTIO_NET_F_GUEST_ANNOUNCE) | \
		virtq_bit(VIRTIO_NET_F_CTRL_GUEST_OFFLOADS) | virtq_bit(VIRTIO_NET_F_RSS) | \
		virtq_bit(VIRTIO_NET_F_HASH_REPORT))

/* Counters of the control ring: name, meaning. Each becomes an xstat. */
#define PMD_CTRL_STATS(_) \
	_(commands, "control commands sent") \
	_(refused, "commands that the device refused") \
	_(timeouts, "commands that the device did not answer in time") \
	_(replays, "devices that were brought to what the port wants") \
	_(config_changes, "changes of config space that the device told") \
	_(announces, "announcements of this port's address that the device asked for")

#define PMD_STAT_FIELD(name, text) uint64_t name;
struct pmd_ctrl_stats {
	PMD_CTRL_STATS(PMD_STAT_FIELD)
};
#undef PMD_STAT_FIELD

/* Commands of a few bytes that are sent together, and their answers. */
#define PMD_CTRL_VLANS 64
struct pmd_ctrl_small {
	uint8_t bytes[15];
	uint8_t ack;
};

/* A command and its answer, in memory shared with the device. */
struct pmd_ctrl_command {
	uint8_t bytes[VNET_CTRL_BYTES_MAX];
	uint8_t ack __rte_cache_aligned;
	struct pmd_ctrl_small small[PMD_CTRL_VLANS];
};

/* The ring and what is on it: one command at a time, or several small ones. */
struct pmd_ctrl_ring {
	struct pmd_ring ring;
	struct virtq_driver q;
	struct pmd_ctrl_command *command;
};

struct pmd_ctrl {
	struct vnet_ctrl_state wanted; /* features: unused */
	struct vnet_ctrl_state device; /* what the device acknowledged, while ready */
	bool ready;                    /* the device serves the ring */
	/*
	 * Each device gets the ring that the last one did not have: an answer that comes when its
	 * device was given up long ago finds nobody.
	 */
	struct pmd_ctrl_ring rings[2];
	unsigned int current;
	bool announcing; /* the device asked for it and has not heard yet */
	uint64_t announce_until_ms;
	uint32_t index;                 /* of the ring, for the device */
	uint64_t deadline_ms;           /* of the commands under way */
	char lost[PMD_CTRL_LOST_BYTES]; /* wishes that the device does not grant */
	struct pmd_ctrl_stats stats;
	struct pmd_ctrl_stats base; /* at the last reset */
};

/** First wishes: the port's address, promiscuous, all-multicast, one pair. */
void pmd_ctrl_init(struct pmd_port *port);

/** Does the running device serve a control ring? */
bool pmd_ctrl_ready(const struct pmd_port *port);

/**
 * Queue pairs that the device was told to use; the others rest. VIRTIO 1.3, 5.1.6.5.6.1. A device
 * without a control ring uses what it is given.
 */
uint16_t pmd_ctrl_pairs(const struct pmd_port *port);

/**
 * Features to count on: negotiated with the running device; offered by an attached one, without
 * those that it cannot serve (no control ring, impossible config space); all that there are while
 * there is none.
 */
uint64_t pmd_ctrl_features(const struct pmd_port *port);

/** Bounds of commands: the device's, or while there is none the largest that we can serve. */
void pmd_ctrl_limits(const struct pmd_port *port, struct vnet_ctrl_limits *limits);

/**
 * Change what the port wants by one command: noted in wanted, and sent at once when a device runs.
 * Transmit queues of a started port cannot be left out.
 *
 * @return 0 done, or noted for the device to come (also when it goes away meanwhile); -EINVAL
 *     beyond pmd_ctrl_limits(); -ENOTSUP the device has no control ring or lacks the feature; -EIO
 *     it answered ERR, or garbage: then it is given up; -ETIMEDOUT it did not answer and is given
 *     up: the connection is dropped, the control thread tries again, the port keeps working. On any
 *     error wanted is as before.
 */
int pmd_ctrl_apply(struct pmd_port *port, const struct vnet_ctrl *c);

/**
 * The same for up to PMD_CTRL_VLANS commands of one kind, VLAN_ADD or VLAN_DEL, sent together to a
 * device that has CTRL_VLAN and serves the ring.
 *
 * @return as pmd_ctrl_apply(); -EIO also when some were refused: wanted is then what the device
 * took.
 */
int pmd_ctrl_apply_vlans(
	struct pmd_port *port, enum vnet_ctrl_kind kind, const uint16_t *ids, unsigned int nb);

/*
 * For pmd_bringup.c, in this order.
 */

/** Memory of the rings, for a port that starts. Without lock. @return 0 or -ENOMEM. */
int pmd_ctrl_alloc(struct pmd_port *port);
void pmd_ctrl_free(struct pmd_port *port);

/** The port starts, with so many queues. */
void pmd_ctrl_start(struct pmd_port *port);

/** Hand a fresh ring to the device, enabled. @return 0; -errno, t->error says why. */
int pmd_ctrl_ring_set(struct pmd_port *port, uint64_t features);

/**
 * Bring the device, which was reset, to what the port wants. What it refuses or cannot do is said,
 * and left out. Also for a device without a control ring.
 *
 * @return 0; -errno: the device is lost, t->error says why. pmd_replay.c.
 */
int pmd_ctrl_replay(struct pmd_port *port, uint64_t features);

/** Take the ring back from the device. @return 0; -errno, t->error says why. */
int pmd_ctrl_ring_reset(struct pmd_port *port);

/** The port stops: the device is gone or has the ring no more, and a fault of it is forgotten. */
void pmd_ctrl_end(struct pmd_port *port);

/**
 * Send one command, wait for its answer, and note it in ctrl.device.
 *
 * @param bytes  [nb] of the command c.
 * @return 0; -EREMOTEIO the device answered ERR. The device is lost: -ETIMEDOUT; -ECONNRESET;
 *     -EPROTO no answer but garbage; -EBADMSG the ring is broken. t->error says why.
 */
int pmd_ctrl_send(
	struct pmd_port *port, const struct vnet_ctrl *c, const uint8_t *bytes, uint32_t nb);

/**
 * Up to PMD_CTRL_VLANS commands of one kind, VLAN_ADD or VLAN_DEL, with a VLAN number each, at
 * once: a device may have to wake up for each ring that it finds empty, and there may be 4,096 of
 * them.
 *
 * @return how many the device refused; -errno as above.
 */
int pmd_ctrl_send_vlans(
	struct pmd_port *port, enum vnet_ctrl_kind kind, const uint16_t *ids, unsigned int nb);

/** Fault of the ring, NULL: none. */
const struct virtq_fault_info *pmd_ctrl_fault(const struct pmd_port *port);

/** What the port wants. */
const struct vnet_ctrl_state *pmd_ctrl_wanted(const struct pmd_port *port);

#endif
