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
	struct frame *list[WORKER_BURST]; /* frames with a receiveq, in order of arrival */
	struct frame *flood[WORKER_BURST];
	struct port_txq *targets[WORKER_BURST]; /* distinct receiveqs */
	uint16_t nb_list;
	uint16_t nb_flood;
	uint16_t nb_targets;
};

/* Take up to n chains. heads[0..return) are to be completed; frames[] of dropped ones are NULL. */
static __rte_always_inline uint16_t
take(struct worker *w, struct port_rxq *rxq, uint16_t *heads, struct frame **frames, uint16_t n)
{
	struct virtq_device *q = &rxq->vq;
	const uint32_t hdr = rxq->hdr_bytes;
	struct virtq_one one[WORKER_BURST];
	bool straight[WORKER_BURST];

	n = virtq_device_heads(q, heads, n);
	for (uint16_t i = 0; i < n; i++) {
		straight[i] = virtq_device_one(q, heads[i], 0, hdr + FRAME_MIN, &one[i]) &&
			      one[i].len <= hdr + FRAME_MAX;
		if (likely(straight[i])) {
			rte_prefetch0(one[i].ptr + hdr);
			rte_prefetch0(one[i].ptr + one[i].len - 1);
		}
	}
	for (uint16_t i = 0; i < n; i++) {
		struct frame *f = &w->frames[i];

		frames[i] = f;
		if (likely(straight[i])) {
			const uint8_t *data = one[i].ptr + hdr;

			f->len = one[i].len - hdr;
			f->nb_segs = 0;
			f->rest = data + FRAME_HEAD;
			copy_head(f->head, data, f->len);
			continue;
		}
		switch (forward_take_chain(w, rxq, heads[i], f)) {
		case FORWARD_TAKEN:
			break;
		case FORWARD_DROPPED:
			frames[i] = NULL;
			break;
		case FORWARD_LATER:
		case FORWARD_FAULT:
			return i;
		}
	}
	return n;
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

static __rte_always_inline void
decide(struct worker *w, struct port_rxq *rxq, struct frame **frames, uint16_t n, struct burst *b)
{
	uint32_t generation = fdb_generation();
	/* Receiveq of the memo: stays valid for the burst, its grace period cannot end before. */
	struct port_txq *memo = NULL;
	uint64_t memo_key = UINT64_MAX; /* no address: they have 48 bits */

	if (rxq->to.stamp == generation) {
		memo = receiveq(rxq, rxq->to.port);
		if (likely(memo != NULL))
			memo_key = rxq->to.mac;
	}
	for (uint16_t i = 0; i < n; i++) {
		struct frame *f = frames[i];
		uint64_t to, from;
		bool flood = false;

		if (unlikely(f == NULL))
			continue;
		rxq->stats.bytes += f->len;
		to = fdb_key(f->head);
		from = fdb_key(f->head + RTE_ETHER_ADDR_LEN);
		if (unlikely(!source_ok(w, rxq, from))) {
			rxq->stats.invalid_source++;
			continue;
		}
		if (likely(to == memo_key)) {
			f->to = memo;
		} else {
			f->to = look_up(rxq, to, generation, &flood);
			if (rxq->to.mac == to && rxq->to.stamp == generation) {
				memo = f->to;
				memo_key = to;
			}
		}
		if (likely(f->to != NULL)) {
			add_target(b, f->to);
			b->list[b->nb_list++] = f;
		} else if (flood) {
			b->flood[b->nb_flood++] = f;
		}
	}
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

/* Frames of one piece into buffers of one descriptor, until one is not. Returns how many. */
static __rte_always_inline uint16_t
send_straight(struct port_txq *txq, struct frame **frames, uint16_t n)
{
	struct virtq_device *q = &txq->vq;
	const uint16_t hdr = txq->hdr_bytes;
	struct virtq_one one[WORKER_BURST];
	uint16_t heads[WORKER_BURST];
	uint64_t bytes = 0;
	uint16_t i;

	n = virtq_device_heads(q, heads, n);
	for (i = 0; i < n; i++) {
		if (unlikely(!virtq_device_one(q, heads[i], VIRTQ_DESC_F_WRITE,
				     frames[i]->len + hdr, &one[i]) ||
			     frames[i]->nb_segs != 0))
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
		send(w, b->targets[0], b->list, b->nb_list);
		return;
	}
	for (uint16_t t = 0; t < b->nb_targets; t++) {
		struct frame *group[WORKER_BURST];
		uint16_t nb = 0;

		for (uint16_t i = 0; i < b->nb_list; i++) {
			if (b->list[i]->to == b->targets[t])
				group[nb++] = b->list[i];
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
	for (uint16_t i = 0; i < n; i++) {
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
	struct frame *frames[WORKER_BURST];
	struct rte_mbuf *copies[WORKER_BURST];
	uint16_t heads[WORKER_BURST];
	struct burst b;
	uint16_t nb_copies = 0;
	uint16_t n = virtq_device_avail(q, WORKER_BURST);

	if (n == 0)
		return 0;
	b.nb_list = 0;
	b.nb_flood = 0;
	b.nb_targets = 0;
	w->nb_segs = 0;
	n = take(w, rxq, heads, frames, RTE_MIN(n, (uint16_t)WORKER_BURST));
	decide(w, rxq, frames, n, &b);
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

	virtq_device_put_read(q, heads, n);
	virtq_device_taken(q, n);
	rxq->stats.packets += n;
	if (unlikely(virtq_device_publish(q)))
		forward_interrupt(rxq->call_fd, &rxq->stats.interrupts);
	publish_targets(w, &b);
	if (unlikely(nb_copies > 0))
		flood(w, rxq, copies, nb_copies);
	return n;
}
