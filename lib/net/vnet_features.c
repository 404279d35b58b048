/* SPDX-License-Identifier: BSD-3-Clause */
#include "net/vnet_features.h"

#include "ring/virtq.h"

#include <rte_common.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define VNET_FEATURE_BITS 64

/* One dependency: the bit is possible with any one of these. */
struct need {
	uint8_t bit;
	uint8_t first; /* of the alternatives, for messages */
	bool control;  /* a frontend that keeps the control queue to itself may do without */
	uint64_t any_of;
};

#define BIT(name) (UINT64_C(1) << VIRTIO_NET_F_##name)
#define NEEDS(bit, other) \
	{ \
		VIRTIO_NET_F_##bit, VIRTIO_NET_F_##other, false, BIT(other) \
	}
#define NEEDS_EITHER(bit, one, two) \
	{ \
		VIRTIO_NET_F_##bit, VIRTIO_NET_F_##one, false, BIT(one) | BIT(two) \
	}
#define NEEDS_OUR_CTRL_VQ(bit) \
	{ \
		VIRTIO_NET_F_##bit, VIRTIO_NET_F_CTRL_VQ, true, BIT(CTRL_VQ) \
	}

/*
 * VIRTIO 1.3, 5.1.3.1, in the order of bits. It lists neither CTRL_GUEST_OFFLOADS nor DEVICE_STATS,
 * which are control commands and nothing else, and says SHOULD NOT (5.1.4) about CTRL_RX_EXTRA and
 * HASH_REPORT without CTRL_VQ: nobody could switch them on, so we hold them to it.
 */
static const struct need needs[] = {
	NEEDS(CTRL_GUEST_OFFLOADS, CTRL_VQ),
	NEEDS(GUEST_TSO4, GUEST_CSUM),
	NEEDS(GUEST_TSO6, GUEST_CSUM),
	NEEDS_EITHER(GUEST_ECN, GUEST_TSO4, GUEST_TSO6),
	NEEDS(GUEST_UFO, GUEST_CSUM),
	NEEDS(HOST_TSO4, CSUM),
	NEEDS(HOST_TSO6, CSUM),
	NEEDS_EITHER(HOST_ECN, HOST_TSO4, HOST_TSO6),
	NEEDS(HOST_UFO, CSUM),
	NEEDS(CTRL_RX, CTRL_VQ),
	NEEDS(CTRL_VLAN, CTRL_VQ),
	NEEDS(CTRL_RX_EXTRA, CTRL_VQ),
	NEEDS_OUR_CTRL_VQ(GUEST_ANNOUNCE),
	NEEDS_OUR_CTRL_VQ(MQ),
	NEEDS(CTRL_MAC_ADDR, CTRL_VQ),
	NEEDS(DEVICE_STATS, CTRL_VQ),
	NEEDS(HASH_TUNNEL, CTRL_VQ),
	NEEDS_EITHER(HASH_TUNNEL, HASH_REPORT, RSS),
	NEEDS(VQ_NOTF_COAL, CTRL_VQ),
	NEEDS(NOTF_COAL, CTRL_VQ),
	NEEDS(GUEST_USO4, GUEST_CSUM),
	NEEDS(GUEST_USO6, GUEST_CSUM),
	NEEDS(HOST_USO, CSUM),
	NEEDS_OUR_CTRL_VQ(HASH_REPORT),
	NEEDS(RSS, CTRL_VQ),
	NEEDS_EITHER(RSC_EXT, HOST_TSO4, HOST_TSO6),
};

#define NAME(prefix, name) [prefix##name] = #prefix #name
#define NET(name) NAME(VIRTIO_NET_F_, name)
#define DEV(name) NAME(VIRTIO_F_, name)

