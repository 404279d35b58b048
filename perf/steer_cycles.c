/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Cycles per packet of virtq-switch's worker by what the receiving guest asks for: one receiveq or
 * several, RSS, hash report; and by how many addresses are behind it, destinations uniform over
 * them. Guests made of memory that do no more than offer buffers: figures are of the worker alone,
 * and differ by what is asked for alone.
 */
#include "datapath/fdb.h"
#include "datapath/steer.h"
#include "net/vnet_ctrl_state.h"
#include "net/vnet_features.h"
#include "perf_stat.h"
#include "port.h"
#include "vswitch.h"

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ip.h>
#include <rte_malloc.h>
#include <rte_udp.h>
#include <rte_vect.h>

#include <getopt.h>
#include <inttypes.h>
#include <string.h>

#define RING 256
#define BURST 32
#define SLOT 2048
#define PAIRS_MAX 16
#define BURSTS 256 /* of a window */
#define WARM_BURSTS 1024
#define GUEST_BASE UINT64_C(0x40000000)

double perf_probe_best;

#define F(name) (UINT64_C(1) << VIRTIO_NET_F_##name)

struct ask {
	const char *name;
	bool several; /* receiveqs, or one */
	bool rss;
	bool report;
	uint32_t macs; /* addresses behind the receiver, all of them destinations; 0: just one */
};

/* The first one is what the others are compared with in print. */
static const struct ask asks[] = {
	{"off", false, false, false, 0},
	{"report", false, false, true, 0},
	{"rss", false, true, false, 0},
	{"rss, report", false, true, true, 0},
	{"automatic, several queues", true, false, false, 0},
	{"rss, several queues", true, true, false, 0},
	{"rss, report, several queues", true, true, true, 0},
	{"16 addresses", false, false, false, 16},
	{"65536 addresses", false, false, false, 65536},
};

static struct {
	uint32_t len;
	uint16_t queues;
	uint16_t protocol;
	uint16_t version;
	unsigned int windows;
	unsigned int rounds;
	const char *only;
	const char *json;
} conf = {60, 4, IPPROTO_UDP, 4, 32, 3, NULL, NULL};

struct guest {
	struct port *port;
	uint8_t *memory; /* a ring's worth of slots for each ring, then the rings */
	struct virtq vq[2 * PAIRS_MAX];
	uint16_t nb_rings;
};

static void
die(const char *what)
{
	rte_exit(EXIT_FAILURE, "steer_cycles: %s\n", what);
}

/* Descriptor i is slot i for good, and so is entry i of the available ring. */
static void
open_ring(struct guest *g, uint16_t ring, uint8_t *parts, const struct virtq_layout *layout,
	uint64_t features)
{
	struct virtq *vq = &g->vq[ring];
	struct port_ring start = {.size = RING, .features = features, .call_fd = -1};

	if (virtq_init(vq, RING, parts + layout->desc, parts + layout->avail, parts + layout->used,
		    VIRTQ_IN_ORDER) != 0)
		die("ring refused");
	for (uint16_t i = 0; i < RING; i++) {
		uint64_t at = GUEST_BASE + ((uint64_t)ring * RING + i) * SLOT;

		vq->desc[i].addr = rte_cpu_to_le_64(at);
		vq->desc[i].len = rte_cpu_to_le_32(SLOT);
		vq->desc[i].flags = rte_cpu_to_le_16(ring % 2 ? 0 : VIRTQ_DESC_F_WRITE);
		vq->avail->ring[i] = rte_cpu_to_le_16(i);
	}
	virtq_interrupts_off(vq, 0);
	virtq_index_publish(&vq->avail->idx, ring % 2 ? 0 : RING);
	start.desc = vq->desc;
	start.avail = vq->avail;
	start.used = vq->used;
	if (port_ring_start(g->port, ring, &start) != 0)
		die("ring does not start");
}

