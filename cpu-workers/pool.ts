import { MessageChannel, type MessagePort, type Worker } from 'node:worker_threads'
import { Piscina } from 'piscina'
import type { PublicationLog } from '../shared/control/log.js'
import type { CpuRequest, CpuTask, MachineFacts } from '../shared/control/protocol.js'
import { CPU, CpuState, cpuArea, HEADER } from '../shared/layout.js'
import { type Views, word } from '../shared/views.js'
import { obituary, supervisorObituary } from './obituary.js'
import { buryCpu, giveUpCpu } from './recovery.js'

/** A CPU that dies this often in a row before it is online is given up. */
const FAILED_STARTS_MAX = 8
/** Pause before starting a CPU again that did not even come online, times the failures so far. */
const RETRY_MS = 20

export interface CpuPoolOptions {
  facts: MachineFacts
  views: Views
  cpus: number
  cpuHeapMb: number
  /** Brings the log up to date with everything published so far. */
  drain: () => void
  log: PublicationLog
  recoverLocks: (area: number) => boolean
}

/**
 * The CPUs as tasks of one Piscina pool. A task that settles in any way, but for a shutdown, is a dead CPU: its thread
 * is ended, what it left is put in order, and it starts anew.
 */
export class CpuPool {
  readonly #options: CpuPoolOptions
  readonly #pool: Piscina
  readonly #threads = new Map<number, Worker>()
  readonly #failedStarts: number[]
  readonly #running: Promise<void>[] = []
  /** Burials and starts go one at a time, so that no CPU is given a thread that is about to end. */
  #turn: Promise<void> = Promise.resolve()

  constructor(options: CpuPoolOptions) {
    this.#options = options
    this.#failedStarts = new Array(options.cpus).fill(0)
    this.#pool = new Piscina({
      filename: new URL('./cpu.js', import.meta.url).href,
      name: 'runCpu',
      minThreads: options.cpus,
      maxThreads: options.cpus,
      concurrentTasksPerWorker: 1,
      idleTimeout: Number.POSITIVE_INFINITY,
      atomics: 'disabled',
      recordTiming: false,
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: options.cpuHeapMb },
    })
    this.#pool.on('workerCreate', () => this.#noteThreads())
    this.#pool.on('error', supervisorObituary)
    this.#noteThreads()
    for (let cpu = 0; cpu < options.cpus; cpu++) this.#start(cpu)
  }

  get #stopping(): boolean {
    return Atomics.load(this.#options.views.i32, word(HEADER.shuttingDown)) !== 0
  }

  #noteThreads(): void {
    for (const thread of this.#pool.threads) {
      const id = thread.threadId
      if (id < 0 || this.#threads.has(id)) continue
      this.#threads.set(id, thread)
      thread.once('exit', () => this.#threads.delete(id))
    }
  }

  #threadOf(cpu: number): Worker | undefined {
    return this.#threads.get(Atomics.load(this.#options.views.i32, word(cpuArea(cpu) + CPU.thread)))
  }

  /** Terminates the thread that is the CPU. Returns whether there was one. */
  kill(cpu: number): boolean {
    this.#noteThreads()
    const thread = this.#threadOf(cpu)
    if (!thread) return false
    void thread.terminate()
    return true
  }

  #start(cpu: number): void {
    const { views, facts } = this.#options
    const area = cpuArea(cpu)
    Atomics.add(views.i32, word(area + CPU.incarnation), 1)
    Atomics.store(views.i32, word(area + CPU.state), CpuState.starting)
    const { port1, port2 } = new MessageChannel()
    port1.on('message', (request: CpuRequest) => this.#answer(cpu, port1, request))
    const task: CpuTask<MessagePort> = { ...facts, cpu, port: port2 }
    this.#running[cpu] = this.#pool.run(task, { transferList: [port2] }).then(
      () => this.#settled(cpu, port1),
      () => this.#settled(cpu, port1),
    )
  }

  #answer(cpu: number, port: MessagePort, request: CpuRequest): void {
    if (request.kind === 'terminateMe') {
      this.kill(cpu)
      return
    }
    this.#options.drain()
    port.postMessage(this.#options.log.snapshot(cpu))
  }

  #settled(cpu: number, port: MessagePort): Promise<void> {
    port.close()
    if (this.#stopping) return Promise.resolve()
    const buried = this.#turn.then(() => this.#bury(cpu))
    this.#turn = buried.catch((error) => obituary(cpu, error))
    return this.#turn
  }

  async #bury(cpu: number): Promise<void> {
    const { views, recoverLocks } = this.#options
    this.#noteThreads()
    const area = cpuArea(cpu)
    const wasOnline = Atomics.load(views.i32, word(area + CPU.state)) === CpuState.online
    await this.#threadOf(cpu)?.terminate()
    if (this.#stopping) return
    buryCpu(views, cpu, recoverLocks)
    this.#failedStarts[cpu] = wasOnline ? 0 : this.#failedStarts[cpu] + 1
    const failures = this.#failedStarts[cpu]
    if (failures > FAILED_STARTS_MAX) {
      giveUpCpu(views, cpu)
      return
    }
    if (failures > 0) await new Promise((resolve) => setTimeout(resolve, RETRY_MS * failures))
    if (!this.#stopping) this.#start(cpu)
  }

  /** Waits for the CPUs to see HEADER.shuttingDown, at most `timeoutMs`, then ends their threads. */
  async close(timeoutMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const patience = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, timeoutMs)
    })
    await Promise.race([Promise.all(this.#running), patience])
    clearTimeout(timer)
    await this.#turn
    await this.#pool.destroy()
  }
}
