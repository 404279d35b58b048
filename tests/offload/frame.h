/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef OFFLOAD_FRAME_H
#define OFFLOAD_FRAME_H

#include "inet.h"

#include <stdbool.h>
#include <stdint.h>

/* 65,000 bytes and what IPv4 can still carry behind Ethernet and two tags. */
#define FRAME_MAX (65535u + 22u)
#define FRAME_HEADERS_MAX 256u

enum kind {
	KIND_NONE,
	KIND_CSUM,
	KIND_TSO4,
	KIND_TSO6,
	KIND_USO,
	KIND_MAX
};

/* What stands above Ethernet. */
enum flavour {
	FLAVOUR_TCP4,
	FLAVOUR_UDP4,
	FLAVOUR_TCP6,
	FLAVOUR_UDP6,
	FLAVOUR_IP4,      /* another protocol */
	FLAVOUR_FRAGMENT, /* a later fragment of a UDP datagram: no transport header */
	FLAVOUR_ETHER,    /* no IP at all */
	FLAVOUR_MAX
};

/* Between network and transport header. */
enum extra {
	EXTRA_NONE,
	EXTRA_SHORT, /* IPv4: four bytes of options; IPv6: hop-by-hop */
	EXTRA_LONG,  /* IPv4: 40 bytes of options; IPv6: hop-by-hop and destination options */
	EXTRA_ROUTE, /* IPv6: type 2 routing header (RFC 6275, 6.4), pseudo header of its address */
	EXTRA_HOME,  /* IPv6: home address option (RFC 6275, 6.3), likewise */
	EXTRA_MAX
};

/* What to build. All that is not said here follows from the seed. */
struct shape {
	enum kind kind;
	enum flavour flavour;
	enum extra extra;
	uint8_t tags;        /* VLAN tags, 0..2 */
	uint8_t tcp_options; /* bytes, a multiple of 4 */
	bool no_cwr;
	bool zero_sum;   /* UDP whose checksum comes out as 0 and has to be sent as 0xffff */
	bool no_sum;     /* UDP over IPv4 without a checksum; KIND_NONE only */
	bool wrong_sum;  /* transport checksum wrong on purpose; KIND_NONE only */
	uint8_t trailer; /* bytes behind the IP packet, as short Ethernet frames have them */
	uint32_t size;   /* of the frame; raised to what the headers need */
	uint16_t mss;    /* payload of one segment, offloads only */
	uint16_t segs;   /* mbuf segments to cut it into */
	bool raw;    /* headers may be cut, tx_prepare is not called: partial sum is our own work */
	bool cloned; /* its mbufs hold data of others, which nobody may write to */
	uint64_t seed;
};

/* A frame as it has to arrive when nothing is left to the receiver. */
struct frame {
	struct shape shape;
	bool v6, ip, tcp, udp;
	uint16_t l2, l3, l4;  /* bytes of each header; l3 and l4 are 0 where there is none */
	uint16_t csum_at;     /* offset of the transport checksum, 0: none that anybody may touch */
	uint32_t len;         /* whole frame, trailer included */
	uint32_t payload_len; /* behind the transport header, without trailer */
	uint8_t src[16], dst[16]; /* of the pseudo header */
	uint8_t bytes[FRAME_MAX];
};

static inline uint32_t
frame_headers(const struct frame *f)
{
	return (uint32_t)f->l2 + f->l3 + f->l4;
}

static inline bool
frame_is_gso(const struct frame *f)
{
	return f->shape.kind >= KIND_TSO4;
}

/** Build it between two addresses of 6 bytes. */
void frame_build(
	struct frame *f, const struct shape *shape, const uint8_t *src, const uint8_t *dst);

/** Folded pseudo header's sum for a packet of these headers and so many bytes of payload. */
uint64_t frame_pseudo(const struct frame *f, uint32_t payload_len);

/** Least bytes of a frame of that shape, with one byte of payload where it has a transport. */
uint32_t frame_least(const struct shape *shape);

const char *kind_name(enum kind kind);
const char *flavour_name(enum flavour flavour);

/** "tso4 tcp4 9000 bytes in 7 segments, ..." @param text [n] */
void shape_describe(const struct shape *s, char *text, uint32_t n);

/* Numbers that look like chance; the state must not be 0. */
uint32_t chance(uint64_t *state);

/** 0..n-1, n > 0 */
uint32_t chance_below(uint64_t *state, uint32_t n);

#endif
