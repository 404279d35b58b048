/* SPDX-License-Identifier: BSD-3-Clause */
#include "control.h"

#include <pthread.h>
#include <time.h>

RTE_LOG_REGISTER(control_logtype, user.virtq.switch, NOTICE);

static pthread_mutex_t ports_lock = PTHREAD_MUTEX_INITIALIZER;

void
control_lock(void)
{
	pthread_mutex_lock(&ports_lock);
}

void
control_unlock(void)
{
	pthread_mutex_unlock(&ports_lock);
}

bool
control_limit_pass(struct control_limit *limit, uint32_t *suppressed)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if ((uint64_t)now.tv_sec != limit->second) {
		limit->second = (uint64_t)now.tv_sec;
		limit->lines = 0;
	}
	if (limit->lines >= CONTROL_LINES_PER_SECOND) {
		limit->suppressed++;
		return false;
	}
	limit->lines++;
	*suppressed = limit->suppressed;
	limit->suppressed = 0;
	return true;
}
