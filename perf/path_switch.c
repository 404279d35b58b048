/* SPDX-License-Identifier: BSD-3-Clause */
/* Two driver ports with virtq-switch between them; its worker takes its turn in this thread. */
#include "path_switch.h"

#include "port.h"
#include "vswitch.h"

#include <rte_cycles.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define LEARN_TRIES 30000 /* of a millisecond at least */

#define SERVE_MS 20

static uint16_t from, to;
static const struct port *ends[2];
static struct rte_mempool *pool;
static pthread_t server;
static bool serving;
static volatile bool stop_serving;

/* Answers the control commands of the ports, which wait for that while they start. */
static void *
serve_commands(void *arg)
{
	while (!stop_serving)
		vswitch_wait(SERVE_MS);
	return arg;
}

/* Own names for callgrind. */
static __rte_noinline int
leg_drv_tx(struct rte_mbuf **pkts, uint16_t nb)
{
	return cycles_send(from, pkts, nb);
}

static __rte_noinline int
leg_drv_rx(struct rte_mbuf **pkts, uint16_t nb)
{
	return cycles_receive(to, pkts, nb);
}

int
path_switch_send(struct rte_mbuf **pkts, uint16_t nb)
{
	return leg_drv_tx(pkts, nb);
}

int
path_switch_receive(struct rte_mbuf **pkts, uint16_t nb)
{
	return leg_drv_rx(pkts, nb);
}

const struct port *
path_switch_port(unsigned int end)
{
	return ends[end];
}

uint16_t
path_switch_ethdev(unsigned int end)
{
	return end == 0 ? from : to;
}

static int
leg_switch(struct rte_mbuf **pkts __rte_unused, uint16_t nb)
{
	unsigned int taken = 0;

	for (int calls = 1; calls < CYCLES_MAX_CALLS; calls++) {
		taken += vswitch_poll(0);
		if (likely(taken == nb))
			return calls;
		if (taken > nb)
			return -EPROTO;
	}
	return -ETIMEDOUT;
}

static int
add_port(const char *arg, const struct port **end)
{
	char name[32], path[108];
	struct vswitch_port_conf port = {.name = name, .path = path, .pairs = 1};
	int id;

	if (sscanf(arg, "%31[^,],path=%107s", name, path) != 2) {
		fprintf(stderr, "--peer %s: give NAME,path=SOCKET\n", arg);
		return -EINVAL;
	}
	id = vswitch_port_add(&port);
	*end = id >= 0 ? port_get((uint16_t)id) : NULL;
	return id;
}

static int
say_a_word(uint16_t port, uint16_t other)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	struct rte_ether_hdr *eth;

	if (m == NULL)
		return -ENOMEM;
	eth = (struct rte_ether_hdr *)rte_pktmbuf_append(m, RTE_ETHER_MIN_LEN);
	memset(eth, 0, RTE_ETHER_MIN_LEN);
	rte_eth_macaddr_get(port, &eth->src_addr);
	rte_eth_macaddr_get(other, &eth->dst_addr);
	eth->ether_type = rte_cpu_to_be_16(RTE_ETHER_TYPE_LLDP);
	if (rte_eth_tx_burst(port, 0, &m, 1) == 0)
		rte_pktmbuf_free(m);
	return 0;
}

/* Whatever is under way. @return frames. */
static unsigned int
hear(uint16_t port)
{
	struct rte_mbuf *got[CYCLES_MAX_BURST];
	unsigned int nb = 0, n;

	vswitch_poll(0);
	while ((n = rte_eth_rx_burst(port, 0, got, CYCLES_MAX_BURST)) > 0) {
		rte_pktmbuf_free_bulk(got, n);
		nb += n;
	}
	return nb;
}

/*
 * Both ends say a word until it is heard: then all four rings run, and the switch knows where the
 * receiver is. A link is up before the switch has looked at the last message about a ring.
 */
static int
learn(uint16_t burst)
{
	const uint16_t port[2] = {to, from};
	unsigned int tries = 0, words[2] = {0, 0};
	int ret = 0;

	for (unsigned int i = 0; i < 2 && ret == 0; i++) {
		do {
			if (tries++ == LEARN_TRIES) {
				fprintf(stderr, "no frame came through the switch\n");
				return -ETIMEDOUT;
			}
			ret = say_a_word(port[i], port[1 - i]);
			words[i]++;
			rte_delay_us_sleep(1000);
		} while (ret == 0 && hear(port[1 - i]) == 0);
	}
	/* Bursts begin where they would without: none of them wraps around its ring in the middle.
	 */
	for (; ret == 0 && words[1] % burst != 0; words[1]++) {
		ret = say_a_word(from, to);
		hear(to);
	}
	/* A word that comes late would be one packet more than were sent. */
	rte_delay_us_sleep(1000);
	hear(from);
	hear(to);
	return ret;
}

int
path_switch_open(const struct cycles_conf *conf)
{
	const struct vswitch_conf vswitch = {.nb_workers = 1};
	int ret;

	pool = cycles_pool("driver", conf);
	if (pool == NULL)
		return -ENOMEM;
	ret = vswitch_init(&vswitch);
	for (unsigned int i = 0; i < 2 && ret >= 0; i++)
		ret = add_port(conf->peer[i], &ends[i]);
	if (ret < 0)
		return ret;
	serving = pthread_create(&server, NULL, serve_commands, NULL) == 0;
	ret = cycles_port_attach(conf->driver, &from);
	if (ret == 0)
		ret = cycles_port_attach(conf->driver2, &to);
	if (ret == 0)
		ret = cycles_port_start(from, conf, pool);
	if (ret == 0)
		ret = cycles_port_start(to, conf, pool);
	if (ret == 0)
		ret = cycles_port_wait_link(from);
	if (ret == 0)
		ret = cycles_port_wait_link(to);
	return ret == 0 ? learn(conf->burst) : ret;
}

void
path_switch_addresses(struct rte_ether_addr *src, struct rte_ether_addr *dst)
{
	rte_eth_macaddr_get(from, src);
	rte_eth_macaddr_get(to, dst);
}

struct rte_mempool *
path_switch_pool(void)
{
	return pool;
}

uint64_t
path_switch_lost(void)
{
	return cycles_port_lost(from) + cycles_port_lost(to);
}

void
path_switch_close(void)
{
	cycles_port_close(from);
	cycles_port_close(to);
	stop_serving = true;
	if (serving)
		pthread_join(server, NULL);
	vswitch_fini();
}

const struct cycles_path cycles_path_switch = {
	.name = "switch",
	.nb_legs = 3,
	.leg_name = {"drv.tx", "switch", "drv.rx"},
	.leg = {leg_drv_tx, leg_switch, leg_drv_rx},
	.open = path_switch_open,
	.addresses = path_switch_addresses,
	.pool = path_switch_pool,
	.lost = path_switch_lost,
	.close = path_switch_close,
};
