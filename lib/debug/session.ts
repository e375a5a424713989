import { pushRun, RunDone } from '../../shared/control/events.js'
import { helperById } from '../../shared/helpers/table.js'
import { type Code, decode } from '../../shared/isa/decode.js'
import { PseudoSource } from '../../shared/isa/opcodes.js'
import { disassemble } from '../../shared/isa/text.js'
import { DEBUG, DEBUG_BREAKPOINTS_MAX, DebugCommand, FRAME_BYTES, RUN_RESULT } from '../../shared/layout.js'
import type { DebugMessage } from '../../shared/messages.js'
import { EBUSY, EIO } from '../../shared/uapi/errno.js'
import { word } from '../../shared/views.js'
import type { MapFacts } from '../jit/input.js'
import { programTypeFacts } from '../jit/program_types.js'
import { outcome } from '../machine/runner.js'
import { currentKernel } from '../syscall/current.js'
import type { Kernel } from '../syscall/kernel.js'
import { programFile } from '../syscall/link_object.js'
import type { ProgramFacts, ProgramObject } from '../syscall/program_object.js'
import { Attributes, type bpf_test_run_opts } from '../syscall/test_run/attributes.js'
import { beginTestRun, endTestRun, type TestRun } from '../syscall/test_run.js'
import { Control, reasonNames } from './control.js'
import { entryAt, insnsOfLine } from './source.js'

export interface DebugOptions {
  /** The CPU whose runs of the program are debugged; default 0. */
  readonly cpu?: number
  /** How long a command waits for the next stop; default 5,000. */
  readonly timeoutMs?: number
}

/**
 * entry: before the first instruction; step: a step is done, or pause() was called; breakpoint; exit: r0 is the result,
 * nothing has been handed on yet; fault: the program did what it must not; done: the test run is over; running: it has
 * not stopped within the time, or (attached programs) is not running at all; lost: the CPU has died.
 */
export type StopReason = 'entry' | 'step' | 'breakpoint' | 'exit' | 'fault' | 'done' | 'running' | 'lost'

export interface Stop {
  readonly reason: StopReason
  /** Index of the next instruction. */
  readonly pc: number
  /** Instructions done in this run. */
  readonly steps: number
  /** "file.c:12: text", or null without line information. */
  readonly source: string | null
  /** What a fault was. */
  readonly message: string
}

/** One function under way. */
export interface Frame {
  readonly name: string
  /** The next instruction of the innermost; of the others the one to which they return. */
  readonly insn: number
  readonly source: string | null
  /** Its 512 bytes of stack end at this address. */
  readonly r10: bigint
}

interface Running {
  readonly run: TestRun
  readonly attr: Attributes
  readonly opts: bpf_test_run_opts
  readonly result: number
}

const TIMEOUT_MS = 5000
const ALIGN = 8
const sessions = new Set<string>()

/** Where each ld_imm64 of a map leads. */
function mapsOf(facts: ProgramFacts, code: Code): DebugMessage['maps'] {
  const found: DebugMessage['maps'] = []
  for (let insn = 0; insn < code.count; insn++) {
    if (code.rows[insn]?.kind !== 'imm64') continue
    const source = code.src[insn]
    let map: MapFacts | undefined
    if (source === PseudoSource.mapFd || source === PseudoSource.mapValue) map = facts.mapsByFd.get(code.imm[insn])
    if (source === PseudoSource.mapIndex || source === PseudoSource.mapIndexValue)
      map = facts.mapsByIndex[code.imm[insn]]
    if (map) found.push({ insn, address: map.address, values: map.values })
  }
  return found
}

/** A program under control on one CPU. Made by debug(); close() ends it. */
export class DebugSession {
  readonly #kernel: Kernel
  readonly #program: ProgramObject
  readonly #control: Control
  readonly #code: Code
  readonly #timeoutMs: number
  readonly #breakpoints = new Set<number>()
  readonly #key: string
  #running: Running | null = null
  #closed = false

