/* SPDX-License-Identifier: BSD-3-Clause */
/* Device arguments: what they mean, and that nothing wrong passes without a word. */
#include "fixture.h"
#include "pmd_args.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void
defaults_are_those_of_virtio_user(void **state)
{
	struct pmd_args a;

	(void)state;
	assert_int_equal(pmd_args_parse(&a, "n", "path=/tmp/nobody"), 0);
	assert_string_equal(a.path, "/tmp/nobody");
	assert_int_equal(a.queues, 1);
	assert_int_equal(a.queue_size, 256);
	assert_false(a.server);
	assert_true(a.mrg_rxbuf);
	assert_true(a.in_order);
	assert_false(a.ptypes);
	assert_false(a.has_mac);
	assert_int_equal(a.speed, 0);
	assert_int_equal(a.wait_s, 0);
}

static void
every_argument_is_taken(void **state)
{
	const struct rte_ether_addr mac = {{0x02, 0x11, 0x22, 0x33, 0x44, 0x55}};
	struct pmd_args a;

	(void)state;
	assert_int_equal(pmd_args_parse(&a, "n",
				 "path=/tmp/nobody,mac=02:11:22:33:44:55,queues=128,"
				 "queue_size=32768,server=1,mrg_rxbuf=0,in_order=0,ptypes=1,speed=25000,"
				 "wait=3,packed_vq=0,cq=1,vectorized=1"),
		0);
	assert_true(a.has_mac);
	assert_memory_equal(&a.mac, &mac, sizeof(mac));
	assert_int_equal(a.queues, 128);
	assert_int_equal(a.queue_size, 32768);
	assert_true(a.server);
	assert_false(a.mrg_rxbuf);
	assert_false(a.in_order);
	assert_true(a.ptypes);
	assert_int_equal(a.speed, 25000);
	assert_int_equal(a.wait_s, 3);
	/* virtio_user's word for "not known". */
	assert_int_equal(pmd_args_parse(&a, "n", "path=/tmp/nobody,speed=4294967295"), 0);
	assert_int_equal(a.speed, 0);
}

static void
what_has_no_effect_is_said_in_one_line(void **state)
{
	struct pmd_args a;
	const char *line;

	(void)state;
	log_forget();
	assert_int_equal(pmd_args_parse(&a, "n", "path=/tmp/nobody,cq=1"), 0);
	line = strstr(log_text(), "cq=1");
	assert_non_null(line);
	assert_null(strstr(strchr(line, '\n') + 1, "net_virtq"));
	log_forget();
	assert_int_equal(pmd_args_parse(&a, "n", "path=/tmp/nobody,vectorized=0"), 0);
	assert_non_null(strstr(log_text(), "vectorized=0"));
}

/* Arguments behind a good path, and a word that the message has to have. */
static const struct {
	const char *args;
	const char *word;
	int error;
} wrong[] = {
	{"queues=0", "queues=0", -EINVAL},
	{"queues=129", "1 to 128", -EINVAL},
	{"queues=two", "queues=two", -EINVAL},
	{"queues=-1", "queues=-1", -EINVAL},
	{"queues=1x", "queues=1x", -EINVAL},
	{"queues=99999999999999999999", "queues=", -EINVAL},
	{"queues=", "queues=", -EINVAL},
	{"queues", "queues=", -EINVAL},
	{"queue_size=0", "power of 2", -EINVAL},
	{"queue_size=1", "power of 2", -EINVAL},
	{"queue_size=300", "power of 2", -EINVAL},
	{"queue_size=65536", "power of 2", -EINVAL},
	{"queue_size=4294967552", "power of 2", -EINVAL},
	{"server=2", "server=2", -EINVAL},
	{"mrg_rxbuf=yes", "mrg_rxbuf=yes", -EINVAL},
	{"in_order=-1", "in_order=-1", -EINVAL},
	{"mac=1:2:3", "MAC", -EINVAL},
	{"mac=01:00:5e:00:00:01", "unicast", -EINVAL},
	{"mac=00:00:00:00:00:00", "unicast", -EINVAL},
	{"speed=0", "speed=0", -EINVAL},
	{"speed=12345", "speed=12345", -EINVAL},
	{"speed=fast", "speed=fast", -EINVAL},
	{"wait=3601", "3600", -EINVAL},
	{"cq=2", "cq=2", -EINVAL},
	{"packed_vq=1", "packed_vq", -ENOTSUP},
	{"packed_vq=2", "packed_vq", -EINVAL},
	{"iface=tap0", "iface=tap0", -ENOTSUP},
	{"colour=red", "unknown argument colour", -EINVAL},
	{"queues=1,queues=2", "twice", -EINVAL},
	{"path=/tmp/other", "twice", -EINVAL},
	{"queues=4=server=1", "two '='", -EINVAL},
	{"mac=[02:00:00:00:00:01,02:00:00:00:00:02]", "list", -EINVAL},
};

