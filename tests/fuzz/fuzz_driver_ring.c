/* SPDX-License-Identifier: BSD-3-Clause */
/* Driver role of the ring against any device: used entries, index and calls. */
#include "fuzz.h"
#include "ring/virtq_driver.h"

#define SIZES 6
#define PARTS_MAX 4
#define BUFFERS_MAX 256

static struct {
	struct guard kept[SIZES][4]; /* by size: the three parts, and the private books */
	struct virtq vq;
	struct virtq_driver q;
	/* Buffers by cookie - 1. */
	bool out[BUFFERS_MAX];
	uint32_t writable[BUFFERS_MAX];
	uint32_t due[65536]; /* by position, for in-order completion */
	uint32_t nb_out;
	uint16_t added; /* position of the next */
	uint16_t got;
	uint16_t device_idx;
} t;

static struct virtq_desc tables[BUFFERS_MAX][PARTS_MAX];

/* Where a driver puts the parts of a ring in one piece of memory: apart and aligned. */
static void
check_layout(uint32_t size)
{
	struct virtq_layout l;

	virtq_layout(&l, size);
	FUZZ_CHECK(l.desc % 16 == 0 && l.avail % 2 == 0 && l.used % 4 == 0);
	FUZZ_CHECK(l.desc + virtq_desc_bytes(size) <= l.avail);
	FUZZ_CHECK(l.avail + virtq_avail_bytes(size) <= l.used);
	FUZZ_CHECK(l.used + virtq_used_bytes(size) <= l.bytes);
}

static void
start(uint32_t power, uint32_t flags)
{
	uint32_t size = 2u << power;
	struct guard *kept = t.kept[power];

	check_layout(size);
	FUZZ_CHECK(virtq_init(&t.vq, size, fuzz_memory(&kept[0], virtq_desc_bytes(size), 16),
			   fuzz_memory(&kept[1], virtq_avail_bytes(size), 2),
			   fuzz_memory(&kept[2], virtq_used_bytes(size), 4), flags) == 0);
	virtq_driver_init(&t.q, &t.vq, fuzz_memory(&kept[3], virtq_driver_bytes(size), 8));
	memset(t.out, 0, sizeof(t.out));
	t.nb_out = 0;
	t.added = 0;
	t.got = 0;
	t.device_idx = 0;
}

static void
add(struct fuzz_input *in, uint8_t what)
{
	struct virtq_buf bufs[PARTS_MAX];
	uint32_t n = fuzz_u8(in);
	uint16_t nb = what >> 3 & 3;
	uint16_t nb_read;
	uint64_t bytes = 0;
	uint32_t writable = 0;
	int ret;

	if (t.out[n])
		return;
	nb += what >> 7;
	nb_read = nb == 0 ? 0 : (what >> 5) % (nb + 1u);
	for (uint32_t i = 0; i < nb; i++) {
		bufs[i] = (struct virtq_buf){4096 * n, fuzz_u8(in)};
		if (bufs[i].len == 0xff)
			bufs[i].len = UINT32_MAX;
		bytes += bufs[i].len;
		if (i >= nb_read)
			writable += bufs[i].len;
	}
	if (what & 1)
		ret = virtq_driver_add_indirect(&t.q, tables[n], 64 * n, bufs, nb_read,
			(uint16_t)(nb - nb_read), (void *)(uintptr_t)(n + 1));
	else
		ret = virtq_driver_add(
			&t.q, bufs, nb_read, (uint16_t)(nb - nb_read), (void *)(uintptr_t)(n + 1));
	FUZZ_CHECK(ret == 0 || ret == -ENOSPC || ret == -EMSGSIZE || ret == -ENOTSUP);
	if (ret != 0)
		return;
	FUZZ_CHECK(nb > 0 && nb <= t.vq.size && bytes <= UINT32_MAX);
	t.out[n] = true;
	t.writable[n] = writable;
	t.due[t.added++] = n;
	t.nb_out++;
	FUZZ_CHECK(t.nb_out <= t.vq.size);
}

