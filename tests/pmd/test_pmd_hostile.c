/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Backends that write nonsense into a ring: the driver counts or names it, hands nothing of it to
 * the application, loses no buffer, and serves a sane backend afterwards. In every row of the
 * tables of variants, at every width.
 */
#include "pmd_port.h"
#include "pmd_rxtx.h"
#include "variants.h"

#include <rte_cycles.h>

#include <string.h>

#define SIZE 64

static struct backend b;
static struct fake_device rx;
static struct fake_device tx;
static struct fake_chain chain;
static uint32_t hdr_bytes;
static uint32_t post_bytes;

/*
 * Call body(v, k) for every row of receive at every width, with or without IN_ORDER in turn. k
 * stands for one of nb values, each in its turn, and for another row in the next round.
 */
static void
in_rx_rows(unsigned int must, unsigned int nb, void (*body)(struct variant v, unsigned int k))
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < variants_nb(); i++) {
		struct variant v = variant_at(i);

		if ((must & ~v.rx) != 0 ||
			(v.tx & PMD_TX_IN_ORDER) != ((v.rx + v.width / 256 + nb) & 1))
			continue;
		body(v, (count + count / nb) % nb);
		count++;
	}
	assert_true(count >= nb);
}

/* The same for the rows of transmit that have none of these flags. */
static void
in_tx_rows(unsigned int without, unsigned int nb, void (*body)(struct variant v, unsigned int k))
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < variants_nb(); i++) {
		struct variant v = variant_at(i);

		if (2 * v.rx > PMD_TX_FLAGS || (v.tx & without) != 0)
			continue;
		body(v, count % nb);
		count++;
	}
	assert_true(count >= nb);
}

static uint16_t
begin(struct variant v)
{
	uint16_t port = variant_begin(&b, v);

	hdr_bytes = variant_hdr(v);
	post_bytes = hdr_bytes + 2048;
	backend_device(&b, 0, &rx);
	backend_device(&b, 1, &tx);
	return port;
}

/* Take the next buffer and write a header into it. */
static uint16_t
take(uint16_t num_buffers)
{
	uint8_t *buf;

	assert_true(fake_device_take(&rx, &chain));
	buf = backend_at(&b, chain.parts[0].addr, chain.parts[0].len);
	assert_non_null(buf);
	memset(buf, 0, 100);
	buf[10] = (uint8_t)num_buffers;
	buf[11] = (uint8_t)(num_buffers >> 8);
	return chain.head;
}

/* A faulty queue gives nothing; the port says why and works again after a restart. */
static void
expect_fault(uint16_t port, const char *what, struct resources before)
{
	struct rte_mbuf *pkts[32];

	UNTIL(strstr(log_text(), "backend broke the ring") != NULL);
	if (strstr(log_text(), what) == NULL)
		fail_msg("'%s' is not in: %s", what, log_text());
	UNTIL(!port_up(port));
	assert_int_equal(rte_eth_rx_burst(port, 0, pkts, 32), 0);
	assert_int_equal(rte_eth_dev_stop(port), 0);
	assert_int_equal(rte_mempool_in_use_count(pool), before.mbufs);
	assert_int_equal(rte_eth_dev_start(port), 0);
	UNTIL(port_up(port));
	backend_device(&b, 0, &rx);
	fake_device_use(&rx, take(1), hdr_bytes + 60);
	fake_device_show(&rx);
	assert_int_equal(rte_eth_rx_burst(port, 0, pkts, 32), 1);
	rte_pktmbuf_free(pkts[0]);
	variant_end(port, &b, before);
}

static void
used_index_jumps(struct variant v, unsigned int k)
{
	static const uint16_t jumps[] = {SIZE + 1, SIZE + 7, 32767, 32768, 65535};
	struct resources before = resources_now();
	uint16_t port = begin(v);
	struct rte_mbuf *pkts[32];

	fake_device_raw_idx(&rx, jumps[k % RTE_DIM(jumps)]);
	assert_int_equal(rte_eth_rx_burst(port, 0, pkts, 32), 0);
	expect_fault(port, "used index ran ahead", before);
}

static void
used_index_that_jumps_is_a_fault(void **state)
{
	(void)state;
	in_rx_rows(0, 5, used_index_jumps);
}

static void
used_id_outside(struct variant v, unsigned int k)
{
	static const uint32_t ids[] = {SIZE, SIZE + 1, 65535, 65536, 0x80000000, UINT32_MAX};
	struct resources before = resources_now();
	uint16_t port = begin(v);
	struct rte_mbuf *pkts[32];

	(void)take(1);
	fake_device_use(&rx, ids[k % RTE_DIM(ids)], hdr_bytes + 60);
	fake_device_show(&rx);
	assert_int_equal(rte_eth_rx_burst(port, 0, pkts, 32), 0);
	expect_fault(port, "outside the descriptor table", before);
}

static void
used_id_outside_the_ring_is_a_fault(void **state)
{
	(void)state;
	in_rx_rows(0, 6, used_id_outside);
}

/* After k good frames, at any place of a group of eight. */
static void
used_id_twice(struct variant v, unsigned int k)
{
	struct resources before = resources_now();
	uint16_t port = begin(v);
	struct rte_mbuf *pkts[32];
	uint16_t head = 0;

	for (unsigned int i = 0; i <= k; i++) {
		head = take(1);
		fake_device_use(&rx, head, hdr_bytes + 60);
	}
	(void)take(1);
	fake_device_use(&rx, head, hdr_bytes + 60);
	fake_device_show(&rx);
	assert_int_equal(rte_eth_rx_burst(port, 0, pkts, 32), k + 1);
	rte_pktmbuf_free_bulk(pkts, k + 1);
	assert_int_equal(rte_eth_rx_burst(port, 0, pkts, 32), 0);
	expect_fault(port, v.tx & PMD_TX_IN_ORDER ? "out of order" : "not outstanding", before);
}

