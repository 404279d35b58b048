/* SPDX-License-Identifier: BSD-3-Clause */
#include "vhost_socket.h"

#include "control.h"

#include <errno.h>
#include <libgen.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define PATH_BYTES sizeof(((struct sockaddr_un *)0)->sun_path)

static int
check_directory(const char *name, const char *path)
{
	char copy[PATH_BYTES];
	const char *dir;
	struct stat st;

	strcpy(copy, path);
	dir = dirname(copy);
	if (stat(dir, &st) != 0) {
		int err = errno;

		CONTROL_LOG(ERR, "port %s: directory %s of socket %s: %s%s", name, dir, path,
			strerror(err), err == ENOENT ? "; create it first" : "");
		return -err;
	}
	if (!S_ISDIR(st.st_mode)) {
		CONTROL_LOG(ERR, "port %s: %s in socket path %s is no directory", name, dir, path);
		return -ENOTDIR;
	}
	return 0;
}

/* Does somebody listen? 0: yes, else the errno of connect(). */
static int
try_connect(const struct sockaddr_un *un)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int err = 0;

	if (fd < 0)
		return errno;
	if (connect(fd, (const struct sockaddr *)un, sizeof(*un)) != 0)
		err = errno;
	close(fd);
	return err;
}

static int
remove_dead(const char *name, const struct sockaddr_un *un)
{
	const char *path = un->sun_path;
	struct stat st;
	int err;

	if (lstat(path, &st) != 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode)) {
		CONTROL_LOG(
			ERR, "port %s: %s exists and is no socket; give another path", name, path);
		return -EEXIST;
	}
	err = try_connect(un);
	/* A full backlog is somebody who listens, too. */
	if (err == 0 || err == EAGAIN) {
		CONTROL_LOG(ERR,
			"port %s: another program serves %s; stop it, give another path, or "
			"connect to it with client=1",
			name, path);
		return -EADDRINUSE;
	}
	if (err != ECONNREFUSED) {
		CONTROL_LOG(ERR, "port %s: socket %s: %s", name, path, strerror(err));
		return -err;
	}
	if (unlink(path) != 0) {
		err = errno;
		CONTROL_LOG(ERR, "port %s: left-over socket %s cannot be removed: %s", name, path,
			strerror(err));
		return -err;
	}
	CONTROL_LOG(INFO, "port %s: removed left-over socket %s", name, path);
	return 0;
}

/* Bind it once ourselves: whatever stands against it has an errno here. */
static int
try_bind(const char *name, const struct sockaddr_un *un)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int err = 0;

	if (fd < 0)
		return -errno;
	if (bind(fd, (const struct sockaddr *)un, sizeof(*un)) != 0) {
		err = errno;
		CONTROL_LOG(ERR, "port %s: socket %s cannot be made: %s", name, un->sun_path,
			strerror(err));
	} else {
		unlink(un->sun_path);
	}
	close(fd);
	return -err;
}

int
vhost_socket_prepare(const char *name, const char *path, bool client)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int rc;

	if (path == NULL || path[0] == '\0') {
		CONTROL_LOG(ERR, "port %s: no socket path", name);
		return -EINVAL;
	}
	if (strlen(path) >= PATH_BYTES) {
		CONTROL_LOG(ERR,
			"port %s: socket path of %zu characters, at most %zu are possible: %s",
			name, strlen(path), PATH_BYTES - 1, path);
		return -ENAMETOOLONG;
	}
	rc = check_directory(name, path);
	if (rc != 0 || client)
		return rc;
	strcpy(un.sun_path, path);
	rc = remove_dead(name, &un);
	if (rc == 0)
		rc = try_bind(name, &un);
	return rc;
}
