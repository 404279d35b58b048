/* SPDX-License-Identifier: BSD-3-Clause */
#include "vhost_log.h"

#include "message_filter.h"

#include <errno.h>
#include <sys/mman.h>

int
vhost_log_map(struct vhost_log *log, struct vhost_message *msg)
{
	uint64_t bytes = msg->payload.log.bytes;
	uint8_t *bitmap = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, msg->fds[0], 0);
	int rc = bitmap == MAP_FAILED ? -errno : 0;

	vhost_msg_close_fds(msg);
	vhost_log_unmap(log);
	if (rc != 0)
		return rc;
	*log = (struct vhost_log){bitmap, bytes};
	return 0;
}

void
vhost_log_unmap(struct vhost_log *log)
{
	if (log->bitmap != NULL)
		munmap(log->bitmap, log->bytes);
	*log = (struct vhost_log){NULL, 0};
}

void
vhost_log_write(void *arg, uint64_t guest, uint64_t bytes)
{
	const struct vhost_log *log = arg;

	if (bytes == 0)
		return;
	for (uint64_t page = guest / VHOST_LOG_PAGE; page <= (guest + bytes - 1) / VHOST_LOG_PAGE;
		page++) {
		if (page / 8 >= log->bytes)
			return;
		/* The frontend takes bits away at the same time. */
		__atomic_fetch_or(
			&log->bitmap[page / 8], (uint8_t)(1u << (page % 8)), __ATOMIC_RELEASE);
	}
}
