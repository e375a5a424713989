import { CPU, MAP_OPS, MapOp, PROGRAM_SLOTS } from '../layout.js'
import { type Views, word } from '../views.js'

/** Slots of a thread's function table at its start; it grows with the shapes of maps. */
export const TABLE_SLOTS = 4096

type Exports = Record<string, WebAssembly.ExportValue>

export interface LinkerOptions {
  views: Views
  /** This thread's CPU area: CPU.* words that its programs and helpers use. */
  area: number
  /** This thread as the owner of a lock. */
  writer: number
  nowNs: () => number
  faultPoint?: (id: number) => void
  /** Helpers implemented in JavaScript, by name. */
  helpers?: Record<string, (...args: number[]) => number>
}

/**
 * Instantiates modules in one thread: the helpers' runtime, the operations of map shapes into the function table,
 * programs. See the import names in each module's builder: env, runtime, js and map:<shape>.
 */
export class Linker {
  readonly table: WebAssembly.Table
  /** Main functions of programs, for tail calls; CPU.programTags says which. */
  readonly #programs: WebAssembly.Table
  readonly #tags: Uint32Array
  readonly #imports: Record<string, Record<string, WebAssembly.ImportValue>>

  constructor(options: LinkerOptions) {
    this.table = new WebAssembly.Table({ element: 'anyfunc', initial: TABLE_SLOTS })
    this.#programs = new WebAssembly.Table({ element: 'anyfunc', initial: PROGRAM_SLOTS })
    const tags = word(options.area + CPU.programTags)
    this.#tags = options.views.u32.subarray(tags, tags + PROGRAM_SLOTS).fill(0)
    const constant = (value: number) => new WebAssembly.Global({ value: 'i32', mutable: false }, value)
    this.#imports = {
      env: {
        memory: options.views.memory,
        table: this.table,
        programs: this.#programs,
        cpu_area: constant(options.area),
        cpu: constant(options.writer),
        now: options.nowNs,
        fault_point: options.faultPoint ?? (() => {}),
      },
      js: options.helpers ?? {},
      runtime: {},
    }
  }

  /** Instantiates the runtime: its exports are what programs import as `runtime`. */
  installRuntime(module: WebAssembly.Module): Exports {
    const { exports } = new WebAssembly.Instance(module, this.#imports)
    this.#imports.runtime = exports as Exports
    return exports
  }

  /** Puts the operations of a map shape into the table at `operations`; a shape installed before is left alone. */
  installShape(shape: string, operations: number, module: WebAssembly.Module): Exports {
    const key = `map:${shape}`
    const known = this.#imports[key]
    if (known) return known as Exports
    const exports = new WebAssembly.Instance(module, this.#imports).exports as Exports
    const missing = operations + MAP_OPS - this.table.length
    if (missing > 0) this.table.grow(Math.max(missing, TABLE_SLOTS))
    for (const [name, slot] of Object.entries(MapOp)) {
      const operation = exports[name]
      if (typeof operation === 'function') this.table.set(operations + slot, operation)
    }
    this.#imports[key] = exports
    return exports
  }

  /** The exported operations of an installed shape. */
  shape(shape: string): Exports | undefined {
    return this.#imports[`map:${shape}`] as Exports | undefined
  }

  /** Makes a program's main function the target of tail calls. */
  setProgram(id: number, main: WebAssembly.ExportValue): void {
    const slot = id % PROGRAM_SLOTS
    this.#programs.set(slot, main)
    this.#tags[slot] = id
  }

  /** Forgets a program that setProgram() put in. */
  clearProgram(id: number): void {
    const slot = id % PROGRAM_SLOTS
    if (this.#tags[slot] !== id) return
    this.#tags[slot] = 0
    this.#programs.set(slot, null)
  }

  /** A helper written in JavaScript. */
  helper(name: string): ((...args: number[]) => number) | undefined {
    return this.#imports.js[name] as ((...args: number[]) => number) | undefined
  }

  get runtime(): Exports {
    return this.#imports.runtime as Exports
  }

  instantiate(module: WebAssembly.Module): Exports {
    return new WebAssembly.Instance(module, this.#imports).exports as Exports
  }
}
