/**
 * The format of bpf_trace_printk: which conversions are allowed, how arguments are fetched and what text results.
 * The arguments of one call share 512 bytes: what does not fit is cut (strings) or -ENOSPC (numbers).
 */
import { EINVAL, ENOSPC } from '../../shared/uapi/errno.js'
import type { Output, Placement } from './output.js'
import { ipText, pointerDigits, symbolText } from './pointers.js'

const ARGUMENT_BYTES = 512
const WIDTH_MAX = 2 ** 23 - 1
const NUL = 0
const PERCENT = 0x25
const FIRST_NON_ASCII = 0x80

/** Where arguments come from. */
export interface Arguments {
  readonly count: number
  /** Low and high word of an argument. */
  low(index: number): number
  high(index: number): number
  /**
   * Copies a string at the address that the argument holds, at most `bytes` with its NUL, to `to`; returns the bytes
   * with NUL, or a negative errno. space: 'k' kernel memory, 'u' user memory, 0 whichever the address belongs to.
   */
  text(index: number, to: Uint8Array, from: number, bytes: number, space: string): number
  /** Copies bytes of kernel memory; fills zeros when they cannot be read. */
  memory(index: number, to: Uint8Array, bytes: number): void
}

// The kernel's character classes are those of Latin-1.
const isPrintable = (byte: number) => (byte >= 0x20 && byte < 0x7f) || byte >= 0xa0
const isSpace = (byte: number) => byte === 0x20 || byte === 0xa0 || (byte >= 0x09 && byte <= 0x0d)
const isDigit = (byte: number) => byte >= 0x30 && byte <= 0x39
const isLetter = (byte: number) => {
  const lower = byte | 0x20
  return (lower >= 0x61 && lower <= 0x7a) || (byte >= 0xc0 && byte !== 0xd7 && byte !== 0xf7)
}
const isPunctuation = (byte: number) => isPrintable(byte) && !isSpace(byte) && !isDigit(byte) && !isLetter(byte)
/** What may follow a conversion that takes no suffix. */
const endsConversion = (byte: number) => byte === NUL || isSpace(byte) || isPunctuation(byte)

const code = (char: string) => char.charCodeAt(0)

/** One call's way through its format. */
export class Formatter {
  readonly #place: Placement = { leftAlign: false, zeroPad: false, plus: false, space: false, width: -1 }
  readonly #text = new Uint8Array(ARGUMENT_BYTES)
  readonly #address = new Uint8Array(16)
  #format: Uint8Array = this.#text
  #at = 0
  #end = 0
  #used = 0
  #next = 0

  /** Writes the text; returns its whole length, or a negative errno. */
  format(memory: Uint8Array, start: number, bytes: number, args: Arguments, out: Output): number {
    const end = memory.subarray(start, start + bytes).indexOf(NUL)
    if (end < 0) return -EINVAL
    this.#format = memory
    this.#at = start
    this.#end = start + end
    this.#used = 0
    this.#next = 0
    // Linux looks at the whole format before it prints: so a bad one prints nothing, which the caller sees to.
    while (this.#at < this.#end) {
      const byte = memory[this.#at]
      if (byte < FIRST_NON_ASCII && !isPrintable(byte) && !isSpace(byte)) return -EINVAL
      if (byte !== PERCENT) {
        out.put(byte)
        this.#at++
      } else if (this.#peek(1) === PERCENT) {
        out.put(PERCENT)
        this.#at += 2
      } else {
        const error = this.#conversion(args, out)
        if (error !== 0) return error
      }
    }
    return out.length
  }

  /** The format's byte `distance` from here; NUL at its end. */
  #peek(distance = 0): number {
    const at = this.#at + distance
    return at < this.#end ? this.#format[at] : NUL
  }

