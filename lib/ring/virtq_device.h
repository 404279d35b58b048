/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Device role of a split virtqueue: take, walk, put, publish.
 *
 * Nothing that the driver writes is trusted. Each descriptor is read once into a local copy, the
 * copy is checked, the copy is used. A broken ring gets a fault (which, where, what value) and
 * gives nothing more until virtq_device_init().
 *
 * This device completes in the order in which buffers became available and completes all that it
 * took before it leaves the ring: the used index alone is the state of a stopped ring, whether
 * VIRTIO_F_IN_ORDER was negotiated or not.
 *
 * All functions: one thread per queue at a time, no system call, no allocation.
 */
#ifndef VIRTQ_DEVICE_H
#define VIRTQ_DEVICE_H

#include "ring/virtq.h"
#include "ring/virtq_mem.h"
#include "ring/virtq_notify.h"

#include <rte_atomic.h>
#include <rte_branch_prediction.h>
#include <rte_common.h>

#include <string.h>

/* A piece of a buffer that is contiguous here. */
struct virtq_seg {
	uint8_t *ptr;
	uint64_t guest; /* driver's address of the same byte, for the dirty log */
	uint32_t len;   /* bytes, at least 1 */
};

/* What virtq_device_walk() found. */
struct virtq_chain {
	uint16_t nb_read;  /* segs[0..nb_read) are device-readable */
	uint16_t nb_write; /* the nb_write after them are device-writable */
	uint32_t nb_desc;  /* descriptors that were read, one that names a table not counted */
	uint32_t read_bytes;
	uint32_t write_bytes;
};

/* A chain of one direct descriptor that lies in one region: nearly all of them. */
struct virtq_one {
	uint8_t *ptr;
	uint64_t guest;
	uint32_t len;
	uint16_t flags; /* as the driver wrote them */
};

/** Told of each write to the driver's memory, by the driver's address. */
typedef void virtq_log_fn(void *arg, uint64_t guest, uint64_t bytes);

struct virtq_device;

/** Told that a ring has broken, once for each fault; by the thread that has the queue. */
typedef void virtq_fault_fn(const struct virtq_device *q);

struct virtq_device {
	struct virtq vq;
	const struct virtq_mem *mem;
	/* Positions are free-running. Written by the thread that has the queue. */
	uint16_t avail_next; /* next available entry to take */
	uint16_t avail_seen; /* driver's index when it was last read */
	uint16_t used_next;  /* next used entry to write */
	uint16_t used_idx;   /* what the driver was told last */
	/* Region of the last hit, a copy: most drivers have all buffers in one. */
	struct virtq_mem_region hit;
	virtq_log_fn *log; /* with VIRTQ_LOG */
	void *log_arg;
	uint64_t log_used; /* driver's address of the used ring */
	struct virtq_fault_info fault;
	virtq_fault_fn *on_fault; /* NULL: nobody is told */
};

/**
 * Start or restart the device end of a ring.
 *
 * @param vq    Initialised; the memory of its parts is the driver's.
 * @param mem   Memory map; must live and stay the same as long as the queue is used.
 * @param base  Position to go on from: used index of a stopped ring, 0 of a fresh one.
 */
void virtq_device_init(
	struct virtq_device *q, const struct virtq *vq, const struct virtq_mem *mem, uint16_t base);

/**
 * Report each write from now on. VIRTQ_LOG has to be set in the flags given to init.
 *
 * @param used_guest  Driver's address of the used ring.
 */
void virtq_device_log_to(struct virtq_device *q, virtq_log_fn *log, void *arg, uint64_t used_guest);

/** Tell somebody when the ring breaks, from now until the next init. */
void virtq_device_fault_to(struct virtq_device *q, virtq_fault_fn *on_fault);

/**
 * Walk one chain, direct and indirect, to pieces that are contiguous here.
 *
 * The one walker for data and control. Descriptors of length 0 are passed over, their address is
 * not looked at.
 *
 * @param head  From virtq_device_head().
 * @param segs  [max_segs] Out: readable pieces, then writable ones.
 * @return VIRTQ_FAULT_NONE; VIRTQ_FAULT_CHAIN_SEGMENTS when max_segs do not hold it or it has more
 *     descriptors: not latched, the caller may drop the packet and complete the chain; any other
 *     fault is latched.
 *
 * VIRTIO 1.3, 2.7.5 The Virtqueue Descriptor Table.
 */
