import { describe, expect, it } from 'vitest'
import { killTask, reapTask } from '#shared/kernel/task.js'
import { SIGTERM, type Sys, type Task, WNOHANG } from '#shared/kernel/workload.js'
import { CPU, TASK, TASK_BYTES, TaskState } from '#shared/layout.js'
import { FakeCpu } from './fake_cpu.js'

const pidOf = (cpu: FakeCpu, slot: number) => cpu.views.u32[(slot + TASK.pid) >> 2]

describe('the scheduler', () => {
  it('lets tasks take turns at system calls', async () => {
    const cpu = new FakeCpu()
    const order: string[] = []
    const body = (name: string) =>
      function* (sys: Sys): Task {
        for (let i = 0; i < 1000; i++) {
          if (order.at(-1) !== name) order.push(name)
          yield sys.getpid()
        }
      }
    for (const name of ['a', 'b', 'c']) cpu.start(body(name))
    await cpu.settle()
    expect(order.slice(0, 6)).toEqual(['a', 'b', 'c', 'a', 'b', 'c'])
    expect(order.length).toBeGreaterThan(15)
  })

  it('makes the running task current, and none between', async () => {
    const cpu = new FakeCpu()
    cpu.attach('kprobe:__x64_sys_getpid')
    const slots = [1, 2].map(() =>
      cpu.start(function* (sys) {
        for (let i = 0; i < 300; i++) yield sys.getpid()
      }),
    )
    await cpu.settle()
    for (const slot of slots) expect(cpu.firings.filter((f) => f.pid === pidOf(cpu, slot))).toHaveLength(300)
    expect(cpu.views.u32[(cpu.area + CPU.currentTask) >> 2]).toBe(0)
  })

  it('wakes sleepers when their time has come', async () => {
    const cpu = new FakeCpu()
    const start = cpu.nowNs()
    const woken: [string, number][] = []
    const sleeper = (name: string, ns: number) =>
      function* (sys: Sys): Task {
        const result = yield sys.nanosleep(ns)
        woken.push([name, Math.floor((cpu.nowNs() - start) / 1e6)])
        return result
      }
    cpu.start(sleeper('late', 30e6))
    cpu.start(sleeper('early', 10e6))
    const slot = cpu.start(sleeper('bad', -5e9))
    cpu.scheduler.slice()
    cpu.scheduler.slice()
    expect(cpu.scheduler.nextTimerMs()).toBeCloseTo(10)
    await cpu.settle()
    expect(woken).toEqual([
      ['bad', 0],
      ['early', 10],
      ['late', 30],
    ])
    expect(reapTask(cpu.views, slot)).toBe((-22 & 0xff) << 8)
  })

  it('fires the call’s entry before the sleep and its exit after, with other tasks’ calls between', async () => {
    const cpu = new FakeCpu()
    cpu.attach('tracepoint:syscalls/sys_enter_nanosleep', 'kretprobe:__x64_sys_nanosleep', 'kprobe:__x64_sys_getpid')
    const slot = cpu.start(function* (sys) {
      yield sys.nanosleep(5e6)
    })
    cpu.start(function* (sys) {
      yield sys.getpid()
    })
    await cpu.settle()
    expect(cpu.firings.map((f) => f.hook)).toEqual([
      'tracepoint:syscalls/sys_enter_nanosleep',
      'kprobe:__x64_sys_getpid',
      'kretprobe:__x64_sys_nanosleep',
    ])
    expect(cpu.firings[2].pid).toBe(pidOf(cpu, slot))
    expect(cpu.firings[2].view.getBigInt64(80, true)).toBe(0n)
  })

  it('ends a task that is killed, running or asleep', async () => {
    const cpu = new FakeCpu()
    const spinner = cpu.start(function* (sys) {
      for (;;) yield sys.getpid()
    })
    const sleeper = cpu.start(function* (sys) {
      yield sys.nanosleep(1e15)
    })
    for (let i = 0; i < 10; i++) cpu.scheduler.slice()
    expect(cpu.state(sleeper)).toBe(TaskState.sleeping)
    expect(cpu.scheduler.runnable()).toBe(true)
    expect(killTask(cpu.views, spinner, SIGTERM)).toBe(true)
    expect(killTask(cpu.views, sleeper, 9)).toBe(true)
    await cpu.settle()
    expect(reapTask(cpu.views, spinner)).toBe(SIGTERM)
    expect(reapTask(cpu.views, sleeper)).toBe(9)
    expect(killTask(cpu.views, sleeper, 9)).toBe(false)
    expect(cpu.scheduler.tasks).toHaveLength(0)
  })

  it('reports a workload that throws, and ends only that task', async () => {
    const cpu = new FakeCpu()
    const bad = cpu.start(function* (sys) {
      yield sys.getpid()
      throw new Error('no reason at all')
    })
    // biome-ignore lint/suspicious/noExplicitAny: what a workload without types may do
    const worse = cpu.start(function* (): any {
      yield 'nonsense'
    })
    const good = cpu.start(function* (sys) {
      for (let i = 0; i < 500; i++) yield sys.getpid()
      return 3
    })
    await cpu.settle()
    expect(cpu.reports.map((r) => (r.kind === 'workloadError' ? r.pid : 0))).toEqual([
      pidOf(cpu, bad),
      pidOf(cpu, worse),
    ])
    expect(cpu.reports[0].message).toContain('no reason at all')
    expect([bad, worse, good].map((slot) => reapTask(cpu.views, slot))).toEqual([6, 6, 3 << 8])
  })

  it('ignores a start message whose task has died with an earlier thread', async () => {
    const cpu = new FakeCpu()
    const slot = cpu.spawn('true')
    cpu.views.u32[(slot + TASK.state) >> 2] = TaskState.zombie
    await cpu.settle()
    expect(cpu.scheduler.tasks).toHaveLength(0)
    expect(cpu.state(slot)).toBe(TaskState.zombie)
  })
})

