/** Numbers of linux/bpf.h: enumerations, in the order of the header. */

// enum bpf_cmd
export const BPF_MAP_CREATE = 0
export const BPF_MAP_LOOKUP_ELEM = 1
export const BPF_MAP_UPDATE_ELEM = 2
export const BPF_MAP_DELETE_ELEM = 3
export const BPF_MAP_GET_NEXT_KEY = 4
export const BPF_PROG_LOAD = 5
export const BPF_OBJ_PIN = 6
export const BPF_OBJ_GET = 7
export const BPF_PROG_ATTACH = 8
export const BPF_PROG_DETACH = 9
export const BPF_PROG_TEST_RUN = 10
export const BPF_PROG_RUN = 10
export const BPF_PROG_GET_NEXT_ID = 11
export const BPF_MAP_GET_NEXT_ID = 12
export const BPF_PROG_GET_FD_BY_ID = 13
export const BPF_MAP_GET_FD_BY_ID = 14
export const BPF_OBJ_GET_INFO_BY_FD = 15
export const BPF_PROG_QUERY = 16
export const BPF_RAW_TRACEPOINT_OPEN = 17
export const BPF_BTF_LOAD = 18
export const BPF_BTF_GET_FD_BY_ID = 19
export const BPF_TASK_FD_QUERY = 20
export const BPF_MAP_LOOKUP_AND_DELETE_ELEM = 21
export const BPF_MAP_FREEZE = 22
export const BPF_BTF_GET_NEXT_ID = 23
export const BPF_MAP_LOOKUP_BATCH = 24
export const BPF_MAP_LOOKUP_AND_DELETE_BATCH = 25
export const BPF_MAP_UPDATE_BATCH = 26
export const BPF_MAP_DELETE_BATCH = 27
export const BPF_LINK_CREATE = 28
export const BPF_LINK_UPDATE = 29
export const BPF_LINK_GET_FD_BY_ID = 30
export const BPF_LINK_GET_NEXT_ID = 31
export const BPF_ENABLE_STATS = 32
export const BPF_ITER_CREATE = 33
export const BPF_LINK_DETACH = 34
export const BPF_PROG_BIND_MAP = 35
export const BPF_TOKEN_CREATE = 36
export const BPF_PROG_STREAM_READ_BY_FD = 37
export const BPF_PROG_ASSOC_STRUCT_OPS = 38
export const __MAX_BPF_CMD = 39
export const BPF_COMMON_ATTRS = 65536

// enum bpf_map_type
export const BPF_MAP_TYPE_UNSPEC = 0
export const BPF_MAP_TYPE_HASH = 1
export const BPF_MAP_TYPE_ARRAY = 2
export const BPF_MAP_TYPE_PROG_ARRAY = 3
export const BPF_MAP_TYPE_PERF_EVENT_ARRAY = 4
export const BPF_MAP_TYPE_PERCPU_HASH = 5
export const BPF_MAP_TYPE_PERCPU_ARRAY = 6
export const BPF_MAP_TYPE_STACK_TRACE = 7
export const BPF_MAP_TYPE_CGROUP_ARRAY = 8
export const BPF_MAP_TYPE_LRU_HASH = 9
export const BPF_MAP_TYPE_LRU_PERCPU_HASH = 10
export const BPF_MAP_TYPE_LPM_TRIE = 11
export const BPF_MAP_TYPE_ARRAY_OF_MAPS = 12
export const BPF_MAP_TYPE_HASH_OF_MAPS = 13
export const BPF_MAP_TYPE_DEVMAP = 14
export const BPF_MAP_TYPE_SOCKMAP = 15
export const BPF_MAP_TYPE_CPUMAP = 16
export const BPF_MAP_TYPE_XSKMAP = 17
export const BPF_MAP_TYPE_SOCKHASH = 18
export const BPF_MAP_TYPE_CGROUP_STORAGE_DEPRECATED = 19
export const BPF_MAP_TYPE_CGROUP_STORAGE = 19
export const BPF_MAP_TYPE_REUSEPORT_SOCKARRAY = 20
export const BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE_DEPRECATED = 21
export const BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE = 21
export const BPF_MAP_TYPE_QUEUE = 22
export const BPF_MAP_TYPE_STACK = 23
export const BPF_MAP_TYPE_SK_STORAGE = 24
export const BPF_MAP_TYPE_DEVMAP_HASH = 25
export const BPF_MAP_TYPE_STRUCT_OPS = 26
export const BPF_MAP_TYPE_RINGBUF = 27
export const BPF_MAP_TYPE_INODE_STORAGE = 28
export const BPF_MAP_TYPE_TASK_STORAGE = 29
export const BPF_MAP_TYPE_BLOOM_FILTER = 30
export const BPF_MAP_TYPE_USER_RINGBUF = 31
export const BPF_MAP_TYPE_CGRP_STORAGE = 32
export const BPF_MAP_TYPE_ARENA = 33
export const BPF_MAP_TYPE_INSN_ARRAY = 34
export const BPF_MAP_TYPE_RHASH = 35
export const __MAX_BPF_MAP_TYPE = 36

