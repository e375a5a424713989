/** Linked programs against those that libbpf hands to the kernel, and the tables that go with them. */
import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { isFailure } from '#lib/elf/failure.js'
import { type LinkedProgram, linkProgram } from '#lib/object/link.js'
import { readGood } from '#test/object/support.js'

/**
 * First 16 digits of the SHA-256 of the instructions of bpf_program__insns after a load by libbpf 1.1.2 (the kernel
 * took all of them), with map descriptors replaced by the map's number. To be taken anew when an object is rebuilt with
 * another result.
 */
const LIBBPF: Record<string, Record<string, string>> = {
  callbacks: { sum_map: '36329bcbdd438048', sum_loop: 'a48ee7ce8abac3fe' },
  globals: { advance: '11dfc49cf3774e37', letter: '4f14cdd75e24360d' },
  subprograms: {
    pythagoras: 'e31fae1498985034',
    triple_square: '61cbdcba88e4ceb9',
    no_calls: '084a4fd24609c581',
    other_section: 'a6f0949130867698',
  },
  'compilers/clang-13': {
    first: '098642b6aab4a878',
    second: '8367d7ed864fcfc8',
    on_unlink: 'a195c7737082a004',
    not_loaded: '6a26f980c6ce9f3e',
  },
  'compilers/clang-19': {
    first: '124cc21c3a660fcd',
    second: '59182f0775cfb9e6',
    on_unlink: 'a195c7737082a004',
    not_loaded: '9d22ed5e72b24e53',
  },
}

function link(object: string, name: string): LinkedProgram {
  const image = readGood(object)
  const program = image.programs.find((item) => item.name === name)
  if (!program) throw new Error(`no program ${name} in ${object}`)
  const linked = linkProgram(image, program)
  if (isFailure(linked)) throw new Error(linked.message)
  return linked
}

describe('linked instructions', () => {
  const cases = Object.entries(LIBBPF).flatMap(([object, programs]) =>
    Object.entries(programs).map(([name, digest]) => [object, name, digest] as const),
  )

  it.each(cases)('%s %s are libbpf’s', (object, name, digest) => {
    expect(createHash('sha256').update(link(object, name).insns).digest('hex').slice(0, 16)).toBe(digest)
  })

  it('appends subprograms depth first, each once', () => {
    expect(link('subprograms', 'pythagoras').subprograms).toEqual([
      [0, 'pythagoras'],
      [4, 'sum_of_squares'],
      [11, 'square'],
    ])
    expect(link('subprograms', 'other_section').subprograms.map(([, name]) => name)).toEqual([
      'other_section',
      'sum_of_squares',
      'square',
      'global_triple',
    ])
    expect(link('subprograms', 'no_calls').insns.length).toBe(16)
  })

  it('lists map references with the offsets of variables', () => {
    const { mapRefs, insns } = link('globals', 'letter')
    expect(mapRefs).toEqual([
      { insn: 0, map: 4, kind: 'value', offset: 0 },
      { insn: 4, map: 1, kind: 'value', offset: 4 },
    ])
    const view = new DataView(insns.buffer)
    for (const { insn, map, offset } of mapRefs) {
      expect(view.getUint8(8 * insn)).toBe(0x18)
      expect(view.getUint32(8 * insn + 4, true)).toBe(map)
      expect(view.getUint32(8 * insn + 12, true)).toBe(offset)
    }
  })

  it('points function references at the appended function', () => {
    const { insns, subprograms } = link('callbacks', 'sum_map')
    const [start] = subprograms.find(([, name]) => name === 'add_element')!
    const view = new DataView(insns.buffer)
    const references = Array.from({ length: insns.length / 8 }, (_, i) => i).filter(
      (i) => view.getUint8(8 * i) === 0x18 && view.getUint8(8 * i + 1) >> 4 === 4,
    )
    expect(references.map((i) => i + view.getInt32(8 * i + 4, true) + 1)).toEqual([start])
  })

  it('lists what needs an extern', () => {
    const image = readGood('needs_kernel')
    const linked = linkProgram(image, image.programs[0]) as LinkedProgram
    expect(new Set(linked.externRefs.map(({ extern, kind }) => `${image.externs[extern].name} ${kind}`))).toEqual(
      new Set(['bpf_rcu_read_lock load', 'bpf_rcu_read_lock call', 'CONFIG_HZ load', 'bpf_prog_active load']),
    )
  })
})

describe('source lines', () => {
  it('follow functions to their places', () => {
    const { lines, subprograms, lineInfo, funcInfo } = link('subprograms', 'pythagoras')
    expect(lines[0]).toEqual([0, 'subprograms.bpf.c:31: return sum_of_squares(3, 4);'])
    const [squareStart] = subprograms.find(([, name]) => name === 'square')!
    const ofSquare = lines.filter(([insn]) => insn >= squareStart)
    expect(ofSquare[0][0]).toBe(squareStart)
    expect(ofSquare.at(-1)![1]).toMatch(/return x \* x;$/)
    expect(lines.map(([insn]) => insn)).toEqual([...lines.map(([insn]) => insn)].sort((a, b) => a - b))
    expect(funcInfo.count).toBe(3)
    const view = new DataView(funcInfo.bytes.buffer)
    const starts = Array.from({ length: 3 }, (_, i) => view.getUint32(i * funcInfo.recordBytes, true))
    expect(starts).toEqual(subprograms.map(([insn]) => insn))
    expect(lineInfo.bytes.length).toBe(lineInfo.count * lineInfo.recordBytes)
  })

  it('are absent without debug information', () => {
    expect(link('legacy_nobtf', 'on_write')).toMatchObject({ lines: [], funcInfo: { count: 0 } })
  })
})

describe('compilers', () => {
  it.each(['clang-13', 'clang-16', 'clang-19'])('%s’s object reads as clang-14’s', (compiler) => {
    const [theirs, ours] = [readGood(`compilers/${compiler}`), readGood('compilers/clang-14')]
    const maps = ({ maps: all }: typeof ours) =>
      all.map(({ name, type, keyBytes, valueBytes, maxEntries, flags, origin, content }) => ({
        ...{ name: name.replace(/^compiler/, ''), type, keyBytes, valueBytes, maxEntries, flags, origin },
        content: content && [...content],
      }))
    expect(maps(theirs)).toEqual(maps(ours))
    const programs = ({ programs: all }: typeof ours) =>
      all.map(({ name, section, autoload, definition }) => ({ name, section, autoload, definition }))
    expect(programs(theirs)).toEqual(programs(ours))
    for (const program of theirs.programs) {
      const linked = linkProgram(theirs, program) as LinkedProgram
      const twin = linkProgram(ours, ours.programs.find(({ name }) => name === program.name)!) as LinkedProgram
      const used = ({ mapRefs }: LinkedProgram) =>
        [...new Set(mapRefs.map(({ map, offset }) => `${map}+${offset}`))].sort()
      expect(used(linked)).toEqual(used(twin))
      expect(linked.subprograms.map(([, name]) => name)).toEqual(twin.subprograms.map(([, name]) => name))
    }
  })
})
