/* SPDX-License-Identifier: BSD-3-Clause */
/* A port in RSS mode and a scripted backend that serves its control ring. */
#ifndef TESTS_PMD_RSS_PORT_H
#define TESTS_PMD_RSS_PORT_H

#include "fixture.h"

/* Flow types of ethdev that are one hash type of the standard. */
#define V4 (RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_FRAG_IPV4 | RTE_ETH_RSS_NONFRAG_IPV4_OTHER)
#define V6 (RTE_ETH_RSS_IPV6 | RTE_ETH_RSS_FRAG_IPV6 | RTE_ETH_RSS_NONFRAG_IPV6_OTHER)
#define ALL (RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP)

/* Commands of class 4. */
#define RSS_COMMAND 1
#define HASH_COMMAND 2

extern struct backend rss_b;
extern struct backend_command rss_last; /* that was looked at */

/* The key of Microsoft's verification suite. */
extern const uint8_t rss_default_key[40];

/** A backend of four pairs with everything, its tables this long, these hash types. */
void rss_begin(uint16_t table_max, uint32_t types);

/** Configure and set up so many queues of both kinds. */
void rss_configure(uint16_t port, uint16_t queues, uint64_t flows, uint64_t offloads);

/** Start the backend, and a port with these hash types. */
uint16_t rss_start(uint16_t queues, uint64_t flows, uint64_t offloads);

/** Little-endian number in the last command. */
uint32_t rss_le(uint32_t at, unsigned int bytes);

/** The last RSS command is this one; table NULL: round robin over the queues. */
void assert_rss(uint32_t types, uint32_t entries, const uint16_t *table, uint16_t queues,
	const uint8_t *key);

/** How many there were. */
unsigned int rss_commands(void);

int rss_update(uint16_t port, uint64_t flows, uint8_t *key, uint8_t length);

/** What the application is told. */
void assert_rss_conf(uint16_t port, uint64_t flows, const uint8_t *key);
void assert_reta(uint16_t port, uint16_t entries, const uint16_t *table, uint16_t queues);

/** Answer of a backend that takes no RSS. */
int rss_refuse(struct backend *backend, const uint8_t *bytes, uint32_t nb);

#endif
