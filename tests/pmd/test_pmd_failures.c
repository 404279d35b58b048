/* SPDX-License-Identifier: BSD-3-Clause */
/* Backends that fall silent, hang up, refuse or talk nonsense, at every request. */
#include "fixture.h"
#include "transport.h"

#include <rte_cycles.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

static struct backend b;

static const struct port_shape one_pair = {.rx = 1, .tx = 1};

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

		backend_begin(&b);
		spoil(answered[i]);
		backend_start(&b);
		port = port_add("");
		port_configure(port, one_pair);
		assert_int_equal(rte_eth_dev_start(port), 0);
		UNTIL(port_xstat(port, counter) > 0);
		assert_false(port_up(port));
		backend_stop(&b);

		backend_begin(&b);
		backend_start(&b);
		UNTIL(port_up(port));
		assert_int_equal(port_send(port, 0, 3, 60), 3);
		port_end(port, &b, before);
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
	fail_then_serve(spoil_refuse, "backend_errors");
}

static void
mute_backend_does_not_keep_the_port_from_stopping(void **state)
{
	static const uint32_t requests[] = {B_SET_VRING_ENABLE, B_GET_VRING_BASE, B_SET_STATUS};

	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(requests); i++) {
		struct resources before = resources_now();
		uint16_t port;

		backend_begin(&b);
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
		UNTIL(b.connections == 2);
		assert_non_null(strstr(log_text(), "mute"));
		port_end(port, &b, before);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		UNIT(mute_backend_is_given_up_at_any_request),
		UNIT(hang_up_at_any_request_is_survived),
		UNIT(refusal_or_garbage_at_any_request_is_survived),
		UNIT(mute_backend_does_not_keep_the_port_from_stopping),
	};

	fixture_start();
	return fixture_end(RUN_UNITS("pmd_failures", tests));
}
