/** Runs compiled programs on the test's own thread: a small memory, a table, stub helpers. */
import { type Compiled, type CompileInput, compile } from '#lib/jit/compile.js'
import { CPU, cpuArea, FAULT, MEMORY_MIN_BYTES, PROGRAM_SLOTS, regions } from '#shared/layout.js'
import { describeTrap, type Fault } from '#shared/trap.js'
import { BPF_PROG_TYPE_SYSCALL } from '#shared/uapi/bpf.js'

const WASM_PAGE_BYTES = 65536

export interface Outcome {
  /** r0, all 64 bits. */
  retval: bigint
  /** The trap's description, or null. */
  trap: string | null
}

type Functions = Record<string, (...args: never[]) => unknown>

/** One pseudo CPU: a memory of the smallest size and its only CPU area. */
export class JitMachine {
  readonly memory = new WebAssembly.Memory({
    initial: MEMORY_MIN_BYTES / WASM_PAGE_BYTES,
    maximum: MEMORY_MIN_BYTES / WASM_PAGE_BYTES,
    shared: true,
  })
  readonly table = new WebAssembly.Table({ element: 'anyfunc', initial: 64 })
  readonly programs = new WebAssembly.Table({ element: 'anyfunc', initial: PROGRAM_SLOTS })
  readonly u8 = new Uint8Array(this.memory.buffer)
  readonly view = new DataView(this.memory.buffer)
  readonly area = cpuArea(0)
  /** Free for a test's context, packet and maps. */
  readonly heap = regions(MEMORY_MIN_BYTES, 1).heap

  constructor(readonly functions: Record<string, Functions> = {}) {}

  get fault(): Fault {
    const at = this.area + CPU.fault
    return {
      address: this.view.getBigUint64(at + FAULT.address, true),
      bytes: this.view.getUint32(at + FAULT.bytes, true),
      kind: this.view.getUint32(at + FAULT.kind, true),
    }
  }

  instantiate(compiled: Compiled): (context: number, contextBytes: number, repeat: number) => number {
    return this.exportsOf(compiled).run as (context: number, contextBytes: number, repeat: number) => number
  }

  /** Makes a program's export `main` the target of tail calls. */
  setProgram(id: number, main: WebAssembly.ExportValue): void {
    this.programs.set(id % PROGRAM_SLOTS, main)
    this.view.setUint32(this.area + CPU.programTags + 4 * (id % PROGRAM_SLOTS), id, true)
  }

  exportsOf(compiled: Compiled): WebAssembly.Exports {
    const env: WebAssembly.ModuleImports = {
      memory: this.memory,
      table: this.table,
      programs: this.programs,
      cpu_area: this.area,
      cpu: 0,
    }
    const imports: WebAssembly.Imports = { ...(this.functions as WebAssembly.Imports), env }
    return new WebAssembly.Instance(new WebAssembly.Module(compiled.bytes), imports).exports
  }

  compile(input: Partial<CompileInput> & Pick<CompileInput, 'insns'>): Compiled {
    return compile({ name: 'test', type: BPF_PROG_TYPE_SYSCALL, maps: new Map(), ...input })
  }

  /** Compiles and runs once; `context` is copied to the heap and back. */
  run(input: Partial<CompileInput> & Pick<CompileInput, 'insns'>, context: Uint8Array = new Uint8Array()): Outcome {
    const name = input.name ?? 'test'
    const compiled = this.compile(input)
    const run = this.instantiate(compiled)
    this.u8.set(context, this.heap)
    this.u8.fill(0, this.area + CPU.fault, this.area + CPU.fault + FAULT.$bytes)
    try {
      run(this.heap, context.length, 1)
    } catch (error) {
      if (!(error instanceof WebAssembly.RuntimeError)) throw error
      return { retval: 0n, trap: describeTrap(error, name, compiled.trapMap, this.fault) }
    }
    context.set(this.u8.subarray(this.heap, this.heap + context.length))
    return { retval: this.view.getBigUint64(this.area + CPU.retval, true), trap: null }
  }
}

export function fromHex(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, 'hex'))
}