static void
used_id_given_twice_is_a_fault_and_the_frame_comes_once(void **state)
{
	(void)state;
	in_rx_rows(0, 17, used_id_twice);
}

/* Behind k good frames, as above. */
static void
length_beyond(struct variant v, unsigned int k)
{
	const uint32_t lengths[] = {post_bytes + 1, 65535, 65536, 0x80000000, UINT32_MAX};
	struct resources before = resources_now();
	uint16_t port = begin(v);
	struct rte_mbuf *pkts[32];

	for (unsigned int i = 0; i < k; i++)
		fake_device_use(&rx, take(1), hdr_bytes + 60);
	fake_device_use(&rx, take(1), lengths[k % RTE_DIM(lengths)]);
	fake_device_show(&rx);
	assert_int_equal(rte_eth_rx_burst(port, 0, pkts, 32), k);
	rte_pktmbuf_free_bulk(pkts, k);
	assert_int_equal(rte_eth_rx_burst(port, 0, pkts, 32), 0);
	expect_fault(port, "used length is impossible", before);
}

static void
length_beyond_the_buffer_is_a_fault(void **state)
{
	(void)state;
	in_rx_rows(0, 17, length_beyond);
}

static void
length_without_a_frame(struct variant v, unsigned int k)
{
	struct resources before = resources_now();
	uint16_t port = begin(v);
	struct rte_mbuf *pkts[32];
	unsigned int got = 0;

	(void)k;
	for (uint32_t len = 0; len <= hdr_bytes; len++)
		fake_device_use(&rx, take(1), len);
	fake_device_use(&rx, take(1), hdr_bytes + 1);
	fake_device_show(&rx);
	for (unsigned int i = 0; i < 30; i++) {
		uint16_t n = rte_eth_rx_burst(port, 0, pkts, 32);

		for (uint16_t p = 0; p < n; p++)
			assert_int_equal(pkts[p]->pkt_len, 1);
		rte_pktmbuf_free_bulk(pkts, n);
		got += n;
	}
	assert_int_equal(got, 1);
	assert_int_equal(port_xstat(port, "rx_q0_errors"), hdr_bytes + 1);
	assert_true(port_up(port));
	variant_end(port, &b, before);
}

static void
length_without_a_frame_is_counted_and_the_next_frame_comes(void **state)
{
	(void)state;
	in_rx_rows(0, 1, length_without_a_frame);
}

static void
num_buffers_wrong(struct variant v, unsigned int k)
{
	static const uint16_t numbers[] = {0, 2, 3, 63, 64, 65, 255, 256, 32768, 65535};
	struct resources before = resources_now();
	uint16_t port = begin(v);
	struct rte_mbuf *pkts[32];

	fake_device_use(&rx, take(numbers[k]), hdr_bytes + 60);
	fake_device_show(&rx);
	assert_int_equal(rte_eth_rx_burst(port, 0, pkts, 32), 0);
	expect_fault(port, "num_buffers", before);
}

static void
num_buffers_that_are_not_there_are_a_fault(void **state)
{
	(void)state;
	in_rx_rows(PMD_RX_MERGE, 10, num_buffers_wrong);
}

static void
completion_ahead(struct variant v, unsigned int k)
{
	struct resources before = resources_now();
	uint16_t port = begin(v);

	(void)k;
	assert_int_equal(port_send(port, 0, 3, 60), 3);
	fake_device_raw_idx(&tx, SIZE + 1);
	/* Seen when room is short. */
	(void)port_send(port, 0, SIZE, 60);
	expect_fault(port, "transmit queue 0: used index ran ahead", before);
}

static void
completion_of_what_was_never_sent_is_a_fault(void **state)
{
	(void)state;
	in_tx_rows(0, 1, completion_ahead);
}

static void
completion_of_a_wrong_id(struct variant v, unsigned int k)
{
	static const uint32_t ids[] = {SIZE - 1, SIZE, UINT32_MAX};
	struct resources before = resources_now();
	uint16_t port = begin(v);

	assert_int_equal(port_send(port, 0, 40, 60), 40);
	fake_device_use(&tx, ids[k], 0);
	fake_device_show(&tx);
	(void)port_send(port, 0, SIZE, 60);
	expect_fault(port, "broke the ring of transmit queue 0", before);
}

static void
completion_of_an_id_that_is_not_sent_is_a_fault(void **state)
{
	(void)state;
	/* In order the used index alone counts. */
	in_tx_rows(PMD_TX_IN_ORDER, 3, completion_of_a_wrong_id);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		UNIT(used_index_that_jumps_is_a_fault),
		UNIT(used_id_outside_the_ring_is_a_fault),
		UNIT(used_id_given_twice_is_a_fault_and_the_frame_comes_once),
		UNIT(length_beyond_the_buffer_is_a_fault),
		UNIT(length_without_a_frame_is_counted_and_the_next_frame_comes),
		UNIT(num_buffers_that_are_not_there_are_a_fault),
		UNIT(completion_of_what_was_never_sent_is_a_fault),
		UNIT(completion_of_an_id_that_is_not_sent_is_a_fault),
	};

	fixture_start();
	pmd_tick_ms = 1;
	return fixture_end(RUN_UNITS("pmd_hostile", tests));
}
