/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/policy.h"

#include "datapath/fdb.h"

#include <rte_byteorder.h>
#include <rte_random.h>

#define KEY_BROADCAST UINT64_C(0xffffffffffff)
#define TYPE_TAG 0x8100
#define TYPE_SERVICE_TAG 0x88a8
#define VLAN_MASK 0xfff

/* The first place of an address. */
static inline uint32_t
place(const struct policy *p, uint64_t word)
{
	return (uint32_t)(word * p->multiplier >> p->shift);
}

static void
add_mac(struct policy *p, const struct rte_ether_addr *mac)
{
	uint64_t word = fdb_key(mac->addr_bytes) | POLICY_MAC;
	uint32_t at = place(p, word);

	while (p->macs[at] != 0 && p->macs[at] != word)
		at = (at + 1) & p->mask;
	p->macs[at] = word;
}

/* At least half of the places are free: a walk ends. */
static bool
has_mac(const struct policy *p, uint64_t key)
{
	uint64_t word = key | POLICY_MAC;

	for (uint32_t at = place(p, word); p->macs[at] != 0; at = (at + 1) & p->mask) {
		if (p->macs[at] == word)
			return true;
	}
	return false;
}

/* What the modes make of the tables. Suppression wins over all but promiscuous. */
static void
set_rules(struct policy *p, const struct vnet_ctrl_state *s)
{
	const bool table = s->features & virtq_bit(VIRTIO_NET_F_CTRL_RX);
	const bool extra = s->features & virtq_bit(VIRTIO_NET_F_CTRL_RX_EXTRA);
	const uint32_t modes =
		(table ? s->modes : 0) & (VNET_CTRL_MODE(PROMISC) | VNET_CTRL_MODE(ALLMULTI));
	const uint32_t extra_modes = extra ? s->modes : 0;

	if (modes & VNET_CTRL_MODE(PROMISC))
		return;
	p->vlan = s->features & virtq_bit(VIRTIO_NET_F_CTRL_VLAN);
	if (extra_modes & VNET_CTRL_MODE(NOUNI))
		p->unicast = POLICY_DROP;
	else if (table && !(extra_modes & VNET_CTRL_MODE(ALLUNI)) && !s->unicast.all)
		p->unicast = POLICY_TABLE;
	if (extra_modes & VNET_CTRL_MODE(NOMULTI))
		p->multicast = POLICY_DROP;
	else if (table && !(modes & VNET_CTRL_MODE(ALLMULTI)) && !s->multicast.all)
		p->multicast = POLICY_TABLE;
	if (extra_modes & VNET_CTRL_MODE(NOBCAST))
		p->broadcast = POLICY_DROP;
}

static void
name_queue(struct policy *p, uint16_t queue)
{
	if (queue < PORT_PAIRS_MAX)
		p->queues[queue / 64] |= UINT64_C(1) << (queue % 64);
}

static void
set_queues(struct policy *p, const struct vnet_ctrl_state *s)
{
	p->pairs = s->pairs;
	p->rss = s->rss_on;
	if (!s->rss_on)
		return;
	p->table = s->rss;
	name_queue(p, s->rss.unclassified_queue);
	for (uint32_t i = 0; i <= s->rss.table_mask && i < VNET_RSS_TABLE_MAX; i++)
		name_queue(p, s->rss.table[i]);
}

struct policy *
policy_make(const struct vnet_ctrl_state *s)
{
	uint32_t places = rte_align32pow2(2 * (s->unicast.nb + s->multicast.nb) + 2);
	struct policy *p = calloc(1, sizeof(*p) + places * sizeof(p->macs[0]));

	if (p == NULL)
		return NULL;
	p->mask = places - 1;
	p->shift = 64 - rte_log2_u32(places);
	p->multiplier = rte_rand() | 1;
	p->mac = fdb_key(s->mac.addr_bytes);
	p->offloads = s->offloads;
	memcpy(p->vlans, s->vlans, sizeof(p->vlans));
	for (uint32_t i = 0; i < s->unicast.nb; i++)
		add_mac(p, &s->unicast.macs[i]);
	for (uint32_t i = 0; i < s->multicast.nb; i++)
		add_mac(p, &s->multicast.macs[i]);
	set_rules(p, s);
	set_queues(p, s);
	if (s->rss.hash_types == 0)
		return p;
	p->hash = steer_hash_get(s->rss.hash_types, s->rss.key, s->rss.key_length);
	if (p->hash != NULL)
		return p;
	free(p);
	return NULL;
}

