/* SPDX-License-Identifier: BSD-3-Clause */
/* Devices that do not answer control commands, answer with garbage, or lack something. */
#include "control.h"

#include <rte_cycles.h>
#include <rte_ethdev.h>

#include <errno.h>
#include <string.h>

static struct backend b;
static struct backend_command last;

static const struct port_shape two_pairs = {.rx = 2, .tx = 2};

static int ack; /* what scripted() answers to PROMISC 0, or to all */

/* Only what the tests send is answered by the script, not the replay. */
static int
scripted(struct backend *backend, const uint8_t *bytes, uint32_t nb)
{
	(void)backend;
	(void)nb;
	return bytes[0] == 0 && bytes[1] == 0 && bytes[2] == 0 ? ack : 0;
}

static int
always(struct backend *backend, const uint8_t *bytes, uint32_t nb)
{
	(void)backend;
	(void)bytes;
	(void)nb;
	return ack;
}

static void
mute_device_is_given_up_and_the_port_works_on(void **state)
{
	struct resources before = resources_now();
	struct vnet_ctrl_state then, now;
	uint16_t port;

	(void)state;
	control_begin(&b, 4);
	port = control_start(&b, two_pairs);
	then = control_wanted(port);
	pthread_mutex_lock(&b.lock);
	ack = B_ACK_MUTE;
	b.answer = scripted;
	pthread_mutex_unlock(&b.lock);
	assert_int_equal(control_apply(port, &promisc_off), -ETIMEDOUT);
	now = control_wanted(port);
	assert_true(vnet_ctrl_state_equal(&now, &then));
	assert_non_null(
		strstr(log_text(), "backend is mute: no answer to control command 'promiscuous'"));
	assert_int_equal(port_xstat(port, "control_timeouts"), 1);
	/* It comes back by itself, with the wishes as they were. */
	UNTIL(port_xstat(port, "backend_running") == 2);
	UNTIL(port_up(port));
	assert_true(control_ready(port));
	assert_int_equal(b.connections, 2);
	assert_int_equal(port_send(port, 1, 3, 60), 3);
	pthread_mutex_lock(&b.lock);
	ack = 0;
	pthread_mutex_unlock(&b.lock);
	assert_int_equal(control_apply(port, &promisc_off), 0);
	port_end(port, &b, before);
}

static void
device_that_never_answers_keeps_the_link_down_and_start_comes_back(void **state)
{
	struct resources before = resources_now();
	uint16_t port;

	(void)state;
	control_begin(&b, 4);
	ack = B_ACK_MUTE;
	b.answer = always;
	backend_start(&b);
	port = port_add("queues=2,wait=60");
	port_configure(port, two_pairs);
	assert_int_equal(rte_eth_dev_start(port), 0);
	assert_false(port_up(port));
	UNTIL(port_xstat(port, "control_timeouts") >= 3);
	/* Not one data ring was ever enabled. */
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(backend_first(&b, B_SET_VRING_ENABLE, i), -1);
	pthread_mutex_lock(&b.lock);
	ack = 0;
	pthread_mutex_unlock(&b.lock);
	UNTIL(port_up(port));
	port_end(port, &b, before);
}

/* One answer each just in time would take minutes. */
static void
device_that_takes_its_time_is_given_up_when_the_time_for_all_is_over(void **state)
{
	const uint32_t replay_ms = pmd_ctrl_replay_ms;
	struct resources before = resources_now();
	uint64_t began;
	uint16_t port;

	(void)state;
	control_begin(&b, 4);
	port = control_start(&b, two_pairs);
	assert_int_equal(rte_eth_dev_stop(port), 0);
	pmd_ctrl_replay_ms = 30;
	pthread_mutex_lock(&b.lock);
	b.answer_ms = 20;
	pthread_mutex_unlock(&b.lock);
	began = pmd_now_ms();
	assert_int_equal(rte_eth_dev_start(port), 0);
	assert_true(pmd_now_ms() - began < 4000);
	assert_false(port_up(port));
	assert_int_not_equal(port_xstat(port, "control_timeouts"), 0);
	pmd_ctrl_replay_ms = replay_ms;
	pthread_mutex_lock(&b.lock);
	b.answer_ms = 0;
	pthread_mutex_unlock(&b.lock);
	UNTIL(port_up(port));
	port_end(port, &b, before);
}

