import { writeSync } from 'node:fs'
import { BroadcastChannel, type MessagePort, receiveMessageOnPort, threadId } from 'node:worker_threads'
import { monotonicClock } from '../shared/clock.js'
import { ringCpu } from '../shared/control/events.js'
import { Inbox } from '../shared/control/inbox.js'
import { Linker } from '../shared/control/linker.js'
import { type CpuTask, reportName } from '../shared/control/protocol.js'
import { CONTEXT_LEVELS, CPU, cpuArea, HEADER } from '../shared/layout.js'
import type { CpuCommand, CpuReport, Publication } from '../shared/messages.js'
import { modulesOf } from '../shared/trap.js'
import { type Views, viewsOf, word } from '../shared/views.js'
import type { Cpu, Hook, LoadedProgram, Workloads } from './context.js'
import { debugProgram } from './debug.js'
import { InjectedFault, makeFaultPoint } from './faults.js'
import { makeHelpers, makeWorkloads } from './parts.js'
import { Programs } from './programs.js'
import { Stream } from './stream.js'
import { clearFault, describeFailure } from './traps.js'

const STDERR_FD = 2
/** Traps of one program that are reported in full; a program that traps at every event would flood otherwise. */
const TRAP_REPORTS_MAX = 16

/** This thread as a simulated CPU: see the interface's documentation. */
export class CpuThread implements Cpu {
  readonly number: number
  readonly area: number
  readonly views: Views
  readonly nowNs: () => number
  readonly programs: Programs
  readonly stream: Stream
  readonly workloads: Workloads
  readonly #linker: Linker
  readonly #reports: Inbox<CpuReport>
  readonly #listeners: ((publication: Publication) => void)[] = []
  readonly #trapReports = new Map<number, number>()
  readonly #faultPoint: ((point: number) => void) | undefined
  readonly #nesting: number
  readonly #contextLevel: number
  readonly #programType: number
  #seen = 0
  #applying = false

  constructor(task: CpuTask<MessagePort>) {
    this.number = task.cpu
    this.area = cpuArea(task.cpu)
    this.views = viewsOf(task.memory)
    this.nowNs = monotonicClock()
    this.#nesting = word(this.area + CPU.nesting)
    this.#contextLevel = word(this.area + CPU.contextLevel)
    this.#programType = word(this.area + CPU.programType)
    this.views.i32[word(this.area + CPU.thread)] = threadId
    this.#faultPoint = task.faultPoints ? makeFaultPoint(this.views, task.cpu, task.port) : undefined
    this.#linker = new Linker({
      views: this.views,
      area: this.area,
      writer: task.cpu,
      nowNs: this.nowNs,
      faultPoint: this.#faultPoint,
      helpers: { ...makeHelpers(this), tail_call_program: (id) => this.#prepareTailCall(id) },
    })
    this.#linker.installRuntime(task.runtime)
    this.programs = new Programs(this.#linker)
    this.stream = new Stream(task.name, task.cpu)
    this.#reports = new Inbox(new BroadcastChannel(reportName(task.name, task.cpu)), receiveMessageOnPort)
    this.workloads = makeWorkloads(this)
  }

  get runtime(): Record<string, WebAssembly.ExportValue> {
    return this.#linker.runtime
  }

  get stopping(): boolean {
    return Atomics.load(this.views.i32, word(HEADER.shuttingDown)) !== 0
  }

  hook(name: string): Hook {
    return this.programs.hook(name)
  }

  onPublication(listener: (publication: Publication) => void): void {
    this.#listeners.push(listener)
  }

  log(text: string): void {
    writeSync(STDERR_FD, text)
  }

  report(report: CpuReport): void {
    this.#reports.post(report)
  }

  ringMain(): void {
    const { i32 } = this.views
    Atomics.add(i32, word(HEADER.mainDoorbell), 1)
    if (Atomics.load(i32, word(HEADER.mainSleeping)) !== 0) Atomics.notify(i32, word(HEADER.mainDoorbell))
  }

  ringCpu(cpu: number): void {
    ringCpu(this.views.i32, cpu)
  }

