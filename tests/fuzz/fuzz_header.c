/* SPDX-License-Identifier: BSD-3-Clause */
/* Offload headers of any peer, held against any packet; what is let pass is cut and written. */
#include "fuzz.h"
#include "fuzz_frame.h"
#include "net/vnet_offload.h"

#include <rte_byteorder.h>

#define BOTH_ENDS 24 /* segments looked at from either end */
#define CAN_ALL 0xff

static struct guard memory, made;

/* A header that fits the packet, with some fields replaced as the input says. */
static struct virtio_net_hdr
read_hdr(struct fuzz_input *in, const struct fuzz_frame *f)
{
	uint8_t what = fuzz_u8(in);
	uint8_t type = f->protocol == 17 ? VIRTIO_NET_HDR_GSO_UDP_L4
		       : f->ip == 4      ? VIRTIO_NET_HDR_GSO_TCPV4
					 : VIRTIO_NET_HDR_GSO_TCPV6;
	struct virtio_net_hdr hdr = {
		.flags = what & 1 ? fuzz_u8(in) : VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = what & 2 ? fuzz_u8(in) & 0x87 : type,
		.hdr_len = rte_cpu_to_le_16(fuzz_u16(in)),
		.gso_size = rte_cpu_to_le_16(what & 4 ? fuzz_u16(in) : fuzz_u8(in)),
		.csum_start = rte_cpu_to_le_16(what & 8 ? fuzz_u16(in) : f->l4),
		.csum_offset = rte_cpu_to_le_16(what & 16           ? fuzz_u16(in)
						: f->protocol == 17 ? 6
								    : 16),
	};

	return hdr;
}

static bool
same(const struct vnet_offload *a, const struct vnet_offload *b)
{
	return a->flags == b->flags && a->gso_type == b->gso_type && a->needs == b->needs &&
	       a->hdr_len == b->hdr_len && a->gso_size == b->gso_size &&
	       a->csum_start == b->csum_start && a->csum_offset == b->csum_offset &&
	       a->rsc_segments == b->rsc_segments && a->rsc_dup_acks == b->rsc_dup_acks;
}

static void
check_offload(const struct vnet_offload *o, enum vnet_bad bad, enum vnet_direction direction,
	uint32_t can, const struct fuzz_frame *f)
{
	static const struct vnet_offload none;

	if (bad != VNET_BAD_NONE) {
		FUZZ_CHECK(bad < VNET_BAD_MAX && same(o, &none));
		return;
	}
	FUZZ_CHECK((o->flags & ~(direction == VNET_TRANSMIT ? 1 : 3)) == 0);
	FUZZ_CHECK(vnet_offload_fits(o, can));
	if (o->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)
		FUZZ_CHECK(o->csum_start >= 14 &&
			   (uint64_t)o->csum_start + o->csum_offset + 2 <= f->len &&
			   (o->needs & VNET_CAN_CSUM) != 0);
	else
		FUZZ_CHECK(o->csum_start == 0 && o->csum_offset == 0 && o->needs == 0 &&
			   o->gso_type == VIRTIO_NET_HDR_GSO_NONE);
	if (o->gso_type == VIRTIO_NET_HDR_GSO_NONE) {
		FUZZ_CHECK(o->hdr_len == 0 && o->gso_size == 0);
		return;
	}
	FUZZ_CHECK(o->gso_type == 1 || o->gso_type == 3 || o->gso_type == 4 || o->gso_type == 5);
	FUZZ_CHECK(o->gso_size > 0 && o->hdr_len <= f->nb && o->hdr_len <= VNET_PACKET_HEAD);
	FUZZ_CHECK(o->csum_start + o->csum_offset + 2 <= o->hdr_len);
}

/* Written for a receiver and read there, it is the same request. */
static void
check_written(const struct vnet_offload *o, const uint8_t *bytes, uint32_t nb, uint32_t len)
{
	struct virtio_net_hdr hdr = {0};
	struct vnet_offload again;

	vnet_offload_write(&hdr, o);
	FUZZ_CHECK(vnet_offload_read(&again, &hdr, VNET_RECEIVE, CAN_ALL, bytes, nb, len) ==
		   VNET_BAD_NONE);
	again.rsc_segments = o->rsc_segments;
	again.rsc_dup_acks = o->rsc_dup_acks;
	FUZZ_CHECK(same(&again, o));
}

