/* SPDX-License-Identifier: BSD-3-Clause */
/* A port with a control ring, and its wishes, for tests. */
#ifndef TESTS_PMD_CONTROL_H
#define TESTS_PMD_CONTROL_H

#include "fixture.h"
#include "pmd_port.h"

struct pmd_port *control_port(uint16_t port);

/** pmd_ctrl_apply(), pmd_ctrl_ready(), pmd_ctrl_wanted() under the port's lock. */
int control_apply(uint16_t port, const struct vnet_ctrl *c);
bool control_ready(uint16_t port);
struct vnet_ctrl_state control_wanted(uint16_t port);

/** The usual backend with a control ring and everything else, not started yet. */
void control_begin(struct backend *b, uint16_t pairs);

/** Start the backend and a port of this shape, VLAN filter on, which runs. */
uint16_t control_start(struct backend *b, struct port_shape shape);

/** One simple wish, and its opposite. */
extern const struct vnet_ctrl promisc_off;
extern const struct vnet_ctrl promisc_on;

#endif
