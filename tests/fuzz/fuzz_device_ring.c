/* SPDX-License-Identifier: BSD-3-Clause */
/* Device role of the ring against any driver: descriptors, tables, heads, index and calls. */
#include "fuzz.h"
#include "ring/virtq_device_run.h"

#define SIZES 6
#define SEGS_MAX 80
#define TAKE_MAX 16

/* Three regions; the first two touch for the driver only. */
static const struct {
	uint64_t guest;
	uint32_t bytes;
} regions[] = {{0x10000, 4096}, {0x11000, 4096}, {UINT64_C(0xfffffffffffff000), 4096}};

/* Where addresses of an input begin; it adds up to 255. */
static const uint64_t bases[] = {0x10000, 0x11000 - 0x80, 0x11000, 0x12000 - 0x80,
	UINT64_C(0xfffffffffffff000), UINT64_C(0xffffffffffffff80), 0x9000000, 0};

static struct {
	struct guard memory[RTE_DIM(regions)];
	struct guard kept[SIZES][3]; /* by size: descriptors, available ring, used ring */
	struct virtq_mem mem;
	struct virtq vq;
	struct virtq_device q;
	uint16_t put;     /* chains completed since the last publish */
	uint64_t reports; /* bytes of the dirty log */
} t;

static void
log_write(void *arg, uint64_t guest, uint64_t bytes)
{
	(void)arg;
	FUZZ_CHECK(guest >= 0x100000 && bytes > 0);
	FUZZ_CHECK(guest + bytes <= 0x100000 + virtq_used_bytes(t.vq.size));
	t.reports += bytes;
}

static void
start(uint16_t position)
{
	virtq_device_init(&t.q, &t.vq, &t.mem, position);
	virtq_device_log_to(&t.q, log_write, NULL, 0x100000);
	t.put = 0;
}

static void
open_ring(struct fuzz_input *in)
{
	uint32_t power = fuzz_u8(in) % SIZES;
	uint32_t size = 2u << power;
	uint32_t flags =
		fuzz_u8(in) & (VIRTQ_INDIRECT | VIRTQ_EVENT_IDX | VIRTQ_IN_ORDER | VIRTQ_LOG);
	struct guard *kept = t.kept[power];

	t.mem.nb_regions = 0;
	for (size_t i = 0; i < RTE_DIM(regions); i++) {
		fuzz_memory(&t.memory[i], regions[i].bytes, 4096);
		FUZZ_CHECK(virtq_mem_add(&t.mem, regions[i].guest, regions[i].bytes,
				   t.memory[i].mem) == 0);
	}
	FUZZ_CHECK(virtq_init(&t.vq, size, fuzz_memory(&kept[0], virtq_desc_bytes(size), 16),
			   fuzz_memory(&kept[1], virtq_avail_bytes(size), 2),
			   fuzz_memory(&kept[2], virtq_used_bytes(size), 4), flags) == 0);
	start(fuzz_u16(in));
	t.vq.avail->idx = rte_cpu_to_le_16(t.q.avail_next);
}

static void
read_desc(struct fuzz_input *in, struct virtq_desc *d)
{
	uint8_t what = fuzz_u8(in);
	uint64_t addr = bases[what % RTE_DIM(bases)] + fuzz_u8(in);
	uint32_t len = what & 0x80 ? fuzz_u32(in) : fuzz_u8(in);
	uint8_t flags = fuzz_u8(in);

	/* The upper half of the byte is the link, which is rarely wild. */
	d->addr = rte_cpu_to_le_64(addr);
	d->len = rte_cpu_to_le_32(what & 0x40 ? len & ~15u : len);
	d->flags = rte_cpu_to_le_16(flags & 7);
	d->next = rte_cpu_to_le_16(what & 0x20 ? fuzz_u16(in) : flags >> 4);
}

