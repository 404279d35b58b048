/* SPDX-License-Identifier: BSD-3-Clause */
#include "backend_msg.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define VERSION 1
#define REPLY 4
#define NEED_REPLY 8

static void
complain(struct backend *b, const char *what)
{
	if (b->complaint == NULL)
		b->complaint = what;
}

static uint64_t
u64_at(const struct message *m, size_t offset)
{
	uint64_t v;

	memcpy(&v, m->payload + offset, sizeof(v));
	return v;
}

static uint32_t
u32_at(const struct message *m, size_t offset)
{
	uint32_t v;

	memcpy(&v, m->payload + offset, sizeof(v));
	return v;
}

static void
fd_replace(int *at, int fd)
{
	if (*at >= 0)
		close(*at);
	*at = fd;
}

static void
unmap(struct backend *b)
{
	for (uint32_t i = 0; i < b->nb_regions; i++)
		munmap(b->regions[i].map, b->regions[i].map_bytes);
	b->nb_regions = 0;
}

void
backend_forget_connection(struct backend *b)
{
	unmap(b);
	for (int i = 0; i < B_RINGS; i++) {
		struct backend_ring *r = &b->rings[i];

		fd_replace(&r->kick_fd, -1);
		fd_replace(&r->call_fd, -1);
		*r = (struct backend_ring){.kick_fd = -1, .call_fd = -1};
	}
	fd_replace(&b->sock, -1);
	fd_replace(&b->channel, -1);
	b->ctrl_fresh = false;
	b->connected = false;
	b->mute = false;
	b->acked = b->acked_protocol = b->status = 0;
}

static void
map_table(struct backend *b, const struct message *m, int *fds, int nb_fds)
{
	uint32_t nb = u32_at(m, 0);

	unmap(b);
	if (nb == 0 || nb > B_REGIONS || (int)nb != nb_fds || m->bytes != 8 + 32 * nb) {
		complain(b, "memory table with a wrong number of regions or descriptors");
		return;
	}
	for (uint32_t i = 0; i < nb; i++) {
		uint64_t bytes = u64_at(m, 8 + 32 * i + 8);
		uint64_t offset = u64_at(m, 8 + 32 * i + 24);
		void *map =
			mmap(NULL, offset + bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fds[i], 0);

		if (map == MAP_FAILED) {
			complain(b, "memory region that cannot be mapped");
			return;
		}
		b->regions[i].guest = u64_at(m, 8 + 32 * i);
		b->regions[i].bytes = bytes;
		b->regions[i].user = u64_at(m, 8 + 32 * i + 16);
		b->regions[i].map = map;
		b->regions[i].map_bytes = offset + bytes;
		b->regions[i].at = (uint8_t *)map + offset;
		b->nb_regions = i + 1;
	}
}

void *
backend_at(struct backend *b, uint64_t addr, uint64_t bytes)
{
	for (uint32_t i = 0; i < b->nb_regions; i++) {
		uint64_t offset = addr - b->regions[i].guest;

		if (offset < b->regions[i].bytes && bytes <= b->regions[i].bytes - offset)
			return b->regions[i].at + offset;
	}
	return NULL;
}

static struct backend_ring *
ring_of(struct backend *b, uint32_t index)
{
	if (index < B_RINGS)
		return &b->rings[index];
	complain(b, "ring index beyond what was announced");
	return &b->rings[0];
}

static void
on_addr(struct backend *b, const struct message *m)
{
	struct backend_ring *r = ring_of(b, u32_at(m, 0));

	if (r->started)
		complain(b, "addresses changed on a started ring");
	if (m->bytes != 40 || u32_at(m, 4) != 0)
		complain(b, "ring addresses of a wrong size or with flags");
	r->desc = u64_at(m, 8);
	r->used = u64_at(m, 16);
	r->avail = u64_at(m, 24);
	if (r->size == 0)
		complain(b, "addresses before the size");
	if (backend_at(b, r->desc, 16 * (uint64_t)r->size) == NULL ||
		backend_at(b, r->used, 6 + 8 * (uint64_t)r->size) == NULL ||
		backend_at(b, r->avail, 6 + 2 * (uint64_t)r->size) == NULL)
		complain(b, "ring outside the memory table");
}

static void
on_kick(struct backend *b, struct backend_ring *r, int fd)
{
	fd_replace(&r->kick_fd, fd);
	r->started = true;
	if (r - b->rings == backend_ctrl_index(b))
		b->ctrl_fresh = true;
	if (fd < 0 || r->call_fd < 0 || r->desc == 0 || r->size == 0)
		complain(b, "ring started before it was complete");
	if (!(b->acked_protocol & B_P_STATUS))
		return;
	if (!(b->status & 8))
		complain(b, "ring started before FEATURES_OK");
}

