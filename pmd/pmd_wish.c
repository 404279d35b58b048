/* SPDX-License-Identifier: BSD-3-Clause */
#include "pmd_wish.h"

#include <errno.h>

static bool
changes_nothing(const struct pmd_port *port, const struct vnet_ctrl *c)
{
	const uint64_t feature = virtq_bit(vnet_ctrl_feature(c->kind));
	struct vnet_ctrl_state after;

	if (!pmd_ctrl_ready(port) || !(port->features & feature))
		return false;
	after = port->ctrl.device;
	vnet_ctrl_state_apply(&after, c);
	return vnet_ctrl_state_equal(&after, &port->ctrl.device);
}

void
pmd_wish_note(struct pmd_port *port, const struct vnet_ctrl *c)
{
	vnet_ctrl_state_apply(&port->ctrl.wanted, c);
}

int
pmd_wish(struct pmd_port *port, const struct vnet_ctrl *c)
{
	if (!changes_nothing(port, c))
		return pmd_ctrl_apply(port, c);
	pmd_wish_note(port, c);
	return 0;
}

bool
pmd_wish_known(const struct pmd_port *port, const struct vnet_ctrl *c)
{
	struct vnet_ctrl_state after = port->ctrl.wanted;

	vnet_ctrl_state_apply(&after, c);
	return vnet_ctrl_state_equal(&after, &port->ctrl.wanted);
}

int
pmd_wish_at_least(struct pmd_port *port, const struct vnet_ctrl *c)
{
	int ret;

	if (pmd_wish_known(port, c))
		return 0;
	ret = pmd_wish(port, c);
	if (ret != -ENOTSUP)
		return ret;
	pmd_wish_note(port, c);
	return 0;
}
