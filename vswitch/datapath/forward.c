/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One burst from a guest's transmitq to wherever its frames go. Compiled once per instruction set
 * (FORWARD_ISA); whatever is not one descriptor here and one descriptor there stands in
 * forward_slow.c.
 *
 * Order within a burst: take and copy heads, decide, copy to the receivers, show the sender its
 * completed buffers, show the receivers theirs. A switch that dies in between loses the burst; it
 * cannot send a frame twice.
 */
#include "datapath/forward.h"

#include "datapath/copy.h"
#include "datapath/fdb.h"
#include "spec/virtio_net_spec.h"

#include <rte_prefetch.h>

/* 01:80:c2:00:00:0x as fdb_key() makes it, the last nibble open. IEEE 802.1D, 7.12.6. */
#define KEY_RESERVED UINT64_C(0x000000c28001)
#define KEY_RESERVED_MASK UINT64_C(0xf0ffffffffff)

/* Frames of a burst by where they go. */
struct burst {
	struct frame *
		*frames; /* [nb_list] with a receiveq, in order of arrival: list, or as taken */
	struct frame *list[WORKER_BURST];
	struct frame *flood[WORKER_BURST];
	struct port_txq *targets[WORKER_BURST]; /* distinct receiveqs */
	uint16_t nb_list;
	uint16_t nb_flood;
	uint16_t nb_targets;
};

/* What was taken: the heads to complete, and the frames, NULL where one was dropped. */
struct taken {
	uint16_t heads[WORKER_BURST];
	struct frame *frames[WORKER_BURST];
	bool all; /* no frame was dropped */
};

/* A burst of one-descriptor chains whose heads follow one another. */
static __rte_always_inline bool
take_straight(struct worker *w, struct port_rxq *rxq, struct taken *t, uint16_t n)
{
	struct virtq_device *q = &rxq->vq;
	const uint32_t hdr = rxq->hdr_bytes;
	struct virtq_desc_words descs[WORKER_BURST];
	uint32_t min_len[WORKER_BURST];
	uint16_t first;

	if (!virtq_device_heads_run(q, n, &first))
		return false;
	virtq_device_descs(q, first, n, descs);
	for (unsigned int i = 0; i < n; i++)
		min_len[i] = hdr + FRAME_MIN;
	if (!virtq_device_descs_straight(q, descs, n, 0, min_len, hdr + FRAME_MAX))
		return false;
	for (unsigned int i = 0; i < n; i++) {
		const uint8_t *data = virtq_device_desc_ptr(q, &descs[i]) + hdr;

		w->frames[i].len = virtq_desc_words_len(&descs[i]) - hdr;
		w->frames[i].nb_segs = 0;
		w->frames[i].rest = data + FRAME_HEAD;
		t->heads[i] = (uint16_t)(first + i);
		t->frames[i] = &w->frames[i];
		rte_prefetch0(data);
		rte_prefetch0(data + RTE_MIN(w->frames[i].len, (uint32_t)FRAME_HEAD) - 1);
	}
	for (unsigned int i = 0; i < n; i++) {
		struct frame *f = &w->frames[i];

		copy_head(f->head, f->rest - FRAME_HEAD, f->len);
	}
	return true;
}

/* Any chains, one by one. Returns how many were taken. */
static __rte_noinline uint16_t
take_chains(struct worker *w, struct port_rxq *rxq, struct taken *t, uint16_t n)
{
	struct virtq_device *q = &rxq->vq;
	const uint32_t hdr = rxq->hdr_bytes;
	struct virtq_one one[WORKER_BURST];
	bool straight[WORKER_BURST];

	t->all = true;
	n = virtq_device_heads(q, t->heads, n);
	for (unsigned int i = 0; i < n; i++) {
		straight[i] = virtq_device_one(q, t->heads[i], 0, hdr + FRAME_MIN, &one[i]) &&
			      one[i].len <= hdr + FRAME_MAX;
		if (straight[i])
			rte_prefetch0(one[i].ptr + hdr);
	}
	for (unsigned int i = 0; i < n; i++) {
		struct frame *f = &w->frames[i];

		t->frames[i] = f;
		if (straight[i]) {
			const uint8_t *data = one[i].ptr + hdr;

			f->len = one[i].len - hdr;
			f->nb_segs = 0;
			f->rest = data + FRAME_HEAD;
			copy_head(f->head, data, f->len);
			continue;
		}
		switch (forward_take_chain(w, rxq, t->heads[i], f)) {
		case FORWARD_TAKEN:
			break;
		case FORWARD_DROPPED:
			t->frames[i] = NULL;
			t->all = false;
			break;
		case FORWARD_LATER:
		case FORWARD_FAULT:
			return i;
		}
	}
	return n;
}

