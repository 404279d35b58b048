/* SPDX-License-Identifier: BSD-3-Clause */
#include "memory_filter.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

bool
filter_no(char *why, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, FILTER_WHY_BYTES, fmt, ap);
	va_end(ap);
	return false;
}

/* Map the file as it is going to be, so that a table that cannot be had leaves the old one alone.
 */
static bool
check_mappable(
	const struct vhost_msg_region *r, int fd, uint32_t i, const struct stat *st, char *why)
{
	uint64_t end = r->offset + r->bytes;
	uint64_t block = st->st_blksize > 0 ? (uint64_t)st->st_blksize : 1;
	uint64_t bytes = (end + block - 1) / block * block;
	void *ptr = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (ptr == MAP_FAILED)
		return filter_no(why,
			"region %" PRIu32 ": file cannot be mapped shared and writable: %s", i,
			strerror(errno));
	munmap(ptr, bytes);
	return true;
}

static bool
check_region(
	const struct vhost_msg_region *r, int fd, uint32_t i, struct vhost_file *file, char *why)
{
	struct stat st;

	if (r->bytes == 0)
		return filter_no(why, "region %" PRIu32 " is empty", i);
	if (r->guest + (r->bytes - 1) < r->guest || r->user + (r->bytes - 1) < r->user ||
		r->offset + r->bytes < r->offset || r->offset + r->bytes > INT64_MAX)
		return filter_no(
			why, "region %" PRIu32 ": 0x%" PRIx64 " bytes wrap around", i, r->bytes);
	if (fstat(fd, &st) != 0)
		return filter_no(why, "region %" PRIu32 ": %s", i, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return filter_no(
			why, "region %" PRIu32 ": descriptor is no file that can be shared", i);
	if (r->offset + r->bytes > (uint64_t)st.st_size)
		return filter_no(why,
			"region %" PRIu32 " ends at 0x%" PRIx64 " of a file of 0x%" PRIx64 " bytes",
			i, r->offset + r->bytes, (uint64_t)st.st_size);
	*file = (struct vhost_file){st.st_dev, st.st_ino, r->offset};
	return check_mappable(r, fd, i, &st, why);
}

static bool
overlap(uint64_t a, uint64_t a_bytes, uint64_t b, uint64_t b_bytes)
{
	return a <= b + (b_bytes - 1) && b <= a + (a_bytes - 1);
}

/* Would the library take the new table for the old one and keep the old mapping? */
static bool
same_addresses(const struct vhost_session *s, const struct vhost_msg_memory *m)
{
	if (s->nb_files != m->nb_regions)
		return false;
	for (uint32_t i = 0; i < m->nb_regions; i++) {
		const struct vhost_msg_region *a = &s->regions[i], *b = &m->regions[i];

		if (a->guest != b->guest || a->bytes != b->bytes || a->user != b->user)
			return false;
	}
	return true;
}

static bool
same_files(const struct vhost_session *s, const struct vhost_file *files)
{
	for (uint32_t i = 0; i < s->nb_files; i++) {
		if (s->files[i].dev != files[i].dev || s->files[i].ino != files[i].ino ||
			s->files[i].offset != files[i].offset)
			return false;
	}
	return true;
}

bool
memory_filter_count(const struct vhost_message *msg, char *why)
{
	const struct vhost_msg_memory *m = &msg->payload.memory;

	if (m->nb_regions < 1 || m->nb_regions > VHOST_MSG_REGIONS_MAX)
		return filter_no(why, "%" PRIu32 " memory regions, 1 to %d are possible",
			m->nb_regions, VHOST_MSG_REGIONS_MAX);
	if (msg->size <
		offsetof(struct vhost_msg_memory, regions) + m->nb_regions * sizeof(m->regions[0]))
		return filter_no(why,
			"payload of %" PRIu32 " bytes does not hold %" PRIu32 " regions", msg->size,
			m->nb_regions);
	return true;
}

bool
memory_filter(struct vhost_session *session, const struct vhost_message *msg, char *why)
{
	const struct vhost_msg_memory *m = &msg->payload.memory;
	struct vhost_file files[VHOST_MSG_REGIONS_MAX];

	for (uint32_t i = 0; i < m->nb_regions; i++) {
		const struct vhost_msg_region *r = &m->regions[i];

		if (!check_region(r, msg->fds[i], i, &files[i], why))
			return false;
		for (uint32_t k = 0; k < i; k++) {
			const struct vhost_msg_region *o = &m->regions[k];

			if (overlap(r->guest, r->bytes, o->guest, o->bytes) ||
				overlap(r->user, r->bytes, o->user, o->bytes))
				return filter_no(
					why, "regions %" PRIu32 " and %" PRIu32 " overlap", k, i);
		}
	}
	if (same_addresses(session, m) && !same_files(session, files))
		return filter_no(
			why, "another file at the addresses of the old table: disconnect first");
	session->nb_files = m->nb_regions;
	memcpy(session->files, files, m->nb_regions * sizeof(files[0]));
	memcpy(session->regions, m->regions, m->nb_regions * sizeof(m->regions[0]));
	return true;
}
