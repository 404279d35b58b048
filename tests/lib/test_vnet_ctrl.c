/* SPDX-License-Identifier: BSD-3-Clause */
/* Control commands against bytes written by hand from the text, and everything that is wrong. */
#include "net/vnet_ctrl.h"
#include "support/covers.h"
#include "support/guard.h"
#include "support/random.h"

#include <errno.h>
#include <string.h>

#define BIT(name) (UINT64_C(1) << VIRTIO_NET_F_##name)
#define ALL_FEATURES \
	(BIT(CTRL_VQ) | BIT(CTRL_RX) | BIT(CTRL_RX_EXTRA) | BIT(CTRL_VLAN) | BIT(CTRL_MAC_ADDR) | \
		BIT(GUEST_ANNOUNCE) | BIT(MQ) | BIT(RSS) | BIT(HASH_REPORT) | \
		BIT(CTRL_GUEST_OFFLOADS) | BIT(GUEST_CSUM) | BIT(GUEST_TSO4) | BIT(GUEST_TSO6))

static const struct vnet_ctrl_limits limits = {
	.features = ALL_FEATURES,
	.max_pairs = 4,
	.rss_table_max = 128,
	.rss_key_max = 40,
	.hash_types = VNET_HASH_TYPES,
};

static const struct rte_ether_addr unicast[] = {
	{{0x02, 1, 2, 3, 4, 5}}, {{0x52, 0x54, 0, 0x12, 0x34, 0x56}}};
static const struct rte_ether_addr multicast[] = {{{0x01, 0, 0x5e, 0, 0, 1}}};

/* One of each kind: what it says, and its bytes from the text. */
static struct vector {
	struct vnet_ctrl ctrl;
	uint32_t nb;
	uint8_t bytes[64];
} vectors[] = {
	{{.kind = VNET_CTRL_PROMISC, .on = true}, 3, {0, 0, 1}},
	{{.kind = VNET_CTRL_PROMISC, .on = false}, 3, {0, 0, 0}},
	{{.kind = VNET_CTRL_ALLMULTI, .on = true}, 3, {0, 1, 1}},
	{{.kind = VNET_CTRL_ALLUNI, .on = true}, 3, {0, 2, 1}},
	{{.kind = VNET_CTRL_NOMULTI, .on = true}, 3, {0, 3, 1}},
	{{.kind = VNET_CTRL_NOUNI, .on = true}, 3, {0, 4, 1}},
	{{.kind = VNET_CTRL_NOBCAST, .on = true}, 3, {0, 5, 1}},
	{{.kind = VNET_CTRL_MAC_TABLE, .macs = {2, 1, unicast, multicast}}, 28,
		{1, 0, 2, 0, 0, 0, 0x02, 1, 2, 3, 4, 5, 0x52, 0x54, 0, 0x12, 0x34, 0x56, 1, 0, 0, 0,
			0x01, 0, 0x5e, 0, 0, 1}},
	{{.kind = VNET_CTRL_MAC_TABLE, .macs = {0, 0, NULL, NULL}}, 10,
		{1, 0, 0, 0, 0, 0, 0, 0, 0, 0}},
	{{.kind = VNET_CTRL_MAC_ADDR, .mac = {{0x02, 0xaa, 0xbb, 0xcc, 0xdd, 0xee}}}, 8,
		{1, 1, 0x02, 0xaa, 0xbb, 0xcc, 0xdd, 0xee}},
	{{.kind = VNET_CTRL_VLAN_ADD, .vlan = 0x123}, 4, {2, 0, 0x23, 0x01}},
	{{.kind = VNET_CTRL_VLAN_DEL, .vlan = 4095}, 4, {2, 1, 0xff, 0x0f}},
	{{.kind = VNET_CTRL_ANNOUNCE_ACK}, 2, {3, 0}},
	{{.kind = VNET_CTRL_PAIRS, .pairs = 3}, 4, {4, 0, 3, 0}},
	/* Two entries shift the rest: max_tx_vq at 12, key length at 14, key from 15 on. */
	{{.kind = VNET_CTRL_RSS,
		 .rss = {.hash_types = 0x13f,
			 .table_mask = 1,
			 .unclassified_queue = 2,
			 .max_tx_vq = 4,
			 .key_length = 3,
			 .key = {0x6d, 0x5a, 0x56},
			 .table = {3, 1}}},
		20, {4, 1, 0x3f, 0x01, 0, 0, 1, 0, 2, 0, 3, 0, 1, 0, 4, 0, 3, 0x6d, 0x5a, 0x56}},
	{{.kind = VNET_CTRL_HASH,
		 .rss = {.hash_types = 0x03, .key_length = 2, .key = {0xca, 0xfe}}},
		17, {4, 2, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0xca, 0xfe}},
	{{.kind = VNET_CTRL_GUEST_OFFLOADS, .offloads = 0x182}, 10,
		{5, 0, 0x82, 1, 0, 0, 0, 0, 0, 0}},
};

