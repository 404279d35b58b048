/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a vhost-user frontend may say: messages with payload, size, flags and descriptors of several
 * kinds. What passes the filter makes sense to the last field, and no descriptor and no mapping
 * stays behind, whatever was said.
 */
#include "control/control_ring.h"
#include "control/message_filter.h"
#include "fuzz.h"
#include "message_check.h"

#include <rte_common.h>

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAIRS 3
#define MEMFD_NAME "frontend-memory"
#define FILE_BYTES 0x20000
/* A number that is never open: as if the descriptor had been lost. */
#define NO_FD 900
/* Mappings are counted once in so many inputs. */
#define MAPS_EVERY 2048

/* Descriptors to choose from; a message gets copies. The first two are what most need. */
enum kind {
	KIND_EVENTFD,
	KIND_FILE,
	KIND_OTHER_FILE,
	KIND_READ_ONLY_FILE,
	KIND_RESIZED_FILE,
	KIND_PIPE,
	KIND_SOCKET,
	KIND_NULL_DEVICE,
	KIND_DIRECTORY,
	KIND_EPOLL,
	KIND_CLOSED,
	KIND_MISSING,
	KINDS
};

static struct {
	bool ready;
	int fds[KINDS];
	struct port port;
	struct port_vhost pv;
	struct vhost_control control;
	struct port_rxq rxq[PAIRS];
	struct port_txq txq[PAIRS];
	struct vhost_session session;
	struct vhost_message msg; /* what one message leaves behind is what the next begins with */
	struct passed_table table;
	uint32_t inputs;
} t;

/* What each flag of a message's first bytes makes odd. */
#define ODD_FLAGS 0x01
#define ODD_SIZE 0x02
#define ODD_FDS_NUMBER 0x04
#define ODD_FDS_KIND 0x08
#define NEED_REPLY 0x10
#define STALE_PAYLOAD 0x20

static int
memfd(size_t bytes)
{
	int fd = memfd_create(MEMFD_NAME, 0);

	FUZZ_CHECK(fd >= 0 && ftruncate(fd, (off_t)bytes) == 0);
	return fd;
}

static int
read_only(int fd)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_RDONLY);
}

static void
prepare(void)
{
	int two[2];

	t.fds[KIND_EVENTFD] = eventfd(0, 0);
	t.fds[KIND_FILE] = memfd(FILE_BYTES);
	t.fds[KIND_OTHER_FILE] = memfd(FILE_BYTES);
	t.fds[KIND_READ_ONLY_FILE] = read_only(t.fds[KIND_FILE]);
	t.fds[KIND_RESIZED_FILE] = memfd(FILE_BYTES);
	FUZZ_CHECK(pipe(two) == 0);
	t.fds[KIND_PIPE] = two[0];
	FUZZ_CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, two) == 0);
	t.fds[KIND_SOCKET] = two[0];
	t.fds[KIND_NULL_DEVICE] = open("/dev/null", O_RDWR);
	t.fds[KIND_DIRECTORY] = open("/", O_RDONLY | O_DIRECTORY);
	t.fds[KIND_EPOLL] = epoll_create1(0);
	t.fds[KIND_CLOSED] = NO_FD;
	t.fds[KIND_MISSING] = -1;
	for (uint32_t i = 0; i < KIND_CLOSED; i++)
		FUZZ_CHECK(t.fds[i] >= 0 && t.fds[i] < NO_FD);
	for (uint32_t i = 0; i < PAIRS; i++) {
		t.port.rxq[i] = &t.rxq[i];
		t.port.txq[i] = &t.txq[i];
	}
	t.port.backend = &t.pv;
	t.pv.port = &t.port;
	t.pv.control = &t.control;
	t.ready = true;
}

static int
lowest_free_fd(void)
{
	int fd = dup(t.fds[KIND_EVENTFD]);

	close(fd);
	return fd;
}

static uint32_t
count_mappings(void)
{
	char line[512];
	uint32_t nb = 0;
	FILE *f = fopen("/proc/self/maps", "r");

	FUZZ_CHECK(f != NULL);
	while (fgets(line, sizeof(line), f) != NULL)
		nb += strstr(line, MEMFD_NAME) != NULL;
	fclose(f);
	return nb;
}

/* Small numbers as a rule; 0xff announces one of all bits. */
static uint32_t
number32(struct fuzz_input *in)
{
	uint32_t small = fuzz_u8(in);

	return small == 0xff ? fuzz_u32(in) : small;
}

static uint64_t
wild64(struct fuzz_input *in)
{
	uint64_t low = fuzz_u32(in);

	return low | (uint64_t)fuzz_u32(in) << 32;
}

/* Pages as a rule. */
static uint64_t
number64(struct fuzz_input *in)
{
	uint8_t what = fuzz_u8(in);

	if (what == 0xff)
		return wild64(in);
	if (what >= 0xe0) /* close to the end of all numbers */
		return 0 - (uint64_t)(what & 0x1f) * 0x800;
	return (uint64_t)what << 11;
}

