/* SPDX-License-Identifier: BSD-3-Clause */
/* Config space, who sees it, and how a frontend hears that it has changed. */
#include "bench.h"
#include "control/port_vhost.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define STATUS_OK 0xf
#define SPACE 256
#define FE_MAC FE_F(5)
#define FE_STATUS FE_F(16)
#define FE_MTU FE_F(3)
#define FE_HASH_REPORT FE_F(57)
#define FE_SPEED_DUPLEX FE_F(63)
#define FE_BASE (FE_VERSION_1 | FE_PROTOCOL | FE_MRG_RXBUF)
#define FE_P_BASE (FE_P_ACK | FE_P_STATUS)

static struct port *pa, *pb;

/* 5.1.4, field by field, as bytes. */
static uint32_t
field(const uint8_t *space, uint32_t offset, uint32_t bytes)
{
	uint32_t value = 0;

	for (uint32_t i = bytes; i-- > 0;)
		value = value << 8 | space[offset + i];
	return value;
}

static void
connect_with(struct vswitch_port_conf conf, uint64_t features, uint64_t protocol)
{
	pa = bench_port_with("a", conf);
	assert_true(frontend_connect(&fa, bench_path("a")));
	frontend_negotiate(&fa, features, protocol);
}

static void
config_space_says_what_the_port_was_asked_for(void **state)
{
	static const uint8_t mac[6] = {0x02, 1, 2, 3, 4, 5};
	struct vswitch_port_conf conf = {.pairs = 127, .mtu = 9000, .speed = 40000};
	uint8_t space[SPACE];

	(void)state;
	COVERS("NET-DEV-001");
	COVERS("NET-DEV-002");
	COVERS("NET-DEV-007");
	COVERS("NET-DEV-008");
	COVERS("NET-DEV-010");
	COVERS("NET-DEV-011");
	COVERS("NET-FACT-066");
	memcpy(conf.mac, mac, sizeof(mac));
	connect_with(conf, FE_BASE | FE_MAC | FE_STATUS | FE_MTU | FE_SPEED_DUPLEX,
		FE_P_BASE | FE_P_CONFIG);
	assert_int_equal(frontend_config(&fa, 0, 24, space), 24);
	assert_memory_equal(space, mac, sizeof(mac));
	assert_int_equal(field(space, 6, 2), 1);
	assert_int_equal(field(space, 8, 2), 127);
	assert_int_equal(field(space, 10, 2), 9000);
	assert_int_equal(field(space, 12, 4), 40000);
	assert_int_equal(space[16], 1);
	assert_int_equal(space[17], 40);
	assert_int_equal(field(space, 18, 2), 512);
	assert_int_equal(field(space, 20, 4), 0x1ff);
}

static void
a_port_that_was_not_told_has_a_stable_local_address_and_no_mtu_or_speed(void **state)
{
	uint8_t space[SPACE], again[SPACE], other[SPACE];

	(void)state;
	connect_with((struct vswitch_port_conf){.pairs = 1}, FE_BASE, FE_P_BASE | FE_P_CONFIG);
	assert_false(frontend_offered(&fa) & FE_MTU);
	assert_int_equal(frontend_config(&fa, 0, SPACE, space), SPACE);
	assert_int_equal(space[0] & 3, 2);
	assert_int_equal(field(space, 10, 2), 0);
	assert_int_equal(field(space, 12, 4), UINT32_MAX);
	/* Behind its end there is nothing. */
	for (uint32_t i = 24; i < SPACE; i++)
		assert_int_equal(space[i], 0);
	assert_int_equal(vswitch_port_remove("a"), 0);
	frontend_disconnect(&fa);
	connect_with((struct vswitch_port_conf){.pairs = 1}, FE_BASE, FE_P_BASE | FE_P_CONFIG);
	assert_int_equal(frontend_config(&fa, 0, 24, again), 24);
	assert_memory_equal(space, again, 24);
	pb = bench_port("b", 1);
	assert_true(frontend_connect(&fb, bench_path("b")));
	frontend_negotiate(&fb, FE_BASE, FE_P_BASE | FE_P_CONFIG);
	assert_int_equal(frontend_config(&fb, 0, 24, other), 24);
	assert_memory_not_equal(space, other, 6);
}

