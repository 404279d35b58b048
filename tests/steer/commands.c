/* SPDX-License-Identifier: BSD-3-Clause */
#include "commands.h"

#include "frames.h"
#include "ports.h"
#include "traffic.h"

#include <rte_cycles.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_WORDS 600
#define KEY_BYTES REFERENCE_KEY_BYTES

struct words {
	unsigned int nb;
	char *at[MAX_WORDS];
};

static struct expected expected;

static uint64_t
number(const struct words *w, unsigned int i)
{
	return i < w->nb ? strtoull(w->at[i], NULL, 0) : 0;
}

static uint16_t
port_of(const struct words *w)
{
	return (uint16_t)number(w, 1);
}

static bool
parse_key(const char *hex, uint8_t key[KEY_BYTES])
{
	for (unsigned int i = 0; i < KEY_BYTES; i++) {
		unsigned int byte;

		if (sscanf(hex + 2 * i, "%2x", &byte) != 1)
			return false;
		key[i] = (uint8_t)byte;
	}
	return hex[2 * KEY_BYTES] == '\0';
}

/* An answer without contents. */
static void
answer(int rc)
{
	if (rc == 0)
		printf("= ok\n");
	else
		printf("= err %d %s\n", rc, strerror(rc < 0 ? -rc : rc));
}

/* configure PORT RXQ TXQ OFFLOADS [TYPES KEY]; types "-": no RSS mode; key "-": the driver's */
static void
configure(const struct words *w)
{
	struct port_wish wish = {.nb_rxq = (uint16_t)number(w, 2),
		.nb_txq = (uint16_t)number(w, 3),
		.rx_offloads = number(w, 4)};
	uint8_t key[KEY_BYTES];

	wish.rss = w->nb > 5 && strcmp(w->at[5], "-") != 0;
	if (wish.rss)
		wish.rss_hf = number(w, 5);
	if (w->nb > 6 && strcmp(w->at[6], "-") != 0 && parse_key(w->at[6], key))
		wish.key = key;
	answer(port_configure(port_of(w), &wish));
}

static void
start(const struct words *w)
{
	answer(rte_eth_dev_start(port_of(w)));
}

static void
stop(const struct words *w)
{
	answer(rte_eth_dev_stop(port_of(w)));
}

/* link PORT STATE MILLISECONDS */
static void
wait_link(const struct words *w)
{
	uint64_t end = rte_get_timer_cycles() + number(w, 3) * rte_get_timer_hz() / 1000;
	struct rte_eth_link link;

	for (;;) {
		memset(&link, 0, sizeof(link));
		rte_eth_link_get_nowait(port_of(w), &link);
		if (link.link_status == number(w, 2)) {
			answer(0);
			return;
		}
		if (rte_get_timer_cycles() > end) {
			answer(-ETIMEDOUT);
			return;
		}
		usleep(200);
	}
}

/* rss PORT TYPES KEY */
static void
rss(const struct words *w)
{
	uint8_t key[KEY_BYTES];
	struct rte_eth_rss_conf conf = {.rss_hf = number(w, 2)};

	if (w->nb > 3 && parse_key(w->at[3], key)) {
		conf.rss_key = key;
		conf.rss_key_len = KEY_BYTES;
	}
	answer(rte_eth_dev_rss_hash_update(port_of(w), &conf));
}

/* reta PORT SIZE ENTRY=QUEUE... */
static void
reta(const struct words *w)
{
	struct rte_eth_rss_reta_entry64 groups[REFERENCE_TABLE_MAX / RTE_ETH_RETA_GROUP_SIZE] = {0};

	for (unsigned int i = 3; i < w->nb; i++) {
		unsigned int entry, queue;

		if (sscanf(w->at[i], "%u=%u", &entry, &queue) != 2 ||
			entry >= REFERENCE_TABLE_MAX) {
			answer(-EINVAL);
			return;
		}
		groups[entry / RTE_ETH_RETA_GROUP_SIZE].mask |= UINT64_C(1)
								<< entry % RTE_ETH_RETA_GROUP_SIZE;
		groups[entry / RTE_ETH_RETA_GROUP_SIZE].reta[entry % RTE_ETH_RETA_GROUP_SIZE] =
			(uint16_t)queue;
	}
	answer(rte_eth_dev_rss_reta_update(port_of(w), groups, (uint16_t)number(w, 2)));
}

/* promisc PORT 0|1, allmulti PORT 0|1 */
static void
promisc(const struct words *w)
{
	answer(number(w, 2) ? rte_eth_promiscuous_enable(port_of(w))
			    : rte_eth_promiscuous_disable(port_of(w)));
}

static void
allmulti(const struct words *w)
{
	answer(number(w, 2) ? rte_eth_allmulticast_enable(port_of(w))
			    : rte_eth_allmulticast_disable(port_of(w)));
}

