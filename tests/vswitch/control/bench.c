/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench.h"

#include "control/port_vhost.h"

#include <rte_eal.h>
#include <rte_malloc.h>

#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define WAIT_MS 20000 /* a hang, not a measure */

struct frontend fa, fb;

static char directory[32];
static pthread_t worker;
static bool worker_on;
static bool stop;

static void *
work(void *arg __rte_unused)
{
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED))
		vswitch_poll(0);
	return NULL;
}

void
bench_worker_start(void)
{
	stop = false;
	assert_int_equal(pthread_create(&worker, NULL, work, NULL), 0);
	worker_on = true;
}

void
bench_worker_stop(void)
{
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	if (worker_on)
		pthread_join(worker, NULL);
	worker_on = false;
}

static int
start_eal(void)
{
	static char args[][40] = {"test", "--no-huge", "--no-shconf", "-m", "64", "--no-pci",
		"--no-telemetry", "--log-level=*:error", "--log-level=lib.vhost.config:crit",
		"--log-level=user.virtq.switch:crit", "-l", "0"};
	char *argv[RTE_DIM(args)];

	for (size_t i = 0; i < RTE_DIM(args); i++)
		argv[i] = args[i];
	return rte_eal_init((int)RTE_DIM(argv), argv) < 0 ? -1 : 0;
}

int
bench_setup(void **state)
{
	static bool eal;
	struct vswitch_conf conf = {.nb_mbufs = 255, .mac_entries = 1024, .nb_workers = 1};

	(void)state;
	if (!eal && start_eal() != 0)
		return -1;
	eal = true;
	strcpy(directory, "/tmp/virtq-test-XXXXXX");
	if (mkdtemp(directory) == NULL)
		return -1;
	frontend_open(&fa);
	frontend_open(&fb);
	return vswitch_init(&conf);
}

int
bench_teardown(void **state)
{
	(void)state;
	bench_worker_stop();
	vswitch_fini();
	frontend_close(&fa);
	frontend_close(&fb);
	/* Fails, and with it the test, when a socket was left. */
	return rmdir(directory);
}

const char *
bench_path(const char *name)
{
	static char text[4][64];
	static int next;
	char *path = text[next++ % 4];

	snprintf(path, sizeof(text[0]), "%s/%s", directory, name);
	return path;
}

struct port *
bench_port_with(const char *name, struct vswitch_port_conf conf)
{
	int id;

	conf.name = name;
	conf.path = bench_path(name);
	id = vswitch_port_add(&conf);
	assert_true(id >= 0);
	return port_get((uint16_t)id);
}

struct port *
bench_port(const char *name, uint16_t pairs)
{
	return bench_port_with(name, (struct vswitch_port_conf){.pairs = pairs});
}

void
bench_poll(void)
{
	while (vswitch_poll(0) != 0)
		;
}

static void
wait_connected(const struct port *port, bool connected)
{
	const struct port_vhost *pv = port->backend;
	const struct timespec ms = {.tv_nsec = 1000000};

	for (int i = 0; i < WAIT_MS; i++) {
		if ((__atomic_load_n(&pv->vid, __ATOMIC_ACQUIRE) >= 0) == connected)
			return;
		nanosleep(&ms, NULL);
	}
	fail_msg("port %s does not get %s", port->name, connected ? "up" : "down");
}

void
bench_wait_down(const struct port *port)
{
	wait_connected(port, false);
}

void
bench_wait_up(const struct port *port)
{
	wait_connected(port, true);
}

static int64_t
receive(struct frontend *to, uint32_t rx)
{
	int64_t mark;

	while ((mark = frontend_received(to, rx)) < 0) {
		if (!worker_on)
			fail_msg("a frame is missing");
		sched_yield();
	}
	return mark;
}

void
bench_pass(struct frontend *from, uint32_t tx, struct frontend *to, uint32_t rx, uint32_t first,
	uint32_t n)
{
	uint32_t id, len;

	frontend_post(to, rx, n);
	for (uint32_t i = 0; i < n; i++)
		frontend_frame(from, tx,
			to == &fa   ? 0xa
			: to == &fb ? 0xb
				    : 0xc,
			from == &fb ? 0xb : 0xa, first + i, 60);
	if (!worker_on)
		bench_poll();
	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(receive(to, rx), first + i);
	assert_int_equal(frontend_received(to, rx), -1);
	for (uint32_t i = 0; i < n; i++) {
		while (!fake_driver_take(&from->ring[tx], &id, &len)) {
			assert_true(worker_on);
			sched_yield();
		}
		assert_int_equal(len, 0);
	}
}

uint32_t
bench_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	uint32_t nb = 0;

	assert_non_null(dir);
	while (readdir(dir) != NULL)
		nb++;
	closedir(dir);
	return nb;
}

uint32_t
bench_maps(void)
{
	FILE *f = fopen("/proc/self/maps", "r");
	char line[512];
	uint32_t nb = 0;

	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL)
		nb += strstr(line, "memfd:frontend") != NULL;
	fclose(f);
	return nb;
}

uint32_t
bench_allocations(void)
{
	struct rte_malloc_socket_stats stats;

	assert_int_equal(rte_malloc_get_socket_stats(0, &stats), 0);
	return stats.alloc_count;
}
