/**
 * Reads ELF64 relocatable files: header, section headers, string tables, symbols, relocations. Every bound is checked;
 * nothing is copied, so memory stays a small multiple of the section count.
 *
 * Source: System V ABI, gABI chapter 4; which damage gets which error follows libelf as libbpf uses it.
 */
import { LIBBPF_ERRNO__FORMAT, LIBBPF_ERRNO__LIBELF } from '../../shared/uapi/libbpf_errno.js'
import * as elf from './constants.js'
import { attempt, type Failure, refuse } from './failure.js'
import { StringTable } from './strings.js'

export interface ElfSection {
  readonly index: number
  readonly nameOffset: number
  readonly type: number
  /** The low 32 bits of SHF_*. */
  readonly flags: number
  readonly offset: number
  readonly sizeBytes: number
  readonly link: number
  readonly info: number
  readonly entryBytes: number
}

export interface ElfSymbol {
  readonly index: number
  readonly nameOffset: number
  /** STT_* */
  readonly type: number
  /** STB_* */
  readonly binding: number
  /** STV_* */
  readonly visibility: number
  readonly section: number
  readonly value: number
  readonly sizeBytes: number
}

export interface ElfRelocation {
  readonly offset: number
  readonly symbol: number
  readonly type: number
  /** RELA's addend; 0 for REL, whose addend lies in the relocated field. */
  readonly addend: number
}

/** Shown in messages: offset and size of a section in the file. */
function place(section: ElfSection, fileBytes: number): string {
  return `offset 0x${section.offset.toString(16)}, size 0x${section.sizeBytes.toString(16)}, file of ${fileBytes} bytes`
}

export class ElfFile {
  readonly view: DataView
  readonly sections: readonly ElfSection[]
  private readonly strings = new Map<number, StringTable | null>()

  constructor(
    readonly bytes: Uint8Array,
    readonly name: string,
    readonly littleEndian: boolean,
    readonly type: number,
    readonly machine: number,
    readonly nameTable: number,
    sections: (file: ElfFile) => ElfSection[],
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.sections = sections(this)
  }

  /** 64 bits as a number; beyond 2^53 inexact, which only ever makes a bound check fail. */
  u64(at: number): number {
    const low = this.view.getUint32(this.littleEndian ? at : at + 4, this.littleEndian)
    const high = this.view.getUint32(this.littleEndian ? at + 4 : at, this.littleEndian)
    return high * 0x1_0000_0000 + low
  }

  /** The bytes of a section, a view of the file; empty for one without contents (NOBITS). Refuses those outside. */
  data(section: ElfSection): Uint8Array {
    if (section.type === elf.SHT_NOBITS || section.sizeBytes === 0) return this.bytes.subarray(0, 0)
    const problem = this.outside(section) ?? this.misfit(section)
    if (problem) {
      const label = `section(${section.index}) ${this.sectionName(section)}`
      refuse(LIBBPF_ERRNO__FORMAT, `elf: failed to get ${label} data from ${this.name}: ${problem}`)
    }
    return this.bytes.subarray(section.offset, section.offset + section.sizeBytes)
  }

  /** What is wrong with the section's place, or null. */
  outside(section: ElfSection): string | null {
    const { offset, sizeBytes } = section
    const fits = offset <= this.bytes.length && sizeBytes <= this.bytes.length - offset
    return fits || sizeBytes === 0 ? null : `invalid section header (${place(section, this.bytes.length)})`
  }

  private misfit(section: ElfSection): string | null {
    const unit = entryBytesOf(section.type)
    if (section.sizeBytes % unit === 0) return null
    return `invalid data (${place(section, this.bytes.length)}, entries of ${unit} bytes)`
  }

  /** The string at `offset` of the string table section `index`, or null. */
  string(index: number, offset: number): string | null {
    return this.stringTable(index)?.at(offset) ?? null
  }

  stringTable(index: number): StringTable | null {
    const known = this.strings.get(index)
    if (known !== undefined) return known
    const section = this.sections[index]
    const readable =
      section?.type === elf.SHT_STRTAB && !(section.flags & elf.SHF_COMPRESSED) && this.outside(section) === null
    const table = readable ? new StringTable(this.data(section)) : null
    this.strings.set(index, table)
    return table
  }

  /** A section's name; refuses a name outside the name table. */
  sectionName(section: ElfSection): string {
    return (
      this.string(this.nameTable, section.nameOffset) ??
      refuse(
        LIBBPF_ERRNO__FORMAT,
        `elf: failed to get section name string at offset ${section.nameOffset} from ${this.name}: ` +
          `section(${section.index}), name table section(${this.nameTable})`,
      )
    )
  }

  /** Number of symbols in a symbol table section. */
  symbolCount(table: ElfSection): number {
    return this.data(table).length / elf.SYM_BYTES
  }

  /** One symbol, or null when `index` is outside the table. */
  symbol(table: ElfSection, index: number): ElfSymbol | null {
    if (index < 0 || index >= this.symbolCount(table)) return null
    const at = table.offset + index * elf.SYM_BYTES
    const info = this.view.getUint8(at + 4)
    return {
      index,
      nameOffset: this.view.getUint32(at, this.littleEndian),
      type: info & 15,
      binding: info >> 4,
      visibility: this.view.getUint8(at + 5) & 3,
      section: this.view.getUint16(at + 6, this.littleEndian),
      value: this.u64(at + 8),
      sizeBytes: this.u64(at + 16),
    }
  }

