/* SPDX-License-Identifier: BSD-3-Clause */
/* What commands add up to, and that a replay leads there. */
#include "net/vnet_ctrl_state.h"
#include "support/covers.h"
#include "support/random.h"

#include <errno.h>
#include <string.h>

#define BIT(name) (UINT64_C(1) << VIRTIO_NET_F_##name)
#define GUEST_BITS (BIT(GUEST_CSUM) | BIT(GUEST_TSO4) | BIT(GUEST_TSO6))
#define ALL_FEATURES \
	(BIT(CTRL_VQ) | BIT(CTRL_RX) | BIT(CTRL_RX_EXTRA) | BIT(CTRL_VLAN) | BIT(CTRL_MAC_ADDR) | \
		BIT(MQ) | BIT(RSS) | BIT(HASH_REPORT) | BIT(CTRL_GUEST_OFFLOADS) | GUEST_BITS)

static const struct rte_ether_addr home = {{0x02, 0, 0, 0, 0, 1}};

static struct vnet_ctrl_state device, wanted;
static struct rte_ether_addr table[2][VNET_CTRL_MACS_MAX + 2];

static void
device_is_as_the_standard_says_after_a_reset(void **state)
{
	(void)state;
	COVERS("NET-DEV-065");
	COVERS("NET-DEV-075");
	COVERS("HASH-040");
	COVERS("VLAN-002");
	memset(&device, 0xff, sizeof(device));
	vnet_ctrl_state_reset(&device, ALL_FEATURES, &home);
	assert_int_equal(device.modes, 0);
	assert_int_equal(device.unicast.nb + device.multicast.nb, 0);
	assert_false(device.unicast.all || device.multicast.all);
	for (uint16_t id = 0; id < VNET_CTRL_VLANS; id++)
		assert_false(vnet_ctrl_state_vlan(&device, id));
	assert_int_equal(device.pairs, 1);
	assert_false(device.rss_on);
	assert_int_equal(device.rss.hash_types, 0);
	assert_int_equal(device.offloads, GUEST_BITS);
	assert_memory_equal(&device.mac, &home, sizeof(home));
}

static void
last_of_pairs_and_rss_counts(void **state)
{
	struct vnet_ctrl rss = {.kind = VNET_CTRL_RSS,
		.rss = {.hash_types = 2, .table_mask = 1, .max_tx_vq = 3, .key_length = 2}};

	(void)state;
	vnet_ctrl_state_reset(&device, ALL_FEATURES, &home);
	vnet_ctrl_state_apply(&device, &(struct vnet_ctrl){.kind = VNET_CTRL_PAIRS, .pairs = 4});
	assert_int_equal(device.pairs, 4);
	vnet_ctrl_state_apply(&device, &rss);
	assert_true(device.rss_on);
	assert_int_equal(device.pairs, 3);
	vnet_ctrl_state_apply(&device, &(struct vnet_ctrl){.kind = VNET_CTRL_PAIRS, .pairs = 2});
	assert_false(device.rss_on);
	assert_int_equal(device.pairs, 2);
	assert_int_equal(device.rss.hash_types, 2);
}

static void
hash_command_counts_without_rss_only(void **state)
{
	struct vnet_ctrl hash = {
		.kind = VNET_CTRL_HASH, .rss = {.hash_types = 9, .key_length = 1, .key = {7}}};

	(void)state;
	COVERS("HASH-042");
	vnet_ctrl_state_reset(&device, ALL_FEATURES, &home);
	vnet_ctrl_state_apply(&device, &hash);
	assert_int_equal(device.rss.hash_types, 0);
	vnet_ctrl_state_reset(&device, ALL_FEATURES & ~BIT(RSS), &home);
	vnet_ctrl_state_apply(&device, &hash);
	assert_int_equal(device.rss.hash_types, 9);
	assert_int_equal(device.rss.key[0], 7);
}

