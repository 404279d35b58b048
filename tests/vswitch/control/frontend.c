/* SPDX-License-Identifier: BSD-3-Clause */
#include "frontend.h"

#include "support/covers.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define VERSION 1u
#define REPLY 4u
#define NEED_REPLY 8u
#define HEADER 12
#define HANG_MS 20000 /* a hang, not a measure */
#define BUFFERS (1u << 20)
#define BUFFER 2048u
#define PART (FE_BYTES / 4 / FE_RINGS)

static int
new_memfd(void)
{
	int fd = memfd_create("frontend", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, FE_BYTES), 0);
	return fd;
}

static uint8_t *
map(int fd)
{
	uint8_t *mem = mmap(NULL, FE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	assert_ptr_not_equal(mem, MAP_FAILED);
	return mem;
}

void
frontend_open(struct frontend *f)
{
	f->sock = -1;
	f->memfd = new_memfd();
	f->mem = map(f->memfd);
	f->guest = FE_GUEST;
	f->user = FE_USER;
	f->features = f->protocol = 0;
	for (uint32_t i = 0; i < FE_RINGS; i++) {
		f->call[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		f->kick[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		frontend_ring_init(f, i);
	}
}

void
frontend_close(struct frontend *f)
{
	frontend_disconnect(f);
	munmap(f->mem, FE_BYTES);
	close(f->memfd);
	for (uint32_t i = 0; i < FE_RINGS; i++) {
		close(f->call[i]);
		close(f->kick[i]);
	}
}

void
frontend_move_memory(struct frontend *f)
{
	int fd = new_memfd();
	uint8_t *mem = map(fd);

	memcpy(mem, f->mem, FE_BYTES);
	munmap(f->mem, FE_BYTES);
	close(f->memfd);
	f->memfd = fd;
	f->mem = mem;
	f->user += FE_BYTES;
	for (uint32_t i = 0; i < FE_RINGS; i++) {
		uint8_t *at = mem + frontend_ring_offset(i);

		f->ring[i].desc = (void *)at;
		f->ring[i].avail = (void *)(at + 4096);
		f->ring[i].used = (void *)(at + 8192);
	}
}

bool
frontend_connect(struct frontend *f, const char *path)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};

	snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
	f->sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(f->sock >= 0);
	if (connect(f->sock, (struct sockaddr *)&un, sizeof(un)) == 0)
		return true;
	frontend_disconnect(f);
	return false;
}

void
frontend_disconnect(struct frontend *f)
{
	if (f->sock >= 0)
		close(f->sock);
	f->sock = -1;
}

bool
frontend_send(struct frontend *f, uint32_t request, bool need_reply, const void *payload,
	uint32_t size, const int *fds, int nb_fds)
{
	uint32_t header[3] = {request, VERSION | (need_reply ? NEED_REPLY : 0), size};
	struct iovec iov[2] = {{header, HEADER}, {(void *)(uintptr_t)payload, size}};
	char control[CMSG_SPACE(8 * sizeof(int))] = {0};
	struct msghdr m = {.msg_iov = iov, .msg_iovlen = size != 0 ? 2 : 1};

	if (nb_fds > 0) {
		struct cmsghdr *c;

		m.msg_control = control;
		m.msg_controllen = CMSG_SPACE((size_t)nb_fds * sizeof(int));
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN((size_t)nb_fds * sizeof(int));
		memcpy(CMSG_DATA(c), fds, (size_t)nb_fds * sizeof(int));
	}
	return sendmsg(f->sock, &m, MSG_NOSIGNAL) == (ssize_t)(HEADER + size);
}

/* All of it, or false at the end of the connection. */
static bool
read_all(struct frontend *f, void *to, size_t bytes)
{
	struct pollfd p = {f->sock, POLLIN, 0};

	for (size_t got = 0; got < bytes;) {
		ssize_t n;

		if (poll(&p, 1, HANG_MS) != 1)
			fail_msg("the switch neither answers nor hangs up");
		n = read(f->sock, (char *)to + got, bytes - got);
		if (n <= 0)
			return false;
		got += (size_t)n;
	}
	return true;
}

bool
frontend_reply(struct frontend *f, uint32_t request, uint64_t *value)
{
	uint32_t header[3];
	uint8_t payload[512] = {0};

	if (!read_all(f, header, HEADER))
		return false;
	assert_int_equal(header[0], request);
	assert_int_equal(header[1], VERSION | REPLY);
	assert_true(header[2] <= sizeof(payload));
	if (!read_all(f, payload, header[2]))
		return false;
	memcpy(value, payload, sizeof(*value));
	return true;
}

int
frontend_config(struct frontend *f, uint32_t offset, uint32_t bytes, void *to)
{
	uint32_t header[3], payload[3 + 64] = {offset, bytes, 0};
	uint32_t room = bytes < 256 ? bytes : 256;

	if (!frontend_send(f, FE_GET_CONFIG, false, payload, 12 + room, NULL, 0) ||
		!read_all(f, header, HEADER))
		return -1;
	assert_int_equal(header[0], FE_GET_CONFIG);
	assert_int_equal(header[1], VERSION | REPLY);
	if (header[2] == 0)
		return 0;
	assert_int_equal(header[2], 12 + bytes);
	assert_true(bytes <= 256);
	if (!read_all(f, payload, header[2]))
		return -1;
	assert_int_equal(payload[0], offset);
	assert_int_equal(payload[1], bytes);
	memcpy(to, payload + 3, bytes);
	return (int)bytes;
}

int
frontend_channel(struct frontend *f)
{
	int two[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, two), 0);
	assert_int_equal(frontend_ask(f, FE_SET_BACKEND_REQ_FD, NULL, 0, &two[1], 1), 0);
	close(two[1]);
	return two[0];
}

