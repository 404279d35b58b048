/* SPDX-License-Identifier: BSD-3-Clause */
#include "net/vnet_ctrl_state.h"

#include "ring/virtq.h"

#include <rte_common.h>

#include <string.h>

static const enum vnet_ctrl_kind modes[] = {VNET_CTRL_PROMISC, VNET_CTRL_ALLMULTI, VNET_CTRL_ALLUNI,
	VNET_CTRL_NOMULTI, VNET_CTRL_NOUNI, VNET_CTRL_NOBCAST};

void
vnet_ctrl_state_reset(
	struct vnet_ctrl_state *s, uint64_t features, const struct rte_ether_addr *mac)
{
	memset(s, 0, sizeof(*s));
	s->features = features;
	s->mac = *mac;
	s->pairs = 1;
	s->offloads = features & VNET_CTRL_GUEST_OFFLOAD_BITS;
}

static void
set_macs(struct vnet_ctrl_macs *to, uint32_t nb, const struct rte_ether_addr *macs)
{
	to->all = nb > VNET_CTRL_MACS_MAX;
	to->nb = to->all ? 0 : nb;
	if (to->nb != 0)
		memcpy(to->macs, macs, to->nb * sizeof(to->macs[0]));
}

static void
set_hash(struct vnet_rss *to, const struct vnet_rss *from)
{
	to->hash_types = from->hash_types;
	to->key_length = from->key_length;
	memset(to->key, 0, sizeof(to->key));
	memcpy(to->key, from->key, from->key_length);
}

void
vnet_ctrl_state_apply(struct vnet_ctrl_state *s, const struct vnet_ctrl *c)
{
	switch (c->kind) {
	case VNET_CTRL_MAC_TABLE:
		set_macs(&s->unicast, c->macs.nb_unicast, c->macs.unicast);
		set_macs(&s->multicast, c->macs.nb_multicast, c->macs.multicast);
		break;
	case VNET_CTRL_MAC_ADDR:
		s->mac = c->mac;
		break;
	case VNET_CTRL_VLAN_ADD:
		s->vlans[c->vlan / 64] |= UINT64_C(1) << (c->vlan % 64);
		break;
	case VNET_CTRL_VLAN_DEL:
		s->vlans[c->vlan / 64] &= ~(UINT64_C(1) << (c->vlan % 64));
		break;
	case VNET_CTRL_ANNOUNCE_ACK:
	case VNET_CTRL_KINDS:
		break;
	case VNET_CTRL_PAIRS:
		s->pairs = c->pairs;
		s->rss_on = false;
		break;
	case VNET_CTRL_RSS:
		set_hash(&s->rss, &c->rss);
		s->rss.table_mask = c->rss.table_mask;
		s->rss.unclassified_queue = c->rss.unclassified_queue;
		s->rss.max_tx_vq = c->rss.max_tx_vq;
		memset(s->rss.table, 0, sizeof(s->rss.table));
		memcpy(s->rss.table, c->rss.table,
			(c->rss.table_mask + 1u) * sizeof(s->rss.table[0]));
		s->pairs = c->rss.max_tx_vq;
		s->rss_on = true;
		break;
	case VNET_CTRL_HASH:
		if (!(s->features & virtq_bit(VIRTIO_NET_F_RSS)))
			set_hash(&s->rss, &c->rss);
		break;
	case VNET_CTRL_GUEST_OFFLOADS:
		s->offloads = c->offloads;
		break;
	case VNET_CTRL_PROMISC:
	case VNET_CTRL_ALLMULTI:
	case VNET_CTRL_ALLUNI:
	case VNET_CTRL_NOMULTI:
	case VNET_CTRL_NOUNI:
	case VNET_CTRL_NOBCAST:
		if (c->on)
			s->modes |= 1u << c->kind;
		else
			s->modes &= ~(1u << c->kind);
		break;
	}
}

/* Is every address of a in b? */
static bool
macs_within(const struct vnet_ctrl_macs *a, const struct vnet_ctrl_macs *b)
{
	for (uint32_t i = 0; i < a->nb; i++) {
		uint32_t j = 0;

		while (j < b->nb && !rte_is_same_ether_addr(&a->macs[i], &b->macs[j]))
			j++;
		if (j == b->nb)
			return false;
	}
	return true;
}

static bool
macs_equal(const struct vnet_ctrl_macs *a, const struct vnet_ctrl_macs *b)
{
	return a->all == b->all && macs_within(a, b) && macs_within(b, a);
}

static bool
hash_equal(const struct vnet_rss *a, const struct vnet_rss *b)
{
	return a->hash_types == b->hash_types && a->key_length == b->key_length &&
	       memcmp(a->key, b->key, sizeof(a->key)) == 0;
}

static bool
rss_equal(const struct vnet_rss *a, const struct vnet_rss *b)
{
	return hash_equal(a, b) && a->table_mask == b->table_mask &&
	       a->unclassified_queue == b->unclassified_queue && a->max_tx_vq == b->max_tx_vq &&
	       memcmp(a->table, b->table, (a->table_mask + 1u) * sizeof(a->table[0])) == 0;
}

static bool
steering_equal(const struct vnet_ctrl_state *a, const struct vnet_ctrl_state *b)
{
	if (a->rss_on != b->rss_on || a->pairs != b->pairs)
		return false;
	return a->rss_on ? rss_equal(&a->rss, &b->rss) : hash_equal(&a->rss, &b->rss);
}

