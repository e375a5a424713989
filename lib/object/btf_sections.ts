/** BTF of an object: reading it, and completing its data sections from the ELF symbols. */
import { EINVAL, ENOENT, ENOTSUP, ESRCH } from '../../shared/uapi/errno.js'
import { LIBBPF_ERRNO__FORMAT } from '../../shared/uapi/libbpf_errno.js'
import type { Btf } from '../btf/btf.js'
import * as k from '../btf/constants.js'
import { parseBtfExt } from '../btf/ext.js'
import { parseBtf } from '../btf/parse.js'
import * as elf from '../elf/constants.js'
import { isFailure, refuse } from '../elf/failure.js'
import type { ElfSymbol } from '../elf/parse.js'
import { isExtern, type Reading } from './context.js'
import type { ExternImage } from './image.js'

/** Parses .BTF and .BTF.ext. Damage there only matters when maps are declared through BTF. */
export function readBtf(reading: Reading): void {
  const failure = parseInto(reading)
  if (failure !== 0 && reading.btfMaps) {
    const said = reading.log.at(-1)?.text ?? ''
    refuse(-failure, `BTF is required, but is missing or corrupted. ${said}`)
  }
}

/** 0, or the errno of the first part that was damaged. */
function parseInto(reading: Reading): number {
  if (reading.btfBytes) {
    const btf = parseBtf(reading.btfBytes)
    if (isFailure(btf)) {
      reading.warn(`Error loading ELF section .BTF: ${btf.errno}. ${btf.message}`)
      return btf.errno
    }
    reading.btf = btf
  }
  if (!reading.btfExtBytes) return 0
  if (!reading.btf) {
    reading.info('Ignore ELF section .BTF.ext because its depending ELF section .BTF is not found.')
    return 0
  }
  const ext = parseBtfExt(reading.btfExtBytes)
  if (isFailure(ext)) {
    reading.warn(`Error loading ELF section .BTF.ext: ${ext.errno}. Ignored and continue. ${ext.message}`)
    return ext.errno
  }
  reading.btfExt = ext
  return 0
}

/** Lists the symbols that others must provide. Each needs a BTF declaration in `.kconfig` or `.ksyms`. */
export function collectExterns(reading: Reading): void {
  const { index, entryBytes } = reading.symbols
  if (entryBytes !== elf.SYM_BYTES) {
    refuse(LIBBPF_ERRNO__FORMAT, `elf: symbol table section(${index}) has entries of ${entryBytes} bytes`)
  }
  const declared = reading.btf ? externDeclarations(reading.btf) : null
  for (const symbol of reading.eachSymbol()) {
    if (!isExtern(symbol)) continue
    const name = reading.symbolName(symbol)
    if (name) reading.externs.push(externImage(reading.btf, declared, symbol, name))
  }
}

interface Declarations {
  /** BTF type of each extern variable and function, by name. */
  readonly byName: Map<string, number>
  /** Name of the section that declares a type. */
  readonly sections: Map<number, string>
}

function externDeclarations(btf: Btf): Declarations {
  const byName = new Map<string, number>()
  const sections = new Map<number, string>()
  for (let id = btf.firstType; id < btf.typeCount; id++) {
    const kind = btf.kind(id)
    if (kind === k.BTF_KIND_DATASEC) {
      const name = btf.name(id) ?? ''
      for (let i = 0; i < btf.vlen(id); i++) sections.set(btf.variable(id, i).type, name)
    }
    const extern =
      (kind === k.BTF_KIND_VAR && btf.detail(id) === k.BTF_VAR_GLOBAL_EXTERN) ||
      (kind === k.BTF_KIND_FUNC && btf.vlen(id) === k.BTF_FUNC_EXTERN)
    const name = extern ? btf.name(id) : null
    if (name !== null && !byName.has(name)) byName.set(name, id)
  }
  return { byName, sections }
}

