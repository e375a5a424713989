/**
 * BTF.ext: per section of the object, records that tie instructions to functions, source lines and CO-RE relocations.
 * Records are kept raw; instruction offsets in them are bytes from the section's start.
 *
 * Source: Documentation/bpf/btf.rst, ".BTF.ext section".
 */
import { EINVAL, EOPNOTSUPP } from '../../shared/uapi/errno.js'
import { attempt, type Failure, refuse } from '../elf/failure.js'
import { BTF_MAGIC, BTF_VERSION } from './constants.js'

/** The records of one section of the object. */
export interface ExtSection {
  /** Offset of the section's name in the BTF strings. */
  readonly nameOffset: number
  readonly count: number
  /** `count` records, a view of the blob. */
  readonly records: DataView
}

export interface ExtInfo {
  readonly recordBytes: number
  readonly sections: readonly ExtSection[]
}

export interface BtfExt {
  readonly bytes: Uint8Array
  readonly littleEndian: boolean
  readonly functions: ExtInfo
  readonly lines: ExtInfo
  readonly coreRelocations: ExtInfo
}

const HEADER_BYTES_MINIMUM = 24
const HEADER_BYTES_WITH_CORE = 32
const FUNC_INFO_BYTES = 8
const LINE_INFO_BYTES = 16
const CORE_RELO_BYTES = 16
/** Section name and record count before each section's records. */
const SECTION_HEADER_BYTES = 8

interface Cursor {
  readonly view: DataView
  readonly littleEndian: boolean
}

function parseHeader(view: DataView): { littleEndian: boolean; headerBytes: number } {
  if (view.byteLength < 8) refuse(EINVAL, `BTF.ext header not found: ${view.byteLength} bytes at offset 0`)
  const littleEndian = view.getUint16(0, true) === BTF_MAGIC
  if (!littleEndian && view.getUint16(0, false) !== BTF_MAGIC) {
    refuse(EINVAL, `Invalid BTF.ext magic:${view.getUint16(0, true).toString(16)} at offset 0`)
  }
  const headerBytes = view.getUint32(4, littleEndian)
  const [version, flags] = [view.getUint8(2), view.getUint8(3)]
  if (version !== BTF_VERSION) refuse(EOPNOTSUPP, `Unsupported BTF.ext version:${version} at offset 2`)
  if (flags) refuse(EOPNOTSUPP, `Unsupported BTF.ext flags:${flags.toString(16)} at offset 3`)
  if (headerBytes < HEADER_BYTES_MINIMUM || headerBytes > view.byteLength) {
    refuse(EINVAL, `BTF.ext header not found: header of ${headerBytes} bytes, section of ${view.byteLength}`)
  }
  if (headerBytes === view.byteLength) refuse(EINVAL, 'BTF.ext has no data')
  return { littleEndian, headerBytes }
}

/** One of the three parts; `start` is its absolute offset in the blob. */
function parseInfo(cursor: Cursor, what: string, start: number, sizeBytes: number, minimumBytes: number): ExtInfo {
  const { view, littleEndian } = cursor
  if (sizeBytes === 0) return { recordBytes: minimumBytes, sections: [] }
  if (start % 4) refuse(EINVAL, `BTF.ext ${what} section is not aligned to 4 bytes: offset ${start}`)
  if (start + sizeBytes > view.byteLength) {
    refuse(EINVAL, `${what} section (off:${start} len:${sizeBytes}) is beyond the end of the ELF section .BTF.ext`)
  }
  if (sizeBytes < 4) refuse(EINVAL, `.BTF.ext ${what} record size not found at offset ${start}`)
  const recordBytes = view.getUint32(start, littleEndian)
  if (recordBytes < minimumBytes || recordBytes % 4) {
    refuse(EINVAL, `${what} section in .BTF.ext has invalid record size ${recordBytes} at offset ${start}`)
  }
  const end = start + sizeBytes
  const sections: ExtSection[] = []
  let at = start + 4
  if (at === end) refuse(EINVAL, `${what} section in .BTF.ext has no records at offset ${start}`)
  while (at < end) {
    if (end - at < SECTION_HEADER_BYTES)
      refuse(EINVAL, `${what} section header is not found in .BTF.ext at offset ${at}`)
    const nameOffset = view.getUint32(at, littleEndian)
    const count = view.getUint32(at + 4, littleEndian)
    const recordsBytes = count * recordBytes
    at += SECTION_HEADER_BYTES
    if (count === 0 || recordsBytes > end - at) {
      refuse(EINVAL, `${what} section has incorrect num_records ${count} in .BTF.ext at offset ${at - 4}`)
    }
    sections.push({ nameOffset, count, records: new DataView(view.buffer, view.byteOffset + at, recordsBytes) })
    at += recordsBytes
  }
  return { recordBytes, sections }
}

/** As parseBtfExt, but throws a Refusal. */
export function parseBtfExtOrRefuse(bytes: Uint8Array): BtfExt {
  const own = new Uint8Array(bytes)
  const view = new DataView(own.buffer, own.byteOffset, own.byteLength)
  const { littleEndian, headerBytes } = parseHeader(view)
  const cursor = { view, littleEndian }
  const part = (field: number, what: string, minimumBytes: number): ExtInfo => {
    if (headerBytes < field + 8) return { recordBytes: minimumBytes, sections: [] }
    const start = headerBytes + view.getUint32(field, littleEndian)
    return parseInfo(cursor, what, start, view.getUint32(field + 4, littleEndian), minimumBytes)
  }
  return {
    bytes: own,
    littleEndian,
    functions: part(8, 'func_info', FUNC_INFO_BYTES),
    lines: part(16, 'line_info', LINE_INFO_BYTES),
    coreRelocations: part(HEADER_BYTES_WITH_CORE - 8, 'core_relo', CORE_RELO_BYTES),
  }
}

/** Parses the contents of a .BTF.ext section. Errors: -EINVAL, -EOPNOTSUPP. */
export function parseBtfExt(bytes: Uint8Array): BtfExt | Failure {
  return attempt(() => parseBtfExtOrRefuse(bytes))
}
