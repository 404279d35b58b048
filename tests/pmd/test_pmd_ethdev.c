/* SPDX-License-Identifier: BSD-3-Clause */
/* What the ethdev operations say, take and refuse. */
#include "fixture.h"

#include <rte_cycles.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct backend b;

static uint16_t
started_port(const char *args, struct port_shape shape)
{
	uint16_t port;

	backend_begin(&b);
	backend_start(&b);
	port = port_add(args);
	port_configure(port, shape);
	assert_int_equal(rte_eth_dev_start(port), 0);
	UNTIL(port_up(port));
	return port;
}

static const struct port_shape one_pair = {.rx = 1, .tx = 1};

static void
infos_follow_the_arguments(void **state)
{
	struct resources before = resources_now();
	struct rte_eth_dev_info info;
	uint16_t port = port_add("queues=5,queue_size=512,speed=25000");

	(void)state;
	assert_int_equal(rte_eth_dev_info_get(port, &info), 0);
	assert_int_equal(info.max_rx_queues, 5);
	assert_int_equal(info.max_tx_queues, 5);
	assert_int_equal(info.default_rxportconf.ring_size, 512);
	assert_int_equal(info.default_txportconf.ring_size, 512);
	assert_int_equal(info.speed_capa, RTE_ETH_LINK_SPEED_25G);
	assert_int_equal(info.min_mtu, 68);
	assert_true(info.max_mtu >= 9000);
	assert_true(info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER);
	assert_true(info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_MULTI_SEGS);
	assert_int_equal(info.max_mac_addrs, 64);
	assert_string_equal(info.driver_name, "net_virtq");
	port_remove(port);

	port = port_add("mrg_rxbuf=0");
	assert_int_equal(rte_eth_dev_info_get(port, &info), 0);
	assert_false(info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER);
	assert_int_equal(info.speed_capa, RTE_ETH_LINK_SPEED_10G);
	port_remove(port);
	assert_resources(before);
}

static void
address_is_the_given_one_or_a_random_one(void **state)
{
	const struct rte_ether_addr wanted = {{2, 0, 0, 0, 0, 9}};
	const struct rte_ether_addr other = {{2, 0, 0, 0, 0, 10}};
	struct resources before = resources_now();
	struct rte_ether_addr mac;
	uint16_t port = port_add("mac=02:00:00:00:00:09");

	(void)state;
	assert_int_equal(rte_eth_macaddr_get(port, &mac), 0);
	assert_true(rte_is_same_ether_addr(&mac, &wanted));
	assert_int_equal(
		rte_eth_dev_default_mac_addr_set(port, (struct rte_ether_addr *)(uintptr_t)&other),
		0);
	assert_int_equal(rte_eth_macaddr_get(port, &mac), 0);
	assert_true(rte_is_same_ether_addr(&mac, &other));
	port_remove(port);
	port = port_add("");
	assert_int_equal(rte_eth_macaddr_get(port, &mac), 0);
	assert_true(rte_is_valid_assigned_ether_addr(&mac));
	assert_true(rte_is_local_admin_ether_addr(&mac));
	port_remove(port);
	assert_resources(before);
}

static void
everything_is_received_and_nobody_is_told_otherwise(void **state)
{
	struct resources before = resources_now();
	uint16_t port;

	(void)state;
	backend_begin(&b);
	backend_start(&b);
	port = port_add("wait=60");
	assert_int_equal(rte_eth_promiscuous_get(port), 1);
	assert_int_equal(rte_eth_promiscuous_enable(port), 0);
	assert_int_equal(rte_eth_promiscuous_disable(port), -ENOTSUP);
	assert_int_equal(rte_eth_promiscuous_get(port), 1);
	assert_int_equal(rte_eth_allmulticast_enable(port), 0);
	assert_int_equal(rte_eth_allmulticast_disable(port), -ENOTSUP);
	assert_int_equal(rte_eth_allmulticast_get(port), 1);
	/* And it starts and stops all the same. */
	port_configure(port, one_pair);
	assert_int_equal(rte_eth_dev_start(port), 0);
	assert_int_equal(rte_eth_dev_stop(port), 0);
	port_end(port, &b, before);
}

