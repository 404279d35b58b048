/* SPDX-License-Identifier: BSD-3-Clause */
#include "log_capture.h"

#include "control/control.h"
#include "support/covers.h"

#include <rte_log.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *text_of;
static size_t bytes;
static FILE *stream;

void
capture_log(void)
{
	stream = open_memstream(&text_of, &bytes);
	assert_non_null(stream);
	assert_int_equal(rte_openlog_stream(stream), 0);
	rte_log_set_level(control_logtype, RTE_LOG_NOTICE);
}

void
release_log(void)
{
	rte_log_set_level(control_logtype, RTE_LOG_CRIT);
	rte_openlog_stream(NULL);
	fclose(stream);
	free(text_of);
	text_of = NULL;
}

uint32_t
captured_lines(const char *text)
{
	uint32_t nb = 0;

	fflush(stream);
	for (const char *p = text_of; p != NULL && (p = strstr(p, text)) != NULL; p++)
		nb++;
	return nb;
}
