/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef SEQCHECK_FLOW_H
#define SEQCHECK_FLOW_H

#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_udp.h>

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#define SEQ_FRAME_MIN 60u
#define SEQ_FRAME_MAX 9216u
#define SEQ_MAX_PORTS 32u
#define SEQ_MAX_QUEUES 128u
#define SEQ_MAX_BURST 128u
#define SEQ_MAX_SEGS 64u
#define SEQ_MAGIC_DATA 0x5351
#define SEQ_MAGIC_HELLO 0x5348
/* Sequence numbers back from the newest one for which a second arrival is still told from a first.
 */
#define SEQ_HISTORY 131072u

/* What the switch sees: valid headers, constant per flow and length. 42 bytes. */
struct net_hdr {
	struct rte_ether_hdr ether;
	struct rte_ipv4_hdr ip;
	struct rte_udp_hdr udp;
};

/* What the receiver goes by; fills a 60-byte frame exactly. Host byte order, one machine. */
struct seq_hdr {
	uint16_t magic;
	uint16_t flow;
	uint16_t length;
	uint32_t sum;
	uint64_t seq;
} __rte_packed;

static_assert(sizeof(struct net_hdr) == 42, "no padding");
static_assert(sizeof(struct net_hdr) + sizeof(struct seq_hdr) == SEQ_FRAME_MIN, "60-byte frame");

struct seq_count {
	uint64_t sent;
	uint64_t received;   /* distinct and right */
	uint64_t duplicated; /* arrived a second time, or after SEQ_HISTORY newer ones */
	uint64_t reordered;  /* behind a newer one of its flow on the same receive queue */
	uint64_t moved;      /* a flow changed its receive queue */
};

/* One direction of traffic from one transmit queue of a port to the partner port. */
struct flow {
	uint16_t id;
	uint16_t src_port;
	uint16_t src_queue;
	uint16_t dst_port;
	uint16_t cached_length; /* length the template is filled in for */
	uint16_t last_queue;
	bool hello_seen;
	uint64_t salt;
	bool checksums; /* UDP's is left to the device */
	bool hashed;    /* frames come with a hash, all with the same */
	bool hash_seen;
	uint32_t hash;
	struct net_hdr net;
	uint64_t tx_next;     /* sequence number of the next frame to build */
	uint64_t quota;       /* frames to send in all */
	uint64_t written_off; /* frames no longer waited for */
	uint64_t last_rx_tsc;
	uint64_t longest_gap;
	struct seq_count count;
	uint64_t *newest;  /* [queues] highest sequence number + 1 seen on each receive queue */
	uint64_t *arrived; /* bitmap of SEQ_HISTORY bits */
	uint16_t nb_pending;
	uint16_t pending_at;
	struct rte_mbuf *pending[SEQ_MAX_BURST]; /* built, not yet taken by the driver */
};

enum seq_verdict {
	SEQ_GOOD,
	SEQ_HELLO,
	SEQ_FOREIGN,   /* not ours: other sender, announcement */
	SEQ_FLOODED,   /* ours, addressed to another port */
	SEQ_DUPLICATE, /* seen before */
	SEQ_CORRUPT,   /* ours, and some byte is wrong */
};

/** Frames built and in nobody's hands but the network's. */
static inline uint64_t
flow_in_flight(const struct flow *f)
{
	return f->count.sent - f->count.received - f->written_off;
}

/**
 * Make a flow from (src_port, src_queue) to dst_port; variant tells flows of one queue apart.
 * Both directions between two ports with the same queue and variant have mirrored addresses and
 * the same UDP ports, so that a switch which steers by the way back finds the queue.
 *
 * @return 0, or -ENOMEM.
 */
int flow_init(struct flow *f, uint16_t id, uint16_t src_port, uint16_t src_queue, uint16_t dst_port,
	uint16_t variant, uint16_t nb_queues, uint64_t salt);

void flow_fini(struct flow *f);

/** Write the frame (flow, seq, length) to dst, length bytes, 60 <= length <= SEQ_FRAME_MAX. */
void flow_write_frame(struct flow *f, uint8_t *dst, uint16_t magic, uint64_t seq, uint16_t length);

/** A frame of this flow is in m: what the device is to do for it. */
static inline void
flow_ask(const struct flow *f, struct rte_mbuf *m)
{
	if (likely(!f->checksums))
		return;
	m->ol_flags |= RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_UDP_CKSUM;
	m->l2_len = sizeof(f->net.ether);
	m->l3_len = sizeof(f->net.ip);
}

/** Is what the driver says of an intact frame, beside its bytes, right? */
bool flow_mbuf_is_right(struct flow *f, const struct rte_mbuf *m);

/** First position at which the frame is not what (flow, seq, length) makes it, or -1. */
int flow_find_difference(struct flow *f, const uint8_t *frame, uint64_t seq, uint16_t length);

/**
 * 32-bit check of the header fields; the rest of a frame follows from them byte by byte.
 *
 * @param salt  Of this process: frames of another one at the same switch are then foreign.
 */
uint32_t seq_hdr_sum(const struct seq_hdr *h, uint64_t salt);

/** A frame is about to be sent: forget what arrived under this number SEQ_HISTORY frames ago. */
void flow_note_sent(struct flow *f, uint64_t seq);

/** Account an intact frame; SEQ_GOOD, SEQ_DUPLICATE, or SEQ_CORRUPT for a number never sent. */
enum seq_verdict flow_note_arrival(struct flow *f, uint64_t seq, uint16_t queue);

#endif
