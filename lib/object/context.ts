/** What the steps of reading an object hand on to each other. */
import type { Btf } from '../btf/btf.js'
import type { BtfExt } from '../btf/ext.js'
import * as elf from '../elf/constants.js'
import type { ElfFile, ElfSection, ElfSymbol } from '../elf/parse.js'
import type { ExternImage, LogLine, MapImage, MapOrigin, ProgramImage } from './image.js'

/** A section of global variables. */
export interface DataSection {
  readonly section: ElfSection
  readonly name: string
  readonly origin: MapOrigin
}

/** The variable that declares a map, bytes of `.maps`. */
export interface MapVariable {
  /** Index into maps. */
  readonly map: number
  readonly offset: number
  readonly end: number
  /** Where in the variable `values` begins; null when it has none. */
  readonly slotOffset: number | null
}

/** A file being read. Filled step by step, in the order of readObject. */
export class Reading {
  license = ''
  kernelVersion = 0
  btfBytes: Uint8Array | null = null
  btfExtBytes: Uint8Array | null = null
  btf: Btf | null = null
  btfExt: BtfExt | null = null
  btfMaps: ElfSection | null = null
  legacyMaps: ElfSection | null = null
  text: ElfSection | null = null
  readonly data: DataSection[] = []
  readonly relocations: ElfSection[] = []
  /** All functions, programs and subprograms; sorted by section and place once collected. */
  readonly functions: ProgramImage[] = []
  readonly maps: MapImage[] = []
  /** The variables of `.maps`. */
  readonly mapVariables: MapVariable[] = []
  readonly externs: ExternImage[] = []
  readonly unsupported: string[] = []
  readonly log: LogLine[] = []
  /** Function symbols (their numbers) of each section. */
  readonly functionSymbols = new Map<number, number[]>()

  constructor(
    readonly file: ElfFile,
    readonly name: string,
    readonly symbols: ElfSection,
  ) {
    for (const symbol of this.eachSymbol()) {
      if (symbol.type !== elf.STT_FUNC) continue
      const list = this.functionSymbols.get(symbol.section)
      if (list) list.push(symbol.index)
      else this.functionSymbols.set(symbol.section, [symbol.index])
    }
  }

  /** A name in the symbols' string table. */
  symbolName(symbol: ElfSymbol): string | null {
    return this.file.string(this.symbols.link, symbol.nameOffset)
  }

  *eachSymbol(): Generator<ElfSymbol> {
    const count = this.file.symbolCount(this.symbols)
    for (let index = 0; index < count; index++) yield this.file.symbol(this.symbols, index)!
  }

  warn(text: string): void {
    this.log.push({ level: 'warn', text })
  }

  info(text: string): void {
    this.log.push({ level: 'info', text })
  }

  /** The function of section `sectionIndex` that instruction `insn` of the section lies in, or null. */
  functionAt(sectionIndex: number, insn: number): ProgramImage | null {
    return functionAt(this.functions, sectionIndex, insn)
  }
}

/** As Reading.functionAt, over functions sorted by section and place. */
export function functionAt(
  functions: readonly ProgramImage[],
  sectionIndex: number,
  insn: number,
): ProgramImage | null {
  let low = 0
  let high = functions.length - 1
  while (low < high) {
    const middle = low + ((high - low + 1) >> 1)
    const candidate = functions[middle]
    const before =
      candidate.sectionIndex < sectionIndex ||
      (candidate.sectionIndex === sectionIndex && candidate.sectionInsn <= insn)
    if (before) low = middle
    else high = middle - 1
  }
  const found = functions[low]
  if (found === undefined || found.sectionIndex !== sectionIndex || insn < found.sectionInsn) return null
  return insn < found.sectionInsn + found.insns.length / 8 ? found : null
}

export function isExtern(symbol: ElfSymbol): boolean {
  return (
    symbol.section === elf.SHN_UNDEF &&
    symbol.type === elf.STT_NOTYPE &&
    (symbol.binding === elf.STB_GLOBAL || symbol.binding === elf.STB_WEAK)
  )
}
