/* SPDX-License-Identifier: BSD-3-Clause */
/* The scripted backend's config space and control ring. VIRTIO 1.3, 5.1.4 and 5.1.6.5. */
#include "backend_msg.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LOOK_US 10

void
backend_control(struct backend *b, uint16_t pairs)
{
	static const uint8_t mac[6] = {0x02, 0x11, 0x22, 0x33, 0x44, 0x55};

	b->features |= B_CONTROL;
	b->protocol |= B_P_CONFIG | B_P_BACKEND_REQ;
	b->pairs = pairs;
	b->config = (struct backend_config){
		.status = 1,
		.max_pairs = pairs,
		.mtu = 9000,
		.speed = 25000,
		.duplex = 1,
		.key_max = 40,
		.table_max = 128,
		.hash_types = 0x1ff,
	};
	memcpy(b->config.mac, mac, sizeof(mac));
}

int
backend_ctrl_index(const struct backend *b)
{
	if (!(b->acked & B_F_CTRL_VQ) || !(b->acked_protocol & B_P_CONFIG))
		return -1;
	return b->acked & (B_F_MQ | B_F_RSS) ? 2 * b->config.max_pairs : 2;
}

/* The feature that a command needs, and its least and greatest size; greatest 0: any. */
static const struct {
	uint8_t class;
	uint8_t command;
	uint64_t feature;
	uint32_t min;
	uint32_t max;
} known[] = {
	{0, 0, B_F_CTRL_RX, 3, 3},
	{0, 1, B_F_CTRL_RX, 3, 3},
	{0, 2, B_F_CTRL_RX_EXTRA, 3, 3},
	{0, 3, B_F_CTRL_RX_EXTRA, 3, 3},
	{0, 4, B_F_CTRL_RX_EXTRA, 3, 3},
	{0, 5, B_F_CTRL_RX_EXTRA, 3, 3},
	{1, 0, B_F_CTRL_RX, 10, 0},
	{1, 1, B_F_CTRL_MAC_ADDR, 8, 8},
	{2, 0, B_F_CTRL_VLAN, 4, 4},
	{2, 1, B_F_CTRL_VLAN, 4, 4},
	{3, 0, B_F_GUEST_ANNOUNCE, 2, 2},
	{4, 0, B_F_MQ, 4, 4},
	{4, 1, B_F_RSS, 15, 0},
	{4, 2, B_F_HASH_REPORT, 15, 0},
	{5, 0, B_F_CTRL_GUEST_OFFLOADS, 10, 10},
};

static void
check(struct backend *b, const struct backend_command *c)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (known[i].class != c->bytes[0] || known[i].command != c->bytes[1])
			continue;
		if (!(b->acked & known[i].feature))
			b->complaint = "command without its feature";
		if (c->nb < known[i].min || (known[i].max != 0 && c->nb > known[i].max))
			b->complaint = "command of a wrong size";
		/* All commands of the class, as the standard's wording has it. */
		if (c->bytes[0] == 1 && !(b->acked & B_F_CTRL_RX))
			b->complaint = "command about addresses without CTRL_RX";
		if (c->bytes[0] == 4 && c->bytes[1] == 0 &&
			(c->bytes[2] + 256 * c->bytes[3] < 1 ||
				c->bytes[2] + 256 * c->bytes[3] > b->config.max_pairs))
			b->complaint = "pairs that the device has not";
		return;
	}
	b->complaint = "command that the standard does not know";
}

/* Note the command. @return where its answer goes, NULL: it is malformed. */
static uint8_t *
note(struct backend *b, struct backend_command *c)
{
	const struct fake_chain *chain = &b->chain;
	uint8_t *ack = NULL;

	c->nb = 0;
	for (uint32_t i = 0; i < chain->nb; i++) {
		uint8_t *p = backend_at(b, chain->parts[i].addr, chain->parts[i].len);

		if (p == NULL || ack != NULL) {
			b->complaint = "command outside the memory, or behind its answer";
			return NULL;
		}
		if (chain->parts[i].writable) {
			ack = p;
			continue;
		}
		if (c->nb + chain->parts[i].len > sizeof(c->bytes)) {
			b->complaint = "command longer than any";
			return NULL;
		}
		memcpy(c->bytes + c->nb, p, chain->parts[i].len);
		c->nb += chain->parts[i].len;
	}
	if (ack == NULL || chain->write_bytes != 1 || c->nb < 2) {
		b->complaint = "command without room for its answer";
		return NULL;
	}
	c->driver_ok = (b->status & 4) != 0;
	c->live = 0;
	for (int i = 0; i < B_RINGS; i++)
		c->live += i != backend_ctrl_index(b) && b->rings[i].started && b->rings[i].enabled;
	return ack;
}

