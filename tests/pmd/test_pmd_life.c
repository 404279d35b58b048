/* SPDX-License-Identifier: BSD-3-Clause */
/* A port's life with backends that come, go, lack something, say nothing or lie. */
#include "fixture.h"
#include "transport.h"

#include <rte_cycles.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

static struct backend b;

static void
begin(void)
{
	log_forget();
	backend_init(&b, sock_path);
}

/* Nothing may be left of port and backend. */
static void
end(uint16_t port, struct resources before)
{
	backend_stop(&b);
	port_remove(port);
	assert_null(b.complaint);
	assert_resources(before);
}

static const struct port_shape one_pair = {.rx = 1, .tx = 1};

static void
rings_are_handed_over_in_the_order_of_the_standard(void **state)
{
	struct resources before = resources_now();
	struct backend_entry last;
	uint16_t port;
	int driver_ok = -1;

	(void)state;
	begin();
	backend_start(&b);
	port = port_add("queues=4,queue_size=128,in_order=1");
	port_configure(port, (struct port_shape){.rx = 4, .tx = 4});
	/* Nothing is acknowledged before the port is started. */
	UNTIL(backend_seen(&b, B_GET_QUEUE_NUM, NULL) == 1);
	assert_int_equal(backend_seen(&b, B_SET_FEATURES, NULL), 0);
	assert_int_equal(rte_eth_dev_start(port), 0);
	assert_true(port_up(port));

	assert_int_equal(b.acked, B_F_MTU | B_F_MRG_RXBUF | B_F_MQ | B_F_INDIRECT |
					  B_F_PROTOCOL_FEATURES | B_F_VERSION_1 | B_F_IN_ORDER);
	assert_int_equal(b.acked_protocol, B_P_USUAL);
	assert_int_equal(b.status, 1 | 2 | 8 | 4);
	assert_int_equal(backend_live(&b), 8);
	assert_int_equal(backend_seen(&b, B_SET_OWNER, NULL), 1);
	assert_int_equal(backend_seen(&b, B_NET_SET_MTU, &last), 1);
	assert_int_equal(last.value, 1500);
	assert_true(backend_first(&b, B_GET_FEATURES, 0) < backend_first(&b, B_SET_OWNER, 0));
	assert_true(backend_first(&b, B_SET_STATUS, 1 | 2) <
		    backend_first(&b, B_SET_FEATURES, (uint32_t)b.acked));
	assert_true(backend_first(&b, B_SET_FEATURES, (uint32_t)b.acked) <
		    backend_first(&b, B_SET_STATUS, 1 | 2 | 8));
	assert_true(
		backend_first(&b, B_SET_STATUS, 1 | 2 | 8) < backend_first(&b, B_GET_STATUS, 0));
	driver_ok = backend_first(&b, B_SET_STATUS, 1 | 2 | 8 | 4);
	for (uint32_t i = 0; i < 8; i++) {
		int num = backend_first(&b, B_SET_VRING_NUM, i);
		int base = backend_first(&b, B_SET_VRING_BASE, i);
		int addr = backend_first(&b, B_SET_VRING_ADDR, i);
		int call = backend_first(&b, B_SET_VRING_CALL, i);
		int kick = backend_first(&b, B_SET_VRING_KICK, i);
		int enable = backend_first(&b, B_SET_VRING_ENABLE, i);

		assert_true(backend_first(&b, B_SET_MEM_TABLE, b.nb_regions) < num);
		assert_true(num >= 0 && num < addr && num < base && base < kick);
		assert_true(addr < kick && call < kick && kick < enable && enable < driver_ok);
		assert_int_equal(b.rings[i].size, 128);
		assert_int_equal(b.rings[i].base, 0);
	}
	end(port, before);
}

static void
rings_beyond_the_configured_queues_are_not_set_up(void **state)
{
	struct resources before = resources_now();
	uint16_t port;

	(void)state;
	begin();
	backend_start(&b);
	port = port_add("queues=4");
	port_configure(port, (struct port_shape){.rx = 2, .tx = 2});
	assert_int_equal(rte_eth_dev_start(port), 0);
	UNTIL(port_up(port));
	assert_int_equal(backend_live(&b), 4);
	assert_int_equal(backend_first(&b, B_SET_VRING_NUM, 4), -1);
	assert_int_equal(backend_first(&b, B_SET_VRING_KICK, 4), -1);

	/* Fewer after a restart: without MQ, and the others stay with us. */
	assert_int_equal(rte_eth_dev_stop(port), 0);
	assert_int_equal(backend_live(&b), 0);
	backend_forget(&b);
	port_configure(port, one_pair);
	assert_int_equal(rte_eth_dev_start(port), 0);
	assert_true(port_up(port));
	assert_int_equal(backend_live(&b), 2);
	assert_int_equal(b.acked & B_F_MQ, 0);
	end(port, before);
}

