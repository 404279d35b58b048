/* SPDX-License-Identifier: BSD-3-Clause */
/* The VLAN filter of the device, and that of the driver behind it. VIRTIO 1.3, 5.1.6.5.3. */
#include "control.h"
#include "rx_frames.h"
#include "support/frame.h"

#include <errno.h>
#include <string.h>

#define FILTER RTE_ETH_RX_OFFLOAD_VLAN_FILTER
#define TAG5 FRAME_MACS "8100 6005 0800 4500 0000 0001 0000 4006 0000 c0a80001 c0a80002 "
#define PLAIN FRAME_MACS "0800 4500 0000 0001 0000 4006 0000 c0a80001 c0a80002 "

static uint64_t device[64]; /* the table that the backend has, by the commands it saw */
static bool bad;

/* Keeps the table as a device does. */
static int
keep(struct backend *backend, const uint8_t *bytes, uint32_t nb)
{
	unsigned int id = bytes[2] | (unsigned int)bytes[3] << 8;
	uint64_t bit = UINT64_C(1) << id % 64;

	(void)backend;
	if (bytes[0] != 2)
		return 0;
	if (nb != 4 || id > 4095) {
		bad = true;
		return 1;
	}
	if (bytes[1] == 0)
		device[id / 64] |= bit;
	else
		device[id / 64] &= ~bit;
	return 0;
}

static int
refuse(struct backend *backend, const uint8_t *bytes, uint32_t nb)
{
	(void)backend;
	(void)nb;
	return bytes[0] == 2;
}

static int
refuse_some(struct backend *backend, const uint8_t *bytes, uint32_t nb)
{
	return bytes[0] == 2 && bytes[2] % 64 > 60 ? 1 : keep(backend, bytes, nb);
}

static unsigned int
device_has(void)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < RTE_DIM(device); i++)
		n += (unsigned int)__builtin_popcountll(device[i]);
	return n;
}

static bool
has(unsigned int id)
{
	return device[id / 64] >> id % 64 & 1;
}

static uint16_t
begin(uint64_t offloads)
{
	memset(device, 0, sizeof(device));
	return rx_begin(B_F_HASH_REPORT, 0, offloads, 0, pool, "");
}

/* Does a frame with number 5 come through? */
static bool
passes(uint16_t port, const char *headers)
{
	static const uint8_t none[HDR];
	struct rte_mbuf *m;

	assert_true(rx_deliver(none, rx_build(headers, 30)));
	if (rte_eth_rx_burst(port, 0, &m, 1) == 0)
		return false;
	rte_pktmbuf_free(m);
	return true;
}

static void
device_filters_for_a_port_that_starts_with_the_filter_on(void **state)
{
	struct resources before = resources_now();
	uint16_t port;

	(void)state;
	COVERS("VLAN-008");
	port = begin(FILTER);
	assert_true(rb.acked & B_F_CTRL_VLAN);
	assert_int_equal(backend_commands(&rb, 2, 0, NULL), 0);
	rb.answer = keep;
	assert_int_equal(rte_eth_dev_vlan_filter(port, 5, 1), 0);
	assert_int_equal(rte_eth_dev_vlan_filter(port, 4095, 1), 0);
	assert_int_equal(rte_eth_dev_vlan_filter(port, 0, 1), 0);
	assert_true(has(5) && has(4095) && has(0));
	assert_int_equal(rte_eth_dev_vlan_filter(port, 0, 0), 0);
	assert_int_equal(rte_eth_dev_vlan_filter(port, 5, 1), 0);
	assert_int_equal(device_has(), 2);
	assert_int_equal(backend_commands(&rb, 2, 0, NULL), 3);
	assert_true(passes(port, TAG5));
	/* The table outlives a restart. */
	assert_int_equal(rte_eth_dev_stop(port), 0);
	assert_int_equal(rte_eth_dev_vlan_filter(port, 4095, 0), 0);
	memset(device, 0, sizeof(device));
	assert_int_equal(rte_eth_dev_start(port), 0);
	UNTIL(port_up(port));
	assert_int_equal(device_has(), 1);
	assert_true(has(5));
	assert_false(bad);
	port_end(port, &rb, before);
}

