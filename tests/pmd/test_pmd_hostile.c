/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Backends that write nonsense into a ring: the driver counts or names it, hands nothing of it to
 * the application, loses no buffer, and serves a sane backend afterwards.
 */
#include "fixture.h"

#include <rte_cycles.h>

#include <string.h>

#define HDR 12
#define SIZE 64
#define POST (HDR + 2048)

static struct backend b;
static struct fake_device rx;
static struct fake_device tx;
static struct fake_chain chain;

static const uint64_t without[] = {0, B_F_IN_ORDER, B_F_MRG_RXBUF, B_F_IN_ORDER | B_F_MRG_RXBUF};

static uint16_t
begin(uint64_t lacks)
{
	uint16_t port;

	backend_begin(&b);
	b.features &= ~lacks;
	backend_start(&b);
	port = port_add("queue_size=64");
	port_configure(port, (struct port_shape){.rx = 1, .tx = 1, .nb_desc = SIZE});
	assert_int_equal(rte_eth_dev_start(port), 0);
	UNTIL(port_up(port));
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
	fake_device_use(&rx, take(1), HDR + 60);
	fake_device_show(&rx);
	assert_int_equal(rte_eth_rx_burst(port, 0, pkts, 32), 1);
	rte_pktmbuf_free(pkts[0]);
	port_end(port, &b, before);
}

static void
used_index_that_jumps_is_a_fault(void **state)
{
	static const uint16_t jumps[] = {SIZE + 1, SIZE + 7, 32767, 32768, 65535};

	(void)state;
	for (unsigned int v = 0; v < RTE_DIM(without); v++) {
		for (unsigned int i = 0; i < RTE_DIM(jumps); i++) {
			struct resources before = resources_now();
			uint16_t port = begin(without[v]);
			struct rte_mbuf *pkts[32];

			fake_device_raw_idx(&rx, jumps[i]);
			assert_int_equal(rte_eth_rx_burst(port, 0, pkts, 32), 0);
			expect_fault(port, "used index ran ahead", before);
		}
	}
}

static void
used_id_outside_the_ring_is_a_fault(void **state)
{
	static const uint32_t ids[] = {SIZE, SIZE + 1, 65535, 65536, 0x80000000, UINT32_MAX};

	(void)state;
	for (unsigned int v = 0; v < RTE_DIM(without); v++) {
		for (unsigned int i = 0; i < RTE_DIM(ids); i++) {
			struct resources before = resources_now();
			uint16_t port = begin(without[v]);
			struct rte_mbuf *pkts[32];

			(void)take(1);
			fake_device_use(&rx, ids[i], HDR + 60);
			fake_device_show(&rx);
			assert_int_equal(rte_eth_rx_burst(port, 0, pkts, 32), 0);
			expect_fault(port, "outside the descriptor table", before);
		}
	}
}

static void
used_id_given_twice_is_a_fault_and_the_frame_comes_once(void **state)
{
	(void)state;
	for (unsigned int v = 0; v < RTE_DIM(without); v++) {
		struct resources before = resources_now();
		uint16_t port = begin(without[v]);
		struct rte_mbuf *pkts[32];
		uint16_t head = take(1);

		(void)take(1);
		fake_device_use(&rx, head, HDR + 60);
		fake_device_use(&rx, head, HDR + 60);
		fake_device_show(&rx);
		assert_int_equal(rte_eth_rx_burst(port, 0, pkts, 32), 1);
		rte_pktmbuf_free(pkts[0]);
		expect_fault(port, without[v] & B_F_IN_ORDER ? "not outstanding" : "out of order",
			before);
	}
}

static void
length_beyond_the_buffer_is_a_fault(void **state)
{
	static const uint32_t lengths[] = {POST + 1, 65535, 65536, 0x80000000, UINT32_MAX};

	(void)state;
	for (unsigned int v = 0; v < RTE_DIM(without); v++) {
		for (unsigned int i = 0; i < RTE_DIM(lengths); i++) {
			struct resources before = resources_now();
			uint16_t port = begin(without[v]);
			struct rte_mbuf *pkts[32];

			fake_device_use(&rx, take(1), lengths[i]);
			fake_device_show(&rx);
			assert_int_equal(rte_eth_rx_burst(port, 0, pkts, 32), 0);
			expect_fault(port, "used length is impossible", before);
		}
	}
}

static void
length_without_a_frame_is_counted_and_the_next_frame_comes(void **state)
{
	(void)state;
	for (unsigned int v = 0; v < RTE_DIM(without); v++) {
		struct resources before = resources_now();
		uint16_t port = begin(without[v]);
		struct rte_mbuf *pkts[32];
		unsigned int got = 0;

		for (uint32_t len = 0; len <= HDR; len++)
			fake_device_use(&rx, take(1), len);
		fake_device_use(&rx, take(1), HDR + 1);
		fake_device_show(&rx);
		for (unsigned int i = 0; i < 20; i++) {
			uint16_t n = rte_eth_rx_burst(port, 0, pkts, 32);

			for (uint16_t k = 0; k < n; k++)
				assert_int_equal(pkts[k]->pkt_len, 1);
			rte_pktmbuf_free_bulk(pkts, n);
			got += n;
		}
		assert_int_equal(got, 1);
		assert_int_equal(port_xstat(port, "rx_q0_errors"), HDR + 1);
		assert_true(port_up(port));
		port_end(port, &b, before);
	}
}

static void
num_buffers_that_are_not_there_are_a_fault(void **state)
{
	static const uint16_t numbers[] = {0, 2, 3, 63, 64, 65, 255, 256, 32768, 65535};

	(void)state;
	for (unsigned int v = 0; v < 2; v++) {
		for (unsigned int i = 0; i < RTE_DIM(numbers); i++) {
			struct resources before = resources_now();
			uint16_t port = begin(without[v]);
			struct rte_mbuf *pkts[32];

			fake_device_use(&rx, take(numbers[i]), HDR + 60);
			fake_device_show(&rx);
			assert_int_equal(rte_eth_rx_burst(port, 0, pkts, 32), 0);
			expect_fault(port, "num_buffers", before);
		}
	}
}

static void
completion_of_what_was_never_sent_is_a_fault(void **state)
{
	(void)state;
	for (unsigned int v = 0; v < RTE_DIM(without); v++) {
		struct resources before = resources_now();
		uint16_t port = begin(without[v]);

		assert_int_equal(port_send(port, 0, 3, 60), 3);
		fake_device_raw_idx(&tx, SIZE + 1);
		/* Seen when room is short. */
		(void)port_send(port, 0, SIZE, 60);
		expect_fault(port, "transmit queue 0: used index ran ahead", before);
	}
}

static void
completion_of_an_id_that_is_not_sent_is_a_fault(void **state)
{
	static const uint32_t ids[] = {SIZE - 1, SIZE, UINT32_MAX};

	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(ids); i++) {
		struct resources before = resources_now();
		uint16_t port = begin(B_F_IN_ORDER);

		assert_int_equal(port_send(port, 0, 40, 60), 40);
		fake_device_use(&tx, ids[i], 0);
		fake_device_show(&tx);
		(void)port_send(port, 0, SIZE, 60);
		expect_fault(port, "broke the ring of transmit queue 0", before);
	}
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
	return fixture_end(RUN_UNITS("pmd_hostile", tests));
}
