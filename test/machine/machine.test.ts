import { afterEach, describe, expect, it } from 'vitest'
import { boot, type Machine } from '#lib/machine/machine.js'
import type { BootOptions } from '#lib/machine/options.js'
import { pushRun, RunDone } from '#shared/control/events.js'
import { CPU, cpuArea, FaultAction, HEADER, RUN_RESULT, regions } from '#shared/layout.js'
import { EFAULT, EINVAL, EIO, ENOENT, ENXIO } from '#shared/uapi/errno.js'
import { word } from '#shared/views.js'
import { attach, contextWord, counting, endless, load, SMALL_MEMORY_BYTES, trapping } from '#test/machine/modules.js'

const machines: Machine[] = []
function newMachine(options: BootOptions = {}): Machine {
  const machine = boot({ memoryBytes: SMALL_MEMORY_BYTES, ...options })
  machines.push(machine)
  return machine
}
const pause = (ms: number) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
const once = (machine: Machine, program: number, context = 0) =>
  machine.run(0, { program, context, contextBytes: context ? 4 : 0, repeat: 1 })

afterEach(async () => {
  await Promise.all(machines.splice(0).map((machine) => machine.shutdown()))
})

describe('boot', () => {
  it('refuses options out of range', () => {
    const refused: BootOptions[] = [
      { cpus: 0 },
      { cpus: 65 },
      { cpus: 1.5 },
      { cpus: 4, possibleCpus: 2 },
      { memoryBytes: 1 },
    ]
    for (const options of refused) expect(() => boot(options)).toThrow(RangeError)
  })

  it('starts no thread before the first need', () => {
    const machine = newMachine()
    load(machine, 1, counting)
    expect(machine.started).toBe(false)
    expect(once(machine, 1, contextWord(machine)).error).toBe(0)
    expect(machine.started).toBe(true)
  })

  it('tells possible from online CPUs', () => {
    const machine = newMachine({ cpus: 1, possibleCpus: 4 })
    expect(machine.views.u32[word(HEADER.cpusPossible)]).toBe(4)
    expect([0, 1, 4, -1].map((cpu) => machine.cpuOnline(cpu))).toEqual([true, false, false, false])
    expect(machine.run(1, { program: 1, context: 0, contextBytes: 0, repeat: 1 }).error).toBe(-ENXIO)
  })

  it('keeps machines apart', () => {
    const [a, b] = [newMachine({ cpus: 1 }), newMachine({ cpus: 1 })]
    load(a, 1, counting)
    const context = contextWord(a)
    contextWord(b)
    expect(once(a, 1, context).error).toBe(0)
    expect(once(b, 1, context).error).toBe(-ENOENT)
    expect(a.views.u32[word(context)]).toBe(1)
    expect(b.views.u32[word(context)]).toBe(0)
  })

  it('gives a used memory to the next machine, cleared', async () => {
    const first = newMachine({ cpus: 1 })
    const { memory, u8 } = first.views
    const address = first.allocator.allocate(100_000)
    u8.fill(0xff, address, address + 100_000)
    first.spawn('dd', { args: ['count=1', 'if=/dev/zero', 'of=/dev/null'] }).wait(5000)
    await first.shutdown()
    const second = newMachine({ cpus: 1 })
    expect(second.views.memory).toBe(memory)
    const { heap, userEnd } = regions(SMALL_MEMORY_BYTES, 1)
    expect(u8.subarray(heap, userEnd).findIndex((byte) => byte !== 0)).toBe(-1)
  })
})

