/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Cycles per packet of each leg of a path, all of it in one thread on one core.
 *
 * One burst of mbufs goes round and round: what the last leg receives, the first leg sends again.
 * So a driver frees and allocates as it does in a forwarding application, and nothing else runs
 * between the legs. A window counts only when every packet came through every leg.
 */
#include "cycles_path.h"
#include "perf_stat.h"

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ip.h>
#include <rte_udp.h>
#include <rte_vect.h>

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SIZES 8
#define WARM_BURSTS 4096

double perf_probe_best;

static struct cycles_conf conf = {.ring = 256, .burst = 32};
/* What stands between drivers, by name; the first one has a device port for its driver. */
static const struct cycles_path *const paths[] = {
	&cycles_path_device,
#ifdef PERF_HAVE_VSWITCH
	&cycles_path_switch,
	&cycles_path_mbufs,
#endif
#ifdef PERF_HAVE_CHECKS
	&cycles_path_checks,
#endif
};
static const struct cycles_path *path = &cycles_path_device;
static unsigned int nb_windows = 64;
static unsigned int nb_bursts = 1024;
static unsigned int nb_sizes;
static uint32_t sizes[MAX_SIZES];
static const char *json_file;
static const char *label;
static bool wait_for_go;

struct result {
	uint32_t size;
	uint64_t turns;       /* of the burst through all legs, warming up too */
	uint64_t extra_calls; /* burst calls beyond one per leg */
	struct perf_figure leg[CYCLES_MAX_LEGS];
	struct perf_figure total;
	double clock; /* reading the time stamp counter, in cycles per packet and leg */
};

static void
usage(void)
{
	fprintf(stderr,
		"usage: ethdev_cycles [EAL options] -- --driver ARGS --device ARGS [options]\n"
		"       ethdev_cycles [EAL options] -- --path PATH --driver ARGS --driver2 ARGS"
		" --peer PORT --peer PORT\n"
		"  --driver ARGS     driver port, e.g. "
		"net_virtio_user0,path=/tmp/s,queue_size=256\n"
		"  --device ARGS     device port, e.g. net_vhost0,iface=/tmp/s\n"
		"  --path PATH       what stands between two driver ports: switch (virtq-switch's\n"
		"                    worker), mbufs (its device role into mbufs and out of them),\n"
		"                    checks (checks_cycles: worker and drivers, with and without)\n"
		"  --driver2 ARGS    the driver port that receives, with --path\n"
		"  --peer PORT       a port of the switch, NAME,path=SOCKET; two of them\n"
		"  --offloads WHAT   drivers negotiate csum, or tso (and csum), and use none\n"
		"  --ring N          entries per ring (256)\n"
		"  --burst N         packets per burst, up to %d (32)\n"
		"  --size N[,N...]   frame sizes in bytes without CRC, up to %d of them (60)\n"
		"  --windows N       quiet windows wanted, 32 to %d (64)\n"
		"  --bursts N        bursts per window (1024)\n"
		"  --label TEXT      name of this configuration in the output\n"
		"  --wait            say ready when the links are up, begin at a line of input\n"
		"  --json FILE       write the figures there, too; - is the standard output\n",
		CYCLES_MAX_BURST, MAX_SIZES, PERF_MAX_WINDOWS);
}

static int
parse_number(const char *what, const char *text, unsigned long min, unsigned long max,
	unsigned long *value)
{
	char *end;

	*value = strtoul(text, &end, 0);
	if (*text == '\0' || *end != '\0' || *value < min || *value > max) {
		fprintf(stderr, "--%s %s: give a number from %lu to %lu\n", what, text, min, max);
		return -EINVAL;
	}
	return 0;
}

static int
parse_sizes(char *text)
{
	unsigned long size;

	nb_sizes = 0;
	for (char *s = strtok(text, ","); s != NULL; s = strtok(NULL, ",")) {
		if (nb_sizes == MAX_SIZES) {
			fprintf(stderr, "--size: at most %d sizes\n", MAX_SIZES);
			return -EINVAL;
		}
		if (parse_number("size", s, 60, 9618, &size) != 0)
			return -EINVAL;
		sizes[nb_sizes++] = size;
		conf.max_frame = RTE_MAX(conf.max_frame, (uint32_t)size);
	}
	return nb_sizes > 0 ? 0 : -EINVAL;
}

