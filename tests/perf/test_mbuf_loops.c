/* SPDX-License-Identifier: BSD-3-Clause */
/* What goes through mbufs arrives as it was sent, whatever shape it has; bad chains do not. */
#include "mbuf_loops.h"
#include "vswitch/datapath/scene.h"

#include <string.h>

#define BURST WORKER_BURST
#define CSUM (UINT64_C(1) << VIRTIO_NET_F_CSUM)

static struct rte_mbuf *mbufs[BURST];

static uint16_t
take(void)
{
	return mbuf_loops_select()->take(worker_get(0), a.port->rxq[0], mbufs);
}

static uint16_t
put(uint16_t n)
{
	return mbuf_loops_select()->put(worker_get(0), b.port->txq[0], mbufs, n);
}

static void
send_burst(uint32_t len)
{
	for (uint32_t i = 0; i < BURST; i++) {
		frame_make(sent, len, 2, 1, i);
		/* The last one ends at the guard. */
		guest_send(&a, 0, GUEST_BUFS - BURST + i, sent, len, NULL);
	}
}

static void
assert_burst_arrives(uint32_t len)
{
	for (uint32_t i = 0; i < BURST; i++) {
		frame_make(sent, len, 2, 1, i);
		assert_int_equal(guest_receive(&b, 0, got, &num_buffers), len);
		assert_int_equal(num_buffers, 1);
		assert_memory_equal(got, sent, len);
	}
	assert_int_equal(guest_receive(&b, 0, got, &num_buffers), 0);
	assert_int_equal(rte_mempool_in_use_count(worker_pool), 0);
}

static void
bursts_of_every_length_arrive_unchanged(void **state)
{
	static const uint64_t features[] = {0, MERGE, IN_ORDER, MERGE | IN_ORDER, HASH | IN_ORDER};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(features); i++) {
		open_two(features[i], features[(i + 1) % RTE_DIM(features)]);
		for (uint32_t len = 14; len < 4500; len += len < 140 ? 1 : 199) {
			guest_post(&b, 0, 0, BURST, len + b.hdr);
			for (uint32_t k = 1; k <= BURST; k++)
				*guest_buf(&b, false, k) = 0xdd;
			send_burst(len);
			assert_int_equal(take(), BURST);
			assert_int_equal(guest_completed(&a, 0), BURST);
			for (uint32_t k = 0; k < BURST; k++)
				rte_mbuf_sanity_check(mbufs[k], 1);
			assert_int_equal(put(BURST), BURST);
			assert_burst_arrives(len);
			for (uint32_t k = 1; k <= BURST; k++)
				assert_int_equal(*guest_buf(&b, false, k), 0xdd);
		}
		close_two();
	}
}

/* The fields that the pool's last user left do not show. */
static void
mbufs_are_as_fresh_ones(void **state)
{
	(void)state;
	open_two(IN_ORDER, IN_ORDER);
	for (uint32_t round = 0; round < 2; round++) {
		send_burst(60);
		assert_int_equal(take(), BURST);
		for (uint32_t i = 0; i < BURST; i++) {
			struct rte_mbuf *m = mbufs[i];

			assert_int_equal(m->data_off, RTE_PKTMBUF_HEADROOM);
			assert_int_equal(rte_mbuf_refcnt_read(m), 1);
			assert_int_equal(m->nb_segs, 1);
			assert_int_equal(m->port, RTE_MBUF_PORT_INVALID);
			assert_int_equal(m->ol_flags, 0);
			assert_int_equal(m->packet_type, 0);
			assert_int_equal(m->pkt_len, 60);
			assert_int_equal(m->data_len, 60);
			assert_int_equal(m->vlan_tci, 0);
			assert_int_equal(m->hash.rss, 0);
			m->data_off = 7;
			m->port = 3;
			m->ol_flags = RTE_MBUF_F_RX_VLAN;
			m->packet_type = 5;
			m->vlan_tci = 6;
			m->hash.rss = 8;
			rte_pktmbuf_free(m);
		}
	}
	close_two();
}

/* Head of the chain that is next but i. */
static uint16_t
head_of(uint32_t i)
{
	const struct virtq_device *q = &a.port->rxq[0]->vq;

	return rte_le_to_cpu_16(q->vq.avail->ring[(q->avail_next + i) % q->vq.size]);
}

