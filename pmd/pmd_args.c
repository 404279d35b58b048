/* SPDX-License-Identifier: BSD-3-Clause */
#include "pmd_args.h"

#include "pmd_log.h"
#include "ring/virtq.h"

#include <rte_ethdev.h>
#include <rte_kvargs.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* One argument while it is read. */
struct arg {
	struct pmd_args *args;
	const char *name; /* of the device */
	const char *key;
	const char *value;
};

static int
bad(const struct arg *a, const char *what)
{
	PMD_LOG(ERR, "%s: %s=%s: %s", a->name, a->key, a->value, what);
	return -EINVAL;
}

/* Decimal or 0x; no sign, no blanks, nothing behind it. */
static int
number(const struct arg *a, uint64_t min, uint64_t max, const char *what, uint64_t *out)
{
	char *end;
	unsigned long long v;

	errno = 0;
	v = strtoull(a->value, &end, 0);
	if (a->value[0] < '0' || a->value[0] > '9' || *end != '\0' || errno != 0 || v < min ||
		v > max)
		return bad(a, what);
	*out = v;
	return 0;
}

static int
boolean(const struct arg *a, bool *out)
{
	uint64_t v = 0;
	int ret = number(a, 0, 1, "has to be 0 or 1", &v);

	if (ret == 0)
		*out = v != 0;
	return ret;
}

static int
arg_path(struct arg *a)
{
	struct stat st;

	if (a->value[0] == '\0')
		return bad(a, "is empty; give the path of the vhost-user socket");
	if (strlen(a->value) >= sizeof(a->args->path))
		return bad(a, "is longer than the 107 bytes that a socket address holds");
	if (stat(a->value, &st) == 0 && !S_ISSOCK(st.st_mode)) {
		if (S_ISCHR(st.st_mode)) {
			PMD_LOG(ERR,
				"%s: path=%s is a character device (vhost-net, vhost-vdpa); this "
				"driver "
				"speaks vhost-user: give the path of a socket, or use "
				"net_virtio_user",
				a->name, a->value);
			return -ENOTSUP;
		}
		return bad(a, "exists and is not a socket");
	}
	strcpy(a->args->path, a->value);
	return 0;
}

static int
arg_mac(struct arg *a)
{
	if (rte_ether_unformat_addr(a->value, &a->args->mac) != 0)
		return bad(a, "is no MAC address (00:11:22:33:44:55)");
	if (!rte_is_valid_assigned_ether_addr(&a->args->mac))
		return bad(a, "has to be a unicast address other than zero");
	a->args->has_mac = true;
	return 0;
}

static int
arg_queues(struct arg *a)
{
	uint64_t v = 0;
	int ret = number(a, 1, PMD_QUEUES_MAX, "has to be 1 to 128 queue pairs", &v);

	if (ret == 0)
		a->args->queues = (uint16_t)v;
	return ret;
}

static int
arg_queue_size(struct arg *a)
{
	uint64_t v = 0;
	int ret = number(a, 0, UINT32_MAX, "has to be a power of 2 from 2 to 32768", &v);

	if (ret == 0 && virtq_size_check((uint32_t)v) != 0)
		ret = bad(a, "has to be a power of 2 from 2 to 32768");
	if (ret == 0)
		a->args->queue_size = (uint16_t)v;
	return ret;
}

static int
arg_server(struct arg *a)
{
	return boolean(a, &a->args->server);
}

static int
arg_mrg_rxbuf(struct arg *a)
{
	return boolean(a, &a->args->mrg_rxbuf);
}

static int
arg_in_order(struct arg *a)
{
	return boolean(a, &a->args->in_order);
}

static int
arg_ptypes(struct arg *a)
{
	return boolean(a, &a->args->ptypes);
}

static int
arg_speed(struct arg *a)
{
	uint64_t v = 0;
	int ret = number(a, 1, UINT32_MAX, "has to be a link speed in Mbit/s, as 10000", &v);

	if (ret == 0 && v != RTE_ETH_SPEED_NUM_UNKNOWN &&
		rte_eth_speed_bitflag((uint32_t)v, RTE_ETH_LINK_FULL_DUPLEX) == 0)
		ret = bad(a, "is no link speed that DPDK knows; in Mbit/s, as 10000 or 100000");
	if (ret == 0)
		a->args->speed = v == RTE_ETH_SPEED_NUM_UNKNOWN ? 0 : (uint32_t)v;
	return ret;
}