enum option_code {
	OPT_DRIVER = 1,
	OPT_DRIVER2,
	OPT_DEVICE,
	OPT_PATH,
	OPT_PEER,
	OPT_OFFLOADS,
	OPT_RING,
	OPT_BURST,
	OPT_SIZE,
	OPT_WINDOWS,
	OPT_BURSTS,
	OPT_LABEL,
	OPT_JSON,
	OPT_WAIT,
};

static const struct option options[] = {
	{"driver", required_argument, NULL, OPT_DRIVER},
	{"driver2", required_argument, NULL, OPT_DRIVER2},
	{"device", required_argument, NULL, OPT_DEVICE},
	{"path", required_argument, NULL, OPT_PATH},
	{"peer", required_argument, NULL, OPT_PEER},
	{"offloads", required_argument, NULL, OPT_OFFLOADS},
	{"ring", required_argument, NULL, OPT_RING},
	{"burst", required_argument, NULL, OPT_BURST},
	{"size", required_argument, NULL, OPT_SIZE},
	{"windows", required_argument, NULL, OPT_WINDOWS},
	{"bursts", required_argument, NULL, OPT_BURSTS},
	{"label", required_argument, NULL, OPT_LABEL},
	{"json", required_argument, NULL, OPT_JSON},
	{"wait", no_argument, NULL, OPT_WAIT},
	{NULL, 0, NULL, 0},
};

static int
find_path(const char *name)
{
	for (unsigned int i = 0; i < RTE_DIM(paths); i++) {
		if (strcmp(name, paths[i]->name) == 0) {
			path = paths[i];
			return 0;
		}
	}
	fprintf(stderr, "--path %s: not in this program\n", name);
	return -EINVAL;
}

static int
parse_option(int opt)
{
	unsigned long value = 0;
	int ret = 0;

	switch (opt) {
	case OPT_DRIVER:
		conf.driver = optarg;
		break;
	case OPT_DRIVER2:
		conf.driver2 = optarg;
		break;
	case OPT_DEVICE:
		conf.device = optarg;
		break;
	case OPT_PATH:
		ret = find_path(optarg);
		break;
	case OPT_PEER:
		conf.peer[conf.peer[0] != NULL] = optarg;
		break;
	case OPT_OFFLOADS:
		conf.offloads = strcmp(optarg, "tso") == 0 ? CYCLES_TSO : CYCLES_CSUM;
		break;
	case OPT_RING:
		ret = parse_number("ring", optarg, 64, 32768, &value);
		conf.ring = value;
		break;
	case OPT_BURST:
		ret = parse_number("burst", optarg, 1, CYCLES_MAX_BURST, &value);
		conf.burst = value;
		break;
	case OPT_SIZE:
		ret = parse_sizes(optarg);
		break;
	case OPT_WINDOWS:
		ret = parse_number("windows", optarg, 32, PERF_MAX_WINDOWS, &value);
		nb_windows = value;
		break;
	case OPT_BURSTS:
		ret = parse_number("bursts", optarg, 1, 1000000, &value);
		nb_bursts = value;
		break;
	case OPT_LABEL:
		label = optarg;
		break;
	case OPT_JSON:
		json_file = optarg;
		break;
	case OPT_WAIT:
		wait_for_go = true;
		break;
	default:
		usage();
		ret = -EINVAL;
	}
	return ret;
}

static int
parse_options(int argc, char **argv)
{
	bool complete;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (parse_option(opt) != 0)
			return -EINVAL;
	}
	complete = path == &cycles_path_device ? conf.device != NULL
					       : conf.driver2 != NULL && conf.peer[1] != NULL;
	if (!complete || conf.driver == NULL || optind != argc) {
		usage();
		return -EINVAL;
	}
	if (nb_sizes == 0) {
		sizes[nb_sizes++] = 60;
		conf.max_frame = 60;
	}
	if (label == NULL)
		label = conf.driver;
	return 0;
}

/* One UDP flow; the switch and RSS would see nothing else either. */
static void
fill_frame(struct rte_mbuf *m, uint32_t size)
{
	struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, struct rte_ether_hdr *);
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(eth + 1);
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(ip + 1);

	m->data_len = size;
	m->pkt_len = size;
	memset(eth, 0, size);
	path->addresses(&eth->src_addr, &eth->dst_addr);
	eth->ether_type = rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4);
	ip->version_ihl = RTE_IPV4_VHL_DEF;
	ip->total_length = rte_cpu_to_be_16(size - sizeof(*eth));
	ip->time_to_live = 64;
	ip->next_proto_id = IPPROTO_UDP;
	ip->src_addr = rte_cpu_to_be_32(RTE_IPV4(198, 18, 0, 1));
	ip->dst_addr = rte_cpu_to_be_32(RTE_IPV4(198, 18, 0, 2));
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	udp->src_port = rte_cpu_to_be_16(1024);
	udp->dst_port = rte_cpu_to_be_16(9);
	udp->dgram_len = rte_cpu_to_be_16(size - sizeof(*eth) - sizeof(*ip));
}