/* By a search of its own. */
static bool
in_map(const uint8_t *ptr, uint64_t guest, uint32_t len)
{
	for (size_t i = 0; i < RTE_DIM(regions); i++) {
		uint64_t offset = guest - regions[i].guest;

		if (guest >= regions[i].guest && offset < regions[i].bytes)
			return len <= regions[i].bytes - offset && ptr == t.memory[i].mem + offset;
	}
	return false;
}

static void
walk(uint16_t head, uint16_t max_segs)
{
	struct virtq_seg segs[SEGS_MAX];
	struct virtq_chain chain;
	uint64_t bytes[2] = {0, 0};
	bool was_broken = virtq_device_broken(&t.q);
	enum virtq_fault fault = virtq_device_walk(&t.q, head, segs, max_segs, &chain);
	struct virtq_one one;

	FUZZ_CHECK(
		virtq_device_broken(&t.q) ==
		(was_broken || (fault != VIRTQ_FAULT_NONE && fault != VIRTQ_FAULT_CHAIN_SEGMENTS)));
	if (fault == VIRTQ_FAULT_NONE) {
		FUZZ_CHECK(chain.nb_read + chain.nb_write <= max_segs);
		for (uint32_t i = 0; i < (uint32_t)chain.nb_read + chain.nb_write; i++) {
			FUZZ_CHECK(segs[i].len > 0);
			FUZZ_CHECK(in_map(segs[i].ptr, segs[i].guest, segs[i].len));
			bytes[i >= chain.nb_read] += segs[i].len;
		}
		FUZZ_CHECK(bytes[0] == chain.read_bytes && bytes[1] == chain.write_bytes);
	}
	for (uint16_t flags = 0; flags <= VIRTQ_DESC_F_WRITE; flags += VIRTQ_DESC_F_WRITE) {
		if (!virtq_device_one(&t.q, head, flags, 1, &one))
			continue;
		FUZZ_CHECK(in_map(one.ptr, one.guest, one.len));
		/* The long way says the same. */
		if (max_segs > 0)
			FUZZ_CHECK(fault == VIRTQ_FAULT_NONE && segs[0].ptr == one.ptr &&
				   segs[0].len == one.len &&
				   (flags ? chain.nb_write : chain.nb_read) == 1);
	}
}

/* Whoever walks a head that nobody has checked is told. */
static void
walk_unchecked(uint16_t head)
{
	struct virtq_seg segs[SEGS_MAX];
	struct virtq_chain chain;
	enum virtq_fault fault = virtq_device_walk(&t.q, head, segs, SEGS_MAX, &chain);

	FUZZ_CHECK((fault == VIRTQ_FAULT_HEAD_INDEX) == (head >= t.vq.size));
	FUZZ_CHECK(fault != VIRTQ_FAULT_HEAD_INDEX || virtq_device_broken(&t.q));
}

/* The way for whole bursts: what it lets pass is in the map, as the way for one would say. */
static bool
burst(uint16_t n, const uint16_t *heads, uint16_t flags)
{
	struct virtq_desc_words descs[TAKE_MAX];
	uint32_t lens[TAKE_MAX];
	struct virtq_one one;
	uint16_t first;

	if (n == 0 || !virtq_device_heads_run(&t.q, n, &first))
		return false;
	for (uint16_t i = 0; i < n; i++) {
		FUZZ_CHECK(heads[i] == first + i);
		lens[i] = 1;
	}
	virtq_device_descs(&t.q, first, n, descs);
	if (!virtq_device_descs_straight(&t.q, descs, n, flags, lens, UINT32_MAX))
		return false;
	for (uint16_t i = 0; i < n; i++) {
		lens[i] = virtq_desc_words_len(&descs[i]);
		FUZZ_CHECK(in_map(virtq_device_desc_ptr(&t.q, &descs[i]),
			rte_le_to_cpu_64(descs[i].addr), lens[i]));
		FUZZ_CHECK(virtq_device_one(&t.q, heads[i], flags, 1, &one));
		FUZZ_CHECK(one.len == lens[i]);
	}
	virtq_device_put_run(&t.q, first, lens, n);
	return true;
}

