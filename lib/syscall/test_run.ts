/** BPF_PROG_TEST_RUN: which program types have one, and the way through it. */
import * as bpf from '../../shared/uapi/bpf.js'
import { EINVAL, ENOTSUPP } from '../../shared/uapi/errno.js'
import type { RunOutcome } from '../machine/runner.js'
import type { Kernel } from './kernel.js'
import { programFile } from './link_object.js'
import type { ProgramObject } from './program_object.js'
import { Attributes, type bpf_test_run_opts } from './test_run/attributes.js'
import { prepareFlowDissector } from './test_run/flow_dissector.js'
import { prepareNetfilter } from './test_run/netfilter.js'
import type { Prepare, Prepared } from './test_run/prepared.js'
import { prepareRawTracepoint, prepareSyscall } from './test_run/raw.js'
import { prepareSkLookup } from './test_run/sk_lookup.js'
import { prepareSkb } from './test_run/skb.js'
import { prepareXdp } from './test_run/xdp.js'

export type { bpf_test_run_opts } from './test_run/attributes.js'

const kinds = new Map<number, Prepare>([
  [bpf.BPF_PROG_TYPE_SOCKET_FILTER, prepareSkb],
  [bpf.BPF_PROG_TYPE_SCHED_CLS, prepareSkb],
  [bpf.BPF_PROG_TYPE_SCHED_ACT, prepareSkb],
  [bpf.BPF_PROG_TYPE_CGROUP_SKB, prepareSkb],
  [bpf.BPF_PROG_TYPE_LWT_IN, prepareSkb],
  [bpf.BPF_PROG_TYPE_LWT_OUT, prepareSkb],
  [bpf.BPF_PROG_TYPE_LWT_XMIT, prepareSkb],
  [bpf.BPF_PROG_TYPE_XDP, prepareXdp],
  [bpf.BPF_PROG_TYPE_RAW_TRACEPOINT, prepareRawTracepoint],
  [bpf.BPF_PROG_TYPE_SYSCALL, prepareSyscall],
  [bpf.BPF_PROG_TYPE_FLOW_DISSECTOR, prepareFlowDissector],
  [bpf.BPF_PROG_TYPE_SK_LOOKUP, prepareSkLookup],
  [bpf.BPF_PROG_TYPE_NETFILTER, prepareNetfilter],
])

/** A run that may begin, with a reference on its program. */
export interface TestRun {
  readonly program: ProgramObject
  readonly prepared: Prepared
}

/** The checks of a call in Linux's order, from the program on: -ENOTSUPP for types that Linux cannot test-run. */
export function beginTestRun(kernel: Kernel, program: ProgramObject, attr: Attributes): TestRun | number {
  const prepare = kinds.get(program.facts.type)
  if (prepare === undefined) return -ENOTSUPP
  const prepared = prepare(kernel, program, attr)
  if (typeof prepared === 'number') return prepared
  return { program: program.get(), prepared }
}

function begin(kernel: Kernel, fd: number, attr: Attributes): TestRun | number {
  const error = attr.check()
  if (error) return error
  const file = programFile(kernel, fd)
  return typeof file === 'number' ? file : beginTestRun(kernel, file.program, attr)
}

/** Copies the results out and gives back what beginTestRun() took. */
export function endTestRun(kernel: Kernel, { program, prepared }: TestRun, outcome: RunOutcome): number {
  if (kernel.closed) return outcome.error || -EINVAL
  const result = outcome.error < 0 ? outcome.error : prepared.finish(outcome)
  if (prepared.memory !== 0) kernel.machine.allocator.free(prepared.memory)
  program.put()
  kernel.settle()
  return result
}

type RunOnce = (repeat: number) => RunOutcome

/** With something to restore for each repetition, the last one is a run of its own. */
function inTwo(run: RunOnce, repeat: number, refresh: () => void): RunOutcome {
  const first = run(repeat - 1)
  if (first.error < 0) return first
  refresh()
  const last = run(1)
  const durationNs = Math.round((first.durationNs * (repeat - 1) + last.durationNs) / repeat)
  return { ...last, durationNs, runs: first.runs + last.runs }
}

/**
 * Runs the program behind `fd` on a CPU, waiting for it. 0 and the results in `opts`, or a negative errno; what came
 * out is in `opts` in both cases.
 */
export function testRun(kernel: Kernel, fd: number, opts: bpf_test_run_opts): number {
  const attr = new Attributes(opts)
  const begun = begin(kernel, fd, attr)
  let result = typeof begun === 'number' ? begun : 0
  if (typeof begun !== 'number') {
    const { cpu, request, refresh } = begun.prepared
    const run: RunOnce = (repeat) => kernel.machine.run(cpu, { ...request, repeat, program: begun.program.id })
    const { repeat } = request
    const outcome = refresh && repeat > 1 ? inTwo(run, repeat, refresh) : run(repeat)
    result = endTestRun(kernel, begun, outcome)
  }
  attr.writeTo(opts)
  return result
}

/** testRun() that leaves the event loop free; the process stays alive while it is pending. */
export async function testRunAsync(kernel: Kernel, fd: number, opts: bpf_test_run_opts): Promise<number> {
  const attr = new Attributes(opts)
  const begun = begin(kernel, fd, attr)
  let result = typeof begun === 'number' ? begun : 0
  if (typeof begun !== 'number') {
    const { cpu, request, refresh } = begun.prepared
    const run = (repeat: number) => kernel.machine.runAsync(cpu, { ...request, repeat, program: begun.program.id })
    let outcome: RunOutcome
    if (refresh && request.repeat > 1) {
      outcome = await run(request.repeat - 1)
      refresh()
      if (outcome.error === 0) outcome = await run(1)
    } else outcome = await run(request.repeat)
    result = endTestRun(kernel, begun, outcome)
  }
  attr.writeTo(opts)
  return result
}
