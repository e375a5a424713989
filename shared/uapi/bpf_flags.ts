/** Flags and other numbers of linux/bpf.h that belong to no named enumeration. */

export const BPF_F_KPROBE_MULTI_RETURN = 1

export const BPF_F_UPROBE_MULTI_RETURN = 1
export const BPF_F_UPROBE_MULTI_PATH_FD = 2

export const BPF_ANY = 0
export const BPF_NOEXIST = 1
export const BPF_EXIST = 2
export const BPF_F_LOCK = 4
export const BPF_F_CPU = 8
export const BPF_F_ALL_CPUS = 16

export const BPF_F_NO_PREALLOC = 1
export const BPF_F_NO_COMMON_LRU = 2
export const BPF_F_NUMA_NODE = 4
export const BPF_F_RDONLY = 8
export const BPF_F_WRONLY = 16
export const BPF_F_STACK_BUILD_ID = 32
export const BPF_F_ZERO_SEED = 64
export const BPF_F_RDONLY_PROG = 128
export const BPF_F_WRONLY_PROG = 256
export const BPF_F_CLONE = 512
export const BPF_F_MMAPABLE = 1024
export const BPF_F_PRESERVE_ELEMS = 2048
export const BPF_F_INNER_MAP = 4096
export const BPF_F_LINK = 8192
export const BPF_F_PATH_FD = 16384
export const BPF_F_VTYPE_BTF_OBJ_FD = 32768
export const BPF_F_TOKEN_FD = 65536
export const BPF_F_SEGV_ON_FAULT = 131072
export const BPF_F_NO_USER_CONV = 262144
export const BPF_F_RB_OVERWRITE = 524288

export const BPF_STREAM_STDOUT = 1
export const BPF_STREAM_STDERR = 2

export const BPF_F_RECOMPUTE_CSUM = 1
export const BPF_F_INVALIDATE_HASH = 2

export const BPF_F_HDR_FIELD_MASK = 15

export const BPF_F_PSEUDO_HDR = 16
export const BPF_F_MARK_MANGLED_0 = 32
export const BPF_F_MARK_ENFORCE = 64
export const BPF_F_IPV6 = 128

export const BPF_F_TUNINFO_IPV6 = 1

export const BPF_F_SKIP_FIELD_MASK = 255
export const BPF_F_USER_STACK = 256
export const BPF_F_FAST_STACK_CMP = 512
export const BPF_F_REUSE_STACKID = 1024
export const BPF_F_USER_BUILD_ID = 2048

export const BPF_F_ZERO_CSUM_TX = 2
export const BPF_F_DONT_FRAGMENT = 4
export const BPF_F_SEQ_NUMBER = 8
export const BPF_F_NO_TUNNEL_KEY = 16

export const BPF_F_TUNINFO_FLAGS = 16

export const BPF_F_INDEX_MASK = 4294967295
export const BPF_F_CURRENT_CPU = 4294967295
export const BPF_F_CTXLEN_MASK = 4503595332403200

export const BPF_F_CURRENT_NETNS = -1

export const BPF_CSUM_LEVEL_QUERY = 0
export const BPF_CSUM_LEVEL_INC = 1
export const BPF_CSUM_LEVEL_DEC = 2
export const BPF_CSUM_LEVEL_RESET = 3

export const BPF_F_ADJ_ROOM_FIXED_GSO = 1
export const BPF_F_ADJ_ROOM_ENCAP_L3_IPV4 = 2
export const BPF_F_ADJ_ROOM_ENCAP_L3_IPV6 = 4
export const BPF_F_ADJ_ROOM_ENCAP_L4_GRE = 8
export const BPF_F_ADJ_ROOM_ENCAP_L4_UDP = 16
export const BPF_F_ADJ_ROOM_NO_CSUM_RESET = 32
export const BPF_F_ADJ_ROOM_ENCAP_L2_ETH = 64
export const BPF_F_ADJ_ROOM_DECAP_L3_IPV4 = 128
export const BPF_F_ADJ_ROOM_DECAP_L3_IPV6 = 256

export const BPF_ADJ_ROOM_ENCAP_L2_MASK = 255
export const BPF_ADJ_ROOM_ENCAP_L2_SHIFT = 56

export const BPF_F_SYSCTL_BASE_NAME = 1

export const BPF_LOCAL_STORAGE_GET_F_CREATE = 1
export const BPF_SK_STORAGE_GET_F_CREATE = 1

