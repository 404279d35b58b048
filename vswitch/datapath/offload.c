/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/offload.h"

#include "datapath/out.h"

/*
 * Take.
 */

/* The counter for a header that is refused. */
static uint64_t *
bad_counter(struct port_rx_stats *stats, enum vnet_bad bad)
{
	switch (bad) {
	case VNET_BAD_NOT_NEGOTIATED:
		return &stats->not_negotiated;
	case VNET_BAD_CSUM_PLACE:
		return &stats->bad_checksum_place;
	default:
		return &stats->bad_segmentation;
	}
}

/* Would the frame make too many segments, alone or with what was taken before? */
static enum forward_take
take_segments(struct worker *w, struct port_rxq *rxq, const struct frame *f)
{
	const struct vnet_offload *o = &f->offload;
	uint32_t segments = (f->len - o->hdr_len + o->gso_size - 1) / o->gso_size;

	if (segments > FRAME_SEGMENTS_MAX) {
		rxq->stats.gso_size_too_small++;
		return FORWARD_DROPPED;
	}
	if (w->burst.segments > 0 && w->burst.segments + segments > WORKER_BURST_SEGMENTS)
		return FORWARD_LATER;
	w->burst.segments += segments;
	return FORWARD_TAKEN;
}

enum forward_take
offload_take(
	struct worker *w, struct port_rxq *rxq, const struct virtio_net_hdr *hdr, struct frame *f)
{
	struct vnet_offload *o = &f->offload;
	const uint8_t *deep = w->deep[f - w->frames];
	uint32_t nb = 0;
	enum vnet_bad bad;

	*o = (struct vnet_offload){0};
	if (!vnet_hdr_asks(hdr->flags, hdr->gso_type))
		return FORWARD_TAKEN;
	if (hdr->gso_type != VIRTIO_NET_HDR_GSO_NONE) {
		nb = forward_deepen(w, f);
	}
	bad = vnet_offload_read(o, hdr, VNET_TRANSMIT, rxq->can, deep, nb, f->len);
	if (bad != VNET_BAD_NONE) {
		(*bad_counter(&rxq->stats, bad))++;
		return FORWARD_DROPPED;
	}
	w->burst.asks |= o->needs;
	return o->gso_type == VIRTIO_NET_HDR_GSO_NONE ? FORWARD_TAKEN : take_segments(w, rxq, f);
}

/*
 * Complete. Payload is read twice where a checksum is computed, to sum and to copy: nothing is
 * decided on it, and a guest that changes it in between sends a wrong checksum, as it could anyway.
 */

/* A place in a frame: piece 0 is the head, 1 the rest or the first of segs, ... */
struct reader {
	const struct frame *f;
	uint32_t piece;
	uint32_t offset;
};

static const uint8_t *
piece_of(const struct frame *f, uint32_t piece, uint32_t *len)
{
	uint32_t head = RTE_MIN(f->len, (uint32_t)FRAME_HEAD);

	*len = piece == 0 ? head : f->nb_segs == 0 ? f->len - head : f->segs[piece - 1].len;
	return piece == 0 ? f->head : f->nb_segs == 0 ? f->rest : f->segs[piece - 1].ptr;
}

/* Up to n bytes that lie together, at least 1; move past them. The frame has as many. */
static const uint8_t *
reader_next(struct reader *r, uint32_t n, uint32_t *got)
{
	const uint8_t *ptr;
	uint32_t len;

	while (ptr = piece_of(r->f, r->piece, &len), r->offset == len) {
		r->piece++;
		r->offset = 0;
	}
	ptr += r->offset;
	*got = RTE_MIN(n, len - r->offset);
	r->offset += *got;
	return ptr;
}

static void
reader_skip(struct reader *r, uint32_t n)
{
	for (uint32_t got; n > 0; n -= got)
		reader_next(r, n, &got);
}

static void
reader_copy(struct reader *r, uint8_t *to, uint32_t n)
{
	for (uint32_t got; n > 0; n -= got, to += got) {
		const uint8_t *from = reader_next(r, n, &got);

		memcpy(to, from, got);
	}
}

static void
reader_sum(struct reader *r, struct vnet_csum *sum, uint32_t n)
{
	for (uint32_t got; n > 0; n -= got) {
		const uint8_t *from = reader_next(r, n, &got);

		vnet_csum_add(sum, from, got);
	}
}

