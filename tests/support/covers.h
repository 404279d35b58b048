/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which requirements of the catalogue a program proved.
 *
 * A test says COVERS("SR-DEV-014"); the id counts only if that test passes. With
 * VIRTQ_COVERAGE=FILE in the environment a program appends the ids to FILE, one per line, when it
 * ends; tests/coverage.py adds them up.
 *
 *     static void
 *     len_is_stored_before_the_index(void **state)
 *     {
 *             COVERS("SR-DEV-014");
 *             ...
 *     }
 *
 *     int
 *     main(void)
 *     {
 *             static const struct CMUnitTest tests[] = {UNIT(len_is_stored_before_the_index)};
 *
 *             return RUN_UNITS("virtq_device", tests);
 *     }
 */
#ifndef TESTS_COVERS_H
#define TESTS_COVERS_H

/* cmocka.h wants these before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

/* And it has to come behind them. */
#include <cmocka.h>

/** The running test proves this requirement, if it passes. Any number of times per test. */
#define COVERS(id) covers_note(id)

/** One entry of the table of tests; use it in place of cmocka_unit_test(). */
#define UNIT(test) \
	{ \
#test, covers_run, NULL, NULL, (void *)(test) \
	}

/** Run a table of tests; one table per program, as TAP wants one plan. */
#define RUN_UNITS(group, tests) cmocka_run_group_tests_name(group, tests, NULL, NULL)

void covers_note(const char *id);

/* Test function of every UNIT(): *state holds the real one. */
void covers_run(void **state);

#endif