static void
modes_that_virtio_has_not_are_refused(void **state)
{
	struct resources before = resources_now();
	struct rte_eth_conf conf = {.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS};
	uint16_t port = port_add("queues=2");

	(void)state;
	/* RSS over nothing is asked for by applications that mask their hash types. */
	assert_int_equal(rte_eth_dev_configure(port, 2, 2, &conf), 0);
	conf = (struct rte_eth_conf){.rxmode.mq_mode = RTE_ETH_MQ_RX_VMDQ_ONLY};
	assert_int_equal(rte_eth_dev_configure(port, 2, 2, &conf), -ENOTSUP);
	conf = (struct rte_eth_conf){.txmode.mq_mode = RTE_ETH_MQ_TX_DCB};
	assert_int_equal(rte_eth_dev_configure(port, 2, 2, &conf), -ENOTSUP);
	conf = (struct rte_eth_conf){.lpbk_mode = 1};
	assert_int_equal(rte_eth_dev_configure(port, 2, 2, &conf), -ENOTSUP);
	conf = (struct rte_eth_conf){.intr_conf.lsc = 1};
	assert_int_equal(rte_eth_dev_configure(port, 3, 2, &conf), -EINVAL);
	assert_int_equal(rte_eth_dev_configure(port, 2, 2, &conf), 0);
	port_remove(port);
	assert_resources(before);
}

static void
queue_set_up_refuses_what_cannot_work(void **state)
{
	struct resources before = resources_now();
	struct rte_mempool *small = rte_pktmbuf_pool_create(
		"small", 63, 0, 0, RTE_PKTMBUF_HEADROOM + 512, SOCKET_ID_ANY);
	struct rte_eth_conf conf = {0};
	struct rte_eth_txconf tx = {.tx_free_thresh = 64};
	uint16_t port = port_add("");

	(void)state;
	assert_non_null(small);
	assert_int_equal(rte_eth_dev_configure(port, 1, 1, &conf), 0);
	assert_int_equal(rte_eth_tx_queue_setup(port, 0, 64, 0, &tx), -EINVAL);
	tx.tx_free_thresh = 63;
	assert_int_equal(rte_eth_tx_queue_setup(port, 0, 64, 0, &tx), 0);

	log_forget();
	assert_int_equal(rte_eth_rx_queue_setup(port, 0, 64, 0, NULL, small), -EINVAL);
	assert_non_null(strstr(log_text(), "SCATTER"));
	conf.rxmode.offloads = RTE_ETH_RX_OFFLOAD_SCATTER;
	assert_int_equal(rte_eth_dev_configure(port, 1, 1, &conf), 0);
	assert_int_equal(rte_eth_rx_queue_setup(port, 0, 64, 0, NULL, small), 0);
	port_remove(port);

	port = port_add("mrg_rxbuf=0");
	conf.rxmode.offloads = 0;
	assert_int_equal(rte_eth_dev_configure(port, 1, 1, &conf), 0);
	log_forget();
	assert_int_equal(rte_eth_rx_queue_setup(port, 0, 64, 0, NULL, small), -EINVAL);
	assert_non_null(strstr(log_text(), "mrg_rxbuf=1"));
	port_remove(port);
	rte_mempool_free(small);
	assert_resources(before);
}

static void
mtu_has_to_fit_and_is_told_to_the_backend(void **state)
{
	struct resources before = resources_now();
	struct backend_entry last;
	uint16_t port = started_port("", one_pair);
	uint16_t mtu;

	(void)state;
	assert_int_equal(rte_eth_dev_set_mtu(port, 1400), 0);
	assert_int_equal(backend_seen(&b, B_NET_SET_MTU, &last), 2);
	assert_int_equal(last.value, 1400);
	/* One buffer holds 2048 bytes: header of the frame and a VLAN tag included. */
	assert_int_equal(rte_eth_dev_set_mtu(port, 2048 - 18), 0);
	assert_int_equal(rte_eth_dev_set_mtu(port, 2048 - 17), -EINVAL);
	assert_int_equal(rte_eth_dev_set_mtu(port, 67), -EINVAL);
	b.refuse_at = B_NET_SET_MTU;
	assert_int_equal(rte_eth_dev_set_mtu(port, 1500), -EINVAL);
	assert_int_equal(rte_eth_dev_get_mtu(port, &mtu), 0);
	assert_int_equal(mtu, 2048 - 18);
	assert_true(port_up(port));
	b.refuse_at = 0;
	port_end(port, &b, before);
}

