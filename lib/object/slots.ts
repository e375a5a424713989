/** Relocations of `.maps` itself: the initial contents of maps in maps and of program arrays. */
import {
  BPF_MAP_TYPE_ARRAY_OF_MAPS,
  BPF_MAP_TYPE_HASH_OF_MAPS,
  BPF_MAP_TYPE_PROG_ARRAY,
} from '../../shared/uapi/bpf.js'
import { EINVAL, ESRCH } from '../../shared/uapi/errno.js'
import { LIBBPF_ERRNO__FORMAT, LIBBPF_ERRNO__RELOC } from '../../shared/uapi/libbpf_errno.js'
import { refuse } from '../elf/failure.js'
import type { ElfRelocation, ElfSection, ElfSymbol } from '../elf/parse.js'
import type { MapVariable, Reading } from './context.js'
import type { InitialSlot, MapImage, ProgramImage } from './image.js'
import { symbolLabel } from './relocations.js'

const POINTER_BYTES = 8
const INSN_BYTES = 8
const HASH_OF_MAPS_KEY_BYTES = 4

interface Lookup {
  /** Variables of `.maps`, by place. */
  readonly variables: readonly MapVariable[]
  readonly maps: ReadonlyMap<string, MapImage>
  readonly programs: ReadonlyMap<string, ProgramImage>
}

/** Fills the maps' slots from the relocation section of `.maps`. */
export function readSlots(reading: Reading, section: ElfSection): void {
  const { file } = reading
  const lookup: Lookup = {
    variables: [...reading.mapVariables].sort((a, b) => a.offset - b.offset),
    maps: new Map(reading.maps.map((map) => [map.name, map])),
    programs: new Map(reading.functions.map((item) => [item.name, item])),
  }
  const slots = new Map<number, InitialSlot[]>()
  for (let index = 0; index < file.relocationCount(section); index++) {
    const entry = file.relocation(section, index)
    const { map, slot } = new SlotReader(reading, lookup, index, entry).read()
    const list = slots.get(map)
    if (list) list.push(slot)
    else slots.set(map, [slot])
  }
  for (const [map, list] of slots) reading.maps[map] = { ...reading.maps[map], slots: list }
}

/** Reads one relocation. */
class SlotReader {
  private name = ''

  constructor(
    private readonly reading: Reading,
    private readonly lookup: Lookup,
    private readonly index: number,
    private readonly entry: ElfRelocation,
  ) {}

  private bad(errno: number, text: string): never {
    return refuse(errno, `.maps relo #${this.index}: ${text} (r_offset ${this.entry.offset})`)
  }

  read(): { map: number; slot: InitialSlot } {
    const { reading, entry } = this
    const symbol = reading.file.symbol(reading.symbols, entry.symbol)
    if (!symbol) return this.bad(LIBBPF_ERRNO__FORMAT, `symbol ${entry.symbol.toString(16)} not found`)
    this.name = symbol.section < reading.file.sections.length ? symbolLabel(reading, symbol) : '<?>'
    const variable = this.owner()
    if (!variable) return this.bad(EINVAL, `cannot find map '${this.name}' at rel->r_offset ${entry.offset}`)
    const target = this.target(reading.maps[variable.map], symbol)
    const place = entry.offset - variable.offset - (variable.slotOffset ?? Number.POSITIVE_INFINITY)
    if (place < 0 || place % POINTER_BYTES) this.bad(EINVAL, `no slot of '${reading.maps[variable.map].name}' is there`)
    return { map: variable.map, slot: { index: place / POINTER_BYTES, ...target } }
  }

  /** The variable that covers the relocated pointer. */
  private owner(): MapVariable | null {
    const { variables } = this.lookup
    const { offset } = this.entry
    let low = 0
    let high = variables.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (variables[middle].offset <= offset) low = middle + 1
      else high = middle
    }
    const found = variables[low - 1]
    return found !== undefined && offset + POINTER_BYTES <= found.end ? found : null
  }

  private target(owner: MapImage, symbol: ElfSymbol): Omit<InitialSlot, 'index'> {
    const { name } = this
    if (owner.type === BPF_MAP_TYPE_PROG_ARRAY) return this.programTarget(symbol)
    if (owner.type !== BPF_MAP_TYPE_ARRAY_OF_MAPS && owner.type !== BPF_MAP_TYPE_HASH_OF_MAPS) {
      return this.bad(EINVAL, `map '${owner.name}' is neither a map-in-map nor a prog-array`)
    }
    if (symbol.section !== this.reading.btfMaps?.index) {
      return this.bad(LIBBPF_ERRNO__RELOC, `'${name}' isn't a BTF-defined map`)
    }
    if (owner.type === BPF_MAP_TYPE_HASH_OF_MAPS && owner.keyBytes !== HASH_OF_MAPS_KEY_BYTES) {
      return this.bad(EINVAL, `hash-of-maps '${owner.name}' should have key size ${HASH_OF_MAPS_KEY_BYTES}.`)
    }
    if (!this.lookup.maps.has(name)) return this.bad(ESRCH, `'${name}' isn't a valid map reference`)
    return { kind: 'map', name }
  }

  private programTarget(symbol: ElfSymbol): Omit<InitialSlot, 'index'> {
    const { name } = this
    const program = this.lookup.programs.get(name)
    if (!program) return this.bad(ESRCH, `'${name}' isn't a valid program reference`)
    const isEntry =
      program.sectionIndex === symbol.section &&
      program.sectionInsn * INSN_BYTES === symbol.value &&
      program.sectionIndex !== this.reading.text?.index
    if (!isEntry) return this.bad(LIBBPF_ERRNO__RELOC, `'${name}' isn't an entry-point program`)
    return { kind: 'program', name }
  }
}
