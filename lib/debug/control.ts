/** A session's record in shared memory, from the main thread's side. */
import { CPU, cpuArea, DEBUG, DebugCommand, DebugReason, DebugState, HEADER } from '../../shared/layout.js'
import { word } from '../../shared/views.js'
import type { Machine } from '../machine/machine.js'

const STEP_MS = 20
const REGISTERS = 11
const REGISTER_BYTES = 8
const WORD_BYTES = 4

export interface Snapshot {
  readonly reason: number
  readonly pc: number
  readonly steps: number
  readonly message: string
}

export class Control {
  readonly #incarnation: number

  constructor(
    readonly machine: Machine,
    readonly cpu: number,
    /** Address of the DEBUG record. */
    readonly at: number,
  ) {
    this.#incarnation = this.#incarnationNow
  }

  #word(field: number): number {
    return word(this.at + field)
  }

  get #incarnationNow(): number {
    return Atomics.load(this.machine.views.u32, word(cpuArea(this.cpu) + CPU.incarnation))
  }

  /** Whether the CPU has died since: the program is no longer under control. */
  get lost(): boolean {
    return !this.machine.alive() || this.#incarnationNow !== this.#incarnation
  }

  get stopped(): boolean {
    return !this.lost && Atomics.load(this.machine.views.u32, this.#word(DEBUG.state)) === DebugState.stopped
  }

  /** Blocks until the program stands still, `over()`, or the time is up. */
  wait(timeoutMs: number, over: () => boolean): void {
    const { i32 } = this.machine.views
    const deadlineMs = performance.now() + timeoutMs
    while (!this.stopped && !this.lost && !over()) {
      const leftMs = deadlineMs - performance.now()
      if (leftMs <= 0) return
      Atomics.wait(i32, this.#word(DEBUG.state), DebugState.running, Math.min(STEP_MS, leftMs))
    }
  }

  /** Gives a command; a program that stands still goes on. */
  send(command: number, count = 0): void {
    const { i32, u32 } = this.machine.views
    u32[this.#word(DEBUG.count)] = count
    // From here on it counts as running: the CPU sets the state again at its next stop.
    if (command !== DebugCommand.none) Atomics.store(i32, this.#word(DEBUG.state), DebugState.running)
    Atomics.store(i32, this.#word(DEBUG.command), command)
    Atomics.notify(i32, this.#word(DEBUG.command))
  }

  snapshot(): Snapshot {
    const { u32, u8 } = this.machine.views
    const text = u8.slice(this.at + DEBUG.message, this.at + DEBUG.message + u32[this.#word(DEBUG.messageBytes)])
    return {
      reason: u32[this.#word(DEBUG.reason)],
      pc: u32[this.#word(DEBUG.pc)],
      steps: u32[this.#word(DEBUG.steps)],
      message: new TextDecoder().decode(text),
    }
  }

  /** r0 to r10. */
  registers(): bigint[] {
    const { data } = this.machine.views
    const at = this.at + DEBUG.registers
    return Array.from({ length: REGISTERS }, (_, n) => data.getBigUint64(at + n * REGISTER_BYTES, true))
  }

  setRegister(number: number, value: bigint): void {
    const at = this.at + DEBUG.registers + number * REGISTER_BYTES
    this.machine.views.data.setBigUint64(at, BigInt.asUintN(64, value), true)
  }

  /** Calls under way, the outermost first. */
  calls(): { returnTo: number; frame: number }[] {
    const { u32 } = this.machine.views
    return Array.from({ length: u32[this.#word(DEBUG.depth)] }, (_, n) => ({
      returnTo: u32[this.#word(DEBUG.returns + n * WORD_BYTES)],
      frame: u32[this.#word(DEBUG.frames + n * WORD_BYTES)],
    }))
  }

  setBreakpoints(insns: readonly number[]): void {
    const { u32 } = this.machine.views
    for (const [n, insn] of insns.entries()) u32[this.#word(DEBUG.breakpoint + n * WORD_BYTES)] = insn
    u32[this.#word(DEBUG.breakpoints)] = insns.length
  }

  /** Whether [address, address + bytes) lies in the machine's memory. */
  inMemory(address: number, bytes: number): boolean {
    const { u32 } = this.machine.views
    return address >= HEADER.magic && bytes >= 0 && address + bytes <= u32[word(HEADER.memoryBytes)]
  }

  /** The context of the run under way. */
  get context(): { address: number; bytes: number } {
    const { u32 } = this.machine.views
    return { address: u32[this.#word(DEBUG.context)], bytes: u32[this.#word(DEBUG.contextBytes)] }
  }
}

export const reasonNames = Object.fromEntries(
  Object.entries(DebugReason).map(([name, value]) => [value, name]),
) as Record<number, keyof typeof DebugReason>
