/* SPDX-License-Identifier: BSD-3-Clause */
/* A frontend's connection to a port: messages and ring states -> which rings run. */
#ifndef VHOST_SESSION_H
#define VHOST_SESSION_H

#include "port_vhost.h"

struct rte_vhost_device_ops;

/* For rte_vhost_driver_callback_register(). The callbacks run on threads of the library. */
extern const struct rte_vhost_device_ops vhost_session_ops;

/** Let frontends connect to a port, by its path; before its socket is started. */
void vhost_session_allow(struct port_vhost *pv);

/** Take back vhost_session_allow(). */
void vhost_session_forbid(struct port_vhost *pv);

/** The port of a path, NULL when none has it. */
struct port_vhost *vhost_session_find(const char *path);

/**
 * Name of the port that serves (client false) or connects to (true) a path. Any thread.
 *
 * @param name  [PORT_NAME_BYTES] Out.
 * @return false: there is none.
 */
bool vhost_session_port_name(const char *path, bool client, char *name);

/**
 * Stop all rings and refuse whatever the frontend still says; before the library is told to forget
 * the socket, since it calls nobody then. Main thread.
 */
void vhost_session_close(struct port_vhost *pv);

/** Stop the port if its frontend took memory back. Main thread, every now and then. */
void vhost_session_check(struct port_vhost *pv);

#endif
