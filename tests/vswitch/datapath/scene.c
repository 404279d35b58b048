/* SPDX-License-Identifier: BSD-3-Clause */
#include "scene.h"

#include <string.h>

struct guest a, b, c;
uint8_t sent[65600], got[65600];
uint16_t num_buffers;

void
open_two(uint64_t features_a, uint64_t features_b)
{
	guest_open(&a, "a", 1, 64, features_a);
	guest_open(&b, "b", 1, 64, features_b);
}

void
close_two(void)
{
	guest_close(&a);
	guest_close(&b);
}

void
introduce(struct guest *g, uint8_t id)
{
	frame_make(sent, 60, 0xfe, id, id);
	guest_send(g, 0, 0, sent, 60, NULL);
	assert_int_equal(vswitch_poll(0), 1);
	assert_int_equal(guest_completed(g, 0), 1);
}

void
assert_frame_arrives(struct guest *from, struct guest *to, uint32_t len, const uint32_t *cuts)
{
	memset(got, 0, sizeof(got));
	guest_send(from, 0, 1, sent, len, cuts);
	assert_int_equal(vswitch_poll(0), 1);
	assert_int_equal(guest_completed(from, 0), 1);
	assert_int_equal(guest_receive(to, 0, got, &num_buffers), len);
	assert_memory_equal(got, sent, len);
}
