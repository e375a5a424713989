/** Every field of every context that system calls hand to programs, by offset. */
import { describe, expect, it } from 'vitest'
import { findTracepoint } from '#shared/kernel/hooks.js'
import { FILENAME, OPEN_HOW, PT_REGS, SCHED_EXEC, SCHED_EXIT, SCHED_FORK } from '#shared/kernel/records.js'
import { AT_FDCWD, O_CREAT, O_RDONLY, O_WRONLY, type Sys, type Task } from '#shared/kernel/workload.js'
import { CPU, TASK } from '#shared/layout.js'
import { FakeCpu, type Firing } from './fake_cpu.js'

/** Offsets of x86-64's struct pt_regs, from its header. */
const regs = {
  bp: 32, r11: 48, r10: 56, r9: 64, r8: 72, ax: 80, cx: 88, dx: 96, si: 104, di: 112, orig_ax: 120, ip: 128, cs: 136,
  flags: 144, sp: 152, ss: 160,
} // biome-ignore format: a table

const u64 = (firing: Firing, offset: number) => firing.view.getBigUint64(offset, true)
const s64 = (firing: Firing, offset: number) => firing.view.getBigInt64(offset, true)
const u32 = (firing: Firing, offset: number) => firing.view.getUint32(offset, true)

function* writer(sys: Sys): Task {
  const fd = yield sys.openat(AT_FDCWD, '/dev/null', O_WRONLY)
  const buffer = sys.alloc(100)
  yield sys.write(fd, buffer, 77)
}

const first = (cpu: FakeCpu, hook: string): Firing => {
  const found = cpu.firings.find((firing) => firing.hook === hook)
  if (!found) throw new Error(`${hook} did not fire`)
  return found
}

describe('pt_regs', () => {
  it('has the offsets of x86-64', () => {
    for (const [name, offset] of Object.entries(regs))
      expect([name, PT_REGS[name as keyof typeof regs]]).toEqual([name, offset])
    expect(PT_REGS.$bytes).toBe(168)
  })

  it('of __x64_sys_write points to the user registers with the arguments', async () => {
    const cpu = new FakeCpu()
    let user: Uint8Array = new Uint8Array()
    cpu.onFire = (_hook, context) => {
      const at = cpu.views.u32[(context + regs.di) >> 2]
      user = cpu.views.u8.slice(at, at + 168)
    }
    cpu.attach('kprobe:__x64_sys_write')
    const slot = cpu.start(writer)
    const base = cpu.views.u32[(slot + TASK.userBase) >> 2]
    await cpu.settle()
    expect(cpu.firings).toHaveLength(1)
    const [firing] = cpu.firings
    expect(firing.context).toHaveLength(168)
    expect(firing.address).toBeGreaterThanOrEqual(cpu.area + CPU.scratch)
    expect(u64(firing, regs.orig_ax)).toBe(0xffffffffffffffffn)
    expect(u64(firing, regs.cs)).toBe(0x10n)
    expect(u64(firing, regs.ss)).toBe(0x18n)
    expect(u64(firing, regs.flags)).toBe(0x246n)
    expect(u64(firing, regs.ip) >> 32n).toBe(0xffffffffn)
    const view = new DataView(user.buffer)
    expect(view.getBigUint64(regs.di, true)).toBe(3n)
    expect(view.getBigUint64(regs.si, true)).toBe(BigInt(base + 8192))
    expect(view.getBigUint64(regs.dx, true)).toBe(77n)
    expect(view.getBigUint64(regs.r10, true)).toBe(0n)
    expect(view.getBigUint64(regs.orig_ax, true)).toBe(1n)
    expect(view.getBigInt64(regs.ax, true)).toBe(-38n)
    expect(view.getBigUint64(regs.cs, true)).toBe(0x33n)
    expect(view.getBigUint64(regs.ss, true)).toBe(0x2bn)
    expect(view.getBigUint64(regs.cx, true)).toBe(view.getBigUint64(regs.ip, true))
    expect(view.getBigUint64(regs.r11, true)).toBe(view.getBigUint64(regs.flags, true))
    expect(view.getBigUint64(regs.sp, true)).toBeGreaterThan(BigInt(base))
    expect(view.getBigUint64(regs.sp, true)).toBeLessThan(BigInt(base + 65536))
  })

  it('of a kretprobe has the result in ax, negative ones too', async () => {
    const cpu = new FakeCpu()
    cpu.attach('kretprobe:__x64_sys_write', 'kretprobe:do_sys_openat2', 'kretprobe:vfs_write')
    await cpu.run(function* (sys) {
      yield sys.openat(AT_FDCWD, '/missing', O_RDONLY)
      yield sys.write(1, sys.string('x'), 1)
      yield sys.write(99, sys.userBase, 1)
    })
    expect(cpu.firings.map((f) => [f.hook, s64(f, regs.ax)])).toEqual([
      ['kretprobe:do_sys_openat2', -2n],
      ['kretprobe:vfs_write', 1n],
      ['kretprobe:__x64_sys_write', 1n],
      ['kretprobe:__x64_sys_write', -9n],
    ])
  })

  it('of inner functions has their own arguments', async () => {
    const cpu = new FakeCpu()
    const seen: Record<string, unknown> = {}
    cpu.onFire = (hook, context) => {
      const { data, u8 } = cpu.views
      if (hook === 'kprobe:do_sys_openat2') {
        const how = data.getUint32(context + regs.dx, true)
        seen.how = [OPEN_HOW.flags, OPEN_HOW.mode, OPEN_HOW.resolve].map((o) => data.getBigUint64(how + o, true))
      }
      if (hook === 'kprobe:do_unlinkat') {
        const filename = data.getUint32(context + regs.si, true)
        const name = data.getUint32(filename + FILENAME.name, true)
        seen.name = Buffer.from(u8.slice(name, name + 9)).toString()
        seen.uptr = data.getUint32(filename + FILENAME.uptr, true)
      }
      if (hook === 'kprobe:vfs_write') seen.pos = data.getBigUint64(data.getUint32(context + regs.cx, true), true)
    }
    cpu.attach('kprobe:do_sys_openat2', 'kprobe:do_unlinkat', 'kprobe:vfs_write', 'kprobe:vfs_read')
    let path = 0
    let buffer = 0
    await cpu.run(function* (sys) {
      path = sys.string('/tmp/file')
      buffer = sys.alloc(64)
      const fd = yield sys.openat(AT_FDCWD, path, O_CREAT | O_WRONLY, 0o640)
      yield sys.write(fd, buffer, 10)
      yield sys.write(fd, buffer, 20)
      yield sys.read(0, buffer, 5)
      yield sys.unlinkat(AT_FDCWD, path)
    })
    const open = first(cpu, 'kprobe:do_sys_openat2')
    expect([u64(open, regs.di), u64(open, regs.si)]).toEqual([0xffffff9cn, BigInt(path)])
    expect(seen.how).toEqual([BigInt(O_CREAT | O_WRONLY | 0o100000), 0o640n, 0n])
    const write = cpu.firings.filter((f) => f.hook === 'kprobe:vfs_write')
    expect(write.map((f) => [u64(f, regs.si), u64(f, regs.dx)])).toEqual([
      [BigInt(buffer), 10n],
      [BigInt(buffer), 20n],
    ])
    expect(seen.pos).toBe(10n)
    expect(u64(first(cpu, 'kprobe:vfs_read'), regs.dx)).toBe(5n)
    expect(u64(first(cpu, 'kprobe:do_unlinkat'), regs.di)).toBe(0xffffff9cn)
    expect([seen.name, seen.uptr]).toEqual(['/tmp/file', path])
  })
})