static void
garbage_instead_of_an_answer_is_an_error_and_the_device_is_tried_again(void **state)
{
	static const int acks[] = {2, 0x7f, 0xff, B_ACK_NO_LENGTH};

	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(acks); i++) {
		struct resources before = resources_now();
		struct vnet_ctrl_state then, now;
		uint16_t port;

		control_begin(&b, 4);
		port = control_start(&b, two_pairs);
		then = control_wanted(port);
		pthread_mutex_lock(&b.lock);
		ack = acks[i];
		b.answer = scripted;
		pthread_mutex_unlock(&b.lock);
		assert_int_equal(control_apply(port, &promisc_off), -EIO);
		now = control_wanted(port);
		assert_true(vnet_ctrl_state_equal(&now, &then));
		assert_non_null(strstr(log_text(), "backend sent garbage instead of an answer"));
		UNTIL(port_xstat(port, "backend_running") == 2 && port_up(port));
		assert_int_equal(port_xstat(port, "backend_errors"), 1);
		port_end(port, &b, before);
	}
}

static int resets;

static int
on_reset(uint16_t port, enum rte_eth_event_type type, void *arg, void *ret)
{
	(void)port;
	(void)type;
	(void)arg;
	(void)ret;
	__atomic_fetch_add(&resets, 1, __ATOMIC_SEQ_CST);
	return 0;
}

static void
device_that_breaks_the_control_ring_is_sent_away_until_the_port_restarts(void **state)
{
	static const int acks[] = {B_ACK_WRONG_ID, B_ACK_TWICE, B_ACK_INDEX, B_ACK_LONG};

	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(acks); i++) {
		struct resources before = resources_now();
		uint16_t port;
		int ret;

		control_begin(&b, 4);
		port = control_start(&b, two_pairs);
		resets = 0;
		assert_int_equal(rte_eth_dev_callback_register(
					 port, RTE_ETH_EVENT_INTR_RESET, on_reset, NULL),
			0);
		pthread_mutex_lock(&b.lock);
		ack = acks[i];
		b.answer = scripted;
		pthread_mutex_unlock(&b.lock);
		ret = control_apply(port, &promisc_off);
		/* An id that was used before its time is met by the next command. */
		if (acks[i] == B_ACK_TWICE && ret == 0)
			ret = control_apply(port, &promisc_on);
		assert_int_equal(ret, -EIO);
		UNTIL(!port_up(port));
		UNTIL(__atomic_load_n(&resets, __ATOMIC_SEQ_CST) == 1);
		UNTIL(!b.connected);
		assert_non_null(strstr(log_text(), "backend broke the ring of control queue 0"));
		assert_int_equal(port_xstat(port, "backend_ring_faults"), 1);
		assert_int_equal(b.connections, 1);
		pthread_mutex_lock(&b.lock);
		ack = 0;
		pthread_mutex_unlock(&b.lock);
		assert_int_equal(rte_eth_dev_callback_unregister(
					 port, RTE_ETH_EVENT_INTR_RESET, on_reset, NULL),
			0);
		assert_int_equal(rte_eth_dev_stop(port), 0);
		assert_int_equal(rte_eth_dev_start(port), 0);
		UNTIL(port_up(port));
		assert_true(control_ready(port));
		port_end(port, &b, before);
	}
}

