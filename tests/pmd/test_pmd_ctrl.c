/* SPDX-License-Identifier: BSD-3-Clause */
/* The control ring: which commands a device is sent, in which bytes, and what its answers do. */
#include "control.h"

#include <rte_cycles.h>
#include <rte_ethdev.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct backend b;
static struct backend_command last;

static const struct port_shape one_pair = {.rx = 1, .tx = 1};
static const struct port_shape four_pairs = {.rx = 4, .tx = 4};

static void
device_hears_all_wishes_before_a_data_ring_is_enabled(void **state)
{
	struct resources before = resources_now();
	uint16_t port;

	(void)state;
	COVERS("NET-DRV-058");
	COVERS("NET-DRV-059");
	control_begin(&b, 6);
	backend_start(&b);
	port = port_add("queues=4,wait=60");
	port_configure(port, four_pairs);
	assert_int_equal(rte_eth_dev_start(port), 0);
	assert_true(port_up(port));
	assert_true(control_ready(port));
	assert_int_equal(b.acked & (B_CONTROL | B_F_MQ),
		(B_CONTROL | B_F_MQ) & ~(B_F_CTRL_VLAN | B_F_HASH_REPORT));
	assert_int_equal(b.acked_protocol, B_P_USUAL | B_P_CONFIG | B_P_BACKEND_REQ);
	/* Behind the rings of all pairs that the device has. */
	assert_int_equal(backend_ctrl_index(&b), 12);
	assert_true(b.rings[12].started && b.rings[12].enabled);
	assert_int_equal(b.nb_commands, 3);
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(b.commands[i].live, 0);
		assert_true(b.commands[i].driver_ok);
	}
	assert_memory_equal(b.commands[0].bytes, "\0\0\1", 3);
	assert_memory_equal(b.commands[1].bytes, "\0\1\1", 3);
	/* Steering last: VQ_PAIRS_SET 4. */
	assert_memory_equal(b.commands[2].bytes, "\4\0\4\0", 4);
	assert_int_equal(backend_live(&b), 9);
	assert_int_equal(port_xstat(port, "control_commands"), 3);
	assert_int_equal(port_xstat(port, "control_replays"), 1);
	port_end(port, &b, before);
}

static void
control_ring_of_a_device_without_multiqueue_is_ring_2(void **state)
{
	struct resources before = resources_now();
	uint16_t port;

	(void)state;
	backend_begin(&b);
	backend_control(&b, 6);
	b.features &= ~(B_F_RSS | B_F_MQ);
	backend_start(&b);
	port = port_add("wait=60");
	port_configure(port, one_pair);
	assert_int_equal(rte_eth_dev_start(port), 0);
	assert_true(control_ready(port));
	assert_true(b.rings[2].started && b.rings[2].enabled);
	assert_int_equal(b.nb_commands, 2);
	port_end(port, &b, before);
}

static void
backend_without_config_space_gets_no_control_ring_and_no_command_features(void **state)
{
	static const struct {
		uint64_t features, protocol;
		enum backend_config_answer answer;
	} kinds[] = {
		{B_CONTROL, B_P_BACKEND_REQ, B_CONFIG_RIGHT},
		{B_CONTROL, B_P_CONFIG, B_CONFIG_EMPTY},
		{B_CONTROL, B_P_CONFIG | B_P_BACKEND_REQ, B_CONFIG_SIZE_0},
		{B_CONTROL & ~B_F_CTRL_VQ, B_P_CONFIG, B_CONFIG_RIGHT},
	};

	(void)state;
	COVERS("NET-DRV-048");
	COVERS("NET-DRV-049");
	COVERS("NET-DRV-050");
	COVERS("NET-DRV-063");
	for (unsigned int i = 0; i < RTE_DIM(kinds); i++) {
		struct resources before = resources_now();
		const struct vnet_ctrl mac = {
			.kind = VNET_CTRL_MAC_ADDR, .mac = {{2, 0, 0, 0, 0, 9}}};
		uint64_t control;
		uint16_t port;

		backend_begin(&b);
		backend_control(&b, 4);
		b.features = B_USUAL | kinds[i].features;
		b.protocol = B_P_USUAL | kinds[i].protocol;
		b.config_answer = kinds[i].answer;
		backend_start(&b);
		port = port_add("queues=4,wait=60");
		port_configure(port, four_pairs);
		assert_int_equal(rte_eth_dev_start(port), 0);
		assert_true(port_up(port));
		assert_false(control_ready(port));
		assert_int_equal(backend_live(&b), 8);
		control = B_CONTROL;
		if (kinds[i].answer == B_CONFIG_RIGHT && (kinds[i].protocol & B_P_CONFIG))
			control &= ~(B_F_MAC | B_F_STATUS | B_F_SPEED_DUPLEX);
		assert_int_equal(b.acked & control, 0);
		assert_true(b.acked & B_F_MQ);
		assert_int_equal(b.nb_commands, 0);
		assert_int_equal(control_apply(port, &promisc_off), -ENOTSUP);
		assert_int_equal(control_apply(port, &mac), -ENOTSUP);
		assert_int_equal(control_wanted(port).modes,
			VNET_CTRL_MODE(PROMISC) | VNET_CTRL_MODE(ALLMULTI));
		port_end(port, &b, before);
	}
}