/* mac PORT add|del|set ADDRESS */
static void
mac(const struct words *w)
{
	struct rte_ether_addr address;

	if (w->nb != 4 || rte_ether_unformat_addr(w->at[3], &address) != 0)
		answer(-EINVAL);
	else if (strcmp(w->at[2], "add") == 0)
		answer(rte_eth_dev_mac_addr_add(port_of(w), &address, 0));
	else if (strcmp(w->at[2], "del") == 0)
		answer(rte_eth_dev_mac_addr_remove(port_of(w), &address));
	else
		answer(rte_eth_dev_default_mac_addr_set(port_of(w), &address));
}

/* multicast PORT ADDRESS...: the whole list */
static void
multicast(const struct words *w)
{
	struct rte_ether_addr list[MAX_WORDS];

	for (unsigned int i = 2; i < w->nb; i++) {
		if (rte_ether_unformat_addr(w->at[i], &list[i - 2]) != 0) {
			answer(-EINVAL);
			return;
		}
	}
	answer(rte_eth_dev_set_mc_addr_list(port_of(w), list, w->nb - 2));
}

/* vlan PORT ID 0|1 */
static void
vlan(const struct words *w)
{
	answer(rte_eth_dev_vlan_filter(port_of(w), (uint16_t)number(w, 2), (int)number(w, 3)));
}

/* vlan_offload PORT MASK */
static void
vlan_offload(const struct words *w)
{
	answer(rte_eth_dev_set_vlan_offload(port_of(w), (int)number(w, 2)));
}

static void
mtu(const struct words *w)
{
	answer(rte_eth_dev_set_mtu(port_of(w), (uint16_t)number(w, 2)));
}

static void
view_rss(uint16_t port, uint16_t reta_size)
{
	struct rte_eth_rss_reta_entry64 groups[REFERENCE_TABLE_MAX / RTE_ETH_RETA_GROUP_SIZE];
	uint8_t key[64] = {0};
	struct rte_eth_rss_conf conf = {.rss_key = key, .rss_key_len = sizeof(key)};

	if (rte_eth_dev_rss_hash_conf_get(port, &conf) == 0) {
		printf(" types=0x%" PRIx64 " key=", conf.rss_hf);
		for (unsigned int i = 0; i < conf.rss_key_len && i < sizeof(key); i++)
			printf("%02x", key[i]);
	}
	memset(groups, 0, sizeof(groups));
	for (unsigned int i = 0; i < RTE_DIM(groups); i++)
		groups[i].mask = UINT64_MAX;
	if (reta_size == 0 || reta_size > REFERENCE_TABLE_MAX ||
		rte_eth_dev_rss_reta_query(port, groups, reta_size) != 0)
		return;
	printf(" reta=");
	for (unsigned int i = 0; i < reta_size; i++)
		printf("%s%u", i == 0 ? "" : ",",
			groups[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE]);
}

/* view PORT: the driver's side */
static void
view(const struct words *w)
{
	struct rte_ether_addr macs[256];
	struct rte_eth_dev_info info;
	uint16_t port = port_of(w), size = 0;
	struct rte_eth_link link;
	char text[RTE_ETHER_ADDR_FMT_SIZE];
	int nb, rc = rte_eth_dev_info_get(port, &info);

	if (rc != 0 || (rc = rte_eth_dev_get_mtu(port, &size)) != 0 ||
		(rc = rte_eth_link_get_nowait(port, &link)) != 0) {
		answer(rc);
		return;
	}
	printf("= ok promisc=%d allmulti=%d mtu=%u link=%u queues=%u,%u driver=%s",
		rte_eth_promiscuous_get(port), rte_eth_allmulticast_get(port), size,
		link.link_status, steer_ports[port].nb_rxq, steer_ports[port].nb_txq,
		info.driver_name);
	printf(" vlan_offload=0x%x rx_capa=0x%" PRIx64 " types_capa=0x%" PRIx64
	       " key_bytes=%u reta_size=%u",
		rte_eth_dev_get_vlan_offload(port), info.rx_offload_capa,
		info.flow_type_rss_offloads, info.hash_key_size, info.reta_size);
	nb = rte_eth_macaddrs_get(port, macs, RTE_DIM(macs));
	for (int i = 0; i < nb; i++) {
		rte_ether_format_addr(text, sizeof(text), &macs[i]);
		printf("%s%s", i == 0 ? " macs=" : ",", text);
	}
	view_rss(port, info.reta_size);
	printf("\n");
}

/* expect TYPES KEY UNCLASSIFIED REPORTED STEERED QUEUE...: what checks hold frames against */
static void
expect(const struct words *w)
{
	struct expected e = {.reference.types = (uint32_t)number(w, 1),
		.reference.unclassified = (uint16_t)number(w, 3),
		.reported = number(w, 4) != 0,
		.steered = number(w, 5) != 0,
		.reference.entries = 1};

	if (w->nb < 6 || !parse_key(w->at[2], e.reference.key) || w->nb - 6 > REFERENCE_TABLE_MAX) {
		answer(-EINVAL);
		return;
	}
	for (unsigned int i = 6; i < w->nb; i++)
		e.reference.table[i - 6] = (uint16_t)number(w, i);
	if (w->nb > 6)
		e.reference.entries = (uint16_t)(w->nb - 6);
	expected = e;
	answer(0);
}

