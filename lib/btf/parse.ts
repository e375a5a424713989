/** From bytes to Btf: the header, the type section's shape, then each type's references. */
import { EINVAL, EOPNOTSUPP } from '../../shared/uapi/errno.js'
import { attempt, type Failure, refuse } from '../elf/failure.js'
import { Btf } from './btf.js'
import * as k from './constants.js'
import { validateTypes } from './validate.js'

interface Header {
  readonly littleEndian: boolean
  readonly headerBytes: number
  readonly typeOffset: number
  readonly typeBytes: number
  readonly stringOffset: number
  readonly stringBytes: number
}

/** Whether the blob is in this byte order; refuses what is no BTF. */
function byteOrder(view: DataView): boolean {
  if (view.byteLength < k.BTF_HEADER_BYTES) refuse(EINVAL, `BTF header not found: ${view.byteLength} bytes at offset 0`)
  const magic = view.getUint16(0, true)
  if (magic === k.BTF_MAGIC) return true
  if (view.getUint16(0, false) !== k.BTF_MAGIC) refuse(EINVAL, `Invalid BTF magic: ${magic.toString(16)} at offset 0`)
  const headerBytes = view.getUint32(4, false)
  if (headerBytes !== k.BTF_HEADER_BYTES) {
    refuse(
      EOPNOTSUPP,
      `Can't load BTF with non-native endianness due to unsupported header length ${headerBytes} at offset 4`,
    )
  }
  return false
}

function parseHeader(view: DataView): Header {
  const littleEndian = byteOrder(view)
  const u32 = (at: number) => view.getUint32(at, littleEndian)
  const headerBytes = u32(4)
  if (headerBytes < k.BTF_HEADER_BYTES || headerBytes > view.byteLength) {
    refuse(EINVAL, `Invalid BTF header length: ${headerBytes} at offset 4`)
  }
  const [typeOffset, typeBytes, stringOffset, stringBytes] = [u32(8), u32(12), u32(16), u32(20)]
  const left = view.byteLength - headerBytes
  if (stringOffset + stringBytes > left) {
    refuse(EINVAL, `Invalid BTF total size: ${view.byteLength} (strings at ${stringOffset} + ${stringBytes})`)
  }
  if (typeOffset + typeBytes > stringOffset) {
    refuse(
      EINVAL,
      `Invalid BTF data sections layout: type data at ${typeOffset} + ${typeBytes}, ` +
        `strings data at ${stringOffset} + ${stringBytes}`,
    )
  }
  if (typeOffset % 4) refuse(EINVAL, `BTF type section is not aligned to 4 bytes: offset ${typeOffset}`)
  return { littleEndian, headerBytes, typeOffset, typeBytes, stringOffset, stringBytes }
}

function stringSection(bytes: Uint8Array, header: Header, split: boolean): Uint8Array {
  const start = header.headerBytes + header.stringOffset
  const strings = bytes.subarray(start, start + header.stringBytes)
  if (split && strings.length === 0) return strings
  const bounded = strings.length > 0 && strings.length - 1 <= k.BTF_MAX_STR_OFFSET && strings[strings.length - 1] === 0
  if (!bounded || (!split && strings[0] !== 0)) {
    refuse(EINVAL, `Invalid BTF string section: offset ${start}, ${strings.length} bytes`)
  }
  return strings
}

/** Where each type starts; refuses kinds that do not exist and a section that does not end with a type's end. */
function typeOffsets(view: DataView, header: Header, firstType: number): Uint32Array {
  const start = header.headerBytes + header.typeOffset
  const end = start + header.typeBytes
  const offsets = new Uint32Array(Math.floor(header.typeBytes / k.BTF_TYPE_BYTES))
  let count = 0
  let at = start
  while (at + k.BTF_TYPE_BYTES <= end) {
    const info = view.getUint32(at + 4, header.littleEndian)
    const kind = (info >>> 24) & 0x1f
    const trailer = k.kindTrailer[kind]
    if (!trailer) return refuse(EINVAL, `Unsupported BTF_KIND:${kind} of type [${firstType + count}] at offset ${at}`)
    offsets[count++] = at
    at += k.BTF_TYPE_BYTES + trailer.fixed + trailer.each * (info & 0xffff)
    if (at > end) refuse(EINVAL, `BTF type [${firstType + count - 1}] is malformed at offset ${offsets[count - 1]}`)
  }
  if (at !== end) refuse(EINVAL, `BTF types data is malformed: ${end - at} bytes left at offset ${at}`)
  return offsets.slice(0, count)
}

/** As parseBtf, but throws a Refusal: for readers that build on it inside their own `attempt`. */
export function parseBtfOrRefuse(bytes: Uint8Array, base: Btf | null = null): Btf {
  const own = new Uint8Array(bytes)
  const view = new DataView(own.buffer, own.byteOffset, own.byteLength)
  const header = parseHeader(view)
  const strings = stringSection(own, header, base !== null)
  const offsets = typeOffsets(view, header, base ? base.typeCount : 1)
  const btf = new Btf({ bytes: own, littleEndian: header.littleEndian, offsets, strings, base })
  validateTypes(btf)
  return btf
}

/**
 * Parses a BTF blob (the contents of a .BTF section); `base` for a split BTF. The bytes are copied.
 *
 * Errors: -EINVAL for damage, -EOPNOTSUPP for a foreign byte order with an unknown header. Version and flags are the
 * kernel's to check, at BPF_BTF_LOAD.
 */
export function parseBtf(bytes: Uint8Array, base: Btf | null = null): Btf | Failure {
  return attempt(() => parseBtfOrRefuse(bytes, base))
}