static void
table_that_is_too_long_means_all(void **state)
{
	struct vnet_ctrl c = {.kind = VNET_CTRL_MAC_TABLE,
		.macs = {VNET_CTRL_MACS_MAX + 1, 1, table[0], table[1]}};

	(void)state;
	vnet_ctrl_state_reset(&device, ALL_FEATURES, &home);
	vnet_ctrl_state_apply(&device, &c);
	assert_true(device.unicast.all);
	assert_false(device.multicast.all);
	assert_int_equal(device.multicast.nb, 1);
	c.macs.nb_unicast = VNET_CTRL_MACS_MAX;
	vnet_ctrl_state_apply(&device, &c);
	assert_false(device.unicast.all);
	assert_int_equal(device.unicast.nb, VNET_CTRL_MACS_MAX);
}

/* Any command that a driver with these features may send. */
static struct vnet_ctrl
any_command(uint64_t *seed, uint64_t features)
{
	struct vnet_ctrl c;

	for (;;) {
		memset(&c, 0, sizeof(c));
		c.kind = (enum vnet_ctrl_kind)random_below(seed, VNET_CTRL_KINDS);
		switch (c.kind) {
		case VNET_CTRL_MAC_TABLE:
			for (int i = 0; i < 2; i++) {
				for (uint32_t j = 0; j < 4; j++)
					table[i][j].addr_bytes[5] = (uint8_t)random_below(seed, 8);
			}
			c.macs.nb_unicast = random_below(seed, 8) == 0 ? VNET_CTRL_MACS_MAX + 2
								       : random_below(seed, 5);
			c.macs.nb_multicast = random_below(seed, 8) == 0 ? VNET_CTRL_MACS_MAX + 2
									 : random_below(seed, 5);
			c.macs.unicast = table[0];
			c.macs.multicast = table[1];
			break;
		case VNET_CTRL_MAC_ADDR:
			c.mac = home;
			c.mac.addr_bytes[4] = (uint8_t)random_next(seed);
			break;
		case VNET_CTRL_VLAN_ADD:
		case VNET_CTRL_VLAN_DEL:
			c.vlan = (uint16_t)(random_below(seed, 8) * 585);
			break;
		case VNET_CTRL_PAIRS:
			c.pairs = (uint16_t)(1 + random_below(seed, 4));
			break;
		case VNET_CTRL_RSS:
		case VNET_CTRL_HASH:
			c.rss.hash_types = random_below(seed, VNET_HASH_TYPES + 1);
			c.rss.key_length = (uint8_t)(1 + random_below(seed, 40));
			for (uint8_t i = 0; i < c.rss.key_length; i++)
				c.rss.key[i] = (uint8_t)random_next(seed);
			if (c.kind == VNET_CTRL_HASH)
				break;
			c.rss.table_mask = (uint16_t)((1u << random_below(seed, 10)) - 1);
			for (uint32_t i = 0; i <= c.rss.table_mask; i++)
				c.rss.table[i] = (uint16_t)random_below(seed, 4);
			c.rss.unclassified_queue = (uint16_t)random_below(seed, 4);
			c.rss.max_tx_vq = (uint16_t)(1 + random_below(seed, 4));
			break;
		case VNET_CTRL_GUEST_OFFLOADS:
			c.offloads = features & GUEST_BITS;
			if (random_below(seed, 2))
				c.offloads &= BIT(GUEST_CSUM);
			break;
		default:
			c.on = random_below(seed, 2);
		}
		if (c.kind < VNET_CTRL_KINDS &&
			(features & (UINT64_C(1) << vnet_ctrl_feature(c.kind))))
			return c;
	}
}

static int
onto_the_device(void *arg, const struct vnet_ctrl *c)
{
	static uint8_t bytes[VNET_CTRL_BYTES_MAX];
	const struct vnet_ctrl_limits limits = {
		.features = device.features,
		.max_pairs = 4,
		.rss_table_max = VNET_RSS_TABLE_MAX,
		.rss_key_max = 40,
		.hash_types = VNET_HASH_TYPES,
	};
	struct vnet_ctrl parsed;
	int nb = vnet_ctrl_build(c, bytes, sizeof(bytes));

	(*(uint32_t *)arg)++;
	assert_true(nb > 0);
	assert_int_equal(
		vnet_ctrl_parse(&parsed, &limits, bytes, (uint32_t)nb), VNET_CTRL_BAD_NONE);
	vnet_ctrl_state_apply(&device, &parsed);
	return 0;
}

