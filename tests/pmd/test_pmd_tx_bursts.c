/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bursts on transmit in which one packet is not like the others. What is looked at in groups must
 * find it at every place of a group, and send it and its neighbours in order.
 */
#include "fixture.h"

#include <rte_vect.h>

#include <string.h>

#define HDR 12
#define BURST 36 /* groups, and some more */
#define LEN 60
#define MARK 0xeeeeeeee

static struct backend b;
static struct fake_device tx;
static struct rte_mempool *others;

static uint8_t
left_behind(unsigned int i)
{
	return i == 0 ? 0 : 0xee;
}

/* Packet number i of a burst, as the application has it. */
static struct rte_mbuf *
usual(struct rte_mempool *from, unsigned int i)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(from);

	assert_non_null(m);
	memset(rte_pktmbuf_append(m, LEN), (int)(i + 1), LEN);
	/* Whoever uses the headroom has left something there, except in the first of a burst. */
	memset(m->buf_addr, left_behind(i), RTE_PKTMBUF_HEADROOM);
	return m;
}

static struct rte_mbuf *
with_headroom(unsigned int i, uint16_t headroom)
{
	struct rte_mbuf *m = usual(pool, i);

	m->data_off = headroom;
	/* What lies before the buffer is the application's. */
	m->dynfield1[RTE_DIM(m->dynfield1) - 1] = MARK;
	memset(rte_pktmbuf_mtod(m, void *), (int)(i + 1), LEN);
	return m;
}

static struct rte_mbuf *
odd_pool(unsigned int i)
{
	return usual(others, i);
}

static struct rte_mbuf *
odd_room_for_the_header_alone(unsigned int i)
{
	return with_headroom(i, HDR);
}

static struct rte_mbuf *
odd_no_room(unsigned int i)
{
	return with_headroom(i, HDR - 1);
}

static struct rte_mbuf *
odd_two_segments(unsigned int i)
{
	struct rte_mbuf *m = usual(pool, i), *second = usual(pool, i);

	rte_pktmbuf_trim(m, LEN / 2);
	rte_pktmbuf_trim(second, LEN - LEN / 2);
	assert_int_equal(rte_pktmbuf_chain(m, second), 0);
	return m;
}

/* Its owner keeps it: the header must not be written in front of the data. */
static struct rte_mbuf *
odd_shared(unsigned int i)
{
	struct rte_mbuf *m = usual(pool, i);

	rte_mbuf_refcnt_update(m, 1);
	return m;
}

static struct rte_mbuf *
odd_clone(unsigned int i)
{
	struct rte_mbuf *m = usual(pool, i), *clone = rte_pktmbuf_clone(m, pool);

	assert_non_null(clone);
	rte_pktmbuf_free(m);
	return clone;
}

static struct rte_mbuf *
odd_flag_of_no_offload(unsigned int i)
{
	struct rte_mbuf *m = usual(pool, i);

	m->ol_flags |= RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_UDP_CKSUM;
	return m;
}

static struct rte_mbuf *
odd_empty(unsigned int i)
{
	struct rte_mbuf *m = usual(pool, i);

	rte_pktmbuf_trim(m, LEN);
	return m;
}

static const struct {
	const char *name;
	struct rte_mbuf *(*make)(unsigned int i);
	bool marked;
	bool dropped;
	bool keeps; /* a reference of the application */
} odds[] = {
	{"pool", .make = odd_pool},
	{"room for the header alone", .make = odd_room_for_the_header_alone, .marked = true},
	{"no room", .make = odd_no_room, .marked = true},
	{"two segments", .make = odd_two_segments},
	{"shared", .make = odd_shared, .keeps = true},
	{"clone", .make = odd_clone},
	{"flags of an offload that is off", .make = odd_flag_of_no_offload},
	{"empty", .make = odd_empty, .dropped = true},
};

