/* Lines for trace_pipe: without arguments, with numbers, with a string. */
#include "smpbpf_helpers.h"

SEC("raw_tracepoint/hello")
int hello(void *ctx)
{
	return printk("Hello, world!\n");
}

SEC("raw_tracepoint/numbers")
int numbers(void *ctx)
{
	return printk("pid %d time %llu hex %x\n", (__u32)(bpf_get_current_pid_tgid() >> 32), 1234567890123ULL, 0xbeef);
}

SEC("raw_tracepoint/string")
int string(void *ctx)
{
	char comm[16];

	bpf_get_current_comm(comm, sizeof(comm));
	return printk("comm %s\n", comm);
}

/* The format string as an argument goes to .rodata.str1.1. */
SEC("raw_tracepoint/literal")
int literal(void *ctx)
{
	return bpf_trace_printk("literal\n", 9);
}

LICENSE("GPL");