describe('fork, wait4 and exit', () => {
  it('hand a child its parent’s files and memory, and the parent its status', async () => {
    const cpu = new FakeCpu()
    const seen: unknown[] = []
    const status = await cpu.run(function* (sys) {
      const text = sys.string('from the parent')
      const fd = yield sys.openat(-100, '/dev/null', 1)
      const pid = yield sys.fork(
        function* (child, args) {
          seen.push(child.ppid === sys.pid, child.pid === pid, child.comm === sys.comm, args)
          seen.push(child.text(text - sys.userBase + child.userBase, 15))
          seen.push(yield child.write(fd, child.userBase, 4))
          yield child.exit(7)
          seen.push('unreachable')
        },
        ['x'],
      )
      seen.push('parent goes on')
      const where = sys.alloc(4)
      seen.push((yield sys.wait4(-1, where)) === pid, sys.user[where - sys.userBase + 1])
      seen.push(yield sys.wait4(-1))
      return 5
    })
    expect(seen).toEqual(['parent goes on', true, true, true, ['x'], 'from the parent', 4, true, 7, -10])
    expect(status).toBe(5 << 8)
  })

  it('WNOHANG does not wait; a chosen child is waited for', async () => {
    const cpu = new FakeCpu()
    const seen: unknown[] = []
    await cpu.run(function* (sys) {
      const nap = (ns: number) =>
        function* (child: Sys): Task {
          yield child.nanosleep(ns)
        }
      const slow = yield sys.fork(nap(20e6))
      const quick = yield sys.fork(nap(10e6))
      seen.push(yield sys.wait4(-1, 0, WNOHANG))
      seen.push((yield sys.wait4(slow)) === slow, (yield sys.wait4(-1, 0, WNOHANG)) === quick)
      seen.push(yield sys.wait4(slow), yield sys.wait4(12345))
    })
    expect(seen).toEqual([0, true, true, -10, -10])
  })

  it('leave no slot behind, whoever ends first', async () => {
    const cpu = new FakeCpu()
    let grandchild = 0
    for (let round = 0; round < 200; round++) {
      const status = await cpu.run(function* (sys) {
        yield sys.fork(function* (child) {
          grandchild = yield child.fork(function* (last) {
            yield last.nanosleep(1e6)
            return last.ppid === 1 ? 0 : 1
          })
        })
        yield sys.fork(function* (child) {
          yield child.getpid()
        })
      })
      expect(status).toBe(0)
      expect(cpu.scheduler.tasks).toHaveLength(0)
    }
    expect(grandchild).toBeGreaterThan(400)
    const slots = Array.from({ length: 64 }, (_, i) => cpu.state(cpu.header('tasks') + i * TASK_BYTES))
    expect(new Set(slots)).toEqual(new Set([TaskState.free]))
  })

  it('fork fails with -EAGAIN when all slots are taken', async () => {
    const cpu = new FakeCpu()
    const seen: number[] = []
    await cpu.run(function* (sys) {
      for (;;) {
        const pid = yield sys.fork(function* (child) {
          yield child.nanosleep(1e6)
        })
        if (pid < 0) {
          seen.push(pid)
          return 0
        }
      }
    })
    expect(seen).toEqual([-11])
  })

  it('a child leaves the kernel by fork’s exit, with result 0', async () => {
    const cpu = new FakeCpu()
    cpu.attach('tracepoint:syscalls/sys_exit_fork', 'kretprobe:__x64_sys_fork')
    let child = 0
    await cpu.run(function* (sys) {
      child = yield sys.fork(function* (sub) {
        yield sub.getpid()
      })
    })
    const exits = cpu.firings.map((f) => [f.hook, f.pid, f.view.getBigInt64(f.hook.startsWith('k') ? 80 : 16, true)])
    expect(exits).toEqual([
      ['kretprobe:__x64_sys_fork', child - 1, BigInt(child)],
      ['tracepoint:syscalls/sys_exit_fork', child - 1, BigInt(child)],
      ['tracepoint:syscalls/sys_exit_fork', child, 0n],
    ])
  })
})

