/* SPDX-License-Identifier: BSD-3-Clause */
/* The frontend's socket: whose file it replaces, whom it lets in, what it leaves behind. */
#include "support/covers.h"
#include "vhost_user_sock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static char directory[] = "/tmp/virtq-sock-XXXXXX";
static char path[64];
static char why[256];

static int
serve(void)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int s = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	assert_int_equal(bind(s, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(s, 1), 0);
	return s;
}

static int
dial(void)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int s = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	assert_int_equal(connect(s, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return s;
}

static bool
exists(void)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

static void
server_replaces_a_dead_socket(void **state)
{
	struct vhost_user_sock s;

	(void)state;
	close(serve());
	assert_true(exists());
	assert_int_equal(vhost_user_sock_open(&s, path, true, why, sizeof(why)), 0);
	close(dial());
	vhost_user_sock_close(&s);
	assert_false(exists());
}

static void
server_never_replaces_a_live_socket(void **state)
{
	struct vhost_user_sock s;
	int other = serve();

	(void)state;
	assert_int_equal(vhost_user_sock_open(&s, path, true, why, sizeof(why)), -EADDRINUSE);
	assert_non_null(strstr(why, path));
	assert_non_null(strstr(why, "another process"));
	/* Still theirs. */
	close(dial());
	close(other);
	unlink(path);
}

static void
server_never_replaces_a_file(void **state)
{
	struct vhost_user_sock s;

	(void)state;
	close(open(path, O_CREAT | O_WRONLY, 0600));
	assert_int_equal(vhost_user_sock_open(&s, path, true, why, sizeof(why)), -EADDRINUSE);
	assert_true(exists());
	unlink(path);
	/* A link to nowhere is no socket either. */
	assert_int_equal(symlink("/tmp/virtq-no-such-file", path), 0);
	assert_int_equal(vhost_user_sock_open(&s, path, true, why, sizeof(why)), -EADDRINUSE);
	assert_true(exists());
	unlink(path);
}

static void
server_without_a_directory_says_so(void **state)
{
	struct vhost_user_sock s;

	(void)state;
	assert_int_equal(
		vhost_user_sock_open(&s, "/tmp/virtq-no-such-dir/s", true, why, sizeof(why)),
		-ENOENT);
	assert_non_null(strstr(why, "/tmp/virtq-no-such-dir/s"));
}

static void
close_leaves_a_socket_that_is_not_ours(void **state)
{
	struct vhost_user_sock s;
	int other;

	(void)state;
	assert_int_equal(vhost_user_sock_open(&s, path, true, why, sizeof(why)), 0);
	unlink(path);
	other = serve();
	vhost_user_sock_close(&s);
	assert_true(exists());
	close(other);
	unlink(path);
}

static void
server_lets_one_in_after_the_other(void **state)
{
	struct vhost_user_sock s;
	short events;
	int a;
	int b;

	(void)state;
	assert_int_equal(vhost_user_sock_open(&s, path, true, why, sizeof(why)), 0);
	assert_int_equal(vhost_user_sock_attach(&s, why, sizeof(why)), -EAGAIN);
	assert_int_equal(vhost_user_sock_event_fd(&s, &events), s.listen_fd);
	assert_int_equal(events, POLLIN);

	a = dial();
	b = dial();
	assert_int_equal(vhost_user_sock_attach(&s, why, sizeof(why)), 0);
	assert_int_equal(vhost_user_sock_event_fd(&s, &events), s.fd);
	assert_true(vhost_user_sock_usable(&s));
	assert_false(vhost_user_sock_hung_up(&s));
	close(a);
	assert_true(vhost_user_sock_hung_up(&s));
	vhost_user_sock_detach(&s);
	assert_int_equal(vhost_user_sock_attach(&s, why, sizeof(why)), 0);
	assert_false(vhost_user_sock_hung_up(&s));
	vhost_user_sock_close(&s);
	close(b);
}

static void
dropped_connection_ends_for_the_other_and_keeps_its_number(void **state)
{
	struct vhost_user_sock s;
	int other;
	int fd;
	char c;

	(void)state;
	assert_int_equal(vhost_user_sock_open(&s, path, true, why, sizeof(why)), 0);
	other = dial();
	assert_int_equal(vhost_user_sock_attach(&s, why, sizeof(why)), 0);
	fd = s.fd;
	vhost_user_sock_drop(&s);
	assert_int_equal(read(other, &c, 1), 0);
	assert_false(vhost_user_sock_usable(&s));
	assert_int_equal(s.fd, fd);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	vhost_user_sock_detach(&s);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	vhost_user_sock_close(&s);
	close(other);
}

static void
client_tries_and_never_waits(void **state)
{
	struct vhost_user_sock s;
	int server;
	int queued[8];
	int nb = 0;

	(void)state;
	assert_int_equal(vhost_user_sock_open(&s, path, false, why, sizeof(why)), 0);
	assert_int_equal(vhost_user_sock_attach(&s, why, sizeof(why)), -EAGAIN);
	assert_non_null(strstr(why, path));
	assert_int_equal(s.fd, -1);

	/* A server that accepts nobody: connecting to it would wait when its queue is full. */
	server = serve();
	while (nb < 8 && vhost_user_sock_attach(&s, why, sizeof(why)) == 0) {
		queued[nb++] = s.fd;
		s.fd = -1;
	}
	assert_true(nb > 0 && nb < 8);
	while (nb > 0)
		close(queued[--nb]);
	close(server);
	assert_int_equal(vhost_user_sock_attach(&s, why, sizeof(why)), -EAGAIN);
	vhost_user_sock_close(&s);
	/* Not ours. */
	assert_true(exists());
	unlink(path);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		UNIT(server_replaces_a_dead_socket),
		UNIT(server_never_replaces_a_live_socket),
		UNIT(server_never_replaces_a_file),
		UNIT(server_without_a_directory_says_so),
		UNIT(close_leaves_a_socket_that_is_not_ours),
		UNIT(server_lets_one_in_after_the_other),
		UNIT(dropped_connection_ends_for_the_other_and_keeps_its_number),
		UNIT(client_tries_and_never_waits),
	};
	int failed;

	if (mkdtemp(directory) == NULL)
		return 1;
	snprintf(path, sizeof(path), "%s/sock", directory);
	failed = RUN_UNITS("vhost_user_sock", tests);
	rmdir(directory);
	return failed;
}