/* The next packet that the device sees: a header of zeros and LEN bytes of one value. */
static uint8_t
collect(void)
{
	uint8_t seen[HDR + LEN];
	struct fake_chain chain;
	uint32_t at = 0;

	if (!fake_device_take(&tx, &chain))
		return 0;
	for (uint32_t i = 0; i < chain.nb; i++) {
		assert_true(at + chain.parts[i].len <= sizeof(seen));
		memcpy(seen + at, backend_at(&b, chain.parts[i].addr, chain.parts[i].len),
			chain.parts[i].len);
		at += chain.parts[i].len;
	}
	assert_int_equal(at, sizeof(seen));
	for (unsigned int i = 0; i < HDR; i++)
		assert_int_equal(seen[i], 0);
	for (unsigned int i = HDR; i < at; i++)
		assert_int_equal(seen[i], seen[HDR]);
	fake_device_use(&tx, chain.head, 0);
	fake_device_show(&tx);
	return seen[HDR];
}

static void
burst_with_an_odd_one(uint16_t port, unsigned int odd, unsigned int place)
{
	struct rte_mbuf *pkts[BURST];

	for (unsigned int i = 0; i < BURST; i++)
		pkts[i] = i == place ? odds[odd].make(i) : usual(pool, i);
	assert_int_equal(rte_eth_tx_burst(port, 0, pkts, BURST), BURST);
	if (odds[odd].marked)
		assert_int_equal(pkts[place]->dynfield1[RTE_DIM(pkts[place]->dynfield1) - 1], MARK);
	if (odds[odd].keeps) {
		assert_int_equal(*(rte_pktmbuf_mtod(pkts[place], uint8_t *) - 1),
			left_behind(place));
		rte_mbuf_refcnt_update(pkts[place], -1);
	}
	for (unsigned int i = 0; i < BURST; i++) {
		if (i != place || !odds[odd].dropped)
			assert_int_equal(collect(), i + 1);
	}
	assert_int_equal(collect(), 0);
}

static void
one_odd_packet_is_found_wherever_it_stands(void **state)
{
	static const uint16_t widths[] = {64, 256, 512};
	static const uint64_t offloads[] = {0, RTE_ETH_TX_OFFLOAD_TCP_CKSUM};

	(void)state;
	for (unsigned int v = 0; v < RTE_DIM(widths) * RTE_DIM(offloads); v++) {
		struct port_shape shape = {.rx = 1, .tx = 1, .tx_offloads = offloads[v % 2]};
		struct resources before = resources_now();
		uint16_t port;

		assert_int_equal(rte_vect_set_max_simd_bitwidth(widths[v / 2]), 0);
		backend_begin(&b);
		b.features |= B_TX_OFFLOADS;
		backend_start(&b);
		port = port_add("queue_size=64");
		UNTIL(b.connected);
		port_configure(port, shape);
		assert_int_equal(rte_eth_dev_start(port), 0);
		UNTIL(port_up(port));
		backend_device(&b, 1, &tx);
		for (unsigned int odd = 0; odd < RTE_DIM(odds); odd++) {
			/* Flags that ask for more than was configured are another test's. */
			if (offloads[v % 2] != 0 && odds[odd].make == odd_flag_of_no_offload)
				continue;
			for (unsigned int place = 0; place < BURST; place++)
				burst_with_an_odd_one(port, odd, place);
		}
		assert_int_equal(port_xstat(port, "tx_q0_errors"), BURST);
		assert_null(tx.complaint);
		port_end(port, &b, before);
		/* Each went back to the pool it is of. */
		assert_int_equal(rte_mempool_in_use_count(others), 0);
	}
	assert_int_equal(rte_vect_set_max_simd_bitwidth(256), 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		UNIT(one_odd_packet_is_found_wherever_it_stands),
	};

	fixture_start();
	others = rte_pktmbuf_pool_create("others", 255, 0, 0, DATA_ROOM, SOCKET_ID_ANY);
	return fixture_end(others == NULL || RUN_UNITS("pmd_tx_bursts", tests) != 0);
}
