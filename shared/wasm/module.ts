import { MEMORY_MAX_BYTES, MEMORY_MIN_BYTES } from '../layout.js'
import { FunctionBuilder } from './function.js'
import { Op, ValType } from './opcodes.js'
import { Writer } from './writer.js'

const Section = { type: 1, import: 2, function: 3, export: 7, code: 10, custom: 0 } as const
const NameSubsection = { module: 0, functions: 1 } as const
const ExternalKind = { function: 0, table: 1, memory: 2, global: 3 } as const
const FUNC_TYPE = 0x60
export const WASM_PAGE_BYTES = 65536
const LIMITS_SHARED = 3

export interface BuiltModule {
  bytes: Uint8Array<ArrayBuffer>
  /**
   * For each defined function, by index in the module's function space: the offset in `bytes` of its first
   * instruction, which is what the offsets of a trap's stack frames count from 0.
   */
  codeOffsets: Map<number, number>
}

interface Import {
  module: string
  name: string
  kind: number
  describe: (out: Writer) => void
}

/**
 * Assembles a WebAssembly module over the machine's shared memory. All imports come before the first function,
 * because they share one index space.
 */
export class ModuleBuilder {
  readonly #types: string[] = []
  readonly #typeBytes: [readonly ValType[], readonly ValType[]][] = []
  readonly #imports: Import[] = []
  readonly #importedFunctions = new Map<string, number>()
  readonly #importedGlobals = new Map<string, number>()
  #importedTables = 0
  readonly #functions: FunctionBuilder[] = []
  readonly #exports: [string, number][] = []

  /** V8 puts `name` into the URL of the module's stack frames: wasm://wasm/NAME-HASH. */
  constructor(readonly name = '') {}

  /** Index of the function type, shared by equal signatures. */
  type(params: readonly ValType[], results: readonly ValType[]): number {
    const key = `${params.join()}:${results.join()}`
    const known = this.#types.indexOf(key)
    if (known >= 0) return known
    this.#types.push(key)
    this.#typeBytes.push([params, results])
    return this.#types.length - 1
  }