static void
assert_same(const struct vnet_ctrl *a, const struct vnet_ctrl *b)
{
	assert_int_equal(a->kind, b->kind);
	switch (a->kind) {
	case VNET_CTRL_MAC_TABLE:
		assert_int_equal(a->macs.nb_unicast, b->macs.nb_unicast);
		assert_int_equal(a->macs.nb_multicast, b->macs.nb_multicast);
		for (uint32_t i = 0; i < a->macs.nb_unicast; i++)
			assert_memory_equal(&a->macs.unicast[i], &b->macs.unicast[i], 6);
		for (uint32_t i = 0; i < a->macs.nb_multicast; i++)
			assert_memory_equal(&a->macs.multicast[i], &b->macs.multicast[i], 6);
		break;
	case VNET_CTRL_MAC_ADDR:
		assert_memory_equal(&a->mac, &b->mac, 6);
		break;
	case VNET_CTRL_VLAN_ADD:
	case VNET_CTRL_VLAN_DEL:
		assert_int_equal(a->vlan, b->vlan);
		break;
	case VNET_CTRL_PAIRS:
		assert_int_equal(a->pairs, b->pairs);
		break;
	case VNET_CTRL_RSS:
		assert_int_equal(a->rss.table_mask, b->rss.table_mask);
		assert_int_equal(a->rss.unclassified_queue, b->rss.unclassified_queue);
		assert_int_equal(a->rss.max_tx_vq, b->rss.max_tx_vq);
		assert_memory_equal(a->rss.table, b->rss.table, 2u * (a->rss.table_mask + 1u));
		/* Fall through. */
	case VNET_CTRL_HASH:
		assert_int_equal(a->rss.hash_types, b->rss.hash_types);
		assert_int_equal(a->rss.key_length, b->rss.key_length);
		assert_memory_equal(a->rss.key, b->rss.key, sizeof(a->rss.key));
		break;
	case VNET_CTRL_GUEST_OFFLOADS:
		assert_int_equal(a->offloads, b->offloads);
		break;
	case VNET_CTRL_ANNOUNCE_ACK:
		break;
	default:
		assert_int_equal(a->on, b->on);
	}
}

/* Exactly these bytes, behind them a forbidden page. */
static enum vnet_ctrl_bad
parse(struct vnet_ctrl *c, const struct vnet_ctrl_limits *l, const uint8_t *bytes, uint32_t nb)
{
	static struct guard kept[6];
	static unsigned int at;
	struct guard *g = &kept[at++ % RTE_DIM(kept)];

	/* The addresses of a MAC table stay in the bytes: they live for a while. */
	if (g->mem != NULL)
		guard_free(g);
	*g = guard_alloc(RTE_MAX(nb, 1U), 1);
	memcpy(g->mem, bytes, nb);
	return vnet_ctrl_parse(c, l, g->mem + (nb == 0), nb);
}

static void
commands_are_read_and_written_as_the_text_has_them(void **state)
{
	bool seen[VNET_CTRL_KINDS] = {false};

	(void)state;
	COVERS("NET-DRV-052");
	COVERS("NET-DRV-053");
	COVERS("HASH-039");
	COVERS("NET-FACT-138");
	COVERS("NET-FACT-139");
	COVERS("NET-FACT-140");
	for (size_t i = 0; i < RTE_DIM(vectors); i++) {
		const struct vector *v = &vectors[i];
		uint8_t bytes[sizeof(v->bytes)];
		struct vnet_ctrl c;

		seen[v->ctrl.kind] = true;
		assert_int_equal(parse(&c, &limits, v->bytes, v->nb), VNET_CTRL_BAD_NONE);
		assert_same(&c, &v->ctrl);
		assert_int_equal(vnet_ctrl_build(&v->ctrl, bytes, sizeof(bytes)), v->nb);
		assert_memory_equal(bytes, v->bytes, v->nb);
		for (uint32_t room = 0; room < v->nb; room++) {
			struct guard g = guard_alloc(RTE_MAX(room, 1U), 1);

			assert_int_equal(vnet_ctrl_build(&v->ctrl, g.mem, room), -ENOSPC);
			guard_free(&g);
		}
	}
	for (unsigned int kind = 0; kind < VNET_CTRL_KINDS; kind++)
		assert_true(seen[kind]);
}

