/* SPDX-License-Identifier: BSD-3-Clause */
/* Receive modes and addresses: what each operation of ethdev sends, and what is told when it
 * cannot. */
#include "control.h"

#include <errno.h>
#include <string.h>

static struct backend b;
static struct backend_command last;

static uint16_t
start(uint64_t without)
{
	uint16_t port;

	backend_begin(&b);
	backend_control(&b, 4);
	b.features &= ~without;
	backend_start(&b);
	port = port_add("wait=60,mac=02:00:00:00:00:09");
	port_configure(port, (struct port_shape){.rx = 1, .tx = 1});
	assert_int_equal(rte_eth_dev_start(port), 0);
	assert_true(port_up(port));
	return port;
}

/* The last command of this kind has these bytes behind class and command. */
static void
assert_last(uint8_t class, uint8_t command, const void *data, uint32_t nb)
{
	assert_int_not_equal(backend_commands(&b, class, command, &last), 0);
	assert_int_equal(last.nb, 2 + nb);
	assert_memory_equal(last.bytes + 2, data, nb);
}

static struct rte_ether_addr
mac(unsigned int i)
{
	return (struct rte_ether_addr){{0x02, 0, 0, 0, 1, (uint8_t)i}};
}

static struct rte_ether_addr
group(unsigned int i)
{
	return (struct rte_ether_addr){{0x01, 0, 0x5e, 0, 0, (uint8_t)i}};
}

/* MAC_TABLE_SET of nb unicast addresses of mac(), from first on, and of group() likewise. */
static void
assert_table(unsigned int first, unsigned int nb, unsigned int first_group, unsigned int nb_groups)
{
	uint8_t data[8 + 256 * 6] = {(uint8_t)nb};
	uint32_t at = 4;

	for (unsigned int i = 0; i < nb; i++, at += 6)
		memcpy(data + at, mac(first + i).addr_bytes, 6);
	data[at] = (uint8_t)nb_groups;
	at += 4;
	for (unsigned int i = 0; i < nb_groups; i++, at += 6)
		memcpy(data + at, group(first_group + i).addr_bytes, 6);
	assert_last(1, 0, data, at);
}

static int
add(uint16_t port, struct rte_ether_addr addr)
{
	return rte_eth_dev_mac_addr_add(port, &addr, 0);
}

static void
remove_addr(uint16_t port, struct rte_ether_addr addr)
{
	assert_int_equal(rte_eth_dev_mac_addr_remove(port, &addr), 0);
}

static const struct {
	int (*enable)(uint16_t port);
	int (*disable)(uint16_t port);
	int (*get)(uint16_t port);
	uint8_t command;
} modes[] = {
	{rte_eth_promiscuous_enable, rte_eth_promiscuous_disable, rte_eth_promiscuous_get, 0},
	{rte_eth_allmulticast_enable, rte_eth_allmulticast_disable, rte_eth_allmulticast_get, 1},
};

static void
receive_modes_are_on_until_they_are_switched_off(void **state)
{
	struct resources before = resources_now();
	uint16_t port = start(0);

	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(modes); i++) {
		unsigned int sent = b.nb_commands;

		assert_int_equal(modes[i].get(port), 1);
		assert_int_equal(backend_commands(&b, 0, modes[i].command, NULL), 1);
		assert_last(0, modes[i].command, "\1", 1);
		assert_int_equal(modes[i].disable(port), 0);
		assert_last(0, modes[i].command, "", 1);
		assert_int_equal(modes[i].get(port), 0);
		assert_int_equal(modes[i].disable(port), 0);
		assert_int_equal(modes[i].enable(port), 0);
		assert_last(0, modes[i].command, "\1", 1);
		assert_int_equal(modes[i].disable(port), 0);
		assert_int_equal(b.nb_commands, sent + 3);
	}
	/* A device that was reset has them off already. */
	for (unsigned int i = 0; i < 2; i++) {
		unsigned int sent = b.nb_commands;

		assert_int_equal(rte_eth_dev_stop(port), 0);
		assert_int_equal(rte_eth_dev_start(port), 0);
		assert_true(port_up(port));
		assert_int_equal(b.nb_commands, sent + 1);
		assert_last(1, 1, "\2\0\0\0\0\x9", 6);
	}
	port_end(port, &b, before);
}

