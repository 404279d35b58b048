/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Two guests in one thread, for any switch: what one port sends the other one has to receive.
 *
 * The same program stands on every side of a comparison, so a difference comes from the drivers and
 * the switch. It is lean: frames are written once into the buffers of a pool that is used for
 * sending only, and neither end touches a payload unless it was asked to.
 */
#ifndef GUEST_H
#define GUEST_H

#include "latency_hist.h"

#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include <stdbool.h>
#include <stdint.h>

#define GUEST_BURST 32
#define GUEST_MAX_PORTS 32
#define GUEST_KEPT 320 /**< Frames that a driver may keep when they are sent, and two bursts. */
#define GUEST_MAX_QUEUES 16

struct guest_conf {
	uint16_t queues; /**< Queue pairs of each port. */
	uint16_t ring;   /**< Entries of each ring. */
	uint32_t window; /**< Frames of one direction under way at most, when there is no rate. */
	uint32_t room;   /**< Data bytes of an mbuf. */
	uint32_t frame;  /**< Largest frame. */
	uint32_t flows;  /**< UDP flows; frames of both directions belong to the same ones. */
	bool mixed;      /**< Frames of a flow are sent by any queue; else each flow has its own. */
	uint32_t macs;   /**< Addresses behind each port; 0: the one it has. */
	bool tso;        /**< Negotiate segmentation and large receive. */
};

extern struct guest_conf guest_conf;

/** What a measurement sends; hash.usr of each mbuf of a sending pool is its frame's length. */
struct guest_load {
	char name[16];     /**< As in the command: bytes, "imix" or "tso". */
	uint32_t size[12]; /**< Lengths in turn. */
	uint32_t nb_sizes;
	bool tso;
	bool touch; /**< Sender writes all bytes, receiver reads them. */
	bool macs;  /**< Destinations uniform over all addresses behind the receiver. */
	bool stamp; /**< Time of sending in the payload, for the latency. */
};

/** One direction. */
struct guest_flow {
	uint16_t from, to; /**< Ports. */
	uint16_t queue;    /**< To send to next. */
	uint16_t nb_pending;
	uint32_t random;
	struct rte_mempool *pools[GUEST_MAX_QUEUES]; /**< Sending only; by queue, mixed: one. */
	struct rte_mbuf *pending[GUEST_BURST];
	uint64_t sent, received, bytes, lost;
	uint64_t made; /**< Built so far, sent or pending. */
};

struct guest_result {
	double seconds;
	uint64_t sent, received, bytes, lost;
	double offered;    /**< Share of the wanted rate that was sent, 1 without a rate. */
	bool paused;       /**< With a rate: this thread or the switch stood still for a moment. */
	uint64_t checksum; /**< Of what was read, so that nobody leaves the reading out. */
	struct latency_hist *latency; /**< TSC cycles; empty without stamps. */
};

extern struct guest_flow guest_flows[2];

/** Set up all ports of the EAL; the first two are the ends of both flows. 0 or -errno. */
int guest_ports_open(void);

/** Wait until the links of all ports are up. 0 or -ETIMEDOUT, with a message. */
int guest_ports_wait(unsigned int seconds);

void guest_ports_close(void);

/** Bytes of the heap that are neither free nor part of a pool, and those of the pools. */
void guest_memory(uint64_t *heap, uint64_t *pools);

/** "60", "imix", "tso", then any of ",touch" ",macs". 0, or -EINVAL with a message. */
int guest_load_parse(const char *text, struct guest_load *load);

/** Write the frames of a load into all buffers of both flows; nothing is under way. */
void guest_load_fill(const struct guest_load *load);

/** Pools of each direction. */
static inline uint16_t
guest_nb_pools(void)
{
	return guest_conf.mixed ? 1 : guest_conf.queues;
}

/** Address number i behind a port. */
void guest_mac(uint16_t port, uint32_t i, struct rte_ether_addr *mac);

/** Build up to GUEST_BURST pending frames. @return number of pending frames. */
uint16_t guest_build(struct guest_flow *flow, const struct guest_load *load, uint16_t nb);

/** Make both ends known to a switch that learns; first packets. 0 or -ETIMEDOUT. */
int guest_learn(unsigned int seconds);

/** As fast as the window lets them through. */
int guest_run_max(const struct guest_load *load, double seconds, struct guest_result *result);

/** At pps frames per second, both directions together; counts what is lost. */
int guest_run_rate(
	const struct guest_load *load, double seconds, double pps, struct guest_result *result);

/** What became of the slices of a trial. */
struct guest_slices {
	uint32_t good;   /**< All was sent at the wanted rate, and came. */
	uint32_t lost;   /**< Something did not come. */
	uint32_t slow;   /**< The rate was not reached. */
	uint32_t paused; /**< They say nothing: a thread did not have its CPU all the time. */
};

/** guest_run_rate() again and again for a moment, nothing under way in between. */
int guest_run_slices(
	const struct guest_load *load, double seconds, double pps, struct guest_slices *slices);

/** One frame at a time, directions in turn. */
int guest_run_one(const struct guest_load *load, double seconds, struct guest_result *result);

#endif