static void
take_and_complete(struct fuzz_input *in)
{
	uint16_t want = fuzz_u8(in) % TAKE_MAX;
	uint16_t max_segs = fuzz_u8(in) % SEGS_MAX;
	uint16_t heads[TAKE_MAX];
	uint16_t n = virtq_device_avail(&t.q, want);
	uint16_t done = 0;

	FUZZ_CHECK(n <= t.vq.size);
	n = virtq_device_heads(&t.q, heads, RTE_MIN(n, want));
	if (burst(n, heads, want & 2 ? VIRTQ_DESC_F_WRITE : 0)) {
		virtq_device_taken(&t.q, n);
		t.put = (uint16_t)(t.put + n);
		return;
	}
	if (want == TAKE_MAX - 1)
		walk_unchecked(virtq_device_head_raw(&t.q, 0));
	while (done < n && !virtq_device_broken(&t.q)) {
		FUZZ_CHECK(heads[done] < t.vq.size);
		walk(heads[done], max_segs);
		done++;
	}
	virtq_device_taken(&t.q, done);
	if (want & 1) {
		virtq_device_put_read(&t.q, heads, done);
	} else {
		for (uint16_t i = 0; i < done; i++)
			virtq_device_put(&t.q, heads[i], fuzz_u8(in));
	}
	t.put = (uint16_t)(t.put + done);
	FUZZ_CHECK((uint16_t)(t.q.used_next - t.q.used_idx) == t.put);
	FUZZ_CHECK(t.put <= t.vq.size);
}

static void
publish(void)
{
	virtq_device_publish(&t.q);
	FUZZ_CHECK(rte_le_to_cpu_16(t.vq.used->idx) == t.q.used_next || t.put == 0);
	t.put = 0;
}

static void
step(struct fuzz_input *in)
{
	uint8_t what = fuzz_u8(in);
	struct virtq_desc *table;

	switch (what & 7) {
	case 0:
	case 1:
		read_desc(in, &t.vq.desc[(what >> 3) % t.vq.size]);
		break;
	case 2:
		table = (struct virtq_desc *)(void *)t.memory[what >> 7].mem;
		read_desc(in, &table[(what >> 3) & 15]);
		break;
	case 3: /* a head, rarely wild, and the index */
		t.vq.avail->ring[rte_le_to_cpu_16(t.vq.avail->idx) % t.vq.size] = rte_cpu_to_le_16(
			what & 0x80 ? fuzz_u16(in) : (uint16_t)(what >> 3) % t.vq.size);
		t.vq.avail->idx =
			rte_cpu_to_le_16((uint16_t)(rte_le_to_cpu_16(t.vq.avail->idx) + 1));
		break;
	case 4:
		take_and_complete(in);
		break;
	case 5:
		publish();
		break;
	case 6:
		if (what & 8)
			virtq_device_kicks_on(&t.q);
		else
			virtq_device_kicks_off(&t.q);
		*virtq_used_event(&t.vq) = fuzz_u8(in);
		break;
	default:
		if (what & 8)
			t.vq.avail->idx = rte_cpu_to_le_16(fuzz_u16(in));
		else
			start(rte_le_to_cpu_16(t.vq.used->idx));
	}
}

/* A memory table and the addresses of a ring, both as a frontend likes: no ring, no bytes behind.
 */
#define MAP_MODE 0x80
#define MAP_TRIES 12

static uint64_t
wild64(struct fuzz_input *in)
{
	uint8_t what = fuzz_u8(in);
	uint64_t low;

	if (what < 0x40)
		return (uint64_t)what << 12;
	if (what < 0x80)
		return 0 - ((uint64_t)(what & 0x3f) << 12);
	if (what < 0xc0)
		return UINT64_C(1) << (what & 0x3f);
	low = fuzz_u32(in);
	return low | (uint64_t)fuzz_u32(in) << 32;
}

static bool
apart(uint64_t a, uint64_t a_bytes, uint64_t b, uint64_t b_bytes)
{
	return (unsigned __int128)a + a_bytes <= b || (unsigned __int128)b + b_bytes <= a;
}

