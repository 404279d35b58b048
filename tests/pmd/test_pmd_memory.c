/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory that comes and goes while a backend uses it. Needs some hugepages of 2 MiB. */
#include "fixture.h"
#include "transport.h"

#include <rte_cycles.h>
#include <rte_malloc.h>

#include <stdio.h>
#include <string.h>

#define PAGE (2u << 20)

static struct backend b;

static uint16_t
started_port(void)
{
	uint16_t port;

	backend_begin(&b);
	backend_start(&b);
	port = port_add("");
	port_configure(port, (struct port_shape){.rx = 1, .tx = 1});
	assert_int_equal(rte_eth_dev_start(port), 0);
	UNTIL(port_up(port));
	return port;
}

static void
backend_knows_new_memory_before_it_is_used(void **state)
{
	struct resources before = resources_now();
	uint16_t port = started_port();
	const unsigned int tables = backend_seen(&b, B_SET_MEM_TABLE, NULL);

	(void)state;
	for (unsigned int i = 1; i <= 20; i++) {
		uint8_t *mem = rte_malloc(NULL, 8 * PAGE, 0);
		uint8_t *theirs;

		assert_non_null(mem);
		/* Acknowledged, so it is there already. */
		assert_true(backend_seen(&b, B_SET_MEM_TABLE, NULL) >= tables + i);
		mem[8 * PAGE - 1] = (uint8_t)i;
		theirs = backend_at(&b, (uintptr_t)mem, 8 * PAGE);
		assert_non_null(theirs);
		assert_ptr_not_equal(theirs, mem);
		assert_int_equal(theirs[8 * PAGE - 1], i);
		rte_free(mem);
		assert_null(backend_at(&b, (uintptr_t)mem + PAGE, 4 * PAGE));
	}
	assert_true(port_up(port));
	assert_int_equal(port_xstat(port, "backend_running"), 1);
	port_end(port, &b, before);
}

static void
frames_of_new_memory_are_sent(void **state)
{
	struct resources before = resources_now();
	struct fake_device d;
	static struct fake_chain chain;
	uint16_t port = started_port();
	struct rte_mempool *late =
		rte_pktmbuf_pool_create("late", 8191, 0, 0, DATA_ROOM, SOCKET_ID_ANY);
	struct rte_mbuf *m;

	(void)state;
	assert_non_null(late);
	backend_device(&b, 1, &d);
	for (unsigned int i = 0; i < 64; i++) {
		uint8_t *frame;

		m = rte_pktmbuf_alloc(late);
		assert_non_null(m);
		memset(rte_pktmbuf_append(m, 60), (int)i, 60);
		assert_int_equal(rte_eth_tx_burst(port, 0, &m, 1), 1);
		assert_true(fake_device_take(&d, &chain));
		assert_int_equal(chain.read_bytes, 72);
		frame = backend_at(&b, chain.parts[0].addr, 72);
		assert_non_null(frame);
		assert_int_equal(frame[12], i);
		assert_int_equal(frame[71], i);
		fake_device_use(&d, chain.head, 0);
		fake_device_show(&d);
	}
	assert_null(d.complaint);
	backend_stop(&b);
	port_remove(port);
	rte_mempool_free(late);
	assert_null(b.complaint);
	assert_resources(before);
}

static void
mute_backend_does_not_keep_memory_from_coming(void **state)
{
	struct resources before = resources_now();
	uint16_t port = started_port();
	void *mem;

	(void)state;
	vhost_user_reply_ms = 100;
	b.mute_at = B_SET_MEM_TABLE;
	mem = rte_malloc(NULL, 8 * PAGE, 0);
	assert_non_null(mem);
	UNTIL(!port_up(port));
	b.mute_at = 0;
	UNTIL(port_up(port));
	vhost_user_reply_ms = 2000;
	rte_free(mem);
	port_end(port, &b, before);
}

/* Every second piece of a row is given back: more pieces than a backend takes. */
static void
memory_in_too_many_pieces_takes_the_link_down_until_it_is_whole(void **state)
{
	struct resources before = resources_now();
	uint16_t port = started_port();
	void *pieces[20];

	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(pieces); i++) {
		pieces[i] = rte_malloc(NULL, 3 * PAGE, 0);
		assert_non_null(pieces[i]);
	}
	assert_true(port_up(port));
	for (unsigned int i = 0; i < RTE_DIM(pieces); i += 2)
		rte_free(pieces[i]);
	UNTIL(!port_up(port));
	UNTIL(strstr(log_text(), "--single-file-segments") != NULL);
	for (unsigned int i = 1; i < RTE_DIM(pieces); i += 2)
		rte_free(pieces[i]);
	UNTIL(port_up(port));
	port_end(port, &b, before);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		UNIT(backend_knows_new_memory_before_it_is_used),
		UNIT(frames_of_new_memory_are_sent),
		UNIT(mute_backend_does_not_keep_memory_from_coming),
		UNIT(memory_in_too_many_pieces_takes_the_link_down_until_it_is_whole),
	};

	if (!fixture_start_huge()) {
		printf("1..0 # SKIP 256 MiB in hugepages of 2 MiB are not free\n");
		return 0;
	}
	return fixture_end(RUN_UNITS("pmd_memory", tests));
}
