/** Maps declared as BTF types in `.maps`: each variable is a struct whose members spell the attributes. */
import {
  BPF_MAP_TYPE_ARRAY_OF_MAPS,
  BPF_MAP_TYPE_HASH_OF_MAPS,
  BPF_MAP_TYPE_PROG_ARRAY,
} from '../../shared/uapi/bpf.js'
import { EINVAL, ENOENT, ENOTSUP } from '../../shared/uapi/errno.js'
import type { Btf } from '../btf/btf.js'
import * as k from '../btf/constants.js'
import { resolveSize, skipModifiers } from '../btf/resolve.js'
import { refuse } from '../elf/failure.js'
import type { ElfSection } from '../elf/parse.js'
import type { Reading } from './context.js'
import type { MapDefinition } from './image.js'
import { emptyDefinition } from './maps.js'

const LIBBPF_PIN_BY_NAME = 1
const FD_BYTES = 4

interface Parsed {
  readonly definition: MapDefinition
  inner: MapDefinition | null
  /** Where the initial slots begin in the variable, bytes. */
  slotOffset: number | null
}

/** Adds every map of the `.maps` section. */
export function readBtfMaps(reading: Reading, section: ElfSection): void {
  const { btf } = reading
  const datasec = btf?.find('.maps', k.BTF_KIND_DATASEC) ?? 0
  if (!btf || datasec === 0) refuse(ENOENT, `DATASEC '.maps' not found: section(${section.index})`)
  for (let index = 0; index < btf.vlen(datasec); index++) readBtfMap(reading, btf, section, datasec, index)
}

function readBtfMap(reading: Reading, btf: Btf, section: ElfSection, datasec: number, index: number): void {
  const { type, offset, sizeBytes } = btf.variable(datasec, index)
  const name = btf.name(type)
  if (!name) refuse(EINVAL, `map #${index}: empty name.`)
  const bad = (text: string, errno = EINVAL): never => refuse(errno, `map '${name}': ${text} (.maps offset ${offset})`)
  if (offset + sizeBytes > section.sizeBytes)
    refuse(
      EINVAL,
      `map '${name}' BTF data is corrupted. (.maps offset ${offset}, size ${sizeBytes}, section of ${section.sizeBytes} bytes)`,
    )
  if (btf.kind(type) !== k.BTF_KIND_VAR) bad(`unexpected var kind ${btf.kindName(type)}.`)
  if (btf.detail(type) !== k.BTF_VAR_GLOBAL_ALLOCATED) bad(`unsupported map linkage ${btf.detail(type)}.`, ENOTSUP)
  const struct = skipModifiers(btf, btf.sizeOrType(type))
  if (btf.kind(struct) !== k.BTF_KIND_STRUCT) bad(`unexpected def kind ${btf.kindName(type)}.`)
  if (btf.sizeOrType(struct) > sizeBytes) bad('invalid def size.')
  const { definition, inner, slotOffset } = new DefinitionParser(btf, name, false).parse(struct)
  reading.mapVariables.push({ map: reading.maps.length, offset, end: offset + sizeBytes, slotOffset })
  reading.maps.push({
    ...definition,
    name,
    kernelName: name,
    origin: 'btf',
    section: '.maps',
    sectionIndex: section.index,
    offset,
    inner,
    slots: [],
    content: null,
  })
}

/** The pointee of a PTR member's type, or 0 when the type is not a pointer. */
function pointee(btf: Btf, type: number): number {
  return btf.kind(type) === k.BTF_KIND_PTR ? btf.sizeOrType(type) : 0
}

class DefinitionParser {
  private readonly parsed: Parsed = { definition: emptyDefinition(), inner: null, slotOffset: null }

  constructor(
    private readonly btf: Btf,
    private readonly map: string,
    private readonly isInner: boolean,
  ) {}

  parse(struct: number): Parsed {
    const { btf } = this
    const count = btf.vlen(struct)
    for (let index = 0; index < count; index++) {
      const { nameOffset, type, bitOffset } = btf.member(struct, index)
      const field = btf.string(nameOffset)
      if (field === null) this.bad(`invalid field #${index}.`)
      this.field(field, type, index === count - 1)
      if (field === 'values') this.parsed.slotOffset = Math.floor(bitOffset / 8)
    }
    if (this.parsed.definition.type === 0) this.bad("map type isn't specified.")
    return this.parsed
  }

  private bad(text: string, errno = EINVAL): never {
    return refuse(errno, `map '${this.map}': ${text}`)
  }

  private field(field: string, type: number, last: boolean): void {
    const { definition } = this.parsed
    switch (field) {
      case 'type':
        definition.type = this.integer(field, type)
        break
      case 'max_entries':
        definition.maxEntries = this.integer(field, type)
        break
      case 'map_flags':
        definition.flags = this.integer(field, type)
        break
      case 'numa_node':
        definition.numaNode = this.integer(field, type)
        break
      case 'key_size':
        definition.keyBytes = this.agree('key', definition.keyBytes, this.integer(field, type))
        break
      case 'key':
        this.typed('key', type)
        break
      case 'value_size':
        definition.valueBytes = this.agree('value', definition.valueBytes, this.integer(field, type))
        break
      case 'value':
        this.typed('value', type)
        break
      case 'values':
        this.values(field, type, last)
        break
      case 'pinning':
        this.pinning(field, type)
        break
      case 'map_extra':
        definition.mapExtra = this.wideInteger(field, type)
        break
      default:
        this.bad(`unknown field '${field}'.`, ENOTSUP)
    }
  }

