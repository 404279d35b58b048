/* SPDX-License-Identifier: BSD-3-Clause */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum opt_id {
	OPT_KINDS = 256,
	OPT_SIZES,
	OPT_SEGS,
	OPT_ACCEPT,
	OPT_MTU,
	OPT_LARGEST_MSS,
	OPT_MBUF_SIZE,
	OPT_DESCS,
	OPT_ROUNDS,
	OPT_WINDOW,
	OPT_BUFFERS,
	OPT_SEED,
	OPT_WAIT_MS,
	OPT_MAX_FAILURES,
	OPT_LINK_TIMEOUT,
	OPT_ECHO,
	OPT_ONE_WAY,
	OPT_MAX_TAGS,
	OPT_ONLY,
	OPT_INJECT,
	OPT_NO_EXTENSIONS,
	OPT_VERBOSE,
	OPT_JSON,
	OPT_LATE_VDEV,
	OPT_HELP,
};

static const struct option longs[] = {
	{"kinds", required_argument, NULL, OPT_KINDS},
	{"sizes", required_argument, NULL, OPT_SIZES},
	{"segs", required_argument, NULL, OPT_SEGS},
	{"accept", required_argument, NULL, OPT_ACCEPT},
	{"mtu", required_argument, NULL, OPT_MTU},
	{"largest-mss", required_argument, NULL, OPT_LARGEST_MSS},
	{"mbuf-size", required_argument, NULL, OPT_MBUF_SIZE},
	{"descs", required_argument, NULL, OPT_DESCS},
	{"rounds", required_argument, NULL, OPT_ROUNDS},
	{"window", required_argument, NULL, OPT_WINDOW},
	{"buffers", required_argument, NULL, OPT_BUFFERS},
	{"seed", required_argument, NULL, OPT_SEED},
	{"wait-ms", required_argument, NULL, OPT_WAIT_MS},
	{"max-failures", required_argument, NULL, OPT_MAX_FAILURES},
	{"link-timeout", required_argument, NULL, OPT_LINK_TIMEOUT},
	{"echo", no_argument, NULL, OPT_ECHO},
	{"one-way", required_argument, NULL, OPT_ONE_WAY},
	{"max-tags", required_argument, NULL, OPT_MAX_TAGS},
	{"only", required_argument, NULL, OPT_ONLY},
	{"inject", required_argument, NULL, OPT_INJECT},
	{"no-extensions", no_argument, NULL, OPT_NO_EXTENSIONS},
	{"verbose", no_argument, NULL, OPT_VERBOSE},
	{"json", required_argument, NULL, OPT_JSON},
	{"late-vdev", required_argument, NULL, OPT_LATE_VDEV},
	{"help", no_argument, NULL, OPT_HELP},
	{NULL, 0, NULL, 0},
};

static void
usage(const char *program)
{
	printf("usage: %s [EAL options] -- [options]\n"
	       "Two ports send each other every combination of offload, size and segments; each\n"
	       "byte of what arrives is judged.\n"
	       "  --kinds LIST         none,csum,tso4,tso6,uso (default: all)\n"
	       "  --sizes LIST         bytes of a frame (default 60,1500,9000,65000)\n"
	       "  --segs N|MIN-MAX     mbuf segments of a frame (default 1-17)\n"
	       "  --accept WHAT        receivers ask for: none, csum, or all (with LRO; default)\n"
	       "  --mtu N              of both ports (default 1500)\n"
	       "  --largest-mss N      of a segment (default: what the MTU allows)\n"
	       "  --mbuf-size N        data bytes of a receive mbuf (default 2048)\n"
	       "  --descs N            descriptors per queue (default 256)\n"
	       "  --rounds N           every combination so often, with other headers (default 1)\n"
	       "  --only HOW           prepared: all by tx_prepare, or raw: none (default: both)\n"
	       "  --window N           frames under way, up to 15 (default 8)\n"
	       "  --buffers N          receive buffers that they may take (default 100)\n"
	       "  --seed N             other headers and payload (default 1)\n"
	       "  --wait-ms N          lost when nothing arrives for so long (default 2000)\n"
	       "  --max-failures N     give up then (default 20)\n"
	       "  --link-timeout S     wait for links (default 20)\n"
	       "  --one-way N          from port N, 0 or 1, to the other only\n"
	       "  --max-tags N         VLAN tags, up to 2 (default 2)\n"
	       "  --echo               one port, its frames come back to it\n"
	       "  --late-vdev ARGS     add this device after the --vdev ones were started\n"
	       "  --json FILE          write the result there\n"
	       "  --inject FAULT=N     lose, double, swap, damage or keep the Nth arrival\n"
	       "  --no-extensions      offloads of IPv6 without extension headers only\n"
	       "  --verbose            tell each frame\n"
	       "Exit: 0 all right, 1 something is wrong, 2 wrong usage.\n",
		program);
}

