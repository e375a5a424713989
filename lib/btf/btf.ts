/**
 * A parsed BTF blob: types by number, strings by offset. Nothing is decoded before it is asked for, so a kernel's
 * 6 MB of BTF costs one typed array of offsets.
 *
 * Source: Documentation/bpf/btf.rst. Type numbers start at 1; 0 is void. A split BTF continues its base's numbers and
 * string offsets.
 */
import { StringTable } from '../elf/strings.js'
import * as k from './constants.js'

export interface BtfMember {
  readonly nameOffset: number
  readonly type: number
  readonly bitOffset: number
  /** 0 when the member is no bit field. */
  readonly bitfieldBits: number
}

export interface BtfParameter {
  readonly nameOffset: number
  readonly type: number
}

/** One variable of a DATASEC: its type number (a VAR), place and size in the section, in bytes. */
export interface BtfVariable {
  readonly type: number
  readonly offset: number
  readonly sizeBytes: number
}

export interface BtfParts {
  /** The whole blob; owned by the Btf from now on. */
  readonly bytes: Uint8Array
  readonly littleEndian: boolean
  /** Where in `bytes` each type starts, in order of their numbers. */
  readonly offsets: Uint32Array
  readonly strings: Uint8Array
  readonly base: Btf | null
}

const encoder = new TextEncoder()

export class Btf {
  readonly bytes: Uint8Array
  readonly base: Btf | null
  readonly littleEndian: boolean
  /** Number of the first type of this blob: 1, or one past the base's last. */
  readonly firstType: number
  /** One past the last type number. */
  readonly typeCount: number
  readonly strings: StringTable
  private readonly firstString: number
  private readonly view: DataView
  private readonly offsets: Uint32Array

  constructor(parts: BtfParts) {
    this.bytes = parts.bytes
    this.base = parts.base
    this.littleEndian = parts.littleEndian
    this.offsets = parts.offsets
    this.firstType = parts.base ? parts.base.typeCount : 1
    this.typeCount = this.firstType + parts.offsets.length
    this.firstString = parts.base ? parts.base.stringEnd : 0
    this.strings = new StringTable(parts.strings)
    this.view = new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength)
  }

  get stringEnd(): number {
    return this.firstString + this.strings.bytes.length
  }

  /** The string at `offset`, or null when it lies outside. */
  string(offset: number): string | null {
    if (offset < this.firstString) return this.base ? this.base.string(offset) : null
    return this.strings.at(offset - this.firstString)
  }

  has(id: number): boolean {
    return id >= 0 && id < this.typeCount
  }

  /** Where type `id` lies in its own blob. Callers pass numbers for which `has` holds, except 0. */
  private at(id: number): number {
    return this.offsets[id - this.firstType]
  }

  private owner(id: number): Btf {
    let owner: Btf = this
    while (id < owner.firstType && owner.base) owner = owner.base
    return owner
  }

  /** A 32-bit word of type `id`, `offset` bytes from its start; 0 for void and what does not exist. */
  word(id: number, offset: number): number {
    const owner = this.owner(id)
    if (id < owner.firstType || id >= owner.typeCount) return 0
    return owner.view.getUint32(owner.at(id) + offset, owner.littleEndian)
  }

  /** Overwrites a 32-bit word of type `id` of this very blob (not of its base). */
  setWord(id: number, offset: number, value: number): void {
    this.view.setUint32(this.at(id) + offset, value, this.littleEndian)
  }

  kind(id: number): number {
    return (this.word(id, 4) >>> 24) & 0x1f
  }

  /** The kind's name as messages have it. */
  kindName(id: number): string {
    return k.kindNames[this.kind(id)] ?? 'unknown'
  }

  vlen(id: number): number {
    return this.word(id, 4) & 0xffff
  }

  kindFlag(id: number): boolean {
    return this.word(id, 4) >>> 31 === 1
  }

  nameOffset(id: number): number {
    return this.word(id, 0)
  }

  /** The type's name; '' for one without. Null only when the offset is damaged. */
  name(id: number): string | null {
    return this.string(this.nameOffset(id))
  }

  /** The third word: a size in bytes, or the number of the type referred to. */
  sizeOrType(id: number): number {
    return this.word(id, 8)
  }

  array(id: number): { readonly type: number; readonly indexType: number; readonly count: number } {
    return { type: this.word(id, 12), indexType: this.word(id, 16), count: this.word(id, 20) }
  }

  /** INT: bits, bit offset and encoding (1 signed, 2 char, 4 bool). */
  integer(id: number): { readonly bits: number; readonly bitOffset: number; readonly encoding: number } {
    const word = this.word(id, 12)
    return { bits: word & 0xff, bitOffset: (word >>> 16) & 0xff, encoding: (word >>> 24) & 0x0f }
  }

  member(id: number, index: number): BtfMember {
    const at = k.BTF_TYPE_BYTES + index * 12
    const place = this.word(id, at + 8)
    const packed = this.kindFlag(id)
    return {
      nameOffset: this.word(id, at),
      type: this.word(id, at + 4),
      bitOffset: packed ? place & 0xffffff : place,
      bitfieldBits: packed ? place >>> 24 : 0,
    }
  }

  parameter(id: number, index: number): BtfParameter {
    const at = k.BTF_TYPE_BYTES + index * 8
    return { nameOffset: this.word(id, at), type: this.word(id, at + 4) }
  }

  /** Enumerator of an ENUM or ENUM64. */
  enumerator(id: number, index: number): { readonly nameOffset: number; readonly value: bigint } {
    const wide = this.kind(id) === k.BTF_KIND_ENUM64
    const at = k.BTF_TYPE_BYTES + index * (wide ? 12 : 8)
    const bits = (BigInt(wide ? this.word(id, at + 8) : 0) << 32n) | BigInt(this.word(id, at + 4))
    const width = wide ? 64 : 32
    const value = this.kindFlag(id) || !wide ? BigInt.asIntN(width, bits) : bits
    return { nameOffset: this.word(id, at), value }
  }

  variable(id: number, index: number): BtfVariable {
    const at = k.BTF_TYPE_BYTES + index * 12
    return { type: this.word(id, at), offset: this.word(id, at + 4), sizeBytes: this.word(id, at + 8) }
  }

  /** VAR's or DECL_TAG's fourth word: linkage, or component index. */
  detail(id: number): number {
    return this.word(id, 12)
  }

  /** Number of the first type called `name` of one of `kinds`, or 0. */
  find(name: string, ...kinds: number[]): number {
    const inBase = this.base?.find(name, ...kinds) ?? 0
    if (inBase) return inBase
    const wanted = encoder.encode(name)
    for (let id = this.firstType; id < this.typeCount; id++) {
      if (kinds.includes(this.kind(id)) && this.named(id, wanted)) return id
    }
    return 0
  }

  private named(id: number, wanted: Uint8Array): boolean {
    const offset = this.nameOffset(id)
    if (offset >= this.firstString) return this.strings.equals(offset - this.firstString, wanted)
    let owner = this.base
    while (owner && offset < owner.firstString) owner = owner.base
    return owner ? owner.strings.equals(offset - owner.firstString, wanted) : false
  }
}
