/* SPDX-License-Identifier: BSD-3-Clause */
/* Which features a frontend is offered and which sets it may take; see also message_filter.h. */
#ifndef FEATURE_FILTER_H
#define FEATURE_FILTER_H

#include "message_filter.h"

/** May SET_FEATURES take this set? why is [FILTER_WHY_BYTES]. */
bool feature_filter(
	const struct port *port, const struct vhost_session *session, uint64_t features, char *why);

/** The same for SET_PROTOCOL_FEATURES. */
bool feature_filter_protocol(
	const struct port *port, const struct vhost_session *session, uint64_t features, char *why);

#endif