static void
each_part_of_config_space_can_be_read_and_nothing_else(void **state)
{
	static const uint32_t beyond[][2] = {{0, 257}, {1, 256}, {256, 1}, {255, 2}, {257, 0},
		{UINT32_MAX, 1}, {UINT32_MAX, 2}, {1, UINT32_MAX}, {0, UINT32_MAX},
		{UINT32_MAX, UINT32_MAX}, {0x80000000, 0x80000000}};
	uint8_t space[SPACE], part[SPACE];

	(void)state;
	connect_with((struct vswitch_port_conf){.pairs = 3, .mtu = 1500}, FE_BASE,
		FE_P_BASE | FE_P_CONFIG);
	assert_int_equal(frontend_config(&fa, 0, SPACE, space), SPACE);
	for (uint32_t offset = 0; offset < 32; offset++) {
		for (uint32_t bytes = 1; bytes <= SPACE - offset; bytes += bytes < 32 ? 1 : 37) {
			assert_int_equal(frontend_config(&fa, offset, bytes, part), bytes);
			assert_memory_equal(part, space + offset, bytes);
		}
	}
	for (uint32_t i = 0; i < RTE_DIM(beyond); i++)
		assert_int_equal(frontend_config(&fa, beyond[i][0], beyond[i][1], part), 0);
	assert_true(frontend_barrier(&fa));
}

static void
nothing_in_config_space_can_be_written(void **state)
{
	uint8_t before[SPACE], after[SPACE];
	uint32_t payload[3 + 64] = {0, 6, 0};
	uint32_t fds;

	(void)state;
	COVERS("NET-FACT-057");
	connect_with((struct vswitch_port_conf){.pairs = 1}, FE_BASE, FE_P_BASE | FE_P_CONFIG);
	assert_int_equal(frontend_config(&fa, 0, SPACE, before), SPACE);
	memset(payload + 3, 0x02, 256);
	fds = bench_fds();
	for (uint32_t offset = 0; offset < 300; offset += 3) {
		payload[0] = offset;
		payload[1] = offset % 2 ? 6 : UINT32_MAX - offset;
		assert_int_equal(frontend_ask(&fa, FE_SET_CONFIG, payload, 12 + 6, NULL, 0), 1);
		assert_int_equal(
			frontend_ask(&fa, FE_SET_CONFIG, payload, sizeof(payload), NULL, 0), 1);
	}
	assert_int_equal(frontend_ask(&fa, FE_SET_CONFIG, payload, 11, NULL, 0), 1);
	assert_int_equal(frontend_ask(&fa, FE_GET_CONFIG, payload, 11, NULL, 0), 1);
	assert_int_equal(
		frontend_ask(&fa, FE_SET_CONFIG, payload, 12 + 6, (int[]){fa.memfd, fa.memfd}, 2),
		1);
	assert_int_equal(
		frontend_ask(&fa, FE_GET_CONFIG, payload, 12 + 6, (int[]){fa.memfd, fa.memfd}, 2),
		1);
	assert_int_equal(bench_fds(), fds);
	assert_int_equal(frontend_config(&fa, 0, SPACE, after), SPACE);
	assert_memory_equal(before, after, SPACE);
}

