/* SPDX-License-Identifier: BSD-3-Clause */
#include "switch_options.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#define PATH_BYTES sizeof(((struct sockaddr_un *)0)->sun_path)
#define NAME_MAX_CHARS 31
#define PAIRS_MAX 127

static const char help[] =
	"virtq-switch: a virtual switch for vhost-user guests\n"
	"\n"
	"  virtq-switch [EAL options --] --port NAME,path=SOCKET[,client=1][,queues=N]... ...\n"
	"\n"
	"  --port NAME,path=SOCKET[,KEY=VALUE]...\n"
	"                     a port; may be given up to 256 times. The switch serves the socket,\n"
	"                     or with client=1 connects to one that the guest serves, again and\n"
	"                     again. Queue pairs offered: queues=1 to 127, default 1. Told to\n"
	"                     guests whose frontend asks for config space: mac=ADDRESS (default:\n"
	"                     made from the name), mtu=68 to 65535 (default: none), speed=MBIT\n"
	"                     (default: unknown). hash=on offers packet hashes to QEMU's guests,\n"
	"                     too; config=off hides config space and control queue, which QEMU\n"
	"                     before 7.2.3 does not bear\n"
	"  --idle-sleep USEC  let a worker sleep after so many microseconds without a frame, until "
	"a\n"
	"                     guest kicks; 0: at once. Default: workers poll without end\n"
	"  --show SECONDS     print a table of ports, rates and drops that often; default: at the "
	"end\n"
	"  --mac-age SECONDS  forget an address after this time without traffic; default 300\n"
	"  --mac-entries N    addresses the MAC table holds; default 65536\n"
	"  --mbufs N          packet buffers for frames to several ports; default 8191\n"
	"  --version, --help\n"
	"\n"
	"Without EAL options it runs on two of the CPUs it may use (main on the first, one worker "
	"on\n"
	"the last), with hugepages if enough are free, else without. With EAL options, which end "
	"at\n"
	"\"--\", each worker lcore they name becomes a worker:\n"
	"\n"
	"  virtq-switch --lcores 0@0,1@2,2@3 --in-memory --no-pci -- --port "
	"vm0,path=/run/vm0.sock\n"
	"\n"
	"Details of the vhost-user protocol are logged with --log-level lib.vhost.config:info "
	"(EAL).\n";

static const char *const names[] = {
	"port", "idle-sleep", "show", "mac-age", "mac-entries", "mbufs", "help", "version"};
enum option {
	OPT_PORT,
	OPT_IDLE_SLEEP,
	OPT_SHOW,
	OPT_MAC_AGE,
	OPT_MAC_ENTRIES,
	OPT_MBUFS,
	OPT_HELP,
	OPT_VERSION,
	OPT_NONE
};

static bool __attribute__((format(printf, 1, 2))) wrong(const char *fmt, ...)
{
	va_list ap;

	fputs("virtq-switch: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputs("; see --help\n", stderr);
	return false;
}

/* "--show" or "--show=5"; value is what stands behind '='. */
static enum option
which(const char *arg, char **value)
{
	size_t length;

	*value = NULL;
	if (strcmp(arg, "-h") == 0)
		return OPT_HELP;
	if (strncmp(arg, "--", 2) != 0)
		return OPT_NONE;
	arg += 2;
	length = strcspn(arg, "=");
	for (int i = 0; i < OPT_NONE; i++) {
		if (strlen(names[i]) == length && strncmp(names[i], arg, length) == 0) {
			if (arg[length] == '=')
				*value = (char *)(uintptr_t)(arg + length + 1);
			return (enum option)i;
		}
	}
	return OPT_NONE;
}

bool
options_is_ours(const char *arg)
{
	char *value;

	return which(arg, &value) != OPT_NONE;
}

/* what: "--show", or the key of a port. */
static bool
number(const char *what, const char *text, uint32_t low, uint32_t high, uint32_t *out)
{
	char *end;
	unsigned long long value;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || value < low ||
		value > high)
		return wrong("%s '%s' is no whole number from %" PRIu32 " to %" PRIu32, what, text,
			low, high);
	*out = (uint32_t)value;
	return true;
}

static bool
check_name(const char *name)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";

	if (name[0] == '\0' || strlen(name) > NAME_MAX_CHARS || name[strspn(name, allowed)] != '\0')
		return wrong("port name '%s': it takes 1 to %d characters of A-Z a-z 0-9 _ . -",
			name, NAME_MAX_CHARS);
	return true;
}

static bool
check_port(const struct switch_options *o, const struct vswitch_port_conf *port)
{
	if (port->path == NULL)
		return wrong("--port %s has no path=SOCKET", port->name);
	if (port->path[0] == '\0')
		return wrong("--port %s: path= is empty", port->name);
	if (strlen(port->path) >= PATH_BYTES)
		return wrong("--port %s: the path has %zu characters, a socket's may have %zu: %s",
			port->name, strlen(port->path), PATH_BYTES - 1, port->path);
	for (uint32_t i = 0; i < o->nb_ports; i++) {
		if (strcmp(o->ports[i].name, port->name) == 0)
			return wrong("two ports are named %s", port->name);
		if (strcmp(o->ports[i].path, port->path) == 0)
			return wrong("ports %s and %s have the same path %s", o->ports[i].name,
				port->name, port->path);
	}
	return true;
}