static void
pair_0_is_whole_also_for_a_port_that_only_sends_or_receives(void **state)
{
	static const struct port_shape shapes[] = {{.tx = 1}, {.rx = 1}, {.rx = 1, .tx = 3}};
	static const unsigned int rings[] = {2, 2, 4};

	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(shapes); i++) {
		struct resources before = resources_now();
		uint16_t port;

		begin();
		backend_start(&b);
		port = port_add("queues=3");
		port_configure(port, shapes[i]);
		assert_int_equal(rte_eth_dev_start(port), 0);
		UNTIL(port_up(port));
		assert_int_equal(backend_live(&b), rings[i]);
		assert_true(b.rings[0].enabled && b.rings[1].enabled);
		end(port, before);
	}
}

static void
port_lives_without_a_backend_until_one_comes(void **state)
{
	struct resources before = resources_now();
	struct rte_eth_dev_info info;
	struct rte_mbuf *m;
	uint16_t port;

	(void)state;
	begin();
	port = port_add("queues=2");
	assert_int_equal(rte_eth_dev_info_get(port, &info), 0);
	assert_int_equal(info.max_rx_queues, 2);
	port_configure(port, one_pair);
	assert_int_equal(rte_eth_dev_start(port), 0);
	assert_false(port_up(port));
	assert_int_equal(rte_eth_rx_burst(port, 0, &m, 1), 0);
	assert_int_equal(port_send(port, 0, 1, 60), 0);
	UNTIL(strstr(log_text(), sock_path) != NULL);
	assert_int_equal(port_xstat(port, "backend_attached"), 0);

	backend_start(&b);
	UNTIL(port_up(port));
	assert_int_equal(port_send(port, 0, 1, 60), 1);
	assert_int_equal(port_xstat(port, "backend_running"), 1);
	end(port, before);
}

static void
absence_is_said_once(void **state)
{
	struct resources before = resources_now();
	const char *line;
	uint16_t port;

	(void)state;
	begin();
	port = port_add("");
	UNTIL(strstr(log_text(), "no backend at") != NULL);
	rte_delay_us_sleep(350 * 1000);
	line = strstr(log_text(), "no backend at");
	assert_null(strstr(line + 1, "no backend at"));
	end(port, before);
}

static void
server_serves_one_backend_after_the_other(void **state)
{
	struct resources before = resources_now();
	struct backend second;
	uint16_t port;

	(void)state;
	begin();
	b.connects = true;
	port = port_add("server=1");
	port_configure(port, one_pair);
	assert_int_equal(rte_eth_dev_start(port), 0);
	backend_start(&b);
	UNTIL(port_up(port));

	/* It waits its turn. */
	backend_init(&second, sock_path);
	second.connects = true;
	backend_start(&second);
	UNTIL(second.connected);
	rte_delay_us_sleep(20000);
	assert_int_equal(backend_seen(&second, B_GET_FEATURES, NULL), 0);
	assert_true(port_up(port));
	backend_stop(&b);
	UNTIL(backend_live(&second) == 2);
	UNTIL(port_up(port));
	assert_null(second.complaint);
	backend_stop(&second);
	end(port, before);
}

static void
wait_lets_probe_wait_for_a_backend(void **state)
{
	struct resources before = resources_now();
	uint16_t port;

	(void)state;
	begin();
	backend_start(&b);
	port = port_add("wait=60");
	/* It was there, and had said what it is, when probe came back. */
	assert_int_equal(backend_seen(&b, B_GET_QUEUE_NUM, NULL), 1);
	end(port, before);

	begin();
	port = port_add("wait=1");
	assert_non_null(strstr(log_text(), "no backend within 1 s"));
	end(port, before);
}

/*
 * Backends that lack something.
 */

