/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The link as the application wants it. A wish: it outlives backends and stop and start of the
 * port, until the opposite is wished.
 */
#include "pmd_log.h"
#include "pmd_queue_ops.h"

static void
link_set_wish(struct rte_eth_dev *dev, bool down)
{
	struct pmd_port *port = pmd_port_of(dev);
	const uint32_t end = 2 * (uint32_t)pmd_port_pairs(port);

	pmd_port_lock(port);
	if (port->link_down != down) {
		port->link_down = down;
		PMD_LOG(NOTICE, "%s: link set %s", dev->data->name, down ? "down" : "up");
		if (port->started && down)
			pmd_rings_off(port, 0, end);
		else if (port->started)
			pmd_rings_on(port, 0, end);
		/* The event is raised by the control thread, as all are. */
		if (pmd_link_set(port) == 0)
			port->link_event = true;
		pmd_life_wake(port);
	}
	pmd_port_unlock(port);
}

int
pmd_link_up(struct rte_eth_dev *dev)
{
	link_set_wish(dev, false);
	return 0;
}

int
pmd_link_down(struct rte_eth_dev *dev)
{
	link_set_wish(dev, true);
	return 0;
}

int
pmd_link_update(struct rte_eth_dev *dev, int wait_to_complete)
{
	struct pmd_port *port = pmd_port_of(dev);
	int ret;

	RTE_SET_USED(wait_to_complete);
	pmd_port_lock(port);
	ret = pmd_link_set(port);
	pmd_port_unlock(port);
	return ret;
}
