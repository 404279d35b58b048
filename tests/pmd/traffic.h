/* SPDX-License-Identifier: BSD-3-Clause */
/* The device end of a port's rings, as a scripted backend would move frames on them. */
#ifndef TESTS_PMD_TRAFFIC_H
#define TESTS_PMD_TRAFFIC_H

#include "fixture.h"

#define TRAFFIC_BYTES 100

/** The next nb buffers of a receiveq get a frame each, of TRAFFIC_BYTES, all bytes tag. */
void traffic_in(struct backend *b, struct fake_device *d, unsigned int nb, uint8_t tag);

/**
 * Interrupt the driver as the standard has it, the used index having gone from old to d's.
 *
 * @return true: the eventfd was written.
 */
bool traffic_interrupt(struct backend *b, uint32_t ring, struct fake_device *d, uint16_t old);

/** All frames that wait in a transmitq are sent. @return how many. */
unsigned int traffic_out(struct fake_device *d);

/** Receive up to nb frames, free them. @return how many; each had this tag, or the test fails. */
unsigned int port_receive(uint16_t port, uint16_t queue, unsigned int nb, uint8_t tag);

#endif
