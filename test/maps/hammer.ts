/** Eight threads on one map, all with the same keys. */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { buildOperations } from '#shared/maps/registry.js'
import type { HammerOrders, HammerReport } from '#test/maps/fixtures/hammer.js'
import type { TestMachine, TestMap } from '#test/maps/support.js'

const WORKER = new URL('./fixtures/hammer.js', import.meta.url)

/** Runs them to their end: how often each operation gave each result. */
export async function hammer(
  machine: TestMachine,
  map: TestMap,
  keys: Uint8Array,
  rounds: number,
  seed: number,
): Promise<HammerReport> {
  const { keyBytes, valueBytes } = map.attr
  const module = new WebAssembly.Module(buildOperations(map.attr))
  const reports = Array.from({ length: machine.cpus }, async (_, cpu) => {
    const room = { key: machine.allocate(keyBytes), value: machine.allocate(valueBytes) }
    const { memory, cpus } = machine
    const what = { memory, module, cpus, cpu, map: map.address, keys, keyBytes, valueBytes, rounds, seed }
    const orders: HammerOrders = { ...what, ...room }
    return (await once(new Worker(WORKER, { workerData: orders }), 'message'))[0] as HammerReport
  })
  const total: HammerReport = {}
  for (const report of await Promise.all(reports)) {
    for (const [outcome, times] of Object.entries(report)) total[outcome] = (total[outcome] ?? 0) + times
  }
  return total
}
