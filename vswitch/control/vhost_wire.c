/* SPDX-License-Identifier: BSD-3-Clause */
#include "vhost_wire.h"

#include "control.h"
#include "vhost_gate.h"
#include "vhost_msg.h"

#include <rte_vhost.h>

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#define HEADER_BYTES offsetof(struct vhost_message, payload)

#define PIPES_MAX 64

static bool active;
static int bell = -1; /* a byte here ends the library's poll() */

/* Is this how the library asks for a header and its descriptors? Nobody else does it so. */
static bool
is_header(const struct msghdr *msg)
{
	return msg->msg_iovlen == 1 && msg->msg_iov[0].iov_len == HEADER_BYTES &&
	       msg->msg_name == NULL;
}

/* Messages about a ring that have no descriptor to bring. */
static bool
brings_none(uint32_t request)
{
	switch (request) {
	case VHOST_REQ_SET_VRING_NUM:
	case VHOST_REQ_SET_VRING_ADDR:
	case VHOST_REQ_SET_VRING_BASE:
	case VHOST_REQ_GET_VRING_BASE:
	case VHOST_REQ_SET_VRING_ENABLE:
	case VHOST_REQ_SET_INFLIGHT_FD:
		return true;
	default:
		return false;
	}
}

static void
close_descriptors(struct msghdr *msg)
{
	struct cmsghdr *c;

	for (c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
		size_t nb = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		int fd;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < nb; i++) {
			memcpy(&fd, CMSG_DATA(c) + i * sizeof(fd), sizeof(fd));
			close(fd);
		}
	}
	msg->msg_controllen = 0;
}

static void
limit_waiting(int fd)
{
	const struct timeval t = {.tv_usec = VHOST_GATE_TIMEOUT_MS * 1000};

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t));
}

ssize_t
recvmsg(int fd, struct msghdr *msg, int flags)
{
	bool header = __atomic_load_n(&active, __ATOMIC_RELAXED) && is_header(msg);
	uint32_t request;
	ssize_t n;

	n = syscall(SYS_recvmsg, fd, msg, flags);
	if (!header || n != (ssize_t)HEADER_BYTES)
		return n;
	limit_waiting(fd);
	memcpy(&request, msg->msg_iov[0].iov_base, sizeof(request));
	if (brings_none(request))
		close_descriptors(msg);
	return n;
}

void
vhost_wire_init(void)
{
	if (!active && dlsym(RTLD_DEFAULT, "recvmsg") != (void *)(uintptr_t)&recvmsg)
		CONTROL_LOG(WARNING, "recvmsg() is not ours: a frontend can leave descriptors "
				     "behind");
	__atomic_store_n(&active, true, __ATOMIC_RELAXED);
	vhost_gate_init();
}

/* Write ends of the pipes of this process. */
static unsigned int
list_pipes(int fds[PIPES_MAX], ino_t inodes[PIPES_MAX])
{
	DIR *dir = opendir("/proc/self/fd");
	const struct dirent *entry;
	unsigned int nb = 0;
	struct stat st;

	if (dir == NULL)
		return 0;
	while ((entry = readdir(dir)) != NULL && nb < PIPES_MAX) {
		int fd = atoi(entry->d_name);

		if (entry->d_name[0] == '.' || fstat(fd, &st) != 0 || !S_ISFIFO(st.st_mode) ||
			(fcntl(fd, F_GETFL) & O_ACCMODE) != O_WRONLY)
			continue;
		fds[nb] = fd;
		inodes[nb++] = st.st_ino;
	}
	closedir(dir);
	return nb;
}

/* The first start makes the library's pipe: it is the one that was not there before. */
static int
start_first(const char *path)
{
	int before[PIPES_MAX], after[PIPES_MAX], rc, found = -1;
	ino_t old[PIPES_MAX], now[PIPES_MAX];
	unsigned int nb_old = list_pipes(before, old), nb_now, nb_new = 0;

	rc = rte_vhost_driver_start(path);
	nb_now = list_pipes(after, now);
	for (unsigned int i = 0; i < nb_now; i++) {
		bool is_new = true;

		for (unsigned int k = 0; k < nb_old; k++)
			is_new &= old[k] != now[i];
		if (is_new) {
			found = after[i];
			nb_new++;
		}
	}
	bell = nb_new == 1 ? found : -1;
	return rc;
}

static void
ring_bell(const char *path)
{
	if (bell >= 0 && write(bell, "", 1) != 1)
		CONTROL_LOG(WARNING, "%s: it takes up to a second until its state is seen", path);
}

int
vhost_wire_start(const char *path)
{
	static bool started;
	int rc = started ? rte_vhost_driver_start(path) : start_first(path);

	started = true;
	ring_bell(path);
	return rc;
}

void
vhost_wire_stop(const char *path)
{
	rte_vhost_driver_unregister(path);
	ring_bell(path);
}
