/* SPDX-License-Identifier: BSD-3-Clause */
#include "options.h"

#include "flow.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum opt_id {
	OPT_PACKETS = 256,
	OPT_SECONDS,
	OPT_WINDOW,
	OPT_SIZE,
	OPT_QUEUES,
	OPT_FLOWS,
	OPT_BURST,
	OPT_DESCS,
	OPT_SEGS,
	OPT_MBUF_SIZE,
	OPT_MTU,
	OPT_LINK_TIMEOUT,
	OPT_HELLO_TIMEOUT,
	OPT_CHECKSUMS,
	OPT_HASH,
	OPT_STALL_MS,
	OPT_NO_HELLO,
	OPT_ALLOW_LOSS,
	OPT_REPORT_GAP,
	OPT_QUIET,
	OPT_ECHO,
	OPT_REFLECT,
	OPT_INJECT,
	OPT_JSON,
	OPT_LATE_VDEV,
	OPT_HELP,
};

static const struct option longs[] = {
	{"packets", required_argument, NULL, OPT_PACKETS},
	{"seconds", required_argument, NULL, OPT_SECONDS},
	{"window", required_argument, NULL, OPT_WINDOW},
	{"size", required_argument, NULL, OPT_SIZE},
	{"queues", required_argument, NULL, OPT_QUEUES},
	{"flows", required_argument, NULL, OPT_FLOWS},
	{"burst", required_argument, NULL, OPT_BURST},
	{"descs", required_argument, NULL, OPT_DESCS},
	{"segs", required_argument, NULL, OPT_SEGS},
	{"mbuf-size", required_argument, NULL, OPT_MBUF_SIZE},
	{"mtu", required_argument, NULL, OPT_MTU},
	{"link-timeout", required_argument, NULL, OPT_LINK_TIMEOUT},
	{"hello-timeout", required_argument, NULL, OPT_HELLO_TIMEOUT},
	{"checksums", required_argument, NULL, OPT_CHECKSUMS},
	{"hash", required_argument, NULL, OPT_HASH},
	{"stall-ms", required_argument, NULL, OPT_STALL_MS},
	{"no-hello", no_argument, NULL, OPT_NO_HELLO},
	{"allow-loss", no_argument, NULL, OPT_ALLOW_LOSS},
	{"report-gap", no_argument, NULL, OPT_REPORT_GAP},
	{"quiet", no_argument, NULL, OPT_QUIET},
	{"echo", no_argument, NULL, OPT_ECHO},
	{"reflect", no_argument, NULL, OPT_REFLECT},
	{"inject", required_argument, NULL, OPT_INJECT},
	{"json", required_argument, NULL, OPT_JSON},
	{"late-vdev", required_argument, NULL, OPT_LATE_VDEV},
	{"help", no_argument, NULL, OPT_HELP},
	{NULL, 0, NULL, 0},
};

void
options_usage(const char *program)
{
	printf("usage: %s [EAL options] -- [options]\n"
	       "Ports 0 and 1, 2 and 3, ... send to each other; every frame is checked.\n"
	       "  --packets N          frames to send in all (default 1000000)\n"
	       "  --seconds N          send for N seconds instead\n"
	       "  --window N           frames in flight per flow (default: half a ring, <= 256)\n"
	       "  --size LEN|MIN-MAX   frame length without CRC, 60 to %u (default 60)\n"
	       "  --queues N           queue pairs per port (default 1)\n"
	       "  --flows N            flows per transmit queue (default 1)\n"
	       "  --burst N            frames per burst, up to %u (default 32)\n"
	       "  --descs N            descriptors per queue (default 1024, the driver may lower "
	       "it)\n"
	       "  --segs N             send each frame as N mbuf segments (default 1)\n"
	       "  --mbuf-size N        data bytes per mbuf (default 2048)\n"
	       "  --mtu N              MTU to configure (default: what --size needs)\n"
	       "  --late-vdev ARGS     add this device after the --vdev ones were started\n"
	       "  --link-timeout S     wait for links (default 30)\n"
	       "  --hello-timeout S    wait for the first frame of each flow (default 10)\n"
	       "  --checksums MASK     ports that leave checksums to the device, both ways\n"
	       "  --hash MASK          ports to which the device reports the hash of frames\n"
	       "  --no-hello           do not send frames ahead for MAC learning\n"
	       "  --stall-ms N         a full window without arrivals is loss (default 5000, or "
	       "20)\n"
	       "  --allow-loss         loss is counted and no failure\n"
	       "  --report-gap         print when traffic stood still for 50 ms or more\n"
	       "  --echo               each port's frames come back to it\n"
	       "  --reflect            send back what arrives until SIGINT, check nothing\n"
	       "  --inject FAULT=N     lose, duplicate, reorder or corrupt each Nth arrival\n"
	       "  --json FILE          write the result there\n"
	       "  --quiet              no rates while running\n",
		program, SEQ_FRAME_MAX, SEQ_MAX_BURST);
}

