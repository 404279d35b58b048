/* SPDX-License-Identifier: BSD-3-Clause */
#include "offload_scene.h"

#include <string.h>

struct virtio_net_hdr asked, arrived;

struct packet
layout(unsigned int i, uint32_t payload)
{
	return (struct packet){
		.v6 = i & 1,
		.udp = i & 2,
		.tags = (uint8_t)(i / 4 % 3),
		.options = i < 12 ? 0 : 16,
		.tcp_extra = i < 12 ? 0 : 12,
		.payload = payload,
	};
}

uint32_t
send_asked(const uint32_t *cuts, uint32_t len)
{
	guest_send_hdr(&a, 0, GUEST_BUFS - 1, &asked, sent, len, cuts);
	assert_int_equal(vswitch_poll(0), 1);
	return guest_completed(&a, 0);
}

const uint32_t *
cut_in(uint32_t n, uint32_t total)
{
	static uint32_t cuts[64];
	uint32_t left = total, i = 0;

	for (; i + 1 < n && left > 1; i++) {
		cuts[i] = i < 8 ? 1 + i * 3 : left / (n - i);
		if (cuts[i] == 0 || cuts[i] >= left)
			cuts[i] = 1;
		left -= cuts[i];
	}
	cuts[i] = 0;
	return cuts;
}

void
post(struct guest *g, enum buffers how, uint32_t n, uint32_t len)
{
	static const uint32_t cuts[] = {1, 5, 7, 30, 60, 0};
	uint32_t total = len + g->hdr;
	/* A long buffer lies over several slots. */
	uint32_t step = (total + GUEST_BUF - 1) / GUEST_BUF;

	guest_ring_restart(g, 0);
	if (how == MERGED) {
		guest_post(g, 0, 0, 64, n > 1 ? RTE_MAX(64U, (total + 1) / 2) : 1100);
		return;
	}
	for (uint32_t i = 0; i < n; i++) {
		if (how == BIG || total < 110)
			guest_post(g, 0, (i + 1) * step - 1, 1, total);
		else
			guest_post_chain(g, 0, (i + 1) * step - 1, total, cuts);
	}
}

void
assert_segments(const struct packet *p, uint16_t gso_size, bool partial, uint32_t nb)
{
	for (uint32_t i = 0; i < nb; i++) {
		uint32_t len = guest_receive_hdr(&b, 0, got, &arrived);

		assert_int_equal(arrived.gso_type, VIRTIO_NET_HDR_GSO_NONE);
		assert_int_equal(arrived.flags, partial ? VIRTIO_NET_HDR_F_NEEDS_CSUM : 0);
		packet_assert_segment(p, sent, gso_size, i, got, len);
		packet_finish(got, len, &arrived);
		packet_assert_right(p, got, len);
	}
	assert_int_equal(guest_receive_hdr(&b, 0, got, &arrived), 0);
}

void
cut_up(const struct packet *what, uint16_t gso_size, bool partial, uint32_t cut, enum buffers how)
{
	struct packet p = *what;
	uint32_t nb = p.payload == 0 ? 1 : (p.payload + gso_size - 1) / gso_size;
	uint64_t packets = b.port->txq[0]->stats.packets;
	uint64_t segments = b.port->txq[0]->stats.segments;

	packet_make(&p, sent, 2, cut);
	packet_gso(&p, sent, &asked, gso_size, !p.udp && (p.tcp_flags & TCP_CWR));
	post(&b, how, nb, RTE_MIN(p.len, p.hdr_len + gso_size));
	assert_int_equal(send_asked(cut_in(cut, p.len + a.hdr), p.len), 1);
	assert_segments(&p, gso_size, partial, nb);
	assert_int_equal(b.port->txq[0]->stats.packets, packets + nb);
	assert_int_equal(b.port->txq[0]->stats.segments, segments + nb);
}