  #import(entry: Import): void {
    if (this.#functions.length > 0 && entry.kind === ExternalKind.function) {
      throw new Error(`import ${entry.module}.${entry.name} after the first function`)
    }
    this.#imports.push(entry)
  }

  /** Declares the shared memory `env.memory`, with limits that every machine's memory meets. */
  importMemory(): void {
    const describe = (out: Writer) => {
      out.u8(LIMITS_SHARED)
      out.u32(MEMORY_MIN_BYTES / WASM_PAGE_BYTES)
      out.u32(MEMORY_MAX_BYTES / WASM_PAGE_BYTES)
    }
    this.#import({ module: 'env', name: 'memory', kind: ExternalKind.memory, describe })
  }

  /** Index of the table. */
  importTable(module: string, name: string): number {
    const describe = (out: Writer) => {
      out.u8(ValType.funcref)
      out.u8(0)
      out.u32(0)
    }
    this.#import({ module, name, kind: ExternalKind.table, describe })
    return this.#importedTables++
  }

  /** An immutable global; asking twice for the same one gives the same index. */
  importGlobal(module: string, name: string, type: ValType): number {
    const key = `${module}.${name}`
    const known = this.#importedGlobals.get(key)
    if (known !== undefined) return known
    const index = this.#importedGlobals.size
    this.#importedGlobals.set(key, index)
    const describe = (out: Writer) => {
      out.u8(type)
      out.u8(0)
    }
    this.#import({ module, name, kind: ExternalKind.global, describe })
    return index
  }

  /** Asking twice for the same function gives the same index. */
  importFunction(module: string, name: string, params: readonly ValType[], results: readonly ValType[]): number {
    const key = `${module}.${name}`
    const known = this.#importedFunctions.get(key)
    if (known !== undefined) return known
    const type = this.type(params, results)
    const index = this.#importedFunctions.size
    this.#importedFunctions.set(key, index)
    this.#import({ module, name, kind: ExternalKind.function, describe: (out) => out.u32(type) })
    return index
  }

  /** Every import the instance must be given: [module, name]. */
  get imports(): [string, string][] {
    return this.#imports.map((entry) => [entry.module, entry.name])
  }

  function(name: string, params: readonly ValType[], results: readonly ValType[]): FunctionBuilder {
    const builder = new FunctionBuilder(name, this.#importedFunctions.size + this.#functions.length, params, results)
    this.type(params, results)
    this.#functions.push(builder)
    return builder
  }

  export(name: string, fn: FunctionBuilder): void {
    this.#exports.push([name, fn.index])
  }

  build(): BuiltModule {
    const out = new Writer(4096)
    out.bytes(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0))
    this.#section(out, Section.type, this.#typeSection())
    this.#section(out, Section.import, this.#importSection())
    const functions = new Writer()
    functions.u32(this.#functions.length)
    for (const fn of this.#functions) functions.u32(this.type(fn.paramTypes, fn.resultTypes))
    this.#section(out, Section.function, functions)
    const exports = new Writer()
    exports.u32(this.#exports.length)
    for (const [name, index] of this.#exports) {
      exports.text(name)
      exports.u8(ExternalKind.function)
      exports.u32(index)
    }
    this.#section(out, Section.export, exports)
    const codeOffsets = this.#codeSection(out)
    this.#section(out, Section.custom, this.#nameSection())
    return { bytes: out.view().slice(), codeOffsets }
  }

  #section(out: Writer, id: number, body: Writer): void {
    out.u8(id)
    out.u32(body.length)
    out.bytes(body.view())
  }

  #typeSection(): Writer {
    const types = new Writer()
    types.u32(this.#typeBytes.length)
    for (const [params, results] of this.#typeBytes) {
      types.u8(FUNC_TYPE)
      types.u32(params.length)
      for (const type of params) types.u8(type)
      types.u32(results.length)
      for (const type of results) types.u8(type)
    }
    return types
  }

  #importSection(): Writer {
    const imports = new Writer()
    imports.u32(this.#imports.length)
    for (const entry of this.#imports) {
      imports.text(entry.module)
      imports.text(entry.name)
      imports.u8(entry.kind)
      entry.describe(imports)
    }
    return imports
  }

  #codeSection(out: Writer): Map<number, number> {
    const offsets = new Map<number, number>()
    const body = new Writer(4096)
    body.u32(this.#functions.length)
    for (const fn of this.#functions) {
      if (fn.depth !== 0) throw new Error(`${fn.name}: ${fn.depth} blocks left open`)
      const head = new Writer(16)
      writeLocals(head, fn.localTypes)
      body.u32(head.length + fn.length + 1)
      body.bytes(head.view())
      offsets.set(fn.index, body.length)
      body.bytes(fn.view())
      body.u8(Op.end)
    }
    out.u8(Section.code)
    out.u32(body.length)
    for (const [index, offset] of offsets) offsets.set(index, offset + out.length)
    out.bytes(body.view())
    return offsets
  }

  /** Function names, so that stack traces and disassembly read well. */
  #nameSection(): Writer {
    const names = new Writer()
    names.text('name')
    if (this.name !== '') {
      const own = new Writer()
      own.text(this.name)
      names.u8(NameSubsection.module)
      names.u32(own.length)
      names.bytes(own.view())
    }
    const functions = new Writer()
    functions.u32(this.#functions.length)
    for (const fn of this.#functions) {
      functions.u32(fn.index)
      functions.text(fn.name)
    }
    names.u8(NameSubsection.functions)
    names.u32(functions.length)
    names.bytes(functions.view())
    return names
  }
}

/** Locals in runs of one type, as the format wants them. */
function writeLocals(out: Writer, types: readonly ValType[]): void {
  const runs: [number, ValType][] = []
  for (const type of types) {
    const last = runs.at(-1)
    if (last && last[1] === type) last[0]++
    else runs.push([1, type])
  }
  out.u32(runs.length)
  for (const [count, type] of runs) {
    out.u32(count)
    out.u8(type)
  }
}