static void
backend_without_version_1_is_legacy_and_gets_nothing(void **state)
{
	struct resources before = resources_now();
	uint16_t port;

	(void)state;
	begin();
	b.features &= ~B_F_VERSION_1;
	backend_start(&b);
	port = port_add("");
	port_configure(port, one_pair);
	assert_int_equal(rte_eth_dev_start(port), 0);
	UNTIL(strstr(log_text(), "legacy") != NULL);
	assert_false(port_up(port));
	assert_int_equal(backend_seen(&b, B_SET_FEATURES, NULL), 0);
	assert_int_equal(backend_seen(&b, B_SET_MEM_TABLE, NULL), 0);
	assert_int_equal(port_xstat(port, "backend_refusals"), 1);
	end(port, before);
}

static void
backend_with_too_few_queues_is_refused_by_numbers(void **state)
{
	struct resources before = resources_now();
	uint16_t port;

	(void)state;
	begin();
	b.pairs = 2;
	backend_start(&b);
	port = port_add("queues=4");
	port_configure(port, (struct port_shape){.rx = 3, .tx = 1});
	assert_int_equal(rte_eth_dev_start(port), 0);
	UNTIL(strstr(log_text(), "port has 3 queue pairs, backend serves 2") != NULL);
	assert_false(port_up(port));

	/* As many as there are: served, on the same connection. */
	assert_int_equal(rte_eth_dev_stop(port), 0);
	port_configure(port, (struct port_shape){.rx = 2, .tx = 2});
	assert_int_equal(rte_eth_dev_start(port), 0);
	assert_true(port_up(port));
	assert_int_equal(b.connections, 1);
	end(port, before);
}

static void
backend_without_mq_serves_one_pair_only(void **state)
{
	struct resources before = resources_now();
	uint16_t port;

	(void)state;
	begin();
	b.features &= ~B_F_MQ;
	backend_start(&b);
	port = port_add("queues=2");
	port_configure(port, (struct port_shape){.rx = 2, .tx = 2});
	assert_int_equal(rte_eth_dev_start(port), 0);
	UNTIL(strstr(log_text(), "backend serves 1") != NULL);
	assert_false(port_up(port));
	end(port, before);
}

static void
backend_without_mergeable_buffers_cannot_serve_big_frames(void **state)
{
	struct resources before = resources_now();
	uint16_t port;

	(void)state;
	begin();
	b.features &= ~B_F_MRG_RXBUF;
	backend_start(&b);
	port = port_add("");
	port_configure(port,
		(struct port_shape){
			.rx = 1, .tx = 1, .mtu = 9000, .rx_offloads = RTE_ETH_RX_OFFLOAD_SCATTER});
	assert_int_equal(rte_eth_dev_start(port), 0);
	UNTIL(strstr(log_text(), "MTU 9000 needs several buffers") != NULL);
	assert_false(port_up(port));
	assert_int_equal(rte_eth_dev_stop(port), 0);
	assert_int_equal(rte_eth_dev_set_mtu(port, 1500), 0);
	assert_int_equal(rte_eth_dev_start(port), 0);
	assert_true(port_up(port));
	/* Not while it runs with such a backend. */
	assert_int_equal(rte_eth_dev_set_mtu(port, 9000), -EINVAL);
	end(port, before);
}

static void
backend_that_takes_features_back_is_refused(void **state)
{
	struct resources before = resources_now();
	uint16_t port;

	(void)state;
	begin();
	b.no_features_ok = true;
	backend_start(&b);
	port = port_add("");
	port_configure(port, one_pair);
	assert_int_equal(rte_eth_dev_start(port), 0);
	UNTIL(strstr(log_text(), "did not accept the features") != NULL);
	assert_false(port_up(port));
	assert_int_equal(backend_seen(&b, B_SET_MEM_TABLE, NULL), 0);
	end(port, before);
}

static void
later_backend_has_to_have_what_is_in_use(void **state)
{
	static const struct {
		uint64_t feature;
		const char *name;
	} used[] = {
		{B_F_MRG_RXBUF, "lacks MRG_RXBUF"},
		{B_F_IN_ORDER, "lacks IN_ORDER"},
		{B_F_INDIRECT, "lacks INDIRECT_DESC"},
		{B_F_VERSION_1, "legacy"},
	};

	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(used); i++) {
		struct resources before = resources_now();
		uint16_t port;

		begin();
		backend_start(&b);
		port = port_add("");
		port_configure(port, one_pair);
		assert_int_equal(rte_eth_dev_start(port), 0);
		UNTIL(port_up(port));
		backend_stop(&b);
		UNTIL(!port_up(port));

		begin();
		b.features &= ~used[i].feature;
		backend_start(&b);
		UNTIL(strstr(log_text(), used[i].name) != NULL);
		assert_false(port_up(port));
		assert_int_equal(backend_seen(&b, B_SET_MEM_TABLE, NULL), 0);

		/* Reconfigured the port does without, but for VERSION_1. */
		assert_int_equal(rte_eth_dev_stop(port), 0);
		assert_int_equal(rte_eth_dev_start(port), 0);
		assert_int_equal(port_up(port), used[i].feature != B_F_VERSION_1);
		end(port, before);
	}
}