static void
check_segment(const struct vnet_segmenter *s, uint32_t i)
{
	uint8_t *head = made.mem + made.bytes - s->hdr_len;
	struct vnet_segment segment;
	struct vnet_packet p;
	uint32_t bytes;

	memset(&segment, 0xa5, sizeof(segment));
	vnet_segment(s, i, head, &segment);
	FUZZ_CHECK(segment.payload == i * (uint64_t)s->gso_size);
	FUZZ_CHECK(segment.payload + segment.payload_len <= s->payload_len);
	FUZZ_CHECK(segment.payload_len ==
		   (i + 1 < s->nb ? s->gso_size : s->payload_len - segment.payload));
	FUZZ_CHECK(segment.payload_len > 0 || (s->nb == 1 && s->payload_len == 0));

	/* It is a whole packet of the same kind that ends where it says. */
	bytes = s->hdr_len + segment.payload_len;
	vnet_packet_parse(&p, head, s->hdr_len, bytes);
	FUZZ_CHECK(p.l3_type == s->packet.l3_type && p.l4_type == s->packet.l4_type);
	FUZZ_CHECK(p.l4 == segment.csum_start && p.payload == s->hdr_len && p.end == bytes);
	FUZZ_CHECK(segment.csum_offset == (p.l4_type == VNET_L4_TCP ? 16 : 6));
	if (p.l3_type == VNET_L3_IPV4)
		FUZZ_CHECK(frame_checksum(head + p.l3, p.l4 - p.l3, 0) == 0);
	if (p.l4_type == VNET_L4_TCP)
		FUZZ_CHECK(frame_get32(head + p.l4 + 4) - segment.payload ==
			   frame_get32(s->head + p.l4 + 4));
	else
		FUZZ_CHECK(frame_get16(head + p.l4 + 4) == bytes - p.l4);
}

static void
check_segments(const struct vnet_offload *o, const uint8_t *bytes, uint32_t len)
{
	/* The headers alone, right before a forbidden page. */
	uint8_t *head = memory.mem + memory.bytes - o->hdr_len;
	struct vnet_segmenter s;

	memmove(head, bytes, o->hdr_len);
	vnet_segmenter_init(&s, o, head, o->hdr_len, len);
	FUZZ_CHECK(s.nb >= 1 && s.nb <= 65535 && s.hdr_len == o->hdr_len);
	FUZZ_CHECK(s.hdr_len + s.payload_len == s.packet.end && s.packet.end <= len);
	for (uint32_t i = 0; i < s.nb; i++) {
		if (i == BOTH_ENDS && s.nb > 2 * BOTH_ENDS)
			i = s.nb - BOTH_ENDS;
		check_segment(&s, i);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data, size};
	uint8_t what = fuzz_u8(&in);
	enum vnet_direction direction = what & 1 ? VNET_RECEIVE : VNET_TRANSMIT;
	uint32_t can = what & 2 ? fuzz_u8(&in) : CAN_ALL;
	struct virtio_net_hdr hdr;
	struct vnet_offload o;
	struct fuzz_frame f;
	enum vnet_bad bad;
	uint8_t *bytes;

	if (memory.mem == NULL) {
		memory = guard_alloc(FUZZ_KEPT_MAX, 1);
		made = guard_alloc(VNET_PACKET_HEAD, 1);
	}
	fuzz_frame_read(&in, &f);
	hdr = read_hdr(&in, &f);
	bytes = memory.mem + memory.bytes - f.nb;
	memcpy(bytes, f.bytes, f.nb);
	memset(&o, 0xa5, sizeof(o));
	bad = vnet_offload_read(&o, &hdr, direction, can, bytes, f.nb, f.len);
	check_offload(&o, bad, direction, can, &f);
	if (bad != VNET_BAD_NONE)
		return 0;
	check_written(&o, bytes, f.nb, f.len);
	if (o.gso_type != VIRTIO_NET_HDR_GSO_NONE && o.gso_type != VIRTIO_NET_HDR_GSO_UDP)
		check_segments(&o, bytes, f.len);
	return 0;
}