/* Commands and their bytes, by the standard. */
static const struct rte_ether_addr macs[] = {
	{{2, 0, 0, 0, 0, 1}}, {{2, 0, 0, 0, 0, 2}}, {{1, 0, 0x5e, 0, 0, 3}}};

static const struct {
	struct vnet_ctrl c;
	uint32_t nb;
	const char *bytes;
} commands[] = {
	{{.kind = VNET_CTRL_PROMISC, .on = false}, 3, "\0\0\0"},
	{{.kind = VNET_CTRL_PROMISC, .on = true}, 3, "\0\0\1"},
	{{.kind = VNET_CTRL_ALLMULTI, .on = false}, 3, "\0\1\0"},
	{{.kind = VNET_CTRL_ALLUNI, .on = true}, 3, "\0\2\1"},
	{{.kind = VNET_CTRL_NOMULTI, .on = true}, 3, "\0\3\1"},
	{{.kind = VNET_CTRL_NOUNI, .on = true}, 3, "\0\4\1"},
	{{.kind = VNET_CTRL_NOBCAST, .on = true}, 3, "\0\5\1"},
	{{.kind = VNET_CTRL_MAC_TABLE, .macs = {2, 1, macs, &macs[2]}}, 28,
		"\1\0\2\0\0\0\2\0\0\0\0\1\2\0\0\0\0\2\1\0\0\0\1\0\x5e\0\0\3"},
	{{.kind = VNET_CTRL_MAC_TABLE, .macs = {0, 1, NULL, &macs[2]}}, 16,
		"\1\0\0\0\0\0\1\0\0\0\1\0\x5e\0\0\3"},
	{{.kind = VNET_CTRL_MAC_TABLE, .macs = {0, 0, NULL, NULL}}, 10, "\1\0\0\0\0\0\0\0\0\0"},
	{{.kind = VNET_CTRL_MAC_ADDR, .mac = {{2, 0, 0, 0, 0, 9}}}, 8, "\1\1\2\0\0\0\0\x09"},
	{{.kind = VNET_CTRL_VLAN_ADD, .vlan = 0x123}, 4, "\2\0\x23\1"},
	{{.kind = VNET_CTRL_VLAN_DEL, .vlan = 0x123}, 4, "\2\1\x23\1"},
	{{.kind = VNET_CTRL_ANNOUNCE_ACK}, 2, "\3\0"},
	{{.kind = VNET_CTRL_PAIRS, .pairs = 4}, 4, "\4\0\4\0"},
	{{.kind = VNET_CTRL_RSS,
		 .rss = {.hash_types = 0x107,
			 .table_mask = 1,
			 .unclassified_queue = 3,
			 .max_tx_vq = 4,
			 .key_length = 3,
			 .key = {7, 8, 9},
			 .table = {0, 2}}},
		20, "\4\1\7\1\0\0\1\0\3\0\0\0\2\0\4\0\3\7\x08\x09"},
	{{.kind = VNET_CTRL_HASH, .rss = {.hash_types = 3, .key_length = 2, .key = {1, 2}}}, 17,
		"\4\2\3\0\0\0\0\0\0\0\0\0\0\0\2\1\2"},
	{{.kind = VNET_CTRL_GUEST_OFFLOADS, .offloads = 1 << 1}, 10, "\5\0\2\0\0\0\0\0\0\0"},
};

