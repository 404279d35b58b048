/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef SEQCHECK_OPTIONS_H
#define SEQCHECK_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

/* Faults made by ourselves between driver and check, to prove that the check finds them. */
enum inject {
	INJECT_NONE,
	INJECT_LOSE,
	INJECT_DUPLICATE,
	INJECT_REORDER,
	INJECT_CORRUPT
};

#define SEQ_MAX_LATE 8

struct options {
	uint64_t packets;     /* in all, over all flows; 0 with seconds */
	unsigned int seconds; /* 0: until packets are sent */
	unsigned int window;  /* frames in flight per flow; 0: chosen from ring and frame size */
	uint16_t size_min;
	uint16_t size_max;
	uint16_t queues;
	uint16_t flows; /* per transmit queue */
	uint16_t burst;
	uint16_t descs;
	uint16_t segs;
	uint16_t mbuf_size; /* data room without headroom */
	uint16_t mtu;       /* 0: what the largest frame needs, 1500 at least */
	unsigned int link_timeout_s;
	unsigned int hello_timeout_s;
	unsigned int stall_ms; /* 0: 5000, or 20 with allow_loss */
	/* Bit i: the ith port that was probed. */
	uint64_t checksums; /* asks the device for checksums, and takes frames without */
	uint64_t hash;      /* has the device report the hash of each frame */
	bool hello;
	bool allow_loss;
	bool report_gap;
	bool quiet;
	bool echo;
	bool reflect;
	enum inject inject;
	uint64_t inject_every;
	const char *json;
	const char *late_vdev[SEQ_MAX_LATE];
	unsigned int nb_late;
};

/** Fill opt from the arguments behind the EAL's. @return 0, or -EINVAL after saying what is wrong.
 */
int options_parse(struct options *opt, int argc, char **argv);

void options_usage(const char *program);

#endif
