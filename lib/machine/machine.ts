import { BroadcastChannel, receiveMessageOnPort } from 'node:worker_threads'
import { monotonicClock } from '../../shared/clock.js'
import { type RunRequest, ringCpu } from '../../shared/control/events.js'
import { Inbox } from '../../shared/control/inbox.js'
import { Linker } from '../../shared/control/linker.js'
import { reportName, type SupervisorApi } from '../../shared/control/protocol.js'
import {
  CPU,
  CpuState,
  cpuArea,
  HEADER,
  MACHINE_MAGIC,
  MAP_OPS,
  regions,
  SupervisorState,
  WRITER_MAIN,
} from '../../shared/layout.js'
import type { CpuCommand, CpuReport, Publication } from '../../shared/messages.js'
import { EINVAL, EIO, ENXIO } from '../../shared/uapi/errno.js'
import { type Views, word } from '../../shared/views.js'
import { Allocator } from './allocator.js'
import { Doorbell, type WaitOutcome, waitUntil } from './doorbell.js'
import { waitGracePeriod } from './grace.js'
import { returnMemory, takeMemory } from './memory_pool.js'
import { compileOnce, runtimeModule } from './modules.js'
import { type BootOptions, checkOptions } from './options.js'
import { Publisher } from './publisher.js'
import { failedRun, type PendingRun, type RunnerHost, type RunOutcome, runOnCpu, runOnCpuAsync } from './runner.js'
import { signals } from './signals.js'
import { SupervisorClient } from './supervisor_client.js'
import { type SpawnOptions, spawnTask, type Task } from './task.js'

const START_MAX_MS = 20_000
const NS_PER_MS = 1e6
/** Pids below are the kernel's and the system's own. */
const FIRST_PID = 1000
let machinesBooted = 0

/** A map shape's operations as this thread runs them, and their first slot in every thread's function table. */
export interface InstalledShape {
  slot: number
  operations: Record<string, (...args: number[]) => number>
}

/** One simulated machine: its memory, its CPUs, and the main thread's way to them. */
export class Machine {
  readonly views: Views
  readonly allocator: Allocator
  readonly cpusPossible: number
  readonly cpus: number
  readonly name: string
  readonly faultPoints: boolean
  /** CLOCK_MONOTONIC in ns. */
  readonly nowNs: () => number
  /** This thread's function table, runtime and map operations. */
  readonly linker: Linker
  readonly #options: Required<BootOptions>
  readonly #runtime: WebAssembly.Module
  readonly #doorbell: Doorbell
  readonly #publisher: Publisher
  readonly #reports: Inbox<CpuReport>[] = []
  readonly #shapes = new Map<string, InstalledShape>()
  #nextSlot = 0
  #supervisor: SupervisorClient | null = null
  #closed: Promise<void> | null = null
  readonly #onShutdown: (() => void)[] = []
  readonly #pendingRuns = new Set<PendingRun>()

