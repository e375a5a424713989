import { describe, expect, it } from 'vitest'
import {
  AT_FDCWD,
  AT_REMOVEDIR,
  O_APPEND,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_RDONLY,
  O_RDWR,
  O_TRUNC,
  O_WRONLY,
  type Path,
  type Sys,
  type Task,
  type Workload,
} from '#shared/kernel/workload.js'
import { TASK } from '#shared/layout.js'
import { FakeCpu } from './fake_cpu.js'

const E = { EPERM: 1, ENOENT: 2, EBADF: 9, EFAULT: 14, EEXIST: 17, ENOTDIR: 20, EISDIR: 21, EINVAL: 22, EMFILE: 24, ENAMETOOLONG: 36, ENOTEMPTY: 39 } // biome-ignore format: a table

/** Runs a body on a fresh CPU and returns what it collected. */
async function collect<T>(body: (sys: Sys, out: T[]) => Task): Promise<T[]> {
  const out: T[] = []
  const cpu = new FakeCpu()
  const status = await cpu.run((sys) => body(sys, out))
  expect(cpu.reports).toEqual([])
  expect(status).toBe(0)
  return out
}

describe('openat', () => {
  it('answers as open(2) says', async () => {
    const cases: [Path, number, number][] = [
      ['/dev/null', O_RDONLY, 3],
      ['/dev/zero', O_RDWR, 3],
      ['/missing', O_RDONLY, -E.ENOENT],
      ['/missing/deeper', O_CREAT | O_WRONLY, -E.ENOENT],
      ['/dev/null/x', O_RDONLY, -E.ENOTDIR],
      ['/dev/null/x', O_CREAT | O_WRONLY, -E.ENOTDIR],
      ['', O_RDONLY, -E.ENOENT],
      ['/tmp', O_RDONLY, 3],
      ['/tmp', O_WRONLY, -E.EISDIR],
      ['/tmp', O_RDONLY | O_CREAT, -E.EISDIR],
      ['/tmp/new/', O_RDWR | O_CREAT, -E.EISDIR],
      ['/dev/zero', O_DIRECTORY, -E.ENOTDIR],
      ['/dev/zero/', O_RDONLY, -E.ENOTDIR],
      ['/dev/zero', O_CREAT | O_EXCL, -E.EEXIST],
      ['/tmp/d', O_CREAT | O_DIRECTORY, -E.EINVAL],
      ['/tmp/../dev/./null', O_RDONLY, 3],
      ['/'.repeat(4096), O_RDONLY, -E.ENAMETOOLONG],
      [0, O_RDONLY, -E.EFAULT],
    ]
    const seen = await collect<number>(function* (sys, out) {
      for (const [path, flags] of cases) {
        const fd = yield sys.openat(AT_FDCWD, path, flags, 0o644)
        out.push(fd)
        if (fd >= 0) yield sys.close(fd)
      }
    })
    expect(seen.map((fd, i) => [cases[i][0].toString().slice(0, 20), cases[i][1], fd])).toEqual(
      cases.map(([path, flags, fd]) => [path.toString().slice(0, 20), flags, fd]),
    )
  })

  it('takes addresses, and names relative to a directory', async () => {
    const seen = await collect<number>(function* (sys, out) {
      out.push(yield sys.openat(AT_FDCWD, sys.string('/dev'), O_RDONLY))
      out.push(yield sys.openat(3, 'null', O_RDONLY))
      out.push(yield sys.openat(4, 'x', O_RDONLY))
      out.push(yield sys.openat(77, 'x', O_RDONLY))
      out.push(yield sys.openat(AT_FDCWD, 'dev/zero', O_RDONLY))
      const end = sys.userBase + sys.user.length
      sys.user.fill(0x61, sys.user.length - 10)
      out.push(yield sys.openat(AT_FDCWD, end - 10, O_RDONLY))
      out.push(yield sys.openat(AT_FDCWD, end, O_RDONLY))
    })
    expect(seen).toEqual([3, 4, -E.ENOTDIR, -E.EBADF, 5, -E.EFAULT, -E.EFAULT])
  })

  it('gives the lowest free descriptor and at most 1024', async () => {
    const seen = await collect<number>(function* (sys, out) {
      for (let i = 3; i < 1024; i++) yield sys.openat(AT_FDCWD, '/dev/null', O_RDONLY)
      out.push(yield sys.openat(AT_FDCWD, '/dev/null', O_RDONLY))
      yield sys.close(500)
      yield sys.close(7)
      out.push(yield sys.openat(AT_FDCWD, '/dev/null', O_RDONLY))
      out.push(yield sys.openat(AT_FDCWD, '/dev/null', O_RDONLY))
      out.push(yield sys.close(9999))
      out.push(yield sys.close(-1))
    })
    expect(seen).toEqual([-E.EMFILE, 7, 500, -E.EBADF, -E.EBADF])
  })
})

