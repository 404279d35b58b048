/* SPDX-License-Identifier: BSD-3-Clause */
#include "device_config.h"

#include "../main_wake.h"
#include "control_ring.h"
#include "message_filter.h"
#include "net/vnet_hash.h"
#include "spec/virtio_net_spec.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Requests of a backend, by the numbers of the protocol. */
#define BACKEND_CONFIG_CHANGE 2u

static_assert(sizeof(struct virtio_net_config) <= VHOST_MSG_CONFIG_MAX, "config space");

void
device_config_default_mac(const char *name, uint8_t mac[6])
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */

	for (; *name != '\0'; name++)
		hash = (hash ^ (uint8_t)*name) * UINT64_C(0x100000001b3);
	hash ^= hash >> 40;
	mac[0] = 0x02;
	for (int i = 1; i < 6; i++)
		mac[i] = (uint8_t)(hash >> (8 * (i - 1)));
}

static uint16_t
status_bits(const struct port_vhost *pv)
{
	return (uint16_t)((pv->link_down ? 0 : VIRTIO_NET_S_LINK_UP) |
			  (pv->session.announce ? VIRTIO_NET_S_ANNOUNCE : 0));
}

void
device_config_answer(const struct port_vhost *pv, struct vhost_message *msg)
{
	struct vhost_msg_config *c = &msg->payload.config;
	uint8_t space[VHOST_MSG_CONFIG_MAX] = {0};
	struct virtio_net_config config = {
		.status = rte_cpu_to_le_16(status_bits(pv)),
		.max_virtqueue_pairs = rte_cpu_to_le_16(pv->port->max_pairs),
		.mtu = rte_cpu_to_le_16(pv->config_mtu),
		.speed = rte_cpu_to_le_32(pv->speed == 0 ? VIRTIO_NET_SPEED_UNKNOWN : pv->speed),
		.duplex = VIRTIO_NET_DUPLEX_FULL,
		.rss_max_key_size = VNET_HASH_KEY_BYTES,
		.rss_max_indirection_table_length = rte_cpu_to_le_16(VNET_RSS_TABLE_MAX),
		.supported_hash_types = rte_cpu_to_le_32(VNET_HASH_TYPES),
	};

	/* What the guest has set with CTRL_MAC_ADDR, until it resets its device. */
	memcpy(config.mac, &pv->control->state.mac, sizeof(config.mac));
	memcpy(space, &config, sizeof(config));
	if (c->bytes > sizeof(space) || c->offset > sizeof(space) - c->bytes) {
		msg->size = 0;
		return;
	}
	memcpy(c->region, space + c->offset, c->bytes);
	msg->size = VHOST_MSG_CONFIG_HEADER + c->bytes;
}

void
device_channel_drop(struct port_vhost *pv)
{
	if (pv->channel_fd >= 0)
		close(pv->channel_fd);
	pv->channel_fd = -1;
	pv->config_changed = false;
}

/*
 * Nothing is to be read from a channel. What may wait in it already are descriptors, that of the
 * connection among them, which would live as long as the channel does.
 */
static void
close_way_back(int fd)
{
	char dust[4096];

	shutdown(fd, SHUT_RD);
	while (recv(fd, dust, sizeof(dust), MSG_DONTWAIT) > 0)
		;
}

void
device_channel_set(struct port_vhost *pv, struct vhost_message *msg)
{
	bool changed = pv->config_changed;

	device_channel_drop(pv);
	pv->channel_fd = msg->fds[0];
	msg->fds[0] = -1;
	close_way_back(pv->channel_fd);
	vhost_msg_close_fds(msg);
	pv->config_changed = changed;
}

void
device_config_remind(struct port_vhost *pv)
{
	static const struct {
		uint32_t request, flags, size;
	} message = {BACKEND_CONFIG_CHANGE, VHOST_MSG_VERSION, 0};

	if (!pv->config_changed || pv->channel_fd < 0)
		return;
	/*
	 * Not by the library: it waits for a frontend that does not read, and O_NONBLOCK is of the
	 * open file, which the frontend may have kept. Without an answer, which it need not give.
	 */
	if (send(pv->channel_fd, &message, sizeof(message), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0 ||
		(errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR))
		pv->config_changed = false;
	else
		main_wake();
}

void
device_config_changed(struct port_vhost *pv)
{
	if (!(pv->session.protocol_features & (UINT64_C(1) << VHOST_PROTOCOL_F_CONFIG)))
		return;
	pv->config_changed = true;
	device_config_remind(pv);
}
