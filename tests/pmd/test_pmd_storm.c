/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A backend that writes nothing but nonsense into the used ring, round after round: each round ends
 * in a queue that is in error, of which the application is told by event, and with a restart. No
 * buffer is lost and no packet is longer than its buffer.
 *
 * VIRTQ_STORM_ENTRIES: how many malformed entries, default 20,000; 1000000 takes a minute or two.
 */
#include "fixture.h"
#include "pmd_port.h"
#include "support/random.h"

#include <rte_cycles.h>

#include <stdio.h>
#include <stdlib.h>

#define HDR 12
#define SIZE 512
#define POST (HDR + 2048)

static struct backend b;
static struct fake_device rx;
static unsigned int resets;

static int
on_reset(uint16_t port, enum rte_eth_event_type type, void *arg, void *ret)
{
	(void)arg;
	(void)ret;
	(void)port_up(port);
	assert_int_equal(type, RTE_ETH_EVENT_INTR_RESET);
	__atomic_fetch_add(&resets, 1, __ATOMIC_SEQ_CST);
	return 0;
}

/* The number of an entry: outside the ring, used before, or nearly right. */
static uint32_t
bad_id(uint64_t *r, uint32_t i)
{
	static const uint32_t ids[] = {
		SIZE, SIZE + 1, 32768, 65535, 65536, UINT32_C(1) << 31, UINT32_MAX};

	switch (random_below(r, 4)) {
	case 0:
		return ids[random_below(r, RTE_DIM(ids))];
	case 1:
		return i == 0 ? SIZE : i - 1; /* a second time */
	case 2:
		return i + 1;
	default:
		return random_next(r);
	}
}

static uint32_t
bad_length(uint64_t *r)
{
	static const uint32_t lengths[] = {POST + 1, 65535, 65536, UINT32_C(1) << 31, UINT32_MAX};

	return random_below(r, 2) ? lengths[random_below(r, RTE_DIM(lengths))]
				  : random_below(r, HDR);
}

/* A ring full of entries, each with something wrong. */
static uint32_t
storm(uint64_t *r)
{
	uint32_t n = 1 + random_below(r, SIZE);

	for (uint32_t i = 0; i < n; i++) {
		/* Many rounds begin with entries that are counted and passed over. */
		bool passed_over = i < n / 2 && random_below(r, 16) != 0;

		if (passed_over)
			fake_device_use(&rx, i, random_below(r, HDR + 1));
		else
			fake_device_use(&rx, bad_id(r, i), bad_length(r));
	}
	fake_device_show(&rx);
	return n;
}

static void
receive_all(uint16_t port)
{
	struct rte_mbuf *pkts[32];

	for (uint32_t i = 0; i < 2 * SIZE / 32 + 2; i++) {
		uint16_t n = rte_eth_rx_burst(port, 0, pkts, 32);

		for (uint16_t k = 0; k < n; k++)
			assert_true(pkts[k]->data_len <= POST - HDR &&
				    pkts[k]->pkt_len == pkts[k]->data_len);
		rte_pktmbuf_free_bulk(pkts, n);
	}
}

static void
used_entries_of_a_mad_backend_end_in_an_event_and_harm_nothing(void **state)
{
	const char *wish = getenv("VIRTQ_STORM_ENTRIES");
	const uint64_t entries = wish != NULL ? strtoull(wish, NULL, 10) : 20000;
	struct resources before = resources_now();
	uint64_t r = 1, written = 0;
	unsigned int rounds = 0;
	uint16_t port;

	(void)state;
	pmd_tick_ms = 1;
	backend_begin(&b);
	b.features &= ~B_F_MRG_RXBUF;
	backend_start(&b);
	port = port_add("queue_size=512");
	port_configure(port, (struct port_shape){.rx = 1, .tx = 1, .nb_desc = SIZE});
	assert_int_equal(
		rte_eth_dev_callback_register(port, RTE_ETH_EVENT_INTR_RESET, on_reset, NULL), 0);
	while (written < entries) {
		assert_int_equal(rte_eth_dev_start(port), 0);
		UNTIL(port_up(port));
		backend_device(&b, 0, &rx);
		written += storm(&r);
		receive_all(port);
		/* All of it passed over? This is not. */
		fake_device_raw_idx(&rx, (uint16_t)(rx.used_pos + 2 * SIZE));
		receive_all(port);
		rounds++;
		UNTIL(__atomic_load_n(&resets, __ATOMIC_SEQ_CST) == rounds);
		UNTIL(!port_up(port));
		assert_int_equal(rte_eth_dev_stop(port), 0);
		assert_int_equal(rte_mempool_in_use_count(pool), before.mbufs);
		log_forget();
		backend_forget(&b);
	}
	printf("# %lu malformed entries in %u rounds\n", (unsigned long)written, rounds);
	assert_int_equal(port_xstat(port, "backend_ring_faults"), rounds);
	rte_eth_dev_callback_unregister(port, RTE_ETH_EVENT_INTR_RESET, on_reset, NULL);
	assert_int_equal(rte_eth_dev_start(port), 0);
	UNTIL(port_up(port));
	backend_device(&b, 0, &rx);
	fake_device_use(&rx, 0, HDR + 60);
	fake_device_show(&rx);
	receive_all(port);
	assert_int_equal(port_xstat(port, "backend_ring_faults"), rounds);
	assert_true(port_up(port));
	port_end(port, &b, before);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		UNIT(used_entries_of_a_mad_backend_end_in_an_event_and_harm_nothing),
	};

	fixture_start();
	return fixture_end(RUN_UNITS("pmd_storm", tests));
}
