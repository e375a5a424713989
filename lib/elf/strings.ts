/** A table of NUL-terminated strings, as ELF and BTF have them. */

const decoder = new TextDecoder('utf-8')

/**
 * Decodes strings on demand. Strings may share tails, so a damaged file of n bytes could name n²/2 characters; the
 * table therefore decodes at most a few times its own size and then answers null, as for an offset outside.
 */
export class StringTable {
  private readonly cache = new Map<number, string>()
  private budgetBytes: number

  constructor(readonly bytes: Uint8Array) {
    this.budgetBytes = 4 * bytes.length + 4096
  }

  /** The string at `offset`, or null where there is none (outside, not terminated). */
  at(offset: number): string | null {
    const known = this.cache.get(offset)
    if (known !== undefined) return known
    if (offset < 0 || offset >= this.bytes.length) return null
    const end = this.bytes.indexOf(0, offset)
    if (end < 0) return null
    this.budgetBytes -= end - offset
    if (this.budgetBytes < 0) return null
    const text = decoder.decode(this.bytes.subarray(offset, end))
    this.cache.set(offset, text)
    return text
  }

  /** Whether the string at `offset` is exactly `wanted` (bytes without the NUL); decodes nothing. */
  equals(offset: number, wanted: Uint8Array): boolean {
    const { bytes } = this
    if (offset < 0 || offset + wanted.length >= bytes.length) return false
    for (let i = 0; i < wanted.length; i++) if (bytes[offset + i] !== wanted[i]) return false
    return bytes[offset + wanted.length] === 0
  }
}
