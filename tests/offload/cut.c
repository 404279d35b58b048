/* SPDX-License-Identifier: BSD-3-Clause */
#include "cut.h"

#include <string.h>

static bool
is_offloaded(const struct shape *s)
{
	return s->kind != KIND_NONE;
}

uint16_t
cut_most(const struct shape *s)
{
	struct shape bare = *s;
	uint32_t least, size, pieces;

	bare.kind = KIND_NONE;
	bare.trailer = 0;
	least = frame_least(&bare);
	size = RTE_MAX(s->size, frame_least(s));
	pieces = is_offloaded(s) && !s->raw ? 1 + size - least : size;
	return (uint16_t)RTE_MIN(pieces, (uint32_t)UINT16_MAX);
}

static uint64_t
transmit_flags(const struct frame *f)
{
	uint64_t flags = f->v6 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4;

	switch (f->shape.kind) {
	case KIND_CSUM:
		return flags | (f->tcp ? RTE_MBUF_F_TX_TCP_CKSUM : RTE_MBUF_F_TX_UDP_CKSUM);
	case KIND_TSO4:
		/* rte_mbuf_core.h: TSO of IPv4 needs IP_CKSUM. */
		return flags | RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_TCP_CKSUM |
		       RTE_MBUF_F_TX_IP_CKSUM;
	case KIND_TSO6:
		return flags | RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_TCP_CKSUM;
	case KIND_USO:
		return flags | RTE_MBUF_F_TX_UDP_SEG | (f->v6 ? 0 : RTE_MBUF_F_TX_IP_CKSUM);
	default:
		return 0;
	}
}

/* What tx_prepare has to mend, or what its caller has to know when it is left out. */
static void
unfinish(const struct frame *f, uint8_t *bytes)
{
	if (!is_offloaded(&f->shape))
		return;
	if (f->shape.raw) {
		put16(bytes + f->csum_at, inet_fold(frame_pseudo(f, f->payload_len)));
		return;
	}
	put16(bytes + f->csum_at, (uint16_t)f->shape.seed);
	if (frame_is_gso(f) && !f->v6)
		put16(bytes + f->l2 + 10, (uint16_t)(f->shape.seed >> 16));
}

/* Ends of the pieces, ascending; every piece has at least one byte. */
static void
choose_ends(const struct frame *f, uint32_t *ends, uint16_t nb, uint64_t *state)
{
	uint32_t first = is_offloaded(&f->shape) && !f->shape.raw ? frame_headers(f) : 1;
	uint32_t at = first, left, piece;

	for (uint16_t i = 0; i + 1 < nb; i++) {
		/* What lies behind must do for one byte per piece. */
		left = f->len - at - (nb - 1u - i);
		piece = left / (nb - i);
		switch (chance_below(state, 4)) {
		case 0:
			piece = RTE_MIN(left, chance_below(state, 24));
			break;
		case 1:
			piece = chance_below(state, 2 * piece + 1);
			break;
		case 2:
			piece |= 1;
			piece = RTE_MIN(left, piece);
			break;
		}
		at += i == 0 ? piece : RTE_MIN(left, piece) + 1;
		at = RTE_MIN(at, f->len - (nb - 1u - i));
		ends[i] = at;
	}
	ends[nb - 1] = f->len;
}

static struct rte_mbuf *
make_piece(struct ports *ports, const uint8_t *bytes, uint32_t n, bool first, uint64_t *state)
{
	struct rte_mbuf *m =
		rte_pktmbuf_alloc(n <= CUT_SMALL ? ports->small_pool : ports->large_pool);

	if (m == NULL)
		return NULL;
	/* Any alignment; the first one sometimes without room for a header in front. */
	m->data_off = (uint16_t)chance_below(state, CUT_HEADROOM_MAX + 1);
	if (first && chance_below(state, 2) == 0)
		m->data_off = RTE_PKTMBUF_HEADROOM;
	m->data_len = (uint16_t)n;
	memcpy(rte_pktmbuf_mtod(m, void *), bytes, n);
	return m;
}

struct rte_mbuf *
cut_frame(const struct frame *f, struct ports *ports)
{
	static uint8_t bytes[FRAME_MAX];
	struct rte_mbuf *head = NULL, **link = &head, *m;
	uint64_t state = ~f->shape.seed | 1;
	uint32_t ends[MAX_SEGS], at = 0;
	uint16_t nb = f->shape.segs;

	memcpy(bytes, f->bytes, f->len);
	unfinish(f, bytes);
	choose_ends(f, ends, nb, &state);
	for (uint16_t i = 0; i < nb; i++) {
		m = make_piece(ports, bytes + at, ends[i] - at, i == 0, &state);
		if (m == NULL) {
			rte_pktmbuf_free(head);
			return NULL;
		}
		*link = m;
		link = &m->next;
		at = ends[i];
	}
	head->nb_segs = nb;
	head->pkt_len = f->len;
	head->ol_flags = transmit_flags(f);
	if (is_offloaded(&f->shape)) {
		head->l2_len = f->l2;
		head->l3_len = f->l3;
		head->l4_len = f->l4;
		head->tso_segsz = frame_is_gso(f) ? f->shape.mss : 0;
	}
	if (!f->shape.cloned)
		return head;
	/* The clone alone keeps what it stands for alive. */
	m = rte_pktmbuf_clone(head, ports->small_pool);
	rte_pktmbuf_free(head);
	return m;
}