  #conversion(args: Arguments, out: Output): number {
    if (this.#next >= args.count) return -EINVAL
    this.#at++
    this.#flags()
    const index = this.#next++
    switch (this.#peek()) {
      case code('p'): {
        const error = this.#pointer(index, args, out)
        // Letters and digits behind a pointer conversion belong to it, known or not.
        while (isDigit(this.#peek()) || isLetter(this.#peek())) this.#at++
        return error
      }
      case code('s'):
        return endsConversion(this.#peek(1)) ? this.#string(index, args, out, '', 1) : -EINVAL
      case code('c'):
        return this.#character(index, args, out)
      default:
        return this.#integer(index, args, out)
    }
  }

  #flags(): void {
    const place = this.#place
    place.leftAlign = place.zeroPad = place.plus = place.space = false
    place.width = -1
    for (; ; this.#at++) {
      const byte = this.#peek()
      if (byte === code('-')) place.leftAlign = true
      else if (byte === code('0')) place.zeroPad = true
      else if (byte === code('+')) place.plus = true
      else if (byte === code(' ')) place.space = true
      else break
    }
    if (!isDigit(this.#peek())) return
    let width = 0
    for (; isDigit(this.#peek()); this.#at++) width = Math.min(WIDTH_MAX, width * 10 + this.#peek() - 0x30)
    place.width = width
  }

  /** Takes room among the arguments, aligned as Linux packs them; false when there is none. */
  #take(bytes: number, align: number): boolean {
    const start = Math.ceil(this.#used / align) * align
    if (start + bytes > ARGUMENT_BYTES) return false
    this.#used = start + bytes
    return true
  }

  #string(index: number, args: Arguments, out: Output, space: string, conversionBytes: number): number {
    const room = ARGUMENT_BYTES - this.#used
    if (room < 1) return -ENOSPC
    const copied = args.text(index, this.#text, 0, room, space)
    if (copied < 1) this.#text[0] = NUL
    // An unreadable string prints as an empty one.
    const bytes = Math.max(copied, 1)
    this.#used += bytes
    this.#at += conversionBytes
    out.text(this.#text, 0, bytes - 1, this.#place)
    return 0
  }

  #character(index: number, args: Arguments, out: Output): number {
    if (!this.#take(1, 1)) return -ENOSPC
    this.#text[0] = args.low(index)
    this.#at++
    out.text(this.#text, 0, 1, this.#place)
    return 0
  }

  #integer(index: number, args: Arguments, out: Output): number {
    let wide = false
    for (let l = 0; l < 2 && this.#peek() === code('l'); l++, this.#at++) wide = true
    const conversion = String.fromCharCode(this.#peek())
    if (!'diuxX'.includes(conversion)) return -EINVAL
    if (!this.#take(wide ? 8 : 4, 4)) return -ENOSPC
    this.#at++
    const signed = conversion === 'd' || conversion === 'i'
    const value = integer(args.low(index), args.high(index), wide, signed)
    const negative = value < 0
    const digits = (negative ? -value : value).toString(conversion === 'x' || conversion === 'X' ? 16 : 10)
    if (!signed) this.#place.plus = this.#place.space = false
    out.number(conversion === 'X' ? digits.toUpperCase() : digits, negative, this.#place)
    return 0
  }

  #pointer(index: number, args: Arguments, out: Output): number {
    const kind = String.fromCharCode(this.#peek(1))
    if ((kind === 'k' || kind === 'u') && this.#peek(2) === code('s')) {
      if (!endsConversion(this.#peek(3))) return -EINVAL
      // Their width is not taken over.
      this.#place.width = -1
      return this.#string(index, args, out, kind, 3)
    }
    if (kind === 'i' || kind === 'I') return this.#internetAddress(index, args, out, kind === 'I')
    const suffix = 'KxsSB'.includes(kind) && this.#peek(1) !== NUL
    if (!suffix && (kind === '%' || !endsConversion(this.#peek(1)))) return -EINVAL
    this.#at += suffix ? 2 : 1
    if (suffix && kind === 'B') return this.#backtraceSymbol(index, args, out)
    if (!this.#take(8, 4)) return -ENOSPC
    this.#printPointer(suffix ? kind : '', args.low(index) >>> 0, args.high(index) >>> 0, out)
    return 0
  }

  #printPointer(kind: string, low: number, high: number, out: Output): void {
    const place = this.#place
    place.plus = place.space = false
    if (kind === 's' || kind === 'S') {
      const bytes = Buffer.from(symbolText(low, high, kind === 'S'), 'latin1')
      out.text(bytes, 0, bytes.length, place)
      return
    }
    if (place.width < 0) {
      place.width = 16
      place.zeroPad = true
    }
    out.number(pointerDigits(low, high, kind === 'x'), false, place)
  }

  /** %pB is turned into text with the arguments, so that its width goes lost, as for addresses of the internet. */
  #backtraceSymbol(index: number, args: Arguments, out: Output): number {
    if (this.#used >= ARGUMENT_BYTES) return -ENOSPC
    out.ascii(this.#keep(symbolText(args.low(index) >>> 0, args.high(index) >>> 0, true)))
    return 0
  }

  /** Puts a finished text among the arguments: what of it fits with its NUL. */
  #keep(text: string): string {
    const kept = text.slice(0, ARGUMENT_BYTES - this.#used - 1)
    this.#used += kept.length + 1
    return kept
  }

  #internetAddress(index: number, args: Arguments, out: Output, separated: boolean): number {
    const version = this.#peek(2)
    if (version !== code('4') && version !== code('6')) return -EINVAL
    const bytes = version === code('4') ? 4 : 16
    if (ARGUMENT_BYTES - this.#used < bytes) return -ENOSPC
    args.memory(index, this.#address, bytes)
    this.#at += 3
    out.ascii(this.#keep(ipText(this.#address, bytes, separated)))
    return 0
  }
}

/** An argument as a number or, beyond 2^53, a bigint. */
function integer(low: number, high: number, wide: boolean, signed: boolean): number | bigint {
  if (!wide) return signed ? low | 0 : low >>> 0
  if (high === 0) return low >>> 0
  if (signed && (high | 0) === -1 && (low | 0) < 0) return low | 0
  const value = (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0)
  return signed ? BigInt.asIntN(64, value) : value
}