static void
wish_for_more_descriptors_than_the_ring_has_is_cut_down(void **state)
{
	struct resources before = resources_now();
	struct rte_eth_rxq_info rx;
	struct rte_eth_txq_info tx;
	uint16_t port = started_port("queue_size=128", (struct port_shape){1, 1, .nb_desc = 1000});

	(void)state;
	assert_non_null(strstr(log_text(), "1000 descriptors wanted, the ring has 128"));
	assert_int_equal(rte_eth_rx_queue_info_get(port, 0, &rx), 0);
	assert_int_equal(rx.nb_desc, 128);
	assert_ptr_equal(rx.mp, pool);
	assert_int_equal(rx.rx_buf_size, 2048);
	assert_int_equal(rx.queue_state, RTE_ETH_QUEUE_STATE_STARTED);
	assert_int_equal(rte_eth_tx_queue_info_get(port, 0, &tx), 0);
	assert_int_equal(tx.nb_desc, 128);
	assert_int_equal(tx.queue_state, RTE_ETH_QUEUE_STATE_STARTED);
	assert_int_equal(rte_mempool_in_use_count(pool), 128);
	assert_int_equal(port_send(port, 0, 200, 60), 128);
	assert_int_equal(rte_eth_dev_stop(port), 0);
	assert_int_equal(rte_eth_tx_queue_info_get(port, 0, &tx), 0);
	assert_int_equal(tx.queue_state, RTE_ETH_QUEUE_STATE_STOPPED);
	port_end(port, &b, before);
}

static void
fewer_descriptors_than_the_ring_bound_what_is_outstanding(void **state)
{
	static const uint16_t sizes[] = {2, 3, 31, 33, 100, 255};

	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(sizes); i++) {
		struct resources before = resources_now();
		struct port_shape shape = {.rx = 1, .tx = 1, .nb_desc = sizes[i]};
		uint16_t port = started_port("queue_size=256", shape);
		unsigned int posted;

		assert_int_equal(b.rings[0].size, 256);
		/* Buffers are posted some at a time: the last few may be missing. */
		posted = rte_mempool_in_use_count(pool);
		assert_true(posted <= sizes[i] && posted > sizes[i] - RTE_MAX(1u, sizes[i] / 4u));
		assert_int_equal(port_send(port, 0, 300, 60), sizes[i]);
		assert_int_equal(rte_mempool_in_use_count(pool), posted + sizes[i]);
		port_end(port, &b, before);
	}
}

static void
receive(uint16_t port, unsigned int nb, struct fake_device *d)
{
	static struct fake_chain chain;

	(void)port;
	for (unsigned int i = 0; i < nb; i++) {
		uint8_t *buf;

		assert_true(fake_device_take(d, &chain));
		buf = backend_at(&b, chain.parts[0].addr, chain.parts[0].len);
		assert_non_null(buf);
		memset(buf, 0, 12 + 100);
		buf[10] = 1;
		fake_device_use(d, chain.head, 12 + 100);
	}
	fake_device_show(d);
}

static void
counters_count_and_reset_without_touching_the_queue(void **state)
{
	struct resources before = resources_now();
	struct rte_eth_stats stats;
	struct fake_device d;
	struct rte_mbuf *pkts[8];
	uint16_t port = started_port("queues=2", (struct port_shape){.rx = 2, .tx = 2});

	(void)state;
	backend_device(&b, 2, &d);
	receive(port, 5, &d);
	assert_int_equal(rte_eth_rx_burst(port, 1, pkts, 8), 5);
	rte_pktmbuf_free_bulk(pkts, 5);
	assert_int_equal(port_send(port, 1, 3, 70), 3);
	assert_int_equal(port_send(port, 0, 2, 60), 2);

	assert_int_equal(rte_eth_stats_get(port, &stats), 0);
	assert_int_equal(stats.ipackets, 5);
	assert_int_equal(stats.ibytes, 500);
	assert_int_equal(stats.opackets, 5);
	assert_int_equal(stats.obytes, 3 * 70 + 2 * 60);
	assert_int_equal(stats.q_ipackets[0], 0);
	assert_int_equal(stats.q_ipackets[1], 5);
	assert_int_equal(stats.q_obytes[1], 210);
	assert_int_equal(port_xstat(port, "rx_q1_packets"), 5);
	assert_int_equal(port_xstat(port, "tx_q1_packets"), 3);
	assert_int_equal(port_xstat(port, "tx_total_packets"), 5);

	assert_int_equal(rte_eth_stats_reset(port), 0);
	assert_int_equal(rte_eth_stats_get(port, &stats), 0);
	assert_int_equal(stats.ipackets + stats.opackets + stats.ibytes + stats.obytes, 0);
	assert_int_equal(port_xstat(port, "tx_q1_packets"), 0);
	assert_int_equal(port_xstat(port, "backend_attached"), 0);
	assert_int_equal(port_send(port, 1, 1, 70), 1);
	assert_int_equal(port_xstat(port, "tx_q1_packets"), 1);
	assert_int_equal(rte_eth_xstats_reset(port), 0);
	assert_int_equal(port_xstat(port, "tx_q1_packets"), 0);
	port_end(port, &b, before);
}