static void
later_backend_may_offer_more_without_changing_the_port(void **state)
{
	struct resources before = resources_now();
	uint64_t first;
	uint16_t port;

	(void)state;
	begin();
	b.features &= ~(B_F_MRG_RXBUF | B_F_IN_ORDER | B_F_INDIRECT);
	b.protocol = B_P_MQ;
	backend_start(&b);
	port = port_add("");
	port_configure(port, one_pair);
	assert_int_equal(rte_eth_dev_start(port), 0);
	UNTIL(port_up(port));
	first = b.acked;
	assert_int_equal(first, B_F_VERSION_1 | B_F_PROTOCOL_FEATURES);
	backend_stop(&b);
	UNTIL(!port_up(port));

	begin();
	backend_start(&b);
	UNTIL(port_up(port));
	/* The MTU is not the data path's business. */
	assert_int_equal(b.acked & ~B_F_MTU, first);
	end(port, before);
}

static void
backend_without_protocol_features_is_served(void **state)
{
	struct resources before = resources_now();
	uint16_t port;

	(void)state;
	begin();
	b.features &= ~B_F_PROTOCOL_FEATURES;
	backend_start(&b);
	port = port_add("");
	port_configure(port, one_pair);
	assert_int_equal(rte_eth_dev_start(port), 0);
	UNTIL(port_up(port));
	assert_int_equal(backend_seen(&b, B_GET_PROTOCOL_FEATURES, NULL), 0);
	assert_int_equal(backend_seen(&b, B_SET_VRING_ENABLE, NULL), 0);
	assert_int_equal(backend_seen(&b, B_SET_STATUS, NULL), 0);
	assert_true(b.rings[0].started && b.rings[1].started);
	end(port, before);
}

/*
 * Backends that fail.
 */

static const uint32_t answered[] = {B_GET_FEATURES, B_GET_PROTOCOL_FEATURES, B_SET_OWNER,
	B_GET_QUEUE_NUM, B_SET_STATUS, B_SET_FEATURES, B_GET_STATUS, B_SET_MEM_TABLE, B_NET_SET_MTU,
	B_SET_VRING_NUM, B_SET_VRING_BASE, B_SET_VRING_ADDR, B_SET_VRING_CALL, B_SET_VRING_KICK,
	B_SET_VRING_ENABLE};

/* First a backend that fails, then a good one: the port ends up with the link up. */
static void
fail_then_serve(void (*spoil)(uint32_t request), const char *counter)
{
	for (unsigned int i = 0; i < RTE_DIM(answered); i++) {
		struct resources before = resources_now();
		uint16_t port;

		begin();
		spoil(answered[i]);
		backend_start(&b);
		port = port_add("");
		port_configure(port, one_pair);
		assert_int_equal(rte_eth_dev_start(port), 0);
		UNTIL(port_xstat(port, counter) > 0);
		assert_false(port_up(port));
		backend_stop(&b);

		begin();
		backend_start(&b);
		UNTIL(port_up(port));
		assert_int_equal(port_send(port, 0, 3, 60), 3);
		end(port, before);
	}
}

static void
spoil_mute(uint32_t request)
{
	b.mute_at = request;
}

static void
spoil_hang_up(uint32_t request)
{
	b.hang_up_at = request;
}

static void
spoil_refuse(uint32_t request)
{
	/* A question is not refused, it is answered by garbage. */
	if (request == B_GET_FEATURES || request == B_GET_PROTOCOL_FEATURES ||
		request == B_GET_QUEUE_NUM || request == B_GET_STATUS)
		b.garbage_at = request;
	else
		b.refuse_at = request;
}

/* A good backend may be late, too: then it is given up and found again. */
static void
short_of_patience(void)
{
	vhost_user_reply_ms = 40;
}