static void
open_guest(struct guest *g, const char *name, uint16_t pairs, uint64_t features)
{
	struct virtq_layout layout;
	size_t buffers = (size_t)2 * pairs * RING * SLOT, step;

	virtq_layout(&layout, RING);
	step = RTE_ALIGN(layout.bytes, 4096);
	g->nb_rings = (uint16_t)(2 * pairs);
	g->port = port_create(name, pairs);
	g->memory = rte_zmalloc(name, buffers + g->nb_rings * step, 4096);
	if (g->port == NULL || g->memory == NULL)
		die("no memory for a guest; give EAL more (-m)");
	if (virtq_mem_add(&g->port->mem, GUEST_BASE, buffers, g->memory) != 0)
		die("memory map refused");
	features |= virtq_bit(VIRTIO_F_VERSION_1) | virtq_bit(VIRTIO_F_IN_ORDER);
	/* One transmitq: each more would be polled for nothing. */
	for (uint16_t ring = 0; ring < g->nb_rings; ring++) {
		if (ring < 2 || ring % 2 == 0)
			open_ring(g, ring, g->memory + buffers + ring * step, &layout, features);
	}
}

static void
close_guest(struct guest *g)
{
	port_destroy(g->port);
	rte_free(g->memory);
}

static uint8_t *
slot(const struct guest *g, uint16_t ring, uint16_t i)
{
	return g->memory + ((size_t)ring * RING + i) * SLOT;
}

static const struct rte_ether_addr sender = {{2, 0, 0, 0, 0, 1}};
static const struct rte_ether_addr receiver = {{2, 0, 0, 0, 0, 2}};

static uint32_t
next(uint64_t *seed)
{
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(*seed >> 32);
}

/* Each slot has a flow of its own. */
static void
fill_frame(uint8_t *at, uint64_t *seed)
{
	struct rte_ether_hdr *eth = (struct rte_ether_hdr *)(void *)at;
	uint32_t left = conf.len - sizeof(*eth), l3;
	uint32_t addresses[8];
	uint8_t *l4;

	memset(at, 0, conf.len);
	eth->dst_addr = receiver;
	eth->src_addr = sender;
	eth->ether_type =
		rte_cpu_to_be_16(conf.version == 4 ? RTE_ETHER_TYPE_IPV4 : RTE_ETHER_TYPE_IPV6);
	for (unsigned int i = 0; i < RTE_DIM(addresses); i++)
		addresses[i] = next(seed);
	if (conf.version == 4) {
		struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(eth + 1);

		l3 = sizeof(*ip);
		ip->version_ihl = RTE_IPV4_VHL_DEF;
		ip->total_length = rte_cpu_to_be_16((uint16_t)left);
		ip->time_to_live = 64;
		ip->next_proto_id = (uint8_t)conf.protocol;
		memcpy(&ip->src_addr, addresses, 8);
	} else {
		struct rte_ipv6_hdr *ip = (struct rte_ipv6_hdr *)(eth + 1);

		l3 = sizeof(*ip);
		ip->vtc_flow = rte_cpu_to_be_32(UINT32_C(6) << 28);
		ip->payload_len = rte_cpu_to_be_16((uint16_t)(left - l3));
		ip->proto = (uint8_t)conf.protocol;
		memcpy(ip->src_addr, addresses, 32);
	}
	l4 = (uint8_t *)(eth + 1) + l3;
	*(unaligned_uint32_t *)(void *)l4 = next(seed);
	if (conf.protocol == IPPROTO_TCP)
		l4[12] = 0x50;
}

/* The switch learns where the receiver is by a frame of its own. */
static void
introduce(struct guest *g, uint32_t hdr)
{
	uint8_t *at = slot(g, 1, 0);

	memcpy(at + hdr, "\x02\0\0\0\0\x7f", 6);
	memcpy(at + hdr + 6, &receiver, 6);
	g->vq[1].desc[0].len = rte_cpu_to_le_32(hdr + 60);
	virtq_index_publish(&g->vq[1].avail->idx, 1);
	if (vswitch_poll(0) != 1)
		die("the receiver's frame was not taken");
}

static void
set_policy(struct guest *g, const struct ask *ask)
{
	static struct vnet_ctrl_state state;
	uint64_t features = F(CTRL_VQ) | F(MQ);

	features |= ask->rss ? F(RSS) : 0;
	features |= ask->report ? F(HASH_REPORT) : 0;
	vnet_ctrl_state_reset(&state, features, &receiver);
	state.pairs = (uint16_t)(g->nb_rings / 2);
	state.rss_on = ask->rss;
	state.rss.hash_types = VNET_HASH_TYPES;
	state.rss.table_mask = 127;
	for (uint16_t i = 0; i < 128; i++)
		state.rss.table[i] = (uint16_t)(i % state.pairs);
	state.rss.key_length = VNET_HASH_KEY_BYTES;
	memcpy(state.rss.key, vnet_hash_default_key, VNET_HASH_KEY_BYTES);
	if (port_policy_set(g->port, &state) != 0)
		die("policy refused");
}

