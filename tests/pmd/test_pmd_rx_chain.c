/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Large packets without merged buffers: every buffer is a chain of mbufs that holds the largest
 * one. VIRTIO 1.3, 5.1.6.3.1.
 */
#include "rx_frames.h"
#include "support/frame.h"

#include <stdio.h>
#include <string.h>

#define LRO RTE_ETH_RX_OFFLOAD_TCP_LRO
#define LARGEST 65550 /* bytes of a frame, by the standard */
#define CHAIN 33      /* mbufs of 2048 that hold it */
#define POSTED (HDR + CHAIN * 2048)

#define IP4_TCP \
	FRAME_MACS \
	"0800 4500 0000 0001 0000 4006 0000 c0a80001 c0a80002 " \
	"1234 0050 00000001 00000002 5010 ffff 0000 0000 "
#define IP4_TCP_BYTES 54

static const char *const no_hdr = "00 00 0000 0000 0000 0000";
static const char *const lro_hdr = "01 01 0000 b405 2200 1000";

static struct fake_chain chain;

/* A port with chains: because the backend cannot merge, or because the application said so. */
static uint16_t
begin(uint64_t without, const char *args)
{
	return rx_begin(B_RX_OFFLOADS, without, LRO, 0, pool, args);
}

/* One packet over the parts of one chain, as a device without MRG_RXBUF writes it. */
static void
deliver(const char *hdr, uint32_t len, uint32_t said)
{
	uint8_t first[HDR] = {0};
	uint32_t done = 0;

	assert_true(fake_device_take(&rx, &chain));
	assert_int_equal(chain.nb, CHAIN);
	assert_int_equal(chain.write_bytes, POSTED);
	assert_int_equal(chain.read_bytes, 0);
	assert_false(chain.indirect);
	frame_hex(first, hdr);
	for (uint32_t i = 0; i < chain.nb && (done < len || i == 0); i++) {
		uint32_t head = i == 0 ? HDR : 0;
		uint32_t n = RTE_MIN(chain.parts[i].len - head, len - done);
		uint8_t *part = backend_at(&rb, chain.parts[i].addr, chain.parts[i].len);

		assert_non_null(part);
		memcpy(part, first, head);
		memcpy(part + head, rx_frame + done, n);
		done += n;
	}
	fake_device_use(&rx, chain.head, said);
	fake_device_show(&rx);
}

static void
assert_whole(const struct rte_mbuf *m, uint32_t len)
{
	static uint8_t got[FRAME_MAX];

	rte_mbuf_sanity_check(m, 1);
	assert_int_equal(m->pkt_len, len);
	assert_int_equal(m->nb_segs, (len + 2047) / 2048);
	rx_bytes(m, got);
	assert_memory_equal(got, rx_frame, len);
}

static unsigned int
in_use(void)
{
	return rte_mempool_in_use_count(pool);
}

