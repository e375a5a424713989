/** A CPU without threads: hooks record what they are fired with, tasks run on the test's own thread. */
import type { Cpu, Hook } from '#cpu/context.js'
import { Scheduler } from '#cpu/kernel/index.js'
import { claimTask, readComm, reapTask, taskState } from '#shared/kernel/task.js'
import type { Workload } from '#shared/kernel/workload.js'
import { CPU, HEADER, TASK } from '#shared/layout.js'
import type { CpuReport, Publication } from '#shared/messages.js'
import { createHarness, type Harness } from '../helpers/harness.js'

export interface Firing {
  hook: string
  context: Uint8Array
  view: DataView
  address: number
  /** The current task's pid while it fired. */
  pid: number
}

export class FakeCpu implements Cpu {
  readonly harness: Harness
  readonly number: number
  readonly firings: Firing[] = []
  readonly reports: CpuReport[] = []
  readonly rung: number[] = []
  readonly scheduler: Scheduler
  output = ''
  synchronized = 0
  stopping = false
  /** Called at each firing, before it is recorded. */
  onFire: (hook: string, context: number) => void = () => {}
  readonly #hooks = new Map<string, Hook>()
  #listener: (publication: Publication) => void = () => {}

  constructor(number = 3) {
    this.harness = createHarness(number)
    this.number = number
    this.scheduler = new Scheduler(this)
  }

  get area() {
    return this.harness.area
  }
  get views() {
    return this.harness.views
  }
  get runtime() {
    return this.harness.runtime
  }
  nowNs() {
    return this.harness.clock.nowNs
  }
  hook(name: string): Hook {
    let hook = this.#hooks.get(name)
    if (!hook) {
      hook = { name, attached: [] }
      this.#hooks.set(name, hook)
    }
    return hook
  }
  /** Names of all hooks that the kernel holds. */
  hookNames(): string[] {
    return [...this.#hooks.keys()]
  }
  attach(...names: string[]) {
    const program = {
      id: 1,
      name: 'probe',
      type: 0,
      trapMap: { module: '', functions: [], lines: [], subprograms: [] },
      run: () => 0,
    }
    for (const name of names) this.hook(name).attached = [{ link: 1, program, cookie: [0, 0] }]
  }
  synchronize() {
    this.synchronized++
  }
  fire(hook: Hook, address: number, bytes: number): number {
    if (hook.attached.length === 0) return 0
    this.onFire(hook.name, address)
    const context = this.views.u8.slice(address, address + bytes)
    const task = this.views.u32[(this.area + CPU.currentTask) >> 2]
    const pid = task === 0 ? 0 : this.views.u32[(task + TASK.pid) >> 2]
    this.firings.push({ hook: hook.name, context, view: new DataView(context.buffer), address, pid })
    return 0
  }
  onPublication(listener: (publication: Publication) => void) {
    this.#listener = listener
  }
  publish(publication: Publication) {
    this.#listener(publication)
  }
  log(text: string) {
    this.output += text
  }
  report(report: CpuReport) {
    this.reports.push(report)
  }
  ringMain() {
    this.rung.push(-1)
  }
  ringCpu(cpu: number) {
    this.rung.push(cpu)
  }

  /** Claims a slot and sends the start message, as the main thread does. Returns the slot. */
  spawn(url: string, args: string[] = [], options: { comm?: string; uid?: number; exportName?: string } = {}): number {
    const { comm = 'test', uid = 0, exportName = 'default' } = options
    const task = claimTask(this.views, { comm, uid, cpu: this.number })
    const pid = this.views.u32[(task + TASK.pid) >> 2]
    this.scheduler.onSpawn({ kind: 'spawn', task, pid, url, exportName, args })
    return task
  }

  /** Starts a body as a task; the module system sees it under a URL of its own. */
  start(body: Workload, args: string[] = [], options: { comm?: string; uid?: number } = {}): number {
    const url = `test:${++bodies}`
    this.scheduler.modules.define(url, body)
    return this.spawn(url, args, options)
  }

  /** Runs tasks until none can go on, the clock jumping to the next timer. */
  async settle(maxSlices = 10_000): Promise<void> {
    for (let i = 0; i < maxSlices; i++) {
      const loading = this.scheduler.awaiting()
      if (loading) await loading
      if (this.scheduler.runnable()) this.scheduler.slice()
      else {
        const ms = this.scheduler.nextTimerMs()
        if (ms === Number.POSITIVE_INFINITY) return
        this.harness.clock.nowNs += Math.ceil(ms * 1e6)
      }
    }
    throw new Error('the tasks did not settle')
  }

  /** Runs a body to its end; returns its wait status. */
  async run(body: Workload, args: string[] = [], options: { comm?: string; uid?: number } = {}): Promise<number> {
    const slot = this.start(body, args, options)
    await this.settle()
    return reapTask(this.views, slot)
  }

  state(slot: number) {
    return taskState(this.views, slot)
  }
  comm(address: number) {
    return readComm(this.views, address)
  }
  header(field: keyof typeof HEADER) {
    return this.views.u32[HEADER[field] >> 2]
  }
}

let bodies = 0