describe('tracepoint records', () => {
  it('of system calls have the layout of their format files', async () => {
    const cpu = new FakeCpu()
    cpu.attach(
      'tracepoint:raw_syscalls/sys_enter', 'tracepoint:raw_syscalls/sys_exit',
      'tracepoint:syscalls/sys_enter_openat', 'tracepoint:syscalls/sys_exit_openat',
    ) // biome-ignore format: pairs
    let path = 0
    const slot = cpu.start(function* (sys) {
      path = sys.string('/nowhere')
      yield sys.openat(AT_FDCWD, path, O_CREAT | O_WRONLY, 0o600)
      yield sys.openat(5, 'x', O_RDONLY)
    })
    const pid = cpu.views.u32[(slot + TASK.pid) >> 2]
    await cpu.settle()
    const enter = first(cpu, 'tracepoint:syscalls/sys_enter_openat')
    expect(enter.view.getUint16(0, true)).toBe(findTracepoint('syscalls', 'sys_enter_openat')?.id)
    expect(u32(enter, 4)).toBe(pid)
    expect(u64(enter, 8)).toBe(257n)
    expect([16, 24, 32, 40].map((o) => u64(enter, o))).toEqual([
      0xffffff9cn,
      BigInt(path),
      BigInt(O_CREAT | O_WRONLY),
      0o600n,
    ])
    const raw = cpu.firings.filter((f) => f.hook === 'tracepoint:raw_syscalls/sys_enter' && u64(f, 8) === 257n)
    expect(raw[0].view.getUint16(0, true)).toBe(443)
    expect([16, 24, 32, 40, 48, 56].map((o) => u64(raw[0], o))).toEqual([
      0xffffff9cn,
      BigInt(path),
      BigInt(O_CREAT | O_WRONLY),
      0o600n,
      0n,
      0n,
    ])
    const exits = cpu.firings.filter((f) => f.hook === 'tracepoint:syscalls/sys_exit_openat')
    expect(exits.map((f) => [u64(f, 8), s64(f, 16)])).toEqual([
      [257n, 3n],
      [257n, -9n],
    ])
    const rawExit = cpu.firings.filter((f) => f.hook === 'tracepoint:raw_syscalls/sys_exit' && s64(f, 8) === 257n)
    expect(rawExit.map((f) => s64(f, 16))).toEqual([3n, -9n])
  })

  it('of raw tracepoints are their arguments', async () => {
    const cpu = new FakeCpu()
    const user: bigint[] = []
    cpu.onFire = (_hook, context) => {
      const at = cpu.views.data.getUint32(context, true)
      user.push(cpu.views.data.getBigInt64(at + regs.ax, true))
    }
    cpu.attach('raw_tp:sys_enter', 'raw_tp:sys_exit')
    await cpu.run(function* (sys) {
      yield sys.close(77)
    })
    const calls = cpu.firings.map((f) => [f.hook, s64(f, 8)])
    expect(calls).toEqual([
      ['raw_tp:sys_enter', 59n],
      ['raw_tp:sys_exit', 0n],
      ['raw_tp:sys_enter', 3n],
      ['raw_tp:sys_exit', -9n],
      ['raw_tp:sys_enter', 231n],
    ])
    expect(user).toEqual([-38n, 0n, -38n, -9n, -38n])
  })

  it('of the scheduler carry names and pids', async () => {
    const cpu = new FakeCpu()
    cpu.attach(
      'tracepoint:sched/sched_process_fork',
      'tracepoint:sched/sched_process_exec',
      'tracepoint:sched/sched_process_exit',
      'raw_tp:sched_process_fork',
      'raw_tp:sched_process_exec',
      'raw_tp:sched_process_exit',
    )
    let child = 0
    const slot = cpu.start(
      function* (sys) {
        child = yield sys.fork(function* (sub) {
          yield sub.execve('/bin/true', ['true'])
        })
        yield sys.wait4(-1)
      },
      [],
      { comm: 'parent' },
    )
    const pid = cpu.views.u32[(slot + TASK.pid) >> 2]
    await cpu.settle()
    const text = (f: Firing, locOffset: number) => {
      const loc = u32(f, locOffset)
      return Buffer.from(f.context.subarray(loc & 0xffff, (loc & 0xffff) + (loc >>> 16))).toString()
    }
    const fork = first(cpu, 'tracepoint:sched/sched_process_fork')
    expect([SCHED_FORK.parentCommLoc, SCHED_FORK.parentPid, SCHED_FORK.childCommLoc, SCHED_FORK.childPid]).toEqual([
      8, 12, 16, 20,
    ])
    expect([text(fork, 8), u32(fork, 12), text(fork, 16), u32(fork, 20)]).toEqual(['parent\0', pid, 'parent\0', child])
    const execs = cpu.firings.filter((f) => f.hook === 'tracepoint:sched/sched_process_exec')
    expect([SCHED_EXEC.filenameLoc, SCHED_EXEC.execPid, SCHED_EXEC.oldPid]).toEqual([8, 12, 16])
    expect(execs.map((f) => [text(f, 8), u32(f, 12), u32(f, 16)])).toEqual([
      ['/bin/parent\0', pid, pid],
      ['/bin/true\0', child, child],
    ])
    const exits = cpu.firings.filter((f) => f.hook === 'tracepoint:sched/sched_process_exit')
    expect([SCHED_EXIT.comm, SCHED_EXIT.exitPid, SCHED_EXIT.prio, SCHED_EXIT.groupDead]).toEqual([8, 24, 28, 32])
    expect(
      exits.map((f) => [Buffer.from(f.context.subarray(8, 24)).toString(), u32(f, 24), u32(f, 28), f.context[32]]),
    ).toEqual([
      ['true'.padEnd(16, '\0'), child, 120, 1],
      ['parent'.padEnd(16, '\0'), pid, 120, 1],
    ])
    const raw = first(cpu, 'raw_tp:sched_process_fork')
    expect(u64(raw, 0)).toBe(BigInt(slot))
    expect(cpu.firings.filter((f) => f.hook.startsWith('raw_tp:')).map((f) => f.hook.slice(21))).toEqual([
      'exec',
      'fork',
      'exec',
      'exit',
      'exit',
    ])
  })
})

describe('order', () => {
  it('is the kernel’s for one write', async () => {
    const cpu = new FakeCpu()
    cpu.attach(...cpu.hookNames().filter((name) => /write|raw_tp:sys|raw_syscalls/.test(name)))
    await cpu.run(writer)
    const names = cpu.firings.map((f) => f.hook)
    const from = names.indexOf('tracepoint:syscalls/sys_enter_write')
    expect(names.slice(from - 2, names.indexOf('tracepoint:syscalls/sys_exit_write') + 1)).toEqual([
      'raw_tp:sys_enter',
      'tracepoint:raw_syscalls/sys_enter',
      'tracepoint:syscalls/sys_enter_write',
      'kprobe:__x64_sys_write',
      'kprobe:ksys_write',
      'kprobe:vfs_write',
      'kretprobe:vfs_write',
      'kretprobe:ksys_write',
      'kretprobe:__x64_sys_write',
      'raw_tp:sys_exit',
      'tracepoint:raw_syscalls/sys_exit',
      'tracepoint:syscalls/sys_exit_write',
    ])
  })
})