/* None of the checks of a chain is lost on the short way. */
static void
bad_chain_in_a_burst_is_found(void **state)
{
	const struct virtio_net_hdr outside = {
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = RTE_LE16(200)};

	(void)state;
	for (uint32_t at = 0; at < BURST; at += 5) {
		open_two(IN_ORDER | CSUM, IN_ORDER);
		/* From the second burst on it is known where buffers lie, and there is a short way.
		 */
		send_burst(60);
		assert_int_equal(take(), BURST);
		assert_int_equal(guest_completed(&a, 0), BURST);
		rte_pktmbuf_free_bulk(mbufs, BURST);
		for (uint32_t i = 0; i < BURST; i++) {
			frame_make(sent, 60, 2, 1, i);
			guest_send_hdr(&a, 0, i, i == at ? &outside : NULL, sent, 60, NULL);
		}
		assert_int_equal(take(), BURST - 1);
		assert_int_equal(a.port->rxq[0]->stats.bad_checksum_place, 1);
		assert_int_equal(guest_completed(&a, 0), BURST);
		rte_pktmbuf_free_bulk(mbufs, BURST - 1);
		for (uint32_t i = 0; i < BURST; i++)
			guest_send(&a, 0, i, sent, i == at ? RTE_ETHER_HDR_LEN - 1 : 60, NULL);
		assert_int_equal(take(), BURST - 1);
		assert_int_equal(a.port->rxq[0]->stats.runt, 1);
		rte_pktmbuf_free_bulk(mbufs, BURST - 1);
		assert_int_equal(guest_completed(&a, 0), BURST);
		send_burst(60);
		a.drv[1].desc[head_of(at)].addr = rte_cpu_to_le_64(GUEST_BASE - 1);
		assert_int_equal(take(), at);
		assert_true(virtq_device_broken(&a.port->rxq[0]->vq));
		rte_pktmbuf_free_bulk(mbufs, at);
		assert_int_equal(rte_mempool_in_use_count(worker_pool), 0);
		close_two();
	}
}

static void
no_mbuf_is_a_drop(void **state)
{
	struct rte_mbuf *held[256];
	unsigned int nb = 0;

	(void)state;
	open_two(IN_ORDER, IN_ORDER);
	while (nb < RTE_DIM(held) && (held[nb] = rte_pktmbuf_alloc(worker_pool)) != NULL)
		nb++;
	send_burst(60);
	assert_int_equal(take(), 0);
	assert_int_equal(a.port->rxq[0]->stats.no_mbuf, BURST);
	assert_int_equal(guest_completed(&a, 0), BURST);
	rte_pktmbuf_free_bulk(held, nb);
	close_two();
}

/* Mbufs that others hold, too, or that belong elsewhere. */
static void
unusual_mbufs_are_sent_and_freed_as_they_are(void **state)
{
	struct rte_mempool *pool =
		rte_pktmbuf_pool_create("other", 63, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, -1);

	(void)state;
	assert_non_null(pool);
	for (uint32_t shape = 0; shape < 4; shape++) {
		struct rte_mbuf *one;

		open_two(IN_ORDER, IN_ORDER);
		guest_post(&b, 0, 0, BURST, 100 + b.hdr);
		send_burst(100);
		assert_int_equal(take(), BURST);
		one = mbufs[9];
		if (shape == 0) {
			rte_mbuf_refcnt_set(one, 2);
		} else if (shape == 1) {
			mbufs[9] = rte_pktmbuf_copy(one, pool, 0, UINT32_MAX);
		} else if (shape == 2) {
			mbufs[9] = rte_pktmbuf_clone(one, worker_pool);
		} else {
			rte_pktmbuf_trim(one, 30);
			assert_int_equal(rte_pktmbuf_chain(one, rte_pktmbuf_alloc(pool)), 0);
			frame_make(sent, 100, 2, 1, 9);
			memcpy(rte_pktmbuf_append(one, 30), sent + 70, 30);
		}
		assert_non_null(mbufs[9]);
		assert_int_equal(put(BURST), BURST);
		if (shape < 3) {
			assert_int_equal(rte_mbuf_refcnt_read(one), 1);
			rte_pktmbuf_free(one);
		}
		assert_burst_arrives(100);
		assert_int_equal(rte_mempool_in_use_count(pool), 0);
		close_two();
	}
	rte_mempool_free(pool);
}

static void
buffers_too_few_or_too_small_are_drops(void **state)
{
	(void)state;
	open_two(IN_ORDER, IN_ORDER);
	guest_post(&b, 0, 0, BURST - 2, 60 + b.hdr);
	send_burst(60);
	assert_int_equal(take(), BURST);
	assert_int_equal(put(BURST), BURST - 2);
	assert_int_equal(b.port->txq[0]->stats.no_descriptor, 2);
	assert_int_equal(guest_completed(&a, 0), BURST);
	for (uint32_t i = 0; i < BURST - 2; i++)
		assert_int_equal(guest_receive(&b, 0, got, &num_buffers), 60);
	guest_post(&b, 0, 0, BURST, 60 + b.hdr);
	send_burst(61);
	assert_int_equal(take(), BURST);
	assert_int_equal(put(BURST), 0);
	assert_int_equal(b.port->txq[0]->stats.too_big_no_merge, BURST);
	assert_int_equal(rte_mempool_in_use_count(worker_pool), 0);
	close_two();
}

int
main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		SWITCH_UNIT(bursts_of_every_length_arrive_unchanged),
		SWITCH_UNIT(mbufs_are_as_fresh_ones),
		SWITCH_UNIT(bad_chain_in_a_burst_is_found),
		SWITCH_UNIT(no_mbuf_is_a_drop),
		SWITCH_UNIT(unusual_mbufs_are_sent_and_freed_as_they_are),
		SWITCH_UNIT(buffers_too_few_or_too_small_are_drops),
	};

	if (argc > 1)
		switch_width = argv[1];
	return RUN_UNITS("mbuf_loops", tests);
}
