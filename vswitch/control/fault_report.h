/* SPDX-License-Identifier: BSD-3-Clause */
/* Rings that guests broke: who, where, what, how often; said once each and not too often. */
#ifndef FAULT_REPORT_H
#define FAULT_REPORT_H

#include "../port.h"

#define FAULT_VALUE_BYTES 64
#define FAULT_DETAIL_BYTES (FAULT_VALUE_BYTES + 48)

/**
 * The offending value: "address 0xdead0000".
 *
 * @param text  [FAULT_VALUE_BYTES] Out.
 * @return text.
 */
const char *fault_value(const struct virtq_fault_info *fault, char *text);

/**
 * Where a fault was and what was wrong: "address 0xdead0000, descriptor 3, position 17".
 *
 * @param text  [FAULT_DETAIL_BYTES] Out.
 * @return text.
 */
const char *fault_detail(const struct virtq_fault_info *fault, char *text);

/** All faults of a port so far. As port_ring_faults(). */
uint64_t fault_count(const struct port *port);

/**
 * Write a line for each ring that broke since the last look. A guest that breaks its rings again
 * and again gets CONTROL_LINES_PER_SECOND; what was left out is told with the next line.
 * The eventfd of SET_VRING_ERR is signalled for each look that found a new one.
 *
 * Main thread, often: the time between two calls is how long a fault stays unsaid.
 */
void fault_report(void);

#endif