static __rte_always_inline uint16_t
take(struct worker *w, struct port_rxq *rxq, struct taken *t, uint16_t n)
{
	t->all = true;
	/* Full bursts are what a busy queue gives: their loops have a constant length. */
	if (likely(n == WORKER_BURST)) {
		if (likely(take_straight(w, rxq, t, WORKER_BURST)))
			return n;
	} else if (take_straight(w, rxq, t, n)) {
		return n;
	}
	return take_chains(w, rxq, t, n);
}

/* The source address is known to be behind this port, and was noted in this tick of the clock. */
static __rte_always_inline bool
source_ok(struct worker *w, struct port_rxq *rxq, uint64_t key)
{
	if (likely(key == rxq->from.mac && rxq->from.stamp == w->clock))
		return true;
	return forward_learn(w, rxq, key);
}

/* Receiveq of a port for frames of this transmitq; NULL when none runs. */
static __rte_always_inline struct port_txq *
receiveq(const struct port_rxq *rxq, uint16_t port_id)
{
	const struct port *port = port_get(port_id);
	const struct port_txset *set;

	if (unlikely(port == NULL))
		return NULL;
	set = __atomic_load_n(&port->txset, __ATOMIC_ACQUIRE);
	if (unlikely(set == NULL))
		return NULL;
	return set->txq[set->nb == 1 ? 0 : rxq->pair % set->nb];
}

/*
 * Where a flooded frame goes if there is just one other port: no copy of it is needed then.
 * NULL with *flood set when there are several; NULL and a drop counted when there is none.
 */
static struct port_txq *
flood_target(struct port_rxq *rxq, bool *flood)
{
	const struct worker_ports *ports = __atomic_load_n(&worker_ports, __ATOMIC_ACQUIRE);
	struct port_txq *only = NULL;

	for (uint16_t i = 0; ports != NULL && i < ports->nb; i++) {
		if (ports->ports[i] == rxq->port)
			continue;
		if (only != NULL) {
			*flood = true;
			return NULL;
		}
		only = receiveq(rxq, ports->ports[i]->id);
	}
	if (only != NULL)
		rxq->stats.flooded++;
	else
		rxq->stats.no_port++;
	return only;
}

/*
 * Decide where a unicast or group frame goes: a receiveq, or NULL with *flood set or a drop
 * counted.
 */
static __rte_noinline struct port_txq *
look_up(struct port_rxq *rxq, uint64_t key, uint32_t generation, bool *flood)
{
	struct port_txq *txq;
	uint16_t port_id;

	if (key & 1) {
		if ((key & KEY_RESERVED_MASK) != KEY_RESERVED)
			return flood_target(rxq, flood);
		rxq->stats.reserved_multicast++;
		return NULL;
	}
	port_id = fdb_lookup(key);
	if (port_id == FDB_NONE)
		return flood_target(rxq, flood);
	if (port_id == rxq->port->id) {
		rxq->stats.same_port++;
		return NULL;
	}
	txq = receiveq(rxq, port_id);
	if (txq == NULL) {
		rxq->stats.port_down++;
		return NULL;
	}
	rxq->to = (struct port_mac_memo){key, generation, port_id};
	return txq;
}

static __rte_always_inline void
add_target(struct burst *b, struct port_txq *txq)
{
	for (uint16_t i = b->nb_targets; i-- > 0;) {
		if (likely(b->targets[i] == txq))
			return;
	}
	b->targets[b->nb_targets++] = txq;
}

