/** A growing byte buffer with WebAssembly's integer encodings (LEB128). */
export class Writer {
  #bytes: Uint8Array
  #view: DataView
  length = 0

  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity)
    this.#view = new DataView(this.#bytes.buffer)
  }

  #room(bytes: number): void {
    if (this.length + bytes <= this.#bytes.length) return
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.length + bytes))
    larger.set(this.#bytes.subarray(0, this.length))
    this.#bytes = larger
    this.#view = new DataView(larger.buffer)
  }

  u8(value: number): void {
    if (this.length === this.#bytes.length) this.#room(1)
    this.#bytes[this.length++] = value
  }

  /** Unsigned LEB128 of a value below 2^32. */
  u32(value: number): void {
    let rest = value >>> 0
    while (rest >= 0x80) {
      this.u8((rest & 0x7f) | 0x80)
      rest >>>= 7
    }
    this.u8(rest)
  }

  /** Signed LEB128 of a 32-bit value (taken modulo 2^32). */
  s32(value: number): void {
    let rest = value | 0
    while (rest < -64 || rest > 63) {
      this.u8((rest & 0x7f) | 0x80)
      rest >>= 7
    }
    this.u8(rest & 0x7f)
  }

  /** Signed LEB128 of the 64-bit value with these words. */
  s64(low: number, high: number): void {
    let lo = low | 0
    let hi = high | 0
    for (;;) {
      const fitsIn7 = hi === lo >> 31 && lo >= -64 && lo <= 63
      if (fitsIn7) break
      this.u8((lo & 0x7f) | 0x80)
      lo = (lo >>> 7) | (hi << 25)
      hi >>= 7
    }
    this.u8(lo & 0x7f)
  }

  f64(value: number): void {
    this.#room(8)
    this.#view.setFloat64(this.length, value, true)
    this.length += 8
  }

  bytes(data: Uint8Array): void {
    this.#room(data.length)
    this.#bytes.set(data, this.length)
    this.length += data.length
  }

  /** A name: length and UTF-8 bytes. */
  text(text: string): void {
    const data = new TextEncoder().encode(text)
    this.u32(data.length)
    this.bytes(data)
  }

  view(): Uint8Array {
    return this.#bytes.subarray(0, this.length)
  }
}
