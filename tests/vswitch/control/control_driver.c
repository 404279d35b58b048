/* SPDX-License-Identifier: BSD-3-Clause */
#include "control_driver.h"

#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define AVAIL (512u << 10)
#define USED (640u << 10)
#define UNTOUCHED 0xee
#define SLOT 128u
#define SLOTS 512u

uint8_t *
control_at(struct control_driver *c, uint32_t offset)
{
	return c->f->mem + offset;
}

void
control_init(struct control_driver *c)
{
	uint8_t *at = control_at(c, CD_RING);

	fake_driver_start(&c->ring, c->size, at, at + AVAIL, at + USED);
}

void
control_open(struct control_driver *c, struct frontend *f, uint32_t index, uint32_t size)
{
	c->f = f;
	c->index = index;
	c->size = size;
	c->sent = 0;
	c->call = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	c->kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	control_init(c);
}

void
control_close(struct control_driver *c)
{
	close(c->call);
	close(c->kick);
}

void
control_tell_addr(struct control_driver *c)
{
	uint64_t at = c->f->user + CD_RING;
	uint64_t addr[5] = {c->index, at, at + USED, at + AVAIL, 0};

	assert_int_equal(frontend_ask(c->f, FE_SET_VRING_ADDR, addr, sizeof(addr), NULL, 0), 0);
}

void
control_tell(struct control_driver *c)
{
	assert_int_equal(frontend_ask_ring(c->f, FE_SET_VRING_NUM, c->index, c->size), 0);
	assert_int_equal(frontend_ask_ring(c->f, FE_SET_VRING_BASE, c->index, 0), 0);
	control_tell_addr(c);
	assert_int_equal(frontend_ask_fd(c->f, FE_SET_VRING_CALL, c->index, c->call), 0);
	assert_int_equal(frontend_ask_fd(c->f, FE_SET_VRING_KICK, c->index, c->kick), 0);
}

uint32_t
control_offer(struct control_driver *c, const struct fake_part *parts, uint32_t nb, uint32_t ack)
{
	int head = fake_driver_offer(&c->ring, parts, nb);

	assert_true(head >= 0);
	*control_at(c, ack) = UNTOUCHED;
	c->ack[head] = ack;
	fake_driver_show(&c->ring);
	return (uint32_t)head;
}

uint32_t
control_send(struct control_driver *c, const void *bytes, uint32_t nb)
{
	uint32_t at = CD_DATA + (c->sent++ % SLOTS) * SLOT;
	uint32_t ack = at + SLOT - 1;
	struct fake_part parts[2];

	if (nb >= SLOT) {
		at = CD_DATA + SLOTS * SLOT;
		ack = at + nb;
	}
	assert_true(ack < FE_BYTES);
	memcpy(control_at(c, at), bytes, nb);
	parts[0] = (struct fake_part){c->f->guest + at, nb, false};
	parts[1] = (struct fake_part){c->f->guest + ack, 1, true};
	return control_offer(c, nb != 0 ? parts : parts + 1, nb != 0 ? 2 : 1, ack);
}

int
control_answer(struct control_driver *c)
{
	uint32_t id, len;
	uint8_t answer;

	if (!fake_driver_take(&c->ring, &id, &len)) {
		assert_null(c->ring.complaint);
		return CD_NONE;
	}
	answer = *control_at(c, c->ack[id]);
	if (len == 0) {
		assert_int_equal(answer, UNTOUCHED);
		return CD_NO_ACK;
	}
	assert_int_equal(len, 1);
	assert_true(answer == CD_OK || answer == CD_ERR);
	return answer;
}

int
control_do(struct control_driver *c, const void *bytes, uint32_t nb)
{
	control_send(c, bytes, nb);
	vswitch_housekeep();
	return control_answer(c);
}

void
cmd_begin(struct cmd *c, uint8_t class, uint8_t command)
{
	c->nb = 0;
	cmd_put(c, &class, 1);
	cmd_put(c, &command, 1);
}

void
cmd_put(struct cmd *c, const void *data, uint32_t bytes)
{
	assert_true(c->nb + bytes <= sizeof(c->bytes));
	memcpy(c->bytes + c->nb, data, bytes);
	c->nb += bytes;
}

void
cmd_le(struct cmd *c, uint64_t value, uint32_t bytes)
{
	for (uint32_t i = 0; i < bytes; i++) {
		uint8_t byte = i < 8 ? (uint8_t)(value >> (8 * i)) : 0;

		cmd_put(c, &byte, 1);
	}
}

void
cmd_rss(struct cmd *c, uint32_t types, uint32_t entries, uint16_t queues, uint16_t pairs,
	uint8_t key_bytes)
{
	cmd_begin(c, 4, 1);
	cmd_le(c, types, 4);
	cmd_le(c, entries - 1, 2);
	cmd_le(c, queues - 1u, 2);
	for (uint32_t i = 0; i < entries; i++)
		cmd_le(c, i % queues, 2);
	cmd_le(c, pairs, 2);
	cmd_le(c, key_bytes, 1);
	for (uint32_t i = 0; i < key_bytes; i++)
		cmd_le(c, 0x6d + 7 * i, 1);
}

void
cmd_macs(struct cmd *c, uint32_t nb_unicast, uint32_t nb_multicast)
{
	cmd_begin(c, 1, 0);
	cmd_le(c, nb_unicast, 4);
	for (uint32_t i = 0; i < nb_unicast; i++)
		cmd_le(c, 0x02 | (uint64_t)i << 32, 6);
	cmd_le(c, nb_multicast, 4);
	for (uint32_t i = 0; i < nb_multicast; i++)
		cmd_le(c, 0x33 | (uint64_t)i << 32, 6);
}
