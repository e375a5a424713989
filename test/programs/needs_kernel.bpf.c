/* What only a kernel can complete: configuration, kernel symbols, kernel functions, a CO-RE field. */
#include "smpbpf_helpers.h"

extern int CONFIG_HZ __kconfig;
extern const int bpf_prog_active __ksym;
extern void bpf_rcu_read_lock(void) __weak __ksym;

struct task_struct {
	int pid;
} __attribute__((preserve_access_index));

SEC("raw_tracepoint/sched_switch")
int on_switch(__u64 *ctx)
{
	struct task_struct *task = (void *)ctx[1];
	int pid = 0;

	if (bpf_rcu_read_lock)
		bpf_rcu_read_lock();
	bpf_probe_read_kernel(&pid, sizeof(pid), &task->pid);
	return pid + CONFIG_HZ + (long)&bpf_prog_active;
}

LICENSE("GPL");