uint32_t
frontend_channel_read(int channel)
{
	uint32_t message[3], nb = 0;

	while (recv(channel, message, sizeof(message), MSG_DONTWAIT) == (ssize_t)sizeof(message)) {
		assert_int_equal(message[0], 2); /* a config change, and no answer to it */
		assert_int_equal(message[1], VERSION);
		assert_int_equal(message[2], 0);
		nb++;
	}
	return nb;
}

uint64_t
frontend_offered(struct frontend *f)
{
	uint64_t offered;

	assert_true(frontend_send(f, FE_GET_FEATURES, false, NULL, 0, NULL, 0));
	assert_true(frontend_reply(f, FE_GET_FEATURES, &offered));
	return offered;
}

int
frontend_ask(struct frontend *f, uint32_t request, const void *payload, uint32_t size,
	const int *fds, int nb_fds)
{
	uint64_t value;

	if (!frontend_send(f, request, true, payload, size, fds, nb_fds) ||
		!frontend_reply(f, request, &value))
		return -1;
	return value != 0;
}

int
frontend_ask_u64(struct frontend *f, uint32_t request, uint64_t value)
{
	return frontend_ask(f, request, &value, sizeof(value), NULL, 0);
}

int
frontend_ask_ring(struct frontend *f, uint32_t request, uint32_t ring, uint32_t value)
{
	uint32_t state[2] = {ring, value};

	return frontend_ask(f, request, state, sizeof(state), NULL, 0);
}

int
frontend_ask_fd(struct frontend *f, uint32_t request, uint64_t value, int fd)
{
	return frontend_ask(f, request, &value, sizeof(value), &fd, fd >= 0 ? 1 : 0);
}

bool
frontend_barrier(struct frontend *f)
{
	uint64_t value;

	return frontend_send(f, FE_GET_FEATURES, false, NULL, 0, NULL, 0) &&
	       frontend_reply(f, FE_GET_FEATURES, &value);
}

bool
frontend_hung_up(struct frontend *f)
{
	char byte;
	bool gone = !read_all(f, &byte, 1);

	if (gone)
		frontend_disconnect(f);
	return gone;
}

void
frontend_negotiate(struct frontend *f, uint64_t features, uint64_t protocol)
{
	uint64_t offered;

	assert_true(frontend_offered(f) & FE_PROTOCOL);
	if (features & FE_PROTOCOL) {
		assert_true(frontend_send(f, FE_GET_PROTOCOL_FEATURES, false, NULL, 0, NULL, 0));
		assert_true(frontend_reply(f, FE_GET_PROTOCOL_FEATURES, &offered));
		assert_int_equal(protocol & ~offered, 0);
		assert_int_equal(frontend_ask_u64(f, FE_SET_PROTOCOL_FEATURES, protocol), 0);
	}
	/* Again: what is offered depends on them. */
	assert_int_equal(features & ~frontend_offered(f), 0);
	assert_int_equal(frontend_ask(f, FE_SET_OWNER, NULL, 0, NULL, 0), 0);
	assert_int_equal(frontend_ask_u64(f, FE_SET_FEATURES, features), 0);
	f->features = features;
	f->protocol = protocol;
}

int
frontend_ask_memory(struct frontend *f, const struct fe_region *regions, uint32_t nb,
	const int *fds, int nb_fds)
{
	uint32_t payload[2 + 8 * 8] = {nb, 0};
	uint32_t listed = nb < 8 ? nb : 8;

	memcpy(payload + 2, regions, listed * sizeof(*regions));
	return frontend_ask(f, FE_SET_MEM_TABLE, payload, 8 + listed * 32, fds, nb_fds);
}

