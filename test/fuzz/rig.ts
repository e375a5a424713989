/** One machine with one array map, on which a program runs compiled or interpreted from the same initial state. */
import { type CompileInput, JitError, type MapFacts, type Mode } from '#lib/jit/compile.js'
import { CPU, FRAME_BYTES, FRAMES_MAX, HEADER, MAP } from '#shared/layout.js'
import { buildOperations, initialiseMap, type MapAttributes, mapShape } from '#shared/maps/registry.js'
import { BPF_MAP_TYPE_ARRAY, BPF_PROG_TYPE_SOCKET_FILTER } from '#shared/uapi/bpf.js'
import { MAP_FD, VALUE_BYTES } from '#test/fuzz/generate.js'
import { JitMachine } from '#test/jit/harness.js'
import { type HelperFunction, interpret } from '#test/jit/interpret.js'

/** What a run leaves: all of r0, the map's value, the stack of all frames; or why it did not end. */
export interface Outcome {
  readonly r0: bigint
  readonly value: Uint8Array
  readonly stack: Uint8Array
  readonly failure: string | null
}

const CONTEXT_BYTES = 24
const STACK_BYTES = FRAMES_MAX * FRAME_BYTES
const attr: MapAttributes = { type: BPF_MAP_TYPE_ARRAY, keyBytes: 4, valueBytes: VALUE_BYTES, maxEntries: 1, flags: 0 }
const MAP_OFFSET = 65536
/** Instructions that an interpreted program may take. */
const STEPS_MAX = 2_000_000
const LOOPS_MAX = 8 * 1024 * 1024
const U32_MASK = 0xffffffffn
const E2BIG = 7n
const EINVAL = 22n

type Functions = Record<string, Record<string, (...args: never[]) => unknown>>

export class Rig {
  readonly machine: JitMachine
  readonly map: MapFacts
  readonly #functions: Functions = {}

  constructor() {
    this.machine = new JitMachine(this.#functions)
    const { memory, heap, view, u8 } = this.machine
    view.setUint32(HEADER.cpusPossible, 1, true)
    const address = heap + MAP_OFFSET
    initialiseMap(
      { u8, i32: new Int32Array(memory.buffer), u32: new Uint32Array(memory.buffer) },
      address,
      { ...attr },
      1,
    )
    const shape = mapShape(attr)
    const module = new WebAssembly.Module(buildOperations(attr))
    const env = { memory, cpu: 0, cpu_area: this.machine.area, table: this.machine.table }
    const exports = new WebAssembly.Instance(module, { env }).exports
    this.#functions[`map:${shape}`] = exports as unknown as Functions[string]
    const { keyBytes, valueBytes, maxEntries, flags, type } = attr
    const values = view.getUint32(address + MAP.values, true)
    this.map = { address, shape, type, keyBytes, valueBytes, maxEntries, flags, values }
  }

  get #stack(): number {
    return this.machine.area + CPU.stack
  }

  /** Everything a program can see, as it was for the others. */
  #reset(initial: Uint8Array): void {
    const { u8, area, heap } = this.machine
    u8.fill(0, area + CPU.stack, area + CPU.stack + STACK_BYTES)
    u8.fill(0, heap, heap + CONTEXT_BYTES)
    u8.set(initial, this.map.values)
  }

  #outcome(r0: bigint, failure: string | null): Outcome {
    const { u8, area } = this.machine
    const stack = u8.slice(area + CPU.stack, area + CPU.stack + STACK_BYTES)
    return { r0, value: u8.slice(this.map.values, this.map.values + VALUE_BYTES), stack, failure }
  }

  compiled(insns: Uint8Array, initial: Uint8Array, mode: Mode, partInsns?: number): Outcome {
    this.#reset(initial)
    const input: CompileInput = {
      name: 'fuzz',
      type: BPF_PROG_TYPE_SOCKET_FILTER,
      insns,
      maps: new Map([[MAP_FD, this.map]]),
      mode,
      partInsns,
    }
    try {
      const { retval, trap } = this.machine.run(input, new Uint8Array(CONTEXT_BYTES))
      return this.#outcome(retval, trap)
    } catch (error) {
      if (error instanceof JitError || error instanceof WebAssembly.CompileError)
        return this.#outcome(0n, error.message)
      throw error
    }
  }

  interpreted(insns: Uint8Array, initial: Uint8Array): Outcome {
    this.#reset(initial)
    try {
      const constant = (_insn: number, source: number, _low: number, high: number): bigint =>
        BigInt(source === 2 ? this.map.values + high : this.map.address)
      const regions = [
        [this.#stack, this.#stack + STACK_BYTES],
        [this.map.values, this.map.values + VALUE_BYTES],
      ] as const
      const done = interpret(this.machine, insns, { helpers: this.#helpers, constant, regions, limit: STEPS_MAX })
      return done ? this.#outcome(done.registers[0], null) : this.#outcome(0n, 'does not end')
    } catch (error) {
      return this.#outcome(0n, error instanceof Error ? error.message : String(error))
    }
  }

  readonly #helpers: Record<number, HelperFunction> = {
    1: ([map, key]) => {
      const at = Number(key) - this.#stack
      if (map !== BigInt(this.map.address) || at < 0 || at + 4 > STACK_BYTES) throw new Error('wrong arguments')
      return this.machine.view.getUint32(Number(key), true) === 0 ? BigInt(this.map.values) : 0n
    },
    181: ([times, callback, context, flags], program) => {
      if (flags !== 0n) return -EINVAL
      const rounds = times & U32_MASK
      if (rounds > BigInt(LOOPS_MAX)) return -E2BIG
      for (let n = 0n; n < rounds; n++) if (program.callFunction(callback, [n, context]) !== 0n) return n + 1n
      return rounds
    },
  }
}

const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0

/** In which respect two outcomes differ, or null. Failures are compared by their being there. */
export function difference(a: Outcome, b: Outcome): string | null {
  if ((a.failure === null) !== (b.failure === null)) return `${a.failure ?? 'ends'} against ${b.failure ?? 'ends'}`
  if (a.failure !== null) return null
  if (a.r0 !== b.r0) return `r0 is 0x${a.r0.toString(16)} against 0x${b.r0.toString(16)}`
  if (!same(a.value, b.value)) return `the map: ${firstChange(a.value, b.value)}`
  return same(a.stack, b.stack) ? null : `the stack: ${firstChange(a.stack, b.stack)}`
}

export function firstChange(a: Uint8Array, b: Uint8Array): string {
  const at = a.findIndex((byte, n) => byte !== b[n]) & ~7
  const hex = (bytes: Uint8Array) => Buffer.from(bytes.subarray(at, at + 8)).toString('hex')
  return `${hex(a)} against ${hex(b)} at byte ${at}`
}