/* Address i behind the receiver. */
static struct rte_ether_addr
mac_of(uint32_t i)
{
	return (struct rte_ether_addr){
		{2, 0x50, 0, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i}};
}

static void
learn_macs(const struct guest *g, uint32_t macs)
{
	for (uint32_t i = 0; i < macs; i++) {
		struct rte_ether_addr mac = mac_of(i);

		fdb_learn(fdb_key(mac.addr_bytes), g->port->id, fdb_clock());
	}
	for (uint32_t i = 0; i < macs; i++) {
		struct rte_ether_addr mac = mac_of(i);

		if (fdb_lookup(fdb_key(mac.addr_bytes)) != g->port->id)
			die("the table lost an address");
	}
}

/* The next burst goes to any of the addresses. */
static void
spread(const struct guest *g, uint32_t macs, uint64_t *seed)
{
	uint16_t first = virtq_index_peek(&g->vq[1].used->idx);

	for (uint16_t i = 0; macs != 0 && i < BURST; i++) {
		struct rte_ether_addr mac = mac_of(next(seed) % macs);

		memcpy(slot(g, 1, (uint16_t)(first + i) % RING) + VIRTIO_NET_HDR_BYTES, &mac,
			sizeof(mac));
	}
}

/* Own name for callgrind. */
static __rte_noinline unsigned int
leg_switch(void)
{
	return vswitch_poll(0);
}

/* One burst; all buffers that were used are offered again. Returns the worker's cycles. */
static uint64_t
turn(struct guest *a, struct guest *b)
{
	struct virtq *tx = &a->vq[1];
	uint64_t cycles;

	virtq_index_publish(&tx->avail->idx, (uint16_t)(virtq_index_peek(&tx->used->idx) + BURST));
	for (uint16_t ring = 0; ring < b->nb_rings; ring += 2) {
		struct virtq *rx = &b->vq[ring];

		virtq_index_publish(
			&rx->avail->idx, (uint16_t)(virtq_index_peek(&rx->used->idx) + RING));
	}
	cycles = rte_rdtsc();
	if (leg_switch() != BURST)
		die("a burst was not taken");
	return rte_rdtsc() - cycles;
}

static uint64_t
delivered(const struct guest *g)
{
	uint64_t n = 0;

	for (uint16_t pair = 0; pair < g->nb_rings / 2; pair++)
		n += g->port->txq[pair]->stats.packets;
	return n;
}

/* Adds windows to the series. */
static void
measure(const struct ask *ask, struct perf_series *series)
{
	static struct guest a, b;
	const uint64_t features = ask->report ? F(HASH_REPORT) : 0;
	const uint16_t pairs = ask->several ? conf.queues : 1;
	uint64_t seed = 1, turns = 0, before;

	open_guest(&a, "a", 1, 0);
	open_guest(&b, "b", pairs, features);
	for (uint16_t i = 0; i < RING; i++) {
		a.vq[1].desc[i].len = rte_cpu_to_le_32(VIRTIO_NET_HDR_BYTES + conf.len);
		fill_frame(slot(&a, 1, i) + VIRTIO_NET_HDR_BYTES, &seed);
	}
	introduce(&b, vnet_hdr_bytes(features | virtq_bit(VIRTIO_F_VERSION_1)));
	if (ask->rss || ask->report)
		set_policy(&b, ask);
	learn_macs(&b, ask->macs);
	before = delivered(&b);
	for (; turns < WARM_BURSTS; turns++) {
		spread(&a, ask->macs, &seed);
		turn(&a, &b);
	}
	for (unsigned int w = 0; w < conf.windows; w++) {
		uint64_t cycles = 0;
		double probe = perf_probe();

		for (unsigned int i = 0; i < BURSTS; i++, turns++) {
			spread(&a, ask->macs, &seed);
			cycles += turn(&a, &b);
		}
		probe = RTE_MAX(probe, perf_probe());
		perf_series_add_probed(series, (double)cycles / (BURSTS * BURST), probe);
	}
	if (delivered(&b) - before != turns * BURST)
		die("not all was delivered");
	close_guest(&a);
	close_guest(&b);
}

