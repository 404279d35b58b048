/* SPDX-License-Identifier: BSD-3-Clause */
/* Segments of TCP over IPv4 next to those that DPDK's library makes of the same packet. */
#include "net/vnet_offload.h"
#include "segment_cases.h"
#include "support/covers.h"

#include <rte_common.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_gso.h>
#include <rte_mbuf.h>

#include <stdio.h>
#include <string.h>

#define SEGMENTS_MAX 2048
#define ROOM 65535 /* one mbuf holds the whole packet */

static struct rte_mempool *packets, *headers, *pieces;
static uint8_t frame[SEGMENT_FRAME_MAX];
static uint8_t other[SEGMENT_FRAME_MAX];

/* What the library leaves to others: the checksums. */
static void
mask(const struct segment_case *c, uint8_t *head)
{
	frame_set16(head + c->l3 + 10, 0);
	frame_set16(head + c->l4 + c->csum_offset, 0);
}

static void
compare(const struct segment_case *c, const struct vnet_segmenter *s, uint32_t i,
	const struct rte_mbuf *m)
{
	uint8_t head[VNET_PACKET_HEAD];
	struct vnet_segment segment;
	const uint8_t *bytes;

	vnet_segment(s, i, head, &segment);
	assert_int_equal(rte_pktmbuf_pkt_len(m), c->head + segment.payload_len);
	bytes = rte_pktmbuf_read(m, 0, rte_pktmbuf_pkt_len(m), other);
	assert_non_null(bytes);
	if (bytes != other)
		memcpy(other, bytes, rte_pktmbuf_pkt_len(m));
	mask(c, head);
	mask(c, other);
	assert_memory_equal(head, other, c->head);
	assert_memory_equal(
		frame + c->head + segment.payload, other + c->head, segment.payload_len);
}

static void
compare_packet(const struct segment_case *c, uint32_t payload, uint32_t gso_size)
{
	uint32_t len = segment_frame(c, frame, payload);
	struct vnet_offload o = segment_offload(c, frame, len, len, gso_size);
	struct rte_gso_ctx ctx = {.direct_pool = headers,
		.indirect_pool = pieces,
		.gso_types = RTE_ETH_TX_OFFLOAD_TCP_TSO,
		.gso_size = (uint16_t)(c->head + gso_size)};
	struct rte_mbuf *m = rte_pktmbuf_alloc(packets), *out[SEGMENTS_MAX];
	struct vnet_segmenter s;
	int nb;

	assert_non_null(m);
	memcpy(rte_pktmbuf_append(m, (uint16_t)len), frame, len);
	m->ol_flags = RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_IPV4;
	m->l2_len = c->l3;
	m->l3_len = (uint64_t)c->l4 - c->l3;
	m->l4_len = (uint64_t)c->head - c->l4;
	m->tso_segsz = (uint16_t)gso_size;
	nb = rte_gso_segment(m, &ctx, out, SEGMENTS_MAX);
	vnet_segmenter_init(&s, &o, frame, c->head, len);
	if (payload <= gso_size) {
		assert_int_equal(nb, 0); /* it has nothing to do */
		assert_int_equal(s.nb, 1);
	} else {
		assert_int_equal(nb, s.nb);
		for (int i = 0; i < nb; i++) {
			compare(c, &s, (uint32_t)i, out[i]);
			rte_pktmbuf_free(out[i]);
		}
	}
	rte_pktmbuf_free(m);
}

static void
segments_are_those_of_the_library(void **state)
{
	static const uint32_t sizes[] = {40, 536, 1448, 8948};
	uint32_t compared = 0;

	(void)state;
	for (size_t n = 0; n < RTE_DIM(segment_cases); n++) {
		const struct segment_case *c = &segment_cases[n];

		/* It knows neither two tags nor IPv6. */
		if (c->gso_type != VIRTIO_NET_HDR_GSO_TCPV4)
			continue;
		for (size_t z = 0; z < RTE_DIM(sizes); z++) {
			const uint32_t payloads[] = {1, sizes[z], sizes[z] + 1, 3 * sizes[z],
				7 * sizes[z] - 1, RTE_MIN(1500 * sizes[z], 65000u)};

			for (size_t p = 0; p < RTE_DIM(payloads); p++) {
				compare_packet(c, RTE_MIN(payloads[p], 65000u), sizes[z]);
				compared++;
			}
		}
	}
	assert_int_equal(compared, 3 * RTE_DIM(sizes) * 6);
	assert_int_equal(rte_mempool_in_use_count(headers), 0);
	assert_int_equal(rte_mempool_in_use_count(pieces), 0);
}

static bool
start(void)
{
	static char args[][24] = {"test", "--no-huge", "--no-shconf", "-m", "64", "--no-pci",
		"--no-telemetry", "-l", "0", "--log-level", "lib.eal:error"};
	char *argv[RTE_DIM(args) + 1] = {NULL};

	for (size_t i = 0; i < RTE_DIM(args); i++)
		argv[i] = args[i];
	if (rte_eal_init(RTE_DIM(args), argv) < 0)
		return false;
	packets = rte_pktmbuf_pool_create("packets", 7, 0, 0, ROOM, SOCKET_ID_ANY);
	headers = rte_pktmbuf_pool_create("headers", SEGMENTS_MAX - 1, 0, 0,
		RTE_PKTMBUF_HEADROOM + VNET_PACKET_HEAD, SOCKET_ID_ANY);
	pieces = rte_pktmbuf_pool_create("pieces", 2 * SEGMENTS_MAX - 1, 0, 0, 0, SOCKET_ID_ANY);
	return packets != NULL && headers != NULL && pieces != NULL;
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		UNIT(segments_are_those_of_the_library),
	};

	if (!start()) {
		fprintf(stderr, "no EAL or no memory\n");
		return 1;
	}
	return RUN_UNITS("vnet_segment_gso", tests);
}