describe('kill', () => {
  it('needs the same user or root, and an existing task', async () => {
    const cpu = new FakeCpu()
    const seen: number[] = []
    const target = cpu.start(function* (sys) {
      yield sys.nanosleep(1e12)
    })
    const pid = pidOf(cpu, target)
    const killer = function* (sys: Sys): Task {
      seen.push(yield sys.kill(pid, 0))
      seen.push(yield sys.kill(pid, 65), yield sys.kill(999_999, 9))
      seen.push(yield sys.kill(pid, 28), yield sys.kill(pid, SIGTERM))
    }
    cpu.start(killer, [], { uid: 1000 })
    for (let i = 0; i < 4; i++) cpu.scheduler.slice()
    expect(seen).toEqual([-1, -22, -3, -1, -1])
    cpu.start(killer)
    await cpu.settle()
    expect(seen.slice(5)).toEqual([0, -22, -3, 0, 0])
    expect(reapTask(cpu.views, target)).toBe(SIGTERM)
    expect(cpu.rung).toContain(3)
  })
})

describe('executables', () => {
  it('are found in /bin by their name, or by their path', async () => {
    const cpu = new FakeCpu()
    const slots = [
      cpu.spawn('true'),
      cpu.spawn('/bin/false'),
      cpu.spawn('no_such_program'),
      cpu.spawn('run', ['false']),
      cpu.spawn('run', ['nothing']),
      cpu.spawn('run', ['run', 'run', 'true']),
    ]
    await cpu.settle()
    expect(slots.map((slot) => reapTask(cpu.views, slot) >> 8)).toEqual([0, 1, 127, 1, 127, 0])
    expect(cpu.reports.map((r) => r.message)).toEqual([expect.stringContaining('no_such_program')])
  })

  it('are modules, loaded when first needed', async () => {
    const cpu = new FakeCpu()
    const url = new URL('../../dist/test/kernel/sample_workload.js', import.meta.url).href
    cpu.publish({ kind: 'executable', path: '/opt/sample', url })
    cpu.publish({ kind: 'executable', path: '/opt/broken', url: 'file:///nowhere/at/all.js' })
    const slots = [
      cpu.spawn(url, ['one', 'two'], { comm: 'direct' }),
      cpu.spawn('run', ['/opt/sample', 'x']),
      cpu.spawn('run', ['/opt/broken']),
      cpu.spawn(url, [], { exportName: 'second' }),
      cpu.spawn(url, [], { exportName: 'missing' }),
    ]
    await cpu.settle()
    expect(slots.map((slot) => reapTask(cpu.views, slot) >> 8)).toEqual([2, 1, 127, 42, 127])
    expect(cpu.output).toBe('direct: one two\nsample: x\n')
    expect(cpu.reports).toHaveLength(2)
  })

  it('execve of what is no program fails', async () => {
    const cpu = new FakeCpu()
    const seen: number[] = []
    await cpu.run(function* (sys) {
      yield sys.close(yield sys.openat(-100, '/tmp/plain', 0o101, 0o644))
      for (const path of ['/missing', '/tmp', '/tmp/plain', '/dev/null/x', '']) seen.push(yield sys.execve(path))
      seen.push(yield sys.execve(0))
    })
    expect(seen).toEqual([-2, -13, -13, -20, -2, -14])
  })
})

