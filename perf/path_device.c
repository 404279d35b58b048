/* SPDX-License-Identifier: BSD-3-Clause */
/* Two ethdev ports, driver and device, that meet at a vhost-user socket in this process. */
#include "cycles_path.h"

#include <stdio.h>

static uint16_t drv, dev;
static struct rte_mempool *drv_pool, *dev_pool;

static int
leg_drv_tx(struct rte_mbuf **pkts, uint16_t nb)
{
	return cycles_send(drv, pkts, nb);
}

static int
leg_dev_rx(struct rte_mbuf **pkts, uint16_t nb)
{
	return cycles_receive(dev, pkts, nb);
}

static int
leg_dev_tx(struct rte_mbuf **pkts, uint16_t nb)
{
	return cycles_send(dev, pkts, nb);
}

static int
leg_drv_rx(struct rte_mbuf **pkts, uint16_t nb)
{
	return cycles_receive(drv, pkts, nb);
}

static int
device_open(const struct cycles_conf *conf)
{
	int ret;

	drv_pool = cycles_pool("driver", conf);
	dev_pool = cycles_pool("device", conf);
	if (drv_pool == NULL || dev_pool == NULL)
		return -ENOMEM;

	/* The device first: net_vhost listens once it is configured, and net_virtio_user fails its
	 * probe when nobody does. */
	ret = cycles_port_attach(conf->device, &dev);
	if (ret == 0)
		ret = cycles_port_start(dev, conf, dev_pool);
	if (ret == 0)
		ret = cycles_port_attach(conf->driver, &drv);
	if (ret == 0)
		ret = cycles_port_start(drv, conf, drv_pool);
	if (ret == 0)
		ret = cycles_port_wait_link(drv);
	if (ret == 0)
		ret = cycles_port_wait_link(dev);
	return ret;
}

static void
device_addresses(struct rte_ether_addr *from, struct rte_ether_addr *to)
{
	/* What comes back to the driver was sent by it: only the destination matters. */
	rte_eth_macaddr_get(drv, to);
	rte_eth_macaddr_get(dev, from);
}

static struct rte_mempool *
device_pool(void)
{
	return drv_pool;
}

static uint64_t
device_lost(void)
{
	return cycles_port_lost(drv) + cycles_port_lost(dev);
}

static void
device_close(void)
{
	cycles_port_close(drv);
	cycles_port_close(dev);
}

const struct cycles_path cycles_path_device = {
	.name = "device",
	.nb_legs = 4,
	.leg_name = {"drv.tx", "dev.rx", "dev.tx", "drv.rx"},
	.leg = {leg_drv_tx, leg_dev_rx, leg_dev_tx, leg_drv_rx},
	.open = device_open,
	.addresses = device_addresses,
	.pool = device_pool,
	.lost = device_lost,
	.close = device_close,
};
