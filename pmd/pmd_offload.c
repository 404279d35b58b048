/* SPDX-License-Identifier: BSD-3-Clause */
#include "pmd_offload.h"

#include "net/vnet_mbuf.h"

#include <rte_ethdev.h>

#include <stdio.h>
#include <string.h>

#define BIT(name) (UINT64_C(1) << VIRTIO_NET_F_##name)

struct offload {
	uint64_t offload;
	uint64_t needs; /* features */
	uint64_t likes;
};

#define ROW(offload, needs, likes) \
	{ \
		offload, needs, likes \
	}

static const struct offload tx_table[] = {
	ROW(RTE_ETH_TX_OFFLOAD_MULTI_SEGS, 0, 0),
	ROW(RTE_ETH_TX_OFFLOAD_VLAN_INSERT, 0, 0),
	ROW(RTE_ETH_TX_OFFLOAD_IPV4_CKSUM, 0, 0),
	ROW(RTE_ETH_TX_OFFLOAD_UDP_CKSUM, BIT(CSUM), 0),
	ROW(RTE_ETH_TX_OFFLOAD_TCP_CKSUM, BIT(CSUM), 0),
	ROW(RTE_ETH_TX_OFFLOAD_TCP_TSO, BIT(CSUM) | BIT(HOST_TSO4) | BIT(HOST_TSO6),
		BIT(HOST_ECN) | BIT(GUEST_HDRLEN)),
	ROW(RTE_ETH_TX_OFFLOAD_UDP_TSO, BIT(CSUM) | BIT(HOST_USO), BIT(GUEST_HDRLEN)),
};

static const struct offload rx_table[] = {
	ROW(RTE_ETH_RX_OFFLOAD_SCATTER, 0, 0),
	ROW(RTE_ETH_RX_OFFLOAD_VLAN_STRIP, 0, 0),
	ROW(RTE_ETH_RX_OFFLOAD_VLAN_FILTER, 0, 0),
	ROW(RTE_ETH_RX_OFFLOAD_RSS_HASH, BIT(HASH_REPORT), 0),
	ROW(RTE_ETH_RX_OFFLOAD_UDP_CKSUM, BIT(GUEST_CSUM), 0),
	ROW(RTE_ETH_RX_OFFLOAD_TCP_CKSUM, BIT(GUEST_CSUM), 0),
	ROW(RTE_ETH_RX_OFFLOAD_TCP_LRO, BIT(GUEST_CSUM) | BIT(GUEST_TSO4) | BIT(GUEST_TSO6),
		BIT(GUEST_ECN) | BIT(GUEST_UFO) | BIT(GUEST_USO4) | BIT(GUEST_USO6) | BIT(RSC_EXT)),
};

/* What costs the transmit burst a look at ol_flags. */
#define TX_FLAGGED \
	(RTE_ETH_TX_OFFLOAD_VLAN_INSERT | RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | \
		RTE_ETH_TX_OFFLOAD_UDP_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_CKSUM | \
		RTE_ETH_TX_OFFLOAD_TCP_TSO | RTE_ETH_TX_OFFLOAD_UDP_TSO)

static uint64_t
capa(const struct offload *table, unsigned int nb, uint64_t features)
{
	uint64_t offloads = 0;

	for (unsigned int i = 0; i < nb; i++) {
		if ((table[i].needs & ~features) == 0)
			offloads |= table[i].offload;
	}
	return offloads;
}

struct pmd_offloads
pmd_offload_capa(const struct pmd_args *args, uint64_t features)
{
	struct pmd_offloads can;

	can.rx = capa(rx_table, RTE_DIM(rx_table), features);
	can.tx = capa(tx_table, RTE_DIM(tx_table), features);
	if (!args->mrg_rxbuf)
		can.rx &= ~RTE_ETH_RX_OFFLOAD_SCATTER;
	return can;
}

struct pmd_offloads
pmd_offloads_of(const struct rte_eth_dev *dev)
{
	const struct rte_eth_dev_data *data = dev->data;
	struct pmd_offloads on = {
		.rx = data->dev_conf.rxmode.offloads,
		.tx = data->dev_conf.txmode.offloads,
	};

	for (uint16_t i = 0; i < data->nb_rx_queues; i++) {
		if (data->rx_queues[i] != NULL)
			on.rx |= ((const struct pmd_rx_queue *)data->rx_queues[i])->conf.offloads;
	}
	for (uint16_t i = 0; i < data->nb_tx_queues; i++) {
		if (data->tx_queues[i] != NULL)
			on.tx |= ((const struct pmd_tx_queue *)data->tx_queues[i])->conf.offloads;
	}
	return on;
}

/* Sum of the rows that are on. */
static struct offload
sum_of(struct pmd_offloads on)
{
	struct offload sum = {.offload = 0};

	for (unsigned int i = 0; i < RTE_DIM(rx_table); i++) {
		if (rx_table[i].offload & on.rx) {
			sum.needs |= rx_table[i].needs;
			sum.likes |= rx_table[i].likes;
		}
	}
	for (unsigned int i = 0; i < RTE_DIM(tx_table); i++) {
		if (tx_table[i].offload & on.tx) {
			sum.needs |= tx_table[i].needs;
			sum.likes |= tx_table[i].likes;
		}
	}
	return sum;
}

uint64_t
pmd_offload_needs(struct pmd_offloads on)
{
	return sum_of(on).needs;
}

uint64_t
pmd_offload_likes(struct pmd_offloads on, uint64_t offered)
{
	struct offload sum = sum_of(on);

	/* VIRTIO 1.3, 5.1.3.1 ties this one to transmit, whatever it is good for. */
	if (!(sum.needs & (BIT(HOST_TSO4) | BIT(HOST_TSO6))))
		sum.likes &= ~BIT(RSC_EXT);
	return sum.likes & offered;
}

uint64_t
pmd_offload_in_use(void)
{
	struct offload rx = sum_of((struct pmd_offloads){.rx = UINT64_MAX});
	struct offload tx = sum_of((struct pmd_offloads){.tx = UINT64_MAX});

	return rx.needs | tx.needs | tx.likes;
}

static void
append(char *text, size_t size, const char *name)
{
	size_t used = strlen(text);

	snprintf(text + used, size - used, "%s%s", used == 0 ? "" : ",", name);
}

char *
pmd_offload_lacking(struct pmd_offloads on, uint64_t lacking, char *text, size_t size)
{
	text[0] = '\0';
	for (unsigned int i = 0; i < RTE_DIM(tx_table); i++) {
		if ((tx_table[i].offload & on.tx) && (tx_table[i].needs & lacking))
			append(text, size, rte_eth_dev_tx_offload_name(tx_table[i].offload));
	}
	for (unsigned int i = 0; i < RTE_DIM(rx_table); i++) {
		if ((rx_table[i].offload & on.rx) && (rx_table[i].needs & lacking))
			append(text, size, rte_eth_dev_rx_offload_name(rx_table[i].offload));
	}
	return text;
}

void
pmd_tx_offloads_set(struct pmd_txq *txq, uint64_t offloads, uint64_t features)
{
	txq->can = vnet_can(features, VNET_TRANSMIT);
	txq->asks = offloads & TX_FLAGGED ? VNET_MBUF_ASKS : 0;
	txq->asks_straight = txq->asks & RTE_MBUF_F_TX_IP_CKSUM;
	if (txq->can & VNET_CAN_CSUM)
		txq->asks_straight |= txq->asks & RTE_MBUF_F_TX_L4_MASK;
}
