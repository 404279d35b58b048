/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages over a socket that delivers them as it likes. */
#include "support/covers.h"
#include "vhost_user_msg.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static void
pair(int s[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, s), 0);
}

static uint64_t
in_ms(uint64_t ms)
{
	return vhost_user_now_ms() + ms;
}

static const struct vhost_user_msg example = {
	.request = VHOST_USER_GET_FEATURES,
	.flags = VHOST_USER_VERSION | VHOST_USER_REPLY,
	.bytes = 8,
	.payload.u64 = UINT64_C(0x0123456789abcdef),
};

static void
message_goes_over_as_it_is(void **state)
{
	struct vhost_user_msg got;
	int s[2];

	(void)state;
	pair(s);
	assert_int_equal(vhost_user_send(s[0], &example, NULL, 0, in_ms(5000)), 0);
	assert_int_equal(vhost_user_recv(s[1], &got, in_ms(5000)), 0);
	assert_memory_equal(&got, &example, VHOST_USER_HEADER_BYTES + 8);
	close(s[0]);
	close(s[1]);
}

static void
message_cut_at_every_byte_is_put_together(void **state)
{
	const char *bytes = (const char *)&example;
	const size_t total = VHOST_USER_HEADER_BYTES + 8;
	struct vhost_user_msg got;
	int s[2];

	(void)state;
	pair(s);
	for (size_t cut = 1; cut < total; cut++) {
		assert_int_equal(write(s[0], bytes, cut), cut);
		/* The first part alone is not a message, and nothing of it is given back. */
		assert_int_equal(recv(s[1], &got, sizeof(got), MSG_PEEK), cut);
		assert_int_equal(write(s[0], bytes + cut, total - cut), total - cut);
		memset(&got, 0, sizeof(got));
		assert_int_equal(vhost_user_recv(s[1], &got, in_ms(5000)), 0);
		assert_memory_equal(&got, &example, total);
	}
	close(s[0]);
	close(s[1]);
}

static void
half_a_message_is_a_timeout_and_then_a_hang_up(void **state)
{
	const size_t total = VHOST_USER_HEADER_BYTES + 8;
	struct vhost_user_msg got;
	int s[2];

	(void)state;
	for (size_t cut = 0; cut < total; cut++) {
		pair(s);
		assert_int_equal(write(s[0], &example, cut), cut);
		assert_int_equal(vhost_user_recv(s[1], &got, in_ms(2)), -ETIMEDOUT);
		close(s[0]);
		close(s[1]);

		pair(s);
		assert_int_equal(write(s[0], &example, cut), cut);
		close(s[0]);
		assert_int_equal(vhost_user_recv(s[1], &got, in_ms(5000)), -ECONNRESET);
		close(s[1]);
	}
}

static void
size_that_no_message_has_is_refused(void **state)
{
	static const uint32_t sizes[] = {
		sizeof(example.payload) + 1, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff};
	struct vhost_user_msg bad = example;
	struct vhost_user_msg got;
	int s[2];

	(void)state;
	for (unsigned int i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		pair(s);
		bad.bytes = sizes[i];
		assert_int_equal(
			write(s[0], &bad, VHOST_USER_HEADER_BYTES), VHOST_USER_HEADER_BYTES);
		assert_int_equal(vhost_user_recv(s[1], &got, in_ms(5000)), -EPROTO);
		close(s[0]);
		close(s[1]);
	}
	/* The largest that there is. */
	pair(s);
	bad.bytes = sizeof(example.payload);
	assert_int_equal(vhost_user_send(s[0], &bad, NULL, 0, in_ms(5000)), 0);
	assert_int_equal(vhost_user_recv(s[1], &got, in_ms(5000)), 0);
	assert_memory_equal(&got, &bad, sizeof(bad));
	close(s[0]);
	close(s[1]);
}

static void
sending_to_nobody_is_a_hang_up_without_a_signal(void **state)
{
	int s[2];

	(void)state;
	pair(s);
	close(s[1]);
	assert_int_equal(vhost_user_send(s[0], &example, NULL, 0, in_ms(5000)), -ECONNRESET);
	close(s[0]);
}

