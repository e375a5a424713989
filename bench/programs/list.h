/*
 * Every program of the jit rows; a row's native function is found by its place here, counted from 1. Behind them comes
 * tail_calls, whose programs take the context and no buffer.
 */
#ifndef LIST_H
#define LIST_H

#include "calls.h"
#include "checksum.h"
#include "crc32.h"
#include "jhash.h"
#include "loop.h"
#include "maps.h"
#include "mix32.h"
#include "muldiv.h"
#include "parse.h"
#include "siphash.h"
#include "sort.h"
#include "stack_copy.h"
#include "tail.h"
#include "xorshift.h"

#define EACH_PROGRAM(PROGRAM)                                                                                          \
	PROGRAM(bpf_loop)                                                                                              \
	PROGRAM(calls)                                                                                                 \
	PROGRAM(checksum)                                                                                              \
	PROGRAM(crc32)                                                                                                 \
	PROGRAM(jhash)                                                                                                 \
	PROGRAM(map_counters)                                                                                          \
	PROGRAM(map_percpu)                                                                                            \
	PROGRAM(mix32)                                                                                                 \
	PROGRAM(muldiv)                                                                                                \
	PROGRAM(parse_long)                                                                                            \
	PROGRAM(parse_one)                                                                                             \
	PROGRAM(parse_short)                                                                                           \
	PROGRAM(siphash)                                                                                               \
	PROGRAM(sort)                                                                                                  \
	PROGRAM(stack_copy)                                                                                            \
	PROGRAM(xorshift)

/* Those that there is no native build of. */
#define EACH_BPF_PROGRAM(PROGRAM) PROGRAM(map_hash)

#endif
