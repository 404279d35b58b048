/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/steer.h"

#include "datapath/forward.h"
#include "datapath/policy.h"
#include "net/vnet_hdr.h"

#include <rte_malloc.h>
#include <rte_random.h>

#include <netinet/in.h>
#include <pthread.h>

static vnet_hash_fn *hash_fn;
uint64_t steer_seeds[3];

static struct steer_hash *hashes;
static pthread_mutex_t hashes_lock = PTHREAD_MUTEX_INITIALIZER;

void
steer_init(void)
{
	hash_fn = vnet_hash_select()->hash;
	for (size_t i = 0; i < RTE_DIM(steer_seeds); i++)
		steer_seeds[i] = rte_rand() | 1;
}

static inline uint64_t
load_8(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint32_t
load_4(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline rte_be16_t
load_2(const uint8_t *p)
{
	rte_be16_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/*
 * Types and keys.
 */

static struct steer_hash *
hash_make(uint32_t types, const uint8_t *key, uint32_t length)
{
	struct steer_hash *hash = rte_zmalloc("hash", sizeof(*hash), RTE_CACHE_LINE_SIZE);

	if (hash == NULL)
		return NULL;
	vnet_hash_key_set(&hash->key, key, length);
	hash->types = types;
	hash->next = hashes;
	hashes = hash;
	return hash;
}

struct steer_hash *
steer_hash_get(uint32_t types, const uint8_t *key, uint32_t length)
{
	uint8_t bytes[VNET_HASH_KEY_BYTES] = {0};
	struct steer_hash *hash;

	memcpy(bytes, key, RTE_MIN(length, sizeof(bytes)));
	pthread_mutex_lock(&hashes_lock);
	for (hash = hashes; hash != NULL; hash = hash->next) {
		if (hash->types == types && memcmp(hash->key.bytes, bytes, sizeof(bytes)) == 0)
			break;
	}
	if (hash == NULL)
		hash = hash_make(types, bytes, sizeof(bytes));
	if (hash != NULL)
		hash->users++;
	pthread_mutex_unlock(&hashes_lock);
	return hash;
}

void
steer_hash_put(struct steer_hash *hash)
{
	struct steer_hash **at = &hashes;

	if (hash == NULL)
		return;
	pthread_mutex_lock(&hashes_lock);
	if (--hash->users == 0) {
		while (*at != hash)
			at = &(*at)->next;
		*at = hash->next;
		rte_free(hash);
	}
	pthread_mutex_unlock(&hashes_lock);
}

/*
 * Toeplitz hash of the frames of a burst.
 */

static bool
segmented(const struct worker *w, const struct frame *f)
{
	return w->burst.asks && f->offload.gso_type != VIRTIO_NET_HDR_GSO_NONE;
}

/* Can more bytes than these change what a frame is taken for? */
static bool
want_more(const struct vnet_packet *p)
{
	if (p->ether_type != RTE_ETHER_TYPE_IPV4 && p->ether_type != RTE_ETHER_TYPE_IPV6)
		return false;
	if (p->l3_type == VNET_L3_OTHER)
		return true;
	return p->l4_type == VNET_L4_OTHER &&
	       (p->protocol == IPPROTO_TCP || p->protocol == IPPROTO_UDP);
}

/*
 * Take a frame apart. Its bytes are private: the head; with segmentation, and where the head is not
 * enough, worker.deep; or the mbuf that it was copied to.
 */
static const uint8_t *
parse(struct worker *w, struct frame *f, struct vnet_packet *p)
{
	const uint8_t *bytes = f->head;
	uint32_t nb = RTE_MIN(f->len, (uint32_t)FRAME_HEAD);

	if (f->len > FRAME_HEAD && w->burst.copied) {
		/* All mbufs but the last are full, and have room for more than we look at. */
		nb = RTE_MIN(f->len, (uint32_t)VNET_PACKET_HEAD);
		bytes = (f->nb_segs == 0 ? f->rest : f->segs->ptr) - FRAME_HEAD;
	} else if (f->len > FRAME_HEAD && segmented(w, f)) {
		nb = RTE_MIN(f->len, (uint32_t)VNET_PACKET_HEAD);
		bytes = w->deep[f - w->frames];
	}
	vnet_packet_parse(p, bytes, nb, f->len);
	if (nb == FRAME_HEAD && f->len > FRAME_HEAD && want_more(p)) {
		nb = forward_deepen(w, f);
		bytes = w->deep[f - w->frames];
		vnet_packet_parse(p, bytes, nb, f->len);
	}
	return bytes;
}

/*
 * The short way for most packets: IPv4 without options and tags, TCP or UDP whose fixed header is
 * in the head; where TCP's options end is a matter of lengths. Does what vnet_packet_parse() and
 * vnet_hash_add() would; false: let them.
 */
static inline bool
add_plain(struct vnet_hash_burst *b, uint32_t i, const struct frame *f, uint32_t types)
{
	const uint8_t *ip = f->head + RTE_ETHER_HDR_LEN, *l4 = ip + 20;
	uint32_t total = rte_be_to_cpu_16(load_2(ip + 2)), need;
	uint8_t with_ports;
	uint32_t ports;

	if (f->len < RTE_ETHER_HDR_LEN + 20 + 20 || ip[0] != 0x45 ||
		load_2(f->head + 12) != RTE_BE16(RTE_ETHER_TYPE_IPV4) ||
		(load_2(ip + 6) & RTE_BE16(0x3fff)) != 0)
		return false;
	if (ip[9] == IPPROTO_UDP) {
		with_ports = VIRTIO_NET_HASH_REPORT_UDPv4;
		need = 8;
	} else if (ip[9] == IPPROTO_TCP) {
		with_ports = VIRTIO_NET_HASH_REPORT_TCPv4;
		need = (l4[12] >> 4) * 4u;
		if (need < 20)
			return false;
	} else {
		return false;
	}
	if (total < 20 + need || total > f->len - RTE_ETHER_HDR_LEN)
		return false;
	for (uint32_t word = 1; word < VNET_HASH_WORDS; word++)
		b->words[word][i] = 0;
	b->words[0][i] = load_8(ip + 12);
	if (types & 1u << (with_ports - 1)) {
		b->report[i] = with_ports;
		ports = load_4(l4);
		b->words[1][i] = rte_cpu_to_le_64(rte_le_to_cpu_32(ports));
		b->nb_words = RTE_MAX(b->nb_words, 2);
	} else if (types & VIRTIO_NET_HASH_TYPE_IPv4) {
		b->report[i] = VIRTIO_NET_HASH_REPORT_IPv4;
	} else {
		b->report[i] = VIRTIO_NET_HASH_REPORT_NONE;
		b->words[0][i] = 0;
	}
	return true;
}

/* Of n frames. */
struct hashed {
	uint32_t values[VNET_HASH_BURST];
	uint8_t reports[VNET_HASH_BURST];
};

static void
hash_frames(struct worker *w, const struct steer_hash *hash, struct frame **frames, uint16_t n,
	struct hashed *out)
{
	struct vnet_hash_burst burst;

	vnet_hash_begin(&burst);
	for (uint16_t i = 0; i < n; i++) {
		struct vnet_packet p;
		const uint8_t *bytes;

		if (likely(add_plain(&burst, i, frames[i], hash->types)))
			continue;
		bytes = parse(w, frames[i], &p);
		vnet_hash_add(&burst, i, &p, bytes, hash->types);
	}
	hash_fn(&hash->key, &burst, out->values, n);
	memcpy(out->reports, burst.report, n);
}

static struct worker_hashed *
hashed_by(struct worker *w, const struct steer_hash *hash)
{
	struct worker_hashed *h;

	for (uint16_t i = 0; i < RTE_MIN(w->burst.nb_hashed, WORKER_HASHED); i++) {
		if (w->hashed[i].hash == hash)
			return &w->hashed[i];
	}
	h = &w->hashed[w->burst.nb_hashed++ % WORKER_HASHED];
	h->hash = hash;
	h->done = 0;
	return h;
}

/* Copies for many ports: one hash for all that want the same. */
static void
hash_copies(struct worker *w, const struct steer_hash *hash, struct frame **frames, uint16_t n,
	struct hashed *out)
{
	struct worker_hashed *h = hashed_by(w, hash);
	struct frame *todo[WORKER_BURST];
	struct hashed done;
	uint16_t nb = 0;

	for (uint16_t i = 0; i < n; i++) {
		if (!(h->done >> (frames[i] - w->frames) & 1))
			todo[nb++] = frames[i];
	}
	if (nb > 0)
		hash_frames(w, hash, todo, nb, &done);
	for (uint16_t i = 0; i < nb; i++) {
		uint32_t k = (uint32_t)(todo[i] - w->frames);

		h->done |= UINT32_C(1) << k;
		h->values[k] = done.values[i];
		h->reports[k] = done.reports[i];
	}
	for (uint16_t i = 0; i < n; i++) {
		uint32_t k = (uint32_t)(frames[i] - w->frames);

		out->values[i] = h->values[k];
		out->reports[i] = h->reports[k];
	}
}

/*
 * Flows.
 */

/* Are there ports of a TCP, UDP or SCTP header? */
static inline bool
has_ports(uint32_t nb, uint32_t at, uint8_t protocol)
{
	return at + 4 <= nb &&
	       (protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP);
}

uint32_t
steer_flow(const uint8_t *head, uint32_t len)
{
	const uint32_t nb = RTE_MIN(len, (uint32_t)FRAME_HEAD);
	rte_be16_t type = load_2(head + 12);
	uint32_t l3 = RTE_ETHER_HDR_LEN;
	uint64_t sum;

	while ((type == RTE_BE16(RTE_ETHER_TYPE_VLAN) || type == RTE_BE16(RTE_ETHER_TYPE_QINQ)) &&
		l3 + RTE_VLAN_HLEN <= nb) {
		type = load_2(head + l3 + 2);
		l3 += RTE_VLAN_HLEN;
	}
	if (type == RTE_BE16(RTE_ETHER_TYPE_IPV4) && l3 + 20 <= nb) {
		const uint8_t *ip = head + l3;
		const uint32_t l4 = l3 + (ip[0] & 15u) * 4;
		uint64_t source = rte_le_to_cpu_32(load_4(ip + 12));
		uint64_t destination = rte_le_to_cpu_32(load_4(ip + 16));

		/* Of a fragment only the first has ports, and all have to stay together. */
		if ((load_2(ip + 6) & RTE_BE16(0x3fff)) == 0 && has_ports(nb, l4, ip[9])) {
			source |= (uint64_t)rte_le_to_cpu_16(load_2(head + l4)) << 32;
			destination |= (uint64_t)rte_le_to_cpu_16(load_2(head + l4 + 2)) << 32;
		}
		return steer_end(steer_both(source, destination));
	}
	if (type == RTE_BE16(RTE_ETHER_TYPE_IPV6) && l3 + 40 <= nb) {
		const uint8_t *ip = head + l3;
		const uint32_t l4 = l3 + 40;

		sum = steer_both(load_8(ip + 8), load_8(ip + 24)) +
		      (steer_both(load_8(ip + 16), load_8(ip + 32)) << 1);
		if (has_ports(nb, l4, ip[6]))
			sum += steer_both(load_2(head + l4), load_2(head + l4 + 2));
		return steer_end(sum);
	}
	return steer_end(steer_both(load_4(head + 2), load_4(head + 8)) +
			 (steer_both(load_2(head), load_2(head + 6)) << 1));
}

/* Of frame k of the worker, computed once. */
static inline uint32_t
flow_of(struct worker *w, const struct frame *f)
{
	uint32_t k = (uint32_t)(f - w->frames);

	if (!(w->burst.flowed >> k & 1)) {
		w->flows[k] = steer_flow(f->head, f->len);
		w->burst.flowed |= UINT32_C(1) << k;
	}
	return w->flows[k];
}

void
steer_learn(struct worker *w, struct steer_flows *flows, uint16_t pair, struct frame **frames,
	uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		uint32_t flow, entry, way = 0;
		uint32_t *at;

		if (frames[i] == NULL)
			continue;
		flow = flow_of(w, frames[i]);
		entry = steer_tag(flow) | (pair + 1u);
		at = steer_bucket(flows, flow);
		/* Its own place, else a free one, else any. */
		while (way < STEER_WAYS) {
			uint32_t old = __atomic_load_n(&at[way], __ATOMIC_RELAXED);

			if (old == 0 || (old ^ entry) >> 16 == 0)
				break;
			way++;
		}
		if (way == STEER_WAYS)
			way = flow >> 30;
		if (__atomic_load_n(&at[way], __ATOMIC_RELAXED) != entry)
			__atomic_store_n(&at[way], entry, __ATOMIC_RELAXED);
	}
}

static uint8_t
pair_of_flow(const struct port_txset *set, uint32_t flow)
{
	if (set->flows != NULL) {
		const uint32_t *at = steer_bucket(set->flows, flow);

		for (uint32_t way = 0; way < STEER_WAYS; way++) {
			uint32_t entry = __atomic_load_n(&at[way], __ATOMIC_RELAXED);
			uint32_t pair = (entry & 0xffff) - 1;

			/* A queue that is not in use any more is as good as none. */
			if (entry != 0 && (entry & UINT32_C(0xffff0000)) == steer_tag(flow) &&
				set->by_number[pair + 1] != NULL)
				return (uint8_t)pair;
		}
	}
	return (uint8_t)set->txq[(uint64_t)flow * set->nb >> 32]->pair;
}

static uint8_t
pair_of_hash(
	struct worker *w, const struct port_txset *set, const struct hashed *hashed, uint16_t i)
{
	uint16_t queue = vnet_rss_queue(&set->policy->table, hashed->values[i], hashed->reports[i]);

	if (queue < PORT_PAIRS_MAX && set->by_number[queue + 1] != NULL)
		return (uint8_t)queue;
	policy_count(w, &set->txq[0]->stats.rss_queue_down);
	return STEER_NOWHERE;
}

/* All frames have a hash, and all that the table names runs. */
static void
pairs_of_hashes(const struct vnet_rss *rss, const uint32_t *values, uint8_t *pairs, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++)
		pairs[i] = (uint8_t)rss->table[values[i] & rss->table_mask];
}

/* What is reported. */
static void
note(struct frame **frames, const struct hashed *hashed, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++)
		frames[i]->hash = vnet_hdr_hash(hashed->values[i], hashed->reports[i]);
}