bool
vnet_ctrl_state_equal(const struct vnet_ctrl_state *a, const struct vnet_ctrl_state *b)
{
	return a->modes == b->modes && rte_is_same_ether_addr(&a->mac, &b->mac) &&
	       macs_equal(&a->unicast, &b->unicast) && macs_equal(&a->multicast, &b->multicast) &&
	       memcmp(a->vlans, b->vlans, sizeof(a->vlans)) == 0 && a->offloads == b->offloads &&
	       steering_equal(a, b);
}

/* A replay under way: emits as long as nothing failed. */
struct replay {
	const struct vnet_ctrl_state *from;
	const struct vnet_ctrl_state *to;
	vnet_ctrl_emit_fn *emit;
	void *arg;
	int ret;
};

static bool
has(const struct replay *r, unsigned int feature)
{
	return (r->to->features & virtq_bit(feature)) != 0;
}

static void
emit(struct replay *r, const struct vnet_ctrl *c)
{
	if (r->ret == 0)
		r->ret = r->emit(r->arg, c);
}

/* Too many of a kind are told by a table that has too many: the first address again and again. */
static void
emit_macs(struct replay *r)
{
	static const struct rte_ether_addr any_unicast = {{0x02, 0, 0, 0, 0, 0}};
	static const struct rte_ether_addr any_multicast = {{0x01, 0, 0x5e, 0, 0, 0}};
	struct rte_ether_addr many[2][VNET_CTRL_MACS_MAX + 1];
	const struct vnet_ctrl_macs *uni = &r->to->unicast, *multi = &r->to->multicast;
	struct vnet_ctrl c = {.kind = VNET_CTRL_MAC_TABLE};

	for (uint32_t i = 0; i <= VNET_CTRL_MACS_MAX; i++) {
		many[0][i] = any_unicast;
		many[1][i] = any_multicast;
	}
	c.macs.nb_unicast = uni->all ? VNET_CTRL_MACS_MAX + 1 : uni->nb;
	c.macs.unicast = uni->all ? many[0] : uni->macs;
	c.macs.nb_multicast = multi->all ? VNET_CTRL_MACS_MAX + 1 : multi->nb;
	c.macs.multicast = multi->all ? many[1] : multi->macs;
	emit(r, &c);
}

static void
emit_vlans(struct replay *r)
{
	for (uint16_t id = 0; id < VNET_CTRL_VLANS; id++) {
		bool on = vnet_ctrl_state_vlan(r->to, id);

		if (on != vnet_ctrl_state_vlan(r->from, id))
			emit(r, &(struct vnet_ctrl){
					.kind = on ? VNET_CTRL_VLAN_ADD : VNET_CTRL_VLAN_DEL,
					.vlan = id,
				});
	}
}

static void
emit_modes(struct replay *r)
{
	for (size_t i = 0; i < RTE_DIM(modes); i++) {
		const uint32_t bit = 1u << modes[i];
		const bool extra = i >= 2;

		if (!has(r, extra ? VIRTIO_NET_F_CTRL_RX_EXTRA : VIRTIO_NET_F_CTRL_RX))
			continue;
		if ((r->from->modes ^ r->to->modes) & bit)
			emit(r, &(struct vnet_ctrl){
					.kind = modes[i], .on = (r->to->modes & bit) != 0});
	}
}

static void
emit_steering(struct replay *r)
{
	const struct vnet_ctrl_state *from = r->from, *to = r->to;
	struct vnet_ctrl c = {.kind = VNET_CTRL_RSS, .rss = to->rss};
	const bool hash = !hash_equal(&from->rss, &to->rss);

	if (to->rss_on) {
		if (has(r, VIRTIO_NET_F_RSS) && (!from->rss_on || !rss_equal(&from->rss, &to->rss)))
			emit(r, &c);
		return;
	}
	/* Types and key outlive the PAIRS command that takes the table out of use. */
	if (hash && has(r, VIRTIO_NET_F_RSS) && to->rss.max_tx_vq != 0) {
		emit(r, &c);
	} else if (hash && has(r, VIRTIO_NET_F_HASH_REPORT) && !has(r, VIRTIO_NET_F_RSS)) {
		c.kind = VNET_CTRL_HASH;
		emit(r, &c);
		c.kind = VNET_CTRL_RSS;
	}
	if (has(r, VIRTIO_NET_F_MQ) &&
		(from->pairs != to->pairs || from->rss_on || (hash && has(r, VIRTIO_NET_F_RSS))))
		emit(r, &(struct vnet_ctrl){.kind = VNET_CTRL_PAIRS, .pairs = to->pairs});
}

int
vnet_ctrl_state_replay(const struct vnet_ctrl_state *from, const struct vnet_ctrl_state *to,
	vnet_ctrl_emit_fn *emit_fn, void *arg)
{
	struct replay r = {from, to, emit_fn, arg, 0};

	if (has(&r, VIRTIO_NET_F_CTRL_MAC_ADDR) && !rte_is_same_ether_addr(&from->mac, &to->mac))
		emit(&r, &(struct vnet_ctrl){.kind = VNET_CTRL_MAC_ADDR, .mac = to->mac});
	if (has(&r, VIRTIO_NET_F_CTRL_RX) && (!macs_equal(&from->unicast, &to->unicast) ||
						     !macs_equal(&from->multicast, &to->multicast)))
		emit_macs(&r);
	if (has(&r, VIRTIO_NET_F_CTRL_VLAN))
		emit_vlans(&r);
	emit_modes(&r);
	if (has(&r, VIRTIO_NET_F_CTRL_GUEST_OFFLOADS) && from->offloads != to->offloads)
		emit(&r, &(struct vnet_ctrl){
				 .kind = VNET_CTRL_GUEST_OFFLOADS, .offloads = to->offloads});
	emit_steering(&r);
	return r.ret;
}
