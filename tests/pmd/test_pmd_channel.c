/* SPDX-License-Identifier: BSD-3-Clause */
/* A running port whose backend misuses the channel on which it may tell of changes. */
#include "control.h"

#include <rte_cycles.h>
#include <rte_ethdev.h>

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

static struct backend b;

static const struct port_shape one_pair = {.rx = 1, .tx = 1};

static void
garbage_on_the_channel_costs_its_sender_the_channel_and_nothing_else(void **state)
{
	static const uint32_t garbage[] = {2, 0x7, 0xffffffff};
	struct resources before = resources_now();
	uint16_t port;

	(void)state;
	control_begin(&b, 1);
	port = control_start(&b, one_pair);
	assert_int_equal(backend_channel_send(&b, garbage, sizeof(garbage)), 0);
	UNTIL(strstr(log_text(), "backend sent garbage on its channel") != NULL);
	UNTIL(backend_status(&b, 0) != 0);
	assert_true(port_up(port));
	assert_int_equal(control_apply(port, &promisc_off), 0);
	assert_int_equal(b.connections, 1);
	assert_int_equal(port_send(port, 0, 3, 60), 3);
	port_end(port, &b, before);
}

static void
backend_that_closes_the_channel_is_served_as_before(void **state)
{
	struct resources before = resources_now();
	uint16_t port;

	(void)state;
	control_begin(&b, 1);
	port = control_start(&b, one_pair);
	pthread_mutex_lock(&b.lock);
	shutdown(b.channel, SHUT_RDWR);
	pthread_mutex_unlock(&b.lock);
	UNTIL(strstr(log_text(), "backend closed its channel") != NULL);
	assert_int_equal(control_apply(port, &promisc_off), 0);
	assert_true(port_up(port));
	assert_int_equal(rte_eth_dev_stop(port), 0);
	assert_int_equal(rte_eth_dev_start(port), 0);
	assert_true(port_up(port));
	port_end(port, &b, before);
}

static void
backend_that_takes_no_channel_is_served_without_one(void **state)
{
	struct resources before = resources_now();
	uint16_t port;

	(void)state;
	control_begin(&b, 1);
	b.refuse_at = B_SET_BACKEND_REQ_FD;
	port = control_start(&b, one_pair);
	assert_int_not_equal(backend_status(&b, 0), 0);
	assert_int_equal(control_apply(port, &promisc_off), 0);
	port_end(port, &b, before);
}

static void
flood_of_changes_leaves_the_port_in_working_order(void **state)
{
	struct resources before = resources_now();
	unsigned int restarts = 0;
	uint64_t sent = 0;
	uint16_t port;

	(void)state;
	control_begin(&b, 1);
	port = control_start(&b, one_pair);
	while (port_xstat(port, "control_config_changes") < 300) {
		/* As many as fit, all the time. */
		while (backend_status(&b, sent % 2 == 0 ? 1 : 3) == 0)
			sent++;
		assert_int_equal(
			control_apply(port, sent % 2 == 0 ? &promisc_on : &promisc_off), 0);
		if (++restarts % 16 == 0) {
			assert_int_equal(rte_eth_dev_stop(port), 0);
			assert_int_equal(rte_eth_dev_start(port), 0);
		}
	}
	assert_true(sent > 300);
	assert_int_equal(b.connections, 1);
	UNTIL(port_up(port));
	port_end(port, &b, before);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		UNIT(garbage_on_the_channel_costs_its_sender_the_channel_and_nothing_else),
		UNIT(backend_that_closes_the_channel_is_served_as_before),
		UNIT(backend_that_takes_no_channel_is_served_without_one),
		UNIT(flood_of_changes_leaves_the_port_in_working_order),
	};

	fixture_start();
	return fixture_end(RUN_UNITS("pmd_channel", tests));
}
