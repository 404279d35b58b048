/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Our driver role against our device role, over memory that the two see at different addresses.
 * Real bytes go both ways; a plain list of what was asked for is the judge.
 */
#include "device_ring.h"
#include "driver_ring.h"

#include <string.h>

/* Data buffers stand in LOW and HIGH, which touch for the driver only; tables in FAR. */
#define SLOTS 16
#define SLOT_BYTES UINT64_C(0xc00)
#define PARTS_MAX 5

static struct device_ring dev;
static struct virtq_driver drv;
static struct guard books;
static struct virtq_seg segs[64];
static struct virtq_chain chain;

/* A request as the driver made it. */
static struct request {
	struct virtq_buf bufs[PARTS_MAX];
	uint16_t nb_read;
	uint16_t nb;
	uint32_t read_bytes;
	uint32_t write_bytes;
	uint32_t answered; /* bytes that the device wrote */
	uint8_t seed;      /* of the bytes asked and answered */
	bool out;
} requests[SLOTS];

static struct {
	uint32_t order[65536]; /* slots in the order of adding */
	uint32_t added;
	uint32_t taken;
	uint32_t got;
	uint32_t kicks;
	uint32_t interrupts;
} run;

static uint8_t
byte_of(const struct request *r, uint32_t at, bool answer)
{
	return (uint8_t)(r->seed + at * 7 + (answer ? 0x80 : 0));
}

static void
fill_request(uint64_t *seed, uint32_t slot, uint32_t parts_max)
{
	struct request *r = &requests[slot];
	/* The slots lie over the border of the two regions one after the other. */
	uint64_t addr = LOW + slot * SLOT_BYTES;

	memset(r, 0, sizeof(*r));
	r->seed = (uint8_t)random_next(seed);
	r->nb = (uint16_t)(1 + random_below(seed, parts_max));
	r->nb_read = (uint16_t)random_below(seed, r->nb + 1u);
	for (uint32_t i = 0; i < r->nb; i++) {
		uint32_t len = random_below(seed, SLOT_BYTES / PARTS_MAX);

		/* In sequence the burst code has buffers of some length only; here 0 is one, too.
		 */
		r->bufs[i] = (struct virtq_buf){addr, len};
		for (uint32_t b = 0; b < len && i < r->nb_read; b++)
			*device_ring_byte(&dev, addr + b) = byte_of(r, r->read_bytes + b, false);
		if (i < r->nb_read)
			r->read_bytes += len;
		else
			r->write_bytes += len;
		addr += len;
	}
}

static bool
add_request(uint64_t *seed, uint32_t slot, uint32_t parts_max)
{
	struct request *r = &requests[slot];
	uint16_t nb_write;
	int ret;

	fill_request(seed, slot, parts_max);
	nb_write = (uint16_t)(r->nb - r->nb_read);
	if ((drv.vq.flags & VIRTQ_INDIRECT) && random_below(seed, 2)) {
		uint64_t table = FAR + slot * 16 * PARTS_MAX;

		ret = virtq_driver_add_indirect(&drv,
			(struct virtq_desc *)(void *)device_ring_byte(&dev, table), table, r->bufs,
			r->nb_read, nb_write, r);
	} else {
		ret = virtq_driver_add(&drv, r->bufs, r->nb_read, nb_write, r);
	}
	if (ret == -ENOSPC || ret == -EMSGSIZE)
		return false;
	assert_int_equal(ret, 0);
	r->out = true;
	run.order[run.added++ % 65536] = slot;
	return true;
}

/* Read the question, write a part of the answer. */
static uint32_t
serve(uint64_t *seed, struct request *r)
{
	uint32_t at = 0;
	uint32_t answer;

	assert_true(r->out);
	assert_int_equal(chain.read_bytes, r->read_bytes);
	assert_int_equal(chain.write_bytes, r->write_bytes);
	for (uint32_t i = 0; i < chain.nb_read; i++) {
		for (uint32_t b = 0; b < segs[i].len; b++) {
			if (segs[i].ptr[b] != byte_of(r, at++, false))
				fail_msg("byte %u of a question", at - 1);
		}
	}
	answer = random_below(seed, r->write_bytes + 1);
	at = 0;
	for (uint32_t i = chain.nb_read; i < (uint32_t)chain.nb_read + chain.nb_write; i++) {
		for (uint32_t b = 0; b < segs[i].len && at < answer; b++)
			segs[i].ptr[b] = byte_of(r, at++, true);
	}
	r->answered = answer;
	return answer;
}

static void
device_runs(uint64_t *seed)
{
	uint16_t n = (uint16_t)(1 + random_below(seed, 8));
	uint16_t heads[8];

	n = RTE_MIN(n, virtq_device_avail(&dev.q, n));
	assert_int_equal(virtq_device_heads(&dev.q, heads, n), n);
	for (uint16_t i = 0; i < n; i++) {
		struct request *r = &requests[run.order[run.taken++ % 65536]];

		assert_int_equal(virtq_device_walk(&dev.q, heads[i], segs, RTE_DIM(segs), &chain),
			VIRTQ_FAULT_NONE);
		virtq_device_put(&dev.q, heads[i], serve(seed, r));
	}
	virtq_device_taken(&dev.q, n);
	run.interrupts += virtq_device_publish(&dev.q);
}