static void
print_outcome(const struct outcome *o, int rc)
{
	printf("= %s sent=%u received=%u wrong=%u lost=%u foreign=%u reports=",
		rc == 0 ? "ok" : "err -74 traffic", o->sent, o->received, o->wrong, o->lost,
		o->foreign);
	for (unsigned int i = 0; i < REPORT_MAX; i++)
		printf("%s%s:%u", i == 0 ? "" : ",", reference_name(i), o->reports[i]);
	printf(" queues=");
	for (unsigned int i = 0; i < RTE_DIM(o->queues); i++)
		printf("%s%u", i == 0 ? "" : ",", o->queues[i]);
	printf("\n");
}

/* check TO FROM SEED FIRST COUNT WINDOW SEGMENTS, vectors TO FROM SEED FIRST COUNT WINDOW SEGMENTS
 */
static void
check(const struct words *w)
{
	struct check c = {.rx_port = port_of(w),
		.tx_port = (uint16_t)number(w, 2),
		.seed = (uint32_t)number(w, 3),
		.first = number(w, 4),
		.count = (uint32_t)number(w, 5),
		.window = (uint32_t)number(w, 6),
		.segs = (uint16_t)number(w, 7),
		.vectors = strcmp(w->at[0], "vectors") == 0};
	struct outcome out;
	int rc;

	if (w->nb != 8 || c.segs == 0 || c.window == 0) {
		answer(-EINVAL);
		return;
	}
	rc = traffic_check(&c, &expected, &out);
	if (rc == 0 || rc == -EBADMSG)
		print_outcome(&out, rc);
	else
		answer(rc);
}

/* probe TO FROM ADDRESS/TAG...: how often each arrives */
static void
probe(const struct words *w)
{
	struct probe probes[MAX_WORDS] = {0};
	int rc;

	for (unsigned int i = 3; i < w->nb; i++) {
		char *slash = strchr(w->at[i], '/');

		if (slash != NULL)
			*slash = '\0';
		if (rte_ether_unformat_addr(w->at[i], &probes[i - 3].to) != 0) {
			answer(-EINVAL);
			return;
		}
		probes[i - 3].tag = slash == NULL ? 0 : (uint16_t)strtoul(slash + 1, NULL, 0);
	}
	rc = traffic_probe(port_of(w), (uint16_t)number(w, 2), probes, w->nb - 3);
	if (rc != 0) {
		answer(rc);
		return;
	}
	printf("= ok arrived=");
	for (unsigned int i = 3; i < w->nb; i++)
		printf("%s%u", i == 3 ? "" : ",", probes[i - 3].arrived);
	printf("\n");
}

/* send FROM HEX...: frames as they are, by the first queue */
static void
send_frames(const struct words *w)
{
	int rc = 0;

	for (unsigned int i = 2; i < w->nb && rc == 0; i++) {
		uint8_t frame[FRAME_ROOM];
		uint32_t len = 0;
		unsigned int byte;

		while (len < sizeof(frame) && sscanf(w->at[i] + 2 * len, "%2x", &byte) == 1)
			frame[len++] = (uint8_t)byte;
		rc = traffic_send(port_of(w), frame, len);
	}
	answer(rc);
}

static void
drain(const struct words *w)
{
	traffic_drain(port_of(w));
	answer(0);
}

/* dump PORT: the driver's own words, on stderr */
static void
dump(const struct words *w)
{
	answer(rte_eth_dev_priv_dump(port_of(w), stderr));
}

static const struct {
	const char *name;
	unsigned int least; /* words */
	void (*run)(const struct words *w);
} commands[] = {
	{"configure", 5, configure},
	{"start", 2, start},
	{"stop", 2, stop},
	{"link", 4, wait_link},
	{"rss", 3, rss},
	{"reta", 3, reta},
	{"promisc", 3, promisc},
	{"allmulti", 3, allmulti},
	{"mac", 4, mac},
	{"multicast", 2, multicast},
	{"vlan", 4, vlan},
	{"vlan_offload", 3, vlan_offload},
	{"mtu", 3, mtu},
	{"view", 2, view},
	{"expect", 6, expect},
	{"check", 8, check},
	{"vectors", 8, check},
	{"probe", 4, probe},
	{"send", 3, send_frames},
	{"drain", 2, drain},
	{"dump", 2, dump},
};

int
command_run(char *line)
{
	struct words w = {0};
	char *word, *rest = line;

	while (w.nb < MAX_WORDS && (word = strsep(&rest, " \n")) != NULL) {
		if (*word != '\0')
			w.at[w.nb++] = word;
	}
	for (unsigned int i = 0; w.nb != 0 && i < RTE_DIM(commands); i++) {
		if (strcmp(commands[i].name, w.at[0]) == 0 && w.nb >= commands[i].least) {
			commands[i].run(&w);
			return 0;
		}
	}
	printf("= err %d no such command, or too few words: %s\n", -EINVAL,
		w.nb == 0 ? "" : w.at[0]);
	return -1;
}
