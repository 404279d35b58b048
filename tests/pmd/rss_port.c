/* SPDX-License-Identifier: BSD-3-Clause */
#include "rss_port.h"

#include <string.h>

struct backend rss_b;
struct backend_command rss_last;

const uint8_t rss_default_key[40] = {0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67,
	0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77,
	0xcb, 0x2d, 0xa3, 0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa};

void
rss_begin(uint16_t table_max, uint32_t types)
{
	backend_begin(&rss_b);
	backend_control(&rss_b, 4);
	rss_b.config.table_max = table_max;
	rss_b.config.hash_types = types;
}

void
rss_configure(uint16_t port, uint16_t queues, uint64_t flows, uint64_t offloads)
{
	const struct rte_eth_conf conf = {
		.rxmode = {.mq_mode = RTE_ETH_MQ_RX_RSS, .offloads = offloads},
		.rx_adv_conf.rss_conf.rss_hf = flows,
	};

	assert_int_equal(rte_eth_dev_configure(port, queues, queues, &conf), 0);
	for (uint16_t q = 0; q < queues; q++) {
		assert_int_equal(rte_eth_rx_queue_setup(port, q, 64, SOCKET_ID_ANY, NULL, pool), 0);
		assert_int_equal(rte_eth_tx_queue_setup(port, q, 64, SOCKET_ID_ANY, NULL), 0);
	}
}

/* A port with these hash types; the backend is there, rss_begin() was called. */
uint16_t
rss_start(uint16_t queues, uint64_t flows, uint64_t offloads)
{
	uint16_t port;

	backend_start(&rss_b);
	port = port_add("queues=4,wait=60");
	rss_configure(port, queues, flows, offloads);
	assert_int_equal(rte_eth_dev_start(port), 0);
	assert_true(port_up(port));
	return port;
}

uint32_t
rss_le(uint32_t at, unsigned int bytes)
{
	uint32_t v = 0;

	while (bytes-- > 0)
		v = v << 8 | rss_last.bytes[at + bytes];
	return v;
}

/* 5.1.6.5.7.1. */
void
assert_rss(uint32_t types, uint32_t entries, const uint16_t *table, uint16_t queues,
	const uint8_t *key)
{
	assert_int_not_equal(backend_commands(&rss_b, 4, RSS_COMMAND, &rss_last), 0);
	assert_int_equal(rss_last.nb, 2 + 11 + 2 * entries + 40);
	assert_int_equal(rss_le(2, 4), types);
	assert_int_equal(rss_le(6, 2), entries - 1);
	assert_int_equal(rss_le(8, 2), 0);
	for (uint32_t i = 0; i < entries; i++)
		assert_int_equal(rss_le(10 + 2 * i, 2), table != NULL ? table[i] : i % queues);
	assert_int_equal(rss_le(10 + 2 * entries, 2), queues);
	assert_int_equal(rss_last.bytes[12 + 2 * entries], 40);
	assert_memory_equal(rss_last.bytes + 13 + 2 * entries, key, 40);
}

unsigned int
rss_commands(void)
{
	return backend_commands(&rss_b, 4, RSS_COMMAND, NULL);
}

int
rss_update(uint16_t port, uint64_t flows, uint8_t *key, uint8_t length)
{
	struct rte_eth_rss_conf conf = {.rss_key = key, .rss_key_len = length, .rss_hf = flows};

	return rte_eth_dev_rss_hash_update(port, &conf);
}

void
assert_rss_conf(uint16_t port, uint64_t flows, const uint8_t *key)
{
	uint8_t got[40];
	struct rte_eth_rss_conf conf = {.rss_key = got, .rss_key_len = sizeof(got)};

	assert_int_equal(rte_eth_dev_rss_hash_conf_get(port, &conf), 0);
	assert_int_equal(conf.rss_hf, flows);
	assert_int_equal(conf.rss_key_len, 40);
	assert_memory_equal(got, key, 40);
}

void
assert_reta(uint16_t port, uint16_t entries, const uint16_t *table, uint16_t queues)
{
	struct rte_eth_rss_reta_entry64 groups[8];

	memset(groups, 0xff, sizeof(groups));
	assert_int_equal(rte_eth_dev_rss_reta_query(port, groups, entries), 0);
	for (uint16_t i = 0; i < entries; i++)
		assert_int_equal(
			groups[i / 64].reta[i % 64], table != NULL ? table[i] : i % queues);
}

int
rss_refuse(struct backend *backend, const uint8_t *bytes, uint32_t nb)
{
	(void)backend;
	(void)nb;
	return bytes[0] == 4 && bytes[1] == RSS_COMMAND;
}
