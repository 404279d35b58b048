/* SPDX-License-Identifier: BSD-3-Clause */
/* What the standard says of a frame to a guest with a control queue, mode by mode; slow. */
#ifndef TESTS_POLICY_MODEL_H
#define TESTS_POLICY_MODEL_H

#include "net/vnet_ctrl_state.h"
#include "port.h"

/**
 * Is a frame wanted?
 *
 * @param frame  With its tag, if it has one, whole.
 * @param stats  Of the receiver.
 * @param counter  Out: the counter of stats that a frame falls under which is not.
 */
bool policy_model(const struct vnet_ctrl_state *s, const uint8_t *frame,
	const struct port_tx_stats *stats, const uint64_t **counter);

#endif
