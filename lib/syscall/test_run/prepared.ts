/** The parts that every kind of test run has: inputs copied in, a run on a CPU, results copied out. */
import type { RunRequest } from '../../../shared/control/events.js'
import { E2BIG, ENOMEM, ENOSPC, ENXIO } from '../../../shared/uapi/errno.js'
import type { RunOutcome } from '../../machine/runner.js'
import type { Kernel } from '../kernel.js'
import type { ProgramObject } from '../program_object.js'
import type { Attributes } from './attributes.js'

/** A run that has passed all checks. */
export interface Prepared {
  readonly cpu: number
  readonly request: Omit<RunRequest, 'program'>
  /** Address of the memory to free afterwards. */
  readonly memory: number
  /** Restores what each repetition must find: called before the last one. */
  readonly refresh?: () => void
  /** Copies the results out: 0 or a negative errno. */
  finish(outcome: RunOutcome): number
}

/** Checks one call and lays out what the program will see; a negative errno when it is refused. */
export type Prepare = (kernel: Kernel, program: ProgramObject, attr: Attributes) => Prepared | number

const PAGE_BYTES = 4096
export const CONTEXT_ALIGN = 16

/** The CPU that a run without a wish goes to: the first online one. */
export function anyCpu(kernel: Kernel): number {
  for (let cpu = 0; cpu < kernel.machine.cpusPossible; cpu++) if (kernel.machine.cpuOnline(cpu)) return cpu
  return -ENXIO
}

/** Zeroed memory of the machine, or -ENOMEM. */
export function allocate(kernel: Kernel, bytes: number): number {
  const { machine } = kernel
  const address = machine.allocator.allocate(bytes, CONTEXT_ALIGN)
  if (address === 0) return -ENOMEM
  machine.views.u8.fill(0, address, address + bytes)
  return address
}

/** A user's context structure, zero-extended to the kernel's size. */
export class UserContext {
  readonly bytes: Uint8Array
  readonly view: DataView

  constructor(bytes: number) {
    this.bytes = new Uint8Array(bytes)
    this.view = new DataView(this.bytes.buffer)
  }

  u32(offset: number): number {
    return this.view.getUint32(offset, true)
  }

  setU32(offset: number, value: number): void {
    this.view.setUint32(offset, value, true)
  }

  /** Whether [from, to) holds only zeros. */
  isZero(from: number, to: number): boolean {
    return this.bytes.subarray(from, to).every((byte) => byte === 0)
  }
}

/**
 * The context that came in, `bytes` long; null when the call has neither ctx_in nor ctx_out. -E2BIG when it is longer
 * than that and not zero there, or longer than a page.
 */
export function readContext(attr: Attributes, bytes: number): UserContext | null | number {
  const { contextIn, contextOut } = attr
  if (contextIn === null && contextOut === null) return null
  const context = new UserContext(bytes)
  if (contextIn === null) return context
  if (contextIn.length > PAGE_BYTES || contextIn.subarray(bytes).some((byte) => byte !== 0)) return -E2BIG
  context.bytes.set(contextIn.subarray(0, bytes))
  return context
}

/** Hands the context out: -ENOSPC with as much of it as fits. */
export function writeContext(attr: Attributes, context: UserContext | null): number {
  if (context === null || attr.contextOut === null) return 0
  const room = attr.contextOut.length
  attr.contextOut.set(context.bytes.subarray(0, room))
  attr.contextSizeOut = context.bytes.length
  return context.bytes.length > room ? -ENOSPC : 0
}

/** Notes r0 and the mean time. */
export function writeResults(attr: Attributes, outcome: RunOutcome, sizeOut: number): void {
  attr.dataSizeOut = sizeOut
  attr.retval = outcome.retval >>> 0
  attr.duration = outcome.durationNs >>> 0
}

/**
 * Hands data out with the results: -ENOSPC with as much of it as fits, the whole size still told. Of a packet in
 * fragments (the last `fragmentBytes`), a buffer that is too small gets less of the linear part, so that the bytes
 * left out lie between the two; one that has no room for the fragments gets nothing, and no results either.
 */
export function writeData(attr: Attributes, outcome: RunOutcome, data: Uint8Array, fragmentBytes = 0): number {
  const out = attr.dataOut
  const cut = out !== null && out.length > 0 && data.length > out.length
  const copied = cut ? out.length : data.length
  if (out !== null && out.length > 0) {
    const linear = copied - fragmentBytes
    if (linear < 0) return -ENOSPC
    out.set(data.subarray(0, linear))
    const fragments = data.length - fragmentBytes
    out.set(data.subarray(fragments, fragments + copied - linear), linear)
  }
  writeResults(attr, outcome, data.length)
  return cut ? -ENOSPC : 0
}
