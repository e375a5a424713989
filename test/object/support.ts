/** Objects under test, and the places in them that a test wants to damage. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isFailure } from '#lib/elf/failure.js'
import { type ElfFile, type ElfSection, type ElfSymbol, parseElf } from '#lib/elf/parse.js'
import type { ObjectImage } from '#lib/object/image.js'
import { type ReadOptions, readObject } from '#lib/object/read.js'

const FOLDER = join(import.meta.dirname, '../../../test/programs')

/** Bytes of test/programs/<name>.bpf.o. */
export function programBytes(name: string): Uint8Array {
  return new Uint8Array(readFileSync(join(FOLDER, `${name}.bpf.o`)))
}

/** Reads a good object; fails the test when it is refused. */
export function readGood(name: string, options?: ReadOptions): ObjectImage {
  const image = readObject(programBytes(name), { name, ...options })
  if (isFailure(image)) throw new Error(`${name}: ${image.errno} ${image.message}`)
  return image
}

/** An object's bytes with the means to find and change its fields. */
export class Patient {
  readonly bytes: Uint8Array
  readonly view: DataView
  readonly elf: ElfFile

  constructor(original: Uint8Array) {
    this.bytes = new Uint8Array(original)
    this.view = new DataView(this.bytes.buffer)
    const elf = parseElf(new Uint8Array(original), 'patient')
    if (isFailure(elf)) throw new Error(elf.message)
    this.elf = elf
  }

  section(name: string): ElfSection {
    const found = this.elf.sections.find((section) => section.index > 0 && this.elf.sectionName(section) === name)
    if (!found) throw new Error(`no section ${name}`)
    return found
  }

  /** Offset in the file of a section's header. */
  headerOf(name: string): number {
    return Number(this.view.getBigUint64(40, true)) + 64 * this.section(name).index
  }

  /** Offset in the file of the first symbol called `name`. */
  symbolAt(name: string): number {
    const table = this.section('.symtab')
    for (let index = 0; index < this.elf.symbolCount(table); index++) {
      const symbol: ElfSymbol = this.elf.symbol(table, index)!
      if (this.elf.string(table.link, symbol.nameOffset) === name) return table.offset + 24 * index
    }
    throw new Error(`no symbol ${name}`)
  }

  u8(at: number, value: number): this {
    this.view.setUint8(at, value)
    return this
  }

  u16(at: number, value: number): this {
    this.view.setUint16(at, value, true)
    return this
  }

  u32(at: number, value: number): this {
    this.view.setUint32(at, value, true)
    return this
  }

  u64(at: number, value: number): this {
    this.view.setBigUint64(at, BigInt(value), true)
    return this
  }
}
