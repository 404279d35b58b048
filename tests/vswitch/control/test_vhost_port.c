/* SPDX-License-Identifier: BSD-3-Clause */
/* Sockets and connections of a port: who may have them, what is left when they go. */
#include "bench.h"
#include "control/port_vhost.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static struct port *pa, *pb;

/* Ports a and b with their frontends connected, nothing said yet. */
static void
connect_two(uint16_t pairs)
{
	pa = bench_port("a", pairs);
	pb = bench_port("b", pairs);
	assert_true(frontend_connect(&fa, bench_path("a")));
	assert_true(frontend_connect(&fb, bench_path("b")));
}

/* Two frontends with one pair each, running. */
static void
start_two(void)
{
	connect_two(1);
	frontend_start(&fa, 2);
	frontend_start(&fb, 2);
}

static void
second_client_is_turned_away_and_the_first_not_disturbed(void **state)
{
	static struct frontend other;

	(void)state;
	start_two();
	for (uint32_t i = 0; i < 10; i++) {
		frontend_open(&other);
		if (frontend_connect(&other, bench_path("a")))
			assert_true(frontend_hung_up(&other));
		frontend_close(&other);
		bench_pass(&fa, 1, &fb, 0, i, 4);
	}
	frontend_disconnect(&fa);
	bench_wait_down(pa);
	assert_true(frontend_connect(&fa, bench_path("a")));
	assert_true(frontend_barrier(&fa));
}

static void
connection_lost_under_traffic_goes_on_where_it_stopped(void **state)
{
	uint32_t fds, maps, mark = 0;

	(void)state;
	start_two();
	fds = bench_fds();
	maps = bench_maps();
	for (uint32_t i = 0; i < 100; i++) {
		bench_pass(&fa, 1, &fb, 0, i, 3);
		/* Sent and not taken yet when the connection goes. */
		frontend_frame(&fa, 1, 0xb, 0xa, 1000 + mark++, 60);
		frontend_post(&fa, 0, 2);
		frontend_disconnect(&fa);
		bench_wait_down(pa);
		assert_int_equal(pa->mem.nb_regions, 0);
		bench_poll();
		frontend_post(&fb, 0, 1);
		assert_int_equal(frontend_received(&fb, 0), -1);
		assert_true(frontend_connect(&fa, bench_path("a")));
		frontend_start(&fa, 2);
		bench_poll();
		assert_int_equal(frontend_received(&fb, 0), 1000 + i);
		/* Buffers posted before are still good. */
		frontend_frame(&fb, 1, 0xa, 0xb, 7, 60);
		frontend_frame(&fb, 1, 0xa, 0xb, 8, 60);
		bench_poll();
		assert_int_equal(frontend_received(&fa, 0), 7);
		assert_int_equal(frontend_received(&fa, 0), 8);
		for (uint32_t id, len; fake_driver_take(&fb.ring[1], &id, &len);)
			;
		for (uint32_t id, len; fake_driver_take(&fa.ring[1], &id, &len);)
			;
	}
	assert_int_equal(bench_fds(), fds);
	assert_int_equal(bench_maps(), maps);
}

static void
port_may_be_removed_with_its_frontend_connected(void **state)
{
	uint32_t fds;

	(void)state;
	connect_two(1);
	frontend_start(&fb, 2);
	bench_worker_start();
	fds = bench_fds();
	for (uint32_t i = 0; i < 20; i++) {
		for (uint32_t r = 0; r < 2; r++)
			frontend_ring_init(&fa, r);
		frontend_start(&fa, 2);
		bench_pass(&fa, 1, &fb, 0, i, 4);
		/* The worker is at it when the port goes. */
		for (uint32_t k = 0; k < 60; k++)
			frontend_frame(&fa, 1, 0xd, 0xa, k, 60);
		assert_int_equal(vswitch_port_remove("a"), 0);
		assert_null(port_find("a"));
		assert_true(frontend_hung_up(&fa));
		assert_int_equal(access(bench_path("a"), F_OK), -1);
		pa = bench_port("a", 1);
		assert_true(frontend_connect(&fa, bench_path("a")));
	}
	assert_true(frontend_barrier(&fa));
	assert_int_equal(bench_fds(), fds);
	assert_int_equal(vswitch_port_remove("nobody"), -ENOENT);
}

static int
listen_at(const char *path)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
	assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	assert_int_equal(listen(fd, 4), 0);
	return fd;
}

