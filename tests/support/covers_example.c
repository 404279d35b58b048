/* SPDX-License-Identifier: BSD-3-Clause */
/* Three tests of which one passes, for test_coverage.py: not a test of its own. */
#include "support/covers.h"

#include <stdbool.h>

static void
passes(void **state)
{
	assert_null(*state);
	COVERS("EX-001");
	COVERS("EX-002");
	COVERS("EX-001");
}

static void
fails(void **state)
{
	(void)state;
	COVERS("EX-002");
	COVERS("EX-003");
	assert_true(false);
}

static void
skips(void **state)
{
	(void)state;
	COVERS("EX-004");
	skip();
}

static void
passes_at_last(void **state)
{
	(void)state;
	COVERS("EX-A-005");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		UNIT(passes), UNIT(fails), UNIT(skips), UNIT(passes_at_last)};

	return RUN_UNITS("covers_example", tests);
}