static void
ring_that_breaks_before_the_port_is_up_is_a_fault_as_well(void **state)
{
	struct resources before = resources_now();
	uint16_t port;

	(void)state;
	control_begin(&b, 4);
	ack = B_ACK_WRONG_ID;
	b.answer = always;
	backend_start(&b);
	port = port_add("queues=2,wait=60");
	port_configure(port, two_pairs);
	assert_int_equal(rte_eth_dev_start(port), 0);
	UNTIL(port_xstat(port, "backend_ring_faults") == 1);
	assert_false(port_up(port));
	assert_int_equal(b.connections, 1);
	assert_int_equal(rte_eth_dev_stop(port), 0);
	pthread_mutex_lock(&b.lock);
	ack = 0;
	pthread_mutex_unlock(&b.lock);
	assert_int_equal(rte_eth_dev_start(port), 0);
	UNTIL(port_up(port));
	port_end(port, &b, before);
}

static void
device_that_dies_in_the_middle_of_a_command_is_replayed_the_wish(void **state)
{
	struct resources before = resources_now();
	uint16_t port;

	(void)state;
	control_begin(&b, 4);
	port = control_start(&b, two_pairs);
	pthread_mutex_lock(&b.lock);
	ack = B_ACK_HANG_UP;
	b.answer = scripted;
	pthread_mutex_unlock(&b.lock);
	/* Nobody refused it: it is a wish for the device to come. */
	assert_int_equal(control_apply(port, &promisc_off), 0);
	assert_int_equal(control_wanted(port).modes, VNET_CTRL_MODE(ALLMULTI));
	backend_stop(&b);
	UNTIL(!port_up(port));
	assert_int_equal(
		control_apply(port, &(struct vnet_ctrl){.kind = VNET_CTRL_VLAN_ADD, .vlan = 5}), 0);

	control_begin(&b, 4);
	backend_start(&b);
	UNTIL(port_up(port));
	assert_int_equal(backend_commands(&b, 0, 0, NULL), 0);
	assert_int_equal(backend_commands(&b, 2, 0, NULL), 1);
	/* The driver may have come back once before the backend was stopped. */
	assert_in_range(port_xstat(port, "backend_hang_ups"), 1, 2);
	port_end(port, &b, before);
}

/* The ring that the last device had, as it may still write to it. */
static void
answer_late(const struct pmd_ctrl_ring *r)
{
	const uint16_t idx = (uint16_t)(r->ring.vq.used->idx + 1);

	r->command->ack = 0;
	for (unsigned int i = 0; i < r->ring.size; i++)
		r->ring.vq.used->ring[i] = (struct virtq_used_elem){.id = r->q.avail_idx, .len = 1};
	__atomic_store_n(&r->ring.vq.used->idx, idx, __ATOMIC_RELEASE);
}

static void
late_answer_is_not_taken_for_that_to_another_command(void **state)
{
	struct resources before = resources_now();
	const struct pmd_ctrl_ring *old;
	uint16_t port;

	(void)state;
	control_begin(&b, 4);
	port = control_start(&b, two_pairs);
	old = &control_port(port)->ctrl.rings[control_port(port)->ctrl.current];
	pthread_mutex_lock(&b.lock);
	ack = B_ACK_MUTE;
	b.answer = scripted;
	pthread_mutex_unlock(&b.lock);
	assert_int_equal(control_apply(port, &promisc_off), -ETIMEDOUT);
	UNTIL(port_xstat(port, "backend_running") == 2 && port_up(port));
	assert_ptr_not_equal(
		old, &control_port(port)->ctrl.rings[control_port(port)->ctrl.current]);
	answer_late(old);
	/* Mute again: what the first one says now is no answer. */
	assert_int_equal(control_apply(port, &promisc_off), -ETIMEDOUT);
	UNTIL(port_xstat(port, "backend_running") == 3 && port_up(port));
	port_end(port, &b, before);
}

