/* SPDX-License-Identifier: BSD-3-Clause */
#include "message_check.h"

#include "fuzz.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static bool
is_eventfd(int fd)
{
	char path[64], target[64] = "";

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return readlink(path, target, sizeof(target) - 1) > 0 &&
	       strcmp(target, "anon_inode:[eventfd]") == 0;
}

static bool
is_unix_stream(int fd)
{
	struct sockaddr_un un;
	socklen_t bytes = sizeof(un);
	int type = 0;

	if (getsockname(fd, (struct sockaddr *)&un, &bytes) != 0 || un.sun_family != AF_UNIX)
		return false;
	bytes = sizeof(type);
	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &bytes) == 0 && type == SOCK_STREAM;
}

static bool
apart(uint64_t a, uint64_t a_bytes, uint64_t b, uint64_t b_bytes)
{
	return (unsigned __int128)a + a_bytes <= b || (unsigned __int128)b + b_bytes <= a;
}

static bool
same_table(const struct passed_table *old, const struct vhost_msg_memory *m)
{
	bool same = old->nb_regions == m->nb_regions;

	for (uint32_t i = 0; same && i < m->nb_regions; i++)
		same = old->regions[i].guest == m->regions[i].guest &&
		       old->regions[i].user == m->regions[i].user &&
		       old->regions[i].bytes == m->regions[i].bytes;
	return same;
}

/* Whoever maps this table maps files that are there, and each address means one byte. */
static void
check_table(const struct vhost_session *session, struct passed_table *old,
	const struct vhost_message *m)
{
	const struct vhost_msg_memory *table = &m->payload.memory;
	uint32_t n = table->nb_regions;
	struct stat files[VHOST_MSG_REGIONS_MAX];
	bool same;

	FUZZ_CHECK(n >= 1 && n <= VHOST_MSG_REGIONS_MAX);
	FUZZ_CHECK(m->size >= 8 + 32 * n && m->nb_fds == (int)n);
	for (uint32_t i = 0; i < n; i++) {
		const struct vhost_msg_region *r = &table->regions[i];
		unsigned __int128 top = (unsigned __int128)1 << 64;

		FUZZ_CHECK(r->bytes > 0);
		FUZZ_CHECK((unsigned __int128)r->guest + r->bytes <= top);
		FUZZ_CHECK((unsigned __int128)r->user + r->bytes <= top);
		FUZZ_CHECK(fstat(m->fds[i], &files[i]) == 0 && S_ISREG(files[i].st_mode));
		FUZZ_CHECK((unsigned __int128)r->offset + r->bytes <=
			   (unsigned __int128)files[i].st_size);
		FUZZ_CHECK((fcntl(m->fds[i], F_GETFL) & O_ACCMODE) == O_RDWR);
		for (uint32_t k = 0; k < i; k++) {
			const struct vhost_msg_region *o = &table->regions[k];

			FUZZ_CHECK(apart(r->guest, r->bytes, o->guest, o->bytes));
			FUZZ_CHECK(apart(r->user, r->bytes, o->user, o->bytes));
		}
	}
	same = same_table(old, table);
	for (uint32_t i = 0; same && i < n; i++)
		FUZZ_CHECK(old->files[i].st_ino == files[i].st_ino &&
			   old->regions[i].offset == table->regions[i].offset);
	FUZZ_CHECK(session->nb_files == n);
	FUZZ_CHECK(memcmp(session->regions, table->regions, n * sizeof(table->regions[0])) == 0);
	old->nb_regions = n;
	memcpy(old->regions, table->regions, n * sizeof(table->regions[0]));
	memcpy(old->files, files, n * sizeof(files[0]));
}

static void
check_log(const struct vhost_session *session, const struct vhost_message *m)
{
	struct stat st;

	FUZZ_CHECK(session->protocol_features & (1u << VHOST_PROTOCOL_F_LOG_SHMFD));
	FUZZ_CHECK(m->size >= 16 && m->nb_fds == 1 && m->payload.log.offset == 0);
	FUZZ_CHECK(fstat(m->fds[0], &st) == 0 && S_ISREG(st.st_mode));
	FUZZ_CHECK(m->payload.log.bytes > 0 && m->payload.log.bytes <= (uint64_t)st.st_size);
}

/* The control queue is the ring behind all pairs, or with neither MQ nor RSS behind the first. */
static bool
ring_running(const struct port *port, const struct vhost_session *session, uint32_t ring)
{
	bool config = session->protocol_features & (1u << VHOST_PROTOCOL_F_CONFIG);
	bool many = session->features & (UINT64_C(1) << 22 | UINT64_C(1) << 60);
	uint32_t last = 2u * port->max_pairs;

	if (config && (session->features & UINT64_C(1) << 17) && !many) {
		if (ring == 2)
			return port->ctrlq.running;
		if (ring == last)
			ring = 2;
	}
	if (ring == last)
		return port->ctrlq.running;
	return ring & 1 ? port->rxq[ring / 2]->running : port->txq[ring / 2]->running;
}

static uint32_t
nb_rings(const struct port *port, const struct vhost_session *session)
{
	return 2u * port->max_pairs +
	       ((session->protocol_features & (1u << VHOST_PROTOCOL_F_CONFIG)) ? 1 : 0);
}

