/** A producer dies at every fault point of bpf_perf_event_output; the ring must stay whole and its counts exact. */

import { expect, it } from 'vitest'
import { cpuArea, WRITER_SUPERVISOR } from '#shared/layout.js'
import { buildRecovery, type RecoveryExports } from '#shared/maps/recover.js'
import { PerfReader } from '#shared/rings/consumer.js'
import { perfRingCounters, takePerfReady } from '#shared/rings/perf_ring.js'
import { faultPointName } from '#shared/sync/fault_points.js'
import { ENOSPC } from '#shared/uapi/errno.js'
import { Random } from '#test/maps/random.js'
import { importsFor, instantiate, testMachine } from '#test/maps/support.js'
import { makePerfMap, makeProducer, makeRing, setSlot } from '#test/rings/support.js'

class Killed extends Error {}

it('keeps the ring whole when its producer is killed', () => {
  const random = new Random()
  const machine = testMachine(1, 64 * 1024 * 1024)
  let left = 0
  const places = new Set<string>()
  const strike = (id: number) => {
    if (left === 0 || --left > 0) return
    places.add(faultPointName(id)!)
    throw new Killed()
  }
  const map = makePerfMap(machine, 1)
  const ring = makeRing(machine, { wakeupEvents: 2 })
  setSlot(machine, map, 0, ring)
  const { plain } = makeProducer(machine, 0, strike)
  const imports = importsFor(machine.memory, 1, WRITER_SUPERVISOR, strike)
  const recovery = instantiate<RecoveryExports>(buildRecovery({ faultPoints: true }), imports)
  const data = machine.allocate(512)
  const reader = new PerfReader(machine, ring)
  let sequence = 0
  let accepted = 0
  let refused = 0
  let received = 0
  let lost = 0
  let last = 0
  let unknown = 0
  let kills = 0
  const read = (max?: number) =>
    reader.read(
      (view) => {
        const words = new Uint32Array(view.slice().buffer)
        expect(words[0]).toBeGreaterThan(last)
        last = words[0]!
        // Every word of a sample is its sequence number: a torn one shows.
        expect([...words.subarray(0, words[1]! >>> 2)].every((word, i) => word === (i === 1 ? words[1] : last))).toBe(
          true,
        )
        received++
      },
      (count) => {
        lost += count
      },
      max,
    )
  const output = (): void => {
    sequence++
    const size = 8 + random.below(100) * 4
    machine.u32.fill(sequence, data / 4, (data + size) / 4)
    machine.u32[data / 4 + 1] = size
    const result = plain(0, map.address, 0n, data, size)
    if (result === 0) accepted++
    else {
      expect(result).toBe(-ENOSPC)
      refused++
    }
  }
  for (let round = 0; round < 4000; round++) {
    left = random.below(14)
    try {
      output()
    } catch (error) {
      if (!(error instanceof Killed)) throw error
      kills++
      unknown++
      for (left = random.below(5); ; ) {
        try {
          recovery.recover(cpuArea(0), 0)
          break
        } catch (again) {
          if (!(again instanceof Killed)) throw again
          left = 0
        }
      }
      left = 0
      expect(recovery.recover(cpuArea(0), 0)).toBe(0)
      const counters = perfRingCounters(machine, ring)
      // What the dead one did is in the counters: a sample published, one refused, or nothing.
      if (counters.events === accepted + 1) accepted++
      else if (counters.lost === refused + 1) refused++
      expect([counters.events, counters.lost]).toEqual([accepted, refused])
    }
    left = 0
    if (random.below(40) === 0) {
      takePerfReady(machine, ring)
      read(random.below(3) === 0 ? random.below(5) : undefined)
    }
  }
  read()
  const counters = perfRingCounters(machine, ring)
  expect(received).toBe(counters.events)
  expect(lost + counters.lostPending).toBe(counters.lost)
  expect(counters.events).toBe(accepted)
  console.log(
    `seed ${random.seed}: ${kills} kills at ${[...places].join(' ')}; ${received} received, ${lost} lost, ${unknown} unknown`,
  )
  for (const place of ['perf.published', 'perf.lostReported', 'perf.counted', 'perf.ready', 'recover.repaired']) {
    expect([...places]).toContain(place)
  }
})
