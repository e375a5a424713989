/** A loaded program inside the kernel, and the open files that lead to it. */
import type { MapFacts } from '../jit/input.js'
import { OpenFile } from './files.js'
import type { Kernel } from './kernel.js'
import type { MapObject } from './map_object.js'

export interface ProgramFacts {
  readonly name: string
  readonly type: number
  readonly expectedAttachType: number
  readonly gplCompatible: boolean
  /** As handed to BPF_PROG_LOAD. */
  readonly insns: Uint8Array
  /** Maps that the instructions refer to, each once; the program holds a reference on each. */
  readonly maps: readonly MapObject[]
  /** The same maps by what the instructions name them. */
  readonly mapsByFd: ReadonlyMap<number, MapFacts>
  readonly mapsByIndex: readonly (MapFacts | undefined)[]
  /** Source line of an instruction, and names of functions by their first instruction; both sorted. */
  readonly lines: readonly (readonly [number, string])[]
  readonly subprograms: readonly (readonly [number, string])[]
  /** Nanoseconds of CLOCK_MONOTONIC at the load. */
  readonly loadTimeNs: number
}

export class ProgramObject {
  readonly id: number
  #references = 0

  constructor(
    readonly kernel: Kernel,
    readonly facts: ProgramFacts,
  ) {
    for (const map of facts.maps) map.get()
    this.id = kernel.programs.allocate(this)
  }

  get references(): number {
    return this.#references
  }

  get(): this {
    this.#references++
    return this
  }

  put(): void {
    if (--this.#references > 0) return
    this.kernel.programs.free(this.id)
    this.kernel.machine.publish({ kind: 'unload', program: this.id })
    this.kernel.retire(() => {
      for (const map of this.facts.maps) map.put()
    })
  }
}

export class ProgramFile extends OpenFile {
  readonly kind = 'program'

  constructor(readonly program: ProgramObject) {
    super()
    program.get()
  }

  protected released(): void {
    this.program.put()
  }
}
