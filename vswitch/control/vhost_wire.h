/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where a message enters the process. A frontend sends a message to its end, takes its answers, and
 * brings descriptors only where they belong: that is held at recvmsg(), which this file defines for
 * the process in front of the C library's.
 */
#ifndef VHOST_WIRE_H
#define VHOST_WIRE_H

/**
 * From now on a frontend that stops in the middle of a message is hung up on after
 * VHOST_WIRE_TIMEOUT_MS, and one that does not read its answers when some dozens have piled up.
 * Descriptors that a message has no use for are closed on arrival.
 *
 * Says so in the log if recvmsg() is somebody else's. Main thread, any number of times.
 */
void vhost_wire_init(void);

#define VHOST_WIRE_TIMEOUT_MS 500

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
