/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * A path that packets go round in one thread, cut into legs that are timed one by one.
 *
 * The functions of legs are called leg_*; perf/instructions.sh finds them by these names.
 *
 * path_device: driver transmit, device receive, device transmit, driver receive (two ethdev ports).
 * path_switch: driver A transmit, one turn of the switch's worker, driver B receive.
 * path_mbufs: driver A transmit, frames taken into mbufs, mbufs put into buffers, driver B receive.
 * path_checks: as path_switch, once more without checks, and once more with them.
 */
#ifndef CYCLES_PATH_H
#define CYCLES_PATH_H

#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include <stdbool.h>
#include <stdint.h>

#define CYCLES_MAX_BURST 64
#define CYCLES_MAX_LEGS 9

/* What drivers negotiate and no packet uses. */
enum cycles_offloads {
	CYCLES_PLAIN,
	CYCLES_CSUM,
	CYCLES_TSO, /* and checksums, which it needs */
};

/** What the user asked for; the same for every path. */
struct cycles_conf {
	const char
		*driver; /**< Device arguments of the driver port, e.g. net_virtio_user0,path=... */
	const char *driver2; /**< path_switch: the second driver port. */
	const char *device;  /**< path_device: the device port, e.g. net_vhost0,iface=... */
	const char *peer[2]; /**< path_switch: the switch's ports, `name,path=SOCKET`. */
	uint16_t ring;       /**< Entries of each ring. */
	uint16_t burst;      /**< Packets per burst, at most CYCLES_MAX_BURST. */
	enum cycles_offloads offloads;
	uint32_t max_frame; /**< Largest frame in bytes. */
};

/**
 * One leg moves exactly nb packets.
 *
 * @param pkts  [CYCLES_MAX_BURST] taken by a transmit leg, filled by a receive leg; a leg of the
 *              switch leaves it alone.
 * @return number of burst calls it took (1 is the undisturbed case), or -ETIMEDOUT when the packets
 *         did not all arrive, -EPROTO when more arrived than were under way.
 */
typedef int (*cycles_leg_fn)(struct rte_mbuf **pkts, uint16_t nb);

struct cycles_path {
	const char *name;
	unsigned int nb_legs;
	const char *leg_name[CYCLES_MAX_LEGS];
	cycles_leg_fn leg[CYCLES_MAX_LEGS];

	/** Make the ports, start them, wait until every link is up. 0 or -errno, with a message. */
	int (*open)(const struct cycles_conf *conf);
	/** Addresses for the frames that go round: to is where they have to arrive. */
	void (*addresses)(struct rte_ether_addr *from, struct rte_ether_addr *to);
	/** Pool that frames of the driver come from. */
	struct rte_mempool *(*pool)(void);
	/** Sum of the loss counters of all ports: it must not move while measuring. */
	uint64_t (*lost)(void);
	void (*close)(void);
};

extern const struct cycles_path cycles_path_device;
extern const struct cycles_path cycles_path_switch;
extern const struct cycles_path cycles_path_mbufs;
extern const struct cycles_path cycles_path_checks;

/** Spin at most so many empty burst calls before a leg gives up (about a second). */
#define CYCLES_MAX_CALLS 10000000

/** Receive exactly nb packets from queue 0; see cycles_leg_fn. */
static inline int
cycles_receive(uint16_t port, struct rte_mbuf **pkts, uint16_t nb)
{
	uint16_t got = 0;

	for (int calls = 1; calls < CYCLES_MAX_CALLS; calls++) {
		/* Ask for a whole burst each time: vector receive functions want room for eight. */
		got += rte_eth_rx_burst(port, 0, pkts + got, nb);
		if (likely(got == nb))
			return calls;
		if (got > nb)
			return -EPROTO;
	}
	return -ETIMEDOUT;
}

/** Send exactly nb packets to queue 0; see cycles_leg_fn. */
static inline int
cycles_send(uint16_t port, struct rte_mbuf **pkts, uint16_t nb)
{
	uint16_t sent = 0;

	for (int calls = 1; calls < CYCLES_MAX_CALLS; calls++) {
		sent += rte_eth_tx_burst(port, 0, pkts + sent, nb - sent);
		if (likely(sent == nb))
			return calls;
	}
	return -ETIMEDOUT;
}

/** A pool for one side of a path. NULL with a message when there is no memory. */
struct rte_mempool *cycles_pool(const char *name, const struct cycles_conf *conf);

/** Make a virtual device; the arguments begin with its name. 0 and *port, or -errno. */
int cycles_port_attach(const char *args, uint16_t *port);

/** One queue pair of conf->ring entries on pool, started. 0 or -errno, with a message. */
int cycles_port_start(uint16_t port, const struct cycles_conf *conf, struct rte_mempool *pool);

/** Wait until the link is up. 0 or -ETIMEDOUT, with a message. */
int cycles_port_wait_link(uint16_t port);

/** Sum of the port's counters that stand for a lost packet. */
uint64_t cycles_port_lost(uint16_t port);

/** Stop, close and remove. */
void cycles_port_close(uint16_t port);

#endif
