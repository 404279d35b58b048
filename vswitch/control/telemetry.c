/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * /virtq/... of rte_telemetry. A reply has room for 16 KiB: many queues and a long MAC table come
 * in several.
 */
#include "datapath/fdb.h"
#include "datapath/worker.h"
#include "fault_report.h"
#include "figures.h"
#include "net/vnet_features.h"
#include "port_vhost.h"
#include "telemetry_reply.h"
#include "vhost_control.h"
#include "vswitch.h"

#include <rte_telemetry.h>

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAIRS_PER_REPLY 12
#define MACS_PER_REPLY 200

static void
add_drops(struct rte_tel_data *d, const char *name, const void *stats,
	const struct figure_drop *drops, unsigned int nb)
{
	struct rte_tel_data *sub = new_dict();

	if (sub == NULL)
		return;
	for (unsigned int i = 0; i < nb; i++)
		rte_tel_data_add_dict_u64(sub, drops[i].name, figures_drop(stats, &drops[i]));
	add_dict(d, name, sub);
}

static void
add_rx(struct rte_tel_data *d, const struct port_rx_stats *s)
{
	rte_tel_data_add_dict_u64(d, "rx_packets", s->packets);
	rte_tel_data_add_dict_u64(d, "rx_bytes", s->bytes);
	rte_tel_data_add_dict_u64(d, "rx_flooded", s->flooded);
	rte_tel_data_add_dict_u64(d, "rx_interrupts", s->interrupts);
	rte_tel_data_add_dict_u64(d, "rx_dropped", figures_rx_dropped(s));
	add_drops(d, "rx_drops", s, figures_rx_drops, figures_nb_rx_drops);
}

static void
add_tx(struct rte_tel_data *d, const struct port_tx_stats *s)
{
	rte_tel_data_add_dict_u64(d, "tx_packets", s->packets);
	rte_tel_data_add_dict_u64(d, "tx_bytes", s->bytes);
	rte_tel_data_add_dict_u64(d, "tx_merged", s->merged);
	rte_tel_data_add_dict_u64(d, "tx_interrupts", s->interrupts);
	rte_tel_data_add_dict_u64(d, "tx_dropped", figures_tx_dropped(s));
#define ADD_OFFLOAD(name, text) rte_tel_data_add_dict_u64(d, "tx_" #name, s->name);
	PORT_TX_OFFLOADS(ADD_OFFLOAD)
#undef ADD_OFFLOAD
	add_drops(d, "tx_drops", s, figures_tx_drops, figures_nb_tx_drops);
}

/* "fault..." while it stands in the way, "faults..." for ever. */
static void
add_faults(struct rte_tel_data *d, const struct port *port, uint32_t ring)
{
	char value[FAULT_VALUE_BYTES];
	struct port_faults faults;
	struct rte_tel_data *by;

	if (!port_ring_faults(port, ring, &faults)) {
		rte_tel_data_add_dict_u64(d, "faults", 0);
		return;
	}
	if (faults.standing) {
		rte_tel_data_add_dict_string(d, "fault", virtq_fault_name(faults.last.fault));
		rte_tel_data_add_dict_string(d, "fault_text", virtq_fault_str(faults.last.fault));
		rte_tel_data_add_dict_string(d, "fault_value", fault_value(&faults.last, value));
		rte_tel_data_add_dict_int(d, "fault_head", faults.last.head);
		rte_tel_data_add_dict_int(d, "fault_position", faults.last.position);
	}
	rte_tel_data_add_dict_u64(d, "faults", faults.total);
	by = new_dict();
	if (by == NULL)
		return;
	for (unsigned int f = 0; f < VIRTQ_FAULT_MAX; f++) {
		if (faults.by[f] != 0)
			rte_tel_data_add_dict_u64(
				by, virtq_fault_name((enum virtq_fault)f), faults.by[f]);
	}
	add_dict(d, "faults_by_reason", by);
}

/* A ring as the switch holds it; positions are free-running. */
static void
add_ring(struct rte_tel_data *d, const char *name, const struct port *port, uint32_t ring,
	const struct virtq_device *q)
{
	const struct port_vhost *pv = port->backend;
	struct rte_tel_data *sub = new_dict();

	if (sub == NULL)
		return;
	rte_tel_data_add_dict_int(sub, "index", (int)ring);
	rte_tel_data_add_dict_int(
		sub, "enabled", pv->session.on[vhost_ring_swap(port, &pv->session, ring)]);
	rte_tel_data_add_dict_int(sub, "running",
		port_ring_running(port, ring) && port_ring_fault(port, ring) == NULL);
	if (port_ring_started(port, ring) && !port_ring_running(port, ring))
		rte_tel_data_add_dict_int(sub, "discarding", 1);
	if (q != NULL) {
		rte_tel_data_add_dict_int(sub, "size", q->vq.size);
		rte_tel_data_add_dict_int(sub, "avail_next", q->avail_next);
		rte_tel_data_add_dict_int(sub, "used_next", q->used_next);
	}
	add_faults(sub, port, ring);
	add_dict(d, name, sub);
}

