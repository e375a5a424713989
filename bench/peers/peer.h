/*
 * What every peer shares: bpf(2) without a library, a request read as text from standard input, pinning, a clock.
 *
 * A request is one "word value" pair a line and ends with end of file:
 *
 *   type 6                      enum bpf_prog_type
 *   map 4 4 4 1 0               type, key size, value size, max_entries, map_flags; numbered from 0
 *   entry 0 01000000 2a00...    a map's number, key and value, hexadecimal
 *   btf 9feb01...               raw BTF of the program
 *   func_info 00000000...       its bpf_func_info records, 8 bytes each; callbacks need them
 *   insns b70000...             the program, hexadecimal, 8 bytes an instruction
 *   store 1 0                   load the program given so far and put it into map 1 at index 0; another follows
 *   data 0000...                the packet or context of BPF_PROG_TEST_RUN, hexadecimal
 *   NAME VALUE                  anything else is a number: see number()
 *
 * The imm of an ld_imm64 whose src_reg is BPF_PSEUDO_MAP_FD or BPF_PSEUDO_MAP_VALUE is a map's number in the request;
 * it is replaced by that map's descriptor, so both sides of a measurement run the same bytes.
 */
#ifndef PEER_H
#define PEER_H

#pragma GCC diagnostic ignored "-Wunused-function"

#define _GNU_SOURCE
#include <errno.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define MAPS_MAX 16
#define NUMBERS_MAX 32
#define ROUNDS_MAX 101

struct request {
	uint32_t type;
	struct bpf_insn *insns;
	uint32_t insn_count;
	uint8_t *func_info;
	uint32_t func_info_bytes;
	int btf;
	uint8_t *data;
	uint32_t data_bytes;
	int maps[MAPS_MAX];
	uint32_t map_count;
	struct {
		char name[32];
		double value;
	} numbers[NUMBERS_MAX];
	uint32_t number_count;
};

/* Ends the process with one JSON line that says why there is no figure. */
static void fail(const char *what)
{
	printf("{\"error\": \"%s: %s\"}\n", what, strerror(errno));
	exit(1);
}

static long sys_bpf(int command, union bpf_attr *attr)
{
	return syscall(__NR_bpf, command, attr, sizeof(*attr));
}

static double now_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec * 1e-9;
}

/* Pins the calling thread; a machine with fewer CPUs than asked for leaves it where it is. */
static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

/* For qsort() of doubles. */
static int by_size(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return left < right ? -1 : left > right;
}

static uint8_t *parse_hex(const char *text, uint32_t *bytes)
{
	uint32_t length = strcspn(text, "\r\n") / 2;
	uint8_t *out = calloc(1, length + 1);

	for (uint32_t i = 0; i < length; i++) {
		unsigned int byte;

		if (sscanf(text + 2 * i, "%2x", &byte) != 1) {
			errno = EINVAL;
			fail("hexadecimal");
		}
		out[i] = byte;
	}
	*bytes = length;
	return out;
}

static int create_map(uint32_t type, uint32_t key, uint32_t value, uint32_t entries, uint32_t flags)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_type = type;
	attr.key_size = key;
	attr.value_size = value;
	attr.max_entries = entries;
	attr.map_flags = flags;
	int fd = sys_bpf(BPF_MAP_CREATE, &attr);
	if (fd < 0)
		fail("BPF_MAP_CREATE");
	return fd;
}

static int update_map(int map, const void *key, const void *value, uint64_t flags)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_fd = map;
	attr.key = (uintptr_t)key;
	attr.value = (uintptr_t)value;
	attr.flags = flags;
	return sys_bpf(BPF_MAP_UPDATE_ELEM, &attr);
}

static double number(const struct request *request, const char *name, double otherwise)
{
	for (uint32_t i = 0; i < request->number_count; i++)
		if (!strcmp(request->numbers[i].name, name))
			return request->numbers[i].value;
	return otherwise;
}

static void patch_maps(struct request *request)
{
	for (uint32_t i = 0; i < request->insn_count; i++) {
		struct bpf_insn *insn = &request->insns[i];

		if (insn->code != (BPF_LD | BPF_IMM | BPF_DW))
			continue;
		if ((insn->src_reg == BPF_PSEUDO_MAP_FD || insn->src_reg == BPF_PSEUDO_MAP_VALUE) &&
		    (uint32_t)insn->imm < request->map_count)
			insn->imm = request->maps[insn->imm];
		i++;
	}
}

/* Loads the program given so far, and forgets it. */
static int load_program(struct request *request)
{
	union bpf_attr attr;

	patch_maps(request);
	memset(&attr, 0, sizeof(attr));
	attr.prog_type = request->type;
	attr.insns = (uintptr_t)request->insns;
	attr.insn_cnt = request->insn_count;
	attr.license = (uintptr_t)"GPL";
	attr.prog_btf_fd = request->btf;
	if (request->type == BPF_PROG_TYPE_SYSCALL)
		attr.prog_flags = BPF_F_SLEEPABLE; /* the only form there is */
	if (request->func_info_bytes) {
		attr.func_info = (uintptr_t)request->func_info;
		attr.func_info_rec_size = sizeof(struct bpf_func_info);
		attr.func_info_cnt = request->func_info_bytes / sizeof(struct bpf_func_info);
	}
	int fd = sys_bpf(BPF_PROG_LOAD, &attr);
	if (fd < 0)
		fail("BPF_PROG_LOAD");
	request->func_info_bytes = 0;
	request->btf = 0;
	return fd;
}