// enum bpf_prog_type
export const BPF_PROG_TYPE_UNSPEC = 0
export const BPF_PROG_TYPE_SOCKET_FILTER = 1
export const BPF_PROG_TYPE_KPROBE = 2
export const BPF_PROG_TYPE_SCHED_CLS = 3
export const BPF_PROG_TYPE_SCHED_ACT = 4
export const BPF_PROG_TYPE_TRACEPOINT = 5
export const BPF_PROG_TYPE_XDP = 6
export const BPF_PROG_TYPE_PERF_EVENT = 7
export const BPF_PROG_TYPE_CGROUP_SKB = 8
export const BPF_PROG_TYPE_CGROUP_SOCK = 9
export const BPF_PROG_TYPE_LWT_IN = 10
export const BPF_PROG_TYPE_LWT_OUT = 11
export const BPF_PROG_TYPE_LWT_XMIT = 12
export const BPF_PROG_TYPE_SOCK_OPS = 13
export const BPF_PROG_TYPE_SK_SKB = 14
export const BPF_PROG_TYPE_CGROUP_DEVICE = 15
export const BPF_PROG_TYPE_SK_MSG = 16
export const BPF_PROG_TYPE_RAW_TRACEPOINT = 17
export const BPF_PROG_TYPE_CGROUP_SOCK_ADDR = 18
export const BPF_PROG_TYPE_LWT_SEG6LOCAL = 19
export const BPF_PROG_TYPE_LIRC_MODE2 = 20
export const BPF_PROG_TYPE_SK_REUSEPORT = 21
export const BPF_PROG_TYPE_FLOW_DISSECTOR = 22
export const BPF_PROG_TYPE_CGROUP_SYSCTL = 23
export const BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE = 24
export const BPF_PROG_TYPE_CGROUP_SOCKOPT = 25
export const BPF_PROG_TYPE_TRACING = 26
export const BPF_PROG_TYPE_STRUCT_OPS = 27
export const BPF_PROG_TYPE_EXT = 28
export const BPF_PROG_TYPE_LSM = 29
export const BPF_PROG_TYPE_SK_LOOKUP = 30
export const BPF_PROG_TYPE_SYSCALL = 31
export const BPF_PROG_TYPE_NETFILTER = 32
export const __MAX_BPF_PROG_TYPE = 33

// enum bpf_attach_type
export const BPF_CGROUP_INET_INGRESS = 0
export const BPF_CGROUP_INET_EGRESS = 1
export const BPF_CGROUP_INET_SOCK_CREATE = 2
export const BPF_CGROUP_SOCK_OPS = 3
export const BPF_SK_SKB_STREAM_PARSER = 4
export const BPF_SK_SKB_STREAM_VERDICT = 5
export const BPF_CGROUP_DEVICE = 6
export const BPF_SK_MSG_VERDICT = 7
export const BPF_CGROUP_INET4_BIND = 8
export const BPF_CGROUP_INET6_BIND = 9
export const BPF_CGROUP_INET4_CONNECT = 10
export const BPF_CGROUP_INET6_CONNECT = 11
export const BPF_CGROUP_INET4_POST_BIND = 12
export const BPF_CGROUP_INET6_POST_BIND = 13
export const BPF_CGROUP_UDP4_SENDMSG = 14
export const BPF_CGROUP_UDP6_SENDMSG = 15
export const BPF_LIRC_MODE2 = 16
export const BPF_FLOW_DISSECTOR = 17
export const BPF_CGROUP_SYSCTL = 18
export const BPF_CGROUP_UDP4_RECVMSG = 19
export const BPF_CGROUP_UDP6_RECVMSG = 20
export const BPF_CGROUP_GETSOCKOPT = 21
export const BPF_CGROUP_SETSOCKOPT = 22
export const BPF_TRACE_RAW_TP = 23
export const BPF_TRACE_FENTRY = 24
export const BPF_TRACE_FEXIT = 25
export const BPF_MODIFY_RETURN = 26
export const BPF_LSM_MAC = 27
export const BPF_TRACE_ITER = 28
export const BPF_CGROUP_INET4_GETPEERNAME = 29
export const BPF_CGROUP_INET6_GETPEERNAME = 30
export const BPF_CGROUP_INET4_GETSOCKNAME = 31
export const BPF_CGROUP_INET6_GETSOCKNAME = 32
export const BPF_XDP_DEVMAP = 33
export const BPF_CGROUP_INET_SOCK_RELEASE = 34
export const BPF_XDP_CPUMAP = 35
export const BPF_SK_LOOKUP = 36
export const BPF_XDP = 37
export const BPF_SK_SKB_VERDICT = 38
export const BPF_SK_REUSEPORT_SELECT = 39
export const BPF_SK_REUSEPORT_SELECT_OR_MIGRATE = 40
export const BPF_PERF_EVENT = 41
export const BPF_TRACE_KPROBE_MULTI = 42
export const BPF_LSM_CGROUP = 43
export const BPF_STRUCT_OPS = 44
export const BPF_NETFILTER = 45
export const BPF_TCX_INGRESS = 46
export const BPF_TCX_EGRESS = 47
export const BPF_TRACE_UPROBE_MULTI = 48
export const BPF_CGROUP_UNIX_CONNECT = 49
export const BPF_CGROUP_UNIX_SENDMSG = 50
export const BPF_CGROUP_UNIX_RECVMSG = 51
export const BPF_CGROUP_UNIX_GETPEERNAME = 52
export const BPF_CGROUP_UNIX_GETSOCKNAME = 53
export const BPF_NETKIT_PRIMARY = 54
export const BPF_NETKIT_PEER = 55
export const BPF_TRACE_KPROBE_SESSION = 56
export const BPF_TRACE_UPROBE_SESSION = 57
export const BPF_TRACE_FSESSION = 58
export const BPF_TRACE_FENTRY_MULTI = 59
export const BPF_TRACE_FEXIT_MULTI = 60
export const BPF_TRACE_FSESSION_MULTI = 61
export const __MAX_BPF_ATTACH_TYPE = 62