static void
fill_pair(struct rte_tel_data *d, const struct port *port, uint32_t pair)
{
	const struct port_rxq *rxq = port->rxq[pair];
	const struct port_txq *txq = port->txq[pair];

	add_ring(d, "transmitq", port, 2 * pair + 1, rxq == NULL ? NULL : &rxq->vq);
	add_ring(d, "receiveq", port, 2 * pair, txq == NULL ? NULL : &txq->vq);
	if (rxq != NULL) {
		rte_tel_data_add_dict_int(d, "worker", rxq->worker);
		add_rx(d, &rxq->stats);
	}
	if (txq != NULL)
		add_tx(d, &txq->stats);
}

static void
add_pairs(struct rte_tel_data *d, const struct port *port)
{
	struct rte_tel_data *sub = new_dict();

	if (sub == NULL)
		return;
	for (uint32_t pair = 0; pair < port->max_pairs && pair < PAIRS_PER_REPLY; pair++) {
		struct rte_tel_data *one = new_dict();
		char name[16];

		if (one == NULL)
			break;
		snprintf(name, sizeof(name), "%" PRIu32, pair);
		fill_pair(one, port, pair);
		add_dict(sub, name, one);
	}
	add_dict(d, "queues", sub);
}

static void
add_memory(struct rte_tel_data *d, const struct virtq_mem *mem)
{
	struct rte_tel_data *sub = new_dict();

	if (sub == NULL)
		return;
	for (uint32_t i = 0; i < mem->nb_regions && i < VIRTQ_MEM_REGIONS_MAX; i++) {
		struct rte_tel_data *one = new_dict();
		char name[16];

		if (one == NULL)
			break;
		snprintf(name, sizeof(name), "%" PRIu32, i);
		add_hex(one, "guest", mem->regions[i].guest);
		rte_tel_data_add_dict_u64(one, "bytes", mem->regions[i].bytes);
		add_dict(sub, name, one);
	}
	add_dict(d, "memory", sub);
}

static void
add_session(struct rte_tel_data *d, const struct vhost_session *s)
{
	add_features(d, s->features);
	add_hex(d, "protocol_features", s->protocol_features);
	add_hex(d, "status", s->status);
	rte_tel_data_add_dict_int(d, "mtu", s->mtu);
}

static void
fill_port(struct rte_tel_data *d, const struct port *port)
{
	const struct port_vhost *pv = port->backend;
	struct port_rx_stats rx;
	struct port_tx_stats tx;

	rte_tel_data_add_dict_string(d, "name", port->name);
	rte_tel_data_add_dict_int(d, "id", port->id);
	rte_tel_data_add_dict_string(d, "state", figures_state_str(figures_state(port)));
	rte_tel_data_add_dict_string(d, "path", pv->path);
	rte_tel_data_add_dict_int(d, "client", pv->client);
	rte_tel_data_add_dict_u64(d, "connections", pv->connections);
	rte_tel_data_add_dict_u64(d, "refused_messages", pv->refused);
	rte_tel_data_add_dict_u64(d, "ring_faults", fault_count(port));
	rte_tel_data_add_dict_int(d, "max_queue_pairs", port->max_pairs);
	rte_tel_data_add_dict_string(d, "link", pv->link_down ? "down" : "up");
	add_session(d, &pv->session);
	figures_sum(port, &rx, &tx);
	add_rx(d, &rx);
	add_tx(d, &tx);
	add_memory(d, &port->mem);
	add_pairs(d, port);
}

static int
ports(const char *cmd __rte_unused, const char *params __rte_unused, struct rte_tel_data *d)
{
	rte_tel_data_start_array(d, RTE_TEL_STRING_VAL);
	control_lock();
	for (uint16_t id = 0; id < PORT_MAX; id++) {
		const struct port *port = port_get(id);

		if (port != NULL)
			rte_tel_data_add_array_string(d, port->name);
	}
	control_unlock();
	return 0;
}

/* NAME or NAME,PAIR */
static int
port_one(const char *cmd __rte_unused, const char *params, struct rte_tel_data *d)
{
	char name[PORT_NAME_BYTES] = "";
	const struct port *port;
	const char *comma = params == NULL ? NULL : strchr(params, ',');
	size_t length =
		comma == NULL ? (params == NULL ? 0 : strlen(params)) : (size_t)(comma - params);
	uint32_t pair = 0;
	int rc = 0;

	if (length == 0 || length >= sizeof(name) ||
		(comma != NULL && (comma[1] == '\0' || !parse_index(comma + 1, &pair))))
		return -EINVAL;
	memcpy(name, params, length);
	rte_tel_data_start_dict(d);
	control_lock();
	port = port_find(name);
	if (port == NULL || port->backend == NULL)
		rc = -ENOENT;
	else if (comma == NULL)
		fill_port(d, port);
	else if (pair < port->max_pairs)
		fill_pair(d, port, pair);
	else
		rc = -ERANGE;
	control_unlock();
	return rc;
}