void
frontend_memory(struct frontend *f)
{
	const struct fe_region region = {f->guest, FE_BYTES, f->user, 0};

	assert_int_equal(frontend_ask_memory(f, &region, 1, &f->memfd, 1), 0);
}

uint32_t
frontend_ring_offset(uint32_t i)
{
	return i * PART;
}

void
frontend_ring_init(struct frontend *f, uint32_t i)
{
	uint8_t *at = f->mem + frontend_ring_offset(i);

	fake_driver_start(&f->ring[i], FE_RING_SIZE, at, at + 4096, at + 8192);
}

void
frontend_ring_tell_addr(struct frontend *f, uint32_t i)
{
	uint64_t at = f->user + frontend_ring_offset(i);
	uint64_t addr[5] = {i, at, at + 8192, at + 4096, 0};

	assert_int_equal(frontend_ask(f, FE_SET_VRING_ADDR, addr, sizeof(addr), NULL, 0), 0);
}

void
frontend_ring_tell(struct frontend *f, uint32_t i)
{
	assert_int_equal(frontend_ask_ring(f, FE_SET_VRING_NUM, i, FE_RING_SIZE), 0);
	assert_int_equal(frontend_ask_ring(f, FE_SET_VRING_BASE, i, 0), 0);
	frontend_ring_tell_addr(f, i);
	assert_int_equal(frontend_ask_fd(f, FE_SET_VRING_CALL, i, f->call[i]), 0);
	assert_int_equal(frontend_ask_fd(f, FE_SET_VRING_KICK, i, f->kick[i]), 0);
}

void
frontend_enable(struct frontend *f, uint32_t i, bool on)
{
	assert_int_equal(frontend_ask_ring(f, FE_SET_VRING_ENABLE, i, on), 0);
}

void
frontend_status(struct frontend *f, uint8_t status)
{
	assert_int_equal(frontend_ask_u64(f, FE_SET_STATUS, status), 0);
}

void
frontend_start(struct frontend *f, uint32_t nb_rings)
{
	frontend_negotiate(f, FE_VERSION_1 | FE_PROTOCOL | FE_MRG_RXBUF, FE_P_ACK | FE_P_STATUS);
	frontend_memory(f);
	for (uint32_t i = 0; i < nb_rings; i++)
		frontend_ring_tell(f, i);
	for (uint32_t i = 0; i < nb_rings; i++)
		frontend_enable(f, i, true);
	frontend_status(f, 0xf);
	assert_true(frontend_barrier(f));
}

void
frontend_post(struct frontend *f, uint32_t i, uint32_t n)
{
	for (uint32_t k = 0; k < n; k++) {
		uint32_t slot = i * FE_RING_SIZE + f->ring[i].avail_idx % FE_RING_SIZE;
		struct fake_part part = {f->guest + BUFFERS + slot * BUFFER, BUFFER, true};

		assert_true(fake_driver_offer(&f->ring[i], &part, 1) >= 0);
	}
	fake_driver_show(&f->ring[i]);
}

void
frontend_frame(
	struct frontend *f, uint32_t i, uint8_t to, uint8_t from, uint32_t mark, uint32_t len)
{
	uint32_t at = BUFFERS + (i * FE_RING_SIZE + f->ring[i].avail_idx % FE_RING_SIZE) * BUFFER;
	struct fake_part part = {f->guest + at, FE_HDR + len, false};
	uint8_t *p = f->mem + at;

	memset(p, 0, FE_HDR + len);
	p += FE_HDR;
	memcpy(p, (uint8_t[]){2, 0, 0, 0, 0, to, 2, 0, 0, 0, 0, from, 0x88, 0xb5}, 14);
	memcpy(p + 14, &mark, sizeof(mark));
	assert_true(fake_driver_offer(&f->ring[i], &part, 1) >= 0);
	fake_driver_show(&f->ring[i]);
}

int64_t
frontend_received(struct frontend *f, uint32_t i)
{
	uint32_t id, len, mark;
	const uint8_t *p;

	if (!fake_driver_take(&f->ring[i], &id, &len)) {
		assert_null(f->ring[i].complaint);
		return -1;
	}
	assert_true(len >= FE_HDR + 18 && len <= BUFFER);
	p = f->mem + (rte_le_to_cpu_64(f->ring[i].desc[id].addr) - f->guest);
	memcpy(&mark, p + FE_HDR + 14, sizeof(mark));
	return mark;
}
