/** What the system calls of one CPU work with. */
import type { Cpu } from '../context.js'
import { SchedEvents } from './events.js'
import { FileSystem } from './files.js'
import { Modules } from './modules.js'
import { Probes } from './probes.js'
import type { CallRequest } from './sys.js'
import type { KernelTask } from './task.js'
import { builtinWorkloads } from './workloads/index.js'

/** What a call returns instead of a result when the task sleeps, or is no more. */
export const BLOCKED = -0x7ffffffe
export const GONE = -0x7fffffff

/** Carries out one system call: a result, BLOCKED or GONE. */
export type Call = (kernel: Kernel, task: KernelTask, call: CallRequest) => number

/** What calls about tasks ask of the scheduler. */
export interface TaskTable {
  readonly tasks: readonly KernelTask[]
  /** Puts a new task behind the running ones. */
  add(task: KernelTask): void
  /** Ends a task: its wait status is exit code << 8 | signal. */
  end(task: KernelTask, status: number): void
  /** A new child leaves the kernel, by the end of the call that made it. */
  leaveFork(child: KernelTask): void
  /** Wakes a sleeping task, whose call then returns `result`. */
  wake(task: KernelTask, result: number): void
}

const decoder = new TextDecoder()

export class Kernel {
  readonly probes: Probes
  readonly events: SchedEvents
  readonly files: FileSystem
  readonly modules = new Modules()

  constructor(
    readonly cpu: Cpu,
    readonly table: TaskTable,
  ) {
    this.probes = new Probes(cpu)
    this.events = new SchedEvents(cpu)
    this.files = new FileSystem((bytes) => cpu.log(decoder.decode(bytes.slice())))
    for (const [name, body] of Object.entries(builtinWorkloads)) {
      const url = `builtin:${name}`
      this.modules.define(url, body)
      this.files.addExecutable(`/bin/${name}`, url)
    }
    cpu.onPublication((publication) => {
      if (publication.kind === 'executable') this.files.addExecutable(publication.path, publication.url)
    })
  }
}
