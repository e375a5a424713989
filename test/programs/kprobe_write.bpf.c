/* kprobe on the write system call. On x86-64 the wrapper's only argument points at the caller's registers, so the
 * call's own arguments take a second read. */
#include "smpbpf_helpers.h"

struct event {
	__u32 pid, tid;
	__u32 fd;
	__u32 uid;
	__u64 count;
	char start[16];
	char comm[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, struct event);
} last SEC(".maps");

SEC("kprobe/__x64_sys_write")
int on_write(struct pt_regs *ctx)
{
	struct pt_regs *user = (struct pt_regs *)PARM1(ctx);
	unsigned long fd = 0, buffer = 0, count = 0;
	struct event event = {};

	bpf_probe_read_kernel(&fd, sizeof(fd), &PARM1(user));
	bpf_probe_read_kernel(&buffer, sizeof(buffer), &PARM2(user));
	bpf_probe_read_kernel(&count, sizeof(count), &PARM3(user));
	event.pid = bpf_get_current_pid_tgid() >> 32;
	event.tid = bpf_get_current_pid_tgid();
	event.uid = bpf_get_current_uid_gid();
	event.fd = fd;
	event.count = count;
	bpf_probe_read_user_str(event.start, sizeof(event.start), (void *)buffer);
	bpf_get_current_comm(event.comm, sizeof(event.comm));
	bpf_map_update_elem(&last, &event.pid, &event, BPF_ANY);
	return 0;
}

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __s64);
} returned SEC(".maps");

SEC("kretprobe/__x64_sys_write")
int on_write_return(struct pt_regs *ctx)
{
	__u32 zero = 0;
	__s64 *value = bpf_map_lookup_elem(&returned, &zero);

	if (value)
		*value = ctx->rax;
	return 0;
}

LICENSE("GPL");
