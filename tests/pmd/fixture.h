/* SPDX-License-Identifier: BSD-3-Clause */
/* A port of the driver in this process, without hugepages or root, and what a test sees of it. */
#ifndef TESTS_PMD_FIXTURE_H
#define TESTS_PMD_FIXTURE_H

#include "backend.h"
#include "support/covers.h"

#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include <stdbool.h>
#include <stdint.h>

/* A condition that has to come; how long that takes decides nothing but how long a failure takes.
 */
#define UNTIL(condition) \
	do { \
		for (unsigned int tries_ = 0; !(condition); tries_++) { \
			if (tries_ == 10000) \
				fail_msg("never came: %s", #condition); \
			rte_delay_us_sleep(1000); \
		} \
	} while (0)

#define DATA_ROOM (RTE_PKTMBUF_HEADROOM + 2048)

extern struct rte_mempool *pool;
extern char sock_path[];

/**
 * EAL, pool, temporary directory. Call first in main(); the driver looks more often.
 * VIRTQ_SIMD_WIDTH in the environment: EAL's --force-max-simd-bitwidth.
 */
void fixture_start(void);
/** The same with memory that grows. @return false: no hugepages for it, nothing was started. */
bool fixture_start_huge(void);
/** @return exit code of the program. */
int fixture_end(int failed);

/** Log of the driver since log_forget(). */
const char *log_text(void);
void log_forget(void);

/** Add vdev net_virtq_t with path=sock_path and these arguments (may be ""). */
uint16_t port_add(const char *more);
/** @return what rte_eal_hotplug_add() gave; for arguments that must fail. */
int port_try(const char *args);
void port_remove(uint16_t port);

struct port_shape {
	uint16_t rx;
	uint16_t tx;
	uint16_t nb_desc; /* 0: 64 */
	uint16_t mtu;     /* 0: default */
	uint64_t rx_offloads;
	uint64_t tx_offloads;
	bool lsc;
	bool rx_intr;
	bool hash; /* the flow's hash with each packet */
};
void port_configure(uint16_t port, struct port_shape shape);
bool port_up(uint16_t port);
/** value of an xstat, by name. */
uint64_t port_xstat(uint16_t port, const char *name);

/** Send nb packets of len bytes, all in one segment; @return how many were taken. */
uint16_t port_send(uint16_t port, uint16_t queue, uint16_t nb, uint16_t len);

/** What a process must not lose: compare before and after. */
struct resources {
	unsigned int fds;
	unsigned int threads;
	unsigned int mbufs;
	unsigned int heap; /* pieces */
};
struct resources resources_now(void);
void assert_resources(struct resources before);

/** The usual backend, at sock_path, not started yet; an empty log. */
void backend_begin(struct backend *b);
/** Backend and port go; the backend has no complaint, and nothing is left of either. */
void port_end(uint16_t port, struct backend *b, struct resources before);

#endif
