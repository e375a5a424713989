import { readFileSync } from 'node:fs'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type DebugSession, debug, type Stop } from '#lib/debug/index.js'
import * as api from '#lib/index.js'
import { shutdown, spawn } from '#lib/machine/index.js'
import { currentKernel } from '#lib/syscall/current.js'
import { insn, program } from '#test/jit/assembler.js'
import { fdOfMap, fdOfProgram, loaded, program as objectPath, runXdp } from '#test/libbpf/support.js'

const DONE_MS = 20_000

let before: number[]

function state(): number[] {
  const { files, maps, programs, machine } = currentKernel()
  return [files.count, maps.size, programs.size, machine.allocator.usedBytes]
}

beforeEach(() => {
  before = state()
})
afterEach(() => {
  expect(state()).toEqual(before)
})
afterAll(shutdown)

/** Line number of the line of a C source that contains `text`. */
function lineOf(source: string, text: string): number {
  const path = objectPath(source).replace(/\.o$/, '.c')
  return (
    readFileSync(path, 'utf8')
      .split('\n')
      .findIndex((line) => line.includes(text)) + 1
  )
}

const packet = () => ({ data_in: new Uint8Array(64) }) as api.bpf_test_run_opts & { data_in: Uint8Array }

function started(session: DebugSession, opts: api.bpf_test_run_opts): Stop {
  const stop = session.run(opts)
  if (typeof stop === 'number') throw new Error(`run: ${stop}`)
  return stop
}

describe('a test run under the debugger', () => {
  it('goes by single instructions, with registers and stack', () => {
    const code = program(
      insn('mov64.imm', { dst: 1, imm: -2 }),
      insn('stxdw', { dst: 10, src: 1, off: -8 }),
      insn('ldxdw', { dst: 0, src: 10, off: -8 }),
      insn('exit'),
    )
    const fd = api.bpf_prog_load(api.BPF_PROG_TYPE_XDP, 'tiny', 'GPL', code)
    const session = debug(fd)
    const opts = packet()
    expect(started(session, opts)).toMatchObject({ reason: 'entry', pc: 0, steps: 0 })
    expect(session.disassemble()).toBe('(b7) r1 = -2')
    expect(session.registers()[1]).toBe(BigInt(session.context.address))
    expect(session.step()).toMatchObject({ reason: 'step', pc: 1, steps: 1 })
    expect(session.registers()[1]).toBe(2n ** 64n - 2n)
    session.step()
    expect(new DataView(session.stack().buffer).getBigInt64(504, true)).toBe(-2n)
    session.write(session.registers()[10] - 8n, Uint8Array.of(9, 0, 0, 0, 0, 0, 0, 0))
    session.step()
    expect(session.registers()[0]).toBe(9n)
    session.setRegister(0, 77n)
    expect(session.step()).toMatchObject({ reason: 'exit', pc: 3, steps: 4 })
    expect(session.cont().reason).toBe('done')
    expect([session.error, opts.retval]).toEqual([0, 77])
    session.close()
    currentKernel().close(fd)
  })

  it('stops at source lines; shows the functions under way; steps over and out', () => {
    const object = loaded('subprograms')
    const session = debug(fdOfProgram(object, 'pythagoras'))
    const [square] = session.breakAtLine(lineOf('subprograms', 'return x * x'), 'subprograms.bpf.c')
    expect(session.breakAtLine(9999)).toEqual([])
    const opts = packet()
    started(session, opts)
    expect(session.cont()).toMatchObject({ reason: 'breakpoint', pc: square })
    const trace = session.backtrace()
    expect(trace.map(({ name }) => name)).toEqual(['square', 'sum_of_squares', 'pythagoras'])
    expect(trace[0].source).toMatch(/^subprograms\.bpf\.c:\d+: return x \* x;$/)
    expect(trace[0].r10 - trace[2].r10).toBe(1024n)
    expect(session.stepOut()).toMatchObject({ reason: 'step' })
    expect(session.backtrace()[0].name).toBe('sum_of_squares')
    expect(session.cont().reason).toBe('breakpoint')
    session.clear()
    expect(session.cont().reason).toBe('exit')
    expect(session.registers()[0]).toBe(25n)
    expect(session.cont().reason).toBe('done')
    started(session, opts)
    let stop = session.stepOver()
    const seen = new Set<string>()
    for (; stop.reason === 'step'; stop = session.stepOver()) seen.add(session.backtrace()[0].name)
    expect([...seen]).toEqual(['pythagoras'])
    session.close()
    expect(opts.retval).toBe(25)
    api.bpf_object__close(object)
  })

  it.each([
    ['maps', ['count_hash', 'count_hash', 'count_array', 'count_percpu_hash', 'count_percpu_array', 'delete_hash']],
    ['callbacks', ['sum_map', 'sum_loop']],
    ['subprograms', ['pythagoras', 'triple_square', 'no_calls']],
  ])('calls the real helpers and maps: %s gives what compiled programs give', (name, programs) => {
    const [compiled, interpreted] = [loaded(name), loaded(name)]
    if (name === 'callbacks') {
      for (const object of [compiled, interpreted]) {
        for (const key of [0, 1, 2, 3]) {
          const value = BigUint64Array.of(BigInt(key) * 7n)
          api.bpf_map_update_elem(fdOfMap(object, 'numbers'), Uint32Array.of(key), value, 0)
        }
      }
    }
    for (const each of programs) {
      const expected = runXdp(compiled, each)
      const session = debug(fdOfProgram(interpreted, each))
      const opts = packet()
      started(session, opts)
      expect(session.cont().reason).toBe('exit')
      expect(session.cont().reason).toBe('done')
      expect([each, (opts.retval ?? 0) | 0]).toEqual([each, expected])
      session.close()
    }
    for (const object of [compiled, interpreted]) api.bpf_object__close(object)
  })

  it('reports what compiled programs would trap at, and -EFAULT as the result', () => {
    const code = program(insn('mov64.imm', { dst: 2 }), insn('ldxw', { dst: 0, src: 2, off: 16 }), insn('exit'))
    const fd = api.bpf_prog_load(api.BPF_PROG_TYPE_XDP, 'wrong', 'GPL', code)
    const session = debug(fd)
    started(session, packet())
    expect(session.cont()).toMatchObject({ reason: 'fault', pc: 1, message: 'invalid read of 4 bytes at 0x10' })
    expect(session.cont().reason).toBe('done')
    expect(session.error).toBe(-14)
    session.close()
    currentKernel().close(fd)
  })

  it('runs each repetition; close() lets the rest run, and the program is compiled again', () => {
    const object = loaded('maps')
    const fd = fdOfProgram(object, 'count_array')
    const session = debug(fd)
    const opts = { ...packet(), repeat: 5 }
    started(session, opts)
    expect(session.cont().reason).toBe('exit')
    expect(session.cont().reason).toBe('entry')
    session.close()
    expect(opts).toMatchObject({ retval: 5 })
    expect(runXdp(object, 'count_array')).toBe(6)
    api.bpf_object__close(object)
  })

  it('can pause a program that runs long', () => {
    const last = 0x7fffffff
    const code = program(
      insn('mov64.imm'),
      insn('may_goto', { off: 2 }),
      insn('add64.imm', { imm: 1 }),
      insn('jne64.imm', { imm: last, off: -3 }),
      insn('exit'),
    )
    const fd = api.bpf_prog_load(api.BPF_PROG_TYPE_RAW_TRACEPOINT, 'loop', 'GPL', code)
    expect(fd).toBeGreaterThan(0)
    const session = debug(fd, { timeoutMs: 200 })
    const opts: api.bpf_test_run_opts = {}
    started(session, opts)
    expect(session.cont().reason).toBe('running')
    expect(session.pause()).toMatchObject({ reason: 'step' })
    expect(session.registers()[0]).toBeGreaterThan(0n)
    session.setRegister(0, BigInt(last - 2))
    expect(session.cont().reason).toBe('exit')
    session.close()
    expect(opts.retval).toBe(last)
    currentKernel().close(fd)
  })

  it('refuses what cannot be: wrong descriptors, CPUs, instructions, a second session, refused runs', () => {
    const object = loaded('subprograms')
    const fd = fdOfProgram(object, 'no_calls')
    expect(() => debug(-1)).toThrow('descriptor')
    expect(() => debug(fd, { cpu: 99 })).toThrow('no CPU 99')
    const session = debug(fd)
    expect(() => debug(fd)).toThrow('already')
    expect(() => session.breakAt(1000)).toThrow('no instruction')
    expect(() => session.setRegister(10, 0n)).toThrow('r10')
    expect(() => session.read(2 ** 40, 8)).toThrow('no memory')
    expect(session.run({ data_in: new Uint8Array(3) })).toBe(-22)
    expect(session.where().reason).toBe('running')
    session.close()
    session.close()
    api.bpf_object__close(object)
  })
})