static void
use(struct backend *b, uint8_t *ack, int answer)
{
	struct fake_device *d = &b->ctrl;
	uint32_t len = 1;

	if (answer == B_ACK_MUTE)
		return;
	if (answer == B_ACK_HANG_UP) {
		shutdown(b->sock, SHUT_RDWR);
		return;
	}
	if (answer <= UINT8_MAX)
		*ack = (uint8_t)answer;
	/* It is there, and the device does not say so. */
	if (answer == B_ACK_NO_LENGTH) {
		*ack = 0;
		len = 0;
	}
	if (answer == B_ACK_LONG)
		len = 2;
	fake_device_use(d, answer == B_ACK_WRONG_ID ? b->chain.head + 1u : b->chain.head, len);
	if (answer == B_ACK_TWICE)
		fake_device_use(d, b->chain.head, len);
	fake_device_show(d);
	if (answer == B_ACK_INDEX)
		fake_device_raw_idx(d, (uint16_t)(d->used_pos + 100));
}

static bool
runs(const struct backend *b)
{
	int index = backend_ctrl_index(b);

	return b->connected && !b->mute && index >= 0 && index < B_RINGS && b->nb_regions > 0 &&
	       b->rings[index].started && b->rings[index].enabled && (b->status & 4);
}

/* Under lock. @return a command was there. */
static bool
serve_one(struct backend *b)
{
	struct backend_command *c = &b->commands[b->nb_commands % B_COMMANDS];
	int answer = 0;
	uint8_t *ack;

	if (!runs(b))
		return false;
	if (b->ctrl_fresh) {
		backend_device(b, (uint32_t)backend_ctrl_index(b), &b->ctrl);
		b->ctrl_fresh = false;
	}
	if (!fake_device_take(&b->ctrl, &b->chain)) {
		if (b->ctrl.complaint != NULL)
			b->complaint = b->ctrl.complaint;
		return false;
	}
	ack = note(b, c);
	if (ack == NULL)
		return false;
	b->nb_commands++;
	check(b, c);
	if (b->answer != NULL)
		answer = b->answer(b, c->bytes, c->nb);
	if (b->answer_ms != 0)
		usleep(b->answer_ms * 1000);
	use(b, ack, answer);
	return true;
}

void *
backend_ctrl_serve(void *arg)
{
	struct backend *b = arg;

	while (!__atomic_load_n(&b->ctrl_stop, __ATOMIC_ACQUIRE)) {
		bool served;

		pthread_mutex_lock(&b->lock);
		served = serve_one(b);
		pthread_mutex_unlock(&b->lock);
		if (!served)
			usleep(LOOK_US);
	}
	return NULL;
}

unsigned int
backend_commands(struct backend *b, uint8_t class, uint8_t command, struct backend_command *last)
{
	unsigned int n = 0;

	pthread_mutex_lock(&b->lock);
	for (unsigned int i = b->nb_commands < B_COMMANDS ? 0 : b->nb_commands - B_COMMANDS;
		i < b->nb_commands; i++) {
		const struct backend_command *c = &b->commands[i % B_COMMANDS];

		if (c->bytes[0] != class || c->bytes[1] != command)
			continue;
		n++;
		if (last != NULL)
			*last = *c;
	}
	pthread_mutex_unlock(&b->lock);
	return n;
}

int
backend_channel_send(struct backend *b, const void *bytes, size_t nb)
{
	int ret = -1;

	pthread_mutex_lock(&b->lock);
	if (b->channel >= 0)
		ret = send(b->channel, bytes, nb, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)nb ? 0
											      : -1;
	pthread_mutex_unlock(&b->lock);
	return ret;
}

int
backend_status(struct backend *b, uint16_t status)
{
	/* CONFIG_CHANGE_MSG, version 1, no payload. */
	static const uint32_t msg[] = {2, 1, 0};

	pthread_mutex_lock(&b->lock);
	b->config.status = status;
	pthread_mutex_unlock(&b->lock);
	return backend_channel_send(b, msg, sizeof(msg));
}
