/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A vhost-user backend as a script, in a thread of the test, for tests of the driver's control
 * plane. It maps the memory it is given and reaches rings through that mapping, as another process
 * would; it keeps what it was sent; and it can be told to lack something, to fall silent, to hang
 * up or to refuse at any request.
 *
 * Written from docs/interop/vhost-user.rst of qemu/qemu; shares nothing with the driver.
 */
#ifndef TESTS_BACKEND_H
#define TESTS_BACKEND_H

#include "support/fake_device.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* Requests and bits, by the protocol's numbers. */
enum {
	B_GET_FEATURES = 1,
	B_SET_FEATURES = 2,
	B_SET_OWNER = 3,
	B_SET_MEM_TABLE = 5,
	B_SET_VRING_NUM = 8,
	B_SET_VRING_ADDR = 9,
	B_SET_VRING_BASE = 10,
	B_GET_VRING_BASE = 11,
	B_SET_VRING_KICK = 12,
	B_SET_VRING_CALL = 13,
	B_GET_PROTOCOL_FEATURES = 15,
	B_SET_PROTOCOL_FEATURES = 16,
	B_GET_QUEUE_NUM = 17,
	B_SET_VRING_ENABLE = 18,
	B_NET_SET_MTU = 20,
	B_SET_BACKEND_REQ_FD = 21,
	B_GET_CONFIG = 24,
	B_SET_STATUS = 39,
	B_GET_STATUS = 40,
};

#define B_BIT(n) (UINT64_C(1) << (n))
#define B_F_CSUM B_BIT(0)
#define B_F_GUEST_CSUM B_BIT(1)
#define B_F_CTRL_GUEST_OFFLOADS B_BIT(2)
#define B_F_MTU B_BIT(3)
#define B_F_MAC B_BIT(5)
#define B_F_GUEST_TSO4 B_BIT(7)
#define B_F_GUEST_TSO6 B_BIT(8)
#define B_F_GUEST_ECN B_BIT(9)
#define B_F_GUEST_UFO B_BIT(10)
#define B_F_HOST_TSO4 B_BIT(11)
#define B_F_HOST_TSO6 B_BIT(12)
#define B_F_HOST_ECN B_BIT(13)
#define B_F_HOST_UFO B_BIT(14)
#define B_F_MRG_RXBUF B_BIT(15)
#define B_F_STATUS B_BIT(16)
#define B_F_CTRL_VQ B_BIT(17)
#define B_F_CTRL_RX B_BIT(18)
#define B_F_CTRL_VLAN B_BIT(19)
#define B_F_CTRL_RX_EXTRA B_BIT(20)
#define B_F_GUEST_ANNOUNCE B_BIT(21)
#define B_F_MQ B_BIT(22)
#define B_F_CTRL_MAC_ADDR B_BIT(23)
#define B_F_INDIRECT B_BIT(28)
#define B_F_EVENT_IDX B_BIT(29)
#define B_F_PROTOCOL_FEATURES B_BIT(30)
#define B_F_VERSION_1 B_BIT(32)
#define B_F_IN_ORDER B_BIT(35)
#define B_F_GUEST_USO4 B_BIT(54)
#define B_F_GUEST_USO6 B_BIT(55)
#define B_F_HOST_USO B_BIT(56)
#define B_F_HASH_REPORT B_BIT(57)
#define B_F_GUEST_HDRLEN B_BIT(59)
#define B_F_RSS B_BIT(60)
#define B_F_RSC_EXT B_BIT(61)
#define B_F_SPEED_DUPLEX B_BIT(63)
/* All that is about checksums and segmentation, by direction. */
#define B_TX_OFFLOADS \
	(B_F_CSUM | B_F_HOST_TSO4 | B_F_HOST_TSO6 | B_F_HOST_ECN | B_F_HOST_UFO | B_F_HOST_USO | \
		B_F_GUEST_HDRLEN)
#define B_RX_OFFLOADS \
	(B_F_GUEST_CSUM | B_F_GUEST_TSO4 | B_F_GUEST_TSO6 | B_F_GUEST_ECN | B_F_GUEST_UFO | \
		B_F_GUEST_USO4 | B_F_GUEST_USO6 | B_F_RSC_EXT)
#define B_USUAL \
	(B_F_MTU | B_F_MRG_RXBUF | B_F_MQ | B_F_INDIRECT | B_F_EVENT_IDX | B_F_PROTOCOL_FEATURES | \
		B_F_VERSION_1 | B_F_IN_ORDER)
/* What a device with a control ring has on top. */
#define B_CONTROL \
	(B_F_CTRL_GUEST_OFFLOADS | B_F_MAC | B_F_STATUS | B_F_CTRL_VQ | B_F_CTRL_RX | \
		B_F_CTRL_VLAN | B_F_CTRL_RX_EXTRA | B_F_GUEST_ANNOUNCE | B_F_CTRL_MAC_ADDR | \
		B_F_HASH_REPORT | B_F_RSS | B_F_SPEED_DUPLEX)
#define B_P_MQ B_BIT(0)
#define B_P_REPLY_ACK B_BIT(3)
#define B_P_MTU B_BIT(4)
#define B_P_BACKEND_REQ B_BIT(5)
#define B_P_CONFIG B_BIT(9)
#define B_P_STATUS B_BIT(16)
#define B_P_USUAL (B_P_MQ | B_P_REPLY_ACK | B_P_MTU | B_P_STATUS)

#define B_RINGS 16
#define B_REGIONS 8
#define B_LOG 65536

struct backend_entry {
	uint32_t request;
	uint32_t index; /* of the ring, or the low half of what was sent */
	uint64_t value;
};