enum virtq_fault virtq_device_walk(struct virtq_device *q, uint16_t head, struct virtq_seg *segs,
	uint16_t max_segs, struct virtq_chain *chain);

/* Cold: latch the first fault. */
void virtq_device_set_fault(
	struct virtq_device *q, enum virtq_fault fault, uint16_t head, uint64_t value);

/* Cold: why virtq_device_one() said no to an address in the map: look again, remember the hit. */
uint8_t *virtq_device_find(struct virtq_device *q, uint64_t addr, uint32_t len);

/* Cold: which of the heads is outside the table? Latches the fault. */
uint16_t virtq_device_bad_head(struct virtq_device *q, const uint16_t *heads, uint16_t n);

static inline bool
virtq_device_broken(const struct virtq_device *q)
{
	return q->fault.fault != VIRTQ_FAULT_NONE;
}

/**
 * Chains that wait to be taken.
 *
 * The driver's index is read only when fewer than want are known. An index further ahead than the
 * ring has entries is a fault, and nothing waits then.
 *
 * @return 0..size.
 */
static inline uint16_t
virtq_device_avail(struct virtq_device *q, uint16_t want)
{
	uint16_t ready = (uint16_t)(q->avail_seen - q->avail_next);

	if (ready < want) {
		uint16_t seen = virtq_index_peek(&q->vq.avail->idx);

		/* Chains that were taken and not yet published as used count, too. */
		ready = (uint16_t)(seen - q->avail_next);
		if (VIRTQ_CHECKED &&
			unlikely(ready > (uint16_t)(q->vq.size -
						    (uint16_t)(q->avail_next - q->used_idx)))) {
			virtq_device_set_fault(q, VIRTQ_FAULT_AVAIL_INDEX, 0, seen);
			return 0;
		}
		q->avail_seen = seen;
	}
	return !VIRTQ_CHECKED || likely(!virtq_device_broken(q)) ? ready : 0;
}

/**
 * Head descriptor of the i-th chain that waits, as the driver wrote it: check it against the size
 * before use, virtq_device_heads() does.
 */
static inline uint16_t
virtq_device_head_raw(const struct virtq_device *q, uint16_t i)
{
	const rte_le16_t *e = &q->vq.avail->ring[(uint16_t)(q->avail_next + i) & q->vq.mask];

	return rte_le_to_cpu_16(*(const volatile rte_le16_t *)e);
}

/**
 * Heads of the next n chains.
 *
 * @param n      At most virtq_device_avail().
 * @param heads  [n] Out: each below the queue size.
 * @return How many are good; fewer than n: the next is outside the table and a fault was latched.
 */
static __rte_always_inline uint16_t
virtq_device_heads(struct virtq_device *q, uint16_t *heads, uint16_t n)
{
	uint16_t worst = 0;

	for (uint16_t i = 0; i < n; i++) {
		heads[i] = virtq_device_head_raw(q, i);
		worst |= heads[i];
	}
	/* The size is a power of 2: an OR of good heads is a good head. */
	if (!VIRTQ_CHECKED || likely(worst <= q->vq.mask))
		return n;
	return virtq_device_bad_head(q, heads, n);
}

/**
 * Read one descriptor, once, and see whether it is a whole chain in one region.
 *
 * @param flags  What the descriptor has to have of NEXT, WRITE and INDIRECT: 0 for a readable
 *     buffer, VIRTQ_DESC_F_WRITE for a writable one.
 * @param min_len  Shortest length that is of use, at least 1.
 * @return true and *one filled; false: let virtq_device_walk() look at it.
 */
static __rte_always_inline bool
virtq_device_one(struct virtq_device *q, uint16_t head, uint16_t flags, uint32_t min_len,
	struct virtq_one *one)
{
	const volatile uint64_t *d =
		(const volatile uint64_t *)(const volatile void *)&q->vq.desc[head];
	uint64_t addr = rte_le_to_cpu_64(d[0]);
	uint64_t rest = rte_le_to_cpu_64(d[1]);
	uint64_t offset = addr - q->hit.guest;

	one->guest = addr;
	one->len = (uint32_t)rest;
	one->flags = (uint16_t)(rest >> 32) &
		     (VIRTQ_DESC_F_NEXT | VIRTQ_DESC_F_WRITE | VIRTQ_DESC_F_INDIRECT);
	if (VIRTQ_CHECKED && unlikely(one->flags != flags || one->len < min_len))
		return false;
	if (!VIRTQ_CHECKED || likely(offset < q->hit.bytes && one->len <= q->hit.bytes - offset)) {
		one->ptr = q->hit.host + offset;
		return true;
	}
	one->ptr = virtq_device_find(q, addr, one->len);
	return one->ptr != NULL;
}

