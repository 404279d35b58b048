/* SPDX-License-Identifier: BSD-3-Clause */
/* /virtq/control and /virtq/link of rte_telemetry. */
#include "control_ring.h"
#include "port_vhost.h"
#include "telemetry_reply.h"

#include <errno.h>
#include <string.h>

#define VLANS_PER_REPLY RTE_TEL_MAX_ARRAY_ENTRIES

static const char *const kinds[] = {
#define KIND(name, class, command, feature, text) #name,
	VNET_CTRLS(KIND)
#undef KIND
};

static const char *const bads[] = {
#define BAD(name, lower, text) #lower,
	VNET_CTRL_BADS(BAD)
#undef BAD
};

/* By bit. VIRTIO 1.3, 5.1.6.4.3.1 Supported/enabled hash types. */
static const char *const hash_types[] = {
	"IPv4", "TCPv4", "UDPv4", "IPv6", "TCPv6", "UDPv6", "IP_EX", "TCP_EX", "UDP_EX"};

static void
add_names(struct rte_tel_data *d, const char *key, uint32_t bits, const char *const *names,
	unsigned int nb)
{
	struct rte_tel_data *list = new_strings();

	if (list == NULL)
		return;
	for (unsigned int i = 0; i < nb; i++) {
		if ((bits >> i) & 1)
			rte_tel_data_add_array_string(list, names[i]);
	}
	add_dict(d, key, list);
}

static void
add_counters(struct rte_tel_data *d, const struct control_counters *c)
{
	struct rte_tel_data *commands = new_dict(), *refused = new_dict();

	if (commands != NULL) {
		for (unsigned int i = 0; i < VNET_CTRL_KINDS; i++)
			rte_tel_data_add_dict_u64(commands, kinds[i], c->commands[i]);
		add_dict(d, "commands", commands);
	}
	if (refused == NULL)
		return;
	for (unsigned int i = VNET_CTRL_BAD_NONE + 1; i < VNET_CTRL_BAD_MAX; i++)
		rte_tel_data_add_dict_u64(refused, bads[i], c->refused[i]);
#define ADD(name, text) rte_tel_data_add_dict_u64(refused, #name, c->name);
	CONTROL_REFUSALS(ADD)
#undef ADD
	add_dict(d, "refused", refused);
}

static void
add_rss(struct rte_tel_data *d, const struct vnet_rss *rss)
{
	char key[2 * VNET_HASH_KEY_BYTES + 1] = "";

	for (unsigned int i = 0; i < rss->key_length; i++)
		snprintf(key + 2 * i, 3, "%02x", rss->key[i]);
	add_hex(d, "hash_types", rss->hash_types);
	add_names(d, "hash_type_names", rss->hash_types, hash_types, RTE_DIM(hash_types));
	rte_tel_data_add_dict_string(d, "key", key);
	rte_tel_data_add_dict_int(d, "key_length", rss->key_length);
	/* No RSS command has come as long as max_tx_vq is 0. */
	rte_tel_data_add_dict_int(
		d, "table_entries", rss->max_tx_vq == 0 ? 0 : rss->table_mask + 1);
	rte_tel_data_add_dict_int(d, "unclassified_queue", rss->unclassified_queue);
	rte_tel_data_add_dict_int(d, "max_tx_vq", rss->max_tx_vq);
}

static int
count_vlans(const struct vnet_ctrl_state *s)
{
	int nb = 0;

	for (uint32_t i = 0; i < VNET_CTRL_VLANS / 64; i++)
		nb += __builtin_popcountll(s->vlans[i]);
	return nb;
}

static void
fill_control(struct rte_tel_data *d, const struct port_vhost *pv)
{
	const struct vhost_control *c = pv->control;
	const struct vnet_ctrl_state *s = &c->state;
	char mac[RTE_ETHER_ADDR_FMT_SIZE];

	rte_ether_format_addr(mac, sizeof(mac), &s->mac);
	rte_tel_data_add_dict_string(d, "name", pv->port->name);
	rte_tel_data_add_dict_string(d, "link", pv->link_down ? "down" : "up");
	rte_tel_data_add_dict_int(d, "has_ring", c->filtering);
	rte_tel_data_add_dict_int(
		d, "running", pv->port->ctrlq.running && !virtq_device_broken(&pv->port->ctrlq.vq));
	rte_tel_data_add_dict_int(d, "index", vhost_control_index(pv->port, &pv->session));
	add_features(d, pv->session.features);
	add_names(d, "modes", s->modes, kinds, RTE_DIM(kinds));
	rte_tel_data_add_dict_string(d, "mac", mac);
	rte_tel_data_add_dict_u64(d, "unicast", s->unicast.nb);
	rte_tel_data_add_dict_int(d, "unicast_all", s->unicast.all);
	rte_tel_data_add_dict_u64(d, "multicast", s->multicast.nb);
	rte_tel_data_add_dict_int(d, "multicast_all", s->multicast.all);
	rte_tel_data_add_dict_int(d, "vlans", count_vlans(s));
	rte_tel_data_add_dict_int(d, "pairs", s->pairs);
	rte_tel_data_add_dict_int(d, "rss_on", s->rss_on);
	add_rss(d, &s->rss);
	add_hex(d, "offloads", s->offloads);
	rte_tel_data_add_dict_int(d, "announce", pv->session.announce);
	rte_tel_data_add_dict_int(d, "mtu", c->mtu);
	add_counters(d, &c->counters);
}

