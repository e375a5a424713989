/** BPF_PROG_TEST_RUN for the program types whose context is simple: xdp, skb and raw tracepoints. */
import * as bpf from '../../shared/uapi/bpf.js'
import { BPF_F_TEST_RUN_ON_CPU } from '../../shared/uapi/bpf_flags.js'
import { EINVAL, ENOMEM, ENOSPC, ENOTSUPP, ENXIO, EOPNOTSUPP } from '../../shared/uapi/errno.js'
import type { RunOutcome } from '../machine/runner.js'
import type { Kernel } from './kernel.js'
import { programFile } from './link_object.js'
import type { ProgramObject } from './program_object.js'

/** The fields of struct bpf_test_run_opts; buffers know their sizes. */
export interface bpf_test_run_opts {
  data_in?: Uint8Array | null
  data_out?: Uint8Array | null
  ctx_in?: Uint8Array | null
  ctx_out?: Uint8Array | null
  repeat?: number
  flags?: number
  cpu?: number
  batch_size?: number
  /** Out: bytes of the packet, and of the context, after the run. */
  data_size_out?: number
  ctx_size_out?: number
  /** Out: r0's low word. */
  retval?: number
  /** Out: mean ns of a repetition. */
  duration?: number
}

const ETHERNET_HEADER_BYTES = 14
/** XDP_PACKET_HEADROOM of Linux. */
const HEADROOM_BYTES = 256
const PACKET_MAX_BYTES = 4096 - HEADROOM_BYTES - 320
const CONTEXT_ALIGN = 16
/** struct xdp_md and struct __sk_buff of linux/bpf.h. */
const XDP_MD = { bytes: 24, data: 0, dataEnd: 4, dataMeta: 8, length: -1 }
const SK_BUFF = { bytes: 192, data: 76, dataEnd: 80, dataMeta: 140, length: 0 }
/** Arguments a raw tracepoint has at most, u64 each. */
const RAW_TRACEPOINT_CONTEXT_BYTES = 12 * 8

type PacketContext = typeof XDP_MD

const packetContexts = new Map<number, PacketContext>([
  [bpf.BPF_PROG_TYPE_XDP, XDP_MD],
  [bpf.BPF_PROG_TYPE_SOCKET_FILTER, SK_BUFF],
  [bpf.BPF_PROG_TYPE_SCHED_CLS, SK_BUFF],
  [bpf.BPF_PROG_TYPE_SCHED_ACT, SK_BUFF],
])

/** Types that Linux has no test run for. */
const untestable = new Set([
  bpf.BPF_PROG_TYPE_KPROBE,
  bpf.BPF_PROG_TYPE_TRACEPOINT,
  bpf.BPF_PROG_TYPE_PERF_EVENT,
  bpf.BPF_PROG_TYPE_CGROUP_DEVICE,
  bpf.BPF_PROG_TYPE_CGROUP_SYSCTL,
  bpf.BPF_PROG_TYPE_CGROUP_SOCKOPT,
  bpf.BPF_PROG_TYPE_SOCK_OPS,
])

function finish(opts: bpf_test_run_opts, outcome: RunOutcome): number {
  if (outcome.error < 0) return outcome.error
  opts.retval = outcome.retval >>> 0
  opts.duration = outcome.durationNs >>> 0
  return 0
}

/** The CPU to run on: the first online one, or what BPF_F_TEST_RUN_ON_CPU asks for. */
function anyCpu(kernel: Kernel): number {
  for (let cpu = 0; cpu < kernel.machine.cpusPossible; cpu++) if (kernel.machine.cpuOnline(cpu)) return cpu
  return -ENXIO
}

function runPacket(kernel: Kernel, program: ProgramObject, shape: PacketContext, opts: bpf_test_run_opts): number {
  const input = opts.data_in
  if (!input || input.length < ETHERNET_HEADER_BYTES) return -EINVAL
  if (input.length > PACKET_MAX_BYTES || opts.ctx_in?.length || opts.flags || opts.cpu || opts.batch_size) {
    return -EINVAL
  }
  const cpu = anyCpu(kernel)
  if (cpu < 0) return cpu
  const { machine } = kernel
  const { u8, data } = machine.views
  const headBytes = Math.ceil(shape.bytes / CONTEXT_ALIGN) * CONTEXT_ALIGN + HEADROOM_BYTES
  const context = machine.allocator.allocate(headBytes + input.length, CONTEXT_ALIGN)
  if (context === 0) return -ENOMEM
  const packet = context + headBytes
  u8.fill(0, context, packet)
  u8.set(input, packet)
  if (shape.length >= 0) data.setUint32(context + shape.length, input.length, true)
  data.setUint32(context + shape.data, packet, true)
  data.setUint32(context + shape.dataEnd, packet + input.length, true)
  data.setUint32(context + shape.dataMeta, packet, true)
  const request = { program: program.id, context, contextBytes: shape.bytes, repeat: opts.repeat || 1 }
  let result = finish(opts, machine.run(cpu, request))
  if (result === 0) {
    opts.data_size_out = input.length
    if (opts.data_out && opts.data_out.length < input.length) result = -ENOSPC
    opts.data_out?.set(u8.subarray(packet, packet + Math.min(input.length, opts.data_out.length)))
  }
  machine.allocator.free(context)
  return result
}

function runRawTracepoint(kernel: Kernel, program: ProgramObject, opts: bpf_test_run_opts): number {
  if (opts.data_in?.length || opts.data_out?.length || opts.ctx_out?.length || opts.repeat || opts.batch_size) {
    return -EINVAL
  }
  const input = opts.ctx_in
  if (input && input.length > RAW_TRACEPOINT_CONTEXT_BYTES) return -EINVAL
  const { machine } = kernel
  const chosen = (opts.flags ?? 0) & BPF_F_TEST_RUN_ON_CPU
  if ((opts.flags ?? 0) & ~BPF_F_TEST_RUN_ON_CPU || (!chosen && opts.cpu)) return -EINVAL
  const cpu = chosen ? (opts.cpu ?? 0) : anyCpu(kernel)
  if (cpu < 0 || cpu >= machine.cpusPossible || !machine.cpuOnline(cpu)) return -ENXIO
  const context = machine.allocator.allocate(RAW_TRACEPOINT_CONTEXT_BYTES, CONTEXT_ALIGN)
  if (context === 0) return -ENOMEM
  machine.views.u8.fill(0, context, context + RAW_TRACEPOINT_CONTEXT_BYTES)
  if (input) machine.views.u8.set(input, context)
  const contextBytes = input?.length ?? 0
  const result = finish(opts, machine.run(cpu, { program: program.id, context, contextBytes, repeat: 1 }))
  if (result === 0) opts.duration = 0
  machine.allocator.free(context)
  return result
}

/**
 * Runs the program behind `fd` on a CPU, waiting for it. 0 and the results in `opts`, or a negative errno: -ENOTSUPP
 * for types that Linux cannot test-run, -EOPNOTSUPP for those that cannot be run here yet.
 */
export function testRun(kernel: Kernel, fd: number, opts: bpf_test_run_opts): number {
  const file = programFile(kernel, fd)
  if (typeof file === 'number') return file
  const { program } = file
  const { type } = program.facts
  if (type === bpf.BPF_PROG_TYPE_RAW_TRACEPOINT) return runRawTracepoint(kernel, program, opts)
  const shape = packetContexts.get(type)
  if (shape) return runPacket(kernel, program, shape, opts)
  return untestable.has(type) ? -ENOTSUPP : -EOPNOTSUPP
}