void
steer(struct worker *w, const struct port_txset *set, struct frame **frames, uint16_t n,
	const struct vnet_hash_burst *fields, uint8_t *pairs)
{
	const bool rss = set->policy != NULL && set->policy->rss;
	struct hashed hashed;

	if (set->hash == NULL || !(rss || set->report)) {
		memset(&hashed, 0, sizeof(hashed)); /* VIRTIO_NET_HASH_REPORT_NONE is 0 */
	} else if (fields != NULL) {
		hash_fn(&set->hash->key, fields, hashed.values, n);
		memcpy(hashed.reports, fields->report, sizeof(hashed.reports));
	} else if (w->burst.copied) {
		hash_copies(w, set->hash, frames, n, &hashed);
	} else {
		hash_frames(w, set->hash, frames, n, &hashed);
	}
	if (set->report)
		note(frames, &hashed, n);
	if (rss && set->rss_runs && set->nb == 1) {
		memset(pairs, set->txq[0]->pair, n);
	} else if (rss && set->rss_runs && fields != NULL) {
		pairs_of_hashes(&set->policy->table, hashed.values, pairs, n);
	} else if (rss) {
		for (uint16_t i = 0; i < n; i++)
			pairs[i] = pair_of_hash(w, set, &hashed, i);
	} else if (set->nb > 1) {
		for (uint16_t i = 0; i < n; i++)
			pairs[i] = pair_of_flow(set, flow_of(w, frames[i]));
	} else {
		memset(pairs, set->txq[0]->pair, n);
	}
}
