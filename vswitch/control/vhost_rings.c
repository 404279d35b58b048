/* SPDX-License-Identifier: BSD-3-Clause */
#include "vhost_rings.h"

#include "datapath/notify.h"
#include "message_filter.h"
#include "vhost_bus.h"
#include "vhost_control.h"

#include <rte_vhost.h>

#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STATUS_DRIVER_OK 4u
#define BIT(n) (UINT64_C(1) << (n))

static bool
inside(const struct virtq_mem *mem, const void *ptr, size_t bytes)
{
	for (uint32_t i = 0; i < mem->nb_regions; i++) {
		uint64_t offset = (uint64_t)((uintptr_t)ptr - (uintptr_t)mem->regions[i].host);

		if (offset < mem->regions[i].bytes)
			return bytes <= mem->regions[i].bytes - offset;
	}
	return false;
}

void
vhost_complain(struct port_vhost *pv, const char *fmt, ...)
{
	char text[FILTER_WHY_BYTES + 80];
	uint32_t swallowed;
	va_list ap;

	if (!control_limit_pass(&pv->limit, &swallowed))
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (swallowed != 0)
		CONTROL_LOG(WARNING, "port %s: %" PRIu32 " more lines like these left out",
			pv->port->name, swallowed);
	CONTROL_LOG(WARNING, "port %s: %s", pv->port->name, text);
}

static bool
device_ready(const struct port_vhost *pv)
{
	const struct vhost_session *s = &pv->session;

	return s->features_accepted && pv->port->mem.nb_regions != 0 &&
	       (!(s->protocol_features & BIT(VHOST_PROTOCOL_F_STATUS)) ||
		       (s->status & STATUS_DRIVER_OK));
}

/*
 * A ring that is started and disabled: nothing is received by it, and what is sent by it is taken
 * and dropped. Not one that is off for a moment because the library replaces a descriptor.
 */
static bool
ring_may_discard(const struct port_vhost *pv, uint32_t ring)
{
	const struct vhost_session *s = &pv->session;

	return ring % 2 == 1 && s->kicked[ring] && !s->enabled[ring] && !s->on[ring] &&
	       (s->features & BIT(VHOST_USER_F_PROTOCOL_FEATURES));
}

static uint32_t
swap(const struct port_vhost *pv, uint32_t ring)
{
	return vhost_ring_swap(pv->port, &pv->session, ring);
}

/* Start a ring where the library sees it now. */
static void
ring_start(struct port_vhost *pv, uint32_t ring, bool discard)
{
	const struct virtq_mem *mem = &pv->port->mem;
	struct rte_vhost_vring v;
	struct port_ring conf;
	int rc;

	if (rte_vhost_get_vhost_vring(pv->vid, (uint16_t)ring, &v) != 0 || v.desc == NULL ||
		v.avail == NULL || v.used == NULL)
		return; /* not translated; the library takes it back in a moment */
	if (virtq_size_check(v.size) != 0) {
		vhost_complain(pv, "ring %" PRIu32 " not started: size %u", ring, v.size);
		return;
	}
	/* All of each part, the event words too, inside one region of our own map. */
	if (!inside(mem, v.desc, virtq_desc_bytes(v.size)) ||
		!inside(mem, v.avail, virtq_avail_bytes(v.size)) ||
		!inside(mem, v.used, virtq_used_bytes(v.size))) {
		vhost_complain(pv,
			"ring %" PRIu32 " not started: its %u entries reach past the memory", ring,
			v.size);
		return;
	}
	if ((uintptr_t)v.used % VIRTQ_USED_ALIGN != 0) {
		vhost_complain(pv, "ring %" PRIu32 " not started: used ring is misaligned", ring);
		return;
	}
	conf = (struct port_ring){
		.desc = (struct virtq_desc *)v.desc,
		.avail = (struct virtq_avail *)v.avail,
		.used = (struct virtq_used *)v.used,
		.size = v.size,
		/* We complete all that we take: the driver's memory holds the position. */
		.base = virtq_index_peek(&((struct virtq_used *)v.used)->idx),
		.features = pv->session.features,
		.call_fd = v.callfd >= 0 ? v.callfd : -1,
		.kick_fd = v.kickfd >= 0 ? v.kickfd : -1,
		.discard = discard,
	};
	if (conf.features & BIT(VHOST_F_LOG_ALL_BIT)) {
		conf.log = vhost_log_write;
		conf.log_arg = &pv->log;
		conf.log_used = pv->session.log_used[ring];
	}
	rc = port_ring_start(pv->port, swap(pv, ring), &conf);
	if (rc == 0 && swap(pv, ring) == port_controlq(pv->port)) {
		vhost_control_kicked(pv, ring); /* not so after RESET_OWNER */
		vhost_control_started(pv, v.kickfd);
	}
	if (rc != 0)
		vhost_complain(pv, "ring %" PRIu32 " not started: %s", ring,
			rc == -EFAULT ? "its parts are misaligned" : strerror(-rc));
}

