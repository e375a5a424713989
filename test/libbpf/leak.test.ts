import { afterAll, expect, it } from 'vitest'
import { shutdown, spawn } from '#lib/machine/index.js'
import { runObjectCycles } from '#test/stress/objects.js'

afterAll(shutdown)

it('open, load, attach, destroy and close leave no byte, descriptor, object or handle, with the CPUs busy', () => {
  const tasks = [0, 1].map((cpu) => spawn('dd', { cpu, args: ['if=/dev/zero', 'of=/dev/null'] }))
  const result = runObjectCycles({ count: 100 })
  for (const task of tasks) task.kill()
  for (const task of tasks) task.wait(10_000)
  expect(result.cycles).toBe(100)
  for (const pair of [result.usedBytes, result.descriptors, result.objects, result.handles]) {
    expect(pair[1]).toBe(pair[0])
  }
})
