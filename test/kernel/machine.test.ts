/** Workloads on a real machine's CPUs, seen by a BPF program compiled from C. */
import { readFileSync } from 'node:fs'
import { afterAll, describe, expect, it } from 'vitest'
import {
  bpf_link__destroy,
  bpf_object__close,
  bpf_object__load,
  bpf_object__next_program,
  bpf_object__open_mem,
  bpf_program__attach,
} from '#lib/index.js'
import { shutdown, spawn, trace_pipe, trace_pipe_text } from '#lib/machine/index.js'

const HELLO = new URL('../../examples/hello.bpf.o', import.meta.url)
const SAMPLE = new URL('../../dist/test/kernel/sample_workload.js', import.meta.url)
const WAIT_MS = 20_000

afterAll(() => shutdown())

describe('workloads on a machine', () => {
  it('fire programs that print to trace_pipe', async () => {
    const obj = bpf_object__open_mem(readFileSync(HELLO), null)
    expect(obj && bpf_object__load(obj)).toBe(0)
    const link = bpf_program__attach(bpf_object__next_program(obj!, null)!)
    expect(link).not.toBeNull()
    const task = spawn('cat', { cpu: 1, args: ['/dev/null', '/etc/hostname'] })
    const lines: string[] = []
    for (const line of trace_pipe({ timeoutMs: WAIT_MS })) {
      if (line !== '') lines.push(line)
      if (lines.length === 2) break
    }
    expect(task.wait(WAIT_MS)).toBe(0)
    const shown = (path: string) =>
      new RegExp(
        `^ {13}cat-${String(task.pid).padEnd(7)} \\[001\\] \\.\\.\\.21 +\\d+\\.\\d{6}: bpf_trace_printk: hello from pid ${task.pid}: open\\("${path}"\\)$`,
      )
    expect(lines[0]).toMatch(shown('/dev/null'))
    expect(lines[1]).toMatch(shown('/etc/hostname'))
    spawn('cat', { cpu: 0, args: ['/dev/zero/x'] }).wait(WAIT_MS)
    for await (const line of trace_pipe({ timeoutMs: WAIT_MS })) if (line.includes('/dev/zero/x')) break
    bpf_link__destroy(link!)
    trace_pipe_text()
    expect(spawn('cat', { cpu: 0, args: ['/dev/null'] }).wait(WAIT_MS)).toBe(0)
    expect(trace_pipe_text()).toBe('')
    expect([...trace_pipe({ timeoutMs: 1 })]).toEqual([])
    bpf_object__close(obj!)
  })

  it('run modules, side by side on one CPU, and end when killed', () => {
    const dd = spawn('dd', { cpu: 0, args: ['if=/dev/zero', 'of=/dev/null'] })
    const sleeper = spawn('sleep', { cpu: 0, args: ['1000'] })
    const module = spawn(SAMPLE, { cpu: 0, comm: 'mod', args: ['a', 'b'] })
    expect(module.wait(WAIT_MS)).toBe(2 << 8)
    expect([dd.running, sleeper.running]).toEqual([true, true])
    const deadlineMs = performance.now() + WAIT_MS
    while (dd.syscalls <= 3 && performance.now() < deadlineMs);
    expect(dd.syscalls).toBeGreaterThan(3)
    expect([dd.kill(), sleeper.kill(15)]).toEqual([0, 0])
    expect([dd.wait(WAIT_MS), sleeper.wait(WAIT_MS)]).toEqual([9, 15])
  })
})