static int
parse_number(const char *name, const char *text, uint64_t min, uint64_t max, uint64_t *value)
{
	char *end;

	errno = 0;
	*value = strtoull(text, &end, 0);
	if (errno == 0 && *text != '-' && end != text && *end == '\0' && *value >= min &&
		*value <= max)
		return 0;
	fprintf(stderr, "seqcheck: --%s=%s: expected a number from %llu to %llu\n", name, text,
		(unsigned long long)min, (unsigned long long)max);
	return -EINVAL;
}

static int
parse_size(struct options *opt, const char *text)
{
	unsigned int min, max;
	char tail;
	int got = sscanf(text, "%u-%u%c", &min, &max, &tail);

	if (got == 1 && strchr(text, '-') == NULL)
		max = min;
	else if (got != 2)
		min = 0;
	if (min < SEQ_FRAME_MIN || max < min || max > SEQ_FRAME_MAX) {
		fprintf(stderr, "seqcheck: --size=%s: expected LEN or MIN-MAX within %u to %u\n",
			text, SEQ_FRAME_MIN, SEQ_FRAME_MAX);
		return -EINVAL;
	}
	opt->size_min = min;
	opt->size_max = max;
	return 0;
}

static int
parse_inject(struct options *opt, const char *text)
{
	static const char *const names[] = {
		[INJECT_LOSE] = "lose",
		[INJECT_DUPLICATE] = "duplicate",
		[INJECT_REORDER] = "reorder",
		[INJECT_CORRUPT] = "corrupt",
	};

	for (unsigned int i = INJECT_LOSE; i <= INJECT_CORRUPT; i++) {
		size_t length = strlen(names[i]);

		if (strncmp(text, names[i], length) == 0 && text[length] == '=') {
			opt->inject = i;
			return parse_number(
				"inject", text + length + 1, 2, UINT32_MAX, &opt->inject_every);
		}
	}
	fprintf(stderr,
		"seqcheck: --inject=%s: expected lose=N, duplicate=N, reorder=N or corrupt=N\n",
		text);
	return -EINVAL;
}