static int
refuse(const char *name, const char *text, const char *expected)
{
	fprintf(stderr, "offload: --%s=%s: expected %s\n", name, text, expected);
	return -EINVAL;
}

static int
parse_number(const char *name, const char *text, uint64_t min, uint64_t max, uint64_t *value)
{
	char *end, expected[80];

	errno = 0;
	*value = strtoull(text, &end, 0);
	if (errno == 0 && *text != '-' && end != text && *end == '\0' && *value >= min &&
		*value <= max)
		return 0;
	snprintf(expected, sizeof(expected), "a number from %llu to %llu", (unsigned long long)min,
		(unsigned long long)max);
	return refuse(name, text, expected);
}

static int
parse_kinds(struct options *opt, const char *text)
{
	char copy[128], *rest = copy, *word;

	snprintf(copy, sizeof(copy), "%s", text);
	memset(opt->kinds, 0, sizeof(opt->kinds));
	while ((word = strsep(&rest, ",")) != NULL) {
		unsigned int i = 0;

		while (i < KIND_MAX && strcmp(word, kind_name(i)) != 0)
			i++;
		if (i == KIND_MAX)
			return refuse("kinds", text, "a list of none, csum, tso4, tso6, uso");
		opt->kinds[i] = true;
	}
	return 0;
}

static int
parse_sizes(struct options *opt, const char *text)
{
	char copy[128], *rest = copy, *word;
	uint64_t value;

	snprintf(copy, sizeof(copy), "%s", text);
	opt->nb_sizes = 0;
	while ((word = strsep(&rest, ",")) != NULL) {
		if (opt->nb_sizes == MAX_SIZES)
			return refuse("sizes", text, "fewer sizes");
		if (parse_number("sizes", word, 60, 65300, &value) != 0)
			return -EINVAL;
		opt->sizes[opt->nb_sizes++] = (uint32_t)value;
	}
	return 0;
}

static int
parse_segs(struct options *opt, const char *text)
{
	unsigned int min, max;
	char tail;
	int got = sscanf(text, "%u-%u%c", &min, &max, &tail);

	if (got == 1 && strchr(text, '-') == NULL)
		max = min;
	else if (got != 2)
		min = 0;
	if (min < 1 || max < min || max > MAX_SEGS)
		return refuse("segs", text, "N or MIN-MAX within 1 to 32");
	opt->segs_min = (uint16_t)min;
	opt->segs_max = (uint16_t)max;
	return 0;
}

static int
parse_accept(struct options *opt, const char *text)
{
	static const char *const words[] = {"none", "csum", "all"};

	for (unsigned int i = 0; i < 3; i++) {
		if (strcmp(text, words[i]) == 0) {
			opt->accept = i;
			return 0;
		}
	}
	return refuse("accept", text, "none, csum or all");
}

static int
parse_inject(struct options *opt, const char *text)
{
	static const char *const names[] = {"", "lose", "double", "swap", "damage", "keep"};
	const char *equals = strchr(text, '=');
	uint64_t value;

	for (unsigned int i = INJECT_LOSE; equals != NULL && i <= INJECT_KEEP; i++) {
		if (strncmp(text, names[i], (size_t)(equals - text)) != 0 ||
			strlen(names[i]) != (size_t)(equals - text))
			continue;
		if (parse_number("inject", equals + 1, 1, UINT32_MAX, &value) != 0)
			return -EINVAL;
		opt->inject = i;
		opt->inject_at = (uint32_t)value;
		return 0;
	}
	return refuse("inject", text, "lose=N, double=N, swap=N, damage=N or keep=N");
}