void
vhost_ring_stop(struct port_vhost *pv, uint32_t ring)
{
	uint32_t own = swap(pv, ring);

	if (port_ring_started(pv->port, own)) {
		uint16_t position = port_ring_stop(pv->port, own);

		if (own == port_controlq(pv->port))
			vhost_control_stopped(pv);
		rte_vhost_set_vring_base(pv->vid, (uint16_t)ring, position, position);
	}
}

void
vhost_ring_sync(struct port_vhost *pv, uint32_t ring)
{
	bool ready = device_ready(pv) && vhost_ring_exists(pv->port, &pv->session, ring);
	bool run = ready && pv->session.on[ring];
	bool discard = ready && ring_may_discard(pv, ring);
	bool running = port_ring_running(pv->port, swap(pv, ring));
	bool started = port_ring_started(pv->port, swap(pv, ring));

	if (run == running && (run || discard) == started)
		return;
	vhost_ring_stop(pv, ring);
	if (run || discard)
		ring_start(pv, ring, discard);
}

void
vhost_rings_sync(struct port_vhost *pv)
{
	for (uint32_t ring = 0; ring < port_nb_rings(pv->port); ring++)
		vhost_ring_sync(pv, ring);
	if (device_ready(pv))
		vhost_control_device_ready(pv);
}

void
vhost_rings_stop(struct port_vhost *pv)
{
	port_pause(pv->port);
	for (uint32_t ring = 0; ring < port_nb_rings(pv->port); ring++)
		vhost_ring_stop(pv, ring);
}

void
vhost_rings_reset(struct port_vhost *pv)
{
	vhost_rings_stop(pv);
	for (uint32_t ring = 0; ring < port_nb_rings(pv->port); ring++)
		port_ring_reset(pv->port, ring);
}

static void
replace_err(struct port_vhost *pv, uint32_t ring, int fd)
{
	if (pv->err_fd[ring] >= 0)
		close(pv->err_fd[ring]);
	pv->err_fd[ring] = fd;
}

void
vhost_ring_set_err(struct port_vhost *pv, const struct vhost_message *msg)
{
	int fd = msg->nb_fds == 1 ? fcntl(msg->fds[0], F_DUPFD_CLOEXEC, 0) : -1;

	replace_err(pv, (uint32_t)vhost_msg_ring_index(msg), fd);
}

void
vhost_rings_drop_err(struct port_vhost *pv)
{
	for (uint32_t ring = 0; ring < port_nb_rings(pv->port); ring++)
		replace_err(pv, ring, -1);
}

void
vhost_ring_error(struct port_vhost *pv, uint32_t ring)
{
	if (pv->err_fd[ring] >= 0)
		notify(pv->err_fd[ring]);
}

void
vhost_memory_drop(struct port_vhost *pv)
{
	vhost_bus_forget(pv->port);
	pv->port->mem.nb_regions = 0;
	pv->session.nb_files = 0;
}

void
vhost_memory_load(struct port_vhost *pv)
{
	struct rte_vhost_memory *table;

	pv->port->mem.nb_regions = 0;
	if (rte_vhost_get_mem_table(pv->vid, &table) != 0) {
		vhost_complain(pv, "memory table cannot be read");
		return;
	}
	for (uint32_t i = 0; i < table->nregions; i++) {
		const struct rte_vhost_mem_region *r = &table->regions[i];

		if (virtq_mem_add(&pv->port->mem, r->guest_phys_addr, r->size,
			    (void *)(uintptr_t)r->host_user_addr) != 0)
			vhost_complain(pv, "memory region %" PRIu32 " not usable", i);
	}
	free(table);
	vhost_bus_watch(pv->port);
}