static void
look_up(const struct virtq_mem *mem, uint64_t addr, uint64_t bytes)
{
	const struct virtq_mem_region *at = NULL;
	uint64_t got = 0;
	uint8_t *piece, *all;

	for (uint32_t i = 0; i < mem->nb_regions; i++) {
		if (!apart(mem->regions[i].guest, mem->regions[i].bytes, addr, 1))
			at = &mem->regions[i];
	}
	piece = virtq_mem_piece(mem, addr, bytes, &got);
	all = virtq_mem_ptr(mem, addr, bytes);
	FUZZ_CHECK((piece != NULL) == (at != NULL));
	if (at == NULL) {
		FUZZ_CHECK(all == NULL);
		return;
	}
	FUZZ_CHECK(piece == at->host + (addr - at->guest));
	FUZZ_CHECK(got == RTE_MIN(bytes, at->bytes - (addr - at->guest)));
	FUZZ_CHECK(all == (got == bytes ? piece : NULL));
}

static void
map(struct fuzz_input *in)
{
	struct virtq_mem mem = {0};
	const unsigned __int128 top = (unsigned __int128)1 << 64;

	for (uint32_t n = 0; n < MAP_TRIES && in->left > 0; n++) {
		uint64_t guest = wild64(in);
		uint64_t bytes = wild64(in);
		uint64_t host = wild64(in);
		uint32_t nb = mem.nb_regions;
		bool fits = bytes > 0 && bytes <= VIRTQ_MEM_BYTES_MAX && host != 0 &&
			    guest + (unsigned __int128)bytes <= top &&
			    host + (unsigned __int128)bytes <= top;
		int rc = virtq_mem_add(&mem, guest, bytes, (void *)(uintptr_t)host);

		for (uint32_t i = 0; i < nb; i++)
			fits = fits &&
			       apart(mem.regions[i].guest, mem.regions[i].bytes, guest, bytes);
		if (nb == VIRTQ_MEM_REGIONS_MAX)
			FUZZ_CHECK(rc == -ENOSPC);
		else
			FUZZ_CHECK(rc == (fits ? 0 : -EINVAL));
		FUZZ_CHECK(mem.nb_regions == nb + (rc == 0));
		look_up(&mem, guest, RTE_MAX(bytes, 1u));
		look_up(&mem, wild64(in), RTE_MAX(wild64(in), 1u));
	}
}

static void
place_ring(struct fuzz_input *in)
{
	uint32_t size = (uint32_t)wild64(in);
	uint64_t desc = wild64(in) | (fuzz_u8(in) & 15);
	uint64_t avail = wild64(in) | (fuzz_u8(in) & 3);
	uint64_t used = wild64(in) | (fuzz_u8(in) & 7);
	uint64_t features = wild64(in);
	bool possible = size >= 2 && size <= 32768 && __builtin_popcount(size) == 1;
	struct virtq vq;
	int rc = virtq_init(&vq, size, (void *)(uintptr_t)desc, (void *)(uintptr_t)avail,
		(void *)(uintptr_t)used, virtq_flags(features));

	if (!possible)
		FUZZ_CHECK(rc == -EINVAL);
	else if (desc == 0 || avail == 0 || used == 0 || desc % 16 || avail % 2 || used % 4)
		FUZZ_CHECK(rc == -EFAULT);
	else
		FUZZ_CHECK(rc == 0 && vq.size == size);
	FUZZ_CHECK(!(virtq_flags(features) & VIRTQ_INDIRECT) == !(features >> 28 & 1));
	FUZZ_CHECK(!(virtq_flags(features) & VIRTQ_EVENT_IDX) == !(features >> 29 & 1));
	FUZZ_CHECK(!(virtq_flags(features) & VIRTQ_IN_ORDER) == !(features >> 35 & 1));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data, size};

	if (size > 0 && (data[0] & MAP_MODE)) {
		place_ring(&in);
		map(&in);
		return 0;
	}
	open_ring(&in);
	while (in.left > 0)
		step(&in);
	return 0;
}