static void
wrong_arguments_are_refused_by_name_and_leave_no_device(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(wrong); i++) {
		struct resources before = resources_now();
		struct pmd_args a;
		char args[256];

		snprintf(args, sizeof(args), "path=%s,%s", sock_path, wrong[i].args);
		log_forget();
		assert_int_equal(pmd_args_parse(&a, "n", args), wrong[i].error);
		if (strstr(log_text(), wrong[i].word) == NULL)
			fail_msg("%s: '%s' has no '%s'", wrong[i].args, log_text(), wrong[i].word);
		assert_int_not_equal(port_try(args), 0);
		assert_int_equal(rte_eth_dev_count_avail(), 0);
		assert_resources(before);
	}
}

static void
path_has_to_be_a_socket_to_be(void **state)
{
	struct pmd_args a;
	char long_path[160] = "path=/tmp/";
	char args[128];
	FILE *f;

	(void)state;
	log_forget();
	assert_int_equal(pmd_args_parse(&a, "n", NULL), -EINVAL);
	assert_non_null(strstr(log_text(), "path=SOCKET is missing"));
	assert_int_equal(pmd_args_parse(&a, "n", ""), -EINVAL);
	assert_int_equal(pmd_args_parse(&a, "n", "path="), -EINVAL);

	assert_int_equal(pmd_args_parse(&a, "n", "path=/dev/null"), -ENOTSUP);
	assert_non_null(strstr(log_text(), "character device"));
	assert_int_equal(pmd_args_parse(&a, "n", "path=/tmp"), -EINVAL);
	assert_non_null(strstr(log_text(), "not a socket"));

	memset(long_path + strlen(long_path), 'x', 97);
	assert_int_equal(strlen(long_path), 5 + 102);
	assert_int_equal(pmd_args_parse(&a, "n", long_path), 0);
	memset(long_path + 5 + 5, 'x', 103);
	assert_int_equal(strlen(long_path), 5 + 108);
	assert_int_equal(pmd_args_parse(&a, "n", long_path), -EINVAL);
	assert_non_null(strstr(log_text(), "107 bytes"));

	snprintf(args, sizeof(args), "path=%s", sock_path);
	f = fopen(sock_path, "w");
	assert_non_null(f);
	fclose(f);
	assert_int_equal(pmd_args_parse(&a, "n", args), -EINVAL);
	unlink(sock_path);
	assert_int_equal(pmd_args_parse(&a, "n", args), 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		UNIT(defaults_are_those_of_virtio_user),
		UNIT(every_argument_is_taken),
		UNIT(what_has_no_effect_is_said_in_one_line),
		UNIT(wrong_arguments_are_refused_by_name_and_leave_no_device),
		UNIT(path_has_to_be_a_socket_to_be),
	};

	fixture_start();
	return fixture_end(RUN_UNITS("pmd_args", tests));
}