/* "on" or "off". */
static bool
on_off(const char *what, const char *text, bool *out)
{
	*out = strcmp(text, "on") == 0;
	return *out || strcmp(text, "off") == 0 || wrong("%s '%s' is not on or off", what, text);
}

/* Six bytes; one that a card could have. */
static bool
mac_address(const char *text, uint8_t mac[6])
{
	static const uint8_t none[6];
	int end = 0;

	if (strspn(text, "0123456789abcdefABCDEF:") != strlen(text) ||
		sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", &mac[0], &mac[1], &mac[2],
			&mac[3], &mac[4], &mac[5], &end) != 6 ||
		text[end] != '\0')
		return wrong("mac= '%s' is no address like 02:00:00:00:00:01", text);
	if ((mac[0] & 1) || memcmp(mac, none, sizeof(none)) == 0)
		return wrong("mac= %s is multicast or zero: no address of a port", text);
	return true;
}

/* A key that says what the guest is told. */
static bool
config_key(struct vswitch_port_conf *port, const char *key, const char *value)
{
	uint32_t n = 0;
	bool on;

	if (strcmp(key, "mac") == 0)
		return mac_address(value, port->mac);
	if (strcmp(key, "mtu") == 0) {
		if (!number("mtu=", value, VSWITCH_MTU_MIN, UINT16_MAX, &n))
			return false;
		port->mtu = (uint16_t)n;
		return true;
	}
	if (strcmp(key, "speed") == 0)
		return number("speed=", value, 1, INT32_MAX, &port->speed);
	if (strcmp(key, "hash") == 0)
		return on_off("hash=", value, &port->hash);
	if (strcmp(key, "config") == 0) {
		if (!on_off("config=", value, &on))
			return false;
		port->no_config = !on;
		return true;
	}
	return wrong("--port %s: unknown key '%s'; path=, client=, queues=, mac=, mtu=, speed=, "
		     "hash= and config= are known",
		port->name, key);
}

/* One KEY=VALUE of a port. */
static bool
port_key(struct vswitch_port_conf *port, char *word)
{
	char *value = strchr(word, '=');
	uint32_t n = 0;

	if (value == NULL)
		return wrong("--port %s: '%s' is no KEY=VALUE", port->name, word);
	*value++ = '\0';
	if (strcmp(word, "path") == 0) {
		port->path = value;
		return true;
	}
	if (strcmp(word, "client") == 0) {
		if (!number("client=", value, 0, 1, &n))
			return false;
		port->client = n == 1;
		return true;
	}
	if (strcmp(word, "queues") == 0) {
		if (!number("queues=", value, 1, PAIRS_MAX, &n))
			return false;
		port->pairs = (uint16_t)n;
		return true;
	}
	return config_key(port, word, value);
}

/* NAME,path=SOCKET[,KEY=VALUE]... */
static bool
port(struct switch_options *o, char *text)
{
	struct vswitch_port_conf conf = {.pairs = 1};
	char *save, *word = strtok_r(text, ",", &save);

	if (o->nb_ports == SWITCH_PORTS_MAX)
		return wrong("more than %d ports", SWITCH_PORTS_MAX);
	if (word == NULL)
		return wrong("--port needs NAME,path=SOCKET");
	conf.name = word;
	if (!check_name(word))
		return false;
	while ((word = strtok_r(NULL, ",", &save)) != NULL) {
		if (!port_key(&conf, word))
			return false;
	}
	if (!check_port(o, &conf))
		return false;
	o->ports[o->nb_ports++] = conf;
	return true;
}

static bool
set(struct switch_options *o, enum option option, char *value)
{
	switch (option) {
	case OPT_PORT:
		return port(o, value);
	case OPT_IDLE_SLEEP:
		o->conf.idle_sleep = true;
		return number("--idle-sleep", value, 0, 1000000, &o->conf.idle_us);
	case OPT_SHOW:
		return number("--show", value, 1, 86400, &o->show_s);
	case OPT_MAC_AGE:
		return number("--mac-age", value, 1, 1000000, &o->conf.mac_age_s);
	case OPT_MAC_ENTRIES:
		return number("--mac-entries", value, 16, 1 << 24, &o->conf.mac_entries);
	case OPT_MBUFS:
		return number("--mbufs", value, 1, 1 << 22, &o->conf.nb_mbufs);
	default:
		return false;
	}
}

enum options_result
options_parse(struct switch_options *options, int argc, char **argv)
{
	*options = (struct switch_options){0};
	for (int i = 0; i < argc; i++) {
		char *value;
		enum option option = which(argv[i], &value);

		if (option == OPT_HELP || option == OPT_VERSION) {
			fputs(option == OPT_HELP ? help : "virtq-switch " VIRTQ_VERSION "\n",
				stdout);
			return OPTIONS_DONE;
		}
		if (option == OPT_NONE) {
			wrong("unknown option '%s'", argv[i]);
			return OPTIONS_WRONG;
		}
		if (value == NULL && i + 1 < argc)
			value = argv[++i];
		if (value == NULL) {
			wrong("%s needs a value", argv[i]);
			return OPTIONS_WRONG;
		}
		if (!set(options, option, value))
			return OPTIONS_WRONG;
	}
	if (options->nb_ports == 0) {
		wrong("no port given: --port NAME,path=SOCKET");
		return OPTIONS_WRONG;
	}
	return OPTIONS_RUN;
}
