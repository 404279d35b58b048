/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control queue of a port, as the rest of its vhost-user end sees it: when there is one, and
 * when what its commands add up to begins and ends. VIRTIO 1.3, 5.1.6.5 Control Virtqueue.
 *
 * There is one when protocol feature CONFIG and VIRTIO_NET_F_CTRL_VQ were acknowledged and its ring
 * was started. Other guests have no say: they get whatever comes their way. All functions with the
 * port's lock held, if nothing else is said.
 */
#ifndef VHOST_CONTROL_H
#define VHOST_CONTROL_H

#include "port_vhost.h"

struct vhost_control;

/** For a new port, after a reset. NULL: no memory. */
struct vhost_control *vhost_control_new(const uint8_t mac[6]);
void vhost_control_free(struct vhost_control *control);

/**
 * Ring that is the control queue, by the index that the frontend uses: behind all pairs that the
 * port has, or with neither MQ nor RSS behind the first.
 *
 * @return -1: none was negotiated. The same as long as any ring is started.
 */
int32_t vhost_control_index(const struct port *port, const struct vhost_session *session);

/** A ring by the frontend's index -> by the port's, where the control queue is the last; and back.
 */
uint32_t vhost_ring_swap(
	const struct port *port, const struct vhost_session *session, uint32_t ring);

/** Is a ring, by the frontend's index, one that the guest can have? */
bool vhost_ring_exists(const struct port *port, const struct vhost_session *session, uint32_t ring);

/** The guest has reset its device, or other features have come: nothing it said before counts. */
void vhost_control_reset(struct port_vhost *pv);

/** The frontend has started the ring of this index. */
void vhost_control_kicked(struct port_vhost *pv, uint32_t ring);

/** The device runs: the guest of a frontend that had gone is asked to announce itself. */
void vhost_control_device_ready(struct port_vhost *pv);

/**
 * Let the workers do what the state says by now.
 *
 * @return 0, or -ENOMEM: they go on as before.
 */
int vhost_control_sync(struct port_vhost *pv);

/** The control ring has been started: serve it when this descriptor is signalled. -1: none. */
void vhost_control_started(struct port_vhost *pv, int kick_fd);
void vhost_control_stopped(struct port_vhost *pv);

/** Serve the control ring, and let its guest have more. Takes the lock. Main thread. */
void vhost_control_housekeep(struct port_vhost *pv);

#endif
