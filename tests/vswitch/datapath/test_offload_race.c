/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The sender rewrites the packet header and the packet's own headers while the switch works
 * (DPDK 285e6b8b18 read csum_start twice). Whatever the switch saw, it used what it had checked: no
 * guest gets an offload that it did not accept, and what one gets fits the bytes it comes with.
 */
#include "lib/race.h"
#include "offload_scene.h"
#include "support/random.h"

#include <inttypes.h>
#include <string.h>

#define BURST 16
#define FRAME 2054
#define ROOM 2300

static struct guest d;
static struct race race;
static struct {
	uint64_t plain, partial, gso;
} seen;

/* Bytes that flip, by offset from the header on; the first value most often. */
struct field {
	uint8_t at, bytes;
	uint16_t values[8];
};

/* Of IPv4 and of IPv6 packets; what the switch could read twice stands there twice. */
static const struct field fields[2][12] = {
	{
		{0, 1, {1, 1, 1, 0, 1, 3, 7, 0xff}}, {1, 1, {1, 1, 4, 5, 0, 0x81, 0x84, 0xff}},
		{4, 2, {500, 500, 1400, 100, 1, 0, 65535, 2000}},
		{6, 2, {34, 34, 54, 38, 0, 13, 65535, 2050}},
		{8, 2, {16, 16, 6, 16, 0, 2020, 65535, 2100}},
		{12 + 5, 1, {2, 3, 4, 4, 4, 2, 9, 4}},               /* destination */
		{12 + 12, 2, {8, 8, 8, 8, 0xdd86, 0xdd86, 0x81, 0}}, /* type, big-endian */
		{12 + 14, 1, {0x45, 0x45, 0x45, 0x46, 0x60, 0x60, 0x4f, 0}},
		{12 + 16, 2, {0xf807, 0xf807, 0xf807, 0x1400, 0, 0xffff, 0x2800, 0x3c00}},
		{12 + 20, 1, {0x40, 0x40, 0, 0x20, 0x60, 1, 0x20, 0x40}}, /* fragment */
		{12 + 23, 1, {6, 6, 6, 17, 17, 0, 1, 51}},
		{12 + 46, 1, {0x50, 0x60, 0x70, 0x80, 0xf0, 0, 0x40, 0x60}}, /* TCP's length */
	},
	{
		{0, 1, {1, 1, 1, 0, 1, 3, 7, 0xff}},
		{1, 1, {4, 4, 1, 5, 0, 0x81, 0x84, 0xff}},
		{4, 2, {500, 500, 1400, 100, 1, 0, 65535, 2000}},
		{6, 2, {54, 54, 34, 62, 0, 13, 65535, 2050}},
		{12 + 5, 1, {4, 3, 2, 4, 4, 3, 9, 4}},
		{12 + 14, 1, {0x60, 0x60, 0x60, 0x45, 0x60, 0x6f, 0x46, 0}},
		{12 + 20, 1, {6, 6, 6, 17, 60, 0, 44, 43}}, /* next header */
		{12 + 66, 1, {0x50, 0x60, 0x70, 0x80, 0xf0, 0, 0x40, 0x60}},
		{12 + 66, 1, {0x60, 0x50, 0x70, 0x80, 0x60, 0x80, 0x60, 0x50}},
		{12 + 66, 1, {0x70, 0x80, 0x50, 0x80, 0x60, 0x80, 0x60, 0x50}},
		{12 + 66, 1, {0x80, 0x50, 0x70, 0x80, 0x60, 0x80, 0x60, 0x50}},
		{12 + 66, 1, {0x90, 0x50, 0x70, 0x80, 0x60, 0x80, 0x60, 0x50}},
	},
};

static void
flip(uint64_t *seed)
{
	uint32_t slot = random_below(seed, BURST);
	const struct field *f = &fields[slot % 2][random_below(seed, RTE_DIM(fields[0]))];
	uint32_t i = random_below(seed, 64);
	uint16_t value = f->values[i < 8 ? i : i < 16 ? i % 4 : 0];
	volatile uint8_t *at = guest_buf(&a, true, slot) + GUEST_BUF - 12 - FRAME + f->at;

	at[0] = (uint8_t)value;
	if (f->bytes > 1)
		at[1] = (uint8_t)(value >> 8);
}

