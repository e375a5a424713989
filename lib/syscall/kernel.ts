/** The state that bpf(2) works on: one per machine. */
import type { Machine } from '../machine/machine.js'
import { FileTable } from './files.js'
import { IdTable } from './ids.js'
import type { LinkObject } from './link_object.js'
import type { MapObject } from './map_object.js'
import type { ProgramObject } from './program_object.js'

/** Descriptors, objects by id, and what waits for a grace period. */
export class Kernel {
  readonly files = new FileTable()
  readonly maps = new IdTable<MapObject>()
  readonly programs = new IdTable<ProgramObject>()
  readonly links = new IdTable<LinkObject>()
  /** Perf event ids, as PERF_RECORD_LOST carries them. */
  readonly perfEvents = new IdTable<object>()
  readonly #retired: (() => void)[] = []

  /** True once the machine is shut down: its memory is another's, and nothing may be done any more. */
  closed = false

  constructor(readonly machine: Machine) {}

  /** The machine shuts down: every descriptor is gone, and the memory behind them with it. */
  abandon(): void {
    this.closed = true
    this.files.clear()
    this.#retired.length = 0
  }

  /** Has `free` called after a grace period: what it frees, a running program may still use. */
  retire(free: () => void): void {
    this.#retired.push(free)
  }

  /** Ends a system call that took something away: one grace period for all of it. */
  settle(): void {
    while (this.#retired.length > 0) {
      // A program that does not end may use what it has found: nothing is freed under it, a later call tries again.
      if (!this.machine.synchronize()) return
      for (const free of this.#retired.splice(0)) free()
    }
  }

  /** close(2): 0 or -EBADF. */
  close(fd: number): number {
    const result = this.files.close(fd)
    this.settle()
    return result
  }
}
