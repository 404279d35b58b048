/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A port carried by vhost-user. rte_vhost speaks the protocol; rings are ours.
 *
 * The message handlers and vring_state_changed drive everything, new_device and destroy_device
 * drive nothing: the library calls them late, early or never, depending on the frontend. A ring
 * runs when the library has called it ready, its memory is mapped, the features were accepted and,
 * if STATUS was negotiated, DRIVER_OK is set.
 */
#ifndef PORT_VHOST_H
#define PORT_VHOST_H

#include "../port.h"
#include "../vswitch.h"
#include "control.h"
#include "vhost_log.h"
#include "vhost_msg.h"

#include <pthread.h>
#include <sys/types.h>

#define VHOST_RINGS_MAX PORT_RINGS_MAX
#define VHOST_PATH_BYTES 108 /* of struct sockaddr_un, with the final zero */

/* The file behind a region: the library takes another file at the same address for the same. */
struct vhost_file {
	dev_t dev;
	ino_t ino;
	uint64_t offset;
};

/* What one connection has said; all zero at its start. Rings by the index that it uses. */
struct vhost_session {
	uint64_t features; /* acknowledged and accepted */
	uint64_t protocol_features;
	bool features_accepted;
	uint8_t status;   /* virtio device status, with protocol feature STATUS */
	uint16_t mtu;     /* as told by NET_SET_MTU; 0: not told */
	bool announce;    /* the guest is asked to announce itself */
	bool announced;   /* it was asked since it connected */
	uint32_t pending; /* request the library is at work on; left over: it failed */
	uint32_t nb_files;
	struct vhost_file files[VHOST_MSG_REGIONS_MAX]; /* [nb_files], of the memory table */
	struct vhost_msg_region regions[VHOST_MSG_REGIONS_MAX]; /* [nb_files] */
	bool kicked[VHOST_RINGS_MAX];  /* started, by SET_VRING_KICK, until GET_VRING_BASE */
	bool enabled[VHOST_RINGS_MAX]; /* by SET_VRING_ENABLE */
	bool on[VHOST_RINGS_MAX];      /* the library says: set up and enabled */
	bool held[VHOST_RINGS_MAX];    /* it is on for the library, but RESET_OWNER disabled it */
	uint64_t log_used[VHOST_RINGS_MAX]; /* guest address of used rings that are logged */
};

struct vhost_control;

/*
 * The vhost-user end of a port; port->backend. Fields below lock: the thread that holds it, which
 * is one of the library's threads, or main when it removes the port. Telemetry reads without.
 */
struct port_vhost {
	struct port *port;
	char path[VHOST_PATH_BYTES];
	bool client;
	uint64_t serial;     /* no two ports of a process have the same */
	uint64_t created_ns; /* CLOCK_MONOTONIC */
	/* As the port was asked for, see struct vswitch_port_conf. */
	uint8_t mac[6];
	uint16_t config_mtu;
	uint32_t speed;
	bool hash;
	bool no_config;
	pthread_mutex_t lock;
	bool closing;
	int vid; /* the library's handle; -1: nobody is connected */
	uint64_t connections;
	uint64_t refused;    /* messages */
	bool link_down;      /* main set it down */
	bool config_changed; /* the frontend has to be told that config space changed */
	int channel_fd;      /* where it wants to be told, ours; -1: nowhere */
	struct control_limit limit;
	struct vhost_log log;        /* changes only while paused */
	int err_fd[VHOST_RINGS_MAX]; /* eventfds that want to know of faults, ours; -1: none */
	struct vhost_session session;
	struct vhost_control *control; /* see vhost_control.h */
};

/**
 * Make a port, its socket and start it.
 *
 * A left-over socket file that nobody serves is removed.
 *
 * @return Port id, or -errno with the reason in the log: -EINVAL, -ENAMETOOLONG, -EEXIST (name or
 *     path taken), -EADDRINUSE (somebody serves the socket), what mkdir or bind would say.
 *
 * Main thread.
 */
int port_vhost_add(const struct vswitch_port_conf *conf);

/**
 * Stop the rings, hang up, remove the socket and destroy the port.
 *
 * @return 0. Main thread; workers may run.
 */
int port_vhost_remove(struct port *port);

/** Set the link of a port up or down. Any thread that has control_lock(). */
void port_vhost_link_set(struct port *port, bool up);

/** What has to be looked at every now and then. Main thread, workers may run. */
void port_vhost_housekeep(void);

#endif
