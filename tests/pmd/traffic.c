/* SPDX-License-Identifier: BSD-3-Clause */
#include "traffic.h"

#include <string.h>
#include <sys/eventfd.h>

static struct fake_chain chain;

void
traffic_in(struct backend *b, struct fake_device *d, unsigned int nb, uint8_t tag)
{
	for (unsigned int i = 0; i < nb; i++) {
		uint8_t *buf;

		assert_true(fake_device_take(d, &chain));
		buf = backend_at(b, chain.parts[0].addr, 12 + TRAFFIC_BYTES);
		assert_non_null(buf);
		memset(buf, 0, 12);
		buf[10] = 1; /* num_buffers */
		memset(buf + 12, tag, TRAFFIC_BYTES);
		fake_device_use(d, chain.head, 12 + TRAFFIC_BYTES);
	}
	fake_device_show(d);
}

bool
traffic_interrupt(struct backend *b, uint32_t ring, struct fake_device *d, uint16_t old)
{
	uint16_t event =
		rte_le_to_cpu_16(__atomic_load_n(&d->avail->ring[d->size], __ATOMIC_SEQ_CST));
	uint16_t flags = rte_le_to_cpu_16(__atomic_load_n(&d->avail->flags, __ATOMIC_SEQ_CST));
	bool due = flags == 0;

	if (b->acked & B_F_EVENT_IDX) {
		/* The flags word is to stay 0 then; 2.7.7.1. */
		assert_int_equal(flags, 0);
		due = (uint16_t)(d->used_pos - event - 1) < (uint16_t)(d->used_pos - old);
	}
	return due && eventfd_write(b->rings[ring].call_fd, 1) == 0;
}

unsigned int
traffic_out(struct fake_device *d)
{
	unsigned int n = 0;

	for (; fake_device_take(d, &chain); n++)
		fake_device_use(d, chain.head, 0);
	assert_null(d->complaint);
	fake_device_show(d);
	return n;
}

unsigned int
port_receive(uint16_t port, uint16_t queue, unsigned int nb, uint8_t tag)
{
	struct rte_mbuf *pkts[64];
	uint16_t got = rte_eth_rx_burst(port, queue, pkts, (uint16_t)RTE_MIN(nb, RTE_DIM(pkts)));

	for (uint16_t i = 0; i < got; i++) {
		assert_int_equal(pkts[i]->pkt_len, TRAFFIC_BYTES);
		assert_int_equal(*rte_pktmbuf_mtod(pkts[i], const uint8_t *), tag);
	}
	rte_pktmbuf_free_bulk(pkts, got);
	return got;
}