static void
patient_again(void)
{
	vhost_user_reply_ms = 2000;
}

static void
mute_backend_is_given_up_at_any_request(void **state)
{
	(void)state;
	short_of_patience();
	fail_then_serve(spoil_mute, "backend_timeouts");
	patient_again();
}

static void
hang_up_at_any_request_is_survived(void **state)
{
	(void)state;
	fail_then_serve(spoil_hang_up, "backend_hang_ups");
}

static void
refusal_or_garbage_at_any_request_is_survived(void **state)
{
	(void)state;
	fail_then_serve(spoil_refuse, "backend_hang_ups");
}

static void
mute_backend_does_not_keep_the_port_from_stopping(void **state)
{
	static const uint32_t requests[] = {B_SET_VRING_ENABLE, B_GET_VRING_BASE, B_SET_STATUS};

	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(requests); i++) {
		struct resources before = resources_now();
		uint16_t port;

		begin();
		backend_start(&b);
		port = port_add("");
		port_configure(port, one_pair);
		assert_int_equal(rte_eth_dev_start(port), 0);
		UNTIL(port_up(port));
		assert_int_equal(port_send(port, 0, 5, 60), 5);
		short_of_patience();
		b.mute_at = requests[i];
		assert_int_equal(rte_eth_dev_stop(port), 0);
		assert_false(port_up(port));
		patient_again();
		/* All buffers are back, and the backend was sent away. */
		assert_int_equal(rte_mempool_in_use_count(pool), before.mbufs);
		UNTIL(!b.connected);
		assert_non_null(strstr(log_text(), "mute"));
		end(port, before);
	}
}

/*
 * Stop, start, coming back.
 */

static void
stop_takes_every_ring_back_from_the_backend(void **state)
{
	struct resources before = resources_now();
	uint16_t port;

	(void)state;
	begin();
	backend_start(&b);
	port = port_add("queues=2");
	port_configure(port, (struct port_shape){.rx = 2, .tx = 2});
	assert_int_equal(rte_eth_dev_start(port), 0);
	UNTIL(port_up(port));
	assert_int_equal(port_send(port, 1, 7, 60), 7);
	backend_forget(&b);
	assert_int_equal(rte_eth_dev_stop(port), 0);
	for (uint32_t i = 0; i < 4; i++) {
		assert_true(backend_first(&b, B_SET_VRING_ENABLE, i) >= 0);
		assert_true(backend_last(&b, B_SET_VRING_ENABLE, i) <
			    backend_first(&b, B_GET_VRING_BASE, 0));
		assert_true(backend_first(&b, B_GET_VRING_BASE, i) >= 0);
		assert_false(b.rings[i].started);
	}
	assert_int_equal(b.status, 0);
	assert_int_equal(rte_mempool_in_use_count(pool), before.mbufs);
	assert_true(b.connected);
	end(port, before);
}

static void
hundred_restarts_begin_at_0_and_lose_nothing(void **state)
{
	struct resources before = resources_now();
	struct resources running = {0};
	uint16_t port;

	(void)state;
	begin();
	backend_start(&b);
	port = port_add("queues=2");
	port_configure(port, (struct port_shape){.rx = 2, .tx = 2});
	for (int n = 0; n < 100; n++) {
		struct fake_device d;
		struct fake_chain chain;

		assert_int_equal(rte_eth_dev_start(port), 0);
		UNTIL(port_up(port));
		if (n == 0)
			running = resources_now();
		assert_resources(running);
		assert_int_equal(b.rings[1].base, 0);
		assert_int_equal(port_send(port, 0, 3, 60), 3);
		backend_device(&b, 1, &d);
		assert_true(fake_device_take(&d, &chain));
		fake_device_use(&d, chain.head, 0);
		fake_device_show(&d);
		assert_int_equal(rte_eth_dev_stop(port), 0);
		assert_int_equal(rte_mempool_in_use_count(pool), before.mbufs);
	}
	assert_int_equal(b.connections, 1);
	end(port, before);
}

