/** Walks the sections once and sorts them by what they are. */
import { EINVAL, ENOENT, ENOTSUP } from '../../shared/uapi/errno.js'
import { LIBBPF_ERRNO__ENDIAN, LIBBPF_ERRNO__FORMAT } from '../../shared/uapi/libbpf_errno.js'
import * as elf from '../elf/constants.js'
import { refuse } from '../elf/failure.js'
import type { ElfFile, ElfSection, ElfSymbol } from '../elf/parse.js'
import type { Reading } from './context.js'
import type { MapOrigin } from './image.js'
import { matchSection } from './sections.js'

const INSN_BYTES = 8
/** Longest license libbpf keeps. */
const LICENSE_LENGTH = 63

export interface CollectOptions {
  readonly legacyMaps: boolean
}

/** Refuses files that are ELF but no BPF object of this byte order. */
export function checkObject(file: ElfFile): void {
  if (file.type !== elf.ET_REL || (file.machine !== elf.EM_NONE && file.machine !== elf.EM_BPF)) {
    refuse(
      LIBBPF_ERRNO__FORMAT,
      `elf: ${file.name} is not a valid eBPF object file: type ${file.type} at offset 16, machine ${file.machine} at offset 18`,
    )
  }
  if (!file.littleEndian) {
    refuse(LIBBPF_ERRNO__ENDIAN, `elf: endianness mismatch in ${file.name}: data encoding at offset 5`)
  }
}

/** The one symbol table. */
export function findSymbols(file: ElfFile): ElfSection {
  let symbols: ElfSection | null = null
  for (const section of file.sections) {
    if (section.index === 0 || section.type !== elf.SHT_SYMTAB) continue
    if (symbols) refuse(LIBBPF_ERRNO__FORMAT, `elf: multiple symbol tables in ${file.name}: section(${section.index})`)
    file.data(section)
    symbols = section
  }
  return symbols ?? refuse(ENOENT, `elf: couldn't find symbol table in ${file.name}, stripped object file?`)
}

/** Sections that hold nothing for the loader, and are not even looked into. */
function ignored(section: ElfSection, name: string): boolean {
  if (section.type === elf.SHT_STRTAB || section.type === elf.SHT_LLVM_ADDRSIG) return true
  if (section.type === elf.SHT_PROGBITS && section.sizeBytes === 0 && name === '.text') return true
  if (name.startsWith('.debug_')) return true
  if (!name.startsWith('.rel')) return false
  return name.startsWith('.rel.debug_') || name === '.rel.BTF' || name === '.rel.BTF.ext'
}

/** Fills license, version, BTF, maps, data, text, relocations and functions. */
export function collectSections(reading: Reading, options: CollectOptions): void {
  const { file } = reading
  for (const section of file.sections) {
    if (section.index === 0) continue
    const name = file.sectionName(section)
    if (ignored(section, name)) continue
    collectSection(reading, section, name, file.data(section), options)
  }
  const strings = reading.symbols.link
  if (strings === 0 || strings >= file.sections.length) {
    refuse(
      LIBBPF_ERRNO__FORMAT,
      `elf: symbol strings section missing or invalid in ${file.name}: section(${reading.symbols.index}) links to ${strings}`,
    )
  }
  reading.functions.sort((a, b) => a.sectionIndex - b.sectionIndex || a.sectionInsn - b.sectionInsn)
}

function collectSection(
  reading: Reading,
  section: ElfSection,
  name: string,
  data: Uint8Array,
  options: CollectOptions,
): void {
  const label = `section(${section.index}) ${name}`
  switch (name) {
    case 'license':
      reading.license = readLicense(reading, data)
      return
    case 'version':
      if (data.length !== 4)
        refuse(LIBBPF_ERRNO__FORMAT, `invalid kver section in ${reading.name}: ${data.length} bytes`)
      reading.kernelVersion = new DataView(data.buffer, data.byteOffset, 4).getUint32(0, true)
      return
    case 'maps':
      if (!options.legacyMaps) {
        refuse(ENOTSUP, `elf: legacy map definitions in 'maps' section are not supported by libbpf v1.0+: ${label}`)
      }
      reading.legacyMaps = section
      return
    case '.maps':
      reading.btfMaps = section
      return
    case '.BTF':
    case '.BTF.ext':
      if (section.type !== elf.SHT_PROGBITS) refuse(LIBBPF_ERRNO__FORMAT, `elf: ${label} has type ${section.type}`)
      if (name === '.BTF') reading.btfBytes = data
      else reading.btfExtBytes = data
      return
  }
  collectByType(reading, section, name, data)
}