  /** `__uint(name, value)`: a pointer to an array of `value` elements. */
  private integer(field: string, type: number): number {
    const { btf } = this
    const pointer = skipModifiers(btf, type)
    if (btf.kind(pointer) !== k.BTF_KIND_PTR) this.bad(`attr '${field}': expected PTR, got ${btf.kindName(pointer)}.`)
    const array = btf.sizeOrType(pointer)
    if (btf.kind(array) !== k.BTF_KIND_ARRAY) this.bad(`attr '${field}': expected ARRAY, got ${btf.kindName(array)}.`)
    return btf.array(array).count
  }

  /** `__uint` or `__ulong(name, value)`, an enumeration with one value. */
  private wideInteger(field: string, type: number): number {
    const { btf } = this
    const bare = skipModifiers(btf, type)
    const kind = btf.kind(bare)
    if (kind === k.BTF_KIND_PTR) return this.integer(field, type)
    if (kind !== k.BTF_KIND_ENUM && kind !== k.BTF_KIND_ENUM64) {
      this.bad(`attr '${field}': expected ENUM or ENUM64, got ${btf.kindName(bare)}.`)
    }
    if (btf.vlen(bare) !== 1) this.bad(`attr '${field}': invalid __ulong`)
    return Number(btf.enumerator(bare, 0).value)
  }

  private agree(what: 'key' | 'value', before: number, sizeBytes: number): number {
    if (before && before !== sizeBytes) this.bad(`conflicting ${what} size ${before} != ${sizeBytes}.`)
    return sizeBytes
  }

  /** `__type(key, T)` and `__type(value, T)`: a pointer to T. */
  private typed(what: 'key' | 'value', type: number): void {
    const { btf } = this
    const { definition } = this.parsed
    if (btf.kind(type) !== k.BTF_KIND_PTR) this.bad(`${what} spec is not PTR: ${btf.kindName(type)}.`)
    const target = pointee(btf, type)
    const sizeBytes = resolveSize(btf, target)
    if (sizeBytes < 0) this.bad(`can't determine ${what} size for type [${target}]: ${sizeBytes}.`, -sizeBytes)
    if (what === 'key') {
      definition.keyBytes = this.agree('key', definition.keyBytes, sizeBytes)
      definition.keyTypeId = target
    } else {
      definition.valueBytes = this.agree('value', definition.valueBytes, sizeBytes)
      definition.valueTypeId = target
    }
  }

  private pinning(field: string, type: number): void {
    if (this.isInner) this.bad("inner def can't be pinned.")
    const value = this.integer(field, type)
    if (value > LIBBPF_PIN_BY_NAME) this.bad(`invalid pinning value ${value}.`)
    this.parsed.definition.pinning = value
  }

  /** `__array(values, T)`: what a map-in-map's values look like, or a program array's. */
  private values(field: string, type: number, last: boolean): void {
    const { btf } = this
    const { definition } = this.parsed
    const programs = definition.type === BPF_MAP_TYPE_PROG_ARRAY
    const what = programs ? 'prog-array value' : 'map-in-map inner'
    if (this.isInner) this.bad('multi-level inner maps not supported.', ENOTSUP)
    if (!last) this.bad(`'${field}' member should be last.`)
    if (!programs && definition.type !== BPF_MAP_TYPE_ARRAY_OF_MAPS && definition.type !== BPF_MAP_TYPE_HASH_OF_MAPS) {
      this.bad('should be map-in-map or prog-array.', ENOTSUP)
    }
    if (definition.valueBytes && definition.valueBytes !== FD_BYTES) {
      this.bad(`conflicting value size ${definition.valueBytes} != 4.`)
    }
    definition.valueBytes = FD_BYTES
    if (btf.kind(type) !== k.BTF_KIND_ARRAY || btf.array(type).count)
      this.bad(`${what} spec is not a zero-sized array.`)
    const element = skipModifiers(btf, btf.array(type).type)
    if (btf.kind(element) !== k.BTF_KIND_PTR) this.bad(`${what} def is of unexpected kind ${btf.kindName(element)}.`)
    const target = skipModifiers(btf, btf.sizeOrType(element))
    const wanted = programs ? k.BTF_KIND_FUNC_PROTO : k.BTF_KIND_STRUCT
    if (btf.kind(target) !== wanted) this.bad(`${what} def is of unexpected kind ${btf.kindName(target)}.`)
    if (!programs) this.parsed.inner = new DefinitionParser(btf, `${this.map}.inner`, true).parse(target).definition
  }
}
