/** From the bytes of an object file to its image; the pipeline on one screen. */
import { EINVAL } from '../../shared/uapi/errno.js'
import { attempt, type Failure, refuse } from '../elf/failure.js'
import { parseElfOrRefuse } from '../elf/parse.js'
import { collectExterns, completeDataSections, readBtf } from './btf_sections.js'
import { checkObject, collectSections, findSymbols } from './collect.js'
import { Reading } from './context.js'
import type { ObjectImage } from './image.js'
import { readMaps } from './maps.js'
import { readRelocations } from './relocations.js'

export interface ReadOptions {
  /** The object's name, the prefix of its data maps' names and part of messages. */
  readonly name?: string
  /** Whether maps of the old style (`struct bpf_map_def SEC("maps")`) are read; without, they are -EOPNOTSUPP. */
  readonly legacyMaps?: boolean
}

/**
 * Reads a BPF object (ELF64, little endian). Deterministic; keeps a copy of `bytes` and nothing else.
 *
 * Errors, as libbpf gives them: -EINVAL, -ENOENT, -EOPNOTSUPP, -LIBBPF_ERRNO__FORMAT, __LIBELF, __ENDIAN, __RELOC.
 */
export function readObject(bytes: Uint8Array, options: ReadOptions = {}): ObjectImage | Failure {
  return attempt(() => read(bytes, options))
}

function read(bytes: Uint8Array, options: ReadOptions): ObjectImage {
  const name = options.name ?? 'object'
  if (bytes.length === 0) refuse(EINVAL, `elf: ${name} is empty`)
  const file = parseElfOrRefuse(new Uint8Array(bytes), name)
  checkObject(file)
  const reading = new Reading(file, name, findSymbols(file))
  collectSections(reading, { legacyMaps: options.legacyMaps ?? true })
  readBtf(reading)
  collectExterns(reading)
  completeDataSections(reading)
  readMaps(reading)
  readRelocations(reading)
  return image(reading)
}

function image(reading: Reading): ObjectImage {
  const { file, text, externs } = reading
  const isSubprogram = (sectionIndex: number) => text !== null && sectionIndex === text.index
  const coreRelocations = (reading.btfExt?.coreRelocations.sections ?? []).reduce((sum, part) => sum + part.count, 0)
  const unresolvedExterns = externs.map((extern) => extern.name)
  const unsupported = [...reading.unsupported]
  if (unresolvedExterns.length) unsupported.push(`extern symbols (${unresolvedExterns.slice(0, 5).join(', ')})`)
  if (coreRelocations) unsupported.push(`CO-RE relocations (${coreRelocations})`)
  return {
    name: reading.name,
    license: reading.license,
    kernelVersion: reading.kernelVersion,
    maps: reading.maps,
    programs: reading.functions.filter((item) => !isSubprogram(item.sectionIndex)),
    subprograms: reading.functions.filter((item) => isSubprogram(item.sectionIndex)),
    externs,
    unresolvedExterns,
    coreRelocations,
    unsupported,
    btf: reading.btf,
    btfExt: reading.btfExt,
    sectionNames: file.sections.map((section) => (section.index === 0 ? '' : file.sectionName(section))),
    log: reading.log,
  }
}