/* One turn of the burst through all legs. cycles[] is added up, *calls counts burst calls. */
static int
turn(struct rte_mbuf **pkts, uint64_t *cycles, uint64_t *calls)
{
	uint64_t before = rte_rdtsc();

	for (unsigned int l = 0; l < path->nb_legs; l++) {
		int ret = path->leg[l](pkts, conf.burst);
		uint64_t now = rte_rdtsc();

		if (unlikely(ret < 0)) {
			fprintf(stderr, "%s: %s\n", path->leg_name[l],
				ret == -EPROTO ? "more packets arrived than were sent"
					       : "packets sent did not arrive");
			return ret;
		}
		cycles[l] += now - before;
		*calls += ret;
		before = now;
	}
	return 0;
}

/* The frames that came back have to be the ones that were sent. */
static int
check_frames(struct rte_mbuf **pkts, uint32_t size)
{
	for (unsigned int i = 0; i < conf.burst; i++) {
		struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(
			pkts[i], struct rte_ipv4_hdr *, sizeof(struct rte_ether_hdr));

		/* Over a header that holds its own checksum, the sum is zero. */
		if (pkts[i]->pkt_len != size || rte_ipv4_cksum(ip) != 0) {
			fprintf(stderr,
				"packet %u came back with %u bytes instead of %u, or changed\n", i,
				pkts[i]->pkt_len, size);
			return -EPROTO;
		}
	}
	return 0;
}

static double
clock_cost(void)
{
	struct perf_series s;
	uint64_t start;

	perf_series_reset(&s);
	for (unsigned int w = 0; w < 64; w++) {
		start = rte_rdtsc();
		for (unsigned int i = 0; i < 1000; i++)
			rte_rdtsc();
		perf_series_add(&s, (double)(rte_rdtsc() - start) / 1000 / conf.burst);
	}
	return perf_series_figure(&s).min;
}

/* Add one window to the series of its legs. */
static int
measure_window(
	struct rte_mbuf **pkts, struct perf_series *leg, struct perf_series *total, uint64_t *calls)
{
	uint64_t cycles[CYCLES_MAX_LEGS] = {0}, sum = 0;
	double nb = (double)nb_bursts * conf.burst, probe = perf_probe();

	for (unsigned int b = 0; b < nb_bursts; b++) {
		if (turn(pkts, cycles, calls) != 0)
			return -EIO;
	}
	probe = RTE_MAX(probe, perf_probe());
	for (unsigned int l = 0; l < path->nb_legs; l++) {
		perf_series_add_probed(&leg[l], cycles[l] / nb, probe);
		sum += cycles[l];
	}
	perf_series_add_probed(total, sum / nb, probe);
	return 0;
}

/* Windows of one frame size, until enough of them were quiet; pkts is the burst that goes round. */
static int
measure_windows(struct rte_mbuf **pkts, struct result *r)
{
	static struct perf_series leg[CYCLES_MAX_LEGS], total;
	uint64_t calls = 0;

	perf_series_reset(&total);
	for (unsigned int l = 0; l < path->nb_legs; l++)
		perf_series_reset(&leg[l]);
	while (perf_series_wants(&total, nb_windows)) {
		if (measure_window(pkts, leg, &total, &calls) != 0)
			return -EIO;
	}
	for (unsigned int l = 0; l < path->nb_legs; l++)
		r->leg[l] = perf_series_figure(&leg[l]);
	r->total = perf_series_figure(&total);
	r->turns += (uint64_t)total.tried * nb_bursts;
	r->extra_calls = calls - (uint64_t)total.tried * nb_bursts * path->nb_legs;
	return 0;
}