export const BPF_F_GET_BRANCH_RECORDS_SIZE = 1

export const BPF_RB_NO_WAKEUP = 1
export const BPF_RB_FORCE_WAKEUP = 2

export const BPF_RB_AVAIL_DATA = 0
export const BPF_RB_RING_SIZE = 1
export const BPF_RB_CONS_POS = 2
export const BPF_RB_PROD_POS = 3
export const BPF_RB_OVERWRITE_POS = 4

export const BPF_RINGBUF_BUSY_BIT = 2147483648
export const BPF_RINGBUF_DISCARD_BIT = 1073741824
export const BPF_RINGBUF_HDR_SZ = 8

export const BPF_SK_LOOKUP_F_REPLACE = 1
export const BPF_SK_LOOKUP_F_NO_REUSEPORT = 2

export const BPF_F_BPRM_SECUREEXEC = 1

export const BPF_F_INGRESS = 1
export const BPF_F_EGRESS = 2
export const BPF_F_BROADCAST = 8
export const BPF_F_EXCLUDE_INGRESS = 16

export const BPF_SKB_TSTAMP_UNSPEC = 0
export const BPF_SKB_TSTAMP_DELIVERY_MONO = 1
export const BPF_SKB_CLOCK_REALTIME = 0
export const BPF_SKB_CLOCK_MONOTONIC = 1
export const BPF_SKB_CLOCK_TAI = 2

export const BPF_SOCK_OPS_RTO_CB_FLAG = 1
export const BPF_SOCK_OPS_RETRANS_CB_FLAG = 2
export const BPF_SOCK_OPS_STATE_CB_FLAG = 4
export const BPF_SOCK_OPS_RTT_CB_FLAG = 8
export const BPF_SOCK_OPS_PARSE_ALL_HDR_OPT_CB_FLAG = 16
export const BPF_SOCK_OPS_PARSE_UNKNOWN_HDR_OPT_CB_FLAG = 32
export const BPF_SOCK_OPS_WRITE_HDR_OPT_CB_FLAG = 64
export const BPF_SOCK_OPS_ALL_CB_FLAGS = 127

export const SK_BPF_CB_TX_TIMESTAMPING = 1
export const SK_BPF_CB_MASK = 1

export const BPF_SOCK_OPS_VOID = 0
export const BPF_SOCK_OPS_TIMEOUT_INIT = 1
export const BPF_SOCK_OPS_RWND_INIT = 2
export const BPF_SOCK_OPS_TCP_CONNECT_CB = 3
export const BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB = 4
export const BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB = 5
export const BPF_SOCK_OPS_NEEDS_ECN = 6
export const BPF_SOCK_OPS_BASE_RTT = 7
export const BPF_SOCK_OPS_RTO_CB = 8
export const BPF_SOCK_OPS_RETRANS_CB = 9
export const BPF_SOCK_OPS_STATE_CB = 10
export const BPF_SOCK_OPS_TCP_LISTEN_CB = 11
export const BPF_SOCK_OPS_RTT_CB = 12
export const BPF_SOCK_OPS_PARSE_HDR_OPT_CB = 13
export const BPF_SOCK_OPS_HDR_OPT_LEN_CB = 14
export const BPF_SOCK_OPS_WRITE_HDR_OPT_CB = 15
export const BPF_SOCK_OPS_TSTAMP_SCHED_CB = 16
export const BPF_SOCK_OPS_TSTAMP_SND_SW_CB = 17
export const BPF_SOCK_OPS_TSTAMP_SND_HW_CB = 18
export const BPF_SOCK_OPS_TSTAMP_ACK_CB = 19
export const BPF_SOCK_OPS_TSTAMP_SENDMSG_CB = 20

export const BPF_TCP_ESTABLISHED = 1
export const BPF_TCP_SYN_SENT = 2
export const BPF_TCP_SYN_RECV = 3
export const BPF_TCP_FIN_WAIT1 = 4
export const BPF_TCP_FIN_WAIT2 = 5
export const BPF_TCP_TIME_WAIT = 6
export const BPF_TCP_CLOSE = 7
export const BPF_TCP_CLOSE_WAIT = 8
export const BPF_TCP_LAST_ACK = 9
export const BPF_TCP_LISTEN = 10
export const BPF_TCP_CLOSING = 11
export const BPF_TCP_NEW_SYN_RECV = 12
export const BPF_TCP_BOUND_INACTIVE = 13
export const BPF_TCP_MAX_STATES = 14

