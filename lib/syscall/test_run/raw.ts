/** Test runs of programs whose context is plain memory: raw tracepoints and syscall programs. */
import { BPF_F_TEST_RUN_ON_CPU } from '../../../shared/uapi/bpf_flags.js'
import { EINVAL, ENXIO } from '../../../shared/uapi/errno.js'
import type { RunOutcome } from '../../machine/runner.js'
import type { Kernel } from '../kernel.js'
import type { Attributes } from './attributes.js'
import { contextUse } from './context_use.js'
import { allocate, anyCpu, type Prepare, type Prepared } from './prepared.js'

/** Arguments a raw tracepoint has at most, u64 each. */
const RAW_TRACEPOINT_CONTEXT_MAX = 12 * 8
const SYSCALL_CONTEXT_MAX = 0xffff

/** Neither data nor repetitions nor a duration: only the context and r0. */
function isPlain(attr: Attributes): boolean {
  const { dataIn, dataOut, contextOut, repeat, batchSize, duration } = attr
  return dataIn === null && dataOut === null && contextOut === null && !repeat && !batchSize && !duration
}

function prepare(kernel: Kernel, attr: Attributes, cpu: number, after: (address: number) => void): Prepared | number {
  if (cpu < 0) return cpu
  const contextBytes = attr.contextBytes
  const address = contextBytes === 0 ? 0 : allocate(kernel, contextBytes)
  if (address < 0) return address
  if (attr.contextIn && address > 0) kernel.machine.views.u8.set(attr.contextIn, address)
  const finish = (outcome: RunOutcome): number => {
    attr.retval = outcome.retval >>> 0
    after(address)
    return 0
  }
  return { cpu, request: { context: address, contextBytes, repeat: 1 }, memory: address, finish }
}

/** Linux: bpf_prog_test_run_raw_tp. */
export const prepareRawTracepoint: Prepare = (kernel, program, attr) => {
  if (!isPlain(attr)) return -EINVAL
  if (attr.contextBytes < contextUse(program.facts) || attr.contextBytes > RAW_TRACEPOINT_CONTEXT_MAX) return -EINVAL
  const chosen = (attr.flags & BPF_F_TEST_RUN_ON_CPU) !== 0
  if (!chosen && attr.cpu !== 0) return -EINVAL
  if (chosen && !kernel.machine.cpuOnline(attr.cpu)) return -ENXIO
  return prepare(kernel, attr, chosen ? attr.cpu : anyCpu(kernel), () => {})
}

/** Linux: bpf_prog_test_run_syscall. What the program leaves in its context goes back into ctx_in. */
export const prepareSyscall: Prepare = (kernel, program, attr) => {
  if (!isPlain(attr) || attr.flags !== 0) return -EINVAL
  if (attr.contextBytes < contextUse(program.facts) || attr.contextBytes > SYSCALL_CONTEXT_MAX) return -EINVAL
  const { u8 } = kernel.machine.views
  return prepare(kernel, attr, anyCpu(kernel), (address) => {
    attr.contextIn?.set(u8.subarray(address, address + attr.contextBytes))
  })
}
