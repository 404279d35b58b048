/* SPDX-License-Identifier: BSD-3-Clause */
#include "rx_frames.h"

#include "support/frame.h"

#include <stdlib.h>
#include <string.h>

struct backend rb;
struct fake_device rx;
uint8_t rx_frame[FRAME_MAX];
struct rte_mempool *small_pool;
uint8_t rx_flow[8];

static uint32_t hdr_bytes;

void
rx_flow_set(uint32_t value, uint16_t report)
{
	for (unsigned int i = 0; i < 4; i++)
		rx_flow[i] = (uint8_t)(value >> 8 * i);
	rx_flow[4] = (uint8_t)report;
	rx_flow[5] = (uint8_t)(report >> 8);
}

void
rx_pools_start(void)
{
	small_pool = rte_pktmbuf_pool_create(
		"small", 4095, 0, 0, RTE_PKTMBUF_HEADROOM + SMALL_ROOM, SOCKET_ID_ANY);
	assert_non_null(small_pool);
}

void
rx_pools_end(void)
{
	rte_mempool_free(small_pool);
}

uint16_t
rx_begin(uint64_t more, uint64_t without, uint64_t rx_offloads, uint64_t tx_offloads,
	struct rte_mempool *mbufs, const char *args)
{
	struct rte_eth_conf conf = {
		.rxmode.offloads = rx_offloads,
		.txmode.offloads = tx_offloads,
	};
	char text[64];
	uint16_t port;

	if (rx_offloads & RTE_ETH_RX_OFFLOAD_RSS_HASH)
		conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
	backend_begin(&rb);
	rb.features |= more;
	if (more & B_F_HASH_REPORT)
		backend_control(&rb, 1);
	rb.features &= ~without;
	backend_start(&rb);
	snprintf(text, sizeof(text), "queue_size=64%s", args);
	port = port_add(text);
	assert_int_equal(rte_eth_dev_configure(port, 1, 1, &conf), 0);
	assert_int_equal(rte_eth_rx_queue_setup(port, 0, 64, SOCKET_ID_ANY, NULL, mbufs), 0);
	assert_int_equal(rte_eth_tx_queue_setup(port, 0, 64, SOCKET_ID_ANY, NULL), 0);
	assert_int_equal(rte_eth_dev_start(port), 0);
	UNTIL(port_up(port));
	hdr_bytes = rb.acked & B_F_HASH_REPORT ? HDR + sizeof(rx_flow) : HDR;
	backend_device(&rb, 0, &rx);
	return port;
}

static int
by_address(const void *x, const void *y)
{
	const uintptr_t *a = x;
	const uintptr_t *c = y;

	return *a < *c ? -1 : *a > *c;
}

static void
assert_pool_sound(struct rte_mempool *p)
{
	static void *all[8192];
	unsigned int nb = rte_mempool_avail_count(p);

	assert_true(nb <= RTE_DIM(all));
	assert_int_equal(rte_mempool_get_bulk(p, all, nb), 0);
	rte_mempool_put_bulk(p, all, nb);
	qsort(all, nb, sizeof(all[0]), by_address);
	for (unsigned int i = 1; i < nb; i++)
		assert_ptr_not_equal(all[i - 1], all[i]);
}

void
rx_end(uint16_t port, struct resources before)
{
	assert_null(rx.complaint);
	port_end(port, &rb, before);
	assert_int_equal(rte_mempool_in_use_count(small_pool), 0);
	assert_pool_sound(small_pool);
	assert_pool_sound(pool);
}

uint32_t
rx_build(const char *headers, uint32_t payload)
{
	uint32_t len = frame_hex(rx_frame, headers);
	uint32_t l3 = 14;

	for (uint32_t i = 0; i < payload; i++)
		rx_frame[len + i] = (uint8_t)(i * 7 + i / 256 + 1);
	len += payload;
	while (frame_get16(rx_frame + l3 - 2) == 0x8100)
		l3 += 4;
	if (frame_get16(rx_frame + l3 - 2) == 0x0800)
		frame_set16(rx_frame + l3 + 2, len - l3);
	else if (frame_get16(rx_frame + l3 - 2) == 0x86dd)
		frame_set16(rx_frame + l3 + 4, len - l3 - 40);
	return len;
}

bool
rx_deliver(const uint8_t *hdr, uint32_t len)
{
	static struct fake_chain chain;
	uint8_t *first = NULL;
	uint32_t done = 0;
	uint16_t nb = 0;

	while (done < len || nb == 0) {
		uint32_t head = nb == 0 ? hdr_bytes : 0;
		uint32_t n;
		uint8_t *buf;

		if (!fake_device_take(&rx, &chain))
			return false;
		n = RTE_MIN(chain.parts[0].len - head, len - done);
		buf = backend_at(&rb, chain.parts[0].addr, chain.parts[0].len);
		assert_non_null(buf);
		if (nb++ == 0) {
			first = buf;
			memcpy(buf, hdr, HDR - 2);
			memcpy(buf + HDR, rx_flow, hdr_bytes - HDR);
		}
		memcpy(buf + head, rx_frame + done, n);
		done += n;
		fake_device_use(&rx, chain.head, head + n);
	}
	first[10] = (uint8_t)nb;
	first[11] = (uint8_t)(nb >> 8);
	fake_device_show(&rx);
	return true;
}

void
rx_bytes(const struct rte_mbuf *m, uint8_t *out)
{
	for (; m != NULL; m = m->next) {
		memcpy(out, rte_pktmbuf_mtod(m, const void *), m->data_len);
		out += m->data_len;
	}
}
