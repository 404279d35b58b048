/* SPDX-License-Identifier: BSD-3-Clause */
/* Device arguments as anybody may write them: refused, or settings that the driver can have. */
#include "fuzz.h"
#include "pmd_args.h"

#include <rte_log.h>

#include <errno.h>

#define TEXT_MAX 512

/* The driver's log type; silent here, a message takes longer than what it is about. */
int virtq_pmd_logtype;

static const char *const words[] = {
	"path=", "mac=", "queues=", "queue_size=", "server=", "mrg_rxbuf=", "in_order=", "speed=",
	"wait=", "packed_vq=", "cq=", "vectorized=", "ptypes=", "path=/s", "mac=02:00:00:00:00:01",
	"queue_size=256", ",", ",", "=", "0", "1", "2", "128", "129", "256", "32768", "65536",
	"10000", "4294967295", "4294967296", "18446744073709551616", "0x10", "-1", " ", "[", "]",
	"(", ")", "/dev/null", "/", "ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00",
	"iface=", "/a/path/of/a/socket/that/is/not/there/but/has/a/name/of/which/two/are/too/long"};

/* As it comes, or of words. */
static void
read_text(struct fuzz_input *in, char *text)
{
	bool raw = fuzz_u8(in) & 1;
	size_t nb = 0;

	while (in->left > 0 && nb < TEXT_MAX - 1) {
		uint8_t c = fuzz_u8(in);
		const char *word = words[c % (sizeof(words) / sizeof(words[0]))];

		if (raw)
			text[nb++] = c == 0 ? ',' : (char)c;
		else if (nb + strlen(word) < TEXT_MAX)
			nb += (size_t)sprintf(text + nb, "%s", word);
		else
			break;
	}
	text[nb] = '\0';
}

static void
check(const struct pmd_args *a)
{
	static const uint8_t zero[6];

	FUZZ_CHECK(a->path[0] != '\0' && memchr(a->path, '\0', sizeof(a->path)) != NULL);
	FUZZ_CHECK(a->queues >= 1 && a->queues <= 128);
	FUZZ_CHECK(a->queue_size >= 2 && a->queue_size <= 32768 &&
		   __builtin_popcount(a->queue_size) == 1);
	if (a->has_mac)
		FUZZ_CHECK(!(a->mac.addr_bytes[0] & 1) && memcmp(&a->mac, zero, 6) != 0);
}

static bool
same(const struct pmd_args *a, const struct pmd_args *b)
{
	return strcmp(a->path, b->path) == 0 && a->has_mac == b->has_mac &&
	       (!a->has_mac || memcmp(&a->mac, &b->mac, sizeof(a->mac)) == 0) &&
	       a->queues == b->queues && a->queue_size == b->queue_size && a->server == b->server &&
	       a->mrg_rxbuf == b->mrg_rxbuf && a->in_order == b->in_order &&
	       a->ptypes == b->ptypes && a->speed == b->speed && a->wait_s == b->wait_s;
}

/* Settings written as arguments mean the same settings. */
static void
check_written(const struct pmd_args *a)
{
	const uint8_t *m = a->mac.addr_bytes;
	char text[TEXT_MAX];
	struct pmd_args b;
	int nb;

	nb = snprintf(text, sizeof(text),
		"ptypes=%d,wait=%u,in_order=%d,mrg_rxbuf=%d,server=%d,queue_size=%u,queues=%u",
		a->ptypes, a->wait_s, a->in_order, a->mrg_rxbuf, a->server, a->queue_size,
		a->queues);
	if (a->has_mac)
		nb += snprintf(text + nb, sizeof(text) - (size_t)nb,
			",mac=%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5]);
	if (a->speed != 0)
		nb += snprintf(text + nb, sizeof(text) - (size_t)nb, ",speed=%u", a->speed);
	/* Last: a bracket in it may have no other half. */
	snprintf(text + nb, sizeof(text) - (size_t)nb, ",path=%s", a->path);
	memset(&b, 0x5a, sizeof(b));
	FUZZ_CHECK(pmd_args_parse(&b, "again", text) == 0);
	FUZZ_CHECK(same(a, &b));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data, size};
	char text[TEXT_MAX];
	struct pmd_args args;
	int rc;

	rte_log_set_global_level(RTE_LOG_EMERG);
	read_text(&in, text);
	memset(&args, 0xa5, sizeof(args));
	rc = pmd_args_parse(&args, "fuzz", text);
	FUZZ_CHECK(rc == 0 || rc == -EINVAL || rc == -ENOTSUP);
	if (rc != 0)
		return 0;
	check(&args);
	check_written(&args);
	return 0;
}
