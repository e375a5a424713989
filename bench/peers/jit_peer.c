/*
 * The kernel's side of the jit rows: runs one program by BPF_PROG_TEST_RUN and prints how long a run takes.
 *
 * Numbers in the request: repeat (runs a call; calibrated when absent), rounds, milliseconds (aimed at for a round),
 * cpu. socket_filter, sched_cls and xdp programs are repeated by the kernel; raw_tracepoint and syscall programs have
 * no repeat count there, so their figure includes the system call.
 *
 * Prints {"ns": median of the rounds' mean time a run by the wall clock, "min_ns", "max_ns", "kernel_ns": the same by
 * the kernel's clock in whole ns, of the last round, "retval", "repeat", "jited_bytes"}.
 */
#include "peer.h"


static uint32_t jited_bytes(int program)
{
	struct bpf_prog_info info;
	union bpf_attr attr;

	memset(&info, 0, sizeof(info));
	memset(&attr, 0, sizeof(attr));
	attr.info.bpf_fd = program;
	attr.info.info_len = sizeof(info);
	attr.info.info = (uintptr_t)&info;
	return sys_bpf(BPF_OBJ_GET_INFO_BY_FD, &attr) ? 0 : info.jited_prog_len;
}

/*
 * One round; answers the mean time of a run in ns. The wall clock says it to a fraction, but holds what a call costs
 * once (milliseconds for xdp, whose dispatcher is set up anew); the kernel's own figure leaves that out, but is cut to
 * whole ns. So the wall clock counts as long as it lies within the ns that the kernel says.
 */
static double run(const struct request *request, int program, uint32_t repeat, union bpf_attr *attr)
{
	int single = runs_once(request->type);
	double begun = now_seconds();

	for (uint32_t call = 0; call < (single ? repeat : 1); call++) {
		int failed;

		/* A signal ends a run of many repetitions; a stray one is no reason to have no figure. */
		do {
			if (!single)
				begun = now_seconds();
			prepare_run(request, attr, program, repeat);
			failed = sys_bpf(BPF_PROG_TEST_RUN, attr);
		} while (failed && errno == EINTR);
		if (failed)
			fail("BPF_PROG_TEST_RUN");
	}
	double wall_ns = (now_seconds() - begun) * 1e9 / repeat;
	double kernel_ns = attr->test.duration;
	return single || wall_ns < kernel_ns + 1 ? wall_ns : kernel_ns + 0.5;
}

/* Runs a call that make a round last about `seconds`: grows until the call is long enough to extrapolate from. */
static uint32_t calibrate(const struct request *request, int program, double seconds)
{
	union bpf_attr attr;

	for (uint32_t repeat = 1000;; repeat *= 4) {
		double ns = run(request, program, repeat, &attr);

		if (ns * repeat > seconds * 1e8 || repeat > 200000000) {
			double wanted = seconds * 1e9 / ns;

			return wanted < 1 ? 1 : wanted > 1e9 ? 1e9 : (uint32_t)wanted;
		}
	}
}

int main(void)
{
	static struct request request;
	union bpf_attr attr;
	double ns[ROUNDS_MAX];

	read_request(&request);
	int rounds = number(&request, "rounds", 5);
	double seconds = number(&request, "milliseconds", 100) / 1000;
	if (rounds < 1 || rounds > ROUNDS_MAX) {
		errno = EINVAL;
		fail("rounds");
	}
	pin(number(&request, "cpu", 0));
	int program = load_program(&request);
	uint32_t repeat = number(&request, "repeat", 0);
	if (!repeat)
		repeat = calibrate(&request, program, seconds);
	for (int i = 0; i < rounds; i++)
		ns[i] = run(&request, program, repeat, &attr);
	qsort(ns, rounds, sizeof(ns[0]), by_size);
	printf("{\"ns\": %.3f, \"min_ns\": %.3f, \"max_ns\": %.3f, \"kernel_ns\": %u, \"retval\": %u, "
	       "\"repeat\": %u, \"jited_bytes\": %u}\n",
	       ns[rounds / 2], ns[0], ns[rounds - 1], attr.test.duration, attr.test.retval, repeat,
	       jited_bytes(program));
	return 0;
}