/* What a receive ring got and a transmit ring sent, by the device that was there. */
static void
receive_frames(uint16_t port, uint32_t ring, unsigned int nb)
{
	static struct fake_device d;
	static struct fake_chain chain;
	struct rte_mbuf *m;

	backend_device(&b, ring, &d);
	for (unsigned int i = 0; i < nb; i++) {
		uint8_t *buf;

		assert_true(fake_device_take(&d, &chain));
		buf = backend_at(&b, chain.parts[0].addr, chain.parts[0].len);
		assert_non_null(buf);
		memset(buf, 0, 12);
		buf[10] = 1;
		memset(buf + 12, (int)i + 1, 60);
		fake_device_use(&d, chain.head, 12 + 60);
		fake_device_show(&d);
		assert_int_equal(rte_eth_rx_burst(port, ring / 2, &m, 1), 1);
		assert_int_equal(m->pkt_len, 60);
		assert_int_equal(*rte_pktmbuf_mtod(m, uint8_t *), i + 1);
		rte_pktmbuf_free(m);
	}
	assert_null(d.complaint);
}

static unsigned int
take_frames(uint32_t ring, unsigned int nb, bool use)
{
	static struct fake_device d;
	static struct fake_chain chain;
	unsigned int n = 0;

	backend_device(&b, ring, &d);
	while (n < nb && fake_device_take(&d, &chain)) {
		n++;
		if (use)
			fake_device_use(&d, chain.head, 0);
	}
	if (use)
		fake_device_show(&d);
	assert_null(d.complaint);
	return n;
}

static void
next_backend_goes_on_at_the_used_index(void **state)
{
	struct resources before = resources_now();
	uint16_t port;

	(void)state;
	begin();
	backend_start(&b);
	port = port_add("");
	port_configure(port, one_pair);
	assert_int_equal(rte_eth_dev_start(port), 0);
	UNTIL(port_up(port));
	receive_frames(port, 0, 5);
	assert_int_equal(port_send(port, 0, 10, 60), 10);
	assert_int_equal(take_frames(1, 4, true), 4);
	/* Taken, but never used: the next backend gets them again. */
	assert_int_equal(take_frames(1, 3, false), 3);
	backend_stop(&b);
	UNTIL(!port_up(port));
	/* The data path goes on meanwhile. */
	assert_int_equal(port_send(port, 0, 2, 60), 2);

	begin();
	backend_start(&b);
	UNTIL(port_up(port));
	assert_int_equal(b.rings[0].base, 5);
	assert_int_equal(b.rings[1].base, 4);
	assert_int_equal(take_frames(1, 100, true), 8);
	receive_frames(port, 0, 70);
	assert_int_equal(port_xstat(port, "backend_running"), 2);
	assert_int_equal(port_xstat(port, "rx_q0_packets"), 75);
	assert_int_equal(port_xstat(port, "tx_q0_packets"), 12);
	end(port, before);
}

static void
returning_backend_is_kicked_for_what_waits(void **state)
{
	struct resources before = resources_now();
	uint64_t kicks;
	uint16_t port;

	(void)state;
	begin();
	backend_start(&b);
	port = port_add("");
	port_configure(port, one_pair);
	assert_int_equal(rte_eth_dev_start(port), 0);
	UNTIL(port_up(port));
	assert_int_equal(read(b.rings[1].kick_fd, &kicks, 8), 8);
	assert_int_equal(port_send(port, 0, 1, 60), 1);
	assert_int_equal(read(b.rings[1].kick_fd, &kicks, 8), 8);
	backend_stop(&b);
	UNTIL(!port_up(port));

	begin();
	backend_start(&b);
	UNTIL(port_up(port));
	assert_int_equal(read(b.rings[0].kick_fd, &kicks, 8), 8);
	assert_int_equal(read(b.rings[1].kick_fd, &kicks, 8), 8);
	end(port, before);
}

static void
many_backends_come_and_go_without_a_trace(void **state)
{
	struct resources before = resources_now();
	struct resources idle = {0};
	uint16_t port;

	(void)state;
	begin();
	port = port_add("");
	port_configure(port, one_pair);
	assert_int_equal(rte_eth_dev_start(port), 0);
	for (unsigned int n = 0; n < 30; n++) {
		backend_start(&b);
		UNTIL(port_up(port));
		backend_stop(&b);
		UNTIL(!port_up(port));
		UNTIL(port_xstat(port, "backend_hang_ups") == n + 1);
		if (n == 0)
			idle = resources_now();
		assert_resources(idle);
	}
	end(port, before);
}