static void
backend_without_receive_filter_has_all_modes_on_for_ever(void **state)
{
	static const uint64_t without[] = {B_F_CTRL_RX | B_F_CTRL_MAC_ADDR, B_F_CTRL_VQ};

	(void)state;
	COVERS("NET-DRV-048");
	for (unsigned int w = 0; w < RTE_DIM(without); w++) {
		struct resources before = resources_now();
		uint16_t port = start(without[w]);

		for (unsigned int i = 0; i < RTE_DIM(modes); i++) {
			assert_int_equal(modes[i].enable(port), 0);
			assert_int_equal(modes[i].disable(port), -ENOTSUP);
			assert_int_equal(modes[i].get(port), 1);
		}
		assert_int_equal(rte_eth_dev_stop(port), 0);
		assert_int_equal(modes[0].disable(port), -ENOTSUP);
		assert_int_equal(backend_commands(&b, 0, 0, NULL), 0);
		port_end(port, &b, before);
	}
}

static int
refuse_all(struct backend *backend, const uint8_t *bytes, uint32_t nb)
{
	(void)backend;
	(void)bytes;
	(void)nb;
	return 1;
}

static void
refusal_of_the_backend_is_told_and_leaves_everything_as_it_was(void **state)
{
	struct resources before = resources_now();
	struct rte_ether_addr list[2] = {group(1), group(2)};
	struct rte_ether_addr now;
	struct rte_ether_addr other = mac(9);
	uint16_t port = start(0);

	(void)state;
	assert_int_equal(add(port, mac(1)), 0);
	b.answer = refuse_all;
	assert_int_equal(rte_eth_promiscuous_disable(port), -EIO);
	assert_int_equal(rte_eth_promiscuous_get(port), 1);
	assert_int_equal(add(port, mac(2)), -EIO);
	assert_int_equal(rte_eth_dev_set_mc_addr_list(port, list, 2), -EIO);
	assert_int_equal(rte_eth_dev_default_mac_addr_set(port, &other), -EIO);
	assert_int_equal(rte_eth_macaddr_get(port, &now), 0);
	assert_int_equal(now.addr_bytes[5], 9);
	assert_int_equal(now.addr_bytes[4], 0);
	/* A backend that refuses everything at a start is said so, and served. */
	assert_int_equal(rte_eth_dev_stop(port), 0);
	assert_int_equal(rte_eth_dev_start(port), 0);
	assert_true(port_up(port));
	assert_non_null(strstr(log_text(), "backend refused 'promiscuous'"));
	b.answer = NULL;
	assert_int_equal(add(port, mac(2)), 0);
	assert_table(1, 2, 0, 0);
	port_end(port, &b, before);
}

static int
refuse_table(struct backend *backend, const uint8_t *bytes, uint32_t nb)
{
	(void)backend;
	(void)nb;
	return bytes[0] == 1 && bytes[1] == 0;
}

static void
address_that_was_refused_is_not_told_to_the_next_backend(void **state)
{
	static const uint8_t mine[] = {2, 0, 0, 0, 0, 9};
	struct resources before = resources_now();
	struct rte_ether_addr other = mac(9);
	uint16_t port = start(B_F_CTRL_MAC_ADDR);

	(void)state;
	b.answer = refuse_table;
	assert_int_equal(rte_eth_dev_default_mac_addr_set(port, &other), -EIO);
	backend_stop(&b);
	UNTIL(!port_up(port));
	backend_begin(&b);
	backend_control(&b, 4);
	backend_start(&b);
	UNTIL(port_up(port));
	assert_last(1, 1, mine, sizeof(mine));
	port_end(port, &b, before);
}