  /** Number of entries of a REL or RELA section. */
  relocationCount(table: ElfSection): number {
    return Math.floor(this.data(table).length / entryBytesOf(table.type))
  }

  /** Relocation `index` (below relocationCount) of a REL or RELA section. */
  relocation(table: ElfSection, index: number): ElfRelocation {
    const at = table.offset + index * entryBytesOf(table.type)
    const order = this.littleEndian
    return {
      offset: this.u64(at),
      type: this.view.getUint32(at + (order ? 8 : 12), order),
      symbol: this.view.getUint32(at + (order ? 12 : 8), order),
      addend: table.type === elf.SHT_RELA ? Number(this.view.getBigInt64(at + 16, order)) : 0,
    }
  }
}

function entryBytesOf(sectionType: number): number {
  if (sectionType === elf.SHT_SYMTAB) return elf.SYM_BYTES
  if (sectionType === elf.SHT_REL) return elf.REL_BYTES
  return sectionType === elf.SHT_RELA ? elf.RELA_BYTES : 1
}

const hasMagic = (bytes: Uint8Array) => bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46

/** Refuses what is not an ELF64 file; a byte order of either kind passes. */
function checkIdentification(bytes: Uint8Array, name: string): void {
  const [dataKind, fileClass] = [bytes[elf.EI_DATA], bytes[elf.EI_CLASS]]
  const wellFormed =
    hasMagic(bytes) &&
    (fileClass === elf.ELFCLASS32 || fileClass === elf.ELFCLASS64) &&
    (dataKind === elf.ELFDATA2LSB || dataKind === elf.ELFDATA2MSB) &&
    bytes[elf.EI_VERSION] === elf.EV_CURRENT
  if (bytes.length < 16 || !wellFormed) {
    refuse(LIBBPF_ERRNO__FORMAT, `elf: '${name}' is not a proper ELF object: identification at offset 0`)
  }
  if (fileClass !== elf.ELFCLASS64) {
    if (bytes.length >= 52) refuse(LIBBPF_ERRNO__FORMAT, `elf: '${name}' is not a 64-bit ELF object: class at offset 4`)
  }
  if (bytes.length < elf.EHDR_BYTES) {
    refuse(
      LIBBPF_ERRNO__LIBELF,
      `elf: failed to open ${name} as ELF file: header at offset 0 is cut short (${bytes.length} bytes)`,
    )
  }
}

/** All section headers; none when the table lies outside the file. */
function readSections(file: ElfFile, tableOffset: number, declared: number): ElfSection[] {
  const fits = (count: number) => tableOffset + count * elf.SHDR_BYTES <= file.bytes.length
  // A count of 0 with a table means that section 0 holds the real count.
  const count = declared === 0 && fits(1) ? file.u64(tableOffset + 32) : declared
  if (!fits(count)) return []
  const sections: ElfSection[] = []
  for (let index = 0; index < count; index++) {
    const at = tableOffset + index * elf.SHDR_BYTES
    const u32 = (offset: number) => file.view.getUint32(at + offset, file.littleEndian)
    sections.push({
      index,
      nameOffset: u32(0),
      type: u32(4),
      flags: u32(file.littleEndian ? 8 : 12),
      offset: file.u64(at + 24),
      sizeBytes: file.u64(at + 32),
      link: u32(40),
      info: u32(44),
      entryBytes: file.u64(at + 56),
    })
  }
  return sections
}

/** As parseElf, but throws a Refusal: for readers that build on it inside their own `attempt`. */
export function parseElfOrRefuse(bytes: Uint8Array, name: string): ElfFile {
  checkIdentification(bytes, name)
  const littleEndian = bytes[elf.EI_DATA] === elf.ELFDATA2LSB
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const u16 = (at: number) => view.getUint16(at, littleEndian)
  let tableOffset = 0
  const file = new ElfFile(bytes, name, littleEndian, u16(16), u16(18), nameTableIndex(view, littleEndian), (self) => {
    tableOffset = self.u64(40)
    return readSections(self, tableOffset, u16(60))
  })
  const names = file.sections[file.nameTable]
  const outside = names?.type !== elf.SHT_NOBITS && names ? file.outside(names) : null
  if (!names || outside) {
    const reason =
      outside ??
      (file.sections.length === 0
        ? `section headers at offset 0x${tableOffset.toString(16)} lie outside the file of ${bytes.length} bytes`
        : `section(${file.nameTable}) does not exist`)
    refuse(LIBBPF_ERRNO__FORMAT, `elf: failed to get section names strings from ${name}: ${reason}`)
  }
  return file
}

/** e_shstrndx, or section 0's link when the number does not fit there. */
function nameTableIndex(view: DataView, littleEndian: boolean): number {
  const declared = view.getUint16(62, littleEndian)
  if (declared !== elf.SHN_XINDEX) return declared
  const at = Number(view.getBigUint64(40, littleEndian))
  return at + elf.SHDR_BYTES <= view.byteLength ? view.getUint32(at + 40, littleEndian) : 0
}

/**
 * Parses an ELF64 file. `name` is used in messages only.
 *
 * Errors: -LIBBPF_ERRNO__FORMAT, -LIBBPF_ERRNO__LIBELF.
 */
export function parseElf(bytes: Uint8Array, name = 'object'): ElfFile | Failure {
  return attempt(() => parseElfOrRefuse(bytes, name))
}