static void
client_port_connects_and_connects_again(void **state)
{
	struct vswitch_port_conf conf = {
		.name = "a", .path = bench_path("a"), .client = true, .pairs = 1};
	int fd, id;

	(void)state;
	pb = bench_port("b", 1);
	assert_true(frontend_connect(&fb, bench_path("b")));
	frontend_start(&fb, 2);
	fd = listen_at(bench_path("a"));
	id = vswitch_port_add(&conf);
	assert_true(id >= 0);
	pa = port_get((uint16_t)id);
	for (uint32_t i = 0; i < 3; i++) {
		fa.sock = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
		assert_true(fa.sock >= 0);
		frontend_start(&fa, 2);
		bench_pass(&fa, 1, &fb, 0, i, 4);
		bench_pass(&fb, 1, &fa, 0, i, 4);
		frontend_disconnect(&fa);
	}
	close(fd);
	unlink(bench_path("a"));
	/* Nobody there: it goes on trying, and can be removed while it does. */
	bench_wait_down(pa);
	assert_int_equal(vswitch_port_remove("a"), 0);
}

static void
socket_file_is_taken_over_only_when_nobody_serves_it(void **state)
{
	char name[200];
	struct vswitch_port_conf conf = {.name = "a", .path = bench_path("a"), .pairs = 1};
	struct stat st;
	int fd = listen_at(conf.path);

	(void)state;
	assert_int_equal(vswitch_port_add(&conf), -EADDRINUSE);
	assert_int_equal(stat(conf.path, &st), 0);
	close(fd); /* the file stays behind */
	assert_true(vswitch_port_add(&conf) >= 0);
	assert_true(frontend_connect(&fa, conf.path));
	assert_true(frontend_barrier(&fa));
	/* Same name, same path, a file, a directory that is not there, a path that is too long. */
	assert_int_equal(vswitch_port_add(&conf), -EEXIST);
	conf.name = "c";
	assert_int_equal(vswitch_port_add(&conf), -EEXIST);
	conf.path = bench_path("file");
	fclose(fopen(conf.path, "w"));
	assert_int_equal(vswitch_port_add(&conf), -EEXIST);
	assert_int_equal(unlink(conf.path), 0);
	conf.path = bench_path("none/c");
	assert_int_equal(vswitch_port_add(&conf), -ENOENT);
	memset(name, 'x', sizeof(name));
	name[0] = '/';
	name[sizeof(name) - 1] = '\0';
	conf.path = name;
	assert_int_equal(vswitch_port_add(&conf), -ENAMETOOLONG);
	conf.path = bench_path("c");
	conf.pairs = 0;
	assert_int_equal(vswitch_port_add(&conf), -EINVAL);
	conf.pairs = 128;
	assert_int_equal(vswitch_port_add(&conf), -EINVAL);
	conf.pairs = 1;
	conf.name = "bad name";
	assert_int_equal(vswitch_port_add(&conf), -EINVAL);
	conf.name = "c";
	assert_true(vswitch_port_add(&conf) >= 0);
}

static void
queue_pairs_are_those_of_the_port(void **state)
{
	uint64_t value;

	(void)state;
	bench_port("a", 3);
	bench_port("b", 127);
	assert_true(frontend_connect(&fa, bench_path("a")));
	assert_true(frontend_connect(&fb, bench_path("b")));
	frontend_negotiate(&fa, FE_VERSION_1 | FE_PROTOCOL | FE_MQ, FE_P_MQ | FE_P_ACK | FE_P_MTU);
	frontend_negotiate(&fb, FE_VERSION_1 | FE_PROTOCOL | FE_MQ, FE_P_MQ | FE_P_ACK);
	assert_true(frontend_send(&fa, FE_GET_QUEUE_NUM, false, NULL, 0, NULL, 0));
	assert_true(frontend_reply(&fa, FE_GET_QUEUE_NUM, &value));
	assert_int_equal(value, 3);
	assert_true(frontend_send(&fb, FE_GET_QUEUE_NUM, false, NULL, 0, NULL, 0));
	assert_true(frontend_reply(&fb, FE_GET_QUEUE_NUM, &value));
	assert_int_equal(value, 127);
	assert_int_equal(frontend_ask_u64(&fa, FE_NET_SET_MTU, 1500), 0);
	assert_int_equal(((struct port_vhost *)port_find("a")->backend)->session.mtu, 1500);
	/* The last ring of 127 pairs. */
	frontend_memory(&fb);
	assert_int_equal(frontend_ask_ring(&fb, FE_SET_VRING_NUM, 253, 256), 0);
	assert_int_equal(frontend_ask_ring(&fb, FE_SET_VRING_NUM, 254, 256), 1);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		BENCH_UNIT(second_client_is_turned_away_and_the_first_not_disturbed),
		BENCH_UNIT(connection_lost_under_traffic_goes_on_where_it_stopped),
		BENCH_UNIT(port_may_be_removed_with_its_frontend_connected),
		BENCH_UNIT(client_port_connects_and_connects_again),
		BENCH_UNIT(socket_file_is_taken_over_only_when_nobody_serves_it),
		BENCH_UNIT(queue_pairs_are_those_of_the_port),
	};

	alarm(120); /* a hang would last */
	return RUN_UNITS("vhost_port", tests);
}