/* Options whose value is one number within a range. */
static int
parse_numeric(struct options *opt, int id, const char *name, const char *arg)
{
	static const struct {
		int id;
		uint64_t min, max;
	} ranges[] = {
		{OPT_PACKETS, 1, UINT64_MAX / 2},
		{OPT_SECONDS, 1, 1000000},
		{OPT_WINDOW, 1, SEQ_HISTORY / 4},
		{OPT_QUEUES, 1, SEQ_MAX_QUEUES},
		{OPT_FLOWS, 1, 64},
		{OPT_BURST, 1, SEQ_MAX_BURST},
		{OPT_DESCS, 2, 32768},
		{OPT_SEGS, 1, 32},
		{OPT_MBUF_SIZE, 64, 16384},
		{OPT_MTU, 68, 65535},
		{OPT_LINK_TIMEOUT, 0, 3600},
		{OPT_HELLO_TIMEOUT, 1, 3600},
		{OPT_STALL_MS, 1, 3600000},
		{OPT_CHECKSUMS, 0, UINT64_MAX},
		{OPT_HASH, 0, UINT64_MAX},
	};
	uint64_t value = 0;

	for (unsigned int i = 0; i < RTE_DIM(ranges); i++) {
		if (ranges[i].id == id &&
			parse_number(name, arg, ranges[i].min, ranges[i].max, &value) != 0)
			return -EINVAL;
	}
	switch (id) {
	case OPT_PACKETS:
		opt->packets = value;
		break;
	case OPT_SECONDS:
		opt->seconds = value;
		break;
	case OPT_WINDOW:
		opt->window = value;
		break;
	case OPT_QUEUES:
		opt->queues = value;
		break;
	case OPT_FLOWS:
		opt->flows = value;
		break;
	case OPT_BURST:
		opt->burst = value;
		break;
	case OPT_DESCS:
		opt->descs = value;
		break;
	case OPT_SEGS:
		opt->segs = value;
		break;
	case OPT_MBUF_SIZE:
		opt->mbuf_size = value;
		break;
	case OPT_MTU:
		opt->mtu = value;
		break;
	case OPT_LINK_TIMEOUT:
		opt->link_timeout_s = value;
		break;
	case OPT_HELLO_TIMEOUT:
		opt->hello_timeout_s = value;
		break;
	case OPT_STALL_MS:
		opt->stall_ms = value;
		break;
	case OPT_CHECKSUMS:
		opt->checksums = value;
		break;
	case OPT_HASH:
		opt->hash = value;
		break;
	}
	return 0;
}

static int
parse_one(struct options *opt, int id, const char *name, const char *arg, const char *program)
{
	switch (id) {
	case OPT_SIZE:
		return parse_size(opt, arg);
	case OPT_INJECT:
		return parse_inject(opt, arg);
	case OPT_NO_HELLO:
		opt->hello = false;
		return 0;
	case OPT_ALLOW_LOSS:
		opt->allow_loss = true;
		return 0;
	case OPT_REPORT_GAP:
		opt->report_gap = true;
		return 0;
	case OPT_QUIET:
		opt->quiet = true;
		return 0;
	case OPT_ECHO:
		opt->echo = true;
		return 0;
	case OPT_REFLECT:
		opt->reflect = true;
		return 0;
	case OPT_JSON:
		opt->json = arg;
		return 0;
	case OPT_LATE_VDEV:
		if (opt->nb_late == SEQ_MAX_LATE)
			return -EINVAL;
		opt->late_vdev[opt->nb_late++] = arg;
		return 0;
	case OPT_HELP:
		options_usage(program);
		exit(0);
	case '?':
		return -EINVAL;
	default:
		return parse_numeric(opt, id, name, arg);
	}
}

int
options_parse(struct options *opt, int argc, char **argv)
{
	int id, index = 0;

	*opt = (struct options){.size_min = SEQ_FRAME_MIN,
		.size_max = SEQ_FRAME_MIN,
		.queues = 1,
		.flows = 1,
		.burst = 32,
		.descs = 1024,
		.segs = 1,
		.mbuf_size = 2048,
		.link_timeout_s = 30,
		.hello_timeout_s = 10,
		.hello = true};
	optind = 1;
	while ((id = getopt_long(argc, argv, "", longs, &index)) != -1) {
		const char *name = id == '?' ? "" : longs[id - OPT_PACKETS].name;

		if (parse_one(opt, id, name, optarg, argv[0]) != 0)
			return -EINVAL;
	}
	if (optind != argc) {
		fprintf(stderr, "seqcheck: unexpected argument '%s'\n", argv[optind]);
		return -EINVAL;
	}
	if (opt->packets == 0 && opt->seconds == 0)
		opt->packets = 1000000;
	if (opt->stall_ms == 0)
		opt->stall_ms = opt->allow_loss ? 20 : 5000;
	return 0;
}
