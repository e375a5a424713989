import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { boot, type Machine } from '#lib/machine/machine.js'
import { HEADER } from '#shared/layout.js'
import { word } from '#shared/views.js'
import { runNode } from '#test/machine/child.js'
import { contextWord, counting, load, SMALL_MEMORY_BYTES } from '#test/machine/modules.js'

let machine: Machine
beforeEach(() => {
  machine = boot({ memoryBytes: SMALL_MEMORY_BYTES })
})
afterEach(() => machine.shutdown())

/** Has CPU 0 finish an event, which rings. */
function makeItRing(): void {
  load(machine, 1, counting)
  const context = contextWord(machine)
  machine.run(0, { program: 1, context, contextBytes: 4, repeat: 1 })
}

describe('the main doorbell', () => {
  it('returns at once when it was rung since prepareWait()', () => {
    const seen = machine.prepareWait()
    makeItRing()
    expect(machine.waitDoorbell(seen, 60_000)).toBe('rung')
    machine.finishWait()
  })

  it('times out, at once with 0', () => {
    const seen = machine.prepareWait()
    expect(machine.waitDoorbell(seen, 0)).toBe('timeout')
    expect(machine.waitDoorbell(seen, 20)).toBe('timeout')
    machine.finishWait()
  })

  it('is told of a task that ends', () => {
    machine.start()
    const seen = machine.prepareWait()
    const task = machine.spawn('dd', { args: ['if=/dev/zero', 'of=/dev/null', 'count=1'] })
    expect(machine.waitDoorbell(seen, 60_000)).toBe('rung')
    machine.finishWait()
    expect(task.wait(10_000)).toBe(0)
    expect(task.exitCode).toBe(0)
  })

  it('asks for rings only between prepareWait() and finishWait()', () => {
    const sleeping = () => machine.views.u32[word(HEADER.mainSleeping)]
    expect(sleeping()).toBe(0)
    machine.prepareWait()
    machine.prepareWait()
    machine.finishWait()
    expect(sleeping()).not.toBe(0)
    machine.finishWait()
    expect(sleeping()).toBe(0)
  })

  it('wakes asynchronous waits, again after one that timed out', async () => {
    machine.start()
    const seen = machine.prepareWait()
    expect(await machine.waitDoorbellAsync(seen, 0)).toBe('timeout')
    expect(await machine.waitDoorbellAsync(seen, 30)).toBe('timeout')
    machine.spawn('dd', { args: ['if=/dev/zero', 'of=/dev/null', 'count=1'] })
    expect(await machine.waitDoorbellAsync(seen, 60_000)).toBe('rung')
    const next = machine.prepareWait()
    machine.spawn('dd', { args: ['if=/dev/zero', 'of=/dev/null', 'count=1'] })
    expect(await machine.waitDoorbellAsync(next, 60_000)).toBe('rung')
    machine.finishWait()
    machine.finishWait()
  })

  it('ends waits of a machine that is gone', async () => {
    const seen = machine.prepareWait()
    const waiting = machine.waitDoorbellAsync(seen, -1)
    await machine.shutdown()
    expect(await waiting).toBe('dead')
    expect(machine.waitDoorbell(seen, -1)).toBe('dead')
  })
})

describe('control calls', () => {
  it('answer a blocked and an unblocked caller', async () => {
    expect(machine.control('ping', 1)).toBe(1)
    expect(await machine.controlAsync('ping', 2)).toBe(2)
    expect(machine.control('cpus').map(({ cpu, incarnation }) => [cpu, incarnation])).toEqual([
      [0, 1],
      [1, 1],
    ])
  })

  it('are rejected when the supervisor ends', async () => {
    machine.start()
    const pending = machine.controlAsync('shutdown')
    const late = machine.shutdown().then(() => machine.controlAsync('ping', 1))
    await expect(late).rejects.toThrow('has ended')
    await pending.catch((error: Error) => expect(error.name).toBe('SupervisorGone'))
  })
})

describe('a process with a machine', () => {
  it('ends by itself after shutdown, and without one', async () => {
    for (const how of ['shutdown', 'leave']) {
      const { code, signal, lines } = await runNode('ends.js', [how], { timeoutMs: 30_000 })
      expect([how, code, signal, lines]).toEqual([how, 0, null, ['done']])
    }
  })
})