/* Does every frame of the burst go from a known source to the one known destination? */
static __rte_always_inline bool
all_to(const struct worker *w, const struct port_rxq *rxq, uint16_t n)
{
	const uint64_t to = rxq->to.mac;
	const uint64_t from = rxq->from.mac;
	uint64_t wrong = 0;

	for (unsigned int i = 0; i < n; i++) {
		uint64_t low, high;

		/* Both addresses are 12 bytes: the first eight, and eight from the fourth on. */
		memcpy(&low, w->frames[i].head, sizeof(low));
		memcpy(&high, w->frames[i].head + 4, sizeof(high));
		wrong |= rte_le_to_cpu_64(low) ^ (to | from << 48);
		wrong |= rte_le_to_cpu_64(high) ^ (to >> 32 | from << 16);
	}
	return wrong == 0;
}

static __rte_always_inline uint64_t
bytes_of(const struct worker *w, uint16_t n)
{
	uint64_t bytes = 0;

	for (unsigned int i = 0; i < n; i++)
		bytes += w->frames[i].len;
	return bytes;
}

/* Decide frame by frame. memo is the receiveq of rxq->to, NULL when that is void. */
static __rte_noinline void
decide_each(struct worker *w, struct port_rxq *rxq, const struct taken *t, uint16_t n,
	uint32_t generation, struct port_txq *memo, struct burst *b)
{
	uint64_t memo_key = memo != NULL ? rxq->to.mac : UINT64_MAX; /* an address has 48 bits */

	for (unsigned int i = 0; i < n; i++) {
		struct frame *f = t->frames[i];
		uint64_t to, from;
		bool flood = false;

		if (f == NULL)
			continue;
		rxq->stats.bytes += f->len;
		to = fdb_key(f->head);
		from = fdb_key(f->head + RTE_ETHER_ADDR_LEN);
		if (unlikely(!source_ok(w, rxq, from))) {
			rxq->stats.invalid_source++;
			continue;
		}
		if (to == memo_key) {
			f->to = memo;
		} else {
			f->to = look_up(rxq, to, generation, &flood);
			if (rxq->to.mac == to && rxq->to.stamp == generation) {
				memo = f->to;
				memo_key = to;
			}
		}
		if (f->to != NULL) {
			add_target(b, f->to);
			b->list[b->nb_list++] = f;
		} else if (flood) {
			b->flood[b->nb_flood++] = f;
		}
	}
}

static __rte_always_inline void
decide(struct worker *w, struct port_rxq *rxq, struct taken *t, uint16_t n, struct burst *b)
{
	uint32_t generation = fdb_generation();
	/* Stays valid for the burst: its grace period cannot end before. */
	struct port_txq *memo = NULL;

	if (rxq->to.stamp == generation)
		memo = receiveq(rxq, rxq->to.port);
	b->nb_flood = 0;
	if (likely(memo != NULL && rxq->from.stamp == w->clock && t->all &&
		    (n == WORKER_BURST ? all_to(w, rxq, WORKER_BURST) : all_to(w, rxq, n)))) {
		rxq->stats.bytes += bytes_of(w, n);
		b->frames = t->frames;
		b->nb_list = n;
		b->targets[0] = memo;
		b->nb_targets = 1;
		return;
	}
	b->frames = b->list;
	b->nb_list = 0;
	b->nb_targets = 0;
	decide_each(w, rxq, t, n, generation, memo, b);
}

/* The packet header of a frame that needs nothing done: all zero but num_buffers. */
static __rte_always_inline void
write_hdr(uint8_t *hdr, uint16_t hdr_bytes)
{
	const uint64_t first = 0;
	const uint32_t second = rte_cpu_to_le_32(1U << 16); /* csum_offset 0, num_buffers 1 */

	memcpy(hdr, &first, sizeof(first));
	memcpy(hdr + sizeof(first), &second, sizeof(second));
	if (hdr_bytes > VIRTIO_NET_HDR_BYTES)
		memcpy(hdr + VIRTIO_NET_HDR_BYTES, &first, sizeof(first));
}

static __rte_always_inline void
write_frame(uint8_t *to, const struct frame *f)
{
	copy_head(to, f->head, f->len);
	if (f->len > FRAME_HEAD)
		rte_memcpy(to + FRAME_HEAD, f->rest, f->len - FRAME_HEAD);
}

