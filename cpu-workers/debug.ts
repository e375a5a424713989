/** A program under a debugger: interpreted on this CPU, which waits for the main thread's commands at each stop. */
import type { Linker } from '../shared/control/linker.js'
import { Interpreter } from '../shared/isa/interpreter.js'
import {
  CPU,
  DEBUG,
  DEBUG_MESSAGE_BYTES,
  DebugCommand,
  DebugReason,
  DebugState,
  FRAME_BYTES,
  FRAMES_MAX,
} from '../shared/layout.js'
import type { DebugMessage } from '../shared/messages.js'
import { word } from '../shared/views.js'
import type { Cpu } from './context.js'
import { DebugHost } from './debug_host.js'

const WAIT_MS = 100
/** Instructions between two looks at whether the main thread wants a stop. */
const LOOK_STEPS = 4096
const WORD = 2n ** 32n
const REGISTER_BYTES = 8
const WORD_BYTES = 4

type Run = (context: number, contextBytes: number, repeat: number) => number

/** Thrown out of a run that the machine's end cuts short; the CPU takes it for a trap. */
function ended(message: string): WebAssembly.RuntimeError {
  return new WebAssembly.RuntimeError(message)
}

class Session {
  readonly #cpu: Cpu
  readonly #at: number
  #attached = true

  constructor(cpu: Cpu, session: number) {
    this.#cpu = cpu
    this.#at = session
  }

  get attached(): boolean {
    return this.#attached
  }

  #word(field: number): number {
    return word(this.#at + field)
  }