static void
xstats_have_a_name_each_and_agree_by_id_and_by_list(void **state)
{
	struct resources before = resources_now();
	uint16_t port = started_port("queues=3", (struct port_shape){.rx = 3, .tx = 2});
	int nb = rte_eth_xstats_get_names(port, NULL, 0);
	struct rte_eth_xstat_name *names = calloc((size_t)nb, sizeof(*names));
	struct rte_eth_xstat *list = calloc((size_t)nb, sizeof(*list));

	(void)state;
	assert_int_equal(port_send(port, 1, 3, 70), 3);
	assert_int_equal(rte_eth_xstats_get_names(port, names, (unsigned int)nb), nb);
	assert_int_equal(rte_eth_xstats_get(port, list, (unsigned int)nb), nb);
	for (int i = 0; i < nb; i++) {
		struct rte_eth_xstat_name name;
		uint64_t id = (uint64_t)i;
		uint64_t value;

		assert_int_equal(rte_eth_xstats_get_names_by_id(port, &name, 1, &id), 1);
		assert_string_equal(name.name, names[i].name);
		assert_int_equal(rte_eth_xstats_get_by_id(port, &id, &value, 1), 1);
		assert_int_equal(value, list[i].value);
		for (int other = 0; other < i; other++)
			assert_string_not_equal(names[other].name, names[i].name);
	}
	assert_int_equal(port_xstat(port, "rx_q2_mbuf_alloc_failed"), 0);
	assert_int_equal(port_xstat(port, "tx_q1_packets"), 3);
	free(names);
	free(list);
	port_end(port, &b, before);
}

static void
counts_of_a_queue_say_what_waits(void **state)
{
	struct resources before = resources_now();
	struct fake_device d;
	static struct fake_chain chain;
	struct rte_mbuf *pkts[8];
	uint16_t port = started_port("", (struct port_shape){.rx = 1, .tx = 1, .nb_desc = 32});

	(void)state;
	assert_int_equal(rte_eth_rx_queue_count(port, 0), 0);
	assert_int_equal(rte_eth_rx_descriptor_status(port, 0, 0), RTE_ETH_RX_DESC_AVAIL);
	assert_int_equal(rte_eth_rx_descriptor_status(port, 0, 32), -EINVAL);
	backend_device(&b, 0, &d);
	receive(port, 5, &d);
	assert_int_equal(rte_eth_rx_queue_count(port, 0), 5);
	assert_int_equal(rte_eth_rx_descriptor_status(port, 0, 4), RTE_ETH_RX_DESC_DONE);
	assert_int_equal(rte_eth_rx_descriptor_status(port, 0, 5), RTE_ETH_RX_DESC_AVAIL);
	assert_int_equal(rte_eth_rx_burst(port, 0, pkts, 3), 3);
	rte_pktmbuf_free_bulk(pkts, 3);
	assert_int_equal(rte_eth_rx_queue_count(port, 0), 2);

	assert_int_equal(rte_eth_tx_descriptor_status(port, 0, 31), RTE_ETH_TX_DESC_DONE);
	assert_int_equal(port_send(port, 0, 10, 60), 10);
	assert_int_equal(rte_eth_tx_descriptor_status(port, 0, 21), RTE_ETH_TX_DESC_DONE);
	assert_int_equal(rte_eth_tx_descriptor_status(port, 0, 22), RTE_ETH_TX_DESC_FULL);
	backend_device(&b, 1, &d);
	for (int i = 0; i < 4; i++) {
		assert_true(fake_device_take(&d, &chain));
		fake_device_use(&d, chain.head, 0);
	}
	fake_device_show(&d);
	assert_int_equal(rte_eth_tx_descriptor_status(port, 0, 25), RTE_ETH_TX_DESC_DONE);
	assert_int_equal(rte_eth_tx_descriptor_status(port, 0, 26), RTE_ETH_TX_DESC_FULL);
	assert_int_equal(rte_eth_tx_descriptor_status(port, 0, 32), -EINVAL);
	port_end(port, &b, before);
}