static void
packets_of_any_size_come_whole_and_surplus_mbufs_return(void **state)
{
	static const struct {
		uint64_t without;
		const char *args;
	} ways[] = {
		{B_F_MRG_RXBUF, ""},
		{0, ",mrg_rxbuf=0"},
		{B_F_IN_ORDER, ",mrg_rxbuf=0"},
		{B_F_INDIRECT, ",mrg_rxbuf=0"},
	};
	static const uint32_t sizes[] = {60, 1514, 2048, 2049, 9000, LARGEST - 1, LARGEST};

	(void)state;
	COVERS("NET-DRV-038");
	COVERS("NET-FACT-098");
	for (unsigned int w = 0; w < RTE_DIM(ways); w++) {
		struct resources before = resources_now();
		uint16_t port = begin(ways[w].without, ways[w].args);
		const unsigned int posted = in_use() - before.mbufs;

		assert_int_equal(rb.acked & B_F_MRG_RXBUF, 0);
		assert_true(rb.acked & B_F_GUEST_TSO4);
		/* rx_begin() wants 64 descriptors: one chain. */
		assert_int_equal(posted, CHAIN);
		for (unsigned int i = 0; i < 20 * RTE_DIM(sizes); i++) {
			const uint32_t len = sizes[i % RTE_DIM(sizes)];
			const bool large = len > 2048 && len < LARGEST;
			struct rte_mbuf *m;

			assert_int_equal(
				rx_build(IP4_TCP, len - IP4_TCP_BYTES) & 0xffff, len & 0xffff);
			deliver(large ? lro_hdr : no_hdr, len, HDR + len);
			assert_int_equal(rte_eth_rx_queue_count(port, 0), 1);
			assert_int_equal(
				rte_eth_rx_descriptor_status(port, 0, 0), RTE_ETH_RX_DESC_DONE);
			assert_int_equal(
				rte_eth_rx_descriptor_status(port, 0, 63), RTE_ETH_RX_DESC_UNAVAIL);
			assert_int_equal(rte_eth_rx_burst(port, 0, &m, 1), 1);
			assert_whole(m, len);
			assert_int_equal(
				m->ol_flags & RTE_MBUF_F_RX_LRO, large ? RTE_MBUF_F_RX_LRO : 0);
			if (large)
				assert_int_equal(m->tso_segsz, 1460);
			/* What the packet does not need is back, and the ring full again. */
			assert_int_equal(in_use() - before.mbufs, posted + m->nb_segs);
			rte_pktmbuf_free(m);
			assert_int_equal(in_use() - before.mbufs, posted);
		}
		assert_int_equal(port_xstat(port, "rx_q0_packets"), 20 * RTE_DIM(sizes));
		assert_int_equal(port_xstat(port, "rx_q0_errors"), 0);
		rx_end(port, before);
	}
}

/* A ring of 256 with 7 chains, of which several come back at once. */
static void
ring_holds_as_many_chains_as_it_has_descriptors_for(void **state)
{
	struct resources before = resources_now();
	struct rte_eth_conf conf = {.rxmode.offloads = LRO};
	struct rte_mbuf *pkts[32];
	uint16_t port;

	(void)state;
	backend_begin(&rb);
	rb.features |= B_RX_OFFLOADS;
	backend_start(&rb);
	port = port_add("mrg_rxbuf=0");
	assert_int_equal(rte_eth_dev_configure(port, 1, 1, &conf), 0);
	assert_int_equal(rte_eth_rx_queue_setup(port, 0, 256, SOCKET_ID_ANY, NULL, pool), 0);
	assert_int_equal(rte_eth_tx_queue_setup(port, 0, 256, SOCKET_ID_ANY, NULL), 0);
	assert_int_equal(rte_eth_dev_start(port), 0);
	UNTIL(port_up(port));
	backend_device(&rb, 0, &rx);
	assert_int_equal(in_use() - before.mbufs, 7 * CHAIN);
	rx_build(IP4_TCP, 3000);
	for (unsigned int round = 0; round < 30; round++) {
		for (unsigned int i = 0; i < 7; i++)
			deliver(lro_hdr, IP4_TCP_BYTES + 3000, HDR + IP4_TCP_BYTES + 3000);
		assert_false(fake_device_take(&rx, &chain));
		assert_int_equal(rte_eth_rx_burst(port, 0, pkts, RTE_DIM(pkts)), 7);
		for (unsigned int i = 0; i < 7; i++)
			assert_whole(pkts[i], IP4_TCP_BYTES + 3000);
		rte_pktmbuf_free_bulk(pkts, 7);
	}
	/* An MTU that one mbuf does not hold is none that a buffer does not. */
	assert_int_equal(rte_eth_dev_set_mtu(port, 9000), 0);
	/* Stopped with chains on the ring, filled and empty, and started again. */
	deliver(lro_hdr, IP4_TCP_BYTES + 3000, HDR + IP4_TCP_BYTES + 3000);
	assert_int_equal(rte_eth_dev_rx_queue_stop(port, 0), 0);
	assert_int_equal(rte_eth_dev_rx_queue_start(port, 0), 0);
	assert_int_equal(rte_eth_rx_burst(port, 0, pkts, RTE_DIM(pkts)), 0);
	assert_int_equal(port_xstat(port, "rx_q0_stale"), 1);
	assert_int_equal(in_use() - before.mbufs, 7 * CHAIN);
	assert_int_equal(rte_eth_dev_stop(port), 0);
	assert_int_equal(in_use(), before.mbufs);
	assert_int_equal(rte_eth_dev_start(port), 0);
	UNTIL(port_up(port));
	assert_int_equal(in_use() - before.mbufs, 7 * CHAIN);
	rx_end(port, before);
}

