/* SPDX-License-Identifier: BSD-3-Clause */
/* What a message has to be like that the filter let pass, said without the filter's words. */
#ifndef TESTS_MESSAGE_CHECK_H
#define TESTS_MESSAGE_CHECK_H

#include "control/message_filter.h"

#include <sys/stat.h>

/* The memory table that passed last, by our own books. */
struct passed_table {
	uint32_t nb_regions;
	struct vhost_msg_region regions[VHOST_MSG_REGIONS_MAX];
	struct stat files[VHOST_MSG_REGIONS_MAX];
};

/**
 * Crash unless the library and the session may have this message.
 *
 * @param session  Takes note of what the message says, as the switch does when the library
 * succeeded.
 * @param old      Becomes the table of the message, if it is one.
 */
void check_passed(const struct port *port, struct vhost_session *session, struct passed_table *old,
	const struct vhost_message *m);

#endif
