/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The queues of a port as the data path sees them, and the burst functions.
 *
 * Owner of every field not said otherwise: the thread that polls the queue. The control path
 * touches a queue only while no burst runs on it (before its first burst function is set, or
 * after the application stopped the port).
 */
#ifndef PMD_RXTX_H
#define PMD_RXTX_H

#include "net/vnet_hdr.h"
#include "ring/virtq_driver.h"
#include "spec/virtio_net_spec.h"

#include <rte_mbuf.h>
#include <rte_mempool.h>

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

/* Work per packet that a constant flag folds; each flag has a measured gain. */
enum pmd_rx_flag {
	PMD_RX_MERGE = 1 << 0,   /* MRG_RXBUF: a packet may span several buffers */
	PMD_RX_OFFLOAD = 1 << 1, /* GUEST_CSUM: headers may say something */
	PMD_RX_HASH = 1 << 2,    /* HASH_REPORT: headers of 20 bytes, with the flow's hash */
	PMD_RX_FLAGS = PMD_RX_MERGE | PMD_RX_OFFLOAD | PMD_RX_HASH,
};

enum pmd_tx_flag {
	PMD_TX_IN_ORDER = 1 << 0, /* IN_ORDER: completions are the used index alone */
	PMD_TX_OFFLOAD = 1 << 1,  /* some offload: packets may ask for it in ol_flags */
	PMD_TX_FLAGS = PMD_TX_IN_ORDER | PMD_TX_OFFLOAD,
};

/* What is done to received packets in a pass of its own. */
enum pmd_rx_post {
	PMD_POST_VLAN_FILTER = 1 << 0,
	PMD_POST_VLAN_STRIP = 1 << 1,
	PMD_POST_PTYPE = 1 << 2,
};

/* Hash reports that have a meaning, and one place more for all that have none. */
#define PMD_RX_REPORTS (VIRTIO_NET_HASH_REPORT_UDPv6_EX + 2)

/* Counters of one queue: name, meaning. Each becomes a field and an xstat. */
#define PMD_RX_STATS(_) \
	_(packets, "packets received") \
	_(bytes, "bytes received, without the virtio-net header") \
	_(merged_packets, "received in several buffers") \
	_(lro_packets, "received as one packet of several segments") \
	_(rsc_segments, "segments in these, where the device counts them") \
	_(rsc_dup_acks, "duplicate acknowledgements that the device held back") \
	_(errors, "dropped: the length the device gave cannot hold the header") \
	_(bad_header, "dropped: the header contradicts the packet or what was negotiated") \
	_(vlan_filtered, "dropped: the VLAN filter does not have their tag") \
	_(mbuf_alloc_failed, "buffers that could not be posted again: the mempool is empty") \
	_(kicks, "notifications sent to the device") \
	_(stale, "buffers filled while the queue was stopped or before, thrown away")

#define PMD_TX_STATS(_) \
	_(packets, "packets handed to the device") \
	_(bytes, "bytes handed to the device, without the virtio-net header") \
	_(multi_segment_packets, "sent from several mbuf segments") \
	_(indirect_packets, "sent through an indirect table") \
	_(chained_packets, "sent as a chain of descriptors") \
	_(ring_full, "bursts that ended because the ring had no room: the device is slow or away") \
	_(segmentation_packets, "handed to the device to be cut into segments") \
	_(errors, "dropped: more segments than the ring has descriptors, or empty") \
	_(bad_offload_fields, "dropped: offload fields contradict each other or the packet") \
	_(offload_not_possible, \
		"dropped: an offload that is switched off, or that nobody here has") \
	_(oversized, "dropped: longer than the MTU that was agreed with the device") \
	_(kicks, "notifications sent to the device")

#define PMD_STAT_FIELD(name, text) uint64_t name;
struct pmd_rx_stats {
	PMD_RX_STATS(PMD_STAT_FIELD)
};
struct pmd_tx_stats {
	PMD_TX_STATS(PMD_STAT_FIELD)
};
#undef PMD_STAT_FIELD

typedef uint16_t pmd_burst_fn(void *queue, struct rte_mbuf **pkts, uint16_t nb);

