/* SPDX-License-Identifier: BSD-3-Clause */
/* Two ports, a frontend on each, and the control queue of the first: what tests of it begin with.
 */
#ifndef TESTS_CONTROL_SCENE_H
#define TESTS_CONTROL_SCENE_H

#include "bench.h"
#include "control/control_ring.h"
#include "control/port_vhost.h"
#include "control_driver.h"

#define STATUS_OK 0xf
#define ALL_FEATURES \
	(CD_BASE | CD_COMMANDS | CD_HASH_REPORT | CD_MAC | CD_STATUS | FE_F(1) | FE_F(7))

/* Of the running test. */
extern struct port *pa, *pb;
extern struct control_driver cd;
extern struct cmd cmd;

/** Both ports, of so many queue pairs and of one, and who connects to them; b runs. */
void scene_connect(uint16_t pairs);

/** What fa does from features to DRIVER_OK: its first nb_rings rings and the control queue. */
void scene_bring_up(uint64_t features, uint32_t nb_rings);

/** All of it, with a control queue of size entries behind all pairs; MQ with several of them. */
void scene_start(uint16_t pairs, uint64_t features, uint32_t size);

/** Take back scene_connect() and what followed. */
void scene_stop(void);

/** The control state that the switch has of port a. */
struct vhost_control *scene_control(void);

/** What is in force there, which is what was told. */
const struct vnet_ctrl_state *scene_state(void);

/** Commands refused so far, for any reason. */
uint64_t scene_refused(void);

/** Send cmd, as control_do(). */
int scene_run(void);

#endif