static int
refuse_rss_and_modes(struct backend *backend, const uint8_t *bytes, uint32_t nb)
{
	(void)backend;
	(void)nb;
	return bytes[0] == 0 || (bytes[0] == 4 && bytes[1] == 1);
}

static const struct vnet_ctrl rss = {.kind = VNET_CTRL_RSS,
	.rss = {.hash_types = 0x3f,
		.table_mask = 127,
		.max_tx_vq = 2,
		.key_length = 40,
		.table = {1, 1, 1, 1}}};

static void
what_a_replay_is_refused_is_said_and_left_out(void **state)
{
	struct resources before = resources_now();
	uint16_t port;

	(void)state;
	COVERS("NET-DRV-061");
	control_begin(&b, 4);
	port = control_start(&b, two_pairs);
	assert_int_equal(control_apply(port, &rss), 0);
	backend_stop(&b);
	UNTIL(!port_up(port));

	control_begin(&b, 4);
	b.answer = refuse_rss_and_modes;
	backend_start(&b);
	UNTIL(port_up(port));
	assert_non_null(strstr(log_text(), "backend refused 'promiscuous'; backend refused "
					   "'all-multicast'; backend refused 'RSS configuration'"));
	/* Pairs instead, so that both queues get something. */
	assert_int_equal(backend_commands(&b, 4, 1, NULL), 1);
	assert_int_equal(backend_commands(&b, 4, 0, &last), 1);
	assert_memory_equal(last.bytes, "\4\0\2\0", 4);
	assert_null(strstr(log_text(), "queue 0 only"));
	backend_stop(&b);
	UNTIL(!port_up(port));

	/* Nothing at all: the port works on its first queue. */
	control_begin(&b, 4);
	ack = 1;
	b.answer = always;
	backend_start(&b);
	UNTIL(port_up(port));
	assert_non_null(strstr(log_text(), "traffic on queue 0 only"));
	assert_int_equal(port_send(port, 0, 3, 60), 3);
	assert_int_equal(port_send(port, 1, 3, 60), 0);
	assert_false(b.rings[2].enabled || b.rings[3].enabled);
	/* Until it takes the command. */
	pthread_mutex_lock(&b.lock);
	ack = 0;
	pthread_mutex_unlock(&b.lock);
	assert_int_equal(control_apply(port, &rss), 0);
	assert_int_equal(port_send(port, 1, 3, 60), 3);
	assert_true(b.rings[2].enabled && b.rings[3].enabled);
	backend_stop(&b);
	UNTIL(!port_up(port));

	/* And the next one is asked for all of it again. */
	control_begin(&b, 4);
	backend_start(&b);
	UNTIL(port_up(port));
	assert_int_equal(backend_commands(&b, 0, 0, NULL), 1);
	assert_int_equal(backend_commands(&b, 4, 1, &last), 1);
	assert_int_equal(last.nb, 2 + 4 + 2 + 2 + 256 + 2 + 1 + 40);
	assert_string_equal(control_port(port)->ctrl.lost, "");
	port_end(port, &b, before);
}

static unsigned int vlans_seen;

/* Every third number is refused. */
static int
refuse_some_vlans(struct backend *backend, const uint8_t *bytes, uint32_t nb)
{
	(void)backend;
	(void)nb;
	if (bytes[0] != 2)
		return 0;
	vlans_seen++;
	return (bytes[2] + 256 * bytes[3]) % 3 == 0;
}