static void
fill_macs(struct rte_tel_data *d, const struct fdb_record *records, uint32_t nb)
{
	struct rte_tel_data *macs = new_strings(), *names = new_strings();
	struct rte_tel_data *ages = rte_tel_data_alloc();

	if (ages != NULL)
		rte_tel_data_start_array(ages, RTE_TEL_U64_VAL);
	for (uint32_t i = 0; i < nb && macs != NULL && names != NULL && ages != NULL; i++) {
		const struct port *port = port_get(records[i].port);
		char text[RTE_ETHER_ADDR_FMT_SIZE];

		rte_ether_format_addr(text, sizeof(text), &records[i].mac);
		rte_tel_data_add_array_string(macs, text);
		rte_tel_data_add_array_string(names, port == NULL ? "" : port->name);
		rte_tel_data_add_array_u64(ages, records[i].age_s);
	}
	if (macs != NULL)
		add_dict(d, "mac", macs);
	if (names != NULL)
		add_dict(d, "port", names);
	if (ages != NULL)
		add_dict(d, "age_s", ages);
}

/* Nothing, or the number of the first address; "next" says how to go on, 0 at the end. */
static int
macs(const char *cmd __rte_unused, const char *params, struct rte_tel_data *d)
{
	uint32_t start, total = fdb_count(), nb = 0;
	struct fdb_record *records;

	if (!parse_index(params, &start))
		return -EINVAL;
	records = calloc((size_t)total + 1, sizeof(*records));
	if (records == NULL)
		return -ENOMEM;
	rte_tel_data_start_dict(d);
	control_lock();
	total = fdb_snapshot(records, total);
	if (start < total)
		nb = RTE_MIN(total - start, (uint32_t)MACS_PER_REPLY);
	rte_tel_data_add_dict_u64(d, "addresses", total);
	rte_tel_data_add_dict_u64(d, "next", (uint64_t)start + nb < total ? start + nb : 0);
	fill_macs(d, records + (nb != 0 ? start : 0), nb);
	control_unlock();
	free(records);
	return 0;
}

static int
pool(const char *cmd __rte_unused, const char *params __rte_unused, struct rte_tel_data *d)
{
	unsigned int free_mbufs;

	if (worker_pool == NULL)
		return -ENOENT;
	free_mbufs = rte_mempool_avail_count(worker_pool);
	rte_tel_data_start_dict(d);
	rte_tel_data_add_dict_string(d, "name", worker_pool->name);
	rte_tel_data_add_dict_u64(d, "mbufs", worker_pool->size);
	rte_tel_data_add_dict_u64(d, "free", free_mbufs);
	rte_tel_data_add_dict_u64(d, "used", worker_pool->size - free_mbufs);
	return 0;
}

static void
fill_worker(struct rte_tel_data *d, const struct worker *w)
{
	const struct worker_idle *idle = &w->idle;

	rte_tel_data_add_dict_int(d, "idle_sleep", idle->sleeps);
	rte_tel_data_add_dict_int(d, "asleep", idle->asleep);
	rte_tel_data_add_dict_u64(d, "queues_without_kick", idle->kickless);
	rte_tel_data_add_dict_u64(d, "sleeps", idle->stats.sleeps);
	rte_tel_data_add_dict_u64(d, "woken_by_kick", idle->stats.kicks);
	rte_tel_data_add_dict_u64(d, "woken_by_change", idle->stats.changes);
	rte_tel_data_add_dict_u64(d, "cancelled", idle->stats.cancelled);
}

static int
workers(const char *cmd __rte_unused, const char *params __rte_unused, struct rte_tel_data *d)
{
	const struct worker *w;

	rte_tel_data_start_dict(d);
	for (uint16_t i = 0; (w = worker_get(i)) != NULL; i++) {
		struct rte_tel_data *one = new_dict();
		char name[16];

		if (one == NULL)
			break;
		snprintf(name, sizeof(name), "%u", i);
		fill_worker(one, w);
		add_dict(d, name, one);
	}
	return 0;
}

void
vswitch_telemetry_init(void)
{
	telemetry_control_init();
	rte_telemetry_register_cmd("/virtq/ports", ports, "Names of the ports. No parameter.");
	rte_telemetry_register_cmd("/virtq/port", port_one,
		"A port: state, features, counters, memory, its first queues. Parameter: NAME; "
		"NAME,PAIR for one pair of queues.");
	rte_telemetry_register_cmd("/virtq/fdb", macs,
		"MAC table. Parameter: none, or the number of the first address wanted.");
	rte_telemetry_register_cmd(
		"/virtq/workers", workers, "Sleep of the workers (--idle-sleep). No parameter.");
	rte_telemetry_register_cmd(
		"/virtq/pool", pool, "Packet buffers for frames to several ports. No parameter.");
}
