/* SPDX-License-Identifier: BSD-3-Clause */
/* Offloads that a guest switches at run time, and what comes with what is done for it. */
#include "datapath/worker.h"
#include "net/vnet_ctrl_state.h"
#include "net/vnet_hash.h"
#include "offload_scene.h"

#include <string.h>

static struct vnet_ctrl_state state;

static void
offloads(struct guest *g, uint64_t on)
{
	static const struct rte_ether_addr own = {{2, 0, 0, 0, 0, 2}};

	vnet_ctrl_state_reset(&state, g->features, &own);
	state.modes = VNET_CTRL_MODE(PROMISC);
	state.offloads = on;
	state.rss.hash_types = VNET_HASH_TYPES;
	state.rss.key_length = VNET_HASH_KEY_BYTES;
	memcpy(state.rss.key, vnet_hash_default_key, VNET_HASH_KEY_BYTES);
	assert_int_equal(port_policy_set(g->port, &state), 0);
}

/* One packet as large as 3 segments, which arrives whole. */
static void
assert_whole(const struct packet *what)
{
	struct packet p = *what;

	packet_make(&p, sent, 2, 1);
	packet_gso(&p, sent, &asked, 1000, false);
	post(&b, BIG, 1, p.len);
	assert_int_equal(send_asked(NULL, p.len), 1);
	assert_int_equal(guest_receive_hdr(&b, 0, got, &arrived), p.len);
	assert_int_equal(arrived.gso_type, asked.gso_type);
	assert_memory_equal(got, sent, p.len);
}

static void
what_is_switched_off_is_done_for_the_guest_and_back(void **unused)
{
	const uint64_t features = F(CTRL_VQ) | F(CTRL_GUEST_OFFLOADS) | F(CTRL_RX) | TAKES;

	(void)unused;
	open_two(SENDS, features);
	introduce(&b, 2);
	for (unsigned int i = 0; i < LAYOUTS; i++) {
		struct packet p = layout(i, 2900);
		uint64_t tso = p.udp ? (p.v6 ? F(GUEST_USO6) : F(GUEST_USO4))
				     : (p.v6 ? F(GUEST_TSO6) : F(GUEST_TSO4));

		offloads(&b, TAKES);
		assert_whole(&p);
		offloads(&b, TAKES & ~tso);
		cut_up(&p, 1000, true, 1 + i, BIG);
		offloads(&b, 0);
		cut_up(&p, 1000, false, 1 + i, CHAINS);
		/* Without checksums it is no use to take large packets: they need one. */
		offloads(&b, tso);
		cut_up(&p, 1000, false, 1 + i, BIG);
		offloads(&b, F(GUEST_CSUM) | tso);
		assert_whole(&p);
		/* What was not negotiated cannot be switched on. */
		offloads(&b, UINT64_MAX);
		assert_whole(&p);
	}
	/* A ring that starts later has the state, too. */
	offloads(&b, 0);
	guest_ring_restart(&b, 0);
	assert_int_equal(b.port->txq[0]->can, 0);
	close_two();
}

/* Headers with a hash, whatever way the packet goes. */
static void
segments_and_completed_checksums_come_with_the_hash_of_their_packet(void **unused)
{
	const uint64_t features = F(CTRL_VQ) | F(HASH_REPORT) | F(CTRL_GUEST_OFFLOADS) |
				  F(CTRL_RX) | F(MRG_RXBUF) | TAKES;

	(void)unused;
	open_two(SENDS, features);
	introduce(&b, 2);
	for (unsigned int i = 0; i < LAYOUTS; i++) {
		struct packet p = layout(i, 2900);
		uint32_t value = 0;

		packet_make(&p, sent, 2, 1);
		packet_gso(&p, sent, &asked, 1000, false);
		for (unsigned int how = 0; how < 4; how++) {
			uint32_t n = 0;

			offloads(&b, how % 2 ? TAKES : 0);
			post(&b, how < 2 ? BIG : MERGED, 3, p.len);
			assert_int_equal(send_asked(cut_in(1 + how, p.len + a.hdr), p.len), 1);
			while (guest_receive_hdr(&b, 0, got, &arrived) != 0) {
				uint32_t report =
					(p.v6 ? p.options > 0 ? 7u : 4u : 1u) + (p.udp ? 2u : 1u);

				assert_int_equal(arrived.hash_report, report);
				assert_true(arrived.hash_value != 0);
				assert_true(value == 0 || arrived.hash_value == value);
				assert_int_equal(arrived.padding_reserved, 0);
				value = arrived.hash_value;
				n++;
			}
			assert_int_equal(n, how % 2 ? 1 : 3);
		}
	}
	close_two();
}

static void
segments_longer_than_the_mtu_are_dropped_and_large_packets_are_not(void **unused)
{
	struct packet p = layout(0, 2900);

	(void)unused;
	COVERS("NET-DEV-005");
	open_two(SENDS, TAKES | F(CTRL_GUEST_OFFLOADS));
	introduce(&b, 2);
	port_mtu_set(b.port, 1000 + 40);
	packet_make(&p, sent, 2, 1);
	offloads(&b, TAKES);
	assert_whole(&p);
	offloads(&b, 0);
	cut_up(&p, 1000, false, 1, BIG);
	assert_int_equal(b.port->txq[0]->stats.over_mtu, 0);
	packet_make(&p, sent, 2, 1);
	packet_gso(&p, sent, &asked, 1001, false);
	post(&b, BIG, 3, 1200);
	assert_int_equal(send_asked(NULL, p.len), 1);
	assert_int_equal(guest_receive_hdr(&b, 0, got, &arrived), 0);
	assert_int_equal(b.port->txq[0]->stats.over_mtu, 3);
	close_two();
}

int
main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		SWITCH_UNIT(what_is_switched_off_is_done_for_the_guest_and_back),
		SWITCH_UNIT(segments_and_completed_checksums_come_with_the_hash_of_their_packet),
		SWITCH_UNIT(segments_longer_than_the_mtu_are_dropped_and_large_packets_are_not),
	};

	if (argc > 1)
		switch_width = argv[1];
	return RUN_UNITS("policy_offload", tests);
}