static void
add_macs(struct rte_tel_data *d, const char *key, const struct vnet_ctrl_macs *macs)
{
	struct rte_tel_data *list = new_strings();
	char text[RTE_ETHER_ADDR_FMT_SIZE];

	if (list == NULL)
		return;
	for (uint32_t i = 0; i < macs->nb; i++) {
		rte_ether_format_addr(text, sizeof(text), &macs->macs[i]);
		rte_tel_data_add_array_string(list, text);
	}
	add_dict(d, key, list);
}

static struct rte_tel_data *
new_numbers(void)
{
	struct rte_tel_data *d = rte_tel_data_alloc();

	if (d != NULL)
		rte_tel_data_start_array(d, RTE_TEL_INT_VAL);
	return d;
}

/* From a number on; "next" says how to go on, 0 at the end. */
static void
fill_vlans(struct rte_tel_data *d, const struct vnet_ctrl_state *s, uint32_t first)
{
	struct rte_tel_data *list = new_numbers();
	uint32_t nb = 0, id = first;

	if (list == NULL)
		return;
	for (; id < VNET_CTRL_VLANS && nb < VLANS_PER_REPLY; id++) {
		if (vnet_ctrl_state_vlan(s, (uint16_t)id)) {
			rte_tel_data_add_array_int(list, (int)id);
			nb++;
		}
	}
	add_dict(d, "vlans", list);
	rte_tel_data_add_dict_u64(d, "next", id < VNET_CTRL_VLANS ? id : 0);
}

static void
fill_table(struct rte_tel_data *d, const struct vnet_rss *rss)
{
	struct rte_tel_data *list = new_numbers();

	if (list == NULL)
		return;
	for (uint32_t i = 0; rss->max_tx_vq != 0 && i <= rss->table_mask; i++)
		rte_tel_data_add_array_int(list, rss->table[i]);
	add_dict(d, "table", list);
}

/* What stands behind the name: nothing, "macs", "table", "vlans" or "vlans,FIRST". */
static int
fill(struct rte_tel_data *d, struct port_vhost *pv, const char *what)
{
	const struct vnet_ctrl_state *s = &pv->control->state;
	uint32_t first = 0;

	if (what == NULL) {
		fill_control(d, pv);
	} else if (strcmp(what, "macs") == 0) {
		add_macs(d, "unicast", &s->unicast);
		add_macs(d, "multicast", &s->multicast);
	} else if (strcmp(what, "table") == 0) {
		fill_table(d, &s->rss);
	} else if (strncmp(what, "vlans", 5) == 0 &&
		   (what[5] == '\0' ||
			   (what[5] == ',' && what[6] != '\0' && parse_index(what + 6, &first)))) {
		fill_vlans(d, s, first);
	} else {
		return -EINVAL;
	}
	return 0;
}

static int
control(const char *cmd __rte_unused, const char *params, struct rte_tel_data *d)
{
	char name[PORT_NAME_BYTES] = "";
	size_t length = params == NULL ? 0 : strcspn(params, ",");
	struct port *port;
	int rc = -ENOENT;

	if (length == 0 || length >= sizeof(name))
		return -EINVAL;
	memcpy(name, params, length);
	rte_tel_data_start_dict(d);
	control_lock();
	port = port_find(name);
	if (port != NULL && port->backend != NULL) {
		struct port_vhost *pv = port->backend;

		pthread_mutex_lock(&pv->lock);
		rc = fill(d, pv, params[length] == ',' ? params + length + 1 : NULL);
		pthread_mutex_unlock(&pv->lock);
	}
	control_unlock();
	return rc;
}

/* NAME,up or NAME,down */
static int
link_set(const char *cmd __rte_unused, const char *params, struct rte_tel_data *d)
{
	char name[PORT_NAME_BYTES] = "";
	const char *comma = params == NULL ? NULL : strchr(params, ',');
	bool up = comma != NULL && strcmp(comma + 1, "up") == 0;
	int rc;

	if (comma == NULL || (!up && strcmp(comma + 1, "down") != 0) ||
		(size_t)(comma - params) >= sizeof(name))
		return -EINVAL;
	memcpy(name, params, (size_t)(comma - params));
	rc = vswitch_port_link_set(name, up);
	if (rc != 0)
		return rc;
	rte_tel_data_start_dict(d);
	rte_tel_data_add_dict_string(d, "name", name);
	rte_tel_data_add_dict_string(d, "link", up ? "up" : "down");
	return 0;
}

void
telemetry_control_init(void)
{
	rte_telemetry_register_cmd("/virtq/control", control,
		"State of a guest's control queue. Parameter: NAME, or NAME,macs NAME,table "
		"NAME,vlans[,FIRST].");
	rte_telemetry_register_cmd("/virtq/link", link_set,
		"Set the link of a port. Parameter: NAME,up or NAME,down.");
}