static void
filter_that_is_switched_off_lets_all_numbers_through_and_back_on_only_its_own(void **state)
{
	struct resources before = resources_now();
	uint16_t port = begin(FILTER);

	(void)state;
	rb.answer = keep;
	assert_int_equal(rte_eth_dev_vlan_filter(port, 7, 1), 0);
	assert_false(passes(port, TAG5));
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(rte_eth_dev_set_vlan_offload(port, 0), 0);
		assert_int_equal(device_has(), 4096);
		assert_true(passes(port, TAG5));
		assert_int_equal(
			rte_eth_dev_set_vlan_offload(port, RTE_ETH_VLAN_FILTER_OFFLOAD), 0);
		assert_int_equal(device_has(), 1);
		assert_true(has(7));
		assert_false(passes(port, TAG5));
		assert_true(passes(port, PLAIN));
	}
	assert_int_equal(rte_eth_dev_set_vlan_offload(port, 0), 0);
	/* At the next start there is no filter to let anything through. */
	assert_int_equal(rte_eth_dev_stop(port), 0);
	assert_int_equal(rte_eth_dev_start(port), 0);
	UNTIL(port_up(port));
	assert_false(rb.acked & B_F_CTRL_VLAN);
	assert_false(bad);
	port_end(port, &rb, before);
}

static void
filter_that_is_switched_on_while_the_port_runs_is_the_drivers(void **state)
{
	struct resources before = resources_now();
	uint16_t port = begin(0);

	(void)state;
	assert_false(rb.acked & B_F_CTRL_VLAN);
	assert_true(passes(port, TAG5));
	assert_int_equal(rte_eth_dev_set_vlan_offload(port, RTE_ETH_VLAN_FILTER_OFFLOAD), 0);
	assert_false(passes(port, TAG5));
	assert_int_equal(rte_eth_dev_vlan_filter(port, 5, 1), 0);
	assert_true(passes(port, TAG5));
	assert_int_equal(backend_commands(&rb, 2, 0, NULL), 0);
	/* The next backend is asked to do it. */
	backend_stop(&rb);
	UNTIL(!port_up(port));
	backend_begin(&rb);
	backend_control(&rb, 1);
	rb.answer = keep;
	backend_start(&rb);
	UNTIL(port_up(port));
	assert_true(rb.acked & B_F_CTRL_VLAN);
	assert_int_equal(device_has(), 1);
	assert_true(has(5));
	port_end(port, &rb, before);
}

static void
number_that_the_device_refuses_is_no_number_of_the_port(void **state)
{
	struct resources before = resources_now();
	uint16_t port = begin(FILTER);

	(void)state;
	rb.answer = refuse;
	assert_int_equal(rte_eth_dev_vlan_filter(port, 5, 1), -EIO);
	assert_false(passes(port, TAG5));
	/* Nor can the filter be switched off. */
	assert_int_equal(rte_eth_dev_set_vlan_offload(port, 0), -EIO);
	assert_int_equal(rte_eth_dev_get_vlan_offload(port), RTE_ETH_VLAN_FILTER_OFFLOAD);
	assert_false(passes(port, TAG5));
	rb.answer = keep;
	assert_int_equal(rte_eth_dev_vlan_filter(port, 5, 1), 0);
	assert_true(passes(port, TAG5));
	port_end(port, &rb, before);
}

static void
numbers_that_the_device_refuses_among_others_are_asked_for_again(void **state)
{
	struct resources before = resources_now();
	uint16_t port = begin(FILTER);

	(void)state;
	rb.answer = refuse_some;
	assert_int_equal(rte_eth_dev_vlan_filter(port, 5, 1), 0);
	assert_int_equal(rte_eth_dev_set_vlan_offload(port, 0), -EIO);
	assert_int_equal(rte_eth_dev_get_vlan_offload(port), RTE_ETH_VLAN_FILTER_OFFLOAD);
	assert_int_equal(device_has(), 61);
	assert_true(passes(port, TAG5));
	assert_int_equal(rte_eth_dev_vlan_filter(port, 5, 0), 0);
	assert_false(passes(port, TAG5));
	rb.answer = keep;
	assert_int_equal(rte_eth_dev_set_vlan_offload(port, 0), 0);
	assert_int_equal(device_has(), 4096);
	assert_true(passes(port, TAG5));
	assert_false(bad);
	port_end(port, &rb, before);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		UNIT(device_filters_for_a_port_that_starts_with_the_filter_on),
		UNIT(filter_that_is_switched_off_lets_all_numbers_through_and_back_on_only_its_own),
		UNIT(filter_that_is_switched_on_while_the_port_runs_is_the_drivers),
		UNIT(number_that_the_device_refuses_is_no_number_of_the_port),
		UNIT(numbers_that_the_device_refuses_among_others_are_asked_for_again),
	};

	fixture_start();
	return fixture_end(RUN_UNITS("pmd_vlan_filter", tests));
}
