/* SPDX-License-Identifier: BSD-3-Clause */
#include "fault_report.h"

#include "device_config.h"
#include "port_vhost.h"
#include "vhost_control.h"
#include "vhost_rings.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* What was said of a port. */
static struct told {
	uint64_t serial; /* of the port: an id may be used again */
	struct control_limit limit;
	uint64_t faults[PORT_RINGS_MAX]; /* of each ring, in the log */
	uint64_t signalled[PORT_RINGS_MAX];
} told[PORT_MAX];

const char *
fault_value(const struct virtq_fault_info *fault, char *text)
{
	const struct virtq_fault_words *words = virtq_fault_words(fault->fault);

	if (words->address)
		snprintf(text, FAULT_VALUE_BYTES, "%s0x%" PRIx64 "%s", words->before, fault->value,
			words->after);
	else
		snprintf(text, FAULT_VALUE_BYTES, "%s%" PRIu64 "%s", words->before, fault->value,
			words->after);
	return text;
}

const char *
fault_detail(const struct virtq_fault_info *fault, char *text)
{
	char value[FAULT_VALUE_BYTES];

	snprintf(text, FAULT_DETAIL_BYTES, "%s, head %u, position %u", fault_value(fault, value),
		fault->head, fault->position);
	return text;
}

uint64_t
fault_count(const struct port *port)
{
	struct port_faults faults;
	uint64_t sum = 0;

	for (uint32_t ring = 0; ring < port_nb_rings(port); ring++) {
		if (port_ring_faults(port, ring, &faults))
			sum += faults.total;
	}
	return sum;
}

static void
report(const struct port *port, uint32_t ring, const struct port_faults *faults, uint64_t before)
{
	const struct port_vhost *pv = port->backend;
	char name[PORT_RING_NAME_BYTES], detail[FAULT_DETAIL_BYTES], more[64] = "";

	if (faults->total - before > 1)
		snprintf(more, sizeof(more), " (%" PRIu64 " times since the last line)",
			faults->total - before);
	CONTROL_LOG(ERR, "port %s: the guest broke %s, ring %" PRIu32 "%s: %s: %s; %s", port->name,
		port_ring_name(port, ring, name), vhost_ring_swap(port, &pv->session, ring), more,
		virtq_fault_str(faults->last.fault), fault_detail(&faults->last, detail),
		faults->standing ? "stopped until the guest resets it" : "it has reset it since");
}

static void
signal_frontend(struct port_vhost *pv, uint32_t ring)
{
	pthread_mutex_lock(&pv->lock);
	/* 2.1.2: DEVICE_NEEDS_RESET goes with a change of configuration. */
	device_config_changed(pv);
	vhost_ring_error(pv, vhost_ring_swap(pv->port, &pv->session, ring));
	pthread_mutex_unlock(&pv->lock);
}

static void
report_port(const struct port *port)
{
	struct port_vhost *pv = port->backend;
	struct told *t = &told[port->id];
	struct port_faults faults;
	uint32_t unused;

	if (t->serial != pv->serial) {
		memset(t, 0, sizeof(*t));
		t->serial = pv->serial;
	}
	for (uint32_t ring = 0; ring < port_nb_rings(port); ring++) {
		if (!port_ring_faults(port, ring, &faults))
			continue;
		if (faults.total != t->signalled[ring])
			signal_frontend(pv, ring);
		t->signalled[ring] = faults.total;
		if (faults.total == t->faults[ring] || !control_limit_pass(&t->limit, &unused))
			continue;
		report(port, ring, &faults, t->faults[ring]);
		t->faults[ring] = faults.total;
	}
}

void
fault_report(void)
{
	for (uint16_t id = 0; id < PORT_MAX; id++) {
		const struct port *port = port_get(id);

		if (port != NULL && port->backend != NULL)
			report_port(port);
	}
}
