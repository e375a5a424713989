/* bpf_loop: 64 rounds of a callback whose state lies on its caller's stack. */
#include "input.h"

struct loop_state {
	u64 state;
	u32 odd;
};

NOINLINE long loop_round(u64 round, void *context)
{
	struct loop_state *loop = context;

	loop->state = (loop->state ^ round) * 0xbf58476d1ce4e5b9ULL;
	loop->state ^= loop->state >> 31;
	loop->odd += loop->state & 1;
	return 0;
}

ALWAYS_INLINE u64 bpf_loop(const u8 *data, const u8 *end)
{
	struct loop_state loop = {.state = *(const u64 *)data};
	long rounds = run_loop(64, loop_round, &loop, 0);

	return loop.state + loop.odd + rounds;
}