static unsigned long
number(const char *text, unsigned long min, unsigned long max)
{
	char *end;
	unsigned long value = strtoul(text, &end, 0);

	if (*text == '\0' || *end != '\0' || value < min || value > max)
		rte_exit(EXIT_FAILURE, "%s: give a number from %lu to %lu\n", text, min, max);
	return value;
}

static void
parse_options(int argc, char **argv)
{
	static const struct option options[] = {{"size", required_argument, NULL, 's'},
		{"queues", required_argument, NULL, 'q'}, {"tcp", no_argument, NULL, 't'},
		{"ipv6", no_argument, NULL, '6'}, {"windows", required_argument, NULL, 'w'},
		{"rounds", required_argument, NULL, 'r'}, {"only", required_argument, NULL, 'o'},
		{"json", required_argument, NULL, 'j'}, {NULL, 0, NULL, 0}};
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (opt) {
		case 's':
			conf.len = (uint32_t)number(optarg, 60, 1514);
			break;
		case 'q':
			conf.queues = (uint16_t)number(optarg, 1, PAIRS_MAX);
			break;
		case 't':
			conf.protocol = IPPROTO_TCP;
			break;
		case '6':
			conf.version = 6;
			break;
		case 'w':
			conf.windows = (unsigned int)number(optarg, 1, PERF_MAX_WINDOWS);
			break;
		case 'r':
			conf.rounds = (unsigned int)number(optarg, 1, 100);
			break;
		case 'o':
			conf.only = optarg;
			break;
		case 'j':
			conf.json = optarg;
			break;
		default:
			rte_exit(EXIT_FAILURE,
				"usage: steer_cycles [EAL options] -- [options]\n"
				"  --size N     frame bytes without CRC (60; IPv6 needs 78)\n"
				"  --queues N   receiveqs where there are several (4)\n"
				"  --tcp        instead of UDP\n"
				"  --ipv6       instead of IPv4\n"
				"  --windows N  for each configuration and round (32)\n"
				"  --rounds N   one configuration after the other, so often (3)\n"
				"  --only TEXT  just the configuration of this name\n"
				"  --json FILE  write the figures there, too\n");
		}
	}
	if (conf.version == 6)
		conf.len = RTE_MAX(conf.len, 78U);
}

static void
print(const struct perf_series *series)
{
	FILE *json = conf.json != NULL ? fopen(conf.json, "w") : NULL;
	double first = 0;
	const char *between = "";

	if (conf.json != NULL && json == NULL)
		die("cannot write the JSON file");
	if (json != NULL)
		fprintf(json,
			"{\"program\": \"steer_cycles\", \"frame\": %u, \"queues\": %u, "
			"\"cycles_per_packet\": {",
			conf.len, conf.queues);
	for (unsigned int i = 0; i < RTE_DIM(asks); i++) {
		struct perf_figure f = perf_series_figure(&series[i]);

		if (f.tried == 0)
			continue;
		first = first == 0 ? f.min : first;
		printf("%-28s %u B: %.1f/%.1f cycles per packet, %+.1f (minimum/median of %u quiet "
		       "windows out of %u)\n",
			asks[i].name, conf.len, f.min, f.median, f.min - first, f.quiet, f.tried);
		if (json != NULL) {
			fprintf(json, "%s", between);
			perf_figure_json(json, asks[i].name, f, "");
		}
		between = ", ";
	}
	if (json != NULL) {
		fprintf(json, "}, \"simd_bits\": %u, \"probe\": %.4f}\n",
			rte_vect_get_max_simd_bitwidth(), perf_probe_best);
		fclose(json);
	}
}

int
main(int argc, char **argv)
{
	static struct perf_series series[RTE_DIM(asks)];
	const struct vswitch_conf vswitch = {.nb_mbufs = 255, .nb_workers = 1};
	int ret = rte_eal_init(argc, argv);

	if (ret < 0)
		rte_exit(EXIT_FAILURE, "EAL: %s\n", rte_strerror(rte_errno));
	parse_options(argc - ret, argv + ret);
	if (vswitch_init(&vswitch) != 0)
		die("the switch does not start");
	for (unsigned int r = 0; r < conf.rounds; r++) {
		for (unsigned int i = 0; i < RTE_DIM(asks); i++) {
			if (conf.only == NULL || strcmp(conf.only, asks[i].name) == 0)
				measure(&asks[i], &series[i]);
		}
	}
	print(series);
	vswitch_fini();
	rte_eal_cleanup();
	return EXIT_SUCCESS;
}
