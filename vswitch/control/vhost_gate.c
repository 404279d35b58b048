/* SPDX-License-Identifier: BSD-3-Clause */
/* poll() is defined here: not as an inline function of the C library's headers. */
#undef _FORTIFY_SOURCE
#include "vhost_gate.h"

#include "control.h"
#include "port_vhost.h"
#include "vhost_msg.h"
#include "vhost_session.h"

#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define HEADER_BYTES offsetof(struct vhost_message, payload)
#define SET_MAX 1024    /* descriptors that the library polls at most */
#define LOOK_AGAIN_MS 2 /* at those that are held: nothing tells when the rest is there */
#define GONE (POLLHUP | POLLERR | POLLNVAL | POLLRDHUP)

uint32_t vhost_gate_timeout_ms = VHOST_GATE_TIMEOUT_MS;

static bool active;

/* A connection that is not shown; of the thread that polls it. */
struct held {
	int fd;
	uint64_t cookie; /* the descriptor may be another connection's by now */
	uint64_t since_ms;
};

static __thread struct held held[PORT_MAX];
static __thread uint32_t nb_held;

static uint64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static uint64_t
cookie_of(int fd)
{
	uint64_t cookie = 0;
	socklen_t bytes = sizeof(cookie);

	return getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &bytes) == 0 ? cookie : 0;
}

static struct held *
find_held(int fd)
{
	for (uint32_t i = 0; i < nb_held; i++) {
		if (held[i].fd == fd)
			return &held[i];
	}
	return NULL;
}

static void
let_go(struct held *h)
{
	if (h != NULL)
		*h = held[--nb_held];
}

/* Name of the port whose frontend is at the other end; false: not one of ours. */
static bool
port_of(int fd, char *name)
{
	struct sockaddr_un un = {.sun_family = AF_UNSPEC};
	socklen_t bytes = sizeof(un);

	/* An accepted socket has the path that was listened on, a connected one its peer has. */
	if (getsockname(fd, (struct sockaddr *)&un, &bytes) != 0 || un.sun_family != AF_UNIX)
		return false;
	if (bytes > sizeof(sa_family_t) && un.sun_path[0] != '\0')
		return vhost_session_port_name(un.sun_path, false, name);
	bytes = sizeof(un);
	if (getpeername(fd, (struct sockaddr *)&un, &bytes) != 0 || bytes <= sizeof(sa_family_t))
		return false;
	return vhost_session_port_name(un.sun_path, true, name);
}

enum said {
	SAID_WHOLE, /* the library may read: a message, the end, or a socket that listens */
	SAID_PART,
	SAID_UNANSWERED, /* a message, but answers to earlier ones pile up */
};

/* A quarter of the buffer is the most that waits in one that is writable: any answer fits. */
static bool
takes_answers(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};

	return syscall(SYS_poll, &p, 1, 0) != 0;
}

static enum said
said(int fd)
{
	uint32_t header[HEADER_BYTES / sizeof(uint32_t)];
	ssize_t n = recv(fd, header, sizeof(header), MSG_PEEK | MSG_DONTWAIT);
	int waiting;

	if (n <= 0)
		return SAID_WHOLE;
	if (n < (ssize_t)sizeof(header))
		return SAID_PART;
	/* The library refuses a longer one by its header. */
	if (header[2] <= sizeof(((struct vhost_message *)0)->payload) &&
		ioctl(fd, FIONREAD, &waiting) == 0 &&
		(uint64_t)waiting < HEADER_BYTES + (uint64_t)header[2])
		return SAID_PART;
	return takes_answers(fd) ? SAID_WHOLE : SAID_UNANSWERED;
}

static void
hang_up_on(int fd, const char *name, enum said what)
{
	CONTROL_LOG(WARNING, "port %s: hung up on its frontend, which %s for %u ms", name,
		what == SAID_PART ? "stopped in the middle of a message"
				  : "did not read its answers",
		vhost_gate_timeout_ms);
	shutdown(fd, SHUT_RDWR);
}

/* What to tell of a descriptor for which poll() said got. */
static short
judge(int fd, short got)
{
	struct held *h = find_held(fd);
	char name[PORT_NAME_BYTES];
	enum said what;

	if ((got & GONE) || !port_of(fd, name)) {
		let_go(h);
		return (short)(h != NULL ? got | POLLIN : got);
	}
	what = said(fd);
	if (what == SAID_WHOLE) {
		let_go(h);
		return (short)(got | POLLIN);
	}
	if (h == NULL && nb_held < PORT_MAX) {
		held[nb_held++] = (struct held){fd, cookie_of(fd), now_ms()};
		return (short)(got & ~POLLIN);
	}
	if (h != NULL && now_ms() - h->since_ms < vhost_gate_timeout_ms)
		return (short)(got & ~POLLIN);
	hang_up_on(fd, name, what);
	let_go(h);
	return (short)(got | POLLIN);
}

/* Those that are held are asked for their end only; others closed meanwhile are forgotten. */
static void
leave_out_held(struct pollfd *set, nfds_t nb)
{
	for (uint32_t i = nb_held; i-- > 0;) {
		nfds_t k = 0;

		while (k < nb && set[k].fd != held[i].fd)
			k++;
		if (k == nb || cookie_of(held[i].fd) != held[i].cookie)
			let_go(&held[i]);
		else
			set[k].events = POLLRDHUP;
	}
}

static int
gated_poll(struct pollfd *fds, nfds_t nb, int timeout)
{
	struct pollfd set[SET_MAX];
	int count = 0;

	if (!__atomic_load_n(&active, __ATOMIC_RELAXED) || nb > SET_MAX)
		return (int)syscall(SYS_poll, fds, nb, timeout);
	memcpy(set, fds, nb * sizeof(set[0]));
	leave_out_held(set, nb);
	if (nb_held != 0 && (timeout < 0 || timeout > LOOK_AGAIN_MS))
		timeout = LOOK_AGAIN_MS;
	if (syscall(SYS_poll, set, nb, timeout) < 0)
		return -1;
	for (nfds_t i = 0; i < nb; i++) {
		short got = set[i].revents;

		if ((got & POLLIN) || find_held(set[i].fd) != NULL)
			got = judge(set[i].fd, got);
		fds[i].revents = got & (short)(fds[i].events | POLLHUP | POLLERR | POLLNVAL);
		count += fds[i].revents != 0;
	}
	return count;
}

int
poll(struct pollfd *fds, nfds_t nb, int timeout)
{
	return gated_poll(fds, nb, timeout);
}

/* poll() of programs that were built with bounds checks, as distributions build the library. */
int __poll_chk(struct pollfd *fds, nfds_t nb, int timeout, size_t bytes);

int
__poll_chk(struct pollfd *fds, nfds_t nb, int timeout, size_t bytes)
{
	if (bytes / sizeof(*fds) < nb)
		abort();
	return gated_poll(fds, nb, timeout);
}

void
vhost_gate_init(void)
{
	if (!active && (dlsym(RTLD_DEFAULT, "poll") != (void *)(uintptr_t)&poll ||
			       dlsym(RTLD_DEFAULT, "__poll_chk") != (void *)(uintptr_t)&__poll_chk))
		CONTROL_LOG(WARNING,
			"poll() is not ours: frontends that stop in a message are shown, too");
	__atomic_store_n(&active, true, __ATOMIC_RELAXED);
}