static void
every_cut_command_is_truncated_and_every_longer_one_oversized(void **state)
{
	struct vnet_ctrl c;

	(void)state;
	for (size_t i = 0; i < RTE_DIM(vectors); i++) {
		const struct vector *v = &vectors[i];

		for (uint32_t nb = 0; nb < v->nb; nb++)
			assert_int_equal(parse(&c, &limits, v->bytes, nb), VNET_CTRL_BAD_TRUNCATED);
		for (uint32_t more = 1; more < 8; more++)
			assert_int_equal(parse(&c, &limits, v->bytes, v->nb + more),
				VNET_CTRL_BAD_OVERSIZED);
	}
}

static void
command_without_its_feature_is_refused(void **state)
{
	struct vnet_ctrl c;

	(void)state;
	for (size_t i = 0; i < RTE_DIM(vectors); i++) {
		const struct vector *v = &vectors[i];
		unsigned int refused = 0;

		for (unsigned int bit = 0; bit < 64; bit++) {
			struct vnet_ctrl_limits l = limits;

			l.features &= ~(UINT64_C(1) << bit);
			if (l.features != limits.features &&
				parse(&c, &l, v->bytes, v->nb) == VNET_CTRL_BAD_NOT_NEGOTIATED)
				refused++;
		}
		assert_int_equal(refused, 1);
	}
}

static void
unknown_commands_are_refused(void **state)
{
	uint8_t bytes[4] = {0};
	unsigned int known = 0;
	struct vnet_ctrl c;

	(void)state;
	for (unsigned int class = 0; class < 256; class ++) {
		for (unsigned int command = 0; command < 256; command++) {
			bytes[0] = (uint8_t) class;
			bytes[1] = (uint8_t)command;
			known += parse(&c, &limits, bytes, 4) != VNET_CTRL_BAD_UNKNOWN;
		}
	}
	assert_int_equal(known, VNET_CTRL_KINDS);
}

static void
impossible_values_are_refused(void **state)
{
	static const struct {
		uint32_t nb;
		uint8_t bytes[32];
	} bad[] = {
		{3, {0, 0, 2}}, {3, {0, 5, 255}}, /* neither on nor off */
		{16, {1, 0, 1, 0, 0, 0, 0x01, 0, 0, 0, 0, 1, 0, 0, 0,
			     0}}, /* multicast in unicast */
		{16, {1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0x02, 0, 0, 0, 0, 1}}, /* and the other way */
		{8, {1, 1, 0x01, 0, 0, 0, 0, 1}}, {8, {1, 1, 0, 0, 0, 0, 0, 0}}, /* no address */
		{4, {2, 0, 0, 0x10}}, {4, {2, 1, 0xff, 0xff}},              /* VLAN 4096, 65535 */
		{4, {4, 0, 0, 0}}, {4, {4, 0, 5, 0}}, {4, {4, 0, 0, 0x80}}, /* pairs 0, 5, 32768 */
		{15, {4, 1, 1, 0, 0, 0, 0, 0, 4, 0, 0, 0, 1, 0, 0}},    /* unclassified queue 4 */
		{15, {4, 1, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0}},    /* table names queue 4 */
		{15, {4, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}},    /* max_tx_vq 0 */
		{15, {4, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0}},    /* max_tx_vq 5 */
		{15, {4, 1, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0}},    /* 3 entries */
		{15, {4, 1, 0, 0, 0, 0, 0xff, 0, 0, 0, 0, 0, 0, 0, 0}}, /* 256: above the limit */
		{15, {4, 1, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0}}, /* 65,536 */
		{16, {4, 1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 9}},    /* type 0x200 */
		{15, {4, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0}},       /* a type, no key */
		{16, {4, 2, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 9}},    /* reserved word */
		{15, {4, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}},       /* a type, no key */
		{10, {5, 0, 2, 2, 0, 0, 0, 0, 0, 0}},                      /* ECN: not negotiated */
		{10, {5, 0, 0x80, 0, 0, 0, 0, 0, 0, 0}}, /* TSO4 without checksum */
	};
	struct vnet_ctrl c;

	(void)state;
	COVERS("NET-DRV-065");
	for (size_t i = 0; i < RTE_DIM(bad); i++) {
		enum vnet_ctrl_bad got = parse(&c, &limits, bad[i].bytes, bad[i].nb);

		if (got != VNET_CTRL_BAD_VALUE)
			fail_msg("command %zu: %s", i, vnet_ctrl_bad_str(got));
	}
}

