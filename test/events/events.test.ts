import { describe, expect, it } from 'vitest'
import { MODES, runMode } from '#test/stress/events.js'

const SEED = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31))
const CPUS = 8
const EVENTS = 20_000

describe(`events from ${CPUS} CPUs (seed ${SEED})`, () => {
  for (const mode of MODES) {
    it(`are all accounted for: ${mode}`, async () => {
      const { sent, received, lost, pending } = await runMode(mode, CPUS, EVENTS, SEED)
      expect(sent).toBeGreaterThanOrEqual(EVENTS)
      expect(received).toBeGreaterThan(0)
      expect(received + lost + pending).toBe(sent)
    })
  }
})
