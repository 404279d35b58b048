/* SPDX-License-Identifier: BSD-3-Clause */
/* Config space: address, MTU, link, speed; changes of it, and announcements. */
#include "control.h"

#include <rte_cycles.h>
#include <rte_ethdev.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct backend b;

static const struct port_shape one_pair = {.rx = 1, .tx = 1};

/* What the private dump says. */
static bool
dump_says(uint16_t port, const char *what)
{
	char *text = NULL;
	size_t bytes = 0;
	FILE *f = open_memstream(&text, &bytes);
	bool says;

	assert_non_null(f);
	assert_int_equal(rte_eth_dev_priv_dump(port, f), 0);
	fclose(f);
	says = strstr(text, what) != NULL;
	if (!says)
		fprintf(stderr, "%s", text);
	free(text);
	return says;
}

static struct rte_ether_addr
mac_of(uint16_t port)
{
	struct rte_ether_addr mac;

	assert_int_equal(rte_eth_macaddr_get(port, &mac), 0);
	return mac;
}

static void
port_takes_the_address_of_its_first_device(void **state)
{
	static const struct rte_ether_addr other = {{2, 9, 9, 9, 9, 9}};
	struct resources before = resources_now();
	struct backend_command last;
	struct rte_ether_addr mac;
	uint16_t port;

	(void)state;
	COVERS("NET-DRV-001");
	COVERS("NET-DRV-002");
	COVERS("NET-DRV-051");
	control_begin(&b, 1);
	port = control_start(&b, one_pair);
	mac = mac_of(port);
	assert_memory_equal(&mac, b.config.mac, 6);
	assert_true(b.acked & B_F_MAC);
	assert_int_equal(backend_commands(&b, 1, 1, NULL), 0);
	backend_stop(&b);
	UNTIL(!port_up(port));

	/* It stays, and another device is told. */
	control_begin(&b, 1);
	memcpy(b.config.mac, &other, 6);
	backend_start(&b);
	UNTIL(port_up(port));
	assert_true(b.acked & B_F_MAC);
	assert_memory_equal(&mac, &control_port(port)->mac, 6);
	assert_int_equal(backend_commands(&b, 1, 1, &last), 1);
	assert_memory_equal(last.bytes + 2, &mac, 6);
	backend_stop(&b);
	UNTIL(!port_up(port));

	/* One that cannot be told: its address is not agreed to. */
	control_begin(&b, 1);
	memcpy(b.config.mac, &other, 6);
	b.features &= ~B_F_CTRL_MAC_ADDR;
	backend_start(&b);
	UNTIL(port_up(port));
	assert_false(b.acked & B_F_MAC);
	assert_non_null(strstr(log_text(), "backend keeps an address of its own"));
	port_end(port, &b, before);
}

static void
address_given_by_argument_is_told_to_the_device(void **state)
{
	struct resources before = resources_now();
	struct backend_command last;
	uint16_t port;

	(void)state;
	COVERS("NET-DRV-051");
	control_begin(&b, 1);
	backend_start(&b);
	port = port_add("wait=60,mac=02:aa:bb:cc:dd:ee");
	port_configure(port, one_pair);
	assert_int_equal(rte_eth_dev_start(port), 0);
	assert_true(port_up(port));
	assert_true(b.acked & B_F_MAC);
	assert_int_equal(backend_commands(&b, 1, 1, &last), 1);
	assert_memory_equal(last.bytes, "\1\1\x02\xaa\xbb\xcc\xdd\xee", 8);
	port_end(port, &b, before);
}

static void
without_the_feature_the_address_is_a_local_one(void **state)
{
	static const struct rte_ether_addr bad[] = {{{0}}, {{1, 2, 3, 4, 5, 6}}};

	(void)state;
	COVERS("NET-DRV-003");
	for (unsigned int i = 0; i <= RTE_DIM(bad); i++) {
		struct resources before = resources_now();
		struct rte_ether_addr mac;
		uint16_t port;

		control_begin(&b, 1);
		if (i < RTE_DIM(bad))
			memcpy(b.config.mac, &bad[i], 6);
		else
			b.features &= ~B_F_MAC;
		port = control_start(&b, one_pair);
		mac = mac_of(port);
		assert_false(b.acked & B_F_MAC);
		assert_memory_not_equal(&mac, b.config.mac, 6);
		assert_true(rte_is_local_admin_ether_addr(&mac));
		port_end(port, &b, before);
	}
}