  synchronize(): void {
    if (Atomics.load(this.views.i32, word(HEADER.generation)) === this.#seen || this.#applying) return
    // A publication may run JavaScript that fires a hook: the stream is not drained from within itself.
    this.#applying = true
    this.stream.drain(this.applyMessage)
    this.#applying = false
    this.markSeen()
  }

  /** Notes how far this CPU has caught up. */
  markSeen(): void {
    this.#seen = this.stream.last | 0
    Atomics.store(this.views.i32, word(this.area + CPU.seenGeneration), this.#seen)
  }

  readonly applyMessage = (message: Publication | CpuCommand): void => {
    try {
      this.#apply(message)
    } catch (error) {
      if (error instanceof InjectedFault) throw error
      const subject = message.kind === 'program' || message.kind === 'attach' ? message.program : 0
      const text = `cannot ${message.kind}: ${error instanceof Error ? error.message : error}`
      this.#reportTrap({ id: subject, name: message.kind }, text)
    }
  }

  #apply(message: Publication | CpuCommand): void {
    switch (message.kind) {
      case 'mapOperations':
        this.programs.installOperations(message)
        break
      case 'program':
        this.programs.load(message)
        break
      case 'attach':
        this.programs.attach(message)
        break
      case 'detach':
        this.programs.detach(message.link)
        break
      case 'unload':
        this.#trapReports.delete(message.program)
        this.programs.unload(message.program)
        break
      case 'spawn':
        this.workloads.onSpawn(message)
        break
      case 'debug':
        this.programs.override(
          message.program,
          message.session === 0 ? null : debugProgram(this, this.#linker, message),
        )
        break
      default:
        for (const listener of this.#listeners) listener(message)
    }
  }

  fire(hook: Hook, context: number, contextBytes: number): number {
    const { i32 } = this.views
    if (hook.attached.length === 0 && Atomics.load(i32, word(HEADER.generation)) === this.#seen) return 0
    const depth = this.enter()
    this.synchronize()
    let result = 0
    const outerType = this.views.u32[this.#programType]
    if (depth < CONTEXT_LEVELS) {
      for (const { program } of hook.attached) {
        try {
          result = this.execute(program, context, contextBytes, 1)
        } catch (error) {
          this.trapped(program, error)
          result = 0
        }
      }
    }
    this.views.u32[this.#programType] = outerType
    this.leave(depth)
    return result
  }

  /** Begins a read-side section, in a context level of its own when one is open already. Returns the depth before. */
  enter(): number {
    const { i32 } = this.views
    const depth = Atomics.add(i32, this.#nesting, 1)
    if (depth > 0) i32[this.#contextLevel]++
    return depth
  }

  /** Ends the section that enter() began at `depth`. */
  leave(depth: number): void {
    const { i32 } = this.views
    if (depth > 0) i32[this.#contextLevel]--
    else Atomics.add(i32, word(this.area + CPU.quiescent), 1)
    Atomics.sub(i32, this.#nesting, 1)
  }

  /** Runs a program inside a read-side section. Throws its trap. */
  execute(program: LoadedProgram, context: number, contextBytes: number, repeat: number): number {
    if (this.#faultPoint) this.#faultPoint(0)
    clearFault(this)
    this.views.u32[this.#programType] = program.type
    const result = program.run(context, contextBytes, repeat)
    this.views.u32[word(this.area + CPU.programRuns)] += repeat
    return result
  }

  /** Reports a program's trap; whatever else was thrown ends this CPU. */
  trapped(program: LoadedProgram, error: unknown): void {
    if (!(error instanceof WebAssembly.RuntimeError)) throw error
    this.views.u32[word(this.area + CPU.programTraps)]++
    const inside = this.#innermost(error) ?? program
    this.#reportTrap(inside, describeFailure(this, inside, error))
  }

  /** The program that was running: not the one called, when that made a tail call. */
  #innermost(error: Error): LoadedProgram | undefined {
    for (const name of modulesOf(error.stack ?? '')) {
      const program = this.programs.byModule(name)
      if (program) return program
    }
    return undefined
  }

  #reportTrap(program: { id: number; name: string }, message: string): void {
    const reported = (this.#trapReports.get(program.id) ?? 0) + 1
    this.#trapReports.set(program.id, reported)
    if (reported > TRAP_REPORTS_MAX) return
    this.report({ kind: 'trap', cpu: this.number, program: program.id, programName: program.name, message })
    this.log(`smpbpf: cpu ${this.number}: ${message}\n`)
  }

  /** A tail call met a program that is not in this thread's table: 1 when it is now. */
  #prepareTailCall(program: number): number {
    // It was published before its id came into the map, but maybe after this CPU's last look.
    this.synchronize()
    return this.programs.prepareTailCall(program) ? 1 : 0
  }

  close(): void {
    this.stream.close()
    this.#reports.close()
  }
}
