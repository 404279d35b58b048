/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames through the burst functions, for every set of features that picks another one, against a
 * device that is written from the standard and sees memory through its own mapping.
 */
#include "fixture.h"

#include <rte_cycles.h>

#include <stdlib.h>
#include <string.h>

#define HDR 12
#define FRAME_MAX 65535
#define BUF 2048 /* frame bytes of a buffer with the header in front of it */

static struct backend b;
static struct fake_device rx;
static struct fake_device tx;
static struct fake_chain chain;
static uint8_t frame[FRAME_MAX];
static uint8_t seen[FRAME_MAX + HDR];

/* What the backend lacks, and so picks other burst functions and other ways to send. */
static const struct {
	const char *name;
	uint64_t without;
} variants[] = {
	{"all", 0},
	{"without MRG_RXBUF", B_F_MRG_RXBUF},
	{"without IN_ORDER", B_F_IN_ORDER},
	{"without INDIRECT", B_F_INDIRECT},
	{"with nothing", B_F_MRG_RXBUF | B_F_IN_ORDER | B_F_INDIRECT},
};

static uint16_t
begin(unsigned int variant, uint16_t nb_desc)
{
	const bool merge = !(variants[variant].without & B_F_MRG_RXBUF);
	struct port_shape shape = {.rx = 1, .tx = 1, .nb_desc = nb_desc};
	uint16_t port;

	backend_begin(&b);
	b.features &= ~variants[variant].without;
	backend_start(&b);
	port = port_add(nb_desc > 64 ? "queue_size=256" : "queue_size=64");
	if (merge) {
		shape.mtu = 9000;
		shape.rx_offloads = RTE_ETH_RX_OFFLOAD_SCATTER;
	}
	port_configure(port, shape);
	assert_int_equal(rte_eth_dev_start(port), 0);
	UNTIL(port_up(port));
	backend_device(&b, 0, &rx);
	backend_device(&b, 1, &tx);
	return port;
}

static void
end(uint16_t port, struct resources before)
{
	assert_null(rx.complaint);
	assert_null(tx.complaint);
	port_end(port, &b, before);
}

static void
fill(uint32_t len, unsigned int seed)
{
	for (uint32_t i = 0; i < len; i++)
		frame[i] = (uint8_t)(i * 31 + i / 251 + seed);
}

/* The device delivers frame[0, len) in as many buffers as it takes. @return false: no room. */
static bool
device_deliver(uint32_t len)
{
	uint8_t *hdr = NULL;
	uint32_t done = 0;
	uint16_t nb = 0;

	while (done < len || nb == 0) {
		uint32_t head = nb == 0 ? HDR : 0;
		uint32_t n;
		uint8_t *buf;

		if (!fake_device_take(&rx, &chain))
			return false;
		assert_int_equal(chain.read_bytes, 0);
		assert_int_equal(chain.nb, 1);
		n = RTE_MIN(chain.parts[0].len - head, len - done);
		buf = backend_at(&b, chain.parts[0].addr, chain.parts[0].len);
		assert_non_null(buf);
		if (nb++ == 0)
			hdr = memset(buf, 0, HDR);
		memcpy(buf + head, frame + done, n);
		done += n;
		fake_device_use(&rx, chain.head, head + n);
	}
	hdr[10] = (uint8_t)nb;
	fake_device_show(&rx);
	return true;
}

static void
assert_frame(const struct rte_mbuf *m, uint16_t port, uint32_t len)
{
	uint32_t at = 0;
	unsigned int segs = 0;

	rte_mbuf_sanity_check(m, 1);
	assert_int_equal(m->pkt_len, len);
	assert_int_equal(m->port, port);
	assert_int_equal(m->ol_flags, 0);
	assert_int_equal(m->packet_type, 0);
	for (const struct rte_mbuf *s = m; s != NULL; s = s->next) {
		segs++;
		assert_memory_equal(rte_pktmbuf_mtod(s, uint8_t *), frame + at, s->data_len);
		at += s->data_len;
	}
	assert_int_equal(at, len);
	assert_int_equal(m->nb_segs, segs);
}

