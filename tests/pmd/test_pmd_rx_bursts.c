/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bursts on receive in which one used entry is not like the others, into mbufs of every make. What
 * is looked at in groups must find it at every place of a group, and deliver its neighbours.
 */
#include "fixture.h"

#include <rte_malloc.h>
#include <rte_vect.h>

#include <string.h>

#define HDR 12
#define BURST 40 /* groups, and a wrap of the ring at any place */
#define SIZE 64
#define POST (HDR + 2048)
#define NB_MBUFS 511

static const uint16_t widths[] = {64, 256, 512};
static struct backend b;
static struct fake_device rx;
static struct fake_chain chain;

enum odd {
	ODD_NONE,
	ODD_EMPTY,         /* a header and no frame */
	ODD_SHORT,         /* not even a header */
	ODD_SWAPPED,       /* used before the one in front of it */
	ODD_TWO,           /* a frame in two buffers */
	ODD_LONG,          /* longer than the buffer */
	ODD_NB = ODD_LONG, /* the last ends the queue: a test of its own */
};

static uint16_t
begin(unsigned int width, uint64_t without, struct rte_mempool *mbufs)
{
	struct rte_mempool *usual = pool;
	uint16_t port;

	assert_int_equal(rte_vect_set_max_simd_bitwidth(widths[width]), 0);
	backend_begin(&b);
	b.features &= ~without;
	backend_start(&b);
	port = port_add("queue_size=64");
	pool = mbufs;
	port_configure(port, (struct port_shape){.rx = 1, .tx = 1, .nb_desc = SIZE});
	pool = usual;
	assert_int_equal(rte_eth_dev_start(port), 0);
	UNTIL(port_up(port));
	backend_device(&b, 0, &rx);
	return port;
}

static void
end(uint16_t port, struct resources before)
{
	assert_null(rx.complaint);
	port_end(port, &b, before);
	assert_int_equal(rte_vect_set_max_simd_bitwidth(256), 0);
}

/* Frame i has 60 + i bytes, all of them i. The next buffer gets it. @return its head. */
static uint16_t
put(unsigned int i, uint8_t num_buffers)
{
	uint8_t *buf;

	assert_true(fake_device_take(&rx, &chain));
	assert_int_equal(chain.write_bytes, POST);
	buf = backend_at(&b, chain.parts[0].addr, POST);
	assert_non_null(buf);
	memset(buf, 0, HDR);
	buf[10] = num_buffers;
	memset(buf + HDR, (int)i, 60 + i);
	return chain.head;
}

static void
deliver(unsigned int odd, unsigned int place)
{
	uint16_t late = 0;

	for (unsigned int i = 0; i < BURST; i++) {
		const bool here = i == place;
		uint16_t head = put(i, here && odd == ODD_TWO ? 2 : 1);
		uint32_t len = HDR + 60 + i;

		if (here && odd == ODD_SWAPPED) {
			late = head;
			continue;
		}
		if (here && odd == ODD_EMPTY)
			len = HDR;
		else if (here && odd == ODD_SHORT)
			len = i % HDR;
		else if (here && odd == ODD_LONG)
			len = POST + 1 + i;
		fake_device_use(&rx, head, len);
		if (odd == ODD_SWAPPED && i == place + 1)
			fake_device_use(&rx, late, HDR + 60 + place);
	}
	if (odd == ODD_SWAPPED && place + 1 == BURST)
		fake_device_use(&rx, late, HDR + 60 + place);
	fake_device_show(&rx);
}

static void
assert_frame(uint16_t port, const struct rte_mbuf *m, unsigned int i)
{
	const uint8_t *data = rte_pktmbuf_mtod(m, const uint8_t *);

	assert_int_equal(m->pkt_len, 60 + i);
	assert_int_equal(m->data_len, 60 + i);
	assert_int_equal(m->data_off, RTE_PKTMBUF_HEADROOM);
	assert_int_equal(m->nb_segs, 1);
	assert_int_equal(rte_mbuf_refcnt_read(m), 1);
	assert_int_equal(m->port, port);
	assert_true((m->ol_flags & ~RTE_MBUF_F_EXTERNAL) == 0);
	assert_int_equal(m->packet_type, 0);
	assert_int_equal(m->vlan_tci, 0);
	assert_null(m->next);
	for (unsigned int k = 0; k < 60 + i; k++)
		assert_int_equal(data[k], i);
}