/* A packet with segmentation is what its header says it is. */
static void
check_gso(const uint8_t *frame, uint32_t len, const struct virtio_net_hdr *hdr)
{
	bool v6 = frame[12] == 0x86;
	uint32_t l4 = v6 ? 54 : 14 + (uint32_t)(frame[14] & 15) * 4;
	uint8_t protocol = frame[v6 ? 20 : 23];
	uint8_t type = hdr->gso_type & (uint8_t)~VIRTIO_NET_HDR_GSO_ECN;
	uint32_t transport;

	/* Tags and extension headers are in no good frame of this test. */
	RACE_CHECK(hdr->flags == VIRTIO_NET_HDR_F_NEEDS_CSUM);
	RACE_CHECK(rte_le_to_cpu_16(hdr->gso_size) > 0);
	if (frame[12] == 0x81 || (v6 && protocol != 6 && protocol != 17))
		return;
	RACE_CHECK(v6 ? frame[12] == 0x86 && frame[13] == 0xdd : frame[12] == 8 && frame[13] == 0);
	RACE_CHECK(frame[14] >> 4 == (v6 ? 6 : 4));
	RACE_CHECK(protocol == (type == VIRTIO_NET_HDR_GSO_UDP_L4 ? 17 : 6));
	RACE_CHECK(type != VIRTIO_NET_HDR_GSO_TCPV4 || !v6);
	RACE_CHECK(type != VIRTIO_NET_HDR_GSO_TCPV6 || v6);
	RACE_CHECK(rte_le_to_cpu_16(hdr->csum_start) == l4);
	RACE_CHECK(rte_le_to_cpu_16(hdr->csum_offset) == (protocol == 17 ? 6 : 16));
	transport = protocol == 17 ? 8 : (uint32_t)(frame[l4 + 12] >> 4) * 4;
	RACE_CHECK(transport >= 8 && l4 + transport <= len);
	RACE_CHECK(rte_le_to_cpu_16(hdr->hdr_len) == l4 + transport);
}

static void
receive_all(struct guest *g, bool takes_csum, bool takes_gso)
{
	struct virtio_net_hdr hdr;
	uint32_t len;

	while ((len = guest_receive_hdr(g, 0, got, &hdr)) != 0) {
		RACE_CHECK(len <= FRAME);
		RACE_CHECK(
			hdr.flags == 0 || (takes_csum && hdr.flags == VIRTIO_NET_HDR_F_NEEDS_CSUM));
		RACE_CHECK(hdr.gso_type == 0 || takes_gso);
		if (hdr.flags != 0)
			RACE_CHECK((uint32_t)rte_le_to_cpu_16(hdr.csum_start) +
					   rte_le_to_cpu_16(hdr.csum_offset) + 2 <=
				   len);
		if (hdr.gso_type != 0)
			check_gso(got, len, &hdr);
		seen.plain += hdr.flags == 0;
		seen.partial += hdr.flags != 0 && hdr.gso_type == 0;
		seen.gso += hdr.gso_type != 0;
	}
	guest_ring_restart(g, 0);
	guest_post(g, 0, 0, 48, ROOM);
}

/* EAL bound this thread to one core, and the flipper would inherit that: no race at all. */
static void
unpin(void)
{
	cpu_set_t all;

	memset(&all, 0xff, sizeof(all));
	assert_int_equal(pthread_setaffinity_np(pthread_self(), sizeof(all), &all), 0);
}

static void
what_was_checked_is_what_is_used(void **state)
{
	static uint8_t frames[2][FRAME];
	struct virtio_net_hdr headers[2];
	const struct port_rx_stats *rx;

	(void)state;
	COVERS("NET-FACT-095");
	open_two(SENDS, MERGE);
	guest_open(&c, "c", 1, 64, TAKES_CSUM);
	guest_open(&d, "d", 1, 64, TAKES);
	introduce(&b, 2);
	introduce(&c, 3);
	introduce(&d, 4);
	rx = &a.port->rxq[0]->stats;
	for (unsigned int v6 = 0; v6 < 2; v6++) {
		struct packet p = {.v6 = v6, .payload = FRAME - 20 - (v6 ? 54 : 34)};

		packet_make(&p, frames[v6], v6 ? 4 : 2, 1);
		packet_gso(&p, frames[v6], &headers[v6], 500, false);
	}
	unpin();
	race_start(&race, flip, 7, 20000, 300000);
	while (!race_enough(&race)) {
		uint32_t taken = 0;

		receive_all(&b, false, false);
		receive_all(&c, true, false);
		receive_all(&d, true, true);
		for (uint32_t i = 0; i < BURST; i++)
			guest_send_hdr(&a, 0, i, &headers[i % 2], frames[i % 2], FRAME,
				race.chains / BURST % 2 ? cut_in(1 + i % 4, 12 + FRAME) : NULL);
		sched_yield();
		while (taken < BURST) {
			uint32_t now = vswitch_poll(0);

			RACE_CHECK(now > 0);
			taken += now;
		}
		RACE_CHECK(guest_completed(&a, 0) == BURST);
		race.chains += BURST;
	}
	race_end(&race, "offload headers");
	printf("# seen: %" PRIu64 " plain, %" PRIu64 " partial, %" PRIu64 " gso; refused: %" PRIu64
	       " not negotiated, %" PRIu64 " places, %" PRIu64 " segmentations\n",
		seen.plain, seen.partial, seen.gso, rx->not_negotiated, rx->bad_checksum_place,
		rx->bad_segmentation);
	assert_true(seen.plain > 0 && seen.partial > 0 && seen.gso > 0);
	assert_true(b.port->txq[0]->stats.segments > 0 && rx->bad_segmentation > 0);
	assert_null(port_ring_fault(a.port, 1));
	guest_close(&d);
	guest_close(&c);
	close_two();
}

int
main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {SWITCH_UNIT(what_was_checked_is_what_is_used)};

	if (argc > 1)
		switch_width = argv[1];
	return RUN_UNITS("offload_race", tests);
}
