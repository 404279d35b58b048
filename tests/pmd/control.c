/* SPDX-License-Identifier: BSD-3-Clause */
#include "control.h"

const struct vnet_ctrl promisc_off = {.kind = VNET_CTRL_PROMISC, .on = false};
const struct vnet_ctrl promisc_on = {.kind = VNET_CTRL_PROMISC, .on = true};

struct pmd_port *
control_port(uint16_t port)
{
	return pmd_port_of(&rte_eth_devices[port]);
}

int
control_apply(uint16_t port, const struct vnet_ctrl *c)
{
	int ret;

	pmd_port_lock(control_port(port));
	ret = pmd_ctrl_apply(control_port(port), c);
	pmd_port_unlock(control_port(port));
	return ret;
}

bool
control_ready(uint16_t port)
{
	bool is;

	pmd_port_lock(control_port(port));
	is = pmd_ctrl_ready(control_port(port));
	pmd_port_unlock(control_port(port));
	return is;
}

struct vnet_ctrl_state
control_wanted(uint16_t port)
{
	struct vnet_ctrl_state s;

	pmd_port_lock(control_port(port));
	s = *pmd_ctrl_wanted(control_port(port));
	pmd_port_unlock(control_port(port));
	return s;
}

void
control_begin(struct backend *b, uint16_t pairs)
{
	backend_begin(b);
	backend_control(b, pairs);
	b->features |= B_F_GUEST_CSUM;
}

uint16_t
control_start(struct backend *b, struct port_shape shape)
{
	uint16_t port;

	backend_start(b);
	port = port_add("queues=4,wait=60");
	shape.rx_offloads |= RTE_ETH_RX_OFFLOAD_VLAN_FILTER | RTE_ETH_RX_OFFLOAD_TCP_CKSUM;
	port_configure(port, shape);
	assert_int_equal(rte_eth_dev_start(port), 0);
	assert_true(port_up(port));
	assert_true(control_ready(port));
	return port;
}
