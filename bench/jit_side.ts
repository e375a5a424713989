/**
 * Our side of the jit rows: a program compiled through the JIT's own entry and run inside its repeat loop on this
 * thread, with maps in a memory laid out as a machine's.
 */
import { type Compiled, compile, type MapFacts, type Mode } from '#lib/jit/compile.js'
import type { LinkedProgram } from '#lib/object/link.js'
import { CPU, cpuArea, HEADER, MAP, MEMORY_MIN_BYTES, PROGRAM_SLOTS, regions, SK_BUFF } from '#shared/layout.js'
import {
  buildOperations,
  initialiseMap,
  MAP_ALIGN,
  type MapAttributes,
  mapBytes,
  mapShape,
} from '#shared/maps/registry.js'
import { alignUp } from '#shared/struct.js'
import { BPF_MAP_TYPE_PROG_ARRAY } from '#shared/uapi/bpf.js'
import { inputPacket, jitImage, linkedProgram, PROG_TYPE_SCHED_CLS } from './jit_input.js'

const WASM_PAGE_BYTES = 65536
/** struct __sk_buff. */
const CONTEXT_BYTES = 192
const CPUS = 1
const FIRST_RUNS = 1000

export type Run = (context: number, contextBytes: number, repeat: number) => number

/** A memory with one CPU area, the packet, its context and the maps of the programs. */
export class JitSide {
  readonly #memory = new WebAssembly.Memory({
    initial: MEMORY_MIN_BYTES / WASM_PAGE_BYTES,
    maximum: MEMORY_MIN_BYTES / WASM_PAGE_BYTES,
    shared: true,
  })
  readonly #views = {
    u8: new Uint8Array(this.#memory.buffer),
    i32: new Int32Array(this.#memory.buffer),
    u32: new Uint32Array(this.#memory.buffer),
  }
  readonly #environment = {
    memory: this.#memory,
    table: new WebAssembly.Table({ element: 'anyfunc', initial: 4096 }),
    programs: new WebAssembly.Table({ element: 'anyfunc', initial: PROGRAM_SLOTS }),
    cpu_area: cpuArea(0),
    cpu: 0,
  }
  readonly #maps = new Map<number, MapFacts>()
  readonly #operations = new Map<string, WebAssembly.Exports>()
  readonly #chains = new Set<string>()
  #free = regions(MEMORY_MIN_BYTES, CPUS).heap
  readonly context: number
  readonly contextBytes = CONTEXT_BYTES

  constructor() {
    const { u8, u32 } = this.#views
    u32[HEADER.cpusPossible / 4] = CPUS
    const packet = inputPacket()
    const data = this.#allocate(packet.length)
    u8.set(packet, data)
    this.context = this.#allocate(CONTEXT_BYTES)
    u32[(this.context + SK_BUFF.data) / 4] = data
    u32[(this.context + SK_BUFF.dataEnd) / 4] = data + packet.length
  }

  #allocate(bytes: number): number {
    const address = alignUp(this.#free, MAP_ALIGN)
    this.#free = address + bytes
    return address
  }

  /** The map of number `index` in the object, made when first asked for. */
  #map(index: number): MapFacts {
    const made = this.#maps.get(index)
    if (made) return made
    const image = jitImage().maps[index]
    const { type, keyBytes, valueBytes, maxEntries, flags } = image
    const attr: MapAttributes = { type, keyBytes, valueBytes, maxEntries, flags }
    const address = this.#allocate(mapBytes(attr, CPUS))
    initialiseMap(this.#views, address, attr, CPUS)
    const values = this.#views.u32[(address + MAP.values) / 4]
    if (image.content) this.#views.u8.set(image.content, values)
    const shape = mapShape(attr)
    const facts: MapFacts = { address, shape, type, keyBytes, valueBytes, maxEntries, flags, values }
    this.#maps.set(index, facts)
    if (!this.#operations.has(shape)) {
      const module = new WebAssembly.Module(buildOperations(attr))
      this.#operations.set(shape, new WebAssembly.Instance(module, { env: this.#environment }).exports)
    }
    return facts
  }

  compile(name: string, linked: LinkedProgram, mode: Mode): Compiled {
    const maps = new Map(linked.mapRefs.map(({ map }) => [map, this.#map(map)]))
    const { insns, subprograms } = linked
    return compile({ name, type: PROG_TYPE_SCHED_CLS, insns, maps, subprograms, mode })
  }

  /** Loads the programs chain_0, chain_1, ... and puts them into the program array `map`. */
  #loadChain(map: number, mode: Mode): void {
    if (this.#chains.has(`${map} ${mode}`)) return
    this.#chains.add(`${map} ${mode}`)
    const { values, maxEntries } = this.#map(map)
    for (let index = 0; index < maxEntries; index++) {
      const id = this.#chains.size * maxEntries + index
      const compiled = this.compile(`chain_${index}`, linkedProgram(`chain_${index}`), mode)
      this.#environment.programs.set(id, this.#exports(compiled).main)
      this.#views.u32[(this.#environment.cpu_area + CPU.programTags) / 4 + id] = id
      this.#views.u32[values / 4 + index * 2] = id
    }
  }

  /** A program ready to run; its program array is filled with programs of the same mode. */
  load(name: string, mode: Mode): Run {
    const linked = linkedProgram(`tc_${name}`)
    for (const { map } of linked.mapRefs)
      if (jitImage().maps[map].type === BPF_MAP_TYPE_PROG_ARRAY) this.#loadChain(map, mode)
    return this.instantiate(this.compile(name, linked, mode))
  }

  instantiate(compiled: Compiled): Run {
    return this.#exports(compiled).run as Run
  }

  #exports(compiled: Compiled): WebAssembly.Exports {
    const maps = Object.fromEntries([...this.#operations].map(([shape, exports]) => [`map:${shape}`, exports]))
    const module = new WebAssembly.Module(compiled.bytes)
    const js = { tail_call_program: () => 0 }
    const imports = { ...maps, js, env: this.#environment } as WebAssembly.Imports
    return new WebAssembly.Instance(module, imports).exports
  }
}

/**
 * Processor time of this process, microseconds: what other processes take meanwhile does not count, as it does not in
 * the kernel's own figures.
 */
export function processorUs(): number {
  const { user, system } = process.cpuUsage()
  return user + system
}

/** One program, ready to be measured. */
export class TimedProgram {
  #repeat = FIRST_RUNS
  retval = 0

  constructor(
    readonly side: JitSide,
    readonly run: Run,
  ) {}

  #ns(repeat: number): number {
    const { context, contextBytes } = this.side
    const startUs = processorUs()
    this.retval = this.run(context, contextBytes, repeat) >>> 0
    return ((processorUs() - startUs) * 1e3) / repeat
  }

  /** Runs until V8's optimised code is in place and the time no longer falls. */
  warmUp(milliseconds: number): void {
    for (let spentMs = 0; spentMs < milliseconds; ) {
      const ns = this.#ns(this.#repeat)
      const ms = (ns * this.#repeat) / 1e6
      spentMs += ms
      if (ms < 20) this.#repeat *= 2
    }
  }

  /** Runs for about `seconds`. @returns mean ns of a run */
  round(seconds: number): number {
    const ns = this.#ns(this.#repeat)
    this.#repeat = Math.max(1, Math.min(1e9, Math.round((seconds * 1e9) / Math.max(ns, 0.1))))
    return this.#ns(this.#repeat)
  }
}