describe('programs', () => {
  it('dd copies blocks and says how many', async () => {
    const cpu = new FakeCpu()
    cpu.attach('kprobe:__x64_sys_write')
    const slot = cpu.spawn('dd', ['if=/dev/zero', 'of=/dev/null', 'count=1000', 'bs=1K'], { comm: 'dd' })
    await cpu.settle()
    expect(reapTask(cpu.views, slot)).toBe(0)
    expect(cpu.output).toMatch(/^1000\+0 records in\n1000\+0 records out\n1024000 bytes copied, /)
    expect(cpu.firings).toHaveLength(1001)
  })

  it('dd, touch, cat and rm work on files', async () => {
    const cpu = new FakeCpu()
    const script = async (...words: string[]) => {
      cpu.output = ''
      const slot = cpu.spawn(words[0], words.slice(1), { comm: words[0] })
      await cpu.settle()
      return [reapTask(cpu.views, slot) >> 8, cpu.output.split('\n')[0]]
    }
    expect(await script('touch', '/tmp/a')).toEqual([0, ''])
    expect(await script('dd', 'if=/dev/zero', 'of=/tmp/b', 'count=2', 'bs=3')).toEqual([0, '2+0 records in'])
    expect(await script('cat', '/tmp/a', '/tmp/b')).toEqual([0, '\0\0\0\0\0\0'])
    expect(await script('rm', '/tmp/a', '/tmp/b')).toEqual([0, ''])
    expect(await script('cat', '/tmp/b')).toEqual([1, 'cat: /tmp/b: No such file or directory'])
    expect(await script('dd', 'if=/tmp/b')).toEqual([1, "dd: failed to open '/tmp/b': No such file or directory"])
    expect(await script('dd', 'bs=0')).toEqual([1, 'dd: invalid number: ‘0’'])
    expect(await script('dd', 'bs=1M')).toEqual([1, 'dd: memory exhausted by input buffer of size 1048576 bytes'])
  })

  it('sleep sleeps', async () => {
    const cpu = new FakeCpu()
    const start = cpu.nowNs()
    cpu.spawn('sleep', ['1.5'])
    await cpu.settle()
    expect((cpu.nowNs() - start) / 1e9).toBeCloseTo(1.5)
  })
})
