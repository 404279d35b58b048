/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Order of the xstats: totals over receive queues, totals over transmit queues, the port's life,
 * the control ring, each receive queue, each transmit queue. All counters of a group are 64-bit
 * fields in a row.
 */
#include "pmd_stats.h"

#include "pmd_port.h"

#include <errno.h>
#include <stdio.h>

#define STAT_NAME(name, text) #name,
static const char *const rx_names[] = {PMD_RX_STATS(STAT_NAME)};
static const char *const tx_names[] = {PMD_TX_STATS(STAT_NAME)};
static const char *const life_names[] = {PMD_LIFE_STATS(STAT_NAME)};
static const char *const ctrl_names[] = {PMD_CTRL_STATS(STAT_NAME)};
#undef STAT_NAME

#define RX_STATS RTE_DIM(rx_names)
#define TX_STATS RTE_DIM(tx_names)
#define LIFE_STATS RTE_DIM(life_names)
#define CTRL_STATS RTE_DIM(ctrl_names)
static_assert(sizeof(struct pmd_rx_stats) == RX_STATS * sizeof(uint64_t), "fields in a row");
static_assert(sizeof(struct pmd_tx_stats) == TX_STATS * sizeof(uint64_t), "fields in a row");
static_assert(sizeof(struct pmd_life_stats) == LIFE_STATS * sizeof(uint64_t), "fields in a row");
static_assert(sizeof(struct pmd_ctrl_stats) == CTRL_STATS * sizeof(uint64_t), "fields in a row");

/* Written by another thread: each word is read once. */
static uint64_t
since(const void *now, const void *base, unsigned int i)
{
	const uint64_t *n = now;
	const uint64_t *b = base;

	return __atomic_load_n(&n[i], __ATOMIC_RELAXED) - b[i];
}

static uint64_t
rx_stat(const struct rte_eth_dev *dev, uint16_t queue, unsigned int i)
{
	const struct pmd_rx_queue *q = dev->data->rx_queues[queue];

	return q == NULL ? 0 : since(&q->rxq.stats, &q->base, i);
}

static uint64_t
tx_stat(const struct rte_eth_dev *dev, uint16_t queue, unsigned int i)
{
	const struct pmd_tx_queue *q = dev->data->tx_queues[queue];

	return q == NULL ? 0 : since(&q->txq.stats, &q->base, i);
}

#define RX_INDEX(field) (offsetof(struct pmd_rx_stats, field) / sizeof(uint64_t))
#define TX_INDEX(field) (offsetof(struct pmd_tx_stats, field) / sizeof(uint64_t))

void
pmd_stats_init(struct rte_eth_dev *dev)
{
	struct pmd_port *port = pmd_port_of(dev);

	for (uint16_t i = 0; i < PMD_QUEUES_MAX; i++)
		port->rx_slot[i] = port->tx_slot[i] = (uint8_t)i;
}

int
pmd_queue_stats_mapping_set(struct rte_eth_dev *dev, uint16_t id, uint8_t slot, uint8_t is_rx)
{
	struct pmd_port *port = pmd_port_of(dev);

	if (id >= PMD_QUEUES_MAX || slot >= RTE_ETHDEV_QUEUE_STAT_CNTRS)
		return -EINVAL;
	if (is_rx)
		port->rx_slot[id] = slot;
	else
		port->tx_slot[id] = slot;
	return 0;
}

int
pmd_stats_get(struct rte_eth_dev *dev, struct rte_eth_stats *stats)
{
	const struct pmd_port *port = pmd_port_of(dev);

	for (uint16_t i = 0; i < dev->data->nb_rx_queues; i++) {
		uint64_t packets = rx_stat(dev, i, RX_INDEX(packets));
		uint64_t bytes = rx_stat(dev, i, RX_INDEX(bytes));
		uint64_t errors =
			rx_stat(dev, i, RX_INDEX(errors)) + rx_stat(dev, i, RX_INDEX(bad_header));

		stats->ipackets += packets;
		stats->ibytes += bytes;
		stats->ierrors += errors;
		stats->rx_nombuf += rx_stat(dev, i, RX_INDEX(mbuf_alloc_failed));
		if (port->rx_slot[i] < RTE_ETHDEV_QUEUE_STAT_CNTRS) {
			stats->q_ipackets[port->rx_slot[i]] += packets;
			stats->q_ibytes[port->rx_slot[i]] += bytes;
			stats->q_errors[port->rx_slot[i]] += errors;
		}
	}
	for (uint16_t i = 0; i < dev->data->nb_tx_queues; i++) {
		uint64_t packets = tx_stat(dev, i, TX_INDEX(packets));
		uint64_t bytes = tx_stat(dev, i, TX_INDEX(bytes));

		stats->opackets += packets;
		stats->obytes += bytes;
		stats->oerrors += tx_stat(dev, i, TX_INDEX(errors)) +
				  tx_stat(dev, i, TX_INDEX(bad_offload_fields)) +
				  tx_stat(dev, i, TX_INDEX(offload_not_possible)) +
				  tx_stat(dev, i, TX_INDEX(oversized));
		if (port->tx_slot[i] < RTE_ETHDEV_QUEUE_STAT_CNTRS) {
			stats->q_opackets[port->tx_slot[i]] += packets;
			stats->q_obytes[port->tx_slot[i]] += bytes;
		}
	}
	return 0;
}

