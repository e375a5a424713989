/** Stack use as far as it shows in accesses by r10 itself: each function's depth, and the sum along calls. */
import { type Code, targetOf } from '../../shared/isa/decode.js'
import { FRAME_REGISTER } from '../../shared/isa/opcodes.js'
import { FRAME_BYTES } from '../../shared/layout.js'
import * as bpf from '../../shared/uapi/bpf.js'
import { EACCES } from '../../shared/uapi/errno.js'
import { type Rejection, reject, type Structure } from './rejection.js'

/** Frames are rounded up to this when the program will be compiled. */
const ROUND_BYTES = 16

/** Types whose functions get a stack each once the sum does not fit. */
const PRIVATE_STACK = new Set([
  bpf.BPF_PROG_TYPE_KPROBE,
  bpf.BPF_PROG_TYPE_TRACEPOINT,
  bpf.BPF_PROG_TYPE_PERF_EVENT,
  bpf.BPF_PROG_TYPE_RAW_TRACEPOINT,
])

function depthOf(code: Code, start: number, end: number): number {
  let lowest = 0
  for (let i = start; i < end; i++) {
    const row = code.rows[i]
    if (row?.fields.off !== 'offset') continue
    const isLoad = row.kind === 'load' || row.kind === 'loadSigned' || row.kind === 'loadAcquire'
    const base = isLoad ? code.src[i] : code.dst[i]
    if (base === FRAME_REGISTER) lowest = Math.min(lowest, code.off[i])
  }
  return -lowest
}

export function checkStack({ code, starts, options }: Structure): Rejection | null {
  const depths = starts.map((start, n) => depthOf(code, start, starts[n + 1] ?? code.count))
  if (PRIVATE_STACK.has(options.type)) return null
  const rounded = depths.map((depth) => Math.ceil(Math.max(depth, 1) / ROUND_BYTES) * ROUND_BYTES)
  // Depth first along calls, as many frames deep as the call depth allows: the chains are short.
  const place = new Map(starts.map((start, n) => [start, n]))
  const callees = starts.map((start, n) => {
    const called = new Set<number>()
    for (let i = start; i < (starts[n + 1] ?? code.count); i++) {
      if (code.rows[i]?.kind === 'callLocal') called.add(place.get(targetOf(code, i)) as number)
    }
    return called
  })
  const deepest = new Map<number, [number, number]>()
  const measure = (n: number): [number, number] => {
    const known = deepest.get(n)
    if (known) return known
    let below: [number, number] = [0, 0]
    for (const callee of callees[n]) {
      const [bytes, frames] = measure(callee)
      if (bytes > below[0]) below = [bytes, frames]
    }
    const result: [number, number] = [rounded[n] + below[0], below[1] + 1]
    deepest.set(n, result)
    return result
  }
  const [bytes, frames] = measure(0)
  if (bytes <= FRAME_BYTES) return null
  return reject(0, EACCES, `combined stack size of ${frames} calls is ${bytes}. Too large`)
}
