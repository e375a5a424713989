/*
 * The native side of the jit rows: the very C functions that bench/programs/jit.bpf.c compiles to BPF, by cc -O2, called
 * through a pointer so that no call is merged with the next. Reads a request of numbers (index: which function of the
 * table, rounds, milliseconds) and data; prints {"ns", "min_ns", "max_ns", "retval", "repeat"}. A function's index is its
 * place in bench/programs/list.h counted from 1; 0 is the empty function.
 */
#include "peer.h"

#include "../programs/list.h"

#define NATIVE_PROGRAM(name)                                                                                           \
	static __attribute__((noinline, noclone)) u64 native_##name(const u8 *data, const u8 *end)                     \
	{                                                                                                              \
		if (data + INPUT_BYTES > end)                                                                          \
			return -1;                                                                                     \
		return name(data, end);                                                                                \
	}

static __attribute__((noinline, noclone)) u64 native_empty(const u8 *data, const u8 *end)
{
	__asm__ volatile("" : : "r"(data), "r"(end));
	return 0;
}

EACH_PROGRAM(NATIVE_PROGRAM)

static __attribute__((noinline, noclone)) int native_tail_even(struct packet_context *context)
{
	return tail_even(context);
}

static __attribute__((noinline, noclone)) int native_tail_odd(struct packet_context *context)
{
	return tail_odd(context);
}

static const volatile tail_program chain[2] = {native_tail_even, native_tail_odd};

static __attribute__((noinline, noclone)) u64 native_tail_calls(const u8 *data, const u8 *end)
{
	struct packet_context context = {.data = data, .data_end = end};

	return tail_begin(&context);
}

typedef u64 (*native_function)(const u8 *data, const u8 *end);

#define TABLE_ENTRY(name) native_##name,
static const volatile native_function programs[] = {native_empty, EACH_PROGRAM(TABLE_ENTRY) native_tail_calls};

static u64 result;

/* Without what other processes take meanwhile. */
static double processor_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return now.tv_sec + now.tv_nsec * 1e-9;
}

static double run(native_function function, const struct request *request, uint32_t repeat)
{
	double begun = processor_seconds();

	for (uint32_t i = 0; i < repeat; i++) {
		result = function(request->data, request->data + request->data_bytes);
		/* The data may have changed, as far as the compiler knows. */
		__asm__ volatile("" : : : "memory");
	}
	return (processor_seconds() - begun) * 1e9 / repeat;
}

int main(void)
{
	static struct request request;
	double ns[ROUNDS_MAX];

	read_request(&request);
	uint32_t index = number(&request, "index", 0);
	uint32_t rounds = number(&request, "rounds", 5);
	double seconds = number(&request, "milliseconds", 100) / 1000;
	if (index >= sizeof(programs) / sizeof(programs[0]) || rounds < 1 || rounds > ROUNDS_MAX ||
	    request.data_bytes < INPUT_BYTES) {
		errno = EINVAL;
		fail("index, rounds or data");
	}
	native_function function = programs[index];
	pin(number(&request, "cpu", 0));
	uint32_t repeat = 1000;
	double once = run(function, &request, repeat);
	while (once * repeat < seconds * 1e8)
		once = run(function, &request, repeat *= 2);
	repeat = seconds * 1e9 / once;
	for (uint32_t i = 0; i < rounds; i++)
		ns[i] = run(function, &request, repeat);
	qsort(ns, rounds, sizeof(ns[0]), by_size);
	printf("{\"ns\": %.3f, \"min_ns\": %.3f, \"max_ns\": %.3f, \"retval\": %u, \"repeat\": %u}\n", ns[rounds / 2], ns[0],
	       ns[rounds - 1], (uint32_t)result, repeat);
	return 0;
}