describe('running programs', () => {
  it('returns r0, the repetitions and their mean time', () => {
    const machine = newMachine()
    load(machine, 1, counting)
    const context = contextWord(machine)
    const outcome = machine.run(1, { program: 1, context, contextBytes: 4, repeat: 1000 })
    expect(outcome).toMatchObject({ error: 0, retval: 0, runs: 1000 })
    expect(machine.run(0, { program: 1, context, contextBytes: 4, repeat: 1 }).retval).toBe(1000)
  })

  it('answers for programs that are not there and for no repetitions', () => {
    const machine = newMachine()
    expect(once(machine, 7).error).toBe(-ENOENT)
    expect(machine.run(0, { program: 7, context: 0, contextBytes: 0, repeat: 0 }).error).toBe(-EINVAL)
  })

  it('reports a trap and goes on', () => {
    const machine = newMachine()
    load(machine, 1, counting)
    load(machine, 2, trapping, 'bad')
    expect(once(machine, 2).error).toBe(-EFAULT)
    expect(once(machine, 1, contextWord(machine)).error).toBe(0)
    expect(machine.reports()).toMatchObject([{ kind: 'trap', cpu: 0, program: 2, programName: 'bad' }])
    expect(machine.reports()).toEqual([])
    expect(machine.cpuDeaths).toBe(0)
  })

  it('ends a run whose CPU dies with an error', () => {
    const machine = newMachine({ faultPoints: true })
    const { i32 } = machine.views
    load(machine, 1, counting)
    const context = contextWord(machine)
    expect(once(machine, 1, context).error).toBe(0)
    for (const action of [FaultAction.exit, FaultAction.throw, FaultAction.terminate]) {
      Atomics.store(i32, word(HEADER.faultCpu), 0)
      Atomics.store(i32, word(HEADER.faultCountdown), 1)
      Atomics.store(i32, word(HEADER.faultAction), action)
      expect(once(machine, 1, context).error).toBe(-EIO)
      expect(machine.waitOnline(5000)).toBe(true)
    }
    expect(once(machine, 1, context)).toMatchObject({ error: 0, retval: 1 })
    expect(machine.cpuDeaths).toBe(3)
  })
})

describe('publications', () => {
  const hook = 'raw_tp:sys_enter'
  const keepCalling = (machine: Machine, cpu: number) =>
    machine.spawn('dd', { cpu, args: ['if=/dev/zero', 'of=/dev/null'] })

  it('reach CPUs that started before and after them, and those that restart', () => {
    const machine = newMachine()
    load(machine, 1, counting)
    machine.start()
    load(machine, 2, counting)
    pause(20)
    load(machine, 3, counting)
    machine.publish({ kind: 'unload', program: 2 })
    const context = contextWord(machine)
    const answers = () =>
      [0, 1].flatMap((cpu) =>
        [1, 2, 3].map((program) => machine.run(cpu, { program, context, contextBytes: 4, repeat: 1 }).error),
      )
    const expected = [0, -ENOENT, 0, 0, -ENOENT, 0]
    expect(answers()).toEqual(expected)
    machine.control('kill', 1)
    while (machine.cpuDeaths === 0) pause(1)
    machine.waitOnline(5000)
    expect(answers()).toEqual(expected)
  })

  it('attach to hooks that fire already, and detach', () => {
    const machine = newMachine()
    const task = keepCalling(machine, 0)
    while (task.syscalls === 0) pause(1)
    load(machine, 1, counting)
    machine.publish(attach(1, hook, 1))
    const runs = () => machine.views.u32[word(cpuArea(0) + CPU.programRuns)]
    const before = runs()
    while (runs() < before + 1000) pause(1)
    machine.publish({ kind: 'detach', link: 1 })
    expect(machine.synchronize()).toBe(true)
    const after = runs()
    const calls = task.syscalls
    while (task.syscalls < calls + 1000) pause(1)
    expect(runs()).toBe(after)
    expect(task.kill()).toBe(0)
    expect(task.wait(5000)).toBe(9)
  })

  it('leave nothing behind when programs come and go', () => {
    const machine = newMachine()
    machine.start()
    const before = machine.control('logLength')
    for (let i = 1; i <= 1000; i++) {
      load(machine, i, counting)
      machine.publish(attach(i, hook, i))
      machine.publish({ kind: 'detach', link: i })
      machine.publish({ kind: 'unload', program: i })
    }
    expect(machine.control('logLength')).toBe(before)
  })

  it('start a task once, whatever becomes of its CPU', () => {
    const machine = newMachine()
    machine.start()
    machine.control('kill', 0)
    const task = machine.spawn('dd', { cpu: 0, args: ['if=/dev/zero', 'of=/dev/null', 'count=10'] })
    const status = task.wait(10_000)
    // It ended by itself, or with the CPU if that had taken it already.
    expect([0, 9]).toContain(status)
    expect(task.wait(0)).toBe(status)
  })
})

describe('grace periods', () => {
  it('wait for a program that runs, not for a CPU that sleeps', () => {
    const machine = newMachine()
    machine.start()
    load(machine, 1, endless)
    const context = contextWord(machine)
    expect(machine.synchronize(1000)).toBe(true)
    const result = pushRun(machine.views, 0, { program: 1, context, contextBytes: 4, repeat: 1 })
    while (machine.views.u32[word(context)] === 0) pause(1)
    expect(machine.synchronize(50)).toBe(false)
    machine.control('kill', 0)
    expect(machine.synchronize(5000)).toBe(true)
    expect(machine.views.u32[word(result + RUN_RESULT.done)]).toBe(RunDone.died)
  })
})
