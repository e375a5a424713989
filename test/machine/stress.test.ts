/** Short, seeded parts of the machine's long runs. */
import { expect, it } from 'vitest'
import { Random } from '#test/maps/random.js'
import { runBootCycles, runKills, runSignals } from '#test/stress/machine.js'

it('survives CPUs that are killed in every way', async () => {
  const { seed } = new Random()
  console.log(`kills: SEED=${seed}`)
  const { kills, atPoints } = await runKills({ count: 16, seed, cpus: 3 })
  expect(kills).toBe(16)
  expect(atPoints).toBeGreaterThan(0)
})

it('uses the memory of closed machines again', async () => {
  // Without that, six machines of 64 MiB each would be far above this.
  expect((await runBootCycles({ count: 6 })).maxRssMb).toBeLessThan(300)
})

it('hears SIGINT in blocking calls', async () => {
  const [{ signals }] = await runSignals({ nodes: [process.execPath], count: 8 })
  expect(signals).toBe(8)
})
