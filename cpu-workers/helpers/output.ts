/** A text under construction in a fixed buffer: counts what would be written, keeps what fits. */
const SPACE = 0x20
const ZERO = 0x30
const MINUS = 0x2d

/** How a conversion places its text. */
export interface Placement {
  leftAlign: boolean
  zeroPad: boolean
  plus: boolean
  space: boolean
  /** Least bytes, -1 when not given. */
  width: number
}

export class Output {
  /** Bytes the whole text has, kept or not. */
  length = 0

  constructor(
    readonly bytes: Uint8Array,
    /** First byte of the text, and the number of bytes it may take without a NUL. */
    readonly start: number,
    readonly capacity: number,
  ) {}

  put(byte: number): void {
    if (this.length < this.capacity) this.bytes[this.start + this.length] = byte
    this.length++
  }

  fill(byte: number, count: number): void {
    if (count <= 0) return
    const kept = Math.min(count, Math.max(0, this.capacity - this.length))
    this.bytes.fill(byte, this.start + this.length, this.start + this.length + kept)
    this.length += count
  }

  ascii(text: string): void {
    for (let i = 0; i < text.length; i++) this.put(text.charCodeAt(i))
  }

  /** Digits with a sign and padding, as printf places numbers. */
  number(digits: string, negative: boolean, place: Placement): void {
    const sign = negative ? MINUS : place.plus ? '+'.charCodeAt(0) : place.space ? SPACE : 0
    const padding = place.width - digits.length - (sign === 0 ? 0 : 1)
    const zeros = place.zeroPad && !place.leftAlign
    if (!zeros && !place.leftAlign) this.fill(SPACE, padding)
    if (sign !== 0) this.put(sign)
    if (zeros) this.fill(ZERO, padding)
    this.ascii(digits)
    if (place.leftAlign) this.fill(SPACE, padding)
  }

  /** Bytes padded with blanks, as printf places strings. */
  text(source: Uint8Array, from: number, count: number, place: Placement): void {
    if (!place.leftAlign) this.fill(SPACE, place.width - count)
    for (let i = 0; i < count; i++) this.put(source[from + i])
    if (place.leftAlign) this.fill(SPACE, place.width - count)
  }
}
