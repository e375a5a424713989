/** Eight threads on one hash table: no lost update, no torn value, no element lost. */
import { Worker } from 'node:worker_threads'
import { MAP } from '#shared/layout.js'
import { buildOperations, type MapAttributes } from '#shared/maps/registry.js'
import { BPF_MAP_TYPE_HASH, BPF_MAP_TYPE_PERCPU_HASH } from '#shared/uapi/bpf.js'
import type { WorkerOrders, WorkerReport } from '#test/maps/fixtures/worker.js'
import { censusOfHash } from '#test/maps/invariants.js'
import { makeMap, type TestMachine, type TestMap, testMachine } from '#test/maps/support.js'
import { check } from './run.js'

const CPUS = 8
const ENTRIES = 128
const WORKER = new URL('../maps/fixtures/worker.js', import.meta.url)

export interface TableShape {
  type: number
  valueBytes: number
  /** Few chains, and long ones, make the threads meet. */
  chains: number
}

/** Values of 400 bytes are copied by memory.copy. */
export const TABLE_SHAPES: TableShape[] = [
  { type: BPF_MAP_TYPE_HASH, valueBytes: 16, chains: 128 },
  { type: BPF_MAP_TYPE_HASH, valueBytes: 400, chains: 128 },
  { type: BPF_MAP_TYPE_HASH, valueBytes: 16, chains: 4 },
  { type: BPF_MAP_TYPE_PERCPU_HASH, valueBytes: 16, chains: 128 },
  { type: BPF_MAP_TYPE_PERCPU_HASH, valueBytes: 16, chains: 4 },
]

async function write(machine: TestMachine, map: TestMap, seed: number, rounds: number): Promise<WorkerReport[]> {
  const module = new WebAssembly.Module(buildOperations(map.attr))
  const start = machine.allocate(64)
  const workers: Worker[] = []
  const reports = Array.from({ length: CPUS }, (_, cpu) => {
    const orders: WorkerOrders = {
      memory: machine.memory,
      module,
      cpus: CPUS,
      cpu,
      attr: map.attr,
      map: map.address,
      scratch: machine.allocate(512),
      start,
      rounds,
      seed: seed + cpu,
    }
    const worker = new Worker(WORKER, { workerData: orders })
    workers.push(worker)
    return new Promise<WorkerReport>((resolve, reject) => {
      worker.once('message', resolve)
      worker.once('error', reject)
    })
  })
  await Promise.all(workers.map((worker) => new Promise((resolve) => worker.once('online', resolve))))
  Atomics.store(machine.i32, start / 4, 1)
  Atomics.notify(machine.i32, start / 4)
  return Promise.all(reports)
}

/** `rounds` operations of each of eight threads on one table; what they inserted must be there, and nothing else. */
export async function runTable(shape: TableShape, rounds: number, seed: number): Promise<{ linked: number }> {
  const attr: MapAttributes = {
    type: shape.type,
    keyBytes: 4,
    valueBytes: shape.valueBytes,
    maxEntries: ENTRIES,
    flags: 0,
  }
  const machine = testMachine(CPUS, 64 * 1024 * 1024)
  const map = makeMap(machine, attr)
  machine.u32[(map.address + MAP.bucketMask) / 4] = shape.chains - 1
  const reports = await write(machine, map, seed, rounds)
  const census = censusOfHash(machine, map.address)
  const problems = [...reports.flatMap((report) => report.problems), ...census.problems]
  check(problems.length === 0, problems.slice(0, 5).join('; '))
  const inserted = reports.reduce((sum, report) => sum + report.inserted, 0)
  check(census.linked === inserted, `${inserted} elements inserted, ${census.linked} linked`)
  return { linked: census.linked }
}

/** Every shape, `rounds` operations per thread. */
export async function runTables(options: { rounds: number; seed: number; progress: (text: string) => void }) {
  for (const shape of TABLE_SHAPES) {
    const { linked } = await runTable(shape, options.rounds, options.seed)
    options.progress(`${JSON.stringify(shape)}: ${linked} elements at the end`)
  }
  return { tables: TABLE_SHAPES.length, operations: TABLE_SHAPES.length * CPUS * options.rounds }
}