static void
give_back(const void *cookie, uint32_t len)
{
	uint32_t n = (uint32_t)((uintptr_t)cookie - 1);

	FUZZ_CHECK(n < BUFFERS_MAX && t.out[n]);
	FUZZ_CHECK(len <= t.writable[n]);
	t.out[n] = false;
	t.nb_out--;
}

static void
get(uint8_t most)
{
	bool in_order = t.vq.flags & VIRTQ_IN_ORDER;
	void *cookie;
	uint32_t len;

	/* As burst code does it: what is in sequence at once, the rest one by one. */
	if (t.q.sequence && t.q.batch_left == 0 && most > 4) {
		uint32_t lens[16];
		uint16_t n = virtq_driver_used(&t.q, 16);

		n = virtq_driver_seq_check(&t.q, lens, RTE_MIN(n, 16));
		for (uint16_t i = 0; i < n; i++) {
			uint16_t slot = (uint16_t)(t.q.used_next + i) & t.vq.mask;

			if (lens[i] > t.q.descs[slot].writable) {
				n = i;
				break;
			}
			give_back(t.q.cookies[slot], lens[i]);
		}
		virtq_driver_seq_got(&t.q, n);
		t.got = (uint16_t)(t.got + n);
	}
	while (most-- > 0 && (cookie = virtq_driver_get(&t.q, &len)) != NULL) {
		if (in_order)
			FUZZ_CHECK((uintptr_t)cookie - 1 == t.due[t.got]);
		t.got++;
		give_back(cookie, len);
	}
	FUZZ_CHECK(virtq_driver_outstanding(&t.q) == t.nb_out);
}

static void
detach_and_restart(void)
{
	void *cookie;

	while ((cookie = virtq_driver_detach(&t.q)) != NULL)
		give_back(cookie, 0);
	FUZZ_CHECK(t.nb_out == 0);
	start((uint32_t)__builtin_ctz(t.vq.size) - 1, t.vq.flags);
}

static void
write_used(struct fuzz_input *in, uint8_t what)
{
	struct virtq_used_elem *e = &t.vq.used->ring[t.device_idx % t.vq.size];
	uint32_t id = what & 0x80 ? fuzz_u32(in) : fuzz_u8(in) % t.vq.size;

	/* The next that is due, as a rule. */
	if (!(what & 0x10))
		id = rte_le_to_cpu_16(t.vq.avail->ring[t.device_idx % t.vq.size]);
	e->id = rte_cpu_to_le_32(id);
	e->len = rte_cpu_to_le_32(what & 0x40 ? fuzz_u32(in) : fuzz_u8(in));
	t.device_idx = (uint16_t)(t.device_idx + (what & 0x20 ? fuzz_u8(in) % 4 : 1));
	t.vq.used->idx = rte_cpu_to_le_16(t.device_idx);
}

static void
step(struct fuzz_input *in)
{
	uint8_t what = fuzz_u8(in);

	switch (what & 7) {
	case 0:
	case 1:
		add(in, what);
		break;
	case 2:
		virtq_driver_publish(&t.q);
		FUZZ_CHECK(rte_le_to_cpu_16(t.vq.avail->idx) == t.added);
		break;
	case 3:
		write_used(in, what);
		break;
	case 4:
	case 5:
		get(what >> 3);
		break;
	case 6:
		if (what & 8)
			virtq_interrupts_on(&t.vq, t.q.used_next);
		else
			virtq_interrupts_off(&t.vq, t.q.used_next);
		*virtq_avail_event(&t.vq) = fuzz_u8(in);
		break;
	default:
		if (what & 8) {
			t.device_idx = fuzz_u16(in);
			t.vq.used->idx = rte_cpu_to_le_16(t.device_idx);
		} else {
			detach_and_restart();
		}
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data, size};
	uint32_t power = fuzz_u8(&in) % SIZES;

	start(power, fuzz_u8(&in) & (VIRTQ_INDIRECT | VIRTQ_EVENT_IDX | VIRTQ_IN_ORDER));
	while (in.left > 0)
		step(&in);
	detach_and_restart();
	return 0;
}
