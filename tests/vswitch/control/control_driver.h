/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A control queue of a scripted frontend, and commands as bytes, written from the standard.
 * VIRTIO 1.3, 5.1.6.5 Control Virtqueue.
 */
#ifndef TESTS_CONTROL_DRIVER_H
#define TESTS_CONTROL_DRIVER_H

#include "bench.h"

#define CD_NET(bit) FE_F(bit)
#define CD_CTRL_GUEST_OFFLOADS FE_F(2)
#define CD_MTU FE_F(3)
#define CD_MAC FE_F(5)
#define CD_STATUS FE_F(16)
#define CD_CTRL_VQ FE_F(17)
#define CD_CTRL_RX FE_F(18)
#define CD_CTRL_VLAN FE_F(19)
#define CD_CTRL_RX_EXTRA FE_F(20)
#define CD_GUEST_ANNOUNCE FE_F(21)
#define CD_CTRL_MAC_ADDR FE_F(23)
#define CD_HASH_REPORT FE_F(57)
#define CD_RSS FE_F(60)
/* All that makes a command, and what lets it be one; HASH_REPORT has a longer header. */
#define CD_COMMANDS \
	(CD_CTRL_GUEST_OFFLOADS | CD_CTRL_VQ | CD_CTRL_RX | CD_CTRL_VLAN | CD_CTRL_RX_EXTRA | \
		CD_GUEST_ANNOUNCE | CD_CTRL_MAC_ADDR | CD_RSS)
#define CD_BASE (FE_VERSION_1 | FE_PROTOCOL | FE_MRG_RXBUF | FE_F(28))
#define CD_P_BASE (FE_P_ACK | FE_P_STATUS | FE_P_CONFIG | FE_P_MQ)

#define CD_OK 0
#define CD_ERR 1
#define CD_NONE (-1)   /* nothing came back */
#define CD_NO_ACK (-2) /* the buffer came back, and nothing was written to it */

/* Where things lie in the frontend's memory; rings of pairs and their buffers end before. */
#define CD_RING (2u << 20)  /* up to 32,768 entries */
#define CD_TABLE (3u << 20) /* an indirect table */
#define CD_DATA (FE_BYTES - (512u << 10))

struct control_driver {
	struct frontend *f;
	uint32_t index; /* of the ring */
	uint32_t size;
	uint32_t sent;
	struct fake_driver ring;
	uint32_t ack[32768]; /* where the answer of each head is to be */
	int call, kick;
};

/** Eventfds, an empty ring; not told yet. */
void control_open(struct control_driver *c, struct frontend *f, uint32_t index, uint32_t size);
void control_close(struct control_driver *c);

/** Empty the ring. */
void control_init(struct control_driver *c);

/** Tell the switch where it is, all of it or the address alone. */
void control_tell(struct control_driver *c);
void control_tell_addr(struct control_driver *c);

/** Bytes in the frontend's memory, by offset. */
uint8_t *control_at(struct control_driver *c, uint32_t offset);

/** Make a chain available; the answer is to be at offset ack. @return its head. */
uint32_t control_offer(
	struct control_driver *c, const struct fake_part *parts, uint32_t nb, uint32_t ack);

/** The same for a command as one piece and a byte behind it. */
uint32_t control_send(struct control_driver *c, const void *bytes, uint32_t nb);

/** Take the next answer: CD_OK, ... */
int control_answer(struct control_driver *c);

/** Send, let the switch work, take the answer. */
int control_do(struct control_driver *c, const void *bytes, uint32_t nb);

/* A command as it grows: class and command, then data, little-endian. */
struct cmd {
	uint32_t nb;
	uint8_t bytes[16384];
};

void cmd_begin(struct cmd *c, uint8_t class, uint8_t command);
void cmd_put(struct cmd *c, const void *data, uint32_t bytes);
void cmd_le(struct cmd *c, uint64_t value, uint32_t bytes);

/** RSS_CONFIG; entries is a power of 2, entry i names queue i % queues. */
void cmd_rss(struct cmd *c, uint32_t types, uint32_t entries, uint16_t queues, uint16_t pairs,
	uint8_t key_bytes);

/** MAC_TABLE_SET with that many addresses, all different. */
void cmd_macs(struct cmd *c, uint32_t nb_unicast, uint32_t nb_multicast);

#endif
