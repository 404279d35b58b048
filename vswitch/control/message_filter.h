/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What we refuse or answer before rte_vhost sees it: what makes no sense for this switch, and
 * all that was not negotiated.
 */
#ifndef MESSAGE_FILTER_H
#define MESSAGE_FILTER_H

#include "port_vhost.h"

enum filter_verdict {
	FILTER_PASS,     /* the library may have it */
	FILTER_ANSWERED, /* the reply stands in the message */
	FILTER_REFUSED,  /* why says the reason */
};

#define FILTER_WHY_BYTES 200

/* Protocol features the switch knows. */
#define FILTER_PROTOCOL_FEATURES \
	((UINT64_C(1) << VHOST_PROTOCOL_F_MQ) | (UINT64_C(1) << VHOST_PROTOCOL_F_LOG_SHMFD) | \
		(UINT64_C(1) << VHOST_PROTOCOL_F_REPLY_ACK) | \
		(UINT64_C(1) << VHOST_PROTOCOL_F_NET_MTU) | \
		(UINT64_C(1) << VHOST_PROTOCOL_F_BACKEND_REQ) | \
		(UINT64_C(1) << VHOST_PROTOCOL_F_CONFIG) | \
		(UINT64_C(1) << VHOST_PROTOCOL_F_STATUS))

/** Those that a port offers. */
uint64_t filter_protocol_features(const struct port *port);

/** Virtio features offered to a frontend that has negotiated these protocol features. */
uint64_t filter_features(const struct port *port, uint64_t protocol_features);

/**
 * Look at a message.
 *
 * Answered and refused messages have no file descriptors left: they were closed. A message that
 * passes keeps them, the library closes them.
 *
 * @param session  Of the connection; files and regions of a memory table that passes are noted.
 * @param why  [FILTER_WHY_BYTES] Out, when refused: "ring 1: size 300 is not ...".
 *
 * Vhost event thread.
 */
enum filter_verdict message_filter(const struct port *port, struct vhost_session *session,
	struct vhost_message *msg, char *why);

/** "SET_VRING_NUM" for 8; "request 99" for a number without a name, in a buffer per thread. */
const char *vhost_request_name(uint32_t request);

/**
 * Ring that a message is about.
 *
 * @return Ring index, or -1: not about one ring. The payload was found long enough.
 */
int64_t vhost_msg_ring_index(const struct vhost_message *msg);

/** Close the descriptors of a message and take them out of it. */
void vhost_msg_close_fds(struct vhost_message *msg);

#endif