/* A burst into buffers of one descriptor each whose heads follow one another. */
static __rte_always_inline bool
send_run(struct port_txq *txq, struct frame **frames, uint16_t n)
{
	struct virtq_device *q = &txq->vq;
	const uint16_t hdr = txq->hdr_bytes;
	struct virtq_desc_words descs[WORKER_BURST];
	uint32_t lens[WORKER_BURST];
	uint8_t *to[WORKER_BURST];
	uint32_t pieces = 0;
	uint64_t bytes = 0;
	uint16_t first;

	if (!virtq_device_heads_run(q, n, &first))
		return false;
	virtq_device_descs(q, first, n, descs);
	for (unsigned int i = 0; i < n; i++) {
		lens[i] = frames[i]->len + hdr;
		pieces |= frames[i]->nb_segs;
		bytes += frames[i]->len;
	}
	if (!virtq_device_descs_straight(q, descs, n, VIRTQ_DESC_F_WRITE, lens, UINT32_MAX) ||
		pieces != 0 || (q->vq.flags & VIRTQ_LOG))
		return false;
	for (unsigned int i = 0; i < n; i++) {
		to[i] = virtq_device_desc_ptr(q, &descs[i]);
		rte_prefetch0_write(to[i]);
		rte_prefetch0_write(to[i] + RTE_MIN(lens[i], hdr + 64U) - 1);
	}
	for (unsigned int i = 0; i < n; i++) {
		write_hdr(to[i], hdr);
		write_frame(to[i] + hdr, frames[i]);
	}
	virtq_device_put_run(q, first, lens, n);
	virtq_device_taken(q, n);
	txq->stats.packets += n;
	txq->stats.bytes += bytes;
	return true;
}

/* Frames of one piece into buffers of one descriptor, until one is not. Returns how many. */
static __rte_noinline uint16_t
send_each(struct port_txq *txq, struct frame **frames, uint16_t n)
{
	struct virtq_device *q = &txq->vq;
	const uint16_t hdr = txq->hdr_bytes;
	struct virtq_one one[WORKER_BURST];
	uint16_t heads[WORKER_BURST];
	uint64_t bytes = 0;
	uint16_t i;

	n = virtq_device_heads(q, heads, n);
	for (i = 0; i < n; i++) {
		if (!virtq_device_one(
			    q, heads[i], VIRTQ_DESC_F_WRITE, frames[i]->len + hdr, &one[i]) ||
			frames[i]->nb_segs != 0)
			break;
		rte_prefetch0_write(one[i].ptr);
		rte_prefetch0_write(one[i].ptr + hdr + RTE_MIN(frames[i]->len, 64U) - 1);
	}
	n = i;
	for (i = 0; i < n; i++) {
		uint32_t len = frames[i]->len + hdr;

		write_hdr(one[i].ptr, hdr);
		write_frame(one[i].ptr + hdr, frames[i]);
		virtq_device_log(q, one[i].guest, len);
		virtq_device_put(q, heads[i], len);
		bytes += frames[i]->len;
	}
	virtq_device_taken(q, n);
	txq->stats.packets += n;
	txq->stats.bytes += bytes;
	return n;
}

static __rte_always_inline uint16_t
send_straight(struct port_txq *txq, struct frame **frames, uint16_t n)
{
	if (likely(n == WORKER_BURST)) {
		if (likely(send_run(txq, frames, WORKER_BURST)))
			return n;
	} else if (send_run(txq, frames, n)) {
		return n;
	}
	return send_each(txq, frames, n);
}

/* The caller has the lock. Frames that find no buffer are dropped and counted. */
static __rte_always_inline void
send(struct worker *w, struct port_txq *txq, struct frame **frames, uint16_t n)
{
	uint16_t i = 0;

	while (i < n) {
		uint16_t ready =
			RTE_MIN(virtq_device_avail(&txq->vq, (uint16_t)(n - i)), (uint16_t)(n - i));
		uint16_t sent;

		if (ready == 0)
			break;
		sent = send_straight(txq, &frames[i], ready);
		i += sent;
		if (sent < ready && i < n)
			forward_send_chains(w, txq, frames[i++]);
	}
	if (unlikely(i < n)) {
		if (virtq_device_broken(&txq->vq))
			txq->stats.ring_fault += (uint64_t)(n - i);
		else
			txq->stats.no_descriptor += (uint64_t)(n - i);
	}
}

