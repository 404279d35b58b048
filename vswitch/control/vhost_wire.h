/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where a message enters the process. A frontend sends a message to its end, takes its answers, and
 * brings descriptors only where they belong: that is held at recvmsg(), which this file defines for
 * the process in front of the C library's.
 */
#ifndef VHOST_WIRE_H
#define VHOST_WIRE_H

/**
 * From now on descriptors that a message has no use for are closed on arrival, and no
 * read or write on a frontend's socket lasts longer than VHOST_GATE_TIMEOUT_MS.
 *
 * Says so in the log if recvmsg() is somebody else's. Main thread, any number of times.
 */
void vhost_wire_init(void);

/**
 * rte_vhost_driver_start(), and the library's thread takes note at once: left alone it looks for
 * new sockets once a second.
 *
 * @return What the library returns. Main thread.
 */
int vhost_wire_start(const char *path);

/**
 * rte_vhost_driver_unregister(), and the frontend sees the end at once: the library's thread holds
 * closed sockets until it looks at its list again.
 *
 * Main thread.
 */
void vhost_wire_stop(const char *path);

#endif
