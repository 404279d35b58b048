/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rings and memory of a port as the library has mapped them, handed to the workers and taken back.
 * All functions with the port's lock held.
 */
#ifndef VHOST_RINGS_H
#define VHOST_RINGS_H

#include "port_vhost.h"

#include <rte_common.h>

/** A line about the frontend, which may cause it as often as it likes: some are left out. */
void vhost_complain(struct port_vhost *pv, const char *fmt, ...) __rte_format_printf(2, 3);

/** Start the ring if it may run and does not, stop it if it runs and may not. */
void vhost_ring_sync(struct port_vhost *pv, uint32_t ring);
void vhost_rings_sync(struct port_vhost *pv);

/** Stop a ring and tell the library where it stands, for GET_VRING_BASE. */
void vhost_ring_stop(struct port_vhost *pv, uint32_t ring);

/** All of them at the price of one grace period; the port stays paused. */
void vhost_rings_stop(struct port_vhost *pv);

/** The same because the guest resets its device: rings that it broke are forgiven. */
void vhost_rings_reset(struct port_vhost *pv);

/** Signal the eventfd of SET_VRING_ERR, if the frontend gave one for the ring. */
void vhost_ring_error(struct port_vhost *pv, uint32_t ring);

/** Take over the eventfd of a SET_VRING_ERR: the library closes the message's own. */
void vhost_ring_set_err(struct port_vhost *pv, const struct vhost_message *msg);

/** Forget those of all rings. */
void vhost_rings_drop_err(struct port_vhost *pv);

/** Take over the library's memory table. Rings are stopped. */
void vhost_memory_load(struct port_vhost *pv);

/** The library has unmapped the memory, or is about to. Rings are stopped. */
void vhost_memory_drop(struct port_vhost *pv);

#endif