static void store_program(struct request *request, const char *value)
{
	uint32_t map, index;

	if (sscanf(value, "%u %u", &map, &index) != 2 || map >= request->map_count) {
		errno = EINVAL;
		fail("store");
	}
	int program = load_program(request);
	if (update_map(request->maps[map], &index, &program, BPF_ANY))
		fail("store");
}

static void fill_entry(struct request *request, const char *value)
{
	uint32_t map = strtoul(value, NULL, 10), bytes;
	const char *key = strchr(value, ' ');
	const char *content = key ? strchr(key + 1, ' ') : NULL;

	if (!content || map >= request->map_count) {
		errno = EINVAL;
		fail("entry");
	}
	char *key_text = strndup(key + 1, content - key - 1);
	uint8_t *key_data = parse_hex(key_text, &bytes);
	uint8_t *value_data = parse_hex(content + 1, &bytes);
	if (update_map(request->maps[map], key_data, value_data, BPF_ANY))
		fail("entry");
	free(key_text);
	free(key_data);
	free(value_data);
}

static void load_btf(struct request *request, const char *value)
{
	union bpf_attr attr;
	uint32_t bytes;
	uint8_t *btf = parse_hex(value, &bytes);

	memset(&attr, 0, sizeof(attr));
	attr.btf = (uintptr_t)btf;
	attr.btf_size = bytes;
	request->btf = sys_bpf(BPF_BTF_LOAD, &attr);
	if (request->btf < 0)
		fail("BPF_BTF_LOAD");
	free(btf);
}

static void take_map(struct request *request, const char *value)
{
	uint32_t map[5];

	if (request->map_count == MAPS_MAX ||
	    sscanf(value, "%u %u %u %u %u", map, map + 1, map + 2, map + 3, map + 4) != 5) {
		errno = EINVAL;
		fail("map");
	}
	request->maps[request->map_count++] = create_map(map[0], map[1], map[2], map[3], map[4]);
}

static void take_number(struct request *request, const char *name, const char *value)
{
	if (request->number_count == NUMBERS_MAX || strlen(name) >= sizeof(request->numbers[0].name)) {
		errno = EINVAL;
		fail(name);
	}
	strcpy(request->numbers[request->number_count].name, name);
	request->numbers[request->number_count++].value = strtod(value, NULL);
}

static void take_line(struct request *request, const char *word, const char *value)
{
	uint32_t bytes;

	if (!strcmp(word, "type")) {
		request->type = strtoul(value, NULL, 0);
	} else if (!strcmp(word, "insns")) {
		request->insns = (struct bpf_insn *)parse_hex(value, &bytes);
		request->insn_count = bytes / sizeof(struct bpf_insn);
	} else if (!strcmp(word, "func_info")) {
		request->func_info = parse_hex(value, &request->func_info_bytes);
	} else if (!strcmp(word, "btf")) {
		load_btf(request, value);
	} else if (!strcmp(word, "data")) {
		request->data = parse_hex(value, &request->data_bytes);
	} else if (!strcmp(word, "map")) {
		take_map(request, value);
	} else if (!strcmp(word, "entry")) {
		fill_entry(request, value);
	} else if (!strcmp(word, "store")) {
		store_program(request, value);
	} else {
		take_number(request, word, value);
	}
}

static void read_request(struct request *request)
{
	struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
	char *line = NULL;
	size_t room = 0;

	setrlimit(RLIMIT_MEMLOCK, &unlimited);
	memset(request, 0, sizeof(*request));
	while (getline(&line, &room, stdin) > 0) {
		char *value = strchr(line, ' ');

		if (!value)
			continue;
		*value++ = 0;
		take_line(request, line, value);
	}
	free(line);
}

/* The types whose BPF_PROG_TEST_RUN takes a context and no repeat count. */
static int runs_once(uint32_t type)
{
	return type == BPF_PROG_TYPE_RAW_TRACEPOINT || type == BPF_PROG_TYPE_SYSCALL;
}

/* Fills attr.test for one BPF_PROG_TEST_RUN of `repeat` repetitions. */
static void prepare_run(const struct request *request, union bpf_attr *attr, int program, uint32_t repeat)
{
	memset(attr, 0, sizeof(*attr));
	attr->test.prog_fd = program;
	if (runs_once(request->type)) {
		attr->test.ctx_in = (uintptr_t)request->data;
		attr->test.ctx_size_in = request->data_bytes;
		return;
	}
	attr->test.data_in = (uintptr_t)request->data;
	attr->test.data_size_in = request->data_bytes;
	attr->test.repeat = repeat;
}

#endif
