/* SPDX-License-Identifier: BSD-3-Clause */
#include "policy_model.h"

#include <string.h>

static bool
negotiated(const struct vnet_ctrl_state *s, unsigned int feature)
{
	return s->features >> feature & 1;
}

static bool
mode(const struct vnet_ctrl_state *s, unsigned int feature, enum vnet_ctrl_kind kind)
{
	return negotiated(s, feature) && s->modes >> kind & 1;
}

static bool
among(const struct vnet_ctrl_macs *macs, const uint8_t *mac)
{
	for (uint32_t i = 0; i < macs->nb; i++) {
		if (memcmp(&macs->macs[i], mac, 6) == 0)
			return true;
	}
	return macs->all;
}

bool
policy_model(const struct vnet_ctrl_state *s, const uint8_t *frame,
	const struct port_tx_stats *stats, const uint64_t **counter)
{
	const unsigned int rx = VIRTIO_NET_F_CTRL_RX, extra = VIRTIO_NET_F_CTRL_RX_EXTRA;
	const bool broadcast = memcmp(frame, "\xff\xff\xff\xff\xff\xff", 6) == 0;
	const bool multicast = !broadcast && (frame[0] & 1);
	const bool unicast = !broadcast && !multicast;
	uint16_t vlan = (uint16_t)((frame[14] << 8 | frame[15]) & 0xfff);

	*counter = NULL;
	if (mode(s, rx, VNET_CTRL_PROMISC))
		return true;
	*counter = &stats->filtered_mode;
	if ((unicast && mode(s, extra, VNET_CTRL_NOUNI)) ||
		(multicast && mode(s, extra, VNET_CTRL_NOMULTI)) ||
		(broadcast && mode(s, extra, VNET_CTRL_NOBCAST)))
		return false;
	*counter = &stats->filtered_mac;
	if (negotiated(s, rx) && unicast && !mode(s, extra, VNET_CTRL_ALLUNI) &&
		memcmp(frame, &s->mac, 6) != 0 && !among(&s->unicast, frame))
		return false;
	if (negotiated(s, rx) && multicast && !mode(s, rx, VNET_CTRL_ALLMULTI) &&
		!among(&s->multicast, frame))
		return false;
	*counter = &stats->filtered_vlan;
	if (negotiated(s, VIRTIO_NET_F_CTRL_VLAN) && frame[12] == 0x81 && frame[13] == 0 &&
		!(s->vlans[vlan / 64] >> (vlan % 64) & 1))
		return false;
	*counter = NULL;
	return true;
}
