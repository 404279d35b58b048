/* SPDX-License-Identifier: BSD-3-Clause */
#include "fixture.h"

#include "pmd_port.h"

#include <rte_bus_vdev.h>
#include <rte_cycles.h>
#include <rte_dev.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>
#include <rte_malloc.h>
#include <rte_vect.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NB_MBUFS 2047
#define DEVICE "net_virtq_t"

struct rte_mempool *pool;
char sock_path[64];

static char directory[48];
static FILE *log_stream;
static char *log_buf;
static size_t log_bytes;
static size_t log_begin;

/* Options that all have in common, behind those that differ. */
#define COMMON "--no-pci", "--no-telemetry", "-l", "0", "--log-level", "lib.eal:error"

static void
start(const char *const *options, int nb)
{
	const char *width = getenv("VIRTQ_SIMD_WIDTH");
	char force[48];
	char *argv[17];

	/* EAL moves its arguments around, it does not write to them. */
	for (int i = 0; i < nb; i++)
		argv[i] = (char *)(uintptr_t)options[i];
	if (width != NULL) {
		snprintf(force, sizeof(force), "--force-max-simd-bitwidth=%s", width);
		argv[nb++] = force;
	}
	argv[nb] = NULL;
	snprintf(directory, sizeof(directory), "/tmp/virtq-test-XXXXXX");
	if (mkdtemp(directory) == NULL || rte_eal_init(nb, argv) < 0) {
		fprintf(stderr, "no directory below /tmp, or no EAL: %s\n",
			rte_strerror(rte_errno));
		exit(1);
	}
	if (width != NULL && rte_vect_get_max_simd_bitwidth() != atoi(width)) {
		fprintf(stderr, "registers of %u bits, not %s\n", rte_vect_get_max_simd_bitwidth(),
			width);
		exit(1);
	}
	snprintf(sock_path, sizeof(sock_path), "%s/sock", directory);
	pool = rte_pktmbuf_pool_create("pool", NB_MBUFS, 0, 0, DATA_ROOM, SOCKET_ID_ANY);
	log_stream = open_memstream(&log_buf, &log_bytes);
	if (pool == NULL || log_stream == NULL) {
		fprintf(stderr, "out of memory\n");
		exit(1);
	}
	rte_openlog_stream(log_stream);
	rte_log_set_level_pattern("pmd.net.virtq", RTE_LOG_DEBUG);
	pmd_tick_ms = 10;
	/* What ethdev allocates once and for all is not a leak of a port. */
	port_remove(port_add(""));
}

void
fixture_start(void)
{
	static const char *const options[] = {
		"test", "--no-huge", "--no-shconf", "-m", "64", COMMON};

	start(options, RTE_DIM(options));
}