static void
on_set(struct backend *b, const struct message *m, int *fds, int nb_fds)
{
	struct backend_ring *r;

	switch (m->request) {
	case B_SET_FEATURES:
		b->acked = u64_at(m, 0);
		if (b->acked & ~b->features)
			complain(b, "feature acknowledged that was not offered");
		break;
	case B_SET_PROTOCOL_FEATURES:
		b->acked_protocol = u64_at(m, 0);
		if (b->acked_protocol & ~b->protocol)
			complain(b, "protocol feature acknowledged that was not offered");
		break;
	case B_SET_STATUS:
		b->status = u64_at(m, 0);
		if (b->no_features_ok)
			b->status &= ~UINT64_C(8);
		break;
	case B_SET_MEM_TABLE:
		map_table(b, m, fds, nb_fds);
		break;
	case B_SET_VRING_NUM:
		ring_of(b, u32_at(m, 0))->size = u32_at(m, 4);
		break;
	case B_SET_VRING_BASE:
		ring_of(b, u32_at(m, 0))->base = (uint16_t)u32_at(m, 4);
		break;
	case B_SET_VRING_ADDR:
		on_addr(b, m);
		break;
	case B_SET_VRING_CALL:
	case B_SET_VRING_KICK:
		r = ring_of(b, (uint32_t)u64_at(m, 0) & 0xff);
		if (nb_fds != 1 || (u64_at(m, 0) & 0x100)) {
			complain(b, "kick or call without its descriptor");
		} else if (m->request == B_SET_VRING_KICK) {
			on_kick(b, r, fds[0]);
			fds[0] = -1;
		} else {
			fd_replace(&r->call_fd, fds[0]);
			fds[0] = -1;
		}
		break;
	case B_SET_BACKEND_REQ_FD:
		if (nb_fds != 1) {
			complain(b, "channel without its descriptor");
		} else {
			fd_replace(&b->channel, fds[0]);
			fds[0] = -1;
		}
		break;
	case B_SET_VRING_ENABLE:
		ring_of(b, u32_at(m, 0))->enabled = u32_at(m, 4) != 0;
		break;
	default:
		break;
	}
}

/* Offset, size, flags, bytes of config space. */
static void
on_config(struct backend *b, const struct message *m, struct message *answer)
{
	uint32_t offset = u32_at(m, 0);
	uint32_t bytes = u32_at(m, 4);

	if (!(b->acked_protocol & B_P_CONFIG))
		complain(b, "GET_CONFIG without CONFIG");
	if (m->bytes != 12 + bytes)
		complain(b, "GET_CONFIG of a wrong size");
	memcpy(answer->payload, m->payload, 12);
	if (offset + bytes > sizeof(b->config)) {
		answer->bytes = 0;
		return;
	}
	memcpy(answer->payload + 12, (const uint8_t *)&b->config + offset, bytes);
	answer->bytes = 12 + bytes;
	switch (b->config_answer) {
	case B_CONFIG_RIGHT:
		break;
	case B_CONFIG_EMPTY:
		answer->bytes = 0;
		break;
	case B_CONFIG_SIZE_0:
		memset(answer->payload + 4, 0, 4);
		answer->bytes = 12;
		break;
	case B_CONFIG_SHORT:
		answer->bytes -= 1;
		break;
	case B_CONFIG_ELSEWHERE:
		answer->payload[0] ^= 4;
		break;
	}
}

/* @return true: answer has the payload of an answer that is always due. */
static bool
on_get(struct backend *b, const struct message *m, struct message *answer)
{
	uint64_t v;

	switch (m->request) {
	case B_GET_CONFIG:
		on_config(b, m, answer);
		return true;
	case B_GET_FEATURES:
		v = b->features;
		break;
	case B_GET_PROTOCOL_FEATURES:
		v = b->protocol;
		break;
	case B_GET_QUEUE_NUM:
		v = b->pairs;
		break;
	case B_GET_STATUS:
		v = b->status;
		break;
	case B_GET_VRING_BASE:
		ring_of(b, u32_at(m, 0))->started = false;
		v = u32_at(m, 0);
		break;
	default:
		return false;
	}
	answer->bytes = sizeof(v);
	memcpy(answer->payload, &v, sizeof(v));
	return true;
}

static bool
send_answer(struct backend *b, const struct message *m)
{
	const size_t bytes = HEADER + m->bytes;

	return b->mute || send(b->sock, m, bytes, MSG_NOSIGNAL) == (ssize_t)bytes;
}

static void
note(struct backend *b, const struct message *m)
{
	struct backend_entry *e = &b->log[b->nb_log % B_LOG];

	b->nb_log++;
	*e = (struct backend_entry){.request = m->request};
	if (m->bytes >= 8) {
		e->index = u32_at(m, 0);
		e->value = m->request == B_SET_FEATURES || m->request == B_SET_PROTOCOL_FEATURES ||
					   m->request == B_SET_STATUS || m->request == B_NET_SET_MTU
				   ? u64_at(m, 0)
				   : u32_at(m, 4);
	}
}

bool
backend_handle(struct backend *b, const struct message *m, int *fds, int nb_fds)
{
	struct message answer = {.request = m->request, .flags = VERSION | REPLY};
	uint64_t verdict = m->request == b->refuse_at;

	note(b, m);
	if ((m->flags & 3) != VERSION || (m->flags & REPLY))
		complain(b, "header with wrong flags");
	if (b->hang_up_at == m->request)
		return false;
	if (b->mute_at == m->request)
		b->mute = true;
	if (b->garbage_at == m->request) {
		answer.request = m->request + 1;
		return send_answer(b, &answer);
	}
	if (on_get(b, m, &answer))
		return send_answer(b, &answer);
	if (verdict == 0)
		on_set(b, m, fds, nb_fds);
	if (m->flags & NEED_REPLY) {
		if (!(b->acked_protocol & B_P_REPLY_ACK))
			complain(b, "NEED_REPLY without REPLY_ACK");
		answer.bytes = sizeof(verdict);
		memcpy(answer.payload, &verdict, sizeof(verdict));
		return send_answer(b, &answer);
	}
	return verdict == 0;
}