export const TCP_BPF_IW = 1001
export const TCP_BPF_SNDCWND_CLAMP = 1002
export const TCP_BPF_DELACK_MAX = 1003
export const TCP_BPF_RTO_MIN = 1004
export const TCP_BPF_SYN = 1005
export const TCP_BPF_SYN_IP = 1006
export const TCP_BPF_SYN_MAC = 1007
export const TCP_BPF_SOCK_OPS_CB_FLAGS = 1008
export const SK_BPF_CB_FLAGS = 1009
export const SK_BPF_BYPASS_PROT_MEM = 1010

export const BPF_LOAD_HDR_OPT_TCP_SYN = 1

export const BPF_WRITE_HDR_TCP_CURRENT_MSS = 1
export const BPF_WRITE_HDR_TCP_SYNACK_COOKIE = 2

export const BPF_DEVCG_ACC_MKNOD = 1
export const BPF_DEVCG_ACC_READ = 2
export const BPF_DEVCG_ACC_WRITE = 4

export const BPF_DEVCG_DEV_BLOCK = 1
export const BPF_DEVCG_DEV_CHAR = 2

export const BPF_FIB_LOOKUP_DIRECT = 1
export const BPF_FIB_LOOKUP_OUTPUT = 2
export const BPF_FIB_LOOKUP_SKIP_NEIGH = 4
export const BPF_FIB_LOOKUP_TBID = 8
export const BPF_FIB_LOOKUP_SRC = 16
export const BPF_FIB_LOOKUP_MARK = 32

export const BPF_FIB_LKUP_RET_SUCCESS = 0
export const BPF_FIB_LKUP_RET_BLACKHOLE = 1
export const BPF_FIB_LKUP_RET_UNREACHABLE = 2
export const BPF_FIB_LKUP_RET_PROHIBIT = 3
export const BPF_FIB_LKUP_RET_NOT_FWDED = 4
export const BPF_FIB_LKUP_RET_FWD_DISABLED = 5
export const BPF_FIB_LKUP_RET_UNSUPP_LWT = 6
export const BPF_FIB_LKUP_RET_NO_NEIGH = 7
export const BPF_FIB_LKUP_RET_FRAG_NEEDED = 8
export const BPF_FIB_LKUP_RET_NO_SRC_ADDR = 9

export const BPF_FLOW_DISSECTOR_F_PARSE_1ST_FRAG = 1
export const BPF_FLOW_DISSECTOR_F_STOP_AT_FLOW_LABEL = 2
export const BPF_FLOW_DISSECTOR_F_STOP_AT_ENCAP = 4

export const BTF_F_COMPACT = 1
export const BTF_F_NONAME = 2
export const BTF_F_PTR_RAW = 4
export const BTF_F_ZERO = 8

export const BPF_F_TIMER_ABS = 1
export const BPF_F_TIMER_CPU_PIN = 2

export const MAX_BPF_ATTACH_TYPE = 62
export const MAX_BPF_LINK_TYPE = 16
export const BPF_F_ALLOW_OVERRIDE = 1
export const BPF_F_ALLOW_MULTI = 2
export const BPF_F_REPLACE = 4
export const BPF_F_BEFORE = 8
export const BPF_F_AFTER = 16
export const BPF_F_ID = 32
export const BPF_F_PREORDER = 64
export const BPF_F_STRICT_ALIGNMENT = 1
export const BPF_F_ANY_ALIGNMENT = 2
export const BPF_F_TEST_RND_HI32 = 4
export const BPF_F_TEST_STATE_FREQ = 8
export const BPF_F_SLEEPABLE = 16
export const BPF_F_XDP_HAS_FRAGS = 32
export const BPF_F_XDP_DEV_BOUND_ONLY = 64
export const BPF_F_TEST_REG_INVARIANTS = 128
export const BPF_F_NETFILTER_IP_DEFRAG = 1
export const BPF_F_QUERY_EFFECTIVE = 1
export const BPF_F_TEST_RUN_ON_CPU = 1
export const BPF_F_TEST_XDP_LIVE_FRAMES = 2
export const BPF_F_TEST_SKB_CHECKSUM_COMPLETE = 4
export const BPF_BUILD_ID_SIZE = 20
export const BPF_OBJ_NAME_LEN = 16
export const BPF_F_REDIRECT_FLAGS = 27
export const XDP_PACKET_HEADROOM = 256
export const BPF_TAG_SIZE = 8
