import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { makeTracePrintk } from '#cpu/helpers/trace_printk.js'
import { symbolAddressLow } from '#shared/kernel/hooks.js'
import { CPU, HEADER, TRACE, TRACE_RING_BYTES } from '#shared/layout.js'
import { formatTraceEvent, TraceReader } from '#shared/rings/trace.js'
import { BPF_PROG_TYPE_KPROBE, BPF_PROG_TYPE_RAW_TRACEPOINT, BPF_PROG_TYPE_XDP } from '#shared/uapi/bpf.js'
import { FakeCpu } from '../kernel/fake_cpu.js'
import { setCurrent } from './harness.js'

type Argument = string | { text: string; user: boolean }

/** One call as the kernel answered it; text is what the line showed, null when there was none. */
interface Recorded {
  format: string
  size: number | null
  args: Argument[]
  ret: number
  text: string | null
}

const file = new URL('./recorded/trace_printk.json', import.meta.url)
const recorded: Recorded[] = JSON.parse(readFileSync(file, 'utf8'))

class Printer {
  readonly cpu = new FakeCpu(0)
  readonly printk = makeTracePrintk(this.cpu)
  readonly reader = new TraceReader(this.cpu.views)

  constructor(type = BPF_PROG_TYPE_KPROBE) {
    setCurrent(this.cpu.harness, { pid: 4242, tgid: 4242, uid: 0, gid: 0, comm: 'printer' })
    this.cpu.views.u32[(this.cpu.area + CPU.programType) >> 2] = type
  }

  /** Calls the helper with a format and arguments as the JIT does. */
  call(format: Uint8Array, size: number, args: Argument[]): number {
    const { harness } = this.cpu
    const { u8, data } = harness.views
    const user = harness.views.u32[HEADER.user >> 2]
    u8.fill(0xee, harness.heap, harness.heap + 256)
    u8.set(format, harness.heap)
    let at = harness.heap + 256
    args.forEach((arg, i) => {
      let value = typeof arg === 'string' ? BigInt(`0x${arg}`) : 0n
      if (typeof arg !== 'string') {
        const bytes = Buffer.from(arg.text, 'hex')
        const where = arg.user ? user + 1000 * i : at
        u8.set(bytes, where)
        if (!arg.user) at += bytes.length
        value = BigInt(where)
      }
      data.setBigUint64(harness.area + CPU.helperArguments + (2 + i) * 8, value, true)
    })
    return this.printk(harness.heap, size)
  }

  print(text: string, ...args: (number | bigint)[]): number {
    const format = Buffer.from(`${text}\0`)
    return this.call(
      format,
      format.length,
      args.map((arg) => BigInt.asUintN(64, BigInt(arg)).toString(16)),
    )
  }
}

/** Hashed pointers and the kernel's own symbols differ from kernel to kernel: the rest of the text must not. */
const isOurOwn = (r: Recorded) =>
  /srso|%(\d*)p[K,% ]?($|[^a-zA-Z])|%pKx/.test(Buffer.from(r.format, 'hex').toString() + r.text)

