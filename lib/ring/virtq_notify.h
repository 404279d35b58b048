/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Notification suppression, flags and event index, for both roles.
 * VIRTIO 1.3, 2.7.7 Used Buffer Notification Suppression, 2.7.10 Available Buffer Notification
 * Suppression.
 */
#ifndef VIRTQ_NOTIFY_H
#define VIRTQ_NOTIFY_H

#include "ring/virtq.h"

/* Did a move of a free-running index from old to new pass the event? 2.7.7.2, for a batch. */
static inline bool
virtq_event_passed(uint16_t event, uint16_t new, uint16_t old)
{
	return (uint16_t)(new - event - 1) < (uint16_t)(new - old);
}

/**
 * Driver role: must the device be kicked after the available index went from old to new?
 *
 * Call after virtq_index_publish(); contains the fence.
 */
static inline bool
virtq_should_kick(const struct virtq *vq, uint16_t new, uint16_t old)
{
	virtq_notify_fence();
	if (vq->flags & VIRTQ_EVENT_IDX)
		return virtq_event_passed(virtq_hint_load(virtq_avail_event(vq)), new, old);
	return !(virtq_hint_load(&vq->used->flags) & VIRTQ_USED_F_NO_NOTIFY);
}

/**
 * Device role: must the driver be interrupted after the used index went from old to new?
 *
 * Call after virtq_index_publish() and virtq_notify_fence(), which is enough for several queues.
 */
static inline bool
virtq_interrupt_wanted(const struct virtq *vq, uint16_t new, uint16_t old)
{
	if (vq->flags & VIRTQ_EVENT_IDX)
		return virtq_event_passed(virtq_hint_load(virtq_used_event(vq)), new, old);
	return !(virtq_hint_load(&vq->avail->flags) & VIRTQ_AVAIL_F_NO_INTERRUPT);
}

/** The same of one queue. Call after virtq_index_publish(); contains the fence. */
static inline bool
virtq_should_interrupt(const struct virtq *vq, uint16_t new, uint16_t old)
{
	virtq_notify_fence();
	return virtq_interrupt_wanted(vq, new, old);
}

/**
 * Driver role: ask for no interrupts. With event index the event is left behind used_next, where
 * it fires once in 65,536 entries: a hint, as all suppression is.
 */
static inline void
virtq_interrupts_off(const struct virtq *vq, uint16_t used_next)
{
	if (vq->flags & VIRTQ_EVENT_IDX)
		virtq_hint_store(virtq_used_event(vq), (uint16_t)(used_next - 1));
	else
		virtq_hint_store(&vq->avail->flags, VIRTQ_AVAIL_F_NO_INTERRUPT);
}

/**
 * Driver role: ask for an interrupt at the next used entry.
 *
 * @return true when entries are there already: no interrupt will come for them.
 */
static inline bool
virtq_interrupts_on(const struct virtq *vq, uint16_t used_next)
{
	if (vq->flags & VIRTQ_EVENT_IDX)
		virtq_hint_store(virtq_used_event(vq), used_next);
	else
		virtq_hint_store(&vq->avail->flags, 0);
	virtq_notify_fence();
	return virtq_index_peek(&vq->used->idx) != used_next;
}

/** Device role: ask for no kicks. */
static inline void
virtq_kicks_off(const struct virtq *vq, uint16_t avail_next)
{
	if (vq->flags & VIRTQ_EVENT_IDX) {
		virtq_hint_store(virtq_avail_event(vq), (uint16_t)(avail_next - 1));
		virtq_hint_store(&vq->used->flags, 0);
	} else {
		virtq_hint_store(&vq->used->flags, VIRTQ_USED_F_NO_NOTIFY);
	}
}

/**
 * Device role: ask for a kick at the next available entry.
 *
 * @return true when entries are there already: no kick will come for them.
 */
static inline bool
virtq_kicks_on(const struct virtq *vq, uint16_t avail_next)
{
	if (vq->flags & VIRTQ_EVENT_IDX)
		virtq_hint_store(virtq_avail_event(vq), avail_next);
	virtq_hint_store(&vq->used->flags, 0);
	virtq_notify_fence();
	return virtq_index_peek(&vq->avail->idx) != avail_next;
}

#endif