static void
keys_of_every_length_and_tables_of_every_size(void **state)
{
	static uint8_t bytes[VNET_CTRL_BYTES_MAX];
	struct vnet_ctrl_limits l = limits;
	struct vnet_ctrl c, made;

	(void)state;
	l.rss_table_max = VNET_RSS_TABLE_MAX;
	for (uint32_t entries = 1; entries <= 1024; entries *= 2) {
		for (uint32_t length = 0; length < 256; length++) {
			uint32_t nb = 13 + 2 * entries + length;
			bool good = entries <= VNET_RSS_TABLE_MAX && length <= 40;

			memset(bytes, 0, nb);
			bytes[0] = 4;
			bytes[1] = 1;
			bytes[6] = (uint8_t)(entries - 1);
			bytes[7] = (uint8_t)((entries - 1) >> 8);
			for (uint32_t i = 0; i < entries; i++)
				bytes[10 + 2 * i] = i % 4;
			bytes[10 + 2 * entries] = 4;
			bytes[12 + 2 * entries] = (uint8_t)length;
			assert_int_equal(parse(&c, &l, bytes, nb),
				good ? VNET_CTRL_BAD_NONE : VNET_CTRL_BAD_VALUE);
			if (!good)
				continue;
			assert_int_equal(c.rss.table[entries - 1], (entries - 1) % 4);
			made = c;
			assert_int_equal(vnet_ctrl_build(&made, bytes, sizeof(bytes)), nb);
		}
	}
}

static void
counts_of_addresses_that_lie_are_truncated(void **state)
{
	static const uint32_t counts[] = {3, 255, 0x2aaaaaab, 0x80000000, UINT32_MAX};
	uint8_t bytes[22] = {1, 0};
	struct vnet_ctrl c;

	(void)state;
	for (size_t i = 0; i < RTE_DIM(counts); i++) {
		rte_le32_t count = rte_cpu_to_le_32(counts[i]);

		memset(bytes + 2, 0, 20);
		memcpy(bytes + 2, &count, 4);
		assert_int_equal(parse(&c, &limits, bytes, sizeof(bytes)), VNET_CTRL_BAD_TRUNCATED);
		memset(bytes + 2, 0, 20);
		memcpy(bytes + 6, &count, 4);
		assert_int_equal(parse(&c, &limits, bytes, sizeof(bytes)), VNET_CTRL_BAD_TRUNCATED);
	}
}

static void
longest_command_is_bounded(void **state)
{
	static uint8_t bytes[VNET_CTRL_BYTES_MAX + 1] = {1, 0};
	struct vnet_ctrl c;
	uint32_t nb = (VNET_CTRL_BYTES_MAX - 10) / 6;

	(void)state;
	bytes[2] = (uint8_t)nb;
	bytes[3] = (uint8_t)(nb >> 8);
	assert_int_equal(parse(&c, &limits, bytes, 10 + 6 * nb), VNET_CTRL_BAD_NONE);
	assert_int_equal(c.macs.nb_unicast, nb);
	assert_int_equal(parse(&c, &limits, bytes, sizeof(bytes)), VNET_CTRL_BAD_OVERSIZED);
}

static void
anything_is_refused_or_means_what_it_says(void **state)
{
	uint64_t seed = 9;
	uint32_t good = 0;

	(void)state;
	for (uint32_t i = 0; i < 200000; i++) {
		const struct vector *v = &vectors[random_below(&seed, RTE_DIM(vectors))];
		uint8_t bytes[64], again[64];
		uint32_t nb = v->nb;
		struct vnet_ctrl c;

		memcpy(bytes, v->bytes, sizeof(bytes));
		bytes[random_below(&seed, nb)] = (uint8_t)random_next(&seed);
		if (random_below(&seed, 4) == 0)
			nb = random_below(&seed, sizeof(bytes));
		if (vnet_ctrl_parse(&c, &limits, bytes, nb) != VNET_CTRL_BAD_NONE)
			continue;
		good++;
		assert_int_equal(vnet_ctrl_build(&c, again, sizeof(again)), nb);
		assert_memory_equal(bytes, again, nb);
	}
	assert_true(good > 10000);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		UNIT(commands_are_read_and_written_as_the_text_has_them),
		UNIT(every_cut_command_is_truncated_and_every_longer_one_oversized),
		UNIT(command_without_its_feature_is_refused),
		UNIT(unknown_commands_are_refused),
		UNIT(impossible_values_are_refused),
		UNIT(keys_of_every_length_and_tables_of_every_size),
		UNIT(counts_of_addresses_that_lie_are_truncated),
		UNIT(longest_command_is_bounded),
		UNIT(anything_is_refused_or_means_what_it_says),
	};

	return RUN_UNITS("vnet_ctrl", tests);
}
