/** What the parts of one simulated CPU (one worker thread) share. */
import type { CpuReport, Publication, SpawnMessage, TrapMap } from '../shared/messages.js'
import type { Views } from '../shared/views.js'

export type { Views } from '../shared/views.js'

/** A program instantiated on this CPU. */
export interface LoadedProgram {
  readonly id: number
  readonly name: string
  readonly type: number
  readonly trapMap: TrapMap
  /** Runs the program `repeat` times with r1 = context; returns the last r0's low word. May throw a trap. */
  readonly run: (context: number, contextBytes: number, repeat: number) => number
  /** What tail calls call. */
  readonly main?: WebAssembly.ExportValue
}

/** A program attached to a hook of this CPU. */
export interface AttachedProgram {
  readonly link: number
  readonly program: LoadedProgram
  readonly cookie: [number, number]
}

/** One place where programs can be attached. Held by whoever fires it, so that firing needs no look-up. */
export interface Hook {
  readonly name: string
  attached: readonly AttachedProgram[]
}

export interface Cpu {
  readonly number: number
  /** Address of this CPU's area: see CPU in shared/layout.ts. */
  readonly area: number
  readonly views: Views
  /** CLOCK_MONOTONIC in ns: at most 2^53, exact to about 100 ns. */
  nowNs(): number
  /** The hook of that name, made when new. Programs attached before or after are found alike. */
  hook(name: string): Hook
  /** Catches up with publications when the generation moved. Called by fire() and the scheduler. */
  synchronize(): void
  /**
   * Runs every program attached to `hook` in order with r1 = `context`, inside a read-side section. Returns the last
   * program's r0 low word, 0 with none. A trap ends that program only, and is reported.
   */
  fire(hook: Hook, context: number, contextBytes: number): number
  /** Called for each publication this CPU does not handle itself (executables). */
  onPublication(listener: (publication: Publication) => void): void
  /** Writes text to the process's standard error at once (a worker's console.log waits for the main loop). */
  log(text: string): void
  /** Tells the main thread, which finds it in Machine.reports(). Rare: it posts a message. */
  report(report: CpuReport): void
  /** What the thread's runtime module exports: see shared/runtime. Filled before the first event. */
  readonly runtime: Record<string, WebAssembly.ExportValue>
  /** Wakes the main thread if it sleeps on its doorbell. */
  ringMain(): void
  /** Wakes another CPU, or this one's next sleep. */
  ringCpu(cpu: number): void
  /** True from the moment shutdown begins: long loops of system calls give up. */
  readonly stopping: boolean
}

/**
 * Helpers of the tier `js` by name: pointers, sizes and u32 arguments as numbers; u64 arguments and results in
 * CPU.helperArguments and CPU.helperResult.
 */
export type JsHelpers = Record<string, (...args: number[]) => number>

/**
 * The tasks of one CPU: what its main loop does between events. A task claimed by its sender but no longer in state
 * `claimed` when its message arrives was started by this CPU's predecessor and died with it.
 */
export interface Workloads {
  /** A command to start a task arrived. May be called from within a hook: it only notes the task. */
  onSpawn(message: SpawnMessage): void
  /** Whether a task could go on now. */
  runnable(): boolean
  /** Lets tasks run for a while: one task's time slice, or up to its next blocking call. */
  slice(): void
  /** ms until the next timer is due: 0 when one is, Infinity without any. */
  nextTimerMs(): number
  /** What the main loop has to await before it goes on (a module's import), or null. */
  awaiting(): Promise<unknown> | null
}
