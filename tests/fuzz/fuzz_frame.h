/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames made of an input: as it comes, or with headers in a sensible order, some bytes changed. */
#ifndef TESTS_FUZZ_FRAME_H
#define TESTS_FUZZ_FRAME_H

#include "fuzz.h"
#include "support/frame.h"

#include <rte_common.h>

#include <stdbool.h>

#define FUZZ_FRAME_MAX 1024
#define FUZZ_KEPT_MAX 512 /* bytes that the target under test is given at most */

struct fuzz_frame {
	uint8_t bytes[FUZZ_FRAME_MAX];
	uint32_t nb;  /* bytes that are there */
	uint32_t len; /* of the whole frame */
	/* Made in order: what a header would say of it. All 0 otherwise. */
	uint8_t ip, protocol;
	uint16_t l4;
};

/* One extension header. The low bits tell which one, bit 4 whether it is as its RFC has it. */
static inline uint8_t *
fuzz_extension(struct fuzz_input *in, uint8_t *at, uint8_t what, uint8_t next)
{
	static const char *const good[] = {"00 00 0102 0000 0100",
		"00 02 0201 00000000 20010db800000000000000000000000b", "00 00 0000 00000007",
		"00 02 0102 0000 c910 20010db800000000000000000000000a"};
	uint32_t bytes = what & 16 ? frame_hex(at, good[what & 3]) : 8 + (what >> 2 & 3u) * 8;

	if ((what & 16) == 0) {
		at[1] = (uint8_t)(bytes / 8 - 1);
		for (uint32_t i = 2; i < bytes; i++)
			at[i] = fuzz_u8(in);
	}
	at[0] = next;
	return at + bytes;
}

/* Extension headers one after the other; *first becomes the protocol of the first header. */
static inline uint8_t *
fuzz_extensions(struct fuzz_input *in, uint8_t *at, uint32_t nb, uint8_t *first)
{
	static const uint8_t protocols[] = {0, 43, 44, 60};
	uint8_t *link = first;

	for (uint32_t i = 0; i < nb; i++) {
		uint8_t what = fuzz_u8(in), last = *link;
		uint8_t *header = at;

		at = fuzz_extension(in, at, what, last);
		*link = protocols[what & 3];
		link = header;
	}
	return at;
}

static inline uint8_t *
fuzz_transport(uint8_t *at, uint8_t kind)
{
	static const char *const headers[] = {"c001 0050 00000001 00000002 50 18 ffff 0000 0000",
		"c001 0035 0008 0000",
		"c001 0050 fffffff0 00000002 80 d9 ffff 0000 0000 0101080a 00000003 00000004",
		"0800 f7ff 0000 0000"};

	return at + frame_hex(at, headers[kind]);
}

static inline void
fuzz_frame_in_order(struct fuzz_input *in, struct fuzz_frame *f, uint8_t kind)
{
	static const uint8_t protocols[] = {6, 17, 6, 1};
	uint32_t options = kind >> 3 & 3u, payload = fuzz_u16(in);
	uint8_t *at = f->bytes + frame_hex(f->bytes, "020000000001 020000000002"), *ip;

	for (uint32_t i = 0; i < (kind & 3u); i++)
		at += frame_hex(at, i == 0 ? "8100 2064" : "88a8 0001");
	f->ip = kind & 4 ? 6 : 4;
	f->protocol = protocols[kind >> 5];
	at += frame_hex(at, f->ip == 6 ? "86dd" : "0800");
	ip = at;
	if (f->ip == 6) {
		at += frame_hex(at, "60000000 0000 00 40 20010db8000000000000000000000001"
				    "20010db8000000000000000000000002");
		ip[6] = f->protocol;
		at = fuzz_extensions(in, at, options, &ip[6]);
	} else {
		at += frame_hex(at, "45000000 12344000 40000000 c0000201 c0000202");
		ip[0] = (uint8_t)(0x45 + options);
		ip[9] = f->protocol;
		memset(at, 1, options * 4);
		at += options * 4;
	}
	f->l4 = (uint16_t)(at - f->bytes);
	at = fuzz_transport(at, kind >> 5);
	f->nb = (uint32_t)(at - f->bytes);
	payload = RTE_MIN(payload, 65535 - (uint32_t)(at - ip));
	f->len = f->nb + payload;
	frame_set16(ip + (f->ip == 6 ? 4 : 2),
		f->len - (uint32_t)(ip - f->bytes) - (f->ip == 6 ? 40 : 0));
}

static inline void
fuzz_frame_read(struct fuzz_input *in, struct fuzz_frame *f)
{
	uint8_t kind = fuzz_u8(in), changes, cut;

	memset(f, 0, sizeof(*f));
	if (kind & 0x80) {
		f->len = fuzz_u16(in);
		f->nb = (uint32_t)RTE_MIN(in->left, (size_t)FUZZ_KEPT_MAX);
		memcpy(f->bytes, in->data, f->nb);
		in->data += f->nb;
		in->left -= f->nb;
		f->len += f->nb;
		return;
	}
	fuzz_frame_in_order(in, f, kind);
	changes = fuzz_u8(in) & 3;
	for (uint8_t i = 0; i < changes; i++) {
		uint8_t at = fuzz_u8(in);

		f->bytes[12 + at % (f->nb - 12)] = fuzz_u8(in);
	}
	/* Payload follows, and padding may; or not all of the headers are given. */
	cut = fuzz_u8(in);
	if (cut & 1)
		f->nb = RTE_MIN(f->nb, cut);
	else
		f->nb += RTE_MIN(f->len - f->nb, cut);
	f->nb = RTE_MIN(f->nb, (uint32_t)FUZZ_KEPT_MAX);
	if (cut & 2)
		f->len += cut;
}

#endif
