/* SPDX-License-Identifier: BSD-3-Clause */
#include "guest.h"

#include "datapath/forward.h"
#include "spec/virtio_net_spec.h"

#include <rte_eal.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *switch_width = "512";

/* The function that the width stands for, where the processor has what it needs. */
static int
width_check(void)
{
	const char *name = forward_name(forward_select());
	const char *wanted = "base";

#if defined(RTE_ARCH_X86)
	if (atoi(switch_width) >= 256 && __builtin_cpu_supports("avx2"))
		wanted = "avx2";
	if (atoi(switch_width) >= 512 && __builtin_cpu_supports("avx512vl") &&
		__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq"))
		wanted = "avx512";
#endif
	if (strcmp(name, wanted) == 0)
		return 0;
	fprintf(stderr, "%s bits: %s runs, not %s\n", switch_width, name, wanted);
	return -1;
}

int
switch_setup(void **state)
{
	static bool eal;
	struct vswitch_conf conf = {.nb_mbufs = 255, .mac_entries = 1024, .nb_workers = 1};

	(void)state;
	if (!eal) {
		static char args[][32] = {"test", "--no-huge", "--no-shconf", "-m", "64",
			"--no-pci", "--no-telemetry", "--log-level=*:error", "-l", "0",
			"--force-max-simd-bitwidth", "512"};
		char *argv[RTE_DIM(args)];

		snprintf(args[RTE_DIM(args) - 1], sizeof(args[0]), "%s", switch_width);
		for (size_t i = 0; i < RTE_DIM(args); i++)
			argv[i] = args[i];
		if (rte_eal_init(RTE_DIM(argv), argv) < 0)
			return -1;
		eal = true;
	}
	return width_check() != 0 ? -1 : vswitch_init(&conf);
}

int
switch_teardown(void **state)
{
	(void)state;
	vswitch_fini();
	return 0;
}

static void
ring_open(struct guest *g, uint32_t ring)
{
	struct guard *parts = g->rings[ring];

	parts[0] = guard_alloc(virtq_desc_bytes(g->ring_size), 16);
	parts[1] = guard_alloc(virtq_avail_bytes(g->ring_size), 2);
	parts[2] = guard_alloc(virtq_used_bytes(g->ring_size), 4);
	guest_ring_restart(g, ring);
}

void
guest_ring_restart(struct guest *g, uint32_t ring)
{
	struct port_ring conf;
	struct guard *parts = g->rings[ring];

	fake_driver_start(&g->drv[ring], g->ring_size, parts[0].mem, parts[1].mem, parts[2].mem);
	g->drv[ring].in_order = g->features & virtq_bit(VIRTIO_F_IN_ORDER);
	conf = (struct port_ring){
		.desc = g->drv[ring].desc,
		.avail = g->drv[ring].avail,
		.used = g->drv[ring].used,
		.size = g->ring_size,
		.features = g->features,
		.call_fd = g->call_fd > 0 ? g->call_fd : -1,
		.kick_fd = g->kick_fd > 0 ? g->kick_fd : -1,
		.log = g->log,
		.log_arg = g->log_arg,
	};
	assert_int_equal(port_ring_start(g->port, ring, &conf), 0);
}

void
guest_open(struct guest *g, const char *name, uint16_t pairs, uint32_t size, uint64_t features)
{
	memset(g, 0, sizeof(*g));
	g->ring_size = size;
	g->features = features | virtq_bit(VIRTIO_F_VERSION_1);
	g->hdr = vnet_hdr_bytes(g->features);
	g->port = port_create(name, pairs);
	assert_non_null(g->port);
	g->mem = guard_alloc((size_t)2 * GUEST_BUFS * GUEST_BUF, 16);
	assert_int_equal(virtq_mem_add(&g->port->mem, GUEST_BASE, g->mem.bytes, g->mem.mem), 0);
	for (uint32_t ring = 0; ring < 2U * pairs; ring++)
		ring_open(g, ring);
}

void
guest_close(struct guest *g)
{
	uint16_t pairs = g->port->max_pairs;

	port_destroy(g->port);
	for (uint32_t ring = 0; ring < 2U * pairs; ring++) {
		for (int part = 0; part < 3; part++)
			guard_free(&g->rings[ring][part]);
	}
	guard_free(&g->mem);
}

uint8_t *
guest_buf(struct guest *g, bool tx, uint32_t i)
{
	return g->mem.mem + (size_t)((tx ? GUEST_BUFS : 0) + i) * GUEST_BUF;
}

uint64_t
guest_addr(struct guest *g, const uint8_t *p)
{
	return GUEST_BASE + (uint64_t)(p - g->mem.mem);
}

/* Descriptor ids are scattered by the fake driver: remember which buffer a head stands for. */
static uint32_t buffer_of[4][GUEST_PAIRS][VIRTQ_SIZE_MAX];

static uint32_t *
head_buffer(const struct guest *g, uint16_t pair, uint32_t head)
{
	return &buffer_of[g->port->id & 3][pair][head];
}

void
guest_post(struct guest *g, uint16_t pair, uint32_t first, uint32_t n, uint32_t len)
{
	for (uint32_t i = first; i < first + n; i++) {
		/* A buffer ends where its slot ends, so that the last one ends at the guard. */
		uint8_t *buf = guest_buf(g, false, i) + GUEST_BUF - len;
		struct fake_part part = {guest_addr(g, buf), len, true};
		int head = fake_driver_offer(&g->drv[2 * pair], &part, 1);

		assert_true(head >= 0);
		memset(buf, 0xee, len);
		*head_buffer(g, pair, (uint32_t)head) = (uint32_t)(buf - g->mem.mem);
	}
	fake_driver_show(&g->drv[2 * pair]);
}

void
guest_post_chain(struct guest *g, uint16_t pair, uint32_t i, uint32_t len, const uint32_t *cuts)
{
	uint8_t *buf = guest_buf(g, false, i) + GUEST_BUF - len;
	struct fake_part parts[64];
	uint32_t nb = 0, left = len;
	uint8_t *at = buf;
	int head;

	for (; *cuts != 0; cuts++) {
		parts[nb++] = (struct fake_part){guest_addr(g, at), *cuts, true};
		at += *cuts;
		left -= *cuts;
	}
	parts[nb++] = (struct fake_part){guest_addr(g, at), left, true};
	head = fake_driver_offer(&g->drv[2 * pair], parts, nb);
	assert_true(head >= 0);
	memset(buf, 0xee, len);
	*head_buffer(g, pair, (uint32_t)head) = (uint32_t)(buf - g->mem.mem);
	fake_driver_show(&g->drv[2 * pair]);
}

void
guest_send(struct guest *g, uint16_t pair, uint32_t i, const uint8_t *frame, uint32_t len,
	const uint32_t *cuts)
{
	guest_send_hdr(g, pair, i, NULL, frame, len, cuts);
}

void
guest_send_hdr(struct guest *g, uint16_t pair, uint32_t i, const struct virtio_net_hdr *hdr,
	const uint8_t *frame, uint32_t len, const uint32_t *cuts)
{
	uint32_t left = g->hdr + len;
	uint8_t *buf = guest_buf(g, true, i) + GUEST_BUF - left;
	struct fake_part parts[64];
	uint32_t nb = 0;
	uint8_t *at = buf;

	memset(buf, 0, g->hdr);
	if (hdr != NULL)
		memcpy(buf, hdr, g->hdr);
	memcpy(buf + g->hdr, frame, len);
	for (; cuts != NULL && *cuts != 0; cuts++) {
		parts[nb++] = (struct fake_part){guest_addr(g, at), *cuts, false};
		at += *cuts;
		left -= *cuts;
	}
	parts[nb++] = (struct fake_part){guest_addr(g, at), left, false};
	assert_true(fake_driver_offer(&g->drv[2 * pair + 1], parts, nb) >= 0);
	fake_driver_show(&g->drv[2 * pair + 1]);
}

uint32_t
guest_receive(struct guest *g, uint16_t pair, uint8_t *frame, uint16_t *num_buffers)
{
	struct virtio_net_hdr hdr;
	uint32_t len = guest_receive_hdr(g, pair, frame, &hdr);

	if (len == 0)
		return 0;
	*num_buffers = rte_le_to_cpu_16(hdr.num_buffers);
	hdr.num_buffers = 0;
	for (uint32_t i = 0; i < sizeof(hdr); i++)
		assert_int_equal(((const uint8_t *)&hdr)[i], 0);
	return len;
}

uint32_t
guest_receive_hdr(struct guest *g, uint16_t pair, uint8_t *frame, struct virtio_net_hdr *hdr)
{
	struct fake_driver *drv = &g->drv[2 * pair];
	const uint8_t *buf;
	uint32_t id, len, total;

	if (!fake_driver_take(drv, &id, &len)) {
		assert_null(drv->complaint);
		return 0;
	}
	buf = g->mem.mem + *head_buffer(g, pair, id);
	assert_true(len >= g->hdr);
	memset(hdr, 0, sizeof(*hdr));
	memcpy(hdr, buf, g->hdr);
	total = len - g->hdr;
	memcpy(frame, buf + g->hdr, total);
	for (uint16_t n = rte_le_to_cpu_16(hdr->num_buffers); n > 1; n--) {
		assert_true(fake_driver_take(drv, &id, &len));
		memcpy(frame + total, g->mem.mem + *head_buffer(g, pair, id), len);
		total += len;
	}
	return total;
}

uint32_t
guest_completed(struct guest *g, uint16_t pair)
{
	uint32_t id, len, n = 0;

	while (fake_driver_take(&g->drv[2 * pair + 1], &id, &len)) {
		assert_int_equal(len, 0);
		n++;
	}
	assert_null(g->drv[2 * pair + 1].complaint);
	return n;
}

void
frame_make(uint8_t *frame, uint32_t len, uint8_t to, uint8_t from, uint32_t seed)
{
	for (uint32_t i = 0; i < len; i++) {
		seed = seed * 1664525 + 1013904223;
		frame[i] = (uint8_t)(seed >> 24);
	}
	memcpy(frame, "\x02\0\0\0\0", 5);
	frame[5] = to;
	memcpy(frame + 6, "\x02\0\0\0\0", 5);
	frame[11] = from;
}
