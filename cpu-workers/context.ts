/** What the parts of one simulated CPU (one worker thread) share. */
import type { Publication, TrapMap } from '../shared/messages.js'

/** The machine's memory, seen from this thread. Views never go stale: the memory never grows. */
export interface Views {
  readonly memory: WebAssembly.Memory
  readonly u8: Uint8Array
  readonly i32: Int32Array
  readonly u32: Uint32Array
  readonly f64: Float64Array
  readonly u64: BigUint64Array
  readonly data: DataView
}

/** A program instantiated on this CPU. */
export interface LoadedProgram {
  readonly id: number
  readonly name: string
  readonly type: number
  readonly trapMap: TrapMap
  /** Runs the program `repeat` times with r1 = context; returns the last r0's low word. May throw a trap. */
  readonly run: (context: number, contextBytes: number, repeat: number) => number
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
}