/** n chains from avail_next on were taken. */
static inline void
virtq_device_taken(struct virtq_device *q, uint16_t n)
{
	q->avail_next = (uint16_t)(q->avail_next + n);
}

static inline void
virtq_device_log(const struct virtq_device *q, uint64_t guest, uint64_t bytes)
{
	if (unlikely(q->vq.flags & VIRTQ_LOG))
		q->log(q->log_arg, guest, bytes);
}

static inline void
virtq_device_log_used(const struct virtq_device *q, uint16_t slot)
{
	virtq_device_log(q,
		q->log_used + offsetof(struct virtq_used, ring) +
			slot * sizeof(struct virtq_used_elem),
		sizeof(struct virtq_used_elem));
}

/**
 * Complete one chain; invisible until virtq_device_publish(). In the order of taking.
 *
 * @param len  Bytes written to the chain, from its first writable byte on.
 */
static inline void
virtq_device_put(struct virtq_device *q, uint16_t head, uint32_t len)
{
	uint16_t slot = q->used_next & q->vq.mask;

	q->vq.used->ring[slot] =
		(struct virtq_used_elem){rte_cpu_to_le_32(head), rte_cpu_to_le_32(len)};
	virtq_device_log_used(q, slot);
	q->used_next++;
}

/**
 * Complete n chains of which nothing was written. Under IN_ORDER one entry stands for all of
 * them (2.7.9).
 *
 * @param heads  [n] In the order of taking.
 */
static __rte_always_inline void
virtq_device_put_read(struct virtq_device *q, const uint16_t *heads, uint16_t n)
{
	if (n == 0)
		return;
	if (q->vq.flags & VIRTQ_IN_ORDER) {
		uint16_t end = (uint16_t)(q->used_next + n);

		virtq_device_put(q, heads[n - 1], 0);
		q->used_next = end;
		return;
	}
	for (uint16_t i = 0; i < n; i++)
		virtq_device_put(q, heads[i], 0);
}

/**
 * Show the driver what was put, and do not ask whether it wants to be interrupted: several queues
 * are shown first, and asked behind one virtq_notify_fence(), see virtq_device_interrupts().
 *
 * @return The used index as it was.
 */
static inline uint16_t
virtq_device_show(struct virtq_device *q)
{
	uint16_t old = q->used_idx;

	if (old == q->used_next)
		return old;
	q->used_idx = q->used_next;
	virtq_index_publish(&q->vq.used->idx, q->used_next);
	virtq_device_log(
		q, q->log_used + offsetof(struct virtq_used, idx), sizeof(q->vq.used->idx));
	return old;
}

/** Behind virtq_device_show() and a fence: does the driver want to be interrupted? */
static inline bool
virtq_device_interrupts(const struct virtq_device *q, uint16_t old)
{
	return old != q->used_idx && virtq_interrupt_wanted(&q->vq, q->used_idx, old);
}

/**
 * Show the driver what was put.
 *
 * @return true when the driver wants to be interrupted.
 */
static inline bool
virtq_device_publish(struct virtq_device *q)
{
	uint16_t old = virtq_device_show(q);

	return old != q->used_idx && virtq_should_interrupt(&q->vq, q->used_idx, old);
}

/* Asking for kicks or none writes the flags, and with event index the word behind the ring. */
static inline void
virtq_device_log_suppression(const struct virtq_device *q)
{
	virtq_device_log(q, q->log_used + offsetof(struct virtq_used, flags), sizeof(rte_le16_t));
	if (q->vq.flags & VIRTQ_EVENT_IDX)
		virtq_device_log(q, q->log_used + virtq_used_bytes(q->vq.size) - sizeof(rte_le16_t),
			sizeof(rte_le16_t));
}

/** Ask for no kicks; the write is reported. */
static inline void
virtq_device_kicks_off(const struct virtq_device *q)
{
	virtq_kicks_off(&q->vq, q->avail_next);
	virtq_device_log_suppression(q);
}

/**
 * Ask for a kick at the next chain; the write is reported.
 *
 * @return true when chains wait already: no kick will come for them.
 */
static inline bool
virtq_device_kicks_on(const struct virtq_device *q)
{
	bool waiting = virtq_kicks_on(&q->vq, q->avail_next);

	virtq_device_log_suppression(q);
	return waiting;
}

#endif