static void
check_answer(struct request *r, uint32_t len)
{
	uint32_t at = 0;

	assert_int_equal(len, r->answered);
	for (uint32_t i = r->nb_read; i < r->nb; i++) {
		for (uint32_t b = 0; b < r->bufs[i].len && at < len; b++) {
			if (*device_ring_byte(&dev, r->bufs[i].addr + b) != byte_of(r, at++, true))
				fail_msg("byte %u of an answer", at - 1);
		}
	}
	assert_int_equal(at, len);
}

static void
driver_gets(void)
{
	struct request *r;
	uint32_t len;

	while ((r = virtq_driver_get(&drv, &len)) != NULL) {
		/* This device uses in order, whatever was negotiated. */
		assert_ptr_equal(r, &requests[run.order[run.got++ % 65536]]);
		assert_true(r->out);
		check_answer(r, len);
		r->out = false;
	}
	assert_false(virtq_driver_broken(&drv));
}

static void
traffic(uint32_t size, uint32_t flags, uint32_t parts_max, uint64_t seed, uint32_t nb)
{
	device_ring_open(&dev, size, flags);
	books = guard_alloc(virtq_driver_bytes(size), 8);
	virtq_driver_init(&drv, &dev.vq, books.mem);
	memset(&run, 0, sizeof(run));
	memset(requests, 0, sizeof(requests));
	while (run.got < nb) {
		for (uint32_t i = 1 + random_below(&seed, 6); i > 0; i--) {
			uint32_t slot = run.added % SLOTS;

			if (requests[slot].out || !add_request(&seed, slot, parts_max))
				break;
		}
		run.kicks += virtq_driver_publish(&drv);
		if (random_below(&seed, 4))
			device_runs(&seed);
		if (random_below(&seed, 4))
			driver_gets();
		/* Now and then either end wants to be woken up. */
		if (random_below(&seed, 4) == 0)
			virtq_interrupts_on(&drv.vq, drv.used_next);
		if (random_below(&seed, 4) == 0)
			virtq_device_kicks_on(&dev.q);
	}
	assert_false(virtq_device_broken(&dev.q));
	assert_true(run.kicks > 0 && run.kicks < nb);
	assert_true(run.interrupts > 0 && run.interrupts < nb);
	guard_free(&books);
	device_ring_close(&dev);
}

static void
requests_and_answers_pass_under_every_set_of_features(void **state)
{
	(void)state;
	COVERS("SR-FACT-009");
	for (uint32_t flags = 0; flags < VIRTQ_LOG; flags++) {
		for (uint32_t size = 2; size <= 32; size *= 4) {
			traffic(size, flags, 1, 80 + flags, 2000);
			traffic(size, flags, PARTS_MAX, 90 + flags, 2000);
		}
	}
}

static void
requests_and_answers_pass_over_the_wrap_of_the_index(void **state)
{
	(void)state;
	traffic(8, VIRTQ_EVENT_IDX, 1, 101, 70000);
	traffic(8, VIRTQ_INDIRECT, 2, 102, 70000);
}

/* A driver that sleeps until it is interrupted, a device that sleeps until it is kicked. */
static void
nobody_sleeps_for_ever(void **state)
{
	(void)state;
	COVERS("SR-DRV-013");
	COVERS("SR-DEV-020");
	for (uint32_t flags = 0; flags <= VIRTQ_EVENT_IDX; flags += VIRTQ_EVENT_IDX) {
		uint64_t seed = 111;
		bool driver_awake = true;
		bool device_awake = true;
		uint32_t idle = 0;

		device_ring_open(&dev, 4, flags);
		books = guard_alloc(virtq_driver_bytes(4), 8);
		virtq_driver_init(&drv, &dev.vq, books.mem);
		memset(&run, 0, sizeof(run));
		memset(requests, 0, sizeof(requests));
		while (run.got < 70000) {
			uint32_t before = run.got + run.taken;

			if (driver_awake && random_below(&seed, 2)) {
				virtq_interrupts_off(&drv.vq, drv.used_next);
				driver_gets();
				while (!requests[run.added % SLOTS].out &&
					add_request(&seed, run.added % SLOTS, 1))
					;
				device_awake |= virtq_driver_publish(&drv);
				driver_awake = virtq_interrupts_on(&drv.vq, drv.used_next);
			}
			if (device_awake && random_below(&seed, 2)) {
				uint32_t interrupts = run.interrupts;

				virtq_device_kicks_off(&dev.q);
				device_runs(&seed);
				driver_awake |= run.interrupts != interrupts;
				device_awake = virtq_device_kicks_on(&dev.q);
			}
			/* One of them has to be awake, and some luck brings it to work. */
			assert_true(driver_awake || device_awake);
			idle = run.got + run.taken == before ? idle + 1 : 0;
			assert_true(idle < 1000);
		}
		guard_free(&books);
		device_ring_close(&dev);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		UNIT(requests_and_answers_pass_under_every_set_of_features),
		UNIT(requests_and_answers_pass_over_the_wrap_of_the_index),
		UNIT(nobody_sleeps_for_ever),
	};

	return RUN_UNITS("virtq_roles", tests);
}
