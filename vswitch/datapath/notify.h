/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Signal an eventfd that belongs to somebody else, without ever waiting. O_NONBLOCK is of the open
 * file, which a frontend shares with us: it may take the flag away and fill the counter, at any
 * moment between a look and a write. The kernel itself signals eventfds by a way that never waits:
 * the completion of asynchronous I/O.
 */
#ifndef NOTIFY_H
#define NOTIFY_H

#include <stdbool.h>

/** @return 0, or -errno: the kernel does not have it, and notify() writes. Main thread. */
int notify_init(void);
void notify_fini(void);

/**
 * Add 1 to the counter; a full one stays full.
 *
 * @return false: fd is no eventfd. Any thread.
 */
bool notify(int fd);

#endif
