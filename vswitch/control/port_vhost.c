/* SPDX-License-Identifier: BSD-3-Clause */
#include "port_vhost.h"

#include "device_config.h"
#include "message_filter.h"
#include "vhost_bus.h"
#include "vhost_control.h"
#include "vhost_session.h"
#include "vhost_socket.h"
#include "vhost_wire.h"

#include <rte_errno.h>
#include <rte_vhost.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static bool
name_ok(const char *name)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
	size_t length = name == NULL ? 0 : strlen(name);

	return length > 0 && length < PORT_NAME_BYTES && strspn(name, allowed) == length;
}

static int
check_conf(const struct vswitch_port_conf *conf)
{
	struct port_vhost *other;

	if (!name_ok(conf->name)) {
		CONTROL_LOG(ERR, "port name '%s': 1 to %d characters of A-Z a-z 0-9 _ . -",
			conf->name == NULL ? "" : conf->name, PORT_NAME_BYTES - 1);
		return -EINVAL;
	}
	if (conf->pairs < 1 || conf->pairs > PORT_PAIRS_MAX) {
		CONTROL_LOG(ERR, "port %s: %u queues, 1 to %d are possible", conf->name,
			conf->pairs, PORT_PAIRS_MAX);
		return -EINVAL;
	}
	if ((conf->mac[0] & 1) || (conf->mtu != 0 && conf->mtu < VSWITCH_MTU_MIN)) {
		CONTROL_LOG(ERR, "port %s: %s", conf->name,
			conf->mac[0] & 1 ? "its MAC address is multicast" : "its MTU is below 68");
		return -EINVAL;
	}
	if (port_find(conf->name) != NULL) {
		CONTROL_LOG(ERR, "port %s: there is a port of this name already", conf->name);
		return -EEXIST;
	}
	other = conf->path == NULL ? NULL : vhost_session_find(conf->path);
	if (other != NULL) {
		CONTROL_LOG(ERR, "port %s: socket %s belongs to port %s", conf->name, conf->path,
			other->port->name);
		return -EEXIST;
	}
	return vhost_socket_prepare(conf->name, conf->path, conf->client);
}

/* The library's part; nothing is left over on failure. */
static int
register_socket(struct port_vhost *pv)
{
	uint64_t features = filter_features(pv->port, UINT64_MAX);

	if (rte_vhost_driver_register(pv->path, pv->client ? RTE_VHOST_USER_CLIENT : 0) != 0) {
		CONTROL_LOG(ERR, "port %s: rte_vhost does not take socket %s", pv->port->name,
			pv->path);
		return -EIO;
	}
	if (rte_vhost_driver_set_features(pv->path, features) == 0 &&
		rte_vhost_driver_set_protocol_features(pv->path, FILTER_PROTOCOL_FEATURES) == 0 &&
		rte_vhost_driver_callback_register(pv->path, &vhost_session_ops) == 0 &&
		vhost_wire_start(pv->path) == 0)
		return 0;
	CONTROL_LOG(ERR, "port %s: rte_vhost does not start socket %s", pv->port->name, pv->path);
	vhost_wire_stop(pv->path);
	return -EIO;
}

static void
vhost_free(struct port_vhost *pv)
{
	vhost_session_forbid(pv);
	control_lock();
	port_destroy(pv->port);
	control_unlock();
	pthread_mutex_destroy(&pv->lock);
	vhost_control_free(pv->control);
	free(pv);
}

static void
configure(struct port_vhost *pv, const struct vswitch_port_conf *conf)
{
	static const uint8_t none[sizeof(conf->mac)];

	memcpy(pv->mac, conf->mac, sizeof(pv->mac));
	if (memcmp(pv->mac, none, sizeof(none)) == 0)
		device_config_default_mac(conf->name, pv->mac);
	pv->config_mtu = conf->mtu;
	pv->speed = conf->speed;
	pv->hash = conf->hash;
	pv->no_config = conf->no_config;
}

static struct port_vhost *
vhost_new(const struct vswitch_port_conf *conf)
{
	static uint64_t serial;
	struct port_vhost *pv = calloc(1, sizeof(*pv));
	struct timespec now;

	if (pv == NULL)
		return NULL;
	clock_gettime(CLOCK_MONOTONIC, &now);
	pv->created_ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	pv->serial = ++serial;
	pv->vid = -1;
	pv->channel_fd = -1;
	for (uint32_t ring = 0; ring < VHOST_RINGS_MAX; ring++)
		pv->err_fd[ring] = -1;
	pv->client = conf->client;
	strcpy(pv->path, conf->path);
	configure(pv, conf);
	pv->control = vhost_control_new(pv->mac);
	if (pv->control == NULL) {
		free(pv);
		return NULL;
	}
	pthread_mutex_init(&pv->lock, NULL);
	control_lock();
	pv->port = port_create(conf->name, conf->pairs);
	if (pv->port != NULL)
		pv->port->backend = pv;
	control_unlock();
	if (pv->port != NULL)
		return pv;
	CONTROL_LOG(ERR, "port %s: %s", conf->name,
		rte_errno == ENOSPC ? "the switch has all the ports it can have"
				    : rte_strerror(rte_errno));
	pthread_mutex_destroy(&pv->lock);
	vhost_control_free(pv->control);
	free(pv);
	return NULL;
}

int
port_vhost_add(const struct vswitch_port_conf *conf)
{
	struct port_vhost *pv;
	int rc = check_conf(conf);

	if (rc != 0)
		return rc;
	rte_errno = ENOMEM;
	pv = vhost_new(conf);
	if (pv == NULL)
		return -rte_errno;
	vhost_wire_init();
	vhost_bus_init();
	vhost_session_allow(pv);
	rc = register_socket(pv);
	if (rc != 0) {
		vhost_free(pv);
		return rc;
	}
	return pv->port->id;
}

int
port_vhost_remove(struct port *port)
{
	struct port_vhost *pv = port->backend;

	/* The library calls nobody when it is told to forget a socket. */
	vhost_session_close(pv);
	vhost_wire_stop(pv->path);
	vhost_free(pv);
	return 0;
}

void
port_vhost_link_set(struct port *port, bool up)
{
	struct port_vhost *pv = port->backend;

	pthread_mutex_lock(&pv->lock);
	if (pv->link_down == up) {
		port_link_set(port, up);
		pv->link_down = !up;
		device_config_changed(pv);
		CONTROL_LOG(NOTICE, "port %s: link set %s", port->name, up ? "up" : "down");
	}
	pthread_mutex_unlock(&pv->lock);
}

void
port_vhost_housekeep(void)
{
	for (uint16_t id = 0; id < PORT_MAX; id++) {
		const struct port *port = port_get(id);
		struct port_vhost *pv = port == NULL ? NULL : port->backend;

		if (pv == NULL)
			continue;
		vhost_session_check(pv);
		vhost_control_housekeep(pv);
		if (pv->config_changed) {
			pthread_mutex_lock(&pv->lock);
			device_config_remind(pv);
			pthread_mutex_unlock(&pv->lock);
		}
	}
}