static void
lengths_that_are_no_packet_are_dropped_and_counted(void **state)
{
	static const uint32_t lengths[] = {0, 11, 12};
	struct resources before = resources_now();
	uint16_t port = begin(B_F_MRG_RXBUF, "");
	struct rte_mbuf *m;

	(void)state;
	rx_build(IP4_TCP, 100);
	for (unsigned int i = 0; i < 30; i++) {
		deliver(no_hdr, 60, lengths[i % RTE_DIM(lengths)]);
		assert_int_equal(rte_eth_rx_burst(port, 0, &m, 1), 0);
		assert_int_equal(port_xstat(port, "rx_q0_errors"), i + 1);
		assert_int_equal(in_use() - before.mbufs, CHAIN);
	}
	/* The smallest and the largest that it can be. */
	deliver(no_hdr, 1, HDR + 1);
	assert_int_equal(rte_eth_rx_burst(port, 0, &m, 1), 1);
	assert_whole(m, 1);
	rte_pktmbuf_free(m);
	deliver(no_hdr, 100, POSTED);
	assert_int_equal(rte_eth_rx_burst(port, 0, &m, 1), 1);
	rte_mbuf_sanity_check(m, 1);
	assert_int_equal(m->pkt_len, CHAIN * 2048);
	assert_int_equal(m->nb_segs, CHAIN);
	rte_pktmbuf_free(m);
	rx_end(port, before);
}

static void
length_above_what_was_posted_faults_the_ring_and_no_mbuf_is_lost(void **state)
{
	static const uint32_t lengths[] = {POSTED + 1, 0x7fffffff, UINT32_MAX};

	(void)state;
	for (unsigned int i = 0; i < 2 * RTE_DIM(lengths); i++) {
		struct resources before = resources_now();
		uint16_t port = begin(B_F_MRG_RXBUF | (i % 2 ? B_F_IN_ORDER : 0), "");
		char text[8192] = "";
		FILE *f = fmemopen(text, sizeof(text), "w");
		struct rte_mbuf *m;

		deliver(no_hdr, 60, lengths[i / 2]);
		assert_int_equal(rte_eth_rx_burst(port, 0, &m, 1), 0);
		assert_int_equal(rte_eth_dev_priv_dump(port, f), 0);
		fclose(f);
		assert_non_null(strstr(text, "from the free list"));
		assert_null(strstr(strstr(text, "receive queue 0"), "fault: none\n  transmit"));
		rx_end(port, before);
	}
}

/* Empty pool: what could be posted works, and the rest follows. */
static void
pool_that_runs_empty_delays_buffers_and_loses_none(void **state)
{
	static void *taken[4096];
	struct resources before = resources_now();
	uint16_t port = begin(B_F_MRG_RXBUF, "");
	unsigned int nb = rte_mempool_avail_count(pool);
	struct rte_mbuf *m;

	(void)state;
	rx_build(IP4_TCP, 100);
	assert_int_equal(rte_mempool_get_bulk(pool, taken, nb), 0);
	deliver(no_hdr, 154, HDR + 154);
	assert_int_equal(rte_eth_rx_burst(port, 0, &m, 1), 1);
	assert_int_equal(port_xstat(port, "rx_q0_mbuf_alloc_failed"), 1);
	assert_false(fake_device_take(&rx, &chain));
	assert_whole(m, 154);
	rte_pktmbuf_free(m);
	rte_mempool_put_bulk(pool, taken, nb);
	assert_int_equal(rte_eth_rx_burst(port, 0, &m, 1), 0);
	deliver(no_hdr, 154, HDR + 154);
	assert_int_equal(rte_eth_rx_burst(port, 0, &m, 1), 1);
	assert_whole(m, 154);
	rte_pktmbuf_free(m);
	rx_end(port, before);
}