static void
frames_arrive_as_they_were_delivered(void **state)
{
	static const uint32_t lengths[] = {1, 14, 59, 60, 61, 64, 128, 1514, 1518, 2047, BUF,
		BUF + 1, 4095, 9000, 9018, 20000};

	(void)state;
	for (unsigned int v = 0; v < RTE_DIM(variants); v++) {
		struct resources before = resources_now();
		const bool merge = !(variants[v].without & B_F_MRG_RXBUF);
		uint16_t port = begin(v, 64);
		struct rte_mbuf *m;
		unsigned int nb = 0;

		for (unsigned int round = 0; round < 20; round++) {
			for (unsigned int i = 0; i < RTE_DIM(lengths); i++) {
				if (lengths[i] > BUF && !merge)
					continue;
				fill(lengths[i], round + i);
				assert_true(device_deliver(lengths[i]));
				assert_int_equal(rte_eth_rx_burst(port, 0, &m, 1), 1);
				assert_frame(m, port, lengths[i]);
				rte_pktmbuf_free(m);
				nb++;
			}
		}
		assert_int_equal(rte_eth_rx_burst(port, 0, &m, 1), 0);
		assert_int_equal(port_xstat(port, "rx_q0_packets"), nb);
		assert_int_equal(port_xstat(port, "rx_q0_errors"), 0);
		end(port, before);
	}
}

static void
bursts_of_any_size_keep_the_order_over_all_index_positions(void **state)
{
	(void)state;
	for (unsigned int v = 0; v < RTE_DIM(variants); v++) {
		struct resources before = resources_now();
		uint16_t port = begin(v, 64);
		struct rte_mbuf *pkts[64];
		uint32_t sent = 0;
		uint32_t got = 0;

		while (got < 70000) {
			unsigned int want = 1 + (sent * 7 + sent / 64) % 64;
			uint16_t n;

			for (unsigned int i = 0; i < want; i++) {
				memcpy(frame, &sent, sizeof(sent));
				if (!device_deliver(60))
					break;
				sent++;
			}
			n = rte_eth_rx_burst(port, 0, pkts, (uint16_t)(1 + got % 64));
			for (uint16_t i = 0; i < n; i++) {
				assert_memory_equal(
					rte_pktmbuf_mtod(pkts[i], void *), &got, sizeof(got));
				got++;
			}
			rte_pktmbuf_free_bulk(pkts, n);
		}
		assert_true(sent - got <= 64);
		end(port, before);
	}
}

static void
device_that_uses_buffers_in_any_order_is_served(void **state)
{
	struct resources before = resources_now();
	uint16_t port = begin(2, 64);
	struct rte_mbuf *pkts[64];
	uint16_t heads[16];
	uint64_t at[16];

	(void)state;
	for (unsigned int round = 0; round < 100; round++) {
		for (unsigned int i = 0; i < 16; i++) {
			assert_true(fake_device_take(&rx, &chain));
			heads[i] = chain.head;
			at[i] = chain.parts[0].addr;
		}
		for (unsigned int i = 16; i-- > 0;) {
			uint8_t *buf = backend_at(&b, at[i], HDR + 60);

			memset(buf, 0, HDR);
			buf[10] = 1;
			memset(buf + HDR, (int)i, 60);
			fake_device_use(&rx, heads[i], HDR + 60);
		}
		fake_device_show(&rx);
		assert_int_equal(rte_eth_rx_burst(port, 0, pkts, 64), 16);
		for (unsigned int i = 0; i < 16; i++)
			assert_int_equal(*rte_pktmbuf_mtod(pkts[i], uint8_t *), 15 - i);
		rte_pktmbuf_free_bulk(pkts, 16);
	}
	end(port, before);
}

/* The next frame as the device sees it, header first. @return its bytes without the header. */
static uint32_t
device_collect(void)
{
	uint32_t at = 0;

	assert_true(fake_device_take(&tx, &chain));
	assert_int_equal(chain.write_bytes, 0);
	for (uint32_t i = 0; i < chain.nb; i++) {
		const void *part = backend_at(&b, chain.parts[i].addr, chain.parts[i].len);

		assert_non_null(part);
		assert_true(at + chain.parts[i].len <= sizeof(seen));
		memcpy(seen + at, part, chain.parts[i].len);
		at += chain.parts[i].len;
	}
	assert_true(at >= HDR);
	for (unsigned int i = 0; i < HDR; i++)
		assert_int_equal(seen[i], 0);
	fake_device_use(&tx, chain.head, 0);
	fake_device_show(&tx);
	return at - HDR;
}

/* A packet of segs segments with frame[0, len); headroom bytes before the first. */
static struct rte_mbuf *
packet(uint32_t len, unsigned int segs, uint16_t headroom)
{
	struct rte_mbuf *head = NULL;
	uint32_t at = 0;

	for (unsigned int i = 0; i < segs; i++) {
		uint32_t n = i + 1 == segs ? len - at : len / segs;
		struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

		assert_non_null(m);
		if (i == 0)
			m->data_off = headroom;
		memcpy(rte_pktmbuf_append(m, (uint16_t)n), frame + at, n);
		at += n;
		if (head == NULL)
			head = m;
		else
			assert_int_equal(rte_pktmbuf_chain(head, m), 0);
	}
	return head;
}

