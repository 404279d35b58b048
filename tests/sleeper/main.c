/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Receives by interrupt: sleeps in epoll on all receive queues of port 0 and polls only what woke
 * it, as l3fwd-power does.
 *
 *     sleeper EAL-OPTIONS -- PACKETS QUEUES
 *
 * Ends after that many packets and says what it took: packets, wake-ups, processor time.
 */
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_interrupts.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PORT 0
#define BURST 32
#define QUEUES_MAX 16

static int
fail(const char *what, int rc)
{
	fprintf(stderr, "sleeper: %s: %s\n", what, strerror(rc < 0 ? -rc : rc));
	return -1;
}

static int
start(uint16_t queues)
{
	const struct rte_eth_conf conf = {.intr_conf.rxq = 1};
	struct rte_mempool *pool = rte_pktmbuf_pool_create(
		"pool", 8191, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE, (int)rte_socket_id());
	int rc;

	if (pool == NULL)
		return fail("mbufs", rte_errno);
	rc = rte_eth_dev_configure(PORT, queues, queues, &conf);
	for (uint16_t q = 0; q < queues && rc == 0; q++) {
		rc = rte_eth_rx_queue_setup(PORT, q, 256, rte_socket_id(), NULL, pool);
		if (rc == 0)
			rc = rte_eth_tx_queue_setup(PORT, q, 256, rte_socket_id(), NULL);
	}
	if (rc == 0)
		rc = rte_eth_dev_start(PORT);
	for (uint16_t q = 0; q < queues && rc == 0; q++)
		rc = rte_eth_dev_rx_intr_ctl_q(
			PORT, q, RTE_EPOLL_PER_THREAD, RTE_INTR_EVENT_ADD, (void *)(uintptr_t)q);
	return rc == 0 ? 0 : fail("port 0", rc);
}

/* All that waits in a queue. */
static uint64_t
receive(uint16_t queue)
{
	struct rte_mbuf *pkts[BURST];
	uint64_t total = 0;
	uint16_t n;

	while ((n = rte_eth_rx_burst(PORT, queue, pkts, BURST)) != 0) {
		rte_pktmbuf_free_bulk(pkts, n);
		total += n;
	}
	return total;
}

static int
sleep_and_receive(uint64_t wanted, uint16_t queues)
{
	uint64_t packets[QUEUES_MAX] = {0};
	uint64_t total = 0;
	uint64_t wakes = 0;

	for (uint16_t q = 0; q < queues; q++) {
		int rc = rte_eth_dev_rx_intr_enable(PORT, q);

		if (rc != 0)
			return fail("enable interrupts", rc);
	}
	printf("sleeper: waits\n");
	fflush(stdout);
	while (total < wanted) {
		struct rte_epoll_event events[QUEUES_MAX];
		int n = rte_epoll_wait(RTE_EPOLL_PER_THREAD, events, queues, -1);

		if (n < 0)
			return fail("epoll", rte_errno);
		for (int i = 0; i < n; i++) {
			uint16_t q = (uint16_t)(uintptr_t)events[i].epdata.data;
			uint64_t got;

			rte_eth_dev_rx_intr_disable(PORT, q);
			got = receive(q);
			rte_eth_dev_rx_intr_enable(PORT, q);
			packets[q] += got;
			total += got;
			wakes++;
		}
		printf("sleeper: %lu packets\n", (unsigned long)total);
		fflush(stdout);
	}
	for (uint16_t q = 0; q < queues; q++)
		printf("sleeper: queue %u: %lu packets\n", q, (unsigned long)packets[q]);
	printf("sleeper: %lu packets, %lu wake-ups, %ld ms of processor time\n",
		(unsigned long)total, (unsigned long)wakes,
		(long)((double)clock() * 1000 / CLOCKS_PER_SEC));
	return 0;
}

int
main(int argc, char **argv)
{
	int used = rte_eal_init(argc, argv);
	unsigned long packets;
	unsigned long queues;
	int rc = -1;

	if (used < 0 || argc - used != 3) {
		fprintf(stderr, "usage: sleeper EAL-OPTIONS -- PACKETS QUEUES\n");
		return 2;
	}
	packets = strtoul(argv[used + 1], NULL, 10);
	queues = strtoul(argv[used + 2], NULL, 10);
	if (queues >= 1 && queues <= QUEUES_MAX && start((uint16_t)queues) == 0)
		rc = sleep_and_receive(packets, (uint16_t)queues);
	if (rte_eth_dev_count_avail() != 0) {
		(void)rte_eth_dev_stop(PORT);
		(void)rte_eth_dev_close(PORT);
	}
	rte_eal_cleanup();
	return rc == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