static void
mtu_above_the_device_is_refused(void **state)
{
	struct resources before = resources_now();
	struct rte_eth_dev_info info;
	uint16_t port;

	(void)state;
	COVERS("NET-DRV-006");
	COVERS("NET-DRV-008");
	control_begin(&b, 1);
	b.config.mtu = 1600;
	port = control_start(&b, one_pair);
	assert_true(b.acked & B_F_MTU);
	assert_int_equal(rte_eth_dev_info_get(port, &info), 0);
	assert_int_equal(info.max_mtu, 1600);
	assert_int_equal(rte_eth_dev_set_mtu(port, 1601), -EINVAL);
	assert_int_equal(rte_eth_dev_set_mtu(port, 1600), 0);
	backend_stop(&b);
	UNTIL(!port_up(port));

	/* One with less comes back: the port does not promise to keep to it. */
	control_begin(&b, 1);
	b.config.mtu = 1400;
	backend_start(&b);
	UNTIL(port_up(port));
	assert_false(b.acked & B_F_MTU);
	assert_non_null(strstr(log_text(), "backend's MTU is 1400: larger frames may be lost"));
	backend_stop(&b);
	UNTIL(!port_up(port));

	/* Impossible ones are none. */
	control_begin(&b, 1);
	b.config.mtu = 67;
	backend_start(&b);
	UNTIL(port_up(port));
	assert_false(b.acked & B_F_MTU);
	port_end(port, &b, before);
}

static void
port_that_is_configured_after_its_device_came_keeps_to_its_mtu(void **state)
{
	struct resources before = resources_now();
	uint16_t port, mtu;

	(void)state;
	COVERS("NET-DRV-007");
	control_begin(&b, 1);
	b.config.mtu = 1280;
	port = control_start(&b, one_pair);
	assert_int_equal(rte_eth_dev_get_mtu(port, &mtu), 0);
	assert_int_equal(mtu, 1280);
	assert_true(b.acked & B_F_MTU);
	port_end(port, &b, before);
}

static int events;

static int
on_link(uint16_t port, enum rte_eth_event_type type, void *arg, void *ret)
{
	(void)port;
	(void)type;
	(void)arg;
	(void)ret;
	__atomic_fetch_add(&events, 1, __ATOMIC_SEQ_CST);
	return 0;
}

static void
link_follows_the_status_of_the_device(void **state)
{
	struct resources before = resources_now();
	struct port_shape shape = {.rx = 1, .tx = 1, .lsc = true};
	uint16_t port;

	(void)state;
	COVERS("NET-DRV-004");
	COVERS("NET-DRV-005");
	control_begin(&b, 1);
	port = control_start(&b, shape);
	assert_int_equal(
		rte_eth_dev_callback_register(port, RTE_ETH_EVENT_INTR_LSC, on_link, NULL), 0);
	events = 0;
	for (int i = 1; i <= 6; i++) {
		assert_int_equal(backend_status(&b, i % 2 == 0), 0);
		UNTIL(port_up(port) == (i % 2 == 0));
		UNTIL(__atomic_load_n(&events, __ATOMIC_SEQ_CST) == i);
	}
	assert_int_equal(port_xstat(port, "control_config_changes"), 6);
	assert_int_equal(
		rte_eth_dev_callback_unregister(port, RTE_ETH_EVENT_INTR_LSC, on_link, NULL), 0);
	backend_stop(&b);
	UNTIL(!port_up(port));

	control_begin(&b, 1);
	b.features &= ~B_F_STATUS;
	b.config.status = 0;
	backend_start(&b);
	UNTIL(port_up(port));
	port_end(port, &b, before);
}

static void
speed_and_duplex_are_those_of_the_device(void **state)
{
	static const struct {
		uint32_t speed;
		uint8_t duplex;
		uint32_t link_speed;
		uint8_t link_duplex;
		const char *dump;
	} kinds[] = {
		{25000, 1, 25000, RTE_ETH_LINK_FULL_DUPLEX, "speed 25000, duplex full"},
		{10, 0, 10, RTE_ETH_LINK_HALF_DUPLEX, "speed 10, duplex half"},
		{0, 1, 0, RTE_ETH_LINK_FULL_DUPLEX, "speed 0, "},
		{0x7fffffff, 2, 0x7fffffff, RTE_ETH_LINK_FULL_DUPLEX, "duplex unknown"},
		{0x80000000, 0xff, RTE_ETH_SPEED_NUM_UNKNOWN, RTE_ETH_LINK_FULL_DUPLEX,
			"speed 4294967295, duplex unknown"},
		{0xffffffff, 0x80, RTE_ETH_SPEED_NUM_UNKNOWN, RTE_ETH_LINK_FULL_DUPLEX,
			"duplex unknown"},
	};
	struct resources before = resources_now();
	struct rte_eth_link link;
	uint16_t port;

	(void)state;
	COVERS("NET-DRV-010");
	COVERS("NET-DRV-011");
	COVERS("NET-DRV-012");
	control_begin(&b, 1);
	port = control_start(&b, one_pair);
	for (unsigned int i = 0; i < RTE_DIM(kinds); i++) {
		pthread_mutex_lock(&b.lock);
		b.config.speed = kinds[i].speed;
		b.config.duplex = kinds[i].duplex;
		pthread_mutex_unlock(&b.lock);
		assert_int_equal(backend_status(&b, 1), 0);
		UNTIL(port_xstat(port, "control_config_changes") == i + 1);
		/* Counted, and read a moment later. */
		UNTIL(rte_eth_link_get_nowait(port, &link) == 0 &&
			link.link_speed == kinds[i].link_speed);
		assert_int_equal(link.link_duplex, kinds[i].link_duplex);
		assert_true(dump_says(port, kinds[i].dump));
	}
	port_end(port, &b, before);
}

