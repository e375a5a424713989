/**
 * A machine whose CPUs are all busy with what a dead CPU could damage: every system call of a dd on each CPU runs a
 * program that updates and deletes in one shared hash table and writes to its CPU's perf ring.
 */
import { boot, type Machine } from '#lib/machine/machine.js'
import type { Task } from '#lib/machine/task.js'
import { PAGE_BYTES, PERF_RING } from '#shared/layout.js'
import { buildOperations, initialiseMap, type MapAttributes, mapBytes, mapTypeOf } from '#shared/maps/registry.js'
import { PerfReader } from '#shared/rings/consumer.js'
import { initialisePerfRing, mapPerfRing, perfRingCounters } from '#shared/rings/perf_ring.js'
import { BPF_MAP_TYPE_HASH, BPF_MAP_TYPE_PERF_EVENT_ARRAY } from '#shared/uapi/bpf.js'
import { PERF_COUNT_SW_BPF_OUTPUT, PERF_SAMPLE_RAW } from '#shared/uapi/perf_event.js'
import { word } from '#shared/views.js'
import { call, define, drop, globalGet, I32, I64, i32, i64, seq, set, when } from '#shared/wasm/dsl.js'
import { ModuleBuilder } from '#shared/wasm/module.js'
import { censusOfHash } from '#test/maps/invariants.js'

const HASH: MapAttributes = { type: BPF_MAP_TYPE_HASH, keyBytes: 4, valueBytes: 16, maxEntries: 64, flags: 0 }
const RING_PAGES = 8
const MAP_ALIGN = 64
const PROGRAM = 1
/** Keys in use: about as many as the map has room for, so that both a full and an empty free list occur. */
const KEYS = 96
const DELETE_EVERY = 3
/** One line of memory for each CPU: what the program gives to the helpers. */
const LINE_BYTES = 64
const Line = { sequence: 0, check: 4, cpu: 8, key: 16 } as const
const SAMPLE_BYTES = 12
const BPF_F_CURRENT_CPU = [-1, 0] as const
const MEMORY_BYTES = 64 * 1024 * 1024
const QUIET_MS = 5000
/** Checks a sample against its sequence number. */
const CHECK = 0x5bd1e995

/** run(): counts in its CPU's line, updates or deletes a key that follows from the count, outputs the line's head. */
function buildProgram(shape: string, hash: number, events: number, lines: number): WebAssembly.Module {
  const module = new ModuleBuilder()
  module.importMemory()
  const cpu = globalGet(module.importGlobal('env', 'cpu', I32))
  const update = module.importFunction(`map:${shape}`, 'update', [I32, I32, I32, I32], [I32])
  const remove = module.importFunction(`map:${shape}`, 'delete', [I32, I32], [I32])
  const output = module.importFunction('runtime', 'bpf_perf_event_output', [I32, I32, I64, I32, I32], [I32])
  const run = define(module, 'run', [I32, I32, I32], [I32], ([context], local) => {
    const line = local(I32)
    const count = local(I32)
    const key = i32.add(line, Line.key)
    return seq(
      set(line, i32.add(lines, i32.mul(cpu, LINE_BYTES))),
      set(count, i32.add(i32.load(line, Line.sequence), 1)),
      i32.store(line, count, Line.sequence),
      i32.store(line, i32.mul(count, CHECK), Line.check),
      i32.store(line, cpu, Line.cpu),
      i32.store(key, i32.remU(i32.add(i32.mul(count, 7), i32.mul(cpu, 13)), KEYS)),
      when(i32.remU(count, DELETE_EVERY), drop(call(update, hash, key, line, 0)), drop(call(remove, hash, key))),
      call(output, context!, events, i64.const(...BPF_F_CURRENT_CPU), line, SAMPLE_BYTES),
    )
  })
  module.export('run', run)
  return new WebAssembly.Module(module.build().bytes)
}

/** What arrived from one CPU's ring. */
interface Received {
  ring: number
  reader: PerfReader
  samples: number
  lost: number
  last: number
}

export class KillRig {
  readonly machine: Machine
  readonly problems: string[] = []
  readonly #hash: number
  readonly #received: Received[] = []
  readonly #tasks: (Task | null)[]

  constructor(cpus: number) {
    this.machine = boot({ cpus, memoryBytes: MEMORY_BYTES, faultPoints: true, cpuHeapMb: 32 })
    this.#tasks = new Array(cpus).fill(null)
    this.#hash = this.#map(HASH)
    const events = this.#perfMap(cpus)
    const lines = this.#zeroed(LINE_BYTES * cpus, LINE_BYTES)
    const shape = mapTypeOf(HASH.type)!.shape(HASH)
    const module = buildProgram(shape, this.#hash, events, lines)
    const trapMap = { module: '', functions: [], lines: [], subprograms: [] }
    this.machine.publish({
      kind: 'program',
      program: PROGRAM,
      name: 'busy',
      type: 1,
      module,
      shapes: [shape],
      trapMap,
    })
    this.machine.publish({ kind: 'attach', link: 1, hook: 'raw_tp:sys_enter', program: PROGRAM, cookie: [0, 0] })
    this.machine.start()
  }

  #zeroed(bytes: number, align: number): number {
    const address = this.machine.allocator.allocate(bytes, align)
    this.machine.views.u8.fill(0, address, address + bytes)
    return address
  }

