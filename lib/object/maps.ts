/** All maps of an object, in libbpf's order: legacy ones, BTF-defined ones, then the sections of global variables. */
import { BPF_MAP_TYPE_ARRAY } from '../../shared/uapi/bpf.js'
import { BPF_F_MMAPABLE, BPF_F_RDONLY_PROG } from '../../shared/uapi/bpf_flags.js'
import type { Btf } from '../btf/btf.js'
import * as k from '../btf/constants.js'
import type { DataSection, Reading } from './context.js'
import type { MapDefinition } from './image.js'
import { readBtfMaps } from './maps_btf.js'
import { readLegacyMaps } from './maps_legacy.js'

/** BPF_OBJ_NAME_LEN without the NUL. */
const NAME_LENGTH = 15
/** A section's name gets at least this much of it, so that ".data" and ".rodata" maps share a prefix length. */
const SUFFIX_MINIMUM = 7

export function emptyDefinition(): MapDefinition {
  return {
    type: 0,
    keyBytes: 0,
    valueBytes: 0,
    maxEntries: 0,
    flags: 0,
    numaNode: 0,
    mapExtra: 0,
    pinning: 0,
    keyTypeId: 0,
    valueTypeId: 0,
  }
}

/** Fills reading.maps. */
export function readMaps(reading: Reading): void {
  if (reading.legacyMaps) readLegacyMaps(reading, reading.legacyMaps)
  if (reading.btfMaps) readBtfMaps(reading, reading.btfMaps)
  for (const data of reading.data) addDataMap(reading, data)
}

/**
 * The kernel's name for a map of global variables: as much of the object's name as fits before the section's name;
 * only the section's name when it is one of the user's own (".data.counters").
 */
export function dataMapName(objectName: string, section: string): string {
  const suffix = Math.min(Math.max(SUFFIX_MINIMUM, section.length), NAME_LENGTH)
  const prefix = section.includes('.', 1) ? 0 : NAME_LENGTH - suffix
  return (objectName.slice(0, prefix) + section.slice(0, suffix)).replace(/[^A-Za-z0-9_.]/g, '_')
}

function addDataMap(reading: Reading, data: DataSection): void {
  const { section, name, origin } = data
  const valueTypeId = reading.btf?.find(name, k.BTF_KIND_DATASEC) ?? 0
  const kernelName = dataMapName(reading.name, name)
  const plain = name === '.data' || name === '.rodata' || name === '.bss'
  const readOnly = origin === 'rodata' ? BPF_F_RDONLY_PROG : 0
  const mapped = reading.btf && hasVisibleVariable(reading.btf, valueTypeId) ? BPF_F_MMAPABLE : 0
  reading.maps.push({
    ...emptyDefinition(),
    type: BPF_MAP_TYPE_ARRAY,
    keyBytes: 4,
    valueBytes: section.sizeBytes >>> 0,
    maxEntries: 1,
    flags: readOnly | mapped,
    valueTypeId,
    name: plain ? kernelName : name,
    kernelName,
    origin,
    section: name,
    sectionIndex: section.index,
    offset: 0,
    inner: null,
    slots: [],
    content: origin === 'bss' ? null : reading.file.data(section),
  })
}

/** Whether a data section has a variable that user space could name; only then is its map mapped. */
function hasVisibleVariable(btf: Btf, datasec: number): boolean {
  if (datasec === 0) return false
  for (let i = 0; i < btf.vlen(datasec); i++) {
    const { type } = btf.variable(datasec, i)
    if (btf.kind(type) === k.BTF_KIND_VAR && btf.detail(type) !== k.BTF_VAR_STATIC) return true
  }
  return false
}
