/** bpf_trace_printk(fmt, fmt_size, a1, a2, a3): bpf-helpers(7). */
import { CPU, HEADER, NULL_GUARD_BYTES, TASK, TRACE_TEXT_BYTES } from '../../shared/layout.js'
import { traceFlags } from '../../shared/rings/trace.js'
import { EFAULT } from '../../shared/uapi/errno.js'
import { word } from '../../shared/views.js'
import type { Cpu } from '../context.js'
import { type Arguments, Formatter } from './format.js'
import { Output } from './output.js'

const ARGUMENTS = 3
/** Position of the first value among the helper's arguments: the format and its size come before. */
const FIRST_ARGUMENT = 2
const WORDS_PER_ARGUMENT = 2

/** Reads what format arguments point to, with the checks of probe_read. */
class CpuArguments implements Arguments {
  readonly count = ARGUMENTS
  readonly #cpu: Cpu
  readonly #words: number

  constructor(cpu: Cpu) {
    this.#cpu = cpu
    this.#words = word(cpu.area + CPU.helperArguments) + FIRST_ARGUMENT * WORDS_PER_ARGUMENT
  }

  low(index: number): number {
    return this.#cpu.views.u32[this.#words + index * WORDS_PER_ARGUMENT]
  }

  high(index: number): number {
    return this.#cpu.views.u32[this.#words + index * WORDS_PER_ARGUMENT + 1]
  }

  text(index: number, to: Uint8Array, from: number, bytes: number, space: string): number {
    const { u8 } = this.#cpu.views
    const address = this.low(index)
    const room = this.#room(index, space)
    const limit = Math.min(bytes, room)
    for (let i = 0; i < limit; i++) {
      const byte = u8[address + i]
      to[from + i] = byte
      if (byte === 0) return i + 1
    }
    if (limit < bytes) return -EFAULT
    to[from + bytes - 1] = 0
    return bytes
  }

  memory(index: number, to: Uint8Array, bytes: number): void {
    const address = this.low(index)
    if (this.#room(index, 'k') < bytes) to.fill(0, 0, bytes)
    else to.set(this.#cpu.views.u8.subarray(address, address + bytes))
  }

  /** Bytes readable at the argument's address. */
  #room(index: number, space: string): number {
    if (this.high(index) !== 0) return 0
    const { u32 } = this.#cpu.views
    const address = this.low(index)
    const user = u32[word(HEADER.user)]
    if (space !== 'u' && address >= NULL_GUARD_BYTES && address < user) return user - address
    const task = u32[word(this.#cpu.area + CPU.currentTask)]
    if (space === 'k' || task === 0) return 0
    const offset = address - u32[word(task + TASK.userBase)]
    const bytes = u32[word(task + TASK.userBytes)]
    return offset >= 0 && offset < bytes ? bytes - offset : 0
  }
}

type Append = (text: number, textBytes: number, flags: number, preempt: number) => number

/** The helper for one CPU: (format, size) -> length of the text or a negative errno. */
export function makeTracePrintk(cpu: Cpu): (format: number, size: number) => number {
  const { u8, u32 } = cpu.views
  const args = new CpuArguments(cpu)
  const formatter = new Formatter()
  const textAddress = cpu.area + CPU.text
  const out = new Output(u8, textAddress, TRACE_TEXT_BYTES - 1)
  const programType = word(cpu.area + CPU.programType)
  // The runtime is there once the first program can run, which is after this.
  let append: Append | undefined
  return (format, size) => {
    out.length = 0
    const length = formatter.format(u8, format, size, args, out)
    if (length < 0) return length
    const kept = Math.min(length, TRACE_TEXT_BYTES - 1)
    const nul = u8.subarray(textAddress, textAddress + kept).indexOf(0)
    const { flags, preempt } = traceFlags(u32[programType])
    append ??= cpu.runtime.trace_append as Append
    append(textAddress, nul < 0 ? kept : nul, flags, preempt)
    return length
  }
}
