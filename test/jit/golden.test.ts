/**
 * What the compiler makes of small programs: their text and their WebAssembly, as checked in. After a wanted change,
 * GOLDEN=write replaces the files.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import wabtModule from 'wabt'
import { compile, type MapFacts } from '#lib/jit/compile.js'
import { helperName } from '#lib/verifier/helpers.js'
import { decode } from '#shared/isa/decode.js'
import { disassemble } from '#shared/isa/text.js'
import { CPU, FAULT } from '#shared/layout.js'
import * as bpf from '#shared/uapi/bpf.js'
import { insn, program } from '#test/jit/assembler.js'

const folder = join(import.meta.dirname, 'golden')
const exit = insn('exit')
const map = (type: number, shape: string): MapFacts => {
  const common = { address: 0x200000, values: 0x200080, keyBytes: 4, valueBytes: 8, maxEntries: 16, flags: 0 }
  return { ...common, type, shape }
}
const ARRAY = map(bpf.BPF_MAP_TYPE_ARRAY, 'array:v8')
const HASH = map(bpf.BPF_MAP_TYPE_HASH, 'hash:k4:v8')
const TAILS = map(bpf.BPF_MAP_TYPE_PROG_ARRAY, 'prog_array')
/** r2 = a key of 0 on the stack, r1 = the map with fd 1. */
const key = [
  insn('stw', { dst: 10, off: -4 }),
  insn('imm64.mapFd', { dst: 1, imm: 1 }),
  insn('mov64.reg', { dst: 2, src: 10 }),
  insn('add64.imm', { dst: 2, imm: -4 }),
]
const countDown = [
  insn('mov64.imm', { dst: 0 }),
  insn('mov64.imm', { dst: 1, imm: 10 }),
  insn('add64.reg', { dst: 0, src: 1 }),
  insn('sub64.imm', { dst: 1, imm: 1 }),
  insn('jne64.imm', { dst: 1, imm: 0, off: -3 }),
]

interface Golden {
  readonly insns: Uint8Array
  readonly type?: number
  readonly map?: MapFacts
  readonly mode?: 'checked' | 'direct'
  readonly partInsns?: number
}