/* QEMU and virtio_user keep config space and control queue to themselves. */
static void
a_frontend_without_config_sees_nothing_that_needs_it(void **state)
{
	const uint64_t stock = UINT64_C(0x09c000097040bb83);
	uint32_t payload[3 + 8] = {0, 24, 0};
	uint64_t offered;

	(void)state;
	pa = bench_port_with("a", (struct vswitch_port_conf){.pairs = 4, .mtu = 1500});
	assert_true(frontend_connect(&fa, bench_path("a")));
	offered = frontend_offered(&fa);
	assert_int_equal(offered & ~(stock | FE_F(26)), 0);
	frontend_negotiate(&fa, FE_BASE | FE_MQ, FE_P_BASE);
	assert_int_equal(frontend_offered(&fa), offered);
	assert_int_equal(frontend_ask(&fa, FE_GET_CONFIG, payload, 12 + 24, NULL, 0), 1);
	assert_int_equal(frontend_ask_u64(&fa, FE_SET_FEATURES, FE_BASE | FE_MAC), 1);
	assert_int_equal(frontend_ask_u64(&fa, FE_SET_FEATURES, FE_BASE | FE_HASH_REPORT), 1);
	/* Asked again it sees more. */
	assert_int_equal(
		frontend_ask_u64(&fa, FE_SET_PROTOCOL_FEATURES, FE_P_BASE | FE_P_CONFIG), 0);
	assert_int_equal(frontend_offered(&fa) & offered, offered);
	assert_true(frontend_offered(&fa) & FE_MAC);
	assert_true(frontend_offered(&fa) & FE_MTU);
}

static void
port_options_show_hash_report_to_all_and_hide_config_from_all(void **state)
{
	uint64_t value;

	(void)state;
	connect_with((struct vswitch_port_conf){.pairs = 1, .hash = true, .no_config = true},
		FE_BASE | FE_HASH_REPORT, FE_P_BASE);
	assert_true(frontend_send(&fa, 15, false, NULL, 0, NULL, 0));
	assert_true(frontend_reply(&fa, 15, &value));
	assert_false(value & FE_P_CONFIG);
	assert_true(value & FE_P_ACK);
	assert_int_equal(
		frontend_ask_u64(&fa, FE_SET_PROTOCOL_FEATURES, FE_P_BASE | FE_P_CONFIG), 1);
	frontend_memory(&fa);
	for (uint32_t i = 0; i < 2; i++) {
		frontend_ring_tell(&fa, i);
		frontend_enable(&fa, i, true);
	}
	frontend_status(&fa, STATUS_OK);
	assert_true(frontend_barrier(&fa));
	assert_int_equal(pa->rxq[0]->hdr_bytes, 20);
}

static void
start_both(uint64_t protocol)
{
	pa = bench_port("a", 1);
	pb = bench_port("b", 1);
	assert_true(frontend_connect(&fa, bench_path("a")));
	assert_true(frontend_connect(&fb, bench_path("b")));
	frontend_start(&fb, 2);
	frontend_negotiate(&fa, FE_BASE | FE_STATUS, protocol);
	frontend_memory(&fa);
	for (uint32_t i = 0; i < 2; i++) {
		frontend_ring_tell(&fa, i);
		frontend_enable(&fa, i, true);
	}
	frontend_status(&fa, STATUS_OK);
	assert_true(frontend_barrier(&fa));
}

