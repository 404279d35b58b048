/* SPDX-License-Identifier: BSD-3-Clause */
/* The packet parser against any frame, any part of it, and any length. */
#include "fuzz.h"
#include "fuzz_frame.h"
#include "net/vnet_packet.h"

static struct guard memory;

static struct vnet_packet
parse(const struct fuzz_frame *f, uint32_t nb, uint32_t len)
{
	uint8_t *at = memory.mem + memory.bytes - nb;
	struct vnet_packet p;
	const char *broken;

	memcpy(at, f->bytes, nb);
	memset(&p, 0xa5, sizeof(p));
	vnet_packet_parse(&p, at, nb, len);
	broken = frame_rule_broken(&p, nb, len);
	if (broken != NULL)
		fprintf(stderr, "nb %u len %u: %s\n", nb, len, broken);
	FUZZ_CHECK(broken == NULL);
	return p;
}

/* What was there with fewer bytes or in a shorter frame is there with more, at the same place. */
static void
same_layers(const struct vnet_packet *less, const struct vnet_packet *more)
{
	if (less->l3_type != VNET_L3_OTHER)
		FUZZ_CHECK(less->l3_type == more->l3_type && less->l3 == more->l3 &&
			   less->l4 == more->l4 && less->end == more->end &&
			   less->protocol == more->protocol && less->fragment == more->fragment &&
			   less->home == more->home && less->route == more->route &&
			   less->final == more->final);
	if (less->l4_type != VNET_L4_OTHER)
		FUZZ_CHECK(less->l4_type == more->l4_type && less->payload == more->payload);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data, size};
	struct vnet_packet all, part, longer;
	struct fuzz_frame f;

	if (memory.mem == NULL)
		memory = guard_alloc(FUZZ_KEPT_MAX, 1);
	fuzz_frame_read(&in, &f);
	all = parse(&f, f.nb, f.len);
	for (uint32_t i = 0; i < 4; i++) {
		part = parse(&f, fuzz_u16(&in) % (f.nb + 1), f.len);
		same_layers(&part, &all);
	}
	part = parse(&f, f.nb, f.nb);
	same_layers(&part, &all);
	/* One byte short of what it states. */
	if (all.l3_type != VNET_L3_OTHER) {
		part = parse(&f, RTE_MIN(f.nb, all.end - 1), all.end - 1);
		FUZZ_CHECK(part.l3_type == VNET_L3_OTHER);
		part = parse(&f, f.nb, f.nb);
	}
	longer = parse(&f, f.nb, f.len + fuzz_u16(&in));
	same_layers(&all, &longer);
	/* More bytes than the frame has are not looked at. */
	vnet_packet_parse(&longer, memory.mem + memory.bytes - f.nb, UINT32_MAX, f.nb);
	same_layers(&part, &longer);
	same_layers(&longer, &part);
	return 0;
}
