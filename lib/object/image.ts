/** What a BPF object file says, before any machine is involved. The same file always gives the same image. */
import type { Btf } from '../btf/btf.js'
import type { BtfExt } from '../btf/ext.js'
import type { SectionMatch } from './sections.js'

/** The attributes of a map, whichever way it was declared. Sizes in bytes. */
export interface MapDefinition {
  type: number
  keyBytes: number
  valueBytes: number
  maxEntries: number
  flags: number
  numaNode: number
  mapExtra: number
  /** LIBBPF_PIN_NONE (0) or LIBBPF_PIN_BY_NAME (1). */
  pinning: number
  /** BTF types of key and value; 0 for none. */
  keyTypeId: number
  valueTypeId: number
}

/** Where a map comes from: `.maps`, a legacy `maps` section, or a section of global variables. */
export type MapOrigin = 'btf' | 'legacy' | 'data' | 'rodata' | 'bss'

/** One slot that `.values` of a map-in-map or program array fills: the name of a map or of a program. */
export interface InitialSlot {
  readonly index: number
  readonly kind: 'map' | 'program'
  readonly name: string
}

export interface MapImage extends MapDefinition {
  /** bpf_map__name: the variable; for `.data.x` and the like the section; for `.data` "<object>.data". */
  readonly name: string
  /** The name given to BPF_MAP_CREATE. */
  readonly kernelName: string
  readonly origin: MapOrigin
  readonly section: string
  readonly sectionIndex: number
  /** Place of the map's variable in its section; 0 for a section of global variables. */
  readonly offset: number
  readonly inner: MapDefinition | null
  readonly slots: readonly InitialSlot[]
  /** Initial value of a data or rodata map; null for others (a bss map starts as zeros). */
  readonly content: Uint8Array | null
}

export type RelocationKind = 'map' | 'data' | 'call' | 'subprogram' | 'externCall' | 'externLoad'

/** A relocation of one instruction, resolved as far as the file alone allows. */
export interface Relocation {
  readonly kind: RelocationKind
  /** Instruction, counted from the function's start. */
  readonly insn: number
  /** Index into maps (map, data) or externs (externCall, externLoad); -1 otherwise. */
  readonly target: number
  /** The symbol's offset in its section, bytes. */
  readonly offset: number
}

/** A function: a program of a SEC() section, or a subprogram of `.text`. */
export interface ProgramImage {
  readonly name: string
  /** Section name without a leading '?'. */
  readonly section: string
  readonly sectionIndex: number
  /** First instruction, counted from the section's start. */
  readonly sectionInsn: number
  /** The code as in the file, 8 bytes an instruction. */
  readonly insns: Uint8Array
  /** What the SEC() name means; null when libbpf knows no such name, and for subprograms. */
  readonly definition: SectionMatch | null
  /** False for SEC("?..."). */
  readonly autoload: boolean
  readonly global: boolean
  /** A global function the verifier is to treat as static (hidden visibility). */
  readonly hidden: boolean
  readonly relocations: Relocation[]
}

/** A symbol that something outside the object must provide. */
export interface ExternImage {
  readonly name: string
  readonly kind: 'kconfig' | 'ksymVariable' | 'ksymFunction'
  readonly weak: boolean
  readonly btfId: number
  readonly symbol: number
}

export interface LogLine {
  readonly level: 'warn' | 'info'
  readonly text: string
}

export interface ObjectImage {
  readonly name: string
  /** '' when the object has no license section. */
  readonly license: string
  /** Contents of the `version` section; 0 without one. */
  readonly kernelVersion: number
  readonly maps: readonly MapImage[]
  /** Programs in libbpf's order: by section, then by place. */
  readonly programs: readonly ProgramImage[]
  /** Functions of `.text`, by place. */
  readonly subprograms: readonly ProgramImage[]
  readonly externs: readonly ExternImage[]
  /** Externs that something must resolve before load. */
  readonly unresolvedExterns: readonly string[]
  readonly coreRelocations: number
  /** Why this object cannot be loaded yet (-EOPNOTSUPP); empty for most. */
  readonly unsupported: readonly string[]
  readonly btf: Btf | null
  readonly btfExt: BtfExt | null
  /** Raw section names by index, as BTF.ext refers to them. */
  readonly sectionNames: readonly string[]
  /** What libbpf would have said while opening. */
  readonly log: readonly LogLine[]
}
