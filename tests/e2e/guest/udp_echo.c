/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * UDP between guests, for which busybox has nothing:
 *
 *	udp_echo serve PORT                  send every datagram back, for ever
 *	udp_echo ask HOST PORT COUNT BYTES   COUNT questions of growing length up to BYTES (> COUNT)
 *
 * "ask" repeats what is not answered (UDP may lose it) and ends with 1 on an answer that differs or
 * when there is none. The kernel checks the checksums and drops what is wrong.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define DATAGRAM_MAX 65507
#define ANSWER_MS 500
#define REPEATS 40

static char question[DATAGRAM_MAX], answer[DATAGRAM_MAX];

static int
serve(const char *port)
{
	struct sockaddr_in6 here = {.sin6_family = AF_INET6, .sin6_port = htons(atoi(port))};
	struct sockaddr_storage peer;
	int no = 0, fd = socket(AF_INET6, SOCK_DGRAM, 0);

	if (setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof(no)) != 0 ||
		bind(fd, (struct sockaddr *)&here, sizeof(here)) != 0) {
		perror("udp_echo: bind");
		return 1;
	}
	for (;;) {
		socklen_t length = sizeof(peer);
		ssize_t got =
			recvfrom(fd, answer, sizeof(answer), 0, (struct sockaddr *)&peer, &length);

		if (got >= 0)
			sendto(fd, answer, got, 0, (struct sockaddr *)&peer, length);
	}
}

/* 1: the same came back, 0: nothing in time, -1: something else. */
static int
ask_once(int fd, size_t bytes, unsigned int number)
{
	struct pollfd in = {.fd = fd, .events = POLLIN};

	if (send(fd, question, bytes, 0) != (ssize_t)bytes)
		return 0;
	while (poll(&in, 1, ANSWER_MS) > 0) {
		ssize_t got = recv(fd, answer, sizeof(answer), 0);

		/* A late answer to an earlier question is shorter. */
		if (got < 0 || (size_t)got < bytes)
			continue;
		if ((size_t)got == bytes && memcmp(question, answer, bytes) == 0)
			return 1;
		printf("UDP: answer %u differs (%zd bytes for %zu)\n", number, got, bytes);
		return -1;
	}
	return 0;
}

static int
ask(const char *host, const char *port, unsigned int count, size_t most)
{
	struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons(atoi(port))};
	unsigned int repeated = 0;
	char mapped[64];
	int fd;

	/* An IPv4 host is ::ffff:HOST of the one kind of socket. */
	snprintf(mapped, sizeof(mapped), "%s%s", strchr(host, ':') == NULL ? "::ffff:" : "", host);
	if (count == 0 || most <= count || most > DATAGRAM_MAX ||
		inet_pton(AF_INET6, mapped, &to.sin6_addr) != 1)
		return 2;
	fd = socket(AF_INET6, SOCK_DGRAM, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0) {
		perror("udp_echo: connect");
		return 1;
	}
	for (unsigned int i = 1; i <= count; i++) {
		size_t bytes = 1 + (most - 1) * i / count;
		int done = 0;

		for (size_t at = 0; at < bytes; at++)
			question[at] = (char)rand();
		for (unsigned int n = 0; n < REPEATS && done == 0; n++) {
			repeated += n > 0;
			done = ask_once(fd, bytes, i);
		}
		if (done <= 0) {
			printf("UDP: no right answer to question %u of %zu bytes\n", i, bytes);
			return 1;
		}
	}
	printf("UDP: %u of %u answered, %u repeated\n", count, count, repeated);
	return 0;
}

int
main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "serve") == 0)
		return serve(argv[2]);
	if (argc == 6 && strcmp(argv[1], "ask") == 0)
		return ask(argv[2], argv[3], atoi(argv[4]), atoi(argv[5]));
	fputs("usage: udp_echo serve PORT | ask HOST PORT COUNT BYTES\n", stderr);
	return 2;
}