static int
arg_wait(struct arg *a)
{
	uint64_t v = 0;
	int ret = number(a, 0, 3600, "has to be 0 to 3600 seconds", &v);

	if (ret == 0)
		a->args->wait_s = (uint32_t)v;
	return ret;
}

static int
arg_packed_vq(struct arg *a)
{
	bool on = false;
	int ret = boolean(a, &on);

	if (ret != 0 || !on)
		return ret;
	PMD_LOG(ERR, "%s: packed_vq=1: this driver has split rings only; leave packed_vq out",
		a->name);
	return -ENOTSUP;
}

static int
arg_iface(struct arg *a)
{
	PMD_LOG(ERR,
		"%s: iface=%s names a kernel interface (vhost-net); this driver speaks vhost-user: "
		"leave iface out, or use net_virtio_user",
		a->name, a->value);
	return -ENOTSUP;
}

static int
arg_ignored(struct arg *a)
{
	bool on;
	int ret = boolean(a, &on);

	if (ret == 0)
		PMD_LOG(INFO, "%s: %s=%s has no effect: %s", a->name, a->key, a->value,
			strcmp(a->key, "cq") == 0 ? "the backend decides about a control queue"
						  : "the CPU decides");
	return ret;
}

static const struct {
	const char *key;
	int (*read)(struct arg *a);
} keys[] = {
	{"path", arg_path},
	{"mac", arg_mac},
	{"queues", arg_queues},
	{"queue_size", arg_queue_size},
	{"server", arg_server},
	{"mrg_rxbuf", arg_mrg_rxbuf},
	{"in_order", arg_in_order},
	{"ptypes", arg_ptypes},
	{"speed", arg_speed},
	{"wait", arg_wait},
	{"packed_vq", arg_packed_vq},
	{"iface", arg_iface},
	{"cq", arg_ignored},
	{"vectorized", arg_ignored},
};

static int
read_one(struct arg *a, uint32_t *seen)
{
	for (unsigned int i = 0; i < RTE_DIM(keys); i++) {
		if (strcmp(a->key, keys[i].key) != 0)
			continue;
		if (*seen & RTE_BIT32(i))
			return bad(a, "is given twice");
		*seen |= RTE_BIT32(i);
		/* Behind a bracket rte_kvargs does not end the value. */
		if (strchr(a->value, ',') != NULL)
			return bad(a, "is a list in brackets; one value is possible");
		return keys[i].read(a);
	}
	PMD_LOG(ERR, "%s: unknown argument %s=%s; known: %s", a->name, a->key, a->value,
		PMD_ARGS_TEXT);
	return -EINVAL;
}

/* Of "queues=4=path=/x" rte_kvargs keeps the last key and forgets the first. */
static bool
one_value_each(const char *text)
{
	uint32_t equals = 0;

	for (; *text != '\0'; text++) {
		if (*text == ',')
			equals = 0;
		else if (*text == '=' && ++equals > 1)
			return false;
	}
	return true;
}

int
pmd_args_parse(struct pmd_args *args, const char *name, const char *text)
{
	struct rte_kvargs *kv;
	uint32_t seen = 0;
	int ret = 0;

	memset(args, 0, sizeof(*args));
	args->queues = 1;
	args->queue_size = PMD_QUEUE_SIZE_DEFAULT;
	args->mrg_rxbuf = true;
	args->in_order = true;

	if (text == NULL)
		text = "";
	if (!one_value_each(text)) {
		PMD_LOG(ERR, "%s: two '=' in one argument of '%s'; give key=value,...", name, text);
		return -EINVAL;
	}
	kv = rte_kvargs_parse(text, NULL);
	if (kv == NULL) {
		PMD_LOG(ERR, "%s: cannot read the arguments '%s'; give key=value,...", name, text);
		return -EINVAL;
	}
	for (unsigned int i = 0; i < kv->count && ret == 0; i++) {
		struct arg a = {
			.args = args,
			.name = name,
			.key = kv->pairs[i].key,
			.value = kv->pairs[i].value == NULL ? "" : kv->pairs[i].value,
		};

		ret = read_one(&a, &seen);
	}
	rte_kvargs_free(kv);
	if (ret == 0 && args->path[0] == '\0') {
		PMD_LOG(ERR, "%s: path=SOCKET is missing", name);
		ret = -EINVAL;
	}
	return ret;
}
