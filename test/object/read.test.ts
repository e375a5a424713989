/** What the reader sees in objects of real compilers. */
import { describe, expect, it } from 'vitest'
import type { MapImage } from '#lib/object/image.js'
import { readObject } from '#lib/object/read.js'
import { Patient, programBytes, readGood } from '#test/object/support.js'

const summary = (map: MapImage) =>
  `${map.name} ${map.origin} type ${map.type} key ${map.keyBytes} value ${map.valueBytes} max ${map.maxEntries} flags 0x${map.flags.toString(16)}`

describe('maps', () => {
  it('reads BTF-defined maps, sizes given as numbers or as types', () => {
    const image = readGood('maps')
    expect(image.maps.map(summary)).toEqual([
      'hash btf type 1 key 8 value 8 max 128 flags 0x0',
      'array btf type 2 key 4 value 8 max 4 flags 0x0',
      'percpu_hash btf type 5 key 4 value 8 max 16 flags 0x1',
      'percpu_array btf type 6 key 4 value 24 max 1 flags 0x0',
    ])
    expect(image.btf!.name(image.maps[0].keyTypeId)).toBe('key')
    expect(image.maps[3].keyTypeId).toBe(0)
  })

  it('makes a map of each section of global variables, named and flagged as libbpf does', () => {
    const image = readGood('globals', { name: 'a_long_name' })
    expect(image.maps.map(summary)).toEqual([
      'a_long_n.data data type 2 key 4 value 20 max 1 flags 0x400',
      'a_long_n.rodata rodata type 2 key 4 value 10 max 1 flags 0x480',
      '.data.mine data type 2 key 4 value 8 max 1 flags 0x400',
      '.rodata.mine rodata type 2 key 4 value 16 max 1 flags 0x480',
      'a_long_n.bss bss type 2 key 4 value 16 max 1 flags 0x400',
      '.bss.mine bss type 2 key 4 value 32 max 1 flags 0x400',
    ])
    const [, rodata, mine, , bss] = image.maps
    expect(new TextDecoder().decode(rodata.content!.subarray(4))).toBe('hello\0')
    expect([...mine.content!]).toEqual([10, 0, 0, 0, 20, 0, 0, 0])
    expect(bss.content).toBeNull()
  })

  it('does not map a section without variables of its own, such as string literals', () => {
    const image = readGood('printk')
    expect(image.maps.map(summary)).toEqual([
      'printk.rodata rodata type 2 key 4 value 49 max 1 flags 0x80',
      '.rodata.str1.1 rodata type 2 key 4 value 9 max 1 flags 0x80',
    ])
  })

  it.each(['legacy', 'legacy28', 'legacy36', 'legacy_nobtf'])('reads the old style: %s', (name) => {
    const image = readGood(name)
    expect(image.maps.map(summary)).toEqual([
      'counts legacy type 1 key 4 value 8 max 64 flags 0x1',
      'events legacy type 4 key 4 value 4 max 2 flags 0x0',
    ])
    expect(image.kernelVersion).toBe(0x61200)
  })

  it('refuses options of the old style beyond the known ones, and the whole style on request', () => {
    expect(readObject(programBytes('legacy_nonzero'))).toMatchObject({
      errno: -22,
      message: expect.stringMatching(/"events" has unrecognized, non-zero options \(section\(\d+\) offset 48\)/),
    })
    expect(readObject(programBytes('legacy'), { legacyMaps: false })).toMatchObject({ errno: -95 })
  })

  it('reads inner maps and initial slots', () => {
    const { maps } = readGood('map_in_map')
    const [outer, jumps, byName] = ['outer', 'jumps', 'by_name'].map((name) => maps.find((map) => map.name === name)!)
    expect(outer.inner).toMatchObject({ type: 2, keyBytes: 4, valueBytes: 4, maxEntries: 2 })
    expect(outer.slots).toEqual([
      { index: 1, kind: 'map', name: 'inner_a' },
      { index: 3, kind: 'map', name: 'inner_b' },
    ])
    expect(jumps.slots).toEqual([{ index: 1, kind: 'program', name: 'tail' }])
    expect(byName).toMatchObject({ pinning: 1, valueBytes: 4, slots: [] })
    expect(byName.inner).toMatchObject({ type: 1, keyBytes: 8, valueBytes: 2, maxEntries: 9 })
  })
})

describe('programs', () => {
  it('reads several programs of a section in order, and functions of .text apart', () => {
    const image = readGood('subprograms')
    expect(image.programs.map(({ section, name, sectionInsn }) => [section, name, sectionInsn])).toEqual([
      ['xdp', 'pythagoras', 0],
      ['xdp', 'triple_square', 4],
      ['xdp', 'no_calls', 9],
      ['raw_tracepoint/other', 'other_section', 0],
    ])
    const byPlace = image.subprograms.map(({ name, global }) => [name, global])
    expect(new Map(byPlace as [string, boolean][])).toEqual(
      new Map([
        ['square', false],
        ['sum_of_squares', false],
        ['global_triple', true],
        ['never_called', true],
      ]),
    )
    expect(image.license).toBe('Dual BSD/GPL')
  })

  it('knows what a SEC() name means', () => {
    const [write, writeReturn] = readGood('kprobe_write').programs
    expect(write.definition).toMatchObject({ programType: 2, attach: 'kprobe', target: '__x64_sys_write' })
    expect(writeReturn.definition).toMatchObject({ pattern: 'kretprobe+', target: '__x64_sys_write' })
    const optional = readGood('compilers/clang-14').programs[3]
    expect(optional).toMatchObject({ autoload: false, section: 'tracepoint/syscalls/sys_enter_openat' })
  })

  it('records what only a kernel can provide, and refuses nothing yet', () => {
    const image = readGood('needs_kernel')
    expect(image.externs.map(({ name, kind, weak }) => [name, kind, weak])).toEqual([
      ['bpf_rcu_read_lock', 'ksymFunction', true],
      ['bpf_prog_active', 'ksymVariable', false],
      ['CONFIG_HZ', 'kconfig', false],
    ])
    expect(image.coreRelocations).toBe(1)
    expect(image.unsupported.length).toBe(2)
    expect(readGood('maps').unsupported).toEqual([])
  })

  it('has no license when the object has none', () => {
    const patient = new Patient(programBytes('legacy_nobtf'))
    // Without its name it is one of the sections that mean nothing.
    patient.u32(patient.headerOf('license'), 0)
    expect(readObject(patient.bytes)).toMatchObject({ license: '' })
    expect(readGood('legacy_nobtf').license).toBe('GPL')
  })
})

describe('determinism', () => {
  it('gives equal images of equal bytes, and keeps nothing of the caller’s buffer', () => {
    const bytes = programBytes('globals')
    const [one, two] = [readObject(bytes, { name: 'x' }), readObject(new Uint8Array(bytes), { name: 'x' })]
    expect(two).toEqual(one)
    bytes.fill(0xff)
    expect(one).toEqual(two)
  })
})
