/* SPDX-License-Identifier: BSD-3-Clause */
/* The switch as a program uses it: set up, ports, workers, figures. */
#ifndef VSWITCH_H
#define VSWITCH_H

#include <stdbool.h>
#include <stdint.h>

struct vswitch_conf {
	uint32_t nb_mbufs;    /* pool for flooded frames; 0 = 8191 */
	uint32_t mac_entries; /* MAC table; 0 = 65,536 */
	uint32_t mac_age_s;   /* seconds without traffic until an address is forgotten; 0 = 300 */
	bool idle_sleep;      /* workers sleep until a guest kicks, after */
	uint32_t idle_us;     /* so long without a frame */
	uint16_t nb_workers;  /* threads that will call vswitch_poll(), 1..VSWITCH_WORKERS_MAX */
};

#define VSWITCH_WORKERS_MAX 64
#define VSWITCH_MTU_MIN 68

struct vswitch_port_conf {
	const char *name; /* unique, 1..31 characters of [A-Za-z0-9_.-] */
	const char *path; /* UNIX socket */
	bool client;      /* connect to a socket that the guest serves; false: serve it */
	uint16_t pairs;   /* queue pairs offered, 1..127 */
	/* What the guest reads in config space, if its frontend knows protocol feature CONFIG. */
	uint8_t mac[6]; /* all zero: a locally administered one, made from the name */
	uint16_t mtu;   /* VSWITCH_MTU_MIN..65535; 0: none is told */
	uint32_t speed; /* Mbit/s; 0: unknown */
	bool hash;      /* HASH_REPORT also for frontends without CONFIG: QEMU */
	bool no_config; /* CONFIG is not offered, nor what needs it: no control queue */
};

/**
 * Make the switch of this process: pool, MAC table, worker slots.
 *
 * @return 0 or -errno, with the reason in the log. Main thread, once, after rte_eal_init().
 */
int vswitch_init(const struct vswitch_conf *conf);

/** Remove all ports and free everything; workers have stopped. */
void vswitch_fini(void);

/**
 * Add a port and start its socket.
 *
 * @return Port id, or -errno with the reason in the log. Main thread.
 */
int vswitch_port_add(const struct vswitch_port_conf *conf);

/** @return 0, or -ENOENT. Main thread, workers may run. */
int vswitch_port_remove(const char *name);

/**
 * Set the link of a port up or down: with a link that is down a port gets and gives no traffic, and
 * its guest is told so. Ports start with their link up; it outlives connections.
 *
 * @return 0, or -ENOENT. Any thread.
 */
int vswitch_port_link_set(const char *name, bool up);

/**
 * Run a worker on the calling lcore until vswitch_stop(); for rte_eal_remote_launch().
 *
 * @param arg  Worker index, 0..nb_workers-1, cast to a pointer.
 * @return 0.
 */
int vswitch_worker(void *arg);

/** Ask all workers to return. Any thread, also from a signal handler. */
void vswitch_stop(void);

/**
 * One iteration of a worker on the calling thread, for programs that run the switch and its
 * guests on one core. A worker that is polled this way holds nothing between calls.
 *
 * @return Packets taken from guests.
 */
unsigned int vswitch_poll(uint16_t worker);

/* A broken ring is in the log within 10 ms: the other half is for the housekeeping itself. */
#define VSWITCH_HOUSEKEEP_MS 5
/* When nobody asks for it: a main thread that wakes up takes a CPU from somebody. */
#define VSWITCH_CALM_MS 100

/**
 * What has to be done now and then: report faults, serve control queues, age the MAC table. Main
 * thread, between calls of vswitch_wait() while workers run; who cannot call that, every
 * VSWITCH_HOUSEKEEP_MS.
 */
void vswitch_housekeep(void);

/**
 * Let time pass between two vswitch_housekeep(): ms, VSWITCH_CALM_MS as a rule. Control commands of
 * guests are served at once. Returns after VSWITCH_HOUSEKEEP_MS when something is to be done then
 * (a ring broke, a command was left), and early when a signal comes. Main thread.
 */
void vswitch_wait(uint32_t ms);

/** Register /virtq/... telemetry commands. */
void vswitch_telemetry_init(void);

/** Print the table of ports, rates since the last call and drops by reason to stdout. */
void vswitch_show(void);

#endif