static void
sending_to_one_who_does_not_read_is_a_timeout(void **state)
{
	int s[2];
	int ret;

	(void)state;
	pair(s);
	do
		ret = vhost_user_send(s[0], &example, NULL, 0, in_ms(2));
	while (ret == 0);
	assert_int_equal(ret, -ETIMEDOUT);
	close(s[0]);
	close(s[1]);
}

static void
descriptors_go_along_and_stay_ours(void **state)
{
	struct vhost_user_msg got;
	char control[CMSG_SPACE(sizeof(int) * VHOST_USER_FDS_MAX)];
	struct iovec iov = {&got, sizeof(got)};
	struct msghdr m = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	int fds[VHOST_USER_FDS_MAX];
	struct cmsghdr *c;
	int s[2];

	(void)state;
	pair(s);
	for (unsigned int i = 0; i < VHOST_USER_FDS_MAX; i++)
		fds[i] = dup(s[0]);
	assert_int_equal(vhost_user_send(s[0], &example, fds, VHOST_USER_FDS_MAX, in_ms(5000)), 0);
	assert_int_equal(recvmsg(s[1], &m, 0), VHOST_USER_HEADER_BYTES + 8);
	c = CMSG_FIRSTHDR(&m);
	assert_non_null(c);
	assert_int_equal(c->cmsg_len, CMSG_LEN(sizeof(fds)));
	for (unsigned int i = 0; i < VHOST_USER_FDS_MAX; i++) {
		struct stat theirs;
		struct stat mine;
		int fd;

		memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
		assert_int_equal(fstat(fds[i], &mine), 0);
		assert_int_equal(fstat(fd, &theirs), 0);
		assert_int_equal(mine.st_ino, theirs.st_ino);
		close(fd);
		close(fds[i]);
	}
	close(s[0]);
	close(s[1]);
}

static void
descriptors_of_an_answer_are_closed(void **state)
{
	struct vhost_user_msg got;
	int fds[VHOST_USER_FDS_MAX];
	int s[2];
	int probe;
	int after;

	(void)state;
	pair(s);
	for (unsigned int i = 0; i < VHOST_USER_FDS_MAX; i++)
		fds[i] = dup(s[0]);
	probe = dup(s[0]);
	close(probe);
	for (int n = 0; n < 100; n++) {
		assert_int_equal(
			vhost_user_send(s[0], &example, fds, VHOST_USER_FDS_MAX, in_ms(5000)), 0);
		assert_int_equal(vhost_user_recv(s[1], &got, in_ms(5000)), 0);
	}
	/* The lowest free number is still the same. */
	after = dup(s[0]);
	assert_int_equal(after, probe);
	close(after);
	for (unsigned int i = 0; i < VHOST_USER_FDS_MAX; i++)
		close(fds[i]);
	close(s[0]);
	close(s[1]);
}

static void
every_request_has_a_name(void **state)
{
	(void)state;
	assert_string_equal(vhost_user_request_name(VHOST_USER_SET_MEM_TABLE), "SET_MEM_TABLE");
	assert_string_equal(vhost_user_request_name(VHOST_USER_GET_STATUS), "GET_STATUS");
	assert_string_equal(vhost_user_request_name(0), "request");
	assert_string_equal(vhost_user_request_name(7), "request");
	assert_string_equal(vhost_user_request_name(UINT32_MAX), "request");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		UNIT(message_goes_over_as_it_is),
		UNIT(message_cut_at_every_byte_is_put_together),
		UNIT(half_a_message_is_a_timeout_and_then_a_hang_up),
		UNIT(size_that_no_message_has_is_refused),
		UNIT(sending_to_nobody_is_a_hang_up_without_a_signal),
		UNIT(sending_to_one_who_does_not_read_is_a_timeout),
		UNIT(descriptors_go_along_and_stay_ours),
		UNIT(descriptors_of_an_answer_are_closed),
		UNIT(every_request_has_a_name),
	};

	return RUN_UNITS("vhost_user_msg", tests);
}