static uint64_t
features(struct fuzz_input *in, uint64_t offered)
{
	uint8_t what = fuzz_u8(in);
	uint64_t all = 0;

	if (what == 0xff)
		return wild64(in);
	if (what & 0x80)
		all = offered;
	else if (what & 0x40)
		all = offered & wild64(in);
	return all ^ UINT64_C(1) << (what & 0x3f);
}

static void
read_table(struct fuzz_input *in, struct vhost_msg_memory *m)
{
	m->nb_regions = number32(in);
	m->padding = 0;
	for (uint32_t i = 0; i < RTE_MIN(m->nb_regions, (uint32_t)VHOST_MSG_REGIONS_MAX); i++)
		m->regions[i] = (struct vhost_msg_region){
			number64(in), number64(in), number64(in), number64(in)};
}

/* Payload as the request has it. Returns its bytes and the descriptors that go with it. */
static uint32_t
read_payload(struct fuzz_input *in, struct vhost_message *m, int *nb_fds)
{
	*nb_fds = 0;
	switch (m->request) {
	case VHOST_REQ_SET_MEM_TABLE:
		read_table(in, &m->payload.memory);
		*nb_fds = (int)RTE_MIN(m->payload.memory.nb_regions, (uint32_t)VHOST_MSG_FDS_MAX);
		return 8 + 32 * (uint32_t)*nb_fds;
	case VHOST_REQ_SET_LOG_BASE:
		m->payload.log = (struct vhost_msg_log){number64(in), number64(in)};
		*nb_fds = 1;
		return sizeof(m->payload.log);
	case VHOST_REQ_SET_VRING_NUM:
	case VHOST_REQ_SET_VRING_BASE:
	case VHOST_REQ_GET_VRING_BASE:
	case VHOST_REQ_SET_VRING_ENABLE:
		m->payload.ring.index = number32(in);
		m->payload.ring.value = fuzz_u8(in);
		if (m->payload.ring.value >= 0xe0)
			m->payload.ring.value = 1u << (m->payload.ring.value & 0x1f);
		else if (m->payload.ring.value >= 0xd0)
			m->payload.ring.value = fuzz_u32(in);
		return sizeof(m->payload.ring);
	case VHOST_REQ_SET_VRING_ADDR:
		m->payload.addr = (struct vhost_msg_addr){number32(in), number32(in), number64(in),
			number64(in), number64(in), number64(in)};
		return sizeof(m->payload.addr);
	case VHOST_REQ_SET_VRING_KICK:
	case VHOST_REQ_SET_VRING_CALL:
	case VHOST_REQ_SET_VRING_ERR:
		m->payload.u64 = fuzz_u8(in);
		if (m->payload.u64 == 0xff)
			m->payload.u64 = wild64(in);
		else if (m->payload.u64 & 0x80)
			m->payload.u64 = (m->payload.u64 & 0x7f) | VHOST_VRING_NOFD;
		*nb_fds = m->payload.u64 & VHOST_VRING_NOFD ? 0 : 1;
		return sizeof(m->payload.u64);
	case VHOST_REQ_GET_CONFIG:
	case VHOST_REQ_SET_CONFIG:
		m->payload.config.offset = number32(in);
		m->payload.config.bytes = number32(in);
		m->payload.config.flags = fuzz_u8(in);
		return VHOST_MSG_CONFIG_HEADER + RTE_MIN(m->payload.config.bytes, 256u);
	case VHOST_REQ_SET_BACKEND_REQ_FD:
		*nb_fds = 1;
		return 0;
	case VHOST_REQ_SET_FEATURES:
		m->payload.u64 =
			features(in, filter_features(&t.port, t.session.protocol_features));
		return sizeof(m->payload.u64);
	case VHOST_REQ_SET_PROTOCOL_FEATURES:
		m->payload.u64 = features(in, FILTER_PROTOCOL_FEATURES);
		return sizeof(m->payload.u64);
	default:
		m->payload.u64 = number64(in) >> 4;
		return sizeof(m->payload.u64);
	}
}

static void
read_fds(struct fuzz_input *in, struct vhost_message *m, uint8_t odd, int nb_fds)
{
	bool events = m->request != VHOST_REQ_SET_MEM_TABLE && m->request != VHOST_REQ_SET_LOG_BASE;

	if (odd & ODD_FDS_NUMBER)
		nb_fds = (int)(fuzz_u8(in) % (VHOST_MSG_FDS_MAX + 2)) - 1;
	m->nb_fds = nb_fds;
	for (int i = 0; i < VHOST_MSG_FDS_MAX; i++) {
		uint8_t kind = m->request == VHOST_REQ_SET_BACKEND_REQ_FD ? KIND_SOCKET
			       : events                                   ? KIND_EVENTFD
									  : KIND_FILE;

		m->fds[i] = -1;
		if (i >= nb_fds)
			continue;
		if (odd & ODD_FDS_KIND)
			kind = fuzz_u8(in) % KINDS;
		m->fds[i] = kind >= KIND_CLOSED ? t.fds[kind] : dup(t.fds[kind]);
	}
}