static void
check_ring_state(
	const struct port *port, const struct vhost_session *session, const struct vhost_message *m)
{
	uint32_t ring = m->payload.ring.index;
	uint32_t value = m->payload.ring.value;

	FUZZ_CHECK(ring < nb_rings(port, session));
	FUZZ_CHECK(m->size >= (m->request == VHOST_REQ_SET_VRING_ADDR ? 40 : 8));
	FUZZ_CHECK(m->nb_fds == 0);
	if (m->request == VHOST_REQ_SET_VRING_NUM || m->request == VHOST_REQ_SET_VRING_BASE)
		FUZZ_CHECK(!ring_running(port, session, ring));
	if (m->request == VHOST_REQ_SET_VRING_NUM)
		FUZZ_CHECK(value >= 2 && value <= 32768 && __builtin_popcount(value) == 1);
	if (m->request == VHOST_REQ_SET_VRING_BASE)
		FUZZ_CHECK(value <= 65535);
}

static void
check_ring_fd(
	const struct port *port, const struct vhost_session *session, const struct vhost_message *m)
{
	bool none = m->payload.u64 & VHOST_VRING_NOFD;

	FUZZ_CHECK(m->size >= 8);
	FUZZ_CHECK((m->payload.u64 & ~UINT64_C(0x1ff)) == 0);
	FUZZ_CHECK((m->payload.u64 & 0xff) < nb_rings(port, session));
	FUZZ_CHECK(m->nb_fds == (none ? 0 : 1));
	FUZZ_CHECK(none || is_eventfd(m->fds[0]));
	if (m->request == VHOST_REQ_SET_VRING_CALL && !none)
		FUZZ_CHECK(fcntl(m->fds[0], F_GETFL) & O_NONBLOCK);
}

static bool
any_running(const struct port *port)
{
	for (uint32_t i = 0; i < port->max_pairs; i++) {
		if (port->rxq[i]->running || port->txq[i]->running)
			return true;
	}
	return port->ctrlq.running;
}

static void
check_features(const struct port *port, const struct vhost_session *session, uint64_t asked)
{
	uint64_t log = UINT64_C(1) << VHOST_F_LOG_ALL_BIT;

	FUZZ_CHECK((asked & ~filter_features(port, session->protocol_features)) == 0);
	FUZZ_CHECK(asked & UINT64_C(1) << 32);
	FUZZ_CHECK(!any_running(port) || (asked & ~log) == (session->features & ~log));
}

void
check_passed(const struct port *port, struct vhost_session *session, struct passed_table *old,
	const struct vhost_message *m)
{
	FUZZ_CHECK((m->flags & (VHOST_MSG_VERSION_MASK | VHOST_MSG_REPLY)) == VHOST_MSG_VERSION);
	switch (m->request) {
	case VHOST_REQ_SET_MEM_TABLE:
		check_table(session, old, m);
		return;
	case VHOST_REQ_SET_LOG_BASE:
		check_log(session, m);
		return;
	case VHOST_REQ_SET_VRING_KICK:
	case VHOST_REQ_SET_VRING_CALL:
	case VHOST_REQ_SET_VRING_ERR:
		check_ring_fd(port, session, m);
		return;
	case VHOST_REQ_SET_VRING_NUM:
	case VHOST_REQ_SET_VRING_BASE:
	case VHOST_REQ_SET_VRING_ADDR:
	case VHOST_REQ_GET_VRING_BASE:
	case VHOST_REQ_SET_VRING_ENABLE:
		check_ring_state(port, session, m);
		return;
	case VHOST_REQ_SET_FEATURES:
		check_features(port, session, m->payload.u64);
		session->features = m->payload.u64;
		session->features_accepted = true;
		break;
	case VHOST_REQ_SET_PROTOCOL_FEATURES:
		FUZZ_CHECK((m->payload.u64 & ~FILTER_PROTOCOL_FEATURES) == 0);
		FUZZ_CHECK(!any_running(port) || m->payload.u64 == session->protocol_features);
		session->protocol_features = m->payload.u64;
		break;
	case VHOST_REQ_SET_STATUS:
		FUZZ_CHECK(m->payload.u64 <= 0xff);
		FUZZ_CHECK(session->features_accepted || !(m->payload.u64 & 8));
		break;
	case VHOST_REQ_NET_SET_MTU:
		FUZZ_CHECK(m->payload.u64 >= 68 && m->payload.u64 <= 65535);
		break;
	case VHOST_REQ_SET_BACKEND_REQ_FD:
		FUZZ_CHECK(session->protocol_features & (1u << VHOST_PROTOCOL_F_BACKEND_REQ));
		FUZZ_CHECK(m->nb_fds == 1 && is_unix_stream(m->fds[0]));
		return;
	case VHOST_REQ_SET_OWNER:
	case VHOST_REQ_RESET_OWNER:
	case VHOST_REQ_GET_STATUS:
		FUZZ_CHECK(m->nb_fds == 0);
		return;
	default:
		FUZZ_CHECK(!"a message that nobody handles passed");
	}
	FUZZ_CHECK(m->size >= 8 && m->nb_fds == 0);
}
