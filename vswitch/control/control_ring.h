/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Commands of guests: taken from control rings by the main thread, checked, applied, answered.
 *
 * What a guest can make main do is bounded: it has a number of commands for each housekeeping, and
 * kicks that bring none count, too.
 */
#ifndef CONTROL_RING_H
#define CONTROL_RING_H

#include "net/vnet_ctrl_state.h"
#include "vhost_control.h"

/* Reasons of this end why a command is not carried out, besides those of enum vnet_ctrl_bad. */
#define CONTROL_REFUSALS(_) \
	_(no_ack_place, "no writable byte for the answer") \
	_(no_memory, "the switch is out of memory")

#define CONTROL_REFUSAL_FIELD(name, text) uint64_t name;
struct control_counters {
	uint64_t commands[VNET_CTRL_KINDS];  /* carried out, by kind */
	uint64_t refused[VNET_CTRL_BAD_MAX]; /* by reason */
	CONTROL_REFUSALS(CONTROL_REFUSAL_FIELD)
};
#undef CONTROL_REFUSAL_FIELD

/* All under the port's lock. */
struct vhost_control {
	bool set_up;                      /* the ring was started since the reset */
	struct vnet_ctrl_state state;     /* what commands add up to */
	bool filtering;                   /* the workers have been given in_force */
	struct vnet_ctrl_state in_force;  /* if filtering */
	uint16_t mtu;                     /* in force; 0: no limit */
	struct control_counters counters; /* for ever */
	int kick_fd;                      /* ours; -1: none */
	bool watched;                     /* kick_fd is waited for */
	uint32_t budget;                  /* commands and kicks left until the next housekeeping */
};

/** All refusals so far. */
uint64_t control_refused(const struct control_counters *counters);

/* Main thread. */
int control_rings_init(void);
void control_rings_fini(void);

/**
 * Serve control rings whose guests kick, until a signal comes or max_ms have passed; min_ms if
 * main_wake() is or was called.
 */
void control_rings_wait(uint32_t min_ms, uint32_t max_ms);

#endif
