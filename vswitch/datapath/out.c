/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/out.h"

#include "datapath/copy.h"
#include "net/vnet_hdr.h"

/* Walk one more chain. Returns the counter to raise when the frame cannot be sent, else NULL. */
static uint64_t *
open_chain(struct out *out)
{
	struct worker *w = out->w;
	struct port_txq *txq = out->txq;
	struct virtq_device *q = &txq->vq;
	struct virtq_chain chain;
	uint32_t used;
	uint16_t head;

	if (out->nb_chains == WORKER_CHAINS)
		return &txq->stats.buffers_too_small;
	if (virtq_device_avail(q, (uint16_t)(out->nb_chains + 1)) <= out->nb_chains)
		return virtq_device_broken(q) ? &txq->stats.ring_fault : &txq->stats.no_descriptor;
	head = virtq_device_head_raw(q, out->nb_chains);
	used = RTE_MAX(out->nb_segs, out->nb_desc);
	switch (virtq_device_walk(
		q, head, &w->out[out->nb_segs], (uint16_t)(WORKER_SEGS - used), &chain)) {
	case VIRTQ_FAULT_NONE:
		break;
	case VIRTQ_FAULT_CHAIN_SEGMENTS:
		return &txq->stats.buffers_too_small;
	default:
		return &txq->stats.ring_fault;
	}
	if (chain.nb_read != 0) {
		virtq_device_set_fault(q, VIRTQ_FAULT_NOT_WRITABLE, head, chain.nb_read);
		return &txq->stats.ring_fault;
	}
	w->out_heads[out->nb_chains] = head;
	w->out_bytes[out->nb_chains] = chain.write_bytes;
	out->nb_chains++;
	out->nb_segs = (uint16_t)(out->nb_segs + chain.nb_write);
	out->nb_desc += chain.nb_desc;
	out->bytes += chain.write_bytes;
	return NULL;
}

uint64_t *
out_open(struct out *out, struct worker *w, struct port_txq *txq, uint32_t len)
{
	uint32_t want = len + txq->hdr_bytes;

	*out = (struct out){.w = w, .txq = txq, .seg = w->out};
	while (out->bytes < want) {
		uint64_t *drop = open_chain(out);

		if (drop != NULL)
			return drop;
		if (out->bytes < want && !txq->merge)
			return &txq->stats.too_big_no_merge;
	}
	return NULL;
}

void
out_write(struct out *out, const uint8_t *from, uint32_t n)
{
	while (n > 0) {
		uint32_t part = RTE_MIN(n, out->seg->len - out->offset);

		copy_bytes(out->seg->ptr + out->offset, from, part);
		virtq_device_log(&out->txq->vq, out->seg->guest + out->offset, part);
		from += part;
		n -= part;
		out->offset += part;
		if (out->offset == out->seg->len) {
			out->seg++;
			out->offset = 0;
		}
	}
}

void
out_header(struct out *out, const struct frame *f, const struct vnet_offload *offload)
{
	struct virtio_net_hdr hdr;

	vnet_hdr_clear_rx(&hdr, out->txq->hdr_bytes, out->nb_chains);
	if (offload != NULL)
		vnet_offload_write(&hdr, offload);
	if (out->txq->hdr_bytes == VIRTIO_NET_HDR_HASH_BYTES)
		vnet_hdr_set_hash(&hdr, f->hash);
	out_write(out, (const uint8_t *)&hdr, out->txq->hdr_bytes);
}

void
out_frame(struct out *out, const struct frame *f)
{
	uint32_t head = RTE_MIN(f->len, (uint32_t)FRAME_HEAD);

	out_write(out, f->head, head);
	if (f->nb_segs == 0) {
		out_write(out, f->rest, f->len - head);
		return;
	}
	for (uint32_t i = 0; i < f->nb_segs; i++)
		out_write(out, f->segs[i].ptr, f->segs[i].len);
}

void
out_patch(struct out *out, uint32_t offset, uint16_t value)
{
	struct out at = {
		.txq = out->txq, .seg = out->w->out, .offset = offset + out->txq->hdr_bytes};

	for (; at.offset >= at.seg->len; at.seg++)
		at.offset -= at.seg->len;
	out_write(&at, (const uint8_t *)&value, sizeof(value));
}

void
out_close(struct out *out, uint32_t len)
{
	struct port_txq *txq = out->txq;
	uint32_t left = len + txq->hdr_bytes;

	for (uint16_t i = 0; i < out->nb_chains; i++) {
		uint32_t part = RTE_MIN(left, out->w->out_bytes[i]);

		virtq_device_put(&txq->vq, out->w->out_heads[i], part);
		left -= part;
	}
	virtq_device_taken(&txq->vq, out->nb_chains);
	txq->stats.packets++;
	txq->stats.bytes += len;
	if (out->nb_chains > 1)
		txq->stats.merged++;
}