static void
receive(uint16_t port, unsigned int odd, unsigned int place)
{
	struct rte_mbuf *pkts[SIZE];
	uint16_t got = rte_eth_rx_burst(port, 0, pkts, SIZE);
	unsigned int at = 0;

	for (unsigned int i = 0; i < BURST; i++) {
		unsigned int frame = i;

		if (i == place && (odd == ODD_EMPTY || odd == ODD_SHORT))
			continue;
		if (odd == ODD_SWAPPED && place + 1 < BURST && (i == place || i == place + 1))
			frame = place + place + 1 - i;
		if (odd == ODD_TWO && i == place && place + 1 < BURST) {
			/* The second buffer has no header, its bytes go on where one would be. */
			assert_int_equal(pkts[at]->nb_segs, 2);
			assert_int_equal(pkts[at++]->pkt_len, 60 + i + HDR + 60 + i + 1);
			i++;
			continue;
		}
		assert_true(at < got);
		assert_frame(port, pkts[at++], frame);
	}
	assert_int_equal(got, at);
	rte_pktmbuf_free_bulk(pkts, got);
}

static void
each_odd_entry_at_each_place(uint64_t without)
{
	for (unsigned int v = 0; v < RTE_DIM(widths); v++) {
		struct resources before = resources_now();
		uint16_t port = begin(v, without, pool);

		for (unsigned int odd = ODD_NONE; odd < ODD_NB; odd++) {
			if (odd == ODD_SWAPPED && !(without & B_F_IN_ORDER))
				continue;
			/* A frame in two buffers ends with the burst, or it would be a lie. */
			for (unsigned int place = 0; place + (odd == ODD_TWO) < BURST; place++) {
				if (odd == ODD_TWO && (without & B_F_MRG_RXBUF))
					break;
				deliver(odd, place);
				receive(port, odd, place);
			}
		}
		assert_int_equal(port_xstat(port, "rx_q0_errors"), 2 * BURST);
		assert_int_equal(port_xstat(port, "rx_q0_mbuf_alloc_failed"), 0);
		end(port, before);
	}
}

static void
one_odd_entry_is_found_wherever_it_stands(void **state)
{
	(void)state;
	each_odd_entry_at_each_place(0);
	each_odd_entry_at_each_place(B_F_IN_ORDER);
	each_odd_entry_at_each_place(B_F_MRG_RXBUF);
	each_odd_entry_at_each_place(B_F_IN_ORDER | B_F_MRG_RXBUF);
}

static void
frames_before_an_impossible_length_arrive_and_none_behind_it(void **state)
{
	static const unsigned int places[] = {0, 1, 7, 8, 15, 16, 30, 31, 32, BURST - 1};

	(void)state;
	for (unsigned int v = 0; v < RTE_DIM(widths) * RTE_DIM(places); v++) {
		const unsigned int place = places[v / RTE_DIM(widths)];
		struct resources before = resources_now();
		uint16_t port = begin(v % RTE_DIM(widths), 0, pool);
		struct rte_mbuf *pkts[SIZE];

		deliver(ODD_LONG, place);
		assert_int_equal(rte_eth_rx_burst(port, 0, pkts, SIZE), place);
		for (unsigned int i = 0; i < place; i++)
			assert_frame(port, pkts[i], i);
		rte_pktmbuf_free_bulk(pkts, place);
		assert_int_equal(rte_eth_rx_burst(port, 0, pkts, SIZE), 0);
		UNTIL(strstr(log_text(), "backend broke the ring") != NULL);
		UNTIL(!port_up(port));
		end(port, before);
	}
}

/* Buffers that lie elsewhere, in one piece. */
static struct rte_mempool *
pool_with_its_buffers_elsewhere(void)
{
	const uint16_t room = DATA_ROOM;
	struct rte_pktmbuf_extmem mem = {.elt_size = room, .buf_len = (size_t)room * NB_MBUFS};

	mem.buf_ptr = rte_zmalloc(NULL, mem.buf_len, RTE_CACHE_LINE_SIZE);
	assert_non_null(mem.buf_ptr);
	mem.buf_iova = RTE_BAD_IOVA;
	return rte_pktmbuf_pool_create_extbuf(
		"elsewhere", NB_MBUFS, 32, 0, room, SOCKET_ID_ANY, &mem, 1);
}