static int
measure(uint32_t size, struct result *r)
{
	struct rte_mbuf *pkts[2 * CYCLES_MAX_BURST];
	uint64_t ignored[CYCLES_MAX_LEGS] = {0}, calls = 0, lost;
	int ret = 0;

	memset(r, 0, sizeof(*r));
	r->size = size;
	r->clock = clock_cost();
	if (rte_pktmbuf_alloc_bulk(path->pool(), pkts, conf.burst) != 0) {
		fprintf(stderr, "no mbufs for the first burst\n");
		return -ENOMEM;
	}
	for (unsigned int i = 0; i < conf.burst; i++)
		fill_frame(pkts[i], size);

	/* Several times round every ring, so that no buffer is touched for the first time. */
	for (unsigned int b = 0; b < WARM_BURSTS && ret == 0; b++)
		ret = turn(pkts, ignored, &calls);
	if (ret != 0)
		return ret;

	r->turns = WARM_BURSTS;
	lost = path->lost();
	ret = measure_windows(pkts, r);
	if (ret == 0)
		ret = check_frames(pkts, size);
	lost = path->lost() - lost;
	if (lost != 0) {
		fprintf(stderr, "the ports counted %" PRIu64 " lost packets\n", lost);
		ret = -EIO;
	}
	if (ret == 0)
		rte_pktmbuf_free_bulk(pkts, conf.burst);
	return ret;
}

static void
print_text(const struct result *r)
{
	printf("%s: %u B:", label, r->size);
	for (unsigned int l = 0; l < path->nb_legs; l++)
		printf(" %s %.1f/%.1f", path->leg_name[l], r->leg[l].min, r->leg[l].median);
	printf(" total %.1f/%.1f cycles per packet (minimum/median of %u quiet windows"
	       " out of %u, %u packets each, %" PRIu64 " extra calls)\n",
		r->total.min, r->total.median, r->total.quiet, r->total.tried,
		nb_bursts * conf.burst, r->extra_calls);
}

static int
print_json(const struct result *r, unsigned int nb)
{
	FILE *out = strcmp(json_file, "-") == 0 ? stdout : fopen(json_file, "w");

	if (out == NULL) {
		perror(json_file);
		return -errno;
	}
	fprintf(out, "[");
	for (unsigned int i = 0; i < nb; i++, r++) {
		fprintf(out,
			"%s{\"program\": \"ethdev_cycles\", \"path\": \"%s\", \"label\": \"%s\", ",
			i == 0 ? "" : ",\n ", path->name, label);
		fprintf(out, "\"driver\": \"%s\", \"device\": \"%s\", ", conf.driver,
			conf.device != NULL ? conf.device : "virtq-switch");
		fprintf(out,
			"\"frame\": %u, \"burst\": %u, \"ring\": %u, \"probe\": %.4f, "
			"\"packets_per_window\": %u, \"simd_bits\": %u, \"tsc_hz\": %" PRIu64
			", \"turns\": %" PRIu64 ", \"extra_calls\": %" PRIu64
			", \"clock\": %.3f, \"cycles_per_packet\": {",
			r->size, conf.burst, conf.ring, perf_probe_best, nb_bursts * conf.burst,
			rte_vect_get_max_simd_bitwidth(), rte_get_tsc_hz(), r->turns,
			r->extra_calls, r->clock);
		for (unsigned int l = 0; l < path->nb_legs; l++)
			perf_figure_json(out, path->leg_name[l], r->leg[l], ", ");
		perf_figure_json(out, "total", r->total, "}}");
	}
	fprintf(out, "]\n");
	return out == stdout || fclose(out) == 0 ? 0 : -EIO;
}

/* Several instances start together, and measure in turn. */
static int
wait_for_line(void)
{
	char line[16];

	printf("ready\n");
	fflush(stdout);
	return fgets(line, sizeof(line), stdin) != NULL ? 0 : -EPIPE;
}

int
main(int argc, char **argv)
{
	static struct result results[MAX_SIZES];
	int ret = rte_eal_init(argc, argv);

	if (ret < 0) {
		fprintf(stderr, "EAL: %s\n", rte_strerror(rte_errno));
		return EXIT_FAILURE;
	}
	if (parse_options(argc - ret, argv + ret) != 0)
		return EXIT_FAILURE;

	ret = path->open(&conf);
	if (ret == 0 && wait_for_go)
		ret = wait_for_line();
	for (unsigned int i = 0; i < nb_sizes && ret == 0; i++) {
		ret = measure(sizes[i], &results[i]);
		if (ret == 0)
			print_text(&results[i]);
	}
	if (ret == 0 && json_file != NULL)
		ret = print_json(results, nb_sizes);
	if (ret == 0)
		path->close();
	rte_eal_cleanup();
	return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
