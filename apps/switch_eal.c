/* SPDX-License-Identifier: BSD-3-Clause */
#include "switch_eal.h"

#include <dirent.h>
#include <inttypes.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HUGEPAGES "/sys/kernel/mm/hugepages"

static void
add(struct switch_eal *eal, const char *arg)
{
	eal->argv[eal->argc++] = (char *)(uintptr_t)arg;
}

static uint64_t
free_pages(const char *directory)
{
	char path[320];
	uint64_t pages = 0;
	FILE *f;

	snprintf(path, sizeof(path), HUGEPAGES "/%s/free_hugepages", directory);
	f = fopen(path, "r");
	if (f == NULL)
		return 0;
	if (fscanf(f, "%" SCNu64, &pages) != 1)
		pages = 0;
	fclose(f);
	return pages;
}

/* Free hugepage memory of the machine, MiB. */
static uint64_t
free_huge_mib(void)
{
	struct dirent *entry;
	DIR *dir = opendir(HUGEPAGES);
	uint64_t kib = 0, size;

	if (dir == NULL)
		return 0;
	while ((entry = readdir(dir)) != NULL) {
		if (sscanf(entry->d_name, "hugepages-%" SCNu64 "kB", &size) == 1)
			kib += size * free_pages(entry->d_name);
	}
	closedir(dir);
	return kib / 1024;
}

/* Main on the first CPU that we may use, the worker on the last. */
static int
default_lcores(struct switch_eal *eal)
{
	int first = -1, last = -1;
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) != 0) {
		perror("virtq-switch: CPUs this process may use");
		return -1;
	}
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (CPU_ISSET(cpu, &set)) {
			first = first < 0 ? cpu : first;
			last = cpu;
		}
	}
	snprintf(eal->lcores, sizeof(eal->lcores), "0@%d,1@%d", first, last);
	add(eal, "--lcores");
	add(eal, eal->lcores);
	return 0;
}

static bool
given(int nb_user, char **user, const char *option)
{
	size_t length = strlen(option);

	for (int i = 0; i < nb_user; i++) {
		if (strncmp(user[i], option, length) == 0 &&
			(user[i][length] == '\0' || user[i][length] == '='))
			return true;
	}
	return false;
}

static int
defaults(struct switch_eal *eal, uint32_t need_mib)
{
	uint64_t huge = free_huge_mib();

	if (default_lcores(eal) != 0)
		return -1;
	add(eal, "--no-pci");
	add(eal, "--file-prefix=virtq-switch");
	if (huge >= need_mib) {
		add(eal, "--in-memory");
		return 0;
	}
	fprintf(stderr,
		"virtq-switch: %" PRIu64 " MiB of hugepages are free, %" PRIu32
		" would be needed: running without, which is slower\n",
		huge, need_mib);
	snprintf(eal->megabytes, sizeof(eal->megabytes), "%" PRIu32, need_mib);
	add(eal, "--no-huge");
	add(eal, "--no-shconf");
	add(eal, "-m");
	add(eal, eal->megabytes);
	return 0;
}

int
switch_eal_args(struct switch_eal *eal, char *program, int nb_user, char **user, uint32_t need_mib)
{
	if (given(nb_user, user, "--no-huge") && given(nb_user, user, "--in-memory")) {
		fputs("virtq-switch: EAL takes --no-huge or --in-memory, not both; without "
		      "hugepages: --no-huge --no-shconf\n",
			stderr);
		return -1;
	}
	eal->argc = 0;
	add(eal, program);
	/* We report what the library refuses or fails at; a user's own --log-level comes later. */
	add(eal, "--log-level=lib.vhost.config:crit");
	if (!given(nb_user, user, "--force-max-simd-bitwidth"))
		add(eal, "--force-max-simd-bitwidth=512");
	if (nb_user == 0 && defaults(eal, need_mib) != 0)
		return -1;
	if (nb_user > SWITCH_EAL_ARGS - eal->argc) {
		fprintf(stderr, "virtq-switch: more than %d EAL options\n",
			SWITCH_EAL_ARGS - eal->argc);
		return -1;
	}
	for (int i = 0; i < nb_user; i++)
		add(eal, user[i]);
	eal->argv[eal->argc] = NULL;
	return 0;
}