static int
parse_only(struct options *opt, const char *text)
{
	opt->prepared = strcmp(text, "prepared") == 0;
	opt->raw = strcmp(text, "raw") == 0;
	return opt->prepared || opt->raw ? 0 : refuse("only", text, "prepared or raw");
}

static int
parse_numeric(struct options *opt, int id, const char *name, const char *arg)
{
	uint64_t value = 0;

	switch (id) {
#define NUMBER(ID, FIELD, MIN, MAX) \
	case ID: \
		if (parse_number(name, arg, MIN, MAX, &value) != 0) \
			return -EINVAL; \
		opt->FIELD = value; \
		return 0;
		NUMBER(OPT_MTU, mtu, 68, 65535)
		NUMBER(OPT_LARGEST_MSS, largest_mss, 1, 65535)
		NUMBER(OPT_MBUF_SIZE, mbuf_size, 64, 65280)
		NUMBER(OPT_DESCS, descs, 2, 32768)
		NUMBER(OPT_ROUNDS, rounds, 1, 10000)
		NUMBER(OPT_WINDOW, window, 1, 15)
		NUMBER(OPT_BUFFERS, buffers, 1, 16384)
		NUMBER(OPT_SEED, seed, 0, UINT64_MAX)
		NUMBER(OPT_WAIT_MS, wait_ms, 1, 600000)
		NUMBER(OPT_MAX_FAILURES, max_failures, 1, 1000000)
		NUMBER(OPT_ONE_WAY, from, 0, 1)
		NUMBER(OPT_MAX_TAGS, max_tags, 0, 2)
		NUMBER(OPT_LINK_TIMEOUT, link_timeout_s, 0, 3600)
#undef NUMBER
	}
	return -EINVAL;
}

static int
parse_one(struct options *opt, int id, const char *name, const char *arg, const char *program)
{
	switch (id) {
	case OPT_KINDS:
		return parse_kinds(opt, arg);
	case OPT_SIZES:
		return parse_sizes(opt, arg);
	case OPT_SEGS:
		return parse_segs(opt, arg);
	case OPT_ACCEPT:
		return parse_accept(opt, arg);
	case OPT_ONE_WAY:
		opt->one_way = true;
		return parse_numeric(opt, id, name, arg);
	case OPT_ONLY:
		return parse_only(opt, arg);
	case OPT_ECHO:
		opt->echo = true;
		return 0;
	case OPT_INJECT:
		return parse_inject(opt, arg);
	case OPT_NO_EXTENSIONS:
		opt->no_extensions = true;
		return 0;
	case OPT_VERBOSE:
		opt->verbose = true;
		return 0;
	case OPT_JSON:
		opt->json = arg;
		return 0;
	case OPT_LATE_VDEV:
		opt->late_vdev = arg;
		return 0;
	case OPT_HELP:
		usage(program);
		exit(0);
	default:
		return parse_numeric(opt, id, name, arg);
	}
}

int
options_parse(struct options *opt, int argc, char **argv)
{
	int id, index = 0;

	*opt = (struct options){.kinds = {true, true, true, true, true},
		.sizes = {60, 1500, 9000, 65000},
		.nb_sizes = 4,
		.segs_min = 1,
		.segs_max = 17,
		.accept = ACCEPT_ALL,
		.mtu = 1500,
		.mbuf_size = 2048,
		.descs = 256,
		.rounds = 1,
		.window = 8,
		.buffers = 100,
		.seed = 1,
		.wait_ms = 2000,
		.max_failures = 20,
		.link_timeout_s = 20,
		.prepared = true,
		.raw = true,
		.max_tags = 2};
	optind = 1;
	while ((id = getopt_long(argc, argv, "", longs, &index)) != -1) {
		const char *name = id == '?' ? "" : longs[id - OPT_KINDS].name;

		if (id == '?' || parse_one(opt, id, name, optarg, argv[0]) != 0)
			return -EINVAL;
	}
	if (optind != argc) {
		fprintf(stderr, "offload: unexpected argument '%s'\n", argv[optind]);
		return -EINVAL;
	}
	return 0;
}
