/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The device's config space as a frontend with protocol feature CONFIG reads it, and the channel by
 * which it hears of changes. VIRTIO 1.3, 5.1.4 Device configuration layout. With the port's lock
 * held.
 */
#ifndef DEVICE_CONFIG_H
#define DEVICE_CONFIG_H

#include "port_vhost.h"

/** A stable, locally administered address for a port that was given none: by its name. */
void device_config_default_mac(const char *name, uint8_t mac[6]);

/**
 * Answer a GET_CONFIG: config space, and zeros behind it up to VHOST_MSG_CONFIG_MAX; no payload at
 * all when it asks for bytes beyond that.
 */
void device_config_answer(const struct port_vhost *pv, struct vhost_message *msg);

/** Take over the descriptor of a SET_BACKEND_REQ_FD; the message keeps none. */
void device_channel_set(struct port_vhost *pv, struct vhost_message *msg);
void device_channel_drop(struct port_vhost *pv);

/**
 * Tell the frontend that config space has changed: now, or when its channel takes a message again.
 * Nobody waits for that.
 */
void device_config_changed(struct port_vhost *pv);

/** Tell what could not be told. Main thread, every now and then. */
void device_config_remind(struct port_vhost *pv);

#endif
