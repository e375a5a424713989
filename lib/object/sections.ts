/** What the names in SEC() mean: program type, attach type, how to attach. One row per definition of libbpf 1.8. */
import * as bpf from '../../shared/uapi/bpf.js'

/** The expected attach type is passed to BPF_PROG_LOAD ... */
export const SEC_ATTACHABLE = 2
/** ... unless the kernel refuses it. */
export const SEC_EXPECTED_ATTACH_OPTIONAL = 1
export const SEC_ATTACHABLE_OPT = SEC_ATTACHABLE | SEC_EXPECTED_ATTACH_OPTIONAL
/** The attach target is a BTF type named after the slash. */
export const SEC_ATTACH_BTF = 4
export const SEC_SLEEPABLE = 8
export const SEC_XDP_FRAGS = 16
export const SEC_USDT = 32

/** How bpf_program__attach attaches; null: it does not, another call does. */
export type AttachMethod =
  | 'kprobe'
  | 'kprobe_multi'
  | 'kprobe_session'
  | 'ksyscall'
  | 'uprobe'
  | 'uprobe_multi'
  | 'usdt'
  | 'tp'
  | 'raw_tp'
  | 'trace'
  | 'tracing_multi'
  | 'lsm'
  | 'iter'

export interface SectionDefinition {
  /** The name; with a trailing '+' also "name/anything". */
  readonly pattern: string
  readonly programType: number
  readonly attachType: number
  /** SEC_* bits. */
  readonly flags: number
  readonly attach: AttachMethod | null
}

export interface SectionMatch extends SectionDefinition {
  /** What follows the first slash after the pattern's name: the function, tracepoint, path; '' for none. */
  readonly target: string
}

const row = (
  pattern: string,
  programType: number,
  attachType = 0,
  flags = 0,
  attach: AttachMethod | null = null,
): SectionDefinition => ({ pattern, programType, attachType, flags, attach })