/* Over the bytes of the commands, so that no replay says what a device would refuse. */
static void
replay_leads_to_the_same_state(void **state)
{
	uint64_t seed = 42;
	uint32_t emitted = 0;

	(void)state;
	for (uint32_t round = 0; round < 3000; round++) {
		uint64_t features = BIT(CTRL_VQ) | BIT(CTRL_RX);
		uint32_t before;

		for (unsigned int bit = 0; bit < 64; bit++) {
			if (random_below(&seed, 4) != 0)
				features |= ALL_FEATURES & (UINT64_C(1) << bit);
		}
		if (!(features & BIT(GUEST_CSUM)))
			features &= ~GUEST_BITS;
		/* With RSS alone there is no way back to what PAIRS says. */
		vnet_ctrl_state_reset(&wanted, features, &home);
		for (uint32_t i = random_below(&seed, 30); i > 0; i--) {
			struct vnet_ctrl c = any_command(&seed, features);

			vnet_ctrl_state_apply(&wanted, &c);
		}
		vnet_ctrl_state_reset(&device, features, &home);
		assert_int_equal(
			vnet_ctrl_state_replay(&device, &wanted, onto_the_device, &emitted), 0);
		assert_true(vnet_ctrl_state_equal(&device, &wanted));
		before = emitted;
		/* Nothing is left to say. */
		assert_int_equal(
			vnet_ctrl_state_replay(&device, &wanted, onto_the_device, &emitted), 0);
		assert_int_equal(emitted, before);
		/* From any state to any other of the same features. */
		for (uint32_t i = random_below(&seed, 30); i > 0; i--) {
			struct vnet_ctrl c = any_command(&seed, features);

			vnet_ctrl_state_apply(&wanted, &c);
		}
		assert_int_equal(
			vnet_ctrl_state_replay(&device, &wanted, onto_the_device, &emitted), 0);
		assert_true(vnet_ctrl_state_equal(&device, &wanted));
	}
	assert_true(emitted > 10000);
}

static int
not_the_second(void *arg, const struct vnet_ctrl *c)
{
	(void)c;
	return ++*(uint32_t *)arg == 2 ? -EIO : 0;
}

static void
replay_ends_at_the_first_that_fails(void **state)
{
	uint32_t calls = 0;

	(void)state;
	vnet_ctrl_state_reset(&device, ALL_FEATURES, &home);
	wanted = device;
	wanted.modes = VNET_CTRL_MODE(PROMISC) | VNET_CTRL_MODE(ALLMULTI) | VNET_CTRL_MODE(NOUNI);
	assert_int_equal(vnet_ctrl_state_replay(&device, &wanted, not_the_second, &calls), -EIO);
	assert_int_equal(calls, 2);
}

static void
commands_of_absent_features_are_left_out(void **state)
{
	uint32_t emitted = 0;

	(void)state;
	vnet_ctrl_state_reset(&device, 0, &home);
	vnet_ctrl_state_reset(&wanted, ALL_FEATURES, &home);
	for (uint32_t i = 0; i < 200; i++) {
		uint64_t seed = 1000 + i;
		struct vnet_ctrl c = any_command(&seed, ALL_FEATURES);

		vnet_ctrl_state_apply(&wanted, &c);
	}
	wanted.features = 0;
	assert_int_equal(vnet_ctrl_state_replay(&device, &wanted, onto_the_device, &emitted), 0);
	assert_int_equal(emitted, 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		UNIT(device_is_as_the_standard_says_after_a_reset),
		UNIT(last_of_pairs_and_rss_counts),
		UNIT(hash_command_counts_without_rss_only),
		UNIT(table_that_is_too_long_means_all),
		UNIT(replay_leads_to_the_same_state),
		UNIT(replay_ends_at_the_first_that_fails),
		UNIT(commands_of_absent_features_are_left_out),
	};

	for (int i = 0; i <= VNET_CTRL_MACS_MAX + 1; i++) {
		table[0][i] =
			(struct rte_ether_addr){{0x02, 1, 2, 3, (uint8_t)(i >> 8), (uint8_t)i}};
		table[1][i] =
			(struct rte_ether_addr){{0x01, 1, 2, 3, (uint8_t)(i >> 8), (uint8_t)i}};
	}
	return RUN_UNITS("vnet_ctrl_state", tests);
}
