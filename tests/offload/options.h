/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef OFFLOAD_OPTIONS_H
#define OFFLOAD_OPTIONS_H

#include "frame.h"

#include <stdbool.h>
#include <stdint.h>

#define MAX_SIZES 16
#define MAX_SEGS 32

enum accept {
	ACCEPT_NONE, /* complete packets only */
	ACCEPT_CSUM, /* partial checksums */
	ACCEPT_ALL,  /* and LRO */
};

/* Faults made by ourselves between driver and judge, to prove that they are found. */
enum inject {
	INJECT_NONE,
	INJECT_LOSE,
	INJECT_DOUBLE,
	INJECT_SWAP,
	INJECT_DAMAGE,
	INJECT_KEEP
};

struct options {
	bool kinds[KIND_MAX];
	uint32_t sizes[MAX_SIZES];
	unsigned int nb_sizes;
	uint16_t segs_min, segs_max;
	enum accept accept;
	uint32_t mtu;
	uint32_t largest_mss; /* 0: what the MTU allows */
	uint16_t mbuf_size;   /* data bytes of a receive mbuf */
	uint16_t descs;
	uint16_t rounds;
	uint16_t window;  /* frames under way */
	uint16_t buffers; /* receive buffers under way */
	uint64_t seed;
	unsigned int wait_ms; /* without an arrival: lost */
	unsigned int max_failures;
	unsigned int link_timeout_s;
	bool echo;     /* each port's frames come back to it */
	bool one_way;  /* in one direction only */
	uint16_t from; /* which is from this port */
	uint8_t max_tags;
	bool prepared;      /* frames as tx_prepare makes them ready */
	bool raw;           /* frames made ready by ourselves, cut anywhere */
	bool no_extensions; /* IPv6 without extension headers where offloads are used */
	enum inject inject;
	uint32_t inject_at; /* once, with this arrival */
	bool verbose;
	const char *json;
	const char *late_vdev;
};

/** @return 0, or -EINVAL after saying what is wrong. */
int options_parse(struct options *opt, int argc, char **argv);

#endif