static void
each_command_has_the_bytes_of_the_standard(void **state)
{
	struct resources before = resources_now();
	uint16_t port;

	(void)state;
	COVERS("NET-DRV-052");
	COVERS("NET-DRV-053");
	control_begin(&b, 4);
	port = control_start(&b, four_pairs);
	for (unsigned int i = 0; i < RTE_DIM(commands); i++) {
		const unsigned int sent = b.nb_commands;
		struct vnet_ctrl_state now, expected = control_wanted(port);

		/* Without HASH_REPORT there is nothing to configure. */
		if (commands[i].c.kind == VNET_CTRL_HASH) {
			assert_int_equal(control_apply(port, &commands[i].c), -ENOTSUP);
			continue;
		}
		vnet_ctrl_state_apply(&expected, &commands[i].c);
		assert_int_equal(control_apply(port, &commands[i].c), 0);
		assert_int_equal(b.nb_commands, sent + 1);
		last = b.commands[sent % B_COMMANDS];
		assert_int_equal(last.nb, commands[i].nb);
		assert_memory_equal(last.bytes, commands[i].bytes, last.nb);
		now = control_wanted(port);
		assert_true(vnet_ctrl_state_equal(&now, &expected));
	}
	port_end(port, &b, before);
}

static void
commands_beyond_the_device_are_not_sent(void **state)
{
	static const struct vnet_ctrl beyond[] = {
		{.kind = VNET_CTRL_PAIRS, .pairs = 0},
		{.kind = VNET_CTRL_PAIRS, .pairs = 5},
		/* Its transmit queues would go on. */
		{.kind = VNET_CTRL_PAIRS, .pairs = 3},
		{.kind = VNET_CTRL_VLAN_ADD, .vlan = 4096},
		{.kind = VNET_CTRL_MAC_ADDR, .mac = {{1, 0, 0, 0, 0, 0}}},
		{.kind = VNET_CTRL_MAC_TABLE, .macs = {1, 0, &macs[2], NULL}},
		{.kind = VNET_CTRL_RSS,
			.rss = {.hash_types = 1, .table_mask = 2, .max_tx_vq = 4, .key_length = 1}},
		{.kind = VNET_CTRL_RSS,
			.rss = {.hash_types = 1,
				.table_mask = 255,
				.max_tx_vq = 4,
				.key_length = 1}},
		{.kind = VNET_CTRL_RSS,
			.rss = {.hash_types = 0x200, .max_tx_vq = 4, .key_length = 1}},
		{.kind = VNET_CTRL_RSS,
			.rss = {.hash_types = 1, .max_tx_vq = 4, .key_length = 1, .table = {4}}},
		{.kind = VNET_CTRL_RSS, .rss = {.hash_types = 1, .max_tx_vq = 5, .key_length = 1}},
		{.kind = VNET_CTRL_GUEST_OFFLOADS, .offloads = 1 << 7},
	};
	struct resources before = resources_now();
	uint16_t port;

	(void)state;
	COVERS("NET-DRV-060");
	COVERS("NET-DRV-062");
	COVERS("NET-DRV-064");
	COVERS("NET-DRV-065");
	COVERS("NET-DRV-066");
	COVERS("NET-DRV-067");
	COVERS("NET-DRV-068");
	control_begin(&b, 4);
	port = control_start(&b, four_pairs);
	for (unsigned int i = 0; i < RTE_DIM(beyond); i++) {
		const unsigned int sent = b.nb_commands;
		const struct vnet_ctrl_state then = control_wanted(port);
		struct vnet_ctrl_state now;

		assert_int_equal(control_apply(port, &beyond[i]), -EINVAL);
		assert_int_equal(b.nb_commands, sent);
		now = control_wanted(port);
		assert_true(vnet_ctrl_state_equal(&now, &then));
	}
	port_end(port, &b, before);
}

static int
refuse_vlans(struct backend *backend, const uint8_t *bytes, uint32_t nb)
{
	(void)backend;
	(void)nb;
	return bytes[0] == 2;
}

