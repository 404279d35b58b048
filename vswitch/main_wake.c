/* SPDX-License-Identifier: BSD-3-Clause */
#include "main_wake.h"

#include <errno.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

static int wake_fd = -1;

int
main_wake_init(void)
{
	wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return wake_fd < 0 ? -errno : 0;
}

void
main_wake_fini(void)
{
	if (wake_fd >= 0)
		close(wake_fd);
	wake_fd = -1;
}

void
main_wake(void)
{
	const uint64_t one = 1;
	int saved = errno;

	/* When it is full it is readable, which is all that counts. */
	if (wake_fd >= 0 && write(wake_fd, &one, sizeof(one)) < 0)
		errno = saved;
}

int
main_wake_fd(void)
{
	return wake_fd;
}

void
main_wake_clear(void)
{
	eventfd_t count;

	if (wake_fd >= 0)
		eventfd_read(wake_fd, &count);
}