static void
nothing_passes_a_port_whose_link_is_down_and_the_guest_is_told(void **state)
{
	uint8_t status[2];
	uint32_t id, len;
	int channel;

	(void)state;
	COVERS("NET-FACT-059");
	start_both(FE_P_BASE | FE_P_CONFIG | FE_P_BACKEND_REQ);
	channel = frontend_channel(&fa);
	bench_pass(&fa, 1, &fb, 0, 1, 8);
	bench_pass(&fb, 1, &fa, 0, 2, 8);
	assert_int_equal(frontend_channel_read(channel), 0);
	assert_int_equal(vswitch_port_link_set("a", false), 0);
	assert_int_equal(vswitch_port_link_set("a", false), 0);
	assert_int_equal(frontend_channel_read(channel), 1);
	assert_int_equal(frontend_config(&fa, 6, 2, status), 2);
	assert_int_equal(field(status, 0, 2), 0);
	/* What it sends is taken and dropped, what is for it is dropped at its sender. */
	for (uint32_t i = 0; i < 5; i++)
		frontend_frame(&fa, 1, 0xb, 0xa, i, 60);
	frontend_frame(&fb, 1, 0xa, 0xb, 7, 60);
	for (uint32_t i = 0; i < 200; i++)
		vswitch_poll(0);
	assert_int_equal(pa->rxq[0]->stats.link_down, 5);
	assert_int_equal(pa->rxq[0]->stats.disabled, 0);
	assert_int_equal(pb->rxq[0]->stats.port_down + pb->rxq[0]->stats.no_port, 1);
	assert_int_equal(frontend_received(&fb, 0), -1);
	for (uint32_t i = 0; i < 5; i++)
		assert_true(fake_driver_take(&fa.ring[1], &id, &len));
	assert_true(fake_driver_take(&fb.ring[1], &id, &len));
	assert_int_equal(vswitch_port_link_set("a", true), 0);
	assert_int_equal(frontend_channel_read(channel), 1);
	assert_int_equal(frontend_config(&fa, 6, 2, status), 2);
	assert_int_equal(field(status, 0, 2), 1);
	bench_pass(&fa, 1, &fb, 0, 11, 8);
	bench_pass(&fb, 1, &fa, 0, 12, 8);
	assert_int_equal(vswitch_port_link_set("c", true), -ENOENT);
	close(channel);
}

static void
a_link_that_is_down_stays_down_for_whoever_connects(void **state)
{
	uint8_t status[2];

	(void)state;
	pa = bench_port("a", 1);
	assert_int_equal(vswitch_port_link_set("a", false), 0);
	assert_true(frontend_connect(&fa, bench_path("a")));
	frontend_negotiate(&fa, FE_BASE | FE_STATUS, FE_P_BASE | FE_P_CONFIG);
	assert_int_equal(frontend_config(&fa, 6, 2, status), 2);
	assert_int_equal(field(status, 0, 2), 0);
}

/* It has given the channel and never reads: the switch neither waits nor forgets the last news. */
static void
a_channel_that_nobody_reads_holds_nobody_up(void **state)
{
	int channel, two[2];
	uint32_t seen;

	(void)state;
	start_both(FE_P_BASE | FE_P_CONFIG | FE_P_BACKEND_REQ);
	/* Blocking at both ends, whatever the switch would like. */
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, two), 0);
	assert_int_equal(frontend_ask(&fa, FE_SET_BACKEND_REQ_FD, NULL, 0, &two[1], 1), 0);
	assert_int_equal(fcntl(two[1], F_SETFL, 0), 0);
	channel = two[0];
	for (uint32_t i = 0; i < 5000; i++)
		assert_int_equal(vswitch_port_link_set("a", i % 2), 0);
	seen = frontend_channel_read(channel);
	assert_true(seen > 0 && seen < 5000);
	/* Full it was: what could not be said is said as soon as it can be. */
	vswitch_housekeep();
	assert_int_equal(frontend_channel_read(channel), 1);
	vswitch_housekeep();
	assert_int_equal(frontend_channel_read(channel), 0);
	bench_pass(&fa, 1, &fb, 0, 1, 8);
	/* Gone altogether. */
	close(channel);
	close(two[1]);
	for (uint32_t i = 0; i < 10; i++)
		assert_int_equal(vswitch_port_link_set("a", i % 2), 0);
	vswitch_housekeep();
	bench_pass(&fa, 1, &fb, 0, 2, 8);
}

