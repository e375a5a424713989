/** Finds out what each relocated instruction refers to: a map, a global variable, a function, an extern. */
import { LIBBPF_ERRNO__FORMAT, LIBBPF_ERRNO__RELOC } from '../../shared/uapi/libbpf_errno.js'
import * as elf from '../elf/constants.js'
import { refuse } from '../elf/failure.js'
import type { ElfRelocation, ElfSection, ElfSymbol } from '../elf/parse.js'
import { isExtern, type Reading } from './context.js'
import type { ProgramImage, Relocation } from './image.js'
import { readSlots } from './slots.js'

const INSN_BYTES = 8
export const OPCODE_CALL = 0x85
export const OPCODE_LD_IMM64 = 0x18
export const BPF_PSEUDO_CALL = 1

interface Targets {
  /** Index into maps by "section:offset" of a declared map. */
  readonly declared: Map<string, number>
  /** Index into maps by section index, for sections of global variables. */
  readonly data: Map<number, number>
  /** Index into externs by symbol number. */
  readonly externs: Map<number, number>
}

/** Fills each function's relocations and the initial slots of maps. */
export function readRelocations(reading: Reading): void {
  const targets = indexTargets(reading)
  for (const section of reading.relocations) {
    const target = reading.file.sections[section.info]
    if (reading.btfMaps && target === reading.btfMaps) readSlots(reading, section)
    else readCode(reading, section, target, targets)
  }
}

function indexTargets(reading: Reading): Targets {
  const declared = new Map<string, number>()
  const data = new Map<number, number>()
  reading.maps.forEach((map, index) => {
    if (map.origin !== 'btf' && map.origin !== 'legacy') data.set(map.sectionIndex, index)
    else if (!declared.has(`${map.sectionIndex}:${map.offset}`))
      declared.set(`${map.sectionIndex}:${map.offset}`, index)
  })
  return { declared, data, externs: new Map(reading.externs.map((extern, index) => [extern.symbol, index])) }
}

/** Where a relocation stands, for messages. */
interface Spot {
  readonly section: string
  readonly index: number
  readonly entry: ElfRelocation
}

/** The symbol of a relocation; refuses numbers outside the table and symbols of sections that do not exist. */
function symbolOf(reading: Reading, spot: Spot): ElfSymbol {
  const where = `sec '${spot.section}'`
  const symbol = reading.file.symbol(reading.symbols, spot.entry.symbol)
  if (!symbol) {
    return refuse(LIBBPF_ERRNO__FORMAT, `${where}: symbol #${spot.entry.symbol} not found for relo #${spot.index}`)
  }
  if (symbol.section >= reading.file.sections.length) {
    refuse(
      LIBBPF_ERRNO__FORMAT,
      `${where}: corrupted symbol #${symbol.index} pointing to invalid section #${symbol.section} for relo #${spot.index}`,
    )
  }
  return symbol
}

function readCode(reading: Reading, section: ElfSection, target: ElfSection, targets: Targets): void {
  const { file } = reading
  const name = file.sectionName(section)
  for (let index = 0; index < file.relocationCount(section); index++) {
    const entry = file.relocation(section, index)
    const symbol = symbolOf(reading, { section: name, index, entry })
    if (entry.offset % INSN_BYTES || entry.offset >= target.sizeBytes) {
      refuse(
        LIBBPF_ERRNO__FORMAT,
        `sec '${name}': invalid offset 0x${entry.offset.toString(16)} for relo #${index} (section of ${target.sizeBytes} bytes)`,
      )
    }
    const program = reading.functionAt(target.index, entry.offset / INSN_BYTES)
    if (!program) {
      reading.info(`sec '${name}': relo #${index}: couldn't find program in section '${target.index}', skipping it`)
      continue
    }
    const insn = entry.offset / INSN_BYTES - program.sectionInsn
    program.relocations.push(new Resolver(reading, targets, program, insn, symbol).resolve())
  }
}

/** Resolves one relocation of one instruction. */
class Resolver {
  private readonly symbolName: string
  private readonly opcode: number

  constructor(
    private readonly reading: Reading,
    private readonly targets: Targets,
    private readonly program: ProgramImage,
    private readonly insn: number,
    private readonly symbol: ElfSymbol,
  ) {
    this.symbolName = symbolLabel(reading, symbol)
    this.opcode = program.insns[insn * INSN_BYTES]
  }