/* Several workers lock several receiveqs in order of address: nobody waits in a circle. */
static void
lock_targets(struct burst *b)
{
	for (uint16_t i = 1; i < b->nb_targets; i++) {
		struct port_txq *txq = b->targets[i];
		uint16_t j = i;

		for (; j > 0 && (uintptr_t)b->targets[j - 1] > (uintptr_t)txq; j--)
			b->targets[j] = b->targets[j - 1];
		b->targets[j] = txq;
	}
	for (uint16_t i = 0; i < b->nb_targets; i++)
		rte_spinlock_lock(&b->targets[i]->lock);
}

static __rte_always_inline void
send_to_targets(struct worker *w, struct burst *b)
{
	if (likely(b->nb_targets == 1)) {
		send(w, b->targets[0], b->frames, b->nb_list);
		return;
	}
	for (uint16_t t = 0; t < b->nb_targets; t++) {
		struct frame *group[WORKER_BURST];
		uint16_t nb = 0;

		for (uint16_t i = 0; i < b->nb_list; i++) {
			if (b->frames[i]->to == b->targets[t])
				group[nb++] = b->frames[i];
		}
		send(w, b->targets[t], group, nb);
	}
}

/* After the sender's used index: what the receivers got. */
static __rte_always_inline void
publish_targets(struct worker *w, struct burst *b)
{
	for (uint16_t t = 0; t < b->nb_targets; t++) {
		struct port_txq *txq = b->targets[t];
		bool interrupt = virtq_device_publish(&txq->vq);

		if (w->shared)
			rte_spinlock_unlock(&txq->lock);
		if (unlikely(interrupt))
			forward_interrupt(txq->call_fd, &txq->stats.interrupts);
	}
}

/* Copies of frames to every other port, a burst each; one receiveq is locked at a time. */
static __rte_noinline void
flood(struct worker *w, struct port_rxq *rxq, struct rte_mbuf **copies, uint16_t n)
{
	const struct worker_ports *ports = __atomic_load_n(&worker_ports, __ATOMIC_ACQUIRE);
	struct frame *frames[WORKER_BURST];

	w->nb_segs = 0;
	for (unsigned int i = 0; i < n; i++) {
		frames[i] = &w->frames[i];
		forward_of_mbuf(w, frames[i], copies[i]);
	}
	for (uint16_t i = 0; ports != NULL && i < ports->nb; i++) {
		struct burst b = {.nb_targets = 1};

		b.targets[0] = receiveq(rxq, ports->ports[i]->id);
		if (ports->ports[i] == rxq->port || b.targets[0] == NULL)
			continue;
		if (w->shared)
			lock_targets(&b);
		send(w, b.targets[0], frames, n);
		publish_targets(w, &b);
	}
	rxq->stats.flooded += n;
	rte_pktmbuf_free_bulk(copies, n);
}

#define FUNCTION_NAME_(isa) forward_burst_##isa
#define FUNCTION_NAME(isa) FUNCTION_NAME_(isa)

unsigned int
FUNCTION_NAME(FORWARD_ISA)(struct worker *w, struct port_rxq *rxq)
{
	struct virtq_device *q = &rxq->vq;
	struct rte_mbuf *copies[WORKER_BURST];
	struct taken t;
	struct burst b;
	uint16_t nb_copies = 0;
	uint16_t n = virtq_device_avail(q, WORKER_BURST);

	if (n == 0)
		return 0;
	w->nb_segs = 0;
	n = take(w, rxq, &t, RTE_MIN(n, (uint16_t)WORKER_BURST));
	decide(w, rxq, &t, n, &b);
	for (uint16_t i = 0; i < b.nb_flood; i++) {
		copies[nb_copies] = forward_to_mbuf(b.flood[i]);
		if (copies[nb_copies] != NULL)
			nb_copies++;
		else
			rxq->stats.no_mbuf++;
	}
	if (w->shared)
		lock_targets(&b);
	if (likely(b.nb_list > 0))
		send_to_targets(w, &b);

	virtq_device_put_read(q, t.heads, n);
	virtq_device_taken(q, n);
	rxq->stats.packets += n;
	if (unlikely(virtq_device_publish(q)))
		forward_interrupt(rxq->call_fd, &rxq->stats.interrupts);
	publish_targets(w, &b);
	if (unlikely(nb_copies > 0))
		flood(w, rxq, copies, nb_copies);
	return n;
}
