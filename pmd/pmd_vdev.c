/* SPDX-License-Identifier: BSD-3-Clause */
/* Virtual device net_virtq: probe and removal. */
#include "pmd_ethdev.h"
#include "pmd_log.h"
#include "pmd_stats.h"
#include "pmd_tx_offload.h"

#include <bus_vdev_driver.h>
#include <ethdev_driver.h>
#include <ethdev_vdev.h>
#include <rte_ethdev.h>

#include <errno.h>

RTE_LOG_REGISTER(virtq_pmd_logtype, pmd.net.virtq, NOTICE);

/* For dpdk-pmdinfo.py: Debian does not package pmdinfogen. */
extern const char virtq_pmd_info[];
__attribute__((used)) const char virtq_pmd_info[] =
	"PMD_INFO_STRING= {\"name\" : \"net_virtq\", \"params\" : \"" PMD_ARGS_TEXT
	"\", \"pci_ids\" : []}";

static void
port_init(struct pmd_port *port, struct rte_eth_dev *eth_dev, const struct pmd_args *args)
{
	struct rte_eth_dev_data *data = eth_dev->data;

	port->eth_dev = eth_dev;
	port->args = *args;
	port->wake_fd = -1;
	port->ptype_mask = UINT32_MAX;
	pthread_mutex_init(&port->lock, NULL);
	port->mac_chosen = args->has_mac;
	if (args->has_mac)
		port->mac = args->mac;
	else
		rte_eth_random_addr(port->mac.addr_bytes);

	data->mac_addrs = port->macs;
	data->dev_flags |= RTE_ETH_DEV_INTR_LSC;
	/* Without a control ring it cannot be otherwise, and so with one until it is switched off.
	 */
	data->promiscuous = 1;
	data->all_multicast = 1;
	pmd_ctrl_init(port);
	pmd_stats_init(eth_dev);
	eth_dev->dev_ops = &pmd_ops;
	eth_dev->rx_pkt_burst = pmd_rx_burst;
	eth_dev->tx_pkt_burst = pmd_tx_burst;
	eth_dev->tx_pkt_prepare = pmd_tx_prepare;
	eth_dev->rx_queue_count = pmd_rx_queue_count;
	eth_dev->rx_descriptor_status = pmd_rx_descriptor_status;
	eth_dev->tx_descriptor_status = pmd_tx_descriptor_status;
}

static int
port_create(struct rte_vdev_device *vdev, const struct pmd_args *args)
{
	const char *name = rte_vdev_device_name(vdev);
	char why[TRANSPORT_ERROR_BYTES];
	struct rte_eth_dev *eth_dev;
	struct pmd_port *port;
	int ret;

	if (vdev->device.numa_node == SOCKET_ID_ANY)
		vdev->device.numa_node = (int)rte_socket_id();
	eth_dev = rte_eth_vdev_allocate(vdev, sizeof(*port));
	if (eth_dev == NULL) {
		PMD_LOG(ERR, "%s: no port left, or no memory for one", name);
		return -ENOMEM;
	}
	port = eth_dev->data->dev_private;
	port_init(port, eth_dev, args);
	ret = transport_vhost_user_create(
		&port->transport, args->path, args->server, why, sizeof(why));
	if (ret != 0) {
		PMD_LOG(ERR, "%s: %s", name, why);
		goto release;
	}
	pmd_link_set(port);
	ret = pmd_life_start(port);
	if (ret != 0) {
		PMD_LOG(ERR, "%s: cannot start the control thread: %s", name, strerror(-ret));
		goto destroy;
	}
	if (args->wait_s != 0 && !pmd_life_wait(port, args->wait_s))
		PMD_LOG(WARNING, "%s: no backend within %u s; the port goes on looking for one",
			name, args->wait_s);
	rte_eth_dev_probing_finish(eth_dev);
	return 0;
destroy:
	port->transport->ops->destroy(port->transport);
release:
	pthread_mutex_destroy(&port->lock);
	eth_dev->data->mac_addrs = NULL;
	rte_eth_dev_release_port(eth_dev);
	return ret;
}

static int
probe(struct rte_vdev_device *vdev)
{
	const char *name = rte_vdev_device_name(vdev);
	struct pmd_args args;
	int ret;

	if (rte_eal_process_type() != RTE_PROC_PRIMARY) {
		PMD_LOG(ERR, "%s: secondary processes are not supported", name);
		return -ENOTSUP;
	}
	ret = pmd_args_parse(&args, name, rte_vdev_device_args(vdev));
	return ret == 0 ? port_create(vdev, &args) : ret;
}

static int
remove_port(struct rte_vdev_device *vdev)
{
	struct rte_eth_dev *eth_dev = rte_eth_dev_allocated(rte_vdev_device_name(vdev));

	/* Closed before. */
	if (eth_dev == NULL)
		return 0;
	if (eth_dev->data->dev_started)
		(void)rte_eth_dev_stop(eth_dev->data->port_id);
	return rte_eth_dev_close(eth_dev->data->port_id);
}

static struct rte_vdev_driver driver = {
	.probe = probe,
	.remove = remove_port,
};

RTE_PMD_REGISTER_VDEV(net_virtq, driver);
RTE_PMD_REGISTER_PARAM_STRING(net_virtq, PMD_ARGS_TEXT);