const goldens: Record<string, Golden> = {
  constant: { insns: program(insn('mov64.imm', { imm: 2 }), exit) },
  arithmetic: {
    insns: program(
      insn('imm64.value', { dst: 0, imm: 77 }),
      insn('mul64.imm', { dst: 0, imm: 3 }),
      insn('mov32.reg', { dst: 1, src: 0 }),
      insn('sdiv32.reg', { dst: 0, src: 1 }),
      insn('mod64.reg', { dst: 0, src: 1 }),
      insn('be32', { dst: 0 }),
      insn('movsx64.8', { dst: 0, src: 0 }),
      exit,
    ),
  },
  branches: {
    insns: program(
      insn('mov64.imm', { dst: 0 }),
      insn('ldxw', { dst: 1, src: 1 }),
      insn('jsgt64.imm', { dst: 1, imm: 5, off: 2 }),
      insn('add64.imm', { dst: 0, imm: 1 }),
      insn('ja', { off: 1 }),
      insn('jset32.imm', { dst: 1, imm: 8, off: 1 }),
      insn('add64.imm', { dst: 0, imm: 2 }),
      exit,
    ),
  },
  loop: { insns: program(countDown, exit) },
  irreducible: {
    insns: program(
      insn('mov64.imm', { dst: 0 }),
      insn('ldxw', { dst: 1, src: 1 }),
      insn('jeq64.imm', { dst: 1, imm: 0, off: 1 }),
      insn('add64.imm', { dst: 0, imm: 1 }),
      insn('add64.imm', { dst: 0, imm: 2 }),
      insn('jlt64.imm', { dst: 0, imm: 9, off: -3 }),
      exit,
    ),
  },
  parts: { insns: program(countDown, countDown, exit), partInsns: 2 },
  stack: {
    insns: program(
      insn('stdw', { dst: 10, off: -8, imm: 4 }),
      insn('mov64.imm', { dst: 1, imm: 3 }),
      insn('atomic64.add.fetch', { dst: 10, src: 1, off: -8 }),
      insn('ldxsw', { dst: 0, src: 10, off: -8 }),
      exit,
    ),
  },
  checked: { insns: program(insn('ldxw', { dst: 0, src: 1, off: 4 }), exit), mode: 'checked' },
  packet: {
    insns: program(
      insn('ldxw', { dst: 2, src: 1, off: 4 }),
      insn('ldxw', { dst: 1, src: 1 }),
      insn('mov64.reg', { dst: 3, src: 1 }),
      insn('add64.imm', { dst: 3, imm: 14 }),
      insn('mov64.imm', { dst: 0 }),
      insn('jgt64.reg', { dst: 3, src: 2, off: 1 }),
      insn('ldxh', { dst: 0, src: 1, off: 12 }),
      exit,
    ),
  },
  array_counter: {
    map: ARRAY,
    insns: program(
      key,
      insn('call', { imm: 1 }),
      insn('jeq64.imm', { dst: 0, imm: 0, off: 2 }),
      insn('mov64.imm', { dst: 1, imm: 1 }),
      insn('atomic64.add', { dst: 0, src: 1 }),
      insn('mov64.imm', { dst: 0 }),
      exit,
    ),
  },
  hash_delete: { map: HASH, insns: program(key, insn('call', { imm: 3 }), exit) },
  subprogram_tail_call: {
    map: TAILS,
    insns: program(
      insn('call.local', { imm: 1 }),
      exit,
      insn('imm64.mapFd', { dst: 2, imm: 1 }),
      insn('mov64.imm', { dst: 3, imm: 2 }),
      insn('call', { imm: 12 }),
      insn('mov64.imm', { dst: 0, imm: 1 }),
      exit,
    ),
  },
  callback: {
    insns: program(
      insn('mov64.imm', { dst: 1, imm: 4 }),
      insn('imm64.function', { dst: 2, imm: 5 }),
      insn('mov64.imm', { dst: 3 }),
      insn('mov64.imm', { dst: 4 }),
      insn('call', { imm: 181 }),
      exit,
      insn('mov64.imm', { dst: 0 }),
      exit,
    ),
  },
}

/** Smaller numbers are more likely others than offsets in a CPU's area. */
const OFFSET_MIN = 100
const offsetNames = new Map<number, string>([
  ...Object.entries(FAULT).map(([name, offset]): [number, string] => [CPU.fault + offset, `CPU.fault.${name}`]),
  ...Object.entries(CPU).map(([name, offset]): [number, string] => [offset, `CPU.${name}`]),
])

/** `text` with the offsets in a CPU's area by name: the files shall not change with the layout. */
function withNames(text: string): string {
  return text.replace(/(offset=|i32\.const )(\d+)\b/g, (all, before: string, digits: string) => {
    const name = Number(digits) < OFFSET_MIN ? undefined : offsetNames.get(Number(digits))
    return name === undefined ? all : `${before}${name}`
  })
}

async function describeProgram(name: string, golden: Golden): Promise<string> {
  const { insns, type = bpf.BPF_PROG_TYPE_XDP, map, mode = 'direct', partInsns } = golden
  const code = decode(insns)
  const lines: string[] = []
  for (let i = 0; i < code.count; i++) {
    if (code.wide[i] !== 2) lines.push(`;; ${i}: ${disassemble(code, i, { helperName })}`)
  }
  const maps = new Map(map ? [[1, map]] : [])
  const { bytes } = compile({ name, type, insns, maps, mode, partInsns })
  const wabt = await wabtModule()
  const module = wabt.readWasm(bytes, { readDebugNames: true, threads: true, tail_call: true })
  const text = module.toText({ foldExprs: false, inlineExport: false })
  module.destroy()
  return `${lines.join('\n')}\n${withNames(text)}`
}

describe('the compiler', () => {
  it.each(Object.entries(goldens))('makes of %s what it made before', async (name, golden) => {
    const text = await describeProgram(name, golden)
    const path = join(folder, `${name}.wat`)
    if (process.env.GOLDEN === 'write') {
      mkdirSync(folder, { recursive: true })
      writeFileSync(path, text)
    }
    expect(text).toBe(readFileSync(path, 'utf8'))
  })
})
