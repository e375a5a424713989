/** Builds small ELF objects by hand, for shapes no compiler would write. */

export interface BuiltSection {
  readonly name: string
  readonly type: number
  readonly flags?: number
  readonly data: Uint8Array
  readonly link?: number
  readonly info?: number
  readonly entryBytes?: number
}

export interface BuiltSymbol {
  /** Offset in the string table of the symbols, or the name itself. */
  readonly name: string | number
  /** binding << 4 | type */
  readonly info: number
  readonly section: number
  readonly value: number
  readonly sizeBytes: number
}

const STRTAB = 3
const SYMTAB = 2

class Strings {
  private text = '\0'

  constructor(initial = '') {
    this.text += initial
  }

  add(name: string): number {
    const at = this.text.length
    this.text += `${name}\0`
    return at
  }

  get bytes(): Uint8Array {
    return new TextEncoder().encode(this.text)
  }
}

/**
 * An ELF64 BPF object: the given sections get the numbers 1, 2, ...; the symbol table and its strings follow.
 * `strings` is put at offset 1 of the symbols' string table.
 */
export function buildElf(sections: readonly BuiltSection[], symbols: readonly BuiltSymbol[], strings = ''): Uint8Array {
  const names = new Strings(strings)
  const table = new Uint8Array(24 * (symbols.length + 1))
  const view = new DataView(table.buffer)
  symbols.forEach(({ name, info, section, value, sizeBytes }, index) => {
    const at = 24 * (index + 1)
    view.setUint32(at, typeof name === 'number' ? name : names.add(name), true)
    view.setUint8(at + 4, info)
    view.setUint16(at + 6, section, true)
    view.setBigUint64(at + 8, BigInt(value), true)
    view.setBigUint64(at + 16, BigInt(sizeBytes), true)
  })
  const symtab = { name: '.symtab', type: SYMTAB, data: table, link: sections.length + 2, entryBytes: 24 }
  return assemble([...sections, symtab], names)
}

function assemble(sections: readonly BuiltSection[], names: Strings): Uint8Array {
  const labels = [...sections.map((section) => names.add(section.name)), names.add('.strtab')]
  const all: BuiltSection[] = [...sections, { name: '.strtab', type: STRTAB, data: names.bytes }]
  const offsets: number[] = []
  let at = 64
  for (const { data } of all) {
    offsets.push(at)
    at += Math.ceil(data.length / 8) * 8
  }
  const bytes = new Uint8Array(at + 64 * (all.length + 1))
  const view = new DataView(bytes.buffer)
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1])
  view.setUint16(16, 1, true)
  view.setUint16(18, 247, true)
  view.setBigUint64(40, BigInt(at), true)
  view.setUint16(60, all.length + 1, true)
  view.setUint16(62, all.length, true)
  all.forEach((section, index) => {
    bytes.set(section.data, offsets[index])
    const header = at + 64 * (index + 1)
    view.setUint32(header, labels[index], true)
    view.setUint32(header + 4, section.type, true)
    view.setBigUint64(header + 8, BigInt(section.flags ?? 0), true)
    view.setBigUint64(header + 24, BigInt(offsets[index]), true)
    view.setBigUint64(header + 32, BigInt(section.data.length), true)
    view.setUint32(header + 40, section.link ?? 0, true)
    view.setUint32(header + 44, section.info ?? 0, true)
    view.setBigUint64(header + 56, BigInt(section.entryBytes ?? 0), true)
  })
  return bytes
}

/** Instructions as bytes: [opcode, registers, offset, immediate] each. */
export function code(...insns: readonly (readonly [number, number, number, number])[]): Uint8Array {
  const bytes = new Uint8Array(8 * insns.length)
  const view = new DataView(bytes.buffer)
  insns.forEach(([opcode, registers, offset, immediate], index) => {
    view.setUint8(8 * index, opcode)
    view.setUint8(8 * index + 1, registers)
    view.setInt16(8 * index + 2, offset, true)
    view.setInt32(8 * index + 4, immediate, true)
  })
  return bytes
}

/** REL entries: [offset, symbol]. */
export function relocations(...entries: readonly (readonly [number, number])[]): Uint8Array {
  const bytes = new Uint8Array(16 * entries.length)
  const view = new DataView(bytes.buffer)
  entries.forEach(([offset, symbol], index) => {
    view.setBigUint64(16 * index, BigInt(offset), true)
    view.setUint32(16 * index + 8, 10, true)
    view.setUint32(16 * index + 12, symbol, true)
  })
  return bytes
}
