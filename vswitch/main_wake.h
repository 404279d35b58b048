/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Main sleeps as long as nothing is to do: a thread that wakes up takes a CPU from a guest. Whoever
 * has something for the housekeeping says so.
 */
#ifndef MAIN_WAKE_H
#define MAIN_WAKE_H

/** @return 0 or -errno: main has to look by itself, often. */
int main_wake_init(void);
void main_wake_fini(void);

/**
 * Housekeeping is wanted soon: within VSWITCH_HOUSEKEEP_MS. Any thread, and signal handlers; does
 * not wait and leaves errno alone.
 */
void main_wake(void);

/** Readable once main_wake() was called, until main_wake_clear(). -1: there is none. */
int main_wake_fd(void);

/** Main thread, before it looks for what is wanted. */
void main_wake_clear(void);

#endif
