/** Builds BTF blobs by hand. */

/** A type: kind, vlen (and flag in bit 31), size or type, then its trailer words; name first. */
export interface BuiltType {
  readonly name?: string
  readonly kind: number
  readonly vlen?: number
  readonly flag?: boolean
  readonly sizeOrType?: number
  /** A string stands for its offset. */
  readonly words?: readonly (number | string)[]
}

/** A blob of `types`, numbered from 1. */
export function buildBtf(types: readonly BuiltType[], littleEndian = true): Uint8Array {
  let strings = '\0'
  const offsets = new Map<string, number>()
  const intern = (text: string): number => {
    if (text === '') return 0
    const known = offsets.get(text)
    if (known !== undefined) return known
    const at = strings.length
    strings += `${text}\0`
    offsets.set(text, at)
    return at
  }
  const words = types.flatMap(({ name = '', kind, vlen = 0, flag = false, sizeOrType = 0, words: rest = [] }) => [
    intern(name),
    ((flag ? 0x80000000 : 0) | (kind << 24) | vlen) >>> 0,
    sizeOrType,
    ...rest.map((word) => (typeof word === 'string' ? intern(word) : word)),
  ])
  const bytes = new Uint8Array(24 + 4 * words.length + strings.length)
  const view = new DataView(bytes.buffer)
  view.setUint16(0, 0xeb9f, littleEndian)
  view.setUint8(2, 1)
  const header = [24, 0, 4 * words.length, 4 * words.length, strings.length]
  for (const [index, word] of [...header, ...words].entries()) view.setUint32(4 + 4 * index, word >>> 0, littleEndian)
  bytes.set(new TextEncoder().encode(strings), 24 + 4 * words.length)
  return bytes
}
