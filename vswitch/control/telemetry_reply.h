/* SPDX-License-Identifier: BSD-3-Clause */
/* How replies of telemetry are put together. What memory is missing for is left out. */
#ifndef TELEMETRY_REPLY_H
#define TELEMETRY_REPLY_H

#include "net/vnet_features.h"
#include "ring/virtq.h"

#include <rte_telemetry.h>

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

/** Register what is about control queues and links. */
void telemetry_control_init(void);

static inline void
add_dict(struct rte_tel_data *d, const char *name, struct rte_tel_data *sub)
{
	if (rte_tel_data_add_dict_container(d, name, sub, 0) != 0)
		rte_tel_data_free(sub);
}

static inline struct rte_tel_data *
new_dict(void)
{
	struct rte_tel_data *d = rte_tel_data_alloc();

	if (d != NULL)
		rte_tel_data_start_dict(d);
	return d;
}

static inline struct rte_tel_data *
new_strings(void)
{
	struct rte_tel_data *d = rte_tel_data_alloc();

	if (d != NULL)
		rte_tel_data_start_array(d, RTE_TEL_STRING_VAL);
	return d;
}

static inline void
add_hex(struct rte_tel_data *d, const char *name, uint64_t value)
{
	char text[sizeof("0x0123456789abcdef")];

	snprintf(text, sizeof(text), "0x%" PRIx64, value);
	rte_tel_data_add_dict_string(d, name, text);
}

/* "features" as a number and "feature_names". */
static inline void
add_features(struct rte_tel_data *d, uint64_t features)
{
	struct rte_tel_data *names = new_strings();

	add_hex(d, "features", features);
	if (names == NULL)
		return;
	for (unsigned int bit = 0; bit < 64; bit++) {
		if (features & virtq_bit(bit))
			rte_tel_data_add_array_string(names, vnet_feature_name(bit));
	}
	add_dict(d, "feature_names", names);
}

/* Nothing, which is 0, or a number and nothing behind it. */
static inline bool
parse_index(const char *text, uint32_t *index)
{
	unsigned long value = 0;
	char *end;

	if (text != NULL && *text != '\0') {
		if (*text < '0' || *text > '9')
			return false;
		value = strtoul(text, &end, 10);
		if (*end != '\0' || value > UINT32_MAX)
			return false;
	}
	*index = (uint32_t)value;
	return true;
}

#endif