static void
send_and_compare(uint16_t port, struct rte_mbuf *m, uint32_t len)
{
	assert_int_equal(rte_eth_tx_burst(port, 0, &m, 1), 1);
	assert_int_equal(device_collect(), len);
	assert_memory_equal(seen + HDR, frame, len);
}

static void
packets_of_every_make_are_sent_as_they_are(void **state)
{
	(void)state;
	for (unsigned int v = 0; v < RTE_DIM(variants); v++) {
		struct resources before = resources_now();
		uint16_t port = begin(v, 64);

		for (unsigned int round = 0; round < 10; round++) {
			struct rte_mbuf *m;
			struct rte_mbuf *clone;

			fill(FRAME_MAX, round);
			for (uint32_t len = 1; len <= BUF; len += 89)
				send_and_compare(port, packet(len, 1, RTE_PKTMBUF_HEADROOM), len);
			for (unsigned int segs = 2; segs <= 60; segs += 3)
				send_and_compare(port, packet(segs * 150, segs, 128), segs * 150);
			/* No room for the header, or not all of it. */
			send_and_compare(port, packet(1000, 1, 0), 1000);
			send_and_compare(port, packet(1000, 3, HDR - 1), 1000);
			send_and_compare(port, packet(1000, 1, HDR), 1000);
			/* Shared with somebody: the header must not be written before its data. */
			m = packet(500, 1, RTE_PKTMBUF_HEADROOM);
			memset(rte_pktmbuf_mtod(m, uint8_t *) - HDR, 0xee, HDR);
			rte_mbuf_refcnt_update(m, 1);
			send_and_compare(port, m, 500);
			assert_int_equal(*(rte_pktmbuf_mtod(m, uint8_t *) - 1), 0xee);
			clone = rte_pktmbuf_clone(m, pool);
			assert_non_null(clone);
			send_and_compare(port, clone, 500);
			assert_int_equal(*(rte_pktmbuf_mtod(m, uint8_t *) - HDR), 0xee);
			rte_pktmbuf_free(m);
		}
		end(port, before);
	}
}

static void
packet_that_can_never_be_sent_is_dropped_and_counted(void **state)
{
	(void)state;
	for (unsigned int v = 0; v < RTE_DIM(variants); v++) {
		struct resources before = resources_now();
		uint16_t port = begin(v, 64);
		struct rte_mbuf *pkts[3];

		fill(FRAME_MAX, v);
		pkts[0] = packet(100, 1, RTE_PKTMBUF_HEADROOM);
		pkts[1] = packet(200 * 100, 200, RTE_PKTMBUF_HEADROOM);
		pkts[2] = packet(100, 1, RTE_PKTMBUF_HEADROOM);
		assert_int_equal(rte_eth_tx_burst(port, 0, pkts, 3), 3);
		assert_int_equal(device_collect(), 100);
		assert_int_equal(device_collect(), 100);
		assert_false(fake_device_take(&tx, &chain));
		assert_int_equal(port_xstat(port, "tx_q0_errors"), 1);
		assert_int_equal(port_xstat(port, "tx_q0_packets"), 2);
		end(port, before);
	}
}

static void
full_ring_takes_nothing_and_goes_on_when_the_device_does(void **state)
{
	(void)state;
	for (unsigned int v = 0; v < RTE_DIM(variants); v++) {
		struct resources before = resources_now();
		uint16_t port = begin(v, 64);

		for (unsigned int round = 0; round < 1100; round++) {
			unsigned int n = 1 + round % 64;

			assert_int_equal(port_send(port, 0, 200, 60), 64);
			assert_int_equal(port_send(port, 0, 1, 60), 0);
			for (unsigned int i = 0; i < n; i++)
				assert_int_equal(device_collect(), 60);
			assert_int_equal(port_send(port, 0, 200, 60), n);
			for (unsigned int i = 0; i < 64; i++)
				assert_int_equal(device_collect(), 60);
		}
		assert_true(port_xstat(port, "tx_q0_ring_full") >= 2200);
		end(port, before);
	}
}

static void
completions_in_batches_and_out_of_order_give_all_buffers_back(void **state)
{
	(void)state;
	for (unsigned int v = 0; v < RTE_DIM(variants); v++) {
		struct resources before = resources_now();
		const bool in_order = !(variants[v].without & B_F_IN_ORDER);
		uint16_t port = begin(v, 64);
		uint16_t heads[48];

		for (unsigned int round = 0; round < 1000; round++) {
			/* Some of several segments among them. */
			for (unsigned int i = 0; i < 48; i++) {
				unsigned int segs = i % 16 == 15 && round % 2 ? 3 : 1;
				struct rte_mbuf *m = packet(90, segs, RTE_PKTMBUF_HEADROOM);

				assert_int_equal(rte_eth_tx_burst(port, 0, &m, 1), 1);
				assert_true(fake_device_take(&tx, &chain));
				heads[i] = chain.head;
			}
			if (in_order)
				fake_device_use_batch(&tx, heads[47], 0, 48);
			for (unsigned int i = 0; i < 48 && !in_order; i++)
				fake_device_use(&tx, heads[(i * 5 + round) % 48], 0);
			fake_device_show(&tx);
		}
		end(port, before);
	}
}

