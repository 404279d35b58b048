/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A disabled transmitq, or one of a port whose link is down: what is sent by it is taken without
 * being looked at.
 */
#include "datapath/forward.h"

#define BURSTS 8 /* at one visit */

unsigned int
forward_discard(struct port_rxq *rxq)
{
	struct virtq_device *q = &rxq->vq;
	uint16_t heads[WORKER_BURST];
	unsigned int sum = 0;

	for (unsigned int i = 0; i < BURSTS; i++) {
		uint16_t n = virtq_device_avail(q, WORKER_BURST);

		n = virtq_device_heads(q, heads, RTE_MIN(n, (uint16_t)WORKER_BURST));
		if (n == 0)
			break;
		virtq_device_put_read(q, heads, n);
		virtq_device_taken(q, n);
		sum += n;
	}
	rxq->stats.packets += sum;
	if (rxq->discard)
		rxq->stats.disabled += sum;
	else
		rxq->stats.link_down += sum;
	if (virtq_device_publish(q))
		forward_interrupt(rxq->call_fd, &rxq->stats.interrupts);
	return sum;
}