  private bad(text: string): never {
    const byte = (this.program.sectionInsn + this.insn) * INSN_BYTES
    return refuse(
      LIBBPF_ERRNO__RELOC,
      `prog '${this.program.name}': ${text} (section '${this.program.section}' offset 0x${byte.toString(16)})`,
    )
  }

  private sectionLabel(): string {
    return this.reading.file.sectionName(this.reading.file.sections[this.symbol.section])
  }

  private immediate(): number {
    const { insns } = this.program
    return new DataView(insns.buffer, insns.byteOffset).getInt32(this.insn * INSN_BYTES + 4, true)
  }

  resolve(): Relocation {
    if (this.opcode !== OPCODE_CALL && this.opcode !== OPCODE_LD_IMM64) {
      this.bad(`invalid relo against '${this.symbolName}' for insns[${this.insn}].code 0x${this.opcode.toString(16)}`)
    }
    if (isExtern(this.symbol)) return this.extern()
    if (this.opcode === OPCODE_CALL) return this.call()
    if ((this.insn + 2) * INSN_BYTES > this.program.insns.length) {
      this.bad(`relo against '${this.symbolName}' for insns[${this.insn}], a ldimm64 without its second half`)
    }
    return this.load()
  }

  private extern(): Relocation {
    const target = this.targets.externs.get(this.symbol.index)
    if (target === undefined) {
      return this.bad(`extern relo failed to find extern for '${this.symbolName}' (${this.symbol.index})`)
    }
    return { kind: this.opcode === OPCODE_CALL ? 'externCall' : 'externLoad', insn: this.insn, target, offset: 0 }
  }

  private call(): Relocation {
    const { text } = this.reading
    if (this.program.insns[this.insn * INSN_BYTES + 1] >> 4 !== BPF_PSEUDO_CALL) this.bad('incorrect bpf_call opcode')
    if (!text || this.symbol.section !== text.index) {
      this.bad(`bad call relo against '${this.symbolName}' in section '${this.sectionLabel()}'`)
    }
    if (this.symbol.value % INSN_BYTES) {
      this.bad(`bad call relo against '${this.symbolName}' at offset ${this.symbol.value}`)
    }
    return { kind: 'call', insn: this.insn, target: -1, offset: this.symbol.value }
  }

  private load(): Relocation {
    const { section, value } = this.symbol
    const { text, maps } = this.reading
    if (section === elf.SHN_UNDEF || section >= elf.SHN_LORESERVE) {
      this.bad(
        `invalid relo against '${this.symbolName}' in special section 0x${section.toString(16)}; ` +
          'forgot to initialize global var?..',
      )
    }
    if (text && section === text.index && isCode(this.symbol)) {
      if (value % INSN_BYTES || this.immediate() % INSN_BYTES) {
        this.bad(`bad subprog addr relo against '${this.symbolName}' at offset ${value}+${this.immediate()}`)
      }
      return { kind: 'subprogram', insn: this.insn, target: -1, offset: value }
    }
    const data = this.targets.data.get(section)
    if (data !== undefined) return { kind: 'data', insn: this.insn, target: data, offset: value }
    const isMaps = section === this.reading.btfMaps?.index || section === this.reading.legacyMaps?.index
    if (!isMaps) this.bad(`bad map relo against '${this.symbolName}' in section '${this.sectionLabel()}'`)
    const target = this.targets.declared.get(`${section}:${value}`)
    if (target === undefined || !maps[target]) {
      return this.bad(`map relo failed to find map for section '${this.sectionLabel()}', off ${value}`)
    }
    return { kind: 'map', insn: this.insn, target, offset: 0 }
  }
}

/** Symbols that may stand for a function's address: the section itself, or a global function in it. */
function isCode(symbol: ElfSymbol): boolean {
  if (symbol.binding === elf.STB_LOCAL) return symbol.type === elf.STT_SECTION
  return symbol.binding === elf.STB_GLOBAL && symbol.type === elf.STT_FUNC
}

/** A symbol's name for messages; a section's symbol has its section's name. */
export function symbolLabel(reading: Reading, symbol: ElfSymbol): string {
  if (symbol.type === elf.STT_SECTION && symbol.nameOffset === 0) {
    return reading.file.sectionName(reading.file.sections[symbol.section])
  }
  return reading.symbolName(symbol) ?? '<?>'
}
