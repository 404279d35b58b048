/* SPDX-License-Identifier: BSD-3-Clause */
/* The network device as the standard lays it out. VIRTIO 1.3, 5.1 Network Device. */
#ifndef VIRTIO_NET_SPEC_H
#define VIRTIO_NET_SPEC_H

#include <rte_byteorder.h>

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

/* Feature bits. VIRTIO 1.3, 5.1.3. */
#define VIRTIO_NET_F_CSUM 0
#define VIRTIO_NET_F_GUEST_CSUM 1
#define VIRTIO_NET_F_CTRL_GUEST_OFFLOADS 2
#define VIRTIO_NET_F_MTU 3
#define VIRTIO_NET_F_MAC 5
#define VIRTIO_NET_F_GUEST_TSO4 7
#define VIRTIO_NET_F_GUEST_TSO6 8
#define VIRTIO_NET_F_GUEST_ECN 9
#define VIRTIO_NET_F_GUEST_UFO 10
#define VIRTIO_NET_F_HOST_TSO4 11
#define VIRTIO_NET_F_HOST_TSO6 12
#define VIRTIO_NET_F_HOST_ECN 13
#define VIRTIO_NET_F_HOST_UFO 14
#define VIRTIO_NET_F_MRG_RXBUF 15
#define VIRTIO_NET_F_STATUS 16
#define VIRTIO_NET_F_CTRL_VQ 17
#define VIRTIO_NET_F_CTRL_RX 18
#define VIRTIO_NET_F_CTRL_VLAN 19
#define VIRTIO_NET_F_CTRL_RX_EXTRA 20
#define VIRTIO_NET_F_GUEST_ANNOUNCE 21
#define VIRTIO_NET_F_MQ 22
#define VIRTIO_NET_F_CTRL_MAC_ADDR 23
#define VIRTIO_NET_F_DEVICE_STATS 50
#define VIRTIO_NET_F_HASH_TUNNEL 51
#define VIRTIO_NET_F_VQ_NOTF_COAL 52
#define VIRTIO_NET_F_NOTF_COAL 53
#define VIRTIO_NET_F_GUEST_USO4 54
#define VIRTIO_NET_F_GUEST_USO6 55
#define VIRTIO_NET_F_HOST_USO 56
#define VIRTIO_NET_F_HASH_REPORT 57
#define VIRTIO_NET_F_GUEST_HDRLEN 59
#define VIRTIO_NET_F_RSS 60
#define VIRTIO_NET_F_RSC_EXT 61
#define VIRTIO_NET_F_STANDBY 62
#define VIRTIO_NET_F_SPEED_DUPLEX 63

/* Bits of config space status. VIRTIO 1.3, 5.1.4. */
#define VIRTIO_NET_S_LINK_UP 1
#define VIRTIO_NET_S_ANNOUNCE 2

#define VIRTIO_NET_SPEED_UNKNOWN UINT32_MAX
#define VIRTIO_NET_DUPLEX_HALF 0
#define VIRTIO_NET_DUPLEX_FULL 1
#define VIRTIO_NET_DUPLEX_UNKNOWN 0xff

#define VIRTIO_NET_MTU_MIN 68
#define VIRTIO_NET_QUEUE_PAIRS_MAX 0x8000

struct virtio_net_config {
	uint8_t mac[6];
	rte_le16_t status;
	rte_le16_t max_virtqueue_pairs;
	rte_le16_t mtu;
	rte_le32_t speed; /* Mbit/s */
	uint8_t duplex;
	uint8_t rss_max_key_size;
	rte_le16_t rss_max_indirection_table_length;
	rte_le32_t supported_hash_types;
	rte_le32_t supported_tunnel_types;
} __attribute__((packed));
static_assert(offsetof(struct virtio_net_config, status) == 6, "status");
static_assert(offsetof(struct virtio_net_config, mtu) == 10, "mtu");
static_assert(offsetof(struct virtio_net_config, speed) == 12, "speed");
static_assert(offsetof(struct virtio_net_config, rss_max_key_size) == 17, "key size");
static_assert(offsetof(struct virtio_net_config, supported_hash_types) == 20, "hash types");
static_assert(sizeof(struct virtio_net_config) == 28, "config space");

/* Packet header. VIRTIO 1.3, 5.1.6. */
#define VIRTIO_NET_HDR_F_NEEDS_CSUM 1
#define VIRTIO_NET_HDR_F_DATA_VALID 2
#define VIRTIO_NET_HDR_F_RSC_INFO 4

#define VIRTIO_NET_HDR_GSO_NONE 0
#define VIRTIO_NET_HDR_GSO_TCPV4 1
#define VIRTIO_NET_HDR_GSO_UDP 3
#define VIRTIO_NET_HDR_GSO_TCPV6 4
#define VIRTIO_NET_HDR_GSO_UDP_L4 5
#define VIRTIO_NET_HDR_GSO_ECN 0x80

