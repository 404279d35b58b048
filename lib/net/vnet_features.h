/* SPDX-License-Identifier: BSD-3-Clause */
/* Feature sets of a network device: what depends on what, and names for printing. */
#ifndef VNET_FEATURES_H
#define VNET_FEATURES_H

#include "spec/virtio_net_spec.h"
#include "spec/virtq_spec.h"

#include <stddef.h>
#include <stdint.h>

/* Bit 30 is not virtio's: vhost-user uses it to offer its protocol features. */
#define VHOST_USER_F_PROTOCOL_FEATURES 30

/* How strictly a feature set is held to the standard. */
enum vnet_strict {
	/* The standard as it stands: both ends serve a control queue if they say so. */
	VNET_STRICT,
	/*
	 * A vhost-user peer without protocol feature CONFIG: QEMU and virtio_user keep the control
	 * queue to themselves and acknowledge MQ, GUEST_ANNOUNCE and HASH_REPORT without CTRL_VQ.
	 * What the data path depends on is held all the same.
	 */
	VNET_NO_CONTROL_RING,
};

/* Why a set is impossible: bit stands in it, but none of the bits that it needs. */
struct vnet_missing {
	uint8_t bit;
	uint8_t needs;   /* the first of the alternatives */
	uint64_t any_of; /* all of them: one would do */
};

/* Bytes that hold any text of vnet_missing_str(). */
#define VNET_MISSING_TEXT 80

/**
 * Is this set of negotiated features possible?
 *
 * @param missing  Out, may be NULL: the first dependency that fails, in order of bits.
 * @return 0, or -EINVAL. VIRTIO 1.3, 5.1.3.1 Feature bit requirements.
 */
int vnet_features_check(uint64_t features, enum vnet_strict strict, struct vnet_missing *missing);

/**
 * The largest possible part of a set: without the bits whose needs are not met, and without those
 * that need these.
 */
uint64_t vnet_features_closure(uint64_t features, enum vnet_strict strict);

/**
 * "GUEST_ECN needs GUEST_TSO4 or GUEST_TSO6", for messages.
 *
 * @param size  Bytes at text, VNET_MISSING_TEXT for the whole text; fewer cut it.
 * @return text.
 */
char *vnet_missing_str(const struct vnet_missing *missing, char *text, size_t size);

/**
 * "VIRTIO_NET_F_MRG_RXBUF" for 15; "bit 44" for a bit without a name, in a buffer per thread that
 * the next such call overwrites.
 */
const char *vnet_feature_name(unsigned int bit);

/**
 * Names of all bits of a set, short form, comma separated: "MRG_RXBUF,VERSION_1,IN_ORDER".
 *
 * @param size  Bytes at text, at least 1; a list that does not fit ends in "...".
 * @return text.
 */
char *vnet_features_str(uint64_t features, char *text, size_t size);

/** Bytes of the packet header: 12, or 20 with HASH_REPORT. VIRTIO 1.3, 5.1.6. */
static inline uint16_t
vnet_hdr_bytes(uint64_t features)
{
	return (features >> VIRTIO_NET_F_HASH_REPORT) & 1 ? VIRTIO_NET_HDR_HASH_BYTES
							  : VIRTIO_NET_HDR_BYTES;
}

#endif
