/** Eight threads on one hash table: no lost update, no torn value, no element lost. */
import { Worker } from 'node:worker_threads'
import { describe, expect, it } from 'vitest'
import { MAP } from '#shared/layout.js'
import { buildOperations, type MapAttributes } from '#shared/maps/registry.js'
import { BPF_MAP_TYPE_HASH, BPF_MAP_TYPE_PERCPU_HASH } from '#shared/uapi/bpf.js'
import type { WorkerOrders, WorkerReport } from '#test/maps/fixtures/worker.js'
import { censusOfHash } from '#test/maps/invariants.js'
import { Random } from '#test/maps/random.js'
import { makeMap, type TestMachine, type TestMap, testMachine } from '#test/maps/support.js'

const CPUS = 8
const ROUNDS = Number(process.env.ROUNDS) || 100_000
const WORKER = new URL('../../dist/test/maps/fixtures/worker.js', import.meta.url)

async function run(machine: TestMachine, map: TestMap, seed: number): Promise<WorkerReport[]> {
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
      rounds: ROUNDS,
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

describe('eight writers', () => {
  // Values of 400 bytes are copied by memory.copy. Few chains, and long ones, make the threads meet.
  it.each([
    { type: BPF_MAP_TYPE_HASH, valueBytes: 16, chains: 128 },
    { type: BPF_MAP_TYPE_HASH, valueBytes: 400, chains: 128 },
    { type: BPF_MAP_TYPE_HASH, valueBytes: 16, chains: 4 },
    { type: BPF_MAP_TYPE_PERCPU_HASH, valueBytes: 16, chains: 128 },
    { type: BPF_MAP_TYPE_PERCPU_HASH, valueBytes: 16, chains: 4 },
  ])('map type $type, values of $valueBytes bytes in $chains chains', async ({ type, valueBytes, chains }) => {
    const random = new Random()
    console.log(`seed ${random.seed}`)
    const attr: MapAttributes = { type, keyBytes: 4, valueBytes, maxEntries: 128, flags: 0 }
    const machine = testMachine(CPUS, 64 * 1024 * 1024)
    const map = makeMap(machine, attr)
    machine.u32[(map.address + MAP.bucketMask) / 4] = chains - 1
    const reports = await run(machine, map, random.seed)
    expect(reports.flatMap((report) => report.problems)).toEqual([])
    const census = censusOfHash(machine, map.address)
    expect(census.problems).toEqual([])
    expect(census.linked).toBe(reports.reduce((sum, report) => sum + report.inserted, 0))
  })
})