describe('read and write', () => {
  it('move bytes through files', async () => {
    const seen = await collect<number | string>(function* (sys, out) {
      const text = sys.string('hello, world')
      const buffer = sys.alloc(100)
      const fd = yield sys.openat(AT_FDCWD, '/tmp/f', O_CREAT | O_RDWR, 0o600)
      out.push(yield sys.write(fd, text, 12))
      out.push(yield sys.read(fd, buffer, 100))
      const again = yield sys.openat(AT_FDCWD, '/tmp/f', O_RDONLY)
      out.push(yield sys.read(again, buffer, 5))
      out.push(sys.text(buffer, 5))
      out.push(yield sys.read(again, buffer, 100))
      out.push(sys.text(buffer, 7))
      const append = yield sys.openat(AT_FDCWD, '/tmp/f', O_WRONLY | O_APPEND)
      out.push(yield sys.write(append, text, 5))
      out.push(yield sys.read(again, buffer, 100))
      yield sys.openat(AT_FDCWD, '/tmp/f', O_WRONLY | O_TRUNC)
      const empty = yield sys.openat(AT_FDCWD, '/tmp/f', O_RDONLY)
      out.push(yield sys.read(empty, buffer, 100))
    })
    expect(seen).toEqual([12, 0, 5, 'hello', 7, ', world', 5, 5, 0])
  })

  it('refuse wrong descriptors and addresses, and stop at the end of user memory', async () => {
    const seen = await collect<number>(function* (sys, out) {
      const end = sys.userBase + sys.user.length
      const zero = yield sys.openat(AT_FDCWD, '/dev/zero', O_RDONLY)
      const sink = yield sys.openat(AT_FDCWD, '/dev/null', O_WRONLY)
      const file = yield sys.openat(AT_FDCWD, '/tmp/g', O_CREAT | O_WRONLY, 0o600)
      const directory = yield sys.openat(AT_FDCWD, '/tmp', O_RDONLY)
      out.push(yield sys.read(99, end - 8, 8))
      out.push(yield sys.read(sink, end - 8, 8))
      out.push(yield sys.write(zero, end - 8, 8))
      out.push(yield sys.read(zero, end - 8, 16))
      out.push(yield sys.read(zero, end, 8))
      out.push(yield sys.read(zero, 0, 8))
      out.push(yield sys.read(zero, -1, 8))
      out.push(yield sys.read(directory, end - 8, 8))
      out.push(yield sys.write(file, end - 8, 16))
      out.push(yield sys.write(file, 8, 16))
      out.push(yield sys.write(sink, 8, 16))
      out.push(yield sys.write(sink, end - 8, 2 ** 31))
      out.push(yield sys.write(sink, 2 ** 47, 1))
    })
    expect(seen).toEqual([
      -E.EBADF, -E.EBADF, -E.EBADF, 8, -E.EFAULT, -E.EFAULT, -E.EFAULT, -E.EISDIR, 8, -E.EFAULT, 16, 0x7ffff000,
      -E.EFAULT,
    ]) // biome-ignore format: a row
  })

  it('print to the machine’s standard error', async () => {
    const cpu = new FakeCpu()
    await cpu.run(function* (sys) {
      yield sys.write(1, sys.string('out\n'), 4)
      yield sys.write(2, sys.string('err\n'), 4)
    })
    expect(cpu.output).toBe('out\nerr\n')
  })
})

