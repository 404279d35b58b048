/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Runs a fuzz target without a fuzzer, as TAP: every file of a corpus, then inputs made by chance.
 *
 *     fuzz_device_ring_replay CORPUS_DIRECTORY COUNT_OF_RANDOM_INPUTS
 *
 * A crash names its input: the number of a random one is printed before it is run under
 * FUZZ_VERBOSE=1, and gives the same bytes again.
 */
#include "fuzz.h"
#include "support/random.h"

#include <dirent.h>
#include <string.h>

#define INPUT_MAX 65536

static uint8_t input[INPUT_MAX];

static int
by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int
no_dot(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

static void
run_file(const char *dir, const char *name, int nr)
{
	char path[4096];
	size_t size;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "rb");
	if (f == NULL) {
		printf("not ok %d - %s\n# cannot read it\n", nr, name);
		return;
	}
	size = fread(input, 1, sizeof(input), f);
	fclose(f);
	/* If this crashes, the line that is missing in the output is the one of this file. */
	printf("# %s\n", name);
	fflush(stdout);
	LLVMFuzzerTestOneInput(input, size);
	printf("ok %d - %s\n", nr, name);
}

static void
run_random(uint32_t count)
{
	const char *verbose = getenv("FUZZ_VERBOSE");

	for (uint32_t n = 0; n < count; n++) {
		uint64_t seed = n + UINT64_C(0x9e3779b97f4a7c15);
		size_t size = 4 + random_below(&seed, 600);

		for (size_t i = 0; i < size; i++)
			input[i] = (uint8_t)random_next(&seed);
		if (verbose != NULL) {
			printf("# random input %u\n", n);
			fflush(stdout);
		}
		LLVMFuzzerTestOneInput(input, size);
	}
}

int
main(int argc, char **argv)
{
	struct dirent **files;
	int nb;

	if (argc != 3) {
		fprintf(stderr, "usage: %s CORPUS_DIRECTORY COUNT_OF_RANDOM_INPUTS\n", argv[0]);
		return 2;
	}
	nb = scandir(argv[1], &files, no_dot, by_name);
	if (nb <= 0) {
		printf("1..1\nnot ok 1 - corpus %s is missing or empty\n", argv[1]);
		return 1;
	}
	printf("1..%d\n", nb + 1);
	for (int i = 0; i < nb; i++) {
		run_file(argv[1], files[i]->d_name, i + 1);
		free(files[i]);
	}
	free(files);
	run_random((uint32_t)strtoul(argv[2], NULL, 10));
	printf("ok %d - %s random inputs\n", nb + 1, argv[2]);
	return 0;
}
