/* SPDX-License-Identifier: BSD-3-Clause */
#include "feature_filter.h"

#include "datapath/offload.h"
#include "memory_filter.h"
#include "net/vnet_features.h"

#define NET(name) virtq_bit(VIRTIO_NET_F_##name)

/*
 * What a frontend has a use for that reads our config space. Others keep config space and control
 * queue to themselves: they see none of this, and their guests what they always saw.
 */
#define CONFIG_FEATURES \
	(NET(MAC) | NET(STATUS) | NET(CTRL_VQ) | NET(CTRL_RX) | NET(CTRL_VLAN) | \
		NET(CTRL_RX_EXTRA) | NET(GUEST_ANNOUNCE) | NET(CTRL_MAC_ADDR) | \
		NET(CTRL_GUEST_OFFLOADS) | NET(HASH_REPORT) | NET(RSS) | NET(SPEED_DUPLEX))

uint64_t
filter_protocol_features(const struct port *port)
{
	const struct port_vhost *pv = port->backend;

	return FILTER_PROTOCOL_FEATURES &
	       ~(pv->no_config ? UINT64_C(1) << VHOST_PROTOCOL_F_CONFIG : 0);
}

uint64_t
filter_features(const struct port *port, uint64_t protocol_features)
{
	const struct port_vhost *pv = port->backend;
	uint64_t features = virtq_bit(VIRTIO_F_VERSION_1) | NET(MRG_RXBUF) |
			    virtq_bit(VIRTIO_F_INDIRECT_DESC) | virtq_bit(VIRTIO_F_EVENT_IDX) |
			    virtq_bit(VIRTIO_F_IN_ORDER) | virtq_bit(VHOST_F_LOG_ALL_BIT) |
			    virtq_bit(VHOST_USER_F_PROTOCOL_FEATURES) | OFFLOAD_FEATURES;

	if (port->max_pairs > 1)
		features |= NET(MQ);
	if (pv->hash)
		features |= NET(HASH_REPORT);
	if (protocol_features & (UINT64_C(1) << VHOST_PROTOCOL_F_CONFIG))
		features |= CONFIG_FEATURES | (pv->config_mtu != 0 ? NET(MTU) : 0);
	return features;
}

bool
feature_filter(
	const struct port *port, const struct vhost_session *session, uint64_t features, char *why)
{
	uint64_t surplus = features & ~filter_features(port, session->protocol_features);
	bool config = session->protocol_features & (UINT64_C(1) << VHOST_PROTOCOL_F_CONFIG);
	struct vnet_missing missing;
	char text[VNET_MISSING_TEXT];

	if (surplus != 0)
		return filter_no(why, "%s was not offered",
			vnet_feature_name((unsigned int)__builtin_ctzll(surplus)));
	if (!(features & virtq_bit(VIRTIO_F_VERSION_1)))
		return filter_no(
			why, "no VIRTIO_F_VERSION_1: the legacy interface is not supported");
	if (vnet_features_check(features, config ? VNET_STRICT : VNET_NO_CONTROL_RING, &missing) !=
		0)
		return filter_no(why, "impossible set of features: %s",
			vnet_missing_str(&missing, text, sizeof(text)));
	/* Logging is switched on and off in the middle of everything. */
	if (((features ^ session->features) & ~virtq_bit(VHOST_F_LOG_ALL_BIT)) &&
		port_any_ring_started(port))
		return filter_no(why, "features change while rings are running");
	return true;
}

bool
feature_filter_protocol(
	const struct port *port, const struct vhost_session *session, uint64_t features, char *why)
{
	uint64_t surplus = features & ~filter_protocol_features(port);

	if (surplus != 0)
		return filter_no(
			why, "protocol feature bit %d was not offered", __builtin_ctzll(surplus));
	if (features != session->protocol_features && port_any_ring_started(port))
		return filter_no(why, "protocol features change while rings are running");
	return true;
}