/* Config space. VIRTIO 1.3, 5.1.4. */
struct backend_config {
	uint8_t mac[6];
	uint16_t status;
	uint16_t max_pairs;
	uint16_t mtu;
	uint32_t speed;
	uint8_t duplex;
	uint8_t key_max;
	uint16_t table_max;
	uint32_t hash_types;
} __attribute__((packed));

/* How GET_CONFIG is answered. */
enum backend_config_answer {
	B_CONFIG_RIGHT,
	B_CONFIG_EMPTY,     /* no payload */
	B_CONFIG_SIZE_0,    /* a payload that says size 0 */
	B_CONFIG_SHORT,     /* fewer bytes than it says */
	B_CONFIG_ELSEWHERE, /* other bytes than were asked for */
};

/* A control command, as it came. */
#define B_COMMAND_BYTES 13000
struct backend_command {
	uint32_t nb;
	uint8_t bytes[B_COMMAND_BYTES]; /* [nb] */
	unsigned int live;              /* data rings that were enabled when it came */
	bool driver_ok;
};
#define B_COMMANDS 32

/* Answers beyond OK 0 and ERR 1. */
enum {
	B_ACK_MUTE = 0x100, /* never */
	B_ACK_NO_LENGTH,    /* OK, but used with a length of nothing */
	B_ACK_WRONG_ID,     /* another id is used */
	B_ACK_TWICE,        /* the same id twice */
	B_ACK_INDEX,        /* the used index jumps */
	B_ACK_LONG,         /* more was written than there is room */
	B_ACK_HANG_UP,      /* the connection ends instead */
};

struct backend_ring {
	uint32_t size;
	uint16_t base;
	uint64_t desc;
	uint64_t avail;
	uint64_t used;
	int kick_fd;
	int call_fd;
	bool started; /* by KICK, until GET_VRING_BASE */
	bool enabled;
};

struct backend {
	/* What it is; set before backend_start(). */
	const char *path;
	bool connects; /* the driver is the server */
	uint64_t features;
	uint64_t protocol;
	uint64_t pairs;
	uint32_t mute_at;    /* request after which it says nothing any more */
	uint32_t hang_up_at; /* request at which it closes the connection */
	uint32_t refuse_at;  /* request that it refuses: acknowledgement 1, else a hang-up */
	uint32_t garbage_at; /* request that it answers with another one's answer */
	bool no_features_ok;
	struct backend_config config;
	enum backend_config_answer config_answer;
	/* Ack to a command, 0: OK; NULL: OK to all. Called in a thread of the backend. */
	int (*answer)(struct backend *b, const uint8_t *bytes, uint32_t nb);
	unsigned int answer_ms; /* that it takes over each */

	/* What it saw; under lock. */
	pthread_mutex_t lock;
	pthread_t thread;
	unsigned int connections; /* so far */
	bool connected;
	uint64_t acked;
	uint64_t acked_protocol;
	uint64_t status;
	struct backend_ring rings[B_RINGS];
	struct {
		uint64_t guest;
		uint64_t user;
		uint64_t bytes;
		uint8_t *map;
		uint64_t map_bytes;
		uint8_t *at; /* first byte of the region */
	} regions[B_REGIONS];
	uint32_t nb_regions;
	struct backend_entry log[B_LOG];
	unsigned int nb_log;
	const char *complaint; /* first thing the driver did that it must not do, or NULL */
	struct backend_command
		commands[B_COMMANDS]; /* the last ones, by number modulo B_COMMANDS */
	unsigned int nb_commands;     /* so far */
	int channel;                  /* BACKEND_REQ, -1: none */

	pthread_t ctrl_thread;
	bool ctrl_fresh; /* the ring was set up and not looked at yet */
	bool ctrl_stop;
	struct fake_device ctrl;
	struct fake_chain chain;
	int listen_fd;
	int sock;
	int quit_fd;
	bool mute;
};

/** The usual backend. */
void backend_init(struct backend *b, const char *path);

/** Listen, or connect for as long as it takes; serve one connection after the other. */
void backend_start(struct backend *b);

/** Close everything, as a process that dies; the log stays. */
void backend_stop(struct backend *b);

/** Entries of the log with this request; the last of them in *last (may be NULL). */
unsigned int backend_seen(struct backend *b, uint32_t request, struct backend_entry *last);

/** Position in the log of the first or last entry with this request and index, or -1. */
int backend_first(struct backend *b, uint32_t request, uint32_t index);
int backend_last(struct backend *b, uint32_t request, uint32_t index);

void backend_forget(struct backend *b);

/** Driver's address -> ours, through the mapping; NULL when not all of it is mapped. */
void *backend_at(struct backend *b, uint64_t addr, uint64_t bytes);

/** A backend with config space and a control ring: the features and values of a device that has
 * everything, n queue pairs. */
void backend_control(struct backend *b, uint16_t pairs);

/** Index of the control ring, by the features that were acknowledged; -1: there is none. */
int backend_ctrl_index(const struct backend *b);

/** Commands of a class and command so far; the last of them in *last (may be NULL). */
unsigned int backend_commands(
	struct backend *b, uint8_t class, uint8_t command, struct backend_command *last);

/** Tell that config space changed, having set status; -1: no channel. */
int backend_status(struct backend *b, uint16_t status);

/** Raw bytes on the channel. */
int backend_channel_send(struct backend *b, const void *bytes, size_t nb);

/** The device end of a ring, from the base it was given on. */
void backend_device(struct backend *b, uint32_t ring, struct fake_device *d);

/** Rings that were set up, started and enabled. */
unsigned int backend_live(struct backend *b);

#endif