describe('unlinkat', () => {
  it('removes names, not open files', async () => {
    const seen = await collect<number>(function* (sys, out) {
      const fd = yield sys.openat(AT_FDCWD, '/tmp/h', O_CREAT | O_RDWR, 0o600)
      out.push(yield sys.unlinkat(AT_FDCWD, '/tmp/h'))
      out.push(yield sys.unlinkat(AT_FDCWD, '/tmp/h'))
      out.push(yield sys.write(fd, sys.string('still'), 5))
      out.push(yield sys.unlinkat(AT_FDCWD, '/tmp'))
      out.push(yield sys.unlinkat(AT_FDCWD, '/dev', AT_REMOVEDIR))
      out.push(yield sys.unlinkat(AT_FDCWD, '/dev/null', AT_REMOVEDIR))
      out.push(yield sys.unlinkat(AT_FDCWD, '/tmp', AT_REMOVEDIR))
      out.push(yield sys.openat(AT_FDCWD, '/tmp', O_RDONLY))
      out.push(yield sys.unlinkat(AT_FDCWD, '/x', 1))
    })
    expect(seen).toEqual([0, -E.ENOENT, 5, -E.EISDIR, -E.ENOTEMPTY, -E.ENOTDIR, 0, -E.ENOENT, -E.EINVAL])
  })
})

describe('user memory', () => {
  it('is aligned, zero, bounded, and forgotten by execve', async () => {
    const seen: number[] = []
    const cpu = new FakeCpu()
    const again: Workload = function* (sys) {
      seen.push(sys.alloc(8) - sys.userBase)
      yield sys.getpid()
    }
    cpu.scheduler.modules.define('test:again', again)
    cpu.publish({ kind: 'executable', path: '/opt/x/again', url: 'test:again' })
    const status = await cpu.run(function* (sys) {
      const first = sys.alloc(1)
      seen.push(first % 16, sys.alloc(1) - first, sys.alloc(100_000), sys.alloc(-1), sys.alloc(Number.NaN))
      seen.push(first - sys.userBase)
      let pieces = 0
      while (sys.alloc(1000) !== 0) pieces++
      seen.push(pieces)
      yield sys.execve('/opt/x/again')
    })
    expect(status).toBe(0)
    expect(seen).toEqual([0, 16, 0, 0, 0, 8192, 52, 8192])
  })

  it('holds as many strings of calls as there are', async () => {
    const seen = await collect<number>(function* (sys, out) {
      const fixed = sys.string('/dev/zero')
      for (let i = 0; i < 5000; i++) {
        const fd = yield sys.openat(AT_FDCWD, `/tmp/${i}-${'n'.repeat(i % 100)}`, O_CREAT | O_WRONLY, 0o600)
        if (fd !== 3) out.push(fd)
        yield sys.close(fd)
      }
      out.push(yield sys.openat(AT_FDCWD, fixed, O_RDONLY))
    })
    expect(seen).toEqual([3])
  })
})

describe('identity', () => {
  it('is what the task’s slot says', async () => {
    const cpu = new FakeCpu(5)
    const seen: unknown[] = []
    const slot = cpu.start(
      function* (sys) {
        seen.push(sys.pid, sys.ppid, sys.uid, sys.gid, sys.cpu, sys.comm)
        seen.push(yield sys.getpid(), yield sys.getppid(), yield sys.getpgid(0), yield sys.getpgid(sys.pid))
        seen.push(yield sys.getpgid(999_999), yield sys.getpgid(-1))
      },
      [],
      { comm: 'a_rather_long_name', uid: 1000 },
    )
    const pid = cpu.views.u32[(slot + TASK.pid) >> 2]
    await cpu.settle()
    expect(seen).toEqual([pid, 1, 1000, 1000, 5, 'a_rather_long_n', pid, 1, pid, pid, -3, -3])
    expect(cpu.views.u32[(slot + TASK.syscalls) >> 2]).toBe(7)
  })
})