/** Searched in order; the first match counts. */
export const sectionDefinitions: readonly SectionDefinition[] = [
  row('socket', bpf.BPF_PROG_TYPE_SOCKET_FILTER),
  row('sk_reuseport/migrate', bpf.BPF_PROG_TYPE_SK_REUSEPORT, bpf.BPF_SK_REUSEPORT_SELECT_OR_MIGRATE, SEC_ATTACHABLE),
  row('sk_reuseport', bpf.BPF_PROG_TYPE_SK_REUSEPORT, bpf.BPF_SK_REUSEPORT_SELECT, SEC_ATTACHABLE),
  row('kprobe+', bpf.BPF_PROG_TYPE_KPROBE, 0, 0, 'kprobe'),
  row('uprobe+', bpf.BPF_PROG_TYPE_KPROBE, 0, 0, 'uprobe'),
  row('uprobe.s+', bpf.BPF_PROG_TYPE_KPROBE, 0, SEC_SLEEPABLE, 'uprobe'),
  row('kretprobe+', bpf.BPF_PROG_TYPE_KPROBE, 0, 0, 'kprobe'),
  row('uretprobe+', bpf.BPF_PROG_TYPE_KPROBE, 0, 0, 'uprobe'),
  row('uretprobe.s+', bpf.BPF_PROG_TYPE_KPROBE, 0, SEC_SLEEPABLE, 'uprobe'),
  row('kprobe.multi+', bpf.BPF_PROG_TYPE_KPROBE, bpf.BPF_TRACE_KPROBE_MULTI, 0, 'kprobe_multi'),
  row('kretprobe.multi+', bpf.BPF_PROG_TYPE_KPROBE, bpf.BPF_TRACE_KPROBE_MULTI, 0, 'kprobe_multi'),
  row('kprobe.session+', bpf.BPF_PROG_TYPE_KPROBE, bpf.BPF_TRACE_KPROBE_SESSION, 0, 'kprobe_session'),
  row('uprobe.multi+', bpf.BPF_PROG_TYPE_KPROBE, bpf.BPF_TRACE_UPROBE_MULTI, 0, 'uprobe_multi'),
  row('uretprobe.multi+', bpf.BPF_PROG_TYPE_KPROBE, bpf.BPF_TRACE_UPROBE_MULTI, 0, 'uprobe_multi'),
  row('uprobe.session+', bpf.BPF_PROG_TYPE_KPROBE, bpf.BPF_TRACE_UPROBE_SESSION, 0, 'uprobe_multi'),
  row('uprobe.multi.s+', bpf.BPF_PROG_TYPE_KPROBE, bpf.BPF_TRACE_UPROBE_MULTI, SEC_SLEEPABLE, 'uprobe_multi'),
  row('uretprobe.multi.s+', bpf.BPF_PROG_TYPE_KPROBE, bpf.BPF_TRACE_UPROBE_MULTI, SEC_SLEEPABLE, 'uprobe_multi'),
  row('uprobe.session.s+', bpf.BPF_PROG_TYPE_KPROBE, bpf.BPF_TRACE_UPROBE_SESSION, SEC_SLEEPABLE, 'uprobe_multi'),
  row('ksyscall+', bpf.BPF_PROG_TYPE_KPROBE, 0, 0, 'ksyscall'),
  row('kretsyscall+', bpf.BPF_PROG_TYPE_KPROBE, 0, 0, 'ksyscall'),
  row('usdt+', bpf.BPF_PROG_TYPE_KPROBE, 0, SEC_USDT, 'usdt'),
  row('usdt.s+', bpf.BPF_PROG_TYPE_KPROBE, 0, SEC_USDT | SEC_SLEEPABLE, 'usdt'),
  row('tc/ingress', bpf.BPF_PROG_TYPE_SCHED_CLS, bpf.BPF_TCX_INGRESS),
  row('tc/egress', bpf.BPF_PROG_TYPE_SCHED_CLS, bpf.BPF_TCX_EGRESS),
  row('tcx/ingress', bpf.BPF_PROG_TYPE_SCHED_CLS, bpf.BPF_TCX_INGRESS),
  row('tcx/egress', bpf.BPF_PROG_TYPE_SCHED_CLS, bpf.BPF_TCX_EGRESS),
  row('tc', bpf.BPF_PROG_TYPE_SCHED_CLS),
  row('classifier', bpf.BPF_PROG_TYPE_SCHED_CLS),
  row('action', bpf.BPF_PROG_TYPE_SCHED_ACT),
  row('netkit/primary', bpf.BPF_PROG_TYPE_SCHED_CLS, bpf.BPF_NETKIT_PRIMARY),
  row('netkit/peer', bpf.BPF_PROG_TYPE_SCHED_CLS, bpf.BPF_NETKIT_PEER),
  row('tracepoint+', bpf.BPF_PROG_TYPE_TRACEPOINT, 0, 0, 'tp'),
  row('tp+', bpf.BPF_PROG_TYPE_TRACEPOINT, 0, 0, 'tp'),
  row('tracepoint.s+', bpf.BPF_PROG_TYPE_TRACEPOINT, 0, SEC_SLEEPABLE, 'tp'),
  row('tp.s+', bpf.BPF_PROG_TYPE_TRACEPOINT, 0, SEC_SLEEPABLE, 'tp'),
  row('raw_tracepoint+', bpf.BPF_PROG_TYPE_RAW_TRACEPOINT, 0, 0, 'raw_tp'),
  row('raw_tp+', bpf.BPF_PROG_TYPE_RAW_TRACEPOINT, 0, 0, 'raw_tp'),
  row('raw_tracepoint.s+', bpf.BPF_PROG_TYPE_RAW_TRACEPOINT, 0, SEC_SLEEPABLE, 'raw_tp'),
  row('raw_tp.s+', bpf.BPF_PROG_TYPE_RAW_TRACEPOINT, 0, SEC_SLEEPABLE, 'raw_tp'),
  row('raw_tracepoint.w+', bpf.BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE, 0, 0, 'raw_tp'),
  row('raw_tp.w+', bpf.BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE, 0, 0, 'raw_tp'),
  row('tp_btf+', bpf.BPF_PROG_TYPE_TRACING, bpf.BPF_TRACE_RAW_TP, SEC_ATTACH_BTF, 'trace'),
  row('tp_btf.s+', bpf.BPF_PROG_TYPE_TRACING, bpf.BPF_TRACE_RAW_TP, SEC_ATTACH_BTF | SEC_SLEEPABLE, 'trace'),
  row('fentry+', bpf.BPF_PROG_TYPE_TRACING, bpf.BPF_TRACE_FENTRY, SEC_ATTACH_BTF, 'trace'),
  row('fmod_ret+', bpf.BPF_PROG_TYPE_TRACING, bpf.BPF_MODIFY_RETURN, SEC_ATTACH_BTF, 'trace'),
  row('fexit+', bpf.BPF_PROG_TYPE_TRACING, bpf.BPF_TRACE_FEXIT, SEC_ATTACH_BTF, 'trace'),
  row('fentry.s+', bpf.BPF_PROG_TYPE_TRACING, bpf.BPF_TRACE_FENTRY, SEC_ATTACH_BTF | SEC_SLEEPABLE, 'trace'),
  row('fmod_ret.s+', bpf.BPF_PROG_TYPE_TRACING, bpf.BPF_MODIFY_RETURN, SEC_ATTACH_BTF | SEC_SLEEPABLE, 'trace'),
  row('fexit.s+', bpf.BPF_PROG_TYPE_TRACING, bpf.BPF_TRACE_FEXIT, SEC_ATTACH_BTF | SEC_SLEEPABLE, 'trace'),
  row('fsession+', bpf.BPF_PROG_TYPE_TRACING, bpf.BPF_TRACE_FSESSION, SEC_ATTACH_BTF, 'trace'),
  row('fsession.s+', bpf.BPF_PROG_TYPE_TRACING, bpf.BPF_TRACE_FSESSION, SEC_ATTACH_BTF | SEC_SLEEPABLE, 'trace'),
  row('fsession.multi+', bpf.BPF_PROG_TYPE_TRACING, bpf.BPF_TRACE_FSESSION_MULTI, 0, 'tracing_multi'),
  row('fsession.multi.s+', bpf.BPF_PROG_TYPE_TRACING, bpf.BPF_TRACE_FSESSION_MULTI, SEC_SLEEPABLE, 'tracing_multi'),
  row('fentry.multi+', bpf.BPF_PROG_TYPE_TRACING, bpf.BPF_TRACE_FENTRY_MULTI, 0, 'tracing_multi'),
  row('fexit.multi+', bpf.BPF_PROG_TYPE_TRACING, bpf.BPF_TRACE_FEXIT_MULTI, 0, 'tracing_multi'),
  row('fentry.multi.s+', bpf.BPF_PROG_TYPE_TRACING, bpf.BPF_TRACE_FENTRY_MULTI, SEC_SLEEPABLE, 'tracing_multi'),
  row('fexit.multi.s+', bpf.BPF_PROG_TYPE_TRACING, bpf.BPF_TRACE_FEXIT_MULTI, SEC_SLEEPABLE, 'tracing_multi'),
  row('freplace+', bpf.BPF_PROG_TYPE_EXT, 0, SEC_ATTACH_BTF, 'trace'),
  row('lsm+', bpf.BPF_PROG_TYPE_LSM, bpf.BPF_LSM_MAC, SEC_ATTACH_BTF, 'lsm'),
  row('lsm.s+', bpf.BPF_PROG_TYPE_LSM, bpf.BPF_LSM_MAC, SEC_ATTACH_BTF | SEC_SLEEPABLE, 'lsm'),
  row('lsm_cgroup+', bpf.BPF_PROG_TYPE_LSM, bpf.BPF_LSM_CGROUP, SEC_ATTACH_BTF),
  row('iter+', bpf.BPF_PROG_TYPE_TRACING, bpf.BPF_TRACE_ITER, SEC_ATTACH_BTF, 'iter'),
  row('iter.s+', bpf.BPF_PROG_TYPE_TRACING, bpf.BPF_TRACE_ITER, SEC_ATTACH_BTF | SEC_SLEEPABLE, 'iter'),
  row('syscall', bpf.BPF_PROG_TYPE_SYSCALL, 0, SEC_SLEEPABLE),
  row('xdp.frags/devmap', bpf.BPF_PROG_TYPE_XDP, bpf.BPF_XDP_DEVMAP, SEC_XDP_FRAGS),
  row('xdp/devmap', bpf.BPF_PROG_TYPE_XDP, bpf.BPF_XDP_DEVMAP, SEC_ATTACHABLE),
  row('xdp.frags/cpumap', bpf.BPF_PROG_TYPE_XDP, bpf.BPF_XDP_CPUMAP, SEC_XDP_FRAGS),
  row('xdp/cpumap', bpf.BPF_PROG_TYPE_XDP, bpf.BPF_XDP_CPUMAP, SEC_ATTACHABLE),
  row('xdp.frags', bpf.BPF_PROG_TYPE_XDP, bpf.BPF_XDP, SEC_XDP_FRAGS),
  row('xdp', bpf.BPF_PROG_TYPE_XDP, bpf.BPF_XDP, SEC_ATTACHABLE_OPT),
  row('perf_event', bpf.BPF_PROG_TYPE_PERF_EVENT),
  row('lwt_in', bpf.BPF_PROG_TYPE_LWT_IN),
  row('lwt_out', bpf.BPF_PROG_TYPE_LWT_OUT),
  row('lwt_xmit', bpf.BPF_PROG_TYPE_LWT_XMIT),
  row('lwt_seg6local', bpf.BPF_PROG_TYPE_LWT_SEG6LOCAL),
  row('sockops', bpf.BPF_PROG_TYPE_SOCK_OPS, bpf.BPF_CGROUP_SOCK_OPS, SEC_ATTACHABLE_OPT),
  row('sk_skb/stream_parser', bpf.BPF_PROG_TYPE_SK_SKB, bpf.BPF_SK_SKB_STREAM_PARSER, SEC_ATTACHABLE_OPT),
  row('sk_skb/stream_verdict', bpf.BPF_PROG_TYPE_SK_SKB, bpf.BPF_SK_SKB_STREAM_VERDICT, SEC_ATTACHABLE_OPT),
  row('sk_skb/verdict', bpf.BPF_PROG_TYPE_SK_SKB, bpf.BPF_SK_SKB_VERDICT, SEC_ATTACHABLE_OPT),
  row('sk_skb', bpf.BPF_PROG_TYPE_SK_SKB),
  row('sk_msg', bpf.BPF_PROG_TYPE_SK_MSG, bpf.BPF_SK_MSG_VERDICT, SEC_ATTACHABLE_OPT),
  row('lirc_mode2', bpf.BPF_PROG_TYPE_LIRC_MODE2, bpf.BPF_LIRC_MODE2, SEC_ATTACHABLE_OPT),
  row('flow_dissector', bpf.BPF_PROG_TYPE_FLOW_DISSECTOR, bpf.BPF_FLOW_DISSECTOR, SEC_ATTACHABLE_OPT),
  row('cgroup_skb/ingress', bpf.BPF_PROG_TYPE_CGROUP_SKB, bpf.BPF_CGROUP_INET_INGRESS, SEC_ATTACHABLE_OPT),
  row('cgroup_skb/egress', bpf.BPF_PROG_TYPE_CGROUP_SKB, bpf.BPF_CGROUP_INET_EGRESS, SEC_ATTACHABLE_OPT),
  row('cgroup/skb', bpf.BPF_PROG_TYPE_CGROUP_SKB),
  row('cgroup/sock_create', bpf.BPF_PROG_TYPE_CGROUP_SOCK, bpf.BPF_CGROUP_INET_SOCK_CREATE, SEC_ATTACHABLE),
  row('cgroup/sock_release', bpf.BPF_PROG_TYPE_CGROUP_SOCK, bpf.BPF_CGROUP_INET_SOCK_RELEASE, SEC_ATTACHABLE),
  row('cgroup/sock', bpf.BPF_PROG_TYPE_CGROUP_SOCK, bpf.BPF_CGROUP_INET_SOCK_CREATE, SEC_ATTACHABLE_OPT),
  row('cgroup/post_bind4', bpf.BPF_PROG_TYPE_CGROUP_SOCK, bpf.BPF_CGROUP_INET4_POST_BIND, SEC_ATTACHABLE),
  row('cgroup/post_bind6', bpf.BPF_PROG_TYPE_CGROUP_SOCK, bpf.BPF_CGROUP_INET6_POST_BIND, SEC_ATTACHABLE),
  row('cgroup/bind4', bpf.BPF_PROG_TYPE_CGROUP_SOCK_ADDR, bpf.BPF_CGROUP_INET4_BIND, SEC_ATTACHABLE),
  row('cgroup/bind6', bpf.BPF_PROG_TYPE_CGROUP_SOCK_ADDR, bpf.BPF_CGROUP_INET6_BIND, SEC_ATTACHABLE),
  row('cgroup/connect4', bpf.BPF_PROG_TYPE_CGROUP_SOCK_ADDR, bpf.BPF_CGROUP_INET4_CONNECT, SEC_ATTACHABLE),
  row('cgroup/connect6', bpf.BPF_PROG_TYPE_CGROUP_SOCK_ADDR, bpf.BPF_CGROUP_INET6_CONNECT, SEC_ATTACHABLE),
  row('cgroup/connect_unix', bpf.BPF_PROG_TYPE_CGROUP_SOCK_ADDR, bpf.BPF_CGROUP_UNIX_CONNECT, SEC_ATTACHABLE),
  row('cgroup/sendmsg4', bpf.BPF_PROG_TYPE_CGROUP_SOCK_ADDR, bpf.BPF_CGROUP_UDP4_SENDMSG, SEC_ATTACHABLE),
  row('cgroup/sendmsg6', bpf.BPF_PROG_TYPE_CGROUP_SOCK_ADDR, bpf.BPF_CGROUP_UDP6_SENDMSG, SEC_ATTACHABLE),
  row('cgroup/sendmsg_unix', bpf.BPF_PROG_TYPE_CGROUP_SOCK_ADDR, bpf.BPF_CGROUP_UNIX_SENDMSG, SEC_ATTACHABLE),
  row('cgroup/recvmsg4', bpf.BPF_PROG_TYPE_CGROUP_SOCK_ADDR, bpf.BPF_CGROUP_UDP4_RECVMSG, SEC_ATTACHABLE),
  row('cgroup/recvmsg6', bpf.BPF_PROG_TYPE_CGROUP_SOCK_ADDR, bpf.BPF_CGROUP_UDP6_RECVMSG, SEC_ATTACHABLE),
  row('cgroup/recvmsg_unix', bpf.BPF_PROG_TYPE_CGROUP_SOCK_ADDR, bpf.BPF_CGROUP_UNIX_RECVMSG, SEC_ATTACHABLE),
  row('cgroup/getpeername4', bpf.BPF_PROG_TYPE_CGROUP_SOCK_ADDR, bpf.BPF_CGROUP_INET4_GETPEERNAME, SEC_ATTACHABLE),
  row('cgroup/getpeername6', bpf.BPF_PROG_TYPE_CGROUP_SOCK_ADDR, bpf.BPF_CGROUP_INET6_GETPEERNAME, SEC_ATTACHABLE),
  row('cgroup/getpeername_unix', bpf.BPF_PROG_TYPE_CGROUP_SOCK_ADDR, bpf.BPF_CGROUP_UNIX_GETPEERNAME, SEC_ATTACHABLE),
  row('cgroup/getsockname4', bpf.BPF_PROG_TYPE_CGROUP_SOCK_ADDR, bpf.BPF_CGROUP_INET4_GETSOCKNAME, SEC_ATTACHABLE),
  row('cgroup/getsockname6', bpf.BPF_PROG_TYPE_CGROUP_SOCK_ADDR, bpf.BPF_CGROUP_INET6_GETSOCKNAME, SEC_ATTACHABLE),
  row('cgroup/getsockname_unix', bpf.BPF_PROG_TYPE_CGROUP_SOCK_ADDR, bpf.BPF_CGROUP_UNIX_GETSOCKNAME, SEC_ATTACHABLE),
  row('cgroup/sysctl', bpf.BPF_PROG_TYPE_CGROUP_SYSCTL, bpf.BPF_CGROUP_SYSCTL, SEC_ATTACHABLE),
  row('cgroup/getsockopt', bpf.BPF_PROG_TYPE_CGROUP_SOCKOPT, bpf.BPF_CGROUP_GETSOCKOPT, SEC_ATTACHABLE),
  row('cgroup/setsockopt', bpf.BPF_PROG_TYPE_CGROUP_SOCKOPT, bpf.BPF_CGROUP_SETSOCKOPT, SEC_ATTACHABLE),
  row('cgroup/dev', bpf.BPF_PROG_TYPE_CGROUP_DEVICE, bpf.BPF_CGROUP_DEVICE, SEC_ATTACHABLE_OPT),
  row('struct_ops+', bpf.BPF_PROG_TYPE_STRUCT_OPS),
  row('struct_ops.s+', bpf.BPF_PROG_TYPE_STRUCT_OPS, 0, SEC_SLEEPABLE),
  row('sk_lookup', bpf.BPF_PROG_TYPE_SK_LOOKUP, bpf.BPF_SK_LOOKUP, SEC_ATTACHABLE),
  row('netfilter', bpf.BPF_PROG_TYPE_NETFILTER, bpf.BPF_NETFILTER),
]

function targetOf(pattern: string, section: string): string | null {
  if (!pattern.endsWith('+')) return section === pattern ? '' : null
  const stem = pattern.slice(0, -1)
  if (!section.startsWith(stem)) return null
  if (section.length === stem.length) return ''
  return section[stem.length] === '/' ? section.slice(stem.length + 1) : null
}

/** The meaning of a section name (without a leading '?'), or null when libbpf has no definition for it. */
export function matchSection(section: string): SectionMatch | null {
  for (const definition of sectionDefinitions) {
    const target = targetOf(definition.pattern, section)
    if (target !== null) return { ...definition, target }
  }
  return null
}
