/* SPDX-License-Identifier: BSD-3-Clause */
/* What the switch writes to its log, for tests that want to read it. */
#ifndef TESTS_LOG_CAPTURE_H
#define TESTS_LOG_CAPTURE_H

#include <stdint.h>

/** From now on, until release_log(). */
void capture_log(void);
void release_log(void);

/** How often the text occurs in what was written. */
uint32_t captured_lines(const char *text);

#endif
