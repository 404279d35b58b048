/* SPDX-License-Identifier: BSD-3-Clause */
/* Workers: who polls which queue, what a worker holds during a burst, and how control waits. */
#ifndef WORKER_H
#define WORKER_H

#include "net/vnet_offload.h"
#include "port.h"

#include <rte_mbuf.h>

#define WORKER_BURST 32
#define WORKER_SEGS 1024  /* pieces that the frames of a burst, or one frame to send, may have */
#define WORKER_CHAINS 512 /* guest buffers that one frame may be merged into */

/* First bytes of a frame: decisions are made on the private copy, and the copy is what is sent. */
#define FRAME_HEAD 64
#define FRAME_MIN RTE_ETHER_HDR_LEN
/* An IP packet of 65,535 bytes behind Ethernet and two tags. */
#define FRAME_MAX (65535 + RTE_ETHER_HDR_LEN + VNET_PACKET_TAGS_MAX * RTE_VLAN_HLEN)
/* Whole bursts of one-descriptor frames up to here; longer ones are looked at one by one. */
#define FRAME_STRAIGHT_MAX 9216

/*
 * Work of a burst is bounded: no frame is taken any more once those taken have so many bytes or
 * would, if their receivers want it, be cut into so many segments.
 */
#define WORKER_BURST_BYTES (256 * 1024)
#define WORKER_BURST_SEGMENTS 512
/* Of one frame: what the smallest usual TCP segment makes of the largest frame, and some. */
#define FRAME_SEGMENTS_MAX 2048

/* A frame on its way. The bytes behind head are read from where the guest put them, once. */
struct frame {
	uint8_t head[FRAME_HEAD];
	uint32_t len; /* without virtio-net header */
	uint32_t nb_segs;
	/* Behind the head: rest when nb_segs is 0, else segs[nb_segs]. */
	const uint8_t *rest;
	struct virtq_seg *segs;
	struct vnet_offload offload; /* what the header asks for; set if worker_burst.asks */
	uint64_t hash;   /* vnet_hdr_hash(), of frames to a receiveq whose header has room for it */
	uint16_t target; /* of burst.targets[] */
} __rte_aligned(64);

/* A queue that a worker polls, and what it needs to see that nothing is there: a cached read. */
struct worker_queue {
	const rte_le16_t *avail_idx; /* the guest's, as a rule */
	struct port_rxq *rxq;
	rte_le16_t taken;   /* the same if nothing waits */
	uint16_t port;      /* id */
	uint16_t place;     /* of the queues in this list that its port has */
	uint16_t nb_queues; /* their number; they follow one another */
};

/* Queues of one worker, in order of ports. Its own, once published. */
struct worker_list {
	uint16_t nb;
	uint16_t nb_discard;
	bool begun;                   /* queues[].avail_idx and taken are set */
	struct worker_queue queues[]; /* [nb] to forward from, then [nb_discard] to empty */
};

/* What a worker gave a port, see turn.h. */
struct worker_share {
	uint64_t due;  /* of worker.granted: until when it had its share */
	uint16_t next; /* of its queues */
};

/* Sleep of a worker, see datapath/idle.h. */
struct worker_idle_stats {
	uint64_t sleeps;
	uint64_t kicks;     /* ended by guests alone */
	uint64_t changes;   /* ended because control changed something */
	uint64_t cancelled; /* frames were there at the last look */
};
struct worker_idle {
	bool sleeps;
	bool asleep;  /* now */
	int epoll_fd; /* -1: none */
	int wake_fd;
	uint32_t kickless; /* queues of the list that keep it awake */
	uint64_t after;    /* TSC cycles without a frame */
	uint64_t since;    /* TSC of the first turn without; 0: there was none yet */
	struct worker_idle_stats stats;
};

/* Ports that have a receiveq running: where floods go. Immutable once published. */
struct worker_ports {
	uint16_t nb;
	struct port *ports[];
};

extern struct worker_ports *worker_ports; /* replaced by control, RCU; NULL: none */

/* Of the burst under way. */
struct worker_burst {
	uint32_t segments;  /* that the frames with segmentation would make */
	uint16_t nb_segs;   /* of worker.segs[], used */
	uint16_t asks;      /* a frame asks for a checksum or for segmentation */
	uint32_t flowed;    /* bits of frames[]: worker.flows is known */
	uint16_t nb_hashed; /* of worker.hashed[]; may be more than it has */
	bool deepened;      /* frames have pieces for the sake of their headers */
	bool copied;        /* the frames are copies in mbufs */
	uint64_t
		more_work; /* copies for many ports, chains that are dropped; as turn.h counts it */
};

/* Hashes of frames[], copies for many ports, by one set of types and key. */
#define WORKER_HASHED 4
struct worker_hashed {
	const struct steer_hash *hash;
	uint32_t done; /* bits of frames[] */
	uint32_t values[WORKER_BURST];
	uint8_t reports[WORKER_BURST];
};

struct worker {
	struct worker_list *list; /* replaced by control, RCU */
	uint32_t polls;
	uint32_t clock;   /* fdb_clock(), a few polls old at most */
	uint64_t granted; /* work that every port might have had done */
	uint16_t index;
	bool shared; /* other workers may want the same receiveqs: lock them */
	struct worker_idle idle;
	struct worker_burst burst;
	struct frame frames[WORKER_BURST];
	struct virtq_seg segs[WORKER_SEGS];
	struct virtq_seg out[WORKER_SEGS];
	uint16_t out_heads[WORKER_CHAINS];
	uint32_t out_bytes[WORKER_CHAINS];
	/* First bytes of frames[i] where they are wanted, see forward_deepen(). */
	uint8_t deep[WORKER_BURST][VNET_PACKET_HEAD];
	struct virtq_seg deep_segs[WORKER_BURST][2];
	uint32_t flows[WORKER_BURST]; /* steer_flow() */
	struct worker_hashed hashed[WORKER_HASHED];
	struct worker_share shares[PORT_MAX]; /* by port id */
} __rte_cache_aligned;

/** Pool for frames that go to several ports; made by vswitch_init(). */
extern struct rte_mempool *worker_pool;

/** @return 0 or -ENOMEM. */
int workers_init(uint16_t nb_workers);
void workers_fini(void);

struct worker *worker_get(uint16_t index);

/** None of them sleeps any longer. Any thread, signal handlers too. */
void workers_wake(void);

/** Ring of index i of a port belongs to this worker. */
uint16_t worker_of(const struct port *port, uint16_t pair);

/**
 * Publish what the ports' running flags say: lists of the workers and the port's txset; then wait
 * until no worker uses what was published before. Control, serialised by the caller.
 */
void workers_publish(struct port *port);

/** Between bursts: this worker holds nothing. */
void worker_quiescent(struct worker *w);
void worker_online(struct worker *w);
void worker_offline(struct worker *w);

#endif
