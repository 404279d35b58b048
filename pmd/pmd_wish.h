/* SPDX-License-Identifier: BSD-3-Clause */
/* Wishes of the application on their way to the device. */
#ifndef PMD_WISH_H
#define PMD_WISH_H

#include "pmd_port.h"

/**
 * What the device has to have that commands are for: features it offers that can be used, all
 * there are while there is none. Under lock.
 */
static inline uint64_t
pmd_wish_features(const struct pmd_port *port)
{
	return port->state == PMD_ABSENT ? UINT64_MAX : port->offered;
}

/** pmd_ctrl_apply(), but the device is not sent what changes nothing there. Under lock. */
int pmd_wish(struct pmd_port *port, const struct vnet_ctrl *c);

/** Note for devices to come, whatever the present one can do. Under lock. */
void pmd_wish_note(struct pmd_port *port, const struct vnet_ctrl *c);

/**
 * Is it one already? Then each device that came was sent it, and what became of that was said:
 * ethdev tells everything again behind each start. Under lock.
 */
bool pmd_wish_known(const struct pmd_port *port, const struct vnet_ctrl *c);

/**
 * A wish that a device without the feature grants as it is, since it lets everything through: noted
 * where it cannot be sent. One that is known is not sent again. Under lock. @return 0 also then.
 */
int pmd_wish_at_least(struct pmd_port *port, const struct vnet_ctrl *c);

#endif