static void
all_vlans_are_replayed_and_those_refused_are_counted(void **state)
{
	struct resources before = resources_now();
	struct vnet_ctrl_state s;
	uint16_t port;

	(void)state;
	control_begin(&b, 4);
	port = control_start(&b, two_pairs);
	for (uint16_t id = 0; id < 200; id++)
		assert_int_equal(control_apply(port, &(struct vnet_ctrl){.kind = VNET_CTRL_VLAN_ADD,
							     .vlan = id}),
			0);
	backend_stop(&b);
	UNTIL(!port_up(port));
	control_begin(&b, 4);
	b.answer = refuse_some_vlans;
	vlans_seen = 0;
	backend_start(&b);
	UNTIL(port_up(port));
	assert_int_equal(vlans_seen, 200);
	assert_int_equal(port_xstat(port, "control_refused"), 67);
	assert_non_null(strstr(log_text(), "backend refused 22 of the VLANs"));
	s = control_port(port)->ctrl.device;
	for (uint16_t id = 0; id < 400; id++)
		assert_int_equal(vnet_ctrl_state_vlan(&s, id), id < 200 && id % 3 != 0);
	port_end(port, &b, before);
}

static void
device_that_comes_back_with_less_is_used_for_what_it_has(void **state)
{
	static const struct {
		uint64_t without;
		uint16_t table;
		uint32_t types;
		const char *said;
	} kinds[] = {
		{B_F_RSS, 128, 0x1ff, "backend has no RSS: it chooses the queue of a packet"},
		{B_F_CTRL_RX, 128, 0x1ff, "backend has no receive filter: everything arrives"},
		{B_F_CTRL_VLAN, 128, 0x1ff, "backend has no VLAN filter: the driver filters"},
		{B_F_CTRL_VQ, 128, 0x1ff, "everything arrives; backend has no VLAN filter"},
		{0, 64, 0x1ff, "backend takes RSS tables of 64 entries at most"},
		{0, 128, 0x007, "backend lacks hash types 0x38"},
	};
	struct resources before = resources_now();
	uint16_t port;

	(void)state;
	control_begin(&b, 4);
	port = control_start(&b, two_pairs);
	assert_int_equal(control_apply(port, &rss), 0);
	assert_int_equal(control_apply(port, &promisc_off), 0);
	assert_int_equal(control_apply(port, &(struct vnet_ctrl){.kind = VNET_CTRL_VLAN_ADD}), 0);
	for (unsigned int i = 0; i < RTE_DIM(kinds); i++) {
		backend_stop(&b);
		UNTIL(!port_up(port));
		control_begin(&b, 4);
		b.features &= ~kinds[i].without;
		b.config.table_max = kinds[i].table;
		b.config.hash_types = kinds[i].types;
		backend_start(&b);
		UNTIL(port_up(port));
		assert_non_null(strstr(log_text(), kinds[i].said));
		assert_int_equal(control_ready(port), kinds[i].without != B_F_CTRL_VQ);
		assert_int_equal(port_send(port, 1, 1, 60), 1);
		/* Both queues are in use, the one way or the other. */
		if (control_ready(port))
			assert_int_equal(
				backend_commands(&b, 4, 0, NULL) + backend_commands(&b, 4, 1, NULL),
				1);
	}
	port_end(port, &b, before);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		UNIT(mute_device_is_given_up_and_the_port_works_on),
		UNIT(device_that_never_answers_keeps_the_link_down_and_start_comes_back),
		UNIT(device_that_takes_its_time_is_given_up_when_the_time_for_all_is_over),
		UNIT(garbage_instead_of_an_answer_is_an_error_and_the_device_is_tried_again),
		UNIT(device_that_breaks_the_control_ring_is_sent_away_until_the_port_restarts),
		UNIT(ring_that_breaks_before_the_port_is_up_is_a_fault_as_well),
		UNIT(device_that_dies_in_the_middle_of_a_command_is_replayed_the_wish),
		UNIT(late_answer_is_not_taken_for_that_to_another_command),
		UNIT(what_a_replay_is_refused_is_said_and_left_out),
		UNIT(all_vlans_are_replayed_and_those_refused_are_counted),
		UNIT(device_that_comes_back_with_less_is_used_for_what_it_has),
	};

	fixture_start();
	pmd_ctrl_timeout_ms = 100;
	return fixture_end(RUN_UNITS("pmd_ctrl_fail", tests));
}