  constructor(options: BootOptions = {}) {
    this.#options = checkOptions(options)
    this.cpus = this.#options.cpus
    this.cpusPossible = this.#options.possibleCpus
    this.faultPoints = this.#options.faultPoints
    this.name = `smpbpf:${process.pid}:${++machinesBooted}`
    this.nowNs = monotonicClock()
    this.views = takeMemory(this.#options.memoryBytes)
    this.allocator = this.#writeHeader()
    this.#runtime = runtimeModule(this.faultPoints)
    this.linker = new Linker({
      views: this.views,
      area: cpuArea(this.cpusPossible),
      writer: WRITER_MAIN,
      nowNs: this.nowNs,
    })
    this.linker.installRuntime(this.#runtime)
    this.#doorbell = new Doorbell(this.views, () => this.alive())
    this.#publisher = new Publisher(this.views, this.name, this.cpus)
    signals.register(this.views.memory)
  }

  #writeHeader(): Allocator {
    const { u32, f64 } = this.views
    const { memoryBytes } = this.#options
    const where = regions(memoryBytes, this.cpusPossible)
    const words: Partial<Record<keyof typeof HEADER, number>> = {
      magic: MACHINE_MAGIC,
      memoryBytes,
      cpusPossible: this.cpusPossible,
      tasks: where.tasks,
      trace: where.trace,
      heap: where.heap,
      heapEnd: where.heapEnd,
      user: where.user,
      userEnd: where.userEnd,
      nextPid: FIRST_PID,
    }
    for (const [name, value] of Object.entries(words)) u32[word(HEADER[name as keyof typeof HEADER])] = value
    f64[HEADER.realtimeOffsetNs >>> 3] = Date.now() * NS_PER_MS - this.nowNs()
    for (let cpu = 0; cpu <= this.cpusPossible; cpu++) u32[word(cpuArea(cpu) + CPU.number)] = cpu
    return new Allocator(where.heap, where.heapEnd)
  }

  /** Whether CPU `cpu` may be given work: it is online, or will be at the first need. */
  cpuOnline(cpu: number): boolean {
    return cpu >= 0 && cpu < this.cpus && !this.#isBroken(cpu)
  }

  /** Whether threads run for this machine. */
  get started(): boolean {
    return this.#supervisor !== null
  }

  /** False once the machine shuts down or its supervisor is gone: no wait can succeed any more. */
  alive(): boolean {
    if (this.#closed) return false
    return this.#supervisor?.alive() ?? true
  }

  /**
   * Starts the CPUs unless they run; called by whatever needs one. Blocks until all are online. Throws when they do not
   * start (the threads say why on standard error).
   */
  start(): void {
    if (!this.tryStart()) throw new Error('the CPUs of this machine do not start')
  }

  /** As start(): false when the CPUs do not start. */
  tryStart(): boolean {
    if (this.#supervisor || this.#closed) return true
    for (let cpu = 0; cpu < this.cpus; cpu++) {
      this.#reports.push(new Inbox(new BroadcastChannel(reportName(this.name, cpu)), receiveMessageOnPort))
    }
    this.#supervisor = new SupervisorClient({
      facts: {
        memory: this.views.memory,
        name: this.name,
        runtime: this.#runtime,
        faultPoints: this.faultPoints,
      },
      views: this.views,
      cpus: this.cpus,
      cpuHeapMb: this.#options.cpuHeapMb,
      history: this.#publisher.takeHistory(),
    })
    return this.waitOnline(START_MAX_MS) && !this.#failed
  }

  /** Blocks until every CPU is online, at most `timeoutMs`. Returns whether they are. */
  waitOnline(timeoutMs: number): boolean {
    const { i32 } = this.views
    const online = () => Atomics.load(i32, word(HEADER.cpusOnline)) === this.cpus || this.#failed
    return waitUntil(this.views, HEADER.cpusOnline, online, timeoutMs)
  }

  /** Whether the CPU has been given up because it does not start. */
  #isBroken(cpu: number): boolean {
    return Atomics.load(this.views.i32, word(cpuArea(cpu) + CPU.state)) === CpuState.broken
  }

  get #failed(): boolean {
    if (Atomics.load(this.views.i32, word(HEADER.supervisorState)) === SupervisorState.down) return true
    for (let cpu = 0; cpu < this.cpus; cpu++) if (this.#isBroken(cpu)) return true
    return false
  }

  /** CPUs that are online at this moment: dead ones that are being restarted are not. */
  get cpusOnlineNow(): number {
    const states = Array.from({ length: this.cpus }, (_, cpu) =>
      Atomics.load(this.views.i32, word(cpuArea(cpu) + CPU.state)),
    )
    return states.filter((state) => state === CpuState.online).length
  }

  /** CPU deaths so far. */
  get cpuDeaths(): number {
    return Atomics.load(this.views.i32, word(HEADER.cpuDeaths))
  }

  /** Starts a task on a CPU: see spawnTask(). */
  spawn(program: string | URL, options?: SpawnOptions): Task {
    return spawnTask(this, program, options)
  }

  /** Makes `publication` known to every CPU, those that restart later too. Never waits. */
  publish(publication: Publication): void {
    this.#publisher.publish(publication)
  }

  /** Gives one CPU a command. Starts the CPUs. */
  command(cpu: number, command: CpuCommand): void {
    this.start()
    this.#publisher.command(cpu, command)
  }

  /** Installs the operations of a map shape on every thread; `build` is called when the shape is new to the process. */
  installShape(shape: string, build: () => Uint8Array<ArrayBuffer>): InstalledShape {
    const known = this.#shapes.get(shape)
    if (known) return known
    const module = compileOnce(`map:${shape}:${this.faultPoints}`, build)
    const slot = this.#nextSlot
    this.#nextSlot += MAP_OPS
    const operations = this.linker.installShape(shape, slot, module) as unknown as InstalledShape['operations']
    this.publish({ kind: 'mapOperations', shape, operations: slot, module })
    const installed = { slot, operations }
    this.#shapes.set(shape, installed)
    return installed
  }

  /**
   * Waits until no CPU runs a program that it started before this call; sleeping and dead CPUs are not waited for.
   * Returns false when one did not end within 5 seconds: what it may use must then not be freed.
   */
  synchronize(timeoutMs?: number): boolean {
    return waitGracePeriod(this.views, this.cpus, timeoutMs)
  }

