/* SPDX-License-Identifier: BSD-3-Clause */
#include "support/covers.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NOTES_MAX 1024

static const char *notes[NOTES_MAX];
static unsigned int nb_passed;  /* notes[0..nb_passed) are of tests that passed */
static unsigned int nb_pending; /* the nb_pending after them are of the running test */

static void
write_notes(void)
{
	const char *path = getenv("VIRTQ_COVERAGE");
	FILE *f;

	if (path == NULL || nb_passed == 0)
		return;
	f = fopen(path, "a");
	if (f == NULL) {
		fprintf(stderr, "VIRTQ_COVERAGE: cannot append to %s\n", path);
		_exit(1);
	}
	for (unsigned int i = 0; i < nb_passed; i++)
		fprintf(f, "%s\n", notes[i]);
	if (fclose(f) != 0) {
		fprintf(stderr, "VIRTQ_COVERAGE: cannot write %s\n", path);
		_exit(1);
	}
}

void
covers_note(const char *id)
{
	for (unsigned int i = 0; i < nb_pending; i++) {
		if (strcmp(notes[nb_passed + i], id) == 0)
			return;
	}
	assert_true(nb_passed + nb_pending < NOTES_MAX);
	notes[nb_passed + nb_pending++] = id;
}

void
covers_run(void **state)
{
	static bool at_exit;
	void (*test)(void **) = (void (*)(void **)) * state;

	if (!at_exit) {
		at_exit = true;
		atexit(write_notes);
	}
	nb_pending = 0;
	*state = NULL;
	test(state);
	/* A test that fails or skips jumps out and never comes here. */
	nb_passed += nb_pending;
	nb_pending = 0;
}