  #map(attr: MapAttributes): number {
    const { machine } = this
    const address = this.#zeroed(mapBytes(attr, machine.cpusPossible), MAP_ALIGN)
    initialiseMap(machine.views, address, attr, machine.cpusPossible)
    const shape = mapTypeOf(attr.type)!.shape(attr)
    machine.installShape(shape, () => buildOperations(attr, { faultPoints: true }))
    return address
  }

  #perfMap(cpus: number): number {
    const { machine } = this
    const attr = { type: BPF_MAP_TYPE_PERF_EVENT_ARRAY, keyBytes: 4, valueBytes: 4, maxEntries: cpus, flags: 0 }
    const map = this.#map(attr)
    const { operations } = machine.installShape(mapTypeOf(attr.type)!.shape(attr), () => {
      throw new Error('the shape is installed')
    })
    const key = this.#zeroed(16, 16)
    for (let cpu = 0; cpu < cpus; cpu++) {
      const ring = this.#ring(cpu)
      machine.views.u32[word(key)] = cpu
      machine.views.u32[word(key) + 1] = ring
      const error = operations.updateUser(map, key, key + 4, 0)
      if (error) throw new Error(`perf map: ${error}`)
    }
    return map
  }

  #ring(cpu: number): number {
    const { views } = this.machine
    const ring = this.#zeroed(PERF_RING.$bytes, MAP_ALIGN)
    initialisePerfRing(views, ring, {
      id: cpu + 1,
      cpu,
      config: PERF_COUNT_SW_BPF_OUTPUT,
      sampleType: PERF_SAMPLE_RAW,
      wakeupEvents: 1,
      enabled: true,
    })
    mapPerfRing(views, ring, this.#zeroed(PAGE_BYTES * (RING_PAGES + 1), PAGE_BYTES), PAGE_BYTES * RING_PAGES)
    this.#received[cpu] = { ring, reader: new PerfReader(views, ring), samples: 0, lost: 0, last: 0 }
    return ring
  }

  /** Keeps a dd running on every CPU; those whose CPU died are started again. */
  keepBusy(): void {
    for (let cpu = 0; cpu < this.#tasks.length; cpu++) {
      if (this.#tasks[cpu]?.running) continue
      this.#tasks[cpu] = this.machine.spawn('dd', { cpu, args: ['if=/dev/zero', 'of=/dev/null'] })
    }
  }

  /** Reads every ring and checks each sample: its checksum, its CPU, and that its number is higher than the last. */
  consume(): void {
    for (const [cpu, received] of this.#received.entries()) {
      received.reader.read(
        (data) => this.#check(cpu, received, data),
        (count) => {
          received.lost += count
        },
      )
    }
  }

  #check(cpu: number, received: Received, data: Uint8Array): void {
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
    const sequence = view.getUint32(Line.sequence, true)
    received.samples++
    if (view.getUint32(Line.check, true) !== Math.imul(sequence, CHECK) >>> 0)
      this.problems.push(`cpu ${cpu}: checksum`)
    if (view.getUint32(Line.cpu, true) !== cpu) this.problems.push(`cpu ${cpu}: a sample of another CPU`)
    if (sequence <= received.last) this.problems.push(`cpu ${cpu}: ${sequence} after ${received.last}`)
    received.last = sequence
  }

  /** Stops all tasks, then checks that the table is whole and that every sample is accounted for. */
  check(): void {
    for (const task of this.#tasks) task?.kill()
    for (const [cpu, task] of this.#tasks.entries()) {
      const status = task?.wait(QUIET_MS) ?? 0
      if (status < 0) this.problems.push(`cpu ${cpu}: its task does not end: ${status}`)
    }
    this.#tasks.fill(null)
    const { views } = this.machine
    this.problems.push(...censusOfHash(views, this.#hash).problems)
    this.consume()
    for (const [cpu, { ring, samples, lost }] of this.#received.entries()) {
      const counters = perfRingCounters(views, ring)
      if (counters.events !== samples)
        this.problems.push(`cpu ${cpu}: ${samples} of ${counters.events} samples arrived`)
      if (counters.lost !== lost + counters.lostPending) {
        this.problems.push(`cpu ${cpu}: ${counters.lost} lost, ${lost} reported, ${counters.lostPending} pending`)
      }
    }
  }

  get samples(): number {
    return this.#received.reduce((sum, { samples }) => sum + samples, 0)
  }

  taskState(cpu: number): string {
    const task = this.#tasks[cpu]
    return task ? `${task.pid} ${task.running ? 'running' : `ended by ${task.signal}`} ${task.syscalls}` : 'none'
  }

  /** System calls made by the task of each CPU that has one. */
  progress(): number[] {
    return this.#tasks.map((task) => task?.syscalls ?? 0)
  }
}
