/*
 * One source, two builds: a benchmark program is a plain C function of a buffer, in bench/programs/NAME.h. jit.bpf.c
 * makes a sched_cls program of each (its buffer is the packet), bench/peers/native.c a native function.
 *
 * Each is `ALWAYS_INLINE u64 NAME(const u8 *data)` and reads INPUT_BYTES bytes at most.
 */
#ifndef INPUT_H
#define INPUT_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

#define INPUT_BYTES 256

#define ALWAYS_INLINE static inline __attribute__((always_inline))

#endif
