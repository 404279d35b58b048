/* SPDX-License-Identifier: BSD-3-Clause */
#include "backend.h"

#include "backend_msg.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void
backend_init(struct backend *b, const char *path)
{
	memset(b, 0, sizeof(*b));
	b->path = path;
	b->features = B_USUAL;
	b->protocol = B_P_USUAL;
	b->pairs = B_RINGS / 2;
	b->listen_fd = b->sock = b->quit_fd = b->channel = -1;
	for (int i = 0; i < B_RINGS; i++)
		b->rings[i].kick_fd = b->rings[i].call_fd = -1;
	pthread_mutex_init(&b->lock, NULL);
}

static bool
recv_all(int sock, void *buf, size_t bytes, int *fds, int *nb_fds)
{
	size_t done = 0;

	while (done < bytes) {
		char control[CMSG_SPACE(sizeof(int) * FDS)];
		struct iovec iov = {(char *)buf + done, bytes - done};
		struct msghdr m = {
			.msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = control,
			.msg_controllen = sizeof(control),
		};
		ssize_t n = recvmsg(sock, &m, MSG_CMSG_CLOEXEC);
		struct cmsghdr *c;

		if (n <= 0)
			return false;
		c = CMSG_FIRSTHDR(&m);
		if (c != NULL && *nb_fds == 0) {
			*nb_fds = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
			memcpy(fds, CMSG_DATA(c), (size_t)*nb_fds * sizeof(int));
		}
		done += (size_t)n;
	}
	return true;
}

static bool
serve_message(struct backend *b)
{
	struct message m;
	int fds[FDS];
	int nb_fds = 0;
	bool go_on = false;

	if (recv_all(b->sock, &m, HEADER, fds, &nb_fds) && m.bytes <= PAYLOAD &&
		recv_all(b->sock, m.payload, m.bytes, fds, &nb_fds)) {
		pthread_mutex_lock(&b->lock);
		go_on = backend_handle(b, &m, fds, nb_fds);
		pthread_mutex_unlock(&b->lock);
	}
	for (int i = 0; i < nb_fds; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}
	return go_on;
}

/* @return false: time to quit. */
static bool
wait_for(struct backend *b, int fd)
{
	struct pollfd p[2] = {{.fd = b->quit_fd, .events = POLLIN}, {.fd = fd, .events = POLLIN}};

	poll(p, 2, fd < 0 ? 5 : -1);
	return p[0].revents == 0;
}

static int
try_connect(const struct backend *b)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", b->path);
	if (connect(s, (const struct sockaddr *)&addr, sizeof(addr)) == 0)
		return s;
	close(s);
	return -1;
}

static void *
serve(void *arg)
{
	struct backend *b = arg;

	while (wait_for(b, b->listen_fd)) {
		int s = b->connects ? try_connect(b)
				    : accept4(b->listen_fd, NULL, NULL, SOCK_CLOEXEC);

		if (s < 0)
			continue;
		pthread_mutex_lock(&b->lock);
		b->sock = s;
		b->connections++;
		b->connected = true;
		pthread_mutex_unlock(&b->lock);
		while (wait_for(b, s) && serve_message(b))
			;
		pthread_mutex_lock(&b->lock);
		backend_forget_connection(b);
		pthread_mutex_unlock(&b->lock);
	}
	return NULL;
}

static void
must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "backend: %s: %s\n", what, strerror(errno));
	abort();
}

void
backend_start(struct backend *b)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	b->quit_fd = eventfd(0, EFD_CLOEXEC);
	must(b->quit_fd >= 0, "eventfd");
	if (!b->connects) {
		unlink(b->path);
		snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", b->path);
		b->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		must(b->listen_fd >= 0, "socket");
		must(bind(b->listen_fd, (struct sockaddr *)&addr, sizeof(addr)) == 0, "bind");
		must(listen(b->listen_fd, 4) == 0, "listen");
	}
	b->ctrl_stop = false;
	must(pthread_create(&b->thread, NULL, serve, b) == 0, "thread");
	if (b->features & B_F_CTRL_VQ)
		must(pthread_create(&b->ctrl_thread, NULL, backend_ctrl_serve, b) == 0, "thread");
}

void
backend_stop(struct backend *b)
{
	if (b->quit_fd < 0)
		return;
	(void)!eventfd_write(b->quit_fd, 1);
	pthread_join(b->thread, NULL);
	__atomic_store_n(&b->ctrl_stop, true, __ATOMIC_RELEASE);
	if (b->features & B_F_CTRL_VQ)
		pthread_join(b->ctrl_thread, NULL);
	/* First: the driver might come back before it knows that there is nobody to come back to.
	 */
	if (b->listen_fd >= 0)
		close(b->listen_fd);
	if (!b->connects)
		unlink(b->path);
	backend_forget_connection(b);
	close(b->quit_fd);
	b->listen_fd = b->quit_fd = -1;
}

unsigned int
backend_seen(struct backend *b, uint32_t request, struct backend_entry *last)
{
	unsigned int n = 0;

	pthread_mutex_lock(&b->lock);
	for (unsigned int i = 0; i < b->nb_log; i++) {
		if (b->log[i].request != request)
			continue;
		n++;
		if (last != NULL)
			*last = b->log[i];
	}
	pthread_mutex_unlock(&b->lock);
	return n;
}

static int
position(struct backend *b, uint32_t request, uint32_t index, bool last)
{
	int at = -1;

	pthread_mutex_lock(&b->lock);
	for (unsigned int i = 0; i < b->nb_log && (last || at < 0); i++) {
		if (b->log[i].request == request && b->log[i].index == index)
			at = (int)i;
	}
	pthread_mutex_unlock(&b->lock);
	return at;
}

int
backend_first(struct backend *b, uint32_t request, uint32_t index)
{
	return position(b, request, index, false);
}

int
backend_last(struct backend *b, uint32_t request, uint32_t index)
{
	return position(b, request, index, true);
}

void
backend_forget(struct backend *b)
{
	pthread_mutex_lock(&b->lock);
	b->nb_log = 0;
	pthread_mutex_unlock(&b->lock);
}

void
backend_device(struct backend *b, uint32_t ring, struct fake_device *d)
{
	const struct backend_ring *r = &b->rings[ring];

	fake_device_start(d, r->size, backend_at(b, r->desc, 16 * (uint64_t)r->size),
		backend_at(b, r->avail, 6 + 2 * (uint64_t)r->size),
		backend_at(b, r->used, 6 + 8 * (uint64_t)r->size));
	d->avail_pos = r->base;
	d->used_pos = r->base;
	d->order_pos = r->base;
	d->indirect = (b->acked & B_F_INDIRECT) != 0;
	d->in_order = (b->acked & B_F_IN_ORDER) != 0;
}

unsigned int
backend_live(struct backend *b)
{
	unsigned int n = 0;

	pthread_mutex_lock(&b->lock);
	for (int i = 0; i < B_RINGS; i++)
		n += b->rings[i].started && b->rings[i].enabled;
	pthread_mutex_unlock(&b->lock);
	return n;
}
