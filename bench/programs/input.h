/*
 * One source, two builds: a benchmark program is a plain C function in bench/programs/NAME.h. jit.bpf.c makes a
 * sched_cls program of each, whose packet is the buffer; bench/peers/native_peer.c a native function.
 *
 * Each is `ALWAYS_INLINE u64 NAME(const u8 *data, const u8 *end)` and reads the INPUT_BYTES bytes from data, which are
 * there; what a program checks against `end` it checks as part of its work. The result is cut to 32 bits.
 */
#ifndef INPUT_H
#define INPUT_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef int s32;
typedef long long s64;

#define INPUT_BYTES 3072

#define ALWAYS_INLINE static inline __attribute__((always_inline))
#define NOINLINE static __attribute__((noinline))

/* Loops stay loops in both builds: cc -O2 does not unroll them either. */
#ifdef __clang__
#define ROLLED _Pragma("clang loop unroll(disable)")
#else
#define ROLLED
#endif

ALWAYS_INLINE u32 rotate32(u32 word, u32 bits)
{
	return word << bits | word >> (32 - bits);
}

ALWAYS_INLINE u64 rotate64(u64 word, u32 bits)
{
	return word << bits | word >> (64 - bits);
}

/*
 * What differs between the builds: maps, tail calls and bpf_loop. Natively an array map is an array whose index is
 * checked, a tail call a call through a table of functions, and bpf_loop a loop that calls through a pointer.
 */
#ifdef __bpf__

#define MEMBER(name, value) int(*name)[value]
#define ARRAY_MAP(name, map_type, value_type, entries)                                                                 \
	struct {                                                                                                       \
		MEMBER(type, map_type);                                                                                \
		MEMBER(max_entries, entries);                                                                          \
		u32 *key;                                                                                              \
		value_type *value;                                                                                     \
	} name __attribute__((section(".maps"), used))
#define MAP_HASH 1
#define MAP_ARRAY 2
#define MAP_PERCPU_ARRAY 6

static void *(*map_lookup)(void *map, const void *key) = (void *)1;
static long (*map_update)(void *map, const void *key, const void *value, u64 flags) = (void *)2;
static long (*run_loop)(u32 rounds, void *step, void *context, u64 flags) = (void *)181;
#define LOOKUP(map, key) map_lookup(&map, &key)

#else

#define ARRAY_MAP(name, map_type, value_type, entries) static value_type name[entries]
#define LOOKUP(map, key) (key < sizeof(map) / sizeof(map[0]) ? &map[key] : 0)

typedef long (*loop_step)(u64 round, void *context);

NOINLINE long run_loop(u32 rounds, loop_step step, void *context, u64 flags)
{
	u32 round = 0;

	while (round < rounds && !step(round, context))
		round++;
	return round;
}

#endif
#endif