  /** Runs one repetition to its end, stopping where the main thread wants it. */
  run(interpreter: Interpreter): void {
    if (this.#attached) this.#stop(interpreter, DebugReason.entry)
    try {
      while (!interpreter.exited) {
        const reason = this.#attached ? this.#obey(interpreter) : this.#go(interpreter, () => false)
        if (!interpreter.exited) this.#stop(interpreter, reason)
      }
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      if (this.#attached && !this.#cpu.stopping) this.#stop(interpreter, DebugReason.fault, message)
      throw error instanceof WebAssembly.RuntimeError ? error : ended(message)
    }
    if (this.#attached) this.#stop(interpreter, DebugReason.exit)
  }

  /** Does what the last command says, up to the next stop. */
  #obey(interpreter: Interpreter): number {
    const { u32 } = this.#cpu.views
    const command = this.#command
    const depth = interpreter.depth
    if (command === DebugCommand.step) {
      let left = Math.max(1, u32[this.#word(DEBUG.count)])
      return this.#go(interpreter, () => --left <= 0)
    }
    if (command === DebugCommand.over) return this.#go(interpreter, () => interpreter.depth <= depth)
    if (command === DebugCommand.out) return this.#go(interpreter, () => interpreter.depth < depth)
    return this.#go(interpreter, () => false)
  }

  #command: number = DebugCommand.none
  /** The instruction done last: where a program that ended or failed stands. */
  #last = 0

  /** Steps until `done`, a breakpoint, the end, or the main thread's next command. */
  #go(interpreter: Interpreter, done: () => boolean): number {
    const { i32 } = this.#cpu.views
    for (;;) {
      this.#last = interpreter.pc
      interpreter.step()
      if (interpreter.exited) return DebugReason.exit
      if (this.#attached && interpreter.breakpoints.has(interpreter.pc)) return DebugReason.breakpoint
      if (done()) return DebugReason.step
      if (interpreter.steps % LOOK_STEPS !== 0) continue
      if (this.#cpu.stopping) throw ended('the machine shuts down')
      const wanted = Atomics.load(i32, this.#word(DEBUG.command))
      if (wanted === DebugCommand.detach) this.#attached = false
      else if (wanted !== DebugCommand.none) return this.#taken()
    }
  }

  /** A command that came while the program ran only stops it. */
  #taken(): number {
    Atomics.store(this.#cpu.views.i32, this.#word(DEBUG.command), DebugCommand.none)
    return DebugReason.step
  }

  /** Tells where the program stands and sleeps until the next command. */
  #stop(interpreter: Interpreter, reason: number, message = ''): void {
    const { i32, u32 } = this.#cpu.views
    this.#show(interpreter, reason, message)
    Atomics.store(i32, this.#word(DEBUG.state), DebugState.stopped)
    Atomics.notify(i32, this.#word(DEBUG.state))
    this.#cpu.ringMain()
    const command = this.#word(DEBUG.command)
    while (Atomics.load(i32, command) === DebugCommand.none) {
      if (this.#cpu.stopping) throw ended('the machine shuts down')
      Atomics.wait(i32, command, DebugCommand.none, WAIT_MS)
    }
    this.#command = Atomics.load(i32, command)
    if (this.#command === DebugCommand.detach) this.#attached = false
    this.#take(interpreter)
    u32[this.#word(DEBUG.state)] = DebugState.running
    if (this.#attached) Atomics.store(i32, command, DebugCommand.none)
  }

  #show(interpreter: Interpreter, reason: number, message: string): void {
    const { u32, u8 } = this.#cpu.views
    const { registers, calls } = interpreter
    const fields: [number, number][] = [
      [DEBUG.reason, reason],
      [DEBUG.pc, reason === DebugReason.exit || reason === DebugReason.fault ? this.#last : interpreter.pc],
      [DEBUG.steps, interpreter.steps],
      [DEBUG.depth, calls.length],
    ]
    for (const [field, value] of fields) u32[this.#word(field)] = value
    for (const [n, value] of registers.entries()) {
      u32[this.#word(DEBUG.registers + n * REGISTER_BYTES)] = Number(value % WORD)
      u32[this.#word(DEBUG.registers + n * REGISTER_BYTES) + 1] = Number(value / WORD)
    }
    for (const [n, { returnTo, frame }] of calls.entries()) {
      u32[this.#word(DEBUG.returns + n * WORD_BYTES)] = returnTo
      u32[this.#word(DEBUG.frames + n * WORD_BYTES)] = Number(frame)
    }
    const bytes = new TextEncoder().encode(message).subarray(0, DEBUG_MESSAGE_BYTES)
    u8.set(bytes, this.#at + DEBUG.message)
    u32[this.#word(DEBUG.messageBytes)] = bytes.length
  }

  /** Takes over what the main thread may have changed: registers and breakpoints. */
  #take(interpreter: Interpreter): void {
    const { u32, data } = this.#cpu.views
    for (let n = 0; n < interpreter.registers.length; n++) {
      interpreter.registers[n] = data.getBigUint64(this.#at + DEBUG.registers + n * REGISTER_BYTES, true)
    }
    interpreter.breakpoints.clear()
    const count = u32[this.#word(DEBUG.breakpoints)]
    for (let n = 0; n < count; n++) interpreter.breakpoints.add(u32[this.#word(DEBUG.breakpoint + n * WORD_BYTES)])
  }

  /** Notes what the program runs with. */
  begin(context: number, contextBytes: number): void {
    const { u32 } = this.#cpu.views
    u32[this.#word(DEBUG.context)] = context
    u32[this.#word(DEBUG.contextBytes)] = contextBytes
  }
}

/** What is run instead of the compiled program: the same results, at the pace of the debugger. */
export function debugProgram(cpu: Cpu, linker: Linker, message: DebugMessage): Run {
  const session = new Session(cpu, message.session)
  const { u32, data } = cpu.views
  let busy = false
  return (context, contextBytes, repeat) => {
    const level = u32[word(cpu.area + CPU.contextLevel)]
    const frame = cpu.area + CPU.stack + level * FRAMES_MAX * FRAME_BYTES
    let r0 = 0n
    for (let n = 0; n < Math.max(1, repeat); n++) {
      const host = new DebugHost(cpu, linker, message, { frame, context, contextBytes })
      const { insns } = message
      const interpreter = new Interpreter(
        insns,
        host,
        BigInt(context),
        BigInt(frame + FRAME_BYTES),
        BigInt(FRAME_BYTES),
      )
      host.depth = () => interpreter.depth
      if (busy) interpreter.run()
      else {
        busy = true
        try {
          if (session.attached) session.begin(context, contextBytes)
          session.run(interpreter)
        } finally {
          busy = false
        }
      }
      r0 = interpreter.registers[0]
    }
    data.setBigUint64(cpu.area + CPU.retval, r0, true)
    return Number(r0 % WORD) | 0
  }
}