struct pmd_rxq {
	struct virtq_driver q;
	/* What the port's burst function jumps to. Control path stores it with release. */
	pmd_burst_fn *burst;
	struct rte_mempool *pool;
	uint64_t rearm;      /* rearm_data of a fresh mbuf: data_off, refcnt 1, 1 segment, port */
	uint16_t hdr_bytes;  /* 12 or 20 */
	uint16_t post_max;   /* buffers that may be posted at once; the ring holds them */
	uint16_t fill_chunk; /* buffers are posted when at least so many are missing */
	/* From an mbuf to its buffer; 0: each has to be asked, its buffer lies elsewhere. */
	uint32_t buf_at;
	uint32_t post_bytes; /* bytes the device may write to one buffer, header included */
	uint32_t post;       /* enum pmd_rx_post: work on each burst; atomic, any thread */
	uint32_t can;        /* enum vnet_can; 0 without PMD_RX_OFFLOAD */
	int kick_fd;         /* eventfd */
	struct pmd_rx_stats stats;
	const uint64_t *vlan_ids; /* ethdev's table of the VLAN filter, a bit for each number */
	uint32_t ptype_mask;
	/* By report: RTE_PTYPE_*, masked, and above it flags of the mbuf. */
	uint64_t reports[PMD_RX_REPORTS];
	uint8_t last_bad; /* enum vnet_bad of the last bad header */
	/* Set-up, written by the control path only. */
	uint16_t port_id;
	uint16_t queue_id;
	/* Control path, before it stores burst. */
	pmd_burst_fn *variant; /* what pmd_rx_burst_resume() hands over to */
	uint16_t stale_until;  /* used entries before this position are too old to be delivered */
	bool opened;           /* the ring was on before, its buffers are posted */
	uint16_t chain_mbufs;  /* mbufs of a buffer, pmd_rx_chain.h; 0 or 1: the usual way */
	/* pmd_intr.h; call_fd and poll as above. */
	pmd_burst_fn *poll; /* below pmd_rx_burst_event() */
	int call_fd;        /* eventfd */
	bool intr_on;       /* the application's wish; atomic */
};

/*
 * Device-visible companion of a descriptor: header and indirect table of the packet it heads. Where
 * first bytes of the packet had to be changed and it may not be written, they stand here, behind
 * their header, and leave room for a shorter table.
 */
#define PMD_TX_TABLE_ENTRIES 30
#define PMD_TX_TABLE_ENTRIES_HEAD 12
struct pmd_tx_slot {
	uint8_t hdr[32];
	union {
		struct virtq_desc table[PMD_TX_TABLE_ENTRIES];
		struct {
			struct virtq_desc short_table[PMD_TX_TABLE_ENTRIES_HEAD];
			uint8_t head[288]; /* header, tag, VNET_PACKET_HEAD bytes */
		};
	};
} __rte_aligned(64);

struct pmd_txq {
	struct virtq_driver q;
	pmd_burst_fn *burst;       /* as in pmd_rxq */
	struct pmd_tx_slot *slots; /* [ring size], in memory shared with the device */
	uint16_t hdr_bytes;
	uint16_t post_max;    /* packets that may be outstanding at once, at most the ring's size */
	uint16_t free_thresh; /* completions are taken when fewer packets than this have room */
	/*
	 * Pool of the plain mbufs on the ring (one segment, one owner, own buffer): they go back to
	 * it in bulk, unseen. Others have PMD_COOKIE_OTHER set in their cookie.
	 */
	struct rte_mempool *plain_pool;
	uint16_t nb_other; /* outstanding cookies with PMD_COOKIE_OTHER */
	int kick_fd;
	/* Offloads; asks is 0 when none is on. */
	uint64_t asks;          /* flags of mbufs that are looked at */
	uint64_t asks_straight; /* those that the burst itself serves */
	uint32_t frame_max;     /* longest frame that is not cut into segments; atomic */
	uint32_t can;           /* enum vnet_can */
	struct pmd_tx_stats stats;
	uint16_t port_id;
	uint16_t queue_id;
	pmd_burst_fn *poll; /* below pmd_tx_burst_event() */
};

/* Low bit of a transmit cookie, see plain_pool. */
#define PMD_COOKIE_OTHER ((uintptr_t)1)

/* One variant: its name, as rx_burst_mode_get prints it, and the function. */
struct pmd_variant {
	const char *name;
	pmd_burst_fn *burst;
};

/* Instruction sets the hot file is compiled for, narrowest first. */
enum pmd_isa {
	PMD_ISA_BASE,
	PMD_ISA_AVX2,
	PMD_ISA_AVX512,
	PMD_ISA_MAX,
};

extern const struct pmd_variant pmd_rx_variants_base[PMD_RX_FLAGS + 1];
extern const struct pmd_variant pmd_tx_variants_base[PMD_TX_FLAGS + 1];
extern const struct pmd_variant pmd_rx_variants_avx2[PMD_RX_FLAGS + 1];
extern const struct pmd_variant pmd_tx_variants_avx2[PMD_TX_FLAGS + 1];
extern const struct pmd_variant pmd_rx_variants_avx512[PMD_RX_FLAGS + 1];
extern const struct pmd_variant pmd_tx_variants_avx512[PMD_TX_FLAGS + 1];