static void
refused_command_changes_no_wish(void **state)
{
	const struct vnet_ctrl add = {.kind = VNET_CTRL_VLAN_ADD, .vlan = 7};
	struct resources before = resources_now();
	uint16_t port;

	(void)state;
	control_begin(&b, 4);
	port = control_start(&b, four_pairs);
	b.answer = refuse_vlans;
	assert_int_equal(control_apply(port, &add), -EIO);
	assert_int_equal(control_wanted(port).vlans[0], 0);
	assert_non_null(strstr(log_text(), "backend refused control command 'VLAN add'"));
	assert_int_equal(port_xstat(port, "control_refused"), 1);
	/* And the device serves the next one. */
	assert_true(control_ready(port));
	assert_int_equal(control_apply(port, &promisc_off), 0);
	assert_true(port_up(port));
	port_end(port, &b, before);
}

static void
wishes_are_noted_while_there_is_no_device(void **state)
{
	struct resources before = resources_now();
	const struct vnet_ctrl add = {.kind = VNET_CTRL_VLAN_ADD, .vlan = 100};
	uint16_t port;

	(void)state;
	backend_begin(&b);
	backend_control(&b, 4);
	port = port_add("queues=4");
	port_configure(
		port, (struct port_shape){
			      .rx = 2, .tx = 2, .rx_offloads = RTE_ETH_RX_OFFLOAD_VLAN_FILTER});
	assert_int_equal(rte_eth_promiscuous_disable(port), 0);
	assert_int_equal(rte_eth_dev_start(port), 0);
	assert_int_equal(control_apply(port, &add), 0);
	backend_start(&b);
	UNTIL(port_up(port));
	assert_int_equal(backend_commands(&b, 0, 0, NULL), 0);
	assert_int_equal(backend_commands(&b, 0, 1, NULL), 1);
	assert_int_equal(backend_commands(&b, 2, 0, &last), 1);
	assert_memory_equal(last.bytes, "\2\0\x64\0", 4);
	assert_int_equal(backend_commands(&b, 4, 0, &last), 1);
	assert_memory_equal(last.bytes, "\4\0\2\0", 4);
	port_end(port, &b, before);
}

/* As many times as VIRTQ_REPLAYS says. */
static void
stop_and_start_replay_everything_each_time(void **state)
{
	const char *wish = getenv("VIRTQ_REPLAYS");
	const unsigned int nb = wish != NULL ? (unsigned int)strtoul(wish, NULL, 10) : 200;
	struct resources before = resources_now();
	struct resources running = {0};
	uint16_t port;

	(void)state;
	control_begin(&b, 4);
	port = control_start(&b, four_pairs);
	running = resources_now();
	for (unsigned int i = 1; i <= nb; i++) {
		const uint16_t vlan = (uint16_t)(i % 4096);
		unsigned int sent;

		assert_int_equal(rte_eth_dev_vlan_filter(port, vlan, 1), 0);
		if (i > 4)
			assert_int_equal(
				rte_eth_dev_vlan_filter(port, (uint16_t)((i - 4) % 4096), 0), 0);
		assert_int_equal(rte_eth_dev_stop(port), 0);
		assert_false(control_ready(port));
		sent = b.nb_commands;
		assert_int_equal(rte_eth_dev_start(port), 0);
		assert_true(control_ready(port));
		assert_int_equal(b.nb_commands, sent + 3 + RTE_MIN(i, 4u));
		assert_resources(running);
	}
	assert_int_equal(b.connections, 1);
	port_end(port, &b, before);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		UNIT(device_hears_all_wishes_before_a_data_ring_is_enabled),
		UNIT(control_ring_of_a_device_without_multiqueue_is_ring_2),
		UNIT(backend_without_config_space_gets_no_control_ring_and_no_command_features),
		UNIT(each_command_has_the_bytes_of_the_standard),
		UNIT(commands_beyond_the_device_are_not_sent),
		UNIT(refused_command_changes_no_wish),
		UNIT(wishes_are_noted_while_there_is_no_device),
		UNIT(stop_and_start_replay_everything_each_time),
	};

	fixture_start();
	return fixture_end(RUN_UNITS("pmd_ctrl", tests));
}