static void
burst_mode_names_the_variant_in_use(void **state)
{
	struct resources before = resources_now();
	struct rte_eth_burst_mode mode;
	uint16_t port = port_add("");

	(void)state;
	port_configure(port, one_pair);
	assert_int_equal(rte_eth_rx_burst_mode_get(port, 0, &mode), 0);
	assert_non_null(strstr(mode.info, "none"));
	port_remove(port);

	port = started_port("", one_pair);
	assert_int_equal(rte_eth_rx_burst_mode_get(port, 0, &mode), 0);
	assert_non_null(strstr(mode.info, "rx merge"));
	assert_int_equal(rte_eth_tx_burst_mode_get(port, 0, &mode), 0);
	assert_non_null(strstr(mode.info, "tx in_order"));
	backend_stop(&b);
	port_remove(port);

	port = started_port("mrg_rxbuf=0,in_order=0", one_pair);
	assert_int_equal(rte_eth_rx_burst_mode_get(port, 0, &mode), 0);
	assert_null(strstr(mode.info, "merge"));
	assert_int_equal(rte_eth_tx_burst_mode_get(port, 0, &mode), 0);
	assert_null(strstr(mode.info, "in_order"));
	port_end(port, &b, before);
}

static void
pool_that_is_too_small_is_said_and_the_port_runs(void **state)
{
	struct resources before = resources_now();
	struct rte_mempool *few =
		rte_pktmbuf_pool_create("few", 40, 0, 0, DATA_ROOM, SOCKET_ID_ANY);
	struct rte_eth_conf conf = {0};
	uint16_t port;

	(void)state;
	assert_non_null(few);
	backend_begin(&b);
	backend_start(&b);
	port = port_add("");
	assert_int_equal(rte_eth_dev_configure(port, 1, 1, &conf), 0);
	assert_int_equal(rte_eth_rx_queue_setup(port, 0, 256, 0, NULL, few), 0);
	assert_int_equal(rte_eth_tx_queue_setup(port, 0, 256, 0, NULL), 0);
	assert_int_equal(rte_eth_dev_start(port), 0);
	UNTIL(port_up(port));
	assert_non_null(strstr(log_text(), "mempool few has"));
	backend_stop(&b);
	port_remove(port);
	rte_mempool_free(few);
	assert_null(b.complaint);
	assert_resources(before);
}

static void
dump_tells_state_features_rings_and_reason(void **state)
{
	struct resources before = resources_now();
	char *text = NULL;
	size_t bytes;
	FILE *f;
	uint16_t port = started_port("queues=2", (struct port_shape){.rx = 2, .tx = 1});

	(void)state;
	f = open_memstream(&text, &bytes);
	assert_int_equal(rte_eth_dev_priv_dump(port, f), 0);
	fflush(f);
	assert_non_null(strstr(text, sock_path));
	assert_non_null(strstr(text, "state: running"));
	assert_non_null(strstr(text, "MRG_RXBUF"));
	assert_non_null(strstr(text, "receive queue 1: started, size 256"));
	assert_non_null(strstr(text, "link: wanted up"));
	assert_non_null(strstr(text, "transmit queue 0"));
	backend_stop(&b);
	UNTIL(!port_up(port));
	rewind(f);
	assert_int_equal(rte_eth_dev_priv_dump(port, f), 0);
	fclose(f);
	assert_non_null(strstr(text, "state: absent: backend hung up"));
	free(text);
	port_end(port, &b, before);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		UNIT(infos_follow_the_arguments),
		UNIT(address_is_the_given_one_or_a_random_one),
		UNIT(everything_is_received_and_nobody_is_told_otherwise),
		UNIT(modes_that_virtio_has_not_are_refused),
		UNIT(queue_set_up_refuses_what_cannot_work),
		UNIT(mtu_has_to_fit_and_is_told_to_the_backend),
		UNIT(wish_for_more_descriptors_than_the_ring_has_is_cut_down),
		UNIT(fewer_descriptors_than_the_ring_bound_what_is_outstanding),
		UNIT(counters_count_and_reset_without_touching_the_queue),
		UNIT(xstats_have_a_name_each_and_agree_by_id_and_by_list),
		UNIT(counts_of_a_queue_say_what_waits),
		UNIT(burst_mode_names_the_variant_in_use),
		UNIT(pool_that_is_too_small_is_said_and_the_port_runs),
		UNIT(dump_tells_state_features_rings_and_reason),
	};

	fixture_start();
	return fixture_end(RUN_UNITS("pmd_ethdev", tests));
}