static void
what_cannot_hold_the_largest_packet_is_refused_with_what_to_do(void **state)
{
	struct resources before = resources_now();
	struct rte_eth_conf conf = {.rxmode.offloads = LRO};
	struct rte_mempool *few;
	uint16_t port;

	(void)state;
	backend_begin(&rb);
	port = port_add("mrg_rxbuf=0,queue_size=32");
	assert_int_equal(rte_eth_dev_configure(port, 1, 1, &conf), 0);
	assert_int_equal(rte_eth_rx_queue_setup(port, 0, 256, SOCKET_ID_ANY, NULL, pool), -EINVAL);
	assert_non_null(strstr(log_text(), "takes 33 mbufs of pool pool"));
	assert_non_null(strstr(log_text(), "has 32 descriptors; use more (queue_size=64)"));
	port_remove(port);
	port = port_add("mrg_rxbuf=0,queue_size=2048");
	assert_int_equal(rte_eth_dev_configure(port, 1, 1, &conf), 0);
	assert_int_equal(
		rte_eth_rx_queue_setup(port, 0, 2048, SOCKET_ID_ANY, NULL, small_pool), -EINVAL);
	assert_non_null(strstr(log_text(), "takes 1025 mbufs of pool small, more than 255"));
	few = rte_pktmbuf_pool_create("few", 32, 0, 0, DATA_ROOM, SOCKET_ID_ANY);
	assert_non_null(few);
	assert_int_equal(rte_eth_rx_queue_setup(port, 0, 256, SOCKET_ID_ANY, NULL, few), -EINVAL);
	assert_non_null(strstr(log_text(), "takes 33 mbufs of pool few, which has 32"));
	rte_mempool_free(few);
	port_remove(port);
	assert_resources(before);

	/* Only the backend says that there is no merging: then it is the backend that is refused.
	 */
	backend_begin(&rb);
	rb.features |= B_RX_OFFLOADS;
	rb.features &= ~B_F_MRG_RXBUF;
	backend_start(&rb);
	port = port_add("queue_size=32");
	assert_int_equal(rte_eth_dev_configure(port, 1, 1, &conf), 0);
	assert_int_equal(rte_eth_rx_queue_setup(port, 0, 32, SOCKET_ID_ANY, NULL, pool), 0);
	assert_int_equal(rte_eth_tx_queue_setup(port, 0, 32, SOCKET_ID_ANY, NULL), 0);
	assert_int_equal(rte_eth_dev_start(port), 0);
	UNTIL(strstr(log_text(), "has 32 descriptors; use more (queue_size=64)") != NULL);
	assert_false(port_up(port));
	port_end(port, &rb, before);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		UNIT(packets_of_any_size_come_whole_and_surplus_mbufs_return),
		UNIT(ring_holds_as_many_chains_as_it_has_descriptors_for),
		UNIT(lengths_that_are_no_packet_are_dropped_and_counted),
		UNIT(length_above_what_was_posted_faults_the_ring_and_no_mbuf_is_lost),
		UNIT(pool_that_runs_empty_delays_buffers_and_loses_none),
		UNIT(what_cannot_hold_the_largest_packet_is_refused_with_what_to_do),
	};
	int failed;

	fixture_start();
	rx_pools_start();
	failed = RUN_UNITS("pmd_rx_chain", tests);
	rx_pools_end();
	return fixture_end(failed);
}
