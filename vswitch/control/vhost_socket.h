/* SPDX-License-Identifier: BSD-3-Clause */
/* The socket file of a port, before the library binds or connects it. */
#ifndef VHOST_SOCKET_H
#define VHOST_SOCKET_H

#include <stdbool.h>

/**
 * Can a port use this path? A socket file that nobody serves is removed for a server.
 *
 * The library would fail late and without a reason, and its clean-up would remove a file that is
 * somebody else's.
 *
 * @param name  Of the port, for the log.
 * @return 0, or -errno with the reason in the log.
 */
int vhost_socket_prepare(const char *name, const char *path, bool client);

#endif
