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

static const struct virtq_fault_words value_words[VIRTQ_FAULT_MAX] = {
	[VIRTQ_FAULT_NONE] = {"value ", "", false},
	[VIRTQ_FAULT_AVAIL_INDEX] = {"index ", "", false},
	[VIRTQ_FAULT_HEAD_INDEX] = {"descriptor ", "", false},
	[VIRTQ_FAULT_NEXT_INDEX] = {"next ", "", false},
	[VIRTQ_FAULT_CHAIN_LOOP] = {"", " descriptors and no end", false},
	[VIRTQ_FAULT_CHAIN_BYTES] = {"", " bytes", false},
	[VIRTQ_FAULT_CHAIN_SEGMENTS] = {"", " parts", false},
	[VIRTQ_FAULT_ADDRESS] = {"address ", "", true},
	[VIRTQ_FAULT_READ_AFTER_WRITE] = {"its address ", "", true},
	[VIRTQ_FAULT_NOT_READABLE] = {"behind ", " readable parts", false},
	[VIRTQ_FAULT_NOT_WRITABLE] = {"", " readable parts", false},
	[VIRTQ_FAULT_INDIRECT_NOT_NEGOTIATED] = {"table at ", "", true},
	[VIRTQ_FAULT_INDIRECT_NEXT] = {"descriptor ", "", false},
	[VIRTQ_FAULT_INDIRECT_NESTED] = {"entry ", "", false},
	[VIRTQ_FAULT_INDIRECT_LENGTH] = {"", " bytes", false},
	[VIRTQ_FAULT_INDIRECT_ADDRESS] = {"entry at ", "", true},
	[VIRTQ_FAULT_USED_INDEX] = {"index ", "", false},
	[VIRTQ_FAULT_USED_ID_RANGE] = {"id ", "", false},
	[VIRTQ_FAULT_USED_ID_FREE] = {"id ", "", false},
	[VIRTQ_FAULT_USED_ORDER] = {"due was ", "", false},
	[VIRTQ_FAULT_USED_LENGTH] = {"", " bytes", false},
	[VIRTQ_FAULT_NUM_BUFFERS] = {"num_buffers ", "", false},
};

const struct virtq_fault_words *
virtq_fault_words(enum virtq_fault fault)
{
	return &value_words[(unsigned int)fault < VIRTQ_FAULT_MAX ? fault : VIRTQ_FAULT_NONE];
}