describe('bpf_trace_printk', () => {
  const printer = new Printer()
  const answer = (r: Recorded) => {
    const format = Buffer.from(r.format, 'hex')
    const ret = printer.call(format, r.size ?? format.length, r.args)
    const event = printer.reader.next()
    return { ret, text: event?.text }
  }

  it('returns and prints what the kernel did', () => {
    const cases = recorded.filter((r) => !isOurOwn(r))
    expect(cases.length).toBeGreaterThan(500)
    for (const r of cases) {
      const { ret, text } = answer(r)
      const seen = { ...r, ret, text: text === undefined ? null : Buffer.from(text).toString() }
      expect(seen).toEqual({ ...r, text: r.text === null ? null : expectedText(r) })
    }
  })

  it('hashes pointers to the length that the kernel prints', () => {
    for (const r of recorded.filter((c) => isOurOwn(c) && !/srso/.test(c.text ?? ''))) {
      const { ret, text } = answer(r)
      // Hashes have eight digits, or fewer when the first ones are 0 and a width is given.
      const width = /^%(\d)p\0$/.exec(Buffer.from(r.format, 'hex').toString())?.[1]
      if (width !== undefined && r.ret > 0) {
        expect(text).toMatch(/^ *[0-9a-f]{1,8}$/)
        expect(text!.length).toBeGreaterThanOrEqual(Number(width))
        expect(ret).toBe(text!.length)
        continue
      }
      expect([r.format, ret]).toEqual([r.format, r.ret])
      const mask = (s: string) => s.replace(/0{8}[0-9a-f]{8}|[0-9a-f]{8}$/g, '#')
      if (!/^257?[0-9]+70/.test(r.format)) expect(mask(text ?? '')).toBe(mask(r.text ?? ''))
    }
  })

  it('hashes one address always alike, and different ones differently', () => {
    printer.print('%p %p %p', 0x1000, 0x1000, 0x2000)
    const [a, b, c] = printer.reader.next()!.text.split(' ')
    expect(a).toBe(b)
    expect(a).not.toBe(c)
    expect(a).toMatch(/^0{8}[0-9a-f]{8}$/)
  })

  it('names the simulated kernel’s symbols', () => {
    const address = (0xffffffffn << 32n) | BigInt(symbolAddressLow('vfs_write'))
    printer.print('%ps %pS', address, address + 4n)
    expect(printer.reader.next()!.text).toBe('vfs_write vfs_write+0x4/0x100')
  })

  it('shows who printed, where and when, as trace_pipe does', () => {
    const { cpu } = printer
    cpu.harness.clock.nowNs = 1_888_119_491_400
    printer.print('hello')
    expect(printer.reader.read()).toBe('         printer-4242    [000] ...21  1888.119491: bpf_trace_printk: hello\n')
    cpu.views.u32[(cpu.area + CPU.currentTask) >> 2] = 0
    printer.print('idle')
    expect(printer.reader.read()).toBe('       swapper/0-0       [000] ...21  1888.119491: bpf_trace_printk: idle\n')
    expect(printer.reader.read()).toBe('')
  })

  it('shows the state in which each type of program runs', () => {
    for (const [type, columns] of [
      [BPF_PROG_TYPE_XDP, 'b..11'],
      [BPF_PROG_TYPE_RAW_TRACEPOINT, '...2.'],
    ] as const) {
      const other = new Printer(type)
      other.print('x')
      expect(other.reader.read()).toContain(` [000] ${columns} `)
    }
  })

  it('ends each text with a newline of its own', () => {
    const other = new Printer()
    other.print('one\n')
    other.print('two')
    expect([...other.reader.lines()].map((line) => line.replace(/.*: /, ''))).toEqual(['one', '', 'two'])
  })
})

/** The recording read the trace as Latin-1 and dropped empty lines, and thus final newlines. */
function expectedText(r: Recorded): string {
  const text = Buffer.from(r.text ?? '', 'latin1').toString()
  const format = Buffer.from(r.format, 'hex').toString('latin1').replace(/\0.*$/s, '')
  const argument = typeof r.args[0] === 'object' ? Buffer.from(r.args[0].text, 'hex').toString('latin1') : ''
  const newlines = /\n*$/.exec(format)![0] || (format === '%s' ? /\n*(?=\0?$)/.exec(argument)![0] : '')
  const character = format === '%c' && r.args[0] === '000000000000000a' ? '\n' : ''
  return text + newlines + character
}

describe('formatTraceEvent', () => {
  const event = { comm: 'x', pid: 1, cpu: 1, flags: 0, preempt: 0, timeNs: 0, text: 't' }
  it('keeps its columns', () => {
    expect(formatTraceEvent(event)).toBe('               x-1       [001] .....     0.000000: bpf_trace_printk: t')
    const big = {
      ...event,
      comm: 'fifteen_letters',
      pid: 12345678,
      cpu: 64,
      flags: 1 | 128 | 8,
      timeNs: 1_234_567_000_001_499,
    }
    expect(formatTraceEvent(big)).toBe(' fifteen_letters-12345678 [064] D.h.. 1234567.000001: bpf_trace_printk: t')
  })
})

describe('trace_pipe’s ring', () => {
  it('drops and counts what does not fit, and wraps whole records', () => {
    const printer = new Printer()
    const text = 'x'.repeat(200)
    let printed = 0
    while (printer.reader.dropped === 0) printer.print(`${printed++} ${text}`)
    let seen = 0
    for (let event = printer.reader.next(); event; event = printer.reader.next()) {
      expect(event.text).toBe(`${seen++} ${text}`)
    }
    expect(seen).toBe(printed - 1)
    expect(seen * 248).toBeGreaterThan(TRACE_RING_BYTES - 1000)
    // Many times around, with records of every length.
    for (let i = 0; i < 20_000; i++) {
      const line = `${i} ${'y'.repeat(i % 201)}`
      printer.print(line)
      expect(printer.reader.next()?.text).toBe(line)
    }
    expect(printer.reader.next()).toBeUndefined()
    const head = printer.cpu.views.u32[(printer.cpu.header('trace') + TRACE.head) >> 2]
    expect(head).toBeGreaterThan(2 * TRACE_RING_BYTES)
  })
})