static void
reader_write(struct reader *r, struct out *out, uint32_t n)
{
	for (uint32_t got; n > 0; n -= got) {
		const uint8_t *from = reader_next(r, n, &got);

		out_write(out, from, got);
	}
}

static void
complete_csum(struct worker *w, struct port_txq *txq, const struct frame *f)
{
	const struct vnet_offload *o = &f->offload;
	struct reader r = {.f = f};
	struct vnet_csum sum = {0};
	struct out out;
	uint64_t *drop = out_open(&out, w, txq, f->len);

	if (drop != NULL) {
		(*drop)++;
		return;
	}
	reader_skip(&r, o->csum_start);
	reader_sum(&r, &sum, f->len - o->csum_start);
	out_header(&out, f, NULL);
	out_frame(&out, f);
	out_patch(&out, (uint32_t)o->csum_start + o->csum_offset, vnet_csum_end_transport(&sum));
	out_close(&out, f->len);
	txq->stats.csum_completed++;
}

/* One segment into opened buffers; payload is where its bytes begin, and is moved past them. */
static void
write_segment(struct out *out, const struct frame *f, uint8_t *head, uint32_t hdr_len,
	const struct vnet_segment *segment, struct reader *payload)
{
	const struct vnet_offload partial = {
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.needs = VNET_CAN_CSUM,
		.csum_start = segment->csum_start,
		.csum_offset = segment->csum_offset,
	};
	struct reader ahead = *payload;
	struct vnet_csum sum = {0};
	uint16_t value;

	if (vnet_offload_fits(&partial, port_txq_can(out->txq))) {
		out_header(out, f, &partial);
	} else {
		vnet_csum_add(&sum, head + segment->csum_start, hdr_len - segment->csum_start);
		reader_sum(&ahead, &sum, segment->payload_len);
		value = vnet_csum_end_transport(&sum);
		memcpy(head + segment->csum_start + segment->csum_offset, &value, sizeof(value));
		out->txq->stats.csum_completed++;
		out_header(out, f, NULL);
	}
	out_write(out, head, hdr_len);
	reader_write(payload, out, segment->payload_len);
}

/* Tags are no part of what the MTU limits. */
static uint32_t
frame_max_len(const struct port_txq *txq, uint8_t nb_tags)
{
	uint32_t max_len = __atomic_load_n(&txq->port->max_len, __ATOMIC_RELAXED);

	return max_len == UINT32_MAX ? max_len : max_len + nb_tags * RTE_VLAN_HLEN;
}

static void
segment(struct worker *w, struct port_txq *txq, const struct frame *f)
{
	uint32_t nb = RTE_MIN(f->len, (uint32_t)VNET_PACKET_HEAD);
	uint8_t headers[VNET_PACKET_HEAD], head[VNET_PACKET_HEAD];
	struct reader start = {.f = f}, payload = start;
	struct vnet_segmenter s;
	uint32_t max_len;

	/* Private already, but in pieces. */
	reader_copy(&start, headers, nb);
	vnet_segmenter_init(&s, &f->offload, headers, nb, f->len);
	reader_skip(&payload, s.hdr_len);
	max_len = frame_max_len(txq, s.packet.nb_tags);
	txq->stats.segmented++;
	for (uint32_t i = 0; i < s.nb; i++) {
		struct vnet_segment one;
		struct out out;
		uint64_t *drop;
		uint32_t len;

		vnet_segment(&s, i, head, &one);
		len = s.hdr_len + one.payload_len;
		if (len > max_len) {
			txq->stats.over_mtu += s.nb - i;
			return;
		}
		drop = out_open(&out, w, txq, len);
		if (drop != NULL) {
			*drop += s.nb - i;
			return;
		}
		write_segment(&out, f, head, s.hdr_len, &one, &payload);
		out_close(&out, len);
		txq->stats.segments++;
	}
}

void
offload_complete(struct worker *w, struct port_txq *txq, const struct frame *f)
{
	if (f->offload.gso_type == VIRTIO_NET_HDR_GSO_NONE)
		complete_csum(w, txq, f);
	else
		segment(w, txq, f);
}
