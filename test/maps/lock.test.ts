/** What happens to those who wait for a lock. */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { expect, it } from 'vitest'
import { CPU, cpuArea, HASH_BUCKET, HEADER, INTENT, MAP, WRITER_SUPERVISOR } from '#shared/layout.js'
import { buildRecovery, Recovered, type RecoveryExports } from '#shared/maps/recover.js'
import { buildOperations } from '#shared/maps/registry.js'
import { LOCK_OWNER_MASK, LOCK_WAITERS } from '#shared/sync/lock.js'
import { BPF_MAP_TYPE_HASH } from '#shared/uapi/bpf.js'
import { EBUSY } from '#shared/uapi/errno.js'
import type { UpdaterOrders } from '#test/maps/fixtures/updater.js'
import { importsFor, instantiate, makeMap, testMachine } from '#test/maps/support.js'

const UPDATER = new URL('../../dist/test/maps/fixtures/updater.js', import.meta.url)
const CPUS = 2

/** A map whose only bucket is held by CPU 0, which is dead. */
function lockedMap() {
  const machine = testMachine(CPUS, 64 * 1024 * 1024)
  const attr = { type: BPF_MAP_TYPE_HASH, keyBytes: 4, valueBytes: 4, maxEntries: 1, flags: 0 }
  const map = makeMap(machine, attr)
  const lock = machine.u32[(map.address + MAP.buckets) / 4]! + HASH_BUCKET.lock
  machine.u32[lock / 4] = 1
  machine.u32[(cpuArea(0) + CPU.intent + INTENT.lock) / 4] = lock
  return { machine, attr, map, lock, key: machine.allocate(4), value: machine.allocate(4) }
}

it('goes on when a dead owner’s lock is freed', async () => {
  const { machine, attr, map, lock, key, value } = lockedMap()
  const module = new WebAssembly.Module(buildOperations(attr))
  const orders: UpdaterOrders = { memory: machine.memory, module, cpus: CPUS, cpu: 1, map: map.address, key, value }
  const worker = new Worker(UPDATER, { workerData: orders })
  await once(worker, 'message')
  const result = once(worker, 'message')
  while ((Atomics.load(machine.i32, lock / 4) & LOCK_WAITERS) === 0)
    await new Promise((resolve) => setTimeout(resolve, 1))
  const recovery = instantiate<RecoveryExports>(buildRecovery(), importsFor(machine.memory, CPUS, WRITER_SUPERVISOR))
  expect(recovery.recover(cpuArea(0), 0)).toBe(Recovered.lock)
  expect((await result)[0]).toBe(0)
  expect(machine.u32[lock / 4]! & LOCK_OWNER_MASK).toBe(0)
})

it('does not free a lock of somebody else', () => {
  const { machine, lock } = lockedMap()
  machine.u32[lock / 4] = 2
  const recovery = instantiate<RecoveryExports>(buildRecovery(), importsFor(machine.memory, CPUS, WRITER_SUPERVISOR))
  expect(recovery.recover(cpuArea(0), 0)).toBe(0)
  expect(machine.u32[lock / 4]).toBe(2)
})

it('gives up when the machine shuts down, and forgets the lock', () => {
  const { machine, map, key, value } = lockedMap()
  machine.u32[HEADER.shuttingDown / 4] = 1
  expect(map.on[1]!.update(map.address, key, value, 0)).toBe(-EBUSY)
  expect(map.on[1]!.delete(map.address, key)).toBe(-EBUSY)
  expect(machine.u32[(cpuArea(1) + CPU.intent + INTENT.lock) / 4]).toBe(0)
  // Readers take no lock.
  expect(map.on[1]!.lookup(map.address, key)).toBe(0)
})