/** Variant for flags, compiled for the widest instruction set that CPU and EAL allow. */
const struct pmd_variant *pmd_rx_variant(unsigned int flags);
const struct pmd_variant *pmd_tx_variant(unsigned int flags);

/** Burst that moves nothing: queue without a device, stopped or faulty queue. */
uint16_t pmd_burst_none(void *queue, struct rte_mbuf **pkts, uint16_t nb);

/** Burst of a queue that comes back: throws away what is stale and makes way for the variant. */
uint16_t pmd_rx_burst_resume(void *queue, struct rte_mbuf **pkts, uint16_t nb);

/** What ethdev calls: jumps to queue->burst. */
uint16_t pmd_rx_burst(void *queue, struct rte_mbuf **pkts, uint16_t nb);
uint16_t pmd_tx_burst(void *queue, struct rte_mbuf **pkts, uint16_t nb);

/** Post buffers up to post_max from the pool and publish them; also called by the bursts. */
void pmd_rxq_fill(struct pmd_rxq *rxq);

/**
 * Header of a packet -> its mbuf. pmd_rx_offload.c.
 *
 * @param m    The whole packet.
 * @param hdr  Private copy of its first twelve bytes. Hash flag and type stand in m already.
 * @return false: the header is bad, and the packet to be dropped; rxq->last_bad says why. Cold.
 */
bool pmd_rx_offload(struct pmd_rxq *rxq, struct rte_mbuf *m, const struct virtio_net_hdr *hdr);

/** Filter, strip and name the packets of a burst. @return how many are left, in order. Cold. */
uint16_t pmd_rx_post(struct pmd_rxq *rxq, struct rte_mbuf **pkts, uint16_t nb);

/** One packet that the burst's short way does not do: chains, tables, merged ones. Cold. */
struct rte_mbuf *pmd_rx_one(struct pmd_rxq *rxq, bool merge);
int pmd_tx_one(struct pmd_txq *txq, struct rte_mbuf *m);

/** Header checksum of a packet that asks for it. @return false: its fields are wrong. Cold. */
bool pmd_tx_ipv4_checksum(struct rte_mbuf *m);

/** Take back completed packets from a ring out of sequence. Cold. */
void pmd_tx_clean_list(struct pmd_txq *txq);

/** The same for any ring and at most max packets. @return how many. */
uint32_t pmd_tx_clean_some(struct pmd_txq *txq, uint32_t max);

/** Tell the device; counts. Cold. */
void pmd_kick(int kick_fd, uint64_t *kicks);

/** Tell it about buffers that a burst posted, if it wants to know. */
static __rte_always_inline void
pmd_rx_kick(struct pmd_rxq *rxq)
{
	if (virtq_driver_kick_due(&rxq->q))
		pmd_kick(rxq->kick_fd, &rxq->stats.kicks);
}

/**
 * Fresh ring and all buffers posted. The queue's pool, hdr_bytes, post_max, chain_mbufs, port_id
 * are set.
 *
 * @param vq       Initialised ring in memory shared with the device.
 * @param private  virtq_driver_bytes(vq->size) of private memory.
 * @return 0, or -ENOMEM when the pool cannot fill post_max buffers: those that it could stay
 *     posted, the queue works.
 */
int pmd_rxq_start(struct pmd_rxq *rxq, const struct virtq *vq, void *private);
void pmd_txq_start(struct pmd_txq *txq, const struct virtq *vq, void *private);

/** The same with nothing posted; pmd_rxq_fill() does that. */
void pmd_rxq_init(struct pmd_rxq *rxq, const struct virtq *vq, void *private);

/** Give all buffers of a stopped queue back to their pools. The device has let go of the ring. */
void pmd_rxq_drain(struct pmd_rxq *rxq);
void pmd_txq_drain(struct pmd_txq *txq);

/* What a header with hash says of its packet; all zero: nothing. */
struct pmd_rx_flow {
	uint64_t ol_flags;
	uint32_t type;
	uint32_t hash; /* has no meaning without RTE_MBUF_F_RX_RSS_HASH */
};

/** @param hdr  Of 20 bytes, the device may be writing to it. Data path. */
static __rte_always_inline struct pmd_rx_flow
pmd_rx_flow_of(const struct pmd_rxq *rxq, const void *hdr)
{
	const uint32_t report = RTE_MIN(vnet_hdr_hash_report(hdr), PMD_RX_REPORTS - 1);

	return (struct pmd_rx_flow){
		.ol_flags = rxq->reports[report] >> 32,
		.type = (uint32_t)rxq->reports[report],
		.hash = vnet_hdr_hash_value(hdr),
	};
}

#endif