static void
impossible_config_space_takes_the_features_that_need_it_away(void **state)
{
	static const struct {
		struct backend_config config;
		uint64_t lost, kept;
	} kinds[] = {
		{{.max_pairs = 0}, B_F_CTRL_VQ | B_F_RSS | B_F_MQ, B_F_MAC},
		{{.max_pairs = 0x8001}, B_F_CTRL_VQ | B_F_RSS | B_F_MQ, B_F_MAC},
		/* The control ring would be ring 256, and a message has 8 bits for it. */
		{{.max_pairs = 128}, B_F_CTRL_VQ | B_F_RSS, B_F_MAC},
		/* Nothing wrong; then one thing in each row: the key, the table, the types. */
		{{.max_pairs = 1, .key_max = 40, .table_max = 128, .hash_types = 1}, 0,
			B_F_RSS | B_F_CTRL_VQ},
		{{.max_pairs = 1, .key_max = 39, .table_max = 128, .hash_types = 1}, B_F_RSS,
			B_F_CTRL_VQ},
		{{.max_pairs = 1, .key_max = 40, .table_max = 0, .hash_types = 1}, B_F_RSS,
			B_F_CTRL_VQ},
		{{.max_pairs = 1, .key_max = 40, .table_max = 128, .hash_types = 0}, B_F_RSS,
			B_F_CTRL_VQ},
	};

	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(kinds); i++) {
		struct resources before = resources_now();
		uint16_t port;

		control_begin(&b, 1);
		b.config = kinds[i].config;
		b.config.mac[0] = 2;
		b.config.status = 1;
		b.config.mtu = 65535;
		backend_start(&b);
		port = port_add("wait=60");
		port_configure(port, one_pair);
		assert_int_equal(rte_eth_dev_start(port), 0);
		assert_true(port_up(port));
		assert_int_equal(b.acked & kinds[i].lost, 0);
		assert_int_equal(b.acked & kinds[i].kept, kinds[i].kept);
		assert_int_equal(port_send(port, 0, 1, 60), 1);
		port_end(port, &b, before);
	}
}

static void
wrong_bytes_of_config_space_are_an_error(void **state)
{
	static const enum backend_config_answer answers[] = {B_CONFIG_SHORT, B_CONFIG_ELSEWHERE};

	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(answers); i++) {
		struct resources before = resources_now();
		uint16_t port;

		control_begin(&b, 1);
		b.config_answer = answers[i];
		backend_start(&b);
		port = port_add("");
		UNTIL(port_xstat(port, "backend_errors") >= 2);
		pthread_mutex_lock(&b.lock);
		b.config_answer = B_CONFIG_RIGHT;
		pthread_mutex_unlock(&b.lock);
		port_configure(port, one_pair);
		assert_int_equal(rte_eth_dev_start(port), 0);
		UNTIL(port_up(port));
		port_end(port, &b, before);
	}
}

/* Frames that the port has sent so far: in the ring, from the first on. */
static unsigned int
sent_frames(uint8_t *frame, uint32_t *bytes)
{
	static struct fake_device d;
	static struct fake_chain chain;
	unsigned int n = 0;

	pthread_mutex_lock(&b.lock);
	backend_device(&b, 1, &d);
	while (fake_device_take(&d, &chain)) {
		*bytes = 0;
		for (uint32_t i = 0; i < chain.nb; i++) {
			memcpy(frame + *bytes,
				backend_at(&b, chain.parts[i].addr, chain.parts[i].len),
				chain.parts[i].len);
			*bytes += chain.parts[i].len;
		}
		n++;
	}
	pthread_mutex_unlock(&b.lock);
	return n;
}

