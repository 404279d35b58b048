/* SPDX-License-Identifier: BSD-3-Clause */
/* What a backend may send on the channel of its own requests. */
#include "support/covers.h"
#include "vhost_user_events.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct vhost_user_events e;
static int theirs;

static void
begin(void)
{
	memset(&e, 0, sizeof(e));
	e.fd = -1;
	assert_int_equal(vhost_user_events_open(&e, &theirs), 0);
}

static void
end(void)
{
	vhost_user_events_close(&e);
	assert_int_equal(e.fd, -1);
	close(theirs);
}

static unsigned int
open_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned int n = 0;

	assert_non_null(d);
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

static const struct vhost_user_msg changed = {
	.request = VHOST_USER_BACKEND_CONFIG_CHANGE_MSG,
	.flags = VHOST_USER_VERSION,
};

static void
put(const struct vhost_user_msg *m)
{
	const size_t bytes = VHOST_USER_HEADER_BYTES + m->bytes;

	assert_int_equal(write(theirs, m, bytes), bytes);
}

static void
changes_are_told_and_several_at_once_are_one(void **state)
{
	(void)state;
	begin();
	assert_int_equal(vhost_user_events_take(&e), 0);
	put(&changed);
	assert_int_equal(vhost_user_events_take(&e), 1);
	assert_int_equal(vhost_user_events_take(&e), 0);
	for (int i = 0; i < 10; i++)
		put(&changed);
	assert_int_equal(vhost_user_events_take(&e), 1);
	assert_int_equal(vhost_user_events_take(&e), 0);
	end();
}

static void
message_cut_at_every_byte_waits_for_its_rest(void **state)
{
	struct vhost_user_msg m = changed;

	(void)state;
	m.bytes = 40;
	for (size_t cut = 1; cut < VHOST_USER_HEADER_BYTES + 40; cut++) {
		begin();
		assert_int_equal(write(theirs, &m, cut), cut);
		assert_int_equal(vhost_user_events_take(&e), 0);
		assert_int_equal(vhost_user_events_take(&e), 0);
		assert_int_equal(write(theirs, (const uint8_t *)&m + cut,
					 VHOST_USER_HEADER_BYTES + 40 - cut),
			VHOST_USER_HEADER_BYTES + 40 - cut);
		assert_int_equal(vhost_user_events_take(&e), 1);
		end();
	}
}

static void
answers_are_given_to_those_who_want_one(void **state)
{
	static const struct {
		uint32_t request;
		uint64_t verdict;
	} kinds[] = {{VHOST_USER_BACKEND_CONFIG_CHANGE_MSG, 0}, {1, 1}, {3, 1}, {4, 1}, {0, 1},
		{0xffffffff, 1}};
	struct vhost_user_msg got;

	(void)state;
	begin();
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct vhost_user_msg m = {
			.request = kinds[i].request, .flags = VHOST_USER_VERSION, .bytes = 24};

		put(&m);
		assert_int_equal(vhost_user_events_take(&e), kinds[i].verdict == 0);
		assert_int_equal(recv(theirs, &got, sizeof(got), MSG_DONTWAIT), -1);
		m.flags |= VHOST_USER_NEED_REPLY;
		put(&m);
		assert_int_equal(vhost_user_events_take(&e), kinds[i].verdict == 0);
		assert_int_equal(recv(theirs, &got, sizeof(got), MSG_DONTWAIT), 20);
		assert_int_equal(got.request, kinds[i].request);
		assert_int_equal(got.flags, VHOST_USER_VERSION | VHOST_USER_REPLY);
		assert_int_equal(got.payload.u64, kinds[i].verdict);
	}
	end();
}

static void
garbage_closes_the_channel(void **state)
{
	static const struct vhost_user_msg bad[] = {
		{.request = 2, .flags = 0},
		{.request = 2, .flags = 2},
		{.request = 2, .flags = VHOST_USER_VERSION | VHOST_USER_REPLY},
		{.request = 2, .flags = VHOST_USER_VERSION, .bytes = sizeof(bad[0].payload) + 1},
		{.request = 2, .flags = VHOST_USER_VERSION, .bytes = UINT32_MAX},
		{.request = 2, .flags = VHOST_USER_VERSION, .bytes = UINT32_MAX - 11},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		begin();
		assert_int_equal(
			write(theirs, &bad[i], VHOST_USER_HEADER_BYTES), VHOST_USER_HEADER_BYTES);
		assert_int_equal(vhost_user_events_take(&e), -EPROTO);
		assert_int_equal(e.fd, -1);
		assert_int_equal(vhost_user_events_take(&e), 0);
		end();
	}
	begin();
	close(theirs);
	theirs = -1;
	assert_int_equal(vhost_user_events_take(&e), -ECONNRESET);
	end();
}

static void
one_that_floods_or_does_not_read_its_answers_costs_a_bounded_look(void **state)
{
	struct vhost_user_msg m = changed;
	unsigned int looks = 0;
	int ret;

	(void)state;
	begin();
	while (send(theirs, &m, VHOST_USER_HEADER_BYTES, MSG_DONTWAIT) == VHOST_USER_HEADER_BYTES)
		;
	while ((ret = vhost_user_events_take(&e)) == 1)
		looks++;
	assert_int_equal(ret, 0);
	assert_true(looks > 1);

	/* Their answers pile up until no room is left. */
	m.flags |= VHOST_USER_NEED_REPLY;
	for (;;) {
		if (send(theirs, &m, VHOST_USER_HEADER_BYTES, MSG_DONTWAIT) !=
				VHOST_USER_HEADER_BYTES ||
			vhost_user_events_take(&e) < 0 || e.fd < 0)
			break;
	}
	assert_int_equal(e.fd, -1);
	end();
}

static void
descriptors_that_come_along_are_closed(void **state)
{
	const unsigned int before = open_fds();
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(8 * sizeof(int))];
	} control = {.bytes = {0}};
	struct iovec iov = {(void *)(uintptr_t)&changed, VHOST_USER_HEADER_BYTES};
	struct msghdr m = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	(void)state;
	begin();
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(8 * sizeof(int));
	for (int i = 0; i < 8; i++)
		memcpy(CMSG_DATA(c) + i * sizeof(int), &theirs, sizeof(int));
	assert_int_equal(sendmsg(theirs, &m, 0), VHOST_USER_HEADER_BYTES);
	assert_int_equal(vhost_user_events_take(&e), 1);
	end();
	assert_int_equal(open_fds(), before);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		UNIT(changes_are_told_and_several_at_once_are_one),
		UNIT(message_cut_at_every_byte_waits_for_its_rest),
		UNIT(answers_are_given_to_those_who_want_one),
		UNIT(garbage_closes_the_channel),
		UNIT(one_that_floods_or_does_not_read_its_answers_costs_a_bounded_look),
		UNIT(descriptors_that_come_along_are_closed),
	};

	return RUN_UNITS("vhost_user_events", tests);
}
