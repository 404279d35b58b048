/* SPDX-License-Identifier: BSD-3-Clause */
/* Between the two halves of the scripted backend: messages, and the thread that serves them. */
#ifndef TESTS_BACKEND_MSG_H
#define TESTS_BACKEND_MSG_H

#include "backend.h"

#define FDS 8
#define PAYLOAD 512
#define HEADER 12

struct message {
	uint32_t request;
	uint32_t flags;
	uint32_t bytes;
	uint8_t payload[PAYLOAD];
};

/** Note, obey and answer one message, under lock. @return false: the connection ends. */
bool backend_handle(struct backend *b, const struct message *m, int *fds, int nb_fds);

/** The thread that serves the control ring. */
void *backend_ctrl_serve(void *arg);

/** Everything that belongs to one connection. */
void backend_forget_connection(struct backend *b);

#endif