static void
read_message(struct fuzz_input *in, struct vhost_message *m)
{
	uint8_t request = fuzz_u8(in);
	uint8_t odd = fuzz_u8(in);
	int nb_fds;

	m->request = request == 0xff ? fuzz_u32(in) : request % (VHOST_REQ_MAX + 2);
	m->flags = VHOST_MSG_VERSION | (odd & NEED_REPLY ? VHOST_MSG_NEED_REPLY : 0);
	if (odd & ODD_FLAGS)
		m->flags = number32(in);
	if (odd & STALE_PAYLOAD) {
		nb_fds = 0;
		m->size = 0;
	} else {
		m->size = read_payload(in, m, &nb_fds);
	}
	if (odd & ODD_SIZE)
		m->size = number32(in);
	read_fds(in, m, odd, nb_fds);
}

static bool
is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static void
check_config(const struct vhost_message *m)
{
	const struct vhost_msg_config *c = &m->payload.config;

	FUZZ_CHECK(t.session.protocol_features & (1u << VHOST_PROTOCOL_F_CONFIG));
	if (m->size == 0)
		FUZZ_CHECK((uint64_t)c->offset + c->bytes > VHOST_MSG_CONFIG_MAX);
	else
		FUZZ_CHECK((uint64_t)c->offset + c->bytes <= VHOST_MSG_CONFIG_MAX &&
			   m->size == VHOST_MSG_CONFIG_HEADER + c->bytes);
}

static void
say(struct fuzz_input *in)
{
	struct vhost_message *m = &t.msg;
	char why[FILTER_WHY_BYTES] = "";
	int fds[VHOST_MSG_FDS_MAX];
	enum filter_verdict verdict;
	bool was_open;
	int nb_fds;

	read_message(in, m);
	memcpy(fds, m->fds, sizeof(fds));
	nb_fds = m->nb_fds;
	verdict = message_filter(&t.port, &t.session, m, why);
	FUZZ_CHECK(vhost_request_name(m->request)[0] != '\0');
	if (verdict == FILTER_PASS) {
		FUZZ_CHECK(m->nb_fds == nb_fds);
		check_passed(&t.port, &t.session, &t.table, m);
	} else {
		FUZZ_CHECK(m->nb_fds == 0);
		FUZZ_CHECK(verdict != FILTER_ANSWERED || m->size == 8 ||
			   m->request == VHOST_REQ_GET_CONFIG);
		if (verdict == FILTER_ANSWERED && m->request == VHOST_REQ_GET_CONFIG)
			check_config(m);
		FUZZ_CHECK(verdict != FILTER_REFUSED || why[0] != '\0');
		FUZZ_CHECK(memchr(why, '\0', sizeof(why)) != NULL);
		if (m->request == VHOST_REQ_SET_FEATURES)
			t.session.features_accepted = false;
	}
	for (int i = 0; i < nb_fds && i < VHOST_MSG_FDS_MAX; i++) {
		was_open = fds[i] >= 0 && fds[i] != NO_FD;
		FUZZ_CHECK(was_open || verdict != FILTER_PASS);
		FUZZ_CHECK(is_open(fds[i]) == (was_open && verdict == FILTER_PASS));
		if (was_open && verdict == FILTER_PASS)
			close(fds[i]);
	}
}

/* The world around the filter changes: rings start and stop, a file is cut or grows. */
static void
change(struct fuzz_input *in, uint8_t what)
{
	uint32_t ring = (what >> 2) % (2 * PAIRS + 1);

	if (what & 2) {
		FUZZ_CHECK(ftruncate(t.fds[KIND_RESIZED_FILE], (off_t)fuzz_u8(in) << 10) == 0);
		return;
	}
	if (ring == 2 * PAIRS)
		t.port.ctrlq.running ^= true;
	else if (ring & 1)
		t.rxq[ring / 2].running ^= true;
	else
		t.txq[ring / 2].running ^= true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data, size};
	uint8_t what;
	int lowest;

	if (!t.ready)
		prepare();
	lowest = lowest_free_fd();
	memset(&t.session, 0, sizeof(t.session));
	memset(&t.msg, 0, sizeof(t.msg));
	memset(t.rxq, 0, sizeof(t.rxq));
	memset(t.txq, 0, sizeof(t.txq));
	t.port.ctrlq.running = false;
	t.table.nb_regions = 0;
	FUZZ_CHECK(ftruncate(t.fds[KIND_RESIZED_FILE], FILE_BYTES) == 0);
	what = fuzz_u8(&in);
	t.port.max_pairs = (uint16_t)(1 + what % PAIRS);
	t.pv.no_config = what & 0x80;
	t.pv.config_mtu = what & 0x40 ? 1500 : 0;
	t.pv.hash = what & 0x20;
	while (in.left > 0) {
		what = fuzz_u8(&in);
		if (what & 1)
			change(&in, what);
		else
			say(&in);
	}
	FUZZ_CHECK(lowest_free_fd() == lowest);
	if (t.inputs++ % MAPS_EVERY == 0)
		FUZZ_CHECK(count_mappings() == 0);
	return 0;
}