static void
backend_that_breaks_a_ring_is_sent_away_until_the_port_restarts(void **state)
{
	struct resources before = resources_now();
	struct fake_device d;
	struct rte_mbuf *m;
	uint16_t port;

	(void)state;
	begin();
	backend_start(&b);
	port = port_add("");
	port_configure(port, one_pair);
	assert_int_equal(rte_eth_dev_start(port), 0);
	UNTIL(port_up(port));
	backend_device(&b, 0, &d);
	/* Used more than there was. */
	fake_device_raw_idx(&d, 300);
	assert_int_equal(rte_eth_rx_burst(port, 0, &m, 1), 0);
	UNTIL(!port_up(port));
	UNTIL(!b.connected);
	assert_non_null(strstr(log_text(), "backend broke the ring of receive queue 0"));
	assert_int_equal(port_xstat(port, "backend_ring_faults"), 1);
	assert_int_equal(b.connections, 1);

	assert_int_equal(rte_eth_dev_stop(port), 0);
	assert_int_equal(rte_eth_dev_start(port), 0);
	UNTIL(port_up(port));
	receive_frames(port, 0, 3);
	end(port, before);
}

static int events;

static int
on_event(uint16_t port, enum rte_eth_event_type type, void *arg, void *ret)
{
	(void)arg;
	(void)ret;
	/* The application may ask the port what it likes from here. */
	assert_int_equal(type, RTE_ETH_EVENT_INTR_LSC);
	(void)port_up(port);
	__atomic_fetch_add(&events, 1, __ATOMIC_SEQ_CST);
	return 0;
}

static void
link_changes_raise_events_for_those_who_asked(void **state)
{
	struct resources before = resources_now();
	uint16_t port;

	(void)state;
	begin();
	port = port_add("");
	assert_int_equal(
		rte_eth_dev_callback_register(port, RTE_ETH_EVENT_INTR_LSC, on_event, NULL), 0);
	for (int lsc = 0; lsc < 2; lsc++) {
		struct port_shape shape = {.rx = 1, .tx = 1, .lsc = lsc};

		port_configure(port, shape);
		assert_int_equal(rte_eth_dev_start(port), 0);
		events = 0;
		backend_start(&b);
		UNTIL(port_up(port));
		UNTIL(__atomic_load_n(&events, __ATOMIC_SEQ_CST) == lsc);
		backend_stop(&b);
		UNTIL(!port_up(port));
		UNTIL(__atomic_load_n(&events, __ATOMIC_SEQ_CST) == 2 * lsc);
		assert_int_equal(rte_eth_dev_stop(port), 0);
	}
	assert_int_equal(
		rte_eth_dev_callback_unregister(port, RTE_ETH_EVENT_INTR_LSC, on_event, NULL), 0);
	end(port, before);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		UNIT(rings_are_handed_over_in_the_order_of_the_standard),
		UNIT(rings_beyond_the_configured_queues_are_not_set_up),
		UNIT(pair_0_is_whole_also_for_a_port_that_only_sends_or_receives),
		UNIT(port_lives_without_a_backend_until_one_comes),
		UNIT(absence_is_said_once),
		UNIT(server_serves_one_backend_after_the_other),
		UNIT(wait_lets_probe_wait_for_a_backend),
		UNIT(backend_without_version_1_is_legacy_and_gets_nothing),
		UNIT(backend_with_too_few_queues_is_refused_by_numbers),
		UNIT(backend_without_mq_serves_one_pair_only),
		UNIT(backend_without_mergeable_buffers_cannot_serve_big_frames),
		UNIT(backend_that_takes_features_back_is_refused),
		UNIT(later_backend_has_to_have_what_is_in_use),
		UNIT(later_backend_may_offer_more_without_changing_the_port),
		UNIT(backend_without_protocol_features_is_served),
		UNIT(mute_backend_is_given_up_at_any_request),
		UNIT(hang_up_at_any_request_is_survived),
		UNIT(refusal_or_garbage_at_any_request_is_survived),
		UNIT(mute_backend_does_not_keep_the_port_from_stopping),
		UNIT(stop_takes_every_ring_back_from_the_backend),
		UNIT(hundred_restarts_begin_at_0_and_lose_nothing),
		UNIT(next_backend_goes_on_at_the_used_index),
		UNIT(returning_backend_is_kicked_for_what_waits),
		UNIT(many_backends_come_and_go_without_a_trace),
		UNIT(backend_that_breaks_a_ring_is_sent_away_until_the_port_restarts),
		UNIT(link_changes_raise_events_for_those_who_asked),
	};

	fixture_start();
	return fixture_end(RUN_UNITS("pmd_life", tests));
}