  /** Use debug(). */
  constructor(kernel: Kernel, program: ProgramObject, { cpu = 0, timeoutMs = TIMEOUT_MS }: DebugOptions) {
    const { machine } = kernel
    this.#key = `${machine.name}:${cpu}:${program.id}`
    if (!machine.cpuOnline(cpu)) throw new RangeError(`no CPU ${cpu}`)
    if (sessions.has(this.#key)) throw new Error(`program ${program.id} is debugged on CPU ${cpu} already`)
    const at = machine.allocator.allocate(DEBUG.$bytes, ALIGN)
    if (at === 0) throw new Error('the machine has no memory left')
    machine.views.u8.fill(0, at, at + DEBUG.$bytes)
    machine.start()
    sessions.add(this.#key)
    this.#kernel = kernel
    this.#program = program.get()
    this.#code = decode(program.facts.insns)
    this.#control = new Control(machine, cpu, at)
    this.#timeoutMs = timeoutMs
    const { packet, packetOutput } = programTypeFacts(program.facts.type)
    this.#command(
      { session: at, insns: program.facts.insns, maps: mapsOf(program.facts, this.#code) },
      packet,
      packetOutput,
    )
  }

  #command(
    message: Pick<DebugMessage, 'session' | 'insns' | 'maps'>,
    packet: DebugMessage['packet'],
    packetOutput: DebugMessage['packetOutput'],
  ): void {
    const bounds = packet && { data: packet.data, dataEnd: packet.dataEnd, dataMeta: packet.dataMeta }
    const { cpu, machine } = this.#control
    machine.command(cpu, { kind: 'debug', program: this.#program.id, packet: bounds, packetOutput, ...message })
  }

  get cpu(): number {
    return this.#control.cpu
  }

  /**
   * Starts a test run as bpf_prog_test_run_opts would and waits for its first stop. A negative errno when it is refused;
   * `opts` gets the results when the run is done.
   */
  run(opts: bpf_test_run_opts = {}): Stop | number {
    if (this.#running !== null) return -EBUSY
    const attr = new Attributes(opts)
    const run = attr.check() || beginTestRun(this.#kernel, this.#program, attr)
    if (typeof run === 'number') return run
    const request = { ...run.prepared.request, program: this.#program.id }
    const result = pushRun(this.#control.machine.views, this.cpu, request)
    if (result === 0) {
      endTestRun(this.#kernel, run, { error: -EBUSY, retval: 0, retvalHigh: 0, durationNs: 0, runs: 0 })
      return -EBUSY
    }
    this.#running = { run, attr, opts, result }
    return this.wait()
  }

  /** Waits until the program stands still: for attached programs, until something runs it. */
  wait(timeoutMs = this.#timeoutMs): Stop {
    this.#control.wait(timeoutMs, () => this.#over)
    return this.where()
  }

  /** Where the program is now. */
  where(): Stop {
    const { reason, pc, steps, message } = this.#control.snapshot()
    const at = (name: StopReason, text = '') => ({ reason: name, pc, steps, source: this.#source(pc), message: text })
    if (this.#control.stopped) return at(reasonNames[reason], message)
    if (this.#over) this.#finish()
    if (this.#control.lost) return at('lost')
    return at(this.#running === null && this.#wasRun ? 'done' : 'running')
  }

  #wasRun = false

  get #over(): boolean {
    if (this.#running === null) return false
    const { i32 } = this.#control.machine.views
    return Atomics.load(i32, word(this.#running.result + RUN_RESULT.done)) !== RunDone.pending
  }

  /** Hands out the results of a run that is over. */
  #finish(): void {
    const running = this.#running as Running
    const { run, attr, opts, result } = running
    this.#running = null
    this.#wasRun = true
    this.#error = endTestRun(this.#kernel, run, outcome(this.#control.machine.views, result, false))
    attr.writeTo(opts)
  }

  #error = 0

  /** What bpf_prog_test_run_opts would have returned for the last run that is done: 0, or -EFAULT after a fault. */
  get error(): number {
    return this.#error
  }

  #go(command: number, count = 0): Stop {
    if (!this.#control.stopped) return this.where()
    this.#control.send(command, count)
    return this.wait(this.#running === null && this.#ended ? 0 : this.#timeoutMs)
  }

  /** An attached program that stood at its end has nothing more to do. */
  #ended = false

  /** Does `count` instructions. */
  step(count = 1): Stop {
    return this.#next(DebugCommand.step, count)
  }

  /** One instruction; a call of a function whole. */
  stepOver(): Stop {
    return this.#next(DebugCommand.over)
  }

  /** Up to the return from this function. */
  stepOut(): Stop {
    return this.#next(DebugCommand.out)
  }

  /** Up to the next breakpoint or the end. */
  cont(): Stop {
    return this.#next(DebugCommand.cont)
  }

  #next(command: number, count = 0): Stop {
    const { reason } = this.where()
    this.#ended = reason === 'exit' || reason === 'fault'
    return this.#go(command, count)
  }

  /** Stops a running program within some thousand instructions. */
  pause(): Stop {
    if (!this.#control.stopped && !this.#over) this.#control.send(DebugCommand.step)
    return this.wait()
  }

  /** Stops before instruction `insn` from now on. Throws a RangeError when there is none, or too many are set. */
  breakAt(insn: number): void {
    if (this.#code.rows[insn] === undefined) throw new RangeError(`no instruction ${insn}`)
    if (this.#breakpoints.size >= DEBUG_BREAKPOINTS_MAX) throw new RangeError('too many breakpoints')
    this.#breakpoints.add(insn)
    this.#control.setBreakpoints([...this.#breakpoints])
  }

  /** Stops at a source line: the instructions where breakpoints now are, empty when no code is of that line. */
  breakAtLine(line: number, file?: string): number[] {
    const insns = insnsOfLine(this.#program.facts.lines, line, file)
    for (const insn of insns) this.breakAt(insn)
    return insns
  }

  /** Removes one breakpoint, or all. */
  clear(insn?: number): void {
    if (insn === undefined) this.#breakpoints.clear()
    else this.#breakpoints.delete(insn)
    this.#control.setBreakpoints([...this.#breakpoints])
  }

  /** r0 to r10 at a stop, unsigned. */
  registers(): bigint[] {
    return this.#control.registers()
  }

  /** Changes one of r0 to r9 at a stop. */
  setRegister(number: number, value: bigint): void {
    if (!(number >= 0 && number <= 9)) throw new RangeError(`r${number} cannot be set`)
    this.#control.setRegister(number, value)
  }

  /** The stack frame of the function that stands still: 512 bytes, the last before r10. */
  stack(): Uint8Array {
    const r10 = Number(this.registers()[10])
    return this.read(r10 - FRAME_BYTES, FRAME_BYTES)
  }

  /** A copy of the machine's memory: what any register may point to. */
  read(address: number | bigint, bytes: number): Uint8Array {
    const at = Number(address)
    if (!this.#control.inMemory(at, bytes)) throw new RangeError(`no memory at 0x${address.toString(16)}`)
    return this.#control.machine.views.u8.slice(at, at + bytes)
  }

  /** Changes the machine's memory. Nothing keeps a debugger from destroying what it stands on. */
  write(address: number | bigint, bytes: Uint8Array): void {
    const at = Number(address)
    if (!this.#control.inMemory(at, bytes.length)) throw new RangeError(`no memory at 0x${address.toString(16)}`)
    this.#control.machine.views.u8.set(bytes, at)
  }

  /** Address and size of the context that the program was given. */
  get context(): { address: number; bytes: number } {
    return this.#control.context
  }

  /** The functions under way, the innermost first. */
  backtrace(): Frame[] {
    const { pc } = this.where()
    const calls = this.#control.calls().reverse()
    const r10 = this.registers()[10]
    const frame = (insn: number, end: bigint): Frame => ({
      name: this.#functionAt(insn),
      insn,
      source: this.#source(insn),
      r10: end,
    })
    return [frame(pc, r10), ...calls.map(({ returnTo, frame: end }) => frame(returnTo, BigInt(end)))]
  }

  #functionAt(insn: number): string {
    return entryAt(this.#program.facts.subprograms, insn) ?? this.#program.facts.name
  }

  #source(insn: number): string | null {
    return entryAt(this.#program.facts.lines, insn)
  }

  /** Text of an instruction, by default the next one: "(b7) r0 = 0". */
  disassemble(insn: number = this.where().pc): string {
    return disassemble(this.#code, insn, { helperName: (id) => helperById(id)?.name ?? 'unknown' })
  }

  /** Lets the program go on, compiled again from its next run on. Waits for a test run under way to end. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    sessions.delete(this.#key)
    const { machine, at } = this.#control
    if (this.#kernel.closed) return
    if (!this.#control.lost) this.#control.send(DebugCommand.detach)
    if (!this.#control.lost) this.#command({ session: 0, insns: new Uint8Array(0), maps: [] }, null, null)
    if (this.#running !== null) this.#control.wait(this.#timeoutMs, () => this.#over)
    if (this.#over) this.#finish()
    else if (this.#running !== null) this.#error = -EIO
    if (machine.synchronize()) machine.allocator.free(at)
    this.#program.put()
    this.#kernel.settle()
  }
}

/**
 * Takes the program behind `prog_fd` under control on one CPU: whatever runs it there (a test run, a hook) stops before
 * its first instruction and waits for this session's commands. Throws when there is no such program or CPU.
 */
export function debug(prog_fd: number, options: DebugOptions = {}): DebugSession {
  const kernel = currentKernel()
  const file = programFile(kernel, prog_fd)
  if (typeof file === 'number') throw new Error(`${prog_fd} is not the descriptor of a program`)
  return new DebugSession(kernel, file.program, options)
}