function collectByType(reading: Reading, section: ElfSection, name: string, data: Uint8Array): void {
  if (section.type === elf.SHT_SYMTAB) return
  if (section.type === elf.SHT_PROGBITS && data.length > 0) {
    if (section.flags & elf.SHF_EXECINSTR) {
      if (name === '.text') reading.text = section
      addFunctions(reading, section, name, data)
    } else collectData(reading, section, name)
    return
  }
  if (section.type === elf.SHT_REL) {
    collectRelocations(reading, section, name)
    return
  }
  if (section.type === elf.SHT_NOBITS && (name === '.bss' || name.startsWith('.bss.'))) {
    if (section.sizeBytes > 0) reading.data.push({ section, name, origin: 'bss' })
    return
  }
  reading.info(`elf: skipping section(${section.index}) ${name} (size ${section.sizeBytes})`)
}

function collectData(reading: Reading, section: ElfSection, name: string): void {
  const origin = dataOrigin(name)
  if (origin) {
    reading.data.push({ section, name, origin })
    return
  }
  if (
    name === '.struct_ops' ||
    name === '.struct_ops.link' ||
    name === '?.struct_ops' ||
    name === '?.struct_ops.link'
  ) {
    reading.unsupported.push(`struct_ops maps (section(${section.index}) ${name})`)
  } else if (name === '.addr_space.1') {
    reading.unsupported.push(`arena variables (section(${section.index}) ${name})`)
  } else if (name === '.jumptables') {
    reading.unsupported.push(`jump tables (section(${section.index}) ${name})`)
  } else {
    reading.info(`elf: skipping unrecognized data section(${section.index}) ${name}`)
  }
}

function dataOrigin(name: string): MapOrigin | null {
  if (name === '.data' || name.startsWith('.data.')) return 'data'
  return name === '.rodata' || name.startsWith('.rodata.') ? 'rodata' : null
}

function collectRelocations(reading: Reading, section: ElfSection, name: string): void {
  const target = reading.file.sections[section.info]
  if (section.entryBytes !== elf.REL_BYTES || !target) {
    refuse(
      LIBBPF_ERRNO__FORMAT,
      `elf: relo section(${section.index}) ${name} has entries of ${section.entryBytes} bytes for section(${section.info})`,
    )
  }
  if (target.flags & elf.SHF_EXECINSTR || name === '.rel.maps') {
    reading.relocations.push(section)
    return
  }
  reading.info(`elf: skipping relo section(${section.index}) ${name} for section(${section.info})`)
}

function readLicense(reading: Reading, data: Uint8Array): string {
  if (data.length === 0) refuse(LIBBPF_ERRNO__FORMAT, `invalid license section in ${reading.name}: it is empty`)
  const end = data.indexOf(0)
  return new TextDecoder().decode(data.subarray(0, Math.min(end < 0 ? data.length : end, LICENSE_LENGTH)))
}

/** Each function symbol of an executable section is a program, or in `.text` a subprogram. */
function addFunctions(reading: Reading, section: ElfSection, sectionName: string, data: Uint8Array): void {
  for (const index of reading.functionSymbols.get(section.index) ?? []) {
    addFunction(reading, section, sectionName, data, reading.file.symbol(reading.symbols, index)!)
  }
}

function addFunction(
  reading: Reading,
  section: ElfSection,
  sectionName: string,
  data: Uint8Array,
  symbol: ElfSymbol,
): void {
  const { value, sizeBytes } = symbol
  const isText = section === reading.text
  const name =
    reading.symbolName(symbol) ??
    refuse(LIBBPF_ERRNO__FORMAT, `sec '${sectionName}': failed to get symbol name for offset ${value}`)
  if (value + sizeBytes > data.length) {
    refuse(LIBBPF_ERRNO__FORMAT, `sec '${sectionName}': program at offset ${value} crosses section boundary`)
  }
  if (!isText && symbol.binding === elf.STB_LOCAL) {
    refuse(ENOTSUP, `sec '${sectionName}': program '${name}' is static and not supported`)
  }
  if (sizeBytes === 0 || sizeBytes % INSN_BYTES || value % INSN_BYTES) {
    refuse(EINVAL, `sec '${sectionName}': corrupted program '${name}', offset ${value}, size ${sizeBytes}`)
  }
  const autoload = !sectionName.startsWith('?')
  const bare = autoload ? sectionName : sectionName.slice(1)
  const global = symbol.binding !== elf.STB_LOCAL
  reading.functions.push({
    name,
    section: bare,
    sectionIndex: section.index,
    sectionInsn: value / INSN_BYTES,
    insns: data.subarray(value, value + sizeBytes),
    definition: isText ? null : matchSection(bare),
    autoload,
    global,
    hidden: global && (symbol.visibility === elf.STV_HIDDEN || symbol.visibility === elf.STV_INTERNAL),
    relocations: [],
  })
}
