import { afterAll, describe, expect, it } from 'vitest'
import {
  BPF_PROG_TYPE_RAW_TRACEPOINT,
  BPF_PROG_TYPE_XDP,
  bpf_prog_load,
  bpf_prog_test_run_opts,
  bpf_prog_test_run_opts_async,
  type bpf_test_run_opts,
} from '#lib/index.js'
import { shutdown } from '#lib/machine/index.js'
import { currentKernel } from '#lib/syscall/current.js'
import { insn, program } from '#test/jit/assembler.js'
import { runNode } from '#test/machine/child.js'

const returns = (value: number) => program(insn('mov64.imm', { imm: value }), insn('exit'))
const load = (type: number, insns: Uint8Array) => bpf_prog_load(type, null, 'GPL', insns)
/** More than a CPU's event ring holds. */
const MANY = 100
const BURST = 20

afterAll(shutdown)

describe('bpf_prog_test_run_opts_async', () => {
  it('leaves the event loop free and gives the same answers', async () => {
    const fd = load(BPF_PROG_TYPE_XDP, returns(7))
    const opts: bpf_test_run_opts = { data_in: new Uint8Array(64), repeat: 5_000_000 }
    let ticks = 0
    const timer = setInterval(() => ticks++, 1)
    expect(await bpf_prog_test_run_opts_async(fd, opts)).toBe(0)
    clearInterval(timer)
    expect(opts).toMatchObject({ retval: 7, data_size_out: 64 })
    expect(ticks).toBeGreaterThan(0)
    expect(await bpf_prog_test_run_opts_async(fd, {})).toBe(-22)
    expect(await bpf_prog_test_run_opts_async(-1, {})).toBe(-9)
    currentKernel().close(fd)
  })

  it('keeps the results of pending runs apart, whatever runs meanwhile', async () => {
    const fds = [1, 2, 3].map((value) => load(BPF_PROG_TYPE_RAW_TRACEPOINT, returns(value)))
    const pending = Array.from({ length: BURST }, async (_, n) => {
      const opts: bpf_test_run_opts = {}
      expect(await bpf_prog_test_run_opts_async(fds[n % 3], opts)).toBe(0)
      return opts.retval
    })
    for (let n = 0; n < MANY; n++) {
      const opts: bpf_test_run_opts = {}
      expect(bpf_prog_test_run_opts(fds[n % 3], opts)).toBe(0)
      expect(opts.retval).toBe((n % 3) + 1)
    }
    expect(await Promise.all(pending)).toEqual(Array.from({ length: BURST }, (_, n) => (n % 3) + 1))
    for (const fd of fds) currentKernel().close(fd)
  })

  it('keeps the program until the run has ended', async () => {
    const { machine, programs } = currentKernel()
    const before = [machine.allocator.usedBytes, programs.size]
    const fd = load(BPF_PROG_TYPE_XDP, returns(9))
    const opts: bpf_test_run_opts = { data_in: new Uint8Array(64), repeat: 3_000_000 }
    const run = bpf_prog_test_run_opts_async(fd, opts)
    currentKernel().close(fd)
    expect(await run).toBe(0)
    expect(opts.retval).toBe(9)
    expect([machine.allocator.usedBytes, programs.size]).toEqual(before)
  })
})

describe('SIGINT', () => {
  it('ends millions of repetitions with -EINTR; the program can be run again', async () => {
    const { lines, code } = await runNode('../../libbpf/child/test_run_sigint.js', [], {
      onLine: (line, child) => void (line === 'ready' && setTimeout(() => child.kill('SIGINT'), 300)),
    })
    expect(lines).toEqual(['ready', 'heard', 'run: -4', 'again: 0 5'])
    expect(code).toBe(0)
  })
})