describe('an attached program under the debugger', () => {
  it('stops where its hook fires, and the CPU waits', () => {
    const object = loaded('kprobe_write')
    const onWrite = api.bpf_object__find_program_by_name(object, 'on_write')!
    const link = api.bpf_program__attach(onWrite)!
    const session = debug(api.bpf_program__fd(onWrite), { cpu: 0 })
    expect(session.wait(0).reason).toBe('running')
    session.breakAtLine(lineOf('kprobe_write', 'bpf_map_update_elem(&last'))
    const task = spawn('dd', { cpu: 0, args: ['if=/dev/zero', 'of=/dev/null', 'bs=16', 'count=2'] })
    const { pid } = task
    expect(session.wait(DONE_MS).reason).toBe('entry')
    const stop = session.cont()
    expect(stop.reason).toBe('breakpoint')
    expect(stop.source).toContain('bpf_map_update_elem(&last')
    const fd = fdOfMap(object, 'last')
    expect(api.bpf_map_lookup_elem(fd, Uint32Array.of(pid), new Uint8Array(64))).toBe(-2)
    expect(Buffer.from(session.stack()).toString('latin1')).toContain('dd\0')
    session.clear()
    expect(session.cont().reason).toBe('exit')
    expect(api.bpf_map_lookup_elem(fd, Uint32Array.of(pid), new Uint8Array(64))).toBe(0)
    session.close()
    expect(task.wait(DONE_MS)).toBe(0)
    api.bpf_link__destroy(link)
    api.bpf_object__close(object)
  })
})