/* More at once than a pool's cache holds would bring all buffers of the pool into turn. */
static void
completions_are_taken_back_in_portions(void **state)
{
	struct resources before = resources_now();
	const struct port_shape shape = {.rx = 1, .tx = 1, .nb_desc = 256};
	unsigned int in_use;
	uint16_t port;

	(void)state;
	backend_begin(&b);
	backend_start(&b);
	port = port_add("queue_size=256");
	port_configure(port, shape);
	assert_int_equal(rte_eth_dev_start(port), 0);
	UNTIL(port_up(port));
	backend_device(&b, 1, &tx);
	assert_int_equal(port_send(port, 0, 256, 60), 256);
	for (unsigned int i = 0; i < 256; i++)
		assert_int_equal(device_collect(), 60);
	in_use = rte_mempool_in_use_count(pool);
	for (unsigned int i = 1; i <= 3; i++) {
		assert_int_equal(port_send(port, 0, 32, 60), 32);
		/* Bursts of 8 go out: each takes 64 back while more than 128 are held, not all. */
		assert_in_range(rte_mempool_in_use_count(pool), in_use - 192, in_use - 120);
		for (unsigned int n = 0; n < 32; n++)
			assert_int_equal(device_collect(), 60);
	}
	end(port, before);
}

/* The rest of a batch has no entries of its own: neither a chain nor a clean-up looks for them. */
static void
rest_of_a_batch_is_taken_back_by_whoever_comes_next(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		struct resources before = resources_now();
		uint16_t port = begin(0, 256);

		for (unsigned int n = 0; n < 162; n++) {
			struct rte_mbuf *m =
				packet(90, i == 0 && n == 161 ? 3 : 1, RTE_PKTMBUF_HEADROOM);

			/* More than 128 are held: takes 64 back. */
			assert_int_equal(rte_eth_tx_burst(port, 0, &m, 1), 1);
			assert_true(fake_device_take(&tx, &chain));
			if (n == 159 || n == 161) {
				fake_device_use_batch(&tx, chain.head, 0, n == 159 ? 160 : 2);
				fake_device_show(&tx);
			}
		}
		assert_int_equal(rte_eth_tx_done_cleanup(port, 0, 0), 162 - 64);
		end(port, before);
	}
}

/* Else a ring keeps as many packets as it has entries, which the device has long let go of. */
static void
deep_ring_holds_few_packets_that_are_done(void **state)
{
	struct resources before = resources_now();
	const struct port_shape shape = {.tx = 1, .nb_desc = 1024};
	unsigned int in_use;
	uint16_t port;

	(void)state;
	backend_begin(&b);
	backend_start(&b);
	port = port_add("queue_size=1024");
	port_configure(port, shape);
	in_use = rte_mempool_in_use_count(pool);
	assert_int_equal(rte_eth_dev_start(port), 0);
	UNTIL(port_up(port));
	backend_device(&b, 1, &tx);
	for (unsigned int i = 0; i < 100; i++) {
		assert_int_equal(port_send(port, 0, 32, 60), 32);
		for (unsigned int n = 0; n < 32; n++)
			assert_int_equal(device_collect(), 60);
	}
	assert_in_range(rte_mempool_in_use_count(pool) - in_use, 1, 128 + 64);
	end(port, before);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		UNIT(frames_arrive_as_they_were_delivered),
		UNIT(bursts_of_any_size_keep_the_order_over_all_index_positions),
		UNIT(device_that_uses_buffers_in_any_order_is_served),
		UNIT(packets_of_every_make_are_sent_as_they_are),
		UNIT(packet_that_can_never_be_sent_is_dropped_and_counted),
		UNIT(full_ring_takes_nothing_and_goes_on_when_the_device_does),
		UNIT(completions_in_batches_and_out_of_order_give_all_buffers_back),
		UNIT(completions_are_taken_back_in_portions),
		UNIT(rest_of_a_batch_is_taken_back_by_whoever_comes_next),
		UNIT(deep_ring_holds_few_packets_that_are_done),
	};

	fixture_start();
	return fixture_end(RUN_UNITS("pmd_rxtx", tests));
}