int
pmd_stats_reset(struct rte_eth_dev *dev)
{
	struct pmd_port *port = pmd_port_of(dev);

	for (uint16_t i = 0; i < dev->data->nb_rx_queues; i++) {
		struct pmd_rx_queue *q = dev->data->rx_queues[i];

		if (q != NULL)
			q->base = q->rxq.stats;
	}
	for (uint16_t i = 0; i < dev->data->nb_tx_queues; i++) {
		struct pmd_tx_queue *q = dev->data->tx_queues[i];

		if (q != NULL)
			q->base = q->txq.stats;
	}
	port->life_base = port->life;
	port->ctrl.base = port->ctrl.stats;
	return 0;
}

static unsigned int
xstats_count(const struct rte_eth_dev *dev)
{
	return RX_STATS + TX_STATS + LIFE_STATS + CTRL_STATS + dev->data->nb_rx_queues * RX_STATS +
	       dev->data->nb_tx_queues * TX_STATS;
}

/* One xstat by its place; value and name where wanted. */
static void
xstat(const struct rte_eth_dev *dev, unsigned int id, uint64_t *value,
	struct rte_eth_xstat_name *name)
{
	const struct rte_eth_dev_data *data = dev->data;
	const struct pmd_port *port = pmd_port_of(dev);
	char text[RTE_ETH_XSTATS_NAME_SIZE];
	uint64_t v = 0;

	if (id < RX_STATS) {
		for (uint16_t q = 0; q < data->nb_rx_queues && value != NULL; q++)
			v += rx_stat(dev, q, id);
		snprintf(text, sizeof(text), "rx_total_%s", rx_names[id]);
	} else if ((id -= RX_STATS) < TX_STATS) {
		for (uint16_t q = 0; q < data->nb_tx_queues && value != NULL; q++)
			v += tx_stat(dev, q, id);
		snprintf(text, sizeof(text), "tx_total_%s", tx_names[id]);
	} else if ((id -= TX_STATS) < LIFE_STATS) {
		v = since(&port->life, &port->life_base, id);
		snprintf(text, sizeof(text), "backend_%s", life_names[id]);
	} else if ((id -= LIFE_STATS) < CTRL_STATS) {
		v = since(&port->ctrl.stats, &port->ctrl.base, id);
		snprintf(text, sizeof(text), "control_%s", ctrl_names[id]);
	} else if ((id -= CTRL_STATS) < data->nb_rx_queues * RX_STATS) {
		v = rx_stat(dev, id / RX_STATS, id % RX_STATS);
		snprintf(text, sizeof(text), "rx_q%u_%s", (unsigned int)(id / RX_STATS),
			rx_names[id % RX_STATS]);
	} else {
		id -= data->nb_rx_queues * RX_STATS;
		v = tx_stat(dev, id / TX_STATS, id % TX_STATS);
		snprintf(text, sizeof(text), "tx_q%u_%s", (unsigned int)(id / TX_STATS),
			tx_names[id % TX_STATS]);
	}
	if (value != NULL)
		*value = v;
	if (name != NULL)
		memcpy(name->name, text, sizeof(name->name));
}

int
pmd_xstats_get(struct rte_eth_dev *dev, struct rte_eth_xstat *xstats, unsigned int n)
{
	const unsigned int count = xstats_count(dev);

	if (xstats == NULL || n < count)
		return (int)count;
	for (unsigned int i = 0; i < count; i++) {
		xstats[i].id = i;
		xstat(dev, i, &xstats[i].value, NULL);
	}
	return (int)count;
}

int
pmd_xstats_get_names(struct rte_eth_dev *dev, struct rte_eth_xstat_name *names, unsigned int n)
{
	const unsigned int count = xstats_count(dev);

	if (names == NULL || n < count)
		return (int)count;
	for (unsigned int i = 0; i < count; i++)
		xstat(dev, i, NULL, &names[i]);
	return (int)count;
}

int
pmd_xstats_get_by_id(struct rte_eth_dev *dev, const uint64_t *ids, uint64_t *values, unsigned int n)
{
	const unsigned int count = xstats_count(dev);

	if (ids == NULL && (values == NULL || n < count))
		return (int)count;
	for (unsigned int i = 0; i < (ids == NULL ? count : n); i++) {
		uint64_t id = ids == NULL ? i : ids[i];

		if (id >= count)
			return -EINVAL;
		xstat(dev, (unsigned int)id, &values[i], NULL);
	}
	return (int)(ids == NULL ? count : n);
}

int
pmd_xstats_get_names_by_id(struct rte_eth_dev *dev, const uint64_t *ids,
	struct rte_eth_xstat_name *names, unsigned int n)
{
	const unsigned int count = xstats_count(dev);

	if (ids == NULL && (names == NULL || n < count))
		return (int)count;
	for (unsigned int i = 0; i < (ids == NULL ? count : n); i++) {
		uint64_t id = ids == NULL ? i : ids[i];

		if (id >= count)
			return -EINVAL;
		xstat(dev, (unsigned int)id, NULL, &names[i]);
	}
	return (int)(ids == NULL ? count : n);
}
