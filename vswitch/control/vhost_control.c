/* SPDX-License-Identifier: BSD-3-Clause */
#include "vhost_control.h"

#include "control_ring.h"
#include "device_config.h"
#include "ring/virtq.h"
#include "vhost_rings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NET(name) virtq_bit(VIRTIO_NET_F_##name)

struct vhost_control *
vhost_control_new(const uint8_t mac[6])
{
	struct vhost_control *c = calloc(1, sizeof(*c));
	struct rte_ether_addr addr;

	if (c == NULL)
		return NULL;
	memcpy(&addr, mac, sizeof(addr));
	vnet_ctrl_state_reset(&c->state, 0, &addr);
	c->kick_fd = -1;
	return c;
}

void
vhost_control_free(struct vhost_control *control)
{
	free(control);
}

static bool
has_config(const struct vhost_session *s)
{
	return s->protocol_features & (UINT64_C(1) << VHOST_PROTOCOL_F_CONFIG);
}

int32_t
vhost_control_index(const struct port *port, const struct vhost_session *session)
{
	if (!has_config(session) || !(session->features & NET(CTRL_VQ)))
		return -1;
	return session->features & (NET(MQ) | NET(RSS)) ? 2 * port->max_pairs : 2;
}

uint32_t
vhost_ring_swap(const struct port *port, const struct vhost_session *session, uint32_t ring)
{
	int32_t control = vhost_control_index(port, session);
	uint32_t last = port_controlq(port);

	if (control < 0)
		return ring;
	return ring == (uint32_t)control ? last : ring == last ? (uint32_t)control : ring;
}

bool
vhost_ring_exists(const struct port *port, const struct vhost_session *session, uint32_t ring)
{
	int32_t control = vhost_control_index(port, session);

	return control < 0 ? ring < port_controlq(port) : ring <= (uint32_t)control;
}

int
vhost_control_sync(struct port_vhost *pv)
{
	struct vhost_control *c = pv->control;
	const struct vhost_session *s = &pv->session;
	bool filter = c->set_up && vhost_control_index(pv->port, s) >= 0;
	uint16_t mtu = has_config(s) && (s->features & NET(MTU)) ? pv->config_mtu : 0;
	int rc;

	if (mtu != c->mtu) {
		port_mtu_set(pv->port, mtu);
		c->mtu = mtu;
	}
	if (filter == c->filtering &&
		(!filter || memcmp(&c->state, &c->in_force, sizeof(c->state)) == 0))
		return 0;
	rc = port_policy_set(pv->port, filter ? &c->state : NULL);
	if (rc != 0)
		return rc;
	c->filtering = filter;
	c->in_force = c->state;
	return 0;
}

void
vhost_control_reset(struct port_vhost *pv)
{
	struct vhost_control *c = pv->control;
	int32_t control = vhost_control_index(pv->port, &pv->session);
	struct rte_ether_addr mac;

	memcpy(&mac, pv->mac, sizeof(mac));
	vnet_ctrl_state_reset(&c->state, pv->session.features, &mac);
	c->set_up = control >= 0 && pv->session.kicked[control];
	pv->session.announce = false;
	if (vhost_control_sync(pv) != 0)
		vhost_complain(pv, "no memory: receive filters stay as they were");
}

void
vhost_control_kicked(struct port_vhost *pv, uint32_t ring)
{
	struct vhost_control *c = pv->control;

	if ((int64_t)ring != vhost_control_index(pv->port, &pv->session))
		return;
	c->set_up = true;
	if (vhost_control_sync(pv) != 0)
		vhost_complain(pv, "no memory: receive filters are not set");
}

/* 5.1.6.5.4: other switches on its way may still look for it elsewhere. */
void
vhost_control_device_ready(struct port_vhost *pv)
{
	struct vhost_session *s = &pv->session;

	if (s->announced || pv->connections < 2 || !has_config(s) ||
		!(s->features & NET(GUEST_ANNOUNCE)))
		return;
	s->announced = true;
	s->announce = true;
	device_config_changed(pv);
}