  /** Runs a published program on CPU `cpu` and blocks until it is done. */
  run(cpu: number, request: RunRequest): RunOutcome {
    const error = this.#refuse(cpu, request)
    return error === 0 ? runOnCpu(this.#runner(cpu), cpu, request) : failedRun(error)
  }

  /** The same from the event loop; the process stays alive while it is pending. */
  async runAsync(cpu: number, request: RunRequest): Promise<RunOutcome> {
    const error = this.#refuse(cpu, request)
    return error === 0 ? runOnCpuAsync(this.#runner(cpu), cpu, request) : failedRun(error)
  }

  #refuse(cpu: number, request: RunRequest): number {
    if (!this.cpuOnline(cpu)) return -ENXIO
    if (request.repeat < 1) return -EINVAL
    return this.tryStart() ? 0 : -EIO
  }

  #runner(cpu: number): RunnerHost {
    return {
      views: this.views,
      pending: this.#pendingRuns,
      alive: () => this.alive() && this.cpuOnline(cpu),
      kill: () => void this.control('kill', cpu),
    }
  }

  /** Says that this thread is about to look at what rings its doorbell, and then to wait. Returns what to wait on. */
  prepareWait(): number {
    return this.#doorbell.prepare()
  }

  /** Ends what prepareWait() began. */
  finishWait(): void {
    this.#doorbell.finish()
  }

  /** Blocks until the doorbell has moved from `seen`; a negative timeout is for ever. */
  waitDoorbell(seen: number, timeoutMs: number): WaitOutcome {
    return this.#doorbell.wait(seen, timeoutMs)
  }

  /** The same from the event loop; the process stays alive while it is pending. */
  waitDoorbellAsync(seen: number, timeoutMs: number): Promise<WaitOutcome> {
    return this.#doorbell.waitAsync(seen, timeoutMs)
  }

  /** Wakes CPU `cpu`. */
  ring(cpu: number): void {
    ringCpu(this.views.i32, cpu)
  }

  /** What CPUs have reported since the last call: traps, errors of workloads. */
  reports(): CpuReport[] {
    const reports: CpuReport[] = []
    for (const inbox of this.#reports) inbox.drain((report) => reports.push(report))
    return reports
  }

  /** A control call to the supervisor; blocks. Starts the CPUs. */
  control<M extends keyof SupervisorApi>(
    method: M,
    ...args: Parameters<SupervisorApi[M]>
  ): Awaited<ReturnType<SupervisorApi[M]>> {
    this.start()
    return this.#supervisor!.callSync(method, ...args)
  }

  /** A control call from the event loop. Starts the CPUs. */
  controlAsync<M extends keyof SupervisorApi>(
    method: M,
    ...args: Parameters<SupervisorApi[M]>
  ): Promise<Awaited<ReturnType<SupervisorApi[M]>>> {
    this.start()
    return this.#supervisor!.call(method, ...args)
  }

  /**
   * Ends all CPUs and gives the memory back; blocks until no thread touches it. The promise settles when the threads
   * are gone. May be called again.
   */
  shutdown(): Promise<void> {
    this.#closed ??= this.#shutdown()
    return this.#closed
  }

  /** Has `listener` called when the machine begins to shut down: what it holds in this memory is lost. */
  onShutdown(listener: () => void): void {
    this.#onShutdown.push(listener)
  }

  #shutdown(): Promise<void> {
    for (const listener of this.#onShutdown) listener()
    const { i32 } = this.views
    Atomics.store(i32, word(HEADER.shuttingDown), 1)
    const supervisor = this.#supervisor
    let quiet = true
    if (supervisor) {
      try {
        supervisor.callSync('shutdown')
      } catch {
        // The supervisor has ended, or hangs: terminate() below ends the CPUs' threads with it.
        quiet = false
      }
    }
    const unregistered = signals.unregister(this.views.memory)
    this.#publisher.close()
    for (const inbox of this.#reports) inbox.close()
    const giveBack = () => returnMemory(this.views, this.allocator.highWater)
    if (quiet) giveBack()
    const ended = supervisor ? supervisor.terminate() : Promise.resolve()
    return Promise.all([unregistered, ended]).then(() => {
      if (!quiet) giveBack()
    })
  }
}

/** Boots a machine. Its CPUs start with the first call that needs one. Throws a RangeError for bad options. */
export function boot(options: BootOptions = {}): Machine {
  return new Machine(options)
}
