/* SPDX-License-Identifier: BSD-3-Clause */
/* Headers as hexadecimal digits for frame_hex(), written down from the RFCs. */
#ifndef TESTS_LIB_FRAME_DIGITS_H
#define TESTS_LIB_FRAME_DIGITS_H

/* RFC 791, 3.1: 20 bytes to 192.0.2.2; RFC 9293, 3.1: 20 bytes and none. */
#define IPV4(total, fragment, protocol) \
	"45 00" total "1234" fragment "40" protocol "0000 c0000201 c0000202 "
#define TCP "c001 0050 00000001 00000002 50 18 ffff 0000 0000 "
#define TCP_32 "c001 0050 00000001 00000002 80 18 ffff 0000 0000 0101080a 00000003 00000004 "
#define UDP "c001 0035 000c 0000 "
#define PAYLOAD "70617921 "

/* RFC 8200, 3: from 2001:db8::1 to 2001:db8::2. */
#define IPV6(length, next) \
	"60000000" length next \
	"40 20010db8000000000000000000000001 20010db8000000000000000000000002 "
/* 4.3: two options that pad; 4.6 with Pad1 in front. */
#define HOP_BY_HOP(next) next "00 0102 0000 0100 "
#define DESTINATION(next) next "00 00 0103 000000 "
/* RFC 6275, 6.3: home address option at 8n+6, behind PadN of 4. */
#define HOME(next) next "02 0102 0000 c910 20010db800000000000000000000000a "
/* RFC 6275, 6.4 */
#define ROUTE_2(next) next "02 0201 00000000 20010db800000000000000000000000b "
/* RFC 8754, 2: last entry 1, two segments, the last of the path in front. */
#define ROUTE_4(next, left) \
	next "04 04" left \
	     "01000000 20010db800000000000000000000000c 20010db800000000000000000000000d "
#define FRAGMENT(next, offset) next "00" offset "00000007 "

#endif