void
policy_free(struct policy *policy)
{
	if (policy == NULL)
		return;
	steer_hash_put(policy->hash);
	free(policy);
}

/* Does every receiveq that RSS names get traffic? */
static bool
rss_runs(const struct port_txset *set)
{
	const struct vnet_rss *rss = &set->policy->table;
	bool runs = true;

	for (uint32_t i = 0; i <= rss->table_mask && i < VNET_RSS_TABLE_MAX; i++)
		runs = runs && rss->table[i] < PORT_PAIRS_MAX &&
		       set->by_number[rss->table[i] + 1] != NULL;
	return runs && rss->unclassified_queue < PORT_PAIRS_MAX &&
	       set->by_number[rss->unclassified_queue + 1] != NULL;
}

void
policy_finish(const struct port *port, struct port_txset *set)
{
	const struct policy *p = set->policy;

	if (p != NULL && p->vlan)
		set->look |= PORT_LOOK_VLAN;
	if (set->max_len != UINT32_MAX)
		set->look |= PORT_LOOK_MTU;
	for (uint16_t i = 0; i < set->nb; i++)
		set->report |= set->txq[i]->hdr_bytes == VIRTIO_NET_HDR_HASH_BYTES;
	set->hash = p != NULL ? p->hash : port->hash;
	if (set->nb > 1 && (p == NULL || !p->rss))
		set->flows = port->flows;
	set->rss_runs = p != NULL && p->rss && rss_runs(set);
	/* RSS that leads to one receiveq only is nothing to look for. */
	if (set->nb > 1 || set->report || (p != NULL && p->rss && !set->rss_runs))
		set->look |= PORT_LOOK_QUEUE;
}

uint64_t *
policy_refuses_mac(const struct port_txset *set, uint64_t key)
{
	const struct policy *p = set->policy;
	struct port_tx_stats *stats = &set->txq[0]->stats;
	enum policy_rule rule;

	if (p == NULL)
		return NULL;
	rule = key == KEY_BROADCAST ? p->broadcast : key & 1 ? p->multicast : p->unicast;
	if (rule == POLICY_PASS)
		return NULL;
	if (rule == POLICY_DROP)
		return &stats->filtered_mode;
	return key == p->mac || has_mac(p, key) ? NULL : &stats->filtered_mac;
}

static uint16_t
be16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

/* A tag that is cut off is in no table. */
static bool
vlan_refused(const struct policy *p, const struct frame *f)
{
	uint16_t vlan;

	if (be16(f->head + 12) != TYPE_TAG)
		return false;
	if (f->len < RTE_ETHER_HDR_LEN + 2)
		return true;
	vlan = be16(f->head + RTE_ETHER_HDR_LEN) & VLAN_MASK;
	return ((p->vlans[vlan / 64] >> (vlan % 64)) & 1) == 0;
}

/* Tags are no part of what the MTU limits. */
static bool
too_long(const struct worker *w, const struct port_txset *set, const struct frame *f)
{
	uint32_t max_len = set->max_len;

	if (f->len <= max_len)
		return false;
	if (w->burst.asks && f->offload.gso_type != VIRTIO_NET_HDR_GSO_NONE)
		return false;
	for (uint32_t i = 0; i < VNET_PACKET_TAGS_MAX; i++) {
		uint32_t at = 12 + i * RTE_VLAN_HLEN;

		if (f->len < at + 2 ||
			(be16(f->head + at) != TYPE_TAG && be16(f->head + at) != TYPE_SERVICE_TAG))
			break;
		max_len += RTE_VLAN_HLEN;
	}
	return f->len > max_len;
}

uint64_t *
policy_refuses_frame(const struct worker *w, const struct port_txset *set, const struct frame *f)
{
	if ((set->look & PORT_LOOK_VLAN) && vlan_refused(set->policy, f))
		return &set->txq[0]->stats.filtered_vlan;
	if ((set->look & PORT_LOOK_MTU) && too_long(w, set, f))
		return &set->txq[0]->stats.over_mtu;
	return NULL;
}