static void
announcement_goes_out_before_the_next_burst_and_is_acknowledged(void **state)
{
	/* RARP request for its own address. RFC 903. */
	static const uint8_t rarp[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0x11, 0x22, 0x33,
		0x44, 0x55, 0x80, 0x35, 0, 1, 8, 0, 6, 4, 0, 3, 2, 0x11, 0x22, 0x33, 0x44, 0x55, 0,
		0, 0, 0, 2, 0x11, 0x22, 0x33, 0x44, 0x55};
	struct resources before = resources_now();
	uint8_t frame[4096];
	uint32_t bytes;
	uint16_t port;

	(void)state;
	COVERS("NET-DRV-054");
	COVERS("NET-DRV-055");
	for (int rx_intr = 0; rx_intr < 2; rx_intr++) {
		control_begin(&b, 1);
		port = control_start(
			&b, (struct port_shape){.rx = 1, .tx = 1, .rx_intr = rx_intr != 0});
		assert_int_equal(sent_frames(frame, &bytes), 0);
		assert_int_equal(backend_status(&b, 1 | 2), 0);
		UNTIL(port_xstat(port, "control_announces") == 1);
		/* Nobody polls yet: the ring is the polling thread's, and stays untouched. */
		assert_int_equal(sent_frames(frame, &bytes), 0);
		assert_int_equal(rte_eth_tx_burst(port, 0, NULL, 0), 0);
		assert_int_equal(sent_frames(frame, &bytes), 1);
		assert_true(bytes >= 12 + 60);
		assert_memory_equal(frame + 12, rarp, sizeof(rarp));
		UNTIL(backend_commands(&b, 3, 0, NULL) == 1);
		/* Once, and the usual burst is back. */
		assert_int_equal(port_send(port, 0, 2, 60), 2);
		assert_int_equal(sent_frames(frame, &bytes), 3);
		assert_int_equal(frame[12], 0x41);
		/* Some rounds of the control thread. */
		rte_delay_us_sleep(50 * 1000);
		assert_int_equal(port_xstat(port, "control_announces"), 1);
		assert_int_equal(backend_commands(&b, 3, 0, NULL), 1);
		port_end(port, &b, before);
	}
}

static void
announcement_of_a_port_that_sends_nothing_is_acknowledged_all_the_same(void **state)
{
	struct resources before = resources_now();
	uint8_t frame[4096];
	uint32_t bytes;
	uint16_t port;

	(void)state;
	COVERS("NET-DRV-055");
	control_begin(&b, 1);
	/* Asked for before the port is up. */
	b.config.status = 1 | 2;
	port = control_start(&b, one_pair);
	UNTIL(backend_commands(&b, 3, 0, NULL) == 1);
	assert_int_equal(port_xstat(port, "control_announces"), 1);
	assert_int_equal(port_send(port, 0, 1, 60), 1);
	assert_int_equal(sent_frames(frame, &bytes), 2);
	port_end(port, &b, before);
}

static void
dump_says_what_is_wanted_and_what_was_acknowledged(void **state)
{
	struct resources before = resources_now();
	uint16_t port;

	(void)state;
	control_begin(&b, 1);
	port = control_start(&b, one_pair);
	assert_int_equal(control_apply(port, &promisc_off), 0);
	assert_int_equal(
		control_apply(port, &(struct vnet_ctrl){.kind = VNET_CTRL_VLAN_ADD, .vlan = 5}), 0);
	assert_true(dump_says(port, "control ring: ring 2, "));
	assert_true(dump_says(port, "wanted: address 02:11:22:33:44:55, all-multicast, 1 VLANs, 1 "
				    "queue pairs"));
	assert_true(dump_says(port, "acknowledged: address 02:11:22:33:44:55, all-multicast, 1 "
				    "VLANs, 1 queue pairs, receive offloads GUEST_CSUM"));
	backend_stop(&b);
	UNTIL(!port_up(port));
	assert_true(dump_says(port, "control ring: none"));
	control_begin(&b, 1);
	b.features &= ~B_F_CTRL_VQ;
	backend_start(&b);
	UNTIL(port_up(port));
	assert_true(dump_says(port, "control ring: none, the backend serves none"));
	assert_true(dump_says(port, "not granted: backend has no receive filter"));
	port_end(port, &b, before);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		UNIT(port_takes_the_address_of_its_first_device),
		UNIT(address_given_by_argument_is_told_to_the_device),
		UNIT(without_the_feature_the_address_is_a_local_one),
		UNIT(mtu_above_the_device_is_refused),
		UNIT(port_that_is_configured_after_its_device_came_keeps_to_its_mtu),
		UNIT(link_follows_the_status_of_the_device),
		UNIT(speed_and_duplex_are_those_of_the_device),
		UNIT(impossible_config_space_takes_the_features_that_need_it_away),
		UNIT(wrong_bytes_of_config_space_are_an_error),
		UNIT(announcement_goes_out_before_the_next_burst_and_is_acknowledged),
		UNIT(announcement_of_a_port_that_sends_nothing_is_acknowledged_all_the_same),
		UNIT(dump_says_what_is_wanted_and_what_was_acknowledged),
	};

	fixture_start();
	return fixture_end(RUN_UNITS("pmd_config", tests));
}