static void
mbufs_of_every_make_are_received_into(void **state)
{
	struct rte_mempool *makes[] = {
		rte_pktmbuf_pool_create(
			"with private area", NB_MBUFS, 32, 64, DATA_ROOM, SOCKET_ID_ANY),
		rte_pktmbuf_pool_create("without cache", NB_MBUFS, 0, 0, DATA_ROOM, SOCKET_ID_ANY),
		pool_with_its_buffers_elsewhere(),
	};

	(void)state;
	for (unsigned int v = 0; v < RTE_DIM(makes) * RTE_DIM(widths); v++) {
		struct rte_mempool *mbufs = makes[v / RTE_DIM(widths)];
		struct resources before = resources_now();
		uint16_t port;

		assert_non_null(mbufs);
		port = begin(v % RTE_DIM(widths), 0, mbufs);
		for (unsigned int round = 0; round < 50; round++) {
			deliver(ODD_NONE, 0);
			receive(port, ODD_NONE, 0);
		}
		end(port, before);
		assert_int_equal(rte_mempool_in_use_count(mbufs), 0);
	}
}

/* What the burst itself cannot have is counted, and posted when there is something again. */
static void
empty_pool_is_counted_and_the_ring_filled_up_later(void **state)
{
	(void)state;
	for (unsigned int v = 0; v < RTE_DIM(widths); v++) {
		struct rte_mempool *few =
			rte_pktmbuf_pool_create("few", SIZE + 8, 0, 0, DATA_ROOM, SOCKET_ID_ANY);
		struct resources before = resources_now();
		struct rte_mbuf *pkts[SIZE];
		uint16_t port, got;

		assert_non_null(few);
		port = begin(v, 0, few);
		deliver(ODD_NONE, 0);
		got = rte_eth_rx_burst(port, 0, pkts, SIZE);
		assert_int_equal(got, BURST);
		assert_true(port_xstat(port, "rx_q0_mbuf_alloc_failed") > 0);
		rte_pktmbuf_free_bulk(pkts, got);
		assert_int_equal(rte_eth_rx_burst(port, 0, pkts, SIZE), 0);
		deliver(ODD_NONE, 0);
		receive(port, ODD_NONE, 0);
		end(port, before);
		rte_mempool_free(few);
	}
}

/* The burst posts up to where the ring wraps around, and has nothing for the rest. */
static void
buffers_there_were_are_shown_though_more_were_wanted(void **state)
{
	(void)state;
	for (unsigned int v = 0; v < RTE_DIM(widths); v++) {
		struct rte_mempool *few =
			rte_pktmbuf_pool_create("few", SIZE + 30, 0, 0, DATA_ROOM, SOCKET_ID_ANY);
		struct resources before = resources_now();
		struct rte_mbuf *pkts[SIZE];
		unsigned int shown = 0;
		uint16_t port;

		assert_non_null(few);
		port = begin(v, 0, few);
		deliver(ODD_NONE, 0);
		receive(port, ODD_NONE, 0);
		assert_int_equal(rte_eth_rx_burst(port, 0, pkts, SIZE), 0);
		deliver(ODD_NONE, 0);
		assert_int_equal(rte_eth_rx_burst(port, 0, pkts, SIZE), BURST);
		while (fake_device_take(&rx, &chain))
			shown++;
		/* 40 to 63 were posted again. */
		assert_int_equal(shown, SIZE - BURST + 24);
		rte_pktmbuf_free_bulk(pkts, BURST);
		end(port, before);
		rte_mempool_free(few);
	}
}

/* Not in the burst that posts them: a fence there would wait for all its stores. */
static void
device_is_kicked_for_buffers_by_the_next_burst(void **state)
{
	struct resources before = resources_now();
	struct rte_mbuf *pkts[SIZE];
	uint16_t port = begin(1, 0, pool);
	uint64_t kicks;

	(void)state;
	kicks = port_xstat(port, "rx_q0_kicks");
	deliver(ODD_NONE, 0);
	receive(port, ODD_NONE, 0);
	assert_int_equal(rte_eth_rx_burst(port, 0, pkts, SIZE), 0);
	assert_int_equal(port_xstat(port, "rx_q0_kicks"), kicks + 1);
	assert_int_equal(rte_eth_rx_burst(port, 0, pkts, SIZE), 0);
	assert_int_equal(port_xstat(port, "rx_q0_kicks"), kicks + 1);
	end(port, before);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		UNIT(one_odd_entry_is_found_wherever_it_stands),
		UNIT(frames_before_an_impossible_length_arrive_and_none_behind_it),
		UNIT(mbufs_of_every_make_are_received_into),
		UNIT(empty_pool_is_counted_and_the_ring_filled_up_later),
		UNIT(buffers_there_were_are_shown_though_more_were_wanted),
		UNIT(device_is_kicked_for_buffers_by_the_next_burst),
	};

	fixture_start();
	return fixture_end(RUN_UNITS("pmd_rx_bursts", tests));
}