bool
fixture_start_huge(void)
{
	static const char *const options[] = {
		"test", "--in-memory", "--single-file-segments", COMMON};
	FILE *f = fopen("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "r");
	int nb_free = 0;

	if (f == NULL || fscanf(f, "%d", &nb_free) != 1)
		nb_free = 0;
	if (f != NULL)
		fclose(f);
	if (nb_free < 128)
		return false;
	start(options, RTE_DIM(options));
	return true;
}

int
fixture_end(int failed)
{
	uint16_t port;

	/* Left behind by a test that failed. */
	RTE_ETH_FOREACH_DEV (port)
		(void)rte_eth_dev_stop(port);
	rte_openlog_stream(NULL);
	fclose(log_stream);
	free(log_buf);
	rte_mempool_free(pool);
	unlink(sock_path);
	rmdir(directory);
	rte_eal_cleanup();
	return failed;
}

const char *
log_text(void)
{
	fflush(log_stream);
	return log_buf + log_begin;
}

void
log_forget(void)
{
	fflush(log_stream);
	log_begin = log_bytes;
}

int
port_try(const char *args)
{
	return rte_eal_hotplug_add("vdev", DEVICE, args);
}

uint16_t
port_add(const char *more)
{
	char args[256];
	uint16_t port;

	snprintf(args, sizeof(args), "path=%s%s%s", sock_path, more[0] == '\0' ? "" : ",", more);
	assert_int_equal(port_try(args), 0);
	assert_int_equal(rte_eth_dev_get_port_by_name(DEVICE, &port), 0);
	return port;
}

void
port_remove(uint16_t port)
{
	(void)rte_eth_dev_stop(port);
	assert_int_equal(rte_eal_hotplug_remove("vdev", DEVICE), 0);
	assert_int_equal(rte_eth_dev_count_avail(), 0);
}

void
port_configure(uint16_t port, struct port_shape shape)
{
	const uint16_t nb_desc = shape.nb_desc == 0 ? 64 : shape.nb_desc;
	struct rte_eth_conf conf = {
		.rxmode.offloads = shape.rx_offloads,
		.rxmode.mtu = shape.mtu,
		.txmode.offloads = shape.tx_offloads,
		.intr_conf.lsc = shape.lsc,
		.intr_conf.rxq = shape.rx_intr,
	};

	if (shape.hash) {
		conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		conf.rxmode.offloads |= RTE_ETH_RX_OFFLOAD_RSS_HASH;
	}
	assert_int_equal(rte_eth_dev_configure(port, shape.rx, shape.tx, &conf), 0);
	for (uint16_t q = 0; q < shape.rx; q++)
		assert_int_equal(
			rte_eth_rx_queue_setup(port, q, nb_desc, SOCKET_ID_ANY, NULL, pool), 0);
	for (uint16_t q = 0; q < shape.tx; q++)
		assert_int_equal(rte_eth_tx_queue_setup(port, q, nb_desc, SOCKET_ID_ANY, NULL), 0);
}

bool
port_up(uint16_t port)
{
	struct rte_eth_link link;

	return rte_eth_link_get_nowait(port, &link) == 0 && link.link_status == RTE_ETH_LINK_UP;
}

uint64_t
port_xstat(uint16_t port, const char *name)
{
	uint64_t id;
	uint64_t value;

	assert_int_equal(rte_eth_xstats_get_id_by_name(port, name, &id), 0);
	assert_int_equal(rte_eth_xstats_get_by_id(port, &id, &value, 1), 1);
	return value;
}

uint16_t
port_send(uint16_t port, uint16_t queue, uint16_t nb, uint16_t len)
{
	uint16_t sent = 0;

	while (sent < nb) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

		assert_non_null(m);
		assert_non_null(rte_pktmbuf_append(m, len));
		memset(rte_pktmbuf_mtod(m, void *), 0x40 + sent, len);
		if (rte_eth_tx_burst(port, queue, &m, 1) == 0) {
			rte_pktmbuf_free(m);
			break;
		}
		sent++;
	}
	return sent;
}

static unsigned int
entries(const char *path)
{
	DIR *d = opendir(path);
	unsigned int n = 0;

	assert_non_null(d);
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

struct resources
resources_now(void)
{
	struct rte_malloc_socket_stats heap;

	assert_int_equal(rte_malloc_get_socket_stats((int)rte_socket_id(), &heap), 0);
	return (struct resources){
		.fds = entries("/proc/self/fd"),
		.threads = entries("/proc/self/task"),
		.mbufs = rte_mempool_in_use_count(pool),
		/* Bytes depend on what is left over beside a piece. */
		.heap = heap.alloc_count,
	};
}

void
assert_resources(struct resources before)
{
	struct resources now = resources_now();

	/* A thread that was joined may be listed for a moment. */
	UNTIL((now = resources_now()).threads <= before.threads);
	assert_int_equal(now.threads, before.threads);
	assert_int_equal(now.fds, before.fds);
	assert_int_equal(now.mbufs, before.mbufs);
	assert_int_equal(now.heap, before.heap);
}

void
backend_begin(struct backend *b)
{
	log_forget();
	backend_init(b, sock_path);
}

void
port_end(uint16_t port, struct backend *b, struct resources before)
{
	backend_stop(b);
	port_remove(port);
	assert_null(b->complaint);
	assert_resources(before);
}