static void
channels_are_unix_streams_and_none_is_left_behind(void **state)
{
	int pair[2], fd = -1, channel;
	uint32_t fds;

	(void)state;
	start_both(FE_P_BASE | FE_P_CONFIG | FE_P_BACKEND_REQ);
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), 0);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	fds = bench_fds();
	assert_int_equal(frontend_ask(&fa, FE_SET_BACKEND_REQ_FD, NULL, 0, &fa.memfd, 1), 1);
	assert_int_equal(frontend_ask(&fa, FE_SET_BACKEND_REQ_FD, NULL, 0, &fa.call[0], 1), 1);
	assert_int_equal(frontend_ask(&fa, FE_SET_BACKEND_REQ_FD, NULL, 0, &pair[0], 1), 1);
	if (fd >= 0)
		assert_int_equal(frontend_ask(&fa, FE_SET_BACKEND_REQ_FD, NULL, 0, &fd, 1), 1);
	assert_int_equal(frontend_ask(&fa, FE_SET_BACKEND_REQ_FD, NULL, 0, NULL, 0), 1);
	assert_int_equal(frontend_ask(&fa, FE_SET_BACKEND_REQ_FD, NULL, 0, pair, 2), 1);
	assert_int_equal(bench_fds(), fds);
	for (uint32_t i = 0; i < 100; i++) {
		channel = frontend_channel(&fa);
		close(channel);
	}
	assert_int_equal(bench_fds(), fds + 1);
	frontend_disconnect(&fa);
	bench_wait_down(pa);
	close(pair[0]);
	close(pair[1]);
	if (fd >= 0)
		close(fd);
}

/* The descriptor of its own connection: held here, the switch would wait for itself. */
static void
a_connection_cannot_be_kept_alive_by_its_own_channel(void **state)
{
	int two[2], channel;

	(void)state;
	start_both(FE_P_BASE | FE_P_CONFIG | FE_P_BACKEND_REQ);
	assert_int_equal(frontend_ask(&fa, FE_SET_BACKEND_REQ_FD, NULL, 0, &fa.sock, 1), 1);
	/* On its way in a socket that is given, and the other end of that one, too. */
	for (uint32_t i = 0; i < 2; i++) {
		char control[CMSG_SPACE(2 * sizeof(int))] = {0};
		struct iovec iov = {control, 1};
		struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control};
		struct cmsghdr *c;

		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, two), 0);
		m.msg_controllen = CMSG_SPACE((i + 1) * sizeof(int));
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN((i + 1) * sizeof(int));
		memcpy(CMSG_DATA(c), (int[]){fa.sock, two[0]}, (i + 1) * sizeof(int));
		assert_int_equal(sendmsg(two[0], &m, MSG_NOSIGNAL), 1);
		assert_int_equal(frontend_ask(&fa, FE_SET_BACKEND_REQ_FD, NULL, 0, &two[1], 1), 0);
		close(two[0]);
		close(two[1]);
		frontend_disconnect(&fa);
		bench_wait_down(pa);
		assert_true(frontend_connect(&fa, bench_path("a")));
		frontend_negotiate(&fa, FE_BASE, FE_P_BASE | FE_P_CONFIG | FE_P_BACKEND_REQ);
	}
	channel = frontend_channel(&fa);
	assert_int_equal(vswitch_port_link_set("a", false), 0);
	assert_int_equal(frontend_channel_read(channel), 1);
	close(channel);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		BENCH_UNIT(config_space_says_what_the_port_was_asked_for),
		BENCH_UNIT(a_port_that_was_not_told_has_a_stable_local_address_and_no_mtu_or_speed),
		BENCH_UNIT(each_part_of_config_space_can_be_read_and_nothing_else),
		BENCH_UNIT(nothing_in_config_space_can_be_written),
		BENCH_UNIT(a_frontend_without_config_sees_nothing_that_needs_it),
		BENCH_UNIT(port_options_show_hash_report_to_all_and_hide_config_from_all),
		BENCH_UNIT(nothing_passes_a_port_whose_link_is_down_and_the_guest_is_told),
		BENCH_UNIT(a_link_that_is_down_stays_down_for_whoever_connects),
		BENCH_UNIT(a_channel_that_nobody_reads_holds_nobody_up),
		BENCH_UNIT(channels_are_unix_streams_and_none_is_left_behind),
		BENCH_UNIT(a_connection_cannot_be_kept_alive_by_its_own_channel),
	};

	return RUN_UNITS("device_config", tests);
}
