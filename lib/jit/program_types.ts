/** Per program type: what its context gives access to. Offsets: struct xdp_md and struct __sk_buff of linux/bpf.h. */
import { SK_BUFF, XDP_MD } from '../../shared/layout.js'
import * as bpf from '../../shared/uapi/bpf.js'

/** Where the context keeps the packet's bounds, as 32-bit addresses. */
export interface PacketBounds {
  readonly data: number
  readonly dataEnd: number
  readonly dataMeta: number
}

export interface ProgramTypeFacts {
  readonly packet: PacketBounds | null
  readonly packetWritable: boolean
  readonly contextWritable: boolean
  /** Which context bpf_perf_event_output may append packet bytes from: a suffix of the helper's name. */
  readonly packetOutput: 'xdp' | 'skb' | null
}

const NONE: ProgramTypeFacts = { packet: null, packetWritable: false, contextWritable: false, packetOutput: null }
const WRITABLE: ProgramTypeFacts = { ...NONE, contextWritable: true }
const skb = (packetWritable: boolean): ProgramTypeFacts => ({
  packet: SK_BUFF,
  packetWritable,
  contextWritable: true,
  packetOutput: 'skb',
})

const facts = new Map<number, ProgramTypeFacts>([
  [bpf.BPF_PROG_TYPE_XDP, { packet: XDP_MD, packetWritable: true, contextWritable: false, packetOutput: 'xdp' }],
  [bpf.BPF_PROG_TYPE_SOCKET_FILTER, skb(false)],
  [bpf.BPF_PROG_TYPE_SCHED_CLS, skb(true)],
  [bpf.BPF_PROG_TYPE_SCHED_ACT, skb(true)],
  [bpf.BPF_PROG_TYPE_CGROUP_SKB, skb(false)],
  [bpf.BPF_PROG_TYPE_LWT_IN, skb(false)],
  [bpf.BPF_PROG_TYPE_LWT_OUT, skb(false)],
  [bpf.BPF_PROG_TYPE_LWT_XMIT, skb(true)],
  [bpf.BPF_PROG_TYPE_LWT_SEG6LOCAL, skb(false)],
  [bpf.BPF_PROG_TYPE_SK_SKB, skb(true)],
  [bpf.BPF_PROG_TYPE_FLOW_DISSECTOR, skb(false)],
  [bpf.BPF_PROG_TYPE_CGROUP_SOCK, WRITABLE],
  [bpf.BPF_PROG_TYPE_CGROUP_SOCK_ADDR, WRITABLE],
  [bpf.BPF_PROG_TYPE_CGROUP_SOCKOPT, WRITABLE],
  [bpf.BPF_PROG_TYPE_CGROUP_SYSCTL, WRITABLE],
  [bpf.BPF_PROG_TYPE_SOCK_OPS, WRITABLE],
  [bpf.BPF_PROG_TYPE_SYSCALL, WRITABLE],
])

export function programTypeFacts(type: number): ProgramTypeFacts {
  return facts.get(type) ?? NONE
}
