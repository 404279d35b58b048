/* SPDX-License-Identifier: BSD-3-Clause */
/* A port finds a backend and hands it its rings. */
#include "fixture.h"

#include <rte_cycles.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

static struct backend b;

static const struct port_shape one_pair = {.rx = 1, .tx = 1};

static void
rings_are_handed_over_in_the_order_of_the_standard(void **state)
{
	struct resources before = resources_now();
	struct backend_entry last;
	uint16_t port;
	int driver_ok = -1;

	(void)state;
	backend_begin(&b);
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
	port_end(port, &b, before);
}

static void
rings_beyond_the_configured_queues_are_not_set_up(void **state)
{
	struct resources before = resources_now();
	uint16_t port;

	(void)state;
	backend_begin(&b);
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
	port_end(port, &b, before);
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

		backend_begin(&b);
		backend_start(&b);
		port = port_add("queues=3");
		port_configure(port, shapes[i]);
		assert_int_equal(rte_eth_dev_start(port), 0);
		UNTIL(port_up(port));
		assert_int_equal(backend_live(&b), rings[i]);
		assert_true(b.rings[0].enabled && b.rings[1].enabled);
		port_end(port, &b, before);
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
	backend_begin(&b);
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
	port_end(port, &b, before);
}

static void
absence_is_said_once(void **state)
{
	struct resources before = resources_now();
	const char *line;
	uint16_t port;

	(void)state;
	backend_begin(&b);
	port = port_add("");
	UNTIL(strstr(log_text(), "no backend at") != NULL);
	rte_delay_us_sleep(350 * 1000);
	line = strstr(log_text(), "no backend at");
	assert_null(strstr(line + 1, "no backend at"));
	port_end(port, &b, before);
}

static void
server_serves_one_backend_after_the_other(void **state)
{
	struct resources before = resources_now();
	struct backend second;
	uint16_t port;

	(void)state;
	backend_begin(&b);
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
	port_end(port, &b, before);
}

static void
wait_lets_probe_wait_for_a_backend(void **state)
{
	struct resources before = resources_now();
	uint16_t port;

	(void)state;
	backend_begin(&b);
	backend_start(&b);
	port = port_add("wait=60");
	/* It was there, and had said what it is, when probe came back. */
	assert_int_equal(backend_seen(&b, B_GET_QUEUE_NUM, NULL), 1);
	port_end(port, &b, before);

	backend_begin(&b);
	port = port_add("wait=1");
	assert_non_null(strstr(log_text(), "no backend within 1 s"));
	port_end(port, &b, before);
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
	};

	fixture_start();
	return fixture_end(RUN_UNITS("pmd_life", tests));
}