static const char *const names[VNET_FEATURE_BITS] = {
	NET(CSUM),
	NET(GUEST_CSUM),
	NET(CTRL_GUEST_OFFLOADS),
	NET(MTU),
	NET(MAC),
	NET(GUEST_TSO4),
	NET(GUEST_TSO6),
	NET(GUEST_ECN),
	NET(GUEST_UFO),
	NET(HOST_TSO4),
	NET(HOST_TSO6),
	NET(HOST_ECN),
	NET(HOST_UFO),
	NET(MRG_RXBUF),
	NET(STATUS),
	NET(CTRL_VQ),
	NET(CTRL_RX),
	NET(CTRL_VLAN),
	NET(CTRL_RX_EXTRA),
	NET(GUEST_ANNOUNCE),
	NET(MQ),
	NET(CTRL_MAC_ADDR),
	DEV(NOTIFY_ON_EMPTY),
	DEV(ANY_LAYOUT),
	DEV(INDIRECT_DESC),
	DEV(EVENT_IDX),
	NAME(VHOST_USER_F_, PROTOCOL_FEATURES),
	DEV(VERSION_1),
	DEV(ACCESS_PLATFORM),
	DEV(RING_PACKED),
	DEV(IN_ORDER),
	DEV(ORDER_PLATFORM),
	DEV(SR_IOV),
	DEV(NOTIFICATION_DATA),
	DEV(NOTIF_CONFIG_DATA),
	DEV(RING_RESET),
	NET(DEVICE_STATS),
	NET(HASH_TUNNEL),
	NET(VQ_NOTF_COAL),
	NET(NOTF_COAL),
	NET(GUEST_USO4),
	NET(GUEST_USO6),
	NET(HOST_USO),
	NET(HASH_REPORT),
	NET(GUEST_HDRLEN),
	NET(RSS),
	NET(RSC_EXT),
	NET(STANDBY),
	NET(SPEED_DUPLEX),
};

static const struct need *
first_unmet(uint64_t features, enum vnet_strict strict)
{
	for (size_t i = 0; i < RTE_DIM(needs); i++) {
		const struct need *n = &needs[i];

		if (!(features & virtq_bit(n->bit)) || (features & n->any_of))
			continue;
		if (n->control && strict == VNET_NO_CONTROL_RING)
			continue;
		return n;
	}
	return NULL;
}

int
vnet_features_check(uint64_t features, enum vnet_strict strict, struct vnet_missing *missing)
{
	const struct need *n = first_unmet(features, strict);

	if (n == NULL)
		return 0;
	if (missing != NULL)
		*missing = (struct vnet_missing){n->bit, n->first, n->any_of};
	return -EINVAL;
}

uint64_t
vnet_features_closure(uint64_t features, enum vnet_strict strict)
{
	const struct need *n;

	/* Each round takes one bit away: at most as many rounds as bits. */
	while ((n = first_unmet(features, strict)) != NULL)
		features &= ~virtq_bit(n->bit);
	return features;
}

const char *
vnet_feature_name(unsigned int bit)
{
	static __thread char text[sizeof("bit 4294967295")];

	if (bit < VNET_FEATURE_BITS && names[bit] != NULL)
		return names[bit];
	snprintf(text, sizeof(text), "bit %u", bit);
	return text;
}

/* "VIRTIO_NET_F_MQ" -> "MQ"; a bit without a name keeps its "bit 44". */
static const char *
short_name(unsigned int bit)
{
	const char *name = vnet_feature_name(bit);
	const char *f = strstr(name, "_F_");

	return f == NULL ? name : f + 3;
}

/* Append a piece, or "..." in its place if the whole of it does not fit. */
static bool
append(char *text, size_t size, const char *separator, const char *piece)
{
	static const char dots[] = "...";
	size_t used = strlen(text);
	size_t want = strlen(separator) + strlen(piece);

	if (used + want < size) {
		snprintf(text + used, size - used, "%s%s", separator, piece);
		return true;
	}
	if (used + sizeof(dots) > size)
		used = size > sizeof(dots) ? size - sizeof(dots) : 0;
	snprintf(text + used, size - used, "%s", dots);
	return false;
}

static char *
list(uint64_t bits, const char *separator, char *text, size_t size)
{
	for (unsigned int bit = 0; bit < VNET_FEATURE_BITS; bit++) {
		if ((bits & virtq_bit(bit)) &&
			!append(text, size, text[0] == '\0' ? "" : separator, short_name(bit)))
			break;
	}
	return text;
}

char *
vnet_features_str(uint64_t features, char *text, size_t size)
{
	text[0] = '\0';
	return list(features, ",", text, size);
}

char *
vnet_missing_str(const struct vnet_missing *missing, char *text, size_t size)
{
	char others[VNET_MISSING_TEXT];

	others[0] = '\0';
	list(missing->any_of, " or ", others, sizeof(others));
	snprintf(text, size, "%s needs %s", short_name(missing->bit), others);
	return text;
}