function externImage(btf: Btf | null, declared: Declarations | null, symbol: ElfSymbol, name: string): ExternImage {
  if (!btf || !declared) return refuse(ESRCH, `failed to find BTF for extern '${name}': -${ESRCH}`)
  const btfId = declared.byName.get(name)
  if (btfId === undefined) {
    return refuse(ENOENT, `failed to find BTF for extern '${name}': -${ENOENT} (symbol #${symbol.index})`)
  }
  const section = declared.sections.get(btfId)
  if (section === undefined) {
    return refuse(ENOENT, `failed to find BTF section for extern '${name}' [${btfId}]: -${ENOENT}`)
  }
  const weak = symbol.binding === elf.STB_WEAK
  const common = { name, weak, btfId, symbol: symbol.index }
  if (section === '.kconfig') return { ...common, kind: 'kconfig' }
  if (section !== '.ksyms') refuse(ENOTSUP, `unrecognized extern section '${section}' of extern '${name}'`)
  return { ...common, kind: btf.kind(btfId) === k.BTF_KIND_FUNC ? 'ksymFunction' : 'ksymVariable' }
}

/**
 * Compilers leave the sizes of data sections and the offsets of global variables to the loader: they are 0 in the BTF
 * and known to the ELF symbols.
 */
export function completeDataSections(reading: Reading): void {
  const { btf } = reading
  if (!btf) return
  let symbols: Map<string, ElfSymbol> | null = null
  let sizes: Map<string, number> | null = null
  for (let id = btf.firstType; id < btf.typeCount; id++) {
    if (btf.kind(id) !== k.BTF_KIND_DATASEC) continue
    const name = btf.name(id)
    if (!name) refuse(ENOENT, `No name found in string section for DATASEC kind [${id}].`)
    if (name === '.kconfig' || name === '.ksyms' || btf.sizeOrType(id) !== 0) continue
    sizes ??= sectionSizes(reading)
    const sizeBytes = sizes.get(name) ?? 0
    if (!sizeBytes) refuse(ENOENT, `sec '${name}': failed to determine size from ELF: size ${sizeBytes}`)
    btf.setWord(id, 8, sizeBytes)
    symbols ??= variableSymbols(reading)
    placeVariables(btf, id, name, symbols)
  }
}

/** Sizes of the sections by name, the first of a name; collected data sections come first. */
function sectionSizes(reading: Reading): Map<string, number> {
  const sizes = new Map<string, number>()
  for (const { name, section } of reading.data) if (!sizes.has(name)) sizes.set(name, section.sizeBytes >>> 0)
  const { file } = reading
  for (const section of file.sections) {
    if (section.index === 0) continue
    const name = file.sectionName(section)
    if (!sizes.has(name)) sizes.set(name, section.sizeBytes >>> 0)
  }
  return sizes
}

/** The global variables' symbols, by name. */
function variableSymbols(reading: Reading): Map<string, ElfSymbol> {
  const found = new Map<string, ElfSymbol>()
  for (const symbol of reading.eachSymbol()) {
    if (symbol.type !== elf.STT_OBJECT) continue
    if (symbol.binding !== elf.STB_GLOBAL && symbol.binding !== elf.STB_WEAK) continue
    const name = reading.symbolName(symbol)
    // A search for a variable beyond this symbol fails here.
    if (name === null) break
    if (!found.has(name)) found.set(name, symbol)
  }
  return found
}

function placeVariables(btf: Btf, section: number, name: string, symbols: Map<string, ElfSymbol>): void {
  for (let i = 0; i < btf.vlen(section); i++) {
    const { type } = btf.variable(section, i)
    if (btf.kind(type) !== k.BTF_KIND_VAR) {
      refuse(EINVAL, `sec '${name}': unexpected non-VAR type found: [${type}]`)
    }
    if (btf.detail(type) === k.BTF_VAR_STATIC) continue
    const variable = btf.name(type)
    if (!variable) refuse(ENOENT, `sec '${name}': failed to find name of DATASEC's member #${i}`)
    const symbol = symbols.get(variable)
    if (symbol === undefined) {
      refuse(ENOENT, `sec '${name}': failed to find symbol for variable '${variable}' (type [${type}])`)
    }
    btf.setWord(section, k.BTF_TYPE_BYTES + i * 12 + 4, symbol.value >>> 0)
    const hidden = symbol.visibility === elf.STV_HIDDEN || symbol.visibility === elf.STV_INTERNAL
    if (hidden) btf.setWord(type, 12, k.BTF_VAR_STATIC)
  }
}