// enum bpf_link_type
export const BPF_LINK_TYPE_UNSPEC = 0
export const BPF_LINK_TYPE_RAW_TRACEPOINT = 1
export const BPF_LINK_TYPE_TRACING = 2
export const BPF_LINK_TYPE_CGROUP = 3
export const BPF_LINK_TYPE_ITER = 4
export const BPF_LINK_TYPE_NETNS = 5
export const BPF_LINK_TYPE_XDP = 6
export const BPF_LINK_TYPE_PERF_EVENT = 7
export const BPF_LINK_TYPE_KPROBE_MULTI = 8
export const BPF_LINK_TYPE_STRUCT_OPS = 9
export const BPF_LINK_TYPE_NETFILTER = 10
export const BPF_LINK_TYPE_TCX = 11
export const BPF_LINK_TYPE_UPROBE_MULTI = 12
export const BPF_LINK_TYPE_NETKIT = 13
export const BPF_LINK_TYPE_SOCKMAP = 14
export const BPF_LINK_TYPE_TRACING_MULTI = 15
export const __MAX_BPF_LINK_TYPE = 16

// enum bpf_perf_event_type
export const BPF_PERF_EVENT_UNSPEC = 0
export const BPF_PERF_EVENT_UPROBE = 1
export const BPF_PERF_EVENT_URETPROBE = 2
export const BPF_PERF_EVENT_KPROBE = 3
export const BPF_PERF_EVENT_KRETPROBE = 4
export const BPF_PERF_EVENT_TRACEPOINT = 5
export const BPF_PERF_EVENT_EVENT = 6

// enum bpf_stats_type
export const BPF_STATS_RUN_TIME = 0

// enum bpf_task_fd_type
export const BPF_FD_TYPE_RAW_TRACEPOINT = 0
export const BPF_FD_TYPE_TRACEPOINT = 1
export const BPF_FD_TYPE_KPROBE = 2
export const BPF_FD_TYPE_KRETPROBE = 3
export const BPF_FD_TYPE_UPROBE = 4
export const BPF_FD_TYPE_URETPROBE = 5

// enum xdp_action
export const XDP_ABORTED = 0
export const XDP_DROP = 1
export const XDP_PASS = 2
export const XDP_TX = 3
export const XDP_REDIRECT = 4

// enum sk_action
export const SK_DROP = 0
export const SK_PASS = 1

// enum bpf_core_relo_kind
export const BPF_CORE_FIELD_BYTE_OFFSET = 0
export const BPF_CORE_FIELD_BYTE_SIZE = 1
export const BPF_CORE_FIELD_EXISTS = 2
export const BPF_CORE_FIELD_SIGNED = 3
export const BPF_CORE_FIELD_LSHIFT_U64 = 4
export const BPF_CORE_FIELD_RSHIFT_U64 = 5
export const BPF_CORE_TYPE_ID_LOCAL = 6
export const BPF_CORE_TYPE_ID_TARGET = 7
export const BPF_CORE_TYPE_EXISTS = 8
export const BPF_CORE_TYPE_SIZE = 9
export const BPF_CORE_ENUMVAL_EXISTS = 10
export const BPF_CORE_ENUMVAL_VALUE = 11
export const BPF_CORE_TYPE_MATCHES = 12

// enum bpf_ret_code
export const BPF_OK = 0
export const BPF_DROP = 2
export const BPF_REDIRECT = 7
export const BPF_LWT_REROUTE = 128
export const BPF_FLOW_DISSECTOR_CONTINUE = 129

// enum tcx_action_base
export const TCX_NEXT = -1
export const TCX_PASS = 0
export const TCX_DROP = 2
export const TCX_REDIRECT = 7
