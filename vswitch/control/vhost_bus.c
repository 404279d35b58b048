/* SPDX-License-Identifier: BSD-3-Clause */
#include "vhost_bus.h"

#include "../main_wake.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>

#define NONE (-1)

/* Read by the handler on any thread: end is written last and cleared first. */
struct window {
	uintptr_t begin;
	uintptr_t end; /* 0: not in use */
};

#define LOG_WINDOW VIRTQ_MEM_REGIONS_MAX
#define WINDOWS (LOG_WINDOW + 1)

static struct window windows[PORT_MAX][WINDOWS];
static bool hit[PORT_MAX];
static __thread volatile int working_on = NONE;

static bool
zeros(uintptr_t begin, size_t bytes)
{
	return mmap((void *)begin, bytes, PROT_READ | PROT_WRITE,
		       MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
		       0) != MAP_FAILED;
}

/* One page of whatever size its mapping has: a part of a huge one cannot be replaced. */
static bool
zero_page(uintptr_t addr)
{
	static const size_t sizes[] = {4096, 2 << 20, 1 << 30};

	for (size_t i = 0; i < RTE_DIM(sizes); i++) {
		if (zeros(addr & ~(sizes[i] - 1), sizes[i]))
			return true;
	}
	return false;
}

static int
port_of(uintptr_t addr)
{
	for (int id = 0; id < PORT_MAX; id++) {
		for (int i = 0; i < WINDOWS; i++) {
			uintptr_t end = __atomic_load_n(&windows[id][i].end, __ATOMIC_ACQUIRE);

			if (addr < end && addr >= windows[id][i].begin)
				return id;
		}
	}
	return working_on;
}

static void
on_bus_error(int number, siginfo_t *info, void *context __rte_unused)
{
	uintptr_t addr = (uintptr_t)info->si_addr;
	int id = port_of(addr);

	if (id != NONE && zero_page(addr)) {
		__atomic_store_n(&hit[id], true, __ATOMIC_RELAXED);
		main_wake();
		return;
	}
	/* Not a guest's: comes again, and ends the process. */
	signal(number, SIG_DFL);
}

void
vhost_bus_init(void)
{
	struct sigaction action = {.sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO};

	sigaction(SIGBUS, &action, NULL);
}

static void
open_window(struct window *w, const void *begin, uint64_t bytes)
{
	w->begin = (uintptr_t)begin;
	__atomic_store_n(&w->end, (uintptr_t)begin + bytes, __ATOMIC_RELEASE);
}

void
vhost_bus_forget(const struct port *port)
{
	for (int i = 0; i < VIRTQ_MEM_REGIONS_MAX; i++)
		__atomic_store_n(&windows[port->id][i].end, 0, __ATOMIC_RELEASE);
}

void
vhost_bus_watch(const struct port *port)
{
	vhost_bus_forget(port);
	for (uint32_t i = 0; i < port->mem.nb_regions; i++) {
		const struct virtq_mem_region *r = &port->mem.regions[i];

		open_window(&windows[port->id][i], r->host, r->bytes);
	}
}

void
vhost_bus_watch_log(const struct port *port, const void *log, uint64_t bytes)
{
	struct window *w = &windows[port->id][LOG_WINDOW];

	__atomic_store_n(&w->end, 0, __ATOMIC_RELEASE);
	if (bytes != 0)
		open_window(w, log, bytes);
}

void
vhost_bus_working_on(const struct port *port)
{
	working_on = port == NULL ? NONE : port->id;
}

bool
vhost_bus_hit(const struct port *port)
{
	return __atomic_load_n(&hit[port->id], __ATOMIC_RELAXED);
}

void
vhost_bus_clear(const struct port *port)
{
	__atomic_store_n(&hit[port->id], false, __ATOMIC_RELAXED);
}
