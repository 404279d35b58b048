/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory that a frontend takes back: a file that is cut short while it is mapped gives SIGBUS to
 * whoever touches it. The signal is answered with a page of zeros, the port is marked.
 */
#ifndef VHOST_BUS_H
#define VHOST_BUS_H

#include "../port.h"

/** Install the handler; SIGBUS for any other reason ends the process as before. Main thread. */
void vhost_bus_init(void);

/** Answer for the memory of a port from now on, in place of what was watched before. */
void vhost_bus_watch(const struct port *port);

/** The same for its dirty log; bytes 0: for none. */
void vhost_bus_watch_log(const struct port *port, const void *log, uint64_t bytes);

void vhost_bus_forget(const struct port *port);

/**
 * The calling thread, one of the library's, works on a port whose new memory is not watched yet.
 *
 * @param port  NULL: no longer.
 */
void vhost_bus_working_on(const struct port *port);

/** Was memory of the port missing since vhost_bus_clear()? Any thread. */
bool vhost_bus_hit(const struct port *port);
void vhost_bus_clear(const struct port *port);

#endif