static void
addresses_become_the_table_of_the_standard(void **state)
{
	struct resources before = resources_now();
	struct rte_ether_addr more = mac(64);
	unsigned int sent;
	uint16_t port = start(0);

	(void)state;
	COVERS("NET-DRV-050");
	COVERS("NET-DRV-052");
	COVERS("NET-DRV-053");
	assert_int_equal(backend_commands(&b, 1, 0, NULL), 0);
	for (unsigned int i = 1; i < 64; i++) {
		assert_int_equal(add(port, mac(i)), 0);
		assert_table(1, i, 0, 0);
	}
	/* Its own address is one of the 64. */
	assert_int_equal(add(port, more), -ENOSPC);
	sent = b.nb_commands;
	assert_int_equal(add(port, mac(5)), 0);
	assert_int_equal(b.nb_commands, sent);
	remove_addr(port, mac(1));
	assert_table(2, 62, 0, 0);
	remove_addr(port, mac(63));
	assert_table(2, 61, 0, 0);
	/* A group among them goes to the other half. */
	assert_int_equal(add(port, group(7)), 0);
	assert_table(2, 61, 7, 1);
	/* All of it is told again at a start, once. */
	sent = b.nb_commands;
	assert_int_equal(rte_eth_dev_stop(port), 0);
	remove_addr(port, mac(2));
	assert_int_equal(rte_eth_dev_start(port), 0);
	/* The table, its own address, both modes. */
	assert_int_equal(b.nb_commands, sent + 4);
	assert_table(3, 60, 7, 1);
	for (unsigned int i = 3; i < 63; i++)
		remove_addr(port, mac(i));
	remove_addr(port, group(7));
	assert_table(0, 0, 0, 0);
	assert_int_equal(rte_eth_dev_mac_addr_add(port, &more, 1), -EINVAL);
	port_end(port, &b, before);
}

static void
multicast_list_replaces_the_last_one_beside_what_was_added(void **state)
{
	struct resources before = resources_now();
	struct rte_ether_addr list[256];
	struct rte_ether_addr wrong[2] = {group(1), mac(1)};
	uint16_t port = start(0);

	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(list); i++)
		list[i] = group(i);
	assert_int_equal(rte_eth_dev_set_mc_addr_list(port, list, 3), 0);
	assert_table(0, 0, 0, 3);
	assert_int_equal(rte_eth_dev_set_mc_addr_list(port, list + 2, 10), 0);
	assert_table(0, 0, 2, 10);
	assert_int_equal(add(port, mac(1)), 0);
	assert_int_equal(add(port, group(1)), 0);
	assert_table(1, 1, 1, 11);
	assert_int_equal(rte_eth_dev_set_mc_addr_list(port, list, 193), -ENOSPC);
	assert_int_equal(rte_eth_dev_set_mc_addr_list(port, wrong, 2), -EINVAL);
	assert_int_equal(rte_eth_dev_stop(port), 0);
	assert_int_equal(rte_eth_dev_start(port), 0);
	assert_table(1, 1, 1, 11);
	remove_addr(port, group(1));
	assert_int_equal(rte_eth_dev_set_mc_addr_list(port, list, 192), 0);
	assert_table(1, 1, 0, 192);
	assert_int_equal(rte_eth_dev_set_mc_addr_list(port, NULL, 0), 0);
	assert_table(1, 1, 0, 0);
	port_end(port, &b, before);
}

