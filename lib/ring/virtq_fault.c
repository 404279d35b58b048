/* SPDX-License-Identifier: BSD-3-Clause */
#include "ring/virtq_fault.h"

static const char *const fault_text[VIRTQ_FAULT_MAX] = {
#define FAULT_TEXT(name, lower, text) [VIRTQ_FAULT_##name] = text,
	VIRTQ_FAULTS(FAULT_TEXT)
#undef FAULT_TEXT
};

static const char *const fault_name[VIRTQ_FAULT_MAX] = {
#define FAULT_NAME(name, lower, text) [VIRTQ_FAULT_##name] = #lower,
	VIRTQ_FAULTS(FAULT_NAME)
#undef FAULT_NAME
};

const char *
virtq_fault_str(enum virtq_fault fault)
{
	return (unsigned int)fault < VIRTQ_FAULT_MAX ? fault_text[fault] : "unknown";
}

const char *
virtq_fault_name(enum virtq_fault fault)
{
	return (unsigned int)fault < VIRTQ_FAULT_MAX ? fault_name[fault] : "unknown";
}