struct virtio_net_hdr {
	uint8_t flags;
	uint8_t gso_type;
	rte_le16_t hdr_len;
	rte_le16_t gso_size;
	rte_le16_t csum_start;
	rte_le16_t csum_offset;
	rte_le16_t num_buffers;
	/* The rest is there when VIRTIO_NET_F_HASH_REPORT was negotiated, in both directions. */
	rte_le32_t hash_value;
	rte_le16_t hash_report;
	rte_le16_t padding_reserved;
};
static_assert(sizeof(struct virtio_net_hdr) == 20, "header with hash report");
static_assert(offsetof(struct virtio_net_hdr, num_buffers) == 10, "num_buffers");
static_assert(offsetof(struct virtio_net_hdr, hash_value) == 12, "hash value");

#define VIRTIO_NET_HDR_BYTES 12
#define VIRTIO_NET_HDR_HASH_BYTES 20
#define VIRTIO_NET_HDR_MAX_BYTES 20

/* Hash types and reports. VIRTIO 1.3, 5.1.6.4.3 and 5.1.6.4.4. type = 1 << (report - 1). */
#define VIRTIO_NET_HASH_REPORT_NONE 0
#define VIRTIO_NET_HASH_REPORT_IPv4 1
#define VIRTIO_NET_HASH_REPORT_TCPv4 2
#define VIRTIO_NET_HASH_REPORT_UDPv4 3
#define VIRTIO_NET_HASH_REPORT_IPv6 4
#define VIRTIO_NET_HASH_REPORT_TCPv6 5
#define VIRTIO_NET_HASH_REPORT_UDPv6 6
#define VIRTIO_NET_HASH_REPORT_IPv6_EX 7
#define VIRTIO_NET_HASH_REPORT_TCPv6_EX 8
#define VIRTIO_NET_HASH_REPORT_UDPv6_EX 9
#define VIRTIO_NET_HASH_TYPE_IPv4 (1 << 0)
#define VIRTIO_NET_HASH_TYPE_TCPv4 (1 << 1)
#define VIRTIO_NET_HASH_TYPE_UDPv4 (1 << 2)
#define VIRTIO_NET_HASH_TYPE_IPv6 (1 << 3)
#define VIRTIO_NET_HASH_TYPE_TCPv6 (1 << 4)
#define VIRTIO_NET_HASH_TYPE_UDPv6 (1 << 5)
#define VIRTIO_NET_HASH_TYPE_IP_EX (1 << 6)
#define VIRTIO_NET_HASH_TYPE_TCP_EX (1 << 7)
#define VIRTIO_NET_HASH_TYPE_UDP_EX (1 << 8)

/* Control queue. VIRTIO 1.3, 5.1.6.5. */
#define VIRTIO_NET_OK 0
#define VIRTIO_NET_ERR 1

#define VIRTIO_NET_CTRL_RX 0
#define VIRTIO_NET_CTRL_RX_PROMISC 0
#define VIRTIO_NET_CTRL_RX_ALLMULTI 1
#define VIRTIO_NET_CTRL_RX_ALLUNI 2
#define VIRTIO_NET_CTRL_RX_NOMULTI 3
#define VIRTIO_NET_CTRL_RX_NOUNI 4
#define VIRTIO_NET_CTRL_RX_NOBCAST 5
#define VIRTIO_NET_CTRL_MAC 1
#define VIRTIO_NET_CTRL_MAC_TABLE_SET 0
#define VIRTIO_NET_CTRL_MAC_ADDR_SET 1
#define VIRTIO_NET_CTRL_VLAN 2
#define VIRTIO_NET_CTRL_VLAN_ADD 0
#define VIRTIO_NET_CTRL_VLAN_DEL 1
#define VIRTIO_NET_CTRL_ANNOUNCE 3
#define VIRTIO_NET_CTRL_ANNOUNCE_ACK 0
#define VIRTIO_NET_CTRL_MQ 4
#define VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET 0
#define VIRTIO_NET_CTRL_MQ_RSS_CONFIG 1
#define VIRTIO_NET_CTRL_MQ_HASH_CONFIG 2
#define VIRTIO_NET_CTRL_GUEST_OFFLOADS 5
#define VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET 0

struct virtio_net_ctrl_hdr {
	uint8_t class;
	uint8_t command;
};
static_assert(sizeof(struct virtio_net_ctrl_hdr) == 2, "class and command");

/* Rings by index: receiveq1, transmitq1, ... VIRTIO 1.3, 5.1.2. */
static inline uint32_t
virtio_net_receiveq(uint32_t pair)
{
	return 2 * pair;
}

static inline uint32_t
virtio_net_transmitq(uint32_t pair)
{
	return 2 * pair + 1;
}

#endif
