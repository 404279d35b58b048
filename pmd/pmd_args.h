/* SPDX-License-Identifier: BSD-3-Clause */
/* Device arguments of net_virtq. Those that net_virtio_user has mean the same here. */
#ifndef PMD_ARGS_H
#define PMD_ARGS_H

#include <rte_ether.h>

#include <stdbool.h>
#include <stdint.h>
#include <sys/un.h>

/* Ring indices are eight bits wide in vhost-user's kick and call messages. */
#define PMD_QUEUES_MAX 128
#define PMD_QUEUE_SIZE_DEFAULT 256

/* Device arguments, name and text for the user. */
#define PMD_ARGS_TEXT \
	"path=<socket> " \
	"mac=<mac> " \
	"queues=<1..128> " \
	"queue_size=<power of 2, 2..32768> " \
	"server=<0|1> " \
	"mrg_rxbuf=<0|1> " \
	"in_order=<0|1> " \
	"ptypes=<0|1> " \
	"speed=<Mbit/s> " \
	"wait=<seconds> " \
	"packed_vq=<0> " \
	"cq=<0|1> " \
	"vectorized=<0|1>"

struct pmd_args {
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	struct rte_ether_addr mac;
	bool has_mac;
	uint16_t queues;
	uint16_t queue_size;
	bool server;
	bool mrg_rxbuf;
	bool in_order;
	bool ptypes;     /* name the type of every received packet */
	uint32_t speed;  /* Mbit/s, 0: not given */
	uint32_t wait_s; /* probe waits so long for a backend */
};

/**
 * Device arguments to settings; what is wrong is logged with the remedy.
 *
 * @param name  Of the device, for messages.
 * @param text  "key=value,...", may be NULL.
 * @return 0; -EINVAL for a missing path, an unknown, repeated or impossible argument; -ENOTSUP for
 *     what net_virtio_user can do and this driver cannot.
 */
int pmd_args_parse(struct pmd_args *args, const char *name, const char *text);

#endif