static void
own_address_goes_by_its_command_or_by_the_table(void **state)
{
	struct resources before = resources_now();
	struct rte_ether_addr other = mac(1);
	uint16_t port = start(0);

	(void)state;
	COVERS("NET-DRV-051");
	/* Config space has another one. */
	assert_last(1, 1, "\2\0\0\0\0\x9", 6);
	assert_int_equal(rte_eth_dev_default_mac_addr_set(port, &other), 0);
	assert_last(1, 1, other.addr_bytes, 6);
	assert_int_equal(backend_commands(&b, 1, 0, NULL), 0);
	port_end(port, &b, before);

	port = start(B_F_CTRL_MAC_ADDR);
	assert_last(1, 0, "\1\0\0\0\2\0\0\0\0\x9\0\0\0\0", 14);
	assert_int_equal(rte_eth_dev_default_mac_addr_set(port, &other), 0);
	assert_table(1, 1, 0, 0);
	assert_int_equal(add(port, mac(2)), 0);
	assert_table(1, 2, 0, 0);
	assert_int_equal(backend_commands(&b, 1, 1, NULL), 0);
	port_end(port, &b, before);
}

static void
backend_without_filters_takes_any_address_and_the_next_one_is_told(void **state)
{
	struct resources before = resources_now();
	struct rte_ether_addr list[1] = {group(1)};
	struct rte_ether_addr other = mac(1);
	uint16_t port = start(B_F_CTRL_VQ);

	(void)state;
	assert_int_equal(add(port, mac(2)), 0);
	assert_int_equal(add(port, mac(3)), 0);
	remove_addr(port, mac(2));
	assert_int_equal(rte_eth_dev_set_mc_addr_list(port, list, 1), 0);
	assert_int_equal(rte_eth_dev_default_mac_addr_set(port, &other), 0);
	assert_int_equal(b.nb_commands, 0);
	backend_stop(&b);
	UNTIL(!port_up(port));
	backend_begin(&b);
	backend_control(&b, 4);
	backend_start(&b);
	UNTIL(port_up(port));
	assert_table(3, 1, 1, 1);
	assert_last(1, 1, other.addr_bytes, 6);
	port_end(port, &b, before);
}

static void
reset_makes_a_port_as_it_was_after_probe(void **state)
{
	struct resources before = resources_now();
	struct rte_ether_addr list[1] = {group(1)};
	unsigned int sent;
	uint16_t port = start(0);

	(void)state;
	assert_int_equal(add(port, mac(2)), 0);
	assert_int_equal(rte_eth_dev_set_mc_addr_list(port, list, 1), 0);
	assert_int_equal(rte_eth_promiscuous_disable(port), 0);
	assert_int_equal(rte_eth_dev_set_link_down(port), 0);
	assert_int_equal(rte_eth_dev_reset(port), 0);
	assert_false(port_up(port));
	assert_int_equal(rte_eth_promiscuous_get(port), 1);
	/* The device, too: it sees a new connection. */
	UNTIL(b.connections == 2);
	sent = b.nb_commands;
	port_configure(port, (struct port_shape){.rx = 1, .tx = 1});
	assert_int_equal(rte_eth_dev_start(port), 0);
	UNTIL(port_up(port));
	assert_int_equal(b.nb_commands, sent + 3);
	assert_last(0, 0, "\1", 1);
	assert_int_equal(backend_commands(&b, 1, 0, NULL), 2);
	assert_int_equal(add(port, mac(2)), 0);
	assert_table(2, 1, 0, 0);
	port_end(port, &b, before);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		UNIT(receive_modes_are_on_until_they_are_switched_off),
		UNIT(backend_without_receive_filter_has_all_modes_on_for_ever),
		UNIT(refusal_of_the_backend_is_told_and_leaves_everything_as_it_was),
		UNIT(address_that_was_refused_is_not_told_to_the_next_backend),
		UNIT(addresses_become_the_table_of_the_standard),
		UNIT(multicast_list_replaces_the_last_one_beside_what_was_added),
		UNIT(own_address_goes_by_its_command_or_by_the_table),
		UNIT(backend_without_filters_takes_any_address_and_the_next_one_is_told),
		UNIT(reset_makes_a_port_as_it_was_after_probe),
	};

	fixture_start();
	return fixture_end(RUN_UNITS("pmd_filter", tests));
}
